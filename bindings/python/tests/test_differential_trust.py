"""Whom spantls.ssl admits, and what it says of those whom it refuses, beside ssl: the table of decisions about trust
(ffi-tests/judges/trust), and where anchors come from."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile

import differential
import report
from report import cert

suite = differential.Suite(os.path.join(report.HERE, "differences_trust.txt"))
scenario = suite.scenario
PARTIAL_CHAIN = 0x80000  # VERIFY_X509_PARTIAL_CHAIN, which Python has a name for since 3.10
TABLE = os.path.join(report.HERE, "..", "..", "..", "ffi-tests", "judges", "trust", "decisions.py")


def _decisions():
    directory = tempfile.mkdtemp(prefix="spantls-decisions-")
    subprocess.run([sys.executable, TABLE, directory], check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(directory, "decisions.json"), encoding="utf-8") as file:
        return directory, json.load(file)


DIRECTORY, DECISIONS = _decisions()
USUAL = DECISIONS[0]


def _path(file):
    return os.path.join(DIRECTORY, file)


def _judges(context, decision):
    context.load_verify_locations(_path(decision["anchors"]))
    if decision["crls"]:
        context.load_verify_locations(_path(decision["crls"]))
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if decision["strict"]:
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    if decision["mode"] == "partial chain":
        context.verify_flags |= PARTIAL_CHAIN
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _shows(context, decision):
    if decision["chain"]:
        context.load_cert_chain(_path(decision["chain"]), _path(decision["key"]))
    return context


def _decide(run, decision):
    if decision["role"] == "server":
        client = _judges(run.context("client", ssl.PROTOCOL_TLS_CLIENT), decision)
        server = _shows(run.context("server", ssl.PROTOCOL_TLS_SERVER), decision)
        judge, name = "client", decision["target"]
        if name is None:
            client.check_hostname = False
    else:
        client = _shows(run.context("client", ssl.PROTOCOL_TLS_CLIENT), decision)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        server = _judges(_shows(run.context("server", ssl.PROTOCOL_TLS_SERVER), USUAL), decision)
        judge, name = "server", "localhost"
    memory = run.memory(client, server, server_hostname=name).shake()
    end = getattr(memory, judge)
    if not end.has_failed():
        memory.settle()
        end.see("verified chain", _verified, end.object)


def _verified(end):
    return tuple(one.public_bytes(2) for one in end._sslobj.get_verified_chain() or ())


def _add_decisions():
    for decision in DECISIONS:
        # ssl judges at the time of the machine, and takes anchors for certificates.
        if decision["original"] and decision["at"] is None:
            def decide(run, decision=decision):
                _decide(run, decision)
            decide.__name__ = decision["name"]
            scenario(decide)


_add_decisions()


def _asks(run, context, name, own="server-p256"):
    """A handshake of a client with this context, and whether its peer is believed."""
    memory = run.memory(context, run.server_context(own=own)).shake()
    memory.client.note(name, memory.client.has_failed())


def _bare(run):
    return run.context("client", ssl.PROTOCOL_TLS_CLIENT)


def _hashed(directory, name):
    """The folder with the certificate in it, under the name that OpenSSL looks for."""
    digest = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", cert(name)], check=True, capture_output=True, text=True)
    shutil.copy(cert(name), os.path.join(directory, digest.stdout.strip() + ".0"))


@scenario
def a_folder_that_does_not_exist(run):
    client = _bare(run)
    run.ends.append(end := differential.See(run, "client"))
    end.see("load", client.load_verify_locations, capath="/no/such/folder")
    _asks(run, client, "alone")
    client = _bare(run)
    client.load_verify_locations(cert("ca.pem"), "/no/such/folder")
    _asks(run, client, "beside a file")


@scenario
def a_folder_with_the_anchor(run):
    with tempfile.TemporaryDirectory() as directory:
        _hashed(directory, "ca.pem")
        client = _bare(run)
        client.load_verify_locations(capath=directory)
        _asks(run, client, "first")
        run.ends[-2].note("shown afterwards", len(client.get_ca_certs()))


@scenario
def a_folder_that_gets_the_anchor_later(run):
    with tempfile.TemporaryDirectory() as directory:
        client = _bare(run)
        client.load_verify_locations(cert("other-ca.pem"), directory)
        _asks(run, client, "before")
        _hashed(directory, "ca.pem")
        _asks(run, client, "after")


def _with_environment(variables, call):
    before = {name: os.environ.get(name) for name in variables}
    try:
        for name, value in variables.items():
            os.environ[name] = value
        return call()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


@scenario
def the_environment_names_what_is_trusted(run):
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as empty:
        _hashed(directory, "ca.pem")
        for name, file, folder in (
                ("a file", cert("ca.pem"), empty), ("a folder", "/no/such/file", directory), ("both", cert("other-ca.pem"), directory),
                ("the second of two folders", "/no/such/file", empty + os.pathsep + directory),
                ("nothing", "/no/such/file", empty), ("another", cert("other-ca.pem"), empty)):
            for others in (None, "other-ca.pem"):
                client = _bare(run)
                if others:
                    client.load_verify_locations(cert(others))
                _with_environment({"SSL_CERT_FILE": file, "SSL_CERT_DIR": folder}, client.load_default_certs)
                _asks(run, client, f"{name}, beside {others}")


@scenario
def the_environment_of_later_does_not_count(run):
    client = _bare(run)
    with tempfile.TemporaryDirectory() as empty:
        _with_environment({"SSL_CERT_FILE": cert("other-ca.pem"), "SSL_CERT_DIR": empty}, client.load_default_certs)
        _with_environment({"SSL_CERT_FILE": cert("ca.pem")}, lambda: _asks(run, client, "later"))


@scenario
def no_anchors_at_all(run):
    _asks(run, _bare(run), "none")


@scenario
def revocation_is_checked_and_there_is_no_list(run):
    for name, flags in (("leaf", ssl.VERIFY_CRL_CHECK_LEAF), ("chain", ssl.VERIFY_CRL_CHECK_CHAIN)):
        client = run.client_context()
        client.verify_flags |= flags
        _asks(run, client, name)


if __name__ == "__main__":
    try:
        suite.main()
    finally:
        shutil.rmtree(DIRECTORY)
