/* SPDX-License-Identifier: Apache-2.0
 * Descriptions of real browsers, from tests/vectors/sdp. */
#ifndef TESTS_UNIT_SDP_VECTORS_H
#define TESTS_UNIT_SDP_VECTORS_H

#include <stddef.h>

/* The folder of the vectors: main's first argument. */
extern const char *vectors_dir;

/* Returns the text of a vector; the test fails when it cannot be read. Owner: the caller. */
char *vector_read(const char *name, size_t *len);

/* Reads and parses a vector. Owner: the caller, sdp_free(). */
struct sdp_session *vector_parse(const char *name);

#endif
