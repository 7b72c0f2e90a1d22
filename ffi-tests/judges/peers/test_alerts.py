"""Every way a session can fail, and the alert that RFC 8446 section 6.2 (RFC 5246 section 7.2.2) asks for then: one
that rustls sends, or one that it leaves out.

The table is data: cause, our role, versions, alert, where it is written, and a scene. Scenes come in three kinds: `Met`
(Python, OpenSSL and GnuTLS are the peer, as they are or with a man in the middle, and have to report the alert), `Hand`
(a peer made by hand says what none of them would), and `Raw` (bytes without any state). The peer made by hand holds the
keys: an alert that is not under those in force is none for it.

An alert of None means that the session goes on; several alerts mean that the RFCs leave the choice. The first of them
is what the section asks for more directly. In quick mode the programs see every fourth row.
"""

import os
import unittest
from collections import namedtuple

import sentences
from hand_crypto import pem_blocks
from hand_peer import (
    ALERT, ALPN, APPLICATION_DATA, CERTIFICATE, CERTIFICATE_AUTHORITIES, CERTIFICATE_REQUEST, CERTIFICATE_VERIFY,
    CHANGE_CIPHER_SPEC, CLIENT_HELLO, CLIENT_KEY_EXCHANGE, COOKIE, DOWNGRADE_TO_TLS11, DOWNGRADE_TO_TLS12, EARLY_DATA,
    EC_POINT_FORMATS, ED25519, ENCRYPTED_EXTENSIONS, END_OF_EARLY_DATA, FINISHED, HANDSHAKE, HELLO_REQUEST, KEY_SHARE,
    KEY_UPDATE, NEW_SESSION_TICKET, PADDING, PKCS1_SHA256, POST_HANDSHAKE_AUTH, PRE_SHARED_KEY, PSK_MODES,
    RENEGOTIATION_INFO, SERVER_HELLO, SERVER_HELLO_DONE, SERVER_KEY_EXCHANGE, SERVER_NAME, SIGNATURE_ALGORITHMS,
    SIGNATURE_ALGORITHMS_CERT, SUPPORTED_GROUPS, SUPPORTED_VERSIONS, X25519, ClearRecord, Glued, HandPeer, Hello, Split,
    client_hello, message, record, sized, u16,
)
from peers import GnuTls, OpenSsl, PythonPeer, Tamper, flip, hello, our_context, vocabulary
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_REQUIRE, CLOSED, COMPLETE, FAILED, PEER_ALERT, PROTOCOL, TLS12, TLS13, WANT_READ, Driver,
    alert_name, read_cert,
)

QUICK = bool(os.environ.get("SPANTLS_QUICK"))
NAMES = {TLS12: "TLS 1.2", TLS13: "TLS 1.3"}
BOTH, OLD, NEW = (TLS12, TLS13), (TLS12,), (TLS13,)
PROGRAMS = (PythonPeer, OpenSsl, GnuTls)

Row = namedtuple("Row", "cause role versions alert source scene")


# --- Scenes ----------------------------------------------------------------------------------------------------------

# GnuTLS wants all alerts behind its ServerHello protected; a client that cannot use that ServerHello has no keys.
DEAF = {"GnuTLS"}


class Met:
    """Another implementation. `messages`, `protected` and `data` are what the man in the middle does; the rest are
    settings of the two sides. `deaf` names peers that cannot report the alert in TLS 1.3."""

    def __init__(self, messages=None, *, protected=None, data=None, ours=None, deaf=None, peers=PROGRAMS, **settings):
        self.messages, self.protected, self.data = messages, protected, data
        self.ours, self.deaf, self.peers, self.settings = ours or {}, deaf or set(), peers, settings

    def run(self, test, row, protocol, peer_class):
        tamper = Tamper(self.messages, self.protected, self.data)
        peer = peer_class(test, row.role, protocol, ours={"protocols": protocol, **self.ours}, tamper=tamper,
                          settings=self.settings)
        status = peer.meet()
        if self.data:
            test.assertEqual(status, COMPLETE, peer.us.session.error())
            test.assertEqual(peer.send(b"data"), b"")
            status = peer.us.status
        alert = assert_failed(test, row, status, peer.us.session)
        if protocol == TLS12 or peer.name not in self.deaf:
            peer.assert_heard(test, alert)
            note(row, protocol, alert, peer.name)


class Hand:
    """A peer made by hand; `changes` are its. `then(them)` goes on once the handshake is complete."""

    def __init__(self, changes=None, *, then=None, ask=False, show=False, edit=None, ours=None, clear=False,
                 both_versions=False, status=None, certificate=None):
        self.changes, self.then, self.ask, self.show, self.edit = changes or {}, then, ask, show, edit
        self.ours, self.clear, self.both_versions, self.status = ours or {}, clear, both_versions, status
        self.certificate = certificate

    def run(self, test, row, protocol, _):
        we_serve = row.role == "server"
        ours = {"protocols": TLS12 | TLS13 if self.both_versions else protocol}
        if we_serve and self.ask:
            ours["client_certificates"] = CERTIFICATE_REQUIRE
        us, them = by_hand(
            test, row.role, protocol, {**ours, **self.ours}, changes=self.changes, ask=self.ask and not we_serve,
            show=self.show, certificate=self.certificate,
            hello=self.edit(client_hello(protocol)) if we_serve and self.edit else None)
        talk(us, them)
        if self.then and us.status == COMPLETE:
            self.then(them)
            us.inbox += them.outbox
            us.read()
            them.feed(us.take_output())
        if row.alert is None:
            test.assertIn(us.status, (COMPLETE, WANT_READ), us.session.error())
            test.assertTrue(us.session.state() & 1)
            test.assertEqual(them.alerts, [])
            note(row, protocol, None, "hand")
            return
        alert = assert_failed(test, row, us.status, us.session, self.status)
        test.assertFalse(them.unreadable, "something of ours does not open")
        # Who has sent keys' first message is under keys: TLS 1.2's change_cipher_spec, TLS 1.3's ServerHello.
        sealed = FINISHED in them.received or (
            protocol == TLS13 and not self.clear and (not we_serve or SERVER_HELLO in them.received))
        test.assertEqual(them.alerts, [(2, alert, sealed)])
        note(row, protocol, alert, "hand")


class Raw:
    """The first bytes that we ever get: the alert comes in clear, and nothing behind it."""

    def __init__(self, data, ours=None):
        self.data, self.ours = data, ours or {}

    def run(self, test, row, protocol, _):
        us = ours_of(test, row.role, {"protocols": protocol, **self.ours})
        us.handshake()
        us.take_output()
        us.inbox += self.data(protocol) if callable(self.data) else self.data
        alert = assert_failed(test, row, us.handshake(), us.session)
        test.assertEqual(us.take_output(), record(ALERT, bytes([2, alert])))
        note(row, protocol, alert, "hand")


def ours_of(test, role, options, judge=None):
    options = {"credentials": f"{role}-ed25519", **options}
    context = our_context(role == "server", options)
    us = Driver(context, None if role == "server" else "localhost", judge=judge)
    context.close()
    test.addCleanup(us.close)
    return us


def by_hand(test, role, protocol, options=None, *, judge=None, **settings):
    us = ours_of(test, role, {"protocols": protocol, **(options or {})}, judge)
    return us, HandPeer(role == "client", protocol, **settings)


def talk(us, them):
    """Both, as far as it goes."""
    us.handshake()
    for _ in range(20):
        them.feed(us.take_output())
        if not them.outbox:
            break
        us.inbox += them.outbox
        them.outbox.clear()
        if us.status == WANT_READ:
            us.handshake()
    them.feed(us.take_output())


def allowed(row):
    return row.alert if isinstance(row.alert, tuple) else (row.alert,)


def assert_failed(test, row, status, session, expected=None):
    """The alert that was sent."""
    error = session.error()
    test.assertLess(status, 0, f"it has not failed; {row.source} asks for {allowed(row)}")
    test.assertIn(error.alert_sent, allowed(row), f"{row.source}; {error}")
    test.assertEqual(error.alert_received, -1)
    test.assertIn(status, expected or (PROTOCOL,), error)
    test.assertEqual(error.status, status)
    test.assertTrue(session.state() & FAILED)
    test.assertEqual(session.drain_pending_output(20000), (COMPLETE, b""))
    test.assertEqual(session.process_handshake(b"", 20000)[0], status)
    return error.alert_sent


# {(cause, role, source): {version: {peer: alert}}}
seen = {}


def note(row, protocol, alert, peer):
    seen.setdefault((row.cause, row.role, row.source), {}).setdefault(protocol, {})[peer] = alert


# --- Words for the table ---------------------------------------------------------------------------------------------

def ch(change, **settings):
    """A changed ClientHello of somebody else's."""
    return Met({CLIENT_HELLO: hello(change)}, **settings)


def ch_bytes(change, **settings):
    """A ClientHello whose body's bytes are changed."""
    return Met({CLIENT_HELLO: lambda m: message(CLIENT_HELLO, change(m[4:]))}, **settings)


def sh(change, **settings):
    """A changed ServerHello, by hand: behind it the keys differ, and the alert is in clear."""
    return Hand({"server_hello": hello(change)}, clear=True, **settings)


def extension(kind, data):
    return u16(kind) + sized(2, data)


def garble(at=-1):
    def change(m):
        at_ = at % len(m)
        return m[:at_] + bytes([m[at_] ^ 1]) + m[at_ + 1:]
    return change


def fields(h, **values):
    for name, value in values.items():
        setattr(h, name, value)
    return h


def after(*items):
    """Sends, once complete: (type, payload) under the keys, or whole records as bytes, or functions of the peer."""
    def then(them):
        for item in items:
            if callable(item):
                item(them)
            elif isinstance(item, bytes):
                them.outbox += item
            else:
                them.put(*item)
    return then


def flipped(them):
    them.outbox += flip(them.sending.seal(APPLICATION_DATA, b"some data"))


def verify(scheme, signature):
    return lambda m: message(CERTIFICATE_VERIFY, u16(scheme) + sized(2, signature(m)))


def certificate13(*entries, context=b""):
    """[(der, extensions)]"""
    return message(CERTIFICATE, sized(1, context) + sized(3, b"".join(
        sized(3, der) + sized(2, extensions) for der, extensions in entries)))


def certificate12(*ders):
    return message(CERTIFICATE, sized(3, b"".join(sized(3, der) for der in ders)))


def certificate(protocol, *ders):
    return certificate13(*((der, b"") for der in ders)) if protocol == TLS13 else certificate12(*ders)


SERVER_LEAF = pem_blocks(read_cert("server-ed25519.pem"))[0]
CLIENT_LEAF = pem_blocks(read_cert("client-ed25519.pem"))[0]

GROUP_OF_NOBODY = 0x0019  # secp521r1: we have it not
SHARE_OF_NOBODY = sized(2, u16(GROUP_OF_NOBODY) + sized(2, b"\x04" + bytes(132)))
SCHEME_OF_NOBODY = 0x0603  # ecdsa_secp521r1_sha512
UNKNOWN_EXTENSION = 0x1234


def share(group, key):
    return sized(2, u16(group) + sized(2, key))


def signature_of(m):
    return m[8:]


def psk(h):
    return h.add(PRE_SHARED_KEY, sized(2, sized(2, b"ticket") + bytes(4)) + sized(2, sized(1, bytes(32))))


# Behind the handshake a session of ours answers with what is under its keys; by hand it is understood.
def opened(alert, source, *items, versions=BOTH, roles=("client", "server")):
    return [(role, versions, alert, source, Hand(then=after(*items))) for role in roles]


# --- The table -------------------------------------------------------------------------------------------------------

ROWS = []


def row(cause, role, versions, alert, source, scene):
    ROWS.append(Row(cause, role, versions, alert, source, scene))


def rows(cause, cases):
    for role, versions, alert, source, scene in cases:
        row(cause, role, versions, alert, source, scene)


def nothing_in_common():
    row("no common version: an old ClientHello", "server", BOTH, 70, "8446 4.2.1, 5246 E.1",
        ch(lambda h: fields(h, version=0x0302).remove(SUPPORTED_VERSIONS)))
    row("no common version: an old ClientHello without signature schemes", "server", BOTH, 70, "5246 E.1",
        ch(lambda h: fields(h, version=0x0302).remove(SUPPORTED_VERSIONS, SIGNATURE_ALGORITHMS)))
    row("no common version: a TLS 1.3 server and a ClientHello of TLS 1.2 without signature schemes", "server", NEW, 70, "8446 D.2",
        ch(lambda h: h.remove(SUPPORTED_VERSIONS, SIGNATURE_ALGORITHMS)))
    row("no common version: only unknown ones in supported_versions", "server", BOTH, 70, "8446 4.2.1",
        ch(lambda h: h.set(SUPPORTED_VERSIONS, sized(1, u16(0x0302, 0x7F7F)))))
    row("no common version: a TLS 1.3 server and a ClientHello of TLS 1.2", "server", NEW, 70, "8446 D.2",
        ch(lambda h: h.remove(SUPPORTED_VERSIONS)))
    row("no common version: a TLS 1.2 server and a client of TLS 1.3 alone", "server", OLD, 70, "8446 4.2.1",
        ch(lambda h: h.set(SUPPORTED_VERSIONS, sized(1, u16(0x0304)))))
    row("no common version: the server answers with TLS 1.1", "client", OLD, 70, "8446 D.1, 5246 E.1",
        Met({SERVER_HELLO: hello(lambda h: fields(h, version=0x0302))}))
    row("no common version: the server answers with TLS 1.2, which is off", "client", NEW, 70, "8446 D.1",
        Met({SERVER_HELLO: hello(lambda h: h.remove(SUPPORTED_VERSIONS, KEY_SHARE))}, deaf=DEAF))
    row("no common cipher suite", "server", BOTH, 40, "8446 4.1.1, 5246 7.4.1.3",
        ch(lambda h: fields(h, suites=[0x0A0A, 0x1304, 0xC0AC])))
    row("no common cipher suite: theirs, as configured", "server", BOTH, 40, "8446 4.1.1, 5246 7.4.1.3",
        Met(ours={"suites": [0x1302, 0xC02C]}, ciphers="ECDHE-ECDSA-AES128-GCM-SHA256",
            openssl=["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
            gnutls=":-CIPHER-ALL:+AES-128-GCM", peers=(OpenSsl, GnuTls)))
    row("no common cipher suite: RSA's alone and an ECDSA key", "server", OLD, 40, "5246 7.4.2",
        Met(ciphers="ECDHE-RSA-AES128-GCM-SHA256", openssl=["-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
            gnutls=":-KX-ALL:+ECDHE-RSA"))
    row("no common group", "server", BOTH, 40, "8446 4.1.1, 8422 4",
        ch(lambda h: h.set(SUPPORTED_GROUPS, sized(2, u16(GROUP_OF_NOBODY))) and
           (h.set(KEY_SHARE, SHARE_OF_NOBODY) if h.get(KEY_SHARE) else h)))
    row("no common group: theirs, as configured", "server", BOTH, 40, "8446 4.1.1, 8422 4",
        Met(ours={"groups": [0x0018]}, group="prime256v1", openssl=["-groups", "P-256"],
            gnutls=":-GROUP-ALL:+GROUP-SECP256R1"))
    row("no common signature scheme", "server", OLD, 40, "5246 7.4.1.4.1",
        ch(lambda h: h.set(SIGNATURE_ALGORITHMS, sized(2, u16(SCHEME_OF_NOBODY)))))
    row("no common signature scheme", "server", NEW, 40, "8446 4.1.1",
        Hand(edit=lambda h: h.set(SIGNATURE_ALGORITHMS, sized(2, u16(SCHEME_OF_NOBODY)))))
    row("no common signature scheme: theirs, as configured", "server", BOTH, 40, "8446 4.1.1, 5246 7.4.1.4.1",
        Met(openssl=["-sigalgs", "RSA-PSS+SHA256"], gnutls=":-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256",
            peers=(OpenSsl, GnuTls)))
    row("no common signature scheme with the client's certificate", "server", BOTH, (47, 51), "8446 4.4.3, 5246 7.4.8",
        Hand({"certificate_verify": verify(SCHEME_OF_NOBODY, lambda m: signature_of(m))}, ask=True, show=True))
    row("no common application protocol", "server", BOTH, 120, "7301 3.2",
        Met(ours={"alpn": ["h2"]}, alpn="other", openssl=["-alpn", "other"], gnutls_options=["--alpn", "other"]))
    row("a fallback that was not needed", "server", OLD, 86, "7507 3, 8446 6.2",
        Hand(edit=lambda h: fields(h, suites=h.suites + [0x5600]), both_versions=True))


# Extensions that rustls does not read.
UNREADABLE = (
    ("post_handshake_auth is not empty", lambda h: h.set(POST_HANDSHAKE_AUTH, b"\0")),
    ("signature_algorithms_cert is empty", lambda h: h.set(SIGNATURE_ALGORITHMS_CERT, u16(0))),
    ("signature_algorithms_cert is longer than itself", lambda h: h.set(SIGNATURE_ALGORITHMS_CERT, u16(4, ED25519))),
    ("certificate_authorities is empty", lambda h: h.set(CERTIFICATE_AUTHORITIES, u16(0))),
)


def second(change):
    """A second ClientHello, good but for the change, and in two records."""
    def changed(m):
        m = hello(lambda h: change(h.set(KEY_SHARE, client_hello(TLS13).get(KEY_SHARE))))(m)
        return [Split(m)]
    return Hand({"second_client_hello": changed}, edit=lambda h: h.set(KEY_SHARE, u16(0)), clear=True)


def greased(h):
    """RFC 8701 section 3.1, in the places that both versions have."""
    fields(h, suites=[0x0A0A, *h.suites])
    h.set(SUPPORTED_GROUPS, sized(2, u16(0x3A3A) + h.get(SUPPORTED_GROUPS)[2:]))
    h.set(SIGNATURE_ALGORITHMS, sized(2, u16(0x5A5A) + h.get(SIGNATURE_ALGORITHMS)[2:]))
    h.set(ALPN, sized(2, b"\2\xfa\xfa\2h2"))
    return h.set(0x1A1A, b"").add(0xBABA, b"\0")


def client_hellos():
    row("an extension twice", "server", BOTH, 47, "8446 4.2 and 6",
        ch(lambda h: h.extensions.insert(0, (SUPPORTED_GROUPS, h.get(SUPPORTED_GROUPS)))))
    row("an unknown extension twice", "server", BOTH, 47, "8446 4.2 and 6",
        ch(lambda h: h.extensions.__setitem__(slice(0, 0), [(UNKNOWN_EXTENSION, b"")] * 2)))
    for what, change in (
        ("session id of 33 bytes", lambda h: fields(h, session_id=bytes(33))),
        ("no cipher suite at all", lambda h: fields(h, suites=[])),
        ("no compression at all", lambda h: fields(h, compressions=b"")),
        ("supported_groups longer than itself", lambda h: h.set(SUPPORTED_GROUPS, u16(40, X25519))),
        ("supported_groups empty", lambda h: h.set(SUPPORTED_GROUPS, u16(0))),
        ("signature_algorithms empty", lambda h: h.set(SIGNATURE_ALGORITHMS, u16(0))),
        ("signature_algorithms of an odd length", lambda h: h.set(SIGNATURE_ALGORITHMS, sized(2, b"\x04\x03\x08"))),
        ("supported_versions of an odd length", lambda h: h.set(SUPPORTED_VERSIONS, sized(1, b"\3\4\3"))),
        ("supported_versions empty", lambda h: h.set(SUPPORTED_VERSIONS, b"\0")),
        ("key_share longer than itself", lambda h: h.set(KEY_SHARE, u16(40, X25519, 32))),
        ("key_share with bytes behind it", lambda h: h.set(KEY_SHARE, share(X25519, bytes(32)) + b"\0")),
        ("server_name without a name", lambda h: h.set(SERVER_NAME, u16(0))),
        ("server_name longer than itself", lambda h: h.set(SERVER_NAME, u16(3) + b"\0" + u16(9))),
        ("an empty application protocol", lambda h: h.set(ALPN, sized(2, b"\0"))),
        ("no application protocol in the extension", lambda h: h.set(ALPN, u16(0))),
        *UNREADABLE,
    ):
        # Some versions have no use for an extension that the other has.
        versions = NEW if "key_share" in what else BOTH
        row(f"malformed: {what}", "server", versions, 50, "8446 6, 5246 7.2.2", ch(change))
    row("malformed: an extension longer than the message", "server", BOTH, 50, "8446 6, 5246 7.2.2",
        ch_bytes(lambda body: body[:-1]))
    row("malformed: bytes behind the extensions", "server", BOTH, 50, "8446 6, 5246 7.4.1.2",
        ch_bytes(lambda body: body + b"\0"))
    row("malformed: nothing in it", "server", BOTH, 50, "8446 6, 5246 7.2.2", ch_bytes(lambda body: b""))
    row("malformed: it ends within the random", "server", BOTH, 50, "8446 6, 5246 7.2.2", ch_bytes(lambda b: b[:20]))
    row("malformed: cipher suites of an odd length", "server", BOTH, 50, "8446 6, 5246 7.2.2",
        ch_bytes(lambda b: b[:35 + b[34]] + sized(2, b"\x13\x01\x13") + b[35 + b[34] + 2 + int.from_bytes(
            b[35 + b[34]:37 + b[34]], "big"):]))

    for what, change in UNREADABLE:
        row(f"a second ClientHello that is malformed: {what}", "server", NEW, 50, "8446 6",
            second(lambda h, change=change: change(h) or h))
    for what, change in (
        ("another random", lambda h: fields(h, random=bytes(32))),
        ("another session id", lambda h: fields(h, session_id=bytes([7] * 32))),
        ("another legacy_version", lambda h: fields(h, version=0x0302)),
        ("one suite more", lambda h: fields(h, suites=h.suites + [0x1301])),
        ("one group more", lambda h: h.set(SUPPORTED_GROUPS, sized(2, u16(X25519, GROUP_OF_NOBODY)))),
        ("one version more", lambda h: h.set(SUPPORTED_VERSIONS, sized(1, u16(0x0304, 0x0303)))),
        ("one signature scheme less", lambda h: h.set(SIGNATURE_ALGORITHMS, sized(2, u16(ED25519)))),
        ("an application protocol", lambda h: h.set(ALPN, sized(2, b"\2h2"))),
        ("no server name", lambda h: h.remove(SERVER_NAME)),
        ("post_handshake_auth", lambda h: h.set(POST_HANDSHAKE_AUTH, b"")),
    ):
        row(f"a second ClientHello that differs from the first: {what}", "server", NEW, 47, "8446 4.1.2",
            second(change))
    row("a second ClientHello with what it may have besides", "server", NEW, None, "8446 4.1.2",
        second(lambda h: h.add(UNKNOWN_EXTENSION, b"x").add(PADDING, bytes(100))))
    for version in (0x0300, 0x02FF, 0x0002, 0):
        row(f"legacy_version {version:#06x} beside supported_versions", "server", BOTH, 70, "8446 D.5",
            ch(lambda h, version=version: fields(h, version=version) if h.get(SUPPORTED_VERSIONS) else fields(
                h, version=version).set(SUPPORTED_VERSIONS, sized(1, u16(0x0303)))))
    row("reserved values everywhere", "server", NEW, None, "8701 3.1",
        Hand(edit=lambda h: greased(h).set(KEY_SHARE, sized(2, u16(0x3A3A) + sized(2, b"\0") + h.get(KEY_SHARE)[2:]))
             .set(PSK_MODES, sized(1, b"\1\x0b")).set(SUPPORTED_VERSIONS, sized(1, u16(0x4A4A, 0x0304)))))
    row("reserved values everywhere", "server", OLD, None, "8701 3.1", Hand(edit=lambda h: greased(h)))

    row("compression in TLS 1.3, besides none", "server", NEW, 47, "8446 4.1.2",
        ch(lambda h: fields(h, compressions=b"\1\0")))
    row("compression without 'none'", "server", BOTH, 47, "8446 4.1.2, 5246 7.4.1.2",
        ch(lambda h: fields(h, compressions=b"\1")))

    row("no signature_algorithms", "server", NEW, 109, "8446 4.2.3 and 9.2",
        ch(lambda h: h.remove(SIGNATURE_ALGORITHMS)))
    row("no signature_algorithms: SHA-1 is all that would be left", "server", OLD, 40, "5246 7.4.1.4.1",
        ch(lambda h: h.remove(SIGNATURE_ALGORITHMS)))
    row("no supported_groups", "server", NEW, 109, "8446 9.2", ch(lambda h: h.remove(SUPPORTED_GROUPS)))
    row("no supported_groups", "server", OLD, None, "8422 4", Hand(edit=lambda h: h.remove(SUPPORTED_GROUPS)))
    row("a server_name list that begins with an unknown type", "server", OLD, None, "6066 3",
        Hand(edit=lambda h: h.set(SERVER_NAME, sized(2, b"\7" + sized(2, b"xyz") + b"\0" + sized(2, b"localhost")))))
    row("no key_share", "server", NEW, 109, "8446 9.2", ch(lambda h: h.remove(KEY_SHARE)))
    row("neither supported_groups nor key_share", "server", NEW, 109, "8446 9.2",
        ch(lambda h: h.remove(SUPPORTED_GROUPS, KEY_SHARE)))
    row("pre_shared_key without its modes", "server", NEW, 109, "8446 4.2.9",
        ch(lambda h: psk(h.remove(PSK_MODES, PRE_SHARED_KEY))))
    row("pre_shared_key before another extension", "server", NEW, 47, "8446 4.2.11",
        ch(lambda h: psk(h).add(UNKNOWN_EXTENSION, b"")))
    row("a key share for a group that was not offered", "server", NEW, 47, "8446 4.2.8",
        ch(lambda h: h.set(SUPPORTED_GROUPS, sized(2, u16(0x0017))).set(KEY_SHARE, share(X25519, bytes([9] * 32)))))
    row("two key shares for a group", "server", NEW, 47, "8446 4.2.8",
        ch(lambda h: h.set(KEY_SHARE, sized(2, share(X25519, bytes([9] * 32))[2:] * 2))))
    row("a key share that is too short", "server", NEW, 47, "8446 4.2.8 and 6",
        ch(lambda h: h.set(KEY_SHARE, share(X25519, bytes(31)))))
    row("a key share that gives zero", "server", NEW, 47, "8446 7.4.2",
        ch(lambda h: h.set(KEY_SHARE, share(X25519, bytes(32)))))
    row("a key share that is not on the curve", "server", NEW, 47, "8446 4.2.8.2",
        ch(lambda h: h.set(KEY_SHARE, share(0x0017, b"\x04" + bytes(range(64)))), ours={"groups": [0x0017]}))
    row("a second ClientHello without the share that was asked for", "server", NEW, 47, "8446 4.1.2",
        Hand(edit=lambda h: h.set(KEY_SHARE, u16(0)), clear=True))
    row("a second ClientHello with early_data", "server", NEW, 47, "8446 4.1.2 and 4.2.10",
        Hand({"second_client_hello": hello(lambda h: h.set(KEY_SHARE, share(0x0017, b"\x04" + bytes(64)))
                                           .add(EARLY_DATA, b""))},
             edit=lambda h: h.set(SUPPORTED_GROUPS, sized(2, u16(0x0017))).set(KEY_SHARE, u16(0)), clear=True))
    row("a second ClientHello for another server", "server", NEW, 47, "8446 4.1.2",
        Hand({"second_client_hello": hello(lambda h: h.set(SERVER_NAME, sized(2, b"\0" + sized(2, b"elsewhere"))))},
             edit=lambda h: h.set(SUPPORTED_GROUPS, sized(2, u16(0x0017))).set(KEY_SHARE, u16(0)), clear=True))
    row("a second ClientHello without the suite that was chosen", "server", NEW, (47, 40), "8446 4.1.2",
        Hand({"second_client_hello": hello(lambda h: fields(h, suites=[0x1301]))},
             edit=lambda h: h.set(SUPPORTED_GROUPS, sized(2, u16(0x0017))).set(KEY_SHARE, u16(0)), clear=True))

    for what, name in (("with a blank", b"not a name"), ("with a NUL", b"local\0host"), ("not in ASCII",
        b"\xe4\xf6\xfc"),
                       ("of 300 bytes", b"a" * 300), ("that ends a label twice", b"a..b")):
        row(f"a server name that is none: {what}", "server", BOTH, (47, 112), "6066 3, 8446 6",
            ch(lambda h, name=name: h.set(SERVER_NAME, sized(2, b"\0" + sized(2, name)))))
    row("a server name that is none: empty", "server", BOTH, (50, 47), "6066 3",
        ch(lambda h: h.set(SERVER_NAME, sized(2, b"\0" + sized(2, b"")))))
    row("two server names of a type", "server", BOTH, (47, 50), "6066 3",
        ch(lambda h: h.set(SERVER_NAME, sized(2, (b"\0" + sized(2, b"localhost")) * 2))))
    row("a renegotiation that nobody had begun", "server", OLD, 40, "5746 3.6",
        Hand(edit=lambda h: h.set(RENEGOTIATION_INFO, sized(1, bytes(12)))))
    row("points in other formats than the one there is", "server", OLD, 47, "8422 5.1.2",
        ch(lambda h: h.set(EC_POINT_FORMATS, sized(1, b"\1"))))


def records_that_are_wrong():
    for role in ("client", "server"):
        row("the first protected record is damaged", role, BOTH, 20, "8446 5.2, 5246 7.2.2", Met(protected=flip))
        row("a record of data is damaged", role, BOTH, 20, "8446 5.2, 5246 7.2.2", Met(data=flip))
        row("a protected record is too long", role, NEW, 22, "8446 5.2",
            Met(protected=lambda r: record(APPLICATION_DATA, bytes(16384 + 257))))
        row("a protected record is too long", role, OLD, 22, "5246 6.2.3",
            Met(protected=lambda r: record(HANDSHAKE, bytes(16384 + 2049))))
        row("a record of data is too long", role, BOTH, 22, "8446 5.2, 5246 6.2.3",
            Met(data=lambda r: record(APPLICATION_DATA, bytes(16384 + 2049))))
        row("a protected record of unknown type", role, BOTH, 10, "8446 5",
            Met(protected=lambda r: b"\x63" + r[1:]))
        row("a record of data of unknown type", role, BOTH, 10, "8446 5", Met(data=lambda r: b"\x63" + r[1:]))
        row("a protected record too short to be one", role, BOTH, (20, 50), "8446 5.2, 5246 7.2.2",
            Met(protected=lambda r: r[:3] + u16(7) + bytes(7)))
        row("a first record in clear that is too long", role, BOTH, 22, "8446 5.1, 5246 6.2.1",
            Raw(record(HANDSHAKE, bytes(16385))))
        row("a first record of unknown type", role, BOTH, 10, "8446 5", Raw(record(99, b"x")))
        row("text that is no TLS", role, BOTH, 10, "8446 5", Raw(b"GET / HTTP/1.1\r\n\r\n"))
        row("a record of version 2.0", role, BOTH, 70, "8446 6.2, 5246 7.2.2", Raw(b"\x16\x02\x00\0\x05hello"))
        row("data before the hellos", role, BOTH, 10, "8446 5", Raw(record(APPLICATION_DATA, b"early")))
        row("a change_cipher_spec before the hellos", role, BOTH, 10, "8446 5, 5246 7.1",
            Raw(record(CHANGE_CIPHER_SPEC, b"\1")))
        # No section names the alert for these two; under keys one does.
        row("an empty handshake record", role, BOTH, (10, 50), "8446 5.1, 5246 6.2.1", Raw(record(HANDSHAKE, b"")))
        row("an empty alert", role, BOTH, (50, 10), "8446 6", Raw(record(ALERT, b"")))
        row("an alert of one byte", role, BOTH, 50, "8446 6", Raw(record(ALERT, b"\2")))
        row("an alert of three bytes", role, BOTH, 50, "8446 5.1 and 6", Raw(record(ALERT, b"\2\x28\0")))
        row("a handshake message too large to be one", role, BOTH, (47, 50), "8446 6",
            Raw(record(HANDSHAKE, b"\1\xff\xff\xff" + bytes(100))))
        row("data within a handshake message", role, BOTH, 10, "8446 5.1",
            Raw(lambda p: record(HANDSHAKE, b"\1\0\1\0" + bytes(50)) + record(APPLICATION_DATA, b"x")))
        row("a change_cipher_spec within a handshake message", role, BOTH, 10, "8446 5.1",
            Raw(lambda p: record(HANDSHAKE, b"\2\0\1\0" + bytes(50)) + record(CHANGE_CIPHER_SPEC, b"\1")))
        row("an empty record within a handshake message", role, BOTH, (10, 50), "8446 5.1, 5246 6.2.1",
            Raw(lambda p: record(HANDSHAKE, b"\1\0\1\0" + bytes(50)) + record(HANDSHAKE, b"")))

    row("two ClientHellos in one record", "server", BOTH, 10, "8446 5.1",
        Raw(lambda p: record(HANDSHAKE, client_hello(p).message() * 2)))

    # Under the handshake's keys.
    finished = "finished"
    for role in ("client", "server"):
        for what, alert, source, item in (
            ("a protected change_cipher_spec", 10, "8446 5", (CHANGE_CIPHER_SPEC, b"\1")),
            ("data before Finished", 10, "8446 4.4.4", (APPLICATION_DATA, b"too early")),
            ("a protected record of no inner type", 10, "8446 5.4", (None, bytes(20))),
            ("a protected record of an unknown inner type", 10, "8446 5", (99, b"x")),
            ("an empty protected handshake record", 10, "8446 5.4", (HANDSHAKE, b"")),
            ("an empty protected alert", 10, "8446 5.4", (ALERT, b"")),
            ("a protected alert of three bytes", 50, "8446 6", (ALERT, b"\2\x28\0")),
            ("a protected record with too much inside", 22, "8446 5.2", (HANDSHAKE, bytes(16385))),
            ("a KeyUpdate before Finished", 10, "8446 4.6.3", (HANDSHAKE, message(KEY_UPDATE, b"\0"))),
        ):
            row(what, role, NEW, alert, source, Hand({finished: lambda m, item=item: [item, m]}))
        row("a record in clear under keys", role, NEW, 10, "8446 5",
            Hand({finished: lambda m: [ClearRecord(HANDSHAKE, m), m]}))
        row("data within a protected handshake message", role, NEW, 10, "8446 5.1",
            Hand({finished: lambda m: [(HANDSHAKE, m[:9]), (APPLICATION_DATA, b"x"), (HANDSHAKE, m[9:])]}))
        row("a message behind Finished in its record", role, NEW, 10, "8446 5.1",
            Hand({finished: lambda m: [Glued(m, message(KEY_UPDATE, b"\0"))]}))
        row("a message behind Finished in its record", role, OLD, 10, "8446 5.1, 5246 7.4.9",
            Hand({finished: lambda m: [Glued(m, message(99, b""))]}))
        row("a change_cipher_spec that says something else", role, NEW, 10, "8446 5",
            Hand({"change_cipher_spec": lambda m: b"\2"}))
        row("a change_cipher_spec that says something else", role, OLD, (47, 50, 10), "5246 7.1",
            Hand({"change_cipher_spec": lambda m: b"\2"}))
        row("a change_cipher_spec of two bytes", role, NEW, 10, "8446 5",
            Hand({"change_cipher_spec": lambda m: b"\1\1"}))
        row("a change_cipher_spec of two bytes", role, OLD, (50, 10, 47), "5246 7.1",
            Hand({"change_cipher_spec": lambda m: b"\1\1"}))


def order_on_servers():
    for what, kind in (("Finished", FINISHED), ("ServerHello", SERVER_HELLO), ("Certificate", CERTIFICATE),
                       ("ClientKeyExchange", CLIENT_KEY_EXCHANGE), ("HelloRequest", 0), ("KeyUpdate", KEY_UPDATE),
                       ("a message of unknown type", 99)):
        bodies = {FINISHED: bytes(32), SERVER_HELLO: Hello(client_hello(TLS13).message()).body(), KEY_UPDATE: b"\0",
                  CLIENT_KEY_EXCHANGE: sized(1, bytes(32)), CERTIFICATE: sized(3, b"")}
        if kind == SERVER_HELLO:
            bodies[kind] = u16(0x0303) + bytes(32) + b"\0" + u16(0x1303) + b"\0"
        row(f"the first message is {what}", "server", BOTH, 10, "8446 4, 5246 7.4",
            Raw(record(HANDSHAKE, message(kind, bodies.get(kind, b"")))))
    bad = lambda source, scene, what, alert=10: row(what, "server", OLD, alert, source, scene)
    key = "client_key_exchange"
    bad("5246 7.4", Hand({key: lambda m: [client_hello(TLS12).message(), m]}), "ClientHello twice")
    bad("5246 7.4", Hand({key: lambda m: message(FINISHED, bytes(12))}), "Finished instead of ClientKeyExchange")
    bad("5246 7.4.9", Hand({key: lambda m: [m, message(FINISHED, bytes(12))]}), "Finished in clear")
    bad("5246 7.1", Hand({key: lambda m: [(CHANGE_CIPHER_SPEC, b"\1"), m]}), "change_cipher_spec too early")
    bad("5246 7.4", Hand({key: lambda m: [m, m]}), "ClientKeyExchange twice")
    bad("5246 7.4.6", Hand({key: lambda m: [certificate12(CLIENT_LEAF), m]}), "Certificate unasked")
    bad("5246 7.4.8", Hand({key: lambda m: [m, message(CERTIFICATE_VERIFY, u16(ED25519) + sized(2, bytes(64)))]}),
        "CertificateVerify without a certificate")
    bad("5246 7.4.6", Hand({"certificate": lambda m: b""}, ask=True, show=True),
        "ClientKeyExchange without Certificate")
    bad("5246 7.4.8", Hand({"certificate_verify": lambda m: b""}, ask=True, show=True), "no CertificateVerify")
    bad("5246 7.4", Hand({key: lambda m: [(APPLICATION_DATA, b"x"), m]}), "data in clear instead of ClientKeyExchange")
    bad("5246 7.4", Hand({key: lambda m: [message(99, b""), m]}), "a message of unknown type")
    bad("5246 7.2.2", Hand({key: lambda m: message(CLIENT_KEY_EXCHANGE, b"")}),
        "malformed: an empty ClientKeyExchange", 50)
    bad("5246 7.2.2", Hand({key: lambda m: message(CLIENT_KEY_EXCHANGE, b"\x40" + bytes(32))}),
        "malformed: ClientKeyExchange longer than itself", 50)
    bad("8422 5.11, 5246 7.2.2", Hand({key: lambda m: message(CLIENT_KEY_EXCHANGE, sized(1, bytes(31)))}),
        "a ClientKeyExchange that is too short a key", (47, 50))
    bad("8422 5.11", Hand({key: lambda m: message(CLIENT_KEY_EXCHANGE, sized(1, bytes(32)))}),
        "a ClientKeyExchange that gives zero", 47)

    bad = lambda source, scene, what, alert=10: row(what, "server", NEW, alert, source, scene)
    shown = {"ask": True, "show": True}
    bad("8446 4.1.2", Hand({"finished": lambda m: [client_hello(TLS13).message(), m]}), "ClientHello under keys")
    bad("8446 4.4", Hand({"certificate": lambda m: b"", "certificate_verify": lambda m: b""}, **shown),
        "Finished without Certificate")
    bad("8446 4.4", Hand({"certificate_verify": lambda m: b""}, **shown), "no CertificateVerify")
    bad("8446 4.4", Hand({"certificate_verify": lambda m: [m, m]}, **shown), "CertificateVerify twice")
    bad("8446 4.4", Hand({"certificate": lambda m: [m, m]}, **shown), "Certificate twice")
    bad("8446 4.4", Hand({"finished": lambda m: [certificate13((CLIENT_LEAF, b"")), m]}), "Certificate unasked")
    bad("8446 4.5", Hand({"finished": lambda m: [message(END_OF_EARLY_DATA, b""), m]}),
        "EndOfEarlyData without early data")
    bad("8446 4", Hand({"finished": lambda m: [message(99, b""), m]}), "a message of unknown type")


def order_on_clients():
    for what, kind, body in (("Certificate", CERTIFICATE, sized(3, b"")), ("Finished", FINISHED, bytes(12)),
                             ("ServerHelloDone", SERVER_HELLO_DONE, b""), ("EncryptedExtensions", ENCRYPTED_EXTENSIONS,
                             u16(0)), ("ClientHello", CLIENT_HELLO, client_hello(TLS13).body()),
                             ("a message of unknown type", 99, b"")):
        row(f"the first message is {what}", "client", BOTH, 10, "8446 4, 5246 7.4",
            Raw(record(HANDSHAKE, message(kind, body))))
    row("ServerHello twice", "client", OLD, 10, "5246 7.4", Hand({"server_hello": lambda m: [m, m]}))
    # The second is in clear where the keys are in force.
    row("ServerHello twice", "client", NEW, 10, "8446 4.1.3",
        Hand({"encrypted_extensions": lambda m: [ClearRecord(HANDSHAKE, Hello(
            message(SERVER_HELLO, u16(0x0303) + bytes(32) + b"\0" + u16(0x1303) + b"\0")).message())]}))
    row("ServerHello and more in one record", "client", NEW, 10, "8446 5.1",
        Hand({"server_hello": lambda m: [(HANDSHAKE, m + message(ENCRYPTED_EXTENSIONS, u16(0)))]}, clear=True))
    bad = lambda versions, source, what, changes, alert=10, **more: row(
        what, "client", versions, alert, source, Hand(changes, **more))
    drop = lambda m: b""
    twice = lambda m: [m, m]
    bad(OLD, "5246 7.4", "no Certificate", {"certificate": drop})
    bad(OLD, "5246 7.4", "Certificate twice", {"certificate": twice})
    bad(OLD, "5246 7.4", "no ServerKeyExchange", {"server_key_exchange": drop})
    bad(OLD, "5246 7.4", "ServerKeyExchange twice", {"server_key_exchange": twice})
    bad(OLD, "5246 7.4", "CertificateRequest twice", {"certificate_request": twice}, ask=True)
    bad(OLD, "5246 7.1", "change_cipher_spec too early", {"certificate": lambda m: [(CHANGE_CIPHER_SPEC, b"\1"), m]})
    bad(OLD, "5246 7.4", "Finished in clear",
        {"server_hello_done": lambda m: [m, (HANDSHAKE, message(FINISHED, bytes(12)))]})
    bad(OLD, "5246 7.4", "data in clear", {"certificate": lambda m: [(APPLICATION_DATA, b"x"), m]})
    bad(OLD, "5246 7.4", "a message of unknown type", {"certificate": lambda m: [message(99, b""), m]})
    bad(OLD, "5246 7.4, 5077 3.3", "a session ticket unasked",
        {"server_hello_done": lambda m: [m, (HANDSHAKE, message(NEW_SESSION_TICKET, bytes(6)))]})
    bad(NEW, "8446 4.3.1", "no EncryptedExtensions", {"encrypted_extensions": drop})
    bad(NEW, "8446 4.3.1", "EncryptedExtensions twice", {"encrypted_extensions": twice})
    bad(NEW, "8446 4.4", "no Certificate", {"certificate": drop})
    bad(NEW, "8446 4.4", "Certificate twice", {"certificate": twice})
    bad(NEW, "8446 4.4", "no CertificateVerify", {"certificate_verify": drop})
    bad(NEW, "8446 4.4", "CertificateVerify twice", {"certificate_verify": twice})
    bad(NEW, "8446 4.3.2", "CertificateRequest behind Certificate",
        {"certificate": lambda m: [m, message(CERTIFICATE_REQUEST, b"\0" + sized(2, extension(
            SIGNATURE_ALGORITHMS, sized(2, u16(ED25519)))))]})
    bad(NEW, "8446 4", "a message of unknown type", {"certificate": lambda m: [message(99, b""), m]})
    bad(NEW, "8446 4.6.1", "a session ticket before Finished",
        {"finished": lambda m: [message(NEW_SESSION_TICKET, bytes(8) + b"\0" + sized(2, b"t") + u16(0)), m]})


def hello_requests():
    request = message(HELLO_REQUEST, b"")
    alone = (HANDSHAKE, request)
    def on(versions, alert, what, changes, source="5246 7.4.1.1", **more):
        row(f"HelloRequest: {what}", "client", versions, alert, source, Hand(changes, **more))
    for name in ("server_hello", "certificate", "server_key_exchange", "certificate_request", "server_hello_done"):
        on(OLD, None, f"before {name}", {name: lambda m: [alone, m]}, ask=name == "certificate_request", show=True)
    on(OLD, None, "before ServerHello, and TLS 1.3 is possible", {"server_hello": lambda m: [alone, m]},
       both_versions=True)
    on(OLD, None, "behind a message in its record", {"certificate": lambda m: [Glued(m, request)]})
    on(OLD, None, "in two records", {"certificate": lambda m: [(HANDSHAKE, request[:2]), (HANDSHAKE, request[2:]), m]})
    on(OLD, None, "four of them", {"certificate": lambda m: [(HANDSHAKE, request * 3), m, alone]})
    on(OLD, 10, "five of them", {"certificate": lambda m: [(HANDSHAKE, request * 3), m, alone, alone]}, "our own limit")
    on(OLD, 10, "with a record within", {"certificate": lambda m: [(HANDSHAKE, request[:2]), (ALERT, b"\1\x5a"), m]},
       "5246 6.2.1")
    for count in (1, 3):
        on(OLD, 10, f"{count} of its bytes before change_cipher_spec",
           {"server_hello_done": lambda m, count=count: [m, (HANDSHAKE, request[:count])]}, "5246 6.2.1 and 7.1")
        on(NEW, 10, f"in TLS 1.3, {count} of its bytes behind ServerHello in its record",
           {"server_hello": lambda m, count=count: [Glued(m, request[:count])]}, "8446 5.1", both_versions=True)
    on(OLD, (50, 10), "malformed", {"certificate": lambda m: [(HANDSHAKE, message(HELLO_REQUEST, b"x")), m]},
       "5246 7.2.2")
    on(OLD, 10, "behind change_cipher_spec", {"finished": lambda m: [alone, m]}, "5246 7.4.9")
    on(NEW, 10, "in TLS 1.3", {"server_hello": lambda m: [alone, m]}, "8446 4", clear=True)
    on(NEW, 10, "in TLS 1.3, behind ServerHello in its record", {"server_hello": lambda m: [Glued(m, request)]},
       "8446 5.1", clear=True, both_versions=True)
    on(NEW, 10, "in TLS 1.3, under keys", {"certificate": lambda m: [alone, m]}, "8446 4", both_versions=True)


def server_hellos():
    def both(what, alert, source, change, versions=BOTH, **more):
        row(what, "client", versions, alert, source, sh(change, **more))
    both("a suite that was not offered", 47, "8446 4.1.3, 5246 7.2.2", lambda h: fields(h, suites=[0x1304]))
    both("a suite of the other version", 47, "8446 4.1.3", lambda h: fields(h, suites=[0xCCA9]), NEW)
    both("a suite of the other version", 47, "8446 4.1.3", lambda h: fields(h, suites=[0x1303]), OLD)
    both("a compression that was not offered", 47, "8446 4.1.3, 5246 7.2.2", lambda h: fields(h, compressions=b"\1"))
    both("an extension that was not asked for", 110, "8446 4.2, 5246 7.4.1.4", lambda h: h.add(UNKNOWN_EXTENSION, b""))
    both("an extension twice", 47, "8446 4.2 and 6", lambda h: h.extensions.append(h.extensions[0]))
    both("a session id that is not ours", 47, "8446 4.1.3", lambda h: fields(h, session_id=bytes(32)), NEW)
    both("TLS 1.2 in supported_versions", 47, "8446 4.2.1", lambda h: h.set(SUPPORTED_VERSIONS, u16(0x0303)), NEW)
    both("an unknown version in supported_versions", 47, "8446 4.2.1", lambda h: h.set(SUPPORTED_VERSIONS, u16(0x0305)),
         NEW)
    both("legacy_version 0x0300 beside supported_versions", 70, "8446 D.5", lambda h: fields(h, version=0x0300), NEW)
    both("no key_share", 109, "8446 9.2", lambda h: h.remove(KEY_SHARE), NEW)
    both("a key share of another group", 47, "8446 4.2.8", lambda h: h.set(KEY_SHARE, u16(GROUP_OF_NOBODY) + sized(
        2, b"\4" + bytes(132))), NEW)
    both("a key share that is too short", 47, "8446 4.2.8 and 6", lambda h: h.set(KEY_SHARE, u16(X25519) + sized(
        2, bytes(31))), NEW)
    both("a key share that gives zero", 47, "8446 7.4.2", lambda h: h.set(KEY_SHARE,
        u16(X25519) + sized(2, bytes(32))), NEW)
    both("a pre_shared_key that was not offered", (110, 47), "8446 4.2 and 4.2.11", lambda h: h.add(PRE_SHARED_KEY,
        u16(0)),
         NEW)
    # Section 4.2 says illegal_parameter, section 6.2 describes unsupported_extension.
    both("ALPN, which belongs elsewhere", (47, 110), "8446 4.2 and 6.2", lambda h: h.add(ALPN, sized(2, b"\2h2")), NEW,
         ours={"alpn": ["h2"]})
    both("malformed: supported_versions of one byte", 50, "8446 6", lambda h: h.set(SUPPORTED_VERSIONS, b"\3"), NEW)
    both("malformed: key_share longer than itself", 50, "8446 6", lambda h: h.set(KEY_SHARE, u16(X25519, 99)), NEW)
    for what, change in (("it ends within the random", lambda m: message(SERVER_HELLO, m[4:20])),
                         ("bytes behind the extensions", lambda m: message(SERVER_HELLO, m[4:] + b"\0")),
                         ("an extension longer than the message", lambda m: message(SERVER_HELLO, m[4:-1]))):
        row(f"malformed: {what}", "client", BOTH, 50, "8446 6, 5246 7.2.2", Hand({"server_hello": change}, clear=True))
    both("a renegotiation that nobody had begun", 40, "5746 3.4", lambda h: h.set(RENEGOTIATION_INFO,
        sized(1, bytes(24))),
         OLD)
    both("an application protocol that was not offered", 47, "7301 3.1, 8446 6", lambda h: h.add(ALPN,
        sized(2, b"\2h3")),
         OLD, ours={"alpn": ["h2"]})
    both("an application protocol unasked", 110, "5246 7.4.1.4", lambda h: h.add(ALPN, sized(2, b"\2h3")), OLD)
    both("points in other formats than the one there is", (47, 40), "8422 5.2", lambda h: h.set(EC_POINT_FORMATS,
        sized(1, b"\1")),
         OLD)
    for sentinel, what in ((DOWNGRADE_TO_TLS12, "TLS 1.2"), (DOWNGRADE_TO_TLS11, "TLS 1.1")):
        row(f"a downgrade, as the sentinel for {what} tells", "client", OLD, 47, "8446 4.1.3",
            Hand({"random": lambda r, s=sentinel: r[:24] + s}, both_versions=True))

    # By real servers, so that they report it.
    row("a suite that was not offered, on the way", "client", BOTH, 47, "8446 4.1.3, 5246 7.2.2",
        Met({SERVER_HELLO: hello(lambda h: fields(h, suites=[0xC0AC]))}, deaf=DEAF))
    row("an extension that was not asked for, on the way", "client", BOTH, 110, "8446 4.2, 5246 7.4.1.4",
        Met({SERVER_HELLO: hello(lambda h: h.add(UNKNOWN_EXTENSION, b""))}, deaf=DEAF))
    row("a downgrade on the way", "client", OLD, 47, "8446 4.1.3",
        Met({SERVER_HELLO: hello(lambda h: fields(h, random=h.random[:24] + DOWNGRADE_TO_TLS12))},
            ours={"protocols": TLS12 | TLS13}))
    row("malformed on the way", "client", BOTH, 50, "8446 6, 5246 7.2.2",
        Met({SERVER_HELLO: lambda m: message(SERVER_HELLO, m[4:] + b"\0")}, deaf=DEAF))

    def retry(what, alert, source, change):
        row(f"HelloRetryRequest: {what}", "client", NEW, alert, source, Hand({"retry": change}, clear=True))
    retry("a group that was not offered", 47, "8446 4.2.8", hello(lambda h: h.set(KEY_SHARE, u16(GROUP_OF_NOBODY))))
    retry("the group whose share is there", 47, "8446 4.2.8", hello(lambda h: h.set(KEY_SHARE, u16(X25519))))
    retry("no change", 47, "8446 4.1.4", hello(lambda h: h.remove(KEY_SHARE)))
    retry("a suite that was not offered", 47, "8446 4.1.4", hello(lambda h: fields(h, suites=[0x1304])))
    retry("an unknown version", 47, "8446 4.2.1", hello(lambda h: h.set(SUPPORTED_VERSIONS, u16(0x0303))))
    retry("an extension that was not asked for", 110, "8446 4.2", hello(lambda h: h.add(UNKNOWN_EXTENSION, b"")))
    retry("an extension twice", 47, "8446 4.2 and 6", hello(lambda h: h.add(KEY_SHARE, u16(0x0017))))
    retry("an empty cookie", 50, "8446 4.2.2", hello(lambda h: h.add(COOKIE, u16(0))))
    retry("a session id that is not ours", 47, "8446 4.1.4", hello(lambda h: fields(h, session_id=bytes(32))))
    row("HelloRetryRequest: a second one", "client", NEW, 10, "8446 4.1.4",
        Hand({"retry": lambda m: [m, m]}, clear=True))
    row("HelloRetryRequest: another suite in the ServerHello behind it", "client", NEW, 47, "8446 4.1.4",
        Hand({"retry": lambda m: m, "server_hello": hello(lambda h: fields(h, suites=[0x1301]))}, clear=True))
    row("HelloRetryRequest: the old group in the ServerHello behind it", "client", NEW, 47, "8446 4.2.8",
        Hand({"retry": lambda m: m, "server_hello": hello(lambda h: h.set(KEY_SHARE, u16(X25519) + sized(
            2, bytes([9] * 32))))}, clear=True))


def behind_the_server_hello():
    def ee(what, alert, source, data, ours=None):
        row(f"EncryptedExtensions: {what}", "client", NEW, alert, source,
            Hand({"encrypted_extensions": lambda m: message(ENCRYPTED_EXTENSIONS, data)}, ours=ours))
    ee("one that was not asked for", 110, "8446 4.2", sized(2, extension(UNKNOWN_EXTENSION, b"")))
    ee("an application protocol unasked", 110, "8446 4.2", sized(2, extension(ALPN, sized(2, b"\2h2"))))
    ee("key_share, which belongs elsewhere", (47, 110), "8446 4.2 and 6.2", sized(2,
        extension(KEY_SHARE, share(X25519, bytes(32))[2:])))
    ee("supported_versions, which belongs elsewhere", (47, 110), "8446 4.2 and 6.2", sized(2,
        extension(SUPPORTED_VERSIONS, u16(0x0304))))
    ee("signature_algorithms, which belongs elsewhere", (47, 110), "8446 4.2 and 6.2",
       sized(2, extension(SIGNATURE_ALGORITHMS, sized(2, u16(ED25519)))))
    ee("one twice", 47, "8446 4.2 and 6", sized(2, extension(SERVER_NAME, b"") * 2))
    ee("early data that was not offered", 110, "8446 4.2", sized(2, extension(EARLY_DATA, b"")))
    h2 = {"alpn": ["h2"]}
    ee("an application protocol that was not offered", 47, "7301 3.1, 8446 6",
       sized(2, extension(ALPN, sized(2, b"\2h3"))), h2)
    ee("two application protocols", (47, 50), "7301 3.1", sized(2, extension(ALPN, sized(2, b"\2h2\2h3"))), h2)
    ee("malformed: longer than the message", 50, "8446 6", u16(9))
    ee("malformed: bytes behind it", 50, "8446 6", sized(2, b"") + b"\0")

    def cr(what, alert, source, body, versions=NEW):
        row(f"CertificateRequest: {what}", "client", versions, alert, source,
            Hand({"certificate_request": lambda m: message(CERTIFICATE_REQUEST, body)}, ask=True))
    schemes = extension(SIGNATURE_ALGORITHMS, sized(2, u16(ED25519)))
    cr("no signature_algorithms", 109, "8446 4.3.2", b"\0" + sized(2, b""))
    cr("with a context", 47, "8446 4.3.2", sized(1, b"context") + sized(2, schemes))
    cr("signature_algorithms twice", 47, "8446 4.2 and 6", b"\0" + sized(2, schemes * 2))
    cr("malformed: longer than the message", 50, "8446 6", b"\0" + u16(99))
    cr("malformed: no signature scheme in it", 50, "8446 4.2.3",
       b"\0" + sized(2, extension(SIGNATURE_ALGORITHMS, u16(0))))
    cr("no scheme of ours: we show none", None, "8446 4.4.2",
       b"\0" + sized(2, extension(SIGNATURE_ALGORITHMS, sized(2, u16(SCHEME_OF_NOBODY)))))
    cr("malformed: longer than the message", 50, "5246 7.2.2", b"\1\x40" + u16(99), OLD)
    cr("malformed: bytes behind it", 50, "5246 7.2.2",
       sized(1, b"\x40") + sized(2, u16(ED25519)) + sized(2, b"") + b"\0", OLD)

    def cert(what, alert, source, make, roles=("client", "server"), versions=BOTH, status=None):
        for role in roles:
            leaf = SERVER_LEAF if role == "client" else CLIENT_LEAF
            for protocol in versions:
                row(f"Certificate: {what}", role, (protocol,), alert, source,
                    Hand({"certificate": lambda m, leaf=leaf, p=protocol: make(p, leaf)}, ask=role == "server",
                    show=True,
                         status=status))
    cert("nobody can read it", 42, "8446 6.2, 5246 7.2.2", lambda p, leaf: certificate(p, b"\x30\x03\2\1\1"),
         status=(AUTHENTICATION,))
    cert("malformed: longer than the message", 50, "8446 6, 5246 7.2.2",
         lambda p, leaf: message(CERTIFICATE, (b"\0" if p == TLS13 else b"") + b"\0\1\0"))
    cert("malformed: bytes behind it", 50, "8446 6, 5246 7.2.2",
         lambda p, leaf: message(CERTIFICATE, certificate(p, leaf)[4:] + b"\0"))
    cert("malformed: an entry of no bytes", 50, "8446 4.4.2 and 6, 5246 7.4.2", lambda p, leaf: certificate(p, b""))
    either = (AUTHENTICATION, PROTOCOL)
    cert("none, from a server", 50, "8446 4.4.2.4", lambda p, leaf: certificate(p), ("client",), NEW, either)
    cert("none, from a server", (40, 42, 47, 50), "5246 7.4.2", lambda p, leaf: certificate(p), ("client",), OLD,
        either)
    cert("with a context", 47, "8446 4.4.2", lambda p, leaf: certificate13((leaf, b""), context=b"x"), versions=NEW)
    cert("with an extension unasked", 110, "8446 4.4.2 and 6.2",
         lambda p, leaf: certificate13((leaf, extension(UNKNOWN_EXTENSION, b""))), versions=NEW)
    cert("with an extension twice", (47, 110), "8446 4.2",
         lambda p, leaf: certificate13((leaf, extension(5, b"\1" + sized(3, b"x")) * 2)), ("client",), NEW)

    for role in ("client", "server"):
        options = {"ask": role == "server", "show": True}
        versions = NEW if role == "client" else BOTH
        source = "8446 4.4.3, 5246 7.2.2"
        row("CertificateVerify: garbled", role, versions, 51, source,
            Hand({"certificate_verify": garble()}, **options))
        row("CertificateVerify: by a scheme that was not offered", role, versions, 47, "8446 4.4.3, 5246 7.4.8",
            Hand({"certificate_verify": verify(SCHEME_OF_NOBODY, signature_of)}, **options))
        row("CertificateVerify: PKCS #1, which TLS 1.3 has not", role, NEW, 47, "8446 4.4.3",
            Hand({"certificate_verify": verify(PKCS1_SHA256, signature_of)}, **options))
        row("CertificateVerify: a scheme that is not the key's", role, versions, (47, 51), "8446 4.4.3, 5246 7.4.8",
            Hand({"certificate_verify": verify(0x0403, signature_of)}, **options))
        row("CertificateVerify: no signature in it", role, versions, 51, source,
            Hand({"certificate_verify": verify(ED25519, lambda m: b"")}, **options))
        row("CertificateVerify: malformed, longer than itself", role, versions, 50, "8446 6, 5246 7.2.2",
            Hand({"certificate_verify": lambda m: message(CERTIFICATE_VERIFY, u16(ED25519, 99) + bytes(64))},
            **options))
        row("Finished: garbled", role, BOTH, 51, "8446 4.4.4, 5246 7.4.9", Hand({"finished": garble()}))
        longer = lambda m: message(FINISHED, m[4:] + b"\0")
        for what, change in (
            ("too short", lambda m: message(FINISHED, m[4:-1])), ("empty", lambda m: message(FINISHED, b"")),
            ("too long", longer),
            ("too long, in two records", lambda m: [(HANDSHAKE, longer(m)[:3]), (HANDSHAKE, longer(m)[3:])]),
        ):
            row(f"Finished: {what}", role, BOTH, 50, "8446 6.2, 5246 7.2.2", Hand({"finished": change}))

    def ske(what, alert, source, change):
        row(f"ServerKeyExchange: {what}", "client", OLD, alert, source, Hand({"server_key_exchange": change}))
    def curve(what, alert, source, change):
        row(f"ServerKeyExchange: {what}", "client", OLD, alert, source, Hand({"curve": change}))
    ske("garbled signature", 51, "5246 7.2.2", garble())
    ske("garbled key", 51, "5246 7.2.2", garble(20))
    ske("signed by a scheme that was not offered", 47, "5246 7.4.3", 
        lambda m: message(SERVER_KEY_EXCHANGE, m[4:40] + u16(SCHEME_OF_NOBODY) + m[42:]))
    curve("a curve that was not offered", 47, "8422 5.4, 5246 7.2.2", lambda c: b"\3" + u16(GROUP_OF_NOBODY) + c[3:])
    curve("a curve in explicit form", (47, 40, 50), "8422 5.4", lambda c: b"\1" + c[1:])
    curve("a key that is too short", (47, 50), "8422 5.11", lambda c: c[:3] + sized(1, bytes(31)))
    curve("a key that gives zero", 47, "8422 5.11", lambda c: c[:3] + sized(1, bytes(32)))
    ske("malformed: it ends within the key", 50, "5246 7.2.2", lambda m: message(SERVER_KEY_EXCHANGE, m[4:20]))
    ske("malformed: bytes behind it", 50, "5246 7.2.2", lambda m: message(SERVER_KEY_EXCHANGE, m[4:] + b"\0"))
    row("ServerKeyExchange: garbled on the way", "client", OLD, 51, "5246 7.2.2",
        Met({SERVER_KEY_EXCHANGE: garble()}))
    row("ServerKeyExchange: garbled key on the way", "client", OLD, 51, "5246 7.2.2",
        Met({SERVER_KEY_EXCHANGE: garble(20)}))
    row("ServerHelloDone: malformed, not empty", "client", OLD, 50, "5246 7.2.2",
        Hand({"server_hello_done": lambda m: message(SERVER_HELLO_DONE, b"\0")}))
    row("CertificateVerify: garbled on the way", "server", OLD, 51, "5246 7.2.2",
        Met({CERTIFICATE_VERIFY: garble()}, ours={"client_certificates": CERTIFICATE_REQUIRE},
        credentials="client-p256"))
    row("no certificate where one is required", "server", OLD, 40, "5246 7.4.6",
        Hand(ask=True, status=(AUTHENTICATION,)))
    row("no certificate where one is required", "server", NEW, 116, "8446 4.4.2.4", Hand(ask=True,
        status=(AUTHENTICATION,)))


def behind_the_handshake():
    ticket = message(NEW_SESSION_TICKET, bytes(8) + b"\0" + sized(2, b"t") + u16(0))
    big = bytes(16385)
    for what, cases in (
        ("open: a damaged record", opened(20, "8446 5.2, 5246 7.2.2", flipped)),
        ("open: an over-long record", opened(22, "8446 5.2", record(APPLICATION_DATA, bytes(16384 + 257)),
        versions=NEW)),
        ("open: an over-long record", opened(22, "5246 6.2.3", record(APPLICATION_DATA, bytes(16384 + 2049)),
                                             versions=OLD)),
        ("open: too much in a record", opened(22, "8446 5.2, 5246 6.2.2", (APPLICATION_DATA, big))),
        ("open: a record of unknown type", opened(10, "8446 5", record(99, bytes(40)))),
        ("open: a record too short to be one", opened(20, "8446 5.2", record(APPLICATION_DATA, bytes(9)))),
        ("open: data in clear", opened(20, "8446 5.2, 5246 7.2.2",
        record(APPLICATION_DATA, b"data that is in clear!"))),
        ("open: a handshake message in clear", opened(10, "8446 5", record(HANDSHAKE, bytes(40)), versions=NEW)),
        ("open: a change_cipher_spec", opened(10, "8446 5", record(CHANGE_CIPHER_SPEC, b"\1"), versions=NEW)),
        ("open: a protected change_cipher_spec", opened(10, "8446 5, 5246 7.1", (CHANGE_CIPHER_SPEC, b"\1"))),
        ("open: no inner type", opened(10, "8446 5.4", (None, bytes(20)), versions=NEW)),
        ("open: an unknown inner type", opened(10, "8446 5", (99, b"x"), versions=NEW)),
        ("open: an empty handshake record", opened(10, "8446 5.4", (HANDSHAKE, b""), versions=NEW)),
        ("open: an empty alert", opened(10, "8446 5.4", (ALERT, b""), versions=NEW)),
        ("open: an empty alert", opened((50, 10), "5246 6.2.1", (ALERT, b""), versions=OLD)),
        ("open: an alert of one byte", opened(50, "8446 6, 5246 7.2.2", (ALERT, b"\2"))),
        ("open: an alert of three bytes", opened(50, "8446 6, 5246 7.2.2", (ALERT, b"\2\x28\0"))),
        ("open: an alert of no level", opened((47, 50), "5246 7.2", (ALERT, b"\3\x28"), versions=OLD)),
        ("open: data within a handshake message", opened(10, "8446 5.1", (HANDSHAKE, b"\x18\0"),
        (APPLICATION_DATA, b"x"))),
        ("open: a warning within a handshake message", opened(10, "8446 5.1", (HANDSHAKE, b"\x18\0"),
        (ALERT, b"\1\x5a"))),
        ("open: a handshake message too large to be one", opened((47, 50), "8446 6",
                                                                 (HANDSHAKE, b"\x18\xff\xff\xff" + bytes(50)))),
        ("open: a KeyUpdate that asks for nonsense", opened(47, "8446 4.6.3", (HANDSHAKE, message(KEY_UPDATE, b"\2")),
                                                            versions=NEW)),
        ("open: a malformed KeyUpdate", opened(50, "8446 6", (HANDSHAKE, message(KEY_UPDATE, b"\0\0")), versions=NEW)),
        ("open: an empty KeyUpdate", opened(50, "8446 6", (HANDSHAKE, message(KEY_UPDATE, b"")), versions=NEW)),
        ("open: a message behind a KeyUpdate", opened(10, "8446 5.1", (HANDSHAKE, message(KEY_UPDATE, b"\0") + ticket),
                                                      versions=NEW)),
        ("open: a KeyUpdate in TLS 1.2", opened(10, "5246 7.4", (HANDSHAKE, message(KEY_UPDATE, b"\0")), versions=OLD)),
        ("open: Finished again", opened(10, "8446 4, 5246 7.4", (HANDSHAKE, message(FINISHED, bytes(32))))),
        ("open: ServerHello", opened(10, "8446 4, 5246 7.4", (HANDSHAKE, message(SERVER_HELLO, bytes(40))))),
        ("open: ClientHello", opened(10, "8446 4.1.2", (HANDSHAKE, client_hello(TLS13).message()), versions=NEW)),
        ("open: ClientHello", opened(10, "5246 7.4", (HANDSHAKE, client_hello(TLS12).message()), versions=OLD,
                                     roles=("client",))),
        ("open: a message of unknown type", opened(10, "8446 4, 5246 7.4", (HANDSHAKE, message(99, b"")))),
        ("open: a session ticket for a server", opened(10, "8446 4.6.1", (HANDSHAKE, ticket), roles=("server",))),
        ("open: a malformed session ticket", opened(50, "8446 6", (HANDSHAKE, message(NEW_SESSION_TICKET, bytes(9))),
                                                    versions=NEW, roles=("client",))),
        ("open: a certificate request unasked", opened(
            10, "8446 4.6.2", (HANDSHAKE, message(CERTIFICATE_REQUEST, b"\0" + sized(2, extension(
                SIGNATURE_ALGORITHMS, sized(2, u16(ED25519)))))), versions=NEW)),
        ("open: a flood of empty records", opened(10, "our own limit", *[(APPLICATION_DATA, b"")] * 40)),
    ):
        rows(what, cases)


for part in (nothing_in_common, client_hellos, records_that_are_wrong, order_on_servers, order_on_clients,
    hello_requests, server_hellos, behind_the_server_hello, behind_the_handshake):
    part()


# Where rustls 0.23 gives no sign of what the RFC asks for: (role, cause) -> (version, what happens instead, why). A
# test that fails here has become better than its entry, which can go then.
DEPARTURES = {
    ("server", "no supported_groups"): (
        TLS12, 40, "rustls chooses among the groups that were offered, and none were"),
    ("server", "a server_name list that begins with an unknown type"): (
        TLS12, 47, "rustls takes the length of an unknown entry for unknown, though RFC 6066 fixes it"),
    ("client", "a renegotiation that nobody had begun"): (
        TLS12, None, "rustls lets any renegotiation_info pass in a ServerHello; it never renegotiates"),
    ("client", "a downgrade, as the sentinel for TLS 1.1 tells"): (
        TLS12, None, "rustls compares with TLS 1.2's sentinel only; it has no TLS 1.1 to be brought down to"),
    ("client", "a session id that is not ours"): (
        TLS13, None, "rustls compares the echo in a HelloRetryRequest only"),
    ("client", "TLS 1.2 in supported_versions"): (
        TLS13, 70, "rustls has one error for a version that is off, however it was chosen"),
    ("client", "an unknown version in supported_versions"): (
        TLS13, 70, "rustls has one error for a version that it does not have, however it was chosen"),
    ("client", "CertificateRequest: no signature_algorithms"): (
        TLS13, 40,
        "rustls takes a missing list for an empty one, and has one error for that and for nothing in common"),
    ("client", "EncryptedExtensions: signature_algorithms, which belongs elsewhere"): (
        TLS13, None,
        "rustls refuses some extensions that belong elsewhere, and not this one; what is protected nobody else "
        "sees"),
}


class Alerts(unittest.TestCase):
    maxDiff = 400


# --- Alerts that come to us, and endings in mid-handshake ------------------------------------------------------------

# Where a handshake can stand when the peer's alert comes: what the peer made by hand says instead of which message.
PHASES = {
    ("client", TLS12): ["server_hello", "certificate", "server_hello_done", "finished", "open"],
    ("client", TLS13): ["server_hello", "encrypted_extensions", "certificate_verify", "finished", "open"],
    ("server", TLS12): ["client_hello", "client_key_exchange", "finished", "open"],
    ("server", TLS13): ["client_hello", "certificate", "finished", "open"],
}


def received_test(role, protocol, phase, description, level):
    def test(self):
        alert = (ALERT, bytes([level, description]))
        changes = {} if phase == "open" else {phase: lambda m: [alert]}
        options = {"client_certificates": 2} if role == "server" and phase == "certificate" else {}
        us, them = by_hand(self, role, protocol, options, changes=changes, show=True)
        talk(us, them)
        if phase == "open":
            self.assertEqual(us.status, COMPLETE)
            them.put(*alert)
            us.inbox += them.outbox
            self.assertEqual(us.read(), b"")
            them.feed(us.take_output())
        error = us.session.error()
        self.assertEqual(us.status, PEER_ALERT, error)
        self.assertEqual((error.alert_received, error.alert_sent), (description, -1), error)
        # RFC 8446 section 6: nothing more is sent.
        self.assertEqual(them.alerts, [])
        self.assertFalse(them.unreadable)
        note(Row("the peer's fatal alert, by phase: reported, not answered", role, BOTH, None, "8446 6.2, 5246 7.2.2",
            None),
             protocol, description, "hand")

    return test


def suspended_alert_test(role, protocol, description):
    """The alert lies behind the certificate that waits for a verdict."""
    def test(self):
        # Clients judge behind CertificateVerify, or ServerHelloDone; servers before the client's proof.
        following = "finished" if role == "client" else "certificate_verify"
        changes = {following: lambda m: [(ALERT, bytes([2, description]))]}
        judged = []

        def judge(session):
            judged.append(True)
            session.set_certificate_validation_result(0)

        options = {"client_certificates": 2} if role == "server" else {}
        us, them = by_hand(self, role, protocol, options, judge=judge, changes=changes, show=True)
        talk(us, them)
        error = us.session.error()
        self.assertEqual(judged, [True])
        self.assertEqual(us.status, PEER_ALERT, error)
        self.assertEqual((error.alert_received, error.alert_sent), (description, -1), error)
        self.assertEqual(them.alerts, [])

    return test


def clear_alert_test(description, level):
    """TLS 1.3: a client that cannot read our ServerHello has no keys to protect its alert with (RFC 8446 section 6)."""
    def test(self):
        us, them = by_hand(self, "server", TLS13)
        us.inbox += them.outbox
        us.handshake()
        us.take_output()
        us.inbox += record(ALERT, bytes([level, description]))
        self.assertEqual(us.handshake(), PEER_ALERT)
        error = us.session.error()
        self.assertEqual((error.alert_received, error.alert_sent), (description, -1), error)
        self.assertEqual(us.take_output(), b"")

    return test


def ignored_warning_test(role):
    """TLS 1.2 has warnings that end nothing (RFC 5246 section 7.2)."""
    def test(self):
        name = "certificate" if role == "client" else "client_key_exchange"
        us, them = by_hand(self, role, TLS12, changes={name: lambda m: [(ALERT, b"\1\x70"), m]})
        talk(us, them)
        self.assertEqual(us.status, COMPLETE, us.session.error())

    return test


def peer_cancels_test(role, protocol, phase):
    """user_canceled, then close_notify (RFC 8446 section 6.1)."""
    def test(self):
        changes = {phase: lambda m: [(ALERT, b"\1\x5a"), (ALERT, b"\1\0")]}
        options = {"client_certificates": 2} if role == "server" and phase == "certificate" else {}
        us, them = by_hand(self, role, protocol, options, changes=changes, show=True)
        talk(us, them)
        error = us.session.error()
        self.assertEqual(us.status, PEER_ALERT, error)
        self.assertEqual((error.alert_received, error.alert_sent), (0, -1), error)
        self.assertEqual(us.session.end_of_input(), PEER_ALERT)
        note(Row("the peer cancels: user_canceled, close_notify", role, BOTH, None, "8446 6.1", None), protocol, 0,
            "hand")

    return test


def closing_answer_test(role, protocol, phase):
    """RFC 5246 section 7.2.1 wants a close_notify in answer to one, RFC 8446 section 6.1 before each end without an
    error alert."""
    def test(self):
        us, them = by_hand(self, role, protocol, changes={phase: lambda m: [(ALERT, b"\1\x5a"), (ALERT, b"\1\0")]})
        talk(us, them)
        us.shutdown()
        them.feed(us.take_output())
        self.assertEqual([alert[:2] for alert in them.alerts], [(1, 0)])

    return test


def we_cancel_test(role, protocol, phase):
    """Our shutdown in mid-handshake: the peer goes silent before it says what `phase` names."""
    def test(self):
        us, them = by_hand(self, role, protocol)
        speak, silent = them.send, []

        def send(name, handshake_message):
            if name == phase:
                silent.append(name)
            if not silent:
                speak(name, handshake_message)

        them.send = send
        them.change_cipher = lambda: None
        if phase == "client_hello":
            them.outbox.clear()
        talk(us, them)
        self.assertEqual(us.status, WANT_READ, us.session.error())
        self.assertEqual(us.shutdown(), CLOSED)
        them.feed(us.take_output())
        sealed = FINISHED in them.received or protocol == TLS13 and phase not in ("server_hello", "client_hello")
        if role == "server" and phase == "client_hello":
            self.assertEqual([alert[:2] for alert in them.alerts], [(1, 90), (1, 0)])
        else:
            self.assertEqual(them.alerts, [(1, 90, sealed), (1, 0, sealed)])
        self.assertFalse(them.unreadable)
        self.assertEqual(us.session.process_handshake(b"", 20000), (CLOSED, 0, b""))
        note(Row("we cancel, by phase: user_canceled, close_notify", role, BOTH, None, "8446 6.1, 5246 7.2.1", None),
             protocol, 90, "hand")

    return test


def plain_test(role, protocol, ask):
    """The peer made by hand is a good one, if it is let."""
    def test(self):
        options = {"client_certificates": 2} if ask and role == "server" else {}
        us, them = by_hand(self, role, protocol, options, ask=ask and role == "client", show=True)
        talk(us, them)
        self.assertEqual(us.status, COMPLETE, us.session.error())
        us.write(b"ours")
        them.feed(us.take_output())
        them.write(b"theirs")
        us.inbox += them.outbox
        self.assertEqual((us.read(), bytes(them.data), them.alerts), (b"theirs", b"ours", []))

    return test


# --- The tests -------------------------------------------------------------------------------------------------------

def row_test(row, protocol, peer):
    def test(self):
        try:
            row.scene.run(self, row, protocol, peer)
        except AssertionError:
            note(row, protocol, "FAILS", peer.name if peer else "hand")
            raise

    return test


def departed(row):
    """The row as rustls has it; None if there is no need."""
    version, instead, _ = DEPARTURES.get((row.role, row.cause), (None, None, None))
    return row._replace(alert=instead) if version in row.versions else None


def words(row):
    return " or ".join("goes on" if alert is None else alert_name(alert) for alert in allowed(row))


def add_rows():
    turn = 0
    for row in ROWS:
        for protocol in row.versions:
            for peer in getattr(row.scene, "peers", [None]):
                turn += 1
                if QUICK and peer in (OpenSsl, GnuTls) and turn % 4:
                    continue
                whom = f" ({peer.name})" if peer else ""
                instead = departed(row)
                name = f"{NAMES[protocol]}: our {row.role}{whom}: {row.cause}: {words(row)}"
                sentences.add_test(Alerts, f"{name} (departs: {words(instead)})" if instead else name,
                                   row_test(instead or row, protocol, peer))


def add_endings():
    add = lambda name, test: sentences.add_test(Alerts, name, test)
    for (role, protocol), phases in PHASES.items():
        version = f"{NAMES[protocol]}: our {role}"
        for ask in (False, True):
            add(f"{version} and a peer made by hand get on{' with a client certificate' if ask else ''}",
                plain_test(role, protocol, ask))
        for phase in phases:
            where = "behind the handshake" if phase == "open" else f"instead of {phase}"
            for description in (10, 40, 42, 80, 116, 200):
                add(f"{version} reports the peer's fatal {description} {where}",
                    received_test(role, protocol, phase, description, 2))
            if protocol == TLS13 and phase not in ("client_hello", "server_hello"):
                # RFC 8446 section 6.2: whatever the level says, once it is TLS 1.3.
                for level in (1, 3):
                    add(f"{version} reports the peer's 40 at level {level} {where}, too",
                        received_test(role, protocol, phase, 40, level))
            if phase != "open":
                add(f"{version} ends when the peer cancels {where}", peer_cancels_test(role, protocol, phase))
                add(f"{version} can answer a close in mid-handshake, {where}", closing_answer_test(role, protocol,
                    phase))
                if phase != "certificate" or role == "client":
                    add(f"{version} cancels when the peer has still to send {phase}",
                        we_cancel_test(role, protocol, phase))
        add(f"{version} reports a fatal alert behind the certificate", suspended_alert_test(role, protocol, 80))
        if protocol == TLS12:
            add(f"{version} ignores a warning", ignored_warning_test(role))
    for level in (2, 1):
        add(f"TLS 1.3: our server reports an alert in clear at level {level} behind its ServerHello",
            clear_alert_test(47, level))


def tearDownModule():
    """The table, condensed: for each version the alert, and who reported it by number or name."""
    letters = {"Python": "P", "OpenSSL": "O", "GnuTLS": "G", "hand": "h"}
    print("# The alert sent in TLS 1.2 and TLS 1.3, heard by Python (P), OpenSSL (O), GnuTLS (G), a peer by hand (h)")
    places = {(row.cause, row.role, row.source): place for place, row in enumerate(ROWS)}
    for (cause, role, source), versions in sorted(seen.items(), key=lambda item: places.get(item[0], len(places))):
        cells = []
        for protocol in NAMES:
            reports = versions.get(protocol, {})
            alerts = sorted({"goes on" if alert is None else str(alert) for alert in reports.values()})
            cells.append(f"{'/'.join(alerts)} {''.join(letters[peer] for peer in reports)}" if reports else "-")
        departs = " (departs)" if (role, cause) in DEPARTURES else ""
        print(f"# {role}: {cause:68} {cells[0]:12} {cells[1]:12} {source}{departs}")
    print("# Departures from the RFCs that are rustls's")
    for (role, cause), (protocol, instead, why) in DEPARTURES.items():
        found = next(row for row in ROWS if (row.role, row.cause) == (role, cause) and protocol in row.versions)
        outcome = "goes on" if instead is None else alert_name(instead)
        print(f"# {NAMES[protocol]}, {role}: {cause}: {words(found)} by {found.source}, but: {outcome}: {why}")
    print("# Their words for it")
    for alert in sorted({alert for known in vocabulary.values() for alert in known}):
        cells = [f"{peer} {known.get(alert, '-')!r}" for peer, known in vocabulary.items()]
        print(f"# {alert:4} {alert_name(alert):32}" + ", ".join(cells))


add_rows()
add_endings()

if __name__ == "__main__":
    sentences.main()
