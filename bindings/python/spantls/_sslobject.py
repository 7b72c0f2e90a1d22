"""The engine of spantls.ssl: what ssl.SSLObject and ssl.SSLSocket expect of _ssl._SSLSocket, over a session."""

from __future__ import annotations

import ssl
from typing import Any, List, Optional, Tuple

from . import _certificates, _ssl_errors
from ._data import Data
from ._errors import TlsError
from ._native import ChannelBinding, Offers, Protocol, Status
from ._suites import suite


class Engine(Data):
    """One connection."""

    # Attributes that ssl reads and sets

    @property
    def context(self) -> Any:
        return self._context

    @context.setter
    def context(self, value: Any) -> None:
        if not isinstance(value, ssl.SSLContext):
            raise TypeError("The value must be a SSLContext")
        self._context = value

    @property
    def session(self) -> Any:
        return None

    @session.setter
    def session(self, value: Any) -> None:
        if value is not None:
            raise TypeError("Value is not a SSLSession.")

    def verify_client_post_handshake(self) -> None:
        if self._session.negotiated_protocol == Protocol.TLS12:
            raise _ssl_errors.numbered("WRONG_SSL_VERSION")
        if not self.server_side:
            raise _ssl_errors.numbered("NOT_SERVER")
        if not self._offers & Offers.POST_HANDSHAKE_AUTH:
            raise _ssl_errors.numbered("EXTENSION_NOT_RECEIVED")
        if self._policy.verify_mode == ssl.CERT_NONE:
            raise _ssl_errors.numbered("INVALID_CONFIG")
        with self._writing:
            room = bytearray(65536)
            try:
                _, written = self._session.request_client_certificate(room)
            except TlsError as error:
                raise _ssl_errors.numbered(error.status.name, error.message) from None
            self._out += room[:written]
            self._flush(self._transport.patience("write"))

    # What it says of itself

    def _chain(self) -> List[bytes]:
        if not self._done:
            raise ValueError("handshake not done yet")
        return self._session.remote_certificates

    def getpeercert(self, binary_form: bool = False) -> Any:
        chain = self._chain()
        if not chain:
            return None
        if binary_form:
            return chain[0]
        return _certificates.decode(chain[0]) if self._context.verify_mode != ssl.CERT_NONE else {}

    def get_unverified_chain(self) -> Any:
        return tuple(_certificates.Certificate(der) for der in self._chain()) or None

    def get_verified_chain(self) -> Any:
        """What was verified, the anchor at its end; not what the peer has sent besides."""
        chain = self._chain()
        if not chain or self._policy.verify_mode == ssl.CERT_NONE:
            return None
        return tuple(_certificates.Certificate(der) for der in self._session.verified_certificates) or None

    def selected_alpn_protocol(self) -> Optional[str]:
        return self._session.negotiated_alpn

    def selected_npn_protocol(self) -> None:
        return None

    def compression(self) -> None:
        return None

    def cipher(self) -> Optional[Tuple[str, str, int]]:
        number = self._session.negotiated_cipher_suite
        return suite(number) if number else None

    def shared_ciphers(self) -> Optional[List[Tuple[str, str, int]]]:
        return self._shared

    def version(self) -> Optional[str]:
        return {0x0C00: "TLSv1.2", 0x3000: "TLSv1.3"}.get(self._session.negotiated_protocol)

    def get_channel_binding(self, cb_type: str = "tls-unique") -> Optional[bytes]:
        kinds = {"tls-unique": ChannelBinding.UNIQUE, "tls-server-end-point": ChannelBinding.ENDPOINT,
                 "tls-exporter": ChannelBinding.EXPORTER}
        if cb_type not in kinds:
            raise ValueError(f"'{cb_type}' channel binding type not implemented")
        if not self._done:
            return None
        try:
            return self._session.channel_binding(kinds[cb_type])
        except TlsError as error:
            if error.status == Status.NOT_SUPPORTED:
                return None
            raise _ssl_errors.translate(error) from None
