#!/usr/bin/env bash
# Installs keywheel, static and shared, and builds programs against it in every way that a user may: find_package,
# pkg-config, add_subdirectory, FetchContent. Looks at what is installed: headers, symbols, a moved tree, a plugin that
# is loaded and unloaded.
#
#     tests/install/run.sh [WORK_FOLDER]
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(cd "$here/../.." && pwd)
mkdir -p "${1:-$source_dir/build/install}"
work=$(cd "${1:-$source_dir/build/install}" && pwd)

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}
ok() { printf '  ok: %s\n' "$*"; }
# Runs quietly; shows what a command said only where it fails.
quiet() {
  local log
  log=$(mktemp "$work/log.XXXXXX")
  "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "$*"; }
  rm -f "$log"
}

launcher=()
command -v ccache >/dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
# Little optimised: that costs most of the time, and tells nothing of packaging.
configure() {
  quiet cmake -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" "${launcher[@]}" "$@"
}

# One binary folder for every build of the library: with the same paths, the second is answered by ccache.
library="$work/library"

install_library() {  # KIND ON|OFF ARGUMENTS…
  local kind=$1 shared=$2
  shift 2
  rm -rf "$library" "${work:?}/$kind"
  configure -S "$source_dir" -B "$library" -DBUILD_SHARED_LIBS="$shared" -DCMAKE_INSTALL_PREFIX="$work/$kind.first" \
    -DKEYWHEEL_BUILD_TESTS=OFF -DKEYWHEEL_BUILD_EXAMPLES=OFF "$@"
  set -- "$kind"
  quiet cmake --build "$library"
  quiet cmake --install "$library"
  # Where it was installed to must not matter.
  mv "$work/$1.first" "$work/$1"
  if grep -rlI "$work/$1.first\|$source_dir" "$work/$1"; then fail "files above name the place of the build"; fi
  ok "$1: installed and moved"
}

consume() {  # NAME SOURCE ARGUMENTS…
  local name=$1 source=$2
  shift 2
  rm -rf "$work/$name"
  configure -S "$here/$source" -B "$work/$name" "$@"
  quiet cmake --build "$work/$name"
  quiet "$work/$name/consumer"
  ok "$name: builds and runs"
}

consume_source() {  # KIND ARGUMENTS…
  local kind=$1
  shift
  for way in add_subdirectory fetch_content; do
    rm -rf "$library"
    consume "$kind-${way//_/-}" $way -DKEYWHEEL_SOURCE="$source_dir" -DKEYWHEEL_BINARY="$library" "$@"
  done
}

consume_pkg_config() {  # KIND
  local flags library_dir
  library_dir=$(dirname "$(find "$work/$1" -name keywheel.pc)")
  flags=$(PKG_CONFIG_PATH="$library_dir" pkg-config --cflags --libs keywheel)
  # shellcheck disable=SC2086  # the flags are several words
  quiet "${CXX:-c++}" -std=c++20 "$here/consumer.cpp" -o "$work/$1-pkg-config" $flags
  quiet env LD_LIBRARY_PATH="$library_dir/.." "$work/$1-pkg-config"
  ok "$1 with pkg-config: builds and runs"
}

check_version() {
  mkdir -p "$work/version"
  cat >"$work/version/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.23)
project(version LANGUAGES CXX)
find_package(keywheel 0.99 QUIET CONFIG)
if(keywheel_FOUND)
  message(FATAL_ERROR "another minor version was taken for a compatible one")
endif()
END
  rm -rf "$work/version/build"
  configure -S "$work/version" -B "$work/version/build" -DCMAKE_PREFIX_PATH="$work/static"
  local version
  version=$(sed -n 's/^Version: //p' "$(find "$work/static" -name keywheel.pc)")
  for file in vcpkg.json cmake/vcpkg/vcpkg.json; do
    grep -q "\"version\": \"$version\"" "$source_dir/$file" || fail "$file does not say version $version"
  done
  ok "one version everywhere, and another minor version is not compatible"
}

check_no_stores() {
  mkdir -p "$work/no-stores"
  cat >"$work/no-stores/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.23)
project(no_stores LANGUAGES CXX)
find_package(keywheel 0.1 REQUIRED CONFIG)
find_package(keywheel 0.1 QUIET CONFIG COMPONENTS redis)
if(keywheel_FOUND)
  message(FATAL_ERROR "a keywheel without Redis was found where one with it was asked for")
endif()
END
  rm -rf "$work/no-stores/build"
  configure -S "$work/no-stores" -B "$work/no-stores/build" -DCMAKE_PREFIX_PATH="$work/shared"
  if ldd "$(find "$work/shared" -name 'libkeywheel.so' | head -1)" | grep -E 'sqlite|redis'; then
    fail "the library links a store that nobody asked for"
  fi
  ok "shared: without stores, and says so"
}

check_components() {
  rm -rf "$work/runtime"
  quiet cmake --install "$library" --prefix "$work/runtime" --component keywheel_Runtime
  local files
  files=$(cd "$work/runtime" && find . -type f -o -type l | grep -v '/libkeywheel\.so\.' || true)
  [ -z "$files" ] || fail "the runtime component holds more than the library: $files"
  ok "components: the runtime's is the library alone"
}

check_headers() {
  local include="$work/static/include" dear
  local flags=(-std=c++20 -DKEYWHEEL_STATIC_DEFINE "-I$include" -x c++ -M)
  for header in "$include"/keywheel/*.hpp; do
    dear=$("${CXX:-c++}" "${flags[@]}" "$header" | grep -E '/(rapidjson|curl|openssl)/' || true)
    [ -z "$dear" ] || fail "$header includes what users need not have: $dear"
  done
  dear=$("${CXX:-c++}" "${flags[@]}" "$include/keywheel/keywheel.hpp" | grep -E '/(future|iostream|regex|fmt/[a-z]*\.h)( |$)' || true)
  [ -z "$dear" ] || fail "keywheel.hpp includes what is dear: $dear"
  ok "headers: nothing of RapidJSON, curl, OpenSSL; keywheel.hpp without <future>, <iostream>, <regex>, fmt"
}

check_symbols() {
  local shared foreign
  shared=$(find "$work/shared" -name 'libkeywheel.so' | head -1)
  foreign=$(nm -DC --defined-only "$shared" | sed 's/^[0-9a-f]* . //' |
    grep -vE '^(typeinfo( name)? for |vtable for )?keywheel::' || true)
  [ -z "$foreign" ] || fail "the shared library shows names that are not its own: $foreign"
  foreign=$(nm -DC --defined-only "$shared" | grep -F 'keywheel::v0_1::detail::' |
    grep -vE 'std::(_Function_handler|shared_ptr|unique_ptr|weak_ptr)|ChatAwaiter|ChatStream|Call|Router' | head -5 || true)
  [ -z "$foreign" ] || fail "the shared library shows internals: $foreign"
  ok "symbols: $(nm -D --defined-only "$shared" | wc -l), all keywheel's"
}

check_plugin() {  # KIND
  rm -rf "$work/$1-plugin"
  configure -S "$here/plugin" -B "$work/$1-plugin" -DCMAKE_PREFIX_PATH="$work/$1"
  quiet cmake --build "$work/$1-plugin"
  local libraries=("$work/$1-plugin/libplugin.so")
  [ "$1" = static ] || libraries+=("$(find "$work/$1" -name 'libkeywheel.so.*.*.*')")
  quiet "$work/$1-plugin/host" "${libraries[@]}"
  ok "$1: a plugin loaded, called and unloaded a hundred times"
}

install_library static OFF -DKEYWHEEL_WITH_SQLITE=ON -DKEYWHEEL_WITH_REDIS=ON
check_version
check_headers
consume static-find-package find_package -DCMAKE_PREFIX_PATH="$work/static"
consume static-stores stores -DCMAKE_PREFIX_PATH="$work/static"
consume_pkg_config static
check_plugin static
consume_source static

install_library shared ON
check_components
check_no_stores
check_symbols
# Who uses the shared library needs none of its dependencies.
consume shared-find-package find_package -DCMAKE_PREFIX_PATH="$work/shared" \
  -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON -DCMAKE_DISABLE_FIND_PACKAGE_fmt=ON -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON
consume_pkg_config shared
check_plugin shared
consume_source shared -DBUILD_SHARED_LIBS=ON

printf 'packaging: all ok\n'
