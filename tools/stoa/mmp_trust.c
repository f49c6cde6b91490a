/* SPDX-License-Identifier: Apache-2.0
 * The bundles of the web bridge link. The daemons watch them; they need not be told. */
#include "mmp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pki/file.h>

static int forget(struct mmp *m, const char *path, const char *file)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return said_failure(&m->said, "cannot remove %s: %s", path, strerror(errno));
    said_success(&m->said, "%s removed", file);
    return STOA_OK;
}

/* Reads what is to be trusted. Owner: *pem is the caller's. */
static int read_bundle(struct mmp *m, const char *source, bool leaf, char **pem)
{
    char *path = mmp_file(m, source);
    struct pki_info info = { 0 };
    struct pki_err err = { "" };
    int code = STOA_OK;

    if (pki_file_load(pem, path, &err) != 0)
        code = said_failure(&m->said, "%s", err.text);
    else if (pki_inspect(&info, *pem, (int64_t)time(NULL), &err) != 0)
        code = said_failure(&m->said, "%s: %s", source, err.text);
    else if (leaf && info.is_ca && !info.is_self_signed)
        code = said_failure(&m->said, "%s is the certificate of an authority; a web bridge trusts "
                                      "the certificate of the callbridge itself", source);
    else if (info.days_left < 0)
        code = said_failure(&m->said, "the certificate in %s has expired", source);
    else if (leaf && info.is_ca)
        said_warning(&m->said, "%s says that it is an authority's; what counts is the certificate "
                               "of the callbridge itself", source);
    else if (info.chain_len > 1)
        said_success(&m->said, "%d certificates read", info.chain_len);
    else
        said_success(&m->said, "certificate read: %s, SHA-256 %s", info.subject, info.sha256);
    pki_info_fini(&info);
    free(path);
    return code;
}

int mmp_trust(struct mmp *m, const char *file, const char *source, bool leaf)
{
    char *path = conf_path(m->ctx->conf, "pki", file), *pem = NULL;
    struct pki_err err = { "" };
    int code;

    if (str_eq(source, "none")) {
        code = forget(m, path, file);
    } else {
        code = read_bundle(m, source, leaf, &pem);
        if (code == STOA_OK && pki_file_store_cert(path, pem, &err) != 0)
            code = said_failure(&m->said, "%s", err.text);
        else if (code == STOA_OK)
            said_success(&m->said, "%s updated", file);
    }
    free(pem);
    free(path);
    return code;
}
