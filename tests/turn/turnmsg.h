/* SPDX-License-Identifier: Apache-2.0
 * TURN messages as clients send them, right or wrong, for tests. */
#ifndef TESTS_TURN_TURNMSG_H
#define TESTS_TURN_TURNMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <stun/attr.h>
#include <stun/msg.h>

enum { TURNMSG_MAX = 4096, TURNMSG_PEERS = 8 };

/* Who sends, with what the server's challenge said. All zero: nobody. */
struct turnmsg_cred {
    char user[512], password[128], realm[128], nonce[128];
    bool sha256;       /* MESSAGE-INTEGRITY-SHA256 and PASSWORD-ALGORITHM SHA-256 */
    bool has_algorithms; /* the challenge had PASSWORD-ALGORITHMS: they are repeated */
};

struct turnmsg {
    enum stun_class cls;
    uint16_t method;
    uint8_t txid[STUN_TXID_LEN]; /* all zero: a new one, left here */
    int transport;  /* REQUESTED-TRANSPORT; 0: none */
    int lifetime;   /* -1: 0 seconds; 0: none */
    int family;     /* REQUESTED-ADDRESS-FAMILY; 0: none */
    int additional; /* ADDITIONAL-ADDRESS-FAMILY; 0: none */
    int even;       /* EVEN-PORT: 0 none, 1 without, 2 with the R bit */
    int channel;    /* 0: none */
    bool token, dont_fragment, fingerprint;
    uint16_t unknown; /* a further attribute of this type, 4 bytes; 0: none */
    struct addr peers[TURNMSG_PEERS];
    size_t n_peers;
    const void *data;
    size_t data_len; /* with data NULL and len 0: none */
};

/* Writes the message; with integrity when `cred` is not NULL. Returns its length. */
size_t turnmsg_write(uint8_t out[TURNMSG_MAX], struct turnmsg *m, const struct turnmsg_cred *cred);

/* Takes realm and nonce of a 401 or 438. */
void turnmsg_challenge(struct turnmsg_cred *cred, const struct stun_msg *m);

/* True when the answer has the right integrity for this sender. */
bool turnmsg_integrity_ok(const struct turnmsg_cred *cred, const struct stun_msg *m);

/* Error code of an answer; 0: it is a success. */
uint16_t turnmsg_code(const struct stun_msg *m);

/* "127.0.0.1:5", "[::1]:5". */
struct addr turnmsg_addr(const char *text);

#endif
