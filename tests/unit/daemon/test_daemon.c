/* SPDX-License-Identifier: Apache-2.0
 * The skeleton as a program: health, private socket, signals, refusals. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>

#include <base/str.h>
#include <daemon/client.h>

#include "cm.h"
#include "proc.h"

static char dir[64], out[96], err[96], sock[96];
static pid_t running;

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/stoa-daemon-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(out, sizeof(out), "%s/out", dir);
    snprintf(err, sizeof(err), "%s/err", dir);
    snprintf(sock, sizeof(sock), "%s/run/plain-1.sock", dir);
    setenv("STOA_STATE", dir, 1);
    unsetenv("STOA_STAET");
    unsetenv("NOTIFY_SOCKET");
    running = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (running > 0) {
        kill(running, SIGKILL);
        (void)proc_wait(running, 1000);
    }
    return proc_remove_tree(dir);
}

static int run(char *option)
{
    char *argv[] = { PLAIN_PROGRAM, option, NULL };

    return proc_wait(proc_start(argv, out, err), 10000);
}

static void start(char *option)
{
    char *argv[] = { PLAIN_PROGRAM, option, NULL };

    running = proc_start(argv, out, err);
}

static int wait_end(int timeout_ms)
{
    pid_t pid = running;

    running = 0;
    return proc_wait(pid, timeout_ms);
}

static void assert_body(const char *target, int status, const char *want)
{
    char *body;

    assert_int_equal(daemon_client_get(sock, target, 5000, &body), status);
    assert_non_null(strstr(body, want));
    free(body);
}

/* Waits until the private socket answers with this status. */
static void wait_health(int status)
{
    int64_t until = proc_now_ms() + 5000;
    char *body = NULL;

    while (daemon_client_get(sock, "/health", 1000, &body) != status && proc_now_ms() < until) {
        free(body);
        body = NULL;
        usleep(5000);
    }
    assert_non_null(body);
    free(body);
}

static void help_and_version_need_no_settings(void **state)
{
    (void)state;
    setenv("STOA_STAET", "x", 1);
    assert_int_equal(run("--help"), 0);
    assert_non_null(strstr(proc_slurp(out), "Usage: plain [options]\n\nA daemon for tests.\n"));
    assert_non_null(strstr(proc_slurp(out), "--fail=HOW"));
    assert_int_equal(run("--version"), 0);
    assert_int_equal(run(NULL), EX_CONFIG);
    assert_non_null(strstr(proc_slurp(err), "did you mean STOA_STATE?"));
}

static void wrong_options_are_usage_errors(void **state)
{
    (void)state;
    assert_int_equal(run("--nosuch"), EX_USAGE);
    assert_int_equal(run("word"), EX_USAGE);
    assert_int_equal(run("--log=loud"), EX_USAGE);
    assert_int_equal(run("--fail=otherwise"), EX_USAGE);
    assert_non_null(strstr(proc_slurp(err), "--fail does not take \"otherwise\""));
}

static void it_is_healthy_when_ready_and_ends_on_sigterm(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(run("--healthcheck"), 1);
    assert_non_null(strstr(proc_slurp(err), "no answer from"));
    start(NULL);
    assert_true(proc_saw(err, "plain: ready", 5000));
    assert_int_equal(run("--healthcheck"), 0);
    assert_int_equal(stat(sock, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    kill(running, SIGTERM);
    assert_int_equal(wait_end(5000), 0);
    assert_int_equal(stat(sock, &st), -1);
    assert_non_null(strstr(proc_slurp(err), "plain: drained"));
}

static void one_that_is_alive_but_not_ready_says_what_it_waits_for(void **state)
{
    (void)state;
    start("--never-ready");
    wait_health(503);
    assert_body("/health", 503, "not ready: the end of time");
    assert_int_equal(run("--healthcheck"), 1);
    assert_body("/status", 200, "\"waiting\": \"the end of time\"");
}

static void the_private_socket_gives_metrics_status_and_faults(void **state)
{
    (void)state;
    start(NULL);
    assert_true(proc_saw(err, "plain: ready", 5000));
    assert_body("/metrics", 200, "\nstoa_plain 42\n");
    assert_body("/metrics", 200, "stoa_build_info{role=\"plain\",version=");
    assert_body("/metrics", 200, "\nstoa_faults 1\n");
    assert_body("/status", 200, "\"text\": \"this is only a test\"");
    assert_body("/status", 200, "\"state\": \"serving\"");
    assert_body("/etc/passwd", 404, "GET /metrics");
}

static void many_clients_and_half_requests_do_not_stop_it(void **state)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    char big[8192];
    int fds[12];

    (void)state;
    memset(big, 'x', sizeof(big));
    start(NULL);
    assert_true(proc_saw(err, "plain: ready", 5000));
    strcpy(sa.sun_path, sock);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&sa, sizeof(sa)), 0);
        (void)!send(fds[i], big, i % 2 ? sizeof(big) : 3, MSG_NOSIGNAL);
    }
    assert_body("/health", 200, "ready");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    assert_body("/health", 200, "ready");
}

static void a_second_sigterm_ends_a_drain(void **state)
{
    (void)state;
    start("--slow-drain");
    assert_true(proc_saw(err, "plain: ready", 5000));
    kill(running, SIGTERM);
    assert_true(proc_saw(err, "draining, at most 30 s", 5000));
    assert_body("/status", 200, "\"state\": \"draining\"");
    while (!proc_gone(running, 50)) /* one that follows at once is the same signal, sent twice */
        kill(running, SIGTERM);
    assert_int_equal(wait_end(5000), 0);
    assert_null(strstr(proc_slurp(err), "not drained in time"));
}

static void the_deadline_ends_a_drain(void **state)
{
    (void)state;
    setenv("STOA_DRAIN_S", "1", 1);
    start("--slow-drain");
    unsetenv("STOA_DRAIN_S");
    assert_true(proc_saw(err, "plain: ready", 5000));
    kill(running, SIGTERM);
    assert_int_equal(wait_end(5000), 0);
    assert_non_null(strstr(proc_slurp(err), "not drained in time"));
}

static void sighup_reloads_and_sigpipe_does_nothing(void **state)
{
    (void)state;
    start(NULL);
    assert_true(proc_saw(err, "plain: ready", 5000));
    kill(running, SIGPIPE);
    kill(running, SIGHUP);
    assert_true(proc_saw(err, "files read again", 5000));
    assert_body("/health", 200, "ready");
}

static void a_second_one_with_the_same_state_is_refused(void **state)
{
    (void)state;
    start(NULL);
    assert_true(proc_saw(err, "plain: ready", 5000));
    assert_int_equal(run(NULL), EX_UNAVAILABLE);
    assert_non_null(strstr(proc_slurp(err), "plain 1 already runs with the state directory"));
    assert_body("/health", 200, "ready");
    kill(running, SIGKILL);
    (void)wait_end(5000);
    start(NULL); /* a left-over socket and lock file are no obstacle */
    wait_health(200);
}

static void what_is_wrong_is_one_sentence_and_a_code(void **state)
{
    char file[128];

    (void)state;
    assert_int_equal(run("--fail=port"), EX_UNAVAILABLE);
    assert_non_null(strstr(proc_slurp(err), "Port 8443 (guest page and signalling) is in use by "));
    assert_int_equal(run("--fail=broken"), EX_SOFTWARE);
    assert_non_null(strstr(proc_slurp(err), "plain cannot start: Input/output error."));
    snprintf(file, sizeof(file), "%s/out", dir);
    setenv("STOA_STATE", file, 1);
    assert_int_equal(run(NULL), EX_CANTCREAT);
    assert_non_null(strstr(proc_slurp(err), "cannot be written by user"));
    setenv("STOA_STATE", "/tmp/a-path-that-is-much-too-long-for-the-name-of-a-unix-socket/"
                         "because-those-have-room-for-107-bytes-only", 1);
    assert_int_equal(run(NULL), EX_CONFIG);
    assert_non_null(strstr(proc_slurp(err), "is too long"));
}

static void it_tells_its_supervisor_and_feeds_the_watchdog(void **state)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct timeval timeout = { .tv_sec = 5 };
    char text[256];
    ssize_t n;

    (void)state;
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/notify", dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
    setenv("NOTIFY_SOCKET", sa.sun_path, 1);
    setenv("WATCHDOG_USEC", "200000", 1);
    start(NULL);
    unsetenv("WATCHDOG_USEC");
    n = recv(fd, text, sizeof(text) - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    assert_true(str_starts(text, "READY=1"));
    n = recv(fd, text, sizeof(text) - 1, 0);
    assert_int_equal(n, strlen("WATCHDOG=1"));
    close(fd);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(help_and_version_need_no_settings),
        CASE(wrong_options_are_usage_errors),
        CASE(it_is_healthy_when_ready_and_ends_on_sigterm),
        CASE(one_that_is_alive_but_not_ready_says_what_it_waits_for),
        CASE(the_private_socket_gives_metrics_status_and_faults),
        CASE(many_clients_and_half_requests_do_not_stop_it),
        CASE(a_second_sigterm_ends_a_drain),
        CASE(the_deadline_ends_a_drain),
        CASE(sighup_reloads_and_sigpipe_does_nothing),
        CASE(a_second_one_with_the_same_state_is_refused),
        CASE(what_is_wrong_is_one_sentence_and_a_code),
        CASE(it_tells_its_supervisor_and_feeds_the_watchdog),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
