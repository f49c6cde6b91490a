/* SPDX-License-Identifier: Apache-2.0
 * stoa run: the daemons of a site in the foreground. */
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <base/str.h>

#include "run.h"

enum {
    OPT_CALLBRIDGE = 256,
    OPT_WEBBRIDGE,
    OPT_TURN,
    OPT_BASE,
    OPT_LISTEN,
    OPT_LOG,
    OPT_LIBEXEC,
    OPT_READY,
    OPT_ONLY,
    OPT_EDGE_NETWORK
};

static const struct option options[] = {
    { "callbridge", required_argument, NULL, OPT_CALLBRIDGE },
    { "webbridge", required_argument, NULL, OPT_WEBBRIDGE },
    { "turn", required_argument, NULL, OPT_TURN },
    { "port-base", required_argument, NULL, OPT_BASE },
    { "listen", required_argument, NULL, OPT_LISTEN },
    { "log", required_argument, NULL, OPT_LOG },
    { "libexec", required_argument, NULL, OPT_LIBEXEC },
    { "on-ready", required_argument, NULL, OPT_READY },
    { "only", required_argument, NULL, OPT_ONLY },
    { "edge-network", required_argument, NULL, OPT_EDGE_NETWORK },
    { 0 },
};

/* Options that a daemon takes from its environment: conf_load() checks them. */
static const struct {
    int opt;
    const char *variable;
} variables[] = {
    { OPT_BASE, "STOA_PORT_BASE" },
    { OPT_LISTEN, "STOA_LISTEN" },
    { OPT_LOG, "STOA_LOG" },
};

static int take(struct run_opts *opts, int opt)
{
    long n = 0;

    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        if (variables[i].opt == opt)
            return setenv(variables[i].variable, optarg, 1);
    }
    if (opt == OPT_LIBEXEC)
        opts->libexec = optarg;
    else if (opt == OPT_READY)
        opts->on_ready = optarg;
    else if (opt == OPT_ONLY)
        opts->only = optarg;
    else if (opt == OPT_EDGE_NETWORK)
        opts->edge_network = optarg;
    else if (opt == '?')
        return STOA_USAGE;
    else if (stoa_number("the number of instances", optarg, 0, RUN_NUMBER_MAX, &n) != 0)
        return STOA_USAGE;
    else if (opt == OPT_CALLBRIDGE)
        opts->callbridges = (unsigned)n;
    else if (opt == OPT_TURN)
        opts->turns = (unsigned)n;
    else
        opts->webbridges = (unsigned)n;
    return 0;
}

/* `relative` to the folder of this program, or NULL when that does not exist. Owner: the caller. */
static char *beside_self(const char *relative)
{
    char self[PATH_MAX], path[PATH_MAX], *joined, *found;
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n < 0)
        return NULL;
    self[n] = '\0';
    joined = str_printf("%s/%s", dirname(self), relative);
    found = realpath(joined, path) ? str_dup(path) : NULL;
    free(joined);
    return found;
}

/* The daemons that were installed with this program, or those of its build tree. Owner: the
 * caller. */
static char *default_libexec(void)
{
    static const char *const places[] = { STOA_LIBEXEC_FROM_BIN, "../libexec/stoa" };
    char *found = NULL;

    for (size_t i = 0; i < ARRAY_LEN(places) && !found; i++)
        found = beside_self(places[i]);
    return found ? found : str_dup(places[0]);
}

/* A webbridge knows only the folder it was built for; this tree may stand elsewhere. */
static void set_web(void)
{
    char *guest = beside_self(STOA_GUEST_FROM_BIN);

    if (guest)
        setenv("STOA_WEB", guest, 0);
    free(guest);
}

/* The settings again, with the site and the options of this command; the daemons inherit them. */
static int load_conf(struct stoa_ctx *ctx, struct conf **conf, unsigned webbridges)
{
    char error[CONF_ERROR_MAX], *dir, count[12];

    (void)snprintf(count, sizeof(count), "%u", webbridges);
    setenv("STOA_WEBBRIDGES", count, 1); /* callbridges link to all of them */
    setenv("STOA_SITE", ctx->site, 1);
    if (ctx->state) {
        dir = str_printf("%s/%s", ctx->state, ctx->site);
        setenv("STOA_STATE", dir, 1);
        free(dir);
    }
    if (conf_load(conf, NULL, error) != 0)
        return stoa_usage("%s", error);
    ctx->conf = *conf;
    /* Absolute from here on, whatever directory a daemon works in. */
    setenv("STOA_STATE", conf_state(*conf), 1);
    return 0;
}

static int run_one(struct run_opts *opts, struct stoa_ctx *ctx)
{
    struct conf *conf = NULL;
    int code = load_conf(ctx, &conf, opts->webbridges);

    if (code == 0)
        set_web();
    if (code == 0)
        code = run_site(opts);
    conf_free(conf);
    return code;
}

/* STOA_STATE is the directory of one site. */
static int run_several(const struct run_opts *opts, char **sites, size_t count)
{
    if (str_eq(sites[0], sites[1]))
        return stoa_usage("the site \"%s\" is named twice", sites[0]);
    if (!opts->ctx->state && getenv("STOA_STATE"))
        return stoa_usage("STOA_STATE is the directory of one site; say --state DIR for several");
    return run_sites(opts, sites, count);
}

static int run(const struct stoa_ctx *outer, int argc, char **argv)
{
    struct stoa_ctx ctx = *outer;
    struct run_opts opts = { .ctx = &ctx, .callbridges = 1, .webbridges = 1, .turns = 1 };
    char *libexec = default_libexec();
    int opt, code = 0;

    opts.libexec = libexec;
    while (code == 0 && (opt = getopt_long(argc, argv, "", options, NULL)) != -1)
        code = take(&opts, opt);
    argc -= optind;
    if (code == 0 && argc > RUN_SITES_MAX)
        code = stoa_usage("unexpected argument \"%s\"", argv[optind + RUN_SITES_MAX]);
    if (code == 0 && argc == 1)
        ctx.site = argv[optind];
    if (code == 0 && argc > 1)
        code = run_several(&opts, argv + optind, (size_t)argc);
    else if (code == 0)
        code = run_one(&opts, &ctx);
    free(libexec);
    return code;
}

const struct stoa_cmd cmd_run = {
    .name = "run",
    .args = "[SITE [SITE]] [options]",
    .summary = "run the daemons of a site in the foreground until Ctrl-C",
    .help = "Starts the daemons, starts one again that ends (after 0.2 s, doubling to 5 s), shows "
            "their log\n"
            "and writes \"ready\" to stdout when every one is ready. Ctrl-C stops them in order, a "
            "second\n"
            "one at once. If it is killed itself, its daemons end with it.\n"
            "\"stoa run inside edge\" runs both sites side by side, a supervisor for each; when one "
            "ends,\nso does the other.\n\n"
            "  --port-base N     use the ports N .. N+999 ('stoa ports' shows which)\n"
            "  --listen ADDRESS  listen on this address only\n"
            "  --log human|json  form of the log lines\n"
            "  --only LIST       run these daemons only, comma-separated\n"
            "  --callbridge N    so many instances (1)\n"
            "  --webbridge N     so many instances (1)\n"
            "  --turn N          so many instances (1)\n"
            "  --on-ready CMD    run this shell command once when every daemon is ready\n"
            "  --libexec DIR     where the daemons are\n"
            "  --edge-network PROGRAM  of two sites: this runs the edge's supervisor, whose command\n"
            "                    line it gets, in a network of its own (deploy/edge-network)\n",
    .run = run,
};
