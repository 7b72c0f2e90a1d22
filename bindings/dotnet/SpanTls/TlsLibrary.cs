using System;

namespace SpanTls;

/// <summary>The shared library, and the names that it has for numbers.</summary>
public static unsafe class TlsLibrary
{
    /// <summary>Its version; a release candidate has that of its release.</summary>
    public static Version Version => new(NativeMethods.Text(NativeMethods.spantls_version()).Split('-')[0]);

    /// <summary>The IANA name of a cipher suite; "unknown" for any other number.</summary>
    public static string CipherSuiteName(ushort number) => NativeMethods.Text(NativeMethods.spantls_cipher_suite_name(number));

    /// <summary>The IANA name of a key-exchange group; "unknown" for any other number.</summary>
    public static string GroupName(ushort number) => NativeMethods.Text(NativeMethods.spantls_group_name(number));

    /// <summary>The IANA name of a signature scheme; "unknown" for any other number.</summary>
    public static string SignatureSchemeName(ushort number) => NativeMethods.Text(NativeMethods.spantls_signature_scheme_name(number));

    /// <summary>How many handshakes of this process are suspended or being worked on, and how many may be.</summary>
    public static (long InUse, long Limit) SuspendedHandshakes
    {
        get
        {
            nuint inUse = 0, limit = 0;
            NativeMethods.Must(NativeMethods.spantls_suspended_handshakes(&inUse, &limit));
            return ((long)inUse, (long)limit);
        }
    }
}
