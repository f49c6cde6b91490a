/* SPDX-License-Identifier: Apache-2.0
 * Objects: made of a row from the open topic and, where allowed, one from the secret topic. The
 * rows are kept, the members point into them. An object whose open row is missing is not shown. */
#include "site_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <bus/state.h>
#include <bus/validate.h>
#include <kinds/kinds.h>
#include <kinds/text.h>

enum { OPEN, SECRET };

/* --- index ----------------------------------------------------------------------------------- */

static char *index_key(const char *prefix, const char *value)
{
    char *key = str_printf("%s:%s", prefix, value);

    str_lower(key);
    return key;
}

struct site_bucket *site_bucket(const struct site *s, const char *prefix, const char *value)
{
    char *key = index_key(prefix, value ? value : "");
    struct site_bucket *b = map_get(s->index, key);

    free(key);
    return b;
}

struct site_object *site_first(const struct site *s, const char *prefix, const char *value)
{
    struct site_bucket *b = site_bucket(s, prefix, value);

    return b ? LIST_ENTRY(b->links.next, struct site_link, node)->object : NULL;
}

static void unlink_all(struct site *s, struct site_object *o)
{
    for (size_t i = 0; i < SITE_LINKS_MAX; i++) {
        struct site_bucket *b = o->links[i].bucket;

        if (!b)
            continue;
        list_del(&o->links[i].node);
        o->links[i].bucket = NULL;
        if (list_empty(&b->links)) {
            map_del(s->index, b->key);
            free(b->key);
            free(b);
        }
    }
}

static void link_one(struct site *s, struct site_object *o, size_t i, const char *prefix,
                     const char *value)
{
    char *key = index_key(prefix, value);
    struct site_bucket *b = map_get(s->index, key);

    if (!b) {
        b = MEM_NEW(struct site_bucket);
        b->key = key;
        list_init(&b->links);
        map_put(s->index, key, b);
    } else {
        free(key);
    }
    o->links[i].object = o;
    o->links[i].bucket = b;
    list_add_tail(&b->links, &o->links[i].node);
}

static void link_all(struct site *s, struct site_object *o)
{
    const struct site_model *m = &site_models[o->kind];
    size_t n = 0;

    if (!o->rows[OPEN])
        return;
    for (size_t i = 0; i < m->n_members && n < SITE_LINKS_MAX; i++) {
        const char *value;

        if (!m->members[i].index)
            continue;
        memcpy(&value, (char *)&o->as + m->members[i].offset, sizeof(value));
        if (value)
            link_one(s, o, n++, m->members[i].index, value);
    }
}

/* --- members --------------------------------------------------------------------------------- */

static void put_text(char *at, const char *v)
{
    memcpy(at, &v, sizeof(v));
}

static void put_bool(char *at, const char *v)
{
    bool b = str_eq(v, "true");

    memcpy(at, &b, sizeof(b));
}

static void put_u32(char *at, const char *v)
{
    uint32_t n = (uint32_t)strtoul(v, NULL, 10);

    memcpy(at, &n, sizeof(n));
}

static void put_port(char *at, const char *v)
{
    uint16_t n = (uint16_t)strtoul(v, NULL, 10);

    memcpy(at, &n, sizeof(n));
}

static void (*const put[])(char *at, const char *v) = {
    [SITE_TEXT] = put_text,
    [SITE_BOOL] = put_bool,
    [SITE_U32] = put_u32,
    [SITE_PORT] = put_port,
};

static void put_field(struct site_object *o, const Stoa__Config__V1__Field *f)
{
    const struct site_model *m = &site_models[o->kind];
    const char *value = f->secret ? f->secret : f->value;

    for (size_t i = 0; value && i < m->n_members; i++)
        if (str_eq(m->members[i].field, f->name))
            put[m->members[i].how]((char *)&o->as + m->members[i].offset, value);
}

static void rebuild(struct site *s, struct site_object *o)
{
    unlink_all(s, o);
    memset(&o->as, 0, sizeof(o->as));
    if (site_models[o->kind].has_id)
        put_text((char *)&o->as + site_models[o->kind].id_offset, o->id);
    for (size_t r = 0; r < 2; r++)
        for (size_t i = 0; o->rows[r] && i < o->rows[r]->n_fields; i++)
            put_field(o, o->rows[r]->fields[i]);
    link_all(s, o);
}

/* --- objects --------------------------------------------------------------------------------- */

static void drop_row(struct site_object *o, int which)
{
    ProtobufCMessage *msg = o->rows[which] ? &o->rows[which]->base : NULL;

    for (size_t i = 0; which == SECRET && msg && i < o->rows[which]->n_fields; i++) {
        char *v = o->rows[which]->fields[i]->secret;

        if (v)
            explicit_bzero(v, strlen(v));
    }
    bus_msg_free(&msg);
    o->rows[which] = NULL;
}

static void object_free(struct site *s, struct site_object *o)
{
    unlink_all(s, o);
    drop_row(o, OPEN);
    drop_row(o, SECRET);
    free(o->id);
    free(o);
}

static struct site_object *object_get(struct site *s, enum site_kind kind, const char *id,
                                      bool make)
{
    struct site_object *o = map_get(s->objects[kind], id);

    if (o || !make)
        return o;
    o = MEM_NEW(struct site_object);
    o->kind = kind;
    o->id = str_dup(id);
    map_put(s->objects[kind], id, o);
    return o;
}

/* Takes a row (NULL: gone) into its object. */
static void take_row(struct site *s, enum site_kind kind, const char *id, int which,
                     Stoa__Config__V1__Row *row)
{
    struct site_object *o = object_get(s, kind, id, row != NULL);

    if (!o || (!site_models[kind].has_id && !row))
        return; /* singletons are always there */
    drop_row(o, which);
    o->rows[which] = row;
    if (!o->rows[OPEN] && !o->rows[SECRET]) {
        map_del(s->objects[kind], id);
        object_free(s, o);
    } else {
        rebuild(s, o);
    }
    if (s->on_change)
        s->on_change(kind, id, s->arg);
}

int site_apply(struct site *s, const struct bus_state_row *row, bool secret)
{
    enum site_kind kind = site_kind_of(row->kind);
    ProtobufCMessage *msg = NULL;
    char *id;
    int err;

    if (kind == SITE_KINDS)
        return -ENOENT;
    if (row->data) {
        err = bus_unpack(&msg, &stoa__config__v1__row__descriptor, row->data, row->len);
        if (err)
            return -EBADMSG;
    }
    id = str_dup(row->id); /* the caller's may be a string of the row that goes */
    take_row(s, kind, id, secret ? SECRET : OPEN, (Stoa__Config__V1__Row *)(void *)msg);
    free(id);
    return 0;
}

/* --- from text ------------------------------------------------------------------------------- */

static Stoa__Config__V1__Row *make_row(const struct kinds_kind *k, const char *id,
                                       const struct kinds_text_row *text, bool secret)
{
    Stoa__Config__V1__Row row = STOA__CONFIG__V1__ROW__INIT;
    Stoa__Config__V1__Field *fields = mem_calloc(k->n_fields, sizeof(*fields));
    Stoa__Config__V1__Field **list = mem_calloc(k->n_fields, sizeof(*list));
    ProtobufCMessage *copy;

    for (size_t i = 0; i < k->n_fields; i++) {
        const char *value = text ? kinds_text_get(text, k->fields[i].name) : NULL;
        Stoa__Config__V1__Field *f = &fields[row.n_fields];

        if (str_empty(value))
            value = k->fields[i].dflt;
        if (!value || kinds_is_secret(&k->fields[i]) != secret)
            continue;
        stoa__config__v1__field__init(f);
        f->name = (char *)(uintptr_t)k->fields[i].name;
        *(secret ? &f->secret : &f->value) = (char *)(uintptr_t)value;
        list[row.n_fields++] = f;
    }
    row.kind = (char *)(uintptr_t)k->name;
    row.id = (char *)(uintptr_t)id;
    row.fields = list;
    copy = bus_msg_dup(&row.base);
    free(list);
    free(fields);
    return (Stoa__Config__V1__Row *)(void *)copy;
}

/* Values in their normal form, references as ids: an object's id is its key, unless the text has
 * one. */
static void load_row(struct site *s, struct kinds_text_row *text, size_t n)
{
    const struct kinds_kind *k = kinds_find(text->kind);
    const char *key = k->key ? kinds_text_get(text, k->key) : k->name;
    char *id = text->id ? str_dup(text->id) : key ? str_dup(key) : str_printf("%zu", n);

    take_row(s, site_kind_of(k->name), id, OPEN, make_row(k, id, text, false));
    if (k->secret_topic)
        take_row(s, site_kind_of(k->name), id, SECRET, make_row(k, id, text, true));
    free(id);
}

static int normalise(struct kinds_text_row *row, struct str *why)
{
    const struct kinds_kind *k = kinds_find(row->kind);

    for (size_t i = 0; i < row->n_fields; i++) {
        const struct kinds_field *f = kinds_field(k, row->fields[i].name);
        struct str norm = { 0 };
        int err = 0;

        if (f->type == KINDS_REF || str_empty(row->fields[i].value))
            continue;
        str_addf(why, "%s.%s: ", k->name, f->name);
        err = kinds_check(f, row->fields[i].value, &norm, why);
        if (!err) {
            str_set(&row->fields[i].value, norm.s);
            str_fini(why);
        }
        str_fini(&norm);
        if (err)
            return err;
    }
    return 0;
}

int site_load_text(struct site *s, const char *text, char *why, size_t cap)
{
    struct kinds_text t;
    struct str reason = { 0 };
    int err = kinds_text_parse(&t, text, &reason);

    for (size_t i = 0; !err && i < t.n_rows; i++) {
        err = normalise(&t.rows[i], &reason);
        if (!err)
            load_row(s, &t.rows[i], i);
    }
    if (err && why)
        (void)!str_copy(why, cap, reason.s ? reason.s : "");
    str_fini(&reason);
    kinds_text_fini(&t);
    return err;
}

/* --- life ------------------------------------------------------------------------------------ */

struct site *site_new(site_change_fn on_change, void *arg)
{
    struct site *s = MEM_NEW(struct site);

    for (size_t i = 0; i < SITE_KINDS; i++)
        s->objects[i] = map_new();
    s->index = map_new();
    /* Singletons are always there, with their defaults until config says more. */
    for (size_t i = 0; i < SITE_KINDS; i++) {
        const struct kinds_kind *k = kinds_find(site_models[i].kind);

        if (kinds_is_singleton(k))
            take_row(s, (enum site_kind)i, k->name, OPEN, make_row(k, k->name, NULL, false));
    }
    s->on_change = on_change;
    s->arg = arg;
    return s;
}

void site_free(struct site **sp)
{
    struct site *s = *sp;

    if (!s)
        return;
    *sp = NULL;
    if (s->unfollow)
        s->unfollow(s);
    for (size_t i = 0; i < SITE_KINDS; i++) {
        size_t it = 0;
        void *o;

        while (map_next(s->objects[i], &it, NULL, &o))
            object_free(s, o);
        map_free(s->objects[i]);
    }
    map_free(s->index);
    free(s);
}
