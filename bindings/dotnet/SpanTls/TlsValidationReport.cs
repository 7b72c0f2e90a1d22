using System.Net.Security;

namespace SpanTls;

/// <summary>Why the library's validation would refuse the peer: <see cref="TlsSession.GetDefaultValidation"/>.</summary>
public sealed class TlsValidationReport
{
    internal unsafe TlsValidationReport(in NativeValidation record)
    {
        PolicyErrors = (SslPolicyErrors)record.PolicyErrors;
        Reasons = (TlsValidationReasons)record.Reasons;
        Reason = (TlsValidationReasons)record.Reason;
        Depth = record.Depth < 0 ? null : record.Depth;
        Alert = record.Alert < 0 ? null : (byte)record.Alert;
        StrictRule = (TlsStrictRule)record.StrictRule;
        fixed (byte* text = record.Message)
        {
            Message = NativeMethods.Text(text);
        }
    }

    /// <summary>None: the peer would be accepted.</summary>
    public SslPolicyErrors PolicyErrors { get; }

    /// <summary>Every reason. Without <see cref="TlsValidationReasons.Incomplete"/> everything else was checked, and is right.</summary>
    public TlsValidationReasons Reasons { get; }

    /// <summary>The one that decides the alert.</summary>
    public TlsValidationReasons Reason { get; }

    /// <summary>The certificate with that reason: 0 is the leaf, 1 its issuer; null if there is none, or it is not known.</summary>
    public int? Depth { get; }

    /// <summary>The alert with which the peer would be refused; null if it would not.</summary>
    public byte? Alert { get; }

    /// <summary>The rule of the strict profile that is broken, if that is the reason.</summary>
    public TlsStrictRule StrictRule { get; }

    /// <summary>One sentence; empty if nothing is wrong.</summary>
    public string Message { get; }
}
