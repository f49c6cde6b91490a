/* SPDX-License-Identifier: Apache-2.0
 * Generic checks of messages by descriptor: text, lengths, counts, depth.
 *
 * protobuf-c unpacks a string with an embedded NUL into one that looks shorter. Because the
 * unpacked form no longer shows this, bus_unpack() walks the packed bytes by descriptor first. */
#include <bus/validate.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>

#include "bus_field.h"

const struct bus_limits bus_limits_default = {
    .string_b = 4096,
    .sdp_b = (size_t)256 * 1024,
    .bytes_b = (size_t)1024 * 1024,
    .repeated = 4096,
    .depth = 16,
};

/* Fields whose text is long by nature. */
static const char *const long_fields[] = { "sdp", "pem", "certificate", "chain", "ca", "html",
                                           "json" };

struct walk {
    struct bus_limits lim;
    char *where; /* NULL or 128 bytes */
};

bool bus_field_is_long(const char *field)
{
    for (size_t i = 0; i < ARRAY_LEN(long_fields); i++) {
        if (strcmp(field, long_fields[i]) == 0 ||
            (str_ends(field, long_fields[i]) &&
             field[strlen(field) - strlen(long_fields[i]) - 1] == '_'))
            return true;
    }
    return false;
}

static int check_msg(const struct walk *w, const ProtobufCMessage *msg, size_t depth);

static int check_value(const struct walk *w, const ProtobufCFieldDescriptor *f, const void *at,
                       size_t depth)
{
    const ProtobufCBinaryData *bin = at;
    const char *s;
    size_t len;

    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        s = *(const char *const *)at;
        if (!s)
            return 0;
        len = strlen(s);
        if (len > (bus_field_is_long(f->name) ? w->lim.sdp_b : w->lim.string_b))
            return -E2BIG;
        return str_utf8_ok(s, len) ? 0 : -EBADMSG;
    case PROTOBUF_C_TYPE_BYTES:
        return bin->len > w->lim.bytes_b ? -E2BIG : 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return check_msg(w, *(const ProtobufCMessage *const *)at, depth + 1);
    default:
        return 0;
    }
}

size_t bus_field_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

bool bus_field_present(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *f)
{
    const void *at = bus_field_at(msg, f);
    bool pointer = f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE;

    if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *bus_field_case(msg, f) != f->id)
        return false;
    if (pointer)
        return *(void *const *)at != NULL && *(void *const *)at != f->default_value;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return true;
    return f->label == PROTOBUF_C_LABEL_REQUIRED || *bus_field_has(msg, f);
}

static int check_field(const struct walk *w, const ProtobufCMessage *msg,
                       const ProtobufCFieldDescriptor *f, size_t depth)
{
    const char *at = bus_field_at(msg, f);
    size_t n;
    int err = 0;

    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return bus_field_present(msg, f) ? check_value(w, f, at, depth) : 0;
    n = *bus_field_count(msg, f);
    at = *(const char *const *)(const void *)at;
    if (n > w->lim.repeated)
        return -E2BIG;
    for (size_t i = 0; i < n && !err; i++)
        err = check_value(w, f, at + i * bus_field_size(f->type), depth);
    return err;
}

static int check_msg(const struct walk *w, const ProtobufCMessage *msg, size_t depth)
{
    const ProtobufCMessageDescriptor *d = msg->descriptor;

    if (depth > w->lim.depth)
        return -E2BIG;
    for (unsigned i = 0; i < d->n_fields; i++) {
        int err = check_field(w, msg, &d->fields[i], depth);

        if (err) {
            if (w->where) {
                char rest[128];

                (void)str_copy(rest, sizeof(rest), w->where);
                (void)snprintf(w->where, 128, "%.60s%s%.60s", d->fields[i].name,
                               rest[0] ? "." : "", rest);
            }
            return err;
        }
    }
    return 0;
}

struct bus_limits bus_limits_filled(const struct bus_limits *l)
{
    struct bus_limits r = bus_limits_default;

    if (!l)
        return r;
    r.string_b = l->string_b ? l->string_b : r.string_b;
    r.sdp_b = l->sdp_b ? l->sdp_b : r.sdp_b;
    r.bytes_b = l->bytes_b ? l->bytes_b : r.bytes_b;
    r.repeated = l->repeated ? l->repeated : r.repeated;
    r.depth = l->depth ? l->depth : r.depth;
    return r;
}

int bus_validate(const ProtobufCMessage *msg, const struct bus_limits *limits, char where[128])
{
    struct walk w = {.lim = bus_limits_filled(limits), .where = where};

    if (where)
        where[0] = 0;
    return check_msg(&w, msg, 1);
}

/* --- the packed form ------------------------------------------------------------------------- */

struct wire {
    const uint8_t *p, *end;
};

static int get_varint(struct wire *w, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (w->p == w->end)
            return -EBADMSG;
        *out |= (uint64_t)(*w->p & 0x7F) << shift;
        if (!(*w->p++ & 0x80))
            return 0;
    }
    return -EBADMSG;
}

/* Steps over one field. For a length-delimited one `sub` is its content, else sub->p is NULL. */
static int next_field(struct wire *w, uint64_t *tag, struct wire *sub)
{
    uint64_t n = 0;
    int err = get_varint(w, tag);

    sub->p = sub->end = NULL;
    if (err)
        return err;
    switch (*tag & 7) {
    case 0:
        return get_varint(w, &n);
    case 1:
        n = 8;
        break;
    case 2:
        err = get_varint(w, &n);
        if (err)
            return err;
        sub->p = w->p;
        break;
    case 5:
        n = 4;
        break;
    default: /* groups do not occur in proto2 files of ours */
        return -EBADMSG;
    }
    if (n > (uint64_t)(w->end - w->p))
        return -EBADMSG;
    w->p += n;
    if (sub->p)
        sub->end = w->p;
    return 0;
}

/* Refuses NUL in strings, and more elements or levels than the limits before anything is allocated:
 * two bytes on the wire may unpack to a struct of 200. */
static int check_wire(struct wire w, const ProtobufCMessageDescriptor *d, size_t depth,
                      size_t *budget)
{
    struct wire sub;
    uint64_t tag;
    int err;

    if (depth > bus_limits_default.depth)
        return -E2BIG;
    while (w.p != w.end) {
        const ProtobufCFieldDescriptor *f;

        err = next_field(&w, &tag, &sub);
        if (err)
            return err;
        if ((*budget)-- == 0)
            return -E2BIG;
        f = tag >> 3 <= UINT32_MAX
                ? protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3))
                : NULL;
        if (!f || !sub.p || sub.p == sub.end)
            continue;
        if (f->type == PROTOBUF_C_TYPE_STRING && memchr(sub.p, 0, (size_t)(sub.end - sub.p)))
            return -EBADMSG;
        if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
            err = check_wire(sub, f->descriptor, depth + 1, budget);
            if (err)
                return err;
        }
    }
    return 0;
}

int bus_unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, const void *data,
               size_t len)
{
    struct wire w = {.p = data, .end = data ? (const uint8_t *)data + len : NULL};
    size_t budget = 65536; /* fields in a whole message */
    int err;

    *out = NULL;
    err = check_wire(w, type, 1, &budget);
    if (err)
        return err;
    *out = protobuf_c_message_unpack(type, NULL, len, data);
    if (!*out)
        return -EBADMSG;
    err = bus_validate(*out, NULL, NULL);
    if (err)
        bus_msg_free(out);
    return err;
}

void bus_msg_free(ProtobufCMessage **msg)
{
    if (*msg)
        protobuf_c_message_free_unpacked(*msg, NULL);
    *msg = NULL;
}

ProtobufCMessage *bus_msg_dup(const ProtobufCMessage *msg)
{
    size_t len = protobuf_c_message_get_packed_size(msg);
    uint8_t *packed = mem_zalloc(len + 1);
    ProtobufCMessage *copy;

    (void)protobuf_c_message_pack(msg, packed);
    copy = protobuf_c_message_unpack(msg->descriptor, NULL, len, packed);
    free(packed);
    if (!copy)
        abort(); /* what has just been packed unpacks, unless memory is out */
    return copy;
}
