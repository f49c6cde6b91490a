/* SPDX-License-Identifier: Apache-2.0
 * The words of a refusal, and what each of them means to an operator. */
#include <tunnel/refusal.h>

#include <stddef.h>

#include <base/str.h>

static const struct {
    const char *word, *text;
} words[] = {
    [TUNNEL_OK] = { "", "all is well" },
    [TUNNEL_RESOLVE] = { "resolve",
        "the name of the edge has no address; look at DNS, or add a host record" },
    [TUNNEL_TCP_REFUSED] = { "tcpRefused",
        "nothing listens on the zone port of the edge, or a firewall rejects it" },
    [TUNNEL_TCP_TIMEOUT] = { "tcpTimeout",
        "no answer from the zone port; a firewall drops the packets, or the address is wrong" },
    [TUNNEL_TCP_RESET] = { "tcpReset",
        "the connection was reset; look for a firewall or a balancer between the two ends" },
    [TUNNEL_TLS] = { "tls",
        "no TLS connection came about; the port may belong to another service, or one end does "
        "not like the certificate of the other" },
    [TUNNEL_UNTRUSTED] = { "untrusted",
        "the certificate was not issued by the CA that this zone trusts" },
    [TUNNEL_EXPIRED] = { "expired",
        "the certificate has expired or is not valid yet; renew it, or set the clocks" },
    [TUNNEL_SUBJECT_NAME] = { "subjectName",
        "the certificate is made for other names than the TLS verify subject name" },
    [TUNNEL_NO_CERT] = { "noCertificate", "no certificate was presented" },
    [TUNNEL_VERSION] = { "version",
        "the two ends have no version of the zone protocol in common; update the older one" },
    [TUNNEL_CREDENTIALS] = { "credentials",
        "user or password of the zone differ from the edge's local accounts" },
    [TUNNEL_SERVER_PROOF] = { "serverProof",
        "the edge could not prove that it knows the password of the zone" },
    [TUNNEL_BINDING] = { "binding",
        "the proof of the password belongs to another TLS connection; it was replayed, or "
        "somebody stands between the two ends" },
    [TUNNEL_LOCKED] = { "locked",
        "too many wrong passwords from this address; it is let in again after a while" },
    [TUNNEL_CLOCK] = { "clock",
        "the clocks of the two ends differ by more than a day; set them" },
    [TUNNEL_DOMAIN] = { "domain", "the domain is not one of the edge's domains" },
    [TUNNEL_LIMIT] = { "limit", "there are too many connections or requests of this zone" },
    [TUNNEL_MALFORMED] = { "malformed", "the other end does not keep to the zone protocol" },
    [TUNNEL_REPLACED] = { "replaced", "a newer connection of the same node took its place" },
    [TUNNEL_DEAD] = { "dead", "two probes in a row were not answered" },
    [TUNNEL_DRAIN] = { "drain", "the other end stops or restarts" },
    [TUNNEL_CLOSED] = { "closed", "the connection ended without a word" },
};

_Static_assert(ARRAY_LEN(words) == TUNNEL_REFUSALS, "a word for each refusal");

const char *tunnel_refusal_word(enum tunnel_refusal r)
{
    return (unsigned)r < TUNNEL_REFUSALS ? words[r].word : words[TUNNEL_MALFORMED].word;
}

enum tunnel_refusal tunnel_refusal_of(const char *word)
{
    for (unsigned i = 0; word && i < TUNNEL_REFUSALS; i++)
        if (str_eq(words[i].word, word))
            return (enum tunnel_refusal)i;
    return TUNNEL_MALFORMED;
}

const char *tunnel_refusal_text(enum tunnel_refusal r)
{
    return (unsigned)r < TUNNEL_REFUSALS ? words[r].text : words[TUNNEL_MALFORMED].text;
}

const char *tunnel_refusal_check(enum tunnel_refusal r)
{
    switch (r) {
    case TUNNEL_CREDENTIALS:
    case TUNNEL_SERVER_PROOF:
    case TUNNEL_BINDING:
    case TUNNEL_LOCKED:
        return "TUN-2";
    case TUNNEL_SUBJECT_NAME:
    case TUNNEL_UNTRUSTED:
    case TUNNEL_NO_CERT:
        return "TUN-3";
    case TUNNEL_EXPIRED:
        return "CRT-4";
    case TUNNEL_CLOCK:
        return "TUN-8";
    case TUNNEL_DOMAIN:
        return "TUN-9";
    default:
        return "TUN-1";
    }
}
