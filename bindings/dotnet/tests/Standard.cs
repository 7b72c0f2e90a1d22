using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Threading.Tasks;

static class Standard
{
    /// <summary>What the facade netstandard.dll forwards is the list of types of .NET Standard 2.1.</summary>
    [Test]
    static Task The_build_for_NET_Standard_uses_types_of_NET_Standard_alone()
    {
        HashSet<string> allowed;
        using (var facade = new PEReader(File.OpenRead(Environment.GetEnvironmentVariable("SPANTLS_NETSTANDARD")!)))
        {
            MetadataReader reader = facade.GetMetadataReader();
            allowed = reader.ExportedTypes.Select(handle => reader.GetExportedType(handle))
                .Select(type => reader.GetString(type.Namespace) + "." + reader.GetString(type.Name)).ToHashSet();
        }
        Check.That(allowed.Contains("System.Net.Security.SslStream"), "the facade is read");
        // The compiler makes these where it does not find them, or does without.
        string[] ofTheCompiler = {
            "System.Runtime.CompilerServices.RefSafetyRulesAttribute", "System.Runtime.CompilerServices.NullableContextAttribute",
            "System.Runtime.CompilerServices.NullableAttribute", "System.Runtime.CompilerServices.DefaultInterpolatedStringHandler" };
        using var library = new PEReader(File.OpenRead(Environment.GetEnvironmentVariable("SPANTLS_STANDARD")!));
        MetadataReader types = library.GetMetadataReader();
        string[] others = types.TypeReferences.Select(handle => types.GetTypeReference(handle))
            .Where(type => type.ResolutionScope.Kind == HandleKind.AssemblyReference)
            .Select(type => types.GetString(type.Namespace) + "." + types.GetString(type.Name))
            .Where(name => !allowed.Contains(name) && !ofTheCompiler.Contains(name)).ToArray();
        Check.Equal("", string.Join(", ", others), "types that .NET Standard 2.1 has not");
        return Task.CompletedTask;
    }
}
