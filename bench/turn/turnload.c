/* SPDX-License-Identifier: Apache-2.0
 * turnload: puts a TURN server under load over loopback and says what came through and what it
 * cost the server. README.md has the measurements; bench/turn/run compares servers with it. */
#include "turnload.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/addr.h>

#include "client.h"
#include "proc.h"
#include "traffic.h"

static const char usage[] =
    "Usage: turnload MODE --server IP:PORT --user NAME --password TEXT [OPTION...]\n"
    "\n"
    "  up, down        packets from clients to peers, or back, in channels\n"
    "  echo            up, and back again\n"
    "  hairpin         between clients and hubs (allocations shared by many clients), both ways\n"
    "  direct          without a server: what the generator itself can do\n"
    "  alloc           allocations per second, each with its own client address\n"
    "  idle            memory of allocations that do nothing, and after their end\n"
    "  strangers       memory after Allocate requests without credentials\n"
    "\n"
    "  --pid N         of the server: its CPU time and memory are printed\n"
    "  --clients N     clients (100)\n"
    "  --hubs N        hairpin: shared allocations (2)\n"
    "  --size N        bytes of payload (172)\n"
    "  --rate N        packets made per second; 0: as many as possible (20000)\n"
    "  --burst N       packets of one flow in a row (1)\n"
    "  --gso           hands a burst to the kernel as one message\n"
    "  --no-gro        receives packet by packet\n"
    "  --window N      with --rate 0: most packets under way; 0: no limit (0)\n"
    "  --spin          never sleeps: then the server never has to wake the generator\n"
    "  --seconds N     (5)\n"
    "  --warm-up N     seconds before, not counted (0.3)\n"
    "  --count N       alloc, idle, strangers: how many (1000)\n"
    "  --outstanding N requests under way (32)\n"
    "  --memory N      strangers: ends when the server has grown by more than N MiB (1024)\n"
    "  --json          a JSON object instead of text\n";

struct mode {
    const char *name;
    int (*run)(struct load *l);
    bool needs_server;
};

static const struct mode modes[] = {
    { "up", relay_up, true },         { "down", relay_down, true },
    { "echo", relay_echo, true },     { "hairpin", relay_hairpin, true },
    { "direct", relay_direct, false }, { "alloc", lives_alloc, true },
    { "idle", lives_idle, true },     { "strangers", lives_strangers, true },
};

static void bad(const char *what)
{
    (void)fprintf(stderr, "turnload: %s\nTry 'turnload --help'.\n", what);
    exit(64);
}

static unsigned number(const char *text, int64_t min, int64_t max)
{
    int64_t n;

    if (str_to_i64(text, min, max, &n))
        bad("a number is out of range");
    return (unsigned)n;
}

static double decimal(const char *text)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end || v < 0 || v > 1e9)
        bad("a number is out of range");
    return v;
}

static void set_server(struct load *l, const char *text)
{
    struct addr a;

    if (addr_parse(&a, text) || a.family != ADDR_V4)
        bad("--server wants IPv4:PORT");
    memcpy(&l->server, a.ip, sizeof(l->server));
    l->port = htons(a.port);
}

static const struct option options[] = {
    { "server", required_argument, NULL, 's' },   { "user", required_argument, NULL, 'u' },
    { "password", required_argument, NULL, 'p' }, { "pid", required_argument, NULL, 'P' },
    { "clients", required_argument, NULL, 'c' },  { "hubs", required_argument, NULL, 'h' },
    { "size", required_argument, NULL, 'l' },     { "rate", required_argument, NULL, 'r' },
    { "burst", required_argument, NULL, 'b' },    { "gso", no_argument, NULL, 'g' },
    { "no-gro", no_argument, NULL, 'G' },         { "window", required_argument, NULL, 'w' },
    { "seconds", required_argument, NULL, 't' },  { "warm-up", required_argument, NULL, 'T' },
    { "count", required_argument, NULL, 'n' },    { "outstanding", required_argument, NULL, 'o' },
    { "memory", required_argument, NULL, 'm' },   { "json", no_argument, NULL, 'j' },
    { "spin", no_argument, NULL, 'x' },
    { NULL, 0, NULL, 0 },
};

static void set_option(struct load *l, int c)
{
    switch (c) {
    case 's': set_server(l, optarg); break;
    case 'u': l->user = optarg; break;
    case 'p': l->password = optarg; break;
    case 'P': l->pid = (pid_t)number(optarg, 1, 1 << 22); break;
    case 'c': l->clients = number(optarg, 1, 4096); break;
    case 'h': l->hubs = number(optarg, 1, 64); break;
    case 'l': l->size = number(optarg, TRAFFIC_SIZE_MIN, TRAFFIC_SIZE_MAX); break;
    case 'r': l->rate = decimal(optarg); break;
    case 'b': l->burst = number(optarg, 1, WIRE_SEGMENTS_MAX); break;
    case 'g': l->gso = true; break;
    case 'G': l->gro = false; break;
    case 'w': l->window = number(optarg, 0, 1000000); break;
    case 't': l->seconds = decimal(optarg); break;
    case 'T': l->warm_up = decimal(optarg); break;
    case 'n': l->count = number(optarg, 1, 10000000); break;
    case 'o': l->outstanding = number(optarg, 1, JOBS_OUTSTANDING_MAX); break;
    case 'm': l->memory_kib = (int64_t)number(optarg, 1, 1 << 20) * 1024; break;
    case 'x': l->spin = true; break;
    case 'j': l->report.json = true; break;
    default: bad("unknown option");
    }
}

double load_server_cpu_s(const struct load *l)
{
    return l->pid ? (double)proc_cpu_ms(l->pid) / 1000 : 0;
}

double load_server_rss_kib(const struct load *l)
{
    return l->pid ? (double)proc_rss_kib(l->pid) : 0;
}

int main(int argc, char **argv)
{
    struct load l = { .clients = 100, .hubs = 2, .size = 172, .rate = 20000, .burst = 1,
                      .gro = true, .seconds = 5, .warm_up = 0.3, .count = 1000,
                      .outstanding = 32, .memory_kib = 1024 * 1024 };
    const char *name = argc > 1 ? argv[1] : "--help";
    int c;

    if (strcmp(name, "--help") == 0) {
        (void)fputs(usage, stdout);
        return 0;
    }
    optind = 2;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        set_option(&l, c);
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (strcmp(modes[i].name, name) != 0)
            continue;
        if (modes[i].needs_server && (!l.server || !l.user || !l.password))
            bad("--server, --user and --password are needed");
        report_text(&l.report, "mode", name);
        return modes[i].run(&l);
    }
    bad("unknown mode");
}
