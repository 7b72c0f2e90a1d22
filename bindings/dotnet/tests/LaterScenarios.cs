using System;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

/// <summary>Certificates that are asked for on an open connection, beside SslStream.</summary>
static class LaterScenarios
{
    static readonly byte[] Ping = AgainstSslStream.Ping, Pong = AgainstSslStream.Pong;
    const string NoRenegotiation = "there is no renegotiation, and TLS 1.2 has no other way to ask for a certificate later";
    const string Ignored = "clients here ignore a HelloRequest (RFC 5246 section 7.4.1.1): there is no renegotiation";
    const string NoOffer = "clients here do not offer post_handshake_auth (RFC 8446 section 4.2.6)";

    /// <summary>The server asks later; the client reads meanwhile, and does so to its end.</summary>
    static async Task AskLater(Scene scene)
    {
        scene.ServerOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => { scene.Seen["judged"] = (certificate != null).ToString(); return true; };
        await scene.Handshake();
        scene.Seen.Remove("judged");
        if (!scene.IsTls13 && scene.ClientIsOurs)
        {
            scene.Note("negotiate", "is ignored");
            scene.Note("RemoteCertificate", null);
            scene.Note("IsMutuallyAuthenticated", false);
            return;
        }
        Task<int> reading = scene.Client.ReadAsync(new byte[4]).AsTask();
        await scene.TryAsync("negotiate", () => (Task)((dynamic)scene.Server).NegotiateClientCertificateAsync(CancellationToken.None));
        scene.Try("RemoteCertificate", () => ((X509Certificate?)((dynamic)scene.Server).RemoteCertificate)?.GetCertHashString());
        scene.Try("IsMutuallyAuthenticated", () => scene.Server.IsMutuallyAuthenticated);
        await scene.TryAsync("write", () => scene.Server.WriteAsync(Pong).AsTask());
        await scene.TryAsync("read", () => reading);
        await scene.TryAsync("negotiate again", () => (Task)((dynamic)scene.Server).NegotiateClientCertificateAsync(CancellationToken.None));
    }

    [Scenario]
    [Differs("negotiate", NoRenegotiation, Only = SslProtocols.Tls12)]
    [Differs("negotiate again", NoRenegotiation, Only = SslProtocols.Tls12)]
    [Differs("RemoteCertificate", NoRenegotiation, Only = SslProtocols.Tls12)]
    [Differs("IsMutuallyAuthenticated", NoRenegotiation, Only = SslProtocols.Tls12)]
    [Differs("judged", NoRenegotiation, Only = SslProtocols.Tls12)]
    [Differs("write", Ignored, Only = SslProtocols.Tls12, ByClient = true)]
    [Differs("read", Ignored, Only = SslProtocols.Tls12, ByClient = true)]
    [Differs("negotiate", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    [Differs("RemoteCertificate", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    [Differs("IsMutuallyAuthenticated", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    [Differs("judged", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    static Task A_certificate_is_asked_for_later(Scene scene)
    {
        scene.ClientOptions.ClientCertificates = new X509CertificateCollection { Files.WithKey("client-p256") };
        return AskLater(scene);
    }

    [Scenario]
    [Differs("negotiate", NoRenegotiation, Only = SslProtocols.Tls12)]
    [Differs("negotiate again", NoRenegotiation, Only = SslProtocols.Tls12)]
    [Differs("judged", NoRenegotiation, Only = SslProtocols.Tls12)]
    [Differs("write", Ignored, Only = SslProtocols.Tls12, ByClient = true)]
    [Differs("read", Ignored, Only = SslProtocols.Tls12, ByClient = true)]
    [Differs("negotiate", "SslStream throws an error of OpenSSL; here it is a NotSupportedException", Only = SslProtocols.Tls13)]
    static Task A_certificate_is_asked_for_later_of_a_client_without_one(Scene scene) => AskLater(scene);

    /// <summary>The client offers to answer (TLS 1.3), and has nothing to show.</summary>
    static async Task DeclinesLater(Scene scene, bool? answer)
    {
        scene.ClientOptions.ClientCertificates = new(new X509Certificate[] { Files.Chain("client-p256")[0] });
        int calls = 0;
        if (answer != null)
        {
            scene.ServerOptions.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            {
                scene.Note($"call {++calls}", $"{certificate != null} {errors}");
                return calls == 1 || answer.Value; // The first call is that of the handshake.
            };
        }
        await scene.Handshake();
        if (!scene.IsTls13)
        {
            return; // There is no renegotiation: see above.
        }
        Task<int> reading = scene.Client.ReadAsync(new byte[4]).AsTask();
        await scene.TryAsync("negotiate", () => (Task)((dynamic)scene.Server).NegotiateClientCertificateAsync(CancellationToken.None));
        await scene.TryAsync("write", () => scene.Server.WriteAsync(Pong).AsTask());
        scene.Dispose();
        await Task.WhenAny(reading);
    }

    [Scenario]
    [Differs("negotiate", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    [Differs("write", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    static Task A_client_declines_later(Scene scene) => DeclinesLater(scene, null);

    [Scenario]
    [Differs("call 2", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    [Differs("negotiate", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    static Task A_client_declines_later_and_a_callback_accepts(Scene scene) => DeclinesLater(scene, true);

    [Scenario]
    [Differs("call 2", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    [Differs("negotiate", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    [Differs("write", NoOffer, Only = SslProtocols.Tls13, ByClient = true)]
    static Task A_client_declines_later_and_a_callback_refuses(Scene scene) => DeclinesLater(scene, false);

    [Scenario]
    static async Task A_client_asks_for_a_certificate(Scene scene)
    {
        await scene.Handshake();
        await scene.TryAsync("negotiate", () => (Task)((dynamic)scene.Client).NegotiateClientCertificateAsync(CancellationToken.None));
        await scene.Client.WriteAsync(Ping);
        scene.Note("it still works", await scene.Server.ReadAsync(new byte[4]));
    }

    [Scenario]
    static async Task A_certificate_that_is_there_is_asked_for(Scene scene)
    {
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ClientOptions.ClientCertificateContext = Files.Context("client-p256");
        await scene.Handshake();
        await scene.TryAsync("negotiate", () => (Task)((dynamic)scene.Server).NegotiateClientCertificateAsync(CancellationToken.None));
    }
}
