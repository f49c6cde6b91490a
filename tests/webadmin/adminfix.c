/* SPDX-License-Identifier: Apache-2.0
 * Children, users and requests. */
#include "adminfix.h"

#include <arpa/inet.h>
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

#include <curl/curl.h>

#include <loop/clock.h>
#include <pki/file.h>

#include "cm.h"

enum { PATIENCE_MS = 20000, CALL_MS = 30000 };

/* --- children --------------------------------------------------------------------------------- */

static uint16_t free_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* What children need to find the site; in the child alone. */
static void set_env(const struct adminfix *f)
{
    char port[8];

    snprintf(port, sizeof(port), "%u", f->port);
    setenv("STOA_STATE", busfix_dir(f->config.bus_fix), 1);
    setenv("STOA_SITE", "inside", 1);
    setenv("STOA_BUS", busfix_endpoint(f->config.bus_fix), 1);
    setenv("STOA_KEYS", busfix_keys(f->config.bus_fix), 1);
    setenv("STOA_LISTEN", "127.0.0.1", 1);
    setenv("STOA_PORT_ADMIN", port, 1);
}

int adminfix_stop(struct adminfix *f, int signum)
{
    int status = 0;

    if (f->pid == 0)
        return 0;
    kill(f->pid, signum);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    f->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int adminfix_connect(const struct adminfix *f)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(f->port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void show_log(const struct adminfix *f)
{
    char text[4096];
    FILE *log = fopen(f->log, "r");
    size_t n;

    while (log && (n = fread(text, 1, sizeof(text), log)) > 0)
        (void)fwrite(text, 1, n, stderr);
    if (log)
        fclose(log);
}

/* The users are known: webadmin has its copy of the configuration. */
static bool is_ready(void *arg)
{
    static const char *const users[] = { ADMIN, API, AUDIT };
    struct adminfix *f = arg;
    bool ok = true;

    for (size_t i = 0; ok && i < ARRAY_LEN(users); i++) {
        struct call c = { .path = V1 "/tenants", .user = users[i] };

        adminfix_call(f, &c);
        ok = c.status == 200;
        call_fini(&c);
    }
    return ok;
}

void adminfix_start(struct adminfix *f)
{
    f->pid = fork();
    if (f->pid == 0) {
        int fd = open(f->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left when a test crashes */
        dup2(fd, 2);
        set_env(f);
        execl(STOA_WEBADMIN, STOA_WEBADMIN, (char *)NULL);
        _exit(127);
    }
    if (busfix_run_until(f->config.bus_fix, is_ready, f, PATIENCE_MS))
        return;
    show_log(f);
    fail_msg("webadmin did not become ready");
}

int adminfix_stoa(struct adminfix *f, const char *args, const char *input, const char **out)
{
    static char text[1 << 14];
    char *command = str_printf("printf '%%s\\n' '%s' | STOA_STATE=%s STOA_BUS=%s STOA_KEYS=%s %s "
                               "%s 2>&1", input ? input : "", busfix_dir(f->config.bus_fix),
                               busfix_endpoint(f->config.bus_fix),
                               busfix_keys(f->config.bus_fix), STOA_STOA, args);
    FILE *p = popen(command, "r");
    size_t n = fread(text, 1, sizeof(text) - 1, p);
    int status = pclose(p);

    text[n] = '\0';
    free(command);
    *out = text;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void adminfix_cert(struct adminfix *f)
{
    static const char *const names[] = { "localhost", "127.0.0.1" };
    struct pki_opts o = { .names = names, .name_count = 2, .days = 365, .now_s = time(NULL) };
    struct pki_pair pair = { 0 };
    char *key = str_printf("%s/pki/webadmin.key", busfix_dir(f->config.bus_fix));

    assert_int_equal(pki_self_signed(&pair, &o, NULL), 0);
    assert_int_equal(pki_file_store_cert(f->cert, pair.cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key, pair.key_pem, NULL), 0);
    pki_pair_fini(&pair);
    free(key);
}

static void add_users(struct adminfix *f)
{
    static const struct {
        const char *user, *role;
    } users[] = { { ADMIN, "admin" }, { API, "api" }, { AUDIT, "audit" } };

    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        const char *out, *colon = strchr(users[i].user, ':');
        char *args = str_printf("user add %.*s %s --password-file -",
                                (int)(colon - users[i].user), users[i].user, users[i].role);

        if (adminfix_stoa(f, args, colon + 1, &out) != 0)
            fail_msg("stoa %s: %s", args, out);
        free(args);
    }
}

void adminfix_open(struct adminfix *f)
{
    struct confix_answer a;
    char *pki;

    *f = (struct adminfix){ .port = free_port() };
    signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    confix_open(&f->config);
    confix_set(&f->config, "settings", "settings", CONFIX_FIELDS("userSignIn", "true"), &a);
    pki = str_printf("%s/pki", busfix_dir(f->config.bus_fix));
    assert_int_equal(mkdir(pki, 0700), 0);
    free(pki);
    f->cert = str_printf("%s/pki/webadmin.crt", busfix_dir(f->config.bus_fix));
    f->log = str_printf("%s/webadmin.log", busfix_dir(f->config.bus_fix));
    adminfix_cert(f);
    add_users(f);
    adminfix_start(f);
}

void adminfix_close(struct adminfix *f)
{
    int code = adminfix_stop(f, SIGTERM);

    if (code != 0 || getenv("ADMINFIX_LOG"))
        show_log(f);
    confix_close(&f->config);
    free(f->cert);
    free(f->log);
    curl_global_cleanup();
    assert_int_equal(code, 0); /* the sanitizers have nothing to say either */
}

/* --- requests --------------------------------------------------------------------------------- */

static size_t keep(char *data, size_t size, size_t n, void *arg)
{
    str_addn(arg, data, size * n);
    return size * n;
}

static void set_up(const struct adminfix *f, CURL *h, struct call *c, struct curl_slist *headers)
{
    char *url = str_printf("https://localhost:%u%s", f->port, c->path);

    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(h, CURLOPT_CAINFO, f->cert);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, &c->body);
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, &c->head);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)CALL_MS);
    curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
    if (c->user)
        curl_easy_setopt(h, CURLOPT_USERPWD, c->user);
    if (c->form)
        curl_easy_setopt(h, CURLOPT_POSTFIELDS, c->form);
    if (str_eq(c->method, "HEAD"))
        curl_easy_setopt(h, CURLOPT_NOBODY, 1L);
    else if (c->method)
        curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, c->method);
    free(url);
}

/* The loop turns meanwhile: the test's own ends of the bus live in it. */
void adminfix_call(struct adminfix *f, struct call *c)
{
    struct curl_slist *headers = NULL;
    CURLM *many = curl_multi_init();
    CURL *h = curl_easy_init();
    int64_t begin_ms = loop_now_ms();
    int running = 1;

    for (size_t i = 0; i < ARRAY_LEN(c->headers) && c->headers[i]; i++)
        headers = curl_slist_append(headers, c->headers[i]);
    set_up(f, h, c, headers);
    curl_multi_add_handle(many, h);
    while (running) {
        (void)curl_multi_perform(many, &running);
        if (running)
            (void)curl_multi_poll(many, NULL, 0, 5, NULL);
        (void)uv_run(busfix_loop(f->config.bus_fix), UV_RUN_NOWAIT);
    }
    c->took_ms = loop_now_ms() - begin_ms;
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &c->status);
    curl_multi_remove_handle(many, h);
    curl_easy_cleanup(h);
    curl_multi_cleanup(many);
    curl_slist_free_all(headers);
    str_add(&c->head, "");
    str_add(&c->body, "");
}

void call_fini(struct call *c)
{
    str_fini(&c->head);
    str_fini(&c->body);
}

const char *call_field(const struct call *c, const char *name)
{
    static char value[512];
    char *key = str_printf("\n%s: ", name);
    const char *at = strcasestr(c->head.s, key);

    value[0] = '\0';
    if (at) {
        at += strlen(key);
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r\n"), at);
    }
    free(key);
    return value;
}

void adminfix_expect(struct adminfix *f, struct call c, long status, const char *body)
{
    adminfix_call(f, &c);
    if (c.status != status || (body && !str_eq(c.body.s, body)))
        fail_msg("%s %s: status %ld instead of %ld, body:\n%s\ninstead of:\n%s",
                 c.method ? c.method : c.form ? "POST" : "GET", c.path, c.status, status, c.body.s,
                 body ? body : "(any)");
    call_fini(&c);
}

void adminfix_add(struct adminfix *f, const char *collection, const char *form, char id[64])
{
    char *path = str_printf(V1 "/%s", collection);
    struct call c = { .path = path, .form = form, .user = ADMIN };
    const char *slash;

    adminfix_call(f, &c);
    if (c.status != 200)
        fail_msg("POST %s: status %ld, %s", path, c.status, c.body.s);
    slash = strrchr(call_field(&c, "Location"), '/');
    assert_non_null(slash);
    snprintf(id, 64, "%s", slash + 1);
    call_fini(&c);
    free(path);
}
