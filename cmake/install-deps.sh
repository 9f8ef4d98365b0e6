# Sourced by examples/run.sh, tests/run.sh and .ci/run: installs what a build on Debian (12 or newer) needs, by
#
#     install_packages NAME…
#
# Says nothing where nothing is missing. Elsewhere than on Debian it leaves it to CMake to say what it does not find.

readonly KEYWHEEL_BUILD_PACKAGES=(g++ cmake ninja-build ccache pkg-config
  libcurl4-openssl-dev libssl-dev libfmt-dev rapidjson-dev)
readonly KEYWHEEL_TEST_PACKAGES=(catch2 libsqlite3-dev libhiredis-dev redis-server)
readonly KEYWHEEL_INTEROP_PACKAGES=(nodejs npm)
readonly KEYWHEEL_CI_PACKAGES=(clang clang-tidy clang-format)

install_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null || return 0
  local missing=() name
  for name in "$@"; do
    installed_package "$name" || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    printf 'These packages are missing, and only root may install them: %s\n' "${missing[*]}" >&2
    return 1
  fi
  printf 'Installing %s …\n' "${missing[*]}" >&2
  apt_quietly update
  local wanted=()
  for name in "${missing[@]}"; do
    if [ "$name" = catch2 ] && ! is_version_3 "$(apt-cache policy catch2 | sed -n 's/^ *Candidate: //p')"; then
      add_backports
      name="catch2/$(release_name)-backports"
    fi
    wanted+=("$name")
  done
  apt_quietly install --no-install-recommends "${wanted[@]}"
}

installed_package() {
  local state
  state=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null) || return 1
  case $state in
    'installed '*) [ "$1" != catch2 ] || is_version_3 "${state#installed }" ;;
    *) return 1 ;;
  esac
}

# The tests are written for version 3, which Debian 12 has only in its backports.
is_version_3() { [ "$1" != '(none)' ] && dpkg --compare-versions "$1" ge 3; }

release_name() (. /etc/os-release && printf '%s' "$VERSION_CODENAME")

# Adds the backports from wherever this machine has its packages from. Nothing else is taken from them: apt prefers
# every other source to backports.
add_backports() {
  local name uri
  name=$(release_name)
  if apt-get indextargets --format '$(RELEASE)' | grep -qx "$name-backports"; then return 0; fi
  uri=$(apt-get indextargets --format '$(RELEASE) $(REPO_URI)' | sed -n "s/^$name //p" | head -n 1)
  if [ -z "$uri" ]; then
    printf 'No source of packages for %s is configured, so Catch2 3 cannot be installed\n' "$name" >&2
    return 1
  fi
  printf 'Types: deb\nURIs: %s\nSuites: %s-backports\nComponents: main\nSigned-By: %s\n' "$uri" "$name" \
    /usr/share/keyrings/debian-archive-keyring.gpg >/etc/apt/sources.list.d/keywheel-backports.sources
  apt_quietly update
}

# What apt says is shown only where it fails.
apt_quietly() {
  local log
  log=$(mktemp)
  if ! DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}
