// Written by bindings/generate.py from include/spantls.h: `make bindings`. Do not edit.

using System;
using System.Runtime.InteropServices;

namespace SpanTls;

internal static unsafe partial class NativeMethods
{
    internal const string Library = "spantls";
    internal const string Version = "1.0.0-rc.1";
    internal const int VersionMajor = 1;
    internal const int VersionMinor = 0;
    internal const int VersionPatch = 0;
    internal const int VersionNumber = 65536;
    internal const int ErrorMessageSize = 256;
    internal const int AbiVersion = 1;
    internal const int ValidationTimeNow = -1;
    internal const int MinCiphertext = 64;
    internal const int MaxRecord = 18437;
    internal const int MaxKeyShares = 16;

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern byte* spantls_cipher_suite_name(ushort cipherSuite);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern byte* spantls_group_name(ushort group);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern byte* spantls_signature_scheme_name(ushort scheme);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern byte* spantls_version();

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern uint spantls_abi_version();

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern byte* tls_status_name(int status);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern byte* spantls_alert_name(byte alert);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int spantls_last_error(NativeError* outError);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int spantls_suspended_handshakes(nuint* outInUse, nuint* outLimit);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_credentials_create_pem(byte* chain, nuint chainLen, byte* key, nuint keyLen, byte* passphrase, out IntPtr outCredentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_credentials_create_file(byte* chainPath, byte* keyPath, byte* passphrase, out IntPtr outCredentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_credentials_create_der(NativeSpan* certificates, nuint numCertificates, void* key, nuint keyLen, byte* passphrase, out IntPtr outCredentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_credentials_create_external(byte* chain, nuint chainLen, ushort* schemes, nuint numSchemes, out IntPtr outCredentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_credentials_set_ocsp_response(CredentialsHandle credentials, void* der, nuint derLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern void tls_credentials_destroy(IntPtr credentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_create(out IntPtr outOptions);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern void tls_options_destroy(IntPtr options);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_credentials(OptionsHandle options, CredentialsHandle credentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_credentials(OptionsHandle options, CredentialsHandle credentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_credentials_for_name(OptionsHandle options, byte* name, CredentialsHandle credentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_certificate_requests(OptionsHandle options, int mode);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_trust_anchors_pem(OptionsHandle options, byte* pem, nuint pemLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_trust_anchors_file(OptionsHandle options, byte* path);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_trust_anchors_der(OptionsHandle options, void* der, nuint derLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_system_trust_anchors(OptionsHandle options);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_trust_anchor_mode(OptionsHandle options, int mode);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_strict_certificates(OptionsHandle options, int strict);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_validation_time(OptionsHandle options, long unixSeconds);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_crls_pem(OptionsHandle options, byte* pem, nuint pemLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_crls_file(OptionsHandle options, byte* path);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_crls_der(OptionsHandle options, void* der, nuint derLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_protocols(OptionsHandle options, uint protocols);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_cipher_suites(OptionsHandle options, ushort* ids, nuint numIds);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_groups(OptionsHandle options, ushort* ids, nuint numIds);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_add_alpn(OptionsHandle options, void* name, nuint nameLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_alpn_mismatch(OptionsHandle options, int mode);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_client_certificate_mode(OptionsHandle options, int mode);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_certificate_validation(OptionsHandle options, int mode);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_allow_resume(OptionsHandle options, int allow);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_validate_on_resume(OptionsHandle options, int validate);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_ticket_roots(OptionsHandle options, NativeTicketRoot* roots, nuint numRoots);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_ticket_lifetime(OptionsHandle options, uint seconds);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_ticket_count(OptionsHandle options, uint count);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_max_fragment_size(OptionsHandle options, nuint size);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_key_log_file(OptionsHandle options, byte* path);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_options_set_keep_client_hello(OptionsHandle options, int keep);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_context_create_server(OptionsHandle options, out IntPtr outContext);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_context_create_client(OptionsHandle options, out IntPtr outContext);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern void tls_context_destroy(IntPtr context);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_context_set_ticket_roots(ContextHandle context, NativeTicketRoot* roots, nuint numRoots);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_context_forget_expired(ContextHandle context);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_context_is_server(ContextHandle context);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_context_set_user_data(ContextHandle context, void* userData);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern void* tls_context_user_data(ContextHandle context);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_create(ContextHandle context, out IntPtr outSession);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern void tls_session_destroy(IntPtr session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_set_target_host_name(SessionHandle session, byte* name);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_add_alpn(SessionHandle session, void* name, nuint nameLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_set_user_data(SessionHandle session, void* userData);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern void* tls_session_user_data(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_handshake(SessionHandle session, void* input, nuint inputLen, void* output, nuint outputCap, nuint* outConsumed, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_encrypt(SessionHandle session, void* plaintext, nuint plaintextLen, void* ciphertext, nuint ciphertextCap, nuint* outConsumed, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern nuint tls_session_ciphertext_size(SessionHandle session, nuint plaintextLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_encrypt_vectored(SessionHandle session, NativeSpan* spans, nuint numSpans, void* ciphertext, nuint ciphertextCap, nuint* outConsumed, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_decrypt(SessionHandle session, void* ciphertext, nuint ciphertextLen, void* plaintext, nuint plaintextCap, nuint* outConsumed, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_decrypt_in_place(SessionHandle session, void* data, nuint dataLen, nuint* outConsumed, nuint* outPlaintextOffset, nuint* outPlaintextLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_request_client_certificate(SessionHandle session, void* output, nuint outputCap, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_update_keys(SessionHandle session, int requestPeerUpdate, void* output, nuint outputCap, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_shutdown(SessionHandle session, void* output, nuint outputCap, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_drain_pending_output(SessionHandle session, void* output, nuint outputCap, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_end_of_input(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_error(SessionHandle session, NativeError* outError);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_create_with_socket(ContextHandle context, nint socket, uint flags, out IntPtr outSession);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_socket_handshake(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_socket_read(SessionHandle session, void* buffer, nuint bufferCap, nuint* outRead);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_socket_write(SessionHandle session, void* data, nuint dataLen, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_socket_write_vectored(SessionHandle session, NativeSpan* spans, nuint numSpans, nuint* outWritten);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_socket_shutdown(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_socket_finish(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_socket_bytes_after_close(SessionHandle session, void* outBytes, nuint bytesCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern nint tls_session_socket(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_accept_with_default_validation(SessionHandle session, uint* outPolicyErrors);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_default_validation(SessionHandle session, NativeValidation* outValidation);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_set_certificate_validation_result(SessionHandle session, uint policyErrors);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_reject_certificate(SessionHandle session, byte alert);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_reject(SessionHandle session, byte alert);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_set_server_context(SessionHandle session, ContextHandle context);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_set_client_credentials(SessionHandle session, CredentialsHandle credentials);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_acceptable_issuer_count(SessionHandle session, nuint* outCount);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_acceptable_issuer(SessionHandle session, nuint index, void* outDerName, nuint derNameCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern ushort tls_session_acceptable_signature_scheme(SessionHandle session, nuint index);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_signature_request(SessionHandle session, ushort* outScheme, void* outMessage, nuint messageCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_set_signature(SessionHandle session, void* signature, nuint signatureLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern uint tls_session_state(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_is_handshake_complete(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_has_pending_output(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern uint tls_session_negotiated_protocol(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern ushort tls_session_negotiated_cipher_suite(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern ushort tls_session_negotiated_group(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern ushort tls_session_peer_signature_scheme(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_negotiated_alpn(SessionHandle session, void* outName, nuint nameCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_target_host_name(SessionHandle session, byte* outName, nuint nameCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_stats(SessionHandle session, NativeSessionStats* outStats);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_shrink(SessionHandle session, int what);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_remote_certificate_count(SessionHandle session, nuint* outCount);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_remote_certificate(SessionHandle session, nuint index, void* outDer, nuint derCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_verified_certificate_count(SessionHandle session, nuint* outCount);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_verified_certificate(SessionHandle session, nuint index, void* outDer, nuint derCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_local_certificate(SessionHandle session, void* outDer, nuint derCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_ocsp_response(SessionHandle session, void* outDer, nuint derCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_channel_binding(SessionHandle session, int kind, void* outValue, nuint valueCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_is_channel_binding_sound(SessionHandle session);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_export_keying_material(SessionHandle session, byte* label, nuint labelLen, void* context, nuint contextLen, void* outMaterial, nuint materialLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int spantls_certificate_info(void* der, nuint derLen, NativeCertificateInfo* outInfo);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int spantls_certificate_text(void* der, nuint derLen, int field, nuint index, byte* outText, nuint textCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int spantls_certificate_matches_name(void* der, nuint derLen, byte* name);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_remote_certificate_info(SessionHandle session, nuint certificateIndex, NativeCertificateInfo* outInfo);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_remote_certificate_text(SessionHandle session, nuint certificateIndex, int field, nuint index, byte* outText, nuint textCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_client_hello(SessionHandle session, void* outMessage, nuint messageCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_client_hello_info(SessionHandle session, NativeClientHelloInfo* outInfo);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_ja3(SessionHandle session, byte* outText, nuint textCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_ja3_text(SessionHandle session, byte* outText, nuint textCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_ja4(SessionHandle session, byte* outText, nuint textCap, nuint* outLen);

    [DllImport(Library, CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    internal static extern int tls_session_ja4_text(SessionHandle session, byte* outText, nuint textCap, nuint* outLen);
}
