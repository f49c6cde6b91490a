/* SPDX-License-Identifier: Apache-2.0
 * Relay candidates: guests who are reached over relays alone, and relays that come and go while
 * media runs. */
#include <stdlib.h>
#include <string.h>

#include "cm.h"
#include "meeting.h"

#define FIRST "203.0.113.1:24000"
#define SECOND "203.0.113.2:24000"
#define THIRD "203.0.113.3:24000"

static struct meeting m;
static struct peer_local relays[2];

static int setup(void **state)
{
    (void)state;
    meeting_start(&m, 7);
    simnet_set_link(m.net, (struct simnet_link){ .delay_us = 10000 });
    relays[0] = meeting_relay(&m, FIRST);
    relays[1] = meeting_relay(&m, SECOND);
    m.locals = relays;
    m.n_locals = 2;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    meeting_end(&m);
    return 0;
}

static uint8_t path_in_use(const struct guest *g)
{
    struct sfu_stats st;

    sfu_stats(g->part, &st);
    for (unsigned i = 0; i < m.n_relays; i++) {
        if (addr_eq(&st.peer.local, &m.relays[i]))
            return (uint8_t)(i + 1);
    }
    return 0;
}

/* Guest 1 sees guest 2. */
static bool sees_two(void *arg)
{
    (void)arg;
    return browser_shows(m.guests[1].browser, true, 2, meeting_now(&m)) != NULL;
}

static void the_answer_names_relays_and_nothing_of_the_inside(void **state)
{
    struct guest *g;
    char err[PEER_ERROR_MAX], *offer, *answer;

    (void)state;
    g = meeting_join(&m, NULL);
    assert_true(meeting_until(&m, 5000, meeting_connected));
    offer = browser_offer(g->browser);
    answer = sfu_offer(g->part, meeting_now(&m), offer, err);
    assert_non_null(strstr(answer, "203.0.113.1 24000 typ relay raddr 0.0.0.0 rport 0"));
    assert_non_null(strstr(answer, "203.0.113.2 24000 typ relay raddr 0.0.0.0 rport 0"));
    assert_null(strstr(answer, "192.0.2.1"));
    assert_null(strstr(answer, "typ host"));
    assert_null(strstr(answer, "end-of-candidates"));
    free(offer);
    free(answer);
}

static void losing_the_relay_in_use_costs_neither_frames_nor_a_restart(void **state)
{
    struct guest *g;
    uint8_t path;
    uint64_t broken = 0;

    (void)state;
    g = meeting_join(&m, NULL);
    (void)meeting_join(&m, NULL);
    assert_true(meeting_until(&m, 5000, meeting_connected));
    assert_true(meeting_until(&m, 5000, sees_two));
    meeting_run_ms(&m, 60000);
    for (unsigned i = 0; i < BROWSER_MLINES; i++)
        broken += g->browser->slots[i].broken;
    path = path_in_use(g);
    assert_int_not_equal(path, 0);
    for (unsigned i = 1; i <= 2; i++)
        sfu_del_path(m.guests[i].part, meeting_now(&m), path);
    assert_int_equal(path_in_use(g), 3 - path);
    meeting_run_ms(&m, 400);
    assert_true(sees_two(NULL));
    meeting_run_ms(&m, 20000);
    assert_true(sees_two(NULL));
    assert_int_equal(g->n_paths, 0); /* nobody was asked for a restart */
    for (unsigned i = 0; i < BROWSER_MLINES; i++)
        broken -= g->browser->slots[i].broken;
    assert_int_equal(broken, 0);
}

static void losing_the_last_relay_is_told_at_once(void **state)
{
    struct guest *g;

    (void)state;
    g = meeting_join(&m, NULL);
    assert_true(meeting_until(&m, 5000, meeting_connected));
    sfu_del_path(g->part, meeting_now(&m), 1);
    assert_false(g->path_lost);
    sfu_del_path(g->part, meeting_now(&m), 2);
    assert_true(g->path_lost);
    assert_int_equal(g->n_paths, 1);
}

static bool two_is_back(void *arg)
{
    (void)arg;
    return !m.guests[1].path_lost && sees_two(NULL);
}

static void a_relay_that_comes_later_is_told_and_carries(void **state)
{
    struct guest *g;
    struct peer_local third;

    (void)state;
    g = meeting_join(&m, NULL);
    (void)meeting_join(&m, NULL);
    assert_true(meeting_until(&m, 5000, sees_two));
    third = meeting_relay(&m, THIRD);
    for (uint8_t path = 1; path <= 2; path++)
        sfu_del_path(g->part, meeting_now(&m), path);
    assert_int_equal(sfu_add_local(g->part, meeting_now(&m), &third), 0);
    assert_int_equal(g->n_candidates, 1);
    assert_true(meeting_until(&m, 2000, two_is_back));
    assert_int_equal(path_in_use(g), 3);
}

static void a_page_loaded_anew_gets_the_relays_of_now(void **state)
{
    struct guest *g;
    struct peer_local third;

    (void)state;
    g = meeting_join(&m, NULL);
    assert_true(meeting_until(&m, 5000, meeting_connected));
    third = meeting_relay(&m, THIRD);
    for (uint8_t path = 1; path <= 2; path++)
        sfu_del_path(g->part, meeting_now(&m), path);
    assert_int_equal(sfu_add_local(g->part, meeting_now(&m), &third), 0);
    meeting_reload(g);
    assert_true(meeting_until(&m, 5000, meeting_connected));
    assert_int_equal(path_in_use(g), 3);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_answer_names_relays_and_nothing_of_the_inside),
        T(losing_the_relay_in_use_costs_neither_frames_nor_a_restart),
        T(losing_the_last_relay_is_told_at_once),
        T(a_relay_that_comes_later_is_told_and_carries),
        T(a_page_loaded_anew_gets_the_relays_of_now),
    };
    return cmocka_run_group_tests_name("sfu paths", tests, NULL, NULL);
}
