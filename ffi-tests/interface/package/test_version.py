#!/usr/bin/env python3
"""The version is written in Cargo.toml, and the ABI's number is its first one. What can read it there does so when it is built;
the rest has copies, which are compared here. A copy that this test does not know fails it.

Environment: SPANTLS_LIB. Needs git for the last test.
"""

import ctypes
import os
import re
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
LIBRARY = os.environ.get("SPANTLS_LIB") or os.path.join(ROOT, "target", "release", "libspantls.so")
sys.path.insert(0, os.path.join(ROOT, "ffi-tests"))

import sentences  # noqa: E402


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


VERSION = re.search(r'^version = "(.*)"', read("Cargo.toml"), flags=re.M).group(1)
RELEASE = VERSION.partition("-")[0]
MAJOR, MINOR, PATCH = RELEASE.split(".")
ABI = MAJOR

# Where copies are, and each one's form. `make header bindings` writes those marked so; a person writes the others (RELEASING.md).
COPIES = {
    "Cargo.lock": f'name = "spantls"\nversion = "{VERSION}"',  # cargo
    "fuzz/Cargo.lock": f'name = "spantls"\nversion = "{VERSION}"',  # cargo, by make fuzz
    "include/spantls.h": f'#define SPANTLS_VERSION "{VERSION}"',  # make header
    "bindings/python/spantls/_native.py": f'VERSION = "{VERSION}"',  # make bindings
    "bindings/dotnet/SpanTls/NativeMethods.cs": f'const string Version = "{VERSION}"',  # make bindings
    "bindings/dotnet/SpanTls/SpanTls.csproj": f"<Version>{VERSION}</Version>",
    "packaging/cmake/spantls-config-version.cmake": f'set(PACKAGE_VERSION "{RELEASE}")',
    "CHANGELOG.md": f"\n## {VERSION}\n",
}
ABI_COPIES = {
    "build.rs": [f"-soname,libspantls.so.{ABI}", f"@rpath/libspantls.{ABI}.dylib"],
    "src/ffi/library.rs": [f"SPANTLS_ABI_VERSION: u32 = {ABI};"],
    "include/spantls.h": [f"#define SPANTLS_ABI_VERSION {ABI}\n"],
    "packaging/cmake/spantls-config.cmake": [f'"libspantls.so.{ABI}"', f'"@rpath/libspantls.{ABI}.dylib"'],
    "Makefile": [f"libspantls.so.{ABI}"],
    "ffi-tests/interface/abi/symbols.txt": [f"SONAME libspantls.so.{ABI}\n"],
    "ffi-tests/interface/abi/constants.txt": [f"SPANTLS_ABI_VERSION {ABI}\n"],
}
# Texts that speak of versions; the benchmarks say which was measured.
PROSE = ("README.md", "RELEASING.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "bindings/python/make_wheel.py",
         "bindings/python/spantls/__init__.py", "docs/benchmarks.md")


class Versions(unittest.TestCase):
    def test_each_copy_of_the_version_is_that_of_Cargo_toml(self):
        for path, form in COPIES.items():
            with self.subTest(path):
                self.assertIn(form, read(path))

    def test_the_numbers_of_the_header_are_those_of_the_version(self):
        text = read("include/spantls.h")
        for name, number in (("MAJOR", MAJOR), ("MINOR", MINOR), ("PATCH", PATCH)):
            self.assertIn(f"#define SPANTLS_VERSION_{name} {number}\n", text)
        self.assertIn("#define SPANTLS_VERSION_NUMBER 0x" + "".join(f"{int(n):02x}" for n in (MAJOR, MINOR, PATCH)), text)

    def test_the_ABI_has_the_version_s_first_number_everywhere(self):
        for path, forms in ABI_COPIES.items():
            text = read(path)
            for form in forms:
                with self.subTest(path):
                    self.assertIn(form, text)
            with self.subTest(path):
                self.assertEqual(set(re.findall(r"libspantls\.so\.(\d+)|libspantls\.(\d+)\.dylib", text)) -
                                 {(ABI, ""), ("", ABI)}, set())

    def test_the_built_library_says_the_same(self):
        library = ctypes.CDLL(os.path.abspath(LIBRARY))
        library.spantls_version.restype = ctypes.c_char_p
        self.assertEqual(library.spantls_version().decode(), VERSION)
        self.assertEqual(library.spantls_abi_version(), int(ABI))

    def test_there_are_no_other_copies(self):
        listed = subprocess.run(["git", "-C", ROOT, "grep", "-lF", "-e", VERSION], stdout=subprocess.PIPE, text=True)
        if listed.returncode > 1:
            self.skipTest("this is not a checkout")
        found = {path for path in listed.stdout.split() if not path.startswith("src/")}
        self.assertEqual(found - set(COPIES) - set(PROSE) - {"Cargo.toml"}, set())


if __name__ == "__main__":
    sentences.main()
