/* SPDX-License-Identifier: Apache-2.0
 * The external names: where DNS leads, what certificate they have, and what comes when a guest asks
 * for the page. */
#include "doctor.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <daemon/certcheck.h>
#include <loop/resolve.h>
#include <site/site.h>

#include "expe.h"

enum { TEXT_MAX = 900, ASK_MS = 5000 };

static bool is_demo(const struct expe *e)
{
    return str_eq(conf_get(e->daemon->conf, "DEMO"), "1");
}

/* `localhost` and the like are of this machine alone. */
static bool is_public(const char *name)
{
    return strchr(name, '.') != NULL;
}

/* --- DNS-1 ------------------------------------------------------------------------------------ */

struct dns;

struct dns_name {
    struct dns *run;
    char *name;
    struct loop_resolve *lookup;
};

struct dns {
    struct daemon_check *c;
    struct expe *e;
    struct dns_name names[EXPE_CHECK_NAMES];
    size_t n, left;
    struct str expected; /* the addresses that are the edge's, "a, b" */
    bool has_public;     /* one of them is not a private one, or a static NAT is set */
    bool starting;
};

static void add_expected(struct dns *run, const struct addr *a)
{
    char ip[ADDR_TEXT_MAX];

    if (addr_is_loopback(a) || addr_is_linklocal(a) || addr_is_any(a))
        return;
    run->has_public = run->has_public || !addr_is_private(a);
    str_addf(&run->expected, "%s%s", run->expected.len ? ", " : "", addr_print_ip(a, ip));
}

/* "public/private": the first is what the outside knows. */
static void add_nat(struct dns *run, const char *item)
{
    char *ip = str_ndup(item, strcspn(item, "/"));
    struct addr a;

    if (addr_parse_ip(&a, ip, 0) == 0)
        add_expected(run, &a);
    free(ip);
}

static void collect_expected(struct dns *run)
{
    const struct site_turn *turn = site_turn(run->e->site);
    const struct site_turn_instance *i;
    struct ifaddrs *all = NULL;
    const char *list;
    struct addr a;
    size_t it = 0;

    list = turn ? turn->static_nat : NULL;
    for (char *item; (item = str_next(&list)) != NULL; free(item))
        add_nat(run, item);
    run->has_public = run->expected.len > 0; /* in a lab, that of a NAT may be private as well */
    while ((i = site_next_turn_instance(run->e->site, &it)) != NULL)
        for (list = i->public_addresses; site_next_addr(&list, &a);)
            add_expected(run, &a);
    if (getifaddrs(&all))
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next)
        if (one->ifa_addr && addr_from_sockaddr(&a, one->ifa_addr) == 0)
            add_expected(run, &a);
    freeifaddrs(all);
}

static void judge(struct dns *run, const char *name, const struct addr *found, size_t n)
{
    struct str all = { 0 }, want = { 0 };
    char ip[ADDR_TEXT_MAX];
    size_t good = 0;

    for (size_t i = 0; i < n; i++) {
        good += site_list_has(run->expected.s, &found[i], NULL);
        str_addf(&all, "%s%s", i ? ", " : "", addr_print_ip(&found[i], ip));
    }
    str_addf(&want, "An address of the edge as the outside knows it: %s.",
             run->expected.len ? run->expected.s : "none is known");
    if (n == 0)
        daemon_check_report(run->c, DAEMON_ERROR, name, "The name has no address in DNS.", want.s,
                            "Add an A record for the name to the DNS outside.");
    else if (good == n)
        daemon_check_say(run->c, DAEMON_OK, name, "DNS leads to %s.", all.s);
    else if (!run->has_public)
        daemon_check_say(run->c, DAEMON_NOT_TESTED, name,
                         "DNS leads to %s; the edge has private addresses alone and no static NAT, "
                         "so that it does not know how the outside reaches it.", all.s);
    else {
        char seen[TEXT_MAX];

        (void)snprintf(seen, sizeof(seen), "DNS leads to %.600s.", all.s);
        daemon_check_report(run->c, DAEMON_ERROR, name, seen, want.s,
                            "Correct the A record in the DNS outside; where the edge is behind a "
                            "static NAT, set it: 'stoa --site edge config set turn "
                            "staticNat=PUBLIC/PRIVATE'.");
    }
    str_fini(&all);
    str_fini(&want);
}

static void on_addresses(void *arg, const struct addr *found, size_t n)
{
    struct dns_name *one = arg;
    struct dns *run = one->run;

    judge(run, one->name, found, n);
    if (--run->left == 0 && !run->starting)
        daemon_check_end(run->c);
}

static void dns_drop(void *state)
{
    struct dns *run = state;

    for (size_t i = 0; i < run->n; i++) {
        loop_resolve_cancel(&run->names[i].lookup);
        free(run->names[i].name);
    }
    str_fini(&run->expected);
    free(run);
}

void expe_check_dns(struct daemon_check *c)
{
    struct expe *e = daemon_check_daemon(c)->user;
    const struct site_external_name *x;
    struct dns *run;
    size_t it = 0;

    if (is_demo(e)) {
        daemon_check_say(c, DAEMON_NOT_TESTED, "", "The names of the demo are in no DNS.");
        daemon_check_end(c);
        return;
    }
    run = MEM_NEW(struct dns);
    run->c = c;
    run->e = e;
    daemon_check_keep(c, run, dns_drop);
    collect_expected(run);
    while ((x = site_next_external_name(e->site, &it)) != NULL && run->n < EXPE_CHECK_NAMES)
        if (is_public(x->name))
            run->names[run->n++] = (struct dns_name){ .run = run, .name = str_dup(x->name) };
    run->left = run->n;
    run->starting = true;
    for (size_t i = 0; i < run->n; i++)
        loop_resolve_start(&run->names[i].lookup, e->daemon->loop, run->names[i].name, 0,
                           on_addresses, &run->names[i]);
    run->starting = false;
    if (run->n == 0)
        daemon_check_say(c, DAEMON_NOT_TESTED, "", "No external name is configured.");
    if (run->left == 0)
        daemon_check_end(c);
}

/* --- CRT-1, CRT-2, CRT-4 ---------------------------------------------------------------------- */

void expe_check_cert(struct daemon_check *c)
{
    const struct expe *e = daemon_check_daemon(c)->user;
    const struct site_external_name *x;
    struct daemon_certcheck_name names[EXPE_CHECK_NAMES];
    char *paths[EXPE_CHECK_NAMES];
    size_t n = 0, it = 0;

    while ((x = site_next_external_name(e->site, &it)) != NULL && n < EXPE_CHECK_NAMES) {
        if (!is_public(x->name))
            continue;
        paths[n] = conf_path(e->daemon->conf, "pki",
                             str_empty(x->certificate_file) ? "expe.crt" : x->certificate_file);
        names[n] = (struct daemon_certcheck_name){ .name = x->name, .cert_path = paths[n] };
        n++;
    }
    daemon_certcheck_run(c, &(struct daemon_certcheck_opts){
        .port = "edge-https", .names = names, .n = n, .site_ca_is_warning = !is_demo(e) });
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
}

/* --- HT-1, HT-3: the page, through the tunnel ------------------------------------------------- */

struct page;

struct page_name {
    struct page *run;
    char *name;
    bool open; /* the question is under way */
};

struct page {
    struct daemon_check *c;
    struct expe *e;
    bool host; /* HT-1 */
    struct page_name names[EXPE_CHECK_NAMES];
    size_t n, left;
    bool starting;
};

/* As long as one is not up it may be the one that would lead guests to the name. */
static bool all_zones_active(const struct expe *e)
{
    size_t it = 0, active = 0;
    void *z;

    while (map_next(e->zones, &it, NULL, &z)) {
        const char *state = ((const struct expe_zone *)z)->state;

        if (!str_eq(state, "Active") && !str_eq(state, "Off"))
            return false;
        active += str_eq(state, "Active");
    }
    return active > 0;
}

static void judge_host(struct page *run, const char *name, const char *code, int status)
{
    char seen[TEXT_MAX];

    if (str_eq(code, "tunnel") && all_zones_active(run->e)) {
        daemon_check_report(run->c, DAEMON_ERROR, name,
                            "Guests ask for this name, and no expc leads them anywhere: the guest "
                            "account client URI inside is another one.",
                            "An expc whose guest account client URI has this name.",
                            "'stoa zone uri https://<this name>' inside, or beside a name that "
                            "guests use as well 'stoa zone uri add https://<this name>'.");
    } else if (str_eq(code, "") && (status == 400 || status == 421)) {
        (void)snprintf(seen, sizeof(seen),
                       "The web bridge answers a request for this name with Bad Request (%d).",
                       status);
        daemon_check_report(run->c, DAEMON_ERROR, name, seen, "The page for guests.",
                            "Inside, set webBridgeUri of the settings to https://<this name>, or "
                            "add the name to webBridgeHostnames.");
    } else if (str_eq(code, "")) {
        daemon_check_say(run->c, DAEMON_OK, name, "The Host is known (%d).", status);
    } else {
        daemon_check_say(run->c, DAEMON_NOT_TESTED, name, "The page was not reached: %s.", code);
    }
}

static void judge_page(struct page *run, const char *name, const char *code, const char *text,
                       int status)
{
    char seen[TEXT_MAX];

    if (str_eq(code, "tunnel") || str_eq(code, "domain") || str_eq(code, "limit")) {
        daemon_check_say(run->c, DAEMON_NOT_TESTED, name, "%s.", text);
    } else if (str_eq(code, "") && status < 500) {
        daemon_check_say(run->c, DAEMON_OK, name, "The web bridge behind it answers (%d).", status);
    } else {
        (void)snprintf(seen, sizeof(seen), "Through the tunnel no web bridge gives the page: "
                                           "%s%s%s.",
                       code[0] ? code : "status 5xx", text[0] ? ", " : "", text);
        daemon_check_report(run->c, DAEMON_ERROR, name, seen, "The page for guests.",
                            "'stoa zone' and 'stoa doctor' inside say why expc reaches no web "
                            "bridge.");
    }
}

static void on_page(void *arg, const char *code, const char *text, int status, const char *zone)
{
    struct page_name *one = arg;
    struct page *run = one->run;

    one->open = false;
    daemon_check_zone(run->c, zone);
    if (run->host)
        judge_host(run, one->name, code, status);
    else
        judge_page(run, one->name, code, text, status);
    if (--run->left == 0 && !run->starting)
        daemon_check_end(run->c);
}

static void page_drop(void *state)
{
    struct page *run = state;

    for (size_t i = 0; i < run->n; i++) {
        if (run->names[i].open)
            expe_probes_forget_own(run->e, &run->names[i]);
        free(run->names[i].name);
    }
    free(run);
}

static void ask(struct daemon_check *c, bool host)
{
    struct expe *e = daemon_check_daemon(c)->user;
    const struct site_external_name *x;
    struct page *run = MEM_NEW(struct page);
    size_t it = 0;

    run->c = c;
    run->e = e;
    run->host = host;
    daemon_check_keep(c, run, page_drop);
    while ((x = site_next_external_name(e->site, &it)) != NULL && run->n < EXPE_CHECK_NAMES)
        if (is_public(x->name))
            run->names[run->n++] = (struct page_name){ .run = run, .name = str_dup(x->name),
                                                       .open = true };
    run->left = run->n;
    run->starting = true;
    for (size_t i = 0; i < run->n; i++)
        expe_probe_own(e, run->names[i].name, ASK_MS, on_page, &run->names[i]);
    run->starting = false;
    if (run->n == 0)
        daemon_check_say(c, DAEMON_NOT_TESTED, "", "No external name is configured.");
    if (run->left == 0)
        daemon_check_end(c);
}

void expe_check_host(struct daemon_check *c)
{
    ask(c, true);
}

void expe_check_page(struct daemon_check *c)
{
    ask(c, false);
}
