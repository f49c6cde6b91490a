/* SPDX-License-Identifier: Apache-2.0
 * A TURN server that does exactly what RFC 8656 says, unless it is told to go wrong. It is strict:
 * what a client may not do fails an assertion (a channel number that names another peer too soon,
 * data without permission is counted).
 *
 * Sans-I/O: on the simulated network and, with tests/mock/udpturn.h, on real sockets. */
#ifndef TESTS_MOCK_TURNSERVER_H
#define TESTS_MOCK_TURNSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>

struct turnserver;

struct turnserver_ops {
    void (*to_client)(void *arg, const struct addr *client, const void *data, size_t len);
    void (*to_peer)(void *arg, const struct addr *relay, const struct addr *peer, const void *data,
                    size_t len);
    /* Opens and closes a relay; what arrives there goes to turnserver_from_peer(). */
    struct addr (*open)(void *arg);
    void (*close)(void *arg, const struct addr *relay);
};

/* What goes wrong; all zero: nothing. May be changed at any time. */
struct turnserver_faults {
    bool silent;           /* answers nothing, relays nothing */
    bool unsigned_answers; /* no MESSAGE-INTEGRITY */
    bool forged_answers;   /* a wrong one */
    bool old_code;         /* wrong credentials are answered with 431, not 401 */
    bool always_stale;     /* every request is answered with 438 */
    unsigned stale;        /* so many requests are answered with 438 and a new nonce */
    uint16_t allocate, refresh, permit, bind; /* code for such requests; 0: success */
    uint32_t lifetime_s;   /* of allocations; 0: 600 */
    struct addr forbidden; /* IP address to which permissions are refused with 403 */
};

struct turnserver_stats {
    unsigned allocates, refreshes, permits, binds, bindings; /* requests that were answered */
    unsigned denied;      /* 401 and 438 */
    unsigned indications, channel_data; /* from clients */
    unsigned unpermitted; /* data for or from peers without permission */
    unsigned released;    /* Refresh with lifetime 0 */
};

struct turnserver_opts {
    const struct turnserver_ops *ops;
    void *arg;
    const char *username, *password, *realm;
};

/* Owner: the caller, ends with turnserver_free(). The texts are borrowed and may be changed with
 * turnserver_password(). */
struct turnserver *turnserver_new(const struct turnserver_opts *opts);
void turnserver_free(struct turnserver *s);

void turnserver_password(struct turnserver *s, const char *password);
void turnserver_username(struct turnserver *s, const char *username);

/* One datagram, or one frame of a stream, from a client. */
void turnserver_from_client(struct turnserver *s, int64_t now_us, const struct addr *client,
                            const void *data, size_t len);

/* One datagram that arrived at a relay. */
void turnserver_from_peer(struct turnserver *s, int64_t now_us, const struct addr *relay,
                          const struct addr *peer, const void *data, size_t len);

/* Forgets all allocations without a word, as after a restart. */
void turnserver_restart(struct turnserver *s);

/* Allocations that live. */
size_t turnserver_count(const struct turnserver *s);

struct turnserver_faults *turnserver_faults(struct turnserver *s);
const struct turnserver_stats *turnserver_stats(const struct turnserver *s);

#endif
