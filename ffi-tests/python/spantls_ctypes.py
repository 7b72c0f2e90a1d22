"""A thin binding of libspantls for the tests: the C functions as they are, with bytes in place of spans.

The library's path comes from the environment (SPANTLS_LIB); without it, it is the release build of this repository.
"""

import ctypes
import os
from collections import namedtuple

_HERE = os.path.dirname(os.path.abspath(__file__))
CERTS = os.environ.get("SPANTLS_CERTS") or os.path.join(_HERE, "..", "certs")

COMPLETE, WANT_READ, WANT_WRITE, CLOSED = 0, 1, 2, 3
WANT_CREDENTIALS, NEEDS_CERTIFICATE_VALIDATION, NEEDS_SERVER_OPTIONS, NEEDS_SIGNATURE = 4, 5, 6, 16
BUFFER_TOO_SMALL = 17
INVALID_ARGUMENT, INVALID_STATE, AUTHENTICATION, PROTOCOL, TRUNCATED, IO = -1, -2, -3, -4, -5, -6
IO, CONFIGURATION, NOT_SUPPORTED = -6, -7, -8

TLS12, TLS13 = 0x0C00, 0x3000
CERTIFICATE_NONE, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE = 0, 1, 2
VALIDATION_EXTERNAL, VALIDATION_AUTOMATIC = 0, 1
AUTHORITIES, CERTIFICATES, PARTIAL_CHAIN = 0, 1, 2

HANDSHAKE_COMPLETE, HAS_PENDING_OUTPUT, HAS_PENDING_PLAINTEXT, SUSPENDED = 1, 2, 4, 8
RESUMED, HELLO_RETRIED, PEER_CLOSED, SHUTDOWN_SENT, FAILED, CERTIFICATE_ASKED = 16, 32, 64, 128, 256, 512
CERTIFICATE_REQUESTED, CERTIFICATE_ANSWERED = 1024, 2048

UNIQUE, ENDPOINT, EXPORTER = 25, 26, 27

SOCKET_BORROW, SOCKET_KERNEL_RECEIVE = 1, 8
OFFERS_TLS13, OFFERS_PRE_SHARED_KEY, OFFERS_EARLY_DATA, OFFERS_POST_HANDSHAKE_AUTH = 1, 2, 4, 8


class _Part(ctypes.Structure):
    _fields_ = [("offset", ctypes.c_uint32), ("len", ctypes.c_uint32)]


class ClientHelloInfo(ctypes.Structure):
    """spantls_client_hello_info_t."""
    PARTS = ("random", "session_id", "cipher_suites", "extensions", "server_name", "supported_versions",
             "supported_groups", "signature_algorithms", "signature_algorithms_cert", "alpn")
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("offers", ctypes.c_uint32),
        ("legacy_version", ctypes.c_uint16),
        ("num_key_share_groups", ctypes.c_uint16),
        ("key_share_groups", ctypes.c_uint16 * 16),
        *((part, _Part) for part in PARTS),
    ]


class _ErrorRecord(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("status", ctypes.c_int32),
        ("alert_sent", ctypes.c_int32),
        ("alert_received", ctypes.c_int32),
        ("policy_errors", ctypes.c_uint32),
        ("os_error", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("message", ctypes.c_char * 256),
    ]


class _StatsRecord(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t)] + [(name, ctypes.c_uint64) for name in (
        "ciphertext_sent", "ciphertext_received", "plaintext_sent", "plaintext_received", "records_sent",
        "records_received", "key_updates_sent", "key_updates_received", "tickets_received", "handshake_nanoseconds",
        "server_options_nanoseconds", "credentials_nanoseconds", "validation_nanoseconds", "signature_nanoseconds")]


Error = namedtuple("Error", "status alert_sent alert_received policy_errors message")


class TlsError(Exception):
    """A call that was expected to work has not."""

    def __init__(self, status, message):
        super().__init__(f"{status_name(status)}: {message}")
        self.status = status


def _load():
    path = os.environ.get("SPANTLS_LIB") or os.path.join(_HERE, "..", "..", "target", "release", "libspantls.so")
    library = ctypes.CDLL(path)
    handle, size, status = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32
    data, text = ctypes.c_char_p, ctypes.c_char_p
    out_size, out_handle = ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_void_p)
    numbers = ctypes.POINTER(ctypes.c_uint16)
    error = ctypes.POINTER(_ErrorRecord)
    transform = [handle, data, size, data, size, out_size, out_size]
    emit = [handle, data, size, out_size]
    for name, result, arguments in [
        ("spantls_version", text, []),
        ("spantls_abi_version", ctypes.c_uint32, []),
        ("tls_status_name", text, [status]),
        ("spantls_alert_name", text, [ctypes.c_uint8]),
        ("spantls_last_error", status, [error]),
        ("spantls_suspended_handshakes", status, [out_size, out_size]),
        ("tls_credentials_create_pem", status, [data, size, data, size, out_handle]),
        ("tls_credentials_create_file", status, [text, text, out_handle]),
        ("tls_credentials_create_external", status, [data, size, numbers, size, out_handle]),
        ("tls_credentials_set_ocsp_response", status, [handle, data, size]),
        ("tls_credentials_destroy", None, [handle]),
        ("tls_options_create", status, [out_handle]),
        ("tls_options_destroy", None, [handle]),
        ("tls_options_set_credentials", status, [handle, handle]),
        ("tls_options_add_trust_anchors_pem", status, [handle, data, size]),
        ("tls_options_add_trust_anchors_file", status, [handle, text]),
        ("tls_options_set_trust_anchor_mode", status, [handle, ctypes.c_int32]),
        ("tls_options_set_strict_certificates", status, [handle, ctypes.c_int32]),
        ("tls_options_set_validation_time", status, [handle, ctypes.c_int64]),
        ("tls_options_add_crls_pem", status, [handle, data, size]),
        ("tls_options_set_protocols", status, [handle, ctypes.c_uint32]),
        ("tls_options_set_cipher_suites", status, [handle, numbers, size]),
        ("tls_options_set_groups", status, [handle, numbers, size]),
        ("tls_options_add_alpn", status, [handle, data, size]),
        ("tls_options_set_client_certificate_mode", status, [handle, ctypes.c_int32]),
        ("tls_options_set_certificate_validation", status, [handle, ctypes.c_int32]),
        ("tls_options_set_keep_client_hello", status, [handle, ctypes.c_int32]),
        ("tls_options_set_allow_resume", status, [handle, ctypes.c_int32]),
        ("tls_options_set_validate_on_resume", status, [handle, ctypes.c_int32]),
        ("tls_options_set_ticket_keys", status, [handle, data, size, ctypes.c_uint32]),
        ("tls_options_set_max_fragment_size", status, [handle, size]),
        ("tls_options_set_key_log_file", status, [handle, text]),
        ("tls_context_create_server", status, [handle, out_handle]),
        ("tls_context_create_client", status, [handle, out_handle]),
        ("tls_context_destroy", None, [handle]),
        ("tls_context_is_server", ctypes.c_int32, [handle]),
        ("tls_session_create", status, [handle, out_handle]),
        ("tls_session_destroy", None, [handle]),
        ("tls_session_create_with_socket", status, [handle, ctypes.c_ssize_t, ctypes.c_uint32, out_handle]),
        ("tls_session_socket_handshake", status, [handle]),
        ("tls_session_socket_read", status, [handle, data, size, out_size]),
        ("tls_session_socket_write", status, [handle, data, size, out_size]),
        ("tls_session_socket_shutdown", status, [handle]),
        ("tls_session_socket_bytes_after_close", status, emit),
        ("tls_session_set_target_host_name", status, [handle, text]),
        ("tls_session_handshake", status, transform),
        ("tls_session_encrypt", status, transform),
        ("tls_session_decrypt", status, transform),
        ("tls_session_request_client_certificate", status, emit),
        ("tls_session_decrypt_in_place", status, [handle, data, size, out_size, out_size, out_size]),
        ("tls_session_shutdown", status, emit),
        ("tls_session_drain_pending_output", status, emit),
        ("tls_session_end_of_input", status, [handle]),
        ("tls_session_error", status, [handle, error]),
        ("tls_session_default_policy_errors", status, [handle, ctypes.POINTER(ctypes.c_uint32)]),
        ("tls_session_accept_with_default_validation", status, [handle, ctypes.POINTER(ctypes.c_uint32)]),
        ("tls_session_set_certificate_validation_result", status, [handle, ctypes.c_uint32]),
        ("tls_session_reject_certificate", status, [handle, ctypes.c_uint8]),
        ("tls_session_reject", status, [handle, ctypes.c_uint8]),
        ("tls_session_set_server_context", status, [handle, handle]),
        ("tls_session_set_client_credentials", status, [handle, handle]),
        ("tls_session_acceptable_issuer_count", status, [handle, out_size]),
        ("tls_session_acceptable_issuer", status, [handle, size, data, size, out_size]),
        ("tls_session_acceptable_signature_scheme", ctypes.c_uint16, [handle, size]),
        ("tls_session_signature_request", status, [handle, ctypes.POINTER(ctypes.c_uint16), data, size, out_size]),
        ("tls_session_set_signature", status, [handle, data, size]),
        ("tls_session_client_hello", status, emit),
        ("tls_session_client_hello_info", status, [handle, ctypes.POINTER(ClientHelloInfo)]),
        ("tls_session_ja3", status, emit),
        ("tls_session_ja3_text", status, emit),
        ("tls_session_ja4", status, emit),
        ("tls_session_ja4_text", status, emit),
        ("tls_session_state", ctypes.c_uint32, [handle]),
        ("tls_session_is_handshake_complete", ctypes.c_int32, [handle]),
        ("tls_session_has_pending_output", ctypes.c_int32, [handle]),
        ("tls_session_negotiated_protocol", ctypes.c_uint32, [handle]),
        ("tls_session_negotiated_cipher_suite", ctypes.c_uint16, [handle]),
        ("tls_session_negotiated_group", ctypes.c_uint16, [handle]),
        ("tls_session_negotiated_alpn", status, emit),
        ("tls_session_target_host_name", status, emit),
        ("tls_session_peer_signature_scheme", ctypes.c_uint16, [handle]),
        ("tls_session_ocsp_response", status, emit),
        ("tls_session_channel_binding", status, [handle, ctypes.c_int32, data, size, out_size]),
        ("tls_session_is_channel_binding_sound", ctypes.c_int32, [handle]),
        ("tls_session_export_keying_material", status, [handle, data, size, data, size, data, size]),
        ("tls_session_stats", status, [handle, ctypes.POINTER(_StatsRecord)]),
        ("tls_session_update_keys", status, [handle, ctypes.c_int32, data, size, out_size]),
        ("tls_session_shrink", status, [handle, ctypes.c_int32]),
        ("tls_session_remote_certificate_count", status, [handle, out_size]),
        ("tls_session_verified_certificate_count", status, [handle, out_size]),
        ("tls_session_verified_certificate", status, [handle, size, data, size, out_size]),
        ("tls_session_remote_certificate", status, [handle, size, data, size, out_size]),
        ("tls_session_local_certificate", status, emit),
    ]:
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


_lib = _load()


def status_name(status):
    return _lib.tls_status_name(status).decode()


def alert_name(alert):
    """As the RFCs spell it."""
    return _lib.spantls_alert_name(alert).decode()


def suspended_handshakes():
    """How many handshakes hold a stack in this process."""
    in_use = ctypes.c_size_t()
    _must(_lib.spantls_suspended_handshakes(ctypes.byref(in_use), None))
    return in_use.value


def _read_error(call, *arguments):
    record = _ErrorRecord(struct_size=ctypes.sizeof(_ErrorRecord))
    status = call(*arguments, ctypes.byref(record))
    if status != COMPLETE:
        raise TlsError(status, "no error record")
    return Error(record.status, record.alert_sent, record.alert_received, record.policy_errors, record.message.decode())


def _must(status):
    if status != COMPLETE:
        raise TlsError(status, _read_error(_lib.spantls_last_error).message)


def cert_path(name):
    return os.path.join(CERTS, name)


def read_cert(name):
    with open(cert_path(name), "rb") as file:
        return file.read()


class Credentials:
    """A chain and its key by the name of their files; with schemes, the key stays outside."""

    def __init__(self, name, schemes=None):
        self._handle = ctypes.c_void_p()
        if schemes is None:
            chain, key = cert_path(name + ".pem"), cert_path(name + ".key")
            _must(_lib.tls_credentials_create_file(chain.encode(), key.encode(), ctypes.byref(self._handle)))
        else:
            chain = read_cert(name + ".pem")
            numbers = (ctypes.c_uint16 * len(schemes))(*schemes)
            _must(_lib.tls_credentials_create_external(chain, len(chain), numbers, len(schemes),
                                                       ctypes.byref(self._handle)))

    def set_ocsp_response(self, der):
        _must(_lib.tls_credentials_set_ocsp_response(self._handle, der, len(der)))

    def close(self):
        _lib.tls_credentials_destroy(self._handle)
        self._handle = ctypes.c_void_p()


class Context:
    """A context from keyword options; it owns nothing but its handle."""
    decided = asked = None

    def __init__(self, server, *, credentials=None, anchors=None, crls=(), protocols=0, suites=(), groups=(), alpn=(),
                 client_certificates=CERTIFICATE_NONE, validation=VALIDATION_EXTERNAL, keep_client_hello=False,
                 resume=False, validate_on_resume=True, ticket_root=b"", ticket_lifetime=0, max_fragment_size=0,
                 key_log=None, anchor_mode=AUTHORITIES, strict=False, validation_time=-1):
        self._handle = ctypes.c_void_p()
        options = ctypes.c_void_p()
        _must(_lib.tls_options_create(ctypes.byref(options)))
        try:
            if credentials:
                made = credentials if isinstance(credentials, Credentials) else Credentials(credentials)
                _must(_lib.tls_options_set_credentials(options, made._handle))
                if made is not credentials:
                    made.close()
            if anchors:
                _must(_lib.tls_options_add_trust_anchors_file(options, cert_path(anchors + ".pem").encode()))
            for crl in crls:
                pem = read_cert(crl)
                _must(_lib.tls_options_add_crls_pem(options, pem, len(pem)))
            _must(_lib.tls_options_set_trust_anchor_mode(options, anchor_mode))
            _must(_lib.tls_options_set_strict_certificates(options, int(strict)))
            _must(_lib.tls_options_set_validation_time(options, validation_time))
            _must(_lib.tls_options_set_protocols(options, protocols))
            _must(_lib.tls_options_set_cipher_suites(options, (ctypes.c_uint16 * len(suites))(*suites), len(suites)))
            _must(_lib.tls_options_set_groups(options, (ctypes.c_uint16 * len(groups))(*groups), len(groups)))
            for name in alpn:
                _must(_lib.tls_options_add_alpn(options, name.encode(), len(name)))
            _must(_lib.tls_options_set_client_certificate_mode(options, client_certificates))
            _must(_lib.tls_options_set_certificate_validation(options, validation))
            _must(_lib.tls_options_set_keep_client_hello(options, int(keep_client_hello)))
            # Off, unlike the library's default: tickets are in the way of most tests.
            _must(_lib.tls_options_set_allow_resume(options, int(resume)))
            _must(_lib.tls_options_set_validate_on_resume(options, int(validate_on_resume)))
            _must(_lib.tls_options_set_ticket_keys(options, ticket_root, len(ticket_root), ticket_lifetime))
            _must(_lib.tls_options_set_max_fragment_size(options, max_fragment_size))
            if key_log:
                _must(_lib.tls_options_set_key_log_file(options, key_log.encode()))
            create = _lib.tls_context_create_server if server else _lib.tls_context_create_client
            _must(create(options, ctypes.byref(self._handle)))
        finally:
            _lib.tls_options_destroy(options)

    @classmethod
    def undecided(cls, decided=None, asked=None):
        """A server's context that is chosen by the ClientHello. A driver answers with `decided`, and notes what it was
        asked in `asked`."""
        context = cls.__new__(cls)
        context._handle = ctypes.c_void_p()
        context.decided, context.asked = decided, asked
        _must(_lib.tls_context_create_server(None, ctypes.byref(context._handle)))
        return context

    def session(self, name=None):
        handle = ctypes.c_void_p()
        _must(_lib.tls_session_create(self._handle, ctypes.byref(handle)))
        session = Session(handle)
        if name is not None:
            session.must(_lib.tls_session_set_target_host_name(handle, name.encode()))
        return session

    def bound_session(self, descriptor, name=None, flags=0):
        """A session on a socket that stays the caller's."""
        handle = ctypes.c_void_p()
        _must(_lib.tls_session_create_with_socket(
            self._handle, descriptor, SOCKET_BORROW | flags, ctypes.byref(handle)))
        session = Session(handle)
        if name is not None:
            session.must(_lib.tls_session_set_target_host_name(handle, name.encode()))
        return session

    def close(self):
        _lib.tls_context_destroy(self._handle)
        self._handle = ctypes.c_void_p()


class Session:
    """A session's functions, one to one. Those with spans take bytes and return (status, consumed, output)."""

    def __init__(self, handle):
        self._handle = handle

    def close(self):
        _lib.tls_session_destroy(self._handle)
        self._handle = ctypes.c_void_p()

    def must(self, status):
        if status != COMPLETE:
            raise TlsError(status, self.error().message)

    def _transform(self, function, data, room):
        consumed, written = ctypes.c_size_t(), ctypes.c_size_t()
        output = ctypes.create_string_buffer(room)
        data = bytes(data)
        status = function(self._handle, data, len(data), output, room, ctypes.byref(consumed), ctypes.byref(written))
        return status, consumed.value, ctypes.string_at(output, written.value)

    def handshake(self):
        return _lib.tls_session_socket_handshake(self._handle)

    def read(self, room):
        count, output = ctypes.c_size_t(), ctypes.create_string_buffer(room)
        status = _lib.tls_session_socket_read(self._handle, output, room, ctypes.byref(count))
        return status, ctypes.string_at(output, count.value)

    def write(self, data):
        count = ctypes.c_size_t()
        status = _lib.tls_session_socket_write(self._handle, bytes(data), len(data), ctypes.byref(count))
        return status, count.value

    def close_bound(self):
        return _lib.tls_session_socket_shutdown(self._handle)

    def bytes_after_close(self):
        return self._copy_out(_lib.tls_session_socket_bytes_after_close)

    def process_handshake(self, data, room):
        return self._transform(_lib.tls_session_handshake, data, room)

    def encrypt(self, data, room):
        return self._transform(_lib.tls_session_encrypt, data, room)

    def decrypt(self, data, room):
        return self._transform(_lib.tls_session_decrypt, data, room)

    def _emit(self, function, room):
        written = ctypes.c_size_t()
        output = ctypes.create_string_buffer(room)
        status = function(self._handle, output, room, ctypes.byref(written))
        return status, ctypes.string_at(output, written.value)

    def decrypt_in_place(self, data):
        """(status, consumed, plaintext, the buffer afterwards)."""
        buffer = ctypes.create_string_buffer(bytes(data), len(data))
        consumed, offset, length = ctypes.c_size_t(), ctypes.c_size_t(), ctypes.c_size_t()
        status = _lib.tls_session_decrypt_in_place(self._handle, buffer, len(data), ctypes.byref(consumed),
                                                   ctypes.byref(offset), ctypes.byref(length))
        return status, consumed.value, buffer.raw[offset.value:offset.value + length.value], buffer.raw

    def request_client_certificate(self, room):
        return self._emit(_lib.tls_session_request_client_certificate, room)

    def update_keys(self, request_peer_update, room):
        written = ctypes.c_size_t()
        output = ctypes.create_string_buffer(room)
        status = _lib.tls_session_update_keys(self._handle, int(request_peer_update), output, room,
                                              ctypes.byref(written))
        return status, ctypes.string_at(output, written.value)

    def shutdown(self, room):
        return self._emit(_lib.tls_session_shutdown, room)

    def drain_pending_output(self, room):
        return self._emit(_lib.tls_session_drain_pending_output, room)

    def end_of_input(self):
        return _lib.tls_session_end_of_input(self._handle)

    def error(self):
        return _read_error(_lib.tls_session_error, self._handle)

    def accept_with_default_validation(self):
        policy_errors = ctypes.c_uint32()
        self.must(_lib.tls_session_accept_with_default_validation(self._handle, ctypes.byref(policy_errors)))
        return policy_errors.value

    def default_policy_errors(self):
        policy_errors = ctypes.c_uint32()
        self.must(_lib.tls_session_default_policy_errors(self._handle, ctypes.byref(policy_errors)))
        return policy_errors.value

    def set_certificate_validation_result(self, policy_errors):
        self.must(_lib.tls_session_set_certificate_validation_result(self._handle, policy_errors))

    def set_server_context(self, context):
        self.must(_lib.tls_session_set_server_context(self._handle, context._handle))

    def set_client_credentials(self, credentials):
        self.must(_lib.tls_session_set_client_credentials(self._handle, credentials and credentials._handle))

    def acceptable_issuers(self):
        count = ctypes.c_size_t()
        self.must(_lib.tls_session_acceptable_issuer_count(self._handle, ctypes.byref(count)))
        return [self._copy_out(_lib.tls_session_acceptable_issuer, index) for index in range(count.value)]

    def acceptable_signature_schemes(self):
        schemes = []
        while scheme := _lib.tls_session_acceptable_signature_scheme(self._handle, len(schemes)):
            schemes.append(scheme)
        return schemes

    def signature_request(self):
        """The scheme and the message."""
        scheme, length = ctypes.c_uint16(), ctypes.c_size_t()
        request = _lib.tls_session_signature_request
        status = request(self._handle, ctypes.byref(scheme), None, 0, ctypes.byref(length))
        if status != BUFFER_TOO_SMALL:
            raise TlsError(status, self.error().message)
        message = ctypes.create_string_buffer(length.value)
        self.must(request(self._handle, ctypes.byref(scheme), message, length.value, ctypes.byref(length)))
        return scheme.value, message.raw

    def set_signature(self, signature):
        self.must(_lib.tls_session_set_signature(self._handle, signature, len(signature)))

    def client_hello(self):
        return self._copy_out(_lib.tls_session_client_hello)

    def client_hello_info(self):
        info = ClientHelloInfo(struct_size=ctypes.sizeof(ClientHelloInfo))
        self.must(_lib.tls_session_client_hello_info(self._handle, ctypes.byref(info)))
        return info

    def ja3(self):
        return self._copy_out(_lib.tls_session_ja3).decode()

    def ja3_text(self):
        return self._copy_out(_lib.tls_session_ja3_text).decode()

    def ja4(self):
        return self._copy_out(_lib.tls_session_ja4).decode()

    def ja4_text(self):
        return self._copy_out(_lib.tls_session_ja4_text).decode()

    def reject(self, alert):
        self.must(_lib.tls_session_reject(self._handle, alert))

    def state(self):
        return _lib.tls_session_state(self._handle)

    def has_pending_output(self):
        return _lib.tls_session_has_pending_output(self._handle) == 1

    def negotiated_protocol(self):
        return _lib.tls_session_negotiated_protocol(self._handle)

    def negotiated_cipher_suite(self):
        return _lib.tls_session_negotiated_cipher_suite(self._handle)

    def negotiated_group(self):
        return _lib.tls_session_negotiated_group(self._handle)

    def peer_signature_scheme(self):
        return _lib.tls_session_peer_signature_scheme(self._handle)

    def _copy_out(self, function, *arguments):
        length = ctypes.c_size_t()
        status = function(self._handle, *arguments, None, 0, ctypes.byref(length))
        if status not in (COMPLETE, BUFFER_TOO_SMALL):
            raise TlsError(status, self.error().message)
        output = ctypes.create_string_buffer(length.value)
        self.must(function(self._handle, *arguments, output, length.value, ctypes.byref(length)))
        return ctypes.string_at(output, length.value)

    def negotiated_alpn(self):
        return self._copy_out(_lib.tls_session_negotiated_alpn).decode()

    def target_host_name(self):
        return self._copy_out(_lib.tls_session_target_host_name).decode()

    def remote_certificates(self):
        count = ctypes.c_size_t()
        self.must(_lib.tls_session_remote_certificate_count(self._handle, ctypes.byref(count)))
        return [self._copy_out(_lib.tls_session_remote_certificate, index) for index in range(count.value)]

    def shrink(self, depth):
        self.must(_lib.tls_session_shrink(self._handle, depth))

    def verified_certificates(self):
        count = ctypes.c_size_t()
        self.must(_lib.tls_session_verified_certificate_count(self._handle, ctypes.byref(count)))
        return [self._copy_out(_lib.tls_session_verified_certificate, index) for index in range(count.value)]

    def local_certificate(self):
        return self._copy_out(_lib.tls_session_local_certificate)

    def ocsp_response(self):
        return self._copy_out(_lib.tls_session_ocsp_response)

    def peer_signature_scheme(self):
        return _lib.tls_session_peer_signature_scheme(self._handle)

    def channel_binding(self, kind):
        return self._copy_out(_lib.tls_session_channel_binding, kind)

    def is_channel_binding_sound(self):
        return _lib.tls_session_is_channel_binding_sound(self._handle)

    def export_keying_material(self, label, context, length):
        """`context` None is not the same as an empty one."""
        output = ctypes.create_string_buffer(length)
        self.must(_lib.tls_session_export_keying_material(
            self._handle, label, len(label), context, len(context or b""), output, length))
        return output.raw

    def stats(self):
        record = _StatsRecord(struct_size=ctypes.sizeof(_StatsRecord))
        self.must(_lib.tls_session_stats(self._handle, ctypes.byref(record)))
        return record


class Driver:
    """A session with its two queues: `inbox` from the peer, `outbox` for the peer."""

    def __init__(self, context, name=None, *, room=20000, judge=None):
        self.session = context.session(name)
        self.inbox = bytearray()
        self.outbox = bytearray()
        self.room = room
        self.judge = judge or Session.accept_with_default_validation
        self.verdict = None  # what the judge returned
        self.suspensions = 0
        # Answers to the other questions: functions of the session.
        self.answer_to = {WANT_CREDENTIALS: lambda session: session.set_client_credentials(None)}
        if context.decided:
            self.answer_to[NEEDS_SERVER_OPTIONS] = lambda session: session.set_server_context(self._decided)
        self._decided = context.decided
        self.asked = context.asked if context.asked is not None else []  # every question, in order
        self.messages = 0  # that brought no plaintext: tickets, key updates
        self.answers = 0  # that such messages made us owe
        self.status = WANT_READ

    def close(self):
        self.session.close()
        if self._decided:
            self._decided.close()

    def handshake(self):
        """Goes as far as the inbox allows; the last status."""
        while True:
            self.status, consumed, output = self.session.process_handshake(self.inbox, self.room)
            del self.inbox[:consumed]
            self.outbox += output
            if self.status == NEEDS_CERTIFICATE_VALIDATION:
                self.suspensions += 1
                self.asked.append(self.status)
                self.verdict = self.judge(self.session)
            elif self.status in self.answer_to:
                self.asked.append(self.status)
                self.answer_to[self.status](self.session)
            elif self.status != WANT_WRITE:
                if self.status < 0:
                    self.drain()
                return self.status

    def drain(self):
        status = WANT_WRITE
        while status == WANT_WRITE:
            status, output = self.session.drain_pending_output(self.room)
            self.outbox += output

    def write(self, data):
        data = memoryview(bytes(data))
        while True:
            status, consumed, output = self.session.encrypt(data[:200000], self.room)
            self.outbox += output
            data = data[consumed:]
            if status != COMPLETE and status != WANT_WRITE:
                raise TlsError(status, self.session.error().message)
            if status == COMPLETE and not data:
                return

    def read(self):
        """Everything that the inbox holds; sets `status` to what ended it."""
        plaintext = bytearray()
        while True:
            self.status, consumed, output = self.session.decrypt(self.inbox[:100000], self.room)
            del self.inbox[:consumed]
            plaintext += output
            if self.status == COMPLETE and not output:
                self.messages += 1
            if self.session.has_pending_output():
                self.answers += 1
                self.drain()
            if self.status not in (COMPLETE, WANT_WRITE):
                return bytes(plaintext)

    def update_keys(self, request_peer_update):
        status, output = self.session.update_keys(request_peer_update, self.room)
        self.outbox += output
        self.session.must(status)

    def shutdown(self):
        status = WANT_WRITE
        while status == WANT_WRITE:
            status, output = self.session.shutdown(self.room)
            self.outbox += output
        return status

    def take_output(self, most=None):
        """Removes (the first `most` bytes of) what the peer is to receive."""
        output = bytes(self.outbox[:most])
        del self.outbox[:len(output)]
        return output
