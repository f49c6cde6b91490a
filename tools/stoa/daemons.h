/* SPDX-License-Identifier: Apache-2.0
 * The running daemons of a site, and what they say about themselves. */
#ifndef STOA_DAEMONS_H
#define STOA_DAEMONS_H

#include <stdbool.h>
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

/* Returns the list of a connection, which follows who comes and goes whenever its loop runs.
 * Owner: the connection. */
const struct daemons *daemons_live(struct ask *ask);

/* The same as a copy that does not change. Owner: `out` is the caller's, ends with
 * daemons_fini(). */
void daemons_find(struct ask *ask, struct daemons *out);
void daemons_fini(struct daemons *d);

/* Walks the instances of a role: `size_t it = 0; while ((id = daemons_next(d, "webbridge", &it)))`.
 */
const char *daemons_next(const struct daemons *d, const char *role, size_t *it);

/* Asks one instance how it is. Returns NULL when it does not answer.
 * Owner: `instance` is not looked at once the loop runs: a list may change under it. The status
 *        points into `reply`, which the caller ends with ask_reply_fini() in both cases. */
const Stoa__Admin__V1__Status *daemons_status(struct ask *ask, const char *role,
                                              const char *instance, struct ask_reply *reply);

/* Tells one instance to read its files again. */
enum bus_code daemons_reload(struct ask *ask, const char *role, const char *instance);

enum daemons_verdict { DAEMONS_NOT_YET, DAEMONS_DONE, DAEMONS_REFUSED };

/* Judges one daemon. */
typedef enum daemons_verdict (*daemons_judge_fn)(const Stoa__Admin__V1__Status *s, void *arg);

/* Asks every instance of a role again and again until all of them have done it; one that ends
 * meanwhile does not count, one that comes does. With `reload` they are told to read their files
 * first.
 * Errors: -ESRCH none runs; -ECANCELED one refuses; -ETIMEDOUT. */
int daemons_wait(struct ask *ask, const char *role, bool reload, daemons_judge_fn judge,
                 void *arg) MUST_USE;

/* The text of its open fault of a type, or NULL. */
const char *daemons_fault(const Stoa__Admin__V1__Status *s, const char *type);

/* The certificate that it uses from a file below pki/, or NULL when it does not say. */
const Stoa__Admin__V1__CertificateInUse *daemons_cert(const Stoa__Admin__V1__Status *s,
                                                      const char *file);

#endif
