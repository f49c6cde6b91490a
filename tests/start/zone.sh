#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `stoa zone`, `stoa turn`, `stoa accounts`: what is refused and why, what a join file carries, what is kept of
# a password, and the guide's pages: tests/start/zone.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"
take_ports
cd "$work"
start_stoa own --port-base "$base" --listen 127.0.0.1
wait_ready own
port=$((base + 7))

# stoa EXIT ARGUMENTS: ends so; what it says is in `said`.
run() {
  local exit=$1
  shift
  code=0
  said=$("$stoa" --state "$work/own" "$@" 2>&1) || code=$?
  [ "$code" -eq "$exit" ] || fail "stoa $*: ended with $code, said: $said"
}
says() { grep -q -E -e "$1" <<<"$said" || fail "no line like $1: $said"; }
# refused LINE ARGUMENTS of zone
refused() {
  local line=$1
  shift
  run 1 zone "$@"
  says "$line"
  ok "refused: $(head -n 1 <<<"$said")"
}
field() { sed -n "s/^$1 = //p" "$2"; } # KEY FILE

# --- what ./start has paired ------------------------------------------------------------------------

run 0 --site edge config list zoneServer --json
[ "$(grep -c '"name":"UT Zone"' <<<"$said")" = 1 ] || fail "./start has made no zone: $said"
run 0 --site inside config get zone "UT Zone"
says '^address +: vcse.octavio.com$'
says "^port +: $port$"
says '^password +: \(never shown\)$'
run 0 --site edge config export
grep -q -E 'SCRAM|verifier' <<<"$said" && fail "the export has secrets: $said"
ok "./start pairs both sites by a join file"

# --- add --------------------------------------------------------------------------------------------

refused '"UT Zone" exists already; ' add "UT Zone" --address localhost
refused '"Tuser" exists already; choose another name with --user' add Other --user Tuser --address localhost
refused 'the inside would refuse .* at the address edge.example: .*made for' add Other --address edge.example
refused 'none.crt.*--ca FILE says' add Other --address localhost --ca none.crt
touch there
refused 'there exists already' add Other --address localhost --file there
refused 'cannot be written: No such file' add Other --address localhost --file none/file
run 0 --site edge config list zoneServer --filter Other --json
! grep -q Other <<<"$said" || fail "a refused zone is there: $said"
run 2 --site inside zone add Other --address localhost
says 'belongs to the edge site'
run 2 zone add
run 2 zone add Other --bogus
run 2 zone add Other --port 70000

run 0 zone add Second --address localhost --user second --subject-name a.example --subject-name b.example --port 7009 \
  --file second.join
says 'waits for its first connection for 24 hours'
[ "$(stat -c %a second.join)" = 600 ] || fail "others can read the join file"
[ "$(field name second.join)" = Second ] && [ "$(field address second.join)" = localhost ] &&
  [ "$(field port second.join)" = 7009 ] && [ "$(field username second.join)" = second ] &&
  [ "$(field subjectNames second.join)" = "a.example, b.example" ] || fail "$(cat second.join)"
cmp -s <(sed -n '/BEGIN/,$p' second.join) "$work/own/edge/pki/ca.crt" || fail "another CA in the join file"
grep -q 'PRIVATE KEY' second.join && fail "a key travels"
until=$(field pairUntil second.join)
left=$((until - $(date +%s)))
[ "$left" -gt 82800 ] && [ "$left" -le 86400 ] || fail "waits $left s"
password=$(field password second.join)
[ ${#password} -ge 24 ] || fail "the password is short"
"$stoa" --state "$work/own" zone add Third --address 127.0.0.1 >third.join 2>/dev/null || fail "add to stdout"
[ "$(field username third.join)" = Third ] && [ "$(field subjectNames third.join)" = expc ] &&
  [ "$(field port third.join)" = "$port" ] || fail "$(cat third.join)"
ok "add writes a join file: no key, its password for its owner alone"

# --- join -------------------------------------------------------------------------------------------

refused 'none.join: No such file|cannot read none.join' join none.join
refused 'no join file' join there
head -n 6 second.join >cut.join
refused 'cut.join: it has no "' join cut.join
sed 's/^caFingerprint = ../caFingerprint = XX/' second.join >foreign.join
refused 'not the one whose fingerprint it says' join foreign.join
sed 's/^pairUntil = .*/pairUntil = 1000000000/' second.join >old.join
refused 'no longer waits for this zone. There: .stoa zone trust Second none' join old.join
sed 's/^name = .*/name = UT Zone/' second.join >taken.join
refused 'there is a zone "UT Zone" already; --replace takes its place' join taken.join
run 2 --site edge zone join second.join
says 'belongs to the inside site'

pki=$work/own/inside/pki
covers() { "$stoa" pki verify --cert "$pki/expc.crt" --bundle "$pki/ca.crt" --name "$1" >/dev/null; }
covers a.example && fail "expc's certificate has that name already"
run 0 zone join second.join --no-wait
says '^SUCCESS: certificate of expc made for a.example'
says '^SUCCESS: zone "Second" stored: localhost, port 7009'
covers a.example && covers vcsc.octavio.local && covers expc || fail "expc's certificate has not all names"
openssl x509 -in "$pki/expc.crt" -pubkey -noout | cmp -s - <(openssl pkey -in "$pki/expc.key" -pubout) ||
  fail "key and certificate of expc do not fit"
run 0 zone join third.join --no-wait
says '^SUCCESS: certificate of expc has a name that the edge wants'
run 0 zone join third.join --no-wait --replace
rm "$pki/expc.names"
sed 's/^name = .*/name = Fourth/; s/^subjectNames = .*/subjectNames = other.example/' second.join >fourth.join
run 1 zone join fourth.join --no-wait
says 'FAILURE: the certificate of expc .* has none of the names that the edge wants: other.example'
run 0 --site inside config list zone --json
! grep -q Fourth <<<"$said" || fail "a refused zone is there: $said"
ok "join checks the file, makes expc's certificate, and stores the zone"

# Elsewhere than on this machine there is a firewall between.
sed 's/^name = .*/name = Far/; s/^address = .*/address = 192.0.2.40/' third.join >far.join
run 0 zone join far.join --no-wait
says 'TCP '"$port"' +expc to 192.0.2.40: zone and tunnels'
says 'nothing from the edge to the inside'
run 0 --site inside ports --firewall
says "^out +inside +expc +192.0.2.40 +tcp +$port +zone and tunnels"
run 0 --site inside zone delete Far
ok "join says what a firewall has to let through"

# The password is in the join file and nowhere else: not at the edge, not in a log, not in clear inside.
found=$(grep -r -l -a -F -e "$password" "$work/own" "$work/own.out" "$work/own.err" || true)
[ -z "$found" ] || fail "the password is in $found"
ok "no password is kept in clear"

# --- password, trust, delete ------------------------------------------------------------------------

run 2 zone delete Second
says 'both sites have this; say --site inside or --site edge'
refused 'the edge site has no zone "None"' delete None --site edge
run 0 --site edge zone password Second
[ ${#said} -ge 24 ] && [ "$said" != "$password" ] || fail "password: $said"
printf '%s\n' "$said" >new
run 0 --site inside zone password Second --password-file new
says 'SUCCESS: zone "Second" has a new password at the inside site'
echo short >short
run 1 --site edge zone password Second --password-file short
says '8 to 256 bytes'

run 0 --site edge zone trust Second "$pki/ca.crt"
run 1 --site edge zone show Second
says '^  CA of the peer +: known$'
run 0 --site edge zone trust Second none
run 1 --site edge zone show Second
says '^  CA of the peer +: waits for it until '
run 2 --site inside zone trust Second none
refused 'there: the certificate is empty' trust Second there --site edge
refused 'expc.crt: the certificate is none of an authority' trust Second "$pki/expc.crt" --site edge
run 0 --site edge zone delete Second
run 0 --site inside zone delete Second
run 0 --site edge config list zoneUser --json
! grep -q second <<<"$said" || fail "the user of a deleted zone stays: $said"
run 1 --site edge zone show Second
says 'the edge site has no zone "Second"'
run 0 --site edge zone delete Third
run 0 --site inside zone delete Third
ok "password, trust, delete"

# --- the guide's pages ------------------------------------------------------------------------------

run 2 zone none
run 2 turn none
run 2 accounts none
"$stoa" --state "$work/own" zone >pages 2>/dev/null || true # 1 while the zone is not Active
for line in '^Site "inside"$' '^Site "edge"$' '^  Name +: UT Zone$' '^  Type +: Unified Communications traversal$' \
  '^  Username +: Tuser$' '^  Password +: \*\*\*\*\*$' "^  Port +: $port$" '^  TLS verify subject name +: vcse.octavio.com$' \
  '^  TLS verify subject name +: vcsc.octavio.local$' '^Unified Communications SSH tunnels status$' '^  Target +Domain +Status$' \
  '^  Meeting Server Web Proxy +: Enable$' '^  Guest account client URI +: https://cmsweb.octavio.com$' \
  '^Guest account client URI resolved to the following targets$' '^  Name +Address$'; do
  grep -q -E "$line" pages || fail "no line $line on the pages: $(cat pages)"
done
"$stoa" --state "$work/own" zone --json >pages.json 2>/dev/null || true
node -e '
  const [inside, edge] = JSON.parse(require("fs").readFileSync("pages.json"));
  if (inside.site !== "inside" || edge.site !== "edge" || inside.zones[0].name !== "UT Zone") process.exit(1);
  for (const zone of [...inside.zones, ...edge.zones]) if ("password" in zone || "verifier" in zone) process.exit(1);
' || fail "zone --json: $(cat pages.json)"
[ "$("$stoa" --state "$work/own" mmp zone 2>/dev/null | head -n 3)" = "$(head -n 3 pages)" ] || fail "mmp zone is another page"
ok "the pages of zone, tunnels and targets"

run 0 user add operator admin --site edge --password-file new
"$stoa" --state "$work/own" --site edge config add turnUser name=guideuser password=@new >/dev/null || fail "no TURN user"
run 0 accounts
says '^Local authentication database$'
says '^Records: [0-9]+$'
says '^Name +Purpose +Change with$'
says '^operator +administration \(admin\) +stoa --site edge user passwd "operator"$'
says '^guideuser +TURN +stoa --site edge config set turnUser "guideuser" password=@FILE$'
says '^Tuser +zone \(UT Zone\) +stoa --site edge zone password "UT Zone"$'
grep -q -F -e "$(cat new)" <<<"$said" && fail "accounts shows a password"
run 0 mmp accounts --json
says '"purpose": "zone"'
ok "the local authentication database"

run 0 turn
for line in '^  TURN services +: On$' "^  TURN requests port +: $((base + 250))$" '^  Authentication realm +: ' \
  "^  Media port range start +: $((base + 400))$" "^  Media port range end +: $((base + 999))$" '^TURN server status$' \
  '^  Status +: Active$' "^  Listening address 1 +: 127.0.0.1:$((base + 250))$" '^  Number of active TURN clients +: [0-9]+$' \
  '^  Number of active TURN relays \(connected via TCP\) +: [0-9]+$' '^  Number of active TURN relays \(connected via UDP\) +: [0-9]+$'; do
  says "$line"
done
run 0 turn --json
says '"mediaPortStart": '
run 0 mmp turn
ok "the TURN page"

# --- a zone that lives ------------------------------------------------------------------------------

all_active() { "$stoa" --state "$work/own" zone >pages; }
reason() { "$stoa" --state "$work/own" --site "$1" zone 2>/dev/null | sed -n 's/^  Reason *: //p'; }
blames() { grep -q "$2" < <(reason "$1"); }
within 300 all_active || fail "the zone or a tunnel is not Active: $(cat pages)"
for row in '^  vcse.octavio.com +octavio.local +Active$' '^  vcse.octavio.com +cmsweb.octavio.com +Active$' \
  '^  vcse.octavio.com +octavio.com +Active$' "^  cmsweb.octavio.com +127.0.0.1:$((base + 2))$"; do
  grep -q -E "$row" pages || fail "no row $row: $(cat pages)"
done
[ "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$work/own/edge/pki/ca.crt" "https://localhost:$((base + 5))/")" = 200 ] ||
  fail "the page does not come through the edge"
ok "the guide's three rows are Active, and the page comes through the edge"

"$stoa" --state "$work/own" --site edge zone password "UT Zone" >password 2>/dev/null || fail "no new password"
within 300 blames inside 'user or password' || fail "inside: another reason: $(reason inside)"
within 300 blames edge 'user or password' || fail "edge: another reason: $(reason edge)"
run 0 --site inside zone password "UT Zone" --password-file password
within 300 all_active || fail "it does not come back with the right password: $(cat pages)"
ok "a wrong password is named at both ends; the right one brings the zone back"

# Once more by hand, waiting for it, and the edge trusts another authority in between.
for site in inside edge; do run 0 --site $site zone delete "UT Zone"; done
run 0 zone add Again --address localhost --subject-name vcsc.octavio.local --file again.join
"$stoa" pki ca --cn Other --cert other.crt --key other.key >/dev/null
run 0 --site edge zone trust Again other.crt
run 1 zone join again.join
says '^FAILURE: zone "Again" is not Active yet: '
run 0 --site edge zone trust Again none
run 0 zone join again.join --replace
says '^SUCCESS: zone "Again" is Active$'
"$stoa" --state "$work/own" --site edge zone show Again | grep -q '^  CA of the peer *: known$' || fail "the edge has not kept the CA"
ok "join waits until the zone is Active, or says why it is not"

# --- the guest account client URI -------------------------------------------------------------------

run 0 zone uri cmsweb.octavio.com
[ "$said" = "Success: The address cmsweb.octavio.com resolved successfully. The local cache has the following changes: Inserted: 127.0.0.1" ] ||
  fail "other words than the guide's: $said"
"$stoa" --state "$work/own" config add hostRecord name=closed.example addresses=127.0.0.1:1 >/dev/null
"$stoa" --state "$work/own" config add hostRecord name=other.example addresses=127.0.0.1 >/dev/null
refused 'closed.example cannot be used \(connect\): .* --force sets it all the same' uri https://closed.example
refused 'other.example cannot be used \(name\): .*expected other.example' uri other.example
run 0 zone uri
[ "$said" = https://cmsweb.octavio.com ] || fail "a refused address was stored: $said"
run 0 zone uri other.example --force
run 0 zone uri
[ "$said" = https://other.example ] || fail "--force did not store it: $said"
run 0 zone uri cmsweb.octavio.com
run 2 zone uri 'https://'
run 0 zone uri add other.example --force
run 0 zone uri
[ "$said" = "https://cmsweb.octavio.com
https://other.example" ] || fail "two addresses were stored, and not: $said"
refused 'https://other.example is a guest account client URI already' uri add OTHER.example --force
refused 'https://other.example is a guest account client URI already' uri other.example --force
said=$("$stoa" --state "$work/own" --site inside zone) || true # no web bridge has the name, nor has the edge
for name in cmsweb.octavio.com other.example; do
  says "^  Guest account client URI +: https://$name\$"
done
run 0 zone uri delete other.example
run 0 zone uri
[ "$said" = https://cmsweb.octavio.com ] || fail "a deleted address is there: $said"
refused 'other.example is no guest account client URI' uri delete other.example
run 2 zone uri add
ok "an address is stored when its web bridge can be reached by its name"

# --- a second external name -------------------------------------------------------------------------

# The status with which the edge answers for a name, and its page's title.
page_of() {
  curl -sk --max-time 5 --resolve "$1:$((base + 5)):127.0.0.1" -w '%{http_code}' "https://$1:$((base + 5))/" |
    sed -n -e 's/.*<title>\(.*\)<\/title>.*/\1/p' -e '$s/.*\(...\)$/\1/p' | tr '\n' ' '
}
answers() { [[ "$(page_of "$1")" == *"$2" ]]; }

[ "$(page_of other.example)" = 'Bad Request 421' ] || fail "the edge answers for a name that it does not have: $(page_of other.example)"
run 0 --site edge config add externalName name=other.example
within 100 answers other.example 503 || fail "without a client URI: $(page_of other.example)"
run 0 --site inside config set settings webBridgeHostnames=other.example
run 0 --site inside config set webProxy verifyCertificate=false # the web bridge's certificate lacks the name
run 0 zone uri add other.example --force
for name in other.example localhost; do
  within 300 answers "$name" 200 || fail "$name is not served: $(page_of "$name"); $("$stoa" --state "$work/own" zone)"
done
run 0 zone uri delete other.example
within 100 answers other.example 503 || fail "a name without client URI is served: $(page_of other.example)"
within 300 answers localhost 200 || fail "the first name went with the second: $(page_of localhost)"
ok "an edge with two names is served for both"
stop_stoa own TERM
