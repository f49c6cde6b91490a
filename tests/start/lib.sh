# SPDX-License-Identifier: Apache-2.0
# For the tests of ./start: a folder, a port range nobody else has, a Stoa in the background.
# Sourced with: START_BUILD=build tree, START_SOURCE=source tree.
# shellcheck shell=bash
set -eu
# shellcheck source=tests/common.sh
. "$START_SOURCE/tests/common.sh"

work=$(mktemp -d /tmp/stoa-start-XXXXXX)
started=()

clean_up() {
  local pid
  for pid in "${started[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  umount "$work"/* 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

# Sets `base` to the first of a thousand ports that this test has for itself: a lock per thousand, held
# on a file descriptor until the test ends, keeps tests apart.
take_ports() {
  local slot port fd busy
  busy=$(awk 'FNR > 1 { split($2, a, ":"); print strtonum_hex(a[2]) }
    function strtonum_hex(h,  i, n) { n = 0; h = tolower(h)
      for (i = 1; i <= length(h); i++) n = n * 16 + index("0123456789abcdef", substr(h, i, 1)) - 1
      return n }' /proc/net/{tcp,tcp6,udp,udp6} | sort -un)
  for slot in $(seq 10 31 | shuf); do
    port=$((slot * 1000))
    exec {fd}>"/tmp/stoa-test-ports-$slot.lock"
    if flock --nonblock "$fd" && ! awk -v n=$port '$1 >= n && $1 < n + 1000 { found = 1 } END { exit !found }' \
      <<<"$busy"; then
      # shellcheck disable=SC2034 # for the scripts
      base=$port
      return 0
    fi
    exec {fd}>&-
  done
  fail "no free range of ports"
}

# start_stoa NAME [options]: ./start in the background, output in NAME.out and NAME.err, pid in `pid`.
start_stoa() {
  local name=$1
  shift
  # Now, not when the background shell comes to it: nobody must read what the last one wrote.
  : >"$work/$name.out"
  : >"$work/$name.err"
  BUILD_DIR=$START_BUILD "$START_SOURCE/start" --no-build --state "$work/$name" "$@" \
    >"$work/$name.out" 2>"$work/$name.err" &
  pid=$!
  started+=("$pid")
}

# Waits for Ready of the Stoa started last as NAME; a Stoa that ends instead is seen at once.
is_ready() { grep -q '^Ready: ' "$work/$1.out"; }
is_over() { ! kill -0 "$pid" 2>/dev/null; }
ready_or_over() { is_ready "$1" || is_over; }
wait_ready() {
  within 1200 ready_or_over "$1" || fail "$1: not ready after 120 s"
  is_ready "$1" || fail "$1: ended instead of becoming ready"
}

# The processes whose environment names this state directory, as the kernel lists them.
processes_of() {
  grep -slzx -E "STOA_STATE=$1/(inside|edge)" /proc/[0-9]*/environ | grep -o '[0-9]*' || true
}
nobody_left() { [ -z "$(processes_of "$work/$1")" ]; }

# joinable NAME LINKS: every web bridge of the Stoa NAME has so many links, and says nothing else.
joinable() {
  "$stoa" --state "$work/$1" status |
    awk -v want="$2" '/^webbridge/ { n++; up += $NF == want } END { exit !(n > 0 && up == n) }'
}

# stop_stoa NAME SIGNAL: sends it and checks that nobody is left. Sets `code`.
stop_stoa() {
  kill "-$2" "$pid"
  within 100 is_over || fail "$1: still runs 10 s after SIG$2"
  code=0
  wait "$pid" || code=$?
  within 30 nobody_left "$1" || fail "$1: SIG$2 left processes: $(processes_of "$work/$1" | xargs)"
}

# refuses WHAT REGEX NAME [options]: ./start must end by itself, not with 0, with a sentence like REGEX.
refuses() {
  local what=$1 sentence=$2 name=$3
  shift 3
  start_stoa "$name" "$@"
  within 200 is_over || fail "$what: still runs after 20 s"
  code=0
  wait "$pid" || code=$?
  [ "$code" -ne 0 ] || fail "$what: ended with 0"
  is_ready "$name" && fail "$what: said Ready"
  grep -q -E -e "$sentence" "$work/$name.err" || fail "$what: no sentence like: $sentence"
  nobody_left "$name" || fail "$what: processes are left"
  ok "$what (exit code $code): $(grep -m 1 -E -e "$sentence" "$work/$name.err" | sed 's/^[0-9: .-]* *//')"
}

# A page to serve: the real one need not be built.
mkdir "$work/web"
echo '<!doctype html><title>Stoa</title>' >"$work/web/index.html"
export STOA_WEB=$work/web
# shellcheck disable=SC2034 # for the scripts
stoa=$START_BUILD/bin/stoa
