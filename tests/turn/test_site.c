/* SPDX-License-Identifier: Apache-2.0
 * turn as a daemon of a site: its place, other instances, live changes, everybody else's absence,
 * drain, what it says about itself. */
#include "turnfix.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/str.h>
#include <dgram/dgram.h>
#include <loop/clock.h>
#include <stun/credential.h>
#include <turn.pb-c.h>

#include "turncli.h"

#include "cm.h"

enum { WAIT_MS = 15000, QUIET_MS = 200 };

static int setup(void **state)
{
    struct turnfix *f = calloc(1, sizeof(*f));

    f->workers = "2";
    turnfix_open(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    turnfix_close(*state);
    free(*state);
    return 0;
}

static void must_open(const struct turnfix *f, unsigned number, struct turncli *c, int how,
                      const char *user)
{
    struct addr a = turnfix_addr(f, number);

    assert_true(turncli_open(c, how, &a, user, "turnpass"));
}

static bool wait_value(struct turnfix *f, const char *holder, const char *field,
                       const char *value)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;

    while (loop_now_ms() < end_ms) {
        if (str_eq(confix_value(&f->conf, "turnInstance", holder, field), value))
            return true;
        busfix_run_for(f->conf.bus_fix, 20);
    }
    return false;
}

static void holder_of(unsigned number, char dst[300])
{
    char host[256] = "";

    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(dst, 300, "%s/%u", host, number);
}

static const char *value_of(struct turnfix *f, const char *holder, const char *field)
{
    return confix_value(&f->conf, "turnInstance", holder, field);
}

/* Two clients that exchange media through their relays. */
struct pair {
    struct turncli a, b;
};

static void pair_open(struct turnfix *f, struct pair *p, unsigned of_a, unsigned of_b)
{
    must_open(f, of_a, &p->a, TURNCLI_UDP, "strict");
    must_open(f, of_b, &p->b, TURNCLI_UDP, "strict");
    assert_int_equal(turncli_allocate(&p->a), 0);
    assert_int_equal(turncli_allocate(&p->b), 0);
    assert_int_equal(turncli_bind(&p->a, 0x4000, &p->b.relay), 0);
    assert_int_equal(turncli_bind(&p->b, 0x4000, &p->a.relay), 0);
}

static void pair_talks(struct pair *p)
{
    turncli_chandata(&p->a, 0x4000, "there", 5);
    assert_true(turncli_expect(&p->b, 0x4000, "there"));
    turncli_chandata(&p->b, 0x4000, "and back", 8);
    assert_true(turncli_expect(&p->a, 0x4000, "and back"));
}

static void pair_close(struct pair *p)
{
    turncli_close(&p->a);
    turncli_close(&p->b);
}

/* --- places ----------------------------------------------------------------------------------- */

static void an_instance_registers_and_keeps_its_place_over_a_kill(void **state)
{
    struct turnfix *f = *state;
    char holder[300], port[8];

    holder_of(1, holder);
    (void)snprintf(port, sizeof(port), "%u", f->base + 250);
    turnfix_start(f, 1);
    assert_true(wait_value(f, holder, "state", "serving"));
    assert_string_equal(confix_value(&f->conf, "turnInstance", holder, "port"), port);
    assert_string_equal(confix_value(&f->conf, "turnInstance", holder, "addresses"), "127.0.0.1");
    assert_string_equal(confix_value(&f->conf, "turnInstance", holder, "realm"), "octavio.com");
    (void)turnfix_stop(f, 1, SIGKILL);
    turnfix_start(f, 2); /* must not take it */
    turnfix_start(f, 1);
    assert_string_equal(confix_value(&f->conf, "turnInstance", holder, "port"), port);
    assert_string_equal(confix_value(&f->conf, "turnInstance", holder, "place"), "1");
}

/* LAN1 and LAN2 of the guide: requests come to both, relays are on the one that the outer firewall has
 * an address for, and only that address is told to anybody. */
static void it_answers_on_all_addresses_and_relays_on_the_one_with_a_public_address(void **state)
{
    static const char *const asked[] = { "127.0.0.2", "127.0.0.3" };
    struct turnfix *f = *state;
    char holder[300], relay[ADDR_TEXT_MAX];
    struct turncli c;
    struct addr a;

    holder_of(1, holder);
    turnfix_set(f, CONFIX_FIELDS("listen", "127.0.0.2, 127.0.0.3", "staticNat",
                                 "192.0.2.9/127.0.0.3"));
    turnfix_start(f, 1);
    assert_true(wait_value(f, holder, "servers", "127.0.0.2, 127.0.0.3"));
    assert_string_equal(value_of(f, holder, "addresses"), "127.0.0.3");
    assert_string_equal(value_of(f, holder, "publicAddresses"), "192.0.2.9");
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        assert_int_equal(addr_parse_ip(&a, asked[i], (uint16_t)(f->base + 250)), 0);
        assert_true(turncli_open(&c, TURNCLI_UDP, &a, "strict", "turnpass"));
        assert_int_equal(turncli_allocate(&c), 0);
        assert_string_equal(addr_print_ip(&c.relay, relay), "192.0.2.9");
        turncli_close(&c);
    }
    turnfix_set(f, CONFIX_FIELDS("listen", "127.0.0.3")); /* live */
    assert_true(wait_value(f, holder, "servers", "127.0.0.3"));
}

static int edge_setup(void **state)
{
    struct turnfix *f = calloc(1, sizeof(*f));

    f->site = "edge";
    f->workers = "1";
    turnfix_open(f);
    *state = f;
    return 0;
}

static void it_runs_on_the_site_of_an_edge_as_well(void **state)
{
    struct turnfix *f = *state;
    struct turncli c;
    char holder[300];

    holder_of(1, holder);
    turnfix_start(f, 1);
    assert_true(wait_value(f, holder, "state", "serving"));
    assert_true(wait_value(f, holder, "servers", "127.0.0.1"));
    must_open(f, 1, &c, TURNCLI_UDP, "turnuser");
    assert_int_equal(turncli_allocate(&c), 0);
    turncli_close(&c);
}

static void a_fixed_place_is_that_or_none(void **state)
{
    struct turnfix *f = *state;

    (void)setenv("STOA_TURN_PLACE", "3", 1);
    turnfix_start(f, 1);
    assert_true(turnfix_wait_log(f, 1, "place 3"));
    turnfix_start_only(f, 2);
    assert_true(turnfix_wait_log(f, 2, "no place"));
    assert_false(turnfix_wait_ready(f, 2, 100));
    (void)unsetenv("STOA_TURN_PLACE");
}

static void relays_of_two_instances_meet(void **state)
{
    struct turnfix *f = *state;
    struct pair p;
    char holder[300];

    turnfix_start(f, 1);
    turnfix_start(f, 2);
    holder_of(2, holder);
    assert_true(wait_value(f, holder, "state", "serving"));
    pair_open(f, &p, 1, 2);
    pair_talks(&p);
    pair_close(&p);
}

/* A client by every address of the machine is answered from that address: its socket is connected
 * and would not take another. */
static void on_every_address_answers_come_from_where_the_question_went(void **state)
{
    struct turnfix *f = *state;
    struct addr own[16];
    size_t n = dgram_addresses(own, ARRAY_LEN(own));
    char *status, *address;

    f->listen = "";
    turnfix_start(f, 1);
    assert_true(n > 0);
    status = turnfix_get(f, 1, "/status");
    address = str_printf("\"*:%u\"", f->base + 250);
    assert_non_null(strstr(status, address));
    free(address);
    free(status);
    for (size_t i = 0; i < n; i++) {
        for (int how = TURNCLI_UDP; how <= TURNCLI_TCP; how++) {
            struct turncli c;

            own[i].port = (uint16_t)(f->base + 250);
            assert_true(turncli_open(&c, how, &own[i], "strict", "turnpass"));
            assert_int_equal(turncli_allocate(&c), 0);
            assert_true(addr_eq(&c.mapped, &c.local));
            turncli_close(&c);
        }
    }
}

static void addresses_of_other_machines_are_passed_over(void **state)
{
    struct turnfix *f = *state;
    struct pair p;

    turnfix_set(f, CONFIX_FIELDS("listen", "192.0.2.77, 127.0.0.1"));
    turnfix_start(f, 1);
    pair_open(f, &p, 1, 1);
    pair_talks(&p);
    turnfix_set(f, CONFIX_FIELDS("listen", "192.0.2.77"));
    assert_true(turnfix_wait_log(f, 1, "TURN cannot listen on 192.0.2.77:"));
    assert_true(turnfix_wait_metric(f, 1, "stoa_turn_allocations", 0)); /* their listener is gone */
    turnfix_set(f, CONFIX_FIELDS("listen", "127.0.0.1"));
    assert_true(turnfix_wait_ready(f, 1, WAIT_MS));
    pair_close(&p);
}

static void a_port_that_others_have_is_a_fault_until_it_is_free(void **state)
{
    struct turnfix *f = *state;
    struct addr at = turnfix_addr(f, 1);
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(&at, &ss);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
    turnfix_start_only(f, 1);
    assert_true(turnfix_wait_log(f, 1, "Address already in use. It keeps trying."));
    assert_false(turnfix_wait_ready(f, 1, 100));
    close(fd);
    assert_true(turnfix_wait_ready(f, 1, WAIT_MS));
}

/* --- absence ---------------------------------------------------------------------------------- */

static void without_config_it_waits_and_says_so(void **state)
{
    struct turnfix *f = *state;

    (void)confix_stop(&f->conf, SIGKILL);
    turnfix_start_only(f, 1);
    assert_true(turnfix_wait_log(f, 1, "no place"));
    assert_false(turnfix_wait_ready(f, 1, 100));
    confix_start(&f->conf);
    assert_true(turnfix_wait_ready(f, 1, WAIT_MS));
}

static void started_without_config_it_takes_the_place_it_had(void **state)
{
    struct turnfix *f = *state;
    struct pair p;

    char holder[300];

    holder_of(1, holder);
    turnfix_start(f, 1);
    assert_true(wait_value(f, holder, "state", "serving"));
    assert_int_equal(turnfix_stop(f, 1, SIGTERM), 0); /* which writes its copy */
    (void)confix_stop(&f->conf, SIGKILL);
    turnfix_start(f, 1);
    assert_true(turnfix_wait_log(f, 1, "place 1 as before, config is not there"));
    pair_open(f, &p, 1, 1);
    pair_talks(&p);
    pair_close(&p);
}

static void media_goes_on_without_config_and_bus(void **state)
{
    struct turnfix *f = *state;
    struct turncli late;
    struct pair p;

    turnfix_start(f, 1);
    pair_open(f, &p, 1, 1);
    (void)confix_stop(&f->conf, SIGKILL);
    pair_talks(&p);
    busfix_signal(f->conf.bus_fix, SIGKILL);
    pair_talks(&p);
    must_open(f, 1, &late, TURNCLI_TCP, "turnuser"); /* new ones as well */
    assert_int_equal(turncli_allocate(&late), 0);
    assert_int_equal(turncli_refresh(&p.a, 600), 0);
    busfix_start(f->conf.bus_fix);
    confix_start(&f->conf);
    assert_true(turnfix_wait_ready(f, 1, WAIT_MS));
    pair_talks(&p);
    turncli_close(&late);
    pair_close(&p);
}

/* --- changes ---------------------------------------------------------------------------------- */

static bool wait_allocate(struct turnfix *f, const char *password, uint16_t code)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS;
    struct addr a = turnfix_addr(f, 1);

    while (loop_now_ms() < end_ms) {
        struct turncli c;
        uint16_t got;

        assert_true(turncli_open(&c, TURNCLI_UDP, &a, "strict", password));
        got = turncli_allocate(&c);
        turncli_close(&c);
        if (got == code)
            return true;
        busfix_run_for(f->conf.bus_fix, 20);
    }
    return false;
}

static void settings_and_users_change_without_ending_anything(void **state)
{
    struct turnfix *f = *state;
    struct confix_answer a;
    struct pair p;

    turnfix_start(f, 1);
    pair_open(f, &p, 1, 1);
    confix_set(&f->conf, "turnUser", "strict", CONFIX_FIELDS("password", "changed"), &a);
    assert_string_equal(a.problem, "");
    assert_true(wait_allocate(f, "changed", 0));
    assert_true(wait_allocate(f, "turnpass", 401));
    pair_talks(&p);
    assert_int_equal(turncli_refresh(&p.a, 600), 0);
    turnfix_set(f, CONFIX_FIELDS("userQuota", "1"));
    assert_true(wait_allocate(f, "changed", 486));
    turnfix_set(f, CONFIX_FIELDS("realm", "other.example"));
    assert_true(wait_allocate(f, "changed", 486));
    pair_talks(&p);
    pair_close(&p);
}

static void a_guest_that_is_gone_is_cut_off(void **state)
{
    struct turnfix *f = *state;
    struct bus *cb = busfix_connect(f->conf.bus_fix, "callbridge");
    struct stun_cred name = { .role = 'g', .id = "7f3a", .user = "strict" };
    Stoa__Turn__V1__RevokeEvent ev = STOA__TURN__V1__REVOKE_EVENT__INIT;
    char *ids[] = { name.id };
    uint8_t key[STUN_CRED_KEY_LEN];
    struct bus_dst dst = { .role = "turn" };
    struct turncli c;

    turnfix_start(f, 1);
    name.expires_s = loop_wall_us() / 1000000 + 600;
    stun_cred_key(key, "strict", "octavio.com", "turnpass");
    must_open(f, 1, &c, TURNCLI_UDP, "");
    assert_int_equal(stun_cred_print(&name, c.cred.user, sizeof(c.cred.user)), 0);
    stun_cred_password(c.cred.password, key, c.cred.user);
    assert_int_equal(turncli_allocate(&c), 0);
    ev.n_ids = ev.n_expires_s = 1;
    ev.ids = ids;
    ev.expires_s = &name.expires_s;
    assert_int_equal(bus_send_event(cb, &dst, &ev.base, NULL), 0);
    busfix_run_for(f->conf.bus_fix, 1);
    assert_true(turnfix_wait_metric(f, 1, "stoa_turn_allocations", 0));
    assert_int_equal(turncli_allocate(&c), 401);
    turncli_close(&c);
    bus_free(&cb);
}

static void a_drain_lets_calls_end(void **state)
{
    struct turnfix *f = *state;
    char holder[300];
    struct pair p;
    int status;

    holder_of(1, holder);
    turnfix_start(f, 1);
    pair_open(f, &p, 1, 1);
    turnfix_signal(f, 1, SIGTERM);
    assert_true(wait_value(f, holder, "state", "draining"));
    assert_true(wait_allocate(f, "turnpass", 508));
    pair_talks(&p);
    assert_int_equal(turncli_refresh(&p.a, 600), 0);
    assert_int_equal(turncli_refresh(&p.a, -1), 0);
    assert_int_equal(turncli_refresh(&p.b, -1), 0);
    assert_int_equal(waitpid(f->pid[0], &status, 0), f->pid[0]);
    f->pid[0] = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    pair_close(&p);
}

/* --- what it says ----------------------------------------------------------------------------- */

static void status_and_metrics_have_the_figures_of_the_status_page(void **state)
{
    struct turnfix *f = *state;
    struct turncli udp, tcp;
    char *status, *address;

    turnfix_start(f, 1);
    must_open(f, 1, &udp, TURNCLI_UDP, "turnuser");
    must_open(f, 1, &tcp, TURNCLI_TCP, "turnuser");
    assert_int_equal(turncli_allocate(&udp), 0);
    assert_int_equal(turncli_allocate(&tcp), 0);
    assert_true(turnfix_wait_metric(f, 1, "stoa_turn_active{transport=\"udp\"}", 1));
    assert_true(turnfix_wait_metric(f, 1, "stoa_turn_active{transport=\"tcp\"}", 1));
    assert_true(turnfix_wait_metric(f, 1, "stoa_turn_clients", 2));
    status = turnfix_get(f, 1, "/status");
    address = str_printf("127.0.0.1:%u", f->base + 250);
    assert_non_null(strstr(status, address));
    assert_null(strstr(strstr(status, address) + 1, address)); /* one line for UDP and TCP */
    free(address);
    address = str_printf("127.0.0.1:%u", f->base + 290);
    assert_non_null(strstr(status, address)); /* the private one */
    free(address);
    free(status);
    assert_true(turnfix_wait_log(f, 1, "created, user=turnuser, client=127.0.0.1:"));
    turncli_close(&udp);
    turncli_close(&tcp);
}

/* --- a flood ---------------------------------------------------------------------------------- */

static double answered(struct turnfix *f)
{
    return turnfix_metric(f, 1, "stoa_turn_auth_total{result=\"challenge\"}");
}

/* Sends `n` Allocates without credentials. */
static void send_strangers(struct turncli *c, unsigned n)
{
    struct turnmsg m = { .method = STUN_ALLOCATE, .transport = STUN_TRANSPORT_UDP };
    uint8_t mem[TURNMSG_MAX], waste[2048];
    size_t len = turnmsg_write(mem, &m, NULL);

    for (unsigned i = 0; i < n; i++) {
        turncli_raw(c, mem, len);
        while (i % 16 == 0 && recv(c->fd, waste, sizeof(waste), MSG_DONTWAIT) > 0)
            ;
    }
}

/* Sends them until `n` have been looked at. What the socket has no room for while the server gets no
 * processor is lost, and sent again. */
static void flood(struct turnfix *f, struct turncli *c, unsigned n)
{
    int64_t end_ms = loop_now_ms() + WAIT_MS, moved_ms = loop_now_ms();
    double end = answered(f) + n, seen = end - n, now;

    send_strangers(c, n);
    while ((now = answered(f)) < end) {
        assert_true(loop_now_ms() < end_ms);
        if (now > seen)
            moved_ms = loop_now_ms();
        seen = now;
        if (loop_now_ms() - moved_ms > QUIET_MS) {
            send_strangers(c, (unsigned)(end - now));
            moved_ms = loop_now_ms();
        }
        (void)poll(NULL, 0, 1);
    }
}

static void a_million_strangers_leave_no_memory_behind(void **state)
{
    enum { BATCH = 2000, BATCHES = 500 };
    struct turnfix *f = *state;
    struct turncli c;
    long before, after;

    turnfix_set(f, CONFIX_FIELDS("unauthorizedLimit", "10"));
    turnfix_start(f, 1);
    must_open(f, 1, &c, TURNCLI_UDP, "turnuser");
    for (int i = 0; i < 20; i++) /* buffers and code are touched for the first time */
        flood(f, &c, BATCH);
    before = turnfix_rss_kib(f, 1);
    for (int i = 0; i < BATCHES; i++)
        flood(f, &c, BATCH);
    after = turnfix_rss_kib(f, 1);
    print_message("resident: %ld KiB before, %ld KiB after %d requests\n", before, after,
                  BATCH * BATCHES);
    assert_true(after - before <= 2048);
    turncli_close(&c);
}

static void it_has_a_worker_for_each_core_that_it_may_use(void **state)
{
    struct turnfix *f = *state;
    cpu_set_t all, one;
    size_t first = 0;

    f->workers = NULL;
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0); /* children have it as well */
    turnfix_start(f, 1);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
    assert_true(turnfix_wait_metric(f, 1, "stoa_turn_workers", 1));
    turnfix_start(f, 2);
    assert_true(turnfix_wait_metric(f, 2, "stoa_turn_workers", MIN(CPU_COUNT(&all), 8)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_instance_registers_and_keeps_its_place_over_a_kill),
        TEST(it_answers_on_all_addresses_and_relays_on_the_one_with_a_public_address),
        cmocka_unit_test_setup_teardown(it_runs_on_the_site_of_an_edge_as_well, edge_setup,
                                        teardown),
        TEST(a_fixed_place_is_that_or_none),
        TEST(relays_of_two_instances_meet),
        TEST(on_every_address_answers_come_from_where_the_question_went),
        TEST(addresses_of_other_machines_are_passed_over),
        TEST(a_port_that_others_have_is_a_fault_until_it_is_free),
        TEST(without_config_it_waits_and_says_so),
        TEST(started_without_config_it_takes_the_place_it_had),
        TEST(media_goes_on_without_config_and_bus),
        TEST(settings_and_users_change_without_ending_anything),
        TEST(a_guest_that_is_gone_is_cut_off),
        TEST(a_drain_lets_calls_end),
        TEST(status_and_metrics_have_the_figures_of_the_status_page),
        TEST(it_has_a_worker_for_each_core_that_it_may_use),
        TEST(a_million_strangers_leave_no_memory_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
