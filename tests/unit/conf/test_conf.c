/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/str.h>
#include <conf/conf.h>

#include "cm.h"

static struct conf *load(char *const *env)
{
    char error[CONF_ERROR_MAX] = "";
    struct conf *c = NULL;

    assert_int_equal(conf_load(&c, env, error), 0);
    return c;
}

static void assert_refused(const char *variable, const char *text)
{
    char *copy = str_dup(variable);
    char *env[] = { copy, NULL };
    char error[CONF_ERROR_MAX] = "";
    struct conf *c = NULL;

    assert_int_equal(conf_load(&c, env, error), -EINVAL);
    assert_null(c);
    assert_string_equal(error, text);
    free(copy);
}

static void an_empty_environment_gives_the_defaults(void **state)
{
    char *env[] = { "PATH=/bin", NULL };
    struct conf *c = load(env);
    char *path = conf_path(c, "run", "bus.sock");
    char *bus = conf_bus_endpoint(c), *keys = conf_keys_dir(c);

    (void)state;
    assert_string_equal(conf_site(c), "inside");
    assert_true(path[0] == '/' && str_ends(path, "/.state/inside/run/bus.sock"));
    assert_int_equal(conf_number(c), 1);
    assert_int_equal(conf_port(c, "https"), 8443);
    assert_int_equal(conf_port_at(c, "https", 3), 8463);
    assert_string_equal(conf_listen(c, "https"), "*");
    assert_string_equal(conf_listen(c, "xmpp"), "127.0.0.1");
    assert_null(conf_get(c, "BUS"));
    assert_string_equal(bus + strlen("ipc://"), path);
    assert_true(str_ends(keys, "/.state/inside/keys"));
    free(bus);
    free(keys);
    free(path);
    conf_free(c);
}

static void a_port_base_moves_every_port_into_its_thousand(void **state)
{
    char *env[] = { "STOA_PORT_BASE=20000", "STOA_NUMBER=9", NULL };
    struct conf *c = load(env);
    const struct conf_port_row *rows;
    size_t count;

    (void)state;
    rows = conf_port_rows(&count);
    for (size_t i = 0; i < count; i++)
        assert_in_range(conf_port(c, rows[i].name) + conf_port_count(c, rows[i].name) - 1, 20000,
                        20999);
    conf_free(c);
}

static void no_two_rows_share_a_port(void **state)
{
    char *plain[] = { NULL }, *based[] = { "STOA_PORT_BASE=20000", NULL };
    char *const *envs[] = { plain, based };
    const struct conf_port_row *rows;
    size_t count;

    (void)state;
    rows = conf_port_rows(&count);
    for (size_t e = 0; e < 2; e++) {
        struct conf *c = load(envs[e]);

        for (size_t i = 0; i < count; i++) {
            unsigned first = conf_port(c, rows[i].name), own = conf_port_count(c, rows[i].name);

            for (unsigned k = 0; k < (rows[i].step ? 3 : 1); k++) {
                for (unsigned p = 0; p < own; p++)
                    assert_ptr_equal(conf_port_owner(c, (uint16_t)(first + k * rows[i].step + p)),
                                     &rows[i]);
            }
        }
        conf_free(c);
    }
}

static void a_named_port_wins_and_0_switches_it_off(void **state)
{
    char *env[] = { "STOA_PORT_BASE=20000", "STOA_PORT_EDGE_HTTPS=443", "STOA_PORT_HTTP=0",
                    "STOA_NUMBER=2", NULL };
    struct conf *c = load(env);

    (void)state;
    assert_int_equal(conf_port(c, "edge-https"), 443);
    assert_int_equal(conf_port(c, "http"), 0);
    assert_int_equal(conf_port(c, "https"), 20010);
    assert_string_equal(conf_port_owner(c, 20001) ? "?" : "nobody", "nobody");
    conf_free(c);
}

static void listen_replaces_every_address(void **state)
{
    char *env[] = { "STOA_LISTEN=192.0.2.7", "STOA_BUS=ipc:///x", NULL };
    struct conf *c = load(env);

    (void)state;
    assert_string_equal(conf_listen(c, "https"), "192.0.2.7");
    assert_string_equal(conf_listen(c, "xmpp"), "192.0.2.7");
    assert_string_equal(conf_get(c, "BUS"), "ipc:///x");
    conf_free(c);
}

static void one_listener_may_have_an_address_of_its_own(void **state)
{
    char *env[] = { "STOA_LISTEN_ZONE=192.0.2.8", "STOA_LISTEN_EDGE_HTTPS=192.0.2.9",
                    "STOA_LISTEN_EDGE_HTTPS=192.0.2.10", NULL };
    char *both[] = { "STOA_LISTEN_ZONE=192.0.2.8", "STOA_LISTEN=192.0.2.7", NULL };
    struct conf *c = load(env);

    (void)state;
    assert_string_equal(conf_listen(c, "zone"), "192.0.2.8");
    assert_string_equal(conf_listen(c, "edge-https"), "192.0.2.10");
    assert_string_equal(conf_listen(c, "edge-http"), "*");
    assert_string_equal(conf_listen(c, "edge-admin"), "127.0.0.1");
    conf_free(c);
    c = load(both);
    assert_string_equal(conf_listen(c, "zone"), "192.0.2.8");
    assert_string_equal(conf_listen(c, "edge-admin"), "192.0.2.7");
    conf_free(c);
}

static void every_mistake_gets_one_sentence(void **state)
{
    (void)state;
    assert_refused("STOA_STAET=x", "The environment variable STOA_STAET is not known (did you mean "
                                   "STOA_STATE?). Correct or unset it.");
    assert_refused("STOA_QWERTYUIOP=x",
                   "The environment variable STOA_QWERTYUIOP is not known. Correct or unset it.");
    assert_refused("STOA_PORT_HTPS=1",
                   "The environment variable STOA_PORT_HTPS is not known (did you "
                   "mean STOA_PORT_HTTPS?). Correct or unset it.");
    assert_refused("STOA_PORT_HTTPS=70000",
                   "STOA_PORT_HTTPS is \"70000\" but must be a port number, or 0 for none.");
    assert_refused("STOA_SITE=dmz", "STOA_SITE is \"dmz\" but must be \"inside\" or \"edge\".");
    assert_refused("STOA_NUMBER=0", "STOA_NUMBER is \"0\" but must be a number from 1 to 9.");
    assert_refused("STOA_LISTEN=here",
                   "STOA_LISTEN is \"here\" but must be an IP address of this machine.");
    assert_refused("STOA_LISTEN_ZONE=here",
                   "STOA_LISTEN_ZONE is \"here\" but must be an IP address of this machine.");
    assert_refused("STOA_LISTEN_ZONES=192.0.2.7",
                   "The environment variable STOA_LISTEN_ZONES is not known (did you mean "
                   "STOA_LISTEN_ZONE?). Correct or unset it.");
    assert_refused("STOA_PORT_BASE=80",
                   "STOA_PORT_BASE is \"80\" but must be a number from 1024 to 64535.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_environment_gives_the_defaults),
        cmocka_unit_test(a_port_base_moves_every_port_into_its_thousand),
        cmocka_unit_test(no_two_rows_share_a_port),
        cmocka_unit_test(a_named_port_wins_and_0_switches_it_off),
        cmocka_unit_test(listen_replaces_every_address),
        cmocka_unit_test(one_listener_may_have_an_address_of_its_own),
        cmocka_unit_test(every_mistake_gets_one_sentence),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
