/* SPDX-License-Identifier: Apache-2.0
 * Bytes through a TLS stream: order, back-pressure, half-close, and what a network may do to them. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "streamfix.h"

enum { MIB = 1 << 20, CHUNK = 8 << 10, QUEUE_MAX = 64 << 10 };

static struct tls_ctx *server_ctx, *client_ctx;

/* Byte i of all long texts; of no short period. */
static uint8_t byte_at(size_t i)
{
    return (uint8_t)((i * 2654435761u) >> 13);
}

static void say(struct fix_end *e, const char *text)
{
    assert_int_equal(tls_stream_write(e->s, text, strlen(text)), 0);
}

static void open_pair(struct fix_pair *p)
{
    fix_open(p, server_ctx, client_ctx, EDGE_NAME);
}

static void both_ends_open_and_tell_about_it(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    open_pair(&p);
    assert_string_equal(tls_stream_version(p.client.s), "TLSv1.3");
    assert_string_equal(tls_stream_version(p.server.s), "TLSv1.3");
    assert_string_equal(tls_stream_alpn(p.client.s), TLS_ZONE_ALPN);
    assert_string_equal(tls_stream_alpn(p.server.s), TLS_ZONE_ALPN);
    assert_string_equal(tls_stream_sni(p.server.s), EDGE_NAME);
    assert_string_equal(tls_stream_sni(p.client.s), "");
    assert_true(addr_eq(tls_stream_peer(p.client.s), tls_stream_local(p.server.s)));
    assert_true(addr_eq(tls_stream_local(p.client.s), tls_stream_peer(p.server.s)));
    assert_true(addr_is_loopback(tls_stream_peer(p.server.s)));
    assert_int_equal(tls_stream_queued(p.client.s), 0);
    fix_fini(&p);
}

static void say_hello(struct fix_end *e)
{
    say(e, "hello");
}

/* The client's Finished and what it writes at once arrive together: one read of the server. */
static void what_comes_with_the_end_of_the_handshake_is_not_lost(void **state)
{
    struct fix_pair p = { .client.on_open = say_hello, .server.on_open = say_hello };

    (void)state;
    open_pair(&p);
    UNTIL(p.server.got.len == 5 && p.client.got.len == 5);
    assert_string_equal(p.server.got.s, "hello");
    fix_fini(&p);
}

static void pause_it(struct fix_end *e)
{
    tls_stream_pause(e->s);
}

static void nor_when_reading_was_paused_in_on_open(void **state)
{
    struct fix_pair p = { .client.on_open = say_hello, .server.on_open = pause_it };

    (void)state;
    open_pair(&p);
    fix_settle();
    assert_int_equal(p.server.got.len, 0);
    tls_stream_resume(p.server.s);
    UNTIL(p.server.got.len == 5); /* nothing new arrives on the socket */
    fix_fini(&p);
}

static void what_is_written_before_the_handshake_waits(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    fix_connect(&p, server_ctx, client_ctx, EDGE_NAME);
    say(&p.client, "from the client");
    say(&p.server, "from the server");
    assert_int_equal(tls_stream_queued(p.client.s), 15);
    UNTIL(p.server.got.len == 15 && p.client.got.len == 15);
    assert_string_equal(p.client.got.s, "from the server");
    assert_int_equal(tls_stream_queued(p.client.s), 0);
    assert_int_equal(p.client.rooms, 1);
    fix_fini(&p);
}

static int in_kernel(int fd)
{
    int n = -1;

    assert_int_equal(ioctl(fd, FIONREAD, &n), 0);
    return n;
}

static void what_is_written_in_one_turn_goes_in_one_piece(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    open_pair(&p);
    tls_stream_pause(p.server.s);
    for (int i = 0; i < 100; i++)
        say(&p.client, "record");
    assert_int_equal(in_kernel(p.server.fd), 0);
    assert_true(tls_stream_queued(p.client.s) > 600); /* sealed */
    assert_true(tls_stream_has_room(p.client.s));
    UNTIL(tls_stream_queued(p.client.s) == 0);
    tls_stream_resume(p.server.s);
    UNTIL(p.server.got.len == 600);
    assert_int_equal(p.client.rooms, 1);
    fix_fini(&p);
}

static void what_was_just_written_is_sent_by_free(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    open_pair(&p);
    say(&p.client, "last words");
    tls_stream_free(&p.client.s);
    UNTIL(p.server.eofs == 1);
    assert_string_equal(p.server.got.s, "last words");
    fix_fini(&p);
}

/* ---- ten MiB there and back ---- */

struct echo {
    struct fix_pair p;
    size_t written, most_client;
};

/* Writes until the queue is as full as this writer wants it. */
static void feed(struct fix_end *e)
{
    struct echo *t = (struct echo *)(void *)e; /* the client is its first member */
    uint8_t chunk[CHUNK];
    size_t n;

    while (t->written < 10 * MIB && tls_stream_queued(e->s) < QUEUE_MAX) {
        n = MIN((size_t)CHUNK, 10 * MIB - t->written);
        for (size_t i = 0; i < n; i++)
            chunk[i] = byte_at(t->written + i);
        assert_int_equal(tls_stream_write(e->s, chunk, n), 0);
        t->written += n;
        t->most_client = MAX(t->most_client, tls_stream_queued(e->s));
    }
    if (t->written == 10 * MIB) {
        t->written++;
        tls_stream_shutdown(e->s);
    }
}

/* Sends back; stops reading while the way back is full. */
static void reflect(struct fix_end *e, const uint8_t *data, size_t len)
{
    assert_int_equal(tls_stream_write(e->s, data, len), 0);
    e->count = MAX(e->count, tls_stream_queued(e->s));
    if (tls_stream_queued(e->s) >= QUEUE_MAX)
        tls_stream_pause(e->s);
}

static void go_on(struct fix_end *e)
{
    tls_stream_resume(e->s);
}

static void end_it(struct fix_end *e)
{
    tls_stream_shutdown(e->s);
}

/* A slow reader: takes one piece, then waits for the test. */
static void take_one(struct fix_end *e, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != byte_at(e->count + i))
            fail_msg("byte %zu is wrong", e->count + i);
    e->count += len;
    tls_stream_pause(e->s);
}

/* The kernel's would grow until they hold all of it. */
static void small_buffers(int fd)
{
    int size = 64 << 10;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
}

static void ten_mib_come_back_from_a_slow_reader_in_bounded_memory(void **state)
{
    struct echo t = { .p.client = { .on_room = feed, .on_data = take_one },
                      .p.server = { .on_data = reflect, .on_room = go_on, .on_eof = end_it } };

    (void)state;
    open_pair(&t.p);
    small_buffers(t.p.client.fd);
    small_buffers(t.p.server.fd);
    feed(&t.p.client);
    for (int i = 0; i < 50; i++) /* nothing is read: everything fills up, and then nothing moves */
        (void)fix_turn();
    assert_true(t.written < 10 * MIB);
    while (t.p.client.count < 10 * MIB) {
        tls_stream_resume(t.p.client.s);
        assert_true(fix_spin());
    }
    tls_stream_resume(t.p.client.s);
    UNTIL(t.p.client.closed && t.p.server.closed);
    assert_int_equal(t.p.client.count, 10 * MIB);
    assert_int_equal(t.p.client.why, TLS_END_CLOSED);
    assert_int_equal(t.p.server.why, TLS_END_CLOSED);
    assert_true(t.most_client < QUEUE_MAX + CHUNK);
    assert_true(t.p.server.count <= QUEUE_MAX + (16 << 10));
    assert_true(t.p.server.count >= QUEUE_MAX); /* the brake was needed */
    assert_true(t.p.server.rooms > 0 && t.p.client.rooms > 0);
    fix_fini(&t.p);
}

static void nothing_comes_while_paused_and_all_of_it_afterwards(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    open_pair(&p);
    tls_stream_pause(p.server.s);
    for (int i = 0; i < 100; i++)
        say(&p.client, "0123456789");
    tls_stream_shutdown(p.client.s); /* waits with the rest */
    fix_settle();
    assert_int_equal(p.server.got.len, 0);
    assert_int_equal(p.server.eofs, 0);
    tls_stream_resume(p.server.s);
    UNTIL(p.server.eofs);
    assert_int_equal(p.server.got.len, 1000);
    fix_fini(&p);
}

static void pause_after_data(struct fix_end *e, const uint8_t *data, size_t len)
{
    str_addn(&e->got, data, len);
    e->count++;
    tls_stream_pause(e->s);
}

/* Many records lie in OpenSSL's buffer, the socket is empty. */
static void a_pause_inside_on_data_holds_what_is_already_read(void **state)
{
    struct fix_pair p = { .server.on_data = pause_after_data };

    (void)state;
    open_pair(&p);
    for (int i = 0; i < 20; i++)
        say(&p.client, "record");
    for (size_t i = 1; i <= 20; i++) {
        UNTIL(p.server.count == i);
        fix_settle();
        assert_int_equal(p.server.count, i);
        tls_stream_resume(p.server.s);
    }
    assert_int_equal(p.server.got.len, 120);
    fix_fini(&p);
}

static void one_way_may_end_and_the_other_go_on(void **state)
{
    struct fix_pair p = { 0 };
    char *text = malloc(MIB);

    (void)state;
    for (size_t i = 0; i < MIB; i++)
        text[i] = (char)byte_at(i);
    open_pair(&p);
    say(&p.client, "that is all");
    tls_stream_shutdown(p.client.s);
    assert_int_equal(tls_stream_write(p.client.s, "x", 1), -EPIPE);
    UNTIL(p.server.eofs == 1);
    assert_string_equal(p.server.got.s, "that is all");
    assert_int_equal(tls_stream_write(p.server.s, text, MIB), 0);
    tls_stream_shutdown(p.server.s); /* after what is queued */
    UNTIL(p.client.eofs == 1 && p.client.closed && p.server.closed);
    assert_int_equal(p.client.got.len, MIB);
    assert_memory_equal(p.client.got.s, text, MIB);
    assert_int_equal(p.client.why, TLS_END_CLOSED);
    assert_int_equal(p.server.why, TLS_END_CLOSED);
    assert_int_equal(tls_stream_write(p.server.s, "x", 1), -EPIPE);
    free(text);
    fix_fini(&p);
}

static void both_may_end_at_once(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    open_pair(&p);
    say(&p.client, "bye");
    tls_stream_shutdown(p.client.s);
    say(&p.server, "bye");
    tls_stream_shutdown(p.server.s);
    UNTIL(p.client.closed && p.server.closed);
    assert_int_equal(p.client.eofs + p.server.eofs, 2);
    assert_string_equal(p.client.got.s, "bye");
    assert_int_equal(p.client.why, TLS_END_CLOSED);
    fix_fini(&p);
}

static void who_takes_no_eof_is_closed_by_it(void **state)
{
    struct tls_stream_ops ops = fix_ops;
    struct fix_pair p = { 0 };
    int fds[2];

    (void)state;
    ops.on_eof = NULL;
    ops.on_room = NULL;
    fix_sockets(fds);
    fix_start(&p.client, fds[0], client_ctx, &(struct tls_stream_opts){ .sni = EDGE_NAME });
    p.server.s = tls_stream_new(&fix_loop, fds[1], server_ctx,
                                &(struct tls_stream_opts){ .server = true }, &ops, &p.server);
    UNTIL(p.client.opened && p.server.opened);
    tls_stream_shutdown(p.client.s);
    UNTIL(p.server.closed && p.client.closed);
    assert_int_equal(p.server.why, TLS_END_CLOSED);
    assert_int_equal(p.client.why, TLS_END_CLOSED);
    fix_fini(&p);
}

static void a_shutdown_before_the_handshake_comes_after_what_was_written(void **state)
{
    struct fix_pair p = { 0 };

    (void)state;
    fix_connect(&p, server_ctx, client_ctx, EDGE_NAME);
    say(&p.client, "all");
    tls_stream_shutdown(p.client.s);
    UNTIL(p.server.eofs);
    assert_string_equal(p.server.got.s, "all");
    fix_fini(&p);
}

/* ---- a network that cuts bytes into pieces ---- */

struct relay {
    int fds[2];
    size_t piece;
};

/* Moves at most `piece` bytes each way. Returns whether anything moved. */
static bool relay_step(struct relay *r)
{
    uint8_t data[4096];
    bool moved = false;

    for (int i = 0; i < 2; i++) {
        ssize_t n = recv(r->fds[i], data, r->piece, 0);

        if (n > 0) {
            assert_int_equal(send(r->fds[1 - i], data, (size_t)n, MSG_NOSIGNAL), n);
            moved = true;
        }
    }
    return moved;
}

static void byte_by_byte_it_is_the_same(void **state)
{
    struct fix_pair p = { .client.on_open = say_hello, .server.on_open = say_hello };
    struct relay r = { .piece = 1 };
    int a[2], b[2], on = 1;

    (void)state;
    fix_sockets(a);
    fix_sockets(b);
    r.fds[0] = a[1];
    r.fds[1] = b[0];
    for (int i = 0; i < 2; i++)
        setsockopt(r.fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    fix_start(&p.client, a[0], client_ctx, &(struct tls_stream_opts){ .sni = EDGE_NAME });
    fix_start(&p.server, b[1], server_ctx, &(struct tls_stream_opts){ .server = true });
    while (p.client.got.len < 5 || p.server.got.len < 5) {
        (void)relay_step(&r);
        assert_true(fix_spin());
        assert_int_equal(p.client.closed + p.server.closed, 0);
    }
    assert_string_equal(p.client.got.s, "hello");
    tls_stream_shutdown(p.client.s);
    tls_stream_shutdown(p.server.s);
    while (!p.client.closed || !p.server.closed) {
        if (!relay_step(&r)) { /* both have sent FIN, which the relay hands on */
            shutdown(r.fds[0], SHUT_WR);
            shutdown(r.fds[1], SHUT_WR);
        }
        assert_true(fix_spin());
    }
    assert_int_equal(p.client.why, TLS_END_CLOSED);
    assert_int_equal(p.server.why, TLS_END_CLOSED);
    close(r.fds[0]);
    close(r.fds[1]);
    fix_fini(&p);
}

static void bytes_in_the_clear_go_before_the_client_hello(void **state)
{
    struct fix_pair p = { 0 };
    uint8_t early[300], seen[300];
    size_t n = 0;
    ssize_t got;
    int fds[2];

    (void)state;
    for (size_t i = 0; i < sizeof(early); i++)
        early[i] = byte_at(i);
    fix_sockets(fds);
    fix_start(&p.client, fds[0], client_ctx,
              &(struct tls_stream_opts){ .sni = EDGE_NAME, .early = early,
                                         .early_len = sizeof(early), .notsent_lowat = true });
    memset(early, 0, sizeof(early)); /* they were copied */
    while (n < sizeof(seen)) {
        assert_true(fix_turn());
        got = recv(fds[1], seen + n, sizeof(seen) - n, 0);
        n += got > 0 ? (size_t)got : 0;
    }
    for (size_t i = 0; i < sizeof(seen); i++)
        assert_int_equal(seen[i], byte_at(i));
    fix_start(&p.server, fds[1], server_ctx, &(struct tls_stream_opts){ .server = true });
    UNTIL(p.client.opened && p.server.opened);
    fix_fini(&p);
}

static void the_socket_is_set_as_asked(void **state)
{
    struct fix_pair p = { 0 };
    int fds[2], value = 0;
    socklen_t len = sizeof(value);

    (void)state;
    fix_sockets(fds);
    fix_start(&p.client, fds[0], client_ctx,
              &(struct tls_stream_opts){ .sni = EDGE_NAME, .notsent_lowat = true });
    fix_start(&p.server, fds[1], server_ctx, &(struct tls_stream_opts){ .server = true });
    assert_int_equal(getsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    assert_int_not_equal(value, 0);
    assert_int_equal(getsockopt(fds[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &len), 0);
    assert_int_equal(value, TLS_STREAM_NOTSENT_LOWAT);
    assert_int_equal(getsockopt(fds[1], IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value, &len), 0);
    assert_int_not_equal(value, TLS_STREAM_NOTSENT_LOWAT);
    fix_fini(&p);
}

/* ---- freed inside ---- */

static void free_it(struct fix_end *e)
{
    tls_stream_free(&e->s);
}

static void free_on_data(struct fix_end *e, const uint8_t *data, size_t len)
{
    (void)data;
    (void)len;
    tls_stream_free(&e->s);
}

static void a_stream_may_be_freed_in_each_call_back(void **state)
{
    const struct fix_end hooks[] = { { .on_open = free_it }, { .on_data = free_on_data },
                                     { .on_eof = free_it }, { .on_close = free_it },
                                     { .on_room = free_it } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hooks); i++) {
        struct fix_pair p = { .server = hooks[i], .client.on_open = say_hello };

        fix_connect(&p, server_ctx, client_ctx, EDGE_NAME);
        say(&p.server, "something that has to wait"); /* for on_room */
        UNTIL(p.client.opened);
        if (hooks[i].on_eof || hooks[i].on_close)
            tls_stream_shutdown(p.client.s);
        if (hooks[i].on_close) {
            UNTIL(p.server.eofs);
            tls_stream_shutdown(p.server.s);
        }
        UNTIL(!p.server.s);
        UNTIL(p.client.eofs || p.client.closed); /* the other end hears of it */
        fix_settle();
        fix_fini(&p);
    }
}

static void freed_before_anything_happened(void **state)
{
    struct fix_pair p = { 0 };
    struct tls_stream *none = NULL;

    (void)state;
    fix_connect(&p, server_ctx, client_ctx, EDGE_NAME);
    fix_fini(&p);
    fix_settle();
    assert_int_equal(p.client.closed + p.server.closed, 0);
    tls_stream_free(&none);
}

static void contexts_may_go_while_connections_run(void **state)
{
    struct tls_ctx *server = fix_zone_server(), *client = fix_zone_client();
    struct fix_pair p = { 0 };

    (void)state;
    fix_connect(&p, server, client, EDGE_NAME);
    tls_ctx_free(&server);
    tls_ctx_free(&client);
    assert_null(server);
    UNTIL(p.client.opened && p.server.opened);
    say(&p.client, "still here");
    UNTIL(p.server.got.len == 10);
    fix_fini(&p);
}

static int group_set_up(void **state)
{
    if (fix_certs(state))
        return -1;
    server_ctx = fix_zone_server();
    client_ctx = fix_zone_client();
    return 0;
}

static int group_tear_down(void **state)
{
    tls_ctx_free(&server_ctx);
    tls_ctx_free(&client_ctx);
    return fix_certs_free(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(both_ends_open_and_tell_about_it),
        FIX_TEST(what_comes_with_the_end_of_the_handshake_is_not_lost),
        FIX_TEST(nor_when_reading_was_paused_in_on_open),
        FIX_TEST(what_is_written_before_the_handshake_waits),
        FIX_TEST(what_is_written_in_one_turn_goes_in_one_piece),
        FIX_TEST(what_was_just_written_is_sent_by_free),
        FIX_TEST(ten_mib_come_back_from_a_slow_reader_in_bounded_memory),
        FIX_TEST(nothing_comes_while_paused_and_all_of_it_afterwards),
        FIX_TEST(a_pause_inside_on_data_holds_what_is_already_read),
        FIX_TEST(one_way_may_end_and_the_other_go_on),
        FIX_TEST(both_may_end_at_once),
        FIX_TEST(who_takes_no_eof_is_closed_by_it),
        FIX_TEST(a_shutdown_before_the_handshake_comes_after_what_was_written),
        FIX_TEST(byte_by_byte_it_is_the_same),
        FIX_TEST(bytes_in_the_clear_go_before_the_client_hello),
        FIX_TEST(the_socket_is_set_as_asked),
        FIX_TEST(a_stream_may_be_freed_in_each_call_back),
        FIX_TEST(freed_before_anything_happened),
        FIX_TEST(contexts_may_go_while_connections_run),
    };

    return cmocka_run_group_tests_name("tls stream", tests, group_set_up, group_tear_down);
}
