/* SPDX-License-Identifier: Apache-2.0
 * What a callbridge looks at for `stoa doctor`: its web bridge links and the TURN servers. The
 * daemon's user is the struct callbridge. */
#ifndef CALLBRIDGE_CHECK_H
#define CALLBRIDGE_CHECK_H

#include <daemon/check.h>

enum { CALLBRIDGE_CHECKS = 7 };

/* check.c: the table. */
extern const struct daemon_check_def callbridge_checks[CALLBRIDGE_CHECKS];

/* --- check_web.c ------------------------------------------------------------------------------ */

void check_web_reach(struct daemon_check *c); /* WB-1 */
void check_web_trust(struct daemon_check *c); /* WB-2 */

/* --- check_turn.c ----------------------------------------------------------------------------- */

void check_turn_login(struct daemon_check *c);   /* TRN-1 */
void check_turn_media(struct daemon_check *c);   /* TRN-10 */
void check_turn_relayed(struct daemon_check *c); /* TRN-12 */
void check_turn_reach(struct daemon_check *c);   /* TRN-13 */
void check_turn_urls(struct daemon_check *c);    /* TRN-15 */

/* --- check_hops.c ----------------------------------------------------------------------------- */

/* How media of the guests who are outside now comes; for each zone a sentence, none is wrong. */
void check_hops(struct daemon_check *c);

#endif
