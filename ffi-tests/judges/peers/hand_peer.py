"""A TLS peer made by hand, message by message, so that each can be left out, doubled, changed or replaced: what real
implementations never send. It speaks one suite per version (ChaCha20-Poly1305, X25519, Ed25519) and checks nothing but
that it can open what it receives.

`Hello` takes ClientHellos and ServerHellos apart and puts them together again, whoever made them.
"""

import hashlib
import struct

from hand_crypto import ed25519_seed, ed25519_sign, expand_label, mac, pem_blocks, prf, seal, unseal, x25519
from spantls_ctypes import TLS12, TLS13, read_cert

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
HELLO_REQUEST, CLIENT_HELLO, SERVER_HELLO, NEW_SESSION_TICKET, END_OF_EARLY_DATA = 0, 1, 2, 4, 5
ENCRYPTED_EXTENSIONS = 8
CERTIFICATE, SERVER_KEY_EXCHANGE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE = 11, 12, 13, 14
CERTIFICATE_VERIFY, CLIENT_KEY_EXCHANGE, FINISHED, KEY_UPDATE = 15, 16, 20, 24

SERVER_NAME, SUPPORTED_GROUPS, EC_POINT_FORMATS, SIGNATURE_ALGORITHMS, ALPN = 0, 10, 11, 13, 16
EXTENDED_MASTER_SECRET, PRE_SHARED_KEY, EARLY_DATA, SUPPORTED_VERSIONS, COOKIE = 23, 41, 42, 43, 44
PADDING, PSK_MODES, CERTIFICATE_AUTHORITIES, POST_HANDSHAKE_AUTH, SIGNATURE_ALGORITHMS_CERT = 21, 45, 47, 49, 50
KEY_SHARE, RENEGOTIATION_INFO = 51, 0xFF01

SUITE = {TLS12: 0xCCA9, TLS13: 0x1303}
X25519, ED25519, ECDSA_P256, PKCS1_SHA256 = 0x001D, 0x0807, 0x0403, 0x0401

RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()
DOWNGRADE_TO_TLS12, DOWNGRADE_TO_TLS11 = b"DOWNGRD\x01", b"DOWNGRD\x00"

_SCALAR = {True: b"\x11" * 32, False: b"\x22" * 32}


# --- Writing ---------------------------------------------------------------------------------------------------------

def u16(*numbers):
    return struct.pack(f">{len(numbers)}H", *numbers)


def sized(width, data):
    """A vector: its length in `width` bytes, then its bytes."""
    return len(data).to_bytes(width, "big") + data


def message(kind, body):
    return bytes([kind]) + sized(3, body)


def record(content_type, payload, version=0x0303):
    return struct.pack(">BHH", content_type, version, len(payload)) + payload


class Glued:
    """A message and bytes behind it, in one record; only the message counts for the transcript."""

    def __init__(self, handshake_message, behind):
        self.message, self.behind = handshake_message, behind


class Split(bytes):
    """A message that goes out in two records."""


class ClearRecord(bytes):
    """A whole record that goes out as it is, past the keys."""

    def __new__(cls, content_type, payload):
        return super().__new__(cls, record(content_type, payload))


def records(data):
    """Whole records off the front: [(type, header, payload)], and how long they are together."""
    found, at = [], 0
    while len(data) >= at + 5:
        end = at + 5 + int.from_bytes(data[at + 3:at + 5], "big")
        if len(data) < end:
            break
        found.append((data[at], bytes(data[at:at + 5]), bytes(data[at + 5:end])))
        at = end
    return found, at


class Hello:
    """A ClientHello or ServerHello: its fields, to be changed at will."""

    def __init__(self, handshake_message):
        self.kind = handshake_message[0]
        self._data, self._at = bytes(handshake_message), 4
        self.version = int.from_bytes(self._take(2), "big")
        self.random = self._take(32)
        self.session_id = self._vector(1)
        if self.kind == CLIENT_HELLO:
            suites = self._vector(2)
            self.suites = list(struct.unpack(f">{len(suites) // 2}H", suites))
            self.compressions = self._vector(1)
        else:
            self.suites = [int.from_bytes(self._take(2), "big")]
            self.compressions = self._take(1)
        self.extensions = []
        if self._at < len(self._data):
            end = self._at + 2 + int.from_bytes(self._take(2), "big")
            while self._at < end:
                self.extensions.append((int.from_bytes(self._take(2), "big"), self._vector(2)))

    def _take(self, count):
        self._at += count
        return self._data[self._at - count:self._at]

    def _vector(self, width):
        return self._take(int.from_bytes(self._take(width), "big"))

    def get(self, kind):
        return next((data for found, data in self.extensions if found == kind), None)

    def set(self, kind, data):
        """Replaces an extension in its place, or adds it in front: the last place is pre_shared_key's."""
        if self.get(kind) is None:
            self.extensions.insert(0, (kind, data))
        else:
            self.extensions = [(found, data if found == kind else old) for found, old in self.extensions]
        return self

    def remove(self, *kinds):
        self.extensions = [(found, data) for found, data in self.extensions if found not in kinds]
        return self

    def add(self, kind, data):
        self.extensions.append((kind, data))
        return self

    def body(self):
        out = u16(self.version) + self.random + sized(1, self.session_id)
        if self.kind == CLIENT_HELLO:
            out += sized(2, u16(*self.suites)) + sized(1, self.compressions)
        else:
            out += u16(*self.suites) + self.compressions
        if self.extensions:
            out += sized(2, b"".join(u16(kind) + sized(2, data) for kind, data in self.extensions))
        return out

    def message(self):
        return message(self.kind, self.body())

    def key_shares(self):
        """A ClientHello's, as {group: share}."""
        shares, data = {}, (self.get(KEY_SHARE) or b"\0\0")[2:]
        while data:
            length = int.from_bytes(data[2:4], "big")
            shares[int.from_bytes(data[:2], "big")] = data[4:4 + length]
            data = data[4 + length:]
        return shares


# --- The peer --------------------------------------------------------------------------------------------------------

class Keys:
    """One direction's record protection."""

    def __init__(self, protocol, key, iv):
        self.protocol, self.key, self.iv, self.sequence = protocol, key, iv, 0

    @classmethod
    def tls13(cls, secret):
        return cls(TLS13, expand_label(secret, b"key", b"", 32), expand_label(secret, b"iv", b"", 12))

    def _nonce(self):
        return bytes(a ^ b for a, b in zip(self.iv, bytes(4) + self.sequence.to_bytes(8, "big")))

    def seal(self, content_type, payload, padding=0):
        """A record. In TLS 1.3 `content_type` None leaves the type out: nothing but padding."""
        nonce = self._nonce()
        if self.protocol == TLS13:
            inner = payload + (b"" if content_type is None else bytes([content_type])) + bytes(padding)
            header = struct.pack(">BHH", APPLICATION_DATA, 0x0303, len(inner) + 16)
            sealed = header + seal(self.key, nonce, inner, header)
        else:
            aad = struct.pack(">QBHH", self.sequence, content_type, 0x0303, len(payload))
            sealed = record(content_type, seal(self.key, nonce, payload, aad))
        self.sequence += 1
        return sealed

    def unseal(self, content_type, header, payload):
        """(type, plaintext), or None."""
        if len(payload) < 16:
            return None
        if self.protocol == TLS13:
            inner = unseal(self.key, self._nonce(), payload, header)
            if inner is None:
                return None
            inner = inner.rstrip(b"\0")
            opened = inner[-1], inner[:-1]
        else:
            aad = struct.pack(">QBHH", self.sequence, content_type, 0x0303, len(payload) - 16)
            plain = unseal(self.key, self._nonce(), payload, aad)
            if plain is None:
                return None
            opened = content_type, plain
        self.sequence += 1
        return opened


class HandPeer:
    """`outbox` is for the other side; what it sends goes into `feed`. `changes` maps a message's name to a function
    that takes the message and returns what is sent instead: b"" to leave it out, or a list of messages, of (type,
    payload) pairs, which do not count for the transcript, of `Glued`, `Split`, `ClearRecord`. Names of no messages:
    "random" and "curve" of a TLS 1.2 server; "retry" makes a TLS 1.3 server ask for another share."""

    def __init__(self, server, protocol, *, changes=None, ask=False, show=False, hello=None, certificate=None):
        self.server, self.protocol = server, protocol
        self.changes = changes or {}
        self.ask, self.show = ask, show  # for a client certificate; show one of ours
        self.outbox = bytearray()
        self.received = []  # handshake messages
        self.alerts = []  # (level, description, whether it was protected)
        self.data = bytearray()
        self.unreadable = False  # something came that does not open
        self.sending = self.receiving = None
        self._next_receiving = None  # from the peer's Finished (1.3) or change_cipher_spec (1.2) on
        self._transcript = b""
        self._inbox, self._fragment = bytearray(), b""
        name = certificate or ("server-ed25519" if server else "client-ed25519")
        self._chain = pem_blocks(read_cert(name + ".pem"))
        self._seed = ed25519_seed(read_cert(name + ".key"))
        if not server:
            self.hello = hello or client_hello(protocol)
            self.send("client_hello", self.hello.message())

    # Sending

    def put(self, content_type, payload):
        """A record of ours under the keys in force."""
        self.outbox += self.sending.seal(content_type, payload) if self.sending else record(content_type, payload)

    def send(self, name, handshake_message):
        change = self.changes.get(name)
        changed = change(handshake_message) if change else handshake_message
        for part in changed if isinstance(changed, list) else [changed]:
            if isinstance(part, tuple):
                self.put(*part)
            elif isinstance(part, ClearRecord):
                self.outbox += part
            elif isinstance(part, Glued):
                self._transcript += part.message
                self.put(HANDSHAKE, part.message + part.behind)
            elif isinstance(part, Split):
                self._transcript += part
                self.put(HANDSHAKE, part[:len(part) // 2])
                self.put(HANDSHAKE, part[len(part) // 2:])
            elif part:
                self._transcript += part
                for at in range(0, len(part), 16384):
                    self.put(HANDSHAKE, part[at:at + 16384])

    def alert(self, description, level=2):
        self.put(ALERT, bytes([level, description]))

    def change_cipher(self):
        payload = self.changes.get("change_cipher_spec", lambda same: same)(b"\x01")
        if payload:
            self.outbox += record(CHANGE_CIPHER_SPEC, payload)

    def write(self, data):
        self.put(APPLICATION_DATA, data)

    # Receiving

    def feed(self, data):
        self._inbox += data
        found, length = records(self._inbox)
        del self._inbox[:length]
        for content_type, header, payload in found:
            self._record(content_type, header, payload)

    def _record(self, content_type, header, payload):
        if content_type == CHANGE_CIPHER_SPEC:
            if self.protocol == TLS12 and self._next_receiving:
                self.receiving = self._next_receiving
            return
        sealed = self.receiving is not None and (self.protocol == TLS12 or content_type == APPLICATION_DATA)
        if sealed:
            opened = self.receiving.unseal(content_type, header, payload)
            if opened is None:
                self.unreadable = True
                return
            content_type, payload = opened
        if content_type == ALERT:
            self.alerts.append((payload[0], payload[1], sealed))
        elif content_type == APPLICATION_DATA:
            self.data += payload
        else:
            self._fragment += payload
            while len(self._fragment) >= 4:
                end = 4 + int.from_bytes(self._fragment[1:4], "big")
                if len(self._fragment) < end:
                    break
                whole, self._fragment = self._fragment[:end], self._fragment[end:]
                self._message(whole)

    def _message(self, whole):
        kind = whole[0]
        self.received.append(kind)
        before = self._transcript
        self._transcript += whole
        if self.server:
            self._from_client(kind, whole, before)
        else:
            self._from_server(kind, whole, before)

    def _hash(self):
        return hashlib.sha256(self._transcript).digest()

    # TLS 1.3's key schedule (RFC 8446 section 7.1)

    def _handshake_secrets(self, shared):
        derived = expand_label(mac(bytes(32), bytes(32)), b"derived", hashlib.sha256(b"").digest(), 32)
        self._handshake_secret = mac(derived, shared)
        self._secret = {who: expand_label(self._handshake_secret, label, self._hash(), 32)
                        for who, label in ((True, b"s hs traffic"), (False, b"c hs traffic"))}
        self.sending = Keys.tls13(self._secret[self.server])
        self.receiving = Keys.tls13(self._secret[not self.server])

    def _application_secrets(self):
        derived = expand_label(self._handshake_secret, b"derived", hashlib.sha256(b"").digest(), 32)
        master = mac(derived, bytes(32))
        self._traffic = {who: expand_label(master, label, self._hash(), 32)
                         for who, label in ((True, b"s ap traffic"), (False, b"c ap traffic"))}

    def _finished13(self, who):
        return message(FINISHED, mac(expand_label(self._secret[who], b"finished", b"", 32), self._hash()))

    def _certificate13(self):
        entries = b"".join(sized(3, der) + b"\0\0" for der in self._chain)
        return message(CERTIFICATE, b"\0" + sized(3, entries))

    def _verify13(self):
        who = b"server" if self.server else b"client"
        signed = b" " * 64 + b"TLS 1.3, " + who + b" CertificateVerify\0" + self._hash()
        return message(CERTIFICATE_VERIFY, u16(ED25519) + sized(2, ed25519_sign(self._seed, signed)))

    # TLS 1.2's

    def _keys12(self, shared):
        hello_hash = self._hash()
        self._master = prf(shared, b"extended master secret", hello_hash, 48) if self._extended else prf(
            shared, b"master secret", self._client_random + self._server_random, 48)
        block = prf(self._master, b"key expansion", self._server_random + self._client_random, 88)
        theirs = {False: Keys(TLS12, block[:32], block[64:76]), True: Keys(TLS12, block[32:64], block[76:88])}
        self._next_sending, self._next_receiving = theirs[self.server], theirs[not self.server]

    def _finished12(self, who):
        label = b"server finished" if who else b"client finished"
        return message(FINISHED, prf(self._master, label, self._hash(), 12))

    def _certificate12(self):
        return message(CERTIFICATE, sized(3, b"".join(sized(3, der) for der in self._chain)))

    # As a server

    def _from_client(self, kind, whole, before):
        if kind == CLIENT_HELLO:
            self.hello = Hello(whole)
            (self._serve13 if self.protocol == TLS13 else self._serve12)(whole)
        elif self.protocol == TLS12 and kind == CLIENT_KEY_EXCHANGE:
            self._keys12(x25519(_SCALAR[True], whole[5:37]))
        elif kind == FINISHED and self.protocol == TLS12:
            self.change_cipher()
            self.sending = self._next_sending
            self.send("finished", self._finished12(True))
        elif kind == FINISHED:
            self.receiving = Keys.tls13(self._traffic[False])
            self._next_receiving = None

    def _serve13(self, whole):
        retrying = "retry" in self.changes and self.received.count(CLIENT_HELLO) == 1
        reply = Hello(server_hello(self.hello, TLS13))
        if retrying:
            reply.random = RETRY_RANDOM
            reply.set(KEY_SHARE, u16(0x0017))
            # RFC 8446 section 4.4.1: the first hello counts as its hash.
            self._transcript = message(254, hashlib.sha256(whole).digest())
            self.send("retry", reply.message())
            self.change_cipher()
            return
        if X25519 not in self.hello.key_shares():
            reply.set(KEY_SHARE, u16(0x0017) + sized(2, b"\x04" + bytes(64)))
        self.send("server_hello", reply.message())
        self.change_cipher()
        self._handshake_secrets(x25519(_SCALAR[True], self.hello.key_shares().get(X25519, b"\x09" + bytes(31))))
        self.send("encrypted_extensions", message(ENCRYPTED_EXTENSIONS, sized(2, b"")))
        if self.ask:
            schemes = u16(SIGNATURE_ALGORITHMS) + sized(2, sized(2, u16(ED25519, ECDSA_P256)))
            self.send("certificate_request", message(CERTIFICATE_REQUEST, b"\0" + sized(2, schemes)))
        self.send("certificate", self._certificate13())
        self.send("certificate_verify", self._verify13())
        self.send("finished", self._finished13(True))
        self._application_secrets()
        self.sending = Keys.tls13(self._traffic[True])

    def _serve12(self, whole):
        reply = Hello(server_hello(self.hello, TLS12))
        if "random" in self.changes:
            reply.random = self.changes["random"](reply.random)
        self._client_random, self._server_random = self.hello.random, reply.random
        self._extended = reply.get(EXTENDED_MASTER_SECRET) is not None
        self.send("server_hello", reply.message())
        self.send("certificate", self._certificate12())
        curve = b"\x03" + u16(X25519) + sized(1, x25519(_SCALAR[True]))
        curve = self.changes.get("curve", lambda same: same)(curve)
        signature = ed25519_sign(self._seed, self._client_random + self._server_random + curve)
        self.send("server_key_exchange",
                  message(SERVER_KEY_EXCHANGE, curve + u16(ED25519) + sized(2, signature)))
        if self.ask:
            self.send("certificate_request", message(
                CERTIFICATE_REQUEST, sized(1, b"\x40") + sized(2, u16(ED25519, ECDSA_P256)) + sized(2, b"")))
        self.send("server_hello_done", message(SERVER_HELLO_DONE, b""))

    # As a client

    def _from_server(self, kind, whole, before):
        if kind == SERVER_HELLO:
            reply = Hello(whole)
            self._client_random, self._server_random = self.hello.random, reply.random
            self._extended = reply.get(EXTENDED_MASTER_SECRET) is not None
            if reply.random == RETRY_RANDOM:
                self._transcript = message(254, hashlib.sha256(before).digest()) + whole
                self.send("second_client_hello", self.hello.message())
            elif self.protocol == TLS13:
                self._handshake_secrets(x25519(_SCALAR[False], reply.get(KEY_SHARE)[4:]))
        elif kind == CERTIFICATE_REQUEST:
            self.ask = True
        elif kind == SERVER_KEY_EXCHANGE:
            self._share = whole[8:40]
        elif kind == SERVER_HELLO_DONE:
            if self.ask:
                self.send("certificate", self._certificate12() if self.show else message(CERTIFICATE, sized(3, b"")))
            self.send("client_key_exchange", message(CLIENT_KEY_EXCHANGE, sized(1, x25519(_SCALAR[False]))))
            self._keys12(x25519(_SCALAR[False], self._share))
            if self.ask and self.show:
                signature = ed25519_sign(self._seed, self._transcript)
                self.send("certificate_verify", message(CERTIFICATE_VERIFY, u16(ED25519) + sized(2, signature)))
            self.change_cipher()
            self.sending = self._next_sending
            self.send("finished", self._finished12(False))
        elif kind == FINISHED and self.protocol == TLS13:
            self._application_secrets()
            self.receiving = Keys.tls13(self._traffic[True])
            self.change_cipher()
            if self.ask:
                empty = message(CERTIFICATE, b"\0" + sized(3, b""))
                self.send("certificate", self._certificate13() if self.show else empty)
            if self.ask and self.show:
                self.send("certificate_verify", self._verify13())
            self.send("finished", self._finished13(False))
            self.sending = Keys.tls13(self._traffic[False])

    @property
    def finished(self):
        return FINISHED in self.received


def client_hello(protocol):
    hello = Hello(message(CLIENT_HELLO, u16(0x0303) + bytes(range(32)) + b"\0" + sized(2, u16(SUITE[protocol])) +
                          sized(1, b"\0")))
    hello.add(SERVER_NAME, sized(2, b"\0" + sized(2, b"localhost")))
    hello.add(SUPPORTED_GROUPS, sized(2, u16(X25519)))
    hello.add(SIGNATURE_ALGORITHMS, sized(2, u16(ED25519, ECDSA_P256)))
    if protocol == TLS13:
        hello.session_id = bytes(32)
        hello.add(SUPPORTED_VERSIONS, sized(1, u16(0x0304)))
        hello.add(KEY_SHARE, sized(2, u16(X25519) + sized(2, x25519(_SCALAR[False]))))
    else:
        hello.add(EC_POINT_FORMATS, sized(1, b"\0"))
        hello.add(EXTENDED_MASTER_SECRET, b"")
        hello.add(RENEGOTIATION_INFO, b"\0")
    return hello


def server_hello(hello, protocol):
    """The message that answers a ClientHello."""
    reply = Hello(message(SERVER_HELLO, u16(0x0303) + bytes(range(64, 96)) + sized(1, hello.session_id) +
                          u16(SUITE[protocol]) + b"\0"))
    if protocol == TLS13:
        reply.add(SUPPORTED_VERSIONS, u16(0x0304))
        reply.add(KEY_SHARE, u16(X25519) + sized(2, x25519(_SCALAR[True])))
    else:
        reply.session_id = b""
        reply.add(EXTENDED_MASTER_SECRET, b"")
        reply.add(RENEGOTIATION_INFO, b"\0")
    return reply.message()
