/* SPDX-License-Identifier: Apache-2.0
 * Requests of many TURN clients. A transaction id carries the number of its job, so that an answer
 * finds it without a table. RFC 8656. */
#include "client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <base/addr.h>
#include <evp/rand.h>
#include <stun/attr.h>
#include <stun/msg.h>

#include "proc.h"

enum {
    TRIES = 6,
    LOOK_MS = 20,
    REPEAT_MS = 250,  /* doubled at each try */
    STRANGER_MS = 50, /* nothing is repeated: what is not answered by then was dropped */
};

struct run {
    struct clients *c;
    struct job *jobs;
    unsigned n, next, active;
    unsigned slot[JOBS_OUTSTANDING_MAX]; /* jobs under way */
    uint32_t nonce; /* of this run, in its transaction ids */
    int64_t now_ns;
    struct jobs_result result;
};

uint32_t client_address(unsigned net, unsigned i)
{
    return htonl(0x7f000000u + (net << 16) + i + 1);
}

static struct addr addr_of(uint32_t ip, uint16_t port)
{
    struct addr a;
    int err = addr_from_ip(&a, &ip, sizeof(ip), ntohs(port));

    assert(err == 0);
    return a;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void send_job(struct run *r, unsigned i)
{
    static const uint16_t methods[] = { STUN_ALLOCATE, STUN_ALLOCATE, STUN_CHANNEL_BIND,
                                        STUN_REFRESH };
    struct job *j = &r->jobs[i];
    struct clients *c = r->c;
    uint8_t txid[STUN_TXID_LEN] = { 0 }, mem[WIRE_OWN_B];
    struct wire_out out = { .path = j->client->path, .n = 1 };
    struct buf b = buf_writer(mem, sizeof(mem));
    struct addr peer;
    int err;

    memcpy(txid, &i, sizeof(i));
    memcpy(txid + 4, &r->nonce, sizeof(r->nonce));
    stun_msg_begin(&b, STUN_REQUEST, methods[j->kind], txid);
    if (j->kind == JOB_ALLOCATE || j->kind == JOB_STRANGER) {
        stun_attr_put_u8_rsv(&b, STUN_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
    } else if (j->kind == JOB_RELEASE) {
        stun_attr_put_u32(&b, STUN_LIFETIME, 0);
    } else {
        peer = addr_of(j->peer, j->peer_port);
        stun_attr_put_u16_rsv(&b, STUN_CHANNEL_NUMBER, j->channel);
        stun_attr_put_xaddr(&b, STUN_XOR_PEER_ADDRESS, &peer);
    }
    if (j->client->nonce[0] && j->kind != JOB_STRANGER) {
        stun_attr_put_text(&b, STUN_USERNAME, c->user);
        stun_attr_put_text(&b, STUN_REALM, c->realm);
        stun_attr_put_text(&b, STUN_NONCE, j->client->nonce);
        stun_integrity_put(&b, EVP_BYTES(c->key, sizeof(c->key)));
    }
    err = stun_msg_finish(&b);
    assert(err == 0);
    out.head_len = b.pos;
    memcpy(wire_put(c->wire, &out), mem, b.pos);
    j->sent_ns = r->now_ns;
}

/* --- answers ---------------------------------------------------------------------------------- */

static void end_job(struct run *r, struct job *j, uint16_t code)
{
    j->done = true;
    j->code = code;
    if (code == 0 || (j->kind == JOB_STRANGER && code == STUN_UNAUTHENTICATED)) {
        r->result.done++;
        return;
    }
    r->result.failed++;
    if (r->result.code == 0)
        r->result.code = code;
}

/* Takes realm and nonce of a 401 or 438; the realm is the same for all. */
static int challenge(struct clients *c, struct client *cl, const struct stun_msg *m)
{
    char realm[CLIENT_REALM_MAX];

    if (stun_attr_get_text(m, STUN_REALM, realm, sizeof(realm)) ||
        stun_attr_get_text(m, STUN_NONCE, cl->nonce, sizeof(cl->nonce)))
        return -EBADMSG;
    if (strcmp(realm, c->realm) != 0) {
        memcpy(c->realm, realm, sizeof(realm));
        stun_integrity_longterm_key(c->key, c->user, realm, c->password);
    }
    return 0;
}

static int success(struct clients *c, struct job *j, const struct stun_msg *m)
{
    struct addr relay;

    if (j->kind == JOB_STRANGER ||
        stun_integrity_check(m, EVP_BYTES(c->key, sizeof(c->key))))
        return -EBADMSG;
    if (j->kind == JOB_RELEASE)
        j->client->relay_port = 0;
    if (j->kind != JOB_ALLOCATE)
        return 0;
    if (stun_attr_get_xaddr(m, STUN_XOR_RELAYED_ADDRESS, &relay) || relay.family != ADDR_V4)
        return -EBADMSG;
    memcpy(&j->client->relay, relay.ip, sizeof(j->client->relay));
    j->client->relay_port = htons(relay.port);
    return 0;
}

static struct job *job_of(struct run *r, const struct stun_msg *m, const struct wire_path *path)
{
    uint32_t i, nonce;

    memcpy(&i, m->txid, sizeof(i));
    memcpy(&nonce, m->txid + 4, sizeof(nonce));
    if (nonce != r->nonce || i >= r->n || r->jobs[i].done ||
        r->jobs[i].client->path.local != path->local)
        return NULL;
    return &r->jobs[i];
}

static void on_answer(void *arg, const struct wire_path *path, uint8_t *data, size_t len)
{
    struct run *r = arg;
    struct stun_msg m;
    struct job *j;
    bool had_nonce;
    uint16_t code;

    if (stun_msg_decode(&m, data, len) || (j = job_of(r, &m, path)) == NULL)
        return;
    if (m.cls == STUN_SUCCESS) {
        end_job(r, j, success(r->c, j, &m) ? STUN_BAD_REQUEST : 0);
        return;
    }
    if (m.cls != STUN_ERROR || stun_attr_get_error(&m, &code))
        return;
    had_nonce = j->client->nonce[0] != '\0';
    if (j->kind != JOB_STRANGER &&
        (code == STUN_STALE_NONCE || (code == STUN_UNAUTHENTICATED && !had_nonce)) &&
        !challenge(r->c, j->client, &m)) {
        j->tries = 0;
        send_job(r, (unsigned)(j - r->jobs));
        return;
    }
    end_job(r, j, code);
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Drops what is done from the list of jobs under way; repeats, or gives up, what is late. */
static void sweep(struct run *r, bool look)
{
    for (unsigned k = 0; k < r->active;) {
        struct job *j = &r->jobs[r->slot[k]];
        bool stranger = j->kind == JOB_STRANGER;
        int64_t limit = stranger ? STRANGER_MS : (int64_t)REPEAT_MS << j->tries;

        if (!j->done && look && r->now_ns - j->sent_ns > limit * 1000000) {
            if (stranger || ++j->tries == TRIES) {
                j->done = true;
                r->result.unanswered++;
            } else {
                r->result.repeats++;
                send_job(r, r->slot[k]);
            }
        }
        if (j->done)
            r->slot[k] = r->slot[--r->active];
        else
            k++;
    }
}

struct jobs_result jobs_run(struct clients *c, struct job *jobs, unsigned n)
{
    struct run r = { .c = c, .jobs = jobs, .n = n, .nonce = evp_random_u32() };
    struct pollfd fd = { .fd = wire_fd(c->wire), .events = POLLIN };
    int64_t start_ns = now_ns(), looked_ns = start_ns;

    assert(c->outstanding > 0 && c->outstanding <= JOBS_OUTSTANDING_MAX);
    r.now_ns = start_ns;
    while (r.active > 0 || r.next < n) {
        bool look = r.now_ns - looked_ns > LOOK_MS * 1000000;

        sweep(&r, look);
        if (look)
            looked_ns = r.now_ns;
        while (r.active < c->outstanding && r.next < n) {
            r.slot[r.active++] = r.next;
            send_job(&r, r.next++);
        }
        wire_flush(c->wire);
        if (r.active > 0)
            (void)poll(&fd, 1, LOOK_MS);
        r.now_ns = now_ns();
        while (wire_recv(c->wire, on_answer, &r) > 0)
            ;
        wire_flush(c->wire);
    }
    r.result.ns = now_ns() - start_ns;
    return r.result;
}
