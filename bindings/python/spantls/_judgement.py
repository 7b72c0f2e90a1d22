"""Whom a connection admits. The engine judges; here is only what the settings of ssl make of its judgement."""

from __future__ import annotations

import ssl
from typing import Any, Optional

from ._facts import is_self_issued
from ._native import Alert, Offers, PolicyErrors, Protocol, Reason
from ._trust import Trust
from ._verify_codes import Fault


class Policy:
    """Like OpenSSL's it is what the context said when the connection was made: neither a change of the context nor another one
    (by the SNI callback) makes it laxer."""

    def __init__(self, context: Any) -> None:
        self.verify_mode = context.verify_mode
        self.check_hostname = context.check_hostname
        self.verify_flags = context.verify_flags
        self.post_handshake_auth = context.post_handshake_auth
        self.protocols: int = context._protocols()

    def asks(self, hello: Any) -> Any:
        """Whether the client of this ClientHello is asked for a certificate in the handshake: asking after it is for TLS 1.3
        alone."""
        later = self.post_handshake_auth and self.protocols & Protocol.TLS13 and hello.offers & Offers.TLS13
        return ssl.CERT_NONE if later else self.verify_mode


def judge(session: Any, context: Any, policy: Policy, trust: Trust) -> Optional[Fault]:
    """Gives the verdict on the peer's certificate; the fault where the engine does not know it. `context` is the one
    that `trust` was taken from."""
    chain = session.remote_certificates
    if policy.verify_mode == ssl.CERT_NONE or not chain:
        must_show = policy.verify_mode == ssl.CERT_REQUIRED and not chain
        session.set_certificate_validation_result(PolicyErrors.NOT_AVAILABLE if must_show else 0)
        return None
    if not trust.anchors:
        # A client of the engine without anchors has the system's, which ssl has only where it was told to.
        session.reject_certificate(Alert.UNKNOWN_CA)
        last = Reason.SELF_SIGNED if is_self_issued(chain[-1]) else Reason.UNKNOWN_ISSUER
        return Fault(last, len(chain) - 1)
    errors = session.default_validation.policy_errors
    if errors & ~PolicyErrors.NAME_MISMATCH or (errors and policy.check_hostname):
        session.accept_with_default_validation()
        return None
    if policy.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF and not trust.lists:
        session.reject_certificate(Alert.UNKNOWN_CA)
        return Fault(Reason.REVOCATION_UNKNOWN, 0)
    session.set_certificate_validation_result(0)
    context._verified(session.verified_certificates)
    return None
