#!/usr/bin/env python3
"""Makes the wheel: the package and the shared library in it. make_wheel.py LIBRARY FOLDER prints the wheel's path."""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.join(HERE, "spantls")
CLASSIFIERS = ["Programming Language :: Python :: 3", "Topic :: Security :: Cryptography", "Typing :: Typed"]


def version():
    """The package's version as Python writes it (PEP 440): 1.0.0rc1 for 1.0.0-rc.1."""
    with open(os.path.join(PACKAGE, "_native.py"), encoding="utf-8") as file:
        return re.search(r'^VERSION = "(.+)"', file.read(), flags=re.M).group(1).replace("-rc.", "rc")


def metadata(number):
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    lines = ["Metadata-Version: 2.1", "Name: spantls", f"Version: {number}",
             "Summary: TLS 1.2 and 1.3 as a non-blocking state machine over plain buffers, and a drop-in for ssl",
             "License: MIT OR Apache-2.0", "Requires-Python: >=3.9", *(f"Classifier: {c}" for c in CLASSIFIERS),
             "Description-Content-Type: text/markdown", "", readme]
    return "\n".join(lines).encode()


def stripped(library):
    """The library without its debug information, where there is a `strip`."""
    if not shutil.which("strip"):
        with open(library, "rb") as file:
            return file.read()
    with tempfile.TemporaryDirectory() as folder:
        small = os.path.join(folder, "library")
        subprocess.run(["strip", "--strip-debug", "-o", small, library], check=True)
        with open(small, "rb") as file:
            return file.read()


def make(library, folder):
    number = version()
    tag = "py3-none-" + re.sub(r"[-.]", "_", sysconfig.get_platform())
    info = f"spantls-{number}.dist-info"
    files = {}
    for name in sorted(os.listdir(PACKAGE)):
        if name.endswith((".py", ".typed")):
            with open(os.path.join(PACKAGE, name), "rb") as file:
                files[f"spantls/{name}"] = file.read()
    files["spantls/libspantls" + (".dylib" if sys.platform == "darwin" else ".so")] = stripped(library)
    for licence in ("LICENSE-MIT", "LICENSE-APACHE"):
        with open(os.path.join(HERE, "..", "..", licence), "rb") as file:
            files[f"{info}/{licence}"] = file.read()
    files[f"{info}/METADATA"] = metadata(number)
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: make_wheel\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    record = [f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
              for name, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"spantls-{number}-{tag}.whl")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)  # of 1980: the same input gives the same wheel
            entry.external_attr = (0o755 if name.endswith((".so", ".dylib")) else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return path


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: make_wheel.py LIBRARY FOLDER")
    print(make(*sys.argv[1:]))
