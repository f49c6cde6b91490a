/* SPDX-License-Identifier: Apache-2.0
 * The bus for a command line. */
#include "ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <daemon/client.h>
#include <loop/clock.h>
#include <loop/timer.h>

#include "daemons.h"

enum { CONNECT_MS = 3000, RESTART_MS = 1000, REQUEST_MS = 5000, CLOSE_TURNS = 50 };

struct ask {
    uv_loop_t loop;
    struct bus *bus;
    struct loop_timer *alarm;
    struct daemons *daemons;
};

static void on_alarm(void *arg)
{
    (void)arg; /* ends the turn; ask_wait() looks at the clock */
}

bool ask_wait(struct ask *a, int ms, bool (*done)(void *arg), void *arg)
{
    int64_t until_ms = loop_now_ms() + ms, left;
    bool is_done = done && done(arg);

    while (!is_done && (left = until_ms - loop_now_ms()) > 0) {
        loop_timer_start(a->alarm, left, 0);
        uv_run(&a->loop, UV_RUN_ONCE);
        is_done = done && done(arg);
    }
    loop_timer_stop(a->alarm);
    return is_done;
}

static bool bus_up(void *arg)
{
    struct ask *a = arg;

    return bus_is_up(a->bus);
}

/* A bus of this machine whose busd does not even have its private socket open gets the time of a
 * restart only; where the bus is elsewhere nobody knows. */
static int patience_ms(const struct stoa_ctx *ctx)
{
    char *path = conf_path(ctx->conf, "run", "busd-1.sock"), *body = NULL;
    bool may = conf_get(ctx->conf, "BUS") ||
               daemon_client_get(path, "/health", CONNECT_MS, &body) >= 0;

    free(body);
    free(path);
    return may ? CONNECT_MS : RESTART_MS;
}

int ask_try(struct ask **out, const struct stoa_ctx *ctx, struct str *why)
{
    char *endpoint = conf_bus_endpoint(ctx->conf), *keys = conf_keys_dir(ctx->conf);
    struct ask *a = MEM_NEW(struct ask);
    struct bus_opts opts = { .loop = &a->loop, .endpoint = endpoint, .role = "admin",
                             .site = ctx->site, .keys_dir = keys };
    int err = uv_loop_init(&a->loop);

    if (err) {
        free(a);
        goto out;
    }
    a->alarm = loop_timer_new(&a->loop, on_alarm, a);
    err = bus_new(&a->bus, &opts);
    if (err) {
        str_addf(why, "there is no usable key \"admin\" in %s (%s). Is --state right, and has Stoa "
                  "been started?",
                  keys, strerror(-err));
        ask_close(&a);
    } else if (!ask_wait(a, patience_ms(ctx), bus_up, a)) {
        str_addf(why, "the bus at %s does not answer (%s). Is the site \"%s\" running?", endpoint,
                  bus_down_reason(a->bus), ctx->site);
        err = -ENOTCONN;
        ask_close(&a);
    } else {
        *out = a;
    }
out:
    free(endpoint);
    free(keys);
    return err;
}

int ask_open(struct ask **out, const struct stoa_ctx *ctx)
{
    struct str why = { 0 };
    int err = ask_try(out, ctx, &why);

    if (err)
        stoa_fail("%s", why.len ? why.s : strerror(-err));
    str_fini(&why);
    return err;
}

void ask_close(struct ask **ap)
{
    struct ask *a = *ap;

    if (!a)
        return;
    *ap = NULL;
    bus_free(&a->bus);
    if (a->daemons)
        daemons_fini(a->daemons);
    free(a->daemons);
    loop_timer_free(&a->alarm);
    for (int i = 0; i < CLOSE_TURNS && uv_run(&a->loop, UV_RUN_NOWAIT) != 0; i++)
        continue;
    (void)uv_loop_close(&a->loop);
    free(a);
}

struct daemons **ask_daemons(struct ask *a)
{
    return &a->daemons;
}

struct bus *ask_bus(struct ask *a)
{
    return a->bus;
}

struct waiting {
    struct ask_reply *reply;
    bool done;
};

static void on_reply(void *arg, const struct bus_result *r)
{
    struct waiting *w = arg;

    w->reply->code = r->code;
    w->reply->message = str_dup(r->message ? r->message : "");
    w->reply->src_role = str_dup(r->src_role);
    w->reply->src_instance = str_dup(r->src_instance);
    if (r->body) {
        size_t len = protobuf_c_message_get_packed_size(r->body);
        uint8_t *packed = mem_zalloc(len + 1);

        protobuf_c_message_pack(r->body, packed);
        w->reply->body = protobuf_c_message_unpack(r->body->descriptor, NULL, len, packed);
        free(packed);
    }
    w->done = true;
}

static bool is_done(void *arg)
{
    const struct waiting *w = arg;

    return w->done;
}

enum bus_code ask_request(struct ask *a, const struct bus_dst *dst, const ProtobufCMessage *body,
                          int timeout_ms, struct ask_reply *reply)
{
    struct bus_req_opts opts = { .timeout_ms = timeout_ms ? timeout_ms : REQUEST_MS };
    struct waiting w = { .reply = reply };
    struct bus_request *req;

    *reply = (struct ask_reply){ 0 };
    req = bus_request(a->bus, dst, body, &opts, on_reply, &w);
    /* The bus answers by its own deadline; the margin is for a loop that is late. */
    if (!ask_wait(a, opts.timeout_ms + 1000, is_done, &w)) {
        bus_cancel(req);
        reply->code = BUS_DEADLINE;
        reply->message = str_dup("no answer in time");
    }
    return reply->code;
}

void ask_reply_fini(struct ask_reply *reply)
{
    if (reply->body)
        protobuf_c_message_free_unpacked(reply->body, NULL);
    free(reply->message);
    free(reply->src_role);
    free(reply->src_instance);
    *reply = (struct ask_reply){ 0 };
}
