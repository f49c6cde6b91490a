# SPDX-License-Identifier: Apache-2.0
# Who reaches whom: "open", "refused" (the way is open, nobody listens) or "silent" (filtered).
# shellcheck shell=bash

# How long silence is listened to; an answer may take much longer on a busy machine, and gets it where one is due.
PROBE_SILENT_S=3
PROBE_ANSWER_S=30

# probe_tcp HOST ADDRESS PORT [SECONDS]
probe_tcp() {
  local said code=0
  # shellcheck disable=SC2016 # expanded in there
  said=$(on "$1" timeout "${4:-$PROBE_SILENT_S}" bash -c ': <"/dev/tcp/$1/$2"' probe "$2" "$3" 2>&1) || code=$?
  case $code:$said in
    0:*) echo open ;;
    124:*) echo silent ;;
    *refused*) echo refused ;;
    *) echo "no: $said" ;;
  esac
}

# probe_udp HOST ADDRESS PORT [SECONDS]: a byte; "open" is an answer, which a byte gets from nobody.
probe_udp() {
  local said code=0
  # shellcheck disable=SC2016 # expanded in there
  said=$(on "$1" bash -c 'exec 3<>"/dev/udp/$1/$2" && printf x >&3 && read -r -t "$3" -N 1 -u 3 got' \
    probe "$2" "$3" "${4:-$PROBE_SILENT_S}" 2>&1) || code=$?
  case $code:$said in
    0:*) echo open ;;
    *refused*) echo refused ;;
    142:* | 129:*) echo silent ;;
    *) echo "no: $said ($code)" ;;
  esac
}

# reaches HOST PROTO ADDRESS PORT: there is a way.
reaches() {
  local found
  found=$("probe_$2" "$1" "$3" "$4" "$PROBE_ANSWER_S")
  case $found in open | refused) ;; *) fail "$1 does not reach $2 $3:$4: $found" ;; esac
}

# cut_off FIREWALL COUNTER HOST PROTO ADDRESS PORT: there is none, and the firewall has counted the try.
cut_off() {
  local before found
  before=$(count "$1" "$2")
  found=$("probe_$4" "$3" "$5" "$6")
  [ "$found" = silent ] || fail "$3 reaches $4 $5:$6: $found"
  [ "$(count "$1" "$2")" -gt "$before" ] || fail "$3 to $4 $5:$6 is silent, but $1 has not dropped it ($2)"
}
