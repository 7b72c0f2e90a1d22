using System.Linq;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace SpanTls;

/// <summary>The chain of .NET that validation callbacks see. The verdict is the library's; the chain is built so that it never
/// contradicts it: with errors in the chain its ChainStatus has some, and what .NET finds wrong is an error.</summary>
internal static class PeerChain
{
    /// <summary>id-kp-serverAuth and id-kp-clientAuth (RFC 5280 section 4.2.1.12).</summary>
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1", ClientUsage = "1.3.6.1.5.5.7.3.2";

    /// <summary>What revocation lists say: .NET cannot be given any, and so finds none of it.</summary>
    private const TlsValidationReasons Revocation = TlsValidationReasons.Revoked | TlsValidationReasons.RevocationUnknown |
        TlsValidationReasons.CrlExpired | TlsValidationReasons.BadCrl;

    internal static X509Chain Build(
        TlsContext context, X509Certificate2 certificate, X509Certificate2Collection? others, TlsValidationReasons reasons,
        ref SslPolicyErrors errors)
    {
        var chain = new X509Chain { ChainPolicy = Policy(context, others) };
        _ = chain.Build(certificate);
#if NET
        bool refused = (errors & SslPolicyErrors.RemoteCertificateChainErrors) != 0;
        if (!refused && ShowsErrors(chain))
        {
            errors |= SslPolicyErrors.RemoteCertificateChainErrors;
        }
        if (refused && !ShowsErrors(chain) && (reasons & Revocation) != 0)
        {
            // Without lists, the revocation's status is unknown.
            chain.Reset();
            chain.ChainPolicy = Policy(context, others);
            chain.ChainPolicy.RevocationMode = X509RevocationMode.Offline;
            _ = chain.Build(certificate);
        }
        if (refused && !ShowsErrors(chain))
        {
            // The library trusts no path to an anchor, for a reason that .NET does not know.
            chain.Reset();
            chain.ChainPolicy = Policy(context, others);
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.Clear();
            _ = chain.Build(certificate);
        }
#endif
        return chain;
    }

    /// <summary>Whether a callback that judges by ChainStatus alone would refuse.</summary>
    internal static bool ShowsErrors(X509Chain chain) =>
        chain.ChainStatus.Any(status => status.Status != X509ChainStatusFlags.NoError);

    private static X509ChainPolicy Policy(TlsContext context, X509Certificate2Collection? others)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        policy.ApplicationPolicy.Add(new Oid(context.IsServer ? ClientUsage : ServerUsage));
#if NET
        policy.DisableCertificateDownloads = true; // The peer would say where from.
        if (context.Anchors != null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(context.Anchors);
        }
#endif
        if (context.Time is { } time)
        {
            policy.VerificationTime = time;
        }
        if (others != null)
        {
            policy.ExtraStore.AddRange(others);
        }
        return policy;
    }
}
