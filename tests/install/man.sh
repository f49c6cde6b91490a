#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The man pages name exactly the options of --help, and man has nothing to complain about:
# tests/install/man.sh SOURCE BUILD
set -eu
man=$1/docs/man bin=$2/bin libexec=$2/libexec/stoa
wrong=0

# The long options in a text, one per line.
options() { grep -o -E -e '(^|[^a-zA-Z-])--[a-z][a-z-]*' | grep -o -E -e '--[a-z][a-z-]*' | sort -u; }

# same PAGE TEXT: the options of the page and of the help text.
same() {
  local difference
  difference=$(diff <(sed 's/\\-/-/g; s/\\f[A-Z]//g' "$man/$1" | options) <(options <<<"$2")) || {
    printf 'docs/man/%s and --help differ (< page, > help), correct the page:\n%s\n' "$1" "$difference" >&2
    wrong=1
  }
}

help=$("$bin/stoa" --help)
mapfile -t commands < <(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$help")
[ ${#commands[@]} -ge 9 ] || { echo "stoa --help lists no commands" >&2; wrong=1; }
for command in "${commands[@]}"; do
  help+=$'\n'$("$bin/stoa" "$command" --help)
  grep -q -E "^\.B $command( |\\\\|$)" "$man/stoa.1" || { echo "stoa.1 does not explain $command" >&2; wrong=1; }
done
same stoa.1 "$help"
same bustap.1 "$("$bin/bustap" --help)"
for daemon in "$libexec"/*; do
  page=stoa-${daemon##*/}.8
  if [ -e "$man/$page" ]; then
    same "$page" "$("$daemon" --help)"
  else
    echo "$page is missing" >&2
    wrong=1
  fi
done

for page in "$man"/*; do
  [ "$(head -n 1 "$page")" = '.\" SPDX-License-Identifier: Apache-2.0' ] || { echo "$page: no licence" >&2; wrong=1; }
  # man is no dependency of the tests; where it is missing, the options above are what is checked.
  if command -v man >/dev/null; then
    said=$(MANROFFSEQ='' LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l "$page" 2>&1 >/dev/null)
    [ -z "$said" ] || { printf '%s: %s\n' "$page" "$said" >&2; wrong=1; }
  fi
done
exit $wrong
