/* SPDX-License-Identifier: Apache-2.0
 * One connection of a zone, from the TCP socket to the first row: TLS (tls/stream.h), streams
 * (mux.h), control stream with Hello, SCRAM and Welcome (proto/zone.proto), life signs. Both ends.
 *
 * Three layers say who the other is, each failing alone with a word of its own (refusal.h): the
 * chain to the zone's CA, the names of the certificate, the password bound to this TLS connection.
 * The edge says what it thinks of a certificate only to those who have proven the password.
 *
 * A zone connection carries rows and requests, a domain connection CONNECT streams, neither the
 * other's.
 *
 * All calls back come from the loop; those of streams also from inside tunnel_link_flush() and
 * tunnel_link_free(), and no others from inside a function below. The link may be freed in each. */
#ifndef TUNNEL_LINK_H
#define TUNNEL_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>
#include <scram/scram.h>
#include <tls/ctx.h>
#include <tunnel/mux.h>
#include <tunnel/refusal.h>

struct tunnel_link;

enum {
    TUNNEL_VERSION_MIN = 1,
    TUNNEL_VERSION_MAX = 1,
    TUNNEL_FRAME_MAX = 64 << 10,
    TUNNEL_DOMAINS_MAX = 64,
    TUNNEL_ROWS_MAX = 1024,     /* of one connection */
    TUNNEL_FIELDS_MAX = 32,
    TUNNEL_HELLO_MS = 10000,    /* from the TLS handshake to Welcome */
    TUNNEL_ALIVE_MS = 3000,
    TUNNEL_ROW_TTL_MS = 10000,
    TUNNEL_SKEW_WARN_MS = 60000,
};

/* A fact, as it came or is to be sent. Strings are borrowed for the call. */
struct tunnel_field {
    const char *name, *value;
};

struct tunnel_row {
    const char *kind, *id;
    const struct tunnel_field *fields;
    size_t n; /* 0 fields and `gone`: it is no more */
    bool gone;
};

/* What the other end has said of itself. Valid as long as the link. */
struct tunnel_peer {
    const char *node, *software;
    const char *domain;             /* of a domain connection; NULL: the zone connection */
    const char *const *domains;     /* edge: those of Hello */
    size_t domain_count;
    const char *config_hash;        /* hex; "" */
    int64_t clock_skew_ms;          /* its clock minus ours, half the round trip taken off */
    struct addr addr;
};

/* What the edge's end knows of the zone that a Hello names by its user. */
struct tunnel_zone {
    const char *id;
    const struct scram_verifier *verifier;
    const char *peer_ca_pem;        /* NULL: waits to be paired */
    const char *const *peer_names;  /* TLS verify subject names: one must be in the certificate */
    size_t peer_name_count;
};

struct tunnel_link_ops {
    /* Edge: finds the zone of a user, with Hello and again with Proof. -ENOENT none (the answer to
     * the peer is the same as for a wrong password); -EAGAIN locked for this address. `out` is
     * borrowed until the next turn of the loop. */
    int (*find_zone)(void *arg, const char *user, const struct addr *from, struct tunnel_zone *out);
    /* Edge: may this domain be opened by that zone? NULL yes; else the reason ("notConfigured"),
     * valid for the turn of the loop; it is told to the other end. Asked for each domain of Hello,
     * and for the one of a domain connection. */
    const char *(*judge_domain)(void *arg, const char *zone, const char *domain);
    /* Edge: a zone that waited has proven its password: its CA from now on. find_zone has to give
     * it from this call on: the next connection may already wait. */
    void (*on_paired)(void *arg, const char *zone, const char *peer_ca_pem);
    /* Edge: a wrong password or an unknown user, for the brake against guessing. */
    void (*on_wrong)(void *arg, const char *user, const struct addr *from);
    /* Both: Welcome was said, or taken. `denied[i]` is the reason for peer domain i, NULL accepted
     * (of expc: answers to its own). Of a domain connection n is 0. */
    void (*on_up)(void *arg, const char *const *denied, size_t n);
    /* Both: a probe (ping) has been answered. */
    void (*on_probe)(void *arg, int64_t rtt_us);
    /* A fact is so, or no more; also when no Alive has come for TUNNEL_ROW_TTL_MS (gone), and when
     * it comes again. With the end of the link nothing is said: all of its facts are gone then. */
    void (*on_row)(void *arg, const struct tunnel_row *row);
    /* A request of the other end: packed stoa.zone.v1.Request. Answer each one with
     * tunnel_link_answer(); who asks 64 times without an answer is refused. */
    void (*on_request)(void *arg, uint64_t id, const uint8_t *data, size_t len);
    void (*on_answer)(void *arg, uint64_t id, const uint8_t *data, size_t len);
    /* CONNECT streams: see mux.h. */
    const struct mux_ops *streams;
    /* It has ended; the last call, after the ends of its streams. `text` says more than the word
     * does ("presented a certificate for vcsc.octavio.local, expected vcse.octavio.com"), for this
     * call also when the link is freed inside. The link must be freed, inside or afterwards. */
    void (*on_down)(void *arg, enum tunnel_refusal why, const char *text);
};

struct tunnel_link_opts {
    struct tls_ctx *ctx;             /* tls_ctx_zone_client() or _server() */
    const char *node, *software;
    struct mux_budget *budget;
    /* expc: */
    const char *peer_name;           /* TLS name of the edge */
    const char *user, *password;
    const char *own_ca_pem;          /* goes into Hello */
    const char *domain;              /* domain connection; NULL: zone connection */
    const char *const *domains;      /* at most TUNNEL_DOMAINS_MAX; of a zone connection */
    size_t domain_count;
    const char *config_hash;         /* hex */
    /* expe: */
    const uint8_t *mask_key;         /* 32 bytes, see scram_server_challenge() */
};

/* Takes a connected socket. dial: expc's end; accept: expe's. Strings of `opts` are copied.
 * Owner: the caller, ends with tunnel_link_free(). */
struct tunnel_link *tunnel_link_dial(uv_loop_t *loop, int fd, const struct tunnel_link_opts *opts,
                                     const struct tunnel_link_ops *ops, void *arg);
struct tunnel_link *tunnel_link_accept(uv_loop_t *loop, int fd, const struct tunnel_link_opts *opts,
                                       const struct tunnel_link_ops *ops, void *arg);

/* Ends at once, without on_down; streams end with -ECONNABORTED (told inside), the other end sees
 * it closed. Sets `*l` to NULL; NULL is fine. */
void tunnel_link_free(struct tunnel_link **l);

/* Ends with a word: streams are reset, Refused is said, the connection closed. on_down comes, with
 * the same word at both ends. `text` (NULL: that of the word) is told to the other end. */
void tunnel_link_refuse(struct tunnel_link *l, enum tunnel_refusal why, const char *text);

/* No new streams; on_down(TUNNEL_DRAIN) at both ends when the last has ended or after `ms`. */
void tunnel_link_drain(struct tunnel_link *l, int ms);

bool tunnel_link_is_up(const struct tunnel_link *l);      /* Welcome has been said or taken */
bool tunnel_link_is_active(const struct tunnel_link *l);  /* and a probe was answered of late */
const struct tunnel_peer *tunnel_link_peer(const struct tunnel_link *l);
/* Edge: id of the zone; until it is up, of the one that the other end claims to be. NULL before
 * Hello and for an unknown user. */
const char *tunnel_link_zone(const struct tunnel_link *l);
int64_t tunnel_link_rtt_us(const struct tunnel_link *l);
int64_t tunnel_link_up_since_ms(const struct tunnel_link *l);

/* Sends a ping now. */
void tunnel_link_probe(struct tunnel_link *l);

/* Says a fact; the same one again does nothing. The link keeps what it has said, and says Alive.
 * Errors: -ENOTCONN not up, or a domain connection; -E2BIG more than TUNNEL_ROWS_MAX, a mebibyte in
 *         all, 64 bytes of a kind or a field's name, 256 of an id, 4 KiB of a value. */
int tunnel_link_row(struct tunnel_link *l, const struct tunnel_row *row) MUST_USE;

/* Sends a packed stoa.zone.v1.Request or Answer.
 * Errors: -ENOTCONN not up, or a domain connection; -E2BIG; -EBADMSG not such a message; -EAGAIN
 *         the other end does not read what was said before. */
int tunnel_link_request(struct tunnel_link *l, const uint8_t *data, size_t len) MUST_USE;
int tunnel_link_answer(struct tunnel_link *l, const uint8_t *data, size_t len) MUST_USE;

/* expe: opens a browser's connection. See mux_open(); `authority` is the join name. Bytes may be
 * written before the answer has come.
 * NULL: *err -ENOTCONN not up, draining or a zone connection; -EBUSY; -EINVAL. */
struct mux_stream *tunnel_link_open(struct tunnel_link *l, const char *authority,
                                    const struct mux_header *headers, size_t n, int *err);

/* Writes what the streams have queued. The link does so by itself after calls back, and within the
 * next turn of the loop after a call from elsewhere (mux_write(), mux_stream_consumed(), ...): this
 * saves that turn. Calls back on_room and on_stream_end of streams. */
void tunnel_link_flush(struct tunnel_link *l);

/* Streams that are open, without the control stream. */
size_t tunnel_link_streams(const struct tunnel_link *l);

#endif
