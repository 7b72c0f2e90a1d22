"""spantls.ssl in a process of gevent's or eventlet's: green_child.py gevent|eventlet before|after says when spantls.ssl is imported.
Server and client are two greenlets of one thread: where one blocked it, the other would never run, and nothing would end."""

import sys
import warnings

warnings.simplefilter("ignore")
import report  # noqa: E402: the path of the package

which, order = sys.argv[1:]
if order == "before":
    import spantls.ssl
if which == "gevent":
    from gevent import monkey
    monkey.patch_all()
else:
    import eventlet
    eventlet.monkey_patch()

import socket  # noqa: E402
import ssl  # noqa: E402
import threading  # noqa: E402

import spantls.ssl  # noqa: E402
from report import cert  # noqa: E402


def contexts():
    server = spantls.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert("server-p256.pem"), cert("server-p256.key"))
    return server, spantls.ssl.create_default_context(cafile=cert("ca.pem"))


def refused():
    try:
        contexts()
    except RuntimeError as error:
        return str(error)
    return "nothing"


def talk(version):
    server, client = contexts()
    client.minimum_version = client.maximum_version = version
    asked = []
    server.sni_callback = lambda sock, name, context: asked.append((type(sock) is spantls.ssl.SSLSocket, name, context is server))
    data, failures, over = bytes(range(256)) * 4000, [], threading.Event()
    with server.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True) as listener:
        def serve():
            try:
                with listener.accept()[0] as sock:
                    sock.do_handshake()
                    got = b""
                    while len(got) < len(data):
                        got += sock.recv(65536)
                    sock.sendall(got)
                    over.wait()
                    sock.unwrap()
            except Exception as error:
                failures.append(error)
        thread = threading.Thread(target=serve)
        thread.start()
        with client.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname="localhost") as sock:
            assert type(sock) is spantls.ssl.SSLSocket and sock.version() == version.name.replace("_", "."), sock.version()
            sock.sendall(data)
            with sock.makefile("rb") as file:
                assert file.read(len(data)) == data
            sock.settimeout(0.05)
            try:
                sock.recv(1)
                raise AssertionError("nothing was sent")
            except TimeoutError:
                pass
            sock.settimeout(None)
            over.set()
            assert sock.recv(1) == b""
            sock.unwrap().close()
        thread.join()
    assert not failures, failures
    assert asked == [(True, "localhost", True)], asked


def certificate():
    server, _ = contexts()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with listener.accept()[0] as sock, server.wrap_socket(sock, server_side=True) as wrapped:
                wrapped.recv(1)
        thread = threading.Thread(target=serve)
        thread.start()
        assert "BEGIN CERTIFICATE" in spantls.ssl.get_server_certificate(listener.getsockname())
        thread.join()


if order == "before":
    print(refused())
else:
    for each in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        talk(each)
    certificate()
    print("done")
