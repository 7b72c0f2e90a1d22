"""Writes SpanTls/NativeMethods.cs from include/spantls.h: every function with its parameters' names, blittable types only, handles
as SafeHandles.

    make_native.py            writes it
    make_native.py --check    fails if it is stale
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = os.path.join(HERE, "..", "..", "..", "include", "spantls.h")
TARGET = os.path.join(HERE, "..", "SpanTls", "NativeMethods.cs")

HANDLES = {"tls_credentials_t": "CredentialsHandle", "tls_options_t": "OptionsHandle", "tls_context_t": "ContextHandle",
           "tls_session_t": "SessionHandle"}
TYPES = {
    "void": "void", "void *": "byte*", "size_t": "nuint", "size_t *": "nuint*", "uint8_t *": "byte*", "char *": "byte*", "uint8_t": "byte",
    "uint16_t": "ushort", "uint16_t *": "ushort*", "uint32_t": "uint", "uint32_t *": "uint*", "int32_t": "int", "int64_t": "long",
    "tls_status_t": "int", "spantls_socket_t": "nint", "spantls_span_t *": "NativeSpan*", "spantls_error_t *": "NativeError*",
    "spantls_session_stats_t *": "NativeStats*", "spantls_client_hello_info_t *": "NativeClientHello*",
}


def functions():
    with open(HEADER, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/|^\s*#.*?$", " ", file.read(), flags=re.S | re.M).replace("SPANTLS_MUST_USE", "")
    for result, stars, name, parameters in re.findall(
            r"\b((?:const )?\w+)\s*(\**)\s*\b((?:tls|spantls)_\w+)\s*\(([^()]*)\)\s*;", text):
        yield name, (f"{result} {stars}".strip()), [part.strip() for part in parameters.split(",") if part.strip() != "void"]


def managed(declared, releases):
    """The C# type of a C type."""
    plain = re.sub(r"\bconst\b|\bstruct\b", "", declared).strip()
    plain = re.sub(r"\s*\*", " *", plain).replace("* *", "**")
    base = plain.split()[0]
    if base in HANDLES:
        return "out IntPtr" if plain.endswith("**") else "IntPtr" if releases else HANDLES[base]
    return TYPES[re.sub(r"\s+", " ", plain)]


def text():
    lines = [
        "// Written by tools/make_native.py from include/spantls.h.", "",
        "using System;", "using System.Runtime.InteropServices;", "", "namespace SpanTls;", "",
        "internal static unsafe partial class NativeMethods", "{", '    internal const string Library = "spantls";', ""]
    for name, result, parameters in functions():
        releases = name.endswith("_destroy")
        arguments = []
        for parameter in parameters:
            declared, argument = re.match(r"(.*?)(\w+)$", parameter, flags=re.S).groups()
            words = argument.split("_")
            arguments.append(f"{managed(declared, releases)} {words[0]}{''.join(word.title() for word in words[1:])}")
        lines += ["    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]",
                  f"    internal static extern {managed(result, True)} {name}({', '.join(arguments)});", ""]
    lines[-1] = "}"
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        with open(TARGET, encoding="utf-8") as file:
            if file.read() != text():
                sys.exit("SpanTls/NativeMethods.cs is stale: run bindings/dotnet/tools/make_native.py")
    else:
        with open(TARGET, "w", encoding="utf-8") as file:
            file.write(text())
