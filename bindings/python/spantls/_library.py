"""The shared library: where it is, and the C types of its functions."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from typing import Dict, List, Optional, Tuple

ABI_VERSION = 1


class Part(ctypes.Structure):
    """spantls_part_t."""

    _fields_ = [("offset", ctypes.c_uint32), ("len", ctypes.c_uint32)]


HELLO_PARTS = ("random", "session_id", "cipher_suites", "extensions", "server_name", "supported_versions",
               "supported_groups", "signature_algorithms", "signature_algorithms_cert", "alpn")


class ClientHelloRecord(ctypes.Structure):
    """spantls_client_hello_info_t."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("offers", ctypes.c_uint32),
        ("legacy_version", ctypes.c_uint16),
        ("num_key_share_groups", ctypes.c_uint16),
        ("key_share_groups", ctypes.c_uint16 * 16),
        *((part, Part) for part in HELLO_PARTS),
    ]


class ErrorRecord(ctypes.Structure):
    """spantls_error_t."""

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


COUNTERS = ("ciphertext_sent", "ciphertext_received", "plaintext_sent", "plaintext_received", "records_sent",
            "records_received", "key_updates_sent", "key_updates_received", "tickets_received",
            "handshake_nanoseconds", "server_options_nanoseconds", "credentials_nanoseconds",
            "validation_nanoseconds", "signature_nanoseconds", "receive_calls", "send_calls")


class StatsRecord(ctypes.Structure):
    """spantls_session_stats_t."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        *((name, ctypes.c_uint64) for name in COUNTERS),
        ("kernel_send", ctypes.c_uint32),
        ("kernel_receive", ctypes.c_uint32),
        ("kernel_reason", ctypes.c_uint32),
        ("kernel_os_error", ctypes.c_int32),
    ]


class Span(ctypes.Structure):
    """spantls_span_t."""

    _fields_ = [("data", ctypes.c_void_p), ("len", ctypes.c_size_t)]


# The types of the functions, one letter each: h handle or span, n size, i status or number (int32), I uint32,
# l int64, w uint16, b byte (uint8), s text, f socket, v nothing.
_TYPES: Dict[str, object] = {
    "h": ctypes.c_void_p, "n": ctypes.c_size_t, "i": ctypes.c_int32, "I": ctypes.c_uint32, "l": ctypes.c_int64, "w": ctypes.c_uint16,
    "b": ctypes.c_uint8, "s": ctypes.c_char_p, "f": ctypes.c_ssize_t, "v": None,
}

# name, result, arguments; in the header's order.
FUNCTIONS: List[Tuple[str, str, str]] = [
    ("spantls_version", "s", ""),
    ("spantls_abi_version", "I", ""),
    ("tls_status_name", "s", "i"),
    ("spantls_alert_name", "s", "b"),
    ("spantls_cipher_suite_name", "s", "w"),
    ("spantls_group_name", "s", "w"),
    ("spantls_signature_scheme_name", "s", "w"),
    ("spantls_last_error", "i", "h"),
    ("spantls_suspended_handshakes", "i", "hh"),
    ("tls_credentials_create_pem", "i", "hnhnh"),
    ("tls_credentials_create_file", "i", "ssh"),
    ("tls_credentials_create_external", "i", "hnhnh"),
    ("tls_credentials_set_ocsp_response", "i", "hhn"),
    ("tls_credentials_destroy", "v", "h"),
    ("tls_options_create", "i", "h"),
    ("tls_options_destroy", "v", "h"),
    ("tls_options_set_credentials", "i", "hh"),
    ("tls_options_add_trust_anchors_pem", "i", "hhn"),
    ("tls_options_add_trust_anchors_file", "i", "hs"),
    ("tls_options_set_trust_anchor_mode", "i", "hi"),
    ("tls_options_set_strict_certificates", "i", "hi"),
    ("tls_options_set_validation_time", "i", "hl"),
    ("tls_options_add_crls_pem", "i", "hhn"),
    ("tls_options_set_protocols", "i", "hI"),
    ("tls_options_set_cipher_suites", "i", "hhn"),
    ("tls_options_set_groups", "i", "hhn"),
    ("tls_options_add_alpn", "i", "hhn"),
    ("tls_options_set_client_certificate_mode", "i", "hi"),
    ("tls_options_set_certificate_validation", "i", "hi"),
    ("tls_options_set_allow_resume", "i", "hi"),
    ("tls_options_set_validate_on_resume", "i", "hi"),
    ("tls_options_set_ticket_keys", "i", "hhnI"),
    ("tls_options_set_max_fragment_size", "i", "hn"),
    ("tls_options_set_key_log_file", "i", "hs"),
    ("tls_options_set_keep_client_hello", "i", "hi"),
    ("tls_context_create_server", "i", "hh"),
    ("tls_context_create_client", "i", "hh"),
    ("tls_context_destroy", "v", "h"),
    ("tls_context_is_server", "i", "h"),
    ("tls_session_create", "i", "hh"),
    ("tls_session_create_with_socket", "i", "hfIh"),
    ("tls_session_destroy", "v", "h"),
    ("tls_session_set_target_host_name", "i", "hs"),
    ("tls_session_handshake", "i", "hhnhnhh"),
    ("tls_session_encrypt", "i", "hhnhnhh"),
    ("tls_session_encrypt_vectored", "i", "hhnhnhh"),
    ("tls_session_decrypt", "i", "hhnhnhh"),
    ("tls_session_decrypt_in_place", "i", "hhnhhh"),
    ("tls_session_request_client_certificate", "i", "hhnh"),
    ("tls_session_update_keys", "i", "hihnh"),
    ("tls_session_shutdown", "i", "hhnh"),
    ("tls_session_drain_pending_output", "i", "hhnh"),
    ("tls_session_end_of_input", "i", "h"),
    ("tls_session_socket_handshake", "i", "h"),
    ("tls_session_socket_read", "i", "hhnh"),
    ("tls_session_socket_write", "i", "hhnh"),
    ("tls_session_socket_write_vectored", "i", "hhnh"),
    ("tls_session_socket_shutdown", "i", "h"),
    ("tls_session_socket_finish", "i", "h"),
    ("tls_session_socket_bytes_after_close", "i", "hhnh"),
    ("tls_session_socket", "f", "h"),
    ("tls_session_error", "i", "hh"),
    ("tls_session_accept_with_default_validation", "i", "hh"),
    ("tls_session_default_policy_errors", "i", "hh"),
    ("tls_session_set_certificate_validation_result", "i", "hI"),
    ("tls_session_reject_certificate", "i", "hb"),
    ("tls_session_reject", "i", "hb"),
    ("tls_session_set_server_context", "i", "hh"),
    ("tls_session_set_client_credentials", "i", "hh"),
    ("tls_session_acceptable_issuer_count", "i", "hh"),
    ("tls_session_acceptable_issuer", "i", "hnhnh"),
    ("tls_session_acceptable_signature_scheme", "w", "hn"),
    ("tls_session_signature_request", "i", "hhhnh"),
    ("tls_session_set_signature", "i", "hhn"),
    ("tls_session_state", "I", "h"),
    ("tls_session_is_handshake_complete", "i", "h"),
    ("tls_session_has_pending_output", "i", "h"),
    ("tls_session_negotiated_protocol", "I", "h"),
    ("tls_session_negotiated_cipher_suite", "w", "h"),
    ("tls_session_negotiated_group", "w", "h"),
    ("tls_session_peer_signature_scheme", "w", "h"),
    ("tls_session_negotiated_alpn", "i", "hhnh"),
    ("tls_session_target_host_name", "i", "hhnh"),
    ("tls_session_stats", "i", "hh"),
    ("tls_session_shrink", "i", "hi"),
    ("tls_session_remote_certificate_count", "i", "hh"),
    ("tls_session_remote_certificate", "i", "hnhnh"),
    ("tls_session_verified_certificate_count", "i", "hh"),
    ("tls_session_verified_certificate", "i", "hnhnh"),
    ("tls_session_local_certificate", "i", "hhnh"),
    ("tls_session_ocsp_response", "i", "hhnh"),
    ("tls_session_channel_binding", "i", "hihnh"),
    ("tls_session_is_channel_binding_sound", "i", "h"),
    ("tls_session_export_keying_material", "i", "hhnhnhn"),
    ("tls_session_client_hello", "i", "hhnh"),
    ("tls_session_client_hello_info", "i", "hh"),
    ("tls_session_ja3", "i", "hhnh"),
    ("tls_session_ja3_text", "i", "hhnh"),
    ("tls_session_ja4", "i", "hhnh"),
    ("tls_session_ja4_text", "i", "hhnh"),
]


def _candidates() -> List[str]:
    name = "libspantls.dylib" if sys.platform == "darwin" else "libspantls.so"
    inside = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    if os.path.exists(inside):
        return [inside]
    given = os.environ.get("SPANTLS_LIB")
    if given:
        return [given]
    found: Optional[str] = ctypes.util.find_library("spantls")
    return [found] if found else [name + ".0", name]


def load() -> ctypes.CDLL:
    """Loads the library: the wheel's own, else what SPANTLS_LIB names, else the system's."""
    failures: List[str] = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            break
        except OSError as error:
            failures.append(str(error))
    else:
        raise ImportError("libspantls cannot be loaded; set SPANTLS_LIB to its path (" + "; ".join(failures) + ")")
    for name, result, arguments in FUNCTIONS:
        function = getattr(library, name, None)
        if function is None:
            raise ImportError(f"{library._name} is older than this package: it has no {name}")
        function.restype = _TYPES[result]
        function.argtypes = [_TYPES[letter] for letter in arguments]
    if library.spantls_abi_version() != ABI_VERSION:
        raise ImportError(f"{library._name} has ABI {library.spantls_abi_version()}, this package needs {ABI_VERSION}")
    return library


lib = load()
