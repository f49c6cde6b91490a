/* SPDX-License-Identifier: Apache-2.0
 * Certificate and key of a server, watched by looking. */
#include <daemon/cert.h>

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <base/mem.h>
#include <daemon/daemon.h>
#include <log/log.h>
#include <loop/timer.h>
#include <pki/file.h>

enum { LOOK_MS = 2000 };

struct daemon_cert {
    struct daemon *d;
    char *name, *cert_path, *key_path, *fault;
    int (*use)(void *arg, struct str *why);
    void *arg;
    struct loop_timer *timer;
    int64_t stamp; /* of the files in use */
    int64_t seen;  /* of the files at the last look */
};

int daemon_cert_check(const char *cert_path, const char *key_path, struct str *why)
{
    struct pki_pair pair = { 0 };
    struct pki_err err;

    if (pki_file_load_pair(&pair, cert_path, key_path, time(NULL), &err) != 0) {
        str_addf(why, "The certificate %s or its key cannot be used: %s", cert_path, err.text);
        return -EACCES;
    }
    pki_pair_fini(&pair);
    return 0;
}

/* Tells the status which certificate new connections see. */
static void tell(const struct daemon_cert *c)
{
    struct pki_info info = { 0 };
    char *pem = NULL;

    if (pki_file_load(&pem, c->cert_path, NULL) == 0 &&
        pki_inspect(&info, pem, time(NULL), NULL) == 0)
        daemon_cert_in_use(c->d, c->name, info.sha256, info.not_after_s);
    pki_info_fini(&info);
    free(pem);
}

/* Changes when either file does; 0 when one is missing. */
static int64_t stamp(const struct daemon_cert *c)
{
    int64_t cert = pki_file_stamp(c->cert_path), key = pki_file_stamp(c->key_path);

    return cert == 0 || key == 0 ? 0 : (int64_t)(((uint64_t)cert * 31 + (uint64_t)key) | 1);
}

void daemon_cert_reload(struct daemon_cert *c)
{
    struct str why = { 0 };
    int err;

    c->stamp = stamp(c);
    err = daemon_cert_check(c->cert_path, c->key_path, &why);
    if (!err)
        err = c->use(c->arg, &why);
    if (!err) {
        tell(c);
        log_info("certificate %s: in use for new connections", c->cert_path);
        daemon_fault_clear(c->d, c->fault, c->cert_path);
    } else {
        daemon_fault_raise(c->d, c->fault, c->cert_path, "%s. The old one stays in use.", why.s);
    }
    str_fini(&why);
}

/* A pair is written in two steps: only what looked the same twice is taken. */
static void on_look(void *arg)
{
    struct daemon_cert *c = arg;
    int64_t now = stamp(c);
    bool settled = now == c->seen;

    c->seen = now;
    if (now != 0 && settled && now != c->stamp)
        daemon_cert_reload(c);
}

struct daemon_cert *daemon_cert_new(struct daemon *d, const struct daemon_cert_opts *o)
{
    struct daemon_cert *c = MEM_NEW(struct daemon_cert);

    c->d = d;
    c->name = str_dup(o->name);
    c->cert_path = str_dup(o->cert_path);
    c->key_path = str_dup(o->key_path);
    c->fault = str_dup(o->fault);
    c->use = o->use;
    c->arg = o->arg;
    c->stamp = c->seen = stamp(c);
    tell(c);
    c->timer = loop_timer_new(d->loop, on_look, c);
    loop_timer_start(c->timer, LOOK_MS, LOOK_MS);
    return c;
}

void daemon_cert_free(struct daemon_cert **cp)
{
    struct daemon_cert *c = *cp;

    if (!c)
        return;
    *cp = NULL;
    loop_timer_free(&c->timer);
    free(c->name);
    free(c->cert_path);
    free(c->key_path);
    free(c->fault);
    free(c);
}
