"""The default validation beside OpenSSL's and Go's verdict on chains that follow from seeds, with each kind of trust anchors, with
and without the strict profile. Every difference belongs to a class of differences.toml, which explains it.

    test_chains.py [CHAINS [SEED]]

Without arguments the short form: 300 chains, beside OpenSSL. With a number both judges, and from seed 0 every class must occur."""

import collections
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "zoo"), os.path.join(HERE, "..", "peers"), os.path.join(HERE, "..", "..")]

import environment

environment.ensure()

import generator
import go_judge
import openssl_judge
import our_judge
import x509

try:
    import tomllib
except ImportError:
    import tomli as tomllib

SHORT = 300
# From this number on every class occurs.
WHOLE = 3000

Difference = collections.namedtuple("Difference", "judge ours theirs mode as_certificates")


class Class:
    def __init__(self, entry):
        self.name, self.judges, self.because = entry["name"], entry["judges"], entry["because"]
        self._entry = entry
        if entry["ours"] not in ("accepts", "refuses") or "RFC" not in entry["because"]:
            raise ValueError(f"{self.name}: it says neither who accepts nor what the RFC says")

    def explains(self, difference, faults):
        entry = self._entry
        if difference.judge not in self.judges or difference.mode not in entry.get("modes", our_judge.MODES):
            return False
        if not any(re.search(entry["faults"], fault) for fault in faults):
            return False
        if entry.get("as_certificates", difference.as_certificates) != difference.as_certificates:
            return False
        if difference.ours:
            return entry["ours"] == "refuses" and bool(set(entry.get("reasons", difference.ours)) & set(difference.ours))
        return entry["ours"] == "accepts" and re.search(entry["theirs"], difference.theirs) is not None


def read_classes():
    with open(os.path.join(HERE, "differences.toml"), "rb") as file:
        return [Class(entry) for entry in tomllib.load(file)["class"]]


class Comparison:
    def __init__(self, directory, with_go):
        self._ours, self._keys = our_judge.Judge(directory), x509.Keys()
        self._go = go_judge.Judge() if with_go else None
        self._classes = read_classes()
        self.seen = collections.Counter()
        self.verdicts = collections.Counter()
        self.passed = self.failed = 0

    def compare(self, seed):
        chain = generator.Chain(seed, self._keys)
        self._ours.prepare(chain)
        go = self._go and self._go.verdict(chain)
        unexplained = []
        for strict in (False, True):
            ours = {mode: self._ours.reasons(chain, strict, mode) for mode in our_judge.MODES}
            for mode, reasons in ours.items():
                theirs = {"openssl": openssl_judge.verdict(chain, strict, mode != "certificates"), **({"go": go} if self._go else {})}
                self.verdicts[mode, strict, *(not verdict for verdict in (reasons, *theirs.values()))] += 1
                if not reasons and len(theirs) > 1 and all(theirs.values()) and mode != "authorities":
                    unexplained.append(f"only we accept it: {theirs}, {mode}, strict: {strict}")
                for judge, verdict in theirs.items():
                    if bool(reasons) != bool(verdict):
                        difference = Difference(judge, reasons, verdict or "", mode, "refuses" if ours["partial chain"] else "accepts")
                        found = self._explain(difference, chain.faults)
                        unexplained += [] if found else [f"{difference}, strict: {strict}"]
        self._count(chain, unexplained)

    def _explain(self, difference, faults):
        found = next((one for one in self._classes if one.explains(difference, faults)), None)
        if found:
            self.seen[found.name, difference.judge] += 1
        return found

    def _count(self, chain, unexplained):
        if not unexplained:
            self.passed += 1
            return
        self.failed += 1
        print(f"not ok - seed {chain.seed}: {chain.role}, {chain.target or 'no name'}, {', '.join(chain.faults) or 'no fault'}")
        for line in unexplained:
            print(f"#   {line}")

    def every_class_occurs(self):
        for one in self._classes:
            for judge in one.judges:
                if not self.seen[one.name, judge]:
                    self.failed += 1
                    print(f"not ok - no chain differs from {judge} because {one.name}")

    def print(self):
        """For docs/proof.md."""
        print("| difference | beside | verdicts | because |\n|---|---|---|---|")
        for one in self._classes:
            for judge in one.judges:
                print(f"| {one.name} | {judge} | {self.seen[one.name, judge]} | {one.because} |")
        judges = ["ours", "OpenSSL", *(["Go"] if self._go else [])]
        print(f"\n| anchors | strict | {' | '.join(judges)} | chains |\n|---|---|{'---|' * len(judges)}---|")
        for (mode, strict, *accepted), count in sorted(self.verdicts.items()):
            words = " | ".join("accepts" if one else "refuses" for one in accepted)
            print(f"| {mode} | {'yes' if strict else 'no'} | {words} | {count} |")
        print()

    def close(self):
        if self._go:
            self._go.close()


def main():
    count, first = (int(word) for word in [*sys.argv[1:], *[SHORT, 0][len(sys.argv) - 1:]])
    directory = tempfile.mkdtemp(prefix="spantls-chains-")
    comparison = Comparison(directory, with_go=len(sys.argv) > 1)
    try:
        for seed in range(first, first + count):
            comparison.compare(seed)
        if count >= WHOLE and first == 0:
            comparison.every_class_occurs()
        if len(sys.argv) > 1:
            print(f"# {openssl_judge.version()}; {go_judge.golang.GO}")
            comparison.print()
    finally:
        comparison.close()
        shutil.rmtree(directory)
    print(f"{comparison.passed} passed, {comparison.failed} failed")
    sys.exit(1 if comparison.failed else 0)


main()
