"""A session and its transport: ciphertext between the two, and what has failed."""

from __future__ import annotations

import ipaddress
import os
import threading
import weakref
from typing import Any, List, Optional, Tuple, Union

from . import _ssl_errors
from ._errors import TlsError
from ._judgement import Policy
from ._native import Offers, Status
from ._session import Session
from ._transport import Patience
from ._verify_codes import Fault, verify_code

_HEADER = 5  # of a record (RFC 8446 section 5.1)
_MOST = 16384 + 2048  # that TLS 1.2 allows in one (RFC 5246 section 6.2.3)


class Channel:
    """Reads and writes may run in two threads at once, as the session's halves do."""

    def __init__(self, context: Any, transport: Any, server_side: bool, server_hostname: Optional[str],
                 owner: Any) -> None:
        self._context = context
        self._policy = Policy(context)
        self._judge_by = context  # whose anchors the session has
        self._transport = transport
        self.server_side = server_side
        self.server_hostname = server_hostname
        self._owner = None if owner is None else weakref.ref(owner)
        self._inbox: Union[bytes, bytearray] = b""  # bytes as long as it is one piece
        self._first = b""
        self._plain = bytearray()
        self._out = bytearray()  # ciphertext that the transport has not taken
        self._held = False  # it is tickets, which can wait
        self._added = 0  # to one record's plaintext, as ciphertext
        self._taken = 0  # plaintext in it that write() has not returned yet
        self._writing = threading.RLock()
        self._reading = threading.RLock()
        self._shaking = threading.RLock()  # before the others
        self._done = False
        self._over = False  # the peer says nothing more
        self._closed = False  # the user has closed, by shutdown(); the engine's state also has the answers that it gives by itself
        self._failure: Optional[TlsError] = None  # never raised: its traceback would hold this object
        self._lost = False  # nothing can be read or written any more, for a reason that was raised once
        self._reason: Optional[str] = None  # OpenSSL's for a refusal of ours that the alert does not say
        self._refused_because: Optional[Fault] = None  # the peer's certificate, by us and not by the engine
        self._shared: Optional[List[Tuple[str, str, int]]] = None
        self._offers = Offers(0)  # of the client, once it has spoken
        self._judged = False
        self.session_obj: Any = None
        self._process = os.getpid()
        made = context._engine(server_side, self._policy)
        self._trust = made.trust
        context._count("accept" if server_side else "connect")
        self._session = Session(made.context)
        if not server_side and not context._credentials:
            # Beforehand: tickets belong to an identity, and a session whose client is asked in the handshake has none yet.
            self._session.set_client_credentials(None)
        if server_hostname and not server_side:
            self._set_name(server_hostname)

    def _set_name(self, name: str) -> None:
        try:
            self._session.set_target_host_name(name)
        except (TlsError, UnicodeError) as error:
            if self._policy.check_hostname:
                raise ValueError(f"server_hostname {name!r} is neither a DNS name nor an IP address") from error

    @property
    def owner(self) -> Any:
        return self._owner() if self._owner is not None else None

    @owner.setter
    def owner(self, value: Any) -> None:
        self._owner = None if value is None else weakref.ref(value)

    def _flush(self, patience: Optional[Patience]) -> bool:
        """Sends what is kept; whether all of it is gone."""
        with self._writing:
            while self._out:
                with memoryview(self._out) as view:
                    count = self._transport.send(view, patience)
                if count == 0:
                    return False
                del self._out[:count]
            return True

    def _drain(self) -> None:
        """Takes what the session owes the peer."""
        with self._writing:
            room = bytearray(1024)
            status = Status.WANT_WRITE
            while status == Status.WANT_WRITE:
                status, written = self._session.drain_pending_output(room)
                self._out += room[:written]

    def _fill(self, patience: Optional[Patience]) -> bool:
        """Receives a record, or what is missing of one; False at the end. Raises SSLWantReadError where it is not there yet. Nothing
        after the record, as OpenSSL has it: loops look at what is left in a socket or a memory BIO."""
        while True:
            have = len(self._inbox)
            most = _HEADER - have if have < _HEADER else max(1, _HEADER + _announced(self._inbox) - have)
            data = self._transport.receive(most, patience)
            if data is None:
                raise _ssl_errors.want_read()
            if not data:
                return False
            if not self._first:
                self._first = data[:_HEADER]
            if not have:
                self._inbox = data
            elif have == _HEADER:
                self._inbox += data
            else:
                self._grown().extend(data)
            if have + len(data) != _HEADER or not _is_header(self._inbox):
                return True

    def _grown(self) -> bytearray:
        """What was received, as an object that can change."""
        if not isinstance(self._inbox, bytearray):
            self._inbox = bytearray(self._inbox)
        return self._inbox

    def _used(self, count: int) -> None:
        """So many received bytes are not needed any more."""
        if count == len(self._inbox):
            self._inbox = b""
        elif count:
            del self._grown()[:count]

    def _last_words(self, patience: Optional[Patience]) -> None:
        """Sends the alert of a failure, as far as the transport takes it."""
        try:
            self._drain()
            self._flush(patience)
        except (OSError, TlsError):
            pass  # the failure itself is raised; the peer is gone

    def _ended(self) -> Exception:
        try:
            self._session.end_of_input()
        except TlsError as error:
            return self._failed(error)
        return _ssl_errors.eof()

    def _must_work(self) -> None:
        """Raises what has failed; after an end of the transport, and where ssl takes a connection for lost, as ssl does."""
        if self._lost:
            raise _ssl_errors.lost()
        if self._failure is not None:
            raise self._translated(self._failure)

    def _failed(self, error: TlsError) -> Exception:
        self._lost = error.status == Status.TRUNCATED
        self._failure = error.unraised()
        return self._translated(error)

    def _translated(self, error: TlsError) -> Exception:
        if error.status == Status.AUTHENTICATION_FAILED and self._judged and error.alert_received is None:
            if self._session.remote_certificates:
                fault = self._refused_because or Fault(error.reason, error.depth, error.strict_rule)
                return _ssl_errors.verification(*verify_code(
                    fault, error.message, self.server_hostname, _is_ip(self.server_hostname)))
        return _ssl_errors.translate(error, self._first, bytes(self._inbox[:_HEADER]), self._reason)


def _announced(record: Union[bytes, bytearray]) -> int:
    return int.from_bytes(record[3:_HEADER], "big")


def _is_header(record: Union[bytes, bytearray]) -> bool:
    """Whether more of a record is to come; anything else is the engine's to refuse."""
    return 0x14 <= record[0] <= 0x17 and 0 < _announced(record) <= _MOST


def _is_ip(name: Optional[str]) -> bool:
    try:
        ipaddress.ip_address(name or "")
    except ValueError:
        return False
    return True
