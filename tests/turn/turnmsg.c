/* SPDX-License-Identifier: Apache-2.0 */
#include "turnmsg.h"

#include <assert.h>
#include <string.h>

#include <evp/rand.h>
#include <stun/credential.h>
#include <stun/integrity.h>

static const uint8_t algorithms[8] = { 0, 2, 0, 0, 0, 1, 0, 0 };
static const uint8_t sha256[4] = { 0, 2, 0, 0 }, md5[4] = { 0, 1, 0, 0 };

struct addr turnmsg_addr(const char *text)
{
    struct addr a;

    assert(addr_parse(&a, text) == 0);
    return a;
}

static struct evp_bytes key_of(const struct turnmsg_cred *c, uint8_t key[STUN_CRED_KEY_LEN])
{
    if (c->sha256) {
        stun_cred_key(key, c->user, c->realm, c->password);
        return EVP_BYTES(key, STUN_CRED_KEY_LEN);
    }
    stun_integrity_longterm_key(key, c->user, c->realm, c->password);
    return EVP_BYTES(key, STUN_LONGTERM_KEY_LEN);
}

static void put_cred(struct buf *b, const struct turnmsg_cred *c)
{
    uint8_t key[STUN_CRED_KEY_LEN];

    stun_attr_put_text(b, STUN_USERNAME, c->user);
    stun_attr_put_text(b, STUN_REALM, c->realm);
    stun_attr_put_text(b, STUN_NONCE, c->nonce);
    if (c->has_algorithms) {
        stun_attr_put_bytes(b, STUN_PASSWORD_ALGORITHMS, algorithms, sizeof(algorithms));
        stun_attr_put_bytes(b, STUN_PASSWORD_ALGORITHM, c->sha256 ? sha256 : md5, 4);
    }
    if (c->sha256)
        stun_integrity_put256(b, key_of(c, key));
    else
        stun_integrity_put(b, key_of(c, key));
}

static void put_attrs(struct buf *b, const struct turnmsg *m)
{
    uint8_t even = m->even == 2 ? 0x80 : 0;

    if (m->transport)
        stun_attr_put_u8_rsv(b, STUN_REQUESTED_TRANSPORT, (uint8_t)m->transport);
    if (m->lifetime)
        stun_attr_put_u32(b, STUN_LIFETIME, m->lifetime < 0 ? 0 : (uint32_t)m->lifetime);
    if (m->family)
        stun_attr_put_u8_rsv(b, STUN_REQUESTED_ADDRESS_FAMILY, (uint8_t)m->family);
    if (m->additional)
        stun_attr_put_u8_rsv(b, STUN_ADDITIONAL_ADDRESS_FAMILY, (uint8_t)m->additional);
    if (m->even)
        stun_attr_put_bytes(b, STUN_EVEN_PORT, &even, 1);
    if (m->token)
        stun_attr_put_u64(b, STUN_RESERVATION_TOKEN, 1);
    if (m->dont_fragment)
        stun_attr_put_flag(b, STUN_DONT_FRAGMENT);
    if (m->channel)
        stun_attr_put_u16_rsv(b, STUN_CHANNEL_NUMBER, (uint16_t)m->channel);
    if (m->unknown)
        stun_attr_put_u32(b, m->unknown, 0);
    for (size_t i = 0; i < m->n_peers; i++)
        stun_attr_put_xaddr(b, STUN_XOR_PEER_ADDRESS, &m->peers[i]);
    if (m->data)
        stun_attr_put_bytes(b, STUN_DATA_ATTR, m->data, m->data_len);
}

size_t turnmsg_write(uint8_t out[TURNMSG_MAX], struct turnmsg *m, const struct turnmsg_cred *cred)
{
    static const uint8_t zero[STUN_TXID_LEN];
    struct buf b = buf_writer(out, TURNMSG_MAX);

    if (memcmp(m->txid, zero, sizeof(zero)) == 0)
        evp_random(m->txid, sizeof(m->txid));
    stun_msg_begin(&b, m->cls, m->method, m->txid);
    put_attrs(&b, m);
    if (cred)
        put_cred(&b, cred);
    if (m->fingerprint)
        stun_msg_put_fingerprint(&b);
    assert(stun_msg_finish(&b) == 0);
    return b.pos;
}

void turnmsg_challenge(struct turnmsg_cred *cred, const struct stun_msg *m)
{
    assert(stun_attr_get_text(m, STUN_REALM, cred->realm, sizeof(cred->realm)) == 0);
    assert(stun_attr_get_text(m, STUN_NONCE, cred->nonce, sizeof(cred->nonce)) == 0);
}

bool turnmsg_integrity_ok(const struct turnmsg_cred *cred, const struct stun_msg *m)
{
    uint8_t key[STUN_CRED_KEY_LEN];
    struct evp_bytes k = key_of(cred, key);

    return (cred->sha256 ? stun_integrity_check256(m, k) : stun_integrity_check(m, k)) == 0;
}

uint16_t turnmsg_code(const struct stun_msg *m)
{
    uint16_t code = 0;

    if (m->cls == STUN_ERROR)
        assert(stun_attr_get_error(m, &code) == 0);
    return code;
}
