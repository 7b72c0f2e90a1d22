"""The core of the package: every function, spans of every kind, suspensions, errors."""

import array
import gc
import mmap
import re
import socket
import threading
import unittest

import report
import spantls
from pair import CA, End, credentials, move, open_pair, shake
from spantls import Alert, ChannelBinding, PolicyErrors, Protocol, Session, State, Status, TlsError
from spantls import _library


class Header(unittest.TestCase):
    def setUp(self):
        with open(report.os.path.join(report.ROOT, "include", "spantls.h")) as file:
            self.text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)

    def test_every_function_of_the_header_is_declared_with_as_many_arguments(self):
        declared = dict(re.findall(r"\b((?:tls|spantls)_\w+)\(([^)]*)\)", self.text))
        self.assertEqual(set(declared), {name for name, _, _ in _library.FUNCTIONS})
        for name, _, arguments in _library.FUNCTIONS:
            listed = declared[name].strip()
            self.assertEqual(0 if listed == "void" else listed.count(",") + 1, len(arguments), name)

    def test_every_function_is_used_by_the_package(self):
        import glob
        text = ""
        for path in glob.glob(report.os.path.join(report.os.path.dirname(spantls.__file__), "*.py")):
            if not path.endswith("_library.py"):
                with open(path) as file:
                    text += file.read()
        inside = {"spantls_abi_version"}
        self.assertEqual(inside, {n for n, _, _ in _library.FUNCTIONS if not re.search(r"lib\." + n + r"\b", text)})

    def test_every_number_of_the_header_is_there(self):
        kinds = {"TLS_STATUS_": Status, "TLS_ERROR_": Status, "TLS_PROTOCOL_": Protocol, "TLS_STATE_": State,
                 "TLS_CLIENT_CERTIFICATE_": spantls.ClientCertificate, "TLS_VALIDATION_": spantls.Validation,
                 "TLS_POLICY_ERROR_": PolicyErrors, "TLS_CHANNEL_BINDING_": ChannelBinding,
                 "SPANTLS_OFFERS_": spantls.Offers, "SPANTLS_ALERT_": Alert, "TLS_SOCKET_": spantls.SocketFlags}
        numbers = re.findall(r"^\s+((?:TLS|SPANTLS)_\w+) = (-?\d+),", self.text, flags=re.M)
        self.assertGreater(len(numbers), 70)
        for name, value in numbers:
            prefix = next(prefix for prefix in kinds if name.startswith(prefix))
            self.assertEqual(int(value), kinds[prefix][name[len(prefix):]], name)


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


if __name__ == "__main__":
    report.main()
