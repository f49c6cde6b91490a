/* SPDX-License-Identifier: Apache-2.0
 * What a page may send: any text as a message of the guest protocol, and any text as Host, Origin
 * and request headers. A message that is taken has our session in it and packs within the
 * limits. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <base/mem.h>
#include <base/str.h>
#include <bus/validate.h>

#include <bridge.pb-c.h>

#include "assets.h"
#include "messages.h"
#include "names.h"
#include "reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct wb_sender sender = { "0123456789abcdef0123456789abcdef", "192.0.2.1:9", "" };

/* `session` is field 1 of every request and event of a page. */
static const Stoa__Bridge__V1__Session *session_of(const ProtobufCMessage *body)
{
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(body->descriptor, "session");
    assert(f != NULL);
    return *(Stoa__Bridge__V1__Session *const *)(const void *)((const char *)body + f->offset);
}

static void read_message(const char *text, size_t len)
{
    struct wb_incoming in;
    char why[WB_WHY_MAX], *answer;
    int err = wb_incoming_read(&in, text, len, &sender, why);
    if (err != 0) {
        assert(why[0] != '\0');
        answer = wb_text_error(in.id, "INVALID", why, false);
    } else {
        const Stoa__Bridge__V1__Session *s = session_of(in.body);
        assert(str_eq(s->session_id, sender.session_id) && str_eq(s->zone, ""));
        assert(in.message->by_space == (in.space[0] != '\0'));
        assert((in.message->reply != NULL) == (in.id != 0));
        assert(protobuf_c_message_get_packed_size(in.body) < 2 * WB_MESSAGE_BYTES_MAX);
        answer = wb_text_reply(in.id, in.body);
    }
    assert(answer != NULL);
    free(answer);
    wb_incoming_fini(&in);
}

static void read_headers(const char *text)
{
    char host[WB_HOST_MAX], again[WB_HOST_MAX];
    struct str out = { 0 };
    if (wb_host_normalise(host, text) == 0) {
        /* The normal form is its own normal form, and holds nothing that HTML or a header minds. */
        bool v6 = strchr(host, ':') != NULL;
        if (!v6)
            assert(wb_host_normalise(again, host) == 0 && str_eq(host, again));
        assert(strpbrk(host, "<>\"'&\r\n ") == NULL);
        (void)wb_host_port(text, 443);
        wb_redirect_url(&out, host, 8443, "/");
    }
    (void)!wb_host_of_origin(host, text);
    (void)!wb_host_of_uri(host, text);
    (void)wb_etag_matches(text, "\"abc\"");
    (void)wb_name_is_hashed(text);
    struct wb_asset f = { .bodies = { { (unsigned char *)"xxx", 3 }, { (unsigned char *)"xx", 2 },
                                      { (unsigned char *)"x", 1 } } };
    assert(wb_asset_choose(&f, text) < WB_CODINGS);
    wb_uri_escape(&out, text, "/");
    wb_error_page(&out, 421, text, "0");
    assert(strpbrk(out.s, "\r\t") == NULL);
    str_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = mem_zalloc(len + 1);
    if (len > 0)
        memcpy(text, data, len);
    if (str_utf8_ok(text, len)) /* as ws.c has it */
        read_message(text, len);
    if (len < 4096)
        read_headers(text);
    free(text);
    return 0;
}
