/* SPDX-License-Identifier: Apache-2.0
 * Lines with a verdict in front. */
#include "said.h"

#include <stdarg.h>
#include <stdio.h>

#include <base/str.h>

#include "stoa.h"

PRINTF_LIKE(3, 0) static void say(struct said *s, const char *verdict, const char *fmt, va_list ap)
{
    struct str text = { 0 };

    str_addv(&text, fmt, ap);
    if (!s->json) {
        printf("%s: %s\n", verdict, text.s);
        fflush(stdout);
    } else {
        if (!s->lines)
            s->lines = json_array();
        json_array_append_new(s->lines,
                              json_pack("{s:s, s:s}", "verdict", verdict, "text", text.s));
    }
    str_fini(&text);
}

void said_success(struct said *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(s, "SUCCESS", fmt, ap);
    va_end(ap);
}

void said_warning(struct said *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(s, "WARNING", fmt, ap);
    va_end(ap);
}

int said_failure(struct said *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(s, "FAILURE", fmt, ap);
    va_end(ap);
    s->failed = true;
    return STOA_FAILED;
}

int said_end(struct said *s)
{
    if (s->json) {
        json_t *all = json_pack("{s:b, s:o}", "ok", !s->failed, "lines",
                                s->lines ? s->lines : json_array());

        json_dumpf(all, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(all);
        s->lines = NULL;
    }
    return s->failed ? STOA_FAILED : STOA_OK;
}
