/* SPDX-License-Identifier: Apache-2.0
 * What is put through a tunnel, and what is behind it.
 *
 * tunnelload target --port P tunnelload load --port P --target P --stalled N --seconds S
 *
 * The target echoes what comes after an 'e', sends without end after an 's', and a file of a page
 * after a 'p'.
 *
 * The load opens N connections that ask for bytes and never read, then, one after the other, one
 * that sends 64 bytes and waits for them to come back, pages (the connections of a browser at once,
 * a file over each), and one that downloads. Prints JSON.
 *
 * Between the two it says "stalled" and waits for a line: who started it sees when all is quiet. */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>

enum {
    MESSAGE = 64,
    PAGE_FILES = 6, /* connections of a browser to a host */
    PAGES_MAX = 100000,
    CHUNK = 64 << 10,
    ECHOES_MAX = 2000000,
    QUIET_MS = 3000,
    SETTLE_MS = 180000,
    SMALL = 16 << 10
};

static void die(const char *what)
{
    fprintf(stderr, "tunnelload: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

static struct sockaddr_in local(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* --- target ----------------------------------------------------------------------------------- */

static void *serve(void *arg)
{
    static const uint8_t bytes[CHUNK];
    int fd = (int)(intptr_t)arg;
    uint8_t data[CHUNK];
    ssize_t n = recv(fd, data, 1, 0);

    if (n == 1 && data[0] == 's') {
        while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
            continue;
    } else if (n == 1 && data[0] == 'p') {
        (void)!send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
    } else if (n == 1) {
        while ((n = recv(fd, data, sizeof(data), 0)) > 0 &&
               send(fd, data, (size_t)n, MSG_NOSIGNAL) == n)
            continue;
    }
    close(fd);
    return NULL;
}

static void run_target(uint16_t port)
{
    struct sockaddr_in sin = local(port);
    int on = 1, l = socket(AF_INET, SOCK_STREAM, 0);

    (void)setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(l, (struct sockaddr *)&sin, sizeof(sin)) != 0 || listen(l, 1024) != 0)
        die("target");
    puts("ready");
    (void)fflush(stdout);
    for (;;) {
        int fd = accept(l, NULL, NULL);
        pthread_t thread;
        pthread_attr_t attr;

        if (fd < 0)
            continue;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)pthread_attr_init(&attr);
        (void)pthread_attr_setstacksize(&attr, 512 << 10);
        (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        if (pthread_create(&thread, &attr, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
        (void)pthread_attr_destroy(&attr);
    }
}

/* --- load ------------------------------------------------------------------------------------- */

static int dial(uint16_t port, char what, int rcvbuf)
{
    struct sockaddr_in sin = local(port);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    if (rcvbuf)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 || send(fd, &what, 1, 0) != 1)
        die("connect");
    return fd;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* One after the other, for `seconds`; in us. */
static void echo(uint16_t port, int64_t seconds, uint32_t *p50, uint32_t *p99, size_t *count)
{
    uint32_t *took = mem_calloc(ECHOES_MAX, sizeof(*took));
    int64_t end_us = now_us() + seconds * 1000000;
    int fd = dial(port, 'e', 0);
    char data[MESSAGE] = { 0 };
    struct timeval limit = { .tv_sec = 10 };
    size_t n = 0;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    while (now_us() < end_us && n < ECHOES_MAX) {
        int64_t start_us = now_us();

        if (send(fd, data, sizeof(data), 0) != MESSAGE ||
            recv(fd, data, sizeof(data), MSG_WAITALL) != MESSAGE)
            die("echo");
        took[n++] = (uint32_t)(now_us() - start_us);
    }
    close(fd);
    qsort(took, n, sizeof(*took), by_size);
    *p50 = took[n / 2];
    *p99 = took[n * 99 / 100];
    *count = n;
    free(took);
}

/* Page after page; the median, in us. */
static uint32_t pages(uint16_t port, int64_t seconds)
{
    static uint8_t data[CHUNK];
    uint32_t *took = mem_calloc(PAGES_MAX, sizeof(*took)), median;
    int64_t end_us = now_us() + seconds * 1000000;
    size_t n = 0;

    while (now_us() < end_us && n < PAGES_MAX) {
        int64_t start_us = now_us();
        int fd[PAGE_FILES];

        for (int i = 0; i < PAGE_FILES; i++)
            fd[i] = dial(port, 'p', 0);
        for (int i = 0; i < PAGE_FILES; i++) {
            if (recv(fd[i], data, CHUNK, MSG_WAITALL) != CHUNK)
                die("page");
            close(fd[i]);
        }
        took[n++] = (uint32_t)(now_us() - start_us);
    }
    qsort(took, n, sizeof(*took), by_size);
    median = took[n / 2];
    free(took);
    return median;
}

static double download(uint16_t port, int64_t seconds)
{
    static uint8_t data[1 << 20];
    int fd = dial(port, 's', 0);
    int64_t start_us = now_us(), end_us = start_us + seconds * 1000000;
    size_t total = 0;
    ssize_t n;

    while (now_us() < end_us && (n = recv(fd, data, sizeof(data), 0)) > 0)
        total += (size_t)n;
    close(fd);
    return (double)total * 1e6 / (double)(now_us() - start_us);
}

static void run_load(uint16_t port, int64_t stalled, int64_t seconds)
{
    uint32_t p50, p99, page;
    size_t n;
    double rate;

    for (int64_t i = 0; i < stalled; i++)
        (void)dial(port, 's', SMALL); /* closed with the process */
    puts("stalled");
    (void)fflush(stdout);
    (void)getchar();
    echo(port, seconds, &p50, &p99, &n);
    page = pages(port, seconds);
    rate = download(port, seconds);
    printf("{\"stalled\": %lld, \"echo_p50_us\": %u, \"echo_p99_us\": %u, \"echoes\": %zu, "
           "\"page_us\": %u, \"bytes_per_s\": %.0f}\n",
           (long long)stalled, p50, p99, n, page, rate);
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "port", required_argument, NULL, 'p' },
                                             { "stalled", required_argument, NULL, 'n' },
                                             { "seconds", required_argument, NULL, 's' },
                                             { NULL, 0, NULL, 0 } };
    int64_t port = 0, stalled = 0, seconds = 3;
    int c, bad = argc < 2;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int64_t *to = c == 'p' ? &port : c == 'n' ? &stalled : &seconds;

        bad |= c == '?' || str_to_i64(optarg, 0, 65535, to) != 0;
    }
    if (bad || port == 0 || optind != argc - 1) {
        fputs("Usage: tunnelload target|load --port P [--stalled N] [--seconds S]\n",
              stderr);
        return 2;
    }
    if (str_eq(argv[optind], "target"))
        run_target((uint16_t)port);
    else
        run_load((uint16_t)port, stalled, seconds);
    return 0;
}
