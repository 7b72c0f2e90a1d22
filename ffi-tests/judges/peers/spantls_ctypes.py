"""A thin binding of libspantls for the tests: the C functions as they are, with bytes in place of spans.

The library's path comes from the environment (SPANTLS_LIB); without it, it is the release build of this repository.
"""

import ctypes
import importlib.util
import os
from collections import namedtuple

_HERE = os.path.dirname(os.path.abspath(__file__))
CERTS = os.environ.get("SPANTLS_CERTS") or os.path.join(_HERE, "..", "..", "certs")


def _generated():
    """The package's table of functions, structs and constants, without the package."""
    path = os.path.join(_HERE, "..", "..", "..", "bindings", "python", "spantls", "_native.py")
    spec = importlib.util.spec_from_file_location("spantls_native", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_native = _generated()
ClientHelloInfo, _ErrorRecord = _native.spantls_client_hello_info_t, _native.spantls_error_t
_StatsRecord, _ValidationRecord = _native.spantls_session_stats_t, _native.spantls_validation_t
CertificateField, CertificateInfo = _native.CertificateField, _native.spantls_certificate_info_t
HELLO_PARTS = [name for name, kind in ClientHelloInfo._fields_ if kind is _native.spantls_part_t]


def _numbers(kind, listed):
    return [int(kind[name]) for name in listed.split()]


COMPLETE, WANT_READ, WANT_WRITE, CLOSED = _numbers(_native.Status, "COMPLETE WANT_READ WANT_WRITE CLOSED")
WANT_CREDENTIALS, NEEDS_CERTIFICATE_VALIDATION, NEEDS_SERVER_OPTIONS, NEEDS_SIGNATURE = _numbers(
    _native.Status, "WANT_CREDENTIALS NEEDS_CERTIFICATE_VALIDATION NEEDS_SERVER_OPTIONS NEEDS_SIGNATURE")
PEER_ALERT, BUFFER_TOO_SMALL, INVALID_ARGUMENT, INVALID_STATE, AUTHENTICATION, PROTOCOL, TRUNCATED, IO, CONFIGURATION, \
    NOT_SUPPORTED = _numbers(
    _native.Status, "PEER_ALERT BUFFER_TOO_SMALL INVALID_ARGUMENT INVALID_STATE AUTHENTICATION_FAILED PROTOCOL_ERROR TRUNCATED "
    "IO_ERROR INVALID_CONFIGURATION NOT_SUPPORTED")

TLS12, TLS13 = _numbers(_native.Protocol, "TLS12 TLS13")
CERTIFICATE_NONE, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE = _numbers(_native.ClientCertificate, "NONE REQUEST REQUIRE")
VALIDATION_EXTERNAL, VALIDATION_AUTOMATIC = _numbers(_native.Validation, "EXTERNAL AUTOMATIC")
AUTHORITIES, CERTIFICATES, PARTIAL_CHAIN = _numbers(_native.TrustAnchors, "AUTHORITIES CERTIFICATES PARTIAL_CHAIN")

HANDSHAKE_COMPLETE, HAS_PENDING_OUTPUT, HAS_PENDING_PLAINTEXT, SUSPENDED, RESUMED, HELLO_RETRIED = _numbers(
    _native.State, "HANDSHAKE_COMPLETE HAS_PENDING_OUTPUT HAS_PENDING_PLAINTEXT SUSPENDED RESUMED HELLO_RETRIED")
PEER_CLOSED, SHUTDOWN_SENT, FAILED, CERTIFICATE_ASKED, CERTIFICATE_REQUESTED, CERTIFICATE_ANSWERED = _numbers(
    _native.State, "PEER_CLOSED SHUTDOWN_SENT FAILED CERTIFICATE_ASKED CERTIFICATE_REQUESTED CERTIFICATE_ANSWERED")

UNIQUE, ENDPOINT, EXPORTER = _numbers(_native.ChannelBinding, "UNIQUE ENDPOINT EXPORTER")

SOCKET_BORROW, SOCKET_KERNEL_RECEIVE = _numbers(_native.SocketFlags, "BORROW KERNEL_RECEIVE")
OFFERS_TLS13, OFFERS_PRE_SHARED_KEY, OFFERS_EARLY_DATA, OFFERS_POST_HANDSHAKE_AUTH = _numbers(
    _native.Offers, "TLS13 PRE_SHARED_KEY EARLY_DATA POST_HANDSHAKE_AUTH")

Error = namedtuple("Error", "status alert_sent alert_received policy_errors message reason depth")
Validation = namedtuple("Validation", "policy_errors reasons reason depth alert strict_rule message")

# SPANTLS_REASON_..., by the names that tables of expected reasons have.
REASONS = {reason.name.lower().replace("_", " "): int(reason) for reason in _native.Reason}


def reason_names(bits):
    """The names of these bits, in their order."""
    return [name for name, bit in REASONS.items() if bits & bit]


class TlsError(Exception):
    """A call that was expected to work has not."""

    def __init__(self, status, message):
        super().__init__(f"{status_name(status)}: {message}")
        self.status = status


def _ticket_roots(roots):
    """An array and its length of (secret, seal_from, open_until), or of secrets that seal and open as long as they are there."""
    roots = [(root, 0, (1 << 63) - 1) if isinstance(root, bytes) else root for root in roots]
    array = (_native.spantls_ticket_root_t * len(roots))()
    for root, (secret, root.seal_from, root.open_until) in zip(array, roots):
        root.secret, root.secret_len = ctypes.cast(ctypes.c_char_p(secret), ctypes.c_void_p).value, len(secret)
    return array, len(roots)


def _load():
    path = os.environ.get("SPANTLS_LIB") or os.path.join(_HERE, "..", "..", "..", "target", "release", "libspantls.so")
    library = ctypes.CDLL(path)
    _native.declare(library)
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
    return Error(record.status, record.alert_sent, record.alert_received, record.policy_errors, record.message.decode(),
                 record.reason, record.depth)


def _must(status):
    if status != COMPLETE:
        raise TlsError(status, _read_error(_lib.spantls_last_error).message)


def certificate_info(der):
    info = CertificateInfo(struct_size=ctypes.sizeof(CertificateInfo))
    _must(_lib.spantls_certificate_info(der, len(der), ctypes.byref(info)))
    return info


def certificate_text(der, field, index=0):
    length = ctypes.c_size_t()
    status = _lib.spantls_certificate_text(der, len(der), field, index, None, 0, ctypes.byref(length))
    if status != BUFFER_TOO_SMALL:
        _must(status)
        raise AssertionError("a text fits into no room at all")
    output = ctypes.create_string_buffer(length.value + 1)
    _must(_lib.spantls_certificate_text(der, len(der), field, index, output, len(output), ctypes.byref(length)))
    return output.raw[:length.value].decode()


def certificate_matches_name(der, name):
    status = _lib.spantls_certificate_matches_name(der, len(der), name.encode())
    if status != AUTHENTICATION:
        _must(status)
    return status == COMPLETE


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
            _must(_lib.tls_credentials_create_file(chain.encode(), key.encode(), None, ctypes.byref(self._handle)))
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
                 resume=False, validate_on_resume=True, ticket_roots=(), ticket_lifetime=0, ticket_count=2, max_fragment_size=0,
                 key_log=None, anchor_mode=AUTHORITIES, strict=False, validation_time=-1, certificate_requests=0,
                 more_credentials=(), named=()):
        self._handle = ctypes.c_void_p()
        options = ctypes.c_void_p()
        _must(_lib.tls_options_create(ctypes.byref(options)))
        try:
            if credentials:
                made = credentials if isinstance(credentials, Credentials) else Credentials(credentials)
                _must(_lib.tls_options_set_credentials(options, made._handle))
                if made is not credentials:
                    made.close()
            for name in more_credentials:
                made = Credentials(name)
                _must(_lib.tls_options_add_credentials(options, made._handle))
                made.close()
            for host, name in named:
                made = Credentials(name)
                _must(_lib.tls_options_add_credentials_for_name(options, host.encode(), made._handle))
                made.close()
            _must(_lib.tls_options_set_certificate_requests(options, certificate_requests))
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
            _must(_lib.tls_options_set_ticket_roots(options, *_ticket_roots(ticket_roots)))
            _must(_lib.tls_options_set_ticket_lifetime(options, ticket_lifetime))
            _must(_lib.tls_options_set_ticket_count(options, ticket_count))
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

    def set_ticket_roots(self, roots):
        _must(_lib.tls_context_set_ticket_roots(self._handle, *_ticket_roots(roots)))

    def forget_expired(self):
        _must(_lib.tls_context_forget_expired(self._handle))

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
        """The policy errors for which the peer is refused; 0 if it is accepted."""
        policy_errors = ctypes.c_uint32()
        status = _lib.tls_session_accept_with_default_validation(self._handle, ctypes.byref(policy_errors))
        if status == AUTHENTICATION:
            self._is_refused()
            return policy_errors.value
        self.must(status)
        return 0

    def _is_refused(self):
        """The verdict has ended the session: it knows why, and owes the alert unless it cannot send any more."""
        error = self.error()
        if error.status != AUTHENTICATION or not self.state() & FAILED or error.policy_errors == 0:
            raise AssertionError(f"refused, but not failed: {error}")
        if error.alert_sent >= 0 and not self.has_pending_output():
            raise AssertionError("refused, but the alert is not pending")

    def default_validation(self):
        record = _ValidationRecord(struct_size=ctypes.sizeof(_ValidationRecord))
        self.must(_lib.tls_session_default_validation(self._handle, ctypes.byref(record)))
        return Validation(*(getattr(record, field) for field in Validation._fields[:-1]), record.message.decode())

    def set_certificate_validation_result(self, policy_errors):
        status = _lib.tls_session_set_certificate_validation_result(self._handle, policy_errors)
        if status == AUTHENTICATION:
            self._is_refused()
        elif self.must(status) is None and policy_errors:
            raise AssertionError("accepted in spite of policy errors")

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
        room = length.value + 1  # text has a closing NUL
        output = ctypes.create_string_buffer(room)
        self.must(function(self._handle, *arguments, output, room, ctypes.byref(length)))
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
