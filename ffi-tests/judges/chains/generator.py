"""Chains that follow from a seed: a good one, then some of the faults below, each at a place of its own. The words are those of the
zoo (zoo.toml, x509.py). What varies without being wrong (keys, names, depth, order) is drawn too."""

import random

import x509

KINDS = ["p256"] * 6 + ["p384", "ed25519", "rsa2048", "rsa2048"]
PAST = {"not_before": "20010101000000Z", "not_after": "20020101000000Z"}
FUTURE = {"not_before": "21500101000000Z", "not_after": "21600101000000Z"}
NAMES = [["DNS:www.example.com"], ["DNS:other.example.org", "DNS:www.example.com"], ["DNS:*.example.com"], ["DNS:WWW.Example.com"],
         ["DNS:www.example.com", "IP:192.0.2.7"], ["DNS:www.example.com", "EMAIL:someone@example.com"],
         ["DNS:www.example.com", "URI:https://www.example.com/"]]
WRONG_NAMES = [["DNS:www.example.org"], ["DNS:*.com"], ["DNS:*.www.example.com"], ["DNS:w*.example.com"], ["DNS:example.com"],
               ["IP:192.0.2.7"], ["DNS:www.example.com."], ["DNS:"], "absent", ["DNS:*"], ["DNS:ww\\x00w.example.com"]]
TARGETS = ["www.example.com"] * 8 + ["WWW.EXAMPLE.COM", "192.0.2.7", "a.www.example.com", "2001:db8::1"]
SUBTREES = {
    "permitted": [["DNS:example.com"], ["DNS:example.org"], ["DNS:.example.com"], ["IP:192.0.2.0/24"], ["IP:198.51.100.0/24"],
                  ["DNS:example.com", "IP:192.0.2.0/24"], ["EMAIL:example.com"], ["DIRECTORY:leaf"], ["DNS:"]],
    "excluded": [["DNS:example.com"], ["DNS:www.example.com"], ["DNS:example.org"], ["IP:192.0.2.0/24"], ["EMAIL:example.com"],
                 ["DIRECTORY:leaf"], ["DNS:"], ["IP:0.0.0.0/0"]],
}
CRITICAL = {"id": "1.2.3.4", "hex": "0500", "critical": True}
POLICIES = [{"id": "certificatePolicies", "hex": "3006300406022a03", "critical": True},
            {"id": "policyConstraints", "hex": "3003800100", "critical": True}]
# What the names of signatures begin with that a kind of key makes.
SIGNED_BY = {"p256": "ecdsa", "p384": "ecdsa", "p521": "ecdsa", "rsa1024": "rsa", "rsa2048": "rsa"}
POOL = 6


class Draft:
    """A chain that is being made: its certificates by name, and what is done with them."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seed = seed
        self.faults = []
        draw = self.random
        self.role = draw.choice(["server", "server", "server", "client"])
        depth = draw.choice([0, 1, 1, 1, 2, 2, 3])
        self.path = ["leaf", *(f"ca {number}" for number in range(depth, 0, -1)), "root"]
        self.certificates = {"stranger": {"ca": True, "issued_by": "other root"}, "other root": {"ca": True}}
        for name, issuer in zip(self.path, [*self.path[1:], "root"]):
            self.certificates[name] = {"issued_by": issuer, "ca": name != "leaf", **self.key()}
        self.leaf["names"] = draw.choice(NAMES)
        self.shows = self.path[:-1]
        self.anchors = ["root"]
        self.lists = {}
        self.target = draw.choice(TARGETS) if self.role == "server" else ""

    def key(self):
        kind = self.random.choice(KINDS)
        return {"key": kind, "key_of": f"{kind} {self.random.randrange(POOL)}"}

    @property
    def leaf(self):
        return self.certificates["leaf"]

    def ca(self):
        """A certificate above the leaf that is shown; the root if there is none."""
        return self.random.choice(self.path[1:-1] or ["root"])

    def anyone(self):
        return self.random.choice(self.path)

    def change(self, name, **words):
        self.certificates[name].update(words)
        return "leaf" if name == "leaf" else "root" if name == "root" else "ca"

    def list_of(self, issuer, **words):
        self.lists[issuer] = {"by": issuer, **self.lists.get(issuer, {}), **words}

    def all_lists(self):
        for issuer in self.path[1:]:
            if issuer not in self.lists:
                self.list_of(issuer)


# --- Faults, each a function of a draft that returns what it has done, or nothing -----------------------------------------------

def expired(draft):
    return draft.change(draft.anyone(), **PAST) + " expired"


def not_yet_valid(draft):
    return draft.change(draft.anyone(), **FUTURE) + " not yet valid"


def not_a_ca(draft):
    return draft.change(draft.ca(), ca=False) + " is not a CA"


def no_basic_constraints(draft):
    return draft.change(draft.anyone(), basic_constraints="absent") + " without basic constraints"


def path_length(draft):
    length = draft.random.choice([0, 0, 1, 2])
    return draft.change(draft.random.choice(draft.path[1:]), path_length=length) + " path length"


def key_usage(draft):
    name = draft.anyone()
    usage = draft.random.choice(["absent", ["digitalSignature"], ["keyEncipherment"], ["keyCertSign"], ["cRLSign"], ["keyAgreement"]])
    return draft.change(name, key_usage=usage) + " key usage"


def extended_usage(draft):
    usage = draft.random.choice(["absent", ["serverAuth"], ["clientAuth"], ["any"], ["codeSigning"], ["codeSigning", "any"]])
    return draft.change(draft.anyone(), usage=usage) + " extended key usage"


def name_constraints(draft):
    kind = draft.random.choice(["permitted", "excluded"])
    return draft.change(draft.random.choice(draft.path[1:]), **{kind: draft.random.choice(SUBTREES[kind])}) + " name constraints"


def damaged(draft):
    return draft.change(draft.anyone(), damage="signature") + " damaged"


def signed_by_another(draft):
    return draft.change(draft.random.choice(draft.path[:-1]), signed_with="other root") + " signed by another"


def odd_key(draft):
    kind = draft.random.choice(["rsa1024", "p521"])
    return draft.change(draft.anyone(), key=kind, key_of=kind) + f" {kind}"


def odd_signature(draft):
    name = draft.random.choice(draft.path[:-1])
    kind = draft.certificates[draft.certificates[name]["issued_by"]]["key"]
    signatures = {"p256": ["ecdsa-sha1", "ecdsa-sha384"], "p384": ["ecdsa-sha1", "ecdsa-sha256"], "rsa2048": ["rsa-sha1", "rsa-pss", "rsa-md5"]}
    if kind not in signatures:
        return None
    signature = draft.random.choice(signatures[kind])
    return draft.change(name, signature=signature) + f" {signature}"


def wrong_name(draft):
    draft.leaf["names"] = draft.random.choice(WRONG_NAMES)
    if draft.leaf["names"] == "absent":
        draft.leaf["subject"] = "www.example.com"
    return "leaf names"


def missing(draft):
    if len(draft.shows) < 2:
        return None
    draft.shows.remove(draft.random.choice(draft.shows[1:]))
    return "ca missing"


def disorder(draft):
    rest = draft.shows[1:] + draft.random.sample(["root", "stranger", "other root", *draft.path[1:]], 2)
    draft.random.shuffle(rest)
    draft.shows = [draft.shows[0], *rest]
    return "disorder"


def other_anchors(draft):
    draft.anchors = draft.random.choice([["other root"], draft.path[-2:-1], ["leaf"], ["other root", "root"], draft.path[1:]])
    return f"anchors: {'leaf' if 'leaf' in draft.anchors else 'root' if 'root' in draft.anchors else 'other' if 'other root' in draft.anchors else 'ca'}"


def critical(draft):
    return draft.change(draft.anyone(), extensions=[CRITICAL]) + " unknown critical extension"


def policies(draft):
    return draft.change(draft.anyone(), extensions=[draft.random.choice(POLICIES)]) + " policies"


def revoked(draft):
    name = draft.random.choice(draft.path[:-1])
    draft.all_lists()
    draft.list_of(draft.certificates[name]["issued_by"], revoked=[name])
    return ("leaf" if name == "leaf" else "ca") + " revoked"


def lists(draft):
    draft.all_lists()
    return "lists"


def old_list(draft):
    draft.all_lists()
    draft.list_of(draft.random.choice(draft.path[1:]), next_update="20110101000000Z")
    return "old list"


def missing_list(draft):
    draft.all_lists()
    del draft.lists[draft.random.choice(list(draft.lists))]
    return "missing list"


def forged_list(draft):
    draft.all_lists()
    draft.list_of(draft.random.choice(list(draft.lists)), signed_with="other root")
    return "forged list"


def version_1(draft):
    return draft.change(draft.anyone(), version=1) + " version 1"


def identifiers(draft):
    name = draft.anyone()
    words = draft.random.choice([{"key_identifiers": "absent"}, {"authority_key": "other root"}])
    return draft.change(name, **words) + " identifiers: " + next(iter(words.values()))


def self_signed(draft):
    draft.change("leaf", issued_by="leaf")
    draft.shows = ["leaf"]
    return "leaf self-signed"


def leaf_is_ca(draft):
    usage = draft.random.choice([["keyCertSign", "cRLSign"], ["digitalSignature", "keyCertSign"]])
    return draft.change("leaf", ca=True, key_usage=usage) + " is a CA"


def serial(draft):
    return draft.change(draft.anyone(), serial=draft.random.choice([-5, 0])) + " serial"


FAULTS = [expired, expired, not_yet_valid, not_a_ca, no_basic_constraints, path_length, path_length, key_usage, key_usage, extended_usage,
          extended_usage, name_constraints, name_constraints, name_constraints, damaged, signed_by_another, odd_key, odd_signature,
          wrong_name, wrong_name, missing, disorder, other_anchors, critical, policies, revoked, revoked, lists, old_list, missing_list,
          forged_list, version_1, identifiers, self_signed, leaf_is_ca, serial]


def draft(seed):
    made = Draft(seed)
    for fault in made.random.sample(FAULTS, made.random.choice([0, 1, 1, 1, 1, 2, 2, 3])):
        done = fault(made)
        if done:
            made.faults.append(done)
    for name, words in made.certificates.items():
        # A later fault has given the issuer another kind of key.
        signer = made.certificates[words.get("signed_with", words.get("issued_by", name))]
        if not words.get("signature", "").startswith(SIGNED_BY.get(signer.get("key", "p256"), "none")):
            words.pop("signature", None)
    return made


class Chain:
    """What a judge gets."""

    def __init__(self, seed, keys):
        made = draft(seed)
        self.seed, self.faults, self.role, self.target = seed, sorted(made.faults), made.role, made.target
        pki = x509.Pki(made.certificates, made.lists, keys)
        self.certificates = [pki.certificate(name) for name in made.shows]
        self.anchors = [pki.certificate(name) for name in dict.fromkeys(made.anchors)]
        self.lists = [pki.revocation_list(name) for name in made.lists]
