/* SPDX-License-Identifier: Apache-2.0
 * A running site, that of tests/link with a TURN server beside it, and `stoa doctor` run over it as
 * an operator does. A test breaks one thing, expects one id and no other, and mends it again.
 *
 * Everything that goes wrong in the fixture itself fails the test with a sentence. */
#ifndef TESTS_DOCTOR_DOCTORFIX_H
#define TESTS_DOCTOR_DOCTORFIX_H

#include <jansson.h>

#include <linkfix.h>

/* A daemon hears of a change within seconds, on a slow machine in ten times as many. */
enum { DOCTORFIX_PATIENCE_MS = 90000 };

struct doctorfix {
    struct linkfix link;
    uint16_t base; /* STOA_PORT_BASE */
    pid_t turn;
    char turn_row[64], *out, *err;
    json_t *said;  /* of the last run */
    int code;      /* its exit code */
    bool broken;   /* a test has failed: the others would wait in vain */
};

/* Starts the site without a TURN server and waits until nothing is wrong. */
void doctorfix_open(struct doctorfix *f);
void doctorfix_close(struct doctorfix *f);

/* Starts a turn with user "turnuser", password "turnpass", and names it to the callbridge. */
void doctorfix_turn_start(struct doctorfix *f);
void doctorfix_turn_kill(struct doctorfix *f);

/* Writes pki/<stem>.crt and .key for the name of the web bridge, by the CA of the test, or `by`.
 * It is valid from `from_s` to `from_s` + `days` days, seen from now. */
void doctorfix_cert(struct doctorfix *f, const char *stem, const char *name, int64_t from_s,
                    int days, const struct pki_pair *by);

/* Runs `stoa doctor ARGS --json`; the last argument is NULL. */
void doctorfix_run(struct doctorfix *f, const char *const *args);

/* Runs it until its errors and warnings are of this id alone, with the result ("error"; NULL: any),
 * and one of them has the text; id NULL: until there are none. */
void doctorfix_expect(struct doctorfix *f, const char *id, const char *result, const char *text);

/* The finding of an id in the last run, or NULL. */
const json_t *doctorfix_finding(const struct doctorfix *f, const char *id);

/* A member of it; "" without one. */
const char *doctorfix_text(const json_t *finding, const char *member);

/* Changes the row of the TURN server: name, value, ..., NULL. */
void doctorfix_turn_set(struct doctorfix *f, const char *const *pairs);

#endif
