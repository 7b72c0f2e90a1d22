"""Several certificate chains in one context, and what a client does when it is asked: against openssl s_client and s_server that
are restricted to some signature schemes, cipher suites or issuers, and against Python's ssl."""

import hashlib
import ssl
import unittest

import sentences
from spantls_ctypes import (
    CERTIFICATE_ASKED, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE, COMPLETE, ENDPOINT, PEER_ALERT, PROTOCOL, TLS12,
    TLS13, VALIDATION_AUTOMATIC, WANT_CREDENTIALS, Context, Driver, TlsError, cert_path, read_cert,
)
from test_against_openssl import Tools

SUSPEND, DECLINE = 1, 2
HANDSHAKE_FAILURE, UNRECOGNIZED_NAME = 40, 112
VERSIONS = (TLS12, TLS13)


def leaf(name):
    """DER of the first certificate of a file."""
    return ssl.PEM_cert_to_DER_cert(read_cert(name + ".pem").decode().split("-----END CERTIFICATE-----")[0] +
                                    "-----END CERTIFICATE-----\n")


class Chains(Tools):
    def server(self, protocol, *arguments, name="localhost", **options):
        """Our server and s_client, which asks for `name`."""
        options = {"credentials": "server-p256", "more_credentials": ("server-rsa2048",), "protocols": protocol, **options}
        version = {TLS12: "-tls1_2", TLS13: "-tls1_3"}[protocol]
        return self.accept(lambda port: self.child(
            "openssl", "s_client", "-connect", f"127.0.0.1:{port}", *(["-servername", name] if name else ["-noservername"]),
            "-CAfile", cert_path("ca.pem"), "-showcerts", version, *arguments), options)

    def shown(self, us, child, name):
        """The chain that was shown is this one, as everyone sees it."""
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.assertEqual(us.session.local_certificate(), leaf(name))
        self.assertEqual(us.session.channel_binding(ENDPOINT), hashlib.sha256(leaf(name)).digest())
        self.talk(us, child)
        self.assertIn(read_cert(name + ".pem").decode().split("-----END")[0].split("-----")[-1].strip(), child.text())

    def refused(self, us, child, alert, words):
        self.assertEqual(us.connect(), PROTOCOL)
        error = us.session.error()
        self.assertEqual(error.alert_sent, alert, error)
        self.assertIn(words, error.message)
        child.wrote("alert")

    def test_a_server_shows_the_first_chain_that_fits_the_clients_signature_schemes(self):
        for protocol in VERSIONS:
            for schemes, name in (("ECDSA+SHA256:RSA-PSS+SHA256", "server-p256"), ("RSA-PSS+SHA256", "server-rsa2048"),
                                  ("rsa_pss_rsae_sha512:ecdsa_secp384r1_sha384", "server-rsa2048")):
                with self.subTest(protocol=protocol, schemes=schemes):
                    self.shown(*self.server(protocol, "-sigalgs", schemes), name)
        # In the other order the RSA chain is the first.
        self.shown(*self.server(TLS13, credentials="server-rsa2048", more_credentials=("server-p256",)), "server-rsa2048")

    def test_in_tls12_the_cipher_suites_decide_too(self):
        for suites, name in (("ECDHE-RSA-AES128-GCM-SHA256", "server-rsa2048"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "server-p256"),
                             ("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", "server-p256")):
            with self.subTest(suites=suites):
                self.shown(*self.server(TLS12, "-cipher", suites), name)

    def test_groups_in_an_order_of_the_host_and_an_rsa_chain(self):
        us, child = self.server(TLS13, "-sigalgs", "RSA-PSS+SHA256", "-groups", "P-256:X25519", groups=(29, 23))
        self.shown(us, child, "server-rsa2048")
        self.assertEqual(us.session.negotiated_group(), 29)

    def test_if_no_chain_fits_the_client_hears_handshake_failure(self):
        words = "accepts none of this server's certificate chains"
        for protocol in VERSIONS:
            self.refused(*self.server(protocol, "-sigalgs", "ECDSA+SHA384"), HANDSHAKE_FAILURE, words)
        self.refused(*self.server(TLS12, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", more_credentials=()), HANDSHAKE_FAILURE, words)

    def test_a_name_has_its_own_chains(self):
        named = (("one.example.org", "server-p384"), ("*.example.org", "server-ed25519"), ("*.example.org", "server-rsa4096"))
        for protocol in VERSIONS:
            for name, arguments, expected in (
                ("ONE.example.org", (), "server-p384"), ("two.example.org", (), "server-ed25519"),
                ("two.example.org", ("-sigalgs", "RSA-PSS+SHA256"), "server-rsa4096"), ("example.org", (), "server-p256"),
                ("one.two.example.org", (), "server-p256"), (None, (), "server-p256"),
            ):
                with self.subTest(protocol=protocol, name=name, arguments=arguments):
                    us, child = self.server(protocol, *arguments, name=name, named=named)
                    self.assertEqual(us.connect(), COMPLETE, us.session.error())
                    self.assertEqual(us.session.local_certificate(), leaf(expected))

    def test_without_a_chain_for_every_name_others_are_unrecognized(self):
        only = {"credentials": None, "more_credentials": (), "named": (("one.example.org", "server-p256"),)}
        self.refused(*self.server(TLS13, name="two.example.org", **only), UNRECOGNIZED_NAME, "the name that the client asked for")
        self.refused(*self.server(TLS12, name=None, **only), HANDSHAKE_FAILURE, "no server name")

    def test_credentials_for_a_name_are_for_servers(self):
        with self.assertRaisesRegex(TlsError, "for servers"):
            Context(False, named=(("localhost", "client-p256"),))

    # --- Clients ---

    def asking(self, protocol, *arguments, **options):
        """Our client and an s_server that asks it."""
        return self.openssl_pair("client", protocol, "-verify", "3", *arguments, options=options)

    def test_a_client_shows_the_first_chain_that_fits_the_servers_schemes_and_issuers(self):
        options = {"credentials": "client-p256", "more_credentials": ("client-rsa2048", "client-other")}
        for protocol in VERSIONS:
            for arguments, name in (
                ((), "client-p256"), (("-client_sigalgs", "RSA-PSS+SHA256"), "client-rsa2048"),
                (("-CAfile", cert_path("other-ca.pem")), "client-other"),
            ):
                with self.subTest(protocol=protocol, arguments=arguments):
                    us, child = self.asking(protocol, *arguments, **options)
                    self.assertEqual(us.connect(), COMPLETE, us.session.error())
                    self.assertEqual(us.session.local_certificate(), leaf(name))
                    self.talk(us, child)

    def test_a_client_without_credentials_declines_or_asks_its_host_as_the_options_say(self):
        for protocol in VERSIONS:
            for options, asked in (
                ({}, True), ({"validation": VALIDATION_AUTOMATIC}, False), ({"certificate_requests": DECLINE}, False),
                ({"validation": VALIDATION_AUTOMATIC, "certificate_requests": SUSPEND}, True),
            ):
                with self.subTest(protocol=protocol, options=options):
                    us, child = self.asking(protocol, **options)
                    self.assertEqual(us.connect(), COMPLETE, us.session.error())
                    self.assertEqual(WANT_CREDENTIALS in us.asked, asked)
                    self.assertTrue(us.session.state() & CERTIFICATE_ASKED)
                    self.assertEqual(us.session.local_certificate(), b"")
                    self.talk(us, child)

    def test_a_client_that_was_not_asked_says_so(self):
        us, child = self.openssl_pair("client", TLS13)
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.assertFalse(us.session.state() & CERTIFICATE_ASKED)

    def test_a_client_that_declines_hears_it_from_a_server_that_insists(self):
        us, child = self.openssl_pair("client", TLS12, "-Verify", "3", options={"validation": VALIDATION_AUTOMATIC})
        self.assertEqual(us.connect(), PEER_ALERT)
        self.assertEqual(us.session.error().alert_received, HANDSHAKE_FAILURE)
        self.assertTrue(us.session.state() & CERTIFICATE_ASKED)

    def test_a_client_that_declines_resumes(self):
        """Its tickets are found again, stored without an identity from the start."""
        for options in ({"validation": VALIDATION_AUTOMATIC}, {"credentials": "client-p256", "more_credentials": ("client-rsa2048",)}):
            for protocol in VERSIONS:
                with self.subTest(protocol=protocol, options=options):
                    server = Context(True, credentials="server-p256", anchors="ca", client_certificates=CERTIFICATE_REQUEST,
                                     protocols=protocol, resume=True, validation=VALIDATION_AUTOMATIC)
                    client = Context(False, anchors="ca", resume=True, **options)
                    self.addCleanup(server.close)
                    self.addCleanup(client.close)
                    resumed = [self.meets(client, server) for _ in range(2)]
                    self.assertEqual(resumed, [False, True])

    def meets(self, client, server):
        us, them = Driver(client, "localhost"), Driver(server)
        try:
            for _ in range(10):
                for one, other in ((us, them), (them, us)):
                    one.inbox += other.take_output()
                    one.handshake()
            self.assertEqual((us.status, them.status), (COMPLETE, COMPLETE))
            us.inbox += them.take_output()
            us.read()
            return bool(us.session.state() & 16)
        finally:
            us.close()
            them.close()


if __name__ == "__main__":
    sentences.main()
