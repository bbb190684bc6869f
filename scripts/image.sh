#!/usr/bin/env bash
# image.sh [FOLDER [COMMAND…]]: builds the image of the Dockerfile without a container engine or a registry of images, as root
# on Linux, and runs COMMAND in it (`--version`).
# It needs Debian's packages buildah and debootstrap. The base is made here, of Debian and of the npm packages `node` and `npm`,
# with the versions that the Dockerfile names; it stands in for the official image.
# FOLDER keeps the base for the next build. In FOLDER/rootfs and FOLDER/image.json are the image's files and configuration.
# Remove it with `rm -r FOLDER`.
set -euo pipefail
folder=$(realpath -m "${1:-${TMPDIR:-/tmp}/dropship-product-finder-image}")
cd "$(dirname "$0")/.."
shift || true

missing=()
for tool in buildah debootstrap npm; do command -v "$tool" >/dev/null || missing+=("$tool"); done
[ ${#missing[@]} = 0 ] || { echo "image.sh: missing: ${missing[*]} (Debian: apt-get install ${missing[*]})" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo 'image.sh: needs root, to change root and user' >&2; exit 2; }

mkdir -p "$folder"
in_storage() { buildah --root "$folder/storage" --runroot "$folder/run" --storage-driver vfs "$@"; }

named=$(sed -n 's/^ARG NODE_IMAGE=node:\([^@]*\).*/\1/p' Dockerfile)
version=${named%%-*}
suite=${named#*-}
suite=${suite%-slim}
base=localhost/node:$named

make_base() {
  local tree=$folder/base mirror
  rm -rf "$tree"
  # The mirror that this machine uses.
  mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | head -n 1)}
  debootstrap --variant=minbase "$suite" "$tree" "${mirror:?DEBIAN_MIRROR is not set, and apt-get names none}" >&2
  # As the official image without documentation.
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/var/log/* "$tree"/usr/share/{doc,man,locale,info}
  npm install --prefix "$folder/node" --no-audit --no-fund --no-save "node@$version" npm@11 >&2
  cp "$folder/node/node_modules/node/bin/node" "$tree/usr/local/bin/node"
  mkdir -p "$tree/usr/local/lib/node_modules"
  cp -r "$folder/node/node_modules/npm" "$tree/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$tree/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$tree/usr/local/bin/npx"
  local container
  container=$(in_storage from scratch)
  in_storage add --quiet "$container" "$tree" / >&2
  in_storage config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --env "NODE_VERSION=$version" --cmd node "$container"
  in_storage commit --quiet --rm "$container" "$base" >&2
  rm -rf "$tree" "$folder/node"
}
in_storage inspect --type image "$base" >/dev/null 2>&1 || make_base

# npm's registry, proxy and certificates are this machine's. They are mounted for the build and are in no layer.
mounts=()
for setting in userconfig globalconfig cafile; do
  file=$(npm config get "$setting")
  [ -f "$file" ] || continue
  case $setting in
    userconfig) mounts+=(--volume "$file:/root/.npmrc:ro") ;;
    globalconfig) mounts+=(--volume "$file:/usr/local/etc/npmrc:ro") ;;
    cafile) mounts+=(--volume "$file:$file:ro") ;;
  esac
done
in_storage bud --isolation chroot --pull-never --layers=false "${mounts[@]}" --build-arg "NODE_IMAGE=$base" --format docker \
  --tag localhost/dropship-product-finder . >&2

container=$(in_storage from --pull-never localhost/dropship-product-finder)
trap 'in_storage rm "$container" >/dev/null' EXIT
rm -rf "$folder/rootfs"
cp -a "$(in_storage mount "$container")" "$folder/rootfs"
in_storage inspect --type image localhost/dropship-product-finder >"$folder/image.json"
in_storage run --isolation chroot --cap-drop all "$container" -- node dist/main.js "${@:---version}"
