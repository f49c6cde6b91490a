/* SPDX-License-Identifier: Apache-2.0
 * The trust bundle of the web bridge links, read anew whenever the file changes. A file without any
 * certificate, or none at all, trusts nobody. One that cannot be read (perhaps half written)
 * changes nothing until it can. */
#include "link.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pki/file.h>

enum { SHOWN_MAX = 4 };

static void forget(struct wb_trust *t)
{
    for (size_t i = 0; i < t->count; i++)
        pki_info_fini(&t->certs[i]);
    free(t->certs);
    t->certs = NULL;
    t->count = 0;
}

void wb_trust_init(struct wb_trust *t, const char *path)
{
    *t = (struct wb_trust){ .path = str_dup(path), .stamp = -1 };
}

void wb_trust_fini(struct wb_trust *t)
{
    forget(t);
    str_set(&t->path, NULL);
}

/* Errors: negative, with the reason in t->problem. */
static int load(struct wb_trust *t)
{
    struct pki_err err = { "" };
    struct pki_info *certs = NULL;
    char *pem = NULL;
    int n = t->stamp == 0 ? 0 : pki_file_load(&pem, t->path, &err);
    if (n == 0 && pem != NULL && strstr(pem, "-----BEGIN ") != NULL)
        n = pki_inspect_all(&certs, pem, (int64_t)time(NULL), &err);
    free(pem);
    (void)!str_copy(t->problem, sizeof t->problem, err.text);
    if (n < 0)
        return n;
    forget(t);
    t->certs = certs;
    t->count = (size_t)n;
    return 0;
}

bool wb_trust_look(struct wb_trust *t)
{
    int64_t stamp = pki_file_stamp(t->path);
    if (stamp == t->stamp)
        return false;
    t->stamp = stamp;
    return load(t) == 0;
}

bool wb_trust_has(const struct wb_trust *t, const char *sha256)
{
    for (size_t i = 0; i < t->count; i++)
        if (str_eq(t->certs[i].sha256, sha256))
            return true;
    return false;
}

void wb_trust_print(const struct wb_trust *t, struct str *out)
{
    if (t->count == 0)
        str_add(out, "none");
    for (size_t i = 0; i < t->count && i < SHOWN_MAX; i++)
        str_addf(out, "%s%s", i > 0 ? ", " : "", t->certs[i].sha256);
    if (t->count > SHOWN_MAX)
        str_addf(out, " and %zu more", t->count - SHOWN_MAX);
}
