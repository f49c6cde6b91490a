/* SPDX-License-Identifier: Apache-2.0
 * PROXY v2: headers byte by byte, and what is printed is read again. */
#include <proxy2/proxy2.h>

#include <errno.h>
#include <string.h>

#include <base/buf.h>
#include <base/str.h>

#include "cm.h"

/* A header for 1.2.3.4:40000 (or its like) to port 443, with `n` bytes of TLVs behind it. */
static size_t header(uint8_t out[600], uint8_t command, uint8_t family, const void *tlvs, size_t n)
{
    size_t ip = family == 0x21 ? 16 : 4;
    struct buf b = buf_writer(out, 600);

    buf_put_bytes(&b, "\r\n\r\n\0\r\nQUIT\n", 12);
    buf_put_u8(&b, command);
    buf_put_u8(&b, family);
    buf_put_u16(&b, (uint16_t)(2 * ip + 4 + n));
    for (size_t i = 0; i < 2 * ip; i++)
        buf_put_u8(&b, (uint8_t)(i + 1));
    buf_put_u16(&b, 40000);
    buf_put_u16(&b, 443);
    buf_put_bytes(&b, tlvs, n);
    assert_true(buf_ok(&b));
    return b.pos;
}

static void a_header_says_who_the_client_is(void **state)
{
    uint8_t mem[600];
    struct proxy2 p;
    char text[ADDR_TEXT_MAX];
    size_t len = header(mem, 0x21, 0x11, "\x04\0\4abcd", 7), size = 0;

    (void)state;
    for (size_t n = 0; n < len; n++)
        assert_int_equal(proxy2_parse(&p, mem, n, &size), -EAGAIN);
    assert_int_equal(proxy2_parse(&p, mem, len, &size), 0);
    assert_int_equal(size, len);
    assert_string_equal(addr_print(&p.client, text), "1.2.3.4:40000");
    assert_string_equal(addr_print(&p.server, text), "5.6.7.8:443");
    assert_int_equal(p.authority[0] + p.connection[0] + p.zone[0] + p.tls[0], 0);
    len = header(mem, 0x21, 0x21, NULL, 0);
    memcpy(mem + len, "GET /", 5); /* what follows is not its business */
    assert_int_equal(proxy2_parse(&p, mem, len + 5, &size), 0);
    assert_int_equal(size, len);
    assert_string_equal(addr_print(&p.client, text), "[102:304:506:708:90a:b0c:d0e:f10]:40000");
    len = header(mem, 0x20, 0x11, "\x02\0\xff", 3);
    assert_int_equal(proxy2_parse(&p, mem, len, &size), 0);
    assert_true(p.local);
    assert_int_equal(p.client.family, ADDR_NONE);
}

static void other_headers_are_refused(void **state)
{
    uint8_t mem[600];
    struct proxy2 p;
    size_t size, len;

    (void)state;
    assert_int_equal(proxy2_parse(&p, (const uint8_t *)"PROXY TCP4 ", 11, &size), -EBADMSG);
    assert_int_equal(proxy2_parse(&p, (const uint8_t *)"\0\1", 2, &size), -EBADMSG);
    len = header(mem, 0x11, 0x11, NULL, 0); /* version 1 */
    assert_int_equal(proxy2_parse(&p, mem, len, &size), -EBADMSG);
    len = header(mem, 0x22, 0x11, NULL, 0); /* no such command */
    assert_int_equal(proxy2_parse(&p, mem, len, &size), -EBADMSG);
    len = header(mem, 0x21, 0x12, NULL, 0); /* UDP */
    assert_int_equal(proxy2_parse(&p, mem, len, &size), -EBADMSG);
    len = header(mem, 0x21, 0x31, NULL, 0); /* unix */
    assert_int_equal(proxy2_parse(&p, mem, len, &size), -EBADMSG);
    len = header(mem, 0x21, 0x00, NULL, 0); /* unspecified */
    assert_int_equal(proxy2_parse(&p, mem, len, &size), -EBADMSG);
    (void)header(mem, 0x21, 0x11, NULL, 0);
    mem[14] = 0xff; /* far too long: not waited for */
    assert_int_equal(proxy2_parse(&p, mem, 16, &size), -EBADMSG);
    len = header(mem, 0x21, 0x11, NULL, 0);
    mem[15] = 11; /* shorter than its addresses */
    assert_int_equal(proxy2_parse(&p, mem, len, &size), -EBADMSG);
}

static void texts_are_taken_and_strangers_skipped(void **state)
{
    static const char tlvs[] = "\x02\0\x0djoin.test.org" "\x05\0\3c-7" "\xe0\0\4zone"
                               "\xe1\0\7TLSv1.3" "\x20\0\2\0\1" "\x04\0\0";
    uint8_t mem[600];
    struct proxy2 p;
    size_t size, len = header(mem, 0x21, 0x11, tlvs, sizeof(tlvs) - 1);

    (void)state;
    assert_int_equal(proxy2_parse(&p, mem, len, &size), 0);
    assert_string_equal(p.authority, "join.test.org");
    assert_string_equal(p.connection, "c-7");
    assert_string_equal(p.zone, "zone");
    assert_string_equal(p.tls, "TLSv1.3");
}

static void texts_that_could_mean_something_else_are_refused(void **state)
{
    static const struct {
        const char *tlvs;
        size_t len;
    } cases[] = {
        { "\xe0", 1 },                        /* cut */
        { "\xe0\0", 2 },
        { "\xe0\0\2a", 4 },
        { "\xe0\0\0", 3 },                    /* empty */
        { "\xe0\0\3a\nb", 6 },                /* a line in a log */
        { "\xe0\0\3a\0b", 6 },
        { "\xe0\0\3a b", 6 },
        { "\x02\0\2\xc3\xa4", 5 },
        { "\xe0\0\1a\xe0\0\1b", 8 },          /* which one? */
        { "\x05\0\x40" "0123456789012345678901234567890123456789012345678901234567890123", 67 },
    };
    uint8_t mem[600];
    struct proxy2 p;
    size_t size, len;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        len = header(mem, 0x21, 0x11, cases[i].tlvs, cases[i].len);
        if (proxy2_parse(&p, mem, len, &size) != -EBADMSG)
            fail_msg("case %zu", i);
    }
    len = header(mem, 0x21, 0x11, cases[9].tlvs, 66);
    mem[16 + 12 + 2] = 63; /* one less has room */
    assert_int_equal(proxy2_parse(&p, mem, len, &size), 0);
    assert_int_equal(strlen(p.connection), 63);
}

static struct addr address(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(&a, text), 0);
    return a;
}

static void what_is_printed_is_read_again(void **state)
{
    static const char *const pairs[][2] = {
        { "192.0.2.1:5555", "198.51.100.2:443" },
        { "[2001:db8::1]:5555", "[2001:db8::2]:443" },
        { "192.0.2.1:5555", "[2001:db8::2]:443" },
        { "[2001:db8::1]:5555", "198.51.100.2:443" },
    };
    uint8_t mem[PROXY2_MAX];
    struct proxy2 in, out;
    size_t size;
    ssize_t len;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        for (int full = 0; full < 2; full++) {
            in = (struct proxy2){ .client = address(pairs[i][0]), .server = address(pairs[i][1]) };
            if (full) { /* the most that there can be has room */
                memset(in.authority, 'a', sizeof(in.authority) - 1);
                memset(in.connection, 'c', sizeof(in.connection) - 1);
                memset(in.zone, 'z', sizeof(in.zone) - 1);
                memset(in.tls, 't', sizeof(in.tls) - 1);
            }
            len = proxy2_print(mem, sizeof(mem), &in);
            assert_true(len > 0);
            assert_int_equal(proxy2_parse(&out, mem, (size_t)len, &size), 0);
            assert_int_equal(size, len);
            assert_true(addr_eq(&in.client, &out.client));
            assert_true(addr_eq(&in.server, &out.server));
            assert_string_equal(in.authority, out.authority);
            assert_string_equal(in.connection, out.connection);
            assert_string_equal(in.zone, out.zone);
            assert_string_equal(in.tls, out.tls);
            for (size_t cap = 0; cap < (size_t)len; cap++) {
                uint8_t small[PROXY2_MAX];

                assert_int_equal(proxy2_print(small, cap, &in), -EOVERFLOW);
            }
        }
    }
}

static void a_proxy_may_speak_for_itself(void **state)
{
    uint8_t mem[PROXY2_MAX];
    struct proxy2 in = { .local = true, .client = address("192.0.2.1:1") }, out;
    size_t size;

    (void)state;
    assert_int_equal(proxy2_print(mem, sizeof(mem), &in), PROXY2_FIXED_LEN);
    assert_int_equal(proxy2_parse(&out, mem, PROXY2_FIXED_LEN, &size), 0);
    assert_true(out.local);
    assert_int_equal(out.client.family, ADDR_NONE);
}

static void what_nobody_would_take_is_not_printed(void **state)
{
    uint8_t mem[PROXY2_MAX];
    struct proxy2 in = { .client = address("192.0.2.1:1"), .authority = "two words" }, none = { 0 };

    (void)state;
    assert_int_equal(proxy2_print(mem, sizeof(mem), &in), -EINVAL);
    assert_int_equal(proxy2_print(mem, sizeof(mem), &none), -EINVAL);
    (void)str_copy(in.authority, sizeof(in.authority), "one");
    assert_true(proxy2_print(mem, sizeof(mem), &in) > 0); /* the server's address is not known */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_says_who_the_client_is),
        cmocka_unit_test(other_headers_are_refused),
        cmocka_unit_test(texts_are_taken_and_strangers_skipped),
        cmocka_unit_test(texts_that_could_mean_something_else_are_refused),
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(a_proxy_may_speak_for_itself),
        cmocka_unit_test(what_nobody_would_take_is_not_printed),
    };

    return cmocka_run_group_tests_name("proxy2", tests, NULL, NULL);
}
