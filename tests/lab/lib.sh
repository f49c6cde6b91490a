# SPDX-License-Identifier: Apache-2.0
# The guide's network on one machine: hosts, firewalls, DNS, faults. A test script sources it first of all:
#
#   . "$(dirname "$0")/lib.sh"     # runs the script again in namespaces of its own
#   lab_up                         # the network, checked
#   on client1 curl ...            # a command on a host
#   fault no-udp on                # a fault of the network
#   count fw-in out_in_started     # evidence
#   self_check_again
#
# LAB_PAGE=yes, set before: the test has browsers, and the guest page is built first.
# `work` is a folder in memory that is gone with the lab; what a failed test leaves is copied to LAB_KEEP.
# shellcheck shell=bash
set -eu
lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# By CTest from its build tree; by hand from the usual one.
export LAB_STOA=${LAB_STOA:-$lab_dir/../../build/asan/bin/stoa} LAB_SNIFF=${LAB_SNIFF:-$lab_dir/../../build/asan/tests/lab/lab_sniff}
# Inside there is no network to install anything from.
[ -n "${LAB_INSIDE:-}" ] || [ -z "${LAB_PAGE:-}" ] || "$lab_dir/../../web/build"
# shellcheck source=tests/lab/lib/enter.sh
. "$lab_dir/lib/enter.sh"
# shellcheck source=tests/common.sh
. "$lab_dir/../common.sh"
# shellcheck source=tests/lab/lib/hosts.sh
. "$lab_dir/lib/hosts.sh"
# shellcheck source=tests/lab/lib/dns.sh
. "$lab_dir/lib/dns.sh"
# shellcheck source=tests/lab/lib/firewalls.sh
. "$lab_dir/lib/firewalls.sh"
# shellcheck source=tests/lab/lib/faults.sh
. "$lab_dir/lib/faults.sh"
# shellcheck source=tests/lab/lib/probes.sh
. "$lab_dir/lib/probes.sh"
# shellcheck source=tests/lab/lib/check.sh
. "$lab_dir/lib/check.sh"
# shellcheck source=tests/lab/lib/pki.sh
. "$lab_dir/lib/pki.sh"
# shellcheck source=tests/lab/lib/capture.sh
. "$lab_dir/lib/capture.sh"
# shellcheck source=tests/lab/lib/stoa.sh
. "$lab_dir/lib/stoa.sh"

lab_up() {
  hosts_up
  dns_up
  firewalls_up
  self_check
}

# The network with Stoa in it: the inside, the edge with N TURN instances (1), the zone between them. Guests can join.
# LAB_HIDE=yes: the edge has no route inside (hide_inside).
lab_stoa_up() {
  lab_up
  [ -z "${LAB_HIDE:-}" ] || hide_inside
  stoa_keys
  edge_up --turn "${1:-1}"
  inside_up
  zone_up
  within 600 tunnels_active || fail "not all tunnels are up: $(stoa zone 2>&1)"
  within 600 joinable || fail "nobody can join: $(stoa status 2>&1)"
  net fw-in nft reset counters table ip firewall >/dev/null
  net fw-out nft reset counters table ip firewall >/dev/null
}

# browse FILE: the tests of a .mjs file of this folder.
browse() {
  (cd "$lab_dir" && node --test --test-concurrency=1 "$1") || fail "$1"
}
