"""Reads include/spantls.h. What cbindgen writes is regular; a declaration that is not understood is an error, so that nothing is
left out unnoticed."""

import re
from typing import List, NamedTuple, Optional, Tuple, Union


class Type(NamedTuple):
    """`const uint8_t *` is Type("uint8_t", 1)."""

    base: str
    pointers: int


class Field(NamedTuple):
    name: str
    type: Type
    count: Optional[int]  # of an array
    doc: str


class Struct(NamedTuple):
    name: str
    fields: List[Field]
    doc: str


class Enumerator(NamedTuple):
    name: str
    value: int
    doc: str


class Enumeration(NamedTuple):
    name: str
    members: List[Enumerator]
    doc: str


class Constant(NamedTuple):
    name: str
    value: Union[int, str]
    doc: str


class Parameter(NamedTuple):
    name: str
    type: Type
    is_text: bool  # const char * that ends with NUL: no parameter says how long it is


class Function(NamedTuple):
    name: str
    result: Type
    parameters: List[Parameter]
    doc: str


class Header:
    """The declarations of a header, each kind in its order."""

    def __init__(self, text: str) -> None:
        self.constants: List[Constant] = []
        self.enumerations: List[Enumeration] = []
        self.handles: List[str] = []
        self.aliases: List[Tuple[str, Type]] = []
        self.structs: List[Struct] = []
        self.functions: List[Function] = []
        self._tokens = _tokens(text)
        self._at = 0
        while self._peek() is not None:
            self._declaration()

    # The tokens

    def _peek(self) -> Optional[str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self._peek()
        if token is None:
            raise SyntaxError("the header ends in the middle of a declaration")
        self._at += 1
        return token

    def _take(self, *wanted: str) -> bool:
        if self._tokens[self._at:self._at + len(wanted)] != list(wanted):
            return False
        self._at += len(wanted)
        return True

    def _must(self, *wanted: str) -> None:
        if not self._take(*wanted):
            self._refuse()

    def _refuse(self) -> None:
        raise SyntaxError("not understood: " + " ".join(self._tokens[max(0, self._at - 8):self._at + 8]))

    def _doc(self) -> str:
        """The last of the comments that stand here."""
        doc = ""
        while (self._peek() or "").startswith("/*"):
            doc = _words(self._next())
        return doc

    def _name(self) -> str:
        name = self._next()
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            self._refuse()
        return name

    # The declarations

    def _declaration(self) -> None:
        doc = self._doc()
        if self._peek() is None:
            return
        if (self._peek() or "").startswith("#define"):
            self._constant(self._next(), doc)
        elif self._take("typedef", "enum", "{"):
            self._enumeration(doc)
        elif self._take("typedef", "struct", "{"):
            self._struct(doc)
        elif self._take("typedef", "struct"):
            self.handles.append(self._name())
            self._must(self.handles[-1], ";")
        elif self._take("typedef"):
            alias = self._type()
            self.aliases.append((self._name(), alias))
            self._must(";")
        else:
            self._function(doc)

    def _constant(self, directive: str, doc: str) -> None:
        _, name, value = directive.split(None, 2)
        if not re.fullmatch(r"\w+", name):
            raise SyntaxError(f"not understood: {directive}")
        if value.startswith('"'):
            self.constants.append(Constant(name, value.strip('"'), doc))
        elif re.fullmatch(r"(?:0[xX][0-9A-Fa-f]+|\d+|[\s()+*<|-])+", value):
            self.constants.append(Constant(name, int(eval(value)), doc))  # numbers and operators alone
        else:
            raise SyntaxError(f"not understood: {directive}")

    def _enumeration(self, doc: str) -> None:
        members = []
        while not self._take("}"):
            about = self._doc()
            name = self._name()
            self._must("=")
            sign = -1 if self._take("-") else 1
            members.append(Enumerator(name, sign * int(self._next(), 0), about))
            self._take(",")
        self.enumerations.append(Enumeration(self._name(), members, doc))
        self._must(";")

    def _struct(self, doc: str) -> None:
        fields = []
        while not self._take("}"):
            about = self._doc()
            kind, name, count = self._type(), self._name(), None
            if self._take("["):
                count = self._number(self._next())
                self._must("]")
            self._must(";")
            fields.append(Field(name, kind, count, about))
        self.structs.append(Struct(self._name(), fields, doc))
        self._must(";")

    def _number(self, token: str) -> int:
        named = {constant.name: constant.value for constant in self.constants}
        return int(named.get(token, token))

    def _function(self, doc: str) -> None:
        self._take("SPANTLS_MUST_USE")
        result, name = self._type(), self._name()
        self._must("(")
        found: List[Tuple[str, Type, bool]] = []
        if not self._take("void", ")"):
            while not self._take(")"):
                constant = self._peek() == "const"
                kind = self._type()
                found.append((self._name(), kind, constant))
                self._take(",")
        self._must(";")
        lengths = {name for name, _, _ in found}
        parameters = [Parameter(name, kind, constant and kind == Type("char", 1) and f"{name}_len" not in lengths)
                      for name, kind, constant in found]
        self.functions.append(Function(name, result, parameters, doc))

    def _type(self) -> Type:
        self._take("const")
        self._take("struct")
        base, pointers = self._name(), 0
        while self._take("*") or self._take("const"):
            pointers += self._tokens[self._at - 1] == "*"
        return Type(base, pointers)


_TOKEN = re.compile(r"(/\*.*?\*/|^[ \t]*#[^\n]*|[A-Za-z_]\w*|0[xX][0-9A-Fa-f]+|\d+|[{}()\[\];,=*-]|\S)", flags=re.S | re.M)
# Of these only the compiler learns something.
_CONDITIONAL = re.compile(r"^[ \t]*#if(?:def)?[^\n]*(?:__cplusplus|defined\(__GNUC__\)).*?^[ \t]*#endif[^\n]*$", flags=re.S | re.M)
_IGNORED = re.compile(r"\s*#(?:include\b|ifndef\b|endif\b|define \w+\s*$)")


def _tokens(text: str) -> List[str]:
    if re.search(r"^(?:<{7}|={7}|>{7})", text, flags=re.M):
        raise SyntaxError("the header has conflict markers: run `make header` first")
    found = [token.strip() for token in _TOKEN.findall(_CONDITIONAL.sub("", text))]
    return [token for token in found if not (token.startswith("#") and _IGNORED.match(token))]


def _words(comment: str) -> str:
    """The text of a comment: lines are joined, paragraphs and items of lists stay apart by a newline."""
    lines = [line.strip().lstrip("*").strip() for line in comment[2:-2].split("\n")]
    text = "\n".join(lines).strip()
    return "\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n|\n(?=- )", text) if part.strip())
