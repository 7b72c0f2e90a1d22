"""The shared library: where it is, and that it is the right one."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from typing import List, Optional

from ._native import ABI_VERSION, declare


def _candidates() -> List[str]:
    darwin = sys.platform == "darwin"
    name = "libspantls.dylib" if darwin else "libspantls.so"
    with_version = f"libspantls.{ABI_VERSION}.dylib" if darwin else f"libspantls.so.{ABI_VERSION}"
    inside = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    if os.path.exists(inside):
        return [inside]
    given = os.environ.get("SPANTLS_LIB")
    if given:
        return [given]
    found: Optional[str] = ctypes.util.find_library("spantls")
    return [found] if found else [with_version, name]


def load() -> ctypes.CDLL:
    """Loads the library: the wheel's own, else what SPANTLS_LIB names, else the system's."""
    failures: List[str] = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            break
        except OSError as error:
            failures.append(str(error))
    else:
        raise ImportError("libspantls cannot be loaded; set SPANTLS_LIB to its path (" + "; ".join(failures) + ")")
    try:
        declare(library)
    except AttributeError as error:
        raise ImportError(f"{library._name} is older than this package: {error}") from None
    if library.spantls_abi_version() != ABI_VERSION:
        raise ImportError(f"{library._name} has ABI {library.spantls_abi_version()}, this package needs {ABI_VERSION}")
    return library


lib = load()
