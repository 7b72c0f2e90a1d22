"""spantls beside Python's own ssl, both over memory, in turns in one process: MB/s sealed and opened in pieces of 16 KiB and
1 KiB (TLS 1.3, AES-256-GCM), and the ratio of ours to theirs (medians)."""

import os
import ssl
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CERTS = os.path.join(ROOT, "ffi-tests", "certs")
sys.path.insert(0, HERE)
os.environ.setdefault("SPANTLS_LIB", os.path.join(ROOT, "target", "release", "libspantls.so"))

import spantls  # noqa: E402
import spantls.ssl  # noqa: E402

ROUNDS = 9
TOTAL = 32 << 20


class Objects:
    """Two SSLObjects of a module over memory BIOs."""

    def __init__(self, module):
        server, client = module.SSLContext(ssl.PROTOCOL_TLS_SERVER), module.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        server.load_cert_chain(os.path.join(CERTS, "server-p256.pem"), os.path.join(CERTS, "server-p256.key"))
        client.load_verify_locations(os.path.join(CERTS, "ca.pem"))
        up, down = module.MemoryBIO(), module.MemoryBIO()
        self.server = server.wrap_bio(up, down, server_side=True)
        self.client = client.wrap_bio(down, up, server_hostname="localhost")
        done = set()
        while len(done) < 2:
            for end in (self.client, self.server):
                try:
                    end.do_handshake()
                    done.add(end)
                except ssl.SSLWantReadError:
                    pass
        self.check()

    def check(self):
        self.client.write(b"x")
        assert self.server.read(1) == b"x" and self.client.cipher()[0] == "TLS_AES_256_GCM_SHA384"

    def move(self, data, count):
        room = bytearray(20000)
        write, read = self.client.write, self.server.read
        for _ in range(count):
            write(data)
            read(20000, room)


class Sessions:
    """Two sessions and a buffer between them."""

    def __init__(self):
        server = spantls.Context.server(credentials=spantls.Credentials.from_files(
            os.path.join(CERTS, "server-p256.pem"), os.path.join(CERTS, "server-p256.key")), cipher_suites=[0x1302])
        client = spantls.Context.client(trust_anchors_file=os.path.join(CERTS, "ca.pem"),
                                        validation=spantls.Validation.AUTOMATIC)
        self.client, self.server = spantls.Session(client, "localhost"), spantls.Session(server)
        inboxes = {self.client: bytearray(), self.server: bytearray()}
        room = bytearray(20000)
        while not (self.client.is_handshake_complete and self.server.is_handshake_complete):
            for end, peer in ((self.client, self.server), (self.server, self.client)):
                _, consumed, written = end.process_handshake(inboxes[end], room)
                del inboxes[end][:consumed]
                inboxes[peer] += room[:written]

    def move(self, data, count):
        sealed, opened = bytearray(20000), bytearray(20000)
        view = memoryview(sealed)
        encrypt, decrypt = self.client.encrypt, self.server.decrypt
        for _ in range(count):
            written = encrypt(data, sealed)[2]
            decrypt(view[:written], opened)


def measure(pair, size):
    data, count = bytes(size), TOTAL // size // (16384 // size if size < 16384 else 1) + 1
    start = time.perf_counter()
    pair.move(data, count)
    return size * count / (time.perf_counter() - start) / 1e6


def main():
    subjects = {"Session, spans": Sessions(), "spantls.ssl, MemoryBIO": Objects(spantls.ssl), "ssl, MemoryBIO": Objects(ssl)}
    print("| MB/s | " + " | ".join(subjects) + " | Session / ssl | spantls.ssl / ssl |")
    print("|---|" + "---|" * (len(subjects) + 2))
    for size in (16384, 1024):
        found = {name: [] for name in subjects}
        for _ in range(ROUNDS):
            for name, pair in subjects.items():
                found[name].append(measure(pair, size))
        middle = [statistics.median(values) for values in found.values()]
        print(f"| {size} B | " + " | ".join(f"{value:.0f}" for value in middle) +
              f" | {middle[0] / middle[2]:.2f} | {middle[1] / middle[2]:.2f} |")


if __name__ == "__main__":
    main()
