/* SPDX-License-Identifier: Apache-2.0
 * Everything that can be wrong with a certificate, looked at before it is installed. The wording of
 * the first two lines is the guide's. */
#include "cert.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/mem.h>
#include <pki/file.h>

#include "config_print.h"
#include "config_rows.h"
#include "settings.h"

enum { WARN_DAYS = 30 };

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Reads a file; DER and PKCS#12, which is what other programs hand out, get a hint. */
static int load(const struct cert_job *job, char **out, const char *path, const char *hint)
{
    struct pki_err err = { "" };
    int ret = pki_file_load(out, path, &err);

    if (ret == 0)
        return STOA_OK;
    if (strstr(err.text, "is not text"))
        return said_failure(job->said, "%s is not PEM; convert it with '%s'", path, hint);
    return said_failure(job->said, "%s", err.text);
}

static int load_all(const struct cert_job *job, struct cert_texts *t)
{
    int code = load(job, &t->key, job->key, "openssl pkey -inform DER");

    if (code == STOA_OK)
        code = load(job, &t->cert, job->cert, "openssl x509 -inform DER");
    if (code == STOA_OK && job->bundle)
        code = load(job, &t->bundle, job->bundle, "openssl x509 -inform DER");
    return code;
}

/* --- one thing after the other ---------------------------------------------------------------- */

static int check_pair(const struct cert_job *job, struct cert_texts *t, struct ask *ask)
{
    struct pki_err err = { "" };

    (void)ask;
    if (pki_inspect(&t->info, t->cert, now_s(), &err) != 0)
        return said_failure(job->said, "%s: %s", job->cert, err.text);
    /* Of these two only an unreadable key is -EBADMSG: the certificate has just been read. */
    if (pki_chain_check(t->cert, t->key, &err) != 0)
        return said_failure(job->said, "%s: %s",
                            strstr(err.text, "private key is") || strstr(err.text, "no readable") ?
                                job->key :
                                job->cert,
                            err.text);
    if (pki_match(t->cert, t->key, &err) != 0)
        return said_failure(job->said, "Key and certificate pair do not match: %s", err.text);
    said_success(job->said, "Key and certificate pair match");
    return STOA_OK;
}

static int check_time(const struct cert_job *job, struct cert_texts *t, struct ask *ask)
{
    char text[32];
    time_t at = (time_t)(t->info.days_left < 0 ? t->info.not_after_s : t->info.not_before_s);
    struct tm tm;

    (void)ask;
    if (!gmtime_r(&at, &tm) || strftime(text, sizeof(text), "%Y-%m-%d", &tm) == 0)
        str_copy(text, sizeof(text), "?");
    if (t->info.days_left < 0)
        return said_failure(job->said, "certificate expired on %s, %d days ago", text,
                            -t->info.days_left);
    if (now_s() < t->info.not_before_s)
        return said_failure(job->said,
                            "certificate is not yet valid: it is from %s on; is the clock right?",
                            text);
    return STOA_OK;
}

/* Without a bundle the CA of the site may know it; else nothing is known, which is no failure: the
 * guide's command takes it as well. */
static int check_without_bundle(const struct cert_job *job, const struct cert_texts *t)
{
    char *path = conf_path(job->ctx->conf, "pki", "ca.crt"), *ca = NULL;

    if (pki_file_load(&ca, path, NULL) == 0 && pki_verify(t->cert, ca, NULL, now_s(), NULL) == 0)
        said_success(job->said, "certificate verified against the CA of this site");
    else if (t->info.is_self_signed)
        said_warning(job->said, "certificate signs itself: whoever connects must trust it by hand");
    else
        said_warning(job->said, "no CA bundle given: the certificate's issuer is not verified");
    free(ca);
    free(path);
    return STOA_OK;
}

static int check_chain(const struct cert_job *job, struct cert_texts *t, struct ask *ask)
{
    struct pki_err err = { "" };

    (void)ask;
    if (!t->bundle) {
        t->chain = str_dup(t->cert);
        return check_without_bundle(job, t);
    }
    if (pki_verify(t->cert, t->bundle, NULL, now_s(), &err) != 0)
        return said_failure(job->said, "certificate not verified against CA bundle %s: %s",
                            job->bundle, err.text);
    if (pki_chain_complete(&t->chain, t->cert, t->bundle, &err) != 0)
        return said_failure(job->said, "%s: %s", job->bundle, err.text);
    said_success(job->said, "certificate verified against CA bundle");
    return STOA_OK;
}

/* --- names ------------------------------------------------------------------------------------ */

/* The names under which the site's web bridge is reached, each with the setting that has it. */
static const char *const name_settings[] = { "guestAccountClientUri", "webBridgeUri",
                                             "webBridgeHostnames" };
static const char *const name_words[] = { "Guest account client URI", "Web Bridge URI",
                                          "webBridgeHostnames" };

struct names {
    struct str covered;
    unsigned missing;
};

static int check_name(const struct cert_job *job, const struct cert_texts *t, const char *name,
                      const char *setting, struct names *n)
{
    struct str has = { 0 };
    int code = STOA_OK;

    if (pki_name_matches(t->cert, name)) {
        if (!n->covered.s || !strstr(n->covered.s, name))
            str_addf(&n->covered, "%s%s", n->covered.len ? ", " : "", name);
        return code;
    }
    n->missing++;
    for (size_t i = 0; i < t->info.name_count && i < 8; i++)
        str_addf(&has, "%s%s", i ? ", " : "", t->info.names[i]);
    if (job->force)
        said_warning(job->said, "certificate does not cover %s (%s)", name, setting);
    else
        code = said_failure(job->said,
                            "certificate does not cover %s (%s); it is made for %s. --force "
                            "installs it nevertheless",
                            name, setting, has.len ? has.s : "no name at all");
    str_fini(&has);
    return code;
}

static int check_setting(const struct cert_job *job, const struct cert_texts *t, char *value,
                         size_t which, struct names *n)
{
    const char *list = value;
    char *host, *one;
    int code = STOA_OK;

    if (which < 2) {
        host = settings_host(value);
        if (host)
            code = check_name(job, t, host, name_words[which], n);
        free(host);
        return code;
    }
    while (code == STOA_OK && (one = str_next(&list)) != NULL) {
        code = check_name(job, t, one, name_words[which], n);
        free(one);
    }
    return code;
}

/* The names that guests outside use, of those that have no certificate of their own. */
struct external {
    const struct cert_job *job;
    const struct cert_texts *t;
    struct names *n;
    int code;
};

static void check_external(void *arg, const Stoa__Config__V1__Row *row)
{
    struct external *e = arg;
    const char *name = config_print_value(row, "name");
    const char *file = config_print_value(row, "certificateFile");

    if (e->code == STOA_OK && name && (str_empty(file) || str_eq(file, "expe.crt")))
        e->code = check_name(e->job, e->t, name, "external name", e->n);
}

static int check_externals(const struct cert_job *job, const struct cert_texts *t,
                           struct ask *ask, struct names *n)
{
    struct external e = { job, t, n, STOA_OK };
    struct config_site s = { .ctx = job->ctx, .ask = ask };

    if (config_each(&s, "externalName", check_external, &e) != STOA_OK)
        said_warning(job->said, "whether the certificate covers the external names is not checked");
    return e.code;
}

static int check_settings(const struct cert_job *job, const struct cert_texts *t,
                          struct ask *ask, struct names *n)
{
    char *values[ARRAY_LEN(name_settings)] = { NULL };
    struct str why = { 0 };
    int code = STOA_OK;

    if (settings_get(ask, name_settings, values, ARRAY_LEN(values), &why) != 0)
        said_warning(job->said, "%s: whether the certificate covers the names of the site is not "
                                "checked", why.s);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (code == STOA_OK && values[i])
            code = check_setting(job, t, values[i], i, n);
        free(values[i]);
    }
    str_fini(&why);
    return code;
}

static int check_names(const struct cert_job *job, struct cert_texts *t, struct ask *ask)
{
    struct names n = { .missing = 0 };
    int code = STOA_OK;

    /* The others are known by the certificate itself, or by names that the other end has. */
    if (!str_eq(job->role, "webbridge") && !str_eq(job->role, "expe"))
        return STOA_OK;
    if (!ask)
        said_warning(job->said, "the names of the site are not known while it does not run: "
                                "whether the certificate covers them is not checked");
    else if (str_eq(job->role, "expe"))
        code = check_externals(job, t, ask, &n);
    else
        code = check_settings(job, t, ask, &n);
    if (code == STOA_OK && n.missing == 0 && n.covered.len)
        said_success(job->said, "certificate covers %s", n.covered.s);
    str_fini(&n.covered);
    return code;
}

/* Web bridges take guests from outside of an expc alone whose certificate is of the site's CA and
 * made for this name (decision 015). */
static int check_expc(const struct cert_job *job, struct cert_texts *t, struct ask *ask)
{
    char *path, *ca = NULL;
    struct pki_err err = { "" };
    int code = STOA_OK;

    (void)ask;
    if (!str_eq(job->role, "expc"))
        return STOA_OK;
    path = conf_path(job->ctx->conf, "pki", "ca.crt");
    if (pki_file_load(&ca, path, &err) == 0 &&
        pki_verify(t->chain, ca, "expc", now_s(), &err) == 0)
        said_success(job->said, "certificate is of the site's CA and made for the name expc");
    else if (job->force)
        said_warning(job->said, "web bridges will refuse expc: %s", err.text);
    else
        code = said_failure(job->said,
                            "web bridges would refuse expc: %s. It must be of the site's CA "
                            "(pki/ca.crt) and made for the name expc; --force installs it "
                            "nevertheless",
                            err.text);
    free(ca);
    free(path);
    return code;
}

static int say_days(const struct cert_job *job, struct cert_texts *t, struct ask *ask)
{
    (void)ask;
    if (t->info.days_left < WARN_DAYS)
        said_warning(job->said, "certificate expires in %d days", t->info.days_left);
    else
        said_success(job->said, "certificate is valid for %d more days", t->info.days_left);
    return STOA_OK;
}

int cert_check(const struct cert_job *job, struct ask *ask, struct cert_texts *out)
{
    static int (*const steps[])(const struct cert_job *, struct cert_texts *, struct ask *) = {
        check_pair, check_time, check_chain, check_names, check_expc, say_days,
    };
    int code = load_all(job, out);

    for (size_t i = 0; code == STOA_OK && i < ARRAY_LEN(steps); i++)
        code = steps[i](job, out, ask);
    return code;
}

void cert_texts_fini(struct cert_texts *t)
{
    struct pki_pair pair = { t->cert, t->key }; /* wipes the key */

    pki_pair_fini(&pair);
    free(t->bundle);
    free(t->chain);
    pki_info_fini(&t->info);
    *t = (struct cert_texts){ 0 };
}
