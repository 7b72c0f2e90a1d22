"""Differential tests: each scenario runs with the original ssl and with spantls.ssl at either end, in TLS 1.2 and 1.3, and what each
end sees is compared with what it sees where both ends are the original's.

A scenario is a function of a Run. What it wants compared it calls through See.see(), which records the result or the exception:
its class, errno, reason, library, verification code and message. Places in source files are taken off messages, and a message of
ours may continue the original's after a colon with what the engine knows.

A difference fails unless the list beside the suite names it with its reason; a line of the list that matches nothing fails, too:

    SCENARIO VERSION END=MODULE LABEL: reason          for example    half_close 1.2 client=ours write: RFC 5246 section 7.2.1

MODULE is whose the end is (`theirs` has a difference where its peer is ours). `*` and `?` match as in file names.
"""

import fnmatch
import hashlib
import os
import re
import socket
import ssl
import sys
import threading
from typing import NamedTuple

import report
import spantls.ssl
from report import cert

MODULES = {"theirs": ssl, "ours": spantls.ssl}
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
PAIRINGS = [(client, server) for client in MODULES for server in MODULES]  # (theirs, theirs) is the first
SECONDS = 30  # no scenario takes longer unless it hangs
_PLACES = re.compile(r" ?\((_ssl\.c:\d+|spantls)\)|^_ssl\.c:\d+: |(?<=0x)[0-9a-f]{6,}|(?<=\bfd=)\d+")


def _cleaned(text):
    return _PLACES.sub("", text).replace("spantls.ssl.", "ssl.")


class Seen(NamedTuple):
    """A result or an exception, in a form that can be compared."""

    what: str
    message: str = ""

    @classmethod
    def result(cls, value):
        if isinstance(value, (bytes, bytearray, memoryview)) and len(value) > 100:
            return cls(f"{len(value)} bytes, {hashlib.sha256(value).hexdigest()[:16]}")
        return cls(_cleaned(repr(value)))

    @classmethod
    def exception(cls, error):
        parts = [type(error).__name__]
        for name in ("errno", "library", "reason", "verify_code", "verify_message"):
            if hasattr(error, name):
                parts.append(f"{name}={getattr(error, name)!r}")
        text = error.strerror if isinstance(error, OSError) and error.strerror is not None else str(error)
        return cls(" ".join(parts), _cleaned(text))

    def is_like(self, original):
        return self.what == original.what and (
            self.message == original.message or self.message.startswith(original.message + ":"))

    def __str__(self):
        return f"{self.what} {self.message!r}" if self.message else self.what


class See:
    """An end of a connection: its module, and what it has seen."""

    def __init__(self, run, name):
        self.run, self.name = run, name
        self.module = MODULES[run.whose[name]]
        self.seen = []

    def see(self, label, call, *arguments, **names):
        """The result of the call, None after an exception; both are recorded."""
        try:
            value = call(*arguments, **names)
        except Exception as error:
            self.note(label, Seen.exception(error))
            return None
        self.note(label, Seen.result(value))
        return value

    def has_failed(self):
        """Whether the handshake, or a call after it, has failed for good."""
        return any("Error" in value.what and "SSLWant" not in value.what for _, value in self.seen)

    def see_broken(self, label, call, *arguments):
        """A call after a failure. It must fail again, with what exception ever: an end would read as a clean one."""
        self.see(f"broken {label}", call, *arguments)
        last = self.seen[-1][1]
        if self.run.whose[self.name] == "ours" and "Error" not in last.what:
            raise AssertionError(f"{label} after a failure: {last}")

    def note(self, label, value):
        """Records something that is no result of one call."""
        self.seen.append((label, value if isinstance(value, Seen) else Seen.result(value)))


class MemoryEnd(See):
    """An SSLObject over memory. What it sends reaches the other end by Memory.move()."""

    def wrap(self, context, **names):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, **names)

    def shake(self):
        """Whether the handshake is over: done, or failed, which is recorded."""
        try:
            self.object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except Exception as error:
            self.note("handshake", Seen.exception(error))
            return True
        self.note("handshake", "done")
        return True


class Memory:
    """A client and a server over memory, in one thread: nothing happens but what the scenario does."""

    def __init__(self, run, client, server, **names):
        self.run = run
        self.client, self.server = MemoryEnd(run, "client"), MemoryEnd(run, "server")
        run.ends += [self.client, self.server]
        names.setdefault("server_hostname", "localhost")
        self.client.wrap(client, **names)
        self.server.wrap(server, server_side=True)

    def move(self):
        for one, other in ((self.client, self.server), (self.server, self.client)):
            if not other.incoming.eof or other.incoming.pending:
                other.incoming.write(one.outgoing.read())

    def shake(self):
        """The whole handshake; then what each has left for the other is in its incoming."""
        over = [False, False]
        for _ in range(10):
            for index, end in enumerate((self.client, self.server)):
                over[index] = over[index] or end.shake()
                self.move()
            if all(over):
                return self
        for index, end in enumerate((self.client, self.server)):
            if not over[index]:
                end.note("handshake", "waits")
        return self

    def settle(self):
        """Both have read what there was before the first data: tickets, or the alert about a certificate."""
        for one, other in ((self.client, self.server), (self.server, self.client)):
            one.see("settle write", one.object.write, b"!")
            self.move()
            other.see("settle read", other.object.read, 1)
            self.move()
        return self


class SocketEnd(See):
    """A socket, plain until the scenario wraps it."""

    sock = None

    def wrap(self, context, **names):
        """The wrapped socket, or None where the handshake has failed, which is recorded."""
        if self.name == "client":
            names.setdefault("server_hostname", "localhost")
        try:
            self.sock = context.wrap_socket(self.sock, server_side=self.name == "server", **names)
        except Exception as error:
            self.note("handshake", Seen.exception(error))
            return None
        self.note("handshake", "done" if names.get("do_handshake_on_connect", True) else "not yet")
        return self.sock


class Run:
    """One scenario with one version and one pairing."""

    def __init__(self, scenario, version, client, server):
        self.scenario, self.version = scenario, version
        self.whose = {"client": client, "server": server}
        self.ends = []

    # Contexts

    def context(self, end, protocol, **settings):
        context = MODULES[self.whose[end]].SSLContext(protocol)
        context.minimum_version = context.maximum_version = VERSIONS[self.version]
        for name, value in settings.items():
            setattr(context, name, value)
        return context

    def client_context(self, anchors="ca", own=None, **settings):
        context = self.context("client", ssl.PROTOCOL_TLS_CLIENT, **settings)
        if anchors is not None:
            context.load_verify_locations(cert(anchors + ".pem"))
        if own is not None:
            context.load_cert_chain(cert(own + ".pem"), cert(own + ".key"))
        return context

    def server_context(self, own="server-p256", anchors=None, **settings):
        context = self.context("server", ssl.PROTOCOL_TLS_SERVER, **settings)
        if own is not None:
            context.load_cert_chain(cert(own + ".pem"), cert(own + ".key"))
        if anchors is not None:
            context.load_verify_locations(cert(anchors + ".pem"))
        return context

    # Connections

    def memory(self, client=None, server=None, **names):
        return Memory(self, client or self.client_context(), server or self.server_context(), **names)

    def opened(self, *contexts, **names):
        """A connection over memory with its handshake done and its tickets delivered; what was seen of that is forgotten."""
        memory = self.memory(*contexts, **names).shake().settle()
        for end in (memory.client, memory.server):
            if any(value.what.startswith("SSL") for _, value in end.seen):
                raise AssertionError(f"the connection does not open: {end.seen}")
            end.seen.clear()
        return memory

    def over_sockets(self, client_talks, server_talks, tcp=False):
        """Calls each with its SocketEnd, the server's in a thread. The server must end before the client's socket is closed."""
        client, server = SocketEnd(self, "client"), SocketEnd(self, "server")
        self.ends += [client, server]
        client.sock, server.sock = tcp_pair() if tcp else socket.socketpair()
        failures = []

        def serve():
            try:
                server_talks(server)
            except BaseException as error:
                failures.append(error)
            finally:
                server.sock.close()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            client_talks(client)
        except BaseException:
            client.sock.close()
            raise
        # A close with tickets unread would be a reset: the server is done before.
        thread.join(SECONDS)
        client.sock.close()
        if thread.is_alive():
            raise AssertionError("the server does not end")
        if failures:
            raise failures[0]

    # What was seen

    def seen(self):
        """{(end, label): [Seen, ...]}."""
        found = {}
        for end in self.ends:
            for label, value in end.seen:
                found.setdefault((end.name, label), []).append(value)
        return found


def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
    for sock in (client, server):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client, server


class Listed:
    """The differences that are accepted."""

    def __init__(self, path):
        self.lines, self.used = [], set()
        with open(path, encoding="utf-8") as file:
            for line in file:
                pattern, _, reason = line.strip().partition(": ")
                if not pattern or pattern.startswith("#"):
                    continue
                if not reason:
                    raise SystemExit(f"{path}: {pattern} has no reason")
                self.lines.append((pattern, reason))

    def reason(self, name):
        for pattern, reason in self.lines:
            if fnmatch.fnmatchcase(name, pattern):
                self.used.add(pattern)
                return reason
        return None


class Suite:
    """The scenarios of a file."""

    def __init__(self, path):
        self.listed = Listed(path)
        self.scenarios = []

    def scenario(self, function=None, *, versions=tuple(VERSIONS)):
        """Decorates a scenario: a sentence with underscores, called with each Run."""
        if function is None:
            return lambda given: self.scenario(given, versions=versions)
        self.scenarios.append((function, versions))
        return function

    def differences(self, function, version):
        """[(name, original's, ours)] of the pairings that have an end of ours."""
        original, found = None, {}
        for client, server in PAIRINGS:
            run = Run(function.__name__, version, client, server)
            function(run)
            seen = run.seen()
            if original is None:
                if not seen:
                    raise AssertionError("the scenario has seen nothing")
                original = seen
                continue
            for end, label in sorted(set(original) | set(seen)):
                before, now = original.get((end, label), []), seen.get((end, label), [])
                if len(before) != len(now) or not all(one.is_like(other) for one, other in zip(now, before)):
                    name = f"{function.__name__} {version} {end}={run.whose[end]} {label}"
                    found.setdefault(name, (before, now, f"{client} to {server}"))
        return found

    def judge(self, function, versions):
        """What is wrong; prints every difference."""
        wrong = []
        for version in versions:
            try:
                found = self.differences(function, version)
            except Exception as error:
                wrong.append(f"{version}: {type(error).__name__}: {error}")
                continue
            for name, (before, now, pairing) in found.items():
                reason = self.listed.reason(name)
                print(f"# difference - {name} ({pairing})\n#     original: {' | '.join(map(str, before)) or 'nothing'}\n"
                      f"#     here:     {' | '.join(map(str, now)) or 'nothing'}\n#     {reason or 'NOT LISTED'}")
                if reason is None:
                    wrong.append(name)
        return wrong

    def main(self):
        if sys.version_info < (3, 11):
            print("# left out: ssl before Python 3.11 has other errors, and what is listed is said of later ones\n0 passed, 0 failed")
            return
        passed = failed = 0
        chosen = [entry for entry in self.scenarios if not sys.argv[1:] or entry[0].__name__ in sys.argv[1:]]
        for function, versions in chosen:
            wrong = self.judge(function, versions)
            passed, failed = passed + (not wrong), failed + bool(wrong)
            print(f"{'not ok' if wrong else 'ok'} - {function.__name__.replace('_', ' ')}"
                  f"{': ' + '; '.join(wrong) if wrong else ''}", flush=True)
        # Later ones may have fewer.
        if len(chosen) == len(self.scenarios) and sys.version_info[:2] == (3, 11):
            for pattern, _ in self.listed.lines:
                if pattern not in self.listed.used:
                    failed += 1
                    print(f"not ok - {pattern}: listed, and there is no such difference")
        print(f"# {len(chosen)} scenarios, {len(PAIRINGS)} pairings each")
        print(f"{passed} passed, {failed} failed", flush=True)
        sys.stdout.flush()
        os._exit(0 if passed and not failed else 1)  # without waiting for a thread that hangs
