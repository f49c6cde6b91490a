/* SPDX-License-Identifier: Apache-2.0
 * The join file: what the edge hands to the inside when it has made a zone. */
#ifndef STOA_ZONE_FILE_H
#define STOA_ZONE_FILE_H

#include <stdint.h>

#include <base/attr.h>
#include <base/str.h>

enum { ZONE_FILE_MAX_B = 64 << 10 };

/* What the inside has to know. Strings are NULL while unset. */
struct zone_file {
    char *name;
    char *address;       /* of the edge; also the name that its certificate must be made for */
    char *username, *password;
    char *subject_names; /* comma-separated: one of them must be in expc's certificate */
    char *ca_pem;        /* of the edge */
    char *fingerprint;   /* of that CA, for people */
    uint16_t port;
    int64_t pair_until_s;
};

/* Reads a join file. Owner: the caller ends `out` with zone_file_fini(), also after an error.
 * Errors: -EINVAL, with a sentence in `why`. */
int zone_file_parse(struct zone_file *out, const char *text, struct str *why) MUST_USE;

/* Appends one. */
void zone_file_print(struct str *out, const struct zone_file *f);

/* Frees and wipes it. */
void zone_file_fini(struct zone_file *f);

#endif
