# SPDX-License-Identifier: Apache-2.0
# The two firewalls, with counters that say what has passed: they are the evidence of the tests.
# shellcheck shell=bash

# rules HOST: installs the nft rules of stdin. A rule that cannot be installed ends the test: with a firewall that is
# open, everything that "is blocked" would pass.
rules() { net "$1" nft -f - || fail "$1: rules cannot be installed"; }

# count HOST COUNTER: packets so far.
count() {
  local said
  said=$(net "$1" nft list counter ip firewall "$2") || fail "$1 has no counter $2"
  sed -n 's/.*packets \([0-9]*\).*/\1/p' <<<"$said"
}

# Inside: whoever is inside reaches the edge's LAN1. Of what the edge starts nothing passes: out_in_started counts
# connections and datagrams that it begins, out_in_late the rest of TCP connections that the firewall knows no more.
fw_in_up() {
  rules fw-in <<'RULES'
table ip firewall {
  counter in_out { }
  counter out_in_started { }
  counter out_in_late { }
  counter denied { }
  chain from_dmz {
    meta l4proto tcp tcp flags & (syn | ack) != syn counter name out_in_late drop
    counter name out_in_started drop
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iif "dmz" goto from_dmz
    iif "in" oif "dmz" ip daddr 172.16.85.168 counter name in_out accept
    counter name denied drop
  }
  chain input {
    type filter hook input priority 0; policy accept;
    iif "dmz" goto from_dmz
  }
}
RULES
}

# Outside: static NAT 10.88.246.156 = 192.168.245.61, open for the guide's ports. LAB_TURN_PORTS: of more than one
# TURN instance. What comes from the public address's own side (hairpin) is not led back; see fault hairpin.
fw_out_up() {
  rules fw-out <<RULES
table ip firewall {
  counter https { }
  counter turn_tcp { }
  counter turn_udp { }
  counter relay_in { }
  counter relay_out { }
  counter in_denied { }
  counter out_denied { }
  counter hairpin_denied { }
  chain nat_in {
    type nat hook prerouting priority -100;
    iif "wan" ip daddr 10.88.246.156 dnat to 192.168.245.61
  }
  chain nat_out {
    type nat hook postrouting priority 100;
    oif "wan" ip saddr 192.168.245.61 snat to 10.88.246.156
  }
  chain counted {
    type filter hook forward priority -10;
    iif "wan" tcp dport 443 counter name https
    iif "wan" tcp dport ${LAB_TURN_PORTS:-3478} counter name turn_tcp
    iif "wan" udp dport ${LAB_TURN_PORTS:-3478} counter name turn_udp
    iif "wan" udp dport 24000-29999 counter name relay_in
    iif "dmz" udp sport 24000-29999 counter name relay_out
  }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iif "wan" oif "dmz" ip daddr 192.168.245.61 tcp dport { 443, ${LAB_TURN_PORTS:-3478} } accept
    iif "wan" oif "dmz" ip daddr 192.168.245.61 udp dport { ${LAB_TURN_PORTS:-3478}, 24000-29999 } accept
    iif "wan" counter name in_denied drop
    iif "dmz" oif "wan" ip daddr 10.88.246.53 meta l4proto { tcp, udp } th dport 53 accept
    iif "dmz" oif "wan" udp sport 24000-29999 accept
    iif "dmz" oif "dmz" ct status dnat accept
    iif "dmz" counter name out_denied drop
  }
  chain input {
    type filter hook input priority 0; policy drop;
    iif "dmz" ip daddr 10.88.246.156 counter name hairpin_denied drop
    iif "dmz" counter name out_denied drop
    counter name in_denied drop
  }
}
RULES
}

firewalls_up() {
  fw_in_up
  fw_out_up
}
