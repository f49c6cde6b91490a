/* SPDX-License-Identifier: Apache-2.0
 * What a daemon must know before it can ask `config`: its site, its directory, its addresses and
 * ports. It comes from a few STOA_* environment variables (docs/ports.md and `<daemon> --help` list
 * them), set by `stoa run`, systemd or compose; everything else is in the site's database. An
 * unknown STOA_* variable is an error: a misspelt setting that does nothing is worse than a daemon
 * that says so.
 *
 *   STOA_SITE         inside or edge; default inside
 *   STOA_STATE        directory of the site, must exist; default .state/<site>
 *   STOA_NUMBER       which instance of its role on this machine, from 1; default 1
 *   STOA_LISTEN       address for all listeners, instead of those in deploy/ports
 *   STOA_LISTEN_<NAME>  address for one row of deploy/ports: a host with several interfaces
 *   STOA_PORT_<NAME>  first port of a row of deploy/ports, in capitals with _ for -
 *   STOA_PORT_BASE    all ports not given by name are this number + their offset
 *   further ones      the table `known` in conf.c; conf_get() reads them */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

struct conf;

enum { CONF_ERROR_MAX = 512 };

/* Reads the environment.
 * Shape:  `env` is like environ(7), NULL for the process's own. `error` gets one sentence that says
 * what
 *         to do.
 * Owner:  *out is the caller's, ends with conf_free().
 * Errors: -EINVAL a variable is unknown or its value is not usable. */
int conf_load(struct conf **out, char *const *env, char error[CONF_ERROR_MAX]) MUST_USE;
void conf_free(struct conf *c);

/* "inside" or "edge". */
const char *conf_site(const struct conf *c);

/* The directory of the site, absolute. Below it, each made by the supervisor or by its writer,
 * 0700: run/ (sockets), log/ (event files), keys/ (CURVE), pki/, data/<role>/ (databases, sealed
 * snapshots). */
const char *conf_state(const struct conf *c);

/* Which instance of its role on this machine, from 1. */
unsigned conf_number(const struct conf *c);

/* Returns <state>/<dir>/<file>. Owner: the caller, ends with free(). */
char *conf_path(const struct conf *c, const char *dir, const char *file);

/* Endpoint of the site's bus, and the directory of its keys. Owner: the caller, ends with
 * free(). */
char *conf_bus_endpoint(const struct conf *c);
char *conf_keys_dir(const struct conf *c);

/* Value of a known STOA_ variable without a function of its own ("BUS"); NULL when unset or
 * empty. */
const char *conf_get(const struct conf *c, const char *name);

/* Port of this instance for a row of deploy/ports ("https"); the row must exist.
 * Returns 0 when the port is switched off (STOA_PORT_<NAME>=0): do not listen. */
uint16_t conf_port(const struct conf *c, const char *name);

/* The same for another instance of that daemon on this machine, from 1. */
uint16_t conf_port_at(const struct conf *c, const char *name, unsigned number);

/* Number of ports that this instance has, from conf_port() on. */
unsigned conf_port_count(const struct conf *c, const char *name);

/* Address to listen on for a row of deploy/ports: an IP literal, or "*" for every address of both
 * families. */
const char *conf_listen(const struct conf *c, const char *name);

/* One row of deploy/ports. */
struct conf_port_row {
    const char *name;
    uint16_t port, count, step, offset, base_count;
    const char *protocol;  /* tcp, udp, both */
    const char *addresses; /* any, loopback */
    const char *site, *daemon, *purpose;
};

/* The table itself; *count gets the number of rows. */
const struct conf_port_row *conf_port_rows(size_t *count);

/* The row of that name, or NULL. */
const struct conf_port_row *conf_port_row(const char *name);

/* Who uses this port in a Stoa with these settings, or NULL: for the sentence about a port in
 * use. */
const struct conf_port_row *conf_port_owner(const struct conf *c, uint16_t port);

/* Name of the variable that sets the row's port: "edge-https" gives "STOA_PORT_EDGE_HTTPS".
 * Owner: the caller, ends with free(). */
char *conf_port_env(const char *name);

#endif
