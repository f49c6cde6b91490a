/* SPDX-License-Identifier: Apache-2.0
 * The lines of the guide's command line: "SUCCESS: ..", "WARNING: ..", "FAILURE: ..", one for each
 * thing that was looked at or done. */
#ifndef STOA_SAID_H
#define STOA_SAID_H

#include <stdbool.h>

#include <jansson.h>

#include <base/attr.h>

/* All zero but `json` is a fresh one. */
struct said {
    bool json;     /* the lines are collected and printed by said_end() */
    json_t *lines; /* those so far, with json */
    bool failed;
};

void said_success(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void said_warning(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Returns STOA_FAILED. */
int said_failure(struct said *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prints what has been collected and returns STOA_OK, or STOA_FAILED after a failure. */
int said_end(struct said *s);

#endif
