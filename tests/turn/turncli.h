/* SPDX-License-Identifier: Apache-2.0
 * A TURN client on a real socket, which waits for its answers: for tests alone. What does not come
 * within some seconds aborts the test with a sentence. */
#ifndef TESTS_TURN_TURNCLI_H
#define TESTS_TURN_TURNCLI_H

#include "turnmsg.h"

enum { TURNCLI_UDP, TURNCLI_TCP, TURNCLI_PROXY };

struct turncli {
    int fd;
    bool stream;
    struct turnmsg_cred cred;
    struct addr local, relay, mapped;
    uint8_t in[16384]; /* streams: what has come and is not a whole message yet */
    size_t in_len;
    uint8_t last[16384]; /* the message that was received last */
    size_t last_len;
};

/* Connects by UDP, TCP, or TCP with a PROXY v2 header that says 203.0.113.9:5555.
 * Errors: false: refused. */
bool turncli_open(struct turncli *c, int how, const struct addr *server, const char *user,
                  const char *password);
void turncli_close(struct turncli *c);

/* Asks and waits; a 401 or 438 is answered with credentials, once. Returns the code, 0: success. */
uint16_t turncli_ask(struct turncli *c, struct turnmsg *m, struct stun_msg *answer);

/* Short forms; each returns the code. */
uint16_t turncli_allocate(struct turncli *c);
uint16_t turncli_refresh(struct turncli *c, int lifetime_s); /* -1: gives it back */
uint16_t turncli_permit(struct turncli *c, const struct addr *peer);
uint16_t turncli_bind(struct turncli *c, uint16_t channel, const struct addr *peer);

void turncli_send(struct turncli *c, const struct addr *peer, const void *data, size_t len);
void turncli_chandata(struct turncli *c, uint16_t channel, const void *data, size_t len);

/* Sends bytes as they are. */
void turncli_raw(struct turncli *c, const void *data, size_t len);

/* Receives the next message into `last`; false: none within the time, or the end. */
bool turncli_recv(struct turncli *c, int timeout_ms);

/* Receives until ChannelData with this payload comes. */
bool turncli_expect(struct turncli *c, uint16_t channel, const char *text);

/* True when the server has closed the connection within some seconds. */
bool turncli_is_closed(struct turncli *c);

#endif
