using System;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using SpanTls;

static class Verdicts
{
    /// <summary>What SslStream says of an alert: OpenSSL's word for it is in the innermost exception.</summary>
    static string Innermost(Exception exception)
    {
        while (exception.InnerException != null)
        {
            exception = exception.InnerException;
        }
        return exception.Message;
    }

    [Test, Versions]
    static async Task A_refused_server_sees_the_exact_alert(SslProtocols protocol)
    {
        foreach (var (name, judge, alert, word) in new (string, Action<TlsSession>, byte, string)[] {
            ("server-p256", session => session.RejectCertificate(49), 49, "access denied"),
            ("server-expired", session => session.AcceptWithDefaultValidation(), 45, "certificate expired"),
            ("selfsigned", session => session.AcceptWithDefaultValidation(), 48, "unknown ca"),
            ("server-wrongname", session => session.AcceptWithDefaultValidation(), 42, "bad certificate"),
            ("server-p256", session => session.SetRemoteCertificateValidationResult(SslPolicyErrors.RemoteCertificateNameMismatch), 42, "bad certificate") })
        {
            using var wire = new Wire();
            using var context = TlsContext.Create(Files.Client(protocol));
            var driver = new Driver(context, wire.Client) { Judge = judge };
            var stream = new SslStream(wire.Server);
            Task server = Task.Run(async () =>
            {
                SslServerAuthenticationOptions options = Files.Server();
                options.ServerCertificateContext = Files.Context(name);
                await stream.AuthenticateAsServerAsync(options);
            });
            var refused = await Check.Refused(driver.Handshake, "our client");
            Check.Equal(TlsError.AuthenticationFailed, refused.Error, "error");
            Check.Equal(alert, refused.AlertSent!.Value, "alert");
            Check.That(!driver.Session.IsHandshakeComplete, "a refused peer's handshake is not complete");
            var seen = await Check.Throws<AuthenticationException>(() => server, "SslStream");
            Check.That(Innermost(seen).Contains(word), $"SslStream says {Innermost(seen)}, and not {word}");
            driver.Dispose();
        }
    }

    [Test, Versions]
    static async Task A_callback_gets_session_certificate_chain_and_errors(SslProtocols protocol)
    {
        foreach (bool accepts in new[] { true, false })
        {
            using var wire = new Wire();
            SslClientAuthenticationOptions options = Files.Client(protocol, "other-ca");
            object? sender = null;
            string? subject = null;
            SslPolicyErrors found = SslPolicyErrors.None;
            options.RemoteCertificateValidationCallback = (from, certificate, chain, errors) =>
            {
                sender = from;
                subject = certificate!.Subject;
                found = errors;
                Check.That(chain!.ChainElements.Count > 0, "the chain has elements");
                Check.That(chain.ChainPolicy.DisableCertificateDownloads, "nothing is fetched");
                Check.Equal(Files.Chain("other-ca")[0], chain.ChainPolicy.CustomTrustStore[0], "what the chain is built with");
                return accepts;
            };
            using var context = TlsContext.Create(options);
            var driver = new Driver(context, wire.Client);
            using var stream = new SslStream(wire.Server);
            Task server = stream.AuthenticateAsServerAsync(Files.Server());
            if (accepts)
            {
                await wire.Both(driver.Handshake(), server);
            }
            else
            {
                var refused = await Check.Refused(driver.Handshake, "our client");
                Check.Equal(SslPolicyErrors.RemoteCertificateChainErrors, refused.PolicyErrors, "policy errors");
                await Check.Throws<AuthenticationException>(() => server, "SslStream");
            }
            Check.That(ReferenceEquals(sender, driver.Session), "the sender is the session");
            Check.Equal(SslPolicyErrors.RemoteCertificateChainErrors, found, "errors");
            Check.That(subject != null, "a subject");
            driver.Dispose();
        }
    }

    [Test]
    static Task What_a_chain_policy_asks_beyond_trust_is_refused_and_not_forgotten()
    {
        foreach (Action<X509ChainPolicy> change in new Action<X509ChainPolicy>[]
        {
            policy => policy.RevocationMode = X509RevocationMode.Online,
            policy => policy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")),
            policy => policy.CertificatePolicy.Add(new Oid("1.2.3.4")),
        })
        {
            SslClientAuthenticationOptions client = Files.Client();
            change(client.CertificateChainPolicy!);
            Check.Throws<NotSupportedException>(() => TlsContext.Create(client), "a client");
            SslServerAuthenticationOptions server = Files.Server();
            change(server.CertificateChainPolicy!);
            Check.Throws<NotSupportedException>(() => TlsContext.Create(server), "a server");
        }
        var automatic = new TlsContextSettings { AutomaticValidation = true };
        SslClientAuthenticationOptions judging = Files.Client();
        judging.RemoteCertificateValidationCallback = (_, _, _, _) => false;
        Check.Throws<ArgumentException>(() => TlsContext.Create(judging, automatic), "two judges of a server");
        SslServerAuthenticationOptions server2 = Files.Server();
        server2.RemoteCertificateValidationCallback = (_, _, _, _) => false;
        Check.Throws<ArgumentException>(() => TlsContext.Create(server2, automatic), "two judges of a client");
        SslClientAuthenticationOptions nobody = Files.Client();
        nobody.CertificateChainPolicy!.CustomTrustStore.Clear();
        Check.Throws<ArgumentException>(() => TlsContext.Create(nobody), "no anchors");
        Check.Throws<ArgumentException>(() => TlsContext.Create(
            new SslClientAuthenticationOptions(), new TlsContextSettings { TrustAnchors = new X509Certificate2Collection() }), "no anchors");
        return Task.CompletedTask;
    }

    [Test]
    static Task A_name_with_a_NUL_is_no_name()
    {
        using var context = TlsContext.Create(Files.Client());
        using var session = TlsSession.Create(context);
        Check.Throws<ArgumentException>(() => session.TargetHostName = "localhost\0.elsewhere.example", "the name");
        return Task.CompletedTask;
    }

    [Test, Versions]
    static async Task An_exception_in_a_callback_reaches_the_caller_and_leaves_the_question_open(SslProtocols protocol)
    {
        using var wire = new Wire();
        SslClientAuthenticationOptions options = Files.Client(protocol);
        options.RemoteCertificateValidationCallback = (_, _, _, _) => throw new TimeZoneNotFoundException("of the callback");
        using var context = TlsContext.Create(options);
        var driver = new Driver(context, wire.Client);
        using var stream = new SslStream(wire.Server);
        Task server = stream.AuthenticateAsServerAsync(Files.Server());
        await Check.Throws<TimeZoneNotFoundException>(driver.Handshake, "the callback");
        driver.Judge = session => session.SetRemoteCertificateValidationResult(SslPolicyErrors.None);
        await wire.Both(driver.Handshake(), server);
        driver.Dispose();
    }

    [Test, Versions]
    static async Task A_server_that_wants_a_certificate_is_a_question(SslProtocols protocol)
    {
        foreach (bool shows in new[] { true, false })
        {
            using var wire = new Wire();
            using var context = TlsContext.Create(Files.Client(protocol));
            using TlsCredentials credentials = TlsCredentials.FromCertificate(Files.WithKey("client-p256"), Files.Others("client-p256"));
            var driver = new Driver(context, wire.Client)
            {
                Answer = (session, status) =>
                {
                    Check.Equal(TlsOperationStatus.WantCredentials, status, "the question");
                    if (shows)
                    {
                        session.SetClientCredentials(credentials);
                    }
                    else
                    {
                        session.SetClientCertificateContext(null);
                    }
                },
            };
            SslServerAuthenticationOptions options = Files.Server();
            options.ClientCertificateRequired = true;
            X509Certificate? seen = null;
            options.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            {
                seen = certificate == null ? null : new X509Certificate(certificate);
                return true;
            };
            using var stream = new SslStream(wire.Server);
            await wire.Both(driver.Handshake(), stream.AuthenticateAsServerAsync(options));
            await stream.WriteAsync(AgainstSslStream.Ping);
            Check.Bytes(AgainstSslStream.Ping, await driver.Read(4), "ping");
            Check.Equal(1, driver.Asked[4], "questions");
            Check.Equal(shows ? Files.WithKey("client-p256").GetCertHashString() : null, seen?.GetCertHashString(), "what the server has seen");
            Check.Equal(shows, driver.Session.LocalCertificate != null, "our own certificate");
            driver.Dispose();
        }
    }

    [Test, Versions]
    static async Task Selection_callbacks_are_asked(SslProtocols protocol)
    {
        using var wire = new Wire();
        using X509Certificate2 certificate = Files.WithKey("server-p256"), mine = Files.WithKey("client-p256");
        string? name = null;
        var server = new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = protocol, CertificateChainPolicy = Files.Trust(), ClientCertificateRequired = true,
            ServerCertificateSelectionCallback = (_, host) =>
            {
                name = host;
                return certificate;
            },
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
        };
        SslClientAuthenticationOptions client = Files.Client();
        client.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        client.LocalCertificateSelectionCallback = (_, host, _, _, issuers) =>
        {
            Check.Equal("localhost", host, "the host");
            return mine;
        };
        using var ours = TlsContext.Create(server);
        using var theirs = TlsContext.Create(client);
        var first = new Driver(ours, wire.Server);
        var second = new Driver(theirs, wire.Client);
        await wire.Both(first.Handshake(), second.Handshake());
        Check.Equal("localhost", name, "the name");
        Check.Equal(mine.Thumbprint, first.Session.GetRemoteCertificate()!.Thumbprint, "the client's certificate");
        first.Dispose();
        second.Dispose();
    }

    [Test, Versions]
    static async Task The_servers_preference_decides_the_application_protocol(SslProtocols protocol)
    {
        using var wire = new Wire();
        SslServerAuthenticationOptions server = Files.Server(protocol);
        server.ApplicationProtocols = new() { SslApplicationProtocol.Http2, SslApplicationProtocol.Http11 };
        SslClientAuthenticationOptions client = Files.Client();
        client.ApplicationProtocols = new() { SslApplicationProtocol.Http11, SslApplicationProtocol.Http2 };
        using var context = TlsContext.Create(server);
        var (driver, stream) = await AgainstSslStream.Serve(wire, context, client);
        Check.Equal(SslApplicationProtocol.Http2, driver.Session.NegotiatedApplicationProtocol, "ours");
        Check.Equal(SslApplicationProtocol.Http2, stream.NegotiatedApplicationProtocol, "theirs");
        driver.Dispose();
    }

    [Test, Versions]
    static async Task Channel_bindings_are_those_of_SslStream(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var context = TlsContext.Create(Files.Server(protocol));
        var (driver, stream) = await AgainstSslStream.Serve(wire, context, Files.Client());
        foreach (ChannelBindingKind kind in new[] { ChannelBindingKind.Endpoint, ChannelBindingKind.Unique })
        {
            using ChannelBinding? mine = driver.Session.GetChannelBinding(kind);
            if (kind == ChannelBindingKind.Unique && protocol == SslProtocols.Tls13)
            {
                Check.That(mine == null, "TLS 1.3 has no tls-unique");
                continue;
            }
            using ChannelBinding? theirs = stream.TransportContext.GetChannelBinding(kind);
            Check.Bytes(Content(theirs!), Content(mine!), kind.ToString());
        }
        Check.Equal(32, driver.Session.GetChannelBindingToken(TlsChannelBindingKind.Exporter)!.Length, "tls-exporter");
        Check.That(driver.Session.IsChannelBindingSound, "sound");
        driver.Dispose();
    }

    static byte[] Content(ChannelBinding binding)
    {
        byte[] bytes = new byte[binding.Size];
        System.Runtime.InteropServices.Marshal.Copy(binding.DangerousGetHandle(), bytes, 0, bytes.Length);
        return bytes;
    }

    /// <summary>A key that signs and can do nothing else, as one in a token.</summary>
    sealed class Token : RSA
    {
        readonly RSA _inside;
        internal int Signatures;

        internal Token(RSA inside)
        {
            _inside = inside;
            KeySizeValue = inside.KeySize;
        }

        public override byte[] SignHash(byte[] hash, HashAlgorithmName name, RSASignaturePadding padding)
        {
            Signatures++;
            return _inside.SignHash(hash, name, padding);
        }

        protected override byte[] HashData(byte[] data, int offset, int count, HashAlgorithmName name) =>
            name == HashAlgorithmName.SHA256 ? SHA256.HashData(data.AsSpan(offset, count)) :
            name == HashAlgorithmName.SHA384 ? SHA384.HashData(data.AsSpan(offset, count)) : SHA512.HashData(data.AsSpan(offset, count));
        public override RSAParameters ExportParameters(bool includePrivateParameters) => throw new CryptographicException("it stays here");
        public override void ImportParameters(RSAParameters parameters) => throw new CryptographicException("it stays here");
    }

    [Test, Versions]
    static async Task A_key_that_cannot_be_exported_signs(SslProtocols protocol)
    {
        foreach (bool inCall in new[] { true, false })
        {
            using var wire = new Wire();
            using X509Certificate2 certificate = Files.WithKey("server-rsa2048");
            var token = new Token(certificate.GetRSAPrivateKey()!);
            using TlsCredentials credentials = TlsCredentials.FromKey(Files.Chain("server-rsa2048")[0], token, Files.Others("server-rsa2048"));
            using var context = TlsContext.Create(
                new SslServerAuthenticationOptions { EnabledSslProtocols = protocol },
                new TlsContextSettings { Credentials = credentials, SignInCall = inCall });
            var driver = new Driver(context, wire.Server)
            {
                Answer = (session, status) =>
                {
                    Check.Equal(TlsOperationStatus.NeedsSignature, status, "the question");
                    session.Sign();
                },
            };
            var stream = new SslStream(wire.Client);
            await wire.Both(driver.Handshake(), stream.AuthenticateAsClientAsync(Files.Client()));
            Check.Equal(1, token.Signatures, "signatures");
            Check.Equal(inCall ? 0 : 1, driver.Asked[16], "questions");
            driver.Dispose();
        }
    }
}
