"""Our session against Python's own ssl module (OpenSSL), in memory: both roles, every version, suite and key."""

import functools
import os
import ssl
import unittest

import sentences
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_NONE, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE, CLOSED, COMPLETE, HELLO_RETRIED,
    PEER_ALERT, PROTOCOL, TLS12, TLS13, TRUNCATED, WANT_READ, Context, Driver, cert_path,
)

QUICK = bool(os.environ.get("SPANTLS_QUICK"))

# IANA number, version, kind of server key, OpenSSL's name.
SUITES = [
    (0x1301, TLS13, "any", "TLS_AES_128_GCM_SHA256"),
    (0x1302, TLS13, "any", "TLS_AES_256_GCM_SHA384"),
    (0x1303, TLS13, "any", "TLS_CHACHA20_POLY1305_SHA256"),
    (0xC02B, TLS12, "ecdsa", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (0xC02C, TLS12, "ecdsa", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (0xCCA9, TLS12, "ecdsa", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (0xC02F, TLS12, "rsa", "ECDHE-RSA-AES128-GCM-SHA256"),
    (0xC030, TLS12, "rsa", "ECDHE-RSA-AES256-GCM-SHA384"),
    (0xCCA8, TLS12, "rsa", "ECDHE-RSA-CHACHA20-POLY1305"),
]
SERVER_KEYS = [
    ("rsa2048", "rsa"), ("rsa4096", "rsa"), ("p256", "ecdsa"), ("p384", "ecdsa"), ("ed25519", "ecdsa"),
]
VERSIONS = {TLS12: ("TLS 1.2", ssl.TLSVersion.TLSv1_2), TLS13: ("TLS 1.3", ssl.TLSVersion.TLSv1_3)}

# What OpenSSL calls an alert that it has received.
ALERTS = {
    40: "SSLV3_ALERT_HANDSHAKE_FAILURE",
    42: "SSLV3_ALERT_BAD_CERTIFICATE",
    43: "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    44: "SSLV3_ALERT_CERTIFICATE_REVOKED",
    45: "SSLV3_ALERT_CERTIFICATE_EXPIRED",
    46: "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
    48: "TLSV1_ALERT_UNKNOWN_CA",
    49: "TLSV1_ALERT_ACCESS_DENIED",
    80: "TLSV1_ALERT_INTERNAL_ERROR",
    116: "TLSV13_ALERT_CERTIFICATE_REQUIRED",
}

# More rounds than any exchange here needs.
MOST_ROUNDS = 100000


class Theirs:
    """Python's side: an SSLObject between two memory BIOs."""

    def __init__(self, context, server, name=None):
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=name)
        self.done = False
        self.error = None

    def feed(self, data):
        if data:
            self._in.write(data)

    def take_output(self, most=None):
        return self._out.read() if most is None else self._out.read(most)

    def has_output(self):
        return self._out.pending > 0

    def handshake(self):
        if self.done or self.error:
            return
        try:
            self.ssl.do_handshake()
            self.done = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error

    def read(self):
        """Everything there is; b"" at a close_notify. Errors are kept."""
        plaintext = bytearray()
        try:
            while True:
                got = self.ssl.read(65536)
                if not got:
                    break
                plaintext += got
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        except ssl.SSLError as error:
            self.error = error
        return bytes(plaintext)

    def unwrap(self):
        """Sends close_notify; true once the peer's has come."""
        try:
            self.ssl.unwrap()
            return True
        except ssl.SSLWantReadError:
            return False


def python_context(server, protocol, *, credentials=None, ciphers=None, alpn=(), client_certificates=CERTIFICATE_NONE):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = VERSIONS[protocol][1]
    if credentials:
        context.load_cert_chain(cert_path(credentials + ".pem"), cert_path(credentials + ".key"))
    context.load_verify_locations(cert_path("ca.pem"))
    if ciphers:
        context.set_ciphers(ciphers)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if server:
        context.verify_mode = {
            CERTIFICATE_NONE: ssl.CERT_NONE,
            CERTIFICATE_REQUEST: ssl.CERT_OPTIONAL,
            CERTIFICATE_REQUIRE: ssl.CERT_REQUIRED,
        }[client_certificates]
    return context


class AgainstPython(unittest.TestCase):
    maxDiff = 200

    def connect(self, our_role, protocol, *, ours=None, theirs=None, name="localhost", judge=None, room=20000):
        """A pair, not yet connected. `ours` and `theirs` are options of the two contexts."""
        we_serve = our_role == "server"
        our_options = {"protocols": protocol, "anchors": "ca", **(ours or {})}
        their_options = dict(theirs or {})
        (our_options if we_serve else their_options).setdefault("credentials", "server-p256")
        context = Context(we_serve, **our_options)
        us = Driver(context, None if we_serve else name, room=room, judge=judge)
        context.close()
        self.addCleanup(us.close)
        them = Theirs(python_context(not we_serve, protocol, **their_options), not we_serve, name if we_serve else None)
        return us, them

    def exchange(self, us, them, piece=None):
        """Moves bytes both ways, `piece` at a time, as long as there are any."""
        for _ in range(MOST_ROUNDS):
            data = us.take_output(piece)
            answer = them.take_output(piece)
            if not data and not answer:
                return
            them.feed(data)
            us.inbox += answer
            yield
        self.fail("the exchange does not end")

    def shake_hands(self, us, them, piece=None):
        us.handshake()
        them.handshake()
        for _ in self.exchange(us, them, piece):
            if us.status == WANT_READ:
                us.handshake()
            them.handshake()

    def assert_connected(self, us, them):
        self.assertIsNone(them.error)
        self.assertTrue(them.done)
        self.assertEqual(us.status, COMPLETE, us.session.error())

    def assert_same_facts(self, us, them):
        version = {TLS12: "TLSv1.2", TLS13: "TLSv1.3"}[us.session.negotiated_protocol()]
        name = next(suite[3] for suite in SUITES if suite[0] == us.session.negotiated_cipher_suite())
        self.assertEqual(version, them.ssl.version())
        self.assertEqual(name, them.ssl.cipher()[0])
        self.assertEqual(us.session.negotiated_alpn(), them.ssl.selected_alpn_protocol() or "")
        chain = us.session.remote_certificates()
        self.assertEqual(us.session.local_certificate() or None, them.ssl.getpeercert(True))
        return chain

    def send(self, us, them, data):
        us.write(data)
        received = bytearray()
        for _ in self.exchange(us, them):
            received += them.read()
        self.assertTrue(received == data, f"{len(received)} of {len(data)} bytes arrived, or others")

    def receive(self, us, them, data):
        view, received = memoryview(data), bytearray()
        while view:
            view = view[them.ssl.write(view[:200000]):]
        for _ in self.exchange(us, them):
            received += us.read()
        self.assertEqual(us.status, WANT_READ)
        self.assertTrue(received == data, f"{len(received)} of {len(data)} bytes arrived, or others")

    def close_ours_first(self, us, them):
        self.assertEqual(us.shutdown(), CLOSED)
        for _ in self.exchange(us, them):
            pass
        self.assertEqual(them.read(), b"")
        self.assertTrue(them.unwrap())
        for _ in self.exchange(us, them):
            self.assertEqual(us.read(), b"")
        self.assertEqual(us.status, CLOSED)
        self.assertEqual(us.session.end_of_input(), CLOSED)

    def close_theirs_first(self, us, them):
        self.assertFalse(them.unwrap())
        for _ in self.exchange(us, them):
            self.assertEqual(us.read(), b"")
        self.assertEqual(us.status, CLOSED)
        self.assertEqual(us.shutdown(), CLOSED)
        for _ in self.exchange(us, them):
            pass
        self.assertTrue(them.unwrap())


@functools.lru_cache(None)
def noise(length, seed):
    """The same bytes for the same seed, and not the same in every record."""
    block = bytes((i * i * 31 + i * seed + (i >> 8)) & 0xFF for i in range(65521))
    return (block * (length // len(block) + 1))[:length]


SIZES = [1, 16383, 16384, 16385, 100000]


def product_test(our_role, suite, key, turn):
    number, protocol, _, name = suite

    def test(self):
        ours = {"alpn": ["h2", "http/1.1"]}
        theirs = {"alpn": ["other", "h2"]}
        if our_role == "server":
            ours["credentials"] = f"server-{key}"
        else:
            theirs["credentials"] = f"server-{key}"
        if protocol == TLS12 and turn % 2:
            theirs["ciphers"] = name
        else:
            ours["suites"] = [number]
        us, them = self.connect(our_role, protocol, ours=ours, theirs=theirs)
        self.shake_hands(us, them)
        self.assert_connected(us, them)
        self.assertEqual(us.session.negotiated_cipher_suite(), number)
        self.assertEqual(us.session.negotiated_alpn(), "h2")
        chain = self.assert_same_facts(us, them)
        if our_role == "client":
            self.assertEqual(us.verdict, 0)
            self.assertEqual(len(chain), 2)
        else:
            self.assertEqual(us.session.target_host_name(), "localhost")
        for size in SIZES + ([] if QUICK else [1 << 20]):
            self.send(us, them, noise(size, 7))
            self.receive(us, them, noise(size, 11))
        (self.close_ours_first if turn % 4 < 2 else self.close_theirs_first)(us, them)

    return test


def refusal_test(our_role, protocol, alert, piece):
    def test(self):
        ours, theirs = {}, {}
        if our_role == "server":
            ours["client_certificates"] = CERTIFICATE_REQUIRE
            theirs["credentials"] = "client-p256"
        us, them = self.connect(our_role, protocol, ours=ours, theirs=theirs, judge=lambda s: s.reject(alert))
        self.shake_hands(us, them, piece)
        self.assertEqual(us.status, AUTHENTICATION)
        self.assertEqual(us.session.error().alert_sent, alert)
        if our_role == "server" and protocol == TLS13:
            # Their client has nothing to wait for in the handshake; it learns when it reads.
            self.assertEqual(them.read(), b"")
        else:
            self.assertFalse(them.done)
        self.assertIsNotNone(them.error)
        self.assertEqual(them.error.reason, ALERTS[alert])

    return test


def client_certificate_test(our_role, protocol, mode, shown):
    def test(self):
        if our_role == "server":
            ours = {"client_certificates": mode}
            theirs = {"credentials": f"client-{shown}"} if shown else {}
        else:
            ours = {"credentials": f"client-{shown}"} if shown else {}
            theirs = {"client_certificates": mode, "credentials": "server-p256"}
        us, them = self.connect(our_role, protocol, ours=ours, theirs=theirs)
        self.shake_hands(us, them)
        if shown or mode != CERTIFICATE_REQUIRE:
            self.assert_connected(us, them)
            self.assert_same_facts(us, them)
            if our_role == "server":
                self.assertEqual(us.verdict, 0)
                self.assertEqual(len(us.session.remote_certificates()), 2 if shown else 0)
            self.send(us, them, b"hello")
            self.receive(us, them, b"hello yourself")
            self.close_theirs_first(us, them)
            return
        alert = 116 if protocol == TLS13 else 40
        if our_role == "server":
            self.assertEqual(us.status, AUTHENTICATION, us.session.error())
            self.assertEqual(us.session.error().alert_sent, alert)
            self.assertEqual(us.suspensions, 0)
            them.read()
            self.assertEqual(them.error.reason, ALERTS[alert])
        else:
            self.assertEqual(them.error.reason, "PEER_DID_NOT_RETURN_A_CERTIFICATE")
            if protocol == TLS13:
                self.assertEqual(us.status, COMPLETE)
                self.assertEqual(us.read(), b"")
            self.assertEqual(us.status, PEER_ALERT)
            self.assertEqual(us.session.error().alert_received, alert)

    return test


def retry_test(our_role, piece):
    def test(self):
        # Both sides' first key share is X25519's.
        ours, theirs = {}, {}
        if our_role == "server":
            ours["groups"] = [0x0018]
        us, them = self.connect(our_role, TLS13, ours=ours, theirs=theirs)
        if our_role == "client":
            context = python_context(True, TLS13, credentials="server-p256")
            context.set_ecdh_curve("secp384r1")
            them = Theirs(context, True)
        self.shake_hands(us, them, piece)
        self.assert_connected(us, them)
        self.assertEqual(us.session.negotiated_group(), 0x0018)
        self.assertTrue(us.session.state() & HELLO_RETRIED)
        self.send(us, them, b"hello")
        self.receive(us, them, b"hello yourself")

    return test


def pieces_test(our_role, protocol, piece, room):
    def test(self):
        ours = {"client_certificates": CERTIFICATE_REQUIRE} if our_role == "server" else {"credentials": "client-p256"}
        theirs = {"credentials": "client-p256"} if our_role == "server" else {
            "client_certificates": CERTIFICATE_REQUIRE, "credentials": "server-p256"}
        us, them = self.connect(our_role, protocol, ours=ours, theirs=theirs, room=room)
        self.shake_hands(us, them, piece)
        self.assert_connected(us, them)
        us.room = 20000
        self.send(us, them, b"hello")
        self.receive(us, them, b"hello yourself")
        self.close_ours_first(us, them)

    return test


def validation_test(protocol, credentials, policy_errors, alert):
    def test(self):
        us, them = self.connect("client", protocol, theirs={"credentials": credentials})
        self.shake_hands(us, them)
        self.assertEqual(us.verdict, policy_errors)
        self.assertEqual(us.status, AUTHENTICATION)
        self.assertFalse(them.done)
        self.assertEqual(them.error.reason, ALERTS[alert])

    return test


def close_test(our_role, protocol, ours_first):
    def test(self):
        us, them = self.connect(our_role, protocol)
        self.shake_hands(us, them)
        self.send(us, them, b"last words")
        self.receive(us, them, b"last words")
        (self.close_ours_first if ours_first else self.close_theirs_first)(us, them)

    return test


def alpn_test(our_role, protocol):
    def test(self):
        us, them = self.connect(our_role, protocol, ours={"alpn": ["h2"]}, theirs={"alpn": ["other"]})
        self.shake_hands(us, them)
        if our_role == "server":
            self.assertEqual(us.status, PROTOCOL)
            self.assertEqual(us.session.error().alert_sent, 120)
            # Python 3.11 has no symbol for this one, only OpenSSL's text.
            self.assertIn("alert no application protocol", str(them.error))
        else:
            # Python's server goes on without a protocol, and so do we.
            self.assert_connected(us, them)
            self.assert_same_facts(us, them)

    return test


def cut_test(protocol):
    def test(self):
        us, them = self.connect("client", protocol)

        def judge(session):
            # The connection ends while we are thinking, and what had come behind the certificate is lost.
            self.assertEqual(session.end_of_input(), COMPLETE)
            us.inbox.clear()
            session.set_certificate_validation_result(0)

        us.judge = judge
        self.shake_hands(us, them)
        self.assertEqual(us.status, TRUNCATED)
        self.assertEqual(us.suspensions, 1)

    return test


def tampered_test(our_role, protocol):
    def test(self):
        us, them = self.connect(our_role, protocol)
        self.shake_hands(us, them)
        self.assert_connected(us, them)
        us.read()  # their session tickets
        them.ssl.write(b"tamper with me")
        record = bytearray(them.take_output())
        record[-1] ^= 1
        us.inbox += record
        self.assertEqual(us.read(), b"")
        self.assertEqual(us.status, PROTOCOL)
        them.feed(us.take_output())
        them.read()
        self.assertEqual(them.error.reason, "SSLV3_ALERT_BAD_RECORD_MAC")

    return test


def add_tests():
    turn = 0
    for our_role in ("client", "server"):
        for suite in SUITES:
            for key, kind in SERVER_KEYS:
                if suite[2] in ("any", kind):
                    turn += 1
                    if not QUICK or turn % 3 == 0:
                        sentences.add_test(
                            AgainstPython, f"our {our_role} speaks {suite[3]} with a {key} server",
                            product_test(our_role, suite, key, turn))
        for protocol, (version, _) in VERSIONS.items():
            for first in (True, False):
                sentences.add_test(
                    AgainstPython, f"{version}: our {our_role} closes {'first' if first else 'second'}",
                    close_test(our_role, protocol, first))
            for alert in (42, 43, 44, 45, 46, 48, 49, 80):
                sentences.add_test(
                    AgainstPython, f"{version}: our {our_role} refuses with {ALERTS[alert]}, and Python sees it",
                    refusal_test(our_role, protocol, alert, None))
            sentences.add_test(
                AgainstPython, f"{version}: our {our_role} refuses, byte by byte",
                refusal_test(our_role, protocol, 49, 1))
            for mode, verb in ((CERTIFICATE_REQUEST, "requested"), (CERTIFICATE_REQUIRE, "required")):
                for shown in (None, "p256", "rsa2048", "ed25519"):
                    sentences.add_test(
                        AgainstPython,
                        f"{version}: our {our_role} with a client certificate {verb} and {shown or 'none'} shown",
                        client_certificate_test(our_role, protocol, mode, shown))
            for piece, room in ((1, 20000), (1, 1), (7, 5), (None, 1), (100, 100)):
                sentences.add_test(
                    AgainstPython,
                    f"{version}: our {our_role} with {piece or 'all'} bytes moved at a time and {room} of room",
                    pieces_test(our_role, protocol, piece, room))
            sentences.add_test(
                AgainstPython, f"{version}: our {our_role} has no application protocol in common with Python",
                alpn_test(our_role, protocol))
            sentences.add_test(
                AgainstPython, f"{version}: our {our_role} finds a changed record and tells Python",
                tampered_test(our_role, protocol))
        for piece in (None, 1):
            sentences.add_test(
                AgainstPython,
                f"our {our_role} takes part in a HelloRetryRequest, {piece or 'all'} bytes at a time",
                retry_test(our_role, piece))
    for protocol, (version, _) in VERSIONS.items():
        sentences.add_test(
            AgainstPython, f"{version}: our client remembers a cut until it needs more of Python's flight",
            cut_test(protocol))
        for credentials, policy_errors, alert in (
            ("server-expired", 4, 45), ("server-notyet", 4, 45), ("server-wrongname", 2, 42), ("server-other", 4, 48),
            ("server-wrongname-expired", 6, 45), ("server-clientusage", 4, 43),
        ):
            sentences.add_test(
                AgainstPython, f"{version}: the default validation refuses {credentials}, and Python sees why",
                validation_test(protocol, credentials, policy_errors, alert))


add_tests()

if __name__ == "__main__":
    sentences.main()
