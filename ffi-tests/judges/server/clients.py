"""What the tests of the example epoll_server have in common: the server in a process of its own, and clients of it."""

import os
import socket
import ssl
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "ffi-tests" / "judges" / "peers"), str(ROOT / "benches" / "load")]

from servers import CERTIFICATES, Server, free_port  # noqa: E402

PROGRAM = Path(os.environ.get("SPANTLS_EPOLL_SERVER", ROOT / "examples-c" / "build" / "epoll_server"))
CA = CERTIFICATES / "ca.pem"
DEADLINE = 20
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def body(size):
    line = b"Hello, world\n"
    return (line * (size // len(line) + 1))[:size]


def credentials(name):
    return [CERTIFICATES / f"{name}.pem", CERTIFICATES / f"{name}.key"]


def start(*options, names=(), command=(), credential="server-p256"):
    more = [part for name, of in names for part in (name, *credentials(of))]
    return Server([*command, PROGRAM, *options, *credentials(credential), *more])


def client_context(tls=None, verify=True):
    context = ssl.create_default_context(cafile=CA) if verify else ssl._create_unverified_context()
    if tls:
        context.minimum_version = context.maximum_version = VERSIONS[tls]
    return context


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)


def secured(server, tls=None, name="localhost", context=None, session=None):
    """A TLS connection. Its end without a close_notify is an error, as it should be."""
    return (context or client_context(tls)).wrap_socket(
        connect(server), server_hostname=name, suppress_ragged_eofs=False, session=session)


def request(size, *fields, method="GET"):
    lines = [f"{method} /{size} HTTP/1.1", "Host: localhost", *fields, "", ""]
    return "\r\n".join(lines).encode()


class Reader:
    """Responses from a connection, one after the other."""

    def __init__(self, connection):
        self.connection, self._buffer = connection, bytearray()  # grows without a copy of the whole

    def _more(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError("the server has closed")
        self._buffer += data

    def head(self):
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:])

    def response(self):
        """(status, fields, body)"""
        status, fields = self.head()
        length = int(fields.get("Content-Length", 0))
        while len(self._buffer) < length:
            self._more()
        found = bytes(self._buffer[:length])
        del self._buffer[:length]
        return status, fields, found

    def ends(self):
        """Whether nothing comes any more, properly closed."""
        return not self._buffer and self.connection.recv(1) == b""


def ask(connection, size):
    """One request and its whole response."""
    connection.sendall(request(size))
    return Reader(connection).response()


def is_served(server, size=1024, tls=None):
    """A whole connection; tells how long it took."""
    begun = time.monotonic()
    with secured(server, tls) as connection:
        status, _, found = ask(connection, size)
        if (status, found) != (200, body(size)):
            raise AssertionError(f"status {status}, {len(found)} bytes")
        connection.unwrap().close()
    return time.monotonic() - begun


def closed_by_peer(connection):
    """Waits for the end of a bare socket, whatever comes before."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def until(condition, what):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never came: {what}")
        time.sleep(0.02)


def served(server):
    """Stops a server and reads its last line: {what: count}."""
    status = server.process.poll()
    if status is None:
        status = server.stop()
    line = server.errors()
    words = line.replace(",", "").split()
    if status != 0 or words[:1] != ["served:"]:
        raise AssertionError(f"exit status {status}: {line}")
    return {"connections": int(words[1]), "handshakes": int(words[3]), "resumed": int(words[5]),
            "requests": int(words[9])}


__all__ = [name for name in dir() if not name.startswith("_")]
_ = free_port
