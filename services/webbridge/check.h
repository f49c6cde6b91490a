/* SPDX-License-Identifier: Apache-2.0
 * webbridge's table for `stoa doctor`. The daemon's user is the struct webbridge. */
#ifndef WEBBRIDGE_CHECK_H
#define WEBBRIDGE_CHECK_H

#include <daemon/check.h>

enum { WB_CHECKS = 4 };

extern const struct daemon_check_def wb_checks[WB_CHECKS];

#endif
