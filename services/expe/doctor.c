/* SPDX-License-Identifier: Apache-2.0
 * The checks of expe for `stoa doctor`. */
#include "doctor.h"

const struct daemon_check_def expe_checks[EXPE_CHECKS] = {
    { "DNS-1", expe_check_dns },   { "CRT-1", expe_check_cert },  { "CRT-2", expe_check_cert },
    { "CRT-4", expe_check_cert },  { "HT-1", expe_check_host },   { "HT-3", expe_check_page },
    { "TUN-1", expe_check_tcp },   { "TUN-2", expe_check_login }, { "TUN-3", expe_check_subject },
    { "TUN-8", expe_check_clock }, { "TUN-9", expe_check_domains },
};
