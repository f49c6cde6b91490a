/* SPDX-License-Identifier: Apache-2.0
 * Any datagram into the STUN codec: decoding, every reader, and the round trip of what was
 * decoded. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <stun/attr.h>
#include <stun/integrity.h>
#include <stun/msg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_everything(const struct stun_msg *m)
{
    uint16_t unknown[STUN_ATTRS_MAX];
    char text[STUN_USERNAME_MAX + 1];
    struct addr a;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    for (size_t i = 0; i < m->n_attrs; i++) {
        uint16_t type = m->attrs[i].type;

        assert(m->attrs[i].value + m->attrs[i].len <= m->data + m->len);
        (void)!stun_attr_get_u8(m, type, &u8);
        (void)!stun_attr_get_u16(m, type, &u16);
        (void)!stun_attr_get_u32(m, type, &u32);
        (void)!stun_attr_get_u64(m, type, &u64);
        (void)!stun_attr_get_xaddr(m, type, &a);
        (void)!stun_attr_get_addr(m, type, &a);
        (void)!stun_attr_get_text(m, type, text, sizeof(text));
    }
    (void)!stun_attr_get_error(m, &u16);
    (void)stun_msg_fingerprint_ok(m);
    (void)!stun_integrity_check(m, EVP_BYTES("key", 3));
    (void)!stun_integrity_check256(m, EVP_BYTES("key", 3));
    (void)stun_msg_unknown(m, unknown, STUN_ATTRS_MAX);
}

static void write_back(const struct stun_msg *m)
{
    static uint8_t mem[70000];
    struct buf b = buf_writer(mem, sizeof(mem));
    struct stun_msg again;

    stun_msg_begin(&b, m->cls, m->method, m->txid);
    for (size_t i = 0; i < m->n_attrs; i++)
        stun_attr_put_bytes(&b, m->attrs[i].type, m->attrs[i].value, m->attrs[i].len);
    if (b.pos + 8 > UINT16_MAX)
        return;
    stun_msg_put_fingerprint(&b);
    assert(stun_msg_finish(&b) == 0);
    assert(stun_msg_decode(&again, mem, b.pos) == 0);
    assert(again.cls == m->cls && again.method == m->method && again.n_attrs == m->n_attrs);
    assert(stun_msg_fingerprint_ok(&again));
    for (size_t i = 0; i < m->n_attrs; i++)
        assert(again.attrs[i].len == m->attrs[i].len &&
               memcmp(again.attrs[i].value, m->attrs[i].value, m->attrs[i].len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct stun_msg m;

    if (stun_msg_decode(&m, data, len) == 0) {
        assert(stun_is(data, len));
        read_everything(&m);
        write_back(&m);
    }
    return 0;
}
