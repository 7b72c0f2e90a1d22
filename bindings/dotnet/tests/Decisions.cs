using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Threading.Tasks;
using SpanTls;

/// <summary>The table of decisions about trust (ffi-tests/judges/trust), which all languages run: each row with SslStream and with TlsStream as
/// the judge. SslStream judges as "certificates" does, without revocation lists and without
/// the strict profile.</summary>
static class Decisions
{
    sealed record Row(
        string Name, string Role, string Mode, bool Strict, string? Target, long? At, string? Chain, string? Key, string Anchors,
        string? Crls, int Expected, bool Original, string? Stricter);

    static readonly string s_folder = Environment.GetEnvironmentVariable("SPANTLS_DECISIONS") ??
        throw new InvalidOperationException("SPANTLS_DECISIONS is not set");

    static string In(string name) => Path.Combine(s_folder, name);

    static Row[] Rows() => JsonSerializer.Deserialize<Row[]>(File.ReadAllText(In("decisions.json")),
        new JsonSerializerOptions { PropertyNameCaseInsensitive = true })!.Where(row => row.Mode == "certificates" && !row.Strict).ToArray();

    [Test, Versions]
    static async Task No_decision_about_trust_is_more_lenient_than_SslStreams(SslProtocols protocol)
    {
        Row[] rows = Rows();
        Check.That(rows.Length > 80 && rows.Select(row => row.Role).Distinct().Count() == 2, "the table is large and has both roles");
        var failures = new List<string>();
        foreach (Row row in rows)
        {
            SslPolicyErrors? ours = await Judged(row, protocol, true);
            if (ours != (SslPolicyErrors)row.Expected)
            {
                failures.Add($"{row.Name}: TlsStream finds {ours}, not {(SslPolicyErrors)row.Expected}");
            }
            if (row.Crls != null)
            {
                continue; // SslStream takes none.
            }
            bool theirs = await Judged(row, protocol, false) == SslPolicyErrors.None;
            if (ours == SslPolicyErrors.None && !theirs)
            {
                failures.Add($"{row.Name}: TlsStream accepts what SslStream refuses");
            }
            if (ours != SslPolicyErrors.None && theirs)
            {
                Console.WriteLine($"# {row.Name}: TlsStream refuses what SslStream accepts: {row.Stricter}");
                if (row.Stricter == null)
                {
                    failures.Add($"{row.Name}: SslStream accepts what TlsStream refuses");
                }
            }
        }
        Check.That(failures.Count == 0, string.Join("; ", failures));
    }

    /// <summary>What a TlsStream finds; of an SslStream whether it finds anything.</summary>
    static async Task<SslPolicyErrors?> Judged(Row row, SslProtocols protocol, bool ours)
    {
        var (forServer, forClient) = Pipes.Pair();
        bool serverJudges = row.Role == "client";
        TlsCredentials? shown = row.Chain == null ? null : TlsCredentials.FromPemFiles(In(row.Chain), In(row.Key!));
        Task peer;
        Func<Task> judge;
        if (serverJudges)
        {
            peer = ClientThatShows(forClient, shown, protocol);
            judge = () => Server(row, forServer, protocol, ours);
        }
        else
        {
            peer = ServerThatShows(forServer, shown!, protocol);
            judge = () => Client(row, forClient, ours);
        }
        SslPolicyErrors? found = SslPolicyErrors.None;
        try
        {
            await judge();
        }
        catch (AuthenticationException exception)
        {
            found = ours ? TlsException.Of(exception)!.PolicyErrors : SslPolicyErrors.RemoteCertificateChainErrors;
        }
        forServer.Dispose();
        forClient.Dispose();
        await Task.WhenAny(peer); // However it ends.
        _ = peer.Exception;
        return found;
    }

    static X509ChainPolicy Policy(Row row)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(In(row.Anchors));
        if (row.At is { } moment)
        {
            policy.VerificationTime = DateTimeOffset.FromUnixTimeSeconds(moment).UtcDateTime;
        }
        return policy;
    }

    static TlsContextSettings Settings(Row row) => new() { RevocationLists = row.Crls == null ? null : File.ReadAllText(In(row.Crls)) };

    static async Task Client(Row row, Stream stream, bool ours)
    {
        var options = new SslClientAuthenticationOptions { TargetHost = row.Target, CertificateChainPolicy = Policy(row), AllowTlsResume = false };
        if (ours)
        {
            using var context = TlsContext.Create(options, Settings(row));
            await new TlsStream(stream, true).AuthenticateAsClientAsync(context);
            return;
        }
        await new SslStream(stream, true).AuthenticateAsClientAsync(options);
    }

    static async Task Server(Row row, Stream stream, SslProtocols protocol, bool ours)
    {
        SslServerAuthenticationOptions options = Files.Server(protocol);
        options.ClientCertificateRequired = true;
        options.CertificateChainPolicy = Policy(row);
        options.AllowTlsResume = false;
        if (ours)
        {
            using var context = TlsContext.Create(options, Settings(row));
            await new TlsStream(stream, true).AuthenticateAsServerAsync(context);
            return;
        }
        await new SslStream(stream, true).AuthenticateAsServerAsync(options);
    }

    /// <summary>TlsStream sends the certificates as they are; SslStream would leave some out.</summary>
    static async Task ServerThatShows(Stream stream, TlsCredentials shown, SslProtocols protocol)
    {
        using var context = TlsContext.Create(
            new SslServerAuthenticationOptions { EnabledSslProtocols = protocol }, new TlsContextSettings { Credentials = shown });
        await new TlsStream(stream, true).AuthenticateAsServerAsync(context);
    }

    static async Task ClientThatShows(Stream stream, TlsCredentials? shown, SslProtocols protocol)
    {
        using var context = TlsContext.Create(
            new SslClientAuthenticationOptions { TargetHost = "localhost", RemoteCertificateValidationCallback = (_, _, _, _) => true },
            new TlsContextSettings { Credentials = shown });
        await new TlsStream(stream, true).AuthenticateAsClientAsync(context);
    }
}
