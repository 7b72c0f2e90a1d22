using System;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

// The ways to begin: with a context of ours, with SslStream's options, and with the arguments of its older calls.
public sealed partial class TlsStream
{
    private bool _checksRevocation;

    // --- With a context

    /// <summary>Does the handshake as a client of this context.</summary>
    public Task AuthenticateAsClientAsync(TlsContext context, string? targetHost = null, CancellationToken cancellationToken = default) =>
        HandshakeAsync(Async(cancellationToken), BeginClient(context, targetHost));

    /// <summary>The same, blocking.</summary>
    public void AuthenticateAsClient(TlsContext context, string? targetHost = null) =>
        Done(new ValueTask(HandshakeAsync(Blocking, BeginClient(context, targetHost))));

    /// <summary>Does the handshake as a server of this context.</summary>
    public Task AuthenticateAsServerAsync(TlsContext context, CancellationToken cancellationToken = default) =>
        HandshakeAsync(Async(cancellationToken), BeginServer(context));

    /// <summary>The same, blocking.</summary>
    public void AuthenticateAsServer(TlsContext context) => Done(new ValueTask(HandshakeAsync(Blocking, BeginServer(context))));

    private TlsSession BeginClient(TlsContext context, string? targetHost)
    {
        if (context == null)
        {
            throw new ArgumentNullException(nameof(context));
        }
        if (context.IsServer)
        {
            throw new ArgumentException("a server's context", nameof(context));
        }
        TlsSession session = Begin(context);
        if (targetHost != null)
        {
            session.TargetHostName = targetHost;
        }
        _targetHostName = session.TargetHostName;
        return session;
    }

    private TlsSession BeginServer(TlsContext context)
    {
        if (context == null)
        {
            throw new ArgumentNullException(nameof(context));
        }
        if (!context.IsServer)
        {
            throw new ArgumentException("a client's context", nameof(context));
        }
        return Begin(context);
    }

    // --- With options

    /// <summary>Does the handshake as a client. Make one context for all connections to have them resumed.</summary>
    public Task AuthenticateAsClientAsync(
        SslClientAuthenticationOptions sslClientAuthenticationOptions, CancellationToken cancellationToken = default)
    {
        using TlsContext context = Context(sslClientAuthenticationOptions);
        return AuthenticateAsClientAsync(context, null, cancellationToken);
    }

    /// <summary>The same, blocking.</summary>
    public void AuthenticateAsClient(SslClientAuthenticationOptions sslClientAuthenticationOptions)
    {
        using TlsContext context = Context(sslClientAuthenticationOptions);
        AuthenticateAsClient(context);
    }

    /// <summary>Does the handshake as a server.</summary>
    public Task AuthenticateAsServerAsync(
        SslServerAuthenticationOptions sslServerAuthenticationOptions, CancellationToken cancellationToken = default)
    {
        using TlsContext context = Context(sslServerAuthenticationOptions);
        return AuthenticateAsServerAsync(context, cancellationToken);
    }

    /// <summary>The same, blocking.</summary>
    public void AuthenticateAsServer(SslServerAuthenticationOptions sslServerAuthenticationOptions)
    {
        using TlsContext context = Context(sslServerAuthenticationOptions);
        AuthenticateAsServer(context);
    }

    private TlsContext Context(SslClientAuthenticationOptions sslClientAuthenticationOptions)
    {
        if (sslClientAuthenticationOptions == null)
        {
            throw new ArgumentNullException(nameof(sslClientAuthenticationOptions));
        }
        NotDisposed();
        SslClientAuthenticationOptions options = CallbackOptions.With(sslClientAuthenticationOptions, _validation, _selection);
        _checksRevocation = options.CertificateRevocationCheckMode != X509RevocationMode.NoCheck;
        return TlsContext.Create(options, Signing);
    }

    private TlsContext Context(SslServerAuthenticationOptions sslServerAuthenticationOptions)
    {
        if (sslServerAuthenticationOptions == null)
        {
            throw new ArgumentNullException(nameof(sslServerAuthenticationOptions));
        }
        NotDisposed();
        SslServerAuthenticationOptions options = CallbackOptions.With(sslServerAuthenticationOptions, _validation);
        _checksRevocation = options.CertificateRevocationCheckMode != X509RevocationMode.NoCheck;
        return TlsContext.Create(options, Signing);
    }

    /// <summary>Signatures are asked for, and computed beside the thread that moves the bytes.</summary>
    private static TlsContextSettings Signing => new() { SignInCall = false };

    // --- With the arguments of SslStream's older calls

    /// <summary>As a client of the host of this name.</summary>
    public void AuthenticateAsClient(string targetHost) => AuthenticateAsClient(ClientOptions(targetHost));

    /// <summary>The same with certificates to choose from.</summary>
    public void AuthenticateAsClient(
        string targetHost, X509CertificateCollection? clientCertificates, bool checkCertificateRevocation) =>
        AuthenticateAsClient(ClientOptions(targetHost, clientCertificates, SslProtocols.None, checkCertificateRevocation));

    /// <summary>The same with versions.</summary>
    public void AuthenticateAsClient(string targetHost, X509CertificateCollection? clientCertificates,
        SslProtocols enabledSslProtocols, bool checkCertificateRevocation) =>
        AuthenticateAsClient(ClientOptions(targetHost, clientCertificates, enabledSslProtocols, checkCertificateRevocation));

    /// <summary>As a client of the host of this name.</summary>
    public Task AuthenticateAsClientAsync(string targetHost) => AuthenticateAsClientAsync(ClientOptions(targetHost));

    /// <summary>The same with certificates to choose from.</summary>
    public Task AuthenticateAsClientAsync(
        string targetHost, X509CertificateCollection? clientCertificates, bool checkCertificateRevocation) =>
        AuthenticateAsClientAsync(ClientOptions(targetHost, clientCertificates, SslProtocols.None, checkCertificateRevocation));

    /// <summary>The same with versions.</summary>
    public Task AuthenticateAsClientAsync(string targetHost, X509CertificateCollection? clientCertificates,
        SslProtocols enabledSslProtocols, bool checkCertificateRevocation) =>
        AuthenticateAsClientAsync(ClientOptions(targetHost, clientCertificates, enabledSslProtocols, checkCertificateRevocation));

    /// <summary>As a server with this certificate and its key.</summary>
    public void AuthenticateAsServer(X509Certificate serverCertificate) => AuthenticateAsServer(ServerOptions(serverCertificate));

    /// <summary>The same with a certificate asked of clients.</summary>
    public void AuthenticateAsServer(
        X509Certificate serverCertificate, bool clientCertificateRequired, bool checkCertificateRevocation) =>
        AuthenticateAsServer(ServerOptions(serverCertificate, clientCertificateRequired, SslProtocols.None, checkCertificateRevocation));

    /// <summary>The same with versions.</summary>
    public void AuthenticateAsServer(X509Certificate serverCertificate, bool clientCertificateRequired,
        SslProtocols enabledSslProtocols, bool checkCertificateRevocation) =>
        AuthenticateAsServer(ServerOptions(serverCertificate, clientCertificateRequired, enabledSslProtocols, checkCertificateRevocation));

    /// <summary>As a server with this certificate and its key.</summary>
    public Task AuthenticateAsServerAsync(X509Certificate serverCertificate) =>
        AuthenticateAsServerAsync(ServerOptions(serverCertificate));

    /// <summary>The same with a certificate asked of clients.</summary>
    public Task AuthenticateAsServerAsync(
        X509Certificate serverCertificate, bool clientCertificateRequired, bool checkCertificateRevocation) =>
        AuthenticateAsServerAsync(
            ServerOptions(serverCertificate, clientCertificateRequired, SslProtocols.None, checkCertificateRevocation));

    /// <summary>The same with versions.</summary>
    public Task AuthenticateAsServerAsync(X509Certificate serverCertificate, bool clientCertificateRequired,
        SslProtocols enabledSslProtocols, bool checkCertificateRevocation) =>
        AuthenticateAsServerAsync(
            ServerOptions(serverCertificate, clientCertificateRequired, enabledSslProtocols, checkCertificateRevocation));

    private static SslClientAuthenticationOptions ClientOptions(string targetHost, X509CertificateCollection? certificates = null,
        SslProtocols protocols = SslProtocols.None, bool checkRevocation = false) => new()
    {
        TargetHost = targetHost ?? throw new ArgumentNullException(nameof(targetHost)),
        ClientCertificates = certificates,
        EnabledSslProtocols = protocols,
        CertificateRevocationCheckMode = Revocation(checkRevocation),
    };

    private static SslServerAuthenticationOptions ServerOptions(X509Certificate serverCertificate, bool clientCertificateRequired = false,
        SslProtocols protocols = SslProtocols.None, bool checkRevocation = false) => new()
    {
        ServerCertificate = serverCertificate ?? throw new ArgumentNullException(nameof(serverCertificate)),
        ClientCertificateRequired = clientCertificateRequired,
        EnabledSslProtocols = protocols,
        CertificateRevocationCheckMode = Revocation(checkRevocation),
    };

    private static X509RevocationMode Revocation(bool check) => check ? X509RevocationMode.Online : X509RevocationMode.NoCheck;
}
