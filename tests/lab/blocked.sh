#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The guide's meeting from networks that let little through: see blocked.test.mjs.
export LAB_PAGE=yes
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_stoa_up
browse blocked.test.mjs
self_check_again
ok "nothing leaks, as before"
