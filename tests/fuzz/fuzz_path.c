/* SPDX-License-Identifier: Apache-2.0
 * Any text as a path: its segments are whole, none is empty, and together they are the path. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <base/str.h>

#include "path.h"
#include "xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = str_ndup((const char *)data, len);
    struct str whole = { 0 }, xml = { 0 };
    struct path p;

    if (path_parse(&p, text) == 0) {
        assert(p.n <= WA_SEGMENTS_MAX);
        str_add(&whole, "/api/v1");
        for (size_t i = 0; i < p.n; i++) {
            assert(p.seg[i][0] && !strchr(p.seg[i], '/'));
            str_addf(&whole, "/%s", p.seg[i]);
        }
        assert(strncasecmp(whole.s, text, whole.len) == 0);
        assert(str_eq(text + whole.len, "") || str_eq(text + whole.len, "/"));
    }
    xml_element(&xml, "e", text);
    assert(xml.len >= strlen("<e></e>") && !strchr(xml.s + 3, '"'));
    assert(!memchr(xml.s + 3, '<', xml.len - strlen("<e></e>")));
    str_fini(&whole);
    str_fini(&xml);
    free(text);
    return 0;
}
