/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as what a TURN server sends: to a client that allocates and to one that has an
 * allocation and a channel, over UDP (pieces as the input says) and over a stream. A message whose
 * transaction id is zero gets the one of the last request, so that answers are taken. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/buf.h>
#include <base/mem.h>
#include <stun/attr.h>
#include <stun/integrity.h>
#include <stun/msg.h>
#include <turnc/turnc.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { PIECES_MAX = 32 }; /* a longer talk tells nothing new, and takes long */

static uint8_t last_txid[STUN_TXID_LEN];
static uint16_t last_method;
static unsigned n_sent;

static const struct addr peer = { .family = ADDR_V4, .port = 9, .ip = { 192, 0, 2, 9 } };

static void on_send(void *arg, const void *head, size_t head_len, const void *body,
                    size_t body_len)
{
    struct stun_msg m;

    (void)arg;
    (void)body;
    (void)body_len;
    assert(++n_sent < 100000); /* no loops */
    if (stun_msg_decode(&m, head, head_len) == 0 && m.cls == STUN_REQUEST) {
        memcpy(last_txid, m.txid, sizeof(last_txid));
        last_method = m.method;
    }
}

static void on_state(void *arg, enum turnc_state state)
{
    (void)arg;
    (void)state;
}

static void on_data(void *arg, const struct addr *from, void *data, size_t len)
{
    (void)arg;
    assert(from->family != ADDR_NONE && len > 0);
    memset(data, 0, len); /* it is writable */
}

/* Answers the last request as a server would. */
static void answer(struct turnc *t, bool challenge)
{
    uint8_t key[STUN_LONGTERM_KEY_LEN], mem[512];
    struct buf b = buf_writer(mem, sizeof(mem));

    stun_integrity_longterm_key(key, "user", "realm", "password");
    stun_msg_begin(&b, challenge ? STUN_ERROR : STUN_SUCCESS, last_method, last_txid);
    if (challenge) {
        stun_attr_put_error(&b, STUN_UNAUTHENTICATED, "");
        stun_attr_put_text(&b, STUN_REALM, "realm");
        stun_attr_put_text(&b, STUN_NONCE, "nonce");
    } else {
        stun_attr_put_xaddr(&b, STUN_XOR_RELAYED_ADDRESS, &peer);
        stun_integrity_put(&b, EVP_BYTES(key, sizeof(key)));
    }
    assert(stun_msg_finish(&b) == 0);
    assert(turnc_input(t, 0, mem, b.pos) == 0);
}

static struct turnc *client(bool stream, bool ready)
{
    static const struct turnc_ops ops = { on_send, on_state, on_data };
    struct turnc_opts opts = {
        .ops = &ops, .username = "user", .password = "password", .stream = stream,
    };
    struct turnc *t = turnc_new(&opts, 0);

    n_sent = 0;
    answer(t, true);
    if (!ready)
        return t;
    answer(t, false);
    assert(turnc_state(t) == TURNC_READY);
    assert(turnc_send(t, 0, &peer, "media", 5) == 0); /* the channel is asked for last */
    answer(t, false);
    return t;
}

static void feed(struct turnc *t, int64_t now_us, const uint8_t *data, size_t len)
{
    static const uint8_t zero[STUN_TXID_LEN];
    uint8_t *copy = mem_calloc(len + 1, 1);

    memcpy(copy, data, len);
    if (len >= STUN_HDR_LEN && memcmp(copy + 8, zero, sizeof(zero)) == 0)
        memcpy(copy + 8, last_txid, sizeof(last_txid));
    (void)!turnc_input(t, now_us, copy, len);
    free(copy);
}

static void run(bool stream, bool ready, const uint8_t *data, size_t len)
{
    struct turnc *t = client(stream, ready);
    struct buf b = buf_reader(data, len);
    int64_t now_us = 0;

    for (int n = 0; n < PIECES_MAX && buf_left(&b) > 0; n++) {
        size_t piece = buf_get_u8(&b);

        piece = MIN(piece, buf_left(&b));
        if (piece == 0)
            continue;
        feed(t, now_us, buf_get_bytes(&b, piece), piece);
        (void)!turnc_send(t, now_us, &peer, "more", 4);
        now_us += 300000;
        turnc_timeout(t, now_us);
    }
    turnc_free(t, now_us);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    for (int i = 0; i < 4; i++)
        run(i & 1, i & 2, data, len);
    return 0;
}
