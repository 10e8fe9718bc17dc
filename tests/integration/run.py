#!/usr/bin/env python3
"""Runs the integration tests: every test_*.py beside this file, or the modules, classes or tests named.

    run.py                                         all
    run.py test_network test_config.ConfigFile     some

CHESTBOX_SERVER=/usr/bin/redis-server run.py tests the tests: what ChestBox alone can do is then skipped.
"""
import glob
import os
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import harness  # noqa: E402


class Progress(unittest.TextTestResult):
    """One line a test, as it ends, with its time."""

    def startTest(self, test):
        unittest.TestResult.startTest(self, test)
        self.began = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        kinds = (("FAILED", self.failures + self.errors), ("skipped", self.skipped))
        kind = next((name for name, tests in kinds if any(entry[0] is test for entry in tests)), "ok")
        self.stream.writeln(f"[{kind}] {test.id()} ({time.monotonic() - self.began:.1f} s)")
        self.stream.flush()

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)

    def addFailure(self, test, error):
        unittest.TestResult.addFailure(self, test, error)

    def addError(self, test, error):
        unittest.TestResult.addError(self, test, error)

    def addSkip(self, test, reason):
        unittest.TestResult.addSkip(self, test, reason)


def main(names):
    if not names:
        names = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(HERE, "test_*.py")))
    tests = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=0, resultclass=Progress).run(tests)
    bad = len(result.failures) + len(result.errors)
    for test, reason in result.skipped:
        print(f"skipped {test.id()}: {reason}")
    return harness.summary(result.testsRun - bad - len(result.skipped), bad, len(result.skipped))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
