/* SPDX-License-Identifier: Apache-2.0
 * What a browser finds at the edge: the page through a tunnel, and the edge's own answers where
 * there is none. Real expe, config and busd; expc and web bridge are made in the test. */
#include "expefix.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <base/str.h>

#include "guest.h"
#include "inside.h"

#include "cm.h"

#define NAME EXPEFIX_NAME

static char *get(struct expefix *f, const char *host)
{
    char *request = str_printf("GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
    char *text = guest_page(f, NAME, request, "\r\n\r\n");

    free(request);
    return text;
}

static int status_of(const char *text)
{
    return str_starts(text, "HTTP/1.1 ") ? atoi(text + 9) : 0;
}

static void expect(struct expefix *f, const char *request, int status)
{
    char *text = guest_page(f, NAME, request, "</html>");

    if (status_of(text) != status)
        print_message("asked %.100s, got %.200s\n", request, text);
    assert_int_equal(status_of(text), status);
    free(text);
}

/* --- the page --------------------------------------------------------------------------------- */

static void a_page_comes_through_the_tunnel_as_it_was_asked_for(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 };
    char *text;

    inside_tunnel_up(&in, f);
    text = guest_page(f, NAME, "GET / HTTP/1.1\r\nHost: " NAME "\r\nX-Odd:  kept \r\n\r\n", "kept");
    assert_int_equal(status_of(text), 200);
    assert_non_null(strstr(text, INSIDE_FIELD(":authority", NAME)));
    assert_non_null(strstr(text, "\nstoa-client=127.0.0.1:"));
    assert_non_null(strstr(text, "\nstoa-tls=TLSv1.3\n"));
    assert_non_null(strstr(text, "\nstoa-sni=" NAME "\n"));
    assert_non_null(strstr(text, "\nstoa-connection="));
    assert_non_null(strstr(text, "GET / HTTP/1.1\r\nHost: " NAME "\r\nX-Odd:  kept \r\n\r\n"));
    free(text);
    inside_close(&in);
}

static void bytes_go_both_ways_and_halves_close_on_their_own(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct guest g;

    inside_tunnel_up(&in, f);
    guest_open(&g, f, NAME);
    guest_get(&g, NAME, "/echo");
    assert_true(guest_saw(&g, "echoing\n"));
    guest_send(&g, "one two three");
    assert_true(guest_saw(&g, "one two three"));
    tls_stream_shutdown(g.tls);
    assert_true(guest_ended(&g));
    guest_close(&g);
    guest_open(&g, f, NAME);
    guest_get(&g, NAME, "/close");
    assert_true(guest_ended(&g));
    assert_non_null(strstr(g.in.s, "all of it\n"));
    assert_true(g.eof); /* close_notify: it was all */
    guest_close(&g);
    assert_true(expefix_wait_metric(f, "stoa_expe_connections", 0));
    inside_close(&in);
}

static void a_stream_that_breaks_ends_its_browser_alone(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct guest g, other;

    inside_tunnel_up(&in, f);
    guest_open(&other, f, NAME);
    guest_get(&other, NAME, "/echo");
    assert_true(guest_saw(&other, "echoing\n"));
    guest_open(&g, f, NAME);
    guest_get(&g, NAME, "/cut");
    assert_true(guest_ended(&g));
    guest_send(&other, "still here");
    assert_true(guest_saw(&other, "still here"));
    guest_close(&g);
    guest_close(&other);
    inside_close(&in);
}

/* --- Host ------------------------------------------------------------------------------------- */

static void a_host_counts_in_every_form_that_means_the_same(void **state)
{
    static const char *const forms[] = { NAME, "CMSWEB.Octavio.COM", NAME ".", NAME ":443",
                                         NAME ".:443", NAME ":9443" };
    struct expefix *f = *state;
    struct inside in = { 0 };

    inside_tunnel_up(&in, f);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        char *text = get(f, forms[i]);

        if (status_of(text) != 200)
            print_message("%s: %s\n", forms[i], text);
        assert_int_equal(status_of(text), 200);
        free(text);
    }
    inside_close(&in);
}

static void an_unknown_host_gets_a_neutral_page_and_the_log_knows_why(void **state)
{
    static const char *const hosts[] = { "join.octavio.local", "127.0.0.1", "[::1]", "localhost",
                                         "octavio.com", "x" NAME };
    struct expefix *f = *state;
    struct inside in = { 0 };
    char *text, *log;

    inside_tunnel_up(&in, f);
    text = get(f, "<b>join</b>.octavio.local");
    assert_int_equal(status_of(text), 400);
    free(text);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        text = get(f, hosts[i]);
        assert_int_equal(status_of(text), 421);
        assert_non_null(strstr(text, "<title>Bad Request</title>"));
        assert_non_null(strstr(text, hosts[i]));
        assert_non_null(strstr(text, "Strict-Transport-Security: "));
        assert_null(strstr(text, NAME "</b> "));
        assert_null(strstr(text, EXPEFIX_OTHER));
        free(text);
    }
    assert_true(expefix_wait_log(f, "asked for \"join.octavio.local\", configured "));
    log = expefix_log(f);
    assert_non_null(strstr(log, NAME));
    free(log);
    assert_int_equal(in.streams, 0);
    inside_close(&in);
}

static void requests_that_are_none_get_400(void **state)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: " NAME "\r\nHost: " NAME "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : " NAME "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: u@" NAME "\r\n\r\n",
        "\x16\x03\x01 not HTTP\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    };
    struct expefix *f = *state;
    struct inside in = { 0 };

    inside_tunnel_up(&in, f);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        expect(f, bad[i], 400);
    assert_int_equal(in.streams, 0);
    inside_close(&in);
}

/* What monitors and old clients send: no SNI, no ALPN; which may not decide anything. Blocking,
 * in a process of its own: the loop of the test carries the other end. */
static int plain_client(uint16_t port)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    char answer[64] = "";
    struct expefix where = { .base = (uint16_t)(port - EXPEFIX_HTTPS) };
    int fd = expefix_connect(&where, EXPEFIX_HTTPS), n = 0;

    (void)fcntl(fd, F_SETFL, 0);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1)
        return 2;
    (void)SSL_write(ssl, "GET / HTTP/1.1\r\nHost: " NAME "\r\n\r\n", (int)strlen(NAME) + 26);
    while (n < 15) {
        int got = SSL_read(ssl, answer + n, 15 - n);

        if (got <= 0)
            return 3;
        n += got;
    }
    return str_starts(answer, "HTTP/1.1 200 OK") ? 0 : 4;
}

struct waiting {
    pid_t pid;
    int status;
};

static bool is_over(void *arg)
{
    struct waiting *w = arg;

    return waitpid(w->pid, &w->status, WNOHANG) == w->pid;
}

static void without_sni_and_alpn_the_host_decides(void **state)
{
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct waiting w = { 0 };

    inside_tunnel_up(&in, f);
    w.pid = fork();
    if (w.pid == 0)
        _exit(plain_client(expefix_port(f, EXPEFIX_HTTPS)));
    assert_true(expefix_until(f, is_over, &w));
    assert_int_equal(WEXITSTATUS(w.status), 0);
    inside_close(&in);
}

/* --- no way in -------------------------------------------------------------------------------- */

static void without_a_tunnel_there_is_503_at_once(void **state)
{
    struct expefix *f = *state;
    char *text = get(f, NAME);

    assert_int_equal(status_of(text), 503);
    assert_non_null(strstr(text, "\r\nRetry-After: "));
    assert_non_null(strstr(text, " tunnel</code>"));
    free(text);
}

static void a_tunnel_of_another_name_is_none(void **state)
{
    struct expefix *f = *state;
    struct inside in = { .domain = EXPEFIX_OTHER };
    char *text;

    inside_open(&in, f);
    assert_true(in.up);
    text = get(f, NAME);
    assert_int_equal(status_of(text), 503);
    free(text);
    inside_close(&in);
}

/* The guide's "Bad Request": on expc the internal name stands where the join name belongs. */
static void another_join_name_on_expc_is_a_bad_request(void **state)
{
    static const char *const wrong[] = { "cmsweb.cms.octavio.local" }, *const right[] = { NAME };
    struct expefix *f = *state;
    struct inside in = { .domains = wrong, .domain_count = 1 };
    struct inside beside = { .node = "another", .domains = right, .domain_count = 1 };
    char *text;

    inside_open(&in, f);
    assert_true(in.up);
    text = get(f, NAME);
    assert_int_equal(status_of(text), 421);
    assert_null(strstr(text, "octavio.local"));
    free(text);
    inside_open(&beside, f); /* this one has it, and its tunnel comes any moment */
    assert_true(beside.up);
    text = get(f, NAME);
    assert_int_equal(status_of(text), 503);
    free(text);
    inside_close(&beside);
    inside_close(&in);
}

static void a_web_bridge_that_fails_gets_502_with_the_reason(void **state)
{
    struct expefix *f = *state;
    struct inside in = { .refuse = 502, .reason = "certificate" };
    char *text;

    inside_tunnel_up(&in, f);
    text = get(f, NAME);
    assert_int_equal(status_of(text), 502);
    assert_non_null(strstr(text, " certificate</code>"));
    assert_null(strstr(text, "Retry-After"));
    free(text);
    assert_true(expefix_wait_log(f, "reason=certificate"));
    in.refuse = 503;
    in.reason = "memory";
    text = get(f, NAME);
    assert_int_equal(status_of(text), 503);
    free(text);
    inside_close(&in);
}

static void a_tunnel_that_dies_before_its_answer_is_followed_by_the_next(void **state)
{
    struct expefix *f = *state;
    struct inside deaf = { .node = "a", .silent = true }, good = { .node = "b" };
    struct guest g;

    inside_tunnel_up(&deaf, f);
    guest_open(&g, f, NAME);
    guest_get(&g, NAME, "/");
    while (deaf.streams == 0)
        busfix_run_for(f->conf.bus_fix, 10);
    inside_tunnel_up(&good, f);
    inside_close(&deaf);
    assert_true(guest_saw(&g, "HTTP/1.1 200 OK"));
    guest_close(&g);
    inside_close(&good);
}

/* --- certificates ----------------------------------------------------------------------------- */

static void served_fingerprint(struct expefix *f, const char *sni, char dst[96])
{
    struct pki_info info;
    struct guest g;
    char *pem;

    guest_open(&g, f, sni);
    assert_int_equal(tls_stream_peer_chain(g.tls, &pem), 0);
    assert_int_equal(pki_inspect(&info, pem, 0, NULL), 0);
    memcpy(dst, info.sha256, 96);
    pki_info_fini(&info);
    free(pem);
    guest_close(&g);
}

static void each_name_has_its_certificate(void **state)
{
    struct expefix *f = *state;
    char first[96], second[96], none[96];

    served_fingerprint(f, NAME, first); /* guest_open() checks the name */
    served_fingerprint(f, EXPEFIX_OTHER, second);
    served_fingerprint(f, NULL, none);
    assert_string_not_equal(first, second);
    assert_string_equal(first, none); /* expe.crt is everybody else's */
}

static void a_new_certificate_is_taken_without_dropping_anybody(void **state)
{
    static const char *const names[] = { NAME, "localhost" };
    struct expefix *f = *state;
    struct inside in = { 0 };
    struct guest g;
    char before[96], after[96];

    inside_tunnel_up(&in, f);
    guest_open(&g, f, NAME);
    guest_get(&g, NAME, "/echo");
    assert_true(guest_saw(&g, "echoing\n"));
    served_fingerprint(f, NAME, before);
    expefix_certificate(f, "expe", names, ARRAY_LEN(names));
    (void)kill(f->pid, SIGHUP);
    assert_true(expefix_wait_log(f, "expe.crt: in use for new connections"));
    served_fingerprint(f, NAME, after);
    assert_string_not_equal(before, after);
    guest_send(&g, "as if nothing had happened");
    assert_true(guest_saw(&g, "as if nothing had happened"));
    assert_true(in.up);
    guest_close(&g);
    inside_close(&in);
}

static void a_broken_certificate_leaves_the_old_one_and_says_so(void **state)
{
    struct expefix *f = *state;
    char before[96], after[96], *path;
    FILE *file;

    served_fingerprint(f, EXPEFIX_OTHER, before);
    path = str_printf("%s/pki/other.crt", busfix_dir(f->conf.bus_fix));
    file = fopen(path, "w");
    (void)fputs("not a certificate\n", file);
    (void)fclose(file);
    free(path);
    assert_true(expefix_wait_status(f, "\"expeCertificate\"", true));
    served_fingerprint(f, EXPEFIX_OTHER, after);
    assert_string_equal(before, after);
    expefix_certificate(f, "other", (const char *const[]){ EXPEFIX_OTHER }, 1);
    assert_true(expefix_wait_status(f, "\"expeCertificate\"", false));
    served_fingerprint(f, EXPEFIX_OTHER, after);
    assert_string_not_equal(before, after);
}

/* --- port 80 ---------------------------------------------------------------------------------- */

static char *plain(struct expefix *f, const char *request)
{
    int fd = expefix_connect(f, EXPEFIX_HTTP);
    char chunk[4096];
    struct str all = { 0 };
    ssize_t n;

    (void)fcntl(fd, F_SETFL, 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
        str_addn(&all, chunk, (size_t)n);
    close(fd);
    return str_take(&all);
}

static void port_80_leads_to_https_of_a_known_name_only(void **state)
{
    struct expefix *f = *state;
    char want[128], *text;

    (void)snprintf(want, sizeof(want), "\r\nLocation: https://" NAME ":%u/join?id=1\r\n",
                   expefix_port(f, EXPEFIX_HTTPS));
    text = plain(f, "GET /join?id=1 HTTP/1.1\r\nHost: CMSWEB.octavio.com:80\r\n\r\n");
    assert_int_equal(status_of(text), 301);
    assert_non_null(strstr(text, want));
    free(text);
    text = plain(f, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert_int_equal(status_of(text), 421);
    assert_null(strstr(text, "Location"));
    free(text);
    text = plain(f, "GET / HTTP/1.0\r\n\r\n");
    assert_int_equal(status_of(text), 400);
    free(text);
}

static void the_redirect_can_be_switched_off(void **state)
{
    struct expefix *f = *state;
    char port[16];

    (void)snprintf(port, sizeof(port), ":%u\"", expefix_port(f, EXPEFIX_HTTP));
    assert_true(expefix_wait_status(f, port, true));
    expefix_set(f, "edge", "edge", CONFIX_FIELDS("httpRedirect", "false"));
    assert_true(expefix_wait_status(f, port, false));
    expefix_set(f, "edge", "edge", CONFIX_FIELDS("httpRedirect", "true"));
    assert_true(expefix_wait_status(f, port, true));
}

#define TEST(name) cmocka_unit_test_setup(name, expefix_settle)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_comes_through_the_tunnel_as_it_was_asked_for),
        TEST(bytes_go_both_ways_and_halves_close_on_their_own),
        TEST(a_stream_that_breaks_ends_its_browser_alone),
        TEST(a_host_counts_in_every_form_that_means_the_same),
        TEST(an_unknown_host_gets_a_neutral_page_and_the_log_knows_why),
        TEST(requests_that_are_none_get_400),
        TEST(without_sni_and_alpn_the_host_decides),
        TEST(without_a_tunnel_there_is_503_at_once),
        TEST(a_tunnel_of_another_name_is_none),
        TEST(another_join_name_on_expc_is_a_bad_request),
        TEST(a_web_bridge_that_fails_gets_502_with_the_reason),
        TEST(a_tunnel_that_dies_before_its_answer_is_followed_by_the_next),
        TEST(each_name_has_its_certificate),
        TEST(a_new_certificate_is_taken_without_dropping_anybody),
        TEST(a_broken_certificate_leaves_the_old_one_and_says_so),
        TEST(port_80_leads_to_https_of_a_known_name_only),
        TEST(the_redirect_can_be_switched_off),
    };

    return cmocka_run_group_tests(tests, expefix_setup, expefix_teardown);
}
