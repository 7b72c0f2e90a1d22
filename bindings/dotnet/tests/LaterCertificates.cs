using System;
using System.IO;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;
using SpanTls;

/// <summary>Servers that ask for a certificate on an open connection (RFC 8446 section 4.6.2).</summary>
static class LaterCertificates
{
    static SslClientAuthenticationOptions Shows(string name)
    {
        SslClientAuthenticationOptions options = Files.Client();
        options.ClientCertificates = new() { Files.WithKey(name) };
        return options;
    }

    /// <summary>An open connection of TLS 1.3 with a client of SslStream.</summary>
    static async Task Open(
        SslServerAuthenticationOptions options, SslClientAuthenticationOptions shows, Func<TlsStream, SslStream, Task> use)
    {
        var (one, other) = Pipes.Pair();
        using var server = new TlsStream(one);
        using var client = new SslStream(other);
        options.EnabledSslProtocols = SslProtocols.Tls13;
        await Task.WhenAll(server.AuthenticateAsServerAsync(options), client.AuthenticateAsClientAsync(shows));
        await use(server, client);
    }

    [Test]
    static Task A_request_that_names_many_authorities_is_sent_whole()
    {
        SslServerAuthenticationOptions options = Files.Server();
        for (int i = 0; i < 150; i++)
        {
            options.CertificateChainPolicy!.CustomTrustStore.Add(Mint.Root($"{i} {new string('a', 300)}"));
        }
        return Open(options, Shows("client-p256"), async (server, client) =>
        {
            Task<int> reading = client.ReadAsync(new byte[4]).AsTask(), waiting = server.ReadAsync(new byte[4]).AsTask();
            await server.RequestClientCertificateAsync();
            // SslStream's client shows its certificate without the intermediate one: it was judged, so the request has arrived.
            TlsException refused = await Check.Refused(() => waiting, "the server");
            Check.Equal(SslPolicyErrors.RemoteCertificateChainErrors, refused.PolicyErrors, "policy errors");
            await Check.Throws<IOException>(() => reading, "the client");
        });
    }

    [Test]
    static async Task A_client_that_has_nothing_to_show_later_is_refused_by_contexts_that_judge_inside()
    {
        foreach (bool automatic in new[] { true, false })
        {
            var (one, other) = Pipes.Pair();
            using var context = TlsContext.Create(Files.Server(SslProtocols.Tls13), new TlsContextSettings { AutomaticValidation = automatic });
            using var server = new TlsStream(one);
            using var client = new SslStream(other);
            SslClientAuthenticationOptions declines = Files.Client();
            declines.ClientCertificates = new(new X509Certificate[] { Files.Chain("client-p256")[0] });
            await Task.WhenAll(server.AuthenticateAsServerAsync(context), client.AuthenticateAsClientAsync(declines));
            Task<int> reading = client.ReadAsync(new byte[4]).AsTask();
            await Check.Throws<AuthenticationException>(() => server.NegotiateClientCertificateAsync(), $"the server, {automatic}");
            await Check.Throws<Exception>(() => server.WriteAsync(AgainstSslStream.Pong).AsTask(), $"a write, {automatic}");
            server.Dispose();
            await Task.WhenAny(reading);
        }
    }

    [Test]
    static Task A_read_that_is_cancelled_while_a_certificate_is_judged_asks_again_later()
    {
        SslServerAuthenticationOptions options = Files.Server();
        return Open(options, Shows("client-p256"), async (server, client) =>
        {
            var asked = new TaskCompletionSource();
            int calls = 0;
            server.Validate = async (session, cancellation) =>
            {
                if (++calls == 1)
                {
                    asked.SetResult();
                    await Task.Delay(Timeout.Infinite, cancellation);
                }
                session.SetRemoteCertificateValidationResult(SslPolicyErrors.None);
            };
            await server.RequestClientCertificateAsync();
            Task<int> answering = client.ReadAsync(new byte[4]).AsTask();
            using var source = new CancellationTokenSource();
            byte[] room = new byte[4];
            Task<int> reading = server.ReadAsync(room, source.Token).AsTask();
            await asked.Task;
            source.Cancel();
            await Check.Throws<OperationCanceledException>(() => reading, "the read");
            await server.WriteAsync(AgainstSslStream.Pong);
            Check.Equal(4, await answering, "what the client reads");
            await client.WriteAsync(AgainstSslStream.Ping);
            await server.ReadExactlyAsync(room);
            Check.Equal(2, calls, "questions");
            Check.Equal(Files.Chain("client-p256")[0].Thumbprint, server.Session!.GetRemoteCertificate()?.Thumbprint, "the certificate");
        });
    }
}
