#!/usr/bin/env python3
"""Shows the example client and servers talking to each other and to the openssl command line.

    demo.py BUILD_DIRECTORY CERTIFICATE_DIRECTORY

Every conversation is held in TLS 1.2 and in TLS 1.3, over the loopback, on ports that the system chooses. What both
sides say about it must agree; the table shows the side named first. The exit code is 0 when everything went as it
should.
"""

import atexit
import contextlib
import dataclasses
import os
import random
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PROTOCOL_NAMES = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}
ALPN = "spantls-demo"
LINE = "able was I\n"
TIMEOUT = 20  # seconds, for any one step; all of them take milliseconds
TENANTS = {"localhost": "server-p256", "shop.wild.example": "server-rsa2048", "other.example": "server-wrongname"}


class Unexpected(Exception):
    """A conversation did not go as it should."""


class Program:
    """A running program whose outputs can be waited for. It does not outlive its `with` block."""

    def __init__(self, *arguments):
        self.arguments = [str(argument) for argument in arguments]
        self.news = threading.Condition()
        self.text = {"stdout": bytearray(), "stderr": bytearray()}
        self.open = set(self.text)

    def __enter__(self):
        self.process = subprocess.Popen(
            self.arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.readers = [
            threading.Thread(target=self._read, args=(name, getattr(self.process, name)), daemon=True)
            for name in self.text
        ]
        for reader in self.readers:
            reader.start()
        return self

    def __exit__(self, *_):
        self.kill()
        self.close_input()

    def _read(self, name, pipe):
        with pipe:
            while piece := pipe.read1(65536):
                with self.news:
                    self.text[name] += piece
                    self.news.notify_all()
        with self.news:
            self.open.discard(name)
            self.news.notify_all()

    def wait_for(self, name, pattern):
        """Waits until the pattern is in an output, and returns the match."""
        deadline = time.monotonic() + TIMEOUT
        with self.news:
            while not (match := re.search(pattern, self.text[name])):
                left = deadline - time.monotonic()
                if left <= 0 or name not in self.open:
                    raise Unexpected(f"{self.name()} never said {pattern.decode()!r}; it said:\n{self.said()}")
                self.news.wait(left)
            return match

    def write(self, data):
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Unexpected(f"{self.name()} reads no more; it said:\n{self.said()}") from None

    def close_input(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended without reading everything, and is judged by that

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def finish(self, expected_code):
        """Waits for the end of the program and of its outputs."""
        try:
            code = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise Unexpected(f"{self.name()} does not end; it said:\n{self.said()}") from None
        for reader in self.readers:
            reader.join(TIMEOUT)
        if expected_code is not None and code != expected_code:
            raise Unexpected(f"{self.name()} ended with {code} and not {expected_code}; it said:\n{self.said()}")

    def name(self):
        return " ".join(self.arguments[:2]) if self.arguments[0] == "openssl" else Path(self.arguments[0]).name

    def said(self):
        return self.text["stderr"].decode(errors="replace")


@dataclasses.dataclass
class Row:
    pair: str
    version: str
    suite: str
    alpn: str
    verdict: str
    sent: str
    received: str
    closed: str


def expect(what, found, wanted):
    if found != wanted:
        raise Unexpected(f"{what}: {found!r} and not {wanted!r}")


def summary_of(program, pair):
    """The table's row from the summary line of one of our programs."""
    match = program.wait_for("stderr", rb"(?m)^summary: (.*)\n")
    return Row(pair, *match.group(1).decode().split(" "))


class Demo:
    def __init__(self, build, certificates):
        self.build = Path(build)
        self.certificates = Path(certificates)
        self.rows = []
        self.failures = []

    def certificate(self, name):
        return self.certificates / name

    # ---- the programs ----

    def our_server(self, version, *more):
        return Program(
            self.build / "server", "--tls", version, "--alpn", ALPN, "--connections", "1", "--timeout", TIMEOUT,
            "--summary", *more, self.certificate("server-p256.pem"), self.certificate("server-p256.key"),
        )

    def sni_server(self, version, connections, *more):
        tenants = [
            argument
            for name, files in TENANTS.items()
            for argument in (name, self.certificate(f"{files}.pem"), self.certificate(f"{files}.key"))
        ]
        return Program(
            self.build / "sni_server", "--tls", version, "--alpn", ALPN, "--connections", connections, "--timeout",
            TIMEOUT, "--summary", *more, *tenants,
        )

    def delayed_server(self, version):
        return Program(
            self.build / "delayed_certificate_server", "--tls", version, "--alpn", ALPN, "--connections", "1",
            "--timeout", TIMEOUT, "--summary", "--ca", self.certificate("ca.pem"),
            self.certificate("server-p256.pem"), self.certificate("server-p256.key"),
        )

    def remote_key_server(self, version, key, connections, chain=None):
        return Program(
            self.build / "remote_key_server", "--tls", version, "--alpn", ALPN, "--connections", connections,
            "--timeout", TIMEOUT, "--summary", self.certificate(f"server-{chain or key}.pem"),
            self.certificate(f"server-{key}.key"),
        )

    def our_client(self, version, port, *more, anchors="ca.pem", name="localhost"):
        return Program(
            self.build / "client", "--tls", version, "--alpn", ALPN, "--ca", self.certificate(anchors),
            "--name", name, "--timeout", TIMEOUT, "--summary", *more, "127.0.0.1", port,
        )

    def openssl_server(self, version):
        """Sends lines back with their characters reversed."""
        return Program(
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-rev", "-alpn", ALPN,
            f"-tls{version.replace('.', '_')}", "-cert", self.certificate("server-rsa2048.pem"),
            "-key", self.certificate("server-rsa2048.key"), "-cert_chain", self.certificate("intermediate.pem"),
        )

    def openssl_client(self, version, port, *more, name="localhost"):
        return Program(
            "openssl", "s_client", "-brief", "-no_ign_eof", "-connect", f"127.0.0.1:{port}", "-servername",
            name, "-verify_hostname", name, "-verify_return_error", "-alpn", ALPN,
            f"-tls{version.replace('.', '_')}", "-CAfile", self.certificate("ca.pem"), *more,
        )

    @staticmethod
    def port_of(program):
        return program.wait_for("stdout", rb"(?:listening on 127\.0\.0\.1 |ACCEPT 127\.0\.0\.1:)(\d+)\n").group(1).decode()

    # ---- the conversations ----

    def ours_with_ours(self, version, pair, server_options=(), client_options=()):
        """A megabyte there and back: far more than the buffers of both and of the sockets between them."""
        data = random.Random(version).randbytes(1 << 20)
        with self.our_server(version, *server_options) as server:
            with self.our_client(version, self.port_of(server), "--expect", len(data), *client_options) as client:
                client.write(data)
                client.close_input()
                client.finish(0)
                server.finish(0)
                row = summary_of(client, pair)
                other = summary_of(server, pair)
                expect("what came back is what was sent", client.text["stdout"] == data, True)
        expect("the client's verdict", row.verdict, "accepted")
        expect("the server's verdict", other.verdict, "accepted" if client_options else "-")
        expect("the server's account", dataclasses.replace(other, verdict=""), dataclasses.replace(row, verdict=""))
        self.check_clean(row, version, len(data))
        if client_options:
            row.verdict = "accepted, both"
        return row

    def our_client_with_openssl(self, version, pair):
        with self.openssl_server(version) as server:
            port = self.port_of(server)
            with self.our_client(version, port, "--send", LINE.rstrip("\n"), "--expect", len(LINE)) as client:
                client.finish(0)
                server.finish(0)
                row = summary_of(client, pair)
                expect("the reversed line", client.text["stdout"].decode(), LINE.rstrip("\n")[::-1] + "\n")
                self.check_openssl_agrees(server, version)
        expect("the verdict", row.verdict, "accepted")
        self.check_clean(row, version, len(LINE))
        return row

    def our_server_with_openssl(self, version, pair):
        with self.our_server(version) as server:
            with self.openssl_client(version, self.port_of(server)) as client:
                self.exchange_line(client)
                client.close_input()  # makes it close properly, and wait for our answer
                client.finish(0)
                server.finish(0)
                row = summary_of(server, pair)
                self.check_openssl_agrees(client, version)
        expect("the verdict", row.verdict, "-")
        self.check_clean(row, version, len(LINE))
        return row

    def our_client_refuses_openssl(self, version, pair):
        """Anchors that have nothing to do with the server: it must see the alert, and no application data."""
        with self.openssl_server(version) as server:
            port = self.port_of(server)
            with self.our_client(version, port, "--send", LINE, anchors="other-ca.pem") as client:
                client.finish(1)
                server.wait_for("stderr", rb"alert number 48")
                server.finish(None)
                row = summary_of(client, pair)
        return self.check_refused(row, version, "refused:4:48", "refused: chain", "unknown_ca, seen by the server")

    def our_server_loses_openssl(self, version, pair):
        """A client that dies without a word must not look like one that has finished."""
        with self.our_server(version) as server:
            with self.openssl_client(version, self.port_of(server)) as client:
                self.exchange_line(client)
                client.kill()
                server.finish(0)
                row = summary_of(server, pair)
        expect("the end", row.closed, "truncated")
        return row

    def our_client_with_tenants(self, version, pair):
        """Each name has its certificate, which the client checks, and its greeting. The row is the last one's."""
        with self.sni_server(version, len(TENANTS)) as server:
            port = self.port_of(server)
            for name in TENANTS:
                row = self.greeted(version, port, name, name, pair)
            server.finish(0)
        return row

    def openssl_with_tenant(self, version, pair):
        with self.sni_server(version, 1) as server:
            with self.openssl_client(version, self.port_of(server), name="shop.wild.example") as client:
                greeting = self.greeting("shop.wild.example")
                client.wait_for("stdout", re.escape(greeting).encode())
                client.wait_for("stderr", rb"Peer certificate: CN = server-rsa2048\n")
                client.close_input()
                client.finish(0)
                server.wait_for("stderr", rb"asks for shop\.wild\.example, offers spantls-demo, JA4 t1[23]d\w+\n")
                server.finish(0)
                row = summary_of(server, pair)
                self.check_openssl_agrees(client, version)
        self.check_clean(row, version, len(greeting), 0)
        return row

    def openssl_with_unknown_tenant(self, version, pair):
        with self.sni_server(version, 1) as server:
            with self.openssl_client(version, self.port_of(server), name="nobody.example") as client:
                client.wait_for("stderr", rb"alert number 112")
                client.finish(1)
                server.finish(0)
                row = summary_of(server, pair)
        return self.check_refused(row, version, "refused:0:112", "refused: name", "unrecognized_name, seen by it")

    def our_client_without_name(self, version, pair):
        """For an address no name is sent. That leads to the default tenant, and without one nowhere."""
        with self.sni_server(version, 1, "--default", "localhost") as server:
            self.greeted(version, self.port_of(server), "127.0.0.1", "localhost", pair)
            server.finish(0)
        with self.sni_server(version, 1) as server:
            with self.our_client(version, self.port_of(server), "--send", LINE, name="127.0.0.1") as client:
                client.wait_for("stderr", rb"alert received: 109")
                client.finish(1)
                server.finish(0)
                row = summary_of(server, pair)
        return self.check_refused(row, version, "refused:0:109", "refused: no name", "missing_extension, seen by it")

    def asked_later(self, version, pair, answer, verdict, *more):
        """Who requests something private is asked for a certificate; the session goes on, whatever they have."""
        requests = {"GET /": "welcome", "GET /private": answer, "GET /more": "welcome"}
        with self.delayed_server(version) as server:
            with self.openssl_client(version, self.port_of(server), *more) as client:
                said = b""
                for request, reply in requests.items():
                    client.write(request.encode() + b"\n")
                    said += reply.encode() + b"\n"
                    client.wait_for("stdout", re.escape(said))
                client.close_input()
                client.finish(0)
                server.finish(0)
                row = summary_of(server, pair)
                self.check_openssl_agrees(client, version)
        expect("the verdict", row.verdict, verdict)
        self.check_clean(row, version, len(said), sum(len(request) + 1 for request in requests))
        return row

    def asked_later_a_stranger(self, version, pair):
        stranger = ("-enable_pha", *self.shows("client-other"))
        with self.delayed_server(version) as server:
            with self.openssl_client(version, self.port_of(server), *stranger) as client:
                client.write(b"GET /private\n")
                client.wait_for("stderr", rb"alert number 48")
                client.finish(None)
                server.finish(0)
                row = summary_of(server, pair)
        expect("the verdict", row.verdict, "refused:4:48")
        expect("the end", row.closed, "refused")
        return dataclasses.replace(row, verdict="refused: chain", closed="unknown_ca, seen by it")

    def shows(self, name):
        return "-cert", self.certificate(f"{name}.pem"), "-key", self.certificate(f"{name}.key")

    def large_certificate(self):
        """A client's certificate of more than 8 KiB, and its key: many names, of the authority that issues the others."""
        folder = tempfile.mkdtemp(prefix="spantls-demo-")
        atexit.register(shutil.rmtree, folder)
        chain, key, extensions = (os.path.join(folder, name) for name in ("chain.pem", "client.key", "extensions"))
        names = ",".join(f"DNS:client-{number}.department.example.com" for number in range(260))
        Path(extensions).write_text(f"subjectAltName={names}\nextendedKeyUsage=clientAuth\n")
        request = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                                  "-keyout", key, "-subj", "/O=Example/CN=large"], check=True, capture_output=True)
        subprocess.run(["openssl", "x509", "-req", "-CA", self.certificate("intermediate.pem"), "-CAkey",
                        self.certificate("intermediate.key"), "-set_serial", "8192", "-days", "3650", "-extfile", extensions, "-out",
                        chain], input=request.stdout, check=True, capture_output=True)
        size = len(ssl.PEM_cert_to_DER_cert(Path(chain).read_text()))
        expect("whether the certificate is large", size > 8192, True)
        return "-cert", chain, "-key", key, "-cert_chain", self.certificate("intermediate.pem")

    def our_client_with_remote_key(self, version, pair, key, schemes):
        with self.remote_key_server(version, key, 1) as server:
            port = self.port_of(server)
            with self.our_client(version, port, "--send", LINE.rstrip("\n"), "--expect", len(LINE)) as client:
                client.finish(0)
                server.finish(0)
                self.check_signed(server, schemes)
                expect("what came back", client.text["stdout"].decode(), LINE)
                row = summary_of(client, pair)
        expect("the verdict", row.verdict, "accepted")
        self.check_clean(row, version, len(LINE))
        return row

    def openssl_with_remote_key(self, version, pair, key, schemes, *more):
        with self.remote_key_server(version, key, 1) as server:
            with self.openssl_client(version, self.port_of(server), *more) as client:
                self.exchange_line(client)
                client.close_input()
                client.finish(0)
                server.finish(0)
                self.check_signed(server, schemes)
                row = summary_of(server, pair)
        self.check_clean(row, version, len(LINE))
        return row

    def two_wait_for_signatures(self, version, pair):
        """While the signer stands still two handshakes wait for it, and a third connection is served as ever."""
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(self.remote_key_server(version, "rsa2048", 3))
            port = self.port_of(server)
            served = stack.enter_context(self.openssl_client(version, port))
            self.exchange_line(served)
            with self.stopped_signer(server):
                ours = stack.enter_context(self.our_client(version, port, "--send", "x", "--expect", 2))
                theirs = stack.enter_context(self.openssl_client(version, port))
                server.wait_for("stderr", rb"signatures outstanding: 2\n")
                self.exchange_line(served, b"not a one\n")
            self.exchange_line(theirs)
            ours.finish(0)
            for client in (served, theirs):
                client.close_input()
                client.finish(0)
            server.finish(0)
            row = summary_of(ours, pair)
        self.check_clean(row, version, 2)
        return row

    def signer_dies(self, version, pair):
        """The handshake that waits is ended with an alert, an open connection is served to its end."""
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(self.remote_key_server(version, "p256", 2))
            port = self.port_of(server)
            served = stack.enter_context(self.openssl_client(version, port))
            self.exchange_line(served)
            with self.stopped_signer(server) as signer:
                waiting = stack.enter_context(self.openssl_client(version, port))
                server.wait_for("stderr", rb"connection 2: wants a signature")
                os.kill(signer, signal.SIGKILL)
                waiting.wait_for("stderr", rb"alert number 80")
                waiting.finish(1)
            self.exchange_line(served, b"not a one\n")
            served.close_input()
            served.finish(0)
            server.finish(1)
            row = summary_of(server, pair)
        return self.check_refused(row, version, "refused:0:80", "-", "internal_error, seen by it")

    def signer_has_another_key(self, version, pair):
        """A signature that the certificate does not go with never leaves the server."""
        with self.remote_key_server(version, "other", 1, chain="p256") as server:
            with self.openssl_client(version, self.port_of(server)) as client:
                client.wait_for("stderr", rb"alert number 80")
                client.finish(1)
                server.wait_for("stderr", rb"connection 1: TLS_STATUS_INVALID_ARGUMENT")
                server.finish(0)
                row = summary_of(server, pair)
        return self.check_refused(row, version, "refused:0:80", "-", "internal_error, seen by it")

    @staticmethod
    @contextlib.contextmanager
    def stopped_signer(server):
        process = int(server.wait_for("stderr", rb"signer: process (\d+)\n").group(1))
        os.kill(process, signal.SIGSTOP)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)

    @staticmethod
    def exchange_line(client, line=LINE.encode()):
        client.write(line)
        client.wait_for("stdout", re.escape(line))

    @staticmethod
    def check_signed(server, schemes):
        scheme = server.wait_for("stderr", rb"wants a signature with scheme 0x(\w+);").group(1).decode()
        expect("whether the scheme is one of these", scheme in schemes, True)

    def greeted(self, version, port, name, tenant, pair):
        """Our client asks for a name, and is greeted by that tenant."""
        greeting = self.greeting(tenant)
        with self.our_client(version, port, "--send", "", "--expect", len(greeting) + 1, name=name) as client:
            client.finish(0)
            expect("the greeting and what came back", client.text["stdout"].decode(), greeting + "\n")
            row = summary_of(client, pair)
        expect("the verdict", row.verdict, "accepted")
        self.check_clean(row, version, 1, len(greeting) + 1)
        return row

    @staticmethod
    def greeting(tenant):
        return f"Welcome to {tenant}!\n"

    @staticmethod
    def check_refused(row, version, verdict, said, closed):
        expect("the verdict", row.verdict, verdict)
        expect("what went over", (row.sent, row.received), ("0", "0"))
        expect("the end", row.closed, "refused")
        return dataclasses.replace(row, version=PROTOCOL_NAMES[version], verdict=said, closed=closed)

    def check_clean(self, row, version, sent, received=None):
        expect("the version", row.version, PROTOCOL_NAMES[version])
        expect("the application protocol", row.alpn, ALPN)
        expect("the bytes each way", (row.sent, row.received), (str(sent), str(sent if received is None else received)))
        expect("the end", row.closed, "clean")

    @staticmethod
    def check_openssl_agrees(program, version):
        program.wait_for("stderr", rf"Protocol version: {PROTOCOL_NAMES[version]}\n".encode())

    # ---- all of it ----

    def run(self, conversation, version, pair, *more):
        try:
            self.rows.append(conversation(version, pair, *more))
        except (Unexpected, OSError) as failure:
            self.rows.append(Row(pair, PROTOCOL_NAMES[version], "", "", "", "", "", "FAILED, see below"))
            self.failures.append(f"{pair}, TLS {version}: {failure}")

    def run_all(self):
        both_certificates = (
            ("--client-cert", "require", "--ca", self.certificate("ca.pem")),
            ("--cert", self.certificate("client-p256.pem"), "--key", self.certificate("client-p256.key")),
        )
        on_demand = (both_certificates[0], (*both_certificates[1], "--cert-on-demand"))
        for version in PROTOCOL_NAMES:
            self.run(self.ours_with_ours, version, "client -> server")
            self.run(self.ours_with_ours, version, "client -> server, mutual", *both_certificates)
            self.run(self.ours_with_ours, version, "client -> server, on demand", *on_demand)
            self.run(self.our_client_with_openssl, version, "client -> openssl s_server")
            self.run(self.our_server_with_openssl, version, "server <- openssl s_client")
            self.run(self.our_client_refuses_openssl, version, "client -> openssl, wrong anchors")
            self.run(self.our_server_loses_openssl, version, "server <- openssl, killed")
            self.run(self.our_client_with_tenants, version, "client -> sni_server, 3 tenants")
            self.run(self.openssl_with_tenant, version, "sni_server <- openssl, by name")
            self.run(self.openssl_with_unknown_tenant, version, "sni_server <- openssl, unknown")
            self.run(self.our_client_without_name, version, "sni_server <- client, no name")

            self.run_asked_later(version)

            if (self.build / "remote_key_server").exists():
                self.run_remote_keys(version)
        if not (self.build / "remote_key_server").exists():
            print("skipped - remote_key_server: it was not built\n", file=sys.stderr)

    def run_asked_later(self, version):
        """TLS 1.2 would have to renegotiate: nobody is asked."""
        offers = ("-enable_pha", *self.shows("client-p256"), "-cert_chain", self.certificate("intermediate.pem"))
        if version == "1.2":
            self.run(self.asked_later, version, "delayed <- openssl", "refused", "-", *offers)
            return
        self.run(self.asked_later, version, "delayed <- openssl, certificate", "CN=client-p256", "accepted", *offers)
        self.run(self.asked_later, version, "delayed <- openssl, 8 KiB of it", "CN=large,O=Example", "accepted", "-enable_pha",
                 *self.large_certificate())
        self.run(self.asked_later, version, "delayed <- openssl, declines", "refused", "anonymous", "-enable_pha")
        self.run(self.asked_later, version, "delayed <- openssl, not offered", "refused", "-", *offers[1:])
        self.run(self.asked_later_a_stranger, version, "delayed <- openssl, stranger")

    def run_remote_keys(self, version):
        pss = {"0804", "0805", "0806"}
        ours, theirs = self.our_client_with_remote_key, self.openssl_with_remote_key
        self.run(ours, version, "client -> remote ECDSA key", "p256", {"0403"})
        self.run(ours, version, "client -> remote RSA key", "rsa2048", pss)
        self.run(theirs, version, "remote ECDSA key <- openssl", "p384", {"0503"})
        self.run(theirs, version, "remote RSA key <- openssl", "rsa4096", pss)
        self.run(theirs, version, "remote Ed25519 key <- openssl", "ed25519", {"0807"})
        if version == "1.2":
            old = ("-sigalgs", "RSA+SHA256:ECDSA+SHA256")
            self.run(theirs, version, "remote RSA key, PKCS#1 <- openssl", "rsa2048", {"0401"}, *old)
        self.run(self.two_wait_for_signatures, version, "client -> remote key, 2 waiting")
        self.run(self.signer_dies, version, "remote key <- openssl, signer killed")
        self.run(self.signer_has_another_key, version, "remote key <- openssl, wrong key")

    def print_table(self):
        titles = ["pair", "version", "suite", "ALPN", "verdict", "sent", "received", "closed"]
        table = [titles] + [list(dataclasses.astuple(row)) for row in self.rows]
        widths = [max(len(line[column]) for line in table) for column in range(len(titles))]
        table.insert(1, ["-" * width for width in widths])
        for line in table:
            cells = [
                cell.rjust(width) if title in ("sent", "received") else cell.ljust(width)
                for title, cell, width in zip(titles, line, widths)
            ]
            print("  ".join(cells).rstrip())
        for failure in self.failures:
            print(f"\n{failure}", file=sys.stderr)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    demo = Demo(*sys.argv[1:])
    demo.run_all()
    demo.print_table()
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
