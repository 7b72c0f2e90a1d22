"""Our default validation of a chain, asked through the C interface in a TLS 1.2 handshake. Another certificate list is put in place of
the one that the peer sends, in clear: the question about it comes before the peer has to prove its key."""

import contextlib
import os

import presenters
import x509
from spantls_ctypes import AUTHORITIES, CERTIFICATE_REQUIRE, CERTIFICATES, CONFIGURATION, PARTIAL_CHAIN, TLS12, Context, Driver, \
    TlsError, reason_names

MODES = {"authorities": AUTHORITIES, "certificates": CERTIFICATES, "partial chain": PARTIAL_CHAIN}
# More than any handshake here needs.
_MOST_ROUNDS = 10


class Judge:
    def __init__(self, directory):
        self._directory = directory
        self._usual = self._path("usual")
        key = x509.Key("p256")
        pki = x509.Pki({"usual": {"key_of": "usual"}}, {}, _One(key))
        self._write("usual.pem", x509.pem("CERTIFICATE", pki.certificate("usual")))
        self._write("usual.key", key.pem())

    def _path(self, name):
        return os.path.join(self._directory, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="ascii") as file:
            file.write(text)

    def prepare(self, chain):
        self._write("anchors.pem", "".join(x509.pem("CERTIFICATE", der) for der in chain.anchors))
        for number, der in enumerate(chain.lists):
            self._write(f"list-{number}.pem", x509.pem("X509 CRL", der))

    def reasons(self, chain, strict, mode):
        """Nothing if it is accepted."""
        server = chain.role == "client"
        lists = [self._path(f"list-{number}.pem") for number in range(len(chain.lists))]
        try:
            context = Context(
                server, credentials=self._usual if server else None, protocols=TLS12, crls=lists, anchors=self._path("anchors"),
                client_certificates=CERTIFICATE_REQUIRE if server else 0, anchor_mode=MODES[mode], strict=strict)
        except TlsError as error:
            if error.status != CONFIGURATION:
                raise
            return ["refused when loaded"]
        with contextlib.ExitStack() as stack:
            stack.callback(context.close)
            found = []
            driver = Driver(context, chain.target or None, judge=lambda session: _ask(session, found))
            stack.callback(driver.close)
            name = None if not server else "www.example.com"
            peer = presenters.Replaced(not server, self._usual, chain.certificates, name)
            stack.callback(peer.close)
            for _ in range(_MOST_ROUNDS):
                driver.handshake()
                if found:
                    return found[0]
                peer.receive(driver.take_output())
                peer.step()
                driver.inbox += peer.take_output()
        raise AssertionError(f"seed {chain.seed}: the verdict was not asked: {driver.session.error()}")


class _One:
    """One key for everyone."""

    def __init__(self, key):
        self._key = key

    def get(self, _name, _kind):
        return self._key


def _ask(session, found):
    validation = session.default_validation()
    policy_errors = session.accept_with_default_validation()
    if bool(policy_errors) != bool(validation.reasons):
        raise AssertionError(f"the report and the verdict differ: {validation}")
    found.append(reason_names(validation.reasons))
    return policy_errors
