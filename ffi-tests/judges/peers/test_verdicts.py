"""Every verdict on every kind of peer: both roles, TLS 1.2 and 1.3, each answer that a host can give, and what the
peer then hears. A refused peer never completes. (A TLS 1.3 client has nothing to wait for once it has shown its
certificate: it gets the alert instead of any answer.)

In quick mode the programs see every third verdict; the peers in memory always see all.
"""

import os
import unittest

import sentences
from peers import GnuTls, OpenSsl, Ours, PythonPeer, vocabulary
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_REQUEST, CERTIFICATE_REQUIRE, COMPLETE, FAILED, HANDSHAKE_COMPLETE, INVALID_ARGUMENT,
    INVALID_STATE, SUSPENDED, TLS12, TLS13, Session, TlsError, alert_name,
)

QUICK = bool(os.environ.get("SPANTLS_QUICK"))
NAMES = {TLS12: "TLS 1.2", TLS13: "TLS 1.3"}

NOT_AVAILABLE, NAME_MISMATCH, CHAIN_ERRORS = 1, 2, 4

# RFC 8446 section 6.2 (116 is TLS 1.3's; RFC 5246 section 7.4.6 has handshake_failure) and section 4.4.2.4.
POLICY_ALERTS = {
    NOT_AVAILABLE: {TLS12: 40, TLS13: 116},
    NAME_MISMATCH: {TLS12: 42, TLS13: 42},
    CHAIN_ERRORS: {TLS12: 48, TLS13: 48},
    NAME_MISMATCH | CHAIN_ERRORS: {TLS12: 48, TLS13: 48},
    NOT_AVAILABLE | NAME_MISMATCH | CHAIN_ERRORS: {TLS12: 40, TLS13: 116},
}
HOST_ALERTS = [*range(42, 52), 113, 116, 200]

# (name, how the host answers, its alert by version or None for acceptance, policy errors in the record or None for any)
VERDICTS = [
    ("accepts by its own verdict", lambda s: s.set_certificate_validation_result(0), None, 0),
    ("accepts by the default validation", Session.accept_with_default_validation, None, 0),
    *((f"refuses with policy errors {errors}", lambda s, e=errors: s.set_certificate_validation_result(e), alerts,
    errors)
      for errors, alerts in POLICY_ALERTS.items()),
    *((f"refuses with alert {alert}, {alert_name(alert)}", lambda s, a=alert: s.reject(a), {TLS12: alert, TLS13: alert},
       None) for alert in HOST_ALERTS),
]

PEERS = [PythonPeer, Ours, OpenSsl, GnuTls]

# (our role, shown certificate) -> {(version, verdict): {peer: what it heard}}
heard = {}


class Verdicts(unittest.TestCase):
    maxDiff = 400


def verdict_test(make_peer, our_role, protocol, mode, shown, verdict):
    name, answer, alerts, policy_errors = verdict

    def test(self):
        judged = []

        def judge(session):
            state = session.state()
            self.assertTrue(state & SUSPENDED)
            self.assertFalse(state & HANDSHAKE_COMPLETE)
            self.assertEqual(len(session.remote_certificates()), 2 if shown else 0)
            if not shown:
                self.assertEqual(session.error().policy_errors, NOT_AVAILABLE)
                self.assertEqual(session.default_validation().policy_errors, NOT_AVAILABLE)
            judged.append(answer(session))
            # A second answer is not taken.
            with self.assertRaises(TlsError) as raised:
                session.set_certificate_validation_result(0)
            self.assertEqual(raised.exception.status, INVALID_STATE)

        ours, settings = {"protocols": protocol, "client_certificates": mode}, {}
        if our_role == "server":
            settings = {"credentials": shown and "client-p256", "early": b"a request that must stay unanswered"}
        peer = make_peer(self, our_role, protocol, ours=ours, judge=judge, settings=settings)
        status = peer.meet()
        self.assertEqual(len(judged), 1)
        us = peer.us.session
        error = us.error()
        if alerts is None:
            self.assertEqual(status, COMPLETE, error)
            if settings.get("early") and make_peer in (PythonPeer, Ours):
                self.assertEqual(peer.us.read(), settings["early"])
            peer.assert_content(self)
            result = "accepted"
        else:
            alert = alerts[protocol]
            self.assertEqual(status, AUTHENTICATION, error)
            self.assertEqual((error.alert_sent, error.alert_received), (alert, -1), error)
            if policy_errors is None:
                policy_errors_seen = NOT_AVAILABLE if not shown else CHAIN_ERRORS
                self.assertEqual(error.policy_errors, policy_errors_seen)
            else:
                self.assertEqual(error.policy_errors, policy_errors)
            state = us.state()
            self.assertTrue(state & FAILED)
            self.assertFalse(state & (HANDSHAKE_COMPLETE | SUSPENDED))
            # Whatever else has come, or is asked of us: there is nothing more.
            self.assertEqual(us.decrypt(peer.us.inbox, 20000), (AUTHENTICATION, 0, b""))
            self.assertEqual(us.encrypt(b"an answer", 20000), (AUTHENTICATION, 0, b""))
            self.assertEqual(us.drain_pending_output(20000), (COMPLETE, b""))
            if make_peer in (PythonPeer, Ours):
                self.assertEqual(peer.completed(), our_role == "server" and protocol == TLS13)
                self.assertEqual(peer.heard, b"")
            peer.assert_heard(self, alert)
            result = str(alert)
        heard.setdefault((our_role, bool(shown), name), {}).setdefault(protocol, {})[peer.name] = result

    return test


def require_test(make_peer, protocol, mode):
    """REQUIRE fails by itself, with nothing to judge."""
    def test(self):
        peer = make_peer(self, "server", protocol, ours={"protocols": protocol, "client_certificates": mode},
                         judge=lambda session: self.fail("there is nothing to judge"),
                         settings={"credentials": None, "early": b"a request that must stay unanswered"})
        alert = {TLS12: 40, TLS13: 116}[protocol]
        self.assertEqual(peer.meet(), AUTHENTICATION)
        error = peer.us.session.error()
        self.assertEqual((error.alert_sent, error.policy_errors), (alert, NOT_AVAILABLE), error)
        self.assertEqual(peer.us.suspensions, 0)
        if make_peer in (PythonPeer, Ours):
            self.assertEqual(peer.completed(), protocol == TLS13)
            self.assertEqual(peer.heard, b"")
        peer.assert_heard(self, alert)
        heard.setdefault(("server", False, "REQUIRE, by itself"), {}).setdefault(protocol, {})[peer.name] = str(alert)

    return test


def wrong_answers_test(our_role, protocol):
    """What cannot refuse anybody is not taken, and the question stays open."""
    def test(self):
        def judge(session):
            for closure in (0, 90, 100):
                with self.assertRaises(TlsError) as raised:
                    session.reject(closure)
                self.assertEqual(raised.exception.status, INVALID_ARGUMENT)
            for bits in (8, 0x80000000, 5 | 16):
                with self.assertRaises(TlsError) as raised:
                    session.set_certificate_validation_result(bits)
                self.assertEqual(raised.exception.status, INVALID_ARGUMENT)
            self.assertTrue(session.state() & SUSPENDED)
            session.set_certificate_validation_result(0)

        settings = {"credentials": "client-p256"} if our_role == "server" else {}
        peer = PythonPeer(self, our_role, protocol, judge=judge, settings=settings,
                          ours={"protocols": protocol, "client_certificates": CERTIFICATE_REQUIRE})
        self.assertEqual(peer.meet(), COMPLETE)
        peer.assert_content(self)

    return test


def add_tests():
    turn = 0
    for our_role in ("client", "server"):
        for protocol, version in NAMES.items():
            cases = [(CERTIFICATE_REQUIRE, True, "that was required"), (CERTIFICATE_REQUEST, True,
                "that was requested"),
                     (CERTIFICATE_REQUEST, False, "")]
            for mode, shown, how in cases if our_role == "server" else [(0, True, "")]:
                for peer in PEERS:
                    for verdict in VERDICTS:
                        turn += 1
                        if QUICK and peer in (OpenSsl, GnuTls) and turn % 3:
                            continue
                        whom = f"{peer.name} as a {'client' if our_role == 'server' else 'server'}"
                        what = "" if our_role == "client" else f" with a certificate {how}" if shown else \
                            " without the certificate that was requested"
                        sentences.add_test(
                            Verdicts, f"{version}: our {our_role} {verdict[0]}: {whom}{what}",
                            verdict_test(peer, our_role, protocol, mode, shown, verdict))
            sentences.add_test(
                Verdicts, f"{version}: our {our_role} does not take answers that are none, and the question stays",
                wrong_answers_test(our_role, protocol))
    for protocol, version in NAMES.items():
        for peer in PEERS:
            sentences.add_test(
                Verdicts,
                f"{version}: our server refuses {peer.name} as a client without the required certificate by itself",
                require_test(peer, protocol, CERTIFICATE_REQUIRE))


def tearDownModule():
    """The table."""
    order = ["Python", "ourselves", "OpenSSL", "GnuTLS"]
    print("# What the peers heard: TLS 1.2 / TLS 1.3")
    print(f"# {'our role, their certificate, verdict':74}" + "".join(f"{name:22}" for name in order))
    for (our_role, shown, name), versions in heard.items():
        cells = [" / ".join(versions.get(protocol, {}).get(peer, "-") for protocol in NAMES) for peer in order]
        whom = our_role if shown else f"{our_role}, none shown"
        print(f"# {whom + ': ' + name:74}" + "".join(f"{cell:22}" for cell in cells).rstrip())
    print("# Their words for it")
    for alert in sorted({alert for words in vocabulary.values() for alert in words}):
        cells = [f"{peer} {words.get(alert, '-')!r}" for peer, words in vocabulary.items()]
        print(f"# {alert:4} {alert_name(alert):32}" + ", ".join(cells))


add_tests()

if __name__ == "__main__":
    sentences.main()
