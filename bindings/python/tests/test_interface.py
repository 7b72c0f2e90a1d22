"""What the package has beyond the core: several credentials, the end of a connection."""

import hashlib
import socket
import ssl
import threading
import unittest

import report
import spantls
from pair import CA, End, credentials, open_pair, shake
from spantls._certificates import decode
from spantls import Alert, Session, SignatureScheme, Status, TlsError


def pem(name):
    with open(report.cert(name), "rb") as file:
        return file.read()


def der(name):
    return ssl.PEM_cert_to_DER_cert(pem(name + ".pem").decode().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")


def bound_pair():
    """(client, server) on blocking sockets, open, with the sockets."""
    sockets = socket.socketpair()
    client = Session(spantls.Context.client(trust_anchors_file=CA, validation=spantls.Validation.AUTOMATIC), "localhost",
                     socket=sockets[0])
    server = Session(spantls.Context.server(credentials=credentials("server-p256")), socket=sockets[1])
    thread = threading.Thread(target=server.handshake)
    thread.start()
    client.handshake()
    thread.join()
    return client, server, sockets


class SeveralCredentials(unittest.TestCase):
    def shown(self, context, name="localhost", **client):
        """The server's certificate that a client gets; None where it is refused."""
        client = spantls.Context.client(trust_anchors_file=CA, **client)
        ends = End(Session(client, name)), End(Session(context))
        shake(*ends)
        self.assertEqual(ends[0].session.remote_certificates[0], ends[1].session.local_certificate)
        return ends[0].session.remote_certificates[0]

    def test_the_first_chain_that_fits_the_client_is_shown(self):
        server = spantls.Context.server(credentials=[credentials("server-p256"), credentials("server-rsa2048")])
        rsa = {"protocols": spantls.Protocol.TLS12,
               "cipher_suites": [spantls.CipherSuite.ECDHE_RSA_WITH_AES_128_GCM_SHA256]}
        self.assertEqual(der("server-p256"), self.shown(server))
        self.assertEqual(der("server-rsa2048"), self.shown(server, **rsa))

    def test_a_name_has_its_own_chain(self):
        named = {"localhost": credentials("server-p384"), "*.example.org": [credentials("server-ed25519")]}
        server = spantls.Context.server(credentials=credentials("server-p256"), credentials_for_names=named)
        self.assertEqual(der("server-p384"), self.shown(server))
        only = spantls.Context.server(credentials_for_names=[("other.example.org", credentials("server-p256"))])
        with self.assertRaises(TlsError) as caught:
            self.shown(only)
        self.assertEqual(Alert.UNRECOGNIZED_NAME, caught.exception.alert_sent)

    def test_external_keys_are_told_apart_by_their_certificate(self):
        named = {name: spantls.Credentials.external(pem(chain + ".pem"), [SignatureScheme.ECDSA_SECP256R1_SHA256])
                 for name, chain in (("localhost", "server-p256"), ("other.example.org", "server-other"))}
        asked = []

        def refuse(session):
            asked.append(session.local_certificate)
            session.set_signature(b"")
        client = spantls.Context.client(trust_anchors_file=CA)
        server = End(Session(spantls.Context.server(credentials_for_names=named)), {Status.NEEDS_SIGNATURE: refuse})
        with self.assertRaises(TlsError):
            shake(End(Session(client, "localhost")), server)
        self.assertEqual([der("server-p256")], asked)

    def test_credentials_that_were_added_already_are_refused(self):
        one = credentials("server-p256")
        with self.assertRaises(TlsError) as caught:
            spantls.Context.server(credentials=[one, one])
        self.assertEqual(Status.INVALID_CONFIGURATION, caught.exception.status)

    def test_a_client_that_is_asked_declines_or_is_suspended_as_it_was_told(self):
        asks = {"client_certificate": spantls.ClientCertificate.REQUEST, "validation": spantls.Validation.AUTOMATIC}
        for mode, asked in ((spantls.CertificateRequests.DECLINE, []), (spantls.CertificateRequests.SUSPEND, [Status.WANT_CREDENTIALS])):
            client, server = open_pair({"certificate_requests": mode, "validation": spantls.Validation.AUTOMATIC},
                                       {**asks, "trust_anchors_file": CA})
            self.assertEqual(asked, client.asked)
            self.assertTrue(client.session.state & spantls.State.CERTIFICATE_ASKED)
            self.assertEqual([], server.session.remote_certificates)


class Sizes(unittest.TestCase):
    def test_the_room_for_ciphertext_is_exactly_enough(self):
        client, server = open_pair()
        for size in (0, 1, 16384, 16385, 100000):
            room = bytearray(client.session.ciphertext_size(size))
            status, consumed, written = client.session.encrypt(bytes(size), room)
            self.assertEqual((Status.COMPLETE, size), (status, consumed))
            self.assertLessEqual(written, len(room))
            server.inbox += room[:written]
            self.assertEqual(bytes(size), server.read())

    def test_the_version_is_that_of_the_header(self):
        self.assertEqual(spantls.VERSION, spantls.library_version())


class Certificates(unittest.TestCase):
    def test_certificates_say_what_the_interpreter_reads_in_them(self):
        for name in ("server-p256", "ca", "client-p256"):
            with self.subTest(name):
                info, theirs = spantls.certificate_info(der(name)), decode(der(name))
                self.assertEqual(ssl.cert_time_to_seconds(theirs["notAfter"]), info.not_after)
                self.assertEqual(ssl.cert_time_to_seconds(theirs["notBefore"]), info.not_before)
                self.assertEqual(hashlib.sha256(der(name)).digest(), info.sha256)
                self.assertEqual(name == "ca", info.is_ca)
                names = [value for kind, value in theirs.get("subjectAltName", ()) if kind == "DNS"]
                self.assertEqual(names, [spantls.certificate_text(der(name), spantls.CertificateField.DNS_NAME, index)
                                         for index in range(info.num_dns_names)])
                self.assertEqual(int(theirs["serialNumber"], 16),
                                 int(spantls.certificate_text(der(name), spantls.CertificateField.SERIAL_NUMBER), 16))
        with self.assertRaises(TlsError) as caught:
            spantls.certificate_info(b"no certificate")
        self.assertEqual(Status.INVALID_ARGUMENT, caught.exception.status)

    def test_a_certificate_is_for_its_names(self):
        for name, expected in (("localhost", True), ("LOCALHOST.", True), ("127.0.0.1", True), ("example.org", False)):
            self.assertEqual(expected, spantls.certificate_matches_name(der("server-p256"), name), name)
        for wrong in ("not a name", "a\0b"):
            with self.assertRaises((TlsError, ValueError)):
                spantls.certificate_matches_name(der("server-p256"), wrong)

    def test_the_peers_certificate_is_read_in_the_session(self):
        client, server = open_pair()
        self.assertEqual(spantls.certificate_info(der("server-p256")), client.session.remote_certificate_info())
        self.assertEqual("localhost", client.session.remote_certificate_text(spantls.CertificateField.DNS_NAME))
        with self.assertRaises(TlsError):
            server.session.remote_certificate_info()


class Ends(unittest.TestCase):
    def test_finish_sends_what_is_owed_and_waits_for_the_peers_end(self):
        client, server, sockets = bound_pair()
        self.assertEqual((Status.COMPLETE, 5), client.write(b"hello"))
        thread = threading.Thread(target=client.finish)
        thread.start()
        room = bytearray(100)
        self.assertEqual((Status.COMPLETE, 5), server.read(room))
        self.assertEqual((Status.CLOSED, 0), server.read(room))
        self.assertEqual(Status.CLOSED, server.finish())
        thread.join()
        self.assertEqual(b"", sockets[0].recv(1))
        self.assertEqual(Status.CLOSED, client.finish())
        for one in sockets:
            one.close()

    def test_finish_is_for_sessions_on_sockets(self):
        client, _ = open_pair()
        with self.assertRaises(TlsError) as caught:
            client.session.finish()
        self.assertEqual(Status.INVALID_STATE, caught.exception.status)


if __name__ == "__main__":
    report.main()
