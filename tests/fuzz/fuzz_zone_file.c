/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a join file: what was read, written again, reads the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/stoa/zone_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = str_ndup((const char *)data, len);
    struct zone_file f, again;
    struct str why = { 0 }, out = { 0 };

    if (zone_file_parse(&f, text, &why) == 0) {
        zone_file_print(&out, &f);
        if (out.len <= ZONE_FILE_MAX_B) { /* the text of the start may come on top */
            assert(zone_file_parse(&again, out.s, &why) == 0);
            assert(str_eq(f.name, again.name) && str_eq(f.password, again.password));
            assert(str_eq(f.ca_pem, again.ca_pem) && f.port == again.port);
            zone_file_fini(&again);
        }
    } else {
        assert(why.len > 0);
    }
    zone_file_fini(&f);
    str_fini(&why);
    str_fini(&out);
    free(text);
    return 0;
}
