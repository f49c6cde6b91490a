# SPDX-License-Identifier: Apache-2.0
# Stoa in the lab, at the guide's addresses and ports: the inside site in cms, its expc in expc, the edge in expe.
# A site's daemons talk by sockets in the state directory, which all hosts see; a host's network is its own.
# shellcheck shell=bash

export STOA_WEB=${STOA_WEB:-$lab_dir/../../web/guest/dist}
lab_libexec=$(dirname "$LAB_STOA")/../libexec/stoa

stoa() { "$LAB_STOA" --state "$work/state" --site inside "$@"; }
stoa_edge() { "$LAB_STOA" --state "$work/state" --site edge "$@"; }

# place DIR ROLE [HOST [COMMAND...]]: the daemon in a folder for `stoa run --libexec`; with a host it runs there, with a
# command (env A=B) by that. It takes the place of the process that the supervisor has started, which sees and ends it
# as its own.
place() {
  mkdir -p "$1"
  if [ -z "${3:-}" ]; then
    ln -s "$lab_libexec/$2" "$1/$2"
  else
    printf '#!/bin/sh\nexec "%s/on" "%s" %s "%s/%s" "$@"\n' "$lab_dir" "$3" "${*:4}" "$lab_libexec" "$2" >"$1/$2"
    chmod +x "$1/$2"
  fi
}

# The keys and certificates of both sites, as ./start would make them.
stoa_keys() {
  local pki=$work/state/inside/pki
  mkdir -p "$work/state"
  stoa keys make >/dev/null
  stoa_edge keys make >/dev/null
  mkdir -p -m 700 "$pki" "$work/state/edge/pki"
  authority "$work/public" "Lab public CA"
  authority "$pki/ca" "Lab inside CA"
  issue "$pki/ca" "$pki/webbridge" cmsweb.octavio.com cmsweb.cms.octavio.local cms.octavio.local
  issue "$pki/ca" "$pki/webadmin" admin.cms.octavio.local
  issue "$pki/ca" "$pki/callbridge" cms.octavio.local
  # Its role: web bridges take guests of the outside from such alone (decision 015).
  issue "$pki/ca" "$pki/expc" vcsc.octavio.local expc
  cp "$pki/callbridge.crt" "$pki/webbridge.trust"
  pki=$work/state/edge/pki
  authority "$pki/ca" "Lab edge CA"
  issue "$pki/ca" "$pki/zone" vcse.octavio.com
  issue "$pki/ca" "$pki/webadmin" vcse.octavio.com
  edge_certificate right
}

# start_site HOST SITE [OPTION...]: `stoa run` there; waits until its daemons are ready.
start_site() {
  local host=$1 site=$2
  shift 2
  rm -f "$work/$site.ready"
  on "$host" "$LAB_STOA" --state "$work/state" run "$site" --libexec "$work/libexec/$site" \
    --on-ready "touch $work/$site.ready" "$@" >>"$work/$site.log" 2>&1 &
  within 1200 test -e "$work/$site.ready" || fail "the site \"$site\" is not ready"
}

# The guide's inside. Names are in the DNS of the lab, not in host records.
inside_up() {
  local role
  for role in busd config callbridge webbridge webadmin; do place "$work/libexec/inside" $role; done
  [ ! -x "$lab_libexec/expc" ] || place "$work/libexec/inside" expc expc
  STOA_LISTEN=172.16.85.180 STOA_PORT_HTTPS=443 STOA_PORT_HTTP=80 STOA_PORT_ADMIN=445 start_site cms inside "$@"
  awk '/^\[/ { skip = /^\[hostRecord / } !skip' "$lab_dir/../../deploy/example-site/inside.conf" >"$work/inside.conf"
  stoa config import "$work/inside.conf" >"$work/import.log" 2>&1 || fail "the guide's inside cannot be imported"
  stoa config import - >"$work/import.log" 2>&1 <<'TEXT' || fail "the guide's TURN server cannot be imported"
[turnServer "172.16.85.168"]
clientAddress = 10.88.246.156
username = turnuser
password = cisco
type = standard
tcpPortNumberOverride = 3478
TEXT
}

# The guide's edge, with its two interfaces and static NAT.
edge_up() {
  local role
  for role in busd config expe turn webadmin; do
    [ ! -x "$lab_libexec/$role" ] || place "$work/libexec/edge" $role
  done
  STOA_LISTEN_EDGE_HTTPS=192.168.245.61 STOA_LISTEN_EDGE_HTTP=192.168.245.61 STOA_LISTEN_ZONE=172.16.85.168 \
    STOA_LISTEN_EDGE_ADMIN=172.16.85.168 STOA_PORT_EDGE_HTTPS=443 STOA_PORT_EDGE_HTTP=80 STOA_PORT_EDGE_ADMIN=445 \
    start_site expe edge "$@"
  stoa_edge config import "$lab_dir/../../deploy/example-site/edge.conf" >"$work/import.log" 2>&1 ||
    fail "the guide's edge cannot be imported"
  edge_turn
}

edge_turn() {
  stoa_edge config import - >"$work/import.log" 2>&1 <<'TEXT' || fail "the edge's TURN settings cannot be imported"
[turn]
realm = octavio.com
staticNat = 10.88.246.156/192.168.245.61
listen = 172.16.85.168, 192.168.245.61

[turnUser "turnuser"]
password = cisco
TEXT
}

# The zone between both, by the steps of two administrators.
zone_up() {
  stoa_edge zone add "UT Zone" --user Tuser --address vcse.octavio.com --subject-name vcsc.octavio.local \
    --file "$work/zone.join" >"$work/zone-add.log" 2>&1 || fail "the zone cannot be added"
  stoa zone join "$work/zone.join" >"$work/zone-join.log" 2>&1 || fail "the zone cannot be joined"
}

# The tunnels of the guide's page are all Active.
tunnels_active() { [ "$(stoa zone --json | grep -o '"status": *"Active"' | wc -l)" -ge 3 ]; }

joinable() { stoa status 2>/dev/null | awk '/^webbridge/ && $NF > 0 { up = 1 } END { exit !up }'; }

# served: the fingerprint of the certificate that guests outside see.
served() {
  on client1 openssl s_client -connect cmsweb.octavio.com:443 -servername cmsweb.octavio.com </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha256
}
serves() { [ "$(served)" = "$(openssl x509 -in "$work/state/edge/pki/expe.crt" -noout -fingerprint -sha256)" ]; }

# serve_certificate KIND: see edge_certificate; waits until guests outside see it.
serve_certificate() {
  edge_certificate "$1"
  within 300 serves || fail "the edge goes on with another certificate than the one that is $1"
}
