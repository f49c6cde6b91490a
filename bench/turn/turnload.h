/* SPDX-License-Identifier: Apache-2.0
 * The load generator's options, and what it can measure. */
#ifndef BENCH_TURN_TURNLOAD_H
#define BENCH_TURN_TURNLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "report.h"
#include "wire.h"

struct load {
    uint32_t server; /* network order */
    uint16_t port;
    const char *user, *password;
    pid_t pid; /* of the server; 0: its CPU time and memory are not known */
    unsigned clients, hubs, size, burst, window, outstanding, count;
    bool gso, gro, spin;
    double rate, seconds, warm_up;
    int64_t memory_kib; /* more than this ends 'strangers' */
    struct report report;
};

/* Packets through allocations: "up", "down", "echo", "hairpin"; "direct" without a server, which is
 * what the generator itself can do. Return the exit status. */
int relay_up(struct load *l);
int relay_down(struct load *l);
int relay_echo(struct load *l);
int relay_hairpin(struct load *l);
int relay_direct(struct load *l);

/* Allocations per second; memory of idle ones; memory after requests without credentials. */
int lives_alloc(struct load *l);
int lives_idle(struct load *l);
int lives_strangers(struct load *l);

/* CPU time of the server so far, seconds. */
double load_server_cpu_s(const struct load *l);
double load_server_rss_kib(const struct load *l);

#endif
