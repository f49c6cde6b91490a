/* SPDX-License-Identifier: Apache-2.0 */
#include "expcfix.h"

#include <fcntl.h>
#include <netinet/in.h>
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

#include "cm.h"

#include <base/mem.h>
#include <bus/validate.h>
#include <daemon/client.h>
#include <loop/clock.h>
#include <pki/file.h>

enum { PATIENCE_MS = 60000, ASK_MS = 2000, POLL_MS = 50 };

static const char user[] = "traversal", password[] = "correct horse";

/* --- files ------------------------------------------------------------------------------------ */

static void store(const struct expcfix *f, const char *stem, const struct pki_pair *pair)
{
    char *cert = str_printf("%s/pki/%s.crt", f->dir, stem);
    char *key = str_printf("%s/pki/%s.key", f->dir, stem);

    assert_int_equal(pki_file_store_cert(cert, pair->cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key, pair->key_pem, NULL), 0);
    free(cert);
    free(key);
}

static void issue(struct pki_pair *out, const struct pki_pair *ca, const char *const *names,
                  size_t n)
{
    const struct pki_opts o = { .names = names, .name_count = n, .now_s = time(NULL) };

    assert_int_equal(pki_issue(out, ca, &o, NULL), 0);
}

void expcfix_cert(struct expcfix *f, const char *stem, const char *const *names, size_t n)
{
    struct pki_pair pair = { 0 };

    issue(&pair, &f->ca, names, n);
    store(f, stem, &pair);
    pki_pair_fini(&pair);
}

static void make_certs(struct expcfix *f)
{
    static const char *const expc[] = { "vcsc.octavio.local", "expc" };
    static const char *const web[] = { JOIN_NAME, "cmsweb.cms.octavio.local", "localhost" };
    static const char *const vcse[] = { "vcse.octavio.com" };
    struct pki_opts inside = { .cn = "Inside CA", .now_s = time(NULL) };
    struct pki_opts outside = { .cn = "Edge CA", .now_s = time(NULL) };

    assert_int_equal(pki_ca_new(&f->ca, &inside, NULL), 0);
    assert_int_equal(pki_ca_new(&f->edge_ca, &outside, NULL), 0);
    store(f, "ca", &f->ca);
    expcfix_cert(f, "expc", expc, ARRAY_LEN(expc));
    expcfix_cert(f, "webbridge", web, ARRAY_LEN(web));
    issue(&f->edge, &f->edge_ca, vcse, ARRAY_LEN(vcse));
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char *path = str_printf("%s/%s", dir, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

static void make_page(struct expcfix *f)
{
    char *big = mem_zalloc(EXPCFIX_ASSET_B + 1);

    memset(big, 'x', EXPCFIX_ASSET_B);
    put_file(f->web, "index.html", "<!doctype html><title>Stoa</title>");
    put_file(f->web, "big.js", big);
    free(big);
}

static void make_dirs(struct expcfix *f)
{
    static const char *const dirs[] = { "log", "pki", "data", "web" };

    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        char *d = str_printf("%s/%s", f->dir, dirs[i]);

        (void)!mkdir(d, 0700); /* some are there already */
        free(d);
    }
}

/* --- configuration ---------------------------------------------------------------------------- */

static void must(const struct confix_answer *a)
{
    if (a->code != BUS_OK || a->problem[0])
        fail_msg("config says %s %s", a->problem, a->text);
}

/* The base64 between the lines of a PEM text. Owner: the caller. */
static char *base64_of(const char *pem)
{
    const char *at = strchr(pem, '\n') + 1, *end = strstr(pem, "-----END");
    struct str out = { 0 };

    for (; at < end; at++)
        if (*at != '\n')
            str_addn(&out, at, 1);
    return str_take(&out);
}

static void add(struct expcfix *f, const char *kind, const char *const *pairs)
{
    struct confix_answer a;

    confix_add(&f->conf, kind, pairs, &a);
    must(&a);
}

static void configure(struct expcfix *f)
{
    struct confix_answer a;
    char *ca = base64_of(f->edge_ca.cert_pem), port[8];

    confix_set(&f->conf, "settings", "settings",
               CONFIX_FIELDS("guestAccountClientUri", "https://cmsweb.cms.octavio.local",
                             "webBridgeUri", "https://" JOIN_NAME), &a);
    must(&a);
    confix_set(&f->conf, "webProxy", "webProxy",
               CONFIX_FIELDS("guestAccountClientUri", "https://" JOIN_NAME), &a);
    must(&a);
    add(f, "tunnelDomain", CONFIX_FIELDS("domain", "octavio.com"));
    add(f, "tunnelDomain", CONFIX_FIELDS("domain", "octavio.local"));
    confix_add(&f->conf, "hostRecord",
               CONFIX_FIELDS("name", "vcse.octavio.com", "addresses", "127.0.0.1"), &a);
    must(&a);
    (void)str_copy(f->edge_record_id, sizeof(f->edge_record_id), a.id);
    confix_add(&f->conf, "hostRecord",
               CONFIX_FIELDS("name", JOIN_NAME, "addresses", "127.0.0.1:1"), &a);
    must(&a);
    (void)str_copy(f->record_id, sizeof(f->record_id), a.id);
    expcfix_targets(f, "1");
    (void)snprintf(port, sizeof(port), "%u", testedge_port(f->test_edge));
    confix_add(&f->conf, "zone",
               CONFIX_FIELDS("name", "UT Zone", "address", "vcse.octavio.com", "port", port,
                             "username", user, "password", password, "peerCa", ca), &a);
    must(&a);
    (void)str_copy(f->zone_id, sizeof(f->zone_id), a.id);
    free(ca);
}

void expcfix_edge_addresses(struct expcfix *f, const char *addresses)
{
    struct confix_answer a;

    confix_set(&f->conf, "hostRecord", f->edge_record_id, CONFIX_FIELDS("addresses", addresses),
               &a);
    must(&a);
}

void expcfix_dns(struct expcfix *f, const char *lines)
{
    char *from = str_printf("%s/dns.new", f->dir), *to = str_printf("%s/dns", f->dir);

    put_file(f->dir, "dns.new", lines);
    assert_int_equal(rename(from, to), 0);
    free(from);
    free(to);
}

void expcfix_targets(struct expcfix *f, const char *numbers)
{
    struct str list = { 0 };
    struct confix_answer a;

    for (const char *at = numbers; *at; at++)
        if (*at != ',')
            str_addf(&list, "%s127.0.0.1:%u", list.len ? ", " : "", f->proxy[*at - '1']);
    confix_set(&f->conf, "hostRecord", f->record_id, CONFIX_FIELDS("addresses", list.s), &a);
    must(&a);
    str_fini(&list);
}

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

static void set_port(const char *name, unsigned port)
{
    char text[8];

    (void)snprintf(text, sizeof(text), "%u", port);
    (void)setenv(name, text, 1);
}

static void child(struct expcfix *f, const char *role, unsigned i)
{
    char *binary = str_printf("%s/%s", STOA_LIBEXEC, role), number[4];
    char *err = str_printf("%s/log/%s-%u.err", f->dir, role, i + 1);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when a test crashes */
    (void)dup2(open(err, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    (void)snprintf(number, sizeof(number), "%u", i + 1);
    (void)setenv("STOA_STATE", f->dir, 1);
    (void)setenv("STOA_SITE", "inside", 1);
    (void)setenv("STOA_BUS", busfix_endpoint(f->conf.bus_fix), 1);
    (void)setenv("STOA_KEYS", busfix_keys(f->conf.bus_fix), 1);
    (void)setenv("STOA_NUMBER", number, 1);
    (void)setenv("STOA_LISTEN", "127.0.0.1", 1);
    (void)setenv("STOA_WEB", f->web, 1);
    set_port("STOA_PORT_HTTP", 0);
    set_port("STOA_PORT_HTTPS", f->https[i] - 10 * i); /* as deploy/ports counts */
    set_port("STOA_PORT_PROXY", f->proxy[i] - 10 * i);
    if (str_eq(role, "expc")) {
        char *dns = str_printf("%s/dns", f->dir);

        (void)setenv("FAKEDNS", dns, 1);
        (void)setenv("LD_PRELOAD", FAKEDNS, 1);
        (void)setenv("ASAN_OPTIONS", "detect_leaks=1:verify_asan_link_order=0", 1);
    }
    (void)execl(binary, binary, (char *)NULL);
    _exit(127);
}

static pid_t start(struct expcfix *f, const char *role, unsigned i)
{
    pid_t pid = fork();

    if (pid == 0)
        child(f, role, i);
    assert_true(pid > 0);
    return pid;
}

static int finish(pid_t *pid, int signum)
{
    int status = 0;

    if (*pid <= 0)
        return 0;
    (void)kill(*pid, signum);
    assert_int_equal(waitpid(*pid, &status, 0), *pid);
    *pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void expcfix_expc_start(struct expcfix *f)
{
    f->expc = start(f, "expc", 0);
}

int expcfix_expc_stop(struct expcfix *f, int signum)
{
    return finish(&f->expc, signum);
}

void expcfix_bridge_start(struct expcfix *f, unsigned i)
{
    f->bridge[i - 1] = start(f, "webbridge", i - 1);
}

void expcfix_bridge_stop(struct expcfix *f, unsigned i, int signum)
{
    (void)finish(&f->bridge[i - 1], signum);
}

static struct testedge_opts edge_opts(const struct expcfix *f)
{
    return (struct testedge_opts){ .loop = busfix_loop(f->conf.bus_fix),
                                   .cert_pem = f->edge.cert_pem, .key_pem = f->edge.key_pem,
                                   .peer_ca_pem = f->ca.cert_pem,
                                   .peer_name = "vcsc.octavio.local", .user = user,
                                   .password = password };
}

struct testedge *expcfix_second_edge(struct expcfix *f)
{
    struct testedge_opts o = edge_opts(f);

    o.ip = "127.0.0.2";
    o.port = f->edge_port;
    return testedge_new(&o);
}

void expcfix_edge_start(struct expcfix *f, const char *other_password, const char *denied)
{
    struct testedge_opts o = edge_opts(f);

    if (other_password)
        o.password = other_password;
    o.denied = denied;
    o.port = f->edge_port;
    testedge_free(&f->test_edge);
    f->test_edge = testedge_new(&o);
    f->edge_port = testedge_port(f->test_edge);
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void show_logs(const struct expcfix *f)
{
    char *command = str_printf("tail -n 40 %s/log/*.err >&2", f->dir);

    (void)!system(command);
    free(command);
}

void expcfix_until(struct expcfix *f, bool (*done)(void *arg), void *arg)
{
    if (busfix_run_until(f->conf.bus_fix, done, arg, PATIENCE_MS))
        return;
    show_logs(f);
    fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

enum bus_code expcfix_ask(struct expcfix *f, const ProtobufCMessage *body,
                          ProtobufCMessage **reply)
{
    const struct bus_dst dst = { .role = "expc" };
    int64_t end_ms = loop_now_ms() + PATIENCE_MS;
    enum bus_code code;

    do {
        code = busfix_ask(f->conf.bus_fix, f->conf.admin, &dst, body, reply);
        if (code == BUS_UNAVAILABLE)
            busfix_run_for(f->conf.bus_fix, POLL_MS);
    } while ((code == BUS_UNAVAILABLE || code == BUS_DEADLINE) && loop_now_ms() < end_ms);
    return code;
}

Stoa__Zone__V1__ZoneStatusReply *expcfix_status(struct expcfix *f)
{
    const Stoa__Zone__V1__ZoneStatusRequest req = STOA__ZONE__V1__ZONE_STATUS_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;

    return expcfix_ask(f, &req.base, &reply) == BUS_OK ? (void *)reply : NULL;
}

struct wanted {
    struct expcfix *f;
    const char *text; /* domain, fault or words of a log */
    size_t n;
    bool there;
};

static bool shows_active(const Stoa__Zone__V1__ZoneStatusReply *r, const char *domain)
{
    if (!domain)
        return r->n_zones == 1 && str_eq(r->zones[0]->state, "Active");
    for (size_t i = 0; i < r->n_tunnels; i++)
        if (str_eq(r->tunnels[i]->domain, domain))
            return str_eq(r->tunnels[i]->state, "Active");
    return false;
}

static bool is_active(void *arg)
{
    const struct wanted *w = arg;
    Stoa__Zone__V1__ZoneStatusReply *r;
    bool ok;

    if (!testedge_active(w->f->test_edge, w->text))
        return false;
    r = expcfix_status(w->f);
    ok = r && shows_active(r, w->text);
    bus_msg_free((ProtobufCMessage **)&r);
    return ok;
}

void expcfix_active(struct expcfix *f, const char *domain)
{
    struct wanted w = { .f = f, .text = domain };

    expcfix_until(f, is_active, &w);
}

static bool are_healthy(void *arg)
{
    const struct wanted *w = arg;
    Stoa__Zone__V1__ZoneStatusReply *r = expcfix_status(w->f);
    size_t n = 0;

    for (size_t i = 0; r && i < r->n_targets; i++)
        n += r->targets[i]->healthy ? 1 : 0;
    bus_msg_free((ProtobufCMessage **)&r);
    return n == w->n;
}

void expcfix_healthy(struct expcfix *f, size_t n)
{
    struct wanted w = { .f = f, .n = n };

    expcfix_until(f, are_healthy, &w);
}

static bool fault_is(void *arg)
{
    const struct wanted *w = arg;
    char *path = str_printf("%s/run/expc-1.sock", w->f->dir), *body = NULL;
    int status = daemon_client_get(path, "/status", ASK_MS, &body);
    bool found = status == 200 && strstr(body, w->text) != NULL;

    free(path);
    free(body);
    return status == 200 && found == w->there;
}

void expcfix_fault(struct expcfix *f, const char *text, bool there)
{
    struct wanted w = { .f = f, .text = text, .there = there };

    expcfix_until(f, fault_is, &w);
}

static bool was_logged(void *arg)
{
    return system(arg) == 0;
}

void expcfix_log(struct expcfix *f, const char *daemon, const char *text)
{
    char *command = str_printf("grep -q -- '%s' %s/log/%s.jsonl", text, f->dir, daemon);

    expcfix_until(f, was_logged, command);
    free(command);
}

/* --- pages ------------------------------------------------------------------------------------ */

static bool has_answered(void *arg)
{
    const struct edgestream *s = arg;

    return s->status != 0 || s->ended;
}

static bool has_ended(void *arg)
{
    const struct edgestream *s = arg;

    return s->ended || s->eof;
}

int expcfix_get(struct expcfix *f, const char *host, struct str *body)
{
    return expcfix_get_by(f, JOIN_NAME, host ? host : JOIN_NAME, body);
}

int expcfix_get_by(struct expcfix *f, const char *name, const char *host, struct str *body)
{
    struct edgestream s = { 0 };
    char *request = str_printf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    int status, err = edgestream_open(&s, f->test_edge, name, name);

    assert_int_equal(err, 0);
    expcfix_until(f, has_answered, &s);
    status = s.status;
    if (status == 200) {
        edgestream_write(&s, request);
        expcfix_until(f, has_ended, &s);
        str_add(&s.in, "");
        if (sscanf(s.in.s, "HTTP/1.1 %d", &status) != 1)
            fail_msg("no answer of a web bridge: \"%s\", err=%d", s.in.s, s.err);
    }
    if (body)
        str_add(body, s.status == 200 ? s.in.s : s.reason);
    edgestream_close(&s);
    free(request);
    return status;
}

static bool has_welcome(void *arg)
{
    const struct edgestream *s = arg;

    /* frames have zeros in them */
    return s->ended || (s->in.len && memmem(s->in.s, s->in.len, "joinAvailable", 13));
}

void expcfix_websocket(struct expcfix *f, struct edgestream *s)
{
    assert_int_equal(edgestream_open(s, f->test_edge, JOIN_NAME, JOIN_NAME), 0);
    expcfix_until(f, has_answered, s);
    assert_int_equal(s->status, 200);
    edgestream_write(s, "GET /ws HTTP/1.1\r\nHost: " JOIN_NAME "\r\n"
                        "Origin: https://" JOIN_NAME "\r\n"
                        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        "Sec-WebSocket-Protocol: stoa.guest.v1\r\n\r\n");
    expcfix_until(f, has_welcome, s);
    assert_false(s->ended);
    assert_true(str_starts(s->in.s, "HTTP/1.1 101"));
}

/* --- life ------------------------------------------------------------------------------------- */

void expcfix_open(struct expcfix *f)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < EXPCFIX_BRIDGES; i++) {
        f->https[i] = free_port();
        f->proxy[i] = free_port();
    }
    confix_open(&f->conf);
    f->dir = str_dup(busfix_dir(f->conf.bus_fix));
    f->web = str_printf("%s/web", f->dir);
    make_dirs(f);
    make_page(f);
    make_certs(f);
    expcfix_edge_start(f, NULL, NULL);
    configure(f);
    expcfix_bridge_start(f, 1);
}

int expcfix_tear_down(void **state)
{
    struct expcfix *f = *state;

    (void)finish(&f->expc, SIGTERM);
    for (size_t i = 0; i < EXPCFIX_BRIDGES; i++)
        (void)finish(&f->bridge[i], SIGTERM);
    testedge_free(&f->test_edge);
    confix_close(&f->conf);
    pki_pair_fini(&f->ca);
    pki_pair_fini(&f->edge_ca);
    pki_pair_fini(&f->edge);
    free(f->dir);
    free(f->web);
    return 0;
}
