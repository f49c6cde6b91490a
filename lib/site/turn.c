/* SPDX-License-Identifier: Apache-2.0
 * Which TURN instances a row of /turnServers speaks of, and where they are reached. */
#include <site/site.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/str.h>

bool site_next_addr(const char **list, struct addr *out)
{
    char *one;

    while ((one = str_next(list)) != NULL) {
        bool ok = addr_parse_ip(out, one, 0) == 0 || addr_parse(out, one) == 0;

        free(one);
        if (ok)
            return true;
    }
    return false;
}

bool site_list_has(const char *list, const struct addr *wanted, uint16_t *port)
{
    struct addr a;

    while (site_next_addr(&list, &a)) {
        if (!addr_ip_eq(&a, wanted))
            continue;
        if (port)
            *port = a.port;
        return true;
    }
    return false;
}

/* The holder is host name, "/" and number. */
static bool is_of_this_machine(const struct site_turn_instance *t)
{
    char name[256] = "";
    size_t len;

    if (t->zone || gethostname(name, sizeof(name) - 1) != 0)
        return false;
    len = strlen(name);
    return len > 0 && t->holder && str_starts(t->holder, name) && t->holder[len] == '/';
}

bool site_turn_reach(const struct site_turn_instance *t, const struct addr *a, struct addr *out)
{
    const char *own = t->servers ? t->servers : t->addresses;
    uint16_t port = 0;

    *out = *a;
    if (site_list_has(t->servers, a, &port)) {
        out->port = port ? port : t->port;
        return true;
    }
    out->port = t->port;
    if (site_list_has(t->addresses, a, NULL) || site_list_has(t->public_addresses, a, NULL))
        return true;
    if (!addr_is_loopback(a) || !is_of_this_machine(t))
        return false;
    if (!site_next_addr(&own, out)) /* it may answer on one address alone */
        *out = *a;
    out->port = out->port ? out->port : t->port;
    return true;
}
