"""Handles that release themselves, and errors read from the library."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, Optional, Type

from ._errors import TlsError
from ._library import lib
from ._native import Status, spantls_error_t

STATUSES = {int(status): status for status in Status}


class Handle(ctypes.c_void_p):
    """A handle of the library's. A call that is under way holds it, so it is released when the last one is back,
    whoever closes the object in the meantime."""

    release: Any = None

    def __del__(self) -> None:
        if self.value and self.release is not None:
            self.release(self.value)


def handle_type(release: Any) -> Type[Handle]:
    return type("Handle", (Handle,), {"release": staticmethod(release)})


OptionsHandle = handle_type(lib.tls_options_destroy)
CredentialsHandle = handle_type(lib.tls_credentials_destroy)
ContextHandle = handle_type(lib.tls_context_destroy)
SessionHandle = handle_type(lib.tls_session_destroy)


def optional(number: int) -> Optional[int]:
    return None if number < 0 else number


def error_from(record: spantls_error_t, status: int) -> TlsError:
    known = record.status == status
    return TlsError(
        STATUSES.get(status, Status.INTERNAL_ERROR),
        record.message.decode("utf-8", "replace") if record.status else "the call was refused",
        optional(record.alert_sent) if known else None,
        optional(record.alert_received) if known else None,
        record.policy_errors if known else 0,
        record.os_error if known else 0,
        record.reason if known else 0,
        optional(record.depth) if known else None,
        record.strict_rule if known else 0)


def session_error(handle: Any, status: int) -> TlsError:
    """The exception for a failed call on a session."""
    if not handle:
        return TlsError(Status.INVALID_STATE, "the session is closed")
    record = spantls_error_t(struct_size=ctypes.sizeof(spantls_error_t))
    lib.tls_session_error(handle, ctypes.byref(record))
    return error_from(record, status)


def must(status: int) -> None:
    """For calls without a session."""
    if status != 0:
        record = spantls_error_t(struct_size=ctypes.sizeof(spantls_error_t))
        lib.spantls_last_error(ctypes.byref(record))
        raise error_from(record, status)


def create(kind: Callable[[], Handle], function: Any, *arguments: Any) -> Handle:
    handle = kind()
    must(function(*arguments, ctypes.byref(handle)))
    return handle
