"""Certificates and revocation lists from descriptions (zoo.toml says which words there are). DER by hand, because
half of them are such as no library would make; keys and signatures by the package `cryptography`."""

import base64
import hashlib
import textwrap

import der
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

# Every certificate that says nothing else is valid on any day on which this can run.
NOT_BEFORE, NOT_AFTER = "20100101000000Z", "21900101000000Z"

KEY_USAGES = ["digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
              "keyCertSign", "cRLSign"]
USAGES = {"serverAuth": "1.3.6.1.5.5.7.3.1", "clientAuth": "1.3.6.1.5.5.7.3.2", "codeSigning": "1.3.6.1.5.5.7.3.3",
          "any": "2.5.29.37.0"}
EXTENSIONS = {
    "subjectKeyIdentifier": "2.5.29.14", "keyUsage": "2.5.29.15", "subjectAltName": "2.5.29.17",
    "basicConstraints": "2.5.29.19", "cRLNumber": "2.5.29.20", "reasonCode": "2.5.29.21",
    "deltaCRLIndicator": "2.5.29.27", "issuingDistributionPoint": "2.5.29.28", "nameConstraints": "2.5.29.30",
    "certificatePolicies": "2.5.29.32", "authorityKeyIdentifier": "2.5.29.35", "policyConstraints": "2.5.29.36",
    "extKeyUsage": "2.5.29.37",
}
SIGNATURES = {
    "ecdsa-sha1": ("1.2.840.10045.4.1", hashes.SHA1), "ecdsa-sha256": ("1.2.840.10045.4.3.2", hashes.SHA256),
    "ecdsa-sha384": ("1.2.840.10045.4.3.3", hashes.SHA384), "ecdsa-sha512": ("1.2.840.10045.4.3.4", hashes.SHA512),
    "rsa-md5": ("1.2.840.113549.1.1.4", hashes.MD5), "rsa-sha1": ("1.2.840.113549.1.1.5", hashes.SHA1),
    "rsa-sha256": ("1.2.840.113549.1.1.11", hashes.SHA256), "rsa-pss": ("1.2.840.113549.1.1.10", hashes.SHA256),
    "ed25519": ("1.3.101.112", None), "ed448": ("1.3.101.113", None),
}


def extension(name, value, critical=False):
    identifier = der.oid(EXTENSIONS.get(name, name))
    return der.sequence(identifier, *([der.boolean(True)] if critical else []), der.octets(value))


def more_extensions(descriptions):
    return [extension(one["id"], bytes.fromhex(one["hex"]), one.get("critical", False)) for one in descriptions]


def pem(label, data):
    text = "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 64))
    return f"-----BEGIN {label}-----\n{text}\n-----END {label}-----\n"


class Key:
    """A key pair of a kind such as "p256", "rsa2048", "ed25519"."""

    def __init__(self, kind):
        self.kind = kind
        if kind.startswith("rsa"):
            self._private = rsa.generate_private_key(65537, int(kind[3:]))
        elif kind.startswith("p"):
            curve = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}[kind]
            self._private = ec.generate_private_key(curve())
        else:
            self._private = {"ed25519": ed25519.Ed25519PrivateKey, "ed448": ed448.Ed448PrivateKey}[kind].generate()
        self.info = self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def identifier(self):
        return hashlib.sha1(self.info).digest()

    def pem(self):
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()

    def usual_signature(self):
        if self.kind.startswith("rsa"):
            return "rsa-sha256"
        return {"p256": "ecdsa-sha256", "p384": "ecdsa-sha384", "p521": "ecdsa-sha512"}.get(self.kind, self.kind)

    def sign(self, data, signature):
        """The signature's algorithm identifier, and its value."""
        identifier, digest = SIGNATURES[signature]
        algorithm = der.sequence(der.oid(identifier))
        if signature.startswith("ecdsa"):
            return algorithm, self._private.sign(data, ec.ECDSA(digest()))
        if signature == "rsa-pss":
            sha256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"), der.tagged(0x05))
            algorithm = der.sequence(der.oid(identifier), der.sequence(
                der.explicit(0, sha256),
                der.explicit(1, der.sequence(der.oid("1.2.840.113549.1.1.8"), sha256)),
                der.explicit(2, der.integer(32))))
            return algorithm, self._private.sign(data, padding.PSS(padding.MGF1(digest()), 32), digest())
        if signature.startswith("rsa"):
            algorithm = der.sequence(der.oid(identifier), der.tagged(0x05))
            return algorithm, self._private.sign(data, padding.PKCS1v15(), digest())
        return algorithm, self._private.sign(data)


class Keys:
    """A key for each certificate's name and kind, made once."""

    def __init__(self):
        self._made = {}

    def get(self, name, kind):
        return self._made.setdefault((name, kind), None) or self._make(name, kind)

    def _make(self, name, kind):
        self._made[name, kind] = Key(kind)
        return self._made[name, kind]


class Pki:
    """The certificates and lists of one chain, made when they are asked for."""

    def __init__(self, certificates, lists, keys):
        self._certificates = certificates
        self._lists = lists
        self._keys = keys
        self._made = {}

    def _description(self, name):
        description = self._certificates.get(name.partition("#")[0])
        if description is None:
            raise ValueError(f"no certificate is called {name!r}")
        return description

    def key(self, name):
        description = self._description(name)
        return self._keys.get(description.get("key_of", name), description.get("key", "p256"))

    def subject(self, name):
        description = self._description(name)
        string = {"utf8": der.utf8, "printable": der.printable}[description.get("subject_string", "utf8")]
        return der.distinguished_name(description.get("subject", name), string)

    def serial(self, name):
        digest = hashlib.sha256(name.encode()).digest()
        return self._description(name).get("serial", int.from_bytes(digest[:8], "big"))

    def certificate(self, name):
        """The certificate as DER."""
        if name not in self._made:
            self._made[name] = self._certificate(name, self._description(name))
        return self._made[name]

    def _certificate(self, name, description):
        unknown = set(description) - WORDS
        if unknown:
            raise ValueError(f"{name}: unknown words {unknown}")
        if "raw" in description:
            return bytes.fromhex(description["raw"])
        issuer = description.get("issued_by", name)
        signer = self.key(description.get("signed_with", issuer))
        signature = description.get("signature", signer.usual_signature())
        algorithm, _ = signer.sign(b"", signature)
        issuer_name = der.distinguished_name(description["issuer"]) if "issuer" in description else self.subject(issuer)
        version = description.get("version", 3)
        to_be_signed = der.sequence(
            *([der.explicit(0, der.integer(version - 1))] if version != 1 else []),
            der.integer(self.serial(name)),
            algorithm,
            issuer_name,
            der.sequence(der.time(description.get("not_before", NOT_BEFORE)),
                         der.time(description.get("not_after", NOT_AFTER))),
            self.subject(name),
            self.key(name).info,
            *([der.explicit(3, der.sequence(*self._extensions(name, description)))] if version != 1 else []),
        )
        value = signer.sign(to_be_signed, signature)[1]
        if "outer_signature" in description:
            algorithm = der.sequence(der.oid(SIGNATURES[description["outer_signature"]][0]))
        damage = description.get("damage")
        if damage == "signature":
            value = value[:-1] + bytes([value[-1] ^ 1])
        made = der.sequence(to_be_signed, algorithm, der.bits(value))
        if damage == "trailing byte":
            made += b"\x00"
        return made

    def _extensions(self, name, description):
        is_ca = description.get("ca", False)
        made = []
        constraints = description.get("basic_constraints", "present")
        if constraints == "present":
            length = description.get("path_length")
            made.append(extension("basicConstraints", der.sequence(
                *([der.boolean(True)] if is_ca else []), *([der.integer(length)] if length is not None else [])), True))
        usual = ["keyCertSign", "cRLSign"] if is_ca else ["digitalSignature"]
        key_usage = description.get("key_usage", usual)
        if key_usage != "absent":
            made.append(extension("keyUsage", der.flags([KEY_USAGES.index(bit) for bit in key_usage]), True))
        usage = description.get("usage", "absent" if is_ca else ["serverAuth", "clientAuth"])
        if usage != "absent":
            made.append(extension("extKeyUsage", der.sequence(*(der.oid(USAGES[purpose]) for purpose in usage))))
        names = description.get("names", "absent" if is_ca else ["DNS:www.example.com"])
        if names != "absent":
            made.append(extension(
                "subjectAltName", der.sequence(*(der.general_name(name) for name in names)),
                not description.get("subject", name)))
        subtrees = [
            der.explicit(number, *(der.sequence(der.general_name(base, subtree=True)) for base in description[word]))
            for number, word in enumerate(["permitted", "excluded"]) if word in description]
        if subtrees:
            made.append(extension("nameConstraints", der.sequence(*subtrees), True))
        if description.get("key_identifiers", "present") == "present":
            made.append(extension("subjectKeyIdentifier", der.octets(self.key(name).identifier)))
            issuer = description.get("authority_key", description.get("issued_by", name))
            made.append(extension(
                "authorityKeyIdentifier", der.sequence(der.implicit(0, self.key(issuer).identifier))))
        return made + more_extensions(description.get("extensions", []))

    def revocation_list(self, name):
        """The list as DER."""
        description = self._lists.get(name)
        if description is None:
            raise ValueError(f"no list is called {name!r}")
        unknown = set(description) - LIST_WORDS
        if unknown:
            raise ValueError(f"{name}: unknown words {unknown}")
        signer = self.key(description.get("signed_with", description["by"]))
        signature = description.get("signature", signer.usual_signature())
        algorithm, _ = signer.sign(b"", signature)
        this_update = description.get("this_update", NOT_BEFORE)
        version = description.get("version", 2)
        revoked = [
            der.sequence(der.integer(self.serial(entry)), der.time(this_update),
                         *([der.sequence(*more_extensions(description["entry_extensions"]))]
                           if "entry_extensions" in description else []))
            for entry in description.get("revoked", [])]
        extensions = [
            extension("authorityKeyIdentifier", der.sequence(der.implicit(0, signer.identifier))),
            extension("cRLNumber", der.integer(description.get("number", 1))),
            *more_extensions(description.get("extensions", [])),
        ]
        next_update = description.get("next_update", NOT_AFTER)
        to_be_signed = der.sequence(
            *([der.integer(version - 1)] if version != 1 else []),
            algorithm,
            self.subject(description["by"]),
            der.time(this_update),
            *([der.time(next_update)] if next_update != "absent" else []),
            *([der.sequence(*revoked)] if revoked else []),
            *([der.explicit(0, der.sequence(*extensions))] if version != 1 else []),
        )
        return der.sequence(to_be_signed, algorithm, der.bits(signer.sign(to_be_signed, signature)[1]))


WORDS = {
    "authority_key", "basic_constraints", "ca", "damage", "excluded", "extensions", "issued_by", "issuer", "key",
    "key_identifiers", "key_of", "key_usage", "names", "not_after", "not_before", "outer_signature", "path_length",
    "permitted", "raw", "serial", "signature", "signed_with", "subject", "subject_string", "usage", "version",
}
LIST_WORDS = {
    "by", "entry_extensions", "extensions", "next_update", "number", "revoked", "signature", "signed_with",
    "this_update", "version",
}
