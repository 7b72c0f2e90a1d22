"""X25519MLKEM768 against implementations that nobody here wrote: OpenSSL 3.5, within Node.js 24, and Go's crypto/tls.

The first run installs them: Node.js with npm into ffi-tests/build (50 MB), unless the one that is there has OpenSSL 3.5
already, and Go, to compile hybrid_peer.go; quick runs leave Go out until that has been done. Without a
network the tests are skipped.
"""

import functools
import os
import platform
import socket
import subprocess
import sys
import unittest

import golang
import sentences
from spantls_ctypes import COMPLETE, HELLO_RETRIED, TLS13, Context, cert_path
from test_against_openssl import DEADLINE, QUICK, Child, Connection

NODE = "24.9.0"

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "..", "..", "build", "hybrid")

HYBRID, X25519, P256, P384 = 0x11EC, 0x001D, 0x0017, 0x0018
NAMES = {HYBRID: "X25519MLKEM768", X25519: "X25519", P256: "P-256", P384: "P-384"}


# --- The peers -------------------------------------------------------------------------------------------------------

def once(make):
    """A function that is called once, and fails again as it did then."""
    outcome = []

    @functools.wraps(make)
    def made():
        if not outcome:
            try:
                outcome.append((make(), None))
            except unittest.SkipTest as reason:
                outcome.append((None, reason))
        result, reason = outcome[0]
        if reason:
            raise unittest.SkipTest(str(reason))
        return result
    return made


def run(*command, seconds=300, **environment):
    """The command's output; a test is skipped if it fails."""
    try:
        return subprocess.run(command, check=True, timeout=seconds, stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, env={**os.environ, **environment}).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        raise unittest.SkipTest(f"{os.path.basename(command[0])} failed: {reason[-1] if reason else error}") from None


def has_openssl_35(node):
    try:
        version = subprocess.run([node, "-p", "process.versions.openssl"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return tuple(int(part) for part in version.stdout.split("+")[0].strip().split(".")[:2]) >= (3, 5)


@once
def node():
    """Node.js with OpenSSL 3.5."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"node-{sys.platform}-{machine}"
    installed = os.path.join(BUILD, "node_modules", package, "bin", "node")
    for candidate in ("node", installed):
        if has_openssl_35(candidate):
            return [candidate, os.path.join(HERE, "hybrid_peer.js")]
    print(f"# installing {package}@{NODE} with npm into ffi-tests/build/hybrid", flush=True)
    run("npm", "install", "--prefix", BUILD, "--no-audit", "--no-fund", "--no-save", f"{package}@{NODE}")
    if not has_openssl_35(installed):
        raise unittest.SkipTest(f"{package}@{NODE} does not run here")
    return [installed, os.path.join(HERE, "hybrid_peer.js")]


@once
def go():
    """What Go's compiler has made of hybrid_peer.go."""
    program, source = os.path.join(BUILD, "hybrid_peer"), os.path.join(HERE, "hybrid_peer.go")
    if os.path.exists(program) and os.path.getmtime(program) > os.path.getmtime(source):
        return [program]
    if QUICK and not golang.is_installed():
        raise unittest.SkipTest("a quick run does not install Go")
    try:
        golang.go("build", "-o", program, source)
    except golang.Unavailable as error:
        raise unittest.SkipTest(str(error)) from None
    return [program]


class AgainstPeers(unittest.TestCase):
    def child(self, peer, *arguments):
        child = Child(*peer(), os.path.dirname(cert_path("ca.pem")), *arguments)
        self.addCleanup(child.close)
        return child

    def agrees(self, peer, our_role, ours, theirs, group, retried):
        """A handshake with these groups ends in `group`, and data flows."""
        theirs = ":".join(NAMES[number] for number in theirs)
        options = {"protocols": TLS13, "groups": ours, "anchors": "ca"}
        if our_role == "server":
            options["credentials"] = "server-p256"
            with socket.create_server(("127.0.0.1", 0)) as listener:
                listener.settimeout(DEADLINE)
                child = self.child(peer, "client", theirs, str(listener.getsockname()[1]))
                connected, _ = listener.accept()
        else:
            child = self.child(peer, "server", theirs)
            port = int(child.expect("listening at "))
            connected = socket.create_connection(("127.0.0.1", port), DEADLINE)
        context = Context(our_role == "server", **options)
        us = Connection(context, connected, None if our_role == "server" else "localhost")
        self.addCleanup(us.close)
        context.close()
        self.assertEqual(us.connect(), COMPLETE, us.session.error())
        self.assertEqual(f"{us.session.negotiated_group():#06x}", f"{group:#06x}")
        self.assertEqual(bool(us.session.state() & HELLO_RETRIED), retried)
        seen = child.expect("connected")
        if seen:  # Go tells
            self.assertEqual(seen, f"with {group:#06x}, retried: {str(retried).lower()}")
        us.send(b"ours\n")
        child.expect("ours")
        child.type("theirs\n")
        self.assertIn(b"theirs\n", us.receive_until(b"theirs\n"), us.session.error())


def add_tests():
    # Ours and theirs (none: what is theirs by default), what they agree on, and whether a HelloRetryRequest is needed.
    cases = {
        "server": [
            ("neither is told which groups to use", (), (), HYBRID, False),
            ("theirs has X25519MLKEM768 alone", (), (HYBRID,), HYBRID, False),
            ("theirs has X25519 alone", (), (X25519,), X25519, False),
            ("ours has X25519 alone and takes the share that is there", (X25519,), (HYBRID, X25519), X25519, None),
            ("ours asks for P-384", (P384,), (HYBRID, X25519, P384), P384, True),
            ("ours asks for X25519MLKEM768", (HYBRID,), (P256, HYBRID), HYBRID, None),
        ],
        "client": [
            ("neither is told which groups to use", (), (), HYBRID, False),
            ("ours has X25519MLKEM768 alone", (HYBRID,), (), HYBRID, False),
            ("theirs has X25519 alone and takes the share that is there", (), (X25519,), X25519, False),
            ("theirs asks for P-384", (), (P384,), P384, True),
            ("theirs asks for X25519MLKEM768", (X25519, HYBRID), (HYBRID,), HYBRID, True),
            ("theirs asks for P-256 behind X25519MLKEM768 alone", (HYBRID, P256), (P256,), P256, True),
        ],
    }
    # A list of groups without more makes OpenSSL send a share of the first. Go sends its own first one, and X25519's
    # beside X25519MLKEM768.
    retried_by = {"OpenSSL": {(X25519,): True, (HYBRID,): True}, "Go": {(X25519,): False, (HYBRID,): False}}
    for name, peer in (("OpenSSL", node), ("Go", go)):
        for our_role, rows in cases.items():
            for what, ours, theirs, group, retried in rows:
                if retried is None:
                    retried = retried_by[name][ours]

                def test(self, args=(peer, our_role, ours, theirs, group, retried)):
                    self.agrees(*args)

                sentences.add_test(AgainstPeers, f"our {our_role} and {name}: {what}", test)


add_tests()

if __name__ == "__main__":
    sentences.main()
