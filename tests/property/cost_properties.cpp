#include "../unit/cost/gpus.hpp"
#include "cupola/config/load.hpp"
#include "cupola/cost/calibration.hpp"
#include "cupola/cost/cost.hpp"
#include "cupola/cost/parameter_table.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

// What must hold for every kernel on every GPU, on a few thousand random ones from a fixed seed.

using namespace cupola;
using namespace cupola::test;

namespace {

constexpr double tolerance = 1e-9;
/// More keys may let attention try one more split, which shortens a term that counts next to nothing in the smooth
/// maximum (6e-8 of the time has been seen).
constexpr double split_tolerance = 1e-6;

class Dice {
public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::int64_t integer(std::int64_t least, std::int64_t greatest) {
        return std::uniform_int_distribution<std::int64_t>(least, greatest)(engine_);
    }
    double real(double least, double greatest) {
        return std::uniform_real_distribution<double>(least, greatest)(engine_);
    }
    /// Spread evenly over magnitudes.
    std::int64_t magnitude(double least, double greatest) {
        return static_cast<std::int64_t>(std::exp(real(std::log(least), std::log(greatest))));
    }
    bool chance(double probability) { return real(0, 1) < probability; }
    template <typename T>
    T pick(const std::vector<T>& choices) {
        return choices[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(choices.size()) - 1))];
    }

private:
    std::mt19937_64 engine_;
};

/// A kernel as data, so that one dimension can grow and the operands follow.
struct Recipe {
    Work work;
    DataType type = DataType::fp16;
    double reuse_distance = std::numeric_limits<double>::infinity();
    float run_bytes = 0;
    float passes = 1;
};

Kernel kernel_of(const Recipe& recipe) {
    struct Build {
        DataType type;
        Kernel operator()(const GemmWork& work) const { return gemm(work, type); }
        Kernel operator()(const ConvolutionWork& work) const { return convolution(work, type); }
        Kernel operator()(const AttentionWork& work) const { return attention(work, type); }
        Kernel operator()(const MemoryWork& work) const { return memory(work, type); }
    };
    Kernel kernel = std::visit(Build{recipe.type}, recipe.work);
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        kernel.operands[i].reuse_distance = Bytes(recipe.reuse_distance);
        kernel.operands[i].run_bytes = recipe.run_bytes;
        if (kernel.operands[i].access == Access::read && kernel.work.index() == 3) {
            kernel.operands[i].passes = recipe.passes;
        }
    }
    return kernel;
}

/// `step` 64 stays in one alignment class (128 for the rows of block-scaled products); 1 takes any size.
std::int64_t size(Dice& dice, double greatest, std::int64_t step) {
    const std::int64_t value = dice.magnitude(1, greatest);
    return step == 1 ? value : (value + step - 1) / step * step;
}

Work random_gemm(Dice& dice, std::int64_t step) {
    GemmWork work{dice.chance(0.3) ? dice.magnitude(1, 256) : 1, size(dice, 16384, step), size(dice, 16384, step),
                  size(dice, 16384, step)};
    if (dice.chance(0.2)) work.weight = dice.pick<DataType>({DataType::int8, DataType::int4});
    if (!work.weight && dice.chance(0.2)) {
        work.block_scaled = true;
        if (step > 1) work.m = (work.m + 127) / 128 * 128;
    }
    return work;
}

Work random_convolution(Dice& dice, std::int64_t step) {
    ConvolutionWork work;
    work.batch = dice.integer(1, 4);
    work.in_channels = size(dice, 1500, step);
    work.out_channels = size(dice, 1500, step);
    const std::int64_t extent = dice.magnitude(4, 200);
    work.input = {dice.chance(0.3) ? dice.integer(1, 16) : 1, extent, extent};
    work.stride = {1, dice.integer(1, 2), 1};
    work.stride[2] = work.stride[1];
    work.kernel[1] = work.kernel[2] = dice.pick<std::int64_t>({1, 3, 3, 7});
    work.output = {work.input[0], std::max<std::int64_t>(extent / work.stride[1], 1),
                   std::max<std::int64_t>(extent / work.stride[2], 1)};
    return work;
}

Work random_attention(Dice& dice, std::int64_t step) {
    AttentionWork work;
    work.batch = dice.magnitude(1, 512);
    work.kv_heads = dice.integer(1, 16);
    work.heads = work.kv_heads * dice.pick<std::int64_t>({1, 1, 4});
    work.queries = dice.chance(0.2) && step == 1 ? 1 : size(dice, 8192, step);
    work.keys = dice.chance(0.5) ? work.queries : size(dice, 8192, step);
    work.head_dim = work.value_dim = dice.pick<std::int64_t>({32, 40, 64, 80, 128, 160, 256, 512});
    work.causal = dice.chance(0.4);
    work.kernel = dice.pick<AttentionKernel>(
        {AttentionKernel::flash2, AttentionKernel::flash3, AttentionKernel::memory_efficient, AttentionKernel::fmha});
    if (dice.chance(0.2)) work.window = dice.magnitude(16, 4096);
    work.paged = dice.chance(0.3);
    work.split = dice.chance(0.7);
    return work;
}

Work random_memory(Dice& dice, std::int64_t step) {
    MemoryWork work;
    work.pattern = dice.pick<Pattern>({Pattern::streaming, Pattern::row_reduction, Pattern::block_reduction,
                                       Pattern::strided_copy, Pattern::transpose, Pattern::gather, Pattern::chase});
    work.rows = size(dice, 5000, step);
    work.elements = work.rows * dice.magnitude(1, 20000);
    work.flops_per_element = static_cast<float>(dice.integer(0, 12));
    work.mufu_per_element = static_cast<float>(dice.integer(0, 3));
    Dice code(static_cast<std::uint64_t>(work.elements));
    if (code.chance(0.4)) work.row_threads = code.pick<float>({32, 128, 512});
    if (code.chance(0.4)) work.sm_clocks_per_row = static_cast<float>(code.real(0, 2000));
    if (code.chance(0.2)) work.in_flight_per_sm = static_cast<float>(code.magnitude(256, 1e5));
    return work;
}

Recipe random_recipe(Dice& dice, std::int64_t step) {
    Recipe recipe;
    switch (dice.integer(0, 3)) {
        case 0: recipe.work = random_gemm(dice, step); break;
        case 1: recipe.work = random_convolution(dice, step); break;
        case 2: recipe.work = random_attention(dice, step); break;
        default: recipe.work = random_memory(dice, step); break;
    }
    recipe.type = dice.pick<DataType>(
        {DataType::fp16, DataType::bf16, DataType::fp32, DataType::tf32, DataType::int8, DataType::fp8});
    if (dice.chance(0.5)) recipe.reuse_distance = dice.real(0, 80e6);
    if (dice.chance(0.2)) recipe.run_bytes = static_cast<float>(dice.magnitude(2, 4096));
    recipe.passes = static_cast<float>(dice.integer(1, 3));
    return recipe;
}

std::string text_of(const Recipe& recipe) {
    struct Text {
        static std::string list(std::initializer_list<std::int64_t> values) {
            std::string text;
            for (const std::int64_t value : values) text += " " + std::to_string(value);
            return text;
        }
        std::string operator()(const GemmWork& w) const {
            return "gemm b m n k" + list({w.batch, w.m, w.n, w.k}) + (w.weight ? " narrow weights" : "") +
                   (w.block_scaled ? " block-scaled" : "");
        }
        std::string operator()(const ConvolutionWork& w) const {
            return "conv n ci co f h k s" +
                   list({w.batch, w.in_channels, w.out_channels, w.input[0], w.input[1], w.kernel[1], w.stride[1]});
        }
        std::string operator()(const AttentionWork& w) const {
            return "attention b h hkv q k d causal kernel" +
                   list({w.batch, w.heads, w.kv_heads, w.queries, w.keys, w.head_dim, w.causal ? 1 : 0,
                         static_cast<std::int64_t>(w.kernel)});
        }
        std::string operator()(const MemoryWork& w) const {
            return "memory pattern elements rows" + list({static_cast<std::int64_t>(w.pattern), w.elements, w.rows});
        }
    };
    return std::visit(Text{}, recipe.work) + ", type " + std::string(name_of(recipe.type)) + ", reuse distance " +
           std::to_string(recipe.reuse_distance) + ", run " + std::to_string(recipe.run_bytes);
}

using Change = std::function<void(Gpu&, double)>;

struct NamedChange {
    std::string name;
    Change apply;
};

std::vector<NamedChange> better_hardware() {
    return {
        {"DRAM bandwidth", [](Gpu& gpu, double by) { gpu.dram_bandwidth *= by; }},
        {"L2 bandwidth", [](Gpu& gpu, double by) { gpu.l2_bandwidth *= by; }},
        {"L2 capacity", [](Gpu& gpu, double by) { gpu.l2_capacity *= by; }},
        {"matrix clock", [](Gpu& gpu, double by) { gpu.sustained_tensor_clock *= by; }},
        {"SIMT clock", [](Gpu& gpu, double by) { gpu.sustained_simt_clock *= by; }},
        {"SMs", [](Gpu& gpu,
                   double by) { gpu.sm_count = static_cast<int>(std::ceil(static_cast<double>(gpu.sm_count) * by)); }},
    };
}

Gpu random_gpu(Dice& dice) {
    Gpu gpu = dice.chance(0.5) ? a100_like() : h100_like();
    if (dice.chance(0.5)) {
        gpu.architecture = dice.pick<Architecture>({Architecture::volta, Architecture::turing, Architecture::ampere,
                                                    Architecture::ada, Architecture::hopper, Architecture::blackwell});
        gpu.sm_count = static_cast<int>(dice.integer(10, 200));
        gpu.l2_capacity = Bytes(dice.real(4e6, 130e6));
        gpu.dram_bandwidth = BytesPerSecond(dice.real(0.3e12, 8e12));
    }
    return gpu;
}

/// The architecture's defaults, or half of the parameters anywhere in their ranges, often on a bound.
CostParameters random_parameters(const Gpu& gpu, Dice& dice) {
    CostParameters parameters = default_parameters(gpu.architecture);
    if (dice.chance(0.4)) return parameters;
    for (const ParameterInfo& info : parameter_table()) {
        if (dice.chance(0.5)) continue;
        const double inside = dice.real(info.low, info.high);
        info.of(parameters) = dice.chance(0.8) ? inside : dice.pick<double>({info.low, info.high});
    }
    return parameters;
}

/// Larger work of the same kind: one dimension grows by whole steps of 64, operands with it.
std::vector<Recipe> larger(const Recipe& recipe, Dice& dice) {
    std::vector<Recipe> result;
    const auto add = [&](const Work& work) {
        Recipe larger_recipe = recipe;
        larger_recipe.work = work;
        result.push_back(larger_recipe);
    };
    const std::int64_t more = 64 * (dice.chance(0.5) ? 1 : dice.integer(1, 40));
    if (const auto* gemm_work = std::get_if<GemmWork>(&recipe.work)) {
        for (std::int64_t GemmWork::*dimension : {&GemmWork::m, &GemmWork::n, &GemmWork::k, &GemmWork::batch}) {
            GemmWork work = *gemm_work;
            work.*dimension += work.block_scaled ? 2 * more : more;
            add(work);
        }
    } else if (const auto* conv_work = std::get_if<ConvolutionWork>(&recipe.work)) {
        for (std::int64_t ConvolutionWork::*dimension :
             {&ConvolutionWork::in_channels, &ConvolutionWork::out_channels, &ConvolutionWork::batch}) {
            ConvolutionWork work = *conv_work;
            work.*dimension += more;
            add(work);
        }
        ConvolutionWork work = *conv_work;
        work.input[1] += more * work.stride[1];
        work.output[1] += more;
        add(work);
    } else if (const auto* attention_work = std::get_if<AttentionWork>(&recipe.work)) {
        for (std::int64_t AttentionWork::*dimension :
             {&AttentionWork::queries, &AttentionWork::keys, &AttentionWork::batch}) {
            AttentionWork work = *attention_work;
            work.*dimension += more;
            add(work);
        }
        AttentionWork work = *attention_work;
        work.heads *= 2;
        work.kv_heads *= 2;
        add(work);
    } else if (const auto* memory_work = std::get_if<MemoryWork>(&recipe.work)) {
        MemoryWork rows = *memory_work;
        rows.elements = memory_work->elements / memory_work->rows * (memory_work->rows + more);
        rows.rows += more;
        add(rows);
        MemoryWork wider = *memory_work;
        wider.elements += memory_work->rows * more;
        add(wider);
    }
    return result;
}

/// The residency rule as gpu-independent arithmetic: what of an operand may be missing from DRAM traffic.
double stated_residency(const Kernel& kernel, const Gpu& gpu) {
    const double cache = usable_l2(gpu).value();
    const auto* work = std::get_if<MemoryWork>(&kernel.work);
    const bool by_rows = work != nullptr && work->pattern == Pattern::row_reduction;
    const auto repeated = [&](double bytes) {  // what one later pass may find
        if (!by_rows) return std::min(bytes, cache);
        const CostParameters parameters = default_parameters(gpu.architecture);
        const double threads = work->row_threads > 0 ? static_cast<double>(work->row_threads) : 128;
        const double rows = static_cast<double>(work->rows);
        const double window = std::min(1.0, parameters.resident_threads / threads / rows) * bytes;
        return bytes / (1 + std::pow(parameters.row_window_share * window / cache, 6));
    };
    double resident = 0;
    for (std::size_t i = 0; i < kernel.operand_count; ++i) {
        const Operand& operand = kernel.operands[i];
        const double footprint = operand.reuse_distance.value() + operand.bytes.value();
        const CostParameters parameters = default_parameters(gpu.architecture);
        const double first =
            operand.bytes.value() * std::clamp(1 - (footprint / cache - 1) / parameters.eviction_width, 0.0, 1.0);
        if (operand.access == Access::write) {
            resident += first * (1 - parameters.dirty_share);
        } else {
            resident += first + (static_cast<double>(operand.passes) - 1) * repeated(operand.bytes.value());
        }
    }
    return resident;
}

/// A kernel of any size on every kind of better hardware.
void check_better_hardware(Dice& dice, const Gpu& gpu, const CostParameters& parameters) {
    static const std::vector<NamedChange> changes = better_hardware();
    const Recipe recipe = random_recipe(dice, 1);
    const Kernel kernel = kernel_of(recipe);
    const double before = price(kernel, gpu, parameters).time.value();
    for (const NamedChange& change : changes) {
        const double by = dice.chance(0.5) ? dice.real(1.0, 1.1) : dice.real(1.0, 4.0);
        Gpu better = gpu;
        change.apply(better, by);
        const double after = price(kernel, better, parameters).time.value();
        CAPTURE(text_of(recipe));
        CAPTURE(gpu.sm_count);
        CAPTURE(by);
        CHECK_MESSAGE(after <= before * (1 + tolerance), "more ", change.name);
    }
}

/// A kernel in one alignment class, and every larger one.
void check_more_work(Dice& dice, const Gpu& gpu, const CostParameters& parameters) {
    const Recipe recipe = random_recipe(dice, 64);
    const double before = price(kernel_of(recipe), gpu, parameters).time.value();
    for (const Recipe& more : larger(recipe, dice)) {
        const double after = price(kernel_of(more), gpu, parameters).time.value();
        CAPTURE(text_of(recipe));
        CAPTURE(text_of(more));
        CAPTURE(gpu.sm_count);
        CHECK(after >= before * (1 - split_tolerance));
    }
}

}  // namespace

TEST_CASE("better hardware never makes a kernel slower") {
    Dice dice(1);
    for (int i = 0; i < 6000; ++i) {
        const Gpu gpu = random_gpu(dice);
        check_better_hardware(dice, gpu, random_parameters(gpu, dice));
    }
}

TEST_CASE("more work in the same alignment class never makes a kernel faster") {
    Dice dice(2);
    for (int i = 0; i < 6000; ++i) {
        const Gpu gpu = random_gpu(dice);
        check_more_work(dice, gpu, random_parameters(gpu, dice));
    }
}

TEST_CASE("both hold at the fitted optimum of every GPU and library") {
    Dice dice(4);
    int libraries = 0;
    for (const config::Listing& listing : config::list_gpus(CUPOLA_SOURCE_DIR)) {
        const auto calibration = config::load_calibration(CUPOLA_SOURCE_DIR, listing.name);
        if (!calibration) continue;
        const Gpu gpu = config::load_gpu(CUPOLA_SOURCE_DIR, listing.name);
        for (const LibraryCalibration& library : calibration->libraries) {
            CAPTURE(listing.name);
            CAPTURE(library.name);
            ++libraries;
            const CostParameters fitted = parameters(gpu, &*calibration, library.name);
            for (int i = 0; i < 300; ++i) {
                check_better_hardware(dice, gpu, fitted);
                check_more_work(dice, gpu, fitted);
            }
        }
    }
    CHECK(libraries >= 10);
}

TEST_CASE("traffic is at least what must move, and every bound is kept") {
    Dice dice(3);
    for (int i = 0; i < 4000; ++i) {
        const Recipe recipe = random_recipe(dice, 1);
        const Kernel kernel = kernel_of(recipe);
        const Gpu gpu = random_gpu(dice);
        const KernelCost cost = price(kernel, gpu);
        const double compulsory = compulsory_bytes(kernel).value();
        CAPTURE(text_of(recipe));
        CHECK(cost.l2_bytes.value() >= compulsory * (1 - tolerance));
        CHECK(cost.dram_bytes.value() >= compulsory - stated_residency(kernel, gpu) - tolerance * compulsory);
        for (const Bound bound : all_bounds) {
            CHECK(std::isfinite(cost.of(bound).value()));
            CHECK(cost.of(bound).value() >= 0);
            CHECK(cost.time >= cost.of(bound) * (1 - tolerance));
            CHECK(cost.of(cost.bound) >= cost.of(bound));
        }
        CHECK(std::isfinite(cost.time.value()));
        CHECK(cost.l2.value() >= compulsory / gpu.l2_bandwidth.value() * (1 - tolerance));
        CHECK(cost.dram.value() >= cost.dram_bytes.value() / achieved_dram_bandwidth(gpu).value() * (1 - tolerance));
        CHECK(cost.flops.value() >= 0);
    }
}
