/* SPDX-License-Identifier: Apache-2.0
 * Messages as lines for people and as JSON for programs. Secrets are masked here, in the one place
 * where bodies become text. */
#include "bustap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <bus/bus.h>
#include <bus/pbjson.h>
#include <bus/types.h>

enum { INSTANCE_SHOWN = 8 };

char *show_party(const char *role, const char *instance)
{
    if (str_empty(instance))
        return str_dup(role ? role : "?");
    return str_printf("%s/%.*s", role ? role : "?", INSTANCE_SHOWN, instance);
}

const char *show_short_type(const char *type)
{
    const char *dot = type ? strrchr(type, '.') : NULL;

    return dot ? dot + 1 : type ? type : "";
}

/* The rows of a state topic are messages in a bytes field: what is in them is masked by the same
 * rule, and bytes that cannot be read are not shown at all. */
static void open_row(json_t *row, const Stoa__Bus__V1__StateRow *in)
{
    const ProtobufCMessageDescriptor *type = bus_type_find("stoa.config.v1.Row");
    ProtobufCMessage *msg = NULL;
    char text[48];

    if (!in->has_data)
        return;
    if (type && !bus_unpack(&msg, type, in->data.data, in->data.len)) {
        (void)json_object_set_new(row, "data", bus_pbjson_encode(msg, true));
        bus_msg_free(&msg);
        return;
    }
    (void)snprintf(text, sizeof(text), "(%zu bytes)", in->data.len);
    (void)json_object_set_new(row, "data", json_string(text));
}

static void open_rows(json_t *body, Stoa__Bus__V1__StateRow *const *rows, size_t n)
{
    json_t *list = json_object_get(body, "rows");

    for (size_t i = 0; i < n; i++)
        open_row(json_array_get(list, i), rows[i]);
}

json_t *show_body(const struct tapped *t)
{
    const ProtobufCMessageDescriptor *type = bus_type_find(t->env->type);
    ProtobufCMessage *msg = NULL;
    json_t *body;

    if (!type || t->env->kind == STOA__BUS__V1__KIND__ERROR ||
        bus_unpack(&msg, type, t->env->body.data, t->env->body.len))
        return NULL;
    body = bus_pbjson_encode(msg, true);
    if (type == &stoa__bus__v1__state_update__descriptor) {
        const Stoa__Bus__V1__StateUpdate *up = (const void *)msg;

        open_rows(body, up->rows, up->n_rows);
    } else if (type == &stoa__bus__v1__snapshot_rows__descriptor) {
        const Stoa__Bus__V1__SnapshotRows *rows = (const void *)msg;

        open_rows(body, rows->rows, rows->n_rows);
    }
    bus_msg_free(&msg);
    return body;
}

static const char *verdict_name(const struct tapped *t)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
        &stoa__bus__v1__verdict__descriptor, (int)t->rec->verdict);

    return v ? v->name : "?";
}

static void trace_text(const struct tapped *t, char hex[2 * BUS_TRACE_ID_LEN + 1])
{
    hex[0] = 0;
    if (t->env->trace_id.len == BUS_TRACE_ID_LEN)
        (void)hex_encode(hex, t->env->trace_id.data, BUS_TRACE_ID_LEN);
}

static void time_text(int64_t us, char dst[32])
{
    time_t s = (time_t)(us / 1000000);
    struct tm tm;
    size_t n;

    (void)localtime_r(&s, &tm);
    n = strftime(dst, 16, "%H:%M:%S", &tm);
    (void)snprintf(dst + n, 32 - n, ".%06d", (int)(us % 1000000));
}

static char *receiver(const struct tapped *t)
{
    if (t->env->topic && t->env->kind == STOA__BUS__V1__KIND__EVENT)
        return str_printf("topic %s (%u)", t->env->topic, t->rec->receivers);
    return show_party(t->rec->dst_role ? t->rec->dst_role : BUS_ROLE, t->rec->dst_instance);
}

char *show_line(const struct tapped *t)
{
    char when[32], trace[2 * BUS_TRACE_ID_LEN + 1];
    char *src = show_party(t->rec->src_role, t->rec->src_instance), *dst = receiver(t), *text;
    json_t *body = show_body(t);
    struct str line = {0};

    time_text(t->rec->time_us, when);
    trace_text(t, trace);
    str_addf(&line, "%s  %s -> %s  %s %s", when, src, dst, bus_kind_name(t->env->kind),
             t->env->type ? t->env->type : "");
    if (t->env->kind == STOA__BUS__V1__KIND__ERROR)
        str_addf(&line, "  %s: %s", bus_code_name((enum bus_code)t->env->code),
                 t->env->message ? t->env->message : "");
    if (!str_empty(t->env->subject))
        str_addf(&line, "  subject=%s", t->env->subject);
    if (!str_empty(t->env->dst_key))
        str_addf(&line, "  key=%s", t->env->dst_key);
    if (trace[0])
        str_addf(&line, "  trace=%s", trace);
    if (t->rec->verdict != STOA__BUS__V1__VERDICT__DELIVERED)
        str_addf(&line, "  %s", verdict_name(t));
    text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    str_addf(&line, "  %s", text ? text : "");
    free(text);
    json_decref(body);
    free(src);
    free(dst);
    return str_take(&line);
}

static void set_text(json_t *j, const char *name, const char *value)
{
    if (!str_empty(value))
        (void)json_object_set_new(j, name, json_string(value));
}

static void set_hex(json_t *j, const char *name, const ProtobufCBinaryData *b)
{
    char hex[64];

    if (b->len > 0 && b->len <= 16)
        (void)json_object_set_new(j, name, json_string(hex_encode(hex, b->data, b->len)));
}

char *show_json(const struct tapped *t)
{
    json_t *j = json_object(), *body = show_body(t);
    char *text;

    (void)json_object_set_new(j, "seq", json_integer((json_int_t)t->rec->tap_seq));
    (void)json_object_set_new(j, "timeUs", json_integer(t->rec->time_us));
    set_text(j, "verdict", verdict_name(t));
    set_text(j, "srcRole", t->rec->src_role);
    set_text(j, "srcInstance", t->rec->src_instance);
    set_text(j, "dstRole", t->rec->dst_role);
    set_text(j, "dstInstance", t->rec->dst_instance);
    set_text(j, "dstKey", t->env->dst_key);
    set_text(j, "kind", bus_kind_name(t->env->kind));
    set_text(j, "type", t->env->type);
    set_text(j, "topic", t->env->topic);
    set_text(j, "subject", t->env->subject);
    set_hex(j, "id", &t->env->id);
    set_hex(j, "corr", &t->env->corr);
    set_hex(j, "trace", &t->env->trace_id);
    if (t->env->has_ttl_ms)
        (void)json_object_set_new(j, "ttlMs", json_integer(t->env->ttl_ms));
    if (t->env->kind == STOA__BUS__V1__KIND__ERROR) {
        set_text(j, "code", bus_code_name((enum bus_code)t->env->code));
        set_text(j, "message", t->env->message);
    }
    if (body)
        (void)json_object_set_new(j, "body", body);
    text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}
