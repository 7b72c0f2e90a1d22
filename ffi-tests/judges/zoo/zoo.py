"""The chains of zoo.toml: read, checked for sense, and made into files."""

import os

import x509
from spantls_ctypes import REASONS

try:
    import tomllib
except ImportError:
    import tomli as tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
NAME_MISMATCH, CHAIN_ERRORS = 2, 4

# RFC 8446 section 6.2: those that can say what is wrong with a certificate.
ALERTS = {
    "bad_certificate": 42, "unsupported_certificate": 43, "certificate_revoked": 44, "certificate_expired": 45,
    "certificate_unknown": 46, "unknown_ca": 48,
}

WORDS = {
    "alert", "anchors", "because", "bits", "difference", "list", "lists", "lists_refused", "mode", "more_lenient", "name",
    "depth", "openssl", "openssl_flags", "presenter", "profile", "reasons", "role", "shows", "strict", "target", "with",
}

# What OpenSSL calls a fault, and the reasons that stand for it.
OPENSSL_WORDS = {
    "CA certificate key too weak": {"weak key"},
    "CA signature digest algorithm too weak": {"weak signature"},
    "CRL has expired": {"crl expired"},
    "EE certificate key too weak": {"weak key"},
    "IP address mismatch": {"name mismatch"},
    "certificate has expired": {"expired"},
    "certificate is not yet valid": {"not yet valid"},
    "certificate revoked": {"revoked"},
    "certificate signature failure": {"bad signature"},
    "different CRL scope": {"revocation unknown"},
    "hostname mismatch": {"name mismatch"},
    "invalid CA certificate": {"not a ca", "strict profile"},
    "key usage does not include certificate signing": {"not a ca"},
    "path length constraint exceeded": {"path length"},
    "permitted subtree violation": {"name constraints"},
    "excluded subtree violation": {"name constraints"},
    "self-signed certificate": {"self signed"},
    "self-signed certificate in certificate chain": {"self signed"},
    "unable to get certificate CRL": {"revocation unknown"},
    "unable to get issuer certificate": {"unknown issuer"},
    "unable to get local issuer certificate": {"unknown issuer"},
    "unhandled critical extension": {"critical extension"},
    "unsuitable certificate purpose": {"wrong usage", "not a ca"},
}

# What anchors are taken for: SPANTLS_TRUST_ANCHORS_...
MODES = {"authorities": 0, "certificates": 1, "partial chain": 2}


class Chain:
    """One entry: what is shown to whom, and what is expected of it."""

    def __init__(self, entry, certificates, lists, keys):
        self.name = entry["name"]
        unknown = set(entry) - WORDS
        if unknown:
            raise ValueError(f"{self.name}: unknown words {unknown}")
        self.role = entry.get("role", "server")
        self.presenter = entry.get("presenter", "ours")
        self.target = entry.get("target", "www.example.com" if self.role == "server" else "")
        self.shows = [one for shown in entry.get("shows", ["leaf", "issuing"]) for one in _several(shown)]
        self.anchors = entry.get("anchors", ["root"])
        self.lists = entry.get("lists", [])
        self.lists_refused = entry.get("lists_refused", False)
        self.bits = entry.get("bits", 0)
        self.alert = entry.get("alert")
        self.reasons = entry.get("reasons", [])
        self.depth = entry.get("depth", -1)
        self.mode = MODES[entry.get("mode", "authorities")]
        self.profile = entry.get("profile", False)
        self.more_lenient = entry.get("more_lenient", False)
        self.because = entry["because"]
        self.openssl = entry["openssl"]
        self.strict = entry.get("strict")
        self.openssl_flags = entry.get("openssl_flags", [])
        self.difference = entry.get("difference")
        overridden = dict(certificates)
        for name, changes in entry.get("with", {}).items():
            overridden[name] = {**certificates.get(name, {}), **changes}
        self.pki = x509.Pki(overridden, {**lists, **entry.get("list", {})}, keys)

    def problems(self):
        """What makes no sense about the entry, whatever a session says."""
        problems = []
        if self.lists_refused:
            if self.bits or self.alert:
                problems.append("lists that are refused leave nothing to judge")
        elif bool(self.bits) != bool(self.alert):
            problems.append("policy bits and an alert belong together")
        elif bool(self.bits) != bool(self.reasons):
            problems.append("what is refused has reasons")
        if set(self.reasons) - set(REASONS):
            problems.append("there are no such reasons")
        if ("name mismatch" in self.reasons) != bool(self.bits & NAME_MISMATCH):
            problems.append("a wrong name is a reason and a bit")
        if self.reasons and "incomplete" not in self.reasons and not self.difference:
            # OpenSSL finds nothing that is not among all that is wrong. Other words are those of the strict profile.
            for error in self.openssl:
                if not OPENSSL_WORDS.get(error.partition(": ")[2], {"strict profile"}) & set(self.reasons):
                    problems.append(f"OpenSSL also finds {error}")
        if self.bits & ~(NAME_MISMATCH | CHAIN_ERRORS):
            problems.append("there are no such bits")
        if self.bits & NAME_MISMATCH and self.role == "client":
            problems.append("clients are not judged by name")
        if self.alert and self.alert not in ALERTS:
            problems.append(f"{self.alert} is no alert about certificates")
        if self.bits == NAME_MISMATCH and self.alert != "bad_certificate":
            problems.append("a name alone is bad_certificate")
        if "RFC" not in self.because:
            problems.append("the justification cites nothing")
        if self.presenter == "wire" and not self.bits:
            problems.append("only what is refused can be put on the wire")
        if self.more_lenient and not self.difference:
            problems.append("what is more lenient is explained")
        if (self.trusted == (self.openssl == [])) == bool(self.difference):
            problems.append("a difference is explained, and only a difference")
        return problems

    @property
    def trusted(self):
        return self.bits == 0 and not self.lists_refused

    def write(self, directory):
        """Writes what is shown, trusted and revoked to files."""
        os.mkdir(directory)
        self.directory = directory
        pem = [x509.pem("CERTIFICATE", self.pki.certificate(name)) for name in self.shows]
        self._write("chain.pem", "".join(pem))
        self._write("leaf.pem", pem[0])
        self._write("intermediates.pem", "".join(pem[1:]))
        if not self.shows[0].startswith("garbage"):
            self._write("chain.key", self.pki.key(self.shows[0]).pem())
        anchors = [x509.pem("CERTIFICATE", self.pki.certificate(name)) for name in self.anchors]
        self._write("anchors.pem", "".join(anchors))
        for index, name in enumerate(self.lists):
            self._write(f"list-{index}.pem", x509.pem("X509 CRL", self.pki.revocation_list(name)))

    def _write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)

    def path(self, name):
        return os.path.join(self.directory, name)

    def list_paths(self):
        return [self.path(f"list-{index}.pem") for index in range(len(self.lists))]

    def certificates(self):
        """What is shown, as DER."""
        return [self.pki.certificate(name) for name in self.shows]


def read():
    with open(os.path.join(HERE, "zoo.toml"), "rb") as file:
        table = tomllib.load(file)
    keys = x509.Keys()
    chains = [Chain(entry, table["certificates"], table["lists"], keys) for entry in table["chain"]]
    names = [chain.name for chain in chains]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"these names are there twice: {twice}")
    return chains


def _several(shown):
    """`name*3` is three certificates of one description, each with a key and a serial number of its own."""
    name, star, count = shown.partition("*")
    return [f"{name}#{index}" for index in range(int(count))] if star else [name]
