#!/usr/bin/env bash
# Fuzzes one reader with libFuzzer, under the address and undefined behaviour sanitizers.
#
#   scripts/fuzz.sh TARGET SECONDS       run; an input that fails is written to .build/fuzz/found, and the exit status is 1
#   scripts/fuzz.sh --keep TARGET [FOLDER…]   take into Tests/Fuzz/Corpora what reaches new code, from what fuzzing found
#   scripts/fuzz.sh --list
#
# What must hold of each target stands in Tests/Fuzz/Targets. Files that failed belong into the corpus of their target, where
# the tests meet them again.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 64; }
build=.build/fuzz
program="$build/release/fuzz"
keeps=''
case "${1:-}" in
    --list | --keep) keeps=$1; shift ;;
    -*) usage ;;
esac

# Linked by lld: gold has no place for libFuzzer's main beside the program's own. SwiftPM is not told of the sanitizers, as
# it knows none of these; clang and swiftc are.
swift build -c release --scratch-path "$build" --product fuzz \
    -Xswiftc -sanitize=fuzzer,address -Xswiftc -Xclang-linker -Xswiftc -fuse-ld=lld \
    -Xcc -fsanitize=fuzzer-no-link,address,undefined -Xcc -fno-sanitize=vptr,function \
    -Xcc -fno-sanitize-recover=undefined \
    -Xlinker -u -Xlinker LLVMFuzzerRunDriver >&2
[ "$keeps" != --list ] || { ls Tests/Fuzz/Corpora; exit; }

target=${1:-}
[ -d "Tests/Fuzz/Corpora/$target" ] && [ -n "$target" ] || usage
shift
corpus="Tests/Fuzz/Corpora/$target"
grown="$build/corpora/$target"
mkdir -p "$grown" "$build/found"
export CLIP_FUZZ_TARGET=$target
# What the Swift runtime never frees is no leak of ours.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1
# Memory that a hostile header asks for shows as a failure, not as a slow machine.
limits='-rss_limit_mb=2048 -malloc_limit_mb=1024 -timeout=20'

if [ "$keeps" = --keep ]; then
    # Small files first: they are what is kept where several reach the same code.
    # shellcheck disable=SC2086
    exec "$program" -merge=1 -max_len=8192 $limits "$corpus" "$grown" "$@"
fi
[[ "${1:-}" =~ ^[0-9]+$ ]] || usage
# shellcheck disable=SC2086
exec "$program" -max_total_time="$1" -max_len=16384 -print_final_stats=1 $limits \
    -artifact_prefix="$build/found/$target-" "$grown" "$corpus"
