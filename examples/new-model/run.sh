#!/usr/bin/env bash
# Counts a model of one's own and predicts it on two GPUs; nothing is compiled for it. Run examples/quickstart.sh first.
set -euo pipefail
cd "$(dirname "$0")"
cupola=../../build/release/cupola
if [ ! -x "$cupola" ]; then
    echo "error: $cupola is not there; run examples/quickstart.sh first" >&2
    exit 2
fi
"$cupola" count ./sd15-temporal.yaml --set guidance=1
for gpu in a100-sxm4-80gb rtx-4090; do
    echo
    "$cupola" predict ./sd15-temporal.yaml --gpu "$gpu" --top 4
done
