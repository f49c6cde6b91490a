/* SPDX-License-Identifier: Apache-2.0
 * Streams and an other end that means harm: what it may make this one hold, and where it ends. The
 * frames are written by hand. Source: RFC 9113 s10.5 */
#include "cm.h"

#include <errno.h>
#include <string.h>

#include <base/str.h>
#include <tunnel/mux.h>

enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, END_HEADERS = 4 };

static struct mux *m;
static struct mux_budget budget;
static size_t told, ended, held, answers;
static int last_err, last_status;
static bool takes_output;
static struct str sent; /* what m had to send */

/* --- the user --------------------------------------------------------------------------------- */

static void on_stream(void *arg, struct mux_stream *s, const struct mux_header *headers, size_t n)
{
    (void)arg;
    (void)headers;
    (void)n;
    told++;
    mux_respond(s, 200, NULL, 0, false);
}

static void on_response(void *arg, struct mux_stream *s, int status,
                        const struct mux_header *headers, size_t n)
{
    (void)arg;
    (void)s;
    (void)headers;
    (void)n;
    answers++;
    last_status = status;
}

static void on_data(void *arg, struct mux_stream *s, const uint8_t *data, size_t len)
{
    (void)arg;
    (void)s;
    (void)data;
    held += len; /* and consumes nothing */
}

static void on_stream_end(void *arg, struct mux_stream *s, int err)
{
    (void)arg;
    (void)s;
    ended++;
    last_err = err;
}

static const struct mux_ops ops = { .on_stream = on_stream,
                                    .on_response = on_response,
                                    .on_data = on_data,
                                    .on_stream_end = on_stream_end };

/* --- the other end ---------------------------------------------------------------------------- */

static void put_frame(struct str *to, uint8_t type, uint8_t flags, uint32_t id, const void *data,
                      size_t len)
{
    const uint8_t head[9] = { (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len, type, flags,
                              (uint8_t)(id >> 24),  (uint8_t)(id >> 16), (uint8_t)(id >> 8),
                              (uint8_t)id };

    str_addn(to, head, sizeof(head));
    str_addn(to, data, len);
}

/* A header field as a literal. Source: RFC 7541 s6.2.2 */
static void put_field(struct str *to, const char *name, const char *value)
{
    size_t n = strlen(value);

    str_addn(to, "\0", 1);
    str_addf(to, "%c%s", (int)strlen(name), name);
    if (n < 127)
        str_addf(to, "%c%s", (int)n, value);
    else /* RFC 7541 s5.1 */
        str_addf(to, "\x7f%c%c%s", (int)((n - 127) % 128 + 128), (int)((n - 127) / 128), value);
}

static void put_connect(struct str *to)
{
    put_field(to, ":method", "CONNECT");
    put_field(to, ":authority", "join.example.com");
}

static void put_open(struct str *to, uint32_t id)
{
    struct str head = { 0 };

    put_connect(&head);
    put_frame(to, HEADERS, END_HEADERS, id, head.s, head.len);
    str_fini(&head);
}

static void take_output(void)
{
    const uint8_t *out;
    size_t len;

    while ((len = mux_output(m, &out)) > 0)
        if (sent.len < (1 << 20))
            str_addn(&sent, out, len);
}

/* Gives bytes to m, and takes its answers. */
static int feed(struct str *bytes)
{
    int err = mux_input(m, (const uint8_t *)bytes->s, bytes->len, 1000);

    str_fini(bytes);
    if (takes_output)
        take_output();
    return err ? err : mux_tick(m, 1000);
}

static int feed_frame(uint8_t type, uint8_t flags, uint32_t id, const void *data, size_t len)
{
    struct str bytes = { 0 };

    put_frame(&bytes, type, flags, id, data, len);
    return feed(&bytes);
}

/* How many frames of a type m has sent for a stream (0: any). */
static size_t count_sent(uint8_t type, uint32_t id)
{
    const uint8_t *p = (const uint8_t *)sent.s;
    size_t n = 0, at = 0;

    if (at + 24 <= sent.len && memcmp(p, "PRI ", 4) == 0)
        at = 24;
    while (at + 9 <= sent.len) {
        size_t len = (size_t)p[at] << 16 | (size_t)p[at + 1] << 8 | p[at + 2];
        uint32_t of = (uint32_t)p[at + 5] << 24 | (uint32_t)p[at + 6] << 16
                      | (uint32_t)p[at + 7] << 8 | p[at + 8];

        n += p[at + 3] == type && (id == 0 || of == id);
        at += 9 + len;
    }
    return n;
}

static void start(bool opens)
{
    static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct str bytes = { 0 };

    told = ended = held = answers = 0;
    last_err = last_status = 0;
    takes_output = true;
    budget = (struct mux_budget){ .max = MUX_BUDGET };
    m = mux_new(opens, &budget, &ops, NULL);
    if (!opens)
        str_add(&bytes, magic);
    put_frame(&bytes, SETTINGS, 0, 0, "", 0);
    assert_int_equal(feed(&bytes), 0);
    if (!opens) {
        put_open(&bytes, 1); /* in the place of the control stream */
        assert_int_equal(feed(&bytes), 0);
        told = 0;
    }
}

static int setup(void **state)
{
    (void)state;
    start(false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mux_free(&m);
    str_fini(&sent);
    assert_int_equal(budget.used, 0);
    return 0;
}

static void restart(bool opens)
{
    mux_free(&m);
    str_fini(&sent);
    start(opens);
}

/* The connection is as it was: a stream opens and is answered. */
static void still_works(uint32_t id)
{
    struct str bytes = { 0 };
    size_t before = told;

    put_open(&bytes, id);
    assert_int_equal(feed(&bytes), 0);
    assert_int_equal(told, before + 1);
    assert_int_equal(count_sent(HEADERS, id), 1);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void opening_and_resetting_without_end_ends_the_connection(void **state)
{
    size_t pairs = 0;
    int err = 0;

    (void)state;
    for (uint32_t id = 3; !err && pairs < 40000; pairs++, id += 2) {
        struct str bytes = { 0 };

        put_open(&bytes, id);
        put_frame(&bytes, RST, 0, id, "\0\0\0\x08", 4);
        err = feed(&bytes);
        assert_true(mux_streams(m) <= 2);
    }
    assert_int_equal(err, -EPROTO);
    assert_true(pairs < 20000);
}

static void all_browsers_of_a_connection_may_leave_at_once(void **state)
{
    uint32_t id = 3;

    (void)state;
    for (int round = 0; round < 2; round++) {
        struct str bytes = { 0 };
        uint32_t first = id;

        for (int i = 0; i < 4000; i++, id += 2)
            put_open(&bytes, id);
        assert_int_equal(feed(&bytes), 0);
        assert_int_equal(mux_streams(m), 4001);
        for (uint32_t of = first; of < id; of += 2)
            put_frame(&bytes, RST, 0, of, "\0\0\0\x08", 4);
        assert_int_equal(feed(&bytes), 0);
        assert_int_equal(mux_streams(m), 1);
    }
    assert_int_equal(told, 8000);
    assert_int_equal(ended, 8000);
    still_works(id);
}

static void streams_beyond_the_limit_are_refused_and_the_others_stay(void **state)
{
    struct str bytes = { 0 };
    uint32_t id = 3;

    (void)state;
    for (int i = 0; i < MUX_STREAMS_MAX + 500; i++, id += 2)
        put_open(&bytes, id);
    assert_int_equal(feed(&bytes), 0);
    assert_int_equal(told, MUX_STREAMS_MAX - 1);
    assert_int_equal(mux_streams(m), MUX_STREAMS_MAX);
    assert_int_equal(count_sent(RST, id - 2), 1);
    assert_int_equal(ended, 0);
    /* Who has acknowledged the limit and goes beyond it does so on purpose. */
    assert_int_equal(feed_frame(SETTINGS, 1, 0, "", 0), 0);
    put_open(&bytes, id);
    assert_int_equal(feed(&bytes), -EPROTO);
}

/* --- header fields ---------------------------------------------------------------------------- */

static void too_many_or_too_long_fields_cost_the_stream_and_nobody_hears_of_it(void **state)
{
    static char value[600];
    struct str head = { 0 };

    (void)state;
    put_connect(&head);
    for (int i = 0; i < MUX_HEADERS_MAX; i++)
        put_field(&head, "x-more", "1");
    assert_int_equal(feed_frame(HEADERS, END_HEADERS, 3, head.s, head.len), 0);
    str_fini(&head);
    assert_int_equal(count_sent(RST, 3), 1);
    put_connect(&head);
    memset(value, 'v', sizeof(value) - 1);
    put_field(&head, "x-long", value);
    assert_int_equal(feed_frame(HEADERS, END_HEADERS, 5, head.s, head.len), 0);
    str_fini(&head);
    assert_int_equal(count_sent(RST, 5), 1);
    assert_int_equal(told, 0);
    assert_int_equal(ended, 0);
    assert_int_equal(mux_streams(m), 1);
    still_works(7);
}

static void a_request_that_is_no_connect_as_rfc_9113_wants_it_is_refused(void **state)
{
    struct str head = { 0 };

    (void)state;
    put_connect(&head);
    put_field(&head, ":path", "/"); /* s8.5: must be left out */
    assert_int_equal(feed_frame(HEADERS, END_HEADERS, 3, head.s, head.len), 0);
    str_fini(&head);
    put_field(&head, ":method", "CONNECT");
    assert_int_equal(feed_frame(HEADERS, END_HEADERS, 5, head.s, head.len), 0);
    str_fini(&head);
    assert_int_equal(told, 0);
    assert_int_equal(count_sent(RST, 3), 1);
    assert_int_equal(count_sent(RST, 5), 1);
    still_works(7);
}

static void a_head_that_never_ends_ends_the_connection(void **state)
{
    struct str head = { 0 };
    int err, n = 0;

    (void)state;
    put_connect(&head);
    err = feed_frame(HEADERS, 0, 3, head.s, head.len);
    str_fini(&head);
    for (; !err && n < 1000; n++)
        err = feed_frame(CONTINUATION, 0, 3, "\0\1x\1y", 5);
    assert_int_equal(err, -EPROTO);
    assert_true(n < 20);
    assert_int_equal(told, 0);
}

/* --- answers that are not fetched ------------------------------------------------------------- */

static void who_asks_without_reading_the_answers_is_left(void **state)
{
    int err = 0, n = 0;

    (void)state;
    takes_output = false;
    for (; !err && n < 100000; n++)
        err = feed_frame(PING, 0, 0, "12345678", 8);
    assert_int_equal(err, -EPROTO);
    assert_true(n < 1000);

    restart(false);
    takes_output = false;
    for (err = n = 0; !err && n < 100000; n++)
        err = feed_frame(SETTINGS, 0, 0, "", 0);
    assert_int_equal(err, -EPROTO);
    assert_true(n < 1000);
}

/* --- windows ---------------------------------------------------------------------------------- */

static void settings_with_which_nothing_would_flow_are_refused(void **state)
{
    (void)state;
    assert_int_equal(feed_frame(SETTINGS, 0, 0, "\0\4\0\0\0\1", 6), -EPROTO);
    restart(true);
    assert_int_equal(feed_frame(SETTINGS, 0, 0, "\0\4\0\0\0\1", 6), -EPROTO);
    restart(true);
    assert_int_equal(feed_frame(SETTINGS, 0, 0, "\0\3\0\0\0\0", 6), -EPROTO);
}

static void bytes_beyond_the_window_are_not_held(void **state)
{
    static const uint8_t bytes[MUX_FRAME];
    struct str open = { 0 };
    int err = 0;

    (void)state;
    put_open(&open, 3);
    assert_int_equal(feed(&open), 0);
    for (int i = 0; i < 64 && !err; i++)
        err = feed_frame(DATA, 0, 3, bytes, sizeof(bytes));
    assert_true(held <= MUX_WINDOW);
    assert_true(budget.used <= MUX_WINDOW);
    assert_true(err == -EPROTO || count_sent(RST, 3) == 1);
}

static void a_window_that_overflows_costs_the_stream(void **state)
{
    struct str open = { 0 };

    (void)state;
    put_open(&open, 3);
    assert_int_equal(feed(&open), 0);
    assert_int_equal(feed_frame(WINDOW, 0, 3, "\x7f\xff\xff\xff", 4), 0);
    assert_int_equal(count_sent(RST, 3), 1);
    assert_int_equal(ended, 1);
    still_works(5);
}

/* --- the end that opens ----------------------------------------------------------------------- */

static struct mux_stream *open_one(void)
{
    static const struct mux_header headers[] = { { ":method", "CONNECT" },
                                                 { ":authority", "join.example.com" } };
    int err;
    struct mux_stream *s = mux_open(m, headers, 2, &err);

    assert_non_null(s);
    take_output();
    return s;
}

static void a_preliminary_answer_costs_the_stream(void **state)
{
    (void)state;
    restart(true);
    (void)open_one();
    assert_int_equal(feed_frame(HEADERS, END_HEADERS, 1, "\x48\x03""100", 5), 0);
    take_output();
    assert_int_equal(answers, 0);
    assert_int_equal(ended, 1);
    assert_int_equal(last_err, -ECANCELED);
}

static void an_answer_that_is_none_is_not_told(void **state)
{
    (void)state;
    restart(true);
    (void)open_one();
    assert_int_equal(feed_frame(HEADERS, END_HEADERS, 1, "\x48\x03""2x0", 5), 0);
    take_output();
    assert_int_equal(answers, 0);
    assert_int_equal(ended, 1);
    assert_int_equal(last_err, -ECONNRESET);
}

static void a_push_is_refused_and_after_our_settings_ends_the_connection(void **state)
{
    (void)state;
    restart(true);
    (void)open_one();
    assert_int_equal(feed_frame(PUSH, END_HEADERS, 1, "\0\0\0\2\x82", 5), 0);
    assert_int_equal(count_sent(RST, 2), 1);
    assert_int_equal(feed_frame(SETTINGS, 1, 0, "", 0), 0);
    assert_int_equal(feed_frame(PUSH, END_HEADERS, 1, "\0\0\0\4\x82", 5), -EPROTO);
}

static void goaway_ends_the_streams_that_it_does_not_name(void **state)
{
    int err;
    struct mux_header h[] = { { ":method", "CONNECT" }, { ":authority", "a" } };

    (void)state;
    restart(true);
    (void)open_one();
    (void)open_one();
    assert_int_equal(feed_frame(GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8), 0);
    assert_int_equal(ended, 1);
    assert_int_equal(last_err, -EBUSY); /* it may be tried again elsewhere */
    assert_int_equal(mux_streams(m), 1);
    assert_null(mux_open(m, h, 2, &err));
    assert_int_equal(err, -ENOTCONN);
}

static void frames_for_streams_that_never_were_end_the_connection(void **state)
{
    (void)state;
    assert_int_equal(feed_frame(DATA, 0, 99, "x", 1), -EPROTO);
    restart(true);
    assert_int_equal(feed_frame(HEADERS, END_HEADERS, 99, "\x88", 1), -EPROTO);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(opening_and_resetting_without_end_ends_the_connection),
        CASE(all_browsers_of_a_connection_may_leave_at_once),
        CASE(streams_beyond_the_limit_are_refused_and_the_others_stay),
        CASE(too_many_or_too_long_fields_cost_the_stream_and_nobody_hears_of_it),
        CASE(a_request_that_is_no_connect_as_rfc_9113_wants_it_is_refused),
        CASE(a_head_that_never_ends_ends_the_connection),
        CASE(who_asks_without_reading_the_answers_is_left),
        CASE(settings_with_which_nothing_would_flow_are_refused),
        CASE(bytes_beyond_the_window_are_not_held),
        CASE(a_window_that_overflows_costs_the_stream),
        CASE(a_preliminary_answer_costs_the_stream),
        CASE(an_answer_that_is_none_is_not_told),
        CASE(a_push_is_refused_and_after_our_settings_ends_the_connection),
        CASE(goaway_ends_the_streams_that_it_does_not_name),
        CASE(frames_for_streams_that_never_were_end_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
