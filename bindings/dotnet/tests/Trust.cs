using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using SpanTls;

/// <summary>What the binding must not decide otherwise than the options say.</summary>
static class Trust
{
    [Test, Versions]
    static async Task A_required_certificate_stays_required_whatever_the_callback_says(SslProtocols protocol)
    {
        foreach (bool answer in new[] { true, false })
        {
            using var wire = new Wire();
            SslServerAuthenticationOptions options = Files.Server(protocol);
            options.ClientCertificateRequired = true;
            var seen = new List<string>();
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            {
                seen.Add($"{certificate?.Subject} {chain} {errors}");
                return answer;
            };
            using var server = new TlsStream(wire.Server);
            using var client = new SslStream(wire.Client);
            Task connecting = Task.Run(async () =>
            {
                await client.AuthenticateAsClientAsync(Files.Client());
                await client.ReadExactlyAsync(new byte[1]); // In TLS 1.3 the alert comes here.
            });
            TlsException refused = await Check.Refused(() => server.AuthenticateAsServerAsync(options), "the server");
            Check.Equal(SslPolicyErrors.RemoteCertificateNotAvailable, refused.PolicyErrors, "policy errors");
            Check.Equal(protocol == SslProtocols.Tls13 ? 116 : 40, refused.AlertSent!.Value, "alert");
            Check.Equal("  RemoteCertificateNotAvailable", string.Join("|", seen), "what the callback has seen");
            await Check.Throws<Exception>(() => connecting, "the client");
        }
    }

    [Test, Versions]
    static async Task A_callback_decides_about_a_client_that_may_decline(SslProtocols protocol)
    {
        foreach (var (mode, answer) in new[] {
            (TlsClientCertificateMode.Request, true), (TlsClientCertificateMode.Request, false),
            (TlsClientCertificateMode.None, true), (TlsClientCertificateMode.None, false) })
        {
            using var wire = new Wire();
            SslServerAuthenticationOptions options = Files.Server(protocol);
            var seen = new List<SslPolicyErrors>();
            options.RemoteCertificateValidationCallback = (_, _, _, errors) =>
            {
                seen.Add(errors);
                return answer;
            };
            using var context = TlsContext.Create(options, new TlsContextSettings { ClientCertificateMode = mode });
            using var server = new TlsStream(wire.Server);
            using var client = new TlsStream(wire.Client);
            Task connecting = client.AuthenticateAsClientAsync(Files.Client());
            if (answer)
            {
                await wire.Both(server.AuthenticateAsServerAsync(context), connecting);
            }
            else
            {
                await Check.Refused(() => server.AuthenticateAsServerAsync(context), $"{mode}: the server");
            }
            Check.Equal(SslPolicyErrors.RemoteCertificateNotAvailable, seen.Single(), $"{mode}: what the callback has seen");
        }
    }

    [Test, Versions]
    static async Task A_callback_that_loops_over_ChainStatus_refuses_what_only_the_library_refuses(SslProtocols protocol)
    {
        string lists = System.IO.File.ReadAllText(Files.Path("crl-root.pem")) + System.IO.File.ReadAllText(Files.Path("crl-intermediate.pem"));
        foreach (var (name, settings) in new[] {
            ("server-clientusage", new TlsContextSettings()), ("signed-rsa-sha1", new TlsContextSettings()),
            ("server-revoked", new TlsContextSettings { RevocationLists = lists }) })
        {
            using var wire = new Wire();
            SslClientAuthenticationOptions options = Files.Client(protocol);
            string status = "";
            SslPolicyErrors found = SslPolicyErrors.None;
            // As the documentation of .NET has it.
            options.RemoteCertificateValidationCallback = (_, _, chain, errors) =>
            {
                found = errors;
                status = string.Join(", ", chain!.ChainStatus.Select(one => one.Status));
                return errors == SslPolicyErrors.None ||
                    (errors == SslPolicyErrors.RemoteCertificateChainErrors && chain.ChainStatus.All(one => one.Status == X509ChainStatusFlags.NoError));
            };
            using var context = TlsContext.Create(options, settings);
            using var client = new TlsStream(wire.Client);
            using var server = new TlsStream(wire.Server);
            SslServerAuthenticationOptions shows = Files.Server();
            shows.ServerCertificateContext = null;
            Task serving = server.AuthenticateAsServerAsync(TlsContext.Create(shows, new TlsContextSettings
            {
                Credentials = TlsCredentials.FromCertificate(Files.WithKey(name), Files.Others(name)),
            }));
            await Check.Refused(() => client.AuthenticateAsClientAsync(context), name);
            Check.Equal(SslPolicyErrors.RemoteCertificateChainErrors, found, $"{name}: errors");
            Check.That(status.Length > 0, $"{name}: a ChainStatus");
            await Check.Throws<Exception>(() => serving, "the server");
        }
    }

    [Test, Versions]
    static async Task Options_that_have_changed_make_another_context(SslProtocols protocol)
    {
        SslServerAuthenticationOptions options = Files.Server(protocol);
        foreach (string name in new[] { "server-p256", "server-p384", "server-p256" })
        {
            // The object stays, what it says changes; a required certificate, too.
            options.ServerCertificateContext = Files.Context(name);
            options.ClientCertificateRequired = name == "server-p384";
            options.CertificateChainPolicy!.CustomTrustStore.Clear();
            options.CertificateChainPolicy.CustomTrustStore.AddRange(Files.Chain(name == "server-p384" ? "ca" : "other-ca"));
            using var wire = new Wire();
            using var context = TlsContext.Create((SslServerAuthenticationOptions?)null);
            using var server = new Driver(context, wire.Server) { Answer = (session, _) => session.SetServerOptions(options) };
            SslClientAuthenticationOptions client = Files.Client();
            client.ClientCertificateContext = Files.Context("client-p256");
            using var stream = new SslStream(wire.Client);
            await wire.Both(server.Handshake(), stream.AuthenticateAsClientAsync(client));
            Check.Equal(Files.WithKey(name).GetCertHashString(), stream.RemoteCertificate!.GetCertHashString(), "the server's certificate");
            Check.Equal(name == "server-p384", server.Session.GetRemoteCertificate() != null, "a client's certificate");
        }
    }

    [Test]
    static async Task The_same_options_given_to_two_sessions_resume()
    {
        SslServerAuthenticationOptions options = Files.Server(SslProtocols.Tls13);
        using var theirs = TlsContext.Create(Files.Client());
        foreach (bool resumed in new[] { false, true })
        {
            using var wire = new Wire();
            using var context = TlsContext.Create((SslServerAuthenticationOptions?)null);
            using var driver = new Driver(context, wire.Server) { Answer = (session, _) => session.SetServerOptions(options) };
            using var client = new Driver(theirs, wire.Client);
            await wire.Both(driver.Handshake(), client.Handshake());
            await driver.Write(AgainstSslStream.Ping);
            await client.Read(4);
            Check.Equal(resumed, driver.Session.IsResumed, "resumed");
        }
    }

    [Test, Versions]
    static async Task A_context_does_not_change_with_the_options_that_it_was_made_of(SslProtocols protocol)
    {
        using X509Certificate2 certificate = Files.WithKey("server-p256");
        var options = new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = protocol, ClientCertificateRequired = true, CertificateChainPolicy = Files.Trust(),
            ServerCertificateSelectionCallback = (_, _) => certificate,
        };
        using var context = TlsContext.Create(options);
        options.ClientCertificateRequired = false;
        options.CertificateChainPolicy!.CustomTrustStore.Clear();
        SslClientAuthenticationOptions client = Files.Client();
        client.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        client.ClientCertificateContext = Files.Context("client-p256");
        using var wire = new Wire();
        using var server = new TlsStream(wire.Server);
        using var stream = new SslStream(wire.Client);
        await wire.Both(server.AuthenticateAsServerAsync(context), stream.AuthenticateAsClientAsync(client));
        Check.That(server.Session!.GetRemoteCertificate() != null, "the client has shown a certificate");
    }
}
