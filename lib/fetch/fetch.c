/* SPDX-License-Identifier: Apache-2.0
 * Requests. A handle has a multi handle of its own, so that the connection it keeps is its own. */
#include "fetch_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <base/mem.h>

enum { TIMEOUT_MS = 10000, BODY_MAX = 64 << 10 };

static void must(CURLcode code)
{
    if (code == CURLE_OK)
        return;
    fprintf(stderr, "fetch: libcurl failed: %s\n", curl_easy_strerror(code));
    abort();
}

#define SET(f, option, value) must(curl_easy_setopt((f)->easy, option, value))

/* --- what curl calls -------------------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct fetch *f = arg;
    size_t len = size * n;

    if (len > f->body_max - f->body.len) {
        f->too_big = true;
        return 0;
    }
    str_addn(&f->body, data, len);
    return len;
}

static CURLcode on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg)
{
    struct fetch *f = arg;

    (void)easy;
    f->on_ssl_ctx(f->arg, ssl_ctx);
    return CURLE_OK;
}

/* --- trust ------------------------------------------------------------------------------------ */

static int read_file(struct str *out, const char *path)
{
    char chunk[4096];
    size_t n;
    FILE *file = fopen(path, "re");

    if (!file)
        return 0; /* may come later */
    while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0 && out->len <= FETCH_CA_FILE_MAX_B)
        str_addn(out, chunk, n);
    (void)fclose(file);
    str_add(out, "\n");
    return out->len > FETCH_CA_FILE_MAX_B ? -E2BIG : 0;
}

/* curl takes one file, so that all of them are one text. Without any, curl's own default must not
 * come in. */
static int load_trust(struct fetch *f)
{
    struct str all = { 0 };
    struct curl_blob blob;
    int err = 0;

    for (size_t i = 0; !err && i < FETCH_CA_FILES_MAX; i++)
        if (f->ca_files[i])
            err = read_file(&all, f->ca_files[i]);
    blob = (struct curl_blob){ .data = all.s, .len = all.len, .flags = CURL_BLOB_COPY };
    SET(f, CURLOPT_CAINFO, NULL);
    SET(f, CURLOPT_CAINFO_BLOB, !err && strstr(all.s ? all.s : "", "-----BEGIN ") ? &blob : NULL);
    SET(f, CURLOPT_CAPATH, f->ca_dir);
    str_fini(&all);
    return err;
}

static void load_own(struct fetch *f)
{
    bool use = f->cert_file && f->key_file &&
               (!f->own_optional ||
                (access(f->cert_file, F_OK) == 0 && access(f->key_file, F_OK) == 0));

    SET(f, CURLOPT_SSLCERT, use ? f->cert_file : NULL);
    SET(f, CURLOPT_SSLKEY, use ? f->key_file : NULL);
}

/* --- life ------------------------------------------------------------------------------------- */

static void copy_opts(struct fetch *f, const struct fetch_opts *o)
{
    f->url = str_dup(o->url);
    f->cert_file = str_dup(o->cert_file);
    f->key_file = str_dup(o->key_file);
    f->ca_dir = str_dup(o->ca_dir);
    for (size_t i = 0; i < FETCH_CA_FILES_MAX; i++)
        f->ca_files[i] = str_dup(o->ca_files[i]);
    f->own_optional = o->own_optional;
    f->on_ssl_ctx = o->on_ssl_ctx;
    f->on_closed = o->on_closed;
    f->arg = o->arg;
    f->body_max = o->body_max ? o->body_max : BODY_MAX;
    if (o->connect_to) {
        char text[ADDR_TEXT_MAX + 2] = "::"; /* any host, any port of the URL */

        (void)addr_print(o->connect_to, text + 2);
        f->connect_to = curl_slist_append(NULL, text);
    }
}

static void set_options(struct fetch *f, int timeout_ms)
{
    SET(f, CURLOPT_URL, f->url);
    SET(f, CURLOPT_PRIVATE, f);
    SET(f, CURLOPT_ERRORBUFFER, f->error);
    SET(f, CURLOPT_NOSIGNAL, 1L);
    SET(f, CURLOPT_PROXY, "");
    SET(f, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(f, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(f, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    SET(f, CURLOPT_CONNECT_TO, f->connect_to);
    SET(f, CURLOPT_WRITEFUNCTION, on_body);
    SET(f, CURLOPT_WRITEDATA, f);
    SET(f, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    SET(f, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    if (f->on_ssl_ctx) {
        SET(f, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
        SET(f, CURLOPT_SSL_CTX_DATA, f);
        SET(f, CURLOPT_SSL_ENABLE_ALPN, 0L);
    }
}

int fetch_new(struct fetch **out, uv_loop_t *loop, const struct fetch_opts *opts)
{
    struct fetch *f;
    int err;

    if (str_empty(opts->url))
        return -EINVAL;
    f = MEM_NEW(struct fetch);
    f->loop = loop;
    list_init(&f->socks);
    f->easy = curl_easy_init();
    if (!f->easy)
        abort(); /* out of memory */
    copy_opts(f, opts);
    set_options(f, opts->timeout_ms ? opts->timeout_ms : TIMEOUT_MS);
    fetch_multi_open(f);
    load_own(f);
    err = load_trust(f);
    if (err)
        fetch_free(&f);
    else
        *out = f;
    return err;
}

void fetch_free(struct fetch **fp)
{
    struct fetch *f = *fp;

    *fp = NULL;
    if (!f)
        return;
    fetch_multi_close(f);
    curl_easy_cleanup(f->easy);
    curl_slist_free_all(f->connect_to);
    curl_slist_free_all(f->headers);
    free(f->url);
    free(f->cert_file);
    free(f->key_file);
    free(f->ca_dir);
    for (size_t i = 0; i < FETCH_CA_FILES_MAX; i++)
        free(f->ca_files[i]);
    str_fini(&f->body);
    free(f);
}

void fetch_drop(struct fetch *f)
{
    fetch_multi_close(f);
    f->fn = NULL;
    fetch_multi_open(f);
    load_own(f);
    (void)!load_trust(f); /* too long by now: the old ones stay */
}

bool fetch_busy(const struct fetch *f)
{
    return f->fn != NULL;
}

/* --- requests --------------------------------------------------------------------------------- */

static void set_headers(struct fetch *f, const struct fetch_request *r)
{
    char *type = r && r->content_type ? str_printf("Content-Type: %s", r->content_type) : NULL;

    curl_slist_free_all(f->headers);
    f->headers = curl_slist_append(NULL, "Expect:"); /* no round trip before a body */
    if (type)
        f->headers = curl_slist_append(f->headers, type);
    free(type);
    SET(f, CURLOPT_HTTPHEADER, f->headers);
}

int fetch_start(struct fetch *f, const struct fetch_request *r, fetch_fn fn)
{
    bool with_body = r && r->body;

    if (f->fn)
        return -EBUSY;
    if (!fn)
        return -EINVAL;
    fetch_idle_stop(f);
    set_headers(f, r);
    SET(f, CURLOPT_HTTPGET, 1L);
    if (with_body) {
        SET(f, CURLOPT_POSTFIELDSIZE, (long)r->body_len);
        SET(f, CURLOPT_COPYPOSTFIELDS, r->body);
    }
    SET(f, CURLOPT_CUSTOMREQUEST, r ? r->method : NULL);
    str_fini(&f->body);
    f->too_big = false;
    f->error[0] = '\0';
    f->fn = fn;
    if (curl_multi_add_handle(f->multi, f->easy) != CURLM_OK)
        abort(); /* only for wrong arguments */
    return 0;
}

/* The request is over: the result, and the connection that is kept. */
static void finish(struct fetch *f, CURLcode code)
{
    struct fetch_result r = { .fault = fetch_fault_of(f, code), .why = f->error };
    long status = 0, connects = 0;
    curl_socket_t fd = CURL_SOCKET_BAD;
    struct str body = f->body;
    fetch_fn fn = f->fn;

    (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(f->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (code == CURLE_OK)
        (void)curl_easy_getinfo(f->easy, CURLINFO_ACTIVESOCKET, &fd);
    else if (!f->error[0])
        (void)str_copy(f->error, sizeof(f->error), curl_easy_strerror(code));
    (void)curl_multi_remove_handle(f->multi, f->easy);
    r.status = (int)status;
    r.fresh = connects > 0;
    r.kept = fd != CURL_SOCKET_BAD;
    r.body = body.s ? body.s : "";
    r.len = body.len;
    f->body = (struct str){ 0 };
    f->fn = NULL;
    fetch_idle_watch(f, fd);
    fn(f->arg, &r);
    str_fini(&body);
}

void fetch_look(struct fetch *f)
{
    int left;
    CURLMsg *msg = curl_multi_info_read(f->multi, &left);

    if (msg && msg->msg == CURLMSG_DONE)
        finish(f, msg->data.result);
}
