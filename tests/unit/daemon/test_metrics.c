/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daemon/metrics.h>

#include "cm.h"

static int set_up(void **state)
{
    *state = daemon_metrics_new();
    return 0;
}

static int tear_down(void **state)
{
    daemon_metrics_free(*state);
    return 0;
}

static void assert_text(struct daemon_metrics *ms, const char *want)
{
    char *text = daemon_metrics_print(ms);

    assert_string_equal(text, want);
    free(text);
}

static void counters_of_one_name_share_a_header(void **state)
{
    struct daemon_metric *udp =
        daemon_metric_counter(*state, "stoa_x_total", "X.", "proto=\"udp\"");
    struct daemon_metric *tcp =
        daemon_metric_counter(*state, "stoa_x_total", "other", "proto=\"tcp\"");

    daemon_metric_add(udp, 2);
    daemon_metric_add(tcp, 12345678901.0);
    daemon_metric_set(daemon_metric_gauge(*state, "stoa_y", "Y.", NULL), 0.25);
    assert_text(*state, "# HELP stoa_x_total X.\n# TYPE stoa_x_total counter\n"
                        "stoa_x_total{proto=\"udp\"} 2\nstoa_x_total{proto=\"tcp\"} 12345678901\n"
                        "# HELP stoa_y Y.\n# TYPE stoa_y gauge\nstoa_y 0.25\n");
    assert_ptr_equal(udp, daemon_metric_counter(*state, "stoa_x_total", "X.", "proto=\"udp\""));
}

static void a_histogram_counts_into_every_bucket_above(void **state)
{
    struct daemon_metric *m = daemon_metric_histogram(*state, "stoa_s", "S.", "t=\"a\"");
    char *text;

    daemon_metric_observe(m, 0.003);
    daemon_metric_observe(m, 20);
    text = daemon_metrics_print(*state);
    assert_non_null(strstr(text, "# TYPE stoa_s histogram\n"));
    assert_non_null(strstr(text, "stoa_s_bucket{t=\"a\",le=\"0.0025\"} 0\n"));
    assert_non_null(strstr(text, "stoa_s_bucket{t=\"a\",le=\"0.005\"} 1\n"));
    assert_non_null(strstr(text, "stoa_s_bucket{t=\"a\",le=\"10\"} 1\n"));
    assert_non_null(strstr(text, "stoa_s_bucket{t=\"a\",le=\"+Inf\"} 2\n"));
    assert_non_null(strstr(text, "stoa_s_sum{t=\"a\"} 20.003\n"));
    assert_non_null(strstr(text, "stoa_s_count{t=\"a\"} 2\n"));
    free(text);
}

static double seven(void *arg)
{
    (void)arg;
    return 7;
}

static void a_value_can_be_read_when_asked_for(void **state)
{
    daemon_metric_read(daemon_metric_gauge(*state, "stoa_z", "Z.", NULL), seven, NULL);
    assert_text(*state, "# HELP stoa_z Z.\n# TYPE stoa_z gauge\nstoa_z 7\n");
}

static void label_values_are_escaped(void **state)
{
    char *label = daemon_metric_label("reason", "a \"b\\c\"\nd");

    (void)state;
    assert_string_equal(label, "reason=\"a \\\"b\\\\c\\\"\\nd\"");
    free(label);
}

static void labels_that_a_peer_chooses_cannot_fill_the_memory(void **state)
{
    struct daemon_metric *last = NULL;
    char *text;

    for (int i = 0; i < DAEMON_METRICS_MAX + 10; i++) {
        char labels[32];

        snprintf(labels, sizeof(labels), "p=\"%d\"", i);
        last = daemon_metric_counter(*state, "stoa_p_total", "P.", labels);
        daemon_metric_add(last, 1);
    }
    assert_true(daemon_metric_value(last) > 9);
    text = daemon_metrics_print(*state);
    assert_null(strstr(text, "p=\"1000\""));
    free(text);
}

static void add(void *arg, const char *name, const char *labels, double value)
{
    assert_string_equal(name, "stoa_a");
    assert_string_equal(labels, "");
    *(double *)arg += value;
}

static void a_walk_sees_counters_and_gauges_only(void **state)
{
    double sum = 0;

    daemon_metric_set(daemon_metric_gauge(*state, "stoa_a", "A.", NULL), 3);
    daemon_metric_observe(daemon_metric_histogram(*state, "stoa_h", "H.", NULL), 1);
    daemon_metrics_each(*state, add, &sum);
    assert_true(sum > 2.5 && sum < 3.5);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(counters_of_one_name_share_a_header),
        CASE(a_histogram_counts_into_every_bucket_above),
        CASE(a_value_can_be_read_when_asked_for),
        CASE(label_values_are_escaped),
        CASE(labels_that_a_peer_chooses_cannot_fill_the_memory),
        CASE(a_walk_sees_counters_and_gauges_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
