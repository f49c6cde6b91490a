# SPDX-License-Identifier: Apache-2.0
# Certificates of the lab: those of the inside by its own CA, those of the zone port by the edge's, and what browsers
# outside see by a third party's (public), in the guide's list of names and in the guide's wrong forms.
# shellcheck shell=bash

# The guide's list for Expressway-E, in its order.
pki_edge_names=(vcse.octavio.com vcsc.octavio.local cmsweb.octavio.com cmsweb.octavio.local octavio.local
  cms.octavio.local octavio.com)

# authority FILE CN
authority() {
  "$LAB_STOA" pki ca --cn "$2" --cert "$1.crt" --key "$1.key" >/dev/null || fail "no CA $2"
}

# issue CA FILE NAME...: FILE.crt and FILE.key; what was there goes.
issue() {
  local ca=$1 file=$2 names=() name
  shift 2
  for name; do names+=(--name "$name"); done
  "$LAB_STOA" pki issue --ca "$ca.crt" --ca-key "$ca.key" "${names[@]}" --cert "$file.crt" --key "$file.key" --force \
    >/dev/null || fail "no certificate $file"
}

# edge_certificate KIND: what browsers see at the edge.
#   right         by the public CA, the guide's names     no-san       without the name of the web bridge
#   expiring      for 20 s more                           self-signed  by nobody
edge_certificate() {
  local file=$work/state/edge/pki/expe ca=$work/public name names=()
  case $1 in
    right) issue "$ca" "$file" "${pki_edge_names[@]}" ;;
    no-san) issue "$ca" "$file" vcse.octavio.com vcsc.octavio.local octavio.com ;;
    self-signed)
      for name in "${pki_edge_names[@]}"; do names+=(--name "$name"); done
      "$LAB_STOA" pki selfsigned "${names[@]}" --cert "$file.crt" --key "$file.key" --force >/dev/null ||
        fail "no self-signed certificate"
      ;;
    expiring) issue_expiring "$ca" "$file" "${pki_edge_names[@]}" ;;
    *) fail "there is no certificate $1" ;;
  esac
}

# `stoa pki` makes none for less than a day, and expe takes none that has ended.
issue_expiring() {
  local ca=$1 file=$2 sans
  shift 2
  sans=$(printf ',DNS:%s' "$@")
  printf '%s\n' '[ca]' 'default_ca=c' '[c]' "database=$work/index" "new_certs_dir=$work" "rand_serial=yes" \
    'default_md=sha256' 'policy=p' '[p]' 'commonName=supplied' '[e]' "subjectAltName=${sans#,}" \
    'extendedKeyUsage=serverAuth' >"$work/expiring.cnf"
  : >"$work/index"
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$file.key" -subj "/CN=$1" \
    -out "$work/expiring.csr" 2>/dev/null &&
    openssl ca -batch -config "$work/expiring.cnf" -extensions e -cert "$ca.crt" -keyfile "$ca.key" \
      -startdate "$(date -ud '-1 hour' +%Y%m%d%H%M%SZ)" -enddate "$(date -ud '+20 seconds' +%Y%m%d%H%M%SZ)" \
      -in "$work/expiring.csr" -notext -out "$file.crt" 2>"$work/expiring.log" || fail "no certificate that expires"
}
