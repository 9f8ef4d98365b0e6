#!/usr/bin/env bash
# Builds the tests and runs them, after installing what that needs. On Debian 12 as root, a clone is enough.
#
#     bash tests/run.sh [CTEST_ARGUMENT…]     for example -R router
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
. cmake/install-deps.sh
install_packages "${KEYWHEEL_BUILD_PACKAGES[@]}" "${KEYWHEEL_TEST_PACKAGES[@]}"
# Others' builds of Node.js bring their own npm, and would be replaced.
command -v npm >/dev/null || install_packages "${KEYWHEEL_INTEROP_PACKAGES[@]}"

# The compiler's cache serves clones at other places too.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
cmake -S . -B build/tests -G Ninja --log-level=WARNING -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-g1 \
  -DKEYWHEEL_WERROR=ON -DKEYWHEEL_WITH_SQLITE=ON -DKEYWHEEL_WITH_REDIS=ON "${launcher[@]}"
cmake --build build/tests
ctest --test-dir build/tests --output-on-failure --parallel 2 "$@"
