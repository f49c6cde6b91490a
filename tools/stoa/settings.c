/* SPDX-License-Identifier: Apache-2.0
 * Settings of the site. */
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <config.pb-c.h>
#include <kinds/kinds.h>

static char kind[] = KINDS_SETTINGS;

static int ask_config(struct ask *ask, const ProtobufCMessage *body, struct ask_reply *reply,
                      struct str *why)
{
    const struct bus_dst dst = { .role = "config" };

    if (ask_request(ask, &dst, body, 0, reply) == BUS_OK)
        return 0;
    str_addf(why, "config does not answer: %s", reply->message);
    return -EIO;
}

static void take(const Stoa__Config__V1__Row *row, const char *name, char **value)
{
    for (size_t i = 0; row && i < row->n_fields; i++)
        if (str_eq(row->fields[i]->name, name) && !str_empty(row->fields[i]->value))
            *value = str_dup(row->fields[i]->value);
}

int settings_get(struct ask *ask, const char *const *names, char **values, size_t n,
                 struct str *why)
{
    Stoa__Config__V1__GetRequest req = STOA__CONFIG__V1__GET_REQUEST__INIT;
    const Stoa__Config__V1__GetReply *got;
    struct ask_reply reply;
    int err;

    for (size_t i = 0; i < n; i++)
        values[i] = NULL;
    req.kind = req.id = kind;
    err = ask_config(ask, &req.base, &reply, why);
    if (!err) {
        got = (const void *)reply.body;
        if (got->problem) {
            str_addf(why, "%s", got->problem->text);
            err = -EIO;
        }
        for (size_t i = 0; !err && i < n; i++)
            take(got->row, names[i], &values[i]);
    }
    ask_reply_fini(&reply);
    return err;
}

int settings_set(struct ask *ask, const char *name, const char *value, struct str *why)
{
    Stoa__Config__V1__SetRequest req = STOA__CONFIG__V1__SET_REQUEST__INIT;
    Stoa__Config__V1__Field field = STOA__CONFIG__V1__FIELD__INIT, *fields[] = { &field };
    struct ask_reply reply;
    int err;

    field.name = (char *)(uintptr_t)name;
    field.value = (char *)(uintptr_t)value;
    req.kind = req.id = kind;
    req.fields = fields;
    req.n_fields = 1;
    err = ask_config(ask, &req.base, &reply, why);
    if (!err) {
        const Stoa__Config__V1__WriteReply *r = (const void *)reply.body;

        if (r->problem) {
            str_addf(why, "%s", r->problem->text);
            err = -EIO;
        }
    }
    ask_reply_fini(&reply);
    return err;
}

char *settings_host(const char *url)
{
    const char *start = url ? strstr(url, "://") : NULL;
    size_t len;

    if (!start)
        return NULL;
    start += 3;
    if (*start == '[')
        return str_ndup(start + 1, strcspn(start + 1, "]"));
    len = strcspn(start, ":/?#");
    return len ? str_ndup(start, len) : NULL;
}
