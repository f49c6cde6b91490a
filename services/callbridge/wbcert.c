/* SPDX-License-Identifier: Apache-2.0
 * Looks at the certificate files; links read them by themselves. */
#include "wbcert.h"

#include <stdlib.h>
#include <time.h>

#include <base/str.h>
#include <daemon/daemon.h>
#include <pki/file.h>

static const char fault[] = "callBridgeCertificate";

int64_t wbcert_stamp(const char *pki_dir)
{
    static const char *const files[] = { "callbridge.crt", "callbridge.key", "callbridge.bundle",
                                         "ca.crt" };
    uint64_t sum = 1;

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        char *path = str_printf("%s/%s", pki_dir, files[i]);

        sum = sum * 31 + (uint64_t)pki_file_stamp(path);
        free(path);
    }
    return (int64_t)sum;
}

void wbcert_tell(struct daemon *d, const char *pki_dir)
{
    char *cert = str_printf("%s/callbridge.crt", pki_dir);
    char *key = str_printf("%s/callbridge.key", pki_dir), *pem = NULL;
    struct pki_pair pair = { 0 };
    struct pki_info info = { 0 };
    struct pki_err err = { "" };

    if (pki_file_stamp(cert) == 0) {
        daemon_fault_clear(d, fault, cert);
        goto out;
    }
    if (pki_file_load_pair(&pair, cert, key, (int64_t)time(NULL), &err) == 0)
        daemon_fault_clear(d, fault, cert);
    else
        daemon_fault_raise(d, fault, cert, "The certificate %s or its key cannot be used: %s", cert,
                           err.text);
    if (pki_file_load(&pem, cert, NULL) == 0 &&
        pki_inspect(&info, pem, (int64_t)time(NULL), NULL) == 0)
        daemon_cert_in_use(d, "callbridge.crt", info.sha256, info.not_after_s);
out:
    pki_info_fini(&info);
    pki_pair_fini(&pair);
    free(pem);
    free(cert);
    free(key);
}
