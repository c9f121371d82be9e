#include <algorithm>

#include "probe/device/tensor.hpp"
#include "probe/host/error.hpp"
#include "probe/kernels/rates.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

namespace {

/// Words whose bits are elements of a type, random or zeros.
Tensor operands_of(Type type, float scale) {
    return Tensor(type, 32 * 6 * 4 / static_cast<std::int64_t>(bytes_of(type)), 1, scale);
}

template <MmaType type>
Enqueue mma_launch(const Tensor& out, const Tensor& operands, unsigned blocks) {
    return [&out, &operands, blocks](cudaStream_t stream) {
        mma_kernel<type><<<blocks, rate_threads, 0, stream>>>(out.as<float>(), operands.as<unsigned>());
        check(cudaGetLastError(), "mma_kernel");
    };
}

MmaType mma_type(Type type) {
    switch (type) {
        case Type::fp16: return MmaType::fp16;
        case Type::bf16: return MmaType::bf16;
        case Type::tf32: return MmaType::tf32;
        case Type::int8: return MmaType::int8;
        case Type::fp8: return MmaType::fp8;
        default: throw SkippedCase("tensor cores have no such type");
    }
}

Enqueue mma_launch(MmaType type, const Tensor& out, const Tensor& operands, unsigned blocks) {
    switch (type) {
        case MmaType::fp16: return mma_launch<MmaType::fp16>(out, operands, blocks);
        case MmaType::bf16: return mma_launch<MmaType::bf16>(out, operands, blocks);
        case MmaType::tf32: return mma_launch<MmaType::tf32>(out, operands, blocks);
        case MmaType::int8: return mma_launch<MmaType::int8>(out, operands, blocks);
        case MmaType::fp8: return mma_launch<MmaType::fp8>(out, operands, blocks);
    }
    return {};
}

}  // namespace

Row measure_rate(const Case& rate, Session& session) {
    const Gpu& gpu = session.gpu();
    const Type type = type_of(rate.word("type"));
    const std::string& op = rate.word("op");
    if (op != "mma" && type != Type::fp32) throw SkippedCase("fma and mufu are measured in fp32");
    if (type == Type::fp8 && gpu.compute_major * 10 + gpu.compute_minor < 89) throw SkippedCase("the GPU has no fp8");
    const std::int64_t sms = rate.integer("sms");
    if (sms > gpu.sms) throw SkippedCase("the GPU has " + std::to_string(gpu.sms) + " SMs");
    // 8 blocks of 8 warps fill an SM; where fewer SMs are asked for, one block comes to each
    const auto blocks = static_cast<unsigned>(sms > 0 ? sms : 8 * gpu.sms);
    const Tensor out = Tensor::poisoned(Type::fp32, 4);
    const Tensor operands = operands_of(op == "mma" ? type : Type::fp32, rate.word("data") == "zeros" ? 0.0f : 1.0f);
    const double instructions = static_cast<double>(rate_iterations) * rate_chains * blocks * rate_threads;
    Enqueue launch;
    double flops = instructions;  // one a thread
    if (op == "mma") {
        launch = mma_launch(mma_type(type), out, operands, blocks);
        flops = instructions / 32 * 2 * mma_size(mma_type(type));
    } else if (op == "fma") {
        launch = [&](cudaStream_t stream) { fma_kernel<<<blocks, rate_threads, 0, stream>>>(out.as<float>(), 0.999f); };
        flops = instructions * 2;
    } else {
        launch = [&](cudaStream_t stream) {
            mufu_kernel<<<blocks, rate_threads, 0, stream>>>(out.as<float>(), -0.001f);
        };
    }
    Row row = session.row_of(rate);
    row.set("provider", "own");
    row.set("variant", op == "mma" ? "mma.sync" : op);
    add_timing(row, session.timer().whole(launch, 1, "event"), 0, flops);
    return row;
}

}  // namespace cupola::probe
