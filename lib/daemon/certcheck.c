/* SPDX-License-Identifier: Apache-2.0
 * Looks at the certificates that an own listener presents, one name after the other. */
#include <daemon/certcheck.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/addr.h>
#include <base/mem.h>
#include <base/str.h>
#include <pki/file.h>
#include <tls/probe.h>

#include "daemon_priv.h"

enum { PROBE_MS = 3000, WARN_DAYS = 30 };
enum { SITE_CA, BUNDLE, CA_FILES };

struct name {
    char *name, *title, *cert_path;
};

struct run {
    struct daemon_check *c;
    struct name names[DAEMON_CERTCHECK_NAMES];
    size_t n, at;
    char *ca_files[CA_FILES];
    bool site_ca_is_warning, unknown_is_warning;
    struct addr listener;
    struct tls_probe *probe;
    char *chain; /* presented for names[at] */
};

static void next(struct run *r);

static const char *subject(const struct run *r)
{
    return r->names[r->at].title ? r->names[r->at].title : r->names[r->at].name;
}

/* --- CRT-1 ------------------------------------------------------------------------------------ */

/* Whether the chain leads to one of the files; an expired one is another finding. */
static bool leads_to(const struct run *r, const struct pki_info *info, size_t file,
                     struct pki_err *err)
{
    int64_t now_s = (int64_t)time(NULL);
    char *ca = NULL;
    bool ok;

    now_s = MIN(MAX(now_s, info->not_before_s + 1), info->not_after_s - 1);
    ok = r->ca_files[file] && pki_file_load(&ca, r->ca_files[file], NULL) == 0 &&
         pki_verify(r->chain, ca, NULL, now_s, err) == 0;
    free(ca);
    return ok;
}

/* Reports a chain that browsers do not know. */
static void report_chain(struct run *r, bool warn, const char *seen)
{
    struct str fix = { 0 };

    str_addf(&fix, "Install a certificate of a public authority, with its chain: 'stoa cert set'; "
                   "or, where all who come know the authority of this one, add that to %s.",
             r->ca_files[BUNDLE]);
    daemon_check_report(r->c, warn ? DAEMON_WARNING : DAEMON_ERROR, subject(r), seen,
                        "A chain from the certificate to an authority that browsers know.", fix.s);
    str_fini(&fix);
}

static void chain_unknown(struct run *r, const struct pki_info *info)
{
    struct str seen = { 0 };

    str_addf(&seen, info->is_self_signed ? "The certificate is signed by itself: %s."
                                         : "The certificate was issued by \"%s\", which leads to "
                                           "no authority that this system or this site knows.",
             info->is_self_signed ? info->subject : info->issuer);
    report_chain(r, r->unknown_is_warning, seen.s);
    str_fini(&seen);
}

static void on_system(void *arg, const struct tls_probe_result *p)
{
    struct run *r = arg;
    struct pki_info info = { 0 };

    r->probe = NULL;
    /* Names and time are judged after the chain. */
    if (p->stage == TLS_PROBE_DONE || (p->stage == TLS_PROBE_TLS && p->end != TLS_END_CHAIN))
        daemon_check_say(r->c, DAEMON_OK, subject(r),
                         "The chain leads to an authority that this system knows.");
    else if (pki_inspect(&info, r->chain, (int64_t)time(NULL), NULL) == 0)
        chain_unknown(r, &info);
    pki_info_fini(&info);
    r->at++;
    next(r);
}

static void private_chain(struct run *r, bool warn, size_t file)
{
    if (warn)
        report_chain(r, true, "The chain leads to the authority of this site, which only those "
                              "browsers know that were told of it.");
    else
        daemon_check_say(r->c, DAEMON_OK, subject(r), "The chain leads to %s.",
                         file == SITE_CA ? "the authority of this site" : "the CA bundle");
}

static void judge_chain(struct run *r, const struct pki_info *info)
{
    struct tls_probe_opts opts = { .to = r->listener, .sni = r->names[r->at].name,
                                   .timeout_ms = PROBE_MS, .system_store = true };
    struct pki_err err = { "" };

    for (size_t i = CA_FILES; i-- > 0;) {
        if (!leads_to(r, info, i, &err))
            continue;
        private_chain(r, i == SITE_CA && r->site_ca_is_warning, i);
        r->at++;
        next(r);
        return;
    }
    r->probe = tls_probe_start(daemon_check_daemon(r->c)->loop, &opts, on_system, r);
}

/* --- CRT-2, CRT-4 ----------------------------------------------------------------------------- */

static void judge_names(struct run *r, const struct pki_info *info)
{
    const char *name = r->names[r->at].name;
    struct str list = { 0 };

    for (size_t i = 0; i < info->name_count; i++)
        str_addf(&list, "%s%s", i ? ", " : "", info->names[i]);
    if (name ? pki_name_matches(r->chain, name) : info->name_count > 0) {
        daemon_check_say(r->c, DAEMON_OK, subject(r), "The certificate is made for %s.",
                         name ? "it" : list.s);
    } else {
        struct str seen = { 0 }, want = { 0 };

        str_addf(&seen, "The certificate is made for: %s.", list.len ? list.s : "no name at all");
        str_addf(&want, "%s among its names (subject alternative names).", name ? name : "One");
        daemon_check_report(r->c, DAEMON_ERROR, subject(r), seen.s, want.s,
                            "Have a certificate issued with this name and install it with 'stoa "
                            "cert set'; or correct the name in the configuration.");
        str_fini(&seen);
        str_fini(&want);
    }
    str_fini(&list);
}

static void put_date(char dst[16], int64_t s)
{
    time_t t = (time_t)s;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(dst, 16, "%Y-%m-%d", &tm) == 0)
        (void)str_copy(dst, 16, "?");
}

/* The certificate of the file; false when it cannot be read. */
static bool in_file(const char *path, struct pki_info *out)
{
    char *pem = NULL;
    bool ok = path && pki_file_load(&pem, path, NULL) == 0 &&
              pki_inspect(out, pem, (int64_t)time(NULL), NULL) == 0;

    free(pem);
    return ok;
}

/* True when the daemon serves another certificate than the file has. */
static bool judge_file(struct run *r, const struct pki_info *info)
{
    struct pki_info file = { 0 };
    bool differs = in_file(r->names[r->at].cert_path, &file) &&
                   !str_eq(file.sha256, info->sha256);

    if (differs) {
        struct str seen = { 0 }, want = { 0 };

        str_addf(&seen, "The listener presents the certificate %s.", info->sha256);
        str_addf(&want, "That of %s: %s.", r->names[r->at].cert_path, file.sha256);
        daemon_check_report(r->c, DAEMON_ERROR, subject(r), seen.s, want.s,
                            "The new file was not taken over: 'stoa status' says why; check it "
                            "with 'stoa cert check' and install it with 'stoa cert set'.");
        str_fini(&seen);
        str_fini(&want);
    }
    pki_info_fini(&file);
    return differs;
}

static void judge_time(struct run *r, const struct pki_info *info)
{
    const char *name = subject(r), *fix = "Replace it: 'stoa cert set'.";
    int64_t now_s = (int64_t)time(NULL);
    struct str seen = { 0 };
    char from[16], to[16];

    if (judge_file(r, info))
        return;
    put_date(from, info->not_before_s);
    put_date(to, info->not_after_s);
    if (now_s > info->not_after_s) {
        str_addf(&seen, "The certificate expired on %s.", to);
        daemon_check_report(r->c, DAEMON_ERROR, name, seen.s, "A valid certificate.", fix);
    } else if (now_s < info->not_before_s) {
        str_addf(&seen, "The certificate is not valid before %s.", from);
        daemon_check_report(r->c, DAEMON_ERROR, name, seen.s, "A valid certificate.",
                            "Look at the clock of this machine, or replace it: 'stoa cert set'.");
    } else if (info->days_left < WARN_DAYS) {
        str_addf(&seen, "The certificate expires on %s, in %d days.", to, info->days_left);
        daemon_check_report(r->c, DAEMON_WARNING, name, seen.s, NULL, fix);
    } else {
        daemon_check_say(r->c, DAEMON_OK, name, "Valid until %s; the file has the same.", to);
    }
    str_fini(&seen);
}

/* --- the run ---------------------------------------------------------------------------------- */

static void judge(struct run *r)
{
    const char *id = daemon_check_id(r->c);
    struct pki_info info = { 0 };

    if (pki_inspect(&info, r->chain, (int64_t)time(NULL), NULL) == 0 && str_eq(id, "CRT-1")) {
        judge_chain(r, &info); /* goes on by itself */
        pki_info_fini(&info);
        return;
    }
    if (info.subject && str_eq(id, "CRT-2"))
        judge_names(r, &info);
    else if (info.subject)
        judge_time(r, &info);
    pki_info_fini(&info);
    r->at++;
    next(r);
}

static void on_probed(void *arg, const struct tls_probe_result *p)
{
    struct run *r = arg;

    r->probe = NULL;
    if (p->stage == TLS_PROBE_DONE) {
        str_set(&r->chain, p->chain_pem);
        judge(r);
        return;
    }
    daemon_check_say(r->c, DAEMON_NOT_TESTED, subject(r),
                     "The own listener gives no TLS connection: %s.", p->text);
    r->at++;
    next(r);
}

static void next(struct run *r)
{
    struct tls_probe_opts opts = { .to = r->listener, .timeout_ms = PROBE_MS };

    if (r->at == r->n) {
        daemon_check_end(r->c);
        return;
    }
    opts.sni = r->names[r->at].name;
    r->probe = tls_probe_start(daemon_check_daemon(r->c)->loop, &opts, on_probed, r);
}

static void drop(void *state)
{
    struct run *r = state;

    tls_probe_cancel(&r->probe);
    for (size_t i = 0; i < r->n; i++) {
        free(r->names[i].name);
        free(r->names[i].title);
        free(r->names[i].cert_path);
    }
    for (size_t i = 0; i < CA_FILES; i++)
        free(r->ca_files[i]);
    free(r->chain);
    free(r);
}

void daemon_certcheck_run(struct daemon_check *c, const struct daemon_certcheck_opts *opts)
{
    const struct daemon *d = daemon_check_daemon(c);
    struct run *r = MEM_NEW(struct run);
    char *bundle = str_printf("%s.bundle", d->def->role);

    r->c = c;
    r->n = MIN(opts->n, (size_t)DAEMON_CERTCHECK_NAMES);
    for (size_t i = 0; i < r->n; i++)
        r->names[i] = (struct name){ str_dup(opts->names[i].name), str_dup(opts->names[i].title),
                                     str_dup(opts->names[i].cert_path) };
    r->ca_files[SITE_CA] = conf_path(d->conf, "pki", "ca.crt");
    r->ca_files[BUNDLE] = conf_path(d->conf, "pki", bundle);
    free(bundle);
    r->site_ca_is_warning = opts->site_ca_is_warning;
    r->unknown_is_warning = opts->unknown_is_warning;
    daemon_check_keep(c, r, drop);
    if (r->n == 0) {
        daemon_check_say(c, DAEMON_NOT_TESTED, "", "No name is configured.");
        daemon_check_end(c);
    } else if (!daemon_inuse_listener(d, opts->port, &r->listener)) {
        daemon_check_say(c, DAEMON_NOT_TESTED, subject(r), "Nothing listens for HTTPS.");
        daemon_check_end(c);
    } else {
        next(r);
    }
}
