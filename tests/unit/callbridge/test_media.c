/* SPDX-License-Identifier: Apache-2.0
 * The media engine with its threads and real sockets: browsers on 127.0.0.1 in two spaces on two
 * workers. Built with ThreadSanitizer it is the test of the border between control and media. */
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

#include "cm.h"
#include "media.h"
#include "udpbrowser.h"

enum { GUESTS_MAX = 12, PATIENCE_MS = 20000 };

struct guest {
    struct udpbrowser *u;
    struct sfu_slots slots;
    enum peer_state state;
    struct sfu_stats stats;
    struct sfu_wanted wanted;
    bool has_stats, in, lost;
    char *refusal;
};

struct room {
    struct media_space *space; /* NULL: freed, no event may come */
    struct guest guests[GUESTS_MAX + 1]; /* by number, from 1 */
    unsigned n;
    uint32_t speaker;
};

struct engine {
    uv_loop_t loop;
    uv_timer_t clock;
    struct media *media;
    struct dtls_ctx *dtls;
    unsigned events;
};

static struct engine e;

/* --- events ----------------------------------------------------------------------------------- */

static void on_answer(struct guest *g, const struct media_event *ev)
{
    if (!ev->text)
        str_set(&g->refusal, ev->cause);
    else if (g->u)
        udpbrowser_answer(g->u, ev->text);
}

static void on_event(void *arg, const struct media_event *ev)
{
    struct room *r = ev->space_arg;
    struct guest *g = &r->guests[ev->participant];

    assert_ptr_equal(arg, &e);
    assert_non_null(r->space);
    e.events++;
    switch (ev->type) {
    case MEDIA_ANSWER:
        on_answer(g, ev);
        break;
    case MEDIA_STATE:
        g->state = ev->state;
        break;
    case MEDIA_SLOTS:
        g->slots = ev->slots;
        break;
    case MEDIA_SPEAKER:
        r->speaker = ev->participant;
        break;
    case MEDIA_STATS:
        g->stats = ev->stats;
        g->has_stats = true;
        break;
    case MEDIA_WANTED:
        g->wanted = ev->wanted;
        break;
    case MEDIA_PATH:
        g->lost = ev->lost;
        break;
    case MEDIA_CANDIDATE:
    case MEDIA_RELAY:
        fail_msg("there are no relays here");
    }
}

/* --- the engine ------------------------------------------------------------------------------- */

static void on_clock(uv_timer_t *timer)
{
    (void)timer; /* wakes the loop so that conditions are looked at */
}

static int start(void **state)
{
    struct media_opts opts = {
        .loop = &e.loop, .workers = 2, .listen = "",
        .on_event = on_event, .arg = &e,
    };
    char err[PEER_ERROR_MAX] = "";

    (void)state;
    memset(&e, 0, sizeof(e));
    assert_int_equal(uv_loop_init(&e.loop), 0);
    (void)uv_timer_init(&e.loop, &e.clock);
    (void)uv_timer_start(&e.clock, on_clock, 10, 10);
    e.dtls = dtls_ctx_new();
    e.media = media_new(&opts, err);
    if (!e.media)
        fail_msg("%s", err);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    media_free(e.media);
    uv_close((uv_handle_t *)&e.clock, NULL);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&e.loop, UV_RUN_NOWAIT);
    dtls_ctx_free(e.dtls);
    return uv_loop_close(&e.loop); /* a test that failed leaves browsers behind */
}

static bool until(bool (*done)(void *arg), void *arg)
{
    int64_t end_us = udpbrowser_now_us() + PATIENCE_MS * INT64_C(1000);

    while (!done(arg)) {
        if (udpbrowser_now_us() > end_us)
            return false;
        (void)uv_run(&e.loop, UV_RUN_ONCE);
    }
    return true;
}

/* --- rooms ------------------------------------------------------------------------------------ */

static struct guest *join(struct room *r)
{
    struct browser_opts opts = { .dtls = e.dtls, .frame_us = 100000 };
    uint32_t number = ++r->n;
    struct guest *g = &r->guests[number];
    char *offer;

    g->u = udpbrowser_new(&e.loop, &opts);
    g->in = true;
    media_join(r->space, number, &(struct media_join_opts){ .client = g->u->local });
    offer = udpbrowser_offer(g->u);
    media_offer(r->space, number, number, offer);
    free(offer);
    return g;
}

static void open_room(struct room *r, unsigned n)
{
    memset(r, 0, sizeof(*r));
    r->space = media_space_new(e.media, PEER_VP8, r);
    for (unsigned i = 0; i < n; i++)
        (void)join(r);
}

static void close_room(struct room *r)
{
    if (r->space)
        media_space_free(r->space);
    r->space = NULL;
    for (unsigned i = 1; i <= r->n; i++) {
        udpbrowser_free(r->guests[i].u);
        free(r->guests[i].refusal);
    }
}

static void leave(struct room *r, struct guest *g)
{
    media_leave(r->space, (uint32_t)(g - r->guests));
    g->in = false;
}

/* True when every guest sees nine others (or all) and hears the loud ones. */
static bool all_see_and_hear(void *arg)
{
    const struct room *r = arg;
    unsigned in = 0;

    for (unsigned i = 1; i <= r->n; i++)
        in += r->guests[i].in;
    for (unsigned i = 1; i <= r->n; i++) {
        const struct guest *g = &r->guests[i];
        unsigned seen = 0, heard = 0;

        if (!g->in)
            continue;
        for (uint32_t k = 1; k <= r->n; k++) {
            const struct browser_slot *video = udpbrowser_shows(g->u, true, k);

            seen += video && video->decodable;
            heard += udpbrowser_shows(g->u, false, k) != NULL;
        }
        if (seen < MIN(in - 1, (unsigned)SFU_VIDEO_SLOTS) ||
            heard < MIN(in - 1, (unsigned)SFU_AUDIO_SLOTS))
            return false;
    }
    return true;
}

static bool twelve_speaks(void *arg)
{
    const struct room *r = arg;

    if (r->speaker != 12)
        return false;
    for (unsigned i = 1; i < 12; i++) {
        if (!udpbrowser_shows(r->guests[i].u, true, 12) ||
            !udpbrowser_shows(r->guests[i].u, false, 12))
            return false;
    }
    return true;
}

/* True when nobody is told to see one who left. */
static bool leavers_are_gone(void *arg)
{
    const struct room *r = arg;

    for (unsigned i = 1; i <= r->n; i++) {
        for (int k = 0; r->guests[i].in && k < SFU_VIDEO_SLOTS; k++) {
            uint32_t shown = r->guests[i].slots.video[k];

            if (shown && !r->guests[shown].in)
                return false;
        }
    }
    return true;
}

static bool has_stats(void *arg)
{
    return ((struct guest *)arg)->has_stats;
}

static bool is_refused(void *arg)
{
    return ((struct guest *)arg)->refusal != NULL;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void twelve_see_and_hear_and_whoever_speaks_is_shown(void **state)
{
    struct room r;
    struct guest *g;

    (void)state;
    open_room(&r, 12);
    r.guests[2].u->browser->level = 30;
    assert_true(until(all_see_and_hear, &r));
    r.guests[12].u->browser->level = 10;
    r.guests[2].u->browser->level = BROWSER_SILENT;
    assert_true(until(twelve_speaks, &r));
    g = &r.guests[1];
    media_stats(r.space);
    assert_true(until(has_stats, g));
    assert_int_equal(g->stats.state, PEER_CONNECTED);
    assert_true(g->stats.forwarded > 0 && g->stats.received > 0);
    assert_true(addr_eq(&g->stats.peer.remote, &g->u->local));
    for (unsigned i = 1; i <= 12; i += 3)
        leave(&r, &r.guests[i]);
    assert_true(until(leavers_are_gone, &r));
    assert_true(until(all_see_and_hear, &r));
    close_room(&r);
}

static void rooms_on_two_workers_know_nothing_of_each_other(void **state)
{
    struct room a, b;

    (void)state;
    open_room(&a, 3);
    open_room(&b, 4);
    assert_true(until(all_see_and_hear, &a));
    assert_true(until(all_see_and_hear, &b));
    assert_int_not_equal(a.guests[1].u->browser->slots[7].csrc, 0);
    for (unsigned i = 1; i <= 3; i++)
        assert_null(udpbrowser_shows(a.guests[i].u, true, 4));
    close_room(&a);
    assert_true(until(all_see_and_hear, &b)); /* goes on */
    close_room(&b);
}

static void a_room_freed_with_events_in_flight_is_silent(void **state)
{
    struct room r, witness;

    (void)state;
    open_room(&witness, 2);
    for (int round = 0; round < 8; round++) {
        open_room(&r, 4);
        for (int i = 0; i < round * 4; i++) /* offers, answers and states at any stage */
            (void)uv_run(&e.loop, UV_RUN_ONCE);
        for (uint32_t i = 1; i <= 4; i++) {
            media_stats(r.space);
            media_leave(r.space, round % 2 ? i : 5 - i);
            media_stats(r.space);
        }
        close_room(&r); /* on_event() asserts that none comes for it */
    }
    assert_true(until(all_see_and_hear, &witness));
    close_room(&witness);
}

static void the_engine_may_end_with_open_rooms_and_running_media(void **state)
{
    static struct room r, early;

    (void)state;
    open_room(&r, 4);
    assert_true(until(all_see_and_hear, &r));
    open_room(&early, 3);
    media_free(e.media); /* takes the spaces along */
    e.media = NULL;
    r.space = early.space = NULL;
    close_room(&r);
    close_room(&early);
}

static void what_is_wrong_is_said_and_harms_nobody(void **state)
{
    struct room r;
    char text[] = "candidate:1 1 udp 1 not-an-address 9 typ host";

    (void)state;
    open_room(&r, 2);
    r.guests[3].in = false;
    r.n = 3;
    media_offer(r.space, 3, 3, "v=0\r\n"); /* not in the room */
    assert_true(until(is_refused, &r.guests[3]));
    media_offer(r.space, 1, 3, "nonsense");
    assert_true(until(is_refused, &r.guests[1]));
    media_candidate(r.space, 1, text, "");
    media_candidate(r.space, 9, text, "");
    media_leave(r.space, 9);
    media_set(r.space, 9, &(struct sfu_media){ 0 });
    media_join(r.space, 1, &(struct media_join_opts){ .client = r.guests[1].u->local }); /* taken */
    assert_true(until(all_see_and_hear, &r));
    close_room(&r);
}

static void a_port_in_use_is_named(void **state)
{
    struct media_opts opts = { .loop = &e.loop, .workers = 1, .listen = "127.0.0.1",
                               .on_event = on_event, .arg = &e };
    struct udpbrowser *taken = udpbrowser_new(&e.loop, &(struct browser_opts){ .dtls = e.dtls });
    char err[PEER_ERROR_MAX] = "", port[16];

    (void)state;
    opts.port = taken->local.port;
    (void)snprintf(port, sizeof(port), "%u", opts.port);
    assert_null(media_new(&opts, err));
    assert_non_null(strstr(err, port));
    udpbrowser_free(taken);
}

static int look_for_zmq(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    *(bool *)arg = *(bool *)arg || strstr(info->dlpi_name, "libzmq");
    return 0;
}

/* libzmq is not built with ThreadSanitizer and would drown the report. */
static void the_media_engine_needs_no_message_bus(void **state)
{
    bool loaded = false;

    (void)state;
    (void)dl_iterate_phdr(look_for_zmq, &loaded);
    assert_false(loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_media_engine_needs_no_message_bus),
        cmocka_unit_test_setup_teardown(twelve_see_and_hear_and_whoever_speaks_is_shown, start,
                                        stop),
        cmocka_unit_test_setup_teardown(rooms_on_two_workers_know_nothing_of_each_other, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_room_freed_with_events_in_flight_is_silent, start, stop),
        cmocka_unit_test_setup_teardown(the_engine_may_end_with_open_rooms_and_running_media, start,
                                        stop),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_said_and_harms_nobody, start, stop),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_named, start, stop),
    };
    return cmocka_run_group_tests_name("callbridge media", tests, NULL, NULL);
}
