/* SPDX-License-Identifier: Apache-2.0
 * What the pages share. */
#include "pages.h"

#include <stdio.h>

#include <base/str.h>

int page_show(const struct stoa_ctx *ctx, const char *site, page_fn fn)
{
    struct stoa_ctx one = { 0 };
    struct config_site s = { .ctx = &one };
    json_t *json = NULL;
    int code = stoa_site_pick(ctx, site, &one);

    if (code == STOA_OK && !stoa_site_exists(&one))
        code = stoa_fail("the %s site is not on this machine (there is no %s). Say this where it "
                         "is, or name its directory with --state.", site, conf_state(one.conf));
    if (code == STOA_OK)
        code = fn(&s, &json);
    if (json) {
        json_dumpf(json, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(json);
    }
    ask_close(&s.ask);
    stoa_site_fini(&one);
    return code;
}

void page_line(const char *label, const char *value)
{
    printf("  %-50s: %s\n", label, str_empty(value) ? "none" : value);
}

void page_number(const char *label, unsigned value)
{
    printf("  %-50s: %u\n", label, value);
}

const char *page_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}
