/* SPDX-License-Identifier: Apache-2.0
 * The guide's interface whitelist ("a:443") as addresses: names of interfaces are looked up once,
 * now. */
#include "mmp.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>

#include <base/addr.h>

/* "*:443" becomes "[::]:443", which means every address of both families. */
static void add(struct str *out, const struct addr *a)
{
    char text[ADDR_TEXT_MAX];

    str_addf(out, "%s%s", out->len ? ", " : "",
             a->port ? addr_print(a, text) : addr_print_ip(a, text));
}

/* Adds the addresses of an interface. Returns how many it has. */
static unsigned add_interface(struct str *out, const struct ifaddrs *all, const char *name,
                              uint16_t port)
{
    unsigned n = 0;

    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct addr a;

        if (!str_eq(i->ifa_name, name) || !i->ifa_addr ||
            addr_from_sockaddr(&a, i->ifa_addr) != 0 || addr_is_linklocal(&a))
            continue;
        a.port = port;
        add(out, &a);
        n++;
    }
    return n;
}

static void add_known(struct str *out, const struct ifaddrs *all)
{
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        char text[ADDR_TEXT_MAX];
        struct addr a;

        if (i->ifa_addr && addr_from_sockaddr(&a, i->ifa_addr) == 0 && !addr_is_linklocal(&a))
            str_addf(out, "%s%s (%s)", out->len ? ", " : "", i->ifa_name,
                     addr_print_ip(&a, text));
    }
}

/* Splits "name:port"; a bare IPv6 address has colons of its own. Errors: -EINVAL a wrong port. */
static int split_port(char *word, uint16_t *port)
{
    char *colon = strrchr(word, ':');
    struct addr a;
    int64_t n;

    *port = 0;
    if (!colon || addr_parse_ip(&a, word, 0) == 0)
        return 0;
    if (str_to_i64(colon + 1, 1, 65535, &n) != 0)
        return -EINVAL;
    *colon = '\0';
    *port = (uint16_t)n;
    return 0;
}

static int add_word(struct mmp *m, struct str *out, const struct ifaddrs *all, const char *given)
{
    char *word = str_dup(given);
    struct str known = { 0 };
    int code = STOA_OK;
    struct addr a;
    uint16_t port;

    if (split_port(word, &port) != 0)
        code = said_failure(&m->said, "\"%s\": the port must be a number from 1 to 65535", given);
    else if (addr_parse_ip(&a, str_eq(word, "*") ? "::" : word, port) == 0)
        add(out, &a);
    else if (add_interface(out, all, word, port) == 0) {
        add_known(&known, all);
        code = said_failure(&m->said, "there is no interface or address \"%s\"; there are: %s",
                            word, known.len ? known.s : "none");
    }
    str_fini(&known);
    free(word);
    return code;
}

int mmp_listen_value(struct mmp *m, int argc, char **argv, char **value)
{
    struct ifaddrs *all = NULL;
    struct str out = { 0 };
    int code = STOA_OK;

    if (argc == 1 && str_eq(argv[0], "none")) {
        *value = str_dup("");
        return STOA_OK;
    }
    if (getifaddrs(&all) != 0)
        return said_failure(&m->said, "the interfaces cannot be read: %s", strerror(errno));
    for (int i = 0; code == STOA_OK && i < argc; i++)
        code = add_word(m, &out, all, argv[i]);
    freeifaddrs(all);
    *value = str_take(&out);
    return code;
}
