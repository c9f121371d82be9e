#include "cupola/lever/lever_value.hpp"
#include "cupola/lever/quantise.hpp"
#include "cupola/lever/tables.hpp"

#include <array>

namespace cupola {
namespace {

constexpr std::string_view decides = "precision of linear layers";
constexpr std::string_view which = "[part:NAME,except:INxOUT/MODULE/…]";
constexpr std::string_view torchao = "pytorch/ao, quantization (linear layers' forward); recalled";

void apply_int8_dynamic(LeverContext& context, const LeverValue& value) {
    quantise_linears(context, "int8-dynamic", value, {DataType::int8, DataType::int8});
}

void apply_smoothquant(LeverContext& context, const LeverValue& value) {
    LinearPrecision precision{DataType::int8, DataType::int8, ScaleSpan::tensor};
    precision.fixed_scales = true;
    quantise_linears(context, "smoothquant", value, precision);
}

void apply_int8_weight(LeverContext& context, const LeverValue& value) {
    quantise_linears(context, "int8-weight", value, {DataType::int8});
}

void apply_int4_weight(LeverContext& context, const LeverValue& value) {
    constexpr double scale_and_zero = 4;  // 2 bytes each
    value.allow_only({"group", "part", "except"});
    const auto group = value.field("group");
    LinearPrecision precision{DataType::int4};
    const std::int64_t size = group ? group->whole(16, 4096) : 128;
    if ((size & (size - 1)) != 0) group->fail("a power of two, which kernels are written for");
    precision.weight_scales = scale_and_zero / static_cast<double>(size);
    quantise_linears(context, "int4-weight", value, precision, {"group"});
}

void apply_fp8(LeverContext& context, const LeverValue& value) {
    value.allow_only({"scales", "part", "except"});
    const auto scales = value.field("scales");
    const std::size_t form = scales ? scales->one_of({"tensor", "row", "known"}) : 0;
    LinearPrecision precision{DataType::fp8, DataType::fp8, form == 1 ? ScaleSpan::row : ScaleSpan::tensor};
    precision.fixed_scales = form == 2;
    quantise_linears(context, "fp8", value, precision, {"scales"});
}

void apply_fp8_block(LeverContext& context, const LeverValue& value) {
    LinearPrecision precision{DataType::fp8, DataType::fp8, ScaleSpan::block};
    precision.weight_scales = 4.0 / (128 * 128);
    precision.activation_scales = 4.0 / 128;
    quantise_linears(context, "fp8-block", value, precision);
}

void apply_fp8_weight(LeverContext& context, const LeverValue& value) {
    quantise_linears(context, "fp8-weight", value, {DataType::fp8});
}

void apply_nvfp4(LeverContext& context, const LeverValue& value) {
    LinearPrecision precision{DataType::fp4, DataType::fp4, ScaleSpan::block};
    precision.weight_scales = precision.activation_scales = 1.0 / 16;
    quantise_linears(context, "nvfp4", value, precision);
}

void apply_conv_precision(LeverContext& context, const LeverValue& value) {
    quantise_convolutions(context, "conv-precision", value);
}

constexpr std::array<Lever, 9> levers{{
    {"int8-dynamic", which,
     "int8 weights and products; inputs quantised a token at a time. Compiled: in the kernels that make the input and "
     "use the result. Eager: 17 kernels, a wait for the GPU (the input is printed), a transposed copy of the weights, "
     "a "
     "product on integer lanes and two that scale it; few rows on the CPU",
     torchao, "fp16 and bf16 layers, Turing and later; accuracy is not modelled", LeverPhase::graph, decides,
     apply_int8_dynamic},
    {"smoothquant", which,
     "int8 weights and products with scales known beforehand: one quantisation pass over the input, none of its own "
     "where compiled",
     "Xiao et al., SmoothQuant; NVIDIA/TensorRT-LLM's int8 kernels",
     "fp16 and bf16 layers, Turing and later; accuracy is not modelled", LeverPhase::graph, decides, apply_smoothquant},
    {"int8-weight", which,
     "int8 weights in memory; a converted copy before each product and two kernels for scales and bias behind it, or "
     "conversion inside it for up to 16 rows where compiled",
     torchao, "fp16 and bf16 layers; accuracy is not modelled", LeverPhase::graph, decides, apply_int8_weight},
    {"int4-weight", "[group:128,part:NAME,except:INxOUT/MODULE/…]",
     "4-bit weights and a scale and zero point a group in memory, converted inside the product's kernel",
     "Frantar et al., GPTQ; kernels as NVIDIA/TensorRT-LLM's (cutlass fpA_intB)",
     "fp16 and bf16 layers; torchao's own kernel is several times slower for more than 16 rows", LeverPhase::graph,
     decides, apply_int4_weight},
    {"fp8", "[scales:tensor|row|known,part:NAME,except:INxOUT/MODULE/…]",
     "fp8 weights and products; inputs quantised with a scale a tensor (its greatest value is found first) or a token, "
     "or known beforehand: then as with smoothquant",
     torchao, "fp16 and bf16 layers, Ada, Hopper and Blackwell; accuracy is not modelled", LeverPhase::graph, decides,
     apply_fp8},
    {"fp8-block", which,
     "fp8 weights and products, scales for 128 x 128 weights and 1 x 128 activations applied every 128 of the sum; one "
     "quantisation kernel a layer",
     "deepseek-ai/DeepGEMM; NVIDIA/TensorRT-LLM's fp8 block-scale kernels", "as fp8", LeverPhase::graph, decides,
     apply_fp8_block},
    {"fp8-weight", which,
     "fp8 weights in memory, converted as with int8-weight; eager: the converted copy is scaled, the product adds the "
     "bias",
     torchao, "fp16 and bf16 layers; accuracy is not modelled", LeverPhase::graph, decides, apply_fp8_weight},
    {"nvfp4", which,
     "4-bit floating-point weights and products, a scale for 16 values of either; one quantisation kernel a layer",
     "NVIDIA, NVFP4 format; CUTLASS block-scaled kernels; no public timings, rates from the data sheet",
     "fp16 and bf16 layers, Blackwell; accuracy is not modelled", LeverPhase::graph, decides, apply_nvfp4},
    {"conv-precision", "int8 | fp8 | PART:TYPE,…",
     "convolutions multiply int8 or fp8 weights and inputs with scales known beforehand; the input is quantised by the "
     "kernel that makes it, else in one of its own; scales, bias and the wide result are part of the product's kernel",
     "NVIDIA/TensorRT-Model-Optimizer, diffusers example (filter_func, quantize_lvl); NVIDIA/TensorRT#3987, #4560",
     "stacks whose convolutions multiply the type (tensorrt, ideal; PyTorch and torchao have none), channels in "
     "sixteens; conv_in, conv_out and conv_shortcut stay as they are; no public timings, the law is that of fp16; "
     "accuracy is not modelled",
     LeverPhase::graph, "precision of convolutions", apply_conv_precision},
}};

}  // namespace

std::span<const Lever> precision_levers() { return levers; }

}  // namespace cupola
