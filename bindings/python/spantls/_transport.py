"""What is below a connection of spantls.ssl: two memory BIOs, or a socket. And how long an operation waits for it."""

from __future__ import annotations

import _socket
import errno
import os
import select
import time
import weakref
from typing import Any, Optional

_DONTWAIT = getattr(_socket, "MSG_DONTWAIT", 0)


class Patience:
    """How long one operation may wait, however often it does: the time-out of its socket, counted from its begin."""

    __slots__ = ("_operation", "_until")

    def __init__(self, operation: str, timeout: float) -> None:
        """`operation` is named in the exception."""
        self._operation = operation
        self._until = time.monotonic() + timeout

    def left(self) -> float:
        """Seconds; raises TimeoutError, with ssl's text, when there is none."""
        left = self._until - time.monotonic()
        if left <= 0:
            self.run_out()
        return left

    def becomes(self, operation: str) -> None:
        """The same time holds for what comes next."""
        self._operation = operation

    def run_out(self) -> None:
        raise TimeoutError(f"The {self._operation} operation timed out")


class Bio:
    """The transport of an SSLObject: two memory BIOs, ours or ssl's."""

    def __init__(self, incoming: Any, outgoing: Any) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def patience(self, operation: str) -> Optional[Patience]:
        """Memory is never waited for."""
        return None

    def socket(self) -> None:
        """There is none."""

    def receive(self, most: int, _: Optional[Patience]) -> Optional[bytes]:
        """b"" is the end; None: nothing is there yet. No more than `most`: loops look at what is left."""
        data: bytes = self.incoming.read(most)
        return data if data or self.incoming.eof else None

    def send(self, data: Any, _: Optional[Patience]) -> int:
        return int(self.outgoing.write(data))


class Wire:
    """The transport of an SSLSocket: the plain socket below it. Called past all classes above that of the module _socket: they may
    override its methods, and pretend that it blocks."""

    def __init__(self, sock: Any) -> None:
        self._sock = weakref.ref(sock)

    def socket(self) -> Any:
        sock = self._sock()
        if sock is None or sock.fileno() < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return sock

    def patience(self, operation: str) -> Optional[Patience]:
        """None: the socket blocks for ever, or not at all."""
        timeout = _socket.socket.gettimeout(self.socket())
        return Patience(operation, timeout) if timeout else None

    def receive(self, most: int, patience: Optional[Patience]) -> Optional[bytes]:
        sock = self.socket()
        while True:
            try:
                # With a time-out the descriptor does not block, but recv() would wait once more.
                return os.read(sock.fileno(), most) if patience else _socket.socket.recv(sock, most)
            except BlockingIOError:
                if patience is None:
                    return None
                _wait(sock, False, patience)

    def send(self, data: Any, patience: Optional[Patience]) -> int:
        """What the socket took; 0 when it is full."""
        sock = self.socket()
        while True:
            try:
                return os.write(sock.fileno(), data) if patience else _socket.socket.send(sock, data)
            except BlockingIOError:
                if patience is None:
                    return 0
                _wait(sock, True, patience)

    def end(self) -> None:
        """Sends close_notify, and discards unread data, 64 KiB at most."""
        try:
            sock = self.socket()
            blocks = _socket.socket.gettimeout(sock) is None
            _socket.socket.shutdown(sock, _socket.SHUT_WR)
            for _ in range(4 if _DONTWAIT or not blocks else 0):
                if not (_socket.socket.recv(sock, 16384, _DONTWAIT) if blocks else os.read(sock.fileno(), 16384)):
                    break
        except OSError:
            pass  # no one is there, or nothing has come


def _wait(sock: Any, writes: bool, patience: Patience) -> None:
    """Until the socket is ready, or the operation's time is over."""
    left = patience.left()
    if hasattr(select, "poll"):
        waiting = select.poll()
        waiting.register(sock.fileno(), select.POLLOUT if writes else select.POLLIN)
        ready = bool(waiting.poll(int(left * 1000) + 1))
    else:
        ready = any(select.select([] if writes else [sock], [sock] if writes else [], [], left))
    if not ready:
        patience.run_out()
