/* SPDX-License-Identifier: Apache-2.0
 * What expc looks at for `stoa doctor`. The daemon's user is the struct expc. */
#ifndef EXPC_DOCTOR_H
#define EXPC_DOCTOR_H

#include <daemon/check.h>

enum { EXPC_CHECKS = 9 };

extern const struct daemon_check_def expc_checks[EXPC_CHECKS];

/* --- doctor_targets.c: where the client URIs lead ---------------------------------------------- */

void expc_check_dns(struct daemon_check *c);     /* DNS-2 */
void expc_check_host(struct daemon_check *c);    /* HT-1 */
void expc_check_targets(struct daemon_check *c); /* HT-3 */

/* --- doctor_zones.c: the zones and their tunnels ---------------------------------------------- */

void expc_check_expired(struct daemon_check *c); /* CRT-4: a certificate of a zone */
void expc_check_tcp(struct daemon_check *c);     /* TUN-1 */
void expc_check_login(struct daemon_check *c);   /* TUN-2 */
void expc_check_names(struct daemon_check *c);   /* TUN-3 */
void expc_check_clock(struct daemon_check *c);   /* TUN-8 */
void expc_check_domains(struct daemon_check *c); /* TUN-9 */

#endif
