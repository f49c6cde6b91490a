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

static enum daemons_verdict judge(const Stoa__Admin__V1__Status *s, void *arg)
{
    struct look *look = arg;
    const Stoa__Admin__V1__CertificateInUse *cert = daemons_cert(s, look->file);
    const char *fault = daemons_fault(s, cert_role_find(look->job->role)->fault);

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
    const char *daemon = cert_role_find(job->role)->daemon;
    int err = ask ? daemons_wait(ask, daemon, true, judge, &look) : -ESRCH;

    if (err == -ETIMEDOUT)
        said_failure(job->said,
                     "%s does not use the certificate yet; 'stoa log --daemon %s' may say why",
                     daemon, daemon);
    else if (err == -ESRCH)
        said_warning(job->said, "%s does not run; it uses the certificate when it starts", daemon);
    else if (!err && look.used)
        said_success(job->said, "%s uses the certificate for new connections", daemon);
    else if (!err)
        said_warning(job->said, "%s uses no certificate at the moment", daemon);
    free(look.file);
    return err && err != -ESRCH ? STOA_FAILED : STOA_OK;
}

void cert_reload(const struct cert_job *job, struct ask *ask)
{
    struct daemons all;
    const char *instance;
    const char *daemon = cert_role_find(job->role)->daemon;
    size_t it = 0;

    if (!ask)
        return;
    daemons_find(ask, &all);
    while ((instance = daemons_next(&all, daemon, &it)))
        (void)daemons_reload(ask, daemon, instance);
    daemons_fini(&all);
}
