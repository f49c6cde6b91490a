# SPDX-License-Identifier: Apache-2.0
# Is the lab as it has to be, before and after a test? A test in a network that leaks proves nothing.
# shellcheck shell=bash

# Nothing is in the script's own network, no way leads out of the lab, no inside host has a default route.
check_leaks() {
  local host address said
  said=$(ip -o link | grep -v '^[0-9]*: lo[:@]' || true)
  [ -z "$said" ] || fail "an interface is outside the lab: $said"
  for host in "${lab_inside_hosts[@]}" inet sw; do
    [ -z "$(net "$host" ip route show default)" ] || fail "$host has a default route"
  done
  # Where the path of a packet to the world outside ends: nowhere, or at inet, which has no way on.
  for host in "${lab_all_hosts[@]}"; do
    for address in 1.1.1.1 8.8.8.8 192.0.2.1; do
      said=$(net "$host" ip route get "$address" 2>&1) || continue
      case $host:$said in
        expe*:*'via 192.168.245.1 dev lan2'* | fw-out:*'via 10.88.246.1 dev wan'*) ;;
        dns-ext:*'via 10.88.246.1 dev eth0'* | client?:*'via 172.16.84.1 dev eth0'*) ;;
        *) fail "$host has a way to $address: $said" ;;
      esac
    done
  done
  for host in cms expc desk; do
    said=$(on "$host" cat /etc/resolv.conf /etc/hosts)
    [ "$said" = "$(cat /run/lab/etc/"$lab_prefix$host"/{resolv.conf,hosts})" ] || fail "$host has another resolver: $said"
  done
}

# resolves HOST NAME ADDRESS; ADDRESS "-": there is none.
resolves() {
  local found
  found=$(address_of "$1" "$2") || found=-
  [ "$found" = "$3" ] || fail "$1: $2 is $found, not $3"
}

check_dns() {
  local name
  resolves cms cmsweb.octavio.com 172.16.85.180
  resolves expc vcse.octavio.com 172.16.85.168
  resolves expc vcsc.octavio.local 172.16.85.167
  for name in cms admin.cms xmpp.cms cmsweb.cms; do
    resolves desk $name.octavio.local 172.16.85.180
    resolves client1 $name.octavio.local -
  done
  resolves client1 cmsweb.octavio.com 10.88.246.156
  resolves client2 vcse.octavio.com 10.88.246.156
  resolves expe cmsweb.octavio.com 10.88.246.156
  resolves expe vcsc.octavio.local -
  resolves cms example.org -
}

check_srv() {
  local found name wanted
  while read -r name wanted; do
    found=$(srv_of expc "$name") || true
    [ "$found" = "$wanted" ] || fail "$name is $found, not $wanted"
    if srv_of client1 "$name" >/dev/null; then fail "$name is known outside"; fi
  done <<'RECORDS'
_xmpp-client._tcp.octavio.com xmpp.cms.octavio.local 5222 10 10
_xmpp-server._tcp.octavio.com xmpp.cms.octavio.local 5269 10 10
_cisco-uds._tcp.octavio.com ocucmp.octavio.local 8443 10 10
_cuplogin._tcp.octavio.com ocupsp.octavio.local 8443 10 10
RECORDS
}

# Who reaches whom. The silent ones wait; each in a process of its own.
check_ways() {
  local pids=() pid address port
  reaches cms udp 172.16.85.168 3478
  reaches expc tcp 172.16.85.168 7001
  reaches desk tcp 172.16.85.180 443
  reaches client1 tcp 10.88.246.156 443
  reaches client2 tcp 10.88.246.156 3478
  reaches client1 udp 10.88.246.156 3478
  for address in 172.16.85.180 172.16.85.167 172.16.85.162 172.16.85.2; do
    cut_off fw-in out_in_started expe tcp $address 443 & pids+=($!)
    cut_off fw-in out_in_started expe udp $address 50000 & pids+=($!)
  done
  for port in 22 445 7001 24000; do cut_off fw-out in_denied client1 tcp 10.88.246.156 $port & pids+=($!); done
  cut_off fw-out in_denied client2 udp 10.88.246.156 5060 & pids+=($!)
  cut_off fw-out out_denied expe tcp 172.16.84.124 443 & pids+=($!)
  cut_off fw-out hairpin_denied expe tcp 10.88.246.156 443 & pids+=($!)
  for pid in "${pids[@]}"; do wait "$pid" || exit 1; done
}

# Before a test. The counters start at nothing afterwards.
self_check() {
  check_leaks
  check_dns
  check_ways
  net fw-in nft reset counters table ip firewall >/dev/null
  net fw-out nft reset counters table ip firewall >/dev/null
}

# After a test: it is what it was.
self_check_again() {
  check_leaks
  check_dns
}
