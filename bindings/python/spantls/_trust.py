"""What a context has loaded to judge its peers by: anchors, revocation lists, and folders that are searched."""

from __future__ import annotations

import os
import ssl
from typing import Any, List, NamedTuple, Optional, Tuple

from . import _certificates
from ._context import Options
from ._errors import TlsError
from ._native import TrustAnchors

VERIFY_X509_PARTIAL_CHAIN = 0x80000  # Python has a name for it since 3.10


def read(path: Any) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def readable(blocks: List[bytes]) -> List[bytes]:
    """The trust anchors that the engine can read. ssl accepts some that it cannot: they must neither keep the others out nor leave
    the engine without any; nothing that they have issued is trusted."""
    def can_be_read(block: bytes) -> bool:
        try:
            Options().add_trust_anchors(block)
            return True
        except TlsError:
            return False

    together = b"".join(blocks)
    return blocks if not blocks or can_be_read(together) else [block for block in blocks if can_be_read(block)]


class Trust(NamedTuple):
    """Immutable, so that one connection's judgement never mixes two states of a context."""

    anchors: Tuple[bytes, ...] = ()
    lists: Tuple[bytes, ...] = ()
    folders: Tuple[str, ...] = ()

    def and_text(self, text: bytes) -> "Trust":
        """With the certificates and revocation lists of a PEM text."""
        known = set(self.anchors)
        anchors = [block for block in _certificates.blocks(text) if block not in known]
        lists = [block for block in _certificates.crls(text) if block not in self.lists]
        return self._replace(anchors=(*self.anchors, *readable(anchors)), lists=(*self.lists, *lists))

    def and_folder(self, path: str) -> "Trust":
        return self if path in self.folders else self._replace(folders=(*self.folders, path))

    def and_defaults(self) -> "Trust":
        """With what OpenSSL has been built to trust, or the environment names instead, as far as it is there."""
        paths = ssl.get_default_verify_paths()
        file, folders = paths.openssl_cafile, paths.openssl_capath
        if not _has_more_rights_than_its_user():
            file = os.environ.get(paths.openssl_cafile_env) or file
            folders = os.environ.get(paths.openssl_capath_env) or folders
        trust = self
        for folder in filter(None, folders.split(os.pathsep)):
            trust = trust.and_folder(folder)
        try:
            return trust.and_text(read(file))
        except OSError:
            return trust

    def stamp(self) -> Tuple[Optional[int], ...]:
        """Changes when a file appears in one of the folders, or goes."""
        return tuple(map(_changed_at, self.folders))

    def with_folders_read(self) -> "Trust":
        return self.and_text(b"\n".join(text for folder in self.folders for text in _certificates.from_directory(folder)))

    def give_to(self, options: Options, verify_flags: int) -> None:
        """The engine judges by it as OpenSSL would with these flags."""
        if self.anchors:
            options.add_trust_anchors(b"".join(self.anchors))
        partial = verify_flags & VERIFY_X509_PARTIAL_CHAIN
        options.set_trust_anchor_mode(TrustAnchors.PARTIAL_CHAIN if partial else TrustAnchors.CERTIFICATES)
        options.set_strict_certificates(bool(verify_flags & ssl.VERIFY_X509_STRICT))
        if self.lists and verify_flags & ssl.VERIFY_CRL_CHECK_LEAF:
            options.add_crls(b"".join(self.lists))


def _changed_at(folder: str) -> Optional[int]:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return None


def _has_more_rights_than_its_user() -> bool:
    """OpenSSL ignores the environment then."""
    return hasattr(os, "geteuid") and (os.geteuid() != os.getuid() or os.getegid() != os.getgid())
