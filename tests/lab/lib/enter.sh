# SPDX-License-Identifier: Apache-2.0
# Starts the script that sources this again in namespaces of its own: mounts, network, processes and, for a user,
# users. Nothing of a lab is ever in the machine's own, and whatever ends the script ends all of the lab: with its
# first process the kernel kills the others, then drops the network, the mounts and the files in /run/lab.
# shellcheck shell=bash

lab_skip() {
  printf '\n*** SKIP: %s: %s\n*** Nothing was tested.\n\n' "${0##*/}" "$*" >&2
  exit 77
}

if [ -z "${LAB_INSIDE:-}" ]; then
  for tool in ip nft dnsmasq unshare nsenter; do
    command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin:/sbin
    command -v "$tool" >/dev/null || { echo "$tool is missing (deploy/packages/test)" >&2; exit 1; }
  done
  lab_spaces=(--mount --net --pid --fork --kill-child --mount-proc)
  # A root that may not (in a container) is tried as a user.
  if [ "$(id -u)" != 0 ] || ! unshare "${lab_spaces[@]}" true 2>/dev/null; then
    lab_spaces=(--user --map-root-user "${lab_spaces[@]}")
    unshare "${lab_spaces[@]}" true 2>/dev/null || lab_skip "neither root nor user namespaces"
  fi
  # With the caller it ends, too, even when nobody can say goodbye.
  LAB_INSIDE=yes exec setpriv --pdeathsig KILL unshare "${lab_spaces[@]}" "$0" "$@"
fi

# shellcheck disable=SC2034 # for the scripts
work=/run/lab
trap 'echo "FAILED: ${BASH_SOURCE[0]}, line $LINENO: $BASH_COMMAND" >&2' ERR

# What a script in the lab starts (do) finds all that there already.
if ! [ -d "$work" ]; then
  # The first process of a namespace gets no signal that it does not ask for.
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  trap lab_keep EXIT
  mount -t tmpfs -o mode=755 lab /run
  mkdir -p /run/netns "$work/tmp"
  export TMPDIR=$work/tmp
fi

# The logs of a failed test are kept where LAB_KEEP says.
lab_keep() {
  local code=$?
  if [ "$code" = 0 ] || [ "$code" = 77 ] || [ -z "${LAB_KEEP:-}" ]; then return 0; fi
  mkdir -p "$LAB_KEEP" && cp "$work"/*.log "$LAB_KEEP" 2>/dev/null && echo "The logs are in $LAB_KEEP" >&2
  return 0
}
