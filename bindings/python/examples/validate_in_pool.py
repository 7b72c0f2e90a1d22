#!/usr/bin/env python3
"""Many handshakes in one thread, their certificates judged by a pool of threads.

    validate_in_pool.py [HANDSHAKES]

One thread drives clients and servers over loopback sockets with a selector. Both sides show certificates. When a
handshake asks for a verdict, it is put aside and a thread of the pool gives it, with the default validation; a host may
do there whatever takes long: ask a database, a directory, a person. All other handshakes go on meanwhile. Every tenth
client has a certificate that the server does not trust: it gets an alert instead of a welcome.

The library is target/release/libspantls.so, or what SPANTLS_LIB names; the certificates are those of the tests.
"""

import collections
import concurrent.futures
import os
import queue
import selectors
import socket
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
CERTS = os.environ.get("SPANTLS_CERTS") or os.path.join(ROOT, "ffi-tests", "certs")
os.environ.setdefault("SPANTLS_LIB", os.path.join(ROOT, "target", "release", "libspantls.so"))
sys.path.insert(0, os.path.join(ROOT, "bindings", "python"))  # where the package is not installed

from spantls import Alert, ClientCertificate, Context, Credentials, Session, Status, TlsError  # noqa: E402

POOL = 4
ROOM = 20000  # any size works; a whole record fits into this one
PATIENCE = 30  # seconds without any event


def make_context(is_server, name):
    """A context with the certificate of this name. Sessions on all threads can share it."""
    path = os.path.join(CERTS, name)
    return (Context.server if is_server else Context.client)(
        credentials=Credentials.from_files(path + ".pem", path + ".key"),
        trust_anchors_file=os.path.join(CERTS, "ca.pem"), client_certificate=ClientCertificate.REQUIRE)


# --- One connection --------------------------------------------------------------------------------------------------

class Connection:
    """A session on a non-blocking socket. Its bytes are ours: what has come and what is to go."""

    def __init__(self, context, connected, is_server):
        self.session = Session(context, None if is_server else "localhost")
        self.socket, self.is_server = connected, is_server
        self.inbox, self.outbox = bytearray(), bytearray()
        self.is_open = False  # the handshake is complete
        self.suspended = False  # a verdict is under way: the session is the pool's
        self.ended = False  # nothing more will come
        self.outcome = None

    def close(self):
        self.session.close()
        self.socket.close()

    def handshake(self):
        """As far as it goes; true if a verdict is wanted."""
        status = Status.WANT_WRITE
        while status == Status.WANT_WRITE:
            output = bytearray(ROOM)
            try:
                status, consumed, written = self.session.process_handshake(self.inbox, output)
            except TlsError as error:
                self.outbox += output[:error.written]  # the alert
                raise
            del self.inbox[:consumed]
            self.outbox += output[:written]
        if status == Status.WANT_READ and self.ended:
            self.session.end_of_input()
        elif status == Status.NEEDS_CERTIFICATE_VALIDATION:
            self.suspended = True
        elif status == Status.COMPLETE:
            self.is_open = True
            if self.is_server:
                output = bytearray(ROOM)
                _, _, written = self.session.encrypt(b"welcome", output)
                self.outbox += output[:written]
                self.outcome = "completed"
        return self.suspended

    def read(self):
        """A client waits for its welcome, or for the alert that comes instead."""
        plaintext = bytearray(ROOM)
        status, consumed, written = self.session.decrypt(self.inbox, plaintext)
        del self.inbox[:consumed]
        if plaintext[:written] == b"welcome":
            self.outcome = "completed"
        elif status == Status.WANT_READ and self.ended:
            self.session.end_of_input()

    def fail(self, error):
        """Either side of a refusal, or a failure that is not expected. The alert is still to be sent."""
        output = bytearray(ROOM)
        _, written = self.session.drain_pending_output(output)
        self.outbox += output[:written]
        alert = error.alert_sent if self.is_server else error.alert_received
        self.outcome = "refused" if alert == Alert.UNKNOWN_CA else f"failed: {error}"


# --- All of them -----------------------------------------------------------------------------------------------------

class Loop:
    """The thread with the sockets. Connections end without a close_notify here: their subject is how they begin."""

    def __init__(self, count):
        self.count = count
        self.contexts = {name: make_context(name == "server-p256", name)
                         for name in ("server-p256", "client-p256", "client-other")}
        self.selector = selectors.DefaultSelector()
        self.pool = concurrent.futures.ThreadPoolExecutor(POOL)
        # What the pool has judged, and how it wakes this thread.
        self.judged, (self.wake, self.woken) = queue.SimpleQueue(), socket.socketpair()
        self.wake.setblocking(False)
        self.woken.setblocking(False)
        self.selector.register(self.woken, selectors.EVENT_READ, self.take_judged)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=count)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.connections, self.outcomes = set(), {True: collections.Counter(), False: collections.Counter()}
        self.most = collections.Counter()

    def run(self):
        for number in range(self.count):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(self.listener.getsockname())
            name = "client-other" if number % 10 == 9 else "client-p256"
            self.add(client, name, False)
        while any(sum(counted.values()) < self.count for counted in self.outcomes.values()):
            events = self.selector.select(PATIENCE)
            if not events:
                raise RuntimeError("nothing happens any more")
            for key, ready in events:
                key.data(ready)
            self.most["in flight"] = max(self.most["in flight"], sum(not c.is_server for c in self.connections))
            self.most["suspended"] = max(self.most["suspended"], sum(c.suspended for c in self.connections))
        self.pool.shutdown()
        return self.outcomes[False], self.most

    def add(self, connected, name, is_server):
        connection = Connection(self.contexts[name], connected, is_server)
        self.connections.add(connection)
        # Once it is connected, the client speaks first.
        begin = selectors.EVENT_READ if is_server else selectors.EVENT_WRITE
        self.selector.register(connected, begin, lambda ready: self.ready(connection, ready))

    def accept(self, _):
        connected, _ = self.listener.accept()
        connected.setblocking(False)
        self.add(connected, "server-p256", True)

    def ready(self, connection, ready):
        """The socket of a connection can be read or written, or its verdict is there."""
        try:
            if ready & selectors.EVENT_READ:
                data = connection.socket.recv(ROOM)
                connection.inbox += data
                connection.ended = not data
            self.go_on(connection)
        except (ConnectionResetError, BrokenPipeError) as error:
            connection.outcome = connection.outcome or f"failed: {error}"
            connection.outbox.clear()
            self.settle(connection)

    def go_on(self, connection):
        if not connection.suspended and connection.outcome is None:
            try:
                if connection.is_open:
                    connection.read()
                elif connection.handshake():
                    self.pool.submit(self.judge, connection)
            except TlsError as error:
                connection.fail(error)
        if connection.outbox:
            try:
                del connection.outbox[:connection.socket.send(connection.outbox)]
            except BlockingIOError:
                pass
        self.settle(connection)

    def settle(self, connection):
        """What the selector is to wait for now; or the end."""
        over = connection.outcome and not connection.outbox and not connection.suspended
        # While the pool judges there is nothing to read for: the socket keeps it.
        wanted = 0 if over or connection.suspended or connection.ended else selectors.EVENT_READ
        wanted |= selectors.EVENT_WRITE if connection.outbox else 0
        if connection.socket.fileno() in self.selector.get_map():
            self.selector.unregister(connection.socket)
        if wanted:
            self.selector.register(connection.socket, wanted, lambda ready: self.ready(connection, ready))
        if over:
            self.connections.discard(connection)
            self.outcomes[connection.is_server][connection.outcome] += 1
            connection.close()

    def judge(self, connection):
        """In a thread of the pool, alone on this session."""
        try:
            connection.session.accept_with_default_validation()
        except TlsError:
            pass  # the handshake call says why
        self.judged.put(connection)
        try:
            self.wake.send(b"!")
        except BlockingIOError:
            pass  # it is awake

    def take_judged(self, _):
        self.woken.recv(4096)
        while not self.judged.empty():
            connection = self.judged.get()
            connection.suspended = False
            self.ready(connection, 0)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    started = time.monotonic()
    outcomes, most = Loop(count).run()
    print(f"handshakes begun: {count}")
    print(f"in flight at most: {most['in flight']}")
    print(f"suspended at once at most: {most['suspended']}")
    for outcome, number in sorted(outcomes.items()):
        print(f"{outcome}: {number}")
    print(f"time: {time.monotonic() - started:.2f} s, with one thread for the sockets and {POOL} for the verdicts")
    return 0 if set(outcomes) <= {"completed", "refused"} else 1


if __name__ == "__main__":
    sys.exit(main())
