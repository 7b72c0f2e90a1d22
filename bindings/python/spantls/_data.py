"""Data over an open connection, and its end."""

from __future__ import annotations

import operator
import os
from typing import Any, Optional

from . import _ssl_errors
from ._errors import TlsError
from ._handshaking import Handshaking
from ._native import Status
from ._transport import Patience, Wire

_ROOM = 16384 + 2304
_RECORD = 16384
_TAKE = 131072


class Data(Handshaking):
    def pending(self) -> int:
        return len(self._plain)

    def read(self, length: int = 1024, buffer: Any = None) -> Any:
        """bytes, or with a buffer their number; nothing at the peer's close_notify."""
        length = operator.index(length)
        if buffer is not None:
            view = memoryview(buffer).cast("B")
            if view.readonly:
                raise TypeError(f"read() argument 2 must be read-write bytes-like object, not {type(buffer).__name__}")
            if length <= 0 or length > len(view):
                length = len(view)
        elif length < 0:
            raise ValueError("size should not be negative")
        if length == 0:
            return b"" if buffer is None else 0
        patience = self._transport.patience("read")
        if not self._done:
            self._shake_hands(patience)
        with self._reading:
            self._must_work()
            if self._plain:
                data = bytes(self._plain[:length])
                del self._plain[:length]
                return data if buffer is None else self._into(view, data)
            if buffer is not None and length >= _ROOM:
                return self._open_more(view, patience)
            room = bytearray(_ROOM)
            written = self._open_more(room, patience)
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

    def _open_more(self, room: Any, patience: Optional[Patience]) -> int:
        """As _open(); where both sides have closed, ssl raises an exception."""
        written = self._open(room, patience)
        if not written and self._closed:
            raise _ssl_errors.zero_return()
        return written

    def _open(self, room: Any, patience: Optional[Patience]) -> int:
        """Opens records into `room`; 0 at the peer's close_notify."""
        session = self._session
        while True:
            # Rooms are large enough that the session holds nothing: without input there is nothing to ask it.
            if not self._inbox and not self._over and not self._fill(patience):
                raise self._ended()
            try:
                status, consumed, written = session.decrypt(self._inbox, room)
            except TlsError as error:
                self._over = True
                self._used(error.consumed)
                self._last_words(patience)
                raise self._failed(error) from None
            if consumed:
                self._used(consumed)
                # A record of data is at most 29 bytes longer than its data. What asks for an answer is a record of its own.
                owed = (not written or consumed - written > 29) and session.has_pending_output
                if owed or (self._held and written):
                    self._answer_peer(patience, bool(written))
            if written:
                return written
            if status == Status.CLOSED:
                self._over = True
                return 0
            if status == Status.NEEDS_CERTIFICATE_VALIDATION:
                self._judge()
            elif status == Status.WANT_READ and not self._fill(patience):
                raise self._ended()

    def _answer_peer(self, patience: Optional[Patience], has_data: bool) -> None:
        """Sends what is owed, unless a writer is about to. What was received is not lost where no one listens any more: the next
        write raises that."""
        if not self._writing.acquire(blocking=False):
            return
        try:
            self._drain()
            self._held = False
            self._flush(patience)
        except OSError:
            if not has_data:
                raise
        finally:
            self._writing.release()

    def write(self, data: Any) -> int:
        """Sends everything. When the transport is full, the same data must be given again, as to OpenSSL: what was
        taken of it is remembered."""
        patience = self._transport.patience("write")
        if not self._done:
            self._shake_hands(patience)
        with self._writing:
            self._must_work()
            view = None if type(data) is bytes else _bytes_of(data)
            if self._taken > len(data if view is None else view):
                raise _ssl_errors.make("BAD_LENGTH", "bad length: less data than in the call that would have blocked")
            if self._out and not self._held and not self._flush(patience):
                raise _ssl_errors.want_write()
            self._held = False
            # The usual case without a view, which would cost as much as sealing some KiB.
            if view is None and not self._taken and 0 < len(data) <= _TAKE:
                self._seal(data, patience)
                if self._taken == len(data):
                    self._taken = 0
                    return len(data)
            view = memoryview(data) if view is None else view
            while self._taken < len(view):
                self._seal(view[self._taken:self._taken + _TAKE], patience)
            self._taken = 0
            return len(view)

    def _room_for(self, size: int) -> int:
        """What one record adds is asked once: asking costs as much as sealing a KiB. Where there is too little room, the rest is sealed
        by the next call."""
        if size > _RECORD:
            return self._session.ciphertext_size(size)
        self._added = self._session.ciphertext_size(1)
        return size + self._added

    def _seal(self, plaintext: Any, patience: Optional[Patience]) -> None:
        size = len(plaintext)
        room = bytearray(size + self._added if self._added and size <= _RECORD else self._room_for(size))
        try:
            _, consumed, written = self._session.encrypt(plaintext, room)
        except TlsError as error:
            self._last_words(patience)
            if error.status == Status.INVALID_STATE:
                raise _ssl_errors.make("PROTOCOL_IS_SHUTDOWN", "protocol is shutdown") from None
            raise _ssl_errors.translate(error) from None
        self._taken += consumed
        sealed = memoryview(room)[:written]
        if self._out:
            self._out += sealed
            if not self._flush(patience):
                raise _ssl_errors.want_write()
            return
        try:
            sent = self._transport.send(sealed, patience)
        except OSError:  # a timeout, after which the caller may try again
            self._out += sealed
            raise
        if sent < written:
            self._out += sealed[sent:]
            if not self._flush(patience):
                raise _ssl_errors.want_write()

    def leave(self) -> None:
        """The socket is closed next. With a server's tickets unread that would be a reset, which can overtake what was sent last and
        take it from the peer; behind the end it takes nothing. In a process that was forked the connection is the parent's."""
        if self._done and not self.server_side and isinstance(self._transport, Wire) and os.getpid() == self._process:
            self._transport.end()

    def shutdown(self) -> Any:
        """Sends close_notify and waits for the peer's."""
        patience = self._transport.patience("write")
        with self._writing:
            if not self._done or self._lost or self._failure is not None:
                raise _ssl_errors.make("SHUTDOWN_WHILE_IN_INIT", "shutdown while in init")
            room = bytearray(256)
            _, written = self._session.shutdown(room)
            self._out += room[:written]
            self._closed = True
            if not self._flush(patience):
                raise _ssl_errors.want_write()
        if patience is not None:
            patience.becomes("read")
        with self._reading:
            self._must_work()
            if self._plain or self._open(bytearray(_ROOM), patience):
                self._lost = True
                raise _ssl_errors.make("APPLICATION_DATA_AFTER_CLOSE_NOTIFY", "application data after close notify")
        return self._transport.socket()


def _bytes_of(data: Any) -> memoryview:
    """The bytes of any buffer; with ssl's texts for what has none."""
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None
    if not view.c_contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return view.cast("B")
