/* SPDX-License-Identifier: Apache-2.0
 * Reading and checking the outer layer. */
#include <bus/envelope.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/bus.h>
#include <bus/validate.h>

static bool id_ok(const ProtobufCBinaryData *b, size_t want)
{
    return b->len == 0 || b->len == want;
}

static bool name_ok(const char *s)
{
    return !s || strlen(s) <= BUS_NAME_MAX;
}

static int check(const Stoa__Bus__V1__Envelope *e)
{
    if (!e->has_ver || e->ver != BUS_VERSION)
        return -EPROTO;
    if (!e->has_kind || e->kind <= STOA__BUS__V1__KIND__KIND_UNSPECIFIED ||
        e->kind > STOA__BUS__V1__KIND__CANCEL)
        return -EBADMSG;
    if (!id_ok(&e->id, BUS_ID_LEN) || !id_ok(&e->corr, BUS_ID_LEN) ||
        !id_ok(&e->trace_id, BUS_TRACE_ID_LEN) || !id_ok(&e->span_id, 8) ||
        !id_ok(&e->parent_span, 8))
        return -EBADMSG;
    if (!name_ok(e->dst_role) || !name_ok(e->dst_instance) || !name_ok(e->dst_key) ||
        !name_ok(e->type) || !name_ok(e->topic) || !name_ok(e->subject))
        return -E2BIG;
    return 0;
}

int bus_envelope_decode(Stoa__Bus__V1__Envelope **out, const void *data, size_t len)
{
    ProtobufCMessage *msg = NULL;
    int err;

    *out = NULL;
    if (len > BUS_MSG_MAX_B)
        return -E2BIG;
    err = bus_unpack(&msg, &stoa__bus__v1__envelope__descriptor, data, len);
    if (err)
        return err;
    *out = (Stoa__Bus__V1__Envelope *)msg;
    err = check(*out);
    if (err)
        bus_envelope_free(out);
    return err;
}

void bus_envelope_free(Stoa__Bus__V1__Envelope **env)
{
    stoa__bus__v1__envelope__free_unpacked(*env, NULL);
    *env = NULL;
}

int bus_stamp_decode(Stoa__Bus__V1__Stamp **out, const void *data, size_t len)
{
    ProtobufCMessage *msg = NULL;
    int err = bus_unpack(&msg, &stoa__bus__v1__stamp__descriptor, data, len);

    *out = (Stoa__Bus__V1__Stamp *)msg;
    return err;
}

void bus_stamp_free(Stoa__Bus__V1__Stamp **stamp)
{
    stoa__bus__v1__stamp__free_unpacked(*stamp, NULL);
    *stamp = NULL;
}

static const char *enum_name(const ProtobufCEnumDescriptor *d, int value, const char *other)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);

    return v ? v->name : other;
}

const char *bus_kind_name(Stoa__Bus__V1__Kind kind)
{
    return enum_name(&stoa__bus__v1__kind__descriptor, (int)kind, "?");
}

const char *bus_code_name(enum bus_code code)
{
    return enum_name(&stoa__bus__v1__code__descriptor, (int)code, "INTERNAL");
}

const char *bus_serving_name(enum bus_serving s)
{
    static const char *const names[] = {"unknown", "starting", "serving", "draining"};

    return (size_t)s < ARRAY_LEN(names) ? names[s] : names[0];
}

uint8_t *bus_pack(const ProtobufCMessage *msg, size_t *len)
{
    uint8_t *data;

    *len = protobuf_c_message_get_packed_size(msg);
    data = mem_zalloc(*len + 1);
    (void)protobuf_c_message_pack(msg, data);
    return data;
}
