/* SPDX-License-Identifier: Apache-2.0
 * Rows of the configuration over the bus. */
#include "config_rows.h"

#include <stdlib.h>

#include <base/mem.h>
#include <base/str.h>
#include <kinds/kinds.h>

#include "config_ask.h"

enum { FIELDS_MAX = 16, ROWS_MAX = 8, PAGE = 500 };

typedef Stoa__Config__V1__Field field_msg;

struct fields {
    field_msg items[FIELDS_MAX];
    field_msg *list[FIELDS_MAX];
    size_t n;
};

static char *text(const char *s)
{
    return (char *)(uintptr_t)s;
}

/* Those with a value; secret ones where the tap masks them. */
static void take(struct fields *f, const char *kind, const struct config_field *from, size_t n)
{
    f->n = 0;
    for (size_t i = 0; i < n && f->n < FIELDS_MAX; i++) {
        const struct kinds_field *known = kinds_field(kinds_find(kind), from[i].name);
        field_msg *m = &f->items[f->n];

        if (!from[i].value)
            continue;
        stoa__config__v1__field__init(m);
        m->name = text(from[i].name);
        if (known && kinds_is_secret(known))
            m->secret = text(from[i].value);
        else
            m->value = text(from[i].value);
        f->list[f->n++] = m;
    }
}

static int write_request(struct config_site *s, const ProtobufCMessage *body, bool may_lack)
{
    struct ask_reply reply;
    int code = config_ask(&s->ask, s->ctx, body, &reply);

    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__WriteReply *r = (const void *)reply.body;

    if (r->problem &&
        !(may_lack && r->problem->code == STOA__CONFIG__V1__PROBLEM__CODE__NOT_FOUND))
        code = config_complain(r->problem);
    ask_reply_fini(&reply);
    return code;
}

int config_write(struct config_site *s, const char *kind, const char *id,
                 const struct config_field *fields, size_t n)
{
    Stoa__Config__V1__AddRequest add = STOA__CONFIG__V1__ADD_REQUEST__INIT;
    Stoa__Config__V1__SetRequest set = STOA__CONFIG__V1__SET_REQUEST__INIT;
    struct fields f;

    take(&f, kind, fields, n);
    add.kind = set.kind = text(kind);
    add.fields = set.fields = f.list;
    add.n_fields = set.n_fields = f.n;
    set.id = text(id);
    return write_request(s, id ? &set.base : &add.base, false);
}

int config_delete(struct config_site *s, const char *kind, const char *id, bool may_lack)
{
    Stoa__Config__V1__DeleteRequest req = STOA__CONFIG__V1__DELETE_REQUEST__INIT;

    req.kind = text(kind);
    req.id = text(id);
    return write_request(s, &req.base, may_lack);
}

int config_get(struct config_site *s, const char *kind, const char *id, struct ask_reply *reply,
               const Stoa__Config__V1__Row **row)
{
    Stoa__Config__V1__GetRequest req = STOA__CONFIG__V1__GET_REQUEST__INIT;
    int code;

    req.kind = text(kind);
    req.id = text(id);
    *row = NULL;
    *reply = (struct ask_reply){ 0 };
    code = config_ask(&s->ask, s->ctx, &req.base, reply);
    if (code != STOA_OK)
        return code;
    const Stoa__Config__V1__GetReply *r = (const void *)reply->body;

    if (r->problem && r->problem->code != STOA__CONFIG__V1__PROBLEM__CODE__NOT_FOUND)
        return config_complain(r->problem);
    *row = r->problem ? NULL : r->row;
    return STOA_OK;
}

int config_each(struct config_site *s, const char *kind, config_row_fn fn, void *arg)
{
    Stoa__Config__V1__ListRequest req = STOA__CONFIG__V1__LIST_REQUEST__INIT;
    int code = STOA_OK;
    size_t got = PAGE;

    req.kind = text(kind);
    req.has_offset = req.has_limit = true;
    req.limit = PAGE;
    for (; code == STOA_OK && got == PAGE; req.offset += PAGE) {
        struct ask_reply reply;

        code = config_ask(&s->ask, s->ctx, &req.base, &reply);
        if (code != STOA_OK)
            break;
        const Stoa__Config__V1__ListReply *r = (const void *)reply.body;

        got = r->n_rows;
        if (r->problem)
            code = config_complain(r->problem);
        for (size_t i = 0; code == STOA_OK && i < r->n_rows; i++)
            fn(arg, r->rows[i]);
        ask_reply_fini(&reply);
    }
    return code;
}

int config_add_all(struct config_site *s, const struct config_row *rows, size_t n)
{
    Stoa__Config__V1__ImportRequest req = STOA__CONFIG__V1__IMPORT_REQUEST__INIT;
    Stoa__Config__V1__Row items[ROWS_MAX], *list[ROWS_MAX];
    struct fields *f = mem_calloc(ROWS_MAX, sizeof(*f));
    int code;

    req.rows = list;
    for (size_t i = 0; i < n && i < ROWS_MAX; i++) {
        stoa__config__v1__row__init(&items[i]);
        take(&f[i], rows[i].kind, rows[i].fields, rows[i].n);
        items[i].kind = text(rows[i].kind);
        items[i].fields = f[i].list;
        items[i].n_fields = f[i].n;
        list[req.n_rows++] = &items[i];
    }
    code = write_request(s, &req.base, false);
    free(f);
    return code;
}
