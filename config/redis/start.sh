#!/bin/sh
# start.sh FOLDER: starts Redis with the users of users.acl. Their passwords come from the environment and are kept as hashes
# only. Waiting jobs survive a restart (append-only file in FOLDER) and are never evicted.
set -eu

hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }

umask 077
# Without a password of its own nobody can log in as backup.
backup=${REDIS_BACKUP_PASSWORD:-$(head -c 32 /dev/urandom | sha256sum)}
sed -e "s/#WORKER_PASSWORD_SHA256/#$(hash "${REDIS_WORKER_PASSWORD:?is not set}")/" \
  -e "s/#PRODUCER_PASSWORD_SHA256/#$(hash "${REDIS_PRODUCER_PASSWORD:?is not set}")/" \
  -e "s/#BACKUP_PASSWORD_SHA256/#$(hash "$backup")/" \
  -e "s/#TOKEN_READER_PASSWORD_SHA256/#$(hash "${REDIS_TOKEN_READER_PASSWORD:?is not set}")/" \
  "$(dirname "$0")/users.acl" > "${TMPDIR:-/tmp}/users.acl"
unset REDIS_WORKER_PASSWORD REDIS_PRODUCER_PASSWORD REDIS_TOKEN_READER_PASSWORD REDIS_BACKUP_PASSWORD backup

folder=$1
shift
exec redis-server --aclfile "${TMPDIR:-/tmp}/users.acl" --dir "$folder" \
  --appendonly yes --save '' --maxmemory-policy noeviction "$@"
