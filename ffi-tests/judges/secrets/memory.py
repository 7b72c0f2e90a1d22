"""The writable memory of a process, searched for secrets.

A secret is found wherever 16 bytes of it lie in a row, or all of it if it is shorter: keys are 16 bytes at least. Any 16 bytes
in a row hold one of the secret's blocks of eight, counted from its beginning, so it is these that are looked for.
"""

import re

PAGE = 4096
BLOCK = 8
RUN = 16


def _writable(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            span, access, _, _, _, *name = line.split(maxsplit=5)
            if access.startswith("rw"):
                start, end = (int(number, 16) for number in span.split("-"))
                yield start, end, name[0].strip() if name else "anonymous"


def _pieces(memory):
    """Runs of pages that are not all zeros, with where they begin."""
    zeros = bytes(PAGE)
    start = None
    for at in range(0, len(memory) + PAGE, PAGE):
        empty = at >= len(memory) or memory[at:at + PAGE] == zeros
        if not empty and start is None:
            start = at
        elif empty and start is not None:
            yield start, memory[start:at]
            start = None


def _read(mem, start, end):
    mem.seek(start)
    memory = b""
    while len(memory) < end - start:
        more = mem.read(end - start - len(memory))
        if not more:
            raise EOFError(f"{start:x} ends early")
        memory += more
    return memory


def read(pid):
    """All writable memory that is not zeros, as (address, bytes, name of the mapping)."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for start, end, name in _writable(pid):
            memory = _read(mem, start, end)
            for at, piece in _pieces(memory):
                yield start + at, piece, name


def _common(memory, at, secret, offset):
    """Bytes around memory[at] that agree with the secret around its byte at `offset`."""
    before = after = 0
    while before < min(at, offset) and memory[at - before - 1] == secret[offset - before - 1]:
        before += 1
    while at + after < len(memory) and offset + after < len(secret) and memory[at + after] == secret[offset + after]:
        after += 1
    return before, before + after


def search(pieces, secrets):
    """Where the secrets, a dictionary by name, lie: a list of (name, address, bytes, mapping)."""
    blocks = {}
    for name, secret in secrets.items():
        step = BLOCK if len(secret) >= RUN else len(secret)
        for offset in range(0, len(secret) - step + 1, step):
            blocks.setdefault(secret[offset:offset + step], []).append((name, offset))
    found = {}
    for base, memory, mapping in pieces:
        for block, places in blocks.items():
            for match in re.finditer(re.escape(block), memory):
                for name, offset in places:
                    before, length = _common(memory, match.start(), secrets[name], offset)
                    if length >= min(RUN, len(secrets[name])):
                        found[name, base + match.start() - before] = (length, mapping)
    return [(name, address, length, mapping) for (name, address), (length, mapping) in sorted(found.items())]
