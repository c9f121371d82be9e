#include "cupola/workload/operator.hpp"

#include "cupola/units/overloaded.hpp"

#include <initializer_list>

namespace cupola {
namespace {

std::string_view norm_name(const Norm& norm) {
    switch (norm.kind) {
        case NormKind::group: return "group_norm";
        case NormKind::layer: return "layer_norm";
        case NormKind::rms: return "rms_norm";
        case NormKind::l2: return "l2_norm";
    }
    return "";
}

std::string_view gate_name(const GatedActivation& gated) {
    switch (gated.gate) {
        case ActivationKind::silu: return "swiglu";
        case ActivationKind::sigmoid: return "glu";
        default: return "geglu";
    }
}

std::string_view elementwise_name(ElementwiseKind kind) {
    switch (kind) {
        case ElementwiseKind::add: return "add";
        case ElementwiseKind::subtract: return "subtract";
        case ElementwiseKind::multiply: return "multiply";
        case ElementwiseKind::divide: return "divide";
        case ElementwiseKind::scale: return "scale";
        case ElementwiseKind::offset: return "offset";
        case ElementwiseKind::modulate: return "modulate";
        case ElementwiseKind::gate: return "gate";
        case ElementwiseKind::clamp: return "clamp";
        case ElementwiseKind::lerp: return "lerp";
        case ElementwiseKind::where: return "where";
    }
    return "";
}

std::string_view reduction_name(ReductionKind kind) {
    switch (kind) {
        case ReductionKind::mean: return "mean";
        case ReductionKind::sum: return "sum";
        case ReductionKind::max: return "max";
    }
    return "";
}

double product(const std::array<std::int64_t, 3>& sizes) {
    return static_cast<double>(sizes[0]) * static_cast<double>(sizes[1]) * static_cast<double>(sizes[2]);
}

/// Multiply-adds of a convolution: every weight meets every output position (every input position if transposed).
double convolution_macs(const Convolution& conv) {
    const double positions = product(conv.transposed ? conv.input : conv.output);
    const double weights = static_cast<double>(conv.out_channels) * static_cast<double>(conv.in_channels) /
                           static_cast<double>(conv.groups) * product(conv.kernel);
    return static_cast<double>(conv.batch) * positions * weights;
}

/// Query-key pairs of one head over the batch, causal or not (the convention of published counts).
double pairs_of_head(const Attention& attention) {
    return static_cast<double>(attention.batch) * static_cast<double>(attention.queries) *
           static_cast<double>(seen_keys(attention));
}

/// Multiply-adds of QKᵀ for every head with scores of its own, and of PV for every head.
double attention_macs(const Attention& attention) {
    return pairs_of_head(attention) *
           static_cast<double>(scored_heads(attention) * attention.head_dim + attention.heads * attention.value_dim);
}

}  // namespace

std::string_view name_of(ActivationKind kind) {
    switch (kind) {
        case ActivationKind::silu: return "silu";
        case ActivationKind::gelu: return "gelu";
        case ActivationKind::gelu_tanh: return "gelu_tanh";
        case ActivationKind::quick_gelu: return "quick_gelu";
        case ActivationKind::relu: return "relu";
        case ActivationKind::leaky_relu: return "leaky_relu";
        case ActivationKind::sigmoid: return "sigmoid";
        case ActivationKind::tanh: return "tanh";
        case ActivationKind::exp: return "exp";
        case ActivationKind::sin: return "sin";
        case ActivationKind::cos: return "cos";
        case ActivationKind::elu: return "elu";
        case ActivationKind::softplus: return "softplus";
    }
    return "";
}

std::string_view name_of(RopeForm form) {
    switch (form) {
        case RopeForm::halves: return "halves";
        case RopeForm::interleaved: return "interleaved";
        case RopeForm::pairs: return "pairs";
    }
    return "";
}

std::string_view name_of(AttentionSpan span) {
    switch (span) {
        case AttentionSpan::spatial: return "spatial";
        case AttentionSpan::temporal: return "temporal";
        case AttentionSpan::cross: return "cross";
        case AttentionSpan::causal: return "causal";
        case AttentionSpan::joint: return "joint";
    }
    return "";
}

std::string_view name_of(const OperatorKind& kind) {
    return std::visit(
        overloaded{
            [](const Convolution& conv) -> std::string_view { return conv.transposed ? "conv_transpose" : "conv"; },
            [](const Linear&) -> std::string_view { return "linear"; },
            [](const Attention&) -> std::string_view { return "attention"; },
            [](const Matmul&) -> std::string_view { return "matmul"; },
            [](const Norm& norm) { return norm_name(norm); },
            [](const Softmax&) -> std::string_view { return "softmax"; },
            [](const Activation& activation) { return name_of(activation.kind); },
            [](const GatedActivation& gated) { return gate_name(gated); },
            [](const Rope&) -> std::string_view { return "rope"; },
            [](const Elementwise& elementwise) { return elementwise_name(elementwise.kind); },
            [](const Reduction& reduction) { return reduction_name(reduction.kind); },
            [](const Cat&) -> std::string_view { return "cat"; },
            [](const Slice&) -> std::string_view { return "slice"; },
            [](const Rearrange&) -> std::string_view { return "rearrange"; },
            [](const Contiguous&) -> std::string_view { return "contiguous"; },
            [](const Broadcast&) -> std::string_view { return "broadcast"; },
            [](const Pad&) -> std::string_view { return "pad"; },
            [](const Upsample&) -> std::string_view { return "upsample"; },
            [](const AveragePool&) -> std::string_view { return "average_pool"; },
            [](const PixelShuffle& shuffle) -> std::string_view {
                return shuffle.inverse ? "pixel_unshuffle" : "pixel_shuffle";
            },
            [](const Embedding&) -> std::string_view { return "embedding"; },
            [](const Gather&) -> std::string_view { return "gather"; },
            [](const Sample&) -> std::string_view { return "sample"; },
            [](const CacheAppend&) -> std::string_view { return "cache_append"; },
            [](const CacheReorder&) -> std::string_view { return "cache_reorder"; },
            [](const Parameter&) -> std::string_view { return "parameter"; },
            [](const Sinusoid&) -> std::string_view { return "sinusoid"; },
            [](const Cast&) -> std::string_view { return "cast"; },
        },
        kind);
}

double macs_of(const OperatorKind& kind) {
    if (const auto* conv = std::get_if<Convolution>(&kind)) return convolution_macs(*conv);
    if (const auto* linear = std::get_if<Linear>(&kind)) {
        return static_cast<double>(linear->rows) * static_cast<double>(linear->in) * static_cast<double>(linear->out);
    }
    if (const auto* attention = std::get_if<Attention>(&kind)) return attention_macs(*attention);
    if (const auto* matmul = std::get_if<Matmul>(&kind)) {
        return static_cast<double>(matmul->batch) * static_cast<double>(matmul->m) * static_cast<double>(matmul->n) *
               static_cast<double>(matmul->k);
    }
    return 0.0;
}

namespace {

/// At most 2^62, so that a sum with a bias stays a number; limits on sizes refuse it.
std::int64_t saturating_product(std::initializer_list<std::int64_t> factors) {
    constexpr std::int64_t most = std::int64_t{1} << 62;
    std::int64_t product = 1;
    for (const std::int64_t factor : factors) {
        if (__builtin_mul_overflow(product, factor, &product) || product > most) return most;
    }
    return product;
}

double elementwise_steps(ElementwiseKind kind) {
    switch (kind) {
        case ElementwiseKind::modulate:
        case ElementwiseKind::gate:
        case ElementwiseKind::clamp: return 2;
        case ElementwiseKind::lerp: return 3;
        case ElementwiseKind::where: return 0;
        default: return 1;
    }
}

double size(std::int64_t rows, std::int64_t width) { return static_cast<double>(rows) * static_cast<double>(width); }

}  // namespace

double flops_of(const OperatorKind& kind, double output_elements) {
    return std::visit(
        overloaded{
            // mean, deviation, square, variance, scale; then scale and shift of the channels
            [](const Norm& norm) {
                return size(norm.rows, norm.width) * (5.0 + (norm.scale ? 1.0 : 0.0) + (norm.shift ? 1.0 : 0.0));
            },
            // maximum, subtraction, exponential, sum, division
            [](const Softmax& softmax) { return 5.0 * size(softmax.rows, softmax.width); },
            [](const Sample& sample) { return 5.0 * size(sample.rows, sample.vocabulary); },
            [](const Attention& attention) {
                const double scores = pairs_of_head(attention) * static_cast<double>(scored_heads(attention));
                return 2.0 * attention_macs(attention) + 5.0 * scores;
            },
            [](const Convolution& conv) { return 2.0 * convolution_macs(conv); },
            [](const Linear& linear) { return 2.0 * size(linear.rows, linear.in) * static_cast<double>(linear.out); },
            [](const Matmul& matmul) { return 2.0 * macs_of(OperatorKind(matmul)); },
            [&](const Activation&) { return output_elements; },
            [&](const GatedActivation&) { return 2.0 * output_elements; },
            [&](const Rope&) { return 3.0 * output_elements; },
            [&](const Elementwise& elementwise) { return elementwise_steps(elementwise.kind) * output_elements; },
            [](const Reduction& reduction) { return size(reduction.rows, reduction.width); },
            [&](const Sinusoid&) { return 2.0 * output_elements; },
            [&](const Upsample& upsample) {
                return upsample.mode == UpsampleMode::bilinear ? 7.0 * output_elements : 0.0;
            },
            [&](const AveragePool& pool) { return static_cast<double>(pool.window) * output_elements; },
            [](const auto&) { return 0.0; },
        },
        kind);
}

std::int64_t parameters_of(const OperatorKind& kind) {
    if (const auto* conv = std::get_if<Convolution>(&kind)) {
        const auto& k = conv->kernel;
        return saturating_product({conv->out_channels, conv->in_channels / conv->groups, k[0], k[1], k[2]}) +
               (conv->bias ? conv->out_channels : 0);
    }
    if (const auto* linear = std::get_if<Linear>(&kind)) {
        return saturating_product({linear->in, linear->out}) + (linear->bias ? linear->out : 0);
    }
    if (const auto* norm = std::get_if<Norm>(&kind)) {
        return (norm->scale ? norm->channels : 0) + (norm->shift ? norm->channels : 0);
    }
    if (const auto* embedding = std::get_if<Embedding>(&kind)) {
        return saturating_product({embedding->vocabulary, embedding->width});
    }
    if (const auto* elementwise = std::get_if<Elementwise>(&kind)) {
        return elementwise->kind == ElementwiseKind::lerp ? 1 : 0;
    }
    return 0;
}

double parameter_bytes(const Linear& linear, DataType type) {
    const double weights = static_cast<double>(linear.in) * static_cast<double>(linear.out);
    const double bias = linear.bias ? static_cast<double>(linear.out) * bytes_per_element(type) : 0.0;
    if (!linear.precision) return weights * bytes_per_element(type) + bias;
    return weights * (bytes_per_element(linear.precision->weight) + linear.precision->weight_scales) + bias;
}

double parameter_bytes(const Convolution& convolution, DataType type) {
    const double bias = convolution.bias ? static_cast<double>(convolution.out_channels) : 0.0;
    const double weights = static_cast<double>(parameters_of(OperatorKind(convolution))) - bias;
    return weights * bytes_per_element(convolution.product.value_or(type)) + bias * bytes_per_element(type);
}

}  // namespace cupola
