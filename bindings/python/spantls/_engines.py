"""The engine's contexts for a spantls.ssl.SSLContext: whom they trust, and what they offer."""

from __future__ import annotations

import ssl
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import _ssl_errors
from ._context import Context, Credentials, Options
from ._errors import TlsError
from ._native import AlpnMismatch, ClientCertificate, Protocol
from ._suites import SUITES
from ._trust import Trust


class Made(NamedTuple):
    """A context of the engine, and what it was told to trust."""

    context: Context
    trust: Trust


class Settings(NamedTuple):
    """What of an SSLContext decides what its engines are like, taken at one moment: engines are kept under it."""

    trust: Trust
    stamp: Tuple[Optional[int], ...]
    credentials: Tuple[Tuple[bool, Credentials], ...]  # whether the key is ECDSA
    alpn: Tuple[bytes, ...]
    ciphers: Optional[Tuple[int, ...]]
    groups: Tuple[int, ...]
    has_tickets: bool
    num_tickets: int  # of TLS 1.3
    key_log_file: Optional[str]

    def own_for(self, signature_algorithms: List[int]) -> Optional[Credentials]:
        """The credentials that a client which verifies these is shown."""
        ecdsa = bool({0x0403, 0x0503} & set(signature_algorithms))
        fitting = [credentials for is_ecdsa, credentials in self.credentials if is_ecdsa == ecdsa]
        return fitting[0] if fitting else self.own()

    def own(self) -> Optional[Credentials]:
        return self.credentials[-1][1] if self.credentials else None


class Engines:
    """What SSLContext adds to ssl's: it makes contexts of the engine from the settings, when a connection needs them."""

    _lock: Any
    _engines: Dict[Any, Made]
    _engines_of: Optional[Settings]
    _trust: Trust
    _credentials: Tuple[Tuple[bool, Credentials], ...]
    _alpn: Tuple[bytes, ...]
    _ciphers: Optional[Tuple[int, ...]]
    _groups: Tuple[int, ...]

    # Of ssl.SSLContext
    protocol: Any
    options: Any
    minimum_version: Any
    maximum_version: Any
    num_tickets: Any
    keylog_filename: Any

    def _show_anchor(self, der: bytes) -> None:
        raise NotImplementedError

    def _verified(self, chain: List[bytes]) -> None:
        """ssl shows what was in a folder (capath) once it was of use."""
        if self._trust.folders and chain:
            self._show_anchor(chain[-1])

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
        return list(SUITES if self._ciphers is None else self._ciphers)

    def _settings(self) -> Settings:
        has_tickets = not self.options & ssl.OP_NO_TICKET
        with self._lock:
            return Settings(self._trust, self._trust.stamp(), self._credentials, self._alpn, self._ciphers, self._groups,
                            has_tickets, min(self.num_tickets, 16), self.keylog_filename)

    def _cached(self, settings: Settings, kind: Any, make: Callable[[], Made]) -> Made:
        """`kind` has all that decides beside the settings. Engines of settings that were changed are dropped, with their tickets."""
        with self._lock:
            if self._engines_of != settings:
                self._engines, self._engines_of = {}, settings
            if kind not in self._engines:
                try:
                    self._engines[kind] = make()
                except TlsError as error:
                    raise _ssl_errors.make(error.status.name, error.message) from None
            return self._engines[kind]

    def _engine(self, server_side: bool, policy: Any) -> Made:
        """For a new connection. A server's is decided by the ClientHello."""
        settings = self._settings()
        if server_side:
            return self._cached(settings, "undecided", lambda: Made(Context.undecided_server(), settings.trust))
        flags = int(policy.verify_flags)

        def make() -> Made:
            trust = settings.trust.with_folders_read()
            options = Options(
                credentials=settings.own(), protocols=policy.protocols, cipher_suites=settings.ciphers or (),
                groups=settings.groups, alpn=settings.alpn, key_log_file=settings.key_log_file)
            trust.give_to(options, flags)
            return Made(Context.client(options), trust)
        return self._cached(settings, ("client", flags, policy.protocols), make)

    def _server_engine(self, hello: Any, policy: Any) -> Made:
        """The context that fits a ClientHello, of a connection with this policy. ssl continues without ALPN where there is nothing
        in common."""
        settings = self._settings()
        own = settings.own_for(hello.signature_algorithms)
        mode, flags = policy.asks(hello), int(policy.verify_flags)

        def make() -> Made:
            trust = settings.trust.with_folders_read()
            options = Options(
                credentials=own, protocols=policy.protocols, cipher_suites=settings.ciphers or (), groups=settings.groups,
                alpn=settings.alpn, alpn_mismatch=AlpnMismatch.CONTINUE, client_certificate=_CLIENT_CERTIFICATE[mode],
                allow_resume=settings.has_tickets,
                ticket_count=settings.num_tickets, key_log_file=settings.key_log_file)
            trust.give_to(options, flags)
            return Made(Context.server(options), trust)
        return self._cached(settings, ("server", own, mode, flags, policy.protocols), make)


_CLIENT_CERTIFICATE = {ssl.CERT_NONE: ClientCertificate.NONE, ssl.CERT_OPTIONAL: ClientCertificate.REQUEST,
                       ssl.CERT_REQUIRED: ClientCertificate.REQUIRE}
