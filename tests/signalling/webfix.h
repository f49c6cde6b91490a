/* SPDX-License-Identifier: Apache-2.0
 * A real busd and a real webbridge as child processes on loopback, and a callbridge of our own in
 * the test's loop: what webbridge says to the bus is seen, what the bus says can be chosen. */
#ifndef TESTS_SIGNALLING_WEBFIX_H
#define TESTS_SIGNALLING_WEBFIX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>
#include <uv.h>

#include <base/str.h>
#include <bus/bus.h>

#include "wsclient.h"

#define WEBFIX_SPACE "0f8fad5b-d9cb-469f-a165-70867728950e"

/* One message that the callbridge got. */
struct webfix_seen {
    ProtobufCMessage *body;
    uint8_t trace[BUS_TRACE_ID_LEN];
    char key[64];
};

struct webfix {
    uv_loop_t loop;
    char dir[64]; /* state directory */
    char *web;    /* folder of the page */
    char *cert;   /* PEM, its own CA, for localhost and 127.0.0.1 */
    char *event_log;
    uint16_t https, http, proxy;
    pid_t busd, webbridge;

    struct bus *bus; /* the callbridge's; NULL while there is none */
    struct wblink *link;
    struct webfix_seen seen[256];
    size_t seen_count;
    bool silent;     /* requests stay unanswered */
    enum bus_code refuse; /* not BUS_OK: requests are refused with it */
    char webbridge_instance[64];
};

/* Starts everything but the callbridge; ends the test program when that fails. */
struct webfix *webfix_new(void);

/* Ends the children and removes the directory. */
void webfix_free(struct webfix *f);

/* Joins and leaves the bus as a serving callbridge with a proven web bridge link. */
void webfix_bridge_up(struct webfix *f);
void webfix_bridge_down(struct webfix *f);

/* Another serving callbridge on the bus, without a link. Owner: the caller. */
struct bus *webfix_serve(struct webfix *f, const struct bus_handler *handlers, size_t n);

/* The link alone; up does not wait. */
void webfix_link_up(struct webfix *f);
void webfix_link_down(struct webfix *f);

/* Ends webbridge with a signal and waits; returns its exit code, or -signal. */
int webfix_webbridge_end(struct webfix *f, int signum);
void webfix_webbridge_start(struct webfix *f);

/* Writes pki/<stem>.crt and .key: signed by itself, made `age_s` ago for a year. */
void webfix_cert(struct webfix *f, const char *stem, int64_t age_s);

/* Makes a CA of the site (pki/ca.crt) with certificates: of expc (pki/expc.crt), of somebody else
 * (pki/other.crt); and expc's of another CA (pki/foreign.crt). */
void webfix_expc_certs(struct webfix *f);

/* Sends a SessionEvent to webbridge. */
void webfix_event(struct webfix *f, const ProtobufCMessage *session_event);

/* Turns the loop until `done` says so; fails the test after 10 s. */
void webfix_until(struct webfix *f, bool (*done)(void *arg), void *arg);

/* Forgets what the callbridge has seen. */
void webfix_forget(struct webfix *f);

/* The last message of a type that the callbridge has seen, or NULL. */
const struct webfix_seen *webfix_last(struct webfix *f, const ProtobufCMessageDescriptor *type);

/* A free TCP port of loopback. */
uint16_t webfix_free_port(void);

/* --- a page ----------------------------------------------------------------------------------- */

struct page {
    struct webfix *f;
    struct wsclient *c;
    json_t *got[512]; /* messages in order */
    size_t count;
    bool open, ended;
    struct wsclient_end end;
    char reason[128];
    unsigned pings;
};

/* Opens a WebSocket; `opts` may be NULL, its callbacks are set here. Returns at once. */
void page_open(struct page *p, struct webfix *f, const struct wsclient_opts *opts);

/* The same, and waits for welcome. */
void page_ready(struct page *p, struct webfix *f);
void page_close(struct page *p);

/* Waits until `n` messages are here, or the end. */
void page_wait(struct page *p, size_t n);
void page_wait_end(struct page *p);

/* Sends a text and returns the next message (borrowed). */
const json_t *page_ask(struct page *p, const char *text);

/* A member's text; "" when absent or no text. */
const char *page_text(const json_t *msg, const char *member);

/* Waits for the next message of this type, which may be here already from index *from on. */
const json_t *page_next(struct page *p, size_t *from, const char *type);

#endif
