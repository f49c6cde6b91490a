/* SPDX-License-Identifier: Apache-2.0
 * Children, the stand-in callbridge, and pages. */
#include "webfix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cm.h"

#include <base/mem.h>
#include <bus/keys.h>
#include <bus/validate.h>
#include <callbridge/wblink.h>
#include <loop/clock.h>
#include <pki/file.h>

#include <bridge.pb-c.h>

enum { PATIENCE_MS = 10000 };

/* --- children --------------------------------------------------------------------------------- */

uint16_t webfix_free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static void put_env(char **env, size_t *n, const char *name, const char *value)
{
    env[(*n)++] = str_printf("%s=%s", name, value);
}

/* A child of ours dies with us, whatever happens. */
static pid_t start(struct webfix *f, const char *role)
{
    char *env[20] = { 0 }, port[8];
    size_t n = 0;
    put_env(env, &n, "PATH", "/usr/bin:/bin");
    put_env(env, &n, "ASAN_OPTIONS", "detect_leaks=1");
    put_env(env, &n, "STOA_SITE", "inside");
    put_env(env, &n, "STOA_STATE", f->dir);
    put_env(env, &n, "STOA_LISTEN", "127.0.0.1");
    put_env(env, &n, "STOA_WEB", f->web);
    put_env(env, &n, "STOA_DEMO", "1");
    put_env(env, &n, "STOA_NAME", "join.cms.octavio.local");
    snprintf(port, sizeof port, "%u", f->https);
    put_env(env, &n, "STOA_PORT_HTTPS", port);
    snprintf(port, sizeof port, "%u", f->http);
    put_env(env, &n, "STOA_PORT_HTTP", port);
    snprintf(port, sizeof port, "%u", f->proxy);
    put_env(env, &n, "STOA_PORT_PROXY", port);
    char *binary = str_printf("%s/%s", STOA_LIBEXEC, role);
    char *argv[] = { binary, NULL };
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        execve(binary, argv, env);
        _exit(127);
    }
    for (size_t i = 0; i < n; i++)
        free(env[i]);
    free(binary);
    assert_true(pid > 0);
    return pid;
}

static int finish(pid_t *pid, int signum)
{
    int status = 0;
    if (*pid <= 0)
        return 0;
    kill(*pid, signum);
    assert_int_equal(waitpid(*pid, &status, 0), *pid);
    *pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void shell(const char *command)
{
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* --- files ------------------------------------------------------------------------------------ */

static void put_file(const char *dir, const char *name, const char *text)
{
    char *path = str_printf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(path);
}

static void make_page(struct webfix *f)
{
    char *assets = str_printf("%s/assets", f->web);
    char *big = mem_zalloc(400001);
    assert_int_equal(mkdir(f->web, 0700), 0);
    assert_int_equal(mkdir(assets, 0700), 0);
    memset(big, 'x', 400000);
    put_file(f->web, "index.html", "<!doctype html><title>Stoa</title>");
    put_file(assets, "guest-4GZ7QK2B.js", big);
    put_file(assets, "guest-4GZ7QK2B.js.gz", "stands for gzip");
    put_file(assets, "guest-4GZ7QK2B.js.br", "for brotli");
    put_file(f->dir, "secret.txt", "never served");
    free(big);
    free(assets);
}

void webfix_cert(struct webfix *f, const char *stem, int64_t age_s)
{
    static const char *const names[] = { "localhost", "127.0.0.1" };
    struct pki_opts o = { .names = names, .name_count = 2, .days = 365,
                          .now_s = time(NULL) - age_s };
    struct pki_pair pair = { 0 };
    char *cert = str_printf("%s/pki/%s.crt", f->dir, stem);
    char *key = str_printf("%s/pki/%s.key", f->dir, stem);
    assert_int_equal(pki_self_signed(&pair, &o, NULL), 0);
    assert_int_equal(pki_file_store_cert(cert, pair.cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key, pair.key_pem, NULL), 0);
    pki_pair_fini(&pair);
    free(cert);
    free(key);
}

static void store(struct webfix *f, const char *stem, struct pki_pair *pair)
{
    char *cert = str_printf("%s/pki/%s.crt", f->dir, stem);
    char *key = str_printf("%s/pki/%s.key", f->dir, stem);
    assert_int_equal(pki_file_store_cert(cert, pair->cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key, pair->key_pem, NULL), 0);
    pki_pair_fini(pair);
    free(cert);
    free(key);
}

static void issue(struct webfix *f, const char *stem, const struct pki_pair *ca, const char *name)
{
    struct pki_opts o = { .names = &name, .name_count = 1, .now_s = time(NULL) };
    struct pki_pair pair = { 0 };
    assert_int_equal(pki_issue(&pair, ca, &o, NULL), 0);
    store(f, stem, &pair);
}

void webfix_expc_certs(struct webfix *f)
{
    struct pki_opts o = { .cn = "CA of the site", .now_s = time(NULL) };
    struct pki_pair ca = { 0 }, stranger = { 0 };
    assert_int_equal(pki_ca_new(&ca, &o, NULL), 0);
    assert_int_equal(pki_ca_new(&stranger, &o, NULL), 0);
    issue(f, "expc", &ca, "expc");
    issue(f, "other", &ca, "callbridge");
    issue(f, "foreign", &stranger, "expc");
    store(f, "ca", &ca);
    pki_pair_fini(&stranger);
}

/* What a callbridge needs for a web bridge link: its certificate, in the trust bundle too, and the
 * web bridge's, which signs itself. */
static void make_link_files(struct webfix *f)
{
    webfix_cert(f, "callbridge", 0);
    char *command = str_printf("cd '%s/pki' && cp callbridge.crt webbridge.trust && "
                               "cp webbridge.crt callbridge.bundle", f->dir);
    shell(command);
    free(command);
}

static void make_state(struct webfix *f)
{
    static const char *const dirs[] = { "run", "log", "keys", "pki", "data" };
    strcpy(f->dir, "/tmp/stoa-web-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        char *d = str_printf("%s/%s", f->dir, dirs[i]);
        assert_int_equal(mkdir(d, 0700), 0);
        free(d);
    }
    f->web = str_printf("%s/web", f->dir);
    f->cert = str_printf("%s/pki/webbridge.crt", f->dir);
    f->event_log = str_printf("%s/log/webbridge-1.jsonl", f->dir);
    make_page(f);
    char *keys = str_printf("%s/keys", f->dir);
    assert_int_equal(bus_keys_make(keys, "inside"), 0);
    free(keys);
    webfix_cert(f, "webbridge", 0);
    webfix_cert(f, "old", 800LL * 24 * 3600);
    make_link_files(f);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

void webfix_until(struct webfix *f, bool (*done)(void *arg), void *arg)
{
    int64_t end_ms = loop_now_ms() + PATIENCE_MS;
    uv_timer_t tick; /* wakes a loop in which nothing happens */
    uv_timer_init(&f->loop, &tick);
    uv_timer_start(&tick, on_tick, 20, 20);
    while (!done(arg) && loop_now_ms() < end_ms)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    if (!done(arg))
        fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

static bool listens(void *arg)
{
    struct webfix *f = arg;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(f->http) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int err = connect(fd, (struct sockaddr *)&a, sizeof a);
    close(fd);
    return err == 0;
}

/* --- the callbridge --------------------------------------------------------------------------- */

static void see(struct webfix *f, struct bus_call *call, const ProtobufCMessage *body)
{
    assert_true(f->seen_count < ARRAY_LEN(f->seen));
    struct webfix_seen *s = &f->seen[f->seen_count++];
    s->body = bus_msg_dup(body);
    memcpy(s->trace, bus_call_trace(call), sizeof s->trace);
    snprintf(s->key, sizeof s->key, "%s", bus_call_key(call));
    snprintf(f->webbridge_instance, sizeof f->webbridge_instance, "%s", bus_call_instance(call));
}

/* True when the request was dealt with already. */
static bool refused(struct webfix *f, struct bus_call *call, const ProtobufCMessage *body)
{
    see(f, call, body);
    if (f->silent)
        return true;
    if (f->refuse == BUS_OK)
        return false;
    bus_fail(call, f->refuse, false, "Refused by the test.");
    return true;
}

static void on_login(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    Stoa__Bridge__V1__GuestLoginReply r = STOA__BRIDGE__V1__GUEST_LOGIN_REPLY__INIT;
    r.ticket = (char *)(uintptr_t)"the-ticket";
    r.space = (char *)(uintptr_t)WEBFIX_SPACE;
    r.space_name = (char *)(uintptr_t)"Proxy webRTC";
    r.jid = (char *)(uintptr_t)"guest0000000001@cms.octavio.local";
    if (!refused(arg, call, body))
        bus_reply(call, &r.base);
}

static void on_join(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    Stoa__Bridge__V1__JoinReply r = STOA__BRIDGE__V1__JOIN_REPLY__INIT;
    r.has_participant = r.has_call = true;
    r.participant = 3;
    r.call = 6;
    r.space_name = (char *)(uintptr_t)"Proxy webRTC";
    if (!refused(arg, call, body))
        bus_reply(call, &r.base);
}

static void on_offer(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Bridge__V1__OfferRequest *offer = (const void *)body;
    Stoa__Bridge__V1__OfferReply r = STOA__BRIDGE__V1__OFFER_REPLY__INIT;
    r.sdp = offer->sdp;
    if (!refused(arg, call, body))
        bus_reply(call, &r.base);
}

static void on_done(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    Stoa__Bridge__V1__Done r = STOA__BRIDGE__V1__DONE__INIT;
    if (!refused(arg, call, body))
        bus_reply(call, &r.base);
}

static void on_event(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    see(arg, call, body);
}

static const struct bus_handler handlers[] = {
    { &stoa__bridge__v1__guest_login_request__descriptor, on_login },
    { &stoa__bridge__v1__join_request__descriptor, on_join },
    { &stoa__bridge__v1__resume_request__descriptor, on_join },
    { &stoa__bridge__v1__offer_request__descriptor, on_offer },
    { &stoa__bridge__v1__set_media_request__descriptor, on_done },
    { &stoa__bridge__v1__control_request__descriptor, on_done },
    { &stoa__bridge__v1__leave_request__descriptor, on_done },
    { &stoa__bridge__v1__candidate_event__descriptor, on_event },
    { &stoa__bridge__v1__report_event__descriptor, on_event },
    { &stoa__bridge__v1__session_gone_event__descriptor, on_event },
};

static bool bus_up(void *arg)
{
    return bus_is_up(arg);
}

static bool linked(void *arg)
{
    struct webfix *f = arg;
    return bus_is_up(f->bus) && wblink_state(f->link) == WBLINK_PROVEN;
}

void webfix_link_up(struct webfix *f)
{
    char *pki = str_printf("%s/pki", f->dir);
    struct wblink_opts o = { .loop = &f->loop, .bus = f->bus, .host = "localhost",
                             .pki_dir = pki };
    assert_int_equal(addr_parse_ip(&o.address, "127.0.0.1", f->https), 0);
    f->link = wblink_new(&o);
    free(pki);
}

void webfix_link_down(struct webfix *f)
{
    wblink_free(&f->link);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

struct bus *webfix_serve(struct webfix *f, const struct bus_handler *table, size_t n)
{
    char *endpoint = str_printf("ipc://%s/run/bus.sock", f->dir);
    char *keys = str_printf("%s/keys", f->dir);
    struct bus_opts o = { .loop = &f->loop, .endpoint = endpoint, .role = "callbridge",
                          .site = "inside", .keys_dir = keys };
    struct bus *bus;
    assert_int_equal(bus_new(&bus, &o), 0);
    bus_handle(bus, table, n, f);
    bus_set_serving(bus, BUS_SERVING);
    webfix_until(f, bus_up, bus);
    free(endpoint);
    free(keys);
    return bus;
}

void webfix_bridge_up(struct webfix *f)
{
    assert_null(f->bus);
    f->bus = webfix_serve(f, handlers, ARRAY_LEN(handlers));
    webfix_link_up(f);
    webfix_until(f, linked, f);
}

void webfix_bridge_down(struct webfix *f)
{
    wblink_free(&f->link);
    bus_free(&f->bus);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

/* On a loaded machine busd may have given us up between two turns of the loop. */
void webfix_event(struct webfix *f, const ProtobufCMessage *session_event)
{
    struct bus_dst dst = { .role = "webbridge", .instance = f->webbridge_instance };
    webfix_until(f, bus_up, f->bus);
    assert_int_equal(bus_send_event(f->bus, &dst, session_event, NULL), 0);
}

void webfix_forget(struct webfix *f)
{
    for (size_t i = 0; i < f->seen_count; i++)
        bus_msg_free(&f->seen[i].body);
    f->seen_count = 0;
}

const struct webfix_seen *webfix_last(struct webfix *f, const ProtobufCMessageDescriptor *type)
{
    for (size_t i = f->seen_count; i > 0; i--)
        if (f->seen[i - 1].body->descriptor == type)
            return &f->seen[i - 1];
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

void webfix_webbridge_start(struct webfix *f)
{
    f->webbridge = start(f, "webbridge");
    webfix_until(f, listens, f);
}

int webfix_webbridge_end(struct webfix *f, int signum)
{
    return finish(&f->webbridge, signum);
}

struct webfix *webfix_new(void)
{
    struct webfix *f = MEM_NEW(struct webfix);
    bus_czmq_init();
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    make_state(f);
    f->https = webfix_free_port();
    f->http = webfix_free_port();
    f->proxy = webfix_free_port();
    f->busd = start(f, "busd");
    webfix_webbridge_start(f);
    return f;
}

void webfix_free(struct webfix *f)
{
    webfix_forget(f);
    wblink_free(&f->link);
    bus_free(&f->bus);
    (void)!finish(&f->webbridge, SIGTERM);
    (void)!finish(&f->busd, SIGTERM);
    for (int i = 0; i < 50; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    char *command = str_printf("rm -rf '%s'", f->dir);
    shell(command);
    free(command);
    free(f->web);
    free(f->cert);
    free(f->event_log);
    free(f);
}

/* --- pages ------------------------------------------------------------------------------------ */

static void on_open(void *arg)
{
    ((struct page *)arg)->open = true;
}

static void on_text(void *arg, const char *text, size_t len)
{
    struct page *p = arg;
    json_t *msg = json_loadb(text, len, 0, NULL);
    assert_non_null(msg);
    assert_true(p->count < ARRAY_LEN(p->got));
    p->got[p->count++] = msg;
}

static void on_ping(void *arg)
{
    ((struct page *)arg)->pings++;
}

static void on_end(void *arg, const struct wsclient_end *end)
{
    struct page *p = arg;
    p->ended = true;
    p->open = false;
    p->end = *end;
    snprintf(p->reason, sizeof p->reason, "%s", end->reason);
}

void page_open(struct page *p, struct webfix *f, const struct wsclient_opts *opts)
{
    struct wsclient_opts o = opts == NULL ? (struct wsclient_opts){ .ca_file = f->cert } : *opts;
    memset(p, 0, sizeof *p);
    p->f = f;
    o.loop = &f->loop;
    o.port = o.port == 0 ? f->https : o.port;
    o.on_open = on_open;
    o.on_text = on_text;
    o.on_ping = on_ping;
    o.on_end = on_end;
    o.arg = p;
    assert_int_equal(wsclient_new(&p->c, &o), 0);
}

struct wanted {
    struct page *p;
    size_t count;
};

static bool has_count(void *arg)
{
    struct wanted *w = arg;
    return w->p->count >= w->count || w->p->ended;
}

void page_wait(struct page *p, size_t n)
{
    struct wanted w = { p, n };
    webfix_until(p->f, has_count, &w);
}

static bool has_ended(void *arg)
{
    return ((struct page *)arg)->ended;
}

void page_wait_end(struct page *p)
{
    webfix_until(p->f, has_ended, p);
}

void page_ready(struct page *p, struct webfix *f)
{
    page_open(p, f, NULL);
    page_wait(p, 1);
    assert_false(p->ended);
}

void page_close(struct page *p)
{
    wsclient_free(&p->c);
    for (size_t i = 0; i < p->count; i++)
        json_decref(p->got[i]);
    uv_run(&p->f->loop, UV_RUN_NOWAIT);
    p->count = 0;
}

const json_t *page_ask(struct page *p, const char *text)
{
    size_t before = p->count;
    wsclient_send(p->c, text);
    page_wait(p, before + 1);
    assert_true(p->count > before);
    return p->got[before];
}

const char *page_text(const json_t *msg, const char *member)
{
    const char *text = json_string_value(json_object_get(msg, member));
    return text == NULL ? "" : text;
}

const json_t *page_next(struct page *p, size_t *from, const char *type)
{
    for (;;) {
        page_wait(p, *from + 1);
        assert_true(p->count > *from);
        const json_t *msg = p->got[(*from)++];
        if (str_eq(page_text(msg, "type"), type))
            return msg;
    }
}
