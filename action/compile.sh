#!/usr/bin/env bash
# Compiles FILES; the matcher makes annotations of what is found.
set -euo pipefail
echo "::add-matcher::$(cd "$(dirname "$0")" && pwd)/problem-matcher.json"

command=(fingerpost compile -o "$RUNNER_TEMP/fingerpost")
while IFS= read -r file; do
  [[ -z "$file" ]] || command+=(-f "$file")
done <<< "$FILES"
[[ "${STRICT:-true}" == false ]] || command+=(--strict)
read -ra more <<< "${ARGUMENTS:-}"
"${command[@]}" "${more[@]}"
