#!/usr/bin/env python3
"""`make audit`: what the project depends on, judged by deny.toml (cargo-deny: sources, licences, bans) and by RustSec's advisories
(cargo-audit). Both tools are installed in target/audit if they are missing: six minutes, once.

The advisories are those of the folder in SPANTLS_ADVISORIES, by default ../shared/advisory-db beside the checkout: a copy of
RustSec's database, so that no network is needed. Exceptions are in deny.toml, each with its reason; cargo-audit gets them from there.
"""

import os
import shutil
import subprocess
import sys
import tomllib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = os.path.join(ROOT, "target", "audit")
# The newest ones that the Rust of Cargo.toml's rust-version builds.
VERSIONS = {"cargo-deny": "0.20.2", "cargo-audit": "0.22.2"}
ADVISORIES = os.environ.get("SPANTLS_ADVISORIES") or os.path.join(ROOT, "..", "shared", "advisory-db")
LOCK_FILES = ("Cargo.lock", "benches/load/openssl/Cargo.lock")

passed = failed = 0


def tool(name):
    """The tool's path; it is installed if need be."""
    path = os.path.join(TOOLS, "bin", name)
    if not os.path.exists(path):
        found = shutil.which(name)
        if found:
            return found
        print(f"# installing {name} {VERSIONS[name]} in target/audit: some minutes, once", flush=True)
        subprocess.run([os.environ.get("CARGO", "cargo"), "install", "--quiet", "--locked", "--root", TOOLS, name,
                        "--version", VERSIONS[name]], check=True)
    return path


def judge(sentence, command):
    global passed, failed
    holds = subprocess.run(command, cwd=ROOT).returncode == 0
    passed, failed = passed + holds, failed + (not holds)
    print(f"{'ok' if holds else 'not ok'} - {sentence}", flush=True)


def main():
    global failed
    with open(os.path.join(ROOT, "deny.toml"), "rb") as file:
        exceptions = [entry["id"] for entry in tomllib.load(file)["advisories"]["ignore"]]
    deny = tool("cargo-deny")
    for check, sentence in (("bans", "no crate comes in that is refused, or twice"), ("licenses", "every licence is allowed"),
                            ("sources", "every crate is from the registry")):
        judge(sentence, [deny, "--offline", "check", "--hide-inclusion-graph", check])
    if not os.path.isdir(os.path.join(ADVISORIES, "crates")):
        failed += 1
        print(f"not ok - there are no advisories at {os.path.normpath(ADVISORIES)}: put a copy of RustSec's database there, or name "
              "one in SPANTLS_ADVISORIES")
    else:
        audit = tool("cargo-audit")
        for lock in LOCK_FILES:
            judge(f"no advisory is about a crate of {lock}, but for the exceptions in deny.toml",
                  [audit, "audit", "--quiet", "--no-fetch", "--stale", "--db", ADVISORIES, "--deny", "warnings", "--file", lock,
                   *(part for name in exceptions for part in ("--ignore", name))])
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
