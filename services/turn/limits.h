/* SPDX-License-Identifier: Apache-2.0
 * Every limit of turn, each with its reason. Those that an operator may want to change are settings
 * of the kind "turn" (docs/config.md) and have only their ceilings here. */
#ifndef TURN_LIMITS_H
#define TURN_LIMITS_H

enum {
    /* lifetimes */
    TURN_LIFETIME_S = 600,       /* RFC 8656 s3.2: of an allocation that asks for nothing longer */
    TURN_LIFETIME_MAX_S = 3600,  /* RFC 8656 s7.2: the usual maximum */
    TURN_PERM_S = 300,           /* RFC 8656 s9 */
    TURN_CHAN_S = 600,           /* RFC 8656 s12 */
    TURN_CHAN_BLOCKED_S = 300,   /* RFC 8656 s12: number and peer are not bound to others until then */
    TURN_NONCE_S = 1800,         /* RFC 8656 s5: at least once an hour; shorter costs round trips */
    TURN_REPEAT_S = 40,          /* the same Allocate again gets the same answer: RFC 8489 s6.2.1 */

    /* one allocation */
    TURN_GUEST_PERMS_MAX = 64,   /* a browser asks for each candidate of its peer, some 20 at most */
    TURN_GUEST_CHANS_MAX = 64,
    TURN_BRIDGE_PERMS_MAX = 4096, /* a callbridge's relay is shared by all its participants */
    TURN_BRIDGE_CHANS_MAX = 4096, /* all numbers there are: RFC 8656 s12 */
    TURN_PAYLOAD_MAX = 9000,     /* relayed datagram; media stays below 1,500, jumbo frames are here */
    TURN_FRAME_MAX = TURN_PAYLOAD_MAX + 128, /* frame on a stream of somebody with a relay */
    TURN_FRAME_FIRST_MAX = 2048, /* before: an Allocate with all attributes has about 1,200 bytes */

    /* one instance */
    TURN_WORKERS_MAX = 8,        /* rings grow with the square; 8 cores relay some 2 million packets/s */
    TURN_PORT_TRIES = 32,        /* relayed ports tried that others use, before 508 */
    TURN_LISTEN_MAX = 16,        /* addresses that are listened on, as the setting takes at most */
    TURN_SERVERS_MAX = 32,       /* addresses of a registration, as a row takes at most */
    TURN_OWN_MAX = 64,           /* addresses of this machine */
    TURN_SLICES_MAX = 256,       /* 64 instances (kind turnInstance) with at most 4 addresses each */
    TURN_REVOKED_MAX = 20000,    /* names of guests that are gone; a day of a busy site */
    TURN_REVOKE_LIST_MAX = 1024, /* of one event */

    /* streams */
    TURN_CONNS_MAX = 4096,       /* of one instance; each is a file descriptor */
    TURN_CONNS_SOURCE_MAX = 256, /* of one client address (IPv6: /64): an office behind one NAT */
    TURN_CONN_SILENT_MS = 15000, /* to the first whole message: a handshake takes milliseconds */
    TURN_CONN_IDLE_MS = 60000,   /* without a relay, after a message: probes and refused clients */
    TURN_CONN_QUEUE_B = 16384,   /* answers that a slow reader has not taken; media is never queued */
    TURN_CONN_SNDBUF_B = 131072, /* the kernel's share: 100 ms of 10 Mbit/s */

    /* data path */
    TURN_RELAY_RCVBUF_B = 1048576,    /* the kernel counts it only when used; 400 full datagrams */
    TURN_LISTEN_RCVBUF_B = 8388608,   /* some ms of a full core */
    TURN_LISTEN_RCVBUF_LEAST_B = 4194304, /* less is said in the log: bursts are lost then */
    TURN_RING_SLOTS = 1024,      /* between two workers: 2 ms at 500,000 packets/s */
    TURN_RING_PAYLOAD_MAX = 1500, /* longer ones take the way through the kernel */
    TURN_BUSY_PPS = 3000,        /* below, packets never wait to be sent together */

    /* answers to strangers, per second and source (IPv6: /64) */
    TURN_BINDING_FACTOR = 10,    /* Binding: times the limit for answers without valid credentials */
};

#endif
