"""Compiles SpanTls and its tests with what tools/toolchain.py fetches, and runs them: run.py [WORD...] (only tests whose sentence has
one of the words). SPANTLS_LIB is the library, else target/release/libspantls.so."""

import glob
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))

import toolchain  # noqa: E402

OUT = os.path.join(toolchain.PLACE, "out")
DEFINES = ["--define", "NET", "--define", "NET8_0_OR_GREATER"]


def environment():
    return {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_gcServer": "0", "DOTNET_TieredPGO": "0",
            "SPANTLS_LIB": os.path.abspath(os.environ.get("SPANTLS_LIB", os.path.join(toolchain.ROOT, "target", "release",
                                                                                        "libspantls.so"))),
            "SPANTLS_CERTS": os.path.join(toolchain.ROOT, "ffi-tests", "certs")}


def compile(out, sources, *options):
    """Compiles unless it is newer than its sources."""
    made = os.path.join(OUT, out)
    os.makedirs(OUT, exist_ok=True)
    inputs = sources + [part for part in options if os.path.isfile(part)] + [os.path.join(HERE, "..", "tools", "compile.py")]
    if not os.path.exists(made) or os.path.getmtime(made) < max(os.path.getmtime(path) for path in inputs):
        subprocess.run([toolchain.PYTHON, os.path.join(HERE, "..", "tools", "compile.py"), made, *options, *sources], check=True)
    return made


def library():
    sources = sorted(glob.glob(os.path.join(HERE, "..", "SpanTls", "*.cs")))
    return compile("SpanTls.dll", sources, "--library", "--documentation", os.path.join(OUT, "SpanTls.xml"), *DEFINES)


def standard():
    """The same for .NET Standard 2.1."""
    os.makedirs(os.path.join(OUT, "standard"), exist_ok=True)
    sources = sorted(glob.glob(os.path.join(HERE, "..", "SpanTls", "*.cs")))
    return compile(os.path.join("standard", "SpanTls.dll"), sources, "--library")


def main():
    try:
        toolchain.ensure()
    except toolchain.Unavailable as reason:
        print(f"skipped - SpanTls: {reason}")
        if sys.argv[1:] == ["--scenarios"]:
            return 2
        print("0 passed, 0 failed")
        return 0
    spantls = library()
    if sys.argv[1:] == ["--scenarios"]:
        sources = sorted(glob.glob(os.path.join(HERE, "..", "scenarios", "*.cs")))
        compile("ScenarioRunner.dll", sources, "--reference", spantls)
        return 0
    sources = sorted(glob.glob(os.path.join(HERE, "*.cs")))
    program = compile("tests.dll", sources, "--reference", spantls)
    dotnet = os.path.join(toolchain.RUNTIME, "dotnet")
    framework, = glob.glob(os.path.join(toolchain.RUNTIME, "shared", "Microsoft.NETCore.App", "*"))
    with tempfile.TemporaryDirectory() as decisions:
        subprocess.run([sys.executable, os.path.join(toolchain.ROOT, "ffi-tests", "judges", "trust", "decisions.py"), decisions], check=True,
                       stdout=subprocess.DEVNULL)
        return run(dotnet, program, framework, decisions)


def run(dotnet, program, framework, decisions):
    names = {"SPANTLS_DECISIONS": decisions, "SPANTLS_STANDARD": standard(), "SPANTLS_NETSTANDARD": os.path.join(framework, "netstandard.dll")}
    return subprocess.run([dotnet, program, *sys.argv[1:]], env={**environment(), **names}).returncode


if __name__ == "__main__":
    sys.exit(main())
