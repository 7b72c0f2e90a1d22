"""The engine behind spantls.ssl: what ssl.SSLObject and ssl.SSLSocket expect of _ssl._SSLSocket, over a session."""

from __future__ import annotations

import ipaddress
import os
import select
import socket as _socket
import ssl
import threading
import weakref
from typing import Any, Dict, List, Optional, Tuple, Union

from . import _certificates, _ssl_errors
from ._errors import Alert, ChannelBinding, Offers, PolicyErrors, Protocol, State, Status, TlsError
from ._session import Session

_ROOM = 16384 + 2304
_HANDSHAKE_ROOM = 20000
_TAKE = 131072
_DONTWAIT = getattr(_socket, "MSG_DONTWAIT", 0)

SUITES: Dict[int, Tuple[str, int]] = {
    0x1301: ("TLS_AES_128_GCM_SHA256", 128), 0x1302: ("TLS_AES_256_GCM_SHA384", 256),
    0x1303: ("TLS_CHACHA20_POLY1305_SHA256", 256), 0xC02B: ("ECDHE-ECDSA-AES128-GCM-SHA256", 128),
    0xC02C: ("ECDHE-ECDSA-AES256-GCM-SHA384", 256), 0xCCA9: ("ECDHE-ECDSA-CHACHA20-POLY1305", 256),
    0xC02F: ("ECDHE-RSA-AES128-GCM-SHA256", 128), 0xC030: ("ECDHE-RSA-AES256-GCM-SHA384", 256),
    0xCCA8: ("ECDHE-RSA-CHACHA20-POLY1305", 256),
}


def suite(number: int) -> Tuple[str, str, int]:
    name, bits = SUITES[number]
    return name, "TLSv1.3" if number < 0x1400 else "TLSv1.2", bits


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


class Policy:
    """Whom a connection lets in. Like OpenSSL it is what the context said when the connection was made: neither a change of the
    context nor another one (by the SNI callback) makes it laxer."""

    def __init__(self, context: Any) -> None:
        self.verify_mode = context.verify_mode
        self.check_hostname = context.check_hostname
        self.verify_flags = context.verify_flags
        self.post_handshake_auth = context.post_handshake_auth
        self.protocols: int = context._protocols()

    def asks(self, hello: Any) -> Any:
        """Whether the client of this ClientHello is asked for a certificate in the handshake: what is to come behind it is for
        TLS 1.3 alone."""
        later = self.post_handshake_auth and self.protocols & Protocol.TLS13 and hello.offers & Offers.TLS13
        return ssl.CERT_NONE if later else self.verify_mode


class Engine:
    """One connection. Reads and writes may run in two threads at once, as the session's halves do."""

    def __init__(self, context: Any, transport: Any, server_side: bool, server_hostname: Optional[str],
                 owner: Any) -> None:
        self._context = context
        self._policy = Policy(context)
        self._judge_by = context  # whose anchors the session has
        self._transport = transport
        self.server_side = server_side
        self.server_hostname = server_hostname
        self._owner = None if owner is None else weakref.ref(owner)
        self._inbox: Union[bytes, bytearray] = b""  # bytes as long as it is one piece
        self._first = b""
        self._plain = bytearray()
        self._out = bytearray()  # ciphertext that the transport has not taken
        self._held = False  # it is tickets, which can wait
        self._taken = 0  # plaintext behind it that write() has not told of
        self._writing = threading.RLock()
        self._reading = threading.RLock()
        self._shaking = threading.RLock()  # before the others
        self._done = False
        self._over = False  # the peer says nothing more
        self._failure: Optional[TlsError] = None
        self._shared: Optional[List[Tuple[str, str, int]]] = None
        self._judged = False
        self.session_obj: Any = None
        self._process = os.getpid()
        engine, self._anchored = context._engine(server_side, self._policy)
        context._count("accept" if server_side else "connect")
        self._session = Session(engine)
        if server_hostname and not server_side:
            self._set_name(server_hostname)

    def _set_name(self, name: str) -> None:
        try:
            self._session.set_target_host_name(name)
        except (TlsError, UnicodeError) as error:
            if self._policy.check_hostname:
                raise ValueError(f"server_hostname {name!r} is neither a DNS name nor an IP address") from error

    # Attributes that ssl reads and sets

    @property
    def context(self) -> Any:
        return self._context

    @context.setter
    def context(self, value: Any) -> None:
        if not isinstance(value, ssl.SSLContext):
            raise TypeError("The value must be a SSLContext")
        self._context = value

    @property
    def owner(self) -> Any:
        return self._owner() if self._owner is not None else None

    @owner.setter
    def owner(self, value: Any) -> None:
        self._owner = None if value is None else weakref.ref(value)

    @property
    def session(self) -> Any:
        return None

    @session.setter
    def session(self, value: Any) -> None:
        if value is not None:
            raise TypeError("Value is not a SSLSession.")

    @property
    def session_reused(self) -> bool:
        return bool(self._session.state & State.RESUMED)

    # Bytes

    def _flush(self) -> bool:
        """Sends what is kept; whether all of it is gone."""
        with self._writing:
            while self._out:
                with memoryview(self._out) as view:
                    count = self._transport.send(view)
                if count == 0:
                    return False
                del self._out[:count]
            return True

    def _drain(self) -> None:
        """Takes what the session owes the peer."""
        with self._writing:
            room = bytearray(1024)
            status = Status.WANT_WRITE
            while status == Status.WANT_WRITE:
                status, written = self._session.drain_pending_output(room)
                self._out += room[:written]

    def _fill(self) -> bool:
        """Receives what is missing of a record; False at the end. Raises SSLWantReadError where there is nothing yet. From a
        socket nothing behind the record, as OpenSSL has it: who waits for it to become readable waits for all that is left."""
        have = len(self._inbox)
        most = 5 - have if have < 5 else max(1, 5 + int.from_bytes(self._inbox[3:5], "big") - have)
        data = self._transport.receive(most)
        if data is None:
            raise _ssl_errors.want_read()
        if not self._first:
            self._first = data[:5]
        if self._inbox:
            self._grown().extend(data)
        else:
            self._inbox = data
        return bool(data)

    def _grown(self) -> bytearray:
        """What was received, as an object that can change."""
        if not isinstance(self._inbox, bytearray):
            self._inbox = bytearray(self._inbox)
        return self._inbox

    def _used(self, count: int) -> None:
        """So many received bytes are not needed any more."""
        if count == len(self._inbox):
            self._inbox = b""
        elif count:
            del self._grown()[:count]

    def _last_words(self) -> None:
        """Sends the alert of a failure, as far as the transport takes it."""
        try:
            self._drain()
            self._flush()
        except (OSError, TlsError):
            pass  # the failure itself is told; the peer is gone

    # The handshake

    def do_handshake(self) -> None:
        with self._shaking:
            self._shake_hands()

    def _shake_hands(self) -> None:
        if self._failure is not None:
            raise self._translated(self._failure)
        room = bytearray(_HANDSHAKE_ROOM)
        while True:
            if not self._flush():
                raise _ssl_errors.want_write()
            if self._done:
                return
            try:
                status, consumed, written = self._session.process_handshake(self._inbox, room)
            except TlsError as error:
                self._out += room[:error.written]
                self._last_words()
                raise self._failed(error) from None
            self._used(consumed)
            self._out += room[:written]
            if status == Status.COMPLETE:
                self._done = True
                self._context._count("accept_good" if self.server_side else "connect_good")
                if self.session_reused:
                    self._context._count("hits")
                if self.server_side and self._session.negotiated_protocol == Protocol.TLS13:
                    # They go with the first answer, or when the client has said something: one that goes away at once would find
                    # them unread, and reset the connection.
                    self._held = bool(self._out)
                    return
            elif status == Status.WANT_READ:
                if self._flush() and not self._fill():
                    raise self._ended()
            elif status != Status.WANT_WRITE:
                self._answer(status)

    def _ended(self) -> Exception:
        try:
            self._session.end_of_input()
        except TlsError as error:
            return self._failed(error)
        return _ssl_errors.eof()

    def _failed(self, error: TlsError) -> Exception:
        self._failure = error
        return self._translated(error)

    def _translated(self, error: TlsError) -> Exception:
        if error.status == Status.AUTHENTICATION and self._judged and error.alert_received is None:
            chain = self._session.remote_certificates
            if chain:
                return _ssl_errors.verification(error, self.server_hostname, _is_ip(self.server_hostname),
                                                _certificates.is_self_signed(chain[0]))
        return _ssl_errors.translate(error, self._first)

    def _answer(self, status: Status) -> None:
        if status == Status.NEEDS_CERTIFICATE_VALIDATION:
            self._judge()
        elif status == Status.WANT_CREDENTIALS:
            self._session.set_client_credentials(None)
        elif status == Status.NEEDS_SERVER_OPTIONS:
            self._choose()
        else:
            raise _ssl_errors.make("INTERNAL_ERROR", f"the engine asks for {status.name}")

    def _choose(self) -> None:
        """The server's context, by the ClientHello: ssl's SNI callback, and ALPN that does not insist."""
        hello = self._session.client_hello
        chosen = self._context
        callback = chosen.sni_callback
        if callback is not None:
            alert = _ask(callback, self.owner or self, hello.server_name, chosen)
            if alert is not None:
                self._session.reject(alert)
                return
            chosen = self._context
        engine, self._anchored = chosen._server_engine(hello, self._policy)
        self._judge_by = chosen
        self._shared = [suite(number) for number in hello.cipher_suites if number in chosen._suites()]
        self._session.set_server_context(engine)

    def _judge(self) -> None:
        session, context, policy = self._session, self._judge_by, self._policy
        self._judged = True
        chain = session.remote_certificates
        if policy.verify_mode == ssl.CERT_NONE or not chain:
            must_show = policy.verify_mode == ssl.CERT_REQUIRED and not chain
            session.set_certificate_validation_result(PolicyErrors.NOT_AVAILABLE if must_show else 0)
            return
        errors = session.default_policy_errors
        if policy.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF and not context._crls:
            session.reject_certificate(Alert.CERTIFICATE_UNKNOWN)
        elif context._trusts_itself(chain[0], self.server_side, policy.verify_flags):
            # No authority, so the engine has not been told of it.
            errors &= ~PolicyErrors.CHAIN_ERRORS
            refused = bool(errors and policy.check_hostname)
            session.set_certificate_validation_result(errors if refused else 0)
        elif not self._anchored:
            session.reject_certificate(Alert.UNKNOWN_CA)
        elif errors & ~PolicyErrors.NAME_MISMATCH or (errors and policy.check_hostname):
            session.accept_with_default_validation()
        else:
            session.set_certificate_validation_result(0)
            context._verified(chain)

    # Data

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

    def verify_client_post_handshake(self) -> None:
        if not self.server_side:
            raise _ssl_errors.make("NOT_SERVER", "not server")
        if self._policy.verify_mode == ssl.CERT_NONE:
            raise _ssl_errors.make("INVALID_CONFIG", "invalid config")
        with self._writing:
            room = bytearray(65536)
            try:
                _, written = self._session.request_client_certificate(room)
            except TlsError as error:
                reason = "WRONG_SSL_VERSION" if self._session.negotiated_protocol == 0x0C00 else "EXTENSION_NOT_RECEIVED"
                reason = reason if error.status == Status.NOT_SUPPORTED else error.status.name
                raise _ssl_errors.make(reason, f"{reason.lower().replace('_', ' ')}: {error.message}") from None
            self._out += room[:written]
            self._flush()

    # What it tells

    def _chain(self) -> List[bytes]:
        if not self._done:
            raise ValueError("handshake not done yet")
        return self._session.remote_certificates

    def getpeercert(self, binary_form: bool = False) -> Any:
        chain = self._chain()
        if not chain:
            return None
        if binary_form:
            return chain[0]
        return _certificates.decode(chain[0]) if self._context.verify_mode != ssl.CERT_NONE else {}

    def get_unverified_chain(self) -> Any:
        return tuple(_certificates.Certificate(der) for der in self._chain()) or None

    def get_verified_chain(self) -> Any:
        """What was verified, the anchor at its end; not what the peer has sent besides."""
        chain = self._chain()
        if not chain or self._policy.verify_mode == ssl.CERT_NONE:
            return None
        path = _certificates.path(chain, self._judge_by._anchors_of_paths())
        return tuple(_certificates.Certificate(der) for der in path)

    def selected_alpn_protocol(self) -> Optional[str]:
        return self._session.negotiated_alpn

    def selected_npn_protocol(self) -> None:
        return None

    def compression(self) -> None:
        return None

    def cipher(self) -> Optional[Tuple[str, str, int]]:
        number = self._session.negotiated_cipher_suite
        return suite(number) if number else None

    def shared_ciphers(self) -> Optional[List[Tuple[str, str, int]]]:
        return self._shared

    def version(self) -> Optional[str]:
        return {0x0C00: "TLSv1.2", 0x3000: "TLSv1.3"}.get(self._session.negotiated_protocol)

    def get_channel_binding(self, cb_type: str = "tls-unique") -> Optional[bytes]:
        kinds = {"tls-unique": ChannelBinding.UNIQUE, "tls-server-end-point": ChannelBinding.ENDPOINT,
                 "tls-exporter": ChannelBinding.EXPORTER}
        if cb_type not in kinds:
            raise ValueError(f"'{cb_type}' channel binding type not implemented")
        if not self._done:
            return None
        try:
            return self._session.channel_binding(kinds[cb_type])
        except TlsError as error:
            if error.status == Status.NOT_SUPPORTED:
                return None
            raise _ssl_errors.translate(error) from None


def _is_ip(name: Optional[str]) -> bool:
    try:
        ipaddress.ip_address(name or "")
    except ValueError:
        return False
    return True


def _ask(callback: Any, owner: Any, name: Optional[str], context: Any) -> Optional[int]:
    """Calls ssl's SNI callback; the alert to refuse with, or None."""
    try:
        answer = callback(owner, name, context)
    except BaseException as error:  # as ssl: also what would end the program
        _unraisable(error)
        return Alert.HANDSHAKE_FAILURE
    if answer is None:
        return None
    if not isinstance(answer, int):
        _unraisable(TypeError(f"the SNI callback returned {type(answer).__name__}, not int or None"))
        return Alert.INTERNAL_ERROR
    ends = 0 < answer < 256 and answer != Alert.USER_CANCELED
    return int(answer) if ends else Alert.INTERNAL_ERROR


class _Unraisable:
    """Its end raises an exception that the interpreter reports to sys.unraisablehook: nobody else can make the hook's argument."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __del__(self) -> None:
        raise self._error


def _unraisable(error: BaseException) -> None:
    _Unraisable(error)
