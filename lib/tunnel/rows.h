/* SPDX-License-Identifier: Apache-2.0
 * Facts of one end of a connection: kept where they are said, so that only changes are sent, and
 * where they are heard, so that they can be taken back and said again. */
#ifndef TUNNEL_ROWS_H
#define TUNNEL_ROWS_H

#include <zone.pb-c.h>

#include <tunnel/link.h>

enum {
    TUNNEL_ROWS_B = 1 << 20,  /* of all rows of a connection */
    TUNNEL_ROW_B = TUNNEL_FRAME_MAX - 64, /* with its seq it is one frame */
    TUNNEL_KIND_MAX = 64,     /* bytes of the texts of a row */
    TUNNEL_ID_MAX = 256,
    TUNNEL_NAME_MAX = 64,
    TUNNEL_VALUE_MAX = 4096,
};

struct tunnel_rows;

struct tunnel_rows *tunnel_rows_new(void);
void tunnel_rows_free(struct tunnel_rows **r);

/* Keeps a fact, or that it is gone. Returns 1, or 0 when nothing is new by it.
 * Errors: -E2BIG over a limit; -EINVAL no kind or id. */
int tunnel_rows_set(struct tunnel_rows *r, const struct tunnel_row *row) MUST_USE;

/* The next change that has not been taken, oldest first; false: none. Valid until the next call.
 * Shape: one of the two is set, without seq. */
bool tunnel_rows_next(struct tunnel_rows *r, Stoa__Zone__V1__Row **row,
                      Stoa__Zone__V1__RowGone **gone);

/* Calls `fn` for each fact, as it is, or as gone. */
void tunnel_rows_each(const struct tunnel_rows *r, bool gone,
                      void (*fn)(void *arg, const struct tunnel_row *row), void *arg);

size_t tunnel_rows_count(const struct tunnel_rows *r);

/* Reads a Row. Errors: -E2BIG more fields than TUNNEL_FIELDS_MAX. */
int tunnel_row_of(struct tunnel_row *out, struct tunnel_field fields[TUNNEL_FIELDS_MAX],
                  const Stoa__Zone__V1__Row *row) MUST_USE;

#endif
