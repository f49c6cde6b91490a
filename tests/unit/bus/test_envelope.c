/* SPDX-License-Identifier: Apache-2.0 */
#include <bus/envelope.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bus/bus.h>
#include <bus/types.h>

#include "cm.h"

static uint8_t id[BUS_ID_LEN] = "0123456789abcde";

static Stoa__Bus__V1__Envelope sample(void)
{
    Stoa__Bus__V1__Envelope e = STOA__BUS__V1__ENVELOPE__INIT;

    e.has_ver = e.has_kind = e.has_id = true;
    e.ver = BUS_VERSION;
    e.kind = STOA__BUS__V1__KIND__REQUEST;
    e.id = (ProtobufCBinaryData){.len = sizeof(id), .data = id};
    e.dst_role = (char *)(uintptr_t)"callbridge";
    e.subject = (char *)(uintptr_t)"call 6";
    return e;
}

static int decode(const Stoa__Bus__V1__Envelope *e)
{
    Stoa__Bus__V1__Envelope *out;
    size_t len;
    uint8_t *data = bus_pack(&e->base, &len);
    int err = bus_envelope_decode(&out, data, len);

    if (err)
        assert_null(out);
    bus_envelope_free(&out);
    free(data);
    return err;
}

static void an_envelope_is_read_back(void **state)
{
    Stoa__Bus__V1__Envelope e = sample(), *out;
    size_t len;
    uint8_t *data = bus_pack(&e.base, &len);

    (void)state;
    assert_int_equal(bus_envelope_decode(&out, data, len), 0);
    assert_string_equal(out->dst_role, "callbridge");
    assert_memory_equal(out->id.data, id, sizeof(id));
    bus_envelope_free(&out);
    for (size_t n = 0; n < len; n++) {
        int err = bus_envelope_decode(&out, data, n);

        assert_true(err == 0 || err == -EBADMSG || err == -EPROTO);
        bus_envelope_free(&out);
    }
    free(data);
}

static void another_version_is_refused_as_such(void **state)
{
    Stoa__Bus__V1__Envelope e = sample();

    (void)state;
    e.ver = BUS_VERSION + 1;
    assert_int_equal(decode(&e), -EPROTO);
    e.has_ver = false;
    assert_int_equal(decode(&e), -EPROTO);
}

static void ids_have_their_length_and_names_their_limit(void **state)
{
    Stoa__Bus__V1__Envelope e = sample();
    char name[BUS_NAME_MAX + 2];

    (void)state;
    e.id.len = 15;
    assert_int_equal(decode(&e), -EBADMSG);
    e = sample();
    memset(name, 'x', sizeof(name));
    name[BUS_NAME_MAX + 1] = 0;
    e.dst_key = name;
    assert_int_equal(decode(&e), -E2BIG);
    name[BUS_NAME_MAX] = 0;
    assert_int_equal(decode(&e), 0);
    e.kind = STOA__BUS__V1__KIND__KIND_UNSPECIFIED;
    assert_int_equal(decode(&e), -EBADMSG);
}

static void codes_have_the_same_numbers_on_the_wire(void **state)
{
    static const char *const names[] = {"OK",       "NOT_FOUND", "DENIED",  "UNAVAILABLE",
                                        "DEADLINE", "CONFLICT",  "INVALID", "INTERNAL"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(bus_code_name((enum bus_code)i), names[i]);
    assert_string_equal(bus_code_name((enum bus_code)99), "INTERNAL");
    assert_string_equal(bus_kind_name(STOA__BUS__V1__KIND__EVENT), "EVENT");
    assert_string_equal(bus_serving_name(BUS_DRAINING), "draining");
}

static void every_type_is_found_by_its_name(void **state)
{
    const ProtobufCMessageDescriptor *d;
    size_t n = 0;

    (void)state;
    for (; (d = bus_type_at(n)); n++)
        assert_ptr_equal(bus_type_find(d->name), d);
    assert_true(n > 60);
    assert_null(bus_type_find("stoa.bridge.v1.Nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_is_read_back),
        cmocka_unit_test(another_version_is_refused_as_such),
        cmocka_unit_test(ids_have_their_length_and_names_their_limit),
        cmocka_unit_test(codes_have_the_same_numbers_on_the_wire),
        cmocka_unit_test(every_type_is_found_by_its_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
