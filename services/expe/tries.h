/* SPDX-License-Identifier: Apache-2.0
 * The brake against guessing zone passwords, by address (IPv6: /64). A few wrong tries are free,
 * then there is one every few seconds; it never closes for good. An address from which a
 * password was proven has a brake of its own size: whoever shares it with a guesser still gets
 * in. Time comes from the caller. */
#ifndef EXPE_TRIES_H
#define EXPE_TRIES_H

#include <stdbool.h>
#include <stdint.h>

#include <base/addr.h>

struct expe_tries;

struct expe_tries *expe_tries_new(void);
void expe_tries_free(struct expe_tries **t);

/* True when this address has to wait before its next try. */
bool expe_tries_locked(struct expe_tries *t, const struct addr *from, int64_t now_ms);

/* A wrong password, or a right one. */
void expe_tries_wrong(struct expe_tries *t, const struct addr *from, int64_t now_ms);
void expe_tries_right(struct expe_tries *t, const struct addr *from, int64_t now_ms);

#endif
