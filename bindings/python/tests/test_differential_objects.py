"""What contexts, objects and sockets of spantls.ssl say and refuse, beside ssl: settings, ALPN, SNI, resumption, what a connection tells,
streams."""

import asyncio
import copy
import gc
import logging
import os
import pickle
import socket
import ssl
import sys
import tempfile
import threading
import weakref

import differential
import report
from report import cert

suite = differential.Suite(os.path.join(report.HERE, "differences_objects.txt"))
scenario = suite.scenario


def _of_client(run):
    """An end for what needs no connection."""
    end = differential.See(run, "client")
    run.ends.append(end)
    return end


# Contexts


@scenario
def settings_that_a_context_refuses(run):
    end = _of_client(run)
    context = end.module.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for label, name, value in (
            ("no certificate, but the name", "verify_mode", ssl.CERT_NONE), ("verify mode", "verify_mode", 17),
            ("minimum", "minimum_version", 5), ("maximum", "maximum_version", "1.2"), ("options", "options", "x"),
            ("options below", "options", -1), ("flags", "verify_flags", "x"), ("host flags", "hostname_checks_common_name", 1),
            ("tickets", "num_tickets", 1), ("protocol", "protocol", 1), ("key log", "keylog_filename", "/no/such/folder/file"),
            ("key log of no path", "keylog_filename", 3), ("pha", "post_handshake_auth", 1), ("pha of text", "post_handshake_auth", "x"),
            ("sni of a client", "sni_callback", print), ("sni of a client, none", "sni_callback", None)):
        end.see(label, setattr, context, name, value)
        end.see(f"{label} now", getattr, context, name)
    server = end.module.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for label, name, value in (("name", "check_hostname", True), ("tickets", "num_tickets", -1), ("many", "num_tickets", 7),
                               ("tickets of text", "num_tickets", "x"), ("sni", "sni_callback", 3), ("sni none", "sni_callback", None)):
        end.see(f"server {label}", setattr, server, name, value)
        end.see(f"server {label} now", getattr, server, name)


@scenario
def calls_that_a_context_refuses(run):
    end = _of_client(run)
    context = end.module.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name, arguments in (
            ("load_cert_chain", ("/no/such/file",)), ("load_cert_chain", (cert("server-p256.key"),)), ("load_cert_chain", (None,)),
            ("load_cert_chain", (cert("server-p256.pem"), cert("server-p384.key"))), ("load_cert_chain", (cert("server-p256.pem"),)),
            ("load_cert_chain", (cert("server-p256.pem"), cert("server-p256.encrypted.key"), "wrong")),
            ("load_cert_chain", (cert("server-p256.pem"), cert("server-p256.key"), 3)),
            ("load_verify_locations", ()), ("load_verify_locations", ("/no/such/file",)), ("load_verify_locations", (None, None, "")),
            ("load_verify_locations", (None, None, "no certificate")), ("load_verify_locations", (None, None, b"no certificate")),
            ("load_verify_locations", (None, None, 3)), ("load_verify_locations", (cert("server-p256.key"),)),
            ("set_ciphers", ("NO-SUCH-CIPHER",)), ("set_ciphers", (3,)), ("set_alpn_protocols", ([""],)),
            ("set_alpn_protocols", (["x" * 256],)), ("set_alpn_protocols", ([3],)), ("set_alpn_protocols", ("h2",)),
            ("set_alpn_protocols", (["h2", "http/1.1"],)), ("set_alpn_protocols", (3,)), ("set_ecdh_curve", ("no-such-curve",)),
            ("set_ecdh_curve", (3,)), ("set_ecdh_curve", ("prime256v1",)), ("set_ecdh_curve", (b"secp384r1",)),
            ("load_dh_params", ("/no/such/file",)), ("load_default_certs", ("x",)), ("set_servername_callback", (3,)),
            ("cert_store_stats", ()), ("get_ca_certs", ()), ("session_stats", ()), ("set_default_verify_paths", (1,))):
        end.see(f"{name} {os.path.basename(str(arguments))[:40]}", getattr(context, name), *arguments)


@scenario
def what_a_context_cannot_wrap(run):
    end = _of_client(run)
    client, server = run.client_context(), run.context("client", ssl.PROTOCOL_TLS_SERVER)
    for label, context, names in (
            ("empty name", client, {"server_hostname": ""}), ("dot", client, {"server_hostname": ".example"}),
            ("nul", client, {"server_hostname": "a\0b"}), ("number", client, {"server_hostname": 3}),
            ("long label", client, {"server_hostname": "a" * 64 + ".example"}), ("long", client, {"server_hostname": "a." * 130 + "b"}),
            ("idn", client, {"server_hostname": "bücher.example"}), ("a client's as server", client, {"server_side": True}),
            ("a server's as client", server, {"server_hostname": "localhost"}), ("no name", client, {}),
            ("bytes", client, {"server_hostname": b"localhost"}), ("underscore", client, {"server_hostname": "a_b.example"})):
        end.see(label, lambda: bool(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), **names)))
    end.see("no memory", lambda: client.wrap_bio(None, None, server_hostname="localhost"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        end.see("datagrams", client.wrap_socket, sock, server_hostname="localhost")
    for label, context, names in (("server name of a server", server, {"server_side": True, "server_hostname": "x"}),
                                  ("session of a server", server, {"server_side": True, "session": 3}),
                                  ("no name on a socket", client, {}), ("session of no kind", client,
                                                                        {"server_hostname": "localhost", "session": 3})):
        with socket.socket() as sock:
            end.see(label, lambda: bool(context.wrap_socket(sock, **names)))


@scenario
def copies_and_pickles(run):
    memory = run.opened()
    context = run.client_context()
    for label, value in (("context", context), ("object", memory.client.object), ("session", None)):
        memory.client.see(f"pickle {label}", lambda: bool(pickle.dumps(value)))
        memory.client.see(f"copy {label}", lambda: bool(copy.copy(value)))
        memory.client.see(f"deepcopy {label}", lambda: bool(copy.deepcopy(value)))
    one, other = socket.socketpair()
    with one, other:
        sock = context.wrap_socket(one, server_hostname="localhost", do_handshake_on_connect=False)
        memory.client.see("pickle socket", lambda: bool(pickle.dumps(sock)))
        sock.close()


@scenario
def classes_cannot_be_made_by_hand(run):
    end = _of_client(run)
    end.see("object", end.module.SSLObject)
    end.see("socket", end.module.SSLSocket)
    end.see("protocol", lambda: end.module.SSLContext(99))
    end.see("protocol of text", lambda: end.module.SSLContext("x"))


# What a connection tells


@scenario
def before_and_after_the_handshake(run):
    memory = run.memory()
    calls = (("version", ()), ("cipher", ()), ("compression", ()), ("selected_alpn_protocol", ()), ("getpeercert", ()),
             ("getpeercert", (True,)), ("pending", ()), ("shared_ciphers", ()), ("get_channel_binding", ("tls-unique",)))
    for when in ("before", "after"):
        for end in (memory.client, memory.server):
            for name, arguments in calls:
                if when == "after" and name in ("cipher", "get_channel_binding"):
                    continue  # what is chosen, and bytes that differ each time
                value = end.see(f"{name} {arguments} {when}", getattr(end.object, name), *arguments) if name != "shared_ciphers" \
                    else end.see(f"{name} {when}", lambda: type(end.object.shared_ciphers()).__name__)
            end.see(f"attributes {when}", lambda: (end.object.server_side, end.object.server_hostname, end.object.session_reused))
        if when == "before":
            memory.shake()


@scenario
def the_cipher_and_the_channel_bindings_are_those_of_both_ends(run):
    memory = run.opened()
    one, other = memory.client.object, memory.server.object
    memory.client.see("cipher", lambda: (one.cipher() == other.cipher(), one.cipher()[1], type(one.cipher()[2]).__name__))
    memory.server.see("shared", lambda: other.cipher() in other.shared_ciphers())
    for kind in ("tls-unique", "tls-server-end-point", "tls-exporter", "nothing"):
        memory.client.see(kind, lambda: one.get_channel_binding(kind) == other.get_channel_binding(kind))
        memory.client.see(f"{kind} is", lambda: type(one.get_channel_binding(kind)).__name__)


@scenario(versions=("1.2",))
def the_cipher_that_is_chosen(run):
    for name in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        client = run.client_context()
        client.set_ciphers(name)
        memory = run.memory(client).shake()
        for end in (memory.client, memory.server):
            end.see("cipher", end.object.cipher)


@scenario
def certificates_as_dictionaries(run):
    for mode, own in ((ssl.CERT_REQUIRED, "client-p256"), (ssl.CERT_OPTIONAL, None), (ssl.CERT_NONE, "client-p256")):
        memory = run.opened(run.client_context(own=own), run.server_context(anchors="ca", verify_mode=mode))
        for end in (memory.client, memory.server):
            end.see(f"{mode.name} getpeercert", end.object.getpeercert)
            end.see(f"{mode.name} getpeercert of bytes", end.object.getpeercert, True)
            end.see(f"{mode.name} unverified", lambda: len(end.object._sslobj.get_unverified_chain() or ()))
    lax = run.client_context(check_hostname=False, verify_mode=ssl.CERT_NONE)
    memory = run.opened(lax)
    memory.client.see("not verified", memory.client.object.getpeercert)
    memory.client.see("not verified bytes", memory.client.object.getpeercert, True)


@scenario
def a_context_that_is_exchanged(run):
    memory = run.memory()
    for label, value in (("nothing", None), ("text", "x"), ("another", run.client_context())):
        memory.client.see(label, setattr, memory.client.object, "context", value)
    memory.client.see("is it", lambda: memory.client.object.context is value)
    memory.shake()


@scenario
def a_handshake_that_is_done_again(run):
    memory = run.opened()
    for end in (memory.client, memory.server):
        end.see("handshake", end.object.do_handshake)


# ALPN and SNI


def _alpn(run, label, of_client, of_server):
    client, server = run.client_context(), run.server_context()
    for context, names in ((client, of_client), (server, of_server)):
        if names is not None:
            context.set_alpn_protocols(names)
    memory = run.memory(client, server).shake()
    for end in (memory.client, memory.server):
        end.see(label, end.object.selected_alpn_protocol)


@scenario
def protocols_are_negotiated(run):
    _alpn(run, "both", ["h2", "http/1.1"], ["http/1.1", "h2"])
    _alpn(run, "one", ["h2", "http/1.1"], ["http/1.1"])
    _alpn(run, "none in common", ["h2"], ["http/1.1"])
    _alpn(run, "the client alone", ["h2"], None)
    _alpn(run, "the server alone", None, ["h2"])
    _alpn(run, "nobody", None, None)
    _alpn(run, "empty", [], [])


def _named(run, callback, name="localhost", other=None):
    """A server whose callback is called with (end, name, context, other context)."""
    server = run.server_context()
    other = other or run.server_context(own="server-rsa2048")
    memory = None

    def called(sock, given, context):
        memory.server.note("called", (type(sock).__name__, given, context is server, sock is memory.server.object))
        return callback(sock, given, context, other)
    server.sni_callback = called
    client = run.client_context(check_hostname=False)
    memory = run.memory(client, server, server_hostname=name)
    reported, before = [], sys.unraisablehook
    sys.unraisablehook = lambda info: reported.append(info.exc_type.__name__)
    try:
        memory.shake()
    finally:
        sys.unraisablehook = before
    memory.server.note("unraisable", reported)
    return memory


@scenario
def a_callback_sees_the_name(run):
    for name in ("localhost", "LOCALHOST", "other.example", "127.0.0.1", None):
        _named(run, lambda *_: None, name)


@scenario
def a_callback_chooses_a_context(run):
    def choose(sock, name, context, other):
        sock.context = other
    memory = _named(run, choose)
    memory.client.see("certificate", memory.client.object.getpeercert, True)


@scenario
def a_callback_refuses(run):
    for alert in (40, 42, 48, 80, 112):
        _named(run, lambda *_, value=alert: value)


@scenario
def a_callback_refuses_with_what_is_no_alert(run):
    for alert in (0, 1, 90, 255, 256, -1):
        _named(run, lambda *_, value=alert: value)


@scenario
def a_callback_fails(run):
    def fails(*_):
        raise ZeroDivisionError("of the callback")
    _named(run, fails)
    _named(run, lambda *_: "text")
    _named(run, lambda *_: 1.5)


@scenario
def a_callback_chooses_what_is_no_context(run):
    def choose(sock, name, context, other):
        sock.context = None
    _named(run, choose)


# Resumption


def _twice(run, client, server):
    """Two connections, as a host does it that resumes: with the session object of the first, where there is one."""
    for number in range(2):
        names = {"session": getattr(run, "session", None)} if number else {}
        memory = run.memory(client, server, **names).shake().settle()
        for end in (memory.client, memory.server):
            end.see(f"reused {number}", lambda: end.object.session_reused)
        run.session = memory.client.object.session
    return memory


@scenario
def a_second_connection_is_resumed(run):
    _twice(run, run.client_context(), run.server_context())


@scenario
def without_tickets_nothing_is_resumed(run):
    _twice(run, run.client_context(), run.server_context(options=ssl.OP_NO_TICKET | ssl.OP_ALL, num_tickets=0))


@scenario
def a_client_that_may_show_a_certificate_and_has_none_resumes(run):
    _twice(run, run.client_context(), run.server_context(anchors="ca", verify_mode=ssl.CERT_OPTIONAL))


@scenario
def a_client_with_a_certificate_resumes(run):
    memory = _twice(run, run.client_context(own="client-p256"), run.server_context(anchors="ca", verify_mode=ssl.CERT_REQUIRED))
    memory.server.see("certificate", lambda: bool(memory.server.object.getpeercert()))


@scenario
def sessions_of_another_kind_are_refused(run):
    memory = run.opened()
    for label, value in (("text", "x"), ("number", 3), ("none", None)):
        memory.client.see(label, setattr, memory.client.object, "session", value)
    memory.server.see("a server's", lambda: memory.server.object.session is None)


@scenario
def what_is_counted(run):
    client, server = run.client_context(), run.server_context()
    _twice(run, client, server)
    for name, end, context in (("client", memory_end(run, "client"), client), ("server", memory_end(run, "server"), server)):
        for count in ("connect", "connect_good", "accept", "accept_good"):
            end.see(count, lambda: context.session_stats()[count])


def memory_end(run, name):
    return next(end for end in run.ends if end.name == name)


# Certificates after the handshake


@scenario
def certificates_after_the_handshake_where_there_are_none(run):
    memory = run.opened()
    for end in (memory.client, memory.server):
        end.see("verify", end.object.verify_client_post_handshake)
    memory = run.opened(run.client_context(), run.server_context(anchors="ca", verify_mode=ssl.CERT_OPTIONAL))
    memory.server.see("a client that does not offer it", memory.server.object.verify_client_post_handshake)


# Sockets


@scenario
def a_socket_that_is_wrapped_before_it_connects(run):
    server = run.server_context()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with listener.accept()[0] as sock, server.wrap_socket(sock, server_side=True) as wrapped:
                wrapped.recv(10)
        thread = threading.Thread(target=serve)
        thread.start()
        end = _of_client(run)
        sock = run.client_context().wrap_socket(socket.socket(), server_hostname="localhost")
        for name, arguments in (("version", ()), ("cipher", ()), ("getpeercert", ()), ("do_handshake", ()), ("pending", ()),
                                ("read", (1,)), ("write", (b"x",)), ("unwrap", ()), ("send", (b"x",)), ("recv", (1,))):
            end.see(f"{name} before", getattr(sock, name), *arguments)
        end.see("connect", sock.connect, listener.getsockname())
        end.see("version", sock.version)
        end.see("connect again", sock.connect, listener.getsockname())
        end.see("send", sock.send, b"x")
        sock.close()
        thread.join(20)


@scenario
def connect_ex_on_a_port_where_no_one_is(run):
    end = _of_client(run)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with run.client_context().wrap_socket(socket.socket(), server_hostname="localhost") as sock:
        end.see("connect_ex", sock.connect_ex, address)
        end.see("connect", sock.connect, address)


@scenario
def a_listener_that_is_wrapped(run):
    server = run.server_context()
    end = differential.See(run, "server")
    run.ends.append(end)
    with server.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True) as listener:
        client = run.client_context()

        def connect():
            with socket.create_connection(listener.getsockname()) as sock, client.wrap_socket(
                    sock, server_hostname="localhost") as wrapped:
                wrapped.sendall(b"hello")
                wrapped.recv(1)  # and the tickets before it
        thread = threading.Thread(target=connect)
        thread.start()
        sock, _ = listener.accept()
        with sock:
            end.see("kind", lambda: type(sock).__name__)
            end.see("recv", sock.recv, 10)
            sock.sendall(b"!")
            end.see("recv at the end", sock.recv, 10)
        thread.join(20)
        end.see("connect", listener.connect, ("127.0.0.1", 1))
        end.see("recv on the listener", listener.recv, 1)


@scenario
def what_a_socket_is(run):
    def serve(end):
        end.wrap(run.server_context())
        end.sock.sendall(b"!")
        end.sock.recv(1)

    def talk(end):
        end.wrap(run.client_context())
        end.sock.recv(1)  # and the tickets before it
        for name in ("server_side", "server_hostname", "session_reused", "do_handshake_on_connect", "suppress_ragged_eofs"):
            end.see(name, getattr, end.sock, name)
        end.see("timeout", end.sock.gettimeout)
        end.see("kind", lambda: (type(end.sock).__name__, isinstance(end.sock, ssl.SSLSocket), isinstance(end.sock, socket.socket)))
        end.see("context", lambda: isinstance(end.sock.context, ssl.SSLContext))
        end.see("detach", lambda: os.close(end.sock.detach()))
        end.see("fileno", end.sock.fileno)
        end.see("recv", end.sock.recv, 1)
    run.over_sockets(talk, serve)


@scenario
def a_key_log(run):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "keys")
        memory = run.opened(run.client_context(keylog_filename=path))
        with open(path, encoding="ascii") as file:
            lines = [line.split(" ")[0] for line in file if not line.startswith("#")]
        memory.client.note("lines", sorted(lines))


# Streams


def _streams(run, talk, serve):
    async def main():
        done = asyncio.get_running_loop().create_future()

        async def served(reader, writer):
            try:
                await serve(server, reader, writer)
            finally:
                writer.close()
                done.set_result(None)
        server = differential.See(run, "server")
        client = differential.See(run, "client")
        run.ends += [server, client]
        listening = await asyncio.start_server(served, "127.0.0.1", 0, ssl=run.server_context())
        try:
            reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname(), ssl=run.client_context(),
                                                           server_hostname="localhost")
            await talk(client, reader, writer)
            writer.close()
            await done
        finally:
            listening.close()
    asyncio.run(asyncio.wait_for(main(), differential.SECONDS))


async def _see(end, label, awaited):
    try:
        end.note(label, await awaited)
    except Exception as error:
        end.note(label, differential.Seen.exception(error))


@scenario
def a_stream_that_the_server_closes(run):
    async def serve(end, reader, writer):
        await _see(end, "asked", reader.readline())
        writer.write(b"x" * 200000)

    async def talk(end, reader, writer):
        writer.write(b"question\n")
        await _see(end, "answer", reader.read())
        await _see(end, "after it", reader.read(10))
        end.see("at the end", reader.at_eof)
    _streams(run, talk, serve)


@scenario
def a_stream_that_the_client_closes(run):
    async def serve(end, reader, writer):
        await _see(end, "all", reader.read())

    async def talk(end, reader, writer):
        writer.write(b"y" * 300000)
        await writer.drain()
        writer.close()
    _streams(run, talk, serve)


@scenario
def a_stream_that_is_aborted(run):
    async def serve(end, reader, writer):
        await _see(end, "asked", reader.readline())
        writer.transport.abort()

    async def talk(end, reader, writer):
        writer.write(b"question\n")
        await _see(end, "answer", reader.read())
    _streams(run, talk, serve)


@scenario
def a_stream_that_ends_too_early(run):
    async def serve(end, reader, writer):
        writer.write(b"short")

    async def talk(end, reader, writer):
        await _see(end, "exactly", reader.readexactly(100))
    _streams(run, talk, serve)


@scenario
def what_a_stream_knows_of_its_connection(run):
    async def serve(end, reader, writer):
        await reader.read(1)

    async def talk(end, reader, writer):
        for name in ("peercert", "compression"):
            end.note(name, writer.get_extra_info(name))
        end.note("object", isinstance(writer.get_extra_info("ssl_object"), ssl.SSLObject))
        end.note("can write eof", writer.can_write_eof())
        writer.write(b"!")
    _streams(run, talk, serve)


@scenario
def a_stream_to_a_server_that_is_refused(run):
    async def main():
        end = differential.See(run, "client")
        run.ends.append(end)
        listening = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=run.server_context(own="selfsigned"))
        await _see(end, "connection", asyncio.open_connection(*listening.sockets[0].getsockname(), ssl=run.client_context(),
                                                              server_hostname="localhost"))
        listening.close()
    asyncio.run(asyncio.wait_for(main(), differential.SECONDS))


@scenario
def objects_go_without_the_collector(run):
    gc.collect()
    gc.disable()
    try:
        memory = run.memory(server=run.server_context(own="selfsigned")).shake()
        for end in (memory.client, memory.server):
            engine = weakref.ref(end.object) if hasattr(type(end.object), "__weakref__") else None
            end.object = None
            end.note("gone", engine is None or engine() is None)
    finally:
        gc.enable()


if __name__ == "__main__":
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    suite.main()
