/* SPDX-License-Identifier: Apache-2.0
 * The inside of bustap: source.c receives and decodes, filter.c selects, show.c prints lines and
 * JSON, ladder.c draws one join as a sequence diagram. */
#ifndef BUSTAP_BUSTAP_H
#define BUSTAP_BUSTAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

#include <bus/envelope.h>

/* One tapped message. */
struct tapped {
    const Stoa__Bus__V1__TapRecord *rec;
    const Stoa__Bus__V1__Envelope *env;
};

/* --- source.c --- */

struct source;

struct source_opts {
    uv_loop_t *loop;
    const char *endpoint, *keys_dir;
    void (*on_message)(void *arg, const struct tapped *t);
    void (*on_lost)(void *arg, uint64_t n);        /* the tap dropped n messages before this one */
    void (*on_attached)(void *arg);
    void (*on_trouble)(void *arg, const char *why); /* key refused, nobody there */
    void *arg;
};

/* Attaches to the tap with the key of role admin. Errors: -ENOENT no key; -EINVAL endpoint. */
int source_new(struct source **out, const struct source_opts *opts) MUST_USE;
void source_free(struct source **s);

/* --- filter.c --- */

enum { FILTER_MAX = 32 };

/* All conditions must hold. */
struct filter {
    struct {
        const char *name, *value;
    } cond[FILTER_MAX];
    size_t n;
};

/* Adds name=value; names are type, kind, src, dst, subject, topic, trace, verdict, or the JSON
 * name of a body field ("callId"), also of a nested one. Errors: -E2BIG. */
int filter_add(struct filter *f, const char *name, const char *value) MUST_USE;
bool filter_match(const struct filter *f, const struct tapped *t);

/* --- show.c --- */

/* "webbridge/1a2b3c4d" (instance cut to 8 digits), or the role alone. Owner: the caller. */
char *show_party(const char *role, const char *instance);

/* The type without its package. */
const char *show_short_type(const char *type);

/* The body as JSON with secrets masked; NULL for an unknown or malformed one. Owner: the caller. */
json_t *show_body(const struct tapped *t);

/* One line for people, one JSON object for programs. Owner: the caller. */
char *show_line(const struct tapped *t);
char *show_json(const struct tapped *t);

/* --- ladder.c --- */

struct ladder;

/* Collects messages for `what`: a trace id (32 hex digits) or a subject (call or space). */
struct ladder *ladder_new(const char *what);
void ladder_free(struct ladder **l);
void ladder_add(struct ladder *l, const struct tapped *t);

/* Draws what belongs to `what`: its messages, and all with a trace id that one of them has.
 * Returns the number of messages. Owner: *text is the caller's. */
size_t ladder_draw(const struct ladder *l, char **text);

#endif
