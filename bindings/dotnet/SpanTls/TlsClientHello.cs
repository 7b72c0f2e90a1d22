using System;
using System.Collections.Generic;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;

namespace SpanTls;

/// <summary>What a client has said first (RFC 8446 section 4.1.2).</summary>
public sealed class TlsClientHello
{
    private TlsClientHello(byte[] message, string serverName, SslProtocols protocols,
        IReadOnlyList<SslApplicationProtocol> applicationProtocols, string ja3, string ja4)
    {
        Message = message;
        ServerName = serverName;
        SslProtocols = protocols;
        ApplicationProtocols = applicationProtocols;
        Ja3 = ja3;
        Ja4 = ja4;
    }

    /// <summary>The message as it was sent, put together from its records.</summary>
    public byte[] Message { get; }

    /// <summary>The name that it asks for (RFC 6066 section 3); empty for none.</summary>
    public string ServerName { get; }

    /// <summary>The versions that it offers, of those that .NET has names for.</summary>
    public SslProtocols SslProtocols { get; }

    /// <summary>The application protocols that it offers, in its order (RFC 7301).</summary>
    public IReadOnlyList<SslApplicationProtocol> ApplicationProtocols { get; }

    /// <summary>The JA3 fingerprint.</summary>
    public string Ja3 { get; }

    /// <summary>The JA4 fingerprint.</summary>
    public string Ja4 { get; }

    internal static unsafe TlsClientHello? Of(SessionHandle session)
    {
        nuint length = 0;
        int status = NativeMethods.tls_session_client_hello(session, null, 0, &length);
        byte[] message = new byte[(int)length];
        fixed (byte* to = message)
        {
            if (status != (int)TlsError.BufferTooSmall || NativeMethods.tls_session_client_hello(session, to, length, &length) != 0)
            {
                return null;
            }
        }
        NativeClientHelloInfo info = default;
        info.StructSize = (nuint)sizeof(NativeClientHelloInfo);
        if (NativeMethods.tls_session_client_hello_info(session, &info) != 0)
        {
            return null;
        }
        ReadOnlySpan<byte> all = message;
        ReadOnlySpan<byte> name = all.Slice((int)info.ServerName.Offset, (int)info.ServerName.Len);
        return new TlsClientHello(message, Encoding.UTF8.GetString(name),
            Versions(info.LegacyVersion, all.Slice((int)info.SupportedVersions.Offset, (int)info.SupportedVersions.Len)),
            Names(all.Slice((int)info.Alpn.Offset, (int)info.Alpn.Len)), Fingerprint(session, false), Fingerprint(session, true));
    }

    private static unsafe string Fingerprint(SessionHandle session, bool ja4)
    {
        byte* text = stackalloc byte[64];
        nuint length = 0;
        int status = ja4 ? NativeMethods.tls_session_ja4(session, text, 64, &length) :
            NativeMethods.tls_session_ja3(session, text, 64, &length);
        return status == 0 ? Encoding.ASCII.GetString(text, (int)length) : string.Empty;
    }

    private static SslProtocols Versions(ushort legacy, ReadOnlySpan<byte> list)
    {
        SslProtocols found = SslProtocols.None;
        if (list.IsEmpty && legacy >= 0x0303)
        {
            return SslProtocols.Tls12;
        }
        for (int i = 0; i + 1 < list.Length; i += 2)
        {
            found |= (list[i] << 8 | list[i + 1]) switch
            {
                0x0304 => SslProtocols.Tls13,
                0x0303 => SslProtocols.Tls12,
                _ => SslProtocols.None,
            };
        }
        return found;
    }

    private static List<SslApplicationProtocol> Names(ReadOnlySpan<byte> list)
    {
        var names = new List<SslApplicationProtocol>();
        while (!list.IsEmpty && list.Length > list[0])
        {
            names.Add(new SslApplicationProtocol(list.Slice(1, list[0]).ToArray()));
            list = list.Slice(1 + list[0]);
        }
        return names;
    }
}
