/* SPDX-License-Identifier: Apache-2.0
 * The bounds-checked cursor. */
#include <base/buf.h>

#include <string.h>

struct buf buf_reader(const void *data, size_t len)
{
    return (struct buf){ .in = data, .len = data ? len : 0 };
}

struct buf buf_writer(void *mem, size_t cap)
{
    return (struct buf){ .out = mem, .len = mem ? cap : 0 };
}

bool buf_ok(const struct buf *b)
{
    return !b->bad;
}

size_t buf_left(const struct buf *b)
{
    return b->bad ? 0 : b->len - b->pos;
}

/* Steps over n bytes and returns where they began; false when there are fewer. */
static bool take(struct buf *b, size_t n, size_t *at)
{
    if (b->bad || n > b->len - b->pos) {
        b->bad = true;
        return false;
    }
    *at = b->pos;
    b->pos += n;
    return true;
}

static uint64_t get(struct buf *b, size_t n)
{
    uint64_t v = 0;
    size_t at;

    if (!b->in)
        b->bad = true;
    if (!take(b, n, &at))
        return 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | b->in[at + i];
    return v;
}

static void put(struct buf *b, uint64_t v, size_t n)
{
    size_t at;

    if (!b->out)
        b->bad = true;
    if (!take(b, n, &at))
        return;
    for (size_t i = n; i-- > 0; v >>= 8)
        b->out[at + i] = (uint8_t)v;
}

uint8_t buf_get_u8(struct buf *b) { return (uint8_t)get(b, 1); }
uint16_t buf_get_u16(struct buf *b) { return (uint16_t)get(b, 2); }
uint32_t buf_get_u24(struct buf *b) { return (uint32_t)get(b, 3); }
uint32_t buf_get_u32(struct buf *b) { return (uint32_t)get(b, 4); }
uint64_t buf_get_u64(struct buf *b) { return get(b, 8); }

const uint8_t *buf_get_bytes(struct buf *b, size_t n)
{
    size_t at;

    if (!b->in)
        b->bad = true;
    return take(b, n, &at) ? b->in + at : NULL;
}

void buf_skip(struct buf *b, size_t n)
{
    size_t at;

    (void)take(b, n, &at);
}

struct buf buf_get_sub(struct buf *b, size_t n)
{
    const uint8_t *p = buf_get_bytes(b, n);
    struct buf sub = buf_reader(p, n);

    sub.bad = p == NULL;
    return sub;
}

void buf_put_u8(struct buf *b, uint8_t v) { put(b, v, 1); }
void buf_put_u16(struct buf *b, uint16_t v) { put(b, v, 2); }
void buf_put_u24(struct buf *b, uint32_t v) { put(b, v, 3); }
void buf_put_u32(struct buf *b, uint32_t v) { put(b, v, 4); }
void buf_put_u64(struct buf *b, uint64_t v) { put(b, v, 8); }

void buf_put_bytes(struct buf *b, const void *data, size_t n)
{
    size_t at;

    if (!b->out)
        b->bad = true;
    if (take(b, n, &at) && n > 0)
        memcpy(b->out + at, data, n);
}

void buf_put_zero(struct buf *b, size_t n)
{
    size_t at;

    if (!b->out)
        b->bad = true;
    if (take(b, n, &at))
        memset(b->out + at, 0, n);
}

void buf_patch_u16(struct buf *b, size_t at, uint16_t v)
{
    if (b->bad || !b->out || at + 2 > b->pos) {
        b->bad = true;
        return;
    }
    b->out[at] = (uint8_t)(v >> 8);
    b->out[at + 1] = (uint8_t)v;
}
