// TlsStream beside SslStream over streams in memory, in turns in one process: MB/s of data that a writer pushes through a
// reader, handshakes a second, and the ratio of ours to theirs (medians).

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Threading.Tasks;
using SpanTls;

static class Bench
{
    const int Rounds = 7;

    static readonly SslProtocols[] s_protocols = { SslProtocols.Tls13, SslProtocols.Tls12 };
    static readonly Dictionary<SslProtocols, (SslServerAuthenticationOptions, SslClientAuthenticationOptions)> s_options =
        s_protocols.ToDictionary(protocol => protocol, protocol => (Server(protocol), Client()));
    static readonly Dictionary<SslProtocols, (TlsContext, TlsContext)> s_contexts = s_options.ToDictionary(
        pair => pair.Key, pair => (TlsContext.Create(pair.Value.Item1, Signing), TlsContext.Create(pair.Value.Item2, Signing)));

    // SslStream has no X25519MLKEM768: the same key exchange for both.
    static TlsContextSettings Signing => new() { SignInCall = false, Groups = { 0x001d, 0x0017 } };

    static async Task<(Stream, Stream)> Ours(SslProtocols protocol)
    {
        var (one, other) = Pipes.Pair();
        var server = new TlsStream(one);
        var client = new TlsStream(other);
        (TlsContext ours, TlsContext theirs) = s_contexts[protocol];
        await Task.WhenAll(server.AuthenticateAsServerAsync(ours), client.AuthenticateAsClientAsync(theirs));
        return (server, client);
    }

    static async Task<(Stream, Stream)> Theirs(SslProtocols protocol)
    {
        var (one, other) = Pipes.Pair();
        var server = new SslStream(one);
        var client = new SslStream(other);
        (SslServerAuthenticationOptions ours, SslClientAuthenticationOptions theirs) = s_options[protocol];
        await Task.WhenAll(server.AuthenticateAsServerAsync(ours), client.AuthenticateAsClientAsync(theirs));
        return (server, client);
    }

    static SslServerAuthenticationOptions Server(SslProtocols protocol)
    {
        SslServerAuthenticationOptions options = Files.Server(protocol);
        options.AllowTlsResume = false;
        // Both with the same suite; SslStream takes its policy in TLS 1.2 and 1.3.
        options.CipherSuitesPolicy = new CipherSuitesPolicy(new[] { TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 });
        return options;
    }

    static SslClientAuthenticationOptions Client()
    {
        SslClientAuthenticationOptions options = Files.Client();
        options.AllowTlsResume = false;
        return options;
    }

    static async Task<double> Throughput(Func<SslProtocols, Task<(Stream, Stream)>> make, SslProtocols protocol, int size, int total)
    {
        var (server, client) = await make(protocol);
        byte[] data = new byte[size], room = new byte[Math.Max(size, 16384)];
        var watch = Stopwatch.StartNew();
        Task reading = Task.Run(async () =>
        {
            for (long got = 0; got < total;)
            {
                got += await client.ReadAsync(room);
            }
        });
        for (long sent = 0; sent < total; sent += size)
        {
            await server.WriteAsync(data);
        }
        await reading;
        double seconds = watch.Elapsed.TotalSeconds;
        server.Dispose();
        client.Dispose();
        return total / seconds / 1e6;
    }

    static async Task<double> Handshakes(Func<SslProtocols, Task<(Stream, Stream)>> make, SslProtocols protocol)
    {
        var watch = Stopwatch.StartNew();
        const int count = 100;
        for (int i = 0; i < count; i++)
        {
            var (server, client) = await make(protocol);
            server.Dispose();
            client.Dispose();
        }
        return count / watch.Elapsed.TotalSeconds;
    }

    static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    static async Task Main()
    {
        Console.WriteLine("| | TlsStream | SslStream | ours / theirs |");
        Console.WriteLine("|---|---|---|---|");
        foreach (SslProtocols protocol in s_protocols)
        {
            string version = protocol == SslProtocols.Tls13 ? "TLS 1.3" : "TLS 1.2";
            foreach (var (size, total) in new[] { (256, 4 << 20), (4096, 48 << 20), (16384, 128 << 20), (262144, 128 << 20) })
            {
                await Row($"{version}, writes of {size} B, MB/s", make => Throughput(make, protocol, size, total));
            }
            await Row($"{version}, handshakes a second", make => Handshakes(make, protocol));
        }
    }

    static async Task Row(string name, Func<Func<SslProtocols, Task<(Stream, Stream)>>, Task<double>> measure)
    {
        var ours = new List<double>();
        var theirs = new List<double>();
        await measure(Ours);
        await measure(Theirs);
        for (int i = 0; i < Rounds; i++)
        {
            ours.Add(await measure(Ours));
            theirs.Add(await measure(Theirs));
        }
        double our = Median(ours), their = Median(theirs);
        Console.WriteLine($"| {name} | {our:F0} | {their:F0} | {our / their:F2} |");
    }
}
