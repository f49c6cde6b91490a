#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The two sites of ./start: together, alone, what they share (nothing), and how one ends the other:
# tests/start/sites.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"
take_ports
at=(--port-base "$base" --listen 127.0.0.1)
run() { "$stoa" --state "$work/$name" "$@"; }
# daemons: one line "site role" per daemon that runs, sorted.
daemons() {
  run status --json | node -e '
    for (const r of JSON.parse(require("fs").readFileSync(0))) console.log(r.site, r.role)' | sort
}

# --- together ---------------------------------------------------------------------------------------

name=both
start_stoa both "${at[@]}"
wait_ready both
grep -q "^Ready: https://127.0.0.1:$base/$" "$work/both.out" || fail "Ready names another address"
grep -q "^Through the edge: https://127.0.0.1:$((base + 5))/$" "$work/both.out" || fail "the address through the edge is not named"
run status >"$work/status" || fail "not every daemon is ready: $(cat "$work/status")"
for row in 'inside busd' 'inside config' 'inside callbridge' 'inside webbridge' 'edge busd' 'edge config' 'edge webadmin'; do
  grep -q -x "$row" < <(daemons) || fail "no row $row: $(daemons)"
done
[ "$(run --site edge status --json | grep -c '"site": "inside"')" -eq 0 ] || fail "--site edge shows the inside"
[ "$(wc -l < <(daemons | awk '$1 == "edge" && $2 == "run"'))" = 1 ] || fail "the edge has no supervisor of its own"
ok "both sites run, each with a supervisor; stoa status shows both"

secrets() { find "$work/both/$1" \( -name '*.key' -o -name '*.seal' -o -name '*.ticket' \) -exec sha256sum {} + | cut -d ' ' -f 1 | sort; }
[ "$(wc -l < <(secrets edge))" -ge 8 ] && [ "$(wc -l < <(secrets inside))" -ge 8 ] || fail "the sites have no keys"
shared=$(comm -12 <(secrets inside) <(secrets edge))
[ -z "$shared" ] || fail "the sites share a key"
loose=$(find "$work/both" \( -name '*.key' -o -name '*.seal' -o -name '*.join' \) -perm /077)
[ -z "$loose" ] || fail "others may read: $loose"
[ -z "$(find "$work/both" -name '*.join')" ] || fail "a join file is left"
for site in inside edge; do
  pki=$work/both/$site/pki
  while read -r crt; do
    "$stoa" pki verify --cert "$crt" --bundle "$pki/ca.crt" >/dev/null || fail "$crt is of another authority"
  done < <(find "$pki" -name '*.crt' ! -name ca.crt)
done
for one in vcse.octavio.com cmsweb.octavio.com localhost; do
  "$stoa" pki verify --cert "$work/both/edge/pki/expe.crt" --bundle "$work/both/edge/pki/ca.crt" --name "$one" >/dev/null ||
    fail "the edge's certificate is not for $one"
done
ok "an authority for each site, and no key in both"

# --- one ends the other -----------------------------------------------------------------------------

supervisor() { pgrep -P "$pid" -f "^.*/stoa run $1 "; }
[ -n "$(supervisor edge)" ] && [ -n "$(supervisor inside)" ] || fail "the supervisors are not children of $pid"
kill -9 "$(supervisor edge)"
within 150 is_over || fail "the inside runs on without its edge's supervisor"
code=0
wait "$pid" || code=$?
[ "$code" -ne 0 ] || fail "it ended with 0 after its edge was killed"
within 30 nobody_left both || fail "processes are left: $(processes_of "$work/both" | xargs)"
grep -q 'the site "edge" has ended by signal 9' "$work/both.err" || fail "nothing says why it ended"
ok "a killed supervisor ends both, with a sentence and without leaving anybody"

start_stoa both "${at[@]}"
wait_ready both
stop_stoa both KILL
ok "SIGKILL of the whole leaves nobody"
start_stoa both "${at[@]}"
wait_ready both
stop_stoa both INT
[ "$code" -eq 0 ] || fail "SIGINT ended it with $code"
[ "$(grep -c 'has stopped$' "$work/both.err")" = 2 ] || fail "not both sites said that they have stopped"
ok "SIGINT stops both in order"

# What one site knows of the other follows the options of the start.
take_ports
at=(--port-base "$base" --listen 127.0.0.2)
start_stoa both "${at[@]}"
wait_ready both
within 300 run zone || fail "other ports and another address: the inside does not find its edge: $(run zone)"
relay() { run turn | grep -q 'relays (connected via UDP) *: [1-9]'; }
within 300 relay || fail "other ports and another address: callbridges do not find TURN: $(run turn)"
stop_stoa both INT
at=(--port-base "$base" --listen 127.0.0.1)
ok "other ports and another address: the sites find each other again"

# --- alone ------------------------------------------------------------------------------------------

name=alone
start_stoa alone "${at[@]}" --site edge
wait_ready alone
grep -q "^Ready: https://127.0.0.1:$((base + 5))/$" "$work/alone.out" || fail "the edge alone names another address"
[ -e "$work/alone/inside" ] && fail "the edge alone has made an inside"
[ -z "$(daemons | awk '$1 != "edge"')" ] || fail "another site runs: $(daemons)"
run zone | grep -q "The edge site has no zone ('stoa zone add')" || fail "zone: $(run zone)"
edge_pid=$pid
start_stoa alone "${at[@]}" --site inside
wait_ready alone
[ -n "$(daemons | awk '$1 == "inside"')" ] && [ -n "$(daemons | awk '$1 == "edge"')" ] || fail "not both run: $(daemons)"
stop_stoa_part() {
  kill -INT "$1"
  within 100 is_over || fail "$1 still runs"
}
stop_stoa_part "$pid"
pid=$edge_pid
stop_stoa alone INT
ok "--site: each site alone, and one beside the other"

refuses "a site that does not exist" "--site is inside or edge" wrong "${at[@]}" --site outside
code=0
said=$(STOA_STATE=$work/one "$stoa" run inside edge 2>&1) || code=$?
[ "$code" -eq 2 ] && grep -q 'STOA_STATE is the directory of one site' <<<"$said" || fail "two sites, one directory: $code, $said"
code=0
said=$("$stoa" --state "$work/one" run edge edge 2>&1) || code=$?
[ "$code" -eq 2 ] && grep -q 'is named twice' <<<"$said" || fail "a site twice: $code, $said"
ok "run refuses what cannot be meant"
