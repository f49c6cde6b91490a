/* SPDX-License-Identifier: Apache-2.0
 * The rotating file behind the log. */
#ifndef LOG_PRIV_H
#define LOG_PRIV_H

#include <stddef.h>

#include <base/attr.h>

struct log_file {
    int fd; /* -1: closed */
    char *path;
    size_t size_b, max_b;
    unsigned keep;
};

/* Opens for appending, mode 0640. Errors: negative errno. */
int log_file_open(struct log_file *f, const char *path, size_t max_b, unsigned keep) MUST_USE;
void log_file_close(struct log_file *f);

/* Appends one line; rotates before the file grows beyond its limit. A failed write loses the
 * line. */
void log_file_write(struct log_file *f, const char *line, size_t len);

/* Writes everything to `fd` unless it fails: there is nobody to tell. */
void log_file_put(int fd, const char *line, size_t len);

#endif
