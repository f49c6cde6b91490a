/* SPDX-License-Identifier: Apache-2.0 */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include <base/mem.h>
#include <base/str.h>
#include <sdp/sdp.h>

#include "cm.h"

const char *vectors_dir;

char *vector_read(const char *name, size_t *len)
{
    char *path = str_printf("%s/%s.sdp", vectors_dir, name);
    char *text = mem_zalloc(SDP_TEXT_MAX + 1);
    FILE *f = fopen(path, "rb");

    assert_non_null(f);
    *len = fread(text, 1, SDP_TEXT_MAX, f);
    (void)fclose(f);
    free(path);
    return text;
}

struct sdp_session *vector_parse(const char *name)
{
    struct sdp_session *s;
    struct sdp_error err = { 0 };
    size_t len;
    char *text = vector_read(name, &len);

    if (sdp_parse(&s, text, len, &err))
        fail_msg("%s, line %d: %s", name, err.line, err.text);
    free(text);
    return s;
}
