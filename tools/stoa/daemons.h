/* SPDX-License-Identifier: Apache-2.0
 * The running daemons of a site, and what they say about themselves. */
#ifndef STOA_DAEMONS_H
#define STOA_DAEMONS_H

#include <stddef.h>

#include <admin.pb-c.h>

#include "ask.h"

enum { DAEMONS_MAX = 64 };

struct daemons {
    struct {
        char *role, *instance;
    } row[DAEMONS_MAX];
    size_t count;
};

/* Finds them all, and follows who comes and goes whenever the connection's loop runs, until
 * daemons_end(). One at a time. Owner: `out` is the caller's. */
void daemons_find(struct ask *ask, struct daemons *out);
void daemons_end(struct ask *ask, struct daemons *d);

/* Walks the instances of a role: `size_t it = 0; while ((id = daemons_next(d, "webbridge", &it)))`.
 */
const char *daemons_next(const struct daemons *d, const char *role, size_t *it);

/* Asks one instance how it is. Returns NULL when it does not answer.
 * Owner: the status points into `reply`, which the caller ends with ask_reply_fini() in both
 * cases. */
const Stoa__Admin__V1__Status *daemons_status(struct ask *ask, const char *role,
                                              const char *instance, struct ask_reply *reply);

/* Tells one instance to read its files again. */
enum bus_code daemons_reload(struct ask *ask, const char *role, const char *instance);

/* The text of its open fault of a type, or NULL. */
const char *daemons_fault(const Stoa__Admin__V1__Status *s, const char *type);

/* The certificate that it uses from a file below pki/, or NULL when it does not say. */
const Stoa__Admin__V1__CertificateInUse *daemons_cert(const Stoa__Admin__V1__Status *s,
                                                      const char *file);

#endif
