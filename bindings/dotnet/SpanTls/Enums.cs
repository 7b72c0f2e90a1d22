// Written by bindings/generate.py from include/spantls.h: `make bindings`. Do not edit.

using System;

namespace SpanTls;

/// <summary>What an operation wants next. 0 to 6 are the values that .NET's TlsOperationStatus was first proposed
/// with.</summary>
public enum TlsOperationStatus
{
    /// <summary>The call did what it was asked; see the counts.</summary>
    Complete = 0,
    /// <summary>More ciphertext from the peer is needed: read from the transport, then call again.</summary>
    WantRead = 1,
    /// <summary>The output span was too small: send what was written, then call again with room.</summary>
    WantWrite = 2,
    /// <summary>The peer's <c>close_notify</c> was received, or our own shutdown is fully drained.</summary>
    Closed = 3,
    /// <summary>The server asked for a client certificate: answer with <see cref="TlsSession.SetClientCredentials"/>.</summary>
    WantCredentials = 4,
    /// <summary>The peer's certificate waits for a verdict: answer with <see cref="TlsSession.AcceptWithDefaultValidation"/>,
    /// <see cref="TlsSession.SetRemoteCertificateValidationResult"/> or <see cref="TlsSession.RejectCertificate"/>.</summary>
    NeedsCertificateValidation = 5,
    /// <summary>The ClientHello is complete and the server context still to be chosen: answer with
    /// <see cref="TlsSession.SetServerOptions"/>, and show the same input again.</summary>
    NeedsServerOptions = 6,
    /// <summary>An external private key must sign: get the message with <see cref="TlsSession.GetSignatureRequest"/>, answer
    /// with <see cref="TlsSession.SetSignature"/>.</summary>
    NeedsSignature = 16,
}

/// <summary>What went wrong; the values of the C interface.</summary>
public enum TlsError
{
    /// <summary>Nothing has failed.</summary>
    None = 0,
    /// <summary>A null pointer, a bad length, text that is not UTF-8, a wrong handle, a context of the wrong role.</summary>
    InvalidArgument = -1,
    /// <summary>Not allowed now; the error record's message says why.</summary>
    InvalidState = -2,
    /// <summary>A verdict or <see cref="TlsSession.Reject"/> refused the peer, no credentials satisfied it, or the host could
    /// not sign.</summary>
    AuthenticationFailed = -3,
    /// <summary>The peer broke the protocol, spoke no TLS, or has nothing in common with us.</summary>
    ProtocolError = -4,
    /// <summary>The transport ended without <c>close_notify</c> (RFC 8446 section 6.1): data may be missing.</summary>
    Truncated = -5,
    /// <summary>A system call on the session's socket failed; its <c>errno</c> is in the error record.</summary>
    IoError = -6,
    /// <summary>A bad certificate, key, trust anchor or option.</summary>
    InvalidConfiguration = -7,
    /// <summary>The peer, protocol version or platform has no such thing.</summary>
    NotSupported = -8,
    /// <summary>Another thread is inside the same half of this session. Nothing was done.</summary>
    Busy = -9,
    /// <summary>Too many handshakes are suspended at once, or memory could not be mapped. The record at hand was not consumed
    /// (see the counts): try again once another handshake has been answered or destroyed, or give this connection up.</summary>
    OutOfResources = -10,
    /// <summary>The room for a value was too small: nothing was written. <c>*out_len</c> is the value's length; text needs one
    /// byte more, for its closing NUL.</summary>
    BufferTooSmall = -11,
    /// <summary>The peer ended the session with a fatal alert, or with <c>close_notify</c> in the middle of the handshake: it
    /// refuses us. <c>alert_received</c> in the error record says why, for example <c>SPANTLS_ALERT_UNKNOWN_CA</c>.</summary>
    PeerAlert = -12,
    /// <summary>A contained panic; the session is unusable from now on, and safe to destroy.</summary>
    InternalError = -128,
}

/// <summary>The values for <c>tls_options_set_protocols()</c>, and of <see cref="TlsSession.NegotiatedProtocol"/>: .NET's
/// <c>SslProtocols</c>.</summary>
[Flags]
internal enum TlsProtocol
{
    /// <summary>TLS 1.2 (RFC 5246).</summary>
    Tls12 = 0x0C00,
    /// <summary>TLS 1.3 (RFC 8446).</summary>
    Tls13 = 0x3000,
}

/// <summary>Whether a server asks its clients for certificates (mutual TLS).</summary>
public enum TlsClientCertificateMode
{
    /// <summary>The client is not asked (default).</summary>
    None = 0,
    /// <summary>The client is asked, and may decline: the verdict then decides with
    /// <c>SPANTLS_POLICY_ERROR_NOT_AVAILABLE</c>.</summary>
    Request = 1,
    /// <summary>The client is asked, and a client without a certificate is refused with <c>certificate_required</c>
    /// (<c>handshake_failure</c> in TLS 1.2).</summary>
    Require = 2,
}

/// <summary>The values for <c>tls_options_set_certificate_validation()</c>.</summary>
internal enum TlsValidation
{
    /// <summary>The handshake suspends with <see cref="TlsOperationStatus.NeedsCertificateValidation"/> and the host judges
    /// (default).</summary>
    External = 0,
    /// <summary>The default validation judges, without a suspension.</summary>
    Automatic = 1,
}

/// <summary>The values for <c>tls_options_set_certificate_requests()</c>.</summary>
internal enum TlsCertificateRequests
{
    /// <summary>The client declines under <c>SPANTLS_VALIDATION_AUTOMATIC</c>, and suspends under
    /// <c>SPANTLS_VALIDATION_EXTERNAL</c> (default).</summary>
    Default = 0,
    /// <summary>The handshake suspends with <see cref="TlsOperationStatus.WantCredentials"/>.</summary>
    Suspend = 1,
    /// <summary>The client shows no certificate, without a suspension.</summary>
    Decline = 2,
}

/// <summary>The values for <c>tls_options_set_trust_anchor_mode()</c>.</summary>
internal enum TlsTrustAnchor
{
    /// <summary>An anchor is a name and a key (RFC 5280 section 6.1.1 (d)); the rest of its certificate is ignored, except for
    /// name constraints (default).</summary>
    Authorities = 0,
    /// <summary>Anchors are judged as certificates, and a chain must end at a self-signed one.</summary>
    Certificates = 1,
    /// <summary>Anchors are judged as certificates, and a chain may end at any of them.</summary>
    PartialChain = 2,
}

/// <summary>Where a session is.</summary>
[Flags]
public enum TlsSessionStates
{
    /// <summary>None of the others.</summary>
    None = 0,
    /// <summary><see cref="TlsSession.ProcessHandshake"/>, or on a socket <see cref="TlsSession.Handshake"/>, has returned
    /// COMPLETE, or would.</summary>
    HandshakeComplete = 1,
    /// <summary>Output is owed to the peer: see <see cref="TlsSession.DrainPendingOutput"/>, on a socket
    /// <see cref="TlsSession.Write"/>.</summary>
    HasPendingOutput = 2,
    /// <summary>Plaintext is held: <see cref="TlsSession.Decrypt"/> delivers it without any input. On a socket:
    /// <see cref="TlsSession.Read"/> has something to tell, data or the end, without the socket.</summary>
    HasPendingPlaintext = 4,
    /// <summary>The handshake waits for the host's answer.</summary>
    Suspended = 8,
    /// <summary>The session was resumed: see <c>tls_options_set_allow_resume()</c>.</summary>
    Resumed = 16,
    /// <summary>The server sent a HelloRetryRequest (RFC 8446 section 4.1.4).</summary>
    HelloRetried = 32,
    /// <summary>The peer's <c>close_notify</c> was received.</summary>
    PeerClosed = 64,
    /// <summary>Our <c>close_notify</c> was made.</summary>
    ShutdownSent = 128,
    /// <summary>The session has failed as a whole: see <see cref="TlsException"/>. Where the transport has failed one half of
    /// an open session (TRUNCATED, IO) the other goes on, and this is not set.</summary>
    Failed = 256,
    /// <summary>The client was asked for a certificate: by this server, or as this client by its server, whether it has one or
    /// not.</summary>
    CertificateAsked = 512,
    /// <summary><see cref="TlsSession.RequestClientCertificate"/> has asked, and the client's answer is not there or not
    /// judged.</summary>
    CertificateRequested = 1024,
    /// <summary>The client has answered it, and the verdict was given.</summary>
    CertificateAnswered = 2048,
}

/// <summary>The bits of a verdict: .NET's <c>SslPolicyErrors</c>.</summary>
[Flags]
internal enum TlsPolicyError
{
    /// <summary>The peer showed no certificate.</summary>
    NotAvailable = 1,
    /// <summary>The certificate is not for the name that was asked for.</summary>
    NameMismatch = 2,
    /// <summary>The chain is not trusted, not valid now, revoked, or not for this use.</summary>
    ChainErrors = 4,
}

/// <summary>Channel bindings; the first two as in
/// <see cref="System.Security.Authentication.ExtendedProtection.ChannelBindingKind"/>.</summary>
public enum TlsChannelBindingKind
{
    /// <summary><c>tls-unique</c> (RFC 5929 section 3): the first Finished message. TLS 1.2 only.</summary>
    Unique = 25,
    /// <summary><c>tls-server-end-point</c> (RFC 5929 section 4): a hash of the server's certificate.</summary>
    Endpoint = 26,
    /// <summary><c>tls-exporter</c> (RFC 9266): keying material, with an empty context.</summary>
    Exporter = 27,
}

/// <summary>What <see cref="TlsSession.Shrink"/> frees.</summary>
public enum TlsShrink
{
    /// <summary>Buffers: getters return what they did. Sessions that wait for data keep none, so this frees nothing
    /// today.</summary>
    Buffers = 0,
    /// <summary>What is known of the peer: its certificates (and with them, on clients,
    /// <see cref="TlsChannelBindingKind.Endpoint"/>), its OCSP response, a kept ClientHello.</summary>
    Peer = 1,
    /// <summary>On clients, what takes session tickets: some 800 bytes, which are also freed when two tickets have come. Later
    /// tickets are ignored.</summary>
    Tickets = 2,
}

/// <summary>Who closes a socket, and what the kernel does for it.</summary>
[Flags]
public enum TlsSocketFlags
{
    /// <summary>The socket stays the host's: nothing here closes it. It must stay open as long as the session.</summary>
    Borrow = 1,
    /// <summary>The socket is the session's: <see cref="TlsSession.Dispose"/> closes it, and nothing else does.</summary>
    Own = 2,
    /// <summary>After the handshake the kernel seals what is sent (Linux), if it can.</summary>
    KernelSend = 4,
    /// <summary>After the handshake the kernel opens what is received (Linux), if it can.</summary>
    KernelReceive = 8,
}

/// <summary>Why the kernel's TLS is not used, or not for both directions.</summary>
public enum TlsKernelReason
{
    /// <summary>It is used as asked, or nothing was asked, or the handshake is not COMPLETE.</summary>
    None = 0,
    /// <summary>This operating system has none.</summary>
    Platform = 1,
    /// <summary>This kernel, or this kind of socket, has none.</summary>
    Unavailable = 2,
    /// <summary>It has refused the keys: a version or suite that it does not know.</summary>
    Refused = 3,
    /// <summary>The options limit the size of records, which the kernel cannot.</summary>
    Options = 4,
}

/// <summary>The bits of <c>spantls_client_hello_info_t.offers</c>.</summary>
[Flags]
internal enum TlsOffer
{
    /// <summary>TLS 1.3, in supported_versions.</summary>
    Tls13 = 1,
    /// <summary>A pre-shared key, which is how TLS 1.3 resumes (RFC 8446 section 4.2.11).</summary>
    PreSharedKey = 2,
    /// <summary>Early data (section 4.2.10). It is never accepted. Up to 128 KiB are skipped, more ends the handshake with
    /// <c>unexpected_message</c>; the client sends the data again after the handshake.</summary>
    EarlyData = 4,
    /// <summary>A certificate after the handshake (section 4.2.6).</summary>
    PostHandshakeAuth = 8,
}

/// <summary>Alert descriptions, for <see cref="TlsSession.Reject"/> and <c>spantls_error_t</c> (RFC 8446 section 6).</summary>
internal enum TlsAlert
{
    /// <summary>The sender has no more to say (section 6.1): no error.</summary>
    CloseNotify = 0,
    /// <summary>A message that has no place here.</summary>
    UnexpectedMessage = 10,
    /// <summary>A record that cannot be opened.</summary>
    BadRecordMac = 20,
    /// <summary>A record that is too long.</summary>
    RecordOverflow = 22,
    /// <summary>No parameters in common; in TLS 1.2 also a certificate that was required and is missing.</summary>
    HandshakeFailure = 40,
    /// <summary>A certificate that is damaged, or for another name.</summary>
    BadCertificate = 42,
    /// <summary>A certificate of a kind, or for a use, that does not fit.</summary>
    UnsupportedCertificate = 43,
    /// <summary>A certificate that its issuer has taken back.</summary>
    CertificateRevoked = 44,
    /// <summary>A certificate that is not valid any more, or not yet.</summary>
    CertificateExpired = 45,
    /// <summary>Something else is wrong with the certificate.</summary>
    CertificateUnknown = 46,
    /// <summary>A field with a value that it must not have.</summary>
    IllegalParameter = 47,
    /// <summary>No chain to an authority that is trusted.</summary>
    UnknownCa = 48,
    /// <summary>A certificate in order, whose owner is not let in.</summary>
    AccessDenied = 49,
    /// <summary>A message that cannot be parsed.</summary>
    DecodeError = 50,
    /// <summary>A signature, a Finished or a binder that is wrong.</summary>
    DecryptError = 51,
    /// <summary>No version in common.</summary>
    ProtocolVersion = 70,
    /// <summary>What the peer offers is too weak.</summary>
    InsufficientSecurity = 71,
    /// <summary>The sender has a problem that is not the peer's fault.</summary>
    InternalError = 80,
    /// <summary>The client has lowered its version without need (RFC 7507).</summary>
    InappropriateFallback = 86,
    /// <summary>The handshake was given up, without an error.</summary>
    UserCanceled = 90,
    /// <summary>A renegotiation that is declined (RFC 5246 section 7.2.2).</summary>
    NoRenegotiation = 100,
    /// <summary>An extension that must be there is not.</summary>
    MissingExtension = 109,
    /// <summary>An extension that must not be there, or was not offered.</summary>
    UnsupportedExtension = 110,
    /// <summary>No server of this name here (RFC 6066 section 3).</summary>
    UnrecognizedName = 112,
    /// <summary>A stapled OCSP response that is not in order.</summary>
    BadCertificateStatusResponse = 113,
    /// <summary>No pre-shared key that is known.</summary>
    UnknownPskIdentity = 115,
    /// <summary>A certificate that was required and is missing (TLS 1.3).</summary>
    CertificateRequired = 116,
    /// <summary>No application protocol in common (RFC 7301 section 3.2).</summary>
    NoApplicationProtocol = 120,
}

/// <summary>The values for <c>tls_options_set_alpn_mismatch()</c>.</summary>
internal enum TlsAlpnMismatch
{
    /// <summary>The handshake ends with the alert <c>no_application_protocol</c> (RFC 7301 section 3.2; default).</summary>
    Fail = 0,
    /// <summary>The handshake continues without an application protocol.</summary>
    Continue = 1,
}

/// <summary>The cipher suites that the library has, for <c>tls_options_set_cipher_suites()</c>: their IANA names and
/// numbers.</summary>
internal enum TlsSuite
{
    /// <summary>TLS 1.3.</summary>
    Aes128GcmSha256 = 0x1301,
    /// <summary>TLS 1.3.</summary>
    Aes256GcmSha384 = 0x1302,
    /// <summary>TLS 1.3.</summary>
    Chacha20Poly1305Sha256 = 0x1303,
    /// <summary>TLS 1.2, with an ECDSA or Ed25519 certificate, as the next two.</summary>
    EcdheEcdsaWithAes128GcmSha256 = 0xC02B,
    /// <summary>TLS 1.2.</summary>
    EcdheEcdsaWithAes256GcmSha384 = 0xC02C,
    /// <summary>TLS 1.2.</summary>
    EcdheEcdsaWithChacha20Poly1305Sha256 = 0xCCA9,
    /// <summary>TLS 1.2, with an RSA certificate, as the next two.</summary>
    EcdheRsaWithAes128GcmSha256 = 0xC02F,
    /// <summary>TLS 1.2.</summary>
    EcdheRsaWithAes256GcmSha384 = 0xC030,
    /// <summary>TLS 1.2.</summary>
    EcdheRsaWithChacha20Poly1305Sha256 = 0xCCA8,
}

/// <summary>The key-exchange groups that the library has, for <c>tls_options_set_groups()</c>: their IANA names and
/// numbers.</summary>
internal enum TlsGroup
{
    /// <summary>NIST P-256.</summary>
    Secp256r1 = 23,
    /// <summary>NIST P-384.</summary>
    Secp384r1 = 24,
    /// <summary>Curve25519 (RFC 7748).</summary>
    X25519 = 29,
    /// <summary>X25519 and ML-KEM-768 together (hybrid, post-quantum). TLS 1.3 only.</summary>
    X25519mlkem768 = 0x11EC,
}

/// <summary>The signature schemes that the library has, for <c>tls_credentials_create_external()</c>: their IANA names and
/// numbers (RFC 8446 section 4.2.3).</summary>
internal enum TlsScheme
{
    /// <summary>RSA, PKCS #1 v1.5; in TLS 1.3 only within certificates, as the next two.</summary>
    RsaPkcs1Sha256 = 0x0401,
    /// <summary>RSA, PKCS #1 v1.5.</summary>
    RsaPkcs1Sha384 = 0x0501,
    /// <summary>RSA, PKCS #1 v1.5.</summary>
    RsaPkcs1Sha512 = 0x0601,
    /// <summary>ECDSA; in TLS 1.3 with a P-256 key.</summary>
    EcdsaSecp256r1Sha256 = 0x0403,
    /// <summary>ECDSA; in TLS 1.3 with a P-384 key.</summary>
    EcdsaSecp384r1Sha384 = 0x0503,
    /// <summary>RSA, PSS.</summary>
    RsaPssRsaeSha256 = 0x0804,
    /// <summary>RSA, PSS.</summary>
    RsaPssRsaeSha384 = 0x0805,
    /// <summary>RSA, PSS.</summary>
    RsaPssRsaeSha512 = 0x0806,
    /// <summary>Ed25519.</summary>
    Ed25519 = 0x0807,
}
