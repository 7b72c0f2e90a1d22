"""Sessions, over spans and over sockets."""

from __future__ import annotations

import ctypes
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

from ._context import Context, Credentials
from ._errors import TlsError
from ._facts import CertificateInfo, info_from
from ._handles import STATUSES, Handle, SessionHandle, create, error_from, optional, session_error
from ._library import lib
from ._native import (MAX_KEY_SHARES, CertificateField, KernelReason, Offers, PolicyErrors, Reason, SocketFlags, State, Status,
                      StrictRule, spantls_certificate_info_t, spantls_client_hello_info_t, spantls_error_t, spantls_part_t,
                      spantls_session_stats_t, spantls_span_t, spantls_validation_t)
from ._spans import host_name, input_span, output_span, spans_of

_size = ctypes.c_size_t
_Two = ctypes.c_size_t * 2
_Three = ctypes.c_size_t * 3
_byref = ctypes.byref
_WORD = ctypes.sizeof(ctypes.c_size_t)

_process_handshake = lib.tls_session_handshake
_encrypt = lib.tls_session_encrypt
_decrypt = lib.tls_session_decrypt

_HELLO_PARTS = [field[0] for field in spantls_client_hello_info_t._fields_ if field[1] is spantls_part_t]


class ClientHello(NamedTuple):
    """What a ClientHello says; the parts as bytes of the message, None where it has no such part."""

    message: bytes
    offers: Offers
    legacy_version: int
    key_share_groups: Tuple[int, ...]
    random: Optional[bytes]
    session_id: Optional[bytes]
    cipher_suites: Tuple[int, ...]
    extensions: Optional[bytes]
    server_name: Optional[str]
    supported_versions: Tuple[int, ...]
    supported_groups: Tuple[int, ...]
    signature_algorithms: Tuple[int, ...]
    signature_algorithms_cert: Tuple[int, ...]
    alpn: Tuple[bytes, ...]


class ValidationReport(NamedTuple):
    """spantls_validation_t: without Reason.INCOMPLETE, `reasons` are all that is wrong."""

    policy_errors: PolicyErrors
    reasons: Reason
    reason: Reason  # the one that decides the alert
    depth: Optional[int]  # of the certificate with that reason: 0 is the leaf
    alert: Optional[int]
    strict_rule: StrictRule
    message: str


class SessionStats(NamedTuple):
    """spantls_session_stats_t."""

    ciphertext_sent: int
    ciphertext_received: int
    plaintext_sent: int
    plaintext_received: int
    records_sent: int
    records_received: int
    key_updates_sent: int
    key_updates_received: int
    tickets_received: int
    handshake_nanoseconds: int
    server_options_nanoseconds: int
    credentials_nanoseconds: int
    validation_nanoseconds: int
    signature_nanoseconds: int
    receive_calls: int
    send_calls: int
    kernel_send: bool
    kernel_receive: bool
    kernel_reason: KernelReason
    kernel_os_error: int


class Session:
    """One connection. The calls take spans from any buffer object and return the status and their counts."""

    def __init__(self, context: Context, server_hostname: Optional[str] = None, *, socket: Any = None,
                 socket_flags: int = SocketFlags.BORROW) -> None:
        """Over spans; with `socket` (a socket object or a descriptor) bound to it, and then only the functions for
        sockets work. With SocketFlags.OWN detach the socket object."""
        self._socket = socket
        self._handle: Handle
        if socket is None:
            self._handle = create(SessionHandle, lib.tls_session_create, context._handle)
        else:
            if server_hostname is not None and socket_flags & SocketFlags.OWN:
                # A name that is refused must not cost the host its descriptor: where this fails it is still the host's.
                Session(context, server_hostname).close()
            number = socket if isinstance(socket, int) else socket.fileno()
            self._handle = create(SessionHandle, lib.tls_session_create_with_socket, context._handle, number,
                                  int(socket_flags))
        if server_hostname is not None:
            self.set_target_host_name(server_hostname)

    # Life

    def close(self) -> None:
        """Releases the session and wipes its keys; sends nothing. A call under way on another thread ends first."""
        self._handle = SessionHandle()
        self._socket = None

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fail(self, handle: Handle, status: int, consumed: int = 0, written: int = 0) -> TlsError:
        error = session_error(handle, status)
        error.consumed, error.written = consumed, written
        return error

    def _must(self, status: int) -> None:
        if status != 0:
            raise session_error(self._handle, status)

    def add_alpn(self, name: Union[str, bytes]) -> None:
        """Adds to the application protocols that this client offers in place of its context's."""
        raw = name.encode("ascii") if isinstance(name, str) else bytes(name)
        self._must(lib.tls_session_add_alpn(self._handle, raw, len(raw)))

    def set_target_host_name(self, name: str) -> None:
        self._must(lib.tls_session_set_target_host_name(self._handle, host_name(name)))

    # Spans

    def process_handshake(self, input: Any, output: Any) -> Tuple[Status, int, int]:
        """(status, consumed, written)."""
        handle, counts = self._handle, _Two()
        span, length = input_span(input)
        room, capacity = output_span(output)
        status = _process_handshake(handle, span, length, room, capacity, counts, _byref(counts, _WORD))
        if status < 0:
            del span, room  # the traceback would hold the buffers
            raise self._fail(handle, status, counts[0], counts[1])
        return STATUSES[status], counts[0], counts[1]

    def encrypt(self, plaintext: Any, ciphertext: Any) -> Tuple[Status, int, int]:
        """(status, consumed, written)."""
        handle, counts = self._handle, _Two()
        span, length = input_span(plaintext)
        room, capacity = output_span(ciphertext)
        status = _encrypt(handle, span, length, room, capacity, counts, _byref(counts, _WORD))
        if status < 0:
            del span, room  # the traceback would hold the buffers
            raise self._fail(handle, status, counts[0], counts[1])
        return STATUSES[status], counts[0], counts[1]

    def decrypt(self, ciphertext: Any, plaintext: Any) -> Tuple[Status, int, int]:
        """(status, consumed, written)."""
        handle, counts = self._handle, _Two()
        span, length = input_span(ciphertext)
        room, capacity = output_span(plaintext)
        status = _decrypt(handle, span, length, room, capacity, counts, _byref(counts, _WORD))
        if status < 0:
            del span, room  # the traceback would hold the buffers
            raise self._fail(handle, status, counts[0], counts[1])
        return STATUSES[status], counts[0], counts[1]

    def ciphertext_size(self, plaintext_len: int) -> int:
        """The room with which encrypt() takes that many bytes in one call, with what else is owed now."""
        return int(lib.tls_session_ciphertext_size(self._handle, plaintext_len))

    def encrypt_vectored(self, parts: Sequence[Any], ciphertext: Any) -> Tuple[Status, int, int]:
        """As encrypt, with the plaintext gathered from several buffers."""
        handle, counts = self._handle, _Two()
        spans, held = spans_of(parts)
        room, capacity = output_span(ciphertext)
        status = lib.tls_session_encrypt_vectored(handle, spans, len(spans), room, capacity, counts,
                                                  _byref(counts, _WORD))
        if status < 0:
            del spans, room, held  # the traceback would hold the buffers
            raise self._fail(handle, status, counts[0], counts[1])
        return STATUSES[status], counts[0], counts[1]

    def decrypt_in_place(self, data: Any) -> Tuple[Status, int, int, int]:
        """Opens the first record of a writable buffer: (status, consumed, plaintext's offset, its length)."""
        handle, counts = self._handle, _Three()
        room, capacity = output_span(data)
        status = lib.tls_session_decrypt_in_place(handle, room, capacity, counts, _byref(counts, _WORD),
                                                  _byref(counts, 2 * _WORD))
        if status < 0:
            del room  # the traceback would hold the buffers
            raise self._fail(handle, status, counts[0])
        return STATUSES[status], counts[0], counts[1], counts[2]

    def _emit(self, function: Any, output: Any, *arguments: Any) -> Tuple[Status, int]:
        handle, written = self._handle, _size()
        room, capacity = output_span(output)
        status = function(handle, *arguments, room, capacity, _byref(written))
        if status < 0:
            del room  # the traceback would hold the buffers
            raise self._fail(handle, status, 0, written.value)
        return STATUSES[status], written.value

    def request_client_certificate(self, output: Any = None) -> Tuple[Status, int]:
        """(status, written)."""
        return self._emit(lib.tls_session_request_client_certificate, output)

    def update_keys(self, request_peer_update: bool, output: Any = None) -> Tuple[Status, int]:
        """(status, written)."""
        return self._emit(lib.tls_session_update_keys, output, int(request_peer_update))

    def shutdown(self, output: Any) -> Tuple[Status, int]:
        """(status, written)."""
        return self._emit(lib.tls_session_shutdown, output)

    def drain_pending_output(self, output: Any) -> Tuple[Status, int]:
        """(status, written)."""
        return self._emit(lib.tls_session_drain_pending_output, output)

    def end_of_input(self) -> Status:
        """The transport has ended. Raises TlsError (TRUNCATED) if the peer had not closed."""
        handle = self._handle
        status = lib.tls_session_end_of_input(handle)
        if status < 0:
            raise self._fail(handle, status)
        return STATUSES[status]

    # Sockets

    def handshake(self) -> Status:
        """Does the handshake over the session's socket."""
        handle = self._handle
        status = lib.tls_session_socket_handshake(handle)
        if status < 0:
            raise self._fail(handle, status)
        return STATUSES[status]

    def read(self, buffer: Any) -> Tuple[Status, int]:
        """(status, read)."""
        return self._emit(lib.tls_session_socket_read, buffer)

    def write(self, data: Any = b"") -> Tuple[Status, int]:
        """(status, taken)."""
        handle, written = self._handle, _size()
        span, length = input_span(data)
        status = lib.tls_session_socket_write(handle, span, length, _byref(written))
        if status < 0:
            del span  # the traceback would hold the buffers
            raise self._fail(handle, status, written.value, written.value)
        return STATUSES[status], written.value

    def write_vectored(self, parts: Sequence[Any]) -> Tuple[Status, int]:
        """(status, taken)."""
        handle, written = self._handle, _size()
        spans, held = spans_of(parts)
        status = lib.tls_session_socket_write_vectored(handle, spans, len(spans), _byref(written))
        if status < 0:
            del spans, held  # the traceback would hold the buffers
            raise self._fail(handle, status, written.value, written.value)
        return STATUSES[status], written.value

    def close_notify(self) -> Status:
        """Sends what is owed and close_notify over the socket (tls_session_socket_shutdown)."""
        handle = self._handle
        status = lib.tls_session_socket_shutdown(handle)
        if status < 0:
            raise self._fail(handle, status)
        return STATUSES[status]

    def finish(self) -> Status:
        """Ends the connection in order: sends what close_notify() sends, ends the socket's sending side, discards what still comes
        (tls_session_socket_finish). CLOSED: the peer has ended it too."""
        handle = self._handle
        status = lib.tls_session_socket_finish(handle)
        if status < 0:
            raise self._fail(handle, status)
        return STATUSES[status]

    def bytes_after_close(self) -> bytes:
        """The bytes received after the peer's close_notify, which are not TLS (tls_session_socket_bytes_after_close)."""
        return self._copy_out(lib.tls_session_socket_bytes_after_close)

    @property
    def socket(self) -> int:
        """The descriptor that the session is bound to, or -1."""
        return int(lib.tls_session_socket(self._handle))

    # Answers

    def accept_with_default_validation(self) -> PolicyErrors:
        """Gives the default validation's verdict; 0: accepted, else what the peer is refused for. The session has then failed:
        the next call says so and hands over the alert."""
        errors = ctypes.c_uint32()
        status = lib.tls_session_accept_with_default_validation(self._handle, _byref(errors))
        if status == Status.AUTHENTICATION_FAILED:
            return PolicyErrors(errors.value)
        self._must(status)
        return PolicyErrors.NONE

    @property
    def default_validation(self) -> ValidationReport:
        """Why the default validation would refuse the peer; answers nothing. NOT_AVAILABLE also for a client that may decline,
        and has."""
        record = spantls_validation_t(struct_size=ctypes.sizeof(spantls_validation_t))
        self._must(lib.tls_session_default_validation(self._handle, _byref(record)))
        return ValidationReport(
            PolicyErrors(record.policy_errors), Reason(record.reasons), Reason(record.reason), optional(record.depth),
            optional(record.alert), StrictRule(record.strict_rule), record.message.decode("utf-8", "replace"))

    def set_certificate_validation_result(self, policy_errors: int) -> None:
        """0 accepts. A refusal fails the session: the next call says so and hands over the alert."""
        status = lib.tls_session_set_certificate_validation_result(self._handle, int(policy_errors))
        if status != Status.AUTHENTICATION_FAILED:
            self._must(status)

    def reject_certificate(self, alert: int) -> None:
        self._must(lib.tls_session_reject_certificate(self._handle, alert))

    def reject(self, alert: int) -> None:
        self._must(lib.tls_session_reject(self._handle, alert))

    def set_server_context(self, context: Context) -> None:
        self._must(lib.tls_session_set_server_context(self._handle, context._handle))

    def set_client_credentials(self, credentials: Optional[Credentials]) -> None:
        """Before or during the handshake; None declines."""
        self._must(lib.tls_session_set_client_credentials(self._handle, credentials and credentials._handle))

    def signature_request(self) -> Tuple[int, bytes]:
        """The scheme, and the message to sign."""
        scheme = ctypes.c_uint16()
        message = self._copy_out(lib.tls_session_signature_request, _byref(scheme))
        return scheme.value, message

    def set_signature(self, signature: Any) -> None:
        """Empty: the host could not sign."""
        span, length = input_span(signature)
        self._must(lib.tls_session_set_signature(self._handle, span, length))

    # What a session tells

    def _copy_out(self, function: Any, *arguments: Any) -> bytes:
        handle, length, room = self._handle, _size(), 256
        while True:
            buffer = bytearray(room)
            status = function(handle, *arguments, output_span(buffer)[0], room, _byref(length))
            if status == 0:
                return bytes(memoryview(buffer)[:length.value])
            if status != Status.BUFFER_TOO_SMALL:
                raise session_error(handle, status)
            room = length.value + 1  # text has a closing NUL

    def _count(self, function: Any) -> int:
        count = _size()
        self._must(function(self._handle, _byref(count)))
        return count.value

    @property
    def error(self) -> Optional[TlsError]:
        """The last failure, or None. While a verdict is asked for on a peer without a certificate, its policy_errors
        say so."""
        record = spantls_error_t(struct_size=ctypes.sizeof(spantls_error_t))
        self._must(lib.tls_session_error(self._handle, _byref(record)))
        return error_from(record, record.status) if record.status or record.policy_errors else None

    @property
    def state(self) -> State:
        return State(lib.tls_session_state(self._handle))

    @property
    def is_handshake_complete(self) -> bool:
        return bool(lib.tls_session_is_handshake_complete(self._handle))

    @property
    def has_pending_output(self) -> bool:
        return bool(lib.tls_session_has_pending_output(self._handle))

    @property
    def negotiated_protocol(self) -> int:
        return int(lib.tls_session_negotiated_protocol(self._handle))

    @property
    def negotiated_cipher_suite(self) -> int:
        return int(lib.tls_session_negotiated_cipher_suite(self._handle))

    @property
    def negotiated_group(self) -> int:
        return int(lib.tls_session_negotiated_group(self._handle))

    @property
    def peer_signature_scheme(self) -> int:
        return int(lib.tls_session_peer_signature_scheme(self._handle))

    @property
    def negotiated_alpn(self) -> Optional[str]:
        return self._copy_out(lib.tls_session_negotiated_alpn).decode("latin-1") or None

    @property
    def target_host_name(self) -> Optional[str]:
        return self._copy_out(lib.tls_session_target_host_name).decode() or None

    @property
    def stats(self) -> SessionStats:
        record = spantls_session_stats_t(struct_size=ctypes.sizeof(spantls_session_stats_t))
        self._must(lib.tls_session_stats(self._handle, _byref(record)))
        told: Dict[str, Any] = {name: getattr(record, name) for name in SessionStats._fields}
        told.update(kernel_send=bool(record.kernel_send), kernel_receive=bool(record.kernel_receive),
                    kernel_reason=KernelReason(record.kernel_reason))
        return SessionStats(**told)

    def shrink(self, what: int) -> None:
        """Frees memory: a Shrink value."""
        self._must(lib.tls_session_shrink(self._handle, what))

    @property
    def remote_certificates(self) -> List[bytes]:
        """The peer's chain as DER, its own first."""
        return [self._copy_out(lib.tls_session_remote_certificate, index)
                for index in range(self._count(lib.tls_session_remote_certificate_count))]

    def remote_certificate_info(self, certificate_index: int = 0) -> CertificateInfo:
        """The facts of a certificate of the peer's chain, by default its own."""
        record = spantls_certificate_info_t(struct_size=ctypes.sizeof(spantls_certificate_info_t))
        self._must(lib.tls_session_remote_certificate_info(self._handle, certificate_index, _byref(record)))
        return info_from(record)

    def remote_certificate_text(self, field: CertificateField, index: int = 0, certificate_index: int = 0) -> str:
        """A text of a certificate of the peer's chain, by default of its own: its subject, a DNS name."""
        return self._copy_out(lib.tls_session_remote_certificate_text, certificate_index, field, index).decode()

    @property
    def verified_certificates(self) -> List[bytes]:
        """The path that the default validation has found as DER, from the peer's own certificate to the trust anchor."""
        return [self._copy_out(lib.tls_session_verified_certificate, index)
                for index in range(self._count(lib.tls_session_verified_certificate_count))]

    @property
    def local_certificate(self) -> Optional[bytes]:
        """Our own certificate (DER), once the peer has it; while NEEDS_SIGNATURE waits, the one whose key must sign."""
        return self._copy_out(lib.tls_session_local_certificate) or None

    @property
    def ocsp_response(self) -> Optional[bytes]:
        return self._copy_out(lib.tls_session_ocsp_response) or None

    @property
    def acceptable_issuers(self) -> List[bytes]:
        return [self._copy_out(lib.tls_session_acceptable_issuer, index)
                for index in range(self._count(lib.tls_session_acceptable_issuer_count))]

    @property
    def acceptable_signature_schemes(self) -> List[int]:
        schemes: List[int] = []
        while True:
            scheme = int(lib.tls_session_acceptable_signature_scheme(self._handle, len(schemes)))
            if scheme == 0:
                return schemes
            schemes.append(scheme)

    def channel_binding(self, kind: int) -> bytes:
        return self._copy_out(lib.tls_session_channel_binding, int(kind))

    @property
    def is_channel_binding_sound(self) -> bool:
        return bool(lib.tls_session_is_channel_binding_sound(self._handle))

    def export_keying_material(self, label: Union[str, bytes], length: int, context: Any = None) -> bytes:
        """`context` None is none, which in TLS 1.2 is not the same as an empty one."""
        raw = label.encode() if isinstance(label, str) else label
        span, context_len = (None, 0) if context is None else input_span(context)
        if context is not None and span is None:
            span = b""
        material = bytearray(length)
        room, capacity = output_span(material)
        self._must(lib.tls_session_export_keying_material(self._handle, raw, len(raw), span, context_len, room,
                                                          capacity))
        return bytes(material)

    @property
    def client_hello_message(self) -> bytes:
        """The ClientHello itself; empty where there is none."""
        return self._copy_out(lib.tls_session_client_hello)

    @property
    def client_hello(self) -> ClientHello:
        """What the client's first ClientHello says."""
        message = self.client_hello_message
        record = spantls_client_hello_info_t(struct_size=ctypes.sizeof(spantls_client_hello_info_t))
        self._must(lib.tls_session_client_hello_info(self._handle, _byref(record)))
        parts = {}
        for name in _HELLO_PARTS:
            part = getattr(record, name)
            parts[name] = message[part.offset:part.offset + part.len] if part.offset else None

        def numbers(name: str) -> Tuple[int, ...]:
            raw = parts[name] or b""
            return tuple(int.from_bytes(raw[at:at + 2], "big") for at in range(0, len(raw) - 1, 2))

        names: List[bytes] = []
        rest = parts["alpn"] or b""
        while rest:
            names.append(rest[1:1 + rest[0]])
            rest = rest[1 + rest[0]:]
        server_name = parts["server_name"]
        return ClientHello(
            message, Offers(record.offers), record.legacy_version,
            tuple(record.key_share_groups[:min(record.num_key_share_groups, MAX_KEY_SHARES)]), parts["random"],
            parts["session_id"], numbers("cipher_suites"), parts["extensions"],
            None if server_name is None else server_name.decode(), numbers("supported_versions"),
            numbers("supported_groups"), numbers("signature_algorithms"), numbers("signature_algorithms_cert"),
            tuple(names))

    @property
    def ja3(self) -> str:
        return self._copy_out(lib.tls_session_ja3).decode()

    @property
    def ja3_text(self) -> str:
        return self._copy_out(lib.tls_session_ja3_text).decode()

    @property
    def ja4(self) -> str:
        return self._copy_out(lib.tls_session_ja4).decode()

    @property
    def ja4_text(self) -> str:
        return self._copy_out(lib.tls_session_ja4_text).decode()
