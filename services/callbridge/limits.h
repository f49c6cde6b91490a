/* SPDX-License-Identifier: Apache-2.0
 * All limits of the callbridge, each with its reason. */
#ifndef CALLBRIDGE_LIMITS_H
#define CALLBRIDGE_LIMITS_H

enum {
    NAME_CHARS_MAX = 64,          /* a participant's name; the page cuts at the same length */
    NAME_BYTES_MAX = NAME_CHARS_MAX * 4,
    LOGIN_REFUSAL_MS = 250,       /* wrong call ID and wrong passcode answer after the same time */
    TRIES_WINDOW_MS = 60000,      /* guestPasscodeTries counts within a minute */
    /* beyond it: 30 answers a minute, 4 digits last 3 hours on average */
    TRIES_STEP_MS = 2000,
    /* webbridge waits 5 s for a login; LOGINS_WAITING_MAX stays free */
    TRIES_DELAY_MAX_MS = 4000,
    TRIES_ZONE_LEN = 64,          /* a longer name counts by its beginning */
    /* family, IPv4 address or first half of an IPv6 address, zone */
    TRIES_KEY_LEN = 1 + 8 + TRIES_ZONE_LEN,
    TRIES_SOURCES_MAX = 10000,    /* addresses that guessed wrong within a minute: 2 MiB */
    LOGINS_WAITING_MAX = 1000,    /* refused logins held back at a time: 4,000 guesses/s */
    TICKET_LIFETIME_S = 24 * 3600, /* DESIGN section 4 step 3 */
    REMOVED_MAX = 10000,          /* guests whose ticket is void: 1 MiB */
    REMOVED_TELL_MAX = 1000,      /* of them in one message: 400 KiB at worst */
    XMPP_WAIT_MS = 1000,          /* joining never depends on xmpp: DESIGN section 4 step 3 */
    XMPP_LEASE_S = 120,           /* a guest account that nobody renews ends */
    XMPP_RENEW_MS = 40000,        /* a third of it: two renewals may be lost */
    XMPP_RENEW_COUNT = 500,       /* accounts in one message: 32 KiB */
    /* without signalling and without media: DESIGN section 4 step 8 */
    SIGNALLING_LOST_S = 30,
    /* ids in one question: a webbridge holds half of them at most, the others are gone */
    SESSIONS_ASK_MAX = 4000,
    SESSIONS_ASK_MS = 5000,       /* a lost end of a WebSocket is found out well before that */
    EMPTY_SPACE_MS = 10000,       /* a space without participants is given back to the bus */
    LINKS_KEPT = 256,             /* numbers of web bridges that are gone */
    WBLINKS_MAX = 64,             /* web bridge links: 2 KiB and a connection each */
    WBLINK_RESOLVE_MS = 30000,    /* names are looked up again */
    WBLINK_RESOLVE_FAILED_MS = 5000, /* the same after a look-up that failed */
    WBLINK_LOOK_MS = 1000,        /* certificate files */
    WBLINK_QUIET_MS = 2000,       /* web bridges that start with us: no fault for so long */
    WBLINK_EMPTY_MS = 5000,       /* a new site gets its first settings before that is a fault */
    WBLINK_ASK_MS = 2000,         /* the ping; web bridges give a link up after 6 s */
    WBLINK_ANSWER_MS = 5000,      /* for connection, handshake and answer together */
    WBLINK_RETRY_MS = 500,
    WBLINK_RETRY_SOON = 6,        /* tries before they become rarer */
    WBLINK_RETRY_MAX_MS = 5000,
    WBLINK_PROOF_MS = 2000,       /* the proof comes again with the next answer */
    WBLINK_BODY_MAX_B = 1024,     /* an answer has about 120 bytes */
    WORKERS_MAX = 64,             /* media workers: as many ports and threads */
    TURNS_MAX = 8,                /* TURN servers in use: an allocation of each media worker on each */
    TURN_RESOLVE_MS = 30000,      /* names are looked up again */
    TURN_RESOLVE_FAILED_MS = 5000,
    TURN_WAITING_MS = 10000,      /* a zone needs seconds to come up: no fault before */
    TURN_SETTLE_MS = 2000,        /* a zone that is up says its instances within that */
    TURN_PROBE_EVERY_MS = 60000,  /* each server, by each callbridge */
    TURN_PROBE_SOON_MS = 700,     /* after a first failure: it is told after the second */
    TURN_PROBE_FAILED_MS = 10000, /* while it fails */
    TURN_PROBE_MS = 1500,         /* for UDP, and then for TCP: the administration waits 5 s */
    TURN_ASKED_MAX = 16,          /* questions about servers at a time: 8 probes each */
    /* after it has lost one of its two TURN servers a guest gathers anew: not at once, for media
     * goes on, and not all at the same time */
    TURN_REGATHER_MS = 15000,
    TURN_LOGIN_S = 24 * 3600,     /* of a time-limited name, as a ticket; only Allocate looks at it */
    RELAYS_EACH = 2,              /* relays of one participant: one, and a spare */
    RELAY_UDP_WAIT_MS = 1000,     /* then TCP is tried */
    RELAY_WAIT_MS = 2000,         /* with the one before: named within 3 s */
    RELAY_RETRY_MS = 500,
    RELAY_RETRY_MAX_MS = 10000,
    RELAY_TCP_QUEUE_B = 65536,    /* a quarter of a second at 2 Mbit/s; what is beyond is dropped */
    RELAY_TCP_DEAD_MS = 5000,     /* sent and not acknowledged for so long */
    SPACES_MAX = 2000,            /* open spaces of one callbridge */
    PARTICIPANTS_MAX = 5000,      /* of one callbridge, if the settings do not say less */
    OFFER_WAIT_MS = 5000,         /* a worker that does not answer an offer by then is stuck */
    TICK_MS = 1000,
    VIEW_HEIGHT_MAX = 4320,       /* pixels; nobody sends larger pictures */
    /* between two requests for an ICE restart while a participant is not reached */
    RESTART_MIN_MS = 5000,        /* the page needs a round trip and 3 s of checks */
    RESTART_MAX_MS = 20000,       /* each wait is twice the one before */
    /* What a receiver's link takes is limited in lib/sfu/budget.h: no target below 50 kbit/s; the
     * first picture is kept while two thirds of it fit (four fifths after heavy losses). */
};

#endif
