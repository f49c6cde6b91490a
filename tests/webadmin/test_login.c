/* SPDX-License-Identifier: Apache-2.0
 * Who gets in, who may do what, and what guessing costs. */
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <base/hex.h>

#include "adminfix.h"
#include "cm.h"
#include "limits.h"
#include "raw.h"

static struct adminfix fix;
static char id[64];

#define TURN V1 "/turnServers"

static void nobody_gets_in_without_name_and_password(void **state)
{
    static const struct call calls[] = {
        { .path = TURN },
        { .path = TURN, .user = "admin:wrong password" },
        { .path = TURN, .user = "nobody:a long password" },
        { .path = TURN, .user = "admin:" },
        { .path = TURN, .headers = { "Authorization: Basic" } },
        { .path = TURN, .headers = { "Authorization: Basic !!!!" } },
        { .path = TURN, .headers = { "Authorization: Basic YWRtaW4=" } }, /* no colon */
        { .path = TURN, .headers = { "Authorization: Basic YWRtaW4AOmE=" } }, /* NUL */
        { .path = TURN, .headers = { "Authorization: Bearer YWRtaW46YSBsb25nIHBhc3N3b3Jk" } },
        { .path = "/", },
        { .path = V1 "/tenants" },
        { .path = TURN, .form = "serverAddress=10.0.0.1" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        struct call c = calls[i];

        adminfix_call(&fix, &c);
        if (c.status != 401)
            fail_msg("request %zu: status %ld", i, c.status);
        assert_string_equal(call_field(&c, "WWW-Authenticate"),
                            "Basic realm=\"Stoa\", charset=\"UTF-8\"");
        assert_string_equal(c.body.s, FAILURE("notAuthorized"));
        call_fini(&c);
    }
}

static void the_scheme_has_any_case(void **state)
{
    (void)state;
    adminfix_expect(&fix, (struct call){ .path = TURN, .headers = {
                              "Authorization: bASIC   YWRtaW46YSBsb25nIHBhc3N3b3Jk" } },
                    200, NULL);
}

static void a_header_that_is_too_long_is_no_login(void **state)
{
    char *header = str_printf("Authorization: Basic %02000d", 0);

    (void)state;
    adminfix_expect(&fix, (struct call){ .path = TURN, .headers = { header } }, 400, NULL);
    free(header);
}

static void roles_decide_what_is_possible(void **state)
{
    char *path = str_printf(TURN "/%s", id), *status = str_printf(TURN "/%s/status", id);
    const struct {
        const char *user;
        long read, write;
    } cases[] = { { ADMIN, 200, 200 }, { API, 200, 200 }, { AUDIT, 200, 403 } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        adminfix_expect(&fix, (struct call){ .path = TURN, .user = cases[i].user }, cases[i].read,
                        NULL);
        adminfix_expect(&fix, (struct call){ .path = path, .user = cases[i].user }, cases[i].read,
                        NULL);
        adminfix_expect(&fix, (struct call){ .path = status, .user = cases[i].user },
                        cases[i].read, NULL);
        adminfix_expect(&fix, (struct call){ .path = path, .user = cases[i].user, .method = "PUT",
                                             .form = "type=standard" }, cases[i].write, NULL);
    }
    adminfix_expect(&fix, (struct call){ .path = TURN, .user = AUDIT, .form = "serverAddress=a" },
                    403, FAILURE("accessDenied"));
    adminfix_expect(&fix, (struct call){ .path = path, .user = AUDIT, .method = "DELETE" }, 403,
                    FAILURE("accessDenied"));
    free(path);
    free(status);
}

/* --- changes of users ------------------------------------------------------------------------- */

struct wish {
    const char *user;
    long status;
};

static bool is_answered_so(void *arg)
{
    const struct wish *w = arg;
    struct call c = { .path = TURN, .user = w->user };
    bool ok;

    adminfix_call(&fix, &c);
    ok = c.status == w->status;
    call_fini(&c);
    return ok;
}

static void becomes(const char *user, long status)
{
    struct wish w = { user, status };

    if (!busfix_run_until(fix.config.bus_fix, is_answered_so, &w, 20000))
        fail_msg("%s does not become %ld", user, status);
}

static void users_come_change_and_go_at_once(void **state)
{
    const char *out;

    (void)state;
    assert_int_equal(adminfix_stoa(&fix, "user add thomas audit --password-file -", "first one",
                                   &out), 0);
    assert_string_equal(out, "user thomas added\n");
    becomes("thomas:first one", 200);
    /* What was right a moment ago counts no more. */
    assert_int_equal(adminfix_stoa(&fix, "user passwd thomas --password-file -", "second one",
                                   &out), 0);
    assert_string_equal(out, "user thomas has a new password\n");
    becomes("thomas:first one", 401);
    becomes("thomas:second one", 200);
    assert_int_equal(adminfix_stoa(&fix, "user del thomas", NULL, &out), 0);
    assert_string_equal(out, "user thomas deleted\n");
    becomes("thomas:second one", 401);
}

static void users_are_listed_without_their_passwords(void **state)
{
    const char *out;

    (void)state;
    assert_int_equal(adminfix_stoa(&fix, "user list", NULL, &out), 0);
    assert_non_null(strstr(out, "auditor  audit"));
    assert_null(strstr(out, "scrypt"));
    assert_int_equal(adminfix_stoa(&fix, "user list --json", NULL, &out), 0);
    assert_non_null(strstr(out, "\"name\":\"script\",\"role\":\"api\""));
    assert_null(strstr(out, "scrypt"));
    assert_int_equal(adminfix_stoa(&fix, "config export", NULL, &out), 0);
    assert_null(strstr(out, "scrypt"));
}

static void mistakes_with_users_are_said_with_a_sentence(void **state)
{
    static const struct {
        const char *args, *input;
        int code;
        const char *text;
    } cases[] = {
        { "user", "", 2, "say what to do" },
        { "user bake", "", 2, "there is no \"bake\"" },
        { "user add x", "", 2, "\"add\" takes 2 words" },
        { "user add x admin --colour", "", 2, "there is no option \"--colour\"" },
        { "user add x king --password-file -", "long enough", 1, "apiUser.role: must be one of" },
        { "user add x:y admin --password-file -", "long enough", 2, "a name has no colon" },
        { "user add admin api --password-file -", "long enough", 1, "(duplicateApiUser)" },
        { "user add x admin --password-file -", "short", 1, "a password has 8 to 256 bytes" },
        { "user add x admin --password-file /nowhere", "", 1, "cannot read /nowhere" },
        { "user passwd nobody --password-file -", "long enough", 1, "(apiUserDoesNotExist)" },
        { "user del nobody", "", 1, "(apiUserDoesNotExist)" },
        { "user list extra", "", 2, "\"list\" takes 0 words" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *out;
        int code = adminfix_stoa(&fix, cases[i].args, cases[i].input, &out);

        if (code != cases[i].code || !strstr(out, cases[i].text))
            fail_msg("stoa %s: code %d, %s", cases[i].args, code, out);
    }
}

/* Reads from a terminal until a text has come; returns all that came. Owner: a static buffer. */
static const char *read_until(int tty, const char *text)
{
    static char all[4096];
    size_t len = 0;
    ssize_t n;

    do {
        struct pollfd p = { .fd = tty, .events = POLLIN };

        if (poll(&p, 1, 20000) != 1)
            fail_msg("the terminal is silent after: %s", all);
        n = read(tty, all + len, sizeof(all) - 1 - len); /* ends with EIO when the child does */
        len += n > 0 ? (size_t)n : 0;
        all[len] = '\0';
    } while (n > 0 && !strstr(all, text));
    return all;
}

static void type(int tty, const char *line)
{
    assert_int_equal(write(tty, line, strlen(line)), (ssize_t)strlen(line));
}

/* Runs `stoa user add typist api` on a terminal; returns the exit code. */
static int add_typist(const char *first, const char *second, char *said, size_t cap)
{
    int tty, status;
    pid_t pid = forkpty(&tty, NULL, NULL, NULL);

    if (pid == 0) {
        setenv("STOA_STATE", busfix_dir(fix.config.bus_fix), 1);
        setenv("STOA_BUS", busfix_endpoint(fix.config.bus_fix), 1);
        setenv("STOA_KEYS", busfix_keys(fix.config.bus_fix), 1);
        execl(STOA_STOA, STOA_STOA, "user", "add", "typist", "api", (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    assert_non_null(strstr(read_until(tty, "Password: "), "Password: "));
    type(tty, first);
    assert_non_null(strstr(read_until(tty, "again: "), "Password again: "));
    type(tty, second);
    snprintf(said, cap, "%s", read_until(tty, "\nand nothing more"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(tty);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_password_is_typed_twice_and_not_shown(void **state)
{
    char said[4096];

    (void)state;
    assert_int_equal(add_typist("typed password\n", "tipped password\n", said, sizeof(said)), 1);
    assert_non_null(strstr(said, "the two passwords are not the same"));
    assert_int_equal(add_typist("typed password\n", "typed password\n", said, sizeof(said)), 0);
    assert_non_null(strstr(said, "user typist added"));
    assert_null(strstr(said, "typed"));
    becomes("typist:typed password", 200);
}

/* --- guessing --------------------------------------------------------------------------------- */

/* What webadmin has computed so far: others who use the machine do not count. */
static int64_t computed_us(void)
{
    struct timespec t;
    clockid_t clock;

    assert_int_equal(clock_getcpuclockid(fix.pid, &clock), 0);
    assert_int_equal(clock_gettime(clock, &t), 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t costs_us(const char *user)
{
    int64_t before_us = computed_us();

    adminfix_expect(&fix, (struct call){ .path = TURN, .user = user }, 401, NULL);
    return computed_us() - before_us;
}

/* A check of a hash takes tens of milliseconds; a request without one takes a few. Of several tries
 * the cheapest count, taken in turn: caches are shared with others. */
static void an_unknown_user_takes_as_long_as_a_wrong_password(void **state)
{
    int64_t wrong_us = INT64_MAX, unknown_us = INT64_MAX;
    bool alike = false;

    (void)state;
    for (int i = 0; i < WA_USER_TRIES_BURST / 2 && !alike; i++) {
        wrong_us = MIN(wrong_us, costs_us("auditor:not the password"));
        unknown_us = MIN(unknown_us, costs_us("nobody at all:not the password"));
        alike = unknown_us > wrong_us / 2 && unknown_us < 2 * wrong_us;
    }
    if (!alike)
        fail_msg("unknown %d us, wrong %d us", (int)unknown_us, (int)wrong_us);
    assert_true(unknown_us > 20000); /* scrypt with 16 MiB */
}

/* Guesses that come all at once: one after the other, on a machine with much to do, they would be as
 * slow as the brake allows. */
static void guess(struct raw **guesses, size_t n)
{
    for (size_t i = 0; i < n; i++)
        guesses[i] = raw_open(&fix);
    for (size_t i = 0; i < n; i++) {
        char login[40], base64[BASE64_SIZE(sizeof(login))], *head;

        (void)snprintf(login, sizeof(login), "script:guess %zu", i);
        base64_encode(base64, login, strlen(login));
        head = str_printf("GET " TURN " HTTP/1.1\r\nHost: localhost\r\n"
                          "Authorization: Basic %s\r\nConnection: close\r\n\r\n", base64);
        assert_true(raw_say(guesses[i], head));
        free(head);
    }
}

/* A script with an old password is slowed; others, and who is known, come in from the same
 * address as ever. */
static void guessing_is_slowed_and_locks_nobody_out(void **state)
{
    struct raw *guesses[2 * WA_USER_TRIES_BURST];
    size_t slowed = 0;

    (void)state;
    guess(guesses, ARRAY_LEN(guesses));
    for (size_t i = 0; i < ARRAY_LEN(guesses); i++) {
        const char *answer = raw_read(guesses[i], "</failureDetails>", 20000);

        if (strstr(answer, "HTTP/1.1 429 ")) {
            slowed++;
            assert_non_null(strcasestr(answer, "\r\nRetry-After: 1\r\n"));
            assert_non_null(strstr(answer, FAILURE("tooManyTries")));
        } else if (!strstr(answer, "HTTP/1.1 401 ")) {
            fail_msg("guess %zu: %s", i, answer);
        }
        raw_close(&guesses[i]);
    }
    assert_true(slowed >= WA_USER_TRIES_BURST / 2);
    adminfix_expect(&fix, (struct call){ .path = TURN, .user = API }, 200, NULL); /* known */
    becomes("typist:typed password", 200);                                       /* others */
}

static int set_up(void **state)
{
    (void)state;
    adminfix_open(&fix);
    adminfix_add(&fix, "turnServers", "serverAddress=10.0.0.1", id);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    adminfix_close(&fix);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_gets_in_without_name_and_password),
        cmocka_unit_test(the_scheme_has_any_case),
        cmocka_unit_test(a_header_that_is_too_long_is_no_login),
        cmocka_unit_test(roles_decide_what_is_possible),
        cmocka_unit_test(users_come_change_and_go_at_once),
        cmocka_unit_test(users_are_listed_without_their_passwords),
        cmocka_unit_test(mistakes_with_users_are_said_with_a_sentence),
        cmocka_unit_test(a_password_is_typed_twice_and_not_shown),
        cmocka_unit_test(an_unknown_user_takes_as_long_as_a_wrong_password),
        cmocka_unit_test(guessing_is_slowed_and_locks_nobody_out),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
