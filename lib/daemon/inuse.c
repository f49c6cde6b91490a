/* SPDX-License-Identifier: Apache-2.0
 * What a daemon uses at the moment: certificates and listening addresses. An administrator who has
 * changed one of them sees in the status whether it has been taken over; a certificate that nears
 * its end is a fault. */
#include "daemon_priv.h"

#include <stdlib.h>
#include <time.h>

#include <base/mem.h>
#include <daemon/metrics.h>

enum { DAY_S = 86400, WARN_DAYS = 30 };

struct cert_use {
    struct list node;
    char *file, *sha256;
    int64_t not_after_s;
};

struct listen_use {
    struct list node;
    char *port, *address;
};

static const char fault[] = "certificateExpiry";

static double read_left(void *arg)
{
    const struct cert_use *c = arg;

    return (double)(c->not_after_s - (int64_t)time(NULL));
}

static struct cert_use *find(struct daemon *d, const char *file)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->certs) {
        struct cert_use *c = LIST_ENTRY(it, struct cert_use, node);

        if (str_eq(c->file, file))
            return c;
    }
    return NULL;
}

static struct cert_use *add(struct daemon *d, const char *file)
{
    struct cert_use *c = MEM_NEW(struct cert_use);
    char *label = daemon_metric_label("file", file);

    c->file = str_dup(file);
    list_add_tail(&d->priv->certs, &c->node);
    daemon_metric_read(daemon_metric_gauge(d->metrics, "stoa_cert_expiry_seconds",
                                           "Time until the certificate in use expires.", label),
                       read_left, c);
    free(label);
    return c;
}

/* The text changes once a day, and so does what is announced. */
static void look_at(struct daemon *d, const struct cert_use *c)
{
    int64_t left_s = c->not_after_s - (int64_t)time(NULL);
    time_t end = (time_t)c->not_after_s;
    char date[16] = "?";
    struct tm tm;

    if (left_s >= WARN_DAYS * (int64_t)DAY_S) {
        daemon_fault_clear(d, fault, c->file);
        return;
    }
    if (gmtime_r(&end, &tm))
        (void)strftime(date, sizeof(date), "%Y-%m-%d", &tm);
    if (left_s < 0)
        daemon_fault_raise(d, fault, c->file,
                           "The certificate %s expired on %s; replace it with 'stoa cert set'",
                           c->file, date);
    else
        daemon_fault_raise(d, fault, c->file,
                           "The certificate %s expires on %s, in %lld days; replace it with "
                           "'stoa cert set'",
                           c->file, date, (long long)(left_s / DAY_S));
}

void daemon_cert_in_use(struct daemon *d, const char *file, const char *sha256, int64_t not_after_s)
{
    struct cert_use *c = find(d, file);

    if (!c)
        c = add(d, file);
    str_set(&c->sha256, sha256);
    c->not_after_s = not_after_s;
    look_at(d, c);
}

void daemon_inuse_tick(struct daemon *d)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->certs)
        look_at(d, LIST_ENTRY(it, struct cert_use, node));
}

void daemon_listening(struct daemon *d, const char *port_name, const char *address)
{
    struct listen_use *l = MEM_NEW(struct listen_use);

    l->port = str_dup(port_name);
    l->address = str_dup(address);
    list_add_tail(&d->priv->listeners, &l->node);
}

static void free_listener(struct listen_use *l)
{
    list_del(&l->node);
    free(l->port);
    free(l->address);
    free(l);
}

void daemon_listening_no_more(struct daemon *d, const char *port_name, const char *address)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->listeners) {
        struct listen_use *l = LIST_ENTRY(it, struct listen_use, node);

        if (str_eq(l->port, port_name) && str_eq(l->address, address)) {
            free_listener(l);
            return;
        }
    }
}

bool daemon_inuse_listener(const struct daemon *d, const char *port_name, struct addr *out)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->listeners) {
        const struct listen_use *l = LIST_ENTRY(it, struct listen_use, node);
        char *text = str_printf("%s%s", l->address[0] == '*' ? "127.0.0.1" : "",
                                l->address + (l->address[0] == '*'));
        bool found = str_eq(l->port, port_name) && addr_parse(out, text) == 0;

        free(text);
        if (found) {
            uint16_t port = out->port;

            if (addr_is_any(out) && addr_parse_ip(out, out->family == ADDR_V6 ? "::1" : "127.0.0.1",
                                                  port) != 0)
                return false;
            return true;
        }
    }
    return false;
}

static void add_cert(Stoa__Admin__V1__Status *s, const struct cert_use *c)
{
    Stoa__Admin__V1__CertificateInUse *out = MEM_NEW(Stoa__Admin__V1__CertificateInUse);

    stoa__admin__v1__certificate_in_use__init(out);
    out->file = str_dup(c->file);
    out->sha256 = str_dup(c->sha256);
    out->has_not_after_s = true;
    out->not_after_s = c->not_after_s;
    s->certificates = mem_realloc(s->certificates, s->n_certificates + 1, sizeof(out));
    s->certificates[s->n_certificates++] = out;
}

static void add_listener(Stoa__Admin__V1__Status *s, const struct listen_use *l)
{
    Stoa__Admin__V1__Listener *out = MEM_NEW(Stoa__Admin__V1__Listener);

    stoa__admin__v1__listener__init(out);
    out->port = str_dup(l->port);
    out->address = str_dup(l->address);
    s->listeners = mem_realloc(s->listeners, s->n_listeners + 1, sizeof(out));
    s->listeners[s->n_listeners++] = out;
}

void daemon_inuse_status(struct daemon *d, Stoa__Admin__V1__Status *s)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &d->priv->certs)
        add_cert(s, LIST_ENTRY(it, struct cert_use, node));
    LIST_EACH(it, tmp, &d->priv->listeners)
        add_listener(s, LIST_ENTRY(it, struct listen_use, node));
}

void daemon_inuse_free_all(struct daemon_priv *p)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &p->certs) {
        struct cert_use *c = LIST_ENTRY(it, struct cert_use, node);

        list_del(&c->node);
        free(c->file);
        free(c->sha256);
        free(c);
    }
    LIST_EACH(it, tmp, &p->listeners)
        free_listener(LIST_ENTRY(it, struct listen_use, node));
}
