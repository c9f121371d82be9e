#include <algorithm>
#include <memory>

#include "probe/host/error.hpp"
#include "probe/host/reference.hpp"
#include "probe/kernels/memory.hpp"
#include "probe/sections/memory.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

namespace {

constexpr std::int64_t checked_elements = 4096;  // at the begin and at the end of a result

/// Compares the first and the last elements of `out` with `expected`.
double error_at_ends(const Tensor& out, const std::function<double(std::int64_t)>& expected) {
    RelativeError error;
    const std::int64_t count = std::min(checked_elements, out.count());
    for (const std::int64_t first : {std::int64_t{0}, out.count() - count}) {
        const auto found = out.fetched(first, count);
        for (std::int64_t i = 0; i < count; ++i) error.add(found[static_cast<std::size_t>(i)], expected(first + i));
    }
    return error.value();
}

/// Blocks of a stream kernel: enough to fill the GPU, or one on each of `sms` SMs.
unsigned stream_blocks(std::int64_t packs, std::int64_t sms, const Gpu& gpu) {
    if (sms > 0) return static_cast<unsigned>(sms);
    const std::int64_t useful = (packs + stream_threads * stream_unroll - 1) / (stream_threads * stream_unroll);
    return static_cast<unsigned>(std::clamp<std::int64_t>(useful, 1, 4 * gpu.sms));
}

struct StreamBuffers {
    Tensor out, a, b;
};

/// Has a block alone on its SM ask for more than half of the SM's shared memory.
template <class Kernel>
std::size_t exclusive_bytes(Kernel kernel, std::int64_t sms, const Gpu& gpu) {
    if (sms == 0) return 0;
    const std::size_t bytes = std::min(gpu.shared_bytes_block - 1024, gpu.shared_bytes_sm / 2 + 1024);
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)),
          "cudaFuncSetAttribute");
    return bytes;
}

template <class T, Stream op>
Enqueue stream_launch(std::shared_ptr<StreamBuffers> buffers, std::int64_t packs, std::int64_t sms, const Gpu& gpu) {
    const std::size_t shared = exclusive_bytes(stream_kernel<T, op>, sms, gpu);
    const unsigned blocks = stream_blocks(packs, sms, gpu);
    return [=](cudaStream_t stream) {
        stream_kernel<T, op><<<blocks, stream_threads, shared, stream>>>(buffers->out.as<T>(), buffers->a.as<T>(),
                                                                         buffers->b.as<T>(), packs);
        check(cudaGetLastError(), "stream_kernel");
    };
}

template <class T>
Enqueue stream_launch(Stream op, std::shared_ptr<StreamBuffers> buffers, std::int64_t packs, std::int64_t sms,
                      const Gpu& gpu) {
    switch (op) {
        case Stream::copy: return stream_launch<T, Stream::copy>(buffers, packs, sms, gpu);
        case Stream::read: return stream_launch<T, Stream::read>(buffers, packs, sms, gpu);
        case Stream::write: return stream_launch<T, Stream::write>(buffers, packs, sms, gpu);
        case Stream::triad: return stream_launch<T, Stream::triad>(buffers, packs, sms, gpu);
        case Stream::reduce: return stream_launch<T, Stream::reduce>(buffers, packs, sms, gpu);
    }
    return {};
}

Stream stream_op(const std::string& name) {
    if (name == "copy") return Stream::copy;
    if (name == "read") return Stream::read;
    if (name == "write") return Stream::write;
    return name == "triad" ? Stream::triad : Stream::reduce;
}

double stream_error(Stream op, const StreamBuffers& buffers) {
    return error_at_ends(buffers.out, [&](std::int64_t i) {
        if (op == Stream::write) return 1.5;
        return buffers.a.filled(i) + (op == Stream::triad ? 2 * buffers.b.filled(i) : 0);
    });
}

}  // namespace

Enqueue copy_launch(Tensor& out, const Tensor& in, const Gpu& gpu) {
    const std::int64_t packs = in.count() / Pack<float>::size;
    const unsigned blocks = stream_blocks(packs, 0, gpu);
    return [&out, &in, packs, blocks](cudaStream_t stream) {
        stream_kernel<float, Stream::copy>
            <<<blocks, stream_threads, 0, stream>>>(out.as<float>(), in.as<float>(), nullptr, packs);
        check(cudaGetLastError(), "stream_kernel");
    };
}

Operation stream_operation(const Case& stream, Session& session) {
    const Type type = type_of(stream.word("type"));
    const Stream op = stream_op(stream.word("op"));
    const std::int64_t count = stream.integer("bytes") / 16 * 16 / static_cast<std::int64_t>(bytes_of(type));
    const std::int64_t sms = stream.integer("sms");
    if (sms > session.gpu().sms) throw SkippedCase("the GPU has " + std::to_string(session.gpu().sms) + " SMs");
    const auto buffers = std::make_shared<StreamBuffers>();
    const bool writes = op == Stream::copy || op == Stream::write || op == Stream::triad;
    buffers->out = Tensor::poisoned(writes ? type : Type::fp32, writes ? count : 65536);
    if (op != Stream::write) buffers->a = Tensor(type, count, 1, 1);
    if (op == Stream::triad) buffers->b = Tensor(type, count, 2, 1);
    const std::int64_t packs = count * static_cast<std::int64_t>(bytes_of(type)) / 16;
    Operation operation;
    operation.launch = type == Type::fp16   ? stream_launch<Fp16>(op, buffers, packs, sms, session.gpu())
                       : type == Type::bf16 ? stream_launch<Bf16>(op, buffers, packs, sms, session.gpu())
                                            : stream_launch<float>(op, buffers, packs, sms, session.gpu());
    operation.traffic_bytes = static_cast<double>(packs) * 16 * (op == Stream::triad ? 3 : op == Stream::copy ? 2 : 1);
    operation.tolerance = tolerance_of(type);
    if (writes) operation.error = [op, buffers] { return stream_error(op, *buffers); };
    return operation;
}

namespace {

struct TrafficBuffers {
    Tensor reads[TrafficArguments::most_reads];
    Tensor writes[TrafficArguments::most_writes];
    Tensor sink;
    TrafficArguments arguments{};
    double bytes = 0;

    explicit TrafficBuffers(const Case& traffic) : sink(Type::fp32, 4, 9, 0) {
        arguments.sink = sink.as<float>();
        for (int i = 0; i < TrafficArguments::most_reads; ++i) {
            const std::int64_t packs = packs_of(traffic, "read" + std::to_string(i + 1));
            if (packs > 0)
                reads[i] = Tensor(Type::fp32, packs * Pack<float>::size, static_cast<std::uint32_t>(i + 1), 1);
            arguments.reads[i] = {reads[i].as<float>(), packs};
        }
        for (int i = 0; i < TrafficArguments::most_writes; ++i) {
            const std::int64_t packs = packs_of(traffic, "write" + std::to_string(i + 1));
            if (packs > 0) writes[i] = Tensor::poisoned(Type::fp32, packs * Pack<float>::size);
            arguments.writes[i] = {writes[i].as<float>(), packs};
        }
        if (bytes == 0) throw SkippedCase("nothing to read or write");
    }
    double error() const {
        return error_at_ends(writes[0], [&](std::int64_t i) {
            double sum = 0;
            for (const Tensor& read : reads) sum += i < read.count() ? read.filled(i) : 0;
            return sum;
        });
    }

private:
    std::int64_t packs_of(const Case& traffic, const std::string& field) {
        const std::int64_t wanted = traffic.integer(field);
        bytes += static_cast<double>(wanted);
        const std::int64_t packs = (wanted + 15) / 16;
        arguments.packs = std::max(arguments.packs, packs);
        return packs;
    }
};

}  // namespace

Operation traffic_operation(const Case& traffic, Session& session) {
    const auto buffers = std::make_shared<TrafficBuffers>(traffic);
    const unsigned blocks = stream_blocks(buffers->arguments.packs, 0, session.gpu());
    Operation operation;
    operation.launch = [=](cudaStream_t stream) {
        traffic_kernel<<<blocks, stream_threads, 0, stream>>>(buffers->arguments);
        check(cudaGetLastError(), "traffic_kernel");
    };
    operation.traffic_bytes = buffers->bytes;
    operation.tolerance = tolerance_of(Type::fp32);
    if (buffers->writes[0].count() > 0) operation.error = [buffers] { return buffers->error(); };
    return operation;
}

Operation gather_operation(const Case& gather, Session& session) {
    struct Buffers {
        Tensor out, in;
    };
    const std::int64_t bytes = gather.integer("bytes");
    const std::int64_t stride = gather.integer("stride");
    const std::int64_t width = gather.integer("width");
    if (width != 4 && width != 8 && width != 16) throw SkippedCase("width is 4, 8 or 16");
    if (stride % width != 0) throw SkippedCase("stride must be a multiple of width");
    const auto buffers = std::make_shared<Buffers>();
    buffers->in = Tensor(Type::fp32, bytes / 4, 1, 1);
    buffers->out = Tensor::poisoned(Type::fp32, 4);
    const std::int64_t words = (bytes - width) / stride + 1;
    const auto blocks = static_cast<unsigned>(std::clamp<std::int64_t>(words / 2048, 1, 4 * session.gpu().sms));
    Operation operation;
    operation.launch = [=](cudaStream_t stream) {
        auto* const out = buffers->out.as<float>();
        const auto* const in = buffers->in.as<unsigned char>();
        if (width == 4) gather_kernel<unsigned><<<blocks, stream_threads, 0, stream>>>(out, in, words, stride);
        if (width == 8) gather_kernel<uint2><<<blocks, stream_threads, 0, stream>>>(out, in, words, stride);
        if (width == 16) gather_kernel<uint4><<<blocks, stream_threads, 0, stream>>>(out, in, words, stride);
        check(cudaGetLastError(), "gather_kernel");
    };
    operation.traffic_bytes = static_cast<double>(words * width);
    return operation;
}

Operation transpose_operation(const Case& transpose, Session&) {
    struct Buffers {
        Tensor out, in;
    };
    const Type type = type_of(transpose.word("type"));
    const std::int64_t batch = transpose.integer("batch");
    const std::int64_t rows = transpose.integer("rows");
    const std::int64_t columns = transpose.integer("columns");
    const auto tiles = [](std::int64_t size) {
        return static_cast<unsigned>((size + transpose_tile - 1) / transpose_tile);
    };
    const dim3 grid(tiles(columns), tiles(rows), static_cast<unsigned>(batch));
    if (batch > 65535 || tiles(rows) > 65535) throw SkippedCase("more blocks than a grid has");
    const auto buffers = std::make_shared<Buffers>();
    buffers->in = Tensor(type, batch * rows * columns, 1, 1);
    buffers->out = Tensor::poisoned(type, batch * rows * columns);
    constexpr int threads = transpose_tile * transpose_rows;
    Operation operation;
    operation.launch = [=](cudaStream_t stream) {
        if (bytes_of(type) == 2) {
            transpose_kernel<<<grid, threads, 0, stream>>>(buffers->out.as<std::uint16_t>(),
                                                           buffers->in.as<std::uint16_t>(), rows, columns);
        } else {
            transpose_kernel<<<grid, threads, 0, stream>>>(buffers->out.as<float>(), buffers->in.as<float>(), rows,
                                                           columns);
        }
        check(cudaGetLastError(), "transpose_kernel");
    };
    operation.traffic_bytes = 2.0 * static_cast<double>(buffers->in.bytes());
    operation.error = [=] {
        return error_at_ends(buffers->out, [&](std::int64_t i) {
            return buffers->in.filled(i / (rows * columns) * rows * columns + i % rows * columns + i / rows % columns);
        });
    };
    return operation;
}

Operation permute_operation(const Case& permute, Session& session) {
    struct Buffers {
        Tensor out, in;
    };
    const Type type = type_of(permute.word("type"));
    const std::int64_t batch = permute.integer("batch");
    const std::int64_t rows = permute.integer("rows");
    const std::int64_t columns = permute.integer("columns");
    const std::int64_t inner = permute.integer("inner");
    const std::int64_t count = batch * rows * columns * inner;
    const auto size = static_cast<std::int64_t>(bytes_of(type));
    const bool is_wide = inner * size % 16 == 0;
    const auto buffers = std::make_shared<Buffers>();
    buffers->in = Tensor(type, count, 1, 1);
    buffers->out = Tensor::poisoned(type, count);
    constexpr int threads = 256;
    const std::int64_t words = is_wide ? count * size / 16 : count;
    const auto blocks =
        static_cast<unsigned>(std::clamp<std::int64_t>((words + threads - 1) / threads, 1, 32 * session.gpu().sms));
    Operation operation;
    operation.launch = [=](cudaStream_t stream) {
        if (is_wide) {
            permute_kernel<<<blocks, threads, 0, stream>>>(buffers->out.as<uint4>(), buffers->in.as<uint4>(), batch,
                                                           rows, columns, inner * size / 16);
        } else if (size == 2) {
            permute_kernel<<<blocks, threads, 0, stream>>>(
                buffers->out.as<std::uint16_t>(), buffers->in.as<std::uint16_t>(), batch, rows, columns, inner);
        } else {
            permute_kernel<<<blocks, threads, 0, stream>>>(buffers->out.as<float>(), buffers->in.as<float>(), batch,
                                                           rows, columns, inner);
        }
        check(cudaGetLastError(), "permute_kernel");
    };
    operation.traffic_bytes = 2.0 * static_cast<double>(buffers->in.bytes());
    operation.error = [=] {
        return error_at_ends(buffers->out, [&](std::int64_t i) {
            const std::int64_t row = i / inner % rows;
            const std::int64_t column = i / inner / rows % columns;
            const std::int64_t image = i / inner / rows / columns;
            return buffers->in.filled(((image * rows + row) * columns + column) * inner + i % inner);
        });
    };
    return operation;
}

}  // namespace cupola::probe
