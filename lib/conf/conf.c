/* SPDX-License-Identifier: Apache-2.0
 * Bootstrap settings from the environment, strictly checked. */
#include <conf/conf.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/addr.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>

#include "conf_priv.h"

struct conf {
    char *site, *state, *listen;
    unsigned number;
    long base;           /* STOA_PORT_BASE; -1: none */
    struct map *ports;   /* row name -> port + 1 as a pointer (0 is a port here) */
    struct map *listens; /* row name -> address, owned */
    struct map *further; /* name -> value, owned */
};

/* Variables without a setting of their own in struct conf: conf_get() reads them. A daemon that
 * needs another one adds its row here, so that all daemons of a site accept it. */
static const struct conf_known known[] = {
    { "BUS", "endpoint of the bus; default ipc://<state>/run/bus.sock" },
    { "KEYS", "directory of the bus keys; default <state>/keys" },
    { "WEB", "directory of the guest page's files" },
    { "NAME", "public name of the guest page, as ./start --name" },
    { "DEMO", "1: web bridges accept localhost and the names of this machine, too" },
    { "ECHO", "1: for tests, everybody in a call sees and hears themselves" },
    { "WEBBRIDGES", "web bridges on this machine, as stoa run --webbridge; default 1" },
    { "TURN_PLACE", "turn: the place from 1 that this instance shall have, or none" },
    { "LOG", "human or json, as --log" },
    { "LOG_LEVEL", "error, warning, info or debug" },
    { "DRAIN_S", "seconds a daemon may take to drain after SIGTERM" },
};

static int set_site(struct conf *c, const char *value)
{
    if (!str_eq(value, "inside") && !str_eq(value, "edge"))
        return -EINVAL;
    str_set(&c->site, value);
    return 0;
}

static int set_state(struct conf *c, const char *value)
{
    str_set(&c->state, value);
    return 0;
}

static int set_number(struct conf *c, const char *value)
{
    int64_t n;

    if (str_to_i64(value, 1, CONF_NUMBER_MAX, &n) != 0)
        return -EINVAL;
    c->number = (unsigned)n;
    return 0;
}

static int set_listen(struct conf *c, const char *value)
{
    struct addr a;

    if (addr_parse_ip(&a, value, 0) != 0)
        return -EINVAL;
    str_set(&c->listen, value);
    return 0;
}

static int set_base(struct conf *c, const char *value)
{
    int64_t n;

    if (str_to_i64(value, 1024, 65535 - CONF_PORT_SPAN, &n) != 0)
        return -EINVAL;
    c->base = (long)n;
    return 0;
}

static const struct {
    const char *name;
    int (*set)(struct conf *c, const char *value);
    const char *want;
} settings[] = {
    { "SITE", set_site, "\"inside\" or \"edge\"" },
    { "STATE", set_state, "a directory" },
    { "NUMBER", set_number, "a number from 1 to 9" },
    { "LISTEN", set_listen, "an IP address of this machine" },
    { "PORT_BASE", set_base, "a number from 1024 to 64535" },
};

const struct conf_known *conf_known_rows(size_t *count)
{
    *count = ARRAY_LEN(known);
    return known;
}

/* The row that STOA_<prefix><NAME> speaks of ("PORT_"), or NULL. */
static const struct conf_port_row *row_of(const char *prefix, const char *name)
{
    const struct conf_port_row *rows, *found = NULL;
    size_t count;

    if (!str_starts(name, prefix))
        return NULL;
    rows = conf_port_rows(&count);
    for (size_t i = 0; i < count && !found; i++) {
        char *var = conf_port_env(rows[i].name);

        if (str_eq(var + strlen("STOA_PORT_"), name + strlen(prefix)))
            found = &rows[i];
        free(var);
    }
    return found;
}

/* Gets a STOA_PORT_<NAME>; -ENOENT when there is no such row. */
static int set_port(struct conf *c, const char *name, const char *value)
{
    const struct conf_port_row *row = row_of("PORT_", name);
    int64_t port;

    if (!row)
        return -ENOENT;
    if (str_to_i64(value, 0, 65536 - row->count, &port) != 0)
        return -EINVAL;
    map_put(c->ports, row->name, (void *)(uintptr_t)(port + 1));
    return 0;
}

/* Gets a STOA_LISTEN_<NAME>; -ENOENT when there is no such row. */
static int set_row_listen(struct conf *c, const char *name, const char *value)
{
    const struct conf_port_row *row = row_of("LISTEN_", name);
    struct addr a;

    if (!row)
        return -ENOENT;
    if (addr_parse_ip(&a, value, 0) != 0)
        return -EINVAL;
    free(map_put(c->listens, row->name, str_dup(value)));
    return 0;
}

static int set_further(struct conf *c, const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_eq(known[i].name, name)) {
            if (!str_empty(value))
                free(map_put(c->further, name, str_dup(value)));
            return 0;
        }
    }
    return -ENOENT;
}

static int set(struct conf *c, const char *name, const char *value, char *error)
{
    const char *want = "a port number, or 0 for none";
    char hint[64];
    int err;

    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (!str_eq(settings[i].name, name))
            continue;
        err = settings[i].set(c, value);
        if (err)
            snprintf(error, CONF_ERROR_MAX, "STOA_%s is \"%s\" but must be %s.", name, value,
                     settings[i].want);
        return err;
    }
    if (str_starts(name, "PORT_")) {
        err = set_port(c, name, value);
    } else if (str_starts(name, "LISTEN_")) {
        err = set_row_listen(c, name, value);
        want = "an IP address of this machine";
    } else {
        err = set_further(c, name, value);
    }
    if (err == -EINVAL)
        snprintf(error, CONF_ERROR_MAX, "STOA_%s is \"%s\" but must be %s.", name, value, want);
    else if (err == -ENOENT)
        snprintf(error, CONF_ERROR_MAX,
                 "The environment variable STOA_%s is not known%s. Correct or "
                 "unset it.",
                 name, conf_hint(name, hint, sizeof(hint)));
    return err == 0 ? 0 : -EINVAL;
}

static char *absolute(const char *path)
{
    char cwd[PATH_MAX];

    if (path[0] == '/' || !getcwd(cwd, sizeof(cwd)))
        return str_dup(path);
    return str_printf("%s/%s", cwd, path);
}

static void set_defaults(struct conf *c)
{
    char *state;

    if (!c->site)
        c->site = str_dup("inside");
    if (!c->state)
        c->state = str_printf(".state/%s", c->site);
    state = absolute(c->state);
    free(c->state);
    c->state = state;
}

int conf_load(struct conf **out, char *const *env, char error[CONF_ERROR_MAX])
{
    struct conf *c = MEM_NEW(struct conf);
    int err = 0;

    c->number = 1;
    c->base = -1;
    c->ports = map_new();
    c->listens = map_new();
    c->further = map_new();
    for (char *const *e = env ? env : environ; *e && !err; e++) {
        const char *equals = strchr(*e, '=');
        char *name;

        if (!str_starts(*e, "STOA_") || !equals)
            continue;
        name = str_ndup(*e + strlen("STOA_"), (size_t)(equals - *e) - strlen("STOA_"));
        err = set(c, name, equals + 1, error);
        free(name);
    }
    if (err)
        goto out;
    set_defaults(c);
    *out = c;
    c = NULL;
out:
    conf_free(c);
    return err;
}

void conf_free(struct conf *c)
{
    size_t it = 0;
    void *value;

    if (!c)
        return;
    while (map_next(c->further, &it, NULL, &value))
        free(value);
    map_free(c->further);
    it = 0;
    while (map_next(c->listens, &it, NULL, &value))
        free(value);
    map_free(c->listens);
    map_free(c->ports);
    free(c->site);
    free(c->state);
    free(c->listen);
    free(c);
}

const char *conf_site(const struct conf *c)
{
    return c->site;
}

const char *conf_state(const struct conf *c)
{
    return c->state;
}

unsigned conf_number(const struct conf *c)
{
    return c->number;
}

char *conf_path(const struct conf *c, const char *dir, const char *file)
{
    return str_printf("%s/%s/%s", c->state, dir, file);
}

char *conf_bus_endpoint(const struct conf *c)
{
    const char *given = conf_get(c, "BUS");

    return given ? str_dup(given) : str_printf("ipc://%s/run/bus.sock", c->state);
}

char *conf_keys_dir(const struct conf *c)
{
    const char *given = conf_get(c, "KEYS");

    return given ? str_dup(given) : str_printf("%s/keys", c->state);
}

const char *conf_get(const struct conf *c, const char *name)
{
    return map_get(c->further, name);
}

/* First port of the row for instance 1. */
static long first_port(const struct conf *c, const struct conf_port_row *row)
{
    uintptr_t given = (uintptr_t)map_get(c->ports, row->name);

    if (given)
        return (long)given - 1;
    return c->base >= 0 ? c->base + row->offset : row->port;
}

uint16_t conf_port_at(const struct conf *c, const char *name, unsigned number)
{
    const struct conf_port_row *row = conf_port_row(name);
    long first = first_port(c, row);

    return first == 0 ? 0 : (uint16_t)(first + (long)(number - 1) * row->step);
}

uint16_t conf_port(const struct conf *c, const char *name)
{
    return conf_port_at(c, name, c->number);
}

unsigned conf_port_count(const struct conf *c, const char *name)
{
    const struct conf_port_row *row = conf_port_row(name);

    return c->base >= 0 ? row->base_count : row->count;
}

const char *conf_listen(const struct conf *c, const char *name)
{
    const char *own = map_get(c->listens, name);

    if (own)
        return own;
    if (c->listen)
        return c->listen;
    return str_eq(conf_port_row(name)->addresses, "any") ? "*" : "127.0.0.1";
}

const struct conf_port_row *conf_port_owner(const struct conf *c, uint16_t port)
{
    const struct conf_port_row *rows;
    size_t count;

    rows = conf_port_rows(&count);
    for (size_t i = 0; i < count; i++) {
        unsigned own = conf_port_count(c, rows[i].name), step = rows[i].step;
        unsigned instances = step > 0 ? CONF_NUMBER_MAX : 1;
        long first = first_port(c, &rows[i]);

        for (unsigned n = 0; n < instances; n++) {
            long from = first + (long)n * step;

            if (first > 0 && port >= from && port < from + (long)own)
                return &rows[i];
        }
    }
    return NULL;
}
