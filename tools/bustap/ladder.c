/* SPDX-License-Identifier: Apache-2.0
 * One join as a sequence diagram: a column per instance, time downward, one arrow per message. */
#include "bustap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <base/hex.h>
#include <base/list.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <bus/bus.h>

enum {
    KEPT_MAX = 50000, /* messages kept: the trace may begin before the subject is known */
    TIME_W = 12,
    COLUMN_MIN = 18,
    COLUMN_MAX = 64,
    PARTIES_MAX = 16,
};

struct step {
    struct list node;
    char *src, *dst, *label, *subject;
    char trace[2 * BUS_TRACE_ID_LEN + 1];
    int64_t time_us;
};

struct ladder {
    char *what;
    struct list steps;
    size_t n;
};

struct drawing {
    struct str out;
    char *parties[PARTIES_MAX];
    size_t n_parties, width;
    int64_t start_us;
};

struct ladder *ladder_new(const char *what)
{
    struct ladder *l = MEM_NEW(struct ladder);

    l->what = str_dup(what);
    list_init(&l->steps);
    return l;
}

static void step_free(struct step *s)
{
    list_del(&s->node);
    free(s->src);
    free(s->dst);
    free(s->label);
    free(s->subject);
    free(s);
}

void ladder_free(struct ladder **lp)
{
    struct ladder *l = *lp;

    if (!l)
        return;
    *lp = NULL;
    while (!list_empty(&l->steps))
        step_free(LIST_ENTRY(l->steps.next, struct step, node));
    free(l->what);
    free(l);
}

/* What a SessionEvent tells the page: "slots", "media connected". NULL: it is none. Owner: the
 * caller. */
static char *event_of(const struct tapped *t)
{
    json_t *body, *part;
    const char *name, *state;
    char *text = NULL;

    if (!str_eq(show_short_type(t->env->type), "SessionEvent"))
        return NULL;
    body = show_body(t);
    json_object_foreach (body, name, part) {
        if (!json_is_object(part))
            continue;
        state = json_string_value(json_object_get(part, "state"));
        text = str_printf("%s%s%s", name, state ? " " : "", state ? state : "");
        break;
    }
    json_decref(body);
    return text;
}

static char *label_of(const struct tapped *t)
{
    const char *type = show_short_type(t->env->type);
    char *event, *label;

    if (t->env->kind == STOA__BUS__V1__KIND__ERROR)
        return str_printf("%s (%s)", bus_code_name((enum bus_code)t->env->code), type);
    if (t->rec->verdict != STOA__BUS__V1__VERDICT__DELIVERED)
        return str_printf("%s (not delivered)", type);
    event = event_of(t);
    label = event ? str_printf("%s (%s)", type, event) : str_dup(type);
    free(event);
    return label;
}

void ladder_add(struct ladder *l, const struct tapped *t)
{
    struct step *s;

    if (t->env->topic && t->env->kind == STOA__BUS__V1__KIND__EVENT)
        return; /* no single receiver */
    s = MEM_NEW(struct step);
    s->src = show_party(t->rec->src_role, t->rec->src_instance);
    s->dst = show_party(t->rec->dst_role ? t->rec->dst_role : BUS_ROLE, t->rec->dst_instance);
    s->label = label_of(t);
    s->subject = str_dup(!str_empty(t->env->subject) ? t->env->subject : t->env->dst_key);
    s->time_us = t->rec->time_us;
    if (t->env->trace_id.len == BUS_TRACE_ID_LEN)
        (void)hex_encode(s->trace, t->env->trace_id.data, BUS_TRACE_ID_LEN);
    list_add_tail(&l->steps, &s->node);
    if (++l->n > KEPT_MAX) {
        step_free(LIST_ENTRY(l->steps.next, struct step, node));
        l->n--;
    }
}

static size_t party_index(struct drawing *d, const char *name)
{
    for (size_t i = 0; i < d->n_parties; i++) {
        if (strcmp(d->parties[i], name) == 0)
            return i;
    }
    if (d->n_parties == PARTIES_MAX)
        return PARTIES_MAX - 1;
    d->parties[d->n_parties] = (char *)(uintptr_t)name;
    return d->n_parties++;
}

/* A line of `n_parties` columns with a lifeline in the middle of each. */
static char *lifelines(const struct drawing *d)
{
    size_t len = d->n_parties * d->width;
    char *line = mem_zalloc(len + 1);

    memset(line, ' ', len);
    for (size_t i = 0; i < d->n_parties; i++)
        line[i * d->width + d->width / 2] = '|';
    return line;
}

static void trim_end(char *line)
{
    for (size_t n = strlen(line); n > 0 && line[n - 1] == ' '; n--)
        line[n - 1] = 0;
}

static void draw_step(struct drawing *d, const struct step *s)
{
    size_t a = party_index(d, s->src), b = party_index(d, s->dst);
    size_t from = MIN(a, b) * d->width + d->width / 2, to = MAX(a, b) * d->width + d->width / 2;
    char *line = lifelines(d);
    size_t room, len = strlen(s->label);

    if (a == b) {
        trim_end(line);
        str_addf(&d->out, "%+*.3f ms %s  %s to itself\n", TIME_W - 4,
                 (double)(s->time_us - d->start_us) / 1000, line, s->label);
        free(line);
        return;
    }
    memset(line + from + 1, '-', to - from - 1);
    line[a < b ? to - 1 : from + 1] = a < b ? '>' : '<';
    room = to - from - 3;
    len = MIN(len, room);
    memcpy(line + from + 2 + (room - len) / 2, s->label, len);
    trim_end(line);
    str_addf(&d->out, "%+*.3f ms %s\n", TIME_W - 4, (double)(s->time_us - d->start_us) / 1000,
             line);
    free(line);
}

static void draw_heads(struct drawing *d)
{
    str_addf(&d->out, "%*s", TIME_W, "");
    for (size_t i = 0; i < d->n_parties; i++) {
        size_t len = MIN(strlen(d->parties[i]), d->width - 1);
        size_t left = (d->width - len) / 2;

        str_addf(&d->out, "%*s%.*s%*s", (int)left, "", (int)len, d->parties[i],
                 (int)(d->width - left - len), "");
    }
    str_add(&d->out, "\n");
}

/* The trace ids that belong to what is followed, as a set. */
static struct map *traces_of(const struct ladder *l)
{
    struct map *traces = map_new();
    struct list *it, *tmp;

    map_put(traces, l->what, traces);
    LIST_EACH (it, tmp, &l->steps) {
        const struct step *s = LIST_ENTRY(it, struct step, node);

        if (s->trace[0] && str_eq(s->subject, l->what))
            map_put(traces, s->trace, traces);
    }
    return traces;
}

static bool belongs(const struct ladder *l, const struct map *traces, const struct step *s)
{
    return str_eq(s->subject, l->what) || (s->trace[0] && map_get(traces, s->trace));
}

size_t ladder_draw(const struct ladder *l, char **text)
{
    struct map *traces = traces_of(l);
    struct drawing d = {.width = COLUMN_MIN};
    struct list *it, *tmp;
    size_t n = 0;

    LIST_EACH (it, tmp, &l->steps) {
        const struct step *s = LIST_ENTRY(it, struct step, node);

        if (!belongs(l, traces, s))
            continue;
        if (n++ == 0)
            d.start_us = s->time_us;
        (void)party_index(&d, s->src);
        (void)party_index(&d, s->dst);
        d.width = MAX(d.width, MIN(strlen(s->label) + 6, COLUMN_MAX));
        d.width = MAX(d.width, MAX(strlen(s->src), strlen(s->dst)) + 2);
    }
    draw_heads(&d);
    LIST_EACH (it, tmp, &l->steps) {
        const struct step *s = LIST_ENTRY(it, struct step, node);

        if (belongs(l, traces, s))
            draw_step(&d, s);
    }
    map_free(traces);
    *text = str_take(&d.out);
    return n;
}
