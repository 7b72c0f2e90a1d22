using System;
using System.IO;
using System.Net.Security;
using System.Security.Authentication;

namespace SpanTls;

/// <summary>A session, or the making of what it needs, has failed. Where SslStream throws an <see cref="AuthenticationException"/>,
/// for a refused peer and for a handshake that fails, so do the calls here, and this is its inner exception. Calls in a wrong state
/// are <see cref="InvalidOperationException"/>s.</summary>
public sealed class TlsException : IOException
{
    private TlsException(TlsError error, string message) : base(message) => Error = error;

    /// <summary>What kind of failure.</summary>
    public TlsError Error { get; }

    /// <summary>The alert that the peer was sent, or is owed; null for none.</summary>
    public byte? AlertSent { get; private set; }

    /// <summary>The alert with which the peer ended the session; null for none.</summary>
    public byte? AlertReceived { get; private set; }

    /// <summary>What the verdict that refused the peer found.</summary>
    public SslPolicyErrors PolicyErrors { get; private set; }

    /// <summary>Why the library's validation refused the peer, if it did. <see cref="TlsSession.GetDefaultValidation"/> finds all
    /// reasons, before the verdict.</summary>
    public TlsValidationReasons Reason { get; private set; }

    /// <summary>The certificate with that reason: 0 is the leaf; null if there is none, or it is not known.</summary>
    public int? Depth { get; private set; }

    /// <summary>The number of a failed system call; 0 for none.</summary>
    public int OsError { get; private set; }

    /// <summary>The name of an alert as RFC 8446 section 6 has it; "unknown" for other numbers.</summary>
    public static unsafe string AlertName(byte alert) => NativeMethods.Text(NativeMethods.spantls_alert_name(alert));

    /// <summary>The TlsException behind an exception of this library; null if there is none.</summary>
    public static TlsException? Of(Exception? exception)
    {
        while (exception != null && exception is not TlsException)
        {
            exception = exception.InnerException;
        }
        return (TlsException?)exception;
    }

    /// <summary>As in SslStream: a refused peer and a failed handshake are authentication failures; the end of a connection is
    /// not.</summary>
    internal Exception AsSslStreamThrows(bool handshaking) =>
        Error == TlsError.AuthenticationFailed || (handshaking && Error is TlsError.ProtocolError or TlsError.PeerAlert) ?
            new AuthenticationException(Message, this) : this;

    internal static unsafe Exception From(int status, in NativeError record)
    {
        bool known = record.Status == status;
        string message = "the call was refused";
        fixed (byte* text = record.Message)
        {
            if (record.Status != 0)
            {
                message = NativeMethods.Text(text);
            }
        }
        var error = (TlsError)status;
        if (error == TlsError.InvalidState)
        {
            return new InvalidOperationException(message);
        }
        if (error == TlsError.InvalidArgument)
        {
            return new ArgumentException(message);
        }
        var exception = new TlsException(error, message);
        if (known)
        {
            exception.AlertSent = record.AlertSent < 0 ? null : (byte)record.AlertSent;
            exception.AlertReceived = record.AlertReceived < 0 ? null : (byte)record.AlertReceived;
            exception.PolicyErrors = (SslPolicyErrors)record.PolicyErrors;
            exception.Reason = (TlsValidationReasons)record.Reason;
            exception.Depth = record.Depth < 0 ? null : record.Depth;
            exception.OsError = record.OsError;
        }
        return exception;
    }
}
