"""What a process must not have kept: everything that follows from what the peer knows of a session."""

import hashlib

from hand_crypto import expand_label, hkdf_expand, mac, pem_blocks, prf

# By IANA number: hash, bytes of a key, of a fixed IV in TLS 1.2, name in OpenSSL.
SUITES = {
    0x1301: ("sha256", 16, None, None),
    0x1302: ("sha384", 32, None, None),
    0x1303: ("sha256", 32, None, None),
    0xC02B: ("sha256", 16, 4, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    0xC02C: ("sha384", 32, 4, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    0xCCA9: ("sha256", 32, 12, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    0xC02F: ("sha256", 16, 4, "ECDHE-RSA-AES128-GCM-SHA256"),
    0xC030: ("sha384", 32, 4, "ECDHE-RSA-AES256-GCM-SHA384"),
    0xCCA8: ("sha256", 32, 12, "ECDHE-RSA-CHACHA20-POLY1305"),
}
GENERATIONS = 3
VALIDATION_TIME_NOW = (-1).to_bytes(8, "big", signed=True)


def _iv(name, iv):
    """As derived, and as the two numbers that the record layer makes of it."""
    return {name: iv, f"{name}, as numbers": iv[7::-1] + iv[:7:-1]}


def of_tls13(suite, logged):
    """Secrets from a key log, by label, and what derives from them (RFC 8446 section 7)."""
    digest, key_len, _, _ = SUITES[suite]
    hash_len = hashlib.new(digest).digest_size
    found = {}

    def keys(name, secret):
        found[f"{name}: secret"] = secret
        found[f"{name}: key"] = expand_label(secret, b"key", b"", key_len, digest)
        found.update(_iv(f"{name}: iv", expand_label(secret, b"iv", b"", 12, digest)))

    for side in ("client", "server"):
        handshake = logged[f"{side.upper()}_HANDSHAKE_TRAFFIC_SECRET"]
        keys(f"{side}'s handshake", handshake)
        found[f"{side}'s handshake: finished key"] = expand_label(handshake, b"finished", b"", hash_len, digest)
        secret = logged.get(f"{side.upper()}_TRAFFIC_SECRET_0")
        if secret is None:
            continue  # The handshake has not come so far.
        for generation in range(GENERATIONS):
            keys(f"{side}'s traffic {generation}", secret)
            found[f"{side}'s traffic {generation}: finished key"] = expand_label(secret, b"finished", b"", hash_len, digest)
            secret = expand_label(secret, b"traffic upd", b"", hash_len, digest)
    exporter = logged.get("EXPORTER_SECRET")
    if exporter is None:
        return found
    found["exporter: secret"] = exporter
    empty = hashlib.new(digest).digest()
    for label, context in ((b"EXPORTER-of-a-test", b"context"), (b"EXPORTER-Channel-Binding", b"")):
        derived = expand_label(exporter, label, empty, hash_len, digest)
        found[f"{label.decode()}: secret"] = derived
        context = hashlib.new(digest, context).digest()
        found[f"{label.decode()}: material"] = expand_label(derived, b"exporter", context, 40, digest)
    return found


def of_psk(suite, psk):
    """A TLS 1.3 ticket's pre-shared key and the secrets above a handshake that it begins."""
    digest = SUITES[suite][0]
    hash_len = hashlib.new(digest).digest_size
    early = mac(bytes(hash_len), psk, digest)
    empty = hashlib.new(digest).digest()
    binder = expand_label(early, b"res binder", empty, hash_len, digest)
    return {
        "psk": psk,
        "psk: early secret": early,
        "psk: binder key": binder,
        "psk: binder's finished key": expand_label(binder, b"finished", b"", hash_len, digest),
        "psk: derived secret": expand_label(early, b"derived", empty, hash_len, digest),
    }


def of_tls12(suite, master, client_random, server_random):
    """RFC 5246 sections 6.3 and 8.1, RFC 5705."""
    digest, key_len, iv_len, _ = SUITES[suite]
    block = prf(master, b"key expansion", server_random + client_random, 2 * (key_len + iv_len), digest)
    randoms = client_random + server_random
    with_context = randoms + b"\0\7context"
    ivs = block[2 * key_len:]
    found = {
        "master secret": master,
        "client's key": block[:key_len],
        "server's key": block[key_len:2 * key_len],
        "key block": block,
        "EXPORTER-of-a-test: material": prf(master, b"EXPORTER-of-a-test", with_context, 40, digest),
        "EXPORTER-Channel-Binding: material": prf(master, b"EXPORTER-Channel-Binding", randoms + b"\0\0", 40, digest),
    }
    # Four bytes are found anywhere.
    if iv_len == 12:
        found.update({**_iv("client's iv", ivs[:12]), **_iv("server's iv", ivs[12:])})
    return found


def admission(asks_clients, tls12, tls13):
    """What our server's tickets are bound to, where nothing else is configured: see `Options::admission`."""
    return _digest([bytes([asks_clients, 0, 1, tls12, tls13, 0, 0]), VALIDATION_TIME_NOW, *[bytes(8)] * 3])


def _digest(parts):
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


def who(leaf):
    """Whom a certificate names: see src/trust/who.rs."""
    ((_, certificate),) = _elements(leaf)
    (_, signed), *_ = _elements(certificate)
    fields = list(_elements(signed))
    subject, extensions = fields[5][1], fields[-1][1]
    ((_, extensions),) = _elements(extensions)
    for _, extension in _elements(extensions):
        (_, identifier), *_, (_, value) = _elements(extension)
        if identifier == b"\x55\x1d\x11":
            ((_, names),) = _elements(value)
            names = {(tag, name.lower() if tag == 0x82 else name) for tag, name in _elements(names)}
            return _digest([b"names", subject, *(part for tag, name in sorted(names) for part in (bytes([tag]), name))])
    return _digest([b"certificate", leaf])


def of_ticket(root, ticket, bound_to):
    """What our servers' tickets are sealed with: see src/crypto/ticket_keys.rs."""
    secret = mac(ticket[8:40], root)
    key = hkdf_expand(secret, b"spantls session ticket 3" + bound_to, 32)
    return {"ticket: root": root, "ticket: extracted": secret, "ticket: key": key}


# --- Private keys ----------------------------------------------------------------------------------------------------

def _elements(der):
    """The elements within DER bytes: (tag, content)."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(der[at:at + count], "big"), at + count
        yield tag, der[at:at + length]
        at += length


# Of the groups on P-256 and P-384, by the bytes of a scalar.
ORDERS = {
    32: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551,
    48: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973,
}


def of_private_key(pem):
    """The numbers of a PKCS#8 key, as the file has them and as computers do, and the file's text."""
    _, outer = next(_elements(pem_blocks(pem)[0]))
    _, (_, algorithm), (_, key) = list(_elements(outer))[:3]
    inner = list(_elements(next(_elements(key))[1]))
    if next(_elements(key))[0] == 4:
        numbers = {"seed": next(_elements(key))[1]}
        expanded = hashlib.sha512(numbers["seed"]).digest()
        # RFC 8032 section 5.1.5: the first and the last byte of the scalar are changed.
        numbers.update({"expanded scalar": expanded[1:31], "expanded prefix": expanded[32:]})
    elif len(inner) >= 9:
        names = ("d", "p", "q", "d mod p-1", "d mod q-1", "1/q mod p")
        numbers = {name: inner[at][1].lstrip(b"\0") for name, at in zip(names, range(3, 9))}
    else:
        scalar = inner[1][1]
        order, bits = ORDERS[len(scalar)], 8 * len(scalar)
        montgomery = (int.from_bytes(scalar, "big") << bits) % order
        numbers = {"scalar": scalar, "scalar in Montgomery's form": montgomery.to_bytes(len(scalar), "big")}
    found = {}
    for name, number in numbers.items():
        found[f"private key: {name}"] = number
        found[f"private key: {name}, reversed"] = number[::-1]
    for at, line in enumerate(pem.splitlines()[1:-1]):
        found[f"private key: line {at} of the text"] = line
    return found


# PBKDF2 and scrypt as object identifiers.
PBKDF2_OID, SCRYPT_OID = bytes.fromhex("06092a864886f70d01050c"), bytes.fromhex("06092b06010401da47040b")


def of_passphrase(passphrase, encrypted):
    """What an encrypted private key (PKCS #8, as openssl writes it) is decrypted with."""
    is_scrypt = SCRYPT_OID in encrypted
    oid = SCRYPT_OID if is_scrypt else PBKDF2_OID
    at = encrypted.index(oid) + len(oid) + 2
    salt = encrypted[at + 2:at + 2 + encrypted[at + 1]]
    at += 2 + len(salt)
    cost = int.from_bytes(encrypted[at + 2:at + 2 + encrypted[at + 1]], "big")
    if is_scrypt:
        return hashlib.scrypt(passphrase, salt=salt, n=cost, r=8, p=1, maxmem=64 << 20, dklen=32)
    return hashlib.pbkdf2_hmac("sha256", passphrase, salt, cost, 32)
