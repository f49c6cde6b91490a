/* SPDX-License-Identifier: Apache-2.0
 * WB-1 and WB-2: every web bridge URL, every address behind it. The links themselves try anew; one
 * that does not connect is looked at once more, step by step. */
#include "check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <base/mem.h>
#include <base/str.h>
#include <daemon/daemon.h>
#include <loop/clock.h>
#include <loop/timer.h>
#include <pki/file.h>
#include <tls/probe.h>

#include "callbridge.h"
#include "wblink.h"
#include "wblinks.h"

enum {
    LOOK_MS = 200,
    SETTLE_MS = 2500,       /* a try that began with the check has ended by then, if it ends soon */
    SETTLE_MAX_MS = 6000,   /* the first try of a link may take WBLINK_ANSWER_MS */
    PROBE_MS = 2000,
    PLACES_MAX = 64,
};

/* An address whose link is not up. */
struct broken {
    char host[256], reason[WBLINK_REASON_MAX];
    struct addr address;
};

struct run {
    struct daemon_check *c;
    struct callbridge *cb;
    bool trust; /* WB-2 */
    struct loop_timer *timer;
    int64_t began_ms;
    struct broken broken[PLACES_MAX];
    size_t n, at;
    struct tls_probe *probe;
    bool settled;
};

/* What each reason means. A reason that is not here is one of WB-1. */
static const struct meaning {
    const char *reason;
    bool trust; /* WB-2 */
    const char *expected, *fix;
} meanings[] = {
    { "certificate not presented", true,
      "A certificate of the callbridge, which the web bridge trusts.",
      "Install certificate and key of the callbridge ('stoa cert set callbridge KEY CERTIFICATE') "
      "and name it to the web bridge ('stoa mmp', webbridge trust CERTIFICATE)." },
    { "certificate not in the trust bundle", true,
      "The very certificate that the callbridge presents, not its issuer, in the trust bundle.",
      "'stoa mmp' on the web bridge: webbridge trust <certificate of the callbridge>." },
    { "certificate expired", true, "A valid certificate of the callbridge.",
      "Replace it: 'stoa cert set callbridge KEY CERTIFICATE'." },
    { "own certificate files not usable", true, "A certificate and the key that belongs to it.",
      "Install both together: 'stoa cert set callbridge KEY CERTIFICATE'." },
    { "DNS failure", false, "An address for the name, in DNS or a host record.",
      "Correct guestAccountClientUri or the web bridge's URL, or add the name to DNS or as a "
      "hostRecord." },
    { "connect failure", false, "A connection to the web bridge.",
      "Is the web bridge running, does it listen there, and does a firewall let the callbridge "
      "through?" },
    { "TLS failure", false, "TLS 1.3 with a web bridge.",
      "Correct guestAccountClientUri or the web bridge's URL: what answers there is no web "
      "bridge." },
    { "link lost", false, "A web bridge that answers.",
      "Is the web bridge running, and is something between it and the callbridge that cuts "
      "connections?" },
    { "web bridge certificate not trusted", false, "A chain to an authority that the callbridge "
                                                   "knows.",
      "Install the web bridge's certificate with its chain, or its authority as the callbridge's "
      "CA bundle ('stoa mmp', callbridge certs KEY CERTIFICATE BUNDLE)." },
    { "web bridge certificate expired", false, "A valid certificate of the web bridge.",
      "Replace it: 'stoa cert set webbridge KEY CERTIFICATE'." },
    { "name not configured at the web bridge", false, "A web bridge that answers to the URL's "
                                                      "name.",
      "Correct the URL, or add the name to webBridgeHostnames." },
    { "no web bridge answers there", false, "A web bridge of Stoa.",
      "Correct guestAccountClientUri or the web bridge's URL: something else answers there." },
    { "too many links at the web bridge", false, NULL, NULL },
};

static const struct meaning *meaning_of(const char *reason)
{
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
        if (str_starts(reason, meanings[i].reason))
            return &meanings[i];
    return NULL;
}

static void subject_of(const struct broken *b, char *dst, size_t cap)
{
    char address[ADDR_TEXT_MAX];

    (void)snprintf(dst, cap, "%s%s%s", b->host, b->address.family ? " " : "",
                   b->address.family ? addr_print(&b->address, address) : "");
}

/* --- WB-2 ------------------------------------------------------------------------------------- */

static void report_trust(struct run *r, const struct broken *b, const struct meaning *m)
{
    char *path = conf_path(r->cb->d->conf, "pki", "callbridge.crt"), *pem = NULL, subject[330];
    struct pki_info info = { 0 };
    struct str seen = { 0 };

    subject_of(b, subject, sizeof(subject));
    str_addf(&seen, "The web bridge refuses the link: %s.", b->reason);
    if (pki_file_load(&pem, path, NULL) == 0 &&
        pki_inspect(&info, pem, (int64_t)time(NULL), NULL) == 0)
        str_addf(&seen, " The callbridge has %s.", info.sha256);
    else
        str_addf(&seen, " The callbridge has no readable certificate in %s.", path);
    daemon_check_report(r->c, DAEMON_ERROR, subject, seen.s, m->expected, m->fix);
    pki_info_fini(&info);
    str_fini(&seen);
    free(pem);
    free(path);
}

/* --- WB-1 ------------------------------------------------------------------------------------- */

static void report_reach(struct run *r, const struct broken *b, const char *detail)
{
    const struct meaning *m = meaning_of(b->reason);
    struct str seen = { 0 };
    char subject[330];

    subject_of(b, subject, sizeof(subject));
    str_addf(&seen, "The web bridge link is not up: %s%s%s.",
             b->reason[0] ? b->reason : "no answer yet", detail[0] ? "; " : "", detail);
    daemon_check_report(r->c, DAEMON_ERROR, subject, seen.s, m ? m->expected : NULL,
                        m && m->fix ? m->fix : "See 'stoa log --daemon callbridge'.");
    str_fini(&seen);
}

static void next(struct run *r);

static void on_probed(void *arg, const struct tls_probe_result *p)
{
    struct run *r = arg;
    char detail[200] = "";

    r->probe = NULL;
    if (p->stage != TLS_PROBE_DONE)
        (void)snprintf(detail, sizeof(detail), "%s: %s", p->stage == TLS_PROBE_TCP ? "TCP" : "TLS",
                       p->text);
    report_reach(r, &r->broken[r->at++], detail);
    next(r);
}

static void next(struct run *r)
{
    while (r->at < r->n) {
        const struct broken *b = &r->broken[r->at];
        const struct meaning *m = meaning_of(b->reason);

        if (m && m->trust) {
            if (r->trust)
                report_trust(r, b, m);
        } else if (!r->trust && b->address.family != ADDR_NONE) {
            struct tls_probe_opts opts = { .to = b->address, .sni = b->host,
                                           .timeout_ms = PROBE_MS };

            r->probe = tls_probe_start(r->cb->d->loop, &opts, on_probed, r);
            return;
        } else if (!r->trust) {
            report_reach(r, b, "");
        }
        r->at++;
    }
    daemon_check_end(r->c);
}

/* --- the links -------------------------------------------------------------------------------- */

static void note(void *arg, const struct wblinks_view *v)
{
    struct run *r = arg;
    struct broken b = { .address.family = ADDR_NONE };

    (void)str_copy(b.host, sizeof(b.host), v->host);
    (void)str_copy(b.reason, sizeof(b.reason), v->reason);
    if (v->address)
        b.address = *v->address;
    if (!v->proven && r->n < PLACES_MAX)
        r->broken[r->n++] = b;
    r->settled = r->settled && (v->proven || v->reason[0]);
}

static void note_good(void *arg, const struct wblinks_view *v)
{
    char address[ADDR_TEXT_MAX], subject[330];
    struct run *r = arg;

    if (!v->proven)
        return;
    (void)snprintf(subject, sizeof(subject), "%s %s", v->host, addr_print(v->address, address));
    daemon_check_say(r->c, DAEMON_OK, subject, "The web bridge link is up.");
}

static void on_look(void *arg)
{
    struct run *r = arg;
    int64_t took_ms = loop_now_ms() - r->began_ms;

    r->n = 0;
    r->settled = true;
    (void)wblinks_each(r->cb->links, note, r);
    if (r->n > 0 && took_ms < (r->settled ? SETTLE_MS : SETTLE_MAX_MS))
        return;
    loop_timer_stop(r->timer);
    (void)wblinks_each(r->cb->links, note_good, r);
    next(r);
}

static void drop(void *state)
{
    struct run *r = state;

    loop_timer_free(&r->timer);
    tls_probe_cancel(&r->probe);
    free(r);
}

static void begin(struct daemon_check *c, bool trust)
{
    struct callbridge *cb = daemon_check_daemon(c)->user;
    struct run *r = MEM_NEW(struct run);

    r->c = c;
    r->cb = cb;
    r->trust = trust;
    r->began_ms = loop_now_ms();
    r->timer = loop_timer_new(cb->d->loop, on_look, r);
    daemon_check_keep(c, r, drop);
    if (!site_ready(cb->site)) {
        daemon_check_say(c, DAEMON_NOT_TESTED, "", "The configuration is not there yet.");
        daemon_check_end(c);
    } else if (wblinks_each(cb->links, note, r) == 0) {
        if (!trust && wblinks_disabled(cb->links))
            daemon_check_report(c, DAEMON_WARNING, "webBridgeEnabled",
                                "Web bridges are switched off: nobody can join.", NULL,
                                "'stoa mmp': webbridge enable.");
        else if (!trust)
            daemon_check_report(c, DAEMON_ERROR, "guestAccountClientUri",
                                "No web bridge is configured: nobody can join.", NULL,
                                "'stoa config set settings "
                                "guestAccountClientUri=https://...'.");
        daemon_check_end(c);
    } else {
        wblinks_look(cb->links);
        loop_timer_start(r->timer, 0, LOOK_MS);
    }
}

void check_web_reach(struct daemon_check *c)
{
    begin(c, false);
}

void check_web_trust(struct daemon_check *c)
{
    begin(c, true);
}
