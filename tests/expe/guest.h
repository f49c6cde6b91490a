/* SPDX-License-Identifier: Apache-2.0
 * A browser as far as the edge sees it: a TLS connection, bytes in, bytes out. */
#ifndef TESTS_EXPE_GUEST_H
#define TESTS_EXPE_GUEST_H

#include <stdbool.h>

#include <base/str.h>
#include <tls/stream.h>

#include "expefix.h"

struct guest {
    struct expefix *fix;
    struct tls_ctx *ctx;
    struct tls_stream *tls;
    bool open, eof, closed;
    enum tls_end end;
    struct str in;
    size_t got; /* bytes, also those of a reader that was told to forget them */
    bool forgets;
};

/* Connects to 443 and waits for the end of the handshake; the certificate must be one of the edge's
 * CA for `sni` (NULL: none is sent, nothing is checked). */
void guest_open(struct guest *g, struct expefix *f, const char *sni);
/* The same without waiting. */
void guest_start(struct guest *g, struct expefix *f, const char *sni);
void guest_close(struct guest *g);

void guest_send(struct guest *g, const char *text);

/* Sends "GET <path>" with that Host. */
void guest_get(struct guest *g, const char *host, const char *path);

/* Waits for a text, or for the end. */
bool guest_saw(struct guest *g, const char *text);
bool guest_ended(struct guest *g);

/* Opens, asks for a page, waits for the whole answer of the edge or the web bridge and closes.
 * Returns it. Owner: the caller. */
char *guest_page(struct expefix *f, const char *sni, const char *request, const char *end);

#endif
