/* SPDX-License-Identifier: Apache-2.0
 * Every limit of expe, each with its reason. Those that an operator may want to change are settings
 * of the kind "edge" (docs/config.md) and have only their ceilings here. */
#ifndef EXPE_LIMITS_H
#define EXPE_LIMITS_H

enum {
    /* --- browsers ----------------------------------------------------------------------------- */
    EXPE_FILES_OTHER = 1200,       /* descriptors for all but browsers: zone port, bus, files */
    EXPE_IN_BYTES_MAX = 40 << 10,  /* a head (HTTPHEAD_MAX), and what came with its end */
    EXPE_RATE_BURST = 2,           /* seconds of sourceRate at once: a page opens 6 connections */
    EXPE_SOURCES_IDLE_MAX = 16384, /* addresses without a connection whose rate is remembered */
    EXPE_OPEN_MS = 15000,          /* answer to CONNECT: expc tries its targets one after another */
    EXPE_OPEN_TRIES = 3,           /* tunnels tried for one connection that nothing was sent for */
    EXPE_LINGER_MS = 5000,         /* for an answer of ours to be taken, and its end */
    EXPE_LINGER_BYTES = 64 << 10,  /* read and thrown away meanwhile: closing earlier would reset */
    EXPE_TAIL_MS = 30000,          /* the same for the end of a tunnelled connection, each time
                                    * that something has left */
    EXPE_STALLED_MS = 60000,       /* a browser that takes nothing although something waits */
    EXPE_STALLED_SHORT_MS = 10000, /* the same while half of tunnelMemory is held ... */
    EXPE_STALLED_LEAST_MS = 3000,  /* ... and while it is nearly all: new guests go first */
    EXPE_PATH_MAX = 512,           /* kept when redirected; a longer one becomes "/" */

    /* --- TURN over TLS ------------------------------------------------------------------------ */
    EXPE_TURN_DIAL_MS = 3000,      /* another instance of the same site */
    EXPE_TURN_QUEUE_B = 32 << 10,  /* of each direction; media that is late is of no use */

    /* --- zones -------------------------------------------------------------------------------- */
    EXPE_LINKS_MAX = 1024,         /* 16 zones with 64 connections each */
    EXPE_LINKS_ZONE_MAX = 408,     /* connections of one zone: 4 expc with 50 domains + 1, twice */
    EXPE_LINKS_WAIT_MAX = 256,     /* connections that have not proven a password */
    EXPE_LINKS_WAIT_SOURCE_MAX = 64, /* of one address: an expc dials all its domains at once */
    EXPE_TRY_BURST = 5,            /* wrong passwords of one address (IPv6: /64), then ... */
    EXPE_TRY_EVERY_MS = 10000,     /* ... one in this time */
    EXPE_TRY_KNOWN_BURST = 60,     /* of an address that has proven a password; others share it */
    EXPE_TRY_KNOWN_EVERY_MS = 1000,
    EXPE_TRY_SOURCES_MAX = 1024,   /* addresses remembered */
    EXPE_PROBES_MAX = 32,          /* ProbeHost requests under way: expc asks for each join name */
    EXPE_PROBE_MS = 8000,
    EXPE_PROBE_BYTES_MAX = 4096,   /* of the answer that are looked at */
    EXPE_REVOKE_LIST_MAX = 1024,   /* of one request; as turn takes of one event */
    EXPE_ZONE_GRACE_MS = 5000,     /* an expc that restarts is back by then: no fault before */
    EXPE_ZONE_REFUSED_MS = 600000, /* a connection that was refused beside the zone's own is told */
    EXPE_LOAD_SAID_MS = 2000,      /* load of TURN instances is told this often */
    EXPE_DRAIN_MS = 2000,          /* connections last for hours: they are not waited for longer */
};

#endif
