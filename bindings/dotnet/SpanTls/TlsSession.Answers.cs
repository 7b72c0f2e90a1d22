using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

namespace SpanTls;

public sealed partial class TlsSession
{
    private bool _toldOfMissing;

    /// <summary>Servers: answers <see cref="TlsOperationStatus.NeedsServerOptions"/>. The same object with the same values makes the same
    /// context, whose tickets are good for all of its sessions; after a change it makes another one.</summary>
    public void SetServerOptions(SslServerAuthenticationOptions options)
    {
        if (options == null)
        {
            throw new ArgumentNullException(nameof(options));
        }
        SetServerContext(ContextOf(options));
    }

    private static TlsContext ContextOf(SslServerAuthenticationOptions options)
    {
        var values = new OptionValues(options);
        lock (s_contexts)
        {
            if (s_contexts.TryGetValue(options, out var made) && made.Values.Equals(values))
            {
                return made.Context;
            }
        }
        TlsContext context = TlsContext.Create(options);
        lock (s_contexts)
        {
            s_contexts.AddOrUpdate(options, new MadeContext(values, context));
        }
        return context;
    }

    private sealed class MadeContext
    {
        internal MadeContext(OptionValues values, TlsContext context) => (Values, Context) = (values, context);

        internal OptionValues Values { get; }

        internal TlsContext Context { get; }
    }

    /// <summary>Servers: the same with a context.</summary>
    public void SetServerContext(TlsContext context)
    {
        if (context == null)
        {
            throw new ArgumentNullException(nameof(context));
        }
        while (context.Decide != null)
        {
            TlsContext? decided = context.Decide(this);
            if (decided == null)
            {
                // For a client that the options' callbacks refuse (RFC 8446 section 6.2).
                Reject((byte)TlsAlert.HandshakeFailure);
                return;
            }
            context = decided;
        }
        NativeMethods.Must(_handle, NativeMethods.tls_session_set_server_context(_handle, context.Handle));
        _context = context;
    }

    /// <summary>Servers: refuses the client by what it has asked for, with this alert (RFC 8446 section 6).</summary>
    public void Reject(byte alert) => NativeMethods.Must(_handle, NativeMethods.tls_session_reject(_handle, alert));

    /// <summary>Clients, before the handshake or in answer to <see cref="TlsOperationStatus.WantCredentials"/>; null declines.</summary>
    public void SetClientCredentials(TlsCredentials? credentials)
    {
        NativeMethods.Must(_handle, NativeMethods.tls_session_set_client_credentials(
            _handle, credentials?.Handle ?? CredentialsHandle.None));
        (_credentials, _hasOwnCredentials) = (credentials, true);
    }

#if NET8_0_OR_GREATER
    /// <summary>The same with what SslStream takes.</summary>
    public void SetClientCertificateContext(SslStreamCertificateContext? context) =>
        SetClientCredentials(context == null ? null : TlsCredentials.FromContext(context));
#endif

    /// <summary>The names of the authorities that the server asks for; null if it does not say.</summary>
    public unsafe IReadOnlyList<string>? GetAcceptableIssuers()
    {
        nuint count = 0;
        NativeMethods.Must(_handle, NativeMethods.tls_session_acceptable_issuer_count(_handle, &count));
        var names = new string[(int)count];
        for (int i = 0; i < names.Length; i++)
        {
            var index = (nuint)i;
            byte[] name = CopyOut((byte* to, nuint room, nuint* length) =>
                NativeMethods.tls_session_acceptable_issuer(_handle, index, to, room, length));
            names[i] = new X500DistinguishedName(name).Name;
        }
        return names.Length == 0 ? null : names;
    }

    /// <summary>Judges the peer as the options say, gives the verdict, and tells what is wrong; None: accepted.</summary>
    /// <remarks>The library's own validation, or where the options have a RemoteCertificateValidationCallback, that: it gets what the
    /// library finds, a chain, and this session as the sender.</remarks>
    public unsafe SslPolicyErrors AcceptWithDefaultValidation()
    {
        uint errors = 0;
        if (_context.ValidationCallback == null)
        {
            int status = NativeMethods.tls_session_accept_with_default_validation(_handle, &errors);
            if (status == (int)TlsError.AuthenticationFailed)
            {
                // The session has failed; the next call throws, and sends the alert.
                return (SslPolicyErrors)errors;
            }
            NativeMethods.Must(_handle, status);
            return SslPolicyErrors.None;
        }
        TlsValidationReport report = GetDefaultValidation();
        SslPolicyErrors found = report.PolicyErrors;
        // Whatever the callback throws goes to the caller, and the question stays open.
        bool accepted = AskCallback(_context.ValidationCallback, report.Reasons, ref found);
        SslPolicyErrors verdict = accepted ? SslPolicyErrors.None :
            found == SslPolicyErrors.None ? SslPolicyErrors.RemoteCertificateChainErrors : found;
        SetRemoteCertificateValidationResult(verdict);
        return verdict;
    }

    /// <summary>The same, if the host requires the client's certificate: unless a callback decides, a client without one is refused,
    /// whatever the context's mode.</summary>
    internal void AcceptRequired()
    {
        if (_context.ValidationCallback == null && RemoteCertificates == 0)
        {
            SetRemoteCertificateValidationResult(SslPolicyErrors.RemoteCertificateNotAvailable);
            return;
        }
        _ = AcceptWithDefaultValidation();
    }

    /// <summary>Whether no verdict is asked for.</summary>
    internal bool IsJudgedInside => _context.Settings.AutomaticValidation;

    private bool AskCallback(
        RemoteCertificateValidationCallback callback, TlsValidationReasons reasons, ref SslPolicyErrors found)
    {
        X509Certificate2? certificate = GetRemoteCertificate();
        if (certificate == null)
        {
            _toldOfMissing = true;
            return callback(Sender ?? this, null, null, found);
        }
        using X509Chain chain = PeerChain.Build(_context, certificate, GetRemoteCertificates(), reasons, ref found);
        // A callback that looks at the chain alone must see that it was refused: one that cannot see it does not overrule it.
        bool hidden = (found & SslPolicyErrors.RemoteCertificateChainErrors) != 0 && !PeerChain.ShowsErrors(chain);
        return callback(Sender ?? this, certificate, chain, found) && !hidden;
    }

    private Exception Failed(int status) => TellOfMissing(NativeMethods.Failed(_handle, status));

    /// <summary>A client without the required certificate is refused before a verdict is asked for. The callback is called, as by
    /// SslStream, but its answer changes nothing.</summary>
    private Exception TellOfMissing(Exception failure)
    {
        if (_toldOfMissing || !IsServer || _context.ValidationCallback == null || TlsException.Of(failure) is not { AlertReceived: null } failed ||
            (failed.PolicyErrors & SslPolicyErrors.RemoteCertificateNotAvailable) == 0 || GetRemoteCertificate() != null)
        {
            return failure;
        }
        _toldOfMissing = true;
        try
        {
            _ = _context.ValidationCallback(Sender ?? this, null, null, SslPolicyErrors.RemoteCertificateNotAvailable);
            return failure;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    /// <summary>The same on the thread pool: chains take milliseconds, callbacks what they like.</summary>
    public Task<SslPolicyErrors> AcceptWithDefaultValidationAsync(CancellationToken cancellationToken = default) =>
        Task.Run(AcceptWithDefaultValidation, cancellationToken);

    /// <summary>Why the default validation would refuse the peer, with every reason; answers nothing. Calling it twice costs
    /// no second judgement.</summary>
    public unsafe TlsValidationReport GetDefaultValidation()
    {
        NativeValidation record = default;
        record.StructSize = (nuint)sizeof(NativeValidation);
        NativeMethods.Must(_handle, NativeMethods.tls_session_default_validation(_handle, &record));
        return new TlsValidationReport(record);
    }

    /// <summary>The policy errors of <see cref="GetDefaultValidation"/>.</summary>
    public SslPolicyErrors DefaultPolicyErrors => GetDefaultValidation().PolicyErrors;

    /// <summary>The host's own verdict; None accepts, anything else refuses with the fitting alert.</summary>
    /// <remarks>A refusal fails the session: the next call throws, and sends the alert.</remarks>
    public void SetRemoteCertificateValidationResult(SslPolicyErrors errors)
    {
        int status = NativeMethods.tls_session_set_certificate_validation_result(_handle, (uint)errors);
        if (status != (int)TlsError.AuthenticationFailed)
        {
            NativeMethods.Must(_handle, status);
        }
    }

    /// <summary>Refuses the peer with an alert of the host's choice (RFC 8446 section 6).</summary>
    public void RejectCertificate(byte alert) =>
        NativeMethods.Must(_handle, NativeMethods.tls_session_reject_certificate(_handle, alert));

    /// <summary>Whether <see cref="Sign"/> could answer.</summary>
    internal bool CanSign => Signer != null;

    /// <summary>The credentials whose key must sign: with several, the certificate tells.</summary>
    private TlsCredentials? Signer
    {
        get
        {
            TlsCredentials[] here = _hasOwnCredentials ? _credentials == null ? Array.Empty<TlsCredentials>() : new[] { _credentials } :
                _context.AllCredentials.ToArray();
            if (here.Length <= 1)
            {
                return here.Length == 1 && here[0].CanSign ? here[0] : null;
            }
            using X509Certificate2? leaf = LocalCertificate;
            return leaf == null ? null : Array.Find(here, one => one.CanSign && one.Certificate!.RawData.AsSpan().SequenceEqual(leaf.RawData));
        }
    }

    /// <summary>Answers <see cref="TlsOperationStatus.NeedsSignature"/> with the key of the session's certificate. May be called on
    /// any thread. A key that fails ends the handshake, and its exception is the caller's.</summary>
    public unsafe void Sign()
    {
        TlsCredentials signer = Signer ?? throw new InvalidOperationException("the session has no certificate whose key is here");
        ushort scheme = 0;
        byte[] message = CopyOut((byte* to, nuint room, nuint* length) =>
        {
            ushort found = 0;
            int status = NativeMethods.tls_session_signature_request(_handle, &found, to, room, length);
            scheme = found;
            return status;
        });
        byte[] signature;
        try
        {
            signature = signer.Sign(scheme, message);
        }
        catch
        {
            SetSignature(default);
            throw;
        }
        SetSignature(signature);
    }

    /// <summary>The same on the thread pool.</summary>
    public Task SignAsync(CancellationToken cancellationToken = default) => Task.Run(Sign, cancellationToken);

    /// <summary>What is to be signed, with which scheme (RFC 8446 section 4.2.3).</summary>
    public unsafe byte[] GetSignatureRequest(out ushort scheme)
    {
        ushort found = 0;
        ushort* at = &found;
        byte[] message = CopyOut((byte* to, nuint room, nuint* length) =>
            NativeMethods.tls_session_signature_request(_handle, at, to, room, length));
        scheme = found;
        return message;
    }

    /// <summary>The signature; empty: the host could not sign.</summary>
    public unsafe void SetSignature(ReadOnlySpan<byte> signature)
    {
        fixed (byte* bytes = signature)
        {
            NativeMethods.Must(_handle, NativeMethods.tls_session_set_signature(_handle, bytes, (nuint)signature.Length));
        }
    }

    private void SelectLocalCertificate()
    {
        X509Certificate2? chosen;
        if (_context.LocalSelection == null)
        {
            chosen = _context.CertificateFor(GetAcceptableIssuers());
        }
        else
        {
            X509Certificate? selected = _context.LocalSelection(Sender ?? this, TargetHostName ?? string.Empty,
                _context.ClientCertificates ?? new X509CertificateCollection(), GetRemoteCertificate(),
                GetAcceptableIssuers()?.ToArray() ?? Array.Empty<string>());
            chosen = selected == null ? null : TlsContext.WithKey(selected);
        }
        // Without a key there is nothing to show.
        SetClientCredentials(chosen is { HasPrivateKey: true } ? TlsCredentials.FromCertificate(chosen) : null);
    }
}
