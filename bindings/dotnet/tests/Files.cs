using System;
using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

/// <summary>Certificates of ffi-tests/certs, and options made with them.</summary>
static class Files
{
    static readonly string Folder = Environment.GetEnvironmentVariable("SPANTLS_CERTS") ??
        throw new InvalidOperationException("SPANTLS_CERTS is not set");

    internal static string Path(string name) => System.IO.Path.Combine(Folder, name);

    internal static X509Certificate2 WithKey(string name)
    {
        using X509Certificate2 made = X509Certificate2.CreateFromPemFile(Path(name + ".pem"), Path(name + ".key"));
        // What SslStream takes has to have been imported.
        return new X509Certificate2(made.Export(X509ContentType.Pfx));
    }

    internal static X509Certificate2Collection Chain(string name)
    {
        var all = new X509Certificate2Collection();
        all.ImportFromPemFile(Path(name + ".pem"));
        return all;
    }

    internal static X509Certificate2Collection Others(string name)
    {
        X509Certificate2Collection all = Chain(name);
        all.RemoveAt(0);
        return all;
    }

    internal static X509ChainPolicy Trust(string name = "ca")
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(Chain(name));
        return policy;
    }

    static readonly ConcurrentDictionary<string, SslStreamCertificateContext> s_contexts = new();

    /// <summary>Made once: importing a key costs more than a handshake.</summary>
    internal static SslStreamCertificateContext Context(string name) => s_contexts.GetOrAdd(name,
        one => SslStreamCertificateContext.Create(WithKey(one), Others(one), offline: true));

    internal static SslServerAuthenticationOptions Server(SslProtocols protocols = SslProtocols.None, string name = "server-p256") => new()
    {
        ServerCertificateContext = Context(name), EnabledSslProtocols = protocols, CertificateChainPolicy = Trust(),
    };

    internal static SslClientAuthenticationOptions Client(SslProtocols protocols = SslProtocols.None, string anchors = "ca") => new()
    {
        TargetHost = "localhost", EnabledSslProtocols = protocols, CertificateChainPolicy = Trust(anchors),
    };
}
