/* SPDX-License-Identifier: Apache-2.0
 * Tickets: sealed text that says who may enter a space. Time comes from the caller. */
#ifndef CALLBRIDGE_TICKET_H
#define CALLBRIDGE_TICKET_H

#include <stdint.h>

#include <base/attr.h>

enum { GUID_LEN = 36, JID_MAX = 320, TOKEN_MAX = 32 };

/* What a ticket says. */
struct ticket {
    char space[GUID_LEN + 1];
    char access[GUID_LEN + 1]; /* "" the space itself */
    char jid[JID_MAX];
    char token[TOKEN_MAX];     /* opens the guest's chat session; "" no chat */
    int64_t expires_s;         /* wall clock */
};

/* Loads the key that all callbridges of the site share, or makes it. Errors: negative errno. */
int ticket_key_load(uint8_t key[32], const char *path) MUST_USE;

/* Returns the sealed text. Owner: the caller frees. */
char *ticket_seal(const uint8_t key[32], const struct ticket *t);

/* Errors: -EACCES not one of ours, or changed; -ETIMEDOUT expired. */
int ticket_open(struct ticket *out, const uint8_t key[32], const char *text,
                int64_t now_s) MUST_USE;

#endif
