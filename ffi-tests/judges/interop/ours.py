"""Our side of a conversation: a session over a socket that does what a script says, through the Python package."""

import os
import socket
import ssl
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
CERTS = os.path.join(ROOT, "ffi-tests", "certs")
sys.path[:0] = [os.path.join(ROOT, "bindings", "python", "tests"), os.path.join(ROOT, "bindings", "python")]
os.environ.setdefault("SPANTLS_LIB", os.path.join(ROOT, "target", "release", "libspantls.so"))

from scenario_wire import SpanWire  # noqa: E402
from spantls import ClientCertificate, Context, Credentials, Offers, Protocol, State, Status, TlsError, Validation  # noqa: E402

SECONDS = 20
GROUPS = {"X25519": 0x001D, "P-256": 0x0017, "P-384": 0x0018, "X25519MLKEM768": 0x11EC}
PROTOCOLS = {"1.2": Protocol.TLS12, "1.3": Protocol.TLS13}
NAMES = {0x0C00: "1.2", 0x3000: "1.3"}


class Wrong(Exception):
    """The conversation is not what it must be, and no call has failed."""


def pattern(size):
    return bytes(range(251)) * (size // 251) + bytes(range(size % 251))


def certificate(name):
    return os.path.join(CERTS, f"{name}.pem")


def context(we_serve, version, settings):
    name = settings.get("credentials")
    make = Context.server if we_serve else Context.client
    return make(
        credentials=Credentials.from_files(certificate(name), os.path.join(CERTS, f"{name}.key")) if name else None,
        trust_anchors_file=certificate("ca"), protocols=PROTOCOLS[version], alpn=settings.get("alpn", ()),
        groups=[GROUPS[group] for group in settings.get("groups", ())], validation=Validation.AUTOMATIC,
        client_certificate=ClientCertificate.REQUIRE if settings.get("ask") else ClientCertificate.NONE,
        ticket_count=settings.get("tickets", 2), keep_client_hello=we_serve, max_fragment_size=settings.get("fragment", 0))


class Wire(SpanWire):
    """A silence that lasts too long is an error, and no end of the transport."""

    def _recv(self, most):
        try:
            return self.sock.recv(most)
        except socket.timeout as error:
            raise Wrong(f"no byte came for {SECONDS} seconds") from error
        except OSError:
            return b""


class Conversation:
    def __init__(self, made, sock, we_serve, script):
        sock.settimeout(SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.we_serve = we_serve
        self.wire = Wire(made, sock, 1 << 20, None if we_serve else "localhost")
        self.script, self.end = script, None

    def run(self):
        """The facts."""
        status, error = "ok", None
        try:
            self.handshake()
            for word in self.script.split(","):
                name, _, number = word.partition(":")
                getattr(self, f"do_{name}")(*([int(number)] if number else []))
        except (TlsError, Wrong) as failure:
            status, error = "failed", failure
        facts = self.facts(status, error)
        self.wire.linger()
        return facts

    def handshake(self):
        while True:
            status = self.wire.handshake()
            if status == Status.COMPLETE:
                return
            if status != Status.WANT_CREDENTIALS:
                raise Wrong(f"an unexpected question: {status.name}")
            self.wire.session.set_client_credentials(None)

    def facts(self, status, error):
        session = self.wire.session
        peer = session.remote_certificates
        return {"status": status, "error": str(error), "version": NAMES.get(session.negotiated_protocol), "end": self.end,
                "sent": getattr(error, "alert_sent", None), "received": getattr(error, "alert_received", None),
                "alpn": session.negotiated_alpn, "resumed": State.RESUMED in session.state,
                "retried": State.HELLO_RETRIED in session.state, "group": session.negotiated_group,
                "peer": peer[0] if peer else None, "ticket": self.ticket(),
                "updates": session.stats.key_updates_received}

    def ticket(self):
        """What the peer does in TLS 1.3 so that a session can be resumed."""
        session = self.wire.session
        if not self.we_serve:
            return "the peer sent a ticket" if session.stats.tickets_received else "the peer sent no ticket"
        offers = session.client_hello.offers if session.client_hello_message else Offers(0)
        return "the peer offered a session" if Offers.PRE_SHARED_KEY in offers else "the peer offered no session"

    def do_send(self, size):
        self.wire.write(pattern(size))

    do_small = do_send  # the context's limit of a fragment makes them small

    def do_recv(self, size):
        got = bytearray()
        while len(got) < size:
            status, data = self.wire.read(size - len(got))
            if status == Status.CLOSED:
                raise Wrong(f"the peer has closed after {len(got)} of {size} bytes")
            got += data
        if got != pattern(size):
            raise Wrong("the bytes are not those that were sent")

    def do_request(self, size):
        """A request of HTTP with a body of that size."""
        head = bytearray()
        while not head.endswith(b"\r\n\r\n"):
            status, data = self.wire.read(1)
            if status == Status.CLOSED:
                raise Wrong("the peer has closed before its request ended")
            head += data
        self.do_recv(size)

    def do_answer(self, size, header=""):
        self.wire.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{header}\r\n".encode())
        self.do_send(size)

    def do_counted(self, size):
        self.do_answer(size, f"Content-Length: {size}\r\n")

    def do_storm(self, rounds):
        for _ in range(rounds):
            self.wire.update_keys()
            self.do_send(64)
            self.do_recv(64)

    def do_close(self):
        self.wire.close()

    def do_end(self):
        try:
            status, data = self.wire.read(1)
            if data:
                raise Wrong("data came in place of the end")
            self.end = status.name
        except TlsError as error:
            if error.status != Status.TRUNCATED:
                raise
            self.end = error.status.name

    def do_cut(self):
        self.wire.sock.close()


def der(name):
    with open(certificate(name), encoding="ascii") as file:
        return ssl.PEM_cert_to_DER_cert(file.read().split("-----END")[0] + "-----END CERTIFICATE-----\n")


def together(connections):
    """One report for all connections: each must have gone well, what differs between them is a list."""
    report = dict(next((facts for facts in connections if facts["status"] == "failed"), connections[-1]))
    report["resumed"] = [facts["resumed"] for facts in connections]
    return report


def converse(we_serve, version, settings, next_socket):
    """All connections of a play. `next_socket` gives each its socket."""
    made = context(we_serve, version, settings)
    connections = []
    for _ in range(settings.get("connections", 1)):
        connections.append(Conversation(made, next_socket(), we_serve, settings["script"]).run())
        if connections[-1]["status"] == "failed":
            break
    return together(connections)
