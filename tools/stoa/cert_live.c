/* SPDX-License-Identifier: Apache-2.0
 * What the running daemons make of a new certificate. */
#include <errno.h>
#include <stdlib.h>

#include <loop/clock.h>
#include <pki/file.h>

#include "cert.h"
#include "daemons.h"

enum { TAKE_OVER_MS = 10000, LOOK_MS = 100 };

enum seen { SEEN_NOT_YET, SEEN_USED, SEEN_SILENT, SEEN_REFUSED };

/* The fault with which a daemon says that a certificate cannot be used. */
static const char *fault_of(const char *role)
{
    return str_eq(role, "webbridge") ? "webBridgeCertificate" : "callBridgeCertificate";
}

static enum seen look(const struct cert_job *job, struct ask *ask, const char *instance,
                      const char *sha256)
{
    char *file = str_printf("%s.crt", job->role);
    struct ask_reply reply;
    const Stoa__Admin__V1__Status *s = daemons_status(ask, job->role, instance, &reply);
    const Stoa__Admin__V1__CertificateInUse *cert = s ? daemons_cert(s, file) : NULL;
    const char *fault = s ? daemons_fault(s, fault_of(job->role)) : NULL;
    enum seen seen = SEEN_NOT_YET;

    if (fault) {
        said_failure(job->said, "%s does not take the certificate: %s", job->role, fault);
        seen = SEEN_REFUSED;
    } else if (cert && str_eq(cert->sha256, sha256)) {
        seen = SEEN_USED;
    } else if (s && !cert) {
        seen = SEEN_SILENT;
    }
    ask_reply_fini(&reply);
    free(file);
    return seen;
}

static enum seen wait_for(const struct cert_job *job, struct ask *ask, const char *instance,
                          const char *sha256)
{
    int64_t until_ms = loop_now_ms() + TAKE_OVER_MS;
    enum seen seen;

    (void)daemons_reload(ask, job->role, instance); /* it looks by itself as well, only later */
    while ((seen = look(job, ask, instance, sha256)) == SEEN_NOT_YET && loop_now_ms() < until_ms)
        (void)ask_wait(ask, LOOK_MS, NULL, NULL);
    if (seen == SEEN_NOT_YET)
        said_failure(job->said, "%s does not use the certificate after %d s; 'stoa log --daemon %s' "
                                "may say why", job->role, TAKE_OVER_MS / 1000, job->role);
    return seen;
}

int cert_take_over(const struct cert_job *job, struct ask *ask, const char *sha256)
{
    struct daemons all = { .count = 0 };
    unsigned used = 0, silent = 0;
    const char *instance;
    size_t it = 0;
    int code = STOA_OK;

    if (ask)
        daemons_find(ask, &all);
    while (code == STOA_OK && (instance = daemons_next(&all, job->role, &it))) {
        enum seen seen = wait_for(job, ask, instance, sha256);

        used += seen == SEEN_USED;
        silent += seen == SEEN_SILENT;
        if (seen == SEEN_REFUSED || seen == SEEN_NOT_YET)
            code = STOA_FAILED;
    }
    if (code == STOA_OK && used)
        said_success(job->said, "%s uses the certificate for new connections", job->role);
    else if (code == STOA_OK && silent)
        said_warning(job->said, "%s uses no certificate at the moment", job->role);
    else if (code == STOA_OK)
        said_warning(job->said, "%s does not run; it uses the certificate when it starts",
                     job->role);
    if (ask)
        daemons_end(ask, &all);
    return code;
}

void cert_reload(const struct cert_job *job, struct ask *ask)
{
    struct daemons all;
    const char *instance;
    size_t it = 0;

    if (!ask)
        return;
    daemons_find(ask, &all);
    while ((instance = daemons_next(&all, job->role, &it)))
        (void)daemons_reload(ask, job->role, instance);
    daemons_end(ask, &all);
}
