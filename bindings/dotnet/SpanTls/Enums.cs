// Written by bindings/generate.py from include/spantls.h: `make bindings`. Do not edit.

using System;

namespace SpanTls;

/// <summary>What an operation wants next. 0 to 6 are the values that .NET's TlsOperationStatus was first proposed
/// with.</summary>
public enum TlsOperationStatus
{
    /// <summary>The call has done its work; see the counts.</summary>
    Complete = 0,
    /// <summary>More data from the peer is needed: receive it, then call again.</summary>
    WantRead = 1,
    /// <summary>The output span was too small: send what was written, then call again with space.</summary>
    WantWrite = 2,
    /// <summary>A clean end: the peer's <c>close_notify</c> was received, or our shutdown is all written.</summary>
    Closed = 3,
    /// <summary>The server asked for a client certificate: answer with <see cref="TlsSession.SetClientCredentials"/>.</summary>
    WantCredentials = 4,
    /// <summary>The peer's certificate waits for a verdict: answer with <see cref="TlsSession.AcceptWithDefaultValidation"/>,
    /// <see cref="TlsSession.SetRemoteCertificateValidationResult"/> or <see cref="TlsSession.RejectCertificate"/>.</summary>
    NeedsCertificateValidation = 5,
    /// <summary>The ClientHello is complete, and the server context must be chosen (SNI): answer with
    /// <see cref="TlsSession.SetServerOptions"/>, then pass the same input again.</summary>
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
    /// <summary>An argument is wrong: a NULL pointer, a bad length, text that is not UTF-8, a wrong handle, a context of the
    /// wrong role.</summary>
    InvalidArgument = -1,
    /// <summary>The call is not allowed now; the error record's message says why.</summary>
    InvalidState = -2,
    /// <summary>We refused the peer: by a verdict, by <see cref="TlsSession.Reject"/>, or because no credentials fit; or the
    /// host could not sign.</summary>
    AuthenticationFailed = -3,
    /// <summary>The peer broke the protocol, does not speak TLS, or has no parameters in common with us.</summary>
    ProtocolError = -4,
    /// <summary>The transport ended without <c>close_notify</c> (RFC 8446 section 6.1): data may be missing.</summary>
    Truncated = -5,
    /// <summary>A system call on the session's socket failed; its <c>errno</c> is in the error record.</summary>
    IoError = -6,
    /// <summary>A certificate, key, trust anchor or option is wrong.</summary>
    InvalidConfiguration = -7,
    /// <summary>The peer, the protocol version or the platform does not support this.</summary>
    NotSupported = -8,
    /// <summary>Another thread is using the same half of this session. Nothing was done.</summary>
    Busy = -9,
    /// <summary>Too many handshakes are suspended at once, or there is not enough memory. Nothing was changed and the record at
    /// hand was not consumed (see the counts): try again once another handshake has been answered or destroyed, or give this
    /// connection up.</summary>
    OutOfResources = -10,
    /// <summary>There is too little space for a value: nothing was written. <c>*out_len</c> is its length; text needs one byte
    /// more for its closing NUL.</summary>
    BufferTooSmall = -11,
    /// <summary>The peer refused us: it ended the session with a fatal alert, or with <c>close_notify</c> during the handshake.
    /// <c>alert_received</c> in the error record says which, for example <see cref="TlsAlert.UnknownCa"/>.</summary>
    PeerAlert = -12,
    /// <summary>An error in the library (a contained panic). Destroy the session: it accepts no other call.</summary>
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
    /// <summary>The client sends no certificate, without a suspension.</summary>
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
    /// <summary>The handshake is finished, the peer was accepted, and all output of the handshake was written.</summary>
    HandshakeComplete = 1,
    /// <summary>There is output for the peer: see <see cref="TlsSession.DrainPendingOutput"/>, on a socket
    /// <see cref="TlsSession.Write"/>.</summary>
    HasPendingOutput = 2,
    /// <summary>Plaintext is held: <see cref="TlsSession.Decrypt"/> delivers it without input. On a socket:
    /// <see cref="TlsSession.Read"/> can return data or the end without the socket.</summary>
    HasPendingPlaintext = 4,
    /// <summary>The handshake waits for the host's answer to a question.</summary>
    Suspended = 8,
    /// <summary>The session was resumed with a session ticket: see <c>tls_options_set_allow_resume()</c>.</summary>
    Resumed = 16,
    /// <summary>The server sent a HelloRetryRequest (RFC 8446 section 4.1.4).</summary>
    HelloRetried = 32,
    /// <summary>The peer sent <c>close_notify</c>.</summary>
    PeerClosed = 64,
    /// <summary>Our <c>close_notify</c> was made.</summary>
    ShutdownSent = 128,
    /// <summary>The session has failed: see <see cref="TlsException"/>. Not set if only one half of an open session has ended
    /// because of the transport (TRUNCATED, IO_ERROR): the other half continues.</summary>
    Failed = 256,
    /// <summary>The client was asked for a certificate: by this server, or, on a client, by its server, whether it has one or
    /// not.</summary>
    CertificateAsked = 512,
    /// <summary><see cref="TlsSession.RequestClientCertificate"/> was called, and the client's answer has not arrived or has no
    /// verdict yet.</summary>
    CertificateRequested = 1024,
    /// <summary>The client answered that request, and the verdict was given.</summary>
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

/// <summary>Why the peer's certificate is refused.</summary>
[Flags]
public enum TlsValidationReasons
{
    /// <summary>Nothing is wrong.</summary>
    None = 0,
    /// <summary>The peer sent no certificate.</summary>
    NoCertificate = 1,
    /// <summary>The certificate is not for the target host name, or no such name was set.</summary>
    NameMismatch = 2,
    /// <summary>A certificate has expired.</summary>
    Expired = 4,
    /// <summary>A certificate is not valid yet.</summary>
    NotYetValid = 8,
    /// <summary>The issuer of the chain's last certificate was not sent and is not a trust anchor.</summary>
    UnknownIssuer = 16,
    /// <summary>The chain ends with a self-signed certificate that is not a trust anchor.</summary>
    SelfSigned = 32,
    /// <summary>A certificate is revoked. The revocation of the others is then not checked.</summary>
    Revoked = 64,
    /// <summary>There are revocation lists, but none for a certificate of the chain.</summary>
    RevocationUnknown = 128,
    /// <summary>A revocation list has expired.</summary>
    CrlExpired = 256,
    /// <summary>A revocation list has a wrong signature, or its issuer may not sign lists.</summary>
    BadCrl = 512,
    /// <summary>A certificate is not for this use (extended key usage, key usage), or a CA certificate is used as a
    /// leaf.</summary>
    WrongUsage = 1024,
    /// <summary>A certificate was issued by one that may not issue any (basicConstraints, keyCertSign).</summary>
    NotACa = 2048,
    /// <summary>There are more CAs below a CA than it allows.</summary>
    PathLength = 4096,
    /// <summary>A CA may not issue certificates for these names.</summary>
    NameConstraints = 8192,
    /// <summary>An RSA key has less than 2048 bits, or more than 8192.</summary>
    WeakKey = 16384,
    /// <summary>A certificate is signed with MD5 or SHA-1.</summary>
    WeakSignature = 32768,
    /// <summary>The algorithm of a key or a signature is not supported.</summary>
    UnsupportedAlgorithm = 65536,
    /// <summary>A certificate's signature is wrong.</summary>
    BadSignature = 131072,
    /// <summary>A certificate cannot be parsed, or a field of it breaks the rules for its contents.</summary>
    Malformed = 262144,
    /// <summary>A certificate has a critical extension that is unknown.</summary>
    CriticalExtension = 524288,
    /// <summary>A certificate breaks a rule of <c>tls_options_set_strict_certificates()</c>.</summary>
    StrictProfile = 1048576,
    /// <summary>The chain needs more work than the default validation does: signatures, paths, length.</summary>
    Limits = 2097152,
    /// <summary>Another reason ended the examination: more may be wrong. Never accept a peer with this bit.</summary>
    Incomplete = 1073741824,
}

/// <summary>Rules of the strict profile (RFC 5280 section 4).</summary>
public enum TlsStrictRule
{
    /// <summary>None: the reason is another one.</summary>
    None = 0,
    /// <summary>The certificate cannot be parsed.</summary>
    Unreadable = 1,
    /// <summary>An issuer is not a CA by its basicConstraints.</summary>
    IssuerNotACa = 2,
    /// <summary>Two different signature algorithms.</summary>
    TwoAlgorithms = 3,
    /// <summary>Extensions in a certificate that is not of version 3.</summary>
    Version = 4,
    /// <summary>A trusted leaf that may be a CA, without basicConstraints.</summary>
    AmbiguousCa = 5,
    /// <summary>A path length in a certificate that is not a CA.</summary>
    PathLengthWithoutCa = 6,
    /// <summary>A path length without keyCertSign.</summary>
    PathLengthWithoutKeyCertSign = 7,
    /// <summary>basicConstraints of a CA that is not critical.</summary>
    ConstraintsNotCritical = 8,
    /// <summary>A CA without a key usage.</summary>
    CaWithoutKeyUsage = 9,
    /// <summary>keyCertSign in a certificate that is not a CA.</summary>
    KeyCertSignWithoutCa = 10,
    /// <summary>No name of the issuer.</summary>
    NoIssuerName = 11,
    /// <summary>No subject where one is needed.</summary>
    NoSubject = 12,
    /// <summary>subjectAltName is empty or malformed.</summary>
    EmptyAlternativeName = 13,
    /// <summary>subjectAltName is not critical, though there is no subject.</summary>
    AlternativeNameNotCritical = 14,
    /// <summary>authorityKeyIdentifier is critical.</summary>
    CriticalAuthorityKey = 15,
    /// <summary>subjectKeyIdentifier is critical.</summary>
    CriticalSubjectKey = 16,
    /// <summary>No authorityKeyIdentifier that names a key.</summary>
    NoAuthorityKey = 17,
    /// <summary>authorityKeyIdentifier has an issuer or a serial number alone.</summary>
    HalfAuthorityKey = 18,
    /// <summary>A CA without a subjectKeyIdentifier.</summary>
    NoSubjectKey = 19,
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
    /// <summary>Buffers. Idle sessions keep none, so today this releases nothing.</summary>
    Buffers = 0,
    /// <summary>Facts about the peer: its certificates (on clients also <see cref="TlsChannelBindingKind.Endpoint"/>), its OCSP
    /// response, a kept ClientHello.</summary>
    Peer = 1,
    /// <summary>On clients, the state that receives session tickets, some 800 bytes; it is released anyway after two tickets.
    /// Later tickets are ignored.</summary>
    Tickets = 2,
}

/// <summary>Who closes a socket, and what the kernel does for it.</summary>
[Flags]
public enum TlsSocketFlags
{
    /// <summary>The host closes the socket, after it has destroyed the session.</summary>
    Borrow = 1,
    /// <summary><see cref="TlsSession.Dispose"/> closes the socket; nothing else does.</summary>
    Own = 2,
    /// <summary>After the handshake the kernel seals what is sent, if it can (kernel TLS, Linux).</summary>
    KernelSend = 4,
    /// <summary>After the handshake the kernel opens what is received, if it can (kernel TLS, Linux).</summary>
    KernelReceive = 8,
}

/// <summary>Why the kernel's TLS is not used, or not for both directions.</summary>
public enum TlsKernelReason
{
    /// <summary>It is used as requested, or was not requested, or the handshake is not COMPLETE.</summary>
    None = 0,
    /// <summary>This operating system has no kernel TLS.</summary>
    Platform = 1,
    /// <summary>This kernel, or this kind of socket, has no kernel TLS.</summary>
    Unavailable = 2,
    /// <summary>The kernel refused the keys: it does not support the version or the cipher suite.</summary>
    Refused = 3,
    /// <summary>The options limit the size of records, which the kernel does not support.</summary>
    Options = 4,
}

/// <summary>The bits of <c>spantls_client_hello_info_t.offers</c>.</summary>
[Flags]
internal enum TlsOffer
{
    /// <summary>TLS 1.3, in supported_versions.</summary>
    Tls13 = 1,
    /// <summary>A pre-shared key: a session ticket to resume with (RFC 8446 section 4.2.11).</summary>
    PreSharedKey = 2,
    /// <summary>Early data (section 4.2.10). It is never accepted: up to 128 KiB are skipped, more ends the handshake with
    /// <c>unexpected_message</c>. The client sends the data again after the handshake.</summary>
    EarlyData = 4,
    /// <summary>To send a certificate after the handshake if asked (section 4.2.6).</summary>
    PostHandshakeAuth = 8,
}

/// <summary>Alerts (RFC 8446 section 6).</summary>
public enum TlsAlert
{
    /// <summary>The sender closes its side (section 6.1). Not an error.</summary>
    CloseNotify = 0,
    /// <summary>A message that is not allowed at this point.</summary>
    UnexpectedMessage = 10,
    /// <summary>A record that cannot be decrypted.</summary>
    BadRecordMac = 20,
    /// <summary>A record that is too long.</summary>
    RecordOverflow = 22,
    /// <summary>No parameters in common; in TLS 1.2 also a missing certificate.</summary>
    HandshakeFailure = 40,
    /// <summary>A certificate that is damaged, or issued for another name.</summary>
    BadCertificate = 42,
    /// <summary>A certificate of an unsupported kind, or not meant for this use.</summary>
    UnsupportedCertificate = 43,
    /// <summary>A certificate that its issuer has revoked.</summary>
    CertificateRevoked = 44,
    /// <summary>A certificate that has expired, or is not valid yet.</summary>
    CertificateExpired = 45,
    /// <summary>Another problem with the certificate.</summary>
    CertificateUnknown = 46,
    /// <summary>A field with an invalid value.</summary>
    IllegalParameter = 47,
    /// <summary>No chain to a trusted certificate authority.</summary>
    UnknownCa = 48,
    /// <summary>A valid certificate whose owner is denied access.</summary>
    AccessDenied = 49,
    /// <summary>A message that cannot be parsed.</summary>
    DecodeError = 50,
    /// <summary>An invalid signature, Finished message or binder.</summary>
    DecryptError = 51,
    /// <summary>No protocol version in common.</summary>
    ProtocolVersion = 70,
    /// <summary>The peer's parameters are too weak.</summary>
    InsufficientSecurity = 71,
    /// <summary>An error of the sender that has nothing to do with the peer.</summary>
    InternalError = 80,
    /// <summary>The client offers a lower version than it could (RFC 7507).</summary>
    InappropriateFallback = 86,
    /// <summary>The handshake was cancelled. Not an error.</summary>
    UserCanceled = 90,
    /// <summary>A renegotiation was declined (RFC 5246 section 7.2.2).</summary>
    NoRenegotiation = 100,
    /// <summary>A required extension is missing.</summary>
    MissingExtension = 109,
    /// <summary>An extension that was not offered, or is not allowed here.</summary>
    UnsupportedExtension = 110,
    /// <summary>The server name (SNI) is unknown (RFC 6066 section 3).</summary>
    UnrecognizedName = 112,
    /// <summary>An invalid stapled OCSP response.</summary>
    BadCertificateStatusResponse = 113,
    /// <summary>No known pre-shared key.</summary>
    UnknownPskIdentity = 115,
    /// <summary>A certificate is required, and the client sent none (TLS 1.3).</summary>
    CertificateRequired = 116,
    /// <summary>No application protocol in common (ALPN, RFC 7301 section 3.2).</summary>
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

/// <summary>The key-exchange groups that the library has, by their IANA numbers: for
/// <see cref="TlsContextSettings.Groups"/>.</summary>
public enum TlsGroup
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

/// <summary>The signature schemes that the library has, by their IANA numbers (RFC 8446 section 4.2.3).</summary>
public enum TlsSignatureScheme
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

/// <summary>The fields of <c>spantls_certificate_text()</c>.</summary>
internal enum TlsCertificateField
{
    /// <summary>The distinguished name of the owner (RFC 4514).</summary>
    Subject = 1,
    /// <summary>The distinguished name of the CA that has issued it (RFC 4514).</summary>
    Issuer = 2,
    /// <summary>A common name (CN) of the subject. Anything can be in it: to compare server names use
    /// <c>spantls_certificate_matches_name()</c>.</summary>
    CommonName = 3,
    /// <summary>The serial number in hexadecimal digits, two for each byte, A to F as capitals.</summary>
    SerialNumber = 4,
    /// <summary>A DNS name of the subject alternative name (SAN); <c>*.example.org</c> is a wildcard.</summary>
    DnsName = 5,
    /// <summary>An IP address of the SAN; IPv6 as in RFC 5952.</summary>
    IpAddress = 6,
    /// <summary>A URI of the SAN, for example a SPIFFE ID.</summary>
    Uri = 7,
    /// <summary>An e-mail address of the SAN.</summary>
    Email = 8,
}
