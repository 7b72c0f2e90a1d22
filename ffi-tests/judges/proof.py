#!/usr/bin/env python3
"""Runs the long judges one after another and keeps what each of them counted in docs/proof.md: `proof.py [NAME…]`, all of them
without a name. Each is a target of the Makefile whose output has a line "N passed, N failed…"; the last one counts. A row of the table
changes only when its judge ran."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
PAGE = os.path.join(ROOT, "docs", "proof.md")
LOGS = os.path.join(ROOT, "target", "proof")
BEGIN, END = "<!-- counts -->\n", "<!-- /counts -->"
COUNTS = re.compile(r"^(?:.*: )?(\d+ passed, \d+ failed.*)$", re.M)

# The target, and what it counts.
JUDGES = {
    "bogo": "tests of BoringSSL's runner, in four ways, with either provider",
    "fuzz": "fuzz targets, a minute each",
    "differential": "sets of runs beside rustls's record layer, with either provider",
    "chains": "chains of certificates beside OpenSSL and Go",
    "bounds": "tests of the limits: what a peer gets for a byte",
    "interop": "cells of the matrix of implementations",
    "test-valgrind": "checks of the C programs under valgrind, with both sets of suites",
    "test-peers": "checks with OpenSSL, GnuTLS, curl, Python's ssl and others",
    "test-server": "checks of the example server against clients that people use",
    "test-kernel": "checks with kernel TLS, on two kernels",
    "test-scenarios": "conversations between the languages",
    "models": "models of the locks, in every order of three threads",
    "test-tsan": "thread tests under ThreadSanitizer",
    "soak": "checks of the example server under a million requests",
    "soak-transport": "sessions under a hostile transport, a minute",
}


def counted(output):
    """What a judge counted, or None: a target of several cargo runs says it as cargo does."""
    lines = COUNTS.findall(output)
    if lines:
        return lines[-1]
    results = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed", output, re.M)
    sums = [sum(map(int, column)) for column in zip(*results)]
    return "{} passed, {} failed".format(*sums) if sums else None


def rows(page):
    """The rows of the table: name to line."""
    table = page[page.index(BEGIN) + len(BEGIN):page.index(END)]
    return {line.split("`")[1].removeprefix("make "): line for line in table.splitlines() if line.startswith("| `")}


def with_row(page, name, text):
    known = rows(page)
    known[name] = f"| `make {name}` | {JUDGES[name]} | {text} |"
    table = ["| command | what is counted | the last run |", "|---|---|---|", *(known[name] for name in JUDGES if name in known)]
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:start] + "\n".join(table) + "\n" + page[end:]


def run(name):
    """A judge's row, and whether it passed."""
    os.makedirs(LOGS, exist_ok=True)
    with open(os.path.join(LOGS, f"{name}.log"), "w+", encoding="utf-8", errors="replace") as log:
        status = subprocess.run(["make", "--no-print-directory", name], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
        log.seek(0)
        counts = counted(log.read())
    passed = status == 0 and counts is not None
    print(f"{'ok' if passed else 'not ok'} - make {name}: {counts or 'counted nothing'}{'' if passed else f', ended with {status}: see target/proof/{name}.log'}")
    return counts, passed


def main(names):
    unknown = [name for name in names if name not in JUDGES]
    if unknown:
        print(f"unknown: {' '.join(unknown)}; there are {' '.join(JUDGES)}", file=sys.stderr)
        return 2
    results = []
    for name in names or JUDGES:
        counts, passed = run(name)
        results.append(passed)
        if passed:
            # A judge may have written to the page itself.
            with open(PAGE, encoding="utf-8") as file:
                page = with_row(file.read(), name, counts)
            with open(PAGE, "w", encoding="utf-8") as file:
                file.write(page)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
