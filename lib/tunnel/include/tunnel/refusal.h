/* SPDX-License-Identifier: Apache-2.0
 * Why a zone or one of its connections is not up: one word for machines, one sentence each for the
 * pages of both ends. Every word is a row of the table in refusal.c and of docs/edge.md. */
#ifndef TUNNEL_REFUSAL_H
#define TUNNEL_REFUSAL_H

#include <base/attr.h>

enum tunnel_refusal {
    TUNNEL_OK,
    TUNNEL_RESOLVE,      /* "resolve": the edge's name has no address */
    TUNNEL_TCP_REFUSED,  /* "tcpRefused": connection refused */
    TUNNEL_TCP_TIMEOUT,  /* "tcpTimeout": no answer: a firewall drops it */
    TUNNEL_TCP_RESET,    /* "tcpReset" */
    TUNNEL_TLS,          /* "tls": no TLS, no protocol in common, an alert without further reason */
    TUNNEL_UNTRUSTED,    /* "untrusted": certificate of another CA than the zone's */
    TUNNEL_EXPIRED,      /* "expired": certificate expired or not valid yet */
    TUNNEL_SUBJECT_NAME, /* "subjectName": certificate made for other names */
    TUNNEL_NO_CERT,      /* "noCertificate" */
    TUNNEL_VERSION,      /* "version": no protocol version in common */
    TUNNEL_CREDENTIALS,  /* "credentials": user or password wrong */
    TUNNEL_SERVER_PROOF, /* "serverProof": the edge does not know the password */
    TUNNEL_BINDING,   /* "binding": the proof is of another TLS connection: replayed, or relayed */
    TUNNEL_LOCKED,    /* "locked": too many wrong tries from this address */
    TUNNEL_CLOCK,     /* "clock": a clock is off so far that certificates or hello do not count */
    TUNNEL_DOMAIN,    /* "domain": not one of the edge's domains */
    TUNNEL_LIMIT,     /* "limit": too many connections of this zone */
    TUNNEL_MALFORMED, /* "malformed": not this protocol, or out of order */
    TUNNEL_REPLACED,  /* "replaced": a newer connection of the same node took its place */
    TUNNEL_DEAD,      /* "dead": two pings without answer */
    TUNNEL_DRAIN,     /* "drain": the other end stops or restarts */
    TUNNEL_CLOSED,    /* "closed": ended without a word */
    TUNNEL_REFUSALS
};

const char *tunnel_refusal_word(enum tunnel_refusal r);

/* The value of a word; TUNNEL_MALFORMED for an unknown one (a newer peer). */
enum tunnel_refusal tunnel_refusal_of(const char *word);

/* One sentence: what it means and what to do; the same at both ends. */
const char *tunnel_refusal_text(enum tunnel_refusal r);

/* Which id of `stoa doctor` a zone that is not up for this reason belongs to: "TUN-1". */
const char *tunnel_refusal_check(enum tunnel_refusal r);

#endif
