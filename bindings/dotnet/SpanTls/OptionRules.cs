using System;
using System.Collections;
using System.Linq;
using System.Net.Security;
using System.Reflection;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace SpanTls;

/// <summary>The rule for every public option: its value is honoured, or refused with a message that names the option.</summary>
internal static class OptionRules
{
    internal const SslProtocols Spoken = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <summary>All options that this library reads or refuses. Options that a later .NET adds are refused when set.</summary>
    private static readonly string[] s_server =
    {
        "AllowRenegotiation", "AllowTlsResume", "ApplicationProtocols", "CertificateChainPolicy", "CertificateRevocationCheckMode",
        "CipherSuitesPolicy", "ClientCertificateRequired", "EnabledSslProtocols", "EncryptionPolicy",
        "RemoteCertificateValidationCallback", "ServerCertificate", "ServerCertificateContext", "ServerCertificateSelectionCallback",
    };

    private static readonly string[] s_client =
    {
        "AllowRenegotiation", "AllowTlsResume", "ApplicationProtocols", "CertificateChainPolicy", "CertificateRevocationCheckMode",
        "CipherSuitesPolicy", "ClientCertificateContext", "ClientCertificates", "EnabledSslProtocols", "EncryptionPolicy",
        "LocalCertificateSelectionCallback", "RemoteCertificateValidationCallback", "TargetHost",
    };

    /// <summary>Nothing is ever fetched, so options that forbid or limit downloads are always honoured.</summary>
    private static readonly string[] s_policy =
    {
        "ApplicationPolicy", "CertificatePolicy", "CustomTrustStore", "DisableCertificateDownloads", "ExtraStore", "RevocationFlag",
        "RevocationMode", "TrustMode", "UrlRetrievalTimeout", "VerificationFlags", "VerificationTime", "VerificationTimeIgnored",
    };

    internal static void Check(SslServerAuthenticationOptions options, TlsContextSettings settings)
    {
        NothingElse(options, new SslServerAuthenticationOptions(), s_server);
        Common(settings, options.EnabledSslProtocols, options.EncryptionPolicy, options.CertificateRevocationCheckMode);
        OneJudge(settings, options.RemoteCertificateValidationCallback);
        bool isFixed = settings.Credentials != null || options.ServerCertificate != null || settings.MoreCredentials.Count > 0;
#if NET8_0_OR_GREATER
        isFixed |= options.ServerCertificateContext != null;
        Trust(options.ServerCertificateContext);
        Policy(options.CertificateChainPolicy, settings);
#endif
        if (isFixed && options.ServerCertificateSelectionCallback != null)
        {
            throw new InvalidOperationException(
                "ServerCertificateSelectionCallback chooses the certificate: a fixed one beside it would never be used");
        }
    }

    internal static void Check(SslClientAuthenticationOptions options, TlsContextSettings settings)
    {
        NothingElse(options, new SslClientAuthenticationOptions(), s_client);
        Common(settings, options.EnabledSslProtocols, options.EncryptionPolicy, options.CertificateRevocationCheckMode);
        OneJudge(settings, options.RemoteCertificateValidationCallback);
#if NET8_0_OR_GREATER
        Trust(options.ClientCertificateContext);
        Policy(options.CertificateChainPolicy, settings);
#endif
    }

    private static void Common(
        TlsContextSettings settings, SslProtocols protocols, EncryptionPolicy encryption, X509RevocationMode revocation)
    {
        if (encryption != EncryptionPolicy.RequireEncryption)
        {
            throw new NotSupportedException("EncryptionPolicy: TLS without encryption is not supported");
        }
        if (revocation != X509RevocationMode.NoCheck && settings.RevocationLists == null)
        {
            throw new NotSupportedException(
                "CertificateRevocationCheckMode: revocation is checked with TlsContextSettings.RevocationLists; nothing is fetched");
        }
        if (protocols != SslProtocols.None && (protocols & Spoken) == 0)
        {
            throw new NotSupportedException("EnabledSslProtocols: only TLS 1.2 and 1.3 are supported");
        }
    }

    /// <summary>A callback that would never be called is refused.</summary>
    private static void OneJudge(TlsContextSettings settings, RemoteCertificateValidationCallback? callback)
    {
        if (settings.AutomaticValidation && callback != null)
        {
            throw new ArgumentException("a RemoteCertificateValidationCallback is not called with AutomaticValidation");
        }
    }

    private static void NothingElse(object options, object unset, string[] known)
    {
        foreach (PropertyInfo property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (!known.Contains(property.Name) && property.CanRead && !Same(property.GetValue(options), property.GetValue(unset)))
            {
                throw new NotSupportedException($"{property.Name} is not supported: it is an option of a later .NET");
            }
        }
    }

    private static bool Same(object? value, object? unset) =>
        Equals(value, unset) || (value is ICollection { Count: 0 } && unset is ICollection { Count: 0 });

#if NET8_0_OR_GREATER
    /// <summary>SslCertificateTrust is a list of authorities whose only effect is on a validation that is not .NET's here.</summary>
    private static void Trust(SslStreamCertificateContext? context)
    {
        FieldInfo? trust = typeof(SslStreamCertificateContext).GetField("Trust", BindingFlags.NonPublic | BindingFlags.Instance);
        if (context != null && trust?.GetValue(context) != null)
        {
            throw new NotSupportedException(
                "SslCertificateTrust is not supported: give the authorities in CertificateChainPolicy.CustomTrustStore");
        }
    }

    /// <summary>The parts of a chain policy that the engine honours: a custom trust store, and the time.</summary>
    private static void Policy(X509ChainPolicy? policy, TlsContextSettings settings)
    {
        if (policy == null)
        {
            return;
        }
        NothingElse(policy, new X509ChainPolicy(), s_policy);
        Refuse(policy.RevocationMode != X509RevocationMode.NoCheck && settings.RevocationLists == null, "RevocationMode",
            "revocation is checked with TlsContextSettings.RevocationLists; nothing is fetched");
        Refuse(settings.RevocationLists != null && policy.RevocationFlag != X509RevocationFlag.ExcludeRoot, "RevocationFlag",
            "revocation lists are for every certificate below the root, which is ExcludeRoot");
        Refuse(policy.ApplicationPolicy.Count > 0, "ApplicationPolicy", "the usage that is checked is the peer's role");
        Refuse(policy.CertificatePolicy.Count > 0, "CertificatePolicy", "certificate policies are not checked");
        Refuse(policy.ExtraStore.Count > 0, "ExtraStore", "a peer sends its intermediate certificates itself");
        Refuse(policy.VerificationFlags != X509VerificationFlags.NoFlag, "VerificationFlags",
            "no check can be left out; a RemoteCertificateValidationCallback can overrule what is found");
        Refuse(policy.TrustMode == X509ChainTrustMode.System && policy.CustomTrustStore.Count > 0, "CustomTrustStore",
            "its certificates are not used with TrustMode System");
    }

    private static void Refuse(bool refused, string name, string reason)
    {
        if (refused)
        {
            throw new NotSupportedException($"CertificateChainPolicy.{name}: {reason}");
        }
    }
#endif
}
