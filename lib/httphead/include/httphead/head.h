/* SPDX-License-Identifier: Apache-2.0
 * The head of an HTTP/1.1 request, as far as an edge has to understand it: method, target, Host,
 * and whether it asks for a WebSocket. It changes nothing and keeps no body. http-parser
 * does the work.
 *
 * Source: RFC 9112 s3, RFC 9110 s7.2 (Host). */
#ifndef HTTPHEAD_HEAD_H
#define HTTPHEAD_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

enum {
    HTTPHEAD_MAX = 8192,      /* bytes of a head */
    HTTPHEAD_HOST_MAX = 253,
    HTTPHEAD_STATUS_LEN = 12,
};

enum httphead_verdict {
    HTTPHEAD_MORE,      /* not whole yet */
    HTTPHEAD_OK,
    HTTPHEAD_TOO_LARGE, /* 431 */
    HTTPHEAD_MALFORMED, /* 400; also two Hosts, a Host with user part, white space before a colon */
    HTTPHEAD_NO_HOST,   /* 400 */
};

struct httphead {
    char method[16];
    char host[HTTPHEAD_HOST_MAX + 1]; /* as httphead_host() writes it */
    char asked[HTTPHEAD_HOST_MAX + 1]; /* as the client wrote it, for the log and the page */
    char target[512];                  /* cut where it is longer */
    bool websocket;
    size_t len;  /* of the head, with its empty line */
    size_t seen; /* bytes that were looked at */
};

/* Reads the head from the first `len` bytes of a connection. `out` begins as zero; while the answer
 * is HTTPHEAD_MORE it is handed in again, with the same bytes and more behind them: each is looked
 * at once, however small the pieces. It is set with HTTPHEAD_OK; `asked` also with a refusal, when
 * there was one. */
enum httphead_verdict httphead_read(struct httphead *out, const uint8_t *data, size_t len) MUST_USE;

/* The status of an answer from its first bytes ("HTTP/1.1 200 ..."): 0 while they are fewer than
 * HTTPHEAD_STATUS_LEN. Errors: -EBADMSG no HTTP/1 begins so. Source: RFC 9112 s4. */
int httphead_status(const char *data, size_t len) MUST_USE;

/* Writes the normal form of a Host: small letters, without a final dot, without ":443" or ":80"
 * (another port stays off as well: a front may listen elsewhere), IPv6 in brackets as they are.
 * Errors: -EINVAL it is no host. */
int httphead_host(char *dst, size_t cap, const char *host, size_t len) MUST_USE;

#endif
