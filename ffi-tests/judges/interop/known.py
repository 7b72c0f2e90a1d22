"""What is known of cells that are not simply ok: known.toml. They are played like the others."""

import os
import tomllib
from typing import NamedTuple, Optional

from plays import ROLES, ROWS, VERSIONS

HERE = os.path.dirname(os.path.abspath(__file__))

OK, UNSUPPORTED, DIFFERS, FAILED, MISSING = "ok", "not supported", "differs", "failed", "missing"


class Cell(NamedTuple):
    peer: str
    row: str
    version: str
    role: str  # ours


class Result(NamedTuple):
    outcome: str
    note: Optional[int] = None  # the entry of known.toml that explains it
    faults: tuple = ()


def load(path=os.path.join(HERE, "known.toml")):
    with open(path, "rb") as file:
        return tomllib.load(file)["entry"]


def covers(entry, cell):
    return (cell.peer in entry["peers"] and cell.row in entry["rows"] and cell.version in entry.get("versions", VERSIONS)
            and cell.role in entry.get("we_are", ROLES))


def entry_of(entries, cell):
    """The number of the first entry that covers the cell, or None."""
    return next((number for number, entry in enumerate(entries) if covers(entry, cell)), None)


def judge(entries, cell, faults):
    """The result of a cell that was played. Only a failure with the words of its entry is explained; a cell that is listed and passes
    has failed."""
    number = entry_of(entries, cell)
    if number is None:
        return Result(FAILED, None, tuple(faults)) if faults else Result(OK)
    if not faults:
        return Result(FAILED, number, ("this cell passes, although known.toml says that it does not",))
    if any(words in fault for fault in faults for words in entries[number]["saw"]):
        return Result(UNSUPPORTED if entries[number].get("unsupported") else DIFFERS, number, tuple(faults))
    return Result(FAILED, number, (*faults, f"known.toml expects {' or '.join(entries[number]['saw'])}"))


def mistakes(entries, peers):
    """Entries that cannot be right."""
    rows = [row.name for row in ROWS]
    found = []
    for number, entry in enumerate(entries):
        found += [f"entry {number + 1}: there is no {kind} {name}" for kind, names, all_names in (
            ("peer", entry["peers"], peers), ("row", entry["rows"], rows), ("version", entry.get("versions", []), VERSIONS),
            ("role", entry.get("we_are", []), ROLES)) for name in names if name not in all_names]
        found += [f"entry {number + 1} has no `{key}`" for key in ("fault", "saw", "why") if not entry.get(key)]
    return found


def cells(peers):
    return [Cell(peer, row.name, version, role) for version in VERSIONS for role in ROLES for peer in peers for row in ROWS
            if version in row.versions]
