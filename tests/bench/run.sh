#!/usr/bin/env bash
# Builds the benchmarks in Release and runs them: a table on standard output, and the same as JSON.
#
#   bash tests/bench/run.sh [--build FOLDER] [--json FILE] [--rounds N] [--streams N]
#
# Everything runs on the loopback address. 10,000 streams need as many open files: the limit is raised as far as the
# system lets it, for this script's processes alone.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
build=$top/build/bench
json=
rounds=9
streams=10000
while (($# > 1)); do
  case $1 in
    --build) build=$2 ;;
    --json) json=$2 ;;
    --rounds) rounds=$2 ;;
    --streams) streams=$2 ;;
    *) echo "unknown option $1; see the head of $0" >&2; exit 2 ;;
  esac
  shift 2
done
json=${json:-$build/bench.json}

cmake -S "$top" -B "$build" --log-level=WARNING -DCMAKE_BUILD_TYPE=Release -DKEYWHEEL_BUILD_TESTS=ON >/dev/null
cmake --build "$build" --target benchmarks --parallel "$(nproc)" >/dev/null

ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)"
if (($(ulimit -n) < 2 * streams)); then
  echo "only $(ulimit -n) open files are allowed: with fewer than $((2 * streams)) some figures may not be measured" >&2
fi
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
"$build/tests/bench/decoder_bench" --json "$lines"
"$build/tests/bench/pool_bench" --json "$lines" --rounds "$rounds"
"$build/tests/bench/call_bench" --json "$lines" --rounds "$rounds"
"$build/tests/bench/tls_bench" --json "$lines" --rounds "$rounds"
"$build/tests/bench/held_bench" --json "$lines" --streams "$streams"
bash "$top/tests/bench/header_time.sh" "$build" "$lines"
{ echo '['; sed '$!s/$/,/' "$lines"; echo ']'; } >"$json"
echo "as JSON: $json"
