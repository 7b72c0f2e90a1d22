"""The C in README.md, and the guide's server, are the text of the small examples; the other C in docs/*.md is compiled; the guide's
server is run, with clients of Python's ssl; links lead somewhere; functions and constants that are named are the header's."""

import glob
import os
import re
import shutil
import signal
import ssl
import socket
import subprocess
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
CERTS = os.path.join(ROOT, "ffi-tests", "certs")
LIBRARY = os.path.abspath(os.environ.get("SPANTLS_LIB") or os.path.join(ROOT, "target", "release", "libspantls.so"))
sys.path[:0] = [os.path.join(ROOT, "ffi-tests"), os.path.join(ROOT, "ffi-tests", "judges")]

import proof  # noqa: E402
import sentences  # noqa: E402

README, GUIDE = os.path.join(ROOT, "README.md"), os.path.join(ROOT, "docs", "guide.md")
EXAMPLES = sorted(glob.glob(os.path.join(ROOT, "examples-c", "small", "*.c")))
DOCUMENTS = [README, *sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))]
# Pieces declare what others take from the prelude, and leave variables unused.
COMPILE = ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-Wno-unused", "-I", os.path.join(ROOT, "include"), "-I", HERE]
SERVER_TITLE = "A server with an event loop"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def blocks(path):
    """The pieces of C of a document: (line, heading, code)."""
    found, heading, start, lines = [], "", None, []
    for number, line in enumerate(read(path).splitlines(), 1):
        if start is None and line.startswith("#"):
            heading = line.lstrip("# ")
        elif start is None and line.strip() == "```c":
            start, lines = number, []
        elif start is not None and line.strip() == "```":
            found.append((start, heading, "\n".join(lines) + "\n"))
            start = None
        elif start is not None:
            lines.append(line)
    return found


def is_shown(code, text):
    """Whether a piece is a run of whole lines of a text, whatever their indentation in common."""
    lines, piece = text.splitlines(), code.splitlines()
    return any(textwrap.dedent("\n".join(lines[at:at + len(piece)])).splitlines() == piece for at in range(len(lines)))


def unit(code):
    """A piece as a translation unit: programs as they are, functions behind the prelude, statements in a function."""
    if re.search(r"^int main\(", code, flags=re.M):
        return code
    if re.search(r"^static .*\{$", code, flags=re.M):
        return f'#include "prelude.h"\n{code}'
    # A piece may stop in the middle of a block, and another may leave out the array that it fills.
    open_blocks = code.count("{") - code.count("}")
    room = "uint8_t answer[4096];\n" if "sizeof answer" in code else ""
    return f'#include "prelude.h"\ntls_status_t piece(void);\ntls_status_t piece(void) {{\n{room}{code}{"}" * open_blocks}\nreturn status;\n}}\n'


class Documents(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="spantls-docs-")
        self.addCleanup(shutil.rmtree, self.folder)

    def compiled(self, code, *arguments):
        source = os.path.join(self.folder, "piece.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(unit(code))
        return subprocess.run([*COMPILE, source, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)

    def test_the_server_of_the_guide_serves_many_clients_at_once(self):
        code = next(code for _, heading, code in blocks(GUIDE) if heading == SERVER_TITLE)
        program, folder = os.path.join(self.folder, "server"), os.path.dirname(LIBRARY)
        done = self.compiled(code, "-g", "-fsanitize=address,undefined", "-o", program, f"-L{folder}", "-lspantls", f"-Wl,-rpath,{folder}")
        self.assertEqual(done.returncode, 0, done.stdout)
        chain, key = os.path.join(CERTS, "server-p256.pem"), os.path.join(CERTS, "server-p256.key")
        # Not its leaks: this server never ends by itself.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        server = subprocess.Popen([program, "127.0.0.1", "0", chain, key], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        try:
            port = int(server.stdout.readline().split()[-1])
            context = ssl.create_default_context(cafile=os.path.join(CERTS, "ca.pem"))
            clients = []
            for _ in range(20):
                raw = socket.create_connection(("127.0.0.1", port), timeout=30)
                clients.append(context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False))
            message = bytes(i % 251 for i in range(100_000))
            for client in clients:
                client.sendall(message)
            for client in clients:
                got = b""
                while len(got) < len(message):
                    part = client.recv(65536)
                    self.assertTrue(part, "the server has closed early")
                    got += part
                self.assertEqual(got, message)
            # One goes without a word, one speaks no TLS; the others say goodbye and are answered.
            clients.pop().close()
            with socket.create_connection(("127.0.0.1", port), timeout=30) as stranger:
                stranger.sendall(b"GET / HTTP/1.0\r\n\r\n" + bytes(50_000))
                stranger.shutdown(socket.SHUT_WR)
                # It gets its alert, whatever of that was not read: no reset overtakes it.
                self.assertEqual(stranger.makefile("rb").read(), bytes([21, 3, 3, 0, 2, 2, 10]))
            for client in clients:
                client.unwrap().close()
            self.assertIsNone(server.poll())
        finally:
            server.send_signal(signal.SIGTERM)
            _, errors = server.communicate(timeout=30)
        self.assertIn("TLS_STATUS_TRUNCATED", errors)
        self.assertIn("TLS_STATUS_PROTOCOL_ERROR", errors)
        self.assertNotIn("Sanitizer", errors)
        self.assertNotIn("runtime error", errors)

    def test_the_C_of_the_README_is_the_text_of_the_examples(self):
        pieces = blocks(README)
        self.assertGreaterEqual(len(pieces), 3)
        for line, _, code in pieces:
            self.assertTrue(any(is_shown(code, read(path)) for path in EXAMPLES), f"line {line} is in no example")

    def test_the_server_of_the_guide_is_an_example(self):
        code = next(code for _, heading, code in blocks(GUIDE) if heading == SERVER_TITLE)
        self.assertEqual(code, read(os.path.join(ROOT, "examples-c", "small", "epoll_server.c")))

    def test_a_piece_that_differs_from_an_example_is_noticed(self):
        text = "int a;\n    if (a)\n        b();\nint c;\n"
        self.assertTrue(is_shown("if (a)\n    b();\n", text))
        for other in ("if (a)\n        b();\n", "if (a)\nint c;\n", "int", "if (a)\n    b();\nint c;\nint d;\n"):
            self.assertFalse(is_shown(other, text), other)

    def test_a_piece_that_is_wrong_does_not_compile(self):
        for wrong in ("status = tls_session_nothing(session);\n", "tls_session_socket_shutdown(session);\nint x = fd;\nx = 1\n",
                      "status = tls_session_socket_read(session, room, sizeof room);\n"):
            self.assertNotEqual(self.compiled(wrong, "-c", "-o", os.devnull).returncode, 0, wrong)

    def test_all_that_is_named_is_in_the_header(self):
        known = set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", " ", read(os.path.join(ROOT, "include", "spantls.h")), flags=re.S)))
        for path in DOCUMENTS:
            # The first column of names.md has the names of ABI 0.
            text = re.sub(r"^\|[^|]*\|", "|", read(path), flags=re.M) if path.endswith("names.md") else read(path)
            named = re.findall(r"`((?:tls|spantls)_\w+)(?:\(\))?`|`((?:TLS|SPANTLS)_[A-Z0-9_]+)`", text)
            missing = sorted({one or other for one, other in named} - known)
            self.assertEqual(missing, [], os.path.basename(path))

    def test_links_lead_somewhere(self):
        for path in DOCUMENTS:
            for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(path)):
                if "://" not in target:
                    self.assertTrue(os.path.exists(os.path.join(os.path.dirname(path), target)), f"{os.path.basename(path)}: {target}")


def add_pieces():
    for path in DOCUMENTS[1:]:
        for line, heading, code in blocks(path):
            def compiles(self, code=code):
                done = self.compiled(code, "-c", "-o", os.devnull)
                self.assertEqual(done.returncode, 0, done.stdout[-3000:])

            sentences.add_test(Documents, f"{os.path.relpath(path, ROOT)}, line {line}: the C under {heading!r} compiles", compiles)


class Proof(unittest.TestCase):
    def test_the_table_of_counts_has_targets_of_the_makefile_that_are_run(self):
        targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", read(os.path.join(ROOT, "Makefile")), re.M))
        targets = {name for names in targets for name in names.split()}
        self.assertLessEqual(set(proof.JUDGES), targets)
        self.assertLessEqual(set(proof.rows(read(proof.PAGE))), set(proof.JUDGES))

    def test_the_last_count_of_a_judge_is_kept_and_other_rows_stay(self):
        page = f"before\n{proof.BEGIN}{proof.END}\nafter\n"
        first, second = list(proof.JUDGES)[:2]
        page = proof.with_row(proof.with_row(page, second, "1 passed, 0 failed"), first, "2 passed, 0 failed")
        again = proof.with_row(page, second, "3 passed, 0 failed")
        self.assertEqual(list(proof.rows(again)), [first, second])
        self.assertEqual(proof.rows(again)[first], proof.rows(page)[first])
        self.assertIn("3 passed, 0 failed", proof.rows(again)[second])
        self.assertTrue(again.startswith("before\n") and again.endswith("after\n"))

    def test_counts_are_found(self):
        for output, counts in (("1 passed, 0 failed\nx: 12 passed, 0 failed, 3 excluded\n", "12 passed, 0 failed, 3 excluded"),
                               ("test result: ok. 3 passed; 0 failed; 1 ignored\ntest result: ok. 4 passed; 0 failed;", "7 passed, 0 failed"),
                               ("nothing", None)):
            self.assertEqual(proof.counted(output), counts)


if __name__ == "__main__":
    add_pieces()
    sentences.main()
