"""Packages for this test, in a virtual environment of its own under ffi-tests/build."""

import fcntl
import os
import subprocess
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(_HERE, "requirements.txt")
ENVIRONMENT = os.path.join(_HERE, "..", "..", "build", "venv")


def ensure():
    """Goes on in the virtual environment: makes it first if it is not there, and says so."""
    python = os.path.join(ENVIRONMENT, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(ENVIRONMENT):
        return
    os.makedirs(os.path.dirname(ENVIRONMENT), exist_ok=True)
    # Tests that run at the same time share the environment: one makes it, the others wait.
    with open(ENVIRONMENT + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(python)
    os.execv(python, [python, *sys.argv])


def _install(python):
    with open(REQUIREMENTS, encoding="utf-8") as file:
        wanted = file.read()
    # Written last: an installation that was cut short is made anew.
    stamp = os.path.join(ENVIRONMENT, "zoo-requirements")
    installed = None
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            installed = file.read()
    if installed != wanted or not os.path.exists(python):
        packages = ", ".join(line.partition(";")[0] for line in wanted.splitlines())
        print(f"# installing {packages} with pip into ffi-tests/build/venv", flush=True)
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS], check=True)
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(wanted)
