#!/usr/bin/env python3
"""Drives scenarios.toml through every ordered pair of languages whose runner exists: a server of one, a client of the other,
over TCP on 127.0.0.1. README.md says what a runner is. `run.py [--runner NAME=COMMAND]... [--only WORD] [--jobs N]`."""

import argparse
import base64
import concurrent.futures
import contextlib
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
CERTS = os.path.join(ROOT, "ffi-tests", "certs")
LIBRARY = os.path.abspath(os.environ.get("SPANTLS_LIB") or os.path.join(ROOT, "target", "release", "libspantls.so"))
VERSIONS = ("1.2", "1.3")
SECONDS = 60

# What both ends of a connection must tell alike.
SAME = ("version", "suite", "alpn", "exporter_hex", "tls_server_end_point", "echoed_sha256", "resumed")


def build_c_runner():
    subprocess.run([os.path.join(ROOT, "examples-c", "install_libraries.sh")], check=True)
    program = os.path.join(ROOT, "ffi-tests", "build", "scenario-runner")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    folder = os.path.dirname(LIBRARY)
    sources = [os.path.join(HERE, name) for name in ("runner.c", "wire.c", "side.c")]
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion",
                    "-Werror", "-I", os.path.join(ROOT, "include"), "-o", program, *sources, f"-L{folder}", "-lspantls",
                    "-lcrypto", f"-Wl,-rpath,{folder}"], check=True)
    return [program]


def runners(given):
    """The command of each language. Without any given: C, and each other whose runner is in the tree."""
    if given:
        return {name: build_c_runner() if command == "build" else shlex.split(command)
                for name, _, command in (text.partition("=") for text in given)}
    found = {"c": build_c_runner()}
    python = os.path.join(ROOT, "bindings", "python", "tests", "scenario_runner.py")
    dotnet = os.path.join(ROOT, "bindings", "dotnet", "scenario_runner.sh")
    if os.path.exists(python):
        found["python"] = [sys.executable, python]
    # Its compiler is fetched; where it cannot be had, the others go on without.
    made = subprocess.run([sys.executable, os.path.join(ROOT, "bindings", "dotnet", "tests", "run.py"), "--scenarios"], check=False)
    if made.returncode == 0:
        found["dotnet"] = [dotnet]
    return found


def leaf(name):
    """The SHA-256 of a certificate's DER."""
    with open(os.path.join(CERTS, f"{name}.pem"), encoding="ascii") as file:
        body = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END", file.read(), flags=re.S).group(1)
    return hashlib.sha256(base64.b64decode(body)).hexdigest()


def for_version(value, version):
    """{"1.2" = a, "1.3" = b} stands for a or b, anywhere."""
    if isinstance(value, dict):
        if value and set(value) <= set(VERSIONS):
            return value.get(version)
        return {key: for_version(inner, version) for key, inner in value.items()}
    return value


def message(side):
    send = side.get("send", "")
    return send.encode() if isinstance(send, str) else bytes(i % 251 for i in range(send["size"]))


def sides(scenario, version):
    both = {"certs": CERTS, "protocols": [version], "send": "hello, spans", **scenario.get("both", {})}
    server = {"credentials": "server-p256", **both, **scenario.get("server", {})}
    client = {"anchors": "ca", "name": "localhost", **both, **scenario.get("client", {})}
    return for_version(server, version), for_version(client, version)


def expectations(scenario, version, role, side, peer):
    """What each connection of a side must report."""
    stated = for_version({**scenario.get("expect", {}).get("both", {}), **scenario.get("expect", {}).get(role, {})}, version)
    for number in range(side.get("connections", 1)):
        expected = {"status": "ok", "suspensions": ["NEEDS_CERTIFICATE_VALIDATION"] if role == "client" else []}
        for key, value in stated.items():
            nested = isinstance(value, list) and (key != "suspensions" or (value and isinstance(value[0], list)))
            value = value[number] if nested else value
            # TOML has no null: `false` says that there is none.
            expected[key] = None if value is False and key != "resumed" else value
        if expected["status"] == "ok":
            default = {"error": None, "alert_sent": None, "alert_received": None, "version": version, "end": "CLOSED",
                       "resumed": False, "echoed_sha256": hashlib.sha256(message(side)).hexdigest() if message(side) else None,
                       "peer_leaf": peer.get("credentials") if role == "client" else None, "sni": "localhost"}
            expected = {**default, **expected}
        if "peer_leaf" in expected:
            name = expected.pop("peer_leaf")
            expected["peer_leaf_sha256"] = leaf(name) if name else None
        yield expected


def differences(role, expected, report):
    connections = report.get("connections")
    if not isinstance(connections, list) or len(connections) != len(expected):
        return [f"the {role} reports no {len(expected)} connections: {report}"]
    return [f"the {role}'s connection {number + 1} has {key} {got.get(key)!r}, not {value!r}"
            for number, (want, got) in enumerate(zip(expected, connections))
            for key, value in want.items() if got.get(key) != value]


def disagreements(server, client):
    """What the ends tell differently of one connection."""
    found = []
    for number, (one, other) in enumerate(zip(server["connections"], client["connections"])):
        if one["status"] == other["status"] == "ok":
            found += [f"connection {number + 1}: {key} is {one.get(key)!r} for the server and {other.get(key)!r} for the client"
                      for key in SAME if one.get(key) != other.get(key)]
            found += [f"connection {number + 1}: no {key}" for key in ("suite", "exporter_hex") if not one.get(key)]
        for sender, receiver in ((one, other), (other, one)):
            if sender.get("alert_sent") is not None and receiver.get("alert_received") != sender["alert_sent"]:
                found.append(f"connection {number + 1}: alert {sender['alert_sent']} was sent, {receiver.get('alert_received')} received")
    return found


class Runner:
    """One process that plays one side, of one scenario after the other."""

    def __init__(self, command, role):
        self.role = role
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([*command, role], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True, env={**os.environ, "SPANTLS_LIB": LIBRARY})

    def send(self, side):
        try:
            self.process.stdin.write(json.dumps(side) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: line() tells how

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the {self.role} ends with {self.ended()}")
        return json.loads(line)

    def ended(self):
        """How: its status, and its complaints."""
        self.process.wait()
        self.errors.seek(0)
        return f"{self.process.returncode}: {self.errors.read().strip()[-600:]}"

    def finish(self):
        """Its input ends: what is wrong with how it ends then."""
        with watched(self):
            self.process.stdin.close()
            rest = self.process.stdout.read()
            ended = self.ended()
        self.stop()
        return [] if rest == "" and self.process.returncode == 0 else [f"the {self.role} prints {rest[-600:]!r} and ends with {ended}"]

    def stop(self):
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


@contextlib.contextmanager
def watched(runner):
    """What takes too long is ended."""
    timer = threading.Timer(SECONDS, runner.process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Runners:
    """The processes of one side of one language. Each plays for one thread at a time, and never again when something was wrong."""

    def __init__(self, command, role):
        self.command, self.role = command, role
        self.idle = []

    @contextlib.contextmanager
    def one(self):
        try:
            runner = self.idle.pop()
        except IndexError:
            runner = Runner(self.command, self.role)
        try:
            with watched(runner):
                yield runner
        except BaseException:
            runner.stop()
            raise
        self.idle.append(runner)

    def finish(self):
        return [fault for runner in self.idle for fault in runner.finish()]


def play(scenario, version, servers, clients):
    """What is wrong; nothing if all is as it must be."""
    server_side, client_side = sides(scenario, version)
    try:
        with servers.one() as server, clients.one() as client:
            server.send(server_side)
            client.send({**client_side, "port": server.line()["port"]})
            client_report, server_report = client.line(), server.line()
        expected = {"server": list(expectations(scenario, version, "server", server_side, client_side)),
                    "client": list(expectations(scenario, version, "client", client_side, server_side))}
        wrong = differences("server", expected["server"], server_report) + differences("client", expected["client"], client_report)
        return wrong or disagreements(server_report, client_report)
    except (AssertionError, ValueError, KeyError, IndexError) as error:
        return [f"{type(error).__name__}: {error}"]


def self_test():
    """The comparison finds each thing that can differ."""
    scenario, version = {}, "1.3"
    server_side, client_side = sides(scenario, version)
    good = {}
    for role, side, peer in (("server", server_side, client_side), ("client", client_side, server_side)):
        connection = {**list(expectations(scenario, version, role, side, peer))[0], "suite": 4865, "exporter_hex": "00",
                      "alpn": None, "tls_server_end_point": "01"}
        good[role] = {"connections": [connection]}

    def faults(reports):
        found = []
        for role, side, peer in (("server", server_side, client_side), ("client", client_side, server_side)):
            found += differences(role, list(expectations(scenario, version, role, side, peer)), reports[role])
        return found or disagreements(reports["server"], reports["client"])

    wrong = [] if not faults(good) else ["a report as expected is refused"]
    for role in good:
        for key in good[role]["connections"][0]:
            changed = json.loads(json.dumps(good))
            changed[role]["connections"][0][key] = "something else"
            if not faults(changed):
                wrong.append(f"{key} of the {role} may be anything")
        empty = {**good, role: {"connections": []}}
        if not faults(empty):
            wrong.append(f"the {role} may report nothing")
    return wrong


def test_of_ends():
    """Of three scenarios the second ends the runner, so another one plays the third. A runner that continues after its
    scenario is noticed."""
    echo = "import sys\nfor line in sys.stdin:\n  if 'end' in line: sys.exit(3)\n  print(line, end='', flush=True)\n"
    players = Runners([sys.executable, "-c", echo], "server")
    told = []
    for text in ("first", "end", "third"):
        try:
            with players.one() as runner:
                runner.send(text)
                told.append(runner.line())
        except AssertionError as error:
            told.append(str(error))
    wrong = [] if told == ["first", "the server ends with 3: ", "third"] else [f"the runners told {told}"]
    # Its line is not the last thing that it prints.
    more = Runners([sys.executable, "-c", echo + "print('more')"], "server")
    with more.one() as runner:
        runner.send("first")
        runner.line()
    return wrong + players.finish() + ([] if more.finish() else ["a runner may say more"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runner", action="append", default=[], metavar="NAME=COMMAND", help="c=build builds the C runner")
    parser.add_argument("--only", default="", help="scenarios whose name has this word")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with open(os.path.join(HERE, "scenarios.toml"), "rb") as file:
        scenarios = [entry for entry in tomllib.load(file)["scenario"] if options.only in entry["name"]]
    commands = runners(options.runner)
    print(f"# {len(scenarios)} scenarios, runners: {', '.join(commands)}", flush=True)
    servers, clients = ({name: Runners(command, role) for name, command in commands.items()} for role in ("server", "client"))
    plays = [(f"{server} server, {client} client, TLS {version}: {scenario['name']}", scenario, version, servers[server], clients[client])
             for server in commands for client in commands for scenario in scenarios
             for version in scenario.get("versions", VERSIONS)]
    counts = {True: 0, False: 0}

    def tell(name, wrong):
        print("".join(f"# {line}\n" for line in wrong) + f"{'not ok' if wrong else 'ok'} - {name}", flush=True)
        counts[not wrong] += 1

    tell("the comparison finds each thing that can differ", self_test())
    tell("a runner that ends in the middle fails its scenario alone", test_of_ends())
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, future in [(name, pool.submit(play, *arguments)) for name, *arguments in plays]:
            tell(name, future.result())
    for role, sides_of in (("server", servers), ("client", clients)):
        for language, runners_of in sides_of.items():
            tell(f"a {language} {role} ends with its input", runners_of.finish())
    print(f"{counts[True]} passed, {counts[False]} failed")
    return 1 if counts[False] or not plays else 0


if __name__ == "__main__":
    sys.exit(main())
