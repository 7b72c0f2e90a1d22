"""docs/interop.md, from the results, and its sum in docs/proof.md."""

import os
import re

from known import DIFFERS, FAILED, MISSING, OK, UNSUPPORTED, Cell
from ours import ROOT
from plays import ROLES, ROWS, VERSIONS

PROOF = os.path.join(ROOT, "docs", "proof.md")
PAGE = os.path.join(ROOT, "docs", "interop.md")
WORDS = {OK: "ok", UNSUPPORTED: "–", DIFFERS: "differs", FAILED: "**failed**", MISSING: "missing"}


def cell_text(result):
    return WORDS[result.outcome] + (f" [{result.note + 1}](#{anchor(result.note)})" if result.note is not None else "")


def anchor(number):
    return f"n{number + 1}"


def table(version, role, peers, results):
    rows = [row for row in ROWS if version in row.versions]
    lines = ["| peer | " + " | ".join(row.title for row in rows) + " |", "|---" * (len(rows) + 1) + "|"]
    for peer in peers:
        cells = [cell_text(results[Cell(peer.name, row.name, version, role)]) for row in rows]
        lines.append(f"| {peer.title} {peer.version} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def notes(entries):
    return [f'{number + 1}. <a id="{anchor(number)}"></a>{entry["fault"]}: {entry["why"]}' for number, entry in enumerate(entries)]


def text(peers, entries, results, sums):
    other = {"client": "server", "server": "client"}
    parts = [HEAD.format(passed=sums[0], failed=sums[1], missing=sums[2],
                         peers=sum(not peer.missing for peer in peers))]
    parts.append("\n".join(f"| {row.title} | {row.what} |" for row in ROWS))
    for version in VERSIONS:
        for role in ROLES:
            parts.append(f"\n## TLS {version}, we are the {role}, the peer is the {other[role]}\n\n" + table(version, role, peers, results))
    parts.append("\n## Notes\n")
    parts += notes(entries)
    gone = [f"- {peer.title} ({peer.name}): {peer.missing}" for peer in peers if peer.missing]
    if gone:
        parts.append("\n## Missing\n\n" + "\n".join(gone))
    return "\n".join(parts) + "\n"


HEAD = """# Interoperability

Sessions of this library with other implementations of TLS as peers. `make interop` fetches and builds the peers, plays every cell over
loopback, and writes this page. The peers and the harness are in [`ffi-tests/judges/interop`](../ffi-tests/judges/interop).

Of the last run: {passed} passed, {failed} failed, {missing} missing, with {peers} peers.

- *ok*: both sides report what the row demands.
- *–*: the peer does not have this. The note says how we know.
- *differs*: it fails for the reason in the note. The run fails if the cell passes, or if it fails for another reason.
- *missing*: the peer could not be had on the machine of the last run.

Options that a peer needs for a row, and does not have by default:

- GnuTLS: `GNUTLS_FORCE_CLIENT_CERT`, and BouncyCastle, Java, Go, NSS and Botan a callback: our server names its authorities, and they
  would not show a certificate of another one ("we refuse").
- Java: `com.sun.net.ssl.requireCloseNotify`, and Python `suppress_ragged_eofs=False`: else a cut is an end ("we cut").
- wolfSSL: a list of groups; by default its clients send a key share of P-521 alone, and our server asks for another.
- Go, Node.js, Python, BouncyCastle and the proxies have no function that changes keys: they change them when we demand it ("key updates").
- nginx, HAProxy and stunnel speak TLS with us and plain TCP with the program that plays the row. curl sends the bytes as a request of
  HTTP and receives them as its answer.

| row | what both sides do |
|---|---|"""


def write(peers, entries, results, sums):
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(text(peers, entries, results, sums))
    with open(PROOF, encoding="utf-8") as file:
        proof = file.read()
    line = f"{sums[0]} passed, {sums[1]} failed, {sums[2]} missing, with {sum(not peer.missing for peer in peers)} peers.\n"
    with open(PROOF, "w", encoding="utf-8") as file:
        file.write(re.sub(r"(<!-- interop -->\n).*?(<!-- -->)", lambda found: found[1] + line + found[2], proof, flags=re.DOTALL))
