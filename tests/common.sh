# SPDX-License-Identifier: Apache-2.0
# For every test script: what passes, what is wrong, waiting for something. Sourced; `work` is the test's
# own folder, whose logs are shown when it fails.
# shellcheck shell=bash

# Says what is wrong, with the end of every log of the test, and ends it.
fail() {
  local log
  # shellcheck disable=SC2154 # work: of the scripts
  for log in "$work"/*.log "$work"/*.out "$work"/*.err; do
    [ ! -s "$log" ] || { echo "--- $log"; tail -n 40 "$log"; } >&2
  done
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

ok() { printf 'ok: %s\n' "$*"; }

# Waits up to N tenths of a second for a command to succeed.
within() {
  local tenths=$1
  shift
  while ! "$@" >/dev/null 2>&1; do
    tenths=$((tenths - 1))
    [ "$tenths" -gt 0 ] || return 1
    sleep 0.1
  done
}
