"""Our session against other implementations' command line tools, over loopback sockets: openssl s_client and s_server,
and gnutls-cli and gnutls-serv where they are installed."""

import os
import shutil
import socket
import subprocess
import threading
import unittest

import sentences
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE, CLOSED, COMPLETE, HELLO_RETRIED, PEER_ALERT, TLS12, TLS13,
    TRUNCATED, WANT_READ, Context, Driver, cert_path,
)

QUICK = bool(os.environ.get("SPANTLS_QUICK"))

# No step here takes more than a fraction of this.
DEADLINE = 20

OPENSSL_VERSION = {TLS12: "-tls1_2", TLS13: "-tls1_3"}
GNUTLS_PRIORITY = {TLS12: "NORMAL:-VERS-ALL:+VERS-TLS1.2", TLS13: "NORMAL:-VERS-ALL:+VERS-TLS1.3"}
NAMES = {TLS12: "TLS 1.2", TLS13: "TLS 1.3"}

# Number, version, the keys that go with it, and the program's name for it.
SUITES = [
    (0x1301, TLS13, None, "TLS_AES_128_GCM_SHA256"),
    (0x1302, TLS13, None, "TLS_AES_256_GCM_SHA384"),
    (0x1303, TLS13, None, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xC02B, TLS12, "ecdsa", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (0xC02C, TLS12, "ecdsa", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (0xCCA9, TLS12, "ecdsa", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (0xC02F, TLS12, "rsa", "ECDHE-RSA-AES128-GCM-SHA256"),
    (0xC030, TLS12, "rsa", "ECDHE-RSA-AES256-GCM-SHA384"),
    (0xCCA8, TLS12, "rsa", "ECDHE-RSA-CHACHA20-POLY1305"),
]
KEYS = {"p256": "ecdsa", "p384": "ecdsa", "ed25519": "ecdsa", "rsa2048": "rsa", "rsa4096": "rsa"}


class Child:
    """A child process whose output, errors included, is collected by a thread."""

    def __init__(self, *arguments):
        self._process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self._output = bytearray()
        self._ended = False
        self._seen = 0  # of the output, by `expect`
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def _collect(self):
        while data := self._process.stdout.read(65536):
            with self._changed:
                self._output += data
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def text(self):
        with self._changed:
            return self._output.decode(errors="replace")

    def expect(self, text):
        """Waits until the child has written `text`, behind what was expected before; returns its line's rest."""
        wanted = text.encode()
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._output.find(wanted, self._seen) >= 0, DEADLINE)
            at = self._output.find(wanted, self._seen)
            if at < 0:
                raise AssertionError(f"the child never wrote {text!r}:\n{self.text()[-2000:]}")
            self._seen = at + len(wanted)
            return self._output[self._seen:].split(b"\n")[0].decode().strip()

    def wrote(self, text):
        """Waits until `text` is anywhere in what the child has written."""
        wanted = text.encode()
        with self._changed:
            if not self._changed.wait_for(lambda: wanted in self._output or self._ended, DEADLINE) or \
                    wanted not in self._output:
                raise AssertionError(f"the child never wrote {text!r}:\n{self.text()[-2000:]}")

    def type(self, line):
        self._process.stdin.write(line.encode())

    def end_of_typing(self):
        self._process.stdin.close()

    def wait(self):
        """Waits for the child's end; its exit status."""
        status = self._process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return status

    def kill(self):
        self._process.kill()

    def close(self):
        """Ends the child, whatever it is doing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        self._process.stdin.close()
        self._process.stdout.close()


class Connection(Driver):
    """A session on a socket. Every wait has a deadline."""

    def __init__(self, context, connected, name=None, **options):
        super().__init__(context, name, **options)
        self.socket = connected
        self.socket.settimeout(DEADLINE)

    def close(self):
        self.socket.close()
        super().close()

    def flush(self):
        try:
            self.socket.sendall(self.take_output())
        except (BrokenPipeError, ConnectionResetError):
            pass  # a peer that has gone; what it sent is still to be read

    def fill(self):
        """Receives something; false at the end."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.inbox += data
        return bool(data)

    def connect(self):
        """The whole handshake."""
        while self.handshake() == WANT_READ:
            self.flush()
            if not self.fill():
                self.status = self.session.end_of_input()
                break
        self.flush()
        return self.status

    def send(self, data):
        self.write(data)
        self.flush()

    def receive(self, enough):
        """Reads until `enough(bytes so far)` says so, or the end."""
        received = bytearray(self.read())
        self.flush()
        while self.status == WANT_READ and not enough(received):
            if not self.fill():
                self.status = self.session.end_of_input()
                break
            received += self.read()
            self.flush()
        return bytes(received)

    def receive_until(self, text):
        return self.receive(lambda received: text in received)

    def receive_message(self):
        """Reads until a message of TLS itself has come."""
        before = self.messages
        return self.receive(lambda received: self.messages > before)

    def receive_all(self):
        return self.receive(lambda received: False)


class Tools(unittest.TestCase):
    """Pairs of our session and a program."""

    def child(self, *arguments):
        child = Child(*arguments)
        self.addCleanup(child.close)
        return child

    def connection(self, server, connected, options, judge=None):
        context = Context(server, **options)
        connection = Connection(context, connected, None if server else "localhost", judge=judge)
        context.close()
        self.addCleanup(connection.close)
        return connection

    def accept(self, make_child, options, judge=None):
        """Our server and the client that `make_child(port)` starts."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(DEADLINE)
            child = make_child(listener.getsockname()[1])
            connected, _ = listener.accept()
        options = {"credentials": "server-p256", "anchors": "ca", **options}
        return self.connection(True, connected, options, judge), child

    def dial(self, child, port, options, judge=None):
        """Our client and a server that is already listening."""
        connected = socket.create_connection(("127.0.0.1", port), DEADLINE)
        return self.connection(False, connected, {"anchors": "ca", **options}, judge), child

    def openssl_pair(self, our_role, protocol, *arguments, options=None, judge=None, key="p256"):
        """Our side, connected over TCP, and openssl's. `arguments` go to openssl."""
        options = {"protocols": protocol, **(options or {})}
        if our_role == "server":
            options.setdefault("credentials", f"server-{key}")
            return self.accept(lambda port: self.child(
                "openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
                "-CAfile", cert_path("ca.pem"), "-verify_return_error", "-verify_hostname", "localhost",
                OPENSSL_VERSION[protocol], *arguments), options, judge)
        child = self.child(
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", cert_path(f"server-{key}.pem"),
            "-key", cert_path(f"server-{key}.key"), "-cert_chain", cert_path("intermediate.pem"),
            "-CAfile", cert_path("ca.pem"), OPENSSL_VERSION[protocol], *arguments)
        port = int(child.expect("ACCEPT 127.0.0.1:"))
        return self.dial(child, port, options, judge)

    def talk(self, us, child, word="word"):
        """A line each way."""
        us.send(f"ours says {word}\n".encode())
        child.expect(f"ours says {word}")
        child.type(f"theirs says {word}\n")
        received = us.receive_until(f"theirs says {word}\n".encode())
        self.assertIn(f"theirs says {word}\n".encode(), received, us.session.error())


class AgainstTools(Tools):
    def openssl_meets(self, our_role, protocol, key):
        us, child = self.openssl_pair(our_role, protocol, key=key)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.assertEqual(us.session.negotiated_protocol(), protocol)
        self.talk(us, child)
        if our_role == "server":
            child.type("Q\n")  # s_server would just drop the connection
            us.receive_all()
            self.assertEqual(us.status, CLOSED)
        self.assertEqual(us.shutdown(), CLOSED)
        us.flush()

    def openssl_speaks(self, our_role, suite, key):
        """The program allows this suite and no other."""
        number, protocol, _, name = suite
        choice = ["-ciphersuites", name] if protocol == TLS13 else ["-cipher", name]
        us, child = self.openssl_pair(our_role, protocol, *choice, key=key)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.assertEqual(us.session.negotiated_cipher_suite(), number)
        self.talk(us, child)

    def openssl_serves_a_page(self, protocol):
        """A server that closes first, right behind its data."""
        us, child = self.openssl_pair("client", protocol, "-www")
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        us.send(b"GET / HTTP/1.0\r\n\r\n")
        page = us.receive_all()
        self.assertIn(b"s_server -accept", page)
        self.assertIn(b"</HTML>", page[-20:].upper())
        self.assertEqual(us.status, CLOSED)

    def openssl_is_closed(self, our_role, protocol):
        us, child = self.openssl_pair(our_role, protocol)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.talk(us, child)
        self.assertEqual(us.shutdown(), CLOSED)
        us.flush()
        us.receive_all()
        self.assertEqual(us.status, CLOSED)
        if our_role == "server":
            child.expect("closed")
            self.assertEqual(child.wait(), 0)
        else:
            child.expect("DONE")

    def openssl_is_killed(self, our_role, protocol):
        us, child = self.openssl_pair(our_role, protocol)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.talk(us, child)
        child.kill()
        us.receive_all()
        self.assertEqual(us.status, TRUNCATED)

    def openssl_updates_keys(self, our_role, command):
        us, child = self.openssl_pair(our_role, TLS13)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.talk(us, child, "before")
        for turn in range(5):
            answers = us.answers
            child.type(f"{command}\n")
            self.assertEqual(us.receive_message(), b"")
            self.assertEqual(us.status, WANT_READ, us.session.error())
            self.assertEqual(us.answers - answers, 1 if command == "K" else 0)
            if turn % 2:
                # Their first line under the new keys, before any of ours.
                child.type(f"theirs alone {turn}\n")
                self.assertIn(f"theirs alone {turn}\n".encode(), us.receive_until(f"theirs alone {turn}\n".encode()))
            self.talk(us, child, f"after update {turn}")

    def openssl_updates_keys_unread(self, our_role):
        """Requests that are read together are answered together (RFC 8446 section 4.6.3)."""
        us, child = self.openssl_pair(our_role, TLS13)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.talk(us, child, "before")
        answers = us.answers
        for _ in range(3):
            child.type("K\n")
            self.assertTrue(us.fill())
        child.type("the end of the updates\n")
        self.assertIn(b"the end of the updates\n", us.receive_until(b"the end of the updates\n"))
        self.assertEqual(us.answers - answers, 1)
        self.talk(us, child, "after")

    def openssl_renegotiates(self, our_role):
        us, child = self.openssl_pair(our_role, TLS12)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.talk(us, child)
        child.type("R\n")
        received = us.receive_all()
        # We refuse with no_renegotiation, which is a warning; OpenSSL gives up the connection then, in good order:
        # with an alert or a close_notify. We have not failed before it did.
        self.assertEqual(received, b"")
        error = us.session.error()
        self.assertEqual(error.alert_sent if us.status != CLOSED else -1, -1, error)
        self.assertIn(us.status, (CLOSED, PEER_ALERT))
        if us.status == PEER_ALERT:
            self.assertEqual(error.alert_received, 40, error)
        child.expect("no renegotiation")

    def openssl_is_refused(self, our_role, protocol, alert, words):
        arguments, options = [], {}
        if our_role == "server":
            arguments = ["-cert", cert_path("client-p256.pem"), "-key", cert_path("client-p256.key")]
            options = {"client_certificates": CERTIFICATE_REQUIRE}
        us, child = self.openssl_pair(
            our_role, protocol, *arguments, options=options, judge=lambda session: session.reject(alert))
        self.assertEqual(us.connect(), AUTHENTICATION)
        child.expect(f"{words}:")
        child.expect(f"SSL alert number {alert}")

    def openssl_refuses(self, our_role, protocol):
        """The other way round: their refusal of our certificate reaches us."""
        if our_role == "server":
            us, child = self.openssl_pair(our_role, protocol, options={"credentials": "server-expired"})
            self.assertEqual(us.connect(), PEER_ALERT)
            self.assertEqual(us.session.error().alert_received, 45)
        else:
            us, child = self.openssl_pair(our_role, protocol, "-Verify", "3", "-verify_return_error",
                                          options={"credentials": "client-other"})
            status = us.connect()
            if protocol == TLS13:
                self.assertEqual(status, COMPLETE)
                self.assertEqual(us.receive_all(), b"")
            self.assertEqual(us.status, PEER_ALERT)
            self.assertEqual(us.session.error().alert_received, 48)

    def openssl_with_client_certificates(self, our_role, protocol):
        if our_role == "server":
            us, child = self.openssl_pair(
                our_role, protocol, "-cert", cert_path("client-rsa2048.pem"), "-key", cert_path("client-rsa2048.key"),
                "-cert_chain", cert_path("intermediate.pem"), options={"client_certificates": CERTIFICATE_REQUIRE})
            self.assertEqual(us.connect(), COMPLETE, us.session.error())
            self.assertEqual(us.verdict, 0)
        else:
            us, child = self.openssl_pair(our_role, protocol, "-Verify", "3", "-verify_return_error",
                                          options={"credentials": "client-p256"})
            self.assertEqual(us.connect(), COMPLETE, us.session.error())
            child.expect("CN = client-p256")
        self.talk(us, child)

    def openssl_with(self, our_role, protocol, *arguments, options=None):
        us, child = self.openssl_pair(our_role, protocol, *arguments, options=options)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.talk(us, child)
        long_line = "0123456789abcdef" * 300 + "\n"
        for _ in range(3):
            child.type(long_line)
            self.assertIn(long_line.encode(), us.receive_until(long_line.encode()))
        return us

    def openssl_takes_much(self, our_role, protocol):
        us, child = self.openssl_pair(our_role, protocol)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        lines = "".join(f"line {number:06} of many\n" for number in range(20000))
        us.send(lines.encode())
        us.send(b"the last line of all\n")
        child.expect("the last line of all")
        self.assertIn(lines, child.text())
        self.talk(us, child)

    # --- GnuTLS

    def gnutls_pair(self, our_role, protocol, *arguments, options=None, judge=None):
        options = {"protocols": protocol, **(options or {})}
        priority = ("--priority", GNUTLS_PRIORITY[protocol])
        if our_role == "server":
            return self.accept(lambda port: self.child(
                "gnutls-cli", "127.0.0.1", "--port", str(port), "--sni-hostname", "localhost",
                "--verify-hostname", "localhost", "--x509cafile", cert_path("ca.pem"), *priority, *arguments),
                options, judge)
        # It prints no port that it chose itself: take one that is free, and another if somebody was faster.
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            child = self.child(
                "gnutls-serv", "--echo", "--port", str(port), "--x509certfile", cert_path("server-p256.pem"),
                "--x509keyfile", cert_path("server-p256.key"), "--x509cafile", cert_path("ca.pem"), *priority,
                *arguments)
            try:
                child.expect("listening on IPv4")
                child.expect("done")
                break
            except AssertionError:
                continue
        return self.dial(child, port, options, judge)

    def gnutls_meets(self, our_role, protocol):
        us, child = self.gnutls_pair(our_role, protocol)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.assertEqual(us.session.negotiated_protocol(), protocol)
        if our_role == "client":
            us.send(b"an echo, please\n")
            self.assertEqual(us.receive_until(b"\n"), b"an echo, please\n")
            self.assertEqual(us.shutdown(), CLOSED)
            us.flush()
            us.receive_all()
            self.assertIn(us.status, (CLOSED, TRUNCATED))  # gnutls-serv does not always answer a close
        else:
            child.expect("Handshake was completed")
            self.talk(us, child)
            child.end_of_typing()
            us.receive_all()
            self.assertEqual(us.status, CLOSED)
            self.assertEqual(us.shutdown(), CLOSED)
            us.flush()
            self.assertEqual(child.wait(), 0)

    def gnutls_rekeys(self):
        us, child = self.gnutls_pair("server", TLS13, "--inline-commands")
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        child.expect("Handshake was completed")
        self.talk(us, child, "before")
        for turn in range(3):
            child.type("^rekey^\n")
            self.talk(us, child, f"after {turn}")

    def gnutls_is_refused(self, our_role, protocol):
        arguments, options = [], {}
        if our_role == "server":
            arguments = ["--x509certfile", cert_path("client-p256.pem"), "--x509keyfile", cert_path("client-p256.key")]
            options = {"client_certificates": CERTIFICATE_REQUEST}
        us, child = self.gnutls_pair(
            our_role, protocol, *arguments, options=options, judge=lambda session: session.reject(49))
        self.assertEqual(us.connect(), AUTHENTICATION)
        # gnutls-serv does not print which alert it was.
        child.expect("Access was denied" if our_role == "server" else "A TLS fatal alert has been received")


def add(name, method, *arguments, **options):
    needs = "gnutls-cli" if method.__name__.startswith("gnutls") else "openssl"

    def test(self):
        if shutil.which(needs) is None:
            self.skipTest(f"{needs} is not installed")
        method(self, *arguments, **options)

    sentences.add_test(AgainstTools, name, test)


def add_tests():
    case = AgainstTools
    for our_role in ("client", "server"):
        for protocol, version in NAMES.items():
            us = f"{version}: our {our_role}"
            for key in ("p256", "rsa2048") if QUICK else ("p256", "p384", "ed25519", "rsa2048", "rsa4096"):
                add(f"{us} meets openssl with a {key} server", case.openssl_meets, our_role, protocol, key)
            if our_role == "client":
                add(f"{us} gets a whole page from openssl, which closes first", case.openssl_serves_a_page, protocol)
            add(f"{us} closes on openssl", case.openssl_is_closed, our_role, protocol)
            add(f"{us} notices that openssl was killed", case.openssl_is_killed, our_role, protocol)
            add(f"{us} hears why openssl refuses it", case.openssl_refuses, our_role, protocol)
            add(f"{us} and openssl with client certificates", case.openssl_with_client_certificates, our_role, protocol)
            add(f"{us} sends openssl many records", case.openssl_takes_much, our_role, protocol)
            add(f"{us} reads openssl's small records", case.openssl_with, our_role, protocol, "-max_send_frag", "512")
            for alert, words in ((44, "certificate revoked"), (49, "access denied"), (42, "bad certificate")):
                add(f"{us} refuses openssl with '{words}', which it prints",
                    case.openssl_is_refused, our_role, protocol, alert, words)
            add(f"{us} meets gnutls", case.gnutls_meets, our_role, protocol)
            add(f"{us} refuses gnutls, which notices", case.gnutls_is_refused, our_role, protocol)
        for command, meaning in (("K", "and asks for ours"), ("k", "alone")):
            add(f"our {our_role} follows when openssl updates its keys {meaning}",
                case.openssl_updates_keys, our_role, command)
        add(f"our {our_role} follows when openssl updates its keys several times unread",
            case.openssl_updates_keys_unread, our_role)
        for suite in SUITES:
            for key, kind in KEYS.items():
                if suite[2] in (None, kind) and (not QUICK or key in ("p256", "rsa2048")):
                    add(f"our {our_role} speaks {suite[3]} with openssl and a {key} server",
                        case.openssl_speaks, our_role, suite, key)
        add(f"our {our_role} refuses openssl's renegotiation", case.openssl_renegotiates, our_role)
        add(f"our {our_role} reads padded records of TLS 1.3", case.openssl_with, our_role, TLS13,
            "-record_padding", "1000")
        add(f"our {our_role} does without the middlebox compatibility mode", case.openssl_with, our_role, TLS13,
            "-no_middlebox")
    add("our server follows when gnutls updates its keys", case.gnutls_rekeys)

    def retried(self):
        us = self.openssl_with("server", TLS13, "-groups", "X25519:P-384", options={"groups": [0x0018]})
        self.assertTrue(us.session.state() & HELLO_RETRIED)

    add("our server asks openssl for another key share", retried)

    for protocol, asks in ((TLS13, True), (TLS12, False)):
        def ordered(self, protocol=protocol, asks=asks):
            us = self.openssl_with("server", protocol, "-groups", "X25519:P-256:P-384", options={"groups": [0x0018, 0x001D]})
            self.assertEqual(0x0018, us.session.negotiated_group())
            self.assertEqual(asks, bool(us.session.state() & HELLO_RETRIED))
        add(f"{NAMES[protocol]}: our server takes the first of its groups that openssl has", ordered)

    def preferred(self):
        us = self.openssl_with("server", TLS13, "-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256",
                               options={"suites": [0x1303, 0x1302]})
        self.assertEqual(0x1303, us.session.negotiated_cipher_suite())

    add("our server takes the first of its suites that openssl has", preferred)

    def answered(self):
        us = self.openssl_with("client", TLS13, "-groups", "P-384")
        self.assertTrue(us.session.state() & HELLO_RETRIED)

    add("our client is asked by openssl for another key share", answered)


add_tests()

if __name__ == "__main__":
    sentences.main()
