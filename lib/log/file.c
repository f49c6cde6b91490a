/* SPDX-License-Identifier: Apache-2.0
 * A file of bounded size with a fixed number of older ones: path, path.1 (younger) ..
 * path.<keep>. */
#include "log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <base/str.h>

static int reopen(struct log_file *f)
{
    struct stat st;

    f->fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (f->fd < 0)
        return -errno;
    f->size_b = fstat(f->fd, &st) == 0 ? (size_t)st.st_size : 0;
    return 0;
}

int log_file_open(struct log_file *f, const char *path, size_t max_b, unsigned keep)
{
    int err;

    f->path = str_dup(path);
    f->max_b = max_b;
    f->keep = keep;
    err = reopen(f);
    if (err)
        log_file_close(f);
    return err;
}

void log_file_close(struct log_file *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    *f = (struct log_file){ .fd = -1 };
}

static void rotate(struct log_file *f)
{
    for (unsigned i = f->keep; i > 0; i--) {
        char *to = str_printf("%s.%u", f->path, i);
        char *from = i > 1 ? str_printf("%s.%u", f->path, i - 1) : str_dup(f->path);

        /* A missing older file is the normal case. */
        (void)rename(from, to);
        free(from);
        free(to);
    }
    close(f->fd);
    if (reopen(f) != 0)
        f->fd = -1;
}

void log_file_put(int fd, const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, line, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        line += n;
        len -= (size_t)n;
    }
}

void log_file_write(struct log_file *f, const char *line, size_t len)
{
    if (f->size_b + len > f->max_b && f->size_b > 0)
        rotate(f);
    if (f->fd < 0)
        return;
    log_file_put(f->fd, line, len);
    f->size_b += len;
}
