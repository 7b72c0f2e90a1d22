using System;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

/// <summary>Certificates that ffi-tests/certs has not, made for one test.</summary>
static class Mint
{
    static readonly DateTimeOffset Begin = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), End = new(2120, 1, 1, 0, 0, 0, TimeSpan.Zero);

    internal static X509Certificate2 Root(string name, bool isAuthority = true, DateTimeOffset? end = null)
    {
        CertificateRequest request = Request(name, isAuthority);
        using X509Certificate2 made = request.CreateSelfSigned(Begin, end ?? End);
        return WithStoredKey(made);
    }

    internal static X509Certificate2 Leaf(string name, X509Certificate2 issuer, bool isForClients = false, DateTimeOffset? end = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        Describe(request, false);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            new OidCollection { new Oid(isForClients ? "1.3.6.1.5.5.7.3.2" : "1.3.6.1.5.5.7.3.1") }, false));
        // The issuer may be what it must not be: no authority, or expired.
        using X509Certificate2 made = request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuer.GetECDsaPrivateKey()!),
            Begin, end ?? End, RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 withKey = made.CopyWithPrivateKey(key);
        return WithStoredKey(withKey);
    }

    static CertificateRequest Request(string name, bool isAuthority)
    {
        var request = new CertificateRequest($"CN={name}", ECDsa.Create(ECCurve.NamedCurves.nistP256), HashAlgorithmName.SHA256);
        Describe(request, isAuthority);
        return request;
    }

    static void Describe(CertificateRequest request, bool isAuthority)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            isAuthority ? X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature : X509KeyUsageFlags.DigitalSignature, true));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
    }

    static X509Certificate2 WithStoredKey(X509Certificate2 made) => new(made.Export(X509ContentType.Pfx));
}
