using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace SpanTls;

/// <summary>The library's options, made from those of .NET and from the settings.</summary>
internal static class ContextOptions
{
    internal static unsafe OptionsHandle Make(TlsContextSettings settings, TlsCredentials? credentials)
    {
        NativeMethods.Must(NativeMethods.tls_options_create(out IntPtr made));
        OptionsHandle options = new OptionsHandle().With<OptionsHandle>(made);
        Credentials(options, settings, credentials);
        if (settings.RevocationLists != null)
        {
            byte[] lists = Encoding.ASCII.GetBytes(settings.RevocationLists);
            fixed (byte* pem = lists)
            {
                NativeMethods.Must(NativeMethods.tls_options_add_crls_pem(options, pem, (nuint)lists.Length));
            }
        }
        if (settings.AutomaticValidation)
        {
            NativeMethods.Must(NativeMethods.tls_options_set_certificate_validation(options, (int)TlsValidation.Automatic));
        }
        NativeMethods.Must(NativeMethods.tls_options_set_strict_certificates(options, settings.StrictCertificates ? 1 : 0));
        // TlsSession and TlsStream answer themselves, from callbacks and collections.
        NativeMethods.Must(NativeMethods.tls_options_set_certificate_requests(options, (int)TlsCertificateRequests.Suspend));
        if (settings.ContinueWithoutApplicationProtocol)
        {
            NativeMethods.Must(NativeMethods.tls_options_set_alpn_mismatch(options, (int)TlsAlpnMismatch.Continue));
        }
        NativeMethods.Must(NativeMethods.tls_options_set_validate_on_resume(options, settings.ValidateOnResume ? 1 : 0));
        NativeMethods.Must(TlsTicketRoot.With(settings.TicketRoots, (roots, count) =>
            NativeMethods.tls_options_set_ticket_roots(options, (NativeTicketRoot*)roots, count)));
        NativeMethods.Must(NativeMethods.tls_options_set_ticket_lifetime(options, checked((uint)settings.TicketLifetime.TotalSeconds)));
        NativeMethods.Must(NativeMethods.tls_options_set_ticket_count(options, checked((uint)settings.TicketCount)));
        if (settings.Groups.Count > 0)
        {
            ushort[] groups = settings.Groups.ToArray();
            fixed (ushort* numbers = groups)
            {
                NativeMethods.Must(NativeMethods.tls_options_set_groups(options, numbers, (nuint)groups.Length));
            }
        }
        NativeMethods.Must(NativeMethods.tls_options_set_max_fragment_size(options, (nuint)settings.MaxFragmentSize));
        if (settings.KeyLogFile != null)
        {
            fixed (byte* path = NativeMethods.Terminated(settings.KeyLogFile))
            {
                NativeMethods.Must(NativeMethods.tls_options_set_key_log_file(options, path));
            }
        }
        NativeMethods.Must(NativeMethods.tls_options_set_keep_client_hello(options, settings.KeepClientHello ? 1 : 0));
        return options;
    }

    private static unsafe void Credentials(OptionsHandle options, TlsContextSettings settings, TlsCredentials? only)
    {
        if (only != null)
        {
            NativeMethods.Must(NativeMethods.tls_options_set_credentials(options, only.Handle));
        }
        foreach (TlsCredentials more in settings.MoreCredentials)
        {
            NativeMethods.Must(NativeMethods.tls_options_add_credentials(options, more.Handle));
        }
        foreach (var (name, credentials) in settings.NamedCredentials)
        {
            fixed (byte* text = NativeMethods.Terminated(TargetNames.ToAscii(name)))
            {
                NativeMethods.Must(NativeMethods.tls_options_add_credentials_for_name(options, text, credentials.Handle));
            }
        }
    }

    internal static unsafe void Protocols(
        OptionsHandle handle, SslProtocols protocols, List<SslApplicationProtocol>? applicationProtocols)
    {
        if (protocols != SslProtocols.None)
        {
            NativeMethods.Must(NativeMethods.tls_options_set_protocols(handle, (uint)(protocols & OptionRules.Spoken)));
        }
        // A name that is listed twice is offered once.
        foreach (SslApplicationProtocol protocol in applicationProtocols?.Distinct() ?? Array.Empty<SslApplicationProtocol>())
        {
            fixed (byte* name = protocol.Protocol.Span)
            {
                NativeMethods.Must(NativeMethods.tls_options_add_alpn(handle, name, (nuint)protocol.Protocol.Length));
            }
        }
    }

    /// <summary>Anchors and validation time: by default the system's store, and now.</summary>
    internal static unsafe void Trust(OptionsHandle options, X509Certificate2Collection? anchors, DateTime? time)
    {
        // As in .NET's trust stores, a certificate may issue others only if it is a CA.
        NativeMethods.Must(NativeMethods.tls_options_set_trust_anchor_mode(options, (int)TlsTrustAnchor.Certificates));
        if (time is { } moment)
        {
            NativeMethods.Must(NativeMethods.tls_options_set_validation_time(
                options, new DateTimeOffset(moment.ToUniversalTime()).ToUnixTimeSeconds()));
        }
        foreach (X509Certificate2 anchor in anchors ?? new X509Certificate2Collection())
        {
            byte[] certificate = anchor.RawData;
            fixed (byte* der = certificate)
            {
                NativeMethods.Must(NativeMethods.tls_options_add_trust_anchors_der(options, der, (nuint)certificate.Length));
            }
        }
    }

#if NET
    /// <summary>The suites that a policy allows and the library supports.</summary>
    internal static unsafe void Suites(OptionsHandle options, CipherSuitesPolicy? policy)
    {
        if (policy == null)
        {
            return;
        }
        ushort[] allowed = policy.AllowedCipherSuites.Select(suite => (ushort)suite)
            .Where(suite => Enum.IsDefined(typeof(TlsSuite), (int)suite)).ToArray();
        if (allowed.Length == 0)
        {
            throw new NotSupportedException("CipherSuitesPolicy: it allows none of the suites of this library");
        }
        fixed (ushort* numbers = allowed)
        {
            NativeMethods.Must(NativeMethods.tls_options_set_cipher_suites(options, numbers, (nuint)allowed.Length));
        }
    }
#endif
}
