#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `stoa ports --firewall`: the rules are those of the site as it is configured, and no others:
# tests/start/firewall.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"
take_ports
cd "$work"
run() { "$stoa" --state "$work/$name" --site "$site" "$@" || fail "stoa $* ended with $?"; }
# rules: one line "direction to protocol first-last" per rule, sorted.
rules() {
  run ports --firewall --json "$@" | node -e '
    for (const r of JSON.parse(require("fs").readFileSync(0)))
      console.log(r.direction, r.to, r.protocol, `${r.first}-${r.last}`)' | sort
}
same() { # WHAT WANTED [options]
  local what=$1 wanted=$2
  shift 2
  diff <(grep . <<<"$wanted" | sort) <(rules "$@") >&2 || fail "$what: other rules (< wanted, > printed)"
  ok "$what"
}

# --- without a site: what the start settings say ----------------------------------------------------

name=none site=inside
mkdir -p none/inside
same "as it would be started" 'in * tcp 8443-8443
in * tcp 8080-8080
in * udp 50000-50015'
same "--port-base and --listen" "in 192.0.2.7 tcp 30000-30000
in 192.0.2.7 tcp 30001-30001
in 192.0.2.7 tcp 30003-30003
in 192.0.2.7 udp 30100-30115" --port-base 30000 --listen 192.0.2.7
same "loopback alone" "" --listen 127.0.0.1
run ports --firewall --listen ::1 | grep -q '^Nothing has to be opened' || fail "it says nothing about nothing"
code=0
"$stoa" --state none ports --format sendmail >/dev/null 2>&1 || code=$?
[ "$code" -eq 2 ] || fail "a wrong format ended with $code"

site=edge
same "the edge as it would be started" 'in * tcp 9443-9443
in * tcp 9080-9080
in * tcp 3478-3478
in * udp 3478-3478
in * udp 24000-29999'
same "an edge that listens everywhere" "in 0.0.0.0 tcp 9443-9443
in 0.0.0.0 tcp 9080-9080
in 0.0.0.0 tcp 7001-7001
in 0.0.0.0 tcp 9445-9445
in 0.0.0.0 tcp 3478-3478
in 0.0.0.0 udp 3478-3478
in 0.0.0.0 udp 24000-29999" --listen 0.0.0.0
mkdir -p none/edge
both=$("$stoa" --state none ports --format nftables)
for chain in inside_in inside_out edge_in edge_out; do
  grep -q "^  chain stoa_$chain {$" <<<"$both" || fail "no chain for $chain: $both"
done
grep -q 'tcp dport 9443 accept comment "stoa edge: guest page through the edge"' <<<"$both" || fail "both sites: $both"
ok "without --site: both sites of the machine"

# --- of a running site ------------------------------------------------------------------------------

name=own site=inside
start_stoa own --port-base "$base"
wait_ready own
turn=$((base + 250))
media="in * udp $((base + 100))-$((base + 115))"
same "a running site: its web bridge is on this machine" "in * tcp $base-$base
in * tcp $((base + 1))-$((base + 1))
$media"
site=edge
same "the edge beside it" "in * tcp $((base + 5))-$((base + 5))
in * tcp $((base + 6))-$((base + 6))
in * tcp $turn-$turn
in * udp $turn-$turn
in * udp $((base + 400))-$((base + 999))"
site=inside
run config add turnServer serverAddress=192.0.2.9 username=u tcpPortNumberOverride=3479 >/dev/null
run config add webBridge url=https://bridge2.example:8443 >/dev/null
run config add webBridge url=https://bridge3.example >/dev/null
run config add hostRecord name=bridge3.example addresses=192.0.2.30:443,2001:db8::30 >/dev/null
run mmp webbridge http-redirect disable >/dev/null
run mmp webbridge listen "127.0.0.1:$((base + 500))" "0.0.0.0:$((base + 501))" >/dev/null
run config add zone name=DMZ address=192.0.2.40 port=7002 username=u >/dev/null
all="in 0.0.0.0 tcp $((base + 501))-$((base + 501))
$media
out 192.0.2.9 udp 3479-3479
out 192.0.2.9 tcp 3479-3479
out bridge2.example tcp 8443-8443
out 192.0.2.30 tcp 443-443
out 2001:db8::30 tcp 443-443
out 192.0.2.40 tcp 7002-7002"
same "its settings, TURN servers, web bridges and zones" "$all"
text=$(run ports --firewall)
grep -q -E "^in +inside +browsers +this machine +tcp +$((base + 501)) +guest page and signalling$" <<<"$text" ||
  fail "text: $text"
grep -q -E '^out +inside +callbridge +192.0.2.9 +udp +3479 +TURN server$' <<<"$text" || fail "text: $text"

run ports --format nftables >rules.nft
grep -q "^    tcp dport $((base + 501)) accept comment \"stoa inside: guest page and signalling\"$" rules.nft || fail "$(cat rules.nft)"
grep -q '^    ip6 daddr 2001:db8::30 tcp dport 443 accept' rules.nft || fail "$(cat rules.nft)"
grep -q '^    # ip daddr bridge2.example' rules.nft || fail "a name is no address: $(cat rules.nft)"
run ports --format iptables >rules.sh
sh -n rules.sh || fail "iptables: no shell script"
[ "$(grep -c "^ip6*tables .*--dport $((base + 100)):$((base + 115)) " rules.sh)" -eq 2 ] || fail "$(cat rules.sh)"
grep -q '^iptables -A OUTPUT -d 192.0.2.9 -p udp --dport 3479 ' rules.sh || fail "$(cat rules.sh)"
ok "text, nftables and iptables"
# The syntax by nft itself, where it is installed and may be asked.
if command -v nft >/dev/null && unshare -rn nft list ruleset >/dev/null 2>&1; then
  unshare -rn nft -c -f rules.nft || fail "nft refuses the rules"
  ok "nft takes the rules"
fi
stop_stoa own TERM
