"""Every question that a handshake asks its host besides the verdict (include/spantls.h, "Questions"): which context,
which credentials, which signature. Both roles, TLS 1.2 and 1.3, against peers that nobody here wrote: the OpenSSL and
GnuTLS programs and Python's ssl; against ourselves; and against a peer made by hand where the bytes have to be odd.

At every question the tests look whether it lasts, and whether answers to other questions are turned down. Keys that are
"elsewhere" are in another process: the openssl program signs. What a ClientHello says is compared with an independent
reading (hello_facts.py) and with what the peer has put on the wire.

In quick mode the programs see every sixth row and the peers in memory every second one.
"""

import copy
import functools
import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest

import sentences
import test_alerts
from hand_crypto import pem_blocks
from hand_peer import (
    ALERT, ALPN, APPLICATION_DATA, CHANGE_CIPHER_SPEC, EARLY_DATA, ECDSA_P256, ED25519, FINISHED, HANDSHAKE,
    KEY_SHARE, PRE_SHARED_KEY, PSK_MODES, SERVER_NAME, SIGNATURE_ALGORITHMS, SUPPORTED_GROUPS, SUPPORTED_VERSIONS,
    X25519, HandPeer, client_hello, message, record, records, sized, u16,
)
from hello_facts import SIGNATURE_ALGORITHMS_CERT, Facts, first_message
from peers import GnuTls, OpenSsl, Ours, Program, PythonPeer
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_ASKED, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE, CLOSED, COMPLETE, CONFIGURATION,
    HANDSHAKE_COMPLETE, HELLO_RETRIED, INVALID_ARGUMENT, INVALID_STATE, NEEDS_CERTIFICATE_VALIDATION,
    NEEDS_SERVER_OPTIONS, NEEDS_SIGNATURE, OFFERS_EARLY_DATA, OFFERS_POST_HANDSHAKE_AUTH, OFFERS_PRE_SHARED_KEY,
    OFFERS_TLS13, PEER_ALERT, PROTOCOL, SUSPENDED, TLS12, TLS13, TRUNCATED, VALIDATION_AUTOMATIC, WANT_CREDENTIALS, WANT_READ,
    HELLO_PARTS, Context, Credentials, TlsError, alert_name, cert_path, read_cert, suspended_handshakes,
)

HERE = os.path.dirname(os.path.abspath(__file__))
QUICK = bool(os.environ.get("SPANTLS_QUICK"))
NAMES = {TLS12: "TLS 1.2", TLS13: "TLS 1.3"}
BOTH, OLD, NEW = (TLS12, TLS13), (TLS12,), (TLS13,)
PEERS = [PythonPeer, Ours, OpenSsl, GnuTls]
KEYS = ("rsa2048", "p256", "p384", "ed25519")
UNKNOWN_EXTENSION, POST_HANDSHAKE_AUTH, PADDING = 0x1234, 49, 21


def leaf(name):
    return pem_blocks(read_cert(name + ".pem"))[0]


# --- What the tests have in common -----------------------------------------------------------------------------------

# An answer to each question: none of them fits where another one is asked.
ANSWERS = {
    NEEDS_SERVER_OPTIONS: lambda session: session.set_server_context(plain_context()),
    WANT_CREDENTIALS: lambda session: session.set_client_credentials(None),
    NEEDS_CERTIFICATE_VALIDATION: lambda session: session.set_certificate_validation_result(0),
    NEEDS_SIGNATURE: lambda session: session.set_signature(b"a signature"),
}


@functools.lru_cache(None)
def plain_context():
    return Context(True, credentials="server-p256")


class Questions(unittest.TestCase):
    maxDiff = 400

    def refused(self, status, call, *arguments):
        """The call's error message."""
        with self.assertRaises(TlsError) as raised:
            call(*arguments)
        self.assertEqual(raised.exception.status, status, raised.exception)
        return str(raised.exception)

    def on(self, us, question, answer):
        """Answers a question of this driver, behind a look at it; nothing is taken twice."""
        def asked(session):
            for _ in range(2):
                self.assertEqual(session.process_handshake(us.inbox, us.room), (question, 0, b""))
            self.assertEqual(session.state() & (SUSPENDED | HANDSHAKE_COMPLETE), SUSPENDED)
            for other, wrong_answer in ANSWERS.items():
                if other != question:
                    self.refused(INVALID_STATE, wrong_answer, session)
            answer(session)
            self.assertFalse(session.state() & SUSPENDED)
            self.refused(INVALID_STATE, ANSWERS[question], session)
            self.refused(INVALID_STATE, session.reject, 40)
            return 0

        if question == NEEDS_CERTIFICATE_VALIDATION:
            us.judge = asked
        else:
            us.answer_to[question] = asked

    def check_hello(self, session, sent):
        """All that can be known of a ClientHello, beside the bytes that were sent."""
        self.assertIsNotNone(sent)
        raw = session.client_hello()
        self.assertTrue(raw == sent, "another ClientHello than the one that was sent")
        facts, info = Facts(raw), session.client_hello_info()
        self.assertEqual(info.legacy_version, facts.legacy_version)
        for part in HELLO_PARTS:
            found = getattr(info, part)
            self.assertEqual((found.offset, found.len), facts.parts.get(part, (0, 0)), part)
        groups = facts.key_share_groups()[:16]
        self.assertEqual(list(info.key_share_groups), groups + [0] * (16 - len(groups)))
        self.assertEqual(info.num_key_share_groups, len(groups))
        offers = {
            OFFERS_TLS13: 0x0304 in facts.numbers("supported_versions"),
            OFFERS_PRE_SHARED_KEY: PRE_SHARED_KEY in facts.extensions,
            OFFERS_EARLY_DATA: EARLY_DATA in facts.extensions,
            OFFERS_POST_HANDSHAKE_AUTH: POST_HANDSHAKE_AUTH in facts.extensions,
        }
        self.assertEqual(info.offers, sum(bit for bit, offered in offers.items() if offered))
        self.assertEqual(session.target_host_name(), facts.server_name())
        self.assertEqual(session.ja3_text(), facts.ja3_text())
        self.assertEqual(session.ja3(), facts.ja3())
        self.assertEqual(session.ja4_text(), facts.ja4_text())
        self.assertEqual(session.ja4(), facts.ja4())
        return facts

    def check_no_hello(self, session):
        for getter in (session.client_hello, session.ja3, session.ja3_text, session.ja4, session.ja4_text):
            self.assertIn(getter(), (b"", ""))
        self.refused(INVALID_STATE, session.client_hello_info)

    def finishes(self, peer):
        self.assertEqual(peer.meet(), COMPLETE, peer.us.session.error())
        peer.assert_content(self)

    def ends(self, peer, alert, status=AUTHENTICATION):
        """With an alert of ours, which the peer has heard."""
        self.assertEqual(peer.meet(), status, peer.us.session.error())
        error = peer.us.session.error()
        self.assertEqual((error.alert_sent, error.alert_received), (alert, -1), error)
        peer.assert_heard(self, alert)

    def peer_saw(self, peer, name, alpn=None):
        """Which certificate of ours, and which protocol."""
        if isinstance(peer, Program):
            subject = f"CN = {name}" if isinstance(peer, OpenSsl) else f"subject `CN={name}'"
            peer.child.wrote(subject)
            if alpn:
                peer.child.wrote(f"{'ALPN protocol' if isinstance(peer, OpenSsl) else 'Application protocol'}: {alpn}")
        elif isinstance(peer, PythonPeer):
            self.assertEqual(peer.them.ssl.getpeercert(True), leaf(name))
            self.assertEqual(peer.them.ssl.selected_alpn_protocol(), alpn)
        else:
            self.assertEqual(peer.them.session.remote_certificates()[0], leaf(name))
            self.assertEqual(peer.them.session.negotiated_alpn(), alpn or "")


class Wire:
    """Notes what the peer sends; with a size, its first message comes in records of so many bytes."""
    handshake_done = False

    def __init__(self, size=None):
        self.arrived, self._size, self._waiting = bytearray(), size, size is not None

    def __call__(self, arrived):
        self.arrived += arrived
        if not self._waiting:
            return arrived
        first = self.first_message()
        if first is None:
            return b""
        self._waiting = False
        found, end = 0, 0
        while found < len(first):
            length = int.from_bytes(self.arrived[end + 3:end + 5], "big")
            found, end = found + length, end + 5 + length
        return in_pieces(first, self._size) + bytes(self.arrived[end:])

    def first_message(self):
        return first_message(self.arrived)


def in_pieces(data, size):
    return b"".join(record(HANDSHAKE, data[at:at + size]) for at in range(0, len(data), size))


# --- Which context: by the name --------------------------------------------------------------------------------------

# What a peer's certificate says about its name, its protocol, and whether it wants to know its clients.
TENANTS = {
    "a.wild.example": {"credentials": "server-p256", "alpn": ["h2"], "keep_client_hello": True},
    "b.wild.example": {"credentials": "server-rsa2048", "alpn": ["http/1.1"]},
    "c.wild.example": {"credentials": "server-ed25519", "alpn": ["mail"], "client_certificates": CERTIFICATE_REQUIRE},
    "": {"credentials": "server-p384"},
}
STRANGER = "d.wild.example"
PROTOCOLS = ["mail", "http/1.1", "h2"]


@functools.lru_cache(None)
def tenant(name, **more):
    return Context(True, **{"anchors": "ca", **TENANTS[name], **more})


def client_settings(name):
    return {
        "name": name, "alpn": PROTOCOLS, "openssl": ["-alpn", ",".join(PROTOCOLS)],
        "gnutls_options": [word for protocol in PROTOCOLS for word in ("--alpn", protocol)],
        "credentials": "client-p256" if name == "c.wild.example" else None,
    }


def tenant_test(make_peer, protocol, name, size):
    def test(self):
        wire = Wire(size)
        peer = make_peer(self, "server", protocol, ours={"undecided": []}, tamper=wire,
                         settings=client_settings(name or ("127.0.0.1" if make_peer is Ours else None)))

        def choose(session):
            facts = self.check_hello(session, wire.first_message())
            self.assertEqual(facts.protocols(), [protocol.encode() for protocol in PROTOCOLS])
            wanted = session.target_host_name()
            if wanted in TENANTS:
                session.set_server_context(tenant(wanted, protocols=protocol))
            else:
                session.reject(112)

        self.on(peer.us, NEEDS_SERVER_OPTIONS, choose)
        if name == STRANGER:
            self.ends(peer, 112)
            self.assertEqual(peer.us.asked, [NEEDS_SERVER_OPTIONS])
            return
        self.finishes(peer)
        options = TENANTS[name]
        verdict = [NEEDS_CERTIFICATE_VALIDATION] if "client_certificates" in options else []
        self.assertEqual(peer.us.asked, [NEEDS_SERVER_OPTIONS, *verdict])
        alpn = options.get("alpn", [None])[0]
        self.peer_saw(peer, options["credentials"], alpn)
        us = peer.us.session
        self.assertEqual(us.state() & CERTIFICATE_ASKED > 0, bool(verdict))
        self.assertEqual((us.negotiated_alpn(), us.target_host_name()), (alpn or "", name))
        self.assertEqual(us.local_certificate(), leaf(options["credentials"]))
        if "keep_client_hello" in options:
            self.check_hello(us, wire.first_message())
        else:
            self.check_no_hello(us)

    return test


def retry_test(make_peer, when):
    """The client has no share for the server's group: one question, about the first hello."""
    def test(self):
        wire = Wire(1 if when == "in pieces" else None)
        peer = make_peer(self, "server", TLS13, ours={"undecided": []}, tamper=wire, settings={
            "openssl": ["-groups", "X25519:P-384"], "groups": [X25519, 0x0018],
            "gnutls": ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP384R1", "gnutls_options": ["--single-key-share"]})

        def choose(session):
            self.assertNotIn(0x0018, self.check_hello(session, wire.first_message()).key_share_groups())
            key = {"credentials": external("server-p384")} if elsewhere else {}
            session.set_server_context(tenant("a.wild.example", protocols=TLS13, groups=(0x0018,), **key))

        elsewhere = when == "its key elsewhere"
        self.on(peer.us, NEEDS_SERVER_OPTIONS, choose)
        self.on(peer.us, NEEDS_SIGNATURE, lambda session: signs(session, "server-p384"))
        self.finishes(peer)
        self.assertEqual(peer.us.asked, [NEEDS_SERVER_OPTIONS, NEEDS_SIGNATURE][:1 + elsewhere])
        self.assertTrue(peer.us.session.state() & HELLO_RETRIED)
        self.check_hello(peer.us.session, wire.first_message())

    return test


# --- Which context: odd hellos, by hand ------------------------------------------------------------------------------

def padded(protocol, length):
    """A ClientHello with a body of this length."""
    hello = client_hello(protocol)
    hello.add(PADDING, b"")
    return hello.set(PADDING, bytes(length - len(hello.body())))


def by_hand(test, protocol, hello=None, data=None, size=None, ours=None):
    """An undecided server with what a peer made by hand says."""
    asked = []
    them = HandPeer(False, protocol, hello=hello)
    us = test_alerts.ours_of(test, "server", {"undecided": asked, "protocols": protocol, **(ours or {})})
    if data is not None:
        them.outbox[:] = data
    if size:
        them.outbox[:] = in_pieces(first_message(them.outbox), size)
    return us, them, asked


def long_test(protocol, length, size):
    def test(self):
        us, them, asked = by_hand(self, protocol, padded(protocol, length), size=size)
        decided = us.answer_to[NEEDS_SERVER_OPTIONS]
        sent = them.hello.message()
        self.assertEqual(len(sent), 4 + length)

        def choose(session):
            self.check_hello(session, sent)
            decided(session)

        self.on(us, NEEDS_SERVER_OPTIONS, choose)
        test_alerts.talk(us, them)
        self.assertEqual(us.status, COMPLETE, us.session.error())
        self.assertEqual(asked, [NEEDS_SERVER_OPTIONS])
        self.assertTrue(them.finished)

    return test


def python_says_much(self):
    """The longest ClientHello that somebody else makes, full of protocols."""
    names = [f"protocol-{number:04}" * 12 for number in range(380)]
    wire = Wire()
    peer = PythonPeer(self, "server", TLS13, ours={"undecided": [], "alpn": [names[-1]]}, tamper=wire,
                      settings={"alpn": names})
    decided = peer.us.answer_to[NEEDS_SERVER_OPTIONS]

    def choose(session):
        self.assertEqual(len(self.check_hello(session, wire.first_message()).protocols()), 380)
        decided(session)

    self.on(peer.us, NEEDS_SERVER_OPTIONS, choose)
    self.finishes(peer)
    self.assertEqual(peer.us.session.negotiated_alpn(), names[-1])
    self.assertGreater(len(wire.first_message()), 57000)


def noisy(hello):
    """With values of RFC 8701 wherever one can stand."""
    hello.suites[:0] = [0x0A0A]
    hello.set(SUPPORTED_GROUPS, sized(2, u16(0x1A1A, X25519))).set(0x2A2A, b"").add(0x3A3A, b"\0")
    hello.set(SIGNATURE_ALGORITHMS, sized(2, u16(0x4A4A, ED25519, ECDSA_P256)))
    hello.set(ALPN, sized(2, sized(1, b"\x5a\x5a") + sized(1, b"h2")))
    if hello.get(KEY_SHARE):
        hello.set(KEY_SHARE, sized(2, u16(0x1A1A) + sized(2, b"\0") + hello.get(KEY_SHARE)[2:]))
        hello.set(SUPPORTED_VERSIONS, sized(1, u16(0x6A6A, 0x0304, 0x0303)))
    return hello


def named(name):
    return lambda hello: hello.set(SERVER_NAME, sized(2, b"\0" + sized(2, name)))


def shares(count):
    many = b"".join(u16(0x0100 + number) + sized(2, b"key") for number in range(count))
    return lambda hello: hello.set(KEY_SHARE, sized(2, many))


def protocols(*names):
    return lambda hello: hello.set(ALPN, sized(2, b"".join(sized(1, name) for name in names)))


def resuming(hello):
    hello.add(PSK_MODES, sized(1, b"\1")).add(EARLY_DATA, b"").add(POST_HANDSHAKE_AUTH, b"")
    return hello.add(PRE_SHARED_KEY, sized(2, sized(2, b"ticket") + bytes(4)) + sized(2, sized(1, bytes(32))))


def field(**values):
    return lambda hello: test_alerts.fields(hello, **values)


# What is said about them is checked; then they are turned away.
ODD_HELLOS = [
    ("noise of RFC 8701 everywhere", BOTH, noisy),
    ("no extensions", BOTH, field(extensions=[])),
    ("an empty list of extensions", BOTH, lambda h: field(extensions=[])(h).body() + u16(0)),
    ("capital letters in its name", BOTH, named(b"LocalHost.Example")),
    ("a dot at the end of its name", BOTH, named(b"localhost.")),
    ("an IP address for a name", BOTH, named(b"127.0.0.1")),
    ("no name", BOTH, lambda h: h.remove(SERVER_NAME)),
    ("a name of 253 bytes", BOTH, named(b".".join([b"a" * 62] * 4) + b"x")),
    ("16 key shares", NEW, shares(16)),
    ("20 key shares", NEW, shares(20)),
    ("no key shares in the list", NEW, lambda h: h.set(KEY_SHARE, u16(0))),
    ("other schemes for certificates", BOTH,
     lambda h: h.set(SIGNATURE_ALGORITHMS_CERT, sized(2, u16(0x0401, ECDSA_P256)))),
    ("resumption, early data and a certificate for later", NEW, resuming),
    ("legacy version SSL 3.0", BOTH, field(version=0x0300)),
    ("legacy version TLS 1.0", BOTH, field(version=0x0301)),
    ("legacy version TLS 1.3", BOTH, field(version=0x0304)),
    ("a session id of 32 bytes", BOTH, field(session_id=bytes(range(32)))),
    ("no session id", BOTH, field(session_id=b"")),
    ("a thousand cipher suites", BOTH, field(suites=[*range(1000)])),
    ("a hundred unknown extensions", BOTH,
     lambda h: field(extensions=h.extensions + [(0x7000 + number, b"x") for number in range(100)])(h)),
    ("only unknown versions", BOTH, lambda h: h.set(SUPPORTED_VERSIONS, sized(1, u16(0x0305, 0x7F1C)))),
    *((f"a protocol of {name!r}", BOTH, protocols(name, b"h2"))
      for name in (b"x", b"\x20", b"\xab\xcd", b"a\xff", b"\x00", b"A" * 255)),
]


def odd_test(protocol, change):
    def test(self):
        hello = client_hello(protocol)
        changed = change(hello)
        sent = message(1, changed) if isinstance(changed, bytes) else hello.message()
        us, them, asked = by_hand(self, protocol, data=record(HANDSHAKE, sent))

        def refuse(session):
            self.check_hello(session, sent)
            session.reject(49)

        self.on(us, NEEDS_SERVER_OPTIONS, refuse)
        test_alerts.talk(us, them)
        self.assertEqual(us.status, AUTHENTICATION)
        self.assertEqual((asked, them.alerts), ([NEEDS_SERVER_OPTIONS], [(2, 49, False)]))
        self.check_hello(us.session, sent)

    return test


# --- Which context: what is no hello ---------------------------------------------------------------------------------

HELLO = client_hello(TLS13).message()

# The first bytes, the status, the alerts sent and received, and what goes out.
BEGINNINGS = [
    ("a fatal alert", record(ALERT, b"\2\x28"), (PEER_ALERT, -1, 40), b""),
    ("a fatal alert of no name", record(ALERT, b"\2\xc8"), (PEER_ALERT, -1, 200), b""),
    ("a close_notify", record(ALERT, b"\1\0"), (PEER_ALERT, -1, 0), record(ALERT, b"\1\0")),
    ("user_canceled and close_notify", record(ALERT, b"\1\x5a") + record(ALERT, b"\1\0"), (PEER_ALERT, -1, 0),
     record(ALERT, b"\1\0")),
    ("four warnings and a close_notify", record(ALERT, b"\1\x70") * 4 + record(ALERT, b"\1\0"), (PEER_ALERT, -1, 0),
     record(ALERT, b"\1\0")),
    ("warnings without end", record(ALERT, b"\1\x70") * 40, (PROTOCOL, 10, -1), None),
    ("an alert of an unknown level", record(ALERT, b"\3\x28"), (PEER_ALERT, -1, 40), b""),
    ("an alert behind the first fragment", record(HANDSHAKE, HELLO[:50]) + record(ALERT, b"\2\x28"), None, None),
    ("an HTTP request", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", (PROTOCOL, 10, -1), None),
    ("a hello of SSL 2", bytes([0x80, 46, 1, 3, 1]) + bytes(43), (PROTOCOL, 10, -1), None),
    ("zeros", bytes(100), (PROTOCOL, 10, -1), None),
    ("a change_cipher_spec", record(CHANGE_CIPHER_SPEC, b"\1"), (PROTOCOL, 10, -1), None),
    ("application data", record(APPLICATION_DATA, bytes(40)), (PROTOCOL, 10, -1), None),
    ("a heartbeat", record(24, b"\1\0\0"), (PROTOCOL, 10, -1), None),
    *((f"a handshake message of type {kind}", record(HANDSHAKE, message(kind, bytes(36))), (PROTOCOL, 10, -1), None)
      for kind in (0, 2, 4, 11, 16, FINISHED, 24, 99, 254)),
    ("a Finished in fragments", in_pieces(message(FINISHED, bytes(32)), 1), (PROTOCOL, 10, -1), None),
    ("an empty record", record(HANDSHAKE, b""), (PROTOCOL, 10, -1), None),
    ("an empty record behind a fragment", record(HANDSHAKE, HELLO[:50]) + record(HANDSHAKE, b""),
     (PROTOCOL, 10, -1), None),
    ("a change_cipher_spec behind a fragment", record(HANDSHAKE, HELLO[:50]) + record(CHANGE_CIPHER_SPEC, b"\1"),
     (PROTOCOL, 10, -1), None),
    ("a record that is too long", record(HANDSHAKE, bytes(16385)), (PROTOCOL, 22, -1), None),
    ("a record of version 2.0", b"\x16\x02\x00\0\x05hello", (PROTOCOL, 70, -1), None),
    ("a hello of 65,536 bytes", record(HANDSHAKE, b"\1\1\0\0" + bytes(100)), (PROTOCOL, 47, -1), None),
    ("a hello of 16 MiB", record(HANDSHAKE, b"\1\xff\xff\xff"), (PROTOCOL, 47, -1), None),
    ("a hello of 65,536 bytes in fragments", in_pieces(b"\1\1\0\0" + bytes(100), 1), (PROTOCOL, 47, -1), None),
    ("a hello of 16 MiB in fragments", in_pieces(b"\1\xff\xff\xff" + bytes(100), 2), (PROTOCOL, 47, -1), None),
    ("a hello in more records than anybody needs", in_pieces(padded(TLS13, 65535).message(), 2),
     (PROTOCOL, 47, -1), None),
]


def beginning_test(what, data, expected, output, undecided):
    def test(self):
        asked = []
        ours = {"undecided": asked} if undecided else {}
        us = test_alerts.ours_of(self, "server", {"protocols": TLS12 | TLS13, **ours})
        us.handshake()
        us.inbox += data
        us.handshake()
        error = us.session.error()
        found = us.status, error.alert_sent, error.alert_received
        self.assertEqual(error.status, us.status)
        if not undecided and "handshake message of type" in what:
            # Their bodies are not those of such messages.
            self.assertIn(found, ((PROTOCOL, 10, -1), (PROTOCOL, 50, -1)))
        elif expected is None:
            # RFC 8446 section 5.1 allows no other record here, and section 6 wants a fatal alert heard.
            self.assertIn(found, ((PROTOCOL, 10, -1), (PEER_ALERT, -1, 40)))
        else:
            self.assertEqual(found, expected, error)
        alert = record(ALERT, bytes([2, found[1]])) if found[1] >= 0 else b""
        self.assertEqual(us.take_output(), alert if output is None else output)
        self.assertEqual(asked, [])
        self.check_no_hello(us.session)

    return test


# --- Which context: the table of alerts ------------------------------------------------------------------------------

# The host is not even asked about what cannot be read.
UNREADABLE = re.compile("malformed: (?!.*ClientKeyExchange)|an (unknown )?extension twice|compression without|"
                        "pre_shared_key before|a server name that is none|two server names|two ClientHellos|a server_name list that begins|"
                        "the first message is|a first record|text that is|a record of version|"
                        "an empty (handshake record|alert$|record within)|an alert of|a handshake message too large|(data|a change_cipher_spec) (before the "
                        "hellos|within a handshake message)")


def alert_row_test(row, protocol, peer):
    """A row of test_alerts.py, whose server now chooses its context by the ClientHello: the same alert."""
    def test(self):
        scene, asked = copy.copy(row.scene), []
        scene.ours = {**scene.ours, "undecided": asked}
        row._replace(scene=scene).scene.run(self, row, protocol, peer)
        if UNREADABLE.match(row.cause):
            self.assertEqual(asked, [])
        else:
            self.assertEqual(asked.count(NEEDS_SERVER_OPTIONS), 1)

    return test


def hello_alert_test(change, protocols_of_context, alert):
    """A ClientHello that can be read, and be used or not, depending on the context."""
    def test(self):
        hello = change(client_hello(TLS13))
        us, them, asked = by_hand(self, TLS13, hello, ours={"protocols": protocols_of_context})
        test_alerts.talk(us, them)
        self.assertEqual(asked, [NEEDS_SERVER_OPTIONS])
        error = us.session.error()
        self.assertEqual((us.status, error.alert_sent), (PROTOCOL, alert), error)
        self.assertEqual(them.alerts, [(2, alert, False)])

    return test


def without(*kinds):
    return lambda hello: hello.remove(*kinds)


HELLO_ALERTS = [
    ("no signature_algorithms", without(SIGNATURE_ALGORITHMS), TLS12 | TLS13, 109),
    ("no supported_groups", without(SUPPORTED_GROUPS), TLS12 | TLS13, 109),
    ("no key_share", without(KEY_SHARE), TLS12 | TLS13, 109),
    ("neither groups nor shares", without(SUPPORTED_GROUPS, KEY_SHARE), TLS13, 109),
    ("a pre-shared key without its modes", lambda h: resuming(h).remove(PSK_MODES), TLS13, 109),
    # Nobody knows this key, so that a certificate is needed (RFC 8446 section 4.2.3).
    ("a pre-shared key and no signature_algorithms", lambda h: resuming(h).remove(SIGNATURE_ALGORITHMS, EARLY_DATA),
     TLS13, 109),
    ("no key_share, where TLS 1.3 is off", without(KEY_SHARE), TLS12, 70),
]


def falls_back(self):
    """TLS 1.3 is offered without its key_share, which matters only to those who speak it."""
    offer = sized(1, u16(0x0304, 0x0303))
    for protocols_of_context, status in ((TLS12, COMPLETE), (TLS12 | TLS13, PROTOCOL)):
        hello = client_hello(TLS12).add(SUPPORTED_VERSIONS, offer)
        us, them, asked = by_hand(self, TLS12, hello, ours={"protocols": protocols_of_context})
        test_alerts.talk(us, them)
        self.assertEqual((us.status, asked), (status, [NEEDS_SERVER_OPTIONS]), us.session.error())
    self.assertEqual(them.alerts, [(2, 109, False)])


# --- Which context: the question itself ------------------------------------------------------------------------------

def warned(self):
    """Warnings before a ClientHello change nothing."""
    for warnings in (1, 4):
        us, them, asked = by_hand(self, TLS12)
        them.outbox[:0] = record(ALERT, b"\1\x70") * warnings
        test_alerts.talk(us, them)
        self.assertEqual((us.status, asked), (COMPLETE, [NEEDS_SERVER_OPTIONS]), us.session.error())


def wrong_contexts(self):
    """A client's context, an undecided one: the question stays open. An answered one waits for the same input."""
    us, them, asked = by_hand(self, TLS13, size=100)
    client, undecided = Context(False), Context.undecided()
    decided = us.answer_to[NEEDS_SERVER_OPTIONS]

    def choose(session):
        for wrong in (client, undecided):
            self.refused(INVALID_ARGUMENT, session.set_server_context, wrong)
        decided(session)
        # The last fragment is still there: nothing happens without it, nor with another.
        self.assertEqual(len(records(us.inbox)[0]), 1)
        self.assertEqual(session.process_handshake(b"", us.room), (WANT_READ, 0, b""))
        self.assertEqual(session.process_handshake(us.inbox[:-1], us.room), (WANT_READ, 0, b""))
        for other in (record(HANDSHAKE, bytes(90)), record(ALERT, b"\2\x28")):
            self.assertEqual(session.process_handshake(other, us.room), (INVALID_ARGUMENT, 0, b""))

    self.on(us, NEEDS_SERVER_OPTIONS, choose)
    test_alerts.talk(us, them)
    self.assertEqual(us.status, COMPLETE, us.session.error())
    self.assertEqual(asked, [NEEDS_SERVER_OPTIONS])


def destroyed_contexts(self):
    """The chosen context may go as soon as it was given."""
    us, them, _ = by_hand(self, TLS12)
    chosen = Context(True, credentials="server-ed25519")

    def choose(session):
        session.set_server_context(chosen)
        chosen.close()

    us.answer_to[NEEDS_SERVER_OPTIONS] = choose
    test_alerts.talk(us, them)
    self.assertEqual(us.status, COMPLETE, us.session.error())


def answered_elsewhere(self):
    """All answers come from other threads."""
    def elsewhere(answer):
        def from_a_thread(session):
            thread = threading.Thread(target=answer, args=(session,))
            thread.start()
            thread.join()
            return 0
        return from_a_thread

    peer = Ours(self, "server", TLS13, ours={
        "undecided": [], "credentials": external("server-p384", 0x0503), "client_certificates": CERTIFICATE_REQUIRE})
    for driver, key in ((peer.us, "server-p384"), (peer.them, "client-rsa2048")):
        driver.judge = elsewhere(lambda session: session.set_certificate_validation_result(0))
        driver.answer_to.setdefault(NEEDS_SIGNATURE, elsewhere(functools.partial(signs, key=key)))
    peer.us.answer_to[NEEDS_SERVER_OPTIONS] = elsewhere(peer.us.answer_to[NEEDS_SERVER_OPTIONS])
    peer.them.answer_to[WANT_CREDENTIALS] = elsewhere(
        lambda session: session.set_client_credentials(external("client-rsa2048", 0x0805)))
    self.finishes(peer)
    self.assertEqual(peer.us.asked, [NEEDS_SERVER_OPTIONS, NEEDS_SIGNATURE, NEEDS_CERTIFICATE_VALIDATION])
    self.assertEqual(peer.them.asked, [WANT_CREDENTIALS, NEEDS_CERTIFICATE_VALIDATION, NEEDS_SIGNATURE])


# --- Signatures from elsewhere ---------------------------------------------------------------------------------------

# Scheme: name, keys, versions (RFC 8446 section 4.2.3), and what the program is told.
PSS = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
SCHEMES = {
    0x0804: ("rsa_pss_rsae_sha256", ("rsa2048", "rsa4096"), BOTH, ["-sha256", *PSS]),
    0x0805: ("rsa_pss_rsae_sha384", ("rsa2048",), BOTH, ["-sha384", *PSS]),
    0x0806: ("rsa_pss_rsae_sha512", ("rsa2048",), BOTH, ["-sha512", *PSS]),
    0x0401: ("rsa_pkcs1_sha256", ("rsa2048", "rsa4096"), OLD, ["-sha256"]),
    0x0501: ("rsa_pkcs1_sha384", ("rsa2048",), OLD, ["-sha384"]),
    0x0601: ("rsa_pkcs1_sha512", ("rsa2048",), OLD, ["-sha512"]),
    0x0403: ("ecdsa_secp256r1_sha256", ("p256",), BOTH, ["-sha256"]),
    0x0503: ("ecdsa_secp384r1_sha384", ("p384",), BOTH, ["-sha384"]),
    0x0807: ("ed25519", ("ed25519",), BOTH, None),
}
FIRST_SCHEME = {"rsa2048": 0x0804, "rsa4096": 0x0804, "p256": 0x0403, "p384": 0x0503, "ed25519": 0x0807}


def external(name, *schemes):
    return Credentials(name, schemes or [FIRST_SCHEME[name.split("-")[1]]])


def signed(scheme, name, content):
    """The openssl program signs; the key is nowhere else."""
    key, how = cert_path(name + ".key"), SCHEMES[scheme][3]
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        command = ["openssl", "dgst", *how, "-sign", key, file.name] if how else \
            ["openssl", "pkeyutl", "-sign", "-rawin", "-in", file.name, "-inkey", key]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=20).stdout


def signs(session, key):
    scheme, content = session.signature_request()
    session.set_signature(signed(scheme, key, content))


def external_peer(test, make_peer, our_role, protocol, key, schemes, *, ours=None, settings=None, preset=True):
    """A peer of a session of ours whose key is elsewhere; the session's, if it is set beforehand. On both sides
    certificates are shown."""
    name = f"{our_role}-{key}"
    credentials = external(name, *schemes)
    test.addCleanup(credentials.close)
    options = {"protocols": protocol, **(ours or {})}
    if our_role == "server" or not preset:
        options["credentials"] = credentials
    settings = {"ask": CERTIFICATE_REQUIRE, **(settings or {})}
    peer = make_peer(test, our_role, protocol, ours=options, settings=settings)
    if our_role == "client" and preset:
        peer.us.session.set_client_credentials(credentials)
    return peer, name


def signature_test(make_peer, our_role, protocol, key, scheme):
    def test(self):
        # A client's credentials are set beforehand or in the options, turn about.
        peer, name = external_peer(self, make_peer, our_role, protocol, key, [scheme], preset=scheme % 2 == 1)

        def sign(session):
            asked, content = session.signature_request()
            self.assertEqual(asked, scheme)
            if protocol == TLS13:
                start = b" " * 64 + f"TLS 1.3, {our_role} CertificateVerify".encode() + b"\0"
                self.assertEqual((content[:len(start)], len(content) - len(start) in (32, 48)), (start, True))
            elif our_role == "server":
                # RFC 5246 section 7.4.3: both randoms and the parameters.
                self.assertEqual(content[:32], Facts(session.client_hello()).bytes("random"))
                self.assertEqual(content[64:65], b"\3")
            else:
                self.assertEqual(content[:1], b"\1")  # RFC 5246 section 7.4.8: all messages from ClientHello on
            session.set_signature(signed(scheme, name, content))

        self.on(peer.us, NEEDS_SIGNATURE, sign)
        self.finishes(peer)
        verdict = [NEEDS_CERTIFICATE_VALIDATION] if our_role == "client" else []
        self.assertEqual(peer.us.asked, [*verdict, NEEDS_SIGNATURE])
        self.assertEqual(peer.us.session.local_certificate(), leaf(name))
        if our_role == "server":
            self.peer_saw(peer, name)
        self.refused(INVALID_STATE, peer.us.session.signature_request)
        self.refused(INVALID_STATE, peer.us.session.set_signature, b"once more")

    return test


def wrong_signature_test(our_role, protocol, key):
    """Nothing that is no signature of this message by this key is taken, and nothing leaves before the right one."""
    def test(self):
        scheme = FIRST_SCHEME[key]
        peer, name = external_peer(self, PythonPeer, our_role, protocol, key, [scheme])

        def sign(session):
            asked, content = session.signature_request()
            right = signed(asked, name, content)
            others = [signed(scheme, f"{'server' if our_role == 'client' else 'client'}-{key}", content)]
            others += [signed(0x0805, name, content), signed(0x0401, name, content)] if key == "rsa2048" else []
            others += [b"x", bytes(len(right)), b"\xff" * 20000, right[:-1], right + b"\0", right[1:],
                       bytes([right[0] ^ 1]) + right[1:], right[:-1] + bytes([right[-1] ^ 1]),
                       signed(asked, name, content[:-1]), signed(asked, name, content + b"\0"),
                       signed(asked, name, b"another message")]
            for wrong in others:
                self.refused(INVALID_ARGUMENT, session.set_signature, wrong)
                self.assertEqual(session.process_handshake(peer.us.inbox, 20000), (NEEDS_SIGNATURE, 0, b""))
                self.assertEqual(session.drain_pending_output(20000), (COMPLETE, b""))
            self.assertEqual(session.signature_request(), (asked, content))
            session.set_signature(right)

        self.on(peer.us, NEEDS_SIGNATURE, sign)
        self.finishes(peer)

    return test


def no_signature_test(make_peer, our_role, protocol, key, alert):
    """The host cannot sign (an alert of None), or ends the handshake with an alert of its choice."""
    def test(self):
        peer, _ = external_peer(self, make_peer, our_role, protocol, key, [])
        self.on(peer.us, NEEDS_SIGNATURE,
                (lambda session: session.set_signature(b"")) if alert is None else lambda s: s.reject(alert))
        self.ends(peer, alert or 80)
        self.assertEqual(peer.us.asked.count(NEEDS_SIGNATURE), 1)

    return test


def preference_test(our_role, protocol, ours, theirs, expected):
    """The first of our schemes that the peer takes; where there is none, nobody is asked."""
    def test(self):
        settings = {"openssl": ["-sigalgs" if our_role == "server" else "-client_sigalgs", theirs]} if theirs else {}
        peer, name = external_peer(self, OpenSsl, our_role, protocol, "rsa2048", ours, settings=settings)
        if expected is None:
            self.assertEqual(peer.meet(), PROTOCOL)
            self.assertEqual(peer.us.session.error().alert_sent, 40)
            self.assertEqual(peer.us.asked, [])
            peer.assert_heard(self, 40)
            return
        peer.us.answer_to[NEEDS_SIGNATURE] = lambda session: (
            self.assertEqual(session.signature_request()[0], expected), signs(session, name))
        self.finishes(peer)
        self.assertIn(NEEDS_SIGNATURE, peer.us.asked)

    return test


def automatic_test(make_peer, our_role, protocol):
    """With SPANTLS_VALIDATION_AUTOMATIC nothing is asked about certificates, whatever else is."""
    def test(self):
        options = {"validation": VALIDATION_AUTOMATIC, "client_certificates": CERTIFICATE_REQUIRE}
        if our_role == "server":
            options["undecided"] = []
        peer, name = external_peer(self, make_peer, our_role, protocol, "rsa2048", [0x0806, 0x0804], ours=options,
                                   settings={"credentials": ("client" if our_role == "server" else "server") + "-p256"},
                                   preset=False)
        peer.us.judge = lambda session: self.fail("nobody is to judge")
        self.on(peer.us, NEEDS_SIGNATURE, lambda session: signs(session, name))
        if our_role == "server":
            self.on(peer.us, NEEDS_SERVER_OPTIONS, peer.us.answer_to[NEEDS_SERVER_OPTIONS])
        self.finishes(peer)
        first = [NEEDS_SERVER_OPTIONS] if our_role == "server" else []
        self.assertEqual(peer.us.asked, [*first, NEEDS_SIGNATURE])
        self.assertEqual(peer.us.session.remote_certificates()[0],
                         leaf("client-p256" if our_role == "server" else "server-p256"))

    return test


def automatic_refusal_test(make_peer, our_role, protocol):
    """The same with a peer that is not trusted. A client judges before it signs, a server behind."""
    def test(self):
        options = {"validation": VALIDATION_AUTOMATIC, "client_certificates": CERTIFICATE_REQUIRE,
                   "anchors": "deep-ca"}
        peer, name = external_peer(self, make_peer, our_role, protocol, "p256", [], ours=options,
                                   settings={"credentials": ("client" if our_role == "server" else "server") + "-p256"})
        peer.us.judge = lambda session: self.fail("nobody is to judge")
        self.on(peer.us, NEEDS_SIGNATURE, lambda session: signs(session, name))
        self.ends(peer, 48)
        self.assertEqual(peer.us.asked, [NEEDS_SIGNATURE] if our_role == "server" else [])

    return test


# --- Credentials with a key that is elsewhere ------------------------------------------------------------------------

# What is wrong, the certificate, the schemes, and what the error says.
BAD_CREDENTIALS = [
    ("no scheme", "server-p256", [], "needs a signature scheme"),
    ("an unknown scheme", "server-p256", [0x1234], "0x1234 is not supported"),
    ("scheme 0", "server-p256", [0], "0x0000 is not supported"),
    ("an unknown scheme behind a good one", "server-p256", [0x0403, 0xFFFF], "0xffff is not supported"),
    ("ecdsa_secp521r1_sha512", "server-p256", [0x0603], "0x0603 is not supported"),
    ("ed448", "server-ed25519", [0x0808], "0x0808 is not supported"),
    ("SHA-1", "server-rsa2048", [0x0201], "0x0201 is not supported"),
    ("ECDSA with SHA-1", "server-p256", [0x0203], "0x0203 is not supported"),
    ("rsa_pss_pss_sha256", "server-rsa2048", [0x0809], "0x0809 is not supported"),
    ("a scheme twice", "server-rsa2048", [0x0804, 0x0401, 0x0804], "0x0804 is listed twice"),
    *((f"a {key} key and {SCHEMES[scheme][0]}", f"server-{key}", [scheme], f"does not sign with scheme {scheme:#06x}")
      for key in KEYS for scheme, (_, keys, _, _) in SCHEMES.items() if key not in keys),
    ("a scheme of another key behind a good one", "server-rsa2048", [0x0804, 0x0403],
     "does not sign with scheme 0x0403"),
    ("a P-521 key", "server-p521", [0x0403], "unsupported type"),
    ("a P-521 key and its scheme", "server-p521", [0x0603], "unsupported type"),
    ("an RSA key of 1024 bits", "server-rsa1024", [0x0804], "2048 to 8192 bits"),
    ("an RSA key for PSS alone", "server-rsapss2048", [0x0804], "unsupported type"),
    ("an RSA key for PSS alone and its scheme", "server-rsapss2048", [0x0809], "unsupported type"),
    ("a secp256k1 key", "server-secp256k1", [0x0403], "unsupported type"),
    ("a text without certificates", "../make_certs", [0x0403], None),
]


def bad_credentials_test(name, schemes, words):
    def test(self):
        if words is None:
            for text, words_ in ((b"", "no PEM block"), (read_cert("server-p256.key"), "no PEM block"),
                                 (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged")):
                with tempfile.NamedTemporaryFile(suffix=".pem") as file:
                    file.write(text)
                    file.flush()
                    said = self.refused(CONFIGURATION, Credentials, file.name.removesuffix(".pem"), schemes)
                self.assertIn(words_, said)
            return
        self.assertIn(words, self.refused(CONFIGURATION, Credentials, name, schemes))

    return test


# --- Which credentials -----------------------------------------------------------------------------------------------

def subject_of(der):
    """The distinguished name of a certificate's subject, as DER (RFC 5280 section 4.1)."""
    def inside(at):
        """Where the content of the element at `at` begins and ends."""
        if der[at + 1] < 0x80:
            return at + 2, at + 2 + der[at + 1]
        width = der[at + 1] & 0x7F
        return at + 2 + width, at + 2 + width + int.from_bytes(der[at + 2:at + 2 + width], "big")

    at = inside(inside(0)[0])[0]
    for _ in range(4 + (der[at] == 0xA0)):  # version, serial number, algorithm, issuer, validity
        at = inside(at)[1]
    return der[at:inside(at)[1]]


def hears(peer, data=b""):
    """What comes behind our handshake, as far as it goes."""
    if isinstance(peer, Program):
        peer.us.receive(lambda received: data and data in received)
    else:
        peer.us.read()
    return peer.us.status


def server_saw(test, peer, name):
    """Which certificate of our client; None for no certificate."""
    if isinstance(peer, Program):
        if name and isinstance(peer, OpenSsl):
            peer.child.wrote(f"depth=0 CN = {name}")
        elif name:
            peer.child.wrote(f"Subject: CN={name}")
    elif isinstance(peer, PythonPeer):
        test.assertEqual(peer.them.ssl.getpeercert(True), leaf(name) if name else None)
    else:
        test.assertEqual(peer.them.session.remote_certificates()[:1], [leaf(name)] if name else [])


# How the host answers; what is shown, and whether the question comes at all.
CREDENTIALS = [
    *((f"shows {key}", f"client-{key}", True, "on demand") for key in KEYS),
    ("shows nothing", None, True, "on demand"),
    ("had rsa2048 set beforehand", "client-rsa2048", False, "preset"),
    ("had nothing set beforehand", None, False, "preset"),
    ("had nothing set beforehand, and options with p256", None, False, "preset over options"),
    ("had ed25519 set beforehand, and options with p256", "client-ed25519", False, "preset over options"),
    ("had nothing and then p384 set beforehand", "client-p384", False, "preset twice"),
    ("has options with p384", "client-p384", False, "options"),
]


def credentials_test(make_peer, protocol, mode, name, is_asked, how):
    def test(self):
        ours = {"protocols": protocol}
        if "options" in how:
            ours["credentials"] = name if how == "options" else "client-p256"
        peer = make_peer(self, "client", protocol, ours=ours, settings={"ask": mode})
        session, shown = peer.us.session, name and Credentials(name)
        if how == "preset twice":
            session.set_client_credentials(None)
        if how.startswith("preset"):
            session.set_client_credentials(shown)

        def show(session):
            self.assertEqual(session.remote_certificates(), [])
            # Python names no issuers.
            names = [] if make_peer is PythonPeer else [subject_of(leaf("ca"))]
            self.assertEqual(session.acceptable_issuers(), names)
            schemes = session.acceptable_signature_schemes()
            self.assertLessEqual({0x0403, 0x0503, 0x0804, 0x0807}, set(schemes))
            self.assertEqual(len(schemes), len(set(schemes)))
            session.set_client_credentials(shown)
            if shown:
                shown.close()

        def judge(session):
            self.assertEqual(len(session.acceptable_signature_schemes()) > 0, is_asked)
            session.accept_with_default_validation()

        self.on(peer.us, WANT_CREDENTIALS, show)
        self.on(peer.us, NEEDS_CERTIFICATE_VALIDATION, judge)
        self.assertEqual((session.acceptable_issuers(), session.acceptable_signature_schemes()), ([], []))
        status = peer.meet()
        question = [WANT_CREDENTIALS] if is_asked else []
        self.assertEqual(peer.us.asked, [*question, NEEDS_CERTIFICATE_VALIDATION])
        if name is None and mode == CERTIFICATE_REQUIRE:
            if protocol == TLS13:
                self.assertEqual(status, COMPLETE, session.error())
                status = hears(peer)
            # RFC 8446 section 4.4.2.4, RFC 5246 section 7.4.6; GnuTLS has decode_error for the latter.
            self.assertEqual(status, PEER_ALERT, session.error())
            expected = 116 if protocol == TLS13 else 50 if make_peer is GnuTls else 40
            self.assertEqual(session.error().alert_received, expected)
            return
        self.assertEqual(status, COMPLETE, session.error())
        peer.assert_content(self)
        server_saw(self, peer, name)
        self.assertEqual(session.local_certificate(), leaf(name) if name else b"")
        self.assertEqual((session.acceptable_issuers(), session.acceptable_signature_schemes()), ([], []))
        self.refused(INVALID_STATE, session.set_client_credentials, None)

    return test


def unasked_test(make_peer, protocol):
    """A server that does not ask: nobody is asked, and what was set stays unseen."""
    def test(self):
        peer = make_peer(self, "client", protocol, ours={"protocols": protocol, "credentials": "client-p256"})
        session = peer.us.session
        peer.us.handshake()
        self.refused(INVALID_STATE, session.set_client_credentials, None)
        self.finishes(peer)
        self.assertEqual(peer.us.asked, [NEEDS_CERTIFICATE_VALIDATION])
        self.assertEqual(session.local_certificate(), b"")
        self.check_no_hello(session)

    return test


def unfit_test(make_peer, protocol, settings, schemes, unfit, fit):
    """Credentials that fit none of the server's schemes are refused, and the question stays."""
    def test(self):
        peer = make_peer(self, "client", protocol, ours={"protocols": protocol},
                         settings={"ask": CERTIFICATE_REQUIRE, **settings})

        def show(session):
            if schemes:
                self.assertEqual(session.acceptable_signature_schemes(), schemes)
            for name in unfit:
                made = name if isinstance(name, Credentials) else Credentials(name)
                said = self.refused(CONFIGURATION, session.set_client_credentials, made)
                self.assertIn("no signature scheme of these credentials", said)
                self.assertEqual(session.process_handshake(peer.us.inbox, 20000), (WANT_CREDENTIALS, 0, b""))
            session.set_client_credentials(Credentials(fit))

        self.on(peer.us, WANT_CREDENTIALS, show)
        self.finishes(peer)
        self.assertEqual(peer.us.asked, [WANT_CREDENTIALS, NEEDS_CERTIFICATE_VALIDATION])
        server_saw(self, peer, fit)

    return test


def unfit_by_hand_test(protocol, name, preset):
    """A server that takes Ed25519 and P-256 alone. What was set beforehand and does not fit counts as none."""
    def test(self):
        us = test_alerts.ours_of(self, "client", {"protocols": protocol, "credentials": None})
        them = HandPeer(True, protocol, ask=True)
        if preset:
            us.session.set_client_credentials(Credentials(name))

        def show(session):
            self.assertEqual(session.acceptable_signature_schemes(), [ED25519, ECDSA_P256])
            self.assertEqual(session.acceptable_issuers(), [])
            self.refused(CONFIGURATION, session.set_client_credentials, Credentials(name))
            session.set_client_credentials(None)

        self.on(us, WANT_CREDENTIALS, show)
        test_alerts.talk(us, them)
        self.assertEqual(us.status, COMPLETE, us.session.error())
        self.assertEqual(us.asked, ([] if preset else [WANT_CREDENTIALS]) + [NEEDS_CERTIFICATE_VALIDATION])
        self.assertEqual((them.received.count(11), them.received.count(15)), (1, 0))
        self.assertEqual(us.session.local_certificate(), b"")

    return test


def issuers_test(protocol):
    """Many names."""
    def test(self):
        names = ["ca", "other-ca", "deep-ca", "selfsigned"]
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            for name in names:
                file.write(read_cert(name + ".pem"))
            file.flush()
            peer = OpenSsl(self, "client", protocol, ours={"protocols": protocol},
                           settings={"ask": CERTIFICATE_REQUEST, "openssl": ["-CAfile", file.name]})

            def show(session):
                wanted = {subject_of(leaf(name)) for name in names}
                self.assertEqual(set(session.acceptable_issuers()), wanted)
                self.assertEqual(len(session.acceptable_issuers()), len(wanted))
                session.set_client_credentials(None)

            self.on(peer.us, WANT_CREDENTIALS, show)
            self.finishes(peer)

    return test


def no_credentials_test(make_peer, protocol, alert):
    """The host ends the handshake instead of an answer."""
    def test(self):
        peer = make_peer(self, "client", protocol, ours={"protocols": protocol},
                         settings={"ask": CERTIFICATE_REQUEST})
        self.on(peer.us, WANT_CREDENTIALS, lambda session: session.reject(alert))
        self.ends(peer, alert)
        self.assertEqual(peer.us.asked, [WANT_CREDENTIALS])

    return test


# --- Left alone in the middle of a question --------------------------------------------------------------------------

def question_peer(test, question, protocol):
    """A pair of ours that will be asked this."""
    role = "client" if question == WANT_CREDENTIALS else "server"
    ours = {"protocols": protocol}
    if question == NEEDS_SERVER_OPTIONS:
        ours["undecided"] = []
    if question == NEEDS_SIGNATURE:
        ours["credentials"] = external("server-p256")
    return Ours(test, role, protocol, ours=ours, settings={"ask": CERTIFICATE_REQUEST})


class Enough(Exception):
    """The test has what it wanted."""


def stops_test(question, protocol, end):
    """A host that shuts down, destroys the session, or hears that the transport has ended, while it is asked."""
    def test(self):
        peer = question_peer(self, question, protocol)
        us = peer.us

        def stop(session):
            raise Enough

        us.answer_to[question] = stop
        before = suspended_handshakes()
        with self.assertRaises(Enough):
            peer.meet()
        # Who waits for a context holds no stack.
        self.assertEqual(suspended_handshakes() - before, question != NEEDS_SERVER_OPTIONS)
        if end == "destroy":
            us.close()
            self.assertEqual(suspended_handshakes(), before)
        elif end == "shut down":
            self.assertEqual(us.shutdown(), CLOSED)
            self.assertEqual(suspended_handshakes(), before)
            self.assertEqual(us.session.process_handshake(us.inbox, 20000), (CLOSED, 0, b""))
            for other in ANSWERS.values():
                self.refused(INVALID_STATE, other, us.session)
            peer.them.inbox += us.take_output()
            peer.them.handshake()
            error = peer.them.session.error()
            self.assertEqual((error.alert_received, error.alert_sent), (0, -1), error)
        else:
            self.assertEqual(us.session.end_of_input(), COMPLETE)
            self.assertEqual(us.session.process_handshake(us.inbox, 20000), (question, 0, b""))
            us.answer_to[question] = {
                NEEDS_SERVER_OPTIONS: lambda session: session.set_server_context(tenant("", protocols=protocol)),
                WANT_CREDENTIALS: lambda session: session.set_client_credentials(None),
                NEEDS_SIGNATURE: lambda session: signs(session, "server-p256"),
            }[question]
            # A TLS 1.3 client has all that it needs.
            done = question == WANT_CREDENTIALS and protocol == TLS13
            self.assertEqual(us.handshake(), COMPLETE if done else TRUNCATED)

    return test


# --- The example -----------------------------------------------------------------------------------------------------

def example_test(count):
    """bindings/python/examples/validate_in_pool.py, as it is."""
    def test(self):
        script = os.path.join(HERE, "..", "..", "..", "bindings", "python", "examples", "validate_in_pool.py")
        done = subprocess.run([sys.executable, script, str(count)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        facts = dict(re.findall(r"^([a-z ,]+): +(\d+)$", done.stdout, re.MULTILINE))
        self.assertEqual({name: int(facts[name]) for name in ("handshakes begun", "completed", "refused")},
                         {"handshakes begun": count, "completed": count - count // 10, "refused": count // 10})
        self.assertGreater(int(facts["in flight at most"]), count // 4)
        self.assertGreater(int(facts["suspended at once at most"]), 1)

    return test


# --- The tests -------------------------------------------------------------------------------------------------------

turn = 0


def add(name, test, peer=None, every=True):
    """In quick mode not every row of a table is run."""
    global turn
    turn += 1
    if QUICK and not every and turn % (6 if peer in (OpenSsl, GnuTls) else 2):
        return
    sentences.add_test(Questions, name, test)


def add_contexts():
    for protocol, version in NAMES.items():
        for name in [*TENANTS, STRANGER]:
            for peer in PEERS:
                for size in (None, 1):
                    pieces = ", byte by byte" if size else ""
                    what = f"turns {peer.name} away from {name}" if name == STRANGER else \
                        f"serves {peer.name} as {name}" if name else f"serves {peer.name}, who names nobody"
                    add(f"{version}: our server {what}{pieces}", tenant_test(peer, protocol, name, size), peer, False)
        for size in (1, 2, 100):
            add(f"{version}: a ClientHello in records of {size} bytes",
                long_test(protocol, 512, size))
        for length, size in ((65535, None), (65535, 100), (65535, 64), (65000, 16383)):
            in_records = f", in records of {size} bytes" if size else ""
            add(f"{version}: a ClientHello of {length} bytes{in_records}", long_test(protocol, length, size))
    for peer in PEERS:
        for when in ("whole", "in pieces", "its key elsewhere"):
            add(f"TLS 1.3: our server asks {peer.name} for another share, and its host once ({when})",
                retry_test(peer, when), peer, False)
    add("a ClientHello of 57,000 bytes of Python's", python_says_much)
    for what, versions, change in ODD_HELLOS:
        for protocol in versions:
            add(f"{NAMES[protocol]}: a ClientHello with {what} is described", odd_test(protocol, change))
    for what, data, expected, output in BEGINNINGS:
        for undecided in (True, False):
            whose = "an undecided" if undecided else "a decided"
            add(f"{whose} server's client begins with {what}", beginning_test(what, data, expected, output, undecided))
    for row in test_alerts.ROWS:
        for protocol in row.versions if row.role == "server" else ():
            for peer in {PythonPeer, None} & set(getattr(row.scene, "peers", [None])):
                departed = test_alerts.departed(row)
                add(f"{NAMES[protocol]}: undecided{' (Python)' if peer else ''}: {row.cause}: {test_alerts.words(row)}",
                    alert_row_test(departed or row, protocol, peer), every=turn % 3 == 0)
    for what, change, context, alert in HELLO_ALERTS:
        add(f"an undecided server's client sends {what}: {alert_name(alert)}",
            hello_alert_test(change, context, alert))
    add("what TLS 1.3 demands is not demanded where it is off", falls_back)
    add("an undecided server passes over warnings before the ClientHello", warned)
    add("a context that is none for servers is not taken, and an answered ClientHello waits for its last record",
        wrong_contexts)
    add("a chosen context may be destroyed", destroyed_contexts)
    add("all questions are answered from other threads", answered_elsewhere)


def add_credentials():
    for protocol, version in NAMES.items():
        for what, name, is_asked, how in CREDENTIALS:
            for mode, verb in ((CERTIFICATE_REQUEST, "requests"), (CERTIFICATE_REQUIRE, "requires")):
                for peer in PEERS:
                    add(f"{version}: our client {what} where {peer.name} {verb} a certificate",
                        credentials_test(peer, protocol, mode, name, is_asked, how), peer, False)
        for peer in PEERS:
            add(f"{version}: our client is not asked where {peer.name} does not ask", unasked_test(peer, protocol),
                peer, False)
            for alert in (40, 49, 80):
                add(f"{version}: our client has no credentials but {alert_name(alert)}, which {peer.name} hears",
                    no_credentials_test(peer, protocol, alert), peer, False)
        for peer, settings, schemes, unfit, fit in (
            (OpenSsl, {"openssl": ["-client_sigalgs", "RSA-PSS+SHA256"]}, [0x0804],
             ["client-p256", "client-p384", "client-ed25519"], "client-rsa2048"),
            (OpenSsl, {"openssl": ["-client_sigalgs", "ECDSA+SHA384:ed25519"]}, [0x0503, 0x0807],
             ["client-rsa2048", "client-p256"], "client-p384"),
            (OpenSsl, {"openssl": ["-client_sigalgs", "RSA-PSS+SHA512:RSA-PSS+SHA384"]}, [0x0806, 0x0805],
             [external("client-rsa2048", 0x0804, 0x0401)], "client-rsa2048"),
            (GnuTls, {"gnutls": ":-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256", "credentials": "server-rsa2048"}, None,
             ["client-p256", "client-ed25519"], "client-rsa2048"),
        ):
            shown = ", ".join(f"{scheme:#06x}" for scheme in schemes or [0x0804])
            add(f"{version}: {peer.name} takes {shown} alone, and other credentials are refused",
                unfit_test(peer, protocol, settings, schemes, unfit, fit))
        for name in ("client-rsa2048", "client-p384"):
            for preset in (False, True):
                when = "beforehand" if preset else "on demand"
                add(f"{version}: {name} does not fit, {when}", unfit_by_hand_test(protocol, name, preset))
        add(f"{version}: OpenSSL names many issuers", issuers_test(protocol))


def add_signatures():
    for our_role in ("server", "client"):
        for scheme, (what, keys, versions, _) in SCHEMES.items():
            for protocol in versions:
                for key in keys if our_role == "server" else keys[:1]:
                    for peer in PEERS:
                        add(f"{NAMES[protocol]}: our {our_role}'s {key} key is elsewhere and signs {what}: {peer.name}",
                            signature_test(peer, our_role, protocol, key, scheme), peer, False)
        for protocol, version in NAMES.items():
            for key in KEYS:
                add(f"{version}: our {our_role} takes no signature that is not right: {key}",
                    wrong_signature_test(our_role, protocol, key), every=False)
            for peer in PEERS:
                for key, alert in (("p256", None), ("rsa2048", None), ("p384", 49), ("ed25519", 80)):
                    why = "does not sign" if alert is None else "ends the handshake instead of a signature"
                    add(f"{version}: our {our_role} {why} with {key}, and {peer.name} hears {alert_name(alert or 80)}",
                        no_signature_test(peer, our_role, protocol, key, alert), peer, False)
                add(f"{version}: our {our_role} asks {peer.name} all but the verdict, which is automatic",
                    automatic_test(peer, our_role, protocol), peer, False)
                add(f"{version}: our {our_role} refuses {peer.name} by itself, its key elsewhere",
                    automatic_refusal_test(peer, our_role, protocol), peer, False)
            for ours, theirs, expected in (
                ([0x0806, 0x0804], None, 0x0806), ([0x0804, 0x0806], None, 0x0804),
                ([0x0806, 0x0804], "RSA-PSS+SHA256:RSA-PSS+SHA384", 0x0804),
                ([0x0601, 0x0805, 0x0401], None, 0x0601 if protocol == TLS12 else 0x0805),
            ):
                choice = ", ".join(f"{scheme:#06x}" for scheme in ours)
                add(f"{version}: our {our_role} takes {expected:#06x} of {choice}; OpenSSL takes {theirs or 'all'}",
                    preference_test(our_role, protocol, ours, theirs, expected), OpenSsl, False)
    add("TLS 1.3: our server has no scheme in common with OpenSSL, and asks nobody",
        preference_test("server", TLS13, [0x0806], "RSA-PSS+SHA256", None))
    add("TLS 1.3: our server signs with PKCS#1 alone, which TLS 1.3 has not",
        preference_test("server", TLS13, [0x0401, 0x0501, 0x0601], None, None))
    for what, name, schemes, words in BAD_CREDENTIALS:
        add(f"credentials with a key elsewhere and {what} are refused", bad_credentials_test(name, schemes, words))


def add_endings():
    for question, what in ((NEEDS_SERVER_OPTIONS, "a context"), (WANT_CREDENTIALS, "credentials"),
                           (NEEDS_SIGNATURE, "a signature")):
        for protocol, version in NAMES.items():
            for end in ("destroy", "shut down", "end of input"):
                add(f"{version}: {end}, while {what} is missing", stops_test(question, protocol, end))
    add("the example validates in a pool while other handshakes go on", example_test(60 if QUICK else 200))


add_contexts()
add_credentials()
add_signatures()
add_endings()

if __name__ == "__main__":
    sentences.main()
