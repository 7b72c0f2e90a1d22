#!/usr/bin/env python3
"""Count the instructions of a handshake with callgrind: ours with one suspension, beside rustls's with none.

usage: instructions.py PROGRAM      (the built benchmark `handshake`; `make bench-handshake` finds it)
"""

import re
import subprocess
import sys
import tempfile

FEW, MANY = 20, 120


def instructions(program: str, which: str, number: int) -> int:
    with tempfile.NamedTemporaryFile() as out:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", program, which, str(number)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", run.stderr)[1])


def each(program: str, which: str) -> float:
    """What one more handshake costs: start-up falls out of the difference."""
    return (instructions(program, which, MANY) - instructions(program, which, FEW)) / (MANY - FEW)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    ours, theirs = each(sys.argv[1], "spantls"), each(sys.argv[1], "rustls")
    print(f"instructions of a handshake, both sides: spantls {ours:,.0f}, rustls {theirs:,.0f}: {ours / theirs:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
