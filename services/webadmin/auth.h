/* SPDX-License-Identifier: Apache-2.0
 * Checks names and passwords. A check takes some 50 ms by design, so it runs in a thread of libuv,
 * a few at a time; what was right is known for some minutes; guessing is slowed per client
 * address. It keeps neither users nor sockets. */
#ifndef WEBADMIN_AUTH_H
#define WEBADMIN_AUTH_H

#include <stddef.h>

#include <uv.h>

#include <base/addr.h>
#include <base/attr.h>
#include <base/list.h>

#include "limits.h"

struct auth;

enum auth_result {
    AUTH_OK,
    AUTH_WRONG,   /* name or password; which of them is not told */
    AUTH_SLOW,    /* too many tries from there: later */
    AUTH_BUSY,    /* too many checks at a time: later */
    AUTH_PENDING, /* the callback says it */
};

/* Name and password of a header. */
struct auth_login {
    char text[WA_CREDENTIALS_MAX]; /* "name:password" decoded; the ":" is NUL */
    const char *name, *password;   /* point into `text` */
};

/* Reads "Basic dXNlcjpwYXNz" (RFC 7617). Wipe the login with auth_login_fini().
 * Errors: -EINVAL another scheme, or malformed. */
int auth_login_parse(struct auth_login *out, const char *header) MUST_USE;
void auth_login_fini(struct auth_login *l);

/* One who waits. `fn` is called once, from the loop, unless auth_forget() came before. */
struct auth_wait {
    struct list node;
    void (*fn)(void *arg, enum auth_result result);
    void *arg;
};

/* Owner: the caller, ends with auth_free(). */
struct auth *auth_new(uv_loop_t *loop);

/* Forgets all who wait and waits for the checks that run (at most 0.1 s each). The loop must turn
 * once more. Sets `*a` to NULL; NULL is fine. */
void auth_free(struct auth **a);

/* Checks a login.
 * Shape:  `stored` is evp_password_hash()'s text, NULL when there is no such user: takes as long.
 *         A changed `stored` is another check; what was known of the old one counts no more.
 * Owner:  `wait` is the caller's and linked while AUTH_PENDING. */
enum auth_result auth_check(struct auth *a, struct auth_wait *wait, const struct addr *from,
                            const struct auth_login *login, const char *stored) MUST_USE;

/* Gives up waiting; does nothing when `wait` is not linked. */
void auth_forget(struct auth_wait *wait);

#endif
