/* SPDX-License-Identifier: Apache-2.0
 * All workers, from the control thread's side. */
#include "pool.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/mem.h>
#include <evp/rand.h>
#include <evp/util.h>
#include <log/log.h>

#include "limits.h"
#include "nonce.h"
#include "quota.h"

enum { BACKLOG = 256 };

struct turn_pool {
    unsigned workers;
    struct turn_worker *worker[TURN_WORKERS_MAX];
    struct turn_ring *ring[TURN_WORKERS_MAX][TURN_WORKERS_MAX]; /* [from][to] */
    struct turn_ring *to[TURN_WORKERS_MAX][TURN_WORKERS_MAX];
    struct turn_ring *from[TURN_WORKERS_MAX][TURN_WORKERS_MAX];
    struct turn_counts counts[TURN_WORKERS_MAX];
    struct turn_quota *quota;
    struct turn_strangers *strangers;
    uint8_t nonce_key[TURN_NONCE_KEY_LEN];
    turn_pool_rules_fn rules;
    void *arg;
    unsigned next_id;
};

/* Each relay and each connection is an open file. */
static void raise_file_limit(void)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim))
        return;
    lim.rlim_cur = lim.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &lim);
}

static void make_rings(struct turn_pool *p)
{
    for (unsigned i = 0; i < p->workers; i++) {
        for (unsigned k = 0; k < p->workers; k++) {
            if (i == k)
                continue;
            p->ring[i][k] = turn_ring_new();
            p->to[i][k] = p->from[k][i] = p->ring[i][k];
        }
    }
}

int turn_pool_new(struct turn_pool **out, unsigned workers, turn_pool_rules_fn rules, void *arg)
{
    struct turn_pool *p = MEM_NEW(struct turn_pool);
    int err = 0;

    p->workers = MIN(MAX(workers, 1u), (unsigned)TURN_WORKERS_MAX);
    p->rules = rules;
    p->arg = arg;
    p->quota = turn_quota_new();
    p->strangers = turn_strangers_new();
    evp_random(p->nonce_key, sizeof(p->nonce_key));
    raise_file_limit();
    make_rings(p);
    for (unsigned i = 0; i < p->workers && !err; i++) {
        struct turn_worker_opts opts = {
            .index = i, .count = p->workers, .quota = p->quota, .strangers = p->strangers,
            .counts = &p->counts[i], .nonce_key = p->nonce_key,
            .rules = rules(arg, p->workers), .to = p->to[i], .from = p->from[i],
            .peers = p->worker,
        };

        err = turn_worker_new(&p->worker[i], &opts);
    }
    for (unsigned i = 0; i < p->workers && !err; i++)
        err = turn_worker_start(p->worker[i]);
    *out = p;
    return err;
}

void turn_pool_free(struct turn_pool *p)
{
    if (!p)
        return;
    for (unsigned i = 0; i < p->workers; i++)
        turn_worker_stop(p->worker[i]);
    for (unsigned i = 0; i < p->workers; i++)
        turn_worker_free(p->worker[i]);
    for (unsigned i = 0; i < p->workers; i++)
        for (unsigned k = 0; k < p->workers; k++)
            turn_ring_free(p->ring[i][k]);
    turn_quota_free(p->quota);
    turn_strangers_free(p->strangers);
    evp_wipe(p->nonce_key, sizeof(p->nonce_key));
    free(p);
}

/* --- listeners -------------------------------------------------------------------------------- */

static int on(int fd, int level, int option)
{
    int one = 1;

    return setsockopt(fd, level, option, &one, sizeof(one)) ? -errno : 0;
}

/* Too small a buffer loses packets in bursts, and nothing else says so. */
static void check_buffer(int fd)
{
    int got = 0;
    socklen_t len = sizeof(got);

    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len) == 0 &&
        got < TURN_LISTEN_RCVBUF_LEAST_B && log_limit("receive buffer"))
        log_warning("listener: its receive buffer is %d KiB, %d are wanted; set net.core.rmem_max",
                    got / 1024, TURN_LISTEN_RCVBUF_LEAST_B / 1024);
}

static void udp_options(int fd, const struct addr *local)
{
    int size = TURN_LISTEN_RCVBUF_B;

    (void)on(fd, IPPROTO_UDP, UDP_GRO);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    check_buffer(fd);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (addr_is_any(local))
        (void)(local->family == ADDR_V4 ? on(fd, IPPROTO_IP, IP_PKTINFO) :
                                          on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO));
}

/* Returns a bound socket, or a negative errno. */
static int open_one(enum turn_listen_kind kind, const struct addr *local, bool shared)
{
    bool udp = kind == TURN_LISTEN_UDP;
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(local, &ss);
    int fd = socket(ss.ss_family,
                    (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int err = 0;

    if (fd < 0)
        return -errno;
    if (ss.ss_family == AF_INET6)
        err = on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (!err && !udp)
        err = on(fd, SOL_SOCKET, SO_REUSEADDR);
    if (!err && shared)
        err = on(fd, SOL_SOCKET, SO_REUSEPORT);
    if (udp)
        udp_options(fd, local);
    if (!err && bind(fd, (struct sockaddr *)&ss, len))
        err = -errno;
    if (!err && !udp && listen(fd, BACKLOG))
        err = -errno;
    if (err)
        close(fd);
    return err ? err : fd;
}

int turn_pool_listen(struct turn_pool *p, enum turn_listen_kind kind, const struct addr *local,
                     unsigned *id)
{
    int fds[TURN_WORKERS_MAX], err = open_one(kind, local, false);
    unsigned n = 0;

    if (err < 0)
        return err;
    close(err);
    for (; n < p->workers; n++) {
        fds[n] = open_one(kind, local, true);
        if (fds[n] < 0) {
            err = fds[n];
            while (n > 0)
                close(fds[--n]);
            return err;
        }
    }
    *id = ++p->next_id;
    for (unsigned i = 0; i < n; i++)
        turn_worker_listen(p->worker[i], fds[i], kind, local, *id);
    return 0;
}

void turn_pool_unlisten(struct turn_pool *p, unsigned id)
{
    for (unsigned i = 0; i < p->workers; i++)
        turn_worker_unlisten(p->worker[i], id);
}

/* --- the rest --------------------------------------------------------------------------------- */

void turn_pool_rules(struct turn_pool *p)
{
    for (unsigned i = 0; i < p->workers; i++)
        turn_worker_rules(p->worker[i], p->rules(p->arg, p->workers));
}

void turn_pool_revoke(struct turn_pool *p, const char *id, int64_t expires_s)
{
    for (unsigned i = 0; i < p->workers; i++)
        turn_worker_revoke(p->worker[i], id, expires_s);
}

unsigned turn_pool_workers(const struct turn_pool *p)
{
    return p->workers;
}

uint64_t turn_pool_count(const struct turn_pool *p, enum turn_count what)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < p->workers; i++)
        n += atomic_load_explicit(&p->counts[i].n[what], memory_order_relaxed);
    return n;
}
