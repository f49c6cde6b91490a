/* SPDX-License-Identifier: Apache-2.0
 * deploy/ports as a table; CMake turns the file into rows. */
#include <conf/conf.h>

#include <ctype.h>

#include <base/str.h>

static const struct conf_port_row rows[] = {
#include "ports.inc"
};

const struct conf_port_row *conf_port_rows(size_t *count)
{
    *count = ARRAY_LEN(rows);
    return rows;
}

const struct conf_port_row *conf_port_row(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (str_eq(rows[i].name, name))
            return &rows[i];
    }
    return NULL;
}

char *conf_port_env(const char *name)
{
    char *env = str_printf("STOA_PORT_%s", name);

    for (char *p = env; *p; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    return env;
}
