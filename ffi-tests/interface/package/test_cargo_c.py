"""The tree that `cargo cinstall` (cargo-c) makes is that of `make install`. Installs cargo-c in target/cargo-c, and says so: some
minutes, once."""

import os
import shutil
import subprocess
import unittest

import test_package
from test_package import ROOT, Installed, run, sentences

TOOL = os.path.join(ROOT, "target", "cargo-c")
# The newest that is built with the oldest Rust that the library is (rust-version in Cargo.toml): each of cargo-c's wants a newer one.
CARGO_C = "cargo-c@0.10.20"
CARGO = os.environ.get("CARGO", "cargo")


class CargoC(Installed, unittest.TestCase):
    @staticmethod
    def install(prefix):
        path = os.path.join(TOOL, "bin") + os.pathsep + os.environ["PATH"]
        # A build folder of its own: what is in target/release stays what `make build` has made.
        run(CARGO, "cinstall", "--locked", "--release", f"--prefix={prefix}", f"--libdir={prefix}/lib",
            "--target-dir", os.path.join(TOOL, "build"), cwd=ROOT, env={"PATH": path})


if __name__ == "__main__":
    test_package.install_tools()
    if not shutil.which("cargo-cinstall", path=os.path.join(TOOL, "bin") + os.pathsep + os.environ["PATH"]):
        print(f"installing {CARGO_C} in target/cargo-c", flush=True)
        subprocess.run([CARGO, "install", "--quiet", "--locked", "--root", TOOL, CARGO_C], check=True)
    sentences.main()
