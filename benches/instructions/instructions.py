#!/usr/bin/env python3
"""The instructions of seal, open and handshakes beside those of benches/instructions/baseline.json: `instructions.py check LIBRARY`
fails for more, `instructions.py bless LIBRARY` writes the baseline.

callgrind counts what count.c calls. No clock is read, so another load of the machine changes nothing. What could differ:

- The processor. valgrind shows programs one of its own, the same on every processor with AVX2, so ring and the C library
  choose the same code. The baseline has what CPUID says there.
- Chance. Records take the same instructions every time. Of handshakes the key shares, the signatures and the certificates' numbers are
  random: the mean of 10 handshakes has varied by 0.1 % from run to run.
- Tools. Another compiler, C library or valgrind may count otherwise. The baseline has their versions, and where they differ a failure
  says so.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
BASELINE = os.path.join(HERE, "baseline.json")
HARNESS = os.path.join(ROOT, "ffi-tests", "interface", "c")
# In percent: so much more is a regression, so much less an improvement that has to be blessed.
LIMIT = 3


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def install_tools():
    try:
        output("valgrind", "--version")
    except FileNotFoundError:
        subprocess.run([os.path.join(ROOT, "ffi-tests", "install.sh"), "valgrind"], check=True)


def count(library):
    """The instructions of one of each, and what they depend on."""
    with tempfile.TemporaryDirectory() as folder:
        program, counts = os.path.join(folder, "count"), os.path.join(folder, "counts")
        os.symlink(os.path.abspath(library), os.path.join(folder, "libspantls.so.1"))
        sources = [os.path.join(HERE, "count.c"), os.path.join(HARNESS, "pair.c"), os.path.join(HARNESS, "harness.c")]
        subprocess.run(["gcc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-I", os.path.join(ROOT, "include"), "-I", HARNESS, "-o",
                        program, *sources, os.path.abspath(library), "-lpthread"], check=True)
        environment = {**os.environ, "LD_LIBRARY_PATH": folder, "SPANTLS_CERTS": os.path.join(ROOT, "ffi-tests", "certs")}
        printed = subprocess.run(["valgrind", "--quiet", "--tool=callgrind", "--collect-atstart=no", "--combine-dumps=yes",
                                  f"--callgrind-out-file={counts}", program], env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
        with open(counts, encoding="utf-8", errors="replace") as file:
            dumps = re.findall(r"^desc: Trigger: Client Request: (.*?)$.*?^totals: (\d+)$", file.read(), flags=re.M | re.S)
    processor, *figures = printed.splitlines()
    times = dict(re.fullmatch(r"(.*) (\d+)", figure).groups() for figure in figures)
    if list(times) != [name for name, _ in dumps]:
        raise RuntimeError(f"callgrind has counted {[name for name, _ in dumps]}, and the program prints {list(times)}")
    return {"tools": {"processor": processor, "rustc": output("rustc", "--version"), "valgrind": output("valgrind", "--version"),
                      "C library": " ".join(platform.libc_ver())},
            "instructions": {name: round(int(total) / int(times[name])) for name, total in dumps}}


def judge(baseline, now):
    """A sentence for each figure, whether it is in order; and what differs in the tools."""
    before, after = baseline["instructions"], now["instructions"]
    verdicts = []
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in before or name not in after:
            verdicts.append((f"{name} is {'not counted any more' if name in before else 'not in the baseline'}", False))
            continue
        change = 100 * (after[name] - before[name])
        fine = abs(change) <= LIMIT * before[name]
        verdict = "as in the baseline" if fine else "a regression" if change > 0 else "an improvement, to be blessed"
        verdicts.append((f"{name}: {after[name]:,} instructions, {change / before[name]:+.2f} %, {verdict}", fine))
    others = [f"{tool}: the baseline was made with {baseline['tools'].get(tool)}, this is {name}"
              for tool, name in now["tools"].items() if name != baseline["tools"].get(tool)]
    return verdicts, others


def self_test():
    """What judge() has to find."""
    def made(**changes):
        return {"tools": {"rustc": "1"}, "instructions": {"seal": 1000, "open": 2000, **changes}}

    def faults(now, baseline=made()):
        return [sentence for sentence, fine in judge(baseline, now)[0] if not fine]

    wrong = []
    for changes, expected in (({}, None), ({"seal": 1030}, None), ({"seal": 970}, None), ({"seal": 1031}, "seal: 1,031 instructions, +3.10 %, a regression"),
                              ({"open": 1939}, "to be blessed"), ({"more": 1}, "more is not in the baseline")):
        found = faults(made(**changes))
        if len(found) != (expected is not None) or (expected or "") not in "".join(found):
            wrong.append(f"{changes}: {found}")
    if faults(made(), made(gone=1)) != ["gone is not counted any more"]:
        wrong.append("a figure may be gone")
    if judge(made(), {**made(), "tools": {"rustc": "2"}})[1] != ["rustc: the baseline was made with 1, this is 2"]:
        wrong.append("another compiler is not mentioned")
    return wrong


def check(now):
    with open(BASELINE, encoding="utf-8") as file:
        verdicts, others = judge(json.load(file), now)
    wrong = self_test()
    verdicts.insert(0, ("; ".join(["the comparison finds what it has to", *wrong]), not wrong))
    for sentence, fine in verdicts:
        print(f"{'ok' if fine else 'not ok'} - {sentence}")
    for sentence in others:
        print(f"# {sentence}")
    passed = sum(fine for _, fine in verdicts)
    if passed < len(verdicts):
        if others:
            print("# The tools are not those of the baseline, which may be the whole cause. Count the commit before yours with the same tools: if "
                  "it differs from the baseline in the same way, nothing is wrong with yours.")
        print("# `make instructions-bless` makes these figures the baseline: commit it with the reason.")
    print(f"{passed} passed, {len(verdicts) - passed} failed")
    return passed < len(verdicts)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("check", "bless"):
        print("usage: instructions.py check|bless LIBRARY", file=sys.stderr)
        return 2
    if platform.machine() != "x86_64":
        print(f"skipped - the instructions of {platform.machine()}: the baseline has those of x86-64\n0 passed, 0 failed")
        return 0
    install_tools()
    now = count(sys.argv[2])
    if sys.argv[1] == "check":
        return check(now)
    with open(BASELINE, "w", encoding="utf-8") as file:
        json.dump(now, file, indent=2)
        file.write("\n")
    print("".join(f"{name}: {number:,}\n" for name, number in now["instructions"].items()), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
