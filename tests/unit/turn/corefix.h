/* SPDX-License-Identifier: Apache-2.0
 * A core without sockets: what it sends is kept, its time is set by hand. */
#ifndef TESTS_UNIT_TURN_COREFIX_H
#define TESTS_UNIT_TURN_COREFIX_H

#include <stdbool.h>

#include "core.h"
#include "turnmsg.h"

struct turn_quota;
struct turn_strangers;

enum { COREFIX_WORKERS = 2, COREFIX_DATA_MAX = 16384 };

/* A message that went out. */
struct corefix_out {
    unsigned n;       /* how many there were; the rest describes the last */
    struct addr to;   /* client or peer */
    struct addr from; /* to_worker: the sending relay */
    uint8_t data[COREFIX_DATA_MAX];
    size_t len;
    unsigned worker;
};

struct corefix {
    struct turn_core *core;
    struct turn_quota *quota;
    struct turn_strangers *strangers;
    struct turn_counts counts;
    uint8_t nonce_key[32];
    int64_t now_ms, wall_s;
    struct corefix_out client, peer, worker;
    int open_result;       /* of relay_open */
    unsigned opened, closed;
};

/* The rules of the tests: realm "octavio.com"; users "turnuser" (password "turnpass"), "local"
 * (localOnly), "open" (allowPeers 127.0.0.0/8, 10.0.0.0/8); relay 172.16.85.168 announced as
 * 10.88.246.156, ports 24000-24099; another instance 172.16.85.169 behind 10.88.246.157, ports
 * 24100-24199; an IPv6 relay 2001:db8::1. Ports of worker 0 alone are this core's. */
struct turn_rules *corefix_rules(void);

void corefix_open(struct corefix *f);
void corefix_close(struct corefix *f);

/* Lets time pass, and what is due happen. */
void corefix_pass(struct corefix *f, int64_t s);

/* The client at "ip:port", by UDP to 172.16.85.168:3478. */
struct turn_flow corefix_flow(const char *client);

/* Sends a message and decodes the answer; false when there was none. */
bool corefix_ask(struct corefix *f, struct turn_flow *flow, struct turnmsg *m,
                 const struct turnmsg_cred *cred, struct stun_msg *answer);

/* The same, and returns the code: 0 success, 1 no answer at all. */
uint16_t corefix_code(struct corefix *f, struct turn_flow *flow, struct turnmsg *m,
                      const struct turnmsg_cred *cred);

/* Fetches realm and nonce for a user with "turnpass". */
struct turnmsg_cred corefix_login(struct corefix *f, struct turn_flow *flow, const char *user);

/* A time-limited name and its password; role 'g' or 'c'. */
struct turnmsg_cred corefix_login_timed(struct corefix *f, struct turn_flow *flow, char role,
                                        const char *id, int64_t expires_s);

/* Allocates; returns the relayed address as the client sees it. Fails the test otherwise. */
struct addr corefix_allocate(struct corefix *f, struct turn_flow *flow,
                             const struct turnmsg_cred *cred);

/* CreatePermission and ChannelBind for one peer; return the code. */
uint16_t corefix_permit(struct corefix *f, struct turn_flow *flow,
                        const struct turnmsg_cred *cred, const char *peer);
uint16_t corefix_bind(struct corefix *f, struct turn_flow *flow, const struct turnmsg_cred *cred,
                      int channel, const char *peer);

/* Sends a Send indication, ChannelData. */
void corefix_send(struct corefix *f, struct turn_flow *flow, const char *peer, const char *text);
void corefix_chandata(struct corefix *f, struct turn_flow *flow, int channel, const char *text);

/* A datagram from a peer to a relayed address (as bound). */
void corefix_from_peer(struct corefix *f, const char *relay, const char *peer, const char *text);

/* Where the relay of a client is bound. */
struct addr corefix_relay(const struct corefix *f, const struct turn_flow *flow);

uint64_t corefix_count(const struct corefix *f, enum turn_count what);

#endif
