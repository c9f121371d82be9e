#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that building cupola needs, those that are missing only.
# usage: tests/install_packages.sh [further packages ...]
set -euo pipefail

packages=(g++ cmake ninja-build libeigen3-dev libcli11-dev libyaml-cpp-dev libfmt-dev doctest-dev nlohmann-json3-dev
          libcsv-dev zlib1g-dev "$@")

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "packages: not a Debian or Ubuntu system; it must provide the likes of: ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "packages: all installed"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "error: these packages are missing, and installing them needs root or sudo: ${missing[*]}" >&2
        echo "       as root, run: apt-get install ${missing[*]}" >&2
        exit 2
    fi
    as_root=(sudo)
fi

echo "packages: installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null >>"$log" 2>&1; }
if ! { apt update -q && apt install -q -y --no-install-recommends "${missing[@]}"; }; then
    cat "$log" >&2
    echo "error: apt-get could not install the packages; its output is above" >&2
    exit 2
fi
