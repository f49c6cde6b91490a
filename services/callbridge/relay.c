/* SPDX-License-Identifier: Apache-2.0
 * A worker's allocations on TURN servers: their sockets, from UDP to TCP, and trying again. */
#include "relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <base/mem.h>
#include <base/str.h>
#include <dgram/dgram.h>
#include <evp/util.h>
#include <turnc/turnc.h>

#include "limits.h"
#include "relay_tcp.h"

enum {
    BATCHES_PER_WAKE = 4, /* then the worker's own socket gets its turn */
    TCP_READ_B = 16384,
    TCP_READS_PER_WAKE = 8,
};

struct relay {
    struct relays *set;
    struct media_relay conf; /* id "": the place is free */
    enum media_relay_phase phase;
    struct turnc *t;         /* NULL while it waits to be tried again */
    struct dgram *udp;       /* one of them while there is a client */
    struct relay_tcp *tcp;
    uint32_t watched;        /* events of tcp that epoll knows */
    bool told;               /* on_state has come: to be looked at */
    int64_t now_us;          /* of the running call, for what the client sends */
    int err;                 /* of the socket, met by sending */
    int64_t retry_us;        /* without a client: when to try again */
    int64_t wait_us;         /* and how long to wait after the next failure */
    unsigned users;
};

struct relays {
    int epoll_fd;
    const struct relays_ops *ops;
    void *arg;
    struct relay all[MEDIA_RELAYS_MAX];
    struct media_counters past; /* of sockets that are closed */
    bool failed; /* sending met an error: timeout looks at it at once */
};

/* --- reports ---------------------------------------------------------------------------------- */

static uint8_t index_of(const struct relay *y)
{
    return (uint8_t)(y - y->set->all);
}

static void report(struct relay *y)
{
    struct media_relay_state st = { .phase = y->phase, .failure = "", .tcp = y->tcp != NULL };

    (void)str_copy(st.id, sizeof(st.id), y->conf.id);
    if (y->t && y->phase != MEDIA_RELAY_ALLOCATING) {
        st.code = turnc_code(y->t);
        if (y->phase != MEDIA_RELAY_READY)
            st.failure = turnc_failure_text(turnc_failure(y->t));
        st.rtt_us = turnc_rtt_us(y->t);
        st.mapped = *turnc_mapped(y->t);
        st.relayed = *turnc_relayed(y->t);
    }
    y->set->ops->on_report(y->set->arg, &st);
}

/* What no client says: an attempt that came to nothing before there was one, or that the server is
 * not wanted any more. */
static void report_plain(struct relay *y, enum turnc_failure why)
{
    struct media_relay_state st = { .phase = y->phase, .failure = turnc_failure_text(why) };

    (void)str_copy(st.id, sizeof(st.id), y->conf.id);
    y->set->ops->on_report(y->set->arg, &st);
}

/* --- the client ------------------------------------------------------------------------------- */

static void on_send(void *arg, const void *head, size_t head_len, const void *body,
                    size_t body_len)
{
    struct relay *y = arg;

    if (y->tcp) {
        if (!relay_tcp_send(y->tcp, head, head_len, body, body_len))
            y->set->past.send_failed++;
    } else {
        const struct dgram_piece pieces[2] = { { head, head_len }, { body, body_len } };

        dgram_sendv(y->udp, NULL, &y->conf.udp, pieces);
    }
}

/* Looked at once the socket has been let go: it may be closed then. */
static void on_state(void *arg, enum turnc_state state)
{
    (void)state;
    ((struct relay *)arg)->told = true;
}

static void on_data(void *arg, const struct addr *peer, void *data, size_t len)
{
    struct relay *y = arg;

    y->set->ops->on_data(y->set->arg, index_of(y), peer, data, len);
}

static const struct turnc_ops client_ops = { on_send, on_state, on_data };

/* Counts a socket that is about to be closed. */
static void keep_counters(struct relay *y)
{
    struct dgram_stats st;

    dgram_stats(y->udp, &st);
    y->set->past.rx_packets += st.rx_packets;
    y->set->past.tx_packets += st.tx_packets;
    y->set->past.rx_bytes += st.rx_bytes;
    y->set->past.tx_bytes += st.tx_bytes;
    y->set->past.send_failed += st.dropped;
}

/* Gives the allocation back and closes the socket. */
static void hang_up(struct relay *y, int64_t now_us)
{
    turnc_free(y->t, now_us);
    y->t = NULL;
    if (y->udp) {
        dgram_flush(y->udp);
        keep_counters(y);
    }
    if (y->tcp)
        (void)!relay_tcp_flush(y->tcp);
    dgram_close(y->udp);
    relay_tcp_close(y->tcp);
    y->udp = NULL;
    y->tcp = NULL;
    y->told = false;
    y->err = 0;
}

static int open_socket(struct relay *y, bool tcp)
{
    struct epoll_event ev = { .events = EPOLLIN };
    int rc;

    if (tcp) {
        rc = relay_tcp_open(&y->tcp, &y->conf.tcp);
    } else {
        rc = dgram_open(&y->udp, "", 0);
        if (rc == 0)
            rc = dgram_connect(y->udp, &y->conf.udp);
    }
    if (rc)
        return rc;
    if (tcp)
        ev.events = y->watched = relay_tcp_wants(y->tcp);
    ev.data.fd = tcp ? relay_tcp_fd(y->tcp) : dgram_fd(y->udp);
    return epoll_ctl(y->set->epoll_fd, EPOLL_CTL_ADD, ev.data.fd, &ev) ? -errno : 0;
}

static void later(struct relay *y, int64_t now_us)
{
    y->retry_us = now_us + y->wait_us;
    y->wait_us = MIN(y->wait_us * 2, RELAY_RETRY_MAX_MS * INT64_C(1000));
}

static int dial(struct relay *y, int64_t now_us, bool tcp)
{
    bool last = tcp || y->conf.tcp.family == ADDR_NONE;
    struct turnc_opts opts = {
        .ops = &client_ops, .arg = y, .username = y->conf.username, .password = y->conf.password,
        .stream = tcp,
        .give_up_us = (last ? RELAY_WAIT_MS : RELAY_UDP_WAIT_MS) * INT64_C(1000),
    };
    int rc = open_socket(y, tcp);

    if (rc) {
        hang_up(y, now_us);
        return rc;
    }
    y->t = turnc_new(&opts, now_us);
    return 0;
}

/* UDP where there is, else TCP; what cannot even be opened counts as unreachable. */
static void start(struct relay *y, int64_t now_us)
{
    int rc = -EAFNOSUPPORT;

    if (y->conf.udp.family != ADDR_NONE)
        rc = dial(y, now_us, false);
    if (rc && y->conf.tcp.family != ADDR_NONE)
        rc = dial(y, now_us, true);
    if (rc == 0)
        return;
    y->phase = MEDIA_RELAY_REFUSED;
    later(y, now_us);
    report_plain(y, TURNC_UNREACHABLE);
}

/* UDP has not got through: the same over TCP. */
static bool fall_back(struct relay *y, int64_t now_us)
{
    enum turnc_failure why = turnc_failure(y->t);

    if (!y->udp || y->conf.tcp.family == ADDR_NONE ||
        (why != TURNC_TIMEOUT && why != TURNC_UNREACHABLE))
        return false;
    hang_up(y, now_us);
    if (dial(y, now_us, true) == 0)
        return true;
    y->phase = MEDIA_RELAY_REFUSED;
    later(y, now_us);
    report_plain(y, TURNC_UNREACHABLE);
    return true;
}

static void settle(struct relay *y, int64_t now_us)
{
    bool was_ready = y->phase == MEDIA_RELAY_READY;

    if (!y->told)
        return;
    y->told = false;
    if (turnc_state(y->t) == TURNC_READY) {
        y->phase = MEDIA_RELAY_READY;
        y->wait_us = RELAY_RETRY_MS * INT64_C(1000);
        report(y);
        y->set->ops->on_ready(y->set->arg, index_of(y));
        return;
    }
    if (!was_ready && fall_back(y, now_us))
        return;
    y->phase = was_ready ? MEDIA_RELAY_LOST : MEDIA_RELAY_REFUSED;
    report(y);
    hang_up(y, now_us);
    later(y, now_us);
    if (was_ready)
        y->set->ops->on_gone(y->set->arg, index_of(y));
}

/* --- the list --------------------------------------------------------------------------------- */

static const struct media_relay *find(const struct media_relay *list, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(list[i].id, id))
            return &list[i];
    }
    return NULL;
}

static struct relay *relay_of(struct relays *r, const char *id)
{
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        if (str_eq(r->all[i].conf.id, id))
            return &r->all[i];
    }
    return NULL;
}

static void remove_relay(struct relay *y, int64_t now_us)
{
    struct relays *r = y->set;
    uint8_t index = index_of(y);
    bool was_ready = y->phase == MEDIA_RELAY_READY;

    if (was_ready) { /* guests that have it are short of one */
        y->phase = MEDIA_RELAY_LOST;
        report_plain(y, TURNC_GONE);
    }
    hang_up(y, now_us);
    evp_wipe(y, sizeof(*y));
    y->set = r;
    if (was_ready)
        r->ops->on_gone(r->arg, index);
}

static void add_relay(struct relays *r, int64_t now_us, const struct media_relay *conf)
{
    struct relay *y = relay_of(r, "");

    if (!y || str_empty(conf->id) || conf->draining)
        return;
    y->conf = *conf;
    y->phase = MEDIA_RELAY_ALLOCATING;
    y->wait_us = RELAY_RETRY_MS * INT64_C(1000);
    report(y);
    start(y, now_us);
}

static void update_relay(struct relay *y, int64_t now_us, const struct media_relay *conf)
{
    bool others = !str_eq(y->conf.username, conf->username) ||
                  !str_eq(y->conf.password, conf->password);

    y->conf = *conf;
    if (others && !y->t) /* it may have failed because of them */
        y->retry_us = now_us;
}

void relays_set(struct relays *r, int64_t now_us, const struct media_relay *list, size_t n)
{
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        struct relay *y = &r->all[i];
        const struct media_relay *conf = find(list, n, y->conf.id);

        if (str_empty(y->conf.id))
            continue;
        if (conf && addr_eq(&conf->udp, &y->conf.udp) && addr_eq(&conf->tcp, &y->conf.tcp))
            update_relay(y, now_us, conf);
        else
            remove_relay(y, now_us);
    }
    for (size_t i = 0; i < n; i++) {
        if (!relay_of(r, list[i].id))
            add_relay(r, now_us, &list[i]);
    }
}

/* --- events ----------------------------------------------------------------------------------- */

static void on_datagram(void *arg, const struct addr *from, const struct addr *to, void *data,
                        size_t len)
{
    struct relay *y = arg;

    (void)from; /* the socket is connected */
    (void)to;
    (void)!turnc_input(y->t, y->now_us, data, len);
}

static void read_udp(struct relay *y, int64_t now_us)
{
    int n = 1;

    for (int i = 0; i < BATCHES_PER_WAKE && n > 0; i++)
        n = dgram_recv(y->udp, on_datagram, y);
    if (n < 0)
        turnc_fail(y->t, now_us, n);
}

static void read_tcp(struct relay *y, int64_t now_us)
{
    uint8_t mem[TCP_READ_B];
    ssize_t n = 1;

    for (int i = 0; i < TCP_READS_PER_WAKE && n > 0 && !y->told; i++) {
        n = relay_tcp_recv(y->tcp, mem, sizeof(mem));
        if (n > 0)
            (void)!turnc_input(y->t, now_us, mem, (size_t)n);
    }
    if (n < 0)
        turnc_fail(y->t, now_us, (int)n);
}

static int fd_of(const struct relay *y)
{
    if (y->tcp)
        return relay_tcp_fd(y->tcp);
    return y->udp ? dgram_fd(y->udp) : -1;
}

bool relays_event(struct relays *r, int64_t now_us, int fd, uint32_t events)
{
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        struct relay *y = &r->all[i];

        if (!y->t || fd_of(y) != fd)
            continue;
        y->now_us = now_us;
        if (!y->tcp)
            read_udp(y, now_us);
        else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            read_tcp(y, now_us);
        /* what may be written now is written by relays_flush() */
        settle(y, now_us);
        return true;
    }
    return false;
}

static void look_after(struct relay *y, int64_t now_us)
{
    int err = y->err;

    y->err = 0;
    if (str_empty(y->conf.id))
        return;
    y->now_us = now_us;
    if (!y->t) {
        if (now_us >= y->retry_us && !y->conf.draining)
            start(y, now_us);
        return;
    }
    if (err)
        turnc_fail(y->t, now_us, err);
    else if (turnc_deadline(y->t) <= now_us)
        turnc_timeout(y->t, now_us);
    settle(y, now_us);
}

void relays_timeout(struct relays *r, int64_t now_us)
{
    r->failed = false;
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++)
        look_after(&r->all[i], now_us);
}

int64_t relays_deadline(const struct relays *r)
{
    int64_t due = r->failed ? 0 : INT64_MAX;

    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        const struct relay *y = &r->all[i];

        if (y->t)
            due = MIN(due, y->told ? 0 : turnc_deadline(y->t));
        else if (!str_empty(y->conf.id) && !y->conf.draining)
            due = MIN(due, y->retry_us);
    }
    return due;
}

/* --- sending ---------------------------------------------------------------------------------- */

void relays_send(struct relays *r, int64_t now_us, uint8_t index, const struct addr *to,
                 const void *data, size_t len)
{
    struct relay *y = &r->all[index];

    if (index < MEDIA_RELAYS_MAX && y->t)
        (void)!turnc_send(y->t, now_us, to, data, len);
}

static void flush_tcp(struct relay *y)
{
    struct epoll_event ev = { .data.fd = relay_tcp_fd(y->tcp) };
    uint32_t wants;
    int rc = relay_tcp_flush(y->tcp);

    wants = relay_tcp_wants(y->tcp);
    if (rc) { /* told from relays_timeout(): who flushes is in the middle of something */
        turnc_fail(y->t, y->now_us, rc);
        y->set->failed = true;
    } else if (wants != y->watched) {
        ev.events = y->watched = wants;
        (void)epoll_ctl(y->set->epoll_fd, EPOLL_CTL_MOD, ev.data.fd, &ev);
    }
}

void relays_flush(struct relays *r)
{
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        struct relay *y = &r->all[i];

        if (y->udp) {
            dgram_flush(y->udp);
            y->err = dgram_error(y->udp);
            r->failed = r->failed || y->err;
        } else if (y->tcp) {
            flush_tcp(y);
        }
    }
}

/* --- participants ----------------------------------------------------------------------------- */

int relays_take(struct relays *r, uint32_t used, bool outside, const char *wanted)
{
    struct relay *best = NULL;

    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        struct relay *y = &r->all[i];

        if (y->phase != MEDIA_RELAY_READY || y->conf.draining || (used & 1u << i) || !y->t ||
            (outside && y->conf.inside))
            continue;
        if (!best || y->users < best->users)
            best = y;
        if (str_eq(y->conf.id, wanted)) {
            best = y;
            break;
        }
    }
    if (!best)
        return -1;
    best->users++;
    return index_of(best);
}

void relays_give_back(struct relays *r, uint8_t index)
{
    if (r->all[index].users > 0)
        r->all[index].users--;
}

bool relays_inside(const struct relays *r, uint8_t index)
{
    return r->all[index].conf.inside;
}

const struct addr *relays_addr(const struct relays *r, uint8_t index)
{
    return turnc_relayed(r->all[index].t);
}

bool relays_any(const struct relays *r)
{
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        if (!str_empty(r->all[i].conf.id))
            return true;
    }
    return false;
}

void relays_counters(const struct relays *r, struct media_counters *sum)
{
    struct dgram_stats st;

    sum->rx_packets += r->past.rx_packets;
    sum->tx_packets += r->past.tx_packets;
    sum->rx_bytes += r->past.rx_bytes;
    sum->tx_bytes += r->past.tx_bytes;
    sum->send_failed += r->past.send_failed;
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        if (!r->all[i].udp)
            continue;
        dgram_stats(r->all[i].udp, &st);
        sum->rx_packets += st.rx_packets;
        sum->tx_packets += st.tx_packets;
        sum->rx_bytes += st.rx_bytes;
        sum->tx_bytes += st.tx_bytes;
        sum->send_failed += st.dropped;
    }
}

/* --- life ------------------------------------------------------------------------------------- */

struct relays *relays_new(int epoll_fd, const struct relays_ops *ops, void *arg)
{
    struct relays *r = MEM_NEW(struct relays);

    r->epoll_fd = epoll_fd;
    r->ops = ops;
    r->arg = arg;
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++)
        r->all[i].set = r;
    return r;
}

void relays_free(struct relays *r, int64_t now_us)
{
    if (!r)
        return;
    for (size_t i = 0; i < MEDIA_RELAYS_MAX; i++) {
        hang_up(&r->all[i], now_us);
        evp_wipe(&r->all[i], sizeof(r->all[i]));
    }
    free(r);
}
