/* SPDX-License-Identifier: Apache-2.0
 * One connection of an expc, made of tunnel_link_dial(), with a web bridge behind it that knows
 * some paths:
 *   /         200 with the head of the CONNECT and of the request in its body
 *   /echo     200, then every byte comes back
 *   /flood    200, then bytes without end
 *   /close    200 without a length, then the end
 *   /cut      half of what was promised, then the tunnel's stream is reset */
#ifndef TESTS_EXPE_INSIDE_H
#define TESTS_EXPE_INSIDE_H

#include <stdbool.h>

#include <base/str.h>
#include <tunnel/link.h>

#include "expefix.h"

enum { INSIDE_ROWS = 16 };

struct inside_row {
    char kind[32], id[300];
    char fields[1024]; /* "name=value\n" each */
};

struct inside {
    struct expefix *fix;
    struct tunnel_link *l;
    struct mux_budget budget;
    /* what is to be; the defaults fit */
    const char *node, *domain, *user, *password;
    const char *from;                 /* own address, of 127.0.0.0/8 */
    const char *const *domains;
    size_t domain_count;
    const struct pki_pair *pair, *ca; /* own certificate, and the CA said in Hello */
    int refuse;                       /* status of all streams instead of 200 */
    const char *reason;
    bool silent;                      /* streams are not answered at all */
    /* what is */
    bool up, down;
    enum tunnel_refusal why;
    char text[256];
    char denied[256];                 /* domains that were denied, each with a comma */
    struct inside_row rows[INSIDE_ROWS];
    size_t n_rows;
    unsigned streams, answers;
    char answer_code[64], answer_text[256];
    int answer_status;
};

/* Dials and waits until it is up or down. `in` is all zero but for what differs from the
 * defaults. */
void inside_open(struct inside *in, struct expefix *f);
/* The same for the external name, which has to come up. */
void inside_tunnel_up(struct inside *in, struct expefix *f);

/* Ends; the other end sees it closed. */
void inside_close(struct inside *in);

/* A zone connection's wait: for a row with a field ("port=3478"), or for its end (field NULL). */
bool inside_saw_row(struct inside *in, const char *kind, const char *field);
bool inside_lost_row(struct inside *in, const char *kind);
bool inside_went_down(struct inside *in);

/* Sends a request and waits for its answer. */
void inside_probe(struct inside *in, const char *host);
void inside_revoke(struct inside *in, const char *id);

/* A line that a body of "/" contains: a field of CONNECT. */
#define INSIDE_FIELD(name, value) "\n" name "=" value "\n"

#endif
