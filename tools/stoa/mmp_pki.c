/* SPDX-License-Identifier: Apache-2.0
 * pki: looking at keys and certificates. Making them is `stoa pki`. */
#include "mmp.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <pki/file.h>

#include "cert_print.h"

static int is_shown(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

int mmp_pki_list(struct mmp *m, int argc, char **argv)
{
    char *dir = conf_path(m->ctx->conf, "pki", "");
    struct dirent **names = NULL;
    int n = scandir(dir, &names, is_shown, alphasort), code = STOA_OK;
    json_t *all = json_array();

    (void)argc;
    (void)argv;
    if (n < 0)
        code = said_failure(&m->said, "there are no keys and certificates in %s", dir);
    else if (!m->ctx->json)
        printf("Keys and certificates:\n");
    for (int i = 0; i < n; i++) {
        if (m->ctx->json)
            json_array_append_new(all, json_string(names[i]->d_name));
        else
            printf("%s\n", names[i]->d_name);
        free(names[i]);
    }
    if (n >= 0 && m->ctx->json)
        cert_print_value(json_incref(all));
    json_decref(all);
    free(names);
    free(dir);
    return code;
}

/* Reads an argument's file. Owner: the caller; NULL after a failure(). */
static char *load(struct mmp *m, const char *name)
{
    char *path = mmp_file(m, name), *pem = NULL;
    struct pki_err err = { "" };

    if (pki_file_load(&pem, path, &err) != 0)
        said_failure(&m->said, "%s", err.text);
    free(path);
    return pem;
}

int mmp_pki_inspect(struct mmp *m, int argc, char **argv)
{
    char *pem = load(m, argv[0]);
    struct pki_info info = { 0 };
    struct pki_err err = { "" };
    int code = STOA_OK;

    (void)argc;
    if (!pem)
        return STOA_FAILED;
    if (pki_inspect(&info, pem, (int64_t)time(NULL), &err) != 0)
        code = said_failure(&m->said, "%s: %s", argv[0], err.text);
    else if (m->ctx->json)
        cert_print_value(cert_print_json(&info));
    else
        cert_print_text(&info);
    pki_info_fini(&info);
    free(pem);
    return code;
}

int mmp_pki_match(struct mmp *m, int argc, char **argv)
{
    char *key = load(m, argv[0]), *cert = key ? load(m, argv[1]) : NULL;
    struct pki_pair pair = { cert, key };
    struct pki_err err = { "" };
    int code = cert ? STOA_OK : STOA_FAILED;

    (void)argc;
    if (code == STOA_OK && pki_match(cert, key, &err) != 0)
        code = said_failure(&m->said, "Key and certificate pair do not match: %s", err.text);
    else if (code == STOA_OK)
        said_success(&m->said, "Key and certificate pair match");
    pki_pair_fini(&pair);
    return code;
}

int mmp_pki_verify(struct mmp *m, int argc, char **argv)
{
    char *cert = load(m, argv[0]), *bundle = cert ? load(m, argv[1]) : NULL;
    struct pki_err err = { "" };
    int code = bundle ? STOA_OK : STOA_FAILED;

    (void)argc;
    if (code == STOA_OK && pki_verify(cert, bundle, NULL, (int64_t)time(NULL), &err) != 0)
        code = said_failure(&m->said, "certificate not verified against CA bundle: %s", err.text);
    else if (code == STOA_OK)
        said_success(&m->said, "certificate verified against CA bundle");
    free(cert);
    free(bundle);
    return code;
}
