"""The C interface, for ctypes. Written by bindings/generate.py from include/spantls.h: `make bindings`. Do not edit."""

from __future__ import annotations

import ctypes
import enum
from ctypes import (c_char, c_char_p, c_int32, c_int64, c_size_t, c_ssize_t, c_uint8, c_uint16, c_uint32, c_uint64,
                    c_void_p)
from typing import Any, Dict, Tuple

VERSION = "1.0.0-rc.1"
"""The version of this header, which is that of the library it came with: compare spantls_version()."""
VERSION_MAJOR = 1
"""Its first number."""
VERSION_MINOR = 0
"""Its second number."""
VERSION_PATCH = 0
"""Its third number."""
VERSION_NUMBER = 65536
"""The same as one number, a byte each for major, minor and patch: #if SPANTLS_VERSION_NUMBER >= 0x010000. A release candidate
has the number of its release."""
ERROR_MESSAGE_SIZE = 256
"""The size of spantls_error_t.message, including its closing NUL."""
ABI_VERSION = 1
"""The number of this interface. Functions are only added while it stays the same."""
VALIDATION_TIME_NOW = -1
"""For Options.set_validation_time(): certificates must be valid at the time of the judgement."""
MIN_CIPHERTEXT = 64
"""The output space in bytes with which Session.encrypt() always makes progress: enough for a key update and a record."""
MAX_RECORD = 18437
"""The size in bytes of the largest record: header, 2^14 bytes of plaintext and the largest expansion of TLS 1.2 (RFC 5246
section 6.2.3). A receive buffer of this size holds any record."""
MAX_KEY_SHARES = 16
"""Groups of key shares that spantls_client_hello_info_t has room for."""


class Status(enum.IntEnum):
    """The values of tls_status_t."""

    COMPLETE = 0
    """The call has done its work; see the counts."""
    WANT_READ = 1
    """More data from the peer is needed: receive it, then call again."""
    WANT_WRITE = 2
    """The output span was too small: send what was written, then call again with space."""
    CLOSED = 3
    """A clean end: the peer's close_notify was received, or our shutdown is all written."""
    WANT_CREDENTIALS = 4
    """The server asked for a client certificate: answer with Session.set_client_credentials()."""
    NEEDS_CERTIFICATE_VALIDATION = 5
    """The peer's certificate waits for a verdict: answer with Session.accept_with_default_validation(),
    Session.set_certificate_validation_result() or Session.reject_certificate()."""
    NEEDS_SERVER_OPTIONS = 6
    """The ClientHello is complete, and the server context must be chosen (SNI): answer with Session.set_server_context(), then
    pass the same input again."""
    NEEDS_SIGNATURE = 16
    """An external private key must sign: get the message with Session.signature_request(), answer with
    Session.set_signature()."""
    INVALID_ARGUMENT = -1
    """An argument is wrong: a NULL pointer, a bad length, text that is not UTF-8, a wrong handle, a context of the wrong
    role."""
    INVALID_STATE = -2
    """The call is not allowed now; the error record's message says why."""
    AUTHENTICATION_FAILED = -3
    """We refused the peer: by a verdict, by Session.reject(), or because no credentials fit; or the host could not sign."""
    PROTOCOL_ERROR = -4
    """The peer broke the protocol, does not speak TLS, or has no parameters in common with us."""
    TRUNCATED = -5
    """The transport ended without close_notify (RFC 8446 section 6.1): data may be missing."""
    IO_ERROR = -6
    """A system call on the session's socket failed; its errno is in the error record."""
    INVALID_CONFIGURATION = -7
    """A certificate, key, trust anchor or option is wrong."""
    NOT_SUPPORTED = -8
    """The peer, the protocol version or the platform does not support this."""
    BUSY = -9
    """Another thread is using the same half of this session. Nothing was done."""
    OUT_OF_RESOURCES = -10
    """Too many handshakes are suspended at once, or there is not enough memory. Nothing was changed and the record at hand was
    not consumed (see the counts): try again once another handshake has been answered or destroyed, or give this connection
    up."""
    BUFFER_TOO_SMALL = -11
    """There is too little space for a value: nothing was written. *out_len is its length; text needs one byte more for its
    closing NUL."""
    PEER_ALERT = -12
    """The peer refused us: it ended the session with a fatal alert, or with close_notify during the handshake. alert_received
    in the error record says which, for example Alert.UNKNOWN_CA."""
    INTERNAL_ERROR = -128
    """An error in the library (a contained panic). Destroy the session: it accepts no other call."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "TLS_STATUS_" + self.name


class Protocol(enum.IntFlag):
    """The values for Options.set_protocols(), and of Session.negotiated_protocol: .NET's SslProtocols."""

    TLS12 = 0x0C00
    """TLS 1.2 (RFC 5246)."""
    TLS13 = 0x3000
    """TLS 1.3 (RFC 8446)."""


class ClientCertificate(enum.IntEnum):
    """The values for Options.set_client_certificate_mode()."""

    NONE = 0
    """The client is not asked (default)."""
    REQUEST = 1
    """The client is asked, and may decline: the verdict then decides with PolicyErrors.NOT_AVAILABLE."""
    REQUIRE = 2
    """The client is asked, and a client without a certificate is refused with certificate_required (handshake_failure in TLS
    1.2)."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_CLIENT_CERTIFICATE_" + self.name


class Validation(enum.IntEnum):
    """The values for Options.set_certificate_validation()."""

    EXTERNAL = 0
    """The handshake suspends with Status.NEEDS_CERTIFICATE_VALIDATION and the host judges (default)."""
    AUTOMATIC = 1
    """The default validation judges, without a suspension."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_VALIDATION_" + self.name


class CertificateRequests(enum.IntEnum):
    """The values for Options.set_certificate_requests()."""

    DEFAULT = 0
    """The client declines under Validation.AUTOMATIC, and suspends under Validation.EXTERNAL (default)."""
    SUSPEND = 1
    """The handshake suspends with Status.WANT_CREDENTIALS."""
    DECLINE = 2
    """The client sends no certificate, without a suspension."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_CERTIFICATE_REQUESTS_" + self.name


class TrustAnchors(enum.IntEnum):
    """The values for Options.set_trust_anchor_mode()."""

    AUTHORITIES = 0
    """An anchor is a name and a key (RFC 5280 section 6.1.1 (d)); the rest of its certificate is ignored, except for name
    constraints (default)."""
    CERTIFICATES = 1
    """Anchors are judged as certificates, and a chain must end at a self-signed one."""
    PARTIAL_CHAIN = 2
    """Anchors are judged as certificates, and a chain may end at any of them."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_TRUST_ANCHORS_" + self.name


class State(enum.IntFlag):
    """The bits of Session.state."""

    HANDSHAKE_COMPLETE = 1
    """The handshake is finished, the peer was accepted, and all output of the handshake was written."""
    HAS_PENDING_OUTPUT = 2
    """There is output for the peer: see Session.drain_pending_output(), on a socket Session.write()."""
    HAS_PENDING_PLAINTEXT = 4
    """Plaintext is held: Session.decrypt() delivers it without input. On a socket: Session.read() can return data or the end
    without the socket."""
    SUSPENDED = 8
    """The handshake waits for the host's answer to a question."""
    RESUMED = 16
    """The session was resumed with a session ticket: see Options.set_allow_resume()."""
    HELLO_RETRIED = 32
    """The server sent a HelloRetryRequest (RFC 8446 section 4.1.4)."""
    PEER_CLOSED = 64
    """The peer sent close_notify."""
    SHUTDOWN_SENT = 128
    """Our close_notify was made."""
    FAILED = 256
    """The session has failed: see Session.error. Not set if only one half of an open session has ended because of the transport
    (TRUNCATED, IO_ERROR): the other half continues."""
    CERTIFICATE_ASKED = 512
    """The client was asked for a certificate: by this server, or, on a client, by its server, whether it has one or not."""
    CERTIFICATE_REQUESTED = 1024
    """Session.request_client_certificate() was called, and the client's answer has not arrived or has no verdict yet."""
    CERTIFICATE_ANSWERED = 2048
    """The client answered that request, and the verdict was given."""


class PolicyErrors(enum.IntFlag):
    """The bits of a verdict: .NET's SslPolicyErrors."""

    NONE = 0
    NOT_AVAILABLE = 1
    """The peer showed no certificate."""
    NAME_MISMATCH = 2
    """The certificate is not for the name that was asked for."""
    CHAIN_ERRORS = 4
    """The chain is not trusted, not valid now, revoked, or not for this use."""


class Reason(enum.IntFlag):
    """The bits of spantls_validation_t.reasons; reason is one of them. Without Reason.INCOMPLETE the bits are all that is
    wrong: every other rule was checked and is kept. If reasons is Reason.EXPIRED and nothing else, the signatures lead to a
    trust anchor, and usage and name are right."""

    NO_CERTIFICATE = 1
    """The peer sent no certificate."""
    NAME_MISMATCH = 2
    """The certificate is not for the target host name, or no such name was set."""
    EXPIRED = 4
    """A certificate has expired."""
    NOT_YET_VALID = 8
    """A certificate is not valid yet."""
    UNKNOWN_ISSUER = 16
    """The issuer of the chain's last certificate was not sent and is not a trust anchor."""
    SELF_SIGNED = 32
    """The chain ends with a self-signed certificate that is not a trust anchor."""
    REVOKED = 64
    """A certificate is revoked. The revocation of the others is then not checked."""
    REVOCATION_UNKNOWN = 128
    """There are revocation lists, but none for a certificate of the chain."""
    CRL_EXPIRED = 256
    """A revocation list has expired."""
    BAD_CRL = 512
    """A revocation list has a wrong signature, or its issuer may not sign lists."""
    WRONG_USAGE = 1024
    """A certificate is not for this use (extended key usage, key usage), or a CA certificate is used as a leaf."""
    NOT_A_CA = 2048
    """A certificate was issued by one that may not issue any (basicConstraints, keyCertSign)."""
    PATH_LENGTH = 4096
    """There are more CAs below a CA than it allows."""
    NAME_CONSTRAINTS = 8192
    """A CA may not issue certificates for these names."""
    WEAK_KEY = 16384
    """An RSA key has less than 2048 bits, or more than 8192."""
    WEAK_SIGNATURE = 32768
    """A certificate is signed with MD5 or SHA-1."""
    UNSUPPORTED_ALGORITHM = 65536
    """The algorithm of a key or a signature is not supported."""
    BAD_SIGNATURE = 131072
    """A certificate's signature is wrong."""
    MALFORMED = 262144
    """A certificate cannot be parsed, or a field of it breaks the rules for its contents."""
    CRITICAL_EXTENSION = 524288
    """A certificate has a critical extension that is unknown."""
    STRICT_PROFILE = 1048576
    """A certificate breaks a rule of Options.set_strict_certificates()."""
    LIMITS = 2097152
    """The chain needs more work than the default validation does: signatures, paths, length."""
    INCOMPLETE = 1073741824
    """Another reason ended the examination: more may be wrong. Never accept a peer with this bit."""


class StrictRule(enum.IntEnum):
    """Rules of the strict profile: strict_rule in spantls_validation_t and spantls_error_t."""

    NONE = 0
    """None: the reason is another one."""
    UNREADABLE = 1
    """The certificate cannot be parsed."""
    ISSUER_NOT_A_CA = 2
    """An issuer is not a CA by its basicConstraints."""
    TWO_ALGORITHMS = 3
    """Two different signature algorithms."""
    VERSION = 4
    """Extensions in a certificate that is not of version 3."""
    AMBIGUOUS_CA = 5
    """A trusted leaf that may be a CA, without basicConstraints."""
    PATH_LENGTH_WITHOUT_CA = 6
    """A path length in a certificate that is not a CA."""
    PATH_LENGTH_WITHOUT_KEY_CERT_SIGN = 7
    """A path length without keyCertSign."""
    CONSTRAINTS_NOT_CRITICAL = 8
    """basicConstraints of a CA that is not critical."""
    CA_WITHOUT_KEY_USAGE = 9
    """A CA without a key usage."""
    KEY_CERT_SIGN_WITHOUT_CA = 10
    """keyCertSign in a certificate that is not a CA."""
    NO_ISSUER_NAME = 11
    """No name of the issuer."""
    NO_SUBJECT = 12
    """No subject where one is needed."""
    EMPTY_ALTERNATIVE_NAME = 13
    """subjectAltName is empty or malformed."""
    ALTERNATIVE_NAME_NOT_CRITICAL = 14
    """subjectAltName is not critical, though there is no subject."""
    CRITICAL_AUTHORITY_KEY = 15
    """authorityKeyIdentifier is critical."""
    CRITICAL_SUBJECT_KEY = 16
    """subjectKeyIdentifier is critical."""
    NO_AUTHORITY_KEY = 17
    """No authorityKeyIdentifier that names a key."""
    HALF_AUTHORITY_KEY = 18
    """authorityKeyIdentifier has an issuer or a serial number alone."""
    NO_SUBJECT_KEY = 19
    """A CA without a subjectKeyIdentifier."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_STRICT_RULE_" + self.name


class ChannelBinding(enum.IntEnum):
    """The kinds of Session.channel_binding(): the numbers of .NET's ChannelBindingKind, and EXPORTER."""

    UNIQUE = 25
    """tls-unique (RFC 5929 section 3): the first Finished message. TLS 1.2 only."""
    ENDPOINT = 26
    """tls-server-end-point (RFC 5929 section 4): a hash of the server's certificate."""
    EXPORTER = 27
    """tls-exporter (RFC 9266): keying material, with an empty context."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_CHANNEL_BINDING_" + self.name


class Shrink(enum.IntEnum):
    """What Session.shrink() releases; each value includes those before it."""

    BUFFERS = 0
    """Buffers. Idle sessions keep none, so today this releases nothing."""
    PEER = 1
    """Facts about the peer: its certificates (on clients also ChannelBinding.ENDPOINT), its OCSP response, a kept
    ClientHello."""
    TICKETS = 2
    """On clients, the state that receives session tickets, some 800 bytes; it is released anyway after two tickets. Later
    tickets are ignored."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_SHRINK_" + self.name


class SocketFlags(enum.IntFlag):
    """Flags of Session(): either BORROW or OWN, and optionally the KERNEL flags."""

    BORROW = 1
    """The host closes the socket, after it has destroyed the session."""
    OWN = 2
    """Session.close() closes the socket; nothing else does."""
    KERNEL_SEND = 4
    """After the handshake the kernel seals what is sent, if it can (kernel TLS, Linux)."""
    KERNEL_RECEIVE = 8
    """After the handshake the kernel opens what is received, if it can (kernel TLS, Linux)."""


class KernelReason(enum.IntEnum):
    """The values of spantls_kernel_reason_t."""

    NONE = 0
    """It is used as requested, or was not requested, or the handshake is not COMPLETE."""
    PLATFORM = 1
    """This operating system has no kernel TLS."""
    UNAVAILABLE = 2
    """This kernel, or this kind of socket, has no kernel TLS."""
    REFUSED = 3
    """The kernel refused the keys: it does not support the version or the cipher suite."""
    OPTIONS = 4
    """The options limit the size of records, which the kernel does not support."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_KERNEL_REASON_" + self.name


class Offers(enum.IntFlag):
    """The bits of spantls_client_hello_info_t.offers."""

    TLS13 = 1
    """TLS 1.3, in supported_versions."""
    PRE_SHARED_KEY = 2
    """A pre-shared key: a session ticket to resume with (RFC 8446 section 4.2.11)."""
    EARLY_DATA = 4
    """Early data (section 4.2.10). It is never accepted: up to 128 KiB are skipped, more ends the handshake with
    unexpected_message. The client sends the data again after the handshake."""
    POST_HANDSHAKE_AUTH = 8
    """To send a certificate after the handshake if asked (section 4.2.6)."""


class Alert(enum.IntEnum):
    """Alert descriptions, for Session.reject() and spantls_error_t (RFC 8446 section 6)."""

    CLOSE_NOTIFY = 0
    """The sender closes its side (section 6.1). Not an error."""
    UNEXPECTED_MESSAGE = 10
    """A message that is not allowed at this point."""
    BAD_RECORD_MAC = 20
    """A record that cannot be decrypted."""
    RECORD_OVERFLOW = 22
    """A record that is too long."""
    HANDSHAKE_FAILURE = 40
    """No parameters in common; in TLS 1.2 also a missing certificate."""
    BAD_CERTIFICATE = 42
    """A certificate that is damaged, or issued for another name."""
    UNSUPPORTED_CERTIFICATE = 43
    """A certificate of an unsupported kind, or not meant for this use."""
    CERTIFICATE_REVOKED = 44
    """A certificate that its issuer has revoked."""
    CERTIFICATE_EXPIRED = 45
    """A certificate that has expired, or is not valid yet."""
    CERTIFICATE_UNKNOWN = 46
    """Another problem with the certificate."""
    ILLEGAL_PARAMETER = 47
    """A field with an invalid value."""
    UNKNOWN_CA = 48
    """No chain to a trusted certificate authority."""
    ACCESS_DENIED = 49
    """A valid certificate whose owner is denied access."""
    DECODE_ERROR = 50
    """A message that cannot be parsed."""
    DECRYPT_ERROR = 51
    """An invalid signature, Finished message or binder."""
    PROTOCOL_VERSION = 70
    """No protocol version in common."""
    INSUFFICIENT_SECURITY = 71
    """The peer's parameters are too weak."""
    INTERNAL_ERROR = 80
    """An error of the sender that has nothing to do with the peer."""
    INAPPROPRIATE_FALLBACK = 86
    """The client offers a lower version than it could (RFC 7507)."""
    USER_CANCELED = 90
    """The handshake was cancelled. Not an error."""
    NO_RENEGOTIATION = 100
    """A renegotiation was declined (RFC 5246 section 7.2.2)."""
    MISSING_EXTENSION = 109
    """A required extension is missing."""
    UNSUPPORTED_EXTENSION = 110
    """An extension that was not offered, or is not allowed here."""
    UNRECOGNIZED_NAME = 112
    """The server name (SNI) is unknown (RFC 6066 section 3)."""
    BAD_CERTIFICATE_STATUS_RESPONSE = 113
    """An invalid stapled OCSP response."""
    UNKNOWN_PSK_IDENTITY = 115
    """No known pre-shared key."""
    CERTIFICATE_REQUIRED = 116
    """A certificate is required, and the client sent none (TLS 1.3)."""
    NO_APPLICATION_PROTOCOL = 120
    """No application protocol in common (ALPN, RFC 7301 section 3.2)."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_ALERT_" + self.name


class AlpnMismatch(enum.IntEnum):
    """The values for Options.set_alpn_mismatch()."""

    FAIL = 0
    """The handshake ends with the alert no_application_protocol (RFC 7301 section 3.2; default)."""
    CONTINUE = 1
    """The handshake continues without an application protocol."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_ALPN_MISMATCH_" + self.name


class CipherSuite(enum.IntEnum):
    """The cipher suites that the library has, for Options.set_cipher_suites(): their IANA names and numbers."""

    AES_128_GCM_SHA256 = 0x1301
    """TLS 1.3."""
    AES_256_GCM_SHA384 = 0x1302
    """TLS 1.3."""
    CHACHA20_POLY1305_SHA256 = 0x1303
    """TLS 1.3."""
    ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xC02B
    """TLS 1.2, with an ECDSA or Ed25519 certificate, as the next two."""
    ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xC02C
    """TLS 1.2."""
    ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCA9
    """TLS 1.2."""
    ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xC02F
    """TLS 1.2, with an RSA certificate, as the next two."""
    ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xC030
    """TLS 1.2."""
    ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCA8
    """TLS 1.2."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_SUITE_" + self.name


class Group(enum.IntEnum):
    """The key-exchange groups that the library has, for Options.set_groups(): their IANA names and numbers."""

    SECP256R1 = 23
    """NIST P-256."""
    SECP384R1 = 24
    """NIST P-384."""
    X25519 = 29
    """Curve25519 (RFC 7748)."""
    X25519MLKEM768 = 0x11EC
    """X25519 and ML-KEM-768 together (hybrid, post-quantum). TLS 1.3 only."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_GROUP_" + self.name


class SignatureScheme(enum.IntEnum):
    """The signature schemes that the library has, for tls_credentials_create_external(): their IANA names and numbers (RFC 8446
    section 4.2.3)."""

    RSA_PKCS1_SHA256 = 0x0401
    """RSA, PKCS #1 v1.5; in TLS 1.3 only within certificates, as the next two."""
    RSA_PKCS1_SHA384 = 0x0501
    """RSA, PKCS #1 v1.5."""
    RSA_PKCS1_SHA512 = 0x0601
    """RSA, PKCS #1 v1.5."""
    ECDSA_SECP256R1_SHA256 = 0x0403
    """ECDSA; in TLS 1.3 with a P-256 key."""
    ECDSA_SECP384R1_SHA384 = 0x0503
    """ECDSA; in TLS 1.3 with a P-384 key."""
    RSA_PSS_RSAE_SHA256 = 0x0804
    """RSA, PSS."""
    RSA_PSS_RSAE_SHA384 = 0x0805
    """RSA, PSS."""
    RSA_PSS_RSAE_SHA512 = 0x0806
    """RSA, PSS."""
    ED25519 = 0x0807
    """Ed25519."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_SCHEME_" + self.name


class CertificateField(enum.IntEnum):
    """The fields of spantls_certificate_text()."""

    SUBJECT = 1
    """The distinguished name of the owner (RFC 4514)."""
    ISSUER = 2
    """The distinguished name of the CA that has issued it (RFC 4514)."""
    COMMON_NAME = 3
    """A common name (CN) of the subject. Anything can be in it: to compare server names use
    spantls_certificate_matches_name()."""
    SERIAL_NUMBER = 4
    """The serial number in hexadecimal digits, two for each byte, A to F as capitals."""
    DNS_NAME = 5
    """A DNS name of the subject alternative name (SAN); *.example.org is a wildcard."""
    IP_ADDRESS = 6
    """An IP address of the SAN; IPv6 as in RFC 5952."""
    URI = 7
    """A URI of the SAN, for example a SPIFFE ID."""
    EMAIL = 8
    """An e-mail address of the SAN."""

    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "SPANTLS_CERTIFICATE_" + self.name


class spantls_error_t(ctypes.Structure):
    """Why a call failed. Set struct_size to sizeof(spantls_error_t) first; later versions may add fields at the end."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("status", c_int32),
        ("alert_sent", c_int32),
        ("alert_received", c_int32),
        ("policy_errors", c_uint32),
        ("os_error", c_int32),
        ("reason", c_uint32),
        ("depth", c_int32),
        ("strict_rule", c_int32),
        ("message", c_char * 256),
    ]


class spantls_span_t(ctypes.Structure):
    """A span of bytes. If the length is 0 the span is empty, whatever the pointer."""

    _fields_ = [
        ("data", c_void_p),
        ("len", c_size_t),
    ]


class spantls_ticket_root_t(ctypes.Structure):
    """A root of session ticket keys, for Options.set_ticket_roots() and Context.set_ticket_roots(). Times are Unix times."""

    _fields_ = [
        ("secret", c_void_p),
        ("secret_len", c_size_t),
        ("seal_from", c_int64),
        ("open_until", c_int64),
    ]


class spantls_validation_t(ctypes.Structure):
    """Why the default validation would refuse the peer. Set struct_size to sizeof(spantls_validation_t) before passing it."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("policy_errors", c_uint32),
        ("reasons", c_uint32),
        ("reason", c_uint32),
        ("depth", c_int32),
        ("alert", c_int32),
        ("strict_rule", c_int32),
        ("message", c_char * 256),
    ]


class spantls_session_stats_t(ctypes.Structure):
    """What a session has counted. Set struct_size to its sizeof; later versions may add fields at the end. Bytes are counted
    when a call consumes or writes them."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("ciphertext_sent", c_uint64),
        ("ciphertext_received", c_uint64),
        ("plaintext_sent", c_uint64),
        ("plaintext_received", c_uint64),
        ("records_sent", c_uint64),
        ("records_received", c_uint64),
        ("key_updates_sent", c_uint64),
        ("key_updates_received", c_uint64),
        ("tickets_received", c_uint64),
        ("handshake_nanoseconds", c_uint64),
        ("server_options_nanoseconds", c_uint64),
        ("credentials_nanoseconds", c_uint64),
        ("validation_nanoseconds", c_uint64),
        ("signature_nanoseconds", c_uint64),
        ("receive_calls", c_uint64),
        ("send_calls", c_uint64),
        ("kernel_send", c_uint32),
        ("kernel_receive", c_uint32),
        ("kernel_reason", c_uint32),
        ("kernel_os_error", c_int32),
    ]


class spantls_certificate_info_t(ctypes.Structure):
    """The facts of a certificate that have a fixed size. Set struct_size to its sizeof; later versions may add fields at the
    end. spantls_certificate_text() has the names."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("not_before", c_int64),
        ("not_after", c_int64),
        ("sha256", c_uint8 * 32),
        ("public_key_sha256", c_uint8 * 32),
        ("is_ca", c_int32),
        ("num_common_names", c_uint32),
        ("num_dns_names", c_uint32),
        ("num_ip_addresses", c_uint32),
        ("num_uris", c_uint32),
        ("num_emails", c_uint32),
        ("num_other_names", c_uint32),
        ("reserved", c_uint32),
    ]


class spantls_part_t(ctypes.Structure):
    """A part of the ClientHello: len bytes from offset of the message that Session.client_hello copies. Both are 0 if it is
    absent."""

    _fields_ = [
        ("offset", c_uint32),
        ("len", c_uint32),
    ]


class spantls_client_hello_info_t(ctypes.Structure):
    """The contents of a ClientHello (RFC 8446 section 4.1.2). Set struct_size to its sizeof; later versions may add fields at
    the end. Lists of numbers are in the message as big-endian 16-bit integers, len / 2 of them, including GREASE values (RFC
    8701)."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("offers", c_uint32),
        ("legacy_version", c_uint16),
        ("num_key_share_groups", c_uint16),
        ("key_share_groups", c_uint16 * 16),
        ("random", spantls_part_t),
        ("session_id", spantls_part_t),
        ("cipher_suites", spantls_part_t),
        ("extensions", spantls_part_t),
        ("server_name", spantls_part_t),
        ("supported_versions", spantls_part_t),
        ("supported_groups", spantls_part_t),
        ("signature_algorithms", spantls_part_t),
        ("signature_algorithms_cert", spantls_part_t),
        ("alpn", spantls_part_t),
    ]


# Each function's result and arguments.
FUNCTIONS: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {
    "spantls_cipher_suite_name": (c_char_p, (c_uint16,)),
    "spantls_group_name": (c_char_p, (c_uint16,)),
    "spantls_signature_scheme_name": (c_char_p, (c_uint16,)),
    "spantls_version": (c_char_p, ()),
    "spantls_abi_version": (c_uint32, ()),
    "tls_status_name": (c_char_p, (c_int32,)),
    "spantls_alert_name": (c_char_p, (c_uint8,)),
    "spantls_last_error": (c_int32, (c_void_p,)),
    "spantls_suspended_handshakes": (c_int32, (c_void_p, c_void_p)),
    "tls_credentials_create_pem": (c_int32, (c_void_p, c_size_t, c_void_p, c_size_t, c_char_p, c_void_p)),
    "tls_credentials_create_file": (c_int32, (c_char_p, c_char_p, c_char_p, c_void_p)),
    "tls_credentials_create_der": (c_int32, (c_void_p, c_size_t, c_void_p, c_size_t, c_char_p, c_void_p)),
    "tls_credentials_create_external": (c_int32, (c_void_p, c_size_t, c_void_p, c_size_t, c_void_p)),
    "tls_credentials_set_ocsp_response": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_credentials_destroy": (None, (c_void_p,)),
    "tls_options_create": (c_int32, (c_void_p,)),
    "tls_options_destroy": (None, (c_void_p,)),
    "tls_options_set_credentials": (c_int32, (c_void_p, c_void_p)),
    "tls_options_add_credentials": (c_int32, (c_void_p, c_void_p)),
    "tls_options_add_credentials_for_name": (c_int32, (c_void_p, c_char_p, c_void_p)),
    "tls_options_set_certificate_requests": (c_int32, (c_void_p, c_int32)),
    "tls_options_add_trust_anchors_pem": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_options_add_trust_anchors_file": (c_int32, (c_void_p, c_char_p)),
    "tls_options_add_trust_anchors_der": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_options_add_system_trust_anchors": (c_int32, (c_void_p,)),
    "tls_options_set_trust_anchor_mode": (c_int32, (c_void_p, c_int32)),
    "tls_options_set_strict_certificates": (c_int32, (c_void_p, c_int32)),
    "tls_options_set_validation_time": (c_int32, (c_void_p, c_int64)),
    "tls_options_add_crls_pem": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_options_add_crls_file": (c_int32, (c_void_p, c_char_p)),
    "tls_options_add_crls_der": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_options_set_protocols": (c_int32, (c_void_p, c_uint32)),
    "tls_options_set_cipher_suites": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_options_set_groups": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_options_add_alpn": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_options_set_alpn_mismatch": (c_int32, (c_void_p, c_int32)),
    "tls_options_set_client_certificate_mode": (c_int32, (c_void_p, c_int32)),
    "tls_options_set_certificate_validation": (c_int32, (c_void_p, c_int32)),
    "tls_options_set_allow_resume": (c_int32, (c_void_p, c_int32)),
    "tls_options_set_validate_on_resume": (c_int32, (c_void_p, c_int32)),
    "tls_options_set_ticket_roots": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_options_set_ticket_lifetime": (c_int32, (c_void_p, c_uint32)),
    "tls_options_set_ticket_count": (c_int32, (c_void_p, c_uint32)),
    "tls_options_set_max_fragment_size": (c_int32, (c_void_p, c_size_t)),
    "tls_options_set_key_log_file": (c_int32, (c_void_p, c_char_p)),
    "tls_options_set_keep_client_hello": (c_int32, (c_void_p, c_int32)),
    "tls_context_create_server": (c_int32, (c_void_p, c_void_p)),
    "tls_context_create_client": (c_int32, (c_void_p, c_void_p)),
    "tls_context_destroy": (None, (c_void_p,)),
    "tls_context_set_ticket_roots": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_context_forget_expired": (c_int32, (c_void_p,)),
    "tls_context_is_server": (c_int32, (c_void_p,)),
    "tls_context_set_user_data": (c_int32, (c_void_p, c_void_p)),
    "tls_context_user_data": (c_void_p, (c_void_p,)),
    "tls_session_create": (c_int32, (c_void_p, c_void_p)),
    "tls_session_destroy": (None, (c_void_p,)),
    "tls_session_set_target_host_name": (c_int32, (c_void_p, c_char_p)),
    "tls_session_add_alpn": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_session_set_user_data": (c_int32, (c_void_p, c_void_p)),
    "tls_session_user_data": (c_void_p, (c_void_p,)),
    "tls_session_handshake": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p)),
    "tls_session_encrypt": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p)),
    "tls_session_ciphertext_size": (c_size_t, (c_void_p, c_size_t)),
    "tls_session_encrypt_vectored": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p)),
    "tls_session_decrypt": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p)),
    "tls_session_decrypt_in_place": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p)),
    "tls_session_request_client_certificate": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_update_keys": (c_int32, (c_void_p, c_int32, c_void_p, c_size_t, c_void_p)),
    "tls_session_shutdown": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_drain_pending_output": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_end_of_input": (c_int32, (c_void_p,)),
    "tls_session_error": (c_int32, (c_void_p, c_void_p)),
    "tls_session_create_with_socket": (c_int32, (c_void_p, c_ssize_t, c_uint32, c_void_p)),
    "tls_session_socket_handshake": (c_int32, (c_void_p,)),
    "tls_session_socket_read": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_socket_write": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_socket_write_vectored": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_socket_shutdown": (c_int32, (c_void_p,)),
    "tls_session_socket_finish": (c_int32, (c_void_p,)),
    "tls_session_socket_bytes_after_close": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_socket": (c_ssize_t, (c_void_p,)),
    "tls_session_accept_with_default_validation": (c_int32, (c_void_p, c_void_p)),
    "tls_session_default_validation": (c_int32, (c_void_p, c_void_p)),
    "tls_session_set_certificate_validation_result": (c_int32, (c_void_p, c_uint32)),
    "tls_session_reject_certificate": (c_int32, (c_void_p, c_uint8)),
    "tls_session_reject": (c_int32, (c_void_p, c_uint8)),
    "tls_session_set_server_context": (c_int32, (c_void_p, c_void_p)),
    "tls_session_set_client_credentials": (c_int32, (c_void_p, c_void_p)),
    "tls_session_acceptable_issuer_count": (c_int32, (c_void_p, c_void_p)),
    "tls_session_acceptable_issuer": (c_int32, (c_void_p, c_size_t, c_void_p, c_size_t, c_void_p)),
    "tls_session_acceptable_signature_scheme": (c_uint16, (c_void_p, c_size_t)),
    "tls_session_signature_request": (c_int32, (c_void_p, c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_set_signature": (c_int32, (c_void_p, c_void_p, c_size_t)),
    "tls_session_state": (c_uint32, (c_void_p,)),
    "tls_session_is_handshake_complete": (c_int32, (c_void_p,)),
    "tls_session_has_pending_output": (c_int32, (c_void_p,)),
    "tls_session_negotiated_protocol": (c_uint32, (c_void_p,)),
    "tls_session_negotiated_cipher_suite": (c_uint16, (c_void_p,)),
    "tls_session_negotiated_group": (c_uint16, (c_void_p,)),
    "tls_session_peer_signature_scheme": (c_uint16, (c_void_p,)),
    "tls_session_negotiated_alpn": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_target_host_name": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_stats": (c_int32, (c_void_p, c_void_p)),
    "tls_session_shrink": (c_int32, (c_void_p, c_int32)),
    "tls_session_remote_certificate_count": (c_int32, (c_void_p, c_void_p)),
    "tls_session_remote_certificate": (c_int32, (c_void_p, c_size_t, c_void_p, c_size_t, c_void_p)),
    "tls_session_verified_certificate_count": (c_int32, (c_void_p, c_void_p)),
    "tls_session_verified_certificate": (c_int32, (c_void_p, c_size_t, c_void_p, c_size_t, c_void_p)),
    "tls_session_local_certificate": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_ocsp_response": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_channel_binding": (c_int32, (c_void_p, c_int32, c_void_p, c_size_t, c_void_p)),
    "tls_session_is_channel_binding_sound": (c_int32, (c_void_p,)),
    "tls_session_export_keying_material": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_size_t)),
    "spantls_certificate_info": (c_int32, (c_void_p, c_size_t, c_void_p)),
    "spantls_certificate_text": (c_int32, (c_void_p, c_size_t, c_int32, c_size_t, c_void_p, c_size_t, c_void_p)),
    "spantls_certificate_matches_name": (c_int32, (c_void_p, c_size_t, c_char_p)),
    "tls_session_remote_certificate_info": (c_int32, (c_void_p, c_size_t, c_void_p)),
    "tls_session_remote_certificate_text": (c_int32, (c_void_p, c_size_t, c_int32, c_size_t, c_void_p, c_size_t, c_void_p)),
    "tls_session_client_hello": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_client_hello_info": (c_int32, (c_void_p, c_void_p)),
    "tls_session_ja3": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_ja3_text": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_ja4": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
    "tls_session_ja4_text": (c_int32, (c_void_p, c_void_p, c_size_t, c_void_p)),
}


def declare(library: ctypes.CDLL) -> None:
    """Gives the functions of the library their types. AttributeError: an older library, which lacks one of them."""
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


# What the package passes on.
__all__ = [
    "VERSION", "VERSION_MAJOR", "VERSION_MINOR", "VERSION_PATCH", "VERSION_NUMBER", "ERROR_MESSAGE_SIZE", "ABI_VERSION",
    "VALIDATION_TIME_NOW", "MIN_CIPHERTEXT", "MAX_RECORD", "MAX_KEY_SHARES", "Status", "Protocol", "ClientCertificate",
    "Validation", "CertificateRequests", "TrustAnchors", "State", "PolicyErrors", "Reason", "StrictRule", "ChannelBinding",
    "Shrink", "SocketFlags", "KernelReason", "Offers", "Alert", "AlpnMismatch", "CipherSuite", "Group", "SignatureScheme",
    "CertificateField",
]
