"""SpanTls's low-level part: Enums.cs, NativeStructs.cs and NativeMethods.cs."""

import glob
import os
import re
import textwrap
from typing import Dict, List, Tuple
from xml.sax.saxutils import escape

from . import names
from .header import Enumeration, Field, Function, Header, Parameter, Struct, Type

WIDTH = 128
SCALARS = {
    "void": "void", "size_t": "nuint", "ptrdiff_t": "nint", "int32_t": "int", "int64_t": "long", "uint8_t": "byte",
    "uint16_t": "ushort", "uint32_t": "uint", "uint64_t": "ulong", "char": "byte",
}
HEAD = "// Written by bindings/generate.py from include/spantls.h: `make bindings`. Do not edit.\n\n"


class CSharp:
    def __init__(self, header: Header, folder: str) -> None:
        self._header = header
        self._aliases = dict(header.aliases)
        self._structs = {struct.name: "Native" + names.pascal(names.words(struct.name)) for struct in header.structs}
        self._handles = {handle: names.pascal(names.words(handle)) + "Handle" for handle in header.handles}
        self._enumerators = _enumerators(header)
        self._members = _members(folder)

    # Enumerations

    def enumerations(self) -> str:
        kinds = [self._enumeration(kind, managed, is_public)
                 for kind in self._header.enumerations for managed, is_public in _managed(kind)]
        return HEAD + "using System;\n\nnamespace SpanTls;\n\n" + "\n".join(kinds)

    def _enumeration(self, kind: Enumeration, managed: names.Managed, is_public: bool) -> str:
        text = _summary(managed.summary if is_public else self._doc(kind.doc), "")
        text += "[Flags]\n" if names.is_flags(kind) else ""
        text += f"{'public' if is_public else 'internal'} enum {managed.name}\n{{\n"
        if managed.none is not None:
            text += _summary(managed.none, "    ") + "    None = 0,\n"
        start = names.prefix(kind)
        for member in kind.members:
            if managed.has(member.value):
                text += _summary(self._doc(member.doc), "    ")
                text += f"    {_identifier(member.name[len(start):])} = {names.number(member.value)},\n"
        return text + "}\n"

    def _doc(self, text: str) -> str:
        return re.sub(r"`([^`]*)`", lambda found: self._quoted(found[1]), escape(text))

    def _quoted(self, code: str) -> str:
        """What the header says of C, in C#'s names where there are any."""
        called = re.fullmatch(r"((?:tls|spantls)_\w+)\(\)", code)
        known = self._members.get(called[1]) if called else self._enumerators.get(code)
        return f'<see cref="{known}"/>' if known else f"<c>{code}</c>"

    # Structs

    def structs(self) -> str:
        return (HEAD + "using System.Runtime.InteropServices;\n\nnamespace SpanTls;\n\n"
                + "\n".join(self._struct(struct) for struct in self._header.structs))

    def _struct(self, struct: Struct) -> str:
        fields = "".join(f"    internal {self._field(field)};\n" for field in struct.fields)
        return f"[StructLayout(LayoutKind.Sequential)]\ninternal unsafe struct {self._structs[struct.name]}\n{{\n{fields}}}\n"

    def _field(self, field: Field) -> str:
        kind, name = self._type(field.type), names.pascal(field.name)
        return f"{kind} {name}" if field.count is None else f"fixed {kind} {name}[{field.count}]"

    # Functions

    def functions(self) -> str:
        constants = "".join(self._constant(constant.name, constant.value) for constant in self._header.constants)
        return (HEAD + "using System;\nusing System.Runtime.InteropServices;\n\nnamespace SpanTls;\n\n"
                "internal static unsafe partial class NativeMethods\n{\n"
                '    internal const string Library = "spantls";\n' + constants + "\n"
                + "\n".join(self._function(function) for function in self._header.functions) + "}\n")

    @staticmethod
    def _constant(name: str, value: object) -> str:
        name = names.pascal(name.replace("SPANTLS_", "", 1))
        return (f'    internal const string {name} = "{value}";\n' if isinstance(value, str)
                else f"    internal const int {name} = {value};\n")

    def _function(self, function: Function) -> str:
        releases = function.name.endswith("_destroy")
        parameters = ", ".join(f"{self._parameter(parameter, releases)} {names.camel(parameter.name)}"
                               for parameter in function.parameters)
        return ("    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]\n"
                f"    internal static extern {self._type(function.result)} {function.name}({parameters});\n")

    def _parameter(self, parameter: Parameter, releases: bool) -> str:
        kind = parameter.type
        if kind.base in self._handles:
            return "out IntPtr" if kind.pointers == 2 else "IntPtr" if releases else self._handles[kind.base]
        return self._type(kind)

    def _type(self, kind: Type) -> str:
        while kind.base in self._aliases:
            alias = self._aliases[kind.base]
            kind = Type(alias.base, alias.pointers + kind.pointers)
        return (self._structs.get(kind.base) or SCALARS[kind.base]) + "*" * kind.pointers


def _managed(kind: Enumeration) -> List[Tuple[names.Managed, bool]]:
    """C#'s enumerations for one of C, and whether they are public."""
    if kind.name in names.MANAGED:
        return [(managed, True) for managed in names.MANAGED[kind.name]]
    return [(names.Managed("Tls" + names.pascal(names.words(kind.name)), ""), False)]


def _enumerators(header: Header) -> Dict[str, str]:
    found = {}
    for kind in header.enumerations:
        for managed, is_public in _managed(kind):
            for member in kind.members:
                if is_public and managed.has(member.value):
                    found[member.name] = f"{managed.name}.{_identifier(member.name[len(names.prefix(kind)):])}"
    return found


def _members(folder: str) -> Dict[str, str]:
    """TlsSession's public members by the function of the same name; overloads are left out, since nothing says which is meant."""
    found: Dict[str, List[str]] = {}
    for path in glob.glob(os.path.join(folder, "TlsSession*.cs")):
        with open(path, encoding="utf-8") as file:
            for name in re.findall(r"^    public [^(={\n]*?\b(\w+)(?:\(|\s*=>|\s*\{|\s*$)", file.read(), flags=re.M):
                found.setdefault("tls_session" + re.sub("([A-Z])", r"_\1", name).lower(), []).append(f"TlsSession.{name}")
    return {**{function: members[0] for function, members in found.items() if len(members) == 1}, **names.MANAGED_MEMBERS}


def _identifier(name: str) -> str:
    name = names.pascal(name)
    return name if not name[:1].isdigit() else f"_{name}"


def _summary(text: str, indent: str) -> str:
    if not text:
        return ""
    whole = text.replace("<see cref", "<see\0cref")  # a tag stays in one line
    lines = textwrap.wrap(f"<summary>{whole}</summary>", WIDTH - len(indent) - 4, break_long_words=False, break_on_hyphens=False)
    return "".join(f"{indent}/// {line}\n" for line in lines).replace("\0", " ")


def written(header: Header, root: str) -> Dict[str, str]:
    """The files, relative to the repository's root, and their texts."""
    place = os.path.join("bindings", "dotnet", "SpanTls")
    made = CSharp(header, os.path.join(root, place))
    return {os.path.join(place, "Enums.cs"): made.enumerations(), os.path.join(place, "NativeStructs.cs"): made.structs(),
            os.path.join(place, "NativeMethods.cs"): made.functions()}
