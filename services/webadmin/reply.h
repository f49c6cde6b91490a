/* SPDX-License-Identifier: Apache-2.0
 * Heads of answers. Every answer carries the same security headers, errors included. */
#ifndef WEBADMIN_REPLY_H
#define WEBADMIN_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <base/str.h>

struct reply {
    int status;
    size_t length;         /* of the body */
    const char *location;  /* NULL: none */
    const char *allow;     /* with 405 */
    unsigned retry_after_s; /* 0: none */
    bool challenge;        /* with 401 */
    bool hsts, close;
};

/* Appends status line and fields. */
void reply_head(struct str *out, const struct reply *r);

#endif
