#!/usr/bin/env python3
"""`make docs`: the reference of the C interface, by doxygen from include/spantls.h, with the guides of docs/ as pages, in
target/docs/html. A warning is an error, and so is anything of the header without a word. Installs doxygen if it is missing, and
says so. `make_docs.py test` tests that."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
HEADER = os.path.join(ROOT, "include", "spantls.h")
GUIDES = [os.path.join(ROOT, "docs", name) for name in ("guide.md", "dotnet.md")]


def install_doxygen():
    if not shutil.which("doxygen"):
        subprocess.run([os.path.join(ROOT, "ffi-tests", "install.sh"), "doxygen"], check=True)


def version():
    with open(os.path.join(ROOT, "Cargo.toml"), encoding="utf-8") as file:
        return re.search(r'^version = "(.*)"', file.read(), flags=re.M).group(1)


def declared(header):
    """The functions that a header declares."""
    text = re.sub(r"/\*.*?\*/|^\s*#.*?$", " ", re.sub(r"__attribute__\s*\(\(.*?\)\)", " ", header), flags=re.S | re.M)
    return set(re.findall(r"\b((?:tls|spantls)_\w+)\s*\(", text))


def undocumented(folder):
    """What the reference has no sentence for, and the names of the functions that it has."""
    silent, functions = [], set()
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".xml") or name == "index.xml":
            continue
        tree = ElementTree.parse(os.path.join(folder, name)).getroot()
        for node in [*tree.iter("memberdef"), *tree.iter("enumvalue")]:
            words = "".join("".join(part.itertext()) for part in node.findall("briefdescription") + node.findall("detaileddescription"))
            functions |= {node.findtext("name")} if node.get("kind") == "function" else set()
            # A guard, and the tag that doxygen gives to a nameless struct, are nothing that a reader looks up.
            if not words.strip() and node.findtext("name") not in ("SPANTLS_H",):
                silent.append(node.findtext("name"))
    return silent, functions


def make(header, out):
    """The faults: doxygen's warnings, and what is silent."""
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    source = os.path.join(out, "spantls.h")
    # To doxygen the comment at the top is the file's.
    with open(source, "w", encoding="utf-8") as file:
        file.write(header.replace("/*\n", "/**\n * @file spantls.h\n", 1))
    settings = {"OUTPUT_DIRECTORY": out, "STRIP_FROM_PATH": f"{out} {ROOT}", "PROJECT_NUMBER": version(),
                "INPUT": " ".join([source, *GUIDES]), "USE_MDFILE_AS_MAINPAGE": GUIDES[0], "GENERATE_XML": "YES"}
    with open(os.path.join(HERE, "Doxyfile"), encoding="utf-8") as file:
        text = file.read() + "".join(f"{name} = {value}\n" for name, value in settings.items())
    done = subprocess.run(["doxygen", "-"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    faults = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0 and not faults:
        faults = [f"doxygen ends with {done.returncode}"]
    silent, functions = undocumented(os.path.join(out, "xml"))
    faults += [f"{name} is not documented" for name in silent]
    return faults + [f"{name} is not in the reference" for name in sorted(declared(header) - functions)]


def test():
    """A word that is taken away is missed."""
    with open(HEADER, encoding="utf-8") as file:
        header = file.read()
    comment = r"/\*\*(?:(?!\*/).)*\*/\s*"
    cases = [
        ("the header is documented, to the last constant", header, None),
        ("a function without a word is missed", re.sub(comment + r"(tls_status_t tls_session_socket_shutdown\()", r"\1", header, flags=re.S), "tls_session_socket_shutdown"),
        ("a constant without a word is missed", re.sub(comment + r"(SPANTLS_ALERT_UNKNOWN_CA)", r"\1", header, flags=re.S), "SPANTLS_ALERT_UNKNOWN_CA"),
        ("a field without a word is missed", re.sub(comment + r"(int32_t os_error;)", r"\1", header, flags=re.S), "os_error"),
        ("a reference to nowhere is missed", header.replace("/**\n * The number of this interface.", "/**\n * See @ref nowhere. The number of this interface."), "nowhere"),
    ]
    failed = 0
    for sentence, changed, wanted in cases:
        with tempfile.TemporaryDirectory() as folder:
            faults = make(changed, folder)
        fine = not faults if wanted is None else changed != header and any(wanted in fault for fault in faults)
        print("".join(f"# {fault}\n" for fault in (faults[:20] if not fine else [])) + f"{'ok' if fine else 'not ok'} - {sentence}")
        failed += not fine
    return len(cases) - failed, failed


def main():
    install_doxygen()
    if sys.argv[1:] == ["test"]:
        passed, failed = test()
        print(f"{passed} passed, {failed} failed")
        return 1 if failed else 0
    out = os.path.join(ROOT, "target", "docs")
    with open(HEADER, encoding="utf-8") as file:
        faults = make(file.read(), out)
    print("\n".join(faults) or f"the reference is in {os.path.relpath(out, os.getcwd())}/html")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
