#!/usr/bin/env bash
# What the Dockerfile and docker-compose.yml promise, without a container engine: the image's tree with production packages
# only, in a root of its own, read-only, by a numeric user without rights; Redis with its users, a simulated eBay, a worker,
# `serve`, their health checks, and their end on SIGTERM. As root on Linux; it leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo 'container.sh needs root, to change root and user' >&2; exit 2; }
# Mounts of its own, which end with it.
[ "${1:-}" = inside ] || exec unshare --mount --propagation private bash "$0" inside

root=$(mktemp -d)
running=()
leave() {
  # The shell would name each one that was killed.
  { for pid in "${running[@]}"; do kill -KILL "$pid" || true; done; wait; } 2>/dev/null
  umount --recursive "$root" && rmdir "$root" && rm -rf --one-file-system "$root.tree"
}
trap leave EXIT
say() { printf '%-64s %s\n' "$1" "$2"; }
fail() { say "$1" FAILED; [ -f "$root/tmp/$2" ] && tail -n 5 "$root/tmp/$2"; exit 1; }

# The tree, as the Dockerfile's last stage copies it.
tree=$root.tree
mkdir -p "$tree"/{app,tmp,data,proc,dev,etc,usr,lib,lib64,bin}
cp package.json package-lock.json .npmrc LICENSE "$tree/app"
(cd "$tree/app" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund >/dev/null)
for part in dist config schemas public; do [ ! -d "$part" ] || cp -a "$part" "$tree/app/$part"; done
chmod -R a+rX "$tree"
mount --bind "$tree" "$root"
for part in usr lib lib64 bin; do
  mount --bind "/$part" "$root/$part"
  mount -o remount,ro,bind "$root/$part"
done
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -o remount,ro,bind "$root"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=700,uid=999,gid=999 tmpfs "$root/data"

# become USER COMMAND…: in the place of this shell, with nothing of its environment but what NAME=VALUE words say.
become() {
  local user=$1
  shift
  exec chroot "$root" setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --inh-caps=-all \
    --bounding-set=-all env -i --chdir=/app PATH=/usr/local/bin:/usr/bin:/bin NODE_ENV=production LOG_FORMAT=json "$@"
}
inside() { (become "$@"); }
# start NAME USER COMMAND…: output in /tmp/NAME; the id is the command's own, so that signals reach it
start() {
  local name=$1
  shift
  become "$@" >"$root/tmp/$name" 2>&1 &
  running+=($!)
}
until_true() {
  for _ in $(seq 150); do "$@" >/dev/null 2>&1 && return 0; sleep 0.2; done
  return 1
}

# What needs the compose client, but no engine.
if docker compose version >/dev/null 2>&1; then
  compose=(env REDIS_WORKER_PASSWORD=w-1 REDIS_PRODUCER_PASSWORD=p-1 REDIS_TOKEN_READER_PASSWORD=t-1 docker compose)
  for profile in '' $("${compose[@]}" config --profiles); do
    "${compose[@]}" ${profile:+--profile "$profile"} config --quiet || fail "docker compose config, profile '$profile'" none
    say "docker compose config, profile '$profile'" ok
  done
else
  say 'docker compose config' 'not run: there is no client here'
fi

[ ! -e "$root/app/node_modules/mocha" ] && [ -e "$root/app/node_modules/bullmq" ] || fail 'production packages only' none
say 'production packages only' "$(ls "$root/app/node_modules" | wc -l) folders, $(du -sm "$tree/app" | cut -f1) MB"
! inside 10001 sh -c 'touch /app/x || touch /etc/x' 2>/dev/null || fail 'the tree is read-only' none
say 'the tree is read-only, the user 10001 without capabilities' ok

free_port() { node -e "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})"; }
port=$(free_port)
start redis 999 REDIS_WORKER_PASSWORD=w-1 REDIS_PRODUCER_PASSWORD=p-1 REDIS_TOKEN_READER_PASSWORD=t-1 \
  /app/config/redis/start.sh /data --port "$port" --bind 127.0.0.1
health=$(sed -n "s/.*CMD-SHELL, '\(redis-cli ping.*\)'\]/\1/p" docker-compose.yml)
until_true inside 999 sh -c "${health/redis-cli/redis-cli -p $port}" || fail 'redis: start.sh and its health check' redis
say 'redis: start.sh and its health check' ok

# The image's health check. Each process has a socket of its own here, where all share one /tmp.
mapfile -t check < <(sed -n 's/^HEALTHCHECK .*CMD \(\[.*\]\)$/\1/p' Dockerfile | node -e 'JSON.parse(require("fs").readFileSync(0)).forEach((word) => console.log(word))')
healthy() { inside 10001 HEALTH_SOCKET="/tmp/$1.sock" "${check[@]}"; }
checked() {
  until_true healthy "$1" || fail "$1: its health check" "$1"
  say "$1: its health check" ok
}
! healthy simulator >/dev/null || fail 'the health check fails where no process runs' none
say 'the health check fails where no process runs' ok

simulator=$(free_port)
start simulator 10001 HEALTH_SOCKET=/tmp/simulator.sock node dist/main.js simulate --port "$simulator"
checked simulator

ebay=(EBAY_API_URL="http://127.0.0.1:$simulator" EBAY_TOKEN_URL="http://127.0.0.1:$simulator/identity/v1/oauth2/token")
while read -r line; do ebay+=("$line"); done < <(sed -n 's/^# \(EBAY_CLIENT_[A-Z]*=.*\)/\1/p' .env.example)
worker=(REDIS_URL="redis://worker:w-1@127.0.0.1:$port/0" HEALTH_SOCKET=/tmp/worker.sock "${ebay[@]}")
start worker 10001 "${worker[@]}" node dist/main.js worker
until_true grep -q 'worker started' "$root/tmp/worker" || fail 'worker: starts' worker
checked worker

http=$(free_port)
producer=(REDIS_URL="redis://producer:p-1@127.0.0.1:$port/0" HTTP_PORT="$http" HEALTH_SOCKET=/tmp/serve.sock)
inside 10001 "${producer[@]}" node dist/main.js keys add caller >"$root/tmp/keys" 2>&1 || fail 'serve: a key for a caller' keys
start serve 10001 "${producer[@]}" node dist/main.js serve
checked serve

inside 10001 "${producer[@]}" node dist/main.js search 'phone case' --max-items 3 --json >"$root/tmp/search" 2>&1 || fail 'a search by a producer' search
say 'a search by a producer' ok

for name in serve worker; do
  pid=${running[-1]}
  unset 'running[-1]'
  kill -TERM "$pid"
  code=0
  wait "$pid" || code=$?
  [ "$code" = 0 ] || fail "$name: ends with 0 on SIGTERM (was $code)" "$name"
  say "$name: ends with 0 on SIGTERM" ok
done
