using System;
using System.IO;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using System.Security.Cryptography.X509Certificates;

namespace SpanTls;

// What SslStream says about a connection, under its names.
public sealed partial class TlsStream
{
    private X509Certificate2? _local, _remote;
    /// <summary>Kept: it can be asked for when the stream was disposed of, as with SslStream.</summary>
    private string? _targetHostName;

    /// <inheritdoc/>
    public override bool IsAuthenticated => _authenticated && !_disposed;
    /// <inheritdoc/>
    public override bool IsMutuallyAuthenticated => IsAuthenticated && LocalCertificate != null && RemoteCertificate != null;
    /// <inheritdoc/>
    public override bool IsEncrypted => IsAuthenticated;
    /// <inheritdoc/>
    public override bool IsSigned => IsAuthenticated;
    /// <inheritdoc/>
    public override bool IsServer => _session?.IsServer == true;

    /// <summary>Tls12 or Tls13.</summary>
    public SslProtocols SslProtocol => Authenticated().NegotiatedProtocol;

    /// <summary>Whether the options have asked for it.</summary>
    public bool CheckCertRevocationStatus => _checksRevocation;

    /// <summary>The certificate that this end has shown; null for none.</summary>
    public X509Certificate? LocalCertificate => _local ??= Authenticated().LocalCertificate;

    /// <summary>The peer's certificate; null for none.</summary>
    public X509Certificate? RemoteCertificate => _remote ??= Authenticated().GetRemoteCertificate();

    /// <summary>The application protocol; empty for none.</summary>
    public SslApplicationProtocol NegotiatedApplicationProtocol => Authenticated().NegotiatedApplicationProtocol;

    /// <summary>The name of the server that the client has asked for; empty for none.</summary>
    public string TargetHostName => _targetHostName ?? string.Empty;

    /// <summary>Channel bindings.</summary>
    public TransportContext TransportContext => new StreamTransportContext(this);

#if NET
    /// <summary>The cipher suite.</summary>
    public TlsCipherSuite NegotiatedCipherSuite => Authenticated().NegotiatedCipherSuite;
#endif

    /// <summary>The cipher.</summary>
    public CipherAlgorithmType CipherAlgorithm => Suite.Cipher;

    /// <summary>Bits of its key.</summary>
    public int CipherStrength => Suite.Strength;

    /// <summary>None: records are protected by the cipher itself.</summary>
    public HashAlgorithmType HashAlgorithm => Suite.Hash;

    /// <summary>0 for the same reason.</summary>
    public int HashStrength => Suite.HashStrength;

    /// <summary>The key exchange of TLS 1.2; in TLS 1.3 the suite does not say.</summary>
    public ExchangeAlgorithmType KeyExchangeAlgorithm => Suite.Exchange;

    /// <summary>0: the suite does not say.</summary>
    public int KeyExchangeStrength => Suite.ExchangeStrength;

    private SuiteFacts Suite => SuiteFacts.Of(Authenticated().NegotiatedCipherSuiteNumber);

    private sealed class StreamTransportContext : TransportContext
    {
        private readonly TlsStream _stream;

        internal StreamTransportContext(TlsStream stream) => _stream = stream;

        public override ChannelBinding? GetChannelBinding(ChannelBindingKind kind) => _stream._session?.GetChannelBinding(kind);
    }
}

/// <summary>A suite in the terms of SslStream's older properties.</summary>
internal readonly struct SuiteFacts
{
    private SuiteFacts(CipherAlgorithmType cipher, int strength, ExchangeAlgorithmType exchange)
    {
        Cipher = cipher;
        Strength = strength;
        Exchange = exchange;
    }

    internal CipherAlgorithmType Cipher { get; }
    internal int Strength { get; }
    internal ExchangeAlgorithmType Exchange { get; }
    internal HashAlgorithmType Hash => HashAlgorithmType.None;
    internal int HashStrength => 0;
    internal int ExchangeStrength => 0;

    internal static SuiteFacts Of(ushort suite) => suite switch
    {
        0x1301 => new(CipherAlgorithmType.Aes128, 128, ExchangeAlgorithmType.None),
        0x1302 => new(CipherAlgorithmType.Aes256, 256, ExchangeAlgorithmType.None),
        0xC02B or 0xC02F => new(CipherAlgorithmType.Aes128, 128, ExchangeAlgorithmType.DiffieHellman),
        0xC02C or 0xC030 => new(CipherAlgorithmType.Aes256, 256, ExchangeAlgorithmType.DiffieHellman),
        0xCCA8 or 0xCCA9 => new(CipherAlgorithmType.None, 256, ExchangeAlgorithmType.DiffieHellman),
        _ => new(CipherAlgorithmType.None, 256, ExchangeAlgorithmType.None),
    };
}
