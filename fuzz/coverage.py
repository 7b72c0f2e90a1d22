#!/usr/bin/env python3
"""How much of src each door reaches with the corpus that is checked in: a row for each door and one for all of them, into
docs/proof.md, and each file's share into target/fuzz/coverage/files.txt. Tests of src are not counted: they are not compiled here.
Needs llvm-profdata and llvm-cov of the compiler's LLVM version; as root it installs Debian's, and says so."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
PROOF = os.path.join(ROOT, "docs", "proof.md")
OUT = os.path.join(ROOT, "target", "fuzz", "coverage")
DOORS = re.compile(r'fn (\w+)\(\) \{\s*play_corpus\("(\w+)"')


def tools():
    """llvm-profdata and llvm-cov."""
    about = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"^LLVM version: (\d+)", about, re.M)[1]
    names = [f"llvm-profdata-{version}", f"llvm-cov-{version}"]
    if not all(map(shutil.which, names)):
        print(f"# installing llvm-{version}")
        subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", f"llvm-{version}"], stdout=subprocess.DEVNULL, check=True)
    return names


def built():
    """The program that plays the corpora, without optimisation: each line keeps its counter."""
    command = ["cargo", "test", "--quiet", "--target-dir", OUT, "--test", "hostile_input", "--no-run", "--message-format=json"]
    # Programs that the build runs write their counters, too.
    environment = {**os.environ, "RUSTFLAGS": "-C instrument-coverage", "LLVM_PROFILE_FILE": os.path.join(OUT, "build-%m.profraw")}
    messages = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    programs = [json.loads(line).get("executable") for line in messages.splitlines()]
    return next(program for program in programs if program)


def summary(profdata, cov, program, raw, name):
    """What was reached, by file of src."""
    profile = os.path.join(OUT, f"{name}.profdata")
    subprocess.run([profdata, "merge", "--sparse", *raw, "--output", profile], check=True)
    export = [cov, "export", "--summary-only", "--instr-profile", profile, program]
    data = json.loads(subprocess.run(export, capture_output=True, text=True, check=True).stdout)["data"][0]
    src = os.path.join(ROOT, "src") + os.sep
    return {file["filename"].removeprefix(src): file["summary"] for file in data["files"] if file["filename"].startswith(src)}


def row(name, inputs, files):
    cells = [f"`{name}`" if name != "all" else name, str(inputs)]
    for kind in ("lines", "regions"):
        covered, count = (sum(file[kind][key] for file in files.values()) for key in ("covered", "count"))
        cells.append(f"{covered:,} of {count:,}, {100 * covered / count:.0f} %")
    return f"| {' | '.join(cells)} |"


def main():
    profdata, cov = tools()
    with open(os.path.join(ROOT, "tests", "hostile_input.rs"), encoding="utf-8") as file:
        doors = DOORS.findall(file.read())
    program = built()
    rows, every, inputs = [], [], 0
    for test, door in doors:
        raw = os.path.join(OUT, f"{door}.profraw")
        subprocess.run([program, "--quiet", "--exact", test], cwd=ROOT, env={**os.environ, "LLVM_PROFILE_FILE": raw}, check=True)
        corpus = len(os.listdir(os.path.join(ROOT, "fuzz", "corpus", door)))
        rows.append(row(door, corpus, summary(profdata, cov, program, [raw], door)))
        every.append(raw)
        inputs += corpus
    files = summary(profdata, cov, program, every, "all")
    rows.append(row("all", inputs, files))
    for left in glob.glob(os.path.join(OUT, "*.profraw")) + glob.glob(os.path.join(OUT, "*.profdata")):
        os.remove(left)
    with open(os.path.join(OUT, "files.txt"), "w", encoding="utf-8") as file:
        for name, reached in sorted(files.items(), key=lambda item: item[1]["lines"]["percent"]):
            file.write(f"{reached['lines']['percent']:5.1f} % {reached['lines']['covered']:5} of {reached['lines']['count']:5} lines: {name}\n")
    table = "\n".join(["| target | inputs | lines of `src` | regions |", "|---|---|---|---|", *rows]) + "\n"
    print(table, end="")
    with open(PROOF, encoding="utf-8") as file:
        page = file.read()
    with open(PROOF, "w", encoding="utf-8") as file:
        file.write(re.sub(r"(<!-- coverage -->\n).*?(<!-- -->)", lambda found: found[1] + table + found[2], page, flags=re.DOTALL))


if __name__ == "__main__":
    sys.exit(main())
