/* SPDX-License-Identifier: Apache-2.0
 * Frames of the control stream. Memory for a frame is taken once its length is known to be allowed.
 */
#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/buf.h>
#include <base/mem.h>
#include <base/str.h>
#include <bus/validate.h>
#include <tunnel/link.h>

enum { HEAD = 4 };

static size_t count_members(const Stoa__Zone__V1__Frame *f, unsigned *last)
{
    const ProtobufCMessageDescriptor *d = f->base.descriptor;
    size_t n = 0;

    for (unsigned i = 0; i < d->n_fields; i++) {
        const char *at = (const char *)f + d->fields[i].offset;

        if (*(void *const *)(const void *)at) {
            *last = d->fields[i].id;
            n++;
        }
    }
    return n;
}

unsigned tunnel_frame_member(const Stoa__Zone__V1__Frame *f)
{
    unsigned member = 0;

    (void)count_members(f, &member);
    return member;
}

static int decode(const uint8_t *data, size_t len, Stoa__Zone__V1__Frame **out)
{
    ProtobufCMessage *msg = NULL;
    unsigned member = 0;

    if (bus_unpack(&msg, &stoa__zone__v1__frame__descriptor, data, len) != 0)
        return -EBADMSG;
    *out = (Stoa__Zone__V1__Frame *)msg;
    if (count_members(*out, &member) == 1)
        return 0;
    tunnel_frame_free(out);
    return -EBADMSG;
}

/* Moves bytes from `*data` until `*at` is `end`; true when it is. */
static bool fill(uint8_t *mem, size_t *at, size_t end, const uint8_t **data, size_t *len)
{
    size_t n = MIN(end - *at, *len);

    if (n > 0)
        memcpy(mem + *at, *data, n);
    *at += n;
    *data += n;
    *len -= n;
    return *at == end;
}

int tunnel_inbox_take(struct tunnel_inbox *in, const uint8_t **data, size_t *len,
                      Stoa__Zone__V1__Frame **out)
{
    struct buf head;
    int err;

    if (!in->mem) {
        if (!fill(in->head, &in->head_len, HEAD, data, len))
            return 0;
        head = buf_reader(in->head, HEAD);
        in->len = buf_get_u32(&head);
        if (in->len == 0 || in->len > TUNNEL_FRAME_MAX)
            return -EBADMSG;
        in->mem = mem_zalloc(in->len);
    }
    if (!fill(in->mem, &in->at, in->len, data, len))
        return 0;
    err = decode(in->mem, in->len, out);
    tunnel_inbox_fini(in);
    return err ? err : 1;
}

void tunnel_inbox_fini(struct tunnel_inbox *in)
{
    free(in->mem);
    *in = (struct tunnel_inbox){ 0 };
}

void tunnel_frame_free(Stoa__Zone__V1__Frame **f)
{
    if (*f)
        stoa__zone__v1__frame__free_unpacked(*f, NULL);
    *f = NULL;
}

uint8_t *tunnel_frame_bytes(const Stoa__Zone__V1__Frame *f, size_t *len)
{
    size_t n = stoa__zone__v1__frame__get_packed_size(f);
    uint8_t *mem;
    struct buf head;

    if (n > TUNNEL_FRAME_MAX)
        return NULL;
    mem = mem_zalloc(HEAD + n);
    head = buf_writer(mem, HEAD);
    buf_put_u32(&head, (uint32_t)n);
    (void)stoa__zone__v1__frame__pack(f, mem + HEAD);
    *len = HEAD + n;
    return mem;
}

char *tunnel_text(const char *text, size_t max)
{
    char *copy = str_ndup(text ? text : "", max);

    for (char *c = copy; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    /* A character that was cut in two is no text any more. */
    for (size_t n = strlen(copy); n > 0 && !str_utf8_ok(copy, n); n--)
        copy[n - 1] = '\0';
    return copy;
}
