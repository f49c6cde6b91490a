/* SPDX-License-Identifier: Apache-2.0
 * Programs under test: start one with its output in a file, wait with a deadline, look at what is
 * left. */
#ifndef TESTS_UNIT_PROC_H
#define TESTS_UNIT_PROC_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <base/attr.h>

static inline int64_t proc_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Starts argv[0] with stdout and stderr appended to files; either may be NULL. */
static inline pid_t proc_start(char *const argv[], const char *out, const char *err)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    if (out)
        dup2(open(out, O_WRONLY | O_CREAT | O_APPEND, 0600), STDOUT_FILENO);
    if (err)
        dup2(open(err, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
    execv(argv[0], argv);
    _exit(127);
}

/* Waits for the end. Returns the exit code, 128 + signal, or -1 (and kills it) at the deadline. */
static inline int proc_wait(pid_t pid, int timeout_ms)
{
    int64_t until = proc_now_ms() + timeout_ms;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (proc_now_ms() > until) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        usleep(5000);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* The text of a file, "" when there is none. Owner: this function, until the next call. */
static inline char *proc_slurp(const char *path)
{
    static char text[65536];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    text[n] = '\0';
    if (f)
        fclose(f);
    return text;
}

/* True when the file contains `want` before the deadline. */
static inline bool proc_saw(const char *path, const char *want, int timeout_ms)
{
    int64_t until = proc_now_ms() + timeout_ms;

    while (!strstr(proc_slurp(path), want)) {
        if (proc_now_ms() > until)
            return false;
        usleep(5000);
    }
    return true;
}

/* True when the process is gone before the deadline; a zombie is gone. */
static inline bool proc_gone(pid_t pid, int timeout_ms)
{
    int64_t until = proc_now_ms() + timeout_ms;
    char path[64], *state;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    while (kill(pid, 0) == 0) {
        state = strrchr(proc_slurp(path), ')');
        if (state && state[2] == 'Z')
            return true;
        if (proc_now_ms() > until)
            return false;
        usleep(5000);
    }
    return true;
}

static inline int proc_remove_one(const char *path, const struct stat *st, int flag,
                                  struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* Removes a directory and all below it. */
static inline int proc_remove_tree(const char *dir)
{
    return nftw(dir, proc_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
