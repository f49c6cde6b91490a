/* SPDX-License-Identifier: Apache-2.0
 * stoa zone join, inside: the zone of a join file, the certificate that expc shows the edge, and
 * what the firewalls have to let through. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <base/addr.h>
#include <base/mem.h>
#include <pki/file.h>

#include "zone.h"

enum { WAIT_MS = 30000, LOOK_MS = 300, NAMES_MAX = ZONE_NAMES_MAX + 8 };

/* --- the file --------------------------------------------------------------------------------- */

static int read_file(const struct zone_job *j, struct zone_file *f)
{
    struct pki_err err = { "" };
    struct pki_info info = { 0 };
    struct str why = { 0 };
    char *text = NULL;
    int code = STOA_OK;

    if (pki_file_load(&text, j->name, &err) != 0)
        code = stoa_fail("%s", err.text);
    else if (zone_file_parse(f, text, &why) != 0)
        code = stoa_fail("%s: %s", j->name, why.s);
    else if (pki_inspect(&info, f->ca_pem, (int64_t)time(NULL), &err) != 0)
        code = stoa_fail("%s: %s", j->name, err.text);
    else if (f->fingerprint && !str_ieq(f->fingerprint, info.sha256))
        code = stoa_fail("%s: the certificate is not the one whose fingerprint it says", j->name);
    else if (info.days_left < 0)
        code = stoa_fail("%s: the certificate of the edge's CA has expired", j->name);
    else if (f->pair_until_s && f->pair_until_s < (int64_t)time(NULL))
        code = stoa_fail("%s: the edge no longer waits for this zone. There: 'stoa zone trust %s "
                         "none' has it wait again, 'stoa zone trust %s CA.crt' does without",
                         j->name, f->name, f->name);
    pki_info_fini(&info);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    str_fini(&why);
    return code;
}

/* --- the certificate of expc ------------------------------------------------------------------ */

/* The names of the list in `names`, each a copy. Returns how many. */
static size_t split_names(const char *list, char **names, size_t max)
{
    size_t n = 0;

    while (n < max && (names[n] = str_next(&list)) != NULL)
        n++;
    return n;
}

static bool has_one_of(const char *cert_pem, char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pki_name_matches(cert_pem, names[i]))
            return true;
    return false;
}

static bool has_name(const char *name, const char *const *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_ieq(all[i], name))
            return true;
    return false;
}

/* Makes it with the site's CA, for the wanted names and those that it had. */
static int issue(struct zone_job *j, const char *cert_path, const char *key_path, char **names,
                 size_t n, const char *old_pem)
{
    char *ca_cert = conf_path(j->site.ctx->conf, "pki", "ca.crt");
    char *ca_key = conf_path(j->site.ctx->conf, "pki", "ca.key");
    const char *all[NAMES_MAX];
    struct pki_opts opts = { .names = all, .now_s = (int64_t)time(NULL) };
    struct pki_pair ca = { 0 }, made = { 0 };
    struct pki_info old = { 0 };
    struct pki_err err = { "" };
    int bad = pki_file_load_pair(&ca, ca_cert, ca_key, opts.now_s, &err);

    for (size_t i = 0; i < n; i++)
        all[opts.name_count++] = names[i];
    if (!has_name("expc", all, opts.name_count))
        all[opts.name_count++] = "expc"; /* by which web bridges know it: decision 015 */
    if (!bad && old_pem && pki_inspect(&old, old_pem, opts.now_s, &err) == 0)
        for (size_t i = 0; i < old.name_count && opts.name_count < NAMES_MAX; i++)
            if (!has_name(old.names[i], all, opts.name_count))
                all[opts.name_count++] = old.names[i];
    if (!bad)
        bad = pki_issue(&made, &ca, &opts, &err);
    if (!bad)
        bad = pki_file_store_key(key_path, made.key_pem, &err);
    if (!bad)
        bad = pki_file_store_cert(cert_path, made.cert_pem, &err);
    if (bad)
        said_failure(&j->said, "the certificate of expc cannot be made: %s", err.text);
    else
        said_success(&j->said, "certificate of expc made for %s (pki/expc.crt)", names[0]);
    pki_info_fini(&old);
    pki_pair_fini(&made);
    pki_pair_fini(&ca);
    free(ca_cert);
    free(ca_key);
    return bad ? STOA_FAILED : STOA_OK;
}

/* One that ./start has made has a list of its names beside it and may be made again; the next start
 * makes it for the names of this list as well. */
static void add_to_list(const char *path, char *const *names, size_t n)
{
    FILE *f = fopen(path, "ae");

    for (size_t i = 0; f && i < n; i++)
        fprintf(f, "%s\n", names[i]);
    if (f)
        fclose(f);
}

static int certificate(struct zone_job *j, const struct zone_file *f)
{
    char *cert = conf_path(j->site.ctx->conf, "pki", "expc.crt");
    char *key = conf_path(j->site.ctx->conf, "pki", "expc.key");
    char *list = conf_path(j->site.ctx->conf, "pki", "expc.names");
    char *further = conf_path(j->site.ctx->conf, "pki", "expc.zones");
    char *names[ZONE_NAMES_MAX], *pem = NULL;
    size_t n = split_names(f->subject_names, names, ZONE_NAMES_MAX);
    bool there = access(cert, F_OK) == 0 && pki_file_load(&pem, cert, NULL) == 0;
    bool ours = access(list, F_OK) == 0;
    int code = STOA_OK;

    if (there && has_one_of(pem, names, n)) {
        said_success(&j->said, "certificate of expc has a name that the edge wants");
    } else if (!there || ours) {
        code = issue(j, cert, key, names, n, pem);
        if (code == STOA_OK && ours)
            add_to_list(further, names, n);
    } else {
        code = said_failure(&j->said, "the certificate of expc (pki/expc.crt) has none of the "
                            "names that the edge wants: %s. Install another one, or have the edge "
                            "take a name of it: 'stoa config set zoneServer'", f->subject_names);
    }
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(pem);
    free(cert);
    free(key);
    free(list);
    free(further);
    return code;
}

/* --- the zone --------------------------------------------------------------------------------- */

/* Sets *exists; one that exists is refused unless it shall be replaced. */
static int look_for(struct zone_job *j, const char *name, bool *exists)
{
    const Stoa__Config__V1__Row *row;
    struct ask_reply reply;
    int code = config_get(&j->site, "zone", name, &reply, &row);

    *exists = row != NULL;
    ask_reply_fini(&reply);
    if (code == STOA_OK && *exists && !j->replace)
        code = stoa_fail("there is a zone \"%s\" already; --replace takes its place", name);
    return code;
}

static int store(struct zone_job *j, const struct zone_file *f, bool exists)
{
    char port[8];
    const struct config_field fields[] = { { "name", f->name },
                                           { "address", f->address },
                                           { "port", port },
                                           { "username", f->username },
                                           { "password", f->password },
                                           { "subjectName", f->address },
                                           { "peerCa", f->ca_pem },
                                           { "enabled", "true" } };
    int code;

    (void)snprintf(port, sizeof(port), "%u", f->port);
    code = config_write(&j->site, "zone", exists ? f->name : NULL, fields, ARRAY_LEN(fields));
    if (code == STOA_OK)
        said_success(&j->said, "zone \"%s\" stored: %s, port %u", f->name, f->address, f->port);
    return code;
}

/* --- waiting ---------------------------------------------------------------------------------- */

struct waiting {
    const char *name;
    char *state, *text;
};

static void keep(void *arg, const Stoa__Zone__V1__ZoneStatusReply *r, const char *instance)
{
    struct waiting *w = arg;

    (void)instance;
    for (size_t i = 0; i < r->n_zones; i++) {
        if (!str_eq(r->zones[i]->name, w->name) || str_eq(w->state, "Active"))
            continue;
        str_set(&w->state, r->zones[i]->state);
        str_set(&w->text, r->zones[i]->text);
    }
}

static int wait_for(struct zone_job *j, const char *name)
{
    struct waiting w = { .name = name };
    bool asked = zone_ask(j->site.ask, "expc", keep, &w) > 0;
    int code = STOA_OK;

    for (int ms = 0; asked && ms < WAIT_MS && !str_eq(w.state, "Active"); ms += LOOK_MS) {
        (void)ask_wait(j->site.ask, LOOK_MS, NULL, NULL);
        (void)zone_ask(j->site.ask, "expc", keep, &w);
    }
    if (!asked)
        said_warning(&j->said, "expc does not run; it dials the edge when it starts");
    else if (str_eq(w.state, "Active"))
        said_success(&j->said, "zone \"%s\" is Active", name);
    else
        code = said_failure(&j->said, "zone \"%s\" is not Active yet: %s", name,
                            !str_empty(w.text) ? w.text : "expc has not tried it so far");
    free(w.state);
    free(w.text);
    return code;
}

/* --- firewalls -------------------------------------------------------------------------------- */

struct leading {
    const char *name;
    bool local, other;
};

static void look_at_record(void *arg, const Stoa__Config__V1__Row *row)
{
    struct leading *l = arg;
    const char *name = NULL, *list = NULL;

    for (size_t i = 0; i < row->n_fields; i++) {
        if (str_eq(row->fields[i]->name, "name"))
            name = row->fields[i]->value;
        else if (str_eq(row->fields[i]->name, "addresses"))
            list = row->fields[i]->value;
    }
    if (!list || !str_ieq(name, l->name))
        return;
    for (char *one; (one = str_next(&list)) != NULL; free(one)) {
        struct addr a;
        bool ok = addr_parse(&a, one) == 0 || addr_parse_ip(&a, one, 0) == 0;

        l->local = l->local || (ok && addr_is_loopback(&a));
        l->other = l->other || (ok && !addr_is_loopback(&a));
    }
}

/* True when the edge is on this machine. */
static bool is_here(struct zone_job *j, const char *address)
{
    struct leading l = { .name = address };
    struct addr a;

    if (addr_parse_ip(&a, address, 0) == 0)
        return addr_is_loopback(&a);
    if (str_ieq(address, "localhost"))
        return true;
    return config_each(&j->site, "hostRecord", look_at_record, &l) == STOA_OK && l.local &&
           !l.other;
}

static void say_firewall(struct zone_job *j, const struct zone_file *f)
{
    if (j->site.ctx->json || is_here(j, f->address))
        return;
    printf("\nA firewall between has to let through, from the inside to the edge:\n"
           "  TCP %u  expc to %s: zone and tunnels\n"
           "  UDP and TCP 3478  callbridge to %s: TURN\n"
           "and nothing from the edge to the inside. 'stoa ports --firewall' prints the rules.\n",
           f->port, f->address, f->address);
}

int zone_join(struct zone_job *j)
{
    struct zone_file f = { 0 };
    bool exists = false, stored;
    int code = read_file(j, &f);

    if (code == STOA_OK)
        code = look_for(j, f.name, &exists);
    if (code == STOA_OK)
        code = certificate(j, &f);
    if (code == STOA_OK)
        code = store(j, &f, exists);
    stored = code == STOA_OK;
    if (code == STOA_OK && !j->no_wait)
        code = wait_for(j, f.name);
    if (stored)
        say_firewall(j, &f);
    zone_file_fini(&f);
    return code;
}
