/* SPDX-License-Identifier: Apache-2.0
 * Pages of the guide as text or JSON: each reads what it shows from one site. */
#ifndef STOA_PAGES_H
#define STOA_PAGES_H

#include <jansson.h>

#include "config_rows.h"

/* Prints a page; with --json leaves it in *json instead. Returns STOA_OK or STOA_FAILED. */
typedef int (*page_fn)(struct config_site *s, json_t **json);

/* Shows a page of a site, whatever --site says when it is not given. Returns the exit code. */
int page_show(const struct stoa_ctx *ctx, const char *site, page_fn fn);

/* "  Label       : value" lines; an empty value is "none". */
void page_line(const char *label, const char *value);
void page_number(const char *label, unsigned value);

/* A text of a JSON object; "" when there is none. */
const char *page_text(const json_t *o, const char *key);

int page_turn(struct config_site *s, json_t **json);
int page_accounts(struct config_site *s, json_t **json);

#endif
