"""Loops: asyncio and uvloop with 3 MB each way, and those of gevent and eventlet. (test_real_software has uvicorn on both.)"""

import asyncio
import importlib.util
import itertools
import logging
import os
import ssl
import subprocess
import sys
import unittest

import report
import spantls.ssl
from report import cert

try:
    import uvloop
except ImportError:
    uvloop = None

MODULES = {"ours": spantls.ssl, "theirs": ssl}
SIZE = 3_000_000
SECONDS = 60  # for what hangs


def contexts(server, client, version):
    serving = server.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(cert("server-p256.pem"), cert("server-p256.key"))
    serving.minimum_version = serving.maximum_version = version
    return serving, client.create_default_context(cafile=cert("ca.pem"))


async def both_ways(serving, client):
    """The server reads everything, answers and closes at once: the client sees all of it, then the end."""
    data = os.urandom(1 << 16) * (SIZE >> 16)

    async def answer(reader, writer):
        got = await reader.readexactly(len(data))
        writer.write(got[::-1])
        writer.close()
    listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=serving)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname()[:2], ssl=client, server_hostname="localhost")
    writer.write(data)
    got = await reader.read()
    writer.close()
    listening.close()
    return got == data[::-1]


class Loops(unittest.TestCase):
    def run_on(self, make_loop):
        for server, client, version in itertools.product(
                MODULES.values(), MODULES.values(), (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)):
            with self.subTest(server=server.__name__, client=client.__name__, version=version.name):
                loop = make_loop()
                try:
                    self.assertTrue(loop.run_until_complete(asyncio.wait_for(
                        both_ways(*contexts(server, client, version)), SECONDS)))
                finally:
                    loop.close()

    def test_asyncio_carries_megabytes_each_way_to_their_end(self):
        self.run_on(asyncio.new_event_loop)

    @unittest.skipUnless(uvloop, "there is no uvloop")
    def test_uvloop_carries_megabytes_each_way_to_their_end(self):
        self.run_on(uvloop.new_event_loop)

    @unittest.skipUnless(uvloop, "there is no uvloop")
    def test_start_tls_on_both_loops(self):
        async def talk(serving, client):
            class Serve(asyncio.Protocol):
                def connection_made(self, transport):
                    self.transport, self.heard = transport, None

                def data_received(self, data):
                    if self.heard is not None:
                        self.heard.set_result(data)
                        return
                    self.heard = loop.create_future()
                    self.transport.write(b"ready")
                    tasks.append(loop.create_task(self.upgrade()))

                async def upgrade(self):
                    transport = await loop.start_tls(self.transport, self, serving, server_side=True)
                    transport.write((await self.heard).upper())
                    transport.close()
            tasks = []
            loop = asyncio.get_running_loop()
            listening = await loop.create_server(Serve, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname()[:2])
            writer.write(b"STARTTLS")
            assert await reader.readexactly(5) == b"ready"
            protocol = writer.transport.get_protocol()
            transport = await loop.start_tls(writer.transport, protocol, client, server_hostname="localhost")
            transport.write(b"hello")
            got = await reader.read()
            transport.close()
            listening.close()
            return got
        for make_loop, version in itertools.product((asyncio.new_event_loop, uvloop.new_event_loop),
                                                    (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)):
            loop = make_loop()
            try:
                got = loop.run_until_complete(asyncio.wait_for(talk(*contexts(spantls.ssl, spantls.ssl, version)), SECONDS))
            finally:
                loop.close()
            self.assertEqual(got, b"HELLO", (make_loop, version))


class Green(unittest.TestCase):
    def child(self, which, order):
        if importlib.util.find_spec(which) is None:
            self.skipTest(f"there is no {which}")
        done = subprocess.run([sys.executable, os.path.join(report.HERE, "green_child.py"), which, order], capture_output=True,
                              text=True, timeout=SECONDS)
        return done.stdout, done.stderr

    def test_gevent_and_eventlet_wait_in_their_loops(self):
        for which in ("gevent", "eventlet"):
            with self.subTest(which):
                self.assertEqual(self.child(which, "after"), ("done\n", ""))

    def test_a_late_patch_is_refused_by_name(self):
        for which in ("gevent", "eventlet"):
            with self.subTest(which):
                said, errors = self.child(which, "before")
                self.assertIn("then import spantls.ssl", said, errors)
                self.assertIn(which, said)


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    report.main()
