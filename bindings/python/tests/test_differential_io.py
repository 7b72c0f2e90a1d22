"""Input and output of spantls.ssl beside ssl: ends of connections, time-outs, loops, resumption, what objects tell."""

import copy
import os
import pickle
import select
import socket
import ssl
import struct
import tempfile
import threading

import differential
import report
from report import cert

suite = differential.Suite(os.path.join(report.HERE, "differences_io.txt"))
scenario = suite.scenario


# The end of a connection


@scenario
def close_notify_reads_as_nothing(run):
    memory = run.opened()
    memory.server.object.write(b"last words")
    memory.server.see("unwrap", memory.server.object.unwrap)
    memory.move()
    room = bytearray(100)
    memory.client.see("read", memory.client.object.read, 100)
    memory.client.see("read", memory.client.object.read, 100)
    memory.client.see("read into", memory.client.object.read, 100, room)
    memory.client.see("unwrap", memory.client.object.unwrap)
    memory.move()
    memory.server.see("unwrap", memory.server.object.unwrap)


@scenario
def close_notify_ends_a_socket_and_its_file(run):
    def serve(end):
        end.wrap(run.server_context())
        end.sock.sendall(b"one line\nlast words")
        end.see("unwrap", lambda: type(end.sock.unwrap()).__name__)

    def talk(end):
        end.wrap(run.client_context())
        with end.sock.makefile("rb") as file:
            end.see("lines", file.readlines)
            end.see("read", file.read)
        end.see("recv", end.sock.recv, 10)
        end.see("recv into", end.sock.recv_into, bytearray(10))
        end.see("unwrap", lambda: type(end.sock.unwrap()).__name__)
    run.over_sockets(talk, serve)


def _ends_abruptly(run, cut, **names):
    """The server's last bytes are cut to `cut` of them, then the transport ends."""
    memory = run.opened()
    memory.server.object.write(b"complete")
    memory.move()
    memory.server.object.write(b"to be cut off")
    memory.client.incoming.write(memory.server.outgoing.read()[:cut])
    memory.client.incoming.write_eof()
    memory.client.see("read", memory.client.object.read, 100)
    memory.client.see("read at the end", memory.client.object.read, 100)
    memory.client.see_broken("read again", memory.client.object.read, 100)
    memory.client.see_broken("write", memory.client.object.write, b"x")
    memory.client.see_broken("unwrap", memory.client.object.unwrap)


@scenario
def an_end_without_close_notify(run):
    _ends_abruptly(run, 0)


@scenario
def an_end_within_a_header(run):
    _ends_abruptly(run, 3)


@scenario
def an_end_after_a_header(run):
    _ends_abruptly(run, 5)


@scenario
def an_end_within_a_record(run):
    _ends_abruptly(run, 12)


@scenario
def an_end_before_the_handshake(run):
    memory = run.memory()
    for end in (memory.client, memory.server):
        end.incoming.write_eof()
        end.see("handshake", end.object.do_handshake)
        end.see_broken("handshake again", end.object.do_handshake)
        end.see_broken("read", end.object.read, 10)


@scenario
def an_end_within_the_handshake(run):
    for cut in (2, 5, 50):
        memory = run.memory()
        memory.client.see("handshake", memory.client.object.do_handshake)
        memory.server.incoming.write(memory.client.outgoing.read()[:cut])
        memory.server.incoming.write_eof()
        memory.server.see(f"handshake {cut}", memory.server.object.do_handshake)


@scenario
def an_end_after_the_hello(run):
    memory = run.memory()
    memory.client.see("handshake", memory.client.object.do_handshake)
    memory.move()
    memory.server.see("handshake", memory.server.object.do_handshake)
    memory.client.incoming.write_eof()
    memory.client.see("handshake at the end", memory.client.object.do_handshake)


def _closes_its_socket(run, **names):
    def serve(end):
        end.wrap(run.server_context())
        end.sock.recv(1)
        end.sock.sendall(b"words")
        os.close(end.sock.detach())

    def talk(end):
        end.wrap(run.client_context(), **names)
        end.sock.sendall(b"!")
        end.see("recv", end.sock.recv, 100)
        end.see("recv at the end", end.sock.recv, 100)
        end.see("recv into", end.sock.recv_into, bytearray(10))
        end.see("read", end.sock.read, 10)
        with end.sock.makefile("rb") as file:
            end.see("file", file.read)
        end.see("unwrap", lambda: end.sock.unwrap())
    run.over_sockets(talk, serve)


@scenario
def a_ragged_end_that_is_suppressed(run):
    _closes_its_socket(run)


@scenario
def a_ragged_end_that_is_not_suppressed(run):
    _closes_its_socket(run, suppress_ragged_eofs=False)


@scenario
def a_socket_that_is_closed_in_the_handshake(run):
    def serve(end):
        end.sock.recv(5)
        while select.select([end.sock], [], [], 0)[0] and end.sock.recv(4096):
            pass

    def talk(end):
        end.wrap(run.client_context())
    run.over_sockets(talk, serve)


@scenario
def a_reset_connection(run):
    reset = threading.Event()

    def serve(end):
        end.wrap(run.server_context())
        end.sock.recv(1)
        end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.sock.close()
        reset.set()

    def talk(end):
        end.wrap(run.client_context())
        end.sock.sendall(b"!")
        reset.wait(20)
        end.see("recv", end.sock.recv, 10)
    run.over_sockets(talk, serve, tcp=True)


@scenario
def writing_to_a_peer_that_is_gone(run):
    gone = threading.Event()

    def serve(end):
        end.wrap(run.server_context())
        end.sock.recv(1)
        end.sock.close()
        gone.set()

    def talk(end):
        end.wrap(run.client_context())
        end.sock.sendall(b"!")
        gone.wait(20)
        end.see("send", end.sock.send, b"x")
    run.over_sockets(talk, serve)


# Closing, in each order


@scenario
def both_close_at_once(run):
    memory = run.opened()
    for end in (memory.client, memory.server):
        end.see("unwrap", end.object.unwrap)
    memory.move()
    for end in (memory.client, memory.server):
        end.see("unwrap again", end.object.unwrap)
        end.see("read", end.object.read, 10)
        end.see("write", end.object.write, b"x")


@scenario
def closing_with_data_unread(run):
    memory = run.opened()
    memory.server.object.write(b"unread")
    memory.move()
    memory.client.see("unwrap", memory.client.object.unwrap)
    memory.client.see("read", memory.client.object.read, 10)
    memory.client.see_broken("unwrap again", memory.client.object.unwrap)
    memory.move()
    memory.server.see("read", memory.server.object.read, 10)


@scenario
def closing_with_data_half_read(run):
    memory = run.opened()
    memory.server.object.write(b"half read")
    memory.move()
    memory.client.see("read", memory.client.object.read, 4)
    memory.client.see("pending", memory.client.object.pending)
    memory.client.see("unwrap", memory.client.object.unwrap)
    memory.client.see("read the rest", memory.client.object.read, 10)


@scenario
def writing_after_closing(run):
    memory = run.opened()
    memory.client.see("unwrap", memory.client.object.unwrap)
    memory.client.see("write", memory.client.object.write, b"x")
    memory.move()
    memory.server.object.write(b"still speaking") if run.version == "1.3" else None
    memory.move()
    memory.client.see("read", memory.client.object.read, 100)


@scenario
def a_half_closed_connection(run):
    memory = run.opened()
    memory.client.see("unwrap", memory.client.object.unwrap)
    memory.move()
    memory.server.see("read", memory.server.object.read, 10)
    memory.server.see("write", memory.server.object.write, b"answer")
    memory.server.see("unwrap", memory.server.object.unwrap)
    memory.move()
    memory.client.see("read", memory.client.object.read, 10)
    memory.client.see("read again", memory.client.object.read, 10)


@scenario
def closing_before_and_in_the_handshake(run):
    memory = run.memory()
    memory.client.see("unwrap before", memory.client.object.unwrap)
    memory.client.see("handshake", memory.client.object.do_handshake)
    memory.client.see("unwrap in it", memory.client.object.unwrap)


@scenario
def plain_text_after_the_end_of_tls(run):
    def serve(end):
        end.wrap(run.server_context())
        plain = end.sock.unwrap()
        end.see("same", lambda: plain is end.sock)
        plain.sendall(b"plain again")
        end.see("recv", plain.recv, 100)

    def talk(end):
        end.wrap(run.client_context())
        plain = end.sock.unwrap()
        end.see("recv", plain.recv, 100)
        plain.sendall(b"yes")
        end.see("version", end.sock.version)
        end.see("read", end.sock.read, 10)
        end.see("unwrap again", end.sock.unwrap)
    run.over_sockets(talk, serve)


@scenario
def calls_on_a_closed_socket(run):
    def serve(end):
        end.wrap(run.server_context())
        end.sock.recv(1)

    def talk(end):
        end.wrap(run.client_context())
        end.sock.sendall(b"!")
        end.sock.close()
        for name, arguments in (("recv", (10,)), ("send", (b"x",)), ("sendall", (b"x",)), ("read", (10,)), ("write", (b"x",)),
                                ("unwrap", ()), ("version", ()), ("cipher", ()), ("pending", ()), ("getpeercert", ()),
                                ("selected_alpn_protocol", ()), ("compression", ()), ("shared_ciphers", ()),
                                ("do_handshake", ()), ("close", ()), ("shutdown", (socket.SHUT_WR,)), ("fileno", ())):
            end.see(name, getattr(end.sock, name), *arguments)
    run.over_sockets(talk, serve)


@scenario
def shutdown_of_the_transport(run):
    def serve(end):
        end.wrap(run.server_context())
        end.see("recv", end.sock.recv, 10)
        end.see("recv at the end", end.sock.recv, 10)

    def talk(end):
        end.wrap(run.client_context())
        end.sock.sendall(b"words")
        end.see("shutdown", end.sock.shutdown, socket.SHUT_WR)
        end.see("version", end.sock.version)
        end.see("read", end.sock.read, 10)
        end.see("unwrap", end.sock.unwrap)
    run.over_sockets(talk, serve)


# What is not TLS, and what is damaged


def _speaks_plain(text, who):
    def scenario(run):
        memory = run.memory()
        end = getattr(memory, who)
        end.incoming.write(text)
        end.see("handshake", end.object.do_handshake)
        end.see_broken("handshake again", end.object.do_handshake)
    scenario.__name__ = f"the_{who}_hears_" + text.decode().split()[0].lower().replace("/", "_").replace(".", "_").replace("-", "_")
    suite.scenario(scenario)


for _text in ("GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n", "PUT /x HTTP/1.1\r\n\r\n",
              "CONNECT a:443 HTTP/1.1\r\n\r\n", "EHLO example\r\n", "SSH-2.0-OpenSSH\r\n"):
    _speaks_plain(_text.encode(), "server")
for _text in ("HTTP/1.1 400 Bad Request\r\n\r\n", "220 smtp\r\n", "SSH-2.0-OpenSSH\r\n"):
    _speaks_plain(_text.encode(), "client")


@scenario
def a_damaged_record(run):
    memory = run.opened()
    memory.server.object.write(b"damaged")
    record = bytearray(memory.server.outgoing.read())
    record[-1] ^= 1
    memory.client.incoming.write(record)
    memory.client.see("read", memory.client.object.read, 10)
    memory.client.see_broken("read again", memory.client.object.read, 10)
    memory.client.see_broken("write", memory.client.object.write, b"x")
    memory.client.see_broken("unwrap", memory.client.object.unwrap)
    memory.move()
    memory.server.see("read", memory.server.object.read, 10)


@scenario
def plain_text_in_the_middle(run):
    memory = run.opened()
    memory.client.incoming.write(b"HTTP/1.1 500 no TLS\r\n\r\n")
    memory.client.see("read", memory.client.object.read, 10)
    memory.move()
    memory.server.see("read", memory.server.object.read, 10)


@scenario
def a_record_that_is_too_long(run):
    memory = run.opened()
    memory.client.incoming.write(b"\x17\x03\x03\xff\xff" + bytes(100))
    memory.client.see("read", memory.client.object.read, 10)


@scenario
def alerts_in_clear(run):
    for number in (10, 20, 40, 42, 45, 46, 47, 48, 49, 50, 51, 70, 71, 80, 86, 109, 110, 112, 113, 116, 120):
        memory = run.memory()
        memory.client.see("handshake", memory.client.object.do_handshake)
        memory.client.incoming.write(b"\x15\x03\x03\0\x02\x02" + bytes([number]))
        memory.client.see(f"alert {number}", memory.client.object.do_handshake)


@scenario
def close_notify_in_the_handshake(run):
    memory = run.memory()
    memory.client.see("handshake", memory.client.object.do_handshake)
    memory.client.incoming.write(b"\x15\x03\x03\0\x02\x01\0")
    memory.client.see("handshake with it", memory.client.object.do_handshake)
    memory.client.see_broken("read", memory.client.object.read, 10)


# Handshakes that fail


@scenario
def versions_that_do_not_meet(run):
    other = "1.3" if run.version == "1.2" else "1.2"
    server = run.server_context()
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    server.maximum_version = differential.VERSIONS[other]
    server.minimum_version = differential.VERSIONS[other]
    memory = run.memory(server=server).shake()
    for end in (memory.client, memory.server):
        end.see_broken("read", end.object.read, 10)
        end.see_broken("write", end.object.write, b"x")
        end.see_broken("handshake again", end.object.do_handshake)
        end.see("version", end.object.version)


@scenario(versions=("1.2",))
def ciphers_that_do_not_meet(run):
    client, server = run.client_context(), run.server_context()
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    server.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    run.memory(client, server).shake()


@scenario
def a_server_without_a_certificate(run):
    run.memory(server=run.server_context(own=None)).shake()


def _certificates(run, client, mode, anchors="ca"):
    memory = run.memory(run.client_context(own=client), run.server_context(anchors=anchors, verify_mode=mode)).shake()
    for one, other in ((memory.client, memory.server), (memory.server, memory.client)):
        (one.see_broken if one.has_failed() else one.see)("write", one.object.write, b"data")
        memory.move()
        (other.see_broken if other.has_failed() else other.see)("read", other.object.read, 10)
    memory.server.see("certificate", lambda: bool(memory.server.object.getpeercert()))


@scenario
def a_client_without_the_certificate_that_is_required(run):
    _certificates(run, None, ssl.CERT_REQUIRED)


@scenario
def a_client_without_the_certificate_that_is_optional(run):
    _certificates(run, None, ssl.CERT_OPTIONAL)


@scenario
def a_client_with_a_certificate(run):
    _certificates(run, "client-p256", ssl.CERT_REQUIRED)
    _certificates(run, "client-p256", ssl.CERT_NONE)


@scenario
def a_client_with_a_certificate_of_another_authority(run):
    _certificates(run, "client-other", ssl.CERT_REQUIRED)


@scenario
def a_server_that_the_client_refuses(run):
    for own, host in (("selfsigned", "localhost"), ("server-p256", "elsewhere.example"), ("server-expired", "localhost"),
                      ("server-p256", "127.0.0.9")):
        memory = run.memory(server=run.server_context(own=own), server_hostname=host).shake()
        memory.client.see_broken("handshake again", memory.client.object.do_handshake)
        memory.client.see_broken("read", memory.client.object.read, 10)
        memory.client.see_broken("write", memory.client.object.write, b"x")
        memory.server.see_broken("read", memory.server.object.read, 10)


@scenario
def a_refused_handshake_closes_the_socket(run):
    def serve(end):
        end.wrap(run.server_context(own="selfsigned"))
        end.see("recv", end.sock.recv, 10) if run.version == "1.3" else None

    def talk(end):
        plain = end.sock
        end.wrap(run.client_context())
        end.see("plain", plain.fileno)
    run.over_sockets(talk, serve)


# Non-blocking, partial, implicit


@scenario
def a_handshake_by_single_bytes(run):
    memory = run.memory()
    done = set()
    for _ in range(20000):
        for one, other in ((memory.client, memory.server), (memory.server, memory.client)):
            if one not in done and one.shake():
                done.add(one)
            other.incoming.write(one.outgoing.read(1))
        if len(done) == 2 and not memory.client.outgoing.pending and not memory.server.outgoing.pending:
            break
    memory.settle()


@scenario
def reading_and_writing_do_the_handshake(run):
    memory = run.memory()
    for _ in range(4):
        memory.client.see("write", memory.client.object.write, b"early")
        memory.move()
        memory.server.see("read", memory.server.object.read, 10)
        memory.move()


@scenario
def calls_that_would_block(run):
    def serve(end):
        end.wrap(run.server_context())
        end.sock.recv(1)
        full.wait(20)
        got = end.sock.recv(16384)
        end.see("got", lambda: set(got))

    full = threading.Event()

    def talk(end):
        end.wrap(run.client_context())
        end.sock.sendall(b"!")
        end.sock.setblocking(False)
        end.see("recv", end.sock.recv, 10)
        end.see("recv into", end.sock.recv_into, bytearray(10))
        end.see("read", end.sock.read, 10)
        data = b"x" * 16384
        try:
            while True:
                end.sock.send(data)
        except ssl.SSLError:
            end.see("send when full", end.sock.send, data)
            end.see("send other data", end.sock.send, b"y")
        full.set()
    run.over_sockets(talk, serve)


@scenario
def a_handshake_that_would_block(run):
    client, server = socket.socketpair()
    ends = []
    with client, server:
        for name, sock, context in (("client", client, run.client_context()), ("server", server, run.server_context())):
            end = differential.SocketEnd(run, name)
            run.ends.append(end)
            sock.setblocking(False)
            end.sock = sock
            end.wrap(context, do_handshake_on_connect=False)
            ends.append(end)
        for _ in range(3):
            for end in ends:
                end.see("do_handshake", end.sock.do_handshake)
        for end in ends:
            end.see("version", end.sock.version)
            end.see("recv", end.sock.recv, 1)
            end.sock.close()


@scenario
def wrapping_a_socket_that_does_not_block(run):
    def talk(end):
        end.sock.setblocking(False)
        end.wrap(run.client_context())
    run.over_sockets(talk, lambda end: None)


@scenario
def what_is_left_in_a_memory_bio(run):
    memory = run.opened()
    lengths = []
    for size in (1, 100, 16384, 5):
        memory.server.object.write(b"x" * size)
        lengths.append(memory.server.outgoing.pending)
        memory.move()
    while memory.client.incoming.pending or memory.client.object.pending():
        memory.client.see("read", memory.client.object.read, 10000)
        memory.client.see("pending", memory.client.object.pending)
        memory.client.note("records left", sum(memory.client.incoming.pending > sum(lengths[at:]) - 1 for at in range(4)))
    memory.client.see("read", memory.client.object.read, 10)


@scenario
def what_is_left_in_a_socket(run):
    def serve(end):
        end.wrap(run.server_context())
        for size in (1000, 1000, 10):
            end.sock.sendall(b"x" * size)
        end.sock.recv(1)

    def talk(end):
        end.wrap(run.client_context())
        got = 0
        while got < 2010:
            if not end.sock.pending():
                end.note("readable", bool(select.select([end.sock], [], [], 20)[0]))
            part = end.see("recv", end.sock.recv, 300)
            end.see("pending", end.sock.pending)
            got += len(part)
        end.sock.sendall(b"!")
    run.over_sockets(talk, serve)


@scenario
def sizes_of_reads(run):
    memory = run.opened()
    memory.server.object.write(b"0123456789" * 10)
    memory.move()
    read = memory.client.object.read
    for label, arguments in (("zero", (0,)), ("one", (1,)), ("none", ()), ):
        memory.client.see(label, read, *arguments)
    memory.server.object.write(b"0123456789" * 10)
    memory.move()
    room = bytearray(7)
    for label, arguments in (("negative", (-1,)), ("zero into", (0, room)), ("less", (3, room)), ("more", (100, room)),
                             ("negative into", (-5, room)), ("read only", (3, b"abc")), ("empty", (3, bytearray())),
                             ("words", (3, memoryview(bytearray(8)).cast("I"))), ("text", ("3",))):
        memory.client.see(label, read, *arguments)
        memory.client.note("room", bytes(room))
    memory.client.see("rest", read, 1000)


@scenario
def what_can_be_written(run):
    memory = run.opened()
    for label, data in (("empty", b""), ("bytes", b"ab"), ("bytearray", bytearray(b"cd")), ("view", memoryview(b"ef")),
                        ("words", memoryview(bytearray(8)).cast("I")), ("text", "gh"), ("strided", memoryview(b"ijklmn")[::2]),
                        ("nothing", None), ("large", b"x" * 100000)):
        memory.client.see(label, memory.client.object.write, data)
        memory.move()
        if memory.server.incoming.pending:
            memory.server.see(label, memory.server.object.read, 100)
    total = 0
    while memory.server.incoming.pending or memory.server.object.pending():
        total += len(memory.server.object.read(65536))
    memory.server.note("total", total)


@scenario
def calls_that_a_tls_socket_refuses(run):
    def serve(end):
        end.wrap(run.server_context())
        end.sock.recv(1)

    def talk(end):
        end.wrap(run.client_context())
        for name, arguments in (("recv", (10, socket.MSG_PEEK)), ("send", (b"x", 1)), ("sendall", (b"x", 1)), ("recvfrom", (10,)),
                                ("recvfrom_into", (bytearray(1),)), ("sendto", (b"x", ("127.0.0.1", 1))), ("sendmsg", ([b"x"],)),
                                ("recvmsg", (10,)), ("recvmsg_into", ([bytearray(1)],)), ("dup", ()), ("connect", (("127.0.0.1", 1),)),
                                ("recv_into", (bytearray(1), 1, socket.MSG_PEEK)), ("verify_client_post_handshake", ())):
            end.see(name, getattr(end.sock, name), *arguments)
        end.sock.sendall(b"!")
    run.over_sockets(talk, serve)


@scenario
def files_over_a_socket(run):
    with tempfile.TemporaryFile() as source:
        source.write(os.urandom(16) and b"0123456789" * 5000)

        def serve(end):
            end.wrap(run.server_context())
            with end.sock.makefile("rwb") as file:
                end.see("readline", file.readline)
                source.seek(0)
                end.see("sendfile", end.sock.sendfile, source)
                end.see("sendfile of a part", end.sock.sendfile, source, 10, 20)
                file.write(b"buffered")
            end.see("unwrap", lambda: bool(end.sock.unwrap()))

        def talk(end):
            end.wrap(run.client_context())
            end.sock.sendall(b"send it\n")
            with end.sock.makefile("rb") as file:
                end.see("read", file.read, 1000)
                end.see("rest", file.read)
            end.see("unwrap", lambda: bool(end.sock.unwrap()))
        run.over_sockets(talk, serve)


@scenario
def two_threads_on_each_end(run):
    data = bytes(range(256)) * 4096

    def both(end):
        got = bytearray()

        def read():
            while len(got) < len(data):
                got.extend(end.sock.recv(65536))
        reader = threading.Thread(target=read)
        reader.start()
        end.sock.sendall(data)
        reader.join(20)
        end.note("got", got)

    def serve(end):
        end.wrap(run.server_context())
        both(end)

    def talk(end):
        end.wrap(run.client_context())
        both(end)
    run.over_sockets(talk, serve)


# Time-outs


def _silent(run, call, before=lambda end: None):
    """The server says nothing until the client has given up."""
    over = threading.Event()

    def serve(end):
        end.wrap(run.server_context())
        end.sock.recv(1)
        over.wait(20)

    def talk(end):
        end.wrap(run.client_context())
        end.sock.sendall(b"!")
        before(end)
        end.sock.settimeout(0.05)
        end.see("call", call, end)
        over.set()
    run.over_sockets(talk, serve)


@scenario
def a_read_that_times_out(run):
    _silent(run, lambda end: end.sock.recv(10))


@scenario
def a_read_into_a_buffer_that_times_out(run):
    _silent(run, lambda end: end.sock.recv_into(bytearray(100000)))


@scenario
def a_write_that_times_out(run):
    _silent(run, lambda end: end.sock.sendall(bytes(20000000)))


@scenario
def a_close_that_times_out(run):
    _silent(run, lambda end: end.sock.unwrap())


@scenario
def a_file_that_times_out(run):
    _silent(run, lambda end: end.sock.makefile("rb").read(10))


@scenario
def a_handshake_that_times_out(run):
    over = threading.Event()

    def talk(end):
        end.sock.settimeout(0.05)
        end.wrap(run.client_context())
        over.set()
    run.over_sockets(talk, lambda end: over.wait(20))


@scenario
def a_read_that_does_the_handshake_and_times_out(run):
    over = threading.Event()

    def talk(end):
        end.sock.settimeout(0.05)
        end.wrap(run.client_context(), do_handshake_on_connect=False)
        end.see("recv", end.sock.recv, 10)
        end.see("send", end.sock.send, b"x")
        over.set()
    run.over_sockets(talk, lambda end: over.wait(20))


def _drip(run, data, call, wraps=True):
    """The server's end sends `data` byte by byte until the client has given up: each byte comes in time, all of them never do."""
    over = threading.Event()

    def serve(end):
        plain = socket.socket(fileno=os.dup(end.sock.fileno()))
        with plain:
            if wraps:
                end.wrap(run.server_context())
                end.sock.recv(1)
            for at in range(len(data)):
                if over.wait(0.01):
                    break
                plain.send(data[at:at + 1])
            over.wait(20)

    def talk(end):
        if wraps:
            end.wrap(run.client_context())
            end.sock.sendall(b"!")
        end.sock.settimeout(0.15)
        end.see("call", call, end)
        over.set()
    run.over_sockets(talk, serve)


_LONG = b"\x17\x03\x03\x40\x00" + bytes(5000)


@scenario
def a_read_of_a_record_that_drips(run):
    _drip(run, _LONG, lambda end: end.sock.recv(10))


@scenario
def a_close_while_a_record_drips(run):
    _drip(run, _LONG, lambda end: end.sock.unwrap())


@scenario
def a_handshake_that_drips(run):
    _drip(run, b"\x16" + _LONG[1:], lambda end: run.client_context().wrap_socket(end.sock, server_hostname="localhost"), False)


@scenario
def a_write_to_a_peer_that_reads_little_by_little(run):
    over = threading.Event()

    def serve(end):
        plain = socket.socket(fileno=os.dup(end.sock.fileno()))
        with plain:
            end.wrap(run.server_context())
            end.sock.recv(1)
            while not over.wait(0.01):
                plain.recv(1000)

    def talk(end):
        end.wrap(run.client_context())
        end.sock.sendall(b"!")
        end.sock.settimeout(0.15)
        end.see("sendall", end.sock.sendall, bytes(20000000))
        over.set()
    run.over_sockets(talk, serve)


@scenario
def a_socket_that_has_timed_out_works_again(run):
    late = threading.Event()

    def serve(end):
        end.wrap(run.server_context())
        end.sock.recv(1)
        late.wait(20)
        end.sock.sendall(b"late")

    def talk(end):
        end.wrap(run.client_context())
        end.sock.sendall(b"!")
        end.sock.settimeout(0.05)
        end.see("recv", end.sock.recv, 10)
        late.set()
        end.sock.settimeout(20)
        end.see("recv later", end.sock.recv, 10)
    run.over_sockets(talk, serve)


if __name__ == "__main__":
    suite.main()
