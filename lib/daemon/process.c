/* SPDX-License-Identifier: Apache-2.0
 * Metrics that every daemon has: build, uptime, memory, CPU, faults, bus. */
#include "daemon_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <daemon/metrics.h>
#include <loop/clock.h>

static double read_uptime(void *arg)
{
    const struct daemon *d = arg;

    return (double)(loop_now_ms() - d->priv->started_ms) / 1000;
}

static double read_memory(void *arg)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;

    (void)arg;
    if (f) {
        if (fscanf(f, "%*d %ld", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double seconds(const struct timeval *tv)
{
    return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

static double read_cpu(void *arg)
{
    struct rusage ru;

    (void)arg;
    if (getrusage(RUSAGE_SELF, &ru) != 0)
        return 0;
    return seconds(&ru.ru_utime) + seconds(&ru.ru_stime);
}

static double read_faults(void *arg)
{
    return (double)daemon_fault_count(arg);
}

static double read_bus(void *arg)
{
    const struct daemon *d = arg;

    return d->bus && bus_is_up(d->bus) ? 1 : 0;
}

static double read_ready(void *arg)
{
    return daemon_is_ready(arg, NULL) ? 1 : 0;
}

static const struct {
    const char *name, *help;
    double (*read)(void *arg);
} gauges[] = {
    { "stoa_uptime_seconds", "Seconds since the daemon started.", read_uptime },
    { "stoa_memory_bytes", "Resident memory.", read_memory },
    { "stoa_faults", "Open faults.", read_faults },
    { "stoa_bus_up", "1 while the daemon is registered on the bus.", read_bus },
    { "stoa_ready", "1 while the daemon is able to work.", read_ready },
};

void daemon_process_metrics(struct daemon *d)
{
    char *labels = str_printf("role=\"%s\",version=\"%s\"", d->def->role, STOA_VERSION);
    struct daemon_metrics *ms = d->metrics;

    daemon_metric_set(daemon_metric_gauge(ms, "stoa_build_info", "Which daemon this is.", labels),
                      1);
    free(labels);
    for (size_t i = 0; i < ARRAY_LEN(gauges); i++)
        daemon_metric_read(daemon_metric_gauge(ms, gauges[i].name, gauges[i].help, NULL),
                           gauges[i].read, d);
    daemon_metric_read(daemon_metric_counter(ms, "stoa_cpu_seconds_total", "CPU time used.", NULL),
                       read_cpu, d);
}
