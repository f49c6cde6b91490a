/* SPDX-License-Identifier: Apache-2.0
 * Inside of the agent: its data, and what its files offer each other. */
#ifndef ICE_PRIV_H
#define ICE_PRIV_H

#include <ice/ice.h>

#include <stun/msg.h>

#define MS_US INT64_C(1000)
#define SEC_US INT64_C(1000000)

/* Pacing of new checks. RFC 8445 s14.2 proposes 50 ms and forbids less than 5; a join shall not
 * wait for the tenth pair. */
#define ICE_TA_US (10 * MS_US)
/* DEVIATION: RFC 8445 s14.3 has at least 500 ms. One lost packet must not cost a join half a
 * second; the repetitions stay few because the interval doubles. */
#define ICE_RTO_US (100 * MS_US)
#define ICE_RTO_MAX_US (400 * MS_US)
#define ICE_TRIES 18 /* 6.7 s in all: longer than any path takes to open */
/* A request for a pair under check repeats our own at once (the peer's has just opened its NAT),
 * but not more often than this. */
#define ICE_TRIGGER_MIN_US (10 * MS_US)
#define ICE_NOMINATE_WAIT_US (30 * MS_US) /* for a better pair, once one works */
/* RFC 5245 peers nominate several pairs and mean the best; browsers mean the last. Within this time
 * after a nomination the better pair wins, later the last one. */
#define ICE_RENOMINATE_US SEC_US
#define ICE_FRESH_US (5 * SEC_US)         /* older proof is renewed before a pair is taken */
#define ICE_FAIL_US (12 * SEC_US)         /* DESIGN section 4, step 7 */
#define ICE_FAIL_MIN_US (3 * SEC_US)
#define ICE_CONSENT_US (5 * SEC_US)       /* RFC 7675 s5.1, +-20 % */
#define ICE_CONSENT_LIFE_US (30 * SEC_US) /* RFC 7675 s5.1 */
#define ICE_DISTRUST_US (10 * SEC_US)     /* controlling: looks for another pair */
#define ICE_DOUBT_US SEC_US               /* controlling: when the peer checks another pair */
#define ICE_SPARE_US (10 * SEC_US)        /* a spare pair is checked as often */
#define ICE_CONSENT_OPEN 8                /* unanswered at a time: 30 s / 4 s */

enum { LOCAL_UFRAG_SIZE = 9, LOCAL_PWD_SIZE = 25 }; /* 48 and 144 random bits; RFC 8839 s5.4 */

/* The credentials of one generation (between restarts). */
struct gen {
    char lufrag[LOCAL_UFRAG_SIZE];
    char lpwd[LOCAL_PWD_SIZE];
    char rufrag[ICE_UFRAG_SIZE];
    char rpwd[ICE_PWD_SIZE];
    bool remote_set;
};

struct remote {
    struct addr addr;
    uint32_t priority;
    uint8_t type;
    bool used;       /* the place is taken */
    int64_t seen_us; /* last request from here; 0 never */
};

enum pair_state { PAIR_WAITING, PAIR_RUNNING, PAIR_OK, PAIR_FAILED };

/* Since a local candidate that is not a base sends from its base, a pair is (path, remote). */
struct pair {
    uint8_t state; /* enum pair_state */
    uint8_t path;
    uint8_t remote;      /* index */
    uint8_t local_type;  /* of the base */
    uint8_t tries;       /* sent requests of the running check */
    bool wanted;         /* the peer asked for a check before we knew its password */
    bool nominated;      /* controlled: the peer nominated it */
    bool use_candidate;  /* the running check nominates */
    bool as_controlling; /* the role that the running check claims */
    uint32_t local_priority;
    uint64_t priority;
    int64_t sent_us, next_us; /* running: last and next transmission */
    int64_t ok_us;            /* last success; 0 never */
    uint8_t txid[STUN_TXID_LEN];
};

/* The pair that carries media. A copy, because it outlives the table of pairs at a restart. */
struct sel {
    bool valid, nominated;
    bool old; /* of the previous generation */
    bool distrusted;
    struct ice_path to;
    uint8_t local_type, remote_type;
    uint32_t local_priority;
    uint64_t priority;
    int64_t nominated_us;
    int64_t ok_us;   /* last proof of consent */
    int64_t next_us; /* next consent check */
    int64_t doubt_us; /* controlling: asked for consent as the peer checks another pair; 0 no */
    unsigned n_open; /* consent checks sent since the last answer, the last ICE_CONSENT_OPEN kept */
    int64_t open_us[ICE_CONSENT_OPEN];
    uint8_t open[ICE_CONSENT_OPEN][STUN_TXID_LEN];
};

struct ice_agent {
    struct ice_opts opts;
    bool controlling;
    bool remote_done;
    uint64_t tie_breaker;
    uint64_t jitter; /* state of ice_check_consent_wait() */
    enum ice_state state;
    enum ice_failure failure;
    struct gen gen;  /* now */
    /* The generation of sel while sel.old; else the one before, whose checks are still answered. */
    struct gen prev;
    size_t n_locals, n_pairs;
    uint16_t n_relays;  /* candidates of that type so far, those that are gone included */
    bool relay_missed;  /* the way in use was taken away; a relay since then is its successor */
    struct ice_cand locals[ICE_LOCAL_MAX];
    struct remote remotes[ICE_REMOTE_MAX];
    struct pair pairs[ICE_PAIRS_MAX];
    struct sel sel;
    int64_t pace_us;     /* no new ordinary check before */
    int64_t spare_us;    /* the spare pair is not checked before */
    int64_t nominate_us; /* controlling: don't wait longer for a better pair; 0 nothing works yet */
    int64_t deadline_us;
    bool tell_selected; /* callbacks owed at the end of the call */
    enum ice_state told;
    struct ice_stats stats;
};

/* agent.c */
void ice_agent_fail(struct ice_agent *a, enum ice_failure why);
/* Ends every public call that may change something: next deadline, then the callbacks. */
void ice_agent_settle(struct ice_agent *a, int64_t now_us);
/* The candidate from which datagrams over a path are sent, or NULL. */
const struct ice_cand *ice_agent_base(const struct ice_agent *a, uint8_t path);

/* pair.c */
struct remote *ice_pair_remote_find(struct ice_agent *a, const struct addr *addr);
/* Takes a place; gives up a found candidate that nothing uses if need be. NULL when there is
 * none. */
struct remote *ice_pair_remote_add(struct ice_agent *a, const struct remote *r);
struct pair *ice_pair_find(struct ice_agent *a, uint8_t path, const struct remote *r);
/* Returns the pair, new or not; NULL when it makes no sense or there is no place. */
struct pair *ice_pair_add(struct ice_agent *a, const struct ice_cand *base, const struct remote *r);
void ice_pair_add_all_of_remote(struct ice_agent *a, const struct remote *r);
void ice_pair_add_all_of_base(struct ice_agent *a, const struct ice_cand *base);
void ice_pair_del_path(struct ice_agent *a, uint8_t path);
/* After a change of role, or of a candidate's priority. */
void ice_pair_update_priorities(struct ice_agent *a);
uint64_t ice_pair_priority(bool controlling, uint32_t local, uint32_t remote);
/* The pair of the highest priority in a state (wanted ones first), or NULL. */
struct pair *ice_pair_best(struct ice_agent *a, enum pair_state state);
bool ice_pair_is_selected(const struct ice_agent *a, const struct pair *p);

/* The pair over another path than the selected one that takes its place when its path goes, proven
 * within the life of consent; NULL: there is none. */
struct pair *ice_pair_spare(struct ice_agent *a, int64_t now_us);

/* check.c */
void ice_check_start(struct ice_agent *a, int64_t now_us, struct pair *p, bool use_candidate);
/* Answers a request of the peer with a check of our own, at once. */
void ice_check_trigger(struct ice_agent *a, int64_t now_us, struct pair *p);
/* Checks every pair again, beginning now. */
void ice_check_all_again(struct ice_agent *a, int64_t now_us);
/* Starts what waits, as far as pacing allows. */
void ice_check_pace(struct ice_agent *a, int64_t now_us);
void ice_check_timeout(struct ice_agent *a, int64_t now_us);
void ice_check_consent(struct ice_agent *a, int64_t now_us);
/* The peer checks another pair than the one in use: perhaps because it has lost that. */
void ice_check_doubt(struct ice_agent *a, int64_t now_us);
/* Keeps a spare pair proven. */
void ice_check_spare(struct ice_agent *a, int64_t now_us);
/* The time to the next consent check. */
int64_t ice_check_consent_wait(struct ice_agent *a);

/* select.c */
/* A check of the pair succeeded just now. */
void ice_select_on_ok(struct ice_agent *a, int64_t now_us, struct pair *p);
/* Controlled: the peer nominated a pair that works. */
void ice_select_on_nominated(struct ice_agent *a, int64_t now_us, struct pair *p);
/* Controlling: nominates when it is time. */
void ice_select_plan(struct ice_agent *a, int64_t now_us);
void ice_select_drop(struct ice_agent *a);
/* The selected pair's path is gone: the spare pair takes over until another is nominated. Returns
 * false when there is none. */
bool ice_select_failover(struct ice_agent *a, int64_t now_us);

#endif
