#!/usr/bin/env python3
"""Generate the C header from src/ffi, or check that the one in the tree is fresh.

usage: make_header.py [--check] HEADER

The build script (cargo feature `header`) fails on any warning of cbindgen, which otherwise drops what it cannot
express and says so in silence.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]


def generate(target: pathlib.Path) -> None:
    environment = dict(os.environ, SPANTLS_HEADER_OUT=str(target))
    command = [os.environ.get("CARGO", "cargo"), "check", "--quiet", "--features", "header"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def main() -> int:
    check = "--check" in sys.argv[1:]
    names = [argument for argument in sys.argv[1:] if argument != "--check"]
    if len(names) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    header = pathlib.Path(names[0]).resolve()
    if not check:
        generate(header)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        fresh = pathlib.Path(folder) / "spantls.h"
        generate(fresh)
        if fresh.read_bytes() == header.read_bytes():
            print(f"{names[0]} is fresh")
            return 0
    print(f"{names[0]} is stale: run `make header` and commit the result", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
