/* SPDX-License-Identifier: Apache-2.0
 * Both ends of a link in two processes, with plain TCP before and behind it: what connects to
 * --listen comes out at --target. Certificates and password are made for the run. Says "ready" when
 * it is up. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <base/str.h>
#include <loop/accept.h>
#include <loop/clock.h>
#include <pki/pki.h>
#include <tunnel/link.h>

#include "pipe.h"

static struct {
    uv_loop_t loop;
    struct tunnel_link *link;
    struct mux_budget budget;
    struct scram_verifier verifier;
    struct pki_pair ca, cert;
    uint16_t listen, target;
} b;

static const char name[] = "tunnel.bench";
static const char password[] = "bench";

static void die(const char *what, int err)
{
    fprintf(stderr, "tunnelends: %s: %s\n", what, strerror(err < 0 ? -err : err));
    exit(1);
}

/* --- streams ---------------------------------------------------------------------------------- */

static int dial_target(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(b.target),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
        die("target", errno);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void on_stream(void *arg, struct mux_stream *s, const struct mux_header *headers, size_t n)
{
    (void)arg;
    (void)headers;
    (void)n;
    mux_respond(s, 200, NULL, 0, false);
    (void)pipe_new(&b.loop, dial_target(), b.link, s);
}

static void on_data(void *arg, struct mux_stream *s, const uint8_t *data, size_t len)
{
    (void)arg;
    pipe_data(mux_stream_user(s), data, len);
}

static void on_eof(void *arg, struct mux_stream *s)
{
    (void)arg;
    pipe_eof(mux_stream_user(s));
}

static void on_room(void *arg, struct mux_stream *s)
{
    (void)arg;
    pipe_room(mux_stream_user(s));
}

static void on_stream_end(void *arg, struct mux_stream *s, int err)
{
    (void)arg;
    (void)err;
    pipe_end(mux_stream_user(s));
}

static void on_browser(void *arg, int fd, const struct addr *peer)
{
    int err;
    struct mux_stream *s = tunnel_link_open(b.link, "join.bench", NULL, 0, &err);

    (void)arg;
    (void)peer;
    if (!s)
        die("stream", err);
    (void)pipe_new(&b.loop, fd, b.link, s);
}

/* --- the link --------------------------------------------------------------------------------- */

static int find_zone(void *arg, const char *user, const struct addr *from, struct tunnel_zone *out)
{
    static const char *const names[] = { name };

    (void)arg;
    (void)user;
    (void)from;
    *out = (struct tunnel_zone) { .id = "bench",
                                  .verifier = &b.verifier,
                                  .peer_ca_pem = b.ca.cert_pem,
                                  .peer_names = names,
                                  .peer_name_count = 1 };
    return 0;
}

static const char *judge_domain(void *arg, const char *zone, const char *domain)
{
    (void)arg;
    (void)zone;
    (void)domain;
    return NULL;
}

static void on_up(void *arg, const char *const *denied, size_t n)
{
    static struct loop_accept *accept_on;
    int err = 0;

    (void)denied;
    (void)n;
    if (!arg)
        return;
    err = loop_accept_new(&accept_on, &b.loop, "127.0.0.1", b.listen, on_browser, NULL);
    if (err)
        die("listen", err);
    puts("ready");
    (void)fflush(stdout);
}

static void on_down(void *arg, enum tunnel_refusal why, const char *text)
{
    fprintf(stderr, "tunnelends: %s is down: %s: %s\n", arg ? "edge" : "inside",
            tunnel_refusal_word(why), text);
    exit(1);
}

static const struct mux_ops streams = { .on_stream = on_stream,
                                        .on_data = on_data,
                                        .on_eof = on_eof,
                                        .on_room = on_room,
                                        .on_stream_end = on_stream_end };
static const struct tunnel_link_ops ops = { .find_zone = find_zone,
                                            .judge_domain = judge_domain,
                                            .on_up = on_up,
                                            .streams = &streams,
                                            .on_down = on_down };

static void make_certs(void)
{
    const char *const names[] = { name };
    struct pki_opts opts = { .cn = "bench CA", .now_s = loop_wall_us() / 1000000 };

    if (pki_ca_new(&b.ca, &opts, NULL) != 0)
        die("CA", EINVAL);
    opts.cn = NULL;
    opts.names = names;
    opts.name_count = 1;
    if (pki_issue(&b.cert, &b.ca, &opts, NULL) != 0)
        die("certificate", EINVAL);
    scram_verifier_make(&b.verifier, SCRAM_SHA_256, password, SCRAM_ITERATIONS);
}

static void run_end(bool edge, int fd)
{
    static const uint8_t mask[32] = "bench";
    struct tls_zone_opts tls = { .cert_pem = b.cert.cert_pem, .key_pem = b.cert.key_pem,
                                 .peer_ca_pem = b.ca.cert_pem, .peer_name = edge ? NULL : name };
    struct tunnel_link_opts opts = { .node = edge ? "edge" : "inside",
                                     .software = "bench",
                                     .budget = &b.budget,
                                     .peer_name = name,
                                     .user = "bench",
                                     .password = password,
                                     .domain = "join.bench",
                                     .mask_key = mask };
    int err = edge ? tls_ctx_zone_server(&opts.ctx, &tls, NULL)
                   : tls_ctx_zone_client(&opts.ctx, &tls, NULL);

    if (err || uv_loop_init(&b.loop) != 0)
        die("TLS", err);
    b.budget.max = MUX_BUDGET;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    b.link = edge ? tunnel_link_accept(&b.loop, fd, &opts, &ops, &b)
                  : tunnel_link_dial(&b.loop, fd, &opts, &ops, NULL);
    (void)uv_run(&b.loop, UV_RUN_DEFAULT);
}

static void connect_pair(int fd[2])
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(sin);
    int l = socket(AF_INET, SOCK_STREAM, 0);

    fd[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(l, (struct sockaddr *)&sin, len) != 0 || listen(l, 1) != 0
        || getsockname(l, (struct sockaddr *)&sin, &len) != 0
        || connect(fd[0], (struct sockaddr *)&sin, len) != 0)
        die("loopback", errno);
    fd[1] = accept(l, NULL, NULL);
    close(l);
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "listen", required_argument, NULL, 'l' },
                                             { "target", required_argument, NULL, 't' },
                                             { NULL, 0, NULL, 0 } };
    int c, fd[2];
    int64_t n;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == '?' || str_to_i64(optarg, 1, 65535, &n) != 0) {
            fputs("Usage: tunnelends --listen PORT --target PORT\n", stderr);
            return 2;
        }
        *(c == 'l' ? &b.listen : &b.target) = (uint16_t)n;
    }
    make_certs();
    connect_pair(fd);
    if (fork() == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fd[1]);
        run_end(false, fd[0]);
        return 0;
    }
    close(fd[0]);
    run_end(true, fd[1]);
    return 0;
}
