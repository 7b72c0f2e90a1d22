using System;

namespace SpanTls;

/// <summary>What an operation wants next. 0 to 6 are the values that .NET's TlsOperationStatus was first proposed with.</summary>
public enum TlsOperationStatus
{
    /// <summary>Done.</summary>
    Complete = 0,
    /// <summary>More bytes from the peer are needed; on a socket: wait until it is readable.</summary>
    WantRead = 1,
    /// <summary>Send what was written and call again with room; on a socket: wait until it is writable.</summary>
    WantWrite = 2,
    /// <summary>The peer has closed, or our closing is all written.</summary>
    Closed = 3,
    /// <summary>A server asks a client for a certificate: <see cref="TlsSession.SetClientCredentials"/>.</summary>
    WantCredentials = 4,
    /// <summary>The peer waits for a verdict: <see cref="TlsSession.AcceptWithDefaultValidation"/> and others.</summary>
    NeedsCertificateValidation = 5,
    /// <summary>The server's options are wanted: <see cref="TlsSession.SetServerOptions"/>.</summary>
    NeedsServerOptions = 6,
    /// <summary>A private key is to sign: <see cref="TlsSession.Sign"/>. Only where signing in the call was turned off.</summary>
    NeedsSignature = 16,
}

/// <summary>What went wrong; the values of the C interface.</summary>
public enum TlsError
{
    /// <summary>Nothing.</summary>
    None = 0,
    /// <summary>An argument that makes no sense.</summary>
    InvalidArgument = -1,
    /// <summary>The session is not in a state for this.</summary>
    InvalidState = -2,
    /// <summary>The peer was refused, by a verdict or for want of proof.</summary>
    AuthenticationFailed = -3,
    /// <summary>A message against the protocol, or a fatal alert of the peer's.</summary>
    ProtocolError = -4,
    /// <summary>The connection has ended without a close_notify.</summary>
    Truncated = -5,
    /// <summary>The socket has failed.</summary>
    IoError = -6,
    /// <summary>Certificates, keys or options that do not fit.</summary>
    InvalidConfiguration = -7,
    /// <summary>Not supported, here or in this version of TLS.</summary>
    NotSupported = -8,
    /// <summary>Another thread is inside the same half of the session.</summary>
    Busy = -9,
    /// <summary>Out of memory or of something else that is limited.</summary>
    OutOfResources = -10,
    /// <summary>A fault of the library's.</summary>
    InternalError = -128,
}

/// <summary>Whether a server asks its clients for certificates.</summary>
public enum TlsClientCertificateMode
{
    /// <summary>It does not.</summary>
    None = 0,
    /// <summary>It does; a client may decline.</summary>
    Request = 1,
    /// <summary>It does; a client that declines is refused.</summary>
    Require = 2,
}

/// <summary>Channel bindings; the first two as in <see cref="System.Security.Authentication.ExtendedProtection.ChannelBindingKind"/>.</summary>
public enum TlsChannelBindingKind
{
    /// <summary>tls-unique (RFC 5929), TLS 1.2.</summary>
    Unique = 25,
    /// <summary>tls-server-end-point (RFC 5929).</summary>
    Endpoint = 26,
    /// <summary>tls-exporter (RFC 9266).</summary>
    Exporter = 27,
}

/// <summary>Where a session is.</summary>
[Flags]
public enum TlsSessionStates
{
    /// <summary>None of the others.</summary>
    None = 0,
    /// <summary>The handshake is finished, judged, and handed over.</summary>
    HandshakeComplete = 1,
    /// <summary>There is something to send.</summary>
    HasPendingOutput = 2,
    /// <summary>There is something to read without the transport.</summary>
    HasPendingPlaintext = 4,
    /// <summary>A question waits for its answer.</summary>
    Suspended = 8,
    /// <summary>The session goes on from an earlier one.</summary>
    Resumed = 16,
    /// <summary>There was a HelloRetryRequest.</summary>
    HelloRetried = 32,
    /// <summary>The peer has closed its direction.</summary>
    PeerClosed = 64,
    /// <summary>We have closed ours.</summary>
    ShutdownSent = 128,
    /// <summary>The session has failed.</summary>
    Failed = 256,
    /// <summary>A client's certificate was asked for after the handshake.</summary>
    CertificateAsked = 512,
    /// <summary>The same, and the answer is not there yet.</summary>
    CertificateRequested = 1024,
    /// <summary>The client has answered it.</summary>
    CertificateAnswered = 2048,
}

/// <summary>Why the kernel's TLS is not used, or not for both directions.</summary>
public enum TlsKernelReason
{
    /// <summary>It is, as asked.</summary>
    None = 0,
    /// <summary>This operating system has none.</summary>
    Platform = 1,
    /// <summary>This kernel, or this kind of socket, has none.</summary>
    Unavailable = 2,
    /// <summary>It has refused the keys.</summary>
    Refused = 3,
    /// <summary>The options limit the size of records.</summary>
    Options = 4,
}

/// <summary>What a socket is used for.</summary>
[Flags]
public enum TlsSocketFlags
{
    /// <summary>The socket stays the host's.</summary>
    Borrow = 1,
    /// <summary>The session closes it.</summary>
    Own = 2,
    /// <summary>The kernel seals what is sent, if it can.</summary>
    KernelSend = 4,
    /// <summary>The kernel opens what is received, if it can.</summary>
    KernelReceive = 8,
}
