"""uvicorn serving, aiohttp, httpx, requests, urllib, http.client and asyncio fetching: our engine at either end, the
standard library's at the other, and at both."""

import asyncio
import http.client
import socket
import ssl
import threading
import unittest
import urllib.request
import warnings

import report
import spantls.ssl
from report import cert

try:
    import aiohttp
    import httpx
    import requests
    import uvicorn
    from requests.adapters import HTTPAdapter
except ImportError as missing:
    aiohttp = None
    MISSING = missing

MODULES = {"ours": spantls.ssl, "stdlib": ssl}
PAIRS = [("ours", "ours"), ("ours", "stdlib"), ("stdlib", "ours")]


def server_context(module, **settings):
    context = module.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert("server-p256.pem"), cert("server-p256.key"))
    for name, value in settings.items():
        setattr(context, name, value)
    return context


def client_context(module, **settings):
    context = module.create_default_context(cafile=cert("ca.pem"))
    for name, value in settings.items():
        setattr(context, name, value)
    return context


async def application(scope, receive, send):
    """Sends the request's body back, with a page in front."""
    if scope["type"] != "http":
        raise AssertionError(f"no {scope['type']} here")
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"page " + body})


class Uvicorn:
    """uvicorn in a thread, with a context of ours or ssl's."""

    def __init__(self, context, loop):
        config = uvicorn.Config(application, log_level="error", lifespan="off", loop=loop, ssl_certfile=cert("server-p256.pem"),
                                ssl_keyfile=cert("server-p256.key"))
        config.load()
        config.ssl = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server = uvicorn.Server(config)
        self.server.install_signal_handlers = lambda: None
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})

    def __enter__(self):
        self.thread.start()
        return f"https://localhost:{self.port}/"

    def __exit__(self, *_):
        self.server.should_exit = True
        self.thread.join()


BODY = bytes(range(256)) * 4000


def with_requests(context, url):
    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args, **kwargs):
            return super().init_poolmanager(*args, ssl_context=context, **kwargs)

    with requests.Session() as session:
        session.mount("https://", Adapter())
        session.verify = cert("ca.pem")
        return [session.post(url, data=BODY).content for _ in range(3)]


def with_httpx(context, url):
    with httpx.Client(verify=context) as client:
        return [client.post(url, content=BODY).content for _ in range(3)]


def with_httpx_async(context, url):
    async def fetch():
        async with httpx.AsyncClient(verify=context) as client:
            return [(await client.post(url, content=BODY)).content for _ in range(3)]
    return asyncio.run(fetch())


def with_aiohttp(context, url):
    async def fetch():
        async with aiohttp.ClientSession() as session:
            pages = []
            for _ in range(3):
                async with session.post(url, data=BODY, ssl=context) as answer:
                    pages.append(await answer.read())
            return pages
    return asyncio.run(fetch())


def with_urllib(context, url):
    with urllib.request.urlopen(url, data=BODY, context=context) as answer:
        return [answer.read()]


def with_http_client(context, url):
    host = url.split("/")[2]
    connection = http.client.HTTPSConnection(host, context=context)
    pages = []
    for _ in range(3):
        connection.request("POST", "/", BODY)
        pages.append(connection.getresponse().read())
    connection.close()
    return pages


CLIENTS = {"requests": with_requests, "httpx": with_httpx, "httpx_async": with_httpx_async, "aiohttp": with_aiohttp,
           "urllib": with_urllib, "http_client": with_http_client}


@unittest.skipIf(aiohttp is None, "the packages of requirements.txt are not installed")
class Fetching(unittest.TestCase):
    pass


def _add(server, client, name, fetch, loop):
    def test(self):
        with Uvicorn(server_context(MODULES[server]), loop) as url:
            for page in fetch(client_context(MODULES[client]), url):
                self.assertEqual(b"page " + BODY, page)

    def refused(self):
        with Uvicorn(server_context(MODULES[server]), loop) as url:
            context = MODULES[client].create_default_context(cafile=cert("other-ca.pem"))
            with self.assertRaises(Exception) as caught:
                fetch(context, url)
            self.assertIn("CERTIFICATE_VERIFY_FAILED", repr(caught.exception) + repr(caught.exception.__cause__)
                          + repr(caught.exception.__context__))
    setattr(Fetching, f"test_{name}_{client}_fetches_from_uvicorn_{server}_on_{loop}", test)
    if loop == "asyncio" and client == "ours" and server == "stdlib" and name != "requests":
        setattr(Fetching, f"test_{name}_{client}_refuses_an_unknown_authority", refused)


for _server, _client in PAIRS:
    for _name, _fetch in CLIENTS.items():
        _add(_server, _client, _name, _fetch, "asyncio")
        if _server == "ours" and _name in ("requests", "httpx_async"):
            _add(_server, _client, _name, _fetch, "uvloop")


class Asyncio(unittest.TestCase):
    def talk(self, server, client, number, size=100000):
        async def main():
            async def echo(reader, writer):
                writer.write(await reader.readexactly(size))
                await writer.drain()
                writer.close()

            listening = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context(server), backlog=2000)
            port = listening.sockets[0].getsockname()[1]
            context = client_context(client)
            data = bytes(size)

            async def one():
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context,
                                                               server_hostname="localhost")
                writer.write(data)
                got = await reader.readexactly(size)
                self.assertEqual(b"", await reader.read())
                writer.close()
                await writer.wait_closed()
                return len(got)
            counts = await asyncio.gather(*(one() for _ in range(number)))
            listening.close()
            await listening.wait_closed()
            return sum(counts)
        self.assertEqual(number * size, asyncio.run(main()))

    def test_asyncio_streams_ours_to_ours(self):
        self.talk(spantls.ssl, spantls.ssl, 5)

    def test_asyncio_streams_ours_to_the_standard_library(self):
        self.talk(ssl, spantls.ssl, 5)

    def test_asyncio_streams_the_standard_library_to_ours(self):
        self.talk(spantls.ssl, ssl, 5)

    def test_a_thousand_connections_at_once(self):
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 4096:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        self.talk(spantls.ssl, spantls.ssl, 1000, 2000)

    def test_start_tls(self):
        async def main():
            async def serve(reader, writer):
                writer.write(b"ready\n")
                await writer.drain()
                await self.start_tls(reader, writer, server_context(spantls.ssl), True)
                writer.write(await reader.readexactly(5))
                await writer.drain()
                writer.close()
            listening = await asyncio.start_server(serve, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
            self.assertEqual(b"ready\n", await reader.readline())
            await self.start_tls(reader, writer, client_context(spantls.ssl), False)
            writer.write(b"hello")
            self.assertEqual(b"hello", await reader.readexactly(5))
            writer.close()
            listening.close()
        asyncio.run(main())

    @staticmethod
    async def start_tls(reader, writer, context, server_side):
        loop = asyncio.get_running_loop()
        protocol = writer.transport.get_protocol()
        transport = await loop.start_tls(writer.transport, protocol, context, server_side=server_side,
                                         server_hostname=None if server_side else "localhost")
        reader._transport = writer._transport = transport
        protocol._replace_writer(writer) if hasattr(protocol, "_replace_writer") else None


if __name__ == "__main__":
    warnings.simplefilter("ignore", ResourceWarning)
    report.main()
