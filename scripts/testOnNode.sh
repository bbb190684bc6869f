#!/usr/bin/env bash
# testOnNode.sh VERSION [COMMAND…]: runs a command, `npm test` if none is given, on another release of Node, which npm installs
# into the user's cache. VERSION is whatever npm understands: 24, 20.19.0.
set -euo pipefail
version=${1:?which version of Node?}
shift
folder=${XDG_CACHE_HOME:-$HOME/.cache}/dropship-product-finder/node-$version
npm install --prefix "$folder" --no-save --silent --no-audit --no-fund "node@$version"
PATH=$folder/node_modules/node/bin:$PATH
node --version
[ $# -gt 0 ] || set -- npm test
"$@"
