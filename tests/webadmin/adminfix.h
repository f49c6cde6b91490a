/* SPDX-License-Identifier: Apache-2.0
 * Real busd, config and webadmin as child processes, users made by the real `stoa user`, and HTTPS
 * requests against it. Everything that goes wrong in the fixture ends the test with a sentence. */
#ifndef TESTS_WEBADMIN_ADMINFIX_H
#define TESTS_WEBADMIN_ADMINFIX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <base/str.h>

#include "confix.h"

/* The users of a fixture. */
#define ADMIN "admin:a long password"
#define API "script:another password"
#define AUDIT "auditor:reading alone"

#define V1 "/api/v1"

struct adminfix {
    struct confix config;
    pid_t pid;     /* webadmin's; 0: not running */
    uint16_t port;
    char *cert;    /* PEM, its own CA, for localhost */
    char *log;     /* what webadmin wrote to stderr */
};

/* Starts everything and waits until webadmin answers and knows the users above. */
void adminfix_open(struct adminfix *f);
void adminfix_close(struct adminfix *f);

/* webadmin alone; stop returns its exit code, or -1 when a signal ended it. */
void adminfix_start(struct adminfix *f);
int adminfix_stop(struct adminfix *f, int signum);

/* Writes pki/webadmin.crt and .key anew. */
void adminfix_cert(struct adminfix *f);

/* Runs `stoa <args>` with `input` on its standard input (NULL: none); returns the exit code, and
 * what it wrote in a static buffer. */
int adminfix_stoa(struct adminfix *f, const char *args, const char *input, const char **out);

/* One request and its answer. */
struct call {
    const char *method;   /* NULL: GET, or POST with a form */
    const char *path;     /* as is: V1 "/turnServers" */
    const char *form;     /* body, as `curl -d` sends it; NULL: none */
    const char *user;     /* "name:password"; NULL: no credentials */
    const char *headers[3]; /* more of them, "Name: value" */

    long status;          /* 0: no answer */
    struct str head, body;
    int64_t took_ms;
};

/* Asks and waits while the loop turns. The answer is kept until call_fini(). */
void adminfix_call(struct adminfix *f, struct call *c);
void call_fini(struct call *c);

/* A field of the answer's head: "Location"; "" when it is not there. Owner: a static buffer. */
const char *call_field(const struct call *c, const char *name);

/* Asks, and fails the test unless the answer has this status and this body (NULL: any). */
void adminfix_expect(struct adminfix *f, struct call c, long status, const char *body);

/* Adds an object with POST; returns its id in `id`. */
void adminfix_add(struct adminfix *f, const char *collection, const char *form, char id[64]);

/* Opens a plain TCP connection to webadmin; the socket is the caller's. */
int adminfix_connect(const struct adminfix *f);

/* The head of answers. */
#define XML "<?xml version=\"1.0\"?>\n"
#define FAILURE(name) XML "<failureDetails><" name " /></failureDetails>"
#define PARAMETER(name, error) \
    XML "<failureDetails><parameterError parameter=\"" name "\" error=\"" error \
        "\" /></failureDetails>"

#endif
