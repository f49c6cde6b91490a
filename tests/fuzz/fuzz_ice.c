/* SPDX-License-Identifier: Apache-2.0
 * Any text as a candidate line: what is accepted survives printing and reading again. The same
 * bytes as a datagram into an agent. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <ice/ice.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_send(void *arg, const struct ice_path *to, const void *data, size_t len)
{
    (void)arg;
    (void)to;
    (void)data;
    (void)len;
}

static void read_candidate(const char *text)
{
    struct ice_cand c, again;
    char line[ICE_CAND_TEXT_MAX];

    if (ice_cand_parse(&c, text))
        return;
    ice_cand_print(&c, line);
    assert(ice_cand_parse(&again, line) == 0);
    assert(again.type == c.type && again.priority == c.priority);
    assert(addr_eq(&again.addr, &c.addr));
}

static void receive(const uint8_t *data, size_t len)
{
    static const struct ice_ops ops = { .send = on_send };
    struct ice_agent *a = ice_new(&(struct ice_opts){ .ops = &ops });
    struct ice_cand c = { .type = ICE_HOST, .addr = { .family = ADDR_V4, .port = 9 } };
    struct ice_path from = { .remote = { .family = ADDR_V4, .port = 1, .ip = { 192, 0, 2, 1 } } };
    char ufrag[ICE_UFRAG_SIZE];

    assert(ice_add_local(a, 1, &c) == 0);
    (void)!ice_peek_username(data, len, ufrag);
    (void)!ice_input(a, 2, &from, data, len);
    ice_timeout(a, 3);
    ice_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = str_ndup((const char *)data, len);

    read_candidate(text);
    free(text);
    receive(data, len);
    return 0;
}
