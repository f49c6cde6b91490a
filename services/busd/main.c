/* SPDX-License-Identifier: Apache-2.0
 * busd: the message bus of a site. Options, signals, and the broker on a libuv loop. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <base/str.h>
#include <conf/conf.h>
#include <log/log.h>
#include <loop/signal.h>

#include "busd.h"
#include "limits.h"

static const char help[] =
    "Usage: busd [options]\n\n"
    "The message bus of a site: routes messages between the daemons, says who is up, decides who may\n"
    "send what, and feeds bustap.\n\n"
    "  --endpoint=URL  where daemons connect   (default ipc://$STOA_STATE/run/bus.sock)\n"
    "  --tap=URL       where bustap connects   (default ipc://$STOA_STATE/run/tap.sock)\n"
    "  --keys=DIR      busd.key and allowed/   (default $STOA_STATE/keys)\n"
    "  --grace=MS      time after a start in which owners of keys come back (default 1500)\n"
    "  --log=FORM      human or json           (default human)\n"
    "  --help, --version\n\n"
    "Environment: STOA_SITE, STOA_STATE. SIGHUP reads the accepted keys again.\n";

struct options {
    char *endpoint, *tap, *keys;
    int64_t grace_ms;
    enum log_format format;
};

struct running {
    uv_loop_t loop;
    struct broker *broker;
    struct loop_signal *signals[3];
};

static int parse(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"endpoint", required_argument, NULL, 'e'}, {"tap", required_argument, NULL, 't'},
        {"keys", required_argument, NULL, 'k'},     {"grace", required_argument, NULL, 'g'},
        {"log", required_argument, NULL, 'l'},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0},
    };
    int c;

    while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
        if (c == 'h' || c == 'v') {
            (void)fputs(c == 'h' ? help : "busd " STOA_VERSION "\n", stdout);
            return 1;
        }
        if (c == 'e')
            str_set(&o->endpoint, optarg);
        else if (c == 't')
            str_set(&o->tap, optarg);
        else if (c == 'k')
            str_set(&o->keys, optarg);
        else if (c == 'l' && (str_eq(optarg, "json") || str_eq(optarg, "human")))
            o->format = str_eq(optarg, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_HUMAN;
        else if (c != 'g' || str_to_i64(optarg, 0, 60000, &o->grace_ms))
            return -EINVAL;
    }
    return optind < argc ? -EINVAL : 0;
}

/* A path of the site as an ipc endpoint. */
static char *ipc(const struct conf *c, const char *file)
{
    char *path = conf_path(c, "run", file);
    char *url = str_printf("ipc://%s", path);

    free(path);
    return url;
}

static void on_signal(void *arg, int signum)
{
    struct running *r = arg;

    if (signum == SIGHUP)
        broker_reload(r->broker);
    else
        uv_stop(&r->loop);
}

static int run(const struct conf *c, const struct options *o)
{
    static const int signums[] = {SIGTERM, SIGINT, SIGHUP};
    struct broker_opts opts = {
        .site = conf_site(c),
        .keys_dir = o->keys,
        .endpoint = o->endpoint,
        .tap_endpoint = o->tap,
        .grace_ms = o->grace_ms,
    };
    struct running r = {0};
    int err = uv_loop_init(&r.loop);

    if (err)
        return err;
    opts.loop = &r.loop;
    err = broker_new(&r.broker, &opts);
    for (size_t i = 0; i < ARRAY_LEN(signums) && !err; i++)
        err = loop_signal_new(&r.signals[i], &r.loop, signums[i], on_signal, &r);
    if (!err) {
        log_info("bus: serving, site=%s, endpoint=%s", opts.site, opts.endpoint);
        (void)uv_run(&r.loop, UV_RUN_DEFAULT);
        log_info("bus: ends");
    }
    for (size_t i = 0; i < ARRAY_LEN(signums); i++)
        loop_signal_free(&r.signals[i]);
    broker_free(&r.broker);
    (void)uv_run(&r.loop, UV_RUN_DEFAULT); /* closes what is left */
    (void)uv_loop_close(&r.loop);
    return err;
}

int main(int argc, char **argv)
{
    struct options o = {.grace_ms = LIMIT_GRACE_MS, .format = LOG_FORMAT_HUMAN};
    struct conf *c = NULL;
    char error[CONF_ERROR_MAX];
    int code = EX_OK, err = parse(&o, argc, argv);

    if (err) {
        if (err < 0)
            (void)fputs("busd: wrong options, see --help\n", stderr);
        code = err < 0 ? EX_USAGE : EX_OK;
        goto out;
    }
    if (conf_load(&c, NULL, error)) {
        (void)fprintf(stderr, "busd: %s\n", error);
        code = EX_CONFIG;
        goto out;
    }
    o.endpoint = o.endpoint ? o.endpoint : ipc(c, "bus.sock");
    o.tap = o.tap ? o.tap : ipc(c, "tap.sock");
    o.keys = o.keys ? o.keys : conf_path(c, "keys", "");
    err = log_init(&(struct log_opts){
        .daemon = BUS_ROLE, .format = o.format, .level = LOG_LEVEL_INFO});
    if (!err)
        err = run(c, &o);
    if (err) {
        log_error("bus: cannot start, keys=%s, endpoint=%s, error=%s", o.keys, o.endpoint,
                  strerror(-err));
        code = err == -EADDRINUSE ? EX_UNAVAILABLE : EX_CONFIG;
    }
    log_fini();
out:
    conf_free(c);
    free(o.endpoint);
    free(o.tap);
    free(o.keys);
    return code;
}
