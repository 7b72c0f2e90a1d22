"""The rows of the matrix: what each side is set to, what it does, and what each must report. Nothing here runs anything."""

import re
from typing import Callable, NamedTuple

VERSIONS = ("1.3", "1.2")
ROLES = ("client", "server")  # ours

MEBIBYTE = 1 << 20
ROUNDS = 40  # of a storm of key updates
PIECE = 64  # bytes of a small record
HYBRID = 0x11EC  # X25519MLKEM768

UNKNOWN_CA, NO_APPLICATION_PROTOCOL = 48, 120
# For a chain that ends at an unknown authority. RFC 8446 section 6.2 has unknown_ca for it; bad_certificate and certificate_unknown are
# for any other fault of a certificate.
REFUSALS = (42, 46, UNKNOWN_CA)


class Play(NamedTuple):
    """A conversation: settings and expectations of each side."""
    ours: dict
    theirs: dict
    we_report: dict
    they_report: dict


class Row(NamedTuple):
    name: str
    title: str  # the column of the page
    what: str
    versions: tuple
    make: Callable  # of (we_serve): Play


def base(we_serve, our_end="close", their_end="end", send="send", size=100):
    """An exchange of `size` bytes each way, the client first, and then what each side does at the end."""
    talk = {True: f"recv:{size},{send}:{size}", False: f"{send}:{size},recv:{size}"}
    credentials = "server-p256"
    return Play({"script": f"{talk[we_serve]},{our_end}", "credentials": credentials if we_serve else None},
                {"script": f"{talk[not we_serve]},{their_end}", "credentials": None if we_serve else credentials},
                {"status": "ok", "resumed": [False], "alpn": None, "retried": False}, {"done": 1})


def changed(play, **parts):
    """The play with some entries replaced."""
    return play._replace(**{part: {**getattr(play, part), **entries} for part, entries in parts.items()})


def mutual(we_serve):
    asked, shown = ("ours", "theirs") if we_serve else ("theirs", "ours")
    return changed(base(we_serve), **{asked: {"ask": True}, shown: {"credentials": "client-p256"}},
                   we_report={"peer": "client-p256" if we_serve else "server-p256"})


def resumption(we_serve):
    return changed(base(we_serve), ours={"connections": 2}, theirs={"connections": 2}, we_report={"resumed": [False, True]},
                   they_report={"done": 2, "resumed": ["0", "1"]})


def alpn(we_serve):
    client, server = ["http/1.1", "h2"], ["h2"]
    return changed(base(we_serve), ours={"alpn": server if we_serve else client}, theirs={"alpn": client if we_serve else server},
                   we_report={"alpn": "h2"}, they_report={"alpn": "h2"})


def alpn_mismatch(we_serve):
    ours = {"status": "failed", "sent" if we_serve else "received": [NO_APPLICATION_PROTOCOL]}
    theirs = {"failed": NO_APPLICATION_PROTOCOL if we_serve else None}
    play = changed(base(we_serve), ours={"alpn": ["h2"]}, theirs={"alpn": ["other"]})
    return play._replace(we_report=ours, they_report=theirs)


def hello_retry(we_serve):
    """Both groups are of one family, since some clients send a key share of each family. The peer always has P-256, the curve of the
    certificates: some libraries have one list for both. It sends a key share of that: some libraries ignore the order of the list."""
    if we_serve:
        ours, theirs, group = ["P-384"], ["P-256", "P-384"], 24
    else:
        ours, theirs, group = ["P-384", "P-256"], ["P-256"], 23
    return changed(base(we_serve), ours={"groups": ours}, theirs={"groups": theirs}, we_report={"retried": True, "group": group})


def key_updates(we_serve):
    play = base(we_serve)
    return changed(play, ours={"script": f"storm:{ROUNDS},close"}, theirs={"script": f"storm:{ROUNDS},end"},
                   we_report={"updates": ROUNDS - 1})


def mebibyte(we_serve):
    return base(we_serve, size=MEBIBYTE)


def we_close(we_serve):
    return changed(base(we_serve, "close,end", "end,close"), we_report={"end": "CLOSED"})


def they_close(we_serve):
    return changed(base(we_serve, "end,close", "close"), we_report={"end": "CLOSED"})


def we_cut(we_serve):
    return changed(base(we_serve, "cut", "end"), they_report={"end": "truncated"})


def they_cut(we_serve):
    """Our last byte says that all of theirs has come: a proxy that is cut may have some of it."""
    return changed(base(we_serve, "send:1,end", "recv:1,cut"), we_report={"end": "TRUNCATED"}, they_report={"done": 0})


def we_refuse(we_serve):
    play = mutual(we_serve) if we_serve else base(we_serve)
    play = changed(play, theirs={"credentials": "client-other" if we_serve else "server-other"})
    return play._replace(we_report={"status": "failed", "sent": [UNKNOWN_CA]}, they_report={"failed": UNKNOWN_CA})


def they_refuse(we_serve):
    play = base(we_serve) if we_serve else mutual(we_serve)
    play = changed(play, ours={"credentials": "server-other" if we_serve else "client-other"})
    return play._replace(we_report={"status": "failed", "received": REFUSALS}, they_report={"failed": None})


def small_records(we_serve):
    return changed(base(we_serve, send="small", size=PIECE * 64), ours={"fragment": PIECE})


def hybrid(we_serve):
    groups = {"groups": ["X25519MLKEM768"]}
    return changed(base(we_serve), ours=groups, theirs=groups, we_report={"group": HYBRID})


def over_http(play):
    """The same with a client that speaks HTTP: its bytes are a request's body, ours an answer's. The answer's length is in its header where
    the client must be the first to close."""
    length = "counted" if play.ours["script"].endswith("end,close") else "answer"
    script = play.ours["script"].replace("recv:", "request:").replace("send:", f"{length}:").replace("small:", f"{length}:")
    play = changed(play, ours={"script": script})
    if "alpn" not in play.ours:
        return play
    # It must be the protocol that is then spoken.
    both = ["http/1.1"]
    if play.we_report["status"] == "failed":
        return changed(play, theirs={"alpn": both})
    return changed(play, ours={"alpn": both}, theirs={"alpn": both}, we_report={"alpn": both[0]})


ROWS = (
    Row("plain", "plain", "a full handshake, 100 bytes each way, our close_notify", VERSIONS, base),
    Row("mutual", "mutual", "the client shows a certificate too", VERSIONS, mutual),
    Row("resumption", "resumed", "two connections; the second resumes the session of the first", VERSIONS, resumption),
    Row("alpn", "ALPN", "the client offers http/1.1 and h2, the server chooses h2", VERSIONS, alpn),
    Row("alpn-mismatch", "ALPN mismatch", "nothing in common: the server sends no_application_protocol (RFC 7301 section 3.2)",
        VERSIONS, alpn_mismatch),
    Row("hello-retry", "retry", "the server wants a group of which the client sent no key share: HelloRetryRequest", ("1.3",),
        hello_retry),
    Row("key-updates", "key updates", f"{ROUNDS} rounds: both sides change their keys, demand that the peer does the same, and send 64 bytes",
        ("1.3",), key_updates),
    Row("mebibyte", "1 MiB", "1 MiB each way", VERSIONS, mebibyte),
    Row("we-close", "we close", "our close_notify first, then theirs", VERSIONS, we_close),
    Row("they-close", "they close", "their close_notify first", VERSIONS, they_close),
    Row("we-cut", "we cut", "our transport ends without close_notify, and the peer notices", VERSIONS, we_cut),
    Row("they-cut", "they cut", "their transport ends without close_notify, and we report it", VERSIONS, they_cut),
    Row("we-refuse", "we refuse", "their certificate is of an unknown authority: the peer hears unknown_ca", VERSIONS, we_refuse),
    Row("they-refuse", "they refuse", "ours is: we report the alert that the peer sends", VERSIONS, they_refuse),
    Row("small-records", "64 bytes", f"{PIECE * 64} bytes each way in records of {PIECE}", VERSIONS, small_records),
    Row("hybrid", "X25519MLKEM768", "this group alone", ("1.3",), hybrid),
)


# --- What was reported, beside what must be ---------------------------------------------------------------------------

def plain(text):
    return re.sub(r"[^a-z0-9]", "", text.lower())


# Alerts by number: their names, and what else peers call them.
ALERT_WORDS = {
    UNKNOWN_CA: ("unknownca", "unknowncertificateauthority", "caisunknown"),
    NO_APPLICATION_PROTOCOL: ("noapplicationprotocol", "nosupportedapplicationprotocol"),
}


def heard(alert, texts):
    """Whether the peer tells that it has received this alert: by its number, or in words."""
    return any(f"alert={alert} " in text + " " or any(word in plain(text) for word in ALERT_WORDS[alert]) for text in texts)


class TheirReport:
    """What a peer has printed: see README.md."""

    def __init__(self, lines):
        self.connected = [dict(field.partition("=")[::2] for field in rest.split()) for rest in self._after("connected", lines)]
        self.failed = self._after("failed", lines)
        self.ends = self._after("end", lines)
        self.broken = self._after("broken", lines)
        self.done = len(self._after("done", lines))

    @staticmethod
    def _after(word, lines):
        return [line[len(word):].strip() for line in lines if line == word or line.startswith(word + " ")]


def our_faults(want, version, report):
    if report["status"] == "failed" and want["status"] == "ok":
        return [f"we failed: {report['error']}"]
    found = []
    if want["status"] == "failed":
        if report["status"] == "ok":
            return ["we noticed no failure"]
        for direction in ("sent", "received"):
            if direction in want and report[direction] not in want[direction]:
                found.append(f"we have {direction} alert {report[direction]}, not one of {want[direction]}: {report['error']}")
        return found
    if report["version"] != version:
        found.append(f"the version is {report['version']}, not {version}")
    found += [f"we report {key} {report[key]}, not {value}" for key, value in want.items()
              if key not in ("status", "updates", "resumed") and report[key] != value]
    return found + not_resumed(want, report) + too_few_updates(want, report)


def not_resumed(want, report):
    if report["resumed"] == want["resumed"]:
        return []
    return [f"we report resumed {report['resumed']}, not {want['resumed']}: {report['ticket']}"]


def too_few_updates(want, report):
    """Each of our demands makes the peer change its keys at least once; what answers the last may wait for data that never comes."""
    least = want.get("updates", 0)
    return [] if report.get("updates", 0) >= least else [f"the peer changed its keys {report['updates']} times, not {least}"]


def their_faults(want, report):
    if report.broken:
        return [f"the peer is broken: {report.broken[0]}"]
    if "failed" in want:
        if not report.failed:
            return ["the peer noticed no failure"]
        alert = want["failed"]
        return [] if alert is None or heard(alert, report.failed) else [f"the peer did not hear alert {alert}: {report.failed[-1]}"]
    if report.failed:
        return [f"the peer failed: {report.failed[0]}"]
    found = []
    if report.done != want["done"]:
        found.append(f"the peer finished {report.done} of {want['done']} conversations: {' '.join(report.ends)}")
    for key in ("resumed", "alpn"):
        told = [facts[key] for facts in report.connected if key in facts]
        if key in want and told and told != ([want[key]] if isinstance(want[key], str) else want[key]):
            found.append(f"the peer reports {key} {told}, not {want[key]}")
    if "end" in want and report.ends != [want["end"]]:
        found.append(f"the peer reports the end {report.ends}, not {want['end']}")
    return found


def faults(play, version, ours, theirs):
    """What is wrong; nothing if all is as it must be."""
    return our_faults(play.we_report, version, ours) + their_faults(play.they_report, theirs)
