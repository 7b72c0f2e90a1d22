"""What a ClientHello says, by a plain reading of RFC 8446 section 4.1.2 and of the definitions of its two fingerprints:
JA3 (README of github.com/salesforce/ja3) and JA4 (technical_details/JA4.md of github.com/FoxIO-LLC/ja4). It is there to
be compared with what the library says, and shares nothing with it. It trusts its input.
"""

import hashlib
import ipaddress

from hand_peer import ALPN, EC_POINT_FORMATS, HANDSHAKE, KEY_SHARE, SERVER_NAME, SIGNATURE_ALGORITHMS
from hand_peer import SUPPORTED_GROUPS, SUPPORTED_VERSIONS, records

SIGNATURE_ALGORITHMS_CERT = 50

# RFC 8701 section 2.
GREASE = {high << 12 | 0x0A00 | high << 4 | 0x0A for high in range(16)}

JA4_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}


def first_message(data):
    """The first handshake message of a stream of records, fragments joined; None while it is incomplete."""
    joined = b"".join(payload for kind, _, payload in records(data)[0] if kind == HANDSHAKE)
    if len(joined) < 4 or len(joined) < 4 + int.from_bytes(joined[1:4], "big"):
        return None
    return joined[:4 + int.from_bytes(joined[1:4], "big")]


class Facts:
    def __init__(self, raw):
        self.raw = raw
        self.parts = {"random": (6, 32)}  # name: (offset, length), of what is there
        at = self._part("session_id", 38, 1)
        at = self._part("cipher_suites", at, 2)
        at += 1 + raw[at]  # compression methods
        self.extensions = {}  # type: (offset, length), in the order of the message
        if at < len(raw):
            end = self._part("extensions", at, 2)
            at += 2
            while at < end:
                kind, length = self._number(at), self._number(at + 2)
                self.extensions[kind] = (at + 4, length)
                at += 4 + length
        for name, kind, width in (
            ("supported_versions", SUPPORTED_VERSIONS, 1), ("supported_groups", SUPPORTED_GROUPS, 2),
            ("signature_algorithms", SIGNATURE_ALGORITHMS, 2), ("alpn", ALPN, 2),
            ("signature_algorithms_cert", SIGNATURE_ALGORITHMS_CERT, 2),
        ):
            if kind in self.extensions:
                self._part(name, self.extensions[kind][0], width)
        if SERVER_NAME in self.extensions:
            self._server_name(self.extensions[SERVER_NAME][0])

    def _number(self, at):
        return int.from_bytes(self.raw[at:at + 2], "big")

    def _part(self, name, at, width):
        """A vector with a length of `width` bytes; where it ends."""
        length = int.from_bytes(self.raw[at:at + width], "big")
        self.parts[name] = (at + width, length)
        return at + width + length

    def _server_name(self, at):
        """RFC 6066 section 3: a list with a host name, which no IP address is; the dot at its end is none of it."""
        offset, length = at + 5, self._number(at + 3)
        text = self.raw[offset:offset + length].decode()
        try:
            ipaddress.ip_address(text)
        except ValueError:
            self.parts["server_name"] = (offset, length - text.endswith("."))

    def bytes(self, name):
        offset, length = self.parts.get(name, (0, 0))
        return self.raw[offset:offset + length]

    def numbers(self, name):
        data = self.bytes(name)
        return [int.from_bytes(data[at:at + 2], "big") for at in range(0, len(data), 2)]

    def protocols(self):
        names, data = [], self.bytes("alpn")
        while data:
            names.append(data[1:1 + data[0]])
            data = data[1 + data[0]:]
        return names

    def server_name(self):
        return self.bytes("server_name").decode()

    def key_share_groups(self):
        if KEY_SHARE not in self.extensions:
            return []
        offset, length = self.extensions[KEY_SHARE]
        groups, at = [], offset + 2
        while at < offset + length:
            groups.append(self._number(at))
            at += 4 + self._number(at + 2)
        return groups

    @property
    def legacy_version(self):
        return self._number(4)

    # The fingerprints

    def ja3_text(self):
        formats = b""
        if EC_POINT_FORMATS in self.extensions:
            offset, length = self.extensions[EC_POINT_FORMATS]
            formats = self.raw[offset + 1:offset + length]
        lists = self.numbers("cipher_suites"), self.extensions, self.numbers("supported_groups"), formats
        return ",".join([str(self.legacy_version), *("-".join(map(str, _quiet(numbers))) for numbers in lists)])

    def ja3(self):
        return hashlib.md5(self.ja3_text().encode(), usedforsecurity=False).hexdigest()

    def _ja4(self, hashed):
        suites, kinds = _quiet(self.numbers("cipher_suites")), _quiet(self.extensions)
        version = self.legacy_version
        if SUPPORTED_VERSIONS in self.extensions:
            version = max(_quiet(self.numbers("supported_versions")), default=0)
        alpn = "00"
        if self.protocols():
            first = self.protocols()[0]
            ends = bytes([first[0], first[-1]])
            alpn = ends.decode() if ends.isalnum() else first.hex()[0] + first.hex()[-1]
        head = (f"t{JA4_VERSIONS.get(version, '00')}{'d' if SERVER_NAME in self.extensions else 'i'}"
                f"{min(len(suites), 99):02}{min(len(kinds), 99):02}{alpn}")
        others = _hex(sorted(kind for kind in kinds if kind not in (SERVER_NAME, ALPN)))
        schemes = _hex(_quiet(self.numbers("signature_algorithms")))
        lists = [_hex(sorted(suites)), others + ("_" + schemes if schemes else "")]
        if hashed:
            lists = [hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12 for text in lists]
        return "_".join([head, *lists])

    def ja4_text(self):
        return self._ja4(False)

    def ja4(self):
        return self._ja4(True)


def _quiet(numbers):
    return [number for number in numbers if number not in GREASE]


def _hex(numbers):
    return ",".join(f"{number:04x}" for number in numbers)
