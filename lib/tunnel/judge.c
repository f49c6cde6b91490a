/* SPDX-License-Identifier: Apache-2.0
 * The certificate of a zone's connection, judged by the edge once it knows whose it is. */
#include "link_priv.h"

#include <stdlib.h>
#include <time.h>

#include <base/str.h>
#include <loop/clock.h>
#include <pki/pki.h>

enum { NAMES_SHOWN = 5 };

void link_add_time(struct str *text, int64_t time_s)
{
    time_t t = (time_t)time_s;
    struct tm tm;
    char date[32];

    if (gmtime_r(&t, &tm) && strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm) > 0)
        str_add(text, date);
    else
        str_addf(text, "%lld s", (long long)time_s);
}

static enum tunnel_refusal judge_time(const struct tunnel_link *l, const struct pki_info *leaf,
                                      int64_t now_s, struct str *text)
{
    if (now_s >= leaf->not_before_s && now_s <= leaf->not_after_s)
        return TUNNEL_OK;
    str_add(text, "the certificate is valid from ");
    link_add_time(text, leaf->not_before_s);
    str_add(text, " to ");
    link_add_time(text, leaf->not_after_s);
    str_add(text, "; the clock of the edge says ");
    link_add_time(text, now_s);
    str_add(text, ", the clock of the other end said ");
    link_add_time(text, l->hello.time_ms / 1000);
    return TUNNEL_EXPIRED;
}

/* The CA that comes with a Hello is worth no more than that: a CA, and few of them. */
static bool is_ca(const char *pem, int64_t now_s)
{
    struct pki_info *certs = NULL;
    int n = pki_inspect_all(&certs, pem, now_s, NULL);
    bool ok = n > 0 && n <= LINK_CA_CERTS_MAX;

    for (int i = 0; i < n; i++) {
        ok = ok && certs[i].is_ca;
        pki_info_fini(&certs[i]);
    }
    if (n >= 0)
        free(certs);
    return ok;
}

static enum tunnel_refusal judge_issuer(const struct tunnel_link *l, const struct tunnel_zone *zone,
                                        const char *chain, int64_t now_s, struct str *text)
{
    const char *ca = zone->peer_ca_pem;
    struct pki_err err;

    if (!ca) {
        ca = l->hello.peer_ca;
        if (str_empty(ca) || !is_ca(ca, now_s)) {
            str_add(text, "the zone waits to be paired, and the hello brought no CA");
            return TUNNEL_UNTRUSTED;
        }
    }
    if (pki_verify(chain, ca, NULL, now_s, &err) == 0)
        return TUNNEL_OK;
    if (!zone->peer_ca_pem)
        str_addf(text, "the CA in the hello has not issued the certificate: %s", err.text);
    else
        str_addf(text, "the zone was paired with another CA: %s", err.text);
    return TUNNEL_UNTRUSTED;
}

static enum tunnel_refusal judge_names(const struct tunnel_zone *zone, const char *chain,
                                       const struct pki_info *leaf, struct str *text)
{
    for (size_t i = 0; i < zone->peer_name_count; i++)
        if (pki_name_matches(chain, zone->peer_names[i]))
            return TUNNEL_OK;
    str_add(text, "presented a certificate for ");
    for (size_t i = 0; i < MIN(leaf->name_count, (size_t)NAMES_SHOWN); i++)
        str_addf(text, "%s%.64s", i ? ", " : "", leaf->names[i]);
    if (leaf->name_count == 0)
        str_addf(text, "%.64s", leaf->cn ? leaf->cn : "no name");
    str_add(text, ", expected ");
    for (size_t i = 0; i < MIN(zone->peer_name_count, (size_t)NAMES_SHOWN); i++)
        str_addf(text, "%s%.64s", i ? " or " : "", zone->peer_names[i]);
    if (zone->peer_name_count == 0)
        str_add(text, "a name, but no TLS verify subject name is configured");
    return TUNNEL_SUBJECT_NAME;
}

enum tunnel_refusal link_judge(struct tunnel_link *l, const struct tunnel_zone *zone,
                               struct str *text)
{
    int64_t now_s = loop_wall_us() / 1000000;
    enum tunnel_refusal why = TUNNEL_OK;
    struct pki_info leaf = { 0 };
    char *chain = NULL;
    struct pki_err err;

    if (tls_stream_peer_chain(l->tls, &chain) != 0)
        return TUNNEL_NO_CERT;
    if (pki_inspect(&leaf, chain, now_s, &err) != 0) {
        str_add(text, err.text);
        why = TUNNEL_UNTRUSTED;
    }
    if (why == TUNNEL_OK)
        why = judge_time(l, &leaf, now_s, text);
    if (why == TUNNEL_OK)
        why = judge_issuer(l, zone, chain, now_s, text);
    if (why == TUNNEL_OK)
        why = judge_names(zone, chain, &leaf, text);
    pki_info_fini(&leaf);
    free(chain);
    return why;
}
