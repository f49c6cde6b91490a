/* SPDX-License-Identifier: Apache-2.0
 * A conversation of SCRAM in which the other side says anything. The first byte chooses the side; lines
 * are its messages. Whoever does not have the key is never let in. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <scram/scram.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint8_t mask_key[32] = { 1 };

/* The next line of the input; NULL: no more. Owner: the caller. */
static char *line(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *stop;
    char *text;

    if (*at >= end)
        return NULL;
    stop = memchr(*at, '\n', (size_t)(end - *at));
    stop = stop ? stop : end;
    text = str_ndup((const char *)*at, (size_t)(stop - *at));
    *at = stop + 1;
    return text;
}

static void as_server(const uint8_t *at, const uint8_t *end, bool bound)
{
    struct scram_binding binding = { .on = bound };
    struct scram_server *s = scram_server_new(SCRAM_SHA_256, &binding, "server");
    char *first = line(&at, end), *final = NULL, *challenge, *out = NULL;
    const char *user;

    if (first && scram_server_first(s, first, &user) == 0) {
        assert(user[0] && strlen(user) <= SCRAM_USER_MAX);
        challenge = scram_server_challenge(s, NULL, mask_key);
        assert(str_starts(challenge, "r="));
        free(challenge);
        final = line(&at, end);
        assert(!final || (scram_server_final(s, final, &out) < 0 && !out));
    }
    free(first);
    free(final);
    scram_server_free(&s);
}

static void as_client(const uint8_t *at, const uint8_t *end, bool bound)
{
    struct scram_binding binding = { .on = bound };
    struct scram_client *c = scram_client_new(SCRAM_SHA_1, "user", "secret", &binding, "client");
    char *challenge = line(&at, end), *answer = NULL, *final = NULL;

    /* Not a slow one: a million iterations are allowed, and would be all that is tried. */
    if (challenge && strstr(challenge, "i=4096") && scram_client_final(c, challenge, &final) == 0) {
        assert(str_starts(final, "c="));
        answer = line(&at, end);
        assert(!answer || scram_client_done(c, answer) < 0);
    }
    free(challenge);
    free(answer);
    free(final);
    scram_client_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct scram_verifier v, again;
    char *text, *printed;

    if (len == 0)
        return 0;
    if (data[0] & 4) {
        text = str_ndup((const char *)data + 1, len - 1);
        if (scram_verifier_parse(&v, text) == 0) {
            printed = scram_verifier_print(&v);
            assert(scram_verifier_parse(&again, printed) == 0);
            assert(again.salt_len == v.salt_len && again.iterations == v.iterations);
            free(printed);
        }
        free(text);
    } else if (data[0] & 1) {
        as_server(data + 1, data + len, data[0] & 2);
    } else {
        as_client(data + 1, data + len, data[0] & 2);
    }
    return 0;
}
