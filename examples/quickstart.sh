#!/usr/bin/env bash
# The main job from nothing: installs what is missing, builds cupola, and predicts Stable Diffusion XL on an H100 and
# on an A100. Safe to run again: it continues. The command stays at build/release/cupola.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== packages"
tests/install_packages.sh
echo "== build (preset release, into build/release; a minute or two)"
mkdir -p build
if ! { cmake --preset release && cmake --build --preset release; } >build/quickstart.log 2>&1; then
    cat build/quickstart.log >&2
    echo "error: the build failed; its output is above and in build/quickstart.log" >&2
    exit 2
fi

for gpu in h100-sxm5-80gb a100-sxm4-80gb; do
    echo
    echo "== build/release/cupola predict --workload sdxl --gpu $gpu"
    echo
    build/release/cupola predict --workload sdxl --gpu "$gpu"
done
