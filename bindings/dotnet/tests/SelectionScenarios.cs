using System;
using System.Linq;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;

/// <summary>Which certificate an end shows, on SslStream and on TlsStream.</summary>
static class SelectionScenarios
{
    /// <summary>What the server has seen of the client's certificate.</summary>
    static async Task Shown(Scene scene, Action<SslClientAuthenticationOptions> change)
    {
        change(scene.ClientOptions);
        string shown = "was not asked";
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ServerOptions.RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
        {
            shown = certificate == null ? "none" : $"{certificate.Subject} and {chain!.ChainPolicy.ExtraStore.Count} others";
            return true;
        };
        await scene.HandshakeSeen();
        scene.Seen.Clear();
        scene.Note("shown", shown);
    }

    static X509CertificateCollection Certificates(params string[] names) => new(names.Select(name => Files.WithKey(name)).ToArray());

    [Scenario]
    static Task The_only_certificate_is_shown(Scene scene) => Shown(scene, client => client.ClientCertificates = Certificates("client-p256"));

    [Scenario]
    static Task A_certificate_context_is_shown_with_its_intermediates(Scene scene) =>
        Shown(scene, client => client.ClientCertificateContext = Files.Context("client-p256"));

    [Scenario]
    static Task A_certificate_without_its_key_is_not_shown(Scene scene) =>
        Shown(scene, client => client.ClientCertificates = new(new X509Certificate[] { Files.Chain("client-p256")[0] }));

    [Scenario]
    [Differs("shown", "the first certificate that has a key is shown; SslStream looks at the first alone")]
    static Task Behind_a_certificate_without_its_key_the_next_is_shown(Scene scene) => Shown(scene, client => client.ClientCertificates =
        new(new X509Certificate[] { Files.Chain("client-p384")[0], Files.WithKey("client-p256") }));

    [Scenario]
    [Differs("shown", "a TlsStream server names the authorities that it trusts, and clients show what one of them has issued")]
    static Task Of_several_certificates_one_is_shown(Scene scene) =>
        Shown(scene, client => client.ClientCertificates = Certificates("client-other", "client-p256"));

    [Scenario]
    static Task An_empty_collection_shows_none(Scene scene) => Shown(scene, client => client.ClientCertificates = new());

    [Scenario]
    static Task A_selection_callbacks_certificate_is_shown(Scene scene) =>
        Shown(scene, client => client.LocalCertificateSelectionCallback = (_, _, _, _, _) => Files.WithKey("client-p384"));

    [Scenario]
    static Task A_selection_callbacks_null_shows_none(Scene scene) => Shown(scene, client =>
    {
        client.ClientCertificates = Certificates("client-p256");
        client.LocalCertificateSelectionCallback = (_, _, _, _, _) => null!;
    });

    [Scenario]
    static Task A_selection_callbacks_certificate_without_a_key_shows_none(Scene scene) =>
        Shown(scene, client => client.LocalCertificateSelectionCallback = (_, _, _, _, _) => Files.Chain("client-p256")[0]);

    [Scenario]
    static Task A_selection_callback_beside_a_context_is_not_asked(Scene scene) => Shown(scene, client =>
    {
        client.ClientCertificateContext = Files.Context("client-p256");
        client.LocalCertificateSelectionCallback = (_, _, _, _, _) => Files.WithKey("client-p384");
    });

    [Scenario]
    [Differs("last call", "the server's certificate comes after its request (RFC 8446 section 4.3.2), and the callback is called at once")]
    static async Task A_selection_callback_gets_the_host_the_certificates_and_the_server(Scene scene)
    {
        string last = "";
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ServerOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        scene.ClientOptions.ClientCertificates = Certificates("client-p256", "client-p384");
        scene.ClientOptions.LocalCertificateSelectionCallback = (_, host, mine, remote, _) =>
        {
            last = $"{host}, {mine.Count}, {remote?.Subject}";
            return mine[1];
        };
        await scene.SeenByClient();
        scene.Note("last call", last);
    }

    [Scenario]
    static Task What_a_clients_selection_callback_throws_is_what_its_caller_gets(Scene scene)
    {
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ClientOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => throw new TimeZoneNotFoundException();
        return scene.SeenByClient();
    }

    // --- Servers

    static Task Selected(Scene scene, ServerCertificateSelectionCallback callback)
    {
        scene.ServerOptions.ServerCertificateContext = null;
        scene.ServerOptions.ServerCertificateSelectionCallback = callback;
        scene.ClientOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            scene.Note("the server", certificate!.Subject);
            return true;
        };
        return scene.SeenByServer();
    }

    [Scenario]
    static Task A_servers_selection_callback_gets_the_name(Scene scene) => Selected(scene, (_, name) =>
    {
        scene.Note("name", name);
        return Files.WithKey("server-p384");
    });

    [Scenario] static Task A_servers_selection_callback_that_chooses_none_fails(Scene scene) => Selected(scene, (_, _) => null!);

    [Scenario]
    static Task A_servers_selection_callback_that_chooses_one_without_a_key_fails(Scene scene) =>
        Selected(scene, (_, _) => Files.Chain("server-p256")[0]);

    [Scenario]
    static Task What_a_servers_selection_callback_throws_is_what_its_caller_gets(Scene scene) =>
        Selected(scene, (_, _) => throw new TimeZoneNotFoundException());

    [Scenario]
    static Task A_servers_selection_callback_beside_a_context_is_a_contradiction(Scene scene)
    {
        scene.ServerOptions.ServerCertificateSelectionCallback = (_, _) => Files.WithKey("server-p384");
        return scene.SeenByServer();
    }

    [Scenario]
    static Task A_servers_selection_callback_beside_a_certificate_is_a_contradiction(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = null;
        scene.ServerOptions.ServerCertificate = Files.WithKey("server-p256");
        scene.ServerOptions.ServerCertificateSelectionCallback = (_, _) => Files.WithKey("server-p384");
        return scene.SeenByServer();
    }

    [Scenario]
    static Task A_server_without_a_certificate_fails(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = null;
        return scene.SeenByServer();
    }

    [Scenario]
    static Task A_servers_certificate_without_its_key_fails(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = null;
        scene.ServerOptions.ServerCertificate = Files.Chain("server-p256")[0];
        return scene.SeenByServer();
    }

    [Scenario]
    static async Task A_servers_certificate_is_shown_alone(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = null;
        scene.ServerOptions.ServerCertificate = Files.WithKey("selfsigned");
        scene.ClientOptions.CertificateChainPolicy = Files.Trust("selfsigned");
        await scene.Handshake();
        scene.Note("shown", scene.Client is SslStream stream ? stream.RemoteCertificate!.Subject : ((SpanTls.TlsStream)scene.Client).RemoteCertificate!.Subject);
    }

    [Scenario]
    static Task A_certificate_context_goes_before_a_certificate(Scene scene)
    {
        scene.ServerOptions.ServerCertificate = Files.WithKey("selfsigned");
        return scene.SeenByClient();
    }

    static Task Key(Scene scene, string name)
    {
        scene.ServerOptions.ServerCertificateContext = Files.Context(name);
        return scene.HandshakeSeen();
    }

    [Scenario] static Task A_server_with_RSA_connects(Scene scene) => Key(scene, "server-rsa2048");
    [Scenario] static Task A_server_with_RSA_4096_connects(Scene scene) => Key(scene, "server-rsa4096");
    [Scenario] static Task A_server_with_P_384_connects(Scene scene) => Key(scene, "server-p384");

    [Scenario]
    [Differs("client handshake", "signatures with P-521 are not supported")]
    [Differs("server handshake", "signatures with P-521 are not supported")]
    static Task A_server_with_P_521_connects(Scene scene) => Key(scene, "server-p521");
}
