/* SPDX-License-Identifier: Apache-2.0
 * DNS for a program under test: loaded into it (LD_PRELOAD), it answers getaddrinfo() from a file, so
 * that no test asks a real server. FAKEDNS names the file; each line is "<name> <IPv4 address>". Other
 * names do not exist. Only what uv_getaddrinfo() uses is here. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define EXPORT __attribute__((visibility("default")))

/* One answer: what is handed out, and the address that it points to. */
struct answer {
    struct addrinfo info;
    struct sockaddr_in address;
};

EXPORT void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;

        free(list); /* first member of its answer */
        list = next;
    }
}

static struct addrinfo *make(const char *ip)
{
    struct answer *a = calloc(1, sizeof(*a));

    if (!a || inet_pton(AF_INET, ip, &a->address.sin_addr) != 1)
        abort();
    a->address.sin_family = AF_INET;
    a->info.ai_family = AF_INET;
    a->info.ai_socktype = SOCK_STREAM;
    a->info.ai_addr = (struct sockaddr *)&a->address;
    a->info.ai_addrlen = sizeof(a->address);
    return &a->info;
}

EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **list)
{
    const char *path = getenv("FAKEDNS");
    FILE *f = path ? fopen(path, "r") : NULL;
    char name[256], ip[64];

    (void)service;
    (void)hints;
    *list = NULL;
    while (f && node && fscanf(f, "%255s %63s", name, ip) == 2) {
        if (strcasecmp(name, node) == 0) {
            struct addrinfo *one = make(ip);

            one->ai_next = *list;
            *list = one;
        }
    }
    if (f)
        (void)fclose(f);
    return *list ? 0 : EAI_NONAME;
}
