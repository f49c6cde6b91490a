/* SPDX-License-Identifier: Apache-2.0
 * The CURVE keys of a site's bus: one certificate per role. */
#ifndef BUS_KEYS_H
#define BUS_KEYS_H

#include <stddef.h>

#include <base/attr.h>

/* Switches czmq's own signal handlers off and starts it. Called by all of lib/bus; a program that
 * uses czmq beside it calls it first. Repeating it does no harm. */
void bus_czmq_init(void);

/* The roles of a site ("inside", "edge"), NULL-terminated, "busd" and "admin" among them; NULL for
 * an unknown site. */
const char *const *bus_site_roles(const char *site);

/* Creates the missing certificates of a site in `dir` (made with mode 0700 if absent).
 * Shape:  <role>.key (secret, 0600) and <role>.pub per role, with role and site as metadata; copies
 *         of the public ones in dir/allowed, the directory busd accepts keys from.
 * Errors: -EINVAL unknown site; else of the file system. */
int bus_keys_make(const char *dir, const char *site) MUST_USE;

/* Makes the certificate of one role new, which locks out whoever has the old one after a SIGHUP of
 * busd.
 * Errors: -EINVAL unknown site, or the site has no such role; else of the file system. */
int bus_keys_renew(const char *dir, const char *site, const char *role) MUST_USE;

#endif
