/* SPDX-License-Identifier: Apache-2.0
 * Names and flags: those of the environment. */
#include "webbridge.h"

#include <stdlib.h>
#include <string.h>

#include <log/log.h>

/* Adds each of a comma-separated list. */
static void add_names(struct wb_names *n, const char *list)
{
    for (const char *p = list; p != NULL && *p != '\0';) {
        p += strspn(p, ", ");
        size_t len = strcspn(p, ", ");
        char *name = str_ndup(p, len);
        if (len > 0 && wb_names_add(n, name) != 0)
            log_warning("name %s: cannot be a Host, left out", name);
        free(name);
        p += len;
    }
}

void wb_config_apply(struct webbridge *wb)
{
    struct str names = { 0 };
    wb_names_clear(wb->names);
    add_names(wb->names, wb->public_name);
    if (wb->demo)
        wb_names_add_machine(wb->names);
    wb->settings.id_and_passcode = wb->settings.hyperlinks = true;
    wb_names_print(wb->names, &names);
    if (!str_eq(names.s, wb->names_text)) {
        log_info("names of the guest page: %s", names.len > 0 ? names.s : "none configured");
        str_set(&wb->names_text, names.s);
    }
    str_fini(&names);
    wb_welcome_update(wb);
}

void wb_config_free(struct webbridge *wb)
{
    str_set(&wb->settings.background_image, NULL);
    str_set(&wb->settings.logo, NULL);
    str_set(&wb->settings.img_src, NULL);
    str_set(&wb->names_text, NULL);
}
