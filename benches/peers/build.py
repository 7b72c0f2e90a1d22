"""The peers of the comparison: where each comes from and how its program is made. Everything is made in target/peers, once."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLACE = ROOT / "target" / "peers"
CERTIFICATES = ROOT / "ffi-tests" / "certs"
WARNINGS = "-std=gnu11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -O2 -g".split()
CARGO = os.environ.get("CARGO", "cargo")

sys.path.insert(0, str(HERE.parent / "load"))

import servers  # noqa: E402

Unavailable = servers.Unavailable


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def logged(name, *command, **environment):
    """A command that must succeed; what it says is in a file."""
    PLACE.mkdir(parents=True, exist_ok=True)
    log = PLACE / f"{name}.log"
    with open(log, "w", encoding="utf-8") as file:
        try:
            done = subprocess.run([str(word) for word in command], stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  env={**os.environ, **environment}, check=False)
        except OSError as error:
            raise Unavailable(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        raise Unavailable(f"{name} could not be built: see {log}")


def is_newer(program, inputs):
    return program.exists() and all(path.stat().st_mtime <= program.stat().st_mtime for path in inputs)


def compiled(name, sources, flags, libraries):
    """A program that the C compiler makes."""
    program, files = PLACE / name, [HERE / source for source in sources]
    if not is_newer(program, [*files, HERE / "peer.h", *(Path(word) for word in libraries if str(word).startswith("/"))]):
        logged(name, "cc", *WARNINGS, *flags, "-rdynamic", "-o", f"{program}.new", *files, *libraries, "-ldl", "-lpthread")
        os.replace(f"{program}.new", program)  # the old one may be running
    return program


@functools.lru_cache(maxsize=1)
def counter():
    """What counts allocations, to be loaded before a program."""
    library = PLACE / "count.so"
    if not is_newer(library, [HERE / "count.c"]):
        logged("count", "cc", *WARNINGS, "-shared", "-fPIC", "-o", library, HERE / "count.c")
    return library


# --- Where they come from -----------------------------------------------------------------------------------------------------

def spantls(name, target, features, library=None):
    """Linked with the shared library, as a host is. `library` is one that has been built already."""
    if library is None:
        say(f"{name}: cargo build")
        logged(f"{name}-library", CARGO, "build", "--release", "--lib", "--target-dir", target, *features, "--manifest-path",
               ROOT / "Cargo.toml")
        library = target / "release" / "libspantls.so"
        program = name
    else:
        program = f"{name}-{hashlib.sha256(str(library).encode()).hexdigest()[:8]}"
    # A copy: another build does not change what is being measured.
    folder = PLACE / f"{program}.lib"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(library, folder / "libspantls.so.new")
    os.replace(folder / "libspantls.so.new", folder / "libspantls.so.1")  # the old one may be in use
    return compiled(program, ["main.c", "work.c", "spantls.c"], [f"-I{ROOT / 'include'}"],
                    [folder / "libspantls.so.1", f"-Wl,-rpath,{folder}"])


def debian_openssl(name):
    if not servers.install_openssl_headers():
        raise Unavailable("libssl-dev is not installed")
    return compiled(name, ["main.c", "work.c", "openssl.c"], [], ["-lssl", "-lcrypto"])


def crate_openssl(name, version):
    folder = servers.build_openssl(version)
    return compiled(name, ["main.c", "work.c", "openssl.c"], [f"-I{folder}/include"],
                    [folder / "lib" / "libssl.a", folder / "lib" / "libcrypto.a"])


# The folders of a crate's headers, by the feature of programs/Cargo.toml.
HEADERS = {"boringssl": ("boring-sys", ["deps/boringssl/include"]),
           "aws-lc-libssl": ("aws-lc-sys", ["generated-include", "aws-lc/include"]),
           "s2n-tls": ("s2n-tls-sys", ["lib", "lib/api"]),
           "rustls-ffi": ("rustls-ffi", ["src"])}
# The programs that those crates need to be built, and their Debian packages. BoringSSL and AWS-LC want libclang.
TOOLS = {"cmake": "cmake", "ninja": "ninja-build", "clang-14": "clang-14"}
LIBCLANG = Path("/usr/lib/llvm-14/lib")


@functools.lru_cache(maxsize=1)
def crates():
    done = subprocess.run([CARGO, "metadata", "--format-version", "1", "--locked", "--all-features", "--manifest-path",
                           HERE / "programs" / "Cargo.toml"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"cargo metadata: {done.stderr.strip()[-300:]}")
    return {package["name"]: Path(package["manifest_path"]).parent for package in json.loads(done.stdout)["packages"]}


def crate(name, feature):
    """Linked by cargo, with what the crate says about linking."""
    program, programs = PLACE / name, HERE / "programs"
    if is_newer(program, [*HERE.glob("*.[ch]"), *programs.glob("*.*"), *programs.glob("src/*")]):
        return program
    if not (LIBCLANG / "libclang.so").exists() and not list(LIBCLANG.glob("libclang*.so*")):
        servers.install(**{**TOOLS, "libclang": "libclang-14-dev"})
    servers.install(**TOOLS)
    package, folders = HEADERS.get(feature, (None, []))
    include = ":".join(str(crates()[package] / folder) for folder in folders)
    say(f"{name}: cargo build --features {feature}")
    logged(name, CARGO, "build", "--release", "--locked", "--features", feature, "--manifest-path",
           HERE / "programs" / "Cargo.toml", "--target-dir", PLACE / "build", LIBCLANG_PATH=str(LIBCLANG), PEER_INCLUDE=include)
    # The copy is new even if cargo has had nothing to do.
    shutil.copy(PLACE / "build" / "release" / "peer", f"{program}.new")
    os.replace(f"{program}.new", program)
    return program


AWS_LC = ("--no-default-features", "--features", "aws-lc-rs,encrypted-keys")
MAKERS = {
    "spantls-ring": lambda name, library: spantls(name, ROOT / "target", (), library or os.environ.get("SPANTLS_LIB")),
    "spantls-aws-lc-rs": lambda name, library: spantls(name, ROOT / "target" / "aws-lc", AWS_LC, library),
    "rustls-ring": lambda name, _: crate(name, "rustls-ring"),
    "rustls-aws-lc-rs": lambda name, _: crate(name, "rustls-aws-lc-rs"),
    "rustls-ffi": lambda name, _: crate(name, "rustls-ffi"),
    "openssl-3.0": lambda name, _: debian_openssl(name),
    "openssl-3.5": lambda name, _: crate_openssl(name, "3.5"),
    "openssl-4.0": lambda name, _: crate_openssl(name, "4.0"),
    "boringssl": lambda name, _: crate(name, "boringssl"),
    "aws-lc": lambda name, _: crate(name, "aws-lc-libssl"),
    "s2n-tls": lambda name, _: crate(name, "s2n-tls"),
    "bare-ring": lambda name, _: crate(name, "bare-ring"),
    "bare-aws-lc-rs": lambda name, _: crate(name, "bare-aws-lc-rs"),
    "copy": lambda name, _: compiled(name, ["main.c", "work.c", "copy.c"], [], []),
}
OURS = ("spantls-ring", "spantls-aws-lc-rs")


class Peer:
    """NAME, NAME:WAY, NAME=LIBRARY or NAME:WAY=LIBRARY of the command line."""

    def __init__(self, word):
        self.label = word
        name, _, library = word.partition("=")
        self.name, _, self.way = name.partition(":")
        self.library = Path(library).resolve() if library else None
        if self.name not in MAKERS or (library and self.name not in OURS):
            raise SystemExit(f"there is no peer {word}: {' '.join(MAKERS)}")
        self.ours = self.name in OURS
        self.program = self.missing = None
        self.version = ""

    def make(self):
        """Makes its program, or notes why it cannot be had."""
        try:
            self.program = MAKERS[self.name](self.name, self.library)
        except (Unavailable, OSError) as reason:
            self.missing = str(reason)
            say(f"missing - {self.label}: {reason}")
        return self
