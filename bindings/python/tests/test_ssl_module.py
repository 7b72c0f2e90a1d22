"""spantls.ssl beside the standard library's ssl: what CPython's own tests do not look at. And the ends that hosts come to: forks,
exits with open sessions, exceptions in callbacks."""

import contextlib
import enum
import gc
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
import unittest.mock
import warnings
import weakref

import report
import spantls.ssl

from report import CERTS, cert

def server_context(module=spantls.ssl, name="server-p256"):
    context = module.SSLContext(module.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert(name + ".pem"), cert(name + ".key"))
    return context


def client_context(module=spantls.ssl, anchors="ca"):
    context = module.SSLContext(module.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cert(anchors + ".pem"))
    return context


class Served:
    """A server's thread for one connection; what went wrong in it is told at the end."""

    def __init__(self, context, talk):
        self.context, self.talk, self.error = context, talk, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        sock = self.listener.accept()[0]
        try:
            with self.context.wrap_socket(sock, server_side=True) as wrapped:
                self.talk(wrapped)
        except Exception as error:
            self.error = error

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join(20)
        self.listener.close()


def child(code, **env):
    """Runs Python code that has the package and the certificates."""
    text = "import os, sys, socket, ssl, threading\nimport report, spantls, spantls.ssl\nCERTS = sys.argv[1]\n" + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", text, CERTS], cwd=report.HERE, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **env})


PAIR = """
    def pair():
        server = spantls.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(CERTS + "/server-p256.pem", CERTS + "/server-p256.key")
        client = spantls.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.load_verify_locations(CERTS + "/ca.pem")
        one, other = socket.socketpair()
        done = []
        thread = threading.Thread(target=lambda: done.append(server.wrap_socket(one, server_side=True)))
        thread.start()
        wrapped = client.wrap_socket(other, server_hostname="localhost")
        thread.join()
        return done[0], wrapped
"""


# What spantls.ssl has of ssl as it is, and why that is no way to OpenSSL's connections.
SHARED = {
    "MemoryBIO": "bytes in memory", "SSLSession": "the class of a session object: only OpenSSL's connections make one",
    "RAND_add": "random numbers", "RAND_bytes": "random numbers", "RAND_pseudo_bytes": "random numbers", "RAND_status": "random numbers",
    "DER_cert_to_PEM_cert": "a pure function", "PEM_cert_to_DER_cert": "a pure function", "cert_time_to_seconds": "a pure function",
    "get_protocol_name": "a pure function", "match_hostname": "a pure function, until Python 3.11",
    "DefaultVerifyPaths": "a tuple of paths", "get_default_verify_paths": "paths", "namedtuple": "of collections",
    "socket": "of the module socket", "create_connection": "of the module socket: a plain connection",
}


def is_data(value):
    """No way to a connection: a constant, a module, an exception, an enumeration."""
    return not callable(value) or isinstance(value, type) and issubclass(value, (BaseException, enum.Enum))


class EncryptedKeys(unittest.TestCase):
    """load_cert_chain(password=...): what ssl reads, the library reads without another package."""

    def loads(self, key, password, name="server-p256"):
        context = spantls.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert(name + ".pem"), key, password)
        with Served(context, lambda wrapped: wrapped.sendall(wrapped.recv(5))) as served:
            with client_context(ssl).wrap_socket(served.connect(), server_hostname="localhost") as client:
                client.sendall(b"words")
                self.assertEqual(client.recv(5), b"words")
        self.assertIsNone(served.error)

    def test_a_password_is_text_bytes_or_what_a_callable_returns(self):
        for password in ("secret", b"secret", bytearray(b"secret"), lambda: "secret", lambda: b"secret"):
            self.loads(cert("server-p256.encrypted.key"), password)

    def test_a_password_is_not_asked_for_where_the_key_is_not_encrypted(self):
        self.loads(cert("server-p256.key"), lambda: self.fail("asked"))
        self.loads(cert("server-p256.key"), "another")

    def test_cryptography_is_not_needed(self):
        with unittest.mock.patch.dict(sys.modules, {"cryptography": None}):
            self.loads(cert("server-p256.encrypted.key"), "secret")

    def test_the_old_form_of_pem_is_named_with_the_command_that_converts_it(self):
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            old = os.path.join(folder, "old.key")
            subprocess.run(["openssl", "ec", "-in", cert("server-p256.key"), "-aes256", "-passout", "pass:secret", "-out", old],
                           check=True, capture_output=True)
            stack.enter_context(unittest.mock.patch.dict(sys.modules, {"cryptography": None}))
            with self.assertRaisesRegex(ssl.SSLError, "openssl pkcs8 -topk8"):
                self.loads(old, "secret")


class Module(unittest.TestCase):
    def test_every_name_is_ours_or_has_no_way_to_openssls_connections(self):
        for name in sorted(set(dir(ssl)) | set(dir(spantls.ssl))):
            if name.startswith("_") or not hasattr(spantls.ssl, name):
                self.assertTrue(name.startswith("_"), name)
                continue
            value = getattr(spantls.ssl, name)
            if hasattr(ssl, name) and (is_data(value) or name in SHARED):
                self.assertIs(value, getattr(ssl, name), name)
            elif not is_data(value):
                self.assertIn(value.__module__.split(".")[0], ("spantls", "typing"), name)

    def test_what_ssl_says_in_private_is_ours_or_has_no_way_to_openssls_connections(self):
        """As hosts use it: http.client, urllib."""
        private = [name for name in dir(ssl) if name.startswith("_") and not name.startswith("__") and not is_data(getattr(ssl, name))]
        shared = {"_IntEnum", "_IntFlag", "_ASN1Object", "_ASN1ObjectBase", "_SSLMethod", "_TLSAlertType", "_TLSContentType",
                  "_TLSMessageType", "_namedtuple", "_asn1", "_simple_enum", "_test_decode_cert", "_nid", "_txt2obj", "_nid2obj",
                  "_dnsname_match", "_ipaddress_match", "_inet_paton", "_sslcopydoc"}
        for name in set(private) - shared - spantls.ssl._NOT_HERE:
            self.assertTrue(getattr(spantls.ssl, name).__module__.startswith("spantls"), name)
        for name in spantls.ssl._NOT_HERE:
            self.assertFalse(hasattr(spantls.ssl, name))

    @unittest.skipUnless(hasattr(ssl, "wrap_socket"), "gone since Python 3.12")
    def test_wrap_socket_of_the_module_is_ours(self):
        warned = self.assertWarns(DeprecationWarning) if sys.version_info >= (3, 10) else contextlib.nullcontext()
        with Served(server_context(), lambda sock: sock.sendall(b"hello")) as served, warned, \
                spantls.ssl.wrap_socket(served.connect(), cert_reqs=ssl.CERT_REQUIRED, ca_certs=cert("ca.pem")) as sock:
            self.assertIs(type(sock), spantls.ssl.SSLSocket)
            self.assertIs(type(sock.context), spantls.ssl.SSLContext)
            self.assertEqual(sock.recv(5), b"hello")
        with Served(server_context(), lambda sock: None) as served, self.assertRaises(ssl.SSLCertVerificationError), \
                warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spantls.ssl.wrap_socket(served.connect(), cert_reqs=ssl.CERT_REQUIRED, ca_certs=cert("other-ca.pem"))

    def test_get_server_certificate_is_ours_and_fetches_what_ssls_does(self):
        found = []
        for module in (ssl, spantls.ssl):
            made = []
            with Served(server_context(ssl), lambda sock: None) as served, unittest.mock.patch.object(
                    spantls._sslobject.Engine, "do_handshake", autospec=True,
                    side_effect=spantls._sslobject.Engine.do_handshake) as shaken:
                found.append(module.get_server_certificate(("localhost", served.port), ca_certs=cert("ca.pem")))
                made.append(shaken.called)
            self.assertEqual(made, [module is spantls.ssl])
        self.assertEqual(*found)

    def test_contexts_have_the_defaults_of_this_python(self):
        def settings(context):
            return {name: getattr(context, name) for name in (
                "verify_mode", "check_hostname", "verify_flags", "options", "minimum_version", "maximum_version", "protocol",
                "post_handshake_auth", "keylog_filename", "hostname_checks_common_name", "num_tickets")}
        for purpose in ssl.Purpose:
            for name in ("create_default_context", "_create_unverified_context", "_create_stdlib_context"):
                arguments = {"purpose": purpose}
                ours = getattr(spantls.ssl, name)(**arguments)
                self.assertIs(type(ours), spantls.ssl.SSLContext)
                self.assertEqual(settings(ours), settings(getattr(ssl, name)(**arguments)), (name, purpose))
        for name in ("create_default_context", "_create_unverified_context"):
            for module in (ssl, spantls.ssl):
                with self.assertRaises(TypeError):
                    getattr(module, name)(purpose=3)

    def test_refused_and_closed_connections_leave_no_reference_cycles(self):
        """Counted without the collector: an engine that a cycle holds is still there."""
        def refuse(client, server, host="localhost"):
            memory = [ssl.MemoryBIO(), ssl.MemoryBIO()]
            ends = [client.wrap_bio(*memory, server_hostname=host), server.wrap_bio(*memory[::-1], server_side=True)]
            for _ in range(4):
                for end in ends:
                    with contextlib.suppress(ssl.SSLError):
                        end.do_handshake()
            for end in ends:
                for call in (lambda end=end: end.read(1), lambda end=end: end.write(b"x"), end.unwrap):
                    with contextlib.suppress(ssl.SSLError):
                        call()
            return [weakref.ref(end._sslobj) for end in ends]

        def over_sockets(client, server):
            with Served(server, lambda sock: sock.recv(1)) as served, contextlib.suppress(ssl.SSLError), client.wrap_socket(
                    served.connect(), server_hostname="localhost") as sock:
                sock.sendall(b"!")
            served.error = None  # its traceback has the thread's frames

        mutual = server_context()
        mutual.verify_mode = ssl.CERT_REQUIRED
        mutual.load_verify_locations(cert("ca.pem"))
        refusing = server_context()
        refusing.sni_callback = lambda end, name, context: 112
        gc.collect()
        gc.disable()
        try:
            for client, server in ((client_context(anchors="other-ca"), server_context()), (client_context(), server_context()),
                                   (client_context(), mutual), (client_context(), refusing)):
                self.assertEqual([engine() for engine in refuse(client, server)], [None, None])
                over_sockets(client, server)
            self.assertEqual([engine() for engine in refuse(client_context(), server_context(), "elsewhere.example")], [None, None])
            context = weakref.ref(client_context())
            self.assertIsNone(context())
            left = [one for one in gc.get_objects() if isinstance(one, (spantls._sslobject.Engine, spantls.TlsError))]
            self.assertEqual(left, [])
        finally:
            gc.enable()

    def test_select_tells_of_everything_that_is_left(self):
        """As with OpenSSL: what is not in pending() is still in the socket."""
        def talk(sock):
            for _ in range(3):
                sock.sendall(b"x" * 1000)
            sock.recv(1)
        with Served(server_context(), talk) as served, client_context().wrap_socket(
                served.connect(), server_hostname="localhost") as sock:
            got = 0
            while got < 3000:
                if not sock.pending():
                    self.assertEqual(select.select([sock], [], [], 10)[0], [sock])
                got += len(sock.recv(300))
            self.assertEqual(got, 3000)
            sock.sendall(b"!")

    def test_what_comes_behind_close_notify_is_left_to_the_plain_socket(self):
        def talk(sock):
            plain = sock.unwrap()
            plain.sendall(b"plain again")
            plain.close()
        with Served(server_context(), talk) as served:
            sock = client_context().wrap_socket(served.connect(), server_hostname="localhost")
            plain = sock.unwrap()
            self.assertEqual(plain.recv(100), b"plain again")
            plain.close()
            self.assertIsNone(served.error)

    def test_a_close_with_tickets_unread_is_no_reset(self):
        may_read = threading.Event()
        found = []

        def talk(sock):
            may_read.wait(20)
            found.extend([sock.recv(100), sock.recv(100)])
        with Served(server_context(ssl), talk) as served:
            with client_context().wrap_socket(served.connect(), server_hostname="localhost") as sock:
                self.assertEqual(select.select([sock], [], [], 20)[0], [sock])  # the tickets
                sock.sendall(b"last words")
            may_read.set()
        self.assertEqual((served.error, found), (None, [b"last words", b""]))

    def test_data_is_not_lost_where_the_tickets_that_go_with_it_cannot_be_sent(self):
        gone, found = threading.Event(), []

        def serve():
            with server_context().wrap_socket(one, server_side=True) as sock:
                gone.wait(20)
                found.extend([sock.recv(100), sock.recv(100)])
        one, other = socket.socketpair()
        thread = threading.Thread(target=serve)
        thread.start()
        with client_context().wrap_socket(other, server_hostname="localhost") as sock:
            sock.sendall(b"last words")
        gone.set()
        thread.join(20)
        self.assertEqual(found, [b"last words", b""])

    def test_tickets_of_a_server_wait_until_its_client_has_said_something_or_is_answered(self):
        for first in (b"", b"question"):
            go_on = threading.Event()

            def talk(sock):
                go_on.wait(20)
                if first:
                    self.assertEqual(sock.recv(100), first)
                    go_on.clear()
                    go_on.wait(20)
                sock.sendall(b"answer")
            with Served(server_context(), talk) as served, client_context(ssl).wrap_socket(
                    served.connect(), server_hostname="localhost") as sock:
                self.assertEqual(select.select([sock], [], [], 0.05)[0], [])
                if first:
                    sock.sendall(first)
                    go_on.set()
                    self.assertEqual(select.select([sock], [], [], 20)[0], [sock])  # the tickets
                go_on.set()
                self.assertEqual(sock.recv(100), b"answer")
                self.assertTrue(sock.session.has_ticket)
                go_on.set()
            self.assertIsNone(served.error)

    def test_a_close_in_a_forked_process_leaves_the_connection_alone(self):
        may_write = threading.Event()

        def talk(sock):
            sock.sendall(b"for the parent")
            may_write.set()
            self.assertEqual(sock.recv(100), b"still there")
        with Served(server_context(), talk) as served, client_context().wrap_socket(
                served.connect(), server_hostname="localhost") as sock:
            may_write.wait(20)
            child = os.fork()
            if child == 0:
                sock.close()
                os._exit(0)
            self.assertEqual(os.waitpid(child, 0)[1], 0)
            self.assertEqual(sock.recv(100), b"for the parent")
            sock.sendall(b"still there")
        self.assertIsNone(served.error)

    def test_refusals_have_the_attributes_of_the_standard_library(self):
        for name, anchors, host, code in (("server-expired", "ca", "localhost", 10), ("server-p256", "other-ca", "localhost", None),
                                          ("server-p256", "ca", "elsewhere.example", 62), ("selfsigned", "ca", "localhost", 18)):
            found = []
            for module in (ssl, spantls.ssl):
                with Served(server_context(ssl, name), lambda sock: sock.recv(1)) as served:
                    with self.assertRaises(ssl.SSLCertVerificationError) as caught, client_context(module, anchors).wrap_socket(
                            served.connect(), server_hostname=host):
                        pass
                found.append((caught.exception.reason, caught.exception.verify_code))
                self.assertIsInstance(served.error, OSError)  # the alert, unless a reset has overtaken it
            theirs, ours = found
            self.assertEqual(ours[0], theirs[0])
            if code is not None:
                self.assertEqual((ours[1], theirs[1]), (code, code), name)

    def test_an_exception_in_the_sni_callback_is_no_crash(self):
        context = server_context()

        def callback(*_):
            raise ZeroDivisionError("of the callback")
        context.sni_callback = callback
        seen = []
        before, sys.unraisablehook = sys.unraisablehook, lambda info: seen.append(info.exc_type)
        try:
            with Served(context, lambda sock: None) as served, self.assertRaises(ssl.SSLError):
                client_context().wrap_socket(served.connect(), server_hostname="localhost")
        finally:
            sys.unraisablehook = before
        self.assertEqual(seen, [ZeroDivisionError])

    def test_a_reader_and_a_writer_thread_at_once_on_both_ends(self):
        data = os.urandom(1 << 20) * 3

        def talk(sock):
            got = bytearray()

            def read():
                while len(got) < len(data):
                    got.extend(sock.recv(65536))
            reader = threading.Thread(target=read)
            reader.start()
            sock.sendall(data)
            reader.join()
            if got != data:
                raise AssertionError("other bytes")
        with Served(server_context(), talk) as served, client_context().wrap_socket(
                served.connect(), server_hostname="localhost") as sock:
            talk(sock)
        self.assertIsNone(served.error)

    def test_a_socket_with_a_timeout_says_so_and_goes_on(self):
        go = threading.Event()

        def talk(sock):
            go.wait(20)
            sock.sendall(b"late")
        with Served(server_context(), talk) as served, client_context().wrap_socket(
                served.connect(), server_hostname="localhost") as sock:
            sock.settimeout(0.05)
            with self.assertRaises(TimeoutError):
                sock.recv(10)
            go.set()
            sock.settimeout(10)
            self.assertEqual(sock.recv(10), b"late")

    def test_sendfile_and_makefile(self):
        def talk(sock):
            with sock.makefile("rwb") as file:
                self.assertEqual(file.readline(), b"send it\n")
                with open(__file__, "rb") as source:
                    sock.sendfile(source)
        with Served(server_context(), talk) as served, client_context().wrap_socket(
                served.connect(), server_hostname="localhost") as sock:
            sock.sendall(b"send it\n")
            with sock.makefile("rb") as file:
                got = file.read()
        with open(__file__, "rb") as source:
            self.assertEqual(got, source.read())
        self.assertIsNone(served.error)


class Ends(unittest.TestCase):
    def test_the_interpreter_ends_with_open_sessions_and_threads_inside(self):
        done = child(textwrap.dedent(PAIR) + textwrap.dedent("""
            kept = [pair() for _ in range(5)]
            threading.Thread(target=kept[0][0].recv, args=(10,), daemon=True).start()
            session = spantls.Session(spantls.Context.client())
            session.process_handshake(b"", bytearray(2000))
            print("the end")
        """))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "the end\n", ""))

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_a_fork_leaves_both_processes_working(self):
        done = child(textwrap.dedent(PAIR) + textwrap.dedent("""
            server, client = pair()
            number = os.fork()
            if number == 0:
                # The child goes on with one end, and makes sessions of its own.
                client.sendall(b"from the child")
                again = pair()
                again[0].sendall(b"x")
                os._exit(0 if again[1].recv(1) == b"x" else 1)
            print(server.recv(100).decode(), os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]))
            again = pair()
            again[1].sendall(b"parent")
            print(again[0].recv(100).decode())
        """))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "from the child 0\nparent\n", ""))

    def test_the_key_log_of_the_environment_is_written(self):
        path = os.path.join(report.HERE, "..", "..", "..", "target", f"keys-{os.getpid()}")
        code = textwrap.dedent("""
            context = spantls.ssl.create_default_context(cafile=CERTS + "/ca.pem")
            print(context.keylog_filename == os.environ["SSLKEYLOGFILE"])
        """)
        try:
            self.assertEqual(child(code, SSLKEYLOGFILE=path).stdout, "True\n")
        finally:
            if os.path.exists(path):
                os.unlink(path)


if __name__ == "__main__":
    report.main()
