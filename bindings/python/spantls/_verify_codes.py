"""OpenSSL's numbers and words (X509_V_ERR_…) for the reasons of the default validation."""

from __future__ import annotations

import ssl
from typing import List, Optional, Tuple

from ._errors import TlsError
from ._facts import is_self_issued
from ._native import Alert, PolicyErrors

# Part of the engine's message, the number and the words. Where OpenSSL distinguishes several faults, the engine may have one message.
_REASONS = (
    ("revocation list has expired", 12, "CRL has expired"),
    ("no revocation list speaks", 3, "unable to get certificate CRL"),
    ("revocation list has a signature", 8, "CRL signature failure"),
    ("is not valid yet", 9, "certificate is not yet valid"),
    ("has expired", 10, "certificate has expired"),
    ("is revoked", 23, "certificate revoked"),
    ("unknown critical extension", 34, "unhandled critical extension"),
    ("may not issue certificates for these names", 47, "permitted subtree violation"),
    ("issued with one that may issue none", 79, "invalid CA certificate"),
    ("is longer than a CA of it", 25, "path length constraint exceeded"),
    ("has a wrong signature", 7, "certificate signature failure"),
    ("path length that is not a CA", 80, "Path length invalid for non-CA cert"),
    ("path length and without keyCertSign", 81, "Path length given without key usage keyCertSign"),
    ("keyCertSign that is not a CA", 82, "Key usage keyCertSign invalid for non-CA cert"),
    ("without the name of its issuer", 83, "Issuer name empty"),
    ("without a subjectKeyIdentifier", 86, "Missing Subject Key Identifier"),
    ("without a subject whose", 88, "Empty Subject Alternative Name extension not critical"),
    ("without a subject", 84, "Subject name empty"),
    ("without an authorityKeyIdentifier", 85, "Missing Authority Key Identifier"),
    ("subjectAltName is empty", 87, "Empty Subject Alternative Name extension"),
    ("basicConstraints is not critical", 89, "Basic Constraints of CA cert not marked critical"),
    ("authorityKeyIdentifier is critical", 90, "Authority Key Identifier marked critical"),
    ("subjectKeyIdentifier is critical", 91, "Subject Key Identifier marked critical"),
    ("of a CA without a key usage", 92, "CA cert does not include key usage extension"),
    ("has extensions but is not of version 3", 93, "Using cert extension requires at least X509v3"),
    ("not for this use", 26, "unsuitable certificate purpose"),
    ("key usage is not for TLS", 26, "unsuitable certificate purpose"),
)
_UNKNOWN_ISSUER = (20, "unable to get local issuer certificate")
_SELF_SIGNED = "self-signed certificate" if ssl.OPENSSL_VERSION_INFO >= (3,) else "self signed certificate"


def verify_code(error: TlsError, words: str, hostname: Optional[str], is_ip: bool, chain: List[bytes]) -> Tuple[int, str]:
    """For a chain that was refused because of `words`."""
    if error.policy_errors and not error.policy_errors & PolicyErrors.CHAIN_ERRORS:
        return (64, f"IP address mismatch, certificate is not valid for '{hostname}'.") if is_ip else (
            62, f"Hostname mismatch, certificate is not valid for '{hostname}'.")
    found = next(((number, text) for part, number, text in _REASONS if part in words), None)
    if found is not None or error.alert_sent != Alert.UNKNOWN_CA:
        return found or (1, words)
    if not is_self_issued(chain[-1]):
        return _UNKNOWN_ISSUER
    return (18, _SELF_SIGNED) if len(chain) == 1 else (19, f"{_SELF_SIGNED} in certificate chain")
