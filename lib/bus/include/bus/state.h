/* SPDX-License-Identifier: Apache-2.0
 * Replicated state (Clone pattern): one daemon publishes the rows of a topic, others hold a copy.
 *
 * Each topic has an epoch (changes when the database is restored) and a number that rises by one
 * with each published transaction. A copy that sees a gap or another epoch asks for a snapshot,
 * applies the difference, and goes on. Its last state is kept sealed on disk, so that a daemon
 * starts while the publisher is down. */
#ifndef BUS_STATE_H
#define BUS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>
#include <bus/bus.h>

/* One row. (kind, id) is unique within a topic. */
struct bus_state_row {
    const char *kind, *id;
    const void *data; /* NULL: the row is deleted */
    size_t len;
};

/* --- publisher ------------------------------------------------------------------------------- */

struct bus_state_pub;

/* Takes one row of an enumeration. */
typedef void (*bus_state_emit_fn)(void *emit_arg, const struct bus_state_row *row);

struct bus_state_pub_opts {
    const char *const *topics; /* NULL-terminated, must outlive the publisher */
    /* Says where the topic stands. */
    void (*position)(void *arg, const char *topic, uint64_t *epoch, uint64_t *seq);
    /* Emits all rows of the topic as they are at that position. Errors: any negative errno. */
    int (*rows)(void *arg, const char *topic, bus_state_emit_fn emit, void *emit_arg);
    void *arg;
};

/* Answers snapshot requests on `bus` and says the positions once a second. Owner: the caller; ends
 * before the bus. Errors: -EINVAL. */
int bus_state_pub_new(struct bus_state_pub **out, struct bus *bus,
                      const struct bus_state_pub_opts *opts) MUST_USE;
void bus_state_pub_free(struct bus_state_pub **pub);

/* Publishes one committed transaction of `n` rows; position() must already say its number, one
 * more than that of the transaction before. Never fails: copies that miss it notice and take a
 * snapshot. */
void bus_state_pub_update(struct bus_state_pub *pub, const char *topic,
                          const struct bus_state_row *rows, size_t n);

/* --- copy ------------------------------------------------------------------------------------ */

struct bus_state;

struct bus_state_opts {
    const char *role;        /* of the publisher; NULL: "config" */
    const char *cache_path;  /* file for the sealed copy; NULL: none */
    /* One row is new or changed, or (data NULL) gone. Rows that did not change are not repeated. */
    void (*apply)(void *arg, const struct bus_state_row *row);
    /* The copy is complete: from the file (live false) or as the publisher has it (live true; comes
     * after every snapshot and after every update). May be NULL. */
    void (*on_synced)(void *arg, bool live);
    void *arg;
};

/* Opens a copy of `topic`. Cached rows are applied from inside this call. Owner: the caller; ends
 * before the bus. Errors: -EINVAL. A missing or damaged file is no error. */
int bus_state_open(struct bus_state **out, struct bus *bus, const char *topic,
                   const struct bus_state_opts *opts) MUST_USE;

/* Writes the file if need be and closes. NULL is fine. */
void bus_state_close(struct bus_state **st);

/* True when the copy has what the publisher had when last heard of. */
bool bus_state_live(const struct bus_state *st);

/* Returns a row's data, or NULL. Owner: the copy; until the row changes. */
const void *bus_state_get(const struct bus_state *st, const char *kind, const char *id,
                          size_t *len);

/* Calls `fn` for every row of `kind` (NULL: all), in no particular order. */
void bus_state_each(const struct bus_state *st, const char *kind, bus_state_emit_fn fn, void *arg);

#endif
