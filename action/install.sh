#!/usr/bin/env bash
# Puts `fingerpost` on the PATH of the steps that follow: from ARCHIVE, or as it is there, or built from this source.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
folder="$RUNNER_TEMP/fingerpost-bin"

if [[ -n "${ARCHIVE:-}" ]]; then
  mkdir -p "$folder"
  if [[ "$ARCHIVE" =~ ^https?:// ]]; then
    curl --fail --silent --show-error --location "$ARCHIVE" | tar -xz --strip-components 1 -C "$folder"
  else
    tar -xzf "$ARCHIVE" --strip-components 1 -C "$folder"
  fi
  echo "$folder" >> "$GITHUB_PATH"
  PATH="$folder:$PATH"
elif ! command -v fingerpost > /dev/null; then
  # Inside the source, so that rustup takes the toolchain that it pins.
  (cd "$source" && cargo install --quiet --locked --path host-sim/cli --root "$RUNNER_TEMP/fingerpost-cargo")
  echo "$RUNNER_TEMP/fingerpost-cargo/bin" >> "$GITHUB_PATH"
  PATH="$RUNNER_TEMP/fingerpost-cargo/bin:$PATH"
fi
fingerpost --version
