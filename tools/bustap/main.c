/* SPDX-License-Identifier: Apache-2.0
 * bustap: watches the messages of a site's bus. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <base/str.h>
#include <conf/conf.h>
#include <loop/signal.h>
#include <loop/timer.h>

#include "bustap.h"

static const char help[] =
    "Usage: bustap [options] [name=value ...]\n"
    "       bustap [options] follow TRACE|SUBJECT\n\n"
    "Shows the messages on a site's bus as they pass. Secrets are masked. Watching never slows "
    "the bus:\n"
    "what could not be read in time is reported as lost.\n\n"
    "Conditions (all must hold):\n"
    "  --type=T      message type, full or last part   stoa.bridge.v1.JoinRequest or JoinRequest\n"
    "  --src=P       sender: role, role/instance or instance (may be cut to 4 digits or more)\n"
    "  --dst=P       receiver\n"
    "  --subject=S   call or space, also as the routing key\n"
    "  name=value    kind, topic, trace, verdict, or a field of the body, as in callId=100101\n\n"
    "Updates of a topic in which nothing changed are shown only where topic or type is given.\n\n"
    "  --json        one JSON object per line\n"
    "  --count=N     end after N messages\n"
    "  --wait=S      end after S seconds\n"
    "  --site=NAME, --state=DIR   which site (else STOA_SITE, STOA_STATE); DIR is the site's "
    "folder\n"
    "                             or the one above it, as ./start has it\n"
    "  --tap=URL, --keys=DIR      socket and key folder, if not those of the site\n"
    "  --help, --version\n\n"
    "follow collects until --wait is over (10 s if absent) or Ctrl-C and draws one join as a "
    "ladder:\n"
    "all messages of a trace, or of a call or space and of the traces that touch it.\n\n"
    "Exit code: 0; 64 wrong options; 69 busd not reached; 78 no key.\n";

struct app {
    struct filter filter;
    bool json;
    int64_t count, wait_s;
    const char *follow;
    char *tap, *keys;

    uv_loop_t loop;
    struct source *source;
    struct ladder *ladder;
    struct loop_signal *signals[2];
    struct loop_timer *timer;
    int64_t shown;
    bool reached; /* busd has let us in, or the end was asked for */
};

/* --- while it runs --------------------------------------------------------------------------- */

/* Each topic is published every second even when nothing has changed. */
static bool is_sign_of_life(const struct tapped *t)
{
    return t->env->topic && t->env->kind == STOA__BUS__V1__KIND__EVENT && t->env->body.len == 0;
}

static bool asks_for_states(const struct filter *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (str_eq(f->cond[i].name, "topic") || str_eq(f->cond[i].name, "type"))
            return true;
    }
    return false;
}

static void on_message(void *arg, const struct tapped *t)
{
    struct app *a = arg;
    char *text;

    if (a->ladder) {
        ladder_add(a->ladder, t);
        return;
    }
    if (a->count && a->shown == a->count)
        return;
    if (!filter_match(&a->filter, t) || (is_sign_of_life(t) && !asks_for_states(&a->filter)))
        return;
    text = a->json ? show_json(t) : show_line(t);
    (void)puts(text);
    (void)fflush(stdout);
    free(text);
    if (++a->shown == a->count)
        uv_stop(&a->loop);
}

static void on_lost(void *arg, uint64_t n)
{
    (void)arg;
    (void)fprintf(stderr, "lost %llu\n", (unsigned long long)n);
}

static void on_attached(void *arg)
{
    ((struct app *)arg)->reached = true;
    (void)fputs("bustap: attached\n", stderr);
}

static void on_trouble(void *arg, const char *why)
{
    static char last[128]; /* said once, not with every attempt */

    (void)arg;
    if (strcmp(last, why) != 0)
        (void)fprintf(stderr, "bustap: %s\n", why);
    (void)str_copy(last, sizeof(last), why);
}

static void on_signal(void *arg, int signum)
{
    struct app *a = arg;

    (void)signum;
    a->reached = true;
    uv_stop(&a->loop);
}

static void on_timer(void *arg)
{
    uv_stop(&((struct app *)arg)->loop);
}

/* --- set up ---------------------------------------------------------------------------------- */

static int add_positional(struct app *a, char *text)
{
    char *eq = strchr(text, '=');

    if (!eq || eq == text)
        return -EINVAL;
    *eq = 0;
    return filter_add(&a->filter, text, eq + 1);
}

static int take_rest(struct app *a, int argc, char **argv)
{
    int err = 0;

    if (argc == 2 && strcmp(argv[0], "follow") == 0) {
        a->follow = argv[1];
        return 0;
    }
    for (int i = 0; i < argc && !err; i++)
        err = add_positional(a, argv[i]);
    return err;
}

static int take_option(struct app *a, int c, const char *name)
{
    switch (c) {
    case 'f':
        return filter_add(&a->filter, name, optarg);
    case 'j':
        a->json = true;
        return 0;
    case 'c':
        return str_to_i64(optarg, 1, INT64_MAX, &a->count);
    case 'w':
        return str_to_i64(optarg, 0, 86400, &a->wait_s);
    case 'e':
        return setenv(strcmp(name, "site") == 0 ? "STOA_SITE" : "STOA_STATE", optarg, 1);
    case 't':
        str_set(&a->tap, optarg);
        return 0;
    case 'k':
        str_set(&a->keys, optarg);
        return 0;
    default:
        return -EINVAL;
    }
}

/* Returns 1 when --help or --version has been answered. */
static int parse(struct app *a, int argc, char **argv)
{
    static const struct option known[] = {
        {"type", required_argument, NULL, 'f'},  {"src", required_argument, NULL, 'f'},
        {"dst", required_argument, NULL, 'f'},   {"subject", required_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},        {"count", required_argument, NULL, 'c'},
        {"wait", required_argument, NULL, 'w'},  {"site", required_argument, NULL, 'e'},
        {"state", required_argument, NULL, 'e'}, {"tap", required_argument, NULL, 't'},
        {"keys", required_argument, NULL, 'k'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},     {NULL, 0, NULL, 0},
    };
    int c, index = 0, err = 0;

    while (!err && (c = getopt_long(argc, argv, "h", known, &index)) != -1) {
        if (c == 'h' || c == 'v') {
            (void)fputs(c == 'h' ? help : "bustap " STOA_VERSION "\n", stdout);
            return 1;
        }
        err = take_option(a, c, known[index].name);
    }
    return err ? err : take_rest(a, argc - optind, argv + optind);
}

/* Takes the folder of all sites for the site's own in it, as the command `stoa` does. */
static void enter_site(void)
{
    const char *state = getenv("STOA_STATE"), *site = getenv("STOA_SITE");
    char *folder, *keys;

    if (!state)
        return;
    folder = str_printf("%s/%s", state, site ? site : "inside");
    keys = str_printf("%s/keys", folder);
    if (access(keys, F_OK) == 0)
        (void)setenv("STOA_STATE", folder, 1);
    free(keys);
    free(folder);
}

/* Where the tap and the keys are, from the site's settings unless they were given. */
static int locate(struct app *a)
{
    char error[CONF_ERROR_MAX], *path;
    struct conf *c = NULL;

    if (a->tap && a->keys)
        return 0;
    enter_site();
    if (conf_load(&c, NULL, error)) {
        (void)fprintf(stderr, "bustap: %s\n", error);
        return -EINVAL;
    }
    path = conf_path(c, "run", "tap.sock");
    a->tap = a->tap ? a->tap : str_printf("ipc://%s", path);
    a->keys = a->keys ? a->keys : conf_keys_dir(c);
    free(path);
    conf_free(c);
    return 0;
}

static int run(struct app *a)
{
    static const int signums[] = {SIGINT, SIGTERM};
    struct source_opts opts = {.loop = &a->loop, .endpoint = a->tap, .keys_dir = a->keys,
                               .on_message = on_message, .on_lost = on_lost,
                               .on_attached = on_attached, .on_trouble = on_trouble, .arg = a};
    char *text;
    int err;

    (void)uv_loop_init(&a->loop);
    a->timer = loop_timer_new(&a->loop, on_timer, a);
    if (a->follow) {
        a->ladder = ladder_new(a->follow);
        a->wait_s = a->wait_s ? a->wait_s : 10;
    }
    if (a->wait_s)
        loop_timer_start(a->timer, a->wait_s * 1000, 0);
    for (size_t i = 0; i < ARRAY_LEN(signums); i++)
        if (loop_signal_new(&a->signals[i], &a->loop, signums[i], on_signal, a))
            abort(); /* both numbers are valid */
    err = source_new(&a->source, &opts);
    if (!err)
        (void)uv_run(&a->loop, UV_RUN_DEFAULT);
    if (!err && a->ladder) {
        a->shown = (int64_t)ladder_draw(a->ladder, &text);
        (void)fputs(text, stdout);
        free(text);
    }
    source_free(&a->source);
    ladder_free(&a->ladder);
    loop_timer_free(&a->timer);
    for (size_t i = 0; i < ARRAY_LEN(signums); i++)
        loop_signal_free(&a->signals[i]);
    (void)uv_run(&a->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&a->loop);
    return err;
}

int main(int argc, char **argv)
{
    struct app a = {0};
    int code = EX_OK, err = parse(&a, argc, argv);

    if (err > 0)
        goto out;
    if (err < 0) {
        (void)fputs("bustap: wrong options, see --help\n", stderr);
        code = EX_USAGE;
        goto out;
    }
    if (locate(&a)) {
        code = EX_CONFIG;
        goto out;
    }
    err = run(&a);
    if (err) {
        (void)fprintf(stderr, "bustap: cannot attach to %s with the key in %s: %s\n", a.tap, a.keys,
                      strerror(-err));
        code = EX_CONFIG;
    } else if (!a.reached) {
        (void)fprintf(stderr, "bustap: nobody answers at %s\n", a.tap);
        code = EX_UNAVAILABLE;
    }
out:
    free(a.tap);
    free(a.keys);
    return code;
}
