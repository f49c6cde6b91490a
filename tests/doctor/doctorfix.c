/* SPDX-License-Identifier: Apache-2.0 */
#include "doctorfix.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <base/str.h>
#include <evp/rand.h>
#include <loop/clock.h>
#include <pki/file.h>

#include "cm.h"

#define ARG(s) ((char *)(uintptr_t)(s))

enum { RUN_MS = 60000, AGAIN_MS = 300 };

/* --- ports ------------------------------------------------------------------------------------ */

static bool is_free(uint16_t port, int type)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool ok = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

    (void)close(fd);
    return ok;
}

/* Below the range of which the kernel takes ports for clients: turn and turn-private. */
static uint16_t free_base(void)
{
    for (;;) {
        uint16_t base = (uint16_t)(10000 + evp_random_below(20) * 1000 + evp_random_below(100));

        if (is_free((uint16_t)(base + 250), SOCK_DGRAM) &&
            is_free((uint16_t)(base + 250), SOCK_STREAM) &&
            is_free((uint16_t)(base + 290), SOCK_STREAM))
            return base;
    }
}

/* --- files and configuration ------------------------------------------------------------------ */

void doctorfix_cert(struct doctorfix *f, const char *stem, const char *name, int64_t from_s,
                    int days, const struct pki_pair *by)
{
    struct pki_opts o = { .names = &name, .name_count = 1, .days = days,
                          .now_s = (int64_t)time(NULL) + from_s };
    char *cert = str_printf("%s/%s.crt", f->link.pki, stem);
    char *key = str_printf("%s/%s.key", f->link.pki, stem);
    struct pki_pair pair = { 0 };

    assert_int_equal(pki_issue(&pair, by ? by : &f->link.ca, &o, NULL), 0);
    assert_int_equal(pki_file_store_cert(cert, pair.cert_pem, NULL), 0);
    assert_int_equal(pki_file_store_key(key, pair.key_pem, NULL), 0);
    pki_pair_fini(&pair);
    free(cert);
    free(key);
}

static void must(const struct confix_answer *a)
{
    if (a->code != BUS_OK || a->problem[0])
        fail_msg("config: %s %s", a->problem, a->text);
}

void doctorfix_turn_set(struct doctorfix *f, const char *const *pairs)
{
    struct confix_answer a;

    confix_set(&f->link.conf, "turnServer", f->turn_row, pairs, &a);
    must(&a);
}

/* --- turn ------------------------------------------------------------------------------------- */

static void turn_child(struct doctorfix *f)
{
    char *log = str_printf("%s/log/turn-1.err", f->link.dir);

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(open(log, O_WRONLY | O_CREAT | O_APPEND, 0600), 2);
    (void)setenv("STOA_STATE", f->link.dir, 1);
    (void)setenv("STOA_SITE", "inside", 1);
    (void)setenv("STOA_BUS", busfix_endpoint(f->link.conf.bus_fix), 1);
    (void)setenv("STOA_KEYS", busfix_keys(f->link.conf.bus_fix), 1);
    (void)setenv("STOA_NUMBER", "1", 1);
    (void)setenv("STOA_LISTEN", "127.0.0.1", 1);
    (void)execl(STOA_TURN, STOA_TURN, "--workers=1", (char *)NULL);
    _exit(127);
}

void doctorfix_turn_start(struct doctorfix *f)
{
    struct confix_answer a;

    f->turn = fork();
    if (f->turn == 0)
        turn_child(f);
    if (f->turn_row[0])
        return;
    confix_set(&f->link.conf, "turn", "turn",
               CONFIX_FIELDS("realm", "octavio.com", "unauthorizedLimit", "100000"), &a);
    must(&a);
    confix_add(&f->link.conf, "turnUser",
               CONFIX_FIELDS("name", "turnuser", "password", "turnpass", "allowPeers",
                             "127.0.0.0/8"), &a);
    must(&a);
    confix_add(&f->link.conf, "turnServer",
               CONFIX_FIELDS("serverAddress", "127.0.0.1", "username", "turnuser", "password",
                             "turnpass"), &a);
    must(&a);
    (void)str_copy(f->turn_row, sizeof(f->turn_row), a.id);
}

void doctorfix_turn_kill(struct doctorfix *f)
{
    if (f->turn > 0)
        linkfix_kill(&f->turn, SIGKILL);
}

/* --- the doctor ------------------------------------------------------------------------------- */

static void doctor_child(struct doctorfix *f, const char *const *args)
{
    char *argv[16] = { ARG(STOA_STOA), ARG("doctor"), ARG("--json") };
    size_t n = 3;

    while (*args)
        argv[n++] = ARG(*args++);
    (void)dup2(open(f->out, O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    (void)dup2(open(f->err, O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    (void)setenv("STOA_STATE", f->link.dir, 1);
    (void)setenv("STOA_SITE", "inside", 1);
    (void)setenv("STOA_BUS", busfix_endpoint(f->link.conf.bus_fix), 1);
    (void)setenv("STOA_KEYS", busfix_keys(f->link.conf.bus_fix), 1);
    (void)execv(argv[0], argv);
    _exit(127);
}

struct ending {
    pid_t pid;
    int status;
};

static bool has_ended(void *arg)
{
    struct ending *e = arg;

    return waitpid(e->pid, &e->status, WNOHANG) == e->pid;
}

void doctorfix_run(struct doctorfix *f, const char *const *args)
{
    struct ending e = { .pid = fork() };

    if (e.pid == 0)
        doctor_child(f, args);
    /* The relay and the mock TURN server are on the loop of the test. */
    if (!busfix_run_until(f->link.conf.bus_fix, has_ended, &e, RUN_MS)) {
        (void)kill(e.pid, SIGKILL);
        (void)waitpid(e.pid, NULL, 0);
        fail_msg("stoa doctor does not end");
    }
    assert_true(WIFEXITED(e.status));
    f->code = WEXITSTATUS(e.status);
    json_decref(f->said);
    f->said = json_load_file(f->out, 0, NULL);
}

const char *doctorfix_text(const json_t *finding, const char *member)
{
    const char *s = json_string_value(json_object_get(finding, member));

    return s ? s : "";
}

const json_t *doctorfix_finding(const struct doctorfix *f, const char *id)
{
    size_t i;
    json_t *one;

    json_array_foreach(json_object_get(f->said, "findings"), i, one)
        if (str_eq(doctorfix_text(one, "id"), id))
            return one;
    return NULL;
}

/* True when all that is wrong is of this id, and it is there as asked for. */
static bool is_as_expected(const struct doctorfix *f, const char *id, const char *result,
                           const char *text)
{
    int code = !id ? 0 : str_eq(result, "warning") ? 1 : 2;
    const json_t *all = json_object_get(f->said, "findings");
    bool found = false;
    size_t i;
    json_t *one;

    json_array_foreach(all, i, one) {
        if (!id || !str_eq(doctorfix_text(one, "id"), id))
            return false;
        found = found || ((!result || str_eq(doctorfix_text(one, "result"), result)) &&
                          strstr(doctorfix_text(one, "observed"), text));
    }
    /* A daemon that has just been killed may be asked, and its silence said. */
    return all && found == (id != NULL) && ((id && !result) || f->code == code);
}

static void show(const struct doctorfix *f)
{
    char *command = str_printf("cat '%s' '%s'; tail -n 30 '%s'/log/*.err", f->out, f->err,
                               f->link.dir);

    if (system(command) != 0)
        fprintf(stderr, "nothing to show\n");
    free(command);
}

void doctorfix_expect(struct doctorfix *f, const char *id, const char *result, const char *text)
{
    static const char *const none[] = { NULL };
    int64_t until_ms = loop_now_ms() + DOCTORFIX_PATIENCE_MS;

    if (f->broken)
        fail_msg("an earlier test has left the site broken");
    f->broken = true;
    for (;;) {
        doctorfix_run(f, none);
        if (is_as_expected(f, id, result, text))
            break;
        if (loop_now_ms() > until_ms) {
            show(f);
            fail_msg("expected %s %s \"%s\" and nothing else", id ? id : "nothing",
                     result ? result : "", text);
        }
        busfix_run_for(f->link.conf.bus_fix, AGAIN_MS);
    }
    f->broken = false;
}

/* --- life ------------------------------------------------------------------------------------- */

void doctorfix_open(struct doctorfix *f)
{
    char base[8];

    *f = (struct doctorfix){ .base = free_base() };
    (void)snprintf(base, sizeof(base), "%u", f->base);
    (void)setenv("STOA_PORT_BASE", base, 1);
    linkfix_open(&f->link);
    doctorfix_cert(f, "webbridge", LINKFIX_NAME, 0, 90, NULL);
    doctorfix_cert(f, "callbridge", "callbridge.example", 0, 90, NULL);
    linkfix_trust(&f->link, "callbridge");
    linkfix_call_start(&f->link, 0);
    f->out = str_printf("%s/doctor.json", f->link.dir);
    f->err = str_printf("%s/doctor.err", f->link.dir);
    doctorfix_expect(f, NULL, NULL, "");
}

void doctorfix_close(struct doctorfix *f)
{
    doctorfix_turn_kill(f);
    json_decref(f->said);
    (void)unlink(f->out);
    (void)unlink(f->err);
    free(f->out);
    free(f->err);
    linkfix_close(&f->link);
}
