"""unittest in the manner of the other tests here: a line per test, `N passed, N failed` at the end."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
CERTS = os.environ.get("SPANTLS_CERTS") or os.path.join(ROOT, "ffi-tests", "certs")
if not os.environ.get("SPANTLS_INSTALLED"):
    sys.path.insert(0, os.path.dirname(HERE))
    os.environ.setdefault("SPANTLS_LIB", os.path.join(ROOT, "target", "release", "libspantls.so"))


def cert(name):
    return os.path.join(CERTS, name)


class _Result(unittest.TestResult):
    passed = failed = 0

    def _name(self, test):
        return str(test).split(" ")[0].replace("test_", "", 1).replace("_", " ")

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        print(f"ok - {self._name(test)}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"# left out - {self._name(test)}: {reason}", flush=True)

    def _bad(self, test, error):
        self.failed += 1
        text = self._exc_info_to_string(error, test)
        print(f"not ok - {self._name(test)}: {error[0].__name__}: {error[1]}", flush=True)
        print("".join("#   " + line for line in text.splitlines(True)), flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._bad(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._bad(subtest, error)

    def addError(self, test, error):
        super().addError(test, error)
        self._bad(test, error)


def main():
    names = sys.argv[1:]
    loader = unittest.defaultTestLoader
    module = sys.modules["__main__"]
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    result = _Result()
    suite.run(result)
    print(f"{result.passed} passed, {result.failed} failed", flush=True)
    sys.stdout.flush()
    sys.exit(0 if result.failed == 0 and result.passed else 1)
