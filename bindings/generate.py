#!/usr/bin/env python3
"""Writes the low-level part of the bindings from include/spantls.h: functions, structs, constants and enumerations.

    generate.py            writes them
    generate.py --check    fails if one of them is stale

What was there before is not read: after a conflict, or with an old version, simply run it.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)

from generator import csharp, python  # noqa: E402
from generator.header import Header  # noqa: E402


def made():
    with open(os.path.join(ROOT, "include", "spantls.h"), encoding="utf-8") as file:
        header = Header(file.read())
    return {**python.written(header, ROOT), **csharp.written(header, ROOT)}


def is_fresh(path, text):
    try:
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            return file.read() == text
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def main(arguments):
    stale = [(path, text) for path, text in made().items() if not is_fresh(path, text)]
    if arguments == ["--check"]:
        for path, _ in stale:
            print(f"{path} is stale: run `make bindings` and commit the result", file=sys.stderr)
        return 1 if stale else 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for path, text in stale:
        with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
