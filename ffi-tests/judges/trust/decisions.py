"""The table of decisions about trust (decisions.toml) for any language: certificates in files, and an index.

    decisions.py DIRECTORY

writes for each decision a folder with chain.pem and key.pem (what the peer shows), anchors.pem and crls.pem (what the judge
has), and DIRECTORY/decisions.json, a list of objects:

    name       what is decided, unique
    role       whose certificate is judged: "server" or "client"
    mode       what anchors are taken for: "authorities", "certificates" or "partial chain"
    strict     whether the whole profile of RFC 5280 is demanded
    target     the server's name that the judging client wants; null if a server judges
    at         the moment of the judgement in seconds since 1970; null is now
    chain, key, anchors, crls
               paths in DIRECTORY; null where there are none (chain: a client without a certificate, one is required)
    expected   policy errors: 0 accepted; 1 not available, 2 name mismatch, 4 chain errors
    original   whether Python's ssl and SslStream have this mode
    stricter   why an original may accept what is refused here; null: both refuse
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "zoo"))

import environment

if __name__ == "__main__":
    environment.ensure()

import x509

try:
    import tomllib
except ImportError:
    import tomli as tomllib

MODES = ["authorities", "certificates", "partial chain"]
ROLES = ["server", "client"]
WORDS = {"accepted", "anchors", "at", "bits", "list", "lists", "modes", "name", "roles", "shows", "strict", "stricter",
         "target", "with"}


def _read():
    with open(os.path.join(HERE, "decisions.toml"), "rb") as file:
        return tomllib.load(file)


def _pki(entry, table, keys):
    unknown = set(entry) - WORDS
    if unknown:
        raise ValueError(f"{entry['name']}: unknown words {unknown}")
    certificates = dict(table["certificates"])
    for name, changes in entry.get("with", {}).items():
        certificates[name] = {**certificates.get(name, {}), **changes}
    return x509.Pki(certificates, {**table["lists"], **entry.get("list", {})}, keys)


def _write_files(directory, folder, entry, pki):
    """The paths of an entry's files, relative to the directory."""
    os.mkdir(os.path.join(directory, folder))
    shows, paths = entry.get("shows", ["leaf", "issuing"]), {}

    def put(what, text):
        paths[what] = f"{folder}/{what}.pem" if text else None
        if text:
            with open(os.path.join(directory, paths[what]), "w", encoding="ascii") as file:
                file.write(text)

    def certificates(names):
        return "".join(x509.pem("CERTIFICATE", pki.certificate(name)) for name in names)

    put("chain", certificates(shows))
    put("key", pki.key(shows[0]).pem() if shows else "")
    put("anchors", certificates(entry.get("anchors", ["root"])))
    put("crls", "".join(x509.pem("X509 CRL", pki.revocation_list(name)) for name in entry.get("lists", [])))
    return paths


def _expand(entry, paths):
    """A decision for each role and mode."""
    for role in entry.get("roles", ROLES):
        for mode in entry.get("modes", MODES):
            strict = entry.get("strict", False)
            yield {
                "name": f"{entry['name']} ({role}, {mode}{', strict' if strict else ''})", "role": role, "mode": mode,
                "strict": strict, "target": entry.get("target", "www.example.com") if role == "server" else None,
                "at": entry.get("at"), **paths,
                "expected": 0 if mode in entry.get("accepted", []) else entry.get("bits", 0),
                "original": mode != "authorities", "stricter": entry.get("stricter"),
            }


def write(directory):
    """Writes everything, and returns the decisions."""
    table, keys, decisions = _read(), x509.Keys(), []
    for index, entry in enumerate(table["decision"]):
        paths = _write_files(directory, str(index), entry, _pki(entry, table, keys))
        decisions += _expand(entry, paths)
    names = [decision["name"] for decision in decisions]
    if len(set(names)) != len(names):
        raise ValueError("a decision is listed twice")
    with open(os.path.join(directory, "decisions.json"), "w", encoding="utf-8") as file:
        json.dump(decisions, file, indent=1)
    return decisions


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    print(f"{len(write(sys.argv[1]))} decisions")
