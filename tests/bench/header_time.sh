#!/usr/bin/env bash
# How long keywheel.hpp takes to compile, beside the standard headers that it includes.
#
#   bash tests/bench/header_time.sh BUILD [JSON FILE]
#
# CXX chooses the compiler. Rounds are interleaved; user time is compared.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
generated=$(dirname "$(dirname "$(find "$1" -path '*/keywheel/export.hpp' | head -1)")")
json=${2:-}
compiler=${CXX:-c++}
flags=(-std=c++20 -I"$top/include" -I"$generated")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
rounds=9

echo '#include <keywheel/keywheel.hpp>' >"$folder/keywheel.cpp"
# Only what keywheel.hpp reaches: the headers beside it have dearer ones of their own.
"$compiler" "${flags[@]}" -H -fsyntax-only "$folder/keywheel.cpp" 2>&1 |
  grep -oE 'keywheel/[a-z_]+\.hpp' | sort -u >"$folder/reached"
while read -r header; do
  grep -shoE "^#include <[a-z_]+>" "$top/include/$header" || true
done <"$folder/reached" | sort -u >"$folder/standard.cpp"

user_time() {
  local TIMEFORMAT=%U
  { time "$compiler" "${flags[@]}" -fsyntax-only "$1" >/dev/null; } 2>&1
}
for ((round = 0; round <= rounds; ++round)); do
  ours=$(user_time "$folder/keywheel.cpp")
  standard=$(user_time "$folder/standard.cpp")
  if ((round > 0)); then echo "$ours $standard" >>"$folder/times"; fi
done

quantile() { # of a column
  awk -v column="$1" '{ print $column }' "$folder/times" | sort -n |
    awk -v p="$2" '{ values[NR] = $1 } END { print values[int(p * (NR - 1) + 0.5) + 1] }'
}
read -r ours ours_low ours_high < <(echo "$(quantile 1 0.5) $(quantile 1 0.1) $(quantile 1 0.9)")
read -r standard standard_low standard_high < <(echo "$(quantile 2 0.5) $(quantile 2 0.1) $(quantile 2 0.9)")
ratio=$(awk -v a="$ours" -v b="$standard" 'BEGIN { printf "%.2f", a / b }')
met=$(awk -v r="$ratio" 'BEGIN { print (r < 1.5) ? "met" : "missed" }')
printf '%-46s %10s %24s %24s %7s %10s\n' "compiling keywheel.hpp (bare: its std headers)" s \
  "$standard ($standard_low-$standard_high)" "$ours ($ours_low-$ours_high)" "$ratio" "1.5 $met"
if [[ -n $json ]]; then
  printf '{"figure":"compiling keywheel.hpp","unit":"s","floor":{"median":%s,"p10":%s,"p90":%s},"keywheel":{"median":%s,"p10":%s,"p90":%s},"ratio":%s,"target":1.5}\n' \
    "$standard" "$standard_low" "$standard_high" "$ours" "$ours_low" "$ours_high" "$ratio" >>"$json"
fi
