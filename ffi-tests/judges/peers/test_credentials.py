"""Private keys in the forms that openssl writes, encrypted or not, as PEM, as files and as DER: each is read with its passphrase
and signs, or is refused in words that say what to do."""

import ctypes
import ssl
import subprocess
import tempfile
import unittest

import sentences
import spantls_ctypes
from spantls_ctypes import _native, cert_path, read_cert

lib = spantls_ctypes._lib
PASSPHRASE = b"correct horse"

# What `openssl pkcs8 -topk8` writes, by its options.
READ = {
    "PBKDF2 with SHA-1, AES-128": ["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
    "PBKDF2 with SHA-224, AES-192": ["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA224"],
    "PBKDF2 with SHA-256, AES-256": ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"],
    "PBKDF2 with SHA-384, AES-256": ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384"],
    "PBKDF2 with SHA-512, AES-256": ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512"],
    "PBKDF2, triple DES": ["-v2", "des3"],
    "100,000 rounds": ["-v2", "aes-256-cbc", "-iter", "100000"],
    "scrypt": ["-scrypt"],
    "scrypt, 32 MiB": ["-scrypt", "-scrypt_N", "32768", "-scrypt_r", "7", "-scrypt_p", "2"],
}
REFUSED = {
    "PBE-SHA1-3DES": (["-v1", "PBE-SHA1-3DES"], "not supported"),
    "Camellia": (["-v2", "camellia-256-cbc"], "not supported"),
}
KEYS = ("server-p256", "server-rsa2048", "server-ed25519")


def openssl(*arguments, text=None):
    made = subprocess.run(["openssl", *arguments], input=text, capture_output=True, check=False)
    if made.returncode:
        raise AssertionError(made.stderr.decode())
    return made.stdout


def encrypted(name, options, form="PEM"):
    return openssl("pkcs8", "-topk8", "-in", cert_path(name + ".key"), "-outform", form,
                   "-passout", "pass:" + PASSPHRASE.decode(), *options)


def made(call, *arguments):
    """The call's status and message; credentials are released."""
    handle = ctypes.c_void_p()
    status = call(*arguments, ctypes.byref(handle))
    message = "" if status == 0 else spantls_ctypes._read_error(lib.spantls_last_error).message
    lib.tls_credentials_destroy(handle)
    return status, message


def of_pem(name, key, passphrase):
    chain = read_cert(name + ".pem")
    return made(lib.tls_credentials_create_pem, chain, len(chain), key, len(key), passphrase)


def of_files(name, path, passphrase):
    return made(lib.tls_credentials_create_file, cert_path(name + ".pem").encode(), path.encode(), passphrase)


def of_der(name, key, passphrase):
    certificates = [ssl.PEM_cert_to_DER_cert(block.decode() + "-----END CERTIFICATE-----")
                    for block in read_cert(name + ".pem").split(b"-----END CERTIFICATE-----\n") if b"BEGIN" in block]
    held = [ctypes.create_string_buffer(der, len(der)) for der in certificates]
    spans = (_native.spantls_span_t * len(held))(*((ctypes.addressof(one), len(one)) for one in held))
    return made(lib.tls_credentials_create_der, spans, len(spans), key, len(key), passphrase)


class Keys(unittest.TestCase):
    def every_way(self, name, pem, der, passphrase):
        with tempfile.NamedTemporaryFile(suffix=".key") as file:
            file.write(pem)
            file.flush()
            return [of_pem(name, pem, passphrase), of_files(name, file.name, passphrase), of_der(name, der, passphrase)]

    def test_what_openssl_encrypts_is_read_with_its_passphrase_alone(self):
        for way, options in READ.items():
            for name in KEYS if way == "scrypt" else KEYS[:1]:
                with self.subTest(way=way, name=name):
                    pem, der = encrypted(name, options), encrypted(name, options, "DER")
                    self.assertEqual(self.every_way(name, pem, der, PASSPHRASE), [(0, "")] * 3)
                    for passphrase, words in ((b"wrong", "the passphrase is wrong"), (None, "its passphrase is needed")):
                        for status, message in self.every_way(name, pem, der, passphrase):
                            self.assertEqual(status, -7)
                            self.assertIn(words, message)

    def test_other_encryptions_are_refused_with_the_command_that_converts_them(self):
        for way, (options, words) in REFUSED.items():
            with self.subTest(way=way):
                try:
                    pem = encrypted("server-p256", options)
                except AssertionError as error:
                    self.skipTest(str(error))
                status, message = of_pem("server-p256", pem, PASSPHRASE)
                self.assertEqual(status, -7)
                self.assertIn(words, message)
                self.assertIn("openssl pkcs8 -topk8", message)
                self.assertEqual(of_pem("server-p256", self.converted(pem), PASSPHRASE), (0, ""))

    def converted(self, pem):
        """By the command that the messages name."""
        with tempfile.NamedTemporaryFile(suffix=".key") as old:
            old.write(pem)
            old.flush()
            secret = "pass:" + PASSPHRASE.decode()
            return openssl("pkcs8", "-topk8", "-in", old.name, "-passin", secret, "-passout", secret)

    def test_the_old_form_of_pem_is_refused_and_the_command_of_the_message_converts_it(self):
        for name, program in (("server-rsa2048", "rsa"), ("server-p256", "ec")):
            old = openssl(program, "-in", cert_path(name + ".key"), "-aes256", "-passout", "pass:" + PASSPHRASE.decode(),
                          *(["-traditional"] if program == "rsa" else []))
            with self.subTest(name=name):
                self.assertIn(b"Proc-Type", old)
                for passphrase in (None, PASSPHRASE):
                    status, message = of_pem(name, old, passphrase)
                    self.assertEqual(status, -7)
                    self.assertIn("Proc-Type: 4,ENCRYPTED", message)
                    self.assertIn("openssl pkcs8 -topk8", message)
                self.assertEqual(of_pem(name, self.converted(old), PASSPHRASE), (0, ""))

    def test_pkcs12_is_named_with_the_command_that_converts_it(self):
        name = "server-p256"
        secret = "pass:" + PASSPHRASE.decode()
        store = openssl("pkcs12", "-export", "-in", cert_path(name + ".pem"), "-inkey", cert_path(name + ".key"), "-passout", secret)
        with tempfile.NamedTemporaryFile(suffix=".p12") as file:
            file.write(store)
            file.flush()
            both = (file.name.encode(), file.name.encode(), PASSPHRASE)
            for status, message in (made(lib.tls_credentials_create_file, *both), of_der(name, store, PASSPHRASE)):
                self.assertEqual(status, -7)
                self.assertIn("PKCS #12", message)
                self.assertIn("openssl pkcs12", message)
            pem = openssl("pkcs12", "-in", file.name, "-passin", secret, "-passout", secret)
        self.assertEqual(made(lib.tls_credentials_create_pem, pem, len(pem), pem, len(pem), PASSPHRASE), (0, ""))

    def test_der_keys_are_read_in_every_form(self):
        forms = {"PKCS #8": ["pkcs8", "-topk8", "-nocrypt"], "PKCS #1": ["rsa", "-traditional"], "SEC 1": ["ec"]}
        for form, (program, *options) in forms.items():
            name = "server-rsa2048" if form == "PKCS #1" else "server-p256"
            der = openssl(program, "-in", cert_path(name + ".key"), "-outform", "DER", *options)
            for passphrase in (None, b"ignored"):
                self.assertEqual(of_der(name, der, passphrase), (0, ""), form)


if __name__ == "__main__":
    sentences.main()
