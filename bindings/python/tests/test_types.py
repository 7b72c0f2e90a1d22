"""The package's types, checked strictly by mypy, as a user's editor sees them."""

import os
import subprocess
import sys

import report

done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--python-version", "3.9", "spantls"],
                      cwd=os.path.dirname(report.HERE), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
if done.returncode == 0:
    print("ok - mypy finds nothing\n1 passed, 0 failed")
else:
    print("\n".join("#   " + line for line in done.stdout.splitlines()))
    print("not ok - mypy finds nothing\n0 passed, 1 failed")
sys.exit(done.returncode)
