/* SPDX-License-Identifier: Apache-2.0
 * A WebSocket client over TLS on a libuv loop, for tests: it can do everything a browser does, and
 * everything that a browser never would. No thread, nothing blocks.
 *
 *     struct wsclient_opts o = { .loop = loop, .port = 8443, .on_text = got, .arg = me };
 *     wsclient_new(&c, &o);  ... run the loop ...  wsclient_free(&c); */
#ifndef TESTS_MOCK_WSCLIENT_H
#define TESTS_MOCK_WSCLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include <base/attr.h>

struct wsclient;

enum wsclient_opcode {
    WSCLIENT_CONTINUATION = 0,
    WSCLIENT_TEXT = 1,
    WSCLIENT_BINARY = 2,
    WSCLIENT_CLOSE = 8,
    WSCLIENT_PING = 9,
    WSCLIENT_PONG = 10
};

/* How a connection ended. */
struct wsclient_end {
    int http_status;    /* the answer to the handshake: 101, 421, ...; 0: none came */
    int close_code;     /* of the server's close frame; 0: none came */
    const char *reason; /* of the close frame, or what went wrong below; never NULL */
};

/* NULL and 0 are defaults. Strings are copied. */
struct wsclient_opts {
    uv_loop_t *loop;
    const char *address;     /* IP literal; 127.0.0.1 */
    uint16_t port;
    const char *host;        /* Host header and SNI; "localhost:<port>" */
    const char *origin;      /* "https://" and the host; "": no Origin header */
    const char *path;        /* "/ws" */
    const char *subprotocol; /* "stoa.guest.v1"; "": no such header */
    const char *ca_file;     /* PEM to verify the server and its name; NULL: any certificate */
    bool no_pong;            /* does not answer pings */
    const char *cert_file, *key_file; /* PEM: shown to a server that asks; NULL: none */
    const void *prologue;    /* bytes in the clear before TLS (a PROXY header); valid for the call */
    size_t prologue_len;

    /* The handshake succeeded. */
    void (*on_open)(void *arg);
    /* A whole text message; `text` ends in NUL and is valid for the call. */
    void (*on_text)(void *arg, const char *text, size_t len);
    /* A ping came (and was answered unless no_pong). */
    void (*on_ping)(void *arg);
    /* It is over, whoever ended it but wsclient_free(). The last callback. */
    void (*on_end)(void *arg, const struct wsclient_end *end);
    void *arg;
};

/* Starts connecting. Owner: the caller, wsclient_free(), also from any callback.
 * Errors: -EINVAL an option; -EACCES the CA file. */
int wsclient_new(struct wsclient **out, const struct wsclient_opts *opts) MUST_USE;

/* Drops the connection without a close frame, as a killed browser does. No callback comes
 * afterwards. Sets `*c` to NULL; NULL is fine. The loop must turn once more for libuv to let go. */
void wsclient_free(struct wsclient **c);

/* True between on_open and on_end. */
bool wsclient_is_open(const struct wsclient *c);

/* Sends one text message. Before on_open and after on_end it does nothing. */
void wsclient_send(struct wsclient *c, const char *text);

/* Sends one frame as told: fragments, binary, bad UTF-8, oversize. */
void wsclient_frame(struct wsclient *c, enum wsclient_opcode opcode, bool fin, const void *data,
                    size_t len);

/* Sends bytes that are no frame of ours, or a frame without mask. */
void wsclient_raw(struct wsclient *c, const void *data, size_t len);

/* Sends a close frame; the end comes with on_end. */
void wsclient_close(struct wsclient *c, int code);

/* Stops reading from the socket, as a stalled browser does, and goes on. */
void wsclient_pause(struct wsclient *c);
void wsclient_resume(struct wsclient *c);

#endif
