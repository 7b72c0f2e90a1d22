"""The servers of the load comparison: built, configured alike, started on ports that the system chooses, measured from
outside."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
INSTALL = ROOT / "ffi-tests" / "install.sh"
BUILD = ROOT / "target" / "load"
CERTIFICATES = ROOT / "ffi-tests" / "certs"
CHAIN, KEY = CERTIFICATES / "server-p256.pem", CERTIFICATES / "server-p256.key"
SIZES = (13, 1024, 16384, 102400)
WARNINGS = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -O2 -g".split()
# The same suite everywhere: by its IANA name, and by OpenSSL's.
SUITES = {"1.3": ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
          "1.2": ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256")}
DEADLINE = 20


class Unavailable(Exception):
    """Something that a comparison wants is not here."""


def say(text):
    print(text, flush=True)


# --- Tools -----------------------------------------------------------------------------------------------------------

def install(**packages):
    """Installs the Debian packages of programs that are missing; tells which of the programs there are then."""
    missing = [package for program, package in packages.items() if not shutil.which(program)]
    # What is missing then is told by what is returned.
    subprocess.run([INSTALL, *missing], check=False)
    return {program for program in packages if shutil.which(program)}


def has_openssl_headers():
    probe = subprocess.run(["cc", "-E", "-x", "c", "-"], input=b"#include <openssl/ssl.h>\n",
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return probe.returncode == 0


def install_openssl_headers():
    return has_openssl_headers() or subprocess.run([INSTALL, "libssl-dev"], check=False).returncode == 0


def build_openssl(version):
    """OpenSSL from its sources in a crate, once: the folder with include/ and lib/."""
    place = BUILD / f"openssl-{version}"
    if not (place / "install" / "lib" / "libssl.a").exists():
        say(f"building OpenSSL {version} from the crate openssl-src: two minutes, once")
        BUILD.mkdir(parents=True, exist_ok=True)
        log = BUILD / f"openssl-{version}.log"
        with open(log, "wb") as file:
            done = subprocess.run(
                [os.environ.get("CARGO", "cargo"), "run", "--release", "--locked", "--features", version, "--manifest-path",
                 HERE / "openssl" / "Cargo.toml", "--target-dir", BUILD / "openssl-build", "--", place],
                stdout=file, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise Unavailable(f"OpenSSL {version} could not be built: see {log}")
    return place / "install"


def compile_with_openssl(source, name, *, ours):
    """One of the C programs here, with OpenSSL 3.5 (ours) or with Debian's."""
    BUILD.mkdir(parents=True, exist_ok=True)
    sources = [HERE / source, *(ROOT / "examples-c" / name for name in ("http.c", "body.c"))]
    if ours:
        directory = build_openssl("3.5")
        flags = [f"-I{directory}/include"]
        libraries = [directory / "lib" / "libssl.a", directory / "lib" / "libcrypto.a"]
    else:
        if not install_openssl_headers():
            raise Unavailable("libssl-dev is not installed")
        flags, libraries = [], ["-lssl", "-lcrypto"]
    out = BUILD / name
    subprocess.run(["cc", *WARNINGS, *flags, "-o", out, *sources, *libraries, "-lpthread", "-ldl"], check=True)
    return out


# --- Processes -------------------------------------------------------------------------------------------------------

class Server:
    """A server that runs: its port, its processes, what they have cost."""

    def __init__(self, command, port=None, cores=None, environment=None):
        command = [str(part) for part in command]
        if cores is not None:
            command = ["taskset", "-c", cores, *command]
        self._error = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._error, text=True,
                                        env=environment and {**os.environ, **environment})
        self.port = port or self._announced()

    def _announced(self):
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on 127\.0\.0\.1 (\d+)\n", line)
        if not found:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server has not started: {line}{self.errors()}")
        return int(found.group(1))

    def errors(self):
        self._error.seek(0)
        return self._error.read()

    def pids(self):
        """Its process and those that it has started."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """Bytes of its own: nothing of files, whose part in PSS moves when other programs map the same library."""
        total = 0
        for pid in self.pids():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(int(size) for size in re.findall(r"^Pss_(?:Anon|Shmem):\s+(\d+) kB", rollup, re.MULTILINE)) * 1024
        return total

    def descriptors(self):
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids())

    def stop(self, sig=signal.SIGTERM):
        """Ends it; tells its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_there(server):
    end = time.monotonic() + DEADLINE
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE).close()
            return server
        except OSError:
            if server.process.poll() is not None or time.monotonic() > end:
                server.stop()
                raise AssertionError(f"the server has not started: {server.errors()}") from None
            time.sleep(0.02)


# --- The four --------------------------------------------------------------------------------------------------------

class Spantls:
    name = "spantls"

    def __init__(self, program):
        self.program = program

    def start(self, threads, tls="1.3", cores=None):
        return Server([self.program, "--threads", threads, "--tls", tls, "--suite", SUITES[tls][0], CHAIN, KEY],
                      cores=cores)


class Twin:
    def __init__(self, name, program, *options):
        self.name, self.program, self.options = name, program, options

    def start(self, threads, tls="1.3", cores=None):
        return Server([self.program, *self.options, "--threads", threads, "--tls", tls, "--suite", SUITES[tls][1],
                       CHAIN, KEY], cores=cores)


NGINX = """
daemon off;
{user}
worker_processes {threads};
worker_rlimit_nofile 20000;
pid {directory}/pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    open_file_cache max=16;
    open_file_cache_valid 1h;
    default_type text/plain;
    {temporary}
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        root {directory}/pages;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        ssl_protocols TLSv{tls};
        {suite}
        ssl_session_tickets on;
    }}
}}
"""


class Nginx:
    """Debian's, with files: what it is made for."""
    name = "nginx"

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="spantls-load-", dir=_memory_directory())
        pages = Path(self._directory.name) / "pages"
        pages.mkdir()
        os.chmod(self._directory.name, 0o755)
        for size in SIZES:
            line = b"Hello, world\n"
            (pages / str(size)).write_bytes((line * (size // len(line) + 1))[:size])

    def start(self, threads, tls="1.3", cores=None):
        port = free_port()
        suite = (f"ssl_conf_command Ciphersuites {SUITES[tls][1]};" if tls == "1.3"
                 else f"ssl_ciphers {SUITES[tls][1]};")
        temporary = "".join(f"{kind}_temp_path {self._directory.name}/{kind};\n    "
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        settings = Path(self._directory.name) / "nginx.conf"
        settings.write_text(NGINX.format(
            threads=threads, directory=self._directory.name, port=port, chain=CHAIN, key=KEY, tls=tls, suite=suite,
            temporary=temporary, user="user root;" if os.geteuid() == 0 else ""))
        return wait_until_there(Server(["nginx", "-c", settings, "-e", "stderr"], port=port, cores=cores))


def _memory_directory():
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def version_of(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip()
