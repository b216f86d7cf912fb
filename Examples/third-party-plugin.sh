#!/usr/bin/env bash
# Builds a package that adds an image encoder of its own to the command line, shows that it is there, and checks it.
set -euo pipefail
cd "$(dirname "$0")/ThirdPartyPlugin"
../../scripts/setup.sh
build="$PWD/../../.build/third-party-plugin"
swift build --scratch-path "$build" --product my-clip >&2
my_clip="$(swift build --scratch-path "$build" --show-bin-path)/my-clip"

"$my_clip" plugins info color-grid
"$my_clip" graph --model . --tower image
swift test --scratch-path "$build" >&2
