/* SPDX-License-Identifier: Apache-2.0
 * "Did you mean ...?" for a misspelt variable. */
#include "conf_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

enum { NAME_MAX_LEN = 40, NEAR = 2 };

/* Edit distance (Levenshtein) of two short names; a large number when one is too long. */
static unsigned distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    unsigned row[NAME_MAX_LEN + 1];

    if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
        return NAME_MAX_LEN;
    for (size_t j = 0; j <= lb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= la; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned replace = diagonal + (a[i - 1] != b[j - 1]);
            unsigned insert = MIN(row[j], row[j - 1]) + 1;

            diagonal = row[j];
            row[j] = MIN(replace, insert);
        }
    }
    return row[lb];
}

static void consider(const char *name, const char *candidate, unsigned *best, char *dst, size_t cap)
{
    unsigned d = distance(name, candidate);

    if (d >= *best)
        return;
    *best = d;
    snprintf(dst, cap, " (did you mean STOA_%s?)", candidate);
}

const char *conf_hint(const char *name, char *dst, size_t cap)
{
    static const char *const fixed[] = { "SITE", "STATE", "NUMBER", "LISTEN", "PORT_BASE" };
    const struct conf_known *known;
    const struct conf_port_row *rows;
    unsigned best = NEAR + 1;
    size_t count;

    dst[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        consider(name, fixed[i], &best, dst, cap);
    known = conf_known_rows(&count);
    for (size_t i = 0; i < count; i++)
        consider(name, known[i].name, &best, dst, cap);
    rows = conf_port_rows(&count);
    for (size_t i = 0; i < count; i++) {
        char *env = conf_port_env(rows[i].name);
        char *listen = str_printf("LISTEN_%s", env + strlen("STOA_PORT_"));

        consider(name, env + strlen("STOA_"), &best, dst, cap);
        consider(name, listen, &best, dst, cap);
        free(listen);
        free(env);
    }
    return dst;
}
