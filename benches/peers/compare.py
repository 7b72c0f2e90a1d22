#!/usr/bin/env python3
"""The same work on spantls and on its peers, in turns: `make bench-peers`.

    compare.py [--peers NAME[:WAY]...] [--work NAME...] [--rounds N] [--write]

Prints medians, quartiles and the ratio to the best of the others; --write makes docs/benchmarks.md and its plots of all that was
measured. Fails if a peer has not negotiated what it was held to. README.md says what each word means."""

import argparse
import json
import os
import statistics
import subprocess
import sys

import build
import page
from build import CERTIFICATES, PLACE, Peer, say
from page import best, is_floor, quartiles, ratio, unit

SUITES = {"aes128": {"1.3": "1301", "1.2": "c02b", "rsa": "c02f"}, "aes256": {"1.3": "1302", "1.2": "c02c"},
          "chacha20": {"1.3": "1303", "1.2": "cca9"}}
X25519, HYBRID = "001d", "11ec"
SIZES = (64, 256, 1024, 4096, 16384, 65536)
VERSIONS = ("1.3", "1.2")


class Broken(Exception):
    """A peer's program has ended."""


class Running:
    """A peer's program."""

    def __init__(self, peer, counted, way=None):
        self.peer, self.way = peer, way or peer.way
        self.label = f"{peer.label}:{way}" if way else peer.label
        environment = {**os.environ, "LD_PRELOAD": str(build.counter())} if counted else None
        self.process = subprocess.Popen([peer.program, CERTIFICATES], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment)
        peer.version = self._line().removeprefix("ready ").strip()

    def _line(self):
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            self.process.wait()
            raise Broken(f"{self.label}: {line}{self.process.stderr.read().strip()} (exit status {self.process.returncode})")
        return line

    def ask(self, command):
        """The numbers of its answer; None if it cannot do that."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        word, *numbers = self._line().split()
        return {name: float(value) for name, _, value in (number.partition("=") for number in numbers)} if word == "ok" else None

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


class Measure:
    """Contexts of a kind and a command. `metrics` are the columns: what the programs print, and how it is called."""

    def __init__(self, work, name, settings, command, metrics, rounds=1.0, counted=False, ways=()):
        """`ways`: each library is used as its documentation has it, and in those of these ways that it knows."""
        self.work, self.name, self.settings, self.command, self.metrics = work, name, settings, command, metrics
        self.rounds, self.counted, self.ways = rounds, counted, ways
        self.bulk = command.startswith("records")

    def open(self, program):
        return f"open {self.settings}" + (f" way={program.way}" if program.way else "")


def settings(version, suite="aes128", group=X25519, key="p256", **more):
    number = SUITES[suite]["rsa" if key != "p256" and version == "1.2" else version]
    words = {"version": version, "suite": number, "group": group, "key": key, **more}
    return " ".join(f"{name}={value}" for name, value in words.items())


BOTH_SIDES = {"server": "server, µs", "client": "client, µs"}
HANDSHAKES = {"full": ({}, 48), "resumed": ({"resume": 1}, 96), "rsa": ({"key": "rsa2048"}, 32), "mutual": ({"mutual": 1}, 32),
              "hybrid": ({"group": HYBRID}, 32)}


def handshakes():
    for work, (more, count) in HANDSHAKES.items():
        for version in VERSIONS if work != "hybrid" else ("1.3",):
            yield Measure(work, f"TLS {version}", settings(version, **more), f"handshakes {count}", BOTH_SIDES,
                          ways=("once",) if work == "resumed" else ())


def records():
    for suite in SUITES:
        for version in VERSIONS:
            for size in SIZES:
                count = max(256, (512 << 10) // size)
                yield Measure(f"records-{suite}", f"TLS {version}, {size} B", settings(version, suite), f"records {size} {count}",
                              {"seal": "seal, ns", "open": "open, ns"}, ways=("span",))


def exchanges():
    for version in VERSIONS:
        yield Measure("exchanges", f"TLS {version}", settings(version), "exchanges 1024 500", {"exchange": "there and back, ns"})


def memory():
    columns = {f"{who}_{what}_{kind}": f"{who}, {label}, {kind}" for what, label in (("open", "idle"), ("flight", "in flight"))
               for who in ("server", "client") for kind in ("heap", "resident")}
    for version in VERSIONS:
        yield Measure("memory", f"TLS {version}", settings(version), "memory 2000", columns, 0, ways=("release",))


def allocations():
    sides = {f"{who}_{what}": f"{who}, {what}" for who in ("server", "client") for what in ("allocations", "calls")}
    for version in VERSIONS:
        for name, more in (("full", {}), ("resumed", {"resume": 1})):
            # Clients that are not to resume keep no tickets, and most do not count them then.
            columns = {**sides, "tickets": "tickets received"} if version == "1.3" and more else sides
            yield Measure("allocations", f"TLS {version}, {name}", settings(version, **more), "handshakes 64", columns, 0, True)
    spans = {f"{what}_{kind}": f"{what}, {kind}" for what in ("seal", "open") for kind in ("allocations", "calls")}
    for version in VERSIONS:
        yield Measure("allocations", f"TLS {version}, 1024 B", settings(version), "records 1024 512", spans, 0, True)


def servers():
    """The grid of a server: over spans, on a socket, its context chosen by SNI."""
    for version in VERSIONS:
        for name, more, count in (("full", {}, 48), ("resumed", {"resume": 1}, 96)):
            for counted in (False, True):
                columns = {"server_allocations": "server, allocations"} if counted else {"server": "server, µs"}
                yield Measure("servers", f"TLS {version}, {name}" + (", allocations" if counted else ""), settings(version, **more),
                              f"handshakes {count}", columns, 0 if counted else 1, counted, ("socket", "deferred"))


MEASURES = [*handshakes(), *servers(), *exchanges(), *records(), *allocations(), *memory()]
WORKS = list(dict.fromkeys(measure.work for measure in MEASURES))
PEERS = ("spantls-ring", "spantls-aws-lc-rs", "rustls-ring", "rustls-ring:unbuffered", "rustls-aws-lc-rs",
         "rustls-aws-lc-rs:unbuffered", "rustls-ffi", "openssl-3.0", "openssl-3.5", "openssl-4.0", "boringssl", "aws-lc", "s2n-tls",
         "bare-ring", "bare-aws-lc-rs", "copy")
SHORT = ("full", "resumed", "rsa", "mutual", "hybrid", "servers", "exchanges", "records-aes128", "allocations", "memory")


def play(measure, peers, rounds):
    """{label: {metric: [a number for each round]}}; peers that cannot be held to the settings have none."""
    running, samples = [], {}
    rounds = max(1, round(rounds * measure.rounds))
    try:
        for peer, way in ((peer, way) for peer in peers for way in (None, *(() if peer.way else measure.ways))):
            program = Running(peer, measure.counted, way)
            running.append(program)
            if program.ask(measure.open(program)) is None:
                if not way:
                    say(f"unsupported - {program.label}: {measure.settings}")
                running.remove(program)
                program.close()
        for turn in range(rounds):
            first = turn % len(running) if running else 0
            for program in running[first:] + running[:first]:
                for name, value in program.ask(measure.command).items():
                    samples.setdefault(program.label, {}).setdefault(name, []).append(value)
    finally:
        for program in running:
            program.close()
    return samples


# --- What is printed ----------------------------------------------------------------------------------------------------------

def show(measure, samples):
    print(f"\n{measure.work}, {measure.name}")
    for metric, column in measure.metrics.items():
        rival = best(samples, metric)
        print(f"  {column}" + (f"; best of the others: {rival}" if rival else ""))
        for label, found in samples.items():
            values = [value / unit(column) for value in found[metric]]
            low, high = quartiles(values)
            against = f"{ratio(found[metric], samples[rival][metric]):8.2f}" if rival and all(samples[rival][metric]) else ""
            print(f"    {label:28} {statistics.median(values):12.2f}  [{low:.2f} … {high:.2f}] {against}", flush=True)


def remember(data, measure, samples, load):
    """Kept for the page: a later run replaces what it has measured again."""
    data["results"].setdefault(measure.work, {})[measure.name] = {
        "metrics": measure.metrics, "samples": samples, "load": load,
        "rounds": max(len(values) for found in samples.values() for values in found.values())}
    (PLACE / "results.json").write_text(json.dumps(data, indent=1), encoding="utf-8")


def remembered():
    try:
        return json.loads((PLACE / "results.json").read_text(encoding="utf-8"))
    except OSError:
        return {"results": {}, "versions": {}, "missing": {}}


def compare(peers, works, rounds):
    """The number of failures; the rest is printed, and kept in target/peers."""
    data, failed = remembered(), 0
    for peer in peers:
        data["missing"].pop(peer.label, None)
        if peer.missing:
            data["missing"][peer.label] = peer.missing
    there = [peer for peer in peers if peer.program]
    for measure in MEASURES:
        if measure.work not in works:
            continue
        chosen = [peer for peer in there if measure.bulk or not is_floor(peer.label)]
        before = os.getloadavg()[0]
        try:
            samples = play(measure, chosen, rounds)
        except Broken as error:
            failed += 1
            print(f"FAILED - {measure.work}, {measure.name}: {error}", flush=True)
            continue
        data["versions"].update({peer.label: peer.version for peer in chosen})
        show(measure, samples)
        remember(data, measure, samples, [before, os.getloadavg()[0]])
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--peers", nargs="*", help=" ".join(build.MAKERS))
    parser.add_argument("--work", nargs="*", help=f"{' '.join(WORKS)}; without it all but {' '.join(set(WORKS) - set(SHORT))}")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--note", help="a sentence for the page: what else has to be known of this run")
    parser.add_argument("--write", action="store_true", help="docs/benchmarks.md and its plots")
    options = parser.parse_args()
    works = options.work or SHORT
    if set(works) - set(WORKS):
        parser.error(f"no work {' '.join(set(works) - set(WORKS))}: {' '.join(WORKS)}")
    failed = compare([Peer(word).make() for word in options.peers or PEERS], works, options.rounds)
    if options.write and not failed:
        page.write({**remembered(), "wanted": PEERS, "note": options.note}, page.DOCS)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
