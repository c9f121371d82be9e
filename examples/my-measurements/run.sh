#!/usr/bin/env bash
# Puts predictions beside measurements of one's own: a CSV file, and a page of YAML that says what its rows are. Nothing
# is compiled for it. Run examples/quickstart.sh first.
set -euo pipefail
cd "$(dirname "$0")"
cupola=../../build/release/cupola
if [ ! -x "$cupola" ]; then
    echo "error: $cupola is not there; run examples/quickstart.sh first" >&2
    exit 2
fi
"$cupola" validate --ops ./gemm-a100.yaml
