/* SPDX-License-Identifier: Apache-2.0
 * The daemon's inner types. One thread, one libuv loop; libwebsockets is a guest in that loop,
 * password checks run in libuv's threads.
 *
 *   server.c    the listener, connections and their quotas, the libwebsockets context
 *   http.c      requests in, answers out
 *   reply.c     heads of answers
 *   form.c      parameters of bodies and queries
 *   path.c      paths
 *   auth.c      logins
 *   api.c       who may do what; methods and paths to functions
 *   resource.c  the table of collections; list, get, add, change and delete over the bus
 *   check.c     what `stoa doctor` asks
 *   turn.c      what turnServers have beside that: registered instances, status
 *   xml.c       XML out
 *   main.c      the daemon's table */
#ifndef WEBADMIN_WEBADMIN_H
#define WEBADMIN_WEBADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libwebsockets.h>
#include <uv.h>

#include <base/addr.h>
#include <base/bucket.h>
#include <base/list.h>
#include <base/map.h>
#include <base/str.h>
#include <bus/bus.h>

#include "auth.h"
#include "form.h"
#include "limits.h"
#include "path.h"
#include "reply.h"

struct daemon;
struct daemon_cert;
struct loop_accept;
struct loop_timer;
struct site;

struct webadmin {
    uv_loop_t *loop;
    struct bus *bus;
    struct daemon *daemon;
    struct site *site;
    struct auth *auth;

    struct lws_context *lws;
    struct lws_vhost *https;
    char *cert_path, *key_path;
    struct daemon_cert *cert;
    struct loop_accept *accept;
    const char *port_name;     /* row of deploy/ports */
    char listens_on[ADDR_TEXT_MAX + 8];
    bool hsts;                 /* on a port below 1024 browsers may keep to HTTPS */
    struct wa_conn *adopting;  /* being handed to libwebsockets right now */

    struct list conns;         /* struct wa_conn */
    struct map *sources;       /* client ip -> struct wa_source */
    size_t conn_count, open_requests;
    bool draining, stopping;
};

/* What comes from one address. */
struct wa_source {
    size_t conns;
    struct bucket requests;
};

enum wa_method { WA_GET, WA_POST, WA_PUT, WA_DELETE, WA_OTHER };

/* One request, from its head to the end of its answer. */
struct wa_request {
    bool open;             /* between head and end of the answer */
    enum wa_method method;
    bool head_only;        /* HEAD */
    char uri[WA_URI_MAX];  /* decoded, without query */
    struct path path;
    struct form query, form;
    struct str body;       /* as it comes in */
    size_t body_len;       /* as announced; 0: complete without */
    int64_t body_end_ms;   /* by then it must be here */
    char credentials[WA_AUTHORIZATION_MAX]; /* the header, "" without; wiped */

    char user[WA_NAME_MAX + 1], role[8];
    struct auth_wait login;
    struct bus_request *asked; /* on the bus */
    struct loop_timer *timer;  /* of turn.c's second tries */
    unsigned tries;
    uint32_t offset, limit;    /* of a list */

    struct str answer;     /* head and body being sent */
    size_t head_len, sent;
    bool answered, close;
};

/* One TCP connection, known to libwebsockets as the wsi's opaque user data. */
struct wa_conn {
    struct list node;
    struct webadmin *wa;
    struct lws *wsi;
    struct addr peer;
    char peer_ip[ADDR_TEXT_MAX];
    struct wa_source *source;
    struct wa_request req;
};

/* --- server.c --------------------------------------------------------------------------------- */

/* Makes everything that connections need, and listens. `ip` is an IP literal or "*". Errors:
 * negative errno; `why` says it in a sentence. */
int wa_server_start(struct webadmin *wa, const char *ip, uint16_t port, struct str *why) MUST_USE;

/* Closes the listener; running connections go on. */
void wa_server_close(struct webadmin *wa);

/* Ends all connections and starts closing; the loop must run until libuv has closed its handles. */
void wa_server_stop(struct webadmin *wa);

/* Frees what is left after the loop's last turn. */
void wa_server_free(struct webadmin *wa);

/* Forgets a connection; called when its wsi is destroyed. */
void wa_conn_free(struct wa_conn *c);

/* --- http.c ----------------------------------------------------------------------------------- */

/* Protocol 0 of the virtual host. */
int wa_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t len);

/* Answers the open request; `body` is XML or empty, and emptied. Once for each request. `r` gives
 * status and fields; the length is filled in. */
void wa_http_answer(struct wa_conn *c, struct reply *r, struct str *body);

/* Answers with 200 and a body, emptied. */
void wa_http_ok(struct wa_conn *c, struct str *body);

/* Answers with <failureDetails> of that name. */
void wa_http_fail(struct wa_conn *c, int status, const char *name);

/* Gives up what the request waits for and frees what it holds. */
void wa_request_end(struct wa_conn *c);

/* --- api.c ------------------------------------------------------------------------------------ */

/* Deals with a request that is complete: login, then what it asks for. Answers now or later. */
void wa_api_run(struct wa_conn *c);

#endif
