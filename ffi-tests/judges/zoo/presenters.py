"""Who shows a chain to the session under test, and what it is told.

Three kinds of peers with one interface: our own session, which refuses to load chains that are too odd; OpenSSL as
Python has it, which loads nearly anything; and a session of ours whose Certificate message is replaced on its way.
"""

import ssl

from spantls_ctypes import COMPLETE, TLS12, TLS13, Context, Driver

from zoo import ALERTS

_NAMES = {number: name for name, number in ALERTS.items()}
_OPENSSL_VERSIONS = {TLS12: ssl.TLSVersion.TLSv1_2, TLS13: ssl.TLSVersion.TLSv1_3}

_HANDSHAKE_RECORD, _CERTIFICATE_MESSAGE = 22, 11


def alert_name(number):
    return None if number < 0 else _NAMES.get(number, str(number))


class Ours:
    """A session of ours; a client believes everything."""

    def __init__(self, server, credentials, protocol, name=None):
        self._context = Context(server, credentials=credentials, protocols=protocol)
        self._driver = Driver(
            self._context, name, judge=lambda session: session.set_certificate_validation_result(0))

    def close(self):
        self._driver.close()
        self._context.close()

    def receive(self, data):
        self._driver.inbox += data

    def take_output(self):
        return self._driver.take_output()

    def step(self):
        if self._driver.handshake() == COMPLETE and self._driver.inbox:
            self._driver.read()

    def is_done(self):
        return self._driver.status == COMPLETE

    def alert(self):
        """The alert that ended it; None while there was none."""
        return alert_name(self._driver.session.error().alert_received)


class Replaced(Ours):
    """The same in TLS 1.2, but other certificates arrive than it has sent."""

    def __init__(self, server, credentials, certificates, name=None):
        super().__init__(server, credentials, TLS12, name)
        self._certificates = certificates

    def take_output(self):
        return replace_certificates(super().take_output(), self._certificates)


class OpenSsl:
    """Python's ssl module, at the security level that allows everything."""

    def __init__(self, server, chain, key, protocol, name=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = _OPENSSL_VERSIONS[protocol]
        context.load_cert_chain(chain, key)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=name)
        self._done = False
        self._error = None

    def close(self):
        pass

    def receive(self, data):
        if data:
            self._in.write(data)

    def take_output(self):
        return self._out.read()

    def step(self):
        if self._error:
            return
        try:
            if not self._done:
                self._ssl.do_handshake()
                self._done = True
            self._ssl.read(1)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._error = error

    def is_done(self):
        return self._done and not self._error

    def alert(self):
        if not self._error:
            return None
        # "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE"
        reason = self._error.reason or str(self._error)
        return reason.rpartition("ALERT_")[2].lower()


def present(chain, protocol, usual):
    """The peer that shows this chain; `usual` is a name of credentials that anybody would load."""
    server = chain.role == "server"
    name = None if server else "www.example.com"
    if chain.presenter == "ours":
        return Ours(server, chain.path("chain"), protocol, name)
    if chain.presenter == "openssl":
        return OpenSsl(server, chain.path("chain.pem"), chain.path("chain.key"), protocol, name)
    return Replaced(server, usual, chain.certificates(), name)


def replace_certificates(flight, certificates):
    """TLS 1.2 records with another list of certificates in their Certificate message, if there is one in clear."""
    messages, rest = b"", flight
    while rest[:1] == bytes([_HANDSHAKE_RECORD]):
        length = 5 + int.from_bytes(rest[3:5], "big")
        messages += rest[5:length]
        rest = rest[length:]
    replaced = b""
    while messages:
        length = 4 + int.from_bytes(messages[1:4], "big")
        message, messages = messages[:length], messages[length:]
        if message[0] == _CERTIFICATE_MESSAGE:
            entries = b"".join(_with_length(certificate) for certificate in certificates)
            message = bytes([_CERTIFICATE_MESSAGE]) + _with_length(_with_length(entries))
        replaced += message
    records = [replaced[at:at + 16384] for at in range(0, len(replaced), 16384)]
    return b"".join(b"\x16\x03\x03" + len(record).to_bytes(2, "big") + record for record in records) + rest


def _with_length(data):
    return len(data).to_bytes(3, "big") + data
