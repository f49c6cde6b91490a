/* SPDX-License-Identifier: Apache-2.0
 * Between rows of the store and messages of config.proto. */
#ifndef CONFIG_MSG_H
#define CONFIG_MSG_H

#include <config.pb-c.h>

#include "store.h"

/* Which fields of a row go out, and how. */
enum msg_view {
    MSG_OPEN,   /* an open topic: no secrets; defaults filled in */
    MSG_SECRET, /* a secret topic: the secrets alone, in `secret` */
    MSG_ADMIN,  /* administrators: all but hidden fields; defaults filled in */
    MSG_EXPORT, /* the same without defaults */
};

/* Makes a message of a row. Owner: the caller, msg_row_free(). */
Stoa__Config__V1__Row *msg_row_new(const struct store_row *row, enum msg_view view);

/* Frees and wipes. NULL is fine. */
void msg_row_free(Stoa__Config__V1__Row *msg);

/* Rows of a reply, up to a size. All zero is an empty list. */
struct msg_rows {
    Stoa__Config__V1__Row **rows;
    size_t n, size_b;
};

/* Adds a row; false when the reply is full (it is then not added). */
bool msg_rows_add(struct msg_rows *rows, const struct store_row *row, enum msg_view view);
void msg_rows_fini(struct msg_rows *rows);

/* Packs a row for a topic. Owner: the caller, ends with msg_packed_free(). */
uint8_t *msg_row_pack(const struct store_row *row, enum msg_view view, size_t *len);
void msg_packed_free(uint8_t *packed, size_t len);

/* Takes the fields of a message into an initialised row. */
int msg_take_fields(struct store_row *row, Stoa__Config__V1__Field *const *fields, size_t n,
                    struct store_problem *p) MUST_USE;

/* Makes the message's view of a problem; its strings are `p`'s. */
void msg_problem(Stoa__Config__V1__Problem *msg, const struct store_problem *p);

#endif
