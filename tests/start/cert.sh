#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `stoa cert` against a running Stoa: what is refused and why, what is taken over, who notices, and the way
# back: tests/start/cert.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"
take_ports
site="$work/own/inside"
cd "$work"

# --- certificates of every kind ---------------------------------------------------------------------

names=(cmsweb.octavio.com cmsweb.cms.octavio.local) # those of the example site
issue() { # STEM [options]
  local stem=$1
  shift
  "$stoa" pki issue --ca root.cer --ca-key root.key --cert "$stem.crt" --key "$stem.key" "$@" >/dev/null
}
"$stoa" pki ca --cn "Another authority" --cert root.cer --key root.key >/dev/null
"$stoa" pki ca --cn "Unknown authority" --cert unknown.cer --key unknown.key >/dev/null
issue good --name "${names[0]}" --name "${names[1]}"
issue short --name "${names[0]}" --name "${names[1]}" --days 10
issue half --name "${names[0]}"
openssl pkcs8 -topk8 -in good.key -passout pass:x -out locked.key
openssl x509 -in good.crt -outform DER -out der.crt
cat root.cer good.crt >upside.crt
echo "no certificate" >text.crt
san="subjectAltName=DNS:${names[0]},DNS:${names[1]}"
openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=weak -addext "$san" -days 90 -keyout weak.key -out weak.crt 2>/dev/null

# `openssl ca` is the one command that makes certificates of another time.
mkdir ca
touch ca/index
printf '%s\n' '[ca]' 'default_ca=c' '[c]' "database=ca/index" "rand_serial=yes" "new_certs_dir=ca" \
  'default_md=sha256' 'policy=p' 'x509_extensions=e' 'unique_subject=no' '[p]' 'commonName=supplied' '[e]' "$san" >ca/conf
at_time() { # STEM FROM TO
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl ca -batch -config ca/conf -selfsign -keyfile "$1.key" -in "$1.csr" -startdate "$2" -enddate "$3" -notext \
    -out "$1.crt" 2>/dev/null
}
at_time past 20200101000000Z 20200102000000Z
at_time future 20490101000000Z 20490201000000Z

# --- while nothing runs -----------------------------------------------------------------------------

start_stoa own --port-base "$base" --listen 127.0.0.1
wait_ready own

# cert EXIT LINE ARGUMENTS: `stoa cert ARGUMENTS` ends so and says a line like that.
cert() {
  local exit=$1 line=$2
  shift 2
  code=0
  said=$("$stoa" --state "$work/own" cert "$@" 2>&1) || code=$?
  [ "$code" -eq "$exit" ] || fail "stoa cert $*: ended with $code, said: $said"
  grep -q -E -e "$line" <<<"$said" || fail "stoa cert $*: no line like $line: $said"
}
served() {
  openssl s_client -connect "127.0.0.1:$base" -servername "${names[0]}" </dev/null 2>/dev/null |
    openssl x509 -noout -fingerprint -sha256
}
print_of() { openssl x509 -in "$1" -noout -fingerprint -sha256; }
own_made=$(served)
[ "$own_made" = "$(print_of "$site/pki/webbridge.crt")" ] || fail "another certificate is served"
before=$(cd "$site/pki" && sha256sum -- *)

# --- refusals change nothing ------------------------------------------------------------------------

refused() { # LINE ARGUMENTS of set webbridge
  local line=$1
  shift
  cert 1 "^FAILURE: $line" set webbridge "$@"
  ok "refused: $(grep -m 1 FAILURE <<<"$said")"
}
refused 'cannot read none.key: No such file' none.key good.crt
refused 'cannot read none.crt: No such file' good.key none.crt
refused 'cannot read none.cer: No such file' good.key good.crt none.cer
refused "der.crt is not PEM; convert it with 'openssl x509 -inform DER'" good.key der.crt
refused 'text.crt: the text holds no readable certificate' good.key text.crt
refused 'text.crt: the text holds no readable private key' text.crt good.crt
refused 'locked.key: the private key is encrypted with a passphrase' locked.key good.crt
refused 'Key and certificate pair do not match' half.key good.crt
refused 'upside.crt: wrong chain order: the private key belongs to certificate 2' good.key upside.crt
refused 'certificate not verified against CA bundle unknown.cer: the issuer' good.key good.crt unknown.cer
refused 'certificate expired on 2020-01-02' past.key past.crt
refused 'certificate is not yet valid: it is from 2049-01-01 on' future.key future.crt
refused "certificate does not cover ${names[1]} \(Guest account client URI\); it is made for ${names[0]}" half.key half.crt root.cer
refused 'webbridge does not take the certificate' weak.key weak.crt
[ "$(cd "$site/pki" && sha256sum -- *)" = "$before" ] || fail "a refusal changed the files"
[ "$(served)" = "$own_made" ] || fail "a refusal changed what is served"
within 100 sh -c "'$stoa' --state '$work/own' status --json | grep -q webBridgeCertificate && exit 1 || exit 0" ||
  fail "the fault of the refused certificate stays"
cert 2 'say webbridge, callbridge, expc, expe, zone or webadmin' set busd good.key good.crt
cert 2 'set takes' set webbridge good.key
ok "refusals left files, service and faults as they were"

# --- taken over, nobody cut off ---------------------------------------------------------------------

# A connection from before: it asks once now, and again when everything is done.
mkfifo ask
openssl s_client -connect "127.0.0.1:$base" -servername "${names[0]}" -quiet <ask >before.http 2>/dev/null &
client=$!
exec 7>ask
request() { printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' >&7; }
answers() { [ "$(grep -c 'HTTP/1.1 200' before.http)" -ge "$1" ]; }
request
within 50 answers 1 || fail "the connection before was not answered"

cert 0 '^SUCCESS: Key and certificate pair match' set webbridge good.key good.crt root.cer
for line in 'SUCCESS: certificate verified against CA bundle' "SUCCESS: certificate covers .*${names[0]}" \
  'SUCCESS: certificate is valid for [0-9]+ more days' 'SUCCESS: webbridge uses the certificate for new connections'; do
  grep -q -E "^$line" <<<"$said" || fail "no line $line: $said"
done
[ "$(served)" = "$(print_of good.crt)" ] || fail "the new certificate is not served"
request
within 50 answers 2 || fail "the connection from before was cut off"
exec 7>&-
kill "$client" 2>/dev/null || true
ok "the new certificate is served at once, a connection from before goes on"
[ "$(stat -c %a "$site/pki/webbridge.key")" = 600 ] && [ "$(stat -c %a "$site/pki/webbridge.key.old")" = 600 ] ||
  fail "the keys can be read by others"
[ "$("$stoa" pki inspect "$site/pki/callbridge.bundle" --json | grep -c '"certificates":1')" = 1 ] &&
  "$stoa" pki verify --cert "$site/pki/webbridge.crt" --bundle "$site/pki/callbridge.bundle" >/dev/null ||
  fail "callbridges do not trust the web bridge's new certificate"
[ -e "$site/pki/webbridge.names" ] && fail "it still counts as made by ./start"
cert 0 'SUCCESS: certificate is installed already' set webbridge good.key good.crt root.cer
cert 0 'in use       yes' show webbridge
cert 0 '"in_use":true' show webbridge --json
cert 0 'made by      an administrator' show

# --- it survives the next ./start -------------------------------------------------------------------

stop_stoa own TERM
cert 0 'in use       no, the site does not run' show webbridge
start_stoa own --port-base "$base" --listen 127.0.0.1
wait_ready own
[ "$(served)" = "$(print_of good.crt)" ] || fail "./start made another certificate"
ok "an administrator's certificate survives ./start"

# --- warnings, and the way back ---------------------------------------------------------------------

cert 0 '^WARNING: certificate expires in [0-9] days' set webbridge short.key short.crt root.cer
within 50 sh -c "'$stoa' --state '$work/own' status | grep -q 'The certificate webbridge.crt expires on'" || fail "no fault of expiry"
cert 0 "^WARNING: certificate does not cover ${names[1]}" set webbridge half.key half.crt root.cer --force
[ "$(served)" = "$(print_of half.crt)" ] || fail "--force did not install it"
cert 0 '^SUCCESS: webbridge uses the certificate' restore webbridge
[ "$(served)" = "$(print_of short.crt)" ] || fail "restore did not go back"
cert 0 '^SUCCESS: webbridge uses the certificate' restore webbridge
[ "$(served)" = "$(print_of half.crt)" ] || fail "restore twice is not what it was"
cert 1 '^FAILURE: callbridge had no other certificate' restore callbridge
ok "restore goes back and comes back"

# A callbridge that changes its certificate must stay trusted.
"$stoa" pki selfsigned --name callbridge --cert cb1.crt --key cb1.key >/dev/null
"$stoa" pki selfsigned --name callbridge --cert cb2.crt --key cb2.key >/dev/null
cert 0 'SUCCESS: Key and certificate pair match' set callbridge cb1.key cb1.crt
cp cb1.crt "$site/pki/webbridge.trust"
cert 0 'SUCCESS: web bridge trusts the new certificate beside the old one' set callbridge cb2.key cb2.crt
grep -q -F -f <(sed -n 2p cb2.crt) "$site/pki/webbridge.trust" || fail "the new certificate is not trusted"
grep -q -F -f <(sed -n 2p cb1.crt) "$site/pki/webbridge.trust" || fail "the old certificate is not trusted any more"
ok "a callbridge's new certificate is trusted before it is used"

"$stoa" pki selfsigned --name localhost --cert admin.crt --key admin.key >/dev/null
cert 0 '^SUCCESS: webadmin uses the certificate for new connections' set webadmin admin.key admin.crt
of_admin() { openssl s_client -connect "127.0.0.1:$((base + 3))" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256; }
[ "$(of_admin)" = "$(openssl x509 -in admin.crt -noout -fingerprint -sha256)" ] || fail "webadmin does not serve the new certificate"
cert 0 '^SUCCESS: webadmin uses the certificate' restore webadmin
ok "the certificate of the administration is set like the others"

# --- the edge's -------------------------------------------------------------------------------------

of_edge() { # PORT
  openssl s_client -connect "127.0.0.1:$1" -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256
}
made=$(of_edge $((base + 5)))
issue outside --name cmsweb.octavio.com --name localhost
refused_of() { # ROLE LINE ARGUMENTS
  local role=$1 line=$2
  shift 2
  cert 1 "^FAILURE: $line" set "$role" "$@"
}
refused_of expe 'certificate does not cover localhost \(external name\); it is made for cmsweb.octavio.com' half.key half.crt root.cer
[ "$(of_edge $((base + 5)))" = "$made" ] || fail "a refusal changed what the edge serves"
cert 0 '^SUCCESS: expe uses the certificate for new connections' set expe outside.key outside.crt root.cer
grep -q '^SUCCESS: certificate covers cmsweb.octavio.com, localhost\|^SUCCESS: certificate covers localhost, cmsweb.octavio.com' <<<"$said" ||
  fail "it does not say which names are covered: $said"
[ "$(of_edge $((base + 5)))" = "$(print_of outside.crt)" ] || fail "the edge does not serve the new certificate"
cert 0 '^SUCCESS: expe uses the certificate' restore expe
[ "$(of_edge $((base + 5)))" = "$made" ] || fail "restore did not go back"
cert 2 'belongs to the edge site' set expe outside.key outside.crt --site inside
issue zone --name vcse.octavio.com
cert 0 '^SUCCESS: expe uses the certificate for new connections' set zone zone.key zone.crt root.cer
cert 0 'in use       yes' show zone
cert 0 '^SUCCESS: expe uses the certificate' restore zone
issue expc --name vcsc.octavio.local
refused_of expc 'web bridges would refuse expc: .* It must be of the site.s CA .* made for the name expc' expc.key expc.crt root.cer
"$stoa" pki issue --ca "$site/pki/ca.crt" --ca-key "$site/pki/ca.key" --name expc --name vcsc.octavio.local \
  --cert expc.crt --key expc.key --force >/dev/null
cert 0 '^SUCCESS: expc uses the certificate' set expc expc.key expc.crt
cert 0 '^SUCCESS: expc uses the certificate' restore expc
cert 0 '"role":"expe"' show --json
grep -q '"role":"webbridge"' <<<"$said" || fail "not both sites are shown: $said"
ok "certificates of expe, its zone port and expc are set like the others"
stop_stoa own TERM
