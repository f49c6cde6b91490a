/* SPDX-License-Identifier: Apache-2.0
 * Certificate, key and CA bundle of a daemon: looked at before they are installed, installed whole,
 * and done only when the daemon uses them. For `stoa cert` and the verbs of `stoa mmp`. */
#ifndef STOA_CERT_H
#define STOA_CERT_H

#include <pki/pki.h>

#include "ask.h"
#include "said.h"

/* What to install. */
struct cert_job {
    const struct stoa_ctx *ctx;
    const char *role;                /* "webbridge", "zone": cert_role_find() knows it */
    const char *key, *cert, *bundle; /* files; bundle may be NULL */
    bool force;                      /* a name that is not covered is no obstacle */
    struct said *said;               /* where each step is told */
};

/* What has a certificate, by the name of its files. */
struct cert_role {
    const char *name, *daemon; /* "zone" is a second one of expe */
    const char *site;          /* the only one that has it; NULL: both */
    const char *fault;         /* with which the daemon says that it cannot use one */
};

/* Walks them: `size_t it = 0; while ((r = cert_role_next(&it)))`. */
const struct cert_role *cert_role_next(size_t *it);

/* The one of a name, or NULL. */
const struct cert_role *cert_role_find(const char *name);

/* Returns <state>/pki/<role>.<suffix>. Owner: the caller. */
char *cert_path(const struct stoa_ctx *ctx, const char *role, const char *suffix);

/* Checks and installs; the pair before is kept as .old. Returns STOA_OK, or STOA_FAILED with
 * nothing changed. */
int cert_set(const struct cert_job *job);

/* Changes the pair in use with the one before, after the same checks. `key`, `cert` and `bundle` of
 * the job are not looked at. */
int cert_restore(const struct cert_job *job);

/* --- cert_check.c ----------------------------------------------------------------------------- */

/* What was read and is worth installing. */
struct cert_texts {
    char *key, *cert, *bundle; /* bundle: NULL without one */
    char *chain;               /* cert with the issuers that a server has to send */
    struct pki_info info;      /* of its first certificate */
};

/* Reads the files and looks at everything that can be wrong with them. `ask` NULL: the site does
 * not run, its names are not known.
 * Owner: `out` is the caller's in every case, ends with cert_texts_fini(). */
int cert_check(const struct cert_job *job, struct ask *ask, struct cert_texts *out);
void cert_texts_fini(struct cert_texts *t);

/* --- cert_files.c ----------------------------------------------------------------------------- */

enum cert_file { CERT_KEY, CERT_CRT, CERT_BUNDLE, CERT_NAMES, CERT_FILES };

/* All files of a role as texts, NULL for one that is not there: those in use and those before. */
struct cert_files {
    char *now[CERT_FILES], *old[CERT_FILES];
};

/* Reads them. Owner: `out` is the caller's in every case, ends with cert_files_fini(). */
int cert_files_load(const struct cert_job *job, struct cert_files *out);

/* Writes those that differ from what is there; the pair is complete whenever it is looked at again
 * a moment later. */
int cert_files_store(const struct cert_job *job, const struct cert_files *want,
                     const struct cert_files *have);
void cert_files_fini(struct cert_files *f);

/* Keeps others from the files of the site until cert_unlock(). Returns a file descriptor. */
int cert_lock(const struct stoa_ctx *ctx);
void cert_unlock(int fd);

/* --- cert_live.c ------------------------------------------------------------------------------ */

/* Has the running daemons of the role read their files and waits until all of them use the
 * certificate. A daemon that refuses it is a failure; none running is only said. */
int cert_take_over(const struct cert_job *job, struct ask *ask, const char *sha256);

/* Has them read their files, without waiting. `ask` NULL does nothing. */
void cert_reload(const struct cert_job *job, struct ask *ask);

/* --- cert_links.c ----------------------------------------------------------------------------- */

/* A file as it was; path NULL: nothing was changed. */
struct cert_undo {
    char *path, *text; /* text NULL: it was not there */
};

/* Web bridge and callbridge know each other by their certificates. Before one of them changes its
 * own from `old_pem` (may be NULL) to `new_pem`, the other one of this machine is made to trust the
 * new one as well.
 * Owner: `undo` is the caller's, ends with cert_links_undo(). */
int cert_links_trust(const struct cert_job *job, const char *old_pem, const char *new_pem,
                     struct cert_undo *undo);

/* Frees what is in `undo`; with `really` the file is what it was. */
void cert_links_undo(struct cert_undo *undo, bool really);

#endif
