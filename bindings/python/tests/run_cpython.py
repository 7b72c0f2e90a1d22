"""CPython's own tests of TLS as an outside judge: test_ssl, test_asyncio (ssl, sslproto) and test_httplib of the running
Python, with spantls.ssl in the place of ssl.

cpython_left_out.txt lists each test that is not expected to pass, with its reason. A listed test that passes is a failure as
much as another one that does not. `run_cpython.py --learn` prints what fails.
"""

import importlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import unittest

import report

LIST = os.path.join(report.HERE, "cpython_left_out.txt")
# Of test_httplib and test_asyncio.test_events: what is about TLS.
MODULES = [("test.test_ssl", None), ("test.test_httplib", re.compile(r"HTTPS|ssl|tls", re.I)),
           ("test.test_asyncio.test_ssl", None), ("test.test_asyncio.test_sslproto", None)]
SECONDS = 240
# No test takes longer than this.
SECONDS_EACH = 20


def too_long(*_):
    raise TimeoutError("the test takes too long")


def names_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from names_of(test)
        else:
            yield test


class Result(unittest.TestResult):
    """A line for each test, which the parent process reads."""

    def startTest(self, test):
        super().startTest(test)
        self.bad = None
        signal.setitimer(signal.ITIMER_REAL, SECONDS_EACH, 5)

    def addError(self, test, error):
        self.bad = error

    addFailure = addError

    def addSubTest(self, test, subtest, error):
        if error is not None:
            self.bad = error

    def addSkip(self, test, reason):
        self.bad = "skip"
        print(f"SKIP {test.id()} {reason}", flush=True)

    def addExpectedFailure(self, test, error):
        pass

    def stopTest(self, test):
        signal.setitimer(signal.ITIMER_REAL, 0)
        super().stopTest(test)
        if self.bad is None:
            print(f"PASS {test.id()}", flush=True)
        elif self.bad != "skip":
            text = " ".join(f"{self.bad[0].__name__}: {self.bad[1]}".split())[:200]
            print(f"FAIL {test.id()} {text}", flush=True)


def child(module, only):
    """Runs a module's tests with ssl replaced."""
    import spantls.ssl
    import ssl
    ssl.spantls = spantls.ssl
    sys.modules["ssl"] = spantls.ssl
    for name in ("asyncio.sslproto", "http.client", "urllib.request", "asyncio.selector_events", "asyncio.base_events",
                 "asyncio.events", "asyncio.streams"):
        loaded = importlib.import_module(name)
        if hasattr(loaded, "ssl"):
            loaded.ssl = spantls.ssl
    from test import support
    support.verbose = 0
    loaded = importlib.import_module(module)
    suite = unittest.defaultTestLoader.loadTestsFromModule(loaded)
    tests = [test for test in names_of(suite) if only is None or re.search(only, test.id())]
    if hasattr(loaded, "setUpModule"):
        loaded.setUpModule()
    signal.signal(signal.SIGALRM, too_long)
    result = Result()
    unittest.TestSuite(tests).run(result)
    print("END", flush=True)


def run(module, only):
    """{name: (verdict, text)}; a process of its own each, and one more for what stands behind a test that hangs."""
    command = [sys.executable, "-W", "ignore", __file__, "--child", module, only.pattern if only else ""]
    found = {}
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=SECONDS,
                              cwd=os.environ.get("TMPDIR", "/tmp"))
        output, ended = done.stdout, "END" in done.stdout
    except subprocess.TimeoutExpired as error:
        output, ended = (error.stdout or b"").decode() if isinstance(error.stdout, bytes) else error.stdout or "", False
    for line in output.splitlines():
        parts = line.split(" ", 2)
        if len(parts) > 1 and parts[0] in ("PASS", "FAIL", "SKIP"):
            found[parts[1]] = (parts[0], parts[2] if len(parts) > 2 else "")
    if not ended:
        found[module + ".end"] = ("FAIL", "the module did not end")
    return found


def left_out():
    """{name: reason}."""
    listed = {}
    with open(LIST, encoding="utf-8") as file:
        for line in file:
            name, _, reason = line.strip().partition(" ")
            if name and not name.startswith("#"):
                if not reason:
                    raise SystemExit(f"{name} has no reason")
                listed[name] = reason
    return listed


def main():
    if sys.argv[1:2] == ["--child"]:
        pattern = sys.argv[3]
        return child(sys.argv[2], re.compile(pattern, re.I) if pattern else None)
    if importlib.util.find_spec("test.test_ssl") is None:
        print("skipped - CPython's tests: this Python has come without them (in Debian: libpython3-testsuite)\n0 passed, 0 failed")
        return 0
    learn = "--learn" in sys.argv
    listed = {} if learn else left_out()
    passed = failed = skipped = expected = 0
    seen = set()
    for module, only in MODULES:
        for name, (verdict, text) in run(module, only).items():
            seen.add(name)
            if verdict == "SKIP":
                skipped += 1
            elif (verdict == "PASS") == (name not in listed):
                passed += verdict == "PASS"
                expected += verdict == "FAIL"
            else:
                failed += 1
                why = text if verdict == "FAIL" else "it passes: take it off the list"
                print(f"{name} {why}" if learn else f"not ok - {name}: {why}", flush=True)
    for name in sorted(set(listed) - seen):
        if sys.version_info[:2] == (3, 11):
            failed += 1
            print(f"not ok - {name}: listed, and there is no such test")
    print(f"# Python {sys.version.split()[0]}: {passed} of CPython's tests pass, {expected} are left out for the reasons listed, "
          f"{skipped} skip themselves")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
