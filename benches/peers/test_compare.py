"""The comparison itself, tried with what needs no other library to be built: spantls, Debian's OpenSSL, and the copy.

usage: test_compare.py LIBRARY"""

import sys
import unittest
import unittest.mock
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "ffi-tests")]

import compare  # noqa: E402
import page  # noqa: E402
import sentences  # noqa: E402
from build import Peer  # noqa: E402
from compare import MEASURES, Broken, Measure, Running, play, settings  # noqa: E402

LIBRARY = sys.argv.pop(1)
TRIED = ("full", "resumed", "mutual", "servers", "exchanges", "records-aes128", "allocations", "memory")


def small(measure):
    """The same measure with less to do."""
    command = {"handshakes": "handshakes 8", "exchanges": "exchanges 1024 4", "memory": "memory 8"}
    word, *numbers = measure.command.split()
    return Measure(measure.work, measure.name, measure.settings, command.get(word, f"records {numbers[0]} 8"), measure.metrics,
                   measure.rounds, measure.counted, measure.ways)


class Comparison(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ours = Peer(f"spantls-ring={LIBRARY}").make()
        cls.others = [Peer(name).make() for name in ("openssl-3.0", "openssl-3.0:span", "copy")]

    def peers(self, measure):
        others = [peer for peer in self.others if peer.program and (measure.bulk or not page.is_floor(peer.label))]
        return [self.ours, *others]

    def test_every_library_negotiates_what_it_is_held_to_and_every_figure_is_positive(self):
        self.assertIsNone(self.ours.missing)
        for measure in MEASURES:
            if measure.work not in TRIED:
                continue
            with self.subTest(work=measure.work, name=measure.name):
                peers = self.peers(measure)
                samples = play(small(measure), peers, 2)
                self.assertEqual({label.partition(":")[0] for label in samples}, {peer.label.partition(":")[0] for peer in peers})
                for label, found in samples.items():
                    for metric in measure.metrics:
                        # Small sessions may fit into pages that are there, and a record may need no allocation.
                        least = 0 if metric.endswith(("_resident", "_allocations", "_calls", "tickets")) else 0.001
                        self.assertGreaterEqual(min(found[metric]), least, f"{label}: {metric}")

    def test_other_parameters_than_those_wanted_are_an_error_and_not_a_figure(self):
        program = Running(self.ours, False)
        try:
            # TLS 1.2 has no suite of this number.
            with self.assertRaises(Broken) as raised:
                program.ask(f"open {settings('1.2').replace('c02b', '1301')}")
            self.assertIn("spantls", str(raised.exception))
        finally:
            program.close()

    def test_a_peer_that_cannot_be_made_is_named_with_the_reason(self):
        lost = Peer("openssl-3.0")
        lost.name = "nothing"
        with unittest.mock.patch.dict(compare.build.MAKERS, nothing=self.unavailable):
            lost.make()
        self.assertIsNone(lost.program)
        self.assertEqual(lost.missing, "not on this machine")

    @staticmethod
    def unavailable(_name, _library):
        raise compare.build.Unavailable("not on this machine")


class Page(unittest.TestCase):
    SAMPLES = {"spantls-ring": {"server": [2000.0, 4000.0, 3000.0]}, "openssl-3.0": {"server": [1000.0, 2000.0, 3000.0]},
               "boringssl": {"server": [4000.0, 4000.0, 4000.0]}, "copy": {"server": [1.0, 1.0, 1.0]}}

    def test_the_best_of_the_others_is_no_build_of_ours_and_no_floor(self):
        self.assertEqual(page.best(self.SAMPLES, "server"), "openssl-3.0")

    def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds(self):
        self.assertEqual(page.ratio(self.SAMPLES["spantls-ring"]["server"], self.SAMPLES["openssl-3.0"]["server"]), 2.0)

    def test_what_is_behind_stands_beside_what_is_ahead(self):
        measure = {"metrics": {"server": "server, µs"}, "samples": self.SAMPLES, "load": [0, 0], "rounds": 3}
        text = page.summary({"full": {"TLS 1.3": measure}})
        self.assertIn("ahead in 0 of 1 rows and behind in 1", text)
        self.assertIn("| openssl-3.0 | 2.00 behind |", text)

    def test_a_library_without_a_figure_has_a_dash(self):
        measures = {f"TLS {version}": {"metrics": {"server": "server, µs"}, "samples": dict(self.SAMPLES), "load": [0, 0], "rounds": 3}
                    for version in ("1.3", "1.2")}
        del measures["TLS 1.2"]["samples"]["boringssl"]
        self.assertRegex(page.handshake_section("full", measures), r"\| boringssl \| 4\.00 .* \| – \|")


if __name__ == "__main__":
    sentences.main()
