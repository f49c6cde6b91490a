/* SPDX-License-Identifier: Apache-2.0
 * Rules between rows, and values that config makes itself.
 *
 * A space and its access methods are *doors*. A call ID or URI leads to one space; doors of one
 * space may share it if their passcodes differ (the host and guest PIN pattern). The conflicts have
 * the names that scripts of the guide's system know. */
#include "store_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <evp/rand.h>

#include "limits.h"

typedef int (*rule_fn)(struct store *st, struct store_row *row, struct store_problem *p);

void store_make_secret(char out[23])
{
    uint8_t bytes[16];

    evp_random(bytes, sizeof(bytes));
    base64url_encode(out, bytes, sizeof(bytes)); /* 128 bits are 22 characters */
    evp_wipe(bytes, sizeof(bytes));
}

/* --- doors ----------------------------------------------------------------------------------- */

/* Where a number can stand: both kinds of door, and their columns. */
static const struct place {
    const char *kind, *column, *space; /* `space`: column with the id of the door's space */
} call_id_places[] = {
    { "space", "callId", "id" },
    { "accessMethod", "callId", "space" },
}, uri_places[] = {
    { "space", "uri", "id" },
    { "space", "secondaryUri", "id" },
    { "accessMethod", "uri", "space" },
};

struct door_rule {
    const char *field;
    const struct place *places;
    size_t n_places;
    const char *taken, *same_passcode; /* failure names */
};

static const struct door_rule door_rules[] = {
    { "callId", call_id_places, ARRAY_LEN(call_id_places), "duplicateCoSpaceId",
      "duplicateCoSpaceIdPasscode" },
    { "uri", uri_places, ARRAY_LEN(uri_places), "duplicateCoSpaceUri",
      "duplicateCoSpaceUriPasscode" },
    { "secondaryUri", uri_places, ARRAY_LEN(uri_places), "duplicateCoSpaceUri",
      "duplicateCoSpaceUriPasscode" },
};

static const char *space_of(const struct store_row *row)
{
    return str_eq(row->kind->name, "space") ? row->id : store_row_get(row, "space");
}

static const char *passcode_of(const struct store_row *row)
{
    const char *v = store_row_get(row, "passcode");

    return v ? v : "";
}

/* `other` has the number of `row`: is that a conflict? */
static int judge(const struct door_rule *rule, const struct store_row *row,
                 const struct store_row *other, struct store_problem *p)
{
    const struct kinds_field *f = kinds_field(row->kind, rule->field);
    const char *value = store_row_get(row, rule->field), *name = store_row_get(other, "name");

    if (row->kind == other->kind && str_eq(row->id, other->id))
        return 0;
    if (!str_eq(space_of(row), space_of(other)))
        return store_fail(p, STORE_CONFLICT, rule->taken, row->kind, f,
                          "\"%.128s\" already leads to another space (%s \"%.64s\")", value,
                          other->kind->name, name ? name : other->id);
    if (!str_eq(passcode_of(row), passcode_of(other)))
        return 0;
    return store_fail(p, STORE_CONFLICT, rule->same_passcode, row->kind, f,
                      "\"%.128s\" with the same passcode already belongs to the %s \"%.64s\"",
                      value, other->kind->name, name ? name : other->id);
}

static int check_place(struct store *st, const struct door_rule *rule, const struct place *place,
                       const struct store_row *row, struct store_problem *p)
{
    const struct kinds_kind *kind = kinds_find(place->kind);
    struct str sql = { 0 };
    sqlite3_stmt *q;
    int err;

    str_add(&sql, "SELECT ");
    store_columns(&sql, kind);
    str_addf(&sql, " FROM \"k_%s\" WHERE \"%s\" = ?", kind->name, place->column);
    err = store_prepare(st, &q, sql.s, p);
    str_fini(&sql);
    if (err)
        return err;
    sqlite3_bind_text(q, 1, store_row_get(row, rule->field), -1, SQLITE_STATIC);
    while (!err && sqlite3_step(q) == SQLITE_ROW) {
        struct store_row other;

        store_row_init(&other, kind);
        err = store_read_row(st, q, &other, p);
        if (!err)
            err = judge(rule, row, &other, p);
        store_row_fini(&other);
    }
    sqlite3_finalize(q);
    return err;
}

static int check_doors(struct store *st, struct store_row *row, struct store_problem *p)
{
    int err = 0;

    for (size_t i = 0; !err && i < ARRAY_LEN(door_rules); i++) {
        const struct door_rule *rule = &door_rules[i];

        for (size_t j = 0; !err && store_row_get(row, rule->field) && j < rule->n_places; j++)
            err = check_place(st, rule, &rule->places[j], row, p);
    }
    if (!err && store_row_get(row, "uri") &&
        str_eq(store_row_get(row, "uri"), store_row_get(row, "secondaryUri")))
        err = store_fail(p, STORE_INVALID, "parameterError", row->kind,
                         kinds_field(row->kind, "secondaryUri"), "must differ from the uri");
    return err;
}

/* --- values that config makes ---------------------------------------------------------------- */

static int call_id_free(struct store *st, const char *call_id, bool *is_free,
                        struct store_problem *p)
{
    static const char sql[] = "SELECT 1 FROM k_space WHERE callId = ?1"
                              " UNION SELECT 1 FROM k_accessMethod WHERE callId = ?1";
    sqlite3_stmt *q;
    int err = store_prepare(st, &q, sql, p);

    if (err)
        return err;
    sqlite3_bind_text(q, 1, call_id, -1, SQLITE_STATIC);
    *is_free = sqlite3_step(q) == SQLITE_DONE;
    sqlite3_finalize(q);
    return 0;
}

static int make_call_id(struct store *st, struct store_row *row, struct store_problem *p)
{
    const struct kinds_field *f = kinds_field(row->kind, "callId");
    char text[16];
    bool is_free = false;
    int err = 0;

    if (store_row_get(row, "callId") || !str_eq(store_row_get(row, "requireCallId"), "true"))
        return 0;
    for (int i = 0; !err && !is_free && i < CONFIG_CALL_ID_TRIES; i++) {
        snprintf(text, sizeof(text), "%0*" PRIu32, CONFIG_CALL_ID_LEN,
                 100000 + evp_random_below(900000));
        err = call_id_free(st, text, &is_free, p);
    }
    if (!err && !is_free)
        err = store_fail(p, STORE_CONFLICT, "duplicateCoSpaceId", row->kind, f,
                         "no free number was found; choose one");
    return err ? err : store_row_set(row, "callId", text, p);
}

static int make_secret(struct store_row *row, struct store_problem *p)
{
    bool again = str_eq(store_row_get(row, "regenerateSecret"), "true");
    char secret[23];
    int err = 0;

    if (store_row_get(row, "callId") && (again || !store_row_get(row, "secret"))) {
        store_make_secret(secret);
        err = store_row_set(row, "secret", secret, p);
        evp_wipe(secret, sizeof(secret));
    }
    return err ? err : store_row_set(row, "regenerateSecret", NULL, p);
}

static int rule_space(struct store *st, struct store_row *row, struct store_problem *p)
{
    int err = make_call_id(st, row, p);

    if (!err)
        err = make_secret(row, p);
    return err ? err : check_doors(st, row, p);
}

static int rule_access_method(struct store *st, struct store_row *row, struct store_problem *p)
{
    int err = make_secret(row, p);

    return err ? err : check_doors(st, row, p);
}

static const struct {
    const char *kind;
    rule_fn fn;
} rules[] = {
    { "space", rule_space },
    { "accessMethod", rule_access_method },
};

int store_rules(struct store *st, struct store_row *row, struct store_problem *p)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (str_eq(rules[i].kind, row->kind->name))
            return rules[i].fn(st, row, p);
    return 0;
}
