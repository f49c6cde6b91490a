/* SPDX-License-Identifier: Apache-2.0 */
#include "expefix.h"

#include <arpa/inet.h>
#include <errno.h>
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

#include <base/str.h>
#include <daemon/client.h>
#include <evp/rand.h>
#include <loop/clock.h>
#include <pki/file.h>
#include <scram/scram.h>

enum { WAIT_MS = 30000, ANSWER_MS = 2000, POLL_MS = 20 };

/* Offsets of deploy/ports that are used, and that must be free. */
static const uint16_t used[] = { EXPEFIX_HTTPS, EXPEFIX_HTTP, EXPEFIX_ZONE_PORT, 250, 290, 291 };

static void give_up(struct expefix *f, const char *what)
{
    char *log = expefix_log(f);

    (void)fprintf(stderr, "expefix: %s\n%s\n%s\n", what, log, confix_log(&f->conf));
    abort();
}

static bool is_free(uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
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

        for (size_t i = 0; ok && i < ARRAY_LEN(used); i++)
            ok = is_free((uint16_t)(base + used[i]));
        if (ok)
            return base;
    }
}

/* --- certificates ----------------------------------------------------------------------------- */

static struct pki_pair make_ca(const char *cn)
{
    const struct pki_opts opts = { .cn = cn, .now_s = time(NULL) };
    struct pki_pair ca = { 0 };

    if (pki_ca_new(&ca, &opts, NULL))
        abort();
    return ca;
}

static struct pki_pair make_leaf(const struct pki_pair *ca, const char *const *names, size_t n)
{
    const struct pki_opts opts = { .names = names, .name_count = n, .now_s = time(NULL) };
    struct pki_pair leaf = { 0 };

    if (pki_issue(&leaf, ca, &opts, NULL))
        abort();
    return leaf;
}

void expefix_certificate(struct expefix *f, const char *file, const char *const *names, size_t n)
{
    struct pki_pair leaf = make_leaf(&f->edge_ca, names, n);
    char *cert = str_printf("%s/pki/%s.crt", busfix_dir(f->conf.bus_fix), file);
    char *key = str_printf("%s/pki/%s.key", busfix_dir(f->conf.bus_fix), file);

    if (pki_file_store_key(key, leaf.key_pem, NULL) ||
        pki_file_store_cert(cert, leaf.cert_pem, NULL))
        abort();
    free(cert);
    free(key);
    pki_pair_fini(&leaf);
}

static void make_certificates(struct expefix *f)
{
    static const char *const front[] = { EXPEFIX_NAME, "localhost" };
    static const char *const other[] = { EXPEFIX_OTHER };
    static const char *const zone[] = { EXPEFIX_EDGE }, *const expc[] = { EXPEFIX_EXPC };
    char *dir = str_printf("%s/pki", busfix_dir(f->conf.bus_fix));

    if (mkdir(dir, 0700) && errno != EEXIST)
        abort();
    free(dir);
    f->edge_ca = make_ca("Edge CA");
    f->inside_ca = make_ca("Inside CA");
    f->foreign_ca = make_ca("Foreign CA");
    expefix_certificate(f, "expe", front, ARRAY_LEN(front));
    expefix_certificate(f, "other", other, ARRAY_LEN(other));
    expefix_certificate(f, "zone", zone, ARRAY_LEN(zone));
    f->expc = make_leaf(&f->inside_ca, expc, ARRAY_LEN(expc));
}

/* --- configuration ---------------------------------------------------------------------------- */

static void must(struct expefix *f, const struct confix_answer *a)
{
    if (a->code == BUS_OK && !a->problem[0])
        return;
    (void)fprintf(stderr, "expefix: config says %s %s\n", a->problem, a->text);
    give_up(f, "config refuses");
}

void expefix_set(struct expefix *f, const char *kind, const char *id, const char *const *pairs)
{
    struct confix_answer a;

    confix_set(&f->conf, kind, id, pairs, &a);
    must(f, &a);
}

void expefix_add(struct expefix *f, const char *kind, const char *const *pairs)
{
    struct confix_answer a;

    confix_add(&f->conf, kind, pairs, &a);
    must(f, &a);
    if (str_eq(kind, "zoneServer") && !f->zone)
        f->zone = str_dup(a.id);
}

static void configure(struct expefix *f)
{
    struct scram_verifier v;
    char *verifier;

    expefix_add(f, "externalName", CONFIX_FIELDS("name", EXPEFIX_NAME));
    expefix_add(f, "externalName", CONFIX_FIELDS("name", EXPEFIX_OTHER, "certificateFile",
                                                 "other.crt", "keyFile", "other.key"));
    expefix_add(f, "tunnelDomain", CONFIX_FIELDS("domain", "octavio.com"));
    scram_verifier_make(&v, SCRAM_SHA_256, EXPEFIX_PASSWORD, SCRAM_ITERATIONS);
    verifier = scram_verifier_print(&v);
    expefix_add(f, "zoneUser", CONFIX_FIELDS("name", EXPEFIX_USER, "verifier", verifier));
    free(verifier);
    expefix_add(f, "zoneServer",
                CONFIX_FIELDS("name", EXPEFIX_ZONE, "username", EXPEFIX_USER, "subjectNames",
                              EXPEFIX_EXPC, "peerCa", f->inside_ca.cert_pem));
    expefix_set(f, "edge", "edge",
                CONFIX_FIELDS("sourceRate", "100000", "sourceConnectionLimit", "1000"));
}

/* --- the process ------------------------------------------------------------------------------ */

static char *log_path(const struct expefix *f)
{
    return str_printf("%s/expe.log", busfix_dir(f->conf.bus_fix));
}

static void child(struct expefix *f, const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when a test crashes */
    dup2(fd, 2);
    /* Freed memory that is kept aside would be counted in a test of memory. */
    setenv("ASAN_OPTIONS", "quarantine_size_mb=1:thread_local_quarantine_size_kb=64", 1);
    setenv("STOA_STATE", busfix_dir(f->conf.bus_fix), 1);
    setenv("STOA_SITE", "edge", 1);
    setenv("STOA_BUS", busfix_endpoint(f->conf.bus_fix), 1);
    setenv("STOA_KEYS", busfix_keys(f->conf.bus_fix), 1);
    setenv("STOA_LISTEN", "127.0.0.1", 1);
    execl(STOA_EXPE, STOA_EXPE, (char *)NULL);
    _exit(127);
}

static int get(const struct expefix *f, const char *target, char **body)
{
    char *path = str_printf("%s/run/expe-1.sock", busfix_dir(f->conf.bus_fix));
    int status = daemon_client_get(path, target, ANSWER_MS, body);

    free(path);
    return status;
}

void expefix_wait_ready(struct expefix *f)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;

    while (loop_now_ms() < end_ms) {
        char *body = NULL;
        int status = get(f, "/health", &body);

        free(body);
        if (status == 200)
            return;
        busfix_run_for(f->conf.bus_fix, POLL_MS);
    }
    give_up(f, "expe does not become ready");
}

void expefix_start(struct expefix *f)
{
    char *log = log_path(f);

    f->pid = fork();
    if (f->pid == 0)
        child(f, log);
    free(log);
}

int expefix_stop(struct expefix *f, int signum)
{
    int status;

    if (!f->pid)
        return 0;
    (void)kill(f->pid, signum);
    if (waitpid(f->pid, &status, 0) != f->pid)
        abort();
    f->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void expefix_open(struct expefix *f)
{
    char base[8];

    memset(f, 0, sizeof(*f));
    (void)signal(SIGPIPE, SIG_IGN);
    f->base = free_base();
    (void)snprintf(base, sizeof(base), "%u", f->base);
    (void)setenv("STOA_PORT_BASE", base, 1);
    confix_open_site(&f->conf, "edge");
    make_certificates(f);
    configure(f);
    expefix_start(f);
    expefix_wait_ready(f);
}

void expefix_close(struct expefix *f)
{
    int code = expefix_stop(f, SIGTERM);

    if (code != 0) { /* a sanitizer has found something */
        char *log = expefix_log(f);

        (void)fprintf(stderr, "expefix: expe ended with %d\n%s\n", code, log);
        abort();
    }
    confix_close(&f->conf);
    pki_pair_fini(&f->edge_ca);
    pki_pair_fini(&f->inside_ca);
    pki_pair_fini(&f->foreign_ca);
    pki_pair_fini(&f->expc);
    free(f->zone);
}

/* --- what it says ----------------------------------------------------------------------------- */

double expefix_metric(struct expefix *f, const char *name)
{
    size_t len = strlen(name);
    char *text = NULL, *at;
    double value = -1;

    (void)get(f, "/metrics", &text);
    for (at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
        if (strncmp(at, name, len) == 0 && at[len] == ' ') {
            value = strtod(at + len, NULL);
            break;
        }
    }
    free(text);
    return value;
}

bool expefix_wait_metric(struct expefix *f, const char *name, double value)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;

    while (loop_now_ms() < end_ms) {
        if ((long)expefix_metric(f, name) == (long)value)
            return true;
        busfix_run_for(f->conf.bus_fix, POLL_MS);
    }
    return false;
}

char *expefix_log(struct expefix *f)
{
    char *path = log_path(f), chunk[4096];
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

char *expefix_status(struct expefix *f)
{
    char *body = NULL;

    (void)get(f, "/status", &body);
    return body ? body : str_dup("");
}

static bool wait_text(struct expefix *f, char *(*read)(struct expefix *f), const char *text,
                      bool there)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;

    while (loop_now_ms() < end_ms) {
        char *now = read(f);
        bool found = strstr(now, text) != NULL;

        free(now);
        if (found == there)
            return true;
        busfix_run_for(f->conf.bus_fix, POLL_MS);
    }
    return false;
}

bool expefix_wait_log(struct expefix *f, const char *text)
{
    return wait_text(f, expefix_log, text, true);
}

bool expefix_wait_status(struct expefix *f, const char *text, bool there)
{
    return wait_text(f, expefix_status, text, there);
}

long expefix_rss_kib(const struct expefix *f)
{
    char *path = str_printf("/proc/%d/status", (int)f->pid), line[256];
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

/* --- the loop --------------------------------------------------------------------------------- */

uint16_t expefix_port(const struct expefix *f, unsigned offset)
{
    return (uint16_t)(f->base + offset);
}

int expefix_connect(const struct expefix *f, unsigned offset)
{
    return expefix_connect_from(f, offset, NULL);
}

int expefix_connect_from(const struct expefix *f, unsigned offset, const char *from)
{
    struct sockaddr_in own = { .sin_family = AF_INET };
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(expefix_port(f, offset)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    own.sin_addr.s_addr = from ? inet_addr(from) : htonl(INADDR_ANY);
    if (fd < 0 || (from && bind(fd, (struct sockaddr *)&own, sizeof(own))) ||
        connect(fd, (struct sockaddr *)&a, sizeof(a)) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
        (void)fprintf(stderr, "expefix: cannot connect to port %u: %s\n",
                      expefix_port(f, offset), strerror(errno));
        abort();
    }
    return fd;
}

bool expefix_until(struct expefix *f, bool (*done)(void *arg), void *arg)
{
    return busfix_run_until(f->conf.bus_fix, done, arg, WAIT_MS);
}

uv_loop_t *expefix_loop(struct expefix *f)
{
    return busfix_loop(f->conf.bus_fix);
}

int expefix_setup(void **state)
{
    struct expefix *f = calloc(1, sizeof(*f));

    expefix_open(f);
    *state = f;
    return 0;
}

int expefix_settle(void **state)
{
    bool gone = expefix_wait_metric(*state, "stoa_expe_links", 0) &&
                expefix_wait_metric(*state, "stoa_expe_connections", 0);

    return gone ? 0 : -1;
}

int expefix_teardown(void **state)
{
    expefix_close(*state);
    free(*state);
    return 0;
}
