/* SPDX-License-Identifier: Apache-2.0
 * The checks of expc for `stoa doctor`. */
#include "doctor.h"

const struct daemon_check_def expc_checks[EXPC_CHECKS] = {
    { "DNS-2", expc_check_dns },   { "HT-1", expc_check_host },    { "HT-3", expc_check_targets },
    { "CRT-4", expc_check_expired }, { "TUN-1", expc_check_tcp },  { "TUN-2", expc_check_login },
    { "TUN-3", expc_check_names }, { "TUN-8", expc_check_clock }, { "TUN-9", expc_check_domains },
};
