"""Statuses, flags and the exception."""

from __future__ import annotations

import enum
from typing import Optional

from ._library import lib


class Status(enum.IntEnum):
    """What a call returned (tls_status_t). Negative ones are raised as TlsError, never returned."""

    COMPLETE = 0
    WANT_READ = 1
    WANT_WRITE = 2
    CLOSED = 3
    WANT_CREDENTIALS = 4
    NEEDS_CERTIFICATE_VALIDATION = 5
    NEEDS_SERVER_OPTIONS = 6
    NEEDS_SIGNATURE = 16
    BUFFER_TOO_SMALL = 17
    INVALID_ARGUMENT = -1
    INVALID_STATE = -2
    AUTHENTICATION_FAILED = -3
    PROTOCOL_ERROR = -4
    TRUNCATED = -5
    IO_ERROR = -6
    INVALID_CONFIGURATION = -7
    NOT_SUPPORTED = -8
    BUSY = -9
    OUT_OF_RESOURCES = -10
    INTERNAL_ERROR = -128

    @property
    def c_name(self) -> str:
        """The name in the C header, for example TLS_STATUS_WANT_READ."""
        return str(lib.tls_status_name(self).decode())


class Protocol(enum.IntFlag):
    TLS12 = 0x0C00
    TLS13 = 0x3000


class ClientCertificate(enum.IntEnum):
    NONE = 0
    REQUEST = 1
    REQUIRE = 2


class Validation(enum.IntEnum):
    EXTERNAL = 0
    AUTOMATIC = 1


class TrustAnchors(enum.IntEnum):
    """What the default validation takes trust anchors for."""

    AUTHORITIES = 0
    CERTIFICATES = 1
    PARTIAL_CHAIN = 2


class State(enum.IntFlag):
    HANDSHAKE_COMPLETE = 1
    HAS_PENDING_OUTPUT = 2
    HAS_PENDING_PLAINTEXT = 4
    SUSPENDED = 8
    RESUMED = 16
    HELLO_RETRIED = 32
    PEER_CLOSED = 64
    SHUTDOWN_SENT = 128
    FAILED = 256
    CERTIFICATE_ASKED = 512
    CERTIFICATE_REQUESTED = 1024
    CERTIFICATE_ANSWERED = 2048


class PolicyErrors(enum.IntFlag):
    NONE = 0
    NOT_AVAILABLE = 1
    NAME_MISMATCH = 2
    CHAIN_ERRORS = 4


class ChannelBinding(enum.IntEnum):
    UNIQUE = 25
    ENDPOINT = 26
    EXPORTER = 27


class Offers(enum.IntFlag):
    TLS13 = 1
    PRE_SHARED_KEY = 2
    EARLY_DATA = 4
    POST_HANDSHAKE_AUTH = 8


class SocketFlags(enum.IntFlag):
    BORROW = 1
    OWN = 2
    KERNEL_SEND = 4
    KERNEL_RECEIVE = 8


class KernelReason(enum.IntEnum):
    """Why the kernel does not do what it was asked for."""

    NONE = 0
    PLATFORM = 1
    UNAVAILABLE = 2
    REFUSED = 3
    OPTIONS = 4


class Alert(enum.IntEnum):
    """Alert descriptions (RFC 8446 section 6)."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    BAD_RECORD_MAC = 20
    RECORD_OVERFLOW = 22
    HANDSHAKE_FAILURE = 40
    BAD_CERTIFICATE = 42
    UNSUPPORTED_CERTIFICATE = 43
    CERTIFICATE_REVOKED = 44
    CERTIFICATE_EXPIRED = 45
    CERTIFICATE_UNKNOWN = 46
    ILLEGAL_PARAMETER = 47
    UNKNOWN_CA = 48
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    DECRYPT_ERROR = 51
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    INAPPROPRIATE_FALLBACK = 86
    USER_CANCELED = 90
    NO_RENEGOTIATION = 100
    MISSING_EXTENSION = 109
    UNSUPPORTED_EXTENSION = 110
    UNRECOGNIZED_NAME = 112
    BAD_CERTIFICATE_STATUS_RESPONSE = 113
    UNKNOWN_PSK_IDENTITY = 115
    CERTIFICATE_REQUIRED = 116
    NO_APPLICATION_PROTOCOL = 120


def alert_name(alert: int) -> str:
    """The alert as the RFCs spell it, for example unknown_ca."""
    return str(lib.spantls_alert_name(alert).decode())


class TlsError(Exception):
    """A call has failed. `consumed` and `written` are what it did all the same: a failed handshake call has often
    written the alert, which is to be sent."""

    def __init__(self, status: Status, message: str, alert_sent: Optional[int] = None,
                 alert_received: Optional[int] = None, policy_errors: int = 0, os_error: int = 0) -> None:
        super().__init__(f"{status.name}: {message}")
        self.status = status
        self.message = message
        self.alert_sent = alert_sent
        self.alert_received = alert_received
        self.policy_errors = PolicyErrors(policy_errors)
        self.os_error = os_error
        self.consumed = 0
        self.written = 0

    def unraised(self) -> "TlsError":
        """The same, without a traceback: for keeping it."""
        return TlsError(self.status, self.message, self.alert_sent, self.alert_received, self.policy_errors, self.os_error)

    @property
    def origin(self) -> str:
        """Who ended it: "peer" by an alert, "us" by an alert or a verdict, "transport", or "call" for a wrong use."""
        if self.alert_received is not None:
            return "peer"
        if self.alert_sent is not None:
            return "us"
        return "transport" if self.status in (Status.TRUNCATED, Status.IO_ERROR) else "call"


def cipher_suite_name(number: int) -> str:
    """The IANA name of a cipher suite; "unknown" for any other number."""
    return str(lib.spantls_cipher_suite_name(number).decode())


def group_name(number: int) -> str:
    """The IANA name of a key-exchange group; "unknown" for any other number."""
    return str(lib.spantls_group_name(number).decode())


def signature_scheme_name(number: int) -> str:
    """The IANA name of a signature scheme; "unknown" for any other number."""
    return str(lib.spantls_signature_scheme_name(number).decode())


class CipherSuite(enum.IntEnum):
    AES_128_GCM_SHA256 = 0x1301
    AES_256_GCM_SHA384 = 0x1302
    CHACHA20_POLY1305_SHA256 = 0x1303
    ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xC02B
    ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xC02C
    ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCA9
    ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xC02F
    ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xC030
    ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xCCA8


class Group(enum.IntEnum):
    SECP256R1 = 0x0017
    SECP384R1 = 0x0018
    X25519 = 0x001D
    X25519MLKEM768 = 0x11EC


class SignatureScheme(enum.IntEnum):
    RSA_PKCS1_SHA256 = 0x0401
    RSA_PKCS1_SHA384 = 0x0501
    RSA_PKCS1_SHA512 = 0x0601
    ECDSA_SECP256R1_SHA256 = 0x0403
    ECDSA_SECP384R1_SHA384 = 0x0503
    RSA_PSS_RSAE_SHA256 = 0x0804
    RSA_PSS_RSAE_SHA384 = 0x0805
    RSA_PSS_RSAE_SHA512 = 0x0806
    ED25519 = 0x0807
