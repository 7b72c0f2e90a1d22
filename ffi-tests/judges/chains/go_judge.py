"""Go's verdict on a chain: crypto/x509, which has no revocation lists."""

import base64
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.path.join(HERE, "..", "..", "build", "chains"))
sys.path.insert(0, os.path.join(HERE, "..", ".."))

import golang  # noqa: E402


def _build():
    judge = os.path.join(BUILD, "judge")
    # Nothing happens if nothing has changed.
    golang.go("build", "-o", judge, ".", cwd=os.path.join(HERE, "go"))
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
