#!/usr/bin/env python3
"""Guards the C ABI: `abi.py check LIBRARY` compares a library (`make abi-lib` builds it) and the header with what is
checked in beside this file, `abi.py bless LIBRARY` takes additions into it. Removals and changes are refused by both;
`SPANTLS_ABI_BREAK=1` lets `bless` take them, for a release whose SONAME and SPANTLS_ABI_VERSION have moved on."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = os.path.join(HERE, "..", "..", "..", "include", "spantls.h")
SUPPRESSIONS = os.path.join(HERE, "growing.suppr")

# Bits of abidiff's exit status.
USAGE, CHANGED = 1 | 2, 4


class Refused(Exception):
    """What could not be compared: a tool that fails, a library without descriptions."""


def run(*command, allowed=(0,), **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, **options)
    if done.returncode not in allowed:
        raise Refused(f"{' '.join(command)} ends with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.stdout


def install_tools():
    if not shutil.which("abidiff"):
        subprocess.run([os.path.join(HERE, "..", "..", "install.sh"), "abigail-tools"], check=True)


def symbols(library):
    """What the library exports, and its SONAME."""
    lines = run("nm", "-D", "--defined-only", library).splitlines()
    soname = re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", library))
    if soname is None:
        raise Refused(f"{library} has no SONAME")
    return {f"SONAME {soname.group(1)}"} | {line.split()[-1] for line in lines if line.strip()}


def constants(header):
    """`NAME VALUE` of every enumerator and every number that the header defines, from the compiler's mouth."""
    with open(header, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", file.read(), flags=re.S)
    names = re.findall(r"^\s*#define\s+(SPANTLS_\w+)\s+[\d(]", text, flags=re.M)
    names += [name for body in re.findall(r"\benum\b[^{]*\{(.*?)\}", text, flags=re.S) for name in re.findall(r"\b([A-Z]\w+)\b\s*[=,}]?", body)]
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "constants.c"), os.path.join(folder, "constants")
        prints = "".join(f'    printf("{name} %lld\\n", (long long)({name}));\n' for name in names)
        with open(source, "w", encoding="utf-8") as file:
            file.write(f'#include "{os.path.abspath(header)}"\n#include <stdio.h>\nint main(void) {{\n{prints}}}\n')
        run(os.environ.get("CC", "cc"), "-o", program, source)
        return set(run(program).splitlines())


def describe(library, out):
    """The exported functions of a library and the types that they use, as abixml: without places, paths, and all that is
    inside, so that only the ABI changes it."""
    run("abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed", "--type-id-style", "hash",
        "--out-file", out, library)
    corpus = ElementTree.parse(out).getroot()
    types = {node.get("id"): node for node in corpus.iter() if node.get("id")}
    exported = [node for node in corpus.iter("function-decl") if node.get("elf-symbol-id")]
    if len(exported) != len(list(corpus.iter("elf-symbol"))):
        raise Refused(f"{library} has no descriptions of its functions: `make abi-lib` builds one that has")
    wanted, queue = set(), list(exported)
    while queue:
        for node in queue.pop().iter():
            name = node.get("type-id")
            if name and name not in wanted:
                wanted.add(name)
                queue.append(types[name])
    for number, part in enumerate(corpus.findall("abi-instr")):
        part.set("path", f"unit-{number}")
        prune(part, wanted)
        part[:] = flat(part)
        if len(part) == 0:
            corpus.remove(part)
    with open(out, "w", encoding="utf-8") as file:
        ElementTree.indent(corpus)
        file.write(ElementTree.tostring(corpus, encoding="unicode") + "\n")


def prune(node, wanted):
    """Removes declarations that are neither exported nor wanted; scopes stay around what is left."""
    for child in list(node):
        if child.tag == "namespace-decl":
            prune(child, wanted)
            keep = len(child) > 0
        elif child.tag == "function-decl":
            keep = child.get("elf-symbol-id") is not None
        else:
            keep = any(part.get("id") in wanted for part in child.iter() if part.get("id"))
        if not keep:
            node.remove(child)


def flat(scope):
    """What a scope and the scopes in it declare, in one list: C has no namespaces, and in which module of the source a type
    lies is not part of the ABI."""
    return [declared for child in scope for declared in (flat(child) if child.tag == "namespace-decl" else [child])]


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return {line.rstrip("\n") for line in file if line.strip()}


def compare(library, header, baseline):
    """What was lost or changed, and what was added, as sentences; and the new lists."""
    lists = {"symbols.txt": symbols(library), "constants.txt": constants(header)}
    lost, added = [], []
    for name, now in lists.items():
        before = lines_of(os.path.join(baseline, name))
        kept = {line.split()[0] for line in now} if name == "constants.txt" else set()
        for line in sorted(before - now):
            lost.append(f"{name}: {line} {'has another value' if line.split()[0] in kept else 'is gone'}")
        known = {line.split()[0] for line in before} if name == "constants.txt" else set()
        added += [f"{name}: {line}" for line in sorted(now - before) if line.split()[0] not in known]
    with tempfile.TemporaryDirectory() as folder:
        described = os.path.join(folder, "now.abi")
        describe(library, described)
        before = os.path.join(baseline, "spantls.abi")
        # Everything but additions: new functions, and fields at the end of structs that tell their size.
        report = abidiff("--no-added-syms", "--suppressions", SUPPRESSIONS, before, described)
        if report:
            lost.append(f"abidiff finds:\n{report}")
        # abidiff lets more pass than an end that grows: the fields that were there are compared here.
        lost += shifted(growing(before), growing(described))
        if not lost:
            report = abidiff(before, described)
            if report:
                added.append(f"abidiff finds:\n{report}")
    return lost, added, lists


def growing(path):
    """The fields of each struct that begins with struct_size: (where, name, type)."""
    corpus = ElementTree.parse(path)
    types = {node.get("id"): node for node in corpus.iter() if node.get("id")}
    structs = {}
    for node in corpus.iter("class-decl"):
        fields = []
        for member in node.findall("data-member"):
            variable = member.find("var-decl")
            fields.append((int(member.get("layout-offset-in-bits")), variable.get("name"), spelt(types, variable.get("type-id"))))
        if fields and fields[0][1] == "struct_size":
            structs[node.get("name")] = fields
    return structs


def spelt(types, number):
    """A type in words: its own name and size, or how it is made of others. The identifiers in a description are hashes of
    names with their modules."""
    node = types[number]
    made_of = spelt(types, node.get("type-id")) if node.get("type-id") else ""
    return " ".join(filter(None, (node.tag, node.get("name"), node.get("size-in-bits"), node.get("length"), made_of)))


def shifted(before, now):
    """Structs that have not just grown at their end."""
    return [f"spantls.abi: a field of {name} is not what it was" for name, fields in sorted(before.items())
            if now.get(name, [])[: len(fields)] != fields]


def abidiff(*arguments):
    """Its report; empty if nothing has changed."""
    command = ["abidiff", "--no-show-locs", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    if done.returncode & USAGE or done.returncode < 0:
        raise Refused(f"{' '.join(command)}: {done.stdout[-2000:]}")
    return done.stdout.strip() or "a change that it does not describe" if done.returncode & CHANGED else ""


def write(library, lists, baseline):
    for name, lines in lists.items():
        with open(os.path.join(baseline, name), "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in sorted(lines)))
    describe(library, os.path.join(baseline, "spantls.abi"))


def check(library, header=HEADER, baseline=HERE):
    """0 if nothing has changed."""
    lost, added, _ = compare(library, header, baseline)
    for sentence in lost:
        print(f"lost or changed: {sentence}")
    for sentence in added:
        print(f"added: {sentence}")
    if lost:
        print("The ABI has lost something that programs may use. Put it back; or, for a new ABI, see CONTRIBUTING.md.")
    elif added:
        print("Only additions: `make abi-bless` takes them into the baseline.")
    else:
        print(f"the ABI is as it was: {len(lines_of(os.path.join(baseline, 'symbols.txt'))) - 1} functions, "
              f"{len(lines_of(os.path.join(baseline, 'constants.txt')))} constants")
    return 1 if lost or added else 0


def bless(library, header=HEADER, baseline=HERE, breaking=False):
    """Takes additions into the baseline. Whatever else has changed is refused, unless the ABI is to be broken."""
    if all(os.path.exists(os.path.join(baseline, name)) for name in ("symbols.txt", "constants.txt", "spantls.abi")):
        lost, added, lists = compare(library, header, baseline)
        if lost and not breaking:
            print("".join(f"lost or changed: {sentence}\n" for sentence in lost) + "Not blessed: these are no additions.")
            return 1
    else:
        lost, added, lists = [], ["the whole interface"], {"symbols.txt": symbols(library), "constants.txt": constants(header)}
    if lost or added:
        write(library, lists, baseline)
    print("".join(f"blessed: {sentence}\n" for sentence in lost + added) or "nothing to bless", end="\n" if not (lost or added) else "")
    return 0


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in ("check", "bless"):
        print("usage: abi.py check|bless LIBRARY", file=sys.stderr)
        return 2
    install_tools()
    try:
        if arguments[0] == "check":
            return check(arguments[1])
        return bless(arguments[1], breaking=os.environ.get("SPANTLS_ABI_BREAK") == "1")
    except Refused as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
