/* SPDX-License-Identifier: Apache-2.0
 * Real busd, config, web bridges and callbridges as child processes on loopback, certificates of a
 * CA of the test, and a page that sees whether joining is offered.
 *
 * Everything that goes wrong in the fixture itself aborts the test with a sentence. */
#ifndef TESTS_LINK_LINKFIX_H
#define TESTS_LINK_LINKFIX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <confix.h>
#include <pki/pki.h>

#include "relay.h"
#include "wsclient.h"

#define LINKFIX_NAME "web.example"

enum { LINKFIX_EACH = 2, LINKFIX_PATIENCE_MS = 15000 };

struct linkfix_page {
    struct wsclient *c;
    bool welcomed, ended, join;
    char reason[200];
};

struct linkfix {
    struct confix conf;
    uv_loop_t *loop;
    char *dir, *pki;          /* state directory, and pki/ in it */
    struct pki_pair ca;
    uint16_t port[LINKFIX_EACH];
    pid_t web[LINKFIX_EACH], call[LINKFIX_EACH];
    struct relay *relay;      /* between the record of LINKFIX_NAME and web bridge 0 */
    struct linkfix_page page; /* at web bridge 0 */
};

/* Starts busd, config and web bridge 0; the configured URL is https://web.example, which leads
 * through the relay to it. Certificates are good ones, the trust bundle has the callbridge's. */
void linkfix_open(struct linkfix *f);

/* Ends everything; the daemons must end with 0. */
void linkfix_close(struct linkfix *f);

void linkfix_web_start(struct linkfix *f, unsigned i);
void linkfix_call_start(struct linkfix *f, unsigned i);

/* Sends a signal and waits for the end. */
void linkfix_kill(pid_t *pid, int signum);

/* --- files ------------------------------------------------------------------------------------ */

/* Writes pki/<stem>.crt and .key for a name, made `age_s` ago for 30 days, by the CA of the test;
 * `by` NULL: by itself. */
void linkfix_cert(struct linkfix *f, const char *stem, const char *name, int64_t age_s,
                  const struct pki_pair *by);

/* The trust bundle is now the certificate pki/<stem>.crt; NULL: an empty file. */
void linkfix_trust(struct linkfix *f, const char *stem);

/* Writes a text into a file of pki/, or takes it away (NULL). */
void linkfix_file(struct linkfix *f, const char *name, const char *text);

/* Reads a file of pki/. Owner: the caller. */
char *linkfix_read(const struct linkfix *f, const char *name);

/* --- configuration ---------------------------------------------------------------------------- */

void linkfix_url(struct linkfix *f, const char *url);
void linkfix_record(struct linkfix *f, const char *name, const char *addresses);

/* The record of LINKFIX_NAME leads through the relay again. */
void linkfix_record_relay(struct linkfix *f);

/* --- what is seen ----------------------------------------------------------------------------- */

/* Proven links, as the daemon's metrics count them ("callbridge-1"). */
int linkfix_links(const struct linkfix *f, const char *daemon);

/* What a daemon has logged. Owner: the caller. */
char *linkfix_log(const struct linkfix *f, const char *daemon);

/* True when the daemon has an open fault of this type whose text has this in it. */
bool linkfix_fault(const struct linkfix *f, const char *daemon, const char *type, const char *text);

/* Each waits and fails the test after LINKFIX_PATIENCE_MS. */
void linkfix_wait_links(struct linkfix *f, const char *daemon, int count);
void linkfix_wait_fault(struct linkfix *f, const char *daemon, const char *type, const char *text);
void linkfix_wait_no_fault(struct linkfix *f, const char *daemon, const char *type);
void linkfix_wait_join(struct linkfix *f, bool possible);
void linkfix_wait_log(struct linkfix *f, const char *daemon, const char *text);

/* How long the last wait took. */
int64_t linkfix_took_ms(void);

/* The page at web bridge 0, whose welcome linkfix_wait_join() watches. */
void linkfix_page_open(struct linkfix *f);
void linkfix_page_close(struct linkfix *f);

#endif
