"""Certificates for ssl's interface."""

from __future__ import annotations

import _ssl
import functools
import os
import re
import ssl
import tempfile
from typing import Any, Dict, List

_BLOCK = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----", re.S)
_CRL = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.S)


@functools.lru_cache(maxsize=64)
def _decoded(der: bytes) -> Dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
        pass
    try:
        with open(file.name, "w") as text:
            text.write(ssl.DER_cert_to_PEM_cert(der))
        return dict(_ssl._test_decode_cert(file.name))  # type: ignore[attr-defined]
    finally:
        os.unlink(file.name)


def decode(der: bytes) -> Dict[str, Any]:
    """The dictionary of SSLSocket.getpeercert(), made by the interpreter's own decoder."""
    return dict(_decoded(der))


def from_der(rest: bytes) -> List[bytes]:
    """Certificates that stand one after the other, each as PEM."""
    found: List[bytes] = []
    while rest[:1] == b"\x30" and len(rest) > 1:
        # X.690 section 8.1.3: the length, or how many bytes it has.
        digits = rest[1] & 0x7F if rest[1] > 0x7F else 0
        size = 2 + digits + (int.from_bytes(rest[2:2 + digits], "big") if digits else rest[1])
        found.append(ssl.DER_cert_to_PEM_cert(rest[:size]).encode())
        rest = rest[size:]
    return found


def blocks(pem: bytes) -> List[bytes]:
    return [block + b"\n" for block in _BLOCK.findall(pem)]


def crls(pem: bytes) -> List[bytes]:
    return [block + b"\n" for block in _CRL.findall(pem)]


def from_directory(path: str) -> List[bytes]:
    """The certificates of a directory with names as c_rehash makes them; none where there is no directory, as in ssl."""
    found: List[bytes] = []
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return found
    for name in names:
        if re.fullmatch(r"[0-9a-f]{8}\.r?\d+", name):
            try:
                with open(os.path.join(path, name), "rb") as file:
                    found.append(file.read())
            except OSError:
                continue  # a link that leads nowhere, say: OpenSSL finds no certificate there
    return found


_SHORT = {"commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
          "localityName": "L", "stateOrProvinceName": "ST"}


class Certificate:
    """What get_unverified_chain() lists: as _ssl.Certificate, from DER."""

    def __init__(self, der: bytes) -> None:
        self._der = der

    def public_bytes(self, encoding: int = 1) -> Any:
        return self._der if encoding == 2 else ssl.DER_cert_to_PEM_cert(self._der)

    def get_info(self) -> Dict[str, Any]:
        return decode(self._der)

    def __repr__(self) -> str:
        parts = [f"{_SHORT.get(name, name)}={value}" for entry in decode(self._der)["subject"] for name, value in entry]
        return f"<spantls.ssl.Certificate '{','.join(reversed(parts))}'>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and other._der == self._der

    def __hash__(self) -> int:
        return hash(self._der)
