/* SPDX-License-Identifier: Apache-2.0
 * Paths. */
#include "path.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <base/str.h>

static const char root[] = "/api/v1";

int path_parse(struct path *out, const char *text)
{
    size_t root_len = sizeof(root) - 1, len;
    char *at;

    *out = (struct path){ 0 };
    if (strncasecmp(text, root, root_len) != 0 || (text[root_len] && text[root_len] != '/'))
        return -ENOENT;
    if (str_copy(out->text, sizeof(out->text), text + root_len) != 0)
        return -E2BIG;
    len = strlen(out->text);
    if (len > 0 && out->text[len - 1] == '/')
        out->text[len - 1] = '\0';
    for (at = out->text; *at == '/';) {
        char *end;

        at++;
        end = at + strcspn(at, "/");
        if (end == at)
            return -EINVAL;
        if (out->n == WA_SEGMENTS_MAX)
            return -E2BIG;
        out->seg[out->n++] = at;
        at = end;
    }
    /* The segments end where the next begins. */
    for (size_t i = 1; i < out->n; i++)
        out->text[out->seg[i] - out->text - 1] = '\0';
    return 0;
}
