/* SPDX-License-Identifier: Apache-2.0
 * One look at a TLS server: what it presents, or how far it came. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <loop/accept.h>
#include <tls/probe.h>

#include "streamfix.h"

/* A listener, and what it does with the one connection that comes. */
static struct {
    struct loop_accept *accept;
    struct addr addr;
    struct tls_ctx *ctx; /* NULL: it sends rubbish */
    bool silent;         /* it sends nothing */
    int fd;
    struct fix_end end;
} server;

static struct {
    unsigned done;
    enum tls_probe_stage stage;
    enum tls_end end;
    int err;
    char *chain, *text;
} said;

static void on_accepted(void *arg, int fd, const struct addr *peer)
{
    static const char rubbish[] = "220 mail.example ESMTP\r\n";
    struct tls_stream_opts opts = { .server = true };

    (void)arg;
    (void)peer;
    server.fd = fd;
    if (server.ctx)
        fix_start(&server.end, fd, server.ctx, &opts);
    else if (!server.silent)
        assert_true(write(fd, rubbish, sizeof(rubbish) - 1) > 0);
}

/* A port that was free a moment ago. Nothing may have connected from it: a port in TIME_WAIT is in use. */
static void free_addr(struct addr *out)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(addr_from_sockaddr(out, (struct sockaddr *)&sa), 0);
    (void)close(fd);
}

static void listen_with(struct tls_ctx *ctx)
{
    int err = -EADDRINUSE;

    memset(&server, 0, sizeof(server));
    server.fd = -1;
    server.ctx = ctx;
    for (int i = 0; i < 20 && err == -EADDRINUSE; i++) {
        free_addr(&server.addr);
        err = loop_accept_new(&server.accept, &fix_loop, "127.0.0.1", server.addr.port, on_accepted,
                              NULL);
    }
    assert_int_equal(err, 0);
}

static void stop_listening(void)
{
    if (server.ctx)
        fix_end_fini(&server.end);
    else if (server.fd >= 0)
        (void)close(server.fd);
    loop_accept_free(&server.accept);
    tls_ctx_free(&server.ctx);
    free(said.chain);
    free(said.text);
    memset(&said, 0, sizeof(said));
}

static void on_probed(void *arg, const struct tls_probe_result *r)
{
    (void)arg;
    said.done++;
    said.stage = r->stage;
    said.end = r->end;
    said.err = r->err;
    said.chain = str_dup(r->chain_pem);
    said.text = str_dup(r->text);
}

static void look(const struct tls_probe_opts *opts)
{
    (void)tls_probe_start(&fix_loop, opts, on_probed, NULL);
    assert_int_equal(said.done, 0); /* never from inside */
    UNTIL(said.done > 0);
    assert_int_equal(said.done, 1);
}

static void it_tells_what_the_server_presents_whoever_made_it(void **state)
{
    struct tls_probe_opts o = { .sni = "another.name", .timeout_ms = 20000 };

    (void)state;
    listen_with(fix_web_server(&fix_edge));
    o.to = server.addr;
    look(&o);
    assert_int_equal(said.stage, TLS_PROBE_DONE);
    assert_string_equal(said.text, "");
    assert_true(pki_holds(said.chain, fix_edge.cert_pem));
    stop_listening();
}

static void an_expired_one_is_shown_as_well(void **state)
{
    struct tls_probe_opts o = { .timeout_ms = 20000 };

    (void)state;
    listen_with(fix_web_server(&fix_old));
    o.to = server.addr;
    look(&o);
    assert_int_equal(said.stage, TLS_PROBE_DONE);
    assert_true(pki_holds(said.chain, fix_old.cert_pem));
    stop_listening();
}

static void the_systems_store_does_not_know_it(void **state)
{
    struct tls_probe_opts o = { .sni = EDGE_NAME, .timeout_ms = 20000, .system_store = true };

    (void)state;
    listen_with(fix_web_server(&fix_edge));
    o.to = server.addr;
    look(&o);
    assert_int_equal(said.stage, TLS_PROBE_TLS);
    assert_int_equal(said.end, TLS_END_CHAIN);
    assert_null(said.chain);
    stop_listening();
}

static void what_is_no_tls_is_told_apart_from_nobody(void **state)
{
    struct tls_probe_opts o = { .timeout_ms = 20000 };

    (void)state;
    listen_with(NULL);
    o.to = server.addr;
    look(&o);
    assert_int_equal(said.stage, TLS_PROBE_TLS);
    assert_int_equal(said.end, TLS_END_GARBAGE);
    stop_listening();
}

static void nobody_listens(void **state)
{
    struct tls_probe_opts o = { .timeout_ms = 20000 };

    (void)state;
    listen_with(NULL);
    o.to = server.addr;
    loop_accept_free(&server.accept);
    look(&o);
    assert_int_equal(said.stage, TLS_PROBE_TCP);
    assert_int_equal(said.err, -ECONNREFUSED);
    stop_listening();
}

static void a_silent_one_is_given_up(void **state)
{
    struct tls_probe_opts o = { .timeout_ms = 200 };

    (void)state;
    listen_with(NULL);
    server.silent = true;
    o.to = server.addr;
    look(&o);
    assert_int_equal(said.stage, TLS_PROBE_TLS);
    assert_int_equal(said.end, TLS_END_TIMEOUT);
    stop_listening();
}

static void a_cancelled_one_says_nothing(void **state)
{
    struct tls_probe_opts o = { .timeout_ms = 20000 };
    struct tls_probe *p;

    (void)state;
    listen_with(NULL);
    server.silent = true;
    o.to = server.addr;
    p = tls_probe_start(&fix_loop, &o, on_probed, NULL);
    UNTIL(server.fd >= 0);
    tls_probe_cancel(&p);
    assert_null(p);
    tls_probe_cancel(&p);
    for (int i = 0; i < 10; i++)
        (void)fix_turn();
    assert_int_equal(said.done, 0);
    stop_listening();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIX_TEST(it_tells_what_the_server_presents_whoever_made_it),
        FIX_TEST(an_expired_one_is_shown_as_well),
        FIX_TEST(the_systems_store_does_not_know_it),
        FIX_TEST(what_is_no_tls_is_told_apart_from_nobody),
        FIX_TEST(nobody_listens),
        FIX_TEST(a_silent_one_is_given_up),
        FIX_TEST(a_cancelled_one_says_nothing),
    };

    return cmocka_run_group_tests_name("tls probe", tests, fix_certs, fix_certs_free);
}
