/*
 * What the example client and the example server say about sessions, for people and for scripts.
 */
#ifndef REPORT_H
#define REPORT_H

#include "spantls.h"

#include <stddef.h>

/* "TLSv1.3", "TLSv1.2", or "-" before the handshake is complete. */
const char *protocol_name(uint32_t protocol);

/* The cipher suite with this IANA name, or 0. */
uint16_t suite_number(const char *name);

/* The application protocol as text; "-" if there is none, "?" if it cannot be had or printed. */
const char *alpn_name(const tls_session_t *session, char *text, size_t text_cap);

/* Says on stderr what a session has negotiated, and with whom. */
void report_negotiated(const char *label, const tls_session_t *session);

/* Says on stderr how a call on a session failed, and why. */
void report_failure(const char *label, const tls_session_t *session, tls_status_t status);

#endif
