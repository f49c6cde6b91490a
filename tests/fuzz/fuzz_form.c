/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a form body: what was read, written as a form again, reads the same. And as the
 * header of a login. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>

#include "auth.h"
#include "form.h"
#include "limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void write_all(struct str *out, const char *text)
{
    for (; *text; text++)
        str_addf(out, "%%%02x", (unsigned char)*text);
}

static void as_login(const char *text)
{
    char *header = str_printf("Basic %s", text);
    struct auth_login l;

    if (auth_login_parse(&l, header) == 0) {
        assert(strlen(l.name) + 1 + strlen(l.password) < WA_CREDENTIALS_MAX);
        auth_login_fini(&l);
    }
    free(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = str_ndup((const char *)data, len);
    struct form f, again;
    struct str out = { 0 };

    as_login(text);
    free(text);
    if (form_parse(&f, (const char *)data, len) == 0) {
        assert(f.n <= WA_PARAMS_MAX);
        str_add(&out, "");
        for (size_t i = 0; i < f.n; i++) {
            assert(strlen(f.pairs[i].name) <= WA_NAME_MAX);
            assert(strlen(f.pairs[i].value) <= WA_VALUE_MAX);
            assert(form_get(&f, f.pairs[i].name) == f.pairs[i].value);
            write_all(&out, f.pairs[i].name);
            str_add(&out, "=");
            write_all(&out, f.pairs[i].value);
            str_add(&out, "&");
        }
        assert(form_parse(&again, out.s, out.len) == 0 && again.n == f.n);
        for (size_t i = 0; i < f.n; i++)
            assert(str_eq(again.pairs[i].value, f.pairs[i].value));
        form_fini(&again);
    }
    form_fini(&f);
    str_fini(&out);
    return 0;
}
