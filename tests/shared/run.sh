#!/usr/bin/env bash
# The long form of the tests of shared quotas: a minute each, 200 kills; prints what was measured.
#
#     bash tests/shared/run.sh
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. cmake/install-deps.sh
install_packages "${KEYWHEEL_BUILD_PACKAGES[@]}" "${KEYWHEEL_TEST_PACKAGES[@]}"

export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
cmake -S . -B build/tests -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g1 \
  -DKEYWHEEL_WERROR=ON -DKEYWHEEL_WITH_SQLITE=ON -DKEYWHEEL_WITH_REDIS=ON "${launcher[@]}"
cmake --build build/tests --target shared_tests
KEYWHEEL_SHARED_LONG=1 build/tests/tests/shared_tests '[processes]'
