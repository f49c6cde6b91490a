#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ./start as it is used: name and certificate of one's own, one address only, two side by side, again with
# the same data, and every way to end it: tests/start/runs.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"

# page CA HOST PORT: the status with which the page of that name is answered, its certificate verified.
page() { curl -s -o /dev/null -w '%{http_code}' --cacert "$1" --resolve "$2:$3:127.0.0.1" "https://$2:$3/"; }

# Everything that listens in the thousand ports from $1 on, as the kernel lists it: "address:port", hex.
listening() {
  awk -v lo="$1" 'function number(h,  i, n) { for (i = 1; i <= length(h); i++)
        n = n * 16 + index("0123456789ABCDEF", substr(h, i, 1)) - 1
      return n }
    FNR > 1 && ($4 == "0A" || FILENAME ~ /udp/) { split($2, a, ":"); p = number(a[2])
      if (p >= lo && p < lo + 1000) print $2 }' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6
}

# --- own name and certificate, one address ----------------------------------------------------------

take_ports
first=$base
"$stoa" pki ca --cn "another authority" --cert "$work/ca.crt" --key "$work/ca.key" >/dev/null
"$stoa" pki issue --ca "$work/ca.crt" --ca-key "$work/ca.key" --name meet.example.org --cert "$work/own.crt" \
  --key "$work/own.key" >/dev/null
start_stoa own --port-base "$first" --listen 127.0.0.1 --name meet.example.org --cert "$work/own.crt" \
  --key "$work/own.key"
wait_ready own
[ "$(page "$work/ca.crt" meet.example.org "$first")" = 200 ] || fail "the page is not served for --name"
grep -q "https://meet.example.org:$first/" "$work/own.out" || fail "Ready does not name the page's public address"
served=$(openssl s_client -connect "127.0.0.1:$first" -servername meet.example.org </dev/null 2>/dev/null |
  openssl x509 -noout -fingerprint -sha256)
[ "$served" = "$(openssl x509 -in "$work/own.crt" -noout -fingerprint -sha256)" ] || fail "another certificate is served"
ok "--name, --cert, --key: the page is served for that name with that certificate"
joinable own 1 || fail "nobody can join: $("$stoa" --state "$work/own" status)"
ok "--name, --cert, --key, --listen: guests can join"
outside() { [ "$(page "$work/ca.crt" meet.example.org $((first + 5)))" = 200 ]; }
within 300 outside || fail "the page is not served for --name through the edge: $("$stoa" --state "$work/own" zone)"
ok "--name, --cert, --key: the same through the edge"
[ "$(curl -sk -o /dev/null -w '%{http_code}' -H 'Host: other.example.org' "https://127.0.0.1:$first/")" = 421 ] ||
  fail "a foreign Host was not refused"
ok "a foreign Host is refused"
grep -q "trust this Stoa's CA" "$work/own.out" && fail "the text speaks of Stoa's CA, which has not signed the certificate"

[ "$(listening "$first" | wc -l)" -ge 3 ] || fail "page, redirect and media do not listen"
elsewhere=$(listening "$first" | grep -v '^0100007F:' || true)
[ -z "$elsewhere" ] || fail "--listen 127.0.0.1, but listening: $elsewhere"
ok "--listen 127.0.0.1: nothing listens elsewhere"

# --- two side by side -------------------------------------------------------------------------------

# start_and_time NAME [options]: start_stoa, wait_ready; sets `took` to the milliseconds.
start_and_time() {
  local begin=${EPOCHREALTIME/[^0-9]/}
  start_stoa "$@"
  wait_ready "$1"
  took=$(((${EPOCHREALTIME/[^0-9]/} - begin) / 1000))
}

own_pid=$pid
take_ports
second=$base
start_and_time side --port-base "$second"
first_took=$took
side_pid=$pid
[ "$(page "$work/side/inside/pki/ca.crt" localhost "$second")" = 200 ] || fail "the second Stoa serves no page"
[ "$(page "$work/ca.crt" meet.example.org "$first")" = 200 ] || fail "the first Stoa serves no page any more"
stray=$(for p in $(processes_of "$work/side"); do ls -l "/proc/$p/fd"; done 2>/dev/null |
  grep -o 'socket:\[[0-9]*\]' | tr -dc '0-9\n' |
  grep -x -F -f - <(awk -v lo="$second" 'function number(h,  i, n) { for (i = 1; i <= length(h); i++)
        n = n * 16 + index("0123456789ABCDEF", substr(h, i, 1)) - 1
      return n }
    FNR > 1 && $4 == "0A" { split($2, a, ":"); p = number(a[2]); if (p < lo || p >= lo + 1000) print $10 }' \
    /proc/net/tcp /proc/net/tcp6) || true)
[ -z "$stray" ] || fail "the second Stoa listens outside its thousand ports"
joinable side 1 || fail "nobody can join the second: $("$stoa" --state "$work/side" status)"
joinable own 1 || fail "nobody can join the first any more"
ok "two Stoas side by side, guests can join both"

code=0
said=$(BUILD_DIR=$START_BUILD "$START_SOURCE/start" --no-build --state "$work/side" --port-base "$second" \
  --name changed.example.org 2>&1) || code=$?
[ "$code" -eq 1 ] || fail "a second start with the same state ended with $code"
grep -q 'already runs with the state directory' <<<"$said" || fail "a second start with the same state said: $said"
kill -0 "$side_pid" || fail "the running Stoa ended"
[ "$(page "$work/side/inside/pki/ca.crt" localhost "$second")" = 200 ] || fail "the running Stoa was disturbed"
ok "a second start with the same state: $said"

# --- ends, and starts again -------------------------------------------------------------------------

"$stoa" --state "$work/side" config add space name=Kept callId=777001 >/dev/null || fail "cannot add a space"
# Keys and certificates of both sites: a file that is written anew has another inode or time.
secrets() { find "$work"/side/{inside,edge}/{keys,pki} -type f -printf '%p %i %T@\n' | sort; }
before=$(secrets)
pid=$side_pid
stop_stoa side INT
[ "$code" -eq 0 ] || fail "SIGINT ended it with $code"
ok "SIGINT: all end, exit code 0"

start_and_time side --port-base "$second"
# It waits for nothing that the first one did not have: measured by that one, for machines differ.
[ "$took" -le $((3 * first_took)) ] || fail "the second start took $took ms, the first one $first_took ms"
"$stoa" --state "$work/side" config list space | grep -q Kept || fail "the space is gone"
[ "$(secrets)" = "$before" ] || fail "the second start made new keys: $(diff <(echo "$before") <(secrets))"
ok "second start: same data, keys and certificates, ready after $took ms instead of $first_took"

stop_stoa side KILL
ok "SIGKILL of 'stoa run': no process is left"
start_stoa side --port-base "$second"
wait_ready side
"$stoa" --state "$work/side" status >"$work/status.out" || fail "stoa status: $(cat "$work/status.out")"
stop_stoa side TERM
ok "starts again after SIGKILL; SIGTERM: no process is left"

# --- web bridge links -------------------------------------------------------------------------------

pki=$work/side/inside/pki
rm "$pki/callbridge.crt"
start_stoa side --port-base "$second" --callbridge 2 --webbridge 2
wait_ready side
within 100 joinable side 2 || fail "two by two: $("$stoa" --state "$work/side" status)"
[ "$(openssl x509 -in "$pki/callbridge.crt")" = "$(cat "$pki/webbridge.trust")" ] ||
  fail "the trust bundle did not follow the callbridge's new certificate"
stop_stoa side TERM
ok "a new callbridge certificate is trusted; two web bridges and two callbridges have all links"

cat "$pki/ca.crt" >>"$pki/webbridge.trust" # an administrator's bundle from here on
cp "$pki/webbridge.trust" "$work/trust"
rm "$pki/callbridge.crt"
start_stoa side --port-base "$second"
wait_ready side
cmp -s "$pki/webbridge.trust" "$work/trust" || fail "an administrator's trust bundle was overwritten"
within 50 grep -q '^Nobody can join yet' "$work/side.out" || fail "Ready does not say that nobody can join"
"$stoa" --state "$work/side" status | grep -q 'certificate not in the trust bundle' ||
  fail "stoa status does not say why: $("$stoa" --state "$work/side" status)"
stop_stoa side TERM
ok "an administrator's trust bundle is left alone; Ready and stoa status say that nobody can join"

pid=$own_pid
stop_stoa own INT
start_stoa own --port-base "$first" --listen 127.0.0.1
wait_ready own
joinable own 1 || fail "started without --name and --cert: $("$stoa" --state "$work/own" status)"
stop_stoa own INT
ok "a certificate of one's own keeps its name at the next start: guests can join"
