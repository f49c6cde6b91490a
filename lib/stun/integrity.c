/* SPDX-License-Identifier: Apache-2.0
 * Integrity of STUN messages. RFC 8489 sections 9 and 14.5-14.6. */
#include <stun/integrity.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <evp/hash.h>
#include <stun/attr.h>

enum { ATTR_HDR_LEN = 4 };

typedef void (*hmac_fn)(uint8_t *out, struct evp_bytes key, const struct evp_bytes *parts,
                        size_t n);

/* The HMAC covers the `at` bytes before the attribute, with a header whose length counts up to the
 * end of that attribute (`len` bytes of value). Hence the header's start goes in as a piece of its
 * own. */
struct span {
    const uint8_t *data;
    size_t at, len;
};

static void sum(uint8_t *out, hmac_fn hmac, struct evp_bytes key, struct span s)
{
    uint8_t head[4];
    struct buf b = buf_writer(head, sizeof(head));
    const struct evp_bytes parts[] = { EVP_BYTES(head, sizeof(head)),
                                       EVP_BYTES(s.data + sizeof(head), s.at - sizeof(head)) };

    buf_put_bytes(&b, s.data, 2);
    buf_put_u16(&b, (uint16_t)(s.at - STUN_HDR_LEN + ATTR_HDR_LEN + s.len));
    hmac(out, key, parts, ARRAY_LEN(parts));
}

static void put(struct buf *b, uint16_t type, hmac_fn hmac, struct evp_bytes key)
{
    uint8_t mac[EVP_SHA256_SIZE];
    uint16_t len = type == STUN_MESSAGE_INTEGRITY ? EVP_SHA1_SIZE : EVP_SHA256_SIZE;

    if (b->pos < STUN_HDR_LEN || b->pos + ATTR_HDR_LEN + len > UINT16_MAX)
        b->bad = true;
    if (!buf_ok(b))
        return;
    sum(mac, hmac, key, (struct span){ b->out, b->pos, len });
    stun_attr_put_bytes(b, type, mac, len);
}

void stun_integrity_put(struct buf *b, struct evp_bytes key)
{
    put(b, STUN_MESSAGE_INTEGRITY, evp_hmac_sha1_parts, key);
}

void stun_integrity_put256(struct buf *b, struct evp_bytes key)
{
    put(b, STUN_MESSAGE_INTEGRITY_SHA256, evp_hmac_sha256_parts, key);
}

static int check(const struct stun_msg *m, uint32_t at, hmac_fn hmac, struct evp_bytes key)
{
    uint8_t mac[EVP_SHA256_SIZE];
    struct buf b = buf_reader(m->data, m->len);
    const uint8_t *got;
    uint16_t len;

    if (!at)
        return -ENOENT;
    buf_skip(&b, at + 2);
    len = buf_get_u16(&b);
    got = buf_get_bytes(&b, len);
    if (!got || len > sizeof(mac))
        return -EACCES;
    sum(mac, hmac, key, (struct span){ m->data, at, len });
    return evp_ct_equal(mac, got, len) ? 0 : -EACCES;
}

int stun_integrity_check(const struct stun_msg *m, struct evp_bytes key)
{
    return check(m, m->integrity_at, evp_hmac_sha1_parts, key);
}

int stun_integrity_check256(const struct stun_msg *m, struct evp_bytes key)
{
    return check(m, m->integrity256_at, evp_hmac_sha256_parts, key);
}

void stun_integrity_longterm_key(uint8_t key[STUN_LONGTERM_KEY_LEN], const char *user,
                                 const char *realm, const char *password)
{
    char *text = str_printf("%s:%s:%s", user, realm, password);
    size_t len = strlen(text);

    evp_md5(key, text, len);
    evp_wipe(text, len);
    free(text);
}
