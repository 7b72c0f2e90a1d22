"""The example epoll_server for longer: a million requests over a hundred thousand connections, while other clients
misbehave; then fewer with its memory checked, by valgrind and by the sanitizers of clang.

    soak.py [REQUESTS]     ten on each connection
"""

import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import unittest
from pathlib import Path

from clients import PROGRAM, ROOT, connect, credentials, secured, request, served, start, until
from servers import Server, compile_with_openssl, install

import sentences

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
ON_EACH = 10
# make finds the library by itself, unless the tests were told another one.
LIBRARY = [f"LIBDIR={Path(os.environ['SPANTLS_LIB']).resolve().parent}"] if "SPANTLS_LIB" in os.environ else []
SLICES = 20
KIB = 1024
# Each slice: how clients connect, and what they ask for.
KINDS = [(["--tls", tls, *resume], size) for size in (13, 16384, 1024, 102400)
         for tls in ("1.3", "1.2") for resume in ([], ["--resume"])]


class Nuisance:
    """Clients that connect and vanish at any point, in a thread of their own."""

    def __init__(self, server):
        self._server, self._ends, self.count = server, threading.Event(), 0
        self._random = random.Random(7)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        silent = []
        while not self._ends.wait(0.005):
            try:
                self._visit(silent)
            except OSError:
                pass  # the server has dropped it first
            self.count += 1
        for connection in silent:
            connection.close()

    def _visit(self, silent):
        kind = self._random.randrange(5)
        connection = secured(self._server) if kind == 0 else connect(self._server)
        if self._random.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if kind == 0:
            fields = self._random.choice(((), ("Content-Length: 5",)))  # the second is refused
            connection.sendall(request(1 << 20, *fields)[:self._random.randrange(1, 80)])
        elif kind == 1:
            connection.sendall(self._random.randbytes(self._random.randrange(1, 600)))
        elif kind == 2:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" +
                               self._random.randbytes(self._random.randrange(1, 600)))
        if kind == 3:
            silent.append(connection)
            if len(silent) > 50:
                silent.pop(0).close()
        else:
            connection.close()

    def stop(self):
        self._ends.set()
        self._thread.join()


def load(client, server, requests, size, *options, at_once=64):
    """Tells what the clients of a slice have counted."""
    done = subprocess.run(
        [str(part) for part in (client, "--requests", requests, "--per-connection", ON_EACH, "--connections", at_once,
                                "--size", size, *options, server.port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    if done.returncode != 0 or told["failed"] or told["requests"] != requests:
        raise AssertionError(done.stdout)
    return told


class Soak(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.client = compile_with_openssl("load_client.c", "load_client-debian", ours=False)

    def test_a_million_requests_over_a_hundred_thousand_connections_all_succeed_and_leave_nothing(self):
        with start("--threads", "2", "--handshake-timeout", "2") as server:
            load(self.client, server, 1000, 1024)
            descriptors = server.descriptors()
            nuisance = Nuisance(server)
            sizes, handshakes, resumed, requests, seconds = [], 0, 0, 1000, 0.0
            try:
                for number in range(SLICES):
                    options, size = KINDS[number % len(KINDS)]
                    told = load(self.client, server, REQUESTS // SLICES, size, *options)
                    handshakes += told["connections"]
                    resumed += told["resumed"]
                    requests += told["requests"]
                    seconds += told["seconds"]
                    sizes.append(server.memory())
                    print(f"# {requests - 1000:,} requests, {handshakes:,} handshakes, {resumed:,} resumed: "
                          f"{sizes[-1] // KIB:,} KiB, {server.descriptors()} descriptors", flush=True)
            finally:
                nuisance.stop()
            until(lambda: server.descriptors() <= descriptors, "the end of the last connection")
            at_rest = server.memory()
            counts = served(server)
        print(f"# {seconds:.0f} seconds; {nuisance.count:,} other clients; memory {sizes[len(KINDS) // 2] // KIB:,} KiB in "
              f"the middle, {at_rest // KIB:,} KiB at the end", flush=True)
        self.assertEqual(counts["requests"], requests)
        self.assertGreaterEqual(counts["handshakes"], handshakes)
        self.assertGreaterEqual(handshakes, REQUESTS // ON_EACH)
        # All kinds of clients have been there by then.
        self.assertLess(at_rest - sizes[len(KINDS) // 2], 512 * KIB, sizes)

    def checked(self, command, program=PROGRAM, requests=3000):
        """A run under a checker, whose complaints are the exit status."""
        with Server([*command, program, "--threads", "2", *credentials("server-p256")]) as server:
            nuisance = Nuisance(server)
            try:
                for options, size in KINDS:
                    load(self.client, server, requests // len(KINDS) // ON_EACH * ON_EACH, size, *options,
                         at_once=4)
            finally:
                nuisance.stop()
            return served(server)

    def test_valgrind_finds_no_leak_and_no_bad_access(self):
        if "valgrind" not in install(valgrind="valgrind"):
            self.skipTest("valgrind is not installed")
        # examples-c/valgrind.supp says why not for uninitialised bytes.
        counts = self.checked(["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full", "--fair-sched=yes",
                               "--undef-value-errors=no"])
        self.assertGreater(counts["resumed"], 50)

    def test_the_sanitizers_of_clang_find_nothing(self):
        build = ROOT / "examples-c" / "build" / "sanitized"
        flags = "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
        if not shutil.which("clang"):
            self.skipTest("clang is not installed")
        done = subprocess.run(["make", "-s", "-C", str(ROOT / "examples-c"), "CC=clang", f"CFLAGS={flags}",
                               f"BUILD={build}", *LIBRARY, str(build / "epoll_server")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        counts = self.checked([], build / "epoll_server", 20000)
        self.assertGreater(counts["resumed"], 500)


if __name__ == "__main__":
    sentences.main()
