"""Compiles C# with Roslyn, inside the .NET runtime that toolchain.py has fetched (run with its Python):

    compile.py OUT.dll [--library] [--framework FOLDER]... [--reference X.dll]... [--define NAME]... SOURCE.cs...
"""

import argparse
import glob
import json
import os
import sys

import clr_loader
import pythonnet

import toolchain


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--library", action="store_true")
    parser.add_argument("--framework", action="append")
    parser.add_argument("--reference", action="append", default=[])
    parser.add_argument("--define", action="append", default=[])
    parser.add_argument("--documentation")
    parser.add_argument("--language", default="Latest")
    options = parser.parse_args()
    frameworks = options.framework or glob.glob(os.path.join(toolchain.RUNTIME, "shared", "Microsoft.NETCore.App", "*"))
    settings = os.path.join(toolchain.PLACE, "compiler.runtimeconfig.json")
    write_settings(settings, ["Microsoft.NETCore.App"], "8.0.0")
    pythonnet.set_runtime(clr_loader.get_coreclr(dotnet_root=toolchain.RUNTIME, runtime_config=settings))
    import clr
    from System.Reflection import Assembly
    for name in ("Microsoft.CodeAnalysis", "Microsoft.CodeAnalysis.CSharp"):
        Assembly.LoadFrom(os.path.join(toolchain.ROSLYN, f"{name}.dll"))
        clr.AddReference(name)
    sys.exit(build(options, frameworks))


def build(options, frameworks):
    from Microsoft.CodeAnalysis import (DocumentationMode, MetadataReference, NullableContextOptions, OptimizationLevel,
                                        OutputKind, SyntaxTree)
    from Microsoft.CodeAnalysis.CSharp import (CSharpCompilation, CSharpCompilationOptions, CSharpParseOptions,
                                               CSharpSyntaxTree, LanguageVersion)
    from System import Array, String
    from System.Collections.Generic import List
    from System.IO import FileMode, FileStream
    from System.Text import Encoding
    references = List[MetadataReference]()
    for path in sorted(path for framework in frameworks for path in glob.glob(os.path.join(framework, "*.dll"))):
        if os.path.basename(path).startswith(("System.", "Microsoft.", "netstandard", "mscorlib", "WindowsBase")):
            references.Add(MetadataReference.CreateFromFile(path))
    for path in options.reference:
        references.Add(MetadataReference.CreateFromFile(path))
    parse = CSharpParseOptions(getattr(LanguageVersion, options.language), DocumentationMode.Diagnose)
    parse = parse.WithPreprocessorSymbols(Array[String](options.define))
    trees = List[SyntaxTree]()
    for source in options.sources:
        with open(source, encoding="utf-8") as file:
            trees.Add(CSharpSyntaxTree.ParseText(file.read(), parse, os.path.abspath(source), Encoding.UTF8))
    kind = OutputKind.DynamicallyLinkedLibrary if options.library else OutputKind.ConsoleApplication
    settings = (CSharpCompilationOptions(kind).WithAllowUnsafe(True).WithOptimizationLevel(OptimizationLevel.Release)
                .WithNullableContextOptions(NullableContextOptions.Enable).WithDeterministic(True))
    name = os.path.splitext(os.path.basename(options.out))[0]
    # Under another name until it is whole: a build that is killed leaves nothing that looks finished.
    unfinished = options.out + ".unfinished"
    stream = FileStream(unfinished, FileMode.Create)
    documentation = FileStream(options.documentation, FileMode.Create) if options.documentation else None
    result = CSharpCompilation.Create(name, trees, references, settings).Emit(stream, None, documentation)
    stream.Close()
    if documentation is not None:
        documentation.Close()
    # Warnings are errors here, but for those of a later framework in the place of the one that a reference was made with.
    found = [item.ToString() for item in result.Diagnostics
             if str(item.Severity) in ("Error", "Warning") and item.Id not in ("CS1701", "CS1702")]
    for line in found:
        print(line, file=sys.stderr)
    if found or not result.Success:
        os.unlink(unfinished)
        return 1
    os.replace(unfinished, options.out)
    if not options.library:
        names = [os.path.basename(os.path.dirname(framework.rstrip("/"))) for framework in frameworks]
        versions = [os.path.basename(framework.rstrip("/")) for framework in frameworks]
        write_settings(os.path.splitext(options.out)[0] + ".runtimeconfig.json", names, versions[0])
    return 0


def write_settings(path, names, version):
    frameworks = [{"name": name, "version": version} for name in names]
    text = json.dumps({"runtimeOptions": {
        "tfm": f"net{version[:3]}", "frameworks": frameworks, "rollForward": "Major",
        "configProperties": {"System.Globalization.Invariant": True, "System.GC.Concurrent": True}}})
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
