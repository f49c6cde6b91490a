/* SPDX-License-Identifier: Apache-2.0
 * Logins. Several requests with one login wait for one check: scripts open connections side by
 * side. */
#include "auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <base/bucket.h>
#include <base/hex.h>
#include <base/map.h>
#include <base/mem.h>
#include <base/str.h>
#include <evp/hash.h>
#include <evp/password.h>
#include <evp/rand.h>
#include <loop/clock.h>

enum { KEY_SIZE = EVP_SHA256_SIZE };

struct auth {
    uv_loop_t *loop;
    uint8_t secret[KEY_SIZE];             /* of this process: for keys and buckets */
    char nobody[EVP_PASSWORD_TEXT_SIZE];  /* what unknown users are checked against */
    struct map *known;                    /* key of a right login -> int64_t: until when */
    struct list waiting;                  /* struct job, in order */
    struct list running_jobs;
    size_t n_waiting, n_running;
    uv_sem_t done;                        /* posted by each check that has run */
    bool ending;
    struct bucket sources[WA_SOURCES], users[WA_SOURCES];
};

/* One check. */
struct job {
    struct list node;
    uv_work_t work;
    struct auth *auth;
    struct list waits;
    uint8_t key[KEY_SIZE];
    char *stored, *password;
    bool known_user, right;
};

/* --- header ----------------------------------------------------------------------------------- */

int auth_login_parse(struct auth_login *out, const char *header)
{
    static const char scheme[] = "Basic ";
    ssize_t len;
    char *colon;

    *out = (struct auth_login){ 0 };
    if (strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
        return -EINVAL;
    header += sizeof(scheme) - 1;
    header += strspn(header, " ");
    len = base64_decode(out->text, sizeof(out->text) - 1, header, strcspn(header, " "));
    colon = len > 0 ? memchr(out->text, ':', (size_t)len) : NULL;
    if (!colon || strlen(out->text) != (size_t)len || !str_utf8_ok(out->text, (size_t)len)) {
        auth_login_fini(out);
        return -EINVAL;
    }
    *colon = '\0';
    out->name = out->text;
    out->password = colon + 1;
    return 0;
}

void auth_login_fini(struct auth_login *l)
{
    evp_wipe(l, sizeof(*l));
}

/* --- brakes ----------------------------------------------------------------------------------- */

/* The bucket of some bytes. Those who share one by chance slow each other, which is the price for
 * memory that nobody can fill. */
static struct bucket *bucket_of(struct auth *a, struct bucket *table, const struct addr *from,
                                const char *name)
{
    size_t ip_len = from->family == ADDR_V6 ? 8 : addr_ip_len(from);
    const struct evp_bytes parts[] = { EVP_BYTES(from->ip, ip_len),
                                       EVP_BYTES(name, strlen(name)) };
    uint8_t hash[KEY_SIZE];
    uint32_t n;

    evp_hmac_sha256_parts(hash, EVP_BYTES(a->secret, KEY_SIZE), parts, ARRAY_LEN(parts));
    memcpy(&n, hash, sizeof(n));
    return &table[n % WA_SOURCES];
}

static bool may_try(struct auth *a, const struct addr *from, const char *name)
{
    int64_t now_ms = loop_now_ms();

    return bucket_take(bucket_of(a, a->users, from, name), now_ms) &&
           bucket_take(bucket_of(a, a->sources, from, ""), now_ms);
}

/* --- what is known ---------------------------------------------------------------------------- */

/* Covers the stored hash: a changed password is another key. */
static void key_of(const struct auth *a, uint8_t key[KEY_SIZE], const struct auth_login *l,
                   const char *stored)
{
    const struct evp_bytes parts[] = {
        EVP_BYTES(stored, strlen(stored) + 1),
        EVP_BYTES(l->name, strlen(l->name) + 1),
        EVP_BYTES(l->password, strlen(l->password) + 1),
    };

    evp_hmac_sha256_parts(key, EVP_BYTES(a->secret, KEY_SIZE), parts, ARRAY_LEN(parts));
}

static bool is_known(struct auth *a, const uint8_t key[KEY_SIZE])
{
    int64_t *until_ms = map_get_bytes(a->known, key, KEY_SIZE);

    if (!until_ms)
        return false;
    if (loop_now_ms() < *until_ms)
        return true;
    free(map_del_bytes(a->known, key, KEY_SIZE));
    return false;
}

static void forget_known(struct auth *a)
{
    const char *key;
    void *value;
    size_t it = 0;

    while (map_next(a->known, &it, &key, &value)) {
        (void)map_del_bytes(a->known, key, KEY_SIZE);
        free(value);
    }
}

static void know(struct auth *a, const uint8_t key[KEY_SIZE])
{
    int64_t *until_ms = MEM_NEW(int64_t);

    if (map_count(a->known) >= WA_KNOWN_MAX)
        forget_known(a); /* everybody is checked once more */
    *until_ms = loop_now_ms() + WA_KNOWN_MS;
    free(map_put_bytes(a->known, key, KEY_SIZE, until_ms));
}

/* --- checks ----------------------------------------------------------------------------------- */

static void job_free(struct job *j)
{
    struct list *it, *tmp;

    list_del(&j->node);
    LIST_EACH(it, tmp, &j->waits)
        list_del(it);
    evp_text_free(&j->password);
    free(j->stored);
    free(j);
}

/* In a thread of libuv: touches the job alone. */
static void check(uv_work_t *work)
{
    struct job *j = work->data;

    j->right = evp_password_verify(j->stored, j->password) && j->known_user;
    uv_sem_post(&j->auth->done);
}

static void start_next(struct auth *a);

static void finish(struct auth *a)
{
    uv_sem_destroy(&a->done);
    forget_known(a);
    map_free(a->known);
    evp_wipe(a, sizeof(*a));
    free(a);
}

static void on_checked(uv_work_t *work, int status)
{
    struct job *j = work->data;
    struct auth *a = j->auth;
    enum auth_result result = j->right ? AUTH_OK : AUTH_WRONG;
    struct list waits;

    (void)status;
    a->n_running--;
    if (a->ending) {
        job_free(j);
        if (a->n_running == 0)
            finish(a);
        return;
    }
    uv_sem_wait(&a->done); /* has been posted */
    if (j->right)
        know(a, j->key);
    list_init(&waits);
    while (!list_empty(&j->waits)) {
        struct list *n = j->waits.next;

        list_del(n);
        list_add_tail(&waits, n);
    }
    job_free(j);
    start_next(a);
    /* A callback may make others give up: one at a time, from the front. */
    while (!list_empty(&waits)) {
        struct auth_wait *w = LIST_ENTRY(waits.next, struct auth_wait, node);

        list_del(&w->node);
        w->fn(w->arg, result);
    }
}

static void start_next(struct auth *a)
{
    while (a->n_running < WA_CHECKS_AT_A_TIME && a->n_waiting > 0) {
        struct job *j = LIST_ENTRY(a->waiting.next, struct job, node);

        a->n_waiting--;
        list_del(&j->node);
        list_add_tail(&a->running_jobs, &j->node);
        a->n_running++;
        j->work.data = j;
        (void)uv_queue_work(a->loop, &j->work, check, on_checked); /* fails for NULL alone */
    }
}

static struct job *find_job(struct list *jobs, const uint8_t key[KEY_SIZE])
{
    struct list *it, *tmp;

    LIST_EACH(it, tmp, jobs) {
        struct job *j = LIST_ENTRY(it, struct job, node);

        if (evp_ct_equal(j->key, key, KEY_SIZE))
            return j;
    }
    return NULL;
}

static struct job *job_new(struct auth *a, const uint8_t key[KEY_SIZE],
                           const struct auth_login *login, const char *stored)
{
    struct job *j = MEM_NEW(struct job);

    j->auth = a;
    list_init(&j->waits);
    memcpy(j->key, key, KEY_SIZE);
    j->known_user = stored != NULL;
    j->stored = str_dup(stored ? stored : a->nobody);
    j->password = str_dup(login->password);
    list_add_tail(&a->waiting, &j->node);
    a->n_waiting++;
    return j;
}

enum auth_result auth_check(struct auth *a, struct auth_wait *wait, const struct addr *from,
                            const struct auth_login *login, const char *stored)
{
    uint8_t key[KEY_SIZE];
    struct job *j;

    key_of(a, key, login, stored ? stored : a->nobody);
    if (is_known(a, key))
        return AUTH_OK;
    j = find_job(&a->running_jobs, key);
    if (!j)
        j = find_job(&a->waiting, key);
    if (!j) {
        if (!may_try(a, from, login->name))
            return AUTH_SLOW;
        if (a->n_waiting >= WA_CHECKS_WAITING)
            return AUTH_BUSY;
        j = job_new(a, key, login, stored);
    }
    list_add_tail(&j->waits, &wait->node);
    start_next(a);
    return AUTH_PENDING;
}

void auth_forget(struct auth_wait *wait)
{
    if (wait->node.next)
        list_del(&wait->node);
}

/* --- life ------------------------------------------------------------------------------------- */

struct auth *auth_new(uv_loop_t *loop)
{
    struct auth *a = MEM_NEW(struct auth);
    uint8_t random[16];
    char password[2 * sizeof(random) + 1];
    int64_t now_ms = loop_now_ms();

    a->loop = loop;
    a->known = map_new();
    list_init(&a->waiting);
    list_init(&a->running_jobs);
    (void)uv_sem_init(&a->done, 0);
    evp_random(a->secret, sizeof(a->secret));
    evp_random(random, sizeof(random));
    evp_password_hash(a->nobody, hex_encode(password, random, sizeof(random)));
    for (size_t i = 0; i < WA_SOURCES; i++) {
        bucket_init(&a->sources[i], WA_TRIES_PER_S, WA_TRIES_BURST, now_ms);
        bucket_init(&a->users[i], WA_USER_TRIES_PER_S, WA_USER_TRIES_BURST, now_ms);
    }
    return a;
}

void auth_free(struct auth **ap)
{
    struct auth *a = *ap;
    struct list *it, *tmp;

    if (!a)
        return;
    *ap = NULL;
    a->ending = true;
    LIST_EACH(it, tmp, &a->waiting)
        job_free(LIST_ENTRY(it, struct job, node));
    LIST_EACH(it, tmp, &a->running_jobs) {
        struct job *j = LIST_ENTRY(it, struct job, node);

        while (!list_empty(&j->waits))
            list_del(j->waits.next);
        uv_sem_wait(&a->done);
    }
    if (a->n_running == 0)
        finish(a);
}
