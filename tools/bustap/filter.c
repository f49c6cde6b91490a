/* SPDX-License-Identifier: Apache-2.0
 * Which messages are shown: equality of names in the record, the envelope or the body. */
#include "bustap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/str.h>
#include <bus/bus.h>

int filter_add(struct filter *f, const char *name, const char *value)
{
    if (f->n == FILTER_MAX)
        return -E2BIG;
    f->cond[f->n].name = name;
    f->cond[f->n++].value = value;
    return 0;
}

/* A full name or its last part, in any case of letters. */
static bool match_type(const struct tapped *t, const char *value)
{
    return str_ieq(t->env->type, value) || str_ieq(show_short_type(t->env->type), value);
}

/* "webbridge", its instance, or both with a slash; the instance may be cut. */
static bool match_party(const char *role, const char *instance, const char *value)
{
    const char *slash = strchr(value, '/');
    size_t role_len = slash ? (size_t)(slash - value) : strlen(value);

    if (role && strlen(role) == role_len && strncmp(role, value, role_len) == 0)
        return !slash || (instance && str_starts(instance, slash + 1));
    return !slash && instance && strlen(value) >= 4 && str_starts(instance, value);
}

static bool match_src(const struct tapped *t, const char *value)
{
    return match_party(t->rec->src_role, t->rec->src_instance, value);
}

static bool match_dst(const struct tapped *t, const char *value)
{
    return match_party(t->rec->dst_role, t->rec->dst_instance, value);
}

static bool match_kind(const struct tapped *t, const char *value)
{
    return str_ieq(bus_kind_name(t->env->kind), value);
}

static bool match_subject(const struct tapped *t, const char *value)
{
    return str_eq(t->env->subject, value) || str_eq(t->env->dst_key, value);
}

static bool match_topic(const struct tapped *t, const char *value)
{
    return str_eq(t->env->topic, value);
}

static bool match_trace(const struct tapped *t, const char *value)
{
    char hex[2 * BUS_TRACE_ID_LEN + 1] = "";

    if (t->env->trace_id.len == BUS_TRACE_ID_LEN)
        (void)hex_encode(hex, t->env->trace_id.data, BUS_TRACE_ID_LEN);
    return str_ieq(hex, value);
}

static bool match_verdict(const struct tapped *t, const char *value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
        &stoa__bus__v1__verdict__descriptor, (int)t->rec->verdict);

    return v && str_ieq(v->name, value);
}

static bool equals(const json_t *j, const char *value)
{
    char text[32];

    if (json_is_string(j))
        return strcmp(json_string_value(j), value) == 0;
    if (json_is_boolean(j))
        return strcmp(json_is_true(j) ? "true" : "false", value) == 0;
    if (!json_is_integer(j))
        return false;
    (void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(j));
    return strcmp(text, value) == 0;
}

/* Looks for a member of that name and value at any depth. */
static bool search(const json_t *j, const char *name, const char *value)
{
    const char *key;
    json_t *item;
    size_t i;

    json_array_foreach (j, i, item) {
        if (search(item, name, value))
            return true;
    }
    json_object_foreach ((json_t *)(uintptr_t)j, key, item) {
        if ((strcmp(key, name) == 0 && equals(item, value)) || search(item, name, value))
            return true;
    }
    return false;
}

static const struct {
    const char *name;
    bool (*match)(const struct tapped *t, const char *value);
} known[] = {
    {"type", match_type},       {"src", match_src},     {"dst", match_dst},
    {"kind", match_kind},       {"topic", match_topic}, {"subject", match_subject},
    {"verdict", match_verdict}, {"trace", match_trace},
};

static bool match_one(const struct tapped *t, const char *name, const char *value)
{
    json_t *body;
    bool found;

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(name, known[i].name) == 0)
            return known[i].match(t, value);
    }
    body = show_body(t);
    found = search(body, name, value);
    json_decref(body);
    return found;
}

bool filter_match(const struct filter *f, const struct tapped *t)
{
    for (size_t i = 0; i < f->n; i++) {
        if (!match_one(t, f->cond[i].name, f->cond[i].value))
            return false;
    }
    return true;
}
