/* SPDX-License-Identifier: Apache-2.0
 * The open faults of a daemon: kept here, announced on the topic "faults", answered by status.c.
 * There is no database of faults: a restarted daemon raises again what is still wrong. */
#include "daemon_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <base/mem.h>
#include <evp/guid.h>
#include <log/log.h>

struct fault {
    struct list in_daemon;
    char guid[EVP_GUID_SIZE];
    char *type, *subject, *text;
    int64_t since_ms;
};

static int64_t wall_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct fault *find(const struct daemon *d, const char *type, const char *subject)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->faults) {
        struct fault *f = LIST_ENTRY(it, struct fault, in_daemon);

        if (str_eq(f->type, type) && str_eq(f->subject, subject))
            return f;
    }
    return NULL;
}

static void announce(struct daemon *d, const struct fault *f, bool open)
{
    Stoa__Admin__V1__FaultEvent event = STOA__ADMIN__V1__FAULT_EVENT__INIT;
    Stoa__Admin__V1__Fault fault = STOA__ADMIN__V1__FAULT__INIT;

    if (!d->bus || !bus_is_up(d->bus))
        return;
    fault.guid = (char *)f->guid;
    fault.type = f->type;
    fault.subject = f->subject;
    fault.text = f->text;
    fault.has_since_ms = true;
    fault.since_ms = (uint64_t)f->since_ms;
    event.role = (char *)d->def->role;
    event.instance = (char *)d->instance;
    event.fault = &fault;
    event.has_open = true;
    event.open = open;
    /* Whoever missed it asks for the status when the bus is back. */
    if (bus_publish(d->bus, "faults", &event.base) != 0)
        log_debug("fault %s: not announced", f->guid);
}

static void close_fault(struct daemon *d, struct fault *f)
{
    log_info("fault cleared: %s", f->text);
    list_del(&f->in_daemon);
    d->priv->fault_count--;
    announce(d, f, false);
    free(f->type);
    free(f->subject);
    free(f->text);
    free(f);
}

void daemon_fault_raise(struct daemon *d, const char *type, const char *subject, const char *fmt,
                        ...)
{
    struct fault *f = find(d, type, subject);
    struct str text = { 0 };
    va_list ap;

    va_start(ap, fmt);
    str_addv(&text, fmt, ap);
    va_end(ap);
    if (f && str_eq(f->text, text.s))
        goto out;
    log_warning("%s", text.s);
    if (!f) {
        if (d->priv->fault_count == DAEMON_FAULTS_MAX)
            goto out;
        f = MEM_NEW(struct fault);
        evp_guid(f->guid);
        f->type = str_dup(type);
        f->subject = str_dup(subject);
        f->since_ms = wall_ms();
        list_add_tail(&d->priv->faults, &f->in_daemon);
        d->priv->fault_count++;
    }
    free(f->text);
    f->text = str_take(&text);
    announce(d, f, true);
out:
    str_fini(&text);
}

void daemon_fault_clear(struct daemon *d, const char *type, const char *subject)
{
    struct fault *f = find(d, type, subject);

    if (f)
        close_fault(d, f);
}

void daemon_fault_clear_type(struct daemon *d, const char *type)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->faults) {
        struct fault *f = LIST_ENTRY(it, struct fault, in_daemon);

        if (str_eq(f->type, type))
            close_fault(d, f);
    }
}

void daemon_fault_each(const struct daemon *d, void (*fn)(void *arg, const struct daemon_fault *f),
                       void *arg)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->faults) {
        const struct fault *f = LIST_ENTRY(it, struct fault, in_daemon);
        struct daemon_fault view = { .guid = f->guid, .type = f->type, .subject = f->subject,
                                     .text = f->text, .since_ms = f->since_ms };

        fn(arg, &view);
    }
}

size_t daemon_fault_count(const struct daemon *d)
{
    return d->priv->fault_count;
}

void daemon_fault_free_all(struct daemon_priv *p)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &p->faults) {
        struct fault *f = LIST_ENTRY(it, struct fault, in_daemon);

        list_del(&f->in_daemon);
        free(f->type);
        free(f->subject);
        free(f->text);
        free(f);
    }
    p->fault_count = 0;
}
