#!/usr/bin/env python3
"""What the library reads out of certificates, compared with the command `openssl x509`: names of every string type, multi-valued
and unknown attributes, characters that an attacker would choose; serial numbers, dates, hashes, alternative names.

The certificates are made here, unsigned: who reads them does not look at the signature. Environment: SPANTLS_LIB, SPANTLS_CERTS.
"""

import calendar
import hashlib
import ipaddress
import os
import random
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "zoo"))
import der  # noqa: E402
import sentences  # noqa: E402
import spantls_ctypes as tls  # noqa: E402
from spantls_ctypes import CertificateField as Field  # noqa: E402

CN, O, UNKNOWN = "2.5.4.3", "2.5.4.10", "1.2.3.4"
# Those whose short names are the same in OpenSSL and in RFC 4514 and RFC 4519.
KINDS = [CN, O, "2.5.4.5", "2.5.4.6", "2.5.4.7", "2.5.4.8", "2.5.4.11", "2.5.4.12", "2.5.4.13", "2.5.4.15", "2.5.4.17", "2.5.4.43",
         "2.5.4.44", "2.5.4.46", "0.9.2342.19200300.100.1.25", "0.9.2342.19200300.100.1.1", "1.2.840.113549.1.9.1", UNKNOWN]
ED25519 = der.sequence(der.oid("1.3.101.112"))
KEY = der.sequence(ED25519, der.bits(bytes(range(32))))

STRINGS = {
    "UTF8String": lambda text: der.tagged(12, text.encode()),
    "PrintableString": lambda text: der.tagged(19, text.encode("ascii")),
    "T61String": lambda text: der.tagged(20, text.encode("latin-1")),
    "IA5String": lambda text: der.tagged(22, text.encode("ascii")),
    "UniversalString": lambda text: der.tagged(28, text.encode("utf-32-be")),
    "BMPString": lambda text: der.tagged(30, text.encode("utf-16-be")),
}
SPECIAL = ' #,+"\\<>;='
ALPHABETS = {
    "UTF8String": "aZ9é€Ω漢😀\0\n\x1f\x7f", "UniversalString": "aZ9é€Ω漢😀\0\n", "BMPString": "aZ9é€Ω漢\0\r",
    "T61String": "aZ9éÿ\0\x1b", "PrintableString": "aZ9*@_", "IA5String": "aZ9*@_\0\t\x7f",
}


def certificate(subject=der.sequence(), issuer=der.sequence(), serial=None, dates=(), extensions=(), key=KEY):
    """An X.509 certificate of version 3."""
    not_before, not_after = dates or (der.time("20200101000000Z"), der.time("20300101000000Z"))
    listed = [der.explicit(3, der.sequence(*extensions))] if extensions else []
    signed = der.sequence(der.explicit(0, der.integer(2)), der.integer(1) if serial is None else serial, ED25519, issuer,
                          der.sequence(not_before, not_after), subject, key, *listed)
    return der.sequence(signed, ED25519, der.bits(bytes(64)))


def name(*rdns):
    """A name of RDNs, each a list of pairs: an identifier and a DER value."""
    return der.sequence(*(der.set_of(*(der.sequence(der.oid(kind), value) for kind, value in rdn)) for rdn in rdns))


def alternative_names(*names):
    value = der.sequence(*names)
    return der.sequence(der.oid("2.5.29.17"), der.octets(value))


def openssl(*arguments, given):
    done = subprocess.run(["openssl", *arguments], input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    return done.stdout


def openssl_says(certificates, *options):
    """What `openssl x509` prints of each certificate; one process for all would stop at the first."""
    found = []
    for one in certificates:
        text = openssl("x509", "-inform", "DER", "-noout", "-nameopt", "RFC2253,-esc_msb", *options, given=one).decode()
        found.append(dict(line.split("=", 1) for line in text.split("\n") if "=" in line))
    return found


class Names(unittest.TestCase):
    def test_random_names_are_written_as_openssl_writes_them(self):
        chance = random.Random(4514)
        names = []
        for _ in range(120):
            rdns = []
            for _ in range(chance.randint(0, 4)):
                rdn = []
                for _ in range(chance.choice([1, 1, 1, 2, 3])):
                    kind = chance.choice(list(STRINGS))
                    alphabet = ALPHABETS[kind] + SPECIAL * 2
                    text = "".join(chance.choice(alphabet) for _ in range(chance.randint(0, 6)))
                    # OpenSSL does not escape a "#" that is the whole value, as RFC 4514 section 2.4 demands.
                    rdn.append((chance.choice(KINDS), STRINGS[kind]("" if text == "#" else text)))
                rdns.append(rdn)
            names.append(name(*rdns))
        certificates = [certificate(subject=one, issuer=names[-index]) for index, one in enumerate(names)]
        said = openssl_says(certificates, "-subject", "-issuer")
        texts = set()
        for one, expected in zip(certificates, said):
            subject = tls.certificate_text(one, Field.SUBJECT)
            self.assertEqual(expected["subject"], subject)
            self.assertEqual(expected["issuer"], tls.certificate_text(one, Field.ISSUER))
            texts.add(subject)
        self.assertGreater(len(texts), 90)

    def test_what_is_no_string_is_written_as_openssl_writes_it(self):
        values = [der.sequence(der.integer(1)), der.sequence(), der.bits(b"a"), der.bits(b"")]
        certificates = [certificate(subject=name([(CN, value)])) for value in values]
        for one, expected in zip(certificates, openssl_says(certificates, "-subject")):
            self.assertEqual(expected["subject"], tls.certificate_text(one, Field.SUBJECT))

    def test_registered_short_names_are_used_where_openssl_has_its_own(self):
        for kind, short in [("2.5.4.4", "sn"), ("2.5.4.42", "givenName"), ("2.5.4.9", "STREET")]:
            one = certificate(subject=name([(kind, der.utf8("x"))]))
            self.assertEqual(f"{short}=x", tls.certificate_text(one, Field.SUBJECT))

    def test_different_names_never_have_the_same_text(self):
        values = ["", "a", "a,CN=b", "a\\,CN=b", "a+CN=b", "a\0", "a\\00", "#61", " a", "\\ a", "a ", "a\u202e", "a\\E2\\80\\AE", "=a",
                  "a\n", "a\\0A", '"a"', "\\#61"]
        subjects = [name([(CN, der.utf8(one))]) for one in values]
        subjects += [name([(CN, der.utf8("a"))], [(CN, der.utf8("b"))]), name([(CN, der.utf8("a")), (CN, der.utf8("b"))]),
                     name([(CN, der.octets(b"a"))]), name([(UNKNOWN, der.utf8("a"))]), name([(UNKNOWN, der.octets(b"a"))])]
        texts = [tls.certificate_text(certificate(subject=one), Field.SUBJECT) for one in subjects]
        self.assertEqual(len(subjects), len(set(texts)), texts)
        for text in texts:
            self.assertTrue(text.isprintable(), text)


class Numbers(unittest.TestCase):
    def test_serial_numbers_are_those_of_openssl(self):
        serials = [0, 1, 10, 127, 128, 255, 256, 2**64, 2**159 - 1, -1, -128, -129, -(2**70)]
        certificates = [certificate(serial=signed_integer(one)) for one in serials]
        for one, expected in zip(certificates, openssl_says(certificates, "-serial")):
            self.assertEqual(expected["serial"], tls.certificate_text(one, Field.SERIAL_NUMBER))

    def test_dates_are_those_of_openssl(self):
        moments = ["19500101000000Z", "19691231235959Z", "19700101000000Z", "20000229120000Z", "20380119031408Z", "20491231235959Z",
                   "20500101000000Z", "99991231235959Z", "19000301000000Z", "00010101000000Z"]
        encoded = [der.time(one) if one >= "1950" else der.tagged(0x18, one.encode()) for one in moments]
        certificates = [certificate(dates=(one, encoded[-index])) for index, one in enumerate(encoded)]
        for one, expected in zip(certificates, openssl_says(certificates, "-startdate", "-enddate")):
            info = tls.certificate_info(one)
            self.assertEqual(unix_time(expected["notBefore"]), info.not_before)
            self.assertEqual(unix_time(expected["notAfter"]), info.not_after)

    def test_hashes_are_those_of_openssl(self):
        for file in ["server-p256.pem", "server-rsa2048.pem", "server-ed25519.pem", "client-p384.pem", "ca.pem"]:
            pem = tls.read_cert(file)
            one = openssl("x509", "-outform", "DER", given=pem)
            key = openssl("pkey", "-pubin", "-outform", "DER", given=openssl("x509", "-pubkey", "-noout", given=pem))
            info = tls.certificate_info(one)
            self.assertEqual(hashlib.sha256(one).digest(), bytes(info.sha256))
            self.assertEqual(hashlib.sha256(key).digest(), bytes(info.public_key_sha256))
            said = openssl("x509", "-noout", "-text", given=pem)
            self.assertEqual(b"CA:TRUE" in said, bool(info.is_ca), file)


class AlternativeNames(unittest.TestCase):
    def test_addresses_are_written_as_python_writes_them(self):
        chance = random.Random(5952)
        packed = [bytes(chance.choice([0, 0, 0, 1, 0xAB, 255]) for _ in range(size)) for size in [4, 16] * 100]
        packed += [bytes(16), bytes(15) + b"\1", bytes(4)]
        # IPv4-mapped addresses have a form of their own (RFC 5952 section 5), which not every Python has.
        packed = [one for one in packed if one[:12] != bytes(10) + b"\xff\xff"]
        one = certificate(extensions=[alternative_names(*(der.implicit(7, address) for address in packed))])
        self.assertEqual(len(packed), tls.certificate_info(one).num_ip_addresses)
        for index, address in enumerate(packed):
            self.assertEqual(str(ipaddress.ip_address(address)), tls.certificate_text(one, Field.IP_ADDRESS, index))

    def test_names_with_bytes_that_deceive_are_not_handed_out(self):
        for deceit in [b"good.example\0.evil.example", b"good.example\n", b" good.example", "bücher.example".encode(), b"\xff", b"a\x7f"]:
            for tag, field, count in [(1, Field.EMAIL, "num_emails"), (2, Field.DNS_NAME, "num_dns_names"), (6, Field.URI, "num_uris")]:
                one = certificate(extensions=[alternative_names(der.implicit(tag, deceit), der.implicit(tag, b"honest.example"))])
                self.assertEqual(2, getattr(tls.certificate_info(one), count))
                with self.assertRaises(tls.TlsError) as raised:
                    tls.certificate_text(one, field, 0)
                self.assertEqual(tls.NOT_SUPPORTED, raised.exception.status)
                self.assertEqual("honest.example", tls.certificate_text(one, field, 1))
            one = certificate(extensions=[alternative_names(der.implicit(2, deceit))])
            self.assertFalse(tls.certificate_matches_name(one, "good.example"))

    def test_certificates_have_a_largest_size_and_a_largest_number_of_names(self):
        most = 4096
        one = certificate(extensions=[alternative_names(*[der.implicit(2, b"eleven.byte")] * most)])
        self.assertEqual(most, tls.certificate_info(one).num_dns_names)
        self.assertEqual("eleven.byte", tls.certificate_text(one, Field.DNS_NAME, most - 1))
        with self.assertRaises(tls.TlsError) as raised:
            tls.certificate_info(certificate(extensions=[alternative_names(*[der.implicit(2, b"")] * (most + 1))]))
        self.assertEqual(tls.INVALID_ARGUMENT, raised.exception.status)
        with self.assertRaises(tls.TlsError) as raised:
            tls.certificate_info(certificate(extensions=[alternative_names(der.implicit(2, bytes(65535)))]))
        self.assertEqual(tls.INVALID_ARGUMENT, raised.exception.status)


class Damage(unittest.TestCase):
    def test_a_damaged_certificate_is_refused_or_read_but_never_crashes(self):
        pem = tls.read_cert("server-p256.pem")
        original = openssl("x509", "-outform", "DER", given=pem)
        read = refused = 0
        for at in range(len(original)):
            for value in (original[at] ^ 0x01, original[at] ^ 0x80, 0x00, 0xFF):
                damaged = original[:at] + bytes([value]) + original[at + 1:]
                for question in (tls.certificate_info, lambda one: tls.certificate_text(one, Field.SUBJECT),
                                 lambda one: tls.certificate_matches_name(one, "localhost")):
                    try:
                        question(damaged)
                        read += 1
                    except tls.TlsError as error:
                        self.assertEqual(tls.INVALID_ARGUMENT, error.status, (at, value))
                        refused += 1
        # Most bytes are those of names, keys and the signature.
        self.assertGreater(read, 100)
        self.assertGreater(refused, 100)


def signed_integer(value):
    return der.tagged(2, value.to_bytes((value if value >= 0 else ~value).bit_length() // 8 + 1, "big", signed=True))


def unix_time(text):
    """Of `openssl x509 -startdate`: "Jan  1 00:00:00 1950 GMT"."""
    month, day, clock, year, _ = text.split()
    hour, minute, second = (int(part) for part in clock.split(":"))
    months = [calendar.month_abbr[number] for number in range(13)]
    return calendar.timegm((int(year), months.index(month), int(day), hour, minute, second))


if __name__ == "__main__":
    sentences.main()
