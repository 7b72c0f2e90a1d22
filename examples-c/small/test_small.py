#!/usr/bin/env python3
"""The six small examples against the openssl command line, Python's ssl and each other.

    test_small.py BUILD_DIRECTORY CERTIFICATE_DIRECTORY [WRAPPER...]

WRAPPER is a command that the programs are run with, such as valgrind; as that takes its time, each program then has one
conversation that goes well. A program that is not built is skipped.
"""

import contextlib
import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE.parent), str(ROOT / "ffi-tests")]

import demo  # noqa: E402
import sentences  # noqa: E402

BUILD, CERTS = Path(sys.argv[1]), Path(sys.argv[2])
WRAPPER = sys.argv[3:]
TIMEOUT = 60  # seconds, for any one step; without valgrind all of them take milliseconds
demo.TIMEOUT = TIMEOUT
ECHO_SERVERS = ["blocking_server", "epoll_server", "libuv_server"]
CLIENTS = ["socket_client", "span_client"]
VERSIONS = ["1.2", "1.3"]
# What a sanitizer or valgrind says, beside what the program says.
MEMORY_ERRORS = re.compile(rb"==\d+==|Sanitizer|runtime error")


def certificate(name):
    return str(CERTS / name)


def built(name):
    if not (BUILD / name).exists():
        raise unittest.SkipTest(f"{name} was not built")
    return [*WRAPPER, str(BUILD / name)]


@contextlib.contextmanager
def server(case, name, *more):
    """A running server and its port. In the end it still runs, and its memory was in order."""
    files = [certificate("server-p256.pem"), certificate("server-p256.key"), *more]
    with demo.Program(*built(name), "127.0.0.1", "0", *files) as program:
        port = program.wait_for("stdout", rb"listening on port (\d+)\n").group(1).decode()
        yield program, int(port)
        case.assertIsNone(program.process.poll(), f"{name} has ended:\n{program.said()}")
    case.assertIsNone(MEMORY_ERRORS.search(bytes(program.text["stderr"])), program.said())


def run_client(case, name, port, text, anchors="ca.pem"):
    """What a client prints, its complaints and its exit status."""
    command = [*built(name), *(["localhost"] if name == "span_client" else ["localhost", str(port)]), text, certificate(anchors)]
    with contextlib.ExitStack() as stack:
        connection = subprocess.DEVNULL
        if name == "span_client":
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT))
            connection.settimeout(None)
        done = subprocess.run(command, stdin=connection, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT)
    case.assertIsNone(MEMORY_ERRORS.search(done.stderr), done.stderr.decode())
    return done.stdout.decode(), done.stderr.decode(), done.returncode


def openssl_server(version, *more):
    return demo.Program("openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", f"-tls{version.replace('.', '_')}", "-cert",
                        certificate("server-rsa2048.pem"), "-key", certificate("server-rsa2048.key"), "-cert_chain",
                        certificate("intermediate.pem"), *more)


def openssl_client(version, port, *more):
    return demo.Program("openssl", "s_client", "-brief", "-no_ign_eof", "-connect", f"127.0.0.1:{port}", "-servername", "localhost",
                        "-verify_hostname", "localhost", "-verify_return_error", f"-tls{version.replace('.', '_')}", "-CAfile",
                        certificate("ca.pem"), *more)


def python_client(port):
    context = ssl.create_default_context(cafile=certificate("ca.pem"))
    raw = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
    return context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)


def read_exactly(connection, length):
    got = bytearray()
    while len(got) < length:
        part = connection.recv(65536)
        if not part:
            break
        got += part
    return bytes(got)


class Text(unittest.TestCase):
    """What is promised of the files themselves."""

    FILES = sorted(HERE.glob("*.c"))
    WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Werror", "-O1"]

    def test_there_are_six_of_at_most_100_lines(self):
        self.assertEqual(len(self.FILES), 6)
        for path in self.FILES:
            self.assertLessEqual(len(path.read_text().splitlines()), 100, path.name)

    def compiles(self, compiler, *flags):
        if shutil.which(compiler) is None:
            self.skipTest(f"{compiler} is not installed")
        for path in self.FILES:
            if path.name == "libuv_server.c" and not (BUILD / "libuv_server").exists():
                continue
            done = subprocess.run([compiler, *flags, *self.WARNINGS, "-I", ROOT / "include", "-c", path, "-o", "/dev/null"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:])


for _compiler in ("gcc", "clang"):
    sentences.add_test(Text, f"{_compiler} takes all of them as C11", lambda case, c=_compiler: case.compiles(c, "-std=c11"))
for _compiler in ("g++", "clang++"):
    sentences.add_test(Text, f"{_compiler} takes all of them as C++17, which allows no cast of C",
                       lambda case, c=_compiler: case.compiles(c, "-x", "c++", "-std=c++17", "-Wold-style-cast"))


class Clients(unittest.TestCase):
    def exchange(self, name, version):
        with openssl_server(version, "-naccept", "1") as peer:
            port = demo.Demo.port_of(peer)
            said, complaints, code = run_client(self, name, int(port), "able was I")
            peer.finish(0)
        self.assertEqual((said, complaints, code), ("I saw elba\n", "", 0))

    def refusal(self, name, version):
        with openssl_server(version, "-naccept", "1") as peer:
            port = demo.Demo.port_of(peer)
            said, complaints, code = run_client(self, name, int(port), "secret", anchors="other-ca.pem")
            peer.wait_for("stderr", rb"alert number 48")
            peer.finish(None)
            self.assertNotIn(b"secret", peer.text["stdout"])
        self.assertEqual((said, code), ("", 1))
        self.assertIn("TLS_STATUS_AUTHENTICATION_FAILED: ", complaints)

    def truncation(self, name):
        built(name)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(TIMEOUT)
            with contextlib.ExitStack() as stack:
                thread = threading.Thread(target=lambda: listener.accept()[0].close())
                thread.start()
                stack.callback(thread.join)
                said, complaints, code = run_client(self, name, listener.getsockname()[1], "hello")
        self.assertEqual((said, code), ("", 1))
        self.assertRegex(complaints, "TLS_STATUS_(TRUNCATED|IO_ERROR): ")

    def certificate_asked_for(self, name, version):
        """A server that asks without insisting is served without a certificate."""
        with openssl_server(version, "-naccept", "1", "-verify", "1", "-CAfile", certificate("ca.pem")) as peer:
            port = demo.Demo.port_of(peer)
            said, complaints, code = run_client(self, name, int(port), "able was I")
            peer.finish(0)
        self.assertEqual((said, complaints, code), ("I saw elba\n", "", 0))


for _name in CLIENTS:
    for _version in VERSIONS:
        sentences.add_test(Clients, f"{_name} talks to openssl s_server over TLS {_version}",
                           lambda case, n=_name, v=_version: case.exchange(n, v))
        sentences.add_test(Clients, f"{_name} refuses a server of another authority over TLS {_version}, and the alert arrives",
                           lambda case, n=_name, v=_version: case.refusal(n, v))
        sentences.add_test(Clients, f"{_name} talks to a TLS {_version} server that asks for a certificate",
                           lambda case, n=_name, v=_version: case.certificate_asked_for(n, v))
    sentences.add_test(Clients, f"{_name} says when the server goes without a word", lambda case, n=_name: case.truncation(n))


class Servers(unittest.TestCase):
    def each_other(self, name):
        with server(self, name) as (_, port):
            for client in CLIENTS:
                self.assertEqual(run_client(self, client, port, f"hello from {client}"), (f"hello from {client}\n", "", 0))

    def openssl(self, name, version):
        with server(self, name) as (_, port):
            for _ in range(2):  # the second one comes to a server that still runs
                with openssl_client(version, port) as client:
                    demo.Demo.exchange_line(client)
                    client.close_input()
                    client.finish(0)

    def refusal(self, name):
        """A server that closed a socket with unread input would reset the connection, and no alert would arrive."""
        with server(self, name) as (program, port):
            with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as stranger:
                stranger.sendall(b"GET / HTTP/1.0\r\n\r\n" + bytes(50_000))
                stranger.shutdown(socket.SHUT_WR)
                self.assertEqual(read_exactly(stranger, 100), bytes([21, 3, 3, 0, 2, 2, 10]))
            program.wait_for("stderr", rb"TLS_STATUS_PROTOCOL_ERROR: ")
            with python_client(port) as client:
                client.sendall(b"still here")
                self.assertEqual(read_exactly(client, 10), b"still here")

    def client_that_refuses(self, name):
        with server(self, name) as (program, port):
            run_client(self, "socket_client", port, "hello", anchors="other-ca.pem")
            program.wait_for("stderr", rb"TLS_STATUS_PEER_ALERT: ")

    def truncation(self, name):
        with server(self, name) as (program, port):
            client = python_client(port)
            client.sendall(b"hello")
            self.assertEqual(read_exactly(client, 5), b"hello")
            client.close()
            program.wait_for("stderr", rb"TLS_STATUS_TRUNCATED: ")

    def closing(self, name):
        with server(self, name) as (_, port):
            client = python_client(port)
            client.sendall(b"hello")
            self.assertEqual(read_exactly(client, 5), b"hello")
            with client.unwrap() as raw:  # waits for the server's close_notify
                raw.shutdown(socket.SHUT_WR)
                self.assertEqual(raw.recv(100), b"")

    def megabytes(self, name):
        message = bytes(i % 251 for i in range(3_000_000))
        with server(self, name) as (_, port):
            with python_client(port) as client:
                client.setblocking(False)
                sent, got = 0, bytearray()
                # One thread: OpenSSL's connections do not read and write at once.
                while len(got) < len(message):
                    more = [client] if sent < len(message) else []
                    self.assertNotEqual(select.select([client], more, [], TIMEOUT)[:2], ([], []), f"{len(got)} of {sent} came back")
                    with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                        sent += client.send(message[sent:sent + 65536]) if more else 0
                    with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                        while len(got) < len(message):
                            part = client.recv(65536)
                            self.assertNotEqual(part, b"", "the server has closed")
                            got += part
                self.assertEqual(bytes(got), message)

    def many(self, name):
        with server(self, name) as (_, port):
            greedy = python_client(port)
            greedy.setblocking(False)
            sent = 0
            # It never reads: the server must stop reading from it, whatever fits into the sockets between them.
            with contextlib.suppress(ssl.SSLWantWriteError):
                while sent < 64_000_000:
                    sent += greedy.send(bytes(65536))
            self.assertLess(sent, 64_000_000)
            clients = [python_client(port) for _ in range(40)]
            for i, client in enumerate(clients):
                client.sendall(b"client %d" % i)
            for i, client in reversed(list(enumerate(clients))):
                expected = b"client %d" % i
                self.assertEqual(read_exactly(client, len(expected)), expected)
            for client in clients:
                client.unwrap().close()
            greedy.close()


for _name in ECHO_SERVERS:
    for _version in VERSIONS:
        sentences.add_test(Servers, f"{_name} serves openssl s_client over TLS {_version}",
                           lambda case, n=_name, v=_version: case.openssl(n, v))
    for _sentence, _method in (("serves both small clients", "each_other"), ("sends its alert to one who speaks no TLS", "refusal"),
                               ("says that a client has refused it", "client_that_refuses"),
                               ("says when a client goes without a word", "truncation"), ("closes in order", "closing"),
                               ("sends back three megabytes", "megabytes")):
        sentences.add_test(Servers, f"{_name} {_sentence}", lambda case, n=_name, m=_method: getattr(case, m)(n))
for _name in ECHO_SERVERS[1:]:
    sentences.add_test(Servers, f"{_name} serves many clients while one of them sends and does not read",
                       lambda case, n=_name: case.many(n))


class Mutual(unittest.TestCase):
    def client(self, port, name=None, version="1.3"):
        shows = ["-cert", certificate(f"{name}.pem"), "-key", certificate(f"{name}.key")] if name else []
        chain = ["-cert_chain", certificate("intermediate.pem")] if name == "client-p256" else []
        return openssl_client(version, port, *shows, *chain)

    def test_mutual_server_prints_and_says_the_name_of_a_client(self):
        for version in VERSIONS[1:] if WRAPPER else VERSIONS:
            with server(self, "mutual_server", certificate("ca.pem")) as (program, port):
                with self.client(port, "client-p256", version) as client:
                    client.wait_for("stdout", rb"Hello, CN=client-p256\n")
                    client.close_input()
                    client.finish(0)
                program.wait_for("stdout", rb"\nCN=client-p256\n")

    def test_mutual_server_refuses_clients_without_a_certificate_and_strangers(self):
        with server(self, "mutual_server", certificate("ca.pem")) as (program, port):
            for version, name, alert in (("1.3", None, 116), ("1.2", None, 40), ("1.3", "client-other", 48), ("1.2", "client-other", 48)):
                with self.client(port, name, version) as client:
                    client.wait_for("stderr", rb"alert number %d" % alert)
                    client.finish(None)
                    self.assertNotIn(b"Hello", client.text["stdout"])
            for name in CLIENTS:
                said, complaints, code = run_client(self, name, port, "hello")
                self.assertEqual((said, code), ("", 1))
                self.assertIn("TLS_STATUS_PEER_ALERT: ", complaints)


def leave_out_all_but_one_of_each():
    kept = ("serves_both_small_clients", "prints_and_says_the_name", "epoll_server_sends_its_alert")
    for case in (Text, Clients, Servers, Mutual):
        for name in [name for name in dir(case) if name.startswith("test_") and not any(part in name for part in kept)]:
            delattr(case, name)


if __name__ == "__main__":
    if WRAPPER:
        leave_out_all_but_one_of_each()
    sentences.main()
