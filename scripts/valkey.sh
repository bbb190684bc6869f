#!/usr/bin/env bash
# valkey.sh COMMAND…: runs it with Valkey in the place of Redis, also where both are installed: the embedded server is the
# first that the PATH has.
set -euo pipefail
server=$(command -v valkey-server) || {
  echo 'no valkey-server on the PATH: apt-get install valkey-server (Debian 13, or bookworm-backports)' >&2
  exit 2
}
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
ln -s "$server" "$folder"
"$server" --version
PATH="$folder:$PATH" "$@"
