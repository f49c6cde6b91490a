/* SPDX-License-Identifier: Apache-2.0
 * The outer layer of every message on the bus, as busd, the clients and bustap read it. Daemons use
 * bus/bus.h. */
#ifndef BUS_ENVELOPE_H
#define BUS_ENVELOPE_H

#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <bus.pb-c.h>

enum {
    BUS_VERSION = 1,                 /* major version of the envelope */
    BUS_MSG_MAX_B = 1024 * 1024,     /* whole message */
    BUS_BODY_MAX_B = BUS_MSG_MAX_B - 4096,
    BUS_HEARTBEAT_MS = 500,          /* both ways */
    BUS_HEARTBEAT_LOST = 4,          /* as many silent intervals mean dead */
    BUS_NAME_MAX = 128,              /* role, instance, type, topic, key, subject */
};

#define BUS_ROLE "busd" /* busd's own role as destination and source */

/* Reads and checks an envelope: version, kind, lengths of ids and names, UTF-8.
 * Owner:  *out is freed with bus_envelope_free().
 * Errors: -EBADMSG malformed; -EPROTO another version; -E2BIG. */
int bus_envelope_decode(Stoa__Bus__V1__Envelope **out, const void *data, size_t len) MUST_USE;

void bus_envelope_free(Stoa__Bus__V1__Envelope **env);

/* Reads the stamp that busd adds as second frame. Errors: -EBADMSG. */
int bus_stamp_decode(Stoa__Bus__V1__Stamp **out, const void *data, size_t len) MUST_USE;

void bus_stamp_free(Stoa__Bus__V1__Stamp **stamp);

/* "REQUEST", "REPLY", ...; "?" for unknown. */
const char *bus_kind_name(Stoa__Bus__V1__Kind kind);

/* Packs a message into new memory. Owner: the caller (free). */
uint8_t *bus_pack(const ProtobufCMessage *msg, size_t *len);

#endif
