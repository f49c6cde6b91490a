/* SPDX-License-Identifier: Apache-2.0
 * The TURN servers of a site as a callbridge and its guests use them.
 *
 * A row of /turnServers is a place (serverAddress, clientAddress). Instances of our own that have
 * registered behind its address, here or at an edge (their rows have a zone), are each a server; a
 * place without any is a foreign server by itself. Our own are used with time-limited names made of
 * the row's user and password; foreign ones with time-limited names where the row has a shared
 * secret, else with the row's user.
 * Source: DESIGN section 6 */
#ifndef CALLBRIDGE_TURNS_H
#define CALLBRIDGE_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/addr.h>
#include <bus/bus.h>
#include <stun/credential.h>

#include "limits.h"
#include "ticket.h"

struct daemon;
struct site;
struct turns;

enum {
    TURNS_PER_GUEST = 2,    /* that losing one needs no ICE restart */
    TURNS_ID_SIZE = 80,     /* GUID, or GUID and a number */
    TURNS_HOST_SIZE = 257,  /* a DNS name or an address */
    TURNS_NAME_SIZE = 513,  /* RFC 8489 s14.3: a user name has at most 508 bytes */
    TURNS_SECRET_SIZE = 257,
};

/* How its names are made. */
enum turns_login {
    TURNS_DERIVED,       /* our own: time-limited, from user and password */
    TURNS_SHARED_SECRET, /* foreign: time-limited, from a shared secret */
    TURNS_STATIC,        /* foreign: the user itself */
};

struct turns_server {
    char id[TURNS_ID_SIZE];     /* stable: of the registration, or of the row and a number */
    char row[GUID_LEN + 1];     /* the turnServer row */
    char name[TURNS_HOST_SIZE]; /* its serverAddress, for people */
    struct addr udp, tcp;       /* as the callbridge reaches it */
    char client[TURNS_HOST_SIZE]; /* as guests reach it */
    uint16_t client_udp, client_tcp;
    bool own;                   /* an instance of ours */
    char instance[65];          /* on the bus; "" when it is of another site */
    char zone[GUID_LEN + 1];    /* through which it is known; "" one of this site */
    bool inside;                /* its addresses are inside ones: nothing for guests outside */
    uint32_t load;
    bool draining;
    bool orphan;                /* of a zone, without a row, and alive: draining */
    enum turns_login login;
    char user[129], secret[TURNS_SECRET_SIZE];
    uint8_t key[STUN_CRED_KEY_LEN]; /* TURNS_DERIVED */
    /* the callbridge's own name */
    char username[TURNS_NAME_SIZE], password[TURNS_SECRET_SIZE];
    int64_t renew_s; /* wall clock; INT64_MAX: never */
};

/* The list has changed, or names in it; not for a load alone. Valid until the next call. */
typedef void (*turns_changed_fn)(void *arg, const struct turns_server *list, size_t n);

/* Owner: the caller, ends with turns_free(). */
struct turns *turns_new(struct daemon *d, const struct site *site, turns_changed_fn fn, void *arg);
void turns_free(struct turns **t);

/* True while there is a relay on the server; called with the argument of turns_new(). */
typedef bool (*turns_alive_fn)(void *arg, const char *id);

/* Servers of zones stay in the list without their rows, draining, as long as `fn` says so: a zone
 * that is cut ends no media. */
void turns_ask_alive(struct turns *t, turns_alive_fn fn);

/* The configuration has changed. */
void turns_configure(struct turns *t);

/* A turn instance is on the bus, has changed, or is gone. */
void turns_peer(struct turns *t, const struct bus_peer *peer, bool up);

/* Every second. */
void turns_tick(struct turns *t);

const struct turns_server *turns_list(const struct turns *t, size_t *n);
const struct turns_server *turns_find(const struct turns *t, const char *id);

/* Makes the time-limited name and password of a guest at a server (a foreign one without shared
 * secret: its static user). `id` is the guest's, see stun_cred. */
void turns_guest_login(const struct turns_server *s, const char *id, int64_t expires_s,
                       char name[TURNS_NAME_SIZE], char password[TURNS_SECRET_SIZE]);

#endif
