/* SPDX-License-Identifier: Apache-2.0
 * The web bridge links of a callbridge: one for each address behind each configured web bridge URL
 * (settings.guestAccountClientUri and the URLs of the webBridge rows).
 *
 * Each name is looked up again every 30 s: static host records first, then DNS. A loopback address
 * without a port in a record stands for the web bridges of this machine, at the ports and on the
 * address that they listen on. Faults and log lines have the guide's words. */
#ifndef CALLBRIDGE_WBLINKS_H
#define CALLBRIDGE_WBLINKS_H

#include <stdbool.h>
#include <stddef.h>

#include <base/addr.h>

struct daemon;
struct site;
struct wblinks;

/* Links nothing yet. `site` outlives it. Owner: the caller, wblinks_free(). */
struct wblinks *wblinks_new(struct daemon *d, const struct site *site);

/* Ends all links, before the bus. Sets `*w` to NULL; NULL is fine. The loop must turn once more. */
void wblinks_free(struct wblinks **w);

/* Web bridges or host records may have changed. */
void wblinks_configure(struct wblinks *w);

/* Takes over the certificate files as they are now, changed or not: all links connect anew. */
void wblinks_reload(struct wblinks *w);

/* The number by which the log names the web bridge of that instance: that of its proven link. One
 * that has none (a guest who was moved here) gets a number of its own. */
unsigned wblinks_number(struct wblinks *w, const char *instance);

/* A web bridge serves (again): links that wait for their next try need not. */
void wblinks_hurry(struct wblinks *w);

/* A web bridge has left the bus; of those without a link it may be forgotten. */
void wblinks_gone(struct wblinks *w, const char *instance);

/* One address behind a web bridge URL, and its link; address NULL: the name has none. */
struct wblinks_view {
    const char *host;
    const struct addr *address;
    bool proven;
    const char *reason; /* why not; "" while nothing is known yet */
};

/* Calls `fn` for each; it must not change anything. Returns how many web bridge URLs there are. */
size_t wblinks_each(const struct wblinks *w,
                    void (*fn)(void *arg, const struct wblinks_view *view), void *arg);

/* True while the settings switch web bridges off. */
bool wblinks_disabled(const struct wblinks *w);

/* Looks the names up again now, and has links that wait for their next try make it. */
void wblinks_look(struct wblinks *w);

/* How many links are proven. */
size_t wblinks_proven(const struct wblinks *w);

#endif
