#!/usr/bin/env python3
"""The interoperability matrix: our sessions, through the C interface, with other implementations of TLS as peers. Installs and builds
the peers in target/interop, and says so; plays every cell over loopback; writes docs/interop.md after a full run.

    run.py [--peer NAME]... [--row NAME]... [--version 1.2|1.3] [--we-are client|server] [--jobs N] [--list]

known.toml lists the cells that cannot pass, each with its reason. Fails if another cell fails, if one of these passes, and if one of
these fails in another way. The last line is the sum."""

import argparse
import concurrent.futures
import os
import socket
import subprocess
import sys
import tempfile
import threading

import known
import page
from known import DIFFERS, FAILED, MISSING, OK, UNSUPPORTED, Result
from ours import SECONDS, converse, der
from peers import PEERS, say
from plays import ROLES, ROWS, VERSIONS, TheirReport, changed, faults, over_http

ROW = {row.name: row for row in ROWS}
POLL = 0.2  # seconds between two looks
LONGEST = 2 * SECONDS + 10


class Silent(Exception):
    """The peer does not do what it must before a conversation can begin."""


class Process:
    """A peer's process. It is ended with everything that it has started, and after a time in any case."""

    def __init__(self, command):
        self._errors = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
                                        errors="replace", start_new_session=True)
        self._timer = threading.Timer(LONGEST, self._kill)
        self._timer.start()

    def _kill(self):
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass  # it has ended

    def port(self):
        line = self.process.stdout.readline().strip()
        if not line.startswith("listening "):
            raise Silent(f"the peer is {line or 'silent'}: {self.errors()}")
        return int(line.split()[1])

    def accepted_by(self, listener):
        """The connection of a client, unless it has ended before."""
        listener.settimeout(POLL)
        for _ in range(int(SECONDS / POLL)):
            try:
                return listener.accept()[0]
            except socket.timeout:
                if self.process.poll() is not None:
                    break
        raise Silent(f"the peer does not connect: {' '.join(self.lines()) if self.process.poll() is not None else ''} {self.errors()}")

    def lines(self):
        """All that it has printed, once it has ended. The end of its input says that we are done."""
        self.process.stdin.close()
        return self.process.stdout.read().splitlines()

    def errors(self):
        self._errors.seek(0)
        return " ".join(self._errors.read().split())[-400:]

    def close(self):
        self._timer.cancel()
        self._kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self._errors.close()


def with_their_server(peer, version, play):
    process = Process(peer.arguments("server", version, play.theirs))
    try:
        port = process.port()
        ours = converse(False, version, play.ours, lambda: socket.create_connection(("127.0.0.1", port), SECONDS))
        return ours, process.lines(), process.errors()
    finally:
        process.close()


def with_their_client(peer, version, play):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        process = Process(peer.arguments("client", version, play.theirs, listener.getsockname()[1]))
        try:
            ours = converse(True, version, play.ours, lambda: process.accepted_by(listener))
            return ours, process.lines(), process.errors()
        finally:
            process.close()


def resolved(play):
    """The play with the certificate itself where it has the name of one."""
    if "peer" not in play.we_report:
        return play
    return play._replace(we_report={**play.we_report, "peer": der(play.we_report["peer"])})


def attempt(peer, cell):
    """What is wrong in a cell."""
    we_serve = cell.role == "server"
    play = resolved(ROW[cell.row].make(we_serve))
    if peer.http:
        play = over_http(play)
    if not peer.tickets and cell.row != "resumption":
        play = changed(play, ours={"tickets": 0})
    try:
        ours, lines, errors = (with_their_client if we_serve else with_their_server)(peer, cell.version, play)
    except (Silent, OSError) as error:
        return [f"{type(error).__name__}: {error}"]
    found = faults(play, cell.version, ours, TheirReport(lines))
    return [*found, *(f"the peer: {line}" for line in lines[-4:]), f"the peer: {errors}"] if found else []


def result_of(peer, entries, cell):
    if peer.missing:
        return Result(MISSING, None, (peer.missing,))
    return known.judge(entries, cell, attempt(peer, cell))


def play_all(chosen, entries, jobs):
    """{cell: result}, told as they come."""
    by_name, results = {peer.name: peer for peer in PEERS}, {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        pending = [(cell, pool.submit(result_of, by_name[cell.peer], entries, cell)) for cell in chosen]
        for cell, future in pending:
            result = results[cell] = future.result()
            name = f"{cell.peer}, TLS {cell.version}, we are the {cell.role}: {cell.row}"
            print(f"{'not ok' if result.outcome == FAILED else 'ok'} - {name}" +
                  (f" ({result.outcome})" if result.outcome not in (OK, FAILED) else ""), flush=True)
            for line in result.faults if result.outcome == FAILED else ():
                print(f"#   {line}", flush=True)
    return results


def summary(results):
    count = {outcome: sum(result.outcome == outcome for result in results.values())
             for outcome in (DIFFERS, UNSUPPORTED, FAILED, MISSING)}
    say(f"{count[UNSUPPORTED]} cells are not supported by the peer and {count[DIFFERS]} differ, as known.toml says: they count as passed")
    return len(results) - count[FAILED] - count[MISSING], count[FAILED], count[MISSING]


def options():
    parser = argparse.ArgumentParser()
    for name, names in (("peer", [peer.name for peer in PEERS]), ("row", list(ROW)), ("version", VERSIONS), ("we-are", ROLES)):
        parser.add_argument(f"--{name}", action="append", choices=names, default=[])
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


def main():
    wanted = options()
    entries = known.load()
    peers = [peer for peer in PEERS if not wanted.peer or peer.name in wanted.peer]
    wrong = known.mistakes(entries, [peer.name for peer in PEERS])
    if wrong:
        sys.exit("\n".join(wrong))
    for peer in peers:
        peer.make()
    chosen = [cell for cell in known.cells([peer.name for peer in peers])
              if all(not names or name in names for name, names in (
                  (cell.row, wanted.row), (cell.version, wanted.version), (cell.role, wanted.we_are)))]
    results = play_all(chosen, entries, wanted.jobs)
    passed, failed, missing = summary(results)
    if len(results) == len(known.cells([peer.name for peer in PEERS])):
        page.write(PEERS, entries, results, (passed, failed, missing))
    print(f"{passed} passed, {failed} failed, {missing} missing")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
