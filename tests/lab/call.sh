#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The guide's meeting through the edge, with all that is promised of it: see call.test.mjs. Beside the pages, what
# leaves the edge is searched for inside addresses.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_stoa_up
ok "inside, edge and zone are up: $(stoa --version 2>/dev/null || true)"
inside=(172.16.85.180 172.16.85.167 172.16.85.162 172.16.85.50 172.16.85.168 172.16.85.2)
capture expe lan2 10.88.246.156 "${inside[@]}"
browse call.test.mjs
capture_end
for address in "${inside[@]}"; do
  [ "$(captured "$address")" = 0 ] || fail "$address is seen outside: $(grep "^$address " "$work/captured.txt")"
done
[ "$(captured 10.88.246.156)" -gt 0 ] || fail "the capture has not seen a TURN server's answer"
ok "no inside address in what leaves the edge: $(head -n 1 "$work/captured.txt")"
self_check_again
ok "nothing leaks, as before"
