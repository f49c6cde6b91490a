/* SPDX-License-Identifier: Apache-2.0
 * What no browser does: frames without a mask, messages nobody knows, methods nobody uses, more
 * connections than an office has. Whatever comes is answered, refused or dropped, and others are
 * served as ever. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include <base/str.h>
#include <loop/clock.h>

#include "limits.h"

#include "cm.h"
#include "webfix.h"

static struct webfix *f;

static void assert_serves(void)
{
    struct page p;

    page_ready(&p, f);
    page_close(&p);
}

/* --- frames ----------------------------------------------------------------------------------- */

static void assert_closed(struct page *p, int code)
{
    page_wait_end(p);
    assert_int_equal(p->end.close_code, code);
    page_close(p);
}

/* Masks protect proxies that see the bytes of a WebSocket; ours are inside TLS. libwebsockets
 * takes frames without one and does not tell (docs/rfc-coverage.md): they have the limits of all
 * others. */
static void a_frame_without_mask_has_the_limits_of_all_others(void **state)
{
    static const char unknown[] = "\x81\x12{\"type\":\"nothing\"}";
    static const char announces_10_mb[] = "\x81\x7f\0\0\0\0\0\x98\x96\x80{";
    static const char binary[] = "\x82\x01x";
    struct page p;
    size_t at = 1; /* after welcome */
    const json_t *e;

    (void)state;
    page_ready(&p, f);
    wsclient_raw(p.c, unknown, sizeof(unknown) - 1);
    e = page_next(&p, &at, "error");
    assert_string_equal(page_text(e, "code"), "INVALID");
    for (int i = 0; i < 400; i++)
        wsclient_raw(p.c, unknown, sizeof(unknown) - 1);
    assert_closed(&p, 1008);
    page_ready(&p, f);
    wsclient_raw(p.c, announces_10_mb, sizeof(announces_10_mb) - 1);
    assert_closed(&p, 1009);
    page_ready(&p, f);
    wsclient_raw(p.c, binary, sizeof(binary) - 1);
    assert_closed(&p, 1003);
    assert_serves();
}

/* Reserved bits, opcodes that do not exist, a control frame in pieces or too long: RFC 6455 s5.2,
 * s5.5. */
static void frames_that_do_not_exist_close_the_websocket(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } frames[] = {
        { "\xc1\x80mask", 6 },         /* RSV1 without an extension */
        { "\x83\x80mask", 6 },         /* opcode 3 */
        { "\x8b\x80mask", 6 },         /* opcode 11 */
        { "\x09\x80mask", 6 },         /* a ping that is not whole */
        { "\x89\xfe\x00\x80mask", 8 }, /* a ping of 128 bytes */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        struct page p;

        page_ready(&p, f);
        wsclient_raw(p.c, frames[i].bytes, frames[i].len);
        page_wait_end(&p);
        assert_true(p.end.close_code == 1002 || p.end.close_code == 0);
        page_close(&p);
    }
    assert_serves();
}

static unsigned lines_with(const char *text)
{
    FILE *log = fopen(f->event_log, "r");
    char line[1024];
    unsigned n = 0;

    assert_non_null(log);
    while (fgets(line, sizeof(line), log))
        n += strstr(line, text) != NULL;
    (void)fclose(log);
    return n;
}

static void messages_nobody_knows_are_answered_each_and_logged_once(void **state)
{
    static const char *const texts[] = {
        "{\"type\":\"sudo\",\"id\":1}", "{\"type\":\"\"}", "{\"type\":7}", "{}", "[]", "null", "7",
        "", "{\"type\":\"login\"}", "{\"type\":\"login\",\"id\":-1}",
        "{\"type\":\"welcome\",\"id\":2}",
        "{\"type\":\"state\",\"id\":3}", "{\"type\":\"sessionGone\"}",
        "{\"type\":\"leave\",\"type\":\"join\",\"id\":4}", "{\"type\":\"leave\",\"id\":5}",
        "[[[[[[[[[[[[[[[[[[[[", "{\"type\":\"leave\",\"id\":6,\"space\":\"../../etc\"}",
    };
    struct page p;
    size_t at = 1;

    (void)state;
    page_ready(&p, f);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        wsclient_send(p.c, texts[i]);
        assert_string_equal(page_text(page_next(&p, &at, "error"), "code"), "INVALID");
    }
    page_close(&p);
    assert_int_equal(lines_with("message refused as invalid"), 1); /* an earlier test's */
    assert_serves();
}

/* --- HTTP ------------------------------------------------------------------------------------- */

static size_t keep(char *data, size_t size, size_t n, void *arg)
{
    str_addn(arg, data, size * n);
    return size * n;
}

/* Sends a request line as it is; returns the status, 0 when the connection was closed without an
 * answer. */
static long odd_request(const char *method, const char *path, struct str *all)
{
    CURL *c = curl_easy_init();
    char *url = str_printf("https://localhost:%u%s", f->https, path);
    long status = 0;

    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_CAINFO, f->cert);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, all);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, all);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 1000L); /* the bus of this process waits meanwhile */
    curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
    (void)curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(c);
    free(url);
    str_add(all, "");
    return status;
}

static void methods_nobody_uses_get_nothing_of_the_page(void **state)
{
    static const char *const methods[] = {
        "BREW", "TRACE", "CONNECT", "PROPFIND", "GETT", "G", "G\xc3\x89T", "M-SEARCH", "PRI",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct str all = { 0 };
        long status = odd_request(methods[i], "/", &all);

        if (status != 0 && (status < 400 || status > 499))
            fail_msg("%s was answered with %ld: %s", methods[i], status, all.s);
        assert_null(strcasestr(all.s, "\nserver:"));
        str_fini(&all);
    }
    assert_serves();
}

/* --- connections ------------------------------------------------------------------------------ */

/* Connects from an address of loopback; the descriptor, or -1. */
static int connect_from(const char *from)
{
    struct sockaddr_in local = { .sin_family = AF_INET },
                       to = { .sin_family = AF_INET, .sin_port = htons(f->https) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(inet_pton(AF_INET, from, &local.sin_addr), 1);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0 &&
        connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* True when the far side has closed. */
static bool is_closed(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

struct crowd {
    int fds[WB_CONNS_PER_SOURCE_MAX + 20];
    size_t n;
};

static size_t closed(const struct crowd *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += is_closed(c->fds[i]);
    return n;
}

static bool surplus_is_closed(void *arg)
{
    return closed(arg) >= ((struct crowd *)arg)->n - WB_CONNS_PER_SOURCE_MAX;
}

static void one_address_holds_256_connections_and_no_more(void **state)
{
    static struct crowd c;
    struct page other;
    int64_t start_ms;

    (void)state;
    for (c.n = 0; c.n < ARRAY_LEN(c.fds); c.n++) {
        c.fds[c.n] = connect_from("127.0.0.9");
        assert_true(c.fds[c.n] >= 0);
    }
    webfix_until(f, surplus_is_closed, &c);
    assert_int_equal(closed(&c), c.n - WB_CONNS_PER_SOURCE_MAX);
    for (size_t i = 0; i < WB_CONNS_PER_SOURCE_MAX; i++)
        assert_false(is_closed(c.fds[i])); /* the first ones stay */
    assert_true(lines_with("refused, too many connections") >= 1);
    start_ms = loop_now_ms();
    assert_serves(); /* another address, which does not wait until the silent ones are cut */
    assert_true(loop_now_ms() - start_ms < WB_HEAD_TIMEOUT_S * 1000 / 2);
    close(c.fds[0]); /* who goes makes room */
    for (bool room = false; !room;) {
        int fd = connect_from("127.0.0.9");

        page_ready(&other, f); /* time for webbridge to decide */
        page_close(&other);
        room = !is_closed(fd);
        close(fd);
    }
    for (size_t i = 1; i < c.n; i++)
        close(c.fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_without_mask_has_the_limits_of_all_others),
        cmocka_unit_test(frames_that_do_not_exist_close_the_websocket),
        cmocka_unit_test(messages_nobody_knows_are_answered_each_and_logged_once),
        cmocka_unit_test(methods_nobody_uses_get_nothing_of_the_page),
        cmocka_unit_test(one_address_holds_256_connections_and_no_more),
    };

    f = webfix_new();
    webfix_bridge_up(f);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    webfix_free(f);
    return failed;
}
