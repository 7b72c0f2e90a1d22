using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace SpanTls;

/// <summary>What sessions share: credentials, trust, tickets. Never changes; may be used by any number of threads, and disposed of
/// while sessions live.</summary>
public sealed class TlsContext : IDisposable
{
    private const SslProtocols Supported = SslProtocols.Tls12 | SslProtocols.Tls13;

    private readonly Dictionary<string, TlsContext> _chosen = new();

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

    internal bool SignInCall { get; }

    internal TlsContextSettings Settings { get; }

    internal string? TargetHost { get; private set; }

    /// <summary>Instead of the system's.</summary>
    internal X509Certificate2Collection? Anchors { get; private set; }

    internal X509CertificateCollection? ClientCertificates { get; private set; }

    internal RemoteCertificateValidationCallback? ValidationCallback { get; private set; }

    internal LocalCertificateSelectionCallback? LocalSelection { get; private set; }

    internal ServerCertificateSelectionCallback? ServerSelection { get; private set; }

    internal SslServerAuthenticationOptions? ServerOptions { get; private set; }

    /// <summary>Whether it is a server's.</summary>
    public bool IsServer { get; }

    /// <summary>A server's context. Without options (null) its sessions ask for them with
    /// <see cref="TlsOperationStatus.NeedsServerOptions"/>.</summary>
    public static TlsContext Create(SslServerAuthenticationOptions? options, TlsContextSettings? settings = null)
    {
        settings ??= new TlsContextSettings();
        if (options == null)
        {
            return new TlsContext(NewServer(OptionsHandle.None), true, null, settings);
        }
        OneJudge(settings, options.RemoteCertificateValidationCallback);
        TlsCredentials? credentials = settings.Credentials ?? CredentialsOf(options);
        if (credentials == null && options.ServerCertificateSelectionCallback != null)
        {
            return new TlsContext(NewServer(OptionsHandle.None), true, null, settings)
            {
                ServerSelection = options.ServerCertificateSelectionCallback, ServerOptions = options,
            };
        }
        using OptionsHandle handle = NewOptions(settings, credentials);
        Common(handle, settings, options.EnabledSslProtocols, options.ApplicationProtocols, options.EncryptionPolicy,
            options.CertificateRevocationCheckMode);
        // As SslStream has it: a callback may let a client in that shows none.
        TlsClientCertificateMode mode = settings.ClientCertificateMode ??
            (!options.ClientCertificateRequired ? TlsClientCertificateMode.None :
                options.RemoteCertificateValidationCallback == null ? TlsClientCertificateMode.Require :
                TlsClientCertificateMode.Request);
        NativeMethods.Must(NativeMethods.tls_options_set_client_certificate_mode(handle, (int)mode));
        bool resume = settings.AllowTlsResume ?? true;
#if NET
        Suites(handle, options.CipherSuitesPolicy);
#endif
        X509Certificate2Collection? anchors = settings.TrustAnchors;
#if NET8_0_OR_GREATER
        resume = settings.AllowTlsResume ?? options.AllowTlsResume;
        anchors ??= CustomTrust(options.CertificateChainPolicy, settings);
#endif
        AddAnchors(handle, anchors);
        NativeMethods.Must(NativeMethods.tls_options_set_allow_resume(handle, resume ? 1 : 0));
        return new TlsContext(NewServer(handle), true, credentials, settings)
        {
            ValidationCallback = options.RemoteCertificateValidationCallback, Anchors = anchors,
        };
    }

    /// <summary>A client's context.</summary>
    public static TlsContext Create(SslClientAuthenticationOptions options, TlsContextSettings? settings = null)
    {
        if (options == null)
        {
            throw new ArgumentNullException(nameof(options));
        }
        settings ??= new TlsContextSettings();
        OneJudge(settings, options.RemoteCertificateValidationCallback);
        TlsCredentials? credentials = settings.Credentials ?? CredentialsOf(options);
        using OptionsHandle handle = NewOptions(settings, credentials);
        Common(handle, settings, options.EnabledSslProtocols, options.ApplicationProtocols, options.EncryptionPolicy,
            options.CertificateRevocationCheckMode);
        bool resume = settings.AllowTlsResume ?? true;
#if NET
        Suites(handle, options.CipherSuitesPolicy);
#endif
        X509Certificate2Collection? anchors = settings.TrustAnchors;
#if NET8_0_OR_GREATER
        resume = settings.AllowTlsResume ?? options.AllowTlsResume;
        anchors ??= CustomTrust(options.CertificateChainPolicy, settings);
#endif
        if (anchors?.Count == 0)
        {
            // The engine would take the system's.
            throw new ArgumentException("there are no trust anchors in the collection that is to replace the system's");
        }
        AddAnchors(handle, anchors);
        NativeMethods.Must(NativeMethods.tls_options_set_allow_resume(handle, resume ? 1 : 0));
        NativeMethods.Must(NativeMethods.tls_context_create_client(handle, out IntPtr made));
        return new TlsContext(new ContextHandle().With<ContextHandle>(made), false, credentials, settings)
        {
            TargetHost = options.TargetHost,
            ClientCertificates = options.ClientCertificates,
            ValidationCallback = options.RemoteCertificateValidationCallback,
            Anchors = anchors,
            LocalSelection = options.LocalCertificateSelectionCallback,
        };
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
                TlsContextSettings settings = Settings.With(TlsCredentials.FromCertificate(certificate));
                context = Create(options, settings);
                _chosen.Add(certificate.Thumbprint, context);
            }
            return context;
        }
    }

    /// <summary>A callback that nobody would call is refused.</summary>
    private static void OneJudge(TlsContextSettings settings, RemoteCertificateValidationCallback? callback)
    {
        if (settings.AutomaticValidation && callback != null)
        {
            throw new ArgumentException("a RemoteCertificateValidationCallback is not asked with AutomaticValidation");
        }
    }

    private static ContextHandle NewServer(OptionsHandle options)
    {
        NativeMethods.Must(NativeMethods.tls_context_create_server(options, out IntPtr made));
        return new ContextHandle().With<ContextHandle>(made);
    }

    private static TlsCredentials? CredentialsOf(SslServerAuthenticationOptions options)
    {
#if NET8_0_OR_GREATER
        if (options.ServerCertificateContext != null)
        {
            return TlsCredentials.FromContext(options.ServerCertificateContext);
        }
#endif
        return options.ServerCertificate is { } certificate ? TlsCredentials.FromCertificate(WithKey(certificate)) : null;
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
        X509Certificate2? certificate = options.ClientCertificates?.OfType<X509Certificate2>().FirstOrDefault(one => one.HasPrivateKey);
        return certificate == null ? null : TlsCredentials.FromCertificate(certificate);
    }

    internal static X509Certificate2 WithKey(X509Certificate certificate) =>
        certificate as X509Certificate2 ?? new X509Certificate2(certificate);

    private static unsafe OptionsHandle NewOptions(TlsContextSettings settings, TlsCredentials? credentials)
    {
        NativeMethods.Must(NativeMethods.tls_options_create(out IntPtr made));
        OptionsHandle options = new OptionsHandle().With<OptionsHandle>(made);
        if (credentials != null)
        {
            NativeMethods.Must(NativeMethods.tls_options_set_credentials(options, credentials.Handle));
        }
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
            NativeMethods.Must(NativeMethods.tls_options_set_certificate_validation(options, 1));
        }
        NativeMethods.Must(NativeMethods.tls_options_set_validate_on_resume(options, settings.ValidateOnResume ? 1 : 0));
        if (settings.TicketRoot != null)
        {
            fixed (byte* root = settings.TicketRoot)
            {
                NativeMethods.Must(NativeMethods.tls_options_set_ticket_keys(
                    options, root, (nuint)settings.TicketRoot.Length, (uint)settings.TicketLifetime.TotalSeconds));
            }
        }
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

    private static unsafe void Common(OptionsHandle handle, TlsContextSettings settings, SslProtocols protocols,
        List<SslApplicationProtocol>? applicationProtocols, EncryptionPolicy encryption, X509RevocationMode revocation)
    {
        if (encryption != EncryptionPolicy.RequireEncryption)
        {
            throw new NotSupportedException("there is no TLS without encryption here");
        }
        if (revocation != X509RevocationMode.NoCheck && settings.RevocationLists == null)
        {
            throw new NotSupportedException("revocation is checked with TlsContextSettings.RevocationLists; nothing is fetched");
        }
        if (protocols != SslProtocols.None)
        {
            if ((protocols & Supported) == 0)
            {
                throw new NotSupportedException("only TLS 1.2 and 1.3 are spoken here");
            }
            NativeMethods.Must(NativeMethods.tls_options_set_protocols(handle, (uint)(protocols & Supported)));
        }
        foreach (SslApplicationProtocol protocol in applicationProtocols ?? new List<SslApplicationProtocol>())
        {
            fixed (byte* name = protocol.Protocol.Span)
            {
                NativeMethods.Must(NativeMethods.tls_options_add_alpn(handle, name, (nuint)protocol.Protocol.Length));
            }
        }
    }

    private static unsafe void AddAnchors(OptionsHandle options, X509Certificate2Collection? anchors)
    {
        foreach (X509Certificate2 anchor in anchors ?? new X509Certificate2Collection())
        {
            byte[] text = Encoding.ASCII.GetBytes(TlsCredentials.Pem(anchor));
            fixed (byte* pem = text)
            {
                NativeMethods.Must(NativeMethods.tls_options_add_trust_anchors_pem(options, pem, (nuint)text.Length));
            }
        }
    }

#if NET8_0_OR_GREATER
    /// <summary>What of a chain policy the engine honours: trust of one's own. What would make it stricter than that is refused.</summary>
    private static X509Certificate2Collection? CustomTrust(X509ChainPolicy? policy, TlsContextSettings settings)
    {
        if (policy == null)
        {
            return null;
        }
        if (policy.RevocationMode != X509RevocationMode.NoCheck && settings.RevocationLists == null)
        {
            throw new NotSupportedException(
                "the chain policy asks for revocation, which is checked with TlsContextSettings.RevocationLists; nothing is fetched");
        }
        if (policy.ApplicationPolicy.Count > 0 || policy.CertificatePolicy.Count > 0)
        {
            throw new NotSupportedException("a chain policy's application and certificate policies are not checked here");
        }
        return policy.TrustMode == X509ChainTrustMode.CustomRootTrust ? policy.CustomTrustStore : null;
    }
#endif

#if NET
    /// <summary>Of the suites that a policy allows, those that there are here.</summary>
    private static unsafe void Suites(OptionsHandle options, CipherSuitesPolicy? policy)
    {
        if (policy == null)
        {
            return;
        }
        ushort[] known = { 0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xCCA9, 0xC02F, 0xC030, 0xCCA8 };
        ushort[] allowed = policy.AllowedCipherSuites.Select(suite => (ushort)suite).Where(suite => known.Contains(suite)).ToArray();
        if (allowed.Length == 0)
        {
            throw new NotSupportedException("the policy allows no suite that there is here");
        }
        fixed (ushort* numbers = allowed)
        {
            NativeMethods.Must(NativeMethods.tls_options_set_cipher_suites(options, numbers, (nuint)allowed.Length));
        }
    }
#endif
}
