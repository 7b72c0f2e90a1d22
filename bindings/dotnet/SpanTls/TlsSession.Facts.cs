using System;
using System.Collections.Generic;
using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace SpanTls;

public sealed partial class TlsSession
{
    private unsafe delegate int CopyOutCall(byte* to, nuint room, nuint* length);

    /// <summary>Bytes of any length from a call that tells how much room it needs.</summary>
    private unsafe byte[] CopyOut(CopyOutCall call)
    {
        byte[] room = new byte[512];
        while (true)
        {
            nuint length = 0;
            int status;
            fixed (byte* to = room)
            {
                status = call(to, (nuint)room.Length, &length);
            }
            if (status == 0)
            {
                return room.AsSpan(0, (int)length).ToArray();
            }
            if (status != (int)TlsError.BufferTooSmall)
            {
                throw NativeMethods.Failed(_handle, status);
            }
            room = new byte[(int)length + 1]; // text has a closing NUL
        }
    }

    /// <summary>Where the session is.</summary>
    public TlsSessionStates State => (TlsSessionStates)NativeMethods.tls_session_state(_handle);

    /// <summary>Whether the handshake is finished, judged and handed over.</summary>
    public bool IsHandshakeComplete => NativeMethods.tls_session_is_handshake_complete(_handle) != 0;

    /// <summary>Whether there is something to send.</summary>
    public bool HasPendingOutput => NativeMethods.tls_session_has_pending_output(_handle) != 0;

    /// <summary>Whether the session goes on from an earlier one.</summary>
    public bool IsResumed => (State & TlsSessionStates.Resumed) != 0;

    /// <summary>Clients: the name that is sent and checked, set before the handshake. Servers: what the client has sent.</summary>
    public unsafe string? TargetHostName
    {
        get
        {
            byte[] name = CopyOut((byte* to, nuint room, nuint* length) =>
                NativeMethods.tls_session_target_host_name(_handle, to, room, length));
            return name.Length == 0 ? null : Encoding.UTF8.GetString(name);
        }
        set
        {
            if (string.IsNullOrEmpty(value) && !IsServer)
            {
                // No name is sent then, and none is checked: the default. One that was set cannot be removed.
                if (TargetHostName != null)
                {
                    throw new InvalidOperationException("the session has a name already, which can be replaced but not removed");
                }
                return;
            }
            fixed (byte* text = NativeMethods.Terminated(TargetNames.ToAscii(value ?? string.Empty)))
            {
                NativeMethods.Must(_handle, NativeMethods.tls_session_set_target_host_name(_handle, text));
            }
        }
    }

    /// <summary>Clients, before the handshake: offers an application protocol (ALPN), after those that were added before. Those of the
    /// context are not offered then.</summary>
    public unsafe void AddApplicationProtocol(SslApplicationProtocol protocol)
    {
        fixed (byte* name = protocol.Protocol.Span)
        {
            NativeMethods.Must(_handle, NativeMethods.tls_session_add_alpn(_handle, name, (nuint)protocol.Protocol.Length));
        }
    }

    /// <summary>What the client has said first; null on clients, and before it has.</summary>
    public TlsClientHello? ClientHelloInfo => TlsClientHello.Of(_handle);

    /// <summary>Tls12 or Tls13; None before the handshake is complete.</summary>
    public SslProtocols NegotiatedProtocol => (SslProtocols)NativeMethods.tls_session_negotiated_protocol(_handle);

#if NET
    /// <summary>The cipher suite.</summary>
    public TlsCipherSuite NegotiatedCipherSuite => (TlsCipherSuite)NativeMethods.tls_session_negotiated_cipher_suite(_handle);
#endif

    /// <summary>The cipher suite's number (RFC 8446 appendix B.4).</summary>
    public ushort NegotiatedCipherSuiteNumber => NativeMethods.tls_session_negotiated_cipher_suite(_handle);

    /// <summary>The number of the key exchange's group (RFC 8446 section 4.2.7).</summary>
    public ushort NegotiatedGroup => NativeMethods.tls_session_negotiated_group(_handle);

    /// <summary>The application protocol; empty for none.</summary>
    public unsafe SslApplicationProtocol NegotiatedApplicationProtocol
    {
        get
        {
            byte[] name = CopyOut((byte* to, nuint room, nuint* length) =>
                NativeMethods.tls_session_negotiated_alpn(_handle, to, room, length));
            return name.Length == 0 ? default : new SslApplicationProtocol(name);
        }
    }

    /// <summary>The certificate that this end has shown; null for none. While <see cref="TlsOperationStatus.NeedsSignature"/> waits: the
    /// one whose key must sign. The caller disposes of it.</summary>
    public unsafe X509Certificate2? LocalCertificate
    {
        get
        {
            byte[] der = CopyOut((byte* to, nuint room, nuint* length) =>
                NativeMethods.tls_session_local_certificate(_handle, to, room, length));
            return der.Length == 0 ? null : new X509Certificate2(der);
        }
    }

    /// <summary>The peer's certificate; null for none. The caller disposes of it.</summary>
    public X509Certificate2? GetRemoteCertificate() => RemoteCertificates == 0 ? null : RemoteCertificate(0);

    /// <summary>What the peer has sent beside its certificate; null for none.</summary>
    public X509Certificate2Collection? GetRemoteCertificates()
    {
        int count = RemoteCertificates;
        if (count < 2)
        {
            return null;
        }
        var others = new X509Certificate2Collection();
        for (int i = 1; i < count; i++)
        {
            others.Add(RemoteCertificate(i));
        }
        return others;
    }

    /// <summary>What a certificate says that the peer has sent, by default its own; null if there is none of this index.</summary>
    public TlsCertificateInfo? GetRemoteCertificateInfo(int index = 0) =>
        index >= 0 && index < RemoteCertificates ? TlsCertificateInfo.FromDer(RemoteCertificateDer(index)) : null;

    /// <summary>Clients that are asked for a certificate: the signature schemes that the server accepts, the preferred first.</summary>
    public IReadOnlyList<TlsSignatureScheme> GetAcceptableSignatureSchemes()
    {
        var schemes = new List<TlsSignatureScheme>();
        while (NativeMethods.tls_session_acceptable_signature_scheme(_handle, (nuint)schemes.Count) is var scheme and not 0)
        {
            schemes.Add((TlsSignatureScheme)scheme);
        }
        return schemes;
    }

    /// <summary>The path that the default validation has found, from the peer's certificate to the trust anchor, both included; empty if
    /// it has not judged, or does not trust the peer.</summary>
    public unsafe X509Certificate2Collection GetVerifiedCertificates()
    {
        nuint count = 0;
        NativeMethods.Must(_handle, NativeMethods.tls_session_verified_certificate_count(_handle, &count));
        var path = new X509Certificate2Collection();
        for (nuint i = 0; i < count; i++)
        {
            nuint index = i;
            path.Add(new X509Certificate2(CopyOut((byte* to, nuint room, nuint* length) =>
                NativeMethods.tls_session_verified_certificate(_handle, index, to, room, length))));
        }
        return path;
    }

    /// <summary>The signature scheme with which the peer has proved that it holds its key; null before the handshake is complete, and
    /// where it has shown no certificate in this handshake.</summary>
    public TlsSignatureScheme? PeerSignatureScheme =>
        NativeMethods.tls_session_peer_signature_scheme(_handle) is var scheme and not 0 ? (TlsSignatureScheme)scheme : null;

    /// <summary>The room with which <see cref="Encrypt"/> takes so many bytes whole, in the session's present state.</summary>
    public int GetCiphertextSize(int plaintextLength) =>
        checked((int)NativeMethods.tls_session_ciphertext_size(_handle, (nuint)plaintextLength));

    private unsafe int RemoteCertificates
    {
        get
        {
            nuint count = 0;
            NativeMethods.Must(_handle, NativeMethods.tls_session_remote_certificate_count(_handle, &count));
            return (int)count;
        }
    }

    private X509Certificate2 RemoteCertificate(int index) => new(RemoteCertificateDer(index));

    private unsafe byte[] RemoteCertificateDer(int index) =>
        CopyOut((byte* to, nuint room, nuint* length) =>
            NativeMethods.tls_session_remote_certificate(_handle, (nuint)index, to, room, length));

    /// <summary>The OCSP response that the server has stapled (DER); empty for none.</summary>
    public unsafe byte[] OcspResponse => CopyOut((byte* to, nuint room, nuint* length) =>
        NativeMethods.tls_session_ocsp_response(_handle, to, room, length));

    /// <summary>The channel binding in the form that SslStream gives; null where it is not defined, and before the handshake is
    /// complete.</summary>
    public ChannelBinding? GetChannelBinding(ChannelBindingKind kind)
    {
        byte[]? token = !IsHandshakeComplete ? null : GetChannelBindingToken((TlsChannelBindingKind)kind);
        return token == null ? null : new TlsChannelBinding(kind, token);
    }

    /// <summary>The bytes of a channel binding; null where it is not defined (tls-unique in TLS 1.3).</summary>
    public unsafe byte[]? GetChannelBindingToken(TlsChannelBindingKind kind)
    {
        try
        {
            return CopyOut((byte* to, nuint room, nuint* length) =>
                NativeMethods.tls_session_channel_binding(_handle, (int)kind, to, room, length));
        }
        catch (TlsException exception) when (exception.Error == TlsError.NotSupported)
        {
            return null;
        }
    }

    /// <summary>Whether channel bindings hold against a man in the middle (RFC 7627, or TLS 1.3).</summary>
    public bool IsChannelBindingSound => NativeMethods.tls_session_is_channel_binding_sound(_handle) != 0;

    /// <summary>Keying material (RFC 5705, RFC 8446 section 7.5). Without a context is not the same as with an empty one in TLS
    /// 1.2.</summary>
    public unsafe void ExportKeyingMaterial(string label, byte[]? context, Span<byte> material)
    {
        byte[] name = Encoding.ASCII.GetBytes(label);
        byte[] some = context is { Length: 0 } ? new byte[1] : context ?? Array.Empty<byte>();
        fixed (byte* labelBytes = name, contextBytes = some, to = material)
        {
            NativeMethods.Must(_handle, NativeMethods.tls_session_export_keying_material(_handle, labelBytes, (nuint)name.Length,
                context == null ? null : contextBytes, (nuint)(context?.Length ?? 0), to, (nuint)material.Length));
        }
    }

    /// <summary>What the session has counted.</summary>
    public unsafe TlsSessionStatistics Statistics
    {
        get
        {
            NativeSessionStats stats = default;
            stats.StructSize = (nuint)sizeof(NativeSessionStats);
            NativeMethods.Must(_handle, NativeMethods.tls_session_stats(_handle, &stats));
            return new TlsSessionStatistics(stats);
        }
    }

    /// <summary>Frees memory that is not needed any more.</summary>
    public void Shrink(TlsShrink what) => NativeMethods.Must(_handle, NativeMethods.tls_session_shrink(_handle, (int)what));
}

/// <summary>What a session has counted.</summary>
public readonly struct TlsSessionStatistics
{
    private readonly NativeSessionStats _stats;

    internal TlsSessionStatistics(in NativeSessionStats stats) => _stats = stats;

    /// <summary>Bytes for the peer, the handshake's included.</summary>
    public ulong CiphertextSent => _stats.CiphertextSent;
    /// <summary>Bytes from the peer, the handshake's included.</summary>
    public ulong CiphertextReceived => _stats.CiphertextReceived;
    /// <summary>Plaintext taken.</summary>
    public ulong PlaintextSent => _stats.PlaintextSent;
    /// <summary>Plaintext delivered.</summary>
    public ulong PlaintextReceived => _stats.PlaintextReceived;
    /// <summary>Records sealed since the handshake.</summary>
    public ulong RecordsSent => _stats.RecordsSent;
    /// <summary>Records opened since the handshake.</summary>
    public ulong RecordsReceived => _stats.RecordsReceived;
    /// <summary>Changes of our keys.</summary>
    public ulong KeyUpdatesSent => _stats.KeyUpdatesSent;
    /// <summary>Changes of the peer's.</summary>
    public ulong KeyUpdatesReceived => _stats.KeyUpdatesReceived;
    /// <summary>Tickets that a client has kept.</summary>
    public ulong TicketsReceived => _stats.TicketsReceived;
    /// <summary>How long the handshake was worked on.</summary>
    public TimeSpan HandshakeTime => Of(_stats.HandshakeNanoseconds);
    /// <summary>How long it waited for the server's options.</summary>
    public TimeSpan ServerOptionsTime => Of(_stats.ServerOptionsNanoseconds);
    /// <summary>How long for a client's certificate.</summary>
    public TimeSpan CredentialsTime => Of(_stats.CredentialsNanoseconds);
    /// <summary>How long for a verdict.</summary>
    public TimeSpan ValidationTime => Of(_stats.ValidationNanoseconds);
    /// <summary>How long for a signature.</summary>
    public TimeSpan SignatureTime => Of(_stats.SignatureNanoseconds);
    /// <summary>System calls to receive.</summary>
    public ulong ReceiveCalls => _stats.ReceiveCalls;
    /// <summary>System calls to send.</summary>
    public ulong SendCalls => _stats.SendCalls;
    /// <summary>Whether the kernel seals.</summary>
    public bool KernelSends => _stats.KernelSend != 0;
    /// <summary>Whether the kernel opens.</summary>
    public bool KernelReceives => _stats.KernelReceive != 0;
    /// <summary>Why it does not do all that was asked.</summary>
    public TlsKernelReason KernelReason => (TlsKernelReason)_stats.KernelReason;
    /// <summary>The system's number for that; 0 for none.</summary>
    public int KernelOsError => _stats.KernelOsError;

    private static TimeSpan Of(ulong nanoseconds) => new((long)(nanoseconds / 100));
}

/// <summary>A channel binding in the layout that authentication in .NET takes: a SEC_CHANNEL_BINDINGS, then name and token.</summary>
internal sealed class TlsChannelBinding : ChannelBinding
{
    private const int Head = 32;
    private readonly int _size;

    internal TlsChannelBinding(ChannelBindingKind kind, byte[] token) : base(true)
    {
        byte[] prefix = Encoding.ASCII.GetBytes(kind switch
        {
            ChannelBindingKind.Unique => "tls-unique:",
            ChannelBindingKind.Endpoint => "tls-server-end-point:",
            _ => "tls-exporter:",
        });
        _size = Head + prefix.Length + token.Length;
        SetHandle(Marshal.AllocHGlobal(_size));
        Marshal.Copy(new byte[Head], 0, handle, Head);
        Marshal.WriteInt32(handle, 24, prefix.Length + token.Length);
        Marshal.WriteInt32(handle, 28, Head);
        Marshal.Copy(prefix, 0, handle + Head, prefix.Length);
        Marshal.Copy(token, 0, handle + Head + prefix.Length, token.Length);
    }

    public override int Size => _size;

    public override bool IsInvalid => handle == IntPtr.Zero;

    protected override bool ReleaseHandle()
    {
        Marshal.FreeHGlobal(handle);
        return true;
    }
}
