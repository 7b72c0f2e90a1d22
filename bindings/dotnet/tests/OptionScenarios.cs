using System;
using System.Collections.Generic;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;

/// <summary>Names, protocols and the other options, on SslStream and on TlsStream.</summary>
static class OptionScenarios
{
    const string Refused = "an option that is not honoured is refused by its name";
    const string Illegal = "a TlsStream server refuses what no ClientHello may name: letters beyond ASCII, labels of a wrong length";
    const string NoName = "what is neither an address nor a DNS name is refused: no certificate is for it (RFC 6066 section 3)";

    // --- Names: whether the client connects, what its callback finds, what the server sees

    static async Task Name(Scene scene, string? name)
    {
        string seen = "nothing";
        scene.ServerOptions.ServerCertificateContext = null;
        X509Certificate2 certificate = s_certificate.Value;
        scene.ServerOptions.ServerCertificateSelectionCallback = (_, host) =>
        {
            seen = $"'{host}'";
            return certificate;
        };
        scene.ClientOptions.TargetHost = name;
        scene.ClientOptions.RemoteCertificateValidationCallback = (_, _, _, errors) =>
        {
            scene.Note("name matches", (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0);
            return true;
        };
        await scene.SeenByClient();
        if (scene.Seen["client handshake"] == "done")
        {
            scene.Note("name at the server", seen);
        }
    }

    static readonly Lazy<X509Certificate2> s_certificate = new(() => Files.WithKey("server-p256"));

    [Scenario] static Task The_name_localhost(Scene scene) => Name(scene, "localhost");
    [Scenario] static Task The_name_LOCALHOST(Scene scene) => Name(scene, "LOCALHOST");
    [Scenario]
    [Differs("name at the server", "the name in the ClientHello is without a dot at its end (RFC 6066 section 3)")]
    static Task The_name_localhost_with_a_dot_at_its_end(Scene scene) => Name(scene, "localhost.");
    [Scenario] static Task A_name_that_is_another(Scene scene) => Name(scene, "elsewhere.example");
    [Scenario] static Task A_name_that_a_wildcard_matches(Scene scene) => Name(scene, "one.wild.example");
    [Scenario] static Task A_name_that_a_wildcard_does_not_match(Scene scene) => Name(scene, "one.two.wild.example");
    [Scenario] static Task The_address_127_0_0_1(Scene scene) => Name(scene, "127.0.0.1");
    [Scenario] static Task The_address_of_IPv6(Scene scene) => Name(scene, "::1");
    [Scenario] static Task The_address_of_IPv6_in_brackets(Scene scene) => Name(scene, "[::1]");
    [Scenario] static Task The_address_of_IPv6_with_a_scope(Scene scene) => Name(scene, "fe80::1%lo");
    [Scenario] static Task The_address_1(Scene scene) => Name(scene, "1");
    [Scenario] static Task The_address_1_2_3(Scene scene) => Name(scene, "1.2.3");
    [Scenario] static Task The_address_in_hexadecimal(Scene scene) => Name(scene, "0x7f.1");

    [Scenario]
    [Differs("client handshake", Illegal)]
    [Differs("name matches", Illegal)]
    [Differs("name at the server", Illegal)]
    static Task A_name_of_letters_beyond_ASCII(Scene scene) => Name(scene, "bücher.example");
    [Scenario] static Task A_name_in_Punycode(Scene scene) => Name(scene, "xn--bcher-kva.example");
    [Scenario] static Task A_name_with_an_underscore(Scene scene) => Name(scene, "a_b.example");

    [Scenario]
    [Differs("client handshake", Illegal)]
    static Task A_name_with_an_empty_label(Scene scene) => Name(scene, "a..b");

    [Scenario]
    [Differs("client handshake", Illegal)]
    static Task A_name_with_a_label_that_is_too_long(Scene scene) => Name(scene, new string('a', 64) + ".example");

    [Scenario] static Task A_name_with_a_NUL(Scene scene) => Name(scene, "local\0host");

    [Scenario]
    [Differs("client handshake", NoName)]
    [Differs("name matches", NoName)]
    [Differs("name at the server", NoName)]
    static Task A_name_with_a_wildcard(Scene scene) => Name(scene, "*.example");

    [Scenario]
    [Differs("client handshake", NoName)]
    [Differs("name matches", NoName)]
    [Differs("name at the server", NoName)]
    static Task A_name_with_a_port(Scene scene) => Name(scene, "localhost:443");

    [Scenario]
    [Differs("client handshake", NoName)]
    [Differs("name matches", NoName)]
    [Differs("name at the server", NoName)]
    static Task A_name_with_a_space(Scene scene) => Name(scene, "local host");

    [Scenario] static Task An_empty_name(Scene scene) => Name(scene, "");

    // --- ALPN and versions

    static Task Protocols(Scene scene, string? client, string? server)
    {
        scene.ClientOptions.ApplicationProtocols = List(client);
        scene.ServerOptions.ApplicationProtocols = List(server);
        return Negotiated(scene);
    }

    static List<SslApplicationProtocol>? List(string? names)
    {
        var list = new List<SslApplicationProtocol>();
        foreach (string name in names?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? Array.Empty<string>())
        {
            list.Add(new SslApplicationProtocol(name));
        }
        return names == null ? null : list;
    }

    static async Task Negotiated(Scene scene)
    {
        await scene.HandshakeSeen();
        if (scene.Seen["client handshake"] == "done")
        {
            dynamic client = scene.Client;
            scene.Note("protocol", (SslProtocols)client.SslProtocol);
            scene.Note("application protocol", ((SslApplicationProtocol)client.NegotiatedApplicationProtocol).ToString());
        }
    }

    [Scenario] static Task The_servers_order_of_application_protocols(Scene scene) => Protocols(scene, "one two", "two one");
    [Scenario] static Task Application_protocols_of_the_client_alone(Scene scene) => Protocols(scene, "one", null);
    [Scenario] static Task Application_protocols_of_the_server_alone(Scene scene) => Protocols(scene, null, "one");
    [Scenario] static Task No_application_protocol_in_common(Scene scene) => Protocols(scene, "one", "two");
    [Scenario] static Task An_application_protocol_listed_twice(Scene scene) => Protocols(scene, "one one", "one one");
    [Scenario] static Task An_empty_list_of_application_protocols(Scene scene) => Protocols(scene, "one", "");

    static Task Versions(Scene scene, SslProtocols client, SslProtocols server)
    {
        scene.ClientOptions.EnabledSslProtocols = client;
        scene.ServerOptions.EnabledSslProtocols = server;
        return Negotiated(scene);
    }

    [Scenario] static Task The_best_version_is_chosen(Scene scene) => Versions(scene, SslProtocols.None, SslProtocols.Tls12 | SslProtocols.Tls13);
    [Scenario] static Task A_client_with_one_version(Scene scene) => Versions(scene, scene.Protocol, SslProtocols.None);
    [Scenario] static Task No_version_in_common(Scene scene) => Versions(scene, SslProtocols.Tls13, SslProtocols.Tls12);
    [Scenario] static Task No_version_in_common_the_other_way_round(Scene scene) => Versions(scene, SslProtocols.Tls12, SslProtocols.Tls13);
#pragma warning disable SYSLIB0039, SYSLIB0040, CS0618
    [Scenario] static Task An_old_version_beside_a_new_one(Scene scene) => Versions(scene, SslProtocols.Tls11 | SslProtocols.Tls12, SslProtocols.Tls11 | SslProtocols.Tls12);

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task An_old_version_alone(Scene scene)
    {
        scene.ClientOptions.EnabledSslProtocols = SslProtocols.Tls11;
        return scene.SeenByClient();
    }

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task Encryption_that_may_be_left_out(Scene scene)
    {
        scene.ClientOptions.EncryptionPolicy = EncryptionPolicy.AllowNoEncryption;
        return scene.SeenByClient();
    }
#pragma warning restore SYSLIB0039, SYSLIB0040, CS0618

    [Scenario]
    static async Task A_suite_that_a_policy_allows(Scene scene)
    {
        scene.ClientOptions.CipherSuitesPolicy = new(new[] {
            TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TlsCipherSuite.TLS_AES_256_GCM_SHA384 });
        await scene.Handshake();
        scene.Note("suite", ((dynamic)scene.Client).NegotiatedCipherSuite);
    }

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task Suites_that_no_one_has(Scene scene)
    {
        scene.ClientOptions.CipherSuitesPolicy = new(new[] { TlsCipherSuite.TLS_RSA_WITH_NULL_MD5 });
        return scene.SeenByClient();
    }

    [Scenario]
    static Task Renegotiation_that_is_allowed(Scene scene)
    {
        scene.ClientOptions.AllowRenegotiation = scene.ServerOptions.AllowRenegotiation = true;
        return scene.Handshake();
    }

    // --- The chain policy

    static Task Policy(Scene scene, Action<X509ChainPolicy> change)
    {
        change(scene.ClientOptions.CertificateChainPolicy!);
        return scene.SeenByClient();
    }

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task An_application_policy(Scene scene) => Policy(scene, policy => policy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")));

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task A_certificate_policy(Scene scene) => Policy(scene, policy => policy.CertificatePolicy.Add(new Oid("1.2.3.4")));

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task Extra_certificates(Scene scene) => Policy(scene, policy => policy.ExtraStore.AddRange(Files.Others("server-p256")));

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task Verification_flags(Scene scene) =>
        Policy(scene, policy => policy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority);

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task Revocation_online(Scene scene) => Policy(scene, policy => policy.RevocationMode = X509RevocationMode.Online);

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task Revocation_offline(Scene scene) => Policy(scene, policy => policy.RevocationMode = X509RevocationMode.Offline);

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task Revocation_of_the_options(Scene scene)
    {
        scene.ClientOptions.CertificateRevocationCheckMode = X509RevocationMode.Online;
        return scene.SeenByClient();
    }

    [Scenario] static Task A_revocation_flag_without_revocation(Scene scene) => Policy(scene, policy => policy.RevocationFlag = X509RevocationFlag.EntireChain);
    [Scenario] static Task Downloads_that_are_disabled(Scene scene) => Policy(scene, policy => policy.DisableCertificateDownloads = true);
    [Scenario] static Task A_time_limit_of_downloads(Scene scene) => Policy(scene, policy => policy.UrlRetrievalTimeout = TimeSpan.FromSeconds(1));
    [Scenario] static Task A_time_before_the_certificates(Scene scene) => Policy(scene, policy => policy.VerificationTime = new DateTime(2001, 1, 1));
    [Scenario] static Task A_time_when_the_certificates_are_valid(Scene scene) => Policy(scene, policy => policy.VerificationTime = new DateTime(2040, 1, 1));
    [Scenario] static Task A_time_that_is_ignored(Scene scene) => Policy(scene, policy =>
    {
        policy.VerificationTime = new DateTime(2001, 1, 1);
        policy.VerificationTimeIgnored = true;
    });

    [Scenario]
    static Task A_time_at_which_an_expired_server_was_valid(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = Files.Context("server-expired");
        return Policy(scene, policy => policy.VerificationTime = Files.Chain("server-expired")[0].NotAfter.AddHours(-1));
    }

    [Scenario]
    [Differs("client handshake", Refused)]
    static Task A_store_beside_the_systems_trust(Scene scene) => Policy(scene, policy => policy.TrustMode = X509ChainTrustMode.System);

    [Scenario]
    static Task The_systems_trust(Scene scene)
    {
        scene.ClientOptions.CertificateChainPolicy = null;
        return scene.SeenByClient();
    }

    [Scenario]
    static Task The_systems_trust_in_clients(Scene scene)
    {
        scene.ServerOptions.CertificateChainPolicy = null;
        scene.ServerOptions.ClientCertificateRequired = true;
        scene.ClientOptions.ClientCertificateContext = Files.Context("client-p256");
        return scene.SeenByServer();
    }

    [Scenario]
    [Differs("server handshake", Refused)]
    static Task Trust_of_a_certificate_context(Scene scene)
    {
        scene.ServerOptions.ServerCertificateContext = SslStreamCertificateContext.Create(Files.WithKey("server-p256"),
            Files.Others("server-p256"), true, SslCertificateTrust.CreateForX509Collection(Files.Chain("ca"), true));
        return scene.SeenByServer();
    }
}
