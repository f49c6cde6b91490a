/* SPDX-License-Identifier: Apache-2.0
 * A doubly linked ring whose nodes lie inside the objects they link. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <base/attr.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }

static inline void list_add_tail(struct list *head, struct list *n)
{
    n->prev = head->prev;
    n->next = head;
    head->prev->next = n;
    head->prev = n;
}

/* Unlinks a node and leaves it linked to itself, so that unlinking twice does no harm. */
static inline void list_del(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

#define LIST_ENTRY(node, type, member) CONTAINER_OF(node, type, member)

/* Walks `head`; `it` may be unlinked and freed inside. `tmp` is a second node pointer. */
#define LIST_EACH(it, tmp, head) \
    for ((it) = (head)->next, (tmp) = (it)->next; (it) != (head); (it) = (tmp), (tmp) = (it)->next)

#endif
