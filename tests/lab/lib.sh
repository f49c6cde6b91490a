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
# `work` is a folder in memory that is gone with the lab; what a failed test leaves is copied to LAB_KEEP.
# shellcheck shell=bash
set -eu
lab_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
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

lab_up() {
  hosts_up
  dns_up
  firewalls_up
  self_check
}
