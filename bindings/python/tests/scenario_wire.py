"""A session over a blocking socket, with spans in pieces or bound to it; for scenario_runner.py."""

import socket

import report  # finds the package
import spantls
from spantls import Status, TlsError


class SpanWire:
    """Moves the bytes itself, at most `chunk` in a call."""

    def __init__(self, context, sock, chunk, name):
        self.session, self.sock, self.chunk = spantls.Session(context, name), sock, chunk
        self.inbox = bytearray()
        self.room = bytearray(min(chunk, 20000))
        self.ended = False

    def _send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass  # reading tells more

    def _recv(self, most):
        """Nothing at the end of the transport."""
        try:
            return self.sock.recv(most)
        except OSError:
            return b""

    def _receive(self):
        """False at the end, which the session then knows."""
        if not self.ended:
            data = self._recv(min(self.chunk, 65536))
            self.inbox += data
            self.ended = not data
        if self.ended:
            self.session.end_of_input()
        return not self.ended

    def drain(self):
        status = Status.WANT_WRITE
        while status == Status.WANT_WRITE:
            status, written = self.session.drain_pending_output(self.room)
            self._send(self.room[:written])

    def _step(self, function):
        try:
            status, consumed, written = function()
        except TlsError as error:
            del self.inbox[:error.consumed]
            self._send(self.room[:error.written])
            self.drain()
            raise
        del self.inbox[:consumed]
        return status, written

    def handshake(self):
        """COMPLETE, or a question."""
        while True:
            shown = bytes(self.inbox)
            status, written = self._step(lambda: self.session.process_handshake(shown, self.room))
            self._send(self.room[:written])
            if status == Status.WANT_READ:
                self._receive()
            elif status != Status.WANT_WRITE:
                return status

    def read(self, most):
        """(status, data)."""
        room = memoryview(bytearray(min(most, self.chunk)))
        while True:
            shown = bytes(self.inbox)
            status, written = self._step(lambda: self.session.decrypt(shown, room))
            if self.session.has_pending_output:
                self.drain()
            if written:
                return Status.COMPLETE, bytes(room[:written])
            if status == Status.WANT_READ:
                self._receive()
            elif status not in (Status.COMPLETE, Status.WANT_WRITE):
                return status, b""

    def write(self, data):
        room, data = bytearray(max(64, min(self.chunk, 20000))), memoryview(data)
        while True:
            status, consumed, written = self.session.encrypt(data, room)
            self._send(room[:written])
            data = data[consumed:]
            if status == Status.COMPLETE and not data:
                return

    def _emit(self, function):
        room, status = bytearray(1000), Status.WANT_WRITE
        while status == Status.WANT_WRITE:
            status, written = function(room)
            self._send(room[:written])

    def close(self):
        self._emit(self.session.shutdown)

    def request_certificate(self):
        self._emit(self.session.request_client_certificate)

    def update_keys(self):
        self._emit(lambda room: self.session.update_keys(True, room))

    def linger(self):
        """Waits for the peer's end: a reset would overtake an alert."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
            while self.sock.recv(65536):
                pass
        except OSError:
            pass  # the peer is gone already
        self.sock.close()


class BoundWire(SpanWire):
    """The session moves them."""

    def __init__(self, context, sock, chunk, name):
        self.session, self.sock, self.chunk = spantls.Session(context, name, socket=sock), sock, chunk

    def drain(self):
        if not self.session.has_pending_output:
            return
        if spantls.State.PEER_CLOSED in self.session.state:  # in TLS 1.2 nothing is written any more, and the answer is ours
            self._finish()
        else:
            self.session.write()

    def handshake(self):
        try:
            return self.session.handshake()
        except TlsError:
            self._finish()
            raise

    def _finish(self):
        try:
            self.session.close_notify()
        except TlsError:
            pass  # the failure is told

    def read(self, most):
        room = bytearray(min(most, self.chunk))
        try:
            status, count = self.session.read(room)
        except TlsError as error:
            if error.status in (Status.PROTOCOL_ERROR, Status.PEER_ALERT, Status.AUTHENTICATION_FAILED):
                self._finish()
            raise
        self.drain()
        return status, bytes(room[:count])

    def write(self, data):
        data = memoryview(data)
        while data or self.session.has_pending_output:
            _, taken = self.session.write(data[:self.chunk])
            data = data[taken:]

    def close(self):
        self.session.close_notify()

    def request_certificate(self):
        self.session.request_client_certificate()

    def update_keys(self):
        self.session.update_keys(True)
