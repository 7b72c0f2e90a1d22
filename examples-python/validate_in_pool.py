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
import ctypes
import os
import queue
import selectors
import socket
import sys
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CERTS = os.environ.get("SPANTLS_CERTS") or os.path.join(ROOT, "ffi-tests", "certs")
LIBRARY = os.environ.get("SPANTLS_LIB") or os.path.join(ROOT, "target", "release", "libspantls.so")

POOL = 4
ROOM = 20000  # any size works; a whole record fits into this one
PATIENCE = 30  # seconds without any event

COMPLETE, WANT_READ, WANT_WRITE, NEEDS_CERTIFICATE_VALIDATION = 0, 1, 2, 5
CLIENT_CERTIFICATE_REQUIRE = 2
UNKNOWN_CA = 48


# --- The library -----------------------------------------------------------------------------------------------------

class Error(ctypes.Structure):
    """spantls_error_t"""
    _fields_ = [("struct_size", ctypes.c_size_t), ("status", ctypes.c_int32), ("alert_sent", ctypes.c_int32),
                ("alert_received", ctypes.c_int32), ("policy_errors", ctypes.c_uint32), ("os_error", ctypes.c_int32),
                ("reserved", ctypes.c_int32), ("message", ctypes.c_char * 256)]


# ctypes lets other threads run while it is inside one of these.
lib = ctypes.CDLL(LIBRARY)
HANDLE, DATA, SIZE, COUNT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)
OUT_HANDLE = ctypes.POINTER(HANDLE)
for name, arguments in {
    "spantls_last_error": [ctypes.POINTER(Error)],
    "tls_credentials_create_file": [DATA, DATA, OUT_HANDLE],
    "tls_options_create": [OUT_HANDLE],
    "tls_options_set_credentials": [HANDLE, HANDLE],
    "tls_options_add_trust_anchors_file": [HANDLE, DATA],
    "tls_options_set_client_certificate_mode": [HANDLE, ctypes.c_int32],
    "tls_context_create_server": [HANDLE, OUT_HANDLE],
    "tls_context_create_client": [HANDLE, OUT_HANDLE],
    "tls_session_create": [HANDLE, OUT_HANDLE],
    "tls_session_set_target_host_name": [HANDLE, DATA],
    "tls_session_handshake": [HANDLE, DATA, SIZE, DATA, SIZE, COUNT, COUNT],
    "tls_session_encrypt": [HANDLE, DATA, SIZE, DATA, SIZE, COUNT, COUNT],
    "tls_session_decrypt": [HANDLE, DATA, SIZE, DATA, SIZE, COUNT, COUNT],
    "tls_session_drain_pending_output": [HANDLE, DATA, SIZE, COUNT],
    "tls_session_end_of_input": [HANDLE],
    "tls_session_accept_with_default_validation": [HANDLE, ctypes.POINTER(ctypes.c_uint32)],
    "tls_session_error": [HANDLE, ctypes.POINTER(Error)],
}.items():
    getattr(lib, name).argtypes = arguments
for name in ("credentials", "options", "context", "session"):
    getattr(lib, f"tls_{name}_destroy").argtypes = [HANDLE]
    getattr(lib, f"tls_{name}_destroy").restype = None


def must(status):
    if status != COMPLETE:
        error = Error(struct_size=ctypes.sizeof(Error))
        lib.spantls_last_error(ctypes.byref(error))
        raise RuntimeError(f"status {status}: {error.message.decode()}")


def make(create, *arguments):
    handle = HANDLE()
    must(create(*arguments, ctypes.byref(handle)))
    return handle


def make_context(is_server, name):
    """A context with the certificate of this name. Sessions on all threads can share it."""
    path = os.path.join(CERTS, name).encode()
    credentials = make(lib.tls_credentials_create_file, path + b".pem", path + b".key")
    options = make(lib.tls_options_create)
    must(lib.tls_options_set_credentials(options, credentials))
    must(lib.tls_options_add_trust_anchors_file(options, os.path.join(CERTS, "ca.pem").encode()))
    must(lib.tls_options_set_client_certificate_mode(options, CLIENT_CERTIFICATE_REQUIRE))
    context = make(lib.tls_context_create_server if is_server else lib.tls_context_create_client, options)
    lib.tls_options_destroy(options)
    lib.tls_credentials_destroy(credentials)
    return context


# --- One connection --------------------------------------------------------------------------------------------------

class Connection:
    """A session on a non-blocking socket. Its bytes are ours: what has come and what is to go."""

    def __init__(self, context, connected, is_server):
        self.session, self.socket, self.is_server = make(lib.tls_session_create, context), connected, is_server
        self.inbox, self.outbox = bytearray(), bytearray()
        self.is_open = False  # the handshake is complete
        self.suspended = False  # a verdict is under way: the session is the pool's
        self.ended = False  # nothing more will come
        self.outcome = None

    def close(self):
        lib.tls_session_destroy(self.session)
        self.socket.close()

    def call(self, function, data):
        """One of the functions with two spans: the status, how much was consumed, and what was written."""
        consumed, written, output = SIZE(), SIZE(), ctypes.create_string_buffer(ROOM)
        status = function(self.session, bytes(data), len(data), output, ROOM, ctypes.byref(consumed),
                          ctypes.byref(written))
        return status, consumed.value, ctypes.string_at(output, written.value)

    def handshake(self):
        """As far as it goes; true if a verdict is wanted."""
        status = WANT_WRITE
        while status == WANT_WRITE:
            status, consumed, output = self.call(lib.tls_session_handshake, self.inbox)
            del self.inbox[:consumed]
            self.outbox += output
        if status == WANT_READ and self.ended:
            status = lib.tls_session_end_of_input(self.session)
        if status == NEEDS_CERTIFICATE_VALIDATION:
            self.suspended = True
        elif status == COMPLETE:
            self.is_open = True
            if self.is_server:
                self.outbox += self.call(lib.tls_session_encrypt, b"welcome")[2]
                self.outcome = "completed"
        elif status < 0:
            self.fail(status)
        return self.suspended

    def read(self):
        """A client waits for its welcome, or for the alert that stands in its place."""
        status, consumed, plaintext = self.call(lib.tls_session_decrypt, self.inbox)
        del self.inbox[:consumed]
        if plaintext == b"welcome":
            self.outcome = "completed"
        elif status == WANT_READ and self.ended:
            self.fail(lib.tls_session_end_of_input(self.session))
        elif status < 0:
            self.fail(status)

    def fail(self, status):
        """Either side of a refusal, or something that ought not to happen. The alert waits in the outbox."""
        error, written, output = Error(struct_size=ctypes.sizeof(Error)), SIZE(), ctypes.create_string_buffer(ROOM)
        lib.tls_session_drain_pending_output(self.session, output, ROOM, ctypes.byref(written))
        self.outbox += ctypes.string_at(output, written.value)
        lib.tls_session_error(self.session, ctypes.byref(error))
        alert = error.alert_sent if self.is_server else error.alert_received
        self.outcome = "refused" if alert == UNKNOWN_CA else f"failed with {status}: {error.message.decode()}"


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
            connection = self.add(client, name, False)
            must(lib.tls_session_set_target_host_name(connection.session, b"localhost"))
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
        return connection

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
            if connection.is_open:
                connection.read()
            elif connection.handshake():
                self.pool.submit(self.judge, connection)
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
        lib.tls_session_accept_with_default_validation(connection.session, None)
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
