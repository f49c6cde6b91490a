/* SPDX-License-Identifier: Apache-2.0
 * Stands in for a daemon under `stoa run`: its name is its role, DUMMY_<role> says what it does,
 * and it writes the pid of every start to $STOA_STATE/pids-<role>. */
#include <libgen.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <signal.h>
#include <unistd.h>

static void note(const char *role, pid_t pid)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/pids-%s", getenv("STOA_STATE"), role);
    f = fopen(path, "a");
    if (!f)
        _exit(3);
    fprintf(f, "%d\n", (int)pid);
    fclose(f);
}

static void say_ready(void)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    strncpy(sa.sun_path, getenv("NOTIFY_SOCKET"), sizeof(sa.sun_path) - 1);
    if (fd < 0 || sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&sa, sizeof(sa)) != 7)
        _exit(4);
    close(fd);
}

int main(int argc, char **argv)
{
    char variable[64], *role = basename(argv[0]);
    const char *what;

    (void)argc;
    snprintf(variable, sizeof(variable), "DUMMY_%s", role);
    what = getenv(variable);
    what = what ? what : "ready";
    note(role, getpid());
    if (strcmp(what, "die") == 0 ||
        (strncmp(what, "die-while ", 10) == 0 && access(what + 10, F_OK) == 0))
        return 1;
    if (strcmp(what, "refuse") == 0) {
        fprintf(stderr, "this dummy refuses to work\n");
        return 78;
    }
    if (strcmp(what, "deaf") == 0)
        signal(SIGTERM, SIG_IGN);
    if (strcmp(what, "fork") == 0) {
        pid_t pid = fork();

        if (pid == 0) {
            signal(SIGTERM, SIG_IGN);
            for (;;)
                pause();
        }
        note("grandchild", pid);
    }
    fprintf(stderr, "2026-11-23 04:10:11.123 Info    %s: number %s\n", role, getenv("STOA_NUMBER"));
    say_ready();
    for (;;)
        pause();
}
