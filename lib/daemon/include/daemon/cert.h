/* SPDX-License-Identifier: Apache-2.0
 * Certificate and key of a server: checked before use, looked at every few seconds, taken over when
 * they change. What is connected keeps what it began with. */
#ifndef DAEMON_CERT_H
#define DAEMON_CERT_H

#include <base/attr.h>
#include <base/str.h>

struct daemon;
struct daemon_cert;

struct daemon_cert_opts {
    const char *name;      /* below pki/, for the status: "webbridge.crt" */
    const char *cert_path, *key_path;
    const char *fault;     /* type of the fault while a new pair cannot be used */
    /* Uses the pair that is in the files now for new connections; it has been checked.
     * Errors: negative errno, the old pair stays in use; `why` says it in a sentence. */
    int (*use)(void *arg, struct str *why);
    void *arg;
};

/* Watches a pair that is in use. Strings are copied. Owner: the caller, ends before the daemon. */
struct daemon_cert *daemon_cert_new(struct daemon *d, const struct daemon_cert_opts *opts);

/* Takes over the files now, changed or not (SIGHUP). */
void daemon_cert_reload(struct daemon_cert *c);

/* Stops watching and sets `*c` to NULL; NULL is fine. */
void daemon_cert_free(struct daemon_cert **c);

/* Checks a pair: readable, belonging together, valid now. Errors: -EACCES, `why` says it in a
 * sentence. */
int daemon_cert_check(const char *cert_path, const char *key_path, struct str *why) MUST_USE;

#endif
