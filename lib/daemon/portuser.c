/* SPDX-License-Identifier: Apache-2.0
 * Who has a port: /proc/net gives the socket's inode, /proc/<pid>/fd the process. Other users'
 * processes are visible to root only. */
#include "daemon_priv.h"

#include <daemon/client.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TCP_LISTEN_STATE = 0x0a };

/* Returns the inode of a socket bound to `port` in one table of /proc/net, 0 for none. */
static unsigned long find_inode(const char *table, uint16_t port, bool tcp)
{
    FILE *f = fopen(table, "r");
    unsigned long inode = 0;
    char line[512];

    if (!f)
        return 0;
    while (inode == 0 && fgets(line, sizeof(line), f)) {
        unsigned local, state;
        unsigned long node;

        if (sscanf(line, "%*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %lu", &local,
                   &state, &node) == 3 &&
            local == port && (!tcp || state == TCP_LISTEN_STATE))
            inode = node;
    }
    fclose(f);
    return inode;
}

static bool has_socket(const char *pid, const char *want)
{
    char path[64], link[64];
    struct dirent *e;
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    dir = opendir(path);
    while (dir && !found && (e = readdir(dir))) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, link, sizeof(link) - 1);

        if (n > 0) {
            link[n] = '\0';
            found = str_eq(link, want);
        }
    }
    if (dir)
        closedir(dir);
    return found;
}

static void describe(const char *pid, char *dst, size_t cap)
{
    char path[64], name[64] = "a program";
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    f = fopen(path, "r");
    if (f && fgets(name, sizeof(name), f))
        name[strcspn(name, "\n")] = '\0';
    if (f)
        fclose(f);
    snprintf(dst, cap, "%s (pid %s)", name, pid);
}

bool daemon_port_user(uint16_t port, const char *protocol, char *dst, size_t cap)
{
    static const struct {
        const char *table;
        bool tcp;
    } tables[] = {
        { "/proc/net/tcp", true },
        { "/proc/net/tcp6", true },
        { "/proc/net/udp", false },
        { "/proc/net/udp6", false },
    };
    unsigned long inode = 0;
    struct dirent *e;
    char want[64];
    bool found = false;
    DIR *proc;

    for (size_t i = 0; i < ARRAY_LEN(tables) && inode == 0; i++) {
        if (!str_eq(protocol, tables[i].tcp ? "udp" : "tcp"))
            inode = find_inode(tables[i].table, port, tables[i].tcp);
    }
    if (inode == 0)
        return false;
    snprintf(want, sizeof(want), "socket:[%lu]", inode);
    proc = opendir("/proc");
    while (proc && !found && (e = readdir(proc))) {
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && has_socket(e->d_name, want)) {
            describe(e->d_name, dst, cap);
            found = true;
        }
    }
    if (proc)
        closedir(proc);
    return found;
}
