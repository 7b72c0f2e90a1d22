"""The example epoll_server against widely used clients, against malicious clients, and at its limits.

Run as root it installs the clients that are missing, and says so; otherwise their tests are skipped.
"""

import hashlib
import http.client
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from clients import (
    CA, CERTIFICATES, DEADLINE, ROOT, Reader, ask, body, client_context, closed_by_peer, connect, is_served, request,
    secured, served, start, until,
)
from servers import compile_with_openssl, free_port, install

import sentences
from hand_crypto import expand_label
from hand_peer import ALERT, APPLICATION_DATA, HANDSHAKE, KEY_UPDATE, HandPeer, Keys, client_hello, message
from spantls_ctypes import TLS12, TLS13

BOTH = ("1.3", "1.2")
SIZES = (13, 1024, 16384, 102400)
BIG = 64 << 20
MIB = 1 << 20


def md5(data):
    return hashlib.md5(data).hexdigest()


def run(*command, **options):
    return subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=90, **options)


class ServerCase(unittest.TestCase):
    """One server for the tests of a class; it must be there, and well, after each of them."""
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        cls.server = start(*cls.OPTIONS)

    @classmethod
    def tearDownClass(cls):
        counts = served(cls.server)
        if counts["requests"] == 0:
            raise AssertionError("the server has not counted any request")

    def tearDown(self):
        is_served(self.server)

    def back_to(self, descriptors):
        until(lambda: self.server.descriptors() <= descriptors,
              f"{descriptors} descriptors, there are {self.server.descriptors()}")


# --- Widely used clients ----------------------------------------------------------------------------------------------

NODE = """
const https = require('https'), fs = require('fs'), crypto = require('crypto');
const [port, ca, version] = process.argv.slice(1);
const agent = new https.Agent({keepAlive: true, maxSockets: 2, ca: fs.readFileSync(ca),
    minVersion: version, maxVersion: version});
const get = (path, method) => new Promise((resolve, reject) => {
    const request = https.request({host: 'localhost', family: 4, port, path, method, agent}, response => {
        const hash = crypto.createHash('md5'), version = response.socket.getProtocol();
        response.on('data', part => hash.update(part));
        response.on('end', () => resolve([response.statusCode, hash.digest('hex'), version]));
        response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
});
(async () => {
    const jobs = [];
    for (let i = 0; i < 40; ++i)
        jobs.push(get('/' + [13, 1024, 16384, 102400][i % 4], i % 3 == 0 ? 'HEAD' : 'GET'));
    console.log(JSON.stringify(await Promise.all(jobs)));
    agent.destroy();
})().catch(error => { console.error(error); process.exit(1); });
"""


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tools = install(curl="curl", wrk="wrk", node="nodejs", chromium="chromium")
        cls.servers = {tls: start("--tls", tls) for tls in BOTH}

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers.values():
            served(server)

    def each(self, tool=None):
        if tool and tool not in self.tools:
            self.skipTest(f"{tool} is not installed")
        return self.servers.items()

    def curl(self, server, *arguments, **options):
        done = run("curl", "--silent", "--show-error", "--http1.1", "--cacert", CA, *arguments, **options)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_curl_loads_bodies_of_every_size_over_one_connection(self):
        for tls, server in self.each("curl"):
            with tempfile.TemporaryDirectory() as directory:
                told = self.curl(
                    server, "--write-out", "%{http_code} %{num_connects} %{ssl_verify_result}\n",
                    *(part for size in SIZES for part in ("-o", f"{directory}/{size}",
                                                          f"https://localhost:{server.port}/{size}")))
                self.assertEqual(told.splitlines(), ["200 1 0", "200 0 0", "200 0 0", "200 0 0"])
                for size in SIZES:
                    with open(f"{directory}/{size}", "rb") as file:
                        self.assertEqual(file.read(), body(size))

    def test_curl_is_refused_a_body_of_any_kind_and_makes_a_new_connection(self):
        """With "Expect" curl waits for the answer before it sends the body; without, the server discards the body."""
        for tls, server in self.each("curl"):
            with tempfile.NamedTemporaryFile() as upload:
                upload.write(os.urandom(64 << 10))
                upload.flush()
                for method, field, status in (("GET", "Transfer-Encoding:", 413), ("POST", "Transfer-Encoding:", 501),
                                              ("GET", "Transfer-Encoding: chunked", 501),
                                              ("PUT", "Transfer-Encoding: chunked", 501)):
                    for expect in ("Expect:", "Expect: 100-continue"):
                        told = self.curl(server, "-X", method, "-H", field, "-H", expect, "--data-binary",
                                         f"@{upload.name}", "--expect100-timeout", "15",
                                         "--write-out", "%{http_code} %{num_connects}\n",
                                         f"https://localhost:{server.port}/13", f"https://localhost:{server.port}/1024")
                        self.assertEqual(told.splitlines(), [f"{status} 1"] * 2, (method, field, expect))

    def test_the_http_client_of_Python_keeps_its_connection_until_it_sends_a_body(self):
        for tls, server in self.each():
            client = http.client.HTTPSConnection("localhost", server.port, context=client_context(tls),
                                                 timeout=DEADLINE)
            client.connect()
            address = client.sock.getsockname()
            for round_ in range(5):
                for size in SIZES:
                    client.request("GET", f"/{size}?round={round_}")
                    response = client.getresponse()
                    self.assertEqual((response.status, response.read()), (200, body(size)))
                client.request("HEAD", "/16384")
                response = client.getresponse()
                self.assertEqual((response.read(), response.headers["Content-Length"]), (b"", "16384"))
                client.request("GET", "/nothing")
                response = client.getresponse()
                self.assertEqual((response.status, response.read()), (404, b""))
            self.assertEqual(client.sock.getsockname(), address)
            self.assertEqual(client.sock.version(), f"TLSv{tls}")
            client.request("POST", "/1024", body=b"x" * 100000)
            response = client.getresponse()
            self.assertEqual((response.status, response.read(), client.sock), (501, b"", None))
            client.close()

    def test_Node_loads_pages_over_connections_that_it_keeps(self):
        for tls, server in self.each("node"):
            done = run("node", "-e", NODE, "--", server.port, CA, f"TLSv{tls}")
            self.assertEqual(done.returncode, 0, done.stdout)
            expected = [[200, md5(b"" if i % 3 == 0 else body(SIZES[i % 4])), f"TLSv{tls}"] for i in range(40)]
            self.assertEqual(json.loads(done.stdout), expected)

    def test_wrk_finds_nothing_wrong(self):
        for tls, server in self.each("wrk"):
            for size in (13, 16384):
                done = run("wrk", "-t2", "-c20", "-d1s", f"https://127.0.0.1:{server.port}/{size}")
                self.assertNotIn("Socket errors", done.stdout)
                self.assertNotIn("Non-2xx", done.stdout)
                self.assertGreater(int(re.search(r"(\d+) requests in", done.stdout).group(1)), 500)

    def test_a_browser_shows_the_page_and_has_judged_the_certificate(self):
        """Chromium trusts no authority here but is told the hash of the server's public key."""
        for tls, server in self.each("chromium"):
            public = subprocess.run(["openssl", "x509", "-in", CERTIFICATES / "server-p256.pem", "-pubkey", "-noout"],
                                    stdout=subprocess.PIPE, check=True).stdout
            der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public,
                                 stdout=subprocess.PIPE, check=True).stdout
            pin = subprocess.run(["openssl", "base64", "-A"], input=hashlib.sha256(der).digest(),
                                 stdout=subprocess.PIPE, check=True).stdout.decode()
            with tempfile.TemporaryDirectory() as profile:
                def browse(*more):
                    done = subprocess.run(
                        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                         f"--user-data-dir={profile}", "--no-first-run", "--disable-background-networking", *more,
                         "--dump-dom", f"https://localhost:{server.port}/1024"],
                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
                    return done.stdout
                shown = browse(f"--ignore-certificate-errors-spki-list={pin}")
                self.assertIn(body(1024).decode().rstrip(), shown)
                self.assertNotIn("Hello, world", browse())


# --- HTTP and names --------------------------------------------------------------------------------------------------

class Http(ServerCase):
    def test_pipelined_requests_are_answered_in_their_order(self):
        for tls in BOTH:
            with secured(self.server, tls) as connection:
                sizes = [n * 37 % 5000 for n in range(200)]
                connection.sendall(b"".join(request(size) for size in sizes))
                reader = Reader(connection)
                for size in sizes:
                    self.assertEqual(reader.response()[2], body(size))

    def test_requests_in_pieces_of_any_size_are_understood(self):
        text = (request(5, "Content-Length: 0", "Connection:Keep-Alive") +
                b"\r\n" + request("6?x=y", "Field:  tab\t\xe4 and blanks \t ", "Empty:") +
                b"\r\n\r\n" + request(7, "content-length:  00"))
        for piece in (1, 2, 3, 7, 50):
            with secured(self.server) as connection:
                for at in range(0, len(text), piece):
                    connection.sendall(text[at:at + piece])
                reader = Reader(connection)
                self.assertEqual([reader.response()[2] for _ in range(3)], [body(5), body(6), body(7)])

    def test_a_last_request_gets_its_answer_and_a_close_notify(self):
        for tls in BOTH:
            for text in (request(16384, "Connection: close"), b"GET /16384 HTTP/1.0\r\n\r\n"):
                with secured(self.server, tls) as connection:
                    connection.sendall(text)
                    reader = Reader(connection)
                    status, fields, found = reader.response()
                    self.assertEqual((status, fields["Connection"], found), (200, "close", body(16384)))
                    self.assertTrue(reader.ends())

    def test_what_makes_no_sense_is_refused_and_ends_the_connection(self):
        host = b"Host: localhost\r\n"
        cases = [
            (b"\x16\x03\x01 nonsense\r\n\r\n", 400), (b"GET /\r\n\r\n", 400), (b"GET / HTTP/2.0\r\n\r\n", 505),
            (b"GET / HTTP/1.1\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n" + host + host + b"\r\n", 400),
            (b"GET x HTTP/1.1\r\n" + host + b"\r\n", 400), (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999\r\n\r\n", 501),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 0, 0\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"Content-Length:\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"Content-Length: +0\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"No colon\r\n\r\n", 400),
            # What a proxy ahead of the server could take for other lines, or other fields, than the server does.
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 10\nX: y\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"X: y\nContent-Length: 10\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"X: y\rContent-Length: 10\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"X: y\0\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b"Content-Length\x0b: 10\r\n\r\n", 400),
            (b"POST / HTTP/1.1\n" + host + b"\r\n", 400), (b"POST / http/1.1\r\n" + host + b"\r\n", 400),
            (b"POST / HTTP/1.1\r\n" + host + b" Continued: x\r\n\r\n", 400),
            (b"P(ST / HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n\tContent-Length: 10\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"X: y\n\nGET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"X: y\x08\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n" + host + b"Long: " + b"x" * 9000 + b"\r\n\r\n", 431),
            (b"GET /" + b"1" * 20000, 431),
        ]
        for text, expected in cases:
            with self.subTest(text=text[:60]), secured(self.server) as connection:
                connection.sendall(text + request(13))
                reader = Reader(connection)
                status, fields, found = reader.response()
                self.assertEqual((status, fields["Connection"], found), (expected, "close", b""))
                self.assertTrue(reader.ends())

    def test_nothing_after_a_request_that_announces_a_body_is_taken_for_a_request(self):
        """Neither what comes with its head nor what comes once the answer is there."""
        inner = request(13)
        length = f"Content-Length: {len(inner)}"
        chunk = b"%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n"
        cases = [
            ((length,), "GET", inner, 413), ((length,), "HEAD", inner, 413), ((length,), "POST", inner, 501),
            (("Content-Length: 99999999999999999999",), "GET", inner, 413),
            (("Transfer-Encoding: chunked",), "GET", chunk, 501), (("Transfer-Encoding: chunked",), "POST", chunk, 501),
            (("Transfer-Encoding: gzip",), "GET", inner, 501), (("Transfer-Encoding:",), "GET", inner, 501),
            (("TRANSFER-ENCODING: identity",), "HEAD", inner, 501), (("Expect: 100-continue",), "GET", inner, 413),
            ((length, "Expect: 100-continue"), "PUT", inner, 501), ((), "POST", inner, 501), ((), "get", inner, 501),
            ((), "CONNECT", inner, 501), (("Connection: Upgrade", "Upgrade: h2c"), "GET", inner, 200),
            (("Connection: keep-alive, close",), "GET", inner, 200),
        ]
        for fields, method, rest, expected in cases:
            for head_first in (False, True):
                with self.subTest(method=method, fields=fields, head_first=head_first):
                    with secured(self.server) as connection:
                        head = request(0, *fields, method=method)
                        connection.sendall(head if head_first else head + rest + inner)
                        reader = Reader(connection)
                        status, found, content = reader.response()
                        self.assertEqual((status, found["Connection"], content), (expected, "close", b""))
                        if head_first:
                            connection.sendall(rest + inner)
                        self.assertTrue(reader.ends())

    def test_a_client_that_closes_its_half_after_the_request_gets_the_response(self):
        for tls in BOTH:
            with secured(self.server, tls) as connection:
                connection.sendall(request(102400))
                # The transport's half, without a close_notify.
                os_shutdown(connection)
                self.assertEqual(Reader(connection).response()[2], body(102400))

    def test_a_client_that_sends_close_notify_after_the_request_gets_the_response(self):
        context = client_context("1.3")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with connect(self.server) as connection:
            pump(session.do_handshake, incoming, outgoing, connection)
            session.write(request(102400))
            try:
                session.unwrap()
            except ssl.SSLWantReadError:
                pass
            connection.sendall(outgoing.read())
            received = 0
            while data := connection.recv(65536):
                received += len(data)
            self.assertGreater(received, 102400)

    def test_sessions_are_resumed_on_any_thread_in_both_versions(self):
        for tls in BOTH:
            context = client_context(tls)
            session, resumed = None, 0
            for _ in range(20):
                with secured(self.server, context=context, session=session) as connection:
                    self.assertEqual(ask(connection, 13)[2], body(13))
                    resumed += connection.session_reused
                    session = connection.session
            self.assertEqual(resumed, 19)


def os_shutdown(connection):
    """Python's own ends the TLS session too."""
    with socket.socket(fileno=os.dup(connection.fileno())) as bare:
        bare.shutdown(socket.SHUT_WR)


def pump(step, incoming, outgoing, connection):
    while True:
        try:
            step()
            connection.sendall(outgoing.read())
            return
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))


class Names(unittest.TestCase):
    NAMES = (("localhost", "server-rsa2048"), ("other.example", "server-wrongname"))

    def shown(self, server, name):
        context = client_context(verify=False)
        with secured(server, name=name, context=context) as connection:
            self.assertEqual(ask(connection, 13)[2], body(13))
            return connection.getpeercert(binary_form=True)

    def test_a_client_is_shown_the_certificate_of_the_name_that_it_asks_for(self):
        def leaf(name):
            return ssl.PEM_cert_to_DER_cert(re.search(r"-----BEGIN.*?END CERTIFICATE-----\n", (
                CERTIFICATES / f"{name}.pem").read_text(), re.DOTALL).group(0))

        with start(names=self.NAMES) as server:
            for name, expected in (("localhost", "server-rsa2048"), ("LocalHost", "server-rsa2048"),
                                   ("other.example", "server-wrongname"), ("unknown.example", "server-p256"),
                                   (None, "server-p256")):
                with self.subTest(name=name):
                    self.assertEqual(self.shown(server, name), leaf(expected))
            self.assertEqual(served(server)["requests"], 5)


# --- Malicious clients -----------------------------------------------------------------------------------------------

class Updating(HandPeer):
    """A client by hand whose keys can change (RFC 8446 section 7.2)."""

    def update(self):
        self.put(HANDSHAKE, message(KEY_UPDATE, b"\x01"))
        self.sending = self._next(False)

    def _from_server(self, kind, whole, before):
        if kind == KEY_UPDATE:
            self.receiving = self._next(True)
        else:
            super()._from_server(kind, whole, before)

    def _next(self, server):
        self._traffic[server] = expand_label(self._traffic[server], b"traffic upd", b"", 32)
        return Keys.tls13(self._traffic[server])


class Hostile(ServerCase):
    """One thread, so that whoever holds it up holds up all."""
    OPTIONS = ("--threads", "1", "--handshake-timeout", "2", "--idle-timeout", "2")
    MANY = 100

    def setUp(self):
        is_served(self.server)
        self.before = self.server.descriptors(), self.server.memory()
        self.open = []

    def tearDown(self):
        for connection in self.open:
            connection.close()
        self.back_to(self.before[0])
        self.assertLess(self.server.memory() - self.before[1], 2 * MIB, "memory that did not come back")
        super().tearDown()

    def others_are_served(self):
        """Promptly, whatever else goes on: a turn of someone else's is a fraction of this."""
        for tls in BOTH:
            self.assertLess(is_served(self.server, tls=tls), 1.5)

    def opened(self, count, tls=None):
        """Connections after the handshake."""
        context = client_context(tls)
        for _ in range(count):
            self.open.append(secured(self.server, context=context))
        return self.open

    def test_clients_that_connect_and_send_nothing_are_dropped_in_time(self):
        self.open = [connect(self.server) for _ in range(self.MANY)]
        self.others_are_served()
        self.assertTrue(all(closed_by_peer(connection) for connection in self.open))

    def test_clients_that_send_nothing_after_the_handshake_get_a_close_notify_in_time(self):
        self.opened(self.MANY // 4)
        self.others_are_served()
        for connection in self.open:
            self.assertEqual(connection.recv(1), b"")

    def trickle(self, send, count):
        """A byte each tenth of a second on every connection, until the server has dropped all of them."""
        left = list(self.open)
        for _ in range(count):
            for connection in left:
                try:
                    send(connection)
                except OSError:
                    pass
            ended, _, _ = select.select(left, [], [], 0.1)
            for connection in ended:
                try:
                    data = connection.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    left.remove(connection)
            if not left:
                return
        self.fail(f"{len(left)} connections are still there")

    def test_a_byte_now_and_then_does_not_keep_a_handshake_alive(self):
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)
        self.open = [connect(self.server) for _ in range(20)]
        self.others_are_served()
        sent = dict.fromkeys(self.open, 0)

        def send(connection):
            connection.send(hello[sent[connection]:sent[connection] + 1])
            sent[connection] += 1
        self.trickle(send, 60)

    def test_a_byte_now_and_then_does_not_keep_a_request_alive(self):
        self.opened(20)
        for connection in self.open:
            connection.sendall(b"GET /13 HTTP/1.1\r\nX: ")
        self.others_are_served()
        self.trickle(lambda connection: connection.send(b"x"), 60)

    def test_a_refused_body_does_not_keep_the_connection_alive(self):
        self.opened(20)
        for connection in self.open:
            connection.sendall(request(13, "Content-Length: 1000000"))
            reader = Reader(connection)
            self.assertEqual(reader.response()[0], 413)
            self.assertTrue(reader.ends())
        self.others_are_served()

        def dropped():
            for connection in self.open:
                try:
                    connection.send(b"x")
                except OSError:
                    pass
            return self.server.descriptors() <= self.before[0]
        until(dropped, "the end of connections whose clients continue to send")

    def test_disconnecting_in_every_phase_leaves_nothing(self):
        """After each piece of what a client sends, with a FIN and with a reset."""
        for tls in BOTH:
            for reset in (False, True):
                flight = 0
                while self._disconnect(tls, flight, reset):
                    flight += 1
                self.assertGreater(flight, 20)
                self.others_are_served()

    def _disconnect(self, tls, pieces, reset):
        """Sends so many pieces of a conversation; false when there are not so many."""
        context = client_context(tls)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        connection = connect(self.server)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        responses = bytearray()

        def read_on():
            while responses.count(b"\r\n\r\n") < 2 or not responses.endswith(body(16384)):
                responses.extend(session.read(65536))

        steps = iter([session.do_handshake, lambda: session.write(request(102400) + request(16384)), read_on,
                      session.unwrap])
        step = next(steps)
        left = pieces
        try:
            while True:
                try:
                    step()
                    following = next(steps, None)
                    wants = False
                except ssl.SSLWantReadError:
                    following, wants = step, True
                data = outgoing.read()
                for at in range(0, len(data), 11):
                    if left == 0:
                        return True
                    connection.sendall(data[at:at + 11])
                    left -= 1
                if following is None:
                    return False
                if wants:
                    incoming.write(connection.recv(65536))
                step = following
        finally:
            connection.close()

    def test_clients_that_never_read_are_dropped_and_cost_little(self):
        self.opened(20)
        for connection in self.open:
            connection.sendall(request(1 << 30))
        self.others_are_served()
        self.assertLess(self.server.memory() - self.before[1], 5 * MIB)
        until(lambda: self.server.descriptors() <= self.before[0], "the end of clients that do not read")

    def test_a_flood_of_pipelined_requests_whose_answers_are_not_read_is_held_back(self):
        flood = request(102400) * 200
        self.opened(10)
        for connection in self.open:
            connection.setblocking(False)
        taken = 0
        for _ in range(50):
            for connection in self.open:
                try:
                    taken += connection.send(flood)
                except (ssl.SSLWantWriteError, ssl.SSLError, OSError):
                    pass
        self.others_are_served()
        self.assertLess(self.server.memory() - self.before[1], 5 * MIB)

    def test_a_flood_of_requests_whose_answers_are_read_does_not_stop_the_others(self):
        ends = threading.Event()
        flood = request(13) * 500

        def pour(connection):
            while not ends.is_set():
                connection.sendall(flood)

        def drink(connection):
            try:
                while connection.recv(1 << 16):
                    pass
            except OSError:
                pass

        self.opened(3)
        with ThreadPoolExecutor(6) as pool:
            pouring = [pool.submit(pour, connection) for connection in self.open]
            drinking = [pool.submit(drink, connection) for connection in self.open]
            try:
                for _ in range(5):
                    self.others_are_served()
            finally:
                ends.set()
                for done in pouring:
                    done.exception(DEADLINE)
                for connection in self.open:
                    os_shutdown(connection)
                for done in drinking:
                    done.result(DEADLINE)

    # By hand, since no implementation sends it.

    def by_hand(self, protocol):
        connection = connect(self.server)
        self.open.append(connection)
        peer = Updating(False, protocol)
        while not peer.finished:
            connection.sendall(bytes(peer.outbox))
            peer.outbox.clear()
            peer.feed(connection.recv(65536))
        peer.write(request(13))
        self.flush(peer, connection)
        while body(13) not in peer.data:
            peer.feed(connection.recv(65536))
        return peer, connection

    def flush(self, peer, connection):
        connection.sendall(bytes(peer.outbox))
        peer.outbox.clear()

    def told(self, peer, connection):
        """The alert that ends it."""
        try:
            while data := connection.recv(65536):
                peer.feed(data)
        except ConnectionError:
            pass
        self.assertFalse(peer.unreadable)
        return [description for _, description, protected in peer.alerts if protected]

    def flooded(self, protocol, put, count=200):
        peer, connection = self.by_hand(protocol)
        for _ in range(count):
            put(peer)
        try:
            self.flush(peer, connection)
        except ConnectionError:
            pass
        self.others_are_served()
        return peer, connection

    def test_a_flood_of_empty_records_ends_with_unexpected_message(self):
        for protocol in (TLS13, TLS12):
            told = self.told(*self.flooded(protocol, lambda peer: peer.put(APPLICATION_DATA, b"")))
            self.assertEqual(told[-1:], [10])

    def test_a_flood_of_key_updates_that_want_an_answer_ends_with_unexpected_message(self):
        peer, connection = self.flooded(TLS13, Updating.update)
        self.assertEqual(self.told(peer, connection), [10])

    def test_some_key_updates_are_answered_and_the_conversation_continues(self):
        peer, connection = self.by_hand(TLS13)
        for _ in range(5):
            peer.update()
            self.flush(peer, connection)
            before = len(peer.received)
            while len(peer.received) == before:  # the answer comes at once, without a request of ours
                peer.feed(connection.recv(65536))
            self.assertEqual(peer.received[-1], KEY_UPDATE)
        peer.data.clear()
        peer.write(request(1024))
        self.flush(peer, connection)
        while body(1024) not in peer.data:
            peer.feed(connection.recv(65536))

    def test_requests_for_renegotiation_are_turned_down_and_a_flood_of_them_ends(self):
        hello = client_hello(TLS12).message()
        peer, connection = self.flooded(TLS12, lambda peer: peer.put(HANDSHAKE, hello))
        told = self.told(peer, connection)
        self.assertEqual(told[0], 100)
        self.assertLess(len(told), 10)

    def test_a_flood_of_warnings_ends(self):
        told = self.told(*self.flooded(TLS12, lambda peer: peer.put(ALERT, bytes([1, 90]))))
        self.assertEqual(len(told), 1)

    def test_a_record_that_does_not_open_ends_with_bad_record_mac(self):
        for protocol in (TLS13, TLS12):
            peer, connection = self.by_hand(protocol)
            peer.write(request(13))
            peer.outbox[-1] ^= 1
            self.flush(peer, connection)
            self.assertEqual(self.told(peer, connection)[-1:], [20])

    def test_what_is_not_TLS_is_refused(self):
        for text in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"SSH-2.0-x\r\n", bytes(100), b"\xff" * 100):
            with connect(self.server) as connection:
                connection.sendall(text)
                self.assertTrue(closed_by_peer(connection))


# --- At its limits ---------------------------------------------------------------------------------------------------

class Limits(unittest.TestCase):
    def test_a_stopped_client_delays_no_other_and_gets_all_when_it_continues(self):
        if not shutil.which("curl"):
            self.skipTest("curl is not installed")
        with start("--threads", "1") as server, tempfile.NamedTemporaryFile() as out:
            before = server.memory()
            stopped = [subprocess.Popen(
                ["curl", "--silent", "--http1.1", "--cacert", CA, "-o", out.name if number == 0 else "/dev/null",
                 "--limit-rate", "40M", f"https://localhost:{server.port}/{BIG}"]) for number in range(5)]
            try:
                until(lambda: os.path.getsize(out.name) > 0, "the beginning of the download")
                for client in stopped:
                    client.send_signal(signal.SIGSTOP)
                for _ in range(5):
                    self.assertLess(is_served(server), 1.5)
                self.assertLess(server.memory() - before, 3 * MIB)
                for client in stopped:
                    client.send_signal(signal.SIGCONT)
                self.assertEqual([client.wait(60) for client in stopped], [0] * 5)
            finally:
                for client in stopped:
                    client.kill()
                    client.wait()
            with open(out.name, "rb") as file:
                self.assertEqual(md5(file.read()), md5(body(BIG)))
            self.assertEqual(served(server)["requests"], 10)

    def exhausted(self, *options):
        limit = 64
        server = start(*options)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        return server, limit

    def test_without_descriptors_new_clients_wait_and_are_served_once_there_are_some(self):
        server, limit = self.exhausted("--threads", "2")
        with server:
            is_served(server)
            held = []
            # Fresh connections are not given up for others: the last ones have to wait.
            for _ in range(2 * limit):
                held.append(connect(server))
            until(lambda: server.descriptors() >= limit, "the last descriptor")
            cpu = server.cpu_seconds()
            waiting = ThreadPoolExecutor(1).submit(is_served, server)
            select.select([], [], [], 0.5)
            self.assertLess(server.cpu_seconds() - cpu, 0.25, "the server spins")
            for connection in held:
                connection.close()
            self.assertLess(waiting.result(DEADLINE), DEADLINE)
            self.assertLess(is_served(server), 1.5)

    def test_clients_that_say_nothing_cannot_keep_all_descriptors(self):
        server, limit = self.exhausted("--threads", "1", "--handshake-timeout", "600", "--idle-timeout", "600")
        with server:
            held = [connect(server) for _ in range(2 * limit)]
            until(lambda: server.descriptors() >= limit, "the last descriptor")
            # They have been quiet for a time when they are given up, the oldest first.
            for _ in range(5):
                self.assertLess(is_served(server), DEADLINE / 2)
            for connection in held:
                connection.close()

    def test_a_request_costs_one_receive_and_one_send_whatever_its_size(self):
        if "strace" not in install(strace="strace"):
            self.skipTest("strace is not installed")
        client = compile_with_openssl("load_client.c", "load_client-debian", ours=False)
        requests = 2000
        for size in SIZES:
            with tempfile.NamedTemporaryFile("r") as table:
                with start("--threads", "1", command=["strace", "-f", "-c", "-o", table.name]) as server:
                    done = run(client, "--count", "--connections", 8, "--requests", requests, "--size", size, server.port)
                    self.assertEqual(done.returncode, 0, done.stdout)
                    os.kill(server.pids()[1], signal.SIGTERM)
                    self.assertEqual(server.process.wait(DEADLINE), 0)
                calls = {line.split()[-1]: int(line.split()[3]) for line in table if re.match(r" *\d", line)}
                # The handshakes, the ends, and a socket that is full now and then.
                for call in ("recvfrom", "sendto"):
                    self.assertLess(calls[call] / requests, 1.1, f"{call}, {size} bytes: {calls}")
                others = sum(calls.get(call, 0) for call in ("epoll_wait", "epoll_ctl", "read", "write", "writev"))
                self.assertLess(others / requests, 1.1, calls)

    def test_a_full_disk_does_not_matter(self):
        port = free_port()
        with open("/dev/full", "w") as full:
            process = subprocess.Popen(
                [str(part) for part in (os.environ.get("SPANTLS_EPOLL_SERVER") or
                                        ROOT / "examples-c" / "build" / "epoll_server",
                                        "--port", port, CERTIFICATES / "server-p256.pem",
                                        CERTIFICATES / "server-p256.key")], stdout=full, stderr=full)
        try:
            class Its:
                pass
            Its.port = port

            def is_there():
                try:
                    connect(Its).close()
                    return True
                except OSError:
                    return False
            until(is_there, "the server")
            for tls in BOTH:
                is_served(Its, tls=tls)
        finally:
            process.terminate()
            self.assertEqual(process.wait(DEADLINE), 0)

    def test_memory_stays_where_it_is_over_thousands_of_connections(self):
        client = compile_with_openssl("load_client.c", "load_client-debian", ours=False)
        with start("--threads", "2") as server:
            sizes, handshakes, rounds = [], 0, 8
            for _ in range(rounds):
                for options in ([], ["--resume"], ["--tls", "1.2", "--resume"]):
                    done = run(client, "--requests", 2000, "--per-connection", 2, "--size", 16384, *options,
                               server.port)
                    told = json.loads(done.stdout.splitlines()[-1])
                    self.assertEqual((told["requests"], told["failed"]), (2000, 0), done.stdout)
                    handshakes += told["connections"]
                sizes.append(server.memory())
            # In the first half as many clients as ever were there at once; 12,000 follow: 22 bytes of each would show.
            self.assertLess(sizes[-1] - sizes[rounds // 2 - 1], 256 << 10, sizes)
            counts = served(server)
            self.assertEqual((counts["handshakes"], counts["requests"]), (handshakes, rounds * 6000))


class Stopping(unittest.TestCase):
    def test_told_to_stop_it_finishes_responses_and_closes_the_others_properly(self):
        for sig in (signal.SIGTERM, signal.SIGINT):
            for tls in BOTH:
                with self.subTest(signal=sig, tls=tls), start("--threads", "2", "--tls", tls) as server:
                    idle = [secured(server) for _ in range(8)]
                    self.assertEqual(ask(idle[0], 13)[2], body(13))
                    busy = [secured(server) for _ in range(4)]
                    for connection in busy:
                        connection.sendall(request(8 * MIB))
                    asking = secured(server)
                    asking.sendall(b"GET /1024 HTTP/1.1\r\nHost: ")
                    readers = [Reader(connection) for connection in busy]
                    for reader in readers:
                        reader._more()
                    server.process.send_signal(sig)
                    for connection in idle:
                        self.assertEqual(connection.recv(1), b"")
                    until(lambda: refuses(server), "the end of accepting")
                    asking.sendall(b"localhost\r\n\r\n")
                    status, fields, found = Reader(asking).response()
                    self.assertEqual((status, fields["Connection"], found), (200, "close", body(1024)))
                    for reader in readers:
                        self.assertEqual(reader.response()[2], body(8 * MIB))
                        self.assertTrue(reader.ends())
                    for connection in (*idle, *busy, asking):
                        connection.close()
                    self.assertEqual(server.process.wait(DEADLINE), 0)
                    self.assertEqual(served(server)["requests"], 6)

    def test_what_does_not_end_in_time_is_given_up(self):
        with start("--grace", "1") as server:
            stuck = secured(server)
            stuck.sendall(request(1 << 30))
            Reader(stuck)._more()
            silent = connect(server)
            begun = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(DEADLINE), 0)
            self.assertLess(time.monotonic() - begun, 5)
            stuck.close()
            silent.close()

    def test_a_second_signal_ends_it_at_once(self):
        with start() as server:
            stuck = secured(server)
            stuck.sendall(request(1 << 30))
            Reader(stuck)._more()
            server.process.send_signal(signal.SIGTERM)
            until(lambda: refuses(server), "the end of accepting")
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.process.wait(DEADLINE), -signal.SIGTERM)
            stuck.close()

    def test_stopping_under_load_loses_no_response_that_has_begun(self):
        with start("--threads", "2") as server:
            begun = threading.Barrier(9)

            def hammer():
                """Requests over one connection until the server ends it: between responses, and properly."""
                with secured(server) as connection:
                    reader = Reader(connection)
                    connection.sendall(request(16384))
                    reader.response()
                    begun.wait(DEADLINE)
                    while True:
                        try:
                            connection.sendall(request(16384))
                        except OSError:
                            return True
                        try:
                            _, fields, found = reader.response()
                        except (EOFError, ConnectionError):
                            return reader._buffer == b""
                        if found != body(16384):
                            return False
                        if fields["Connection"] == "close":
                            return reader.ends()

            with ThreadPoolExecutor(8) as pool:
                hammering = [pool.submit(hammer) for _ in range(8)]
                begun.wait(DEADLINE)
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual([done.result(DEADLINE) for done in hammering], [True] * 8)
            self.assertEqual(server.process.wait(DEADLINE), 0)


def refuses(server):
    try:
        connect(server).close()
        return False
    except ConnectionRefusedError:
        return True


class Settings(unittest.TestCase):
    def test_bad_settings_are_refused_with_a_reason(self):
        program = os.environ.get("SPANTLS_EPOLL_SERVER") or ROOT / "examples-c" / "build" / "epoll_server"
        pair = [CERTIFICATES / "server-p256.pem", CERTIFICATES / "server-p256.key"]
        for arguments, status, words in (
                ([], 2, "usage:"), ([*pair, "name"], 2, "usage:"), (["--threads", "0", *pair], 2, "usage:"),
                (["--port", "65536", *pair], 2, "usage:"), (["--suite", "TLS_NULL", *pair], 2, "usage:"),
                ([pair[0], CERTIFICATES / "nothing.key"], 1, "CONFIGURATION"),
                ([pair[0], CERTIFICATES / "server-p384.key"], 1, "CONFIGURATION")):
            done = run(program, *arguments)
            self.assertEqual(done.returncode, status, done.stdout)
            self.assertIn(words, done.stdout)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            done = run(program, "--port", taken.getsockname()[1], *pair)
            self.assertEqual((done.returncode, "listening: Address already in use" in done.stdout), (1, True))


if __name__ == "__main__":
    sentences.main()
