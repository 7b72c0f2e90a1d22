"""How the names of the C interface are called in Python and in C#: by rule, with the exceptions here."""

import os
import re
from typing import Callable, Dict, NamedTuple, Optional, Tuple

from .header import Enumeration


class Managed(NamedTuple):
    """An enumeration of C#. Those without a row in MANAGED are internal, with the name that the rule gives them."""

    name: str
    summary: str
    has: Callable[[int], bool] = lambda value: True
    none: Optional[str] = None  # what the value 0 means where C has no enumerator for it


# Where Python's class is not the C enumeration's name.
PYTHON = {
    "spantls_trust_anchor_values": "TrustAnchors", "spantls_policy_error_values": "PolicyErrors",
    "spantls_offer_values": "Offers", "spantls_socket_values": "SocketFlags",
    "spantls_suite_values": "CipherSuite", "spantls_scheme_values": "SignatureScheme",
}
# Flags with a member for none of them.
PYTHON_NONE = {"spantls_policy_error_values"}

MANAGED: Dict[str, Tuple[Managed, ...]] = {
    "tls_status_values": (
        Managed("TlsOperationStatus", "What an operation wants next. 0 to 6 are the values that .NET's TlsOperationStatus was first "
                "proposed with.", lambda value: value >= 0),
        Managed("TlsError", "What went wrong; the values of the C interface.", lambda value: value < 0, "Nothing has failed."),
    ),
    "spantls_client_certificate_values": (
        Managed("TlsClientCertificateMode", "Whether a server asks its clients for certificates (mutual TLS)."),),
    "spantls_channel_binding_values": (
        Managed("TlsChannelBindingKind", "Channel bindings; the first two as in "
                '<see cref="System.Security.Authentication.ExtendedProtection.ChannelBindingKind"/>.'),),
    "spantls_state_values": (Managed("TlsSessionStates", "Where a session is.", none="None of the others."),),
    "spantls_reason_values": (
        Managed("TlsValidationReasons", "Why the peer's certificate is refused.", none="Nothing is wrong."),),
    "spantls_strict_rule_values": (
        Managed("TlsStrictRule", "Rules of the strict profile (RFC 5280 section 4)."),),
    "spantls_kernel_reason_values": (
        Managed("TlsKernelReason", "Why the kernel's TLS is not used, or not for both directions."),),
    "spantls_shrink_values": (Managed("TlsShrink", "What <see cref=\"TlsSession.Shrink\"/> frees."),),
    "spantls_alert_values": (Managed("TlsAlert", "Alerts (RFC 8446 section 6)."),),
    "spantls_group_values": (
        Managed("TlsGroup", "The key-exchange groups that the library has, by their IANA numbers: for "
                '<see cref="TlsContextSettings.Groups"/>.'),),
    "spantls_scheme_values": (
        Managed("TlsSignatureScheme", "The signature schemes that the library has, by their IANA numbers (RFC 8446 section 4.2.3)."),),
    "spantls_socket_values": (Managed("TlsSocketFlags", "Who closes a socket, and what the kernel does for it."),),
}

# Members of the bindings that are not called like the function behind them.
PYTHON_MEMBERS = {
    "tls_session_handshake": "Session.process_handshake()", "tls_session_socket_handshake": "Session.handshake()",
    "tls_session_socket_read": "Session.read()", "tls_session_socket_write": "Session.write()",
    "tls_session_create_with_socket": "Session()", "tls_session_error": "Session.error",
    "tls_session_signature_request": "Session.signature_request()", "tls_session_state": "Session.state",
    "tls_session_channel_binding": "Session.channel_binding()", "tls_session_destroy": "Session.close()",
}
MANAGED_MEMBERS = {
    "tls_session_set_server_context": "TlsSession.SetServerOptions", "tls_session_destroy": "TlsSession.Dispose",
    "tls_session_default_validation": "TlsSession.GetDefaultValidation",
    "tls_session_handshake": "TlsSession.ProcessHandshake", "tls_session_socket_handshake": "TlsSession.Handshake",
    "tls_session_socket_read": "TlsSession.Read", "tls_session_socket_write": "TlsSession.Write",
    "tls_session_set_certificate_validation_result": "TlsSession.SetRemoteCertificateValidationResult",
    "tls_session_signature_request": "TlsSession.GetSignatureRequest", "tls_session_error": "TlsException",
    "tls_session_channel_binding": "TlsSession.GetChannelBinding",
}


def words(name: str) -> str:
    """The name of a C type without its frame: spantls_kernel_reason_values is kernel_reason."""
    return re.sub(r"^(?:spantls|tls)_|_(?:t|values)$", "", name)


def pascal(name: str) -> str:
    return "".join(word[:1].upper() + word[1:].lower() for word in name.split("_"))


def camel(name: str) -> str:
    return pascal(name)[:1].lower() + pascal(name)[1:]


def prefix(enumeration: Enumeration) -> str:
    """What the names of all members begin with, up to an underscore."""
    return re.sub(r"[^_]*$", "", os.path.commonprefix([member.name for member in enumeration.members]))


def is_flags(enumeration: Enumeration) -> bool:
    """By what the header says of it."""
    return enumeration.doc.startswith(("The bits of", "Flags of", "The values for `tls_options_set_protocols()`"))


def number(value: int) -> str:
    """Small numbers and bits in decimal, the others as the registries print them."""
    return f"0x{value:04X}" if value > 255 and value & (value - 1) else str(value)
