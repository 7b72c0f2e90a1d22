"""The handshake: its steps, and the answers to what the engine asks."""

from __future__ import annotations

from typing import Any, Optional

from . import _ssl_errors
from ._channel import Channel
from ._errors import TlsError
from ._judgement import judge
from ._native import Alert, Protocol, State, Status
from ._suites import suite
from ._transport import Patience

_HANDSHAKE_ROOM = 20000


class Handshaking(Channel):
    @property
    def session_reused(self) -> bool:
        return bool(self._session.state & State.RESUMED)

    def do_handshake(self) -> None:
        self._shake_hands(self._transport.patience("handshake"))

    def _shake_hands(self, patience: Optional[Patience]) -> None:
        with self._shaking:
            self._step(patience)

    def _step(self, patience: Optional[Patience]) -> None:
        if self._failure is not None:
            raise self._translated(self._failure)
        room = bytearray(_HANDSHAKE_ROOM)
        while True:
            if not self._flush(patience):
                raise _ssl_errors.want_write()
            if self._done:
                return
            try:
                status, consumed, written = self._session.process_handshake(self._inbox, room)
            except TlsError as error:
                self._out += room[:error.written]
                self._last_words(patience)
                raise self._failed(error) from None
            self._used(consumed)
            self._out += room[:written]
            if status == Status.COMPLETE:
                self._done = True
                self._context._count("accept_good" if self.server_side else "connect_good")
                if self.session_reused:
                    self._context._count("hits")
                if self.server_side and self._session.negotiated_protocol == Protocol.TLS13:
                    # They go with the first answer, or when the client has said something: one that goes away at once would find
                    # them unread, and reset the connection.
                    self._held = bool(self._out)
                    return
            elif status == Status.WANT_READ:
                if self._flush(patience) and not self._fill(patience):
                    raise self._ended()
            elif status != Status.WANT_WRITE:
                self._answer(status)

    def _answer(self, status: Status) -> None:
        if status == Status.NEEDS_CERTIFICATE_VALIDATION:
            self._judge()
        elif status == Status.NEEDS_SERVER_OPTIONS:
            self._choose()
        else:
            raise _ssl_errors.make("INTERNAL_ERROR", f"the engine asks for {status.name}")

    def _choose(self) -> None:
        """The server's context, by the ClientHello: ssl's SNI callback, and ALPN that does not insist."""
        hello = self._session.client_hello
        self._offers = hello.offers
        chosen = self._context
        callback = chosen.sni_callback
        if callback is not None:
            alert = _ask(callback, self.owner or self, hello.server_name, chosen)
            if alert is not None:
                self._reason = "CALLBACK_FAILED"
                self._session.reject(alert)
                return
            chosen = self._context
        if not chosen._credentials:
            self._session.reject(Alert.HANDSHAKE_FAILURE)
            return
        made = chosen._server_engine(hello, self._policy)
        self._trust = made.trust
        self._judge_by = chosen
        self._shared = [suite(number) for number in hello.cipher_suites if number in chosen._suites()]
        self._session.set_server_context(made.context)

    def _judge(self) -> None:
        self._judged = True
        self._refused_because = judge(self._session, self._judge_by, self._policy, self._trust)


def _ask(callback: Any, owner: Any, name: Optional[str], context: Any) -> Optional[int]:
    """Calls ssl's SNI callback; the alert to refuse with, or None."""
    try:
        answer = callback(owner, name, context)
    except BaseException as error:  # as ssl: also what would end the program
        _unraisable(error)
        return Alert.HANDSHAKE_FAILURE
    if answer is None:
        return None
    if not isinstance(answer, int):
        _unraisable(TypeError(f"the SNI callback returned {type(answer).__name__}, not int or None"))
        return Alert.INTERNAL_ERROR
    ends = 0 < answer < 256 and answer != Alert.USER_CANCELED
    return int(answer) if ends else Alert.INTERNAL_ERROR


class _Unraisable:
    """Its end raises an exception that the interpreter reports to sys.unraisablehook: the hook's argument cannot be made otherwise."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __del__(self) -> None:
        raise self._error


def _unraisable(error: BaseException) -> None:
    _Unraisable(error)
