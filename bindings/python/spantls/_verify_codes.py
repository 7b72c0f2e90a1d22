"""OpenSSL's numbers and words (X509_V_ERR_…) for the reasons of the default validation."""

from __future__ import annotations

import ssl
from typing import NamedTuple, Optional, Tuple

from ._native import Reason, StrictRule


class Fault(NamedTuple):
    """Why the peer's certificate was refused."""

    reason: Reason
    depth: Optional[int] = None
    strict_rule: StrictRule = StrictRule.NONE


_CODES = {
    Reason.REVOCATION_UNKNOWN: (3, "unable to get certificate CRL"),
    Reason.BAD_SIGNATURE: (7, "certificate signature failure"),
    Reason.BAD_CRL: (8, "CRL signature failure"),
    Reason.NOT_YET_VALID: (9, "certificate is not yet valid"),
    Reason.EXPIRED: (10, "certificate has expired"),
    Reason.CRL_EXPIRED: (12, "CRL has expired"),
    Reason.UNKNOWN_ISSUER: (20, "unable to get local issuer certificate"),
    Reason.REVOKED: (23, "certificate revoked"),
    Reason.PATH_LENGTH: (25, "path length constraint exceeded"),
    Reason.WRONG_USAGE: (26, "unsuitable certificate purpose"),
    Reason.CRITICAL_EXTENSION: (34, "unhandled critical extension"),
    Reason.NAME_CONSTRAINTS: (47, "permitted subtree violation"),
    Reason.WEAK_SIGNATURE: (68, "CA signature digest algorithm too weak"),
    Reason.NOT_A_CA: (79, "invalid CA certificate"),
}
_STRICT_CODES = {
    StrictRule.ISSUER_NOT_A_CA: (79, "invalid CA certificate"),
    StrictRule.AMBIGUOUS_CA: (79, "invalid CA certificate"),
    StrictRule.PATH_LENGTH_WITHOUT_CA: (80, "Path length invalid for non-CA cert"),
    StrictRule.PATH_LENGTH_WITHOUT_KEY_CERT_SIGN: (81, "Path length given without key usage keyCertSign"),
    StrictRule.KEY_CERT_SIGN_WITHOUT_CA: (82, "Key usage keyCertSign invalid for non-CA cert"),
    StrictRule.NO_ISSUER_NAME: (83, "Issuer name empty"),
    StrictRule.NO_SUBJECT: (84, "Subject name empty"),
    StrictRule.NO_AUTHORITY_KEY: (85, "Missing Authority Key Identifier"),
    StrictRule.NO_SUBJECT_KEY: (86, "Missing Subject Key Identifier"),
    StrictRule.EMPTY_ALTERNATIVE_NAME: (87, "Empty Subject Alternative Name extension"),
    StrictRule.ALTERNATIVE_NAME_NOT_CRITICAL: (88, "Empty Subject Alternative Name extension not critical"),
    StrictRule.CONSTRAINTS_NOT_CRITICAL: (89, "Basic Constraints of CA cert not marked critical"),
    StrictRule.CRITICAL_AUTHORITY_KEY: (90, "Authority Key Identifier marked critical"),
    StrictRule.CRITICAL_SUBJECT_KEY: (91, "Subject Key Identifier marked critical"),
    StrictRule.CA_WITHOUT_KEY_USAGE: (92, "CA cert does not include key usage extension"),
    StrictRule.VERSION: (93, "Using cert extension requires at least X509v3"),
}
_SELF_SIGNED = "self-signed certificate" if ssl.OPENSSL_VERSION_INFO >= (3,) else "self signed certificate"
# Of the leaf, and of an issuer.
_BY_DEPTH = {
    Reason.SELF_SIGNED: ((18, _SELF_SIGNED), (19, f"{_SELF_SIGNED} in certificate chain")),
    Reason.WEAK_KEY: ((66, "EE certificate key too weak"), (67, "CA certificate key too weak")),
}


def verify_code(fault: Fault, words: str, hostname: Optional[str], is_ip: bool) -> Tuple[int, str]:
    """For a chain that was refused because of this; `words` where OpenSSL has none for it."""
    if fault.reason == Reason.NAME_MISMATCH:
        return (64, f"IP address mismatch, certificate is not valid for '{hostname}'.") if is_ip else (
            62, f"Hostname mismatch, certificate is not valid for '{hostname}'.")
    if fault.reason in _BY_DEPTH:
        return _BY_DEPTH[fault.reason][0 if fault.depth == 0 else 1]
    code = _CODES.get(fault.reason) or _STRICT_CODES.get(fault.strict_rule)
    return code or (1, words)
