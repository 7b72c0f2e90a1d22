"""What stays in a process that has destroyed its sessions, contexts, options and credentials: no secret of theirs.

Python's ssl plays the peer and logs what the session's secrets are; `holder.c` is the process that has held them. It holds
nothing any more, and waits, while its memory is read from outside: heap, stacks, libraries, everything that can be written.

    test_secrets.py HOLDER        the program, linked with the library (environment: SPANTLS_CERTS)
"""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peers"))

import memory
import needles
import openssl_inside
import sentences
from hand_crypto import pem_blocks

CERTS = Path(os.environ.get("SPANTLS_CERTS", Path(__file__).resolve().parents[2] / "certs"))
HOLDER = sys.argv[1]
TLS12, TLS13 = 0xC00, 0x3000
TLS13_SUITES = (0x1301, 0x1302, 0x1303)
RSA_SUITES = (0xC02F, 0xC030, 0xCCA8)
ROUNDS = 3
ROOM = 1 << 16
PASSPHRASE = 40


class Peer(threading.Thread):
    """The other end of one session."""

    def __init__(self, context, server_side, end, session=None):
        super().__init__(daemon=True)
        self.end, self.received, self.sent, self.failure, self.session = end, b"", b"", None, None
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server_side else "localhost"
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side, name, session=session)
        self.server_side = server_side

    def run(self):
        try:
            self.converse()
        except (OSError, ssl.SSLError) as error:
            self.failure = error
        finally:
            self.end.close()

    def converse(self):
        self.do(self.tls.do_handshake)
        for _ in range(ROUNDS):
            if self.server_side:
                self.hear()
            self.do(self.tls.write, b"words")
            if not self.server_side:
                self.hear()
        self.session = self.tls.session
        while self.do(self.tls.read, 100):
            pass

    def hear(self):
        heard = b""
        while len(heard) < 5:
            more = self.do(self.tls.read, 5 - len(heard))
            if not more:
                raise EOFError("the session has ended early")
            heard += more

    def do(self, call, *arguments):
        while True:
            try:
                result = call(*arguments)
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLWantReadError:
                self.flush()
                data = self.end.recv(ROOM)
                self.received += data
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
                continue
            self.flush()
            return result

    def flush(self):
        data = self.outgoing.read()
        if data:
            self.sent += data
            self.end.sendall(data)

    def server_random(self):
        """Of the ServerHello, which is in clear."""
        return (self.sent if self.server_side else self.received)[11:43]


def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    for end in (one, other):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return one, other


class Scene:
    """A process that holds secrets, its peers, and what they know."""

    def __init__(self, role, suite, credentials=None, flags="", sessions=2):
        self.role, self.suite, self.flags, self.sessions = role, suite, flags, sessions
        self.is_tls13 = suite in TLS13_SUITES
        server = "server-rsa2048" if suite in RSA_SUITES else "server-p256"
        self.credentials = credentials or (server if role == "server" else "client-p256")
        self.root = os.urandom(32) if "r" in flags else b""
        self.passphrase = os.urandom(PASSPHRASE // 2).hex().encode() if "e" in flags else b""
        self.encryption = ["-scrypt"] if "y" in flags else ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"]
        self.peers, self.secrets = [], {}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        self.log = folder / "keys"
        pairs = [tcp_pair() if "k" in self.flags else socket.socketpair() for _ in range(self.sessions)]
        numbers = [theirs.fileno() for _, theirs in pairs]
        chain, key = (str(CERTS / f"{self.credentials}.{kind}") for kind in ("pem", "key"))
        if self.passphrase:
            key = self.encrypted(key)
        version = TLS13 if self.is_tls13 else TLS12
        arguments = [HOLDER, self.role, str(version), hex(self.suite), chain, key, self.flags or "-", *map(str, numbers)]
        self.process = subprocess.Popen(
            arguments, pass_fds=numbers, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "SPANTLS_TEST_KEYLOG": str(folder / "its-keys")})
        self.process.stdin.write(self.passphrase + self.root)
        self.process.stdin.flush()
        for _, theirs in pairs:
            theirs.close()
        self.talk([ours for ours, _ in pairs])
        if self.process.stdout.readline() != b"done\n":
            raise AssertionError(f"the holder failed: {[peer.failure for peer in self.peers]}")
        self.learn()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.folder.cleanup()

    def encrypted(self, key):
        path = str(Path(self.folder.name) / "encrypted.key")
        subprocess.run(["openssl", "pkcs8", "-topk8", "-in", key, "-out", path, "-passout", "stdin", *self.encryption],
                       input=self.passphrase + b"\n", check=True, capture_output=True)
        self.secrets["passphrase"] = self.passphrase
        self.secrets["key of the private key"] = needles.of_passphrase(self.passphrase, pem_blocks(Path(path).read_bytes())[0])
        return path

    def talk(self, ends):
        context, session = self.context(), None
        for end in ends:
            peer = Peer(context, self.role == "client", end, session)
            peer.start()
            peer.join(60)
            self.peers.append(peer)
            session = peer.session if self.role == "server" else None

    def context(self):
        server_side = self.role == "client"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server_side else ssl.PROTOCOL_TLS_CLIENT)
        version = ssl.TLSVersion.TLSv1_3 if self.is_tls13 else ssl.TLSVersion.TLSv1_2
        context.minimum_version = context.maximum_version = version
        if not self.is_tls13:
            context.set_ciphers(needles.SUITES[self.suite][3])
        context.keylog_filename = str(self.log)
        if server_side:
            key = "server-rsa2048" if self.suite in RSA_SUITES else "server-p256"
            context.verify_mode = ssl.CERT_REQUIRED
        else:
            key = "client-p256"
            context.check_hostname = False
            context.post_handshake_auth = "a" in self.flags
        context.load_cert_chain(CERTS / f"{key}.pem", CERTS / f"{key}.key")
        context.load_verify_locations(CERTS / "ca.pem")
        return context

    def logged(self):
        """Secrets by label, session by session."""
        sessions = {}
        for line in self.log.read_text(encoding="ascii").splitlines():
            if not line.startswith("#"):
                label, client_random, secret = line.split()
                sessions.setdefault(bytes.fromhex(client_random), {})[label] = bytes.fromhex(secret)
        return sessions

    def learn(self):
        for number, (client_random, logged) in enumerate(self.logged().items()):
            if self.is_tls13:
                found = needles.of_tls13(self.suite, logged)
            else:
                server_random = self.peers[number].server_random()
                found = needles.of_tls12(self.suite, logged["CLIENT_RANDOM"], client_random, server_random)
            if "l" in self.flags:
                found.update({f"{label} in the key log": secret.hex().encode() for label, secret in logged.items()})
            self.secrets.update({f"session {number}: {name}": secret for name, secret in found.items()})
        for number, peer in enumerate(self.peers):
            if peer.session is not None:
                found = self.of_session(peer.session)
                self.secrets.update({f"ticket {number}: {name}": secret for name, secret in found.items()})
        # A context that stays has its key.
        if "f" not in self.flags:
            self.secrets.update(needles.of_private_key((CERTS / f"{self.credentials}.key").read_bytes()))

    def of_session(self, session):
        found = {}
        if self.is_tls13:
            found.update(needles.of_psk(self.suite, openssl_inside.resumption_secret(session)))
        if self.root and session.has_ticket:
            leaf = pem_blocks((CERTS / f"{self.credentials}.pem").read_bytes())[0]
            admission = needles.admission("a" not in self.flags, not self.is_tls13, self.is_tls13)
            ticket = openssl_inside.ticket(session)
            found.update(needles.of_ticket(self.root, ticket, admission + needles.who(leaf)))
            if not openssl_inside.opens(found["ticket: key"], bytes(12), ticket[40:], ticket[:40]):
                raise AssertionError("this is not the key of the ticket")
        return found

    def found(self):
        return memory.search(memory.read(self.process.pid), self.secrets)


class Secrets(unittest.TestCase):
    def nothing_is_left(self, scene):
        with scene:
            if "x" not in scene.flags:
                self.assertEqual([peer.failure for peer in scene.peers], [None] * scene.sessions)
                self.assertTrue(scene.peers[-1].tls.session_reused)
            left = [f"{length} bytes of {name} at {address:x} in {mapping}"
                    for name, address, length, mapping in scene.found()]
        self.assertTrue(scene.secrets)
        self.assertEqual(left, [])

    def held_is_found(self, role, suite):
        """The secrets that are looked for are the right ones, and they are found where they are."""
        with Scene(role, suite, flags="rh" if role == "server" else "h", sessions=1) as scene:
            found = {name for name, _, _, _ in scene.found()}
        missing = [names for names in self.held(role, suite) if not found.intersection(names.split(" or "))]
        self.assertEqual(missing, [])

    @staticmethod
    def held(role, suite):
        if suite in TLS13_SUITES:
            yield from (f"session 0: {side}'s traffic 1: {what}"
                        for side in ("client", "server") for what in ("secret", "key", "iv, as numbers"))
            yield "session 0: exporter: secret"
        else:
            yield from ("session 0: master secret", "session 0: client's key", "session 0: server's key")
        if role == "server":
            yield "ticket 0: ticket: root"
            yield ("private key: p, reversed" if suite in RSA_SUITES
                   else "private key: scalar, reversed or private key: scalar in Montgomery's form, reversed")
        elif suite in TLS13_SUITES:
            yield "ticket 0: psk"

    def test_sixteen_bytes_in_a_row_are_found_wherever_they_lie_and_fewer_are_not(self):
        secret = bytes(range(100, 148))
        for start in range(len(secret) - memory.RUN + 1):
            for length, expected in ((memory.RUN, 1), (memory.RUN - 1, 0)):
                noise = b"\xff" * (37 + start) + secret[start:start + length] + b"\xff" * 50
                self.assertEqual(len(memory.search([(0, noise, "")], {"it": secret})), expected)


def rows():
    """Names of tests, and their scenes."""
    for suite in needles.SUITES:
        yield f"a client has forgotten everything of suite {suite:#06x}", Scene("client", suite)
        yield f"a server has forgotten everything of suite {suite:#06x}", Scene("server", suite, flags="r")
    for role, flags in (("client", ""), ("server", "r")):
        for suite in (0x1301, 0x1303, 0xC02C):
            for letter, what in (("s", "over spans"), ("l", "with a key log"), ("k", "with the keys in the kernel"),
                                 ("x", "left within a handshake")):
                yield f"a {role} has forgotten suite {suite:#06x} {what}", Scene(role, suite, flags=flags + letter)
    for suite in (0x1301, 0xC02C):
        yield f"a context in use has forgotten the root that was replaced, suite {suite:#06x}", Scene("server", suite, flags="rf")
        yield f"an idle context has forgotten its tickets' roots, suite {suite:#06x}", Scene("server", suite, flags="rfg")
    for suite in TLS13_SUITES:
        yield (f"a server has forgotten suite {suite:#06x} after asking for a certificate late",
               Scene("server", suite, flags="ra"))
    for key in ("client-rsa2048", "client-p256", "client-p384", "client-ed25519"):
        for letter, what in (("", "a file"), ("p", "a text")):
            yield f"{key}, from {what}, is forgotten", Scene("client", 0x1301, credentials=key, flags=letter)
            for kind, name in (("", "PBKDF2"), ("y", "scrypt")):
                yield (f"{key}, from {what}, is forgotten with its passphrase for {name}",
                       Scene("client", 0x1301, credentials=key, flags=letter + "e" + kind))


for role in ("client", "server"):
    for suite in needles.SUITES:
        sentences.add_test(Secrets, f"what a {role} of suite {suite:#06x} still holds is found",
                           lambda self, role=role, suite=suite: self.held_is_found(role, suite))
for name, scene in rows():
    sentences.add_test(Secrets, name, lambda self, scene=scene: self.nothing_is_left(scene))

if __name__ == "__main__":
    sentences.main()
