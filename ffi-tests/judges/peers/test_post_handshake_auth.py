"""A client's certificate asked for after the handshake (RFC 8446 section 4.6.2): our server against Python's ssl, the
OpenSSL and GnuTLS programs, and a client made by hand whose answers are wrong in one thing each.

In quick mode the answer is cut at fewer places, and each program sees fewer rows.
"""

import ctypes
import gc
import os
import select
import socket
import ssl
import threading
import time
import unittest

import sentences
from hand_crypto import ed25519_sign, expand_label, mac, pem_blocks
from hand_peer import (
    ALERT, APPLICATION_DATA, CERTIFICATE, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY, ECDSA_P256, ED25519, FINISHED,
    HANDSHAKE, KEY_UPDATE, PKCS1_SHA256, HandPeer, Keys, client_hello, message, sized, u16,
)
from peers import GnuTls, OpenSsl
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_ANSWERED, CERTIFICATE_ASKED, CERTIFICATE_REQUESTED, CERTIFICATE_REQUIRE, CLOSED, COMPLETE,
    FAILED, HELLO_RETRIED, INVALID_STATE, NEEDS_CERTIFICATE_VALIDATION, PROTOCOL, SUSPENDED, TLS12, TLS13, TRUNCATED,
    VALIDATION_AUTOMATIC, WANT_READ, WANT_WRITE, Context, Driver, Session, TlsError, cert_path, read_cert,
)
from test_against_ssl import Theirs

QUICK = bool(os.environ.get("SPANTLS_QUICK"))
NOT_SUPPORTED, BUSY = -8, -9
ROOM = 20000
KEYS = ("rsa2048", "p256", "p384", "ed25519")
SCHEMES = {"rsa2048": (0x0804, 0x0805, 0x0806), "p256": (0x0403,), "p384": (0x0503,), "ed25519": (0x0807,)}
POST_HANDSHAKE_AUTH = 49

UNEXPECTED_MESSAGE, ILLEGAL_PARAMETER, UNKNOWN_CA = 10, 47, 48
DECODE_ERROR, DECRYPT_ERROR, UNSUPPORTED_EXTENSION = 50, 51, 110


def chain_of(name):
    return pem_blocks(read_cert(name + ".pem"))


def leaf_of(name):
    return chain_of(name)[0]


def text_of(length, seed=0):
    """Bytes that tell when some are missing, or in the wrong place."""
    return b"".join((seed + at).to_bytes(4, "big") for at in range(0, length, 4))[:length]


def server_context(**options):
    return Context(True, **{"credentials": "server-p256", "anchors": "ca", "protocols": TLS13, **options})


class MallInfo(ctypes.Structure):
    """glibc's struct mallinfo2."""
    _fields_ = [(f"_{at}", ctypes.c_size_t) for at in range(7)] + [
        ("in_use", ctypes.c_size_t), ("_8", ctypes.c_size_t), ("_9", ctypes.c_size_t)]


# --- What the tests have in common -----------------------------------------------------------------------------------

class Pair:
    """Our server and Python's client, in memory."""

    def __init__(self, test, certificate=None, *, offers=True, context=None, resume=None, protocol=TLS13, **options):
        self.test = test
        made = context or server_context(**{"protocols": protocol, **options})
        self.us = Driver(made)
        test.addCleanup(self.us.close)
        if context is None:
            made.close()
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if resume is None else resume[0]
        if resume is None:
            settings.load_verify_locations(cert_path("ca.pem"))
            settings.post_handshake_auth = offers
            settings.maximum_version = ssl.TLSVersion.TLSv1_2 if protocol == TLS12 else ssl.TLSVersion.TLSv1_3
            if certificate:
                settings.load_cert_chain(cert_path(certificate + ".pem"), cert_path(certificate + ".key"))
        self.settings = settings
        self.them = Theirs(settings, False, "localhost")
        if resume is not None:
            self.them.ssl.session = resume[1]
        while not self.them.done:
            self.them.handshake()
            test.assertIsNone(self.them.error)
            self.us.inbox += self.them.take_output()
            test.assertIn(self.us.handshake(), (COMPLETE, WANT_READ))
            self.hand_over()
        test.assertEqual(self.us.handshake(), COMPLETE)

    @property
    def session(self):
        return self.us.session

    def hand_over(self):
        self.them.feed(self.us.take_output())

    def ask(self, room=ROOM):
        status, output = self.session.request_client_certificate(room)
        self.us.outbox += output
        return status

    def they_read(self):
        """And answer what is asked."""
        self.us.drain()
        self.hand_over()
        heard = self.them.read()
        self.us.inbox += self.them.take_output()
        return heard

    def they_write(self, data):
        self.them.ssl.write(data)
        self.us.inbox += self.them.take_output()

    def both_ways(self, length=1000):
        data = text_of(length)
        self.us.write(data)
        self.test.assertTrue(self.they_read() == data, "they have read something else")
        self.they_write(data[::-1])
        self.test.assertTrue(self.us.read() == data[::-1], "we have read something else")
        self.test.assertEqual(self.us.status, WANT_READ)


class AskedLater(unittest.TestCase):
    maxDiff = 400

    def refused(self, status, call, *arguments):
        with self.assertRaises(TlsError) as raised:
            call(*arguments)
        self.assertEqual(raised.exception.status, status, raised.exception)

    def stands(self, session, bits):
        seen = session.state() & (SUSPENDED | FAILED | CERTIFICATE_REQUESTED | CERTIFICATE_ANSWERED)
        self.assertEqual(seen, bits)

    def suspended(self, us, certificate):
        """Waits for the verdict on this client, and goes on waiting."""
        session = us.session
        for _ in range(2):
            self.assertEqual(session.decrypt(us.inbox, ROOM), (NEEDS_CERTIFICATE_VALIDATION, 0, b""))
            self.assertEqual(session.decrypt_in_place(us.inbox)[:3], (NEEDS_CERTIFICATE_VALIDATION, 0, b""))
        self.stands(session, SUSPENDED | CERTIFICATE_REQUESTED)
        self.assertTrue(session.state() & CERTIFICATE_ASKED)
        leafs = [leaf_of(certificate)] if certificate else []
        self.assertEqual(session.remote_certificates()[:1], leafs)
        self.assertEqual(session.error().policy_errors, 0 if certificate else 1)
        self.assertEqual(session.request_client_certificate(ROOM), (INVALID_STATE, b""))

    def shown(self, pair, certificate):
        """Asks, and is answered."""
        self.assertEqual(pair.ask(), COMPLETE)
        self.stands(pair.session, CERTIFICATE_REQUESTED)
        self.assertEqual(pair.they_read(), b"")
        self.assertEqual(pair.us.read(), b"")
        self.assertEqual(pair.us.status, NEEDS_CERTIFICATE_VALIDATION)
        self.suspended(pair.us, certificate)

    def accepted(self, session, errors=0):
        self.assertEqual(session.accept_with_default_validation(), errors)
        self.stands(session, CERTIFICATE_ANSWERED)
        self.refused(INVALID_STATE, session.accept_with_default_validation)
        self.refused(INVALID_STATE, session.set_certificate_validation_result, 0)
        self.refused(INVALID_STATE, session.reject, 40)

    def failed(self, us, alert, status=AUTHENTICATION):
        """Both halves, for good."""
        session = us.session
        for _ in range(2):
            self.assertEqual(session.decrypt(us.inbox, ROOM), (status, 0, b""))
            self.assertEqual(session.encrypt(b"data", 0)[0], status)
            self.assertEqual(session.request_client_certificate(0), (status, b""))
        error = session.error()
        self.assertEqual((error.status, error.alert_sent, error.alert_received), (status, alert, -1), error)
        self.assertTrue(session.state() & FAILED)
        self.assertFalse(session.state() & SUSPENDED)
        us.drain()


# --- Python's ssl ----------------------------------------------------------------------------------------------------

class AgainstPython(AskedLater):
    def test_a_client_shows_any_kind_of_key(self):
        for key in KEYS:
            with self.subTest(key):
                pair = Pair(self, "client-" + key)
                self.assertEqual(pair.session.remote_certificates(), [])
                self.stands(pair.session, 0)
                pair.both_ways()
                self.shown(pair, "client-" + key)
                self.accepted(pair.session)
                self.assertEqual(pair.session.remote_certificates(), chain_of("client-" + key))
                self.assertIn(pair.session.peer_signature_scheme(), SCHEMES[key])
                pair.both_ways()

    def test_a_client_that_declines_is_the_hosts_to_judge(self):
        for judge, refused_with in [
            (Session.accept_with_default_validation, None),
            (lambda session: session.set_certificate_validation_result(0), None),
            (lambda session: session.set_certificate_validation_result(1), 116),
            (lambda session: session.reject(116), 116),
            (lambda session: session.reject(49), 49),
        ]:
            pair = Pair(self)
            self.shown(pair, None)
            self.assertEqual(pair.session.default_validation().policy_errors, 1)
            judge(pair.session)
            if refused_with is None:
                self.stands(pair.session, CERTIFICATE_ANSWERED)
                self.assertEqual(pair.session.error().policy_errors, 0)
                pair.both_ways()
                continue
            self.failed(pair.us, refused_with)
            self.assertEqual(pair.session.error().policy_errors, 1)
            pair.they_read()
            self.assertIsNotNone(pair.them.error)

    def test_the_default_validation_refuses_a_stranger_who_hears_why(self):
        for automatic in (False, True):
            pair = Pair(self, "client-other", **({"validation": VALIDATION_AUTOMATIC} if automatic else {}))
            if automatic:
                self.assertEqual(pair.ask(), COMPLETE)
                pair.they_read()
                self.assertEqual(pair.us.read(), b"")
            else:
                self.shown(pair, "client-other")
                self.assertNotEqual(pair.session.accept_with_default_validation(), 0)
            self.failed(pair.us, UNKNOWN_CA)
            pair.they_read()
            self.assertIn("unknown ca", str(pair.them.error))

    def test_a_verdict_is_for_the_chain_that_was_judged_and_for_no_other(self):
        pair = Pair(self, "client-p256")
        self.shown(pair, "client-p256")
        # With calls too many, which must leave nothing for the next question.
        self.accepted(pair.session)
        other = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        other.load_cert_chain(cert_path("client-other.pem"), cert_path("client-other.key"))
        pair.them.ssl.context = other
        self.assertEqual(pair.ask(), COMPLETE)
        self.refused(INVALID_STATE, pair.session.accept_with_default_validation)
        pair.they_read()
        self.assertEqual(pair.us.read(), b"")
        self.suspended(pair.us, "client-other")
        self.assertNotEqual(pair.session.accept_with_default_validation(), 0)
        self.failed(pair.us, UNKNOWN_CA)

    def test_the_automatic_validation_asks_nobody(self):
        for certificate in ("client-p256", None):
            pair = Pair(self, certificate, validation=VALIDATION_AUTOMATIC)
            self.assertEqual(pair.ask(), COMPLETE)
            pair.they_read()
            pair.they_write(b"behind it")
            self.assertEqual(pair.us.read(), b"behind it")
            self.stands(pair.session, CERTIFICATE_ANSWERED)
            self.assertEqual(pair.session.remote_certificates()[:1], [leaf_of(certificate)] if certificate else [])
            pair.both_ways()

    def test_the_peer_hears_the_alert_of_our_choice(self):
        for alert, words in [(42, "bad certificate"), (43, "unsupported certificate"), (44, "certificate revoked"),
                             (45, "certificate expired"), (46, "certificate unknown"), (48, "unknown ca"),
                             (49, "access denied"), (80, "internal error")]:
            pair = Pair(self, "client-p256")
            self.shown(pair, "client-p256")
            pair.session.reject(alert)
            self.failed(pair.us, alert)
            pair.they_read()
            self.assertIn(words, str(pair.them.error))

    def test_a_client_can_be_asked_again_once_it_was_judged(self):
        pair = Pair(self, "client-p256")
        for turn in range(3):
            self.assertEqual(pair.ask(), COMPLETE)
            self.stands(pair.session, CERTIFICATE_REQUESTED)
            self.assertEqual(pair.session.request_client_certificate(ROOM), (INVALID_STATE, b""))
            self.assertEqual(pair.they_read(), b"")
            self.assertEqual(pair.us.read(), b"")
            self.suspended(pair.us, "client-p256")
            self.accepted(pair.session)
            pair.both_ways()

    def test_heavy_traffic_both_ways_goes_on_around_a_request(self):
        before, behind, last = text_of(300_000), text_of(200_000, 7), text_of(100_000, 9)
        for in_place in (False, True):
            pair = Pair(self, "client-p384")
            pair.us.write(before)
            self.assertEqual(pair.ask(), COMPLETE)
            pair.us.write(behind)
            # They had written a lot when they heard it, and go on.
            pair.they_write(before)
            self.assertTrue(pair.they_read() == before + behind)
            pair.they_write(behind)
            received = self.read_in_place(pair.us) if in_place else pair.us.read()
            self.assertTrue(received == before, f"{len(received)} bytes in front of the answer")
            self.suspended(pair.us, "client-p384")
            pair.us.write(last)
            self.assertTrue(pair.they_read() == last, "encrypt does not go on while the verdict is awaited")
            self.accepted(pair.session)
            self.assertTrue((self.read_in_place(pair.us) if in_place else pair.us.read()) == behind)
            pair.both_ways(100_000)

    def read_in_place(self, us):
        plaintext = bytearray()
        while True:
            us.status, consumed, opened, _ = us.session.decrypt_in_place(us.inbox[:20000])
            del us.inbox[:consumed]
            plaintext += opened
            if us.status != COMPLETE:
                return bytes(plaintext)

    def test_it_works_behind_a_retried_hello(self):
        pair = Pair(self, "client-rsa2048", groups=(0x0018,))
        self.assertTrue(pair.session.state() & HELLO_RETRIED)
        self.shown(pair, "client-rsa2048")
        self.accepted(pair.session)
        pair.both_ways()

    def test_it_works_with_every_suite(self):
        for suite in (0x1301, 0x1302, 0x1303):
            pair = Pair(self, "client-ed25519", suites=(suite,))
            self.assertEqual(pair.session.negotiated_cipher_suite(), suite)
            self.shown(pair, "client-ed25519")
            self.accepted(pair.session)
            pair.both_ways()

    def test_it_works_after_a_handshake_with_a_client_certificate(self):
        pair = Pair(self, "client-p256", client_certificates=1)
        self.assertEqual(pair.session.remote_certificates()[0], leaf_of("client-p256"))
        self.shown(pair, "client-p256")
        self.accepted(pair.session)
        pair.both_ways()

    def test_whoever_resumes_is_asked_again(self):
        for retried in (False, True):
            context = server_context(resume=True, **({"groups": (0x0018,)} if retried else {}))
            pair = Pair(self, "client-p256", context=context)
            self.shown(pair, "client-p256")
            self.accepted(pair.session)
            pair.both_ways()
            again = Pair(self, context=context, resume=(pair.settings, pair.them.ssl.session))
            self.assertTrue(again.them.ssl.session_reused)
            self.stands(again.session, 0)
            self.assertEqual(again.session.remote_certificates(), [])
            self.shown(again, "client-p256")
            self.accepted(again.session)
            again.both_ways()
            context.close()

    def test_key_updates_may_be_in_between(self):
        def ours(pair, both=True):
            status, output = pair.session.update_keys(both, ROOM)
            self.assertEqual(status, COMPLETE)
            pair.us.outbox += output

        for before in (0, 1, 3):
            for between in (False, True):
                pair = Pair(self, "client-ed25519")
                for _ in range(before):
                    ours(pair)
                    pair.both_ways()
                self.assertEqual(pair.ask(), COMPLETE)
                if between:
                    ours(pair)
                pair.they_read()
                pair.us.read()
                self.suspended(pair.us, "client-ed25519")
                ours(pair)
                pair.us.write(b"under new keys")
                self.assertEqual(pair.they_read(), b"under new keys")
                self.accepted(pair.session)
                pair.both_ways()
                self.shown(pair, "client-ed25519")
                self.accepted(pair.session)
                pair.both_ways()

    def test_a_request_without_room_is_pending(self):
        for room in (0, 1, 5, 50, 1000):
            pair = Pair(self, "client-p256")
            self.assertEqual(pair.ask(room), COMPLETE)
            self.assertEqual(len(pair.us.outbox), min(room, len(pair.us.outbox) if room == 1000 else room))
            self.assertEqual(pair.session.has_pending_output(), room < 1000)
            self.stands(pair.session, CERTIFICATE_REQUESTED)
            # Data waits its turn behind it.
            pair.us.write(b"data")
            self.assertEqual(pair.they_read(), b"data")
            self.assertEqual(pair.us.read(), b"")
            self.suspended(pair.us, "client-p256")
            self.accepted(pair.session)

    def test_records_stay_as_short_as_the_options_say(self):
        pair = Pair(self, "client-p256", max_fragment_size=512)
        self.shown(pair, "client-p256")
        self.accepted(pair.session)
        pair.both_ways()

    def test_the_end_of_input_waits_for_the_verdict(self):
        pair = Pair(self, "client-p256")
        self.assertEqual(pair.ask(), COMPLETE)
        pair.they_read()
        pair.they_write(b"last words")
        self.assertEqual(pair.us.read(), b"")
        self.assertEqual(pair.session.end_of_input(), COMPLETE)
        self.suspended(pair.us, "client-p256")
        self.accepted(pair.session)
        self.assertEqual(pair.us.read(), b"last words")
        self.assertEqual(pair.us.status, TRUNCATED)

    def test_a_session_can_be_shut_down_while_it_waits(self):
        for accepted in (True, False):
            pair = Pair(self, "client-p256")
            self.shown(pair, "client-p256")
            self.assertEqual(pair.us.shutdown(), CLOSED)
            said = bytes(pair.us.outbox)
            self.assertTrue(said)
            self.suspended(pair.us, "client-p256")
            if accepted:
                self.accepted(pair.session)
                pair.they_read()
                self.assertEqual(pair.us.read(), b"")
                self.assertEqual(pair.us.status, WANT_READ)
                self.assertEqual(pair.session.request_client_certificate(ROOM), (INVALID_STATE, b""))
            else:
                pair.session.reject(42)
                self.assertEqual(pair.us.read(), b"")
                self.assertEqual(pair.us.status, AUTHENTICATION)
                pair.us.drain()
                self.assertEqual(bytes(pair.us.outbox), said)
                self.assertEqual(pair.session.error().alert_sent, -1)

    def test_a_session_can_be_destroyed_while_it_waits(self):
        for _ in range(10):
            pair = Pair(self, "client-p256")
            self.shown(pair, "client-p256")
            pair.us.close()

    def test_a_waiting_chain_outlives_a_shrinking_session(self):
        from spantls_ctypes import _lib
        pair = Pair(self, "client-other")
        self.shown(pair, "client-other")
        self.assertEqual(_lib.tls_session_shrink(pair.session._handle, 1), COMPLETE)
        self.suspended(pair.us, "client-other")
        self.assertNotEqual(pair.session.accept_with_default_validation(), 0)
        self.failed(pair.us, UNKNOWN_CA)

    def test_who_never_offered_is_not_asked(self):
        for name, pair in [("1.3", Pair(self, offers=False)), ("1.2", Pair(self, protocol=TLS12))]:
            with self.subTest(name):
                for room in (0, ROOM):
                    self.assertEqual(pair.session.request_client_certificate(room), (NOT_SUPPORTED, b""))
                self.assertFalse(pair.session.has_pending_output())
                self.assertFalse(pair.session.state() & (CERTIFICATE_REQUESTED | CERTIFICATE_ASKED))
                pair.both_ways()

    def test_our_own_clients_are_not_asked(self):
        for protocol in (TLS12, TLS13):
            made = [server_context(protocols=protocol), Context(False, anchors="ca", protocols=protocol)]
            server, client = Driver(made[0]), Driver(made[1], "localhost")
            for context in made:
                context.close()
            self.addCleanup(server.close)
            self.addCleanup(client.close)
            while server.status != COMPLETE or client.status != COMPLETE:
                client.handshake()
                server.inbox += client.take_output()
                server.handshake()
                client.inbox += server.take_output()
            self.assertEqual(server.session.request_client_certificate(ROOM), (NOT_SUPPORTED, b""))
            self.assertEqual(client.session.request_client_certificate(ROOM), (INVALID_STATE, b""))
            self.assertFalse(server.session.has_pending_output())
            server.write(b"data")
            client.inbox += server.take_output()
            self.assertEqual(client.read(), b"data")

    def test_nobody_is_asked_before_the_handshake_is_complete(self):
        context = server_context()
        us = Driver(context)
        context.close()
        self.addCleanup(us.close)
        self.assertEqual(us.session.request_client_certificate(ROOM), (INVALID_STATE, b""))

    def test_an_idle_session_costs_little_more(self):
        try:
            libc = ctypes.CDLL(None)
            libc.mallinfo2.restype = MallInfo
        except AttributeError:
            self.skipTest("this C library does not count its memory")

        def cost(offers):
            context = server_context()
            sessions = []
            for _ in range(40):
                pair = Pair(self, offers=offers, context=context)
                sessions.append(pair.us)
                pair.them = pair.settings = None
            gc.collect()
            full = libc.mallinfo2().in_use
            for us in sessions:
                us.session.close()
            gc.collect()
            context.close()
            return (full - libc.mallinfo2().in_use) // len(sessions)

        cost(True)  # what is made once
        without, offered = cost(False), cost(True)
        print(f"# an idle session: {without} bytes, {offered} if its client offers to be asked")
        self.assertLess(offered - without, 2000)


# --- The programs ----------------------------------------------------------------------------------------------------

class AgainstPrograms(AskedLater):
    def meet(self, peer, certificate=None, **ours):
        settings = {"openssl": ["-enable_pha"], "gnutls_options": ["--post-handshake-auth"]}
        if certificate:
            settings["credentials"] = certificate
        program = peer(self, "server", TLS13, ours=ours, settings=settings)
        self.assertEqual(program.meet(), COMPLETE, program.us.session.error())
        program.us.send(b"ours\n")
        program.child.expect("ours")
        return program

    def ask(self, program, certificate):
        us = program.us
        status, output = us.session.request_client_certificate(ROOM)
        self.assertEqual(status, COMPLETE)
        us.outbox += output
        us.flush()
        us.receive_all()
        self.assertEqual(us.status, NEEDS_CERTIFICATE_VALIDATION, us.session.error())
        self.suspended(us, certificate)

    def goes_on(self, program):
        program.us.send(b"more of ours\n")
        program.child.expect("more of ours")
        self.assertIn(b"theirs", program.send(b"theirs"))


def a_key(peer, key):
    def test(self):
        certificate = f"client-{key}" if key else None
        program = self.meet(peer, certificate)
        self.ask(program, certificate)
        program.us.send(b"meanwhile\n")
        program.child.expect("meanwhile")
        self.accepted(program.us.session)
        self.goes_on(program)
        # Once more.
        self.ask(program, certificate)
        self.accepted(program.us.session)
        self.goes_on(program)
    return test


def an_alert(peer, alert):
    def test(self):
        program = self.meet(peer, "client-p256")
        self.ask(program, "client-p256")
        program.us.session.reject(alert)
        self.failed(program.us, alert)
        program.us.flush()
        program.assert_heard(self, alert)
    return test


def a_stranger(peer):
    def test(self):
        # Without anchors nobody is named: GnuTLS shows nothing to a server that names others.
        program = self.meet(peer, "client-other", **({"anchors": None} if peer is GnuTls else {}))
        self.ask(program, "client-other")
        self.assertNotEqual(program.us.session.accept_with_default_validation(), 0)
        self.failed(program.us, UNKNOWN_CA)
        program.us.flush()
        program.assert_heard(self, UNKNOWN_CA)
    return test


for peer in (OpenSsl, GnuTls):
    for key in (None, *KEYS) if not QUICK else (None, "rsa2048", "ed25519"):
        what = f"a client with {key}" if key else "a client without a certificate"
        sentences.add_test(AgainstPrograms, f"{peer.name}: {what} answers, twice", a_key(peer, key))
    for alert in (42, 44, 45, 46, 49) if not QUICK else (44,):
        sentences.add_test(AgainstPrograms, f"{peer.name}: hears alert {alert}", an_alert(peer, alert))
    sentences.add_test(AgainstPrograms, f"{peer.name}: a stranger hears unknown_ca", a_stranger(peer))


class KeyUpdates(AgainstPrograms):
    def test_openssl_updates_its_keys_in_between(self):
        program = self.meet(OpenSsl, "client-p256")
        program.child.type("K\n")
        program.child.expect("KEYUPDATE")
        self.assertIn(b"theirs", program.send(b"theirs"))
        self.ask(program, "client-p256")
        program.child.type("K\n")
        program.child.expect("KEYUPDATE")
        self.accepted(program.us.session)
        self.goes_on(program)
        self.ask(program, "client-p256")
        self.accepted(program.us.session)
        self.goes_on(program)


# --- A client made by hand -------------------------------------------------------------------------------------------

class Answering(HandPeer):
    """A client that can be asked. Its answers are made of parts that a test may change."""

    def __init__(self, show=True, offers=True):
        hello = client_hello(TLS13)
        if offers:
            hello.add(POST_HANDSHAKE_AUTH, b"")
        self.handshake = self.request = None
        super().__init__(False, TLS13, hello=hello, certificate="client-ed25519")
        self.show = show

    def _from_server(self, kind, whole, before):
        if self.handshake is not None:
            if kind == CERTIFICATE_REQUEST:
                self.request = whole
            return
        super()._from_server(kind, whole, before)
        if kind == FINISHED:
            self.handshake = self._transcript

    @property
    def context(self):
        return self.request[5:5 + self.request[4]]

    def certificate(self, context=None, entries=None):
        if entries is None:
            entries = b"".join(sized(3, der) + b"\0\0" for der in self._chain) if self.show else b""
        return message(CERTIFICATE, sized(1, self.context if context is None else context) + sized(3, entries))

    def _hash_of(self, *messages):
        self._transcript = self.handshake + self.request + b"".join(messages)
        return self._hash()

    def verify(self, certificate, scheme=ED25519, who=b"client", seed=None):
        signed = b" " * 64 + b"TLS 1.3, " + who + b" CertificateVerify\0" + self._hash_of(certificate)
        return message(CERTIFICATE_VERIFY, u16(scheme) + sized(2, ed25519_sign(seed or self._seed, signed)))

    def finish(self, *messages, secret=None):
        key = expand_label(secret or self._traffic[False], b"finished", b"", 32)
        return message(FINISHED, mac(key, self._hash_of(*messages)))

    def answer(self, certificate=None):
        """[Certificate, CertificateVerify, Finished], or without the second."""
        certificate = certificate or self.certificate()
        parts = [certificate]
        if self.show:
            parts.append(self.verify(certificate))
        return parts + [self.finish(*parts)]

    def update_keys(self, reply=0):
        self.put(HANDSHAKE, message(KEY_UPDATE, bytes([reply])))
        self._traffic[False] = expand_label(self._traffic[False], b"traffic upd", b"", 32)
        self.sending = Keys.tls13(self._traffic[False])


class ByHand(AskedLater):
    def meet(self, show=True, ask=True, offers=True, **options):
        context = server_context(**options)
        self.us, them = Driver(context), Answering(show, offers)
        context.close()
        self.addCleanup(self.us.close)
        self.carry(them)
        self.us.handshake()
        self.us.drain()
        them.feed(self.us.take_output())
        self.carry(them)
        self.assertEqual(self.us.handshake(), COMPLETE, self.us.session.error())
        if ask:
            self.ask(them)
        return them

    def carry(self, them):
        self.us.inbox += them.outbox
        them.outbox.clear()

    def ask(self, them):
        status, output = self.us.session.request_client_certificate(ROOM)
        self.assertEqual(status, COMPLETE)
        them.feed(output)
        self.assertIsNotNone(them.request)

    def read(self, them):
        self.carry(them)
        return self.us.read()

    def ends(self, them, alert):
        """With an alert of ours, protected, which they hear."""
        before = self.read(them)
        self.assertEqual(self.us.status, PROTOCOL, self.us.session.error())
        self.failed(self.us, alert, PROTOCOL)
        them.feed(self.us.take_output())
        self.assertEqual(them.alerts, [(2, alert, True)])
        return before

    def good(self, them):
        self.read(them)
        self.suspended(self.us, "client-ed25519" if them.show else None)
        self.accepted(self.us.session)
        them.write(b"theirs")
        self.assertEqual(self.read(them), b"theirs")

    def test_the_request_is_what_the_context_says(self):
        them = self.meet()
        body = them.request[4:]
        self.assertEqual(body[0], 16)
        rest, extensions = body[19:], {}
        self.assertEqual(len(rest), int.from_bytes(body[17:19], "big"))
        while rest:
            end = 4 + int.from_bytes(rest[2:4], "big")
            extensions[int.from_bytes(rest[:2], "big")], rest = rest[4:end], rest[end:]
        self.assertEqual(set(extensions), {13, 47})
        self.assertEqual(int.from_bytes(extensions[13][:2], "big"), len(extensions[13]) - 2)
        self.assertIn(extensions[47][4:], leaf_of("ca"))
        first = them.context
        for part in them.answer():
            them.put(HANDSHAKE, part)
        self.good(them)
        self.ask(them)
        self.assertNotEqual(them.context, first)

    def test_without_anchors_nobody_is_named(self):
        them = self.meet(anchors=None)
        self.assertEqual(them.request[23:25], u16(13))
        self.assertEqual(len(them.request), 27 + int.from_bytes(them.request[25:27], "big"))

    def test_good_answers_are_taken_in_any_shape(self):
        for show in (True, False):
            for key_updates in (0, 2):
                for shape in ("messages", "one record", "fragments", "odd fragments"):
                    with self.subTest(f"{show}, {key_updates}, {shape}"):
                        them = self.meet(show)
                        for _ in range(key_updates):
                            them.update_keys()
                        parts = them.answer()
                        size = {"messages": 0, "one record": 16384, "fragments": 1, "odd fragments": 77}[shape]
                        flight = b"".join(parts)
                        cuts = range(0, len(flight), size) if size else ()
                        for piece in [flight[at:at + size] for at in cuts] or parts:
                            them.put(HANDSHAKE, piece)
                        them.write(b"behind it")
                        self.assertEqual(self.read(them), b"")
                        self.suspended(self.us, "client-ed25519" if show else None)
                        self.accepted(self.us.session)
                        self.assertEqual(self.us.read(), b"behind it")

    def test_a_client_that_declines_what_is_required_is_refused_whoever_judges(self):
        for settings in ({}, {"validation": VALIDATION_AUTOMATIC}):
            them = self.meet(client_certificates=CERTIFICATE_REQUIRE, **settings)
            # What it has shown in the handshake it keeps to itself now.
            them.show = False
            for part in them.answer():
                them.put(HANDSHAKE, part)
            self.assertEqual(self.read(them), b"")
            self.failed(self.us, 116)
            self.assertEqual(self.us.session.error().policy_errors, 1)
            them.feed(self.us.take_output())
            self.assertEqual(them.alerts, [(2, 116, True)])

    def test_a_key_update_may_stand_right_behind_the_answer(self):
        for glued in (False, True):
            them = self.meet()
            flight = b"".join(them.answer())
            if glued:
                them.put(HANDSHAKE, flight + message(KEY_UPDATE, b"\0"))
                them._traffic[False] = expand_label(them._traffic[False], b"traffic upd", b"", 32)
                them.sending = Keys.tls13(them._traffic[False])
            else:
                them.put(HANDSHAKE, flight)
                them.update_keys()
            self.good(them)
            self.ask(them)
            them.put(HANDSHAKE, b"".join(them.answer()))
            self.good(them)

    def test_pending_output_goes_first(self):
        for room in (0, 1, 5, 26, 30):
            them = self.meet(ask=False)
            them.update_keys(1)
            self.carry(them)
            status, consumed, _ = self.us.session.decrypt(self.us.inbox, ROOM)
            del self.us.inbox[:consumed]
            self.assertEqual(status, COMPLETE)
            self.assertTrue(self.us.session.has_pending_output())
            out, status = b"", WANT_WRITE
            while status == WANT_WRITE:
                self.assertFalse(self.us.session.state() & CERTIFICATE_REQUESTED)
                status, output = self.us.session.request_client_certificate(room)
                self.assertTrue(output or room == 0, "nothing was done")
                self.assertLessEqual(len(output), room)
                out, room = out + output, room or 1
            self.assertEqual(status, COMPLETE)
            self.us.outbox += out
            self.us.drain()
            # Their next keys begin behind the KeyUpdate.
            both = self.us.take_output()
            update = 5 + int.from_bytes(both[3:5], "big")
            them.feed(both[:update])
            self.assertEqual(them.received[-1], KEY_UPDATE)
            them.receiving = Keys.tls13(expand_label(them._traffic[True], b"traffic upd", b"", 32))
            them.feed(both[update:])
            self.assertEqual(them.received[-1], CERTIFICATE_REQUEST)
            them.put(HANDSHAKE, b"".join(them.answer()))
            self.good(them)

    def test_a_failure_is_told_behind_the_data_in_front_of_it(self):
        them = self.meet()
        them.write(b"good")
        them.put(HANDSHAKE, them.certificate(context=bytes(16)))
        self.assertEqual(self.ends(them, ILLEGAL_PARAMETER), b"good")

    def test_a_close_in_the_middle_is_a_close(self):
        them = self.meet()
        them.put(HANDSHAKE, them.answer()[0])
        them.put(ALERT, b"\x01\0")
        self.read(them)
        self.assertEqual(self.us.status, CLOSED)
        self.stands(self.us.session, CERTIFICATE_REQUESTED)

    def test_an_end_in_the_middle_is_a_truncation(self):
        them = self.meet()
        them.put(HANDSHAKE, them.answer()[0])
        self.read(them)
        self.assertEqual(self.us.session.end_of_input(), TRUNCATED)


def turned(part, at=-1):
    return part[:at] + bytes([part[at] ^ 1]) + (part[at + 1:] if at != -1 else b"")


def entry(der, extensions=b""):
    return sized(3, der) + sized(2, extensions)


def changed(at, change):
    """One message of the answer changed; those behind it fit."""
    def act(them):
        if at == 0:
            return them.answer(change(them, them.certificate()))
        parts = them.answer()
        parts[at] = change(them, parts[at])
        return parts
    return act


def certificate(make):
    return changed(0, lambda them, part: make(them, part))


def verify(make):
    return changed(1, lambda them, part: make(them, part))


def own_der(them):
    return them._chain[0]


# What is sent, as a list of messages, each in a record, and of records' (type, payload); and the alert.
WRONG = {
    "another request's context": (certificate(lambda them, part: them.certificate(bytes(16))), ILLEGAL_PARAMETER),
    "no context": (certificate(lambda them, part: them.certificate(b"")), ILLEGAL_PARAMETER),
    "a shorter context": (certificate(lambda them, part: them.certificate(them.context[:-1])), ILLEGAL_PARAMETER),
    "a longer context": (certificate(lambda them, part: them.certificate(them.context + b"\0")), ILLEGAL_PARAMETER),
    "an empty Certificate": (certificate(lambda them, part: message(CERTIFICATE, b"")), DECODE_ERROR),
    "a context that ends outside": (certificate(lambda them, part: message(CERTIFICATE, b"\x10abc")), DECODE_ERROR),
    "a list that ends outside": (
        certificate(lambda them, part: message(CERTIFICATE, sized(1, them.context) + b"\0\0\x09abc")), DECODE_ERROR),
    "a byte behind the list": (
        certificate(lambda them, part: message(CERTIFICATE, part[4:] + b"\0")), DECODE_ERROR),
    "an entry that ends outside": (
        certificate(lambda them, part: them.certificate(entries=b"\0\1\0abc")), DECODE_ERROR),
    "an entry without extensions": (
        certificate(lambda them, part: them.certificate(entries=sized(3, own_der(them)))), DECODE_ERROR),
    "extensions that end outside": (
        certificate(lambda them, part: them.certificate(entries=sized(3, own_der(them)) + b"\0\4a")), DECODE_ERROR),
    "an empty certificate in the list": (
        certificate(lambda them, part: them.certificate(entries=entry(b"") + entry(own_der(them)))), DECODE_ERROR),
    "a stapled answer nobody asked for": (
        certificate(lambda them, part: them.certificate(entries=entry(own_der(them), u16(5) + sized(2, b"\1\0\0\1x")))),
        UNSUPPORTED_EXTENSION),
    "an unknown extension in the second entry": (
        certificate(lambda them, part: them.certificate(
            entries=entry(own_der(them)) + entry(own_der(them), u16(0x1234, 0)))), UNSUPPORTED_EXTENSION),
    "a signature by another key": (
        lambda them: [them.certificate(), them.verify(them.certificate(), seed=bytes(32))], DECRYPT_ERROR),
    "a signature for servers": (
        lambda them: [them.certificate(), them.verify(them.certificate(), who=b"server")], DECRYPT_ERROR),
    "a signature over another transcript": (
        lambda them: [them.certificate(), them.verify(them.certificate() + b"x")], DECRYPT_ERROR),
    "a signature with a bit turned": (verify(lambda them, part: turned(part)), DECRYPT_ERROR),
    "a signature that is cut": (
        verify(lambda them, part: message(CERTIFICATE_VERIFY, u16(ED25519) + sized(2, part[8:-1]))), DECRYPT_ERROR),
    "an empty signature": (
        verify(lambda them, part: message(CERTIFICATE_VERIFY, u16(ED25519) + sized(2, b""))), DECRYPT_ERROR),
    "a scheme of another key": (
        lambda them: [them.certificate(), them.verify(them.certificate(), scheme=ECDSA_P256)], DECRYPT_ERROR),
    "PKCS#1": (
        lambda them: [them.certificate(), them.verify(them.certificate(), scheme=PKCS1_SHA256)], ILLEGAL_PARAMETER),
    "SHA-1": (lambda them: [them.certificate(), them.verify(them.certificate(), scheme=0x0203)], ILLEGAL_PARAMETER),
    "a scheme that was not offered": (
        lambda them: [them.certificate(), them.verify(them.certificate(), scheme=0x0808)], ILLEGAL_PARAMETER),
    "an empty CertificateVerify": (verify(lambda them, part: message(CERTIFICATE_VERIFY, b"")), DECODE_ERROR),
    "a signature that ends outside": (
        verify(lambda them, part: message(CERTIFICATE_VERIFY, part[4:-1])), DECODE_ERROR),
    "a byte behind the signature": (
        verify(lambda them, part: message(CERTIFICATE_VERIFY, part[4:] + b"\0")), DECODE_ERROR),
    "a certificate that is none": (
        lambda them: [bad := them.certificate(entries=entry(b"no certificate")), them.verify(bad)], None),
    "a Finished with a bit turned": (changed(2, lambda them, part: turned(part)), DECRYPT_ERROR),
    "an empty Finished": (changed(2, lambda them, part: message(FINISHED, b"")), DECODE_ERROR),
    "a longer Finished": (changed(2, lambda them, part: message(FINISHED, part[4:] + b"\0")), DECODE_ERROR),
    "a Finished with the server's secret": (
        lambda them: (parts := them.answer()[:2]) + [them.finish(*parts, secret=them._traffic[True])], DECRYPT_ERROR),
    "the handshake's Finished once more": (
        lambda them: (parts := them.answer()[:2]) + [them.handshake[-36:]], DECRYPT_ERROR),
    "a Finished over less": (
        lambda them: (parts := them.answer()[:2]) + [them.finish(parts[0])], DECRYPT_ERROR),
    "no CertificateVerify": (
        lambda them: [part := them.certificate(), them.finish(part)], UNEXPECTED_MESSAGE),
    "a CertificateVerify first": (lambda them: them.answer()[1:], UNEXPECTED_MESSAGE),
    "a Finished first": (lambda them: [them.finish()], UNEXPECTED_MESSAGE),
    "two Certificates": (lambda them: [them.certificate()] * 2, UNEXPECTED_MESSAGE),
    "two CertificateVerifies": (lambda them: (parts := them.answer())[:2] + parts[1:], UNEXPECTED_MESSAGE),
    "a CertificateVerify though it declines": (
        lambda them: [none := them.certificate(entries=b""), them.verify(none)], UNEXPECTED_MESSAGE),
    "data behind Certificate": (
        lambda them: [them.certificate(), (APPLICATION_DATA, b"data")], UNEXPECTED_MESSAGE),
    "no data behind Certificate": (lambda them: [them.certificate(), (APPLICATION_DATA, b"")], UNEXPECTED_MESSAGE),
    "data behind CertificateVerify": (
        lambda them: them.answer()[:2] + [(APPLICATION_DATA, b"data")], UNEXPECTED_MESSAGE),
    "data within Certificate": (
        lambda them: [(HANDSHAKE, them.certificate()[:50]), (APPLICATION_DATA, b"data")], UNEXPECTED_MESSAGE),
    "a KeyUpdate behind Certificate": (
        lambda them: [them.certificate(), message(KEY_UPDATE, b"\0")], UNEXPECTED_MESSAGE),
    "a KeyUpdate in Certificate's record": (
        lambda them: [them.certificate() + message(KEY_UPDATE, b"\0")], UNEXPECTED_MESSAGE),
    "a KeyUpdate behind CertificateVerify": (
        lambda them: them.answer()[:2] + [message(KEY_UPDATE, b"\0")], UNEXPECTED_MESSAGE),
    "a ClientHello behind Certificate": (
        lambda them: [them.certificate(), them.hello.message()], UNEXPECTED_MESSAGE),
    "a CertificateRequest back": (lambda them: [them.request], UNEXPECTED_MESSAGE),
    "an empty record behind Certificate": (lambda them: [them.certificate(), (HANDSHAKE, b"")], UNEXPECTED_MESSAGE),
    "a second answer in the record": (
        lambda them: [b"".join(them.answer()) + them.certificate()], UNEXPECTED_MESSAGE),
    "a second Finished in the record": (
        lambda them: [b"".join(parts := them.answer()) + parts[-1]], UNEXPECTED_MESSAGE),
    "a KeyUpdate that asks for nonsense in the record": (
        lambda them: [b"".join(them.answer()) + message(KEY_UPDATE, b"\2")], ILLEGAL_PARAMETER),
    "a message that is too long": (lambda them: [(HANDSHAKE, bytes([CERTIFICATE, 1, 0, 1]))], ILLEGAL_PARAMETER),
    "a message that is far too long": (
        lambda them: [(HANDSHAKE, bytes([CERTIFICATE, 255, 255, 255]))], ILLEGAL_PARAMETER),
    "64 KiB of entries": (
        lambda them: [them.certificate(entries=entry(bytes(20000)) * 3 + b"\0\0\1")], DECODE_ERROR),
}


def wrong(make, alert):
    def test(self):
        them = self.meet()
        for part in make(them):
            if isinstance(part, tuple):
                them.put(*part)
            else:
                for at in range(0, len(part), 16384):
                    them.put(HANDSHAKE, part[at:at + 16384])
        if alert is None:
            self.read(them)
            self.assertEqual(self.us.status, PROTOCOL)
            self.assertIn(self.us.session.error().alert_sent, (42, DECODE_ERROR, DECRYPT_ERROR))
        else:
            self.ends(them, alert)
        self.assertEqual(self.us.session.remote_certificates(), [])
    return test


def unasked(make):
    def test(self):
        for offers in (True, False):
            them = self.meet(ask=False, offers=offers)
            them.request = message(CERTIFICATE_REQUEST, sized(1, bytes(16)) + sized(2, b""))
            for part in make(them):
                them.put(HANDSHAKE, part)
            self.ends(them, UNEXPECTED_MESSAGE)
    return test


def repeated(make):
    def test(self):
        them = self.meet()
        parts = them.answer()
        them.put(HANDSHAKE, b"".join(parts))
        self.good(them)
        for part in make(parts):
            them.put(HANDSHAKE, part)
        self.ends(them, UNEXPECTED_MESSAGE)
        self.assertTrue(self.us.session.state() & CERTIFICATE_ANSWERED)
    return test


for name, (make, alert) in WRONG.items():
    sentences.add_test(ByHand, f"a bad answer: {name}", wrong(make, alert))
for name, make in {"an answer": lambda them: them.answer(), "a Certificate": lambda them: them.answer()[:1],
                   "a CertificateVerify": lambda them: them.answer()[1:2],
                   "a Finished": lambda them: them.answer()[2:]}.items():
    sentences.add_test(ByHand, f"{name} that nobody asked for", unasked(make))
for name, make in {"an answer": lambda parts: parts, "a CertificateVerify": lambda parts: parts[1:2],
                   "a Finished": lambda parts: parts[2:]}.items():
    sentences.add_test(ByHand, f"{name} given again", repeated(make))


# --- Cut anywhere ----------------------------------------------------------------------------------------------------

class CutAnywhere(AskedLater):
    """The same data, the same question and the same end, wherever the flight is cut and whatever the room."""

    def flight(self, certificate):
        pair = Pair(self, certificate)
        self.assertEqual(pair.ask(), COMPLETE)
        pair.they_write(b"in front of it")
        pair.they_read()
        pair.they_write(text_of(200))
        pair.them.unwrap()
        pair.us.inbox += pair.them.take_output()
        return pair

    def check(self, certificate, pieces, room):
        pair = self.flight(certificate)
        flight, us = bytes(pair.us.inbox), pair.us
        us.inbox.clear()
        got, suspended_at, at = b"", None, 0
        for end in pieces(len(flight)):
            us.inbox += flight[at:end]
            at = end
            now = room
            while True:
                status, consumed, output = us.session.decrypt(us.inbox, now)
                del us.inbox[:consumed]
                got += output
                if status == NEEDS_CERTIFICATE_VALIDATION:
                    self.assertIsNone(suspended_at, "asked twice")
                    suspended_at = got
                    self.assertEqual(us.session.remote_certificates()[:1],
                                     [leaf_of(certificate)] if certificate else [])
                    self.accepted(us.session)
                elif status == WANT_WRITE and not consumed and not output:
                    self.assertEqual(room, 0)
                    now = 1
                elif status not in (COMPLETE, WANT_WRITE):
                    break
            self.assertIn(status, (WANT_READ, CLOSED))
        self.assertEqual((status, suspended_at, got), (CLOSED, b"in front of it", b"in front of it" + text_of(200)))
        us.session.close()
        return len(flight)

    def test_the_flight_may_be_cut_at_any_byte(self):
        rooms = (0, 1, 5, 63, 64, 100, 16384)
        for certificate in ("client-p256", None):
            length = self.check(certificate, lambda length: [length], ROOM)
            step = (61 if certificate else 23) if QUICK else 1
            for turn, cut in enumerate(range(1, length, step)):
                self.check(certificate, lambda length: [min(cut, length), length], rooms[turn % len(rooms)])

    def test_any_room_is_enough(self):
        for room in (0, 1, 5, 63, 64, 100, 16384):
            for size in (1, 7, 100) if not QUICK else (7,):
                self.check("client-p256", lambda length: [*range(size, length, size), length], room)


# --- Threads ---------------------------------------------------------------------------------------------------------

class Threads(AskedLater):
    def test_one_encrypts_one_decrypts_one_judges(self):
        for turn in range(2 if QUICK else 10):
            self.one_conversation(turn % 2 == 0)

    def one_conversation(self, accepts):
        pair = Pair(self, "client-p256")
        session, us = pair.session, pair.us
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        for end in (ours, theirs):
            end.settimeout(20)
        errors, heard, received = [], bytearray(), bytearray()
        asked, judged, enough = threading.Event(), threading.Event(), threading.Event()
        block, sent = text_of(16000), [0]
        writing = threading.Lock()  # the socket's order is that of the calls

        def thread(work):
            def guarded():
                try:
                    work()
                except BaseException as error:  # also of assertions
                    errors.append(error)
                    enough.set()
            made = threading.Thread(target=guarded, daemon=True)
            made.start()
            return made

        def client():
            """Reads whatever comes, and writes as much as there is room for."""
            theirs.setblocking(False)
            waiting = bytearray()
            while True:
                if not waiting:
                    pair.them.ssl.write(block[:4000])
                    waiting += pair.them.take_output()
                readable, writable, _ = select.select([theirs], [theirs], [], 20)
                if writable and not enough.is_set():
                    del waiting[:theirs.send(waiting)]
                elif not readable:
                    select.select([theirs], [], [], 20)
                if readable:
                    data = theirs.recv(65536)
                    pair.them.feed(data)
                    heard.extend(pair.them.read())
                    waiting += pair.them.take_output()
                    if not data or pair.them.error:
                        return

        def encrypts():
            while not enough.is_set():
                with writing:
                    status, consumed, output = session.encrypt(block, 20000)
                    if status == AUTHENTICATION and not accepts:
                        ours.sendall(session.drain_pending_output(1000)[1])
                        return
                    if status == BUSY:
                        continue
                    self.assertIn(status, (COMPLETE, WANT_WRITE))
                    self.assertIn(consumed, (0, len(block)))
                    sent[0] += consumed
                    ours.sendall(output)

        def asks():
            while not enough.is_set():
                with writing:
                    status, output = session.request_client_certificate(20000)
                    ours.sendall(output)
                if status == COMPLETE:
                    return
                self.assertIn(status, (BUSY, WANT_WRITE))

        def decrypts():
            inbox = bytearray()
            while not enough.is_set():
                status, consumed, output = session.decrypt(inbox, 20000)
                del inbox[:consumed]
                received.extend(output)
                if status == NEEDS_CERTIFICATE_VALIDATION:
                    asked.set()
                    judged.wait(0.001)
                elif status == AUTHENTICATION and not accepts:
                    return
                elif status == WANT_READ:
                    if judged.is_set() and len(received) > 100_000:
                        enough.set()
                        return
                    inbox += ours.recv(65536)
                elif status != BUSY:
                    self.assertIn(status, (COMPLETE, WANT_WRITE))

        def judges():
            self.assertTrue(asked.wait(20))
            before = sent[0]
            while not enough.is_set() and sent[0] - before < 100_000:
                time.sleep(0.0005)
            while True:
                try:
                    if accepts:
                        self.assertEqual(session.accept_with_default_validation(), 0)
                    else:
                        session.reject(44)
                    break
                except TlsError as error:
                    self.assertEqual(error.status, BUSY)
            judged.set()

        threads = [thread(work) for work in (client, encrypts, asks, decrypts, judges)]
        for made in threads[1:]:
            made.join(25)
        ours.shutdown(socket.SHUT_WR)
        threads[0].join(25)
        self.assertEqual(errors, [])
        self.assertFalse(any(made.is_alive() for made in threads))
        self.assertTrue(heard == (block * (len(heard) // len(block) + 1))[:len(heard)])
        self.assertTrue(received == (block[:4000] * (len(received) // 4000 + 1))[:len(received)])
        if accepts:
            self.assertEqual(session.remote_certificates()[0], leaf_of("client-p256"))
            self.stands(session, CERTIFICATE_ANSWERED)
        else:
            self.assertIn("certificate revoked", str(pair.them.error))


if __name__ == "__main__":
    sentences.main()
