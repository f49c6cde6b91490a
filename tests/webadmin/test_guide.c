/* SPDX-License-Identifier: Apache-2.0
 * The guide's very requests, and its answers byte by byte (golden/), with the id that this run has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <turn.pb-c.h>

#include "adminfix.h"
#include "cm.h"

static const char *golden_dir;
static struct adminfix fix;
static struct bus *callbridge;
static char id[64];

static const char guide_form[] = "serverAddress=172.16.85.168&clientAddress=10.88.246.156&"
                                 "username=turnuser&password=cisco&type=standard&"
                                 "tcpPortNumberOverride=3478";

/* The text of a file in golden/ with every @ID@ replaced; its last line end belongs to the file.
 * Owner: the caller. */
static char *golden(const char *name)
{
    char *path = str_printf("%s/%s", golden_dir, name), text[4096], *at = text, *mark;
    FILE *file = fopen(path, "r");
    struct str out = { 0 };
    size_t n;

    assert_non_null(file);
    n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = '\0';
    while ((mark = strstr(at, "@ID@"))) {
        str_addn(&out, at, (size_t)(mark - at));
        str_add(&out, id);
        at = mark + 4;
    }
    str_add(&out, at);
    free(path);
    return str_take(&out);
}

static void expect_golden(const char *path_format, const char *name)
{
    struct str path = { 0 };
    char *wanted = golden(name);
    const char *mark = strstr(path_format, "@ID@");

    if (mark)
        str_addf(&path, "%.*s%s%s", (int)(mark - path_format), path_format, id, mark + 4);
    else
        str_add(&path, path_format);
    adminfix_expect(&fix, (struct call){ .path = path.s, .user = ADMIN }, 200, wanted);
    str_fini(&path);
    free(wanted);
}

static void on_probe(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Turn__V1__ProbeRequest *req = (const void *)body;
    Stoa__Turn__V1__ProbeReply reply = STOA__TURN__V1__PROBE_REPLY__INIT;
    Stoa__Turn__V1__ProbedHost host = STOA__TURN__V1__PROBED_HOST__INIT, *hosts[] = { &host };

    (void)arg;
    host.address = (char *)(uintptr_t)"172.16.85.168";
    host.transport = (char *)(uintptr_t)"udp";
    host.mapped_address = (char *)(uintptr_t)"172.16.85.180";
    host.has_port = host.has_reachable = host.has_success = true;
    host.has_round_trip_ms = host.has_mapped_port = true;
    host.reachable = host.success = true;
    host.port = 3478;
    host.round_trip_ms = 52;
    host.mapped_port = 41574;
    reply.has_known = true;
    reply.known = str_eq(req->turn_server, id);
    reply.hosts = hosts;
    reply.n_hosts = 1;
    bus_reply(call, &reply.base);
}

static const struct bus_handler handlers[] = {
    { &stoa__turn__v1__probe_request__descriptor, on_probe },
};

static void step_2_the_parameters_are_posted(void **state)
{
    struct call c = { .path = V1 "/turnServers", .form = guide_form, .user = ADMIN };
    const char *location;

    (void)state;
    adminfix_call(&fix, &c);
    assert_int_equal(c.status, 200);
    assert_string_equal(c.body.s, "");
    assert_string_equal(call_field(&c, "Content-Length"), "0");
    location = call_field(&c, "Location");
    assert_true(str_starts(location, V1 "/turnServers/"));
    snprintf(id, sizeof(id), "%s", location + strlen(V1 "/turnServers/"));
    assert_int_equal(strlen(id), 36);
    call_fini(&c);
}

static void step_3_the_list_shows_addresses_and_id(void **state)
{
    (void)state;
    expect_golden(V1 "/turnServers", "list.xml");
}

static void step_4_one_server_without_its_password(void **state)
{
    (void)state;
    expect_golden(V1 "/turnServer/@ID@", "single.xml"); /* the singular is the guide's */
    expect_golden(V1 "/turnServers/@ID@", "single.xml");
}

static void step_5_the_status(void **state)
{
    (void)state;
    expect_golden(V1 "/turnServers/@ID@/status", "status.xml");
}

/* The guide's remedy for a wrong password: the parameters once more, posted to the server. */
static void the_remedy_changes_the_server(void **state)
{
    char *path = str_printf(V1 "/turnServers/%s/", id);
    struct call c = { .path = path, .form = guide_form, .user = ADMIN };

    (void)state;
    adminfix_call(&fix, &c);
    assert_int_equal(c.status, 200);
    assert_string_equal(c.body.s, "");
    call_fini(&c);
    expect_golden(V1 "/turnServers", "list.xml");
    free(path);
}

/* What scripts do with turnServers, once, when they set a system up: look, make, change one
 * parameter, unset one, look again, take away. */
static void a_script_sets_up_and_takes_down(void **state)
{
    char other[64], *path, *wanted;

    (void)state;
    adminfix_expect(&fix, (struct call){ .path = V1 "/turnServers/?offset=0&limit=10",
                                         .user = API }, 200, NULL);
    adminfix_add(&fix, "turnServers", "serverAddress=turn.example.org&type=cms", other);
    path = str_printf(V1 "/turnServers/%s", other);
    adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = API,
                                         .form = "clientAddress=192.0.2.7&username=u" }, 200, "");
    adminfix_expect(&fix, (struct call){ .method = "PUT", .path = path, .user = API,
                                         .form = "username=" }, 200, "");
    wanted = str_printf(XML "<turnServer id=\"%s\"><serverAddress>turn.example.org</serverAddress>"
                            "<clientAddress>192.0.2.7</clientAddress>"
                            "<numRegistrations>0</numRegistrations><type>cms</type></turnServer>",
                        other);
    adminfix_expect(&fix, (struct call){ .path = path, .user = API }, 200, wanted);
    adminfix_expect(&fix, (struct call){ .method = "DELETE", .path = path, .user = API }, 200, "");
    adminfix_expect(&fix, (struct call){ .path = path, .user = API }, 400,
                    FAILURE("turnServerDoesNotExist"));
    expect_golden(V1 "/turnServers", "list.xml");
    free(wanted);
    free(path);
}

static int set_up(void **state)
{
    (void)state;
    adminfix_open(&fix);
    callbridge = busfix_serve(fix.config.bus_fix, "callbridge");
    bus_handle(callbridge, handlers, ARRAY_LEN(handlers), NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_free(&callbridge);
    adminfix_close(&fix);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_2_the_parameters_are_posted),
        cmocka_unit_test(step_3_the_list_shows_addresses_and_id),
        cmocka_unit_test(step_4_one_server_without_its_password),
        cmocka_unit_test(step_5_the_status),
        cmocka_unit_test(the_remedy_changes_the_server),
        cmocka_unit_test(a_script_sets_up_and_takes_down),
    };

    golden_dir = argc > 1 ? argv[1] : "golden";
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
