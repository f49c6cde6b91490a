/* SPDX-License-Identifier: Apache-2.0
 * One line per event, for people on stderr and as JSON lines in a bounded file.
 *
 * Human form:  2026-11-23 04:10:11.123  Warning  callbridge: call 6: ICE failure; relay candidate
 * ...
 * JSON form:   {"ts":"2026-11-23T03:10:11.123Z","level":"warning","daemon":"callbridge",
 *               "instance":"1f..","text":"call 6: ...","trace":"..","call":"6","subject":".."}
 *
 * The text is `<object> <id>: <event>[, key=value ...]`, lower case, without a final stop, and
 * never holds passwords, passcodes, keys, tokens or media. Any thread may log. Before log_init()
 * lines go to stderr in the human form. */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <base/attr.h>

enum log_level {
    LOG_LEVEL_ERROR,   /* an operator must act */
    LOG_LEVEL_WARNING, /* a service is degraded */
    LOG_LEVEL_INFO,    /* the life of a login, call, tunnel, allocation */
    LOG_LEVEL_DEBUG,   /* for developers */
    LOG_LEVEL_COUNT
};

enum log_format { LOG_FORMAT_HUMAN, LOG_FORMAT_JSON };

enum {
    LOG_LINE_MAX = 4096,                  /* longer texts are cut and end in "..." */
    LOG_FILE_MAX_B = 8 * 1024 * 1024,     /* default size at which the event file is rotated */
    LOG_FILE_KEEP = 4,                    /* default number of older files */
};

struct log_opts {
    const char *daemon;     /* role; NULL: "stoa" */
    const char *instance;   /* instance id; NULL: none yet, see log_instance_set() */
    enum log_format format; /* of stderr */
    enum log_level level;   /* lines above it are not written; 0 is LOG_LEVEL_ERROR */
    const char *event_path; /* JSON lines go here as well; NULL: no file */
    size_t event_max_b;     /* 0: LOG_FILE_MAX_B */
    unsigned event_keep;    /* path.1 .. path.<keep> are older files; 0: LOG_FILE_KEEP */
};

/* What a line belongs to. Every part may be NULL. */
struct log_ctx {
    const char *trace;   /* trace id, 32 hex digits */
    const char *call;    /* call number, as in "call 6" */
    const char *subject; /* space, tunnel, allocation ... */
};

/* Sets up the one log of the process; a second call replaces the settings.
 * Owner:  strings are copied.
 * Errors: negative errno of opening the event file (stderr works all the same). */
int log_init(const struct log_opts *opts) MUST_USE;

/* Closes the event file; logging goes on to stderr. */
void log_fini(void);

/* Names the instance from now on (it is known only after the bus is set up). */
void log_instance_set(const char *instance);

/* Changes or reads the level at run time. */
void log_level_set(enum log_level level);
enum log_level log_level_get(void);

/* "error", "warning", "info" or "debug". Errors: -EINVAL. */
int log_level_parse(enum log_level *out, const char *word) MUST_USE;
const char *log_level_word(enum log_level level);

/* Writes one line if `level` is enabled. Use the macros below: they skip the arguments
 * otherwise. */
void log_write(enum log_level level, const struct log_ctx *ctx, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void log_writev(enum log_level level, const struct log_ctx *ctx, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);

/* True when a line of this level would be written. */
bool log_enabled(enum log_level level);

/* A line with the trace id, call and subject it belongs to; `ctx` may be NULL. */
#define log_event(level, ctx, ...) \
    do { \
        if (log_enabled(level)) \
            log_write((level), (ctx), __VA_ARGS__); \
    } while (0)

#define log_error(...) log_event(LOG_LEVEL_ERROR, NULL, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_info(...) log_event(LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_event(LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)

/* Says whether a line about `peer` may be written: true once per minute for each peer. Anything
 * that a peer can provoke and that is above `debug` asks here first:
 *     if (log_limit(from)) log_info("peer %s: not a STUN message", from);
 * Shape: `peer` is any text, usually the address, perhaps with a reason in front. The table is of
 * fixed
 *        size; while it is full of fresh peers the answer for a new one is false. */
bool log_limit(const char *peer);

/* The same with the time handed in. */
bool log_limit_at(const char *peer, int64_t now_ms);

#endif
