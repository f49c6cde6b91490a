/* SPDX-License-Identifier: Apache-2.0
 * A line of results. */
#include "report.h"

#include <stdio.h>

void report_text(struct report *r, const char *name, const char *value)
{
    str_addf(&r->text, r->json ? "%s\"%s\":\"%s\"" : "%s%s %s", r->text.len > 0 ? ", " : "", name,
             value);
}

void report_num(struct report *r, const char *name, double value, int decimals)
{
    str_addf(&r->text, r->json ? "%s\"%s\":%.*f" : "%s%s %.*f", r->text.len > 0 ? ", " : "", name,
             decimals, value);
}

void report_print(struct report *r)
{
    (void)printf(r->json ? "{%s}\n" : "%s\n", r->text.s ? r->text.s : "");
    (void)fflush(stdout);
    str_fini(&r->text);
}
