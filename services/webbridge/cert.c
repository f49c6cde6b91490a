/* SPDX-License-Identifier: Apache-2.0
 * Certificate and key: checked before use, looked at every few seconds, taken over when they
 * change. Connections keep what they began with. */
#include "webbridge.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <daemon/daemon.h>
#include <log/log.h>
#include <loop/timer.h>
#include <pki/file.h>

enum { LOOK_MS = 2000 };

static const char fault[] = "webBridgeCertificate";

int wb_cert_check(const struct webbridge *wb, struct str *why)
{
    struct pki_pair pair = { 0 };
    struct pki_err err;
    if (pki_file_load_pair(&pair, wb->cert_path, wb->key_path, time(NULL), &err) != 0) {
        str_addf(why, "The certificate %s or its key cannot be used: %s", wb->cert_path, err.text);
        return -EACCES;
    }
    pki_pair_fini(&pair);
    return 0;
}

void wb_cert_tell(const struct webbridge *wb)
{
    struct pki_info info = { 0 };
    char *pem = NULL;
    if (wb->daemon != NULL && pki_file_load(&pem, wb->cert_path, NULL) == 0 &&
        pki_inspect(&info, pem, time(NULL), NULL) == 0)
        daemon_cert_in_use(wb->daemon, "webbridge.crt", info.sha256, info.not_after_s);
    pki_info_fini(&info);
    free(pem);
}

/* Changes when either file does; 0 when one is missing. */
static int64_t stamp(const struct webbridge *wb)
{
    int64_t cert = pki_file_stamp(wb->cert_path), key = pki_file_stamp(wb->key_path);
    return cert == 0 || key == 0 ? 0 : (int64_t)(((uint64_t)cert * 31 + (uint64_t)key) | 1);
}

void wb_cert_reload(struct webbridge *wb)
{
    struct str why = { 0 };
    wb->cert_stamp = stamp(wb);
    if (wb_server_reload_cert(wb, &why) == 0) {
        wb_cert_tell(wb);
        log_info("certificate %s: in use for new connections", wb->cert_path);
        if (wb->daemon != NULL)
            daemon_fault_clear(wb->daemon, fault, wb->cert_path);
    } else if (wb->daemon != NULL) {
        daemon_fault_raise(wb->daemon, fault, wb->cert_path, "%s. The old one stays in use.",
                           why.s);
    }
    str_fini(&why);
}

/* A pair is written in two steps: only what looked the same twice is taken. */
static void on_look(void *arg)
{
    struct webbridge *wb = arg;
    int64_t now = stamp(wb);
    bool settled = now == wb->cert_seen;
    wb->cert_seen = now;
    if (now != 0 && settled && now != wb->cert_stamp)
        wb_cert_reload(wb);
}

void wb_cert_watch_start(struct webbridge *wb)
{
    wb->cert_stamp = wb->cert_seen = stamp(wb);
    wb_cert_tell(wb);
    wb->cert_timer = loop_timer_new(wb->loop, on_look, wb);
    loop_timer_start(wb->cert_timer, LOOK_MS, LOOK_MS);
}

void wb_cert_watch_stop(struct webbridge *wb)
{
    loop_timer_free(&wb->cert_timer);
}
