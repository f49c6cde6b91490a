/* SPDX-License-Identifier: Apache-2.0 */
#include "turnfix.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/hex.h>
#include <base/str.h>
#include <daemon/client.h>
#include <evp/rand.h>
#include <loop/clock.h>

enum { READY_MS = 20000, ANSWER_MS = 20000, POLL_MS = 20 };

/* Offsets of deploy/ports that turn uses, and that must be free. */
static const uint16_t used_offsets[] = { 250, 251, 252, 290, 291, 292, 400, 401, 402 };

static bool is_free(uint16_t port, int type)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, type, 0);
    bool ok = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

    close(fd);
    return ok;
}

/* Below the range of which the kernel takes ports for clients. */
static uint16_t free_base(void)
{
    for (;;) {
        uint16_t base = (uint16_t)(10000 + evp_random_below(20) * 1000 + evp_random_below(100));
        bool ok = true;

        for (size_t i = 0; ok && i < ARRAY_LEN(used_offsets); i++)
            ok = is_free((uint16_t)(base + used_offsets[i]), SOCK_DGRAM) &&
                 is_free((uint16_t)(base + used_offsets[i]), SOCK_STREAM);
        if (ok)
            return base;
    }
}

static void must(const struct confix_answer *a)
{
    if (a->code != BUS_OK || a->problem[0]) {
        fprintf(stderr, "turnfix: config says %s %s\n", a->problem, a->text);
        abort();
    }
}

static void add_user(struct turnfix *f, const char *name, const char *local_only,
                     const char *allow)
{
    struct confix_answer a;

    if (allow)
        confix_add(&f->conf, "turnUser",
                   CONFIX_FIELDS("name", name, "password", "turnpass", "localOnly", local_only,
                                 "allowPeers", allow), &a);
    else
        confix_add(&f->conf, "turnUser",
                   CONFIX_FIELDS("name", name, "password", "turnpass", "localOnly", local_only),
                   &a);
    must(&a);
}

void turnfix_set(struct turnfix *f, const char *const *pairs)
{
    struct confix_answer a;

    confix_set(&f->conf, "turn", "turn", pairs, &a);
    must(&a);
}

void turnfix_open(struct turnfix *f)
{
    char base[8];

    f->base = free_base();
    (void)snprintf(base, sizeof(base), "%u", f->base);
    (void)setenv("STOA_PORT_BASE", base, 1);
    confix_open_site(&f->conf, f->site ? f->site : "inside");
    turnfix_set(f, CONFIX_FIELDS("realm", "octavio.com", "instances", "3", "unauthorizedLimit",
                                 "100000"));
    add_user(f, "turnuser", "false", "127.0.0.0/8, ::1/128");
    add_user(f, "strict", "false", NULL);
    add_user(f, "local", "true", NULL);
}

void turnfix_close(struct turnfix *f)
{
    for (unsigned i = 1; i <= TURNFIX_INSTANCES; i++)
        (void)turnfix_stop(f, i, SIGKILL);
    confix_close(&f->conf);
}

/* --- processes -------------------------------------------------------------------------------- */

static char *log_path(const struct turnfix *f, unsigned number)
{
    return str_printf("%s/turn-%u.log", busfix_dir(f->conf.bus_fix), number);
}

static void child(struct turnfix *f, unsigned number, const char *log)
{
    char *workers = f->workers ? str_printf("--workers=%s", f->workers) : NULL;
    char text[8];
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when a test crashes */
    dup2(fd, 2);
    (void)snprintf(text, sizeof(text), "%u", number);
    /* Freed memory that is kept aside would be counted in a test of memory. */
    setenv("ASAN_OPTIONS", "quarantine_size_mb=1:thread_local_quarantine_size_kb=64", 1);
    setenv("STOA_STATE", busfix_dir(f->conf.bus_fix), 1);
    setenv("STOA_SITE", f->conf.site, 1);
    setenv("STOA_BUS", busfix_endpoint(f->conf.bus_fix), 1);
    setenv("STOA_KEYS", busfix_keys(f->conf.bus_fix), 1);
    setenv("STOA_NUMBER", text, 1);
    if (str_eq(f->listen, ""))
        unsetenv("STOA_LISTEN");
    else
        setenv("STOA_LISTEN", f->listen ? f->listen : "127.0.0.1", 1);
    execl(STOA_TURN, STOA_TURN, workers, (char *)NULL);
    _exit(127);
}

void turnfix_start_only(struct turnfix *f, unsigned number)
{
    char *log = log_path(f, number);

    f->pid[number - 1] = fork();
    if (f->pid[number - 1] == 0)
        child(f, number, log);
    free(log);
}

bool turnfix_wait_ready(struct turnfix *f, unsigned number, int timeout_ms)
{
    int64_t end_ms = loop_now_ms() + timeout_ms;

    while (loop_now_ms() < end_ms) {
        char *path = str_printf("%s/run/turn-%u.sock", busfix_dir(f->conf.bus_fix), number);
        char *body = NULL;
        int status = daemon_client_get(path, "/health", ANSWER_MS, &body);

        free(body);
        free(path);
        if (status == 200)
            return true;
        busfix_run_for(f->conf.bus_fix, POLL_MS);
    }
    return false;
}

void turnfix_start(struct turnfix *f, unsigned number)
{
    turnfix_start_only(f, number);
    if (!turnfix_wait_ready(f, number, READY_MS)) {
        char *log = turnfix_log(f, number);

        fprintf(stderr, "turnfix: turn %u does not become ready\n%s\n%s\n", number, log,
                confix_log(&f->conf));
        abort();
    }
}

void turnfix_signal(struct turnfix *f, unsigned number, int signum)
{
    (void)kill(f->pid[number - 1], signum);
}

int turnfix_stop(struct turnfix *f, unsigned number, int signum)
{
    pid_t pid = f->pid[number - 1];
    int status;

    if (!pid)
        return 0;
    (void)kill(pid, signum);
    if (waitpid(pid, &status, 0) != pid)
        abort();
    f->pid[number - 1] = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct addr turnfix_addr(const struct turnfix *f, unsigned number)
{
    struct addr a;

    if (addr_parse_ip(&a, "127.0.0.1", (uint16_t)(f->base + 250 + number - 1)))
        abort();
    return a;
}

/* --- what they say ---------------------------------------------------------------------------- */

char *turnfix_get(struct turnfix *f, unsigned number, const char *target)
{
    char *path = str_printf("%s/run/turn-%u.sock", busfix_dir(f->conf.bus_fix), number);
    char *body = NULL;
    int status = daemon_client_get(path, target, ANSWER_MS, &body);

    free(path);
    (void)status;
    return body;
}

double turnfix_metric(struct turnfix *f, unsigned number, const char *name)
{
    char *text = turnfix_get(f, number, "/metrics"), *at = text;
    size_t len = strlen(name);
    double value = -1;

    for (; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        if (strncmp(at, name, len) == 0 && at[len] == ' ') {
            value = strtod(at + len, NULL);
            break;
        }
    }
    free(text);
    return value;
}

bool turnfix_wait_metric(struct turnfix *f, unsigned number, const char *name, double value)
{
    int64_t end_ms = loop_now_ms() + READY_MS;

    while (loop_now_ms() < end_ms) {
        if ((long)turnfix_metric(f, number, name) == (long)value)
            return true;
        busfix_run_for(f->conf.bus_fix, POLL_MS);
    }
    return false;
}

char *turnfix_log(struct turnfix *f, unsigned number)
{
    char *path = log_path(f, number), chunk[4096];
    FILE *file = fopen(path, "r");
    struct str all = { 0 };
    size_t n;

    while (file && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
        str_addn(&all, chunk, n);
    if (file)
        (void)fclose(file);
    free(path);
    return str_take(&all);
}

bool turnfix_wait_log(struct turnfix *f, unsigned number, const char *text)
{
    int64_t end_ms = loop_now_ms() + READY_MS;

    while (loop_now_ms() < end_ms) {
        char *log = turnfix_log(f, number);
        bool found = strstr(log, text) != NULL;

        free(log);
        if (found)
            return true;
        busfix_run_for(f->conf.bus_fix, POLL_MS);
    }
    return false;
}

long turnfix_rss_kib(struct turnfix *f, unsigned number)
{
    char *path = str_printf("/proc/%d/status", (int)f->pid[number - 1]), line[256];
    FILE *file = fopen(path, "r");
    long kib = -1;

    while (file && fgets(line, sizeof(line), file))
        if (str_starts(line, "VmRSS:"))
            kib = strtol(line + 6, NULL, 10);
    if (file)
        (void)fclose(file);
    free(path);
    return kib;
}
