/* SPDX-License-Identifier: Apache-2.0
 * bustap as a program on a real busd. */
#include <busfix.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/str.h>
#include <bridge.pb-c.h>
#include <xmpp.pb-c.h>

#include "cm.h"

enum { WAIT_MS = 20000 };

static struct busfix *fix;
static struct bus *web, *cb, *xmpp;
static const uint8_t trace[BUS_TRACE_ID_LEN] = {0xAA, 1, 2,  3,  4,  5,  6,  7,
                                                8,    9, 10, 11, 12, 13, 14, 15};
static const char trace_text[] = "aa0102030405060708090a0b0c0d0e0f";

/* --- a join of two messages ------------------------------------------------------------------ */

struct login {
    struct bus_call *call;
};

static void on_stored(void *arg, const struct bus_result *r)
{
    struct login *l = arg;
    Stoa__Bridge__V1__GuestLoginReply reply = STOA__BRIDGE__V1__GUEST_LOGIN_REPLY__INIT;

    (void)r;
    reply.ticket = (char *)(uintptr_t)"TOP-SECRET-TICKET";
    bus_reply(l->call, &reply.base);
    free(l);
}

static void on_login(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    Stoa__Xmpp__V1__StoreGuestRequest q = STOA__XMPP__V1__STORE_GUEST_REQUEST__INIT;
    struct bus_dst dst = {.role = "xmpp"};
    struct bus_req_opts opts = {.trace_id = bus_call_trace(call)};
    struct login *l = malloc(sizeof(*l));

    (void)arg;
    (void)body;
    l->call = call;
    q.token = (char *)(uintptr_t)"TOP-SECRET-TOKEN";
    (void)bus_request(cb, &dst, &q.base, &opts, on_stored, l);
}

static void on_store(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    Stoa__Xmpp__V1__StoreGuestReply r = STOA__XMPP__V1__STORE_GUEST_REPLY__INIT;

    (void)arg;
    (void)body;
    bus_reply(call, &r.base);
}

static const struct bus_handler cb_handlers[] = {
    {&stoa__bridge__v1__guest_login_request__descriptor, on_login}};
static const struct bus_handler xmpp_handlers[] = {
    {&stoa__xmpp__v1__store_guest_request__descriptor, on_store}};

static int set_up(void **state)
{
    (void)state;
    fix = busfix_new("inside");
    cb = busfix_serve(fix, "callbridge");
    xmpp = busfix_serve(fix, "xmpp");
    web = busfix_connect(fix, "webbridge");
    bus_handle(cb, cb_handlers, 1, NULL);
    bus_handle(xmpp, xmpp_handlers, 1, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_free(&web);
    bus_free(&cb);
    bus_free(&xmpp);
    busfix_free(&fix);
    return 0;
}

static void on_done(void *arg, const struct bus_result *r)
{
    *(int *)arg = r->code == BUS_OK ? 1 : -1;
}

static bool is_set(void *arg)
{
    return *(int *)arg != 0;
}

static void join(void)
{
    Stoa__Bridge__V1__GuestLoginRequest q = STOA__BRIDGE__V1__GUEST_LOGIN_REQUEST__INIT;
    struct bus_dst dst = {.role = "callbridge"};
    struct bus_req_opts opts = {.trace_id = trace, .subject = "100101"};
    int done = 0;

    q.call_id = (char *)(uintptr_t)"100101";
    q.passcode = (char *)(uintptr_t)"TOP-SECRET-PASSCODE";
    (void)bus_request(web, &dst, &q.base, &opts, on_done, &done);
    assert_true(busfix_run_until(fix, is_set, &done, WAIT_MS));
    assert_int_equal(done, 1);
}

static void tell_connected(void)
{
    Stoa__Bridge__V1__SessionEvent e = STOA__BRIDGE__V1__SESSION_EVENT__INIT;
    Stoa__Bridge__V1__MediaState media = STOA__BRIDGE__V1__MEDIA_STATE__INIT;
    struct bus_dst dst = {.role = "webbridge", .instance = bus_instance(web)};
    struct bus_req_opts opts = {.trace_id = trace};

    media.state = (char *)(uintptr_t)"connected";
    e.session_id = (char *)(uintptr_t)"0123456789abcdef0123456789abcdef";
    e.event_case = STOA__BRIDGE__V1__SESSION_EVENT__EVENT_MEDIA;
    e.media = &media;
    assert_int_equal(bus_send_event(cb, &dst, &e.base, &opts), 0);
}

/* --- bustap as a child ----------------------------------------------------------------------- */

struct child {
    pid_t pid;
    int out, err;
    char text[65536];
};

static void start(struct child *c, const char *const *args)
{
    int out[2], err[2];
    const char *argv[16] = {"bustap", NULL};

    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    c->pid = fork();
    if (c->pid == 0) {
        (void)dup2(out[1], 1);
        (void)dup2(err[1], 2);
        (void)setenv("STOA_SITE", "inside", 1);
        (void)setenv("STOA_STATE", busfix_dir(fix), 1);
        (void)execv(STOA_BUSTAP, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    c->out = out[0];
    c->err = err[0];
}

/* Waits until bustap says that it is attached, then a little more: the subscription itself is not
 * acknowledged, so messages are sent until one has been shown. */
static void wait_attached(struct child *c)
{
    char text[256];
    ssize_t n = read(c->err, text, sizeof(text) - 1);

    assert_true(n > 0);
    text[n] = 0;
    assert_non_null(strstr(text, "attached"));
    busfix_run_for(fix, 300);
}

static int finish(struct child *c)
{
    size_t len = 0;
    ssize_t n;
    int status;

    while ((n = read(c->out, c->text + len, sizeof(c->text) - 1 - len)) > 0)
        len += (size_t)n;
    c->text[len] = 0;
    (void)close(c->out);
    (void)close(c->err);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void messages_are_shown_with_secrets_masked(void **state)
{
    static const char *const args[] = {"--count=4", "--wait=20",
                                       "trace=aa0102030405060708090a0b0c0d0e0f", NULL};
    static struct child c;

    (void)state;
    start(&c, args);
    wait_attached(&c);
    join();
    assert_int_equal(finish(&c), 0);
    assert_non_null(strstr(c.text, "stoa.bridge.v1.GuestLoginRequest"));
    assert_non_null(strstr(c.text, "stoa.xmpp.v1.StoreGuestReply"));
    assert_non_null(strstr(c.text, "\"callId\":\"100101\",\"passcode\":\"***\""));
    assert_non_null(strstr(c.text, "subject=100101"));
    assert_null(strstr(c.text, "TOP-SECRET"));
}

static void conditions_select_and_json_is_one_object_per_line(void **state)
{
    static const char *const args[] = {"--json", "--type=GuestLoginRequest", "--src=webbridge",
                                       "--count=1", "--wait=20", "callId=100101", NULL};
    static struct child c;

    (void)state;
    start(&c, args);
    wait_attached(&c);
    join();
    assert_int_equal(finish(&c), 0);
    assert_int_equal(c.text[0], '{');
    assert_non_null(strstr(c.text, "\"type\":\"stoa.bridge.v1.GuestLoginRequest\""));
    assert_non_null(strstr(c.text, trace_text));
    assert_ptr_equal(strchr(c.text, '\n'), c.text + strlen(c.text) - 1);
}

static void follow_draws_a_join_from_its_call_id(void **state)
{
    static const char *const args[] = {"follow", "100101", NULL};
    static struct child c;
    const char *login, *store, *stored, *reply;

    (void)state;
    start(&c, args);
    wait_attached(&c);
    join();
    tell_connected();
    busfix_run_for(fix, 200);
    (void)kill(c.pid, SIGINT);
    assert_int_equal(finish(&c), 0);
    print_message("%s", c.text);
    assert_non_null(strstr(c.text, "SessionEvent (media connected)"));
    login = strstr(c.text, "GuestLoginRequest");
    store = strstr(c.text, "StoreGuestRequest"); /* by trace id: it has no subject */
    stored = strstr(c.text, "StoreGuestReply");
    reply = strstr(c.text, "GuestLoginReply");
    assert_true(login && store > login && stored > store && reply > stored);
}

static void without_busd_it_says_so(void **state)
{
    static const char *const args[] = {"--wait=1", "--tap=ipc:///nonexistent/tap.sock", NULL};
    static struct child c;

    (void)state;
    start(&c, args);
    assert_int_equal(finish(&c), 69);
}

static void help_and_wrong_options(void **state)
{
    static const char *const help[] = {"--help", NULL};
    static const char *const wrong[] = {"--nonsense", NULL};
    static struct child c;

    (void)state;
    start(&c, help);
    assert_int_equal(finish(&c), 0);
    assert_non_null(strstr(c.text, "Usage: bustap"));
    start(&c, wrong);
    assert_int_equal(finish(&c), 64);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(messages_are_shown_with_secrets_masked),
        T(conditions_select_and_json_is_one_object_per_line),
        T(follow_draws_a_join_from_its_call_id),
        T(without_busd_it_says_so),
        T(help_and_wrong_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
