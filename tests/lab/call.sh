#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The guide's meeting through the edge, with all that is promised of it: see call.test.mjs. Beside the pages, both
# sides of the edge are searched for inside addresses.
export LAB_PAGE=yes LAB_HIDE=yes
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_stoa_up
ok "inside, edge and zone are up"
hosts=(172.16.85.180 172.16.85.167 172.16.85.162 172.16.85.50)
for address in "${hosts[@]}"; do
  if net expe ip route get "$address" 2>/dev/null; then fail "the edge has a route to $address"; fi
done
ok "the edge has no route to any host inside"

# Who listens where: on LAN2 what guests need, nothing on every address.
listens=$(net expe ss -Hltun | awk '{ print $1, $5 }' | sort -u)
outside=$(awk '$2 ~ /^192\.168\.245\.61:/ { sub(/.*:/, "", $2); print $1, $2 }' <<<"$listens")
for wanted in "tcp 443" "tcp 80" "tcp 3478" "udp 3478"; do
  grep -qx "$wanted" <<<"$outside" || fail "the edge does not listen on LAN2, $wanted: $listens"
done
others=$(awk '!/^tcp (443|80|3478)$/ && !/^udp 3478$/ && !($1 == "udp" && $2 >= 24000 && $2 <= 29999)' <<<"$outside")
[ -z "$others" ] || fail "the edge listens outside on $others"
others=$(awk '$2 !~ /^(127\.|172\.16\.85\.168:|192\.168\.245\.61:)/' <<<"$listens")
[ -z "$others" ] || fail "the edge listens on every address: $others"
ok "outside the edge listens for guests alone; zone and administration are on LAN1"

capture expe lan1 172.16.85.168 "${hosts[@]}"
capture expe lan2 10.88.246.156 "${hosts[@]}" 172.16.85.168 172.16.85.2
browse call.test.mjs
capture_end lan1
capture_end lan2
# The ones that must be there: a search that finds nothing at all proves nothing.
[ "$(captured lan1 172.16.85.168)" -gt 0 ] || fail "the capture has not seen the edge's own address"
[ "$(captured lan2 10.88.246.156)" -gt 0 ] || fail "the capture has not seen an answer of TURN"
for address in "${hosts[@]}"; do
  [ "$(captured lan1 "$address")" = 0 ] || fail "$address comes to the edge: $(grep "^$address " "$work/lan1.captured")"
done
for address in "${hosts[@]}" 172.16.85.168 172.16.85.2; do
  [ "$(captured lan2 "$address")" = 0 ] || fail "$address leaves the edge: $(grep "^$address " "$work/lan2.captured")"
done
ok "no inside address at the edge: inside $(head -n 1 "$work/lan1.captured"), outside $(head -n 1 "$work/lan2.captured")"
self_check_again
ok "nothing leaks, as before"
