/* SPDX-License-Identifier: Apache-2.0
 * Findings: what becomes one, which is worse, and what is only a consequence. */
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "cm.h"
#include "doctor.h"

static struct doctor_list list;

static void say(const char *id, const char *result, const char *subject, const char *observed,
                const char *from)
{
    struct doctor_said s = { .id = id, .result = result, .subject = subject,
                             .observed = observed, .from = from };

    assert_true(doctor_add(&list, &s));
}

/* The same of a zone. */
static void say_zone(const char *id, const char *zone, const char *subject, const char *observed)
{
    struct doctor_said s = { .id = id, .result = "error", .subject = subject, .zone = zone,
                             .observed = observed, .from = "edge expe" };

    assert_true(doctor_add(&list, &s));
}

static const struct doctor_finding *of(const char *id)
{
    for (size_t i = 0; i < list.n; i++)
        if (str_eq(list.items[i]->row->id, id))
            return list.items[i];
    fail_msg("there is no finding %s", id);
    return NULL;
}

static void assert_verdict(const char *id, enum doctor_verdict v)
{
    assert_int_equal(of(id)->verdict, v);
}

static int forget(void **state)
{
    (void)state;
    doctor_fini(&list);
    return 0;
}

static void the_same_from_two_daemons_is_one(void **state)
{
    (void)state;
    say("WB-1", "error", "a 1", "refused", "inside callbridge");
    say("WB-1", "error", "a 1", "refused", "inside callbridge");
    say("WB-1", "error", "b 1", "refused", "inside callbridge");
    say("WB-1", "error", "c 1", "timeout", "inside callbridge");
    doctor_settle(&list);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.items[0]->n_subjects, 2);
    assert_int_equal(list.items[0]->n_from, 1);
    assert_int_equal(doctor_count(&list, DOCTOR_ERROR), 2);
}

static void an_unknown_id_of_a_newer_daemon_is_left_out(void **state)
{
    struct doctor_said s = { .id = "NEW-1", .result = "error" }, none = { .result = "error" };

    (void)state;
    assert_false(doctor_add(&list, &s));
    assert_false(doctor_add(&list, &none));
    assert_int_equal(list.n, 0);
}

static void an_unknown_result_counts_as_not_tested(void **state)
{
    (void)state;
    say("WB-1", "terrible", "a", "", "x");
    assert_verdict("WB-1", DOCTOR_NOT_TESTED);
}

static void a_row_limits_how_bad_it_is(void **state)
{
    (void)state;
    say("TRN-15", "error", "a", "", "x");
    assert_verdict("TRN-15", DOCTOR_WARNING);
}

static void a_consequence_of_the_same_thing_is_not_tested(void **state)
{
    (void)state;
    say("CRT-2", "error", "web.example", "made for others", "inside webbridge");
    say("WB-1", "error", "web.example 192.0.2.1:443", "name mismatch", "inside callbridge");
    say("WB-1", "error", "other.example 192.0.2.2:443", "connect failure", "inside callbridge");
    doctor_settle(&list);
    for (size_t i = 0; i < list.n; i++) {
        const struct doctor_finding *f = list.items[i];
        bool hidden = f->n_subjects && str_starts(f->subjects[0], "web.example ");

        assert_int_equal(f->verdict, hidden ? DOCTOR_NOT_TESTED : DOCTOR_ERROR);
        assert_ptr_equal(f->cause, hidden ? doctor_row("CRT-2") : NULL);
    }
    assert_int_equal(doctor_count(&list, DOCTOR_ERROR), 2);
}

static void a_consequence_of_a_consequence_has_the_first_cause_alone(void **state)
{
    (void)state;
    say("TRN-10", "error", "s 1", "", "x");
    say("TRN-1", "error", "s 1", "", "x");
    say("TRN-13", "error", "s 1", "", "x");
    doctor_settle(&list);
    assert_verdict("TRN-13", DOCTOR_ERROR);
    assert_verdict("TRN-1", DOCTOR_NOT_TESTED);
    assert_verdict("TRN-10", DOCTOR_NOT_TESTED);
    assert_int_equal(doctor_count(&list, DOCTOR_ERROR), 1);
}

static void a_warning_is_no_cause_and_a_good_one_stays_good(void **state)
{
    (void)state;
    say("TRN-13", "warning", "s 1", "over TCP", "x");
    say("TRN-1", "error", "s 1", "refused", "x");
    say("TRN-10", "ok", "s 1", "", "x");
    doctor_settle(&list);
    assert_verdict("TRN-13", DOCTOR_WARNING);
    assert_verdict("TRN-1", DOCTOR_ERROR);
    assert_verdict("TRN-10", DOCTOR_OK);
}

static void without_the_mark_any_error_of_the_id_is_the_cause(void **state)
{
    (void)state;
    say("DNS-2", "error", "web.example", "a loop", "inside expc");
    say("HT-3", "error", "other.example", "no web bridge", "edge expe");
    doctor_settle(&list);
    assert_verdict("HT-3", DOCTOR_NOT_TESTED);
}

static void what_a_zone_has_hides_what_is_seen_through_it_and_nothing_of_another(void **state)
{
    (void)state;
    say_zone("TUN-2", "Zone A", "Zone A edge1.example", "credentials");
    say_zone("HT-3", "Zone A", "a.example", "no answer in time");
    say_zone("HT-1", "Zone B", "b.example", "Bad Request"); /* "Zone" is a word of both */
    say("HT-3", "error", "web.example 192.0.2.1:8444", "connection refused", "inside expc");
    doctor_settle(&list);
    for (size_t i = 0; i < list.n; i++) {
        const struct doctor_finding *f = list.items[i];

        assert_int_equal(f->verdict, str_eq(f->observed, "no answer in time") ? DOCTOR_NOT_TESTED
                                                                              : DOCTOR_ERROR);
    }
    assert_ptr_equal(of("HT-1")->cause, NULL);
    assert_int_equal(doctor_count(&list, DOCTOR_ERROR), 3);
}

static void the_same_in_two_zones_is_two(void **state)
{
    (void)state;
    say_zone("TUN-1", "Zone A", "Zone A", "no expc has connected");
    say_zone("TUN-1", "Zone B", "Zone B", "no expc has connected");
    say_zone("TUN-3", "Zone B", "Zone B", "subjectName");
    doctor_settle(&list);
    assert_int_equal(list.n, 3);
    assert_int_equal(doctor_count(&list, DOCTOR_ERROR), 2);
    assert_int_equal(of("TUN-1")->verdict, DOCTOR_ERROR); /* that of Zone A */
    assert_string_equal(of("TUN-1")->zone, "Zone A");
}

/* A certificate of the web bridge is of no zone, the page that does not come is. */
static void a_cause_without_a_zone_goes_by_the_subject(void **state)
{
    (void)state;
    say("CRT-2", "error", "web.example", "made for others", "inside webbridge");
    say_zone("HT-3", "Zone A", "web.example", "certificate");
    doctor_settle(&list);
    assert_verdict("HT-3", DOCTOR_NOT_TESTED);
}

static void they_come_in_the_order_of_the_guests_way(void **state)
{
    size_t n, last = 0;
    const struct doctor_row *rows = doctor_rows(&n);

    (void)state;
    say("TRN-1", "error", "s", "", "x");
    say("DNS-1", "ok", "a", "", "x");
    say("WB-1", "ok", "b", "", "x");
    say("WB-1", "error", "c", "", "x");
    say("CRT-1", "warning", "d", "", "x");
    doctor_settle(&list);
    for (size_t i = 0; i < list.n; i++) {
        size_t at = (size_t)(list.items[i]->row - rows);

        assert_true(at >= last);
        last = at;
    }
    assert_int_equal(of("WB-1")->verdict, DOCTOR_ERROR); /* the worst first */
}

/* A loop would hide everything that is in it, and nobody would be told of the cause. */
static void needs_lead_to_ids_of_the_table_and_never_round(void **state)
{
    size_t n;
    const struct doctor_row *rows = doctor_rows(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        struct doctor_choice one = { .rows = { &rows[i] }, .n = 1 }, all;
        char *needs = str_dup(rows[i].needs), *at = needs, *id;

        while ((id = strsep(&at, " ")) != NULL) {
            size_t len = strlen(id);

            if (len > 0 && id[len - 1] == '=')
                id[len - 1] = '\0';
            assert_true(len == 0 || doctor_row(id));
        }
        free(needs);
        doctor_choice_close(&one, &all);
        for (size_t k = 1; k < all.n; k++) {
            struct doctor_choice back = { .rows = { all.rows[k] }, .n = 1 }, from_there;

            doctor_choice_close(&back, &from_there);
            assert_false(doctor_chosen(&from_there, &rows[i]));
        }
    }
}

static void a_choice_knows_ids_in_any_case(void **state)
{
    struct doctor_choice c = { .n = 0 };

    (void)state;
    assert_true(doctor_chosen(&c, doctor_row("WB-1"))); /* none: all */
    assert_true(doctor_choose(&c, "wb-1"));
    assert_true(doctor_choose(&c, "WB-1"));
    assert_false(doctor_choose(&c, "wb-77"));
    assert_int_equal(c.n, 1);
    assert_true(doctor_chosen(&c, doctor_row("WB-1")));
    assert_false(doctor_chosen(&c, doctor_row("WB-2")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_same_from_two_daemons_is_one, forget),
        cmocka_unit_test_teardown(an_unknown_id_of_a_newer_daemon_is_left_out, forget),
        cmocka_unit_test_teardown(an_unknown_result_counts_as_not_tested, forget),
        cmocka_unit_test_teardown(a_row_limits_how_bad_it_is, forget),
        cmocka_unit_test_teardown(a_consequence_of_the_same_thing_is_not_tested, forget),
        cmocka_unit_test_teardown(a_consequence_of_a_consequence_has_the_first_cause_alone, forget),
        cmocka_unit_test_teardown(a_warning_is_no_cause_and_a_good_one_stays_good, forget),
        cmocka_unit_test_teardown(without_the_mark_any_error_of_the_id_is_the_cause, forget),
        cmocka_unit_test_teardown(
            what_a_zone_has_hides_what_is_seen_through_it_and_nothing_of_another, forget),
        cmocka_unit_test_teardown(the_same_in_two_zones_is_two, forget),
        cmocka_unit_test_teardown(a_cause_without_a_zone_goes_by_the_subject, forget),
        cmocka_unit_test_teardown(they_come_in_the_order_of_the_guests_way, forget),
        cmocka_unit_test(needs_lead_to_ids_of_the_table_and_never_round),
        cmocka_unit_test(a_choice_knows_ids_in_any_case),
    };

    return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
