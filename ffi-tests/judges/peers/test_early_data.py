"""Early data is never accepted and never ends a connection (RFC 8446 section 4.2.10): servers of ours skip it and
continue the handshake. OpenSSL's client holds a ticket of OpenSSL's server, GnuTLS's one of GnuTLS's; a client made by
hand has records of any size, and breaks the rules."""

import os
import shutil
import socket
import tempfile
import threading
import unittest

import sentences
from hand_peer import (
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, EARLY_DATA, ECDSA_P256, HANDSHAKE, KEY_SHARE, PRE_SHARED_KEY,
    PSK_MODES, ClearRecord, HandPeer, client_hello, record, sized, u16,
)
from peers import hello, our_context
from spantls_ctypes import (
    CERTIFICATE_REQUIRE, COMPLETE, HELLO_RETRIED, NEEDS_CERTIFICATE_VALIDATION, NEEDS_SERVER_OPTIONS, NEEDS_SIGNATURE,
    OFFERS_EARLY_DATA, PROTOCOL, RESUMED, SOCKET_KERNEL_RECEIVE, TLS12, TLS13, WANT_READ, Driver, cert_path,
)
from test_against_openssl import DEADLINE, Child, Connection
from test_alerts import talk
from test_questions import external, signs
from test_socket import Bound

QUICK = bool(os.environ.get("SPANTLS_QUICK"))

# Bytes of data that a server skips, and what protects them.
LIMIT, PROTECTION = 128 << 10, 1 + 16
FULL = 16384


def early_records(size, data_len=FULL):
    """Records that only who has the ticket's keys could open, with `size` bytes of data in all."""
    out = bytearray()
    while size > 0:
        data = min(size, data_len)
        out += record(APPLICATION_DATA, bytes(at * 7 % 251 for at in range(data + PROTECTION)))
        size -= data
    return bytes(out)


def offering(h):
    """A hello of TLS 1.3 that offers early data under a ticket that we cannot open."""
    h.add(EARLY_DATA, b"").add(PSK_MODES, sized(1, b"\1"))
    identity, binder = sized(2, b"a ticket of someone else") + bytes(4), sized(1, bytes(32))
    return h.add(PRE_SHARED_KEY, sized(2, identity) + sized(2, binder))


def retried(h):
    """The same without a share: a HelloRetryRequest asks for one."""
    return h.set(KEY_SHARE, u16(0))


def share_added(h):
    key = client_hello(TLS13).get(KEY_SHARE)
    return h.remove(EARLY_DATA).set(KEY_SHARE, key)


class ByHand(unittest.TestCase):
    maxDiff = 400

    def pair(self, retry=False, offers=True, **settings):
        edit = retried if retry else lambda h: h
        changes = {**({"second_client_hello": hello(share_added)} if retry else {}), **settings.pop("changes", {})}
        ours = {"credentials": "server-ed25519", "protocols": TLS12 | TLS13, **settings.pop("ours", {})}
        first = edit(client_hello(TLS13))
        them = HandPeer(False, TLS13, hello=offering(first) if offers else first, changes=changes, **settings)
        context = our_context(True, ours)
        us = Driver(context)
        context.close()
        self.addCleanup(us.close)
        return us, them

    def assert_open(self, us, them, retry=False):
        self.assertEqual(us.status, COMPLETE, us.session.error())
        self.assertEqual(us.inbox, b"")
        self.assertEqual(bool(us.session.state() & HELLO_RETRIED), retry)
        self.assertFalse(us.session.state() & RESUMED)
        us.write(b"ours")
        them.feed(us.take_output())
        them.write(b"theirs")
        us.inbox += them.outbox
        self.assertEqual((us.read(), bytes(them.data), them.alerts), (b"theirs", b"ours", []))
        self.assertFalse(them.unreadable)

    def test_early_data_in_records_of_any_size_is_skipped(self):
        for retry in (False, True):
            for size, data_len in ((1, FULL), (20, 20), (2000, 20), (9000, FULL), (16384, FULL), (16385, FULL),
                                   (20 * 1024, 1), (100_000, 1000), (LIMIT, FULL), (LIMIT, 61)):
                with self.subTest(retry=retry, size=size, data_len=data_len):
                    us, them = self.pair(retry)
                    them.change_cipher()  # RFC 8446 appendix D.4
                    them.outbox += early_records(size, data_len)
                    talk(us, them)
                    self.assert_open(us, them, retry)

    def test_more_than_the_limit_is_unexpected(self):
        for retry in (False, True):
            for size, data_len in ((LIMIT + 1, FULL), (LIMIT + 1, 4096), (1 << 20, FULL)):
                us, them = self.pair(retry)
                them.outbox += early_records(size, data_len)
                talk(us, them)
                self.assertEqual(us.session.error().alert_sent, 10, us.session.error())
                self.assertEqual([alert[1] for alert in them.alerts], [10])

    def test_records_without_data_have_a_limit_too(self):
        us, them = self.pair()
        them.outbox += record(APPLICATION_DATA, bytes(PROTECTION)) * (LIMIT + 1)
        talk(us, them)
        self.assertEqual(us.session.error().alert_sent, 10)

    def test_nothing_is_skipped_that_was_not_offered(self):
        for retry, alert in ((False, 20), (True, 10)):
            us, them = self.pair(retry, offers=False)
            them.outbox += early_records(100)
            talk(us, them)
            self.assertEqual(us.status, PROTOCOL)
            self.assertEqual(us.session.error().alert_sent, alert)
            self.assertEqual([found[1] for found in them.alerts], [alert])

    def test_nothing_is_skipped_in_tls12(self):
        h = client_hello(TLS12)
        offering(h)
        context = our_context(True, {"credentials": "server-ed25519", "protocols": TLS12})
        us = Driver(context)
        context.close()
        self.addCleanup(us.close)
        us.inbox += record(HANDSHAKE, h.message()) + early_records(100)
        self.assertEqual(us.handshake(), PROTOCOL)
        self.assertEqual(us.session.error().alert_sent, 10)

    def test_the_first_record_that_opens_ends_it(self):
        """What does not open behind that is damaged: between two messages, and within one."""
        cut = lambda m: [(HANDSHAKE, m[:9]), (HANDSHAKE, m[9:])]
        bad = ClearRecord(APPLICATION_DATA, bytes(117))
        for retry in (False, True):
            for name in ("certificate_verify", "finished"):
                us, them = self.pair(retry, ours={"client_certificates": CERTIFICATE_REQUIRE}, show=True, changes={
                    name: lambda m: [bad, m]})
                talk(us, them)
                self.assertEqual(us.session.error().alert_sent, 20, us.session.error())
                self.assertEqual([found[1] for found in them.alerts], [20])
            us, them = self.pair(retry, changes={"finished": lambda m: [cut(m)[0], bad, cut(m)[1]]})
            talk(us, them)
            self.assertEqual(us.session.error().alert_sent, 20, us.session.error())

    def test_a_user_canceled_under_keys_ends_it(self):
        bad = ClearRecord(APPLICATION_DATA, bytes(117))
        us, them = self.pair(changes={"finished": lambda m: [(ALERT, b"\1\x5a"), bad, m]})
        talk(us, them)
        self.assertEqual(us.session.error().alert_sent, 20, us.session.error())

    def test_a_record_too_short_to_be_protected_is_skipped(self):
        """It fails deprotection, as RFC 8446 section 4.2.10 says."""
        for retry in (False, True):
            for size in (1, 15, PROTECTION):
                us, them = self.pair(retry)
                them.outbox += record(APPLICATION_DATA, bytes(size))
                talk(us, them)
                self.assert_open(us, them, retry)

    def test_a_record_too_short_to_be_protected_is_refused_once_early_data_has_ended(self):
        us, them = self.pair(changes={"finished": lambda m: [(ALERT, b"\1\x5a"), ClearRecord(APPLICATION_DATA, bytes(15)), m]})
        talk(us, them)
        self.assertEqual(us.session.error().alert_sent, 20, us.session.error())

    def test_an_over_long_record_is_refused_from_its_header(self):
        for retry in (False, True):
            us, them = self.pair(retry)
            us.inbox += them.outbox
            self.assertEqual(us.handshake(), WANT_READ)
            us.take_output()
            us.inbox += record(APPLICATION_DATA, bytes(FULL + 257))[:5]
            self.assertEqual(us.handshake(), PROTOCOL)
            self.assertEqual(us.session.error().alert_sent, 22)

    def test_a_handshake_record_in_clear_is_no_longer_than_before(self):
        us, them = self.pair(retry=True)
        us.inbox += them.outbox
        self.assertEqual(us.handshake(), WANT_READ)
        us.inbox += record(HANDSHAKE, bytes(FULL + 1))[:5]
        self.assertEqual(us.handshake(), PROTOCOL)
        self.assertEqual(us.session.error().alert_sent, 22)

    def test_the_largest_protected_record_is_skipped(self):
        for retry in (False, True):
            us, them = self.pair(retry)
            them.outbox += record(APPLICATION_DATA, bytes(FULL + 256)) * 7
            talk(us, them)
            self.assert_open(us, them, retry)

    def test_nothing_is_skipped_within_or_behind_a_second_hello(self):
        whole = hello(share_added)
        within = lambda m: [(HANDSHAKE, whole(m)[:50]), (APPLICATION_DATA, bytes(40)), (HANDSHAKE, whole(m)[50:])]
        behind = lambda m: [whole(m), ClearRecord(APPLICATION_DATA, bytes(40))]
        for change, alert in ((within, 10), (behind, 20)):
            us, them = self.pair(retry=True, changes={"second_client_hello": change})
            talk(us, them)
            self.assertEqual(us.session.error().alert_sent, alert, us.session.error())

    def test_the_cuts_of_the_input_change_nothing(self):
        for retry in (False, True):
            us, them = self.pair(retry)
            stream = bytes(them.outbox) + record(CHANGE_CIPHER_SPEC, b"\1") + early_records(300, 100)
            them.outbox.clear()
            for step in (1, 7, 64):
                us, them = self.pair(retry)
                them.outbox.clear()
                for at in range(0, len(stream), step):
                    us.inbox += stream[at:at + step]
                    self.assertEqual(us.handshake(), WANT_READ)
                talk(us, them)
                self.assert_open(us, them, retry)

    def test_questions_in_between_change_nothing(self):
        """Which context, what is the signature, is this the peer?"""
        for retry in (False, True):
            asked = []
            us, them = self.pair(retry, show=True, ours={
                "client_certificates": CERTIFICATE_REQUIRE, "undecided": asked,
                "credentials": external("server-p256", ECDSA_P256)})
            us.answer_to[NEEDS_SIGNATURE] = lambda session: signs(session, "server-p256")
            them.outbox += early_records(50_000)
            talk(us, them)
            self.assertEqual(asked, [NEEDS_SERVER_OPTIONS, NEEDS_SIGNATURE, NEEDS_CERTIFICATE_VALIDATION])
            self.assert_open(us, them, retry)

    def test_a_client_may_close_instead_of_sending_its_second_hello(self):
        us, them = self.pair(retry=True)
        them.change_cipher()
        us.inbox += them.outbox + early_records(100) + record(ALERT, b"\1\0")
        us.handshake()
        error = us.session.error()
        self.assertEqual((error.alert_received, error.alert_sent), (0, -1), error)


@unittest.skipIf(shutil.which("openssl") is None, "openssl is not installed")
class Programs(unittest.TestCase):
    """openssl s_client, with a session of an openssl s_server that has allowed early data."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.ticket = os.path.join(cls.folder.name, "session.pem")
        server = Child("openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-early_data", "-max_early_data",
                       "150000", "-cert", cert_path("server-p256.pem"), "-key", cert_path("server-p256.key"))
        cls.addClassCleanup(server.close)
        port = int(server.expect("ACCEPT 127.0.0.1:"))
        client = Child("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-servername", "localhost",
                       "-sess_out", cls.ticket)
        cls.addClassCleanup(client.close)
        # Until data comes the server does not send its tickets; they come before its answer.
        client.type("the client's data\n")
        server.expect("the client's data")
        server.type("the server's answer\n")
        client.expect("the server's answer")
        client.end_of_typing()
        client.wait()

    def client(self, port, size, *arguments):
        """It sends this much before it hears anything."""
        data = os.path.join(self.folder.name, f"{size} bytes")
        with open(data, "wb") as file:
            file.write(b"early data\n" * (size // 11 + 1))
            file.truncate(size)
        child = Child("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-servername", "localhost",
                      "-CAfile", cert_path("ca.pem"), "-sess_in", self.ticket, "-early_data", data, *arguments)
        self.addCleanup(child.close)
        return child

    def context(self, retry):
        context = our_context(True, {"groups": [0x0018]} if retry else {})
        self.addCleanup(context.close)
        return context

    def meet(self, size, retry, *arguments, bound=False, flags=0):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(DEADLINE)
            child = self.client(listener.getsockname()[1], size, *arguments)
            connected, _ = listener.accept()
        context = self.context(retry)
        us = Bound(context, connected, flags=flags) if bound else Connection(context, connected)
        self.addCleanup(us.close)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.assertEqual(bool(us.session.state() & HELLO_RETRIED), retry)
        child.expect("Early data was rejected")
        us.send(b"ours says word\n")
        child.expect("ours says word")
        child.type("theirs says word\n")
        if bound:
            us.receive(lambda received: b"theirs" in received)
            self.assertEqual(us.received, b"theirs says word\n")
        else:
            self.assertEqual(us.receive_until(b"word\n"), b"theirs says word\n")

    def test_early_data_of_openssl_is_skipped(self):
        for retry in (False, True):
            for size in (1, 9000, 100_000) if QUICK else (1, 20, 1000, 9000, 16384, 16385, 40_000, 100_000, 131_072):
                with self.subTest(retry=retry, size=size):
                    self.meet(size, retry)

    def test_early_data_of_openssl_in_small_records_is_skipped(self):
        for retry in (False, True):
            self.meet(60_000, retry, "-max_send_frag", "512")

    def test_early_data_of_openssl_without_middlebox_compatibility_is_skipped(self):
        for retry in (False, True):
            self.meet(30_000, retry, "-no_middlebox")

    def test_early_data_of_openssl_is_skipped_by_bound_sessions(self):
        """Also where the kernel is to receive, so that no more than a record is taken off the socket at once."""
        for flags in (0, SOCKET_KERNEL_RECEIVE):
            for retry in (False, True):
                for size in (1, 9000, 100_000):
                    self.meet(size, retry, bound=True, flags=flags)


@unittest.skipIf(shutil.which("gnutls-cli") is None, "gnutls-cli is not installed")
class GnuTls(unittest.TestCase):
    """gnutls-cli gets a session from gnutls-serv and resumes it with us: each of its two connections goes elsewhere.
    After a HelloRetryRequest it offers early data again, which RFC 8446 section 4.1.2 forbids, and does not send that
    hello."""

    def test_early_data_of_gnutls_is_skipped(self):
        data = tempfile.NamedTemporaryFile()
        self.addCleanup(data.close)
        data.write(b"early data\n" * 1000)
        data.flush()
        serving = self.server()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(DEADLINE)
            child = Child("gnutls-cli", "127.0.0.1", "--port", str(listener.getsockname()[1]), "--insecure", "--resume",
                          "--waitresumption", f"--earlydata={data.name}", "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3")
            self.addCleanup(child.close)
            first, _ = listener.accept()
            relay = Relay(first, socket.create_connection(("127.0.0.1", serving), DEADLINE))
            self.addCleanup(relay.close)
            connected, _ = listener.accept()
        context = our_context(True, {"keep_client_hello": True})
        us = Connection(context, connected)
        context.close()
        self.addCleanup(us.close)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.assertTrue(us.session.client_hello_info().offers & OFFERS_EARLY_DATA)
        us.send(b"ours says word\n")
        child.expect("ours says word")

    def server(self):
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            child = Child("gnutls-serv", "--echo", "--port", str(port), "--disable-client-cert", "--earlydata",
                          "--maxearlydata", "20000", "--x509certfile", cert_path("server-p256.pem"), "--x509keyfile",
                          cert_path("server-p256.key"), "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3")
            self.addCleanup(child.close)
            try:
                child.expect("listening on IPv4")
                child.expect("done")
                return port
            except AssertionError:
                continue
        raise AssertionError("gnutls-serv found no port")


class Relay:
    """Carries bytes between two sockets until one of them closes."""

    def __init__(self, *ends):
        self._ends = ends
        self._threads = [threading.Thread(target=self._carry, args=pair) for pair in (ends, ends[::-1])]
        for thread in self._threads:
            thread.start()

    def _carry(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other end has gone

    def close(self):
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has gone already
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()


if __name__ == "__main__":
    sentences.main()
