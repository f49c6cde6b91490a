/* SPDX-License-Identifier: Apache-2.0
 * A link that comes up, and what goes over it: facts, requests, streams, its end. */
#include <errno.h>
#include <string.h>

#include <loop/clock.h>

#include "linkrig.h"

static struct linkrig r;

static int group_setup(void **state)
{
    (void)state;
    linkcerts_init();
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    linkcerts_fini();
    return 0;
}

static int setup(void **state)
{
    (void)state;
    linkrig_init(&r);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    linkrig_fini(&r);
    return 0;
}

/* --- coming up -------------------------------------------------------------------------------- */

static void both_ends_come_up_and_know_each_other(void **state)
{
    const struct tunnel_peer *p;

    (void)state;
    linkrig_up(&r);
    p = tunnel_link_peer(r.edge.l);
    assert_string_equal(p->node, "inside-node");
    assert_string_equal(p->software, "stoa 0.1.0 inside");
    assert_string_equal(p->config_hash, "00ff10");
    assert_null(p->domain);
    assert_int_equal(p->domain_count, 2);
    assert_string_equal(p->domains[1], "octavio.local");
    assert_true(addr_is_loopback(&p->addr));
    assert_string_equal(tunnel_link_zone(r.edge.l), "zone-1");
    p = tunnel_link_peer(r.in.l);
    assert_string_equal(p->node, "edge-node");
    assert_string_equal(p->software, "stoa 0.1.0 edge");
    assert_true(tunnel_link_is_up(r.in.l) && tunnel_link_is_up(r.edge.l));
    assert_true(tunnel_link_up_since_ms(r.in.l) <= loop_now_ms());
}

static void each_domain_is_answered(void **state)
{
    (void)state;
    linkrig_up(&r);
    for (int i = 0; i < 2; i++) {
        struct linkend *e = i ? &r.edge : &r.in;

        assert_int_equal(e->denied_n, 2);
        assert_string_equal(e->denied[0], "");
        assert_string_equal(e->denied[1], "notConfigured");
    }
}

static void active_is_who_has_answered_a_probe(void **state)
{
    (void)state;
    linkrig_up(&r);
    linkrig_until(&r, r.in.probes && r.edge.probes);
    assert_true(tunnel_link_is_active(r.in.l) && tunnel_link_is_active(r.edge.l));
    assert_true(tunnel_link_rtt_us(r.in.l) > 0);
    r.in.probes = 0;
    tunnel_link_probe(r.in.l);
    linkrig_until(&r, r.in.probes == 1);
}

static void clocks_are_compared_with_the_way_taken_off(void **state)
{
    (void)state;
    linkrig_up(&r);
    /* One clock: what is left is what the machine's slowness adds to one way. */
    assert_in_range(tunnel_link_peer(r.edge.l)->clock_skew_ms + 20000, 0, 40000);
    assert_in_range(tunnel_link_peer(r.in.l)->clock_skew_ms + 20000, 0, 40000);
}

/* --- facts ------------------------------------------------------------------------------------ */

static int say(struct linkend *e, const char *id, const char *value)
{
    struct tunnel_field fields[] = { { "address", value }, { "free", "6000" } };
    struct tunnel_row row = { .kind = "turnInstance", .id = id, .fields = fields, .n = 2 };

    if (!value) {
        row.gone = true;
        row.n = 0;
    }
    return tunnel_link_row(e->l, &row);
}

static void facts_go_both_ways_and_only_changes_are_sent(void **state)
{
    (void)state;
    linkrig_up(&r);
    assert_int_equal(say(&r.edge, "a", "10.0.0.1"), 0);
    assert_int_equal(say(&r.edge, "a", "10.0.0.1"), 0);
    assert_int_equal(say(&r.in, "b", "x"), 0);
    linkrig_until(&r, r.in.rows.len && r.edge.rows.len);
    assert_int_equal(say(&r.edge, "a", "10.0.0.1"), 0);
    assert_int_equal(say(&r.edge, "gone before it was said", NULL), 0);
    assert_int_equal(say(&r.edge, "a", "10.0.0.2"), 0);
    assert_int_equal(say(&r.edge, "c", ""), 0);
    assert_int_equal(say(&r.edge, "a", NULL), 0);
    linkrig_until(&r, strstr(r.in.rows.s, "-"));
    assert_string_equal(r.in.rows.s, "+turnInstance/a address=10.0.0.1 free=6000\n"
                                     "+turnInstance/a address=10.0.0.2 free=6000\n"
                                     "+turnInstance/c address= free=6000\n"
                                     "-turnInstance/a\n");
    assert_string_equal(r.edge.rows.s, "+turnInstance/b address=x free=6000\n");
    assert_int_equal(r.edge.l->said_seq, 4);
}

static void facts_hold_while_alive_comes(void **state)
{
    int64_t first_us;

    (void)state;
    r.times = (struct tunnel_times){ .alive_ms = 20 };
    linkrig_up(&r);
    r.in.l->times.ttl_ms = 2000;
    assert_int_equal(say(&r.edge, "a", "x"), 0);
    linkrig_until(&r, r.in.rows.len);
    first_us = r.in.l->heard_us;
    linkrig_until(&r, r.in.l->heard_us > first_us + 3000000);
    assert_string_equal(r.in.rows.s, "+turnInstance/a address=x free=6000\n");
}

static void without_alive_facts_are_gone_and_come_back_with_it(void **state)
{
    (void)state;
    linkrig_up(&r);
    r.edge.l->times.alive_ms = 3600000; /* as one that hangs, but for its kernel */
    r.edge.l->alive_us = INT64_MAX;
    r.in.l->times.ttl_ms = 200;
    assert_int_equal(say(&r.edge, "a", "x"), 0);
    assert_int_equal(say(&r.edge, "b", "x"), 0);
    linkrig_until(&r, r.in.rows.s && strstr(r.in.rows.s, "-turnInstance/b"));
    assert_non_null(strstr(r.in.rows.s, "-turnInstance/a"));
    r.in.l->times.ttl_ms = 3600000;
    str_fini(&r.in.rows);
    r.edge.l->times.alive_ms = 20;
    r.edge.l->alive_us = 0;
    assert_int_equal(say(&r.edge, "c", "x"), 0);
    linkrig_until(&r, r.in.rows.s && strstr(r.in.rows.s, "turnInstance/c"));
    assert_non_null(strstr(r.in.rows.s, "+turnInstance/a address=x"));
    assert_non_null(strstr(r.in.rows.s, "+turnInstance/b address=x"));
    assert_true(tunnel_link_is_up(r.in.l));
}

static void a_process_that_stood_still_reads_before_it_takes_facts_back(void **state)
{
    (void)state;
    r.times = (struct tunnel_times){ .alive_ms = 20 };
    linkrig_up(&r);
    assert_int_equal(say(&r.edge, "a", "x"), 0);
    linkrig_until(&r, r.in.rows.len);
    r.in.l->times.ttl_ms = 2000;
    r.in.l->heard_us -= 600 * 1000000LL; /* ten minutes pass */
    link_control_tick(r.in.l, loop_now_us());
    linkrig_until(&r, r.in.l->heard_us > loop_now_us() - 1000000);
    assert_null(strchr(r.in.rows.s, '-'));
}

static void facts_have_limits(void **state)
{
    struct tunnel_field fields[TUNNEL_FIELDS_MAX + 1];
    struct tunnel_row row = { .kind = "target", .id = "a", .fields = fields };
    static char value[TUNNEL_VALUE_MAX + 2];
    char id[32];

    (void)state;
    linkrig_up(&r);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        fields[i] = (struct tunnel_field){ "n", "v" };
    row.n = ARRAY_LEN(fields);
    assert_int_equal(tunnel_link_row(r.in.l, &row), -E2BIG);
    memset(value, 'v', sizeof(value) - 1);
    fields[0].value = value;
    row.n = 1;
    assert_int_equal(tunnel_link_row(r.in.l, &row), -E2BIG);
    fields[0].value = "v";
    row.id = "";
    assert_int_equal(tunnel_link_row(r.in.l, &row), -EINVAL);
    row.id = id;
    for (int i = 0; i < TUNNEL_ROWS_MAX; i++) {
        (void)snprintf(id, sizeof(id), "%d", i);
        assert_int_equal(tunnel_link_row(r.in.l, &row), 0);
    }
    row.id = "one more";
    assert_int_equal(tunnel_link_row(r.in.l, &row), -E2BIG);
    linkrig_until(&r, r.edge.rows.s && strstr(r.edge.rows.s, "/1023 n=v"));
    assert_true(tunnel_link_is_up(r.edge.l));
}

static void the_facts_of_a_link_take_a_mebibyte_at_most(void **state)
{
    struct tunnel_field fields[16];
    struct tunnel_row row = { .kind = "target", .fields = fields, .n = 16 };
    static char value[TUNNEL_VALUE_MAX + 1];
    char id[32];
    int n = 0, rc;

    (void)state;
    linkrig_up(&r);
    memset(value, 'v', sizeof(value) - 1);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        fields[i] = (struct tunnel_field){ "n", value };
    row.n = 15; /* a row has to fit into a frame */
    do {
        (void)snprintf(id, sizeof(id), "%d", n++);
        row.id = id;
        rc = tunnel_link_row(r.in.l, &row);
    } while (rc == 0);
    assert_int_equal(rc, -E2BIG);
    assert_int_equal(n - 1, TUNNEL_ROWS_B / (15 * TUNNEL_VALUE_MAX));
    linkrig_until(&r, r.edge.l->heard_seq == (uint64_t)n - 1);
}

/* --- requests --------------------------------------------------------------------------------- */

static int ask(struct linkend *e, uint64_t id)
{
    Stoa__Zone__V1__Request req = STOA__ZONE__V1__REQUEST__INIT;
    Stoa__Zone__V1__ProbeHost probe = STOA__ZONE__V1__PROBE_HOST__INIT;
    uint8_t bytes[128];

    req.has_id = true;
    req.id = id;
    req.probe = &probe;
    probe.host = "join.octavio.com";
    return tunnel_link_request(e->l, bytes, stoa__zone__v1__request__pack(&req, bytes));
}

static void a_request_gets_its_answer(void **state)
{
    (void)state;
    linkrig_connect(&r);
    assert_int_equal(ask(&r.in, 1), -ENOTCONN);
    linkrig_until(&r, r.in.ups && r.edge.ups);
    r.edge.answers_requests = r.in.answers_requests = true;
    assert_int_equal(ask(&r.in, 7), 0);
    assert_int_equal(ask(&r.edge, 8), 0);
    linkrig_until(&r, r.in.answers.len && r.edge.answers.len);
    assert_string_equal(r.edge.requests.s, "7 join.octavio.com\n");
    assert_string_equal(r.in.answers.s, "7 \n");
    assert_string_equal(r.edge.answers.s, "8 \n");
    assert_int_equal(tunnel_link_request(r.in.l, (const uint8_t *)"\xff\xff", 2), -EBADMSG);
}

static void who_asks_without_end_is_refused(void **state)
{
    (void)state;
    linkrig_up(&r);
    for (uint64_t i = 0; i <= LINK_REQUESTS_MAX; i++)
        assert_int_equal(ask(&r.in, i), 0);
    linkrig_until(&r, r.in.downs && r.edge.downs);
    assert_int_equal(r.in.why, TUNNEL_LIMIT);
    assert_int_equal(r.edge.why, TUNNEL_LIMIT);
}

/* --- streams ---------------------------------------------------------------------------------- */

static struct mux_stream *open_stream(void)
{
    struct mux_header who = { "stoa-client", "203.0.113.9:4711" };
    int err;
    struct mux_stream *s = tunnel_link_open(r.edge.l, "join.octavio.com", &who, 1, &err);

    assert_non_null(s);
    return s;
}

static void a_domain_connection_carries_streams(void **state)
{
    struct mux_stream *s;
    int err;

    (void)state;
    r.domain = "join.octavio.com";
    linkrig_connect(&r);
    assert_null(tunnel_link_open(r.edge.l, "join.octavio.com", NULL, 0, &err));
    assert_int_equal(err, -ENOTCONN);
    linkrig_until(&r, r.in.ups && r.edge.ups);
    assert_string_equal(tunnel_link_peer(r.edge.l)->domain, "join.octavio.com");
    assert_int_equal(r.in.denied_n, 0);
    r.in.echoes = true;
    s = open_stream();
    assert_int_equal(mux_write(s, "GET / HTTP/1.1", 14), 14);
    linkrig_until(&r, r.edge.bytes.len == 14);
    assert_int_equal(r.edge.status, 200);
    assert_int_equal(r.in.streams, 1);
    assert_int_equal(tunnel_link_streams(r.edge.l), 1);
    assert_int_equal(tunnel_link_streams(r.in.l), 1);
    mux_end(s); /* without a flush: the link notices by itself */
    linkrig_until(&r, r.edge.stream_ends && r.in.stream_ends);
    assert_int_equal(r.edge.stream_err, 0);
    assert_int_equal(tunnel_link_streams(r.edge.l), 0);
    assert_int_equal(say(&r.edge, "a", "x"), -ENOTCONN); /* nothing but streams */
    assert_int_equal(ask(&r.in, 1), -ENOTCONN);
}

static void credit_given_from_outside_of_a_call_back_goes_out_by_itself(void **state)
{
    static uint8_t bytes[400000];
    struct mux_stream *s;
    size_t sent = 0;

    (void)state;
    r.domain = "join.octavio.com";
    linkrig_up(&r);
    r.in.consumes_late = true;
    s = open_stream();
    while (r.in.bytes.len < sizeof(bytes)) {
        ssize_t n = mux_write(s, bytes + sent, sizeof(bytes) - sent);

        assert_true(n >= 0);
        sent += (size_t)n;
        linkrig_turn(&r);
        if (r.in.last && r.in.late > 0) {
            mux_stream_consumed(r.in.last, r.in.late);
            r.in.late = 0;
        }
    }
    assert_int_equal(r.in.bytes.len, sizeof(bytes));
}

static void a_zone_connection_carries_none(void **state)
{
    int err;

    (void)state;
    linkrig_up(&r);
    assert_null(tunnel_link_open(r.edge.l, "join.octavio.com", NULL, 0, &err));
    assert_int_equal(err, -ENOTCONN);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void draining_waits_for_what_runs(void **state)
{
    struct mux_stream *s;
    int err;

    (void)state;
    r.domain = "join.octavio.com";
    linkrig_up(&r);
    r.in.echoes = true;
    s = open_stream();
    tunnel_link_drain(r.in.l, 600000);
    linkrig_until(&r, r.edge.goaways);
    assert_null(tunnel_link_open(r.edge.l, "join.octavio.com", NULL, 0, &err));
    assert_int_equal(err, -ENOTCONN);
    assert_int_equal(mux_write(s, "still here", 10), 10);
    linkrig_until(&r, r.edge.bytes.len == 10);
    mux_end(s);
    linkrig_until(&r, r.in.downs && r.edge.downs);
    assert_int_equal(r.in.why, TUNNEL_DRAIN);
    assert_int_equal(r.edge.why, TUNNEL_DRAIN);
    assert_int_equal(r.edge.stream_err, 0);
}

static void draining_ends_after_its_time(void **state)
{
    (void)state;
    r.domain = "join.octavio.com";
    linkrig_up(&r);
    (void)open_stream();
    linkrig_until(&r, r.in.streams == 1);
    tunnel_link_drain(r.edge.l, 50);
    linkrig_until(&r, r.in.downs && r.edge.downs);
    assert_int_equal(r.in.why, TUNNEL_DRAIN);
    assert_int_equal(r.edge.why, TUNNEL_DRAIN);
    assert_int_equal(r.in.stream_ends, 1);
    assert_int_equal(r.edge.stream_ends, 1);
    assert_int_not_equal(r.edge.stream_err, 0);
}

static void a_refusal_after_welcome_says_its_word(void **state)
{
    (void)state;
    r.domain = "join.octavio.com";
    linkrig_up(&r);
    (void)open_stream();
    linkrig_until(&r, r.in.streams == 1);
    tunnel_link_refuse(r.edge.l, TUNNEL_REPLACED, NULL);
    linkrig_until(&r, r.in.downs && r.edge.downs);
    assert_int_equal(r.in.why, TUNNEL_REPLACED);
    assert_int_equal(r.edge.why, TUNNEL_REPLACED);
    assert_string_equal(r.in.text, tunnel_refusal_text(TUNNEL_REPLACED));
    assert_int_equal(r.in.stream_ends, 1);
    assert_int_equal(r.edge.stream_ends, 1);
}

static void an_end_without_a_word_is_closed(void **state)
{
    (void)state;
    r.domain = "join.octavio.com";
    linkrig_up(&r);
    (void)open_stream();
    linkrig_until(&r, r.in.streams == 1);
    tunnel_link_free(&r.in.l);
    assert_int_equal(r.in.stream_ends, 1);
    assert_int_equal(r.in.stream_err, -ECONNABORTED);
    linkrig_until(&r, r.edge.downs);
    assert_int_equal(r.edge.why, TUNNEL_CLOSED);
    assert_int_equal(r.edge.stream_ends, 1);
    assert_int_equal(r.in.downs, 0);
}

static int64_t shift_us;

static int64_t shifted(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000 + shift_us;
}

static void an_end_that_does_not_answer_is_dead(void **state)
{
    (void)state;
    shift_us = 0;
    loop_clock_fake(shifted);
    linkrig_up(&r);
    linkrig_until(&r, r.in.probes && r.edge.probes);
    tls_stream_pause(r.in.l->tls); /* it hangs; its kernel goes on */
    loop_timer_stop(r.in.l->timer);
    for (int i = 0; i < 10 && !r.edge.downs; i++) {
        shift_us += 10 * 1000000LL;
        tunnel_link_flush(r.edge.l); /* sets the timer anew */
        linkrig_turn(&r);
        linkrig_turn(&r);
    }
    loop_clock_fake(NULL);
    assert_int_equal(r.edge.downs, 1);
    assert_int_equal(r.edge.why, TUNNEL_DEAD);
}

static void it_may_be_freed_in_every_call_back(void **state)
{
    static const struct {
        const char *where;
        bool edge, zone;
    } cases[] = {
        { "on_up", true, false },         { "on_up", false, false },
        { "on_probe", true, false },      { "on_probe", false, false },
        { "on_row", true, true },         { "on_row", false, true },
        { "on_request", true, true },     { "on_answer", false, true },
        { "on_stream", false, false },    { "on_response", true, false },
        { "on_data", true, false },       { "on_data", false, false },
        { "on_eof", true, false },        { "on_eof", false, false },
        { "on_stream_end", true, false }, { "on_goaway", true, false },
        { "on_goaway", false, true },     { "on_stream_end", false, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct linkend *e = cases[i].edge ? &r.edge : &r.in, *o = cases[i].edge ? &r.in : &r.edge;
        struct mux_stream *s = NULL;

        linkrig_fini(&r);
        linkrig_init(&r);
        r.domain = cases[i].zone ? NULL : "join.octavio.com";
        r.in.echoes = r.edge.answers_requests = true;
        e->free_in = cases[i].where;
        linkrig_connect(&r);
        linkrig_until(&r, (r.in.ups && r.edge.ups) || !e->l);
        if (cases[i].zone && e->l) {
            assert_int_equal(say(&r.edge, "a", "x") | say(&r.in, "a", "x") | ask(&r.in, 1), 0);
        } else if (e->l && o->l) {
            s = open_stream();
            assert_int_equal(mux_write(s, "x", 1), 1);
            linkrig_until(&r, r.edge.bytes.len || !e->l);
            if (e->l)
                mux_end(s);
            linkrig_until(&r, (r.in.stream_ends && r.edge.stream_ends) || !e->l);
        }
        if (e->l && o->l && str_eq(cases[i].where, "on_goaway"))
            tunnel_link_drain(o->l, 60000);
        linkrig_until(&r, !e->l);
        linkrig_until(&r, !o->l); /* hears that it was closed */
        assert_int_equal(o->downs, 1);
    }
}

static void it_may_be_freed_after_on_down(void **state)
{
    (void)state;
    linkrig_up(&r);
    r.in.free_in = "later";
    tunnel_link_refuse(r.edge.l, TUNNEL_REPLACED, NULL);
    linkrig_until(&r, r.in.downs && r.edge.downs);
    assert_false(tunnel_link_is_up(r.in.l));
    assert_false(tunnel_link_is_active(r.in.l));
    tunnel_link_flush(r.in.l);
    tunnel_link_probe(r.in.l);
    tunnel_link_drain(r.in.l, 1);
    assert_int_equal(tunnel_link_streams(r.in.l), 0);
    assert_int_equal(say(&r.in, "a", "x"), -ENOTCONN);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(both_ends_come_up_and_know_each_other),
        CASE(each_domain_is_answered),
        CASE(active_is_who_has_answered_a_probe),
        CASE(clocks_are_compared_with_the_way_taken_off),
        CASE(facts_go_both_ways_and_only_changes_are_sent),
        CASE(facts_hold_while_alive_comes),
        CASE(without_alive_facts_are_gone_and_come_back_with_it),
        CASE(a_process_that_stood_still_reads_before_it_takes_facts_back),
        CASE(facts_have_limits),
        CASE(the_facts_of_a_link_take_a_mebibyte_at_most),
        CASE(a_request_gets_its_answer),
        CASE(who_asks_without_end_is_refused),
        CASE(a_domain_connection_carries_streams),
        CASE(credit_given_from_outside_of_a_call_back_goes_out_by_itself),
        CASE(a_zone_connection_carries_none),
        CASE(draining_waits_for_what_runs),
        CASE(draining_ends_after_its_time),
        CASE(a_refusal_after_welcome_says_its_word),
        CASE(an_end_without_a_word_is_closed),
        CASE(an_end_that_does_not_answer_is_dead),
        CASE(it_may_be_freed_in_every_call_back),
        CASE(it_may_be_freed_after_on_down),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
