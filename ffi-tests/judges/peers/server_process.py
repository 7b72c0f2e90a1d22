"""A server of ours in a process of its own, for tests that need two of them: they share nothing but a listening socket
(a balancer that sends each client where the test says) and what the test gives them.

Started with the socket's number and the context's options as JSON. For each line on its input it serves one connection,
and then writes what it knows about it as one line of JSON. Clients that send a request of HTTP get a page; what others
send comes back to them.
"""

import json
import socket
import subprocess
import sys

from spantls_ctypes import CLOSED, COMPLETE, ENDPOINT, EXPORTER, RESUMED, UNIQUE, Context, TlsError
from test_against_openssl import DEADLINE, Connection

# The latest time that roots can have.
FOR_EVER = (1 << 63) - 1

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\npage\n"


def serve(context, listener):
    connected, _ = listener.accept()
    us = Connection(context, connected)
    try:
        status = us.connect()
        facts = {"status": status, "error": us.session.error().message, "suspensions": us.suspensions}
        if status != COMPLETE:
            return facts
        facts.update(
            resumed=bool(us.session.state() & RESUMED), protocol=us.session.negotiated_protocol(),
            name=us.session.target_host_name(), alpn=us.session.negotiated_alpn(), verdict=us.verdict,
            certificates=[der.hex() for der in us.session.remote_certificates()],
            scheme=us.session.peer_signature_scheme(), sound=us.session.is_channel_binding_sound(),
            keying_material=us.session.export_keying_material(b"EXPERIMENTAL label", None, 40).hex(),
            empty_context=us.session.export_keying_material(b"EXPORTER-Channel-Binding", b"", 32).hex(),
            bindings={kind: binding(us.session, kind) for kind in (UNIQUE, ENDPOINT, EXPORTER)})
        received = us.receive(lambda received: b"\n" in received)
        if received.startswith(b"GET "):
            us.send(PAGE)
            us.shutdown()
            us.flush()
            us.receive_all()
        elif received:
            us.send(received)
            us.receive_all()
            us.shutdown()
            us.flush()
        facts.update(closed=us.status == CLOSED, received=received.decode(errors="replace"))
        return facts
    finally:
        us.close()


def binding(session, kind):
    try:
        return session.channel_binding(kind).hex()
    except TlsError as error:
        return error.status


def main(number, options):
    options = json.loads(options)
    options["ticket_roots"] = [(bytes.fromhex(secret), *times) for secret, *times in options["ticket_roots"]]
    with socket.socket(fileno=int(number)) as listener:
        listener.settimeout(DEADLINE)
        context = Context(True, **options)
        print("ready", flush=True)
        for _ in sys.stdin:
            print(json.dumps(serve(context, listener)), flush=True)


class ServerProcess:
    """The other end of it, in the test."""

    def __init__(self, listener, environment=None, **options):
        options = {"credentials": "server-p256", "anchors": "ca", "resume": True, **options}
        # Secrets, or each with the times from which it seals and until which it opens.
        roots = [(root, 0, FOR_EVER) if isinstance(root, bytes) else root for root in options.get("ticket_roots", ())]
        options["ticket_roots"] = [(secret.hex(), *times) for secret, *times in roots]
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(listener.fileno()), json.dumps(options)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, pass_fds=[listener.fileno()], env=environment, text=True)
        if self._process.stdout.readline() != "ready\n":
            self.close()
            raise AssertionError("the server process has not started")

    def serve(self):
        """The next connection is its own."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def facts(self):
        """About the connection that it was told to serve."""
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError("the server process has ended")
        facts = json.loads(line)
        if "bindings" in facts:
            facts["bindings"] = {int(kind): value for kind, value in facts["bindings"].items()}
        return facts

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(DEADLINE)
        self._process.stdout.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
