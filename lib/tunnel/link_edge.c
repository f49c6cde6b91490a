/* SPDX-License-Identifier: Apache-2.0
 * The introduction as the edge holds it: Hello, Challenge, Proof, Welcome.
 *
 * What the certificate is worth is said only to those who have proven the password: before that, a
 * stranger would learn from the word which users there are. An unknown user is challenged like a
 * known one, and fails like one with a wrong password. */
#include "link_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>

void link_edge_begin(struct tunnel_link *l)
{
    static const struct mux_header headers[] = {
        { ":method", "POST" },
        { ":scheme", "https" },
        { ":authority", "zone" },
        { ":path", "/zone" },
    };
    int err;

    l->asked_us = loop_now_us();
    l->state = LINK_HELLO;
    l->control = mux_open(l->mux, headers, ARRAY_LEN(headers), &err);
    if (!l->control)
        link_fall(l, TUNNEL_CLOSED, NULL);
}

/* --- Hello ------------------------------------------------------------------------------------ */

static bool keep_domains(struct tunnel_link *l, const Stoa__Zone__V1__Hello *hello)
{
    if (hello->n_domains > TUNNEL_DOMAINS_MAX || (hello->domain && hello->n_domains > 0))
        return false;
    l->peer_domains = mem_calloc(hello->n_domains + 1, sizeof(*l->peer_domains));
    for (size_t i = 0; i < hello->n_domains; i++) {
        if (str_empty(hello->domains[i]) || strlen(hello->domains[i]) > LINK_DOMAIN_MAX)
            return false;
        l->peer_domains[l->peer_domain_count++] = tunnel_text(hello->domains[i], LINK_DOMAIN_MAX);
    }
    if (!hello->domain)
        return true;
    l->domain = tunnel_text(hello->domain, LINK_DOMAIN_MAX);
    return *l->domain && strlen(hello->domain) <= LINK_DOMAIN_MAX;
}

static bool keep_hello(struct tunnel_link *l, const Stoa__Zone__V1__Hello *hello)
{
    char hash[2 * LINK_HASH_MAX + 1] = "";
    int64_t wall_ms = loop_wall_us() / 1000;

    if (hello->config_hash.len > LINK_HASH_MAX || str_empty(hello->node)
        || str_empty(hello->scram_first) || strlen(hello->scram_first) > SCRAM_MESSAGE_MAX
        || !hello->has_time_ms || hello->time_ms < 0 || hello->time_ms > INT64_MAX / 4000)
        return false;
    if (hello->config_hash.len > 0)
        (void)hex_encode(hash, hello->config_hash.data, hello->config_hash.len);
    l->peer_hash = str_dup(hash);
    l->peer_node = tunnel_text(hello->node, LINK_NODE_MAX);
    l->peer_software = tunnel_text(hello->software, LINK_NODE_MAX);
    l->hello.peer_ca = str_dup(hello->peer_ca);
    l->hello.time_ms = hello->time_ms;
    l->hello.came_ms = wall_ms;
    /* Hello was written when our opening of the stream came there: half a round trip ago. */
    l->rtt_us = loop_now_us() - l->asked_us;
    l->peer.clock_skew_ms = hello->time_ms + l->rtt_us / 2000 - wall_ms;
    if (!keep_domains(l, hello))
        return false;
    l->peer.node = l->peer_node;
    l->peer.software = l->peer_software;
    l->peer.config_hash = l->peer_hash;
    l->peer.domain = l->domain;
    l->peer.domains = (const char *const *)l->peer_domains;
    l->peer.domain_count = l->peer_domain_count;
    return true;
}

/* Borrowed until the next turn of the loop. */
static int find_zone(struct tunnel_link *l, struct tunnel_zone *zone)
{
    memset(zone, 0, sizeof(*zone));
    return l->ops.find_zone(l->arg, l->hello.user, &l->peer.addr, zone);
}

static void challenge(struct tunnel_link *l, const struct scram_verifier *verifier)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    Stoa__Zone__V1__Challenge c = STOA__ZONE__V1__CHALLENGE__INIT;

    c.scram_first = scram_server_challenge(l->scram_edge, verifier, l->mask_key);
    f.challenge = &c;
    link_say(l, &f);
    free(c.scram_first);
    l->state = LINK_PROOF;
}

/* The first message of SCRAM: who it claims to be, and that it binds itself to this connection. */
static int begin_scram(struct tunnel_link *l, const char *first)
{
    struct scram_binding binding = { .on = true };
    const char *user = NULL;
    int err = tls_stream_binding(l->tls, binding.data);

    if (err)
        return err;
    l->scram_edge = scram_server_new(SCRAM_SHA_256, &binding, NULL);
    err = scram_server_first(l->scram_edge, first, &user);
    if (!err)
        l->hello.user = str_dup(user);
    return err;
}

void link_edge_hello(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    const Stoa__Zone__V1__Hello *hello = f->hello;
    struct tunnel_zone zone;
    int err;

    if (hello->min_version > TUNNEL_VERSION_MAX || hello->max_version < TUNNEL_VERSION_MIN) {
        link_refuse(l, TUNNEL_VERSION, NULL);
        return;
    }
    if (!keep_hello(l, hello)) {
        link_refuse(l, TUNNEL_MALFORMED, "a hello that cannot be used");
        return;
    }
    err = begin_scram(l, hello->scram_first);
    if (err) {
        link_refuse(l, err == -EPROTO ? TUNNEL_BINDING : TUNNEL_MALFORMED, NULL);
        return;
    }
    err = find_zone(l, &zone);
    if (err == -EAGAIN) {
        link_refuse(l, TUNNEL_LOCKED, NULL);
        return;
    }
    if (!err)
        l->zone = str_dup(zone.id);
    challenge(l, err ? NULL : zone.verifier);
}

/* --- Proof ------------------------------------------------------------------------------------ */

static enum tunnel_refusal judge_clock(const struct tunnel_link *l, struct str *text)
{
    if (llabs(l->peer.clock_skew_ms) / 1000 <= LINK_SKEW_MAX_S)
        return TUNNEL_OK;
    str_add(text, "the clock of the edge says ");
    link_add_time(text, l->hello.came_ms / 1000);
    str_add(text, ", the clock of the other end says ");
    link_add_time(text, l->hello.time_ms / 1000);
    return TUNNEL_CLOCK;
}

static enum tunnel_refusal judge_domain(struct tunnel_link *l, struct str *text)
{
    const char *reason = l->domain ? l->ops.judge_domain(l->arg, l->zone, l->domain) : NULL;

    if (!reason)
        return TUNNEL_OK;
    str_addf(text, "the edge does not serve %s: %s", l->domain, reason);
    return TUNNEL_DOMAIN;
}

/* Everything but the password. The zone is looked up anew: it may have been paired since Hello. */
static enum tunnel_refusal judge(struct tunnel_link *l, bool *pairs, struct str *text)
{
    struct tunnel_zone zone;
    enum tunnel_refusal why;
    int err = find_zone(l, &zone);

    if (err == -EAGAIN)
        return TUNNEL_LOCKED;
    if (err || !str_eq(zone.id, l->zone))
        return TUNNEL_CREDENTIALS; /* it was taken away in between */
    *pairs = !zone.peer_ca_pem;
    why = link_judge(l, &zone, text);
    if (why == TUNNEL_OK)
        why = judge_clock(l, text);
    return why == TUNNEL_OK ? judge_domain(l, text) : why;
}

static void welcome(struct tunnel_link *l, char *scram_final, bool paired)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    Stoa__Zone__V1__Welcome w = STOA__ZONE__V1__WELCOME__INIT;
    size_t n = l->peer_domain_count;
    Stoa__Zone__V1__DomainAnswer *answers = mem_calloc(n + 1, sizeof(*answers));
    Stoa__Zone__V1__DomainAnswer **list = mem_calloc(n + 1, sizeof(*list));
    const char **denied = mem_calloc(n + 1, sizeof(*denied));
    char address[ADDR_TEXT_MAX];

    for (size_t i = 0; i < n; i++) {
        denied[i] = l->ops.judge_domain(l->arg, l->zone, l->peer_domains[i]);
        stoa__zone__v1__domain_answer__init(&answers[i]);
        answers[i].domain = l->peer_domains[i];
        answers[i].has_accepted = true;
        answers[i].accepted = !denied[i];
        answers[i].reason = (char *)(uintptr_t)denied[i];
        list[i] = &answers[i];
    }
    w.has_version = w.has_time_ms = w.has_paired = true;
    w.version = TUNNEL_VERSION_MAX;
    w.node = l->node;
    w.software = l->software;
    w.time_ms = loop_wall_us() / 1000;
    w.scram_final = scram_final;
    w.n_domains = n;
    w.domains = list;
    w.paired = paired;
    w.client_address = (char *)(uintptr_t)addr_print(&l->peer.addr, address);
    f.welcome = &w;
    link_say(l, &f);
    link_up(l, denied, n);
    free(denied);
    free(list);
    free(answers);
}

static void on_wrong(struct tunnel_link *l, int err)
{
    if (err == -EACCES && l->ops.on_wrong)
        l->ops.on_wrong(l->arg, l->hello.user, &l->peer.addr);
    if (err == -EACCES)
        link_refuse(l, TUNNEL_CREDENTIALS, NULL);
    else
        link_refuse(l, err == -EPROTO ? TUNNEL_BINDING : TUNNEL_MALFORMED, NULL);
}

void link_edge_proof(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    struct str text = { 0 };
    char *final = NULL;
    bool pairs = false;
    enum tunnel_refusal why;
    int err = -EBADMSG;

    if (!str_empty(f->proof->scram_final))
        err = scram_server_final(l->scram_edge, f->proof->scram_final, &final);
    if (!err && !l->zone)
        err = -EACCES;
    if (err) {
        on_wrong(l, err);
        free(final);
        return;
    }
    why = judge(l, &pairs, &text);
    if (why != TUNNEL_OK)
        link_refuse(l, why, text.s);
    if (why == TUNNEL_OK && pairs && l->ops.on_paired)
        l->ops.on_paired(l->arg, l->zone, l->hello.peer_ca);
    if (why == TUNNEL_OK && link_live(l))
        welcome(l, final, pairs);
    str_set(&l->hello.peer_ca, NULL); /* it may be long, and has served */
    str_fini(&text);
    free(final);
}
