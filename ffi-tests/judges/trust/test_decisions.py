"""Every decision of decisions.toml, made by our sessions through the C interface, and by Python's ssl beside them: in real
handshakes, over memory. What ssl refuses, we refuse."""

import os
import shutil
import ssl
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "zoo"), os.path.join(HERE, "..", "peers")]

import environment

environment.ensure()

import decisions
import sentences
from hand_crypto import pem_blocks
from spantls_ctypes import AUTHENTICATION, CERTIFICATE_REQUIRE, COMPLETE, TLS12, TLS13, Context, Driver, read_cert

VERSIONS = {TLS13: "TLS 1.3", TLS12: "TLS 1.2"}
OF_SSL = {TLS13: ssl.TLSVersion.TLSv1_3, TLS12: ssl.TLSVersion.TLSv1_2}
# More than any handshake here needs.
MOST_ROUNDS = 20
DIRECTORY = tempfile.mkdtemp(prefix="spantls-decisions-")
TABLE = decisions.write(DIRECTORY)
# The side that is not in question.
USUAL = TABLE[0]


def setUpModule():
    unittest.addModuleCleanup(shutil.rmtree, DIRECTORY)


def path(file):
    return os.path.join(DIRECTORY, file) if file else None


# --- Ours ------------------------------------------------------------------------------------------------------------

def credentials(decision):
    """A chain and its key, as the harness takes them: the name of both without its ending."""
    if not decision["chain"]:
        return None
    name = path(decision["chain"]).removesuffix(".pem")
    if not os.path.exists(name + ".key"):
        os.link(path(decision["key"]), name + ".key")
    return name


def ours(test, decision, protocol):
    """Policy errors of our judge, and whether the handshake completed on its side."""
    server_judges = decision["role"] == "client"
    judge_context = Context(
        server_judges, credentials=credentials(USUAL) if server_judges else None, protocols=protocol,
        anchors=path(decision["anchors"]).removesuffix(".pem"),
        crls=[path(decision["crls"])] if decision["crls"] else [],
        client_certificates=CERTIFICATE_REQUIRE if server_judges else 0,
        anchor_mode=decisions.MODES.index(decision["mode"]), strict=decision["strict"],
        validation_time=-1 if decision["at"] is None else decision["at"])
    peer_context = Context(not server_judges, credentials=credentials(decision), protocols=protocol)
    judge = Driver(judge_context, decision["target"])
    peer = Driver(peer_context, "www.example.com" if server_judges else None,
                  judge=lambda session: session.set_certificate_validation_result(0))
    for one in (judge, peer, judge_context, peer_context):
        test.addCleanup(one.close)
    for _ in range(MOST_ROUNDS):
        for one, other in ((judge, peer), (peer, judge)):
            one.handshake()
            other.inbox += one.take_output()
    error = judge.session.error()
    test.assertIn(judge.status, (COMPLETE, AUTHENTICATION), error)
    test.assertEqual(judge.status == COMPLETE, error.policy_errors == 0, error)
    verified = judge.session.verified_certificates()
    shown, trusted = judge.session.remote_certificates(), pem_blocks(read_cert(path(decision["anchors"])))
    if verified:
        test.assertEqual(verified[0], shown[0])
        test.assertIn(verified[-1], trusted)
        test.assertLessEqual(set(verified), {*shown, *trusted})
    return error.policy_errors, verified


# --- Python's ssl ----------------------------------------------------------------------------------------------------

class Ssl:
    def __init__(self, server, decision, protocol, judges):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = context.maximum_version = OF_SSL[protocol]
        name = "www.example.com"
        if judges:
            context.load_verify_locations(path(decision["anchors"]))
            if decision["crls"]:
                context.load_verify_locations(path(decision["crls"]))
                context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
            if decision["strict"]:
                context.verify_flags |= ssl.VERIFY_X509_STRICT
            if decision["mode"] == "partial chain":
                context.verify_flags |= PARTIAL_CHAIN
            context.verify_mode = ssl.CERT_REQUIRED
            context.check_hostname = not server
            name = decision["target"]
        shown = USUAL if judges else decision
        if server or (shown is decision and shown["chain"]):
            context.load_cert_chain(path(shown["chain"]), path(shown["key"]))
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self.incoming, self.outgoing, server_side=server,
                                        server_hostname=None if server else name)
        self.done, self.error = False, None

    def step(self):
        if self.done or self.error:
            return
        try:
            self.session.do_handshake()
            self.done = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error


# VERIFY_X509_PARTIAL_CHAIN has had a name since Python 3.10.
PARTIAL_CHAIN = 0x80000


def refused_by_ssl(decision, protocol):
    """Why; None if it accepts."""
    server_judges = decision["role"] == "client"
    judge = Ssl(server_judges, decision, protocol, judges=True)
    peer = Ssl(not server_judges, decision, protocol, judges=False)
    for _ in range(MOST_ROUNDS):
        for one, other in ((judge, peer), (peer, judge)):
            one.step()
            other.incoming.write(one.outgoing.read())
    if not judge.done and not judge.error:
        raise AssertionError("the handshake does not end")
    return judge.error


# --- Tests -----------------------------------------------------------------------------------------------------------

class VerifiedPath(unittest.TestCase):
    """The path that the default validation has found."""

    def judge(self, name, judge, **options):
        """A client that judges the server of this decision, and its handshake as far as it goes."""
        decision = next(one for one in TABLE if one["name"] == name)
        context = Context(False, anchors=path(decision["anchors"]).removesuffix(".pem"),
                          anchor_mode=decisions.MODES.index(decision["mode"]), **options)
        peer_context = Context(True, credentials=credentials(decision))
        client, server = Driver(context, "www.example.com", judge=judge), Driver(peer_context)
        for one in (client, server, context, peer_context):
            self.addCleanup(one.close)
        for _ in range(MOST_ROUNDS):
            for one, other in ((client, server), (server, client)):
                one.handshake()
                other.inbox += one.take_output()
        chain, anchors = pem_blocks(read_cert(path(decision["chain"]))), pem_blocks(read_cert(path(decision["anchors"])))
        return client.session, chain, anchors

    def test_it_is_there_from_the_first_judgement_on_and_until_shrink(self):
        seen = []

        def judge(session):
            seen.append(session.verified_certificates())
            self.assertEqual(session.default_validation().policy_errors, 0)
            seen.append(session.verified_certificates())
            session.set_certificate_validation_result(0)
        session, chain, anchors = self.judge("trusted (server, certificates)", judge)
        self.assertEqual(seen, [[], chain + anchors])
        self.assertEqual(session.verified_certificates(), chain + anchors)
        session.shrink(1)
        self.assertEqual(session.verified_certificates(), [])

    def test_it_does_not_depend_on_the_name(self):
        def judge(session):
            self.assertEqual(session.default_validation().policy_errors, 2)
            session.set_certificate_validation_result(0)
        session, chain, anchors = self.judge("for another name (server, certificates)", judge)
        self.assertEqual(session.verified_certificates(), chain + anchors)

    def test_there_is_none_for_what_only_the_host_accepts(self):
        def unseen(session):
            session.set_certificate_validation_result(0)

        def overruled(session):
            self.assertEqual(session.default_validation().policy_errors, 4)
            session.set_certificate_validation_result(0)
        for name, judge in (("trusted", unseen), ("of an unknown issuer", overruled)):
            session, _, _ = self.judge(f"{name} (server, certificates)", judge)
            self.assertEqual(session.verified_certificates(), [])

    def test_it_passes_through_what_is_trusted_and_was_not_sent(self):
        name = "of an intermediate that is trusted beside its root, and not sent (server, {})"
        session, chain, (root, issuing) = self.judge(name.format("certificates"), None)
        self.assertEqual(session.verified_certificates(), [*chain, issuing, root])
        session, chain, (root, issuing) = self.judge(name.format("partial chain"), None)
        self.assertEqual(session.verified_certificates(), [*chain, issuing])

    def test_it_leaves_out_what_was_sent_and_does_not_belong_to_it(self):
        session, chain, anchors = self.judge("trusted, of a root that is sent along (server, certificates)", None)
        self.assertEqual(session.verified_certificates(), chain[:2] + anchors)

    def test_what_is_trusted_by_itself_is_alone(self):
        for name in ("self-signed and trusted (server, certificates)",
                     "trusted itself, though another has issued it (server, partial chain)"):
            session, chain, _ = self.judge(name, None)
            self.assertEqual(session.verified_certificates(), chain)


class Decisions(unittest.TestCase):
    def test_the_table_is_large_and_has_each_role_and_mode(self):
        self.assertGreater(len(TABLE), 200)
        self.assertEqual({(one["role"], one["mode"]) for one in TABLE},
                         {(role, mode) for role in decisions.ROLES for mode in decisions.MODES})


def our_test(decision, protocol):
    def test(self):
        errors, verified = ours(self, decision, protocol)
        self.assertEqual(errors, decision["expected"])
        # A wrong name does not change whether the chain is trusted.
        self.assertEqual(bool(verified), not errors & ~2)
    return test


def ssl_test(decision, protocol):
    def test(self):
        refusal = refused_by_ssl(decision, protocol)
        if decision["expected"] == 0:
            self.assertIsNone(refusal, "ours accepts what ssl refuses")
        elif not decision["stricter"]:
            self.assertIsInstance(refusal, ssl.SSLError)
    return test


def add_tests():
    for decision in TABLE:
        for protocol, version in VERSIONS.items():
            sentences.add_test(Decisions, f"{decision['name']}: ours, {version}", our_test(decision, protocol))
        # ssl judges at the time of the machine.
        if decision["original"] and decision["at"] is None:
            sentences.add_test(Decisions, f"{decision['name']}: ssl", ssl_test(decision, TLS13))


add_tests()

if __name__ == "__main__":
    sentences.main()
