#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# stoa doctor over the guide's network: each thing that goes wrong is made on purpose, one at a time, and exactly its
# id is expected, from whichever daemons see it. docs/doctor.md is the list.
#
#   doctor.sh [names|certificates|tunnel|clock|web|turn|media|hops ...]    these alone
export LAB_PAGE=yes
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

doctor() { "$LAB_STOA" --state "$work/state" doctor "$@"; }

# finds ID RESULT: all that is wrong is of this id, and something of it has this result; "-": nothing is wrong.
finds() {
  local code=0
  doctor --json >"$work/doctor.json" 2>"$work/doctor.err" || code=$?
  [ $code -lt 3 ] || return 1
  node -e '
    const [, file, id, result] = process.argv;
    const said = JSON.parse(require("fs").readFileSync(file, "utf8"));
    const ids = [...new Set(said.findings.map((f) => f.id))].join(" ");
    const silent = said.sites.some((s) => s.silent || !s.asked);
    const good = id === "-" ? ids === "" && !silent
      : ids === id && said.findings.some((f) => f.result === result);
    process.exit(good ? 0 : 1);' "$work/doctor.json" "$1" "${2:-error}"
}

# A run takes seconds where something is wrong, on a slow machine ten times as many.
expect() {
  local until=$((SECONDS + 150))
  until finds "$@"; do
    [ $SECONDS -lt $until ] || fail "expected $1 ${2:-} alone: $(doctor --all 2>&1)"
    sleep 0.3
  done
  [ "$1" = - ] || ok "$1: $(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).findings
    .map((f) => f.from.join("+") + ": " + f.observed).join(" | ").slice(0, 220)' "$work/doctor.json")"
}
well() { expect -; }

# said_by ID FROM...: the last run has a finding of the id from each of these.
said_by() {
  node -e '
    const [, file, id, ...from] = process.argv;
    const said = JSON.parse(require("fs").readFileSync(file, "utf8")).findings.filter((f) => f.id === id);
    process.exit(from.every((one) => said.some((f) => f.from.includes(one))) ? 0 : 1);' "$work/doctor.json" "$@" ||
    fail "$1 is not found by all of ${*:2}: $(cat "$work/doctor.json")"
}

# media_is_good SERVER: relays of it have been tried.
media_is_good() { doctor --all TRN-10 | grep -q "^ok .*$1.*Media goes"; }

set_inside() { stoa config set "$@" >"$work/set.log" 2>&1 || fail "cannot be set: $* ($(cat "$work/set.log"))"; }
set_edge() { stoa_edge config set "$@" >"$work/set.log" 2>&1 || fail "cannot be set: $* ($(cat "$work/set.log"))"; }

# dns_again HOST ADDRESS OPTION...: the DNS server there answers something else from now on.
dns_again() {
  local host=$1 pid
  for pid in $(ip netns pids "$lab_prefix$host"); do kill "$pid"; done
  within 100 nobody_in "$host" || fail "the DNS server of $host does not end"
  dns_server "$@"
  within 200 address_of "$host" vcse.octavio.com >/dev/null || fail "the DNS server of $host is not back"
}
nobody_in() { [ -z "$(ip netns pids "$lab_prefix$1")" ]; }

# drop HOST RULE: a packet filter on the host itself, until `drop HOST`.
drop() {
  if [ -n "${2:-}" ]; then
    printf 'table ip broken {\n chain in { type filter hook input priority 0;\n%s drop\n}\n}\n' "$2" | rules "$1"
  else
    net "$1" nft delete table ip broken
  fi
}

# clock SECONDS: expc goes on with a clock that is so far ahead; 0: with the machine's. Timers go by another one.
clock() {
  local faked=() library
  if [ "$1" != 0 ]; then
    library=$(echo /usr/lib/*/faketime/libfaketime.so.1)
    [ -e "$library" ] || fail "libfaketime is missing (deploy/packages/test)"
    faked=(env "FAKETIME=+${1}s" FAKETIME_DONT_FAKE_MONOTONIC=1 "LD_PRELOAD=$library"
      ASAN_OPTIONS=verify_asan_link_order=0)
  fi
  place "$work/libexec/inside" expc expc "${faked[@]}"
  ip netns pids "${lab_prefix}expc" | xargs -r kill -KILL
}

# foreign OPTION...: another TURN server, on a PC inside, with these options; the one before ends.
foreign() {
  if [ -n "${foreign_pid:-}" ]; then
    kill "$foreign_pid"
    wait "$foreign_pid" || true
  fi
  on desk turnserver -n --listening-ip=172.16.85.50 --relay-ip=172.16.85.50 --listening-port=3478 --min-port=24000 \
    --max-port=29999 --realm=foreign --user=other:secret --lt-cred-mech --no-tls --no-dtls --no-cli \
    --userdb="$work/foreign.db" --pidfile="$work/foreign.pid" --log-file=stdout "$@" >"$work/foreign.log" 2>&1 &
  foreign_pid=$!
}

try_names() {
  dns_again dns-ext 10.88.246.53 --host-record=cmsweb.octavio.com,192.0.2.99 --host-record=vcse.octavio.com,10.88.246.156
  expect DNS-1
  dns_again dns-ext 10.88.246.53 "${dns_outside[@]}"
  well
  dns_again dns-int 172.16.85.162 --host-record=cmsweb.octavio.com,10.88.246.156 "${dns_inside[@]:1}"
  expect DNS-2
  dns_again dns-int 172.16.85.162 "${dns_inside[@]}"
  well
}

try_certificates() {
  for pair in "self-signed CRT-1" "no-san CRT-2" "expiring CRT-4"; do
    serve_certificate "${pair% *}"
    expect "${pair#* }" error
    serve_certificate right
    well
  done
}

try_tunnel() {
  fault zone on
  expect TUN-1
  fault zone off
  well
  set_inside zone "UT Zone" password=wrong
  expect TUN-2
  zone_password=$(awk -F'= *' '/^password/ { print $2; exit }' "$work/zone.join")
  set_inside zone "UT Zone" "password=$zone_password"
  well
  set_inside zone "UT Zone" subjectName=other.octavio.com
  expect TUN-3
  set_inside zone "UT Zone" subjectName=vcse.octavio.com
  well
  stoa config add tunnelDomain domain=inside.example >/dev/null || fail "no further domain"
  expect TUN-9
  stoa config delete tunnelDomain inside.example >/dev/null || fail "the domain cannot be deleted"
  well
}

# Both ends say it: a warning while the zone is up, an error where it is refused.
try_clock() {
  clock 90
  expect TUN-8 warning
  said_by TUN-8 "inside expc" "edge expe"
  clock $((25 * 3600))
  expect TUN-8 error
  clock 0
  well
}

try_web() {
  set_inside webProxy guestAccountClientUri=https://cmsweb.cms.octavio.local
  expect HT-1
  set_inside webProxy guestAccountClientUri=https://cmsweb.octavio.com
  well
  drop cms "tcp dport 8444"
  expect HT-3
  drop cms
  well
  stoa mmp "webbridge trust none" >/dev/null || fail "no trust bundle"
  expect WB-2
  stoa mmp "webbridge trust callbridge.crt" >/dev/null || fail "the trust bundle is not back"
  well
  set_inside settings guestAccountClientUri=https://cmsweb.cms.octavio.local:444
  expect WB-1
  set_inside settings guestAccountClientUri=https://cmsweb.cms.octavio.local
  well
}

try_turn() {
  set_inside turnServer 172.16.85.168 password=wrong
  expect TRN-1
  set_inside turnServer 172.16.85.168 password=cisco
  well
  set_edge turn staticNat=
  expect TRN-12
  set_edge turn staticNat=10.88.246.156/192.168.245.61
  well
  drop expe "udp dport 3478 iifname lan1"
  expect TRN-13 warning
  drop expe
  well
  set_edge edge turnOverTls=false
  expect TRN-15 warning
  set_edge edge turnOverTls=true
  well
}

# A relay is given each time, and nothing comes through it.
try_media() {
  foreign
  stoa config add turnServer serverAddress=172.16.85.50 username=other password=secret type=standard \
    tcpPortNumberOverride=3478 >"$work/set.log" 2>&1 || fail "no further TURN server: $(cat "$work/set.log")"
  within 600 media_is_good 172.16.85.50 || fail "the other TURN server is not used: $(doctor --all TRN-10)"
  well
  drop desk "udp dport 24000-29999"
  expect TRN-10
  drop desk
  well
  foreign --denied-peer-ip=172.16.85.50
  expect TRN-10
  foreign
  well
  stoa config delete turnServer 172.16.85.50 >/dev/null || fail "the further TURN server cannot be deleted"
  # The relays of a server of ours meet inside of it: no firewall is between them.
  fault turn-data on
  expect TRN-10
  fault turn-data off
  well
}

try_hops() { browse hops.test.mjs; }

mount -t tmpfs lab /dev/shm # of the lab: libfaketime leaves files there
lab_stoa_up
# What the lab's browsers trust, the edge's operator vouches for.
cp "$work/public.crt" "$work/state/edge/pki/expe.bundle"
well
ok "nothing is wrong"
doctor --all | grep -q "not tested" || fail "--all shows nothing that was not tested"

[ $# -gt 0 ] || set -- names certificates tunnel clock web turn media hops
for part; do "try_$part"; done
self_check_again
ok "nothing leaks, as before"
