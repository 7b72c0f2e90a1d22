"""Python's ssl, as a peer: see README.md."""

import os
import signal
import socket
import ssl
import sys

SECONDS, PIECE, CHUNK = 30, 64, 16384
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def say(*words):
    print(*(" ".join(str(word).split()) for word in words), flush=True)


def context(role, settings):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if role == "server" else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = made.maximum_version = VERSIONS[settings["version"]]
    if "ca" in settings:
        made.load_verify_locations(settings["ca"])
    if "cert" in settings:
        made.load_cert_chain(settings["cert"], settings["key"])
    if "ask" in settings:
        made.verify_mode = ssl.CERT_REQUIRED
    if "alpn" in settings:
        made.set_alpn_protocols(settings["alpn"].split(","))
    # One curve is all that can be chosen; the defaults have the others.
    if settings.get("groups") == "P-256":
        made.set_ecdh_curve("prime256v1")
    return made


def pattern(size):
    return bytes(i % 251 for i in range(size))


class Conversation:
    def __init__(self, conn):
        self.conn, self.unwrapped = conn, False

    def do_send(self, size, piece=CHUNK):
        data = pattern(size)
        for at in range(0, size, piece):
            self.conn.sendall(data[at:at + piece])

    def do_small(self, size):
        self.do_send(size, PIECE)

    def do_recv(self, size):
        got = bytearray()
        while len(got) < size:
            data = self.conn.recv(size - len(got))
            if not data:
                raise ValueError("the peer has closed")
            got += data
        if got != pattern(size):
            raise ValueError("the bytes are not those that were sent")

    def do_storm(self, rounds):
        """ssl changes its keys only when the peer asks."""
        for _ in range(rounds):
            self.do_send(PIECE)
            self.do_recv(PIECE)

    def do_close(self):
        """unwrap() also waits for the peer's close_notify."""
        self.conn = self.conn.unwrap()
        self.unwrapped = True

    def do_end(self):
        if self.unwrapped:
            say("end closed")
            return
        try:
            if self.conn.recv(1):
                raise ValueError("data came in place of the end")
            say("end closed")
        except ssl.SSLEOFError:
            say("end truncated")

    def do_cut(self):
        os._exit(0)

    def play(self, script):
        say("connected", f"resumed={int(self.conn.session_reused)}", f"alpn={self.conn.selected_alpn_protocol() or ''}")
        for text in script.split(","):
            word, _, number = text.partition(":")
            getattr(self, f"do_{word}")(*([int(number)] if number else []))
        say("done")


def linger(conn):
    """Waits for the peer's end: a reset would overtake what was sent last."""
    try:
        transport = socket.socket(fileno=conn.detach())
        transport.shutdown(socket.SHUT_WR)
        while transport.recv(CHUNK):
            pass
    except OSError:
        pass  # it has ended


def main(role, *words):
    if role == "version":
        print(f"{sys.version.split()[0]} with {" ".join(ssl.OPENSSL_VERSION.split()[:2])}")
        return
    signal.alarm(SECONDS)
    settings = dict(word.split("=", 1) for word in words)
    made, kept = context(role, settings), None
    listener = socket.create_server(("127.0.0.1", 0)) if role == "server" else None
    if listener:
        say("listening", listener.getsockname()[1])
    for _ in range(int(settings.get("connections", 1))):
        transport = listener.accept()[0] if listener else socket.create_connection(("127.0.0.1", int(settings["port"])))
        conn = made.wrap_socket(transport, server_side=role == "server", do_handshake_on_connect=False,
                                server_hostname=None if listener else "localhost", suppress_ragged_eofs=False,
                                session=kept)
        conversation = Conversation(conn)
        try:
            conn.do_handshake()
            conversation.play(settings["script"])
            kept = None if listener else conn.session
        except (OSError, ValueError) as error:
            say("failed", error)
        linger(conversation.conn)


main(*sys.argv[1:])
