/* SPDX-License-Identifier: Apache-2.0
 * A certificate for people and as JSON. */
#ifndef STOA_CERT_PRINT_H
#define STOA_CERT_PRINT_H

#include <jansson.h>

#include <pki/pki.h>

/* Prints "subject      .." and the rest, one line each. */
void cert_print_text(const struct pki_info *info);

/* Owner: the caller. */
json_t *cert_print_json(const struct pki_info *info);

/* Prints a value on one line and ends it. */
void cert_print_value(json_t *value);

#endif
