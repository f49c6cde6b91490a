/* SPDX-License-Identifier: Apache-2.0
 * stoa status: every daemon of the site, how it is and what is wrong. Asks the private sockets of
 * the daemons on this machine, which works while the bus is down; where there are none
 * (containers), or with --bus, asks over the bus. */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <admin.pb-c.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/pbjson.h>
#include <daemon/client.h>

#include "ask.h"
#include "pages.h"
#include "status_turn.h"

enum { SOCKET_TIMEOUT_MS = 2000, PEERS_MS = 500, PEERS_MAX = 256 };

/* "callbridge-1" from ".../run/callbridge-1.sock". Owner: the caller. */
static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return str_ndup(slash + 1, strlen(slash + 1) - strlen(".sock"));
}

/* A daemon that has a socket but gives no answer: hanging, or killed a moment ago. */
static json_t *no_answer(const char *path, int err)
{
    char *name = name_of(path), *dash = strrchr(name, '-');
    json_t *row;

    *dash = '\0';
    row = json_pack("{s:s, s:i, s:s, s:b, s:s}", "role", name, "number", atoi(dash + 1), "state",
                    "not answering", "ready", 0, "waiting", strerror(err));
    free(name);
    return row;
}

static void add_row(const struct stoa_ctx *ctx, json_t *all, json_t *row)
{
    json_object_set_new(row, "site", json_string(ctx->site));
    json_array_append_new(all, row);
}

static void ask_sockets(const struct stoa_ctx *ctx, json_t *all)
{
    char *pattern = conf_path(ctx->conf, "run", "*-[0-9].sock");
    glob_t found;

    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char *body = NULL;
            int status = daemon_client_get(found.gl_pathv[i], "/status", SOCKET_TIMEOUT_MS, &body);
            json_t *row = status == 200 ? json_loads(body, 0, NULL) : NULL;

            if (!row)
                row = no_answer(found.gl_pathv[i], status < 0 ? -status : EBADMSG);
            add_row(ctx, all, row);
            free(body);
        }
        globfree(&found);
    }
    free(pattern);
}

struct peers {
    struct {
        char *role, *instance;
    } row[PEERS_MAX];
    size_t count;
};

static void on_peer(void *arg, const struct bus_peer *peer, bool up)
{
    struct peers *p = arg;

    if (!up || p->count == PEERS_MAX || str_eq(peer->role, "admin"))
        return;
    for (size_t i = 0; i < p->count; i++) {
        if (str_eq(p->row[i].instance, peer->instance))
            return;
    }
    p->row[p->count].role = str_dup(peer->role);
    p->row[p->count++].instance = str_dup(peer->instance);
}

static int ask_bus_peers(const struct stoa_ctx *ctx, json_t *all)
{
    Stoa__Admin__V1__StatusRequest request = STOA__ADMIN__V1__STATUS_REQUEST__INIT;
    struct peers peers = { 0 };
    struct ask *ask;

    if (ask_open(&ask, ctx) != 0)
        return STOA_FAILED;
    bus_peers_subscribe(ask_bus(ask), on_peer, &peers);
    (void)ask_wait(ask, PEERS_MS, NULL, NULL);
    for (size_t i = 0; i < peers.count; i++) {
        struct bus_dst dst = { .role = peers.row[i].role, .instance = peers.row[i].instance };
        struct ask_reply reply;

        if (ask_request(ask, &dst, &request.base, SOCKET_TIMEOUT_MS, &reply) == BUS_OK)
            add_row(ctx, all, bus_pbjson_encode(reply.body, true));
        else
            add_row(ctx, all, json_pack("{s:s, s:s, s:s, s:b, s:s}", "role", dst.role, "instance",
                                        dst.instance, "state", "not answering", "ready", 0,
                                        "waiting", reply.message));
        ask_reply_fini(&reply);
        free(peers.row[i].role);
        free(peers.row[i].instance);
    }
    ask_close(&ask);
    return STOA_OK;
}

static void print_uptime(char *dst, size_t cap, json_int_t s)
{
    if (s < 60)
        snprintf(dst, cap, "%lld s", (long long)s);
    else if (s < 3600)
        snprintf(dst, cap, "%lld min", (long long)s / 60);
    else if (s < 86400)
        snprintf(dst, cap, "%lld h %lld min", (long long)s / 3600, (long long)s / 60 % 60);
    else
        snprintf(dst, cap, "%lld d %lld h", (long long)s / 86400, (long long)s / 3600 % 24);
}

/* Writes how many web bridge links a daemon has; "-" for daemons that have none to have. */
static void print_links(char *dst, size_t cap, const json_t *row)
{
    size_t i;
    json_t *counter;

    snprintf(dst, cap, "-");
    json_array_foreach(json_object_get(row, "counters"), i, counter) {
        if (str_eq(page_text(counter, "name"), "stoa_links"))
            snprintf(dst, cap, "%.0f", json_number_value(json_object_get(counter, "value")));
    }
}

static void print_row(const json_t *row)
{
    const char *waiting = page_text(row, "waiting");
    size_t faults = json_array_size(json_object_get(row, "faults"));
    json_int_t number = json_integer_value(json_object_get(row, "number"));
    char uptime[32], name[64], links[16];

    print_uptime(uptime, sizeof(uptime), json_integer_value(json_object_get(row, "uptimeS")));
    print_links(links, sizeof(links), row);
    snprintf(name, sizeof(name), number > 1 ? "%.40s %lld" : "%.40s", page_text(row, "role"),
             (long long)number);
    printf("%-14s %-7s %-14s %-9s %-13s %-7zu %s%s%s\n", name, page_text(row, "site"),
           page_text(row, "state"), page_text(row, "version"), json_object_get(row, "uptimeS") ? uptime : "", faults,
           links, waiting[0] ? "       waits: " : "", waiting);
}

static void print_faults(const json_t *row)
{
    size_t i;
    json_t *fault;

    json_array_foreach(json_object_get(row, "faults"), i, fault) {
        time_t since = (time_t)(json_integer_value(json_object_get(fault, "sinceMs")) / 1000);
        struct tm tm;
        char when[32];

        localtime_r(&since, &tm);
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
        printf("\nFault of %s since %s:\n  %s\n", page_text(row, "role"), when,
               page_text(fault, "text"));
    }
}

static bool is_ready(const json_t *row)
{
    return json_is_true(json_object_get(row, "ready")) || str_eq(page_text(row, "state"), "draining");
}

/* Returns the exit code: 0 when every daemon is ready. */
static int print(const struct stoa_ctx *ctx, const json_t *all)
{
    bool ready = json_array_size(all) > 0;
    size_t i;
    json_t *row;

    json_array_foreach(all, i, row)
        ready = ready && is_ready(row);
    if (ctx->json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        return ready ? STOA_OK : STOA_FAILED;
    }
    printf("%-14s %-7s %-14s %-9s %-13s %-7s %s\n", "daemon", "site", "state", "version", "up",
           "faults", "links");
    json_array_foreach(all, i, row)
        print_row(row);
    json_array_foreach(all, i, row)
        print_faults(row);
    json_array_foreach(all, i, row)
        status_print_turn(row);
    return ready ? STOA_OK : STOA_FAILED;
}

/* Every site of this machine whose daemons have sockets; --site names one. */
static int ask_all_sockets(const struct stoa_ctx *ctx, json_t *all)
{
    struct stoa_ctx other;
    int code = STOA_OK;

    if (ctx->site_given) {
        ask_sockets(ctx, all);
        return STOA_OK;
    }
    for (const char *const *site = stoa_sites(); *site && code == STOA_OK; site++) {
        code = stoa_site_load(ctx, *site, &other);
        if (code == STOA_OK)
            ask_sockets(&other, all);
        stoa_site_fini(&other);
    }
    return code;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    static const struct option options[] = { { "bus", no_argument, NULL, 'b' }, { 0 } };
    json_t *all = json_array();
    bool over_bus = false;
    int opt, code = STOA_OK;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt != 'b') {
            json_decref(all);
            return STOA_USAGE;
        }
        over_bus = true;
    }
    if (optind < argc)
        code = stoa_usage("unexpected argument \"%s\"", argv[optind]);
    if (code == STOA_OK && !over_bus)
        code = ask_all_sockets(ctx, all);
    if (code == STOA_OK && json_array_size(all) == 0)
        code = ask_bus_peers(ctx, all);
    if (code == STOA_OK)
        code = print(ctx, all);
    json_decref(all);
    return code;
}

const struct stoa_cmd cmd_status = {
    .name = "status",
    .args = "[--bus]",
    .summary = "show every daemon: state, version, uptime, faults, web bridge links",
    .help = "Of every site that runs on this machine, or of the one that --site names. Ends with 0 "
            "when\nevery daemon is ready. Joining needs a web bridge with a link.\n"
            "  --bus   ask one site over its bus, not over the sockets of this machine\n",
    .run = run,
};
