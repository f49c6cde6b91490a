/* SPDX-License-Identifier: Apache-2.0
 * stoa calls: who is in which call. stoa call N ...: orders to a call or to one participant.
 *
 * A call and its participants have numbers of one row, those of the event log ("call 6: ..."), so N
 * may be either. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <calls.pb-c.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/pbjson.h>

#include "ask.h"

enum { PEERS_MS = 400, BRIDGES_MAX = 64, TIMEOUT_MS = 3000 };

typedef Stoa__Calls__V1__Call call_msg;
typedef Stoa__Calls__V1__CallParticipant part_msg;

/* --- the callbridges and their calls ---------------------------------------------------------- */

struct bridges {
    char *instance[BRIDGES_MAX];
    struct ask_reply reply[BRIDGES_MAX]; /* ListCallsReply of each */
    size_t count;
};

static void on_peer(void *arg, const struct bus_peer *peer, bool up)
{
    struct bridges *b = arg;

    if (!up || b->count == BRIDGES_MAX || !str_eq(peer->role, "callbridge"))
        return;
    for (size_t i = 0; i < b->count; i++) {
        if (str_eq(b->instance[i], peer->instance))
            return;
    }
    b->instance[b->count++] = str_dup(peer->instance);
}

static const Stoa__Calls__V1__ListCallsReply *list_of(const struct bridges *b, size_t i)
{
    return (const void *)b->reply[i].body;
}

static int list_all(struct ask *ask, struct bridges *b)
{
    Stoa__Calls__V1__ListCallsRequest request = STOA__CALLS__V1__LIST_CALLS_REQUEST__INIT;
    int code = STOA_OK;

    bus_peers_subscribe(ask_bus(ask), on_peer, b);
    (void)ask_wait(ask, PEERS_MS, NULL, NULL);
    if (b->count == 0)
        return stoa_fail("no callbridge is running");
    for (size_t i = 0; i < b->count; i++) {
        struct bus_dst dst = { .role = "callbridge", .instance = b->instance[i] };

        if (ask_request(ask, &dst, &request.base, TIMEOUT_MS, &b->reply[i]) != BUS_OK)
            code = stoa_fail("callbridge %s: %s", b->instance[i], b->reply[i].message);
    }
    return code;
}

static void bridges_fini(struct bridges *b)
{
    for (size_t i = 0; i < b->count; i++) {
        ask_reply_fini(&b->reply[i]);
        free(b->instance[i]);
    }
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_duration(char *dst, size_t cap, uint32_t s)
{
    (void)snprintf(dst, cap, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
}

/* A line of its own for whoever does not get all: why a picture is missing. */
static void print_paused(const part_msg *p)
{
    if (p->n_paused == 0 && !p->screen_paused)
        return;
    printf("         held back for a slow link:");
    for (size_t i = 0; i < p->n_paused; i++)
        printf(" %u", p->paused[i]);
    printf("%s; takes ", p->screen_paused ? " screen" : "");
    if (p->has_downlink_bps)
        printf("%llu kbit/s", (unsigned long long)p->downlink_bps / 1000);
    else
        printf("more again");
    if (p->has_remb_bps)
        printf(", browser says %llu", (unsigned long long)p->remb_bps / 1000);
    printf(", gets %llu, loses %.1f %%\n", (unsigned long long)p->sent_bps / 1000,
           p->lost_permille / 10.0);
}

static void print_participant(const part_msg *p, uint32_t speaker)
{
    char duration[32], marks[64] = "";

    print_duration(duration, sizeof(duration), p->duration_s);
    (void)snprintf(marks, sizeof(marks), "%s%s%s%s", p->audio_muted ? " muted" : "",
                   p->video_muted ? " no-camera" : "", p->hand ? " hand" : "",
                   p->participant == speaker ? " speaking" : "");
    printf("  %-6u %-20.20s %9s  %-10s %4u ms  %8llu/%-8llu %-22s %s%s%s%s\n", p->participant,
           p->name, duration, p->media, p->rtt_ms, (unsigned long long)p->rx_packets,
           (unsigned long long)p->tx_packets, p->remote_address ? p->remote_address : "-",
           p->zone ? "outside (" : "inside", p->zone ? p->zone : "", p->zone ? ")" : "", marks);
    print_paused(p);
}

static void print_call(const call_msg *c)
{
    char duration[32];

    print_duration(duration, sizeof(duration), c->duration_s);
    printf("call %u  %s  %s%s\n", c->call, c->space_name, duration, c->locked ? "  locked" : "");
    printf("  %-6s %-20s %9s  %-10s %7s  %17s %-22s %s\n", "number", "name", "time", "media", "rtt",
           "packets in/out", "address", "from");
    for (size_t i = 0; i < c->n_participants; i++)
        print_participant(c->participants[i], c->speaker);
}

static int print_all(const struct stoa_ctx *ctx, const struct bridges *b)
{
    json_t *all = json_array();
    size_t n = 0;

    for (size_t i = 0; i < b->count; i++) {
        for (size_t k = 0; b->reply[i].body && k < list_of(b, i)->n_calls; k++, n++) {
            const call_msg *c = list_of(b, i)->calls[k];
            json_t *row = ctx->json ? bus_pbjson_encode(&c->base, true) : NULL;

            if (row) {
                json_object_set_new(row, "callbridge", json_string(b->instance[i]));
                json_array_append_new(all, row);
            } else {
                print_call(c);
            }
        }
    }
    if (ctx->json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
    } else if (n == 0) {
        printf("no calls\n");
    }
    json_decref(all);
    return STOA_OK;
}

static int run_calls(const struct stoa_ctx *ctx, int argc, char **argv)
{
    struct bridges b = { .count = 0 };
    struct ask *ask;
    int code;

    if (argc > 1)
        return stoa_usage("unexpected argument \"%s\"", argv[1]);
    if (ask_open(&ask, ctx) != 0)
        return STOA_FAILED;
    code = list_all(ask, &b);
    if (code == STOA_OK)
        code = print_all(ctx, &b);
    bridges_fini(&b);
    ask_close(&ask);
    return code;
}

/* --- orders ----------------------------------------------------------------------------------- */

/* Where number N was found. */
struct target {
    const char *instance;
    const call_msg *call;
    uint32_t participant; /* 0: N is the call itself */
    size_t matches;
};

static void match(struct target *t, const char *instance, const call_msg *c, uint32_t number)
{
    struct target found = { .instance = instance, .call = c, .matches = t->matches + 1 };

    if (c->call == number)
        *t = found;
    for (size_t i = 0; i < c->n_participants; i++) {
        if (c->participants[i]->participant == number) {
            found.participant = number;
            *t = found;
        }
    }
}

static int find_target(const struct bridges *b, long number, const char *instance, struct target *t)
{
    for (size_t i = 0; i < b->count; i++) {
        if (instance && !str_eq(instance, b->instance[i]))
            continue;
        for (size_t k = 0; b->reply[i].body && k < list_of(b, i)->n_calls; k++)
            match(t, b->instance[i], list_of(b, i)->calls[k], (uint32_t)number);
    }
    if (t->matches == 0)
        return stoa_fail("there is no call or participant %ld (see \"stoa calls\")", number);
    if (t->matches > 1)
        return stoa_fail(
            "%ld is on several callbridges: name one with --callbridge (see \"stoa calls --json\")",
            number);
    return STOA_OK;
}

static void order_mute(Stoa__Calls__V1__ControlCallRequest *r)
{
    r->has_mute_audio = r->mute_audio = 1;
}
static void order_camera_off(Stoa__Calls__V1__ControlCallRequest *r)
{
    r->has_mute_video = r->mute_video = 1;
}
static void order_kick(Stoa__Calls__V1__ControlCallRequest *r) { r->has_remove = r->remove = 1; }
static void order_lock(Stoa__Calls__V1__ControlCallRequest *r) { r->has_lock = r->lock = 1; }
static void order_unlock(Stoa__Calls__V1__ControlCallRequest *r) { r->has_lock = 1; }

/* `whole`: it acts on the call even when N is a participant. `one`: N must be a participant. */
static const struct order {
    const char *name;
    void (*fill)(Stoa__Calls__V1__ControlCallRequest *r);
    bool whole, one;
} orders[] = {
    { "mute", order_mute, false, false },
    { "camera-off", order_camera_off, false, false },
    { "kick", order_kick, false, true },
    { "end", order_kick, true, false },
    { "lock", order_lock, true, false },
    { "unlock", order_unlock, true, false },
};

static const struct order *find_order(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        if (str_eq(orders[i].name, name))
            return &orders[i];
    }
    return NULL;
}

static int give_order(struct ask *ask, const struct stoa_ctx *ctx, const struct order *order,
                      const struct target *t)
{
    Stoa__Calls__V1__ControlCallRequest request = STOA__CALLS__V1__CONTROL_CALL_REQUEST__INIT;
    struct bus_dst dst = { .role = "callbridge", .instance = t->instance };
    struct ask_reply reply;
    int code = STOA_OK;

    request.has_call = request.has_participant = 1;
    request.call = t->call->call;
    request.participant = order->whole ? 0 : t->participant;
    order->fill(&request);
    if (ask_request(ask, &dst, &request.base, TIMEOUT_MS, &reply) != BUS_OK) {
        code = stoa_fail("%s", reply.message);
    } else if (ctx->json) {
        json_t *row = bus_pbjson_encode(
            &((const Stoa__Calls__V1__ControlCallReply *)reply.body)->call->base, true);

        json_dumpf(row, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(row);
    } else {
        print_call(((const Stoa__Calls__V1__ControlCallReply *)reply.body)->call);
    }
    ask_reply_fini(&reply);
    return code;
}

static int order_call(const struct stoa_ctx *ctx, long number, const struct order *order,
                      const char *instance)
{
    struct bridges b = { .count = 0 };
    struct target t = { .matches = 0 };
    struct ask *ask;
    int code;

    if (ask_open(&ask, ctx) != 0)
        return STOA_FAILED;
    code = list_all(ask, &b);
    if (code == STOA_OK)
        code = find_target(&b, number, instance, &t);
    if (code == STOA_OK && order->one && !t.participant)
        code = stoa_usage("%ld is a call; \"%s\" takes a participant, \"end\" ends the call",
                          number, order->name);
    if (code == STOA_OK)
        code = give_order(ask, ctx, order, &t);
    bridges_fini(&b);
    ask_close(&ask);
    return code;
}

static int run_call(const struct stoa_ctx *ctx, int argc, char **argv)
{
    static const struct option options[] = { { "callbridge", required_argument, NULL, 'c' },
                                             { 0 } };
    const char *instance = NULL;
    const struct order *order;
    long number;
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt != 'c')
            return STOA_USAGE;
        instance = optarg;
    }
    if (argc - optind != 2)
        return stoa_usage("a number and an order are needed");
    if (stoa_number("call", argv[optind], 1, 0x7fffffff, &number) != 0)
        return STOA_USAGE;
    order = find_order(argv[optind + 1]);
    if (!order)
        return stoa_usage("unknown order \"%s\"", argv[optind + 1]);
    return order_call(ctx, number, order, instance);
}

const struct stoa_cmd cmd_calls = {
    .name = "calls",
    .args = "",
    .summary = "show the calls and who is in them",
    .help = "Packets are those of the media connection; the numbers are those of the event log.\n"
            "Who came through an edge is outside, with the name of the zone.\n",
    .run = run_calls,
};

const struct stoa_cmd cmd_call = {
    .name = "call",
    .args = "N mute|camera-off|kick|lock|unlock|end [--callbridge INSTANCE]",
    .summary = "give an order to call or participant N",
    .help = "N is a number of \"stoa calls\" or of the event log (\"call 6: ...\").\n"
            "  mute        the participant's microphone; of a call: everybody's\n"
            "  camera-off  the same for the camera\n"
            "  kick        takes the participant out\n"
            "  lock        lets nobody else into the call; unlock lets people in again\n"
            "  end         ends the call for everybody\n",
    .run = run_call,
};
