#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Bad situations at the front door: ./start ends by itself, not with 0, leaves nobody behind and says in a
# sentence what is wrong: tests/start/refusals.sh SOURCE BUILD
export START_SOURCE=$1 START_BUILD=$2
# Mounts need a namespace; those who are not root get one with a user namespace.
if [ "${IN_NAMESPACE:-}" != yes ]; then
  how=(-m)
  [ "$(id -u)" -eq 0 ] || how=(-m --map-root-user)
  IN_NAMESPACE=yes exec unshare "${how[@]}" "$0" "$@"
fi
# shellcheck source=tests/start/lib.sh
. "$START_SOURCE/tests/start/lib.sh"
take_ports
at=(--port-base "$base" --listen 127.0.0.1)

# --- the command line -------------------------------------------------------------------------------

refuses "unknown option" "unknown option --bogus" options --bogus
[ "$code" -eq 2 ] || fail "wrong usage ended with $code, not 2"
refuses "option without value" "--port-base needs a value" options --port-base
refuses "port base that is no number" "STOA_PORT_BASE .*number" options --port-base many
refuses "port base too high" "STOA_PORT_BASE .*from" options --port-base 65530
refuses "address that is no address" "STOA_LISTEN" options --listen example
refuses "address of another machine" "192.0.2.77 is not an address of this machine" options --port-base "$base" --listen 192.0.2.77
refuses "certificate without key" "--cert and --key go together, with --name" options --cert "$0" --name a.example

# --- certificates -----------------------------------------------------------------------------------

pair() { "$stoa" pki selfsigned --name "$1" --cert "$work/$2.crt" --key "$work/$2.key" >/dev/null; }
cert() { printf '%s\n' --name a.example --cert "$work/$1" --key "$work/$2"; }
pair a.example good
pair a.example other
pair b.example foreign
# `openssl ca` is the one command that makes a certificate of the past.
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a.example -keyout "$work/old.key" \
  -out "$work/old.csr" 2>/dev/null
mkdir "$work/ca"
touch "$work/ca/index"
echo 01 >"$work/ca/serial"
printf '%s\n' '[ca]' 'default_ca=c' '[c]' "database=$work/ca/index" "serial=$work/ca/serial" "new_certs_dir=$work/ca" \
  'default_md=sha256' 'policy=p' 'x509_extensions=e' '[p]' 'commonName=supplied' '[e]' \
  'subjectAltName=DNS:a.example' >"$work/ca/conf"
openssl ca -batch -config "$work/ca/conf" -selfsign -keyfile "$work/old.key" -in "$work/old.csr" \
  -startdate 20200101000000Z -enddate 20200102000000Z -notext -out "$work/old.crt" 2>/dev/null
echo "no key" >"$work/bad.key"

mapfile -t c < <(cert old.crt old.key)
refuses "expired certificate" "expired" certs "${at[@]}" "${c[@]}"
mapfile -t c < <(cert good.crt other.key)
refuses "key of another certificate" "do not fit|does not match|belong" certs "${at[@]}" "${c[@]}"
mapfile -t c < <(cert good.crt bad.key)
refuses "key that is none" "bad.key" certs "${at[@]}" "${c[@]}"
mapfile -t c < <(cert good.crt none.key)
refuses "key that is missing" "none.key cannot be read" certs "${at[@]}" "${c[@]}"
mapfile -t c < <(cert foreign.crt foreign.key)
refuses "certificate for another name" "is not for the name a.example" certs "${at[@]}" "${c[@]}"

# The same when the files of a Stoa were replaced behind its back.
start_stoa replaced "${at[@]}"
wait_ready replaced
stop_stoa replaced TERM
cp "$work/old.crt" "$work/replaced/inside/pki/webbridge.crt"
cp "$work/old.key" "$work/replaced/inside/pki/webbridge.key"
said=$("$stoa" --state "$work/replaced" run inside "${at[@]}" 2>&1) && fail "runs with an expired certificate"
grep -q 'The certificate .*webbridge.crt or its key cannot be used: .*expired' <<<"$said" || fail "said: $said"
ok "expired certificate in the state directory: $(grep -o 'The certificate .*' <<<"$said" | head -n 1)"

# --- ports ------------------------------------------------------------------------------------------

# Others listen: TCP on the page's port, UDP on the media port.
node -e '
  const [port, file] = process.argv.slice(1);
  require("net").createServer().listen(+port, "127.0.0.1", () =>
    require("dgram").createSocket("udp4").bind(+port + 100, "127.0.0.1", () =>
      require("fs").writeFileSync(file, "listening")));' "$base" "$work/listening" &
other=$!
started+=("$other")
within 100 test -e "$work/listening" || fail "the other program does not listen"
refuses "page's port in use" "port $base .* is in use by node.* \(pid $other\)" ports "${at[@]}"
grep -q "port $((base + 100)) .* is in use by node" "$work/ports.err" || fail "the media port is not named"
kill "$other"

# --- the state directory ----------------------------------------------------------------------------

echo "a file" >"$work/file"
refuses "file in place of the directory" "state directory .*/file cannot be written" file "${at[@]}"
refuses "directory in a file system that takes none" "state directory /proc/stoa cannot be written" proc "${at[@]}" \
  --state /proc/stoa
refuses "path too long" "too long: .* bytes and a socket's path may have 107" \
  "$(printf 'long%.0s' {1..25})" "${at[@]}"

# tiny KIBIBYTES NAME: mounts a file system of that size, where the tests may.
tiny() {
  mkdir "$work/$2"
  mount -t tmpfs -o "size=$1k,mode=700" tmpfs "$work/$2"
}

tiny 4096 readonly
mount -o remount,ro "$work/readonly"
refuses "read-only directory" "state directory .* cannot be written" readonly "${at[@]}"
tiny 8 full
refuses "disk full from the beginning" "No space left|is full" full "${at[@]}"
mount -o remount,size=16m "$work/full"
start_stoa full "${at[@]}"
wait_ready full
stop_stoa full INT
ok "disk grown after a first start that found it full: runs"
tiny 16384 filling
start_stoa filling "${at[@]}"
wait_ready filling
stop_stoa filling INT
head -c 16M /dev/zero >"$work/filling/ballast" 2>/dev/null || true
refuses "disk full at a later start" "No space left|is full" filling "${at[@]}"
rm "$work/filling/ballast"
start_stoa filling "${at[@]}"
wait_ready filling
stop_stoa filling INT
ok "space freed: runs again"
