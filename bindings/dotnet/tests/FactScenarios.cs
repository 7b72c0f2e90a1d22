using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

/// <summary>How streams are authenticated, and what they say about it, beside SslStream.</summary>
static class FactScenarios
{
    static readonly byte[] Ping = AgainstSslStream.Ping, Pong = AgainstSslStream.Pong;

    static void Facts(Scene scene, string who, AuthenticatedStream stream)
    {
        dynamic any = stream;
        scene.Note($"{who} CanRead", stream.CanRead);
        scene.Note($"{who} CanWrite", stream.CanWrite);
        scene.Note($"{who} IsAuthenticated", stream.IsAuthenticated);
        scene.Note($"{who} IsMutuallyAuthenticated", stream.IsMutuallyAuthenticated);
        scene.Note($"{who} IsEncrypted", stream.IsEncrypted);
        scene.Note($"{who} IsSigned", stream.IsSigned);
        scene.Note($"{who} IsServer", stream.IsServer);
        scene.Note($"{who} SslProtocol", any.SslProtocol);
        scene.Note($"{who} NegotiatedCipherSuite", any.NegotiatedCipherSuite);
        scene.Note($"{who} NegotiatedApplicationProtocol", any.NegotiatedApplicationProtocol);
        scene.Note($"{who} CipherAlgorithm", any.CipherAlgorithm);
        scene.Note($"{who} CipherStrength", any.CipherStrength);
        scene.Note($"{who} HashAlgorithm", any.HashAlgorithm);
        scene.Note($"{who} HashStrength", any.HashStrength);
        scene.Note($"{who} KeyExchangeAlgorithm", any.KeyExchangeAlgorithm);
        scene.Note($"{who} KeyExchangeStrength", any.KeyExchangeStrength);
        scene.Note($"{who} LocalCertificate", ((X509Certificate?)any.LocalCertificate)?.GetCertHashString());
        scene.Note($"{who} RemoteCertificate", ((X509Certificate?)any.RemoteCertificate)?.GetCertHashString());
        scene.Note($"{who} RemoteCertificate, twice", ReferenceEquals(any.RemoteCertificate, any.RemoteCertificate));
        scene.Note($"{who} TargetHostName", any.TargetHostName);
        scene.Note($"{who} CheckCertRevocationStatus", any.CheckCertRevocationStatus);
    }

    static CipherSuitesPolicy Policy(params TlsCipherSuite[] suites) => new(suites);

    static async Task FactsOf(Scene scene, TlsCipherSuite suite)
    {
        scene.ServerOptions.CipherSuitesPolicy = Policy(suite);
        await scene.Handshake();
        Facts(scene, "client", scene.Client);
        Facts(scene, "server", scene.Server);
    }

    [Scenario]
    static Task What_streams_say_with_AES_128(Scene scene) =>
        FactsOf(scene, scene.IsTls13 ? TlsCipherSuite.TLS_AES_128_GCM_SHA256 : TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);

    [Scenario]
    static Task What_streams_say_with_AES_256(Scene scene) =>
        FactsOf(scene, scene.IsTls13 ? TlsCipherSuite.TLS_AES_256_GCM_SHA384 : TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);

    /// <summary>SslStream's policies have no ChaCha20 of TLS 1.2.</summary>
    [Scenario]
    static Task What_streams_say_with_ChaCha20_or_an_RSA_suite(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = Files.Context("server-rsa2048");
        return FactsOf(scene, scene.IsTls13 ? TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256 : TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384);
    }

    [Scenario]
    static Task What_streams_say_with_an_RSA_certificate(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = Files.Context("server-rsa2048");
        return FactsOf(scene, scene.IsTls13 ? TlsCipherSuite.TLS_AES_128_GCM_SHA256 : TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
    }

    [Scenario]
    static async Task What_streams_say_with_certificates_at_both_ends(Scene scene)
    {
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ClientOptions.ClientCertificateContext = Files.Context("client-p256");
        await scene.Handshake();
        foreach (AuthenticatedStream stream in new[] { scene.Client, scene.Server })
        {
            dynamic any = stream;
            string who = ReferenceEquals(stream, scene.Client) ? "client" : "server";
            scene.Note($"{who} IsMutuallyAuthenticated", stream.IsMutuallyAuthenticated);
            scene.Note($"{who} LocalCertificate", ((X509Certificate?)any.LocalCertificate)?.GetCertHashString());
            scene.Note($"{who} RemoteCertificate", ((X509Certificate?)any.RemoteCertificate)?.GetCertHashString());
        }
    }

    [Scenario]
    static async Task A_certificate_that_is_not_asked_for_is_not_shown(Scene scene)
    {
        scene.ClientOptions.ClientCertificateContext = Files.Context("client-p256");
        await scene.Handshake();
        scene.Note("LocalCertificate", ((dynamic)scene.Client).LocalCertificate);
        scene.Note("RemoteCertificate", ((dynamic)scene.Server).RemoteCertificate);
        scene.Note("client IsMutuallyAuthenticated", scene.Client.IsMutuallyAuthenticated);
        scene.Note("server IsMutuallyAuthenticated", scene.Server.IsMutuallyAuthenticated);
    }

    static string Token(ChannelBinding? binding)
    {
        if (binding == null)
        {
            return "null";
        }
        byte[] bytes = new byte[binding.Size];
        Marshal.Copy(binding.DangerousGetHandle(), bytes, 0, bytes.Length);
        return Convert.ToHexString(bytes);
    }

    [Scenario]
    [Differs("server Endpoint", "SslStream looks for a certificate of the client; the binding is that of the server's (RFC 5929 section 4)")]
    static async Task Channel_bindings_are_there_after_the_handshake(Scene scene)
    {
        TransportContext client = ((dynamic)scene.Client).TransportContext, server = ((dynamic)scene.Server).TransportContext;
        foreach (ChannelBindingKind kind in new[] { ChannelBindingKind.Unique, ChannelBindingKind.Endpoint })
        {
            scene.Try($"client {kind} before", () => client.GetChannelBinding(kind));
            scene.Try($"server {kind} before", () => server.GetChannelBinding(kind));
        }
        await scene.Handshake();
        scene.Note("Endpoint", Token(client.GetChannelBinding(ChannelBindingKind.Endpoint)));
        scene.Try("server Endpoint", () => Token(server.GetChannelBinding(ChannelBindingKind.Endpoint)));
        if (!scene.IsTls13)
        {
            scene.Note("Unique, the same", Token(client.GetChannelBinding(ChannelBindingKind.Unique)) ==
                Token(server.GetChannelBinding(ChannelBindingKind.Unique)));
        }
    }

    static List<SslApplicationProtocol> Protocols(params string[] names) =>
        new(Array.ConvertAll(names, name => new SslApplicationProtocol(name)));

    [Scenario]
    static async Task The_application_protocol_is_negotiated(Scene scene)
    {
        scene.ClientOptions.ApplicationProtocols = Protocols("http/1.1", "h2");
        scene.ServerOptions.ApplicationProtocols = Protocols("h2", "http/1.1");
        await scene.Handshake();
        scene.Note("client", ((dynamic)scene.Client).NegotiatedApplicationProtocol);
        scene.Note("server", ((dynamic)scene.Server).NegotiatedApplicationProtocol);
    }

    [Scenario]
    static async Task One_end_alone_has_application_protocols(Scene scene)
    {
        scene.ClientOptions.ApplicationProtocols = Protocols("h2");
        await scene.Handshake();
        scene.Note("client", ((dynamic)scene.Client).NegotiatedApplicationProtocol);
        scene.Note("server", ((dynamic)scene.Server).NegotiatedApplicationProtocol);
    }

    [Scenario]
    static Task No_application_protocol_is_common(Scene scene)
    {
        scene.ClientOptions.ApplicationProtocols = Protocols("h2");
        scene.ServerOptions.ApplicationProtocols = Protocols("http/1.1");
        return scene.HandshakeSeen();
    }

    [Scenario]
    static Task No_version_is_common(Scene scene)
    {
        scene.ClientOptions.EnabledSslProtocols = scene.IsTls13 ? SslProtocols.Tls12 : SslProtocols.Tls13;
        return scene.HandshakeSeen();
    }

    [Scenario]
    static async Task A_stream_is_authenticated_while_it_is_authenticated(Scene scene)
    {
        dynamic client = scene.Client, server = scene.Server;
        Task first = client.AuthenticateAsClientAsync(scene.ClientOptions, CancellationToken.None);
        await scene.TryAsync("second", () => (Task)client.AuthenticateAsClientAsync(scene.ClientOptions, CancellationToken.None));
        await scene.TryAsync("read", () => scene.Client.ReadAsync(new byte[4]).AsTask());
        await scene.TryAsync("server", () => (Task)server.AuthenticateAsServerAsync(scene.ServerOptions, CancellationToken.None));
        await scene.TryAsync("first", () => first);
    }

    [Scenario]
    static async Task Arguments_that_are_null_are_refused(Scene scene)
    {
        dynamic client = scene.Client, server = scene.Server;
        scene.Try("client options", () => client.AuthenticateAsClient((SslClientAuthenticationOptions)null!));
        scene.Try("server options", () => server.AuthenticateAsServer((SslServerAuthenticationOptions)null!));
        scene.Try("a server's certificate", () => server.AuthenticateAsServer((X509Certificate)null!));
        await scene.TryAsync("client options, by task", () => (Task)client.AuthenticateAsClientAsync((SslClientAuthenticationOptions)null!, CancellationToken.None));
        await scene.TryAsync("server options, by task", () => (Task)server.AuthenticateAsServerAsync((SslServerAuthenticationOptions)null!, CancellationToken.None));
        scene.Try("no stream", () => scene.MakeClient(null!, false));
        scene.Try("the stream that is none", () => scene.MakeClient(Stream.Null, false) != null);
        scene.Try("a stream that cannot be written", () => scene.MakeClient(new MemoryStream(new byte[1], false), false) != null);
    }

    [Scenario]
    static async Task Callbacks_are_given_to_the_stream(Scene scene)
    {
        object? sender = null;
        AuthenticatedStream client = scene.MakeClient(scene.ClientInner, false, (from, certificate, chain, errors) =>
        {
            sender = from;
            scene.Note("validation", $"{certificate != null} {chain != null} {errors}");
            return true;
        });
        await scene.Handshake();
        scene.Note("the sender is the stream", ReferenceEquals(sender, client));
    }

    [Scenario]
    static async Task A_callback_of_the_stream_refuses(Scene scene)
    {
        scene.MakeServer(scene.ServerInner, false, (_, _, _, _) => false);
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ClientOptions.ClientCertificateContext = Files.Context("client-p256");
        dynamic client = scene.Client, server = scene.Server;
        Task handshake = client.AuthenticateAsClientAsync(scene.ClientOptions, CancellationToken.None);
        await scene.TryAsync("server", () => (Task)server.AuthenticateAsServerAsync(scene.ServerOptions, CancellationToken.None));
        scene.ServerInner.Dispose();
        await Task.WhenAny(handshake);
    }

    [Scenario]
    static async Task Callbacks_are_given_twice(Scene scene)
    {
        scene.MakeClient(scene.ClientInner, false, (_, _, _, _) => true);
        scene.ClientOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        dynamic client = scene.Client;
        await scene.TryAsync("client", () => (Task)client.AuthenticateAsClientAsync(scene.ClientOptions, CancellationToken.None));
    }

    [Scenario]
    static async Task A_selection_callback_is_given_to_the_stream(Scene scene)
    {
        X509Certificate2 certificate = Files.WithKey("client-p256");
        int asked = 0;
        scene.MakeClient(scene.ClientInner, false, null, (_, target, _, _, _) =>
        {
            asked++;
            scene.Seen["target"] = target;
            return certificate;
        });
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ServerOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => shown != null;
        await scene.Handshake();
        scene.Note("asked", asked > 0);
        scene.Note("shown", ((X509Certificate?)((dynamic)scene.Server).RemoteCertificate)?.GetCertHashString());
    }

    /// <summary>SslStream's older calls: trust is a callback's, since they have no options.</summary>
    static async Task Older(Scene scene, Func<dynamic, Task> asClient, Func<dynamic, Task> asServer)
    {
        scene.MakeClient(scene.ClientInner, false, (_, certificate, _, _) => certificate != null);
        scene.MakeServer(scene.ServerInner, false);
        await Task.WhenAll(scene.TryAsync("client", () => asClient(scene.Client)), scene.TryAsync("server", () => asServer(scene.Server)));
        await scene.Client.WriteAsync(Ping);
        scene.Note("read", await scene.Server.ReadAsync(new byte[4]));
        scene.Note("client's name", ((dynamic)scene.Client).TargetHostName);
        scene.Note("server's name", ((dynamic)scene.Server).TargetHostName);
    }

    static X509Certificate2 Certificate => Files.WithKey("server-p256");

    static Task OnThread(Action work) => Task.Factory.StartNew(work, TaskCreationOptions.LongRunning);

    [Scenario]
    static Task Older_calls_with_a_name_and_a_certificate(Scene scene) => Older(scene,
        client => client.AuthenticateAsClientAsync("localhost"), server => server.AuthenticateAsServerAsync(Certificate));

    [Scenario]
    static Task Older_calls_with_more_arguments(Scene scene) => Older(scene,
        client => client.AuthenticateAsClientAsync("localhost", null, false),
        server => server.AuthenticateAsServerAsync(Certificate, false, false));

    [Scenario]
    static Task Older_calls_with_versions(Scene scene) => Older(scene,
        client => client.AuthenticateAsClientAsync("localhost", new X509CertificateCollection(), scene.Protocol, false),
        server => server.AuthenticateAsServerAsync(Certificate, false, scene.Protocol, false));

    [Scenario]
    static Task Older_calls_that_block(Scene scene) => Older(scene,
        client => OnThread(() => client.AuthenticateAsClient("localhost")),
        server => OnThread(() => server.AuthenticateAsServer(Certificate)));

    [Scenario]
    static Task Older_calls_that_block_with_more_arguments(Scene scene) => Older(scene,
        client => OnThread(() => client.AuthenticateAsClient("localhost", null, scene.Protocol, false)),
        server => OnThread(() => server.AuthenticateAsServer(Certificate, false, scene.Protocol, false)));

    [Scenario]
    static Task Older_calls_that_begin_and_end(Scene scene) => Older(scene,
        client => Task.Factory.FromAsync((IAsyncResult)client.BeginAuthenticateAsClient("localhost", null, null), done => client.EndAuthenticateAsClient(done)),
        server => Task.Factory.FromAsync((IAsyncResult)server.BeginAuthenticateAsServer(Certificate, null, null), done => server.EndAuthenticateAsServer(done)));

    [Scenario]
    static async Task Reads_and_writes_begin_and_end(Scene scene)
    {
        await scene.Handshake();
        byte[] room = new byte[4];
        object state = new();
        IAsyncResult? seen = null;
        var called = new TaskCompletionSource();
        IAsyncResult reading = scene.Client.BeginRead(room, 0, 4, result => { seen = result; called.SetResult(); }, state);
        IAsyncResult writing = scene.Client.BeginWrite(Ping, 0, 4, null, state);
        // The read is pending, and the write does not wait for it.
        scene.Client.EndWrite(writing);
        scene.Note("the read is pending", !reading.IsCompleted);
        scene.Note("read by the peer", await scene.Server.ReadAsync(new byte[4]));
        await scene.Server.WriteAsync(Pong);
        await called.Task;
        scene.Note("completed", reading.IsCompleted);
        scene.Note("state", ReferenceEquals(state, reading.AsyncState) && ReferenceEquals(state, writing.AsyncState));
        scene.Note("the callback's result", ReferenceEquals(seen, reading));
        scene.Note("count", scene.Client.EndRead(reading));
        scene.Note("data", Convert.ToHexString(room));
    }

    [Scenario]
    static async Task What_does_not_belong_to_a_call_is_not_its_end(Scene scene)
    {
        await scene.Handshake();
        scene.Try("EndRead null", () => scene.Client.EndRead(null!));
        scene.Try("EndWrite null", () => scene.Client.EndWrite(null!));
        scene.Try("EndAuthenticateAsClient null", () => ((dynamic)scene.Client).EndAuthenticateAsClient((IAsyncResult)null!));
        IAsyncResult reading = scene.Client.BeginRead(new byte[4], 0, 4, null, null);
        await scene.Server.WriteAsync(Pong);
        scene.Note("count", scene.Client.EndRead(reading));
        scene.Client.Dispose();
        scene.Try("EndRead when it is disposed of", () => scene.Client.EndRead(reading));
    }

    [Scenario]
    static async Task A_second_read_that_begins_is_refused(Scene scene)
    {
        await scene.Handshake();
        byte[] room = new byte[4];
        IAsyncResult first = scene.Client.BeginRead(room, 0, 4, null, null);
        scene.Try("second", () => scene.Client.EndRead(scene.Client.BeginRead(new byte[4], 0, 4, null, null)));
        await scene.Server.WriteAsync(Pong);
        scene.Note("first", scene.Client.EndRead(first));
    }
}
