/* SPDX-License-Identifier: Apache-2.0
 * The few answers that the edge gives by itself: whole HTTP/1.1 responses. Everything else comes
 * from a web bridge. */
#ifndef EXPE_PAGE_H
#define EXPE_PAGE_H

#include <stdbool.h>

#include <base/str.h>

enum { EXPE_ID_LEN = 16 };

struct expe_page {
    int status;            /* 301, 400, 421, 431, 502, 503 */
    const char *asked;     /* the Host as it was asked for; NULL: not shown */
    const char *id;        /* shown for those who ask for help; the log has it, too */
    const char *reason;    /* word shown behind the id ("connect"); NULL */
    const char *location;  /* of a 301 */
    bool hsts, is_head;    /* HEAD: no body */
};

/* Appends the response: head, and body unless it answers a HEAD. It always ends the connection. */
void expe_page_print(struct str *out, const struct expe_page *p);

/* Appends the address to which a plain request is sent: https, the name, the port unless 443,
 * and the request's own target where that is a path that can be repeated. */
void expe_page_location(struct str *out, const char *name, unsigned port, const char *target);

/* True for a status that the pages know. */
bool expe_page_knows(int status);

#endif
