/* SPDX-License-Identifier: Apache-2.0
 * Bytes on a TLS connection to webadmin, as no HTTP library sends them. */
#ifndef TESTS_WEBADMIN_RAW_H
#define TESTS_WEBADMIN_RAW_H

#include "adminfix.h"

struct raw;

/* Connects; the handshake is done. */
struct raw *raw_open(struct adminfix *f);
void raw_close(struct raw **r);

/* Sends bytes; false when the far side has closed. */
bool raw_send(struct raw *r, const void *data, size_t len);
bool raw_say(struct raw *r, const char *text);

/* Collects what comes until `text` is in it (NULL: only the end counts), the far side closes, or
 * `timeout_ms` are over; the loop turns meanwhile. Returns what came. Owner: until raw_close(). */
const char *raw_read(struct raw *r, const char *text, int timeout_ms);

/* Forgets what has come so far. */
void raw_forget(struct raw *r);

/* True when the far side has closed, as far as raw_read() has seen. */
bool raw_ended(const struct raw *r);

#endif
