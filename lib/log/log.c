/* SPDX-License-Identifier: Apache-2.0
 * The process's log: formats a line once for people and once as JSON, writes each with a single
 * write(2) so that lines of several processes on one stderr do not mix. Never blocks on a lock for
 * longer than a write; a full disk costs lines in the file, never the daemon. */
#include <log/log.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <base/str.h>

#include "log_priv.h"

enum { ID_MAX = 64 };

static const struct {
    const char *human, *word;
} levels[LOG_LEVEL_COUNT] = {
    [LOG_LEVEL_ERROR] = { "Error", "error" },
    [LOG_LEVEL_WARNING] = { "Warning", "warning" },
    [LOG_LEVEL_INFO] = { "Info", "info" },
    [LOG_LEVEL_DEBUG] = { "Debug", "debug" },
};

static struct {
    pthread_mutex_t lock;
    char daemon[ID_MAX], instance[ID_MAX];
    enum log_format format;
    struct log_file file;
    struct str human, json; /* of the last line: their memory is used again */
} g = { .lock = PTHREAD_MUTEX_INITIALIZER, .daemon = "stoa", .file = { .fd = -1 } };

static atomic_int current = LOG_LEVEL_INFO;

int log_init(const struct log_opts *opts)
{
    int err = 0;

    pthread_mutex_lock(&g.lock);
    /* An identifier that is too long is cut: better a short name than no log. */
    (void)str_copy(g.daemon, sizeof(g.daemon), opts->daemon ? opts->daemon : "stoa");
    (void)str_copy(g.instance, sizeof(g.instance), opts->instance ? opts->instance : "");
    g.format = opts->format;
    log_file_close(&g.file);
    if (opts->event_path)
        err = log_file_open(&g.file, opts->event_path,
                            opts->event_max_b ? opts->event_max_b : LOG_FILE_MAX_B,
                            opts->event_keep ? opts->event_keep : LOG_FILE_KEEP);
    pthread_mutex_unlock(&g.lock);
    log_level_set(opts->level);
    return err;
}

void log_fini(void)
{
    pthread_mutex_lock(&g.lock);
    log_file_close(&g.file);
    str_fini(&g.human);
    str_fini(&g.json);
    pthread_mutex_unlock(&g.lock);
}

void log_instance_set(const char *instance)
{
    pthread_mutex_lock(&g.lock);
    (void)str_copy(g.instance, sizeof(g.instance), instance ? instance : "");
    pthread_mutex_unlock(&g.lock);
}

void log_level_set(enum log_level level)
{
    atomic_store(&current, (int)level);
}

enum log_level log_level_get(void)
{
    return (enum log_level)atomic_load(&current);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load(&current);
}

int log_level_parse(enum log_level *out, const char *word)
{
    for (int i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (str_ieq(word, levels[i].word)) {
            *out = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

const char *log_level_word(enum log_level level)
{
    return levels[level].word;
}

/* A log line is one line whatever a peer put into it: control bytes would let it forge others. */
static void clean(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f)
            *p = ' ';
    }
}

/* How many bytes stand in JSON as they are. */
static size_t plain_length(const char *p)
{
    size_t n = 0;

    while ((unsigned char)p[n] >= 0x20 && p[n] != 0x7f && p[n] != '"' && p[n] != '\\')
        n++;
    return n;
}

static void add_json_string(struct str *out, const char *key, const char *value)
{
    if (str_empty(value))
        return;
    str_addf(out, ",\"%s\":\"", key);
    for (const char *p = value; *p; p++) {
        size_t plain = plain_length(p);

        str_addn(out, p, plain);
        p += plain;
        if (*p == '\0')
            break;
        if (*p == '"' || *p == '\\')
            str_addf(out, "\\%c", *p);
        else
            str_addf(out, "\\u%04x", (unsigned)*p);
    }
    str_add(out, "\"");
}

static void format_human(struct str *out, const struct timespec *ts, enum log_level level,
                         const char *text)
{
    struct tm tm;
    char day[32];

    localtime_r(&ts->tv_sec, &tm);
    strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
    str_addf(out, "%s.%03ld %-7s %s: %s\n", day, ts->tv_nsec / 1000000, levels[level].human,
             g.daemon, text);
}

static void format_json(struct str *out, const struct timespec *ts, enum log_level level,
                        const struct log_ctx *ctx, const char *text)
{
    struct tm tm;
    char day[32];

    gmtime_r(&ts->tv_sec, &tm);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    str_addf(out, "{\"ts\":\"%s.%03ldZ\",\"level\":\"%s\"", day, ts->tv_nsec / 1000000,
             levels[level].word);
    add_json_string(out, "daemon", g.daemon);
    add_json_string(out, "instance", g.instance);
    add_json_string(out, "text", text);
    if (ctx) {
        add_json_string(out, "trace", ctx->trace);
        add_json_string(out, "call", ctx->call);
        add_json_string(out, "subject", ctx->subject);
    }
    str_add(out, "}\n");
}

void log_writev(enum log_level level, const struct log_ctx *ctx, const char *fmt, va_list ap)
{
    char text[LOG_LINE_MAX];
    struct timespec ts;
    int saved = errno;

    if (!log_enabled(level))
        return;
    if (vsnprintf(text, sizeof(text), fmt, ap) >= (int)sizeof(text))
        memcpy(text + sizeof(text) - 4, "...", 4);
    clean(text);
    /* JSON must stay readable when a peer's bytes are not UTF-8. */
    if (!str_utf8_ok(text, strlen(text))) {
        for (char *p = text; *p; p++)
            *p = (*p & 0x80) ? '?' : *p;
    }
    clock_gettime(CLOCK_REALTIME, &ts);

    pthread_mutex_lock(&g.lock);
    g.human.len = g.json.len = 0;
    if (g.format == LOG_FORMAT_JSON || g.file.fd >= 0)
        format_json(&g.json, &ts, level, ctx, text);
    if (g.format == LOG_FORMAT_HUMAN)
        format_human(&g.human, &ts, level, text);
    if (g.format == LOG_FORMAT_JSON)
        log_file_put(STDERR_FILENO, g.json.s, g.json.len);
    else
        log_file_put(STDERR_FILENO, g.human.s, g.human.len);
    if (g.file.fd >= 0)
        log_file_write(&g.file, g.json.s, g.json.len);
    pthread_mutex_unlock(&g.lock);
    errno = saved;
}

void log_write(enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_writev(level, ctx, fmt, ap);
    va_end(ap);
}
