#!/usr/bin/env python3
"""Checks include/spantls.h against every C and C++ that its users may have, against the library's exports, and against
the table of calls that the C tests make."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
HEADER = os.path.join(ROOT, "include", "spantls.h")
TABLE = os.path.join(HERE, "..", "c", "calls.def")
LIBRARY = os.environ.get("SPANTLS_LIB") or os.path.join(ROOT, "target", "release", "libspantls.so")
SONAME = "libspantls.so.1"

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
COMPILERS = {"c": ["gcc", "clang"], "c++": ["g++", "clang++"]}
STANDARDS = {"c": ["c99", "c11", "c17", "c2x"], "c++": ["c++11", "c++14", "c++17", "c++20"]}
SUFFIX = {"c": "c", "c++": "cc"}

# The header alone, twice, and with what a host does with it. Results that must be looked at are.
ALONE = '#include "spantls.h"\n'
TWICE = ALONE + ALONE
# After the headers of others that claim names beginning with `tls` or `TLS`: LibreSSL's <tls.h> (names that it defines, in a file of
# ours), OpenSSL's, the kernel's.
AFTER = (
    ("LibreSSL's", '#include "libressl_tls_names.h"\n' + ALONE),
    ("OpenSSL's", "#include <openssl/ssl.h>\n#include <openssl/tls1.h>\n" + ALONE),
    ("the kernel's", "#include <linux/tls.h>\n" + ALONE),
)
USED = ALONE + """
tls_status_t use(tls_context_t *context, tls_session_t **session);
tls_status_t use(tls_context_t *context, tls_session_t **session) {
    static const uint8_t room[SPANTLS_MAX_RECORD] = {0};
    spantls_span_t span;
    span.data = room;
    span.len = SPANTLS_MIN_CIPHERTEXT;
    if (tls_session_create(context, session) != TLS_STATUS_COMPLETE) {
        return TLS_STATUS_INTERNAL_ERROR;
    }
    return span.len > 0 && spantls_abi_version() == SPANTLS_ABI_VERSION ? TLS_STATUS_COMPLETE : TLS_STATUS_CLOSED;
}
"""
NEGLECTED = ALONE + """
void neglect(tls_session_t *session);
void neglect(tls_session_t *session) {
    tls_session_end_of_input(session);
}
"""
IGNORED = ALONE + """
void ignore(tls_session_t *session, spantls_error_t *error);
void ignore(tls_session_t *session, spantls_error_t *error) {
    tls_session_state(session);
    tls_session_error(session, error);
    tls_session_socket_shutdown(session);
    spantls_version();
}
"""

passed, failed = 0, 0


def report(holds, sentence, details=""):
    global passed, failed
    for line in [] if holds else details.splitlines()[:20]:
        print(f"# {line}")
    print(f"{'ok' if holds else 'not ok'} - {sentence}")
    passed += bool(holds)
    failed += not holds


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    return done.returncode, done.stdout


def compile_text(folder, compiler, language, standard, text):
    source = os.path.join(folder, f"unit.{SUFFIX[language]}")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    strict = STRICT + (["-Wold-style-cast"] if language == "c++" else [])
    return run(compiler, f"-std={standard}", *strict, "-I", os.path.dirname(HEADER), "-I", HERE, "-c", source, "-o", os.devnull)


def check_compilers(folder):
    for language, compilers in COMPILERS.items():
        for compiler in compilers:
            if shutil.which(compiler) is None:
                report(False, f"{compiler} is there")
                continue
            for standard in STANDARDS[language]:
                for text, how in ((ALONE, "alone"), (TWICE, "twice"), (USED, "with its use")):
                    status, output = compile_text(folder, compiler, language, standard, text)
                    report(status == 0, f"{compiler} takes the header {how} as {standard}", output)
                for whose, text in AFTER:
                    status, output = compile_text(folder, compiler, language, standard, text)
                    report(status == 0, f"{compiler} takes the header after {whose} as {standard}", output)
            status, output = compile_text(folder, compiler, language, STANDARDS[language][0], NEGLECTED)
            report(status != 0 and ("warn_unused_result" in output or "unused-result" in output),
                   f"{compiler} warns when a status is not looked at", output)
            status, output = compile_text(folder, compiler, language, STANDARDS[language][0], IGNORED)
            report(status == 0, f"{compiler} does not warn where ignoring the result is harmless", output)


def declared():
    """The functions that the header declares."""
    with open(HEADER, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    text = re.sub(r"^\s*#.*$", " ", text, flags=re.M)
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)", " ", text)
    return set(re.findall(r"\b(\w+)\s*\(", text))


def check_exports():
    status, output = run("nm", "-D", "--defined-only", LIBRARY)
    report(status == 0, "nm reads the library", output)
    exported = {line.split()[-1].split("@")[0] for line in output.splitlines() if line.strip()}
    names = declared()
    report(len(names) > 0, "the header declares functions")
    missing, hidden = sorted(names - exported), sorted(exported - names)
    report(not missing, "every function that the header declares is exported", "not exported: " + ", ".join(missing))
    report(not hidden, "every symbol that the library exports is declared", "not declared: " + ", ".join(hidden))
    prefixes = re.compile(r"tls_(options|credentials|context|session|status)_|spantls_")
    strangers = [name for name in names if not prefixes.match(name)]
    report(not strangers, "every function has one of the library's prefixes", ", ".join(strangers))


def check_mentions():
    """Names in comments are there to be used: `tls_name()`, `TLS_NAME`, and `TLS_PREFIX_…` for all that begin so."""
    with open(HEADER, encoding="utf-8") as file:
        text = file.read()
    code = set(re.findall(r"\w+", re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)))
    comments = " ".join(re.findall(r"/\*.*?\*/", text, flags=re.S))
    functions = re.findall(r"`((?:tls|spantls)_\w+)\(\)`", comments)
    constants = re.findall(r"`((?:TLS|SPANTLS)_\w+)(…?)`", comments)
    missing = {name for name in functions if name not in code}
    missing |= {name for name, _ in constants if not any(known.startswith(name) for known in code)}
    missing |= {name for name, open_end in constants if not open_end and name not in code}
    report(functions and constants, "the header's comments mention functions and constants")
    report(not missing, "every name that the header's comments mention is there", ", ".join(sorted(missing)))


def check_table():
    with open(TABLE, encoding="utf-8") as file:
        rows = re.findall(r"^CALL\((\w+)", file.read(), flags=re.M)
    names = declared()
    missing, strangers = sorted(names - set(rows)), sorted(set(rows) - names)
    report(not missing, "every function has a row in calls.def", "no row: " + ", ".join(missing))
    report(not strangers, "every row of calls.def is a function", "not declared: " + ", ".join(strangers))
    report(len(rows) == len(set(rows)), "no function has two rows in calls.def")


def check_soname():
    _, output = run("readelf", "-d", LIBRARY)
    found = re.findall(r"\(SONAME\).*\[(.*?)\]", output)
    report(found == [SONAME], f"the library's SONAME is {SONAME}", f"found: {found}")
    needed = re.findall(r"\(NEEDED\).*\[(.*?)\]", output)
    system = re.compile(r"(libc|libm|libgcc_s|libpthread|libdl|librt|ld-linux.*)\.so")
    strangers = [name for name in needed if not system.match(name)]
    report(not strangers, "the library needs nothing but the system's", ", ".join(strangers))


def main():
    with tempfile.TemporaryDirectory() as folder:
        check_compilers(folder)
    check_exports()
    check_mentions()
    check_table()
    check_soname()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
