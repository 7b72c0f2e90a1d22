"""DER, as far as certificates need it: every function returns an encoding as bytes (X.690)."""

import ipaddress


def tagged(tag, *contents):
    body = b"".join(contents)
    if len(body) < 0x80:
        length = bytes([len(body)])
    else:
        digits = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(digits)]) + digits
    return bytes([tag]) + length + body


def sequence(*items):
    return tagged(0x30, *items)


def set_of(*items):
    return tagged(0x31, *sorted(items))


def explicit(number, *items):
    """A constructed context-specific tag."""
    return tagged(0xA0 | number, *items)


def implicit(number, contents):
    """A primitive context-specific tag."""
    return tagged(0x80 | number, contents)


def boolean(value):
    return tagged(0x01, b"\xff" if value else b"\x00")


def integer(value):
    return tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def enumerated(value):
    return tagged(0x0A, bytes([value]))


def octets(contents):
    return tagged(0x04, contents)


def bits(contents):
    """A bit string of whole bytes."""
    return tagged(0x03, b"\x00", contents)


def flags(numbers):
    """A bit string of named bits: without trailing zeros (X.690 section 11.2.2)."""
    if not numbers:
        return tagged(0x03, b"\x00")
    size = max(numbers) // 8 + 1
    value = sum(1 << (size * 8 - 1 - number) for number in set(numbers))
    return tagged(0x03, bytes([7 - max(numbers) % 8]), value.to_bytes(size, "big"))


def oid(text):
    first, second, *rest = (int(arc) for arc in text.split("."))
    body = b""
    for arc in [first * 40 + second, *rest]:
        digits = bytes([arc & 0x7F])
        while arc := arc >> 7:
            digits = bytes([0x80 | arc & 0x7F]) + digits
        body += digits
    return tagged(0x06, body)


def utf8(text):
    return tagged(0x0C, text.encode())


def printable(text):
    return tagged(0x13, text.encode("ascii"))


def time(text):
    """`YYYYMMDDHHMMSSZ`: UTCTime before 2050, GeneralizedTime from then on (RFC 5280 section 4.1.2.5)."""
    return tagged(0x17, text[2:].encode()) if "1950" <= text[:4] < "2050" else tagged(0x18, text.encode())


def distinguished_name(common_name, string=utf8):
    """A name of one attribute, or of none for the empty text."""
    if not common_name:
        return sequence()
    return sequence(set_of(sequence(oid("2.5.4.3"), string(common_name))))


def general_name(text, subtree=False):
    """`KIND:value`. An IP subtree is an address with its mask (RFC 5280 section 4.2.1.10)."""
    kind, _, value = text.partition(":")
    if kind == "DNS":
        return implicit(2, value.encode().decode("unicode_escape").encode("latin-1"))
    if kind == "IP" and subtree:
        network = ipaddress.ip_network(value)
        return implicit(7, network.network_address.packed + network.netmask.packed)
    if kind == "IP":
        return implicit(7, ipaddress.ip_address(value).packed)
    if kind == "IP-HEX":
        return implicit(7, bytes.fromhex(value))
    if kind == "EMAIL":
        return implicit(1, value.encode())
    if kind == "URI":
        return implicit(6, value.encode())
    if kind == "DIRECTORY":
        return explicit(4, distinguished_name(value))
    raise ValueError(f"unknown kind of name: {text}")
