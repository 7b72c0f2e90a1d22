"""The default validation against a zoo of chains: policy bits, the alert that reaches the peer, and the verdict of
`openssl verify` beside them. zoo.toml holds the chains and what is expected, with reasons."""

import os
import shutil
import sys
import tempfile
import unittest

import environment

environment.ensure()

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers"))

import openssl_verify
import presenters
import sentences
import zoo
from spantls_ctypes import (
    AUTHENTICATION, CERTIFICATE_REQUIRE, CERTIFICATES, COMPLETE, CONFIGURATION, PARTIAL_CHAIN, TLS12, TLS13, Context,
    Driver, TlsError, reason_names,
)

VERSIONS = {TLS13: "TLS 1.3", TLS12: "TLS 1.2"}

# What anchors are taken for when they are judged as certificates, and whether the whole profile is demanded.
MODES = [(CERTIFICATES, False), (CERTIFICATES, True), (PARTIAL_CHAIN, False), (PARTIAL_CHAIN, True)]

# More than any handshake here needs.
MOST_ROUNDS = 50

CHAINS = zoo.read()


class Zoo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="spantls-zoo-")
        cls.openssl_version = openssl_verify.version()
        cls.verdicts = {}
        for index, chain in enumerate(CHAINS):
            chain.write(os.path.join(cls.directory, f"{index}"))
        # The side that is not in question; every chain is made from one collection of keys, so the first will do.
        cls.usual = CHAINS[0].path("chain")

    @classmethod
    def tearDownClass(cls):
        print_table(cls.verdicts)
        shutil.rmtree(cls.directory)

    def test_there_are_at_least_sixty_chains(self):
        self.assertGreaterEqual(len(CHAINS), 60)

    def test_what_is_written_down_makes_sense(self):
        self.assertEqual({chain.name: chain.problems() for chain in CHAINS if chain.problems()}, {})


class Judge:
    """The session under test."""

    def __init__(self, chain, protocol, usual, mode, profile):
        server = chain.role == "client"
        self._context = Context(
            server, credentials=usual if server else None, protocols=protocol, crls=chain.list_paths(),
            anchors=chain.path("anchors") if chain.anchors else None,
            client_certificates=CERTIFICATE_REQUIRE if server else 0, anchor_mode=mode, strict=profile)
        self.validation = None
        self.driver = Driver(self._context, chain.target or None, judge=self._judge)

    def _judge(self, session):
        """Asks why, which must not change what is answered then."""
        self.validation = session.default_validation()
        return session.accept_with_default_validation()

    def close(self):
        self.driver.close()
        self._context.close()


def converse(driver, peer):
    """Moves bytes until neither side has any."""
    for _ in range(MOST_ROUNDS):
        driver.handshake()
        to_peer = driver.take_output()
        peer.receive(to_peer)
        peer.step()
        from_peer = peer.take_output()
        driver.inbox += from_peer
        if not to_peer and not from_peer:
            return
    raise AssertionError("the handshake does not end")


def judged_test(chain, protocol):
    def test(self):
        judge = Judge(chain, protocol, self.usual, chain.mode, chain.profile)
        self.addCleanup(judge.close)
        peer = presenters.present(chain, protocol, self.usual)
        self.addCleanup(peer.close)
        converse(judge.driver, peer)
        error = judge.driver.session.error()
        alert = presenters.alert_name(error.alert_sent)
        self.verdicts.setdefault(chain.name, {})[protocol] = (judge.driver.verdict, alert)
        self.assertIsNotNone(judge.driver.verdict, f"no verdict was asked: {error}; the peer: {peer.alert()}")
        self.assertEqual(
            (judge.driver.verdict, alert, peer.alert()), (chain.bits, chain.alert, chain.alert), error.message)
        self.assertEqual(judge.driver.status, COMPLETE if chain.trusted else AUTHENTICATION)
        self.assertEqual(error.policy_errors, chain.bits)
        found = judge.validation
        self.assertEqual((reason_names(found.reasons), found.depth), (chain.reasons, chain.depth), found)
        self.assertEqual((found.policy_errors, presenters.alert_name(found.alert)), (chain.bits, chain.alert))
        self.assertEqual((error.reason, error.depth, error.message), (found.reason, found.depth, found.message))
        self.assertEqual(found.reason & found.reasons, found.reason)
        self.assertEqual(peer.is_done(), chain.trusted)
    return test


def refused_lists_test(chain):
    def test(self):
        self.verdicts.setdefault(chain.name, {})[TLS13] = ("lists refused", None)
        with self.assertRaises(TlsError) as raised:
            Judge(chain, TLS13, self.usual, chain.mode, chain.profile)
        self.assertEqual(raised.exception.status, CONFIGURATION)
    return test


def openssl_test(chain):
    def test(self):
        found = openssl_verify.verify(chain, chain.profile, chain.mode == PARTIAL_CHAIN)
        self.verdicts.setdefault(chain.name, {})["openssl"] = found
        strict = openssl_verify.verify(chain, strict=True) if chain.strict is not None else None
        if self.openssl_version.startswith("3.0."):
            self.assertEqual(found, chain.openssl)
            self.assertEqual(strict, chain.strict)
        else:
            # The words, and what else is told, vary between releases.
            self.assertEqual(found == [], chain.openssl == [])
    return test


def modes_test(chain):
    """Where anchors are judged as certificates the verdict is not more lenient than OpenSSL's with the same flags."""
    def test(self):
        lenient = []
        for mode, profile in MODES:
            judge = Judge(chain, TLS13, self.usual, mode, profile)
            self.addCleanup(judge.close)
            peer = presenters.present(chain, TLS13, self.usual)
            self.addCleanup(peer.close)
            converse(judge.driver, peer)
            self.assertIsNotNone(judge.driver.verdict)
            if judge.driver.verdict == 0:
                found = openssl_verify.verify(chain, profile, mode == PARTIAL_CHAIN)
                lenient += [(mode, profile, found)] if found else []
        self.assertEqual(bool(lenient), chain.more_lenient, lenient)
    return test


def add_tests():
    for chain in CHAINS:
        if chain.lists_refused:
            sentences.add_test(Zoo, chain.name, refused_lists_test(chain))
        else:
            for protocol, version in VERSIONS.items():
                if chain.presenter != "wire" or protocol == TLS12:
                    sentences.add_test(Zoo, f"{chain.name} ({version})", judged_test(chain, protocol))
        sentences.add_test(Zoo, f"{chain.name} (OpenSSL)", openssl_test(chain))
        if chain.presenter != "wire" and not chain.lists_refused:
            sentences.add_test(Zoo, f"{chain.name} (each mode, beside OpenSSL)", modes_test(chain))


def print_table(verdicts):
    """Ours beside OpenSSL's; a line of its own for the reason where they differ."""
    for role in ("server", "client"):
        print(f"\n# {role} certificates\n#\n# {'ours':<26}{'openssl verify':<50}  chain")
        for chain in CHAINS:
            if chain.role != role or chain.name not in verdicts:
                continue
            bits, alert = verdicts[chain.name].get(TLS13) or verdicts[chain.name].get(TLS12) or ("?", None)
            found = verdicts[chain.name].get("openssl", ["?"])
            ours = "ok" if bits == 0 else f"{bits} {alert or ''}"
            theirs = "; ".join(found) or "ok"
            print(f"# {ours:<26}{theirs:<50}  {chain.name}")
            if chain.difference:
                print(f"# {'':<26}differs: {chain.difference}")
    differing = sum(1 for chain in CHAINS if chain.difference)
    print(f"#\n# {len(CHAINS)} chains; the verdict differs from OpenSSL's for {differing}", flush=True)


add_tests()

if __name__ == "__main__":
    sentences.main()
