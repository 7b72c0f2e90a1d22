/* What the pieces of C in the documents take for granted: a program around them. */

#include <spantls.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

extern tls_session_t *session;
extern tls_options_t *options;
extern tls_context_t *context;
extern tls_status_t status;
extern int fd;
extern const char *name, *anchors, *request;
extern uint8_t inbox[SPANTLS_MAX_RECORD], outbox[4096], room[16384];
extern const uint8_t *input, *plaintext;
extern uint8_t *output;
extern size_t inbox_len, input_len, plaintext_len, consumed, written, count;

void drop_front(uint8_t *buffer, size_t *len, size_t gone);
void send_all(int socket, const uint8_t *data, size_t len);
void use(const uint8_t *data, size_t len);
void fail(const tls_session_t *failed);
tls_status_t receive_more(int socket, uint8_t *buffer, size_t *len);
tls_status_t answer(tls_session_t *asking, tls_status_t question);
extern const char *old_secret, *next_secret;
extern int64_t change, lifetime, day;
extern tls_credentials_t *ecdsa, *rsa, *tenant;
tls_context_t *find_tenant(const char *host, size_t len);
size_t sign_elsewhere(uint16_t scheme, const uint8_t *message, size_t len, uint8_t *signature, size_t cap);
