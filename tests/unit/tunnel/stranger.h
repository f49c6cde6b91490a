/* SPDX-License-Identifier: Apache-2.0
 * An end of a zone connection that does not keep to the protocol: TLS and streams are real, what
 * goes over the control stream is the test's. It dials (in the place of expc) or accepts (of expe).
 */
#ifndef TESTS_UNIT_TUNNEL_STRANGER_H
#define TESTS_UNIT_TUNNEL_STRANGER_H

#include "linkrig.h"

struct stranger {
    struct linkrig *rig;
    bool edge;
    struct tls_stream *tls;
    struct mux *mux;
    struct mux_budget budget;
    struct mux_stream *control;
    struct tunnel_inbox inbox;
    bool ready;   /* the control stream is there */
    bool ended;   /* the other end has closed the connection */
    unsigned got; /* frames */
    Stoa__Zone__V1__Frame *frame; /* the last one */
    char *refused, *refused_text;
};

/* Starts it at one end and the link of the rig at the other. */
void stranger_start(struct stranger *s, struct linkrig *r, bool edge);
void stranger_stop(struct stranger *s);

void stranger_say(struct stranger *s, const Stoa__Zone__V1__Frame *f);
void stranger_bytes(struct stranger *s, const void *data, size_t len);
void stranger_flush(struct stranger *s);

/* A Hello that is in order, with this client-first-message. Valid until the next call. */
Stoa__Zone__V1__Hello *stranger_hello(const char *scram_first);

#endif
