#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# TURN behind static NAT, in three network namespaces: a client outside, a firewall that maps a public address
# to the server's private one, the server. Two clients of one server exchange media relay to relay. What
# leaves the server names the public address alone, and relayed media never comes back to the firewall.
#
#   cli 10.88.246.2 ── 10.88.246.156 nat 172.16.85.1 ── 172.16.85.168 srv
#
# LAB_STOA: the command stoa; LAB_SNIFF: the sniffer. Works as root and, where the kernel lets it, as a user.
set -eu
lab_dir=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib/enter.sh
. "$lab_dir/lib/enter.sh"
# shellcheck source=tests/common.sh
. "$lab_dir/../common.sh"

# Not for what runs on: the process would be a child of the one that is known.
in_ns() { ip netns exec "$@"; }

# --- the network ------------------------------------------------------------------------------------

for ns in cli nat srv; do
  ip netns add $ns
  in_ns $ns ip link set lo up
done
ip link add out netns cli type veth peer name out netns nat
ip link add in netns srv type veth peer name in netns nat
in_ns cli ip addr add 10.88.246.2/24 dev out
in_ns nat ip addr add 10.88.246.156/24 dev out
in_ns nat ip addr add 172.16.85.1/24 dev in
in_ns srv ip addr add 172.16.85.168/24 dev in
for pair in "cli out" "nat out" "nat in" "srv in"; do
  # shellcheck disable=SC2086 # two words
  set -- $pair
  in_ns "$1" ip link set "$2" up
done
in_ns srv ip route add default via 172.16.85.1
in_ns nat sysctl -qw net.ipv4.ip_forward=1
# What comes back to the public address from inside is counted and dropped, as firewalls do.
in_ns nat nft -f - <<'RULES' || fail "the firewall's rules cannot be installed"
table ip lab {
  counter hairpin { }
  chain incoming { type nat hook prerouting priority -100;
    iif "out" ip daddr 10.88.246.156 dnat to 172.16.85.168
  }
  chain outgoing { type nat hook postrouting priority 100;
    oif "out" ip saddr 172.16.85.168 snat to 10.88.246.156
  }
  chain firewall { type filter hook input priority 0;
    iif "in" ip daddr 10.88.246.156 counter name hairpin drop
  }
}
RULES
ok "three namespaces with static NAT"

# --- the server -------------------------------------------------------------------------------------

export STOA_STATE=$work/state/edge
stoa() { "$LAB_STOA" --state "$work/state" --site edge "$@"; }

mkdir -p "$work/state"
stoa keys make >/dev/null
unset STOA_STATE
ip netns exec srv "$LAB_STOA" --state "$work/state" run edge --only busd,config,turn --on-ready "touch $work/ready" \
  >"$work/stoa.log" 2>&1 &
within 300 test -e "$work/ready" || fail "the server is not ready"
stoa config set turn staticNat=10.88.246.156/172.16.85.168 realm=octavio.com >/dev/null
stoa config import - >/dev/null <<'TEXT'
[turnUser "turnuser"]
password = cisco
TEXT
announces() { stoa config list turnInstance --json | grep -q '"publicAddresses":"10.88.246.156'; }
within 100 announces || fail "the instance does not announce its public address"
ok "one TURN instance behind 10.88.246.156"

# --- two clients ------------------------------------------------------------------------------------

ip netns exec cli "$LAB_SNIFF" out 172.16.85.168 10.88.246.156 >"$work/outside.log" 2>"$work/sniff.log" &
sniffer=$!
within 50 grep -q sniffing "$work/sniff.log" || fail "the sniffer does not start"

# -y: client to client, each to the relayed address of the other; -c: no second port for RTCP;
# -s: indications, because its channel numbers are those of RFC 5766.
in_ns cli timeout 60 turnutils_uclient -u turnuser -w cisco -p 3478 -y -c -s -m 2 -n 50 -l 172 -z 5 10.88.246.156 \
  >"$work/clients.log" 2>&1 || fail "turnutils_uclient has failed"
grep -Eq 'tot_recv_msgs=[1-9]' "$work/clients.log" || fail "no message has arrived"
grep -Eq 'Total lost packets 0 ' "$work/clients.log" || fail "messages were lost"
ok "relay to relay through NAT: nothing lost"

kill "$sniffer"
wait "$sniffer" || true
grep -q '^10.88.246.156 found [1-9]' "$work/outside.log" || fail "the sniffer has not seen the public address"
grep -q '^172.16.85.168 found 0$' "$work/outside.log" || fail "the private address is seen outside: $(cat "$work/outside.log")"
ok "the private address is in no packet outside: $(head -n 1 "$work/outside.log")"
in_ns nat nft list counter ip lab hairpin | grep -q 'packets 0 ' || fail "relayed media came to the firewall"
ok "relay to relay stays inside the server"
