"""Runs unittest cases, one line per test: a test's name read as a sentence. The last line is the summary."""

import sys
import time
import unittest


def sentence(test):
    name = getattr(test, "_testMethodName", str(test)).removeprefix("test_")
    return getattr(type(test), "SENTENCES", {}).get(name) or name.replace("_", " ")


class _Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.passed = 0

    def addSuccess(self, test):
        self.passed += 1
        print(f"ok - {sentence(test)}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skipped - {sentence(test)}: {reason}", flush=True)

    def _complain(self, test, error, part=""):
        print("".join(f"# {line}\n" for line in self._exc_info_to_string(error, test).splitlines()), end="")
        print(f"not ok - {sentence(test)}{part}", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._complain(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._complain(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._complain(test, error, " " + subtest.id().partition(" ")[2])


def add_test(case, name, method):
    """Adds a test to a case whose name is a sentence with characters that a method's name cannot have."""
    plain = "".join(c if c.isalnum() else "_" for c in name)
    if hasattr(case, f"test_{plain}"):
        raise ValueError(f"two tests are called {name!r}")
    case.SENTENCES = {**getattr(case, "SENTENCES", {}), plain: name}
    setattr(case, f"test_{plain}", method)


def main(module="__main__"):
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module])
    result = _Result()
    started = time.monotonic()
    suite.run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"# {len(result.skipped)} skipped, {time.monotonic() - started:.1f} seconds")
    print(f"{result.passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
