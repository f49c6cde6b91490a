/* SPDX-License-Identifier: Apache-2.0
 * The introduction as expc says it: Hello, then the proof of the password, then whether the edge
 * has proven that it knows it too. */
#include "link_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>
#include <base/str.h>
#include <loop/clock.h>

void link_inside_begin(struct tunnel_link *l)
{
    Stoa__Zone__V1__Frame f = STOA__ZONE__V1__FRAME__INIT;
    Stoa__Zone__V1__Hello hello = STOA__ZONE__V1__HELLO__INIT;
    struct scram_binding binding = { .on = true };
    uint8_t hash[LINK_HASH_MAX];
    ssize_t hash_len = hex_decode(hash, sizeof(hash), l->config_hash ? l->config_hash : "");

    if (tls_stream_binding(l->tls, binding.data) != 0) {
        link_fall(l, TUNNEL_TLS, NULL);
        return;
    }
    l->scram = scram_client_new(SCRAM_SHA_256, l->user, l->password, &binding, NULL);
    hello.has_min_version = hello.has_max_version = hello.has_time_ms = true;
    hello.min_version = TUNNEL_VERSION_MIN;
    hello.max_version = TUNNEL_VERSION_MAX;
    hello.node = l->node;
    hello.software = l->software;
    hello.time_ms = loop_wall_us() / 1000;
    hello.domain = l->domain;
    hello.n_domains = l->domain_count;
    hello.domains = l->domains;
    if (hash_len > 0) {
        hello.has_config_hash = true;
        hello.config_hash = (ProtobufCBinaryData){ (size_t)hash_len, hash };
    }
    hello.scram_first = scram_client_first(l->scram);
    hello.peer_ca = l->own_ca;
    f.hello = &hello;
    link_say(l, &f);
    free(hello.scram_first);
    l->asked_us = loop_now_us();
    l->state = LINK_HELLO;
    link_control_flush(l);
}

void link_inside_challenge(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    Stoa__Zone__V1__Frame answer = STOA__ZONE__V1__FRAME__INIT;
    Stoa__Zone__V1__Proof proof = STOA__ZONE__V1__PROOF__INIT;
    const char *first = f->challenge->scram_first;

    if (str_empty(first) || scram_client_final(l->scram, first, &proof.scram_final) != 0) {
        link_refuse(l, TUNNEL_MALFORMED, "a challenge that cannot be answered");
        return;
    }
    answer.proof = &proof;
    link_say(l, &answer);
    free(proof.scram_final);
    /* The round trip of Proof and Welcome: that of Hello and Challenge is over. */
    l->asked_us = loop_now_us();
    l->state = LINK_PROOF;
}

/* What the edge says to each of our domains, in the order of ours. */
static void answers(const struct tunnel_link *l, const Stoa__Zone__V1__Welcome *w,
                    const char **denied)
{
    for (size_t i = 0; i < l->domain_count; i++) {
        denied[i] = "notAnswered";
        for (size_t k = 0; k < w->n_domains; k++) {
            const Stoa__Zone__V1__DomainAnswer *a = w->domains[k];

            if (!str_ieq(a->domain, l->domains[i]))
                continue;
            denied[i] = a->accepted ? NULL : str_empty(a->reason) ? "denied" : a->reason;
            break;
        }
    }
}

static void keep_welcome(struct tunnel_link *l, const Stoa__Zone__V1__Welcome *w)
{
    l->peer_node = tunnel_text(w->node, LINK_NODE_MAX);
    l->peer_software = tunnel_text(w->software, LINK_NODE_MAX);
    l->peer.node = l->peer_node;
    l->peer.software = l->peer_software;
    l->peer.config_hash = "";
    l->peer.domain = l->domain;
    /* Welcome was written half a round trip ago. */
    l->rtt_us = loop_now_us() - l->asked_us;
    l->peer.clock_skew_ms = w->time_ms + l->rtt_us / 2000 - loop_wall_us() / 1000;
}

void link_inside_welcome(struct tunnel_link *l, const Stoa__Zone__V1__Frame *f)
{
    const Stoa__Zone__V1__Welcome *w = f->welcome;
    const char **denied;
    int err = str_empty(w->scram_final) ? -EBADMSG : scram_client_done(l->scram, w->scram_final);

    if (!err && (w->version < TUNNEL_VERSION_MIN || w->version > TUNNEL_VERSION_MAX
                 || w->n_domains > TUNNEL_DOMAINS_MAX || str_empty(w->node) || w->time_ms < 0
                 || w->time_ms > INT64_MAX / 4000))
        err = -EBADMSG;
    if (err) {
        link_refuse(l, err == -EACCES ? TUNNEL_SERVER_PROOF : TUNNEL_MALFORMED, NULL);
        return;
    }
    keep_welcome(l, w);
    denied = mem_calloc(l->domain_count + 1, sizeof(*denied));
    answers(l, w, denied);
    link_up(l, denied, l->domain_count);
    free(denied);
}
