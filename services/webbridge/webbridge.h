/* SPDX-License-Identifier: Apache-2.0
 * The daemon's inner types. One thread, one libuv loop; libwebsockets is a guest in that loop.
 *
 *   listen.c   listeners, as the configuration has them
 *   proxy.c    guests outside, who come through expc: PROXY header, expc's certificate
 *   server.c   connections and their quotas, the libwebsockets context, certificate
 *   http.c     requests: Host check, files, redirects, small error pages
 *   ws.c       WebSockets: handshake check, frames in, bounded queue out
 *   session.c  what a WebSocket is to the bus: requests, answers, events, welcome
 *   link.c     web bridge links: callbridges behind a trusted certificate
 *   trust.c    the certificates that are trusted for it
 *   check.c    what `stoa doctor` asks for
 *   cert.c     certificate and key, taken over when they change
 *   config.c   settings and names from the site's configuration
 *   metrics.c  numbers for Prometheus
 *   main.c     the daemon's table */
#ifndef WEBBRIDGE_WEBBRIDGE_H
#define WEBBRIDGE_WEBBRIDGE_H

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

#include "assets.h"
#include "limits.h"
#include "link.h"
#include "messages.h"
#include "names.h"

enum { WB_STATUS_COUNT = 600, WB_SESSION_ID_LEN = 32 };

/* The virtual host of guests outside: each of its clients is asked for a certificate. */
#define WB_GUESTS_VHOST "guests"

struct wb_metrics {
    uint64_t connections_total, connections_refused;
    uint64_t proxied_total, proxied_refused;
    uint64_t requests[WB_STATUS_COUNT];   /* by status */
    uint64_t sessions_total;
    uint64_t messages[16];                /* by index in wb_messages() */
    uint64_t refused_invalid, refused_rate, refused_size, refused_busy;
    uint64_t closed_slow, closed_protocol;
    uint64_t events_sent, events_lost;
};

struct wb_settings {
    bool disabled, http_redirect;
    char *listen;                  /* "ip[:port], ..", or NULL: as the daemon was started */
    bool id_and_passcode, hyperlinks;
    char *background_image, *logo; /* URLs or NULL */
    char *img_src;                 /* their origins for the CSP, or NULL */
};

struct daemon;
struct daemon_cert;
struct loop_timer;
struct site;

struct wb_listener;

/* What a listener is for. */
enum wb_door {
    WB_DOOR_HTTPS, /* the page */
    WB_DOOR_HTTP,  /* redirects to it */
    WB_DOOR_PROXY, /* the page, for expc alone: a PROXY header comes first */
};

struct wb_server_opts {
    const char *listen;        /* IP literal, or "*" */
    int https_port, http_port; /* 0: off */
    const char *proxy_listen;  /* the same of the listener for expc; NULL: none */
    int proxy_port;
    int port_distance;         /* of this instance from the first: added to configured ports */
    const char *cert_path, *key_path;
    const char *ca_path; /* of the site's CA: who has signed the certificate of expc */
};

/* Whence a connection came. */
struct wb_from {
    struct addr peer;                /* the browser */
    bool plain;                      /* over HTTP */
    const char *zone, *connection;   /* by the PROXY header; NULL: it came straight to us */
    const struct addr *expc;
};

struct wb_proxy {
    struct list waiting;  /* connections whose header is not there yet */
    size_t waiting_count;
    char *ca_path, *ca_pem;
    int64_t ca_stamp;
};

struct webbridge {
    uv_loop_t *loop;
    struct bus *bus;
    struct daemon *daemon; /* NULL in tests of the parts */

    struct lws_context *lws;
    struct lws_vhost *https, *http, *guests; /* guests: those outside, through expc */
    char *cert_path, *key_path;
    struct daemon_cert *cert;
    int https_port;           /* where redirects lead to */
    struct wb_server_opts listen_opts;
    struct wb_listener *listeners;
    struct loop_timer *listen_retry;
    bool listening;           /* between start and stop */
    struct wb_conn *adopting; /* being handed to libwebsockets right now */

    struct wb_assets *assets;
    struct wb_names *names;
    struct wb_names *outside; /* the names that count through a zone */
    char *names_text;        /* as last logged */
    struct site *site;
    const char *public_name; /* STOA_NAME, or NULL */
    bool demo; /* localhost and the machine's names are allowed as well */
    struct wb_settings settings;

    struct list conns;     /* struct wb_conn */
    struct map *sources;   /* source ip -> struct wb_source */
    size_t conn_count;
    struct wb_proxy proxy;

    struct map *sessions;  /* session id -> struct wb_session */
    struct list session_list;
    struct list orphans;   /* requests whose WebSocket is gone and whose answer still matters */
    uint64_t session_number;
    struct wb_links links;
    struct map *told;      /* callbridge instances -> how many events came, uint64_t */
    char *welcome;         /* the text last sent */
    const char *join_reason; /* in it; a literal */
    bool draining;
    int64_t bus_up_ms;  /* since when the bus says who is there; 0: it does not */

    struct wb_metrics m;
};

/* How many connections and sessions come from one address. */
struct wb_source {
    size_t conns, sessions;
};

/* What is known of a connection that came through a zone. */
struct wb_via {
    char zone[WB_ZONE_MAX];             /* id of the zone */
    char connection[WB_CONNECTION_MAX]; /* number of the connection in expe's log */
    struct addr expc;
    bool proven;                        /* it has shown expc's certificate */
};

/* One TCP connection, known to libwebsockets as the wsi's opaque user data. */
struct wb_conn {
    struct list node;
    struct webbridge *wb;
    struct lws *wsi;
    struct addr peer;
    bool plain;      /* came over HTTP: gets redirects only */
    struct wb_via *via; /* NULL: not through a zone */
    char peer_ip[ADDR_TEXT_MAX];
    struct wb_source *source;

    /* the answer being sent */
    const struct wb_body *body;
    size_t sent;
    bool close_after;

    struct wb_session *session; /* once it is a WebSocket */
    struct wb_link *link;       /* once it is a web bridge link */
};

/* --- server.c --------------------------------------------------------------------------------- */

/* Makes everything that connections need. Errors: negative errno; `why` says it in a sentence. */
int wb_server_start(struct webbridge *wb, const struct wb_server_opts *opts,
                    struct str *why) MUST_USE;

/* True while one more connection of this address is allowed; logs and counts a refusal. */
bool wb_server_quota_left(struct webbridge *wb, const char *ip);

/* Takes an accepted socket. */
void wb_server_adopt(struct webbridge *wb, int fd, const struct wb_from *from);

/* Ends all connections and starts closing; the loop must run until libuv has closed its handles. */
void wb_server_stop(struct webbridge *wb);

/* Uses the certificate and key that are in the files now for connections from now on. Errors as
 * wb_server_start(); the old ones stay in use then. */
int wb_server_reload_cert(struct webbridge *wb, struct str *why) MUST_USE;

/* Frees what is left after the loop's last turn. */
void wb_server_free(struct webbridge *wb);

/* Forgets a connection; called when its wsi is destroyed. */
void wb_conn_free(struct wb_conn *c);

/* --- listen.c --------------------------------------------------------------------------------- */

/* Opens the first listeners. Errors: negative errno, `why` says it in a sentence and *port which
 * row of deploy/ports it is about; an address of the configuration that cannot be used is a fault
 * instead. */
int wb_listen_start(struct webbridge *wb, const char **port, struct str *why) MUST_USE;

/* Opens and closes listeners as configuration and drain have it now. Where that is not possible the
 * old ones stay, with a fault. */
void wb_listen_apply(struct webbridge *wb);

/* Closes all for good; running connections go on. */
void wb_listen_stop(struct webbridge *wb);

/* --- proxy.c ---------------------------------------------------------------------------------- */

void wb_proxy_start(struct webbridge *wb, const char *ca_path);
void wb_proxy_stop(struct webbridge *wb);
void wb_proxy_free(struct webbridge *wb);

/* Takes a socket of the listener for expc: reads the PROXY header and hands it on. */
void wb_proxy_accept(struct webbridge *wb, int fd, const struct addr *expc);

/* True when a connection may ask for something: it came straight to us, or through an expc that has
 * shown its certificate. Logs a refusal; the connection must end then. */
bool wb_proxy_admits(struct wb_conn *c, struct lws *wsi);

/* The names that count for a connection. */
const struct wb_names *wb_conn_names(const struct wb_conn *c);

/* --- http.c ----------------------------------------------------------------------------------- */

/* Protocol 0 of both virtual hosts. */
int wb_http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                     size_t len);

/* Reads a request header into `dst`. Returns NULL when absent or longer than `cap`. */
const char *wb_header(struct lws *wsi, enum lws_token_indexes token, char *dst, size_t cap);

/* Answers with a small error page and the reason for the log. Returns what the callback returns. */
int wb_http_refuse(struct wb_conn *c, struct lws *wsi, int status, const char *reason);

/* Answers with a small JSON text; any other status than 200 ends the connection. Returns what the
 * callback returns. */
int wb_http_json(struct wb_conn *c, struct lws *wsi, int status, const char *text);

/* Checks the Host header. Returns 0 or the status to answer with, having logged why. `normal` gets
 * the host. */
int wb_http_check_host(struct wb_conn *c, struct lws *wsi, char normal[WB_HOST_MAX]);

/* --- ws.c ------------------------------------------------------------------------------------- */

int wb_ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                   size_t len);

/* Decides about an upgrade: Host, Origin, path, subprotocol, quota. Returns 0, or the return value
 * of the callback after a refusal. */
int wb_ws_confirm(struct wb_conn *c, struct lws *wsi);

/* One text waiting to be written. */
struct wb_out {
    struct list node;
    size_t len;
    unsigned char data[]; /* LWS_PRE bytes of room, then the text */
};

/* Queues a text (taken). A reader that left too much unread is dropped on the next turn. */
void wb_ws_send(struct wb_session *s, char *text);

/* Closes the WebSocket with a close frame. Never from a callback of its own: it may be gone on
 * return. */
void wb_ws_close(struct wb_session *s, enum lws_close_status status, const char *reason);

/* --- session.c -------------------------------------------------------------------------------- */

struct wb_session {
    struct list node;
    struct webbridge *wb;
    struct wb_conn *conn;
    uint64_t number; /* in log lines: "websocket 12: ..." */
    char id[WB_SESSION_ID_LEN + 1];
    char peer[ADDR_TEXT_MAX]; /* "ip:port" */
    uint8_t trace[BUS_TRACE_ID_LEN];
    char trace_hex[2 * BUS_TRACE_ID_LEN + 1]; /* "" until login, join or resume */

    char space[WB_SPACE_MAX]; /* "" until joined */
    uint32_t participant;

    struct bucket rate;
    struct str in;            /* message being put together */
    unsigned in_frames;       /* of which it has come so far */
    struct list out;          /* struct wb_out */
    size_t out_bytes, out_count;
    struct list pending;      /* requests on the bus */
    size_t pending_count;

    bool closing; /* nothing is sent or read any more */
};

/* Prepares tables, handlers and peers once the bus exists and the links are prepared. */
void wb_sessions_start(struct webbridge *wb);

/* Ends all sessions while the bus is still there; their WebSockets end with the server. */
void wb_sessions_stop(struct webbridge *wb);

/* Closes every WebSocket that waits for nothing. Returns how many are left. */
size_t wb_sessions_drain(struct webbridge *wb);

/* A WebSocket is open: sends welcome. Returns NULL when there are too many. */
struct wb_session *wb_session_new(struct wb_conn *c);

/* The WebSocket is gone: tells the callbridge if a participant was on it. */
void wb_session_free(struct wb_session *s);

/* One whole text message of the page. */
void wb_session_message(struct wb_session *s, const char *text, size_t len);

/* Computes welcome anew and sends it to everybody if it changed. */
void wb_welcome_update(struct webbridge *wb);

/* True when joining is possible; else `*reason` is the sentence for the page. */
bool wb_join_available(const struct webbridge *wb, const char **reason);

/* --- cert.c ----------------------------------------------------------------------------------- */

/* Watches certificate and key, and takes over what changed. */
void wb_cert_watch_start(struct webbridge *wb);
void wb_cert_watch_stop(struct webbridge *wb);

/* Takes over certificate and key now, changed or not (SIGHUP). */
void wb_cert_reload(struct webbridge *wb);

/* --- config.c --------------------------------------------------------------------------------- */


/* Follows the site's configuration; a sealed copy is kept in `cache_dir`. Errors: site_follow(). */
int wb_config_start(struct webbridge *wb, const char *cache_dir) MUST_USE;

/* Stops following, before the bus goes. */
void wb_config_stop(struct webbridge *wb);
void wb_config_free(struct webbridge *wb);

/* Takes over names and flags; welcome and the checks of Host and Origin follow at once. */
void wb_config_apply(struct webbridge *wb);

/* --- metrics.c -------------------------------------------------------------------------------- */

/* Registers everything in `m` with the daemon's metrics. */
void wb_metrics_start(struct webbridge *wb);

#endif
