/* SPDX-License-Identifier: Apache-2.0
 * What expe looks at for `stoa doctor`. The daemon's user is the struct expe. */
#ifndef EXPE_DOCTOR_H
#define EXPE_DOCTOR_H

#include <daemon/check.h>

enum { EXPE_CHECKS = 11, EXPE_CHECK_NAMES = 32 };

extern const struct daemon_check_def expe_checks[EXPE_CHECKS];

/* --- doctor_names.c: the external names ------------------------------------------------------- */

void expe_check_dns(struct daemon_check *c);  /* DNS-1 */
void expe_check_cert(struct daemon_check *c); /* CRT-1, CRT-2, CRT-4 */
void expe_check_host(struct daemon_check *c); /* HT-1 */
void expe_check_page(struct daemon_check *c); /* HT-3 */

/* --- doctor_zones.c --------------------------------------------------------------------------- */

void expe_check_tcp(struct daemon_check *c);     /* TUN-1 */
void expe_check_login(struct daemon_check *c);   /* TUN-2 */
void expe_check_subject(struct daemon_check *c); /* TUN-3 */
void expe_check_clock(struct daemon_check *c);   /* TUN-8 */
void expe_check_domains(struct daemon_check *c); /* TUN-9 */

#endif
