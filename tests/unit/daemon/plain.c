/* SPDX-License-Identifier: Apache-2.0
 * A daemon for tests: what it does is told by options. PLAIN_BUS makes it one with a bus, of the
 * role xmpp. */
#include <errno.h>
#include <time.h>

#include <base/str.h>
#include <daemon/daemon.h>
#include <daemon/metrics.h>
#include <log/log.h>
#include <loop/timer.h>

static bool slow_drain, never_ready, bind_port, broken;

static int set_slow(struct daemon *d, const char *value)
{
    (void)d;
    (void)value;
    slow_drain = true;
    return 0;
}

static int set_never(struct daemon *d, const char *value)
{
    (void)d;
    (void)value;
    never_ready = true;
    return 0;
}

static int set_fail(struct daemon *d, const char *value)
{
    (void)d;
    bind_port = str_eq(value, "port");
    broken = str_eq(value, "broken");
    return bind_port || broken ? 0 : -EINVAL;
}

static const struct daemon_option options[] = {
    { "slow-drain", NULL, "never drained", set_slow },
    { "never-ready", NULL, "never ready", set_never },
    { "fail", "HOW", "port or broken", set_fail },
};

static int start(struct daemon *d)
{
    daemon_metric_set(daemon_metric_gauge(d->metrics, "stoa_plain", "For tests.", NULL), 42);
    daemon_fault_raise(d, "plain", "test", "this is only a test");
    daemon_cert_in_use(d, "plain.crt", "AA:BB", (int64_t)time(NULL) + 86400 * 80);
    daemon_listening(d, "https", "*:1");
    daemon_listening(d, "https", "127.0.0.1:2");
    daemon_listening_no_more(d, "https", "*:1");
    if (broken)
        return -EIO;
    return bind_port ? daemon_fail_port(d, "https", -EADDRINUSE) : 0;
}

static bool ready(struct daemon *d)
{
    (void)d;
    return !never_ready;
}

static const char *waiting(struct daemon *d)
{
    (void)d;
    return "the end of time";
}

static void drain(struct daemon *d)
{
    if (!slow_drain)
        daemon_drained(d);
}

static void reload(struct daemon *d)
{
    log_info("files read again");
    daemon_cert_in_use(d, "plain.crt", "CC:DD", (int64_t)time(NULL) + 86400 * 90);
    daemon_fault_raise(d, "reload", "test", "raised by a reload");
}

/* --- checks: one ends at once, one later, one never ------------------------------------------- */

static struct loop_timer *later;

static void drop(void *state)
{
    (void)state;
    loop_timer_free(&later);
    log_info("a check was dropped");
}

static void on_later(void *arg)
{
    daemon_check_zone(arg, "UT Zone");
    daemon_check_report(arg, DAEMON_WARNING, "later", "seen", "wanted", "mend it");
    daemon_check_end(arg);
}

static void check_now(struct daemon_check *c)
{
    daemon_check_say(c, DAEMON_OK, "now", "all is %s", "well");
    daemon_check_end(c);
}

static void check_later(struct daemon_check *c)
{
    later = loop_timer_new(daemon_check_daemon(c)->loop, on_later, c);
    loop_timer_start(later, 20, 0);
    daemon_check_keep(c, NULL, drop);
}

static void check_never(struct daemon_check *c)
{
    daemon_check_keep(c, NULL, drop);
}

static void check_many(struct daemon_check *c)
{
    for (int i = 0; i < 3 * DAEMON_CHECK_FINDINGS; i++)
        daemon_check_say(c, DAEMON_ERROR, "many", "%d", i);
    daemon_check_end(c);
}

static const struct daemon_check_def checks[] = {
    { "NOW-1", check_now }, { "LATER-1", check_later }, { "NEVER-1", check_never },
    { "MANY-1", check_many },
};

#ifdef PLAIN_BUS
#define ROLE "xmpp"
#define NO_BUS false
#else
#define ROLE "plain"
#define NO_BUS true
#endif

static const struct daemon_def def = {
    .role = ROLE,
    .summary = "A daemon for tests.",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .checks = checks,
    .check_count = ARRAY_LEN(checks),
    .no_bus = NO_BUS,
    .drain_s = 30,
    .start = start,
    .ready = ready,
    .waiting = waiting,
    .drain = drain,
    .reload = reload,
};

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &def);
}
