"""Other implementations as peers of one of our sessions, all driven alike: Python's ssl in memory, the OpenSSL and
GnuTLS programs over loopback, another session of ours, and a man in the middle for what they send to us.

`meet()` runs a handshake as far as it goes; the peer then tells what it has heard.
"""

import shutil
import socket
import ssl

from hand_peer import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Hello, record
from spantls_ctypes import (
    CERTIFICATE_NONE, COMPLETE, TLS12, TLS13, WANT_READ, Context, Driver, alert_name, cert_path,
)
from test_against_openssl import Child, Connection, DEADLINE
from test_against_ssl import Theirs

# What OpenSSL and Python, which uses it, call an alert; where the words are not simply those of its name.
OPENSSL_WORDS = {20: "bad record mac", 90: "user cancelled"}
GNUTLS_WORDS = {
    10: "Unexpected message", 20: "Bad record MAC", 22: "Record overflow", 40: "Handshake failed",
    42: "Certificate is bad", 43: "Certificate is not supported", 44: "Certificate was revoked",
    45: "Certificate is expired", 46: "Unknown certificate", 47: "Illegal parameter", 48: "CA is unknown",
    49: "Access was denied", 50: "Decode error", 51: "Decrypt error", 70: "Error in protocol version",
    80: "Internal error", 86: "Inappropriate fallback", 109: "An extension was expected but was not seen",
    110: "An unsupported extension was sent",
    116: "Certificate is required", 120: "No supported application protocol could be negotiated",
}

# Words that a peer was seen to use for an alert: {peer: {alert: words}}.
vocabulary = {"OpenSSL": {}, "GnuTLS": {}, "Python": {}}


def words_of(alert):
    return OPENSSL_WORDS.get(alert, alert_name(alert).replace("_", " "))


class Tamper:
    """A man in the middle for what comes to us. `messages` maps a handshake message's type to a function of the
    message, in clear; `protected` changes the first protected record, `data` the first one behind the handshake, given
    as bytes of a whole record."""

    def __init__(self, messages=None, protected=None, data=None):
        self._messages, self._protected, self._data = messages or {}, protected, data
        self._behind_change = False
        self._buffer = bytearray()
        self.handshake_done = False

    def __call__(self, arrived):
        self._buffer += arrived
        out = bytearray()
        while len(self._buffer) >= 5:
            end = 5 + int.from_bytes(self._buffer[3:5], "big")
            if len(self._buffer) < end:
                break
            whole = bytes(self._buffer[:end])
            del self._buffer[:end]
            out += self._record(whole)
        return bytes(out)

    def _record(self, whole):
        content_type = whole[0]
        protected = content_type == APPLICATION_DATA or self._behind_change and content_type in (HANDSHAKE, ALERT)
        if protected:
            if self.handshake_done and self._data:
                change, self._data = self._data, None
                return change(whole)
            if self._protected:
                change, self._protected = self._protected, None
                return change(whole)
        elif content_type == CHANGE_CIPHER_SPEC:
            self._behind_change = True
        elif content_type == HANDSHAKE and self._messages:
            return self._split(whole[5:])
        return whole

    def _split(self, payload):
        out = b""
        while payload:
            end = 4 + int.from_bytes(payload[1:4], "big")
            handshake_message, payload = payload[:end], payload[end:]
            change = self._messages.get(handshake_message[0])
            changed = change(handshake_message) if change else handshake_message
            for part in changed if isinstance(changed, list) else [changed]:
                out += record(*part) if isinstance(part, tuple) else record(HANDSHAKE, part)
        return out


def hello(edit):
    """A change of a hello that works on its fields."""
    def change(handshake_message):
        parsed = Hello(handshake_message)
        edited = edit(parsed)
        return edited if isinstance(edited, (bytes, list)) else parsed.message()
    return change


def flip(whole):
    """One bit of a record, on its way."""
    at = len(whole) // 2 + 2
    return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:]


# --- The peers -------------------------------------------------------------------------------------------------------

class PythonPeer:
    """Python's ssl, in memory."""
    name = "Python"

    def __init__(self, test, our_role, protocol, *, ours, judge=None, tamper=None, settings=None):
        settings = dict(settings or {})
        we_serve = our_role == "server"
        self.us = open_ours(test, we_serve, ours, judge)
        self.tamper = tamper or Tamper()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if we_serve else ssl.PROTOCOL_TLS_SERVER)
        version = {TLS12: ssl.TLSVersion.TLSv1_2, TLS13: ssl.TLSVersion.TLSv1_3}
        context.minimum_version = context.maximum_version = version[protocol]
        context.load_verify_locations(cert_path("ca.pem"))
        credentials = settings.get("credentials", None if we_serve else "server-p256")
        if credentials:
            context.load_cert_chain(cert_path(credentials + ".pem"), cert_path(credentials + ".key"))
        if "ciphers" in settings:
            context.set_ciphers(settings["ciphers"])
        if "group" in settings:
            context.set_ecdh_curve(settings["group"])
        if "alpn" in settings:
            alpn = settings["alpn"]
            context.set_alpn_protocols([alpn] if isinstance(alpn, str) else alpn)
        if not we_serve:
            context.verify_mode = {0: ssl.CERT_NONE, 1: ssl.CERT_OPTIONAL, 2: ssl.CERT_REQUIRED}[
                settings.get("ask", CERTIFICATE_NONE)]
        name = settings.get("name", "localhost") if we_serve else None
        context.check_hostname = context.check_hostname and name is not None
        self.them = Theirs(context, not we_serve, name)
        self.completed_at = None
        self.early = settings.get("early")  # written as soon as their handshake is done

    def meet(self):
        """As far as it goes; the peer reads behind its handshake."""
        us, them = self.us, self.them
        us.handshake()
        them.handshake()
        for _ in range(100):
            ours, theirs = us.take_output(), them.take_output()
            if not ours and not theirs:
                break
            them.feed(ours)
            us.inbox += self.tamper(theirs)
            if us.status == WANT_READ:
                us.handshake()
            was_done = them.done
            them.handshake()
            if them.done and not was_done and self.early:
                them.ssl.write(self.early)
        self.heard = them.read() if them.done and not them.error else b""
        return us.status

    def send(self, data):
        """Their data to us, through the middle; our answer is heard."""
        self.tamper.handshake_done = True
        self.them.ssl.write(data)
        self.us.inbox += self.tamper(self.them.take_output())
        received = self.us.read()
        self.them.feed(self.us.take_output())
        self.heard = self.them.read()
        return received

    def completed(self):
        return self.them.done

    def assert_heard(self, test, alert):
        error = self.them.error
        test.assertIsNotNone(error, "Python has heard nothing")
        text = str(error).rsplit(" (_ssl", 1)[0]
        known = alert_name(alert) != "unknown"
        # Without a name there are no words in Python's errors, nor a number.
        if known:
            test.assertIn(words_of(alert), text.lower())
        vocabulary["Python"][alert] = error.reason or text if known else f"({text})"

    def assert_content(self, test):
        """Both ways, after a handshake that went well."""
        self.us.read()
        self.us.write(b"ours")
        self.them.feed(self.us.take_output())
        test.assertEqual(self.them.read(), b"ours")
        test.assertEqual(self.send(b"theirs"), b"theirs")


class Tapped(Connection):
    """Our side on a socket, behind a man in the middle."""
    tamper = None

    def fill(self):
        before = len(self.inbox)
        more = super().fill()
        if self.tamper and more:
            arrived = bytes(self.inbox[before:])
            del self.inbox[before:]
            self.inbox += self.tamper(arrived)
        return more


class Program:
    """What the peers that are programs have in common."""

    def __init__(self, test, our_role, protocol, *, ours, judge=None, tamper=None, settings=None):
        if shutil.which(self.program) is None:
            test.skipTest(f"{self.program} is not installed")
        self.test, self.we_serve, self.protocol = test, our_role == "server", protocol
        self.tamper = tamper or Tamper()
        settings = dict(settings or {})
        if self.we_serve:
            with socket.create_server(("127.0.0.1", 0)) as listener:
                listener.settimeout(DEADLINE)
                self.child = self._child(self.client(listener.getsockname()[1], settings))
                connected, _ = listener.accept()
        else:
            connected = socket.create_connection(("127.0.0.1", self.serve(settings)), DEADLINE)
        name = None if self.we_serve else "localhost"
        context = our_context(self.we_serve, ours)
        self.us = Tapped(context, connected, name, judge=judge)
        self.us.tamper = self.tamper
        context.close()
        test.addCleanup(self.us.close)

    def _child(self, arguments):
        child = Child(*arguments)
        self.test.addCleanup(child.close)
        return child

    def meet(self):
        status = self.us.connect()
        self.tamper.handshake_done = True
        return status

    def send(self, data):
        self.tamper.handshake_done = True
        self.child.type(data.decode() + "\n")
        return self.us.receive(lambda received: data in received)

    def assert_content(self, test):
        self.us.send(b"ours\n")
        self.child.expect("ours")
        test.assertIn(b"theirs", self.send(b"theirs"))


class OpenSsl(Program):
    """openssl s_client and s_server."""
    name, program = "OpenSSL", "openssl"
    _version = {TLS12: "-tls1_2", TLS13: "-tls1_3"}

    def _options(self, settings):
        options = [self._version[self.protocol], "-CAfile", cert_path("ca.pem"), *settings.get("openssl", [])]
        credentials = settings.get("credentials", None if self.we_serve else "server-p256")
        if credentials:
            options += ["-cert", cert_path(credentials + ".pem"), "-key", cert_path(credentials + ".key"),
                        "-cert_chain", cert_path("intermediate.pem")]
        return options

    def client(self, port, settings):
        name = settings.get("name", "localhost")
        return ["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
                *(["-servername", name] if name else ["-noservername"]), *self._options(settings)]

    def serve(self, settings):
        ask = {0: [], 1: ["-verify", "3"], 2: ["-Verify", "3"]}[settings.get("ask", CERTIFICATE_NONE)]
        self.child = self._child(["openssl", "s_server", "-accept", "127.0.0.1:0", *ask, *self._options(settings)])
        return int(self.child.expect("ACCEPT 127.0.0.1:"))

    def assert_heard(self, test, alert):
        self.child.expect(f"SSL alert number {alert}\n")
        line = next(line for line in self.child.text().splitlines() if line.endswith(f"SSL alert number {alert}"))
        words = line.split(":")[5] or "(no words)"
        if alert_name(alert) != "unknown":
            test.assertIn(words_of(alert), words)
        vocabulary["OpenSSL"][alert] = words


class GnuTls(Program):
    """gnutls-cli and gnutls-serv. The log of records names alerts by number; the server tells no other way."""
    name, program = "GnuTLS", "gnutls-cli"
    _version = {TLS12: "NORMAL:-VERS-ALL:+VERS-TLS1.2", TLS13: "NORMAL:-VERS-ALL:+VERS-TLS1.3"}

    def _options(self, settings):
        options = ["--debug", "5", "--x509cafile", cert_path("ca.pem"),
                   "--priority", self._version[self.protocol] + settings.get("gnutls", ""),
                   *settings.get("gnutls_options", [])]
        credentials = settings.get("credentials", None if self.we_serve else "server-p256")
        if credentials:
            options += ["--x509certfile", cert_path(credentials + ".pem"),
                        "--x509keyfile", cert_path(credentials + ".key")]
        return options

    def client(self, port, settings):
        name = settings.get("name", "localhost")
        return ["gnutls-cli", "127.0.0.1", "--port", str(port), "--insecure",
                *(["--sni-hostname", name] if name else ["--disable-sni"]), *self._options(settings)]

    def serve(self, settings):
        ask = {0: ["--disable-client-cert"], 1: [], 2: ["--require-client-cert"]}[
            settings.get("ask", CERTIFICATE_NONE)]
        # It prints no port that it chose itself: take one that is free, and another if somebody was faster.
        for _ in range(5):
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            # Line by line: it tells about its client in a pipe as late as it can.
            line_by_line = ["stdbuf", "-oL"] if shutil.which("stdbuf") else []
            self.child = self._child([*line_by_line, "gnutls-serv", "--echo", "--port", str(port), *ask,
                                      *self._options(settings)])
            try:
                self.child.expect("listening on IPv4")
                self.child.expect("done")
                return port
            except AssertionError:
                continue
        raise AssertionError("gnutls-serv found no port")

    def send(self, data):
        if self.we_serve:
            return super().send(data)
        self.us.send(data + b"\n")  # gnutls-serv only echoes
        return self.us.receive(lambda received: data in received)

    def assert_content(self, test):
        if self.we_serve:
            self.us.send(b"ours\n")
            self.child.expect("ours")
        test.assertIn(b"theirs", self.send(b"theirs"))

    def assert_heard(self, test, alert):
        line = self.child.expect(f"|{alert}] - ")
        words = line.removesuffix(" - was received")
        test.assertNotEqual(words, line, "GnuTLS has sent this alert itself")
        if alert in GNUTLS_WORDS:
            test.assertEqual(words, GNUTLS_WORDS[alert])
        vocabulary["GnuTLS"][alert] = words


class Ours:
    """Another session of ours."""
    name = "ourselves"

    def __init__(self, test, our_role, protocol, *, ours, judge=None, tamper=None, settings=None):
        settings = dict(settings or {})
        we_serve = our_role == "server"
        self.us = open_ours(test, we_serve, ours, judge)
        self.tamper = tamper or Tamper()
        theirs = {"protocols": protocol, "anchors": "ca", "client_certificates": settings.get("ask", CERTIFICATE_NONE)}
        credentials = settings.get("credentials", None if we_serve else "server-p256")
        if credentials:
            theirs["credentials"] = credentials
        theirs.update((option, settings[option]) for option in ("alpn", "groups") if option in settings)
        self.them = open_ours(test, not we_serve, theirs, None, settings.get("name", "localhost"))
        self.early = settings.get("early")
        self._completed = False

    def meet(self):
        us, them = self.us, self.them
        us.handshake()
        them.handshake()
        for _ in range(100):
            ours, theirs = us.take_output(), them.take_output()
            if not ours and not theirs:
                break
            them.inbox += ours
            us.inbox += self.tamper(theirs)
            if us.status == WANT_READ:
                us.handshake()
            if them.status == WANT_READ and not self._completed:
                them.handshake()
                if them.status == COMPLETE:
                    self._completed = True
                    if self.early:
                        them.write(self.early)
        self.heard = them.read() if self._completed else b""
        return us.status

    def completed(self):
        return self._completed

    def assert_heard(self, test, alert):
        test.assertEqual(self.them.session.error().alert_received, alert, self.them.session.error())
        test.assertEqual(self.them.session.error().alert_sent, -1)

    def send(self, data):
        self.them.write(data)
        self.us.inbox += self.them.take_output()
        return self.us.read()

    def assert_content(self, test):
        self.us.write(b"ours")
        self.them.inbox += self.us.take_output()
        test.assertEqual(self.them.read(), b"ours")
        test.assertEqual(self.send(b"theirs"), b"theirs")


def our_context(we_serve, options):
    """The option `undecided` makes a server choose its context by the ClientHello; it is a list for the questions."""
    options = {"anchors": "ca", **options}
    if we_serve:
        options.setdefault("credentials", "server-p256")
    if "undecided" in options:
        asked = options.pop("undecided")
        return Context.undecided(Context(we_serve, **options), asked)
    return Context(we_serve, **options)


def open_ours(test, we_serve, options, judge, name="localhost"):
    context = our_context(we_serve, options)
    us = Driver(context, None if we_serve else name, judge=judge)
    context.close()
    test.addCleanup(us.close)
    return us
