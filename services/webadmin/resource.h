/* SPDX-License-Identifier: Apache-2.0
 * Collections of the REST API. A collection is a row of the table in resource.c: the kind that it
 * shows (lib/kinds) and which elements in which order. Reads and writes are requests to config. */
#ifndef WEBADMIN_RESOURCE_H
#define WEBADMIN_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <config.pb-c.h>
#include <kinds/kinds.h>

#include "webadmin.h"

/* What stands below an object: /turnServers/<id>/status. Reading alone. */
struct resource_part {
    const char *name;
    void (*get)(struct wa_conn *c, const char *id);
};

struct resource {
    const char *kind;            /* its name is the alias in the singular */
    const char *const *list;     /* elements of an entry of a list, in order; NULL-terminated */
    const char *const *single;   /* elements of an object alone */
    const char *const *ignored;  /* parameters that are taken and do nothing; or NULL */
    const struct resource_part *part; /* or NULL */
    /* Objects that are in no row of config and cannot be changed; NULL: there are none. Returns
     * how many match the filter (NULL: all); *rows gets them in a stable order.
     * Owner: the caller, resource_rows_free(). */
    size_t (*derived)(struct webadmin *wa, const char *filter, Stoa__Config__V1__Row ***rows);
};

/* The collection of a path's first segment, in the plural or the singular, in any case; NULL. */
const struct resource *resource_find(const char *segment);

/* True for the name of a collection that exists in the guide's system and is always empty here. */
bool resource_is_empty(const char *segment, const char **name);

/* The requests. Each answers, now or later. `id` is a GUID in its normal form. */
void resource_list(struct wa_conn *c, const struct resource *res);
void resource_get(struct wa_conn *c, const struct resource *res, const char *id);
void resource_add(struct wa_conn *c, const struct resource *res);
void resource_set(struct wa_conn *c, const struct resource *res, const char *id);
void resource_delete(struct wa_conn *c, const struct resource *res, const char *id);

/* Asks config; a restart of it is waited out. `fn` gets the connection. */
void resource_ask(struct wa_conn *c, const ProtobufCMessage *body, bus_reply_fn fn);

/* Answers a request to config that failed as such: nobody there, no answer. */
void resource_unreachable(struct wa_conn *c, const struct bus_result *result);

/* Answers with config's reason for refusing. */
void resource_problem(struct wa_conn *c, const Stoa__Config__V1__Problem *p);

/* A row in memory. Owner: the caller, resource_rows_free(). */
Stoa__Config__V1__Row *resource_row_new(const char *kind, const char *id);
void resource_row_put(Stoa__Config__V1__Row *row, const char *field, const char *value);
void resource_rows_free(Stoa__Config__V1__Row **rows, size_t n);

/* The turnServers' own, in turn.c. */
extern const struct resource_part turn_part;
size_t turn_derived(struct webadmin *wa, const char *filter, Stoa__Config__V1__Row ***rows);

#endif
