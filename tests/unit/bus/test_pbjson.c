/* SPDX-License-Identifier: Apache-2.0
 * Messages as JSON and back: shape, strictness, masks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"

#include <base/str.h>
#include <bus/pbjson.h>

#include <bridge.pb-c.h>

#define JOIN_REPLY &stoa__bridge__v1__join_reply__descriptor
#define LOGIN &stoa__bridge__v1__guest_login_request__descriptor
#define EVENT &stoa__bridge__v1__session_event__descriptor

static int decode(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type, const char *text,
                  char why[160])
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    int err = bus_pbjson_decode(out, type, json, NULL, why);
    json_decref(json);
    return err;
}

static void what_is_written_is_read_back(void **state)
{
    static const char text[] =
        "{\"participant\":3,\"spaceName\":\"R\",\"iceServers\":[{\"urls\":[\"turn:a\",\"turn:b\"],"
        "\"username\":\"u\",\"credential\":\"c\"}],\"rights\":{\"muteOthers\":true,\"lock\":false},"
        "\"participants\":[{\"participant\":1,\"name\":\"\\u00e4\"},{\"participant\":2}],"
        "\"slots\":{\"audio\":[0,2,4294967295]}}";
    ProtobufCMessage *msg;
    char why[160];
    (void)state;
    assert_int_equal(decode(&msg, JOIN_REPLY, text, why), 0);
    const Stoa__Bridge__V1__JoinReply *r = (const void *)msg;
    assert_int_equal(r->n_ice_servers, 1);
    assert_int_equal(r->ice_servers[0]->n_urls, 2);
    assert_true(r->rights->has_lock && !r->rights->lock);
    assert_false(r->rights->has_remove_others);
    assert_int_equal(r->slots->audio[2], 4294967295u);

    json_t *again = bus_pbjson_encode(msg, false), *wanted = json_loads(text, 0, NULL);
    assert_true(json_equal(again, wanted));
    json_decref(again);
    json_decref(wanted);
    bus_msg_free(&msg);
}

static const struct {
    const ProtobufCMessageDescriptor *type;
    const char *text, *why;
} refused[] = {
    { LOGIN, "[]", "object" },
    { LOGIN, "{\"nothing\":1}", "nothing: unknown" },
    { LOGIN, "{\"call_id\":\"1\"}", "unknown" },
    { LOGIN, "{\"callId\":1}", "not a string" },
    { LOGIN, "{\"callId\":[\"1\"]}", "not a string" },
    { LOGIN, "{\"session\":\"x\"}", "not an object" },
    { LOGIN, "{\"session\":{\"zone\":{}}}", "not a string" },
    { JOIN_REPLY, "{\"participant\":-1}", "number" },
    { JOIN_REPLY, "{\"participant\":4294967296}", "number" },
    { JOIN_REPLY, "{\"participant\":1.0}", "number" },
    { JOIN_REPLY, "{\"participant\":\"1\"}", "number" },
    { JOIN_REPLY, "{\"locked\":0}", "true or false" },
    { JOIN_REPLY, "{\"iceServers\":{}}", "list" },
    { JOIN_REPLY, "{\"iceServers\":[{},null]}", "object" },
    { JOIN_REPLY, "{\"iceServers\":[{\"urls\":[\"a\",2]}]}", "string" },
    { EVENT, "{\"speaker\":{},\"left\":{}}", "excludes" },
};

static void what_does_not_fit_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        ProtobufCMessage *msg;
        char why[160];
        assert_int_equal(decode(&msg, refused[i].type, refused[i].text, why), -EINVAL);
        assert_null(msg);
        if (strstr(why, refused[i].why) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", refused[i].text, why, refused[i].why);
    }
}

static void null_means_absent(void **state)
{
    ProtobufCMessage *msg;
    char why[160];
    (void)state;
    assert_int_equal(decode(&msg, JOIN_REPLY, "{\"participant\":null,\"rights\":null}", why), 0);
    json_t *json = bus_pbjson_encode(msg, false);
    assert_int_equal(json_object_size(json), 0);
    json_decref(json);
    bus_msg_free(&msg);
}

static void limits_hold(void **state)
{
    struct bus_limits few = { .string_b = 3, .repeated = 1 };
    ProtobufCMessage *msg;
    char why[160];
    json_t *json = json_pack("{s:s}", "callId", "1234");
    (void)state;
    assert_int_equal(bus_pbjson_decode(&msg, LOGIN, json, &few, why), -E2BIG);
    assert_non_null(strstr(why, "call_id"));
    json_decref(json);
    json = json_pack("{s:[{},{}]}", "participants");
    assert_int_equal(bus_pbjson_decode(&msg, JOIN_REPLY, json, &few, NULL), -EINVAL);
    json_decref(json);
}

static void a_member_of_a_oneof_keeps_its_name(void **state)
{
    ProtobufCMessage *msg;
    char why[160];
    (void)state;
    assert_int_equal(
        decode(&msg, EVENT, "{\"sessionId\":\"x\",\"speaker\":{\"participant\":0}}", why), 0);
    json_t *json = bus_pbjson_encode(msg, false);
    assert_non_null(json_object_get(json_object_get(json, "speaker"), "participant"));
    assert_int_equal(json_object_size(json), 2);
    json_decref(json);
    bus_msg_free(&msg);
}

static void secrets_are_masked_also_in_lists(void **state)
{
    ProtobufCMessage *msg;
    char why[160];
    (void)state;
    assert_int_equal(decode(&msg, JOIN_REPLY,
                            "{\"sessionToken\":\"t0ps\",\"spaceName\":\"R\","
                            "\"iceServers\":[{\"username\":\"u\",\"credential\":\"t0ps\"}]}",
                            why),
                     0);
    json_t *json = bus_pbjson_encode(msg, true);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_null(strstr(text, "t0ps"));
    assert_non_null(strstr(text, "\"spaceName\":\"R\""));
    assert_non_null(strstr(text, "\"username\":\"u\""));
    free(text);
    json_decref(json);
    bus_msg_free(&msg);
    assert_true(bus_field_is_secret("passcode"));
    assert_true(bus_field_is_secret("session_token"));
    assert_false(bus_field_is_secret("space_name"));
    assert_false(bus_field_is_secret("monkey"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(what_does_not_fit_is_refused_and_leaves_nothing),
        cmocka_unit_test(null_means_absent),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(a_member_of_a_oneof_keeps_its_name),
        cmocka_unit_test(secrets_are_masked_also_in_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
