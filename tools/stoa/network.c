/* SPDX-License-Identifier: Apache-2.0
 * The file <state>/run/network: lines NAME=value of the variables about ports and addresses. */
#include "network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/str.h>

static bool is_kept(const char *line)
{
    return str_starts(line, "STOA_PORT_") || str_starts(line, "STOA_LISTEN=") ||
           str_starts(line, "STOA_NAME=");
}

void network_save(const struct stoa_ctx *ctx)
{
    char *path = conf_path(ctx->conf, "run", "network");
    FILE *f = fopen(path, "we");

    for (char **e = environ; f && *e; e++)
        if (is_kept(*e) && !strchr(*e, '\n'))
            fprintf(f, "%s\n", *e);
    if (f)
        fclose(f);
    free(path);
}

/* A port base replaces all ports: an environment that has one is not mixed with older ports. */
static void take_line(char *line)
{
    char *eq = strchr(line, '=');

    line[strcspn(line, "\n")] = '\0';
    if (!eq || !is_kept(line) ||
        (str_starts(line, "STOA_PORT_") && getenv("STOA_PORT_BASE")))
        return;
    *eq = '\0';
    setenv(line, eq + 1, 0);
}

struct conf *network_conf(const struct stoa_ctx *ctx)
{
    char *path = conf_path(ctx->conf, "run", "network"), error[CONF_ERROR_MAX];
    FILE *f = fopen(path, "re");
    struct conf *conf = NULL;
    char line[512];

    while (f && fgets(line, sizeof(line), f))
        take_line(line);
    if (f)
        fclose(f);
    free(path);
    if (conf_load(&conf, NULL, error) != 0) {
        stoa_fail("%s", error);
        return NULL;
    }
    return conf;
}
