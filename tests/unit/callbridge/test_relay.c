/* SPDX-License-Identifier: Apache-2.0
 * Media over TURN with the engine's threads and real sockets: browsers that are reached over relays
 * alone, servers that refuse, die and come back. Built with ThreadSanitizer too. */
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

#include "cm.h"
#include "media.h"
#include "udpbrowser.h"
#include "udpturn.h"
#include "worker_priv.h"

enum { GUESTS_MAX = 4, SERVERS = 2, PATIENCE_MS = 20000 };

struct guest {
    struct udpbrowser *u;
    char *answer;
    char *told; /* the candidate that was told last */
    unsigned n_told, n_lost;
    bool lost;
};

struct fixture {
    uv_loop_t loop;
    uv_timer_t clock;
    struct media *media;
    struct dtls_ctx *dtls;
    struct media_space *space;
    struct guest guests[GUESTS_MAX + 1]; /* by number, from 1 */
    unsigned n;
    struct udpturn *turn[SERVERS];
    struct media_relay conf[SERVERS];
    struct media_relay_state relay[SERVERS]; /* as last told */
    unsigned reports[SERVERS];
    const char *first; /* relay that guests want first; NULL: any */
    bool outside;      /* guests that join come through an edge */
    unsigned which; /* server that is waited for */
};

static struct fixture f;

/* --- events ----------------------------------------------------------------------------------- */

static void on_relay(const struct media_relay_state *st)
{
    unsigned i = (unsigned)(st->id[0] - 'a');

    assert_true(i < SERVERS);
    f.relay[i] = *st;
    f.reports[i]++;
}

static void on_event(void *arg, const struct media_event *ev)
{
    struct guest *g = &f.guests[ev->participant];

    (void)arg;
    assert_ptr_equal(ev->space_arg, ev->type == MEDIA_RELAY ? NULL : &f);
    switch (ev->type) {
    case MEDIA_ANSWER:
        assert_non_null(ev->text);
        str_set(&g->answer, ev->text);
        udpbrowser_answer(g->u, ev->text);
        break;
    case MEDIA_CANDIDATE:
        str_set(&g->told, ev->text);
        g->n_told++;
        assert_int_equal(peer_add_candidate(g->u->browser->peer, udpbrowser_now_us(), ev->text,
                                            NULL), 0);
        break;
    case MEDIA_PATH:
        g->lost = ev->lost;
        g->n_lost += ev->lost;
        break;
    case MEDIA_RELAY:
        on_relay(&ev->relay);
        break;
    default:
        break;
    }
}

/* --- the fixture ------------------------------------------------------------------------------ */

static void on_clock(uv_timer_t *timer)
{
    (void)timer; /* wakes the loop so that conditions are looked at */
}

static void open_server(unsigned i)
{
    struct media_relay *conf = &f.conf[i];

    f.turn[i] = udpturn_new(&f.loop);
    *conf = (struct media_relay){ .id = { (char)('a' + i) } };
    conf->udp = *udpturn_udp(f.turn[i]);
    conf->tcp = *udpturn_tcp(f.turn[i]);
    (void)str_copy(conf->username, sizeof(conf->username), "user");
    (void)str_copy(conf->password, sizeof(conf->password), "secret");
}

static int start(void **state)
{
    struct media_opts opts = { .loop = &f.loop, .workers = 1, .listen = "", .on_event = on_event };
    char err[PEER_ERROR_MAX] = "";

    (void)state;
    memset(&f, 0, sizeof(f));
    assert_int_equal(uv_loop_init(&f.loop), 0);
    (void)uv_timer_init(&f.loop, &f.clock);
    (void)uv_timer_start(&f.clock, on_clock, 10, 10);
    f.dtls = dtls_ctx_new();
    f.media = media_new(&opts, err);
    if (!f.media)
        fail_msg("%s", err);
    f.space = media_space_new(f.media, PEER_VP8, &f);
    for (unsigned i = 0; i < SERVERS; i++)
        open_server(i);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    media_free(f.media);
    for (unsigned i = 1; i <= f.n; i++) {
        udpbrowser_free(f.guests[i].u);
        free(f.guests[i].answer);
        free(f.guests[i].told);
    }
    for (unsigned i = 0; i < SERVERS; i++)
        udpturn_free(f.turn[i]);
    uv_close((uv_handle_t *)&f.clock, NULL);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    dtls_ctx_free(f.dtls);
    return uv_loop_close(&f.loop);
}

static bool until(bool (*done)(void))
{
    int64_t end_us = udpbrowser_now_us() + PATIENCE_MS * INT64_C(1000);

    while (!done()) {
        if (udpbrowser_now_us() > end_us)
            return false;
        (void)uv_run(&f.loop, UV_RUN_ONCE);
    }
    return true;
}

/* Loopback addresses are private, and a relay is never sent to those: the browser's own address
 * stands for a relay of its own. */
static char *as_relay(const char *offer)
{
    struct str out = { 0 };
    const char *at;

    while ((at = strstr(offer, "typ host"))) {
        str_addn(&out, offer, (size_t)(at - offer));
        str_add(&out, "typ relay raddr 0.0.0.0 rport 0");
        offer = at + strlen("typ host");
    }
    str_add(&out, offer);
    return str_take(&out);
}

static struct guest *join(void)
{
    struct browser_opts opts = { .dtls = f.dtls, .frame_us = 100000 };
    struct media_join_opts how = { .relay_only = true };
    uint32_t number = ++f.n;
    struct guest *g = &f.guests[number];
    char *offer, *relayed;

    g->u = udpbrowser_new(&f.loop, &opts);
    how.client = g->u->local;
    how.first_relay = f.first;
    if (f.outside) /* says by itself that it gets relays only */
        how = (struct media_join_opts){ .client = how.client, .outside = true };
    media_join(f.space, number, &how);
    offer = udpbrowser_offer(g->u);
    relayed = as_relay(offer);
    media_offer(f.space, number, number, relayed);
    free(offer);
    free(relayed);
    return g;
}

static bool is_ready(unsigned i)
{
    return f.relay[i].phase == MEDIA_RELAY_READY;
}

static bool first_ready(void)
{
    return is_ready(0);
}

static bool all_ready(void)
{
    return is_ready(0) && is_ready(1);
}

static bool has_failed(unsigned i)
{
    return f.relay[i].phase == MEDIA_RELAY_REFUSED || f.relay[i].phase == MEDIA_RELAY_LOST;
}

static bool first_failed(void)
{
    return has_failed(0);
}

static bool that_one_failed(void)
{
    return has_failed(f.which);
}

/* A new candidate has come to everybody. */
static bool all_are_told(void)
{
    for (uint32_t i = 1; i <= f.n; i++) {
        if (f.guests[i].n_told == 0)
            return false;
    }
    return all_ready();
}

static bool all_failed(void)
{
    return has_failed(0) && has_failed(1);
}

/* Everybody sees and hears everybody else now. */
static bool all_see_and_hear(void)
{
    for (uint32_t i = 1; i <= f.n; i++) {
        for (uint32_t k = 1; k <= f.n; k++) {
            const struct browser_slot *video = udpbrowser_shows(f.guests[i].u, true, k);

            if (i != k && (!video || !video->decodable ||
                           !udpbrowser_shows(f.guests[i].u, false, k)))
                return false;
        }
    }
    return true;
}

static unsigned in_turn(unsigned i)
{
    return turnserver_stats(udpturn_server(f.turn[i]))->channel_data;
}

/* Media goes over that server, and has done so for as long as a slot counts as shown. */
static bool that_one_carries(void)
{
    return in_turn(f.which) > 100 && all_see_and_hear();
}

static bool everybody_is_lost(void)
{
    for (uint32_t i = 1; i <= f.n; i++) {
        if (!f.guests[i].lost)
            return false;
    }
    return true;
}

static int64_t ms_since(int64_t start_us)
{
    return (udpbrowser_now_us() - start_us) / 1000;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void guests_meet_over_a_relay_and_learn_nothing_of_the_inside(void **state)
{
    struct media_counters counters;

    (void)state;
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_ready));
    assert_string_equal(f.relay[0].failure, "");
    assert_false(f.relay[0].tcp);
    assert_true(f.relay[0].rtt_us > 0);
    assert_true(addr_is_loopback(&f.relay[0].relayed) && addr_is_loopback(&f.relay[0].mapped));
    for (int i = 0; i < 3; i++)
        (void)join();
    assert_true(until(all_see_and_hear));
    assert_null(strstr(f.guests[1].answer, "typ host"));
    assert_non_null(strstr(f.guests[1].answer, "typ relay raddr 0.0.0.0 rport 0"));
    assert_true(in_turn(0) > 0);
    assert_int_equal(turnserver_count(udpturn_server(f.turn[0])), 1); /* shared by all */
    media_counters(f.media, &counters);
    assert_int_equal(counters.send_failed, 0);
}

static void a_wrong_password_is_named_at_once_and_a_right_one_mends_it(void **state)
{
    int64_t start_us = udpbrowser_now_us();

    (void)state;
    (void)str_copy(f.conf[0].password, sizeof(f.conf[0].password), "another");
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_failed));
    assert_true(ms_since(start_us) < 3000);
    assert_int_equal(f.relay[0].phase, MEDIA_RELAY_REFUSED);
    assert_string_equal(f.relay[0].failure, "unauthorized");
    assert_int_equal(f.relay[0].code, 401);
    (void)str_copy(f.conf[0].password, sizeof(f.conf[0].password), "secret");
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_ready));
}

static void without_udp_it_goes_over_tcp(void **state)
{
    (void)state;
    udpturn_block_udp(f.turn[0], true);
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_ready));
    assert_true(f.relay[0].tcp);
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    udpturn_cut_tcp(f.turn[0]);
    assert_true(until(first_failed));
    assert_int_equal(f.relay[0].phase, MEDIA_RELAY_LOST);
    assert_string_equal(f.relay[0].failure, "unreachable");
    assert_true(until(everybody_is_lost));
    udpturn_block_udp(f.turn[0], false);
    assert_true(until(first_ready)); /* UDP first again */
    assert_false(f.relay[0].tcp);
    assert_true(until(all_see_and_hear)); /* by the candidate that was told */
    assert_true(f.guests[1].n_told > 0 && strstr(f.guests[1].told, "typ relay"));
}

static void a_server_that_nobody_answers_for_is_named_within_3_s(void **state)
{
    int64_t start_us = udpbrowser_now_us();

    (void)state;
    turnserver_faults(udpturn_server(f.turn[0]))->silent = true;
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_failed));
    assert_string_equal(f.relay[0].failure, "timeout");
    assert_true(ms_since(start_us) < 4000);
    turnserver_faults(udpturn_server(f.turn[0]))->silent = false;
    assert_true(until(first_ready));
}

static void a_port_where_nobody_listens_is_unreachable_at_once(void **state)
{
    int64_t start_us;

    (void)state;
    udpturn_free(f.turn[0]);
    f.turn[0] = NULL;
    for (int i = 0; i < 3; i++)
        (void)uv_run(&f.loop, UV_RUN_NOWAIT);
    start_us = udpbrowser_now_us();
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_failed));
    assert_string_equal(f.relay[0].failure, "unreachable");
    assert_true(ms_since(start_us) < 3000);
}

/* Both browsers are on both servers. The loss is found by the kernel's word, at once. */
static void killing_one_of_two_servers_needs_no_restart(void **state)
{
    int64_t start_us;
    unsigned used;

    (void)state;
    media_relays(f.media, f.conf, 2);
    assert_true(until(all_ready));
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    used = in_turn(0) >= in_turn(1) ? 0 : 1;
    udpturn_free(f.turn[used]);
    f.turn[used] = NULL;
    start_us = udpbrowser_now_us();
    f.which = used;
    assert_true(until(that_one_failed));
    assert_int_equal(f.relay[used].phase, MEDIA_RELAY_LOST);
    assert_true(ms_since(start_us) < 3000);
    f.which = 1 - used;
    assert_true(until(that_one_carries));
    assert_int_equal(f.guests[1].n_lost, 0);
    assert_int_equal(f.guests[2].n_lost, 0);
    open_server(used); /* comes back elsewhere: told, and the spare is there again */
    media_relays(f.media, f.conf, 2);
    assert_true(until(all_are_told));
    assert_true(until(all_see_and_hear));
}

static void losing_all_servers_is_told_at_once(void **state)
{
    int64_t start_us;

    (void)state;
    media_relays(f.media, f.conf, 2);
    assert_true(until(all_ready));
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    start_us = udpbrowser_now_us();
    for (unsigned i = 0; i < SERVERS; i++) {
        udpturn_free(f.turn[i]);
        f.turn[i] = NULL;
    }
    assert_true(until(all_failed));
    assert_true(until(everybody_is_lost));
    assert_true(ms_since(start_us) < 4000);
}

static void a_server_that_forgot_everything_is_asked_again(void **state)
{
    unsigned reports;

    (void)state;
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_ready));
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    reports = f.reports[0];
    turnserver_restart(udpturn_server(f.turn[0]));
    (void)join(); /* its permission is answered with 437, or nothing comes back any more */
    assert_true(until(first_failed));
    assert_true(until(first_ready));
    assert_true(f.reports[0] >= reports + 2);
    assert_true(until(all_see_and_hear));
}

/* --- outside ---------------------------------------------------------------------------------- */

static void who_is_outside_gets_no_relay_that_is_inside(void **state)
{
    char port[32];

    (void)state;
    f.conf[0].inside = true;
    f.outside = true;
    f.first = "a"; /* is not given, whatever is wished for */
    media_relays(f.media, f.conf, 2);
    assert_true(until(all_ready));
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    (void)snprintf(port, sizeof(port), " %u typ relay", f.relay[0].relayed.port);
    for (unsigned i = 1; i <= 2; i++) {
        assert_null(strstr(f.guests[i].answer, "typ host"));
        assert_null(strstr(f.guests[i].answer, "typ srflx"));
        assert_null(strstr(f.guests[i].answer, port));
        assert_non_null(strstr(f.guests[i].answer, "typ relay raddr 0.0.0.0 rport 0"));
    }
    assert_int_equal(in_turn(0), 0);
}

static bool host_is_told(void)
{
    return f.guests[1].told && strstr(f.guests[1].told, "typ host");
}

static bool relay_is_told(void)
{
    return f.guests[1].told && strstr(f.guests[1].told, "typ relay");
}

/* Nothing goes over the server any more that both were on. */
static bool first_is_quiet(void)
{
    static unsigned before;
    static int64_t since_us;

    if (in_turn(0) != before || since_us == 0) {
        before = in_turn(0);
        since_us = udpbrowser_now_us();
    }
    return ms_since(since_us) > 1500;
}

static void who_moves_gets_what_fits(void **state)
{
    (void)state;
    f.outside = true;
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_ready));
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    for (unsigned i = 1; i <= 2; i++)
        media_outside(f.space, i, false, &f.guests[i].u->local);
    assert_true(until(host_is_told));
    assert_true(until(first_is_quiet)); /* the short way is taken */
    assert_true(all_see_and_hear());
    for (unsigned i = 1; i <= 2; i++)
        media_outside(f.space, i, true, &f.guests[i].u->local);
    turnserver_restart(udpturn_server(f.turn[0])); /* a new relay: it is told now */
    str_set(&f.guests[1].told, NULL);
    assert_true(until(first_failed));
    assert_true(until(relay_is_told));
    assert_null(strstr(f.guests[1].told, "typ host"));
    assert_true(until(all_see_and_hear));
    assert_true(in_turn(0) > 0);
}

static void host_candidates_of_who_is_outside_are_passed_over(void **state)
{
    static const char host[] = "candidate:1 1 udp 2122260223 203.0.113.5 40000 typ host generation 0";
    static const char relay[] = "candidate:1 1 udp 41885439 192.0.2.9 24000 typ relay raddr 0.0.0.0 "
                                "rport 0";
    static const char name[] = "candidate:1 1 udp 2122260223 4f2e.local 40000 typ host";
    struct seat outside = { .outside = true }, inside = { 0 };
    char *sdp = str_printf("v=0\r\nm=audio 9 X 1\r\na=%s\r\na=%s\r\na=%s\r\nm=video 9 X 2\r\n"
                           "a=%s\r\n", host, relay, name, host);
    char *wanted = str_printf("v=0\r\nm=audio 9 X 1\r\na=%s\r\na=%s\r\nm=video 9 X 2\r\n", relay,
                              name);
    char *before = str_dup(sdp), cut[] = "a=candidate:1 1 udp 1 203.0.113.5 4 typ host";

    (void)state;
    assert_true(worker_seat_ignores(&outside, host));
    assert_false(worker_seat_ignores(&outside, relay));
    assert_false(worker_seat_ignores(&outside, "")); /* the end of candidates */
    assert_false(worker_seat_ignores(&outside, NULL));
    assert_false(worker_seat_ignores(&outside, "rubbish"));
    assert_false(worker_seat_ignores(&inside, host));
    worker_seat_filter(&inside, sdp);
    assert_string_equal(sdp, before);
    worker_seat_filter(&outside, sdp);
    assert_string_equal(sdp, wanted);
    worker_seat_filter(&outside, cut); /* no line end */
    assert_string_equal(cut, "");
    worker_seat_filter(&outside, cut);
    worker_seat_filter(&outside, NULL);
    free(sdp);
    free(wanted);
    free(before);
}

static bool first_is_empty(void)
{
    return turnserver_count(udpturn_server(f.turn[0])) == 0;
}

/* The relay's port, as the answer's first candidate has it; 0: none. */
static uint16_t first_relay(const struct guest *g)
{
    const char *line = strstr(g->answer, "a=candidate:");
    unsigned port = 0;

    if (!line || sscanf(line, "a=candidate:%*s 1 udp %*u 127.0.0.1 %u", &port) != 1)
        return 0;
    return (uint16_t)port;
}

static void the_relay_that_is_wanted_is_the_first(void **state)
{

    (void)state;
    media_relays(f.media, f.conf, 2);
    assert_true(until(all_ready));
    for (unsigned i = 1; i <= 4; i++) {
        f.first = i % 2 ? "a" : "b";
        (void)join();
    }
    assert_true(until(all_see_and_hear));
    for (unsigned i = 1; i <= 4; i++)
        assert_int_equal(first_relay(&f.guests[i]), f.relay[i % 2 ? 0 : 1].relayed.port);
}

static bool first_answered(void)
{
    return f.guests[1].answer != NULL;
}

static void a_guest_who_comes_before_the_relay_is_told_of_it_later(void **state)
{
    (void)state;
    turnserver_faults(udpturn_server(f.turn[0]))->silent = true;
    media_relays(f.media, f.conf, 1);
    (void)join();
    (void)join();
    assert_true(until(first_answered));
    assert_null(strstr(f.guests[1].answer, "a=candidate"));
    assert_null(strstr(f.guests[1].answer, "a=end-of-candidates"));
    turnserver_faults(udpturn_server(f.turn[0]))->silent = false;
    assert_true(until(all_see_and_hear));
    assert_int_equal(f.guests[1].n_told, 1);
}

static void what_is_not_wanted_any_more_is_given_back(void **state)
{
    (void)state;
    media_relays(f.media, f.conf, 2);
    assert_true(until(all_ready));
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    media_relays(f.media, &f.conf[1], 1);
    assert_true(until(first_is_empty));
    assert_true(until(first_failed)); /* whoever had it hears so */
    assert_string_equal(f.relay[0].failure, "gone");
    assert_true(until(all_see_and_hear));
    assert_int_equal(f.guests[1].n_lost, 0);
    media_relays(f.media, NULL, 0);
    assert_true(until(everybody_is_lost));
}

static void new_credentials_leave_the_running_allocation_alone(void **state)
{
    const struct turnserver_stats *st = turnserver_stats(udpturn_server(f.turn[0]));
    unsigned reports;

    (void)state;
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_ready));
    reports = f.reports[0];
    (void)str_copy(f.conf[0].username, sizeof(f.conf[0].username), "later");
    media_relays(f.media, f.conf, 1);
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    assert_int_equal(f.reports[0], reports);
    assert_int_equal(st->allocates, 1);
    turnserver_username(udpturn_server(f.turn[0]), "later");
    turnserver_restart(udpturn_server(f.turn[0]));
    (void)join();
    assert_true(until(first_failed));
    assert_true(until(first_ready)); /* with the new ones */
    assert_true(until(all_see_and_hear));
}

static void nobody_comes_to_a_draining_server_and_who_is_there_stays(void **state)
{
    char port[32];

    (void)state;
    media_relays(f.media, f.conf, 1);
    assert_true(until(first_ready));
    (void)join();
    (void)join();
    assert_true(until(all_see_and_hear));
    f.conf[0].draining = true;
    media_relays(f.media, f.conf, 2);
    assert_true(until(all_ready));
    (void)join();
    assert_true(until(all_see_and_hear));
    assert_int_equal(f.guests[1].n_lost, 0);
    (void)snprintf(port, sizeof(port), " %u typ relay", f.relay[0].relayed.port);
    assert_non_null(strstr(f.guests[1].answer, port));
    assert_null(strstr(f.guests[3].answer, port));
}

static void the_engine_may_end_in_the_middle_of_everything(void **state)
{
    (void)state;
    media_relays(f.media, f.conf, 2);
    (void)join();
    (void)join();
    media_relays(f.media, f.conf, 1);
    media_free(f.media);
    f.media = NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(guests_meet_over_a_relay_and_learn_nothing_of_the_inside),
        T(a_wrong_password_is_named_at_once_and_a_right_one_mends_it),
        T(without_udp_it_goes_over_tcp),
        T(a_server_that_nobody_answers_for_is_named_within_3_s),
        T(a_port_where_nobody_listens_is_unreachable_at_once),
        T(killing_one_of_two_servers_needs_no_restart),
        T(losing_all_servers_is_told_at_once),
        T(a_server_that_forgot_everything_is_asked_again),
        T(the_relay_that_is_wanted_is_the_first),
        T(a_guest_who_comes_before_the_relay_is_told_of_it_later),
        T(what_is_not_wanted_any_more_is_given_back),
        T(new_credentials_leave_the_running_allocation_alone),
        T(nobody_comes_to_a_draining_server_and_who_is_there_stays),
        T(who_is_outside_gets_no_relay_that_is_inside),
        T(who_moves_gets_what_fits),
        T(host_candidates_of_who_is_outside_are_passed_over),
        T(the_engine_may_end_in_the_middle_of_everything),
    };
    return cmocka_run_group_tests_name("callbridge relay", tests, NULL, NULL);
}
