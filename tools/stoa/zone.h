/* SPDX-License-Identifier: Apache-2.0
 * stoa zone: what its subcommands share. A zone joins the inside site to an edge: the edge makes it
 * and a join file (add), the inside takes the file (join); see docs/decisions/014. */
#ifndef STOA_ZONE_H
#define STOA_ZONE_H

#include <zone.pb-c.h>

#include "config_rows.h"
#include "said.h"
#include "zone_file.h"

enum { ZONE_NAMES_MAX = 16, ZONE_PAIR_S = 24 * 3600 };

/* --- one invocation --------------------------------------------------------------------------- */

struct zone_job {
    struct config_site site;    /* whose ctx is that of the site the subcommand belongs to */
    struct said said;
    const char *name, *word;    /* what stands after the subcommand; NULL: nothing */
    const char *address, *user; /* add */
    const char *file, *ca;
    const char *password_file;
    const char *subjects[ZONE_NAMES_MAX];
    size_t n_subjects;
    long port;                  /* 0: that of the site */
    bool replace, force, no_wait;
};

/* zone_add.c: a password of --password-file, or a random one, in `out` of PASSWORD_SIZE bytes; and
 * what the edge keeps of one. Owner: the caller. */
int zone_new_password(const struct zone_job *j, char *out);
char *zone_verifier(const char *password);

int zone_add(struct zone_job *j);
int zone_join(struct zone_job *j);
int zone_delete(struct zone_job *j);
int zone_trust(struct zone_job *j);
int zone_password(struct zone_job *j);
int zone_uri(struct zone_job *j);

/* zone_uri.c: appends the guest account client URIs of the inside site to an array; that of webProxy
 * is the first, if there is one (*main). Returns STOA_OK or STOA_FAILED. */
int zone_uris(struct config_site *s, json_t *uris, bool *main);

/* zone_pages.c: asks every daemon of a role (expc, expe) for its zones. Returns how many there are; `fn`
 * is called for those that answer, its arguments are valid for the call. */
typedef void (*zone_status_fn)(void *arg, const Stoa__Zone__V1__ZoneStatusReply *reply,
                               const char *instance);
size_t zone_ask(struct ask *ask, const char *role, zone_status_fn fn, void *arg);

/* zone_pages.c: the guide's pages of the zones of one site, or of one of them (name NULL: all).
 * With `json` they are appended to it as one object. *up gets false when something is not Active;
 * it is not touched otherwise. Returns STOA_OK or STOA_FAILED. */
int zone_pages(struct config_site *s, const char *name, json_t *json, bool *up);

/* The pages of every site that is there, or of the one that --site names. Returns the exit code:
 * STOA_FAILED also while something is not Active. */
int zone_show(const struct stoa_ctx *ctx, const char *name);

#endif
