"""The NuGet package, unpacked as a program's own: the client of README.md fetches a page from a server of Python's ssl."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile

import run
import toolchain

sys.path.insert(0, os.path.join(run.HERE, ".."))
sys.path.insert(0, os.path.join(toolchain.ROOT, "ffi-tests", "interface", "package"))

import pack  # noqa: E402
import test_package as pages  # noqa: E402
from test_package import sentences  # noqa: E402


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="spantls-nupkg-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.package = pack.pack(run.environment()["SPANTLS_LIB"], cls.folder)

    def test_the_package_has_its_parts_in_their_places(self):
        with zipfile.ZipFile(self.package) as archive:
            names = set(archive.namelist())
            self.assertIn('<license type="expression">MIT OR Apache-2.0</license>', archive.read("SpanTls.nuspec").decode())
        self.assertEqual(names, {"SpanTls.nuspec", "[Content_Types].xml", "_rels/.rels", "lib/net8.0/SpanTls.dll",
                                 "lib/net8.0/SpanTls.xml", "runtimes/linux-x64/native/libspantls.so", "README.md"})

    def test_the_same_sources_make_the_same_package(self):
        with open(self.package, "rb") as file:
            first = file.read()
        with open(pack.pack(run.environment()["SPANTLS_LIB"], os.path.join(self.folder, "again")), "rb") as file:
            self.assertEqual(first, file.read())

    def test_the_client_of_the_README_fetches_a_page(self):
        place = os.path.join(self.folder, "client")
        with zipfile.ZipFile(self.package) as archive:
            archive.extractall(place)
        with open(os.path.join(run.HERE, "..", "README.md"), encoding="utf-8") as file:
            program = re.search(r"```csharp\n(.*?)```", file.read(), flags=re.S).group(1)
        source = os.path.join(place, "Client.cs")
        with open(source, "w", encoding="utf-8") as file:
            file.write("using System;\nusing System.IO;\n" + program)
        dll = os.path.join(place, "lib", "net8.0", "SpanTls.dll")
        subprocess.run([toolchain.PYTHON, os.path.join(run.HERE, "..", "tools", "compile.py"), os.path.join(place, "Client.dll"),
                        "--reference", dll, source], check=True)
        # Where the SDK would put them.
        shutil.copy(dll, place)
        shutil.copy(os.path.join(place, "runtimes", "linux-x64", "native", "libspantls.so"), place)
        server = pages.serve(self)
        environment = run.environment()
        del environment["SPANTLS_LIB"]
        done = subprocess.run([os.path.join(toolchain.RUNTIME, "dotnet"), os.path.join(place, "Client.dll"), "localhost",
                               str(server.server_port), os.path.join(pages.CERTS, "ca.pem")],
                              capture_output=True, text=True, env=environment, timeout=60)
        self.assertIn("a page over TLSv1.3", done.stdout, done.stderr)


if __name__ == "__main__":
    try:
        toolchain.ensure()
    except toolchain.Unavailable as reason:
        print(f"skipped - the package of SpanTls: {reason}\n0 passed, 0 failed")
        sys.exit(0)
    sentences.main()
