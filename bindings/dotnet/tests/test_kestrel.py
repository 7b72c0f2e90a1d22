"""Kestrel with TlsStream in its connections answers curl, over HTTP/1.1 and HTTP/2, TLS 1.2 and 1.3."""

import glob
import os
import socket
import subprocess
import sys
import unittest

import run
import toolchain

sys.path.insert(0, os.path.join(toolchain.ROOT, "ffi-tests"))
import sentences  # noqa: E402

CERTS = os.path.join(toolchain.ROOT, "ffi-tests", "certs")


class Kestrel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        frameworks = [part for name in ("Microsoft.AspNetCore.App", "Microsoft.NETCore.App")
                      for part in glob.glob(os.path.join(toolchain.ASPNET, "shared", name, "*"))]
        spantls = run.library()
        cls.host = run.compile("KestrelHost.dll", [os.path.join(run.HERE, "..", "kestrel", "KestrelHost.cs")],
                           "--reference", spantls, *(word for path in frameworks for word in ("--framework", path)))
        cls.address = f"https://localhost:{cls.start()}"

    @classmethod
    def start(cls, *options):
        """A host, and its port."""
        server = subprocess.Popen(
            [os.path.join(toolchain.ASPNET, "dotnet"), cls.host, os.path.join(CERTS, "server-p256.pem"),
             os.path.join(CERTS, "server-p256.key"), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=run.environment())
        cls.addClassCleanup(cls.stop, server)
        word, port = (server.stdout.readline() or "it has not").split(maxsplit=1)
        if word != "port":
            raise AssertionError("the host did not start")
        return int(port)

    @staticmethod
    def stop(server):
        server.stdin.close()
        server.wait(30)
        server.stdout.close()

    def curl(self, *options, path="/"):
        done = subprocess.run(["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--cacert",
                               os.path.join(CERTS, "ca.pem"), *options, self.address + path], capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout

    def test_curl_gets_a_page_in_each_version_of_HTTP_and_TLS(self):
        for http, said in (("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2")):
            for tls, version in (("1.2", "Tls12"), ("1.3", "Tls13")):
                page = self.curl(http, f"--tlsv{tls}", "--tls-max", tls).decode()
                self.assertEqual(page, f"{said} https {version}")

    def test_large_bodies_go_both_ways(self):
        body = bytes(i % 256 for i in range(3000000))
        for http in ("--http1.1", "--http2"):
            self.assertEqual(self.curl(http, path="/large"), body)
            done = subprocess.run(["curl", "--silent", "--noproxy", "*", "--cacert", os.path.join(CERTS, "ca.pem"), http,
                                   "--data-binary", "@-", "-H", "Expect:", self.address + "/count"], input=body, capture_output=True)
            self.assertEqual(done.stdout, b"3000000")

    def test_many_requests_at_once_over_one_connection_of_HTTP_2(self):
        count = 50
        done = subprocess.run(
            ["curl", "--silent", "--noproxy", "*", "--http2", "--parallel", "--cacert", os.path.join(CERTS, "ca.pem"),
             *([self.address + "/"] * count)], capture_output=True, text=True)
        self.assertEqual(done.stdout, "HTTP/2 https Tls13" * count)

    def test_what_is_no_TLS_is_dropped_and_the_others_go_on(self):
        done = subprocess.run(["curl", "--silent", "--noproxy", "*", "--max-time", "10",
                               self.address.replace("https", "http")], capture_output=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"HTTP/2", self.curl("--http2"))

    def test_a_client_that_says_nothing_is_cut_off(self):
        # Nothing is ever sent: any time-out elapses.
        with socket.create_connection(("127.0.0.1", self.start("50")), 60) as silent:
            try:
                self.assertEqual(silent.recv(100)[:1], b"")
            except ConnectionResetError:
                pass


if __name__ == "__main__":
    try:
        toolchain.ensure(aspnet=True)
    except toolchain.Unavailable as reason:
        print(f"skipped - Kestrel: {reason}\n0 passed, 0 failed")
        sys.exit(0)
    sentences.main()
