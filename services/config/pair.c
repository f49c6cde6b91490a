/* SPDX-License-Identifier: Apache-2.0
 * The CA of a zone's other end, as its first connection has shown it: kept once, in time, and never
 * changed by that way. Who may connect is expe's to prove
 * (docs/decisions/014-pairing-of-zones.md). */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <log/log.h>
#include <zone.pb-c.h>

/* Puts the CA into an open transaction. Errors: a problem. */
static int put(struct config *c, const Stoa__Zone__V1__PairRequest *req, struct store_row *row,
               bool *changed, struct store_problem *p)
{
    const struct kinds_kind *kind = store_kind(c->store, "zoneServer", p);
    struct store_row old;
    const char *ca, *until;
    int64_t until_s = 0;
    bool open;
    int err;

    if (!kind)
        return -ENOENT;
    err = store_get(c->store, kind, req->zone, &old, p);
    if (err)
        return err;
    store_row_init(row, kind);
    memcpy(row->id, old.id, sizeof(row->id));
    ca = store_row_get(&old, "peerCa");
    until = store_row_get(&old, "pairUntil");
    open = str_empty(ca) && until && str_to_i64(until, 0, INT64_MAX, &until_s) == 0 &&
           (int64_t)time(NULL) < until_s;
    err = store_row_set(row, "peerCa", req->peer_ca, p);
    if (!err) /* brings it into the form in which it is kept */
        err = store_set(c->store, row, changed, p);
    if (!err && *changed && !open)
        err = store_fail(p, STORE_CONFLICT, "invalidOperation", kind, NULL,
                         str_empty(ca) ? "the zone does not wait to be paired (any more)" :
                                         "the zone is paired with another CA");
    store_row_fini(&old);
    return err;
}

void config_on_pair(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Zone__V1__PairRequest *req = (const void *)body;
    struct config *c = ((struct daemon *)arg)->user;
    Stoa__Zone__V1__Done reply = STOA__ZONE__V1__DONE__INIT;
    struct store_problem p = { 0 };
    struct store_row row = { 0 };
    bool changed = false;
    int err;

    if (str_empty(req->zone) || str_empty(req->peer_ca)) {
        bus_fail(call, BUS_INVALID, false, "Zone or CA is missing.");
        return;
    }
    err = store_begin(c->store, &p);
    if (!err)
        err = put(c, req, &row, &changed, &p);
    if (!err && changed)
        err = store_commit(c->store, NULL, NULL, 0, &p);
    else
        store_rollback(c->store);
    config_note_health(c, &p);
    if (!err) {
        if (changed) {
            config_state_publish(c);
            log_info("zoneServer %s: paired, the CA of its first connection is kept", row.id);
        }
        bus_reply(call, &reply.base);
    } else {
        bus_fail(call, err == -EINVAL ? BUS_INVALID : err == -ENOENT ? BUS_NOT_FOUND :
                       err == -EEXIST ? BUS_CONFLICT : BUS_UNAVAILABLE,
                 err != -EINVAL && err != -ENOENT && err != -EEXIST, "%s", p.text);
    }
    store_row_fini(&row);
}
