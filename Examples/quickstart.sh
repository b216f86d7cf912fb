#!/usr/bin/env bash
# Installs what is missing, builds, and ranks the pictures in Examples/pictures by the words in list.txt with the
# bundled model.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
swift build -c release --product clip >&2
export PATH="$(swift build -c release --show-bin-path):$PATH"

cd Examples/pictures
clip embed < list.txt | clip rank --top 3
