#!/usr/bin/env bash
# Fits every GPU that has a plan, then the errors of GPUs left out. usage: calibration/fit_all.sh [build/release/cupola]
set -euo pipefail
cd "$(dirname "$0")/.."
cupola=${1:-build/release/cupola}
date=${CUPOLA_FIT_DATE:-$(date -u +%F)}
for plan in calibration/plans/*.yaml; do
    "$cupola" fit --gpu "$(basename "$plan" .yaml)" --date "$date"
done
"$cupola" fit --leave-one-out --date "$date"
