/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as the head of a request. A head that is accepted has one Host in its normal form, ends where
 * it says, whatever follows, and no beginning of it is accepted or refused. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <base/str.h>
#include <httphead/head.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char host[HTTPHEAD_HOST_MAX + 1];
    struct httphead h = { 0 }, again = { 0 }, grown = { 0 };
    enum httphead_verdict v = httphead_read(&h, data, len);
    size_t step;

    if (v == HTTPHEAD_MORE)
        assert(len < HTTPHEAD_MAX);
    if (v != HTTPHEAD_OK)
        return 0;
    assert(h.len <= len && h.len <= HTTPHEAD_MAX && memcmp(data + h.len - 4, "\r\n\r\n", 4) == 0);
    assert(h.host[0] && h.method[0] && h.target[0] && h.asked[0]);
    assert(httphead_host(host, sizeof(host), h.host, strlen(h.host)) == 0 && str_eq(host, h.host));
    assert(httphead_read(&again, data, h.len) == HTTPHEAD_OK && str_eq(again.host, h.host));
    step = h.len / 64 + 1;
    for (size_t n = 0; n < h.len; n += step) {
        again = (struct httphead){ 0 };
        assert(httphead_read(&again, data, n) == HTTPHEAD_MORE);
        assert(httphead_read(&grown, data, n) == HTTPHEAD_MORE);
    }
    assert(httphead_read(&grown, data, len) == HTTPHEAD_OK && grown.len == h.len);
    return 0;
}
