"""Our sessions bound to a socket, over TCP on loopback, against Python's ssl, OpenSSL's and GnuTLS's programs: both
roles, both versions, data both ways, every kind of end, refusals with their alerts."""

import hashlib
import select
import shutil
import socket
import ssl
import threading
import unittest

import sentences
from peers import GnuTls, OpenSsl
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_NONE, CERTIFICATE_REQUIRE, CLOSED, COMPLETE, HANDSHAKE_COMPLETE, HAS_PENDING_OUTPUT,
    HAS_PENDING_PLAINTEXT, IO, NEEDS_CERTIFICATE_VALIDATION, PEER_ALERT, TLS12, TLS13, TRUNCATED, WANT_READ, WANT_WRITE, Context,
    cert_path,
)
from test_against_openssl import DEADLINE

VERSIONS = {TLS12: ("TLS 1.2", ssl.TLSVersion.TLSv1_2), TLS13: ("TLS 1.3", ssl.TLSVersion.TLSv1_3)}
LARGE = b"".join(hashlib.sha256(str(index).encode()).digest() for index in range(100_000))  # 3.2 MB


class Bound:
    """A bound session with the loop that its statuses ask for. The socket is non-blocking; every wait has a deadline."""

    def __init__(self, context, connected, name=None, judge=None, flags=0):
        self.socket = connected
        self.socket.setblocking(False)
        self.session = context.bound_session(connected.fileno(), name, flags)
        self.judge = judge or (lambda session: session.accept_with_default_validation())
        self.received = b""

    def close(self):
        self.session.close()
        self.socket.close()

    def wait(self, status):
        reads, writes = ([self.socket], []) if status == WANT_READ else ([], [self.socket])
        if not any(select.select(reads, writes, [], DEADLINE)):
            raise AssertionError(f"nothing came after status {status}")

    def connect(self):
        while True:
            status = self.session.handshake()
            if status in (WANT_READ, WANT_WRITE):
                self.wait(status)
            elif status == NEEDS_CERTIFICATE_VALIDATION:
                self.judge(self.session)
            else:
                assert (status == COMPLETE) == bool(self.session.state() & HANDSHAKE_COMPLETE)
                return status

    def send(self, data):
        data = memoryview(data)
        while True:
            status, written = self.session.write(data)
            data = data[written:]
            if status != WANT_WRITE:
                return status
            self.wait(status)

    def receive(self, is_enough):
        """Reads until it is enough: COMPLETE, or the status that ended it."""
        while not is_enough(self.received):
            status, data = self.session.read(16384)
            self.received += data
            if self.session.state() & HAS_PENDING_OUTPUT:
                self.session.write(b"")
            if status == WANT_READ:
                assert not self.session.state() & HAS_PENDING_PLAINTEXT
                self.wait(status)
            elif status != COMPLETE:
                return status
        return COMPLETE

    def read_to_end(self):
        return self.receive(lambda _: False)

    def shut(self):
        while (status := self.session.close_bound()) == WANT_WRITE:
            self.wait(status)
        return status


class Theirs(threading.Thread):
    """Python's ssl at the other end of a connection, blocking, in a thread of its own."""

    def __init__(self, context, connected, story, **settings):
        super().__init__(daemon=True)
        self.context, self.connected, self.story, self.settings = context, connected, story, settings
        self.connected.settimeout(DEADLINE)
        self.result = self.error = None
        self.start()

    def run(self):
        try:
            with self.context.wrap_socket(self.connected, **self.settings) as wrapped:
                self.result = self.story(wrapped)
        except (ssl.SSLError, OSError) as error:
            self.error = error
        finally:
            self.connected.close()

    def end(self):
        self.join(DEADLINE)
        assert not self.is_alive(), "the peer never ended"
        return self.error


def read_exactly(wrapped, count):
    data = b""
    while len(data) < count and (more := wrapped.recv(65536)):
        data += more
    return data


class AgainstPython(unittest.TestCase):
    def meet(self, protocol, we_serve, story, *, asks=False, anchors="ca.pem", **settings):
        version = VERSIONS[protocol][1]
        theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if we_serve else ssl.PROTOCOL_TLS_SERVER)
        theirs.minimum_version = theirs.maximum_version = version
        theirs.load_verify_locations(cert_path(anchors))
        if not we_serve:
            theirs.load_cert_chain(cert_path("server-p256.pem"), cert_path("server-p256.key"))
        elif asks:
            theirs.load_cert_chain(cert_path("client-p256.pem"), cert_path("client-p256.key"))
        ours = Context(
            we_serve, credentials="server-p256" if we_serve else None, anchors=settings.pop("our_anchors", "ca"),
            client_certificates=CERTIFICATE_REQUIRE if asks else CERTIFICATE_NONE)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname(), DEADLINE)
            server, _ = listener.accept()
        mine, other = (server, client) if we_serve else (client, server)
        bound = Bound(ours, mine, None if we_serve else "localhost", settings.pop("judge", None))
        ours.close()
        self.addCleanup(bound.close)
        side = {"server_hostname": "localhost"} if we_serve else {"server_side": True}
        peer = Theirs(theirs, other, story, **side)
        self.addCleanup(peer.join, DEADLINE)
        return bound, peer


def conversation(protocol, we_serve):
    def method(self):
        def story(wrapped):
            request = read_exactly(wrapped, len(LARGE))
            wrapped.sendall(b"answer " + LARGE)
            wrapped.unwrap()
            return hashlib.sha256(request).digest()

        bound, peer = self.meet(protocol, we_serve, story)
        self.assertEqual(bound.connect(), COMPLETE)
        self.assertEqual(bound.send(LARGE), COMPLETE)
        self.assertEqual(bound.read_to_end(), CLOSED)
        self.assertEqual(bound.shut(), CLOSED)
        self.assertIsNone(peer.end())
        self.assertEqual(peer.result, hashlib.sha256(LARGE).digest())
        self.assertTrue(bound.received == b"answer " + LARGE)
    return method


def ended_by_us(protocol, we_serve):
    def method(self):
        bound, peer = self.meet(protocol, we_serve, lambda wrapped: wrapped.recv(100))
        self.assertEqual(bound.connect(), COMPLETE)
        self.assertEqual(bound.shut(), CLOSED)
        self.assertIsNone(peer.end())
        self.assertEqual(peer.result, b"")
    return method


def cut_off(protocol, we_serve):
    def method(self):
        bound, peer = self.meet(protocol, we_serve, lambda wrapped: wrapped.send(b"last words"))
        self.assertEqual(bound.connect(), COMPLETE)
        self.assertEqual(bound.read_to_end(), TRUNCATED)
        self.assertEqual(bound.received, b"last words")
        self.assertIsNone(peer.end())
    return method


def mutual(protocol):
    def method(self):
        bound, peer = self.meet(protocol, True, lambda wrapped: wrapped.recv(100), asks=True)
        self.assertEqual(bound.connect(), COMPLETE)
        self.assertEqual(bound.send(b"welcome"), COMPLETE)
        self.assertEqual(len(bound.session.remote_certificates()), 2)
        self.assertIsNone(peer.end())
        self.assertEqual(peer.result, b"welcome")
    return method


def refused_by_us(protocol, we_serve):
    def method(self):
        bound, peer = self.meet(
            protocol, we_serve, lambda wrapped: wrapped.recv(100), asks=we_serve,
            judge=lambda session: session.reject(49))
        self.assertEqual(bound.connect(), AUTHENTICATION)
        bound.shut()
        bound.socket.shutdown(socket.SHUT_WR)
        self.assertIn("ACCESS_DENIED", str(peer.end()))
    return method


def refused_by_them(protocol):
    def method(self):
        bound, peer = self.meet(protocol, True, lambda wrapped: wrapped.recv(100), anchors="other-ca.pem")
        status = bound.connect()
        if status == COMPLETE:
            # TLS 1.3: our side was complete before the client has judged.
            status = bound.read_to_end()
        self.assertEqual(status, PEER_ALERT)
        self.assertEqual(bound.session.error().alert_received, 48)
        self.assertIsInstance(peer.end(), ssl.SSLCertVerificationError)
    return method


class AgainstMemory(unittest.TestCase):
    """Python's ssl over memory, so that the test decides when its bytes are on the socket and when it is gone."""

    def meet(self, protocol, we_serve):
        """Their end has finished its handshake; ours has not seen their last bytes, which are returned."""
        theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if we_serve else ssl.PROTOCOL_TLS_SERVER)
        theirs.minimum_version = theirs.maximum_version = VERSIONS[protocol][1]
        theirs.load_verify_locations(cert_path("ca.pem"))
        if not we_serve:
            theirs.load_cert_chain(cert_path("server-p256.pem"), cert_path("server-p256.key"))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        peer = theirs.wrap_bio(incoming, outgoing, not we_serve, "localhost" if we_serve else None)
        ours = Context(we_serve, credentials="server-p256" if we_serve else None, anchors="ca", resume=True)
        mine, wire = socket.socketpair()
        bound = Bound(ours, mine, None if we_serve else "localhost")
        ours.close()
        self.addCleanup(bound.close)
        self.addCleanup(wire.close)
        wire.settimeout(DEADLINE)
        while True:
            try:
                peer.do_handshake()
                return bound, peer, outgoing, wire
            except ssl.SSLWantReadError:
                wire.sendall(outgoing.read())
                status = bound.session.handshake()
                if status == NEEDS_CERTIFICATE_VALIDATION:
                    bound.session.accept_with_default_validation()
                    status = bound.session.handshake()
                self.assertIn(status, (WANT_READ, COMPLETE))
                incoming.write(wire.recv(65536))

    def say_all(self, peer, outgoing, data):
        """Their data and close_notify."""
        peer.write(data)
        with self.assertRaises(ssl.SSLWantReadError):
            peer.unwrap()
        return outgoing.read()


def gone_at_once(protocol, we_serve):
    def method(self):
        bound, peer, outgoing, wire = self.meet(protocol, we_serve)
        wire.sendall(self.say_all(peer, outgoing, LARGE[:16000] * 4))
        wire.close()
        self.assertEqual(bound.connect(), COMPLETE)
        self.assertEqual(bound.send(b"too late"), IO)
        self.assertEqual(bound.read_to_end(), CLOSED)
        self.assertEqual(bound.received, LARGE[:16000] * 4)
        self.assertEqual(bound.send(b"too late"), IO)
        self.assertEqual(bound.shut(), IO)
        self.assertFalse(bound.session.state() & HAS_PENDING_OUTPUT)
    return method


def continued_in_clear(protocol, we_serve):
    def method(self):
        bound, peer, outgoing, wire = self.meet(protocol, we_serve)
        wire.sendall(self.say_all(peer, outgoing, b"last") + b"220 in clear")
        self.assertEqual(bound.connect(), COMPLETE)
        self.assertEqual(bound.read_to_end(), CLOSED)
        self.assertEqual(bound.received, b"last")
        self.assertEqual(bound.session.bytes_after_close(), b"220 in clear")
        self.assertEqual(bound.shut(), CLOSED)
        wire.sendall(b", and more")
        self.assertEqual(bound.socket.recv(100), b", and more")
    return method


class AgainstPrograms(unittest.TestCase):
    pass


def with_program(program, protocol, we_serve):
    def method(self):
        if shutil.which(program.program) is None:
            self.skipTest(f"{program.program} is not installed")
        peer = program(self, "server" if we_serve else "client", protocol, ours={"anchors": "ca"})
        # The same peer, but our end of its connection is a bound session.
        ours = Context(we_serve, credentials="server-p256" if we_serve else None, anchors="ca")
        bound = Bound(ours, peer.us.socket, None if we_serve else "localhost")
        ours.close()
        self.addCleanup(bound.session.close)
        self.assertEqual(bound.connect(), COMPLETE)
        self.assertEqual(bound.send(b"ours\n"), COMPLETE)
        if we_serve or program is OpenSsl:
            peer.child.expect("ours")
            peer.child.type("theirs\n")
        else:
            bound.send(b"theirs\n")  # gnutls-serv echoes
        self.assertEqual(bound.receive(lambda received: b"theirs" in received), COMPLETE)
        self.assertEqual(bound.shut(), CLOSED)
    return method


for number, (label, _) in VERSIONS.items():
    for serve in (False, True):
        role = "server" if serve else "client"
        sentences.add_test(
            AgainstPython, f"{label}, our {role}: 3 MB each way, closed by the peer", conversation(number, serve))
        sentences.add_test(AgainstPython, f"{label}, our {role}: closed by us", ended_by_us(number, serve))
        sentences.add_test(AgainstPython, f"{label}, our {role}: cut off without a close_notify", cut_off(number, serve))
        sentences.add_test(
            AgainstPython, f"{label}, our {role}: a refused peer gets the very alert", refused_by_us(number, serve))
        for peer_program in (OpenSsl, GnuTls):
            sentences.add_test(
                AgainstPrograms, f"{label}, our {role}: a conversation with {peer_program.name}",
                with_program(peer_program, number, serve))
        sentences.add_test(
            AgainstMemory, f"{label}, our {role}: a peer that finishes, sends and is gone at once is read to its end",
            gone_at_once(number, serve))
        sentences.add_test(
            AgainstMemory, f"{label}, our {role}: clear text behind the peer's close_notify is there for the host",
            continued_in_clear(number, serve))
    sentences.add_test(AgainstPython, f"{label}, our server: the client shows a certificate", mutual(number))
    sentences.add_test(AgainstPython, f"{label}, our server: refused by the client", refused_by_them(number))

if __name__ == "__main__":
    sentences.main()
