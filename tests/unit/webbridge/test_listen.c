/* SPDX-License-Identifier: Apache-2.0
 * Listeners follow the settings. Without libwebsockets: nobody is let in, only what is open
 * counts. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <daemon/daemon.h>

#include "cm.h"
#include "webbridge.h"

static uv_loop_t loop;
static struct webbridge wb;
static const struct daemon_def def = { .role = "webbridge", .summary = "for tests" };

/* A socket bound to a free port of `ip`; `listens` keeps others from it. */
static int take(const char *ip, bool listens, int *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, ip, &a.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    if (listens)
        assert_int_equal(listen(fd, 1), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static int free_port(void)
{
    int port, fd = take("127.0.0.1", false, &port);
    close(fd);
    return port;
}

static bool answers(const char *ip, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, ip, &a.sin_addr);
    bool connected = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return connected;
}

static void set_listen(const char *text)
{
    str_set(&wb.settings.listen, text);
    wb_listen_apply(&wb);
}

static int set_up(void **state)
{
    struct str why = { 0 };
    const char *port = NULL;
    (void)state;
    memset(&wb, 0, sizeof wb);
    assert_int_equal(uv_loop_init(&loop), 0);
    wb.loop = &loop;
    wb.daemon = daemon_bare_new(&loop, &def, NULL);
    wb.settings.http_redirect = true;
    wb.listen_opts = (struct wb_server_opts){ .listen = "127.0.0.1", .https_port = free_port(),
                                              .http_port = free_port(),
                                              .proxy_listen = "127.0.0.1",
                                              .proxy_port = free_port() };
    assert_int_equal(wb_listen_start(&wb, &port, &why), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wb_listen_stop(&wb);
    daemon_bare_free(wb.daemon);
    str_set(&wb.settings.listen, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop);
}

static void disabling_closes_and_enabling_opens(void **state)
{
    const struct wb_server_opts *o = &wb.listen_opts;
    (void)state;
    assert_true(answers("127.0.0.1", o->https_port) && answers("127.0.0.1", o->http_port));
    wb.settings.disabled = true;
    wb_listen_apply(&wb);
    assert_false(answers("127.0.0.1", o->https_port) || answers("127.0.0.1", o->http_port));
    wb.settings.disabled = false;
    wb_listen_apply(&wb);
    assert_true(answers("127.0.0.1", o->https_port) && answers("127.0.0.1", o->http_port));
    wb.draining = true;
    wb_listen_apply(&wb);
    assert_false(answers("127.0.0.1", o->https_port));
}

static void the_listener_for_expc_stays_where_it_is(void **state)
{
    const struct wb_server_opts *o = &wb.listen_opts;
    char text[64];
    (void)state;
    assert_true(answers("127.0.0.1", o->proxy_port));
    snprintf(text, sizeof text, "127.0.0.2:%d", free_port());
    set_listen(text); /* the setting is about the page for everybody */
    assert_true(answers("127.0.0.1", o->proxy_port));
    assert_false(answers("127.0.0.2", o->proxy_port));
    assert_int_not_equal(wb.https_port, o->proxy_port);
    wb.settings.disabled = true;
    wb_listen_apply(&wb);
    assert_false(answers("127.0.0.1", o->proxy_port));
}

static void the_redirect_has_a_switch_of_its_own(void **state)
{
    const struct wb_server_opts *o = &wb.listen_opts;
    (void)state;
    wb.settings.http_redirect = false;
    wb_listen_apply(&wb);
    assert_true(answers("127.0.0.1", o->https_port));
    assert_false(answers("127.0.0.1", o->http_port));
}

static void addresses_change_live_and_the_redirect_goes_along(void **state)
{
    char text[96];
    int old = wb.listen_opts.https_port, port = free_port();
    (void)state;
    snprintf(text, sizeof text, "127.0.0.2:%d, 127.0.0.3:%d", port, port);
    set_listen(text);
    assert_true(answers("127.0.0.2", port) && answers("127.0.0.3", port));
    assert_true(answers("127.0.0.2", wb.listen_opts.http_port));
    assert_false(answers("127.0.0.1", old));
    assert_int_equal(wb.https_port, port);
    set_listen("127.0.0.1"); /* the usual port */
    assert_true(answers("127.0.0.1", old));
    assert_false(answers("127.0.0.2", port));
    set_listen("0.0.0.0"); /* the same port for every address: one must close first */
    assert_true(answers("127.0.0.1", old) && answers("127.0.0.2", old));
    set_listen(NULL);
    assert_true(answers("127.0.0.1", old));
    assert_false(answers("127.0.0.2", old));
    assert_int_equal(wb.https_port, old);
}

static void a_second_instance_keeps_its_distance(void **state)
{
    char text[64];
    int port = free_port();
    (void)state;
    wb.listen_opts.port_distance = 10;
    snprintf(text, sizeof text, "127.0.0.2:%d", port);
    set_listen(text);
    assert_true(answers("127.0.0.2", port + 10));
    assert_false(answers("127.0.0.2", port));
}

static void see(void *arg, const struct daemon_fault *f)
{
    str_copy(arg, 200, f->text);
}

static void what_cannot_be_opened_is_a_fault_and_changes_nothing(void **state)
{
    char text[96], said[200] = "";
    int old = wb.listen_opts.https_port, taken, fd = take("127.0.0.2", true, &taken);
    (void)state;
    snprintf(text, sizeof text, "127.0.0.2:%d", taken);
    set_listen(text);
    daemon_fault_each(wb.daemon, see, said);
    assert_non_null(strstr(said, "The web bridge cannot listen on 127.0.0.2:"));
    assert_non_null(strstr(said, "Address already in use. It listens as before."));
    assert_true(answers("127.0.0.1", old) && answers("127.0.0.1", wb.listen_opts.http_port));
    set_listen("192.0.2.1");
    daemon_fault_each(wb.daemon, see, said);
    assert_non_null(strstr(said, "192.0.2.1"));
    assert_true(answers("127.0.0.1", old));
    close(fd);
    set_listen(text);
    assert_int_equal(daemon_fault_count(wb.daemon), 0);
    assert_true(answers("127.0.0.2", taken));
}

static void an_address_of_another_machine_is_passed_over(void **state)
{
    (void)state;
    set_listen("192.0.2.1, 127.0.0.2");
    assert_int_equal(daemon_fault_count(wb.daemon), 0);
    assert_true(answers("127.0.0.2", wb.listen_opts.https_port));
}

static void a_taken_port_comes_back_by_itself(void **state)
{
    int port, fd = take("127.0.0.2", true, &port);
    char text[64];
    (void)state;
    wb.settings.disabled = true;
    wb_listen_apply(&wb);
    snprintf(text, sizeof text, "127.0.0.2:%d", port);
    wb.settings.disabled = false;
    set_listen(text);
    assert_int_equal(daemon_fault_count(wb.daemon), 1);
    close(fd);
    while (daemon_fault_count(wb.daemon) > 0)
        uv_run(&loop, UV_RUN_ONCE);
    assert_true(answers("127.0.0.2", port));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(disabling_closes_and_enabling_opens),
        CASE(the_listener_for_expc_stays_where_it_is),
        CASE(the_redirect_has_a_switch_of_its_own),
        CASE(addresses_change_live_and_the_redirect_goes_along),
        CASE(a_second_instance_keeps_its_distance),
        CASE(what_cannot_be_opened_is_a_fault_and_changes_nothing),
        CASE(an_address_of_another_machine_is_passed_over),
        CASE(a_taken_port_comes_back_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
