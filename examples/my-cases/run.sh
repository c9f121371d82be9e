#!/usr/bin/env bash
# Puts predictions beside end-to-end measurements, one row of a CSV file each. Run examples/quickstart.sh first.
set -euo pipefail
cd "$(dirname "$0")"
cupola=../../build/release/cupola
if [ ! -x "$cupola" ]; then
    echo "error: $cupola is not there; run examples/quickstart.sh first" >&2
    exit 2
fi
"$cupola" validate --cases ./cases.csv
