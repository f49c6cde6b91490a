#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A meeting through the edge, with two TURN instances, while parts of it go: see kills.test.mjs.
export LAB_PAGE=yes LAB_TURN_PORTS=3478-3479
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_stoa_up 2
browse kills.test.mjs
[ "$(count fw-in out_in_started)" = 0 ] || fail "the edge has started $(count fw-in out_in_started) packets to the inside"
self_check_again
ok "nothing leaks, as before"
