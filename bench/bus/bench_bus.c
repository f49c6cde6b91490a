/* SPDX-License-Identifier: Apache-2.0
 * Requests through busd with CURVE: round trips one after the other, and pipelined with a window.
 * The asking webbridge, the answering callbridge, busd and a reader of the tap are four processes,
 * as in a deployment. The tap is absent, read, or stuck (attached, but its reader is stopped). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <base/str.h>
#include <bridge.pb-c.h>
#include <bus/bus.h>
#include <busfix.h>
#include <loop/clock.h>

enum { WINDOW = 256, SAMPLES = 20000, RATE = 5000 };

static struct busfix *fix;
static uint8_t trace_id[BUS_TRACE_ID_LEN] = {1};

/* --- the answering side -------------------------------------------------------------------------
 */

static void on_login(void *arg, struct bus_call *call, const ProtobufCMessage *body)
{
    const Stoa__Bridge__V1__GuestLoginRequest *q = (const void *)body;
    Stoa__Bridge__V1__GuestLoginReply r = STOA__BRIDGE__V1__GUEST_LOGIN_REPLY__INIT;

    (void)arg;
    r.ticket = q->call_id;
    r.space_name = (char *)(uintptr_t)"Proxy webRTC";
    bus_reply(call, &r.base);
}

static pid_t start_callbridge(void)
{
    static const struct bus_handler handlers[] = {
        {&stoa__bridge__v1__guest_login_request__descriptor, on_login}};
    struct bus_opts opts = {.role = "callbridge", .site = "inside"};
    pid_t pid = fork();
    struct bus *bus;
    uv_loop_t loop;

    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)uv_loop_init(&loop);
    opts.loop = &loop;
    opts.endpoint = busfix_endpoint(fix);
    opts.keys_dir = busfix_keys(fix);
    if (bus_new(&bus, &opts))
        _exit(1);
    bus_handle(bus, handlers, 1, NULL);
    bus_set_serving(bus, BUS_SERVING);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    _exit(0);
}

static pid_t start_bustap(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setenv("STOA_SITE", "inside", 1);
    (void)setenv("STOA_STATE", busfix_dir(fix), 1);
    if (!freopen("/dev/null", "w", stdout))
        _exit(1);
    (void)execl(STOA_BUSTAP, "bustap", "--subject=nothing-has-this", (char *)NULL);
    _exit(127);
}

static void stop(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* --- the asking side ----------------------------------------------------------------------------
 */

struct run {
    struct bus *bus;
    int64_t window; /* 0: whoever asks keeps the pace */
    int64_t sent, done, failed, want;
    double lat_us[SAMPLES];
    int n_lat;
};

struct one {
    struct run *run;
    int64_t start_us;
};

static struct one slots[WINDOW];

static void ask(struct one *o);

static void on_reply(void *arg, const struct bus_result *r)
{
    struct one *o = arg;
    struct run *run = o->run;

    run->done++;
    run->failed += r->code != BUS_OK;
    if (run->n_lat < SAMPLES)
        run->lat_us[run->n_lat++] = (double)(loop_now_us() - o->start_us);
    if (run->window > 0 && run->sent < run->want)
        ask(o);
}

static void ask(struct one *o)
{
    Stoa__Bridge__V1__GuestLoginRequest q = STOA__BRIDGE__V1__GUEST_LOGIN_REQUEST__INIT;
    Stoa__Bridge__V1__Session s = STOA__BRIDGE__V1__SESSION__INIT;
    struct bus_dst dst = {.role = "callbridge"};
    struct bus_req_opts opts = {.trace_id = trace_id, .timeout_ms = 30000};

    s.session_id = (char *)(uintptr_t)"0123456789abcdef0123456789abcdef";
    s.client_address = (char *)(uintptr_t)"192.0.2.7:51234";
    q.session = &s;
    q.call_id = (char *)(uintptr_t)"100101";
    q.passcode = (char *)(uintptr_t)"471147";
    o->start_us = loop_now_us();
    o->run->sent++;
    (void)bus_request(o->run->bus, &dst, &q.base, &opts, on_reply, o);
}

static bool all_done(void *arg)
{
    const struct run *r = arg;

    return r->done == r->want;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Returns requests per second; percentiles in us. */
static double measure(struct bus *bus, int64_t window, int64_t want, double pct[2], int64_t *failed)
{
    static struct run r;
    int64_t start_us;
    double seconds;

    memset(&r, 0, sizeof(r));
    r.bus = bus;
    r.window = window;
    r.want = want;
    start_us = loop_now_us();
    for (int64_t i = 0; i < window; i++) {
        slots[i].run = &r;
        ask(&slots[i]);
    }
    if (!busfix_run_until(fix, all_done, &r, 120000))
        (void)fprintf(stderr, "unfinished\n");
    seconds = (double)(loop_now_us() - start_us) / 1e6;
    qsort(r.lat_us, (size_t)r.n_lat, sizeof(double), by_value);
    pct[0] = r.lat_us[r.n_lat / 2];
    pct[1] = r.lat_us[(int)((double)r.n_lat * 0.99)];
    *failed += r.failed;
    return (double)r.done / seconds;
}

/* --- a fixed rate: the latency that a lightly loaded system shows
 * --------------------------------- */

static double paced(struct bus *bus, double pct[2], int64_t *failed)
{
    static struct run r;
    static struct one ones[SAMPLES];
    int64_t start_us = loop_now_us();

    memset(&r, 0, sizeof(r));
    r.bus = bus;
    r.want = 3 * RATE;
    while (r.done < r.want && loop_now_us() - start_us < 60000000) {
        while (r.sent < r.want && (loop_now_us() - start_us) * RATE / 1000000 > r.sent) {
            struct one *o = &ones[r.sent];

            o->run = &r;
            ask(o);
        }
        (void)uv_run(busfix_loop(fix), UV_RUN_NOWAIT);
        (void)usleep(50);
    }
    qsort(r.lat_us, (size_t)r.n_lat, sizeof(double), by_value);
    pct[0] = r.lat_us[r.n_lat / 2];
    pct[1] = r.lat_us[(int)((double)r.n_lat * 0.99)];
    *failed += r.failed;
    return (double)r.done * 1e6 / (double)(loop_now_us() - start_us);
}

static void line(const char *tap, struct bus *bus, int64_t n)
{
    double one[2], many[2], steady[2], rate, ignored[2];
    int64_t failed = 0;

    (void)measure(bus, 32, n / 10, ignored, &failed); /* warm up */
    (void)measure(bus, 1, n / 10, one, &failed);
    rate = measure(bus, WINDOW, n, many, &failed);
    (void)paced(bus, steady, &failed);
    (void)printf("%-10s | %8.0f req/s, p99 %6.0f us | one by one p50 %4.0f p99 %5.0f us | "
                 "%d/s p50 %4.0f p99 %5.0f us | failed %lld\n",
                 tap, rate, many[1], one[0], one[1], RATE, steady[0], steady[1], (long long)failed);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    int64_t n = 100000;
    pid_t callbridge, tap;
    struct bus *bus;

    if (argc > 1 && str_to_i64(argv[1], 1000, 100000000, &n)) {
        (void)fprintf(stderr, "Usage: bench_bus [requests]\n");
        return 64;
    }
    fix = busfix_new("inside");
    callbridge = start_callbridge();
    bus = busfix_connect(fix, "webbridge");
    busfix_run_for(fix, 1800); /* the callbridge is there, busd's grace time is over */
    (void)printf("CURVE over ipc, window %d, %lld requests\ntap        | pipelined\n", WINDOW,
                 (long long)n);
    line("none", bus, n);
    tap = start_bustap();
    busfix_run_for(fix, 1000);
    line("read", bus, n);
    (void)kill(tap, SIGSTOP);
    line("stuck", bus, n);
    stop(tap);
    bus_free(&bus);
    stop(callbridge);
    busfix_free(&fix);
    return 0;
}
