"""TlsStream beside SslStream: see Bench.cs. Prints a table."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests"))

import run  # noqa: E402
import toolchain  # noqa: E402

toolchain.ensure()
tests = os.path.join(HERE, "..", "tests")
# The tests' certificates and streams in memory, without their Main.
program = run.compile("Bench.dll", [os.path.join(HERE, "Bench.cs"), os.path.join(tests, "Files.cs"), os.path.join(tests, "Pipes.cs")],
                      "--reference", run.library())
environment = {**run.environment(), "DOTNET_TieredPGO": "1"}
sys.exit(subprocess.run([os.path.join(toolchain.RUNTIME, "dotnet"), program], env=environment).returncode)
