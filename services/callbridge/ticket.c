/* SPDX-License-Identifier: Apache-2.0
 * Tickets: what a login found out, sealed, so that joining again needs no passcode and no memory of
 * ours. Only callbridges of the site hold the key; access is checked against the live configuration
 * each time a ticket is used. */
#include "ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/buf.h>
#include <base/hex.h>
#include <base/str.h>
#include <evp/aead.h>
#include <evp/rand.h>

enum { TICKET_VERSION = 1, TICKET_BYTES_MAX = 512 };

static const char purpose[] = "stoa ticket";

static int read_key(uint8_t key[32], const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = read(fd, key, 32);
    close(fd);
    return n == 32 ? 0 : -EBADMSG;
}

/* Makes the key under a name of its own and links it into place: of two callbridges that start at
 * once one wins and both read the same key. */
static int make_key(const char *path)
{
    char *tmp = str_printf("%s.%ld", path, (long)getpid());
    uint8_t key[32];
    int fd, rc = 0;

    evp_random(key, sizeof(key));
    /* of one that was killed here; in a container the number is always the same */
    (void)unlink(tmp);
    fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        rc = -errno;
        goto out;
    }
    if (write(fd, key, sizeof(key)) != (ssize_t)sizeof(key) || fsync(fd))
        rc = -EIO;
    close(fd);
    if (rc == 0 && link(tmp, path) && errno != EEXIST)
        rc = -errno;
    (void)unlink(tmp);
out:
    evp_wipe(key, sizeof(key));
    free(tmp);
    return rc;
}

int ticket_key_load(uint8_t key[32], const char *path)
{
    int rc = read_key(key, path);

    if (rc != -ENOENT)
        return rc;
    rc = make_key(path);
    return rc ? rc : read_key(key, path);
}

static void put_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    buf_put_u16(out, (uint16_t)len);
    buf_put_bytes(out, text, len);
}

static void get_text(struct buf *in, char *dst, size_t cap)
{
    size_t len = buf_get_u16(in);
    const uint8_t *bytes = buf_get_bytes(in, len);

    if (!bytes || len >= cap) {
        in->bad = true;
        return;
    }
    memcpy(dst, bytes, len);
    dst[len] = '\0';
}

char *ticket_seal(const uint8_t key[32], const struct ticket *t)
{
    uint8_t plain[TICKET_BYTES_MAX], sealed[TICKET_BYTES_MAX + EVP_AEAD_OVERHEAD];
    char text[BASE64_SIZE(sizeof(sealed))];
    struct buf out = buf_writer(plain, sizeof(plain));
    ssize_t n;

    buf_put_u8(&out, TICKET_VERSION);
    buf_put_u64(&out, (uint64_t)t->expires_s);
    put_text(&out, t->space);
    put_text(&out, t->access);
    put_text(&out, t->jid);
    put_text(&out, t->token);
    if (!buf_ok(&out))
        return NULL;
    n = evp_aead_seal(sealed, sizeof(sealed), key, (struct evp_bytes){ purpose, sizeof(purpose) },
                      (struct evp_bytes){ plain, out.pos });
    return n < 0 ? NULL : str_dup(base64url_encode(text, sealed, (size_t)n));
}

int ticket_open(struct ticket *out, const uint8_t key[32], const char *text, int64_t now_s)
{
    uint8_t sealed[TICKET_BYTES_MAX + EVP_AEAD_OVERHEAD], plain[TICKET_BYTES_MAX];
    ssize_t n = base64_decode(sealed, sizeof(sealed), text, strlen(text));
    struct buf in;

    if (n < 0)
        return -EACCES;
    n = evp_aead_open(plain, sizeof(plain), key, (struct evp_bytes){ purpose, sizeof(purpose) },
                      (struct evp_bytes){ sealed, (size_t)n });
    if (n < 0)
        return -EACCES;
    in = buf_reader(plain, (size_t)n);
    if (buf_get_u8(&in) != TICKET_VERSION)
        return -EACCES;
    out->expires_s = (int64_t)buf_get_u64(&in);
    get_text(&in, out->space, sizeof(out->space));
    get_text(&in, out->access, sizeof(out->access));
    get_text(&in, out->jid, sizeof(out->jid));
    get_text(&in, out->token, sizeof(out->token));
    if (!buf_ok(&in) || buf_left(&in) != 0)
        return -EACCES;
    return out->expires_s > now_s ? 0 : -ETIMEDOUT;
}
