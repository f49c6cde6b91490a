/* SPDX-License-Identifier: Apache-2.0
 * Who may send what to whom: tables, everything else is denied. */
#ifndef BUSD_POLICY_H
#define BUSD_POLICY_H

#include <stdbool.h>
#include <stddef.h>

/* One bit per role. */
enum {
    ROLE_CONFIG = 1 << 0,
    ROLE_CALLBRIDGE = 1 << 1,
    ROLE_WEBBRIDGE = 1 << 2,
    ROLE_XMPP = 1 << 3,
    ROLE_EXPC = 1 << 4,
    ROLE_EXPE = 1 << 5,
    ROLE_TURN = 1 << 6,
    ROLE_WEBADMIN = 1 << 7,
    ROLE_ADMIN = 1 << 8, /* the stoa command and bustap */
    ROLE_BUSD = 1 << 9,  /* as destination only */
};

enum {
    ROLE_DAEMONS = ROLE_CONFIG | ROLE_CALLBRIDGE | ROLE_WEBBRIDGE | ROLE_XMPP | ROLE_EXPC |
                   ROLE_EXPE | ROLE_TURN | ROLE_WEBADMIN,
    ROLE_OPERATORS = ROLE_ADMIN | ROLE_WEBADMIN,
    ROLE_ALL = ROLE_DAEMONS | ROLE_ADMIN,
};

/* One message type in one direction. */
struct policy_row {
    const char *type;
    unsigned from, to; /* roles */
    const char *reply; /* type of the answer; NULL: an event */
};

struct policy_topic {
    const char *topic;
    unsigned writers, readers;
    const char *type; /* of its messages */
};

/* The bit of a role; 0 for an unknown one. */
unsigned policy_role(const char *role);

/* The row that lets role `from` send `type` to role `to`, or NULL. */
const struct policy_row *policy_find(const char *type, unsigned from, unsigned to);

/* The topic's row, or NULL. */
const struct policy_topic *policy_topic_find(const char *topic);

/* The tables, for tests and documents; NULL at the end. */
const struct policy_row *policy_row_at(size_t i);
const struct policy_topic *policy_topic_at(size_t i);
const char *policy_role_name(unsigned bit);

#endif
