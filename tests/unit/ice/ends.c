/* SPDX-License-Identifier: Apache-2.0 */
#include "ends.h"

#include <string.h>

static void on_send(void *arg, const struct ice_path *to, const void *data, size_t len)
{
    struct end *end = arg;

    end->n_sent++;
    assert_true(to->path < end->n_paths);
    simnet_send(end->net, &end->path[to->path], &to->remote, data, len);
}

static void on_state(void *arg, enum ice_state state)
{
    struct end *end = arg;

    assert_true(end->n_states < ARRAY_LEN(end->states));
    end->states[end->n_states++] = state;
}

static void on_selected(void *arg, const struct ice_path *to)
{
    struct end *end = arg;

    end->n_selected++;
    end->selected = *to;
}

static void on_datagram(void *arg, const struct addr *local, const struct addr *from,
                        const void *data, size_t len)
{
    struct end *end = arg;
    struct ice_path path = { .remote = *from };

    while (path.path < end->n_paths && !addr_eq(&end->path[path.path], local))
        path.path++;
    end->last_input = ice_input(end->ice, simnet_now(end->net), &path, data, len);
}

static int64_t deadline(void *arg)
{
    return ice_deadline(((struct end *)arg)->ice);
}

static void timeout(void *arg, int64_t now_us)
{
    ice_timeout(((struct end *)arg)->ice, now_us);
}

static void end_init(struct end *end, struct simnet *net, bool controlling, uint64_t tie_breaker)
{
    static const struct ice_ops ops = { on_send, on_state, on_selected };
    struct ice_opts opts = {
        .ops = &ops, .arg = end, .controlling = controlling, .tie_breaker = tie_breaker,
    };

    *end = (struct end){ .net = net };
    end->ice = ice_new(&opts);
    simnet_actor(net, (struct simnet_actor){ deadline, timeout, end });
}

void ends_init(struct ends *e, uint64_t seed, bool l_controlling, bool r_controlling)
{
    *e = (struct ends){ .net = simnet_new(seed) };
    end_init(&e->l, e->net, l_controlling, 2);
    end_init(&e->r, e->net, r_controlling, 1);
}

void ends_fini(struct ends *e)
{
    ice_free(e->l.ice);
    ice_free(e->r.ice);
    simnet_free(e->net);
}

uint8_t end_cand(struct end *end, const char *ip_port, enum ice_cand_type type)
{
    uint8_t path = (uint8_t)end->n_paths++;
    struct ice_cand c = { .type = (uint8_t)type, .path = path };

    assert_true(path < PATHS_MAX);
    end->path[path] = c.addr = simnet_bind(end->net, ip_port, on_datagram, end);
    assert_int_equal(ice_add_local(end->ice, simnet_now(end->net), &c), 0);
    return path;
}

uint8_t end_host(struct end *end, const char *ip_port)
{
    return end_cand(end, ip_port, ICE_HOST);
}

void end_tell_credentials(struct end *to, const struct end *from)
{
    assert_int_equal(ice_set_remote(to->ice, simnet_now(to->net), ice_local_ufrag(from->ice),
                                    ice_local_pwd(from->ice)), 0);
}

/* Through the text, as it would go in reality. */
void end_tell_cand(struct end *to, const struct end *from, size_t i)
{
    char text[ICE_CAND_TEXT_MAX];
    struct ice_cand c;

    assert_int_equal(ice_cand_parse(&c, ice_cand_print(ice_local(from->ice, i), text)), 0);
    assert_int_equal(ice_add_remote(to->ice, simnet_now(to->net), &c), 0);
}

static void tell_all(struct end *to, const struct end *from)
{
    end_tell_credentials(to, from);
    for (size_t i = 0; ice_local(from->ice, i); i++)
        end_tell_cand(to, from, i);
}

void ends_exchange(struct ends *e)
{
    tell_all(&e->r, &e->l);
    tell_all(&e->l, &e->r);
}

struct ice_stats end_stats(const struct end *end)
{
    struct ice_stats s;

    ice_stats(end->ice, &s);
    return s;
}

static bool both_nominated(void *arg)
{
    struct ends *e = arg;

    return end_stats(&e->l).nominated && end_stats(&e->r).nominated;
}

bool ends_connect(struct ends *e, int64_t within_us)
{
    return simnet_run(e->net, simnet_now(e->net) + within_us, both_nominated, e);
}

void ends_run(struct ends *e, int64_t us)
{
    simnet_run(e->net, simnet_now(e->net) + us, NULL, NULL);
}

bool end_uses(const struct end *end, const char *local, const char *remote)
{
    struct addr l, r;
    struct ice_path to;

    assert_int_equal(addr_parse(&l, local), 0);
    assert_int_equal(addr_parse(&r, remote), 0);
    if (ice_selected(end->ice, &to))
        return false;
    return addr_eq(&end->path[to.path], &l) && addr_eq(&to.remote, &r);
}

int end_inject(struct end *to, const char *from, const void *data, size_t len)
{
    struct ice_path path = { .path = 0 };

    assert_int_equal(addr_parse(&path.remote, from), 0);
    return ice_input(to->ice, simnet_now(to->net), &path, data, len);
}
