# SPDX-License-Identifier: Apache-2.0
# Split DNS: one server inside, one outside, with the guide's records. Neither asks anybody else.
# shellcheck shell=bash

# Two records of the guide are read so: its picture hides the inside address of vcse, which is LAN1 here; for
# _xmpp-server it prints 5209, where 5269 is meant.
dns_inside=(
  --host-record=cmsweb.octavio.com,172.16.85.180
  --host-record=vcse.octavio.com,172.16.85.168
  --host-record=cms.octavio.local,172.16.85.180
  --host-record=admin.cms.octavio.local,172.16.85.180
  --host-record=xmpp.cms.octavio.local,172.16.85.180
  --host-record=cmsweb.cms.octavio.local,172.16.85.180
  --host-record=vcsc.octavio.local,172.16.85.167
  --srv-host=_xmpp-client._tcp.octavio.com,xmpp.cms.octavio.local,5222,10,10
  --srv-host=_xmpp-server._tcp.octavio.com,xmpp.cms.octavio.local,5269,10,10
  --srv-host=_cisco-uds._tcp.octavio.com,ocucmp.octavio.local,8443,10,10
  --srv-host=_cuplogin._tcp.octavio.com,ocupsp.octavio.local,8443,10,10
)
dns_outside=(
  --host-record=cmsweb.octavio.com,10.88.246.156
  --host-record=vcse.octavio.com,10.88.246.156
)

# resolver HOST [SERVER]: the host's files below /etc. hosts first, then DNS and nothing else, whatever the machine
# has; no server: names are not resolved.
resolver() {
  local etc=/run/lab/etc/$lab_prefix$1 file
  mkdir -p "$etc"
  printf '127.0.0.1 localhost\n' >"$etc/hosts"
  printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$etc/nsswitch.conf"
  if [ -n "${2:-}" ]; then printf 'nameserver %s\noptions timeout:2 attempts:2\n' "$2"; fi >"$etc/resolv.conf"
  for file in "$etc"/*; do
    file=/etc/${file##*/}
    # A link into /run, which is empty here; or not there at all, and then it must not be made.
    [ -e "$file" ] || { [ ! -L "$file" ] || { mkdir -p "$(dirname "$(readlink -m "$file")")" && touch "$(readlink -m "$file")"; }; }
    [ -e "$file" ] || rm "$etc/${file##*/}"
  done
}

# dns_server HOST ADDRESS OPTION...: -d: in the foreground and as it was started, also where there are no other users.
dns_server() {
  local host=$1 address=$2
  shift 2
  on "$host" dnsmasq -d --conf-file=/dev/null --pid-file= --no-resolv --no-hosts --bind-interfaces \
    --listen-address="$address" --local=/#/ "$@" >"$work/$host.log" 2>&1 &
}

dns_up() {
  local host
  for host in cms expc desk dns-int; do resolver "$host" 172.16.85.162; done
  for host in expe client1 client2 dns-ext; do resolver "$host" 10.88.246.53; done
  for host in sw fw-in fw-out inet; do resolver "$host"; done
  dns_server dns-int 172.16.85.162 "${dns_inside[@]}"
  dns_server dns-ext 10.88.246.53 "${dns_outside[@]}"
  within 200 address_of cms cmsweb.octavio.com || fail "the DNS server inside does not answer"
  within 200 address_of client1 cmsweb.octavio.com || fail "the DNS server outside does not answer"
}

# address_of HOST NAME: the address that the host gets for a name; fails when there is none.
address_of() {
  local found
  found=$(on "$1" getent ahostsv4 "$2") || return 1
  awk 'NR == 1 { print $1 }' <<<"$found"
}

# srv_of HOST NAME: "target port priority weight" of its service record.
srv_of() {
  on "$1" node -e 'require("dns").resolveSrv(process.argv[1], (err, all) => {
    if (err) { console.log(err.code); process.exit(1); }
    for (const r of all) console.log(r.name, r.port, r.priority, r.weight); })' "$2"
}
