# SPDX-License-Identifier: Apache-2.0
# What passes an interface, searched for addresses (sniff.c). LAB_SNIFF: the sniffer.
# shellcheck shell=bash

# capture HOST INTERFACE ADDRESS...: begins; one at a time.
capture() {
  local host=$1
  shift
  "$lab_dir/on" "$host" "$LAB_SNIFF" "$@" >"$work/captured.txt" 2>"$work/capture.log" &
  capture_pid=$!
  within 300 grep -q sniffing "$work/capture.log" || fail "nothing can be captured on $host"
}

capture_end() {
  kill "$capture_pid"
  wait "$capture_pid" || true
}

# captured ADDRESS: packets with this address.
captured() { awk -v a="$1" '$1 == a { print $3; found = 1 } END { exit !found }' "$work/captured.txt"; }
