/* SPDX-License-Identifier: Apache-2.0
 * Collections. To open one, add its row to the table. */
#include "resource.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <log/log.h>

#include "xml.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct resource table[] = {
    { .kind = "turnServer",
      .list = NAMES("serverAddress", "clientAddress"),
      .single = NAMES("serverAddress", "clientAddress", "numRegistrations", "username", "type",
                      "tcpPortNumberOverride"),
      .ignored = NAMES("callBridge", "callBridgeGroup"),
      .part = &turn_part,
      .derived = turn_derived },
};

/* What generic clients list, and what does not exist here. */
static const char *const empty_collections[] = {
    "directorySearchLocations", "dtmfProfiles", "ivrBrandingProfiles", "ivrs", "layoutTemplates",
    "ldapMappings", "ldapServers", "ldapSources", "ldapSyncs", "recorders", "streamers",
    "tenantGroups", "tenants",
};

/* --- the table -------------------------------------------------------------------------------- */

static const struct kinds_kind *kind_of(const struct resource *res)
{
    return kinds_find(res->kind);
}

const struct resource *resource_find(const char *segment)
{
    const struct kinds_kind *kind = kinds_find_collection(segment);

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (kind == kind_of(&table[i]) || str_ieq(segment, table[i].kind))
            return &table[i];
    return NULL;
}

bool resource_is_empty(const char *segment, const char **name)
{
    for (size_t i = 0; i < ARRAY_LEN(empty_collections); i++)
        if (str_ieq(empty_collections[i], segment)) {
            *name = empty_collections[i];
            return true;
        }
    return false;
}

/* --- rows ------------------------------------------------------------------------------------- */

Stoa__Config__V1__Row *resource_row_new(const char *kind, const char *id)
{
    Stoa__Config__V1__Row *row = MEM_NEW(Stoa__Config__V1__Row);

    stoa__config__v1__row__init(row);
    row->kind = str_dup(kind);
    row->id = str_dup(id);
    return row;
}

void resource_row_put(Stoa__Config__V1__Row *row, const char *field, const char *value)
{
    Stoa__Config__V1__Field *f;

    if (str_empty(value))
        return;
    f = MEM_NEW(Stoa__Config__V1__Field);
    stoa__config__v1__field__init(f);
    f->name = str_dup(field);
    f->value = str_dup(value);
    row->fields = mem_realloc(row->fields, row->n_fields + 1, sizeof(*row->fields));
    row->fields[row->n_fields++] = f;
}

void resource_rows_free(Stoa__Config__V1__Row **rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        stoa__config__v1__row__free_unpacked(rows[i], NULL);
    free(rows);
}

/* The elements of a row. Sealed values are shown (link secrets), hidden ones never come here. */
static void print_row(struct str *out, const struct resource *res, const char *const *elements,
                      const Stoa__Config__V1__Row *row)
{
    str_addf(out, "<%s id=\"%s\">", res->kind, row->id);
    for (; *elements; elements++)
        for (size_t i = 0; i < row->n_fields; i++)
            if (str_eq(row->fields[i]->name, *elements))
                xml_element(out, *elements,
                            row->fields[i]->secret ? row->fields[i]->secret :
                                                     row->fields[i]->value);
    str_addf(out, "</%s>", res->kind);
}

/* --- failures --------------------------------------------------------------------------------- */

static void fail_parameter(struct wa_conn *c, const char *parameter, const char *error)
{
    struct reply r = { .status = 400 };
    struct str body = { 0 };

    xml_parameter_error(&body, parameter, error);
    wa_http_answer(c, &r, &body);
}

void resource_unreachable(struct wa_conn *c, const struct bus_result *result)
{
    if (log_limit("config is not reachable"))
        log_warning("request of %s: config did not answer, %s", c->req.user, result->message);
    wa_http_fail(c, 503, "databaseNotReady");
}

void resource_problem(struct wa_conn *c, const Stoa__Config__V1__Problem *p)
{
    const char *name = str_empty(p->name) ? "invalidOperation" : p->name;

    log_info("api user \"%s\": refused, %s", c->req.user, p->text ? p->text : name);
    switch (p->code) {
    case STOA__CONFIG__V1__PROBLEM__CODE__UNAVAILABLE:
        wa_http_fail(c, 503, name);
        return;
    case STOA__CONFIG__V1__PROBLEM__CODE__INTERNAL:
        wa_http_fail(c, 500, name);
        return;
    default:
        break;
    }
    if (str_eq(name, "parameterError"))
        fail_parameter(c, p->field ? p->field : "", "invalidValue");
    else
        wa_http_fail(c, 400, name);
}

/* --- asking config ---------------------------------------------------------------------------- */

void resource_ask(struct wa_conn *c, const ProtobufCMessage *body, bus_reply_fn fn)
{
    static const struct bus_dst dst = { .role = "config" };
    static const struct bus_req_opts opts = { .timeout_ms = WA_CONFIG_TIMEOUT_MS, .retry = true };

    c->req.asked = bus_request(c->wa->bus, &dst, body, &opts, fn, c);
}

/* The resource of the open request. */
static const struct resource *asked_for(const struct wa_conn *c)
{
    return resource_find(c->req.path.seg[0]);
}

static size_t derived(struct wa_conn *c, const struct resource *res, const char *filter,
                      Stoa__Config__V1__Row ***rows)
{
    *rows = NULL;
    return res->derived ? res->derived(c->wa, filter, rows) : 0;
}

/* True when the object is a derived one; `out` (may be NULL) gets its elements. */
static bool is_derived(struct wa_conn *c, const struct resource *res, const char *id,
                       struct str *out)
{
    Stoa__Config__V1__Row **rows;
    size_t n = derived(c, res, NULL, &rows);
    bool found = false;

    for (size_t i = 0; i < n && !found; i++) {
        found = str_eq(rows[i]->id, id);
        if (found && out)
            print_row(out, res, res->single, rows[i]);
    }
    resource_rows_free(rows, n);
    return found;
}

/* --- list ------------------------------------------------------------------------------------- */

/* Derived objects come behind all rows of config. */
static void answer_list(struct wa_conn *c, const Stoa__Config__V1__ListReply *reply)
{
    const struct resource *res = asked_for(c);
    const char *name = kind_of(res)->collection, *filter = form_get(&c->req.query, "filter");
    Stoa__Config__V1__Row **extra;
    size_t n_extra = derived(c, res, filter, &extra), left = c->req.limit;
    size_t skip = c->req.offset > reply->total ? c->req.offset - reply->total : 0;
    struct str body = { 0 };

    str_addf(&body, XML_HEAD "<%s total=\"%zu\">", name, reply->total + n_extra);
    for (size_t i = 0; i < reply->n_rows && left > 0; i++, left--)
        print_row(&body, res, res->list, reply->rows[i]);
    if (c->req.offset + reply->n_rows < reply->total)
        left = 0; /* the page ends before them */
    for (size_t i = skip; i < n_extra && left > 0; i++, left--)
        print_row(&body, res, res->list, extra[i]);
    str_addf(&body, "</%s>", name);
    resource_rows_free(extra, n_extra);
    wa_http_ok(c, &body);
}

static void on_list(void *arg, const struct bus_result *result)
{
    const Stoa__Config__V1__ListReply *reply = (const void *)result->body;
    struct wa_conn *c = arg;

    c->req.asked = NULL;
    if (!reply)
        resource_unreachable(c, result);
    else if (reply->problem)
        resource_problem(c, reply->problem);
    else
        answer_list(c, reply);
}

/* A number of the query. Returns false, having answered, when it is none. */
static bool take_number(struct wa_conn *c, const char *name, uint32_t dflt, uint32_t *out)
{
    const char *text = form_get(&c->req.query, name);
    int64_t n = dflt;

    if (!str_empty(text) && str_to_i64(text, 0, UINT32_MAX, &n) != 0) {
        fail_parameter(c, name, "invalidValue");
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

void resource_list(struct wa_conn *c, const struct resource *res)
{
    Stoa__Config__V1__ListRequest req = STOA__CONFIG__V1__LIST_REQUEST__INIT;
    struct wa_request *r = &c->req;

    if (!take_number(c, "offset", 0, &r->offset) ||
        !take_number(c, "limit", WA_PAGE_DEFAULT, &r->limit))
        return;
    r->limit = MIN(r->limit, (uint32_t)WA_PAGE_MAX);
    req.kind = (char *)(uintptr_t)res->kind;
    req.filter = (char *)(uintptr_t)form_get(&r->query, "filter");
    req.has_offset = req.has_limit = true;
    req.offset = r->offset;
    req.limit = MAX(r->limit, 1u); /* 0 would be config's own default; the total is asked for */
    resource_ask(c, &req.base, on_list);
}

/* --- get -------------------------------------------------------------------------------------- */

static void on_get(void *arg, const struct bus_result *result)
{
    const Stoa__Config__V1__GetReply *reply = (const void *)result->body;
    struct wa_conn *c = arg;
    const struct resource *res = asked_for(c);
    struct str body = { 0 };

    c->req.asked = NULL;
    if (!reply || (!reply->problem && !reply->row)) {
        resource_unreachable(c, result);
    } else if (reply->problem) {
        resource_problem(c, reply->problem);
    } else {
        str_add(&body, XML_HEAD);
        print_row(&body, res, res->single, reply->row);
        wa_http_ok(c, &body);
    }
}

void resource_get(struct wa_conn *c, const struct resource *res, const char *id)
{
    Stoa__Config__V1__GetRequest req = STOA__CONFIG__V1__GET_REQUEST__INIT;
    struct str body = { 0 };

    str_add(&body, XML_HEAD);
    if (is_derived(c, res, id, &body)) {
        wa_http_ok(c, &body);
        return;
    }
    str_fini(&body);
    req.kind = (char *)(uintptr_t)res->kind;
    req.id = (char *)(uintptr_t)id;
    resource_ask(c, &req.base, on_get);
}

/* --- writes ----------------------------------------------------------------------------------- */

/* Fields of a write, pointing into the form. */
struct fields {
    Stoa__Config__V1__Field items[WA_PARAMS_MAX], *list[WA_PARAMS_MAX];
    size_t n;
};

static const struct kinds_field *field_of(const struct kinds_kind *kind, const char *parameter)
{
    for (size_t i = 0; i < kind->n_fields; i++)
        if (str_ieq(kind->fields[i].name, parameter))
            return &kind->fields[i];
    return NULL;
}

static bool is_ignored(const struct resource *res, const char *parameter)
{
    for (const char *const *name = res->ignored; name && *name; name++)
        if (str_ieq(*name, parameter))
            return true;
    return false;
}

/* Returns false, having answered, when a parameter is not known. */
static bool take_fields(struct wa_conn *c, const struct resource *res, struct fields *out)
{
    const struct form *form = &c->req.form;

    out->n = 0;
    for (size_t i = 0; i < form->n; i++) {
        const struct kinds_field *field = field_of(kind_of(res), form->pairs[i].name);
        Stoa__Config__V1__Field *f = &out->items[out->n];

        if (!field && is_ignored(res, form->pairs[i].name))
            continue;
        if (!field) {
            fail_parameter(c, form->pairs[i].name, "unrecognizedParameter");
            return false;
        }
        stoa__config__v1__field__init(f);
        f->name = (char *)(uintptr_t)field->name;
        *(kinds_is_secret(field) ? &f->secret : &f->value) = form->pairs[i].value;
        out->list[out->n++] = f;
    }
    return true;
}

static void say_done(const struct wa_conn *c, const struct resource *res, const char *id,
                     const char *what)
{
    log_info("api user \"%s\": %s %s %s, client=%s", c->req.user, res->kind, id, what, c->peer_ip);
}

/* Returns the reply of a write that was done; NULL, having answered, when it was not. */
static const Stoa__Config__V1__WriteReply *done(struct wa_conn *c, const struct bus_result *result)
{
    const Stoa__Config__V1__WriteReply *reply = (const void *)result->body;

    c->req.asked = NULL;
    if (reply && !reply->problem)
        return reply;
    if (!reply)
        resource_unreachable(c, result);
    else
        resource_problem(c, reply->problem);
    return NULL;
}

static void on_add(void *arg, const struct bus_result *result)
{
    struct wa_conn *c = arg;
    const struct resource *res = asked_for(c);
    const Stoa__Config__V1__WriteReply *reply = done(c, result);
    struct reply r = { .status = 200 };
    struct str nothing = { 0 };
    char *location;

    if (!reply)
        return;
    say_done(c, res, reply->id, "added");
    location = str_printf("/api/v1/%s/%s", kind_of(res)->collection, reply->id);
    r.location = location;
    wa_http_answer(c, &r, &nothing);
    free(location);
}

void resource_add(struct wa_conn *c, const struct resource *res)
{
    Stoa__Config__V1__AddRequest req = STOA__CONFIG__V1__ADD_REQUEST__INIT;
    struct fields fields;

    if (!take_fields(c, res, &fields))
        return;
    req.kind = (char *)(uintptr_t)res->kind;
    req.fields = fields.list;
    req.n_fields = fields.n;
    resource_ask(c, &req.base, on_add);
}

static void on_set(void *arg, const struct bus_result *result)
{
    struct wa_conn *c = arg;
    const Stoa__Config__V1__WriteReply *reply = done(c, result);
    struct str nothing = { 0 };

    if (!reply)
        return;
    say_done(c, asked_for(c), reply->id, reply->changed ? "changed" : "is as it was");
    wa_http_ok(c, &nothing);
}

void resource_set(struct wa_conn *c, const struct resource *res, const char *id)
{
    Stoa__Config__V1__SetRequest req = STOA__CONFIG__V1__SET_REQUEST__INIT;
    struct fields fields;

    if (is_derived(c, res, id, NULL)) {
        wa_http_fail(c, 400, "invalidOperation");
        return;
    }
    if (!take_fields(c, res, &fields))
        return;
    req.kind = (char *)(uintptr_t)res->kind;
    req.id = (char *)(uintptr_t)id;
    req.fields = fields.list;
    req.n_fields = fields.n;
    resource_ask(c, &req.base, on_set);
}

static void on_delete(void *arg, const struct bus_result *result)
{
    struct wa_conn *c = arg;
    const Stoa__Config__V1__WriteReply *reply = done(c, result);
    struct str nothing = { 0 };

    if (!reply)
        return;
    say_done(c, asked_for(c), c->req.path.seg[1], "deleted");
    wa_http_ok(c, &nothing);
}

void resource_delete(struct wa_conn *c, const struct resource *res, const char *id)
{
    Stoa__Config__V1__DeleteRequest req = STOA__CONFIG__V1__DELETE_REQUEST__INIT;

    if (is_derived(c, res, id, NULL)) {
        wa_http_fail(c, 400, "invalidOperation");
        return;
    }
    req.kind = (char *)(uintptr_t)res->kind;
    req.id = (char *)(uintptr_t)id;
    resource_ask(c, &req.base, on_delete);
}
