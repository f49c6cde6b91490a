/* SPDX-License-Identifier: Apache-2.0
 * The authorisation tables. A type is listed once per group of senders and receivers; what is not
 * listed is refused with DENIED. docs/bus.md lists the same, and a test compares. */
#include "policy.h"

#include <string.h>

#include <base/attr.h>
#include <base/map.h>

#define BRIDGE(name) "stoa.bridge.v1." name
#define CALLS(name) "stoa.calls.v1." name
#define TURN(name) "stoa.turn.v1." name
#define XMPP(name) "stoa.xmpp.v1." name
#define ZONE(name) "stoa.zone.v1." name
#define DOCTOR(name) "stoa.doctor.v1." name
#define CONFIG(name) "stoa.config.v1." name
#define ADMIN(name) "stoa.admin.v1." name
#define BUS(name) "stoa.bus.v1." name

static const struct policy_row rows[] = {
    /* guests: webbridge asks, callbridge answers and tells */
    {BRIDGE("GuestLoginRequest"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, BRIDGE("GuestLoginReply")},
    {BRIDGE("JoinRequest"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, BRIDGE("JoinReply")},
    {BRIDGE("ResumeRequest"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, BRIDGE("JoinReply")},
    {BRIDGE("OfferRequest"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, BRIDGE("OfferReply")},
    {BRIDGE("SetMediaRequest"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, BRIDGE("Done")},
    {BRIDGE("ControlRequest"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, BRIDGE("Done")},
    {BRIDGE("LeaveRequest"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, BRIDGE("Done")},
    {BRIDGE("CandidateEvent"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, NULL},
    {BRIDGE("ViewEvent"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, NULL},
    {BRIDGE("ReportEvent"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, NULL},
    {BRIDGE("SessionGoneEvent"), ROLE_WEBBRIDGE, ROLE_CALLBRIDGE, NULL},
    {BRIDGE("SessionsRequest"), ROLE_CALLBRIDGE, ROLE_WEBBRIDGE, BRIDGE("SessionsReply")},
    {BRIDGE("SessionEvent"), ROLE_CALLBRIDGE, ROLE_WEBBRIDGE, NULL},
    {BRIDGE("LinkProofRequest"), ROLE_CALLBRIDGE, ROLE_WEBBRIDGE, BRIDGE("LinkProofReply")},

    /* guest accounts and chat */
    {XMPP("StoreGuestRequest"), ROLE_CALLBRIDGE, ROLE_XMPP, XMPP("StoreGuestReply")},
    {XMPP("RenewGuestsRequest"), ROLE_CALLBRIDGE, ROLE_XMPP, XMPP("RenewGuestsReply")},
    {XMPP("RemoveGuestRequest"), ROLE_CALLBRIDGE, ROLE_XMPP, XMPP("RemoveGuestReply")},
    {XMPP("OpenGuestSessionRequest"), ROLE_WEBBRIDGE, ROLE_XMPP, XMPP("OpenGuestSessionReply")},

    /* TURN: places, guests that are gone, and what a callbridge finds at a server */
    {TURN("LeaseRequest"), ROLE_TURN, ROLE_CONFIG, TURN("LeaseReply")},
    {TURN("RevokeEvent"), ROLE_CALLBRIDGE | ROLE_EXPE, ROLE_TURN | ROLE_EXPC, NULL},
    {TURN("ProbeRequest"), ROLE_OPERATORS, ROLE_CALLBRIDGE, TURN("ProbeReply")},

    /* zones: what an edge says, who an edge trusts, and the pages of the guide */
    {ZONE("FactRequest"), ROLE_EXPC, ROLE_CONFIG, ZONE("Done")},
    {ZONE("PairRequest"), ROLE_EXPE, ROLE_CONFIG, ZONE("Done")},
    {ZONE("ZoneStatusRequest"), ROLE_OPERATORS, ROLE_EXPC | ROLE_EXPE, ZONE("ZoneStatusReply")},
    {ZONE("CheckUriRequest"), ROLE_OPERATORS, ROLE_EXPC, ZONE("CheckUriReply")},

    /* each daemon looks after its own part */
    {DOCTOR("CheckRequest"), ROLE_OPERATORS, ROLE_DAEMONS, DOCTOR("CheckReply")},

    /* active calls, for operators */
    {CALLS("ListCallsRequest"), ROLE_OPERATORS, ROLE_CALLBRIDGE, CALLS("ListCallsReply")},
    {CALLS("ControlCallRequest"), ROLE_OPERATORS, ROLE_CALLBRIDGE, CALLS("ControlCallReply")},

    /* configuration, for operators */
    {CONFIG("ListRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("ListReply")},
    {CONFIG("GetRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("GetReply")},
    {CONFIG("AddRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("WriteReply")},
    {CONFIG("SetRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("WriteReply")},
    {CONFIG("DeleteRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("WriteReply")},
    {CONFIG("ExportRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("ExportReply")},
    {CONFIG("ImportRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("WriteReply")},
    {CONFIG("BackupRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("BackupReply")},
    {CONFIG("RestoreRequest"), ROLE_OPERATORS, ROLE_CONFIG, CONFIG("WriteReply")},

    /* every daemon about itself, for operators */
    {ADMIN("StatusRequest"), ROLE_OPERATORS, ROLE_DAEMONS, ADMIN("Status")},
    {ADMIN("SetLogLevelRequest"), ROLE_OPERATORS, ROLE_DAEMONS, ADMIN("Done")},
    {ADMIN("DrainRequest"), ROLE_OPERATORS, ROLE_DAEMONS, ADMIN("Done")},
    {ADMIN("ReloadRequest"), ROLE_OPERATORS, ROLE_DAEMONS, ADMIN("Done")},
    {ADMIN("MetricsRequest"), ROLE_OPERATORS, ROLE_DAEMONS, ADMIN("Metrics")},

    /* state: the topic decides further (below) */
    {BUS("SnapshotRequest"), ROLE_ALL, ROLE_CONFIG, BUS("SnapshotReply")},

    /* busd itself; READY is the only message that needs no READY before it */
    {BUS("ReadyRequest"), ROLE_ALL, ROLE_BUSD, BUS("ReadyReply")},
    {BUS("ByeRequest"), ROLE_ALL, ROLE_BUSD, BUS("ByeReply")},
    {BUS("SubscribeRequest"), ROLE_ALL, ROLE_BUSD, BUS("SubscribeReply")},
    {BUS("KeyReleaseRequest"), ROLE_DAEMONS, ROLE_BUSD, BUS("KeyReleaseReply")},
    {BUS("PeersRequest"), ROLE_ALL, ROLE_BUSD, BUS("PeersReply")},
    {BUS("StatusRequest"), ROLE_OPERATORS, ROLE_BUSD, BUS("StatusReply")},
};

/* Secrets are topics of their own. */
static const struct policy_topic topics[] = {
    {"site", ROLE_CONFIG, ROLE_ALL, BUS("StateUpdate")},
    {"site-secret", ROLE_CONFIG, ROLE_CALLBRIDGE, BUS("StateUpdate")},
    {"user", ROLE_CONFIG, ROLE_CALLBRIDGE | ROLE_XMPP | ROLE_WEBADMIN, BUS("StateUpdate")},
    {"turn-secret", ROLE_CONFIG, ROLE_CALLBRIDGE, BUS("StateUpdate")},
    {"turn-user", ROLE_CONFIG, ROLE_TURN, BUS("StateUpdate")},
    {"zone-secret", ROLE_CONFIG, ROLE_EXPC, BUS("StateUpdate")},
    {"zone-user", ROLE_CONFIG, ROLE_EXPE, BUS("StateUpdate")},
    {"admin-secret", ROLE_CONFIG, ROLE_WEBADMIN, BUS("StateUpdate")},
    {"removed", ROLE_CALLBRIDGE, ROLE_CALLBRIDGE, BRIDGE("GuestsRemoved")},
    {"faults", ROLE_DAEMONS, ROLE_OPERATORS, ADMIN("FaultEvent")},
};

static const char *const role_names[] = {"config", "callbridge", "webbridge", "xmpp",  "expc",
                                         "expe",   "turn",       "webadmin",  "admin", "busd"};

unsigned policy_role(const char *role)
{
    for (size_t i = 0; role && i < ARRAY_LEN(role_names); i++) {
        if (strcmp(role, role_names[i]) == 0)
            return 1u << i;
    }
    return 0;
}

const char *policy_role_name(unsigned bit)
{
    for (size_t i = 0; i < ARRAY_LEN(role_names); i++) {
        if (bit == 1u << i)
            return role_names[i];
    }
    return "?";
}

/* The first row of a type; rows of one type stand together. */
static const struct policy_row *first_row(const char *type)
{
    static struct map *index; /* as long as the process */

    if (!index) {
        index = map_new();
        for (size_t i = ARRAY_LEN(rows); i-- > 0;)
            map_put(index, rows[i].type, (void *)(uintptr_t)&rows[i]);
    }
    return map_get(index, type);
}

const struct policy_row *policy_find(const char *type, unsigned from, unsigned to)
{
    const struct policy_row *r = type ? first_row(type) : NULL;

    for (; r && r < rows + ARRAY_LEN(rows) && strcmp(r->type, type) == 0; r++) {
        if ((r->from & from) && (r->to & to))
            return r;
    }
    return NULL;
}

const struct policy_topic *policy_topic_find(const char *topic)
{
    for (size_t i = 0; topic && i < ARRAY_LEN(topics); i++) {
        if (strcmp(topic, topics[i].topic) == 0)
            return &topics[i];
    }
    return NULL;
}

const struct policy_row *policy_row_at(size_t i)
{
    return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}

const struct policy_topic *policy_topic_at(size_t i)
{
    return i < ARRAY_LEN(topics) ? &topics[i] : NULL;
}
