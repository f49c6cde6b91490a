/* SPDX-License-Identifier: Apache-2.0
 * The registry of metrics and its text form (Prometheus exposition format 0.0.4). */
#include <daemon/metrics.h>

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/list.h>
#include <base/mem.h>
#include <base/str.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const char *const kind_words[] = { "counter", "gauge", "histogram" };

static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                 0.25,  0.5,    1,     2.5,  5,     10 };

struct family {
    struct list in_registry, metrics;
    char *name, *help;
    enum kind kind;
};

struct daemon_metric {
    struct list in_family;
    enum kind kind;
    char *labels;
    double value; /* histogram: sum */
    double (*read)(void *arg);
    void *arg;
    uint64_t count, buckets[ARRAY_LEN(bounds)];
};

struct daemon_metrics {
    struct list families; /* in the order of registration */
    size_t count;
    struct daemon_metric beyond; /* takes what does not fit */
};

struct daemon_metrics *daemon_metrics_new(void)
{
    struct daemon_metrics *ms = MEM_NEW(struct daemon_metrics);

    list_init(&ms->families);
    return ms;
}

static void free_family(struct family *f)
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, &f->metrics) {
        struct daemon_metric *m = LIST_ENTRY(it, struct daemon_metric, in_family);

        free(m->labels);
        free(m);
    }
    free(f->name);
    free(f->help);
    free(f);
}

void daemon_metrics_free(struct daemon_metrics *ms)
{
    struct list *it, *tmp;

    if (!ms)
        return;
    LIST_EACH(it, tmp, &ms->families)
        free_family(LIST_ENTRY(it, struct family, in_registry));
    free(ms);
}

static struct family *find_family(struct daemon_metrics *ms, const char *name, const char *help,
                                  enum kind kind)
{
    struct list *it, *tmp;
    struct family *f;

    LIST_EACH(it, tmp, &ms->families) {
        f = LIST_ENTRY(it, struct family, in_registry);
        if (str_eq(f->name, name)) {
            assert(f->kind == kind);
            return f;
        }
    }
    f = MEM_NEW(struct family);
    f->name = str_dup(name);
    f->help = str_dup(help);
    f->kind = kind;
    list_init(&f->metrics);
    list_add_tail(&ms->families, &f->in_registry);
    return f;
}

static struct daemon_metric *find(struct daemon_metrics *ms, struct family *f, const char *labels)
{
    struct list *it, *tmp;
    struct daemon_metric *m;

    LIST_EACH(it, tmp, &f->metrics) {
        m = LIST_ENTRY(it, struct daemon_metric, in_family);
        if (str_eq(m->labels, labels ? labels : ""))
            return m;
    }
    if (ms->count == DAEMON_METRICS_MAX)
        return &ms->beyond;
    m = MEM_NEW(struct daemon_metric);
    m->kind = f->kind;
    m->labels = str_dup(labels ? labels : "");
    list_add_tail(&f->metrics, &m->in_family);
    ms->count++;
    return m;
}

struct daemon_metric *daemon_metric_counter(struct daemon_metrics *ms, const char *name,
                                            const char *help, const char *labels)
{
    return find(ms, find_family(ms, name, help, COUNTER), labels);
}

struct daemon_metric *daemon_metric_gauge(struct daemon_metrics *ms, const char *name,
                                          const char *help, const char *labels)
{
    return find(ms, find_family(ms, name, help, GAUGE), labels);
}

struct daemon_metric *daemon_metric_histogram(struct daemon_metrics *ms, const char *name,
                                              const char *help, const char *labels)
{
    return find(ms, find_family(ms, name, help, HISTOGRAM), labels);
}

void daemon_metric_read(struct daemon_metric *m, double (*read)(void *arg), void *arg)
{
    m->read = read;
    m->arg = arg;
}

void daemon_metric_add(struct daemon_metric *m, double n)
{
    m->value += n;
}

void daemon_metric_set(struct daemon_metric *m, double value)
{
    m->value = value;
}

void daemon_metric_observe(struct daemon_metric *m, double seconds)
{
    m->value += seconds;
    m->count++;
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        m->buckets[i] += seconds <= bounds[i];
}

double daemon_metric_value(const struct daemon_metric *m)
{
    return m->read ? m->read(m->arg) : m->value;
}

char *daemon_metric_label(const char *key, const char *value)
{
    struct str out = { 0 };

    str_addf(&out, "%s=\"", key);
    for (const char *p = value; *p; p++) {
        if (*p == '"' || *p == '\\')
            str_addf(&out, "\\%c", *p);
        else if (*p == '\n')
            str_add(&out, "\\n");
        else
            str_addn(&out, p, 1);
    }
    str_add(&out, "\"");
    return str_take(&out);
}

/* Whole numbers without a fraction, so that counters stay readable beyond 6 digits. */
static void add_number(struct str *out, double value)
{
    if (isfinite(value) && fabs(value) < 1e15 && trunc(value) == value)
        str_addf(out, "%.0f\n", value);
    else
        str_addf(out, "%.9g\n", value);
}

static void print_histogram(struct str *out, const struct family *f, const struct daemon_metric *m)
{
    const char *comma = m->labels[0] ? "," : "";

    for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
        str_addf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", f->name, m->labels, comma, bounds[i],
                 (unsigned long long)m->buckets[i]);
    str_addf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", f->name, m->labels, comma,
             (unsigned long long)m->count);
    str_addf(out, m->labels[0] ? "%s_sum{%s} " : "%s_sum%s ", f->name, m->labels);
    add_number(out, m->value);
    str_addf(out, m->labels[0] ? "%s_count{%s} %llu\n" : "%s_count%s %llu\n", f->name, m->labels,
             (unsigned long long)m->count);
}

static void print_family(struct str *out, const struct family *f)
{
    struct list *it, *tmp;

    str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, kind_words[f->kind]);
    LIST_EACH(it, tmp, &f->metrics) {
        const struct daemon_metric *m = LIST_ENTRY(it, struct daemon_metric, in_family);

        if (f->kind == HISTOGRAM) {
            print_histogram(out, f, m);
        } else {
            str_addf(out, m->labels[0] ? "%s{%s} " : "%s%s ", f->name, m->labels);
            add_number(out, daemon_metric_value(m));
        }
    }
}

char *daemon_metrics_print(const struct daemon_metrics *ms)
{
    struct list *it, *tmp;
    struct str out = { 0 };

    LIST_EACH(it, tmp, &ms->families) {
        const struct family *f = LIST_ENTRY(it, struct family, in_registry);

        if (!list_empty(&f->metrics))
            print_family(&out, f);
    }
    return str_take(&out);
}

void daemon_metrics_each(const struct daemon_metrics *ms,
                         void (*fn)(void *arg, const char *name, const char *labels, double value),
                         void *arg)
{
    struct list *fi, *ft, *mi, *mt;

    LIST_EACH(fi, ft, &ms->families) {
        const struct family *f = LIST_ENTRY(fi, struct family, in_registry);

        if (f->kind == HISTOGRAM)
            continue;
        LIST_EACH(mi, mt, &f->metrics) {
            const struct daemon_metric *m = LIST_ENTRY(mi, struct daemon_metric, in_family);

            fn(arg, f->name, m->labels, daemon_metric_value(m));
        }
    }
}
