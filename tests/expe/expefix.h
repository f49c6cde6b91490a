/* SPDX-License-Identifier: Apache-2.0
 * A real expe beside a real busd and config of an edge site, on ports that are free; with
 * certificates of two CAs: the edge's and that of an inside site. */
#ifndef TESTS_EXPE_EXPEFIX_H
#define TESTS_EXPE_EXPEFIX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <base/addr.h>
#include <confix.h>
#include <pki/pki.h>

#define EXPEFIX_NAME "cmsweb.octavio.com"   /* external name, certificate pki/expe.crt */
#define EXPEFIX_OTHER "meet.octavio.com"    /* another one, certificate pki/other.crt */
#define EXPEFIX_EDGE "vcse.octavio.com"     /* the edge's name for its zone, pki/zone.crt */
#define EXPEFIX_EXPC "vcsc.octavio.local"
#define EXPEFIX_ZONE "UT Zone"
#define EXPEFIX_USER "Tuser"
#define EXPEFIX_PASSWORD "tpass-0815"

struct expefix {
    struct confix conf;
    pid_t pid;     /* of expe; 0: not running */
    uint16_t base; /* STOA_PORT_BASE */
    char *zone;    /* id of the zoneServer */
    struct pki_pair edge_ca, inside_ca, foreign_ca, expc; /* expc: its certificate */
};

/* Starts busd, config and expe, with two external names, a domain and a zone that has been
 * paired. */
void expefix_open(struct expefix *f);
void expefix_close(struct expefix *f);

/* The same for a group of tests, whose state is a struct expefix. Before each test what the one
 * before has closed shall be gone: expefix_settle(). */
int expefix_setup(void **state);
int expefix_settle(void **state);
int expefix_teardown(void **state);

void expefix_start(struct expefix *f);

/* Returns the exit code, or -1 when a signal ended it. */
int expefix_stop(struct expefix *f, int signum);

/* Waits until it is ready. */
void expefix_wait_ready(struct expefix *f);

/* Where a row of deploy/ports is: offset 5 edge-https, 6 edge-http, 7 zone. */
enum { EXPEFIX_HTTPS = 5, EXPEFIX_HTTP = 6, EXPEFIX_ZONE_PORT = 7 };
uint16_t expefix_port(const struct expefix *f, unsigned offset);

/* A connected socket to such a port, non-blocking; from an address of 127.0.0.0/8 (NULL: any). */
int expefix_connect(const struct expefix *f, unsigned offset);
int expefix_connect_from(const struct expefix *f, unsigned offset, const char *from);

/* Makes a certificate of the edge's CA and puts it with its key into pki/<name>.crt and .key. */
void expefix_certificate(struct expefix *f, const char *file, const char *const *names, size_t n);

/* Changes and adds objects; aborts when config refuses. */
void expefix_set(struct expefix *f, const char *kind, const char *id, const char *const *pairs);
void expefix_add(struct expefix *f, const char *kind, const char *const *pairs);

/* A metric's value with its labels, -1 when it is not there; waits until it is that. */
double expefix_metric(struct expefix *f, const char *name);
bool expefix_wait_metric(struct expefix *f, const char *name, double value);

/* The daemon's log so far, and its /status. Owner: the caller. */
char *expefix_log(struct expefix *f);
char *expefix_status(struct expefix *f);
bool expefix_wait_log(struct expefix *f, const char *text);
bool expefix_wait_status(struct expefix *f, const char *text, bool there);

/* Resident memory in KiB. */
long expefix_rss_kib(const struct expefix *f);

/* Runs the loop until `done`; false after a time in which even a slow machine would be. */
bool expefix_until(struct expefix *f, bool (*done)(void *arg), void *arg);

uv_loop_t *expefix_loop(struct expefix *f);

#endif
