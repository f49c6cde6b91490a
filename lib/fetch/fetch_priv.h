/* SPDX-License-Identifier: Apache-2.0
 * What the files of this library share. */
#ifndef FETCH_PRIV_H
#define FETCH_PRIV_H

#include <fetch/fetch.h>

#include <curl/curl.h>

#include <base/list.h>
#include <base/str.h>
#include <loop/timer.h>

struct fetch {
    uv_loop_t *loop;
    CURLM *multi;
    CURL *easy;
    struct loop_timer *timer;
    struct list socks;       /* struct fetch_sock */
    struct fetch_sock *idle; /* watches the kept connection while no request runs */

    char *url, *cert_file, *key_file, *ca_dir, *ca_files[FETCH_CA_FILES_MAX];
    struct curl_slist *connect_to, *headers;
    void (*on_ssl_ctx)(void *arg, void *ssl_ctx);
    void (*on_closed)(void *arg);
    void *arg;

    bool own_optional;

    fetch_fn fn; /* NULL: no request under way */
    size_t body_max;
    struct str body;
    bool too_big;
    char error[CURL_ERROR_SIZE];
};

/* ---- socket.c ---- */

/* Makes the multi handle, with its sockets and timer on the loop; ends both and the connection. */
void fetch_multi_open(struct fetch *f);
void fetch_multi_close(struct fetch *f);

/* Watches the kept connection for its end, or no more. */
void fetch_idle_watch(struct fetch *f, curl_socket_t fd);
void fetch_idle_stop(struct fetch *f);

/* ---- fetch.c ---- */

/* curl has worked: hands a finished request over. The last statement of its caller: the user may
 * free `f` inside. */
void fetch_look(struct fetch *f);

/* ---- fault.c ---- */

enum fetch_fault fetch_fault_of(const struct fetch *f, CURLcode code);

#endif
