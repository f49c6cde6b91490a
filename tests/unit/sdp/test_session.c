/* SPDX-License-Identifier: Apache-2.0 */
#include <sdp/sdp.h>

#include <errno.h>

#include "cm.h"
#include "vectors.h"

static void arrays_keep_their_elements_while_they_grow(void **state)
{
    struct sdp_session *s = sdp_new();
    struct sdp_media *m = sdp_media_add(s, SDP_AUDIO);

    (void)state;
    for (unsigned i = 0; i < SDP_SSRCS_MAX; i++)
        sdp_ssrc_add(s, m)->ssrc = i + 1;
    assert_null(sdp_ssrc_add(s, m));
    assert_int_equal(m->ssrc_count, SDP_SSRCS_MAX);
    for (unsigned i = 0; i < SDP_SSRCS_MAX; i++)
        assert_int_equal(m->ssrcs[i].ssrc, i + 1);
    sdp_free(s);
    sdp_free(NULL);
}

static void media_pointers_stay_where_they_are(void **state)
{
    struct sdp_session *s = sdp_new();
    struct sdp_media *first = sdp_media_add(s, SDP_AUDIO);

    (void)state;
    first->mid = sdp_text(s, "first");
    while (s->media_count < SDP_MEDIA_MAX)
        assert_non_null(sdp_media_add(s, SDP_VIDEO));
    assert_null(sdp_media_add(s, SDP_VIDEO));
    assert_ptr_equal(s->media[0], first);
    assert_string_equal(first->mid, "first");
    sdp_free(s);
}

static void text_ends_before_a_control_character(void **state)
{
    struct sdp_session *s = sdp_new();

    (void)state;
    assert_string_equal(sdp_text(s, "name\r\na=evil"), "name");
    assert_string_equal(sdp_text(s, ""), "");
    assert_null(sdp_text(s, NULL));
    sdp_free(s);
}

static void a_full_list_takes_no_more(void **state)
{
    struct sdp_session *s = sdp_new();
    struct sdp_list list = { 0 };

    (void)state;
    assert_int_equal(sdp_list_add(s, &list, "a", 2), 0);
    assert_int_equal(sdp_list_add(s, &list, "b", 2), 0);
    assert_int_equal(sdp_list_add(s, &list, "c", 2), -E2BIG);
    assert_true(sdp_list_has(&list, "b"));
    assert_false(sdp_list_has(&list, "c"));
    sdp_free(s);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_keep_their_elements_while_they_grow),
        cmocka_unit_test(media_pointers_stay_where_they_are),
        cmocka_unit_test(text_ends_before_a_control_character),
        cmocka_unit_test(a_full_list_takes_no_more),
    };

    vectors_dir = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
