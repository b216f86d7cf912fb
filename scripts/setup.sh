#!/usr/bin/env bash
# Installs the C libraries that the package links, where they are missing, and checks for a Swift toolchain.
# Sourced or run by Examples/quickstart.sh and Tests/run.sh; running it again does nothing.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }

if ! command -v swift >/dev/null 2>&1; then
    say "No Swift toolchain found. Install Swift 6.2 or later (https://www.swift.org/install), put 'swift' on PATH,"
    say "and run this command again: it does everything else."
    exit 1
fi
version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
if [ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" != 6.2 ]; then
    say "Swift $version is too old: this package needs 6.2 or later (https://www.swift.org/install)."
    exit 1
fi

# A header of each library, and the packages that bring them.
headers='png.h yaml.h jpeglib.h webp/decode.h oneapi/dnnl/dnnl.h simdjson.h zlib.h'
# Apple's systems bring these.
[ "$(uname)" = Darwin ] || headers="$headers curl/curl.h openssl/evp.h"
apt='libpng-dev libyaml-dev libjpeg-dev libtiff-dev libwebp-dev libdnnl-dev libsimdjson-dev zlib1g-dev
libcurl4-openssl-dev libssl-dev'
brew='libpng libyaml jpeg-turbo libtiff webp onednn simdjson zlib'

have() {
    for folder in /usr/include /usr/local/include /opt/homebrew/include /usr/include/*-linux-gnu; do
        [ -e "$folder/$1" ] && return 0
    done
    return 1
}

missing=''
for header in $headers; do have "$header" || missing="$missing $header"; done
if [ -n "$missing" ]; then
    say "Missing:$missing; installing libraries."
    if command -v apt-get >/dev/null 2>&1; then
        root=''
        [ "$(id -u)" = 0 ] || root=sudo
        $root apt-get update -qq
        DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq $apt >/dev/null
    elif command -v brew >/dev/null 2>&1; then
        brew install --quiet $brew
    else
        say "Neither apt-get nor brew is here. Install the development files of these libraries, then run this again:"
        say "libpng, libyaml, libjpeg-turbo, libtiff, libwebp, oneDNN, simdjson, zlib, libcurl, OpenSSL."
        exit 1
    fi
    for header in $headers; do
        have "$header" || { say "$header is still missing after the installation; see the messages above."; exit 1; }
    done
fi
