/* SPDX-License-Identifier: Apache-2.0 */
#include "confix.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>

enum { ANSWER_MS = 20000 };

static void give_up(struct confix *c, const char *what)
{
    fprintf(stderr, "confix: %s\n%s\n", what, confix_log(c));
    if (c->pid)
        kill(c->pid, SIGKILL);
    abort();
}

static char *log_path(const struct confix *c)
{
    return str_printf("%s/config.log", busfix_dir(c->bus_fix));
}

const char *confix_log(struct confix *c)
{
    static char text[4096];
    char *path = log_path(c);
    FILE *f = fopen(path, "r");
    size_t n = 0;

    if (f) {
        if (fseek(f, -(long)sizeof(text) + 1, SEEK_END))
            rewind(f);
        n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
    }
    text[n] = '\0';
    free(path);
    return text;
}

static void child(struct confix *c, const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    struct rlimit limit = { c->file_limit_b, c->file_limit_b };

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when a test crashes */
    dup2(fd, 2);
    setenv("STOA_STATE", busfix_dir(c->bus_fix), 1);
    setenv("STOA_SITE", c->site, 1);
    setenv("STOA_BUS", busfix_endpoint(c->bus_fix), 1);
    setenv("STOA_KEYS", busfix_keys(c->bus_fix), 1);
    if (c->file_limit_b)
        setrlimit(RLIMIT_FSIZE, &limit);
    execl(STOA_CONFIG, STOA_CONFIG, (char *)NULL);
    _exit(127);
}

void confix_start(struct confix *c)
{
    char *log = log_path(c);

    c->pid = fork();
    if (c->pid == 0)
        child(c, log);
    free(log);
}

int confix_wait_exit(struct confix *c)
{
    int status;

    if (waitpid(c->pid, &status, 0) != c->pid)
        give_up(c, "config is not our child");
    c->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int confix_stop(struct confix *c, int signum)
{
    if (!c->pid)
        return 0;
    kill(c->pid, signum);
    return confix_wait_exit(c);
}

void confix_open(struct confix *c)
{
    confix_open_site(c, "inside");
}

void confix_open_site(struct confix *c, const char *site)
{
    *c = (struct confix){ .bus_fix = busfix_new(site), .site = site };
    c->admin = busfix_connect(c->bus_fix, "admin");
    confix_start(c);
}

void confix_close(struct confix *c)
{
    confix_stop(c, SIGTERM);
    bus_free(&c->admin);
    busfix_free(&c->bus_fix);
}

/* --- requests -------------------------------------------------------------------------------- */

static void on_write(void *arg, const struct bus_result *r)
{
    struct confix_answer *a = arg;
    const Stoa__Config__V1__WriteReply *w = (const void *)r->body;

    a->done = true;
    a->code = r->code;
    if (!w) {
        snprintf(a->text, sizeof(a->text), "%s", r->message);
        return;
    }
    a->added = w->added;
    a->changed = w->changed;
    a->deleted = w->deleted;
    snprintf(a->id, sizeof(a->id), "%s", w->id ? w->id : "");
    if (w->problem) {
        snprintf(a->problem, sizeof(a->problem), "%s", w->problem->name ? w->problem->name : "?");
        snprintf(a->text, sizeof(a->text), "%s", w->problem->text ? w->problem->text : "");
    }
}

static void send_write(struct confix *c, const ProtobufCMessage *body, struct confix_answer *out)
{
    const struct bus_dst dst = { .role = "config" };
    const struct bus_req_opts opts = { .timeout_ms = ANSWER_MS, .retry = true };

    *out = (struct confix_answer){ 0 };
    (void)bus_request(c->admin, &dst, body, &opts, on_write, out);
}

static bool is_done(void *arg)
{
    return ((struct confix_answer *)arg)->done;
}

void confix_wait(struct confix *c, struct confix_answer *a)
{
    if (!busfix_run_until(c->bus_fix, is_done, a, ANSWER_MS + 2000))
        give_up(c, "a request was not answered at all");
}

/* Owner of both: the caller. */
static size_t make_fields(const char *const *pairs, Stoa__Config__V1__Field **items,
                          Stoa__Config__V1__Field ***list)
{
    size_t n = 0;

    while (pairs[2 * n])
        n++;
    *items = mem_calloc(n + 1, sizeof(**items));
    *list = mem_calloc(n + 1, sizeof(**list));
    for (size_t i = 0; i < n; i++) {
        stoa__config__v1__field__init(&(*items)[i]);
        (*items)[i].name = (char *)(uintptr_t)pairs[2 * i];
        (*items)[i].value = (char *)(uintptr_t)pairs[2 * i + 1];
        (*list)[i] = &(*items)[i];
    }
    return n;
}

void confix_add_start(struct confix *c, const char *kind, const char *const *pairs,
                      struct confix_answer *out)
{
    Stoa__Config__V1__AddRequest req = STOA__CONFIG__V1__ADD_REQUEST__INIT;
    Stoa__Config__V1__Field *items;

    req.kind = (char *)(uintptr_t)kind;
    req.n_fields = make_fields(pairs, &items, &req.fields);
    send_write(c, &req.base, out);
    free(items);
    free(req.fields);
}

void confix_add(struct confix *c, const char *kind, const char *const *pairs,
                struct confix_answer *out)
{
    confix_add_start(c, kind, pairs, out);
    confix_wait(c, out);
}

void confix_set(struct confix *c, const char *kind, const char *id, const char *const *pairs,
                struct confix_answer *out)
{
    Stoa__Config__V1__SetRequest req = STOA__CONFIG__V1__SET_REQUEST__INIT;
    Stoa__Config__V1__Field *items;

    req.kind = (char *)(uintptr_t)kind;
    req.id = (char *)(uintptr_t)id;
    req.n_fields = make_fields(pairs, &items, &req.fields);
    send_write(c, &req.base, out);
    free(items);
    free(req.fields);
    confix_wait(c, out);
}

void confix_delete(struct confix *c, const char *kind, const char *id, struct confix_answer *out)
{
    Stoa__Config__V1__DeleteRequest req = STOA__CONFIG__V1__DELETE_REQUEST__INIT;

    req.kind = (char *)(uintptr_t)kind;
    req.id = (char *)(uintptr_t)id;
    send_write(c, &req.base, out);
    confix_wait(c, out);
}

struct got {
    bool done;
    const char *field;
    char value[256];
};

static void on_get(void *arg, const struct bus_result *r)
{
    struct got *g = arg;
    const Stoa__Config__V1__GetReply *reply = (const void *)r->body;

    g->done = true;
    snprintf(g->value, sizeof(g->value), "%s", reply && reply->row ? "(unset)" : "(gone)");
    for (size_t i = 0; reply && reply->row && i < reply->row->n_fields; i++) {
        const Stoa__Config__V1__Field *f = reply->row->fields[i];

        if (str_eq(f->name, g->field))
            snprintf(g->value, sizeof(g->value), "%s", f->secret ? f->secret : f->value);
    }
}

static bool is_got(void *arg)
{
    return ((struct got *)arg)->done;
}

const char *confix_value(struct confix *c, const char *kind, const char *id, const char *field)
{
    static struct got g;
    const struct bus_dst dst = { .role = "config" };
    const struct bus_req_opts opts = { .timeout_ms = ANSWER_MS, .retry = true };
    Stoa__Config__V1__GetRequest req = STOA__CONFIG__V1__GET_REQUEST__INIT;

    g = (struct got){ .field = field };
    req.kind = (char *)(uintptr_t)kind;
    req.id = (char *)(uintptr_t)id;
    (void)bus_request(c->admin, &dst, &req.base, &opts, on_get, &g);
    if (!busfix_run_until(c->bus_fix, is_got, &g, ANSWER_MS + 2000))
        give_up(c, "a request was not answered at all");
    return g.value;
}
