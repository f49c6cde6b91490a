/* SPDX-License-Identifier: Apache-2.0
 * Removing a guest for good. The callbridges of a site tell each other whose tickets are void: the
 * next call of the space may be on another one. */
#include <string.h>
#include <time.h>

#include <base/attr.h>

#include "callbridge.h"
#include "removed.h"

static const char topic[] = "removed";

/* What cannot be sent now is sent when the bus is back: expel_tell_all(). */
static void publish(struct callbridge *cb, char **jids, int64_t *expires_s, size_t n)
{
    Stoa__Bridge__V1__GuestsRemoved msg = STOA__BRIDGE__V1__GUESTS_REMOVED__INIT;

    msg.jids = jids;
    msg.n_jids = msg.n_expires_s = n;
    msg.expires_s = expires_s;
    if (n > 0 && bus_publish(cb->d->bus, topic, &msg.base) != 0)
        log_debug("removed guests not told to the other callbridges");
}

void expel_participant(struct participant *p)
{
    struct callbridge *cb = p->call->cb;
    char *jid = p->jid;

    if (removed_add(cb->removed, p->jid, p->expires_s, (int64_t)time(NULL)))
        publish(cb, &jid, &p->expires_s, 1);
    participant_end(p, "removed");
}

void expel_tell_all(struct callbridge *cb)
{
    char *jids[REMOVED_TELL_MAX];
    int64_t expires_s[REMOVED_TELL_MAX];
    const char *jid;
    size_t it = 0, n = 0;

    (void)removed_expire(cb->removed, (int64_t)time(NULL));
    while (removed_next(cb->removed, &it, &jid, &expires_s[n])) {
        jids[n++] = (char *)(uintptr_t)jid;
        if (n == REMOVED_TELL_MAX) {
            publish(cb, jids, expires_s, n);
            n = 0;
        }
    }
    publish(cb, jids, expires_s, n);
}

static void on_removed(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    struct callbridge *cb = arg;
    const Stoa__Bridge__V1__GuestsRemoved *msg = (const void *)body;
    int64_t now_s = (int64_t)time(NULL);

    (void)call;
    for (size_t i = 0; i < MIN(msg->n_jids, msg->n_expires_s); i++) {
        if (strlen(msg->jids[i]) < JID_MAX)
            (void)removed_add(cb->removed, msg->jids[i],
                              MIN(msg->expires_s[i], now_s + TICKET_LIFETIME_S), now_s);
    }
}

void expel_start(struct callbridge *cb)
{
    cb->removed = removed_new();
    bus_subscribe(cb->d->bus, topic, on_removed, cb);
}
