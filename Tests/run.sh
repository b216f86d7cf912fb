#!/usr/bin/env bash
# Installs what is missing, builds, and passes all tests. Arguments go to `swift test` (--filter NAME, say).
set -euo pipefail
cd "$(dirname "$0")/.."
./scripts/setup.sh
swift test "$@"
