"""curl, as a peer: see README.md. For each connection it sends the bytes as the body of a request and receives those of the answer, so the
script only says how many, and what its end must be."""

import os
import subprocess
import sys
import tempfile

SECONDS = 30


def say(*words):
    print(*(" ".join(str(word).split()) for word in words), flush=True)


def pattern(size):
    return bytes(i % 251 for i in range(size))


def options(settings):
    version = settings["version"]
    words = [f"--tlsv{version}", "--tls-max", version, "--cacert", settings["ca"], "--http1.1"]
    words += [] if settings.get("alpn") else ["--no-alpn"]
    words += ["--cert", settings["cert"], "--key", settings["key"]] if settings.get("cert") else []
    return words + (["--curves", settings["groups"].replace(",", ":")] if settings.get("groups") else [])


def report(done, settings, bodies, size):
    """What has become of it."""
    got = []
    for path in bodies:
        if os.path.exists(path):
            with open(path, "rb") as file:
                got.append(file.read() == pattern(size))
    truncated = done.returncode == 56 and "unexpected eof" in done.stderr
    if (done.returncode and not truncated) or not all(got) or len(got) != len(bodies):
        say("failed", done.returncode, done.stderr, "" if all(got) else "the bytes are not those that were sent")
        return
    for _ in bodies:
        say("connected")
        if "end" in settings["script"].split(","):
            say("end", "truncated" if truncated else "closed")
        say("done")


def main(role, *words):
    if role == "version":
        shown = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.split()
        print(shown[1], "with", next(word for word in shown if word.startswith("OpenSSL/")).replace("/", " "))
        return
    settings = {"connections": "1", **dict(word.split("=", 1) for word in words)}
    steps = dict(step.partition(":")[::2] for step in settings["script"].split(","))
    size = int(steps.get("send") or steps.get("small") or 0)
    if role == "server" or "storm" in steps or "cut" in steps:
        say("broken curl has no option for this")
        sys.exit(2)
    with tempfile.TemporaryDirectory() as folder:
        body = os.path.join(folder, "body")
        with open(body, "wb") as file:
            file.write(pattern(size))
        command = ["curl", "--silent", "--show-error", "--max-time", str(SECONDS), "--header", "Expect:", "--data-binary", f"@{body}", *options(settings)]
        answers = [os.path.join(folder, str(number)) for number in range(int(settings["connections"]))]
        command += ["--resolve", f"localhost:{settings['port']}:127.0.0.1"]
        for answer in answers:
            command += ["--output", answer, f"https://localhost:{settings['port']}/"]
        report(subprocess.run(command, capture_output=True, text=True, errors="replace", check=False), settings, answers, size)


main(*sys.argv[1:])
