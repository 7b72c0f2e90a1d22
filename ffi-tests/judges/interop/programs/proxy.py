"""nginx, haproxy and stunnel as peers: see README.md. They speak TLS on one side and plain TCP on the other; this program is at the
plain end. It gives them their listening socket, so no port is chosen twice. It ends when its standard input does: the other side is done
by then, and the log has everything."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

SECONDS, PIECE, CHUNK = 30, 64, 16384


def say(*words):
    print(*(" ".join(str(word).split()) for word in words), flush=True)


def lines(*pairs):
    """The lines whose second part is there."""
    return "\n".join(text for text, wanted in pairs if wanted) + "\n"


class Nginx:
    version = ["nginx", "-v"]

    @staticmethod
    def config(role, settings, listener, target, _):
        at, to = listener.getsockname()[1], target
        protocol, groups = f"TLSv{settings['version']}", (settings.get("groups") or "").replace(",", ":")
        cert, key, ca, alpn = (settings.get(name) for name in ("cert", "key", "ca", "alpn"))
        if role == "client" and alpn:
            say("broken nginx 1.26 has no option for the application protocols of proxy_ssl")
            sys.exit(2)
        server = lines(
            (f"listen 127.0.0.1:{at} ssl; ssl_protocols {protocol};", True),
            (f"ssl_certificate {cert}; ssl_certificate_key {key};", cert),
            (f"ssl_client_certificate {ca}; ssl_verify_client on;", settings.get("ask")),
            (f"ssl_alpn {' '.join((alpn or '').split(','))};", alpn), (f"ssl_conf_command Groups {groups};", groups))
        client = lines(
            (f"listen 127.0.0.1:{at}; proxy_ssl on; proxy_ssl_protocols {protocol}; proxy_next_upstream off;", True),
            (f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca};", True),
            ("proxy_ssl_verify_depth 3; proxy_ssl_name localhost; proxy_ssl_server_name on;", True),
            (f"proxy_ssl_certificate {cert}; proxy_ssl_certificate_key {key};", cert),
            (f"proxy_ssl_conf_command Groups {groups};", groups))
        return ("load_module modules/ngx_stream_module.so; daemon off; master_process off; error_log stderr info; pid off;\n"
                "events {}\nstream { tcp_nodelay on; server {\n" + (server if role == "server" else client) + f"proxy_pass 127.0.0.1:{to};\n" + "} }\n")

    @staticmethod
    def command(path, listener):
        return ["nginx", "-e", "stderr", "-c", path], {"NGINX": f"{listener.fileno()};"}


class Haproxy:
    version = ["haproxy", "-v"]

    @staticmethod
    def config(role, settings, listener, target, folder):
        groups, alpn, ca = (settings.get("groups") or "").replace(",", ":"), settings.get("alpn"), settings.get("ca")
        words = [f"ssl-min-ver TLSv{settings['version']} ssl-max-ver TLSv{settings['version']}"]
        if settings.get("cert"):
            both = os.path.join(folder, "both.pem")
            with open(both, "w", encoding="ascii") as file:
                file.write("".join(open(settings[part], encoding="ascii").read() for part in ("cert", "key")))
            words.append(f"crt {both}")
        words += [f"alpn {alpn}"] * bool(alpn) + [f"curves {groups}"] * bool(groups)
        if role == "server":
            words += [f"verify required ca-file {ca}"] * bool(settings.get("ask"))
            frontend, backend = f"ssl {' '.join(words)}", ""
        else:
            frontend, backend = "", f"ssl {' '.join(words)} verify required ca-file {ca} verifyhost localhost sni str(localhost)"
        return f"""global
  log stdout format raw daemon
defaults
  mode tcp
  log global
  retries 0
  timeout connect {SECONDS}s
  timeout client {SECONDS}s
  timeout server {SECONDS}s
frontend in
  bind fd@{listener.fileno()} {frontend}
  log-format "%ST %B %[fc_err_str] %[bc_err_str] %[ssl_bc_err_str]"
  default_backend out
backend out
  server it 127.0.0.1:{target} {backend}
"""

    @staticmethod
    def command(path, _):
        return ["haproxy", "-db", "-f", path], {}


class Stunnel:
    version = ["stunnel", "-version"]

    @staticmethod
    def config(role, settings, listener, target, _):
        groups, alpn = (settings.get("groups") or "").replace(",", ":"), settings.get("alpn")
        if alpn:
            say("broken stunnel has no option for application protocols")
            sys.exit(2)
        verify = role == "client" or settings.get("ask")
        return lines(
            ("foreground = yes\nsyslog = no\ndebug = 7\npid =\n[it]", True), (f"client = {'yes' if role == 'client' else 'no'}", True),
            (f"accept = 127.0.0.1:0\nconnect = 127.0.0.1:{target}", True), (f"sslVersion = TLSv{settings['version']}", True),
            ("TIMEOUTclose = 1", True),
            (f"cert = {settings.get('cert')}\nkey = {settings.get('key')}", settings.get("cert")),
            (f"CAfile = {settings.get('ca')}\nverifyChain = yes", verify), ("checkHost = localhost\nsni = localhost", role == "client"),
            (f"curves = {groups}", groups))

    @staticmethod
    def command(path, listener):
        # Sockets are given to it as systemd does: from 3 on, and it looks whether they are for this process. `accept` is then ignored.
        return ["sh", "-c", f'exec 3<&{listener.fileno()} && LISTEN_FDS=1 LISTEN_PID=$$ exec stunnel "$0"', path], {}


TOOLS = {"nginx": Nginx, "haproxy": Haproxy, "stunnel": Stunnel}


def pattern(size):
    return bytes(i % 251 for i in range(size))


class Tool:
    """The proxy's process, and its log."""

    def __init__(self, kind, role, settings, listener, target):
        self._folder = tempfile.TemporaryDirectory()
        path = os.path.join(self._folder.name, "config")
        with open(path, "w", encoding="utf-8") as file:
            file.write(kind.config(role, settings, listener, target, self._folder.name))
        command, environment = kind.command(path, listener)
        self._log = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL,
                                        stdout=self._log, stderr=self._log)

    def cut(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        self._log.seek(0)
        return self._log.read()

    def faults(self):
        """What of the log is about a failure. Some write it when all is over, so this waits for it."""
        words, found = ("alert", "error", "fail", "emerg", "refuse", "verif"), []
        for _ in range(100):
            found = [line for line in self.log().splitlines() if any(word in line.lower() for word in words)]
            if found:
                break
            time.sleep(0.1)
        return " / ".join(found)[-900:]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self._folder.cleanup()


class Conversation:
    def __init__(self, conn, tool):
        self.conn, self.tool = conn, tool
        conn.settimeout(SECONDS)
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_send(self, size):
        self.conn.sendall(pattern(size))

    def do_small(self, size):
        data = pattern(size)
        for at in range(0, size, PIECE):
            self.conn.sendall(data[at:at + PIECE])

    def do_recv(self, size):
        got = bytearray()
        while len(got) < size:
            data = self.conn.recv(size - len(got))
            if not data:
                raise ConnectionError("the proxy has closed")
            got += data
        if got != pattern(size):
            raise ConnectionError("the bytes are not those that were sent")

    def do_storm(self, rounds):
        for _ in range(rounds):
            self.do_send(PIECE)
            self.do_recv(PIECE)

    def do_close(self):
        self.conn.shutdown(socket.SHUT_WR)

    def do_end(self):
        try:
            data = self.conn.recv(1)
        except ConnectionResetError:
            say("end truncated")
            return
        if data:
            raise ConnectionError("data came in place of the end")
        say("end closed")

    def do_cut(self):
        self.tool.cut()
        sys.stdin.read()
        os._exit(0)

    def play(self, script):
        for text in script.split(","):
            word, _, number = text.partition(":")
            getattr(self, f"do_{word}")(*([int(number)] if number else []))
        say("done")


def backend_connection(backend):
    """What the proxy passes on; None if the other side is done before."""
    ready, _, _ = select.select([backend, sys.stdin], [], [], SECONDS)
    return backend.accept()[0] if backend in ready else None


def serve(kind, settings, count):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as backend:
        tool = Tool(kind, "server", settings, listener, backend.getsockname()[1])
        say("listening", listener.getsockname()[1])
        listener.close()
        for _ in range(count):
            conn = backend_connection(backend)
            if conn is None:
                say("failed", tool.faults() or "the other side has ended")
                break
            converse(conn, tool, settings)
        finish(tool)


def connect(kind, settings, count):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        tool = Tool(kind, "client", settings, listener, int(settings["port"]))
    for _ in range(count):
        converse(socket.create_connection(("127.0.0.1", port)), tool, settings)
    finish(tool)


def converse(conn, tool, settings):
    with conn:
        try:
            Conversation(conn, tool).play(settings["script"])
        except OSError as error:
            sys.stdin.read()
            say("failed", error, tool.faults())


def finish(tool):
    sys.stdin.read()
    tool.close()


def main(name, role, *words):
    kind = TOOLS[name]
    if role == "version":
        shown = subprocess.run(kind.version, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
        print(next(word.split("/")[-1].split("-")[0] for word in shown.split() if word.split("/")[-1][:1].isdigit()))
        return
    signal.alarm(SECONDS)
    settings = {"connections": "1", **dict(word.split("=", 1) for word in words)}
    (serve if role == "server" else connect)(kind, settings, int(settings["connections"]))


main(*sys.argv[1:])
