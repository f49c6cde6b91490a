/* SPDX-License-Identifier: Apache-2.0
 * The files with which a callbridge goes to web bridges: its certificate and key, and whom it
 * trusts. */
#ifndef CALLBRIDGE_WBCERT_H
#define CALLBRIDGE_WBCERT_H

#include <stdint.h>

struct daemon;

/* A number that changes when one of the files does. */
int64_t wbcert_stamp(const char *pki_dir);

/* Says which certificate is in use, and opens or closes the fault "callBridgeCertificate": a pair
 * that does not belong together, is unreadable or has expired. No certificate is none; the web
 * bridges will say so. */
void wbcert_tell(struct daemon *d, const char *pki_dir);

#endif
