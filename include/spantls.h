/*
 * spantls: TLS 1.2 and 1.3 as a non-blocking state machine over plain memory.
 *
 * The host owns the bytes and does the I/O, or binds a session to a socket. Every decision is a return status, never a
 * callback: a call returns, the host answers when it likes, from any thread, and calls again.
 *
 * Conventions
 *
 * - Handles are opaque: tls_options_t, tls_credentials_t, tls_context_t, tls_session_t. Each has a `_create...` and
 *   a `_destroy`. Passing NULL where a handle is needed is TLS_STATUS_INVALID_ARGUMENT; destroying NULL is a no-op.
 *   A handle must not be used after it was destroyed, nor while another thread destroys it.
 * - Arguments stand in this order: the handle, inputs, outputs. `_len` counts bytes of data, `_cap` bytes of room,
 *   `num_` elements. Outputs are called `out_...`.
 * - Out-parameters are written on every return, with 0 or NULL where nothing happened, and must be given unless a
 *   function says that they may be NULL. Their places overlap neither each other nor a span.
 * - A span is a pointer and a length. A span of length 0 is empty whatever its pointer, NULL too. Input and output
 *   spans of one call must not overlap, unless a function works in place. Nothing keeps a pointer into host memory
 *   after it has returned.
 * - Data is `void *`, text is `char *`; PEM and labels are text that comes with its length.
 * - Strings are UTF-8 and end with NUL. Strings and structs returned by pointer belong to the library.
 * - Functions return a tls_status_t unless shown otherwise: 0 or more when the call did its work, negative when not.
 *   After a negative status tls_session_error() (calls on a session) or spantls_last_error() (all others) says why.
 * - What a function does not list: any call on a session that is at work can be TLS_STATUS_BUSY, when another thread is at
 *   the same work, and TLS_STATUS_INTERNAL_ERROR. An error that is called sticky comes again from every later call that would do
 *   what has failed.
 * - Structs that begin with struct_size can grow: set it to their sizeof before passing them. A library that is older than
 *   the header writes the fields that it knows, and leaves the others: zero the struct first.
 * - Any integer is checked; enumerations are passed as integers of fixed width.
 * - Nothing here blocks (except the system calls on a blocking socket that a session was bound to), prints, installs signal
 *   handlers, or ends the process.
 * - Signal handlers of the host may run on a small stack (192 KiB) while a handshake call is under way.
 *
 * Questions
 *
 * A handshake asks its host by a status of tls_session_handshake(), in this order. Each question lasts: the call
 * returns the same status, from the second time on with nothing consumed or written, until it is answered; what comes
 * behind it stays where it is. tls_session_reject() answers any of them with an alert that ends the handshake.
 *
 *   server, TLS 1.2 and 1.3
 *     NEEDS_SERVER_OPTIONS           the context was made without options        tls_session_set_server_context()
 *     NEEDS_SIGNATURE                the context's key is external               tls_session_set_signature()
 *     NEEDS_CERTIFICATE_VALIDATION   the client was asked for a certificate      the verdict
 *   client, TLS 1.2 and 1.3
 *     WANT_CREDENTIALS               the server asks, nothing was set before     tls_session_set_client_credentials()
 *                                    (see tls_options_set_certificate_requests())
 *     NEEDS_CERTIFICATE_VALIDATION   always                                      the verdict
 *     NEEDS_SIGNATURE                the credentials' key is external            tls_session_set_signature()
 *
 * The verdict is tls_session_accept_with_default_validation(), tls_session_set_certificate_validation_result() or
 * tls_session_reject_certificate(). With SPANTLS_VALIDATION_AUTOMATIC it is given inside, without a suspension.
 *
 * - A client is asked for its credentials before it sees the server's certificate (in TLS 1.2 before it can judge it,
 *   RFC 5246 section 7.3; in TLS 1.3 RFC 8446 section 4.3.2). Nothing of them leaves before the verdict, and before the
 *   server has proved that it holds its key; then, in TLS 1.2, everyone on the way can read the certificates.
 * - A verdict is asked for before the peer has proved that it holds the certificate's key (RFC 8446 section 4.4.3): to
 *   accept a certificate is not yet to know the peer. COMPLETE is.
 * - A server whose client declines to show a certificate is asked for the verdict all the same under
 *   SPANTLS_CLIENT_CERTIFICATE_REQUEST, with no certificate to look at.
 */


#ifndef SPANTLS_H
#define SPANTLS_H

/* Generated from src/ffi by `make header`. Do not edit. */

#include <stddef.h>
#include <stdint.h>

/**
 * Before functions whose result must be looked at: compilers that can, warn.
 */
#if defined(__GNUC__) || defined(__clang__)
#define SPANTLS_MUST_USE __attribute__((warn_unused_result))
#else
#define SPANTLS_MUST_USE
#endif

/**
 * The version of this header, which is that of the library it came with: compare `spantls_version()`.
 */
#define SPANTLS_VERSION "0.1.0"

/**
 * Its first number.
 */
#define SPANTLS_VERSION_MAJOR 0

/**
 * Its second number.
 */
#define SPANTLS_VERSION_MINOR 1

/**
 * Its third number.
 */
#define SPANTLS_VERSION_PATCH 0

/**
 * The same as one number, a byte each for major, minor and patch: `#if SPANTLS_VERSION_NUMBER >= 0x010000`. A release candidate
 * has the number of its release.
 */
#define SPANTLS_VERSION_NUMBER 0x000100



/**
 * The room of `spantls_error_t.message`, its closing NUL included.
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
 * The room that `tls_session_encrypt()` needs to make progress, in bytes: enough for a key update and a record.
 */
#define SPANTLS_MIN_CIPHERTEXT 64

/**
 * The largest ciphertext record: header, 2^14 bytes of plaintext and the largest expansion that TLS 1.2 allows
 * (RFC 5246 section 6.2.3). A receive buffer of this size always holds a whole record.
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
     * The call did what it was asked; see the counts.
     */
    TLS_STATUS_COMPLETE = 0,
    /**
     * More ciphertext from the peer is needed: read from the transport, then call again.
     */
    TLS_STATUS_WANT_READ = 1,
    /**
     * The output span was too small: send what was written, then call again with room.
     */
    TLS_STATUS_WANT_WRITE = 2,
    /**
     * The peer's `close_notify` was received, or our own shutdown is fully drained.
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
     * The ClientHello is complete and the server context still to be chosen: answer with
     * `tls_session_set_server_context()`, and show the same input again.
     */
    TLS_STATUS_NEEDS_SERVER_OPTIONS = 6,
    /**
     * An external private key must sign: get the message with `tls_session_signature_request()`, answer with
     * `tls_session_set_signature()`.
     */
    TLS_STATUS_NEEDS_SIGNATURE = 16,
    /**
     * A null pointer, a bad length, text that is not UTF-8, a wrong handle, a context of the wrong role.
     */
    TLS_STATUS_INVALID_ARGUMENT = -1,
    /**
     * Not allowed now; the error record's message says why.
     */
    TLS_STATUS_INVALID_STATE = -2,
    /**
     * A verdict or `tls_session_reject()` refused the peer, no credentials satisfied it, or the host could not sign.
     */
    TLS_STATUS_AUTHENTICATION_FAILED = -3,
    /**
     * The peer broke the protocol, spoke no TLS, or has nothing in common with us.
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
     * A bad certificate, key, trust anchor or option.
     */
    TLS_STATUS_INVALID_CONFIGURATION = -7,
    /**
     * The peer, protocol version or platform has no such thing.
     */
    TLS_STATUS_NOT_SUPPORTED = -8,
    /**
     * Another thread is inside the same half of this session. Nothing was done.
     */
    TLS_STATUS_BUSY = -9,
    /**
     * Too many handshakes are suspended at once, or memory could not be mapped. The record at hand was not consumed (see
     * the counts): try again once another handshake has been answered or destroyed, or give this connection up.
     */
    TLS_STATUS_OUT_OF_RESOURCES = -10,
    /**
     * The room for a value was too small: nothing was written. `*out_len` is the value's length; text needs one byte more,
     * for its closing NUL.
     */
    TLS_STATUS_BUFFER_TOO_SMALL = -11,
    /**
     * The peer ended the session with a fatal alert, or with `close_notify` in the middle of the handshake: it refuses us.
     * `alert_received` in the error record says why, for example `SPANTLS_ALERT_UNKNOWN_CA`.
     */
    TLS_STATUS_PEER_ALERT = -12,
    /**
     * A contained panic; the session is unusable from now on, and safe to destroy.
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
     * The client shows no certificate, without a suspension.
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
     * `tls_session_handshake()`, or on a socket `tls_session_socket_handshake()`, has returned COMPLETE, or would.
     */
    SPANTLS_STATE_HANDSHAKE_COMPLETE = 1,
    /**
     * Output is owed to the peer: see `tls_session_drain_pending_output()`, on a socket `tls_session_socket_write()`.
     */
    SPANTLS_STATE_HAS_PENDING_OUTPUT = 2,
    /**
     * Plaintext is held: `tls_session_decrypt()` delivers it without any input. On a socket: `tls_session_socket_read()` has something
     * to tell, data or the end, without the socket.
     */
    SPANTLS_STATE_HAS_PENDING_PLAINTEXT = 4,
    /**
     * The handshake waits for the host's answer.
     */
    SPANTLS_STATE_SUSPENDED = 8,
    /**
     * The session was resumed: see `tls_options_set_allow_resume()`.
     */
    SPANTLS_STATE_RESUMED = 16,
    /**
     * The server sent a HelloRetryRequest (RFC 8446 section 4.1.4).
     */
    SPANTLS_STATE_HELLO_RETRIED = 32,
    /**
     * The peer's `close_notify` was received.
     */
    SPANTLS_STATE_PEER_CLOSED = 64,
    /**
     * Our `close_notify` was made.
     */
    SPANTLS_STATE_SHUTDOWN_SENT = 128,
    /**
     * The session has failed as a whole: see `tls_session_error()`. Where the transport has failed one half of an open
     * session (TRUNCATED, IO) the other goes on, and this is not set.
     */
    SPANTLS_STATE_FAILED = 256,
    /**
     * The client was asked for a certificate: by this server, or as this client by its server, whether it has one or not.
     */
    SPANTLS_STATE_CERTIFICATE_ASKED = 512,
    /**
     * `tls_session_request_client_certificate()` has asked, and the client's answer is not there or not judged.
     */
    SPANTLS_STATE_CERTIFICATE_REQUESTED = 1024,
    /**
     * The client has answered it, and the verdict was given.
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
 * The kinds of `tls_session_channel_binding()`: the numbers of .NET's `ChannelBindingKind`, and one more.
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
 * The values for `tls_session_shrink()`: each includes those before it.
 */
typedef enum {
    /**
     * Buffers: getters return what they did. Sessions that wait for data keep none, so this frees nothing today.
     */
    SPANTLS_SHRINK_BUFFERS = 0,
    /**
     * What is known of the peer: its certificates (and with them, on clients, `SPANTLS_CHANNEL_BINDING_ENDPOINT`), its OCSP
     * response, a kept ClientHello.
     */
    SPANTLS_SHRINK_PEER = 1,
    /**
     * On clients, what takes session tickets: some 800 bytes, which are also freed when two tickets have come. Later tickets
     * are ignored.
     */
    SPANTLS_SHRINK_TICKETS = 2,
} spantls_shrink_values;

/**
 * Flags of `tls_session_create_with_socket()`: one of BORROW and OWN, and what the kernel is to do.
 */
typedef enum {
    /**
     * The socket stays the host's: nothing here closes it. It must stay open as long as the session.
     */
    SPANTLS_SOCKET_BORROW = 1,
    /**
     * The socket is the session's: `tls_session_destroy()` closes it, and nothing else does.
     */
    SPANTLS_SOCKET_OWN = 2,
    /**
     * After the handshake the kernel seals what is sent (Linux), if it can.
     */
    SPANTLS_SOCKET_KERNEL_SEND = 4,
    /**
     * After the handshake the kernel opens what is received (Linux), if it can.
     */
    SPANTLS_SOCKET_KERNEL_RECEIVE = 8,
} spantls_socket_values;

/**
 * The values of `spantls_kernel_reason_t`.
 */
typedef enum {
    /**
     * It is used as asked, or nothing was asked, or the handshake is not COMPLETE.
     */
    SPANTLS_KERNEL_REASON_NONE = 0,
    /**
     * This operating system has none.
     */
    SPANTLS_KERNEL_REASON_PLATFORM = 1,
    /**
     * This kernel, or this kind of socket, has none.
     */
    SPANTLS_KERNEL_REASON_UNAVAILABLE = 2,
    /**
     * It has refused the keys: a version or suite that it does not know.
     */
    SPANTLS_KERNEL_REASON_REFUSED = 3,
    /**
     * The options limit the size of records, which the kernel cannot.
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
     * A pre-shared key, which is how TLS 1.3 resumes (RFC 8446 section 4.2.11).
     */
    SPANTLS_OFFERS_PRE_SHARED_KEY = 2,
    /**
     * Early data (section 4.2.10). It is never accepted. Up to 128 KiB are skipped, more ends the handshake with
     * `unexpected_message`; the client sends the data again after the handshake.
     */
    SPANTLS_OFFERS_EARLY_DATA = 4,
    /**
     * A certificate after the handshake (section 4.2.6).
     */
    SPANTLS_OFFERS_POST_HANDSHAKE_AUTH = 8,
} spantls_offer_values;

/**
 * Alert descriptions, for `tls_session_reject()` and `spantls_error_t` (RFC 8446 section 6).
 */
typedef enum {
    /**
     * The sender has no more to say (section 6.1): no error.
     */
    SPANTLS_ALERT_CLOSE_NOTIFY = 0,
    /**
     * A message that has no place here.
     */
    SPANTLS_ALERT_UNEXPECTED_MESSAGE = 10,
    /**
     * A record that cannot be opened.
     */
    SPANTLS_ALERT_BAD_RECORD_MAC = 20,
    /**
     * A record that is too long.
     */
    SPANTLS_ALERT_RECORD_OVERFLOW = 22,
    /**
     * No parameters in common; in TLS 1.2 also a certificate that was required and is missing.
     */
    SPANTLS_ALERT_HANDSHAKE_FAILURE = 40,
    /**
     * A certificate that is damaged, or for another name.
     */
    SPANTLS_ALERT_BAD_CERTIFICATE = 42,
    /**
     * A certificate of a kind, or for a use, that does not fit.
     */
    SPANTLS_ALERT_UNSUPPORTED_CERTIFICATE = 43,
    /**
     * A certificate that its issuer has taken back.
     */
    SPANTLS_ALERT_CERTIFICATE_REVOKED = 44,
    /**
     * A certificate that is not valid any more, or not yet.
     */
    SPANTLS_ALERT_CERTIFICATE_EXPIRED = 45,
    /**
     * Something else is wrong with the certificate.
     */
    SPANTLS_ALERT_CERTIFICATE_UNKNOWN = 46,
    /**
     * A field with a value that it must not have.
     */
    SPANTLS_ALERT_ILLEGAL_PARAMETER = 47,
    /**
     * No chain to an authority that is trusted.
     */
    SPANTLS_ALERT_UNKNOWN_CA = 48,
    /**
     * A certificate in order, whose owner is not let in.
     */
    SPANTLS_ALERT_ACCESS_DENIED = 49,
    /**
     * A message that cannot be parsed.
     */
    SPANTLS_ALERT_DECODE_ERROR = 50,
    /**
     * A signature, a Finished or a binder that is wrong.
     */
    SPANTLS_ALERT_DECRYPT_ERROR = 51,
    /**
     * No version in common.
     */
    SPANTLS_ALERT_PROTOCOL_VERSION = 70,
    /**
     * What the peer offers is too weak.
     */
    SPANTLS_ALERT_INSUFFICIENT_SECURITY = 71,
    /**
     * The sender has a problem that is not the peer's fault.
     */
    SPANTLS_ALERT_INTERNAL_ERROR = 80,
    /**
     * The client has lowered its version without need (RFC 7507).
     */
    SPANTLS_ALERT_INAPPROPRIATE_FALLBACK = 86,
    /**
     * The handshake was given up, without an error.
     */
    SPANTLS_ALERT_USER_CANCELED = 90,
    /**
     * A renegotiation that is declined (RFC 5246 section 7.2.2).
     */
    SPANTLS_ALERT_NO_RENEGOTIATION = 100,
    /**
     * An extension that must be there is not.
     */
    SPANTLS_ALERT_MISSING_EXTENSION = 109,
    /**
     * An extension that must not be there, or was not offered.
     */
    SPANTLS_ALERT_UNSUPPORTED_EXTENSION = 110,
    /**
     * No server of this name here (RFC 6066 section 3).
     */
    SPANTLS_ALERT_UNRECOGNIZED_NAME = 112,
    /**
     * A stapled OCSP response that is not in order.
     */
    SPANTLS_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 113,
    /**
     * No pre-shared key that is known.
     */
    SPANTLS_ALERT_UNKNOWN_PSK_IDENTITY = 115,
    /**
     * A certificate that was required and is missing (TLS 1.3).
     */
    SPANTLS_ALERT_CERTIFICATE_REQUIRED = 116,
    /**
     * No application protocol in common (RFC 7301 section 3.2).
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
 * What sessions share. Immutable and counted: any number of threads may create sessions on it at once, and
 * destroying it while sessions live is safe.
 */
typedef struct tls_context_t tls_context_t;

/**
 * A certificate chain and its private key. Immutable: it can be shared by any number of options and threads, and
 * destroyed as soon as it was given to them.
 */
typedef struct tls_credentials_t tls_credentials_t;

/**
 * What contexts are made from. A context copies the options when it is created; later changes do not reach it.
 *
 * Threads: any number may use the same options at once. Each call is done as a whole, and waits while another one is at work on
 * them.
 */
typedef struct tls_options_t tls_options_t;

/**
 * One TLS connection, driven by the host over plain memory.
 *
 * The loop, for either role:
 *
 * 1. Call `tls_session_handshake()` with what has been received so far (at first nothing). Send the
 *    `*out_written` bytes to the peer, drop the first `*out_consumed` bytes from the receive buffer, and look at the
 *    status: WANT_READ: receive more behind what is left, call again (if the transport has ended:
 *    `tls_session_end_of_input()`); WANT_WRITE: call again; a question (see the top of this file): answer it now
 *    or later, from any thread, and call again; COMPLETE: done; negative: failed: send what was written (it holds
 *    the alert), `tls_session_drain_pending_output()` for the rest, and destroy the session. On a TCP socket, shut
 *    the sending side down and read to the end before closing: a reset would overtake the alert.
 * 2. Exchange data with `tls_session_encrypt()` and `tls_session_decrypt()`. After each decrypt, look at
 *    `tls_session_has_pending_output()`: when it is true, `tls_session_drain_pending_output()` (or the next encrypt)
 *    gives an answer that the peer is owed.
 * 3. End with `tls_session_shutdown()`, send what it wrote, and read on until decrypt returns CLOSED. When the
 *    transport has ended and decrypt wants more, `tls_session_end_of_input()` tells a clean end from a cut.
 *
 * Threads: once COMPLETE, one thread may use the read half (decrypt, decrypt_in_place, end_of_input, shrink) while another
 * uses the write half (encrypt, encrypt_vectored, drain_pending_output, update_keys, shutdown); a second thread in the same
 * half gets `TLS_STATUS_BUSY`. Before COMPLETE one thread at a time, any thread. State and getters: from any thread, at
 * any time. `tls_session_destroy()` must come after all other calls have returned.
 *
 * A session belongs to one process: after fork() only one of the two may use it. Credentials, options and contexts made
 * before may be used by both, if no other thread was inside the library at that moment.
 */
typedef struct tls_session_t tls_session_t;

/**
 * A status: `TLS_STATUS_…` (zero or more) when the call did its work, a negative one when not.
 */
typedef int32_t tls_status_t;

/**
 * Why a call failed. Set `struct_size` to `sizeof(spantls_error_t)` before passing it; the struct can grow at its end.
 */
typedef struct {
    /**
     * In: `sizeof(spantls_error_t)`.
     */
    size_t struct_size;
    /**
     * The status that the failed call returned; `TLS_STATUS_COMPLETE` when nothing has failed.
     */
    tls_status_t status;
    /**
     * The alert sent, or owed, to the peer; -1 for none, also if it could not be sent over the session's socket.
     */
    int32_t alert_sent;
    /**
     * The alert with which the peer ended the session; -1 for none. `SPANTLS_ALERT_CLOSE_NOTIFY` (0) if it closed in
     * the middle of the handshake.
     */
    int32_t alert_received;
    /**
     * `SPANTLS_POLICY_ERROR_…` bits of the verdict that refused the peer. Where the verdict was an alert, they are
     * `SPANTLS_POLICY_ERROR_CHAIN_ERRORS` whatever the alert, or `SPANTLS_POLICY_ERROR_NOT_AVAILABLE` if there was no certificate.
     */
    uint32_t policy_errors;
    /**
     * `errno` of a failed system call, on a socket or a file; 0 for none.
     */
    int32_t os_error;
    /**
     * Zero.
     */
    int32_t reserved;
    /**
     * One sentence, UTF-8, closed by NUL; cut at a character's end if it is too long.
     */
    char message[SPANTLS_ERROR_MESSAGE_SIZE];
} spantls_error_t;

/**
 * A span of plaintext for `tls_session_encrypt_vectored()` and `tls_session_socket_write_vectored()`. Length 0 is empty whatever
 * the pointer.
 */
typedef struct {
    /**
     * The first byte.
     */
    const void *data;
    /**
     * How many bytes.
     */
    size_t len;
} spantls_span_t;

/**
 * A socket of the operating system: on Unix a file descriptor.
 */
typedef ptrdiff_t spantls_socket_t;

/**
 * Why the kernel's TLS is not used, or not for both directions, though a session was made to.
 */
typedef uint32_t spantls_kernel_reason_t;

/**
 * What a session has counted. Set `struct_size` to its `sizeof`; the struct can grow at its end. Bytes are counted when a
 * call takes or writes them, so they are those that the host has moved.
 */
typedef struct {
    /**
     * In: `sizeof(spantls_session_stats_t)`.
     */
    size_t struct_size;
    /**
     * Bytes for the peer that calls have written, the handshake's included.
     */
    uint64_t ciphertext_sent;
    /**
     * Bytes from the peer that calls have consumed, the handshake's included.
     */
    uint64_t ciphertext_received;
    /**
     * Bytes that encrypt has taken.
     */
    uint64_t plaintext_sent;
    /**
     * Bytes that decrypt has delivered.
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
     * Changes of our keys (RFC 8446 section 4.6.3).
     */
    uint64_t key_updates_sent;
    /**
     * Changes of the peer's keys.
     */
    uint64_t key_updates_received;
    /**
     * Session tickets that a client has kept since the handshake.
     */
    uint64_t tickets_received;
    /**
     * Nanoseconds that the handshake was worked on.
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
     * The same to send.
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
     * Why it does not do all that was asked of it, from the end of the handshake on.
     */
    spantls_kernel_reason_t kernel_reason;
    /**
     * The `errno` that goes with the reason; 0 for none.
     */
    int32_t kernel_os_error;
} spantls_session_stats_t;

/**
 * A part of the ClientHello: `len` bytes from `offset` of what `tls_session_client_hello()` copies. Both 0: not there.
 */
typedef struct {
    /**
     * Counted from the message's first byte, its type.
     */
    uint32_t offset;
    /**
     * Bytes.
     */
    uint32_t len;
} spantls_part_t;

/**
 * What a ClientHello says (RFC 8446 section 4.1.2). Set `struct_size` to its `sizeof`; the struct can grow at its end.
 * Lists of numbers lie in the message as big-endian 16-bit integers, `len / 2` of them; values of RFC 8701 (GREASE) are
 * among them.
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
     * How many of `key_share_groups` there are.
     */
    uint16_t num_key_share_groups;
    /**
     * The groups that the client has sent keys for, as numbers of this machine; at most the first 16.
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
     * Numbers.
     */
    spantls_part_t cipher_suites;
    /**
     * The whole list of extensions: type, length and content of each.
     */
    spantls_part_t extensions;
    /**
     * The host name (RFC 6066 section 3), the bare text.
     */
    spantls_part_t server_name;
    /**
     * Numbers.
     */
    spantls_part_t supported_versions;
    /**
     * Numbers.
     */
    spantls_part_t supported_groups;
    /**
     * Numbers.
     */
    spantls_part_t signature_algorithms;
    /**
     * Numbers; if not there, `signature_algorithms` holds for certificates too.
     */
    spantls_part_t signature_algorithms_cert;
    /**
     * Application protocols (RFC 7301): one byte of length before each name.
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
SPANTLS_MUST_USE
const char *spantls_cipher_suite_name(uint16_t cipher_suite);

/**
 * The IANA name of a key-exchange group, for example "x25519". Otherwise as `spantls_cipher_suite_name()`.
 */
SPANTLS_MUST_USE
const char *spantls_group_name(uint16_t group);

/**
 * The IANA name of a signature scheme, for example "ed25519". Otherwise as `spantls_cipher_suite_name()`.
 */
SPANTLS_MUST_USE
const char *spantls_signature_scheme_name(uint16_t scheme);

/**
 * The version of the library as text, for example "1.0.0". The header's is `SPANTLS_VERSION`. Valid for the life of the process.
 */
SPANTLS_MUST_USE
const char *spantls_version(void);

/**
 * The `SPANTLS_ABI_VERSION` that the library was built with. Compare it with the header's when loading at run time.
 */
SPANTLS_MUST_USE
uint32_t spantls_abi_version(void);

/**
 * The name of a status, for example "TLS_STATUS_WANT_READ"; "unknown" for any other number. Valid for the life of
 * the process.
 */
SPANTLS_MUST_USE
const char *tls_status_name(tls_status_t status);

/**
 * The name of an alert as the RFCs spell it, for example "unknown_ca"; "unknown" for any other number. Valid for the
 * life of the process.
 */
SPANTLS_MUST_USE
const char *spantls_alert_name(uint8_t alert);

/**
 * The last failure on this thread of a call that has no session (credentials, options, contexts, a NULL session).
 * Set `out_error->struct_size` first. It is not cleared by calls that succeed.
 *
 * - `TLS_STATUS_COMPLETE`: the record is filled; its `status` is 0 if nothing has failed on this thread.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_error` is NULL or its `struct_size` is too small.
 */
SPANTLS_MUST_USE
tls_status_t spantls_last_error(spantls_error_t *out_error);

/**
 * How many handshakes are suspended or being worked on in this process, and how many may be: beyond that
 * `tls_session_handshake()` returns `TLS_STATUS_OUT_OF_RESOURCES`. Each holds 12 to 27 KiB until it is answered or
 * destroyed. Sessions that wait for their context (`TLS_STATUS_NEEDS_SERVER_OPTIONS`), or for a verdict on a client
 * that showed no certificate, do not count: they hold a few KiB, the former as much as the ClientHello has, 64 KiB at most.
 *
 * - `TLS_STATUS_COMPLETE`. Either pointer may be NULL.
 */
SPANTLS_MUST_USE
tls_status_t spantls_suspended_handshakes(size_t *out_in_use,
                                          size_t *out_limit);

/**
 * Makes credentials from PEM text: the chain (leaf first, then the certificates that lead towards a root) and the
 * private key (PKCS#8, PKCS#1 or SEC1, not encrypted). The buffers are copied.
 *
 * Supported keys: ECDSA on P-256 and P-384, Ed25519, and RSA. An EC key without its public part is completed from the
 * first certificate, which must be for this key. A library built with ring (the default) takes RSA keys of 2048, 3072 or
 * 4096 bits with a public exponent of at least 65537; one built with aws-lc-rs takes any length from 2048 to 4096 bits.
 *
 * All functions that take PEM text read it in the same way (RFC 7468). A BEGIN or END line must have its line to itself. It
 * may be indented, follow a byte-order mark, or (BEGIN only) follow an END line without a line end. Other text between
 * blocks is skipped, including lines that begin with #. No block is dropped silently. These are errors: a damaged BEGIN or
 * END line, a block without an END line, an unknown label, and the labels `TRUSTED CERTIFICATE`, `PKCS7`, `CMS` and
 * `OPENSSH PRIVATE KEY`. Blocks of other known kinds are skipped: keys, parameters, requests and revocation lists in a chain
 * or among trust anchors; certificates and parameters around a private key. If there are several private keys, the first
 * one that is not encrypted is used. Messages give the line number and the fault, never any of the text.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_credentials` is set; release it with `tls_credentials_destroy()`.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: no certificate or key found, not parsable, unsupported, or they do not match;
 *   `spantls_last_error()` says which.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL.
 */
SPANTLS_MUST_USE
tls_status_t tls_credentials_create_pem(const char *chain,
                                        size_t chain_len,
                                        const char *key,
                                        size_t key_len,
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
 * these credentials. It is not looked into.
 *
 * - `TLS_STATUS_COMPLETE`: set, the buffer is copied.
 * - `TLS_STATUS_INVALID_ARGUMENT`: more than 12,288 bytes.
 */
SPANTLS_MUST_USE
tls_status_t tls_credentials_set_ocsp_response(tls_credentials_t *credentials,
                                               const void *der,
                                               size_t der_len);

/**
 * Releases credentials. Options and contexts that were given them keep what they need. NULL is a no-op.
 */
void tls_credentials_destroy(tls_credentials_t *credentials);

/**
 * Makes options with every default: TLS 1.2 and 1.3, all suites and groups, no ALPN, no client certificates,
 * external validation.
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
 * Sets the only credentials: a server's certificate chain, or the one that a client shows to every server that asks
 * (mutual TLS). They replace all that were set or added before, those for names too; NULL only removes these.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for a wrong handle.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_credentials(tls_options_t *options,
                                         const tls_credentials_t *credentials);

/**
 * Adds credentials to those that are there, for example an RSA chain beside an ECDSA chain.
 *
 * A server shows the first that the client accepts, in the order in which they were added: the client lists a signature scheme
 * of the key (`signature_algorithms`); for TLS 1.2 also a cipher suite for such keys, and a chain on a curve that the client
 * lists is preferred. If none fits, the handshake fails with `handshake_failure`. A client shows the first that fits the
 * server's signature schemes and acceptable issuers; if no issuer fits, the first that fits the schemes; if no scheme fits,
 * none.
 *
 * - `TLS_STATUS_COMPLETE`: added.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: added before, or more than 4,096 credentials.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a wrong handle.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_credentials(tls_options_t *options,
                                         const tls_credentials_t *credentials);

/**
 * Adds a server's credentials for clients that ask for `name` (SNI): a host name, or `*.` and a host name, which stands for
 * exactly one label (`*.example.org` is for `www.example.org`, not for `example.org`). International names are A-labels
 * (`xn--...`); case does not matter. The certificate's own names are not compared with it.
 *
 * A client gets the credentials of its exact name, else those of the wildcard, else those without a name; if there are
 * none without a name, the handshake fails with `unrecognized_name`, or with `handshake_failure` if the client sent no name.
 * Several credentials can be added for one name: one of them is chosen as `tls_options_add_credentials()` says.
 *
 * - `TLS_STATUS_COMPLETE`: added.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: added for this name before, or more than 4,096 credentials. The same from
 *   `tls_context_create_client()`: these are for servers.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a wrong handle, or `name` is NULL or not such a name.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_credentials_for_name(tls_options_t *options,
                                                  const char *name,
                                                  const tls_credentials_t *credentials);

/**
 * Sets what a client without credentials does when a server asks for a certificate: one of
 * `spantls_certificate_requests_values`. `tls_session_set_client_credentials()` before the handshake answers for one session.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_certificate_requests(tls_options_t *options,
                                                  int32_t mode);

/**
 * Adds the trust anchors in PEM text to those that the default validation trusts; a server also names them to
 * clients as acceptable issuers (RFC 8446 section 4.2.4) unless their names are longer than 48 KiB. A self-signed
 * certificate given here is trusted as a leaf, too, if the peer shows exactly that certificate. A client without any
 * anchors trusts the system's store; a server without any trusts no client.
 *
 * The system's store is what the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name; if neither is set, the
 * system's usual places are read. A program with more rights than its user (set-uid, set-gid, file capabilities) ignores
 * both variables. The library reads no others; AWS-LC, in a library built with it, also reads `OPENSSL_ia32cap` or
 * `OPENSSL_armcap`.
 *
 * By default an anchor is a name and a key (RFC 5280 section 6.1.1 (d)). It may issue for any name that its name constraints
 * permit, even if it is not a CA, has expired, or is meant for another use. If the certificate of a single server must not
 * vouch for others, do not add it in this mode: choose another with `tls_options_set_trust_anchor_mode()`.
 *
 * - `TLS_STATUS_COMPLETE`: all certificates of the text were added. Keys and revocation lists in it were skipped; see
 *   `tls_credentials_create_pem()` for how PEM text is read.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: the text has no certificate, a certificate cannot be parsed, or the text is damaged; nothing
 *   was added.
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
 * Sets how the default validation judges trust anchors: a `SPANTLS_TRUST_ANCHORS_…` value. It applies to the anchors of the
 * options and to the system's store.
 *
 * With `SPANTLS_TRUST_ANCHORS_CERTIFICATES` an anchor is judged as OpenSSL and .NET judge the certificates of a trust store:
 * - An anchor that is not a CA (basicConstraints, key usage) is accepted only as the peer's own certificate.
 * - An anchor that has expired, is not valid yet, or has an unknown critical extension is never accepted.
 * - An anchor that is not self-signed (an intermediate) does not end a chain. It can only link a chain to a self-signed one.
 * - Its path length, extended key usages and name constraints apply to the certificates below it.
 *
 * `SPANTLS_TRUST_ANCHORS_PARTIAL_CHAIN` is the same, except that a chain may end at any anchor, including an intermediate or the
 * peer's own certificate (OpenSSL's X509_V_FLAG_PARTIAL_CHAIN).
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_trust_anchor_mode(tls_options_t *options,
                                               int32_t mode);

/**
 * Sets whether the default validation requires certificates to follow the profile of RFC 5280 section 4: 1, or 0 (default).
 * The rules are those of OpenSSL's X509_V_FLAG_X509_STRICT. Among them: a CA has a critical basicConstraints and a key usage;
 * subject and authority key identifiers are present where required, and not critical; a certificate that is not a CA has
 * neither keyCertSign nor a path length; names are not empty. They apply to every certificate of a path, but to the anchor
 * only if it is judged as a certificate (`tls_options_set_trust_anchor_mode()`). A leaf that is itself trusted is exempt
 * (RFC 6818 section 2), except that it needs basicConstraints if it has keyCertSign or is of X.509 version 1.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_strict_certificates(tls_options_t *options,
                                                 int32_t strict);

/**
 * Sets the time at which certificates and revocation lists must be valid for the default validation, in seconds since
 * 1970-01-01 00:00:00 UTC. `SPANTLS_VALIDATION_TIME_NOW` (default) is the time of the judgement. The lifetime of session
 * tickets is not affected.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other negative number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_validation_time(tls_options_t *options,
                                             int64_t unix_seconds);

/**
 * Adds the certificate revocation lists in PEM text (RFC 5280 section 5). Once there is one, the default validation
 * refuses every certificate of a chain (trust anchors apart) that is revoked, whose status no list tells, or whose
 * list has expired.
 *
 * - `TLS_STATUS_COMPLETE`: all lists of the text were added; certificates and keys in it were skipped.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: the text has no list, a list cannot be parsed, or the text is damaged; nothing was added.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_add_crls_pem(tls_options_t *options,
                                      const char *pem,
                                      size_t pem_len);

/**
 * Sets the protocol versions: `SPANTLS_PROTOCOL_…` values or-ed together; 0 means all.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other bit.
 */
SPANTLS_MUST_USE tls_status_t tls_options_set_protocols(tls_options_t *options, uint32_t protocols);

/**
 * Sets the cipher suites (`SPANTLS_SUITE_…`) in order of preference; `num_ids` 0 means all. A server takes the
 * first of its own that the client offers (without this call: the first of the client's that it has).
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_CONFIGURATION` for a suite that is unknown or there twice.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_cipher_suites(tls_options_t *options,
                                           const uint16_t *ids,
                                           size_t num_ids);

/**
 * Sets the key-exchange groups (`SPANTLS_GROUP_…`) in order of preference; `num_ids` 0 means all, in this order:
 * X25519MLKEM768, X25519, secp256r1, secp384r1.
 *
 * X25519MLKEM768 is X25519 and ML-KEM-768 together, against those who record today and have a quantum computer later.
 * It is TLS 1.3's alone, makes the ClientHello about 1.2 KiB longer, and needs 64 KiB of the calling thread's stack.
 *
 * A client sends a key share of its first group; if that is X25519MLKEM768 and X25519 is among the others, one of
 * X25519 too, so that a server of either kind answers at once. A server without this call, or with one group, takes the first
 * of the client's groups that it has; with several it takes the first of these that the client has. It asks for the client's
 * share (`SPANTLS_STATE_HELLO_RETRIED`) where that is missing, which costs a round trip.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_CONFIGURATION` for a group that is unknown or there twice. Groups that no
 *   protocol version can use are refused when the context is created.
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
 * Sets whether a server asks its clients for certificates: a `SPANTLS_CLIENT_CERTIFICATE_…` value. Clients ignore it.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_client_certificate_mode(tls_options_t *options,
                                                     int32_t mode);

/**
 * Sets who judges the peer's certificate: a `SPANTLS_VALIDATION_…` value.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_certificate_validation(tls_options_t *options,
                                                    int32_t mode);

/**
 * Sets whether sessions resume earlier ones and can be resumed (RFC 8446 section 2.2, RFC 5077): 0 or 1 (default). A
 * resumed handshake is shorter and has no certificates; the peer is known by what it showed before.
 *
 * - Servers send session tickets, sealed with keys of the context's own, or see `tls_options_set_ticket_keys()`.
 * - Clients keep tickets in their context, apart for each target name and for each credentials set beforehand. A session
 *   without a name keeps none; what a session got that was given its credentials on demand, only sessions use that preset
 *   the same ones. When a server's certificate is refused, what was kept of that name and these credentials goes.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_allow_resume(tls_options_t *options,
                                          int32_t allow);

/**
 * Sets whether the peer's certificate is judged again when a session is resumed: 0 or 1 (default). With 1 the handshake
 * suspends with `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` (or judges inside, with `SPANTLS_VALIDATION_AUTOMATIC`), with the
 * chain of the first session. With 0 the first verdict holds while the session is resumed, again and again.
 *
 * Either way a session is resumed for seven days at most; then the peer has to prove anew that it holds its key.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_validate_on_resume(tls_options_t *options,
                                                int32_t validate);

/**
 * Sets what a server's tickets are sealed with. Processes and machines that are given the same `root` take each other's
 * tickets without talking: every `lifetime_seconds` the keys change by the clock, and the neighbouring keys are taken too.
 * The keys derive from the root, from the server's own certificate, and from what decides who is let in (client-certificate
 * mode, trust anchors, revocation lists, validation, protocols, application protocols): servers that are somebody else, or
 * judge differently, do not take each other's tickets. How a host judges (`SPANTLS_VALIDATION_EXTERNAL`) is not seen: where
 * hosts judge differently and do not judge again (`tls_options_set_validate_on_resume()` 0), give them different roots.
 * Whoever has the root can decrypt every TLS 1.2 session that got a ticket, resumed or not, and can pretend to be the server
 * to clients that resume: 32 random bytes at least, as secret as a private key, and replaced now and then.
 *
 * `root_len` 0: each context makes its own keys and forgets them after two lifetimes (default). `lifetime_seconds` 0: two
 * hours (default); 604,800 at most (RFC 8446 section 4.6.1). A ticket that is foreign, damaged or too old means a full
 * handshake.
 *
 * - `TLS_STATUS_COMPLETE`: set. The root is copied, and wiped when options and contexts are gone.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a root of 1 to 31 bytes, or a lifetime above seven days.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_ticket_keys(tls_options_t *options,
                                         const void *root,
                                         size_t root_len,
                                         uint32_t lifetime_seconds);

/**
 * Sets how many bytes of plaintext each record of ours holds at most: 64 to 16,384; 0 means 16,384 (default, RFC 8446
 * section 5.1). What the peer sends is not limited by it.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_max_fragment_size(tls_options_t *options,
                                               size_t size);

/**
 * Appends the secrets of every session of the context to a file, in the format that NSS and other programs write with
 * `SSLKEYLOGFILE`, from which Wireshark decrypts captured traffic. Whoever reads the file reads the traffic: for debugging
 * only. No environment variable does this. An empty path means none (default). A new file is readable by its owner only;
 * lines that cannot be written later are left out.
 *
 * - `TLS_STATUS_COMPLETE`: the file is open and stays so while options or contexts made from them live.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: it cannot be opened for writing.
 * - `TLS_STATUS_INVALID_ARGUMENT`: the path is NULL or not UTF-8.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_key_log_file(tls_options_t *options,
                                          const char *path);

/**
 * Sets whether server sessions keep the ClientHello behind the handshake, for `tls_session_client_hello()` and the
 * getters that read it: 0 (default) or 1. It costs its length, some hundred bytes to two thousand.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for any other number.
 */
SPANTLS_MUST_USE
tls_status_t tls_options_set_keep_client_hello(tls_options_t *options,
                                               int32_t keep);

/**
 * Makes a server context from options with credentials. With NULL in their place its sessions suspend with
 * `TLS_STATUS_NEEDS_SERVER_OPTIONS` as soon as the ClientHello is complete, and go on with the context that
 * `tls_session_set_server_context()` brings.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_context` is set; release it with `tls_context_destroy()`.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: no credentials, or the options contradict each other.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `options` is neither NULL nor options, or `out_context` is NULL.
 */
SPANTLS_MUST_USE
tls_status_t tls_context_create_server(const tls_options_t *options,
                                       tls_context_t **out_context);

/**
 * Makes a client context.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_context` is set; release it with `tls_context_destroy()`.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: the options contradict each other.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `options` is NULL or no options.
 */
SPANTLS_MUST_USE
tls_status_t tls_context_create_client(const tls_options_t *options,
                                       tls_context_t **out_context);

/**
 * Releases a context. Its sessions live on. NULL is a no-op.
 */
void tls_context_destroy(tls_context_t *context);

/**
 * 1 for a server context, 0 for a client context (and for what is no context).
 *
 * Like every use of a context, this erases expired secrets: roots of the context's own ticket keys, and a client's tickets.
 * A server that may be idle for longer than the lifetime of its tickets can call it for that purpose.
 */
SPANTLS_MUST_USE
int32_t tls_context_is_server(const tls_context_t *context);

/**
 * As `tls_session_set_user_data()`, for a context.
 */
tls_status_t tls_context_set_user_data(tls_context_t *context, void *user_data);

/**
 * The pointer that `tls_context_set_user_data()` has set last; NULL until then.
 */
SPANTLS_MUST_USE void *tls_context_user_data(const tls_context_t *context);

/**
 * Makes a session on a context; its role is the context's.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_session` is set; release it with `tls_session_destroy()`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL or `context` is no context.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_create(tls_context_t *context,
                                tls_session_t **out_session);

/**
 * Releases a session in whatever state, suspended too, and wipes its keys. It sends nothing: to close properly, call
 * `tls_session_shutdown()` before. NULL is a no-op.
 */
void tls_session_destroy(tls_session_t *session);

/**
 * Sets the name of the server that a client wants: a DNS name or an IP address. The name is sent to the server
 * (RFC 6066 section 3, DNS names only) and the default validation checks the certificate against it; without a name
 * it reports `SPANTLS_POLICY_ERROR_NAME_MISMATCH`. A trailing dot of a DNS name is neither sent nor compared.
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
 * Keeps a pointer of the host's with the session, for example to its own connection. The library never follows or frees it.
 * From any thread, at any time; whoever gets the pointer also sees what was written before it was set.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` for a wrong handle.
 */
tls_status_t tls_session_set_user_data(tls_session_t *session,
                                       void *user_data);

/**
 * The pointer that `tls_session_set_user_data()` has set last; NULL until then.
 */
SPANTLS_MUST_USE void *tls_session_user_data(const tls_session_t *session);

/**
 * Does the handshake: hands over pending output, then consumes whole records of `input` and writes what the peer is
 * to receive, until something is missing. Any sizes work, also 0. Bytes behind the handshake are not consumed: they
 * belong to `tls_session_decrypt()`.
 *
 * - `TLS_STATUS_COMPLETE`: the handshake is finished, the peer judged, and every byte of it handed over. Repeats, 0/0.
 * - `TLS_STATUS_WANT_READ`: a record is incomplete: show the rest of the input again with more behind it.
 * - `TLS_STATUS_WANT_WRITE`: output is left: call again with room (input is welcome too).
 * - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_accept_with_default_validation()`. Accepting is not yet
 *   authentication: the peer has still to prove that it holds the key, and the handshake fails if it cannot. Only
 *   COMPLETE means authenticated.
 * - `TLS_STATUS_WANT_CREDENTIALS` (clients): see `tls_session_set_client_credentials()`.
 * - `TLS_STATUS_NEEDS_SERVER_OPTIONS` (servers): see `tls_session_set_server_context()`.
 * - `TLS_STATUS_NEEDS_SIGNATURE`: see `tls_session_signature_request()`.
 *
 *   These four are questions: send what was written, as always. They repeat, 0/0, until answered; a loop that passes over
 *   one never ends. Limit the time that you give yourself: `spantls_suspended_handshakes()`.
 * - `TLS_STATUS_CLOSED`: the handshake was cancelled with `tls_session_shutdown()`.
 * - `TLS_STATUS_PEER_ALERT`: the peer has ended the handshake: `alert_received` in the error record says why. Sticky.
 * - `TLS_STATUS_AUTHENTICATION_FAILED`, `TLS_STATUS_PROTOCOL_ERROR`, `TLS_STATUS_TRUNCATED`: failed; what was written, and
 *   `tls_session_drain_pending_output()`, hold the alert for the peer. Sticky.
 * - `TLS_STATUS_OUT_OF_RESOURCES`: the next record was not consumed; not sticky.
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
 * Seals plaintext: emits pending output first, then as many whole records as fit. It keeps nothing of the plaintext:
 * what was not consumed is shown again.
 *
 * - `TLS_STATUS_COMPLETE`: all plaintext was taken. An empty plaintext makes no record: only pending output is written.
 * - `TLS_STATUS_WANT_WRITE`: more room is needed; `SPANTLS_MIN_CIPHERTEXT` bytes always make progress.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or our side is shut down; in TLS 1.2 also after the
 *   peer's `close_notify` (RFC 5246 section 7.2.1).
 * - The sticky error of a failed session; its alert waits in `tls_session_drain_pending_output()`.
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
 * The room in bytes with which `tls_session_encrypt()` takes `plaintext_len` bytes whole and returns COMPLETE, in the session's
 * present state: records and what may have to precede them, which is pending output, a reply to a key update, new keys.
 *
 * Ask on the thread that encrypts: a call of the write half in between can change it. It is larger than what will be written by
 * at most 37 bytes. `SIZE_MAX` if no memory has so much room; 0 where encrypt takes nothing: before the handshake is COMPLETE,
 * after shutdown or a failure, on a session bound to a socket, while another thread is in the write half, without a session.
 */
SPANTLS_MUST_USE
size_t tls_session_ciphertext_size(const tls_session_t *session,
                                   size_t plaintext_len);

/**
 * As `tls_session_encrypt()`, with the plaintext gathered from `num_spans` spans; `*out_consumed` counts through all
 * of them. Records are filled across the spans' borders.
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
 * Opens records: as many whole ones as input and room allow. Held plaintext (from a record larger than the room of
 * an earlier call) always comes first. Pending output is not looked at. What ends the read half, an alert or a bad
 * record, has a call of its own: a call that has made progress stops before it with COMPLETE, so CLOSED and negative
 * statuses never come with plaintext.
 *
 * - `TLS_STATUS_COMPLETE`: progress was made. `*out_written` 0 is a message of TLS itself (a ticket, a key update)
 *   and not the end.
 * - `TLS_STATUS_WANT_READ`: there is no whole record in the input.
 * - `TLS_STATUS_WANT_WRITE`: the next record holds more than the room: what fits was written, the rest is held
 *   (`SPANTLS_STATE_HAS_PENDING_PLAINTEXT`). With no room at all nothing was done.
 * - `TLS_STATUS_CLOSED`: the peer's `close_notify`; everything before it was delivered. Repeats.
 * - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_request_client_certificate()`. With a refusal there,
 *   `TLS_STATUS_AUTHENTICATION_FAILED`, sticky.
 * - `TLS_STATUS_TRUNCATED`: after `tls_session_end_of_input()` without a `close_notify`. The write half goes on.
 * - `TLS_STATUS_PROTOCOL_ERROR`: a bad record; `TLS_STATUS_PEER_ALERT`: a fatal alert. What came before was delivered by
 *   earlier calls. Sticky.
 * - The sticky error of a handshake that has failed.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
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
 * Opens the first record of `data` where it lies, one record per call: no copy. The plaintext is at
 * `data + *out_plaintext_offset`. What was consumed is overwritten; a record that fails to open is destroyed.
 *
 * Statuses as `tls_session_decrypt()`, but never WANT_WRITE; and
 * - `TLS_STATUS_INVALID_STATE`: also while plaintext is held: take it with `tls_session_decrypt()` first.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_decrypt_in_place(tls_session_t *session,
                                          void *data,
                                          size_t data_len,
                                          size_t *out_consumed,
                                          size_t *out_plaintext_offset,
                                          size_t *out_plaintext_len);

/**
 * Asks the client of an open TLS 1.3 session for a certificate (RFC 8446 section 4.6.2), for example because of what it
 * has requested: a CertificateRequest behind pending output, with the trust anchors of the server's context as acceptable
 * issuers, whatever its client-certificate mode. The answer comes among the client's data: `tls_session_decrypt()` goes
 * on delivering, and when the answer is complete, with its signature and its Finished verified, returns
 * `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` until the verdict is given, in the same ways as in the handshake
 * (`SPANTLS_VALIDATION_AUTOMATIC` judges inside). `tls_session_encrypt()` continues to work meanwhile. Then
 * `tls_session_remote_certificate()` returns the new chain. If the client declines, there is no certificate, and the error
 * record has `SPANTLS_POLICY_ERROR_NOT_AVAILABLE` until the verdict; under `SPANTLS_CLIENT_CERTIFICATE_REQUIRE` such a client is
 * refused at once with `certificate_required`, without a verdict. A refused client gets the alert, and both halves fail.
 * `SPANTLS_STATE_CERTIFICATE_REQUESTED` and `SPANTLS_STATE_CERTIFICATE_ANSWERED` tell where this stands.
 *
 * It is this session's alone: whoever resumes it must be asked again. Clients of this library do not offer it; a server
 * that asks them all the same gets `unexpected_message`.
 *
 * - `TLS_STATUS_COMPLETE`: asked. What did not fit is pending: see `tls_session_has_pending_output()`.
 * - `TLS_STATUS_WANT_WRITE`: not asked: send what was written, and call again with room.
 * - `TLS_STATUS_NOT_SUPPORTED`: TLS 1.2 (it would have to renegotiate), or a client that did not offer
 *   post_handshake_auth. Nothing was sent.
 * - `TLS_STATUS_INVALID_STATE`: a client; not COMPLETE; the client has not answered the last request, or its answer is not
 *   judged; our side is closed.
 * - `TLS_STATUS_BUSY`: another thread is in the write half, or checks an answer.
 * - The sticky error of a failed session.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_request_client_certificate(tls_session_t *session,
                                                    void *output,
                                                    size_t output_cap,
                                                    size_t *out_written);

/**
 * Moves on to the next keys (RFC 8446 section 4.6.3): writes a KeyUpdate behind pending output; what is encrypted after it
 * is under the new keys. With `request_peer_update` 1 (else 0) the peer is asked to do the same. Sessions do this by
 * themselves before a key has sealed as much as it may (section 5.5). A peer need not take more than a few without data
 * between them.
 *
 * - `TLS_STATUS_COMPLETE`: written.
 * - `TLS_STATUS_WANT_WRITE`: the keys have not changed: send what was written, and call again with
 *   `SPANTLS_MIN_CIPHERTEXT` bytes of room.
 * - `TLS_STATUS_NOT_SUPPORTED`: TLS 1.2.
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
 * Closes our side: writes `close_notify` (RFC 8446 section 6.1) behind pending output. Always allowed. Before the
 * handshake is COMPLETE it cancels it (`user_canceled`, then `close_notify`; nothing at all if no handshake call was
 * made: the peer has not heard of us). Afterwards encrypt is INVALID_STATE and decrypt still works. In TLS 1.2 the
 * peer closes as soon as it sees this, so ask for replies before (RFC 5246 section 7.2.1).
 *
 * - `TLS_STATUS_CLOSED`: everything is written. Repeats, 0.
 * - `TLS_STATUS_WANT_WRITE`: call again with room.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_shutdown(tls_session_t *session,
                                  void *output,
                                  size_t output_cap,
                                  size_t *out_written);

/**
 * Writes output that is owed to the peer: the rest of a handshake flight, an alert, the answer to a key update.
 * Works in every state, after a failure too.
 *
 * - `TLS_STATUS_COMPLETE`: nothing is left.
 * - `TLS_STATUS_WANT_WRITE`: call again with room.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_drain_pending_output(tls_session_t *session,
                                              void *output,
                                              size_t output_cap,
                                              size_t *out_written);

/**
 * Says that the transport has ended (a read of 0 bytes). It delivers nothing; held plaintext is still to be taken
 * with `tls_session_decrypt()`.
 *
 * - `TLS_STATUS_CLOSED`: the peer had closed properly, or the handshake was cancelled.
 * - `TLS_STATUS_TRUNCATED`: it had not; sticky for the handshake or the read half.
 * - `TLS_STATUS_COMPLETE`: the session is suspended, or was answered and not called since; the end is remembered until it
 *   next needs input.
 * - The sticky error of a handshake or a read half that has failed.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_end_of_input(tls_session_t *session);

/**
 * The last failure of a call on this session; once the session has failed (`SPANTLS_STATE_FAILED`), what it has failed with,
 * whatever calls it refuses since. Calls that succeed leave it. Set `out_error->struct_size` first.
 *
 * - `TLS_STATUS_COMPLETE`: the record is filled; its `status` is 0 if nothing has failed. While the session waits for
 *   a verdict and the peer has shown no certificate, its `policy_errors` is `SPANTLS_POLICY_ERROR_NOT_AVAILABLE`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_error` is NULL or its `struct_size` is too small.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_error(const tls_session_t *session,
                               spantls_error_t *out_error);

/**
 * Makes a session that moves its bytes itself, over a connected stream socket.
 *
 * The loop, for either role: `tls_session_socket_handshake()`, then `tls_session_socket_read()` and `tls_session_socket_write()`, in the end
 * `tls_session_socket_shutdown()`. WANT_READ means: wait until the socket is readable, then call again; WANT_WRITE: until it is
 * writable. The questions of a handshake come and are answered as over spans; so are all getters. Make the socket
 * non-blocking; on one that blocks the same calls wait in `recv` and `send`, and nowhere else (a time limit of the socket's
 * is WANT_READ or WANT_WRITE). On TCP set TCP_NODELAY: everything is sent in as few pieces as there can be, and without it
 * the system may hold a small one back until the peer has acknowledged the one before (RFC 896), for tens of milliseconds.
 *
 * - The socket may still be connecting: WANT_WRITE until it is connected, `TLS_STATUS_IO_ERROR` if that fails.
 * - Before you wait for the socket to become readable, look at `SPANTLS_STATE_HAS_PENDING_PLAINTEXT`: while it is set there is
 *   something to read here, and the socket may never become readable again.
 * - After each read, look at `tls_session_has_pending_output()`: when it is true, `tls_session_socket_write()` (with nothing, or with
 *   the next data) sends an answer that the peer is owed.
 * - One thread may read while another writes or closes. Who waits inside a call on a blocking socket keeps others out of
 *   the same half (`TLS_STATUS_BUSY`), and out of the whole session in the handshake: `shutdown()` of the socket by the host
 *   ends the waiting.
 * - The functions over spans are `TLS_STATUS_INVALID_STATE` here, and those for sockets are on other sessions;
 *   `tls_session_request_client_certificate()` and `tls_session_update_keys()` take an empty output span (NULL, 0) and send.
 * - SIGPIPE is never raised, interrupted system calls are repeated, and no option of the socket is changed (on macOS
 *   SO_NOSIGPIPE is). No one else may read from the socket or write to it until both sides have closed. If another protocol
 *   follows TLS on it, see `tls_session_socket_bytes_after_close()`.
 * - The two halves fail separately. If nothing more can be sent, writing ends but reading does not: `tls_session_socket_read()`
 *   delivers what the peer sent, then reports how the connection ended.
 * - An idle session keeps no buffers: bytes pass through some 200 KiB of each calling thread. What it keeps while it waits,
 *   the front of a record, ciphertext that the socket did not take, is limited.
 *
 * `flags` is `SPANTLS_SOCKET_BORROW` or `SPANTLS_SOCKET_OWN`, and one or both of the KERNEL flags where the kernel shall have the keys:
 * the calls and their statuses stay the same, data goes through the kernel as plaintext. A kernel, a socket or a suite that
 * cannot is no error: the library goes on by itself, and `tls_session_stats()` tells what the kernel does and why not more.
 * With `SPANTLS_SOCKET_KERNEL_RECEIVE` the handshake receives record by record, two system calls for each. A kernel before
 * Linux 6.14 cannot change keys: there `tls_session_update_keys()` is `TLS_STATUS_NOT_SUPPORTED`, and a peer that changes its
 * keys or asks for new ones (RFC 8446 section 4.6.3) ends the session with `TLS_STATUS_NOT_SUPPORTED` and the alert
 * `internal_error`. The kernel takes no limit of record sizes: with `tls_options_set_max_fragment_size()` it does not send.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_session` is set; release it with `tls_session_destroy()`.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a pointer is NULL, `context` is no context, other flags, or no stream socket (its `errno`,
 *   if it has one, is in `spantls_last_error()`). The socket stays the host's.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_create_with_socket(tls_context_t *context,
                                            spantls_socket_t socket,
                                            uint32_t flags,
                                            tls_session_t **out_session);

/**
 * Does the handshake over the session's socket.
 *
 * - `TLS_STATUS_COMPLETE`: the handshake is finished, the peer judged, and every byte of it sent. Repeats. Look at
 *   `SPANTLS_STATE_HAS_PENDING_PLAINTEXT`: the peer's data may have come with it. It is COMPLETE, too, if only sending was left
 *   (a server's tickets, our last flight) and the socket failed, since the peer may have sent its data and closed. Then
 *   `tls_session_socket_read()` delivers that data, or returns why the peer ended the connection, and `tls_session_socket_write()` returns
 *   `TLS_STATUS_IO_ERROR`.
 * - `TLS_STATUS_WANT_READ`, `TLS_STATUS_WANT_WRITE`: wait until the socket is readable, or writable.
 * - The questions, as `tls_session_handshake()` has them. They repeat until answered.
 * - `TLS_STATUS_CLOSED`: the handshake was cancelled with `tls_session_socket_shutdown()`.
 * - `TLS_STATUS_AUTHENTICATION_FAILED`, `TLS_STATUS_PROTOCOL_ERROR`, `TLS_STATUS_TRUNCATED`: failed; the alert was sent, or waits for
 *   `tls_session_socket_shutdown()` if the socket was full. Sticky.
 * - `TLS_STATUS_IO_ERROR`: the socket failed earlier than that; its `errno` is in the error record. If the peer sent a fatal alert
 *   before it disconnected, the alert is reported instead. Sticky, unless it is ENOBUFS or ENOMEM.
 * - `TLS_STATUS_OUT_OF_RESOURCES`: not sticky; nothing that was received is lost.
 * - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_handshake(tls_session_t *session);

/**
 * Reads plaintext: what is here already, or else what the socket has. After data was delivered the socket is not asked
 * again in the same call.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_read` bytes were delivered, at least one unless `buffer_cap` is 0: then it says that there
 *   is something to read. `SPANTLS_STATE_HAS_PENDING_PLAINTEXT` tells whether more is here.
 * - `TLS_STATUS_WANT_READ`: wait until the socket is readable.
 * - `TLS_STATUS_CLOSED`: the peer's `close_notify`; everything before it was delivered. Repeats. What the peer sends after
 *   it is not TLS: see `tls_session_socket_bytes_after_close()`.
 * - `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION`: see `tls_session_request_client_certificate()`. With a refusal there,
 *   `TLS_STATUS_AUTHENTICATION_FAILED`, sticky; `tls_session_socket_shutdown()` sends the alert.
 * - `TLS_STATUS_TRUNCATED`: the connection has ended without a `close_notify`. Sticky; writing goes on.
 * - `TLS_STATUS_PROTOCOL_ERROR`: a bad record. Sticky; `tls_session_socket_shutdown()` sends the alert.
 * - `TLS_STATUS_PEER_ALERT`: the peer's fatal alert. Sticky.
 * - `TLS_STATUS_IO_ERROR`: receiving failed, after everything received before was delivered; its `errno` is in the error record.
 *   Sticky for reading, unless it is ENOBUFS or ENOMEM. A failure to send is never reported here.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, or the session is not bound to a socket.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_read(tls_session_t *session,
                                     void *buffer,
                                     size_t buffer_cap,
                                     size_t *out_read);

/**
 * Writes plaintext: sends what is owed to the peer, then seals and sends, some 128 KiB in one system call. Plaintext is
 * taken or not, never copied: `*out_written` bytes are taken, and must not be shown again, whatever the status.
 *
 * - `TLS_STATUS_COMPLETE`: all plaintext was taken, and everything was sent to the socket.
 * - `TLS_STATUS_WANT_WRITE`: the socket is full: wait until it is writable, then call again with the plaintext that was not
 *   taken. If all of it was, ciphertext is still owed (`tls_session_has_pending_output()`): call with nothing (NULL, 0) or with
 *   the next data.
 * - `TLS_STATUS_IO_ERROR`: sending failed, now or in an earlier call that had output to send; its `errno` is in the error record.
 *   Sticky for writing, unless it is ENOBUFS or ENOMEM. Reading continues.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE, our side is closed (in TLS 1.2 also by the peer's
 *   `close_notify`), or the session is not bound to a socket.
 * - The sticky error of a failed session. If its alert could not be sent, `alert_sent` in the error record is -1.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_write(tls_session_t *session,
                                      const void *data,
                                      size_t data_len,
                                      size_t *out_written);

/**
 * As `tls_session_socket_write()`, with the plaintext gathered from `num_spans` spans; `*out_written` counts through all of them.
 * Records are filled across the spans' borders.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_write_vectored(tls_session_t *session,
                                               const spantls_span_t *spans,
                                               size_t num_spans,
                                               size_t *out_written);

/**
 * Closes our side: sends `close_notify` (RFC 8446 section 6.1) behind what is owed; before the handshake is COMPLETE it
 * cancels it, and after a failure it sends what is left of the alert. It never waits for the peer, and closes no socket:
 * reading goes on. To be sure that the peer has got everything, also shut down the socket's sending side and read to the end.
 *
 * - `TLS_STATUS_CLOSED`: everything is sent. Repeats.
 * - `TLS_STATUS_WANT_WRITE`: wait until the socket is writable, then call again.
 * - `TLS_STATUS_IO_ERROR`: the socket failed, now or earlier, and nothing more can be sent. Reading continues. If the session had
 *   failed before, the error record keeps that failure, with `alert_sent` -1.
 * - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_shutdown(tls_session_t *session);

/**
 * Ends the connection in order, after success or failure: sends what `tls_session_socket_shutdown()` sends, shuts down the
 * socket's sending side, then discards what still comes until the peer ends the connection too. Then destroy the session.
 *
 * A socket that is closed while unread data is in it resets the connection, and the last data, or the alert of a refusal,
 * would be lost. Limit the time that you give the peer. A call on a blocking socket returns after 256 system calls at most.
 *
 * - `TLS_STATUS_CLOSED`: the peer has ended the connection, or had sent its `close_notify` before. Repeats.
 * - `TLS_STATUS_WANT_READ`, `TLS_STATUS_WANT_WRITE`: wait until the socket is readable, or writable, then call again.
 * - `TLS_STATUS_IO_ERROR`: the socket failed, now or earlier: the peer may not have received everything.
 * - `TLS_STATUS_INVALID_STATE`: the session is not bound to a socket.
 * - `TLS_STATUS_BUSY`: another thread is reading or writing.
 */
tls_status_t tls_session_socket_finish(tls_session_t *session);

/**
 * Copies the bytes that were received after the peer's `close_notify`, in the same system call; empty if there are none. They
 * are not TLS. A protocol that continues in clear on the same connection (FTP's CCC, for example) calls this once
 * `tls_session_socket_read()` has returned CLOSED, and then reads the rest from the socket itself. The bytes stay the same in later
 * calls. They are not authenticated: an attacker can change them. Sessions over spans do not need this, since `*out_consumed`
 * ends with the `close_notify`. Copy-out as `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_STATE`: `tls_session_socket_read()` has not returned CLOSED, or the session is not bound to a socket.
 * - `TLS_STATUS_BUSY`: another thread is reading.
 *
 * While the kernel seals or opens the records (`SPANTLS_SOCKET_KERNEL_SEND`, `SPANTLS_SOCKET_KERNEL_RECEIVE`; see
 * `tls_session_stats()`), no protocol can follow in clear: kernel TLS stays on the socket until it is closed.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_socket_bytes_after_close(const tls_session_t *session,
                                                  void *out_bytes,
                                                  size_t bytes_cap,
                                                  size_t *out_len);

/**
 * The socket that the session is bound to; -1 if it is bound to none, or is no session.
 */
SPANTLS_MUST_USE spantls_socket_t tls_session_socket(const tls_session_t *session);

/**
 * Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with the default validation (RFC 5280, RFC 6125): a chain to the
 * trust anchors of the options (clients without any: the system's store), validity, usage, name constraints,
 * revocation if lists were given, and, on clients, the target host name. It computes on the caller's stack and may take a
 * millisecond; the first use of the system's store reads it.
 *
 * A client that showed no certificate is accepted, with 0 for policy errors, except under `SPANTLS_CLIENT_CERTIFICATE_REQUIRE`.
 * It is then accepted but not identified: check `tls_session_remote_certificate_count()`.
 *
 * Call it from any thread, but alone on the session; then call `tls_session_handshake()` again.
 *
 * On an open session that has asked for a certificate (`tls_session_request_client_certificate()`) it is
 * `tls_session_decrypt()` that goes on, and a thread inside it makes this `TLS_STATUS_BUSY`; so with all verdicts.
 *
 * - `TLS_STATUS_COMPLETE`: judged. `*out_policy_errors` (may be NULL) 0: accepted. Otherwise the peer is refused
 *   with the alert that fits the worst error, and the error record will say what is wrong.
 * - `TLS_STATUS_INVALID_STATE`: nothing waits for a verdict, or it was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_accept_with_default_validation(tls_session_t *session,
                                                        uint32_t *out_policy_errors);

/**
 * Tells what `tls_session_accept_with_default_validation()` would say, and answers nothing: for hosts whose verdict starts
 * from it, and passes over the name, for example. Calling it gives no verdict: give one afterwards. A certificate is judged
 * only once, however often this is called. The search for a path stops after eight wrong signatures (more if several
 * anchors share one name), and the chain is refused.
 *
 * For a client that showed no certificate the result is `SPANTLS_POLICY_ERROR_NOT_AVAILABLE` in every client-certificate mode,
 * also where `tls_session_accept_with_default_validation()` accepts it.
 *
 * - `TLS_STATUS_COMPLETE`: `*out_policy_errors` (may be NULL) is set; 0: the certificate would be accepted.
 * - `TLS_STATUS_INVALID_STATE`: nothing waits for a verdict, or it was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_default_policy_errors(const tls_session_t *session,
                                               uint32_t *out_policy_errors);

/**
 * Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with the host's own verdict: 0 accepts; `SPANTLS_POLICY_ERROR_…` bits
 * refuse the peer with `certificate_required` for 1 (`handshake_failure` in TLS 1.2), else `unknown_ca` for 4, else
 * `bad_certificate` for 2. To choose the alert, use `tls_session_reject_certificate()`.
 *
 * - `TLS_STATUS_COMPLETE`: taken; call `tls_session_handshake()` again.
 * - `TLS_STATUS_INVALID_ARGUMENT`: an unknown bit.
 * - `TLS_STATUS_INVALID_STATE`: nothing waits for a verdict, or it was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_certificate_validation_result(tls_session_t *session,
                                                           uint32_t policy_errors);

/**
 * Answers `TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION` with a refusal: the peer gets this fatal alert, under the keys in
 * force, before it completes and before any application byte.
 *
 * - `TLS_STATUS_COMPLETE`: taken; call `tls_session_handshake()` again: it fails with
 *   `TLS_STATUS_AUTHENTICATION_FAILED` and writes the alert.
 * - `TLS_STATUS_INVALID_ARGUMENT`: an alert that ends nothing (close_notify, user_canceled, no_renegotiation).
 * - `TLS_STATUS_INVALID_STATE`: nothing waits for a verdict, or it was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_reject_certificate(tls_session_t *session,
                                            uint8_t alert);

/**
 * Answers any suspension with a refusal: the peer gets this fatal alert, and nothing else any more.
 *
 * - `TLS_STATUS_COMPLETE`: taken; call `tls_session_handshake()` again: it fails with
 *   `TLS_STATUS_AUTHENTICATION_FAILED` and writes the alert.
 * - `TLS_STATUS_INVALID_ARGUMENT`: an alert that ends nothing (close_notify, user_canceled, no_renegotiation).
 * - `TLS_STATUS_INVALID_STATE`: the session is not suspended, or its question was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_reject(tls_session_t *session,
                                uint8_t alert);

/**
 * Answers `TLS_STATUS_NEEDS_SERVER_OPTIONS`: the session goes on with this server context, as if it had been created
 * on it (`tls_options_set_keep_client_hello()` counts, too). Then show `tls_session_handshake()` the same input
 * again: the record that completes the ClientHello was not consumed. Shown another record, it returns
 * `TLS_STATUS_INVALID_ARGUMENT` and takes nothing, until it is shown that one (a part of it is WANT_READ). To turn the
 * client away, `tls_session_reject()` with `SPANTLS_ALERT_UNRECOGNIZED_NAME` (RFC 6066 section 3) or another alert.
 *
 * - `TLS_STATUS_COMPLETE`: taken. The context may be destroyed.
 * - `TLS_STATUS_INVALID_ARGUMENT`: a client's context, or one that was itself made without options.
 * - `TLS_STATUS_INVALID_STATE`: no ClientHello waits for a context, or it was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_server_context(tls_session_t *session,
                                            tls_context_t *context);

/**
 * Answers `TLS_STATUS_WANT_CREDENTIALS`: the server gets this chain, and proof of its key; NULL declines, and the server
 * decides whether it goes on without. Called before the handshake it answers beforehand, and takes precedence over the
 * credentials of the options. It concerns this session alone.
 *
 * Credentials set beforehand that fit none of the server's signature schemes count as none.
 *
 * - `TLS_STATUS_COMPLETE`: taken; if the session was suspended call `tls_session_handshake()` again. The
 *   credentials may be destroyed.
 * - `TLS_STATUS_INVALID_CONFIGURATION`: suspended, and these credentials fit none of the server's signature schemes. Nothing was
 *   answered: try others, or NULL.
 * - `TLS_STATUS_INVALID_STATE`: a server session; the handshake has begun and nobody waits for credentials, or no more.
 *   Before the handshake a second call replaces the first.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_client_credentials(tls_session_t *session,
                                                const tls_credentials_t *credentials);

/**
 * The number of issuers that the server names in its request for a certificate (RFC 8446 section 4.2.4, RFC 5246 section
 * 7.4.4); 0 means that any will do. From `TLS_STATUS_WANT_CREDENTIALS` until the handshake is COMPLETE, else 0.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_acceptable_issuer_count(const tls_session_t *session,
                                                 size_t *out_count);

/**
 * Copies the distinguished name of an issuer that the server accepts, as DER. Copy-out as
 * `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_ARGUMENT`: also for an index that is not below the count.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_acceptable_issuer(const tls_session_t *session,
                                           size_t index,
                                           void *out_der_name,
                                           size_t der_name_cap,
                                           size_t *out_len);

/**
 * A signature scheme that the server accepts of a client (RFC 8446 section 4.2.3; `spantls_signature_scheme_name()`), in its order of
 * preference; 0 behind the last one. From `TLS_STATUS_WANT_CREDENTIALS` until the handshake is COMPLETE, else 0.
 */
SPANTLS_MUST_USE
uint16_t tls_session_acceptable_signature_scheme(const tls_session_t *session,
                                                 size_t index);

/**
 * Copies the message that `TLS_STATUS_NEEDS_SIGNATURE` wants signed, to the last byte what the signature covers: it is to
 * be hashed as the scheme says (RFC 8446 section 4.2.3), not yet hashed. `*out_scheme` (may be NULL) is the scheme, one
 * of those that the credentials were made with. Copy-out as `tls_session_negotiated_alpn()`.
 *
 * The message has less than 256 bytes; only clients in TLS 1.2 sign all handshake messages so far (RFC 5246 section
 * 7.4.8), which may be as long as the server's chain.
 *
 * - `TLS_STATUS_INVALID_STATE`: nothing waits for a signature.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_signature_request(const tls_session_t *session,
                                           uint16_t *out_scheme,
                                           void *out_message,
                                           size_t message_cap,
                                           size_t *out_len);

/**
 * Answers `TLS_STATUS_NEEDS_SIGNATURE`. ECDSA signatures are DER (`ECDSA-Sig-Value`, RFC 8446 section 4.2.3), the others
 * the bare bytes. The signature is checked against the certificate's key before it can leave. Length 0: the host could
 * not sign; the handshake fails with `TLS_STATUS_AUTHENTICATION_FAILED` and the alert `internal_error`. Sign on another thread or
 * in another process if it takes long: nothing else waits for this session.
 *
 * - `TLS_STATUS_COMPLETE`: taken; call `tls_session_handshake()` again.
 * - `TLS_STATUS_INVALID_ARGUMENT`: not a signature of this message by the certificate's key. Nothing was answered: bring
 *   another one, or none (length 0).
 * - `TLS_STATUS_INVALID_STATE`: nothing waits for a signature, or it was answered.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_set_signature(tls_session_t *session,
                                       const void *signature,
                                       size_t signature_len);

/**
 * The `SPANTLS_STATE_…` bits of a session; 0 for what is no session.
 */
SPANTLS_MUST_USE uint32_t tls_session_state(const tls_session_t *session);

/**
 * 1 once the handshake is finished, judged and handed over, else 0.
 */
SPANTLS_MUST_USE int32_t tls_session_is_handshake_complete(const tls_session_t *session);

/**
 * 1 if output is owed to the peer, else 0.
 */
SPANTLS_MUST_USE int32_t tls_session_has_pending_output(const tls_session_t *session);

/**
 * The protocol version, a `SPANTLS_PROTOCOL_…` value; 0 until the handshake is COMPLETE.
 */
SPANTLS_MUST_USE uint32_t tls_session_negotiated_protocol(const tls_session_t *session);

/**
 * The cipher suite, a `SPANTLS_SUITE_…` value; 0 until the handshake is COMPLETE. `spantls_cipher_suite_name()` names it.
 */
SPANTLS_MUST_USE
uint16_t tls_session_negotiated_cipher_suite(const tls_session_t *session);

/**
 * The key-exchange group, a `SPANTLS_GROUP_…` value; 0 until the handshake is COMPLETE. `spantls_group_name()` names it.
 */
SPANTLS_MUST_USE
uint16_t tls_session_negotiated_group(const tls_session_t *session);

/**
 * The signature scheme (`SPANTLS_SCHEME_…`, RFC 8446 section 4.2.3) with which the peer has proved that it holds its
 * certificate's key; 0 until the handshake is COMPLETE, and if it has shown no certificate in this handshake or behind it.
 */
SPANTLS_MUST_USE
uint16_t tls_session_peer_signature_scheme(const tls_session_t *session);

/**
 * Copies the application protocol (ALPN, RFC 7301); empty if none was negotiated, and until the handshake is COMPLETE.
 *
 * All getters of data copy everything or nothing, and set `*out_len` to the length: `(NULL, 0, &len)` asks for it.
 *
 * - `TLS_STATUS_COMPLETE`: copied.
 * - `TLS_STATUS_BUFFER_TOO_SMALL`: the room is less than `*out_len` bytes.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_negotiated_alpn(const tls_session_t *session,
                                         void *out_name,
                                         size_t name_cap,
                                         size_t *out_len);

/**
 * Copies the server's name: on clients what was set, on servers what the client asked for (RFC 6066 section 3), from
 * the ClientHello on; empty if there is none. What servers get is a DNS name of at most 253 bytes without a dot at its
 * end, in the letters that the client chose: compare it without regard to case.
 *
 * All getters of text write a closing NUL, which `*out_len` does not count: the room must be `*out_len` + 1 bytes.
 *
 * - `TLS_STATUS_COMPLETE`: copied.
 * - `TLS_STATUS_BUFFER_TOO_SMALL`: not copied. The text is empty, unless there is no room for that either.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_target_host_name(const tls_session_t *session,
                                          char *out_name,
                                          size_t name_cap,
                                          size_t *out_len);

/**
 * Tells what a session has counted. Set `out_stats->struct_size` first. From any thread, at any time; numbers that belong
 * together may be of different moments while other threads use the session.
 *
 * - `TLS_STATUS_COMPLETE`: filled.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_stats` is NULL or its `struct_size` is too small.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_stats(const tls_session_t *session,
                               spantls_session_stats_t *out_stats);

/**
 * Frees memory of an open session: `what` is a `SPANTLS_SHRINK_…` value.
 *
 * - `TLS_STATUS_COMPLETE`: done.
 * - `TLS_STATUS_INVALID_ARGUMENT`: another number.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE.
 * - `TLS_STATUS_BUSY`: another thread is in the read half.
 */
SPANTLS_MUST_USE tls_status_t tls_session_shrink(tls_session_t *session, int32_t what);

/**
 * The number of certificates that the peer has sent, 0 until it has; available from the verdict's suspension on.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_remote_certificate_count(const tls_session_t *session,
                                                  size_t *out_count);

/**
 * Copies a certificate of the peer as DER; index 0 is the leaf, the rest as the peer sent them. Copy-out as
 * `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_ARGUMENT`: also for an index that is not below the count.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_remote_certificate(const tls_session_t *session,
                                            size_t index,
                                            void *out_der,
                                            size_t der_cap,
                                            size_t *out_len);

/**
 * The number of certificates in the path that the default validation found, from the peer's leaf to a trust anchor, both
 * included. It is available once the default validation has judged, or `tls_session_default_policy_errors()` was called. It
 * is 0 if neither has happened, if the chain is not trusted, if the session was resumed without a new judgement, and after
 * `tls_session_shrink()` with `SPANTLS_SHRINK_PEER` or more. A name mismatch does not change it.
 *
 * - `TLS_STATUS_COMPLETE`, or `TLS_STATUS_INVALID_ARGUMENT` if a pointer is NULL.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_verified_certificate_count(const tls_session_t *session,
                                                    size_t *out_count);

/**
 * Copies a certificate of that path as DER: index 0 is the peer's leaf, the last index is the anchor. If the leaf itself is
 * trusted, it is the only one. Copy-out as `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_INVALID_ARGUMENT`: also for an index that is not below `tls_session_verified_certificate_count()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_verified_certificate(const tls_session_t *session,
                                              size_t index,
                                              void *out_der,
                                              size_t der_cap,
                                              size_t *out_len);

/**
 * Copies our leaf certificate as DER: a server's own; a client's if it was sent; else empty. Copy-out as
 * `tls_session_negotiated_alpn()`. Empty until the handshake is COMPLETE.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_local_certificate(const tls_session_t *session,
                                           void *out_der,
                                           size_t der_cap,
                                           size_t *out_len);

/**
 * Copies the OCSP response (DER) that the server has stapled to its certificate (RFC 6066 section 8), from the verdict's
 * suspension on; empty if there is none, in resumed sessions, and on servers. Copy-out as
 * `tls_session_negotiated_alpn()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ocsp_response(const tls_session_t *session,
                                       void *out_der,
                                       size_t der_cap,
                                       size_t *out_len);

/**
 * Copies a channel binding (RFC 5056) of a `SPANTLS_CHANNEL_BINDING_…` kind: the bare value, without its name in front. Both
 * ends have the same. Before relying on it, ask `tls_session_is_channel_binding_sound()`. Copy-out as
 * `tls_session_negotiated_alpn()`.
 *
 * - `TLS_STATUS_NOT_SUPPORTED`: UNIQUE in TLS 1.3 (RFC 8446 appendix C.5); ENDPOINT where RFC 5929 has no hash for the
 *   signature of the server's certificate (Ed25519).
 * - `TLS_STATUS_INVALID_ARGUMENT`: an unknown kind.
 * - `TLS_STATUS_INVALID_STATE`: the handshake is not COMPLETE; ENDPOINT on a client that `tls_session_shrink()` has taken the
 *   certificates from.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_channel_binding(const tls_session_t *session,
                                         int32_t kind,
                                         void *out_value,
                                         size_t value_cap,
                                         size_t *out_len);

/**
 * 1 if channel bindings of this session mean what they say: TLS 1.3, or TLS 1.2 with the extended master secret
 * (RFC 7627). Without it an attacker in the middle can give two connections the same UNIQUE and EXPORTER values. 0 until the
 * handshake is COMPLETE.
 */
SPANTLS_MUST_USE
int32_t tls_session_is_channel_binding_sound(const tls_session_t *session);

/**
 * Derives keying material from the session's secrets (RFC 5705, RFC 8446 section 7.5) and fills `out_material` with it.
 * Both ends get the same for the same label, context and length. `context` NULL means none: in TLS 1.2 that is another one
 * than a context of length 0, in TLS 1.3 it is the same.
 *
 * - `TLS_STATUS_COMPLETE`: filled.
 * - `TLS_STATUS_INVALID_ARGUMENT`: no room at all; a label that is empty (TLS 1.2), too long (TLS 1.3: more than 249 bytes)
 *   or that TLS 1.2 derives its own secrets with; a context of more than 65,535 bytes (TLS 1.2); more room than TLS 1.3 can
 *   fill (255 hash lengths).
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
 * Copies a server's first ClientHello: the whole handshake message with its four-byte header, fragments joined. There from
 * the moment that it is complete (`TLS_STATUS_NEEDS_SERVER_OPTIONS` and after) until the handshake is COMPLETE, and as
 * long as the session with `tls_options_set_keep_client_hello()`; else empty, and on clients. A ClientHello that cannot be
 * read ends the handshake with the fitting alert. A second ClientHello, after a HelloRetryRequest, must repeat the first one
 * (RFC 8446 section 4.1.2). It has at most 65,539 bytes. Copy-out as `tls_session_negotiated_alpn()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_client_hello(const tls_session_t *session,
                                      void *out_message,
                                      size_t message_cap,
                                      size_t *out_len);

/**
 * Tells what the ClientHello says and where. Set `out_info->struct_size` first.
 *
 * - `TLS_STATUS_COMPLETE`: filled.
 * - `TLS_STATUS_INVALID_ARGUMENT`: `out_info` is NULL or its `struct_size` is too small.
 * - `TLS_STATUS_INVALID_STATE`: there is no ClientHello: see `tls_session_client_hello()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_client_hello_info(const tls_session_t *session,
                                           spantls_client_hello_info_t *out_info);

/**
 * Copies the JA3 fingerprint of the ClientHello: 32 hexadecimal digits, the MD5 of the text that
 * `tls_session_ja3_text()` copies. There as long as the ClientHello is: see
 * `tls_session_client_hello()`. Copy-out as `tls_session_target_host_name()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ja3(const tls_session_t *session,
                             char *out_text,
                             size_t text_cap,
                             size_t *out_len);

/**
 * Copies what the JA3 fingerprint is made of: version, cipher suites, extensions, groups and point formats as decimal
 * numbers, without the values of RFC 8701. Otherwise as `tls_session_ja3()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ja3_text(const tls_session_t *session,
                                  char *out_text,
                                  size_t text_cap,
                                  size_t *out_len);

/**
 * Copies the JA4 fingerprint of the ClientHello, 36 characters (`t13d1516h2_8daaf6152771_e5627efa2ab1`). Otherwise as
 * `tls_session_ja3()`.
 */
SPANTLS_MUST_USE
tls_status_t tls_session_ja4(const tls_session_t *session,
                             char *out_text,
                             size_t text_cap,
                             size_t *out_len);

/**
 * Copies what the JA4 fingerprint is made of (its raw form, `JA4_r`). Otherwise as `tls_session_ja3()`.
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
