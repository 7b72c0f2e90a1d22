"""Whom spantls.ssl lets in, beside the standard library's ssl: never anybody whom that would not."""

import itertools
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import report
import spantls.ssl

from report import cert

# A CA that ssl takes as a trust anchor and the engine cannot read: its name constraints are no such.
UNREADABLE = """\
-----BEGIN CERTIFICATE-----
MIIBYzCCAQqgAwIBAgIUXWEhwcTeNXBiCOqTxGLL9PRdjHAwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFYmFkbmMwIBcNMjYxMTI4MDcxMjQ3WhgPMjEyNjExMDQwNzEy
NDdaMBAxDjAMBgNVBAMMBWJhZG5jMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
Nehv4M4+QMPH6M8xbt9yDauWF8db/yOHy/EbDBUDjXz4E/lcaVn7U1GimeN1SMEG
Lzi3CH8Zuy/7D6fgqWb5QaNAMD4wDwYDVR0TAQH/BAUwAwEB/zAMBgNVHR4BAf8E
AgUAMB0GA1UdDgQWBBRjmMS+Cj4rKeYe9LPhDyuoj8hPkjAKBggqhkjOPQQDAgNH
ADBEAiAg8GxuRHnMOAIBDh/QojJwy9JIMNLrtSAELAiHBxBDawIgS9OXv3E7VXeB
LfvlGFbV1UbFsx9YJLOs6pqhPVuh1Jk=
-----END CERTIFICATE-----
"""

ANCHORS = {
    "none": lambda context: None,
    "the right one": lambda context: context.load_verify_locations(cert("ca.pem")),
    "another": lambda context: context.load_verify_locations(cert("other-ca.pem")),
    "an unreadable one": lambda context: context.load_verify_locations(cadata=UNREADABLE),
    "an unreadable one and another": lambda context: (context.load_verify_locations(cadata=UNREADABLE),
                                                      context.load_verify_locations(cert("other-ca.pem"))),
    "an unreadable one and the right one": lambda context: (context.load_verify_locations(cadata=UNREADABLE),
                                                            context.load_verify_locations(cert("ca.pem"))),
    "the peer's own": lambda context: context.load_verify_locations(cert("selfsigned.pem")),
    "the system's": lambda context: context.load_default_certs(),
}
CRLS = ("crl-root.pem", "crl-intermediate.pem")
FLAGS = {"": 0, "leaf": ssl.VERIFY_CRL_CHECK_LEAF, "chain": ssl.VERIFY_CRL_CHECK_CHAIN, "strict": ssl.VERIFY_X509_STRICT}


def accepts(client, server, then=lambda client, server: None, **names):
    """Whether a handshake over memory succeeds, and data passes. `then` is called with both objects before it begins."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(inward, outward, **names), server.wrap_bio(outward, inward, server_side=True)]
    then(*ends)
    done = [False, False]
    for _ in range(8):
        for i, end in enumerate(ends):
            try:
                end.do_handshake()
                done[i] = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return False
    if not all(done):
        raise AssertionError("the handshake does not end")
    # A client of TLS 1.3 is done before its certificate is judged.
    for i, end in enumerate(ends):
        end.write(b"!")
        try:
            if ends[1 - i].read(1) != b"!":
                raise AssertionError("data is lost")
        except ssl.SSLError:
            return False
    return True


def settings(module, protocol, anchors, mode, flags, check_hostname=None):
    context = module.SSLContext(protocol)
    if check_hostname is not None:
        context.check_hostname = False
        context.verify_mode = mode
        context.check_hostname = check_hostname
    context.verify_mode = mode
    ANCHORS[anchors](context)
    if flags in ("leaf", "chain"):
        for name in CRLS:
            context.load_verify_locations(cert(name))
    # Python 3.13 has other flags from the start.
    context.verify_flags = FLAGS[flags] | (context.verify_flags & ssl.VERIFY_X509_TRUSTED_FIRST)
    return context


class Trust(unittest.TestCase):
    def setUp(self):
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = cert("ca.pem")
        self.addCleanup(lambda: os.environ.pop("SSL_CERT_FILE") if before is None else os.environ.update(SSL_CERT_FILE=before))

    def compare(self, rows, question):
        """`question(module, *row)` is asked of both; tells what came out, and what ssl alone accepts."""
        both, alone, accepted = 0, [], []
        for row in rows:
            theirs, ours = question(ssl, *row), question(spantls.ssl, *row)
            self.assertFalse(ours and not theirs, f"accepted by spantls.ssl alone: {row}")
            both += ours == theirs
            if theirs and not ours:
                alone.append(row)
            if ours:
                accepted.append(row)
        return both, alone, accepted

    def test_a_client_accepts_no_server_that_ssl_refuses(self):
        servers = ("server-p256", "server-expired", "server-notyet", "server-wrongname", "selfsigned", "server-clientusage",
                   "server-revoked", "server-other", "server-wrongname-expired", "deep-rsa4096", "server-rsa2048")
        contexts = {}
        for name in servers:
            contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            contexts[name].load_cert_chain(cert(name + ".pem"), cert(name + ".key"))

        def question(module, server, anchors, mode, flags, host):
            checked = host if host is not None else "localhost"
            try:
                client = settings(module, ssl.PROTOCOL_TLS_CLIENT, anchors, mode, flags, host is not None)
            except ValueError:
                return False
            return accepts(client, contexts[server], server_hostname=checked)

        rows = itertools.chain(
            itertools.product(servers, ANCHORS, (ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED), ("",),
                              (None, "localhost", "elsewhere.example", "127.0.0.1", "127.0.0.2", "LOCALHOST")),
            itertools.product(servers, ANCHORS, (ssl.CERT_NONE,), ("",), (None,)),
            itertools.product(servers, ("the right one", "the system's"), (ssl.CERT_REQUIRED,), FLAGS, ("localhost",)))
        both, alone, accepted = self.compare(rows, question)
        print(f"# {both} alike, {len(alone)} accepted by ssl alone")
        for row in alone:
            print("#   ", row)
        self.assertGreater(len(accepted), 100)

    def test_a_server_accepts_no_client_that_ssl_refuses(self):
        clients = (None, "client-p256", "client-rsa2048", "client-other", "server-p256", "server-clientusage", "selfsigned",
                   "server-expired", "server-revoked")
        contexts = {}
        for name, version in itertools.product(clients, (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)):
            context = contexts[name, version] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.minimum_version = context.maximum_version = version
            if name is not None:
                context.load_cert_chain(cert(name + ".pem"), cert(name + ".key"))

        def question(module, client, anchors, mode, flags):
            server = settings(module, ssl.PROTOCOL_TLS_SERVER, anchors, mode, flags)
            server.load_cert_chain(cert("server-p256.pem"), cert("server-p256.key"))
            return accepts(contexts[client], server)

        rows = itertools.chain(
            itertools.product(contexts, ANCHORS, (ssl.CERT_NONE, ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED), ("",)),
            itertools.product(contexts, ("the right one", "the system's"), (ssl.CERT_REQUIRED,), FLAGS))
        both, alone, accepted = self.compare(rows, question)
        print(f"# {both} alike, {len(alone)} accepted by ssl alone")
        for row in alone:
            print("#   ", row)
        self.assertGreater(len(accepted), 50)

    # What changes between the making of an object and its verdict.

    def for_both(self, question, *arguments, expected=False):
        """`question(module, ...)` has one answer with either."""
        for module in (ssl, spantls.ssl):
            self.assertEqual(question(module, *arguments), expected, (module.__name__, *arguments))

    @staticmethod
    def server(module, mode=ssl.CERT_REQUIRED, name="server-p256"):
        context = module.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert(name + ".pem"), cert(name + ".key"))
        context.load_verify_locations(cert("ca.pem"))
        context.verify_mode = mode
        return context

    @staticmethod
    def client(module, version=None, name=None):
        context = module.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cert("ca.pem"))
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if name is not None:
            context.load_cert_chain(cert(name + ".pem"), cert(name + ".key"))
        return context

    def test_a_context_of_the_sni_callback_asks_for_no_less(self):
        def question(module, version, name):
            server, other = self.server(module), self.server(module, ssl.CERT_NONE)
            server.sni_callback = lambda end, name, context: setattr(end, "context", other)
            return accepts(self.client(ssl, version, name), server, server_hostname="localhost")

        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for name, expected in ((None, False), ("client-p256", True), ("client-other", False)):
                self.for_both(question, version, name, expected=expected)

    def test_a_context_of_the_sni_callback_allows_no_older_version(self):
        def question(module):
            server, other = self.server(module, ssl.CERT_NONE), self.server(module, ssl.CERT_NONE)
            server.minimum_version = ssl.TLSVersion.TLSv1_3
            server.sni_callback = lambda end, name, context: setattr(end, "context", other)
            return accepts(self.client(ssl, ssl.TLSVersion.TLSv1_2), server, server_hostname="localhost")

        self.for_both(question)

    def test_what_is_asked_behind_the_handshake_in_one_version_is_asked_in_it_in_the_other(self):
        def question(module, version, name):
            server = self.server(module)
            server.post_handshake_auth = True
            return accepts(self.client(ssl, version, name), server, server_hostname="localhost")

        self.for_both(question, ssl.TLSVersion.TLSv1_2, None)
        self.for_both(question, ssl.TLSVersion.TLSv1_2, "client-p256", expected=True)
        self.for_both(question, ssl.TLSVersion.TLSv1_3, None, expected=True)

    def test_a_context_that_becomes_lax_changes_nothing_for_objects_that_there_are(self):
        def relax(context):
            if context.protocol == ssl.PROTOCOL_TLS_CLIENT:
                context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE

        def of_client(module, server, swap):
            client, lax = self.client(module), self.client(module)
            relax(lax)
            return accepts(client, self.server(ssl, ssl.CERT_NONE, server), server_hostname="localhost",
                           then=lambda end, _: setattr(end, "context", lax) if swap else relax(client))

        def of_server(module, version):
            server = self.server(module)
            return accepts(self.client(ssl, version), server, server_hostname="localhost", then=lambda *_: relax(server))

        for name, swap in itertools.product(("selfsigned", "server-wrongname", "server-expired"), (False, True)):
            self.for_both(of_client, name, swap)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.for_both(of_server, version)

    def test_an_anchor_that_comes_too_late_does_not_open_the_systems_store(self):
        """ssl looks at its store when it judges; here what is there when the object is made counts. Neither trusts others."""
        for module in (ssl, spantls.ssl):
            client = module.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self.assertFalse(accepts(client, self.server(ssl, ssl.CERT_NONE), server_hostname="localhost",
                                     then=lambda *_: client.load_verify_locations(cert("other-ca.pem"))))

    def test_a_flag_that_comes_too_late_makes_nothing_laxer(self):
        with open(cert("server-p256.pem")) as file:
            intermediate = file.read().split("-----END CERTIFICATE-----\n")[1] + "-----END CERTIFICATE-----\n"

        def question(module, late):
            client = module.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            client.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST | (0 if late else 0x80000)
            client.load_verify_locations(cadata=intermediate)

            def change(*_):
                client.verify_flags |= 0x80000
            return accepts(client, self.server(ssl, ssl.CERT_NONE), change, server_hostname="localhost")

        self.for_both(question, True)
        self.for_both(question, False, expected=True)

    def test_flags_that_change_while_a_connection_is_made_leave_later_ones_as_they_say(self):
        """Another thread changes the flags after a connection has taken its policy, and before its engine is made."""
        client = self.client(spantls.ssl)
        client.load_verify_locations(cert("crl-root.pem"))
        client.load_verify_locations(cert("crl-intermediate.pem"))
        lax, taken = client.verify_flags, client._settings

        def late(*arguments):
            client.verify_flags = lax | ssl.VERIFY_CRL_CHECK_CHAIN
            return taken(*arguments)
        revoked = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        revoked.load_cert_chain(cert("server-revoked.pem"), cert("server-revoked.key"))
        with unittest.mock.patch.object(client, "_settings", late):
            self.assertTrue(accepts(client, revoked, server_hostname="localhost"))
        self.assertFalse(accepts(client, revoked, server_hostname="localhost"))
        client.verify_flags = lax
        self.assertTrue(accepts(client, revoked, server_hostname="localhost"))

    def test_default_contexts_have_the_flags_of_this_python(self):
        for purpose in (ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH):
            theirs, ours = (module.create_default_context(purpose) for module in (ssl, spantls.ssl))
            for name in ("verify_flags", "verify_mode", "check_hostname"):
                self.assertEqual(getattr(ours, name), getattr(theirs, name))

    def test_what_an_sni_callback_raises_or_returns_refuses_the_client_and_nobody_else(self):
        def raises(*_):
            raise KeyError("nobody of this name")

        def interrupts(*_):
            raise KeyboardInterrupt

        for callback in (raises, interrupts, *(lambda *_, value=value: value for value in (0, 90, 112, 256, 300, -1, 1 << 40, "x"))):
            reported = []
            before, sys.unraisablehook = sys.unraisablehook, reported.append
            try:
                server = self.server(spantls.ssl, ssl.CERT_NONE)
                server.sni_callback = callback
                self.assertFalse(accepts(self.client(ssl), server, server_hostname="localhost"))
            finally:
                sys.unraisablehook = before
            self.assertEqual([type(one).__name__ for one in reported],
                             ["UnraisableHookArgs"] if callback in (raises, interrupts) or callback() == "x" else [])
        # The interpreter's own hook takes nobody else's argument.
        done = subprocess.run([sys.executable, "-c", """if True:
            import report, test_ssl_trust
            def raises(*_):
                raise KeyError("nobody of this name")
            server = test_ssl_trust.Trust.server(test_ssl_trust.spantls.ssl, 0)
            server.sni_callback = raises
            print(test_ssl_trust.accepts(test_ssl_trust.Trust.client(test_ssl_trust.ssl), server, server_hostname="localhost"))
            """], cwd=report.HERE, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout, "False\n", done.stderr)
        self.assertIn("nobody of this name", done.stderr)

    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl program")
    def test_anchors_are_bound_by_what_they_say_of_themselves(self):
        authority = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
        anchors = {
            "a root": (authority, 100), "an expired root": (authority, -1),
            "no authority": ("basicConstraints=critical,CA:FALSE\n", 100),
            "no authority by its usage": ("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\n", 100),
            "no word of it": ("subjectAltName=DNS:localhost\n", 100),
            "a usage alone": ("keyUsage=critical,keyCertSign\n", 100),
            "for clients": (authority + "extendedKeyUsage=clientAuth\n", 100),
            "for servers": (authority + "extendedKeyUsage=serverAuth\n", 100),
        }
        purposes = {"server": "serverAuth", "client": "clientAuth"}
        with tempfile.TemporaryDirectory() as folder:
            def openssl(*arguments):
                subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

            def write(name, text):
                with open(os.path.join(folder, name), "w") as file:
                    file.write(text)

            for number, (extensions, days) in enumerate(anchors.values()):
                write("extensions", extensions)
                for name in (f"anchor{number}", *(f"{purpose}{number}" for purpose in purposes)):
                    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name + ".key")
                    openssl("req", "-new", "-key", name + ".key", "-subj", "/CN=" + name, "-out", name + ".csr")
                openssl("x509", "-req", "-in", f"anchor{number}.csr", "-signkey", f"anchor{number}.key", "-days", str(days),
                        "-extfile", "extensions", "-out", f"anchor{number}.pem")
                for purpose, usage in purposes.items():
                    write("extensions", f"subjectAltName=DNS:localhost\nextendedKeyUsage={usage}\n")
                    openssl("x509", "-req", "-in", f"{purpose}{number}.csr", "-CA", f"anchor{number}.pem", "-CAkey",
                            f"anchor{number}.key", "-CAcreateserial", "-days", "30", "-extfile", "extensions", "-out",
                            f"{purpose}{number}.pem")

            def question(module, what, judges_client, itself):
                number = list(anchors).index(what)
                shown = f"anchor{number}" if itself else f"{'client' if judges_client else 'server'}{number}"
                path = os.path.join(folder, shown)
                if judges_client:
                    client, server = self.client(ssl), self.server(module)
                    client.load_cert_chain(path + ".pem", path + ".key")
                    judge = server
                else:
                    client, server = module.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self.server(ssl, ssl.CERT_NONE)
                    server.load_cert_chain(path + ".pem", path + ".key")
                    judge = client
                judge.load_verify_locations(os.path.join(folder, f"anchor{number}.pem"))
                return accepts(client, server, server_hostname="localhost")

            _, alone, accepted = self.compare(itertools.product(anchors, (False, True), (False, True)), question)
            for row in alone:
                print("#   accepted by ssl alone:", row)
            self.assertIn(("a root", False, False), accepted)
            self.assertIn(("a root", True, False), accepted)
            self.assertIn(("no word of it", False, True), accepted)

    def test_an_anchor_below_a_root_needs_the_root(self):
        with open(cert("server-p256.pem")) as file:
            intermediate = file.read().split("-----END CERTIFICATE-----\n")[1] + "-----END CERTIFICATE-----\n"

        def question(module, with_root):
            client = module.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            client.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST
            client.load_verify_locations(cadata=intermediate)
            if with_root:
                client.load_verify_locations(cert("ca.pem"))
            return accepts(client, self.server(ssl, ssl.CERT_NONE), server_hostname="localhost")

        self.for_both(question, False)
        self.for_both(question, True, expected=True)

    @unittest.skipUnless(shutil.which("openssl"), "there is no openssl program")
    def test_a_certificate_that_cannot_be_decoded_is_refused_like_another(self):
        """A name in it that is no text."""
        with tempfile.TemporaryDirectory() as folder:
            base = os.path.join(folder, "weird")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                            "/CN=weird", "-addext", "subjectAltName=DNS:aaaaaaaaaa", "-keyout", base + ".key", "-outform", "DER",
                            "-out", base + ".der"], check=True, capture_output=True)
            with open(base + ".der", "rb") as file:
                der = file.read().replace(b"aaaaaaaaaa", b"\xff\xfe\xfdaaaaaaa")
            with open(base + ".pem", "w") as file:
                file.write(ssl.DER_cert_to_PEM_cert(der))
            for module in (ssl, spantls.ssl):
                client = self.client(ssl)
                client.load_cert_chain(base + ".pem", base + ".key")
                self.assertFalse(accepts(client, self.server(module), server_hostname="localhost"))
                server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                server.load_cert_chain(base + ".pem", base + ".key")
                self.assertFalse(accepts(self.client(module), server, server_hostname="localhost"))

    def test_the_verified_chain_has_nothing_that_the_peer_has_only_sent(self):
        with tempfile.NamedTemporaryFile("w+") as chain:
            for name in ("server-p256.pem", "other-ca.pem"):
                with open(cert(name)) as file:
                    chain.write(file.read())
            chain.flush()
            server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            server.load_cert_chain(chain.name, cert("server-p256.key"))
            found = []

            def keep(client, _):
                found.append(client)

            for module in (ssl, spantls.ssl):
                self.assertTrue(accepts(self.client(module), server, keep, server_hostname="localhost"))
            theirs, ours = ([one.public_bytes(2) for one in end._sslobj.get_verified_chain()] for end in found)
            self.assertEqual(ours, theirs)
            self.assertEqual(len(ours), 3)


if __name__ == "__main__":
    report.main()
