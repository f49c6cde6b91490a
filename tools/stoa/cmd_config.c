/* SPDX-License-Identifier: Apache-2.0
 * stoa config: read and change the configuration of the site. Knows no kind of its own: names and
 * fields come from the kind table, values are judged by config. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <config.pb-c.h>
#include <kinds/kinds.h>
#include <kinds/text.h>

#include "config_ask.h"
#include "config_print.h"
#include "stoa.h"

enum { PAGE = 500, FIELDS_MAX = 64, FILE_MAX_B = 1 << 20 };

typedef Stoa__Config__V1__Field field_msg;

/* Fields as given: name=value words. */
struct fields {
    field_msg items[FIELDS_MAX];
    field_msg *list[FIELDS_MAX];
    char *owned[FIELDS_MAX]; /* values read from files */
    size_t n;
};

/* Everything of one invocation. */
struct job {
    const struct stoa_ctx *ctx;
    struct ask *ask;
    const struct kinds_kind *kind;
    const char *id;
    struct fields fields;
    const char *filter;
    bool prune, dry_run, markdown;
    int argc; /* words left */
    char **argv;
};

/* --- talking to config ----------------------------------------------------------------------- */

static int request(struct job *j, const ProtobufCMessage *body, struct ask_reply *reply)
{
    return config_ask(&j->ask, j->ctx, body, reply);
}

/* Sends a write and says what it did. */
static int write_request(struct job *j, const ProtobufCMessage *body, const char *verb)
{
    struct ask_reply reply;
    int code = request(j, body, &reply);

    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__WriteReply *r = (const void *)reply.body;
    unsigned touched = r->added + r->changed + r->deleted;

    if (r->problem)
        code = config_complain(r->problem);
    else if (j->ctx->json)
        printf("{\"id\":\"%s\",\"added\":%u,\"changed\":%u,\"deleted\":%u}\n", r->id ? r->id : "",
               r->added, r->changed, r->deleted);
    else if (r->id)
        printf("%s %s %s\n", j->kind->name, r->id, touched ? verb : "is as it was");
    else
        printf("%s: %u added, %u changed, %u deleted\n", verb, r->added, r->changed, r->deleted);
    ask_reply_fini(&reply);
    return code;
}

/* --- arguments ------------------------------------------------------------------------------- */

static char *read_all(const char *path)
{
    FILE *f = str_eq(path, "-") ? stdin : fopen(path, "re");
    struct str text = { 0 };
    char part[4096];
    size_t n;

    if (!f) {
        stoa_fail("cannot read %s: %s", path, strerror(errno));
        return NULL;
    }
    while (text.len <= FILE_MAX_B && (n = fread(part, 1, sizeof(part), f)) > 0)
        str_addn(&text, part, n);
    if (f != stdin)
        fclose(f);
    if (text.len > FILE_MAX_B) {
        stoa_fail("%s is longer than 1 MiB", path);
        str_fini(&text);
        return NULL;
    }
    return str_take(&text);
}

/* name=value; name=@FILE takes the value from a file, so that a password need not stand in the
 * process list. */
static int take_field(struct job *j, char *word)
{
    char *eq = strchr(word, '=');
    field_msg *f = &j->fields.items[j->fields.n];

    if (!eq)
        return stoa_usage("expected name=value, found \"%s\"", word);
    if (j->fields.n == FIELDS_MAX)
        return stoa_usage("too many fields");
    *eq = '\0';
    if (!kinds_field(j->kind, word))
        return stoa_fail("%s has no field \"%s\"; see 'stoa config kinds'", j->kind->name, word);
    stoa__config__v1__field__init(f);
    f->name = word;
    f->value = eq + 1;
    if (f->value[0] == '@') {
        f->value = j->fields.owned[j->fields.n] = read_all(f->value + 1);
        if (!f->value)
            return STOA_FAILED;
        f->value[strcspn(f->value, "\r\n")] = '\0';
    }
    if (kinds_is_secret(kinds_field(j->kind, word))) {
        f->secret = f->value;
        f->value = NULL;
    }
    j->fields.list[j->fields.n++] = f;
    return STOA_OK;
}

static int take_kind(struct job *j)
{
    if (j->argc < 1)
        return stoa_usage("which kind? See 'stoa config kinds'");
    j->kind = kinds_find(j->argv[0]);
    if (!j->kind)
        return stoa_fail("there is no kind \"%s\"; see 'stoa config kinds'", j->argv[0]);
    j->argc--;
    j->argv++;
    return STOA_OK;
}

static int take_id(struct job *j)
{
    if (kinds_is_singleton(j->kind)) {
        j->id = j->kind->name;
        return STOA_OK;
    }
    if (j->argc < 1)
        return stoa_usage("which %s? Say its id or its %s", j->kind->name, j->kind->key);
    j->id = *j->argv++;
    j->argc--;
    return STOA_OK;
}

static int take_fields(struct job *j)
{
    int code = STOA_OK;

    for (; code == STOA_OK && j->argc > 0; j->argc--)
        code = take_field(j, *j->argv++);
    return code;
}

/* Takes the options out of the words. */
static int take_options(struct job *j)
{
    int n = 0;

    for (int i = 0; i < j->argc; i++) {
        if (str_eq(j->argv[i], "--prune"))
            j->prune = true;
        else if (str_eq(j->argv[i], "--dry-run"))
            j->dry_run = true;
        else if (str_eq(j->argv[i], "--markdown"))
            j->markdown = true;
        else if (str_starts(j->argv[i], "--filter="))
            j->filter = j->argv[i] + strlen("--filter=");
        else if (str_eq(j->argv[i], "--filter") && i + 1 < j->argc)
            j->filter = j->argv[++i];
        else if (str_starts(j->argv[i], "--"))
            return stoa_usage("there is no option \"%s\"", j->argv[i]);
        else
            j->argv[n++] = j->argv[i];
    }
    j->argc = n;
    return STOA_OK;
}

/* --- the subcommands ------------------------------------------------------------------------- */

static int run_kinds(struct job *j)
{
    struct str page = { 0 };

    if (j->markdown) {
        kinds_markdown(&page);
        fputs(page.s, stdout);
        str_fini(&page);
    } else {
        config_print_kinds(kinds_site(j->ctx->site), j->ctx->json);
    }
    return STOA_OK;
}

/* One page of a list; `*got` gets its length, `*total` how many there are. */
static int list_page(struct job *j, uint32_t offset, size_t *got, uint32_t *total)
{
    Stoa__Config__V1__ListRequest req = STOA__CONFIG__V1__LIST_REQUEST__INIT;
    struct ask_reply reply;
    int code;

    req.kind = (char *)(uintptr_t)j->kind->name;
    req.filter = (char *)(uintptr_t)j->filter;
    req.has_offset = req.has_limit = true;
    req.offset = offset;
    req.limit = PAGE;
    req.match = j->fields.list;
    req.n_match = j->fields.n;
    code = request(j, &req.base, &reply);
    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__ListReply *r = (const void *)reply.body;

    *got = r->n_rows;
    *total = r->total;
    if (r->problem)
        code = config_complain(r->problem);
    else if (!j->ctx->json)
        config_print_table(j->kind, r->rows, r->n_rows);
    for (size_t i = 0; !r->problem && j->ctx->json && i < r->n_rows; i++)
        config_print_row(j->kind, r->rows[i], true);
    ask_reply_fini(&reply);
    return code;
}

static int run_list(struct job *j)
{
    uint32_t offset = 0, total = 0;
    size_t got = 0;
    int code = take_kind(j);

    if (code == STOA_OK)
        code = take_fields(j);
    if (code != STOA_OK)
        return code;
    do {
        code = list_page(j, offset, &got, &total);
        offset += (uint32_t)got;
    } while (code == STOA_OK && got > 0 && offset < total);
    return code;
}

static int run_get(struct job *j)
{
    Stoa__Config__V1__GetRequest req = STOA__CONFIG__V1__GET_REQUEST__INIT;
    struct ask_reply reply;
    int code = take_kind(j);

    if (code == STOA_OK)
        code = take_id(j);
    if (code != STOA_OK)
        return code;
    req.kind = (char *)(uintptr_t)j->kind->name;
    req.id = (char *)(uintptr_t)j->id;
    code = request(j, &req.base, &reply);
    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__GetReply *r = (const void *)reply.body;

    if (r->problem)
        code = config_complain(r->problem);
    else
        config_print_row(j->kind, r->row, j->ctx->json);
    ask_reply_fini(&reply);
    return code;
}

static int run_add(struct job *j)
{
    Stoa__Config__V1__AddRequest req = STOA__CONFIG__V1__ADD_REQUEST__INIT;
    int code = take_kind(j);

    if (code == STOA_OK)
        code = take_fields(j);
    if (code != STOA_OK)
        return code;
    req.kind = (char *)(uintptr_t)j->kind->name;
    req.fields = j->fields.list;
    req.n_fields = j->fields.n;
    return write_request(j, &req.base, "added");
}

static int run_set(struct job *j)
{
    Stoa__Config__V1__SetRequest req = STOA__CONFIG__V1__SET_REQUEST__INIT;
    int code = take_kind(j);

    if (code == STOA_OK)
        code = take_id(j);
    if (code == STOA_OK)
        code = take_fields(j);
    if (code == STOA_OK && j->fields.n == 0)
        code = stoa_usage("what is to be changed? Say name=value; an empty value unsets");
    if (code != STOA_OK)
        return code;
    req.kind = (char *)(uintptr_t)j->kind->name;
    req.id = (char *)(uintptr_t)j->id;
    req.fields = j->fields.list;
    req.n_fields = j->fields.n;
    return write_request(j, &req.base, "changed");
}

static int run_delete(struct job *j)
{
    Stoa__Config__V1__DeleteRequest req = STOA__CONFIG__V1__DELETE_REQUEST__INIT;
    int code = take_kind(j);

    if (code == STOA_OK)
        code = take_id(j);
    if (code != STOA_OK)
        return code;
    req.kind = (char *)(uintptr_t)j->kind->name;
    req.id = (char *)(uintptr_t)j->id;
    return write_request(j, &req.base, "deleted");
}

static int export_piece(struct job *j, uint32_t *offset, bool *more)
{
    Stoa__Config__V1__ExportRequest req = STOA__CONFIG__V1__EXPORT_REQUEST__INIT;
    struct ask_reply reply;
    int code;

    req.kinds = j->argv;
    req.n_kinds = (size_t)j->argc;
    req.has_offset = true;
    req.offset = *offset;
    code = request(j, &req.base, &reply);
    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__ExportReply *r = (const void *)reply.body;

    if (r->problem)
        code = config_complain(r->problem);
    for (size_t i = 0; !r->problem && i < r->n_rows; i++) {
        const struct kinds_kind *k = kinds_find(r->rows[i]->kind);

        if (k && j->ctx->json)
            config_print_row(k, r->rows[i], true);
        else if (k)
            config_print_text(r->rows[i]);
    }
    *offset += (uint32_t)r->n_rows;
    *more = r->more && r->n_rows > 0;
    ask_reply_fini(&reply);
    return code;
}

static int run_export(struct job *j)
{
    uint32_t offset = 0;
    bool more = true;
    int code = STOA_OK;

    if (!j->ctx->json)
        printf("# Configuration of the site \"%s\". It holds passcodes and link secrets, no "
               "passwords.\n\n",
               j->ctx->site);
    while (code == STOA_OK && more)
        code = export_piece(j, &offset, &more);
    return code;
}

/* The rows of a text as messages that point into it. */
static Stoa__Config__V1__Row **rows_of(struct kinds_text *t)
{
    Stoa__Config__V1__Row *rows = mem_calloc(t->n_rows + 1, sizeof(*rows));
    Stoa__Config__V1__Row **list = mem_calloc(t->n_rows + 1, sizeof(*list));

    for (size_t i = 0; i < t->n_rows; i++) {
        const struct kinds_text_row *from = &t->rows[i];
        field_msg *fields = from->n_fields ? mem_calloc(from->n_fields, sizeof(*fields)) : NULL;

        stoa__config__v1__row__init(&rows[i]);
        rows[i].kind = from->kind;
        rows[i].id = from->id;
        rows[i].n_fields = from->n_fields;
        rows[i].fields = mem_calloc(from->n_fields + 1, sizeof(field_msg *));
        for (size_t f = 0; f < from->n_fields; f++) {
            bool secret =
                kinds_is_secret(kinds_field(kinds_find(from->kind), from->fields[f].name));

            stoa__config__v1__field__init(&fields[f]);
            fields[f].name = from->fields[f].name;
            *(secret ? &fields[f].secret : &fields[f].value) = from->fields[f].value;
            rows[i].fields[f] = &fields[f];
        }
        list[i] = &rows[i];
    }
    return list;
}

static void rows_free(Stoa__Config__V1__Row **list, size_t n)
{
    Stoa__Config__V1__Row *rows = list[0];

    for (size_t i = 0; i < n; i++) {
        free(list[i]->n_fields ? list[i]->fields[0] : NULL);
        free(list[i]->fields);
    }
    free(rows);
    free(list);
}

/* Says at which line of the file a problem lies. */
static int import_problem(const char *path, const struct kinds_text *t,
                          const Stoa__Config__V1__Problem *p)
{
    if (p->row > 0 && p->row <= t->n_rows)
        return stoa_fail("%s: line %u: %s; nothing was changed", path, t->rows[p->row - 1].line,
                         p->text);
    return stoa_fail("%s: %s; nothing was changed", path, p->text);
}

static int send_import(struct job *j, const char *path, struct kinds_text *t)
{
    Stoa__Config__V1__ImportRequest req = STOA__CONFIG__V1__IMPORT_REQUEST__INIT;
    Stoa__Config__V1__Row **rows = rows_of(t);
    struct ask_reply reply;
    int code;

    req.rows = rows;
    req.n_rows = t->n_rows;
    req.has_prune = req.has_dry_run = true;
    req.prune = j->prune;
    req.dry_run = j->dry_run;
    code = request(j, &req.base, &reply);
    if (code == STOA_OK) {
        const Stoa__Config__V1__WriteReply *r = (const void *)reply.body;

        if (r->problem)
            code = import_problem(path, t, r->problem);
        else if (j->ctx->json)
            printf("{\"added\":%u,\"changed\":%u,\"deleted\":%u}\n", r->added, r->changed,
                   r->deleted);
        else
            printf("%s: %u added, %u changed, %u deleted\n", j->dry_run ? "would be" : "imported",
                   r->added, r->changed, r->deleted);
        ask_reply_fini(&reply);
    }
    rows_free(rows, t->n_rows);
    return code;
}

static int run_import(struct job *j)
{
    struct kinds_text t = { 0 };
    struct str why = { 0 };
    char *text;
    int code = STOA_OK;

    if (j->argc != 1)
        return stoa_usage("import takes one file, or - for standard input");
    text = read_all(j->argv[0]);
    if (!text)
        return STOA_FAILED;
    if (kinds_text_parse(&t, text, &why))
        code = stoa_fail("%s: %s", j->argv[0], why.s);
    else if (t.n_rows == 0)
        code = stoa_fail("%s: there is nothing in it", j->argv[0]);
    else
        code = send_import(j, j->argv[0], &t);
    str_fini(&why);
    kinds_text_fini(&t);
    free(text);
    return code;
}

static int run_backup(struct job *j)
{
    Stoa__Config__V1__BackupRequest req = STOA__CONFIG__V1__BACKUP_REQUEST__INIT;
    struct ask_reply reply;
    int code = request(j, &req.base, &reply);

    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__BackupReply *r = (const void *)reply.body;

    if (r->problem)
        code = config_complain(r->problem);
    else if (j->ctx->json)
        printf("{\"name\":\"%s\",\"bytes\":%llu}\n", r->name, (unsigned long long)r->size_b);
    else
        printf(
            "backup/%s written. It can be read with keys/config.seal only: keep that elsewhere.\n",
            r->name);
    ask_reply_fini(&reply);
    return code;
}

static int run_restore(struct job *j)
{
    Stoa__Config__V1__RestoreRequest req = STOA__CONFIG__V1__RESTORE_REQUEST__INIT;

    if (j->argc != 1)
        return stoa_usage("restore takes the name of a file in the backup folder");
    req.name = j->argv[0];
    return write_request(j, &req.base, "restored");
}

static const struct {
    const char *name;
    int (*run)(struct job *j);
} subcommands[] = {
    { "kinds", run_kinds },     { "list", run_list },     { "get", run_get },
    { "add", run_add },         { "set", run_set },       { "delete", run_delete },
    { "export", run_export },   { "import", run_import }, { "backup", run_backup },
    { "restore", run_restore },
};

static void finish(struct job *j)
{
    ask_close(&j->ask);
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        if (j->fields.owned[i])
            explicit_bzero(j->fields.owned[i], strlen(j->fields.owned[i]));
        free(j->fields.owned[i]);
    }
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    struct job j = { .ctx = ctx, .argc = argc - 2, .argv = argv + 2 };
    int code;

    if (argc < 2)
        return stoa_usage("say what to do, such as list, get, set");
    code = take_options(&j);
    for (size_t i = 0; code == STOA_OK && i < ARRAY_LEN(subcommands); i++)
        if (str_eq(subcommands[i].name, argv[1])) {
            code = subcommands[i].run(&j);
            finish(&j);
            return code;
        }
    return code == STOA_OK ? stoa_usage("there is no \"%s\"", argv[1]) : code;
}

const struct stoa_cmd cmd_config = {
    .name = "config",
    .args = "list|get|add|set|delete|export|import|kinds|backup|restore ...",
    .summary = "read and change the configuration of the site",
    .help = "list KIND [--filter TEXT] [NAME=VALUE ...]  short table of the objects of a kind\n"
            "get KIND ID                    one object with all its fields\n"
            "add KIND NAME=VALUE ...        makes an object\n"
            "set KIND ID NAME=VALUE ...     changes it; an empty value unsets the field\n"
            "delete KIND ID                 deletes it, and what belongs to it\n"
            "export [KIND ...]              writes everything as text (docs/config.md)\n"
            "import FILE [--prune] [--dry-run]\n"
            "                               reads such a text, as a whole or not at all; --prune "
            "deletes\n"
            "                               what it does not name, of the kinds that are in it\n"
            "kinds [--markdown]             lists kinds and their fields\n"
            "backup                         copies the database into the state's backup folder\n"
            "restore NAME                   puts such a copy back in place\n"
            "\n"
            "ID is the id, or the kind's key: the URI of a space, the name of a domain. `settings` "
            "has\n"
            "no ID. VALUE @FILE is the first line of a file, @- of standard input.\n"
            "\n"
            "  stoa config set space proxywebrtc passcode=4321\n"
            "  stoa config set settings webBridgeUri=https://cmsweb.octavio.com\n",
    .run = run,
};
