"""docs/benchmarks.md and its plots, from what compare.py has measured."""

import os
import re
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
sys.path.insert(0, str(HERE.parent / "load"))

import chart  # noqa: E402

OURS = ("spantls-ring", "spantls-aws-lc-rs")
FLOORS = ("bare-ring", "bare-aws-lc-rs", "copy")
# Our provider's own AEAD: what a record costs at least.
FLOOR_OF = {"spantls-ring": "bare-ring", "spantls-aws-lc-rs": "bare-aws-lc-rs"}
SIZES = {64: "64 B", 256: "256 B", 1024: "1 KiB", 4096: "4 KiB", 16384: "16 KiB", 65536: "64 KiB"}
TITLES = {"full": "Full handshakes, ECDSA P-256", "resumed": "Resumed handshakes", "rsa": "Full handshakes, RSA-2048",
          "mutual": "Mutual handshakes, ECDSA P-256", "hybrid": "Full handshakes with X25519MLKEM768",
          "servers": "A server over spans, on its socket, and with its context chosen by SNI", "exchanges": "1 KiB there and back", "records-aes128": "Records, AES-128-GCM", "records-aes256": "Records, AES-256-GCM",
          "records-chacha20": "Records, ChaCha20-Poly1305", "memory": "Memory of a session",
          "allocations": "Allocations, and calls into the library"}


def is_ours(label):
    return re.split("[:=]", label)[0] in OURS


def is_floor(label):
    return label in FLOORS


# --- Statistics ---------------------------------------------------------------------------------------------------------------

def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4)
    return first, third


def ratio(values, others):
    """Of two peers, round by round: what disturbs one disturbs the other."""
    return statistics.median(value / other for value, other in zip(values, others))


def best(samples, metric):
    """The library, none of ours and no floor, with the lowest median."""
    names = [label for label in samples if not is_ours(label) and not is_floor(label)]
    return min(names, key=lambda name: statistics.median(samples[name][metric]), default=None)


def unit(column):
    """What a figure of the column is divided by."""
    return 1000 if column.endswith("µs") else 1


# --- The page -----------------------------------------------------------------------------------------------------------------

def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def with_spread(values, divisor):
    low, high = quartiles(values)
    if low == high:
        return number(low / divisor)
    return f"{number(statistics.median(values) / divisor)} ({number(low / divisor)} to {number(high / divisor)})"


def labels(measures):
    return list(dict.fromkeys(label for measure in measures.values() for label in measure["samples"]))


def command(work):
    return f'`make bench-peers WORK="{work}"`'


def handshake_section(work, measures):
    """A row for each library, a column for each side and version: the median, the quartiles, and the ratio to the best."""
    head, columns = [""], []
    for name, measure in measures.items():
        for metric, column in measure["metrics"].items():
            head.append(f"{name}: {column}")
            columns.append((measure["samples"], metric, unit(column)))
    rows = []
    for label in labels(measures):
        row = [label]
        for samples, metric, divisor in columns:
            rival = best(samples, metric)
            found = samples.get(label)
            if not found:
                row.append("–")
                continue
            against = f" · {ratio(found[metric], samples[rival][metric]):.2f}" if rival else ""
            row.append(with_spread(found[metric], divisor) + against)
        rows.append(row)
    return (f"## {TITLES[work]}\n\n{command(work)}. Median (quartiles) · ratio to the best of the other libraries.\n\n"
            + table(head, rows))


def record_tables(measures, version, metric):
    """Nanoseconds by size, then the ratios."""
    sizes = [size for size in SIZES if f"TLS {version}, {size} B" in measures]
    samples = {size: measures[f"TLS {version}, {size} B"]["samples"] for size in sizes}
    names = [label for label in labels(measures) if any(label in samples[size] for size in sizes)]

    def cells(make):
        return [[label, *(make(label, samples[size]) if label in samples[size] else "–" for size in sizes)] for label in names]

    def against_best(label, of):
        rival = best(of, metric)
        return f"{ratio(of[label][metric], of[rival][metric]):.2f}" if rival else "–"

    def medians(label, of):
        return with_spread(of[label][metric], 1)

    head = ["", *(SIZES[size] for size in sizes)]
    out = ["Nanoseconds, median (quartiles):\n", table(head, cells(medians)), "Ratio to the best of the other libraries:\n",
           table(head, cells(against_best))]
    floors = []
    for label in names:
        for floor in (FLOOR_OF.get(label), "copy") if label in FLOOR_OF else ():
            if floor in names:
                floors.append([f"{label}, over {floor}", *(f"{ratio(of[label][metric], of[floor][metric]):.2f}"
                                                          if label in of and floor in of else "–" for of in samples.values())])
    if floors:
        out += ["Ratio to the AEAD alone with one copy of the data, and to a copy of the data alone:\n", table(head, floors)]
    return "\n".join(out)


def record_section(work, measures):
    out = [f"## {TITLES[work]}\n\n{command(work)}.\n"]
    versions = [version for version in ("1.3", "1.2") if any(name.startswith(f"TLS {version}") for name in measures)]
    for version in versions:
        for metric, title in (("seal", "sealed"), ("open", "opened")):
            out += [f"### TLS {version}, {title}\n", record_tables(measures, version, metric)]
    return "\n".join(out)


def plain_section(work, measures):
    """Counts, which have no spread."""
    out = [f"## {TITLES[work]}\n\n{command(work)}.\n"]
    for name, measure in measures.items():
        rows = [[label, *(number(statistics.median(found[metric])) for metric in measure["metrics"])]
                for label, found in measure["samples"].items() if not is_floor(label)]
        out += [f"### {name}\n", table(["", *measure["metrics"].values()], rows)]
    return "\n".join(out)


def verdicts(results):
    """Where each of our builds stands beside the best of the others: what is behind is said first."""
    rows = []
    for work, measures in results.items():
        if work in ("allocations", "memory", "servers"):
            continue
        for name, measure in measures.items():
            samples = measure["samples"]
            for metric, column in measure["metrics"].items():
                rival = best(samples, metric)
                ours = [label for label in OURS if label in samples]
                if rival and ours:
                    ratios = {label: ratio(samples[label][metric], samples[rival][metric]) for label in ours}
                    rows.append((work, name, column.partition(",")[0], rival, ratios))
    return rows


def summary(results):
    rows = verdicts(results)
    behind = sum(min(ratios.values()) > 1 for *_, ratios in rows)
    head = ["work", "", "best of the others", *OURS]
    lines = [[TITLES[work], f"{name}, {column}", rival,
              *(f"{ratios[label]:.2f}" + (" ahead" if ratios[label] < 1 else " behind") if label in ratios else "–"
                for label in OURS)]
             for work, name, column, rival, ratios in sorted(rows, key=lambda row: -min(row[4].values()))]
    return (f"Processor time over that of the best of the other libraries in the same run: below 1 spantls is ahead. The better of "
            f"its two builds is ahead in {len(rows) - behind} of {len(rows)} rows and behind in {behind}; those come first.\n\n"
            + table(head, lines))


FEATURES = ("aes", "pclmulqdq", "vaes", "vpclmulqdq", "sha_ni", "avx2", "avx512f", "bmi2", "adx")


def machine():
    """The processor, what of it matters here, and the kernel, in words."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    found = {key: re.search(rf"^{key}\s*:\s*(.*)$", text, re.MULTILINE) for key in ("model name", "flags", "cpu family", "model")}
    value = {key: match.group(1) if match else "unknown" for key, match in found.items()}
    flags = value["flags"].split()
    there = [name for name in FEATURES if name in flags]
    without = [name for name in FEATURES if name not in flags]
    virtual = " in a virtual machine" if "hypervisor" in flags else ""
    return (f"{os.cpu_count()} processors ({value['model name']}, family {value['cpu family']}, model {value['model']}{virtual}; with "
            f"{', '.join(there)}; without {', '.join(without) or 'none of the features looked for'}), Linux {re.match(r'[0-9.]*', os.uname().release).group()}")


def loads(results):
    found = [load for measures in results.values() for measure in measures.values() for load in measure["load"]]
    return f"{min(found):.1f} to {max(found):.1f}" if found else "unknown"


INTRODUCTION = """# Benchmarks

The same work on spantls and on other libraries of TLS, in turns: `make bench-peers` measures and prints it, `make bench-peers
WRITE=1` also writes this page and its plots. Each section names the command that repeats it alone.

On {machine}. One-minute load average during the runs: {load} (other work ran on the machine). What is measured is the processor
time of the process, user and system, not the time that passes. Every figure is a median of {rounds} rounds in which the libraries take
turns; a ratio is the median of the ratios of the single rounds. Rows are compared within one run, never between runs.

{versions}

{missing}## What is the same for all

`benches/peers/work.c` does the measured work, the same code for every library. Each library is reached through one small file, as its
documentation advises for work in memory, and is linked with `work.c` into a program of its own:

- **spantls**: the calls over spans of `spantls.h`, in the shared library as it is released.
- **OpenSSL, BoringSSL, AWS-LC**: a pair of memory BIOs. `:span` is a BIO of our own that reads and writes the caller's spans, which saves
  the memory BIO's copies.
- **s2n-tls**: callbacks over the caller's spans; connections are wiped and used again, and prefer throughput.
- **rustls**: `read_tls` and `write_tls` of its buffered connections; `:unbuffered` are its unbuffered ones. With `Ticketer`.
- **rustls-ffi**: the same through its C interface, with aws-lc-rs. Its servers keep sessions in memory.

Each session is checked, and the run fails if it is not so: one version, one cipher suite, one group (X25519, but where the title says
otherwise), the same certificates (leaf and intermediate sent, root trusted), the client judges chain and name, resumed sessions are
resumed. A TLS 1.3 server sends two tickets after a full handshake; after a resumption OpenSSL sends one, as it always does. A client of TLS
1.2 that does not resume asks for no ticket. A resumed session of spantls judges the chain again
(`tls_options_set_validate_on_resume()`), the others do not; with `:once` spantls does as they do.

A handshake begins with making both sessions and ends with freeing them; between, the server sends one byte of data, with which the
tickets arrive. Eight are under way at a time. A record is a call with a span of that size; 64 KiB are four records. Peers that cannot be
held to a suite or group have a dash.

Not measured here: the same from .NET; `make bench-dotnet` compares streams over spantls with SslStream.
"""


def page(data):
    results = data["results"]
    versions = "Versions: " + ", ".join(f"{label} ({version})" for label, version in sorted(data["versions"].items()) if ":" not in label) + "."
    missing = "".join(f"Missing: {label}: {reason}\n\n" for label, reason in sorted(data["missing"].items()))
    absent = [label for label in data["wanted"] if label not in data["versions"] and label not in data["missing"]]
    if absent:
        missing += f"Not measured this time: {', '.join(absent)}.\n\n"
    if data["note"]:
        missing += f"{data['note']}\n\n"
    rounds = sorted({measure["rounds"] for measures in results.values() for measure in measures.values() if measure["rounds"] > 1})
    out = [INTRODUCTION.format(machine=machine(), load=loads(results), versions=versions, missing=missing,
                               rounds=" or ".join(map(str, rounds)) or "1")]
    out += ["## Where spantls stands\n", summary(results), "![Handshakes](benchmarks-handshakes.svg)\n",
            "![Records](benchmarks-records.svg)\n", "![Memory](benchmarks-memory.svg)\n"]
    for work in TITLES:
        if work not in results:
            continue
        section = record_section if work.startswith("records") else plain_section if work in ("memory", "allocations") else handshake_section
        out.append(section(work, results[work]))
    return "\n".join(out).rstrip() + "\n"


# --- The plots ----------------------------------------------------------------------------------------------------------------

def plotted(results, works):
    """Libraries as their documentation has them: no ways, no floors."""
    names = [label for work in works for label in labels(results.get(work, {})) if ":" not in label and not is_floor(label)]
    return list(dict.fromkeys(names))


def panel(title, results, names, places, divisor):
    """Places are (work, measure, metric, group); a library without a figure has no bar."""
    places = [place for place in places if place[1] in results.get(place[0], {})]
    series = {name: [statistics.median(results[work][measure]["samples"].get(name, {}).get(metric, [0])) / divisor
                     for work, measure, metric, _ in places] for name in names}
    return (title, [group for *_, group in places], series) if places else None


def picture(title, names, panels):
    return chart.bars(title, names, [found for found in panels if found])


def handshake_picture(results):
    works = ("full", "resumed", "rsa", "mutual")
    names = plotted(results, works)
    return picture("Processor time of a handshake, microseconds", names, [
        panel(f"{TITLES[work]}", results, names,
              [(work, f"TLS {version}", side, f"{version} {side}") for version in ("1.3", "1.2") for side in ("server", "client")], 1000)
        for work in works])


def record_picture(results):
    works = ("records-aes128",)
    names = plotted(results, works)
    return picture("Processor time of a record, AES-128-GCM, nanoseconds", names, [
        panel(f"TLS {version}, {metric}, {'small' if few else 'large'}", results, names,
              [("records-aes128", f"TLS {version}, {size} B", metric, SIZES[size]) for size in SIZES if (size <= 1024) == few], 1)
        for version in ("1.3", "1.2") for metric in ("seal", "open") for few in (True, False)])


def memory_picture(results):
    names = plotted(results, ("memory",))
    return picture("Memory of a session, KiB of heap", names, [
        panel(f"TLS {version}", results, names,
              [("memory", f"TLS {version}", f"{side}_{what}_heap", f"{side}, {word}") for what, word in (("open", "idle"), ("flight", "in flight"))
               for side in ("server", "client")], 1024) for version in ("1.3", "1.2")])


def write(data, folder):
    folder.mkdir(parents=True, exist_ok=True)
    results = data["results"]
    (folder / "benchmarks.md").write_text(page(data), encoding="utf-8")
    for name, draw in (("handshakes", handshake_picture), ("records", record_picture), ("memory", memory_picture)):
        (folder / f"benchmarks-{name}.svg").write_text(draw(results), encoding="utf-8")
