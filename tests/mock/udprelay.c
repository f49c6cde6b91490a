/* SPDX-License-Identifier: Apache-2.0
 * A UDP relay that makes links bad (impair.h): udprelay [SEED]. Each port that it opens stands for
 * one target; each client address that sends to it gets a socket of its own towards the target, so
 * that the target tells clients apart by their ports. It is controlled by lines on its standard
 * input, answers each with one line, and ends with the input:
 *
 *     open IP:PORT      "port N": datagrams to N go to IP:PORT, and what comes back goes back
 *     shut N            "ok": the port is closed and its clients are forgotten; N swallows all
 *     up|down|both K    "ok": knobs, for running and coming clients; up is client to target
 *     rebind            "ok": every client goes on from another source port, as after a NAT
 *                       has forgotten it; answers to the old one are lost
 *     stats             one JSON object: counters of both directions, and how late it was itself
 *
 * A line that is none of these is answered "error ...". */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <base/addr.h>
#include <base/list.h>
#include <base/mem.h>

#include "impair.h"

enum {
    DATAGRAM_MAX = 2048,
    PENDING_MAX = 1 << 16, /* datagrams under way: 300 ms of everything a test sends */
    LATE_STEP_US = 100,
    LATE_STEPS = 1000,
    SOCKET_BUFFER_B = 1 << 20,
    READS_MAX = 64, /* datagrams of one socket before the others have their turn */
};

enum direction { UP, DOWN, DIRECTIONS };

/* What epoll points at. */
struct end {
    enum { LISTENER, CLIENT, CONTROL } kind;
    int fd;
};

struct listener {
    struct end end;
    struct list node;
    struct list clients;
    struct addr target;
    uint16_t port;
};

struct client {
    struct end end; /* towards the target */
    struct list node;
    struct listener *listener;
    struct addr addr;
    struct impair link[DIRECTIONS];
};

struct datagram {
    int64_t due_us;
    uint64_t order; /* of equal due_us: first in, first out */
    struct client *client;
    enum direction to;
    size_t len;
    uint8_t data[];
};

static struct {
    int epoll;
    uint64_t seed, order, n_clients;
    struct list listeners;
    struct impair defaults[DIRECTIONS]; /* knobs of coming clients, counters of those gone */
    struct datagram **heap;             /* earliest first */
    size_t n_heap;
    uint64_t late[LATE_STEPS], n_late; /* histogram of our own delay */
    bool done;
} relay;

static int64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* --- datagrams under way: a binary heap ------------------------------------------------------- */

static bool earlier(const struct datagram *a, const struct datagram *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void heap_push(struct datagram *d)
{
    size_t i = relay.n_heap++;

    for (; i > 0 && earlier(d, relay.heap[(i - 1) / 2]); i = (i - 1) / 2)
        relay.heap[i] = relay.heap[(i - 1) / 2];
    relay.heap[i] = d;
}

static void heap_sink(size_t i, struct datagram *d)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= relay.n_heap)
            break;
        if (child + 1 < relay.n_heap && earlier(relay.heap[child + 1], relay.heap[child]))
            child++;
        if (!earlier(relay.heap[child], d))
            break;
        relay.heap[i] = relay.heap[child];
        i = child;
    }
    relay.heap[i] = d;
}

static struct datagram *heap_pop(void)
{
    struct datagram *first = relay.heap[0];

    relay.n_heap--;
    if (relay.n_heap > 0)
        heap_sink(0, relay.heap[relay.n_heap]);
    return first;
}

/* Takes out what is under way for a client that goes. */
static void heap_forget(const struct client *c)
{
    struct datagram **all = mem_calloc(PENDING_MAX, sizeof(*all));
    size_t n = relay.n_heap;

    memcpy(all, relay.heap, n * sizeof(*all));
    relay.n_heap = 0;
    for (size_t i = 0; i < n; i++) {
        if (all[i]->client == c)
            free(all[i]);
        else
            heap_push(all[i]);
    }
    free(all);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static void watch(struct end *end)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = end };

    assert(epoll_ctl(relay.epoll, EPOLL_CTL_ADD, end->fd, &ev) == 0);
}

static int open_udp(int family)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int size = SOCKET_BUFFER_B;

    assert(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return fd;
}

static int connect_to(const struct addr *target)
{
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(target, &ss);
    int fd = open_udp(ss.ss_family);

    assert(connect(fd, (struct sockaddr *)&ss, len) == 0);
    return fd;
}

static struct client *client_of(struct listener *l, const struct addr *from)
{
    struct list *it, *tmp;
    struct client *c;

    LIST_EACH(it, tmp, &l->clients) {
        c = LIST_ENTRY(it, struct client, node);
        if (addr_eq(&c->addr, from))
            return c;
    }
    c = MEM_NEW(struct client);
    c->end = (struct end){ CLIENT, connect_to(&l->target) };
    c->listener = l;
    c->addr = *from;
    for (int d = 0; d < DIRECTIONS; d++) {
        impair_init(&c->link[d], relay.seed + 2 * relay.n_clients + (uint64_t)d);
        c->link[d].knobs = relay.defaults[d].knobs;
    }
    relay.n_clients++;
    list_add_tail(&l->clients, &c->node);
    watch(&c->end);
    return c;
}

static void add_counts(struct impair_counts *sum, const struct impair_counts *c)
{
    sum->in += c->in;
    sum->out += c->out;
    sum->bytes += c->bytes;
    sum->lost += c->lost;
    sum->overflowed += c->overflowed;
    sum->reordered += c->reordered;
    sum->duplicated += c->duplicated;
}

static void client_free(struct client *c)
{
    for (int d = 0; d < DIRECTIONS; d++)
        add_counts(&relay.defaults[d].counts, &c->link[d].counts);
    heap_forget(c);
    list_del(&c->node);
    (void)close(c->end.fd);
    free(c);
}

static void listener_free(struct listener *l)
{
    while (!list_empty(&l->clients))
        client_free(LIST_ENTRY(l->clients.next, struct client, node));
    list_del(&l->node);
    (void)close(l->end.fd);
    free(l);
}

/* --- datagrams -------------------------------------------------------------------------------- */

static void accept_datagram(struct client *c, enum direction to, const void *data, size_t len)
{
    int64_t due_us[IMPAIR_COPIES];
    unsigned n = impair_packet(&c->link[to], now_us(), len, due_us);

    for (unsigned i = 0; i < n && relay.n_heap < PENDING_MAX; i++) {
        struct datagram *d = mem_zalloc(sizeof(*d) + len);

        *d = (struct datagram){
            .due_us = due_us[i], .order = relay.order++, .client = c, .to = to, .len = len
        };
        memcpy(d->data, data, len);
        heap_push(d);
    }
}

/* True: there may be more. */
static bool read_listener(struct listener *l)
{
    uint8_t data[DATAGRAM_MAX];
    struct sockaddr_storage ss;
    socklen_t ss_len = sizeof(ss);
    ssize_t n = recvfrom(l->end.fd, data, sizeof(data), 0, (struct sockaddr *)&ss, &ss_len);
    struct addr from;

    if (n < 0)
        return errno == EINTR;
    if (addr_from_sockaddr(&from, (struct sockaddr *)&ss) == 0)
        accept_datagram(client_of(l, &from), UP, data, (size_t)n);
    return true;
}

static bool read_client(struct client *c)
{
    uint8_t data[DATAGRAM_MAX];
    ssize_t n = recv(c->end.fd, data, sizeof(data), 0);

    if (n < 0) /* nobody at the target's port: it may come back */
        return errno == EINTR || errno == ECONNREFUSED;
    accept_datagram(c, DOWN, data, (size_t)n);
    return true;
}

static void send_one(const struct datagram *d)
{
    struct sockaddr_storage ss;

    if (d->to == UP) {
        (void)!send(d->client->end.fd, d->data, d->len, 0);
        return;
    }
    (void)!sendto(d->client->listener->end.fd, d->data, d->len, 0, (struct sockaddr *)&ss,
                  addr_to_sockaddr(&d->client->addr, &ss));
}

static void send_due(void)
{
    int64_t now = now_us();

    while (relay.n_heap > 0 && relay.heap[0]->due_us <= now) {
        struct datagram *d = heap_pop();
        int64_t step = (now - d->due_us) / LATE_STEP_US;

        relay.late[step < LATE_STEPS ? step : LATE_STEPS - 1]++;
        relay.n_late++;
        send_one(d);
        free(d);
    }
}

/* --- commands --------------------------------------------------------------------------------- */

static void command_open(const char *rest)
{
    struct listener *l = MEM_NEW(struct listener);
    struct sockaddr_storage ss;
    struct addr any = { 0 };
    socklen_t len = sizeof(ss);

    if (addr_parse(&l->target, rest) != 0) {
        free(l);
        (void)printf("error no address: %s\n", rest);
        return;
    }
    any.family = l->target.family;
    (void)addr_to_sockaddr(&any, &ss);
    l->end = (struct end){ LISTENER, open_udp(ss.ss_family) };
    assert(bind(l->end.fd, (struct sockaddr *)&ss, addr_to_sockaddr(&any, &ss)) == 0);
    assert(getsockname(l->end.fd, (struct sockaddr *)&ss, &len) == 0);
    assert(addr_from_sockaddr(&any, (struct sockaddr *)&ss) == 0);
    l->port = any.port;
    list_init(&l->clients);
    list_add_tail(&relay.listeners, &l->node);
    watch(&l->end);
    (void)printf("port %u\n", l->port);
}

static void command_shut(const char *rest)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &relay.listeners) {
        struct listener *l = LIST_ENTRY(it, struct listener, node);

        if (l->port != strtoul(rest, NULL, 10))
            continue;
        listener_free(l);
        (void)printf("ok\n");
        return;
    }
    (void)printf("error no such port: %s\n", rest);
}

/* Calls `each` for every client. */
static void for_clients(void (*each)(struct client *c, void *arg), void *arg)
{
    struct list *it, *tmp, *it2, *tmp2;

    LIST_EACH(it, tmp, &relay.listeners) {
        LIST_EACH(it2, tmp2, &LIST_ENTRY(it, struct listener, node)->clients)
            each(LIST_ENTRY(it2, struct client, node), arg);
    }
}

struct turn {
    enum direction first, last;
    const char *words;
};

static void turn_client(struct client *c, void *arg)
{
    const struct turn *t = arg;

    for (enum direction d = t->first; d <= t->last; d++)
        (void)!impair_set(&c->link[d], t->words);
}

static void command_knobs(enum direction first, enum direction last, const char *words)
{
    struct turn t = { first, last, words };

    for (enum direction d = first; d <= last; d++) {
        if (impair_set(&relay.defaults[d], words) != 0) {
            (void)printf("error no knobs: %s\n", words);
            return;
        }
    }
    for_clients(turn_client, &t);
    (void)printf("ok\n");
}

static void rebind_client(struct client *c, void *arg)
{
    int old = c->end.fd;

    (void)arg;
    c->end.fd = connect_to(&c->listener->target); /* first, so that the port is another */
    (void)close(old);
    watch(&c->end);
}

static void command_rebind(const char *rest)
{
    (void)rest;
    for_clients(rebind_client, NULL);
    (void)printf("ok\n");
}

static void sum_client(struct client *c, void *arg)
{
    struct impair_counts *sum = arg;

    for (int d = 0; d < DIRECTIONS; d++)
        add_counts(&sum[d], &c->link[d].counts);
}

/* The delay that this share of the datagrams did not exceed. */
static double late_ms(double share)
{
    uint64_t below = 0;
    size_t i = 0;

    while (i < LATE_STEPS - 1 && (double)(below += relay.late[i]) < share * (double)relay.n_late)
        i++;
    return (double)(i + 1) * LATE_STEP_US / 1000.0;
}

static void print_counts(const char *name, const struct impair_counts *c)
{
    (void)printf("\"%s\":{\"in\":%llu,\"out\":%llu,\"bytes\":%llu,\"lost\":%llu,"
                 "\"overflowed\":%llu,\"reordered\":%llu,\"duplicated\":%llu},",
                 name, (unsigned long long)c->in, (unsigned long long)c->out,
                 (unsigned long long)c->bytes, (unsigned long long)c->lost,
                 (unsigned long long)c->overflowed, (unsigned long long)c->reordered,
                 (unsigned long long)c->duplicated);
}

static void command_stats(const char *rest)
{
    struct impair_counts sum[DIRECTIONS] = { relay.defaults[UP].counts,
                                             relay.defaults[DOWN].counts };

    (void)rest;
    for_clients(sum_client, sum);
    (void)printf("{");
    print_counts("up", &sum[UP]);
    print_counts("down", &sum[DOWN]);
    (void)printf("\"clients\":%llu,\"lateP50Ms\":%.1f,\"lateP99Ms\":%.1f}\n",
                 (unsigned long long)relay.n_clients, late_ms(0.5), late_ms(0.99));
}

static void command_up(const char *words) { command_knobs(UP, UP, words); }
static void command_down(const char *words) { command_knobs(DOWN, DOWN, words); }
static void command_both(const char *words) { command_knobs(UP, DOWN, words); }

static const struct {
    const char *name;
    void (*run)(const char *rest);
} commands[] = {
    { "open", command_open }, { "shut", command_shut },     { "up", command_up },
    { "down", command_down }, { "both", command_both },     { "rebind", command_rebind },
    { "stats", command_stats },
};

static void command(char *line)
{
    char *rest = line + strcspn(line, " ");
    size_t i = 0;

    if (*rest)
        *rest++ = '\0';
    while (i < ARRAY_LEN(commands) && strcmp(line, commands[i].name) != 0)
        i++;
    if (i < ARRAY_LEN(commands))
        commands[i].run(rest);
    else
        (void)printf("error no such command: %s\n", line);
    (void)fflush(stdout);
}

static void read_control(void)
{
    static char text[4096];
    static size_t n;
    ssize_t got = read(STDIN_FILENO, text + n, sizeof(text) - n);
    char *end;

    if (got <= 0) {
        relay.done = true;
        return;
    }
    n += (size_t)got;
    while ((end = memchr(text, '\n', n))) {
        size_t used = (size_t)(end - text) + 1;

        *end = '\0';
        command(text);
        n -= used;
        memmove(text, text + used, n);
    }
    relay.done = n == sizeof(text);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void on_end(struct end *end)
{
    bool more = true;

    for (int i = 0; i < READS_MAX && more; i++) {
        if (end->kind == LISTENER)
            more = read_listener(LIST_ENTRY(end, struct listener, end));
        else
            more = read_client(LIST_ENTRY(end, struct client, end));
    }
}

/* Waits for datagrams or until one is due. epoll_wait() knows milliseconds only: too coarse. */
static int wait_events(struct epoll_event *events, int max)
{
    struct timespec left = { 0 };
    int64_t us;

    if (relay.n_heap == 0)
        return epoll_pwait2(relay.epoll, events, max, NULL, NULL);
    us = relay.heap[0]->due_us - now_us();
    if (us > 0)
        left = (struct timespec){ us / 1000000, us % 1000000 * 1000 };
    return epoll_pwait2(relay.epoll, events, max, &left, NULL);
}

int main(int argc, char **argv)
{
    struct end control = { CONTROL, STDIN_FILENO };

    if (argc > 2) {
        (void)fprintf(stderr, "Usage: udprelay [SEED]\n");
        return 2;
    }
    relay.seed = argc > 1 ? strtoull(argv[1], NULL, 10) * 1000003 : 0;
    relay.epoll = epoll_create1(EPOLL_CLOEXEC);
    assert(relay.epoll >= 0);
    relay.heap = mem_calloc(PENDING_MAX, sizeof(*relay.heap));
    list_init(&relay.listeners);
    impair_init(&relay.defaults[UP], 0);
    impair_init(&relay.defaults[DOWN], 0);
    watch(&control);
    while (!relay.done) {
        struct epoll_event events[16];
        int n = wait_events(events, 16);
        bool commanded = false;

        for (int i = 0; i < n; i++) {
            struct end *end = events[i].data.ptr;

            if (end->kind == CONTROL)
                commanded = true;
            else
                on_end(end);
        }
        if (commanded) /* last: it may free what the events point at */
            read_control();
        send_due();
    }
    while (!list_empty(&relay.listeners))
        listener_free(LIST_ENTRY(relay.listeners.next, struct listener, node));
    free(relay.heap);
    (void)close(relay.epoll);
    return 0;
}
