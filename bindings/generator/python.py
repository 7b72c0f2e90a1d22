"""Python's low-level module: constants, enumerations, structs and the functions' types, for ctypes."""

import os
import re
import textwrap
from typing import Dict, Union

from . import names
from .header import Enumeration, Field, Function, Header, Struct, Type

WIDTH = 128
SCALARS = {
    "size_t": "c_size_t", "ptrdiff_t": "c_ssize_t", "int32_t": "c_int32", "int64_t": "c_int64", "uint8_t": "c_uint8",
    "uint16_t": "c_uint16", "uint32_t": "c_uint32", "uint64_t": "c_uint64", "char": "c_char",
}
HEAD = '''"""The C interface, for ctypes. Written by bindings/generate.py from include/spantls.h: `make bindings`. Do not edit."""

from __future__ import annotations

import ctypes
import enum
from ctypes import (c_char, c_char_p, c_int32, c_int64, c_size_t, c_ssize_t, c_uint8, c_uint16, c_uint32, c_uint64,
                    c_void_p)
from typing import Any, Dict, Tuple
'''
DECLARE = '''

def declare(library: ctypes.CDLL) -> None:
    """Gives the functions of the library their types. AttributeError: an older library, which lacks one of them."""
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
'''


class Python:
    def __init__(self, header: Header, package: str) -> None:
        self._header = header
        self._aliases = dict(header.aliases)
        self._structs = {struct.name for struct in header.structs}
        self._classes = {kind.name: names.PYTHON.get(kind.name, names.pascal(names.words(kind.name)))
                         for kind in header.enumerations}
        self._members = _members(package)

    def text(self) -> str:
        header = self._header
        parts = [HEAD + "\n"]
        parts += [f"{constant.name.replace('SPANTLS_', '', 1)} = {_literal(constant.value)}\n" + self._doc(constant.doc, "")
                  for constant in header.constants]
        parts += [self._enumeration(kind) for kind in header.enumerations]
        parts += [self._struct(struct) for struct in header.structs]
        parts.append("\n\n# Each function's result and arguments.\n"
                     "FUNCTIONS: Dict[str, Tuple[Any, Tuple[Any, ...]]] = {\n"
                     + "".join(self._function(function) for function in header.functions) + "}\n")
        parts.append(DECLARE)
        public = [name.replace("SPANTLS_", "", 1) for name in (constant.name for constant in header.constants)]
        listed = ", ".join(f'"{name}"' for name in public + list(self._classes.values()))
        parts.append("\n\n# What the package passes on.\n__all__ = [\n" + textwrap.fill(
            listed, WIDTH, initial_indent="    ", subsequent_indent="    ") + ",\n]\n")
        return "".join(parts)

    def _enumeration(self, kind: Enumeration) -> str:
        start = names.prefix(kind)
        base = "IntFlag" if names.is_flags(kind) else "IntEnum"
        text = f"\n\nclass {self._classes[kind.name]}(enum.{base}):\n" + self._doc(kind.doc, "    ") + "\n"
        if kind.name in names.PYTHON_NONE:
            text += "    NONE = 0\n"
        for member in kind.members:
            text += f"    {_identifier(member.name[len(start):])} = {names.number(member.value)}\n" + self._doc(member.doc, "    ")
        return text if base == "IntFlag" else text + self._c_name(start)

    @staticmethod
    def _c_name(start: str) -> str:
        return f'''
    @property
    def c_name(self) -> str:
        """The name in the C header."""
        return "{start}" + self.name
'''

    def _struct(self, struct: Struct) -> str:
        fields = "".join(f'        ("{field.name}", {self._field(field)}),\n' for field in struct.fields)
        return f"\n\nclass {struct.name}(ctypes.Structure):\n{self._doc(struct.doc, '    ')}\n    _fields_ = [\n{fields}    ]\n"

    def _field(self, field: Field) -> str:
        kind = self._type(field.type)
        return kind if field.count is None else f"{kind} * {field.count}"

    def _function(self, function: Function) -> str:
        result = "c_char_p" if function.result == Type("char", 1) else self._type(function.result)
        arguments = ["c_char_p" if parameter.is_text else self._type(parameter.type) for parameter in function.parameters]
        listed = "(" + ", ".join(arguments) + ("," if len(arguments) == 1 else "") + ")"
        return f'    "{function.name}": ({result}, {listed}),\n'

    def _type(self, kind: Type) -> str:
        """Every pointer is a c_void_p: it takes bytes, byref() and arrays, and costs least."""
        while kind.base in self._aliases:
            alias = self._aliases[kind.base]
            kind = Type(alias.base, alias.pointers + kind.pointers)
        if kind.pointers:
            return "c_void_p"
        if kind.base == "void":
            return "None"
        return kind.base if kind.base in self._structs else SCALARS[kind.base]

    def _doc(self, text: str, indent: str) -> str:
        if not text:
            return ""
        text = re.sub(r"`([^`]*)`", lambda found: self._quoted(found[1]), text).replace("\\", "\\\\")
        lines = textwrap.wrap('"""' + text + '"""', WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
        return "".join(indent + line + "\n" for line in lines)

    def _quoted(self, code: str) -> str:
        """What the header says of C, in Python's names where there are any."""
        called = re.fullmatch(r"((?:tls|spantls)_\w+)\(\)", code)
        if called:
            return self._members.get(called[1], code)
        for kind in self._header.enumerations:
            start = names.prefix(kind)
            if code == start + "…":
                return self._classes[kind.name]
            if code in {member.name for member in kind.members}:
                return f"{self._classes[kind.name]}.{_identifier(code[len(start):])}"
        return code


def _literal(value: Union[int, str]) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _identifier(name: str) -> str:
    return name if not name[:1].isdigit() else f"_{name}"


def _members(package: str) -> Dict[str, str]:
    """The package's method or property for each function that has one of the same name."""
    found: Dict[str, str] = {}
    for module, owner in (("_session.py", "Session"), ("_context.py", "Options"), ("_context.py", "Credentials"),
                          ("_context.py", "Context")):
        with open(os.path.join(package, module), encoding="utf-8") as file:
            body = re.split(rf"^class {owner}\b", file.read(), maxsplit=1, flags=re.M)[1]
        body = re.split(r"^\S", body.split("\n", 1)[1], maxsplit=1, flags=re.M)[0]
        for is_property, name in re.findall(r"^    (@property\s+)?def (\w+)\(", body, flags=re.M):
            found[f"tls_{owner.lower()}_{name}"] = f"{owner}.{name}" + ("" if is_property else "()")
    return {**found, **names.PYTHON_MEMBERS}


def written(header: Header, root: str) -> Dict[str, str]:
    """The files, relative to the repository's root, and their texts."""
    place = os.path.join("bindings", "python", "spantls")
    return {os.path.join(place, "_native.py"): Python(header, os.path.join(root, place)).text()}
