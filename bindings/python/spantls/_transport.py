"""What is below a connection of spantls.ssl: two memory BIOs, or a socket."""

from __future__ import annotations

import select
import socket as _socket
import weakref
from typing import Any, Optional

_DONTWAIT = getattr(_socket, "MSG_DONTWAIT", 0)


class Bio:
    """The transport of an SSLObject: two memory BIOs, ours or ssl's."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def receive(self, _: int) -> Optional[bytes]:
        """b"" is the end; None: nothing is there yet. All that is there: what is not used is given back."""
        data: bytes = self.incoming.read()
        return data if data or self.incoming.eof else None

    def give_back(self, data: Any) -> None:
        """What lies behind the end of TLS."""
        if data and not self.incoming.eof:
            self.incoming.write(data)

    def send(self, data: Any) -> int:
        return int(self.outgoing.write(data))


class Wire:
    """The transport of an SSLSocket: the plain socket below it. Its timeout holds for each wait."""

    def __init__(self, sock: _socket.socket) -> None:
        self._sock = weakref.ref(sock)

    def _socket(self) -> _socket.socket:
        sock = self._sock()
        if sock is None or sock.fileno() < 0:
            raise OSError(9, "the socket is closed")
        return sock

    def receive(self, most: int) -> Optional[bytes]:
        try:
            return _socket.socket.recv(self._socket(), most)
        except BlockingIOError:
            return None

    def give_back(self, data: Any) -> None:
        """Nothing behind a record was received."""

    def end(self) -> None:
        """Sends the end, and throws away what has come and nobody reads, 64 KiB at most."""
        if not hasattr(select, "poll"):
            return
        try:
            sock = self._socket()
            sock.shutdown(_socket.SHUT_WR)
            waiting = select.poll()
            waiting.register(sock, select.POLLIN)
            for _ in range(4):
                if not waiting.poll(0) or not _socket.socket.recv(sock, 16384, _DONTWAIT):
                    break
        except OSError:
            pass  # nobody is there

    def send(self, data: Any) -> int:
        """What the socket took; 0 when it is full."""
        try:
            return _socket.socket.send(self._socket(), data)
        except BlockingIOError:
            return 0
