"""Whom spantls.ssl lets in, beside the standard library's ssl: never anybody whom that would not."""

import itertools
import os
import ssl
import unittest

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


def accepts(client, server, **names):
    """Whether a handshake over memory succeeds, and data passes."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(inward, outward, **names), server.wrap_bio(outward, inward, server_side=True)]
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


if __name__ == "__main__":
    report.main()
