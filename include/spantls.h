/*
 * spantls: TLS 1.2 and 1.3 as a non-blocking state machine over plain memory. The host moves the bytes, or binds a session to
 * a socket. There are no callbacks: every decision is a status. A client, from its first flight to the peer's close_notify:
 *
 *     tls_options_set_certificate_validation(options, SPANTLS_VALIDATION_AUTOMATIC);
 *     tls_context_create_client(options, &context);
 *     tls_session_create(context, &session);
 *     tls_session_set_target_host_name(session, "example.org");               // SNI, and the name to verify
 *     while ((status = tls_session_handshake(session, in, in_len, out, sizeof out, &consumed, &written)) >= 0) {
 *         // send `written` bytes of out, drop the first `consumed` bytes of in
 *         if (status == TLS_STATUS_COMPLETE) break;
 *         if (status == TLS_STATUS_WANT_READ) in_len += receive(in + in_len);
 *     }
 *     tls_session_encrypt(session, "hello", 5, out, sizeof out, &consumed, &written);     // send `written` bytes
 *     while ((status = tls_session_decrypt(session, in, in_len, text, sizeof text, &consumed, &written)) >= 0) {
 *         // use `written` bytes of text, drop the first `consumed` bytes of in
 *         if (status == TLS_STATUS_CLOSED) return;                             // success: the peer's close_notify
 *         if (status == TLS_STATUS_WANT_READ) in_len += receive(in + in_len);
 *     }
 *
 * A negative status is a failure; tls_session_error(), or spantls_last_error() for calls without a session, says why. Every later
 * call of that kind returns a sticky failure again. Any call may return INVALID_ARGUMENT, BUSY or INTERNAL_ERROR. `_len` counts
 * bytes of data, `_cap` bytes of space, `num_` elements. Each call writes its `out_` pointers (0 or NULL if nothing happened);
 * NULL is allowed only where a function says so. A span of length 0 is empty whatever its pointer. Spans and output pointers of
 * a call do not overlap. Text is UTF-8 with a closing NUL. Set `struct_size` of a struct to its sizeof, zero the rest. Destroying
 * NULL is a no-op. No function keeps a pointer to memory of the host. A call needs at most 96 KiB of stack; it does not block
 * (except on a blocking socket), print, or install signal handlers. If memory runs out it returns OUT_OF_RESOURCES and has
 * changed nothing; SECURITY.md says which small allocations still end the process. docs/guide.md explains the rest.
 */


#ifndef SPANTLS_H
#define SPANTLS_H

/* Generated from src/ffi by `make header`. Do not edit. */

#include <stddef.h>
#include <stdint.h>

/**
 * Marks functions whose result must not be ignored: gcc and clang warn.
 */
#if defined(__GNUC__) || defined(__clang__)
#define SPANTLS_MUST_USE __attribute__((warn_unused_result))
#else
#define SPANTLS_MUST_USE
#endif

/**
 * The version of this header, which is that of the library it came with: compare `spantls_version()`.
 */
#define SPANTLS_VERSION "1.0.0-rc.1"

/**
 * Its first number.
 */
#define SPANTLS_VERSION_MAJOR 1

/**
 * Its second number.
 */
#define SPANTLS_VERSION_MINOR 0

/**
 * Its third number.
 */
#define SPANTLS_VERSION_PATCH 0

/**
 * The same as one number, a byte each for major, minor and patch: `#if SPANTLS_VERSION_NUMBER >= 0x010000`. A release candidate
 * has the number of its release.
 */
#define SPANTLS_VERSION_NUMBER 0x010000



/**
 * The size of `spantls_error_t.message`, including its closing NUL.
 */
#define SPANTLS_ERROR_MESSAGE_SIZE 256

/**
 * The number of this interface. Functions are only added while it stays the same.
 */
#define SPANTLS_ABI_VERSION 1

/**
 * For `tls_options_set_validation_time()`: certificates must be valid at the time of the judgement.
 */
#define SPANTLS_VALIDATION_TIME_NOW -1

/**
 * The output space in bytes with which `tls_session_encrypt()` always makes progress: enough for a key update and a record.
 */
#define SPANTLS_MIN_CIPHERTEXT 64

/**
 * The size in bytes of the largest record: header, 2^14 bytes of plaintext and the largest expansion of TLS 1.2 (RFC 5246 section
 * 6.2.3). A receive buffer of this size holds any record.
 */
#define SPANTLS_MAX_RECORD ((5 + 16384) + 2048)

/**
 * Groups of key shares that `spantls_client_hello_info_t` has room for.
 */
#define SPANTLS_MAX_KEY_SHARES 16

/**
 * The values of `tls_status_t`.
 */
typedef enum {
    /**
     * The call has done its work; see the counts.
     */
    TLS_STATUS_COMPLETE = 0,
    /**
     * More data from the peer is needed: receive it, then call again.
     */
    TLS_STATUS_WANT_READ = 1,
    /**
     * The output span was too small: send what was written, then call again with space.
     */
    TLS_STATUS_WANT_WRITE = 2,
    /**
     * A clean end: the peer's `close_notify` was received, or our shutdown is all written.
     */
    TLS_STATUS_CLOSED = 3,
    /**
     * The server asked for a client certificate: answer with `tls_session_set_client_credentials()`.
     */
    TLS_STATUS_WANT_CREDENTIALS = 4,
    /**
     * The peer's certificate waits for a verdict: answer with `tls_session_accept_with_default_validation()`,
     * `tls_session_set_certificate_validation_result()` or `tls_session_reject_certificate()`.
     */
    TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION = 5,
    /**
     * The ClientHello is complete, and the server context must be chosen (SNI): answer with `tls_session_set_server_context()`, then pass
     * the same input again.
     */
    TLS_STATUS_NEEDS_SERVER_OPTIONS = 6,
    /**
     * An external private key must sign: get the message with `tls_session_signature_request()`, answer with
     * `tls_session_set_signature()`.
     */
    TLS_STATUS_NEEDS_SIGNATURE = 16,
    /**
     * An argument is wrong: a NULL pointer, a bad length, text that is not UTF-8, a wrong handle, a context of the wrong role.
     */
    TLS_STATUS_INVALID_ARGUMENT = -1,
    /**
     * The call is not allowed now; the error record's message says why.
     */
    TLS_STATUS_INVALID_STATE = -2,
    /**
     * We refused the peer: by a verdict, by `tls_session_reject()`, or because no credentials fit; or the host could not sign.
     */
    TLS_STATUS_AUTHENTICATION_FAILED = -3,
    /**
     * The peer broke the protocol, does not speak TLS, or has no parameters in common with us.
     */
    TLS_STATUS_PROTOCOL_ERROR = -4,
    /**
     * The transport ended without `close_notify` (RFC 8446 section 6.1): data may be missing.
     */
    TLS_STATUS_TRUNCATED = -5,
    /**
     * A system call on the session's socket failed; its `errno` is in the error record.
     */
    TLS_STATUS_IO_ERROR = -6,
    /**
     * A certificate, key, trust anchor or option is wrong.
     */
    TLS_STATUS_INVALID_CONFIGURATION = -7,
    /**
     * The peer, the protocol version or the platform does not support this.
     */
    TLS_STATUS_NOT_SUPPORTED = -8,
    /**
     * Another thread is using the same half of this session. Nothing was done.
     */
    TLS_STATUS_BUSY = -9,
    /**
     * Too many handshakes are suspended at once, or there is not enough memory. Nothing was changed and the record at hand was not
     * consumed (see the counts): try again once another handshake has been answered or destroyed, or give this connection up.
     */
    TLS_STATUS_OUT_OF_RESOURCES = -10,
    /**
     * There is too little space for a value: nothing was written. `*out_len` is its length; text needs one byte more for its closing NUL.
     */
    TLS_STATUS_BUFFER_TOO_SMALL = -11,
    /**
     * The peer refused us: it ended the session with a fatal alert, or with `close_notify` during the handshake. `alert_received` in the
     * error record says which, for example `SPANTLS_ALERT_UNKNOWN_CA`.
     */
    TLS_STATUS_PEER_ALERT = -12,
    /**
     * An error in the library (a contained panic). Destroy the session: it accepts no other call.
     */
    TLS_STATUS_INTERNAL_ERROR = -128,
} tls_status_values;

/**
 * The values for `tls_options_set_protocols()`, and of `tls_session_negotiated_protocol()`: .NET's `SslProtocols`.
 */
typedef enum {
    /**
     * TLS 1.2 (RFC 5246).
     */
    SPANTLS_PROTOCOL_TLS12 = 3072,
    /**
     * TLS 1.3 (RFC 8446).
     */
    SPANTLS_PROTOCOL_TLS13 = 12288,
} spantls_protocol_values;

/**
 * The values for `tls_options_set_client_certificate_mode()`.
 */
typedef enum {
    /**
     * The client is not asked (default).
     */
    SPANTLS_CLIENT_CERTIFICATE_NONE = 0,
    /**
     * The client is asked, and may decline: the verdict then decides with `SPANTLS_POLICY_ERROR_NOT_AVAILABLE`.
     */
    SPANTLS_CLIENT_CERTIFICATE_REQUEST = 1,
    /**
     * The client is asked, and a client without a certificate is refused with `certificate_required`
     * (`handshake_failure` in TLS 1.2).
     */
    SPANTLS_CLIENT_CERTIFICATE_REQUIRE = 2,
} spantls_client_certificate_values;

/**
 * The values for `tls_options_set_certificate_validation()`.
 */
typedef enum {
    /**
     * The handshake suspends with `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` and the host judges (default).
     */
    SPANTLS_VALIDATION_EXTERNAL = 0,
    /**
     * The default validation judges, without a suspension.
     */
    SPANTLS_VALIDATION_AUTOMATIC = 1,
} spantls_validation_values;

/**
 * The values for `tls_options_set_certificate_requests()`.
 */
typedef enum {
    /**
     * The client declines under `SPANTLS_VALIDATION_AUTOMATIC`, and suspends under `SPANTLS_VALIDATION_EXTERNAL` (default).
     */
    SPANTLS_CERTIFICATE_REQUESTS_DEFAULT = 0,
    /**
     * The handshake suspends with `TLS_STATUS_WANT_CREDENTIALS`.
     */
    SPANTLS_CERTIFICATE_REQUESTS_SUSPEND = 1,
    /**
     * The client sends no certificate, without a suspension.
     */
    SPANTLS_CERTIFICATE_REQUESTS_DECLINE = 2,
} spantls_certificate_requests_values;

/**
 * The values for `tls_options_set_trust_anchor_mode()`.
 */
typedef enum {
    /**
     * An anchor is a name and a key (RFC 5280 section 6.1.1 (d)); the rest of its certificate is ignored, except for name
     * constraints (default).
     */
    SPANTLS_TRUST_ANCHORS_AUTHORITIES = 0,
    /**
     * Anchors are judged as certificates, and a chain must end at a self-signed one.
     */
    SPANTLS_TRUST_ANCHORS_CERTIFICATES = 1,
    /**
     * Anchors are judged as certificates, and a chain may end at any of them.
     */
    SPANTLS_TRUST_ANCHORS_PARTIAL_CHAIN = 2,
} spantls_trust_anchor_values;

/**
 * The bits of `tls_session_state()`.
 */
typedef enum {
    /**
     * The handshake is finished, the peer was accepted, and all output of the handshake was written.
     */
    SPANTLS_STATE_HANDSHAKE_COMPLETE = 1,
    /**
     * There is output for the peer: see `tls_session_drain_pending_output()`, on a socket `tls_session_socket_write()`.
     */
    SPANTLS_STATE_HAS_PENDING_OUTPUT = 2,
    /**
     * Plaintext is held: `tls_session_decrypt()` delivers it without input. On a socket: `tls_session_socket_read()` can return data or
     * the end without the socket.
     */
    SPANTLS_STATE_HAS_PENDING_PLAINTEXT = 4,
    /**
     * The handshake waits for the host's answer to a question.
     */
    SPANTLS_STATE_SUSPENDED = 8,
    /**
     * The session was resumed with a session ticket: see `tls_options_set_allow_resume()`.
     */
    SPANTLS_STATE_RESUMED = 16,
    /**
     * The server sent a HelloRetryRequest (RFC 8446 section 4.1.4).
     */
    SPANTLS_STATE_HELLO_RETRIED = 32,
    /**
     * The peer sent `close_notify`.
     */
    SPANTLS_STATE_PEER_CLOSED = 64,
    /**
     * Our `close_notify` was made.
     */
    SPANTLS_STATE_SHUTDOWN_SENT = 128,
    /**
     * The session has failed: see `tls_session_error()`. Not set if only one half of an open session has ended because of the
     * transport (TRUNCATED, IO_ERROR): the other half continues.
     */
    SPANTLS_STATE_FAILED = 256,
    /**
     * The client was asked for a certificate: by this server, or, on a client, by its server, whether it has one or not.
     */
    SPANTLS_STATE_CERTIFICATE_ASKED = 512,
    /**
     * `tls_session_request_client_certificate()` was called, and the client's answer has not arrived or has no verdict yet.
     */
    SPANTLS_STATE_CERTIFICATE_REQUESTED = 1024,
    /**
     * The client answered that request, and the verdict was given.
     */
    SPANTLS_STATE_CERTIFICATE_ANSWERED = 2048,
} spantls_state_values;

/**
 * The bits of a verdict: .NET's `SslPolicyErrors`.
 */
typedef enum {
    /**
     * The peer showed no certificate.
     */
    SPANTLS_POLICY_ERROR_NOT_AVAILABLE = 1,
    /**
     * The certificate is not for the name that was asked for.
     */
    SPANTLS_POLICY_ERROR_NAME_MISMATCH = 2,
    /**
     * The chain is not trusted, not valid now, revoked, or not for this use.
     */
    SPANTLS_POLICY_ERROR_CHAIN_ERRORS = 4,
} spantls_policy_error_values;

/**
 * The bits of `spantls_validation_t.reasons`; `reason` is one of them.
 *
 * Without `SPANTLS_REASON_INCOMPLETE` the bits are all that is wrong: every other rule was checked and is kept. If `reasons` is
 * `SPANTLS_REASON_EXPIRED` and nothing else, the signatures lead to a trust anchor, and usage and name are right.
 */
typedef enum {
    /**
     * The peer sent no certificate.
     */
    SPANTLS_REASON_NO_CERTIFICATE = 1,
    /**
     * The certificate is not for the target host name, or no such name was set.
     */
    SPANTLS_REASON_NAME_MISMATCH = 2,
    /**
     * A certificate has expired.
     */
    SPANTLS_REASON_EXPIRED = 4,
    /**
     * A certificate is not valid yet.
     */
    SPANTLS_REASON_NOT_YET_VALID = 8,
    /**
     * The issuer of the chain's last certificate was not sent and is not a trust anchor.
     */
    SPANTLS_REASON_UNKNOWN_ISSUER = 16,
    /**
     * The chain ends with a self-signed certificate that is not a trust anchor.
     */
    SPANTLS_REASON_SELF_SIGNED = 32,
    /**
     * A certificate is revoked. The revocation of the others is then not checked.
     */
    SPANTLS_REASON_REVOKED = 64,
    /**
     * There are revocation lists, but none for a certificate of the chain.
     */
    SPANTLS_REASON_REVOCATION_UNKNOWN = 128,
    /**
     * A revocation list has expired.
     */
    SPANTLS_REASON_CRL_EXPIRED = 256,
    /**
     * A revocation list has a wrong signature, or its issuer may not sign lists.
     */
    SPANTLS_REASON_BAD_CRL = 512,
    /**
     * A certificate is not for this use (extended key usage, key usage), or a CA certificate is used as a leaf.
     */
    SPANTLS_REASON_WRONG_USAGE = 1024,
    /**
     * A certificate was issued by one that may not issue any (basicConstraints, keyCertSign).
     */
    SPANTLS_REASON_NOT_A_CA = 2048,
    /**
     * There are more CAs below a CA than it allows.
     */
    SPANTLS_REASON_PATH_LENGTH = 4096,
    /**
     * A CA may not issue certificates for these names.
     */
    SPANTLS_REASON_NAME_CONSTRAINTS = 8192,
    /**
     * An RSA key has less than 2048 bits, or more than 8192.
     */
    SPANTLS_REASON_WEAK_KEY = 16384,
    /**
     * A certificate is signed with MD5 or SHA-1.
     */
    SPANTLS_REASON_WEAK_SIGNATURE = 32768,
    /**
     * The algorithm of a key or a signature is not supported.
     */
    SPANTLS_REASON_UNSUPPORTED_ALGORITHM = 65536,
    /**
     * A certificate's signature is wrong.
     */
    SPANTLS_REASON_BAD_SIGNATURE = 131072,
    /**
     * A certificate cannot be parsed, or a field of it breaks the rules for its contents.
     */
    SPANTLS_REASON_MALFORMED = 262144,
    /**
     * A certificate has a critical extension that is unknown.
     */
    SPANTLS_REASON_CRITICAL_EXTENSION = 524288,
    /**
     * A certificate breaks a rule of `tls_options_set_strict_certificates()`.
     */
    SPANTLS_REASON_STRICT_PROFILE = 1048576,
    /**
     * The chain needs more work than the default validation does: signatures, paths, length.
     */
    SPANTLS_REASON_LIMITS = 2097152,
    /**
     * Another reason ended the examination: more may be wrong. Never accept a peer with this bit.
     */
    SPANTLS_REASON_INCOMPLETE = 1073741824,
} spantls_reason_values;

/**
 * Rules of the strict profile: `strict_rule` in `spantls_validation_t` and `spantls_error_t`.
 */
typedef enum {
    /**
     * None: the reason is another one.
     */
    SPANTLS_STRICT_RULE_NONE = 0,
    /**
     * The certificate cannot be parsed.
     */
    SPANTLS_STRICT_RULE_UNREADABLE = 1,
    /**
     * An issuer is not a CA by its basicConstraints.
     */
    SPANTLS_STRICT_RULE_ISSUER_NOT_A_CA = 2,
    /**
     * Two different signature algorithms.
     */
    SPANTLS_STRICT_RULE_TWO_ALGORITHMS = 3,
    /**
     * Extensions in a certificate that is not of version 3.
     */
    SPANTLS_STRICT_RULE_VERSION = 4,
    /**
     * A trusted leaf that may be a CA, without basicConstraints.
     */
    SPANTLS_STRICT_RULE_AMBIGUOUS_CA = 5,
    /**
     * A path length in a certificate that is not a CA.
     */
    SPANTLS_STRICT_RULE_PATH_LENGTH_WITHOUT_CA = 6,
    /**
     * A path length without keyCertSign.
     */
    SPANTLS_STRICT_RULE_PATH_LENGTH_WITHOUT_KEY_CERT_SIGN = 7,
    /**
     * basicConstraints of a CA that is not critical.
     */
    SPANTLS_STRICT_RULE_CONSTRAINTS_NOT_CRITICAL = 8,
    /**
     * A CA without a key usage.
     */
    SPANTLS_STRICT_RULE_CA_WITHOUT_KEY_USAGE = 9,
    /**
     * keyCertSign in a certificate that is not a CA.
     */
    SPANTLS_STRICT_RULE_KEY_CERT_SIGN_WITHOUT_CA = 10,
    /**
     * No name of the issuer.
     */
    SPANTLS_STRICT_RULE_NO_ISSUER_NAME = 11,
    /**
     * No subject where one is needed.
     */
    SPANTLS_STRICT_RULE_NO_SUBJECT = 12,
    /**
     * subjectAltName is empty or malformed.
     */
    SPANTLS_STRICT_RULE_EMPTY_ALTERNATIVE_NAME = 13,
    /**
     * subjectAltName is not critical, though there is no subject.
     */
    SPANTLS_STRICT_RULE_ALTERNATIVE_NAME_NOT_CRITICAL = 14,
    /**
     * authorityKeyIdentifier is critical.
     */
    SPANTLS_STRICT_RULE_CRITICAL_AUTHORITY_KEY = 15,
    /**
     * subjectKeyIdentifier is critical.
     */
    SPANTLS_STRICT_RULE_CRITICAL_SUBJECT_KEY = 16,
    /**
     * No authorityKeyIdentifier that names a key.
     */
    SPANTLS_STRICT_RULE_NO_AUTHORITY_KEY = 17,
    /**
     * authorityKeyIdentifier has an issuer or a serial number alone.
     */
    SPANTLS_STRICT_RULE_HALF_AUTHORITY_KEY = 18,
    /**
     * A CA without a subjectKeyIdentifier.
     */
    SPANTLS_STRICT_RULE_NO_SUBJECT_KEY = 19,
} spantls_strict_rule_values;

/**
 * The kinds of `tls_session_channel_binding()`: the numbers of .NET's `ChannelBindingKind`, and EXPORTER.
 */
typedef enum {
    /**
     * `tls-unique` (RFC 5929 section 3): the first Finished message. TLS 1.2 only.
     */
    SPANTLS_CHANNEL_BINDING_UNIQUE = 25,
    /**
     * `tls-server-end-point` (RFC 5929 section 4): a hash of the server's certificate.
     */
    SPANTLS_CHANNEL_BINDING_ENDPOINT = 26,
    /**
     * `tls-exporter` (RFC 9266): keying material, with an empty context.
     */
    SPANTLS_CHANNEL_BINDING_EXPORTER = 27,
} spantls_channel_binding_values;

/**
 * What `tls_session_shrink()` releases; each value includes those before it.
 */
typedef enum {
    /**
     * Buffers. Idle sessions keep none, so today this releases nothing.
     */
    SPANTLS_SHRINK_BUFFERS = 0,
    /**
     * Facts about the peer: its certificates (on clients also `SPANTLS_CHANNEL_BINDING_ENDPOINT`), its OCSP response, a kept ClientHello.
     */
    SPANTLS_SHRINK_PEER = 1,
    /**
     * On clients, the state that receives session tickets, some 800 bytes; it is released anyway after two tickets. Later tickets are
     * ignored.
     */
    SPANTLS_SHRINK_TICKETS = 2,
} spantls_shrink_values;

/**
 * Flags of `tls_session_create_with_socket()`: either BORROW or OWN, and optionally the KERNEL flags.
 */
typedef enum {
    /**
     * The host closes the socket, after it has destroyed the session.
     */
    SPANTLS_SOCKET_BORROW = 1,
    /**
     * `tls_session_destroy()` closes the socket; nothing else does.
     */
    SPANTLS_SOCKET_OWN = 2,
    /**
     * After the handshake the kernel seals what is sent, if it can (kernel TLS, Linux).
     */
    SPANTLS_SOCKET_KERNEL_SEND = 4,
    /**
     * After the handshake the kernel opens what is received, if it can (kernel TLS, Linux).
     */
    SPANTLS_SOCKET_KERNEL_RECEIVE = 8,
} spantls_socket_values;

/**
 * The values of `spantls_kernel_reason_t`.
 */
typedef enum {
    /**
     * It is used as requested, or was not requested, or the handshake is not COMPLETE.
     */
    SPANTLS_KERNEL_REASON_NONE = 0,
    /**
     * This operating system has no kernel TLS.
     */
    SPANTLS_KERNEL_REASON_PLATFORM = 1,
    /**
     * This kernel, or this kind of socket, has no kernel TLS.
     */
    SPANTLS_KERNEL_REASON_UNAVAILABLE = 2,
    /**
     * The kernel refused the keys: it does not support the version or the cipher suite.
     */
    SPANTLS_KERNEL_REASON_REFUSED = 3,
    /**
     * The options limit the size of records, which the kernel does not support.
     */
    SPANTLS_KERNEL_REASON_OPTIONS = 4,
} spantls_kernel_reason_values;

/**
 * The bits of `spantls_client_hello_info_t.offers`.
 */
typedef enum {
    /**
     * TLS 1.3, in supported_versions.
     */
    SPANTLS_OFFERS_TLS13 = 1,
    /**
     * A pre-shared key: a session ticket to resume with (RFC 8446 section 4.2.11).
     */
    SPANTLS_OFFERS_PRE_SHARED_KEY = 2,
    /**
     * Early data (section 4.2.10). It is never accepted: up to 128 KiB are skipped, more ends the handshake with `unexpected_message`. The
     * client sends the data again after the handshake.
     */
    SPANTLS_OFFERS_EARLY_DATA = 4,
    /**
     * To send a certificate after the handshake if asked (section 4.2.6).
     */
    SPANTLS_OFFERS_POST_HANDSHAKE_AUTH = 8,
} spantls_offer_values;

/**
 * Alert descriptions, for `tls_session_reject()` and `spantls_error_t` (RFC 8446 section 6).
 */
typedef enum {
    /**
     * The sender closes its side (section 6.1). Not an error.
     */
    SPANTLS_ALERT_CLOSE_NOTIFY = 0,
    /**
     * A message that is not allowed at this point.
     */
    SPANTLS_ALERT_UNEXPECTED_MESSAGE = 10,
    /**
     * A record that cannot be decrypted.
     */
    SPANTLS_ALERT_BAD_RECORD_MAC = 20,
    /**
     * A record that is too long.
     */
    SPANTLS_ALERT_RECORD_OVERFLOW = 22,
    /**
     * No parameters in common; in TLS 1.2 also a missing certificate.
     */
    SPANTLS_ALERT_HANDSHAKE_FAILURE = 40,
    /**
     * A certificate that is damaged, or issued for another name.
     */
    SPANTLS_ALERT_BAD_CERTIFICATE = 42,
    /**
     * A certificate of an unsupported kind, or not meant for this use.
     */
    SPANTLS_ALERT_UNSUPPORTED_CERTIFICATE = 43,
    /**
     * A certificate that its issuer has revoked.
     */
    SPANTLS_ALERT_CERTIFICATE_REVOKED = 44,
    /**
     * A certificate that has expired, or is not valid yet.
     */
    SPANTLS_ALERT_CERTIFICATE_EXPIRED = 45,
    /**
     * Another problem with the certificate.
     */
    SPANTLS_ALERT_CERTIFICATE_UNKNOWN = 46,
    /**
     * A field with an invalid value.
     */
    SPANTLS_ALERT_ILLEGAL_PARAMETER = 47,
    /**
     * No chain to a trusted certificate authority.
     */
    SPANTLS_ALERT_UNKNOWN_CA = 48,
    /**
     * A valid certificate whose owner is denied access.
     */
    SPANTLS_ALERT_ACCESS_DENIED = 49,
    /**
     * A message that cannot be parsed.
     */
    SPANTLS_ALERT_DECODE_ERROR = 50,
    /**
     * An invalid signature, Finished message or binder.
     */
    SPANTLS_ALERT_DECRYPT_ERROR = 51,
    /**
     * No protocol version in common.
     */
    SPANTLS_ALERT_PROTOCOL_VERSION = 70,
    /**
     * The peer's parameters are too weak.
     */
    SPANTLS_ALERT_INSUFFICIENT_SECURITY = 71,
    /**
     * An error of the sender that has nothing to do with the peer.
     */
    SPANTLS_ALERT_INTERNAL_ERROR = 80,
    /**
     * The client offers a lower version than it could (RFC 7507).
     */
    SPANTLS_ALERT_INAPPROPRIATE_FALLBACK = 86,
    /**
     * The handshake was cancelled. Not an error.
     */
    SPANTLS_ALERT_USER_CANCELED = 90,
    /**
     * A renegotiation was declined (RFC 5246 section 7.2.2).
     */
    SPANTLS_ALERT_NO_RENEGOTIATION = 100,
    /**
     * A required extension is missing.
     */
    SPANTLS_ALERT_MISSING_EXTENSION = 109,
    /**
     * An extension that was not offered, or is not allowed here.
     */
    SPANTLS_ALERT_UNSUPPORTED_EXTENSION = 110,
    /**
     * The server name (SNI) is unknown (RFC 6066 section 3).
     */
    SPANTLS_ALERT_UNRECOGNIZED_NAME = 112,
    /**
     * An invalid stapled OCSP response.
     */
    SPANTLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 113,
    /**
     * No known pre-shared key.
     */
    SPANTLS_ALERT_UNKNOWN_PSK_IDENTITY = 115,
    /**
     * A certificate is required, and the client sent none (TLS 1.3).
     */
    SPANTLS_ALERT_CERTIFICATE_REQUIRED = 116,
    /**
     * No application protocol in common (ALPN, RFC 7301 section 3.2).
     */
    SPANTLS_ALERT_NO_APPLICATION_PROTOCOL = 120,
} spantls_alert_values;

/**
 * The values for `tls_options_set_alpn_mismatch()`.
 */
typedef enum {
    /**
     * The handshake ends with the alert `no_application_protocol` (RFC 7301 section 3.2; default).
     */
    SPANTLS_ALPN_MISMATCH_FAIL = 0,
    /**
     * The handshake continues without an application protocol.
     */
    SPANTLS_ALPN_MISMATCH_CONTINUE = 1,
} spantls_alpn_mismatch_values;

/**
 * The cipher suites that the library has, for `tls_options_set_cipher_suites()`: their IANA names and numbers.
 */
typedef enum {
    /**
     * TLS 1.3.
     */
    SPANTLS_SUITE_AES_128_GCM_SHA256 = 4865,
    /**
     * TLS 1.3.
     */
    SPANTLS_SUITE_AES_256_GCM_SHA384 = 4866,
    /**
     * TLS 1.3.
     */
    SPANTLS_SUITE_CHACHA20_POLY1305_SHA256 = 4867,
    /**
     * TLS 1.2, with an ECDSA or Ed25519 certificate, as the next two.
     */
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 49195,
    /**
     * TLS 1.2.
     */
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 49196,
    /**
     * TLS 1.2.
     */
    SPANTLS_SUITE_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 52393,
    /**
     * TLS 1.2, with an RSA certificate, as the next two.
     */
    SPANTLS_SUITE_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 49199,
    /**
     * TLS 1.2.
     */
    SPANTLS_SUITE_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 49200,
    /**
     * TLS 1.2.
     */
    SPANTLS_SUITE_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 52392,
} spantls_suite_values;

/**
 * The key-exchange groups that the library has, for `tls_options_set_groups()`: their IANA names and numbers.
 */
typedef enum {
    /**
     * NIST P-256.
     */
    SPANTLS_GROUP_SECP256R1 = 23,
    /**
     * NIST P-384.
     */
    SPANTLS_GROUP_SECP384R1 = 24,
    /**
     * Curve25519 (RFC 7748).
     */
    SPANTLS_GROUP_X25519 = 29,
    /**
     * X25519 and ML-KEM-768 together (hybrid, post-quantum). TLS 1.3 only.
     */
    SPANTLS_GROUP_X25519MLKEM768 = 4588,
} spantls_group_values;

/**
 * The signature schemes that the library has, for `tls_credentials_create_external()`: their IANA names and numbers
 * (RFC 8446 section 4.2.3).
 */
typedef enum {
    /**
     * RSA, PKCS #1 v1.5; in TLS 1.3 only within certificates, as the next two.
     */
    SPANTLS_SCHEME_RSA_PKCS1_SHA256 = 1025,
    /**
     * RSA, PKCS #1 v1.5.
     */
    SPANTLS_SCHEME_RSA_PKCS1_SHA384 = 1281,
    /**
     * RSA, PKCS #1 v1.5.
     */
    SPANTLS_SCHEME_RSA_PKCS1_SHA512 = 1537,
    /**
     * ECDSA; in TLS 1.3 with a P-256 key.
     */
    SPANTLS_SCHEME_ECDSA_SECP256R1_SHA256 = 1027,
    /**
     * ECDSA; in TLS 1.3 with a P-384 key.
     */
    SPANTLS_SCHEME_ECDSA_SECP384R1_SHA384 = 1283,
    /**
     * RSA, PSS.
     */
    SPANTLS_SCHEME_RSA_PSS_RSAE_SHA256 = 2052,
    /**
     * RSA, PSS.
     */
    SPANTLS_SCHEME_RSA_PSS_RSAE_SHA384 = 2053,
    /**
     * RSA, PSS.
     */
    SPANTLS_SCHEME_RSA_PSS_RSAE_SHA512 = 2054,
    /**
     * Ed25519.
     */
    SPANTLS_SCHEME_ED25519 = 2055,
} spantls_scheme_values;

/**
 * The fields of `spantls_certificate_text()`.
 */
typedef enum {
    /**
     * The distinguished name of the owner (RFC 4514).
     */
    SPANTLS_CERTIFICATE_SUBJECT = 1,
    /**
     * The distinguished name of the CA that has issued it (RFC 4514).
     */
    SPANTLS_CERTIFICATE_ISSUER = 2,
    /**
     * A common name (CN) of the subject. Anything can be in it: to compare server names use
     * `spantls_certificate_matches_name()`.
     */
    SPANTLS_CERTIFICATE_COMMON_NAME = 3,
    /**
     * The serial number in hexadecimal digits, two for each byte, A to F as capitals.
     */
    SPANTLS_CERTIFICATE_SERIAL_NUMBER = 4,
    /**
     * A DNS name of the subject alternative name (SAN); `*.example.org` is a wildcard.
     */
    SPANTLS_CERTIFICATE_DNS_NAME = 5,
    /**
     * An IP address of the SAN; IPv6 as in RFC 5952.
     */
    SPANTLS_CERTIFICATE_IP_ADDRESS = 6,
    /**
     * A URI of the SAN, for example a SPIFFE ID.
     */
    SPANTLS_CERTIFICATE_URI = 7,
    /**
     * An e-mail address of the SAN.
     */
    SPANTLS_CERTIFICATE_EMAIL = 8,
} spantls_certificate_field_values;

/**
 * What sessions share: credentials, trust anchors, session tickets.
 *
 * Any number of threads may use a context at once. It never changes, except for its ticket roots: see
 * `tls_context_set_ticket_roots()`. You may destroy it while sessions live.
 */
typedef struct tls_context_t tls_context_t;

/**
 * A certificate chain and its private key.
 *
 * Immutable: any number of options and threads can share it, and you may destroy it as soon as you have passed it on.
 */
typedef struct tls_credentials_t tls_credentials_t;

/**
 * The settings that contexts are made from.
 *
 * A context copies its options when it is created; later changes do not affect it.
 */
typedef struct tls_options_t tls_options_t;

/**
 * One TLS connection.
 *
 * 1. Handshake: pass what you have received to `tls_session_handshake()` (at first nothing), send what it wrote, drop what it
 *    consumed, and act on the status, until it is COMPLETE.
 * 2. Data: `tls_session_encrypt()` and `tls_session_decrypt()`. After each decrypt, if `tls_session_has_pending_output()` is 1, send an
 *    answer to the peer: `tls_session_drain_pending_output()`, or the next encrypt, writes it.
 * 3. End: send what `tls_session_shutdown()` writes, and decrypt until it returns CLOSED. If the transport ends before that, call
 *    `tls_session_end_of_input()`: it returns CLOSED after a clean end, TRUNCATED otherwise.
 *
 * After a negative status send what was written and what `tls_session_drain_pending_output()` writes: it is the alert. On TCP, then
 * shut down the sending side and read to the end before you close, or a reset may overtake the alert.
 *
 * Threads: before COMPLETE one thread at a time, any thread. Afterwards one thread may use the read half (decrypt,
 * decrypt_in_place, end_of_input, shrink) while another uses the write half (encrypt, encrypt_vectored, drain_pending_output,
 * update_keys, shutdown). A second thread in the same half gets `TLS_STATUS_BUSY`. Getters may be called from any thread at any time.
 * Destroy a session only when all other calls have returned. After fork() only one of the two processes may use a session.
 */
typedef struct tls_session_t tls_session_t;

/**
 * The result of a call: zero or more when it succeeded or asks for something, negative when it failed.
 */
typedef int32_t tls_status_t;

/**
 * Why a call failed. Set `struct_size` to `sizeof(spantls_error_t)` first; later versions may add fields at the end.
 */
typedef struct {
    /**
     * In: `sizeof(spantls_error_t)`.
     */
    size_t struct_size;
    /**
     * The status of the failed call; `TLS_STATUS_COMPLETE` if nothing has failed.
     */
    tls_status_t status;
    /**
     * The alert that was sent, or is pending, to the peer; -1 for none, also if the session's socket did not take it. A
     * `close_notify` that answers the peer's is not reported.
     */
    int32_t alert_sent;
    /**
     * The alert with which the peer ended the session; -1 for none. `SPANTLS_ALERT_CLOSE_NOTIFY` (0) if it closed during the handshake.
     */
    int32_t alert_received;
    /**
     * The `SPANTLS_POLICY_ERROR_…` bits of the verdict that refused the peer. If the verdict was an alert: CHAIN_ERRORS, or NOT_AVAILABLE if
     * there was no certificate.
     */
    uint32_t policy_errors;
    /**
     * The `errno` of a failed system call on a socket or a file; 0 for none.
     */
    int32_t os_error;
    /**
     * The `SPANTLS_REASON_…` for which the default validation refused the peer; 0 for none. It is the one that decides the alert:
     * `tls_session_default_validation()` reports all of them before the verdict.
     */
    uint32_t reason;
    /**
     * The certificate with that reason: 0 is the leaf, 1 its issuer; -1 if there is none, or it is not known.
     */
    int32_t depth;
    /**
     * `SPANTLS_STRICT_RULE_…` if the reason is `SPANTLS_REASON_STRICT_PROFILE`, else 0.
     */
    int32_t strict_rule;
    /**
     * One sentence, UTF-8 with a closing NUL; shortened at a character boundary if it is too long.
     */
    char message[SPANTLS_ERROR_MESSAGE_SIZE];
} spantls_error_t;

/**
 * A span of bytes. If the length is 0 the span is empty, whatever the pointer.
 */
typedef struct {
    /**
     * The first byte.
     */
    const void *data;
    /**
     * The number of bytes.
     */
    size_t len;
} spantls_span_t;

/**
 * A root of session ticket keys, for `tls_options_set_ticket_roots()` and `tls_context_set_ticket_roots()`. Times are Unix times.
 */
typedef struct {
    /**
     * The secret: random bytes, the same on all machines.
     */
    const void *secret;
    /**
     * The number of bytes: 32 to 1,024.
     */
    size_t secret_len;
    /**
     * It seals tickets from this time on, until the `seal_from` of a later root. 0: at once.
     */
    int64_t seal_from;
    /**
     * It opens tickets until this time, then it is erased. `INT64_MAX`: as long as the context lives.
     */
    int64_t open_until;
} spantls_ticket_root_t;

/**
 * A socket of the operating system; on Unix a file descriptor.
 */
typedef ptrdiff_t spantls_socket_t;

/**
 * Why the default validation would refuse the peer. Set `struct_size` to `sizeof(spantls_validation_t)` before passing it.
 */
typedef struct {
    /**
     * In: `sizeof(spantls_validation_t)`.
     */
    size_t struct_size;
    /**
     * `SPANTLS_POLICY_ERROR_…` bits; 0: the peer would be accepted.
     */
    uint32_t policy_errors;
    /**
     * Every `SPANTLS_REASON_…` that was found.
     */
    uint32_t reasons;
    /**
     * The one that decides the alert; 0 for none.
     */
    uint32_t reason;
    /**
     * The certificate with that reason: 0 is the leaf, 1 its issuer; -1 if there is none, or it is not known.
     */
    int32_t depth;
    /**
     * The alert with which the peer would be refused (`SPANTLS_ALERT_…`); -1 if it would not.
     */
    int32_t alert;
    /**
     * `SPANTLS_STRICT_RULE_…` if the reason is `SPANTLS_REASON_STRICT_PROFILE`, else 0.
     */
    int32_t strict_rule;
    /**
     * One sentence, UTF-8, closed by NUL; empty if nothing is wrong.
     */
    char message[SPANTLS_ERROR_MESSAGE_SIZE];
} spantls_validation_t;

/**
 * Why kernel TLS is not used, or not for both directions: a `SPANTLS_KERNEL_REASON_…` value.
 */
typedef uint32_t spantls_kernel_reason_t;

/**
 * What a session has counted. Set `struct_size` to its `sizeof`; later versions may add fields at the end.
 *
 * Bytes are counted when a call consumes or writes them.
 */
typedef struct {
    /**
     * In: `sizeof(spantls_session_stats_t)`.
     */
    size_t struct_size;
    /**
     * Bytes for the peer that calls have written, including the handshake.
     */
    uint64_t ciphertext_sent;
    /**
     * Bytes from the peer that calls have consumed, including the handshake.
     */
    uint64_t ciphertext_received;
    /**
     * Bytes that encrypt or write has taken.
     */
    uint64_t plaintext_sent;
    /**
     * Bytes that decrypt or read has delivered.
     */
    uint64_t plaintext_received;
    /**
     * Records sealed since the handshake: data, alerts, key updates.
     */
    uint64_t records_sent;
    /**
     * Records opened since the handshake.
     */
    uint64_t records_received;
    /**
     * Updates of our keys (KeyUpdate, RFC 8446 section 4.6.3).
     */
    uint64_t key_updates_sent;
    /**
     * Updates of the peer's keys.
     */
    uint64_t key_updates_received;
    /**
     * Session tickets that a client has stored since the handshake.
     */
    uint64_t tickets_received;
    /**
     * Nanoseconds spent in handshake calls.
     */
    uint64_t handshake_nanoseconds;
    /**
     * Nanoseconds from `TLS_STATUS_NEEDS_SERVER_OPTIONS` to its answer, or to now.
     */
    uint64_t server_options_nanoseconds;
    /**
     * The same for `TLS_STATUS_WANT_CREDENTIALS`.
     */
    uint64_t credentials_nanoseconds;
    /**
     * The same for `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`.
     */
    uint64_t validation_nanoseconds;
    /**
     * The same for `TLS_STATUS_NEEDS_SIGNATURE`.
     */
    uint64_t signature_nanoseconds;
    /**
     * System calls that a session bound to a socket has made to receive.
     */
    uint64_t receive_calls;
    /**
     * System calls that a session bound to a socket has made to send.
     */
    uint64_t send_calls;
    /**
     * 1: the kernel seals what is sent (`SPANTLS_SOCKET_KERNEL_SEND`).
     */
    uint32_t kernel_send;
    /**
     * 1: the kernel opens what is received (`SPANTLS_SOCKET_KERNEL_RECEIVE`).
     */
    uint32_t kernel_receive;
    /**
     * Why the kernel does not do all that was requested, from the end of the handshake on.
     */
    spantls_kernel_reason_t kernel_reason;
    /**
     * The `errno` of that reason; 0 for none.
     */
    int32_t kernel_os_error;
} spantls_session_stats_t;

/**
 * The facts of a certificate that have a fixed size. Set `struct_size` to its `sizeof`; later versions may add fields at the end.
 * `spantls_certificate_text()` has the names.
 */
typedef struct {
    /**
     * In: `sizeof(spantls_certificate_info_t)`.
     */
    size_t struct_size;
    /**
     * The first second in which it is valid, as Unix time; negative before 1970.
     */
    int64_t not_before;
    /**
     * The last second in which it is valid, as Unix time. Year 9999 means that it has no end (RFC 5280 section 4.1.2.5).
     */
    int64_t not_after;
    /**
     * SHA-256 of the certificate: its fingerprint (thumbprint).
     */
    uint8_t sha256[32];
    /**
     * SHA-256 of its SubjectPublicKeyInfo, for public key pinning (RFC 7469 section 2.4).
     */
    uint8_t public_key_sha256[32];
    /**
     * 1 if it is a CA's (basicConstraints), else 0.
     */
    int32_t is_ca;
    /**
     * Common names of the subject.
     */
    uint32_t num_common_names;
    /**
     * Subject alternative names: DNS names.
     */
    uint32_t num_dns_names;
    /**
     * Subject alternative names: IP addresses.
     */
    uint32_t num_ip_addresses;
    /**
     * Subject alternative names: URIs.
     */
    uint32_t num_uris;
    /**
     * Subject alternative names: e-mail addresses.
     */
    uint32_t num_emails;
    /**
     * Subject alternative names of other kinds, which have no text here.
     */
    uint32_t num_other_names;
    /**
     * Zero.
     */
    uint32_t reserved;
} spantls_certificate_info_t;

/**
 * A part of the ClientHello: `len` bytes from `offset` of the message that `tls_session_client_hello()` copies. Both are 0 if it is
 * absent.
 */
typedef struct {
    /**
     * Counted from the first byte of the message, its type.
     */
    uint32_t offset;
    /**
     * The number of bytes.
     */
    uint32_t len;
} spantls_part_t;

/**
 * The contents of a ClientHello (RFC 8446 section 4.1.2). Set `struct_size` to its `sizeof`; later versions may add fields at the end.
 *
 * Lists of numbers are in the message as big-endian 16-bit integers, `len / 2` of them, including GREASE values (RFC 8701).
 */
typedef struct {
    /**
     * In: `sizeof(spantls_client_hello_info_t)`.
     */
    size_t struct_size;
    /**
     * `SPANTLS_OFFERS_…` bits.
     */
    uint32_t offers;
    /**
     * 0x0303 in TLS 1.2 and 1.3.
     */
    uint16_t legacy_version;
    /**
     * The number of `key_share_groups`.
     */
    uint16_t num_key_share_groups;
    /**
     * The groups for which the client has sent key shares, in host byte order; at most the first 16.
     */
    uint16_t key_share_groups[SPANTLS_MAX_KEY_SHARES];
    /**
     * 32 bytes.
     */
    spantls_part_t random;
    /**
     * 0 to 32 bytes.
     */
    spantls_part_t session_id;
    /**
     * A list of numbers.
     */
    spantls_part_t cipher_suites;
    /**
     * The whole list of extensions: type, length and content of each.
     */
    spantls_part_t extensions;
    /**
     * The host name of the server_name extension (SNI, RFC 6066 section 3), without length fields.
     */
    spantls_part_t server_name;
    /**
     * A list of numbers.
     */
    spantls_part_t supported_versions;
    /**
     * A list of numbers.
     */
    spantls_part_t supported_groups;
    /**
     * A list of numbers.
     */
    spantls_part_t signature_algorithms;
    /**
     * A list of numbers; if absent, `signature_algorithms` applies to certificates too.
     */
    spantls_part_t signature_algorithms_cert;
    /**
     * Application protocols (ALPN, RFC 7301): before each name one byte with its length.
     */
    spantls_part_t alpn;
} spantls_client_hello_info_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The IANA name of a cipher suite, for example "TLS_AES_128_GCM_SHA256"; "unknown" for any other number, also for 0. It has
 * names for suites that the library does not have, too: those in a ClientHello. Valid for the life of the process.
 */
const char *spantls_cipher_suite_name(uint16_t cipher_suite);

/**
 * The IANA name of a key-exchange group, for example "x25519". Otherwise as `spantls_cipher_suite_name()`.
 */
const char *spantls_group_name(uint16_t group);

/**
 * The IANA name of a signature scheme, for example "ed25519". Otherwise as `spantls_cipher_suite_name()`.
 */
const char *spantls_signature_scheme_name(uint16_t scheme);

/**
 * Returns the version of the library as text, for example "1.0.0"; the header's is `SPANTLS_VERSION`. Valid for the life of the process.
 */
const char *spantls_version(void);

/**
 * Returns the `SPANTLS_ABI_VERSION` that the library was built with. If you load it at run time, compare it with the header's.
 */
uint32_t spantls_abi_version(void);

/**
 * Returns the name of a status, for example "TLS_STATUS_WANT_READ"; "unknown" for any other number. Valid for the life of the process.
 */
const char *tls_status_name(tls_status_t status);

/**
 * Returns the name of an alert as in the RFCs, for example "unknown_ca"; "unknown" for any other number. Valid for the life of the
 * process.
 */
const char *spantls_alert_name(uint8_t alert);

/**
 * Fills a struct with the last failure on this thread of a call without a session. Set `out_error->struct_size` first.
 *
 * Such calls are those on credentials, options and contexts, and those with a NULL session. A call that succeeds does not clear it.
 *
 * - `TLS_STATUS_COMPLETE`: filled; its `status` is 0 if nothing has failed on this thread.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_error` is NULL or its `struct_size` is too small.
 */
tls_status_t spantls_last_error(spantls_error_t *out_error);

/**
 * Returns how many handshakes are suspended or in progress in this process, and how many may be.
 *
 * Beyond the limit `tls_session_handshake()` returns `TLS_STATUS_OUT_OF_RESOURCES`. Each holds 12 to 27 KiB until it is answered or
 * destroyed. Sessions that wait for their context, or for a verdict on a client without a certificate, do not count: they hold a few
 * KiB (and the ClientHello, up to 64 KiB).
 *
 * - `TLS_STATUS_COMPLETE`. Either pointer may be NULL.
 */
tls_status_t spantls_suspended_handshakes(size_t *out_in_use,
                                          size_t *out_limit);

/**
 * Makes credentials from PEM text: the certificate chain (leaf first, then the issuers) and the private key. The buffers are copied.
 *
 * Keys are ECDSA on P-256 or P-384, Ed25519, or RSA of 2048, 3072 or 4096 bits (with aws-lc-rs, of any length from 2048 to 4096), as
 * PKCS #8, PKCS #1 or SEC1. An encrypted key (`ENCRYPTED PRIVATE KEY`: PBES2 with PBKDF2 or scrypt, and AES or triple DES) needs its
 * `passphrase`, which may be NULL and is ignored for other keys. docs/guide.md ("PEM text") says how the text is read. Messages give the
 * line number and the fault, but none of the text.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_credentials` is set; release it with `tls_credentials_destroy()`.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: no certificate or key was found, one cannot be parsed or is not supported, or they do not match;
 *   an encrypted key has no passphrase, a wrong one, or needs more than 10,000,000 rounds of PBKDF2 or 64 MiB for scrypt. For keys in the
 *   old encrypted PEM form the message has the command that converts them. `spantls_last_error()` says which.
 * - `TLS_STATUS_NOT_SUPPORTED`: an encrypted key, and the library was built without the feature `encrypted-keys`.
 * - `TLS_STATUS_OUT_OF_RESOURCES`: no memory for scrypt.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL, except `passphrase`.
 */
SPANTLS_MUST_USE
tls_status_t tls_credentials_create_pem(const char *chain,
                                        size_t chain_len,
                                        const char *key,
                                        size_t key_len,
                                        const char *passphrase,
                                        tls_credentials_t **out_credentials);

/**
 * As `tls_credentials_create_pem()`, from two files. The paths may name the same file. PEM text passed as a path is
 * refused, and the message does not repeat it.
 *
 * - `TLS_STATUS_INVALID_CONFIGURATION`: also when a file cannot be read.
 */
SPANTLS_MUST_USE
tls_status_t tls_credentials_create_file(const char *chain_path,
                                         const char *key_path,
                                         const char *passphrase,
                                         tls_credentials_t **out_credentials);

/**
 * As `tls_credentials_create_pem()`, from DER: `num_certificates` certificates, leaf first, and the private key, in any of the
 * forms that PEM has. The buffers are copied.
 *
 * - The statuses are those of `tls_credentials_create_pem()`; `TLS_STATUS_INVALID_CONFIGURATION` also for PEM text.
 */
SPANTLS_MUST_USE
tls_status_t tls_credentials_create_der(const spantls_span_t *certificates,
                                        size_t num_certificates,
                                        const void *key,
                                        size_t key_len,
                                        const char *passphrase,
                                        tls_credentials_t **out_credentials);

/**
 * Makes credentials from a chain as PEM text, and a private key that stays with the host: wherever the key is needed the
 * handshake suspends with `TLS_STATUS_NEEDS_SIGNATURE`. `schemes` are the signature schemes that the host will sign with
 * (`SPANTLS_SCHEME_…`), in order of preference: for RSA those with PSS and, for TLS 1.2, those with PKCS1; for ECDSA the one of
 * the key's curve; `SPANTLS_SCHEME_ED25519`.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_credentials` is set; release it with `tls_credentials_destroy()`.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: no certificate found, not parsable, a key whose signatures cannot be checked here, no
 *   scheme, a scheme that is unknown or not of this key; `spantls_last_error()` says which.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL.
 */
SPANTLS_MUST_USE
tls_status_t tls_credentials_create_external(const char *chain,
                                             size_t chain_len,
                                             const uint16_t *schemes,
                                             size_t num_schemes,
                                             tls_credentials_t **out_credentials);

/**
 * Sets the OCSP response (DER, RFC 6960) that servers with these credentials staple to their certificate (RFC 6066 section
 * 8); length 0 removes it. From any thread, at any time: handshakes that begin later staple it, in every context that has
 * these credentials. The response is not validated.
 *
 * - `TLS_STATUS_COMPLETE`: set, the buffer is copied.
 * - `TLS_STATUS_INVALID_ARGUMENT`: more than 12,288 bytes.
 */
SPANTLS_MUST_USE
tls_status_t tls_credentials_set_ocsp_response(tls_credentials_t *credentials,
                                               const void *der,
                                               size_t der_len);

/**
 * Releases credentials. Options and contexts that use them are not affected. NULL is a no-op.
 */
void tls_credentials_destroy(tls_credentials_t *credentials);

/**
 * Makes options with defaults: TLS 1.2 and 1.3, all cipher suites and groups, no ALPN, no client certificates, verdicts by the host.
 *
 * Threads: any number may use the same options at once; a call waits while another one changes them.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_options` is set; release it with `tls_options_destroy()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_create(tls_options_t **out_options);

/**
 * Releases options. Contexts made from them are not affected. NULL is a no-op.
 */
void tls_options_destroy(tls_options_t *options);

/**
 * Sets the only credentials: a server's certificate chain, or the one that a client sends to servers that ask (mutual TLS).
 *
 * They replace all credentials that were set or added before, also those for names; NULL only removes these.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for a wrong handle.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_credentials(tls_options_t *options,
                                         const tls_credentials_t *credentials);

/**
 * Adds credentials to those already present, for example an RSA chain beside an ECDSA chain.
 *
 * A server sends the first chain that the client accepts, in the order in which they were added: the client lists a signature scheme of
 * the key, and for TLS 1.2 a cipher suite for such keys (a chain on a curve that the client lists is preferred). If none fits, the
 * handshake fails with `handshake_failure`. A client sends the first chain that fits the server's signature schemes and acceptable
 * issuers, otherwise the first that fits the schemes, otherwise none.
 *
 * - `TLS_STATUS_COMPLETE`: added.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: already added, or more than 4,096 credentials.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a wrong handle.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_credentials(tls_options_t *options,
                                         const tls_credentials_t *credentials);

/**
 * Adds a server's credentials for clients that ask for `name` (SNI): a host name, or a wildcard such as `*.example.org`.
 *
 * The wildcard stands for exactly one label: `*.example.org` covers `www.example.org`, not `example.org`. International names are A-labels
 * (`xn--...`); case does not matter. The certificate's own names are not compared with it. A client gets the credentials of its exact
 * name, otherwise those of the wildcard, otherwise those without a name; if there are none, the handshake fails with
 * `unrecognized_name`, or with `handshake_failure` if the client sent no name. If several were added for one name, one is chosen as
 * `tls_options_add_credentials()` says.
 *
 * - `TLS_STATUS_COMPLETE`: added.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: already added for this name, or more than 4,096 credentials. `tls_context_create_client()`
 *   returns it too: these credentials are for servers.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a wrong handle, or `name` is NULL or not such a name.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_credentials_for_name(tls_options_t *options,
                                                  const char *name,
                                                  const tls_credentials_t *credentials);

/**
 * Sets what a client without credentials does when the server asks for a certificate: a `SPANTLS_CERTIFICATE_REQUESTS_…` value.
 *
 * For a single session, `tls_session_set_client_credentials()` before the handshake decides.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_certificate_requests(tls_options_t *options,
                                                  int32_t mode);

/**
 * Adds trust anchors (CA certificates) in PEM text for the default validation.
 *
 * A server also names them to clients as acceptable issuers (RFC 8446 section 4.2.4), unless their names are longer than 48 KiB in
 * total. A client without trust anchors uses the system's store; a server without trust anchors trusts no client. By default an anchor
 * is a name and a key, even if its certificate has expired or is not a CA: see `tls_options_set_trust_anchor_mode()`. Other blocks of
 * the text are skipped; docs/guide.md ("PEM text") says how it is read.
 *
 * - `TLS_STATUS_COMPLETE`: all certificates of the text were added.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: the text has no certificate, a certificate cannot be parsed, or the text is damaged. Nothing was
 *   added.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_trust_anchors_pem(tls_options_t *options,
                                               const char *pem,
                                               size_t pem_len);

/**
 * As `tls_options_add_trust_anchors_pem()`, from a file.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_trust_anchors_file(tls_options_t *options,
                                                const char *path);

/**
 * As `tls_options_add_trust_anchors_pem()`, for one certificate in DER.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_trust_anchors_der(tls_options_t *options,
                                               const void *der,
                                               size_t der_len);

/**
 * Adds the trust anchors of the system's store (CA certificates, root store) to those of the options. The store is read now.
 *
 * Without this call a client trusts the system's store only if it has no anchors of its own, and reads it when it first
 * needs it. On a server, every client with a certificate of a public CA is then trusted: rarely what is wanted.
 *
 * - `TLS_STATUS_COMPLETE`: added. Files that cannot be read, and certificates that cannot be parsed, were left out.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: the store is empty or cannot be read; the message has the places. Nothing was added.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_system_trust_anchors(tls_options_t *options);

/**
 * Sets how the default validation judges trust anchors, including those of the system's store: a `SPANTLS_TRUST_ANCHORS_…` value.
 *
 * By default an anchor is a name and a key. If your users supply "trusted certificates", choose CERTIFICATES or PARTIAL_CHAIN: anchors
 * are then judged as OpenSSL and .NET judge a trust store. docs/guide.md ("Trust anchors") compares the modes.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_trust_anchor_mode(tls_options_t *options,
                                               int32_t mode);

/**
 * Sets whether certificates must follow the profile of RFC 5280 section 4: 1, or 0 (default).
 *
 * The rules are those of OpenSSL's X509_V_FLAG_X509_STRICT; docs/guide.md ("Trust anchors") lists them. They apply to an anchor only if
 * it is judged as a certificate.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_strict_certificates(tls_options_t *options,
                                                 int32_t strict);

/**
 * Sets the time at which certificates and revocation lists must be valid, in seconds since 1970-01-01 00:00:00 UTC.
 *
 * `SPANTLS_VALIDATION_TIME_NOW` (default) is the time of the judgement. The lifetime of session tickets is not affected.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other negative number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_validation_time(tls_options_t *options,
                                             int64_t unix_seconds);

/**
 * Adds certificate revocation lists (CRLs, RFC 5280 section 5) in PEM text.
 *
 * Once there is a list, the default validation refuses every certificate of a chain, except the trust anchor, that is revoked, that no
 * list covers, or whose list has expired.
 *
 * - `TLS_STATUS_COMPLETE`: all lists of the text were added; other blocks were skipped.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: the text has no list, a list cannot be parsed, or the text is damaged. Nothing was added.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_crls_pem(tls_options_t *options,
                                      const char *pem,
                                      size_t pem_len);

/**
 * As `tls_options_add_crls_pem()`, from a file.
 */
SPANTLS_MUST_USE tls_status_t tls_options_add_crls_file(tls_options_t *options, const char *path);

/**
 * As `tls_options_add_crls_pem()`, for one revocation list in DER.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_crls_der(tls_options_t *options,
                                      const void *der,
                                      size_t der_len);

/**
 * Sets the protocol versions: `SPANTLS_PROTOCOL_…` values or-ed together; 0 means all.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other bit.
 */
SPANTLS_MUST_USE tls_status_t tls_options_set_protocols(tls_options_t *options, uint32_t protocols);

/**
 * Sets the cipher suites (`SPANTLS_SUITE_…`) in order of preference; `num_ids` 0 means all.
 *
 * A server takes the first of its list that the client offers; without this call, the first of the client's list that it supports.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_CONFIGURATION` for a suite that is unknown or listed twice.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_cipher_suites(tls_options_t *options,
                                           const uint16_t *ids,
                                           size_t num_ids);

/**
 * Sets the key-exchange groups (`SPANTLS_GROUP_…`) in order of preference; `num_ids` 0 means all.
 *
 * The default order is X25519MLKEM768 (post-quantum, TLS 1.3 only), X25519, secp256r1, secp384r1. A client sends a key share of its
 * first group, and one of X25519 too if the first is X25519MLKEM768 and X25519 is listed. A server with several listed groups takes the
 * first that the client supports; otherwise the first of the client's that it supports. If the client sent no key share of that group,
 * the server asks for one (`SPANTLS_STATE_HELLO_RETRIED`), which costs a round trip.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_CONFIGURATION` for a group that is unknown or listed twice. Groups that no protocol
 *   version can use are refused when the context is created.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_groups(tls_options_t *options,
                                    const uint16_t *ids,
                                    size_t num_ids);

/**
 * Adds an application protocol (ALPN, RFC 7301), for example "h2", after those already there. A server takes the first
 * of its own that the client offers, and refuses clients that offer only others: see `tls_options_set_alpn_mismatch()`. A client
 * session can have its own: `tls_session_add_alpn()`.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if the name is not 1 to 255 bytes long or already there.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_alpn(tls_options_t *options,
                                  const void *name,
                                  size_t name_len);

/**
 * Sets what a server does with a client that offers only other application protocols (ALPN): a `SPANTLS_ALPN_MISMATCH_…` value.
 * Clients ignore it.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_alpn_mismatch(tls_options_t *options,
                                           int32_t mode);

/**
 * Sets whether a server asks its clients for certificates (mutual TLS): a `SPANTLS_CLIENT_CERTIFICATE_…` value. Clients ignore it.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_client_certificate_mode(tls_options_t *options,
                                                     int32_t mode);

/**
 * Sets who verifies the peer's certificate, the host or the library: a `SPANTLS_VALIDATION_…` value.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_certificate_validation(tls_options_t *options,
                                                    int32_t mode);

/**
 * Sets whether sessions can resume earlier ones with session tickets (RFC 8446 section 2.2, RFC 5077): 0 or 1 (default).
 *
 * A resumed handshake is shorter and has no certificates. Servers seal session tickets with keys of the context, or see
 * `tls_options_set_ticket_roots()`. Clients store tickets in their context, separately for each target name and each client identity; a
 * session without a name stores none. If a server's certificate is refused, the tickets for that name and identity are erased.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_allow_resume(tls_options_t *options,
                                          int32_t allow);

/**
 * Sets whether the peer's certificate is judged again when a session is resumed: 0 or 1 (default).
 *
 * With 1 the handshake suspends with `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` (or judges inside, with `SPANTLS_VALIDATION_AUTOMATIC`), with
 * the chain of the original session. With 0 the first verdict holds for all sessions that resume it. Either way a session can be
 * resumed for seven days after its full handshake.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_validate_on_resume(tls_options_t *options,
                                                int32_t validate);

/**
 * Sets the roots of a server's session ticket keys: processes and machines with the same roots resume each other's sessions.
 *
 * docs/guide.md ("Session tickets on many machines") has the steps of a rotation.
 *
 * - Tickets are sealed with the root whose `seal_from` came last, and opened with every root until its `open_until`. A root opens tickets
 *   as soon as it is set, so clocks need not agree exactly.
 * - A ticket is opened only by a server whose certificate has the same names (subject and subject alternative names) and whose
 *   client-certificate mode, trust anchors, revocation lists, validation, protocols and application protocols (ALPN) are the same. A
 *   certificate that is renewed for the same names resumes. Hosts that judge differently (`SPANTLS_VALIDATION_EXTERNAL`) need different
 *   roots.
 * - An attacker who has a root can decrypt every TLS 1.2 session that got a ticket from it, and can pose as the server to clients that
 *   resume: keep it as secret as a private key, and replace it.
 * - `num_roots` 0: each context makes its own roots, and erases each after two ticket lifetimes (default).
 *
 * Statuses:
 *
 * - `TLS_STATUS_COMPLETE`: set; it replaces all earlier roots. The secrets are copied, and wiped when they are no longer used; the options
 *   keep their copies until they are destroyed.
 * - `TLS_STATUS_INVALID_ARGUMENT`: more than 16 roots, a secret shorter than 32 or longer than 1,024 bytes, one listed twice, a negative
 *   `seal_from`, an `open_until` that is not after it, or two roots with the same `seal_from`. Nothing was changed.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_ticket_roots(tls_options_t *options,
                                          const spantls_ticket_root_t *roots,
                                          size_t num_roots);

/**
 * Sets the lifetime of a server's session tickets in seconds: 1 to 604,800 (seven days, RFC 8446 section 4.6.1); 0 means 7,200 (default).
 *
 * In any case a session can be resumed for at most seven days, and not after the certificate that its server sent has expired.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for more than seven days.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_ticket_lifetime(tls_options_t *options,
                                             uint32_t seconds);

/**
 * Sets how many session tickets a server sends after each TLS 1.3 handshake: 0 to 16; the default is 2.
 *
 * A client uses each ticket once. With 0 clients get none, but tickets that they have are still accepted. TLS 1.2 has at most one ticket,
 * whatever the count. `tls_options_set_allow_resume()` 0 ends resumption in both versions.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for more than 16.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_ticket_count(tls_options_t *options,
                                          uint32_t count);

/**
 * Sets the most plaintext in bytes that a record of ours holds: 64 to 16,384; 0 means 16,384 (default, RFC 8446 section 5.1).
 *
 * Records of the peer are not limited by it.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_max_fragment_size(tls_options_t *options,
                                               size_t size);

/**
 * Appends the secrets of every session to a file, in the format of `SSLKEYLOGFILE` that Wireshark reads: for debugging only.
 *
 * Anyone who reads the file can decrypt the traffic. No environment variable enables it. An empty path means none (default). A new file
 * is readable by its owner only. Lines that cannot be written are left out.
 *
 * - `TLS_STATUS_COMPLETE`: the file is open, and stays open while options or contexts made from them exist.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: it cannot be opened for writing.
 * - `TLS_STATUS_INVALID_ARGUMENT`: the path is NULL or not UTF-8.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_key_log_file(tls_options_t *options,
                                          const char *path);

/**
 * Sets whether server sessions keep the ClientHello after the handshake, for `tls_session_client_hello()` and related getters: 0
 * (default) or 1.
 *
 * It costs the size of the ClientHello, some hundred bytes to two thousand.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_keep_client_hello(tls_options_t *options,
                                               int32_t keep);

/**
 * Makes a server context from options with credentials.
 *
 * With NULL options its sessions suspend with `TLS_STATUS_NEEDS_SERVER_OPTIONS` when the ClientHello is complete, and continue with the
 * context of `tls_session_set_server_context()`.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_context` is set; release it with `tls_context_destroy()`.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: no credentials, or options that contradict each other.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `options` is neither NULL nor options, or `out_context` is NULL.
 */
SPANTLS_MUST_USE
tls_status_t tls_context_create_server(const tls_options_t *options,
                                       tls_context_t **out_context);

/**
 * Makes a client context from options.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_context` is set; release it with `tls_context_destroy()`.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: options that contradict each other.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `options` is not options, or a pointer is NULL.
 */
SPANTLS_MUST_USE
tls_status_t tls_context_create_client(const tls_options_t *options,
                                       tls_context_t **out_context);

/**
 * Releases a context. Its sessions continue. NULL is a no-op.
 */
void tls_context_destroy(tls_context_t *context);

/**
 * Replaces the session ticket roots of a server context that is in use; otherwise as `tls_options_set_ticket_roots()`.
 *
 * It may be called from any thread at any time. Each ticket is sealed or opened with the old roots or with the new ones; calls that begin
 * after this one has returned use the new ones. With `num_roots` 0 the context makes its own from now on.
 *
 * - `TLS_STATUS_COMPLETE`: set. The secrets are copied, and those that are no longer used are wiped.
 * - `TLS_STATUS_INVALID_STATE`: the options allowed no resumption (`tls_options_set_allow_resume()`).
 * - `TLS_STATUS_INVALID_ARGUMENT`: invalid roots, a client context, or one that was created without options.
 */
SPANTLS_MUST_USE
tls_status_t tls_context_set_ticket_roots(tls_context_t *context,
                                          const spantls_ticket_root_t *roots,
                                          size_t num_roots);

/**
 * Erases the expired secrets of a context: ticket roots that no longer open tickets, and a client's expired session tickets.
 *
 * Creating a session and each step of a handshake do this too. The library has no thread and no timer: if a context may be idle for
 * longer than the lifetime of its tickets, call this regularly. It may be called from any thread at any time.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for what is not a context.
 */
tls_status_t tls_context_forget_expired(const tls_context_t *context);

/**
 * 1 for a server context, 0 for a client context (and for what is not a context).
 */
int32_t tls_context_is_server(const tls_context_t *context);

/**
 * As `tls_session_set_user_data()`, for a context.
 */
tls_status_t tls_context_set_user_data(tls_context_t *context, void *user_data);

/**
 * Returns the pointer that `tls_context_set_user_data()` has stored; NULL before that.
 */
void *tls_context_user_data(const tls_context_t *context);

/**
 * Makes a session on a context, which decides its role: client or server.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_session` is set; release it with `tls_session_destroy()`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL or `context` is not a context.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_create(tls_context_t *context,
                                tls_session_t **out_session);

/**
 * Releases a session in any state and wipes its keys. NULL is a no-op.
 *
 * It sends nothing: to close properly, call `tls_session_shutdown()` first.
 */
void tls_session_destroy(tls_session_t *session);

/**
 * Sets the name of the server that a client connects to: a DNS name or an IP address.
 *
 * A DNS name is sent to the server (SNI, RFC 6066 section 3). The default validation checks the certificate against the name; without
 * one it reports `SPANTLS_POLICY_ERROR_NAME_MISMATCH`. A trailing dot of a DNS name is neither sent nor compared.
 *
 * - `TLS_STATUS_COMPLETE`: set; it replaces an earlier name.
 * - `TLS_STATUS_INVALID_ARGUMENT`: neither a DNS name nor an IP address, or not UTF-8.
 * - `TLS_STATUS_INVALID_STATE`: a server session, or the handshake has begun.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_target_host_name(tls_session_t *session,
                                              const char *name);

/**
 * Adds an application protocol (ALPN, RFC 7301) to those that this client session offers. With the first one they replace
 * those of the context.
 *
 * - `TLS_STATUS_COMPLETE`: added.
 * - `TLS_STATUS_INVALID_ARGUMENT`: the name is not 1 to 255 bytes long, or already there.
 * - `TLS_STATUS_INVALID_STATE`: the handshake has begun, or the session is a server's.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_add_alpn(tls_session_t *session,
                                  const void *name,
                                  size_t name_len);

/**
 * Stores a pointer of the host with the session, for example to its connection; the library does not use it.
 *
 * It may be called from any thread at any time; a thread that gets the pointer also sees everything written before it was set.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for a wrong handle.
 */
tls_status_t tls_session_set_user_data(tls_session_t *session,
                                       void *user_data);

/**
 * Returns the pointer that `tls_session_set_user_data()` has stored; NULL before that.
 */
void *tls_session_user_data(const tls_session_t *session);

/**
 * Continues the handshake: writes pending output, then consumes whole records of `input` and writes the answers to `output`.
 *
 * Spans of any size work. Bytes that follow the handshake are not consumed: they belong to `tls_session_decrypt()`.
 *
 * - `TLS_STATUS_COMPLETE`: the handshake is finished, the peer was accepted, and all output was written. Repeats, with counts of 0.
 * - `TLS_STATUS_WANT_READ`: the input ends within a record. Call again with the rest of it and more after it.
 * - `TLS_STATUS_WANT_WRITE`: output is left. Call again with space; input is allowed.
 * - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_accept_with_default_validation()`. To accept a certificate does not
 *   authenticate the peer: it still has to prove that it holds the key. COMPLETE means that it has.
 * - `TLS_STATUS_WANT_CREDENTIALS` (client): see `tls_session_set_client_credentials()`.
 * - `TLS_STATUS_NEEDS_SERVER_OPTIONS` (server): see `tls_session_set_server_context()`.
 * - `TLS_STATUS_NEEDS_SIGNATURE`: see `tls_session_signature_request()`.
 *
 *   These four are questions. Send what was written, then answer, now or later. They repeat, with counts of 0, until answered. Set
 *   yourself a time limit: see `spantls_suspended_handshakes()`.
 * - `TLS_STATUS_CLOSED`: the handshake was cancelled with `tls_session_shutdown()`.
 * - `TLS_STATUS_AUTHENTICATION_FAILED`, `TLS_STATUS_PROTOCOL_ERROR`, `TLS_STATUS_PEER_ALERT`, `TLS_STATUS_TRUNCATED`: the handshake has
 *   failed. The output, and what `tls_session_drain_pending_output()` writes, holds the alert for the peer. Sticky.
 * - `TLS_STATUS_OUT_OF_RESOURCES`: too many handshakes are suspended, or memory is exhausted. The next record was not consumed. Not
 *   sticky.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_handshake(tls_session_t *session,
                                   const void *input,
                                   size_t input_len,
                                   void *output,
                                   size_t output_cap,
                                   size_t *out_consumed,
                                   size_t *out_written);

/**
 * Encrypts plaintext: writes pending output, then as many whole records as fit.
 *
 * It keeps no plaintext: pass what was not consumed again.
 *
 * - `TLS_STATUS_COMPLETE`: all plaintext was consumed. For an empty plaintext only pending output is written.
 * - `TLS_STATUS_WANT_WRITE`: more space is needed; `SPANTLS_MIN_CIPHERTEXT` bytes always make progress.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or our side is shut down; in TLS 1.2 also after the peer's
 *   `close_notify` (RFC 5246 section 7.2.1).
 * - `TLS_STATUS_NOT_SUPPORTED`: the keys have sealed as many records as they may (RFC 8446 section 5.5), and TLS 1.2 cannot change
 *   them. Repeats; reading and shutdown still work.
 * - The sticky error of a failed session; `tls_session_drain_pending_output()` writes its alert.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_encrypt(tls_session_t *session,
                                 const void *plaintext,
                                 size_t plaintext_len,
                                 void *ciphertext,
                                 size_t ciphertext_cap,
                                 size_t *out_consumed,
                                 size_t *out_written);

/**
 * Returns the output space in bytes with which `tls_session_encrypt()` consumes `plaintext_len` bytes and returns COMPLETE.
 *
 * It includes pending output, an owed reply and new keys, as the session is now: call it on the thread that encrypts. It exceeds the
 * bytes that will be written by at most 37. `SIZE_MAX` means that no memory has so much space. 0 means that encrypt would take nothing:
 * before COMPLETE, after shutdown or a failure, on a session bound to a socket, while another thread is in the write half.
 */
size_t tls_session_ciphertext_size(const tls_session_t *session,
                                   size_t plaintext_len);

/**
 * As `tls_session_encrypt()`, with plaintext from several spans.
 *
 * `*out_consumed` counts the bytes of all spans together. A record may hold data of several spans.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_encrypt_vectored(tls_session_t *session,
                                          const spantls_span_t *spans,
                                          size_t num_spans,
                                          void *ciphertext,
                                          size_t ciphertext_cap,
                                          size_t *out_consumed,
                                          size_t *out_written);

/**
 * Decrypts records: as many whole ones as input and space allow.
 *
 * Held plaintext, from a record that was larger than the space of an earlier call, comes first. Pending output is not touched. CLOSED
 * and negative statuses never come with plaintext: a call that has made progress stops before an alert or a bad record and returns
 * COMPLETE; the next call reports it.
 *
 * - `TLS_STATUS_COMPLETE`: progress was made. `*out_written` 0 means a message of TLS itself (a session ticket, a key update), not the
 *   end.
 * - `TLS_STATUS_WANT_READ`: the input has no whole record.
 * - `TLS_STATUS_WANT_WRITE`: the next record is larger than the space. What fits was written, the rest is held
 *   (`SPANTLS_STATE_HAS_PENDING_PLAINTEXT`). If there was no space, nothing was consumed.
 * - `TLS_STATUS_CLOSED`: the peer has sent `close_notify`; everything before it was delivered. Repeats.
 * - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_request_client_certificate()`. After a refusal there:
 *   `TLS_STATUS_AUTHENTICATION_FAILED`, sticky.
 * - `TLS_STATUS_TRUNCATED`: after `tls_session_end_of_input()` without a `close_notify`. The write half continues.
 * - `TLS_STATUS_PROTOCOL_ERROR`: a bad record or message. Sticky.
 * - `TLS_STATUS_PEER_ALERT`: the peer sent a fatal alert. Sticky.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
 * - The sticky error of a failed handshake.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_decrypt(tls_session_t *session,
                                 const void *ciphertext,
                                 size_t ciphertext_len,
                                 void *plaintext,
                                 size_t plaintext_cap,
                                 size_t *out_consumed,
                                 size_t *out_written);

/**
 * Decrypts the first record of `data` where it is, without a copy; the plaintext is at `data + *out_plaintext_offset`.
 *
 * The consumed bytes are overwritten; a record that fails to open is destroyed. The statuses are those of `tls_session_decrypt()`
 * without WANT_WRITE, and:
 *
 * - `TLS_STATUS_INVALID_STATE`: also while plaintext is held: get it with `tls_session_decrypt()` first.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_decrypt_in_place(tls_session_t *session,
                                          void *data,
                                          size_t data_len,
                                          size_t *out_consumed,
                                          size_t *out_plaintext_offset,
                                          size_t *out_plaintext_len);

/**
 * Asks the client of an open TLS 1.3 session for a certificate (post-handshake authentication, RFC 8446 section 4.6.2).
 *
 * The answer arrives among the client's data. When it is complete and proved, `tls_session_decrypt()` returns
 * `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` until you give the verdict, as in the handshake; encrypting continues meanwhile. A client
 * that declines has no certificate; under `SPANTLS_CLIENT_CERTIFICATE_REQUIRE` it is refused with `certificate_required` instead. After
 * a refusal both halves fail. The certificate is not inherited by sessions that resume this one. The bits
 * `SPANTLS_STATE_CERTIFICATE_REQUESTED` and `_ANSWERED` report the progress. Clients of this library do not offer the extension.
 *
 * - `TLS_STATUS_COMPLETE`: asked. Output that did not fit is pending: see `tls_session_has_pending_output()`.
 * - `TLS_STATUS_WANT_WRITE`: not asked. Send what was written, and call again with space.
 * - `TLS_STATUS_NOT_SUPPORTED`: TLS 1.2, or the client did not offer post_handshake_auth. Nothing was sent.
 * - `TLS_STATUS_INVALID_STATE`: a client; not COMPLETE; the client has not answered the last request, or has no verdict yet; our side
 *   is closed.
 * - `TLS_STATUS_BUSY`: another thread is in the write half.
 * - The sticky error of a failed session.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_request_client_certificate(tls_session_t *session,
                                                    void *output,
                                                    size_t output_cap,
                                                    size_t *out_written);

/**
 * Changes our keys (KeyUpdate, RFC 8446 section 4.6.3): what is encrypted afterwards is under new keys.
 *
 * `request_peer_update` 1 asks the peer to do the same, 0 does not. Sessions change keys by themselves before a key has sealed as much
 * as it may (section 5.5). A peer may refuse many updates without data between them.
 *
 * - `TLS_STATUS_COMPLETE`: the KeyUpdate was written, after pending output.
 * - `TLS_STATUS_WANT_WRITE`: the keys have not changed. Send what was written, and call again with `SPANTLS_MIN_CIPHERTEXT` bytes of
 *   space.
 * - `TLS_STATUS_NOT_SUPPORTED`: TLS 1.2, or the kernel seals the records and cannot change keys.
 * - `TLS_STATUS_INVALID_ARGUMENT`: another number than 0 or 1; on a socket, an output span.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or our side is closed.
 * - The sticky error of a failed session.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_update_keys(tls_session_t *session,
                                     int32_t request_peer_update,
                                     void *output,
                                     size_t output_cap,
                                     size_t *out_written);

/**
 * Closes our side: writes `close_notify` (RFC 8446 section 6.1) after pending output.
 *
 * It is always allowed. Before the handshake is COMPLETE it cancels the handshake (`user_canceled`, then `close_notify`; nothing if no
 * handshake call was made). Afterwards encrypt returns INVALID_STATE, and decrypt still works. In TLS 1.2 the peer answers with its own
 * close at once (RFC 5246 section 7.2.1): read its replies before you close.
 *
 * - `TLS_STATUS_CLOSED`: everything is written. This is success. Repeats, with a count of 0.
 * - `TLS_STATUS_WANT_WRITE`: call again with space.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_shutdown(tls_session_t *session,
                                  void *output,
                                  size_t output_cap,
                                  size_t *out_written);

/**
 * Writes pending output: the rest of a handshake flight, an alert, the answer to a key update.
 *
 * It works in every state, also after a failure.
 *
 * - `TLS_STATUS_COMPLETE`: nothing is left.
 * - `TLS_STATUS_WANT_WRITE`: call again with space.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_drain_pending_output(tls_session_t *session,
                                              void *output,
                                              size_t output_cap,
                                              size_t *out_written);

/**
 * Reports that the transport has ended (a read of 0 bytes).
 *
 * It delivers nothing: get held plaintext with `tls_session_decrypt()`.
 *
 * - `TLS_STATUS_CLOSED`: the peer had sent `close_notify`, or the handshake was cancelled.
 * - `TLS_STATUS_TRUNCATED`: it had not: data may be missing. Sticky for the handshake or the read half.
 * - `TLS_STATUS_COMPLETE`: the session is suspended, or was answered and not called since. The end is remembered until the session
 *   needs input.
 * - The sticky error of a failed handshake or read half.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_end_of_input(tls_session_t *session);

/**
 * Fills a struct with the last failure of a call on this session. Set `out_error->struct_size` first.
 *
 * Once the session has failed (`SPANTLS_STATE_FAILED`) the record keeps that failure. Calls that succeed do not clear it.
 *
 * - `TLS_STATUS_COMPLETE`: filled; its `status` is 0 if nothing has failed. While the session waits for a verdict on a peer without a
 *   certificate, `policy_errors` is `SPANTLS_POLICY_ERROR_NOT_AVAILABLE`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_error` is NULL or its `struct_size` is too small.
 */
tls_status_t tls_session_error(const tls_session_t *session,
                               spantls_error_t *out_error);

/**
 * Makes a session that receives and sends over a connected stream socket by itself.
 *
 * Call `tls_session_socket_handshake()`, then `tls_session_socket_read()` and `tls_session_socket_write()`, at the end
 * `tls_session_socket_shutdown()`. WANT_READ means: wait until the socket is readable, then call again; WANT_WRITE: until it is
 * writable. Questions and getters are the same as over spans. The functions for spans return `TLS_STATUS_INVALID_STATE` on this
 * session; `tls_session_request_client_certificate()` and `tls_session_update_keys()` take (NULL, 0) as output, and send.
 *
 * - Make the socket non-blocking. On a blocking socket the calls wait in `recv` and `send`. It may still be connecting.
 * - On TCP set TCP_NODELAY: otherwise the system may delay a short record by tens of milliseconds (RFC 896).
 * - Before you wait for a readable socket, check `SPANTLS_STATE_HAS_PENDING_PLAINTEXT`: while it is set there is something to
 *   read without the socket.
 * - After each read, if `tls_session_has_pending_output()` is 1, call `tls_session_socket_write()`, with or without data.
 * - SIGPIPE is not raised, and interrupted system calls are repeated. No one else may read from the socket or write to it.
 *
 * The KERNEL flags use kernel TLS. If the kernel, the socket or the cipher suite does not support it, the library protects the
 * records itself; `tls_session_stats()` reports what the kernel does, and why not more. docs/guide.md ("Kernel TLS") has the limits.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_session` is set; release it with `tls_session_destroy()`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL, `context` is not a context, the flags are invalid, or `socket` is not a stream
 *   socket (its `errno`, if any, is in `spantls_last_error()`). The socket still belongs to the host.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_create_with_socket(tls_context_t *context,
                                            spantls_socket_t socket,
                                            uint32_t flags,
                                            tls_session_t **out_session);

/**
 * Continues the handshake over the session's socket.
 *
 * - `TLS_STATUS_COMPLETE`: the handshake is finished, the peer was accepted, and all output was sent. Repeats. Check
 *   `SPANTLS_STATE_HAS_PENDING_PLAINTEXT`: data of the peer may have arrived with the handshake. Also returned if only sending was left
 *   (session tickets, our last flight) and the socket failed: then reading delivers what the peer sent, and writing returns
 *   `TLS_STATUS_IO_ERROR`.
 * - `TLS_STATUS_WANT_READ`, `TLS_STATUS_WANT_WRITE`: wait until the socket is readable, or writable.
 * - A question: see `tls_session_handshake()`. It repeats until it is answered.
 * - `TLS_STATUS_CLOSED`: the handshake was cancelled with `tls_session_socket_shutdown()`.
 * - `TLS_STATUS_AUTHENTICATION_FAILED`, `TLS_STATUS_PROTOCOL_ERROR`, `TLS_STATUS_PEER_ALERT`, `TLS_STATUS_TRUNCATED`: the handshake has
 *   failed, and our alert was sent. If the socket was full, `tls_session_socket_shutdown()` sends it. Sticky.
 * - `TLS_STATUS_IO_ERROR`: the socket failed; the error record has its `errno`. If the peer sent a fatal alert before it disconnected,
 *   the alert is reported instead. Sticky, except for ENOBUFS and ENOMEM.
 * - `TLS_STATUS_OUT_OF_RESOURCES`: too many handshakes are suspended, or memory is exhausted. Not sticky; no received data is lost.
 * - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_handshake(tls_session_t *session);

/**
 * Reads plaintext: data that was received earlier, otherwise data from the socket.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_read` bytes were delivered, at least one; with `buffer_cap` 0 it means that there is something to
 *   read. `SPANTLS_STATE_HAS_PENDING_PLAINTEXT` says whether more can be read without the socket.
 * - `TLS_STATUS_WANT_READ`: wait until the socket is readable.
 * - `TLS_STATUS_CLOSED`: the peer has sent `close_notify`, and everything before it was delivered. Repeats.
 * - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_request_client_certificate()`. After a refusal there:
 *   `TLS_STATUS_AUTHENTICATION_FAILED`, sticky; `tls_session_socket_shutdown()` sends the alert.
 * - `TLS_STATUS_TRUNCATED`: the connection ended without `close_notify`; data may be missing. Sticky; writing continues.
 * - `TLS_STATUS_PROTOCOL_ERROR`: a bad record or message. Sticky; `tls_session_socket_shutdown()` sends the alert.
 * - `TLS_STATUS_PEER_ALERT`: the peer sent a fatal alert. Sticky.
 * - `TLS_STATUS_NOT_SUPPORTED`: the peer changed its keys and the kernel, which opens the records, cannot. Sticky.
 * - `TLS_STATUS_IO_ERROR`: receiving failed, after everything received before was delivered; the error record has the `errno`.
 *   Sticky for reading, except for ENOBUFS and ENOMEM.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or the session is not bound to a socket.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_read(tls_session_t *session,
                                     void *buffer,
                                     size_t buffer_cap,
                                     size_t *out_read);

/**
 * Writes plaintext: sends what the peer is owed, then seals and sends the data, up to 128 KiB with one system call.
 *
 * `*out_written` bytes of the data are taken, whatever the status: do not pass them again.
 *
 * - `TLS_STATUS_COMPLETE`: all plaintext was taken, and everything was sent.
 * - `TLS_STATUS_WANT_WRITE`: the socket is full: wait until it is writable, then call again with the plaintext that was not taken. If
 *   all of it was taken, ciphertext is still pending (`tls_session_has_pending_output()`): call with (NULL, 0) or with the next data.
 * - `TLS_STATUS_IO_ERROR`: sending failed, now or earlier; the error record has the `errno`. Sticky for writing, except for ENOBUFS
 *   and ENOMEM. Reading continues.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, our side is closed (in TLS 1.2 also by the peer's `close_notify`), or
 *   the session is not bound to a socket.
 * - `TLS_STATUS_NOT_SUPPORTED`: the keys have protected as many records as they may, and cannot be changed: in TLS 1.2, or by the kernel
 *   that seals. Repeats; reading and shutdown still work.
 * - The sticky error of a failed session.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_write(tls_session_t *session,
                                      const void *data,
                                      size_t data_len,
                                      size_t *out_written);

/**
 * As `tls_session_socket_write()`, with plaintext from several spans.
 *
 * `*out_written` counts the bytes of all spans together. A record may hold data of several spans.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_write_vectored(tls_session_t *session,
                                               const spantls_span_t *spans,
                                               size_t num_spans,
                                               size_t *out_written);

/**
 * Closes our side: sends everything that is pending, then `close_notify` (RFC 8446 section 6.1).
 *
 * Before the handshake is COMPLETE it cancels the handshake; after a failure it sends the rest of the alert. It does not wait for
 * the peer and does not close the socket; reading continues. To be sure that the peer received everything, then shut down the
 * sending side of the socket and read to the end.
 *
 * - `TLS_STATUS_CLOSED`: everything is sent. Repeats.
 * - `TLS_STATUS_WANT_WRITE`: wait until the socket is writable, then call again.
 * - `TLS_STATUS_IO_ERROR`: the socket failed, now or earlier, and nothing more can be sent. Reading continues. If the session had
 *   failed before, the error record keeps that failure, with `alert_sent` -1.
 * - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
 */
tls_status_t tls_session_socket_shutdown(tls_session_t *session);

/**
 * Ends the connection in order, after success or failure: sends what `tls_session_socket_shutdown()` sends, shuts down the sending side
 * of the socket, then discards what the peer sends until it ends the connection too. Then destroy the session.
 *
 * If a socket is closed while it has unread data, the system resets the connection, and the last data or the alert can be lost. Limit
 * the time that you give the peer. A call on a blocking socket returns after at most 256 system calls. Nothing can be read afterwards
 * (INVALID_STATE), but for plaintext that is held.
 *
 * - `TLS_STATUS_CLOSED`: the peer has ended the connection, or had sent its `close_notify` before. Repeats.
 * - `TLS_STATUS_WANT_READ`, `TLS_STATUS_WANT_WRITE`: wait until the socket is readable, or writable, then call again.
 * - `TLS_STATUS_IO_ERROR`: the socket failed, now or earlier: the peer may not have received everything.
 * - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
 * - `TLS_STATUS_BUSY`: another thread is reading or writing.
 */
tls_status_t tls_session_socket_finish(tls_session_t *session);

/**
 * Copies the bytes that were received after the peer's `close_notify`, together with it; empty if there are none.
 *
 * They are not TLS, and an attacker can change them. A protocol that continues in clear on the same connection (such as FTP with CCC)
 * calls this once `tls_session_socket_read()` has returned CLOSED, then reads the rest from the socket. It is not possible after kernel
 * TLS, which stays on the socket. Over spans this is not needed: `*out_consumed` ends with the `close_notify`. Copy-out as
 * `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_STATE`: `tls_session_socket_read()` has not returned CLOSED, or the session is not bound to a socket.
 * - `TLS_STATUS_BUSY`: another thread is reading.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_bytes_after_close(const tls_session_t *session,
                                                  void *out_bytes,
                                                  size_t bytes_cap,
                                                  size_t *out_len);

/**
 * Returns the socket that the session is bound to; -1 if there is none, or if `session` is not a session.
 */
spantls_socket_t tls_session_socket(const tls_session_t *session);

/**
 * Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with the default validation (RFC 5280, RFC 6125): accepts the peer or refuses it.
 *
 * It verifies a chain to the trust anchors of the options (clients without any: the system's store), validity, usage, name constraints,
 * revocation if there are lists, and on clients the target host name. It may take a millisecond. A context remembers the last 64 chains
 * that it has trusted, each for its name: their signatures are not verified again until a date on the path, or of a revocation list, has
 * passed. A client without a certificate is accepted, except under `SPANTLS_CLIENT_CERTIFICATE_REQUIRE`, but it is not identified:
 * `*out_policy_errors` is then `SPANTLS_POLICY_ERROR_NOT_AVAILABLE`.
 *
 * Call it from any thread, but alone on the session; then call `tls_session_handshake()` again, or, after
 * `tls_session_request_client_certificate()`, `tls_session_decrypt()`.
 *
 * - `TLS_STATUS_COMPLETE`: the peer is accepted. `*out_policy_errors` (may be NULL) is 0, or as above.
 * - `TLS_STATUS_AUTHENTICATION_FAILED`: the peer is refused, and `*out_policy_errors` says why. The session has failed: see
 *   `tls_session_error()`. The alert is pending output: `tls_session_drain_pending_output()` writes it, on a socket
 *   `tls_session_socket_shutdown()` sends it; during the handshake the next handshake call does, too.
 * - `TLS_STATUS_INVALID_STATE`: the session does not wait for a verdict.
 * - `TLS_STATUS_BUSY`: also if a thread is in `tls_session_decrypt()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_accept_with_default_validation(tls_session_t *session,
                                                        uint32_t *out_policy_errors);

/**
 * Reports why the default validation would refuse the peer, with all reasons, without giving a verdict.
 *
 * A host can so accept, for example, a certificate that has only expired and that it has pinned; `SPANTLS_REASON_EXPIRED` may also be
 * that of a CA, see `depth`. Give the verdict afterwards. A certificate is judged once, however often this is called.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_validation` is filled; its `reasons` are 0 if the peer would be accepted.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_validation` is NULL or its `struct_size` is too small.
 * - `TLS_STATUS_INVALID_STATE`: the session does not wait for a verdict.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_default_validation(const tls_session_t *session,
                                            spantls_validation_t *out_validation);

/**
 * Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with the host's own verdict: 0 accepts, `SPANTLS_POLICY_ERROR_…` bits refuse.
 *
 * The alert of a refusal is `certificate_required` for NOT_AVAILABLE (`handshake_failure` in TLS 1.2), otherwise `unknown_ca` for
 * CHAIN_ERRORS, otherwise `bad_certificate`. To choose the alert, call `tls_session_reject_certificate()`.
 *
 * - `TLS_STATUS_COMPLETE`: the peer is accepted; call `tls_session_handshake()` again.
 * - `TLS_STATUS_AUTHENTICATION_FAILED`: the peer is refused, as by `tls_session_accept_with_default_validation()`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: an unknown bit.
 * - `TLS_STATUS_INVALID_STATE`: the session does not wait for a verdict.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_certificate_validation_result(tls_session_t *session,
                                                           uint32_t policy_errors);

/**
 * Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with a refusal: the peer gets this fatal alert, under the keys in
 * force, before it completes and before any application byte.
 *
 * - `TLS_STATUS_COMPLETE`: refused: the session has failed, and the alert is pending output, as after
 *   `tls_session_accept_with_default_validation()`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: an alert that ends nothing (close_notify, user_canceled, no_renegotiation).
 * - `TLS_STATUS_INVALID_STATE`: nothing waits for a verdict, or it was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_reject_certificate(tls_session_t *session,
                                            uint8_t alert);

/**
 * Answers any suspension with a refusal: the peer gets this fatal alert, and nothing else any more.
 *
 * - `TLS_STATUS_COMPLETE`: refused: the session has failed with `TLS_STATUS_AUTHENTICATION_FAILED`, and the alert is pending
 *   output, as after `tls_session_accept_with_default_validation()`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: an alert that ends nothing (close_notify, user_canceled, no_renegotiation).
 * - `TLS_STATUS_INVALID_STATE`: the session is not suspended, or its question was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_reject(tls_session_t *session,
                                uint8_t alert);

/**
 * Answers `TLS_STATUS_NEEDS_SERVER_OPTIONS`: the session continues with this server context, as if it had been created on it.
 *
 * Then pass the same input to `tls_session_handshake()` again: the record that completes the ClientHello was not consumed. Other input
 * returns `TLS_STATUS_INVALID_ARGUMENT` and is not consumed. To refuse the client, call `tls_session_reject()`, for example with
 * `SPANTLS_ALERT_UNRECOGNIZED_NAME` (RFC 6066 section 3).
 *
 * - `TLS_STATUS_COMPLETE`: accepted. The context may be destroyed.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a client context, or one that was made without options.
 * - `TLS_STATUS_INVALID_STATE`: the session does not wait for a context.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_server_context(tls_session_t *session,
                                            tls_context_t *context);

/**
 * Answers `TLS_STATUS_WANT_CREDENTIALS` with a client certificate (mutual TLS); NULL declines.
 *
 * Called before the handshake it answers in advance, and takes precedence over the credentials of the options. It applies to this
 * session only. Credentials set in advance that fit none of the server's signature schemes count as none.
 *
 * - `TLS_STATUS_COMPLETE`: accepted; if the session was suspended call `tls_session_handshake()` again. The credentials may be
 *   destroyed.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: suspended, and these credentials fit none of the server's signature schemes. The question is
 *   still open.
 * - `TLS_STATUS_INVALID_STATE`: a server session, or the handshake has begun and the session does not wait for credentials.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_client_credentials(tls_session_t *session,
                                                const tls_credentials_t *credentials);

/**
 * Counts the certificate authorities that the server names in its request for a certificate (RFC 8446 section 4.2.4, RFC 5246 section
 * 7.4.4); 0 means any.
 *
 * From `TLS_STATUS_WANT_CREDENTIALS` until the handshake is COMPLETE, otherwise 0.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
 */
tls_status_t tls_session_acceptable_issuer_count(const tls_session_t *session,
                                                 size_t *out_count);

/**
 * Copies the distinguished name of a certificate authority that the server accepts, as DER. Copy-out as
 * `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_ARGUMENT`: also if the index is not below the count.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_acceptable_issuer(const tls_session_t *session,
                                           size_t index,
                                           void *out_der_name,
                                           size_t der_name_cap,
                                           size_t *out_len);

/**
 * Returns a signature scheme that the server accepts from a client (`SPANTLS_SCHEME_…`, RFC 8446 section 4.2.3), in the server's order
 * of preference; 0 after the last one.
 *
 * From `TLS_STATUS_WANT_CREDENTIALS` until the handshake is COMPLETE, otherwise 0.
 */
uint16_t tls_session_acceptable_signature_scheme(const tls_session_t *session,
                                                 size_t index);

/**
 * Copies the message that `TLS_STATUS_NEEDS_SIGNATURE` asks you to sign, and the signature scheme.
 *
 * The message is not hashed yet: hash it as the scheme says (RFC 8446 section 4.2.3). `*out_scheme` (may be NULL) is one of the schemes
 * of the credentials. The message has less than 256 bytes, except on TLS 1.2 clients, which sign all handshake messages so far (RFC
 * 5246 section 7.4.8). Copy-out as `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_STATE`: the session does not wait for a signature.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_signature_request(const tls_session_t *session,
                                           uint16_t *out_scheme,
                                           void *out_message,
                                           size_t message_cap,
                                           size_t *out_len);

/**
 * Answers `TLS_STATUS_NEEDS_SIGNATURE` with a signature, which is checked against the certificate's key before it is sent.
 *
 * ECDSA signatures are DER (`ECDSA-Sig-Value`, RFC 8446 section 4.2.3), the others plain bytes. Length 0 means that the host could not
 * sign: the handshake fails with `TLS_STATUS_AUTHENTICATION_FAILED` and the alert `internal_error`.
 *
 * - `TLS_STATUS_COMPLETE`: accepted; call `tls_session_handshake()` again.
 * - `TLS_STATUS_INVALID_ARGUMENT`: not a signature of this message by the certificate's key. The question is still open.
 * - `TLS_STATUS_INVALID_STATE`: the session does not wait for a signature.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_signature(tls_session_t *session,
                                       const void *signature,
                                       size_t signature_len);

/**
 * Returns the `SPANTLS_STATE_…` bits of a session; 0 if `session` is not a session.
 */
uint32_t tls_session_state(const tls_session_t *session);

/**
 * Returns 1 once the handshake is finished, the peer was accepted, and all output of the handshake was written; otherwise 0.
 */
int32_t tls_session_is_handshake_complete(const tls_session_t *session);

/**
 * Returns 1 if there is output for the peer, otherwise 0.
 */
int32_t tls_session_has_pending_output(const tls_session_t *session);

/**
 * Returns the protocol version, a `SPANTLS_PROTOCOL_…` value; 0 until the handshake is COMPLETE.
 */
uint32_t tls_session_negotiated_protocol(const tls_session_t *session);

/**
 * Returns the cipher suite, a `SPANTLS_SUITE_…` value; 0 until the handshake is COMPLETE. `spantls_cipher_suite_name()` names it.
 */
uint16_t tls_session_negotiated_cipher_suite(const tls_session_t *session);

/**
 * Returns the key-exchange group, a `SPANTLS_GROUP_…` value; 0 until the handshake is COMPLETE. `spantls_group_name()` names it.
 */
uint16_t tls_session_negotiated_group(const tls_session_t *session);

/**
 * Returns the signature scheme (`SPANTLS_SCHEME_…`, RFC 8446 section 4.2.3) with which the peer proved that it holds its
 * certificate's key; 0 until the handshake is COMPLETE, and if the peer sent no certificate.
 */
uint16_t tls_session_peer_signature_scheme(const tls_session_t *session);

/**
 * Copies the application protocol (ALPN, RFC 7301); empty if none was negotiated, and until the handshake is COMPLETE.
 *
 * All getters of data copy everything or nothing, and set `*out_len` to the length: `(NULL, 0, &len)` asks for it.
 *
 * - `TLS_STATUS_COMPLETE`: copied.
 * - `TLS_STATUS_BUFFER_TOO_SMALL`: there is less space than `*out_len` bytes.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_negotiated_alpn(const tls_session_t *session,
                                         void *out_name,
                                         size_t name_cap,
                                         size_t *out_len);

/**
 * Copies the server's name: on clients the name that was set, on servers the name that the client asked for (SNI, RFC 6066 section 3).
 *
 * It is empty if there is none; servers have it from the ClientHello on. A server gets a DNS name of at most 253 bytes without a dot at
 * its end, in the client's upper and lower case: compare it without regard to case. All getters of text write a closing NUL, which
 * `*out_len` does not count: the space must be `*out_len` + 1 bytes.
 *
 * - `TLS_STATUS_COMPLETE`: copied.
 * - `TLS_STATUS_BUFFER_TOO_SMALL`: not copied. The text is empty, if there is space for that.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_target_host_name(const tls_session_t *session,
                                          char *out_name,
                                          size_t name_cap,
                                          size_t *out_len);

/**
 * Fills a struct with what a session has counted. Set `out_stats->struct_size` first.
 *
 * It may be called from any thread at any time. While other threads use the session, the numbers may be of different moments.
 *
 * - `TLS_STATUS_COMPLETE`: filled.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_stats` is NULL or its `struct_size` is too small.
 */
tls_status_t tls_session_stats(const tls_session_t *session,
                               spantls_session_stats_t *out_stats);

/**
 * Releases memory of an open session: `what` is a `SPANTLS_SHRINK_…` value.
 *
 * - `TLS_STATUS_COMPLETE`: done.
 * - `TLS_STATUS_INVALID_ARGUMENT`: any other number.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
 * - `TLS_STATUS_BUSY`: another thread is in the read half.
 */
tls_status_t tls_session_shrink(tls_session_t *session, int32_t what);

/**
 * Counts the certificates that the peer has sent: 0 before it has, and if it sent none.
 *
 * They are available from the question for the verdict on.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
 */
tls_status_t tls_session_remote_certificate_count(const tls_session_t *session, size_t *out_count);

/**
 * Copies a certificate of the peer as DER: index 0 is its own (the leaf), the others follow as the peer sent them.
 *
 * Copy-out as `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_ARGUMENT`: also if the index is not below the count.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_remote_certificate(const tls_session_t *session,
                                            size_t index,
                                            void *out_der,
                                            size_t der_cap,
                                            size_t *out_len);

/**
 * Counts the certificates of the path that the default validation found, from the peer's leaf to a trust anchor, both included.
 *
 * It is 0 before the default validation has judged (or `tls_session_default_validation()` was called), if the chain is not trusted,
 * if the session was resumed without a new judgement, and after `tls_session_shrink()` has released the peer's certificates. A name
 * mismatch does not change it.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
 */
tls_status_t tls_session_verified_certificate_count(const tls_session_t *session,
                                                    size_t *out_count);

/**
 * Copies a certificate of the verified path as DER: index 0 is the peer's leaf, the last index is the trust anchor.
 *
 * If the leaf itself is trusted, it is the only one. Copy-out as `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_ARGUMENT`: also if the index is not below `tls_session_verified_certificate_count()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_verified_certificate(const tls_session_t *session,
                                              size_t index,
                                              void *out_der,
                                              size_t der_cap,
                                              size_t *out_len);

/**
 * Copies our leaf certificate as DER: a server's own, or a client's if it was sent; otherwise empty.
 *
 * Until the handshake is COMPLETE it is empty, except while `TLS_STATUS_NEEDS_SIGNATURE` waits: then it is the certificate whose key
 * must sign, which distinguishes several external keys. Copy-out as `tls_session_negotiated_alpn()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_local_certificate(const tls_session_t *session,
                                           void *out_der,
                                           size_t der_cap,
                                           size_t *out_len);

/**
 * Copies the OCSP response (DER) that the server has stapled to its certificate (RFC 6066 section 8).
 *
 * It is available from the question for the verdict on; empty if there is none, in resumed sessions, and on servers. Copy-out as
 * `tls_session_negotiated_alpn()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ocsp_response(const tls_session_t *session,
                                       void *out_der,
                                       size_t der_cap,
                                       size_t *out_len);

/**
 * Copies a channel binding (RFC 5056), a value that is the same at both ends: `kind` is a `SPANTLS_CHANNEL_BINDING_…` value.
 *
 * The value has no prefix. Before you rely on it, check `tls_session_is_channel_binding_sound()`. Copy-out as
 * `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_NOT_SUPPORTED`: UNIQUE in TLS 1.3 (RFC 8446 appendix C.5); ENDPOINT if RFC 5929 defines no hash for the signature
 *   of the server's certificate (Ed25519).
 * - `TLS_STATUS_INVALID_ARGUMENT`: an unknown kind.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE; ENDPOINT on a client after `tls_session_shrink()` has released the
 *   certificates.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_channel_binding(const tls_session_t *session,
                                         int32_t kind,
                                         void *out_value,
                                         size_t value_cap,
                                         size_t *out_len);

/**
 * Returns 1 if channel bindings identify this connection: in TLS 1.3, and in TLS 1.2 with the extended master secret (RFC 7627).
 *
 * Without it an attacker in the middle can give two connections the same UNIQUE and EXPORTER values. 0 until the handshake is
 * COMPLETE.
 */
int32_t tls_session_is_channel_binding_sound(const tls_session_t *session);

/**
 * Derives keying material from the session's secrets (RFC 5705, RFC 8446 section 7.5) and fills `out_material` with it.
 *
 * Both ends get the same material for the same label, context and length. `context` NULL means no context. TLS 1.2 distinguishes it
 * from a context of length 0; TLS 1.3 does not.
 *
 * - `TLS_STATUS_COMPLETE`: filled.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `material_len` is 0 or more than TLS 1.3 can derive (255 hash lengths); the label is longer than
 *   249 bytes (TLS 1.3), or reserved for TLS 1.2 itself; the context is longer than 65,535 bytes (TLS 1.2).
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_export_keying_material(const tls_session_t *session,
                                                const char *label,
                                                size_t label_len,
                                                const void *context,
                                                size_t context_len,
                                                void *out_material,
                                                size_t material_len);

/**
 * Reads the validity, fingerprint, public key hash and number of names of an X.509 certificate in DER.
 *
 * Nothing is validated: anyone can make a certificate that says this. Set `out_info->struct_size` first. The certificate has
 * at most 65,535 bytes and 4,096 alternative names.
 *
 * - `TLS_STATUS_COMPLETE`: filled.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `der` is not one certificate, or is malformed; `out_info` is NULL or its `struct_size` is
 *   too small.
 */
SPANTLS_MUST_USE
tls_status_t spantls_certificate_info(const void *der,
                                      size_t der_len,
                                      spantls_certificate_info_t *out_info);

/**
 * Copies a text of an X.509 certificate in DER, such as its subject or a DNS name: `field` is a `SPANTLS_CERTIFICATE_…` value.
 *
 * `index` counts the values of that field in the order of the certificate; `spantls_certificate_info()` has their number. SUBJECT, ISSUER
 * and SERIAL_NUMBER have one. The text is UTF-8 with a closing NUL, which `*out_len` does not count. It has no control characters: RFC 4514
 * escapes those of SUBJECT and ISSUER (`\00`).
 *
 * - `TLS_STATUS_COMPLETE`: copied.
 * - `TLS_STATUS_BUFFER_TOO_SMALL`: not copied; `*out_len` is the length. `(NULL, 0, &len)` asks for it.
 * - `TLS_STATUS_NOT_SUPPORTED`: the value cannot be represented as text and must not be trusted: a DNS name, URI or e-mail address with
 *   bytes other than visible ASCII (a NUL is an attack), an IP address of a wrong length, a common name with control or
 *   invisible characters.
 * - `TLS_STATUS_INVALID_ARGUMENT`: there is no value of this index, or it is malformed; an unknown field; all that
 *   `spantls_certificate_info()` refuses.
 */
SPANTLS_MUST_USE
tls_status_t spantls_certificate_text(const void *der,
                                      size_t der_len,
                                      int32_t field,
                                      size_t index,
                                      char *out_text,
                                      size_t text_cap,
                                      size_t *out_len);

/**
 * Checks whether an X.509 certificate in DER is for this server name, as the default validation does (RFC 6125, RFC 9525).
 *
 * Only the name is compared, with the DNS names and IP addresses of the subject alternative name; the chain and the dates
 * are not validated. Use it when the name to check is not the name sent (SNI), or with another name after the handshake.
 * `name` is a DNS name (an internationalized one as A-labels, "xn--...") or an IP address; a trailing dot is ignored.
 *
 * - `TLS_STATUS_COMPLETE`: the certificate is for this name.
 * - `TLS_STATUS_AUTHENTICATION_FAILED`: it is not.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `name` is neither a DNS name nor an IP address; `der` is not one certificate.
 */
SPANTLS_MUST_USE
tls_status_t spantls_certificate_matches_name(const void *der,
                                              size_t der_len,
                                              const char *name);

/**
 * Reads what `spantls_certificate_info()` reads, of a certificate that the peer has sent: index 0 is its own (the leaf).
 *
 * Available from `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` on. The peer has proved that it owns the certificate once the
 * handshake is COMPLETE.
 *
 * - `TLS_STATUS_COMPLETE`: filled.
 * - `TLS_STATUS_INVALID_ARGUMENT`: also for a `certificate_index` that is not below
 *   `tls_session_remote_certificate_count()`, for example 0 if the peer has sent no certificate.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_remote_certificate_info(const tls_session_t *session,
                                                 size_t certificate_index,
                                                 spantls_certificate_info_t *out_info);

/**
 * Copies what `spantls_certificate_text()` copies, of a certificate that the peer has sent: index 0 is its own (the leaf).
 *
 * - `TLS_STATUS_COMPLETE`, `TLS_STATUS_BUFFER_TOO_SMALL`, `TLS_STATUS_NOT_SUPPORTED`: as `spantls_certificate_text()`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: also as `tls_session_remote_certificate_info()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_remote_certificate_text(const tls_session_t *session,
                                                 size_t certificate_index,
                                                 int32_t field,
                                                 size_t index,
                                                 char *out_text,
                                                 size_t text_cap,
                                                 size_t *out_len);

/**
 * Copies a server's first ClientHello: the whole handshake message with its four-byte header, fragments joined.
 *
 * It is available from `TLS_STATUS_NEEDS_SERVER_OPTIONS` until the handshake is COMPLETE, with `tls_options_set_keep_client_hello()` as
 * long as the session; otherwise, and on clients, it is empty. At most 65,539 bytes. A ClientHello that cannot be parsed ends the
 * handshake. Copy-out as `tls_session_negotiated_alpn()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_client_hello(const tls_session_t *session,
                                      void *out_message,
                                      size_t message_cap,
                                      size_t *out_len);

/**
 * Fills a struct with the contents of the ClientHello and their positions. Set `out_info->struct_size` first.
 *
 * - `TLS_STATUS_COMPLETE`: filled.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_info` is NULL or its `struct_size` is too small.
 * - `TLS_STATUS_INVALID_STATE`: there is no ClientHello: see `tls_session_client_hello()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_client_hello_info(const tls_session_t *session,
                                           spantls_client_hello_info_t *out_info);

/**
 * Copies the JA3 fingerprint of the ClientHello: 32 hexadecimal digits, the MD5 of the text that `tls_session_ja3_text()` copies.
 *
 * It is available as long as the ClientHello: see `tls_session_client_hello()`. Copy-out as `tls_session_target_host_name()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ja3(const tls_session_t *session,
                             char *out_text,
                             size_t text_cap,
                             size_t *out_len);

/**
 * Copies the text of the JA3 fingerprint: version, cipher suites, extensions, groups and point formats as decimal numbers.
 *
 * GREASE values (RFC 8701) are left out. Otherwise as `tls_session_ja3()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ja3_text(const tls_session_t *session,
                                  char *out_text,
                                  size_t text_cap,
                                  size_t *out_len);

/**
 * Copies the JA4 fingerprint of the ClientHello, 36 characters such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
 *
 * Otherwise as `tls_session_ja3()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ja4(const tls_session_t *session,
                             char *out_text,
                             size_t text_cap,
                             size_t *out_len);

/**
 * Copies the text of the JA4 fingerprint (its raw form, `JA4_r`). Otherwise as `tls_session_ja3()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ja4_text(const tls_session_t *session,
                                  char *out_text,
                                  size_t text_cap,
                                  size_t *out_len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SPANTLS_H */
