"""Credentials, options and contexts."""

from __future__ import annotations

import ctypes
import os
from typing import Any, Iterable, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from ._handles import ContextHandle, CredentialsHandle, Handle, OptionsHandle, create, must
from ._library import lib
from ._native import VALIDATION_TIME_NOW, AlpnMismatch, CertificateRequests, ClientCertificate, TrustAnchors, Validation
from ._native import spantls_ticket_root_t
from ._spans import input_span, spans_of, terminated

Path = Union[str, "os.PathLike[str]"]


def _path(path: Path) -> bytes:
    return terminated(os.fsencode(path))


def _passphrase(passphrase: Union[str, bytes, None]) -> Optional[bytes]:
    if passphrase is None:
        return None
    return terminated(passphrase.encode() if isinstance(passphrase, str) else bytes(passphrase))


def _numbers(values: Iterable[int]) -> Any:
    values = list(values)
    return (ctypes.c_uint16 * len(values))(*values)


class Credentials:
    """A certificate chain and its private key."""

    def __init__(self, chain: Any, key: Any, passphrase: Union[str, bytes, None] = None) -> None:
        """From PEM text (bytes); the passphrase is for a key that is encrypted."""
        chain_span, chain_len = input_span(chain)
        key_span, key_len = input_span(key)
        self._handle = create(CredentialsHandle, lib.tls_credentials_create_pem,
                              chain_span, chain_len, key_span, key_len, _passphrase(passphrase))

    @classmethod
    def _of(cls, handle: Handle) -> "Credentials":
        credentials = cls.__new__(cls)
        credentials._handle = handle
        return credentials

    @classmethod
    def from_files(cls, chain: Path, key: Optional[Path] = None, passphrase: Union[str, bytes, None] = None) -> "Credentials":
        """From PEM files; without `key` both are in the first."""
        return cls._of(create(CredentialsHandle, lib.tls_credentials_create_file,
                              _path(chain), _path(chain if key is None else key), _passphrase(passphrase)))

    @classmethod
    def from_der(cls, certificates: Iterable[Any], key: Any, passphrase: Union[str, bytes, None] = None) -> "Credentials":
        """From certificates, leaf first, and a key (PKCS #8, PKCS #1 or SEC 1), as DER."""
        spans, held = spans_of(list(certificates))
        key_span, key_len = input_span(key)
        return cls._of(create(CredentialsHandle, lib.tls_credentials_create_der,
                              spans, len(spans), key_span, key_len, _passphrase(passphrase)))

    @classmethod
    def external(cls, chain: Any, schemes: Iterable[int]) -> "Credentials":
        """A chain (PEM) whose key stays with the host: handshakes ask for signatures (NEEDS_SIGNATURE)."""
        numbers = _numbers(schemes)
        span, length = input_span(chain)
        return cls._of(create(CredentialsHandle, lib.tls_credentials_create_external,
                              span, length, numbers, len(numbers)))

    def set_ocsp_response(self, der: Any) -> None:
        """What servers staple from now on; empty removes it."""
        span, length = input_span(der)
        must(lib.tls_credentials_set_ocsp_response(self._handle, span, length))

    def close(self) -> None:
        self._handle = CredentialsHandle()

    def __enter__(self) -> "Credentials":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


Several = Union[Credentials, Iterable[Credentials]]


def _each(credentials: Optional[Several]) -> Iterable[Credentials]:
    return () if credentials is None else (credentials,) if isinstance(credentials, Credentials) else credentials


class TicketRoot(NamedTuple):
    """What the keys of session tickets derive from. It seals from `seal_from` on and opens until `open_until` (Unix times)."""

    secret: Any
    seal_from: int = 0
    open_until: int = (1 << 63) - 1


def _ticket_roots(roots: Iterable[TicketRoot]) -> Tuple[Any, int, Any]:
    """The roots as an array, how many, and what must live as long as the array."""
    roots = list(roots)
    spans = [input_span(root.secret) for root in roots]
    records = (spantls_ticket_root_t * len(roots))()
    for record, (span, length), root in zip(records, spans, roots):
        record.secret = ctypes.cast(span, ctypes.c_void_p).value
        record.secret_len, record.seal_from, record.open_until = length, root.seal_from, root.open_until
    return records, len(roots), spans


class Options:
    """What contexts are made from. Every setting is a keyword and a method. Credentials may be one or several, the preferred first;
    those for names are for servers (SNI): {"www.example.org": credentials, "*.example.org": [ecdsa, rsa]}."""

    def __init__(
        self, *, credentials: Optional["Several"] = None, trust_anchors: Any = None,
        trust_anchors_file: Optional[Path] = None, system_trust_anchors: bool = False, crls: Any = None,
        crls_file: Optional[Path] = None, protocols: int = 0,
        cipher_suites: Sequence[int] = (), groups: Sequence[int] = (), alpn: Iterable[Union[str, bytes]] = (),
        client_certificate: int = ClientCertificate.NONE, validation: int = Validation.EXTERNAL,
        allow_resume: bool = True, validate_on_resume: bool = True, ticket_roots: Iterable[TicketRoot] = (),
        ticket_lifetime: int = 0, ticket_count: int = 2, max_fragment_size: int = 0, key_log_file: Optional[Path] = None,
        keep_client_hello: bool = False, trust_anchor_mode: int = TrustAnchors.AUTHORITIES,
        strict_certificates: bool = False, validation_time: int = VALIDATION_TIME_NOW,
        credentials_for_names: Union[Mapping[str, "Several"], Iterable[Tuple[str, "Several"]]] = (),
        certificate_requests: int = CertificateRequests.DEFAULT, alpn_mismatch: int = AlpnMismatch.FAIL,
    ) -> None:
        self._handle = create(OptionsHandle, lib.tls_options_create)
        for unnamed in _each(credentials):
            self.add_credentials(unnamed)
        pairs = credentials_for_names.items() if isinstance(credentials_for_names, Mapping) else credentials_for_names
        for name, several in pairs:
            for named in _each(several):
                self.add_credentials_for_name(name, named)
        self.set_certificate_requests(certificate_requests)
        if trust_anchors is not None:
            self.add_trust_anchors(trust_anchors)
        if trust_anchors_file is not None:
            self.add_trust_anchors_file(trust_anchors_file)
        if system_trust_anchors:
            self.add_system_trust_anchors()
        if crls is not None:
            self.add_crls(crls)
        if crls_file is not None:
            self.add_crls_file(crls_file)
        self.set_trust_anchor_mode(trust_anchor_mode)
        self.set_strict_certificates(strict_certificates)
        self.set_validation_time(validation_time)
        self.set_protocols(protocols)
        self.set_cipher_suites(cipher_suites)
        self.set_groups(groups)
        for protocol in alpn:
            self.add_alpn(protocol)
        self.set_alpn_mismatch(alpn_mismatch)
        self.set_client_certificate_mode(client_certificate)
        self.set_certificate_validation(validation)
        self.set_allow_resume(allow_resume)
        self.set_validate_on_resume(validate_on_resume)
        self.set_ticket_roots(ticket_roots)
        self.set_ticket_lifetime(ticket_lifetime)
        self.set_ticket_count(ticket_count)
        self.set_max_fragment_size(max_fragment_size)
        if key_log_file is not None:
            self.set_key_log_file(key_log_file)
        self.set_keep_client_hello(keep_client_hello)

    def set_credentials(self, credentials: Optional[Credentials]) -> None:
        must(lib.tls_options_set_credentials(self._handle, credentials and credentials._handle))

    def add_credentials(self, credentials: Credentials) -> None:
        """The first that fits the peer is shown."""
        must(lib.tls_options_add_credentials(self._handle, credentials._handle))

    def add_credentials_for_name(self, name: str, credentials: Credentials) -> None:
        """For clients of a server that ask for this name, or one that *.name stands for."""
        must(lib.tls_options_add_credentials_for_name(self._handle, terminated(name.encode()), credentials._handle))

    def set_certificate_requests(self, mode: int) -> None:
        must(lib.tls_options_set_certificate_requests(self._handle, int(mode)))

    def add_trust_anchors(self, pem: Any) -> None:
        span, length = input_span(pem)
        must(lib.tls_options_add_trust_anchors_pem(self._handle, span, length))

    def add_trust_anchors_file(self, path: Path) -> None:
        must(lib.tls_options_add_trust_anchors_file(self._handle, _path(path)))

    def add_trust_anchors_der(self, der: Any) -> None:
        """One certificate."""
        span, length = input_span(der)
        must(lib.tls_options_add_trust_anchors_der(self._handle, span, length))

    def add_system_trust_anchors(self) -> None:
        """The system's store, as it is now, together with the anchors that were added."""
        must(lib.tls_options_add_system_trust_anchors(self._handle))

    def set_trust_anchor_mode(self, mode: int) -> None:
        must(lib.tls_options_set_trust_anchor_mode(self._handle, int(mode)))

    def set_strict_certificates(self, strict: bool) -> None:
        must(lib.tls_options_set_strict_certificates(self._handle, int(strict)))

    def set_validation_time(self, unix_seconds: int) -> None:
        """The moment at which certificates are judged, in seconds since 1970."""
        must(lib.tls_options_set_validation_time(self._handle, unix_seconds))

    def add_crls(self, pem: Any) -> None:
        span, length = input_span(pem)
        must(lib.tls_options_add_crls_pem(self._handle, span, length))

    def add_crls_file(self, path: Path) -> None:
        must(lib.tls_options_add_crls_file(self._handle, _path(path)))

    def add_crls_der(self, der: Any) -> None:
        """One revocation list."""
        span, length = input_span(der)
        must(lib.tls_options_add_crls_der(self._handle, span, length))

    def set_protocols(self, protocols: int) -> None:
        must(lib.tls_options_set_protocols(self._handle, int(protocols)))

    def set_cipher_suites(self, ids: Iterable[int]) -> None:
        numbers = _numbers(ids)
        must(lib.tls_options_set_cipher_suites(self._handle, numbers, len(numbers)))

    def set_groups(self, ids: Iterable[int]) -> None:
        numbers = _numbers(ids)
        must(lib.tls_options_set_groups(self._handle, numbers, len(numbers)))

    def add_alpn(self, name: Union[str, bytes]) -> None:
        raw = name.encode("ascii") if isinstance(name, str) else bytes(name)
        must(lib.tls_options_add_alpn(self._handle, raw, len(raw)))

    def set_alpn_mismatch(self, mode: int) -> None:
        """What a server does with a client that offers only other application protocols."""
        must(lib.tls_options_set_alpn_mismatch(self._handle, int(mode)))

    def set_client_certificate_mode(self, mode: int) -> None:
        must(lib.tls_options_set_client_certificate_mode(self._handle, int(mode)))

    def set_certificate_validation(self, mode: int) -> None:
        must(lib.tls_options_set_certificate_validation(self._handle, int(mode)))

    def set_allow_resume(self, allow: bool) -> None:
        must(lib.tls_options_set_allow_resume(self._handle, int(allow)))

    def set_validate_on_resume(self, validate: bool) -> None:
        must(lib.tls_options_set_validate_on_resume(self._handle, int(validate)))

    def set_ticket_roots(self, roots: Iterable[TicketRoot]) -> None:
        records, count, _held = _ticket_roots(roots)
        must(lib.tls_options_set_ticket_roots(self._handle, records, count))

    def set_ticket_lifetime(self, seconds: int) -> None:
        must(lib.tls_options_set_ticket_lifetime(self._handle, seconds))

    def set_ticket_count(self, count: int) -> None:
        must(lib.tls_options_set_ticket_count(self._handle, count))

    def set_max_fragment_size(self, size: int) -> None:
        must(lib.tls_options_set_max_fragment_size(self._handle, size))

    def set_key_log_file(self, path: Path) -> None:
        must(lib.tls_options_set_key_log_file(self._handle, _path(path)))

    def set_keep_client_hello(self, keep: bool) -> None:
        must(lib.tls_options_set_keep_client_hello(self._handle, int(keep)))

    def close(self) -> None:
        self._handle = OptionsHandle()

    def __enter__(self) -> "Options":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Context:
    """What sessions share: made by Context.client(), Context.server() or Context.undecided_server()."""

    _handle: Handle

    @classmethod
    def _of(cls, handle: Handle) -> "Context":
        context = cls.__new__(cls)
        context._handle = handle
        return context

    @classmethod
    def client(cls, options: Optional[Options] = None, **settings: Any) -> "Context":
        """A client's context, from options or from the keywords of Options."""
        options = options if options is not None else Options(**settings)
        return cls._of(create(ContextHandle, lib.tls_context_create_client, options._handle))

    @classmethod
    def server(cls, options: Optional[Options] = None, **settings: Any) -> "Context":
        """A server's context, from options or from the keywords of Options."""
        options = options if options is not None else Options(**settings)
        return cls._of(create(ContextHandle, lib.tls_context_create_server, options._handle))

    @classmethod
    def undecided_server(cls) -> "Context":
        """A server's context without options: its sessions ask NEEDS_SERVER_OPTIONS."""
        return cls._of(create(ContextHandle, lib.tls_context_create_server, None))

    @property
    def is_server(self) -> bool:
        return bool(lib.tls_context_is_server(self._handle))

    def set_ticket_roots(self, roots: Iterable[TicketRoot]) -> None:
        """Replaces the roots of a server's context while it is in use; from any thread."""
        records, count, _held = _ticket_roots(roots)
        must(lib.tls_context_set_ticket_roots(self._handle, records, count))

    def forget_expired(self) -> None:
        """Erases expired ticket roots and tickets of a context that may have been idle."""
        must(lib.tls_context_forget_expired(self._handle))

    def close(self) -> None:
        """Releases the context; its sessions live on."""
        self._handle = ContextHandle()

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
