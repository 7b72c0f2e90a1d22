#!/usr/bin/env python3
"""Who may choose the system's trust anchors with the environment: the user of an ordinary program may, the user of a program
that has more rights than its user (set-uid, set-gid, file capabilities) may not.

A program in C, ffi-tests/interface/c/system_store.c, is compiled against the library, copied with such rights and run as
another user. Environment: SPANTLS_LIB, SPANTLS_CERTS.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CERTS = pathlib.Path(os.environ.get("SPANTLS_CERTS", ROOT / "ffi-tests/certs"))
LIBRARY = pathlib.Path(os.environ.get("SPANTLS_LIB", ROOT / "target/release/libspantls.so"))
# A user and a group that own nothing.
NOBODY = 65534
SYSTEM_STORE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
TRUSTED, REFUSED = 0, 4

passed = failed = 0


def check(sentence: str, holds: bool, found: str) -> None:
    global passed, failed
    passed, failed = passed + holds, failed + (not holds)
    print(f"{'ok' if holds else 'not ok'} - {sentence}" + ("" if holds else f": {found}"))


class Place:
    """A folder that every user can read, with the program, the library and the certificates in it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        shutil.copy(LIBRARY, folder / "libspantls.so.1")
        shutil.copytree(CERTS, folder / "certs")
        for path in folder.rglob("*"):
            path.chmod(0o755)
        hashed = folder / "hashed"
        hashed.mkdir(mode=0o755)
        shutil.copy(CERTS / "ca.pem", hashed / "ca.pem")
        sources = [HERE / name for name in ("system_store.c", "harness.c", "pair.c", "wire.c")]
        # In such a program the loader passes over LD_LIBRARY_PATH, so the path is in the program.
        subprocess.run(["gcc", "-std=gnu99", "-I", ROOT / "include", *sources, folder / "libspantls.so.1", "-lpthread",
                        f"-Wl,-rpath,{folder}", "-o", folder / "plain"], check=True)
        (folder / "plain").chmod(0o755)

    def copy(self, name: str, mode: int, group: int = 0) -> None:
        target = self.folder / name
        shutil.copy(self.folder / "plain", target)
        os.chown(target, 0, group)
        target.chmod(mode)

    def run(self, name: str, variables: dict, before: list = []) -> tuple:
        """(whether the kernel calls the process secure, the policy errors)"""
        environment = {"SPANTLS_CERTS": str(self.folder / "certs"), **variables}
        command = [*before, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", self.folder / name]
        run = subprocess.run(command, env=environment | {"PATH": os.environ["PATH"]}, capture_output=True, text=True)
        facts = dict(part.split("=") for part in run.stdout.split())
        if run.returncode or set(facts) != {"secure", "errors"}:
            raise SystemExit(f"{name}: status {run.returncode}, {run.stdout} {run.stderr}")
        return facts["secure"] == "1", int(facts["errors"])


def store_of_ours(place: Place) -> list:
    """A command prefix under which the system's own store is our CA, or nothing where that cannot be made."""
    bind = f'mount --bind "{place.folder}/certs/ca.pem" {SYSTEM_STORE} && exec "$@"'
    before = ["unshare", "--mount", "sh", "-c", bind, "sh"]
    with contextlib.suppress(OSError):
        if subprocess.run([*before, "true"], capture_output=True).returncode == 0:
            return before
    return []


def main() -> int:
    if os.geteuid() != 0 or not shutil.which("setpriv") or not shutil.which("gcc"):
        print("skipped - programs with other rights: root, setpriv and gcc are needed")
        print("0 passed, 0 failed")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(pathlib.Path(folder))
        place.copy("set-uid", 0o4755)
        place.copy("set-gid", 0o2755, group=1)
        programs = ["set-uid", "set-gid"]
        place.copy("capable", 0o755)
        if shutil.which("setcap") and not subprocess.run(
                ["setcap", "cap_net_bind_service+ep", place.folder / "capable"], capture_output=True).returncode:
            programs.append("capable")
        by_file = {"SSL_CERT_FILE": f"{folder}/certs/ca.pem"}
        by_folder = {"SSL_CERT_DIR": f"{folder}/hashed"}
        for variables in (by_file, by_folder, by_file | by_folder):
            names = " and ".join(variables)
            found = place.run("plain", variables)
            check(f"an ordinary program trusts what is in {names}", found == (False, TRUSTED), found)
            for program in programs:
                secure, errors = place.run(program, variables)
                if not secure:
                    print(f"skipped - {names} in a {program} program: the kernel gives no such rights here (nosuid?)")
                    continue
                check(f"a {program} program does not trust what is in {names}", errors == REFUSED, errors)
        found = place.run("plain", {})
        check("without them an ordinary program does not trust the tests' CA", found == (False, REFUSED), found)
        before = store_of_ours(place)
        if not before:
            print("skipped - the system's own store in programs with more rights: mounts are not allowed here")
        for program in programs if before else []:
            found = place.run(program, {"SSL_CERT_FILE": "/dev/null"}, before)
            check(f"a {program} program trusts the system's own store", found[1] == TRUSTED, found)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
