/* SPDX-License-Identifier: Apache-2.0
 * Asks the system for the addresses of a name. */
#include <loop/resolve.h>

#include <stdbool.h>
#include <stdlib.h>

#include <base/mem.h>

/* It outlives its asker until libuv is done with it. */
struct loop_resolve {
    uv_getaddrinfo_t req;
    struct loop_resolve **holder; /* NULL: cancelled */
    uint16_t port;
    loop_resolve_fn fn;
    void *arg;
};

static bool is_known(const struct addr *found, size_t n, const struct addr *a)
{
    for (size_t i = 0; i < n; i++)
        if (addr_eq(&found[i], a))
            return true;
    return false;
}

static void on_addresses(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct loop_resolve *r = req->data;
    struct addr found[LOOP_RESOLVE_MAX], a;
    size_t n = 0;

    for (struct addrinfo *ai = list; r->holder && status == 0 && ai; ai = ai->ai_next) {
        if (n == LOOP_RESOLVE_MAX || addr_from_sockaddr(&a, ai->ai_addr))
            continue;
        a.port = r->port;
        if (!is_known(found, n, &a))
            found[n++] = a;
    }
    uv_freeaddrinfo(list);
    if (r->holder) {
        loop_resolve_fn fn = r->fn;
        void *arg = r->arg;

        *r->holder = NULL;
        free(r);
        fn(arg, found, n);
        return;
    }
    free(r);
}

void loop_resolve_start(struct loop_resolve **out, uv_loop_t *loop, const char *name,
                        uint16_t port, loop_resolve_fn fn, void *arg)
{
    static const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct loop_resolve *r = MEM_NEW(struct loop_resolve);

    *r = (struct loop_resolve){ .holder = out, .port = port, .fn = fn, .arg = arg };
    r->req.data = r;
    *out = r;
    if (uv_getaddrinfo(loop, &r->req, on_addresses, name, NULL, &hints) == 0)
        return;
    *out = NULL;
    free(r);
    fn(arg, NULL, 0);
}

void loop_resolve_cancel(struct loop_resolve **r)
{
    if (*r) {
        (*r)->holder = NULL;
        (void)uv_cancel((uv_req_t *)&(*r)->req);
    }
    *r = NULL;
}
