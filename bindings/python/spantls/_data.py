"""Data over an open connection, and its end."""

from __future__ import annotations

import os
import ssl
from typing import Any

from . import _ssl_errors
from ._errors import State, Status, TlsError
from ._handshaking import Handshaking
from ._transport import Wire

_ROOM = 16384 + 2304
_TAKE = 131072


class Data(Handshaking):
    def pending(self) -> int:
        return len(self._plain)

    def read(self, length: int = 1024, buffer: Any = None) -> Any:
        """bytes, or with a buffer their number; nothing at the peer's close_notify."""
        if buffer is not None:
            view = memoryview(buffer).cast("B")
            if length <= 0 or length > len(view):
                length = len(view)
        elif length < 0:
            raise ValueError("size should not be negative")
        if length == 0:
            return b"" if buffer is None else 0
        if not self._done:
            self.do_handshake()
        with self._reading:
            if self._plain:
                data = bytes(self._plain[:length])
                del self._plain[:length]
                return data if buffer is None else self._into(view, data)
            if buffer is not None and length >= _ROOM:
                return self._open_more(view)
            room = bytearray(_ROOM)
            written = self._open_more(room)
            if written > length:
                self._plain += memoryview(room)[length:written]
                written = length
            if buffer is not None:
                return self._into(view, memoryview(room)[:written])
            return bytes(memoryview(room)[:written])

    @staticmethod
    def _into(view: Any, data: Any) -> int:
        view[:len(data)] = data
        return len(data)

    def _open_more(self, room: Any) -> int:
        """As _open(); where both sides have closed, ssl raises an exception."""
        written = self._open(room)
        if not written and self._session.state & State.SHUTDOWN_SENT:
            raise _ssl_errors.zero_return()
        return written

    def _open(self, room: Any) -> int:
        """Opens records into `room`; 0 at the peer's close_notify."""
        session = self._session
        while True:
            # Rooms are large enough that the session holds nothing: without input there is nothing to ask it.
            if not self._inbox and not self._over and not self._fill():
                raise self._ended()
            try:
                status, consumed, written = session.decrypt(self._inbox, room)
            except TlsError as error:
                self._over = True
                self._used(error.consumed)
                self._last_words()
                raise self._failed(error) from None
            if consumed:
                self._used(consumed)
                # A record of data is at most 29 bytes longer than its data. What asks for an answer is a record of its own.
                owed = (not written or consumed - written > 29) and session.has_pending_output
                if (owed or (self._held and written)) and self._writing.acquire(blocking=False):
                    try:
                        self._drain()
                        self._flush()
                        self._held = False
                    finally:
                        self._writing.release()
            if written:
                return written
            if status == Status.CLOSED:
                self._over = True
                self._transport.give_back(self._inbox)
                self._inbox = b""
                return 0
            if status == Status.NEEDS_CERTIFICATE_VALIDATION:
                self._judge()
            elif status == Status.WANT_READ and not self._fill():
                raise self._ended()

    def write(self, data: Any) -> int:
        """Sends everything. When the transport is full, the same data must be given again, as to OpenSSL: what was
        taken of it is remembered."""
        if not self._done:
            self.do_handshake()
        with self._writing:
            if self._out and not self._held and not self._flush():
                raise _ssl_errors.want_write()
            self._held = False
            # The usual case without a view, which would cost as much as sealing some KiB.
            if type(data) is bytes and not self._taken and 0 < len(data) <= _TAKE:
                self._seal(data)
                if self._taken == len(data):
                    self._taken = 0
                    return len(data)
            view = memoryview(data).cast("B")
            if self._taken > len(view):
                raise _ssl_errors.make("BAD_LENGTH", "bad write retry: less data than before")
            while self._taken < len(view):
                self._seal(view[self._taken:self._taken + _TAKE])
            self._taken = 0
            return len(view)

    def _seal(self, plaintext: Any) -> None:
        size = len(plaintext)
        room = bytearray(size + (size // 16384 + 1) * 32 + 128)
        try:
            _, consumed, written = self._session.encrypt(plaintext, room)
        except TlsError as error:
            self._last_words()
            if error.status == Status.INVALID_STATE and self._session.state & (
                    State.SHUTDOWN_SENT | State.PEER_CLOSED):
                raise _ssl_errors.make("PROTOCOL_IS_SHUTDOWN", "protocol is shutdown",
                                       ssl.SSL_ERROR_ZERO_RETURN, ssl.SSLZeroReturnError) from None
            raise _ssl_errors.translate(error) from None
        self._taken += consumed
        sealed = memoryview(room)[:written]
        if self._out:
            self._out += sealed
            if not self._flush():
                raise _ssl_errors.want_write()
            return
        try:
            sent = self._transport.send(sealed)
        except OSError:  # a timeout, after which the caller may try again
            self._out += sealed
            raise
        if sent < written:
            self._out += sealed[sent:]
            if not self._flush():
                raise _ssl_errors.want_write()

    def leave(self) -> None:
        """The socket is closed next. With a server's tickets unread that would be a reset, which can overtake what was sent last and
        take it from the peer; behind the end it takes nothing. In a process that was forked the connection is the parent's."""
        if self._done and not self.server_side and isinstance(self._transport, Wire) and os.getpid() == self._process:
            self._transport.end()

    def shutdown(self) -> Any:
        """Sends close_notify and waits for the peer's."""
        if not self._done:
            raise _ssl_errors.make("UNINITIALIZED", "the handshake is not done")
        with self._writing:
            room = bytearray(256)
            if self._failure is None:
                _, written = self._session.shutdown(room)
                self._out += room[:written]
            if not self._flush():
                raise _ssl_errors.want_write()
        with self._reading:
            if self._failure is not None:
                raise self._translated(self._failure)
            if self._plain or self._open(bytearray(_ROOM)):
                raise _ssl_errors.make("APPLICATION_DATA_AFTER_CLOSE_NOTIFY", "application data after close notify")
        owner = self._transport._socket() if isinstance(self._transport, Wire) else None
        return owner
