#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab with Stoa in it, and a shell to look around: `on HOST COMMAND`, `fault NAME on`, `count FIREWALL COUNTER`,
# `stoa ...`, `stoa_edge ...`. With the shell everything ends. Not a test.
export LAB_PAGE=yes
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

lab_stoa_up "${1:-1}"
ok "https://cmsweb.octavio.com/ is served on client1, client2 and desk; call ID 100101; logs are in $work"
set +eu
trap - ERR INT
PS1='lab> '
export -f on net count fault fault_host fault_rules fault_table fault_hits rules slow fail stoa stoa_edge
export PS1 work lab_dir lab_prefix
bash --norc -i
