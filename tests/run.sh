#!/usr/bin/env bash
# Installs what is missing, builds cupola with its tests and runs them all. Safe to run again: it continues.
# usage: tests/run.sh [dev|asan-ubsan] [ctest arguments ...]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=dev
if [ $# -gt 0 ] && [ "${1#-}" = "$1" ]; then
    preset=$1
    shift
fi

echo "== packages"
tests/install_packages.sh
echo "== build (preset $preset, into build/$preset)"
mkdir -p build
if ! cmake --preset "$preset" >build/configure.log 2>&1; then
    cat build/configure.log >&2
    exit 2
fi
cmake --build --preset "$preset"
echo "== tests"
ctest --preset "$preset" -j "$(nproc)" "$@"
