"""What certificates say, read by the library."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

from ._errors import TlsError
from ._handles import must
from ._library import lib
from ._native import CertificateField, Status, spantls_certificate_info_t
from ._spans import host_name, input_span, output_span


class CertificateInfo(NamedTuple):
    """What a certificate says that has a fixed size; nothing of it is validated. Dates are Unix time, hashes are SHA-256."""

    not_before: int
    not_after: int
    sha256: bytes
    public_key_sha256: bytes
    is_ca: bool
    num_common_names: int
    num_dns_names: int
    num_ip_addresses: int
    num_uris: int
    num_emails: int
    num_other_names: int


def info_from(record: spantls_certificate_info_t) -> CertificateInfo:
    return CertificateInfo(
        record.not_before, record.not_after, bytes(record.sha256), bytes(record.public_key_sha256), bool(record.is_ca),
        record.num_common_names, record.num_dns_names, record.num_ip_addresses, record.num_uris, record.num_emails,
        record.num_other_names)


def certificate_info(der: Any) -> CertificateInfo:
    """The facts of a certificate in DER."""
    record = spantls_certificate_info_t(struct_size=ctypes.sizeof(spantls_certificate_info_t))
    span, length = input_span(der)
    must(lib.spantls_certificate_info(span, length, ctypes.byref(record)))
    return info_from(record)


def certificate_text(der: Any, field: CertificateField, index: int = 0) -> str:
    """A text of a certificate in DER: its subject, a DNS name."""
    span, length = input_span(der)
    needed, room = ctypes.c_size_t(), 256
    while True:
        buffer = bytearray(room)
        status = lib.spantls_certificate_text(span, length, field, index, output_span(buffer)[0], room, ctypes.byref(needed))
        if status != Status.BUFFER_TOO_SMALL:
            break
        room = needed.value + 1
    must(status)
    return buffer[:needed.value].decode()


def certificate_matches_name(der: Any, name: str) -> bool:
    """Whether a certificate in DER is for this server name, as the default validation decides."""
    span, length = input_span(der)
    status = lib.spantls_certificate_matches_name(span, length, host_name(name))
    if status == Status.AUTHENTICATION_FAILED:
        return False
    must(status)
    return True


def is_self_issued(der: bytes) -> bool:
    """Whether it names itself as its issuer. False also for what cannot be read."""
    try:
        return certificate_text(der, CertificateField.SUBJECT) == certificate_text(der, CertificateField.ISSUER)
    except TlsError:
        return False
