/* SPDX-License-Identifier: Apache-2.0
 * `stoa mmp` on a terminal: prompt, completion, history, end. argv[1] is the program; nothing of
 * Stoa runs. */
#include <poll.h>
#include <pty.h>

#include <base/str.h>

#include "cm.h"
#include "proc.h"

enum { WAIT_MS = 20000 };

static const char *stoa;
static char folder[64];

struct terminal {
    pid_t pid;
    int fd;
    char text[1 << 16];
    size_t len, seen; /* what has been waited for ends at `seen` */
};

static struct terminal t;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/stoa-mmp-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    memset(&t, 0, sizeof(t));
    t.pid = forkpty(&t.fd, NULL, NULL, &(struct winsize){ .ws_row = 40, .ws_col = 200 });
    if (t.pid == 0) {
        setenv("TERM", "xterm", 1);
        setenv("HOME", folder, 1);
        setenv("STOA_STATE", folder, 1);
        execl(stoa, "stoa", "mmp", NULL);
        _exit(127);
    }
    return t.pid > 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    if (t.pid > 0) {
        kill(t.pid, SIGKILL);
        (void)proc_wait(t.pid, 1000);
    }
    close(t.fd);
    return proc_remove_tree(folder);
}

/* Waits until the terminal has shown `want` after what was waited for before. */
static void see(const char *want)
{
    int64_t until = proc_now_ms() + WAIT_MS;
    struct pollfd p = { .fd = t.fd, .events = POLLIN };
    char *at;

    while (!(at = strstr(t.text + t.seen, want))) {
        ssize_t n = 0;

        if (proc_now_ms() > until || t.len + 1 >= sizeof(t.text))
            fail_msg("no \"%s\" in: %s", want, t.text + t.seen);
        if (poll(&p, 1, 100) > 0)
            n = read(t.fd, t.text + t.len, sizeof(t.text) - 1 - t.len);
        t.len += n > 0 ? (size_t)n : 0;
        t.text[t.len] = '\0';
    }
    t.seen = (size_t)(at - t.text) + strlen(want);
}

/* Types once the line is edited: libedit shows its prompt before it sets the terminal's mode, and
 * an end of input that was typed before the change would arrive as a zero byte. */
static void type(const char *keys)
{
    int64_t until = proc_now_ms() + WAIT_MS;
    struct termios mode = { .c_lflag = ICANON };

    while (tcgetattr(t.fd, &mode) == 0 && (mode.c_lflag & ICANON) && proc_now_ms() < until)
        (void)poll(NULL, 0, 5);
    assert_false(mode.c_lflag & ICANON);
    assert_int_equal(write(t.fd, keys, strlen(keys)), (ssize_t)strlen(keys));
}

static void the_prompt_names_the_machine(void **state)
{
    char host[256] = "", *prompt;

    (void)state;
    gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    prompt = str_printf("%s> ", host);
    see(prompt);
    free(prompt);
}

static void tab_completes_verbs_and_their_second_words(void **state)
{
    (void)state;
    see("> ");
    type("web\t");
    see("bridge ");
    type("http\t");
    see("-redirect ");
    type("\n");
    see("Usage: webbridge http-redirect enable|disable");
    see("> ");
    type("pki \t\t");
    see("inspect");
    see("verify");
    type("\x15"); /* the line away */
    type("lic\t\n");
    see("Feature: callbridge status: Activated expiry: never");
}

static void a_line_comes_back_from_the_history(void **state)
{
    (void)state;
    see("> ");
    type("version\n");
    see("Stoa ");
    see("> ");
    type("\x1b[A\n"); /* arrow up */
    see("version");
    see("Stoa ");
}

static void exit_and_end_of_input_end_it(void **state)
{
    (void)state;
    see("> ");
    type("nonsense\n");
    see("There is no command \"nonsense\"; \"help\" lists them.");
    type("exit\n");
    assert_int_equal(proc_wait(t.pid, WAIT_MS), 0);
    t.pid = 0;
    tear_down(state);
    assert_int_equal(set_up(state), 0);
    see("> ");
    type("\x04");
    assert_int_equal(proc_wait(t.pid, WAIT_MS), 0);
    t.pid = 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(the_prompt_names_the_machine),
        CASE(tab_completes_verbs_and_their_second_words),
        CASE(a_line_comes_back_from_the_history),
        CASE(exit_and_end_of_input_end_it),
    };

    if (argc < 2)
        return 2;
    stoa = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
