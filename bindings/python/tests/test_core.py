"""The core of the package: every function, spans of every kind, suspensions, errors."""

import array
import enum
import gc
import glob
import hashlib
import mmap
import re
import socket
import ssl
import threading
import unittest

import report
import spantls
from pair import CA, End, credentials, move, open_pair, shake
from spantls import Alert, CertificateField, ChannelBinding, PolicyErrors, Protocol, Session, State, Status, TlsError
from spantls import _certificates, _native


class Interface(unittest.TestCase):
    def test_every_function_is_used_by_the_package(self):
        text = ""
        for path in glob.glob(report.os.path.join(report.os.path.dirname(spantls.__file__), "*.py")):
            if not path.endswith("_native.py"):
                with open(path) as file:
                    text += file.read()
        # Objects have attributes.
        inside = {f"tls_{owner}_{verb}user_data" for owner in ("session", "context") for verb in ("", "set_")}
        self.assertEqual(inside, {name for name in _native.FUNCTIONS if not re.search(r"(?:lib|library)\." + name + r"\b", text)})

    def test_every_enumeration_is_public(self):
        kinds = {name for name, kind in vars(_native).items() if isinstance(kind, enum.EnumMeta)}
        self.assertGreater(len(kinds), 10)
        self.assertEqual(set(), kinds - set(spantls.__all__))

    def test_numbers_have_the_names_of_the_header(self):
        self.assertEqual("SPANTLS_ALERT_UNKNOWN_CA", Alert.UNKNOWN_CA.c_name)
        for status in Status:
            self.assertEqual(status.c_name, spantls.status_name(status))
        self.assertEqual("unknown", spantls.status_name(12345))


class Spans(unittest.TestCase):
    def test_data_comes_from_any_buffer_object(self):
        client, server = open_pair()
        mapped = mmap.mmap(-1, 4096)
        mapped.write(b"mapped")
        for data in (b"bytes", bytearray(b"bytearray"), memoryview(b"readonly view")[3:], array.array("I", [1, 2, 3]),
                     memoryview(bytearray(b"writable view"))[2:], memoryview(mapped)[:6]):
            client.write(memoryview(data).cast("B") if not isinstance(data, array.array) else data.tobytes())
            move(client, server)
            self.assertEqual(bytes(data), server.read())
            room = bytearray(1000)
            status, consumed, written = client.session.encrypt(data, room)
            self.assertEqual((Status.COMPLETE, memoryview(data).nbytes), (status, consumed))
            server.inbox += room[:written]
            self.assertEqual(bytes(data), server.read())
            del data

    def test_output_goes_to_any_writable_buffer(self):
        client, server = open_pair()
        for room in (bytearray(500), memoryview(bytearray(500))[20:], mmap.mmap(-1, 500), array.array("Q", [0] * 60)):
            _, _, written = client.session.encrypt(b"x" * 50, room)
            server.inbox += bytes(memoryview(room).cast("B")[:written])
            self.assertEqual(b"x" * 50, server.read())

    def test_a_read_only_output_and_a_strided_span_are_refused(self):
        client, _ = open_pair()
        with self.assertRaises(TypeError):
            client.session.encrypt(b"x", b"no room")
        with self.assertRaises(BufferError):
            client.session.encrypt(memoryview(b"abcdef")[::2], bytearray(100))
        with self.assertRaises(BufferError):
            client.session.encrypt(b"x", memoryview(bytearray(200))[::2])
        with self.assertRaises(TypeError):
            client.session.encrypt("text", bytearray(100))

    def test_buffers_are_free_again_after_the_call(self):
        client, _ = open_pair()
        data, room = bytearray(b"data"), bytearray(100)
        client.session.encrypt(data, room)
        client.session.encrypt(memoryview(bytes(10)), room)
        data += b"more"
        room += b"more"

    def test_encrypt_vectored_gathers(self):
        client, server = open_pair()
        room = bytearray(1000)
        parts = [b"one ", bytearray(b"two "), memoryview(b"-three")[1:], b""]
        self.assertEqual((Status.COMPLETE, 13), client.session.encrypt_vectored(parts, room)[:2])
        server.inbox += room
        status, consumed, offset, length = server.session.decrypt_in_place(server.inbox)
        self.assertEqual((Status.COMPLETE, b"one two three"), (status, bytes(server.inbox[offset:offset + length])))


class Suspensions(unittest.TestCase):
    def contexts(self, client=None, **server):
        server.setdefault("credentials", credentials("server-p256"))
        return (spantls.Context.client(**{"trust_anchors_file": CA, **(client or {})}), spantls.Context.server(**server))

    def pair(self, contexts, name="localhost", client_answers=None, server_answers=None):
        return (End(Session(contexts[0], name), client_answers), End(Session(contexts[1]), server_answers))

    def test_mutual_authentication_on_demand(self):
        contexts = self.contexts(client_certificate=spantls.ClientCertificate.REQUIRE, trust_anchors_file=CA)
        seen = []

        def show(session):
            seen.append((session.acceptable_issuers, session.acceptable_signature_schemes))
            session.set_client_credentials(credentials("client-p256"))
        client, server = self.pair(contexts, client_answers={Status.WANT_CREDENTIALS: show})
        shake(client, server)
        self.assertEqual([Status.WANT_CREDENTIALS, Status.NEEDS_CERTIFICATE_VALIDATION], client.asked)
        self.assertEqual([Status.NEEDS_CERTIFICATE_VALIDATION], server.asked)
        self.assertTrue(seen[0][0] and 0x0403 in seen[0][1])
        self.assertEqual(client.session.local_certificate, server.session.remote_certificates[0])
        self.assertEqual(0x0403, server.session.peer_signature_scheme)
        self.assertIn(State.CERTIFICATE_ASKED, server.session.state)

    def test_a_refusal_has_its_alert_on_both_sides(self):
        client, server = self.pair(self.contexts(), client_answers={
            Status.NEEDS_CERTIFICATE_VALIDATION: lambda s: s.reject_certificate(Alert.ACCESS_DENIED)})
        with self.assertRaises(TlsError) as caught:
            shake(client, server)
        error = caught.exception
        self.assertEqual((Status.AUTHENTICATION_FAILED, Alert.ACCESS_DENIED, None, "us"),
                         (error.status, error.alert_sent, error.alert_received, error.origin))
        move(client, server)
        with self.assertRaises(TlsError) as caught:
            server.handshake()
        self.assertEqual((Alert.ACCESS_DENIED, "peer"), (caught.exception.alert_received, caught.exception.origin))
        self.assertEqual(Alert.ACCESS_DENIED, server.session.error.alert_received)

    def test_the_default_validation_tells_what_it_would_say(self):
        said = []

        def judge(session):
            said.append(session.default_validation.policy_errors)
            session.set_certificate_validation_result(said[0] & ~PolicyErrors.NAME_MISMATCH)
        contexts = self.contexts()
        client, server = self.pair(contexts, "elsewhere.example", {Status.NEEDS_CERTIFICATE_VALIDATION: judge})
        shake(client, server)
        self.assertEqual([PolicyErrors.NAME_MISMATCH], said)
        with self.assertRaises(TlsError):
            client.session.default_validation.policy_errors

    def test_a_client_without_a_certificate_is_not_available_also_where_it_may_decline(self):
        said = []

        def judge(session):
            said.append((session.default_validation.policy_errors, session.verified_certificates))
            session.accept_with_default_validation()
        contexts = self.contexts(client_certificate=spantls.ClientCertificate.REQUEST, trust_anchors_file=CA)
        client, server = self.pair(contexts, server_answers={Status.NEEDS_CERTIFICATE_VALIDATION: judge},
                                   client_answers={Status.WANT_CREDENTIALS: lambda s: s.set_client_credentials(None)})
        shake(client, server)
        self.assertEqual([(PolicyErrors.NOT_AVAILABLE, [])], said)

    def test_anchors_can_be_judged_as_certificates_and_the_path_is_told(self):
        with open(CA, encoding="ascii") as file:
            root = ssl.PEM_cert_to_DER_cert(file.read())
        client, server = self.pair(self.contexts({"trust_anchor_mode": spantls.TrustAnchors.CERTIFICATES}))
        shake(client, server)
        self.assertEqual([*client.session.remote_certificates, root], client.session.verified_certificates)
        # Long after it has expired.
        client, server = self.pair(self.contexts({
            "trust_anchor_mode": spantls.TrustAnchors.CERTIFICATES, "validation_time": 1 << 40}))
        with self.assertRaises(TlsError) as caught:
            shake(client, server)
        self.assertEqual((PolicyErrors.CHAIN_ERRORS, Alert.CERTIFICATE_EXPIRED),
                         (caught.exception.policy_errors, caught.exception.alert_sent))
        with self.assertRaises(TlsError):
            spantls.Options(validation_time=-2)

    def test_policy_errors_are_in_the_exception(self):
        client, server = self.pair(self.contexts(), "elsewhere.example")
        with self.assertRaises(TlsError) as caught:
            shake(client, server)
        self.assertEqual(PolicyErrors.NAME_MISMATCH, caught.exception.policy_errors)
        self.assertIn("elsewhere.example", caught.exception.message)

    def test_a_server_context_is_chosen_by_the_client_hello(self):
        contexts = self.contexts({"alpn": ["h2", "http/1.1"]})
        hellos = []

        def choose(session):
            hellos.append((session.client_hello, session.ja3, session.ja3_text, session.ja4, session.ja4_text))
            session.set_server_context(contexts[1])
        client = End(Session(contexts[0], "localhost"))
        server = End(Session(spantls.Context.undecided_server()), {Status.NEEDS_SERVER_OPTIONS: choose})
        shake(client, server)
        hello, ja3, ja3_text, ja4, _ = hellos[0]
        self.assertEqual(("localhost", (b"h2", b"http/1.1")), (hello.server_name, hello.alpn))
        self.assertIn(0x1301, hello.cipher_suites)
        self.assertIn(0x0304, hello.supported_versions)
        self.assertIn(spantls.Offers.TLS13, hello.offers)
        self.assertEqual((32, 36, True), (len(ja3), len(ja4), ja3_text.startswith("771,")))
        self.assertEqual(b"", server.session.client_hello_message)

    def test_an_unknown_name_is_rejected(self):
        contexts = self.contexts()
        client = End(Session(contexts[0], "unknown.example"))
        server = End(Session(spantls.Context.undecided_server()),
                     {Status.NEEDS_SERVER_OPTIONS: lambda s: s.reject(Alert.UNRECOGNIZED_NAME)})
        with self.assertRaises(TlsError) as caught:
            shake(client, server)
        self.assertEqual(Alert.UNRECOGNIZED_NAME, caught.exception.alert_sent)

    def test_an_external_key_is_asked_and_may_fail(self):
        with open(report.cert("server-p256.pem"), "rb") as file:
            chain = file.read()
        contexts = self.contexts(credentials=spantls.Credentials.external(chain, [0x0403]))
        asked = []

        def sign(session):
            asked.append(session.signature_request())
            with self.assertRaises(TlsError):
                session.set_signature(b"no signature")
            session.set_signature(b"")
        client, server = self.pair(contexts, server_answers={Status.NEEDS_SIGNATURE: sign})
        with self.assertRaises(TlsError) as caught:
            shake(client, server)
        self.assertEqual(Alert.INTERNAL_ERROR, caught.exception.alert_sent)
        self.assertEqual(0x0403, asked[0][0])
        self.assertIn(b"TLS 1.3, server CertificateVerify", asked[0][1])

    def test_an_answer_may_come_from_another_thread(self):
        def judge(session):
            thread = threading.Thread(target=session.accept_with_default_validation)
            thread.start()
            thread.join()
        client, server = self.pair(self.contexts(), client_answers={Status.NEEDS_CERTIFICATE_VALIDATION: judge})
        shake(client, server)


class Facts(unittest.TestCase):
    def test_getters_tell_what_was_negotiated(self):
        client, server = open_pair({"alpn": ["h2"]}, {"alpn": ["http/1.1", b"h2"]})
        for end in (client, server):
            session = end.session
            self.assertTrue(session.is_handshake_complete)
            self.assertEqual((Protocol.TLS13, "h2", "localhost", -1), (
                session.negotiated_protocol, session.negotiated_alpn, session.target_host_name, session.socket))
            self.assertEqual(0x11EC, session.negotiated_group)
            self.assertIn(session.negotiated_cipher_suite, (0x1301, 0x1302, 0x1303))
            self.assertIsNone(session.ocsp_response)
            self.assertTrue(session.is_channel_binding_sound)
            self.assertIsNone(session.error)
        for kind in (ChannelBinding.ENDPOINT, ChannelBinding.EXPORTER):
            self.assertEqual(client.session.channel_binding(kind), server.session.channel_binding(kind))
        with self.assertRaises(TlsError) as caught:
            client.session.channel_binding(ChannelBinding.UNIQUE)
        self.assertEqual(Status.NOT_SUPPORTED, caught.exception.status)
        self.assertEqual(client.session.export_keying_material("EXPORTER test", 40, b""),
                         server.session.export_keying_material(b"EXPORTER test", 40))
        self.assertEqual(server.session.local_certificate, client.session.remote_certificates[0])
        client.write(b"counted")
        move(client, server)
        server.read()
        self.assertEqual(7, server.session.stats.plaintext_received)
        client.session.shrink(spantls.Shrink.PEER)
        self.assertEqual([], client.session.remote_certificates)

    def test_keys_are_updated_and_the_answer_is_owed(self):
        client, server = open_pair()
        room = bytearray(200)
        status, written = client.session.update_keys(True, room)
        self.assertEqual(Status.COMPLETE, status)
        server.inbox += room[:written]
        server.read()
        self.assertTrue(server.session.has_pending_output)
        server.drain()
        server.write(b"after")
        move(client, server)
        self.assertEqual(b"after", client.read())

    def test_a_client_without_the_extension_is_not_asked_later(self):
        _, server = open_pair()
        with self.assertRaises(TlsError) as caught:
            server.session.request_client_certificate(bytearray(1000))
        self.assertEqual(Status.NOT_SUPPORTED, caught.exception.status)

    def test_closing_and_truncation(self):
        client, server = open_pair()
        self.assertEqual(Status.CLOSED, client.shutdown())
        move(client, server)
        self.assertEqual((b"", Status.CLOSED), (server.read(), server.status))
        self.assertEqual(Status.CLOSED, server.session.end_of_input())
        with self.assertRaises(TlsError) as caught:
            client.session.end_of_input()
        self.assertEqual((Status.TRUNCATED, "transport"), (caught.exception.status, caught.exception.origin))

    def test_sessions_are_resumed(self):
        client = spantls.Context.client(trust_anchors_file=CA)
        server = spantls.Context.server(credentials=credentials("server-p256"))
        resumed = []
        for _ in range(2):
            pair = End(Session(client, "localhost")), End(Session(server))
            shake(*pair)
            pair[0].read()
            resumed.append(bool(pair[0].session.state & State.RESUMED))
        self.assertEqual([False, True], resumed)

    def test_machines_with_the_same_roots_resume_each_others_sessions(self):
        old, following = spantls.TicketRoot(b"the secret of all the machines.."), spantls.TicketRoot(bytearray(range(32)), seal_from=1)

        def machine(name):
            return spantls.Context.server(credentials=credentials(name), ticket_roots=[old], ticket_lifetime=3600, ticket_count=1)

        def resumes(server):
            pair = End(Session(client, "localhost")), End(Session(server))
            shake(*pair)
            pair[0].read()
            self.assertEqual(*(end.session.channel_binding(ChannelBinding.ENDPOINT) for end in pair))
            return bool(pair[1].session.state & State.RESUMED)
        client = spantls.Context.client(trust_anchors_file=CA)
        one, two = machine("server-p256"), machine("server-renewed")
        self.assertEqual([resumes(one), resumes(two)], [False, True])
        two.set_ticket_roots([old, following])
        self.assertEqual([resumes(two), resumes(one)], [True, False])
        one.set_ticket_roots([following])
        one.forget_expired()
        self.assertEqual([resumes(two), resumes(one)], [True, True])
        with self.assertRaises(TlsError):
            client.set_ticket_roots([old])
        with self.assertRaises(TlsError):
            one.set_ticket_roots([old, old])
        self.assertTrue(resumes(one))

    def test_wrong_settings_say_what_is_wrong(self):
        for settings in ({"alpn": [""]}, {"cipher_suites": [1]}, {"groups": [1]}, {"max_fragment_size": 1},
                         {"trust_anchors": b"none"}, {"crls": b"none"}, {"protocols": 7},
                         {"ticket_roots": [spantls.TicketRoot(b"short")]}, {"ticket_count": 17}, {"ticket_lifetime": 604801},
                         {"key_log_file": "/nonexistent/log"}, {"trust_anchors_file": "/nonexistent"}):
            with self.assertRaises(TlsError) as caught:
                spantls.Options(**settings)
            self.assertTrue(caught.exception.message, settings)
        with self.assertRaises(TlsError):
            spantls.Credentials(b"no", b"thing")
        with self.assertRaises(TlsError):
            spantls.Context.server()
        with self.assertRaises(TypeError):
            spantls.Options(unknown=1)
        # C would take what is before the NUL.
        with self.assertRaises(ValueError):
            spantls.Session(spantls.Context.client(spantls.Options())).set_target_host_name("localhost\0.elsewhere.example")
        with self.assertRaises(ValueError):
            spantls.Options(trust_anchors_file=report.cert("ca.pem") + "\0")

    def test_the_library_tells_its_version_and_names(self):
        self.assertRegex(spantls.library_version(), r"^\d+\.\d+\.\d+")
        self.assertEqual("unknown_ca", spantls.alert_name(48))
        for suite in spantls.CipherSuite:
            self.assertEqual("TLS_" + suite.name, spantls.cipher_suite_name(suite))
        for group in spantls.Group:
            self.assertEqual(group.name, spantls.group_name(group).upper())
        for scheme in spantls.SignatureScheme:
            self.assertEqual(scheme.name, spantls.signature_scheme_name(scheme).upper())
        self.assertEqual("unknown", spantls.cipher_suite_name(0))
        self.assertEqual("TLS_STATUS_BUSY", Status.BUSY.c_name)
        self.assertLessEqual(*spantls.suspended_handshakes())


class Certificates(unittest.TestCase):
    def test_what_the_peers_certificate_says_is_what_any_certificate_says(self):
        client, server = open_pair()
        der = client.session.remote_certificates[0]
        info = client.session.remote_certificate_info()
        self.assertEqual(spantls.certificate_info(der), info)
        self.assertEqual(hashlib.sha256(der).digest(), info.sha256)
        self.assertLess(info.not_before, info.not_after)
        self.assertFalse(info.is_ca)
        names = [client.session.remote_certificate_text(CertificateField.DNS_NAME, index) for index in range(info.num_dns_names)]
        self.assertIn("localhost", names)
        subject = client.session.remote_certificate_text(CertificateField.SUBJECT)
        self.assertEqual(spantls.certificate_text(bytearray(der), CertificateField.SUBJECT), subject)
        for call in (lambda: client.session.remote_certificate_info(100),
                     lambda: client.session.remote_certificate_text(CertificateField.DNS_NAME, 100),
                     lambda: spantls.certificate_text(der, CertificateField.URI), lambda: spantls.certificate_info(der[:-1])):
            with self.assertRaises(TlsError) as caught:
                call()
            self.assertEqual(Status.INVALID_ARGUMENT, caught.exception.status)

    def test_a_certificate_is_for_a_name_or_is_not(self):
        client, server = open_pair()
        der = client.session.remote_certificates[0]
        self.assertTrue(spantls.certificate_matches_name(der, "localhost"))
        self.assertFalse(spantls.certificate_matches_name(der, "elsewhere.example"))
        with self.assertRaises(TlsError):
            spantls.certificate_matches_name(der, "not a name")

    def test_certificates_one_after_the_other_are_taken_apart_whatever_their_lengths(self):
        certificates = [b"\x30\x05" + bytes(5), b"\x30\x81\x90" + bytes(0x90), b"\x30\x82\x01\x00" + bytes(0x100),
                        b"\x30\x83\x01\x00\x00" + bytes(0x10000)]
        found = _certificates.from_der(b"".join(certificates))
        self.assertEqual([ssl.DER_cert_to_PEM_cert(one).encode() for one in certificates], found)


class Sockets(unittest.TestCase):
    def test_sessions_on_sockets(self):
        a, b = socket.socketpair()
        client = Session(spantls.Context.client(trust_anchors_file=CA, validation=1), "localhost", socket=a)
        server = Session(spantls.Context.server(credentials=credentials("server-p256")), socket=b)
        self.assertEqual(a.fileno(), client.socket)
        thread = threading.Thread(target=server.handshake)
        thread.start()
        self.assertEqual(Status.COMPLETE, client.handshake())
        thread.join()
        self.assertEqual((Status.COMPLETE, 5), client.write(b"hello"))
        self.assertEqual((Status.COMPLETE, 6), client.write_vectored([b" ", bytearray(b"world")]))
        room, got = bytearray(100), b""
        while len(got) < 11:
            status, count = server.read(room)
            got += room[:count]
        self.assertEqual(b"hello world", got)
        self.assertEqual(Status.CLOSED, client.close_notify())
        self.assertEqual(Status.CLOSED, server.read(room)[0])
        with self.assertRaises(TlsError) as caught:
            client.encrypt(b"", room)
        self.assertEqual(Status.INVALID_STATE, caught.exception.status)

    def test_clear_text_behind_a_close_notify_is_the_hosts(self):
        a, b = socket.socketpair()
        client = Session(spantls.Context.client(trust_anchors_file=CA, validation=1), "localhost", socket=a)
        server = Session(spantls.Context.server(credentials=credentials("server-p256")), socket=b)
        for one in (a, b):
            one.setblocking(False)
        while (client.handshake(), server.handshake()) != (Status.COMPLETE, Status.COMPLETE):
            pass
        with self.assertRaises(TlsError) as caught:
            server.bytes_after_close()
        self.assertEqual(caught.exception.status, Status.INVALID_STATE)
        self.assertEqual(client.close_notify(), Status.CLOSED)
        clear = bytes(range(200)) * 5
        self.assertEqual(a.send(clear), len(clear))
        self.assertEqual(server.read(bytearray(100)), (Status.CLOSED, 0))
        self.assertEqual(server.bytes_after_close(), clear)
        client.close()
        server.close()
        a.close()
        b.close()

    def test_a_socket_stays_the_hosts_where_its_session_cannot_be_made(self):
        one, other = socket.socketpair()
        with one, other:
            context = spantls.Context.client(spantls.Options())
            with self.assertRaises(TlsError):
                Session(context, "no name", socket=one, socket_flags=spantls.SocketFlags.OWN)
            one.sendall(b"x")
            self.assertEqual(other.recv(1), b"x")

    def test_an_error_of_the_system_has_its_number(self):
        a, b = socket.socketpair()
        client = Session(spantls.Context.client(trust_anchors_file=CA), "localhost", socket=a)
        b.close()
        with self.assertRaises(TlsError) as caught:
            client.handshake()
        self.assertTrue(caught.exception.os_error or caught.exception.status == Status.TRUNCATED)


class Life(unittest.TestCase):
    def test_objects_go_in_any_order(self):
        for order in range(6):
            client, server = open_pair()
            things = [client.session, server.session, spantls.Options()]
            for index in (order % 3, (order + 1 + order // 3) % 3):
                things[index].close()
            del client, server, things
            gc.collect()

    def test_a_closed_session_says_so(self):
        client, _ = open_pair()
        with client.session:
            pass
        client.session.close()
        with self.assertRaises(TlsError) as caught:
            client.session.encrypt(b"x", bytearray(100))
        self.assertEqual((Status.INVALID_STATE, "the session is closed"),
                         (caught.exception.status, caught.exception.message))
        self.assertEqual(0, client.session.state)

    def test_a_context_may_go_before_its_sessions(self):
        context = spantls.Context.client(trust_anchors_file=CA)
        with context:
            session = Session(context, "localhost")
        self.assertFalse(context.is_server)
        status, _, written = session.process_handshake(b"", bytearray(3000))
        self.assertEqual((Status.WANT_READ, True), (status, written > 100))


if __name__ == "__main__":
    report.main()
