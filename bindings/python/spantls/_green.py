"""gevent and eventlet: they put classes of their own into ssl, whose sockets wait in their loops. Ours derive from what is there when
spantls.ssl is imported, so these wait likewise."""

from __future__ import annotations

import ssl
from typing import Any

_AT_IMPORT = ssl.SSLContext


def must_be_patched_before() -> None:
    """ssl was patched after spantls.ssl was imported: connections would block the loop, and ssl's own properties recurse."""
    if not issubclass(_AT_IMPORT, ssl.SSLContext):  # eventlet puts the original back for moments
        raise RuntimeError(f"{ssl.SSLContext.__module__} has replaced ssl.SSLContext after spantls.ssl was imported: "
                           "patch first (gevent.monkey.patch_all(), eventlet.monkey_patch()), then import spantls.ssl")


def makes_its_own_sockets() -> bool:
    """eventlet's contexts do, whatever their sslsocket_class; and its sockets make their own class out of any."""
    return _AT_IMPORT.__module__.startswith("eventlet.")


def user_of(sock: Any) -> Any:
    """The socket that callbacks are called with: gevent's has another one inside, which names it."""
    outer = getattr(sock, "_sslsock", None)
    return sock if outer is None else outer()
