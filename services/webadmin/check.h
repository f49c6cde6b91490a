/* SPDX-License-Identifier: Apache-2.0
 * webadmin's table for `stoa doctor`. The daemon's user is the struct webadmin. */
#ifndef WEBADMIN_CHECK_H
#define WEBADMIN_CHECK_H

#include <daemon/check.h>

enum { WA_CHECKS = 3 };

extern const struct daemon_check_def wa_checks[WA_CHECKS];

#endif
