using System;
using System.Collections.Generic;
using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace SpanTls;

/// <summary>A certificate chain and its private key. Keys of .NET objects stay in .NET: the handshake asks for signatures, so keys
/// that cannot be exported work.</summary>
public sealed class TlsCredentials : IDisposable
{
    private readonly AsymmetricAlgorithm? _key;

    private TlsCredentials(CredentialsHandle handle, AsymmetricAlgorithm? key, X509Certificate2? certificate)
    {
        Handle = handle;
        _key = key;
        Certificate = certificate;
    }

    internal CredentialsHandle Handle { get; }

    internal bool CanSign => _key != null;

    /// <summary>The certificate that it was made from, if it was.</summary>
    public X509Certificate2? Certificate { get; }

    /// <summary>From a certificate with a private key (RSA or ECDSA) and those that go between it and an authority.</summary>
    public static TlsCredentials FromCertificate(
        X509Certificate2 certificate, IEnumerable<X509Certificate2>? intermediates = null)
    {
        if (certificate == null)
        {
            throw new ArgumentNullException(nameof(certificate));
        }
        AsymmetricAlgorithm? key = (AsymmetricAlgorithm?)certificate.GetRSAPrivateKey() ?? certificate.GetECDsaPrivateKey();
        if (key == null)
        {
            throw new ArgumentException("the certificate has no private key of RSA or ECDSA", nameof(certificate));
        }
        return FromKey(certificate, key, intermediates);
    }

    /// <summary>The same with a key that is somewhere else: an RSA or ECDsa object that signs.</summary>
    public static unsafe TlsCredentials FromKey(
        X509Certificate2 certificate, AsymmetricAlgorithm key, IEnumerable<X509Certificate2>? intermediates = null)
    {
        var chain = new StringBuilder(Pem(certificate));
        foreach (X509Certificate2 intermediate in intermediates ?? Array.Empty<X509Certificate2>())
        {
            chain.Append(Pem(intermediate));
        }
        byte[] text = Encoding.ASCII.GetBytes(chain.ToString());
        ushort[] schemes = Signatures.SchemesOf(key);
        fixed (byte* pem = text)
        fixed (ushort* numbers = schemes)
        {
            NativeMethods.Must(NativeMethods.tls_credentials_create_external(
                pem, (nuint)text.Length, numbers, (nuint)schemes.Length, out IntPtr made));
            return new TlsCredentials(new CredentialsHandle().With<CredentialsHandle>(made), key, certificate);
        }
    }

    /// <summary>From PEM text; the key goes to the library, which signs by itself.</summary>
    public static TlsCredentials FromPem(ReadOnlySpan<char> chain, ReadOnlySpan<char> key) => FromPem(chain, key, null);

    /// <summary>From PEM text, with the passphrase of an encrypted key (PKCS #8); of other keys it is ignored.</summary>
    public static unsafe TlsCredentials FromPem(ReadOnlySpan<char> chain, ReadOnlySpan<char> key, string? passphrase)
    {
        byte[]? secret = passphrase == null ? null : NativeMethods.Terminated(passphrase);
        byte[] chainText = new byte[Encoding.UTF8.GetMaxByteCount(chain.Length)];
        byte[] keyText = new byte[Encoding.UTF8.GetMaxByteCount(key.Length)];
        int chainLength = Encoding.UTF8.GetBytes(chain, chainText), keyLength = Encoding.UTF8.GetBytes(key, keyText);
        try
        {
            fixed (byte* chainStart = chainText, keyStart = keyText, secretStart = secret)
            {
                NativeMethods.Must(NativeMethods.tls_credentials_create_pem(
                    chainStart, (nuint)chainLength, keyStart, (nuint)keyLength, secretStart, out IntPtr made));
                return new TlsCredentials(new CredentialsHandle().With<CredentialsHandle>(made), null, null);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(keyText);
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>From PEM files; without a second one both are in the first. The passphrase is for a key that is encrypted.</summary>
    public static unsafe TlsCredentials FromPemFiles(string chainPath, string? keyPath = null, string? passphrase = null)
    {
        byte[]? secret = passphrase == null ? null : NativeMethods.Terminated(passphrase);
        try
        {
            fixed (byte* chain = NativeMethods.Terminated(chainPath), key = NativeMethods.Terminated(keyPath ?? chainPath),
                secretStart = secret)
            {
                NativeMethods.Must(NativeMethods.tls_credentials_create_file(chain, key, secretStart, out IntPtr made));
                return new TlsCredentials(new CredentialsHandle().With<CredentialsHandle>(made), null, null);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>From certificates in DER, the own one first, and a key (PKCS #8, PKCS #1 or SEC 1); the passphrase is for a key that is
    /// encrypted. The key goes to the library, which signs by itself.</summary>
    public static unsafe TlsCredentials FromDer(IReadOnlyList<byte[]> certificates, ReadOnlySpan<byte> key, string? passphrase = null)
    {
        NativeSpan[] spans = new NativeSpan[certificates.Count];
        GCHandle[] pins = new GCHandle[spans.Length];
        byte[]? secret = passphrase == null ? null : NativeMethods.Terminated(passphrase);
        try
        {
            for (int i = 0; i < spans.Length; i++)
            {
                pins[i] = GCHandle.Alloc(certificates[i], GCHandleType.Pinned);
                spans[i].Data = (byte*)pins[i].AddrOfPinnedObject();
                spans[i].Len = (nuint)certificates[i].Length;
            }
            fixed (NativeSpan* all = spans)
            fixed (byte* keyStart = key, secretStart = secret)
            {
                NativeMethods.Must(NativeMethods.tls_credentials_create_der(
                    all, (nuint)spans.Length, keyStart, (nuint)key.Length, secretStart, out IntPtr made));
                return new TlsCredentials(new CredentialsHandle().With<CredentialsHandle>(made), null, null);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
            foreach (GCHandle pin in pins)
            {
                if (pin.IsAllocated)
                {
                    pin.Free();
                }
            }
        }
    }

#if NET8_0_OR_GREATER
    /// <summary>From what SslStream takes.</summary>
    public static TlsCredentials FromContext(SslStreamCertificateContext context) =>
        FromCertificate(context.TargetCertificate, context.IntermediateCertificates);
#endif

    /// <summary>The OCSP response (DER) that servers staple from now on; empty removes it.</summary>
    public unsafe void SetOcspResponse(ReadOnlySpan<byte> response)
    {
        fixed (byte* der = response)
        {
            NativeMethods.Must(NativeMethods.tls_credentials_set_ocsp_response(Handle, der, (nuint)response.Length));
        }
    }

    internal byte[] Sign(ushort scheme, byte[] message) => Signatures.Sign(_key!, scheme, message);

    /// <summary>Contexts and sessions that use it live on.</summary>
    public void Dispose() => Handle.Dispose();

    internal static string Pem(X509Certificate2 certificate) =>
        "-----BEGIN CERTIFICATE-----\n" + Convert.ToBase64String(certificate.RawData, Base64FormattingOptions.InsertLineBreaks) +
        "\n-----END CERTIFICATE-----\n";
}
