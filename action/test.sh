#!/usr/bin/env bash
# Runs the tests in TESTS; failures are annotations beside the line of the test.
set -euo pipefail
command=(fingerpost test --format github)
while IFS= read -r file; do
  [[ -z "$file" ]] || command+=("$file")
done <<< "$TESTS"
"${command[@]}"
