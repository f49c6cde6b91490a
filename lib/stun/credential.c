/* SPDX-License-Identifier: Apache-2.0
 * Time-limited TURN credentials. */
#include <stun/credential.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/str.h>
#include <evp/hash.h>

enum { EXPIRY_DIGITS = 12 };

static bool is_role(char c)
{
    return c == STUN_CRED_GUEST || c == STUN_CRED_CALLBRIDGE;
}

static bool is_id(const char *id, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)id[i]) && id[i] != '_' && id[i] != '-')
            return false;
    return len > 0 && len < STUN_CRED_ID_SIZE;
}

int stun_cred_parse(struct stun_cred *out, const char *name)
{
    size_t digits = strspn(name, "0123456789"), len;
    const char *id = name + digits + 3;

    if (digits == 0 || digits > EXPIRY_DIGITS || name[digits] != ':')
        return -EINVAL;
    if (!is_role(name[digits + 1]) || name[digits + 2] != ':')
        return -EINVAL;
    len = strcspn(id, ":");
    if (!is_id(id, len) || id[len] != ':' || id[len + 1] == '\0')
        return -EINVAL;
    *out = (struct stun_cred){
        .expires_s = strtoll(name, NULL, 10),
        .role = name[digits + 1],
        .user = id + len + 1,
    };
    memcpy(out->id, id, len);
    return 0;
}

int stun_cred_print(const struct stun_cred *c, char *dst, size_t cap)
{
    int n;

    if (c->expires_s < 0 || c->expires_s > INT64_C(999999999999) || !is_role(c->role) ||
        !is_id(c->id, strnlen(c->id, sizeof(c->id))) || !c->user || !c->user[0])
        return -EINVAL;
    n = snprintf(dst, cap, "%" PRId64 ":%c:%s:%s", c->expires_s, c->role, c->id, c->user);
    return n < 0 || (size_t)n >= cap ? -EOVERFLOW : 0;
}

void stun_cred_key(uint8_t key[STUN_CRED_KEY_LEN], const char *user, const char *realm,
                   const char *password)
{
    char *text = str_printf("%s:%s:%s", user, realm, password);

    evp_sha256(key, text, strlen(text));
    evp_wipe(text, strlen(text));
    free(text);
}

void stun_cred_password(char dst[STUN_CRED_PASSWORD_SIZE], const uint8_t key[STUN_CRED_KEY_LEN],
                        const char *name)
{
    uint8_t derived[EVP_SHA256_SIZE], mac[EVP_SHA256_SIZE];

    evp_hkdf_sha256(derived, sizeof(derived), EVP_BYTES(key, STUN_CRED_KEY_LEN), EVP_NO_BYTES,
                    "stoa-turn");
    evp_hmac_sha256(mac, EVP_BYTES(derived, sizeof(derived)), name, strlen(name));
    (void)base64_encode(dst, mac, sizeof(mac));
    evp_wipe(derived, sizeof(derived));
}

void stun_cred_foreign(char dst[STUN_CRED_PASSWORD_SIZE], const char *secret, const char *name)
{
    uint8_t mac[EVP_SHA1_SIZE];

    evp_hmac_sha1(mac, EVP_BYTES(secret, strlen(secret)), name, strlen(name));
    (void)base64_encode(dst, mac, sizeof(mac));
}
