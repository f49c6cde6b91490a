/* SPDX-License-Identifier: Apache-2.0 */
#include "turncli.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/str.h>
#include <loop/clock.h>

enum { PATIENCE_MS = 10000, REPEAT_MS = 500 };

static void send_proxy_header(struct turncli *c)
{
    static const uint8_t head[] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T',
                                    '\n', 0x21, 0x11, 0, 12, 203, 0, 113, 9, 127, 0, 0, 1,
                                    5555 >> 8, 5555 & 255, 1, 187 };

    turncli_raw(c, head, sizeof(head));
}

bool turncli_open(struct turncli *c, int how, const struct addr *server, const char *user,
                  const char *password)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(server, &ss);

    memset(c, 0, sizeof(*c));
    c->stream = how != TURNCLI_UDP;
    (void)!str_copy(c->cred.user, sizeof(c->cred.user), user);
    (void)!str_copy(c->cred.password, sizeof(c->cred.password), password);
    c->fd = socket(ss.ss_family, (c->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (connect(c->fd, (struct sockaddr *)&ss, len)) {
        close(c->fd);
        return false;
    }
    len = sizeof(ss);
    assert(getsockname(c->fd, (struct sockaddr *)&ss, &len) == 0);
    assert(addr_from_sockaddr(&c->local, (struct sockaddr *)&ss) == 0);
    if (how == TURNCLI_PROXY)
        send_proxy_header(c);
    return true;
}

void turncli_close(struct turncli *c)
{
    close(c->fd);
}

void turncli_raw(struct turncli *c, const void *data, size_t len)
{
    (void)!send(c->fd, data, len, MSG_NOSIGNAL);
}

/* --- receiving -------------------------------------------------------------------------------- */

/* Takes a whole message off the stream. */
static bool take_frame(struct turncli *c)
{
    size_t size;

    if (c->in_len < 4)
        return false;
    size = (size_t)c->in[2] << 8 | c->in[3];
    size = c->in[0] < 4 ? size + STUN_HDR_LEN : 4 + (size + 3) / 4 * 4;
    if (c->in_len < size)
        return false;
    memcpy(c->last, c->in, size);
    c->last_len = size;
    c->in_len -= size;
    memmove(c->in, c->in + size, c->in_len);
    return true;
}

bool turncli_recv(struct turncli *c, int timeout_ms)
{
    int64_t end_ms = loop_now_ms() + timeout_ms;

    for (;;) {
        struct pollfd p = { .fd = c->fd, .events = POLLIN };
        int64_t left_ms = end_ms - loop_now_ms();
        ssize_t n;

        if (c->stream && take_frame(c))
            return true;
        if (poll(&p, 1, (int)MAX(left_ms, 0)) <= 0)
            return false;
        n = c->stream ? recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0) :
                        recv(c->fd, c->last, sizeof(c->last), 0);
        if (n <= 0)
            return false;
        if (!c->stream) {
            c->last_len = (size_t)n;
            return true;
        }
        c->in_len += (size_t)n;
    }
}

bool turncli_is_closed(struct turncli *c)
{
    int64_t end_ms = loop_now_ms() + PATIENCE_MS;

    while (loop_now_ms() < end_ms) {
        struct pollfd p = { .fd = c->fd, .events = POLLIN };
        uint8_t waste[4096];

        if (poll(&p, 1, 100) > 0 && recv(c->fd, waste, sizeof(waste), 0) <= 0)
            return true;
    }
    return false;
}

bool turncli_expect(struct turncli *c, uint16_t channel, const char *text)
{
    int64_t end_ms = loop_now_ms() + PATIENCE_MS;
    size_t len = strlen(text);

    while (loop_now_ms() < end_ms) {
        if (!turncli_recv(c, (int)(end_ms - loop_now_ms())))
            return false;
        if (c->last_len >= 4 + len && c->last[0] == channel >> 8 &&
            c->last[1] == (channel & 255) && memcmp(c->last + 4, text, len) == 0)
            return true;
    }
    return false;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Sends until the answer comes; on datagrams more than once. */
static bool exchange(struct turncli *c, struct turnmsg *m, struct stun_msg *answer)
{
    int64_t end_ms = loop_now_ms() + PATIENCE_MS, again_ms = 0;
    uint8_t mem[TURNMSG_MAX];
    size_t len = turnmsg_write(mem, m, c->cred.nonce[0] ? &c->cred : NULL);

    while (loop_now_ms() < end_ms) {
        if (loop_now_ms() >= again_ms) {
            turncli_raw(c, mem, len);
            again_ms = c->stream ? end_ms : loop_now_ms() + REPEAT_MS;
        }
        if (turncli_recv(c, (int)(MIN(again_ms, end_ms) - loop_now_ms())) &&
            stun_msg_decode(answer, c->last, c->last_len) == 0 &&
            memcmp(answer->txid, m->txid, STUN_TXID_LEN) == 0)
            return true;
    }
    return false;
}

uint16_t turncli_ask(struct turncli *c, struct turnmsg *m, struct stun_msg *answer)
{
    for (int i = 0; i < 3; i++) {
        uint16_t code;

        if (!exchange(c, m, answer)) {
            fprintf(stderr, "turncli: method %u is not answered\n", m->method);
            abort();
        }
        code = turnmsg_code(answer);
        if ((code != 401 || i > 0) && code != 438)
            return code;
        turnmsg_challenge(&c->cred, answer);
        memset(m->txid, 0, sizeof(m->txid));
    }
    return 438;
}

uint16_t turncli_allocate(struct turncli *c)
{
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = STUN_TRANSPORT_UDP };
    struct stun_msg answer;
    uint16_t code = turncli_ask(c, &m, &answer);

    if (code)
        return code;
    assert(turnmsg_integrity_ok(&c->cred, &answer));
    assert(stun_attr_get_xaddr(&answer, STUN_XOR_RELAYED_ADDRESS, &c->relay) == 0);
    assert(stun_attr_get_xaddr(&answer, STUN_XOR_MAPPED_ADDRESS, &c->mapped) == 0);
    return 0;
}

uint16_t turncli_refresh(struct turncli *c, int lifetime_s)
{
    struct turnmsg m = { .method = STUN_REFRESH, .lifetime = lifetime_s };
    struct stun_msg answer;

    return turncli_ask(c, &m, &answer);
}

uint16_t turncli_permit(struct turncli *c, const struct addr *peer)
{
    struct turnmsg m = { .method = STUN_CREATE_PERM, .peers = { *peer }, .n_peers = 1 };
    struct stun_msg answer;

    return turncli_ask(c, &m, &answer);
}

uint16_t turncli_bind(struct turncli *c, uint16_t channel, const struct addr *peer)
{
    struct turnmsg m = { .method = STUN_CHANNEL_BIND, .channel = channel, .peers = { *peer },
                         .n_peers = 1 };
    struct stun_msg answer;

    return turncli_ask(c, &m, &answer);
}

/* --- data ------------------------------------------------------------------------------------- */

void turncli_send(struct turncli *c, const struct addr *peer, const void *data, size_t len)
{
    struct turnmsg m = { .cls = STUN_INDICATION, .method = STUN_SEND, .peers = { *peer },
                         .n_peers = 1, .data = data, .data_len = len };
    uint8_t mem[TURNMSG_MAX];

    turncli_raw(c, mem, turnmsg_write(mem, &m, NULL));
}

void turncli_chandata(struct turncli *c, uint16_t channel, const void *data, size_t len)
{
    uint8_t mem[16384];
    struct buf b = buf_writer(mem, sizeof(mem));

    buf_put_u16(&b, channel);
    buf_put_u16(&b, (uint16_t)len);
    buf_put_bytes(&b, data, len);
    if (c->stream)
        buf_put_zero(&b, -len & 3);
    turncli_raw(c, mem, b.pos);
}
