#!/usr/bin/env python3
"""BoGo: BoringSSL's test runner against the library, through a shim that has nothing but the functions of spantls.h.

    run.py [--test PATTERN;...] [--jobs N] [--quick] NAME=LIBRARY...

Each library is judged in four ways: over whole spans, over spans that grow byte by byte, and with sessions that are bound to sockets, which
block or do not. `--quick`: in the first way only.

The runner's source is in the crate boring-sys, and what Go needs besides itself in packages of Debian. The runner is built in
target/bogo, once. bogo.toml says what is excluded, what our errors are called there, and which tests
are known to fail. Fails if another test fails, or if one of these passes. The last line is the sum."""

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "ffi-tests"))

import golang  # noqa: E402
from golang import Unavailable  # noqa: E402

PLACE = os.path.join(ROOT, "target", "bogo")
RUNNER = os.path.join(PLACE, "runner.test")
PROOF = os.path.join(ROOT, "docs", "proof.md")

CRATE = ("boring-sys", "5.4.0")
GO_PACKAGES = ("crypto", "net", "sys", "term", "text")
GO_SOURCES = "/usr/share/gocode/src/golang.org/x"
# The crate has no private keys; the runner's names of them, and how they are made.
KEYS = {"rsa_1024": ["RSA", "rsa_keygen_bits:1024"], "rsa_2048": ["RSA", "rsa_keygen_bits:2048"],
        "ecdsa_p256": ["EC", "ec_paramgen_curve:P-256"], "ecdsa_p384": ["EC", "ec_paramgen_curve:P-384"],
        "ecdsa_p521": ["EC", "ec_paramgen_curve:P-521"], "channel_id": ["EC", "ec_paramgen_curve:P-256"], "ed25519": ["ED25519"]}


# The flags of the shim for each way.
WAYS = {"spans": "", "bytes": "-async", "sockets": "-bound", "non-blocking": "-bound;-async"}


def say(text):
    print(f"# {text}", flush=True)


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)} failed: {done.stdout[-800:]}")
    return done.stdout


# --- The runner --------------------------------------------------------------------------------------------------------------

def boringssl():
    """The sources in the crate, wherever cargo keeps them."""
    name, version = CRATE
    folder = os.path.join(PLACE, "fetch")
    os.makedirs(os.path.join(folder, "src"), exist_ok=True)
    with open(os.path.join(folder, "Cargo.toml"), "w", encoding="utf-8") as file:
        file.write(f'[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\n{name} = "={version}"\n')
    with open(os.path.join(folder, "src", "lib.rs"), "w", encoding="utf-8"):
        pass
    say(f"fetching the crate {name} {version} with cargo")
    done = subprocess.run([os.environ.get("CARGO", "cargo"), "metadata", "--format-version", "1", "--manifest-path",
                           os.path.join(folder, "Cargo.toml")], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"cargo has no {name} {version}: {done.stderr[-500:]}")
    manifest, = (package["manifest_path"] for package in json.loads(done.stdout)["packages"] if package["name"] == name)
    return os.path.join(os.path.dirname(manifest), "deps", "boringssl")


def go_packages():
    if not all(os.path.isdir(os.path.join(GO_SOURCES, name)) for name in GO_PACKAGES):
        run(os.path.join(ROOT, "ffi-tests", "install.sh"), *(f"golang-golang-x-{name}-dev" for name in GO_PACKAGES))


def make_module(folder):
    """What the runner needs of BoringSSL, as a module of its own, with keys."""
    source = boringssl()
    shutil.rmtree(folder, ignore_errors=True)
    runner = os.path.join(folder, "ssl", "test", "runner")
    for part in ("ssl/test/runner", "util/testresult"):
        shutil.copytree(os.path.join(source, part), os.path.join(folder, part))
    for name, (algorithm, *options) in KEYS.items():
        run("openssl", "genpkey", "-algorithm", algorithm, *(f for option in options for f in ("-pkeyopt", option)),
            "-out", os.path.join(runner, f"{name}_key.pem"))
    with open(os.path.join(folder, "go.mod"), "w", encoding="utf-8") as file:
        file.write("module boringssl.googlesource.com/boringssl.git\n\ngo 1.27.0\n")
        for name in GO_PACKAGES:
            file.write(f"require golang.org/x/{name} v0.0.0\nreplace golang.org/x/{name} => {GO_SOURCES}/{name}\n")
    return runner


def build_runner():
    made_by = os.path.join(PLACE, "made-by")
    wanted = " ".join((*CRATE, golang.GO))
    if os.path.exists(RUNNER) and os.path.exists(made_by) and open(made_by, encoding="utf-8").read() == wanted:
        return
    go_packages()
    runner = make_module(os.path.join(PLACE, "module"))
    say("building the runner: a minute, once")
    golang.go("test", "-c", "-o", RUNNER, ".", cwd=runner)
    with open(made_by, "w", encoding="utf-8") as file:
        file.write(wanted)


def build_shim(name, library):
    shim = os.path.join(PLACE, f"shim-{name}")
    # Programs ask for the library by its SONAME.
    folder = os.path.join(PLACE, f"lib-{name}")
    os.makedirs(folder, exist_ok=True)
    for link in ("libspantls.so", "libspantls.so.1"):
        if os.path.lexists(os.path.join(folder, link)):
            os.remove(os.path.join(folder, link))
        os.symlink(library, os.path.join(folder, link))
    sources = [os.path.join(HERE, source) for source in ("shim.c", "link.c", "checks.c", "flags.c", "decode.c")]
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror",
                    "-I", os.path.join(ROOT, "include"), "-o", shim, *sources, f"-L{folder}", "-lspantls", f"-Wl,-rpath,{folder}"],
                   check=True)
    return shim


# --- One run -----------------------------------------------------------------------------------------------------------------

def drive(name, shim, *arguments, unknown=None):
    """Runs the runner: {test: what became of it}, and its log."""
    results = os.path.join(PLACE, f"{name}.json")
    if os.path.exists(results):
        os.remove(results)
    with open(os.path.join(PLACE, f"{name}.log"), "w+", encoding="utf-8", errors="replace") as log:
        subprocess.run([RUNNER, "-shim-path", shim, "-pipe", "-allow-unimplemented", "-json-output", results, "-test.timeout", "1500s",
                        *arguments], stdout=log, stderr=subprocess.STDOUT, cwd=PLACE, check=False,
                       env={**os.environ, **({"SPANTLS_BOGO_UNKNOWN": unknown} if unknown else {})})
        log.seek(0)
        text = log.read()
    if not os.path.exists(results):
        raise SystemExit(f"the runner has ended without results: {text[-1000:]}")
    with open(results, encoding="utf-8") as file:
        return {test: result["actual"] for test, result in json.load(file)["tests"].items()}, text


def fitting(tests, patterns):
    return {test for pattern in patterns for test in fnmatch.filter(tests, pattern)}


def stale(tests, rows):
    return [f"no test is called {pattern}" for row in rows for pattern in row.get("tests", []) if not fnmatch.filter(tests, pattern)]


def excluded(tests, rows):
    return {test for row in rows for test in fitting(tests, row.get("tests", [])) - fitting(tests, row.get("except", []))}


def known_failures(rows, way):
    return [row for row in rows if way in row.get("ways", WAYS)]


def unexplained(path, rows):
    """Flags that the shim lacks and no row names."""
    explained = {flag for row in rows for flag in row.get("flags", [])}
    with open(path, encoding="utf-8") as file:
        return [f"the shim has no flag {flag}, and bogo.toml does not say why" for flag in sorted(set(file.read().splitlines()) - explained)]


def complaints(log):
    """What the log says of each failed test."""
    parts = re.split(r"^(PASSED|FAILED|UNIMPLEMENTED) \((.*)\)$", log, flags=re.MULTILINE)
    return {parts[at + 1]: parts[at + 2].strip() for at in range(1, len(parts), 3) if parts[at] == "FAILED"}


def names(shim, jobs):
    """All tests: a shim answers that it has not the flag."""
    return sorted(drive("tests", shim, "-shim-extra-flags", "-names-only", "-num-workers", str(jobs))[0])


def judge(provider, way, shim, tests, config, options):
    """Returns (passed, failed, excluded, known)."""
    name = f"{provider}-{way}"
    off = excluded(tests, config["excluded"])
    settings = os.path.join(PLACE, f"{name}-config.json")
    with open(settings, "w", encoding="utf-8") as file:
        json.dump({"DisabledTests": {test: "see bogo.toml" for test in off}, "ErrorMap": config["errors"]}, file)
    unknown = os.path.join(PLACE, f"{name}-unknown")
    with open(unknown, "w", encoding="utf-8"):
        pass
    chosen = ["-test", options.test] if options.test else []
    if WAYS[way]:
        chosen += ["-shim-extra-flags", WAYS[way]]
    results, log = drive(name, shim, "-shim-config", settings, "-num-workers", str(options.jobs), *chosen, unknown=unknown)

    rows = known_failures(config["fails"], way)
    known = fitting(results, [pattern for row in rows for pattern in row["tests"]])
    failed = {test for test, result in results.items() if result not in ("PASS", "SKIP")}
    passed = {test for test, result in results.items() if result == "PASS"}
    said = complaints(log)
    # No list excuses a panic or a crash.
    known -= {test for test, words in said.items() if "INTERNAL_ERROR" in words or "signal:" in words}
    faults = stale(tests, config["excluded"]) + stale(tests, rows) + unexplained(unknown, config["excluded"])
    for test in sorted(failed - known):
        print(f"not ok - {name}: {test}\n" + "".join(f"#   {line}\n" for line in said.get(test, "").splitlines()), end="")
    faults += [f"{test} passes, although bogo.toml says that it fails" for test in sorted(passed & known)]
    for fault in faults:
        print(f"not ok - {name}: {fault}")
    skipped = len(tests) - len(passed) - len(failed) if not options.test else 0
    say(f"{name}: {len(passed - known)} passed, {len(failed - known) + len(faults)} failed, {skipped} excluded; "
        f"{len(failed & known)} of the failures in bogo.toml's list")
    return len(passed - known), len(failed - known) + len(faults), skipped, len(failed & known)


def publish(figures):
    """The table of docs/proof.md."""
    rows = "".join(f"| {provider}, {way} | {passed} | {known} | {off} |\n" for (provider, way), (passed, _, off, known) in figures.items())
    with open(PROOF, encoding="utf-8") as file:
        text = file.read()
    table = "| provider, way | passed | known failures | excluded |\n|---|---|---|---|\n" + rows
    fresh = re.sub(r"(<!-- bogo -->\n).*?(<!-- -->)", lambda found: found[1] + table + found[2], text, flags=re.DOTALL)
    if fresh != text:
        with open(PROOF, "w", encoding="utf-8") as file:
            file.write(fresh)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--test", default="", help="the runner's patterns of tests, with semicolons between them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--quick", action="store_true", help="over whole spans only")
    parser.add_argument("libraries", nargs="+", metavar="NAME=LIBRARY")
    options = parser.parse_args()
    os.makedirs(PLACE, exist_ok=True)
    try:
        build_runner()
    except (Unavailable, OSError) as reason:
        print(f"skipped - BoringSSL's test runner cannot be had here: {reason}")
        print("0 passed, 0 failed, 0 excluded")
        return 0
    with open(os.path.join(HERE, "bogo.toml"), "rb") as file:
        config = tomllib.load(file)
    figures = {}
    for library in options.libraries:
        provider, _, path = library.partition("=")
        shim = build_shim(provider, os.path.abspath(path))
        tests = names(shim, options.jobs)
        for way in list(WAYS)[:1 if options.quick else None]:
            figures[provider, way] = judge(provider, way, shim, tests, config, options)
    passed, failed, off = (sum(column) for column in list(zip(*figures.values()))[:3])
    if failed == 0 and not options.test and len(figures) == 2 * len(WAYS):
        publish(figures)
    print(f"{passed} passed, {failed} failed, {off} excluded")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
