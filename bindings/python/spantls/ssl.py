"""A drop-in for the standard library's ssl: the same names, with contexts whose connections run on spantls.

SSLContext is a subclass of ssl.SSLContext. The base class keeps and checks the settings, so that they behave as
everywhere; the handshakes, the records and the judgement of certificates are the engine's.
"""

from __future__ import annotations

import os
import ssl as _base
import threading
import types
from ssl import *  # noqa: F401,F403
from typing import Any, Dict, List, Optional, Tuple

from . import _certificates, _ssl_errors
from ._context import Credentials
from ._engines import Engines
from ._errors import TlsError
from ._green import makes_its_own_sockets, must_be_patched_before, user_of
from ._sslobject import Engine
from ._suites import SUITES
from ._transport import Bio, Wire
from ._trust import Trust, read

_GROUPS = {"prime256v1": 0x17, "secp256r1": 0x17, "P-256": 0x17, "secp384r1": 0x18, "P-384": 0x18,
           "X25519": 0x1D, "x25519": 0x1D}


class SSLObject(_base.SSLObject):  # type: ignore[no-redef]
    """As ssl.SSLObject."""


class SSLSocket(_base.SSLSocket):  # type: ignore[no-redef]
    """As ssl.SSLSocket."""

    if makes_its_own_sockets():
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            made = super().__new__(cls, *args, **kwargs)
            made.__class__ = cls
            return made

    def _real_close(self) -> None:
        engine = self._sslobj  # type: ignore[attr-defined]
        if isinstance(engine, Engine):
            engine.leave()
        super()._real_close()  # type: ignore[misc]


def _password(given: Any) -> bytes:
    return given.encode() if isinstance(given, str) else bytes(given)


def _converted(key: bytes, passphrase: Optional[bytes]) -> bytes:
    """A key in the old encrypted form of PEM, which ssl reads and the library does not, in clear. Without the package cryptography
    it stays as it is: the library's message has the command that converts it."""
    old = key.find(b"Proc-Type: 4,ENCRYPTED")
    if old < 0:
        return key
    try:
        from cryptography.hazmat.primitives import serialization as forms
    except ImportError:
        return key
    loaded = forms.load_pem_private_key(key[key.rindex(b"-----BEGIN ", 0, old):], passphrase)
    return loaded.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())


class SSLContext(Engines, _base.SSLContext):  # type: ignore[no-redef]
    """As ssl.SSLContext, with TLS 1.2 and 1.3."""

    _sni: Any
    _counts: Dict[str, int]

    sslobject_class = SSLObject
    sslsocket_class = SSLSocket

    def __new__(cls, protocol: Any = None, *args: Any, **kwargs: Any) -> Any:
        must_be_patched_before()
        if protocol is None:
            self = super().__new__(cls, *args, **kwargs)
        else:
            self = super().__new__(cls, protocol, *args, **kwargs)
        self._lock = threading.Lock()
        self._engines, self._engines_of = {}, None
        self._credentials = ()
        self._trust = Trust()
        self._alpn = ()
        self._sni = None
        self._ciphers = None
        self._groups = ()
        self._counts = {}
        return self

    def _count(self, what: str) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1

    # Settings

    def load_cert_chain(self, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        kept: List[bytes] = []
        given = password
        if callable(password):
            def given() -> Any:
                answer = password()
                if isinstance(answer, (str, bytes, bytearray)):
                    kept.append(_password(answer))
                return answer  # what is no password ssl complains of
        super().load_cert_chain(certfile, keyfile, given)
        if password is not None and not callable(password):
            kept.append(_password(password))
        chain, key = read(certfile), read(certfile if keyfile is None else keyfile)
        try:
            passphrase = kept[-1] if kept else None
            credentials = Credentials(chain, _converted(key, passphrase), passphrase)
        except (TlsError, ValueError) as error:
            raise _ssl_errors.make("UNSUPPORTED", str(getattr(error, "message", error))) from None
        leaf = _base.PEM_cert_to_DER_cert(_certificates.blocks(chain)[0].decode("ascii", "replace").strip())
        is_ecdsa = bytes.fromhex("2a8648ce3d0201") in leaf
        with self._lock:
            others = (entry for entry in self._credentials if entry[0] != is_ecdsa)
            self._credentials = (*others, (is_ecdsa, credentials))

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        super().load_verify_locations(cafile, capath, cadata)
        texts: List[bytes] = []
        if cafile is not None:
            texts.append(read(cafile))
        if isinstance(cadata, str):
            texts.append(cadata.encode("ascii"))
        elif cadata is not None:
            texts += _certificates.from_der(bytes(cadata))
        with self._lock:
            trust = self._trust.and_text(b"\n".join(texts))
            self._trust = trust if capath is None else trust.and_folder(os.path.abspath(os.fsdecode(capath)))

    def set_default_verify_paths(self) -> None:
        super().set_default_verify_paths()
        with self._lock:
            self._trust = self._trust.and_defaults()

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        names: List[bytes] = []
        for name in alpn_protocols:
            raw = bytes(name, "ascii")
            if not 0 < len(raw) < 256:
                raise _base.SSLError("ALPN protocols must be 1 to 255 in length")
            if raw not in names:
                names.append(raw)
        with self._lock:
            self._alpn = tuple(names)

    def set_npn_protocols(self, npn_protocols: Any) -> None:
        raise NotImplementedError("NPN is gone; use set_alpn_protocols()")

    def set_ciphers(self, cipherlist: str) -> None:
        super().set_ciphers(cipherlist)
        chosen = [entry["id"] & 0xFFFF for entry in super().get_ciphers()]
        with self._lock:
            self._ciphers = tuple(number for number in chosen if number in SUITES)

    def get_ciphers(self) -> Any:
        return [entry for entry in super().get_ciphers() if entry["id"] & 0xFFFF in SUITES]

    def set_ecdh_curve(self, name: Any) -> None:
        super().set_ecdh_curve(name)
        text = name.decode() if isinstance(name, bytes) else name
        if text not in _GROUPS:
            raise ValueError(f"the curve {text!r} is not supported")
        with self._lock:
            self._groups = (_GROUPS[text],)

    @property
    def sni_callback(self) -> Any:
        return self._sni

    @sni_callback.setter
    def sni_callback(self, callback: Any) -> None:
        if callback is not None and not callable(callback):
            raise TypeError("not a callable object")
        if self.protocol == _base.PROTOCOL_TLS_CLIENT:
            raise ValueError("sni_callback cannot be set on TLS_CLIENT context")
        self._sni = callback

    def session_stats(self) -> Dict[str, int]:
        return {name: self._counts.get(name, 0) for name in (
            "number", "connect", "connect_good", "connect_renegotiate", "accept", "accept_good",
            "accept_renegotiate", "hits", "misses", "timeouts", "cache_full")}

    def set_psk_client_callback(self, callback: Any) -> None:
        raise NotImplementedError("external pre-shared keys are not supported")

    def set_psk_server_callback(self, callback: Any, identity_hint: Any = None) -> None:
        raise NotImplementedError("external pre-shared keys are not supported")

    def _show_anchor(self, der: bytes) -> None:
        super().load_verify_locations(cadata=der)

    # Connections

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> Any:
        if makes_its_own_sockets():
            return self.sslsocket_class(sock, *args, _context=self, **kwargs)
        return super().wrap_socket(sock, *args, **kwargs)

    def _check(self, server_side: bool, server_hostname: Optional[str]) -> None:
        must_be_patched_before()
        for side, is_server, other in (("server", True, _base.PROTOCOL_TLS_CLIENT), ("client", False, _base.PROTOCOL_TLS_SERVER)):
            if server_side == is_server and self.protocol == other:
                raise _ssl_errors.plain(f"Cannot create a {side} socket with a {other.name} context")
        if server_hostname is not None and (not server_hostname or server_hostname.startswith(".")):
            raise ValueError("server_hostname cannot be an empty string or start with a leading dot.")
        if server_hostname is not None and "\0" in server_hostname:
            raise TypeError("argument must be encoded string without null bytes, not str")
        if server_hostname is not None and len(server_hostname) > 255:
            raise _ssl_errors.numbered("SSL3_EXT_INVALID_SERVERNAME")

    def _wrap_socket(self, sock: Any, server_side: bool, server_hostname: Any = None, *, owner: Any = None,
                     session: Any = None) -> Engine:
        self._check(server_side, server_hostname)
        return Engine(self, Wire(sock), server_side, server_hostname, user_of(owner))

    def _wrap_bio(self, incoming: Any, outgoing: Any, server_side: bool, server_hostname: Any = None, *,
                  owner: Any = None, session: Any = None) -> Engine:
        self._check(server_side, server_hostname)
        for name, bio in (("incoming", incoming), ("outgoing", outgoing)):
            if not isinstance(bio, _base.MemoryBIO):
                raise TypeError(f"_wrap_bio() argument {name!r} must be _ssl.MemoryBIO, not "
                                f"{None if bio is None else type(bio).__name__}")
        return Engine(self, Bio(incoming, outgoing), server_side, server_hostname, owner)


def _with_our_context(name: str) -> Any:
    """A function of ssl's that makes contexts, with the names of this module: it makes ours, with the defaults of this Python."""
    function = getattr(_base, name)
    if function.__module__ != "ssl":  # one that eventlet has put there, say: it has the original
        function = next((one for one in function.__globals__.values() if isinstance(one, types.FunctionType)
                         and (one.__module__, one.__name__) == ("ssl", name)), function)
    ours = globals()
    for used in function.__code__.co_names:
        if used not in ours and used in function.__globals__:
            ours[used] = function.__globals__[used]
    copy = types.FunctionType(function.__code__, ours, name, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__doc__, copy.__module__ = function.__doc__, __name__
    return copy


_create_unverified_context = _with_our_context("_create_unverified_context")
_create_stdlib_context = _create_unverified_context
_make_default_context = _with_our_context("create_default_context")
get_server_certificate = _with_our_context("get_server_certificate")
if hasattr(_base, "wrap_socket"):  # until Python 3.11
    wrap_socket = _with_our_context("wrap_socket")


def create_default_context(  # type: ignore[no-redef]
        purpose: Any = _base.Purpose.SERVER_AUTH, *, cafile: Any = None, capath: Any = None,
        cadata: Any = None) -> SSLContext:
    """As ssl.create_default_context()."""
    context: SSLContext = _make_default_context(purpose, cafile=cafile, capath=capath, cadata=cadata)
    return context


_create_default_https_context = create_default_context

# Names of ssl's that lead to its engine.
_NOT_HERE = {"_SSLContext"}


def __getattr__(name: str) -> Any:
    """Everything else is ssl's own."""
    if name in _NOT_HERE:
        raise AttributeError(f"spantls.ssl has no {name}: that is a context of OpenSSL's")
    return getattr(_base, name)
