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
