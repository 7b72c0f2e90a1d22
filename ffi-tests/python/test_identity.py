"""Who is at the other end, what can be bound to it, and how a session goes on from an earlier one: channel bindings,
keying material, key logs, resumption, staples; with what comes along: sizes, orders, key updates and counts. All of it is
compared with what nobody here wrote: the OpenSSL and GnuTLS programs, curl, Python's ssl, tshark; and with a computation
from the secrets that OpenSSL logs.

In quick mode the programs see about every third row.
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
from hand_peer import ALERT, APPLICATION_DATA, HANDSHAKE, Hello, records
from server_process import ServerProcess
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_NONE, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE, CLOSED, COMPLETE, ENDPOINT, EXPORTER,
    INVALID_STATE, NOT_SUPPORTED, RESUMED, TLS12, TLS13, UNIQUE, VALIDATION_AUTOMATIC, WANT_CREDENTIALS, WANT_READ,
    Context, Credentials, Driver, TlsError, cert_path, read_cert,
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
    asked = 0

    def handshake(self):
        while True:
            self.status, consumed, output = self.session.process_handshake(self.inbox, self.room)
            del self.inbox[:consumed]
            self.outbox += output
            if self.status != WANT_CREDENTIALS:
                return super().handshake()
            self.asked += 1
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
            self.assertEqual(meeting.session.channel_binding(EXPORTER), derive(b"EXPORTER-Channel-Binding", None, 32))
            for label in (b"EXPORTER-Channel-Binding", b"EXPERIMENTAL label", b"x"):
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
            server = self.context(True, protocols=protocol, key_log=paths["server"])
            client = self.context(False, protocols=protocol, key_log=paths["client"])
        finally:
            os.umask(before)
        ends = [Driver(client, "localhost"), Driver(server)]
        for end in ends:
            self.addCleanup(end.close)
        while any(end.handshake() != COMPLETE for end in ends):
            ends[1].inbox += ends[0].take_output()
            ends[0].inbox += ends[1].take_output()
        self.assertEqual(*map(read_log, paths.values()))
        self.assertEqual(sum(map(len, read_log(paths["client"]).values())), 1 if protocol == TLS12 else 5)
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
            first = Meeting(self, self.context(True, resume=True, ticket_root=root), pair[1]).connect(self)
            off = self.context(True, resume=False, ticket_root=root)
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
        sizes = [sum(len(data) for _, data in meeting.wire) for meeting in self.twice(self.pair(our_role, protocol))]
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
