/* SPDX-License-Identifier: Apache-2.0
 * Requests that write. The order is the promise: checked, on disk together with its answer,
 * published, answered. A repeated request gets the stored answer and does nothing again, across a
 * restart too. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <bus/envelope.h>
#include <bus/validate.h>
#include <config.pb-c.h>
#include <log/log.h>

#include "import.h"
#include "limits.h"
#include "msg.h"

/* What a write did, for the answer and the log. */
struct outcome {
    const struct kinds_kind *kind; /* NULL: several */
    char id[64];
    bool dry_run;
    const char *verb;
};

typedef int (*write_fn)(struct config *c, const ProtobufCMessage *body, struct outcome *o,
                        struct store_problem *p);

static struct config *config_of(void *arg)
{
    return ((struct daemon *)arg)->user;
}

void config_note_health(struct config *c, const struct store_problem *p)
{
    if (p->code == STORE_UNAVAILABLE || p->code == STORE_INTERNAL)
        daemon_fault_raise(c->daemon, "database", c->db_path, "%s", p->text);
    else
        daemon_fault_clear(c->daemon, "database", c->db_path);
}

/* --- the frame around every write ------------------------------------------------------------ */

static void answer_problem(struct bus_call *call, const struct store_problem *p)
{
    Stoa__Config__V1__WriteReply reply = STOA__CONFIG__V1__WRITE_REPLY__INIT;
    Stoa__Config__V1__Problem problem;

    msg_problem(&problem, p);
    reply.problem = &problem;
    bus_reply(call, &reply.base);
}

static bool answer_again(struct config *c, struct bus_call *call)
{
    ProtobufCMessage *reply = NULL;
    size_t len = 0;
    void *stored = store_done(c->store, bus_call_id(call), &len);
    int err = stored ? bus_unpack(&reply, &stoa__config__v1__write_reply__descriptor, stored, len)
                     : -ENOENT;

    free(stored);
    if (err)
        return false;
    bus_reply(call, reply);
    bus_msg_free(&reply);
    return true;
}

static void log_write_done(struct bus_call *call, const struct outcome *o,
                           const Stoa__Config__V1__WriteReply *r)
{
    if (o->kind)
        log_info("%s %s: %s, by=%s", o->kind->name, o->id,
                 r->added + r->changed + r->deleted ? o->verb : "unchanged", bus_call_role(call));
    else
        log_info("%s: %s, added=%u, changed=%u, deleted=%u, by=%s", o->verb,
                 o->dry_run ? "tried" : "done", r->added, r->changed, r->deleted,
                 bus_call_role(call));
}

/* Commits with the packed answer, publishes, answers. */
static int finish(struct config *c, struct bus_call *call, const struct outcome *o,
                  struct store_problem *p)
{
    Stoa__Config__V1__WriteReply reply = STOA__CONFIG__V1__WRITE_REPLY__INIT;
    uint8_t *packed;
    size_t len;
    int err = 0;

    store_counts(c->store, &reply.added, &reply.changed, &reply.deleted);
    reply.has_added = reply.has_changed = reply.has_deleted = true;
    if (o->kind)
        reply.id = (char *)(uintptr_t)o->id;
    packed = bus_pack(&reply.base, &len);
    if (o->dry_run)
        store_rollback(c->store);
    else
        err = store_commit(c->store, bus_call_id(call), packed, len, p);
    free(packed);
    if (err)
        return err;
    if (!o->dry_run)
        config_state_publish(c);
    log_write_done(call, o, &reply);
    bus_reply(call, &reply.base);
    return 0;
}

static void do_write(void *arg, struct bus_call *call, const ProtobufCMessage *body, write_fn fn)
{
    struct config *c = config_of(arg);
    struct store_problem p = { 0 };
    struct outcome o = { 0 };
    int err;

    if (answer_again(c, call))
        return;
    err = store_begin(c->store, &p);
    if (!err)
        err = fn(c, body, &o, &p);
    if (!err)
        err = finish(c, call, &o, &p);
    config_note_health(c, &p);
    if (!err)
        return;
    store_rollback(c->store);
    /* Without values: some are passcodes. */
    log_info("change refused: %s, kind=%s, field=%s, by=%s", p.name ? p.name : "error",
             p.kind ? p.kind : "-", p.field ? p.field : "-", bus_call_role(call));
    answer_problem(call, &p);
}

/* --- the writes ------------------------------------------------------------------------------ */

/* The kind, if it may be written by request. */
static const struct kinds_kind *writable(struct config *c, const char *name,
                                         struct store_problem *p)
{
    const struct kinds_kind *k = store_kind(c->store, name, p);

    if (!k || !k->runtime)
        return k;
    (void)store_fail(p, STORE_INVALID, "invalidOperation", k, NULL,
                     "registers itself and cannot be changed");
    return NULL;
}

static int write_add(struct config *c, const ProtobufCMessage *body, struct outcome *o,
                     struct store_problem *p)
{
    const Stoa__Config__V1__AddRequest *req = (const void *)body;
    struct store_row row;
    int err;

    o->verb = "added";
    o->kind = writable(c, req->kind, p);
    if (!o->kind)
        return -EINVAL;
    store_row_init(&row, o->kind);
    (void)!str_copy(row.id, sizeof(row.id), req->id ? req->id : "");
    err = msg_take_fields(&row, req->fields, req->n_fields, p);
    if (!err)
        err = store_add(c->store, &row, p);
    memcpy(o->id, row.id, sizeof(o->id));
    store_row_fini(&row);
    return err;
}

/* The id of an object named by id or key. */
static int resolve(struct config *c, const char *kind, const char *what, struct outcome *o,
                   struct store_problem *p)
{
    struct store_row row;
    int err;

    o->kind = writable(c, kind, p);
    if (!o->kind)
        return -EINVAL;
    err = store_get(c->store, o->kind, what, &row, p);
    if (err)
        return err;
    memcpy(o->id, row.id, sizeof(o->id));
    store_row_fini(&row);
    return 0;
}

static int write_set(struct config *c, const ProtobufCMessage *body, struct outcome *o,
                     struct store_problem *p)
{
    const Stoa__Config__V1__SetRequest *req = (const void *)body;
    struct store_row row;
    bool changed;
    int err = resolve(c, req->kind, req->id, o, p);

    o->verb = "changed";
    if (err)
        return err;
    store_row_init(&row, o->kind);
    memcpy(row.id, o->id, sizeof(row.id));
    err = msg_take_fields(&row, req->fields, req->n_fields, p);
    if (!err)
        err = store_set(c->store, &row, &changed, p);
    store_row_fini(&row);
    return err;
}

static int write_delete(struct config *c, const ProtobufCMessage *body, struct outcome *o,
                        struct store_problem *p)
{
    const Stoa__Config__V1__DeleteRequest *req = (const void *)body;
    int err = resolve(c, req->kind, req->id, o, p);

    o->verb = "deleted";
    return err ? err : store_delete(c->store, o->kind, o->id, p);
}

static int take_rows(struct config *c, const Stoa__Config__V1__ImportRequest *req,
                     struct store_row *rows, size_t *taken, struct store_problem *p)
{
    int err = 0;

    for (size_t i = 0; !err && i < req->n_rows; i++) {
        const struct kinds_kind *kind = writable(c, req->rows[i]->kind, p);

        err = kind ? 0 : -EINVAL;
        if (!err) {
            store_row_init(&rows[(*taken)++], kind);
            (void)!str_copy(rows[i].id, sizeof(rows[i].id),
                            req->rows[i]->id ? req->rows[i]->id : "");
            err = msg_take_fields(&rows[i], req->rows[i]->fields, req->rows[i]->n_fields, p);
        }
        if (err)
            p->row = (unsigned)i + 1;
    }
    return err;
}

static int write_import(struct config *c, const ProtobufCMessage *body, struct outcome *o,
                        struct store_problem *p)
{
    const Stoa__Config__V1__ImportRequest *req = (const void *)body;
    struct store_row *rows;
    size_t taken = 0;
    int err;

    o->verb = "import";
    o->dry_run = req->dry_run;
    if (req->n_rows > CONFIG_IMPORT_MAX)
        return store_fail(p, STORE_INVALID, "invalidOperation", NULL, NULL,
                          "an import has at most %d objects", CONFIG_IMPORT_MAX);
    rows = mem_calloc(req->n_rows + 1, sizeof(*rows));
    err = take_rows(c, req, rows, &taken, p);
    if (!err)
        err = import_rows(c->store, rows, taken, req->prune, p);
    for (size_t i = 0; i < taken; i++)
        store_row_fini(&rows[i]);
    free(rows);
    return err;
}

void config_on_add(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    do_write(arg, call, body, write_add);
}

void config_on_set(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    do_write(arg, call, body, write_set);
}

void config_on_delete(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    do_write(arg, call, body, write_delete);
}

void config_on_import(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    do_write(arg, call, body, write_import);
}
