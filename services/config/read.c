/* SPDX-License-Identifier: Apache-2.0
 * Requests that read: list, get, export. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <config.pb-c.h>

#include "limits.h"
#include "msg.h"

static struct config *config_of(void *arg)
{
    return ((struct daemon *)arg)->user;
}

/* --- list ------------------------------------------------------------------------------------ */

static bool list_row(void *arg, struct store_row *row)
{
    return msg_rows_add(arg, row, MSG_ADMIN);
}

/* `match`: the fields that must be equal, in normal form. */
static int take_match(struct store_row *match, const Stoa__Config__V1__ListRequest *req,
                      struct store_problem *p)
{
    int err = msg_take_fields(match, req->match, req->n_match, p);

    for (size_t i = 0; !err && i < match->kind->n_fields; i++) {
        const struct kinds_field *f = &match->kind->fields[i];
        struct str norm = { 0 }, why = { 0 };

        if (!match->values[i])
            continue;
        if (kinds_is_secret(f) || (f->flags & KINDS_ACTION))
            err = store_fail(p, STORE_INVALID, "parameterError", match->kind, f,
                             "cannot be searched for");
        else if (match->values[i][0] && kinds_check(f, match->values[i], &norm, &why))
            err = store_fail(p, STORE_INVALID, "parameterError", match->kind, f, "%s", why.s);
        else if (norm.s)
            str_set(&match->values[i], norm.s);
        str_fini(&norm);
        str_fini(&why);
    }
    return err;
}

static int list(struct config *c, const Stoa__Config__V1__ListRequest *req, struct msg_rows *rows,
                unsigned *total, struct store_problem *p)
{
    struct store_query q = {
        .kind = store_kind(c->store, req->kind, p),
        .filter = req->filter,
        .offset = req->offset,
        .limit = req->limit ? MIN(req->limit, CONFIG_LIST_MAX) : CONFIG_LIST_DEFAULT,
    };
    struct store_row match;
    int err;

    if (!q.kind)
        return -ENOENT;
    if (req->filter && strlen(req->filter) > CONFIG_FILTER_MAX_B)
        return store_fail(p, STORE_INVALID, "parameterError", q.kind, NULL,
                          "the filter is too long");
    store_row_init(&match, q.kind);
    err = take_match(&match, req, p);
    q.match = &match;
    if (!err && store_list(c->store, &q, list_row, rows, total))
        err = store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", q.kind, NULL,
                         "the database cannot be read");
    store_row_fini(&match);
    return err;
}

void config_on_list(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Config__V1__ListRequest *req = (const void *)body;
    Stoa__Config__V1__ListReply reply = STOA__CONFIG__V1__LIST_REPLY__INIT;
    Stoa__Config__V1__Problem problem;
    struct store_problem p = { 0 };
    struct msg_rows rows = { 0 };
    unsigned total = 0;

    if (list(config_of(arg), req, &rows, &total, &p)) {
        msg_problem(&problem, &p);
        reply.problem = &problem;
    } else {
        reply.has_total = true;
        reply.total = total;
        reply.n_rows = rows.n;
        reply.rows = rows.rows;
    }
    bus_reply(call, &reply.base);
    msg_rows_fini(&rows);
}

/* --- get ------------------------------------------------------------------------------------- */

void config_on_get(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Config__V1__GetRequest *req = (const void *)body;
    Stoa__Config__V1__GetReply reply = STOA__CONFIG__V1__GET_REPLY__INIT;
    Stoa__Config__V1__Problem problem;
    struct config *c = config_of(arg);
    struct store_problem p = { 0 };
    const struct kinds_kind *kind = store_kind(c->store, req->kind, &p);
    struct store_row row;

    if (!kind || store_get(c->store, kind, req->id, &row, &p)) {
        msg_problem(&problem, &p);
        reply.problem = &problem;
    } else {
        reply.row = msg_row_new(&row, MSG_ADMIN);
        store_row_fini(&row);
    }
    bus_reply(call, &reply.base);
    msg_row_free(reply.row);
}

/* --- export ---------------------------------------------------------------------------------- */

struct exporter {
    struct store *store;
    struct msg_rows rows;
    uint32_t skip; /* rows that earlier pieces held */
    bool full;
};

/* References by key, as people write them: such a text also fits a site that has other ids. */
static void name_references(struct store *st, struct store_row *row)
{
    for (size_t i = 0; i < row->kind->n_fields; i++) {
        const struct kinds_field *f = &row->kind->fields[i];
        struct store_problem p;
        struct store_row target;

        if (f->type != KINDS_REF || !row->values[i] ||
            store_get(st, kinds_find(f->values), row->values[i], &target, &p))
            continue;
        if (store_row_get(&target, target.kind->key))
            str_set(&row->values[i], store_row_get(&target, target.kind->key));
        store_row_fini(&target);
    }
}

static bool export_row(void *arg, struct store_row *row)
{
    struct exporter *e = arg;

    if (e->skip > 0) {
        e->skip--;
        return true;
    }
    name_references(e->store, row);
    e->full = e->rows.n >= CONFIG_IMPORT_MAX || !msg_rows_add(&e->rows, row, MSG_EXPORT);
    return !e->full;
}

static bool asked_for(const Stoa__Config__V1__ExportRequest *req, const struct kinds_kind *kind)
{
    for (size_t i = 0; i < req->n_kinds; i++)
        if (str_eq(req->kinds[i], kind->name))
            return true;
    return req->n_kinds == 0;
}

static int export_all(struct config *c, const Stoa__Config__V1__ExportRequest *req,
                      struct exporter *e, struct store_problem *p)
{
    struct store_problem ignored;
    size_t n;
    const struct kinds_kind *k = kinds_all(&n);

    for (size_t i = 0; i < req->n_kinds; i++)
        if (!store_kind(c->store, req->kinds[i], p))
            return -ENOENT;
    for (size_t i = 0; !e->full && i < n; i++) {
        struct store_query q = { .kind = &k[i] };

        if (k[i].runtime || !asked_for(req, &k[i]) || !store_kind(c->store, k[i].name, &ignored))
            continue;
        if (store_list(c->store, &q, export_row, e, NULL))
            return store_fail(p, STORE_UNAVAILABLE, "databaseNotReady", &k[i], NULL,
                              "the database cannot be read");
    }
    return 0;
}

void config_on_export(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Config__V1__ExportRequest *req = (const void *)body;
    Stoa__Config__V1__ExportReply reply = STOA__CONFIG__V1__EXPORT_REPLY__INIT;
    Stoa__Config__V1__Problem problem;
    struct config *c = config_of(arg);
    struct exporter e = { .store = c->store, .skip = req->offset };
    struct store_problem p = { 0 };

    if (export_all(c, req, &e, &p)) {
        msg_problem(&problem, &p);
        reply.problem = &problem;
    } else {
        reply.n_rows = e.rows.n;
        reply.rows = e.rows.rows;
        reply.has_more = true;
        reply.more = e.full;
    }
    bus_reply(call, &reply.base);
    msg_rows_fini(&e.rows);
}
