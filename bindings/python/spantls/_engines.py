"""The engine's contexts for a spantls.ssl.SSLContext: whom they trust, and what they offer."""

from __future__ import annotations

import math
import os
import ssl
import time
from typing import Any, Dict, List, Optional, Tuple

from . import _certificates, _ssl_errors
from ._context import Context, Credentials, Options
from ._errors import ClientCertificate, Protocol, TlsError
from ._suites import SUITES

_PARTIAL_CHAIN = 0x80000  # VERIFY_X509_PARTIAL_CHAIN, which Python has a name for since 3.10


def read(path: Any) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def readable(blocks: List[bytes]) -> List[bytes]:
    """The trust anchors that the engine can read. ssl takes some that it cannot: they must neither keep the others out nor be
    taken for none at all; nothing that they have issued is trusted."""
    def can_be_read(block: bytes) -> bool:
        try:
            Options().add_trust_anchors(block)
            return True
        except TlsError:
            return False

    together = b"".join(blocks)
    return blocks if not blocks or can_be_read(together) else [block for block in blocks if can_be_read(block)]


class Engines:
    """What SSLContext adds to ssl's: it makes contexts of the engine from the settings, when a connection needs them."""

    _lock: Any
    _engines: Dict[Any, Any]
    _credentials: List[Tuple[bool, Credentials]]  # whether the key is ECDSA
    _anchors: Dict[bytes, bytes]  # PEM, DER
    _crls: List[bytes]
    _system: bool
    _has_folder: bool
    _alpn: List[bytes]
    _ciphers: Optional[List[int]]
    _groups: List[int]
    _changes: int

    # Of ssl.SSLContext
    protocol: Any
    options: Any
    minimum_version: Any
    maximum_version: Any
    verify_mode: Any
    verify_flags: Any
    num_tickets: Any
    post_handshake_auth: Any
    keylog_filename: Any

    def _anchor_of(self, chain: List[bytes]) -> Optional[bytes]:
        """The DER of an anchor that has the name of the issuer of the last of a chain that was accepted; None if it is the
        system's, or the chain's own."""
        last = _certificates.Fields.of(chain[-1])
        for der in self._anchors.values():
            fields = _certificates.Fields.of(der)
            if der not in chain and last is not None and fields is not None and fields.subject == last.issuer:
                return der
        return None

    def _issuers(self, server_side: bool, verify_flags: int) -> Dict[bytes, _certificates.Fields]:
        """The anchors that may issue. The engine trusts what it is given whatever that says of itself; ssl does not."""
        purpose = _certificates.CLIENT_AUTH if server_side else _certificates.SERVER_AUTH
        read = ((block, _certificates.Fields.of(der)) for block, der in self._anchors.items())
        return {block: fields for block, fields in read if fields is not None and fields.may_issue(purpose) and (
            verify_flags & _PARTIAL_CHAIN or self._is_whole(fields))}

    def _is_whole(self, fields: Optional[_certificates.Fields]) -> bool:
        """Whether an anchor is the end of a chain, or what is above it is an anchor, too; ssl insists on it unless told otherwise."""
        seen = set()
        while fields is not None and fields.issuer != fields.subject:
            seen.add(fields.subject)
            above = (_certificates.Fields.of(der) for der in self._anchors.values())
            issuer = fields.issuer
            fields = next((one for one in above if one is not None and one.subject == issuer), None)
            if fields is not None and fields.subject in seen:
                return False
        return fields is not None

    def _trusts_itself(self, leaf: bytes, server_side: bool, verify_flags: int) -> bool:
        """Whether this certificate is an anchor that may not issue, only speak for itself."""
        fields = _certificates.Fields.of(leaf)
        if fields is None or fields.is_authority() or verify_flags & ssl.VERIFY_CRL_CHECK_LEAF:
            return False
        whole = fields.issuer == fields.subject or verify_flags & _PARTIAL_CHAIN
        purpose = _certificates.CLIENT_AUTH if server_side else _certificates.SERVER_AUTH
        return bool(whole) and fields.may_serve(purpose) and leaf in self._anchors.values()

    def _anchors_of_paths(self) -> List[bytes]:
        systems = self._systems() if self._system else []
        return [*self._anchors.values(), *(_certificates.to_der(block) for block in systems)]

    def _show_anchor(self, der: bytes) -> None:
        raise NotImplementedError

    @staticmethod
    def _systems() -> List[bytes]:
        """The anchors of the system's store, where it is a file."""
        paths = ssl.get_default_verify_paths()
        for path in (paths.cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"):
            if path and os.path.exists(path):
                return readable(_certificates.blocks(read(path)))
        return []

    def _verified(self, chain: List[bytes]) -> None:
        """ssl shows what was in a folder (capath) once it was of use."""
        anchor = self._anchor_of(chain) if self._has_folder else None
        if anchor is not None:
            self._show_anchor(anchor)

    def _protocols(self) -> int:
        lowest, highest = self.minimum_version, self.maximum_version
        lowest_number = 0 if lowest == ssl.TLSVersion.MINIMUM_SUPPORTED else int(lowest)
        highest_number = 0xFFFF if highest == ssl.TLSVersion.MAXIMUM_SUPPORTED else int(highest)
        if lowest == ssl.TLSVersion.MAXIMUM_SUPPORTED:
            lowest_number = int(ssl.TLSVersion.TLSv1_3)
        if highest == ssl.TLSVersion.MINIMUM_SUPPORTED:
            highest_number = int(ssl.TLSVersion.TLSv1)
        options, found = self.options, 0
        # The old protocols of one version.
        if self.protocol == ssl.PROTOCOL_TLSv1_2:
            highest_number = min(highest_number, 0x0303)
        elif self.protocol in (ssl.PROTOCOL_TLSv1, ssl.PROTOCOL_TLSv1_1):
            highest_number = 0x0302
        if lowest_number <= 0x0303 <= highest_number and not options & ssl.OP_NO_TLSv1_2:
            found |= Protocol.TLS12
        if lowest_number <= 0x0304 <= highest_number and not options & ssl.OP_NO_TLSv1_3:
            found |= Protocol.TLS13
        if not found:
            raise _ssl_errors.make("NO_PROTOCOLS_AVAILABLE", "no protocols available: TLS 1.2 and 1.3 are off")
        return int(found)

    def _suites(self) -> List[int]:
        return list(SUITES) if self._ciphers is None else self._ciphers

    def _trust(self, options: Options, server_side: bool, verify_flags: int) -> Tuple[bool, float]:
        """Whether anybody is to be trusted, since without anchors the engine takes the system's; and until when that holds."""
        issuers = self._issuers(server_side, verify_flags)
        anchors = list(issuers)
        if self._system and (anchors or server_side):
            anchors += self._systems()
        if anchors:
            options.add_trust_anchors(b"".join(anchors))
        if self._crls and verify_flags & ssl.VERIFY_CRL_CHECK_LEAF:
            options.add_crls(b"".join(self._crls))
        return self._system or bool(issuers), min((one.not_after.timestamp() for one in issuers.values()), default=math.inf)

    def _options(self, server_side: bool, alpn: bool, credentials: Optional[Credentials], protocols: int,
                 verify_mode: Any, verify_flags: int) -> Tuple[Options, bool, float]:
        mode = {ssl.CERT_NONE: ClientCertificate.NONE, ssl.CERT_OPTIONAL: ClientCertificate.REQUEST,
                ssl.CERT_REQUIRED: ClientCertificate.REQUIRE}[verify_mode if server_side else ssl.CERT_NONE]
        no_tickets = server_side and (bool(self.options & ssl.OP_NO_TICKET) or self.num_tickets == 0)
        options = Options(
            credentials=credentials, protocols=protocols, cipher_suites=self._ciphers or (),
            groups=self._groups, alpn=self._alpn if alpn else (), client_certificate=mode,
            allow_resume=not no_tickets, key_log_file=self.keylog_filename)
        return (options, *self._trust(options, server_side, verify_flags))

    def _cached(self, kind: Any, make: Any) -> Tuple[Context, bool]:
        """A context of the engine, and whether anybody is to be trusted."""
        state = (self._changes, self.verify_mode, int(self.verify_flags), int(self.options), self.minimum_version,
                 self.maximum_version, self.num_tickets, self.post_handshake_auth, self.keylog_filename)
        with self._lock:
            if self._engines.get("state") != state:
                self._engines = {"state": state}
            if kind not in self._engines or time.time() >= self._engines[kind][2]:
                try:
                    self._engines[kind] = make()
                except TlsError as error:
                    raise _ssl_errors.make(error.status.name, error.message) from None
            context, anchored, _ = self._engines[kind]
            return context, anchored

    def _engine(self, server_side: bool, policy: Any) -> Tuple[Context, bool]:
        """For a new connection. A server's is decided by the ClientHello."""
        if server_side:
            return self._cached("undecided", lambda: (Context.undecided_server(), False, math.inf))
        own = self._credentials[-1][1] if self._credentials else None

        def make() -> Tuple[Context, bool, float]:
            options, anchored, until = self._options(
                False, True, own, policy.protocols, ssl.CERT_NONE, int(policy.verify_flags))
            return Context.client(options), anchored, until
        return self._cached("client", make)

    def _server_engine(self, hello: Any, policy: Any) -> Tuple[Context, bool]:
        """The context that fits a ClientHello, of a connection with this policy. ssl goes on without ALPN where there is nothing
        in common."""
        alpn = any(name in self._alpn for name in hello.alpn)
        schemes = set(hello.signature_algorithms)
        ecdsa = bool(schemes & {0x0403, 0x0503})
        fitting = [credentials for is_ecdsa, credentials in self._credentials if is_ecdsa == ecdsa]
        own = fitting[0] if fitting else self._credentials[-1][1] if self._credentials else None
        mode, flags = policy.asks(hello), int(policy.verify_flags)

        def make() -> Tuple[Context, bool, float]:
            options, anchored, until = self._options(True, alpn, own, policy.protocols, mode, flags)
            return Context.server(options), anchored, until
        return self._cached(("server", alpn, id(own), mode, flags, policy.protocols), make)
