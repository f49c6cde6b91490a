/* SPDX-License-Identifier: Apache-2.0
 * Which TURN servers come of rows and registrations, and with which names they are used. */
#include "turns.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <base/str.h>
#include <bus/state.h>
#include <site/site.h>

#include "bare.h"

struct fix {
    struct bare bare;
    struct daemon *d;
    struct site *site;
    struct turns *turns;
    unsigned changes;
    bool alive; /* there are relays on all of them */
};

static void on_changed(void *arg, const struct turns_server *list, size_t n)
{
    (void)list;
    (void)n;
    ((struct fix *)arg)->changes++;
}

static bool is_alive(void *arg, const char *id)
{
    (void)id;
    return ((struct fix *)arg)->alive;
}

static int setup(void **state)
{
    static struct fix f;

    memset(&f, 0, sizeof(f));
    bare_open(&f.bare, "callbridge", NULL);
    f.d = f.bare.d;
    f.d->instance = "cb1";
    f.site = site_new(NULL, NULL);
    f.turns = turns_new(f.d, f.site, on_changed, &f);
    turns_ask_alive(f.turns, is_alive);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;

    turns_free(&f->turns);
    site_free(&f->site);
    return bare_close(&f->bare);
}

static void configure(struct fix *f, const char *text)
{
    char why[256] = "";

    if (site_load_text(f->site, text, why, sizeof(why)))
        fail_msg("%s", why);
    turns_configure(f->turns);
}

static void peer(struct fix *f, const char *instance, bool up, uint32_t load)
{
    struct bus_peer p = { .role = "turn", .instance = instance, .state = BUS_SERVING,
                          .load = load };

    turns_peer(f->turns, &p, up);
}

static const char row[] = "[turnServer \"172.16.85.168\"]\n"
                          "clientAddress = 10.88.246.156\n"
                          "username = turnuser\n"
                          "password = cisco\n"
                          "tcpPortNumberOverride = 3478\n";
static const char registered[] = "[turnInstance \"edge1/1\"]\n"
                                 "instance = aaaa\n"
                                 "place = 1\n"
                                 "port = 3478\n"
                                 "addresses = 172.16.85.168\n"
                                 "publicAddresses = 10.88.246.156\n"
                                 "realm = octavio.com\n"
                                 "state = serving\n"
                                 "[turnInstance \"edge1/2\"]\n"
                                 "instance = bbbb\n"
                                 "place = 2\n"
                                 "port = 3479\n"
                                 "addresses = 172.16.85.168\n"
                                 "publicAddresses = 10.88.246.156\n"
                                 "realm = octavio.com\n"
                                 "state = serving\n";

static const struct turns_server *at_port(struct fix *f, uint16_t port)
{
    size_t n;
    const struct turns_server *list = turns_list(f->turns, &n);

    for (size_t i = 0; i < n; i++)
        if (list[i].udp.port == port)
            return &list[i];
    return NULL;
}

static size_t count(struct fix *f)
{
    size_t n;

    (void)turns_list(f->turns, &n);
    return n;
}

static void registered_instances_stand_behind_their_row(void **state)
{
    struct fix *f = *state;
    const struct turns_server *s;
    char text[ADDR_TEXT_MAX];

    configure(f, registered);
    configure(f, row);
    assert_int_equal(count(f), 0); /* neither is on the bus, and the row is none of its own */
    peer(f, "aaaa", true, 3);
    peer(f, "bbbb", true, 0);
    assert_int_equal(count(f), 2);
    s = at_port(f, 3479);
    assert_non_null(s);
    assert_true(s->own);
    assert_string_equal(addr_print(&s->udp, text), "172.16.85.168:3479");
    assert_string_equal(s->client, "10.88.246.156");
    assert_int_equal(s->client_tcp, 3479);
    assert_int_equal(at_port(f, 3478)->load, 3);
    peer(f, "bbbb", false, 0);
    assert_int_equal(count(f), 1);
    assert_null(at_port(f, 3479));
}

static const char row_of_zone[] = "[turnInstance \"vcse:edge1/1\"]\n"
                                  "instance = cccc\n"
                                  "zone = 00000000-0000-4000-8000-000000000001\n"
                                  "port = 3478\n"
                                  "addresses = 172.16.85.169\n"
                                  "publicAddresses = 10.88.246.156\n"
                                  "servers = 172.16.85.168, 172.16.85.169\n"
                                  "realm = octavio.com\n";

/* The row as it is then, whole. */
static void say(struct fix *f, const char *state, unsigned load)
{
    char *text = str_printf("%sstate = %s\nload = %u\n", row_of_zone, state, load);

    configure(f, text);
    free(text);
}

static void an_instance_of_a_zone_is_up_while_its_row_is_there(void **state)
{
    struct fix *f = *state;
    const struct turns_server *s;
    char text[ADDR_TEXT_MAX];

    configure(f, row);
    say(f, "starting", 0);
    assert_int_equal(count(f), 0);
    say(f, "serving", 5);
    assert_int_equal(count(f), 1); /* no word of the bus is needed */
    s = at_port(f, 3478);
    assert_string_equal(addr_print(&s->udp, text), "172.16.85.168:3478"); /* LAN1, not the relays' */
    assert_string_equal(s->client, "10.88.246.156");
    assert_string_equal(s->zone, "00000000-0000-4000-8000-000000000001");
    assert_string_equal(s->instance, ""); /* nobody on this bus */
    assert_int_equal(s->load, 5);
    assert_false(s->draining);
    assert_false(s->inside);
    say(f, "draining", 5);
    assert_true(at_port(f, 3478)->draining);
}

static void a_load_alone_resends_nothing(void **state)
{
    struct fix *f = *state;
    unsigned before;

    say(f, "serving", 1);
    configure(f, registered);
    configure(f, row);
    peer(f, "aaaa", true, 3);
    before = f->changes;
    peer(f, "aaaa", true, 9);
    say(f, "serving", 8);
    assert_int_equal(f->changes, before);
    for (size_t i = 0; i < 2; i++) { /* whoever is sent somewhere is sent by the load of now */
        size_t n;
        const struct turns_server *s = &turns_list(f->turns, &n)[i];

        assert_int_equal(n, 2);
        assert_int_equal(s->load, s->zone[0] ? 8 : 9);
    }
    peer(f, "bbbb", true, 0);
    assert_true(f->changes > before);
}

/* The only instance that is known is not any more. */
static void forget_instance(struct fix *f)
{
    size_t it = 0;
    char *id = str_dup(site_next_turn_instance(f->site, &it)->id);
    struct bus_state_row gone = { .kind = "turnInstance", .id = id };

    assert_int_equal(site_apply(f->site, &gone, false), 0);
    free(id);
    turns_configure(f->turns);
}

/* A zone that is cut takes the rows away; media goes on as long as the instance lives. */
static void an_instance_of_a_zone_that_is_cut_stays_while_it_lives(void **state)
{
    struct fix *f = *state;
    char *text;
    size_t it = 0;

    configure(f, "[zone \"vcse\"]\naddress = 172.16.85.168\n");
    configure(f, row);
    text = str_printf("[turnInstance \"vcse:edge1/1\"]\nport = 3478\nservers = 172.16.85.168\n"
                      "zone = %s\nstate = serving\n", site_next_zone(f->site, &it)->id);
    configure(f, text);
    f->alive = true;
    assert_false(at_port(f, 3478)->draining);
    forget_instance(f);
    assert_true(at_port(f, 3478)->draining); /* nobody comes to it */
    configure(f, text);
    assert_false(at_port(f, 3478)->draining);
    forget_instance(f);
    f->alive = false; /* now its relay is lost as well */
    turns_tick(f->turns);
    assert_int_equal(count(f), 0);
    /* Without its zone it is not kept. */
    f->alive = true;
    configure(f, text);
    configure(f, "[zone \"vcse\"]\naddress = 172.16.85.168\nenabled = false\n");
    forget_instance(f);
    assert_int_equal(count(f), 0);
    free(text);
}

/* A foreign server's password goes to browsers: that of our own may not, whatever is down. */
static void a_row_that_may_be_ours_is_no_foreign_server(void **state)
{
    static const char zone[] = "[zone \"vcse\"]\naddress = 172.16.85.168\n";
    struct fix *f = *state;
    char *text;
    size_t it = 0;

    configure(f, zone);
    configure(f, row);
    assert_int_equal(count(f), 0); /* the zone is not up: nobody knows what is behind the row */
    configure(f, "[turnServer \"10.9.9.9\"]\nsharedSecret = north\n");
    assert_int_equal(count(f), 1); /* that is surely foreign */
    text = str_printf("[edgeFact \"vcse:n1\"]\nzone = %s\n", site_next_zone(f->site, &it)->id);
    configure(f, text);
    free(text);
    assert_int_equal(count(f), 1); /* it is up: its instances will come now */
    for (int i = 0; i < 1000 && count(f) == 1; i++) {
        (void)usleep(20000);
        turns_tick(f->turns);
    }
    assert_int_equal(count(f), 2); /* it knows none: a foreign server */
    say(f, "serving", 0);
    assert_int_equal(at_port(f, 3478)->login, TURNS_DERIVED);
    say(f, "starting", 0);
    assert_int_equal(count(f), 1);
    forget_instance(f);
    assert_int_equal(count(f), 1); /* it was ours, and stays so */
    assert_int_equal(turns_list(f->turns, &it)->login, TURNS_SHARED_SECRET);
}

static void add_zone(struct fix *f, const char *name)
{
    char *text = str_printf("[zone \"%s\"]\naddress = 172.16.85.168\n", name);

    configure(f, text);
    free(text);
}

static void zone_is_up(struct fix *f, const char *name)
{
    const struct site_zone *z;
    size_t it = 0;

    while ((z = site_next_zone(f->site, &it)) != NULL) {
        char *text = str_printf("[edgeFact \"%s:n1\"]\nzone = %s\n", name, z->id);

        if (str_eq(z->name, name))
            configure(f, text);
        free(text);
    }
}

static void all_zones_are_down(struct fix *f)
{
    const struct site_edge_fact *e;
    size_t it = 0;

    while ((e = site_next_edge_fact(f->site, &it)) != NULL) {
        char *id = str_dup(e->id);
        struct bus_state_row gone = { .kind = "edgeFact", .id = id };

        assert_int_equal(site_apply(f->site, &gone, false), 0);
        free(id);
        it = 0;
    }
    turns_configure(f->turns);
    turns_tick(f->turns);
}

static void wait_count(struct fix *f, size_t n)
{
    for (int i = 0; i < 3000 && count(f) != n; i++) {
        (void)usleep(20000);
        turns_tick(f->turns);
    }
    assert_int_equal(count(f), n);
}

/* A zone that was up has said what is its own: what is not stays in use when the zone is down. */
static void a_row_that_no_zone_has_claimed_stays_foreign(void **state)
{
    struct fix *f = *state;

    add_zone(f, "a");
    configure(f, row);
    assert_int_equal(count(f), 0);
    zone_is_up(f, "a");
    wait_count(f, 1);
    all_zones_are_down(f);
    assert_int_equal(count(f), 1);
    assert_int_equal(at_port(f, 3478)->login, TURNS_STATIC);
    add_zone(f, "b"); /* which nobody has heard of it */
    assert_int_equal(count(f), 0);
    zone_is_up(f, "b");
    assert_int_equal(count(f), 0); /* a moment for its instances; a has been asked, but is down */
    zone_is_up(f, "a");
    wait_count(f, 1);
    all_zones_are_down(f);
    assert_int_equal(count(f), 1);
    configure(f, "[hostRecord \"turn.example\"]\naddresses = 172.16.85.170\n"
                 "[turnServer \"turn.example\"]\nusername = u\npassword = p\n");
    assert_int_equal(count(f), 1); /* nobody was asked about this one */
    zone_is_up(f, "a");
    zone_is_up(f, "b");
    wait_count(f, 2);
    all_zones_are_down(f);
    assert_int_equal(count(f), 2);
    configure(f, "[hostRecord \"turn.example\"]\naddresses = 172.16.85.171\n");
    assert_int_equal(count(f), 1); /* nor about that machine */
}

/* What a guest outside may be told of. */
static void inside_addresses_are_known_as_such(void **state)
{
    static const struct {
        const char *text;
        bool inside;
    } rows[] = {
        { "[turnServer \"10.9.9.1\"]\nusername = u\npassword = p\n", true },
        { "[turnServer \"10.9.9.2\"]\nusername = u\npassword = p\nclientAddress = 192.0.2.2\n",
          false },
        { "[turnServer \"203.0.113.3\"]\nusername = u\npassword = p\n", false },
        { "[turnInstance \"a/1\"]\ninstance = aaaa\nport = 3478\naddresses = 10.9.9.4\n"
          "publicAddresses = 10.9.9.4\nstate = serving\n[turnServer \"10.9.9.4\"]\nusername = u\n"
          "password = p\nclientAddress = 192.0.2.4\n", true },
        { "[turnInstance \"a/2\"]\ninstance = aaaa\nport = 3478\naddresses = 10.9.9.5\n"
          "publicAddresses = 192.0.2.5\nstate = serving\n[turnServer \"10.9.9.5\"]\nusername = u\n"
          "password = p\n", false },
    };
    struct fix *f = *state;

    peer(f, "aaaa", true, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n, found = 0;
        const struct turns_server *list;
        char ending[8];

        (void)snprintf(ending, sizeof(ending), ".%zu", i + 1);
        configure(f, rows[i].text);
        list = turns_list(f->turns, &n);
        for (size_t k = 0; k < n; k++) {
            if (!str_ends(list[k].name, ending))
                continue;
            found++;
            assert_int_equal(list[k].inside, rows[i].inside);
        }
        assert_int_equal(found, 1);
    }
}

static void names_of_our_own_servers_are_derived_and_stay(void **state)
{
    struct fix *f = *state;
    char name[TURNS_NAME_SIZE], password[TURNS_SECRET_SIZE], before[TURNS_NAME_SIZE];
    uint8_t key[STUN_CRED_KEY_LEN];
    char wanted[STUN_CRED_PASSWORD_SIZE];
    struct stun_cred c;
    const struct turns_server *s;

    configure(f, registered);
    configure(f, row);
    peer(f, "aaaa", true, 0);
    s = at_port(f, 3478);
    stun_cred_key(key, "turnuser", "octavio.com", "cisco");
    assert_int_equal(stun_cred_parse(&c, s->username), 0);
    assert_int_equal(c.role, STUN_CRED_CALLBRIDGE);
    assert_string_equal(c.id, "cb1");
    assert_string_equal(c.user, "turnuser");
    assert_in_range(c.expires_s - (int64_t)time(NULL), TURN_LOGIN_S - 5, TURN_LOGIN_S);
    stun_cred_password(wanted, key, s->username);
    assert_string_equal(s->password, wanted);
    (void)str_copy(before, sizeof(before), s->username);
    peer(f, "aaaa", true, 9); /* its load has changed, nothing else */
    assert_string_equal(at_port(f, 3478)->username, before);
    turns_guest_login(at_port(f, 3478), "guest1-7", 1795000000, name, password);
    assert_string_equal(name, "1795000000:g:guest1-7:turnuser");
    stun_cred_password(wanted, key, name);
    assert_string_equal(password, wanted);
    configure(f, "[turnServer \"172.16.85.168\"]\npassword = other\n");
    stun_cred_password(wanted, key, at_port(f, 3478)->username);
    assert_string_not_equal(at_port(f, 3478)->password, wanted);
}

static void foreign_servers_have_the_ports_of_their_type(void **state)
{
    static const struct {
        const char *text;
        uint16_t udp, tcp;
    } rows[] = {
        { "", 3478, 443 },
        { "type = standard\ntcpPortNumberOverride = 3478\n", 3478, 3478 },
        { "type = standard\ntcpPortNumberOverride = 5000\n", 5000, 5000 },
        { "type = lyncEdge\n", 3478, 443 },
        { "type = expressway\n", 3478, 3478 },
        { "type = expressway\ntcpPortNumberOverride = 443\n", 3478, 443 },
    };
    struct fix *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = str_printf("[turnServer \"10.9.9.%zu\"]\nusername = u\npassword = p\n%s", i + 1,
                                rows[i].text);
        const struct turns_server *list, *s = NULL;
        char ip[ADDR_TEXT_MAX], wanted[ADDR_TEXT_MAX];
        size_t n;

        configure(f, text);
        free(text);
        (void)snprintf(wanted, sizeof(wanted), "10.9.9.%zu", i + 1);
        list = turns_list(f->turns, &n);
        for (size_t k = 0; k < n; k++)
            if (str_eq(addr_print_ip(&list[k].udp, ip), wanted))
                s = &list[k];
        assert_non_null(s);
        assert_int_equal(s->udp.port, rows[i].udp);
        assert_int_equal(s->tcp.port, rows[i].tcp);
        assert_int_equal(s->login, TURNS_STATIC);
        assert_string_equal(s->username, "u");
        assert_string_equal(s->password, "p");
        assert_string_equal(s->client, wanted);
    }
}

static void a_shared_secret_gives_names_that_end(void **state)
{
    struct fix *f = *state;
    char name[TURNS_NAME_SIZE], password[TURNS_SECRET_SIZE], wanted[STUN_CRED_PASSWORD_SIZE];
    const struct turns_server *s;

    configure(f, "[turnServer \"10.9.9.9\"]\nsharedSecret = north\ntype = expressway\n");
    s = at_port(f, 3478);
    assert_non_null(s);
    assert_int_equal(s->login, TURNS_SHARED_SECRET);
    turns_guest_login(s, "guest1-7", 1795000000, name, password);
    assert_string_equal(name, "1795000000:guest1-7");
    stun_cred_foreign(wanted, "north", name);
    assert_string_equal(password, wanted);
}

static void an_instance_of_this_machine_is_behind_loopback(void **state)
{
    struct fix *f = *state;
    char machine[256] = "", ip[ADDR_TEXT_MAX];
    char *text;

    assert_int_equal(gethostname(machine, sizeof(machine) - 1), 0);
    text = str_printf("[turnInstance \"%s/1\"]\ninstance = aaaa\nplace = 1\nport = 3478\n"
                      "addresses = 192.0.2.7\npublicAddresses = 192.0.2.7\nrealm = stoa\n"
                      "state = serving\n[turnInstance \"elsewhere/1\"]\ninstance = bbbb\nplace = 2\n"
                      "port = 3479\naddresses = 192.0.2.8\nrealm = stoa\nstate = serving\n"
                      "[turnServer \"127.0.0.1\"]\nusername = turnuser\npassword = x\n", machine);
    configure(f, text);
    free(text);
    peer(f, "aaaa", true, 0);
    peer(f, "bbbb", true, 0);
    assert_int_equal(count(f), 1);
    assert_string_equal(addr_print_ip(&at_port(f, 3478)->udp, ip), "192.0.2.7");
    assert_string_equal(at_port(f, 3478)->client, "192.0.2.7");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registered_instances_stand_behind_their_row),
        TEST(an_instance_of_a_zone_is_up_while_its_row_is_there),
        TEST(a_load_alone_resends_nothing),
        TEST(an_instance_of_a_zone_that_is_cut_stays_while_it_lives),
        TEST(a_row_that_may_be_ours_is_no_foreign_server),
        TEST(a_row_that_no_zone_has_claimed_stays_foreign),
        TEST(inside_addresses_are_known_as_such),
        TEST(names_of_our_own_servers_are_derived_and_stay),
        TEST(foreign_servers_have_the_ports_of_their_type),
        TEST(a_shared_secret_gives_names_that_end),
        TEST(an_instance_of_this_machine_is_behind_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
