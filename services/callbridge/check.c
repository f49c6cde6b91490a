/* SPDX-License-Identifier: Apache-2.0
 * The checks of a callbridge for `stoa doctor`. */
#include "check.h"

const struct daemon_check_def callbridge_checks[CALLBRIDGE_CHECKS] = {
    { "WB-1", check_web_reach },     { "WB-2", check_web_trust },
    { "TRN-1", check_turn_login },   { "TRN-10", check_turn_media },
    { "TRN-12", check_turn_relayed }, { "TRN-13", check_turn_reach },
    { "TRN-15", check_turn_urls },
};
