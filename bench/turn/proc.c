/* SPDX-License-Identifier: Apache-2.0
 * /proc: CPU time, memory, load. */
#include "proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static FILE *open_file(const char *path)
{
    FILE *f = fopen(path, "re");

    if (!f) {
        perror(path);
        exit(1);
    }
    return f;
}

static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return open_file(path);
}

static int64_t ticks_to_ms(unsigned long long ticks)
{
    return (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

int64_t proc_cpu_ms(pid_t pid)
{
    FILE *f = open_proc(pid, "stat");
    char line[1024] = "";
    const char *p;
    unsigned long long user = 0, sys = 0;

    if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')) != NULL) {
        char *end;

        p += 2; /* field 3; fields 14 and 15 are wanted */
        for (int field = 3; field < 14; field++)
            p += strcspn(p, " ") + 1;
        user = strtoull(p, &end, 10);
        sys = strtoull(end, NULL, 10);
    }
    (void)fclose(f);
    return ticks_to_ms(user + sys);
}

/* The number behind a name at the beginning of a line; closes the file. */
static int64_t number_of(FILE *f, const char *name)
{
    char line[256];
    int64_t n = 0;

    while (fgets(line, sizeof(line), f))
        if (strncmp(line, name, strlen(name)) == 0)
            n = strtoll(line + strlen(name), NULL, 10);
    (void)fclose(f);
    return n;
}

/* Not statm: its counters are kept per processor and are off by some hundred KiB. */
int64_t proc_rss_kib(pid_t pid) { return number_of(open_proc(pid, "smaps_rollup"), "Rss:"); }

int64_t proc_slab_kib(void) { return number_of(open_file("/proc/meminfo"), "Slab:"); }

int64_t proc_busy_ms(void)
{
    FILE *f = open_file("/proc/stat");
    char line[512] = "";
    unsigned long long busy = 0;
    char *p = line + 3;

    /* cpu  user nice system idle iowait irq softirq steal ... */
    if (fgets(line, sizeof(line), f))
        for (int i = 0; i < 8; i++) {
            unsigned long long v = strtoull(p, &p, 10);

            if (i != 3 && i != 4)
                busy += v;
        }
    (void)fclose(f);
    return ticks_to_ms(busy);
}

double proc_load(void)
{
    double load = 0;

    return getloadavg(&load, 1) == 1 ? load : 0;
}

int64_t now_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
