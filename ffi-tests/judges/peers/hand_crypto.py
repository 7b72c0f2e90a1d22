"""The little cryptography that a TLS peer made by hand needs: ChaCha20-Poly1305 (RFC 8439), X25519 (RFC 7748), Ed25519
(RFC 8032), HKDF (RFC 5869) and TLS 1.2's PRF (RFC 5246 section 5). For tests: slow, and nothing here is constant-time.
"""

import base64
import hashlib
import hmac
import struct

_P = 2**255 - 19


# --- ChaCha20-Poly1305 -----------------------------------------------------------------------------------------------

_QUARTERS = [(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
             (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)]
_MASK = 0xFFFFFFFF


def _chacha_block(key, counter, nonce):
    start = struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce)
    s = list(start)
    for _ in range(10):
        for a, b, c, d in _QUARTERS:
            s[a] = (s[a] + s[b]) & _MASK
            x = s[d] ^ s[a]
            s[d] = (x << 16 | x >> 16) & _MASK
            s[c] = (s[c] + s[d]) & _MASK
            x = s[b] ^ s[c]
            s[b] = (x << 12 | x >> 20) & _MASK
            s[a] = (s[a] + s[b]) & _MASK
            x = s[d] ^ s[a]
            s[d] = (x << 8 | x >> 24) & _MASK
            s[c] = (s[c] + s[d]) & _MASK
            x = s[b] ^ s[c]
            s[b] = (x << 7 | x >> 25) & _MASK
    return struct.pack("<16I", *((x + y) & _MASK for x, y in zip(s, start)))


def _chacha(key, nonce, data):
    blocks = range(1, 1 + (len(data) + 63) // 64)
    stream = b"".join(_chacha_block(key, counter, nonce) for counter in blocks)[:len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


def _tag(key, nonce, ciphertext, aad):
    one_time = _chacha_block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    pad = lambda data: data + bytes(-len(data) % 16)
    text = pad(aad) + pad(ciphertext) + struct.pack("<QQ", len(aad), len(ciphertext))
    total = 0
    for at in range(0, len(text), 16):
        total = (total + int.from_bytes(text[at:at + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(one_time[16:32], "little")) & (2**128 - 1)).to_bytes(16, "little")


def seal(key, nonce, plaintext, aad):
    ciphertext = _chacha(key, nonce, plaintext)
    return ciphertext + _tag(key, nonce, ciphertext, aad)


def unseal(key, nonce, sealed, aad):
    """The plaintext, or None if it is not authentic."""
    ciphertext, tag = sealed[:-16], sealed[-16:]
    return _chacha(key, nonce, ciphertext) if _tag(key, nonce, ciphertext, aad) == tag else None


# --- X25519 ----------------------------------------------------------------------------------------------------------

def x25519(scalar, point=(9).to_bytes(32, "little")):
    k = int.from_bytes(scalar, "little") & ~7 & (2**255 - 1) | 2**254
    u = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb, aa, bb = d * a % _P, c * b % _P, a * a % _P, b * b % _P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % _P, u * (da - cb) ** 2 % _P
        x2, z2 = aa * bb % _P, e * (aa + 121665 * e) % _P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, _P - 2, _P) % _P).to_bytes(32, "little")


# --- Ed25519 signatures ----------------------------------------------------------------------------------------------

_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * _D, 2 * p[2] * q[2]
    e, f, g, h = (b - a) % _P, (d - c) % _P, (d + c) % _P, (b + a) % _P
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times_base(scalar):
    total, power = (0, 1, 1, 0), _BASE
    while scalar:
        if scalar & 1:
            total = _add(total, power)
        power, scalar = _add(power, power), scalar >> 1
    return total


def _encode(point):
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def ed25519_sign(seed, message):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little") & ~7 & (2**254 - 1) | 2**254
    hashed = lambda *parts: int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % _L
    nonce = hashed(digest[32:], message)
    commitment = _encode(_times_base(nonce))
    challenge = hashed(commitment, _encode(_times_base(scalar)), message)
    return commitment + ((nonce + challenge * scalar) % _L).to_bytes(32, "little")


# --- PEM -------------------------------------------------------------------------------------------------------------

def pem_blocks(text):
    """The DER of each block."""
    blocks, lines = [], None
    for line in text.decode().splitlines():
        if line.startswith("-----BEGIN"):
            lines = []
        elif line.startswith("-----END"):
            blocks.append(base64.b64decode("".join(lines)))
            lines = None
        elif lines is not None:
            lines.append(line)
    return blocks


def ed25519_seed(pem):
    """RFC 8410 section 7: the seed ends the PKCS#8 structure."""
    return pem_blocks(pem)[0][-32:]


# --- Key schedules, with SHA-256 or another hash ----------------------------------------------------------------------

def mac(key, data, digest="sha256"):
    return hmac.new(key, data, digest).digest()


def hkdf_expand(secret, info, length, digest="sha256"):
    output, block, turn = b"", b"", 1
    while len(output) < length:
        block = mac(secret, block + info + bytes([turn]), digest)
        output, turn = output + block, turn + 1
    return output[:length]


def expand_label(secret, label, context, length, digest="sha256"):
    """RFC 8446 section 7.1."""
    full = b"tls13 " + label
    info = struct.pack(">HB", length, len(full)) + full + bytes([len(context)]) + context
    return hkdf_expand(secret, info, length, digest)


def prf(secret, label, seed, length, digest="sha256"):
    """RFC 5246 section 5."""
    seed, output = label + seed, b""
    a = seed
    while len(output) < length:
        a = mac(secret, a, digest)
        output += mac(secret, a + seed, digest)
    return output[:length]
