/* SPDX-License-Identifier: Apache-2.0
 * A media worker's thread: epoll over one socket and one mailbox, and the clock of its spaces. */
#include "worker_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <dgram/dgram.h>
#include <evp/util.h>
#include <loop/clock.h>

enum {
    BATCHES_PER_WAKE = 4, /* then timers and mailbox get their turn: 256 packets are about 1 ms */
    COUNTERS_US = 500000, /* how often the counters are published */
};

/* --- mailbox ---------------------------------------------------------------------------------- */

static void drain_mailbox(struct worker *w)
{
    struct worker_cmd *cmd, *next;
    uint64_t n;

    (void)!read(w->wake_fd, &n, sizeof(n));
    pthread_mutex_lock(&w->lock);
    cmd = w->first;
    w->first = NULL;
    w->last = &w->first;
    pthread_mutex_unlock(&w->lock);
    for (; cmd; cmd = next) {
        next = cmd->next;
        worker_command(w, cmd);
        evp_wipe(cmd->relays, cmd->n_relays * sizeof(*cmd->relays));
        free(cmd->relays);
        free(cmd->text);
        free(cmd->text2);
        free(cmd);
    }
}

void worker_post(struct worker *w, struct worker_cmd *cmd)
{
    uint64_t one = 1;

    cmd->next = NULL;
    pthread_mutex_lock(&w->lock);
    *w->last = cmd;
    w->last = &cmd->next;
    pthread_mutex_unlock(&w->lock);
    (void)!write(w->wake_fd, &one, sizeof(one));
}

/* --- the thread ------------------------------------------------------------------------------- */

static void publish_counters(struct worker *w, int64_t now_us)
{
    struct media_counters relayed = { 0 };
    struct dgram_stats st;

    if (now_us < w->counters_us)
        return;
    w->counters_us = now_us + COUNTERS_US;
    dgram_stats(w->sock, &st);
    relays_counters(w->relays, &relayed);
    atomic_store(&w->counters[0], st.rx_packets + relayed.rx_packets);
    atomic_store(&w->counters[1], st.tx_packets + relayed.tx_packets);
    atomic_store(&w->counters[2], st.rx_bytes + relayed.rx_bytes);
    atomic_store(&w->counters[3], st.tx_bytes + relayed.tx_bytes);
    atomic_store(&w->counters[4], w->dropped);
    atomic_store(&w->counters[5], st.dropped + relayed.send_failed);
}

void worker_counters(struct worker *w, struct media_counters *sum)
{
    sum->rx_packets += atomic_load(&w->counters[0]);
    sum->tx_packets += atomic_load(&w->counters[1]);
    sum->rx_bytes += atomic_load(&w->counters[2]);
    sum->tx_bytes += atomic_load(&w->counters[3]);
    sum->dropped += atomic_load(&w->counters[4]);
    sum->send_failed += atomic_load(&w->counters[5]);
}

static void run_timers(struct worker *w)
{
    int64_t now_us = loop_now_us();
    struct list *it, *tmp;

    publish_counters(w, now_us);
    if (relays_deadline(w->relays) <= now_us)
        relays_timeout(w->relays, now_us);
    LIST_EACH(it, tmp, &w->spaces) {
        struct worker_space *ws = LIST_ENTRY(it, struct worker_space, node);

        if (sfu_deadline(ws->sfu) <= now_us)
            sfu_timeout(ws->sfu, now_us);
    }
}

static void flush(struct worker *w)
{
    dgram_flush(w->sock);
    relays_flush(w->relays);
}

/* How long epoll may sleep. */
static int sleep_ms(const struct worker *w)
{
    int64_t now_us = loop_now_us();
    int64_t due_us = MIN(now_us + COUNTERS_US, relays_deadline(w->relays));
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &w->spaces)
        due_us = MIN(due_us, sfu_deadline(LIST_ENTRY(it, struct worker_space, node)->sfu));
    return due_us <= now_us ? 0 : (int)((due_us - now_us + 999) / 1000);
}

static void on_event(struct worker *w, const struct epoll_event *ev)
{
    if (ev->data.fd == w->wake_fd) {
        drain_mailbox(w);
    } else if (ev->data.fd == dgram_fd(w->sock)) {
        for (int k = 0; k < BATCHES_PER_WAKE && dgram_recv(w->sock, worker_on_datagram, w) > 0; k++)
            flush(w);
    } else {
        (void)relays_event(w->relays, loop_now_us(), ev->data.fd, ev->events);
        flush(w);
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[2 + MEDIA_RELAYS_MAX];

    while (!w->stopping) {
        int n;

        run_timers(w);
        flush(w);
        n = epoll_wait(w->epoll_fd, events, (int)ARRAY_LEN(events), sleep_ms(w));
        for (int i = 0; i < n; i++)
            on_event(w, &events[i]);
    }
    return NULL;
}

static void find_locals(struct worker *w)
{
    struct addr list[LOCALS_MAX];
    struct addr bound;
    size_t n;

    if (!str_empty(w->opts.listen) && addr_parse_ip(&bound, w->opts.listen, 0) == 0 &&
        !addr_is_any(&bound)) {
        list[0] = bound;
        n = 1;
    } else {
        n = dgram_addresses(list, LOCALS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        w->locals[i].addr = list[i];
        w->locals[i].addr.port = dgram_port(w->sock);
        w->locals[i].path = (uint8_t)i;
        w->local_is_loopback[i] = addr_is_loopback(&list[i]);
    }
    w->n_locals = n;
}

static int watch(struct worker *w, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

    return epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void worker_free(struct worker *w)
{
    struct list *it, *tmp;

    drain_mailbox(w);
    LIST_EACH(it, tmp, &w->spaces)
        worker_space_free(LIST_ENTRY(it, struct worker_space, node));
    if (w->sock)
        flush(w); /* the goodbyes of DTLS */
    relays_free(w->relays, loop_now_us());
    dgram_close(w->sock);
    map_free(w->by_space);
    map_free(w->by_addr);
    map_free(w->by_ufrag);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    if (w->epoll_fd >= 0)
        close(w->epoll_fd);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

int worker_start(struct worker **out, const struct worker_opts *opts)
{
    struct worker *w = MEM_NEW(struct worker);
    char name[16];
    int rc;

    w->opts = *opts;
    w->last = &w->first;
    list_init(&w->spaces);
    w->by_space = map_new();
    w->by_addr = map_new();
    w->by_ufrag = map_new();
    pthread_mutex_init(&w->lock, NULL);
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->relays = relays_new(w->epoll_fd, &worker_relays_ops, w);
    rc = dgram_open(&w->sock, opts->listen, opts->port);
    if (rc)
        goto fail;
    find_locals(w);
    rc = watch(w, w->wake_fd);
    if (rc == 0)
        rc = watch(w, dgram_fd(w->sock));
    if (rc == 0)
        rc = -pthread_create(&w->thread, NULL, run, w);
    if (rc)
        goto fail;
    (void)snprintf(name, sizeof(name), "media-%u", opts->index);
    (void)pthread_setname_np(w->thread, name);
    *out = w;
    return 0;
fail:
    worker_free(w);
    return rc;
}

void worker_stop(struct worker *w)
{
    struct worker_cmd *cmd = MEM_NEW(struct worker_cmd);

    cmd->type = CMD_STOP;
    worker_post(w, cmd);
    pthread_join(w->thread, NULL);
    worker_free(w);
}
