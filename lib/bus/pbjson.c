/* SPDX-License-Identifier: Apache-2.0
 * Messages as JSON and back, by descriptor alone. Reading is strict: what has no field, or not the
 * field's type, is refused. */
#include <bus/pbjson.h>

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>

#include "bus_field.h"

enum { NAME_MAX_B = 128, WHY_B = 160 };

static const char mask_text[] = "***";

/* Whole words of a field's name. "session_token" and "passcode" are secrets, "tokenizer" is
 * none. */
static const char *const secret_words[] = {
    "passcode", "password", "secret", "ticket", "token", "credential", "key", "nonce", "verifier",
};

bool bus_field_is_secret(const char *field)
{
    for (const char *p = field; *p != '\0';) {
        size_t len = strcspn(p, "_");
        for (size_t i = 0; i < ARRAY_LEN(secret_words); i++)
            if (strlen(secret_words[i]) == len && strncmp(p, secret_words[i], len) == 0)
                return true;
        p += len + (p[len] == '_');
    }
    return false;
}

char *bus_pbjson_name(char *dst, size_t cap, const char *field)
{
    size_t n = 0;
    bool capital = false;
    for (const char *p = field; *p != '\0' && n + 1 < cap; p++) {
        if (*p == '_') {
            capital = true;
            continue;
        }
        dst[n++] = capital && *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        capital = false;
    }
    if (cap > 0)
        dst[n] = '\0';
    return dst;
}

static bool is_oneof(const ProtobufCFieldDescriptor *f)
{
    return (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* --- out ------------------------------------------------------------------------------------- */

static json_t *encode_bytes(const ProtobufCBinaryData *b)
{
    char *text = mem_zalloc(BASE64_SIZE(b->len));
    json_t *json = json_string(base64_encode(text, b->data, b->len));
    free(text);
    return json;
}

static json_t *encode_enum(const ProtobufCEnumDescriptor *d, int value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    return v == NULL ? json_integer(value) : json_string(v->name);
}

static json_t *encode_value(const ProtobufCFieldDescriptor *f, const void *at, bool mask)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)at);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return json_integer(*(const int64_t *)at);
    case PROTOBUF_C_TYPE_FLOAT:
        return json_real((double)*(const float *)at);
    case PROTOBUF_C_TYPE_DOUBLE:
        return json_real(*(const double *)at);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)at);
    case PROTOBUF_C_TYPE_ENUM:
        return encode_enum(f->descriptor, *(const int *)at);
    case PROTOBUF_C_TYPE_STRING:
        return json_string(mask ? mask_text : *(const char *const *)at);
    case PROTOBUF_C_TYPE_BYTES:
        return mask ? json_string(mask_text) : encode_bytes(at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return bus_pbjson_encode(*(const ProtobufCMessage *const *)at, mask);
    }
    return json_null();
}

static bool is_present(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f)
{
    return f->label == PROTOBUF_C_LABEL_REPEATED ? *bus_field_count(msg, f) > 0
                                                 : bus_field_present(msg, f);
}

json_t *bus_pbjson_encode(const ProtobufCMessage *msg, bool mask)
{
    const ProtobufCMessageDescriptor *d = msg->descriptor;
    const char *base = (const char *)msg;
    json_t *obj = json_object();
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        char name[NAME_MAX_B];
        if (!is_present(msg, f))
            continue;
        bool hide = mask && (bus_field_is_secret(f->name) || f->type == PROTOBUF_C_TYPE_MESSAGE);
        json_t *value;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = *(const size_t *)(const void *)(base + f->quantifier_offset);
            const char *list = *(const char *const *)(const void *)(base + f->offset);
            value = json_array();
            for (size_t k = 0; k < n; k++)
                json_array_append_new(value,
                                      encode_value(f, list + k * bus_field_size(f->type), hide));
        } else {
            value = encode_value(f, base + f->offset, hide);
        }
        json_object_set_new(obj, bus_pbjson_name(name, sizeof name, f->name), value);
    }
    return obj;
}

/* --- in -------------------------------------------------------------------------------------- */

struct reading {
    size_t depth, max_depth, max_repeated;
    char *why; /* WHY_B bytes */
};

static int refuse(struct reading *r, const char *field, const char *what)
{
    snprintf(r->why, WHY_B, "%.100s: %s", field, what);
    return -EINVAL;
}

static int decode_int(const json_t *json, int64_t min, int64_t max, int64_t *out)
{
    if (!json_is_integer(json) || json_integer_value(json) < min || json_integer_value(json) > max)
        return -EINVAL;
    *out = json_integer_value(json);
    return 0;
}

static int decode_bytes(const json_t *json, ProtobufCBinaryData *out)
{
    const char *text = json_string_value(json);
    if (text == NULL)
        return -EINVAL;
    size_t len = strlen(text);
    out->data = mem_zalloc(len + 1);
    ssize_t n = base64_decode(out->data, len + 1, text, len);
    out->len = n < 0 ? 0 : (size_t)n;
    return n < 0 ? -EINVAL : 0;
}

static int decode_real(const json_t *json, double *out)
{
    if (!json_is_number(json) || !isfinite(json_number_value(json)))
        return -EINVAL;
    *out = json_number_value(json);
    return 0;
}

static int decode_number(const ProtobufCFieldDescriptor *f, const json_t *json, void *at)
{
    int64_t n = 0;
    double real = 0;
    int err;
    switch (f->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        err = decode_int(json, 0, UINT32_MAX, &n);
        *(uint32_t *)at = (uint32_t)n;
        return err;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return decode_int(json, INT64_MIN, INT64_MAX, at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return decode_int(json, 0, INT64_MAX, at);
    case PROTOBUF_C_TYPE_FLOAT:
        err = decode_real(json, &real);
        *(float *)at = (float)real;
        return err;
    case PROTOBUF_C_TYPE_DOUBLE:
        return decode_real(json, at);
    default:
        err = decode_int(json, INT32_MIN, INT32_MAX, &n);
        *(int32_t *)at = (int32_t)n;
        return err;
    }
}

static int decode_enum(const ProtobufCFieldDescriptor *f, const json_t *json, void *at)
{
    const char *name = json_string_value(json);
    const ProtobufCEnumValue *v =
        name == NULL ? NULL : protobuf_c_enum_descriptor_get_value_by_name(f->descriptor, name);
    if (v == NULL)
        return -EINVAL;
    *(int *)at = v->value;
    return 0;
}

static int decode_object(struct reading *r, ProtobufCMessage **out,
                         const ProtobufCMessageDescriptor *type, const json_t *json);

/* One value into its place. Whatever was allocated is reachable from the message afterwards. */
static int decode_value(struct reading *r, const ProtobufCFieldDescriptor *f, const json_t *json,
                        void *at)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        if (!json_is_string(json))
            return refuse(r, f->name, "not a string");
        *(char **)at = str_dup(json_string_value(json));
        return strlen(*(char **)at) == json_string_length(json)
                   ? 0 : refuse(r, f->name, "holds a NUL");
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(json))
            return refuse(r, f->name, "not true or false");
        *(protobuf_c_boolean *)at = json_is_true(json);
        return 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return decode_object(r, at, f->descriptor, json);
    case PROTOBUF_C_TYPE_BYTES:
        return decode_bytes(json, at) == 0 ? 0 : refuse(r, f->name, "not base64");
    case PROTOBUF_C_TYPE_ENUM:
        return decode_enum(f, json, at) == 0 ? 0 : refuse(r, f->name, "not one of its names");
    default:
        return decode_number(f, json, at) == 0 ? 0 : refuse(r, f->name, "not a number in range");
    }
}

static int decode_list(struct reading *r, ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f,
                       const json_t *json)
{
    size_t n = json_array_size(json), size = bus_field_size(f->type);
    char *base = (char *)msg;
    size_t *count = (size_t *)(void *)(base + f->quantifier_offset);
    if (!json_is_array(json))
        return refuse(r, f->name, "not a list");
    if (n > r->max_repeated)
        return refuse(r, f->name, "too many elements");
    if (n == 0)
        return 0;
    char *list = mem_calloc(n, size);
    *(void **)(void *)(base + f->offset) = list;
    for (size_t i = 0; i < n; i++) {
        ++*count; /* what was made before an error is freed with the message */
        int err = decode_value(r, f, json_array_get(json, i), list + i * size);
        if (err != 0) {
            /* Freeing walks all elements; one that holds nothing is not allowed among messages. */
            bool empty =
                f->type == PROTOBUF_C_TYPE_MESSAGE && *(void **)(void *)(list + i * size) == NULL;
            *count -= empty;
            return err;
        }
    }
    return 0;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
                                                  const char *name)
{
    char json_name[NAME_MAX_B];
    for (unsigned i = 0; i < type->n_fields; i++)
        if (str_eq(bus_pbjson_name(json_name, sizeof json_name, type->fields[i].name), name))
            return &type->fields[i];
    return NULL;
}

static int decode_member(struct reading *r, ProtobufCMessage *msg, const char *name,
                         const json_t *json)
{
    const ProtobufCFieldDescriptor *f = find_field(msg->descriptor, name);
    char *base = (char *)msg;
    if (f == NULL)
        return refuse(r, name, "unknown");
    if (json_is_null(json))
        return 0;
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return decode_list(r, msg, f, json);
    if (is_oneof(f)) {
        uint32_t *which = (uint32_t *)(void *)(base + f->quantifier_offset);
        if (*which != 0)
            return refuse(r, f->name, "excludes another member");
        *which = f->id;
    } else if (f->label == PROTOBUF_C_LABEL_OPTIONAL && f->type != PROTOBUF_C_TYPE_STRING &&
               f->type != PROTOBUF_C_TYPE_MESSAGE) {
        *(protobuf_c_boolean *)(void *)(base + f->quantifier_offset) = 1;
    }
    return decode_value(r, f, json, base + f->offset);
}

static int decode_object(struct reading *r, ProtobufCMessage **out,
                         const ProtobufCMessageDescriptor *type, const json_t *json)
{
    const char *name;
    json_t *value;
    *out = NULL;
    if (!json_is_object(json))
        return refuse(r, type->short_name, "not an object");
    if (++r->depth > r->max_depth)
        return refuse(r, type->short_name, "too deep");
    ProtobufCMessage *msg = mem_zalloc(type->sizeof_message);
    type->message_init(msg);
    *out = msg;
    json_object_foreach((json_t *)(uintptr_t)json, name, value) {
        int err = decode_member(r, msg, name, value);
        if (err != 0)
            return err;
    }
    r->depth--;
    return 0;
}

int bus_pbjson_decode(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type,
                      const json_t *json, const struct bus_limits *limits, char why[WHY_B])
{
    char room[WHY_B], where[128];
    const struct bus_limits *l = limits == NULL ? &bus_limits_default : limits;
    struct reading r = {
        .max_depth = l->depth == 0 ? bus_limits_default.depth : l->depth,
        .max_repeated = l->repeated == 0 ? bus_limits_default.repeated : l->repeated,
        .why = why == NULL ? room : why,
    };
    r.why[0] = '\0';
    int err = decode_object(&r, out, type, json);
    if (err == 0) {
        err = bus_validate(*out, limits, where);
        if (err != 0)
            snprintf(r.why, WHY_B, "%s: %s", where, err == -E2BIG ? "too long" : "not UTF-8");
        err = err == -EBADMSG ? -EINVAL : err;
    }
    if (err != 0)
        bus_msg_free(out);
    return err;
}
