#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two expc and two edges in one zone: guests come in through every pair of them, and whichever ends, the others serve at
# once. The second of each runs on a host of its own and has no supervisor: what ends there stays away.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_inside_hosts+=(expc2)
lab_all_hosts+=(expc2 expe2)
first=10.88.246.156 second=10.88.246.157 # the edges as guests see them
name=cmsweb.octavio.com

# Beside the guide's hosts: expc2 inside, expe2 between the firewalls, with a public address of its own.
second_hosts() {
  plug expc2 eth0 br-int 172.16.85.169/24
  net fw-in ip link add dmz2 type veth peer name lan1 netns "${lab_prefix}expe2"
  net fw-in ip link set dmz2 up
  net expe2 ip addr add 172.16.85.170/24 dev lan1
  net expe2 ip link set lan1 up
  plug expe2 lan2 br-dmzout 192.168.245.62/24
  net expe2 ip route add default via 192.168.245.1
  tune expe2 ipv4/conf/all/arp_ignore=1 ipv4/conf/all/arp_announce=2
  tune fw-in ipv4/conf/dmz2/proxy_arp=1 ipv4/neigh/dmz2/proxy_delay=0
  net fw-in ip route add 172.16.85.170/32 dev dmz2
  rules fw-in <<'RULES'
insert rule ip firewall forward iif "in" oif "dmz2" ip daddr 172.16.85.170 counter name in_out accept
insert rule ip firewall forward iif "dmz2" ct state new goto from_dmz
insert rule ip firewall input iif "dmz2" goto from_dmz
RULES
  net fw-out ip addr add $second/24 dev wan
  rules fw-out <<RULES
insert rule ip firewall nat_in iif "wan" ip daddr $second dnat to 192.168.245.62
insert rule ip firewall nat_out oif "wan" ip saddr 192.168.245.62 snat to $second
insert rule ip firewall forward iif "wan" oif "dmz" ip daddr 192.168.245.62 tcp dport 443 accept
RULES
  resolver expc2 172.16.85.162
  resolver expe2 10.88.246.53
}

# second HOST ROLE SITE [VARIABLE=VALUE...]: the second instance of a daemon; its process is in $second_ROLE.
second() {
  local host=$1 role=$2 site=$3
  shift 3
  env STOA_SITE="$site" STOA_STATE="$work/state/$site" STOA_NUMBER=2 "$@" \
    "$lab_dir/on" "$host" "$lab_libexec/$role" >>"$work/$host.log" 2>&1 &
  eval "second_$role=$!"
}
kill_second() {
  local pid=second_$1
  { kill -9 "${!pid}"; wait "${!pid}" || true; } 2>/dev/null # bash would tell of it
}
second_expc() { second expc2 expc inside; }
second_expe() {
  second expe2 expe edge STOA_LISTEN_EDGE_HTTPS=192.168.245.62 STOA_LISTEN_EDGE_HTTP=192.168.245.62 \
    STOA_LISTEN_ZONE=172.16.85.170 STOA_PORT_EDGE_HTTPS=443 STOA_PORT_EDGE_HTTP=80
}

# tunnels stoa|stoa_edge: the rows of the guide's page: status, domain, target, instance, streams.
tunnels() {
  ("$1" zone --json || true) | node -e 'for (const page of JSON.parse(require("fs").readFileSync(0)))
    for (const t of page.tunnels) console.log(t.status, t.domain, t.target, t.instance, t.streams ?? 0);'
}

# active stoa|stoa_edge N: so many tunnels are Active, as that site has it.
active() { [ "$(tunnels "$1" | grep -c '^Active ')" = "$2" ]; }

# all_up: three domains, through each expc to each edge; both sites say so.
all_up() { active stoa 12 && active stoa_edge 12; }
wait_up() { within 600 all_up || fail "not all tunnels are up: $(tunnels stoa; tunnels stoa_edge)"; }

# page ADDRESS: the status with which a guest outside is answered by the edge there; 000: by nobody.
page() {
  on client1 curl -s -o /dev/null -w '%{http_code}' -m 30 --cacert "$work/public.crt" --resolve "$name:443:$1" \
    "https://$name/" || true
}

# serves_at_once WHAT ADDRESS...: the page comes, each of several times in a row.
serves_at_once() {
  local what=$1 address got
  shift
  for _ in 1 2 3 4; do
    for address; do
      got=$(page "$address")
      [ "$got" = 200 ] || fail "$what: $address answers $got: $(tunnels stoa_edge)"
    done
  done
}

# pid_of stoa|stoa_edge ROLE: the process of the first instance.
pid_of() {
  ("$1" status --json || true) | node -e 'console.log(JSON.parse(require("fs").readFileSync(0))
    .find((d) => d.role === process.argv[1] && d.number === 1).pid)' "$2"
}

# hold ADDRESS N: guests who have the page and stay; `let_go` ends them.
hold() {
  # shellcheck disable=SC2016 # it is node's
  "$lab_dir/on" client1 node -e 'const [, address, n, name, ca] = process.argv;
    let held = 0;
    for (let i = 0; i < n; i++) {
      const c = require("tls").connect({ host: address, port: 443, servername: name, ca: require("fs").readFileSync(ca) });
      c.once("data", () => { if (++held == n) console.log("held"); });
      c.on("error", (e) => console.log(e.message));
      c.write(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`); }' "$1" "$2" $name "$work/public.crt" >"$work/hold.log" 2>&1 &
  holding=$!
  within 300 grep -q held "$work/hold.log" || fail "not all guests have the page: $(cat "$work/hold.log")"
}
let_go() { kill "$holding"; }

# --- all of them ------------------------------------------------------------------------------------

lab_up
second_hosts
stoa_keys
edge_up
second_expe
# shellcheck disable=SC2119 # no options
inside_up
second_expc
stoa config import - >"$work/import.log" 2>&1 <<'TEXT' || fail "the edges' addresses cannot be imported"
[hostRecord "vcse.octavio.com"]
addresses = 172.16.85.168, 172.16.85.170
TEXT
zone_up
wait_up
within 600 joinable || fail "nobody can join: $(stoa status 2>&1)"
net fw-in nft reset counters table ip firewall >/dev/null
serves_at_once "all are up" $first $second
ok "two expc, two edges: 12 tunnels are Active, the page comes through either edge"

# spread: how many guests each tunnel has that has any.
spread() { tunnels stoa_edge | awk '$5 > 0 { print $5 }' | xargs; }
is_spread() { [ "$(spread)" = "$1" ]; }
within 100 is_spread "" || fail "guests who have gone are still there: $(tunnels stoa_edge)"
hold $first 4
within 100 is_spread "2 2" || fail "four guests are spread as: $(spread): $(tunnels stoa_edge)"
let_go
ok "guests of one edge are spread over both expc"

# --- one ends ---------------------------------------------------------------------------------------

kill -9 "$(pid_of stoa expc)"
serves_at_once "the first expc was killed" $first $second
wait_up
ok "expc killed: the page comes through the other at once, and 12 tunnels are Active again"

kill_second expc
serves_at_once "the second expc was killed" $first $second
within 300 active stoa 6 || fail "an expc that is gone has tunnels: $(tunnels stoa)"
within 300 active stoa_edge 6 || fail "at the edges an expc that is gone has tunnels: $(tunnels stoa_edge)"
second_expc
wait_up
ok "the second expc killed, and away: the page comes through the first alone"

kill_second expe
serves_at_once "the second edge was killed" $first
[ "$(page $second)" = 000 ] || fail "an edge that is gone answers"
within 300 active stoa 6 || fail "tunnels to an edge that is gone: $(tunnels stoa)"
second_expe
wait_up
ok "the second edge killed, and away: the page comes through the first"

kill -9 "$(pid_of stoa_edge expe)"
serves_at_once "the first edge was killed" $second
wait_up
serves_at_once "the first edge is back" $first $second
ok "expe killed: the page comes through the second edge at once, and through the first again"

# --- the newest registration counts -----------------------------------------------------------------

# The firewall forgets the first expc's connections to the first edge: to expc they are reset, of which the edge hears
# nothing. It goes on with what is dead, until the same expc is there again.
lost() { [ "$(tail -c +"$1" "$work/inside.log" | grep -cE '(zone UT Zone|tunnel vcse.octavio.com/[a-z.]+): failed')" -ge 4 ]; }
replaced() {
  curl -s --unix-socket "$work/state/edge/run/expe-1.sock" http://localhost/metrics |
    awk '/^stoa_expe_links_ended_total[{]reason="replaced"/ { print $2 }'
}
all_replaced() { [ "$(replaced)" = 4 ]; }
[ "$(replaced)" = 0 ] || fail "$(replaced) registrations were replaced, when nobody has registered twice"
from=$(($(wc -c <"$work/inside.log") + 1))
rules fw-in <<'RULES'
table ip unheard {
  chain through {
    type filter hook forward priority -300;
    iif "in" tcp dport 7001 tcp flags & rst == rst drop
  }
}
table ip forgotten {
  chain through {
    type filter hook forward priority -290;
    ip saddr 172.16.85.167 ip daddr 172.16.85.168 tcp dport 7001 reject with tcp reset
  }
}
RULES
within 600 lost "$from" || fail "expc has not lost its connections: $(tail -n 20 "$work/inside.log")"
net fw-in nft delete table ip forgotten
wait_up
serves_at_once "an expc has registered again" $first $second
# It lets go of a connection that takes nothing only after a while.
within 300 all_replaced || fail "$(replaced) of 4 older registrations were replaced"
net fw-in nft delete table ip unheard
ok "an expc registers again while its old connections look alive: they are replaced"

[ "$(count fw-in out_in_started)" = 0 ] || fail "the edges have started $(count fw-in out_in_started) packets to the inside"
self_check_again
ok "nothing leaks, as before"
