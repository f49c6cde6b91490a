/* SPDX-License-Identifier: Apache-2.0
 * One link against servers that are no good web bridges: each answer gives its reason, none harms.
 * Nobody is on the bus, so that nothing is ever proven. */
#include <callbridge/wblink.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/str.h>
#include <bus/bus.h>
#include <bus/keys.h>
#include <loop/clock.h>
#include <pki/file.h>

#include "cm.h"
#include "server.h"

#define INSTANCE "0123456789abcdef"
#define NONCE "0123456789abcdef0123456789abcdef"

enum { PATIENCE_MS = 10000 };

static uv_loop_t loop;
static struct bus *bus;
static char dir[] = "/tmp/stoa-wblink-XXXXXX";
static struct pki_pair web;

struct seen {
    struct wblink *link;
    unsigned changes;
    bool free_inside;
};

static void on_change(void *arg)
{
    struct seen *s = arg;

    s->changes++;
    if (s->free_inside)
        wblink_free(&s->link);
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

static void until_changed(struct seen *s)
{
    int64_t end_ms = loop_now_ms() + PATIENCE_MS;
    unsigned before = s->changes;
    uv_timer_t tick;

    uv_timer_init(&loop, &tick);
    uv_timer_start(&tick, on_tick, 20, 20);
    while (s->changes == before && loop_now_ms() < end_ms)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    if (s->changes == before)
        fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

/* Past what is said of a proof that nobody answers. */
static void until_lost(struct seen *s)
{
    while (wblink_state(s->link) != WBLINK_TRYING)
        until_changed(s);
}

static void open_link(struct seen *s, const struct server *server, const char *host)
{
    struct wblink_opts o = { .loop = &loop, .bus = bus, .host = host, .pki_dir = dir,
                             .on_change = on_change, .arg = s };

    *s = (struct seen){ 0 };
    assert_int_equal(addr_parse_ip(&o.address, "127.0.0.1", server->port), 0);
    s->link = wblink_new(&o);
    assert_int_equal(wblink_state(s->link), WBLINK_TRYING);
    assert_string_equal(wblink_reason(s->link), "");
}

static void finish(struct seen *s)
{
    wblink_free(&s->link);
    for (int i = 0; i < 5; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
}

/* An answer with that body. Owner: a static buffer. */
static const char *answer(int status, const char *body)
{
    static char text[8192];

    (void)snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status,
                   strlen(body), body);
    return text;
}

static void gives(const char *text, enum wblink_state state, const char *reason)
{
    struct server server;
    struct seen s;

    server_start(&server, &web, text);
    open_link(&s, &server, "web.example");
    until_changed(&s);
    assert_int_equal(wblink_state(s.link), state);
    assert_string_equal(wblink_reason(s.link), reason);
    finish(&s);
    server_stop(&server);
}

static void refusals_have_their_reasons(void **state)
{
    (void)state;
    gives(answer(403, "{\"reason\":\"no-certificate\"}"), WBLINK_TRYING,
          "certificate not presented");
    gives(answer(403, "{\"reason\":\"untrusted-certificate\"}"), WBLINK_TRYING,
          "certificate not in the trust bundle");
    gives(answer(403, "{\"reason\":\"expired-certificate\"}"), WBLINK_TRYING,
          "certificate expired");
    gives(answer(421, ""), WBLINK_TRYING, "name not configured at the web bridge");
    gives(answer(404, "<html>"), WBLINK_TRYING, "no web bridge answers there");
}

static void answers_that_are_none_are_refused(void **state)
{
    static const char *const bodies[] = {
        "", "{", "[]", "null", "{}", "\xff\xfe",
        "{\"instance\":\"" INSTANCE "\",\"link\":1,\"nonce\":\"" NONCE "\"}",
        "{\"instance\":\"" INSTANCE "\",\"link\":1,\"nonce\":\"" NONCE "\",\"proven\":1}",
        "{\"instance\":\"" INSTANCE "\",\"link\":0,\"nonce\":\"" NONCE "\",\"proven\":false}",
        "{\"instance\":\"" INSTANCE "\",\"link\":4294967296,\"nonce\":\"" NONCE
        "\",\"proven\":false}",
        "{\"instance\":\"" INSTANCE "\",\"link\":1,\"nonce\":\"" NONCE "0\",\"proven\":false}",
        "{\"instance\":\"" INSTANCE "\",\"link\":1,\"nonce\":\"short\",\"proven\":false}",
        "{\"instance\":\"\",\"link\":1,\"nonce\":\"" NONCE "\",\"proven\":false}",
        "{\"instance\":\"no hex\",\"link\":1,\"nonce\":\"" NONCE "\",\"proven\":false}",
        "{\"instance\":\"" NONCE NONCE "\",\"link\":1,\"nonce\":\"" NONCE "\",\"proven\":false}",
    };
    char big[4096];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        gives(answer(200, bodies[i]), WBLINK_TRYING, "no web bridge answers there");
    memset(big, '[', sizeof(big));
    big[sizeof(big) - 1] = '\0';
    gives(answer(200, big), WBLINK_TRYING, "answer too big");
    gives("garbage\r\n\r\n", WBLINK_TRYING, "connect failure");
}

static void a_good_answer_alone_proves_nothing(void **state)
{
    gives(answer(200, "{\"instance\":\"" INSTANCE "\",\"link\":7,\"nonce\":\"" NONCE
                      "\",\"proven\":false}"),
          WBLINK_OPEN, "");
    (void)state;
}

static void a_name_that_does_not_fit_is_named(void **state)
{
    struct server server;
    struct seen s;

    (void)state;
    server_start(&server, &web, answer(200, ""));
    open_link(&s, &server, "other.example");
    until_changed(&s);
    assert_string_equal(wblink_reason(s.link),
                        "name mismatch: the web bridge's certificate is not made for "
                        "other.example");
    finish(&s);
    server_stop(&server);
}

static void a_lost_link_comes_again_by_itself(void **state)
{
    const char *text = answer(200, "{\"instance\":\"" INSTANCE "\",\"link\":7,\"nonce\":\"" NONCE
                                   "\",\"proven\":false}");
    struct server server;
    struct seen s;

    (void)state;
    server_start(&server, &web, text);
    open_link(&s, &server, "web.example");
    until_changed(&s);
    assert_int_equal(wblink_state(s.link), WBLINK_OPEN);
    assert_string_equal(wblink_instance(s.link), INSTANCE);
    assert_int_equal(wblink_far_number(s.link), 7);
    server.close_after = true; /* with the next request */
    until_lost(&s);
    assert_int_equal(wblink_state(s.link), WBLINK_TRYING);
    assert_string_equal(wblink_reason(s.link), "link lost");
    server.close_after = false;
    until_changed(&s);
    assert_int_equal(wblink_state(s.link), WBLINK_OPEN);
    s.free_inside = true;
    server.close_after = true;
    until_changed(&s);
    assert_null(s.link);
    finish(&s);
    server_stop(&server);
}

static int setup(void **state)
{
    static const char *const names[] = { "web.example" };
    struct pki_opts o = { .names = names, .name_count = 1, .days = 30, .now_s = time(NULL) };
    struct bus_opts b = { .loop = &loop, .role = "callbridge", .keys_dir = dir };
    char *bundle, *endpoint;

    (void)state;
    bus_czmq_init();
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_non_null(mkdtemp(dir));
    bundle = str_printf("%s/callbridge.bundle", dir);
    endpoint = str_printf("ipc://%s/nobody.sock", dir);
    assert_int_equal(pki_self_signed(&web, &o, NULL), 0);
    assert_int_equal(pki_file_store_cert(bundle, web.cert_pem, NULL), 0);
    assert_int_equal(bus_keys_make(dir, "inside"), 0);
    b.endpoint = endpoint;
    assert_int_equal(bus_new(&bus, &b), 0);
    free(endpoint);
    free(bundle);
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    bus_free(&bus);
    for (int i = 0; i < 50; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    pki_pair_fini(&web);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command) || uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_have_their_reasons),
        cmocka_unit_test(answers_that_are_none_are_refused),
        cmocka_unit_test(a_good_answer_alone_proves_nothing),
        cmocka_unit_test(a_name_that_does_not_fit_is_named),
        cmocka_unit_test(a_lost_link_comes_again_by_itself),
    };

    return cmocka_run_group_tests_name("callbridge wblink", tests, setup, teardown);
}
