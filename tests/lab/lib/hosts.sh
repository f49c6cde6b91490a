# SPDX-License-Identifier: Apache-2.0
# The guide's network: each host is a network namespace, the switches are bridges in another one (sw).
#
#   br-int 172.16.85.0/24                        br-dmzout 192.168.245.0/24   br-wan 10.88.246.0/24
#   cms .180  expc .167  dns-int .162  desk .50    expe lan2 .61                dns-ext .53
#        \       |       /         /                 |                            |
#         +--- fw-in ---(same /24)--- expe lan1    fw-out .1 | 10.88.246.156 ---+--- inet .1
#           proxy ARP, stateful         .168         static 1:1 NAT                  |
#                                                                     br-pub 172.16.84.0/24 (inet .1)
#                                                                       client1 .124   client2 .125
#
# All as in the guide, but for desk (a PC inside) and fw-in: the guide's one /24 has no firewall between the edge
# and the inside. Here one stands there, which answers ARP for both sides, so that the addresses stay as they are.
# shellcheck shell=bash

lab_prefix=${LAB_PREFIX:-}
lab_inside_hosts=(cms expc desk dns-int)
lab_outside_hosts=(expe dns-ext client1 client2)
lab_firewalls=(fw-in fw-out)
lab_all_hosts=(sw "${lab_inside_hosts[@]}" "${lab_outside_hosts[@]}" "${lab_firewalls[@]}" inet)

# on HOST COMMAND...: runs it in the host's network, with the host's resolver. For what is to be killed later say
# "$lab_dir/on" instead: of a function in the background only a shell around it would be known.
on() { "$lab_dir/on" "$@"; }

# net HOST COMMAND...: the same without the resolver's files: for ip and nft.
net() {
  local host=$1
  shift
  nsenter --net="/run/netns/$lab_prefix$host" "$@"
}

# tune HOST KEY=VALUE...: sets net.* of a host; keys with slashes, without "net/".
tune() {
  net "$1" sh -c 'shift; for one; do echo "${one#*=}" >"/proc/sys/net/${one%%=*}" || exit 1; done' sh "$@"
}

add_host() {
  ip netns add "$lab_prefix$1"
  net "$1" ip link set lo up
  [ ! -e /proc/sys/net/ipv6 ] || tune "$1" ipv6/conf/all/disable_ipv6=1 ipv6/conf/default/disable_ipv6=1
}

add_bridge() {
  net sw ip link add "$1" type bridge forward_delay 0 mcast_snooping 0
  net sw ip link set "$1" up
}

# plug HOST INTERFACE BRIDGE [ADDRESS/BITS]: a cable from the host to a switch.
plug() {
  local port=$1-$2
  net sw ip link add "$port" type veth peer name "$2" netns "$lab_prefix$1"
  net sw ip link set "$port" master "$3" up
  [ -z "${4:-}" ] || net "$1" ip addr add "$4" dev "$2"
  net "$1" ip link set "$2" up
}

hosts_up() {
  local host
  for host in "${lab_all_hosts[@]}"; do add_host "$host"; done
  # Bridged packets must not be seen by the switch's own (empty) firewall, where that module is loaded.
  [ ! -e /proc/sys/net/bridge ] || tune sw bridge/bridge-nf-call-iptables=0
  for host in br-int br-dmzout br-wan br-pub; do add_bridge $host; done

  plug cms eth0 br-int 172.16.85.180/24
  plug expc eth0 br-int 172.16.85.167/24
  plug dns-int eth0 br-int 172.16.85.162/24
  plug desk eth0 br-int 172.16.85.50/24
  plug fw-in in br-int 172.16.85.2/24
  net fw-in ip link add dmz type veth peer name lan1 netns "${lab_prefix}expe"
  net fw-in ip link set dmz up
  net expe ip addr add 172.16.85.168/24 dev lan1
  net expe ip link set lan1 up
  plug expe lan2 br-dmzout 192.168.245.61/24
  plug fw-out dmz br-dmzout 192.168.245.1/24
  plug fw-out wan br-wan 10.88.246.156/24
  plug dns-ext eth0 br-wan 10.88.246.53/24
  plug inet wan br-wan 10.88.246.1/24
  plug inet pub br-pub 172.16.84.1/24
  plug client1 eth0 br-pub 172.16.84.124/24
  plug client2 eth0 br-pub 172.16.84.125/24

  # The inside and the internet have no default route: nothing there ever needs one.
  net expe ip route add default via 192.168.245.1
  net fw-out ip route add default via 10.88.246.1
  net dns-ext ip route add default via 10.88.246.1
  net client1 ip route add default via 172.16.84.1
  net client2 ip route add default via 172.16.84.1

  tune inet ipv4/ip_forward=1
  tune fw-out ipv4/ip_forward=1
  # Answers for the others at once; by default it would wait up to 0.8 s.
  tune fw-in ipv4/ip_forward=1 ipv4/conf/in/proxy_arp=1 ipv4/conf/dmz/proxy_arp=1 \
    ipv4/neigh/in/proxy_delay=0 ipv4/neigh/dmz/proxy_delay=0
  net fw-in ip route add 172.16.85.168/32 dev dmz
  # Two interfaces: each answers for its own addresses alone.
  tune expe ipv4/conf/all/arp_ignore=1 ipv4/conf/all/arp_announce=2
}

# The strict form of the inner firewall: what comes from inside has the firewall's address, and the edge has no route
# to any inside address. (In the guide the edge answers the inside at its own addresses, so it has one.)
hide_inside() {
  rules fw-in <<'RULES'
table ip hide {
  chain out {
    type nat hook postrouting priority 100;
    iif "in" oif "dmz" snat to 172.16.85.2
  }
}
RULES
  net expe ip addr del 172.16.85.168/24 dev lan1
  net expe ip addr add 172.16.85.168/32 dev lan1
  net expe ip route add 172.16.85.2/32 dev lan1
  net expe ip route add unreachable 172.16.85.0/24
}
