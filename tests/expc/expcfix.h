/* SPDX-License-Identifier: Apache-2.0
 * A real expc and real web bridges as child processes beside a real config and busd, and a test
 * edge in the test's loop, with the guide's names. */
#ifndef TESTS_EXPC_EXPCFIX_H
#define TESTS_EXPC_EXPCFIX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <confix.h>
#include <pki/pki.h>
#include <zone.pb-c.h>

#include "testedge.h"

enum { EXPCFIX_BRIDGES = 3, EXPCFIX_ASSET_B = 4000000 };

#define JOIN_NAME "cmsweb.octavio.com"

struct expcfix {
    struct confix conf;
    char *dir, *web;
    struct pki_pair ca, edge_ca, edge; /* of the inside; of the edge, and its certificate */
    struct testedge *test_edge;
    uint16_t edge_port;
    pid_t expc, bridge[EXPCFIX_BRIDGES];
    uint16_t https[EXPCFIX_BRIDGES], proxy[EXPCFIX_BRIDGES];
    char zone_id[64];
    char record_id[64], edge_record_id[64]; /* host records: of the join name, of the edge */
};

/* Starts busd, config, the edge and one web bridge, and stores the zone; expc is not started. */
void expcfix_open(struct expcfix *f);

/* Closes the struct expcfix that *state is. */
int expcfix_tear_down(void **state);

void expcfix_expc_start(struct expcfix *f);
int expcfix_expc_stop(struct expcfix *f, int signum);
void expcfix_bridge_start(struct expcfix *f, unsigned i);
void expcfix_bridge_stop(struct expcfix *f, unsigned i, int signum);

/* The edge with the right password, or another; on the port of the last one. */
void expcfix_edge_start(struct expcfix *f, const char *password, const char *denied);

/* Another edge of the same site on 127.0.0.2, at the same port. Owner: the caller. */
struct testedge *expcfix_second_edge(struct expcfix *f);

/* The host record of the edge has these addresses. */
void expcfix_edge_addresses(struct expcfix *f, const char *addresses);

/* The host record of the join name leads to these web bridges ("1", "1,3"). */
void expcfix_targets(struct expcfix *f, const char *numbers);

/* What the DNS of expc knows: lines "<name> <IPv4 address>"; nothing at first. */
void expcfix_dns(struct expcfix *f, const char *lines);

/* A certificate of the inside CA for pki/<stem>. */
void expcfix_cert(struct expcfix *f, const char *stem, const char *const *names, size_t n);

/* Runs the loop until `done` says so; fails the test when it takes too long. */
void expcfix_until(struct expcfix *f, bool (*done)(void *arg), void *arg);

/* Waits until the connection of a domain (NULL: the zone connection) is active at both ends. */
void expcfix_active(struct expcfix *f, const char *domain);

/* Asks expc for its pages. Owner: the caller, bus_msg_free(). */
Stoa__Zone__V1__ZoneStatusReply *expcfix_status(struct expcfix *f);

/* Asks expc, again while a busy machine lets busd think that it is gone. `reply` as busfix_ask(). */
enum bus_code expcfix_ask(struct expcfix *f, const ProtobufCMessage *body,
                          ProtobufCMessage **reply);

/* Waits until so many web bridges are healthy. */
void expcfix_healthy(struct expcfix *f, size_t n);

/* Waits until expc has a fault with this text in it, or has it no more. */
void expcfix_fault(struct expcfix *f, const char *text, bool there);

/* Waits until the log of a daemon ("expc", "webbridge-2") has a line with this text. */
void expcfix_log(struct expcfix *f, const char *daemon, const char *text);

/* One page through the tunnel, as a browser with this Host asks; NULL: the join name. Returns the
 * HTTP status, or that of CONNECT when it is not 200. `body` (may be NULL) gets what came. */
int expcfix_get(struct expcfix *f, const char *host, struct str *body);

/* The same through the tunnel of any name. */
int expcfix_get_by(struct expcfix *f, const char *name, const char *host, struct str *body);

/* Opens a WebSocket through the tunnel and waits for what the web bridge says first. */
void expcfix_websocket(struct expcfix *f, struct edgestream *s);

#endif
