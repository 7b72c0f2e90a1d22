"""ssl's exceptions for what the engine says, with the reasons that OpenSSL has for the same."""

from __future__ import annotations

import ssl
from typing import Optional, Type

from ._errors import TlsError
from ._native import Alert, PolicyErrors, Status

_SSLV3 = {10: "UNEXPECTED_MESSAGE", 20: "BAD_RECORD_MAC", 40: "HANDSHAKE_FAILURE", 42: "BAD_CERTIFICATE",
          43: "UNSUPPORTED_CERTIFICATE", 44: "CERTIFICATE_REVOKED", 45: "CERTIFICATE_EXPIRED",
          46: "CERTIFICATE_UNKNOWN", 47: "ILLEGAL_PARAMETER"}
_OTHERS = {109: "TLSV13_ALERT_MISSING_EXTENSION", 116: "TLSV13_ALERT_CERTIFICATE_REQUIRED",
           111: "TLSV1_CERTIFICATE_UNOBTAINABLE", 113: "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE", 114: "TLSV1_BAD_CERTIFICATE_HASH_VALUE",
           112: "TLSV1_UNRECOGNIZED_NAME", 110: "TLSV1_UNSUPPORTED_EXTENSION", 90: "TLSV1_ALERT_USER_CANCELLED"}

def received_reason(alert: int) -> str:
    if alert in _SSLV3:
        return "SSLV3_ALERT_" + _SSLV3[alert]
    if alert in _OTHERS:
        return _OTHERS[alert]
    try:
        return "TLSV1_ALERT_" + Alert(alert).name
    except ValueError:
        return f"ALERT_{alert}"


def make(reason: str, text: str, number: int = ssl.SSL_ERROR_SSL, kind: Type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    return _with(kind(int(number), f"[SSL: {reason}] {text} (spantls)"), reason, "SSL")


# OpenSSL's numbers of reasons, which ssl has as errno where a call is refused at once.
_NUMBERS = {"WRONG_SSL_VERSION": 266, "EXTENSION_NOT_RECEIVED": 279, "INVALID_CONFIG": 283, "NOT_SERVER": 284,
            "SSL3_EXT_INVALID_SERVERNAME": 319}


def numbered(reason: str, detail: str = "") -> ssl.SSLError:
    text = reason.lower().replace("_", " ") + (detail and f": {detail}")
    return make(reason, text, _NUMBERS.get(reason, int(ssl.SSL_ERROR_SSL)))


def plain(text: str) -> ssl.SSLError:
    """A refusal of ssl's own, which OpenSSL has no reason for."""
    return _with(ssl.SSLError(0, f"{text} (spantls)"))


def _with(error: ssl.SSLError, reason: Optional[str] = None, library: Optional[str] = None) -> ssl.SSLError:
    """With the attributes that the module _ssl gives each of its exceptions."""
    error.reason, error.library = reason, library  # type: ignore[assignment]
    return error


def want_read() -> ssl.SSLError:
    return _with(ssl.SSLWantReadError(int(ssl.SSL_ERROR_WANT_READ), "The operation did not complete (read)"))


def want_write() -> ssl.SSLError:
    return _with(ssl.SSLWantWriteError(int(ssl.SSL_ERROR_WANT_WRITE), "The operation did not complete (write)"))


def eof() -> ssl.SSLError:
    return make("UNEXPECTED_EOF_WHILE_READING", "EOF occurred in violation of protocol", ssl.SSL_ERROR_EOF, ssl.SSLEOFError)


def lost() -> ssl.SSLError:
    """What every call raises after the one that has raised the reason."""
    return _with(ssl.SSLEOFError(int(ssl.SSL_ERROR_EOF), "EOF occurred in violation of protocol (spantls)"))


def zero_return() -> ssl.SSLError:
    return _with(ssl.SSLZeroReturnError(int(ssl.SSL_ERROR_ZERO_RETURN), "TLS/SSL connection has been closed (EOF) (spantls)"))


def verification(code: int, text: str) -> ssl.SSLError:
    """The peer's certificate was refused."""
    result = make("CERTIFICATE_VERIFY_FAILED", f"certificate verify failed: {text}", kind=ssl.SSLCertVerificationError)
    result.verify_code, result.verify_message = code, text  # type: ignore[attr-defined]
    return result


def _own_reason(error: TlsError, first: bytes, record: bytes) -> str:
    """OpenSSL's name for a failure that was found on our side."""
    alert = error.alert_sent
    if first.startswith((b"GET ", b"POST ", b"HEAD ", b"PUT ")):
        return "HTTP_REQUEST"
    if first == b"CONNE":
        return "HTTPS_PROXY_REQUEST"
    if error.policy_errors & PolicyErrors.NOT_AVAILABLE:
        return "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    if alert == Alert.PROTOCOL_VERSION:
        return "UNSUPPORTED_PROTOCOL"
    if alert == Alert.HANDSHAKE_FAILURE:
        return "NO_SHARED_CIPHER"
    if alert == Alert.CERTIFICATE_REQUIRED:
        return "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    if alert == Alert.BAD_RECORD_MAC:
        return "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"
    if alert in (Alert.UNEXPECTED_MESSAGE, Alert.DECODE_ERROR, Alert.RECORD_OVERFLOW) and any(
            start and not 0x14 <= start[0] <= 0x17 for start in (first, record)):
        return "WRONG_VERSION_NUMBER"
    if alert == Alert.RECORD_OVERFLOW:
        return "PACKET_LENGTH_TOO_LONG"
    return Alert(alert).name if alert is not None and alert in set(Alert) else error.status.name


def translate(error: TlsError, first: bytes = b"", record: bytes = b"", own: Optional[str] = None) -> Exception:
    """The exception that a user of ssl expects. `first` is what the peer has sent first, `record` the begin of the record that
    was refused, `own` the reason of a refusal of ours."""
    if error.status == Status.TRUNCATED:
        return eof()
    if error.status == Status.IO_ERROR:
        return OSError(error.os_error, error.message)
    if error.alert_received == Alert.CLOSE_NOTIFY:
        return zero_return()
    if error.alert_received is not None:
        reason = received_reason(error.alert_received)
        return make(reason, reason.lower().replace("_", " "))
    reason = own or _own_reason(error, first, record)
    return make(reason, f"{reason.lower().replace('_', ' ')}: {error.message}")
