#define _POSIX_C_SOURCE 200809L

#include "channel.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* How long a peer may take to read our last words and to close. */
#define LINGER_MS 2000

size_t buffer_len(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

const uint8_t *buffer_front(const struct buffer *buffer)
{
    return buffer->bytes + buffer->start;
}

void buffer_drop(struct buffer *buffer, size_t len)
{
    buffer->start += len;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

void buffer_compact(struct buffer *buffer)
{
    size_t len = buffer_len(buffer);

    if (buffer->start > 0)
        memmove(buffer->bytes, buffer_front(buffer), len);
    buffer->start = 0;
    buffer->end = len;
}

size_t buffer_room(const struct buffer *buffer)
{
    return sizeof buffer->bytes - buffer->end;
}

void *buffer_tail(struct buffer *buffer)
{
    return buffer->bytes + buffer->end;
}

void buffer_add(struct buffer *buffer, size_t len)
{
    buffer->end += len;
}

static void buffer_clear(struct buffer *buffer)
{
    buffer->start = buffer->end = 0;
}

void channel_init(struct channel *channel, const char *label, int socket, tls_session_t *session, int64_t deadline)
{
    memset(channel, 0, sizeof *channel);
    channel->label = label;
    channel->socket = socket;
    channel->session = session;
    channel->deadline = deadline;
}

void channel_destroy(struct channel *channel)
{
    tls_session_destroy(channel->session);
    close(channel->socket);
}

/* ---- the socket ---- */

static bool is_temporary(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

short channel_events(const struct channel *channel, bool wants_input)
{
    int events = 0;

    if (wants_input && !channel->input_ended && buffer_len(&channel->inbox) < sizeof channel->inbox.bytes)
        events |= POLLIN;
    if (buffer_len(&channel->outbox) > 0)
        events |= POLLOUT;
    return (short)events;
}

void channel_receive(struct channel *channel)
{
    struct buffer *inbox = &channel->inbox;

    buffer_compact(inbox);
    if (channel->input_ended || buffer_room(inbox) == 0)
        return;
    ssize_t got = recv(channel->socket, buffer_tail(inbox), buffer_room(inbox), 0);
    if (got > 0) {
        buffer_add(inbox, (size_t)got);
        channel->bytes_moved += (uint64_t)got;
    } else if (got == 0) {
        channel->input_ended = true;
    } else if (!is_temporary(errno)) {
        /* A broken transport is an end, too: the session will tell whether it came too early. */
        fprintf(stderr, "%s: receiving: %s\n", channel->label, strerror(errno));
        channel->input_ended = true;
    }
}

bool channel_send(struct channel *channel)
{
    struct buffer *outbox = &channel->outbox;
    bool had_output = buffer_len(outbox) > 0;

    while (buffer_len(outbox) > 0 && !channel->output_broken) {
        /* MSG_NOSIGNAL: a peer that has gone is an error of this connection, not a SIGPIPE for the program. */
        ssize_t sent = send(channel->socket, buffer_front(outbox), buffer_len(outbox), MSG_NOSIGNAL);
        if (sent >= 0) {
            buffer_drop(outbox, (size_t)sent);
            channel->bytes_moved += (uint64_t)sent;
        } else if (errno != EINTR && is_temporary(errno)) {
            return false;
        } else if (errno != EINTR) {
            fprintf(stderr, "%s: sending: %s\n", channel->label, strerror(errno));
            channel->output_broken = true;
        }
    }
    /* The peer may have said why it went, so a broken output is no reason to stop reading. */
    buffer_clear(outbox);
    return had_output;
}

/* ---- the session ---- */

/* Judges the peer's certificate. A refusal is not an error here: the next handshake call returns it, and sends the alert. */
tls_status_t channel_judge(struct channel *channel)
{
    uint32_t policy_errors = 0;
    tls_status_t status = tls_session_accept_with_default_validation(channel->session, &policy_errors);

    if (status != TLS_STATUS_COMPLETE && status != TLS_STATUS_AUTHENTICATION_FAILED)
        return status;
    channel->judged = true;
    fprintf(stderr, "%s: verdict: %s (policy errors %u)\n", channel->label,
            status == TLS_STATUS_COMPLETE ? "accepted" : "refused", (unsigned)policy_errors);
    return TLS_STATUS_COMPLETE;
}

/* The session wants input and there will be none. The answer is CLOSED or an error, never "go on". */
static tls_status_t end_input(struct channel *channel)
{
    tls_status_t status = tls_session_end_of_input(channel->session);

    /* COMPLETE belongs to sessions that wait for an answer; this one has just asked for input. */
    return status == TLS_STATUS_COMPLETE ? TLS_STATUS_TRUNCATED : status;
}

/* Until something is missing: input, room, an answer, or nothing. Verdicts are given at once. */
static tls_status_t process_handshake(struct channel *channel)
{
    for (;;) {
        size_t consumed = 0;
        size_t written = 0;

        buffer_compact(&channel->outbox);
        tls_status_t status = tls_session_handshake(
            channel->session, buffer_front(&channel->inbox), buffer_len(&channel->inbox),
            buffer_tail(&channel->outbox), buffer_room(&channel->outbox), &consumed, &written);
        buffer_drop(&channel->inbox, consumed);
        buffer_add(&channel->outbox, written);

        if (status == TLS_STATUS_NEEDS_CERTIFICATE_VALIDATION) {
            status = channel_judge(channel);
            if (status == TLS_STATUS_COMPLETE)
                continue;
        }
        if (status == TLS_STATUS_WANT_READ && channel->input_ended)
            return end_input(channel);
        return status;
    }
}

tls_status_t channel_handshake(struct channel *channel)
{
    tls_status_t status = process_handshake(channel);

    switch (status) {
    case TLS_STATUS_COMPLETE:
        /* Only now is the peer authenticated. What is left in the inbox is application data already. */
        report_negotiated(channel->label, channel->session);
        channel->phase = PHASE_OPEN;
        break;
    case TLS_STATUS_WANT_READ:
    case TLS_STATUS_WANT_WRITE:
    case TLS_STATUS_WANT_CREDENTIALS:
    case TLS_STATUS_NEEDS_SERVER_OPTIONS:
    case TLS_STATUS_NEEDS_SIGNATURE:
        break;
    default:
        channel_fail(channel, status);
        break;
    }
    return status;
}

tls_status_t channel_seal(struct channel *channel, struct buffer *plaintext)
{
    size_t consumed = 0;
    size_t written = 0;

    buffer_compact(&channel->outbox);
    tls_status_t status = tls_session_encrypt(channel->session, buffer_front(plaintext), buffer_len(plaintext),
                                              buffer_tail(&channel->outbox), buffer_room(&channel->outbox),
                                              &consumed, &written);
    buffer_drop(plaintext, consumed);
    buffer_add(&channel->outbox, written);
    channel->plaintext_sent += consumed;
    return status;
}

bool channel_can_seal(const struct channel *channel)
{
    /* TLS 1.2 has no half-closed connections: after the peer's close_notify nothing but our own may follow. */
    return (tls_session_state(channel->session) & SPANTLS_STATE_PEER_CLOSED) == 0 ||
           tls_session_negotiated_protocol(channel->session) != SPANTLS_PROTOCOL_TLS12;
}

/* Moves what the session owes the peer into the outbox: COMPLETE, or WANT_WRITE if it did not all fit. */
static tls_status_t drain(struct channel *channel)
{
    size_t written = 0;

    buffer_compact(&channel->outbox);
    tls_status_t status = tls_session_drain_pending_output(channel->session, buffer_tail(&channel->outbox),
                                                           buffer_room(&channel->outbox), &written);
    buffer_add(&channel->outbox, written);
    return status;
}

tls_status_t channel_open(struct channel *channel, struct buffer *plaintext)
{
    size_t consumed = 0;
    size_t written = 0;

    buffer_compact(plaintext);
    tls_status_t status = tls_session_decrypt(channel->session, buffer_front(&channel->inbox),
                                              buffer_len(&channel->inbox), buffer_tail(plaintext),
                                              buffer_room(plaintext), &consumed, &written);
    buffer_drop(&channel->inbox, consumed);
    buffer_add(plaintext, written);
    channel->plaintext_received += written;

    /* Reading can make the session owe an answer, for example to a key update. */
    if (tls_session_has_pending_output(channel->session)) {
        tls_status_t drained = drain(channel);
        /* WANT_WRITE: the answer waits in the session; whoever empties the outbox comes by here again. */
        if (drained != TLS_STATUS_COMPLETE && drained != TLS_STATUS_WANT_WRITE)
            return drained;
    }
    if (status == TLS_STATUS_WANT_READ && channel->input_ended)
        return end_input(channel);
    return status;
}

tls_status_t channel_request_certificate(struct channel *channel)
{
    size_t written = 0;

    buffer_compact(&channel->outbox);
    tls_status_t status = tls_session_request_client_certificate(
        channel->session, buffer_tail(&channel->outbox), buffer_room(&channel->outbox), &written);
    buffer_add(&channel->outbox, written);
    return status;
}

tls_status_t channel_shutdown(struct channel *channel)
{
    size_t written = 0;

    buffer_compact(&channel->outbox);
    tls_status_t status = tls_session_shutdown(channel->session, buffer_tail(&channel->outbox),
                                               buffer_room(&channel->outbox), &written);
    buffer_add(&channel->outbox, written);
    return status;
}

/* ---- the end ---- */

void channel_finish(struct channel *channel, enum ending ending)
{
    int64_t limit = monotonic_ms() + LINGER_MS;

    /* What the socket did not take has not been said, however politely the peer has closed. */
    channel->ending = ending == ENDING_CLEAN && channel->output_broken ? ENDING_EARLY : ending;
    channel->phase = PHASE_LINGER;
    if (channel->deadline > limit)
        channel->deadline = limit;
}

void channel_fail(struct channel *channel, tls_status_t status)
{
    spantls_error_t error = {.struct_size = sizeof error};
    enum ending ending = ENDING_FAILED;

    report_failure(channel->label, channel->session, status);
    if (status == TLS_STATUS_TRUNCATED)
        ending = ENDING_TRUNCATED;
    else if (status == TLS_STATUS_AUTHENTICATION_FAILED)
        ending = ENDING_REFUSED;
    else if (tls_session_error(channel->session, &error) == TLS_STATUS_COMPLETE && error.alert_received >= 0)
        ending = ENDING_ALERT;
    channel_finish(channel, ending);
}

void channel_linger(struct channel *channel)
{
    /* After a failure the alert, or a part of it, may still be in the session. */
    tls_status_t status = drain(channel);

    buffer_clear(&channel->inbox);
    if (status == TLS_STATUS_WANT_WRITE || buffer_len(&channel->outbox) > 0)
        return;
    if (status != TLS_STATUS_COMPLETE) /* an alert that cannot be had cannot be waited for */
        report_failure(channel->label, channel->session, status);
    if (!channel->output_shut) {
        channel->output_shut = true;
        /* ENOTCONN: the peer has gone already, so there is nobody to wait for. */
        if (shutdown(channel->socket, SHUT_WR) != 0)
            channel->input_ended = true;
    }
    if (channel->input_ended)
        channel->phase = PHASE_DONE;
}

void channel_expire(struct channel *channel, int64_t now)
{
    if (channel->phase == PHASE_DONE || now < channel->deadline)
        return;
    if (channel->ending == ENDING_NONE) {
        fprintf(stderr, "%s: timed out\n", channel->label);
        channel->ending = ENDING_TIMEOUT;
    }
    channel->phase = PHASE_DONE;
}

static const char *ending_name(enum ending ending)
{
    switch (ending) {
    case ENDING_CLEAN:
        return "clean";
    case ENDING_EARLY:
        return "early";
    case ENDING_TRUNCATED:
        return "truncated";
    case ENDING_REFUSED:
        return "refused";
    case ENDING_ALERT:
        return "alert";
    case ENDING_TIMEOUT:
        return "timeout";
    case ENDING_FAILED:
    case ENDING_NONE:
        break;
    }
    return "failed";
}

/* "accepted", "anonymous", "refused:<policy errors>:<alert>", or "-" when nobody was to be judged. */
static void print_verdict(const struct channel *channel)
{
    spantls_error_t error = {.struct_size = sizeof error};
    size_t certificates = 0;

    if (channel->ending == ENDING_REFUSED && tls_session_error(channel->session, &error) == TLS_STATUS_COMPLETE)
        fprintf(stderr, "refused:%u:%d", (unsigned)error.policy_errors, (int)error.alert_sent);
    else if (!channel->judged)
        fputs("-", stderr);
    else if (tls_session_remote_certificate_count(channel->session, &certificates) == TLS_STATUS_COMPLETE)
        fputs(certificates > 0 ? "accepted" : "anonymous", stderr);
    else
        fputs("?", stderr);
}

void channel_print_summary(const struct channel *channel)
{
    char alpn[256];

    fprintf(stderr, "summary: %s %s %s ", protocol_name(tls_session_negotiated_protocol(channel->session)),
            spantls_cipher_suite_name(tls_session_negotiated_cipher_suite(channel->session)),
            alpn_name(channel->session, alpn, sizeof alpn));
    print_verdict(channel);
    fprintf(stderr, " %llu %llu %s\n", (unsigned long long)channel->plaintext_sent,
            (unsigned long long)channel->plaintext_received, ending_name(channel->ending));
}

/* ---- the system ---- */

bool set_non_blocking(int socket)
{
    int flags = fcntl(socket, F_GETFL);

    return flags >= 0 && fcntl(socket, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(socket, F_SETFD, FD_CLOEXEC) == 0;
}

int64_t monotonic_ms(void)
{
    struct timespec now = {0};

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000 + (int64_t)now.tv_nsec / 1000000;
}

int milliseconds_until(int64_t deadline)
{
    int64_t left = deadline - monotonic_ms();

    if (left <= 0)
        return 0;
    return left > INT_MAX ? INT_MAX : (int)left;
}
