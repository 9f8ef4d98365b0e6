#!/usr/bin/env bash
# Builds the library and the examples, after installing what that needs, and makes calls with them. On Debian 12 as
# root, a clone is enough.
#
#     bash examples/run.sh
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. cmake/install-deps.sh
install_packages "${KEYWHEEL_BUILD_PACKAGES[@]}"

export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
build=build/examples
cmake -S . -B "$build" -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=Release -DKEYWHEEL_BUILD_TESTS=OFF "${launcher[@]}"
cmake --build "$build"

# Keys of your own in the environment: a few real calls. Otherwise the provider is played, on this machine.
if env | grep -qE '^[A-Z]+_API_(KEY|PASSWORD)S?=.'; then
  printf '\nA few calls with the keys found in the environment:\n\n'
  exec "$build/examples/keywheel-chat" --stats --repeat 6 'Say hello in one word.'
fi

played=$(mktemp -d)
provider=
finish() {
  [ -z "$provider" ] || kill "$provider" 2>/dev/null || true
  rm -rf "$played"
}
trap finish EXIT

# Of the config's three keys, the second is revoked, and the third is throttled after half of its calls.
cat >"$played/script.json" <<'END'
{"keys": {"key-1:secret-1": {},
          "key-2:secret-2": {"status": 401, "error": "invalid_key"},
          "key-3:secret-3": {"throttle_after": 3, "retry_after": 60}},
 "others": {"status": 401}}
END
"$build/tests/support/keywheel-loopback" --script "$played/script.json" >"$played/out" &
provider=$!
until grep -q '^listening on ' "$played/out"; do
  kill -0 "$provider" 2>/dev/null || { printf 'the played provider did not start\n' >&2; exit 1; }
  sleep 0.05
done
KEYWHEEL_LOOPBACK=$(sed -n 's/^listening on //p' "$played/out")
export KEYWHEEL_LOOPBACK

printf '\nTwelve calls with examples/seed-config.json: three keys, of which one is revoked and one throttled half way.\n\n'
"$build/examples/keywheel-chat" --config examples/seed-config.json --stats --repeat 12 'Hello'
