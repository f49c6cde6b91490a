/* SPDX-License-Identifier: Apache-2.0
 * stoa cert: the certificates of the site's daemons. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pki/file.h>

#include "cert.h"
#include "cert_print.h"
#include "commands.h"
#include "daemons.h"

/* --- set and restore -------------------------------------------------------------------------- */

/* What the role has after `set`: the new texts, and as .old those of now. A callbridge's bundle is
 * also that with which it verifies web bridges: without a new one it stays. */
static struct cert_files with_new(const struct cert_job *job, const struct cert_files *have,
                                  const struct cert_texts *t)
{
    bool keeps = !t->bundle && str_eq(job->role, "callbridge");

    return (struct cert_files){
        .now = { t->key, t->chain, keeps ? have->now[CERT_BUNDLE] : t->bundle, NULL },
        .old = { have->now[CERT_KEY], have->now[CERT_CRT], have->now[CERT_BUNDLE],
                 have->now[CERT_NAMES] },
    };
}

static bool is_installed(const struct cert_files *have, const struct cert_files *want)
{
    for (size_t i = 0; i < CERT_FILES; i++)
        if (!str_eq(have->now[i], want->now[i]))
            return false;
    return true;
}

/* Writes `want`, and `have` again when the daemon will have none of it. */
static int install(const struct cert_job *job, struct ask *ask, const struct cert_files *want,
                   const struct cert_files *have, const char *sha256)
{
    struct cert_undo undo;
    int code = cert_links_trust(job, have->now[CERT_CRT], want->now[CERT_CRT], &undo);

    if (code == STOA_OK)
        code = cert_files_store(job, want, have);
    if (code == STOA_OK)
        code = cert_take_over(job, ask, sha256);
    if (code != STOA_OK && cert_files_store(job, have, want) == STOA_OK) {
        cert_reload(job, ask); /* so that its fault goes as well */
        said_warning(job->said, "%s keeps the certificate and key that it had before", job->role);
    }
    cert_links_undo(&undo, code != STOA_OK);
    return code;
}

static int set_checked(const struct cert_job *job, struct ask *ask, const struct cert_texts *t)
{
    struct cert_files have = { { NULL }, { NULL } }, want;
    int lock = cert_lock(job->ctx), code = cert_files_load(job, &have);

    if (code != STOA_OK) {
        cert_files_fini(&have);
        cert_unlock(lock);
        return code;
    }
    want = with_new(job, &have, t); /* borrows */
    if (is_installed(&have, &want)) {
        said_success(job->said, "certificate is installed already");
        code = cert_take_over(job, ask, t->info.sha256);
    } else {
        code = install(job, ask, &want, &have, t->info.sha256);
    }
    cert_files_fini(&have);
    cert_unlock(lock);
    return code;
}

int cert_set(const struct cert_job *job)
{
    struct cert_texts t = { 0 };
    struct str why = { 0 };
    struct ask *ask = NULL;
    int code;

    if (ask_try(&ask, job->ctx, &why) != 0)
        ask = NULL;
    code = cert_check(job, ask, &t);
    if (code == STOA_OK)
        code = set_checked(job, ask, &t);
    cert_texts_fini(&t);
    ask_close(&ask);
    str_fini(&why);
    return code;
}

/* The pair before becomes the pair in use, and the other way round: twice changes nothing. */
static int swap(const struct cert_job *job, struct ask *ask, const char *sha256)
{
    struct cert_files have = { { NULL }, { NULL } }, want;
    int code = cert_files_load(job, &have);

    if (code == STOA_OK) {
        memcpy(want.now, have.old, sizeof(want.now));
        memcpy(want.old, have.now, sizeof(want.old));
        code = install(job, ask, &want, &have, sha256);
    }
    cert_files_fini(&have);
    return code;
}

int cert_restore(const struct cert_job *outer)
{
    struct cert_job job = *outer;
    char *key = cert_path(job.ctx, job.role, "key.old");
    char *cert = cert_path(job.ctx, job.role, "crt.old");
    char *bundle = cert_path(job.ctx, job.role, "bundle.old");
    struct cert_texts t = { 0 };
    struct str why = { 0 };
    struct ask *ask = NULL;
    int lock = cert_lock(job.ctx), code;

    job.key = key;
    job.cert = cert;
    job.bundle = access(bundle, F_OK) == 0 ? bundle : NULL;
    job.force = true; /* it was in use; what is not covered is still told */
    if (access(key, F_OK) != 0 || access(cert, F_OK) != 0) {
        code = said_failure(job.said, "%s had no other certificate before", job.role);
    } else {
        if (ask_try(&ask, job.ctx, &why) != 0)
            ask = NULL;
        code = cert_check(&job, ask, &t);
        if (code == STOA_OK)
            code = swap(&job, ask, t.info.sha256);
    }
    cert_texts_fini(&t);
    ask_close(&ask);
    cert_unlock(lock);
    str_fini(&why);
    free(key);
    free(cert);
    free(bundle);
    return code;
}

/* --- show ------------------------------------------------------------------------------------- */

/* Says whether the running daemons use this certificate. Owner: the caller. */
static char *use_of(struct ask *ask, const struct daemons *all, const struct cert_role *role,
                    const char *sha256)
{
    const char *daemon = role->daemon;
    char *file = str_printf("%s.crt", role->name);
    unsigned running = 0, using = 0, silent = 0;
    const char *instance;
    size_t it = 0;

    while ((instance = daemons_next(all, daemon, &it))) {
        struct ask_reply reply;
        const Stoa__Admin__V1__Status *s = daemons_status(ask, daemon, instance, &reply);
        const Stoa__Admin__V1__CertificateInUse *c = s ? daemons_cert(s, file) : NULL;

        running++;
        using += c && str_eq(c->sha256, sha256);
        silent += s && !c;
        ask_reply_fini(&reply);
    }
    free(file);
    if (!running)
        return str_printf("no, %s does not run", daemon);
    if (using == running)
        return str_dup("yes");
    if (silent == running)
        return str_printf("no, %s uses no certificate at the moment", daemon);
    return str_printf("no, %s uses another one; see 'stoa status'", daemon);
}

static void show_text(const struct stoa_ctx *ctx, const char *role, const struct pki_info *info,
                      const char *use)
{
    char *names = cert_path(ctx, role, "names"), *old = cert_path(ctx, role, "crt.old");

    printf("%s\n", role);
    cert_print_text(info);
    printf("made by      %s\n", access(names, F_OK) == 0 ?
                                    "the CA of this site (./start renews it as needed)" :
                                    "an administrator (./start leaves it alone)");
    printf("in use       %s\n", use);
    if (access(old, F_OK) == 0)
        printf("before       %s ('stoa cert restore %s' goes back to it)\n", old, role);
    free(names);
    free(old);
}

static int show_role(const struct stoa_ctx *ctx, struct ask *ask, const struct daemons *all,
                     const struct cert_role *role, json_t *rows)
{
    char *path = cert_path(ctx, role->name, "crt"), *pem = NULL, *use = NULL;
    struct pki_info info = { 0 };
    struct pki_err err = { "" };
    int code = STOA_OK;

    if (pki_file_load(&pem, path, &err) != 0 ||
        pki_inspect(&info, pem, (int64_t)time(NULL), &err) != 0) {
        code = stoa_fail("%s", err.text);
    } else {
        use = ask ? use_of(ask, all, role, info.sha256) : str_dup("no, the site does not run");
        if (ctx->json) {
            json_t *row = cert_print_json(&info);

            json_object_set_new(row, "role", json_string(role->name));
            json_object_set_new(row, "site", json_string(ctx->site));
            json_object_set_new(row, "in_use", json_boolean(str_eq(use, "yes")));
            json_array_append_new(rows, row);
        } else {
            show_text(ctx, role->name, &info, use);
        }
    }
    pki_info_fini(&info);
    free(use);
    free(pem);
    free(path);
    return code;
}

/* One role of a site, or all that have a certificate there. *shown counts them. */
static int show_site(const struct stoa_ctx *ctx, const struct cert_role *only, json_t *rows,
                     size_t *shown)
{
    struct daemons all = { .count = 0 };
    const struct cert_role *role;
    struct str why = { 0 };
    struct ask *ask = NULL;
    int code = STOA_OK;
    size_t it = 0;

    if (ask_try(&ask, ctx, &why) == 0)
        daemons_find(ask, &all);
    while ((role = cert_role_next(&it))) {
        char *path = cert_path(ctx, role->name, "crt");

        if (only ? only == role : access(path, F_OK) == 0) {
            if (!ctx->json && (*shown)++)
                printf("\n");
            if (show_role(ctx, ask, &all, role, rows) != STOA_OK)
                code = STOA_FAILED;
        }
        free(path);
    }
    daemons_fini(&all);
    ask_close(&ask);
    str_fini(&why);
    return code;
}

/* Of every site of this machine that has it, or of the one that --site names. */
static int show(const struct stoa_ctx *ctx, const char *name)
{
    const struct cert_role *only = name ? cert_role_find(name) : NULL;
    json_t *rows = json_array();
    int code = STOA_OK;
    size_t shown = 0;

    if (ctx->site_given)
        code = show_site(ctx, only, rows, &shown);
    for (const char *const *site = stoa_sites(); !ctx->site_given && *site; site++) {
        struct stoa_ctx one;

        if ((!only || !only->site || str_eq(only->site, *site)) &&
            stoa_site_load(ctx, *site, &one) == STOA_OK) {
            if (stoa_site_exists(&one) && show_site(&one, only, rows, &shown) != STOA_OK)
                code = STOA_FAILED;
            stoa_site_fini(&one);
        }
    }
    if (ctx->json && code == STOA_OK)
        cert_print_value(json_incref(rows));
    else if (!ctx->json && code == STOA_OK && !shown)
        code = stoa_fail("there is no certificate in %s/pki; ./start makes them",
                         conf_state(ctx->conf));
    json_decref(rows);
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static int run_set(const struct stoa_ctx *ctx, int argc, char **argv, bool force)
{
    struct said said = { .json = ctx->json };
    struct cert_job job = { .ctx = ctx, .force = force, .said = &said };

    if (argc != 4 && argc != 5)
        return stoa_usage("set takes a role, KEY, CRT and perhaps BUNDLE");
    job.role = argv[1];
    job.key = argv[2];
    job.cert = argv[3];
    job.bundle = argc == 5 ? argv[4] : NULL;
    (void)cert_set(&job);
    return said_end(&said);
}

static int run_restore(const struct stoa_ctx *ctx, int argc, char **argv)
{
    struct said said = { .json = ctx->json };
    struct cert_job job = { .ctx = ctx, .said = &said };

    if (argc != 2)
        return stoa_usage("restore takes a role");
    job.role = argv[1];
    (void)cert_restore(&job);
    return said_end(&said);
}

/* A role of one site finds it by itself; webadmin is that of the inside unless
 * --site says other. */
static int run_change(const struct stoa_ctx *ctx, int argc, char **argv, bool force)
{
    const struct cert_role *role = argc > 1 ? cert_role_find(argv[1]) : NULL;
    struct stoa_ctx site = { 0 };
    int code = stoa_site_pick(ctx, role && role->site ? role->site : ctx->site, &site);

    if (code == STOA_OK)
        code = str_eq(argv[0], "set") ? run_set(&site, argc, argv, force) :
                                        run_restore(&site, argc, argv);
    stoa_site_fini(&site);
    return code;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    static const struct option options[] = { { "force", no_argument, NULL, 'f' }, { 0 } };
    bool force = false;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt != 'f')
            return STOA_USAGE;
        force = true;
    }
    argc -= optind;
    argv += optind;
    if (argc < 1)
        return stoa_usage("say show, set or restore");
    if (argc > 1 && !cert_role_find(argv[1]))
        return stoa_usage("\"%s\" has no certificate: say webbridge, callbridge, expc, expe, zone or "
                          "webadmin",
                          argv[1]);
    if (str_eq(argv[0], "show") && argc <= 2)
        return show(ctx, argv[1]);
    if (!str_eq(argv[0], "set") && !str_eq(argv[0], "restore"))
        return stoa_usage("say show, set or restore");
    return run_change(ctx, argc, argv, force);
}

const struct stoa_cmd cmd_cert = {
    .name = "cert",
    .args = "show [ROLE] | set ROLE KEY CRT [BUNDLE] [--force] | restore ROLE",
    .summary = "show and replace the certificates of the daemons",
    .help =
        "ROLE is webbridge, callbridge, expc, expe (external names), zone (expe's zone port) or\n"
        "webadmin; the files are PEM.\n"
        "show     who, by whom, for which names, until when, fingerprint, whether it is in use\n"
        "set      checks that key and certificate match, that the chain is in order and leads to\n"
        "         BUNDLE, that the names of the site are covered and that it is valid now; then\n"
        "         installs it and waits until the running daemons use it. Nobody is cut off: what\n"
        "         is connected keeps the certificate it began with. After a FAILURE nothing has\n"
        "         changed. Issuers that BUNDLE has and CRT lacks are sent along.\n"
        "restore  goes back to the pair before the last set; a second one comes back again\n"
        "  --force   a name that the certificate does not cover is a warning only\n"
        "Ends with 0, or with 1 after a FAILURE.\n",
    .run = run,
};
