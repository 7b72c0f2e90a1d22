using System;
using System.Collections.Generic;

namespace SpanTls;

/// <summary>What an X.509 certificate says, as the library reads it. Nothing of it is validated: anyone can make a certificate that says
/// this.</summary>
public sealed unsafe class TlsCertificateInfo
{
    private readonly byte[] _der;
    private readonly NativeCertificateInfo _info;

    private TlsCertificateInfo(byte[] der, in NativeCertificateInfo info)
    {
        _der = der;
        _info = info;
        fixed (byte* whole = _info.Sha256, key = _info.PublicKeySha256)
        {
            Sha256 = new ReadOnlySpan<byte>(whole, 32).ToArray();
            PublicKeySha256 = new ReadOnlySpan<byte>(key, 32).ToArray();
        }
    }

    /// <summary>Reads one certificate in DER.</summary>
    public static TlsCertificateInfo FromDer(ReadOnlySpan<byte> der)
    {
        NativeCertificateInfo info = default;
        info.StructSize = (nuint)sizeof(NativeCertificateInfo);
        fixed (byte* bytes = der)
        {
            NativeMethods.Must(NativeMethods.spantls_certificate_info(bytes, (nuint)der.Length, &info));
        }
        return new TlsCertificateInfo(der.ToArray(), info);
    }

    /// <summary>The certificate itself.</summary>
    public ReadOnlyMemory<byte> Der => _der;

    /// <summary>From when it is valid.</summary>
    public DateTimeOffset NotBefore => DateTimeOffset.FromUnixTimeSeconds(_info.NotBefore);

    /// <summary>Until when.</summary>
    public DateTimeOffset NotAfter => DateTimeOffset.FromUnixTimeSeconds(_info.NotAfter);

    /// <summary>The fingerprint: SHA-256 of the certificate.</summary>
    public byte[] Sha256 { get; }

    /// <summary>SHA-256 of the public key (SubjectPublicKeyInfo), for pinning: it stays the same when a certificate is renewed for the same
    /// key.</summary>
    public byte[] PublicKeySha256 { get; }

    /// <summary>Whether it may issue certificates.</summary>
    public bool IsCertificateAuthority => _info.IsCa != 0;

    /// <summary>The subject (RFC 4514).</summary>
    public string Subject => Text(TlsCertificateField.Subject, 0);

    /// <summary>The issuer (RFC 4514).</summary>
    public string Issuer => Text(TlsCertificateField.Issuer, 0);

    /// <summary>The serial number, in hexadecimal digits.</summary>
    public string SerialNumber => Text(TlsCertificateField.SerialNumber, 0);

    /// <summary>The common names of the subject. A value that cannot be given as text, and must not be trusted, is a
    /// <see cref="TlsException"/> with <see cref="TlsError.NotSupported"/>, as for the other names.</summary>
    public IReadOnlyList<string> CommonNames => Texts(TlsCertificateField.CommonName, _info.NumCommonNames);

    /// <summary>The DNS names that it is for (subject alternative names).</summary>
    public IReadOnlyList<string> DnsNames => Texts(TlsCertificateField.DnsName, _info.NumDnsNames);

    /// <summary>The IP addresses that it is for.</summary>
    public IReadOnlyList<string> IpAddresses => Texts(TlsCertificateField.IpAddress, _info.NumIpAddresses);

    /// <summary>The URIs that it is for.</summary>
    public IReadOnlyList<string> Uris => Texts(TlsCertificateField.Uri, _info.NumUris);

    /// <summary>The e-mail addresses that it is for.</summary>
    public IReadOnlyList<string> Emails => Texts(TlsCertificateField.Email, _info.NumEmails);

    /// <summary>Whether it is for this server name, a DNS name or an IP address, as the default validation decides.</summary>
    public bool MatchesName(string name)
    {
        fixed (byte* bytes = _der, text = NativeMethods.Terminated(TargetNames.ToAscii(name)))
        {
            int status = NativeMethods.spantls_certificate_matches_name(bytes, (nuint)_der.Length, text);
            if (status == (int)TlsError.AuthenticationFailed)
            {
                return false;
            }
            NativeMethods.Must(status);
            return true;
        }
    }

    private string[] Texts(TlsCertificateField field, uint count)
    {
        string[] all = new string[count];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = Text(field, (nuint)i);
        }
        return all;
    }

    private string Text(TlsCertificateField field, nuint index)
    {
        byte[] room = new byte[256];
        while (true)
        {
            nuint length = 0;
            fixed (byte* bytes = _der, to = room)
            {
                int status = NativeMethods.spantls_certificate_text(
                    bytes, (nuint)_der.Length, (int)field, index, to, (nuint)room.Length, &length);
                if (status != (int)TlsError.BufferTooSmall)
                {
                    NativeMethods.Must(status);
                    return NativeMethods.Text(to);
                }
            }
            room = new byte[(int)length + 1];
        }
    }
}
