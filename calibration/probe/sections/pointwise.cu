#include <algorithm>
#include <memory>

#include "probe/device/tensor.hpp"
#include "probe/host/error.hpp"
#include "probe/host/reference.hpp"
#include "probe/kernels/pointwise.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

namespace {

constexpr std::int64_t checked_rows = 3;
constexpr std::int64_t checked_columns = 4096;

struct Buffers {
    Tensor out, a, b, c, angles;
};

Pointwise pointwise_op(const std::string& name) {
    if (name == "gelu") return Pointwise::gelu;
    if (name == "silu") return Pointwise::silu;
    if (name == "geglu") return Pointwise::geglu;
    if (name == "add") return Pointwise::add;
    if (name == "bias") return Pointwise::bias;
    if (name == "modulate") return Pointwise::modulate;
    return name == "rope" ? Pointwise::rope : Pointwise::cat;
}

/// Element of the output at (row, column), in double precision.
double expected_pointwise(Pointwise op, const Buffers& buffers, std::int64_t columns, std::int64_t row,
                          std::int64_t column) {
    const auto a = [&](std::int64_t i) { return buffers.a.filled(row * columns + i); };
    const auto b = [&](std::int64_t i) { return buffers.b.filled(row * columns + i); };
    switch (op) {
        case Pointwise::gelu: return gelu(a(column));
        case Pointwise::silu: return silu(a(column));
        case Pointwise::add: return a(column) + b(column);
        case Pointwise::bias: return a(column) + buffers.b.filled(column);
        case Pointwise::modulate: return a(column) * (1 + buffers.b.filled(column)) + buffers.c.filled(column);
        case Pointwise::cat: return column < columns ? a(column) : b(column - columns);
        case Pointwise::geglu:
            return buffers.a.filled(row * 2 * columns + column) *
                   gelu(buffers.a.filled((row * 2 + 1) * columns + column));
        case Pointwise::rope: {
            const std::int64_t pair = column / 2 * 2;
            const std::int64_t angle = row * rope_dim + pair % rope_dim;
            const double cosine = buffers.angles.filled(angle);
            const double sine = buffers.angles.filled(angle + 1);
            return column % 2 == 0 ? a(pair) * cosine - a(pair + 1) * sine : a(pair) * sine + a(pair + 1) * cosine;
        }
    }
    return 0;
}

template <class T, Pointwise op>
Enqueue pointwise_launch(std::shared_ptr<Buffers> buffers, std::int64_t rows, std::int64_t columns, unsigned blocks) {
    const PointwiseArguments<T> arguments{buffers->out.as<T>(),
                                          buffers->a.as<T>(),
                                          buffers->b.as<T>(),
                                          buffers->c.as<T>(),
                                          buffers->angles.as<float>(),
                                          rows,
                                          columns};
    return [buffers, arguments, blocks](cudaStream_t stream) {
        pointwise_kernel<T, op><<<blocks, 256, 0, stream>>>(arguments);
        check(cudaGetLastError(), "pointwise_kernel");
    };
}

template <class T>
Enqueue pointwise_launch(Pointwise op, std::shared_ptr<Buffers> buffers, std::int64_t rows, std::int64_t columns,
                         unsigned blocks) {
    switch (op) {
        case Pointwise::gelu: return pointwise_launch<T, Pointwise::gelu>(buffers, rows, columns, blocks);
        case Pointwise::silu: return pointwise_launch<T, Pointwise::silu>(buffers, rows, columns, blocks);
        case Pointwise::geglu: return pointwise_launch<T, Pointwise::geglu>(buffers, rows, columns, blocks);
        case Pointwise::add: return pointwise_launch<T, Pointwise::add>(buffers, rows, columns, blocks);
        case Pointwise::bias: return pointwise_launch<T, Pointwise::bias>(buffers, rows, columns, blocks);
        case Pointwise::modulate: return pointwise_launch<T, Pointwise::modulate>(buffers, rows, columns, blocks);
        case Pointwise::rope: return pointwise_launch<T, Pointwise::rope>(buffers, rows, columns, blocks);
        case Pointwise::cat: return pointwise_launch<T, Pointwise::cat>(buffers, rows, columns, blocks);
    }
    return {};
}

double pointwise_error(Pointwise op, const Buffers& buffers, std::int64_t rows, std::int64_t columns) {
    const std::int64_t out_columns = op == Pointwise::cat ? 2 * columns : columns;
    RelativeError error;
    for (std::int64_t i = 0; i < std::min(checked_rows, rows); ++i) {
        const std::int64_t row = rows == 1 ? 0 : i * (rows - 1) / (std::min(checked_rows, rows) - 1);
        const std::int64_t count = std::min(checked_columns, out_columns);
        const std::int64_t first = out_columns - count;
        const auto found = buffers.out.fetched(row * out_columns + first, count);
        for (std::int64_t c = 0; c < count; ++c) {
            error.add(found[static_cast<std::size_t>(c)], expected_pointwise(op, buffers, columns, row, first + c));
        }
    }
    return error.value();
}

/// One thread a pack, up to a few waves of blocks.
unsigned blocks_of(std::int64_t packs, const Gpu& gpu) {
    return static_cast<unsigned>(std::clamp<std::int64_t>((packs + 255) / 256, 1, 32 * gpu.sms));
}

template <class T, bool is_nhwc>
void enqueue_upsample(const Buffers& buffers, std::int64_t batch, std::int64_t channels, std::int64_t height,
                      std::int64_t width, unsigned blocks, cudaStream_t stream) {
    upsample_kernel<T, is_nhwc>
        <<<blocks, 256, 0, stream>>>(buffers.out.as<T>(), buffers.a.as<T>(), batch, channels, height, width);
    check(cudaGetLastError(), "upsample_kernel");
}

}  // namespace

Operation pointwise_operation(const Case& pointwise, Session& session) {
    const Type type = type_of(pointwise.word("type"));
    const Pointwise op = pointwise_op(pointwise.word("op"));
    const std::int64_t rows = pointwise.integer("rows");
    const std::int64_t columns = pointwise.integer("columns");
    const std::int64_t pack = 16 / static_cast<std::int64_t>(bytes_of(type));
    if (columns % pack != 0) throw SkippedCase("columns must be a multiple of " + std::to_string(pack));
    if (op == Pointwise::rope && columns % rope_dim != 0) throw SkippedCase("rope turns heads of 128 columns");
    const bool is_vector = op == Pointwise::bias || op == Pointwise::modulate;
    const std::int64_t count = rows * columns;
    const auto buffers = std::make_shared<Buffers>();
    buffers->a = Tensor(type, op == Pointwise::geglu ? 2 * count : count, 1, 1);
    if (op == Pointwise::add || op == Pointwise::cat || is_vector)
        buffers->b = Tensor(type, is_vector ? columns : count, 2, 1);
    if (op == Pointwise::modulate) buffers->c = Tensor(type, columns, 3, 1);
    if (op == Pointwise::rope) buffers->angles = Tensor(Type::fp32, rows * rope_dim, 4, 0.5f);
    buffers->out = Tensor::poisoned(type, op == Pointwise::cat ? 2 * count : count);
    const unsigned blocks = blocks_of(buffers->out.count() / pack, session.gpu());
    Operation operation;
    operation.launch = type == Type::fp16   ? pointwise_launch<Fp16>(op, buffers, rows, columns, blocks)
                       : type == Type::bf16 ? pointwise_launch<Bf16>(op, buffers, rows, columns, blocks)
                                            : pointwise_launch<float>(op, buffers, rows, columns, blocks);
    operation.traffic_bytes = static_cast<double>(buffers->a.bytes() + buffers->b.bytes() + buffers->c.bytes() +
                                                  buffers->angles.bytes() + buffers->out.bytes());
    operation.tolerance = tolerance_of(type);
    operation.error = [=] { return pointwise_error(op, *buffers, rows, columns); };
    return operation;
}

Operation upsample_operation(const Case& upsample, Session& session) {
    const Type type = type_of(upsample.word("type"));
    const bool is_nhwc = upsample.word("layout") == "nhwc";
    const std::int64_t batch = upsample.integer("batch");
    const std::int64_t channels = upsample.integer("channels");
    const std::int64_t height = upsample.integer("height");
    const std::int64_t width = upsample.integer("width");
    const std::int64_t pack = 16 / static_cast<std::int64_t>(bytes_of(type));
    if ((is_nhwc ? channels : 2 * width) % pack != 0) throw SkippedCase("rows must be a multiple of 16 bytes");
    const std::int64_t count = batch * channels * height * width;
    const auto buffers = std::make_shared<Buffers>();
    buffers->a = Tensor(type, count, 1, 1);
    buffers->out = Tensor::poisoned(type, 4 * count);
    const unsigned blocks = blocks_of(4 * count / pack, session.gpu());
    Operation operation;
    operation.launch = [=](cudaStream_t stream) {
        if (bytes_of(type) == 2) {
            (is_nhwc ? enqueue_upsample<Fp16, true> : enqueue_upsample<Fp16, false>)(*buffers, batch, channels, height,
                                                                                     width, blocks, stream);
        } else {
            (is_nhwc ? enqueue_upsample<float, true> : enqueue_upsample<float, false>)(*buffers, batch, channels,
                                                                                       height, width, blocks, stream);
        }
    };
    operation.traffic_bytes = static_cast<double>(buffers->a.bytes() + buffers->out.bytes());
    operation.error = [=] {
        RelativeError error;
        const std::int64_t tail = std::min<std::int64_t>(checked_columns, 4 * count);
        const auto found = buffers->out.fetched(4 * count - tail, tail);
        for (std::int64_t j = 0; j < tail; ++j) {
            const std::int64_t i = 4 * count - tail + j;
            const std::int64_t inner = is_nhwc ? channels : 1;
            const std::int64_t x = i / inner % (2 * width) / 2;
            const std::int64_t y = i / inner / (2 * width) % (2 * height) / 2;
            const std::int64_t plane = i / inner / (4 * width * height);
            error.add(found[static_cast<std::size_t>(j)],
                      buffers->a.filled(((plane * height + y) * width + x) * inner + i % inner));
        }
        return error.value();
    };
    return operation;
}

}  // namespace cupola::probe
