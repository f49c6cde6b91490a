/* SPDX-License-Identifier: Apache-2.0
 * Pieces of SCRAM messages. Source: RFC 5802 s7 (formal syntax) */
#include "scram_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/mem.h>
#include <evp/rand.h>

int scram_attr(const char **at, char name, struct scram_span *value)
{
    const char *s = *at;

    if (s[0] != name || s[0] == '\0' || s[1] != '=')
        return -EBADMSG;
    *value = (struct scram_span){ s + 2, strcspn(s + 2, ",") };
    s = value->at + value->len;
    /* A comma must be followed by something. */
    if (*s == ',' && *++s == '\0')
        return -EBADMSG;
    *at = s;
    return 0;
}

int scram_check(const char *message)
{
    return strnlen(message, SCRAM_MESSAGE_MAX + 1) > SCRAM_MESSAGE_MAX ? -EBADMSG : 0;
}

bool scram_nonce_ok(struct scram_span nonce)
{
    for (size_t i = 0; i < nonce.len; i++)
        if (nonce.at[i] < 0x21 || nonce.at[i] > 0x7e) /* commas end the span */
            return false;
    return nonce.len > 0;
}

char *scram_nonce(const char *given)
{
    uint8_t bytes[SCRAM_NONCE_LEN];
    char text[BASE64_SIZE(SCRAM_NONCE_LEN)];

    if (given)
        return str_dup(given);
    evp_random(bytes, sizeof(bytes));
    return str_dup(base64_encode(text, bytes, sizeof(bytes)));
}

ssize_t scram_decode(uint8_t *out, size_t cap, struct scram_span text)
{
    ssize_t n = base64_decode(out, cap, text.at, text.len);

    return n > 0 ? n : -EBADMSG;
}

void scram_add_base64(struct str *out, const void *data, size_t len)
{
    char *text = mem_zalloc(BASE64_SIZE(len));

    str_add(out, base64_encode(text, data, len));
    free(text);
}

void scram_add_name(struct str *out, const char *name)
{
    for (; *name; name++) {
        if (*name == ',' || *name == '=')
            str_add(out, *name == ',' ? "=2C" : "=3D");
        else
            str_addn(out, name, 1);
    }
}

int scram_read_name(char out[SCRAM_USER_MAX + 1], struct scram_span name)
{
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];

        if (c == '=') {
            if (name.len - i < 3 ||
                (memcmp(name.at + i, "=2C", 3) && memcmp(name.at + i, "=3D", 3)))
                return -EBADMSG;
            c = name.at[i + 2] == 'C' ? ',' : '=';
            i += 2;
        }
        if (n == SCRAM_USER_MAX)
            return -EBADMSG;
        out[n++] = c;
    }
    out[n] = '\0';
    return n && str_utf8_ok(out, n) ? 0 : -EBADMSG;
}

void scram_add_binding(struct str *out, const char *header, const struct scram_binding *binding)
{
    uint8_t mem[sizeof(SCRAM_HEADER_BOUND) + SCRAM_BINDING_LEN];
    size_t len = strlen(header);

    memcpy(mem, header, len);
    if (binding->on) {
        memcpy(mem + len, binding->data, SCRAM_BINDING_LEN);
        len += SCRAM_BINDING_LEN;
    }
    scram_add_base64(out, mem, len);
}
