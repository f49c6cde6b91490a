/* SPDX-License-Identifier: Apache-2.0
 * A worker's thread: sockets, rings, mailbox, time.
 *
 * One round: what epoll has, what the rings have, one flush. Under load a round begins only when
 * latencyBudget has passed since the last began: then more packets share a system call, and a
 * flow's packets share a way through the kernel. Below TURN_BUSY_PPS nothing waits. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>

#include "frame.h"
#include "worker_priv.h"

enum {
    EVENTS = 256,
    LISTENER_BATCH = 64,
    RELAY_BATCH = 16,
    RING_BATCH = 256,
    TICK_MS = 250,
    WINDOW_US = 2000, /* over which the rate is looked at */
};

enum command_type { CMD_LISTEN, CMD_UNLISTEN, CMD_RULES, CMD_REVOKE, CMD_STOP };

struct command {
    struct command *next;
    enum command_type type;
    struct listener *listener;
    unsigned id;
    struct turn_rules *rules;
    char *name;
    int64_t expires_s;
};

/* --- epoll ------------------------------------------------------------------------------------ */

/* Relays are emptied each time: an event that is told once need not be looked for again, and there
 * are hundreds of them. */
static struct epoll_event event_of(enum source_kind kind, int fd)
{
    return (struct epoll_event){ .events = kind == SOURCE_RELAY ? EPOLLIN | EPOLLET : EPOLLIN,
                                 .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd };
}

int worker_watch(struct turn_worker *w, enum source_kind kind, int fd, void *object)
{
    struct epoll_event ev = event_of(kind, fd);

    if ((size_t)fd >= w->n_by_fd) {
        size_t n = MAX((size_t)fd + 1, w->n_by_fd * 2);

        w->by_fd = mem_realloc(w->by_fd, n, sizeof(void *));
        memset(w->by_fd + w->n_by_fd, 0, (n - w->n_by_fd) * sizeof(void *));
        w->n_by_fd = n;
    }
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
        return -errno;
    w->by_fd[fd] = object;
    return 0;
}

void worker_unwatch(struct turn_worker *w, int fd)
{
    if ((size_t)fd < w->n_by_fd)
        w->by_fd[fd] = NULL; /* closing takes it out of epoll */
}

/* --- what the core asks for ------------------------------------------------------------------- */

static void to_client(void *arg, const struct turn_flow *flow, const struct turn_out *out)
{
    struct turn_worker *w = arg;
    struct listener *l = flow->link;
    struct turn_dest dest;

    if (flow->stream) {
        conn_send(w, flow->link, out);
        return;
    }
    dest = (struct turn_dest){ .fd = l->fd, .listener = true, .to = flow->client };
    if (addr_is_any(&l->local))
        dest.from = flow->local;
    turn_io_send(w->io, &dest, out);
}

static void to_peer(void *arg, struct turn_alloc *a, const struct addr *peer, const void *data,
                    size_t len)
{
    struct turn_worker *w = arg;
    const struct turn_dest dest = { .fd = a->fd, .to = *peer };
    const struct turn_out out = { .body = data, .body_len = len };

    turn_io_send(w->io, &dest, &out);
}

/* What a ring cannot take goes the long way, through the kernel, where it is checked as well. */
static void to_worker(void *arg, unsigned worker, const struct turn_hop *hop)
{
    struct turn_worker *w = arg;
    int err = turn_ring_put(w->opts.to[worker], &hop->relay, &hop->from, hop->data, hop->len);
    struct turn_alloc *a;

    if (err == -E2BIG && (a = turn_core_relay(w->core, &hop->from)) != NULL)
        to_peer(w, a, &hop->relay, hop->data, hop->len);
    else if (err)
        turn_count(w->opts.counts, TURN_N_DROP_QUEUE, 1);
    else
        w->wake_peer[worker] = true;
}

static void relay_options(int fd)
{
    int one = 1, size = TURN_RELAY_RCVBUF_B;

    (void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one));
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int relay_open(void *arg, struct turn_alloc *a)
{
    struct turn_worker *w = arg;
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(&a->relay, &ss);
    int err;

    a->fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0)
        return -errno;
    relay_options(a->fd);
    err = bind(a->fd, (struct sockaddr *)&ss, len) ? -errno :
                                                     worker_watch(w, SOURCE_RELAY, a->fd, a);
    if (err)
        close(a->fd);
    return err;
}

static void relay_close(void *arg, struct turn_alloc *a)
{
    struct turn_worker *w = arg;

    /* What is queued for this socket would go out by the next one with the same number. */
    turn_io_send_now(w->io);
    worker_unwatch(w, a->fd);
    close(a->fd);
}

static const struct turn_core_ops core_ops = {
    .to_client = to_client,
    .to_peer = to_peer,
    .to_worker = to_worker,
    .relay_open = relay_open,
    .relay_close = relay_close,
};

/* --- input ------------------------------------------------------------------------------------ */

struct udp_input {
    struct turn_worker *w;
    struct listener *listener;
};

static void on_client(void *arg, const struct addr *from, const struct addr *to, const void *data,
                      size_t len)
{
    const struct udp_input *in = arg;
    struct turn_flow flow = { .client = *from, .local = in->listener->local,
                              .link = in->listener };

    if (to->family != ADDR_NONE) {
        flow.local = *to;
        flow.local.port = in->listener->local.port;
    }
    /* Whoever asks waits for the answer, and sends nothing more that could be waited for. */
    if (!turn_frame_is_request(data, len))
        in->w->round_packets++;
    /* What is neither STUN nor ChannelData was counted; there is no one to tell. */
    (void)!turn_core_client(in->w->core, &flow, data, len);
}

struct relay_input {
    struct turn_worker *w;
    struct turn_alloc *a;
};

static void on_peer(void *arg, const struct addr *from, const struct addr *to, const void *data,
                    size_t len)
{
    const struct relay_input *in = arg;

    (void)to;
    turn_core_peer(in->w->core, in->a, from, data, len);
}

static void on_listener(struct turn_worker *w, struct listener *l)
{
    struct udp_input in = { w, l };

    if (l->kind != TURN_LISTEN_UDP) {
        conn_accept(w, l);
        return;
    }
    (void)turn_io_recv(w->io, l->fd, LISTENER_BATCH, on_client, &in);
    w->more |= turn_io_more(w->io);
}

static void on_relay(struct turn_worker *w, struct turn_alloc *a)
{
    struct relay_input in = { w, a };

    w->round_packets += turn_io_recv(w->io, a->fd, RELAY_BATCH, on_peer, &in);
    if (turn_io_more(w->io)) { /* the others are next; this one is told of again */
        struct epoll_event ev = event_of(SOURCE_RELAY, a->fd);

        w->more = true;
        (void)epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, a->fd, &ev);
    }
}

/* Slots are given back after the flush: what is sent refers to them. Returns true when there may
 * be more. */
static bool read_ring(struct turn_worker *w, struct turn_ring *r)
{
    const struct turn_ring_slot *s;
    unsigned n = 0;

    while (n < RING_BATCH && (s = turn_ring_peek(r, n)) != NULL) {
        const struct turn_hop hop = { s->relay, s->from, s->data, s->len };

        turn_core_hairpin(w->core, &hop);
        n++;
    }
    if (n == 0)
        return false;
    w->round_packets += n;
    turn_io_send_now(w->io);
    turn_ring_done(r, n);
    return n == RING_BATCH;
}

static void read_rings(struct turn_worker *w)
{
    for (unsigned i = 0; i < w->opts.count; i++)
        if (w->opts.from[i])
            w->more |= read_ring(w, w->opts.from[i]);
}

/* --- mailbox ---------------------------------------------------------------------------------- */

static void post(struct turn_worker *w, struct command *cmd)
{
    pthread_mutex_lock(&w->lock);
    *w->last = cmd;
    w->last = &cmd->next;
    pthread_mutex_unlock(&w->lock);
    turn_worker_wake(w);
}

static struct command *command_new(enum command_type type)
{
    struct command *cmd = MEM_NEW(struct command);

    cmd->type = type;
    return cmd;
}

void turn_worker_wake(struct turn_worker *w)
{
    uint64_t one = 1;

    (void)!write(w->wake_fd, &one, sizeof(one));
}

void turn_worker_listen(struct turn_worker *w, int fd, enum turn_listen_kind kind,
                        const struct addr *local, unsigned id)
{
    struct command *cmd = command_new(CMD_LISTEN);

    cmd->listener = MEM_NEW(struct listener);
    *cmd->listener = (struct listener){ .fd = fd, .kind = kind, .local = *local, .id = id };
    post(w, cmd);
}

void turn_worker_unlisten(struct turn_worker *w, unsigned id)
{
    struct command *cmd = command_new(CMD_UNLISTEN);

    cmd->id = id;
    post(w, cmd);
}

void turn_worker_rules(struct turn_worker *w, struct turn_rules *rules)
{
    struct command *cmd = command_new(CMD_RULES);

    cmd->rules = rules;
    post(w, cmd);
}

void turn_worker_revoke(struct turn_worker *w, const char *id, int64_t expires_s)
{
    struct command *cmd = command_new(CMD_REVOKE);

    cmd->name = str_dup(id);
    cmd->expires_s = expires_s;
    post(w, cmd);
}

static void add_listener(struct turn_worker *w, struct listener *l)
{
    list_add_tail(&w->listeners, &l->node);
    if (worker_watch(w, SOURCE_LISTENER, l->fd, l))
        abort(); /* a fresh fd and a valid epoll: only memory of the kernel can be the reason */
}

/* Allocations of a UDP listener end with it: nothing can be sent to their clients any more. */
static void drop_listener(struct turn_worker *w, struct listener *l)
{
    turn_core_unlink(w->core, l);
    turn_io_send_now(w->io);
    worker_unwatch(w, l->fd);
    close(l->fd);
    list_del(&l->node);
    free(l);
}

static void drop_listeners(struct turn_worker *w, unsigned id, bool all)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &w->listeners) {
        struct listener *l = LIST_ENTRY(it, struct listener, node);

        if (all || l->id == id)
            drop_listener(w, l);
    }
}

static void command_run(struct turn_worker *w, struct command *cmd)
{
    switch (cmd->type) {
    case CMD_LISTEN:
        add_listener(w, cmd->listener);
        break;
    case CMD_UNLISTEN:
        drop_listeners(w, cmd->id, false);
        break;
    case CMD_RULES:
        turn_core_rules(w->core, cmd->rules);
        break;
    case CMD_REVOKE:
        turn_core_revoke(w->core, cmd->name, cmd->expires_s);
        break;
    case CMD_STOP:
        w->stopping = true;
        break;
    }
    free(cmd->name);
    free(cmd);
}

static void read_mailbox(struct turn_worker *w)
{
    struct command *cmd, *next;
    uint64_t n;

    (void)!read(w->wake_fd, &n, sizeof(n));
    pthread_mutex_lock(&w->lock);
    cmd = w->first;
    w->first = NULL;
    w->last = &w->first;
    pthread_mutex_unlock(&w->lock);
    for (; cmd; cmd = next) {
        next = cmd->next;
        command_run(w, cmd);
    }
}

/* --- the round -------------------------------------------------------------------------------- */

static void on_event(struct turn_worker *w, const struct epoll_event *ev)
{
    int fd = (int)(ev->data.u64 & 0xffffffffu);
    void *object = w->by_fd[fd];

    if (!object && fd != w->wake_fd)
        return; /* closed by an event before it */
    switch ((enum source_kind)(ev->data.u64 >> 32)) {
    case SOURCE_WAKE:
        read_mailbox(w);
        break;
    case SOURCE_LISTENER:
        on_listener(w, object);
        break;
    case SOURCE_RELAY:
        on_relay(w, object);
        break;
    case SOURCE_CONN:
        conn_event(w, object, ev->events);
        break;
    }
}

/* Who is at work, or pauses for the budget, looks into its rings before it waits. The exchanges
 * decide who was first: either the peer sees what was put, or it is seen to wait, by one alone. */
static void wake_peers(struct turn_worker *w)
{
    for (unsigned i = 0; i < w->opts.count; i++) {
        if (w->wake_peer[i] && atomic_exchange(&w->opts.peers[i]->waits, false))
            turn_worker_wake(w->opts.peers[i]);
        w->wake_peer[i] = false;
    }
}

static void tick(struct turn_worker *w, int64_t now_ms)
{
    if (now_ms - w->ticked_ms < TICK_MS)
        return;
    w->ticked_ms = now_ms;
    turn_core_tick(w->core);
    conn_tick(w, now_ms);
}

/* Looks at the rate, and waits out the rest of the budget when packets come fast. */
static void pace(struct turn_worker *w, int64_t began_us, int64_t now_us)
{
    int64_t budget_us = turn_core_rules_now(w->core)->latency_budget_us, window;
    struct timespec ts = { 0 };

    w->window_packets += w->round_packets;
    window = now_us - w->window_us;
    if (window >= WINDOW_US) {
        w->busy = w->window_packets * INT64_C(1000000) > TURN_BUSY_PPS * window;
        w->window_us = now_us;
        w->window_packets = 0;
    }
    if (!w->busy || w->more || w->round_packets == 0 || now_us - began_us >= budget_us)
        return;
    ts.tv_nsec = (budget_us - (now_us - began_us)) * 1000;
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static bool rings_hold(const struct turn_worker *w)
{
    for (unsigned i = 0; i < w->opts.count; i++)
        if (w->opts.from[i] && turn_ring_peek(w->opts.from[i], 0))
            return true;
    return false;
}

static int wait_for_input(struct turn_worker *w, struct epoll_event *events, int timeout_ms)
{
    int n;

    if (timeout_ms > 0)
        (void)atomic_exchange(&w->waits, true);
    n = epoll_wait(w->epoll_fd, events, EVENTS, rings_hold(w) ? 0 : timeout_ms);
    atomic_store(&w->waits, false);
    return n;
}

static void run_round(struct turn_worker *w, int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int n = wait_for_input(w, events, w->more ? 0 : timeout_ms);
    int64_t began_us = loop_now_us();

    w->round_packets = 0;
    w->more = false;
    turn_core_time(w->core, began_us / 1000, loop_wall_us() / 1000000);
    for (int i = 0; i < n; i++)
        on_event(w, &events[i]);
    read_rings(w);
    turn_io_flush(w->io);
    wake_peers(w);
    tick(w, began_us / 1000);
    if (!w->stopping)
        pace(w, began_us, loop_now_us());
}

static void *run(void *arg)
{
    struct turn_worker *w = arg;

    /* The kernel would add 50 us to each wait. */
    (void)prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
    w->window_us = loop_now_us();
    while (!w->stopping)
        run_round(w, TICK_MS);
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

int turn_worker_new(struct turn_worker **out, const struct turn_worker_opts *opts)
{
    struct turn_worker *w = MEM_NEW(struct turn_worker);
    struct turn_core_opts core = {
        .ops = &core_ops, .arg = w, .worker = opts->index, .quota = opts->quota,
        .strangers = opts->strangers, .counts = opts->counts, .nonce_key = opts->nonce_key,
    };

    w->opts = *opts;
    w->last = &w->first;
    list_init(&w->listeners);
    list_init(&w->conns);
    pthread_mutex_init(&w->lock, NULL);
    w->core = turn_core_new(&core, opts->rules);
    w->io = turn_io_new(opts->counts);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    w->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    *out = w;
    if (w->epoll_fd < 0 || w->wake_fd < 0)
        return -errno;
    turn_core_time(w->core, loop_now_ms(), loop_wall_us() / 1000000);
    return worker_watch(w, SOURCE_WAKE, w->wake_fd, NULL);
}

int turn_worker_start(struct turn_worker *w)
{
    int err = pthread_create(&w->thread, NULL, run, w);

    w->started = err == 0;
    return -err;
}

void turn_worker_stop(struct turn_worker *w)
{
    if (!w || !w->started)
        return;
    post(w, command_new(CMD_STOP));
    pthread_join(w->thread, NULL);
    w->started = false;
}

void turn_worker_free(struct turn_worker *w)
{
    if (!w)
        return;
    read_mailbox(w); /* what came after the end holds rules and sockets */
    conn_close_all(w);
    drop_listeners(w, 0, true);
    turn_core_free(w->core);
    turn_io_free(w->io);
    if (w->epoll_fd >= 0)
        close(w->epoll_fd);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    if (w->spare_fd >= 0)
        close(w->spare_fd);
    pthread_mutex_destroy(&w->lock);
    free(w->by_fd);
    free(w);
}
