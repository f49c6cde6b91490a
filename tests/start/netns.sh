#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The edge in a network namespace of its own: what it cannot reach, what reaches it, and that nothing of it stays,
# however it ends: tests/start/netns.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# The machine's network is left alone: the test has one of its own, and so may those who are not root.
if [ "${IN_NAMESPACE:-}" != yes ]; then
  how=(-n)
  [ "$(id -u)" -eq 0 ] || how=(-n --map-root-user)
  if ! unshare "${how[@]}" sh -c 'ip link set lo up && nft list ruleset' >/dev/null 2>&1; then
    echo "SKIPPED: network namespaces with nftables are not allowed here" >&2
    exit 77
  fi
  IN_NAMESPACE=yes exec unshare "${how[@]}" "$0" "$@"
fi
ip link set lo up
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"
take_ports
first=$base

# An address of the machine beside loopback, as a network card has.
ip link add lan type veth peer name switch
ip address add 192.0.2.80/24 dev lan
ip link set lan up
ip link set switch up

supervisor() { pgrep -P "$pid" -f "/stoa run edge "; }
in_edge() { nsenter --net="/proc/$edge/ns/net" -- "$@"; }
status_of() { curl -sk -o /dev/null --max-time 5 -w '%{http_code}' "$@" || true; }
tables() { nft list tables | grep -c stoa_edge || true; }
interfaces() { ip -brief link | grep -c '^stoa-edge' || true; }
nothing_left() { [ "$(tables)" = 0 ] && [ "$(interfaces)" = 0 ]; }
admin() { echo "https://127.0.0.1:$(($1 + 4))/api/v1"; }

# --- apart ------------------------------------------------------------------------------------------

sysctls() { grep -r . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/{all,default,lo,lan}/{forwarding,route_localnet}; }
before=$(sysctls)
start_stoa one --port-base "$first" --netns
wait_ready one
edge=$(supervisor)
[ "$(readlink "/proc/$edge/ns/net")" != "$(readlink /proc/self/ns/net)" ] || fail "the edge is in the machine's network: $(grep 'own network' "$work/one.err")"
for p in $(processes_of "$work/one"); do
  grep -qzx "STOA_STATE=$work/one/edge" "/proc/$p/environ" || continue
  [ "$(readlink "/proc/$p/ns/net")" = "$(readlink "/proc/$edge/ns/net")" ] || fail "a daemon of the edge is elsewhere: $p"
done
address=$(cat "$work/one/edge/run/address")
machine=${address%.*}.$((${address##*.} - 1))
ok "the edge's daemons have a network of their own"

# The inside dials; the edge starts nothing, not even in vain.
zone_up() { "$stoa" --state "$work/one" zone >"$work/pages"; }
within 300 zone_up || fail "no tunnel: $(cat "$work/pages")"
through() { # ADDRESS NAME
  curl -s -o /dev/null --max-time 10 -w '%{http_code}' --cacert "$work/one/edge/pki/ca.crt" --resolve "$2:$((first + 5)):$1" \
    "https://$2:$((first + 5))/" || true
}
[ "$(through 127.0.0.1 localhost)" = 200 ] || fail "localhost does not lead to the edge: $(through 127.0.0.1 localhost)"
[ "$(through 192.0.2.80 cmsweb.octavio.com)" = 200 ] || fail "the machine's address does not lead to the edge"
relays() { "$stoa" --state "$work/one" turn | grep -q 'relays (connected via UDP) *: [1-9]'; }
within 300 relays || fail "callbridges have no relay at the edge: $("$stoa" --state "$work/one" turn)"
dropped() { nft list table ip stoa_edge0 | awk '/counter packets/ { for (i = 1; i < NF; i++) if ($i == "packets") n += $(i + 1) } END { print n }'; }
[ "$(dropped)" = 0 ] || fail "the edge has started something: $(nft list table ip stoa_edge0)"
ok "zone, page and TURN work, and the edge has started no packet"

in_edge ip route get 192.0.2.80 2>/dev/null && fail "the edge has a route to the machine's network"
[ "$(in_edge ip route | wc -l)" = 1 ] || fail "the edge has routes: $(in_edge ip route)"
[ "$(status_of "https://192.0.2.80:$first/")" = 200 ] || fail "the inside does not listen there"
for to in 192.0.2.80 "$machine"; do
  [ "$(in_edge curl -sk -o /dev/null --max-time 2 -w '%{http_code}' "https://$to:$first/")" = 000 ] || fail "the edge reaches the inside at $to"
done
[ "$(dropped)" -gt 0 ] || fail "what the edge starts is not dropped but lost: $(nft list ruleset)"
# Not by taking an address of the other network either: what it starts is dropped, whatever it says.
in_edge ip route add 192.0.2.0/24 via "$machine"
[ "$(in_edge curl -sk -o /dev/null --max-time 2 -w '%{http_code}' "https://192.0.2.80:$first/")" = 000 ] || fail "with a route the edge reaches the inside"
in_edge ip route del 192.0.2.0/24
ok "the edge has no route, and what it starts is dropped"

[ "$(status_of "$(admin "$first")")" = 401 ] || fail "the edge's administration is not led to it"
[ "$(status_of "https://192.0.2.80:$((first + 4))/api/v1")" = 000 ] || fail "the administration answers beyond this machine"
[ "$("$stoa" --state "$work/one" --site inside config get hostRecord vcse.octavio.com | sed -n 's/^addresses *: //p')" = "$address" ] ||
  fail "the inside does not know where the edge is"
[ "$(sysctls)" = "$before" ] || fail "settings of the machine's network were changed"
ok "its ports of this machine lead to it"

# --- side by side, and gone -------------------------------------------------------------------------

one_pid=$pid
take_ports
start_stoa two --port-base "$base" --netns
wait_ready two
edge=$(supervisor)
[ "$(tables)" = 2 ] && [ "$(interfaces)" = 2 ] || fail "two Stoas: $(nft list tables) $(ip -brief link)"
for one in "$first" "$base"; do [ "$(status_of "$(admin "$one")")" = 401 ] || fail "two Stoas: $one does not answer"; done
stop_stoa two KILL
one_left() { [ "$(tables)" = 1 ]; }
within 50 one_left || fail "SIGKILL left: $(nft list tables)"
[ "$(status_of "$(admin "$first")")" = 401 ] || fail "the end of one took the other along"
pid=$one_pid
stop_stoa one INT
within 50 nothing_left || fail "SIGINT left: $(nft list tables) $(ip -brief link)"
ok "two side by side; killed or stopped, nothing stays"

# --- where it cannot be -----------------------------------------------------------------------------

mkdir "$work/path"
printf '#!/bin/sh\nexit 1\n' >"$work/path/nft"
chmod +x "$work/path/nft"
PATH=$work/path:$PATH start_stoa without --port-base "$first" --netns
wait_ready without
grep -q "The edge runs in the machine's own network: its packet filter rules cannot be set" "$work/without.err" ||
  fail "nothing says that the edge has no network of its own"
[ "$(readlink "/proc/$(supervisor)/ns/net")" = "$(readlink /proc/self/ns/net)" ] || fail "it runs elsewhere"
[ "$(status_of "$(admin "$first")")" = 401 ] || fail "the edge does not answer without a network of its own"
[ -e "$work/without/edge/run/address" ] && fail "an address is left"
stop_stoa without INT
within 50 nothing_left || fail "left: $(nft list tables) $(ip -brief link)"
refuses "--netns with --listen" "--netns and --listen do not go together" listen --port-base "$first" --netns --listen 127.0.0.1
ok "where it cannot be, the edge runs in the machine's network and a line says so"
