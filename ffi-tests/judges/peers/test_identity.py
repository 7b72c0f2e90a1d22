"""Who is at the other end, what can be bound to it, and how a session goes on from an earlier one: channel bindings,
keying material, key logs, resumption, staples; with what comes along: sizes, orders, key updates and counts. All of it
is compared with what nobody here wrote: the OpenSSL and GnuTLS programs, curl, Python's ssl, tshark; and with a
computation from the secrets that OpenSSL logs.

In quick mode the programs see every tenth row.
"""

import collections
import functools
import hashlib
import hmac
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
import time
import unittest

import capture
import sentences
from hand_crypto import pem_blocks
from hand_peer import APPLICATION_DATA, Hello, records
from server_process import FOR_EVER, ServerProcess
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE, CLOSED, COMPLETE, ENDPOINT, EXPORTER, NOT_SUPPORTED,
    RESUMED, TLS12, TLS13, UNIQUE, VALIDATION_AUTOMATIC, WANT_CREDENTIALS, WANT_READ, Context, Credentials, Driver,
    TlsError, cert_path, read_cert,
)
from test_against_openssl import DEADLINE, GNUTLS_PRIORITY, OPENSSL_VERSION, Child, Connection
from test_against_ssl import Theirs

QUICK = bool(os.environ.get("SPANTLS_QUICK"))
NAMES = {TLS12: "TLS 1.2", TLS13: "TLS 1.3"}
ROLES = ("client", "server")
PYTHON_VERSION = {TLS12: ssl.TLSVersion.TLSv1_2, TLS13: ssl.TLSVersion.TLSv1_3}

# SSL_OP_NO_EXTENDED_MASTER_SECRET, which Python's ssl has no name for.
NO_EXTENDED_MASTER_SECRET = 1

AES128, AES256, CHACHA = {TLS12: 0xC02B, TLS13: 0x1301}, {TLS12: 0xC02C, TLS13: 0x1302}, {TLS12: 0xCCA9, TLS13: 0x1303}
SUITES = {"AES-128": (AES128, "sha256"), "AES-256": (AES256, "sha384"), "ChaCha20": (CHACHA, "sha256")}


def accept(session):
    session.set_certificate_validation_result(0)


def leaf(name):
    return pem_blocks(read_cert(name + ".pem"))[0]


# --- Python's ssl, in memory -----------------------------------------------------------------------------------------

def python_context(server, protocol, *, credentials=None, ask=ssl.CERT_NONE, extended=True, key_log=None):
    """Python's side. It does not judge servers; that is not what these tests are about."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = PYTHON_VERSION[protocol]
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else it takes no certificate with SHA-1 in it
    if not server:
        context.check_hostname = False
    context.verify_mode = ask
    context.load_verify_locations(cert_path("ca.pem"))
    if credentials:
        context.load_cert_chain(cert_path(credentials + ".pem"), cert_path(credentials + ".key"))
    if not extended:
        context.options |= NO_EXTENDED_MASTER_SECRET
    if key_log:
        context.keylog_filename = key_log
    return context


class Meeting:
    """A connection in memory. `wire` is what went over it: (whether the client says it, bytes)."""

    def __init__(self, test, ours, theirs, *, name="localhost", session=None, judge=accept, credentials=None):
        self.we_serve = theirs.protocol == ssl.PROTOCOL_TLS_CLIENT
        self.us = Answering(ours, None if self.we_serve else name, judge=judge)
        test.addCleanup(self.us.close)
        self.us.credentials = credentials
        self.them = Theirs(theirs, not self.we_serve, name if self.we_serve else None)
        if session:
            self.them.ssl.session = session
        self.wire = []

    def carry(self):
        """One way and the other; false when nobody had anything to say."""
        carried = False
        for from_us in (True, False):
            data = (self.us if from_us else self.them).take_output()
            if data:
                carried = True
                self.wire.append((from_us != self.we_serve, data))
                if from_us:
                    self.them.feed(data)
                else:
                    self.us.inbox += data
        return carried

    def meet(self):
        self.us.handshake()
        self.them.handshake()
        while self.carry():
            if self.us.status == WANT_READ:
                self.us.handshake()
            self.them.handshake()
        return self.us.status

    def connect(self, test):
        """A handshake that succeeds, and a word each way, so that tickets arrive."""
        test.assertEqual(self.meet(), COMPLETE, (self.us.session.error(), self.them.error))
        test.assertIsNone(self.them.error)
        test.assertTrue(self.them.done)
        self.say(test, b"hello from us", b"hello from them")
        test.assertEqual(bool(self.us.session.state() & RESUMED), self.them.ssl.session_reused)
        return self

    def say(self, test, ours, theirs):
        self.us.write(ours)
        self.carry()
        test.assertTrue(self.them.read() == ours)
        view = memoryview(theirs)
        while view:
            view = view[self.them.ssl.write(view[:100000]):]
        self.carry()
        test.assertTrue(self.us.read() == theirs)

    @property
    def session(self):
        return self.us.session

    def resumed(self):
        return self.them.ssl.session_reused

    def said(self, by_client):
        return b"".join(data for from_client, data in self.wire if from_client == by_client)

    def ours(self):
        """Our bytes on the wire."""
        return self.said(not self.we_serve)


class Answering(Driver):
    """Answers the question for credentials with `credentials`."""
    credentials = None
    times_asked = 0

    def handshake(self):
        while True:
            self.status, consumed, output = self.session.process_handshake(self.inbox, self.room)
            del self.inbox[:consumed]
            self.outbox += output
            if self.status != WANT_CREDENTIALS:
                return super().handshake()
            self.times_asked += 1
            self.session.set_client_credentials(self.credentials)


class InMemory(unittest.TestCase):
    """Against Python's ssl."""

    def context(self, server, **options):
        if server:
            options.setdefault("credentials", "server-p256")
        context = Context(server, **{"anchors": "ca", **options})
        self.addCleanup(context.close)
        return context

    def pair(self, our_role, protocol, theirs=None, **ours):
        """Both contexts."""
        we_serve = our_role == "server"
        theirs = dict(theirs or {})
        if not we_serve:
            theirs.setdefault("credentials", "server-p256")
        ours = {"protocols": protocol, "resume": True, **ours}
        return self.context(we_serve, **ours), python_context(not we_serve, protocol, **theirs)

    def twice(self, pair, **options):
        """A full handshake and one that resumes it."""
        first = Meeting(self, *pair, **options).connect(self)
        self.assertFalse(first.resumed())
        yield first
        session = first.them.ssl.session if first.we_serve else None
        second = Meeting(self, *pair, session=session, **options).connect(self)
        self.assertTrue(second.resumed())
        yield second

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    # Channel bindings

    def unique(self, our_role, suite, extended):
        pair = self.pair(our_role, TLS12, {"extended": extended}, suites=[suite[TLS12]])
        values = set()
        for meeting in self.twice(pair):
            value = meeting.session.channel_binding(UNIQUE)
            self.assertEqual(value, meeting.them.ssl.get_channel_binding("tls-unique"))
            self.assertEqual(meeting.session.is_channel_binding_sound(), int(extended))
            values.add(value)
        self.assertEqual(len(values), 2)

    def no_unique(self, our_role):
        for meeting in self.twice(self.pair(our_role, TLS13)):
            with self.assertRaises(TlsError) as raised:
                meeting.session.channel_binding(UNIQUE)
            self.assertEqual(raised.exception.status, NOT_SUPPORTED)
            self.assertEqual(meeting.session.is_channel_binding_sound(), 1)

    def end_point(self, our_role, certificate, algorithm):
        for protocol in NAMES:
            theirs = {} if our_role == "server" else {"credentials": certificate}
            ours = {"credentials": certificate} if our_role == "server" else {}
            for meeting in self.twice(self.pair(our_role, protocol, theirs, **ours)):
                if our_role == "server":
                    self.assertEqual(meeting.them.ssl.getpeercert(True), leaf(certificate))
                if algorithm:
                    self.assertEqual(meeting.session.channel_binding(ENDPOINT),
                                     hashlib.new(algorithm, leaf(certificate)).digest())
                    continue
                with self.assertRaises(TlsError) as raised:
                    meeting.session.channel_binding(ENDPOINT)
                self.assertEqual(raised.exception.status, NOT_SUPPORTED)

    # Keying material and key logs

    def keying_material(self, our_role, protocol, suite, algorithm, extended):
        log = os.path.join(self.folder(), "theirs")
        pair = self.pair(our_role, protocol, {"extended": extended, "key_log": log}, suites=[suite[protocol]])
        for meeting in self.twice(pair):
            derive = exporter(meeting, algorithm, read_log(log))
            self.assertEqual(meeting.session.channel_binding(EXPORTER), derive(b"EXPORTER-Channel-Binding", b"", 32))
            for label in (b"EXPORTER-Channel-Binding", b"EXPERIMENTAL label", b"x", b""):
                for context in (None, b"", b"\0", b"some context", bytes(65535)):
                    for length in (1, 32, 33, 200):
                        self.assertEqual(meeting.session.export_keying_material(label, context, length),
                                         derive(label, context, length), (label, (context or b"")[:20], length))
            none, empty = (meeting.session.export_keying_material(b"x", context, 32) for context in (None, b""))
            self.assertEqual(none == empty, protocol == TLS13)

    def same_log(self, our_role, protocol, suite, extended):
        folder = self.folder()
        theirs, ours = os.path.join(folder, "theirs"), os.path.join(folder, "ours")
        pair = self.pair(our_role, protocol, {"extended": extended, "key_log": theirs}, suites=[suite[protocol]],
                         key_log=ours)
        for turn, meeting in enumerate(self.twice(pair), 1):
            self.assertEqual(read_log(ours), read_log(theirs))
            self.assertEqual(sum(map(len, read_log(ours).values())), turn * (1 if protocol == TLS12 else 5))

    def our_logs(self, protocol):
        """Both ends are ours: the same lines, in files that only the owner reads whatever the umask."""
        folder = self.folder()
        paths = {role: os.path.join(folder, role) for role in ROLES}
        before = os.umask(0)
        try:
            server = self.context(True, protocols=protocol, resume=True, key_log=paths["server"])
            client = self.context(False, protocols=protocol, resume=True, key_log=paths["client"])
        finally:
            os.umask(before)
        for turn in range(2):
            ends = [Driver(client, "localhost"), Driver(server)]
            for end in ends:
                self.addCleanup(end.close)
            while [end.handshake() for end in ends] != [COMPLETE, COMPLETE]:
                ends[1].inbox += ends[0].take_output()
                ends[0].inbox += ends[1].take_output()
            ends[0].inbox += ends[1].take_output()
            ends[0].read()  # tickets
            self.assertEqual(bool(ends[0].session.state() & RESUMED), turn == 1)
            self.assertEqual(*map(read_log, paths.values()))
            lines = sum(map(len, read_log(paths["client"]).values()))
            self.assertEqual(lines, (turn + 1) * (1 if protocol == TLS12 else 5))
        for path in paths.values():
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    # Resumption

    def resumption_off(self, our_role, protocol):
        """Whichever side switches it off."""
        pair = self.pair(our_role, protocol, resume=False)
        first = Meeting(self, *pair).connect(self)
        session = first.them.ssl.session if our_role == "server" else None
        if session:
            self.assertFalse(session.has_ticket)
        if session and not session.id:
            session = None
        self.assertFalse(Meeting(self, *pair, session=session).connect(self).resumed())
        # What a peer has from before the option was switched off.
        if our_role == "server":
            root = b"\x55" * 32
            first = Meeting(self, self.context(True, resume=True, ticket_roots=[root]), pair[1]).connect(self)
            off = self.context(True, resume=False, ticket_roots=[root])
            self.assertFalse(Meeting(self, off, pair[1], session=first.them.ssl.session).connect(self).resumed())

    def same_client(self, our_role, protocol, judged):
        """The identity of the first session is that of the second, for both ends."""
        ask = {"client_certificates": CERTIFICATE_REQUIRE} if our_role == "server" else {"credentials": "client-p256"}
        theirs = {"credentials": "client-p256"} if our_role == "server" else {"ask": ssl.CERT_REQUIRED}
        pair = self.pair(our_role, protocol, theirs, validate_on_resume=judged, **ask)
        for turn, meeting in enumerate(self.twice(pair, judge=None)):
            chain = meeting.session.remote_certificates()
            self.assertEqual(chain[0], leaf("client-p256" if our_role == "server" else "server-p256"))
            self.assertEqual(len(chain), 2)
            self.assertEqual(meeting.session.local_certificate(),
                             leaf("server-p256" if our_role == "server" else "client-p256"))
            self.assertEqual(meeting.them.ssl.getpeercert(True), meeting.session.local_certificate())
            self.assertEqual(meeting.us.suspensions, 1 if turn == 0 or judged else 0)
            # Who has signed nothing has no scheme.
            self.assertEqual(meeting.session.peer_signature_scheme(), 0x0403 if turn == 0 else 0)

    def refused_later(self, our_role, protocol):
        """The host may change its mind: the verdict on a resumed session is as good as the first."""
        ask = {"client_certificates": CERTIFICATE_REQUIRE} if our_role == "server" else {}
        theirs = {"credentials": "client-p256"} if our_role == "server" else {}
        pair = self.pair(our_role, protocol, theirs, **ask)
        first = Meeting(self, *pair).connect(self)
        session = first.them.ssl.session if our_role == "server" else None
        second = Meeting(self, *pair, session=session, judge=lambda ours: ours.reject(44))
        self.assertEqual(second.meet(), AUTHENTICATION)
        self.assertEqual(second.session.error().alert_sent, 44)
        second.them.read() if second.them.done else None
        self.assertIn("certificate revoked", str(second.them.error).lower())
        # And the peer still gets in once it is accepted again.
        Meeting(self, *pair).connect(self)

    def identities(self, protocol, name):
        """What a session showed, or would show, is what the server sees, whatever sessions were before it."""
        credentials = {None: None, "a": Credentials("client-p256"), "b": Credentials("client-rsa2048")}
        shown = {None: None, "a": leaf("client-p256"), "b": leaf("client-rsa2048")}
        for made in credentials.values():
            if made:
                self.addCleanup(made.close)
        theirs = python_context(True, protocol, credentials="server-p256", ask=ssl.CERT_OPTIONAL)
        kinds = [(way, who) for way in ("preset", "on demand") for who in credentials]
        for first in kinds:
            for second in kinds:
                ours = self.context(False, protocols=protocol, resume=True)
                for turn, (way, who) in enumerate((first, second)):
                    meeting = Meeting(self, ours, theirs, name="localhost" if turn == 0 else name,
                                      credentials=credentials[who])
                    if way == "preset":
                        meeting.session.set_client_credentials(credentials[who])
                    meeting.connect(self)
                    said = (first, second, name)
                    self.assertEqual(meeting.them.ssl.getpeercert(True), shown[who], said)
                    self.assertEqual(meeting.session.local_certificate(), shown[who] or b"", said)
                    if turn and meeting.resumed():
                        self.assertEqual(name, "localhost", said)
                        self.assertEqual((way, who), ("preset", first[1]), said)
                    elif turn and way == first[0] == "preset" and who == first[1]:
                        self.assertNotEqual(name, "localhost", f"{said} could have been resumed")
                ours.close()

    def bytes_saved(self, our_role, protocol):
        """Up to the last Finished: the tickets that TLS 1.3 sends behind it are not the handshake's."""
        sizes = []
        # With X25519: the shares of X25519MLKEM768 are larger than all else.
        for meeting in self.twice(self.pair(our_role, protocol, groups=[29, 23])):
            flights = 4 if protocol == TLS12 and not meeting.resumed() else 3
            sizes.append(sum(len(data) for _, data in meeting.wire[:flights]))
        self.assertLess(sizes[1], 0.6 * sizes[0], sizes)

    # Staples

    def unwanted_staple(self, protocol):
        """Python's clients do not ask for one."""
        credentials = Credentials("server-p256")
        self.addCleanup(credentials.close)
        credentials.set_ocsp_response(b"a staple that nobody wants")
        ours = self.context(True, protocols=protocol, credentials=credentials)
        meeting = Meeting(self, ours, python_context(False, protocol)).connect(self)
        self.assertNotIn(b"a staple that nobody wants", meeting.ours())
        self.assertEqual(meeting.session.ocsp_response(), b"")

    # Sizes and counts

    def fragments(self, our_role, protocol, size):
        pair = self.pair(our_role, protocol, max_fragment_size=size, suites=[AES128[protocol]])
        meeting = Meeting(self, *pair).connect(self)
        before = len(meeting.ours())
        meeting.us.room = 200000  # for all records at once: the last one fills the room that there is
        data = bytes(range(256)) * 256
        meeting.say(self, data, data)
        most = size or 16384
        overhead = 24 if protocol == TLS12 else 17
        found, end = records(meeting.ours()[before:])
        self.assertEqual(end, len(meeting.ours()) - before)
        lengths = [len(payload) for _, _, payload in found]
        whole, rest = divmod(len(data), most)
        self.assertEqual(lengths, [most + overhead] * whole + [rest + overhead] * bool(rest))
        for kind, _, payload in records(meeting.ours()[:before])[0]:
            sealed = kind == APPLICATION_DATA or payload[:1] not in b"\x01\x02\x0b\x0c\x0e\x10"
            self.assertLessEqual(len(payload), most + overhead * sealed)

    def counts(self, our_role, protocol):
        def judge(session):
            time.sleep(0.01)
            return accept(session)

        began = time.monotonic_ns()
        pair = self.pair(our_role, protocol, resume=False)
        meeting = Meeting(self, *pair, judge=judge)
        self.assertEqual(meeting.session.stats().ciphertext_sent, 0)
        self.assertEqual(meeting.meet(), COMPLETE)
        done = meeting.session.stats()
        self.assertEqual(done.records_sent, 0)
        meeting.them.read()
        handshake = {by: len(meeting.said(by)) for by in (True, False)}
        meeting.say(self, bytes(70000), bytes(50000))
        took = time.monotonic_ns() - began
        stats = meeting.session.stats()
        of_us, of_them = (meeting.said(by == (not meeting.we_serve)) for by in (True, False))
        self.assertEqual(stats.ciphertext_sent, len(of_us))
        self.assertEqual(stats.ciphertext_received, len(of_them))
        self.assertEqual((stats.plaintext_sent, stats.plaintext_received), (70000, 50000))
        self.assertEqual(stats.records_sent, len(records(of_us[handshake[not meeting.we_serve]:])[0]))
        # Python's server sends its tickets behind the handshake.
        theirs = len(records(of_them[handshake[meeting.we_serve]:])[0])
        tickets = 2 if our_role == "client" and protocol == TLS13 else 0
        self.assertEqual(stats.records_received, theirs + tickets)
        self.assertEqual(stats.tickets_received, 0)
        self.assertEqual((stats.key_updates_sent, stats.key_updates_received), (0, 0))
        self.assertGreater(stats.handshake_nanoseconds, 10_000)
        self.assertLess(stats.handshake_nanoseconds + stats.validation_nanoseconds, took)
        if our_role == "client":
            self.assertGreaterEqual(stats.validation_nanoseconds, 10_000_000)
        else:
            self.assertEqual(stats.validation_nanoseconds, 0)
        others = (stats.server_options_nanoseconds, stats.credentials_nanoseconds, stats.signature_nanoseconds)
        self.assertEqual(others, (0, 0, 0))

    def counted_tickets(self):
        meeting = Meeting(self, *self.pair("client", TLS13)).connect(self)
        self.assertEqual(meeting.session.stats().tickets_received, 2)

    # Key updates

    def updates(self, our_role):
        meeting = Meeting(self, *self.pair(our_role, TLS13, resume=False)).connect(self)
        for turn in range(12):
            meeting.us.update_keys(turn % 2)
            meeting.say(self, bytes(100 + 20000 * (turn % 3)), bytes(100 + 20000 * (turn % 4)))
        stats = meeting.session.stats()
        self.assertEqual((stats.key_updates_sent, stats.key_updates_received), (12, 6))

    def no_updates(self, our_role):
        meeting = Meeting(self, *self.pair(our_role, TLS12)).connect(self)
        self.assertEqual(meeting.session.update_keys(0, 100), (NOT_SUPPORTED, b""))
        meeting.say(self, b"still", b"there")
        self.assertEqual(meeting.us.shutdown(), CLOSED)


# --- What the tests compute themselves -------------------------------------------------------------------------------

def read_log(path):
    """{client random: {label: secret}} of a key log; the same line twice counts once."""
    logged = collections.defaultdict(dict)
    with open(path) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                label, random, secret = line.split()
                logged[random.lower()][label] = secret.lower()
    return dict(logged)


def prf(algorithm, secret, label, seed, length):
    """RFC 5246 section 5."""
    output, a = b"", label + seed
    while len(output) < length:
        a = hmac.digest(secret, a, algorithm)
        output += hmac.digest(secret, a + label + seed, algorithm)
    return output[:length]


def expand_label(algorithm, secret, label, hashed, length):
    """RFC 8446 section 7.1."""
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(hashed)]) + hashed
    output, block = b"", b""
    for turn in range(1, 256):
        if len(output) >= length:
            break
        block = hmac.digest(secret, block + info + bytes([turn]), algorithm)
        output += block
    return output[:length]


def exporter(meeting, algorithm, logged):
    """RFC 5705 and RFC 8446 section 7.5, from the secrets that the other end has logged."""
    client, server = (Hello(records(meeting.said(by))[0][0][2]) for by in (True, False))
    secrets = logged[client.random.hex()]
    if "CLIENT_RANDOM" in secrets:
        def derive(label, context, length):
            seed = client.random + server.random
            if context is not None:
                seed += len(context).to_bytes(2, "big") + context
            return prf(algorithm, bytes.fromhex(secrets["CLIENT_RANDOM"]), label, seed, length)
    else:
        def derive(label, context, length):
            digest = functools.partial(hashlib.new, algorithm)
            secret = expand_label(algorithm, bytes.fromhex(secrets["EXPORTER_SECRET"]), label, digest(b"").digest(),
                                  digest().digest_size)
            return expand_label(algorithm, secret, b"exporter", digest(context or b"").digest(), length)
    return derive


# --- Programs, over loopback -----------------------------------------------------------------------------------------

Visit = collections.namedtuple("Visit", "facts text")


class Programs(unittest.TestCase):
    """Against the OpenSSL and GnuTLS programs, curl and tshark."""

    def needs(self, *programs):
        for program in programs:
            if shutil.which(program) is None:
                self.skipTest(f"{program} is not installed")

    def child(self, *arguments):
        child = Child(*map(str, arguments))
        self.addCleanup(child.close)
        return child

    def folder(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def listener(self):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(DEADLINE)
        self.addCleanup(listener.close)
        return listener

    def server(self, listener, **options):
        server = ServerProcess(listener, **options)
        self.addCleanup(server.close)
        return server

    def context(self, server, **options):
        if server:
            options.setdefault("credentials", "server-p256")
        context = Context(server, **{"anchors": "ca", **options})
        self.addCleanup(context.close)
        return context

    def connection(self, context, connected, name=None, judge=None):
        connection = Counting(context, connected, name, judge=judge)
        self.addCleanup(connection.close)
        return connection

    # openssl s_client, and one of our servers behind the listener

    def s_client(self, listener, protocol, *arguments):
        return self.child("openssl", "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-servername",
                          "localhost", "-CAfile", cert_path("ca.pem"), OPENSSL_VERSION[protocol], *arguments)

    def visit(self, server, listener, protocol, *arguments):
        """A client that says a line, hears it again and goes in good order; what both have to tell."""
        server.serve()
        child = self.s_client(listener, protocol, *arguments)
        child.type("a word that comes back\n")
        child.expect("a word that comes back")
        child.end_of_typing()
        self.assertEqual(child.wait(), 0)
        facts = server.facts()
        self.assertTrue(facts["closed"], facts)
        self.assertEqual(facts["protocol"], protocol)
        self.assertIn("Reused, TLS" if facts["resumed"] else "New, TLS", child.text())
        return Visit(facts, child.text())

    # Our side in this process

    def accept(self, context, make_child, judge=None):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(DEADLINE)
            child = make_child(listener)
            connected, _ = listener.accept()
        return self.connection(context, connected, judge=judge), child

    def s_server(self, protocol, *arguments, key="server-p256"):
        """The program and its port."""
        child = self.child(
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert_path(f"{key}.pem"), "-key",
            cert_path(f"{key}.key"), "-cert_chain", cert_path("intermediate.pem"), "-CAfile", cert_path("ca.pem"),
            OPENSSL_VERSION[protocol], *arguments)
        return child, int(child.expect("ACCEPT 127.0.0.1:"))

    def gnutls_serv(self, protocol, *arguments):
        # It prints no port that it chose itself: take one that is free, and another if somebody was faster.
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            child = self.child(
                "gnutls-serv", "--echo", "--port", port, "--x509certfile", cert_path("server-p256.pem"),
                "--x509keyfile", cert_path("server-p256.key"), "--x509cafile", cert_path("ca.pem"), "--priority",
                GNUTLS_PRIORITY[protocol], *arguments)
            try:
                child.expect("listening on IPv4")
                child.expect("done")
                return child, port
            except AssertionError:
                continue
        raise AssertionError("gnutls-serv found no port")

    def dial(self, context, port, name="localhost", judge=None):
        return self.connection(context, socket.create_connection(("127.0.0.1", port), DEADLINE), name, judge)

    def pair(self, our_role, protocol, *arguments, **ours):
        """Our side and openssl's, connected over TCP."""
        context = self.context(our_role == "server", **{"protocols": protocol, **ours})
        if our_role == "server":
            return self.accept(context, lambda listener: self.s_client(listener, protocol, *arguments))
        child, port = self.s_server(protocol, *arguments)
        return self.dial(context, port), child

    def gnutls_pair(self, our_role, protocol, *arguments, **ours):
        context = self.context(our_role == "server", **{"protocols": protocol, **ours})
        if our_role == "server":
            return self.accept(context, lambda listener: self.gnutls_cli(listener, protocol, *arguments))
        child, port = self.gnutls_serv(protocol, *arguments)
        return self.dial(context, port), child

    def gnutls_cli(self, listener, protocol, *arguments):
        return self.child("gnutls-cli", "127.0.0.1", "--port", listener.getsockname()[1], "--sni-hostname", "localhost",
                          "--verify-hostname", "localhost", "--x509cafile", cert_path("ca.pem"), "--priority",
                          GNUTLS_PRIORITY[protocol], *arguments)

    def connect(self, us):
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        return us

    def talk(self, us, child, word):
        """A line each way."""
        us.send(f"ours says {word}\n".encode())
        child.expect(f"ours says {word}")
        child.type(f"theirs says {word}\n")
        self.hear(us, f"theirs says {word}\n")

    def hear(self, us, text):
        self.assertIn(text.encode(), us.receive_until(text.encode()), us.session.error())

    # Channel bindings and keying material

    def openssl_exports(self, our_role, protocol, suite, label, length):
        us, child = self.pair(our_role, protocol, "-keymatexport", label, "-keymatexportlen", length,
                              suites=[suite[protocol]])
        self.connect(us)
        child.expect(f"Label: '{label}'")
        theirs = bytes.fromhex(child.expect("Keying material: "))
        self.assertEqual(us.session.export_keying_material(label.encode(), None, length), theirs)
        # The program exports without a context; RFC 9266 wants an empty one, which is another in TLS 1.2.
        if (label, length, protocol) == ("EXPORTER-Channel-Binding", 32, TLS13):
            self.assertEqual(us.session.channel_binding(EXPORTER), theirs)
        self.talk(us, child, "word")

    def gnutls_bindings(self, protocol, suite, extended):
        """gnutls-cli prints all of them, of a full session and of one that it resumes."""
        self.needs("gnutls-cli")
        listener = self.listener()
        server = self.server(listener, suites=[suite[protocol]], protocols=protocol)
        server.serve()
        priority = GNUTLS_PRIORITY[protocol] + ("" if extended else ":%NO_SESSION_HASH")
        child = self.child(
            "gnutls-cli", "127.0.0.1", "--port", listener.getsockname()[1], "--sni-hostname", "localhost",
            "--x509cafile", cert_path("ca.pem"), "--verify-hostname", "localhost", "--priority", priority, "--verbose",
            "--resume", "--keymatexport", "EXPERIMENTAL label", "--keymatexportsize", 40)
        facts = [server.facts()]
        server.serve()
        child.expect("Simple Client Mode")
        child.type("a line\n")
        child.expect("]: a line")
        child.end_of_typing()
        self.assertEqual(child.wait(), 0)
        facts.append(server.facts())
        self.assertEqual([each.get("resumed") for each in facts], [False, True])
        self.assertIn("*** This is a resumed session", child.text())
        printed = {name: re.findall(rf"{name}: ([0-9a-f]+|not available)\n", child.text())
                   for name in ("'tls-unique'", "'tls-server-end-point'", "'tls-exporter'", "Key material")}
        for turn, ours in enumerate(facts):
            self.assertEqual(ours["sound"], int(extended))
            self.assertEqual(ours["bindings"][ENDPOINT], printed["'tls-server-end-point'"][turn])
            self.assertEqual(ours["keying_material"], printed["Key material"][turn])
            # Where bindings are not sound GnuTLS gives none.
            self.assertEqual(ours["bindings"][EXPORTER] if extended else "not available",
                             printed["'tls-exporter'"][turn])
            if protocol == TLS12:
                self.assertEqual(ours["bindings"][UNIQUE], printed["'tls-unique'"][turn])
            else:
                self.assertEqual(ours["bindings"][UNIQUE], NOT_SUPPORTED)

    # Key logs

    def no_key_log(self):
        """What other programs do with SSLKEYLOGFILE, we do not."""
        path = os.path.join(self.folder(), "log")
        listener = self.listener()
        server = self.server(listener, environment={**os.environ, "SSLKEYLOGFILE": path})
        server.serve()
        us = self.connect(self.connection(self.context(False), socket.create_connection(listener.getsockname()),
                                          "localhost"))
        us.send(b"a line\n")
        self.hear(us, "a line\n")
        us.shutdown()
        us.flush()
        us.receive_all()
        self.assertEqual(server.facts()["status"], COMPLETE)
        self.assertFalse(os.path.exists(path))

    # Resumption: our servers

    def two_servers(self, protocol, first, second, resumes, change=None, wait=0, arguments=(), gives=True):
        """Two processes; the client brings to the second what the first gave it."""
        listener, folder = self.listener(), self.folder()
        ours = {"ticket_roots": [bytes(range(32))]}
        one, two = self.server(listener, **{**ours, **first}), self.server(listener, **{**ours, **second})
        saved = os.path.join(folder, "session")
        first_visit = self.visit(one, listener, protocol, "-sess_out", saved, *arguments)
        self.assertFalse(first_visit.facts["resumed"])
        if change:
            change_session(saved, change)
        if wait:
            time.sleep(wait)
        if not os.path.exists(saved):
            self.assertFalse(gives)
            return
        visit = self.visit(two, listener, protocol, "-sess_in", saved, *arguments)
        self.assertEqual(visit.facts["resumed"], resumes)
        if resumes:
            # Of the certificate that the client has seen, whichever the second server has.
            self.assertEqual(visit.facts["bindings"][ENDPOINT], first_visit.facts["bindings"][ENDPOINT])
        if resumes and not change:
            # And back, as often as one likes.
            self.assertTrue(self.visit(one, listener, protocol, "-sess_in", saved, *arguments).facts["resumed"])

    def client_certificate(self, protocol, judged):
        listener, folder = self.listener(), self.folder()
        options = {"ticket_roots": [b"r" * 32], "client_certificates": CERTIFICATE_REQUIRE, "validate_on_resume": judged}
        servers = [self.server(listener, **options) for _ in range(2)]
        saved = os.path.join(folder, "session")
        client = ("-cert", cert_path("client-rsa2048.pem"), "-key", cert_path("client-rsa2048.key"), "-cert_chain",
                  cert_path("intermediate.pem"))
        first = self.visit(servers[0], listener, protocol, "-sess_out", saved, *client).facts
        # Its certificate is not shown again.
        second = self.visit(servers[1], listener, protocol, "-sess_in", saved).facts
        self.assertEqual([first["resumed"], second["resumed"]], [False, True])
        self.assertEqual(bytes.fromhex(first["certificates"][0]), leaf("client-rsa2048"))
        self.assertEqual(second["certificates"], first["certificates"])
        self.assertEqual([first["suspensions"], second["suspensions"]], [1, int(judged)])
        self.assertEqual([first["scheme"] != 0, second["scheme"]], [True, 0])

    def curl(self, protocol, same_root):
        """curl keeps sessions for the next address of its line. It takes no tickets in TLS 1.2, and there we have
        nothing else."""
        self.needs("curl")
        listener = self.listener()
        roots = (b"r" * 32, b"r" * 32 if same_root else b"s" * 32)
        servers = [self.server(listener, ticket_roots=[root], alpn=["http/1.1"]) for root in roots]
        for server in servers:
            server.serve()
        port = listener.getsockname()[1]
        version = {TLS12: "1.2", TLS13: "1.3"}[protocol]
        address = f"https://localhost:{port}/"
        result = subprocess.run(
            ["curl", "--silent", "--show-error", "--verbose", "--noproxy", "*", "--cacert", cert_path("ca.pem"),
             "--tlsv" + version, "--tls-max", version, "--resolve", f"localhost:{port}:127.0.0.1", address, address],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
        self.assertEqual((result.returncode, result.stdout), (0, b"page\npage\n"), result.stderr.decode())
        facts = [server.facts() for server in servers]
        # Either process may have been the first.
        resumes = same_root and protocol == TLS13
        self.assertEqual(sorted(each["resumed"] for each in facts), [False, resumes])
        self.assertEqual(result.stderr.count(b"(IN), TLS handshake, Certificate ("), 1 if resumes else 2)

    # Resumption: our clients

    def our_client_resumes(self, peer, protocol, allowed, judged=True):
        self.needs({"openssl": "openssl", "gnutls": "gnutls-serv"}[peer])
        child, port = self.s_server(protocol) if peer == "openssl" else self.gnutls_serv(
            protocol, "--disable-client-cert")
        context = self.context(False, protocols=protocol, resume=allowed, validate_on_resume=judged)
        bindings = set()
        for turn in range(3):
            us = self.connect(self.dial(context, port))
            if peer == "openssl":
                self.talk(us, child, f"word {turn}")
                reused = child.text().count("Reused session-id")
                self.assertEqual(reused, turn if allowed else 0)
            else:
                us.send(b"an echo, please\n")
                self.hear(us, "an echo, please\n")
                # Written behind what it tells of the session: the echo may be here before either.
                child.expect("*** Processing 16 bytes command")
            self.assertEqual(bool(us.session.state() & RESUMED), allowed and turn > 0)
            self.assertEqual(us.session.remote_certificates()[0], leaf("server-p256"))
            self.assertEqual(us.suspensions, 1 if turn == 0 or judged or not allowed else 0)
            self.assertEqual(us.session.channel_binding(ENDPOINT), hashlib.sha256(leaf("server-p256")).digest())
            bindings.add(us.session.channel_binding(EXPORTER))
            us.shutdown()
            us.flush()
            if peer == "openssl":
                us.receive_all()
            us.socket.close()
        self.assertEqual(len(bindings), 3)
        if peer == "gnutls":
            self.assertEqual(child.text().count("*** This is a resumed session"), 2 if allowed else 0)

    # Staples

    def openssl_sees_staples(self, protocol):
        """Replaced and taken away while the context lives."""
        responses = ocsp_responses(self)
        credentials = Credentials("server-p256")
        self.addCleanup(credentials.close)
        context = self.context(True, protocols=protocol, credentials=credentials)
        for response in (b"", responses[0], responses[1], b"", responses[0]):
            credentials.set_ocsp_response(response)
            us, child = self.accept(context, lambda listener: self.s_client(listener, protocol, "-status", "-msg"))
            self.connect(us)
            self.talk(us, child, "word")
            if response:
                child_text = child.text()
                self.assertIn("OCSP Response Status: successful (0x0)", child_text)
                self.assertIn("Cert Status: good", child_text)
                self.assertIn(response, b"".join(messages(child_text)))
            else:
                self.assertIn("OCSP response: no response sent", child.text())

    def gnutls_sees_staples(self, protocol):
        """gnutls-cli checks them."""
        self.needs("gnutls-cli")
        credentials = Credentials("server-p256")
        self.addCleanup(credentials.close)
        context = self.context(True, protocols=protocol, credentials=credentials)
        path = os.path.join(self.folder(), "response")
        for response in ocsp_responses(self):
            credentials.set_ocsp_response(response)
            us, child = self.accept(context, lambda listener: self.gnutls_cli(listener, protocol, "--save-ocsp", path))
            self.connect(us)
            self.talk(us, child, "word")
            child.end_of_typing()
            us.receive_all()
            us.shutdown()
            us.flush()
            self.assertEqual(child.wait(), 0)
            self.assertIn("OCSP status request", child.text())
            with open(path, "rb") as file:
                self.assertEqual(file.read(), response)

    def our_client_sees_staples(self, protocol, stapled):
        response = ocsp_responses(self)[0] if stapled else b""
        arguments = []
        if stapled:
            path = os.path.join(self.folder(), "response")
            with open(path, "wb") as file:
                file.write(response)
            arguments = ["-status_file", path]
        child, port = self.s_server(protocol, *arguments)
        context = self.context(False, protocols=protocol, resume=True)
        at_verdict = []

        def judge(session):
            at_verdict.append(session.ocsp_response())
            return session.accept_with_default_validation()

        for turn in range(2):
            us = self.dial(context, port, judge=judge)
            self.assertEqual(us.session.ocsp_response(), b"")
            self.connect(us)
            self.talk(us, child, f"word {turn}")
            self.assertEqual(bool(us.session.state() & RESUMED), turn == 1)
            self.assertEqual(us.session.ocsp_response(), b"" if turn else response)
            us.shutdown()
            us.flush()
            us.receive_all()
        self.assertEqual(at_verdict, [response, b""])

    # Sizes, orders, counts, key updates

    def openssl_sees_fragments(self, our_role, protocol, size):
        us, child = self.pair(our_role, protocol, "-msg", max_fragment_size=size, suites=[AES128[protocol]])
        self.connect(us)
        text = "0123456789abcdef" * 125
        us.send(text.encode() + b"\nthe end of ours\n")
        child.expect("the end of ours")
        headers = re.findall(r"<<< .*RecordHeader \[length 0005\]\n +([0-9a-f ]+)\n", child.text())
        lengths = [int(header.replace(" ", "")[-4:], 16) for header in headers]
        overhead = 24 if protocol == TLS12 else 17
        self.assertEqual(max(lengths), size + overhead)
        self.assertGreaterEqual(lengths.count(size + overhead), 2000 // size)

    def ours_in_order(self, protocol):
        """Our hello, as openssl reads it."""
        names = {0x1301: "TLS_AES_128_GCM_SHA256", 0x1302: "TLS_AES_256_GCM_SHA384",
                 0x1303: "TLS_CHACHA20_POLY1305_SHA256", 0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
                 0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384", 0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305"}
        groups = {0x001D: "x25519", 0x0017: "secp256r1", 0x0018: "secp384r1"}
        ours = [suite[protocol] for suite in (CHACHA, AES128, AES256)]
        for suites, order in ((ours, [0x18, 0x1D, 0x17]), (ours[::-1], [0x17, 0x18, 0x1D]), (ours[1:], [0x1D, 0x17])):
            us, child = self.pair("client", protocol, suites=suites, groups=order)
            self.connect(us)
            self.talk(us, child, "word")
            self.assertIn("Shared ciphers:" + ":".join(names[number] for number in suites) + "\n", child.text())
            self.assertRegex(child.text(), "Supported groups: " + ":".join(groups[number] for number in order) + "\n")

    def server_chooses(self, protocol):
        """Without an order of ours the client's decides; with one, ours."""
        names = [None, None, None]
        if protocol == TLS13:
            names = ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"]
            option = ["-ciphersuites", ":".join(names)]
        else:
            names = [f"ECDHE-ECDSA-{kind}" for kind in ("AES128-GCM-SHA256", "CHACHA20-POLY1305", "AES256-GCM-SHA384")]
            option = ["-cipher", ":".join(names)]
        offered = [AES128[protocol], CHACHA[protocol], AES256[protocol]]
        for suites, chosen in (([], 0), (offered[::-1], 2), ([offered[1], offered[0]], 1)):
            us, child = self.pair("server", protocol, *option, suites=suites)
            self.connect(us)
            self.talk(us, child, "word")
            self.assertEqual(us.session.negotiated_cipher_suite(), offered[chosen])
            self.assertRegex(child.text(), f"New, TLS.*, Cipher is {names[chosen]}\n")

    def server_chooses_group(self, protocol):
        """The first of its own that the client has; without an order of its own, the client's first."""
        for order in ([0x18, 0x1D], [0x1D, 0x18], [0x18, 0x17], [0x17, 0x1D, 0x18], [0x18], []):
            us, child = self.pair("server", protocol, "-groups", "X25519:P-256:P-384", groups=order)
            self.connect(us)
            self.talk(us, child, "word")
            expected = order[0] if order else 0x1D
            self.assertEqual(us.session.negotiated_group(), expected, order)
            self.assertIn({0x1D: "X25519, 253", 0x17: "ECDH, prime256v1", 0x18: "ECDH, secp384r1"}[expected],
                          child.text())

    def socket_counts(self, our_role, protocol):
        us, child = self.pair(our_role, protocol, resume=True)
        self.connect(us)
        self.talk(us, child, "word")
        lines = b"".join(b"line %06d of many\n" % number for number in range(3000))
        us.send(lines + b"the last line\n")
        child.expect("the last line")
        stats = us.session.stats()
        self.assertEqual(stats.ciphertext_sent, us.sent)
        self.assertEqual(stats.ciphertext_received, us.received - len(us.inbox))
        self.assertEqual(stats.plaintext_sent, len(lines) + len("ours says word\nthe last line\n"))
        self.assertEqual(stats.plaintext_received, len("theirs says word\n"))
        self.assertEqual(stats.tickets_received, 2 if our_role == "client" and protocol == TLS13 else 0)
        self.assertGreaterEqual(stats.records_sent, 1 + len(lines) // 16384)

    def keys_change(self, peer, our_role, asking):
        """Ours, theirs if we ask for it, and both at once."""
        if peer == "gnutls":
            self.needs("gnutls-cli", "gnutls-serv")
        echo = peer == "gnutls" and our_role == "client"  # gnutls-serv says nothing of its own
        us, child = (self.pair if peer == "openssl" else self.gnutls_pair)(our_role, TLS13)
        self.connect(us)

        def talk(word):
            if echo:
                us.send(f"{word}\n".encode())
                self.hear(us, f"{word}\n")
            else:
                self.talk(us, child, word)

        talk("before")
        for turn in range(4):
            us.update_keys(asking)
            us.flush()
            if turn % 2 and not echo:
                child.type(f"theirs alone {turn}\n")
                self.hear(us, f"theirs alone {turn}\n")
            talk(f"after {turn}")
        stats = us.session.stats()
        self.assertEqual((stats.key_updates_sent, stats.key_updates_received), (4, 4 * asking))
        if peer == "openssl":
            for turn in range(2):
                child.type("K\n")
                us.update_keys(asking)
                us.flush()
                talk(f"crossing {turn}")


class Counting(Connection):
    """Counts what goes through the socket."""
    sent = received = 0

    def flush(self):
        self.sent += len(self.outbox)
        super().flush()

    def fill(self):
        before = len(self.inbox)
        more = super().fill()
        self.received += len(self.inbox) - before
        return more


class Captured(unittest.TestCase):
    """Conversations with Python's ssl as a capture, decrypted by tshark with the log of our side alone."""
    SECRETS = {True: b"what the client has to say: ", False: b"what the server has to say: "}

    @classmethod
    def setUpClass(cls):
        cls.rows, cls.found = {}, None
        if capture.tshark() is None:
            return
        with tempfile.TemporaryDirectory() as folder:
            log, path = os.path.join(folder, "keys"), os.path.join(folder, "capture.pcap")
            meet = InMemory()
            conversations = []
            for our_role, protocol, suite, (numbers, _), extended in CAPTURED:
                pair = meet.pair(our_role, protocol, {"extended": extended}, suites=[numbers[protocol]], key_log=log)
                for meeting in meet.twice(pair):
                    word = f"{len(conversations)}".encode()
                    words = [cls.SECRETS[by] + word for by in (True, False)]
                    ours = meeting.we_serve
                    meeting.say(meet, words[ours], words[not ours])
                    if protocol == TLS13:
                        meeting.us.update_keys(1)
                        meeting.say(meet, words[ours] + b" again", words[not ours] + b" again")
                    cls.rows[our_role, protocol, suite, extended, meeting.resumed()] = len(conversations)
                    conversations.append(meeting.wire)
            capture.write(path, conversations)
            cls.found = capture.plaintexts(path, log, len(conversations))
            empty = os.path.join(folder, "nothing")
            open(empty, "w").close()
            cls.without = capture.plaintexts(path, empty, len(conversations))
            meet.doCleanups()

    def decrypted(self, *row):
        if self.found is None:
            self.skipTest("tshark is not installed")
        index = self.rows[row]
        for word in self.SECRETS.values():
            word += f"{index}".encode()
            self.assertIn(word, self.found[index])
            if row[1] == TLS13:
                self.assertIn(word + b" again", self.found[index])
            self.assertNotIn(word, self.without[index])


# --- What the programs' tests need -----------------------------------------------------------------------------------

def messages(text):
    """The handshake messages that -msg prints, as bytes."""
    found = []
    for dump in re.findall(r"<<< .*(?:Handshake|handshake).*\n((?: {4}[0-9a-f ]+\n)+)", text):
        found.append(bytes.fromhex(dump))
    return found


@functools.lru_cache(None)
def made_responses():
    with tempfile.TemporaryDirectory() as folder:
        def openssl(*arguments):
            return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True,
                                  timeout=DEADLINE).stdout.decode()

        serial = openssl("x509", "-in", cert_path("server-p256.pem"), "-noout", "-serial").strip().split("=")[1]
        with open(os.path.join(folder, "index.txt"), "w") as file:
            file.write(f"V\t21200101000000Z\t\t{serial}\tunknown\t/CN=server-p256\n")
        openssl("ocsp", "-issuer", cert_path("intermediate.pem"), "-cert", cert_path("server-p256.pem"), "-no_nonce",
                "-reqout", "request")
        responses = []
        for days in ("7", "9"):
            openssl("ocsp", "-index", "index.txt", "-CA", cert_path("intermediate.pem"), "-rsigner",
                    cert_path("intermediate.pem"), "-rkey", cert_path("intermediate.key"), "-reqin", "request",
                    "-respout", "response", "-ndays", days)
            with open(os.path.join(folder, "response"), "rb") as file:
                responses.append(file.read())
        return responses


def ocsp_responses(test):
    """Two OCSP responses for server-p256, by its issuer."""
    first, second = map(bytes, made_responses())
    test.assertNotEqual(first, second)
    return first, second


LIFETIME_HINT, TICKET = 0xA9, 0xAA


def change_session(path, change):
    """Changes a session that s_client has saved: `change` gets a list of its fields as [tag, content]."""
    der = pem_blocks(open(path, "rb").read())[0]
    tag, content, _ = tlv(der, 0)
    fields, at = [], 0
    while at < len(content):
        tag, value, at = tlv(content, at)
        fields.append([tag, value])
    change(fields)
    body = b"".join(bytes([tag]) + length_of(value) + value for tag, value in fields)
    der = b"\x30" + length_of(body) + body
    with open(path, "wb") as file:
        file.write(ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "SSL SESSION PARAMETERS").encode())


def tlv(data, at):
    length, head = data[at + 1], 2
    if length & 0x80:
        head += length & 0x7F
        length = int.from_bytes(data[at + 2:at + head], "big")
    return data[at], data[at + head:at + head + length], at + head + length


def length_of(value):
    if len(value) < 0x80:
        return bytes([len(value)])
    digits = len(value).to_bytes((len(value).bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits


def lives_longer(fields):
    """The client shall offer the ticket although it has expired."""
    field = next(field for field in fields if field[0] == LIFETIME_HINT)
    field[1] = b"\x02\x02\x0e\x10"


def damaged(fields):
    field = next(field for field in fields if field[0] == TICKET)
    field[1] = field[1][:-1] + bytes([field[1][-1] ^ 1])


def of_nobody(fields):
    field = next(field for field in fields if field[0] == TICKET)
    head = len(field[1]) - len(tlv(field[1], 0)[1])
    field[1] = field[1][:head] + bytes(len(field[1]) - head)


# --- The tables ------------------------------------------------------------------------------------------------------

# What signs each certificate, as openssl says it, and the hash that RFC 5929 section 4.1 wants.
SIGNED = [
    ("signed-rsa-md5", "md5WithRSAEncryption", "sha256"),
    ("signed-rsa-sha1", "sha1WithRSAEncryption", "sha256"),
    ("signed-rsa-sha256", "sha256WithRSAEncryption", "sha256"),
    ("signed-rsa-sha384", "sha384WithRSAEncryption", "sha384"),
    ("signed-rsa-sha512", "sha512WithRSAEncryption", "sha512"),
    ("signed-ecdsa-sha1", "ecdsa-with-SHA1", "sha256"),
    ("signed-ecdsa-sha256", "ecdsa-with-SHA256", "sha256"),
    ("signed-ecdsa-sha384", "ecdsa-with-SHA384", "sha384"),
    ("signed-ecdsa-sha512", "ecdsa-with-SHA512", "sha512"),
    ("signed-ecdsa-p384-sha384", "ecdsa-with-SHA384", "sha384"),
    ("signed-pss-sha1", "rsassaPss with sha1", "sha256"),
    ("signed-pss-sha256", "rsassaPss with sha256", "sha256"),
    ("signed-pss-sha384", "rsassaPss with sha384", "sha384"),
    ("signed-pss-sha512", "rsassaPss with sha512", "sha512"),
    ("signed-ed25519", "ED25519", None),
    ("server-ed25519", "ecdsa-with-SHA256", "sha256"),
]


def signature_of(name):
    """As openssl says it."""
    text = subprocess.run(["openssl", "x509", "-in", cert_path(name + ".pem"), "-noout", "-text"], capture_output=True,
                          check=True, timeout=DEADLINE).stdout.decode()
    algorithm = re.search(r"Signature Algorithm: (\S+)", text)[1]
    if algorithm == "rsassaPss":
        algorithm += " with " + re.search(r"Hash Algorithm: (\S+)", text)[1]
    return algorithm


def add_in_memory():
    case = InMemory

    def add(name, method, *arguments):
        sentences.add_test(case, name, lambda self: method(self, *arguments))

    def table_is_right(self):
        for name, algorithm, _ in SIGNED:
            self.assertEqual(signature_of(name), algorithm, name)

    if not QUICK:
        add("openssl reads the certificates' signatures as the table says", table_is_right)
    for our_role in ROLES:
        us = f"our {our_role}"
        for suite, (numbers, algorithm) in SUITES.items():
            for extended in (True, False):
                without = "" if extended else ", without an extended master secret"
                add(f"TLS 1.2, {suite}: {us} and Python have the same tls-unique, resumed too{without}",
                    case.unique, our_role, numbers, extended)
                for protocol, version in NAMES.items():
                    if extended or protocol == TLS12:
                        add(f"{version}, {suite}: {us} exports what follows from the secrets that Python logs{without}",
                            case.keying_material, our_role, protocol, numbers, algorithm, extended)
                        add(f"{version}, {suite}: {us} logs the lines that Python logs{without}",
                            case.same_log, our_role, protocol, numbers, extended)
        add(f"TLS 1.3: {us} has no tls-unique", case.no_unique, our_role)
        for certificate, algorithm, digest in SIGNED[::3] if QUICK else SIGNED:
            add(f"{us} tells tls-server-end-point of {certificate} ({algorithm}): {digest or 'there is none'}",
                case.end_point, our_role, certificate, digest)
        for protocol, version in NAMES.items():
            us = f"{version}: our {our_role}"
            add(f"{us} resumes nothing when that is switched off", case.resumption_off, our_role, protocol)
            for judged in (True, False):
                add(f"{us} and Python resume with the same certificates, {'judged again' if judged else 'not judged'}",
                    case.same_client, our_role, protocol, judged)
            add(f"{us} refuses on resumption whom it accepted before", case.refused_later, our_role, protocol)
            add(f"{us} saves more than 40 % of the bytes by resuming", case.bytes_saved, our_role, protocol)
            for size in (64, 511, 0) if QUICK else (64, 65, 511, 512, 1500, 4096, 16383, 16384, 0):
                add(f"{us} sends records of at most {size or '2^14'} bytes", case.fragments, our_role, protocol, size)
            add(f"{us} counts what the wire has seen", case.counts, our_role, protocol)
        add(f"our {our_role} updates its keys on Python many times", case.updates, our_role)
        add(f"our {our_role} updates no keys in TLS 1.2", case.no_updates, our_role)
    for protocol, version in NAMES.items():
        add(f"{version}: our client and our server log the same lines, in files of their owner's", case.our_logs,
            protocol)
        for name in ("localhost",) if QUICK else ("localhost", "other.example", None):
            add(f"{version}: identities do not leak by resumption: {name or 'no name'} behind localhost",
                case.identities, protocol, name)
        add(f"{version}: our server staples nothing for who has not asked", case.unwanted_staple, protocol)
    add("our client counts the tickets that Python sends", case.counted_tickets)


ANOTHER = b"another root of 32 bytes or more"
ROOT = {"ticket_roots": [ANOTHER]}
FIRST = bytes(range(32))  # what servers have unless the table says otherwise
# What each machine has in the days of a rotation, whatever the clock says.
ANNOUNCED = {"ticket_roots": [FIRST, (ANOTHER, FOR_EVER - 1, FOR_EVER)]}
CHANGED = {"ticket_roots": [(FIRST, 0, FOR_EVER), (ANOTHER, 1, FOR_EVER)]}
OVER = {"ticket_roots": [(FIRST, 0, 1), (ANOTHER, 1, FOR_EVER)]}
WITH_CERTIFICATE = ("-cert", cert_path("client-p256.pem"), "-key", cert_path("client-p256.key"),
                    "-cert_chain", cert_path("intermediate.pem"))
WITH_ALPN = ("-alpn", "h2,http/1.1")

# Two servers: what they are, the options in which each differs, whether the second resumes the first's sessions.
TWO_SERVERS = [
    ("with the same root", {}, {}, True, {}),
    ("of which the second seals with the next root already", {}, CHANGED, True, {}),
    ("of which the first seals with a root that the second only opens with", CHANGED, ANNOUNCED, True, {}),
    ("of which the second has a root that has ended", {}, OVER, False, {}),
    ("of which none has a root that seals yet", {"ticket_roots": [(FIRST, FOR_EVER - 1, FOR_EVER)]}, {}, False,
     {"gives": False}),
    ("of which the second has a renewed certificate", {}, {"credentials": "server-renewed"}, True, {}),
    ("of which the second's certificate has a name more", {}, {"credentials": "server-extended"}, False, {}),
    ("of which the second's certificate has another subject", {}, {"credentials": "server-p384"}, False, {}),
    ("of which the second's certificate has other names", {}, {"credentials": "server-wrongname"}, False, {}),
    ("that send many tickets and none", {"ticket_count": 16}, {"ticket_count": 0}, True, {}),
    ("with other roots", {}, ROOT, False, {}),
    ("with keys of their own", {"ticket_roots": []}, {"ticket_roots": []}, False, {}),
    ("of which the second asks for certificates", {}, {"client_certificates": CERTIFICATE_REQUEST}, False,
     {"arguments": WITH_CERTIFICATE}),
    ("of which the second does not ask for certificates", {"client_certificates": CERTIFICATE_REQUEST}, {}, False,
     {"arguments": WITH_CERTIFICATE}),
    ("that want a certificate more and less", {"client_certificates": CERTIFICATE_REQUEST},
     {"client_certificates": CERTIFICATE_REQUIRE}, False, {"arguments": WITH_CERTIFICATE}),
    ("with other anchors", {}, {"anchors": "other-ca"}, False, {}),
    ("with a revocation list more", {}, {"crls": ["crl-root.pem"]}, False, {}),
    ("with other validation", {}, {"validation": VALIDATION_AUTOMATIC}, False, {}),
    ("with other application protocols", {"alpn": ["h2"]}, {"alpn": ["http/1.1"]}, False, {"arguments": WITH_ALPN}),
    ("with other protocol versions", {}, {"protocols": None}, False, {}),
    ("of which the second does not resume", {}, {"resume": False}, False, {}),
    ("of which the first does not resume", {"resume": False}, {}, False, {"gives": False}),
    ("and a ticket that is damaged", {}, {}, False, {"change": damaged}),
    ("and a ticket of nobody's", {}, {}, False, {"change": of_nobody}),
    ("and a ticket that has expired", {"ticket_lifetime": 1}, {"ticket_lifetime": 1}, False,
     {"change": lives_longer, "wait": 2.1}),
]

QUICK_SERVERS = {TLS12: ("with other roots",), TLS13: ("of which the second has a renewed certificate",)}

CAPTURED = [
    (our_role, protocol, suite, found, extended) for our_role in ROLES for protocol in NAMES
    for suite, found in SUITES.items() if suite == "AES-256" or not QUICK
    for extended in (True, False) if extended or protocol == TLS12
]


def add_captured():
    for our_role, protocol, suite, _, extended in CAPTURED:
        for resumed in (False, True):
            kind = "resumed" if resumed else "full"
            name = (f"{NAMES[protocol]}, {suite}: tshark decrypts a {kind} session with the key log of our {our_role}"
                    f"{'' if extended else ', without an extended master secret'}")
            row = our_role, protocol, suite, extended, resumed
            sentences.add_test(Captured, name, lambda self, row=row: self.decrypted(*row))


def add_programs():
    case = Programs

    def add(name, method, *arguments, quick=False, **options):
        if not QUICK or quick:
            sentences.add_test(case, name, lambda self: method(self, *arguments, **options))

    for protocol, version in NAMES.items():
        for our_role in ROLES:
            us = f"{version}: our {our_role}"
            for suite, (numbers, _) in SUITES.items():
                for label, length in (("EXPORTER-Channel-Binding", 32), ("EXPERIMENTAL label", 77)):
                    add(f"{us} and openssl export the same, {suite}, {label}, {length}", case.openssl_exports, our_role,
                        protocol, numbers, label, length, quick=(suite, length) == ("AES-256", 32))
            add(f"{us} sends openssl small records", case.openssl_sees_fragments, our_role, protocol, 100)
            add(f"{us} counts what goes through the socket", case.socket_counts, our_role, protocol)
        for suite, (numbers, _) in SUITES.items():
            for extended in (True, False):
                if extended or protocol == TLS12:
                    add(f"{version}: our server and gnutls-cli have the same bindings, resumed too, {suite}"
                        f"{'' if extended else ', without an extended master secret'}",
                        case.gnutls_bindings, protocol, numbers, extended,
                        quick=(suite, extended, protocol) == ("AES-256", True, TLS12))
        for judged in (True, False):
            add(f"{version}: two of our servers know openssl's client by its certificate, "
                f"{'judged' if judged else 'not judged'} again", case.client_certificate, protocol, judged,
                quick=judged and protocol == TLS13)
        for what, first, second, resumes, options in TWO_SERVERS:
            if second.get("protocols", 0) is None:
                second = {**second, "protocols": protocol}
            add(f"{version}: two of our servers {what}: openssl {'resumes' if resumes else 'starts anew'}",
                case.two_servers, protocol, first, second, resumes, **options,
                quick=what == "with the same root" or what in QUICK_SERVERS[protocol])
        for same_root in (True, False):
            add(f"{version}: curl between two of our servers with {'the same root' if same_root else 'other roots'}",
                case.curl, protocol, same_root, quick=same_root and protocol == TLS13)
        for peer in ("openssl", "gnutls"):
            for allowed, judged in ((True, True), (True, False), (False, True)):
                add(f"{version}: our client on {peer}'s server{'' if allowed else ', told not to resume'}"
                    f"{'' if judged else ', judging once'}", case.our_client_resumes, peer, protocol, allowed, judged,
                    quick=allowed and judged)
        add(f"{version}: openssl sees our staples change", case.openssl_sees_staples, protocol, quick=protocol == TLS13)
        add(f"{version}: gnutls checks our staples", case.gnutls_sees_staples, protocol)
        for stapled in (True, False):
            add(f"{version}: our client {'sees' if stapled else 'misses'} openssl's staple",
                case.our_client_sees_staples, protocol, stapled, quick=stapled and protocol == TLS12)
        add(f"{version}: our client offers in the host's order", case.ours_in_order, protocol)
        add(f"{version}: our server chooses the suite", case.server_chooses, protocol)
        add(f"{version}: our server takes the first of its groups that openssl has", case.server_chooses_group,
            protocol)
    for peer in ("openssl", "gnutls"):
        for our_role in ROLES:
            for asking in (0, 1):
                add(f"our {our_role} updates its keys on {peer}, {'asking' if asking else 'not asking'} for theirs",
                    case.keys_change, peer, our_role, asking, quick=(peer, asking) == ("openssl", 1))
    add("SSLKEYLOGFILE means nothing to us", case.no_key_log)


add_in_memory()
add_captured()
add_programs()

if __name__ == "__main__":
    sentences.main()
