/* SPDX-License-Identifier: Apache-2.0
 * What the edge does under those who mean no good, or read slowly; and TURN on the same port. */
#include "expefix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <evp/rand.h>
#include <loop/accept.h>
#include <loop/clock.h>
#include <proxy2/proxy2.h>
#include <tunnel/mux.h>

#include "guest.h"
#include "inside.h"
#include "lease.h"

#include "cm.h"

#define NAME EXPEFIX_NAME

enum { STALLED = 200, ECHOES = 50, GARBAGE = 300 };

/* --- slow readers ----------------------------------------------------------------------------- */

static bool has_got(void *arg)
{
    return ((const struct guest *)arg)->got > 0;
}

static bool guest_got(struct guest *g)
{
    return expefix_until(g->fix, has_got, g);
}

/* True when nothing has moved since the last look. */
static bool is_quiet(void *arg)
{
    static double before = -1;
    double now = expefix_metric(arg, "stoa_expe_bytes_total{direction=\"out\"}");
    bool same = (long)now == (long)before;

    before = now;
    return same;
}

static void echo_once(struct guest *g, int i)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "<%d of many>", i);
    guest_send(g, text);
    assert_true(guest_saw(g, text));
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Echoes, and what they took: to be read, not judged, a busy machine has its own ideas. */
static void echo_many(struct guest *g, const char *when)
{
    int64_t us[ECHOES];

    for (int i = 0; i < ECHOES; i++) {
        int64_t from_us = loop_now_us();

        echo_once(g, i);
        us[i] = loop_now_us() - from_us;
        str_fini(&g->in);
    }
    qsort(us, ECHOES, sizeof(us[0]), by_value);
    print_message("echo %s: p50 %lld us, p98 %lld us\n", when, (long long)us[ECHOES / 2],
                  (long long)us[ECHOES - 1 - ECHOES / 50]);
}

static void two_hundred_stalled_readers_hold_their_windows_and_nobody_else(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct guest *stalled = mem_calloc(STALLED, sizeof(*stalled)), g;
    double held;

    inside_tunnel_up(&in, f);
    guest_open(&g, f, NAME);
    guest_get(&g, NAME, "/echo");
    assert_true(guest_saw(&g, "echoing\n"));
    echo_many(&g, "alone");
    for (int i = 0; i < STALLED; i++) {
        guest_open(&stalled[i], f, NAME);
        stalled[i].forgets = true;
        guest_get(&stalled[i], NAME, "/flood");
        assert_true(guest_got(&stalled[i]));
        tls_stream_pause(stalled[i].tls);
    }
    assert_true(expefix_until(f, is_quiet, f));
    echo_many(&g, "beside 200 stalled readers");
    held = expefix_metric(f, "stoa_expe_held_bytes");
    print_message("held: %.0f bytes\n", held);
    assert_true(held > 0);
    assert_true(held <= (double)STALLED * MUX_WINDOW_MAX + MUX_FRAME);
    assert_true(held <= (double)MUX_BUDGET);
    for (int i = 0; i < STALLED; i++)
        guest_close(&stalled[i]);
    echo_once(&g, ECHOES);
    guest_close(&g);
    assert_true(expefix_wait_metric(f, "stoa_expe_connections", 0));
    assert_true(expefix_wait_metric(f, "stoa_expe_held_bytes", 0));
    free(stalled);
    inside_close(&in);
}

/* Status of a new guest's page. */
static int new_guest(struct expefix *f)
{
    char *text = guest_page(f, NAME, "GET / HTTP/1.1\r\nHost: " NAME "\r\n\r\n", "\r\n\r\n");
    int status = str_starts(text, "HTTP/1.1 ") ? atoi(text + 9) : 0;

    free(text);
    return status;
}

static void where_memory_is_short_those_who_read_nothing_go_first(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct guest *stalled = mem_calloc(STALLED, sizeof(*stalled));
    int n = 0;

    expefix_set(f, "edge", "edge", CONFIX_FIELDS("tunnelMemory", "4"));
    inside_tunnel_up(&in, f);
    while (n < STALLED && new_guest(f) == 200) {
        guest_open(&stalled[n], f, NAME);
        stalled[n].forgets = true;
        guest_get(&stalled[n], NAME, "/flood");
        (void)guest_got(&stalled[n]);
        tls_stream_pause(stalled[n++].tls);
    }
    print_message("%s after %d stalled readers\n", n < STALLED ? "full" : "not full", n);
    while (new_guest(f) == 503) /* not for ever */
        busfix_run_for(f->conf.bus_fix, 200);
    assert_int_equal(new_guest(f), 200);
    assert_true(expefix_metric(f, "stoa_expe_refused_total{reason=\"stalled\"}") >= 1);
    while (n > 0)
        guest_close(&stalled[--n]);
    free(stalled);
    expefix_set(f, "edge", "edge", CONFIX_FIELDS("tunnelMemory", "64"));
    inside_close(&in);
}

static void a_browser_that_uploads_is_not_read_faster_than_the_tunnel_takes(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct guest g;
    char *block = mem_zalloc(64 << 10);
    size_t sent = 0;

    inside_tunnel_up(&in, f);
    guest_open(&g, f, NAME);
    g.forgets = true;
    guest_get(&g, NAME, "/echo");
    while (sent < (4u << 20)) { /* all of it comes back, whatever its pace */
        assert_int_equal(tls_stream_write(g.tls, block, 64 << 10), 0);
        sent += 64 << 10;
    }
    while (g.got < sent)
        busfix_run_for(f->conf.bus_fix, 20);
    guest_close(&g);
    free(block);
    inside_close(&in);
}

/* --- heads ------------------------------------------------------------------------------------ */

static void a_head_of_a_mebibyte_gets_431_and_little_memory(void **state)
{
    struct expefix *f = *state;
    long before = expefix_rss_kib(f);
    char *long_head = mem_zalloc((1 << 20) + 1);
    char want[] = "HTTP/1.1 431 ";

    memset(long_head, 'a', 1 << 20);
    memcpy(long_head, "GET / HTTP/1.1\r\nHost: " NAME "\r\nX: ", strlen(NAME) + 27);
    for (int i = 0; i < 20; i++) {
        struct guest g;

        guest_open(&g, f, NAME);
        guest_send(&g, long_head);
        assert_true(guest_ended(&g));
        if (g.in.s) /* it may have been cut for what it still sends */
            assert_true(strncmp(g.in.s, want, strlen(want)) == 0);
        guest_close(&g);
    }
    assert_true(expefix_metric(f, "stoa_expe_pages_total{status=\"431\"}") >= 20);
    print_message("memory of 20 long heads: %ld KiB\n", expefix_rss_kib(f) - before);
    assert_true(expefix_rss_kib(f) - before < 20 * 1024);
    free(long_head);
}

static void one_byte_at_a_time_has_the_time_of_all_heads(void **state)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: " NAME "\r\nX: ";
    struct expefix *f = *state;
    struct guest g;

    expefix_set(f, "edge", "edge", CONFIX_FIELDS("headTimeout", "3"));
    guest_open(&g, f, NAME); /* within the same time, also where all is slow */
    for (size_t i = 0; !g.closed && !g.eof && i < 2000; i++) {
        char one[2] = { i < sizeof(head) - 1 ? head[i] : 'a', '\0' };

        guest_send(&g, one);
        busfix_run_for(f->conf.bus_fix, 100);
    }
    assert_true(g.closed || g.eof);
    assert_true(expefix_metric(f, "stoa_expe_refused_total{reason=\"timeout\"}") >= 1);
    guest_close(&g);
    expefix_set(f, "edge", "edge", CONFIX_FIELDS("headTimeout", "10"));
}

static bool is_cut(int fd)
{
    char chunk[256];
    ssize_t n;

    do
        n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
    while (n > 0);
    return n == 0 || (errno != EAGAIN && errno != EINTR);
}

struct cuts {
    const int *fds;
    size_t n;
};

static bool all_cut(void *arg)
{
    const struct cuts *c = arg;

    for (size_t i = 0; i < c->n; i++)
        if (!is_cut(c->fds[i]))
            return false;
    return true;
}

static void garbage_costs_what_the_limits_allow(void **state)
{
    struct expefix *f = *state;
    int fds[GARBAGE];
    struct cuts cuts = { fds, GARBAGE };
    long before, after;

    for (int round = 0; round < 2; round++) { /* the first round grows what stays */
        before = expefix_rss_kib(f);
        for (size_t i = 0; i < GARBAGE; i++) {
            uint8_t bytes[512];

            evp_random(bytes, sizeof(bytes));
            if (i % 2) /* the beginning of a record that never ends */
                memcpy(bytes, "\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb", 9);
            fds[i] = expefix_connect(f, EXPEFIX_HTTPS);
            (void)!send(fds[i], bytes, sizeof(bytes), MSG_NOSIGNAL);
            if (i % 2)
                (void)shutdown(fds[i], SHUT_WR);
        }
        assert_true(expefix_until(f, all_cut, &cuts));
        for (size_t i = 0; i < GARBAGE; i++)
            close(fds[i]);
        assert_true(expefix_wait_metric(f, "stoa_expe_connections", 0));
        after = expefix_rss_kib(f);
    }
    print_message("memory of %d connections with garbage: %ld KiB\n", GARBAGE, after - before);
    assert_true(after - before < 16 * 1024);
    assert_true(expefix_metric(f, "stoa_expe_refused_total{reason=\"handshake\"}") >= GARBAGE);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void one_source_has_its_share(void **state)
{
    struct expefix *f = *state;
    int fds[4];

    expefix_set(f, "edge", "edge", CONFIX_FIELDS("sourceConnectionLimit", "3"));
    assert_true(expefix_wait_metric(f, "stoa_expe_connections", 0));
    /* The change has arrived when the fourth is cut; until then all are let in. */
    for (bool arrived = false; !arrived;) {
        struct cuts last = { &fds[3], 1 };

        for (size_t i = 0; i < 4; i++)
            fds[i] = expefix_connect(f, EXPEFIX_HTTPS);
        busfix_run_for(f->conf.bus_fix, 200);
        arrived = all_cut(&last);
        if (arrived)
            assert_false(is_cut(fds[0]) || is_cut(fds[1]) || is_cut(fds[2]));
        for (size_t i = 0; i < 4; i++)
            close(fds[i]);
        assert_true(expefix_wait_metric(f, "stoa_expe_connections", 0));
    }
    assert_true(expefix_metric(f, "stoa_expe_refused_total{reason=\"source\"}") >= 1);
    expefix_set(f, "edge", "edge", CONFIX_FIELDS("sourceConnectionLimit", "1000"));
}

/* --- TURN over TLS ---------------------------------------------------------------------------- */

struct turn {
    uint8_t got[2048];
    size_t len;
    int fd;
};

static void on_turn_client(void *arg, int fd, const struct addr *peer)
{
    struct turn *t = arg;

    (void)peer;
    t->fd = fd;
}

static bool has_message(void *arg)
{
    struct turn *t = arg;
    struct proxy2 p;
    size_t size = 0;
    ssize_t n;

    if (t->fd < 0)
        return false;
    n = recv(t->fd, t->got + t->len, sizeof(t->got) - t->len, MSG_DONTWAIT);
    t->len += n > 0 ? (size_t)n : 0;
    return proxy2_parse(&p, t->got, t->len, &size) == 0 && t->len >= size + 20;
}

static void the_first_byte_of_stun_leads_to_turn(void **state)
{
    static const uint8_t binding[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4 };
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct loop_accept *private;
    struct turn t = { .fd = -1 };
    struct proxy2 p;
    struct lease l;
    struct bus *turn = lease_up(f, &l);
    struct guest g;
    size_t size;

    assert_int_equal(loop_accept_new(&private, expefix_loop(f), "127.0.0.1", l.private_port,
                                     on_turn_client, &t), 0);
    inside_open(&in, f); /* tells when the edge knows of the instance */
    assert_true(inside_saw_row(&in, "turnInstance", "state=serving\n"));
    guest_open(&g, f, NULL); /* no SNI */
    assert_int_equal(tls_stream_write(g.tls, binding, sizeof(binding)), 0);
    assert_true(expefix_until(f, has_message, &t));
    assert_int_equal(proxy2_parse(&p, t.got, t.len, &size), 0);
    assert_false(p.local);
    assert_int_equal(p.client.family, ADDR_V4);
    assert_true(addr_is_loopback(&p.client));
    assert_int_equal(p.client.port, tls_stream_local(g.tls)->port);
    assert_int_equal(p.server.port, expefix_port(f, EXPEFIX_HTTPS));
    assert_string_equal(p.tls, "TLSv1.3");
    assert_memory_equal(t.got + size, binding, sizeof(binding));
    assert_int_equal(send(t.fd, "answer of turn", 14, MSG_NOSIGNAL), 14);
    assert_true(guest_saw(&g, "answer of turn"));
    close(t.fd);
    assert_true(guest_ended(&g));
    guest_close(&g);
    loop_accept_free(&private);
    bus_free(&turn);
    inside_close(&in);
}

static void without_an_instance_a_client_of_turn_is_cut(void **state)
{
    static const uint8_t binding[20] = { 0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };
    struct expefix *f = *state;
    struct guest g;

    guest_open(&g, f, NULL);
    assert_int_equal(tls_stream_write(g.tls, binding, sizeof(binding)), 0);
    assert_true(guest_ended(&g));
    assert_true(expefix_metric(f, "stoa_expe_turn_failed_total") >= 1);
    guest_close(&g);
}

#define TEST(name) cmocka_unit_test_setup(name, expefix_settle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_hundred_stalled_readers_hold_their_windows_and_nobody_else),
        TEST(where_memory_is_short_those_who_read_nothing_go_first),
        TEST(a_browser_that_uploads_is_not_read_faster_than_the_tunnel_takes),
        TEST(a_head_of_a_mebibyte_gets_431_and_little_memory),
        TEST(one_byte_at_a_time_has_the_time_of_all_heads),
        TEST(garbage_costs_what_the_limits_allow),
        TEST(one_source_has_its_share),
        TEST(without_an_instance_a_client_of_turn_is_cut),
        TEST(the_first_byte_of_stun_leads_to_turn),
    };

    return cmocka_run_group_tests(tests, expefix_setup, expefix_teardown);
}
