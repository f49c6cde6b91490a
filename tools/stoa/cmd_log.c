/* SPDX-License-Identifier: Apache-2.0
 * stoa log: the event files of all daemons of the site as one log, in the order of time. */
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <base/mem.h>
#include <base/str.h>
#include <log/log.h>

#include "pages.h"
#include "stoa.h"

enum { FOLLOW_MS = 200, SOURCES_MAX = 64 };

struct filter {
    const char *call, *trace, *daemon;
    enum log_level level;
    long last; /* lines of the past to show; 0: all */
};

/* One event. */
struct line {
    char *json;
    json_t *row;
    const char *ts; /* RFC 3339 in UTC with milliseconds: sorts as text */
    size_t order;   /* keeps lines of one time in the order of reading */
};

struct lines {
    struct line *v;
    size_t n, cap;
};

/* A file being followed: whole lines beyond `at`. */
struct source {
    char *path;
    ino_t inode;
    off_t at;
};

/* True when the line belongs to the call: by its field, or by the guide's wording. */
static bool is_of_call(const json_t *row, const char *call)
{
    char *start;
    bool is;

    if (str_eq(page_text(row, "call"), call))
        return true;
    start = str_printf("call %s: ", call);
    is = str_starts(page_text(row, "text"), start);
    free(start);
    return is;
}

static bool wanted(const struct filter *f, const json_t *row)
{
    enum log_level level;

    if (log_level_parse(&level, page_text(row, "level")) != 0 || level > f->level)
        return false;
    if (f->call && !is_of_call(row, f->call))
        return false;
    if (f->trace && !str_starts(page_text(row, "trace"), f->trace))
        return false;
    return !f->daemon || str_starts(page_text(row, "daemon"), f->daemon);
}

static void add(struct lines *all, const struct filter *f, const char *text)
{
    json_t *row = json_loads(text, 0, NULL);

    if (!row || !wanted(f, row)) {
        json_decref(row);
        return;
    }
    if (all->n == all->cap) {
        all->cap = MAX(all->cap * 2, 256);
        all->v = mem_realloc(all->v, all->cap, sizeof(*all->v));
    }
    all->v[all->n] = (struct line){ .json = str_dup(text), .row = row, .ts = page_text(row, "ts"),
                                    .order = all->n };
    all->n++;
}

static int by_time(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int order = strcmp(x->ts, y->ts);

    if (order != 0)
        return order;
    return x->order < y->order ? -1 : 1;
}

/* "2026-11-23T03:10:11.123Z" in local time, as the daemons print it. */
static void print_time(const char *ts)
{
    struct tm tm = { 0 }, local;
    const char *rest = strptime(ts, "%Y-%m-%dT%H:%M:%S", &tm);
    time_t t;
    char day[32];

    if (!rest) {
        printf("%s ", ts);
        return;
    }
    t = timegm(&tm);
    localtime_r(&t, &local);
    strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &local);
    printf("%s%.4s ", day, rest);
}

static void print_line(const struct stoa_ctx *ctx, const struct line *l)
{
    char level[16];

    if (ctx->json) {
        printf("%s\n", l->json);
        return;
    }
    (void)str_copy(level, sizeof(level), page_text(l->row, "level"));
    if (level[0] >= 'a' && level[0] <= 'z')
        level[0] = (char)(level[0] - 'a' + 'A');
    print_time(l->ts);
    printf("%-7s %s: %s\n", level, page_text(l->row, "daemon"), page_text(l->row, "text"));
}

/* Prints in order of time and empties the list. */
static void flush(const struct stoa_ctx *ctx, struct lines *all, long last)
{
    size_t from = last > 0 && all->n > (size_t)last ? all->n - (size_t)last : 0;

    if (all->n > 0)
        qsort(all->v, all->n, sizeof(*all->v), by_time);
    for (size_t i = 0; i < all->n; i++) {
        if (i >= from)
            print_line(ctx, &all->v[i]);
        json_decref(all->v[i].row);
        free(all->v[i].json);
    }
    all->n = 0;
    fflush(stdout);
}

/* Reads whole lines from `*at` on. */
static void read_from(const char *path, off_t *at, struct lines *all, const struct filter *f)
{
    FILE *in = fopen(path, "r");
    char *text = NULL;
    size_t cap = 0;
    ssize_t n;

    if (!in)
        return;
    if (fseeko(in, *at, SEEK_SET) == 0) {
        while ((n = getline(&text, &cap, in)) > 0 && text[n - 1] == '\n') {
            text[n - 1] = '\0';
            add(all, f, text);
            *at += n;
        }
    }
    free(text);
    fclose(in);
}

static void read_past(const struct stoa_ctx *ctx, struct lines *all, const struct filter *f)
{
    char *pattern = conf_path(ctx->conf, "log", "*.jsonl.*");
    glob_t found;

    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            off_t at = 0;

            read_from(found.gl_pathv[i], &at, all, f);
        }
        globfree(&found);
    }
    free(pattern);
}

/* The source of a path; a new one for a path not seen before. NULL when there are too many. */
static struct source *source_of(struct source *sources, const char *path)
{
    for (size_t i = 0; i < SOURCES_MAX; i++) {
        if (!sources[i].path)
            sources[i].path = str_dup(path);
        if (str_eq(sources[i].path, path))
            return &sources[i];
    }
    return NULL;
}

static void read_present(const struct stoa_ctx *ctx, struct source *sources, struct lines *all,
                         const struct filter *f)
{
    char *pattern = conf_path(ctx->conf, "log", "*.jsonl");
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0)
        goto out;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct source *s = source_of(sources, found.gl_pathv[i]);
        struct stat st;

        if (!s || stat(s->path, &st) != 0)
            continue;
        if (s->inode != 0 && st.st_ino != s->inode) { /* rotated: the rest is in path.1 */
            char *older = str_printf("%s.1", s->path);

            read_from(older, &s->at, all, f);
            free(older);
            s->at = 0;
        }
        s->inode = st.st_ino;
        read_from(s->path, &s->at, all, f);
    }
    globfree(&found);
out:
    free(pattern);
}

static int show(const struct stoa_ctx *ctx, const struct filter *f, bool follow)
{
    struct source sources[SOURCES_MAX] = { 0 };
    struct lines all = { 0 };

    read_past(ctx, &all, f);
    read_present(ctx, sources, &all, f);
    flush(ctx, &all, f->last);
    while (follow && !ferror(stdout)) {
        usleep(FOLLOW_MS * 1000);
        read_present(ctx, sources, &all, f);
        flush(ctx, &all, 0);
    }
    for (size_t i = 0; i < SOURCES_MAX; i++)
        free(sources[i].path);
    free(all.v);
    return STOA_OK;
}

static int run(const struct stoa_ctx *ctx, int argc, char **argv)
{
    static const struct option options[] = {
        { "call", required_argument, NULL, 'c' },   { "trace", required_argument, NULL, 't' },
        { "level", required_argument, NULL, 'l' },  { "daemon", required_argument, NULL, 'd' },
        { "follow", no_argument, NULL, 'f' },       { "last", required_argument, NULL, 'n' }, { 0 },
    };
    struct filter f = { .level = LOG_LEVEL_DEBUG };
    bool follow = false;
    long number;
    int opt;

    while ((opt = getopt_long(argc, argv, "fn:", options, NULL)) != -1) {
        if (opt == 'c' && stoa_number("--call", optarg, 1, UINT32_MAX, &number) != 0)
            return STOA_USAGE;
        else if (opt == 'c')
            f.call = optarg;
        else if (opt == 't')
            f.trace = optarg;
        else if (opt == 'd')
            f.daemon = optarg;
        else if (opt == 'f')
            follow = true;
        else if (opt == '?')
            return STOA_USAGE;
        else if (opt == 'l' && log_level_parse(&f.level, optarg) != 0)
            return stoa_usage("--level takes error, warning, info or debug, not \"%s\"", optarg);
        else if (opt == 'n' && stoa_number("--last", optarg, 1, 1000000, &f.last) != 0)
            return STOA_USAGE;
    }
    if (optind < argc)
        return stoa_usage("unexpected argument \"%s\"", argv[optind]);
    if (access(conf_state(ctx->conf), R_OK | X_OK) != 0)
        return stoa_fail("there is no log in %s (%s). Is --state right?", conf_state(ctx->conf),
                         strerror(errno));
    return show(ctx, &f, follow);
}

const struct stoa_cmd cmd_log = {
    .name = "log",
    .args = "[-f] [--call N | --trace ID] [--level L] [--daemon D] [-n LINES]",
    .summary = "show the event log of all daemons of the site",
    .help = "  -f, --follow      go on with new lines\n"
            "  --call N          lines of one call\n"
            "  --trace ID        lines of one trace, or whose trace id begins with ID\n"
            "  --level L         error, warning, info or debug: lines of this level and above\n"
            "  --daemon D        lines of one daemon\n"
            "  -n, --last N      the last N lines of the past\n",
    .run = run,
};
