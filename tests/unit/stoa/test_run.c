/* SPDX-License-Identifier: Apache-2.0
 * `stoa run` with dummies for daemons. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <base/str.h>

#include "cm.h"
#include "proc.h"

enum { PATIENCE_MS = 60000 }; /* for what must come, however busy the machine is */

static char dir[64], out[96], err[96], libexec[96];
static pid_t supervisor;

static const char *const roles[] = { "busd", "config", "callbridge", "webbridge" };

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/stoa-run-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(out, sizeof(out), "%s/out", dir);
    snprintf(err, sizeof(err), "%s/err", dir);
    snprintf(libexec, sizeof(libexec), "%s/libexec", dir);
    mkdir(libexec, 0700);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        char link[160], variable[64];

        snprintf(link, sizeof(link), "%s/%s", libexec, roles[i]);
        if (symlink(DUMMY_PROGRAM, link) != 0)
            return -1;
        snprintf(variable, sizeof(variable), "DUMMY_%s", roles[i]);
        unsetenv(variable);
    }
    /* No port is looked at, so that two runs at once do not meet. */
    setenv("STOA_PORT_HTTPS", "0", 1);
    setenv("STOA_PORT_HTTP", "0", 1);
    setenv("STOA_PORT_PROXY", "0", 1);
    setenv("STOA_PORT_MEDIA", "0", 1);
    supervisor = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (supervisor > 0) {
        kill(supervisor, SIGKILL);
        (void)proc_wait(supervisor, 1000);
    }
    return proc_remove_tree(dir);
}

static void start(const char *more, const char *value)
{
    char *argv[] = { STOA_PROGRAM, "run",   "inside",     "--state",     dir,
                     "--libexec",  libexec, (char *)more, (char *)value, NULL };

    supervisor = proc_start(argv, out, err);
    assert_true(supervisor > 0);
}

/* Waits for "ready". A busy machine starts five processes one after the other in its own time; when
 * it does not come at all, what the daemons said shows why. */
static void assert_ready(void)
{
    if (!proc_saw(out, "ready\n", PATIENCE_MS))
        fail_msg("the site is not ready:\n%s", proc_slurp(err));
}

static int stop(int signum)
{
    pid_t pid = supervisor;

    supervisor = 0;
    kill(pid, signum);
    return proc_wait(pid, PATIENCE_MS);
}

/* The pid of the n-th start (from 1) of a role, waiting for it; 0 at the deadline. */
static pid_t started(const char *role, int n, int timeout_ms)
{
    int64_t until = proc_now_ms() + timeout_ms;
    char path[128];

    snprintf(path, sizeof(path), "%s/inside/pids-%s", dir, role);
    while (proc_now_ms() < until) {
        char *line = proc_slurp(path);

        for (int i = 1; i < n && line; i++) {
            line = strchr(line, '\n');
            line = line ? line + 1 : NULL;
        }
        if (line && strchr(line, '\n'))
            return atoi(line);
        usleep(5000);
    }
    return 0;
}

static void it_says_ready_and_stops_without_leaving_anybody(void **state)
{
    pid_t pids[ARRAY_LEN(roles)];

    (void)state;
    start(NULL, NULL);
    assert_ready();
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        pids[i] = started(roles[i], 1, PATIENCE_MS);
    assert_int_equal(stop(SIGTERM), 0);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        assert_true(pids[i] > 0 && proc_gone(pids[i], 0));
    assert_non_null(strstr(proc_slurp(err), "Info    webbridge: number 1\n"));
}

static void instances_are_numbered(void **state)
{
    (void)state;
    start("--webbridge", "2");
    assert_ready();
    assert_true(proc_saw(err, "webbridge: number 2\n", PATIENCE_MS));
    assert_true(started("webbridge", 2, PATIENCE_MS) > 0);
    assert_int_equal(stop(SIGINT), 0);
}

static void a_daemon_that_is_killed_comes_back_at_once(void **state)
{
    int64_t before;

    (void)state;
    start(NULL, NULL);
    assert_ready();
    before = proc_now_ms();
    kill(started("config", 1, PATIENCE_MS), SIGKILL);
    assert_true(started("config", 2, 3000) > 0);
    assert_in_range(proc_now_ms() - before, 150, 3000);
    assert_true(proc_saw(err, "config: ended by signal 9", PATIENCE_MS));
    assert_int_equal(stop(SIGTERM), 0);
}

static void one_that_keeps_dying_is_started_ever_more_slowly(void **state)
{
    int64_t before;

    (void)state;
    setenv("DUMMY_webbridge", "die", 1);
    start(NULL, NULL);
    assert_true(started("webbridge", 1, PATIENCE_MS) > 0);
    before = proc_now_ms();
    assert_true(started("webbridge", 4, 10000) > 0); /* after 0.2, 0.4 and 0.8 s */
    assert_in_range(proc_now_ms() - before, 1300, 10000);
    assert_string_equal(proc_slurp(out), "");
    assert_int_equal(stop(SIGTERM), 0);
}

/* What `stoa status` says about the site, with its exit code. Owner: proc_slurp(). */
static char *status_says(int *code)
{
    char file[128], *argv[] = { STOA_PROGRAM, "status", "--state", dir, NULL };

    snprintf(file, sizeof(file), "%s/status", dir);
    (void)remove(file);
    *code = proc_wait(proc_start(argv, file, file), PATIENCE_MS);
    return proc_slurp(file);
}

static void one_that_keeps_dying_is_a_fault_in_the_status(void **state)
{
    const char *text;
    int code;

    (void)state;
    setenv("DUMMY_webbridge", "die", 1);
    start(NULL, NULL);
    assert_true(started("webbridge", 4, PATIENCE_MS) > 0);
    assert_true(proc_saw(err, "webbridge keeps ending (with code 1)", PATIENCE_MS));
    text = status_says(&code);
    assert_int_equal(code, 1);
    assert_non_null(strstr(text, "Fault of run since "));
    assert_non_null(strstr(text, "webbridge keeps ending (with code 1)"));
    assert_non_null(strstr(text, "waits: webbridge"));
    assert_int_equal(stop(SIGTERM), 0);
}

static void one_that_lives_again_is_no_fault_any_more(void **state)
{
    char file[128];
    int code;

    (void)state;
    snprintf(file, sizeof(file), "die-while %s/bad", dir);
    setenv("DUMMY_webbridge", file, 1);
    snprintf(file, sizeof(file), "%s/bad", dir);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    start(NULL, NULL);
    assert_true(proc_saw(err, "webbridge keeps ending", PATIENCE_MS));
    assert_int_equal(remove(file), 0);
    assert_ready();
    assert_true(proc_saw(err, "fault cleared: webbridge keeps ending", PATIENCE_MS));
    assert_null(strstr(status_says(&code), "Fault of"));
    assert_int_equal(code, 0);
    assert_int_equal(stop(SIGTERM), 0);
}

static void one_that_cannot_work_here_ends_the_start_with_its_sentence(void **state)
{
    pid_t pid;

    (void)state;
    setenv("DUMMY_config", "refuse", 1);
    start(NULL, NULL);
    pid = supervisor;
    supervisor = 0;
    assert_int_equal(proc_wait(pid, PATIENCE_MS), 1);
    assert_non_null(strstr(proc_slurp(err), "config wrote: this dummy refuses to work"));
}

static void nobody_outlives_a_killed_supervisor(void **state)
{
    pid_t pids[ARRAY_LEN(roles)];

    (void)state;
    setenv("DUMMY_callbridge", "deaf", 1);
    start(NULL, NULL);
    assert_ready();
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        pids[i] = started(roles[i], 1, PATIENCE_MS);
    assert_int_equal(stop(SIGKILL), 128 + SIGKILL);
    for (size_t i = 0; i < ARRAY_LEN(roles); i++)
        assert_true(proc_gone(pids[i], 2000));
}

static void a_second_signal_ends_a_daemon_that_does_not_listen(void **state)
{
    int64_t before;
    pid_t pid;

    (void)state;
    setenv("DUMMY_callbridge", "deaf", 1);
    start(NULL, NULL);
    assert_ready();
    pid = started("callbridge", 1, PATIENCE_MS);
    kill(supervisor, SIGTERM);
    assert_true(proc_saw(err, "stopping the site", PATIENCE_MS));
    before = proc_now_ms();
    while (!proc_gone(pid, 50)) /* one that follows at once is the same signal, sent twice */
        kill(supervisor, SIGTERM);
    assert_in_range(proc_now_ms() - before, 200, 2500);
    assert_int_equal(stop(SIGTERM), 0);
}

static void a_second_one_with_the_same_state_is_refused(void **state)
{
    char *argv[] = { STOA_PROGRAM, "run", "inside", "--state", dir, "--libexec", libexec, NULL };

    (void)state;
    start(NULL, NULL);
    assert_ready();
    assert_int_equal(proc_wait(proc_start(argv, out, err), PATIENCE_MS), 1);
    assert_non_null(
        strstr(proc_slurp(err), "the site \"inside\" already runs with the state directory"));
    kill(started("config", 1, PATIENCE_MS), SIGKILL);
    assert_true(started("config", 2, 3000) > 0); /* the first one goes on */
    assert_int_equal(stop(SIGTERM), 0);
}

static void what_a_daemon_leaves_behind_ends_with_it(void **state)
{
    pid_t pid;

    (void)state;
    setenv("DUMMY_config", "fork", 1);
    start(NULL, NULL);
    assert_ready();
    pid = started("grandchild", 1, PATIENCE_MS);
    assert_true(pid > 0 && kill(pid, 0) == 0);
    kill(started("config", 1, PATIENCE_MS), SIGKILL);
    assert_true(proc_gone(pid, 3000));
    assert_int_equal(stop(SIGTERM), 0);
}

static void the_command_for_ready_runs_once_and_its_failure_ends_the_site(void **state)
{
    char command[128];
    pid_t pid;

    (void)state;
    snprintf(command, sizeof(command), "echo done >> %s/marker; exit 3", dir);
    start("--on-ready", command);
    pid = supervisor;
    supervisor = 0;
    assert_int_equal(proc_wait(pid, PATIENCE_MS), 1);
    snprintf(command, sizeof(command), "%s/marker", dir);
    assert_string_equal(proc_slurp(command), "done\n");
}

static void a_port_in_use_is_one_sentence_with_the_port_and_who(void **state)
{
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* not the supervisor's as well */
    socklen_t len = sizeof(sa);
    char port[16], want[128];
    pid_t pid;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    snprintf(port, sizeof(port), "%d", ntohs(sa.sin_port));
    setenv("STOA_PORT_HTTPS", port, 1);
    start("--listen", "127.0.0.1");
    pid = supervisor;
    supervisor = 0;
    assert_int_equal(proc_wait(pid, PATIENCE_MS), 1);
    close(fd);
    snprintf(want, sizeof(want), "port %s (guest page and signalling) is in use by ", port);
    assert_non_null(strstr(proc_slurp(err), want));
    snprintf(want, sizeof(want), "(pid %d). Stop it, or choose other ports with --port-base or "
             "STOA_PORT_HTTPS.", (int)getpid());
    assert_non_null(strstr(proc_slurp(err), want));
}

static void a_state_directory_that_cannot_be_used_is_one_sentence(void **state)
{
    char bad[96], longer[256];
    char *argv[] = { STOA_PROGRAM, "run", "inside", "--state", bad, "--libexec", libexec, NULL };

    (void)state;
    snprintf(bad, sizeof(bad), "%s/libexec/busd", dir); /* a file */
    assert_int_equal(proc_wait(proc_start(argv, out, err), PATIENCE_MS), 1);
    assert_non_null(strstr(proc_slurp(err), "state directory"));
    memset(longer, 'x', sizeof(longer));
    memcpy(longer, dir, strlen(dir));
    longer[strlen(dir)] = '/';
    longer[120] = '\0';
    argv[4] = longer;
    assert_int_equal(proc_wait(proc_start(argv, out, err), PATIENCE_MS), 1);
    assert_non_null(strstr(proc_slurp(err), "Choose a shorter one with --state"));
}

static int code_of(char *first, char *second)
{
    char *argv[] = { STOA_PROGRAM, first, second, NULL };

    return proc_wait(proc_start(argv, out, err), PATIENCE_MS);
}

static void exit_codes_tell_usage_from_failure(void **state)
{
    (void)state;
    assert_int_equal(code_of("--help", NULL), 0);
    assert_int_equal(code_of("--version", NULL), 0);
    assert_int_equal(code_of("ports", "https"), 0);
    assert_int_equal(code_of("run", "--help"), 0);
    assert_int_equal(code_of("ports", "nosuch"), 1);
    assert_int_equal(code_of("nosuch", NULL), 2);
    assert_int_equal(code_of(NULL, NULL), 2);
    assert_int_equal(code_of("run", "--webbridge=many"), 2);
    assert_int_equal(code_of("status", "--bogus"), 2);
    assert_int_equal(code_of("log", "--level=loud"), 2);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(it_says_ready_and_stops_without_leaving_anybody),
        CASE(instances_are_numbered),
        CASE(a_daemon_that_is_killed_comes_back_at_once),
        CASE(one_that_keeps_dying_is_started_ever_more_slowly),
        CASE(one_that_keeps_dying_is_a_fault_in_the_status),
        CASE(one_that_lives_again_is_no_fault_any_more),
        CASE(one_that_cannot_work_here_ends_the_start_with_its_sentence),
        CASE(nobody_outlives_a_killed_supervisor),
        CASE(a_second_signal_ends_a_daemon_that_does_not_listen),
        CASE(a_second_one_with_the_same_state_is_refused),
        CASE(what_a_daemon_leaves_behind_ends_with_it),
        CASE(the_command_for_ready_runs_once_and_its_failure_ends_the_site),
        CASE(a_port_in_use_is_one_sentence_with_the_port_and_who),
        CASE(a_state_directory_that_cannot_be_used_is_one_sentence),
        CASE(exit_codes_tell_usage_from_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
