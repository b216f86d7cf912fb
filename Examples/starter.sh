#!/usr/bin/env bash
# Draws pictures that the bundled model has not seen, asks it a thousand questions about them, and fails where it knows less
# than it should.
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
swift build -c release --product starter-world >&2
swift build -c release --product starter-score >&2
export PATH="$(swift build -c release --show-bin-path):$PATH"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
starter-world --evaluation --seed 2000 --count 250 --output "$folder"
starter-score Models/starter "$folder/questions.jsonl" caption=0.90 color=0.97 shape=0.97 relation=0.85
