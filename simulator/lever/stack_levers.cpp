#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/tables.hpp"

#include <array>

namespace cupola {
namespace {

void apply_cuda_graphs(LeverContext& context, const LeverValue& value) {
    value.none();
    context.stack.cuda_graphs = true;
}

constexpr std::array<Lever, 1> levers{{
    {"cuda-graphs", "", "the kernels of a pass are one launch: no host time an operator, shorter gaps",
     "CUDA programming guide, CUDA graphs", "passes of fixed shapes; capture and its memory are not modelled",
     LeverPhase::stack, "launches", apply_cuda_graphs},
}};

}  // namespace

std::span<const Lever> stack_levers() { return levers; }

}  // namespace cupola
