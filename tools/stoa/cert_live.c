/* SPDX-License-Identifier: Apache-2.0
 * What the running daemons make of a new certificate. */
#include <errno.h>
#include <stdlib.h>

#include "cert.h"
#include "daemons.h"

/* What is looked for in the status of each daemon. */
struct look {
    const struct cert_job *job;
    char *file;
    const char *sha256;
    bool used; /* one of them says that it uses it */
};

/* The fault with which a daemon says that a certificate cannot be used. */
static const char *fault_of(const char *role)
{
    static const struct {
        const char *role, *fault;
    } faults[] = {
        { "webbridge", "webBridgeCertificate" },
        { "callbridge", "callBridgeCertificate" },
        { "webadmin", "webAdminCertificate" },
    };

    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        if (str_eq(faults[i].role, role))
            return faults[i].fault;
    return NULL;
}

static enum daemons_verdict judge(const Stoa__Admin__V1__Status *s, void *arg)
{
    struct look *look = arg;
    const Stoa__Admin__V1__CertificateInUse *cert = daemons_cert(s, look->file);
    const char *fault = daemons_fault(s, fault_of(look->job->role));

    if (fault) {
        said_failure(look->job->said, "%s does not take the certificate: %s", look->job->role,
                     fault);
        return DAEMONS_REFUSED;
    }
    if (cert && !str_eq(cert->sha256, look->sha256))
        return DAEMONS_NOT_YET;
    look->used = look->used || cert;
    return DAEMONS_DONE; /* one that names none does not use this file at the moment */
}

int cert_take_over(const struct cert_job *job, struct ask *ask, const char *sha256)
{
    struct look look = { .job = job, .file = str_printf("%s.crt", job->role), .sha256 = sha256 };
    int err = ask ? daemons_wait(ask, job->role, true, judge, &look) : -ESRCH;

    if (err == -ETIMEDOUT)
        said_failure(job->said,
                     "%s does not use the certificate yet; 'stoa log --daemon %s' may say why",
                     job->role, job->role);
    else if (err == -ESRCH)
        said_warning(job->said, "%s does not run; it uses the certificate when it starts",
                     job->role);
    else if (!err && look.used)
        said_success(job->said, "%s uses the certificate for new connections", job->role);
    else if (!err)
        said_warning(job->said, "%s uses no certificate at the moment", job->role);
    free(look.file);
    return err && err != -ESRCH ? STOA_FAILED : STOA_OK;
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
    daemons_fini(&all);
}
