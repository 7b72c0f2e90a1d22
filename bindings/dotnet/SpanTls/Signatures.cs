using System;
using System.Security.Cryptography;

namespace SpanTls;

/// <summary>Signature schemes (RFC 8446 section 4.2.3) made with keys of .NET.</summary>
internal static class Signatures
{
    private const ushort EcdsaP256 = 0x0403, EcdsaP384 = 0x0503;

    internal static ushort[] SchemesOf(AsymmetricAlgorithm key)
    {
        if (key is RSA)
        {
            // PSS first: TLS 1.3 takes nothing else.
            return new ushort[] { 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601 };
        }
        return key.KeySize switch
        {
            256 => new[] { EcdsaP256 },
            384 => new[] { EcdsaP384 },
            _ => throw new NotSupportedException(
                $"ECDSA keys of {key.KeySize} bits are not supported: those of P-256 and P-384 are, and RSA keys"),
        };
    }

    internal static byte[] Sign(AsymmetricAlgorithm key, ushort scheme, byte[] message)
    {
        // The hash is the upper byte's of the old schemes, the lower one's of PSS.
        HashAlgorithmName hash = scheme switch
        {
            0x0804 or 0x0401 or EcdsaP256 => HashAlgorithmName.SHA256,
            0x0805 or 0x0501 or EcdsaP384 => HashAlgorithmName.SHA384,
            0x0806 or 0x0601 => HashAlgorithmName.SHA512,
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
