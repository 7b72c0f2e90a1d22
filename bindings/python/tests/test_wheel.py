"""The wheel in a clean environment: installed with pip, it runs the client of README.md against a server."""

import os
import re
import subprocess
import sys
import tempfile
import threading
import unittest
import http.server
import ssl

import report

PACKAGE = os.path.dirname(report.HERE)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a page from a local server")

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Says close_notify at the end."""

    def shutdown_request(self, request):
        try:
            request.unwrap().close()
        except OSError:
            request.close()


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        made = subprocess.run([sys.executable, os.path.join(PACKAGE, "make_wheel.py"), os.environ["SPANTLS_LIB"],
                               cls.folder.name], check=True, stdout=subprocess.PIPE, text=True)
        cls.wheel = made.stdout.strip()
        home = os.path.join(cls.folder.name, "clean")
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        cls.python = os.path.join(home, "bin", "python")
        subprocess.run([cls.python, "-m", "pip", "-q", "install", "--no-index", "--disable-pip-version-check", cls.wheel],
                       check=True)
        cls.environment = {key: value for key, value in os.environ.items()
                           if key not in ("SPANTLS_LIB", "PYTHONPATH")}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_clean(self, code):
        return subprocess.run([self.python, "-c", code], cwd=self.folder.name, env=self.environment, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_the_wheel_has_a_tag_of_this_platform_and_its_library(self):
        self.assertRegex(os.path.basename(self.wheel), r"^spantls-\d+\.\d+\.\d+(rc\d+)?-py3-none-\w+\.whl$")
        done = self.run_clean("import spantls, importlib.metadata as m; print(spantls.__version__, m.version('spantls'))")
        self.assertEqual(*done.stdout.split())
        done = self.run_clean("import spantls, os; from spantls import _library; print(_library.lib._name)")
        self.assertIn(os.path.join("site-packages", "spantls", "libspantls"), done.stdout)

    def test_the_client_of_the_readme_fetches_a_page(self):
        with open(os.path.join(PACKAGE, "README.md"), encoding="utf-8") as file:
            code = re.search(r"```python\n(.*?)```", file.read(), flags=re.S).group(1)
        self.assertLessEqual(len(code.splitlines()), 11)
        server = Server(("127.0.0.1", 0), Page)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(report.cert("server-p256.pem"), report.cert("server-p256.key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            code = code.replace("8443", str(server.server_address[1])).replace('"ca.pem"', repr(report.cert("ca.pem")))
            done = self.run_clean(code)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        self.assertEqual(0, done.returncode, done.stdout)
        self.assertTrue(done.stdout.endswith("a page from a local server"), done.stdout)

    def test_every_file_is_as_the_record_says(self):
        done = subprocess.run([self.python, "-m", "pip", "check"], stdout=subprocess.PIPE, text=True)
        self.assertEqual(0, done.returncode, done.stdout)
        code = ("import importlib.metadata as m, hashlib, base64\n"
                "for f in m.files('spantls'):\n"
                "    if f.hash and f.hash.mode == 'sha256':\n"
                "        d = hashlib.sha256(f.locate().read_bytes()).digest()\n"
                "        assert base64.urlsafe_b64encode(d).rstrip(b'=').decode() == f.hash.value, f\n"
                "print('all')")
        self.assertIn("all", self.run_clean(code).stdout)


if __name__ == "__main__":
    report.main()
