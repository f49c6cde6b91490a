/* SPDX-License-Identifier: Apache-2.0
 * What one SRTP packet costs: rtpsec beside libsrtp2 in one run.
 *
 * Rounds of both alternate, so that a slow moment of the machine hits both; the result is the
 * ratio of the medians of CPU time. Build it in the release preset. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <srtp2/srtp.h>

#include <base/attr.h>
#include <evp/rand.h>
#include <rtpsec/rtpsec.h>

#define PACKET_B 1100
#define ROOM_B (PACKET_B + 32)
#define BATCH 512
#define ROUNDS_MIN 7
#define ROUNDS_MAX 101

struct job {
    const char *name;
    enum rtpsec_profile profile;
    bool protects;
};

static const struct job jobs[] = {
    { "AES_CM_128_HMAC_SHA1_80 protect", RTPSEC_AES_CM_128_HMAC_SHA1_80, true },
    { "AES_CM_128_HMAC_SHA1_80 unprotect", RTPSEC_AES_CM_128_HMAC_SHA1_80, false },
    { "AEAD_AES_128_GCM protect", RTPSEC_AEAD_AES_128_GCM, true },
    { "AEAD_AES_128_GCM unprotect", RTPSEC_AEAD_AES_128_GCM, false },
    { "AEAD_AES_256_GCM protect", RTPSEC_AEAD_AES_256_GCM, true },
    { "AEAD_AES_256_GCM unprotect", RTPSEC_AEAD_AES_256_GCM, false },
};

struct result {
    double ours_ns, theirs_ns;
};

/* One side of one round: its contexts and the sequence number reached. */
struct side {
    struct rtpsec *out, *in;
    srtp_t peer_out, peer_in;
    uint16_t seq;
};

static uint8_t packets[BATCH][ROOM_B];
static int lengths[BATCH];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_srtp: %s failed\n", what);
    exit(1);
}

static int64_t cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void fill(struct side *s)
{
    for (size_t i = 0; i < BATCH; i++, s->seq++) {
        memset(packets[i], (int)i, PACKET_B);
        memcpy(packets[i], "\x80\x60", 2);
        packets[i][2] = (uint8_t)(s->seq >> 8);
        packets[i][3] = (uint8_t)s->seq;
        memset(packets[i] + 8, 1, 4);
        lengths[i] = PACKET_B;
    }
}

static void ours(struct side *s, bool protects)
{
    for (size_t i = 0; i < BATCH; i++) {
        ssize_t n = protects ? rtpsec_protect_rtp(s->out, packets[i], PACKET_B, ROOM_B) :
                               rtpsec_unprotect_rtp(s->in, packets[i], (size_t)lengths[i]);

        if (n < 0)
            die(protects ? "rtpsec_protect_rtp" : "rtpsec_unprotect_rtp");
        lengths[i] = (int)n;
    }
}

static void theirs(struct side *s, bool protects)
{
    for (size_t i = 0; i < BATCH; i++)
        if ((protects ? srtp_protect(s->peer_out, packets[i], &lengths[i]) :
                        srtp_unprotect(s->peer_in, packets[i], &lengths[i])) != srtp_err_status_ok)
            die(protects ? "srtp_protect" : "srtp_unprotect");
}

/* Protects and unprotects `batches` batches; returns the CPU time of one packet of the half asked
 * for. */
static double round_ns(struct side *s, void (*work)(struct side *, bool), bool protects,
                       int batches)
{
    int64_t sum = 0;

    for (int b = 0; b < batches; b++) {
        int64_t t0, t1, t2;

        fill(s);
        t0 = cpu_ns();
        work(s, true);
        t1 = cpu_ns();
        work(s, false);
        t2 = cpu_ns();
        sum += protects ? t1 - t0 : t2 - t1;
    }
    return (double)sum / batches / BATCH;
}

static srtp_t peer_new(enum rtpsec_profile profile, uint8_t *master, srtp_ssrc_type_t type)
{
    srtp_policy_t policy;
    srtp_t peer;

    memset(&policy, 0, sizeof(policy));
    if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, (srtp_profile_t)profile) != 0 ||
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, (srtp_profile_t)profile) != 0)
        die("libsrtp2 profile");
    policy.ssrc.type = type;
    policy.key = master;
    policy.window_size = RTPSEC_WINDOW;
    if (srtp_create(&peer, &policy) != srtp_err_status_ok)
        die("srtp_create");
    return peer;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), compare);
    return v[n / 2];
}

static struct result measure(const struct job *job, int rounds, int batches)
{
    uint8_t master[RTPSEC_MASTER_SIZE_MAX];
    double a[ROUNDS_MAX], b[ROUNDS_MAX];
    struct side s = { 0 }, p = { 0 };

    evp_random(master, sizeof(master));
    s.out = rtpsec_new(job->profile, master, RTPSEC_OUT);
    s.in = rtpsec_new(job->profile, master, RTPSEC_IN);
    p.peer_out = peer_new(job->profile, master, ssrc_any_outbound);
    p.peer_in = peer_new(job->profile, master, ssrc_any_inbound);
    round_ns(&s, ours, job->protects, 2); /* warm caches */
    round_ns(&p, theirs, job->protects, 2);
    for (int i = 0; i < rounds; i++) {
        a[i] = round_ns(&s, ours, job->protects, batches);
        b[i] = round_ns(&p, theirs, job->protects, batches);
    }
    rtpsec_free(s.out);
    rtpsec_free(s.in);
    srtp_dealloc(p.peer_out);
    srtp_dealloc(p.peer_in);
    return (struct result){ median(a, rounds), median(b, rounds) };
}

static void print(const struct job *job, struct result r, bool json, bool last)
{
    if (json)
        printf("    {\"name\": \"%s\", \"rtpsec_ns\": %.0f, \"libsrtp2_ns\": %.0f, "
               "\"ratio\": %.3f}%s\n",
               job->name, r.ours_ns, r.theirs_ns, r.ours_ns / r.theirs_ns, last ? "" : ",");
    else
        printf("%-36s %10.0f %10.0f %8.2f\n", job->name, r.ours_ns, r.theirs_ns,
               r.ours_ns / r.theirs_ns);
    fflush(stdout);
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_srtp [--json] [--rounds N] [--batches N]\n"
                    "CPU time of one RTP packet of %d bytes, rtpsec beside libsrtp2.\n"
                    "Rounds of both alternate (%d to %d, default 9); a batch has %d packets.\n",
            PACKET_B, ROUNDS_MIN, ROUNDS_MAX, BATCH);
    return 2;
}

int main(int argc, char **argv)
{
    int rounds = 9, batches = 40;
    bool json = false;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            json = true;
        else if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
            rounds = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--batches") && i + 1 < argc)
            batches = atoi(argv[++i]);
        else
            return usage();
    }
    if (rounds < ROUNDS_MIN || rounds > ROUNDS_MAX || batches < 1)
        return usage();
    if (srtp_init() != srtp_err_status_ok)
        die("srtp_init");
    if (json)
        printf("{\"bench\": \"srtp\", \"packet_b\": %d, \"rounds\": %d, \"libsrtp\": \"%s\", "
               "\"rows\": [\n",
               PACKET_B, rounds, srtp_get_version_string());
    else
        printf("%s, %d rounds\n%-36s %10s %10s %8s\n", srtp_get_version_string(), rounds,
               "ns CPU per packet, median", "rtpsec", "libsrtp2", "ratio");
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
        print(&jobs[i], measure(&jobs[i], rounds, batches), json, i + 1 == ARRAY_LEN(jobs));
    if (json)
        printf("]}\n");
    srtp_shutdown();
    return 0;
}
