"""Tests of the harness itself: that it finds what it must find. They start no peer."""

import copy
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

import known  # noqa: E402
import page  # noqa: E402
import sentences  # noqa: E402
from known import DIFFERS, FAILED, MISSING, OK, UNSUPPORTED, Cell, Result  # noqa: E402
from ours import pattern  # noqa: E402
from peers import HERE_PLACE, PEERS, Missing, Peer  # noqa: E402
from plays import ALERT_WORDS, ROWS, VERSIONS, TheirReport, faults, heard, over_http  # noqa: E402
from run import Process, Silent, result_of, summary  # noqa: E402

NAMES = [peer.name for peer in PEERS]


def our_report(play, version):
    """As it must be."""
    want = play.we_report
    report = {"status": want["status"], "error": "an error", "version": version, "sent": None, "received": None, "ticket": "",
              "resumed": [False], "alpn": None, "retried": False, "group": 29, "end": None, "peer": None, "updates": 0}
    report.update((key, value[0] if key in ("sent", "received") else value) for key, value in want.items())
    return report


def their_lines(play):
    want = play.they_report
    if "failed" in want:
        return [f"failed alert={want['failed']} words" if want["failed"] else "failed words"]
    resumed = want.get("resumed", ["0"])
    lines = [f"connected resumed={flag} alpn={want.get('alpn', '')}" for flag in resumed]
    return lines + ([f"end {want['end']}"] if "end" in want else []) + ["done"] * want["done"]


def all_plays():
    for row in ROWS:
        for we_serve in (False, True):
            yield row, row.make(we_serve)


class Harness(unittest.TestCase):
    def test_a_report_as_it_must_be_is_accepted_in_every_row(self):
        for row, play in all_plays():
            for version in row.versions:
                with self.subTest(row=row.name, version=version):
                    self.assertEqual(faults(play, version, our_report(play, version), TheirReport(their_lines(play))), [])

    def test_each_thing_that_a_row_demands_of_us_is_compared(self):
        for row, play in all_plays():
            for key in play.we_report:
                changed = {**our_report(play, "1.3"), key: {"status": "other", "updates": 0}.get(key, "something else")}
                if key == "status":
                    changed[key] = "ok" if play.we_report[key] == "failed" else "failed"
                with self.subTest(row=row.name, key=key):
                    self.assertTrue(faults(play, "1.3", changed, TheirReport(their_lines(play))))

    def test_another_version_is_a_fault(self):
        for row, play in all_plays():
            if play.we_report["status"] == "ok":
                with self.subTest(row=row.name):
                    self.assertTrue(faults(play, "1.3", our_report(play, "1.2"), TheirReport(their_lines(play))))

    def test_each_line_that_a_row_demands_of_the_peer_is_compared(self):
        for row, play in all_plays():
            lines = their_lines(play)
            for number, line in enumerate(lines):
                if line == "connected resumed=0 alpn=":
                    continue
                with self.subTest(row=row.name, line=line):
                    less = [*lines[:number], *lines[number + 1:]] if not line.startswith("connected") else ["connected resumed=9 alpn=x", *lines[1:]]
                    self.assertTrue(faults(play, "1.3", our_report(play, "1.3"), TheirReport(less)))

    def test_a_peer_that_fails_or_is_broken_is_a_fault(self):
        for row, play in all_plays():
            for line in ("broken words", *([] if "failed" in play.they_report else ["failed words"])):
                with self.subTest(row=row.name, line=line):
                    self.assertTrue(faults(play, "1.3", our_report(play, "1.3"), TheirReport([line, *their_lines(play)])))

    def test_a_peer_that_hears_another_alert_is_a_fault(self):
        for row, play in all_plays():
            if play.they_report.get("failed"):
                with self.subTest(row=row.name):
                    self.assertTrue(faults(play, "1.3", our_report(play, "1.3"), TheirReport(["failed alert=80 internal error"])))

    def test_alerts_are_known_by_number_and_by_the_names_that_peers_have_for_them(self):
        self.assertTrue(heard(48, ["alert=48 words"]))
        self.assertTrue(heard(48, ["remote error: tls: unknown certificate authority"]))
        self.assertTrue(heard(48, ["Received fatal alert: unknown_ca"]))
        self.assertTrue(heard(120, ["ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL"]))
        self.assertFalse(heard(48, ["alert=480 words", "alert=4 words", "unknown"]))
        self.assertEqual(set(ALERT_WORDS), {48, 120})

    def test_both_sides_have_the_same_bytes(self):
        for size in (0, 1, 250, 251, 252, 1000):
            self.assertEqual(pattern(size), bytes(at % 251 for at in range(size)))


    def test_over_http_every_step_of_the_exchange_is_one_of_http(self):
        for row, play in all_plays():
            script = over_http(play).ours["script"]
            with self.subTest(row=row.name):
                self.assertNotIn("recv:100,", script)
                self.assertEqual("storm" in script, "storm" in play.ours["script"])
                self.assertEqual("counted:" in script, row.name == "they-close")


class Verdicts(unittest.TestCase):
    entries = [{"peers": ["p"], "rows": ["plain"], "versions": ["1.3"], "we_are": ["client"], "saw": ["the words"], "fault": "x", "why": "y"},
               {"peers": ["p"], "rows": ["mutual"], "unsupported": True, "saw": ["other", "no option"], "fault": "x", "why": "y"}]
    listed, unsupported, unlisted = Cell("p", "plain", "1.3", "client"), Cell("p", "mutual", "1.2", "server"), Cell("p", "plain", "1.2", "client")

    def outcome(self, cell, *found):
        return known.judge(self.entries, cell, list(found)).outcome

    def test_a_cell_without_faults_is_ok_and_one_with_faults_has_failed(self):
        self.assertEqual(self.outcome(self.unlisted), OK)
        self.assertEqual(self.outcome(self.unlisted, "the words"), FAILED)

    def test_a_listed_failure_with_its_words_is_explained(self):
        self.assertEqual(self.outcome(self.listed, "more", "and the words too"), DIFFERS)
        self.assertEqual(self.outcome(self.unsupported, "there is no option"), UNSUPPORTED)

    def test_a_listed_failure_that_passes_or_fails_in_another_way_has_failed(self):
        self.assertEqual(self.outcome(self.listed), FAILED)
        self.assertEqual(self.outcome(self.listed, "something else"), FAILED)
        self.assertEqual(self.outcome(self.unsupported), FAILED)

    def test_the_list_has_no_mistakes_and_no_cell_twice(self):
        entries = known.load()
        self.assertEqual(known.mistakes(entries, NAMES), [])
        used = set()
        for cell in known.cells(NAMES):
            covering = [number + 1 for number, entry in enumerate(entries) if known.covers(entry, cell)]
            self.assertLessEqual(len(covering), 1, f"{cell} is in entries {covering}")
            used.update(covering)
        self.assertEqual(used, set(range(1, len(entries) + 1)), "an entry is about no cell")

    def test_mistakes_of_the_list_are_found(self):
        for key, value in (("peers", ["nobody"]), ("rows", ["no row"]), ("versions", ["1.1"]), ("we_are", ["both"]), ("why", ""), ("saw", [])):
            entry = {**copy.deepcopy(self.entries[0]), "peers": NAMES[:1], key: value}
            self.assertTrue(known.mistakes([entry], NAMES), key)


class Runs(unittest.TestCase):
    def test_a_peer_that_cannot_be_had_is_missing_in_every_cell(self):
        def make():
            raise Missing("there is no such package")
        peer = Peer("p", "P", HERE_PLACE, make)
        peer.make()
        self.assertEqual(result_of(peer, [], Verdicts.listed), Result(MISSING, None, ("there is no such package",)))

    def test_the_sum_counts_what_is_explained_as_passed_and_what_is_missing_by_itself(self):
        outcomes = [OK, OK, DIFFERS, UNSUPPORTED, FAILED, MISSING, MISSING]
        self.assertEqual(summary({number: Result(outcome) for number, outcome in enumerate(outcomes)}), (4, 1, 2))


class Page(unittest.TestCase):
    def test_every_outcome_is_on_the_page(self):
        outcomes = [Result(OK), Result(DIFFERS, 0), Result(UNSUPPORTED, 1), Result(MISSING), Result(FAILED)]
        cells = known.cells(NAMES)
        results = {cell: outcomes[number % len(outcomes)] for number, cell in enumerate(cells)}
        text = page.text(PEERS, Verdicts.entries, results, (1, 2, 3))
        counted = len(re.findall(r"\| (?:ok|differs \[1\]\(#n1\)|– \[2\]\(#n2\)|missing|\*\*failed\*\*)(?= \|)", text))
        self.assertEqual(counted, len(cells))
        self.assertIn("1 passed, 2 failed, 3 missing", text)

    def test_the_page_has_the_peers_and_the_notes_of_today_and_no_failure(self):
        with open(page.PAGE, encoding="utf-8") as file:
            text = file.read()
        self.assertNotIn("**failed**", text)
        self.assertEqual(text.split("\n## Notes\n\n")[1].split("\n\n## Missing")[0].rstrip("\n"), "\n".join(page.notes(known.load())))
        for version in VERSIONS:
            for part in re.findall(rf"## TLS {re.escape(version)}, we are .*?\n\n(.*?)\n\n", text + "\n", flags=re.DOTALL):
                self.assertEqual([line.split("|")[1].strip().rsplit(" ", 1)[0] != "" for line in part.splitlines()[2:]], [True] * len(PEERS))


class Processes(unittest.TestCase):
    def test_a_peer_that_does_not_listen_is_reported_with_its_words(self):
        process = Process([sys.executable, "-c", "print('broken no such groups')"])
        try:
            with self.assertRaisesRegex(Silent, "no such groups"):
                process.port()
        finally:
            process.close()

    def test_a_process_is_ended_with_what_it_has_started(self):
        process = Process([sys.executable, "-c", "import subprocess; child = subprocess.Popen(['sleep', '600']); print(child.pid, flush=True); child.wait()"])
        child = int(process.process.stdout.readline())
        process.close()
        self.assertIsNotNone(process.process.returncode)
        for _ in range(1000):
            if gone(child):
                break
            time.sleep(0.01)
        self.assertTrue(gone(child))


def gone(number):
    """Whether a process has ended; one that is not collected yet has."""
    try:
        with open(f"/proc/{number}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


if __name__ == "__main__":
    sentences.main()
