/* SPDX-License-Identifier: Apache-2.0
 * webbridge. What is set here is a setting of the site, which the running web bridges follow; each
 * verb waits until they have. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/addr.h>
#include <pki/file.h>

#include "cert.h"
#include "daemons.h"
#include "mmp.h"
#include "network.h"
#include "settings.h"

static const char fault_listen[] = "webBridgeListen";

/* --- following -------------------------------------------------------------------------------- */

/* What is waited for: true when this web bridge has done it. */
typedef bool (*followed_fn)(const Stoa__Admin__V1__Status *s, const void *arg);

struct following {
    struct mmp *m;
    followed_fn fn;
    const void *arg;
};

static bool listens(const Stoa__Admin__V1__Status *s, const char *port)
{
    for (size_t i = 0; i < s->n_listeners; i++)
        if (str_eq(s->listeners[i]->port, port))
            return true;
    return false;
}

static bool has_https(const Stoa__Admin__V1__Status *s, const void *arg)
{
    return listens(s, "https") == *(const bool *)arg;
}

static bool has_http(const Stoa__Admin__V1__Status *s, const void *arg)
{
    return listens(s, "http") == *(const bool *)arg;
}

static enum daemons_verdict judge(const Stoa__Admin__V1__Status *s, void *arg)
{
    const struct following *f = arg;
    const char *fault = daemons_fault(s, fault_listen);

    if (f->fn(s, f->arg))
        return DAEMONS_DONE;
    if (!fault)
        return DAEMONS_NOT_YET;
    said_failure(&f->m->said, "%s", fault);
    return DAEMONS_REFUSED;
}

static int follow(struct mmp *m, followed_fn fn, const void *arg)
{
    struct following f = { m, fn, arg };
    int err = daemons_wait(m->ask, "webbridge", false, judge, &f);

    if (err == -ESRCH)
        said_warning(&m->said, "webbridge does not run; it follows when it starts");
    else if (err == -ETIMEDOUT)
        said_failure(&m->said, "the web bridge does not follow; see 'stoa status'");
    return err && err != -ESRCH ? STOA_FAILED : STOA_OK;
}

/* Sets, waits, and sets back what was there when a web bridge cannot follow. */
static int change(struct mmp *m, const char *name, const char *value, followed_fn fn,
                  const void *arg)
{
    struct str why = { 0 };
    char *before = NULL;
    int code = STOA_OK;

    if (settings_get(m->ask, &name, &before, 1, &why) != 0 ||
        settings_set(m->ask, name, value, &why) != 0)
        code = said_failure(&m->said, "%s", why.s);
    else if (fn)
        code = follow(m, fn, arg);
    if (code != STOA_OK && fn && why.len == 0 &&
        settings_set(m->ask, name, before ? before : "", &why) == 0)
        said_warning(&m->said, "the setting is what it was before");
    free(before);
    str_fini(&why);
    return code;
}

/* --- showing ---------------------------------------------------------------------------------- */

static const char *const shown[] = { "webBridgeEnabled", "webBridgeListen",
                                     "webBridgeHttpRedirect" };

/* "192.0.2.1:443 *:8443" of the setting, or of how the site was started. Owner: the caller. */
static char *whitelist(const struct mmp *m, const char *setting)
{
    struct conf *conf = network_conf(m->ctx);
    struct str out = { 0 };
    char *one;

    if (conf && !setting)
        str_addf(&out, "%s:%u", conf_listen(conf, "https"), conf_port(conf, "https"));
    for (; conf && (one = str_next(&setting)) != NULL; free(one)) {
        const char *any = str_starts(one, "[::]:") ? one + 4 : NULL;
        struct addr a;

        str_addf(&out, "%s%s%s", out.len ? " " : "", any ? "*" : "", any ? any : one);
        if (addr_parse(&a, one) != 0)
            str_addf(&out, ":%u", conf_port(conf, "https"));
    }
    conf_free(conf);
    return str_take(&out);
}

int mmp_webbridge(struct mmp *m, int argc, char **argv)
{
    char *values[ARRAY_LEN(shown)];
    struct str why = { 0 };

    (void)argc;
    (void)argv;
    if (!mmp_ask(m))
        return STOA_FAILED;
    if (settings_get(m->ask, shown, values, ARRAY_LEN(shown), &why) != 0) {
        said_failure(&m->said, "%s", why.s);
        str_fini(&why);
        return STOA_FAILED;
    }
    struct mmp_label rows[] = {
        { "Enabled", str_dup(str_eq(values[0], "false") ? "false" : "true") },
        { "Interface whitelist", whitelist(m, values[1]) },
        { "Key file", mmp_file_label(m, "webbridge.key") },
        { "Certificate file", mmp_file_label(m, "webbridge.crt") },
        { "CA Bundle file", mmp_file_label(m, "webbridge.bundle") },
        { "Trust bundle", mmp_file_label(m, "webbridge.trust") },
        { "HTTP redirect", str_dup(str_eq(values[2], "false") ? "Disabled" : "Enabled") },
        { "Clickonce URL", NULL }, /* there is nothing to install, on any system */
        { "MSI download URL", NULL },
        { "DMG download URL", NULL },
        { "iOS download URL", NULL },
    };

    mmp_show(m, rows, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(shown); i++)
        free(values[i]);
    return STOA_OK;
}

/* --- enable, disable, redirect ---------------------------------------------------------------- */

/* The guide's first two lines, and what else is worth knowing before guests do. */
static int check_installed(struct mmp *m)
{
    char *key = cert_path(m->ctx, "webbridge", "key"), *crt = cert_path(m->ctx, "webbridge", "crt");
    char *bundle = cert_path(m->ctx, "webbridge", "bundle");
    struct cert_job job = { .ctx = m->ctx, .role = "webbridge", .key = key, .cert = crt,
                            .bundle = access(bundle, F_OK) == 0 ? bundle : NULL, .force = true,
                            .said = &m->said };
    struct cert_texts t = { 0 };
    int code = cert_check(&job, m->ask, &t);

    cert_texts_fini(&t);
    free(key);
    free(crt);
    free(bundle);
    return code;
}

int mmp_webbridge_enable(struct mmp *m, int argc, char **argv)
{
    const bool on = true;
    int code = mmp_ask(m) ? check_installed(m) : STOA_FAILED;

    (void)argc;
    (void)argv;
    if (code == STOA_OK)
        code = change(m, "webBridgeEnabled", "true", has_https, &on);
    if (code == STOA_OK)
        said_success(&m->said, "Webbridge enabled");
    return code;
}

int mmp_webbridge_disable(struct mmp *m, int argc, char **argv)
{
    const bool on = false;
    int code = STOA_FAILED;

    (void)argc;
    (void)argv;
    if (mmp_ask(m))
        code = change(m, "webBridgeEnabled", "false", has_https, &on);
    if (code == STOA_OK)
        said_success(&m->said, "Webbridge disabled");
    return code;
}

static bool is_enabled(struct mmp *m)
{
    struct str why = { 0 };
    char *value = NULL;
    bool enabled = settings_get(m->ask, shown, &value, 1, &why) != 0 || !str_eq(value, "false");

    free(value);
    str_fini(&why);
    return enabled;
}

int mmp_webbridge_redirect(struct mmp *m, int argc, char **argv)
{
    bool on = str_eq(argv[0], "enable");
    struct conf *conf;
    uint16_t port;
    int code;

    (void)argc;
    if (!on && !str_eq(argv[0], "disable")) {
        fprintf(stderr, "Usage: webbridge http-redirect enable|disable\n");
        return STOA_USAGE;
    }
    conf = network_conf(m->ctx);
    port = conf ? conf_port(conf, "http") : 0;
    conf_free(conf);
    if (on && port == 0)
        return said_failure(&m->said, "the port for HTTP is switched off (STOA_PORT_HTTP=0); start "
                                      "the site with another one");
    if (!mmp_ask(m))
        return STOA_FAILED;
    /* A disabled web bridge listens for nothing, whatever this says. */
    code = change(m, "webBridgeHttpRedirect", on ? "true" : "false",
                  is_enabled(m) ? has_http : NULL, &on);
    if (code == STOA_OK)
        said_success(&m->said, "HTTP redirect %s", on ? "enabled" : "disabled");
    return code;
}

/* --- listen ----------------------------------------------------------------------------------- */

/* What web bridge number 1 listens on with this value: "*:8443" or "192.0.2.1:443" each. */
struct expected {
    struct {
        struct addr addr;
        bool any;
    } at[16];
    size_t n;
};

/* The addresses of other machines are theirs to open. */
static bool is_here(const struct addr *a)
{
    struct sockaddr_storage ss;
    struct addr here = *a;
    int fd = -1, ok;

    if (addr_is_any(a))
        return true;
    here.port = 0;
    fd = socket(a->family == ADDR_V6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ok = fd >= 0 && bind(fd, (struct sockaddr *)&ss, addr_to_sockaddr(&here, &ss)) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static void expect(struct expected *e, const char *ip_or_any, uint16_t port)
{
    struct addr a;
    bool any = str_eq(ip_or_any, "*");

    if (e->n == ARRAY_LEN(e->at) ||
        (addr_parse(&a, ip_or_any) != 0 && addr_parse_ip(&a, any ? "::" : ip_or_any, port) != 0) ||
        !is_here(&a))
        return;
    e->at[e->n].any = any || (a.family == ADDR_V6 && addr_is_any(&a));
    e->at[e->n++].addr = a;
}

static void expect_value(struct mmp *m, struct expected *e, const char *value)
{
    struct conf *conf = network_conf(m->ctx);
    char *one;

    *e = (struct expected){ .n = 0 };
    if (conf && str_empty(value))
        expect(e, conf_listen(conf, "https"), conf_port(conf, "https"));
    for (; conf && (one = str_next(&value)) != NULL; free(one))
        expect(e, one, conf_port(conf, "https"));
    conf_free(conf);
}

/* True when the web bridge listens on all of them; a second one of a machine keeps its distance. */
static bool has_addresses(const Stoa__Admin__V1__Status *s, const void *arg)
{
    unsigned distance = conf_port_row("https")->step * ((s->number ? s->number : 1) - 1);
    const struct expected *e = arg;

    for (size_t i = 0; i < e->n; i++) {
        struct addr a = e->at[i].addr;
        char text[ADDR_TEXT_MAX + 8];
        bool found = false;

        a.port = (uint16_t)(a.port + distance);
        if (e->at[i].any)
            snprintf(text, sizeof(text), "*:%u", a.port);
        else
            addr_print(&a, text);
        for (size_t k = 0; k < s->n_listeners && !found; k++)
            found = str_eq(s->listeners[k]->port, "https") &&
                    str_eq(s->listeners[k]->address, text);
        if (!found)
            return false;
    }
    return listens(s, "https");
}

int mmp_webbridge_listen(struct mmp *m, int argc, char **argv)
{
    char *value = NULL;
    struct expected expected;
    int code = mmp_listen_value(m, argc, argv, &value);

    if (code == STOA_OK && !mmp_ask(m))
        code = STOA_FAILED;
    if (code == STOA_OK) {
        expect_value(m, &expected, value);
        code = change(m, "webBridgeListen", value, is_enabled(m) ? has_addresses : NULL,
                      &expected);
    }
    if (code == STOA_OK) {
        char *list = whitelist(m, value[0] ? value : NULL);

        said_success(&m->said, "interface whitelist : %s", list);
        free(list);
    }
    free(value);
    return code;
}

/* --- the rest --------------------------------------------------------------------------------- */

int mmp_webbridge_certs(struct mmp *m, int argc, char **argv)
{
    return mmp_certs(m, "webbridge", argc, argv);
}

/* The classic mistake: the bundle holds something, and not what the callbridge presents. */
static void compare_trust(struct mmp *m)
{
    char *trust_path = cert_path(m->ctx, "webbridge", "trust"), *trust = NULL;
    char *crt_path = cert_path(m->ctx, "callbridge", "crt"), *crt = NULL;
    struct pki_info info = { 0 };

    if (pki_file_load(&crt, crt_path, NULL) == 0 &&
        pki_inspect(&info, crt, 0, NULL) == 0 &&
        (pki_file_load(&trust, trust_path, NULL) != 0 || !pki_holds(trust, crt)))
        said_warning(&m->said, "the callbridge of this machine is not trusted: it presents the "
                               "certificate SHA-256 %s. Without a link guests cannot join",
                     info.sha256);
    pki_info_fini(&info);
    free(trust);
    free(crt);
    free(trust_path);
    free(crt_path);
}

int mmp_webbridge_trust(struct mmp *m, int argc, char **argv)
{
    int code = mmp_trust(m, "webbridge.trust", argv[0], true);

    (void)argc;
    if (code == STOA_OK)
        compare_trust(m);
    return code;
}

int mmp_webbridge_restart(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return mmp_restart(m, "webbridge");
}
