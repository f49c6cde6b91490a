/* SPDX-License-Identifier: Apache-2.0
 * libcurl makes the TLS connection and then only carries bytes. */
#include "raw.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include <base/mem.h>
#include <loop/clock.h>

#include "cm.h"

struct raw {
    struct adminfix *fix;
    CURL *h;
    struct str in;
    bool ended;
};

struct raw *raw_open(struct adminfix *f)
{
    struct raw *r = MEM_NEW(struct raw);
    char *url = str_printf("https://localhost:%u/", f->port);

    r->fix = f;
    r->h = curl_easy_init();
    curl_easy_setopt(r->h, CURLOPT_URL, url);
    curl_easy_setopt(r->h, CURLOPT_CAINFO, f->cert);
    curl_easy_setopt(r->h, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(r->h, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(r->h, CURLOPT_TIMEOUT_MS, 20000L);
    assert_int_equal(curl_easy_perform(r->h), CURLE_OK);
    str_add(&r->in, "");
    free(url);
    return r;
}

void raw_close(struct raw **rp)
{
    curl_easy_cleanup((*rp)->h);
    str_fini(&(*rp)->in);
    free(*rp);
    *rp = NULL;
}

bool raw_send(struct raw *r, const void *data, size_t len)
{
    const char *at = data;
    int64_t end_ms = loop_now_ms() + 20000;

    while (len > 0 && loop_now_ms() < end_ms) {
        size_t n = 0;
        CURLcode code = curl_easy_send(r->h, at, len, &n);

        if (code == CURLE_AGAIN)
            busfix_run_for(r->fix->config.bus_fix, 1);
        else if (code != CURLE_OK)
            return false;
        at += n;
        len -= n;
    }
    return len == 0;
}

bool raw_say(struct raw *r, const char *text)
{
    return raw_send(r, text, strlen(text));
}

struct wish {
    struct raw *r;
    const char *text;
};

static bool has_come(void *arg)
{
    struct wish *w = arg;
    char piece[16384];
    size_t n = 0;
    CURLcode code;

    while ((code = curl_easy_recv(w->r->h, piece, sizeof(piece), &n)) == CURLE_OK && n > 0)
        str_addn(&w->r->in, piece, n);
    w->r->ended = code != CURLE_AGAIN;
    return w->r->ended || (w->text && strstr(w->r->in.s, w->text));
}

const char *raw_read(struct raw *r, const char *text, int timeout_ms)
{
    struct wish w = { r, text };

    (void)busfix_run_until(r->fix->config.bus_fix, has_come, &w, timeout_ms);
    return r->in.s;
}

void raw_forget(struct raw *r)
{
    str_fini(&r->in);
    str_add(&r->in, "");
}

bool raw_ended(const struct raw *r)
{
    return r->ended;
}
