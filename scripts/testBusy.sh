#!/usr/bin/env bash
# testBusy.sh [ROUNDS] [MOCHA ARGUMENTS…]: runs the whole suite, or what the arguments name, ROUNDS times (20) beside two busy loops.
# Prints a line for each round, and the whole output of one that failed. Ends with 1 if any did.
set -uo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-20}
[[ $rounds =~ ^[1-9][0-9]*$ ]] || { echo "ROUNDS is a number from 1 on, not \"$rounds\"" >&2; exit 2; }
shift $(($# > 0))
npm run --silent pretest || exit

loops=()
for _ in 1 2; do
  (while :; do :; done) &
  loops+=($!)
done
output=$(mktemp)
trap 'kill "${loops[@]}"; rm -f "$output"' EXIT
trap 'exit 130' INT TERM

failed=0
for ((round = 1; round <= rounds; round++)); do
  SECONDS=0
  if npx mocha "$@" >"$output" 2>&1; then
    echo "round $round of $rounds: $(tail -n 1 "$output") after $SECONDS s"
  else
    cat "$output"
    echo "round $round of $rounds: failed after $SECONDS s"
    failed=$((failed + 1))
  fi
done
[ "$failed" -eq 0 ] || { echo "$failed of $rounds rounds failed" >&2; exit 1; }
