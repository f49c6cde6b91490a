#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `stoa mmp` against a running Stoa: it prints what the guide prints, does what it says, live, and says why
# when it cannot: tests/start/mmp.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"
take_ports
site="$work/own/inside"
cd "$work"
start_stoa own --port-base "$base" --listen 127.0.0.1
wait_ready own

# mmp EXIT COMMAND: carries it out; what it says is in `said`.
mmp() {
  local exit=$1
  shift
  code=0
  said=$("$stoa" --state "$work/own" mmp "$@" 2>&1) || code=$?
  [ "$code" -eq "$exit" ] || fail "mmp $*: ended with $code, said: $said"
}
says() { grep -q -E -e "$1" <<<"$said" || fail "no line like $1: $said"; }
# labels TEXT: the labels of `said`, in order, are those of the guide's text, and its colons stand in line.
labels() {
  [ "$(sed 's/ *:.*//' <<<"$said")" = "$(sed 's/ *:.*//' <<<"$1")" ] || fail "other labels than the guide: $said"
  [ "$(sed 's/ : .*//' <<<"$said" | awk '{ print length }' | sort -u | wc -l)" = 1 ] || fail "the colons are not in line: $said"
}
status_of() { curl -sk -o /dev/null --max-time 5 -H 'Host: localhost' -w '%{http_code}' "$@" || true; }

# --- what the guide prints --------------------------------------------------------------------------

mmp 0 license
[ "$said" = "Feature: callbridge status: Activated expiry: never" ] || fail "license: $said"
mmp 0 callbridge
labels 'Listening interfaces : a
Preferred interface : none
Key file            : callbridge.key
Certificate file    : callbridge.cer
Address             : none
CA Bundle file     : root.cer'
says "^Listening interfaces : 127.0.0.1:$((base + 100))$"
mmp 0 "webbridge"
labels 'Enabled            : true
Interface whitelist : a:443
Key file           : webbridge.key
Certificate file   : webbridge.cer
CA Bundle file    : root.cer
Trust bundle      : callbridge.cer
HTTP redirect     : Enabled
Clickonce URL     : none
MSI download URL  : none
DMG download URL  : none
iOS download URL  : none'
for line in 'Enabled +: true' "Interface whitelist : 127.0.0.1:$base" 'Key file +: webbridge.key' \
  'Certificate file +: webbridge.crt' 'CA Bundle file +: none' 'HTTP redirect +: Enabled' 'iOS download URL +: none'; do
  says "^$line$"
done
mmp 0 webbridge --json
says '"HTTP redirect": "Enabled"'
ok "license, callbridge and webbridge print the guide's lines"

# --- enable and disable -----------------------------------------------------------------------------

page="https://127.0.0.1:$base/" redirect="http://127.0.0.1:$((base + 1))/"
mkfifo ask
openssl s_client -connect "127.0.0.1:$base" -quiet <ask >before.http 2>/dev/null &
client=$!
exec 7>ask
request() { printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' >&7; }
answers() { [ "$(grep -c 'HTTP/1.1 200' before.http)" -ge "$1" ]; }
request
within 50 answers 1 || fail "no answer before"
mmp 0 webbridge disable
says '^SUCCESS: Webbridge disabled$'
[ "$(status_of "$page")" = 000 ] && [ "$(status_of "$redirect")" = 000 ] || fail "a disabled web bridge answers"
request
within 50 answers 2 || fail "disabling cut off a connection"
exec 7>&-
kill "$client" 2>/dev/null || true
mmp 0 webbridge
says '^Enabled +: false$'
kill -9 "$(pgrep -f "^$START_BUILD/libexec/stoa/webbridge" | while read -r p; do
  grep -qzx "STOA_STATE=$site" "/proc/$p/environ" 2>/dev/null && echo "$p"
done)"
within 100 "$stoa" --state "$work/own" status || fail "webbridge does not come back"
[ "$(status_of "$page")" = 000 ] || fail "disabled does not survive a restart"
mmp 0 webbridge enable
for line in 'Key and certificate pair match' 'certificate verified against' 'Webbridge enabled'; do says "^SUCCESS: $line"; done
[ "$(status_of "$page")" = 200 ] || fail "an enabled web bridge does not answer"
ok "enable and disable, live and lasting; what was connected goes on"

# --- redirect ---------------------------------------------------------------------------------------

[ "$(status_of "$redirect")" = 301 ] || fail "no redirect"
mmp 0 webbridge http-redirect disable
[ "$(status_of "$redirect")" = 000 ] && [ "$(status_of "$page")" = 200 ] || fail "http-redirect disable"
mmp 0 webbridge http-redirect enable
[ "$(status_of "$redirect")" = 301 ] || fail "http-redirect enable"
ok "http-redirect"

# --- listen -----------------------------------------------------------------------------------------

mmp 0 webbridge listen "127.0.0.2:$((base + 500))" "127.0.0.3"
[ "$(status_of "https://127.0.0.2:$((base + 500))/")" = 200 ] && [ "$(status_of "https://127.0.0.3:$base/")" = 200 ] &&
  [ "$(status_of "$page")" = 000 ] || fail "listen: $said"
mmp 0 webbridge
says "^Interface whitelist : 127.0.0.2:$((base + 500)) 127.0.0.3:$base$"
mmp 1 webbridge listen a:443
says '^FAILURE: there is no interface or address "a"; there are: .*lo \(127.0.0.1\)'
mmp 1 webbridge listen 127.0.0.1:70000
says 'the port must be a number'
# Somebody else has this port; the one before stays.
mmp 1 webbridge listen "127.0.0.1:$((base + 1))" "127.0.0.1:$base"
says '^FAILURE: The web bridge cannot listen on 127.0.0.1:'
says '^WARNING: the setting is what it was before$'
[ "$(status_of "https://127.0.0.2:$((base + 500))/")" = 200 ] || fail "a failed listen changed something"
mmp 0 webbridge listen none
[ "$(status_of "$page")" = 200 ] || fail "listen none"
ok "listen, and what it cannot do"

# --- certificates and trust -------------------------------------------------------------------------

"$stoa" pki ca --cn CA --cert root.cer --key root.key >/dev/null
"$stoa" pki issue --ca root.cer --ca-key root.key --name cmsweb.octavio.com --name cmsweb.cms.octavio.local \
  --cert wb.crt --key wb.key >/dev/null
"$stoa" pki selfsigned --name callbridge --cert cb.crt --key cb.key >/dev/null
mmp 0 webbridge certs wb.key wb.crt root.cer
says '^SUCCESS: webbridge uses the certificate'
mmp 1 webbridge certs cb.key wb.crt
says '^FAILURE: Key and certificate pair do not match'
mmp 0 callbridge certs cb.key cb.crt
mmp 0 webbridge trust callbridge.crt # below pki/, as in the guide
says '^SUCCESS: webbridge.trust updated'
cmp -s cb.crt "$site/pki/webbridge.trust" || fail "another certificate is trusted"
mmp 0 webbridge
says '^Trust bundle +: webbridge.trust$'
says '^CA Bundle file +: webbridge.bundle$'
mmp 0 webbridge trust wb.crt
says '^WARNING: the callbridge of this machine is not trusted'
mmp 0 webbridge trust none
[ -e "$site/pki/webbridge.trust" ] && fail "trust none"
mmp 1 webbridge trust wb.key
mmp 0 callbridge trust root.cer
mmp 0 callbridge
says '^CA Bundle file +: callbridge.bundle$'
mmp 0 callbridge trust none
mmp 0 pki match webbridge.key webbridge.crt
mmp 0 pki verify webbridge.crt root.cer
mmp 1 pki verify webbridge.crt ca.crt
mmp 0 pki list
says '^webbridge.key$'
mmp 0 pki inspect webbridge.crt
says '^names +cmsweb.octavio.com$'
ok "certs, trust and pki"

# --- restart, refusals, scripts ---------------------------------------------------------------------

instance() { "$stoa" --state "$work/own" status --json | node -e '
  const all = JSON.parse(require("fs").readFileSync(0)); console.log(all.find((d) => d.role === process.argv[1]).instance)' "$1"; }
before=$(instance callbridge)
mmp 0 callbridge restart
says '^SUCCESS: callbridge restarted$'
[ "$(instance callbridge)" != "$before" ] || fail "callbridge is the same"
mmp 0 webbridge restart
[ "$(status_of "$page")" = 200 ] || fail "webbridge restart"
mmp 1 callbridge listen a
says '^FAILURE: the media ports'
mmp 1 xmpp
says "^FAILURE: \"xmpp\" is not a command here: .*'stoa config list domain'"
mmp 2 nonsense
says 'There is no command "nonsense"; "help" lists them'
mmp 2 webbridge nonsense
mmp 2 webbridge certs only-one
says 'Usage: webbridge certs KEY CRT \[BUNDLE\]'
mmp 2 'webbridge "trust'
mmp 0 help webbridge
says '^webbridge http-redirect enable\|disable '
code=0
said=$(printf '# a script\n\nlicense\nnonsense\nexit\nversion\n' | "$stoa" --state "$work/own" mmp 2>/dev/null) || code=$?
[ "$code" -eq 2 ] && [ "$said" = "Feature: callbridge status: Activated expiry: never" ] || fail "script: $code, $said"
ok "restart, refusals, a script from a pipe"

stop_stoa own TERM
mmp 0 license
mmp 0 callbridge
mmp 1 webbridge
says '^FAILURE: the bus at .* does not answer'
mmp 1 callbridge restart
ok "without a running site"
