#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab itself: topology, split DNS, firewalls, every fault, and that nothing leaks. Needs nothing of Stoa.
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up
ok "the guide's network: hosts, DNS, firewalls; nothing leaks"
check_srv
ok "service records inside, none outside"

# --- something to talk to ---------------------------------------------------------------------------

# echo_server HOST PORT...: gives back what comes, by TCP and UDP.
echo_server() {
  local host=$1
  shift
  on "$host" node -e 'for (const port of process.argv.slice(1)) {
    require("net").createServer((c) => { c.on("error", () => {}); c.pipe(c); }).listen(port);
    const udp = require("dgram").createSocket("udp4");
    udp.on("message", (m, from) => udp.send(m, from.port, from.address)).bind(port); }' "$@" >"$work/echo-$host.log" 2>&1 &
}
echo_server expe 443 3478 7001 24000
echo_server client2 9

# The connections of the test: name, host, protocol, address, port.
talkers=(
  "web client1 tcp 10.88.246.156 443"
  "turn_tcp client1 tcp 10.88.246.156 3478"
  "turn_udp client1 udp 10.88.246.156 3478"
  "relay client1 udp 10.88.246.156 24000"
  "zone expc tcp 172.16.85.168 7001"
  "turn_inside cms udp 172.16.85.168 3478"
  "streets client1 tcp 172.16.84.125 9"
)
names=$(printf '%s\n' "${talkers[@]%% *}" | xargs)

# talk NAME HOST PROTO ADDRESS PORT: keeps a connection open; a word and seconds that are written to $to_NAME: the word
# goes there, and what comes back within that time is read from $from_NAME, else "nothing". What comes late is passed
# over. (dd: bash reads byte by byte, and of a datagram gets the first alone.)
talk() {
  local to from
  rm -f "$work/$1.to" "$work/$1.from"
  mkfifo "$work/$1.to" "$work/$1.from"
  # shellcheck disable=SC2016 # expanded in there
  on "$2" bash -c 'exec 3<>"/dev/$1/$2/$3" && while read -r word seconds; do
      printf "%s\n" "$word" >&3
      back=
      until [ "${back##*[[:space:]]}" = "$word" ]; do
        back=$(timeout "$seconds" dd bs=2048 count=1 status=none <&3) && [ -n "$back" ] || break
      done
      back=${back##*[[:space:]]}
      echo "${back:-nothing}"
    done' talk "$3" "$4" "$5" <"$work/$1.to" >"$work/$1.from" 2>"$work/$1.log" &
  exec {to}>"$work/$1.to" {from}<"$work/$1.from"
  eval "to_$1=$to from_$1=$from"
}

hang_up() {
  local to=to_$1 from=from_$1
  eval "exec ${!to}>&- ${!from}<&-"
}

# hearing SECONDS: the names of those who get an answer within that time. Each says a word, then each is heard.
hearing() {
  local name pipe word=word$RANDOM back
  for name in $names; do
    pipe=to_$name
    printf '%s %s\n' "$word" "$1" >&"${!pipe}" || true
  done
  for name in $names; do
    pipe=from_$name
    if read -r -t 60 back <&"${!pipe}" && [ "$back" = "$word" ]; then printf '%s ' "$name"; fi
  done
}

opens() { [ "$(probe_tcp "$1" "$2" "$3" 30)" = open ]; }
for one in "${talkers[@]}"; do
  # shellcheck disable=SC2086 # five words
  set -- $one
  [ "$3" = udp ] || within 300 opens "$2" "$4" "$5" || fail "there is no way: $one"
  talk "$@"
done
[ "$(hearing 30)" = "$names " ] || fail "not every connection works: $(hearing 30)"
ok "running connections: $names"

# --- faults -----------------------------------------------------------------------------------------

# cuts FAULT NAME...: the fault meets these connections, though they run, and no others. Those are made again then:
# what TCP has kept comes late. Who is slow is heard at the second try.
cuts() {
  local fault=$1 wanted='' name one heard
  shift
  for name in $names; do
    case " $* " in *" $name "*) ;; *) wanted+="$name " ;; esac
  done
  fault "$fault" on
  heard=$(hearing 1)
  [ "$heard" = "$wanted" ] || heard=$(hearing 10)
  [ "$heard" = "$wanted" ] || fail "fault $fault: these go on: $heard"
  [ "$(fault_hits "$fault")" -gt 0 ] || fail "fault $fault has met nothing"
  fault "$fault" off
  for name in "$@"; do
    hang_up "$name"
    for one in "${talkers[@]}"; do
      # shellcheck disable=SC2086 # five words
      [ "${one%% *}" != "$name" ] || talk $one
    done
  done
  heard=$(hearing 30)
  [ "$heard" = "$names " ] || fail "after fault $fault these go on: $heard"
  ok "fault $fault: cuts $*, nothing else"
}
cuts udp-turn turn_udp
cuts tcp-turn turn_tcp
cuts no-udp turn_udp relay
cuts only-443 turn_tcp turn_udp relay
cuts relay turn_tcp turn_udp relay
cuts range relay
cuts wan web turn_tcp turn_udp relay
cuts zone zone
cuts zone-reset zone
cuts inner zone turn_inside
cuts turn-data turn_inside # a word looks like ChannelData

# The public address from its own side: not led back, unless the fault (a feature of some firewalls) is on.
cut_off fw-out hairpin_denied expe udp 10.88.246.156 24000
fault hairpin on
[ "$(probe_udp expe 10.88.246.156 24000 30)" = open ] || fail "hairpin: the public address is not led back in"
[ "$(fault_hits hairpin)" -gt 0 ] || fail "fault hairpin has met nothing"
fault hairpin off
cut_off fw-out hairpin_denied expe udp 10.88.246.156 24000
ok "fault hairpin: leads the public address back in"

# 250 kB at 500 kbit/s are 4 s, less what the queue holds; a slow machine takes longer.
fault slow-client1 on
began=$(date +%s%N)
# shellcheck disable=SC2016 # expanded in there
on client1 bash -c 'exec 3<>/dev/tcp/10.88.246.156/443; head -c 250000 /dev/zero >&3 & head -c 250000 <&3 >/dev/null'
took=$((($(date +%s%N) - began) / 1000000))
[ "$took" -ge 3000 ] || fail "fault slow-client1: 250 kB took only $took ms"
fault slow-client1 off
ok "fault slow-client1: 250 kB take $took ms"

# A fault that cannot be installed must end its test.
if (fault_rules() { echo 'no such rule;'; }; fault zone on) 2>/dev/null; then fail "a broken fault passes for one that is on"; fi
if (fault no-such-fault on) 2>/dev/null; then fail "an unknown fault passes for one that is on"; fi
if (fault zone off) 2>/dev/null; then fail "a fault that is not on can be taken away"; fi
if (LAB_TURN_PORTS='3478,oops' && fw_out_up) 2>/dev/null; then fail "a broken firewall passes for a firewall"; fi
ok "a fault that does not install ends its test"

# --- evidence ---------------------------------------------------------------------------------------

for counter in https turn_tcp turn_udp relay_in relay_out; do
  [ "$(count fw-out $counter)" -gt 0 ] || fail "the outer firewall has not counted $counter"
done
[ "$(count fw-in in_out)" -gt 0 ] || fail "the inner firewall has not counted what goes out"
[ "$(count fw-in out_in_started)" = 0 ] || fail "answers count as packets that the edge has started"
[ "$(probe_tcp expe 172.16.85.180 443)" = silent ] || fail "the edge reaches the inside"
[ "$(count fw-in out_in_started)" -gt 0 ] || fail "what the edge starts is not counted"
ok "counters: answers pass, what the edge starts is dropped and counted"

self_check_again
ok "nothing leaks, as before"
