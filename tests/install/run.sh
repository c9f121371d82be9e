#!/usr/bin/env bash
# Installs cupola into an empty prefix, takes the sources away, and uses what was installed: a project that only says
# find_package(cupola), and the command, which must find its data under <prefix>/share/cupola.
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset CUPOLA_DATA
prefix=$scratch/prefix

fail() {
    echo "error: $*" >&2
    exit 1
}

# A copy of the sources, so that removing it proves that nothing installed refers to it.
mkdir "$scratch/source"
cp -r CMakeLists.txt LICENSE simulator calibration hwmodels workloads validation "$scratch/source/"
cp -r tests/install/consumer "$scratch/consumer"
[ ! -e README.md ] || cp README.md "$scratch/source/"

echo "== install into an empty prefix"
# -O0: what is tested is the package, not its speed
cmake -S "$scratch/source" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O0 \
      -DCUPOLA_BUILD_TESTS=OFF -DCUPOLA_BUILD_BENCHMARKS=OFF >"$scratch/log" || { cat "$scratch/log"; exit 2; }
cmake --build "$scratch/build" >"$scratch/log" || { cat "$scratch/log"; exit 2; }
cmake --install "$scratch/build" --prefix "$prefix" >"$scratch/log" || { cat "$scratch/log"; exit 2; }
rm -rf "$scratch/source" "$scratch/build"

for path in bin/cupola share/cupola/hwmodels/gpus share/cupola/workloads include/cupola/predict/prediction.hpp; do
    [ -e "$prefix/$path" ] || fail "$path was not installed"
done
if grep -rlE '#include <(yaml-cpp|CLI|Eigen|cuda|fmt|nlohmann)' "$prefix/include"; then
    fail "the installed headers above need packages that users did not ask for"
fi
if grep -rl "$scratch/source" "$prefix/lib"*/cmake; then
    fail "the installed package files above refer to the source tree"
fi

echo "== a project with find_package(cupola)"
cmake -S "$scratch/consumer" -B "$scratch/consumer-build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/log" ||
    { cat "$scratch/log"; exit 2; }
cmake --build "$scratch/consumer-build" >"$scratch/log" || { cat "$scratch/log"; exit 2; }
latency=$("$scratch/consumer-build/consumer" sdxl a100-sxm4-80gb pytorch-eager-flash)
echo "$latency"
[[ $latency =~ ^latency_s\ [0-9]+\.[0-9]+$ ]] || fail "the consumer printed no latency"

echo "== the installed command"
cd /
"$prefix/bin/cupola" list gpus | grep a100-sxm4-80gb
"$prefix/bin/cupola" list datasets | grep gemm-h100
"$prefix/bin/cupola" predict --workload sdxl --gpu a100-sxm4-80gb >"$scratch/report"
[ -s "$scratch/report" ] || fail "the installed command printed no report"
echo "install: all checks passed"
