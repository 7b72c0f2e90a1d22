using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;

/// <summary>Whom SslStream trusts, and what its callbacks see, beside TlsStream.</summary>
static class TrustScenarios
{
    /// <summary>The handshake as the client ends it. What the refused server sees is the scenario of its own below.</summary>
    internal static async Task SeenByClient(this Scene scene)
    {
        await scene.HandshakeSeen();
        scene.Seen.Remove("server handshake");
    }

    /// <summary>The handshake as the server ends it.</summary>
    internal static async Task SeenByServer(this Scene scene)
    {
        await scene.HandshakeSeen();
        scene.Seen.Remove("client handshake");
    }

    /// <summary>A callback that notes what it sees.</summary>
    internal static RemoteCertificateValidationCallback Judge(Scene scene, bool answer)
    {
        int call = 0;
        return (_, certificate, chain, errors) =>
        {
            string statuses = chain == null ? "no chain" : string.Join(", ", chain.ChainStatus.Select(one => one.Status).OrderBy(one => one));
            scene.Note($"callback {++call}", $"{certificate?.Subject ?? "no certificate"}; {errors}; {statuses}");
            return answer;
        };
    }

    static Task Server(Scene scene, string name, string anchors = "ca")
    {
        scene.ServerOptions.ServerCertificateContext = Files.Context(name);
        scene.ClientOptions.CertificateChainPolicy = Files.Trust(anchors);
        return scene.SeenByClient();
    }

    static Task ServerSeen(Scene scene, string name, string anchors = "ca")
    {
        scene.ClientOptions.RemoteCertificateValidationCallback = Judge(scene, true);
        return Server(scene, name, anchors);
    }

    [Scenario] static Task A_server_of_a_trusted_authority_is_accepted(Scene scene) => Server(scene, "server-p256");
    [Scenario] static Task An_expired_server_is_refused(Scene scene) => Server(scene, "server-expired");
    [Scenario] static Task A_server_that_is_not_yet_valid_is_refused(Scene scene) => Server(scene, "server-notyet");
    [Scenario] static Task A_server_of_another_name_is_refused(Scene scene) => Server(scene, "server-wrongname");
    [Scenario] static Task A_server_with_a_clients_usage_is_refused(Scene scene) => Server(scene, "server-clientusage");
    [Scenario] static Task A_server_of_another_authority_is_refused(Scene scene) => Server(scene, "server-p256", "other-ca");
    [Scenario] static Task A_self_signed_server_is_refused(Scene scene) => Server(scene, "selfsigned");
    [Scenario] static Task A_self_signed_server_that_is_an_anchor_is_accepted(Scene scene) => Server(scene, "selfsigned", "selfsigned");
    [Scenario] static Task An_expired_self_signed_server_that_is_an_anchor_is_refused(Scene scene) => Server(scene, "selfsigned-expired", "selfsigned-expired");

    [Scenario] static Task A_callback_sees_a_good_server(Scene scene) => ServerSeen(scene, "server-p256");
    [Scenario] static Task A_callback_sees_an_expired_server(Scene scene) => ServerSeen(scene, "server-expired");
    [Scenario] static Task A_callback_sees_a_server_that_is_not_yet_valid(Scene scene) => ServerSeen(scene, "server-notyet");
    [Scenario] static Task A_callback_sees_a_wrong_name(Scene scene) => ServerSeen(scene, "server-wrongname");
    [Scenario] static Task A_callback_sees_a_wrong_name_and_the_wrong_time(Scene scene) => ServerSeen(scene, "server-wrongname-expired");
    [Scenario] static Task A_callback_sees_the_wrong_usage(Scene scene) => ServerSeen(scene, "server-clientusage");
    [Scenario] static Task A_callback_sees_a_foreign_authority(Scene scene) => ServerSeen(scene, "server-p256", "other-ca");
    [Scenario] static Task A_callback_sees_a_self_signed_server(Scene scene) => ServerSeen(scene, "selfsigned");
    [Scenario] static Task A_callback_sees_a_self_signed_anchor(Scene scene) => ServerSeen(scene, "selfsigned", "selfsigned");

    static Task ServerAndAnchor(Scene scene, X509Certificate2 server, params X509Certificate2[] anchors)
    {
        scene.ServerOptions.ServerCertificateContext = SslStreamCertificateContext.Create(server, null, offline: true);
        scene.ClientOptions.CertificateChainPolicy!.CustomTrustStore.Clear();
        scene.ClientOptions.CertificateChainPolicy.CustomTrustStore.AddRange(anchors);
        return scene.SeenByClient();
    }

    [Scenario]
    static Task A_minted_authority_vouches_for_a_server(Scene scene)
    {
        X509Certificate2 root = Mint.Root("minted root");
        return ServerAndAnchor(scene, Mint.Leaf("localhost", root), root);
    }

    [Scenario]
    static Task The_second_of_several_anchors_vouches_for_a_server(Scene scene)
    {
        X509Certificate2 root = Mint.Root("minted root");
        return ServerAndAnchor(scene, Mint.Leaf("localhost", root), Mint.Root("another root"), root);
    }

    [Scenario]
    static Task An_anchor_that_is_no_authority_vouches_for_no_one(Scene scene)
    {
        X509Certificate2 server = Mint.Root("localhost", isAuthority: false);
        return ServerAndAnchor(scene, Mint.Leaf("localhost", server), server);
    }

    [Scenario]
    static Task An_anchor_that_has_expired_vouches_for_no_one(Scene scene)
    {
        X509Certificate2 root = Mint.Root("old root", end: new DateTimeOffset(2021, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return ServerAndAnchor(scene, Mint.Leaf("localhost", root), root);
    }

    [Scenario]
    static Task A_lone_intermediate_vouches_for_no_one(Scene scene) =>
        ServerAndAnchor(scene, Files.WithKey("server-p256"), Files.Chain("intermediate")[0]);

    [Scenario]
    static Task A_server_in_the_store_that_others_have_signed_is_refused(Scene scene) =>
        ServerAndAnchor(scene, Files.WithKey("server-p256"), Files.Chain("server-p256")[0]);

    [Scenario]
    static Task A_self_signed_server_in_the_store_that_is_no_authority_is_accepted(Scene scene)
    {
        X509Certificate2 server = Mint.Root("localhost", isAuthority: false);
        return ServerAndAnchor(scene, server, server);
    }

    [Scenario]
    static Task A_server_without_its_intermediate_is_refused(Scene scene) =>
        ServerAndAnchor(scene, Files.WithKey("server-p256"), Files.Chain("ca")[0]);

    [Scenario]
    [Differs("client handshake", "an empty store of one's own is refused when the context is made")]
    static Task A_client_that_trusts_no_one_connects_to_no_one(Scene scene) => ServerAndAnchor(scene, Files.WithKey("server-p256"));

    [Scenario]
    [Differs("server handshake", "TlsStream gives its verdict before the handshake ends, and the server gets the fitting alert")]
    static async Task A_refused_server_learns_of_it(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = Files.Context("server-expired");
        await scene.HandshakeSeen();
    }

    [Scenario]
    static Task A_callback_accepts_an_expired_server(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = Files.Context("server-expired");
        scene.ClientOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        return scene.Handshake();
    }

    [Scenario]
    static Task A_callback_refuses_a_good_server(Scene scene)
    {
        scene.ClientOptions.RemoteCertificateValidationCallback = Judge(scene, false);
        return scene.SeenByClient();
    }

    [Scenario]
    static Task What_a_clients_callback_throws_is_what_its_caller_gets(Scene scene)
    {
        scene.ClientOptions.RemoteCertificateValidationCallback = (_, _, _, _) => throw new TimeZoneNotFoundException();
        return scene.SeenByClient();
    }

    // --- Clients

    static Task Client(Scene scene, string? name, bool required = true, bool? callback = null)
    {
        scene.ServerOptions.ClientCertificateRequired = required;
        if (name != null)
        {
            scene.ClientOptions.ClientCertificateContext = Files.Context(name);
        }
        if (callback != null)
        {
            scene.ServerOptions.RemoteCertificateValidationCallback = Judge(scene, callback.Value);
        }
        return scene.SeenByServer();
    }

    [Scenario] static Task A_client_of_a_trusted_authority_is_accepted(Scene scene) => Client(scene, "client-p256");
    [Scenario] static Task A_client_with_RSA_is_accepted(Scene scene) => Client(scene, "client-rsa2048");
    [Scenario] static Task A_client_of_another_authority_is_refused(Scene scene) => Client(scene, "client-other");
    [Scenario] static Task A_client_with_a_servers_usage_is_refused(Scene scene) => Client(scene, "server-p256");
    [Scenario] static Task A_client_without_the_required_certificate_is_refused(Scene scene) => Client(scene, null);
    [Scenario] static Task A_client_that_is_not_asked_is_accepted(Scene scene) => Client(scene, "client-p256", required: false);
    [Scenario] static Task A_callback_sees_a_good_client(Scene scene) => Client(scene, "client-p256", callback: true);
    [Scenario] static Task A_callback_sees_a_client_with_the_wrong_usage(Scene scene) => Client(scene, "server-p256", callback: true);
    [Scenario] static Task A_callback_sees_a_client_of_a_foreign_authority(Scene scene) => Client(scene, "client-other", callback: true);
    [Scenario] static Task A_callback_refuses_a_good_client(Scene scene) => Client(scene, "client-p256", callback: false);
    [Scenario] static Task A_callback_refuses_a_client_without_the_required_certificate(Scene scene) => Client(scene, null, callback: false);
    [Scenario] static Task A_callback_is_asked_about_a_client_that_is_not_asked(Scene scene) => Client(scene, null, required: false, callback: true);
    [Scenario] static Task A_callback_refuses_a_client_that_is_not_asked(Scene scene) => Client(scene, null, required: false, callback: false);

    [Scenario]
    [Differs("server handshake", "a required certificate is required, whatever the callback says: ClientCertificateMode.Request leaves it to the callback")]
    static Task A_callback_that_accepts_a_client_without_the_required_certificate(Scene scene) => Client(scene, null, callback: true);

    [Scenario]
    static Task A_client_certificate_that_has_expired_is_refused(Scene scene)
    {
        X509Certificate2 root = Mint.Root("minted root");
        return ClientAndAnchor(scene, Mint.Leaf("client", root, true, new DateTimeOffset(2021, 1, 1, 0, 0, 0, TimeSpan.Zero)), root);
    }

    [Scenario]
    static Task A_clients_anchor_that_is_no_authority_vouches_for_no_one(Scene scene)
    {
        X509Certificate2 root = Mint.Root("no authority", isAuthority: false);
        return ClientAndAnchor(scene, Mint.Leaf("client", root, true), root);
    }

    [Scenario]
    static Task A_clients_anchor_that_has_expired_vouches_for_no_one(Scene scene)
    {
        X509Certificate2 root = Mint.Root("old root", end: new DateTimeOffset(2021, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return ClientAndAnchor(scene, Mint.Leaf("client", root, true), root);
    }

    [Scenario]
    static Task A_lone_intermediate_vouches_for_no_client(Scene scene) =>
        ClientAndAnchor(scene, Files.WithKey("client-p256"), Files.Chain("intermediate")[0]);

    [Scenario]
    static Task A_server_whose_store_is_empty_accepts_no_client(Scene scene) => ClientAndAnchor(scene, Files.WithKey("client-p256"));

    static Task ClientAndAnchor(Scene scene, X509Certificate2 client, params X509Certificate2[] anchors)
    {
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ServerOptions.CertificateChainPolicy!.CustomTrustStore.Clear();
        scene.ServerOptions.CertificateChainPolicy.CustomTrustStore.AddRange(anchors);
        scene.ClientOptions.ClientCertificateContext = SslStreamCertificateContext.Create(client, null, offline: true);
        return scene.SeenByServer();
    }

    [Scenario]
    static Task What_a_servers_callback_throws_is_what_its_caller_gets(Scene scene)
    {
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ServerOptions.RemoteCertificateValidationCallback = (_, _, _, _) => throw new TimeZoneNotFoundException();
        return scene.SeenByServer();
    }
}
