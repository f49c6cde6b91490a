/* SPDX-License-Identifier: Apache-2.0
 * protobuf ends here: the store knows nothing of it. */
#include "msg.h"

#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <bus/envelope.h>
#include <evp/util.h>

#include "limits.h"

static bool in_view(const struct kinds_field *f, enum msg_view view)
{
    if (f->flags & KINDS_ACTION)
        return false;
    if (view == MSG_OPEN)
        return !kinds_is_secret(f);
    if (view == MSG_SECRET)
        return kinds_is_secret(f);
    return !(f->flags & KINDS_HIDDEN);
}

Stoa__Config__V1__Row *msg_row_new(const struct store_row *row, enum msg_view view)
{
    Stoa__Config__V1__Row *msg = MEM_NEW(Stoa__Config__V1__Row);

    stoa__config__v1__row__init(msg);
    msg->kind = str_dup(row->kind->name);
    msg->id = str_dup(row->id);
    msg->fields = mem_calloc(row->kind->n_fields, sizeof(*msg->fields));
    for (size_t i = 0; i < row->kind->n_fields; i++) {
        const struct kinds_field *f = &row->kind->fields[i];
        const char *value = row->values[i];
        Stoa__Config__V1__Field *field;

        if (!value && view != MSG_EXPORT)
            value = f->dflt;
        if (!value || !in_view(f, view))
            continue;
        field = MEM_NEW(Stoa__Config__V1__Field);
        stoa__config__v1__field__init(field);
        field->name = str_dup(f->name);
        *(kinds_is_secret(f) ? &field->secret : &field->value) = str_dup(value);
        msg->fields[msg->n_fields++] = field;
    }
    return msg;
}

void msg_row_free(Stoa__Config__V1__Row *msg)
{
    if (!msg)
        return;
    for (size_t i = 0; i < msg->n_fields; i++)
        if (msg->fields[i]->secret)
            evp_wipe(msg->fields[i]->secret, strlen(msg->fields[i]->secret));
    stoa__config__v1__row__free_unpacked(msg, NULL);
}

bool msg_rows_add(struct msg_rows *rows, const struct store_row *row, enum msg_view view)
{
    Stoa__Config__V1__Row *msg = msg_row_new(row, view);
    size_t size_b = stoa__config__v1__row__get_packed_size(msg) + 8;

    if (rows->n && rows->size_b + size_b > CONFIG_REPLY_MAX_B) {
        msg_row_free(msg);
        return false;
    }
    rows->rows = mem_realloc(rows->rows, rows->n + 1, sizeof(*rows->rows));
    rows->rows[rows->n++] = msg;
    rows->size_b += size_b;
    return true;
}

void msg_rows_fini(struct msg_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        msg_row_free(rows->rows[i]);
    free(rows->rows);
    *rows = (struct msg_rows){ 0 };
}

uint8_t *msg_row_pack(const struct store_row *row, enum msg_view view, size_t *len)
{
    Stoa__Config__V1__Row *msg = msg_row_new(row, view);
    uint8_t *packed = bus_pack(&msg->base, len);

    msg_row_free(msg);
    return packed;
}

void msg_packed_free(uint8_t *packed, size_t len)
{
    if (packed)
        evp_wipe(packed, len);
    free(packed);
}

int msg_take_fields(struct store_row *row, Stoa__Config__V1__Field *const *fields, size_t n,
                    struct store_problem *p)
{
    int err = 0;

    if (n > CONFIG_FIELDS_MAX)
        return store_fail(p, STORE_INVALID, "parameterError", row->kind, NULL, "too many fields");
    for (size_t i = 0; !err && i < n; i++) {
        const char *value = fields[i]->secret ? fields[i]->secret : fields[i]->value;

        err = store_row_set(row, fields[i]->name ? fields[i]->name : "", value ? value : "", p);
    }
    return err;
}

void msg_problem(Stoa__Config__V1__Problem *msg, const struct store_problem *p)
{
    static const Stoa__Config__V1__Problem__Code codes[] = {
        [STORE_OK] = STOA__CONFIG__V1__PROBLEM__CODE__UNSPECIFIED,
        [STORE_INVALID] = STOA__CONFIG__V1__PROBLEM__CODE__INVALID,
        [STORE_CONFLICT] = STOA__CONFIG__V1__PROBLEM__CODE__CONFLICT,
        [STORE_NOT_FOUND] = STOA__CONFIG__V1__PROBLEM__CODE__NOT_FOUND,
        [STORE_UNAVAILABLE] = STOA__CONFIG__V1__PROBLEM__CODE__UNAVAILABLE,
        [STORE_INTERNAL] = STOA__CONFIG__V1__PROBLEM__CODE__INTERNAL,
    };

    stoa__config__v1__problem__init(msg);
    msg->has_code = true;
    msg->code = codes[p->code];
    msg->name = (char *)(uintptr_t)p->name;
    msg->kind = (char *)(uintptr_t)p->kind;
    msg->field = (char *)(uintptr_t)p->field;
    msg->text = (char *)(uintptr_t)p->text;
    msg->has_row = p->row != 0;
    msg->row = p->row;
}
