/* SPDX-License-Identifier: Apache-2.0
 * A password from a file, standard input or the terminal. */
#ifndef STOA_PASSWORD_H
#define STOA_PASSWORD_H

enum { PASSWORD_MIN = 8, PASSWORD_MAX = 256, PASSWORD_SIZE = PASSWORD_MAX + 2 };

/* Takes the first line of `file` ("-": standard input), or with NULL has it typed twice.
 * Shape:  PASSWORD_MIN to PASSWORD_MAX bytes of UTF-8.
 * Owner:  `out` has PASSWORD_SIZE bytes; the caller wipes it.
 * Returns STOA_OK, else says what is wrong. */
int password_take(const char *file, char *out);

#endif
