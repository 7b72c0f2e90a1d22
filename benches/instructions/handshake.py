#!/usr/bin/env python3
"""Count the instructions of a handshake with callgrind: ours with one and with three suspensions, beside rustls's with none.

usage: handshake.py PROGRAM      (the built benchmark `handshake`; `make bench-handshake` finds it)
"""

import re
import subprocess
import sys
import tempfile

FEW, MANY = 20, 120


KEYS = ["server-p256", "server-rsa2048"]


def instructions(program: str, which: str, key: str, number: int) -> int:
    with tempfile.NamedTemporaryFile() as out:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", program, which, key, str(number)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(re.search(r"Collected : (\d+)", run.stderr)[1])


def each(program: str, which: str, key: str) -> float:
    """What one more handshake costs: start-up falls out of the difference."""
    return (instructions(program, which, key, MANY) - instructions(program, which, key, FEW)) / (MANY - FEW)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    program = sys.argv[1]
    print("instructions of a TLS 1.3 handshake, both sides together")
    for key in KEYS:
        theirs, one, three, check, hybrid = (
            each(program, which, key) for which in ["rustls", "one", "three", "verify", "hybrid"])
        print(f"{key}: rustls {theirs:,.0f}")
        print(f"  spantls, one suspension (verdict)                           {one:,.0f}: {one / theirs:.3f}")
        print(f"  spantls, three suspensions (ClientHello, signature, verdict) {three:,.0f}: {three / theirs:.3f}")
        print(f"    of which the check of the signature                       {check:,.0f}: {check / theirs:.3f}")
        print(f"    without it                                                {three - check:,.0f}: "
              f"{(three - check) / theirs:.3f}")
        print(f"  spantls, one suspension, X25519MLKEM768 instead of X25519    {hybrid:,.0f}: {hybrid / theirs:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
