"""The exception, and names."""

from __future__ import annotations

from typing import Optional

from ._library import lib
from ._native import PolicyErrors, Reason, Status, StrictRule


def status_name(status: int) -> str:
    """The status as the C header spells it, for example TLS_STATUS_WANT_READ."""
    return str(lib.tls_status_name(status).decode())


def alert_name(alert: int) -> str:
    """The alert as the RFCs spell it, for example unknown_ca."""
    return str(lib.spantls_alert_name(alert).decode())


def cipher_suite_name(number: int) -> str:
    """The IANA name of a cipher suite; "unknown" for any other number."""
    return str(lib.spantls_cipher_suite_name(number).decode())


def group_name(number: int) -> str:
    """The IANA name of a key-exchange group; "unknown" for any other number."""
    return str(lib.spantls_group_name(number).decode())


def signature_scheme_name(number: int) -> str:
    """The IANA name of a signature scheme; "unknown" for any other number."""
    return str(lib.spantls_signature_scheme_name(number).decode())


class TlsError(Exception):
    """A call has failed. `consumed` and `written` are what it did all the same: a failed handshake call has often
    written the alert, which is to be sent."""

    def __init__(self, status: Status, message: str, alert_sent: Optional[int] = None,
                 alert_received: Optional[int] = None, policy_errors: int = 0, os_error: int = 0, reason: int = 0,
                 depth: Optional[int] = None, strict_rule: int = 0) -> None:
        super().__init__(f"{status.name}: {message}")
        self.status = status
        self.message = message
        self.alert_sent = alert_sent
        self.alert_received = alert_received
        self.policy_errors = PolicyErrors(policy_errors)
        self.os_error = os_error
        self.reason = Reason(reason)  # why the default validation has refused the peer
        self.depth = depth  # of the certificate with that reason: 0 is the leaf
        self.strict_rule = StrictRule(strict_rule)
        self.consumed = 0
        self.written = 0

    def unraised(self) -> "TlsError":
        """The same, without a traceback: for keeping it."""
        return TlsError(self.status, self.message, self.alert_sent, self.alert_received, self.policy_errors, self.os_error,
                        self.reason, self.depth, self.strict_rule)

    @property
    def origin(self) -> str:
        """Who ended it: "peer" by an alert, "us" by an alert or a verdict, "transport", or "call" for a wrong use."""
        if self.alert_received is not None:
            return "peer"
        if self.alert_sent is not None:
            return "us"
        return "transport" if self.status in (Status.TRUNCATED, Status.IO_ERROR) else "call"
