"""Certificates for ssl's interface."""

from __future__ import annotations

import _ssl
import functools
import os
import re
import ssl
import tempfile
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

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


# Of what a certificate says of itself, as far as ssl looks at it before it lets it issue others (RFC 5280 section 4.2.1).
_BASIC_CONSTRAINTS, _KEY_USAGE, _EXTENDED_KEY_USAGE = b"\x55\x1d\x13", b"\x55\x1d\x0f", b"\x55\x1d\x25"
SERVER_AUTH, CLIENT_AUTH = b"\x2b\x06\x01\x05\x05\x07\x03\x01", b"\x2b\x06\x01\x05\x05\x07\x03\x02"


def _elements(data: bytes) -> Iterator[Tuple[int, bytes, bytes]]:
    """(tag, content, whole) of DER values, one behind the other."""
    at = 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if length >= 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[at + 2:start], "big")
        if start + length > len(data):
            raise ValueError("DER that ends too soon")
        yield tag, data[start:start + length], data[at:start + length]
        at = start + length


def _time(tag: int, text: bytes) -> datetime:
    digits = text.decode("ascii").rstrip("Z")
    if tag == 0x17:  # UTCTime, RFC 5280 section 4.1.2.5.1
        digits = ("20" if int(digits[:2]) < 50 else "19") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)


class Fields(NamedTuple):
    """A certificate's fields."""

    issuer: bytes
    subject: bytes
    not_before: datetime
    not_after: datetime
    version: int
    constraints: Optional[bytes]
    usage: Optional[bytes]
    purposes: Optional[List[bytes]]

    @staticmethod
    @functools.lru_cache(maxsize=1024)
    def of(der: bytes) -> Optional["Fields"]:
        """None: it cannot be read."""
        try:
            return Fields._read(der)
        except (ValueError, IndexError, StopIteration):
            return None

    @staticmethod
    def _read(der: bytes) -> "Fields":
        certificate = next(_elements(der))[1]
        parts = list(_elements(next(_elements(certificate))[1]))
        version = 1
        if parts[0][0] == 0xA0:
            version += next(_elements(parts.pop(0)[1]))[1][0]
        issuer, validity, subject = parts[2][2], list(_elements(parts[3][1])), parts[4][2]
        extensions: Dict[bytes, bytes] = {}
        for tag, content, _ in parts[6:]:
            if tag == 0xA3:
                for _, extension, _ in _elements(next(_elements(content))[1]):
                    values = list(_elements(extension))
                    extensions[values[0][1]] = values[-1][1]
        purposes = extensions.get(_EXTENDED_KEY_USAGE)
        return Fields(
            issuer, subject, _time(*validity[0][:2]), _time(*validity[1][:2]), version,
            extensions.get(_BASIC_CONSTRAINTS), extensions.get(_KEY_USAGE),
            None if purposes is None else [content for _, content, _ in _elements(next(_elements(purposes))[1])])

    def _allows(self, bit: int) -> bool:
        """Whether the key usage, if there is one, has this bit."""
        if self.usage is None:
            return True
        bits = next(_elements(self.usage))[1][1:]
        return len(bits) > 0 and bool(bits[0] & 0x80 >> bit)

    def _holds(self, purpose: bytes) -> bool:
        """Whether it is valid now, and for this purpose."""
        now = datetime.now(timezone.utc)
        return self.not_before <= now <= self.not_after and (self.purposes is None or purpose in self.purposes)

    def is_authority(self) -> bool:
        """As OpenSSL sees it."""
        if not self._allows(5):
            return False
        if self.constraints is not None:
            first = next(_elements(next(_elements(self.constraints))[1]), None)
            return first is not None and first[0] == 1 and first[1] != b"\0"
        return self.usage is not None or (self.version == 1 and self.issuer == self.subject)

    def may_issue(self, purpose: bytes) -> bool:
        return self.is_authority() and self._holds(purpose)

    def may_serve(self, purpose: bytes) -> bool:
        return self._allows(0) and self._holds(purpose)


def to_der(block: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(block.decode("ascii", "replace").strip())


def path(chain: List[bytes], anchors: List[bytes]) -> List[bytes]:
    """From the leaf of an accepted chain to one of the anchors, each signed by the next. What else the peer has sent is not in it:
    pins are compared with this."""
    try:
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    except ImportError:
        raise NotImplementedError("get_verified_chain() needs the package cryptography") from None

    def has_issued(issuer: bytes, der: bytes) -> bool:
        above, below = Fields.of(issuer), Fields.of(der)
        if above is None or below is None or above.subject != below.issuer or not above.is_authority():
            return False
        try:
            x509.load_der_x509_certificate(der).verify_directly_issued_by(x509.load_der_x509_certificate(issuer))
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    def goes_on(found: List[bytes]) -> Optional[List[bytes]]:
        if found[-1] in anchors:
            return found
        for anchor in anchors:
            if has_issued(anchor, found[-1]):
                return [*found, anchor]
        for der in chain[1:]:
            if der not in found and has_issued(der, found[-1]):
                whole = goes_on([*found, der])
                if whole is not None:
                    return whole
        return None

    whole = goes_on(chain[:1])
    if whole is None:
        raise ValueError("the chain that was verified cannot be told")
    return whole


def decode(der: bytes) -> Dict[str, Any]:
    """The dictionary of SSLSocket.getpeercert(), made by the interpreter's own decoder."""
    return dict(_decoded(der))


def is_self_signed(der: bytes) -> bool:
    """False also for what cannot be read."""
    fields = Fields.of(der)
    return fields is not None and fields.issuer == fields.subject


def blocks(pem: bytes) -> List[bytes]:
    return [block + b"\n" for block in _BLOCK.findall(pem)]


def crls(pem: bytes) -> List[bytes]:
    return [block + b"\n" for block in _CRL.findall(pem)]


def from_directory(path: str) -> List[bytes]:
    """The certificates of a directory with names as c_rehash makes them."""
    found: List[bytes] = []
    for name in sorted(os.listdir(path)):
        if re.fullmatch(r"[0-9a-f]{8}\.r?\d+", name):
            with open(os.path.join(path, name), "rb") as file:
                found.append(file.read())
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
