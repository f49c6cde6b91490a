/* SPDX-License-Identifier: Apache-2.0
 * The two ends of a web bridge link on this machine: webbridge.trust holds the certificates of the
 * callbridges themselves, callbridge.bundle those with which a callbridge verifies web bridges
 * beside the site's own CA. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <pki/file.h>

#include "cert.h"

/* A web bridge with a trust bundle that does not hold the callbridge so far has its reason. */
static int trust_callbridge(const struct cert_job *job, const char *old_pem, const char *new_pem,
                            struct cert_undo *undo)
{
    char *path = cert_path(job->ctx, "webbridge", "trust"), *trust = NULL, *changed = NULL;
    struct pki_err err = { "" };
    int ret = 0;

    if (old_pem && pki_file_load(&trust, path, NULL) == 0 && pki_holds(trust, old_pem) &&
        !pki_holds(trust, new_pem)) {
        ret = pki_bundle_change(&changed, trust, new_pem, true, &err);
        *undo = (struct cert_undo){ str_dup(path), str_dup(trust) };
        if (!ret)
            ret = pki_file_store_cert(path, changed, &err);
        if (ret)
            said_failure(job->said, "%s", err.text);
        else
            said_success(job->said, "web bridge trusts the new certificate beside the old one; "
                                    "'webbridge trust callbridge.crt' in 'stoa mmp' ends that");
    }
    free(changed);
    free(trust);
    free(path);
    return ret ? STOA_FAILED : STOA_OK;
}

static bool verifies(const char *chain_pem, const char *bundle_pem)
{
    return bundle_pem && bundle_pem[0] &&
           pki_verify(chain_pem, bundle_pem, NULL, (int64_t)time(NULL), NULL) == 0;
}

/* Replaces what the callbridge was told about the old certificate by the new one itself. */
static int add_to_bundle(const struct cert_job *job, const char *path, const char *bundle,
                         const char *old_pem, const char *new_pem)
{
    char *without = NULL, *changed = NULL;
    struct pki_err err = { "" };
    int ret = old_pem ? pki_bundle_change(&without, bundle, old_pem, false, &err) : 0;

    if (!ret)
        ret = pki_bundle_change(&changed, old_pem ? without : bundle, new_pem, true, &err);
    if (!ret)
        ret = pki_file_store_cert(path, changed, &err);
    if (ret)
        said_failure(job->said, "%s", err.text);
    else
        said_success(job->said, "callbridge trusts the certificate of the web bridge");
    free(without);
    free(changed);
    return ret ? STOA_FAILED : STOA_OK;
}

static int trust_webbridge(const struct cert_job *job, const char *old_pem, const char *new_pem,
                           struct cert_undo *undo)
{
    char *path = cert_path(job->ctx, "callbridge", "bundle"), *bundle = NULL, *ca = NULL;
    char *ca_path = conf_path(job->ctx->conf, "pki", "ca.crt");
    struct pki_err err = { "" };
    int ret = pki_file_load(&bundle, path, &err), code = STOA_OK;

    if (ret && ret != -ENOENT) {
        code = said_failure(job->said, "%s", err.text);
    } else if ((pki_file_load(&ca, ca_path, NULL) != 0 || !verifies(new_pem, ca)) &&
               !verifies(new_pem, bundle)) {
        *undo = (struct cert_undo){ str_dup(path), str_dup(bundle) };
        code = add_to_bundle(job, path, bundle, old_pem, new_pem);
    }
    free(bundle);
    free(ca);
    free(ca_path);
    free(path);
    return code;
}

int cert_links_trust(const struct cert_job *job, const char *old_pem, const char *new_pem,
                     struct cert_undo *undo)
{
    *undo = (struct cert_undo){ NULL, NULL };
    if (str_eq(job->role, "callbridge"))
        return trust_callbridge(job, old_pem, new_pem, undo);
    /* nobody links to webadmin */
    return str_eq(job->role, "webbridge") ? trust_webbridge(job, old_pem, new_pem, undo) : STOA_OK;
}

void cert_links_undo(struct cert_undo *undo, bool really)
{
    struct pki_err err = { "" };

    if (undo->path && really) {
        if (undo->text ? pki_file_store_cert(undo->path, undo->text, &err) != 0 :
                         unlink(undo->path) != 0 && errno != ENOENT)
            stoa_fail("cannot write %s as it was", undo->path);
    }
    free(undo->path);
    free(undo->text);
}
