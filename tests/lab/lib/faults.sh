# SPDX-License-Identifier: Apache-2.0
# Faults of the network as switches: fault NAME on, fault NAME off. Each is a table of its own in a firewall, ahead
# of all other rules, so it hits running connections too and goes in one piece. One that cannot be installed ends
# the test, and fault_hits says whether it has met anything at all.
#
#   udp-turn       no UDP to the TURN ports          zone        no packet of the zone port passes
#   tcp-turn       no TCP to the TURN ports          zone-reset  the zone's connections are reset
#   no-udp         no UDP but DNS                    wan         nothing passes the outer firewall
#   only-443       TCP 443 and DNS alone             inner       nothing passes the inner firewall
#   range          no UDP to the media range
#   relay          no TURN, no media, any way        hairpin     fw-out leads the public address back in
#   turn-data      of UDP 3478 requests alone pass the inner firewall, no Send indication and no ChannelData
#   home           client1 is behind a router with a public address, 11.0.0.124 (nothing leaves the lab); its own one is
#                  private, and no callbridge's relay may reach it (no fault, but a network that it may be in)
#   slow-HOST      500 kbit/s towards client1, client2
#
# bad_line PORT|off: TURN over UDP from outside goes through a relay of packets (tests/mock/udprelay) on inet.
# shellcheck shell=bash

# The firewall of a fault.
fault_host() {
  case $1 in
    zone | zone-reset | inner | turn-data) echo fw-in ;;
    udp-turn | tcp-turn | no-udp | only-443 | relay | range | wan | hairpin) echo fw-out ;;
    home) echo inet ;;
    *) fail "there is no fault $1" ;;
  esac
}

# The rules of a fault, for the forward hook.
fault_rules() {
  local dns='meta l4proto { tcp, udp } th dport 53 accept; meta l4proto { tcp, udp } th sport 53 accept;'
  case $1 in
    udp-turn) echo "udp dport ${LAB_TURN_PORTS:-3478} HIT drop; udp sport ${LAB_TURN_PORTS:-3478} HIT drop;" ;;
    tcp-turn) echo "tcp dport ${LAB_TURN_PORTS:-3478} HIT drop; tcp sport ${LAB_TURN_PORTS:-3478} HIT drop;" ;;
    no-udp) echo "$dns meta l4proto udp HIT drop;" ;;
    only-443) echo "$dns tcp dport 443 accept; tcp sport 443 accept; HIT drop;" ;;
    relay)
      echo "meta l4proto { tcp, udp } th dport ${LAB_TURN_PORTS:-3478} HIT drop;"
      echo "meta l4proto { tcp, udp } th sport ${LAB_TURN_PORTS:-3478} HIT drop;"
      echo "udp dport 24000-29999 HIT drop; udp sport 24000-29999 HIT drop;"
      ;;
    range) echo "udp dport 24000-29999 HIT drop; udp sport 24000-29999 HIT drop;" ;;
    turn-data) echo "udp dport 3478 @th,64,16 0x0016 HIT drop; udp dport 3478 @th,64,2 1 HIT drop;" ;;
    zone) echo "tcp dport 7001 HIT drop; tcp sport 7001 HIT drop;" ;;
    zone-reset) echo "tcp dport 7001 HIT reject with tcp reset; tcp sport 7001 HIT reject with tcp reset;" ;;
    wan | inner) echo "HIT drop;" ;;
  esac
}

fault_table() {
  local name=fault_${1//-/_} rules
  if [ "$1" = hairpin ]; then
    # Both: without the second the answer would go straight and be no answer.
    printf 'table ip %s {\n counter hits { }\n%s\n%s\n%s\n}\n' "$name" \
      'chain in { type nat hook prerouting priority -110; iif "dmz" ip daddr 10.88.246.156 counter name hits dnat to 192.168.245.61; }' \
      'chain out { type nat hook postrouting priority 90; iif "dmz" oif "dmz" ip saddr 192.168.245.61 snat to 10.88.246.156; }' \
      'chain through { type filter hook forward priority -300; }'
    return
  fi
  if [ "$1" = home ]; then
    printf 'table ip %s {\n counter hits { }\n chain out { type nat hook postrouting priority 100;\n %s\n}\n}\n' "$name" \
      'oif "wan" ip saddr 172.16.84.124 counter name hits snat to 11.0.0.124'
    return
  fi
  rules=$(fault_rules "$1")
  printf 'table ip %s {\n counter hits { }\n chain through { type filter hook forward priority -300;\n%s\n}\n}\n' \
    "$name" "$(tr ';' '\n' <<<"${rules//HIT/counter name hits}")"
}

fault() {
  local host name=fault_${1//-/_}
  case $1 in slow-*) slow "${1#slow-}" "$2"; return ;; esac
  host=$(fault_host "$1") || exit 1
  case $2 in
    on)
      fault_table "$1" | rules "$host"
      net "$host" nft list table ip "$name" >/dev/null || fail "fault $1 is not in place"
      ;;
    off) net "$host" nft delete table ip "$name" || fail "fault $1 cannot be taken away" ;;
    *) fail "fault $1: on or off" ;;
  esac
}

# Packets that a fault has met since it was installed.
fault_hits() {
  net "$(fault_host "$1")" nft list counter ip "fault_${1//-/_}" hits | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

# The kernel may have no netem, tbf it has: rate, not delay or loss.
slow() {
  case $2 in
    on) net sw tc qdisc add dev "$1-eth0" root tbf rate 500kbit burst 16k latency 200ms || fail "fault slow-$1: no tbf" ;;
    off) net sw tc qdisc del dev "$1-eth0" root || fail "fault slow-$1 cannot be taken away" ;;
  esac
}

bad_line() {
  if [ "$1" = off ]; then
    net inet nft delete table ip bad_line || fail "the bad line cannot be taken away"
    return
  fi
  rules inet <<RULES
table ip bad_line {
  chain in { type nat hook prerouting priority -100; iif "pub" ip daddr 10.88.246.156 udp dport 3478 redirect to :$1; }
}
RULES
}
