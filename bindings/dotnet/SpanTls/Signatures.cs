using System;
using System.Security.Cryptography;

namespace SpanTls;

/// <summary>Signature schemes (RFC 8446 section 4.2.3) made with keys of .NET.</summary>
internal static class Signatures
{
    internal static ushort[] SchemesOf(AsymmetricAlgorithm key)
    {
        if (key is RSA)
        {
            // PSS first: TLS 1.3 takes nothing else.
            return Numbers(TlsSignatureScheme.RsaPssRsaeSha256, TlsSignatureScheme.RsaPssRsaeSha384, TlsSignatureScheme.RsaPssRsaeSha512,
                TlsSignatureScheme.RsaPkcs1Sha256, TlsSignatureScheme.RsaPkcs1Sha384, TlsSignatureScheme.RsaPkcs1Sha512);
        }
        return key.KeySize switch
        {
            256 => Numbers(TlsSignatureScheme.EcdsaSecp256r1Sha256),
            384 => Numbers(TlsSignatureScheme.EcdsaSecp384r1Sha384),
            _ => throw new NotSupportedException(
                $"ECDSA keys of {key.KeySize} bits are not supported: those of P-256 and P-384 are, and RSA keys"),
        };
    }

    private static ushort[] Numbers(params TlsSignatureScheme[] schemes) => Array.ConvertAll(schemes, scheme => (ushort)scheme);

    internal static byte[] Sign(AsymmetricAlgorithm key, ushort scheme, byte[] message)
    {
        HashAlgorithmName hash = (TlsSignatureScheme)scheme switch
        {
            TlsSignatureScheme.RsaPssRsaeSha256 or TlsSignatureScheme.RsaPkcs1Sha256 or TlsSignatureScheme.EcdsaSecp256r1Sha256 =>
                HashAlgorithmName.SHA256,
            TlsSignatureScheme.RsaPssRsaeSha384 or TlsSignatureScheme.RsaPkcs1Sha384 or TlsSignatureScheme.EcdsaSecp384r1Sha384 =>
                HashAlgorithmName.SHA384,
            TlsSignatureScheme.RsaPssRsaeSha512 or TlsSignatureScheme.RsaPkcs1Sha512 => HashAlgorithmName.SHA512,
            _ => throw new NotSupportedException($"signature scheme 0x{scheme:x4}"),
        };
        if (key is RSA rsa)
        {
            return rsa.SignData(message, hash, scheme >> 8 == 8 ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        }
        var ecdsa = (ECDsa)key;
#if NET
        return ecdsa.SignData(message, hash, DSASignatureFormat.Rfc3279DerSequence);
#else
        return Sequence(ecdsa.SignData(message, hash));
#endif
    }

#if !NET
    /// <summary>r and s side by side, as the DER of RFC 3279 section 2.2.3.</summary>
    private static byte[] Sequence(byte[] pair)
    {
        byte[] first = Integer(pair.AsSpan(0, pair.Length / 2)), second = Integer(pair.AsSpan(pair.Length / 2));
        int length = first.Length + second.Length;
        byte[] head = length < 128 ? new byte[] { 0x30, (byte)length } : new byte[] { 0x30, 0x81, (byte)length };
        byte[] sequence = new byte[head.Length + length];
        head.CopyTo(sequence, 0);
        first.CopyTo(sequence, head.Length);
        second.CopyTo(sequence, head.Length + first.Length);
        return sequence;
    }

    private static byte[] Integer(ReadOnlySpan<byte> number)
    {
        while (number.Length > 1 && number[0] == 0)
        {
            number = number.Slice(1);
        }
        int sign = number[0] >> 7;
        byte[] integer = new byte[2 + sign + number.Length];
        integer[0] = 2;
        integer[1] = (byte)(sign + number.Length);
        number.CopyTo(integer.AsSpan(2 + sign));
        return integer;
    }
#endif
}
