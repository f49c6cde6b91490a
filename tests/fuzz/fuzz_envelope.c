/* SPDX-License-Identifier: Apache-2.0
 * What a daemon does with a message from the bus: envelope, body by its type name, JSON of the
 * body and back, the stamp and the tap's record. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bus/envelope.h>
#include <bus/pbjson.h>
#include <bus/types.h>
#include <bus/validate.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Bytes and JSON are two forms of one message: what came in through one gets out through the
 * other. */
static void through_json(const ProtobufCMessage *msg)
{
    json_t *json = bus_pbjson_encode(msg, false), *masked = bus_pbjson_encode(msg, true);
    ProtobufCMessage *back = NULL;
    char why[160];

    assert(json && masked);
    /* Unknown enum values are printed as numbers and not read back; so are numbers beyond 2^63. */
    if (!bus_pbjson_decode(&back, msg->descriptor, json, NULL, why)) {
        json_t *again = bus_pbjson_encode(back, false);

        assert(json_equal(json, again));
        json_decref(again);
    }
    bus_msg_free(&back);
    json_decref(json);
    json_decref(masked);
}

static void body_of(const Stoa__Bus__V1__Envelope *env)
{
    const ProtobufCMessageDescriptor *type = bus_type_find(env->type);
    ProtobufCMessage *msg = NULL;

    if (!type || bus_unpack(&msg, type, env->body.data, env->body.len))
        return;
    through_json(msg);
    bus_msg_free(&msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    Stoa__Bus__V1__Envelope *env = NULL;
    Stoa__Bus__V1__Stamp *stamp = NULL;
    ProtobufCMessage *msg = NULL;

    if (!bus_envelope_decode(&env, data, len))
        body_of(env);
    bus_envelope_free(&env);
    if (!bus_stamp_decode(&stamp, data, len))
        through_json(&stamp->base);
    bus_stamp_free(&stamp);
    /* The first byte chooses a type, so that bodies are reached without a whole envelope. */
    if (len > 0) {
        const ProtobufCMessageDescriptor *type = bus_type_at(data[0]);

        if (type && !bus_unpack(&msg, type, data + 1, len - 1))
            through_json(msg);
        bus_msg_free(&msg);
    }
    return 0;
}
