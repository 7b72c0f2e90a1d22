using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Reflection;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using SpanTls;

/// <summary>One rule for every public option: honoured, as the named test shows, or refused by its name.</summary>
static class Options
{
    /// <summary>A value that is not honoured.</summary>
    sealed record Refused(Action<dynamic> Set);

    static readonly X509ChainPolicy s_online = new() { RevocationMode = X509RevocationMode.Online };

#pragma warning disable SYSLIB0039, SYSLIB0040
    static readonly Dictionary<string, object[]> s_common = new()
    {
        ["AllowRenegotiation"] = new object[] { nameof(OptionScenarios) + ".Renegotiation_that_is_allowed" },
        ["AllowTlsResume"] = new object[] { nameof(AgainstSslStream) + ".Resumption_saves_bytes_and_can_be_turned_off" },
        ["ApplicationProtocols"] = new object[] { nameof(OptionScenarios) + ".The_servers_order_of_application_protocols" },
        ["CertificateChainPolicy"] = new object[] { nameof(TrustScenarios) + ".A_server_of_another_authority_is_refused", new Refused(options => options.CertificateChainPolicy = s_online) },
        ["CertificateRevocationCheckMode"] = new object[] { new Refused(options => options.CertificateRevocationCheckMode = X509RevocationMode.Offline) },
        ["CipherSuitesPolicy"] = new object[] { nameof(OptionScenarios) + ".A_suite_that_a_policy_allows", new Refused(options => options.CipherSuitesPolicy = new CipherSuitesPolicy(new[] { TlsCipherSuite.TLS_RSA_WITH_NULL_MD5 })) },
        ["EnabledSslProtocols"] = new object[] { nameof(OptionScenarios) + ".A_client_with_one_version", new Refused(options => options.EnabledSslProtocols = SslProtocols.Tls11) },
        ["EncryptionPolicy"] = new object[] { new Refused(options => options.EncryptionPolicy = EncryptionPolicy.AllowNoEncryption) },
        ["RemoteCertificateValidationCallback"] = new object[] { nameof(TrustScenarios) + ".A_callback_refuses_a_good_server", nameof(TrustScenarios) + ".A_callback_refuses_a_good_client" },
    };
#pragma warning restore SYSLIB0039, SYSLIB0040

    static readonly Dictionary<string, object[]> s_client = new()
    {
        ["ClientCertificateContext"] = new object[] { nameof(SelectionScenarios) + ".A_certificate_context_is_shown_with_its_intermediates" },
        ["ClientCertificates"] = new object[] { nameof(SelectionScenarios) + ".The_only_certificate_is_shown" },
        ["LocalCertificateSelectionCallback"] = new object[] { nameof(SelectionScenarios) + ".A_selection_callbacks_certificate_is_shown" },
        ["TargetHost"] = new object[] { nameof(OptionScenarios) + ".A_name_that_is_another" },
    };

    static readonly Dictionary<string, object[]> s_server = new()
    {
        ["ClientCertificateRequired"] = new object[] { nameof(TrustScenarios) + ".A_client_without_the_required_certificate_is_refused" },
        ["ServerCertificate"] = new object[] { nameof(SelectionScenarios) + ".A_servers_certificate_is_shown_alone" },
        ["ServerCertificateContext"] = new object[] { nameof(SelectionScenarios) + ".A_certificate_context_goes_before_a_certificate",
            new Refused(options => options.ServerCertificateContext = SslStreamCertificateContext.Create(Files.WithKey("server-p256"), null, true, SslCertificateTrust.CreateForX509Collection(Files.Chain("ca")))) },
        ["ServerCertificateSelectionCallback"] = new object[] { nameof(SelectionScenarios) + ".A_servers_selection_callback_gets_the_name" },
    };

    static readonly Dictionary<string, object[]> s_policy = new()
    {
        ["ApplicationPolicy"] = new object[] { new Refused(policy => policy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"))) },
        ["CertificatePolicy"] = new object[] { new Refused(policy => policy.CertificatePolicy.Add(new Oid("1.2.3.4"))) },
        ["CustomTrustStore"] = new object[] { nameof(TrustScenarios) + ".A_lone_intermediate_vouches_for_no_one", new Refused(policy => policy.TrustMode = X509ChainTrustMode.System) },
        ["DisableCertificateDownloads"] = new object[] { nameof(OptionScenarios) + ".Downloads_that_are_disabled" },
        ["ExtraStore"] = new object[] { new Refused(policy => policy.ExtraStore.Add(Files.Chain("intermediate")[0])) },
        ["RevocationFlag"] = new object[] { nameof(OptionScenarios) + ".A_revocation_flag_without_revocation" },
        ["RevocationMode"] = new object[] { new Refused(policy => policy.RevocationMode = X509RevocationMode.Online), new Refused(policy => policy.RevocationMode = X509RevocationMode.Offline) },
        ["TrustMode"] = new object[] { nameof(OptionScenarios) + ".The_systems_trust" },
        ["UrlRetrievalTimeout"] = new object[] { nameof(OptionScenarios) + ".A_time_limit_of_downloads" },
        ["VerificationFlags"] = new object[] { new Refused(policy => policy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid) },
        ["VerificationTime"] = new object[] { nameof(OptionScenarios) + ".A_time_before_the_certificates" },
        ["VerificationTimeIgnored"] = new object[] { nameof(OptionScenarios) + ".A_time_that_is_ignored" },
    };

    [Test]
    static Task Every_public_option_is_honoured_or_refused_by_its_name()
    {
        Rule(typeof(SslClientAuthenticationOptions), s_common.Concat(s_client), set =>
        {
            SslClientAuthenticationOptions options = Files.Client();
            set(options);
            TlsContext.Create(options);
        });
        Rule(typeof(SslServerAuthenticationOptions), s_common.Concat(s_server), set =>
        {
            SslServerAuthenticationOptions options = Files.Server();
            set(options);
            TlsContext.Create(options);
        });
        Rule(typeof(X509ChainPolicy), s_policy, set =>
        {
            SslClientAuthenticationOptions options = Files.Client();
            set(options.CertificateChainPolicy!);
            TlsContext.Create(options);
        });
        return Task.CompletedTask;
    }

    static void Rule(Type type, IEnumerable<KeyValuePair<string, object[]>> table, Action<Action<dynamic>> make)
    {
        Dictionary<string, object[]> rows = table.ToDictionary(row => row.Key, row => row.Value);
        string[] names = type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(property => property.Name).ToArray();
        Check.Equal("", string.Join(", ", names.Except(rows.Keys)), $"{type.Name}: options without a rule");
        Check.Equal("", string.Join(", ", rows.Keys.Except(names)), $"{type.Name}: rules without an option");
        foreach (var (name, cases) in rows)
        {
            foreach (object one in cases)
            {
                if (one is Refused refused)
                {
                    var thrown = Check.Throws<NotSupportedException>(() => make(refused.Set), $"{type.Name}.{name}");
                    Check.That(thrown.Message.Contains(Named(name)), $"{type.Name}.{name} is refused without its name: {thrown.Message}");
                    continue;
                }
                string[] test = ((string)one).Split('.');
                MethodInfo? found = Assembly.GetExecutingAssembly().GetType(test[0])?.GetMethod(test[1], BindingFlags.Static | BindingFlags.NonPublic);
                Check.That(found?.GetCustomAttribute<TestAttribute>() != null, $"{type.Name}.{name}: there is no test {one}");
            }
        }
    }

    /// <summary>What is refused inside an option has the name of the inner one.</summary>
    static string Named(string name) => name switch
    {
        "ServerCertificateContext" => "SslCertificateTrust",
        _ => name,
    };
}
