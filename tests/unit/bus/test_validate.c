/* SPDX-License-Identifier: Apache-2.0 */
#include <bus/validate.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bridge.pb-c.h>
#include <bus/envelope.h>

#include "cm.h"

static char *text_of(size_t len)
{
    char *s = mem_zalloc(len + 1);

    memset(s, 'x', len);
    return s;
}

static int validate_offer(const char *name, size_t sdp_len, char where[128])
{
    Stoa__Bridge__V1__OfferRequest q = STOA__BRIDGE__V1__OFFER_REQUEST__INIT;
    Stoa__Bridge__V1__Session s = STOA__BRIDGE__V1__SESSION__INIT;
    char *sdp = text_of(sdp_len);
    int err;

    q.session = &s;
    s.zone = (char *)(uintptr_t)name;
    q.sdp = sdp;
    err = bus_validate(&q.base, NULL, where);
    free(sdp);
    return err;
}

static void text_must_be_utf8_and_the_path_of_the_field_is_told(void **state)
{
    char where[128];

    (void)state;
    assert_int_equal(validate_offer("Zo\xC3\xAB", 10, where), 0);
    assert_int_equal(validate_offer("bad \xC3", 10, where), -EBADMSG);
    assert_string_equal(where, "session.zone");
}

static void an_sdp_may_be_longer_than_other_text(void **state)
{
    char where[128], *name = text_of(4097);

    (void)state;
    assert_int_equal(validate_offer("a", (size_t)256 * 1024, where), 0);
    assert_int_equal(validate_offer("a", (size_t)256 * 1024 + 1, where), -E2BIG);
    assert_string_equal(where, "sdp");
    assert_int_equal(validate_offer(name, 1, where), -E2BIG);
    free(name);
}

static void an_embedded_nul_is_refused_although_protobuf_c_hides_it(void **state)
{
    /* GuestLoginRequest{session{zone "a\0b"}}: field 1, field 3 */
    static const uint8_t bad[] = {0x0A, 5, 0x1A, 3, 'a', 0, 'b'};
    static const uint8_t good[] = {0x0A, 5, 0x1A, 3, 'a', '-', 'b'};
    const ProtobufCMessageDescriptor *type = &stoa__bridge__v1__guest_login_request__descriptor;
    ProtobufCMessage *msg;

    (void)state;
    assert_int_equal(bus_unpack(&msg, type, bad, sizeof(bad)), -EBADMSG);
    assert_null(msg);
    assert_int_equal(bus_unpack(&msg, type, good, sizeof(good)), 0);
    bus_msg_free(&msg);
}

static void every_truncation_is_refused_or_read_without_harm(void **state)
{
    static const uint8_t good[] = {0x0A, 5, 0x1A, 3, 'a', '-', 'b', 0x12, 2, '1', '2'};
    const ProtobufCMessageDescriptor *type = &stoa__bridge__v1__guest_login_request__descriptor;
    ProtobufCMessage *msg;

    (void)state;
    for (size_t len = 0; len < sizeof(good); len++) {
        uint8_t *copy = mem_dup(good, len);
        int err = bus_unpack(&msg, type, copy, len);

        assert_true(err == 0 ? len == 0 || len == 7 : err == -EBADMSG);
        bus_msg_free(&msg);
        free(copy);
    }
}

static void many_small_elements_are_refused_before_they_are_allocated(void **state)
{
    /* JoinReply.participants (8), empty: 2 bytes on the wire, about 100 in memory */
    size_t n = 100000;
    uint8_t *data = mem_zalloc(2 * n);
    ProtobufCMessage *msg;

    (void)state;
    for (size_t i = 0; i < n; i++)
        data[2 * i] = 0x42;
    assert_int_equal(bus_unpack(&msg, &stoa__bridge__v1__join_reply__descriptor, data, 2 * n),
                     -E2BIG);
    assert_int_equal(bus_unpack(&msg, &stoa__bridge__v1__join_reply__descriptor, data, 2 * 5000),
                     -E2BIG);
    assert_int_equal(bus_unpack(&msg, &stoa__bridge__v1__join_reply__descriptor, data, 2 * 4096),
                     0);
    bus_msg_free(&msg);
    free(data);
}

static void a_copy_is_deep(void **state)
{
    Stoa__Bridge__V1__GuestLoginRequest q = STOA__BRIDGE__V1__GUEST_LOGIN_REQUEST__INIT;
    char id[] = "1001";
    ProtobufCMessage *copy;

    (void)state;
    q.call_id = id;
    copy = bus_msg_dup(&q.base);
    id[0] = '2';
    assert_string_equal(((Stoa__Bridge__V1__GuestLoginRequest *)copy)->call_id, "1001");
    bus_msg_free(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_must_be_utf8_and_the_path_of_the_field_is_told),
        cmocka_unit_test(an_sdp_may_be_longer_than_other_text),
        cmocka_unit_test(an_embedded_nul_is_refused_although_protobuf_c_hides_it),
        cmocka_unit_test(every_truncation_is_refused_or_read_without_harm),
        cmocka_unit_test(many_small_elements_are_refused_before_they_are_allocated),
        cmocka_unit_test(a_copy_is_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
