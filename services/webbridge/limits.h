/* SPDX-License-Identifier: Apache-2.0
 * Every limit of webbridge, each with its reason. What a peer can influence is limited here before
 * memory is taken for it. */
#ifndef WEBBRIDGE_LIMITS_H
#define WEBBRIDGE_LIMITS_H

enum {
    /* --- connections -------------------------------------------------------------------------- */
    WB_CONNS_MAX = 4000,          /* TLS costs about 50 KiB each: 200 MiB in all */
    WB_CONNS_PER_SOURCE_MAX = 256, /* an office behind one address, 6 per browser */
    /* sockets of the listener for expc that have not said their PROXY header yet; 600 bytes each */
    WB_PROXY_WAITING_MAX = 256,
    WB_PROXY_HEADER_MS = 5000,    /* expc sends it with its first packet */
    WB_ZONE_MAX = 64,             /* lib/proxy2: PROXY2_TEXT_MAX */
    WB_CONNECTION_MAX = 64,
    WB_LISTEN_MAX = 16,           /* addresses of one setting; a machine has a handful */

    /* --- HTTP --------------------------------------------------------------------------------- */
    WB_HEAD_BYTES_MAX = 8192,     /* request head; browsers send below 2 KiB */
    /* heads being read at the same time, each allocated when it is needed: as many as connections,
     * or one address that connects and says nothing would keep all others waiting */
    WB_HEADS_MAX = WB_CONNS_MAX,
    WB_URI_MAX = 2048,            /* longest path and query; an invitation is below 300 */
    WB_HOST_MAX = 256,            /* RFC 1035 s2.3.4: a name has at most 253 characters */
    WB_HEAD_TIMEOUT_S = 10,       /* a slow head (slow loris) is cut */
    WB_BODY_TIMEOUT_S = 20,       /* a chunk of an answer that is not taken in this time: cut */
    WB_KEEPALIVE_S = 15,          /* an idle connection without WebSocket */
    WB_CHUNK_BYTES = 16384,       /* of a file per write: one TLS record */
    WB_REPLY_HEAD_MAX = 4096,     /* our own response head, CSP with branding included */
    WB_ERROR_BODY_MAX = 2048,     /* the neutral error page */

    /* --- files -------------------------------------------------------------------------------- */
    WB_ASSETS_MAX = 1024,         /* the page has a few dozen files */
    WB_ASSET_BYTES_MAX = 16 << 20, /* one file; the page's largest is below 1 MiB */
    WB_ASSET_DEPTH_MAX = 8,       /* folders below the web folder; ends a loop of links */

    /* --- web bridge links --------------------------------------------------------------------- */
    WB_LINKS_MAX = 256,           /* one per callbridge and URL; only trusted ones count */
    WB_LINK_SILENT_MS = 6000,     /* three requests are missing: the link is gone */
    WB_LINK_LOOK_MS = 250,        /* the trust bundle: a removed certificate ends its link in 1 s */
    WB_LINK_FAULT_MS = 15000,     /* a refusal is told for so long; callbridges try every 5 s */
    WB_BUS_SETTLE_MS = 1000,      /* after a loss of busd, daemons are back on the bus one by one */
    WB_LINK_CHANGE_MS = 3000,     /* anybody can be refused: another reason is told this often */

    /* --- WebSocket ---------------------------------------------------------------------------- */
    WB_MESSAGE_BYTES_MAX = 300 << 10, /* docs/guest-protocol.md: an SDP of 256 KiB and its JSON */
    WB_FRAMES_MAX = 1024,         /* fragments of a message; empty ones would never end */
    WB_STRING_BYTES_MAX = 4096,   /* docs/guest-protocol.md: any string but sdp */
    WB_SDP_BYTES_MAX = 256 << 10, /* docs/guest-protocol.md */
    WB_JSON_DEPTH_MAX = 8,        /* no message of the protocol nests deeper than 4 */
    WB_RATE_PER_S = 20,           /* docs/guest-protocol.md: trickled candidates come in bursts */
    WB_RATE_BURST = 100,          /* docs/guest-protocol.md */
    WB_QUEUE_BYTES_MAX = 1 << 20, /* events a slow reader may leave unread before it is closed */
    WB_QUEUE_MESSAGES_MAX = 1024, /* the same for many small ones */
    WB_PENDING_MAX = 16,          /* requests of one WebSocket that wait for an answer */
    WB_SESSIONS_MAX = 2000,       /* WebSockets; each may hold WB_QUEUE_BYTES_MAX at worst */
    WB_SESSIONS_PER_SOURCE_MAX = 200, /* an office behind one address */
    WB_PING_S = 20,               /* proxies cut idle connections after 60 s at the earliest */
    WB_PONG_S = 20,               /* docs/guest-protocol.md: closed when no answer comes */

    /* --- deadlines on the bus ----------------------------------------------------------------- */
    WB_LOGIN_TIMEOUT_MS = 5000,   /* callbridge answers after 250 ms, slowed ones later */
    WB_CALL_TIMEOUT_MS = 5000,    /* joining waits at most 1 s for xmpp */
    WB_SDP_TIMEOUT_MS = 10000,    /* an answer may gather relay addresses first */
};

#endif
