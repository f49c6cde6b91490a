# SPDX-License-Identifier: Apache-2.0
# What passes an interface, searched for addresses (sniff.c).
# shellcheck shell=bash

# capture HOST INTERFACE ADDRESS...: begins.
capture() {
  local host=$1 interface=$2
  shift
  "$lab_dir/on" "$host" "$LAB_SNIFF" "$@" >"$work/$interface.captured" 2>"$work/capture.log" &
  eval "capture_$interface=$!"
  within 300 grep -q sniffing "$work/capture.log" || fail "nothing can be captured on $host"
}

capture_end() {
  local pid=capture_$1
  kill "${!pid}"
  wait "${!pid}" || true
}

# captured INTERFACE ADDRESS: packets with this address.
captured() { awk -v a="$2" '$1 == a { print $3; found = 1 } END { exit !found }' "$work/$1.captured"; }
