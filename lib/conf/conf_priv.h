/* SPDX-License-Identifier: Apache-2.0
 * Shared between the parts of conf. */
#ifndef CONF_PRIV_H
#define CONF_PRIV_H

#include <stddef.h>

#include <conf/conf.h>

enum {
    /* instances of one role on one machine: what fits a port base's thousand */
    CONF_NUMBER_MAX = 9,
    CONF_PORT_SPAN = 1000, /* ports that belong to a port base */
};

struct conf_known {
    const char *name, *meaning;
};

const struct conf_known *conf_known_rows(size_t *count);

/* Writes " (did you mean STOA_X?)" for the known name nearest to `name`, or "". Returns `dst`. */
const char *conf_hint(const char *name, char *dst, size_t cap);

#endif
