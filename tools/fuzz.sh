#!/usr/bin/env bash
# Runs every fuzz target of the module in turn.
#
#   tools/fuzz.sh [TIME]      for each target, 1m without it
set -euo pipefail
cd "$(dirname "$0")/.."

count=0
for package in $(go list ./...); do
  listed=$(go test -list '^Fuzz' "$package") # ends the run when the package does not compile
  for target in $(sed -n '/^Fuzz/p' <<<"$listed"); do
    echo "$package $target"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-1m}" -fuzzminimizetime 20x "$package"
    count=$((count + 1))
  done
done
[ "$count" -gt 0 ] || { echo >&2 "fuzz: no target was found"; exit 1; }
