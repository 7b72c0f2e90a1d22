"""Whom a connection lets in."""

from __future__ import annotations

import ssl
from typing import Any

from ._errors import Alert, Offers, PolicyErrors, Protocol


class Policy:
    """Whom a connection lets in. Like OpenSSL it is what the context said when the connection was made: neither a change of the
    context nor another one (by the SNI callback) makes it laxer."""

    def __init__(self, context: Any) -> None:
        self.verify_mode = context.verify_mode
        self.check_hostname = context.check_hostname
        self.verify_flags = context.verify_flags
        self.post_handshake_auth = context.post_handshake_auth
        self.protocols: int = context._protocols()

    def asks(self, hello: Any) -> Any:
        """Whether the client of this ClientHello is asked for a certificate in the handshake: what is to come behind it is for
        TLS 1.3 alone."""
        later = self.post_handshake_auth and self.protocols & Protocol.TLS13 and hello.offers & Offers.TLS13
        return ssl.CERT_NONE if later else self.verify_mode


def judge(session: Any, context: Any, policy: Policy, anchored: bool, server_side: bool) -> None:
    """Gives the verdict on the peer's certificate. `context` is the one whose anchors the session has."""
    chain = session.remote_certificates
    if policy.verify_mode == ssl.CERT_NONE or not chain:
        must_show = policy.verify_mode == ssl.CERT_REQUIRED and not chain
        session.set_certificate_validation_result(PolicyErrors.NOT_AVAILABLE if must_show else 0)
        return
    errors = session.default_policy_errors
    if policy.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF and not context._crls:
        session.reject_certificate(Alert.CERTIFICATE_UNKNOWN)
    elif context._trusts_itself(chain[0], server_side, policy.verify_flags):
        # No authority, so the engine has not been told of it.
        errors &= ~PolicyErrors.CHAIN_ERRORS
        refused = bool(errors and policy.check_hostname)
        session.set_certificate_validation_result(errors if refused else 0)
    elif not anchored:
        session.reject_certificate(Alert.UNKNOWN_CA)
    elif errors & ~PolicyErrors.NAME_MISMATCH or (errors and policy.check_hostname):
        session.accept_with_default_validation()
    else:
        session.set_certificate_validation_result(0)
        context._verified(chain)
