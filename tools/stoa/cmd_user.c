/* SPDX-License-Identifier: Apache-2.0
 * stoa user: who may use the REST API and the web administration. The password is hashed here; it
 * never leaves this process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <config.pb-c.h>
#include <evp/password.h>
#include <kinds/kinds.h>

#include "config_ask.h"
#include "config_print.h"
#include "password.h"
#include "stoa.h"

static const char kind[] = "apiUser";

enum { PAGE = 500 };

/* Everything of one invocation. */
struct job {
    const struct stoa_ctx *ctx;
    struct ask *ask;
    const char *name, *role;
    const char *file;                    /* of the password; "-": standard input; NULL: asked for */
    char password[PASSWORD_SIZE];
    char hash[EVP_PASSWORD_TEXT_SIZE];
};

/* --- passwords -------------------------------------------------------------------------------- */

static int take_password(struct job *j)
{
    int code = password_take(j->file, j->password);

    if (code != STOA_OK)
        return code;
    evp_password_hash(j->hash, j->password);
    return STOA_OK;
}

/* --- talking to config ------------------------------------------------------------------------ */

static int request(struct job *j, const ProtobufCMessage *body, struct ask_reply *reply)
{
    return config_ask(&j->ask, j->ctx, body, reply);
}

static int write_request(struct job *j, const ProtobufCMessage *body, const char *done)
{
    struct ask_reply reply;
    int code = request(j, body, &reply);

    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__WriteReply *r = (const void *)reply.body;

    if (r->problem)
        code = config_complain(r->problem);
    else if (j->ctx->json)
        printf("{\"id\":\"%s\"}\n", r->id ? r->id : "");
    else
        printf("user %s %s\n", j->name, done);
    ask_reply_fini(&reply);
    return code;
}

/* --- the subcommands -------------------------------------------------------------------------- */

/* Basic authentication ends the name at the first colon. */
static int check_name(const struct job *j)
{
    return strchr(j->name, ':') ? stoa_usage("a name has no colon") : STOA_OK;
}

static int run_add(struct job *j)
{
    Stoa__Config__V1__AddRequest req = STOA__CONFIG__V1__ADD_REQUEST__INIT;
    Stoa__Config__V1__Field name = STOA__CONFIG__V1__FIELD__INIT, role = name, hash = name;
    Stoa__Config__V1__Field *list[] = { &name, &role, &hash };
    int code = check_name(j);

    if (code == STOA_OK)
        code = take_password(j);
    if (code != STOA_OK)
        return code;
    name.name = (char *)(uintptr_t)"name";
    name.value = (char *)(uintptr_t)j->name;
    role.name = (char *)(uintptr_t)"role";
    role.value = (char *)(uintptr_t)j->role;
    hash.name = (char *)(uintptr_t)"passwordHash";
    hash.secret = j->hash;
    req.kind = (char *)(uintptr_t)kind;
    req.fields = list;
    req.n_fields = ARRAY_LEN(list);
    return write_request(j, &req.base, "added");
}

static int run_passwd(struct job *j)
{
    Stoa__Config__V1__SetRequest req = STOA__CONFIG__V1__SET_REQUEST__INIT;
    Stoa__Config__V1__Field hash = STOA__CONFIG__V1__FIELD__INIT;
    Stoa__Config__V1__Field *list[] = { &hash };
    int code = take_password(j);

    if (code != STOA_OK)
        return code;
    hash.name = (char *)(uintptr_t)"passwordHash";
    hash.secret = j->hash;
    req.kind = (char *)(uintptr_t)kind;
    req.id = (char *)(uintptr_t)j->name;
    req.fields = list;
    req.n_fields = ARRAY_LEN(list);
    return write_request(j, &req.base, "has a new password");
}

static int run_del(struct job *j)
{
    Stoa__Config__V1__DeleteRequest req = STOA__CONFIG__V1__DELETE_REQUEST__INIT;

    req.kind = (char *)(uintptr_t)kind;
    req.id = (char *)(uintptr_t)j->name;
    return write_request(j, &req.base, "deleted");
}

static int list_page(struct job *j, uint32_t offset, size_t *got)
{
    Stoa__Config__V1__ListRequest req = STOA__CONFIG__V1__LIST_REQUEST__INIT;
    const struct kinds_kind *k = kinds_find(kind);
    struct ask_reply reply;
    int code;

    req.kind = (char *)(uintptr_t)kind;
    req.has_offset = req.has_limit = true;
    req.offset = offset;
    req.limit = PAGE;
    code = request(j, &req.base, &reply);
    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__ListReply *r = (const void *)reply.body;

    *got = r->n_rows;
    if (r->problem)
        code = config_complain(r->problem);
    else if (!j->ctx->json && (offset == 0 || r->n_rows > 0))
        config_print_table(k, r->rows, r->n_rows);
    for (size_t i = 0; !r->problem && j->ctx->json && i < r->n_rows; i++)
        config_print_row(k, r->rows[i], true);
    ask_reply_fini(&reply);
    return code;
}

static int run_list(struct job *j)
{
    uint32_t offset = 0;
    size_t got = 0;
    int code;

    do {
        code = list_page(j, offset, &got);
        offset += (uint32_t)got;
    } while (code == STOA_OK && got == PAGE);
    return code;
}

static const struct {
    const char *name;
    int words; /* after it */
    int (*run)(struct job *j);
} subcommands[] = {
    { "add", 2, run_add },
    { "passwd", 1, run_passwd },
    { "del", 1, run_del },
    { "list", 0, run_list },
};

/* Takes --password-file out of the words. */
static int take_options(struct job *j, int *argc, char **argv)
{
    static const char option[] = "--password-file";
    int n = 1;

    for (int i = 1; i < *argc; i++) {
        if (str_starts(argv[i], "--password-file="))
            j->file = argv[i] + sizeof(option);
        else if (str_eq(argv[i], option) && i + 1 < *argc)
            j->file = argv[++i];
        else if (str_starts(argv[i], "--"))
            return stoa_usage("there is no option \"%s\", or it needs a value", argv[i]);
        else
            argv[n++] = argv[i];
    }
    *argc = n;
    return STOA_OK;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    struct job j = { .ctx = ctx };
    int code = take_options(&j, &argc, argv);

    if (code != STOA_OK)
        return code;
    if (argc < 2)
        return stoa_usage("say what to do: add, list, passwd or del");
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++) {
        if (!str_eq(subcommands[i].name, argv[1]))
            continue;
        if (argc - 2 != subcommands[i].words)
            return stoa_usage("\"%s\" takes %d word%s", argv[1], subcommands[i].words,
                              subcommands[i].words == 1 ? "" : "s");
        j.name = argc > 2 ? argv[2] : NULL;
        j.role = argc > 3 ? argv[3] : NULL;
        code = subcommands[i].run(&j);
        ask_close(&j.ask);
        explicit_bzero(&j, sizeof(j));
        return code;
    }
    return stoa_usage("there is no \"%s\"", argv[1]);
}

const struct stoa_cmd cmd_user = {
    .name = "user",
    .args = "add NAME admin|api|audit | passwd NAME | del NAME | list",
    .summary = "users of the REST API and the web administration",
    .help = "add NAME ROLE   makes a user; admin: everything, api: the REST API, audit: reading "
            "alone\n"
            "passwd NAME     gives a user a new password; who is logged in with the old one is out "
            "at once\n"
            "del NAME        deletes a user\n"
            "list            lists users and their roles\n"
            "\n"
            "  --password-file FILE  the first line of FILE, - for standard input, is the\n"
            "                        password; else it is typed twice. 8 to 256 bytes\n"
            "\n"
            "Passwords are stored as slow hashes; nobody can read them back.\n",
    .run = run,
};
