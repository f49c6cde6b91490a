/* SPDX-License-Identifier: Apache-2.0
 * busd: the message bus of a site. Its options and the broker on the daemon's loop; it has no bus
 * client, since it is the bus. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <base/str.h>
#include <daemon/daemon.h>
#include <log/log.h>

#include "busd.h"
#include "limits.h"

static struct {
    char *endpoint, *tap, *keys;
    int64_t grace_ms;
} options = {.grace_ms = LIMIT_GRACE_MS};

static int set_endpoint(struct daemon *d, const char *value)
{
    (void)d;
    str_set(&options.endpoint, value);
    return 0;
}

static int set_tap(struct daemon *d, const char *value)
{
    (void)d;
    str_set(&options.tap, value);
    return 0;
}

static int set_keys(struct daemon *d, const char *value)
{
    (void)d;
    str_set(&options.keys, value);
    return 0;
}

static int set_grace(struct daemon *d, const char *value)
{
    (void)d;
    return str_to_i64(value, 0, 60000, &options.grace_ms);
}

static const struct daemon_option table[] = {
    {"endpoint", "URL", "where daemons connect (ipc://<state>/run/bus.sock)", set_endpoint},
    {"tap", "URL", "where bustap connects (ipc://<state>/run/tap.sock)", set_tap},
    {"keys", "DIR", "busd.key and allowed/ (<state>/keys)", set_keys},
    {"grace", "MS", "how long after a start owners of keys may come back (1500)", set_grace},
};

/* The tap's default endpoint. Owner: the caller. */
static char *tap_endpoint(const struct conf *c)
{
    char *path = conf_path(c, "run", "tap.sock");
    char *url = str_printf("ipc://%s", path);

    free(path);
    return url;
}

static int start(struct daemon *d)
{
    struct broker_opts opts = {
        .loop = d->loop, .site = conf_site(d->conf), .grace_ms = options.grace_ms};
    struct broker *broker;
    int err;

    options.endpoint = options.endpoint ? options.endpoint : conf_bus_endpoint(d->conf);
    options.tap = options.tap ? options.tap : tap_endpoint(d->conf);
    options.keys = options.keys ? options.keys : conf_keys_dir(d->conf);
    opts.endpoint = options.endpoint;
    opts.tap_endpoint = options.tap;
    opts.keys_dir = options.keys;
    err = broker_new(&broker, &opts);
    if (err == -EADDRINUSE)
        return daemon_fail(d, EX_UNAVAILABLE,
                           "The bus at %s or its tap at %s is served by another process. "
                           "Stop that one, or choose others with --endpoint and --tap.",
                           opts.endpoint, opts.tap_endpoint);
    if (err)
        return daemon_fail(d, EX_CONFIG,
                           "The bus cannot start with the keys in %s at %s (%s). Make the keys "
                           "with 'stoa keys make'.",
                           opts.keys_dir, opts.endpoint, strerror(-err));
    d->user = broker;
    log_info("bus: serving, site=%s, endpoint=%s", opts.site, opts.endpoint);
    return 0;
}

static void reload(struct daemon *d)
{
    broker_reload(d->user);
}

static void stop(struct daemon *d)
{
    struct broker *broker = d->user;

    broker_free(&broker);
    d->user = NULL;
    str_set(&options.endpoint, NULL);
    str_set(&options.tap, NULL);
    str_set(&options.keys, NULL);
}

static const struct daemon_def def = {
    .role = BUS_ROLE,
    .summary = "The message bus of a site: routes messages between the daemons, says who is up, "
               "decides who\n"
               "may send what, and feeds bustap.",
    .options = table,
    .option_count = ARRAY_LEN(table),
    .no_bus = true,
    .start = start,
    .reload = reload,
    .stop = stop,
};

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &def);
}
