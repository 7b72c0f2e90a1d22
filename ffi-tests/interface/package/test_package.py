"""`make install`, and projects outside of the tree that use what it has put there: pkg-config and CMake, shared and
static, each fetching a page from a server of Python's ssl. Installs cmake and pkg-config if they are missing, and says so."""

import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
CERTS = os.path.join(ROOT, "ffi-tests", "certs")
sys.path.insert(0, os.path.join(ROOT, "ffi-tests"))

import sentences  # noqa: E402

with open(os.path.join(ROOT, "Cargo.toml"), encoding="utf-8") as _file:
    VERSION = re.search(r'^version = "(.*)"', _file.read(), flags=re.M).group(1)
# The numbers alone: in the file's name and for CMake.
RELEASE = VERSION.partition("-")[0]

TREE = [
    "include/spantls.h", "lib/libspantls.a", "lib/libspantls.so", "lib/libspantls.so.1", f"lib/libspantls.so.{RELEASE}",
    "lib/pkgconfig/spantls.pc", "share/cmake/spantls/spantls-config-version.cmake",
    "share/cmake/spantls/spantls-config.cmake",
    *(f"share/doc/spantls/examples/{name}" for name in os.listdir(os.path.join(ROOT, "examples-c", "small")) if name.endswith(".c")),
]


def install_tools():
    missing = [package for tool, package in [("cmake", "cmake"), ("pkg-config", "pkg-config")] if not shutil.which(tool)]
    if missing:
        subprocess.run([os.path.join(ROOT, "ffi-tests", "install.sh"), *missing], check=True)


def run(*command, **options):
    environment = {**os.environ, **options.pop("env", {})}
    # A make above this one must not pass its own variables on.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        environment.pop(name, None)
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, **options)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}:\n{result.stdout[-3000:]}")
    return result.stdout


def make(target, **variables):
    # What is built already is what is tested.
    run("make", "-C", ROOT, "-o", "build", target, *(f"{name}={value}" for name, value in variables.items()))


def files(folder):
    found = []
    for path, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(path, name), folder) for name in names]
    return sorted(found)


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"a page over " + self.connection.version().encode())

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request, client_address):
        super().finish_request(request, client_address)
        # BaseServer closes without a close_notify: a client could not tell the end from a cut.
        request.unwrap()


def serve(case):
    """A server of pages, until the class or the test is done."""
    server = Server(("127.0.0.1", 0), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(CERTS, "server-p256.pem"), os.path.join(CERTS, "server-p256.key"))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (case.addClassCleanup if isinstance(case, type) else case.addCleanup)(server.shutdown)
    return server


class Installed:
    """What holds for each way to install it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="spantls-package-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = os.path.join(cls.folder, "prefix")
        cls.install(cls.prefix)
        cls.server = serve(cls)

    def project(self, name):
        """A copy of the consumer outside of the tree."""
        folder = os.path.join(self.folder, name)
        shutil.copytree(os.path.join(HERE, "consumer"), folder)
        return folder

    def fetches(self, program, **env):
        port = str(self.server.server_port)
        page = run(program, "localhost", port, os.path.join(CERTS, "ca.pem"), env=env)
        self.assertIn("a page over TLSv1.3", page)

    def needs_library(self, program):
        return "libspantls.so.1" in run("readelf", "-d", program)

    def test_install_puts_every_file_in_its_place(self):
        self.assertEqual(files(self.prefix), sorted(TREE))
        for link in ("libspantls.so", "libspantls.so.1"):
            self.assertEqual(os.readlink(os.path.join(self.prefix, "lib", link)), f"libspantls.so.{RELEASE}")

    def test_a_project_with_pkg_config_links_the_shared_and_the_static_library(self):
        folder = self.project("pkg-config")
        env = {"PKG_CONFIG_PATH": os.path.join(self.prefix, "lib", "pkgconfig")}
        self.assertEqual(run("pkg-config", "--modversion", "spantls", env=env).strip(), VERSION)
        run("make", "-C", folder, "page-shared", "page-static", env=env)
        shared, static = os.path.join(folder, "page-shared"), os.path.join(folder, "page-static")
        self.assertTrue(self.needs_library(shared))
        self.assertFalse(self.needs_library(static))
        self.fetches(shared, LD_LIBRARY_PATH=os.path.join(self.prefix, "lib"))
        self.fetches(static)

    def build_with_cmake(self, folder, prefix):
        run("cmake", "-S", folder, "-B", os.path.join(folder, "build"), f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", os.path.join(folder, "build"))
        return os.path.join(folder, "build", "page-shared"), os.path.join(folder, "build", "page-static")

    def test_a_project_with_CMake_links_the_shared_and_the_static_library(self):
        shared, static = self.build_with_cmake(self.project("cmake"), self.prefix)
        self.assertTrue(self.needs_library(shared))
        self.assertFalse(self.needs_library(static))
        # CMake gives programs in its build folder the place of the library.
        self.fetches(shared)
        self.fetches(static)

    def test_the_examples_that_are_installed_are_built_against_what_is_installed(self):
        env = {**os.environ, "PKG_CONFIG_PATH": os.path.join(self.prefix, "lib", "pkgconfig")}
        flags = run("pkg-config", "--cflags", "--libs", "spantls", env=env).split()
        examples = os.path.join(self.prefix, "share", "doc", "spantls", "examples")
        program = os.path.join(self.folder, "socket_client")
        run("cc", os.path.join(examples, "socket_client.c"), "-o", program, *flags)
        self.assertTrue(self.needs_library(program))

    def test_CMake_takes_this_version_and_no_other_series(self):
        folder = os.path.join(self.folder, "versions")
        os.mkdir(folder)
        major, minor, patch = RELEASE.split(".")
        cases = [
            (f"{major}.{minor}", True), (RELEASE, True), (f"{RELEASE} EXACT", True), ("", True),
            (f"{major}.{int(minor) + 1}", False), (f"{major}.{minor}.{int(patch) + 1}", False), ("0.1", False), (f"{int(major) + 1}.0", False),
            (f"{major}.{minor}.{int(patch) + 1} EXACT", False),
        ]
        for wanted, fits in cases:
            with open(os.path.join(folder, "CMakeLists.txt"), "w", encoding="utf-8") as file:
                file.write("cmake_minimum_required(VERSION 3.16)\nproject(versions C)\n"
                           f"find_package(spantls {wanted})\n"
                           'file(WRITE "${CMAKE_BINARY_DIR}/found" "${spantls_FOUND} ${spantls_VERSION}")\n')
            build = os.path.join(folder, "build")
            shutil.rmtree(build, ignore_errors=True)
            run("cmake", "-S", folder, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}")
            with open(os.path.join(build, "found"), encoding="utf-8") as file:
                found, _, version = file.read().partition(" ")
            self.assertEqual(found == "1", fits, f"find_package(spantls {wanted})")
            if fits:
                self.assertEqual(version, RELEASE)


class Package(Installed, unittest.TestCase):
    @staticmethod
    def install(prefix):
        make("install", PREFIX=prefix)

    def test_make_builds_in_target_wherever_cargo_is_told_to_build(self):
        elsewhere = os.path.join(self.folder, "elsewhere")
        # The second one is the configuration's build.target-dir.
        for setting in ("CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"):
            run("make", "-C", ROOT, "build", env={setting: elsewhere})
            self.assertFalse(os.path.exists(elsewhere), setting)
        # Not `clean`: make runs lines that call make again, even if it is only to print them.
        for target in ("test-rust", "test-rust-quick", "test-aws-lc", "abi-lib", "lint", "bench", "bench-handshake"):
            for line in run("make", "-n", "-C", ROOT, "-o", "build", "CARGO=a-cargo", target).splitlines():
                if "a-cargo" in line and "a-cargo fmt" not in line:
                    self.assertIn("--target-dir target", line)

    def test_uninstall_leaves_nothing_of_ours(self):
        prefix = os.path.join(self.folder, "gone")
        make("install", PREFIX=prefix)
        make("uninstall", PREFIX=prefix)
        self.assertEqual(files(prefix), [])

    def test_a_packager_can_stage_it_under_DESTDIR_with_folders_of_his_own(self):
        stage = os.path.join(self.folder, "stage")
        make("install", PREFIX="/usr", LIBDIR="/usr/lib/special", DESTDIR=stage)
        expected = [os.path.join("usr", path).replace("usr/lib/", "usr/lib/special/") for path in TREE]
        self.assertEqual(files(stage), sorted(expected))
        with open(os.path.join(stage, "usr/lib/special/pkgconfig/spantls.pc"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("libdir=/usr/lib/special\n", text)
        self.assertNotIn(stage, text)

    def test_a_tree_that_was_moved_is_still_found_by_CMake(self):
        first, moved = os.path.join(self.folder, "first"), os.path.join(self.folder, "moved")
        make("install", PREFIX=first)
        os.rename(first, moved)
        shared, static = self.build_with_cmake(self.project("moved-cmake"), moved)
        self.fetches(shared)
        self.fetches(static)


if __name__ == "__main__":
    install_tools()
    sentences.main()
