#!/usr/bin/env python3
"""The Python runner of ffi-tests/judges/scenarios, whose README says what it reads and prints: scenario_runner.py server|client."""

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys

import report  # finds the package
import spantls
from scenario_wire import BoundWire, SpanWire
from spantls import ChannelBinding, Context, Credentials, Protocol, State, Status, TlsError

PROTOCOLS = {"1.2": Protocol.TLS12, "1.3": Protocol.TLS13}
HASHES = ("sha256", "sha384", "sha512")


class Side:
    """What the scenario wants of this side, and the contexts for it."""

    def __init__(self, wants, is_server):
        self.wants, self.is_server = wants, is_server
        self.answers_with = None
        self.by_name = {}
        for host, name in (wants.get("sni_contexts") or {}).items():
            self.by_name[host] = (self.context(name), name)
        own = wants.get("credentials" if is_server else "preset_credentials")
        self.main = Context.undecided_server() if self.by_name else self.context(own)

    def path(self, name, end):
        return os.path.join(self.wants["certs"], name + end)

    def credentials(self, name):
        if not self.wants.get("external_key"):
            return Credentials.from_files(self.path(name, ".pem"), self.path(name, ".key"))
        with open(self.path(name, ".pem"), "rb") as file:
            chain = file.read()
        for schemes in ((0x0403,), (0x0503,), (0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601), (0x0807,)):
            try:
                return Credentials.external(chain, schemes)
            except TlsError as error:
                failure = error
        raise failure

    def context(self, name):
        wants = self.wants
        self.answers_with = name or self.answers_with
        protocols = 0
        for version in wants.get("protocols", ()):
            protocols |= PROTOCOLS[version]
        modes = {"none": 0, "request": 1, "require": 2}
        anchors = wants.get("anchors")
        make = Context.server if self.is_server else Context.client
        return make(
            credentials=self.credentials(name) if name else None,
            trust_anchors_file=self.path(anchors, ".pem") if anchors else None, protocols=protocols,
            alpn=wants.get("alpn") or (), client_certificate=modes[wants.get("client_certificate", "none")],
            validation={"external": 0, "automatic": 1}[wants.get("validation", "external")],
            allow_resume=wants.get("allow_resume", True))

    def message(self):
        send = self.wants.get("send", "")
        return send.encode() if isinstance(send, str) else bytes(i % 251 for i in range(send["size"]))

    # Answers

    def choose(self, session):
        found = self.by_name.get(session.target_host_name)
        if found is None:
            session.reject(int(self.wants.get("unknown_name", "reject:112").partition(":")[2]))
        else:
            self.answers_with = found[1]
            session.set_server_context(found[0])

    def show(self, session):
        answer, _, rest = self.wants.get("on_credentials", "decline").partition(":")
        if answer == "reject":
            session.reject(int(rest))
        elif answer == "present":
            self.answers_with = rest
            session.set_client_credentials(self.credentials(rest))
        else:
            session.set_client_credentials(None)

    def judge(self, session):
        verdict, _, rest = self.wants.get("verdict", "default").partition(":")
        if verdict == "reject":
            session.reject_certificate(int(rest))
        elif verdict == "accept":
            session.set_certificate_validation_result(0)
        else:
            session.accept_with_default_validation()

    def sign(self, session):
        """With the openssl command: Python has no signatures of its own."""
        scheme, text = session.signature_request()
        family, low = scheme >> 8, scheme & 0xFF
        command = ["openssl", "dgst", "-" + HASHES[low - 4 if family == 8 else family - 4],
                   "-sign", self.path(self.answers_with, ".key")]
        if family == 8:
            command += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
        session.set_signature(subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True).stdout)

    def answers(self):
        return {Status.NEEDS_SERVER_OPTIONS: self.choose, Status.WANT_CREDENTIALS: self.show,
                Status.NEEDS_CERTIFICATE_VALIDATION: self.judge, Status.NEEDS_SIGNATURE: self.sign}


class Conversation:
    def __init__(self, side, sock):
        self.side = side
        self.told = {key: None for key in ("error", "alert_sent", "alert_received", "version", "suite", "alpn", "sni",
                                           "peer_leaf_sha256", "echoed_sha256", "exporter_hex",
                                           "tls_server_end_point", "end", "post_handshake")}
        self.told.update(status="ok", suspensions=[], resumed=False)
        kind = BoundWire if side.wants.get("socket") else SpanWire
        self.wire = kind(side.main, sock, side.wants.get("chunk", 1 << 20),
                         None if side.is_server else side.wants.get("name"))

    def answered(self, status):
        answer = self.side.answers().get(status)
        if answer is None:
            return False
        self.told["suspensions"].append(status.name)
        answer(self.wire.session)
        return True

    def run(self):
        try:
            while self.answered(self.wire.handshake()):
                pass
            self.learn()
            self.exchange()
            self.end()
        except TlsError as error:
            self.failed(error)
        self.told["sni"] = self.wire.session.target_host_name
        self.wire.linger()
        return self.told

    def failed(self, error):
        self.told.update(status="failed", error=error.status.c_name, alert_sent=error.alert_sent or None,
                         alert_received=error.alert_received or None)

    def learn(self):
        session, told = self.wire.session, self.told
        told["version"] = {0x0C00: "1.2", 0x3000: "1.3"}[session.negotiated_protocol]
        told["suite"] = session.negotiated_cipher_suite
        told["alpn"] = session.negotiated_alpn
        told["resumed"] = bool(session.state & State.RESUMED)
        chain = session.remote_certificates
        told["peer_leaf_sha256"] = hashlib.sha256(chain[0]).hexdigest() if chain else None
        told["exporter_hex"] = session.export_keying_material("EXPERIMENTAL spantls", 16).hex()
        try:
            told["tls_server_end_point"] = session.channel_binding(ChannelBinding.ENDPOINT).hex()
        except TlsError as error:
            if error.status != Status.NOT_SUPPORTED:
                raise

    def read_all(self, length):
        got = bytearray()
        while len(got) < length:
            status, data = self.wire.read(length - len(got))
            if self.answered(status):
                continue
            if status != Status.COMPLETE:
                raise TlsError(Status.TRUNCATED, f"{status.name} before the whole message")
            got += data
        return bytes(got)

    def exchange(self):
        message, wants = self.side.message(), self.side.wants
        got = self.read_all(len(message)) if self.side.is_server else None
        if self.side.is_server and wants.get("post_handshake_auth"):
            try:
                self.wire.request_certificate()
                self.told["post_handshake"] = Status.COMPLETE.c_name
            except TlsError as error:
                self.told["post_handshake"] = error.status.c_name
        if wants.get("update_keys"):
            self.wire.update_keys()
        self.wire.write(got if self.side.is_server else message)
        if not self.side.is_server:
            got = self.read_all(len(message))
        if got:
            self.told["echoed_sha256"] = hashlib.sha256(got).hexdigest()

    def read_to_the_end(self):
        try:
            while True:
                status, _ = self.wire.read(4096)
                if status != Status.COMPLETE and not self.answered(status):
                    self.told["end"] = status.name
                    return
        except TlsError as error:
            self.told["end"] = error.status.name
            if error.status != Status.TRUNCATED:
                raise

    def end(self):
        close, role = self.side.wants.get("close", "both"), "server" if self.side.is_server else "client"
        if close == "abort" and role == "client":
            return
        if close == role or (close == "both" and role == "client"):
            self.wire.close()
        self.read_to_the_end()
        if close == "both" and role == "server":
            self.wire.close()


def play(side):
    told = []
    with socket.create_server(("127.0.0.1", 0)) if side.is_server else contextlib.nullcontext() as listener:
        if listener:
            print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        for _ in range(side.wants.get("connections", 1)):
            sock = listener.accept()[0] if listener else socket.create_connection(("127.0.0.1", side.wants["port"]))
            told.append(Conversation(side, sock).run())
    print(json.dumps({"connections": told}), flush=True)


def main():
    if sys.argv[1:] not in (["server"], ["client"]):
        print("usage: scenario_runner.py server|client", file=sys.stderr)
        return 2
    for line in sys.stdin:
        try:
            side = Side(json.loads(line), sys.argv[1] == "server")
        except (ValueError, KeyError, TypeError, TlsError) as error:
            print(f"a wrong input: {error!r}", file=sys.stderr)
            return 2
        play(side)
    return 0


if __name__ == "__main__":
    sys.exit(main())
