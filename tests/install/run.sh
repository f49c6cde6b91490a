#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the build tree twice, with a prefix and with DESTDIR, moves the second, and runs the site from
# each until it is ready and serves its page: tests/install/run.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"
page=$STOA_WEB
unset STOA_WEB

# The programs and documents are there, and only they are executable.
complete() {
  local file
  for file in bin/stoa bin/bustap libexec/stoa/{busd,config,callbridge,webbridge,webadmin,turn,expc,expe}; do
    [ -x "$1/$file" ] || fail "$file is missing in $1"
  done
  for file in share/stoa/ports share/stoa/example-site/{inside,edge}.conf share/doc/stoa/{LICENSE,README.md,ports.md} \
    share/man/man1/{stoa,bustap}.1 share/man/man8/stoa-{busd,config,callbridge,webbridge,webadmin,turn,expc,expe}.8; do
    [ -f "$1/$file" ] || fail "$file is missing in $1"
  done
}

# The page is installed when it was built; when not, the installation has said so, and gets one here.
with_page() {
  [ -e "$1/share/stoa/guest/index.html" ] && return 0
  tr -s '[:space:]' ' ' <"$2" | grep -q 'The guest page is not installed' || fail "nothing said that there is no page"
  mkdir -p "$1/share/stoa"
  cp -r "$page" "$1/share/stoa/guest"
}

# Runs the site of the tree `$1` in state directory `$2` as an operator would set it up by hand.
runs() {
  local role stoa=$1/bin/stoa pki=$2/inside/pki
  "$stoa" --state "$2" keys make >/dev/null
  mkdir -p "$pki"
  "$stoa" pki ca --cn test --cert "$pki/ca.crt" --key "$pki/ca.key" >/dev/null
  for role in webbridge webadmin; do
    "$stoa" pki issue --ca "$pki/ca.crt" --ca-key "$pki/ca.key" --name localhost --cert "$pki/$role.crt" \
      --key "$pki/$role.key" >/dev/null
  done
  STOA_DEMO=1 "$stoa" run inside --state "$2" --port-base "$base" --listen 127.0.0.1 >"$2.out" 2>"$2.err" &
  pid=$!
  started+=("$pid")
  within 300 grep -q '^ready$' "$2.out" || fail "the site is not ready"
  [ "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$pki/ca.crt" "https://localhost:$base/")" = 200 ] ||
    fail "the page is not served"
  "$stoa" --state "$2" status >"$2.status" || fail "stoa status says: $(cat "$2.status")"
  [ "$(readlink "/proc/$(pgrep -P "$pid" -x busd)/exe")" = "$1/libexec/stoa/busd" ] ||
    fail "busd is not the one of the tree"
  stop_stoa "${2##*/}" TERM
  [ "$code" -eq 0 ] || fail "ended with $code"
}

take_ports

cmake --install "$START_BUILD" --prefix "$work/prefix" >"$work/prefix.log" 2>&1 || fail "cmake --install --prefix"
complete "$work/prefix"
with_page "$work/prefix" "$work/prefix.log"
mkdir "$work/a"
runs "$work/prefix" "$work/a"
ok "installed with --prefix: runs"

DESTDIR=$work/stage cmake --install "$START_BUILD" >"$work/stage.log" 2>&1 || fail "DESTDIR cmake --install"
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$START_BUILD/CMakeCache.txt")
complete "$work/stage$prefix"
outside=$(find "$work/stage" -type f ! -path "$work/stage$prefix/*" | head -n 1)
[ -z "$outside" ] || fail "$outside is not below the prefix"
mv "$work/stage$prefix" "$work/moved"
with_page "$work/moved" "$work/stage.log"
mkdir "$work/b"
runs "$work/moved" "$work/b"
ok "installed with DESTDIR and moved: runs"
