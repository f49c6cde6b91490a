/* SPDX-License-Identifier: Apache-2.0
 * Single settings of the site, read and written over the bus. */
#ifndef STOA_SETTINGS_H
#define STOA_SETTINGS_H

#include <base/str.h>

#include "ask.h"

/* Reads settings by name. Owner: each values[i] is the caller's; NULL while unset.
 * Errors: -EIO, with the reason in `why`; all values are NULL then. */
int settings_get(struct ask *ask, const char *const *names, char **values, size_t n,
                 struct str *why) MUST_USE;

/* Changes one; "" unsets it. Errors: -EIO, with the reason in `why`. */
int settings_set(struct ask *ask, const char *name, const char *value, struct str *why) MUST_USE;

/* The host of a URL ("https://join.example.com:8443/x" gives "join.example.com"), or NULL.
 * Owner: the caller. */
char *settings_host(const char *url);

#endif
