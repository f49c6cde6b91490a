/* SPDX-License-Identifier: Apache-2.0
 * The files of a role below pki/: <role>.key (0600), .crt with chain, .bundle, and .names, which
 * marks a certificate made by ./start. Each has one before it, <file>.old. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <pki/file.h>

#include "cert.h"

static const char *const suffixes[CERT_FILES] = { "key", "crt", "bundle", "names" };

static const struct cert_role roles[] = {
    { "webbridge", "webbridge", "inside", "webBridgeCertificate" },
    { "callbridge", "callbridge", "inside", "callBridgeCertificate" },
    { "expc", "expc", "inside", "expcCertificate" },
    { "expe", "expe", "edge", "expeCertificate" },
    { "zone", "expe", "edge", "expeCertificate" },
    { "webadmin", "webadmin", NULL, "webAdminCertificate" },
};

const struct cert_role *cert_role_next(size_t *it)
{
    return *it < ARRAY_LEN(roles) ? &roles[(*it)++] : NULL;
}

const struct cert_role *cert_role_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        if (str_eq(roles[i].name, name))
            return &roles[i];
    return NULL;
}

char *cert_path(const struct stoa_ctx *ctx, const char *role, const char *suffix)
{
    char *file = str_printf("%s.%s", role, suffix), *path = conf_path(ctx->conf, "pki", file);

    free(file);
    return path;
}

static char *path_of(const struct cert_job *job, size_t i, bool old)
{
    char *suffix = str_printf("%s%s", suffixes[i], old ? ".old" : "");
    char *path = cert_path(job->ctx, job->role, suffix);

    free(suffix);
    return path;
}

static int load_one(const struct cert_job *job, size_t i, bool old, char **out)
{
    char *path = path_of(job, i, old);
    struct pki_err err = { "" };
    int ret = pki_file_load(out, path, &err);

    free(path);
    return ret == 0 || ret == -ENOENT ? STOA_OK : said_failure(job->said, "%s", err.text);
}

int cert_files_load(const struct cert_job *job, struct cert_files *out)
{
    int code = STOA_OK;

    *out = (struct cert_files){ 0 };
    for (size_t i = 0; code == STOA_OK && i < CERT_FILES; i++) {
        code = load_one(job, i, false, &out->now[i]);
        if (code == STOA_OK)
            code = load_one(job, i, true, &out->old[i]);
    }
    return code;
}

static int store_one(const struct cert_job *job, size_t i, bool old, const char *text)
{
    char *path = path_of(job, i, old);
    struct pki_err err = { "" };
    int ret;

    if (!text)
        ret = unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
    else if (i == CERT_KEY)
        ret = pki_file_store_key(path, text, &err);
    else
        ret = pki_file_store_cert(path, text, &err);
    if (ret && !err.text[0])
        said_failure(job->said, "cannot remove %s: %s", path, strerror(-ret));
    else if (ret)
        said_failure(job->said, "%s", err.text);
    free(path);
    return ret ? STOA_FAILED : STOA_OK;
}

int cert_files_store(const struct cert_job *job, const struct cert_files *want,
                     const struct cert_files *have)
{
    int code = STOA_OK;

    /* What was before is safe first: a machine that stops between two files can go back. */
    for (size_t i = 0; code == STOA_OK && i < CERT_FILES; i++)
        if (!str_eq(want->old[i], have->old[i]))
            code = store_one(job, i, true, want->old[i]);
    for (size_t i = 0; code == STOA_OK && i < CERT_FILES; i++)
        if (!str_eq(want->now[i], have->now[i]))
            code = store_one(job, i, false, want->now[i]);
    return code;
}

void cert_files_fini(struct cert_files *f)
{
    char **all[] = { f->now, f->old };

    for (size_t a = 0; a < 2; a++)
        for (size_t i = 0; i < CERT_FILES; i++) {
            if (all[a][i])
                explicit_bzero(all[a][i], strlen(all[a][i]));
            free(all[a][i]);
            all[a][i] = NULL;
        }
}

int cert_lock(const struct stoa_ctx *ctx)
{
    char *path = conf_path(ctx->conf, "pki", "");
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    free(path);
    if (fd >= 0)
        (void)flock(fd, LOCK_EX);
    return fd;
}

void cert_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}
