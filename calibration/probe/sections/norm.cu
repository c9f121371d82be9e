#include <algorithm>
#include <memory>

#include "probe/device/tensor.hpp"
#include "probe/host/error.hpp"
#include "probe/host/reference.hpp"
#include "probe/kernels/norm.hpp"
#include "probe/sections/sections.hpp"
#include "probe/sections/softmax.hpp"

namespace cupola::probe {

namespace {

struct Buffers {
    Tensor out, in, weight, bias, moments;
};

/// Threads of a block that reduces a row of `packs` packs.
unsigned row_threads(std::int64_t packs) {
    return static_cast<unsigned>(std::clamp<std::int64_t>((packs + 31) / 32 * 32, 32, 1024));
}

RowNorm row_op(const std::string& name) {
    if (name == "layer_norm") return RowNorm::layer_norm;
    return name == "rms_norm" ? RowNorm::rms_norm : RowNorm::softmax;
}

/// Bytes of shared memory that keep a row; throws where a block cannot have them.
template <class Kernel>
std::size_t kept_bytes(Kernel kernel, std::int64_t row_bytes, bool keep, const Gpu& gpu) {
    if (!keep) return 0;
    constexpr std::int64_t reserve = 1024;  // static shared memory, and the system's
    if (row_bytes + reserve > static_cast<std::int64_t>(gpu.shared_bytes_block)) {
        throw SkippedCase("a row of " + std::to_string(row_bytes) + " bytes does not fit into shared memory");
    }
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(row_bytes)),
          "cudaFuncSetAttribute");
    return static_cast<std::size_t>(row_bytes);
}

template <class T, RowNorm op>
Enqueue row_launch(std::shared_ptr<Buffers> buffers, std::int64_t rows, std::int64_t columns, bool keep,
                   const Gpu& gpu) {
    const auto size = static_cast<std::int64_t>(sizeof(T));
    const std::size_t shared = kept_bytes(row_norm_kernel<T, op>, columns * size, keep, gpu);
    const unsigned threads = row_threads(columns * size / 16);
    return [=](cudaStream_t stream) {
        row_norm_kernel<T, op><<<static_cast<unsigned>(rows), threads, shared, stream>>>(
            buffers->out.as<T>(), buffers->in.as<T>(), buffers->weight.as<T>(), buffers->bias.as<T>(), columns, keep);
        check(cudaGetLastError(), "row_norm_kernel");
    };
}

template <class T>
Enqueue row_launch(RowNorm op, std::shared_ptr<Buffers> buffers, std::int64_t rows, std::int64_t columns, bool keep,
                   const Gpu& gpu) {
    if (op == RowNorm::layer_norm) return row_launch<T, RowNorm::layer_norm>(buffers, rows, columns, keep, gpu);
    if (op == RowNorm::rms_norm) return row_launch<T, RowNorm::rms_norm>(buffers, rows, columns, keep, gpu);
    return row_launch<T, RowNorm::softmax>(buffers, rows, columns, keep, gpu);
}

double row_error(RowNorm op, const Buffers& buffers, std::int64_t rows, std::int64_t columns) {
    RelativeError error;
    for (const std::int64_t row : {std::int64_t{0}, rows / 2, rows - 1}) {
        const Values x = [&](std::int64_t i) { return buffers.in.filled(row * columns + i); };
        const auto values = op == RowNorm::softmax    ? softmax(x, columns)
                            : op == RowNorm::rms_norm ? rms_normalised(x, columns)
                                                      : normalised(x, columns);
        const auto found = buffers.out.fetched(row * columns, columns);
        for (std::int64_t i = 0; i < columns; ++i) {
            double expected = values[static_cast<std::size_t>(i)];
            if (op != RowNorm::softmax) expected *= buffers.weight.filled(i);
            if (op == RowNorm::layer_norm) expected += buffers.bias.filled(i);
            error.add(found[static_cast<std::size_t>(i)], expected);
        }
    }
    return error.value();
}

struct GroupNorm {
    std::int64_t batch, channels, spatial, groups;
    bool is_nhwc, apply_silu;
    bool has_moments = true, has_apply = true;  ///< kernels of the way in several passes that run
    std::int64_t count() const { return batch * channels * spatial; }
    std::int64_t row() const { return channels / groups * spatial; }
};

template <class T>
Enqueue group_launch_one(std::shared_ptr<Buffers> buffers, const GroupNorm& norm, const Gpu& gpu) {
    if (norm.is_nhwc) throw SkippedCase("group norm of NHWC in one pass is not built");
    const auto size = static_cast<std::int64_t>(sizeof(T));
    const std::size_t shared = kept_bytes(group_norm_kernel<T>, norm.row() * size, true, gpu);
    const unsigned threads = row_threads(norm.row() * size / 16);
    return [=](cudaStream_t stream) {
        group_norm_kernel<T><<<static_cast<unsigned>(norm.batch * norm.groups), threads, shared, stream>>>(
            buffers->out.as<T>(), buffers->in.as<T>(), buffers->weight.as<T>(), buffers->bias.as<T>(), norm.row(),
            norm.spatial, static_cast<int>(norm.groups), true, norm.apply_silu);
        check(cudaGetLastError(), "group_norm_kernel");
    };
}

/// Adds up the moments of NHWC: zeros, then blocks over positions.
template <class T>
void enqueue_nhwc_sums(const Buffers& buffers, const GroupNorm& norm, const Gpu& gpu, cudaStream_t stream) {
    const auto packs = static_cast<unsigned>(norm.channels * static_cast<std::int64_t>(sizeof(T)) / 16);
    const unsigned threads = std::min(1024u, std::max(1u, 256u / packs) * packs);
    const unsigned lines = threads / packs;
    const auto blocks =
        static_cast<unsigned>(std::clamp<std::int64_t>(norm.spatial / (8 * lines), 1, 4 * gpu.sms / norm.batch + 1));
    check(cudaMemsetAsync(buffers.moments.address(), 0, buffers.moments.bytes(), stream), "cudaMemsetAsync");
    group_sums_nhwc_kernel<T><<<dim3(blocks, static_cast<unsigned>(norm.batch)), threads,
                                2 * static_cast<std::size_t>(norm.groups) * sizeof(float), stream>>>(
        buffers.moments.as<float>(), buffers.in.as<T>(), norm.spatial, static_cast<int>(norm.channels),
        static_cast<int>(norm.groups));
}

template <class T>
Enqueue group_launch_multi(std::shared_ptr<Buffers> buffers, const GroupNorm& norm, const Gpu& gpu) {
    const auto size = static_cast<std::int64_t>(sizeof(T));
    const auto blocks =
        static_cast<unsigned>(std::clamp<std::int64_t>(norm.count() * size / 16 / 256, 1, 32 * gpu.sms));
    return [=, &gpu](cudaStream_t stream) {
        const auto channels = static_cast<int>(norm.channels);
        const auto groups = static_cast<int>(norm.groups);
        if (norm.is_nhwc && norm.has_moments) enqueue_nhwc_sums<T>(*buffers, norm, gpu, stream);
        if (!norm.is_nhwc && norm.has_moments) {
            group_moments_kernel<T>
                <<<static_cast<unsigned>(norm.batch * norm.groups), row_threads(norm.row() * size / 16), 0, stream>>>(
                    buffers->moments.as<float>(), buffers->in.as<T>(), norm.row());
        }
        const auto kernel = norm.is_nhwc ? group_apply_kernel<T, true> : group_apply_kernel<T, false>;
        if (norm.has_apply)
            kernel<<<blocks, 256, 0, stream>>>(buffers->out.as<T>(), buffers->in.as<T>(), buffers->moments.as<float>(),
                                               buffers->weight.as<T>(), buffers->bias.as<T>(), norm.count(),
                                               norm.spatial, channels, groups, norm.apply_silu);
        check(cudaGetLastError(), "group norm");
    };
}

template <class T>
Enqueue group_launch(std::shared_ptr<Buffers> buffers, const GroupNorm& norm, bool in_one, const Gpu& gpu) {
    return in_one ? group_launch_one<T>(buffers, norm, gpu) : group_launch_multi<T>(buffers, norm, gpu);
}

/// The last group of the last image.
double group_error(const Buffers& buffers, const GroupNorm& norm) {
    const std::int64_t width = norm.channels / norm.groups;
    const std::int64_t first_channel = norm.channels - width;
    const std::int64_t image = norm.count() - norm.channels * norm.spatial;
    const auto index = [&](std::int64_t i) {  // i counts channels, then positions of the group
        const std::int64_t channel = first_channel + i / norm.spatial;
        return image +
               (norm.is_nhwc ? i % norm.spatial * norm.channels + channel : channel * norm.spatial + i % norm.spatial);
    };
    const auto values = normalised([&](std::int64_t i) { return buffers.in.filled(index(i)); }, norm.row());
    const std::int64_t checked = std::min<std::int64_t>(norm.is_nhwc ? 64 : 4096, norm.row());
    RelativeError error;
    const auto contiguous =
        norm.is_nhwc ? std::vector<double>() : buffers.out.fetched(index(norm.row() - checked), checked);
    for (std::int64_t j = 0; j < checked; ++j) {
        const std::int64_t i = norm.row() - checked + j;
        const std::int64_t channel = first_channel + i / norm.spatial;
        const double y =
            values[static_cast<std::size_t>(i)] * buffers.weight.filled(channel) + buffers.bias.filled(channel);
        const double found =
            norm.is_nhwc ? buffers.out.fetched(index(i), 1).front() : contiguous[static_cast<std::size_t>(j)];
        error.add(found, norm.apply_silu ? silu(y) : y);
    }
    return error.value();
}

}  // namespace

Enqueue softmax_launch(Tensor& out, const Tensor& in, Type type, std::int64_t rows, std::int64_t columns,
                       const Gpu& gpu) {
    const auto size = static_cast<std::int64_t>(bytes_of(type));
    if (columns * size % 16 != 0) throw SkippedCase("softmax needs rows of a multiple of 16 bytes");
    const bool keep = columns * size + 1024 <= static_cast<std::int64_t>(gpu.shared_bytes_block);
    const unsigned threads = row_threads(columns * size / 16);
    const auto enqueue = [=, &out, &in](auto zero) -> Enqueue {
        using T = decltype(zero);
        const std::size_t shared = kept_bytes(row_norm_kernel<T, RowNorm::softmax>, columns * size, keep, gpu);
        return [=, &out, &in](cudaStream_t stream) {
            row_norm_kernel<T, RowNorm::softmax><<<static_cast<unsigned>(rows), threads, shared, stream>>>(
                out.as<T>(), in.as<T>(), nullptr, nullptr, columns, keep);
            check(cudaGetLastError(), "row_norm_kernel");
        };
    };
    return type == Type::fp16 ? enqueue(Fp16{}) : type == Type::bf16 ? enqueue(Bf16{}) : enqueue(float{});
}

Operation row_norm_operation(const Case& norm, Session& session) {
    const Type type = type_of(norm.word("type"));
    const RowNorm op = row_op(norm.word("op"));
    const std::int64_t rows = norm.integer("rows");
    const std::int64_t columns = norm.integer("columns");
    const bool keep = norm.word("passes") == "one";
    if (columns * static_cast<std::int64_t>(bytes_of(type)) % 16 != 0) {
        throw SkippedCase("rows must be a multiple of 16 bytes");
    }
    const auto buffers = std::make_shared<Buffers>();
    buffers->in = Tensor(type, rows * columns, 1, 1);
    buffers->out = Tensor::poisoned(type, rows * columns);
    if (op != RowNorm::softmax) buffers->weight = Tensor(type, columns, 2, 1);
    if (op == RowNorm::layer_norm) buffers->bias = Tensor(type, columns, 3, 1);
    Operation operation;
    const Gpu& gpu = session.gpu();
    operation.launch = type == Type::fp16   ? row_launch<Fp16>(op, buffers, rows, columns, keep, gpu)
                       : type == Type::bf16 ? row_launch<Bf16>(op, buffers, rows, columns, keep, gpu)
                                            : row_launch<float>(op, buffers, rows, columns, keep, gpu);
    operation.traffic_bytes = static_cast<double>(buffers->in.bytes() + buffers->out.bytes() + buffers->weight.bytes() +
                                                  buffers->bias.bytes());
    operation.tolerance = tolerance_of(type);
    operation.error = [=] { return row_error(op, *buffers, rows, columns); };
    return operation;
}

Operation group_norm_operation(const Case& group_norm, Session& session) {
    const Type type = type_of(group_norm.word("type"));
    const std::string& part = group_norm.word("part");
    const GroupNorm norm{group_norm.integer("batch"),
                         group_norm.integer("channels"),
                         group_norm.integer("spatial"),
                         group_norm.integer("groups"),
                         group_norm.word("layout") == "nhwc",
                         group_norm.integer("silu") != 0,
                         part != "apply",
                         part != "moments"};
    if (norm.channels % norm.groups != 0) throw SkippedCase("channels must be a multiple of groups");
    const std::int64_t pack = 16 / static_cast<std::int64_t>(bytes_of(type));
    if ((norm.is_nhwc ? norm.channels : norm.spatial) % pack != 0)
        throw SkippedCase("rows must be a multiple of 16 bytes");
    if (norm.is_nhwc && norm.channels / pack > 1024) throw SkippedCase("more channels than a block takes");
    if (norm.batch > 65535) throw SkippedCase("more blocks than a grid has");
    const auto buffers = std::make_shared<Buffers>();
    buffers->in = Tensor(type, norm.count(), 1, 1);
    buffers->out = Tensor::poisoned(type, norm.count());
    buffers->weight = Tensor(type, norm.channels, 2, 1);
    buffers->bias = Tensor(type, norm.channels, 3, 1);
    // what an application alone applies is as good as any other
    buffers->moments = Tensor(Type::fp32, 2 * norm.batch * norm.groups, 4, 1);
    const bool in_one = group_norm.word("passes") == "one";
    if (in_one && part != "all") throw SkippedCase("the parts of a norm are those of passes=multi");
    Operation operation;
    operation.launch = type == Type::fp16   ? group_launch<Fp16>(buffers, norm, in_one, session.gpu())
                       : type == Type::bf16 ? group_launch<Bf16>(buffers, norm, in_one, session.gpu())
                                            : group_launch<float>(buffers, norm, in_one, session.gpu());
    operation.traffic_bytes = static_cast<double>(buffers->in.bytes());
    if (norm.has_apply) {
        operation.traffic_bytes +=
            static_cast<double>(buffers->out.bytes() + buffers->weight.bytes() + buffers->bias.bytes());
    }
    operation.tolerance = tolerance_of(type);
    if (part == "all") operation.error = [=] { return group_error(*buffers, norm); };
    return operation;
}

}  // namespace cupola::probe
