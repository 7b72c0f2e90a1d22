using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace SpanTls;

/// <summary>What sessions share: credentials, trust, tickets. Never changes but for the roots of tickets; may be used by any number of threads, and disposed of
/// while sessions live.</summary>
public sealed class TlsContext : IDisposable
{
    /// <summary>The most contexts that are kept for certificates that a callback has chosen: beyond that they are made anew.</summary>
    private const int MostChosen = 1024;

    private readonly Dictionary<string, TlsContext> _chosen = new();

    /// <summary>What a callback lets sessions continue with, if it is always the same.</summary>
    private TlsContext? _decided;

    private TlsContext(ContextHandle handle, bool isServer, TlsCredentials? credentials, TlsContextSettings settings)
    {
        Handle = handle;
        IsServer = isServer;
        Credentials = credentials;
        SignInCall = settings.SignInCall;
        Settings = settings;
    }

    internal ContextHandle Handle { get; }

    internal TlsCredentials? Credentials { get; }

    /// <summary>Each of the credentials that a session of this context can show.</summary>
    internal IEnumerable<TlsCredentials> AllCredentials =>
        (Credentials == null ? Enumerable.Empty<TlsCredentials>() : new[] { Credentials }).Concat(Settings.MoreCredentials)
            .Concat(Settings.NamedCredentials.Select(named => named.Value));

    internal bool SignInCall { get; }

    internal TlsContextSettings Settings { get; }

    internal string? TargetHost { get; private set; }

    /// <summary>Instead of the system's.</summary>
    internal X509Certificate2Collection? Anchors { get; private set; }

    /// <summary>When certificates must be valid, instead of now.</summary>
    internal DateTime? Time { get; private set; }

    internal X509CertificateCollection? ClientCertificates { get; private set; }

    internal RemoteCertificateValidationCallback? ValidationCallback { get; private set; }

    internal LocalCertificateSelectionCallback? LocalSelection { get; private set; }

    /// <summary>A server's context that decides what its sessions continue with when the ClientHello is there.</summary>
    internal Func<TlsSession, TlsContext?>? Decide { get; private set; }

    /// <summary>Whether it is a server's.</summary>
    public bool IsServer { get; }

    /// <summary>A server's context. Without options (null) its sessions ask for them with
    /// <see cref="TlsOperationStatus.NeedsServerOptions"/>.</summary>
    public static TlsContext Create(SslServerAuthenticationOptions? options, TlsContextSettings? settings = null)
    {
        settings = settings?.Copy() ?? new TlsContextSettings();
        if (options == null)
        {
            return new TlsContext(NewServer(OptionsHandle.None), true, null, settings);
        }
        OptionRules.Check(options, settings);
        options = OptionValues.Copy(options);
        if (options.ServerCertificateSelectionCallback is { } select)
        {
            options.ServerCertificateSelectionCallback = null;
            var undecided = new TlsContext(NewServer(OptionsHandle.None), true, null, settings);
            undecided.Decide = session => undecided.Selected(options, select, session);
            return undecided;
        }
        TlsContext context = CreateServer(options, settings);
        if (options.RemoteCertificateValidationCallback is not { } judge || Mode(options, settings) != TlsClientCertificateMode.None)
        {
            return context;
        }
        // SslStream asks the callback about clients that are not asked for a certificate, too.
        return new TlsContext(NewServer(OptionsHandle.None), true, null, settings)
        {
            Decide = session => judge(session.Sender ?? session, null, null, SslPolicyErrors.RemoteCertificateNotAvailable) ? context : null,
            _decided = context,
        };
    }

    private static TlsContext CreateServer(SslServerAuthenticationOptions options, TlsContextSettings settings)
    {
        TlsCredentials? credentials = settings.Credentials ?? CredentialsOf(options);
        if (credentials == null && settings.MoreCredentials.Count + settings.NamedCredentials.Count == 0)
        {
            throw new NotSupportedException(
                "a server needs a certificate with its private key: ServerCertificateContext, ServerCertificate or a selection callback");
        }
        using OptionsHandle handle = ContextOptions.Make(settings, credentials);
        ContextOptions.Protocols(handle, options.EnabledSslProtocols, options.ApplicationProtocols);
        NativeMethods.Must(NativeMethods.tls_options_set_client_certificate_mode(handle, (int)Mode(options, settings)));
        bool resume = settings.AllowTlsResume ?? true;
        X509Certificate2Collection? anchors = settings.TrustAnchors;
        DateTime? time = null;
#if NET
        ContextOptions.Suites(handle, options.CipherSuitesPolicy);
#endif
#if NET8_0_OR_GREATER
        resume = settings.AllowTlsResume ?? options.AllowTlsResume;
        anchors ??= OwnTrust(options.CertificateChainPolicy);
        time = OwnTime(options.CertificateChainPolicy);
#endif
        ContextOptions.Trust(handle, anchors, time);
        NativeMethods.Must(NativeMethods.tls_options_set_allow_resume(handle, resume ? 1 : 0));
        return new TlsContext(NewServer(handle), true, credentials, settings)
        {
            ValidationCallback = options.RemoteCertificateValidationCallback, Anchors = anchors, Time = time,
        };
    }

    private static TlsClientCertificateMode Mode(SslServerAuthenticationOptions options, TlsContextSettings settings) =>
        settings.ClientCertificateMode ??
        (options.ClientCertificateRequired ? TlsClientCertificateMode.Require : TlsClientCertificateMode.None);

    /// <summary>A client's context.</summary>
    public static TlsContext Create(SslClientAuthenticationOptions options, TlsContextSettings? settings = null)
    {
        if (options == null)
        {
            throw new ArgumentNullException(nameof(options));
        }
        settings = settings?.Copy() ?? new TlsContextSettings();
        OptionRules.Check(options, settings);
        TlsCredentials? credentials = settings.Credentials ?? CredentialsOf(options);
        using OptionsHandle handle = ContextOptions.Make(settings, credentials);
        ContextOptions.Protocols(handle, options.EnabledSslProtocols, options.ApplicationProtocols);
        bool resume = settings.AllowTlsResume ?? true;
        X509Certificate2Collection? anchors = settings.TrustAnchors;
        DateTime? time = null;
#if NET
        ContextOptions.Suites(handle, options.CipherSuitesPolicy);
#endif
#if NET8_0_OR_GREATER
        resume = settings.AllowTlsResume ?? options.AllowTlsResume;
        anchors ??= OwnTrust(options.CertificateChainPolicy);
        time = OwnTime(options.CertificateChainPolicy);
#endif
        if (anchors?.Count == 0)
        {
            // The engine would take the system's.
            throw new ArgumentException("there are no trust anchors in the collection that is to replace the system's");
        }
        ContextOptions.Trust(handle, anchors, time);
        NativeMethods.Must(NativeMethods.tls_options_set_allow_resume(handle, resume ? 1 : 0));
        NativeMethods.Must(NativeMethods.tls_context_create_client(handle, out IntPtr made));
        return new TlsContext(new ContextHandle().With<ContextHandle>(made), false, credentials, settings)
        {
            TargetHost = options.TargetHost,
            ClientCertificates = options.ClientCertificates == null ? null : new X509CertificateCollection(options.ClientCertificates),
            ValidationCallback = options.RemoteCertificateValidationCallback,
            Anchors = anchors,
            Time = time,
            LocalSelection = options.LocalCertificateSelectionCallback,
        };
    }

    /// <summary>Replaces the roots of a server's session tickets while the context is in use; none: it makes its own.</summary>
    public void SetTicketRoots(IEnumerable<TlsTicketRoot> roots)
    {
        TlsTicketRoot[] copies = (roots ?? throw new ArgumentNullException(nameof(roots))).Select(root => root.Copy()).ToArray();
        if (!IsServer || Decide == null)
        {
            SetOwn(copies);
            return;
        }
        lock (_chosen)
        {
            foreach (TlsContext context in _chosen.Values.Concat(_decided == null ? Array.Empty<TlsContext>() : new[] { _decided }))
            {
                context.SetOwn(copies);
            }
            // Those for certificates that are chosen later.
            Settings.Replace(copies);
        }
    }

    private unsafe void SetOwn(TlsTicketRoot[] roots) => NativeMethods.Must(
        TlsTicketRoot.With(roots, (first, count) => NativeMethods.tls_context_set_ticket_roots(Handle, (NativeTicketRoot*)first, count)));

    /// <summary>Erases expired ticket roots and tickets; for a timer where the context may be idle.</summary>
    public void ForgetExpired()
    {
        NativeMethods.Must(NativeMethods.tls_context_forget_expired(Handle));
        lock (_chosen)
        {
            foreach (TlsContext context in _chosen.Values)
            {
                context.ForgetExpired();
            }
        }
        _decided?.ForgetExpired();
    }

    /// <summary>Sessions live on.</summary>
    public void Dispose() => Handle.Dispose();

    /// <summary>For a certificate that a selection callback has chosen: one context for each.</summary>
    internal TlsContext ForCertificate(SslServerAuthenticationOptions options, X509Certificate2 certificate)
    {
        lock (_chosen)
        {
            if (!_chosen.TryGetValue(certificate.Thumbprint, out TlsContext? context))
            {
                TlsContextSettings settings = Settings.Copy();
                settings.Credentials = TlsCredentials.FromCertificate(certificate);
                context = Create(options, settings);
                if (_chosen.Count >= MostChosen)
                {
                    // Certificates that are made for each name would fill the memory. Sessions keep their contexts alive.
                    _chosen.Clear();
                }
                _chosen.Add(certificate.Thumbprint, context);
            }
            return context;
        }
    }

    private static ContextHandle NewServer(OptionsHandle options)
    {
        NativeMethods.Must(NativeMethods.tls_context_create_server(options, out IntPtr made));
        return new ContextHandle().With<ContextHandle>(made);
    }

    private TlsContext? Selected(
        SslServerAuthenticationOptions options, ServerCertificateSelectionCallback select, TlsSession session)
    {
        X509Certificate? certificate = select(
            session.Sender ?? session, TargetNames.ToUnicode(session.ClientHelloInfo?.ServerName ?? string.Empty));
        if (certificate == null)
        {
            return null;
        }
        X509Certificate2 withKey = WithKey(certificate);
        return withKey.HasPrivateKey ? ForCertificate(options, withKey) : throw new NotSupportedException(
            "the certificate that ServerCertificateSelectionCallback has chosen has no private key");
    }

#if NET8_0_OR_GREATER
    private static X509Certificate2Collection? OwnTrust(X509ChainPolicy? policy) =>
        policy?.TrustMode == X509ChainTrustMode.CustomRootTrust ? new X509Certificate2Collection(policy.CustomTrustStore) : null;

    private static DateTime? OwnTime(X509ChainPolicy? policy) =>
        policy is { VerificationTimeIgnored: false } ? policy.VerificationTime : null;
#endif

    private static TlsCredentials? CredentialsOf(SslServerAuthenticationOptions options)
    {
#if NET8_0_OR_GREATER
        if (options.ServerCertificateContext != null)
        {
            return TlsCredentials.FromContext(options.ServerCertificateContext);
        }
#endif
        if (options.ServerCertificate == null)
        {
            return null;
        }
        X509Certificate2 certificate = WithKey(options.ServerCertificate);
        return certificate.HasPrivateKey ? TlsCredentials.FromCertificate(certificate) :
            throw new AuthenticationException("ServerCertificate has no private key");
    }

    private static TlsCredentials? CredentialsOf(SslClientAuthenticationOptions options)
    {
#if NET8_0_OR_GREATER
        if (options.ClientCertificateContext != null)
        {
            return TlsCredentials.FromContext(options.ClientCertificateContext);
        }
#endif
        if (options.LocalCertificateSelectionCallback != null)
        {
            return null;
        }
        X509Certificate2[] usable = Usable(options.ClientCertificates);
        return usable.Length == 1 ? TlsCredentials.FromCertificate(usable[0]) : null;
    }

    private static X509Certificate2[] Usable(X509CertificateCollection? certificates) =>
        certificates?.OfType<X509Certificate2>().Where(one => one.HasPrivateKey).ToArray() ?? Array.Empty<X509Certificate2>();

    /// <summary>Whether there are several certificates of the client, one of which is chosen when the server asks.</summary>
    internal bool ChoosesCertificate => Credentials == null && LocalSelection == null && Usable(ClientCertificates).Length > 1;

    /// <summary>The first of the client's certificates that one of these authorities has issued; the first if the server does not say.</summary>
    internal X509Certificate2? CertificateFor(IReadOnlyList<string>? issuers)
    {
        X509Certificate2[] usable = Usable(ClientCertificates);
        return issuers == null ? usable.FirstOrDefault() : usable.FirstOrDefault(one => IsIssuedBy(one, issuers));
    }

    private bool IsIssuedBy(X509Certificate2 certificate, IReadOnlyList<string> issuers)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllFlags;
#if NET
        chain.ChainPolicy.DisableCertificateDownloads = true;
#endif
        chain.ChainPolicy.ExtraStore.AddRange(ClientCertificates!.OfType<X509Certificate2>().ToArray());
        _ = chain.Build(certificate);
        return chain.ChainElements.Cast<X509ChainElement>().Any(element => issuers.Contains(element.Certificate.Issuer));
    }

    internal static X509Certificate2 WithKey(X509Certificate certificate) =>
        certificate as X509Certificate2 ?? new X509Certificate2(certificate);
}
