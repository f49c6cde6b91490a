#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The guide's troubleshooting section, case by case: see guide.test.mjs.
export LAB_PAGE=yes
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_stoa_up
browse guide.test.mjs
self_check_again
ok "nothing leaks, as before"
