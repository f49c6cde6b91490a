/* SPDX-License-Identifier: Apache-2.0
 * The guest protocol as a table: which JSON message becomes which bus message, where it goes and
 * how long the answer may take. Reading and writing are by descriptor; no message has code of its
 * own here. Contract: docs/guest-protocol.md. Pure: no socket, no bus. */
#ifndef WEBBRIDGE_MESSAGES_H
#define WEBBRIDGE_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include <base/attr.h>

enum { WB_SPACE_MAX = 40, WB_WHY_MAX = 200 };

/* What a message means for the session beside being forwarded. */
enum wb_role {
    WB_PLAIN,
    WB_LOGIN,  /* to any callbridge; the settings may refuse it */
    WB_ENTERS, /* a granted one makes the session a participant (JoinReply) */
    WB_LEAVES, /* a granted one ends that */
};

struct wb_message {
    const char *type;                        /* JSON "type" */
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *reply; /* NULL: an event, not answered */
    enum wb_role role;
    bool by_space;                           /* goes to the owner of key space/<space> */
    int timeout_ms;
};

/* The table; `*n` is its length. */
const struct wb_message *wb_messages(size_t *n);

/* Who sends, as callbridge gets to know it. */
struct wb_sender {
    const char *session_id, *client_address, *zone;
};

/* One message of a page, read. */
struct wb_incoming {
    const struct wb_message *message; /* NULL: unknown type */
    int64_t id;                       /* 0: the message had none */
    char space[WB_SPACE_MAX];         /* "" unless the message goes by space */
    bool with_secret;                 /* a login by link */
    ProtobufCMessage *body;           /* with session filled in */
};

/* Reads one WebSocket text into `out`.
 * Shape:  `text` is UTF-8 of at most WB_MESSAGE_BYTES_MAX bytes.
 * Owner:  wb_incoming_fini(), also after an error.
 * Errors: -EBADMSG: answer INVALID with `why` (and out->id when it is not 0). */
int wb_incoming_read(struct wb_incoming *out, const char *text, size_t len,
                     const struct wb_sender *sender, char why[WB_WHY_MAX]) MUST_USE;
void wb_incoming_fini(struct wb_incoming *in);

/* The texts that go back. Owner: the caller, free(). */
char *wb_text_reply(int64_t id, const ProtobufCMessage *body);
char *wb_text_error(int64_t id, const char *code, const char *message, bool retry);

/* The JSON of a SessionEvent: "type" is the name of the field that is set. NULL when none is. */
char *wb_text_event(const ProtobufCMessage *session_event);

/* What the page is told about the server. */
struct wb_welcome {
    bool join_available;
    const char *reason; /* "" when available */
    bool id_and_passcode, hyperlinks;
    const char *background_image, *logo; /* URLs or "" */
};

char *wb_text_welcome(const struct wb_welcome *w);

#endif
