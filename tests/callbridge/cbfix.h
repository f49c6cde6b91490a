/* SPDX-License-Identifier: Apache-2.0
 * Real busd, config and callbridges as child processes; web bridges and an XMPP server in the test.
 *
 * Everything that goes wrong in the fixture itself aborts the test with a sentence. */
#ifndef TESTS_CALLBRIDGE_CBFIX_H
#define TESTS_CALLBRIDGE_CBFIX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <confix.h>

#include <bridge.pb-c.h>
#include <xmpp.pb-c.h>

#define TEXT(s) ((char *)(uintptr_t)(s))

enum { CBFIX_BRIDGES = 2, CBFIX_WEBS = 2, CBFIX_EVENTS = 4096 };

/* A web bridge of the test, and what it was told. */
struct cbfix_web {
    struct bus *bus;
    Stoa__Bridge__V1__SessionEvent *events[CBFIX_EVENTS];
    size_t n_events;
    uint64_t received;  /* as it tells the callbridge */
    unsigned asked;     /* how often the callbridge asked about its WebSockets */
    const char *gone;   /* the id of a WebSocket that it does not have any more */
};

/* An XMPP server of the test. */
struct cbfix_xmpp {
    struct bus *bus;
    bool silent;            /* answers nothing */
    const char *forgets;    /* this JID is unknown when its lease is renewed */
    unsigned stored, renewed, removed;
    char jid[320], token[64], space[64]; /* of the last one stored */
    uint32_t lease_s;
    char last_removed[320];
};

struct cbfix_bridge {
    pid_t pid;
    char instance[40];
    bool serving;
    size_t log_from; /* where its own lines begin in the event log, after those of others */
};

struct cbfix {
    struct confix conf;
    struct cbfix_web web[CBFIX_WEBS];
    struct cbfix_xmpp xmpp;
    struct cbfix_bridge bridge[CBFIX_BRIDGES];
    char *log_dir;
    /* GUIDs: an open space 100101; a board 100102 with passcode 4321 and the host's 987654; a lobby
     * 100103 where guests (1111) wait for a host (2222). */
    char open[64], board[64], host[64], lobby[64], waiting[64];
    unsigned next_session;
    const char *listen; /* STOA_LISTEN of callbridges; NULL: 127.0.0.1 */
};

/* Starts busd and config, fills in the spaces, connects web bridge 0. No callbridge yet. */
void cbfix_open(struct cbfix *f);

/* Ends everything; the callbridges must end with 0 (a leak or a sanitizer's find is another
 * code). */
void cbfix_close(struct cbfix *f);

/* Starts callbridge `i` (0, 1) with up to two options and waits until it serves. */
void cbfix_bridge_start(struct cbfix *f, unsigned i, const char *opt1, const char *opt2);

/* Sends a signal and waits for the end; returns the exit code, or -1 when a signal ended it. */
int cbfix_bridge_stop(struct cbfix *f, unsigned i, int signum);

/* Waits until the process ends by itself. */
int cbfix_bridge_wait(struct cbfix *f, unsigned i);

/* Which callbridge has this instance id; -1 none. */
int cbfix_bridge_of(const struct cbfix *f, const char *instance);

/* Connects web bridge `i`, or takes it away (as if it had been killed). */
void cbfix_web_up(struct cbfix *f, unsigned i);
void cbfix_web_down(struct cbfix *f, unsigned i);

void cbfix_xmpp_up(struct cbfix *f);
void cbfix_xmpp_down(struct cbfix *f);

/* The event log of callbridge `i` so far, JSON lines. Owner: the caller. */
char *cbfix_log(const struct cbfix *f, unsigned i);

/* Waits until the event log of the process that runs now has this text; false after a while. */
bool cbfix_logged(struct cbfix *f, unsigned i, const char *text);

/* --- guests ----------------------------------------------------------------------------------- */

struct answer {
    bool done;
    enum bus_code code;
    bool retry;
    char message[256], instance[40];
    int64_t took_ms;
    ProtobufCMessage *body; /* freed by the next use */
};

struct guest {
    struct cbfix *f;
    unsigned web;
    char session[40];
    const char *zone; /* through which its WebSocket comes; NULL: it is inside */
    char ticket[1024], space[64], jid[320];
    uint32_t number, call;
    struct answer a; /* of the last request */
};

/* A guest with a WebSocket of its own on a web bridge. */
struct guest guest_new(struct cbfix *f, unsigned web);
void guest_fini(struct guest *g);

/* Each sends a request, waits for its answer and returns its code. */
enum bus_code guest_login(struct guest *g, const char *call_id, const char *passcode);
enum bus_code guest_login_link(struct guest *g, const char *call_id, const char *secret);
enum bus_code guest_join(struct guest *g, const char *name);
enum bus_code guest_resume(struct guest *g, uint32_t number);
enum bus_code guest_leave(struct guest *g);
enum bus_code guest_offer(struct guest *g, const char *sdp);
enum bus_code guest_ask(struct guest *g, const ProtobufCMessage *body);

/* Sends a request and does not wait; the answer goes to `a`. */
void guest_ask_start(struct guest *g, const ProtobufCMessage *body, struct answer *a);
enum bus_code guest_wait(struct guest *g, struct answer *a);

/* The WebSocket of the guest ended. */
void guest_gone(struct guest *g);

/* Fills in the session of a request. */
void guest_session(const struct guest *g, Stoa__Bridge__V1__Session *out);

/* Logs in and joins; fails the test when that does not work. */
struct guest guest_enter(struct cbfix *f, unsigned web, const char *door, const char *name);

/* Waits for an event of a kind to the guest and takes it; NULL after a while.
 * Owner: the fixture, until the next call. */
const Stoa__Bridge__V1__SessionEvent *guest_event(struct guest *g,
                                                  Stoa__Bridge__V1__SessionEvent__EventCase which);

/* True when an event of that kind to the guest is there now. */
bool guest_has_event(const struct guest *g, Stoa__Bridge__V1__SessionEvent__EventCase which);

/* Forgets the events of all web bridges. */
void cbfix_forget(struct cbfix *f);

#endif
