/* SPDX-License-Identifier: Apache-2.0 */
#include "linkfix.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include <base/mem.h>
#include <base/str.h>
#include <daemon/client.h>
#include <loop/clock.h>
#include <pki/file.h>

#include "cm.h"

static int64_t took_ms;

/* --- children --------------------------------------------------------------------------------- */

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void child(struct linkfix *f, const char *role, unsigned i)
{
    char *binary = str_printf("%s/%s", STOA_LIBEXEC, role), number[4], port[8];
    char *err = str_printf("%s/log/%s-%u.err", f->dir, role, i + 1);
    char *web = str_printf("%s/web", f->dir);
    char *argv[] = { binary, NULL, NULL };

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(open(err, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    (void)snprintf(number, sizeof(number), "%u", i + 1);
    (void)snprintf(port, sizeof(port), "%u", f->port[i] - 10 * i); /* as deploy/ports counts */
    (void)setenv("STOA_STATE", f->dir, 1);
    (void)setenv("STOA_SITE", "inside", 1);
    (void)setenv("STOA_BUS", busfix_endpoint(f->conf.bus_fix), 1);
    (void)setenv("STOA_KEYS", busfix_keys(f->conf.bus_fix), 1);
    (void)setenv("STOA_NUMBER", number, 1);
    (void)setenv("STOA_LISTEN", "127.0.0.1", 1);
    (void)setenv("STOA_PORT_MEDIA", "0", 1);
    (void)setenv("STOA_PORT_HTTP", "0", 1);
    (void)setenv("STOA_PORT_PROXY", "0", 1);
    (void)setenv("STOA_PORT_HTTPS", port, 1);
    (void)setenv("STOA_WEB", web, 1);
    (void)setenv("STOA_DEMO", "1", 1);
    if (str_eq(role, "callbridge"))
        argv[1] = (char *)(uintptr_t)"--workers=1";
    (void)execv(argv[0], argv);
    _exit(127);
}

static pid_t start(struct linkfix *f, const char *role, unsigned i)
{
    pid_t pid = fork();

    if (pid == 0)
        child(f, role, i);
    return pid;
}

void linkfix_web_start(struct linkfix *f, unsigned i)
{
    f->web[i] = start(f, "webbridge", i);
}

void linkfix_call_start(struct linkfix *f, unsigned i)
{
    f->call[i] = start(f, "callbridge", i);
}

static int ended(pid_t *pid, int signum)
{
    int status = 0;

    if (*pid <= 0)
        return 0;
    (void)kill(*pid, signum);
    assert_int_equal(waitpid(*pid, &status, 0), *pid);
    *pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void linkfix_kill(pid_t *pid, int signum)
{
    int code = ended(pid, signum);

    assert_int_equal(code, signum == SIGKILL ? -SIGKILL : 0);
}

/* --- files ------------------------------------------------------------------------------------ */

void linkfix_cert(struct linkfix *f, const char *stem, const char *name, int64_t age_s,
                  const struct pki_pair *by)
{
    const char *names[] = { name, "localhost" };
    struct pki_opts o = { .names = names, .name_count = 2, .days = 30,
                          .now_s = time(NULL) - age_s };
    char *cert = str_printf("%s/%s.crt", f->pki, stem);
    char *key = str_printf("%s/%s.key", f->pki, stem);
    struct pki_pair pair = { 0 };

    assert_int_equal(by ? pki_issue(&pair, by, &o, NULL) : pki_self_signed(&pair, &o, NULL), 0);
    assert_int_equal(pki_file_store_cert(cert, pair.cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key, pair.key_pem, NULL), 0);
    pki_pair_fini(&pair);
    free(cert);
    free(key);
}

void linkfix_file(struct linkfix *f, const char *name, const char *text)
{
    char *path = str_printf("%s/%s", f->pki, name);

    if (text)
        assert_int_equal(pki_file_store_cert(path, text, NULL), 0);
    else
        (void)unlink(path);
    free(path);
}

char *linkfix_read(const struct linkfix *f, const char *name)
{
    char *path = str_printf("%s/%s", f->pki, name), *text = NULL;

    assert_int_equal(pki_file_load(&text, path, NULL), 0);
    free(path);
    return text;
}

void linkfix_trust(struct linkfix *f, const char *stem)
{
    char *name = stem ? str_printf("%s.crt", stem) : NULL;
    char *text = name ? linkfix_read(f, name) : str_dup("");

    linkfix_file(f, "webbridge.trust", text);
    free(text);
    free(name);
}

static void make_files(struct linkfix *f)
{
    struct pki_opts o = { .cn = "Test CA", .now_s = time(NULL) - 400 * 86400 };
    char *web = str_printf("%s/web", f->dir), *index = str_printf("%s/index.html", web);
    char *log = str_printf("%s/log", f->dir);
    FILE *page;

    (void)mkdir(f->pki, 0700);
    (void)mkdir(log, 0700);
    (void)mkdir(web, 0700);
    page = fopen(index, "we");
    assert_non_null(page);
    (void)fputs("<!doctype html><title>Stoa</title>", page);
    (void)fclose(page);
    assert_int_equal(pki_ca_new(&f->ca, &o, NULL), 0);
    linkfix_file(f, "ca.crt", f->ca.cert_pem);
    linkfix_cert(f, "webbridge", LINKFIX_NAME, 0, &f->ca);
    linkfix_cert(f, "callbridge", "callbridge.example", 0, &f->ca);
    linkfix_trust(f, "callbridge");
    free(web);
    free(index);
    free(log);
}

/* --- configuration ---------------------------------------------------------------------------- */

void linkfix_url(struct linkfix *f, const char *url)
{
    struct confix_answer a;

    confix_set(&f->conf, "settings", "settings", CONFIX_FIELDS("guestAccountClientUri", url), &a);
    assert_int_equal(a.code, BUS_OK);
}

void linkfix_record(struct linkfix *f, const char *name, const char *addresses)
{
    struct confix_answer a;

    confix_add(&f->conf, "hostRecord", CONFIX_FIELDS("name", name, "addresses", addresses), &a);
    if (a.problem[0] || a.code != BUS_OK)
        confix_set(&f->conf, "hostRecord", name, CONFIX_FIELDS("addresses", addresses), &a);
    if (a.problem[0] || a.code != BUS_OK)
        fail_msg("host record: %s %s", a.problem, a.text);
}

void linkfix_record_relay(struct linkfix *f)
{
    char *address = str_printf("127.0.0.1:%u", relay_port(f->relay));

    linkfix_record(f, LINKFIX_NAME, address);
    free(address);
}

/* --- what is seen ----------------------------------------------------------------------------- */

static json_t *status_of(const struct linkfix *f, const char *daemon)
{
    char *path = str_printf("%s/run/%s.sock", f->dir, daemon), *body = NULL;
    json_t *status = NULL;

    if (daemon_client_get(path, "/status", 2000, &body) == 200)
        status = json_loads(body, 0, NULL);
    free(body);
    free(path);
    return status;
}

static const char *text_of(const json_t *o, const char *member)
{
    const char *s = json_string_value(json_object_get(o, member));

    return s ? s : "";
}

int linkfix_links(const struct linkfix *f, const char *daemon)
{
    json_t *status = status_of(f, daemon), *counter;
    size_t i;
    int links = -1;

    json_array_foreach(json_object_get(status, "counters"), i, counter) {
        if (str_eq(text_of(counter, "name"), "stoa_links"))
            links = (int)json_number_value(json_object_get(counter, "value"));
    }
    json_decref(status);
    return links;
}

bool linkfix_fault(const struct linkfix *f, const char *daemon, const char *type, const char *text)
{
    json_t *status = status_of(f, daemon), *fault;
    size_t i;
    bool found = false;

    json_array_foreach(json_object_get(status, "faults"), i, fault)
        found = found || (str_eq(text_of(fault, "type"), type) &&
                          strstr(text_of(fault, "text"), text));
    json_decref(status);
    return found;
}

/* --- waiting ---------------------------------------------------------------------------------- */

struct sought {
    struct linkfix *f;
    const char *daemon, *type, *text;
    int count;
};

static void show(const struct linkfix *f, const char *what, const struct sought *s)
{
    static const char *const names[] = { "callbridge-1", "webbridge-1" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *status = status_of(f, names[i]);
        char *text = json_dumps(json_object_get(status, "faults"), 0);
        char *command = str_printf("tail -n 20 '%s/log/%s.err' >&2", f->dir, names[i]);

        fprintf(stderr, "%s: links=%d faults=%s\n", names[i], linkfix_links(f, names[i]),
                text ? text : "?");
        if (system(command) != 0)
            fprintf(stderr, "no log\n");
        free(command);
        free(text);
        json_decref(status);
    }
    fprintf(stderr, "waited for: %s %s %s\n", what, s->type ? s->type : "", s->text ? s->text : "");
}

static void wait_for(struct linkfix *f, bool (*done)(void *arg), struct sought *s, const char *what)
{
    int64_t start_ms = loop_now_ms();

    if (!busfix_run_until(f->conf.bus_fix, done, s, LINKFIX_PATIENCE_MS)) {
        show(f, what, s);
        fail_msg("%s: not within %d ms", what, LINKFIX_PATIENCE_MS);
    }
    took_ms = loop_now_ms() - start_ms;
}

int64_t linkfix_took_ms(void)
{
    return took_ms;
}

static bool has_links(void *arg)
{
    const struct sought *s = arg;

    return linkfix_links(s->f, s->daemon) == s->count;
}

void linkfix_wait_links(struct linkfix *f, const char *daemon, int count)
{
    struct sought s = { f, daemon, NULL, NULL, count };

    wait_for(f, has_links, &s, "links");
}

static bool has_fault(void *arg)
{
    const struct sought *s = arg;

    return linkfix_fault(s->f, s->daemon, s->type, s->text) == (s->count > 0);
}

void linkfix_wait_fault(struct linkfix *f, const char *daemon, const char *type, const char *text)
{
    struct sought s = { f, daemon, type, text, 1 };

    wait_for(f, has_fault, &s, "fault");
}

void linkfix_wait_no_fault(struct linkfix *f, const char *daemon, const char *type)
{
    struct sought s = { f, daemon, type, "", 0 };

    wait_for(f, has_fault, &s, "no fault");
}

static bool has_join(void *arg)
{
    const struct sought *s = arg;

    return s->f->page.welcomed && s->f->page.join == (s->count > 0);
}

void linkfix_wait_join(struct linkfix *f, bool possible)
{
    struct sought s = { f, NULL, NULL, NULL, possible };

    wait_for(f, has_join, &s, possible ? "joining is possible" : "joining is not possible");
}

char *linkfix_log(const struct linkfix *f, const char *daemon)
{
    char *path = str_printf("%s/log/%s.err", f->dir, daemon), *text = NULL;

    if (pki_file_load(&text, path, NULL))
        text = str_dup("");
    free(path);
    return text;
}

static bool has_logged(void *arg)
{
    const struct sought *s = arg;
    char *text = linkfix_log(s->f, s->daemon);
    bool found = strstr(text, s->text) != NULL;

    free(text);
    return found;
}

void linkfix_wait_log(struct linkfix *f, const char *daemon, const char *text)
{
    struct sought s = { f, daemon, NULL, text, 1 };

    wait_for(f, has_logged, &s, "log");
}

/* --- a page ----------------------------------------------------------------------------------- */

static void on_text(void *arg, const char *text, size_t len)
{
    struct linkfix_page *p = arg;
    json_t *msg = json_loadb(text, len, 0, NULL);

    assert_string_equal(text_of(msg, "type"), "welcome");
    p->welcomed = true;
    p->join = json_is_true(json_object_get(msg, "joinAvailable"));
    (void)str_copy(p->reason, sizeof(p->reason), text_of(msg, "reason"));
    json_decref(msg);
}

static void on_end(void *arg, const struct wsclient_end *end)
{
    (void)end;
    ((struct linkfix_page *)arg)->ended = true;
}

static bool has_welcome(void *arg)
{
    struct linkfix *f = ((struct sought *)arg)->f;

    if (f->page.ended) { /* web bridge 0 is not up yet */
        linkfix_page_close(f);
        linkfix_page_open(f);
    }
    return f->page.welcomed;
}

void linkfix_page_open(struct linkfix *f)
{
    struct wsclient_opts o = { .loop = f->loop, .port = f->port[0], .on_text = on_text,
                               .on_end = on_end, .arg = &f->page };

    f->page = (struct linkfix_page){ 0 };
    assert_int_equal(wsclient_new(&f->page.c, &o), 0);
}

void linkfix_page_close(struct linkfix *f)
{
    wsclient_free(&f->page.c);
    f->page = (struct linkfix_page){ 0 };
}

/* --- life ------------------------------------------------------------------------------------- */

void linkfix_open(struct linkfix *f)
{
    struct sought s = { .f = f };

    *f = (struct linkfix){ 0 };
    (void)signal(SIGPIPE, SIG_IGN);
    confix_open(&f->conf);
    f->loop = busfix_loop(f->conf.bus_fix);
    f->dir = str_dup(busfix_dir(f->conf.bus_fix));
    f->pki = str_printf("%s/pki", f->dir);
    make_files(f);
    for (unsigned i = 0; i < LINKFIX_EACH; i++)
        f->port[i] = free_port();
    f->relay = relay_new(f->loop, f->port[0]);
    linkfix_url(f, "https://" LINKFIX_NAME);
    linkfix_record_relay(f);
    linkfix_web_start(f, 0);
    linkfix_page_open(f);
    wait_for(f, has_welcome, &s, "welcome");
}

void linkfix_close(struct linkfix *f)
{
    linkfix_page_close(f);
    for (unsigned i = 0; i < LINKFIX_EACH; i++) {
        linkfix_kill(&f->call[i], SIGTERM);
        linkfix_kill(&f->web[i], SIGTERM);
    }
    relay_free(&f->relay);
    pki_pair_fini(&f->ca);
    free(f->dir);
    free(f->pki);
    confix_close(&f->conf);
}
