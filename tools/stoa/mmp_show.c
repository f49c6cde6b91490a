/* SPDX-License-Identifier: Apache-2.0
 * "Label : value" lines, and the verbs that only say something. */
#include "mmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

static void show_json(const struct mmp_label *rows, size_t n)
{
    json_t *all = json_object();

    for (size_t i = 0; i < n; i++)
        json_object_set_new(all, rows[i].label,
                            rows[i].value ? json_string(rows[i].value) : json_null());
    json_dumpf(all, stdout, JSON_INDENT(2));
    printf("\n");
    json_decref(all);
}

void mmp_show(const struct mmp *m, struct mmp_label *rows, size_t n)
{
    size_t width = 0;

    for (size_t i = 0; i < n; i++)
        width = MAX(width, strlen(rows[i].label));
    if (m->ctx->json)
        show_json(rows, n);
    for (size_t i = 0; i < n; i++) {
        if (!m->ctx->json)
            printf("%-*s : %s\n", (int)width, rows[i].label,
                   rows[i].value ? rows[i].value : "none");
        free(rows[i].value);
        rows[i].value = NULL;
    }
}

char *mmp_file_label(const struct mmp *m, const char *file)
{
    char *path = conf_path(m->ctx->conf, "pki", file);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there ? str_dup(file) : NULL;
}

int mmp_license(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (m->ctx->json)
        printf("{\"feature\":\"callbridge\",\"status\":\"Activated\",\"expiry\":\"never\"}\n");
    else
        printf("Feature: callbridge status: Activated expiry: never\n");
    return STOA_OK;
}

int mmp_version(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf(m->ctx->json ? "{\"version\":\"%s\"}\n" : "Stoa %s\n", STOA_VERSION);
    return STOA_OK;
}

int mmp_exit(struct mmp *m, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    m->quit = true;
    return STOA_OK;
}

int mmp_help(struct mmp *m, int argc, char **argv)
{
    size_t n, shown = 0;
    const struct mmp_verb *v = mmp_verbs(&n);

    for (size_t i = 0; i < n; i++) {
        char *head;

        if (argc > 0 && !str_eq(argv[0], v[i].verb))
            continue;
        head = str_printf("%s%s%s%s%s", v[i].verb, v[i].sub ? " " : "", v[i].sub ? v[i].sub : "",
                          v[i].args[0] ? " " : "", v[i].args);
        printf("%-42s %s\n", head, v[i].help);
        free(head);
        shown++;
    }
    if (shown)
        return STOA_OK;
    if (mmp_elsewhere(m, argv[0]) >= 0)
        return STOA_FAILED;
    fprintf(stderr, "There is no command \"%s\"; \"help\" lists them.\n", argv[0]);
    return STOA_USAGE;
}

/* Verbs that the guide's system has and this shell has not: where the same is done. */
int mmp_elsewhere(struct mmp *m, const char *verb)
{
    static const struct {
        const char *verb, *where;
    } table[] = {
        { "xmpp", "there is no XMPP server yet; its domains are kept: 'stoa config list domain'" },
        { "webadmin", "there is no web administration yet; 'stoa config' does what it would do" },
        { "tls", "every service speaks TLS 1.2 and 1.3, which cannot be lowered" },
        { "dns", "names are looked up by the machine; static records go first: "
                 "'stoa config list hostRecord'" },
        { "iface", "interfaces are the machine's: 'ip link'" },
        { "ipv4", "addresses are the machine's: 'ip -4 address'" },
        { "ipv6", "addresses are the machine's: 'ip -6 address'" },
        { "hostname", "the name is the machine's: 'hostnamectl'" },
        { "ntp", "the clock is the machine's: 'timedatectl'" },
        { "timezone", "the clock is the machine's: 'timedatectl'" },
        { "user", "whoever may read the state directory of the site is its administrator" },
        { "reboot", "nothing here needs a reboot; 'callbridge restart' restarts without ending "
                    "a call" },
        { "upgrade", "install the new version over this one; docs/install.md says how" },
        { "backup", "'stoa config backup' and 'stoa config restore' do that" },
        { "database", "the database belongs to config: 'stoa status', 'stoa config backup'" },
        { "syslog", "'stoa log -f' follows the event log" },
        { "health", "'stoa status' shows every daemon and its faults" },
        { "uptime", "'stoa status' shows every daemon and its faults" },
        { "pcap", "'tcpdump' captures packets, 'bustap' shows the messages of the bus" },
        { "firewall", "'stoa ports --firewall' prints the rules for a firewall" },
    };

    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (str_eq(table[i].verb, verb))
            return said_failure(&m->said, "\"%s\" is not a command here: %s", verb,
                                table[i].where);
    return -1;
}
