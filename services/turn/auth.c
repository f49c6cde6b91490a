/* SPDX-License-Identifier: Apache-2.0
 * Long-term credentials. RFC 8489 section 9.2. */
#include "auth.h"

#include <errno.h>
#include <string.h>

#include <base/str.h>
#include <evp/util.h>
#include <stun/integrity.h>

#include "nonce.h"

/* PASSWORD-ALGORITHMS as we send it: SHA-256, then MD5, both without parameters.
 * Source: RFC 8489 s14.11, s18.5 */
static const uint8_t algorithms[8] = { 0, 2, 0, 0, 0, 1, 0, 0 };

enum { ALGORITHM_MD5 = 1, ALGORITHM_SHA256 = 2 };

/* A client of RFC 8489 repeats our list and names its choice; anything else is somebody between us
 * who wants the weaker one. One of RFC 5389 knows neither. */
static int read_algorithm(struct turn_who *who, const struct stun_msg *m)
{
    const struct stun_attr *list = stun_msg_find(m, STUN_PASSWORD_ALGORITHMS);
    const struct stun_attr *one = stun_msg_find(m, STUN_PASSWORD_ALGORITHM);
    struct buf b;
    uint16_t number, params;

    who->sha256 = false;
    if (!turn_nonce_has_algorithms(who->nonce) || (!list && !one))
        return 0;
    if (!list || !one || list->len != sizeof(algorithms) ||
        memcmp(list->value, algorithms, sizeof(algorithms)) != 0)
        return -EINVAL;
    b = buf_reader(one->value, one->len);
    number = buf_get_u16(&b);
    params = buf_get_u16(&b);
    if (!buf_ok(&b) || params != 0 || (number != ALGORITHM_MD5 && number != ALGORITHM_SHA256))
        return -EINVAL;
    who->sha256 = number == ALGORITHM_SHA256;
    return 0;
}

int turn_auth_read(struct turn_who *who, const struct stun_msg *m)
{
    if (!m->integrity_at && !m->integrity256_at)
        return -ENOENT;
    if (stun_attr_get_text(m, STUN_USERNAME, who->name, sizeof(who->name)) ||
        !stun_attr_has(m, STUN_REALM))
        return -EINVAL;
    if (!stun_attr_has(m, STUN_NONCE))
        return -EINVAL;
    if (stun_attr_get_text(m, STUN_NONCE, who->nonce, sizeof(who->nonce)))
        who->nonce[0] = '\0'; /* none of ours: stale */
    who->timed = stun_cred_parse(&who->cred, who->name) == 0;
    who->user = who->timed ? who->cred.user : who->name;
    who->role = who->timed ? who->cred.role : STUN_CRED_GUEST;
    return read_algorithm(who, m);
}

int turn_auth_key(struct turn_who *who, const struct turn_rules *r)
{
    const struct turn_user *u = turn_rules_user(r, who->user);
    char made[STUN_CRED_PASSWORD_SIZE];
    const char *password;

    if (!u)
        return -ENOENT;
    password = u->password;
    if (who->timed) {
        stun_cred_password(made, u->key, who->name);
        password = made;
    }
    if (who->sha256) {
        who->key.len = STUN_CRED_KEY_LEN;
        stun_cred_key(who->key.bytes, who->name, r->realm, password);
    } else {
        who->key.len = STUN_LONGTERM_KEY_LEN;
        stun_integrity_longterm_key(who->key.bytes, who->name, r->realm, password);
    }
    evp_wipe(made, sizeof(made));
    return 0;
}

int turn_auth_verify(const struct turn_key *key, const struct stun_msg *m)
{
    struct evp_bytes k = EVP_BYTES(key->bytes, key->len);

    return m->integrity256_at ? stun_integrity_check256(m, k) : stun_integrity_check(m, k);
}

void turn_auth_put_challenge(struct buf *b, const char *realm, const char *nonce)
{
    stun_attr_put_text(b, STUN_REALM, realm);
    stun_attr_put_text(b, STUN_NONCE, nonce);
    stun_attr_put_bytes(b, STUN_PASSWORD_ALGORITHMS, algorithms, sizeof(algorithms));
}

void turn_auth_put_integrity(struct buf *b, const struct turn_key *key)
{
    struct evp_bytes k = EVP_BYTES(key->bytes, key->len);

    if (key->integrity256)
        stun_integrity_put256(b, k);
    else
        stun_integrity_put(b, k);
}
