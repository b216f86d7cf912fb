#!/usr/bin/env bash
# Embeds pictures once, then searches them with as many queries as you like.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
swift build -c release --product clip >&2
export PATH="$(swift build -c release --show-bin-path):$PATH"

embeddings=$(mktemp)
trap 'rm -f "$embeddings"' EXIT
clip embed Examples/pictures/*.png > "$embeddings"
clip rank --query "a red circle" --query "two blue squares" --top 3 < "$embeddings"
