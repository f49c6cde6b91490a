/* SPDX-License-Identifier: Apache-2.0
 * The bounds-checked cursor through which all wire bytes are read and written.
 *
 * A buf either reads (over foreign bytes) or writes (into foreign memory of fixed size). An access
 * beyond the end changes nothing, sets `bad` and yields zeroes, so that a decoder reads a whole
 * structure and asks buf_ok() once. Integers are in network byte order. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

struct buf {
    const uint8_t *in; /* reading: the bytes; NULL for a writer */
    uint8_t *out;      /* writing: the memory; NULL for a reader */
    size_t pos;        /* next byte to read or write */
    size_t len;        /* end of what may be read or written */
    bool bad;          /* an access went beyond the end */
};

/* Starts reading `len` bytes at `data`, which must outlive the cursor. */
struct buf buf_reader(const void *data, size_t len);

/* Starts writing into `cap` bytes at `mem`, which must outlive the cursor. */
struct buf buf_writer(void *mem, size_t cap);

/* True while no access went beyond the end. */
bool buf_ok(const struct buf *b);

/* Bytes left to read, or room left to write; 0 once bad. */
size_t buf_left(const struct buf *b);

uint8_t buf_get_u8(struct buf *b);
uint16_t buf_get_u16(struct buf *b);
uint32_t buf_get_u24(struct buf *b);
uint32_t buf_get_u32(struct buf *b);
uint64_t buf_get_u64(struct buf *b);

/* Returns a pointer to the next `n` bytes and steps over them; NULL when there are fewer.
 * Owner: points into the read bytes. */
const uint8_t *buf_get_bytes(struct buf *b, size_t n);

/* Steps over `n` bytes. */
void buf_skip(struct buf *b, size_t n);

/* Returns a reader over the next `n` bytes and steps over them; a bad reader when there are
 * fewer. */
struct buf buf_get_sub(struct buf *b, size_t n);

void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u24(struct buf *b, uint32_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_bytes(struct buf *b, const void *data, size_t n);
void buf_put_zero(struct buf *b, size_t n);

/* Overwrites two bytes already written at `at` (a length known only later). */
void buf_patch_u16(struct buf *b, size_t at, uint16_t v);

#endif
