/* SPDX-License-Identifier: Apache-2.0
 * The config daemon: the store behind the bus. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <base/map.h>
#include <bus/bus.h>
#include <bus/state.h>
#include <daemon/daemon.h>
#include <loop/timer.h>

#include "store.h"

struct config {
    struct daemon *daemon;
    struct store *store;
    struct bus_state_pub *pub;
    char *db_path, *backup_dir;
    struct map *leases;      /* lease.c: holder -> when it was last heard of */
    struct loop_timer *lease_timer;
    struct map *facts;       /* fact.c: id of a row -> what is known of its words */
    struct loop_timer *fact_timer;
    const char *topics[12]; /* of this site's kinds, NULL-terminated */
};

/* state.c: the topics. */

/* Starts publishing. Errors: as bus_state_pub_new(). */
int config_state_start(struct config *c) MUST_USE;

/* Publishes what the last committed transaction changed. */
void config_state_publish(struct config *c);

/* Handlers; `arg` is the struct daemon. */

/* read.c */
void config_on_list(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void config_on_get(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void config_on_export(void *arg, struct bus_call *call, const ProtobufCMessage *body);

/* change.c */
void config_on_add(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void config_on_set(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void config_on_delete(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void config_on_import(void *arg, struct bus_call *call, const ProtobufCMessage *body);

/* copies.c */
void config_on_backup(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void config_on_restore(void *arg, struct bus_call *call, const ProtobufCMessage *body);

/* lease.c: places of TURN instances */
void config_on_lease(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void config_lease_start(struct config *c);
void config_lease_stop(struct config *c);

/* fact.c: rows that hold as long as a zone says them */
void config_on_fact(void *arg, struct bus_call *call, const ProtobufCMessage *body);
void config_facts_start(struct config *c);
void config_facts_stop(struct config *c);

/* Rows may have come by other ways than config_on_fact(): from a backup. */
void config_facts_adopt(struct config *c);

/* pair.c: the CA of a zone's other end */
void config_on_pair(void *arg, struct bus_call *call, const ProtobufCMessage *body);

/* Raises or clears the fault of a database that cannot be used. */
void config_note_health(struct config *c, const struct store_problem *p);

#endif
