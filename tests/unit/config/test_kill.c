/* SPDX-License-Identifier: Apache-2.0
 * kill -9 in the middle of writing, 200 times over one database: each write that was acknowledged
 * (by a byte in a pipe after the commit) is there afterwards, and numbers never go back. */
#include "fix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

enum { KILLS = 200 };

/* Writes call IDs from `first` on until it is killed; says each number once it is committed. */
static void write_forever(const struct fix *parent, unsigned first, int fd)
{
    struct fix f = *parent;
    struct str why = { 0 };
    struct store_problem p;
    char uri[32], call_id[16];

    f.st = NULL;
    if (fix_open(&f, &why))
        _exit(3);
    for (unsigned n = first;; n++) {
        snprintf(uri, sizeof(uri), "u%u", n);
        snprintf(call_id, sizeof(call_id), "%u", n);
        if (fix_add(&f, "space",
                    PAIRS("name", "S", "uri", uri, "callId", call_id, "passcode", call_id), NULL,
                    &p))
            _exit(4);
        if (write(fd, &n, sizeof(n)) != sizeof(n))
            _exit(0);
    }
}

static void every_acknowledged_write_survives_kill_9(void **state)
{
    struct fix *f = *state;
    struct str why = { 0 };
    unsigned next = 1, acknowledged = 0, rounds = 0;
    uint64_t seq = 0;
    char uri[32], expect[16];

    srandom((unsigned)getpid());
    store_close(&f->st);
    for (int i = 0; i < KILLS; i++) {
        int fds[2], status;
        unsigned last = next - 1, wanted = 1 + (unsigned)random() % 4;

        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(fds[0]);
            write_forever(f, next, fds[1]);
        }
        close(fds[1]);
        for (unsigned k = 0; k < wanted; k++)
            if (read(fds[0], &last, sizeof(last)) != sizeof(last))
                fail_msg("the writer ended by itself");
        /* At any moment of the next transaction. */
        usleep((useconds_t)(random() % 2000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], &last, sizeof(last)) == sizeof(last))
            ;
        close(fds[0]);

        if (fix_open(f, &why))
            fail_msg("round %d: %s", i, why.s);
        snprintf(uri, sizeof(uri), "u%u", last);
        snprintf(expect, sizeof(expect), "%u", last);
        assert_string_equal(fix_value(f, "space", uri, "passcode"), expect);
        assert_true(store_seq(f->st, "site") >= last && store_seq(f->st, "site") > seq);
        seq = store_seq(f->st, "site");
        acknowledged = last;
        snprintf(uri, sizeof(uri), "u%u", last + 1);
        /* One more may be there: committed, killed before it said so. */
        next = strcmp(fix_value(f, "space", uri, "uri"), uri) == 0 ? last + 2 : last + 1;
        store_close(&f->st);
        rounds++;
    }
    assert_int_equal(fix_open(f, &why), 0);
    for (unsigned n = 1; n <= acknowledged; n++) {
        snprintf(uri, sizeof(uri), "u%u", n);
        assert_string_equal(fix_value(f, "space", uri, "uri"), uri);
    }
    assert_true(store_seq(f->st, "site") == next - 1);
    print_message("%u kills, %u acknowledged writes, all there\n", rounds, acknowledged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_acknowledged_write_survives_kill_9, fix_setup,
                                        fix_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
