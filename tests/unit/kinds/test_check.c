/* SPDX-License-Identifier: Apache-2.0 */
#include <kinds/kinds.h>

#include <stdlib.h>
#include <string.h>

#include "cm.h"

struct sample {
    const char *kind, *field, *value, *normal; /* normal NULL: refused */
};

static const struct sample samples[] = {
    { "space", "callId", "100101", "100101" },
    { "space", "callId", "123456789012", "123456789012" },
    { "space", "callId", "1234567890123", NULL },
    { "space", "callId", "12a", NULL },
    { "space", "callId", " 12", NULL },
    { "space", "passcode", "4321", "4321" },
    { "space", "passcode", "secret", NULL },
    { "space", "passcode", "123456789012345678901234567890123", NULL },
    { "space", "uri", "APITestURI", "apitesturi" },
    { "space", "uri", "proxywebrtc@cms.octavio.local", NULL },
    { "space", "uri", "with blank", NULL },
    { "space", "uri", "gr\xc3\xbc\xc3\x9f", NULL },
    { "space", "name", "Gr\xc3\xbc\xc3\x9f Gott", "Gr\xc3\xbc\xc3\x9f Gott" },
    { "space", "name", "bad \xff utf8", NULL },
    { "space", "name", "two\nlines", NULL },
    { "space", "defaultLayout", "AllEqual", "allEqual" },
    { "space", "defaultLayout", "all", NULL },
    { "space", "nonMemberAccess", "ON", "true" },
    { "space", "nonMemberAccess", "no", "false" },
    { "space", "nonMemberAccess", "maybe", NULL },
    { "space", "participantLimit", "0", NULL },
    { "space", "participantLimit", "007", "7" },
    { "space", "participantLimit", "-1", NULL },
    { "space", "participantLimit", "99999999999999999999", NULL },
    { "space", "secret", "abcdefghijklmnopqrstu_", "abcdefghijklmnopqrstu_" },
    { "space", "secret", "short", NULL },
    { "space", "ownerJid", "Thomas@Octavio.com", "thomas@octavio.com" },
    { "space", "ownerJid", "@octavio.com", NULL },
    { "space", "ownerJid", "a b@octavio.com", NULL },
    { "domain", "domain", "CMS.octavio.Local", "cms.octavio.local" },
    { "domain", "domain", "172.16.85.180", NULL },
    { "domain", "domain", "-bad.com", NULL },
    { "domain", "domain", "bad-.com", NULL },
    { "domain", "domain", "a..b", NULL },
    { "domain", "domain", "dot.", NULL },
    { "domain", "keyFile", "xmppmu.key", "xmppmu.key" },
    { "domain", "keyFile", "../xmpp.key", NULL },
    { "domain", "keyFile", "a/b", NULL },
    { "webBridge", "url", "HTTPS://CmsWeb.octavio.com/Join", "https://cmsweb.octavio.com/Join" },
    { "webBridge", "url", "https://cmsweb.octavio.com:8443", "https://cmsweb.octavio.com:8443" },
    { "webBridge", "url", "https://[2001:db8::1]:443/", "https://[2001:db8::1]:443/" },
    { "webBridge", "url", "https://", NULL },
    { "webBridge", "url", "https://host:0", NULL },
    { "webBridge", "url", "https://host:70000", NULL },
    { "webBridge", "url", "https://user@host/", NULL },
    { "webBridge", "url", "cmsweb.octavio.com", NULL },
    { "webBridge", "url", "javascript:alert(1)", NULL },
    { "webBridge", "url", "https://a/\"onload=", NULL },
    { "turnServer", "serverAddress", "172.16.85.168", "172.16.85.168" },
    { "turnServer", "serverAddress", "Turn.octavio.com", "turn.octavio.com" },
    { "turnServer", "serverAddress", "172.16.85", NULL },
    { "turnServer", "serverAddress", "172.16.85.999", NULL },
    { "turnServer", "tcpPortNumberOverride", "3478", "3478" },
    { "turnServer", "tcpPortNumberOverride", "65536", NULL },
    { "hostRecord", "addresses", "127.0.0.1,::1", "127.0.0.1, ::1" },
    { "hostRecord", "addresses", " 127.0.0.1:8443 , [::1]:8443 ", "127.0.0.1:8443, [::1]:8443" },
    { "hostRecord", "addresses", "127.0.0.1, elsewhere", NULL },
    { "hostRecord", "addresses", " , ", NULL },
    { "settings", "webBridgeHostnames", "A.example,b.example", "a.example, b.example" },
};

static void every_type_accepts_and_refuses_what_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct sample *s = &samples[i];
        const struct kinds_field *f = kinds_field(kinds_find(s->kind), s->field);
        struct str out = { 0 }, why = { 0 };

        assert_non_null(f);
        int err = kinds_check(f, s->value, &out, &why);
        if (s->normal ? err != 0 || strcmp(out.s, s->normal) != 0 : err == 0)
            fail_msg("%s.%s = \"%s\": got %d \"%s\" (%s)", s->kind, s->field, s->value, err,
                     out.s ? out.s : "", why.s ? why.s : "");
        if (err)
            assert_true(why.len > 10);
        str_fini(&out);
        str_fini(&why);
    }
}

static void a_normal_form_is_its_own_normal_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        const struct kinds_field *f = kinds_field(kinds_find(samples[i].kind), samples[i].field);
        struct str out = { 0 }, why = { 0 };

        if (!samples[i].normal)
            continue;
        assert_int_equal(kinds_check(f, samples[i].normal, &out, &why), 0);
        assert_string_equal(out.s, samples[i].normal);
        str_fini(&out);
    }
}

static void too_many_addresses_are_refused(void **state)
{
    const struct kinds_field *f = kinds_field(kinds_find("hostRecord"), "addresses");
    struct str in = { 0 }, out = { 0 }, why = { 0 };

    (void)state;
    for (int i = 0; i < 33; i++)
        str_addf(&in, "10.0.0.%d,", i);
    assert_int_not_equal(kinds_check(f, in.s, &out, &why), 0);
    str_fini(&in);
    str_fini(&out);
    str_fini(&why);
}

static void a_guid_has_one_form(void **state)
{
    (void)state;
    assert_true(kinds_is_guid("2aa16ccc-87d1-424d-9d3d-3d007f23243a"));
    assert_false(kinds_is_guid("2AA16CCC-87d1-424d-9d3d-3d007f23243a"));
    assert_false(kinds_is_guid("2aa16ccc-87d1-424d-9d3d-3d007f23243"));
    assert_false(kinds_is_guid("2aa16ccc087d1-424d-9d3d-3d007f23243a"));
    assert_false(kinds_is_guid(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_accepts_and_refuses_what_it_should),
        cmocka_unit_test(a_normal_form_is_its_own_normal_form),
        cmocka_unit_test(too_many_addresses_are_refused),
        cmocka_unit_test(a_guid_has_one_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
