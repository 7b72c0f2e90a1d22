"""Lays out the NuGet package, without NuGet: pack.py LIBSPANTLS.so FOLDER writes SpanTls.VERSION.nupkg. Compiles SpanTls with what
tools/toolchain.py fetches."""

import os
import platform
import re
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "tests"))

import run  # noqa: E402
import toolchain  # noqa: E402

NUSPEC = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
  <metadata>
    <id>SpanTls</id>
    <version>{version}</version>
    <authors>the authors of spantls</authors>
    <description>A non-blocking, span-based TLS 1.2/1.3 state machine, and a stream on it.</description>
    <license type="expression">MIT OR Apache-2.0</license>
    <readme>README.md</readme>
    <dependencies>
      <group targetFramework="net8.0" />
    </dependencies>
  </metadata>
</package>
"""
TYPES = """<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
  <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml" />
  <Default Extension="nuspec" ContentType="application/octet" />
  <Default Extension="dll" ContentType="application/octet" />
  <Default Extension="so" ContentType="application/octet" />
  <Default Extension="xml" ContentType="application/octet" />
  <Default Extension="md" ContentType="application/octet" />
</Types>
"""
RELATIONS = """<?xml version="1.0" encoding="utf-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
  <Relationship Type="http://schemas.microsoft.com/packaging/2010/07/manifest" Target="/SpanTls.nuspec" Id="R1" />
</Relationships>
"""
# Fixed, so that the same sources make the same package.
DATE = (2026, 1, 1, 0, 0, 0)


def version():
    with open(os.path.join(toolchain.ROOT, "Cargo.toml"), encoding="utf-8") as file:
        return re.search(r'^version = "(.*)"', file.read(), flags=re.M).group(1)


def pack(library, folder):
    machine = {"x86_64": "x64", "aarch64": "arm64"}[platform.machine()]
    dll = run.library()
    files = {
        "SpanTls.nuspec": NUSPEC.format(version=version()).encode(),
        "[Content_Types].xml": TYPES.encode(),
        "_rels/.rels": RELATIONS.encode(),
    }
    for name, path in (("lib/net8.0/SpanTls.dll", dll), ("lib/net8.0/SpanTls.xml", os.path.join(run.OUT, "SpanTls.xml")),
                       (f"runtimes/linux-{machine}/native/libspantls.so", library),
                       ("README.md", os.path.join(HERE, "README.md"))):
        with open(path, "rb") as file:
            files[name] = file.read()
    os.makedirs(folder, exist_ok=True)
    package = os.path.join(folder, f"SpanTls.{version()}.nupkg")
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED)
    return package


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    toolchain.ensure()
    print(pack(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])))
