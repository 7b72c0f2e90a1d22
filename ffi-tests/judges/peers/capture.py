"""Conversations as a packet capture, made from the bytes that two ends exchanged: what a sniffer between them would
have written, without being one. For programs that read captures.
"""

import functools
import re
import shutil
import struct
import subprocess

RAW_IP = 101
SYN, ACK, PUSH, FIN = 0x02, 0x10, 0x08, 0x01
SERVER_PORT, FIRST_CLIENT_PORT = 443, 50000
SEGMENT = 1400


def write(path, conversations):
    """Each conversation is a list of (whether the client says it, bytes)."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, RAW_IP))
        turn = 0
        for index, conversation in enumerate(conversations):
            for packet in _packets(FIRST_CLIENT_PORT + index, conversation):
                turn += 1
                file.write(struct.pack("<IIII", 1_000_000_000, turn, len(packet), len(packet)) + packet)


def _packets(client_port, conversation):
    said = {True: 0, False: 0}  # the next sequence number of each end

    def packet(from_client, flags, data=b""):
        ports = (client_port, SERVER_PORT) if from_client else (SERVER_PORT, client_port)
        tcp = struct.pack(">HHIIBBHHH", *ports, said[from_client], said[not from_client], 5 << 4, flags, 65535, 0, 0)
        addresses = (b"\x0a\0\0\x01", b"\x0a\0\0\x02") if from_client else (b"\x0a\0\0\x02", b"\x0a\0\0\x01")
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(data), 0, 0, 64, 6, 0, *addresses)
        said[from_client] += len(data) + bool(flags & (SYN | FIN))
        return ip + tcp + data

    yield packet(True, SYN)
    yield packet(False, SYN | ACK)
    yield packet(True, ACK)
    for from_client, data in conversation:
        for at in range(0, len(data), SEGMENT):
            yield packet(from_client, ACK | PUSH, data[at:at + SEGMENT])
    yield packet(True, FIN | ACK)
    yield packet(False, FIN | ACK)


@functools.lru_cache(None)
def tshark():
    """Its path; None if it is not installed."""
    return shutil.which("tshark")


def read(path, *arguments):
    """What tshark makes of a capture."""
    result = subprocess.run([tshark(), "-n", "-r", path, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=60, check=True)
    return result.stdout.decode(errors="replace")


def plaintexts(path, key_log, count):
    """The plaintext of each conversation as tshark decrypts it with the key log, the bytes of both ends one behind
    the other; empty where it cannot."""
    follow = [part for index in range(count) for part in ("-z", f"follow,tls,raw,{index}")]
    text = read(path, "-q", "-o", f"tls.keylog_file:{key_log}", *follow)
    found = [b""] * count
    for section in text.split("Follow: tls,raw\n")[1:]:
        lines = section.split("====")[0].splitlines()
        index = int(lines[0].removeprefix("Filter: tcp.stream eq "))
        found[index] = b"".join(bytes.fromhex(line) for line in lines if re.fullmatch(r"\s*[0-9a-f]+", line))
    return found
