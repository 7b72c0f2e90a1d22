using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using SpanTls;

/// <summary>What SpanTls has beyond SslStream.</summary>
static class Interface
{
    /// <summary>The certificate that a client gets of a server, whose keys are .NET's.</summary>
    static string Shown(TlsContext server, SslProtocols protocol, CipherSuitesPolicy? policy = null)
    {
        SslClientAuthenticationOptions options = Files.Client(protocol);
        options.CipherSuitesPolicy = policy;
        using var context = TlsContext.Create(options);
        using TlsSession client = TlsSession.Create(context), ours = TlsSession.Create(server);
        Machine.Converse(client, ours, 20000);
        using X509Certificate2 shown = client.GetRemoteCertificate()!, local = ours.LocalCertificate!;
        Check.Equal(local.Thumbprint, shown.Thumbprint, "our own view of it");
        Check.That(client.PeerSignatureScheme != null && ours.PeerSignatureScheme == null, "the server alone has proved a key");
        return shown.Thumbprint;
    }

    static string Print(string name) => Files.Chain(name)[0].Thumbprint;

    static TlsCredentials Credentials(string name) => TlsCredentials.FromCertificate(Files.WithKey(name), Files.Others(name));

    [Test]
    static Task The_first_chain_that_fits_the_client_is_shown_and_its_key_signs()
    {
        using var server = TlsContext.Create(Files.Server(), new TlsContextSettings { MoreCredentials = { Credentials("server-rsa2048") } });
        var rsa = new CipherSuitesPolicy(new[] { TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 });
        Check.Equal(Print("server-p256"), Shown(server, SslProtocols.Tls13), "with any key");
        Check.Equal(Print("server-rsa2048"), Shown(server, SslProtocols.Tls12, rsa), "with RSA");
        return Task.CompletedTask;
    }

    [Test, Versions]
    static Task A_name_has_its_own_chain_and_its_key_signs(SslProtocols protocol)
    {
        var settings = new TlsContextSettings();
        settings.AddCredentialsForName("localhost", Credentials("server-p384"));
        settings.AddCredentialsForName("*.example.org", Credentials("server-rsa2048"));
        using var named = TlsContext.Create(new SslServerAuthenticationOptions(), settings);
        using var both = TlsContext.Create(Files.Server(), settings);
        Check.Equal(Print("server-p384"), Shown(named, protocol), "the name's");
        Check.Equal(Print("server-p384"), Shown(both, protocol), "the name's, beside the fixed one");
        SslClientAuthenticationOptions other = Files.Client(protocol);
        other.TargetHost = "other.example.net";
        using var context = TlsContext.Create(other);
        using TlsSession client = TlsSession.Create(context), server = TlsSession.Create(named);
        var refused = Check.Throws<AuthenticationException>(() => Machine.Converse(client, server, 20000), "a name without a chain");
        Check.Equal((byte?)TlsAlert.UnrecognizedName, TlsException.Of(refused)?.AlertSent ?? TlsException.Of(refused)?.AlertReceived, "the alert");
        Check.Throws<TlsException>(() => TlsContext.Create(Files.Server(), Twice(settings)), "credentials that are added twice");
        return Task.CompletedTask;
    }

    static TlsContextSettings Twice(TlsContextSettings settings)
    {
        settings.MoreCredentials.Add(Credentials("server-rsa2048"));
        settings.MoreCredentials.Add(settings.MoreCredentials[0]);
        return settings;
    }

    [Test, Versions]
    static Task A_session_offers_application_protocols_of_its_own(SslProtocols protocol)
    {
        SslServerAuthenticationOptions server = Files.Server(protocol);
        SslClientAuthenticationOptions client = Files.Client(protocol);
        server.ApplicationProtocols = new List<SslApplicationProtocol> { SslApplicationProtocol.Http11 };
        client.ApplicationProtocols = new List<SslApplicationProtocol> { SslApplicationProtocol.Http2 };
        using var strict = TlsContext.Create(server);
        using var tolerant = TlsContext.Create(server, new TlsContextSettings { ContinueWithoutApplicationProtocol = true });
        using var context = TlsContext.Create(client);
        using (TlsSession asking = TlsSession.Create(context), answering = TlsSession.Create(tolerant))
        {
            Machine.Converse(asking, answering, 20000);
            Check.Equal(default, asking.NegotiatedApplicationProtocol, "nothing in common");
        }
        using (TlsSession asking = TlsSession.Create(context), answering = TlsSession.Create(strict))
        {
            Check.Throws<AuthenticationException>(() => Machine.Converse(asking, answering, 20000), "nothing in common is refused");
        }
        using (TlsSession asking = TlsSession.Create(context), answering = TlsSession.Create(strict))
        {
            asking.AddApplicationProtocol(SslApplicationProtocol.Http11);
            Machine.Converse(asking, answering, 20000);
            Check.Equal(SslApplicationProtocol.Http11, asking.NegotiatedApplicationProtocol, "the session's");
        }
        return Task.CompletedTask;
    }

    [Test, Versions]
    static Task The_room_for_ciphertext_is_enough_and_the_verified_path_has_its_anchor(SslProtocols protocol)
    {
        using var ours = TlsContext.Create(Files.Server(protocol));
        using var theirs = TlsContext.Create(Files.Client());
        using TlsSession server = TlsSession.Create(ours), client = TlsSession.Create(theirs);
        Check.Equal(0, client.GetCiphertextSize(10), "before the handshake");
        Machine.Converse(client, server, 20000);
        foreach (int size in new[] { 0, 1, 16384, 16385, 100000 })
        {
            byte[] room = new byte[client.GetCiphertextSize(size)];
            Check.Equal(TlsOperationStatus.Complete, client.Encrypt(new byte[size], room, out int consumed, out _), "status");
            Check.Equal(size, consumed, "consumed");
        }
        X509Certificate2Collection path = client.GetVerifiedCertificates();
        Check.Equal(Print("ca"), path[path.Count - 1].Thumbprint, "the anchor");
        Check.Equal(Print("server-p256"), path[0].Thumbprint, "the server's");
        Check.That(client.GetRemoteCertificateInfo()!.DnsNames.Contains("localhost"), "its name");
        Check.That(server.GetRemoteCertificateInfo() == null && client.GetRemoteCertificateInfo(9) == null, "no certificate");
        Check.Equal(0, server.GetVerifiedCertificates().Count, "a client without a certificate");
        return Task.CompletedTask;
    }

    [Test, Versions]
    static async Task Finish_waits_for_the_end_of_the_peer(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var context = TlsContext.Create(Files.Server(protocol));
        wire.ServerSocket.Blocking = false;
        using TlsSession session = TlsSession.Create(context, wire.ServerSocket.SafeHandle);
        using var stream = new SslStream(wire.Client);
        Task client = stream.AuthenticateAsClientAsync(Files.Client());
        await Task.Run(() => Until(wire.ServerSocket, session.Handshake, TlsOperationStatus.Complete));
        await client;
        Check.Equal(TlsOperationStatus.WantRead, session.Finish(), "the peer is still there");
        Check.Equal(0, await stream.ReadAsync(new byte[10]), "the end");
        await stream.WriteAsync(AgainstSslStream.Ping);
        await stream.ShutdownAsync();
        wire.ClientSocket.Shutdown(SocketShutdown.Both);
        await Task.Run(() => Until(wire.ServerSocket, session.Finish, TlsOperationStatus.Closed));
        using TlsSession spans = TlsSession.Create(context);
        Check.Throws<InvalidOperationException>(() => spans.Finish(), "a session over spans");
    }

    static void Until(Socket socket, Func<TlsOperationStatus> call, TlsOperationStatus until)
    {
        TlsOperationStatus status;
        while ((status = call()) != until)
        {
            Check.That(status is TlsOperationStatus.WantRead or TlsOperationStatus.WantWrite, status.ToString());
            socket.Poll(10000, status == TlsOperationStatus.WantRead ? SelectMode.SelectRead : SelectMode.SelectWrite);
        }
    }

    [Test]
    static Task Certificates_say_what_dotnet_reads_in_them()
    {
        foreach (string name in new[] { "server-p256", "server-rsa2048", "ca", "client-p256", "selfsigned" })
        {
            X509Certificate2 theirs = Files.Chain(name)[0];
            TlsCertificateInfo ours = TlsCertificateInfo.FromDer(theirs.RawData);
            Check.Equal(theirs.GetCertHashString(HashAlgorithmName.SHA256), Convert.ToHexString(ours.Sha256), "fingerprint");
            Check.Bytes(SHA256.HashData(theirs.PublicKey.ExportSubjectPublicKeyInfo()), ours.PublicKeySha256, "public key");
            Check.Equal(theirs.NotAfter.ToUniversalTime(), ours.NotAfter.UtcDateTime, "not after");
            Check.Equal(theirs.NotBefore.ToUniversalTime(), ours.NotBefore.UtcDateTime, "not before");
            Check.Equal(Convert.ToUInt64(theirs.SerialNumber[^12..], 16), Convert.ToUInt64(ours.SerialNumber[^12..], 16), "serial number");
            Check.Equal(theirs.GetNameInfo(X509NameType.SimpleName, false), ours.CommonNames[0], "common name");
            Check.That(ours.Subject.Contains("CN=" + ours.CommonNames[0]) && ours.Issuer.Length > 0, $"subject {ours.Subject}");
            var names = theirs.Extensions.OfType<X509SubjectAlternativeNameExtension>().SingleOrDefault();
            Check.Equal(string.Join(",", names?.EnumerateDnsNames() ?? Array.Empty<string>()), string.Join(",", ours.DnsNames), "DNS names");
            Check.Equal(string.Join(",", names?.EnumerateIPAddresses().Select(one => one.ToString()) ?? Array.Empty<string>()),
                string.Join(",", ours.IpAddresses), "IP addresses");
            Check.Equal(theirs.Extensions.OfType<X509BasicConstraintsExtension>().Any(one => one.CertificateAuthority),
                ours.IsCertificateAuthority, "is an authority");
            foreach (string host in new[] { "localhost", "127.0.0.1", "other.example.net" })
            {
                Check.Equal(theirs.MatchesHostname(host, allowCommonName: false), ours.MatchesName(host), $"{name} is for {host}");
            }
        }
        Check.Throws<ArgumentException>(() => TlsCertificateInfo.FromDer(new byte[] { 0x30, 0 }), "no certificate");
        return Task.CompletedTask;
    }

    [Test]
    static Task Credentials_are_read_from_DER_and_from_encrypted_keys()
    {
        X509Certificate2Collection chain = Files.Chain("server-p256");
        byte[][] certificates = chain.Select(one => one.RawData).ToArray();
        using X509Certificate2 withKey = X509Certificate2.CreateFromPemFile(Files.Path("server-p256.pem"), Files.Path("server-p256.key"));
        using ECDsa key = withKey.GetECDsaPrivateKey()!;
        byte[] encrypted = key.ExportEncryptedPkcs8PrivateKey("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        foreach (TlsCredentials made in new[] { TlsCredentials.FromDer(certificates, key.ExportPkcs8PrivateKey()), TlsCredentials.FromDer(certificates, encrypted, "secret") })
        {
            using var server = TlsContext.Create(new SslServerAuthenticationOptions(), new TlsContextSettings { Credentials = made });
            Check.Equal(chain[0].Thumbprint, Shown(server, SslProtocols.Tls13), "the certificate");
        }
        Check.Throws<TlsException>(() => TlsCredentials.FromDer(certificates, encrypted, "wrong"), "a wrong passphrase");
        Check.Throws<TlsException>(() => TlsCredentials.FromDer(Array.Empty<byte[]>(), encrypted, "secret"), "no certificate");
        return Task.CompletedTask;
    }

    [Test]
    static Task The_library_has_names_for_numbers()
    {
        Check.Equal("TLS_AES_128_GCM_SHA256", TlsLibrary.CipherSuiteName((ushort)TlsCipherSuite.TLS_AES_128_GCM_SHA256), "suite");
        Check.Equal("x25519", TlsLibrary.GroupName((ushort)TlsGroup.X25519), "group");
        Check.Equal("ed25519", TlsLibrary.SignatureSchemeName((ushort)TlsSignatureScheme.Ed25519), "scheme");
        Check.Equal("unknown", TlsLibrary.GroupName(0xfefe), "no group");
        Check.That(TlsLibrary.Version.ToString().Split('.').Length == 3, "version");
        Check.That(TlsLibrary.SuspendedHandshakes.InUse <= TlsLibrary.SuspendedHandshakes.Limit, "suspended handshakes");
        foreach (TlsAlert alert in Enum.GetValues<TlsAlert>())
        {
            Check.Equal(TlsException.AlertName((byte)alert).Replace("_", ""), alert.ToString().ToLowerInvariant(), "alert");
        }
        return Task.CompletedTask;
    }
}
