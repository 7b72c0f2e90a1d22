"""Two sessions in memory."""

import report
import spantls
from spantls import Status

CA = report.cert("ca.pem")


def credentials(name):
    return spantls.Credentials.from_files(report.cert(name + ".pem"), report.cert(name + ".key"))


class End:
    """A session with its inbox and outbox."""

    def __init__(self, session, answers=None):
        self.session, self.inbox, self.outbox = session, bytearray(), bytearray()
        self.asked = []
        self.answers = {
            Status.NEEDS_CERTIFICATE_VALIDATION: lambda s: s.accept_with_default_validation(),
            Status.WANT_CREDENTIALS: lambda s: s.set_client_credentials(None),
            **(answers or {})}
        self.status = None

    def handshake(self):
        room = bytearray(20000)
        while True:
            try:
                self.status, consumed, written = self.session.process_handshake(self.inbox, room)
            except spantls.TlsError as error:
                del self.inbox[:error.consumed]
                self.outbox += room[:error.written]
                self.drain()
                raise
            del self.inbox[:consumed]
            self.outbox += room[:written]
            if self.status in self.answers:
                self.asked.append(self.status)
                self.answers[self.status](self.session)
            elif self.status != Status.WANT_WRITE:
                return self.status

    def drain(self):
        room = bytearray(20000)
        status = Status.WANT_WRITE
        while status == Status.WANT_WRITE:
            status, written = self.session.drain_pending_output(room)
            self.outbox += room[:written]

    def write(self, data):
        room, data = bytearray(40000), memoryview(data)
        while data:
            _, consumed, written = self.session.encrypt(data, room)
            self.outbox += room[:written]
            data = data[consumed:]

    def read(self):
        room, plaintext = bytearray(20000), bytearray()
        while True:
            self.status, consumed, written = self.session.decrypt(self.inbox, room)
            del self.inbox[:consumed]
            plaintext += room[:written]
            if self.status not in (Status.COMPLETE, Status.WANT_WRITE):
                return bytes(plaintext)

    def shutdown(self):
        room = bytearray(1000)
        status, written = self.session.shutdown(room)
        self.outbox += room[:written]
        return status


def move(a, b):
    """Hands over what each has for the other."""
    b.inbox += a.outbox
    a.inbox += b.outbox
    a.outbox.clear()
    b.outbox.clear()


def shake(client, server):
    for _ in range(20):
        c, s = client.handshake(), None
        move(client, server)
        s = server.handshake()
        move(client, server)
        if c == s == Status.COMPLETE:
            return
    raise AssertionError("the handshake does not end")


def open_pair(client_settings=None, server_settings=None, name="localhost", key="server-p256"):
    """(client, server), open."""
    client = spantls.Context.client(**{"trust_anchors_file": CA, **(client_settings or {})})
    server = spantls.Context.server(**{"credentials": credentials(key), **(server_settings or {})})
    pair = End(spantls.Session(client, name)), End(spantls.Session(server))
    shake(*pair)
    return pair
