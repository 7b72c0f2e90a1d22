using System;
using System.Globalization;
using System.Net;

namespace SpanTls;

/// <summary>The names of servers as SslStream reads them.</summary>
internal static class TargetNames
{
    private static readonly IdnMapping s_mapping = new() { AllowUnassigned = true };

    /// <summary>An address in any form that .NET reads ("[::1]", "1"), without its scope, or a name with its letters beyond ASCII
    /// mapped (RFC 5891). The library refuses what is neither an address nor a DNS name.</summary>
    internal static string ToAscii(string name) =>
        IPAddress.TryParse(name, out IPAddress? address) ? new IPAddress(address.GetAddressBytes()).ToString() : s_mapping.GetAscii(name);

    /// <summary>The name that a client has sent, as the callbacks of SslStream get it.</summary>
    internal static string ToUnicode(string name)
    {
        try
        {
            return s_mapping.GetUnicode(name);
        }
        catch (ArgumentException)
        {
            return name; // No Punycode: it is what the client has said.
        }
    }
}
