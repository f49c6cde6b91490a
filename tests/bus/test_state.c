/* SPDX-License-Identifier: Apache-2.0
 * Replicated state through a real busd: a publisher with role config and a copy in a callbridge. */
#include <busfix.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/state.h>

#include "cm.h"

enum { WAIT_MS = 20000, ROWS = 3000 };

static struct busfix *fix;

static int set_up(void **state)
{
    (void)state;
    fix = busfix_new("inside");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    busfix_free(&fix);
    return 0;
}

/* --- the publisher: rows "space/<i>" with a number as text
 * --------------------------------------- */

static const char *const topics[] = {"site", "site-secret", NULL};

struct source {
    struct bus *bus;
    struct bus_state_pub *pub;
    uint64_t epoch, seq;
    int values[ROWS]; /* 0: no such row */
    int n_snapshots;
};

static void position(void *arg, const char *topic, uint64_t *epoch, uint64_t *seq)
{
    const struct source *s = arg;

    (void)topic;
    *epoch = s->epoch;
    *seq = s->seq;
}

static void make_row(const struct source *s, int i, char id[16], char data[16],
                     struct bus_state_row *row)
{
    (void)snprintf(id, 16, "%d", i);
    (void)snprintf(data, 16, "%d", s->values[i]);
    *row = (struct bus_state_row){.kind = "space", .id = id};
    if (s->values[i]) {
        row->data = data;
        row->len = strlen(data);
    }
}

static int rows(void *arg, const char *topic, bus_state_emit_fn emit, void *emit_arg)
{
    struct source *s = arg;
    struct bus_state_row row;
    char id[16], data[16];

    s->n_snapshots++;
    for (int i = 0; i < ROWS && strcmp(topic, "site") == 0; i++) {
        make_row(s, i, id, data, &row);
        if (row.data)
            emit(emit_arg, &row);
    }
    return 0;
}

static void publish_from(struct source *s)
{
    struct bus_state_pub_opts opts = {
        .topics = topics, .position = position, .rows = rows, .arg = s};

    s->bus = busfix_serve(fix, "config");
    assert_int_equal(bus_state_pub_new(&s->pub, s->bus, &opts), 0);
}

static void stop_publishing(struct source *s)
{
    bus_state_pub_free(&s->pub);
    bus_free(&s->bus);
}

static void change(struct source *s, int i, int value, bool lost)
{
    struct bus_state_row row;
    char id[16], data[16];

    s->values[i] = value;
    s->seq++;
    make_row(s, i, id, data, &row);
    if (!lost)
        bus_state_pub_update(s->pub, "site", &row, 1);
}

/* --- the copy -------------------------------------------------------------------------------- */

struct copy {
    struct bus *bus;
    struct bus_state *st;
    const struct source *source;
    int applied, deleted, live, cached;
};

static void apply(void *arg, const struct bus_state_row *row)
{
    struct copy *c = arg;

    c->applied++;
    c->deleted += row->data == NULL;
}

static void on_synced(void *arg, bool live)
{
    struct copy *c = arg;

    c->live += live;
    c->cached += !live;
}

static bool equal(void *arg)
{
    const struct copy *c = arg;

    if (!bus_state_live(c->st))
        return false;
    for (int i = 0; i < ROWS; i++) {
        struct bus_state_row want;
        char id[16], data[16];
        size_t len = 0;
        const void *have;

        make_row(c->source, i, id, data, &want);
        have = bus_state_get(c->st, "space", id, &len);
        if (!have != !want.data || (have && (len != want.len || memcmp(have, want.data, len) != 0)))
            return false;
    }
    return true;
}

static void copy_from(struct copy *c, const struct source *s, const char *cache)
{
    struct bus_state_opts opts = {
        .cache_path = cache, .apply = apply, .on_synced = on_synced, .arg = c};

    *c = (struct copy){.source = s};
    c->bus = busfix_open(fix, "callbridge", NULL);
    assert_int_equal(bus_state_open(&c->st, c->bus, "site", &opts), 0);
}

static void stop_copy(struct copy *c)
{
    bus_state_close(&c->st);
    bus_free(&c->bus);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void a_copy_starts_with_a_snapshot_and_follows_updates(void **state)
{
    static struct source s;
    struct copy c;

    (void)state;
    s = (struct source){.epoch = 7, .seq = 40};
    for (int i = 0; i < ROWS; i++)
        s.values[i] = i + 1;
    publish_from(&s);
    copy_from(&c, &s, NULL);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    assert_int_equal(c.applied, ROWS);
    assert_int_equal(s.n_snapshots, 1);
    change(&s, 5, 500, false);
    change(&s, 6, 0, false);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    assert_int_equal(c.applied, ROWS + 2);
    assert_int_equal(c.deleted, 1);
    assert_int_equal(s.n_snapshots, 1);
    stop_copy(&c);
    stop_publishing(&s);
}

static void a_lost_update_is_noticed_by_the_next_one(void **state)
{
    static struct source s;
    struct copy c;

    (void)state;
    s = (struct source){.epoch = 7, .seq = 40};
    s.values[1] = 1;
    s.values[2] = 2;
    publish_from(&s);
    copy_from(&c, &s, NULL);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    change(&s, 1, 0, true); /* dropped on the way */
    change(&s, 3, 3, false);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    assert_int_equal(s.n_snapshots, 2);
    assert_int_equal(c.applied, 4); /* 1 and 2; 1 gone; 3 new */
    stop_copy(&c);
    stop_publishing(&s);
}

static void a_lost_last_update_is_noticed_by_the_position(void **state)
{
    static struct source s;
    struct copy c;

    (void)state;
    s = (struct source){.epoch = 7, .seq = 40};
    s.values[1] = 1;
    publish_from(&s);
    copy_from(&c, &s, NULL);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    change(&s, 1, 11, true);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    assert_int_equal(s.n_snapshots, 2);
    stop_copy(&c);
    stop_publishing(&s);
}

static void another_epoch_means_a_new_snapshot(void **state)
{
    static struct source s;
    struct copy c;

    (void)state;
    s = (struct source){.epoch = 7, .seq = 40};
    s.values[1] = 1;
    s.values[2] = 2;
    publish_from(&s);
    copy_from(&c, &s, NULL);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    s.epoch = 8; /* a restore */
    s.seq = 3;
    s.values[2] = 0;
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    assert_int_equal(c.deleted, 1);
    stop_copy(&c);
    stop_publishing(&s);
}

static bool live_again(void *arg)
{
    return ((struct copy *)arg)->live > 1;
}

static void the_file_brings_the_copy_back_without_a_publisher(void **state)
{
    static struct source s;
    struct copy c;
    char path[256];
    FILE *f;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/site.state", busfix_dir(fix));
    s = (struct source){.epoch = 7, .seq = 40};
    s.values[1] = 1;
    s.values[2] = 2;
    publish_from(&s);
    copy_from(&c, &s, path);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    stop_copy(&c);
    stop_publishing(&s);

    copy_from(&c, &s, path); /* config is down */
    assert_int_equal(c.applied, 2);
    assert_int_equal(c.cached, 1);
    assert_false(bus_state_live(c.st));
    s.values[2] = 0;
    s.seq++;
    publish_from(&s);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    assert_int_equal(c.deleted, 1); /* the difference only */
    assert_int_equal(c.applied, 3);
    stop_copy(&c);

    f = fopen(path, "r+");
    assert_non_null(f);
    (void)fseek(f, 20, SEEK_SET);
    (void)fputc(0xA5, f);
    (void)fputc(0x5A, f);
    (void)fclose(f);
    copy_from(&c, &s, path); /* damaged: as if there were none */
    assert_int_equal(c.cached, 0);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    stop_copy(&c);
    stop_publishing(&s);
}

static void a_copy_survives_the_death_of_busd(void **state)
{
    static struct source s;
    struct copy c;

    (void)state;
    s = (struct source){.epoch = 7, .seq = 40};
    s.values[1] = 1;
    publish_from(&s);
    copy_from(&c, &s, NULL);
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    busfix_signal(fix, SIGKILL);
    change(&s, 1, 11, false);
    busfix_start(fix);
    assert_true(busfix_run_until(fix, live_again, &c, WAIT_MS));
    assert_true(busfix_run_until(fix, equal, &c, WAIT_MS));
    stop_copy(&c);
    stop_publishing(&s);
}

static void a_topic_of_others_secrets_stays_empty(void **state)
{
    static struct source s;
    struct copy c = {.source = &s};
    struct bus_state_opts opts = {.apply = apply, .on_synced = on_synced, .arg = &c};

    (void)state;
    s = (struct source){.epoch = 7, .seq = 40};
    publish_from(&s);
    c.bus = busfix_connect(fix, "webbridge");
    assert_int_equal(bus_state_open(&c.st, c.bus, "site-secret", &opts), 0);
    busfix_run_for(fix, 700);
    assert_int_equal(c.live, 0);
    assert_int_equal(s.n_snapshots, 0);
    stop_copy(&c);
    stop_publishing(&s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_copy_starts_with_a_snapshot_and_follows_updates),
        T(a_lost_update_is_noticed_by_the_next_one),
        T(a_lost_last_update_is_noticed_by_the_position),
        T(another_epoch_means_a_new_snapshot),
        T(the_file_brings_the_copy_back_without_a_publisher),
        T(a_copy_survives_the_death_of_busd),
        T(a_topic_of_others_secrets_stays_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
