#!/usr/bin/env python3
"""The load comparison: the same responses from examples-c/epoll_server (spantls), from its twin with OpenSSL, and from
nginx, measured in turns in one run.

    load.py [--quick] [--rounds N] [--seconds N] [--server EPOLL_SERVER] [--out DIRECTORY]

It writes load.md and load.svg into the directory (docs/), and what it has measured into target/load/load.json. As root it
installs what is missing with apt-get (wrk, nginx-light, libssl-dev) and says so; OpenSSL 3.5 is built once from the crate
openssl-src. All traffic stays on the loopback address.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import chart
from servers import (BUILD, ROOT, SIZES, Nginx, Spantls, Twin, Unavailable, compile_with_openssl, install, say,
                     version_of)

CONNECTIONS = 32
IDLE = (1000, 10000)
NAMES = {13: "13 B", 1024: "1 KiB", 16384: "16 KiB", 102400: "100 KiB"}


# --- Measuring -------------------------------------------------------------------------------------------------------

MICROS = {"us": 1.0, "ms": 1000.0, "s": 1000000.0}


def wrk(port, size, seconds, threads, cores):
    output = subprocess.run(
        ["taskset", "-c", cores, "wrk", f"-t{threads}", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
         f"https://127.0.0.1:{port}/{size}"], stdout=subprocess.PIPE, text=True, check=True).stdout
    requests, took, unit = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s)", output).groups()
    failed = sum(map(int, re.findall(r"\d+", "".join(re.findall(r"Socket errors:(.*)", output)))))
    failed += sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", output)))
    latency = {part: float(value) * MICROS[unit]
               for part, value, unit in re.findall(r"(\d\d)%\s+([\d.]+)(us|ms|s)", output)}
    seconds = float(took) * MICROS[unit] / 1e6
    return {"requests": int(requests), "seconds": seconds, "failed": failed, "p50": latency["50"],
            "p99": latency["99"]}


def load_client(client, port, cores, *options):
    done = subprocess.run(["taskset", "-c", cores, client, *map(str, options), str(port)], stdout=subprocess.PIPE,
                          text=True)
    return json.loads(done.stdout)


def measure(server, run):
    """Adds what the server has spent to what a client tells."""
    before = server.cpu_seconds()
    told = run()
    cpu = server.cpu_seconds() - before
    if told["failed"]:
        raise AssertionError(f"{told['failed']} requests have failed: {told}")
    return {"rate": told["requests"] / told["seconds"], "cpu": cpu / told["requests"] * 1e6,
            "busy": cpu / told["seconds"], "p50": told["p50"], "p99": told["p99"]}


def runs(client, threads, seconds):
    """What each server is asked for: {name: function of its port}."""
    # With one thread the server has a processor of its own and the client another; with two they share both.
    cores = "1" if threads == 1 else "0,1"
    found = {}
    for size in SIZES:
        found[f"wrk {size}"] = lambda port, size=size: wrk(port, size, seconds, threads, cores)
        found[f"count {size}"] = lambda port, size=size: load_client(
            client, port, cores, "--count", "--size", size, "--seconds", seconds, "--connections", CONNECTIONS)
    for name, options in (("new", []), ("resumed", ["--resume"])):
        found[name] = lambda port, options=options: connections(load_client(
            client, port, cores, "--per-connection", 1, "--seconds", seconds, "--connections", CONNECTIONS, *options),
            "--resume" in options)
    return found


def connections(told, resume):
    """New connections are timed to the end of the handshake."""
    expected = told["connections"] - CONNECTIONS if resume else 0
    if told["resumed"] < expected * 0.99 or told["resumed"] > told["connections"] - CONNECTIONS:
        raise AssertionError(f"{told['resumed']} sessions were resumed, not {expected}")
    return {**told, "p50": told["handshake_p50"], "p99": told["handshake_p99"]}


def compare(servers, client, threads, rounds, seconds, tls="1.3", only=None):
    """In turns, so that what else the machine does meets all alike: {run: {server: medians}}."""
    samples = {}
    for turn in range(rounds):
        for server in servers:
            say(f"TLS {tls}, {threads} thread{'s' if threads > 1 else ''}, round {turn + 1} of {rounds}: {server.name}")
            with server.start(threads, tls, "0" if threads == 1 else "0,1") as running:
                for name, run in runs(client, threads, seconds).items():
                    if only is None or name in only:
                        samples.setdefault(name, {}).setdefault(server.name, []).append(
                            measure(running, lambda: run(running.port)))
    return {name: {server: {key: statistics.median(sample[key] for sample in taken) for key in taken[0]}
                   for server, taken in of.items()} for name, of in samples.items()}


def idle_memory(server, client):
    """Bytes for each connection that has had one request: {connections: bytes}."""
    found = {}
    for count in IDLE:
        with server.start(1) as running:
            load_client(client, running.port, "0,1", "--requests", 1, "--connections", 1)
            before = running.memory()
            with subprocess.Popen([client, "--hold", "--connections", str(count), str(running.port)],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
                line = held.stdout.readline()
                if line != f"holding {count}\n":
                    raise AssertionError(f"{server.name}: {line}")
                found[count] = (running.memory() - before) / count
                held.stdin.close()
                held.stdout.read()
            say(f"{count} idle connections: {server.name}, {found[count] / 1024:.1f} KiB each")
    return found


# --- The page --------------------------------------------------------------------------------------------------------

def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def rows(results, names, key, form=number):
    servers = list(next(iter(results.values())))
    return [[server, *(form(results[name][server][key]) for name in names)] for server in servers]


def both(results, names):
    """p50 and p99 in milliseconds."""
    servers = list(next(iter(results.values())))
    return [[server, *(" / ".join(f"{results[name][server][key] / 1000:.2f}" for key in ("p50", "p99"))
                       for name in names)] for server in servers]


def against(results, other):
    ours, theirs = (results["count 16384"][server] for server in ("spantls", other))
    return f"| {other} | {ours['rate'] / theirs['rate']:.2f} | {theirs['cpu'] / ours['cpu']:.2f} |"


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "an unknown processor"


def page(data, settings):
    sizes = [NAMES[size] for size in SIZES]
    one, two = data["threads"]["1"], data["threads"]["2"]
    counted = [f"count {size}" for size in SIZES]
    asked = [f"wrk {size}" for size in SIZES]
    twin = data["twin"]
    out = [f"""# Load

`make bench-load` writes this page and its chart ([load.svg](load.svg)): the same HTTP responses over TLS 1.3
(TLS_AES_128_GCM_SHA256, X25519, an ECDSA P-256 certificate) from

{''.join(f'- **{name}**: {what}{chr(10)}' for name, what in data['servers'].items())}
on {os.cpu_count()} processors ({processor()}) that server and clients share, over the loopback address. Medians of {settings.rounds} rounds of
{settings.seconds} seconds, the servers in turns; {CONNECTIONS} connections at once.

How to read it: with one thread the server runs on one processor and the client on the other. wrk decrypts every response and uses more
processor time than the servers, so its requests per second measure wrk rather than a server. The counting client
(`benches/load/load_client.c --count`) decrypts and checks the first responses of each connection; for the rest it only counts the
ciphertext, so the server is the bottleneck. Processor time per request is the time charged to the server's processes, kernel
included; it hardly depends on the client. OpenSSL's twin makes the same calls as `examples-c/worker.c` (`benches/load/openssl_server.c`).
Read-ahead is a setting, not OpenSSL's default. nginx uses Debian's OpenSSL and does more for each request than the others (files,
longer heads).

At 16 KiB and one thread, beside OpenSSL's twin:

| | requests per second, ours over theirs | processor time, theirs over ours |
|---|---|---|
{against(one, twin)}
{against(one, twin + ', read-ahead')}

The reason: a request costs spantls one `recv` and one `send`, whatever its size (a test counts them with strace). OpenSSL makes a
system call for each record that it writes, 2 for 16 KiB and the response's head, 7 for 100 KiB. Without read-ahead it reads the
header and the body of each record with separate calls.

![Requests per second, processor time and memory](load.svg)
"""]
    for title, results in (("One thread", one), ("Two threads", two)):
        out += [f"## {title}\n\n### Requests per second, counting client\n",
                table(["", *sizes], rows(results, counted, "rate")),
                "### Requests per second, wrk\n", table(["", *sizes], rows(results, asked, "rate")),
                "### Latency, wrk: p50 / p99, milliseconds\n", table(["", *sizes], both(results, asked)),
                "### Processor time per request, microseconds (counting client)\n",
                table(["", *sizes], rows(results, counted, "cpu")),
                "### Processor time per request, microseconds (wrk)\n",
                table(["", *sizes], rows(results, asked, "cpu")),
                """### A new connection for each request (13 B)

Connections per second, processor time of the server in microseconds, and the time from `connect` to the end of the
handshake, p50 / p99 in milliseconds. The client bears the dearer half of a handshake.
""",
                table(["", "full: per second", "µs", "p50 / p99", "resumed: per second", "µs", "p50 / p99"],
                      [[server, *(cell for name in ("new", "resumed") for cell in (
                          number(results[name][server]["rate"]), number(results[name][server]["cpu"]),
                          both({name: {server: results[name][server]}}, [name])[0][1]))]
                       for server in results["new"]])]
    out += ["## TLS 1.2, one thread, 16 KiB\n\nTLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, counting client.\n",
            table(["", "requests per second", "µs"],
                  [[server, number(of["rate"]), number(of["cpu"])]
                   for server, of in data["tls12"]["count 16384"].items()]),
            """## Memory of idle connections

KiB of the server's processes (PSS without files) for each connection that has been served once and then keeps silent;
what the kernel holds for its socket is not in it.
""",
            table(["", *(f"{count:,} connections" for count in IDLE)],
                  [[server, *(f"{found[str(count)] / 1024:.1f}" for count in IDLE)]
                   for server, found in data["idle"].items()])]
    return "\n".join(out)


def picture(data):
    one = data["threads"]["1"]
    servers = list(one["new"])
    sizes = [NAMES[size] for size in SIZES]

    def series(names, key, scale=1.0):
        return {server: [one[name][server][key] * scale for name in names] for server in servers}

    return chart.bars("HTTPS responses over TLS 1.3, one server thread", servers, [
        ("requests per second, thousands", sizes, series([f"count {size}" for size in SIZES], "rate", 0.001)),
        ("processor time per request, µs", sizes, series([f"count {size}" for size in SIZES], "cpu")),
        ("processor time per new connection, µs", ["full", "resumed"], series(["new", "resumed"], "cpu")),
        ("memory per idle connection, KiB", [f"{count:,}" for count in IDLE],
         {server: [data["idle"][server][str(count)] / 1024 for count in IDLE] for server in servers}),
    ])


# --- The program -----------------------------------------------------------------------------------------------------

def prepare(program):
    """The servers that can be had here, and what they are."""
    if not Path(program).exists():
        raise Unavailable(f"there is no {program}: run make -C examples-c first")
    tools = install(wrk="wrk", nginx="nginx-light")
    if "wrk" not in tools:
        raise Unavailable("wrk is not installed")
    new = compile_with_openssl("openssl_server.c", "openssl_server-3.5", ours=True)
    client = compile_with_openssl("load_client.c", "load_client", ours=True)
    numbers = re.search(r"OPENSSL_VERSION_STR \"([\d.]+)\"", (
        BUILD / "openssl-3.5/install/include/openssl/opensslv.h").read_text()).group(1)
    twin = f"OpenSSL {numbers}"
    servers = [Spantls(program), Twin(twin, new), Twin(f"{twin}, read-ahead", new, "--read-ahead")]
    about = {"spantls": "`examples-c/epoll_server`, over sessions bound to their sockets",
             twin: "its twin with OpenSSL, built from the crate openssl-src",
             f"{twin}, read-ahead": "the same, with SSL_CTX_set_read_ahead"}
    try:
        old = compile_with_openssl("openssl_server.c", "openssl_server-debian", ours=False)
        with Twin("", old).start(1) as running:
            name = " ".join(running.errors().split()[:2]) + " (Debian)"
        servers.append(Twin(name, old))
        about[name] = "the twin with Debian's OpenSSL: older and slower than 3.5, so it says nothing alone"
    except Unavailable as error:
        say(f"skipped - Debian's OpenSSL: {error}")
    if "nginx" in tools:
        servers.append(Nginx())
        about["nginx"] = f"Debian's {version_of(['nginx', '-v']).rpartition('/')[2]}, with Debian's OpenSSL, from files in memory"
    else:
        say("skipped - nginx: it is not installed")
    return servers, about, twin, client


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round: to see that all of it works")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--server", default=ROOT / "examples-c" / "build" / "epoll_server")
    parser.add_argument("--out", type=Path)
    settings = parser.parse_args()
    settings.rounds = settings.rounds or (1 if settings.quick else 3)
    settings.seconds = settings.seconds or (1 if settings.quick else 2)
    # A quick run proves nothing: it does not touch the page that is checked in.
    settings.out = settings.out or (BUILD if settings.quick else ROOT / "docs")
    try:
        servers, about, twin, client = prepare(settings.server)
    except Unavailable as error:
        sys.exit(f"load.py: {error}")
    data = {"servers": about, "twin": twin,
            "threads": {str(threads): compare(servers, client, threads, settings.rounds, settings.seconds)
                        for threads in (1, 2)},
            "tls12": compare(servers, client, 1, settings.rounds, settings.seconds, "1.2", ["count 16384"]),
            "idle": {server.name: {str(count): size for count, size in idle_memory(server, client).items()}
                     for server in servers}}
    BUILD.mkdir(parents=True, exist_ok=True)
    (BUILD / "load.json").write_text(json.dumps(data, indent=1))
    settings.out.mkdir(exist_ok=True)
    (settings.out / "load.md").write_text(page(data, settings))
    (settings.out / "load.svg").write_text(picture(data))
    say(f"written: {settings.out / 'load.md'}, {settings.out / 'load.svg'}")


if __name__ == "__main__":
    main()
