"""TLS 1.2 and 1.3 as a non-blocking state machine over plain buffers; spantls.ssl is a drop-in for ssl."""

from __future__ import annotations

import ctypes
from typing import Tuple

from . import _native
from ._context import Context, Credentials, Options, TicketRoot
from ._errors import TlsError, alert_name, cipher_suite_name, group_name, signature_scheme_name, status_name
from ._facts import CertificateInfo, certificate_info, certificate_matches_name, certificate_text
from ._handles import must as _must
from ._library import lib as _lib
from ._native import *
from ._session import ClientHello, Session, SessionStats, ValidationReport

# As Python writes it (PEP 440): 1.0.0rc1 for 1.0.0-rc.1.
__version__ = _native.VERSION.replace("-rc.", "rc")


def library_version() -> str:
    return str(_lib.spantls_version().decode())


def suspended_handshakes() -> Tuple[int, int]:
    """How many handshakes of this process are suspended or being worked on, and how many may be."""
    in_use, limit = ctypes.c_size_t(), ctypes.c_size_t()
    _must(_lib.spantls_suspended_handshakes(ctypes.byref(in_use), ctypes.byref(limit)))
    return in_use.value, limit.value


__all__ = [
    "CertificateInfo", "ClientHello", "Context", "Credentials", "Options", "Session", "SessionStats", "TicketRoot", "TlsError",
    "ValidationReport",
    "alert_name", "certificate_info", "certificate_matches_name", "certificate_text", "cipher_suite_name", "group_name",
    "library_version", "signature_scheme_name", "status_name", "suspended_handshakes",
]
__all__ += _native.__all__
