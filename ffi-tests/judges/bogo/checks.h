/* The answers to a session's questions, and what must be true of it. */

#ifndef SPANTLS_BOGO_CHECKS_H
#define SPANTLS_BOGO_CHECKS_H

#include "link.h"

/* Answers a question. A refusal is written to stderr with what the host refuses; the next call returns it. */
void answer(link_t *link, tls_status_t question);

/* After the handshake: ends the process if something is not as the runner said. */
void check_handshake(link_t *link);

/* At the end of the connection. */
void check_end(link_t *link);

/* Ends the process after the connection: something is not as the runner said. */
_Noreturn void wrong(link_t *link, const char *what);

#endif
