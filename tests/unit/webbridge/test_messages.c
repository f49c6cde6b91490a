/* SPDX-License-Identifier: Apache-2.0
 * The message table against docs/guest-protocol.md, and what a page may not send. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cm.h"

#include <base/mem.h>
#include <base/str.h>
#include <bus/pbjson.h>

#include <bridge.pb-c.h>

#include "limits.h"
#include "messages.h"

#define SPACE "0f8fad5b-d9cb-469f-a165-70867728950e"

static const struct wb_sender sender = { "0123456789abcdef0123456789abcdef", "192.0.2.7:4711", "" };

static char *read_doc(void)
{
    struct str text = { 0 };
    char room[4096];
    size_t n;
    FILE *f = fopen(STOA_GUEST_PROTOCOL, "r");
    assert_non_null(f);
    while ((n = fread(room, 1, sizeof room, f)) > 0)
        str_addn(&text, room, n);
    fclose(f);
    return str_take(&text);
}

static const struct wb_message *message(const char *type)
{
    size_t n;
    const struct wb_message *t = wb_messages(&n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(t[i].type, type))
            return &t[i];
    return NULL;
}

/* True when the request type has a field with this JSON name. */
static bool has_member(const ProtobufCMessageDescriptor *d, const char *name)
{
    char json[128];
    for (unsigned i = 0; i < d->n_fields; i++)
        if (str_eq(bus_pbjson_name(json, sizeof json, d->fields[i].name), name))
            return true;
    return false;
}

/* Calls `fn` for each `word` of `text` up to `end`. */
static void each_word(const char *text, const char *end, const ProtobufCMessageDescriptor *d)
{
    for (const char *p = strchr(text, '`'); p != NULL && p < end; p = strchr(p, '`')) {
        const char *stop = strchr(p + 1, '`');
        char *word = str_ndup(p + 1, (size_t)(stop - p - 1));
        if (!has_member(d, word))
            fail_msg("%s has no member %s", d->name, word);
        free(word);
        p = stop + 1;
    }
}

static void every_request_and_event_of_the_document_is_in_the_table(void **state)
{
    size_t n, seen = 0;
    char *doc = read_doc();
    (void)state;
    wb_messages(&n);
    char *p = strstr(doc, "## Requests of the page");
    char *end = strstr(p + 3, "\n## ");
    *end = '\0';
    for (char *row = strstr(p, "\n| `"); row != NULL; row = strstr(row + 1, "\n| `")) {
        char *type = str_ndup(row + 4, strcspn(row + 4, "`"));
        if (str_eq(type, "type")) { /* the table's head */
            free(type);
            continue;
        }
        const struct wb_message *m = message(type);
        if (m == NULL)
            fail_msg("%s is documented and not in the table", type);
        assert_non_null(m->reply);
        char *members = strchr(row + 4, '|');
        each_word(members, strchr(members + 1, '|'), m->request);
        free(type);
        seen++;
    }
    p = strstr(p, "Events of the page:");
    assert_non_null(p);
    for (const char *e = strstr(p, "(`space`"); e != NULL; e = strstr(e + 1, "(`space`")) {
        const char *stop = e;
        while (*stop != '`')
            stop--;
        const char *start = stop;
        while (start[-1] != '`')
            start--;
        char *type = str_ndup(start, (size_t)(stop - start));
        const struct wb_message *m = message(type);
        assert_non_null(m);
        assert_null(m->reply);
        free(type);
        seen++;
    }
    assert_int_equal(seen, n);
    free(doc);
}

static int read_text(struct wb_incoming *in, const char *text, char why[WB_WHY_MAX])
{
    return wb_incoming_read(in, text, strlen(text), &sender, why);
}

static void a_login_becomes_a_request_with_our_session(void **state)
{
    struct wb_incoming in;
    char why[WB_WHY_MAX];
    (void)state;
    static const char text[] =
        "{\"type\":\"login\",\"id\":7,\"callId\":\"100101\",\"passcode\":\"\"}";
    static const char link[] = "{\"type\":\"login\",\"id\":1,\"callId\":\"1\",\"secret\":\"s\"}";
    assert_int_equal(read_text(&in, text, why), 0);
    assert_int_equal(in.id, 7);
    assert_string_equal(in.space, "");
    assert_false(in.with_secret);
    const Stoa__Bridge__V1__GuestLoginRequest *r = (const void *)in.body;
    assert_ptr_equal(in.body->descriptor, &stoa__bridge__v1__guest_login_request__descriptor);
    assert_string_equal(r->call_id, "100101");
    assert_string_equal(r->session->session_id, sender.session_id);
    assert_string_equal(r->session->client_address, sender.client_address);
    wb_incoming_fini(&in);
    assert_int_equal(read_text(&in, link, why), 0);
    assert_true(in.with_secret);
    wb_incoming_fini(&in);
}

static void the_space_is_the_key_in_one_form(void **state)
{
    struct wb_incoming in;
    char why[WB_WHY_MAX];
    (void)state;
    assert_int_equal(read_text(&in, "{\"type\":\"leave\",\"id\":1,\"participant\":3,"
                               "\"space\":\"0F8FAD5B-D9CB-469F-A165-70867728950E\"}", why), 0);
    assert_string_equal(in.space, SPACE);
    const Stoa__Bridge__V1__LeaveRequest *r = (const void *)in.body;
    assert_string_equal(r->space, SPACE);
    assert_int_equal(r->participant, 3);
    wb_incoming_fini(&in);
}

/* What is refused, the id that the refusal carries, and a word of the reason. */
static const struct {
    const char *text;
    int id;
    const char *why;
} refused[] = {
    { "", 0, "object" },
    { "[]", 0, "object" },
    { "null", 0, "object" },
    { "{", 0, "object" },
    { "{\"type\":\"login\",\"id\":1}x", 0, "object" },
    { "{}", 0, "type" },
    { "{\"type\":7,\"id\":4}", 4, "type" },
    { "{\"type\":\"nothing\",\"id\":4}", 4, "unknown" },
    { "{\"type\":\"reply\",\"id\":4}", 4, "unknown" },
    { "{\"type\":\"login\"}", 0, "id" },
    { "{\"type\":\"login\",\"id\":0}", 0, "id" },
    { "{\"type\":\"login\",\"id\":-1}", 0, "id" },
    { "{\"type\":\"login\",\"id\":1.5}", 0, "id" },
    { "{\"type\":\"login\",\"id\":\"1\"}", 0, "id" },
    { "{\"type\":\"login\",\"id\":1,\"id\":2}", 0, "object" },
    { "{\"type\":\"login\",\"id\":1,\"session\":{\"sessionId\":\"x\"}}", 1, "session" },
    { "{\"type\":\"login\",\"id\":1,\"session\":null}", 1, "session" },
    { "{\"type\":\"login\",\"id\":1,\"callid\":\"1\"}", 1, "callid" },
    { "{\"type\":\"login\",\"id\":1,\"call_id\":\"1\"}", 1, "call_id" },
    { "{\"type\":\"login\",\"id\":1,\"callId\":100101}", 1, "string" },
    { "{\"type\":\"login\",\"id\":1,\"callId\":\"a\\u0000b\"}", 0, "object" },
    { "{\"type\":\"join\",\"id\":1,\"ticket\":\"t\"}", 1, "space" },
    { "{\"type\":\"join\",\"id\":1,\"space\":\"x\"}", 1, "space" },
    { "{\"type\":\"join\",\"id\":1,\"space\":\"0f8fad5b-d9cb-469f-a165-70867728950/\"}", 1,
      "space" },
    { "{\"type\":\"join\",\"id\":1,\"space\":7}", 1, "space" },
    { "{\"type\":\"leave\",\"id\":1,\"space\":\"" SPACE "\",\"participant\":-1}", 1,
      "participant" },
    { "{\"type\":\"leave\",\"id\":1,\"space\":\"" SPACE "\",\"participant\":4294967296}", 1,
      "participant" },
    { "{\"type\":\"leave\",\"id\":1,\"space\":\"" SPACE "\",\"participant\":true}", 1,
      "participant" },
    { "{\"type\":\"candidate\",\"id\":1,\"space\":\"" SPACE "\"}", 1, "id" },
    { "[[[[[[[[[[[[", 0, "deep" },
};

static void what_is_not_of_the_protocol_is_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct wb_incoming in;
        char why[WB_WHY_MAX];
        assert_int_equal(read_text(&in, refused[i].text, why), -EBADMSG);
        assert_int_equal(in.id, refused[i].id);
        if (strstr(why, refused[i].why) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", refused[i].text, why, refused[i].why);
        wb_incoming_fini(&in);
    }
}

/* An offer or login whose one string has `len` letters. */
static int read_long(const char *head, size_t len)
{
    struct str text = { 0 };
    struct wb_incoming in;
    char why[WB_WHY_MAX];
    char *letters = mem_zalloc(len + 1);
    memset(letters, 'a', len);
    str_addf(&text, "%s%s\"}", head, letters);
    int err = read_text(&in, text.s, why);
    wb_incoming_fini(&in);
    free(letters);
    str_fini(&text);
    return err;
}

static void strings_have_the_documented_limits(void **state)
{
    static const char offer[] = "{\"type\":\"offer\",\"id\":1,\"space\":\"" SPACE "\",\"sdp\":\"";
    static const char login[] = "{\"type\":\"login\",\"id\":1,\"callId\":\"";
    (void)state;
    assert_int_equal(read_long(offer, WB_SDP_BYTES_MAX), 0);
    assert_int_equal(read_long(offer, WB_SDP_BYTES_MAX + 1), -EBADMSG);
    assert_int_equal(read_long(login, WB_STRING_BYTES_MAX), 0);
    assert_int_equal(read_long(login, WB_STRING_BYTES_MAX + 1), -EBADMSG);
    assert_int_equal(read_long(login, WB_MESSAGE_BYTES_MAX), -EBADMSG);
}

static void answers_have_the_documented_shape(void **state)
{
    Stoa__Bridge__V1__GuestLoginReply r = STOA__BRIDGE__V1__GUEST_LOGIN_REPLY__INIT;
    (void)state;
    r.ticket = (char *)"T";
    r.space_name = (char *)"Proxy webRTC";
    char *text = wb_text_reply(7, &r.base);
    assert_string_equal(text, "{\"type\":\"reply\",\"id\":7,\"body\":{\"ticket\":\"T\","
                              "\"spaceName\":\"Proxy webRTC\"}}");
    free(text);
    text = wb_text_error(7, "DENIED", "No.", false);
    assert_string_equal(text, "{\"type\":\"error\",\"id\":7,\"code\":\"DENIED\","
                              "\"message\":\"No.\",\"retry\":false}");
    free(text);
    text = wb_text_error(0, "INVALID", "x", false);
    assert_null(strstr(text, "\"id\""));
    free(text);
}

static void an_event_carries_the_name_of_its_field_as_type(void **state)
{
    Stoa__Bridge__V1__SessionEvent e = STOA__BRIDGE__V1__SESSION_EVENT__INIT;
    Stoa__Bridge__V1__Speaker speaker = STOA__BRIDGE__V1__SPEAKER__INIT;
    (void)state;
    e.session_id = (char *)"x";
    assert_null(wb_text_event(&e.base));
    speaker.has_participant = true;
    speaker.participant = 4;
    e.event_case = STOA__BRIDGE__V1__SESSION_EVENT__EVENT_SPEAKER;
    e.speaker = &speaker;
    char *text = wb_text_event(&e.base);
    assert_non_null(text);
    assert_non_null(strstr(text, "\"type\":\"speaker\""));
    assert_non_null(strstr(text, "\"participant\":4"));
    assert_null(strstr(text, "sessionId"));
    free(text);
}

static void welcome_has_every_documented_member(void **state)
{
    static const char *const members[] = {
        "\"type\":\"welcome\"", "\"version\":", "\"joinAvailable\":false", "\"reason\":\"Why\"",
        "\"idAndPasscode\":true", "\"hyperlinks\":false", "\"backgroundImage\":\"\"",
        "\"logo\":\"\"",
    };
    struct wb_welcome w = { .reason = "Why", .id_and_passcode = true, .background_image = "",
                            .logo = "" };
    (void)state;
    char *text = wb_text_welcome(&w);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        assert_non_null(strstr(text, members[i]));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_and_event_of_the_document_is_in_the_table),
        cmocka_unit_test(a_login_becomes_a_request_with_our_session),
        cmocka_unit_test(the_space_is_the_key_in_one_form),
        cmocka_unit_test(what_is_not_of_the_protocol_is_refused_with_a_reason),
        cmocka_unit_test(strings_have_the_documented_limits),
        cmocka_unit_test(answers_have_the_documented_shape),
        cmocka_unit_test(an_event_carries_the_name_of_its_field_as_type),
        cmocka_unit_test(welcome_has_every_documented_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
