/* What a <tls.h> of LibreSSL 4 can put in the way: its macros, and the typedefs and functions that have one of our prefixes. */
#ifndef LIBRESSL_TLS_NAMES_H
#define LIBRESSL_TLS_NAMES_H

#define TLS_API 20200120
#define TLS_PROTOCOL_TLSv1_2 (1 << 3)
#define TLS_PROTOCOL_TLSv1_3 (1 << 4)
#define TLS_PROTOCOLS_ALL (TLS_PROTOCOL_TLSv1_2 | TLS_PROTOCOL_TLSv1_3)
#define TLS_PROTOCOLS_DEFAULT TLS_PROTOCOLS_ALL
#define TLS_WANT_POLLIN -2
#define TLS_WANT_POLLOUT -3
#define TLS_OCSP_RESPONSE_SUCCESSFUL 0
#define TLS_OCSP_CERT_GOOD 0
#define TLS_CRL_REASON_UNSPECIFIED 0
#define TLS_MAX_SESSION_ID_LENGTH 32
#define TLS_TICKET_KEY_SIZE 48
#define TLS_ERROR_UNKNOWN 0x0000
#define TLS_ERROR_OUT_OF_MEMORY 0x1000
#define TLS_ERROR_INVALID_CONTEXT 0x2000
#define TLS_ERROR_INVALID_ARGUMENT 0x2001

struct tls;
struct tls_config;
int tls_init(void);
const char *tls_error(struct tls *);
int tls_read(struct tls *, void *, unsigned long);
int tls_handshake(struct tls *);
int tls_close(struct tls *);

#endif
