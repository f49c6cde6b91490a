/* SPDX-License-Identifier: Apache-2.0
 * Any bytes of a stream into the framing of TURN over TCP. The frames found must not depend on how
 * the stream was cut into pieces, and ChannelData must read as long as its frame. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <base/attr.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MAX_B = 1500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t at = 0;

    while (at < len) {
        struct turn_chandata c;
        size_t size = 0, again = 0;
        int err = turn_frame_next(data + at, len - at, MAX_B, true, &size);

        if (err == -EAGAIN) { /* no beginning of it is refused, or complete */
            for (size_t n = 0; n < len - at; n++)
                assert(turn_frame_next(data + at, n, MAX_B, true, &again) == -EAGAIN);
            break;
        }
        if (err) { /* more bytes do not mend it */
            assert(err == -EBADMSG || err == -E2BIG);
            break;
        }
        assert(size >= TURN_CHAN_HDR_LEN && size <= MAX_B && size % 4 == 0 && at + size <= len);
        assert(turn_frame_next(data + at, size, MAX_B, true, &again) == 0 && again == size);
        assert(turn_frame_next(data + at, size - 1, MAX_B, true, &again) == -EAGAIN);
        if (turn_frame_is_chandata(data + at, size))
            assert(turn_chandata_decode(&c, data + at, size) == 0 &&
                   (size_t)c.len + TURN_CHAN_HDR_LEN <= size);
        at += size;
    }
    return 0;
}
