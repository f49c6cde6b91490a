/* SPDX-License-Identifier: Apache-2.0
 * What webbridge looks at for `stoa doctor`: its certificate, for every name under which guests are
 * sent to it, and whom it trusts on web bridge links. */
#include "webbridge.h"

#include <stdlib.h>
#include <string.h>

#include <daemon/certcheck.h>
#include <daemon/daemon.h>
#include <site/site.h>

#include "check.h"

/* The names of the configuration, each once. Those of the machine, which the demo answers as well,
 * are nobody's to have a certificate for. */
struct names {
    char *name[DAEMON_CERTCHECK_NAMES];
    size_t n;
};

static void add(struct names *list, const char *name_or_uri)
{
    char host[WB_HOST_MAX];
    if (str_empty(name_or_uri) || wb_host_of_uri(host, name_or_uri) != 0)
        return;
    for (size_t i = 0; i < list->n; i++)
        if (str_eq(list->name[i], host))
            return;
    if (list->n < DAEMON_CERTCHECK_NAMES)
        list->name[list->n++] = str_dup(host);
}

static void add_list(struct names *list, const char *text)
{
    for (char *one; (one = str_next(&text)) != NULL; free(one))
        add(list, one);
}

/* In the demo a public name takes the place of the example's. */
static void collect(const struct webbridge *wb, struct names *list)
{
    const struct site_settings *set = wb->site != NULL ? site_settings(wb->site) : NULL;
    const struct site_web_bridge *bridge;
    size_t it = 0;
    add(list, wb->public_name);
    if (set == NULL || !site_ready(wb->site) || (wb->demo && wb->public_name != NULL))
        return;
    add(list, set->guest_account_client_uri);
    add(list, set->web_bridge_uri);
    add_list(list, set->web_bridge_hostnames);
    while ((bridge = site_next_web_bridge(wb->site, &it)) != NULL)
        add(list, bridge->url);
}

static void certificate(struct daemon_check *c)
{
    const struct webbridge *wb = daemon_check_daemon(c)->user;
    struct daemon_certcheck_name names[DAEMON_CERTCHECK_NAMES];
    struct names list = { .n = 0 };
    collect(wb, &list);
    for (size_t i = 0; i < list.n; i++)
        names[i] = (struct daemon_certcheck_name){ .name = list.name[i],
                                                  .cert_path = wb->cert_path };
    daemon_certcheck_run(c, &(struct daemon_certcheck_opts){
        .port = "https", .names = names, .n = list.n });
    for (size_t i = 0; i < list.n; i++)
        free(list.name[i]);
}

static void add_refused(void *arg, const struct daemon_fault *f)
{
    if (str_eq(f->type, "webBridgeTrust"))
        daemon_check_report(arg, DAEMON_ERROR, f->subject, f->text,
                            "The callbridge's own certificate in the trust bundle of the web "
                            "bridge.",
                            "'stoa mmp' on the web bridge: webbridge trust <certificate of the "
                            "callbridge>.");
}

/* Callbridges that come with a certificate which is not trusted: both fingerprints are known here
 * alone. Anybody can come with any certificate: while others have links it means nothing. */
static void trust(struct daemon_check *c)
{
    const struct webbridge *wb = daemon_check_daemon(c)->user;
    const char *reason;
    if (!wb_join_available(wb, &reason))
        daemon_fault_each(wb->daemon, add_refused, c);
    daemon_check_end(c);
}

const struct daemon_check_def wb_checks[WB_CHECKS] = {
    { "WB-2", trust },
    { "CRT-1", certificate },
    { "CRT-2", certificate },
    { "CRT-4", certificate },
};
