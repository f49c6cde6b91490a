/* SPDX-License-Identifier: Apache-2.0
 * One line of results: "name value, ..." for people, or a JSON object. */
#ifndef BENCH_TURN_REPORT_H
#define BENCH_TURN_REPORT_H

#include <stdbool.h>

#include <base/str.h>

struct report {
    bool json;
    struct str text;
};

void report_text(struct report *r, const char *name, const char *value);
void report_num(struct report *r, const char *name, double value, int decimals);

/* Prints the line and empties the report. */
void report_print(struct report *r);

#endif
