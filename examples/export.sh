#!/bin/sh
# Uses HTTP with curl and jq: schedules a search, runs it once now, waits for its end and prints its products as CSV.
# Needs `npx dpf serve`, a worker and a key (`npx dpf keys add example --roles enqueue,read,schedule`); run:
#   API_KEY=dpf_live_… examples/export.sh "usb c hub" > products.csv
set -eu

api=${API_URL:-http://127.0.0.1:3000}
query=${1:-usb c hub}

# METHOD PATH [JSON]. The key goes through stdin, because everybody on a machine can read a command's arguments.
call() {
  printf 'Authorization: Bearer %s\n' "${API_KEY:-}" |
    curl --silent --show-error --fail-with-body --max-time 70 --request "$1" --header @- \
      ${3:+--header 'Content-Type: application/json' --data "$3"} "$api$2"
}

# The same, with the answer in $answer. If the API refuses, prints its messages and ends the script.
ask() {
  answer=$(call "$@") || {
    printf '%s\n' "$answer" | jq -r '.errors[] | "\(.path) \(.message)"' >&2
    exit 1
  }
}
field() { printf '%s\n' "$answer" | jq -r "$1"; }

ask POST /v1/schedules "$(jq -n --arg query "$query" '{
  name: "morning-export", cron: "30 7 * * 1-5", tz: "America/New_York",
  request: { query: $query, maxItems: 100, shipTo: { country: "US", postalCode: "19406" } }
}')"
echo "runs $(field .when), next at $(field .next)" >&2

ask POST /v1/schedules/morning-export/run
search=/v1/searches/$(field '.searchId | @uri')
until ask GET "$search?wait=30" && [ "$(field .state)" = done ]; do
  echo "$(field .state)…" >&2
done

if [ "$(field .error)" != null ]; then
  field '"\(.error.code): \(.error.message)"' >&2
  exit 1
fi
echo "$(field .summary.outcome): $(field .summary.counts.products) products" >&2
call GET "$search/products?format=csv"
