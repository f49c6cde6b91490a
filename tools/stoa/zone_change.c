/* SPDX-License-Identifier: Apache-2.0
 * stoa zone delete, trust and password, at either site. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pki/file.h>

#include "config_print.h"
#include "password.h"
#include "zone.h"

static bool at_edge(const struct zone_job *j)
{
    return str_eq(j->site.ctx->site, "edge");
}

static const char *kind(const struct zone_job *j)
{
    return at_edge(j) ? "zoneServer" : "zone";
}

/* The zone's row, or a failure(). *username is the caller's. */
static int find(struct zone_job *j, char **username)
{
    const Stoa__Config__V1__Row *row;
    struct ask_reply reply;
    int code = config_get(&j->site, kind(j), j->name, &reply, &row);

    *username = NULL;
    if (code == STOA_OK && !row)
        code = stoa_fail("the %s site has no zone \"%s\"; 'stoa zone' lists them",
                         j->site.ctx->site, j->name);
    if (row)
        *username = str_dup(config_print_value(row, "username"));
    ask_reply_fini(&reply);
    return code;
}

int zone_delete(struct zone_job *j)
{
    char *username;
    int code = find(j, &username);

    if (code == STOA_OK)
        code = config_delete(&j->site, kind(j), j->name, false);
    if (code == STOA_OK && at_edge(j) && !str_empty(username))
        code = config_delete(&j->site, "zoneUser", username, true);
    if (code == STOA_OK)
        said_success(&j->said, "zone \"%s\" deleted at the %s site", j->name, j->site.ctx->site);
    free(username);
    return code;
}

/* Reads the certificate of an authority. Owner: *pem is the caller's. */
static int load_ca(const char *file, char **pem)
{
    struct pki_err err = { "" };
    struct pki_info info = { 0 };
    int code = STOA_OK;

    if (pki_file_load(pem, file, &err) != 0 ||
        pki_inspect(&info, *pem, (int64_t)time(NULL), &err) != 0)
        code = stoa_fail("%s: %s", file, err.text);
    else if (!info.is_ca && !info.is_self_signed)
        code = stoa_fail("%s: the certificate is none of an authority", file);
    pki_info_fini(&info);
    return code;
}

int zone_trust(struct zone_job *j)
{
    char until[24], *username, *pem = NULL;
    bool none = str_eq(j->word, "none");
    const struct config_field fields[] = { { "peerCa", none ? "" : NULL },
                                           { "pairUntil", none ? until : NULL } };
    struct config_field trust = { "peerCa", NULL };
    int code;

    if (none && !at_edge(j))
        return stoa_usage("inside, a zone always has the CA of its edge; only an edge can wait for "
                          "one");
    code = find(j, &username);
    free(username);
    if (code == STOA_OK && !none)
        code = load_ca(j->word, &pem);
    (void)snprintf(until, sizeof(until), "%lld", (long long)time(NULL) + ZONE_PAIR_S);
    trust.value = pem;
    if (code == STOA_OK)
        code = config_write(&j->site, kind(j), j->name, none ? fields : &trust,
                            none ? ARRAY_LEN(fields) : 1);
    if (code == STOA_OK && none)
        said_success(&j->said, "zone \"%s\" waits for its first connection for %d hours", j->name,
                     ZONE_PAIR_S / 3600);
    else if (code == STOA_OK)
        said_success(&j->said, "zone \"%s\" trusts certificates of the CA in %s", j->name,
                     j->word);
    free(pem);
    return code;
}

/* Of the edge's user a verifier is kept; the inside has to know the password itself. */
int zone_password(struct zone_job *j)
{
    char password[PASSWORD_SIZE] = "", *username, *verifier = NULL;
    struct config_field field = { "password", password };
    int code = find(j, &username);

    if (code == STOA_OK)
        code = at_edge(j) ? zone_new_password(j, password) :
                            password_take(j->password_file, password);
    if (code == STOA_OK && at_edge(j)) {
        verifier = zone_verifier(password);
        field = (struct config_field){ "verifier", verifier };
        code = config_write(&j->site, "zoneUser", username, &field, 1);
    } else if (code == STOA_OK) {
        code = config_write(&j->site, "zone", j->name, &field, 1);
    }
    if (code == STOA_OK && at_edge(j) && !j->password_file) {
        if (j->site.ctx->json)
            printf("{\"username\":\"%s\",\"password\":\"%s\"}\n", username, password);
        else
            printf("%s\n", password);
    } else if (code == STOA_OK) {
        said_success(&j->said, "zone \"%s\" has a new password at the %s site", j->name,
                     j->site.ctx->site);
    }
    explicit_bzero(password, sizeof(password));
    free(verifier);
    free(username);
    return code;
}
