/* SPDX-License-Identifier: Apache-2.0
 * Every limit of webadmin, each with its reason. What a peer can influence is limited here before
 * memory is taken for it. */
#ifndef WEBADMIN_LIMITS_H
#define WEBADMIN_LIMITS_H

enum {
    /* --- connections -------------------------------------------------------------------------- */
    WA_CONNS_MAX = 512,           /* administrators and scripts; TLS costs about 50 KiB each */
    WA_CONNS_PER_SOURCE_MAX = 64, /* one office or one monitoring machine */
    WA_HEADS_MAX = WA_CONNS_MAX,  /* heads read at a time: silent ones keep nobody waiting */
    WA_KEEPALIVE_S = 5,           /* an idle connection; what scripts of the guide's system know */
    WA_REQUESTS_PER_S = 200,      /* of one address; what a script asks for one after the other */
    WA_REQUESTS_BURST = 1000,     /* looking at everything, a few requests side by side */

    /* --- HTTP --------------------------------------------------------------------------------- */
    WA_HEAD_BYTES_MAX = 8192,     /* request head; scripts send below 1 KiB */
    WA_URI_MAX = 1024,            /* longest path, and longest query parameter */
    WA_HOST_MAX = 256,            /* RFC 1035 s2.3.4: a name has at most 253 characters */
    WA_TYPE_MAX = 128,            /* Content-Type with its parameters */
    WA_HEAD_TIMEOUT_S = 10,       /* a slow head (slow loris) is cut */
    WA_READ_B = 32 << 10,         /* one buffer of the process; a TLS record has 16 KiB at most */
    WA_BODY_MAX_B = 64 << 10,     /* form body; the largest of the guide has 150 bytes */
    WA_BODY_TIMEOUT_S = 20,       /* from head to the last byte of the body, however it trickles */
    WA_ANSWER_TIMEOUT_S = 20,     /* longest wait for bus and password check; probes take 5 s */
    WA_SEND_TIMEOUT_S = 20,       /* a piece of an answer that is not taken in this time: cut */
    WA_CHUNK_B = 16384,           /* of an answer per write: one TLS record */

    /* --- parameters --------------------------------------------------------------------------- */
    WA_PARAMS_MAX = 64,           /* of one request; no object has half as many */
    WA_NAME_MAX = 64,             /* of a parameter; the longest known has 36 characters */
    WA_VALUE_MAX = 4096,          /* as config takes them */
    WA_SEGMENTS_MAX = 6,          /* of a path; /coSpaces/<id>/accessMethods/<id> has 4 */
    WA_PAGE_DEFAULT = 50,         /* of a list, without `limit` */
    WA_PAGE_MAX = 500,            /* of a list, with it */

    /* --- logins ------------------------------------------------------------------------------- */
    WA_CREDENTIALS_MAX = 512,     /* of "Basic ...": a name of 64 and a password of 256 bytes */
    WA_AUTHORIZATION_MAX = 1024,  /* the same in base64 */
    WA_CHECKS_AT_A_TIME = 2,      /* password checks, 50 ms each: half of libuv's threads */
    WA_CHECKS_WAITING = 32,       /* beyond that 503; 32 of them are under a second */
    WA_KNOWN_MAX = 256,           /* credentials known to be right */
    WA_KNOWN_MS = 5 * 60 * 1000,  /* so long without a new check */
    WA_SOURCES = 1024,            /* buckets that addresses and names share by their hash */
    WA_TRIES_PER_S = 2,           /* checks for one address (IPv6: /64); a day makes 172,800 */
    WA_TRIES_BURST = 30,
    WA_USER_TRIES_PER_S = 1,      /* for one name from one address: a script with an old password */
    WA_USER_TRIES_BURST = 10,     /* does not take the tries of others */

    /* --- deadlines on the bus ----------------------------------------------------------------- */
    WA_CONFIG_TIMEOUT_MS = 4000,  /* a restart of config (under 3 s) is waited out */
    WA_PROBE_TIMEOUT_MS = 5000,   /* callbridge gives a probe up before */
    WA_PROBE_AGAIN_MS = 200,      /* a row so new that callbridge has not heard of it */
    WA_PROBE_TRIES = 10,
};

#endif
