#include <memory>

#include "probe/device/cudnn.hpp"
#include "probe/host/error.hpp"
#include "probe/host/random.hpp"
#include "probe/host/reference.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

namespace {

constexpr int checked_elements = 32;

struct Layer {
    Convolution shape;
    Tensor x, w, y;
    std::unique_ptr<CudnnPlan> plan;

    Layer(const Convolution& wanted, float scale) : shape(wanted) {
        for (const std::int64_t extent : shape.out_extent()) {
            if (extent < 1) throw SkippedCase("the kernel is larger than the input");
        }
        plan = std::make_unique<CudnnPlan>(shape);
        x = Tensor(shape.type, shape.batch * shape.in_channels * volume(shape.extent), 1, scale);
        w = Tensor(shape.type, shape.out_channels * shape.in_channels * volume(shape.kernel), 2, scale);
        y = Tensor::poisoned(shape.type, shape.batch * shape.out_channels * volume(shape.out_extent()));
        plan->bind({x.address(), w.address(), y.address()});
    }

    static std::int64_t volume(const std::vector<std::int64_t>& extents) {
        std::int64_t product = 1;
        for (const std::int64_t extent : extents) product *= extent;
        return product;
    }
    double flops() const {
        return 2.0 * static_cast<double>(y.count()) * static_cast<double>(shape.in_channels * volume(shape.kernel));
    }
    double error() const;

private:
    /// Offset of an element in memory.
    std::int64_t offset(std::int64_t outer, std::int64_t channels, std::int64_t channel,
                        const std::vector<std::int64_t>& extents, const std::vector<std::int64_t>& place) const {
        std::int64_t spatial = 0;
        for (std::size_t i = 0; i < extents.size(); ++i) spatial = spatial * extents[i] + place[i];
        return shape.is_nhwc ? (outer * volume(extents) + spatial) * channels + channel
                             : (outer * channels + channel) * volume(extents) + spatial;
    }
    double expected(std::int64_t image, std::int64_t channel, const std::vector<std::int64_t>& place) const;
};

std::vector<std::int64_t> place_of(std::int64_t index, const std::vector<std::int64_t>& extents) {
    std::vector<std::int64_t> place(extents.size());
    for (std::size_t i = extents.size(); i-- > 0;) {
        place[i] = index % extents[i];
        index /= extents[i];
    }
    return place;
}

double Layer::expected(std::int64_t image, std::int64_t channel, const std::vector<std::int64_t>& place) const {
    double sum = 0;
    for (std::int64_t tap = 0; tap < volume(shape.kernel); ++tap) {
        const auto in_kernel = place_of(tap, shape.kernel);
        std::vector<std::int64_t> source(place.size());
        bool is_inside = true;
        for (std::size_t i = 0; i < place.size(); ++i) {
            source[i] = place[i] * shape.stride[i] + in_kernel[i] - shape.padding[i];
            is_inside = is_inside && source[i] >= 0 && source[i] < shape.extent[i];
        }
        for (std::int64_t c = 0; is_inside && c < shape.in_channels; ++c) {
            sum += x.filled(offset(image, shape.in_channels, c, shape.extent, source)) *
                   w.filled(offset(channel, shape.in_channels, c, shape.kernel, in_kernel));
        }
    }
    return sum;
}

/// Elements all over the result, the first and the last among them.
double Layer::error() const {
    const auto out = shape.out_extent();
    const auto count = static_cast<std::uint64_t>(y.count());
    RelativeError error;
    for (int i = 0; i < checked_elements; ++i) {
        const std::uint64_t index = i == 0   ? 0
                                    : i == 1 ? count - 1
                                             : (random_bits(9, static_cast<std::uint64_t>(i)) * 4096ull + 17) % count;
        const auto position = static_cast<std::int64_t>(index);
        const std::int64_t channel = position / volume(out) % shape.out_channels;
        const std::int64_t image = position / volume(out) / shape.out_channels;
        const auto place = place_of(position % volume(out), out);
        const double found = y.fetched(offset(image, shape.out_channels, channel, out, place), 1).front();
        error.add(found, expected(image, channel, place));
    }
    return error.value();
}

Convolution shape_of(const Case& c) {
    Convolution shape;
    shape.type = type_of(c.word("type"));
    shape.is_nhwc = c.word("layout") == "nhwc";
    shape.batch = c.integer("batch");
    shape.in_channels = c.integer("in");
    shape.out_channels = c.integer("out");
    shape.extent = {c.integer("height"), c.integer("width")};
    shape.kernel = {c.integer("kernel_h"), c.integer("kernel_w")};
    shape.stride = {c.integer("stride"), c.integer("stride")};
    shape.padding = {c.integer("pad_h"), c.integer("pad_w")};
    if (c.integer("depth") > 1 || c.integer("kernel_d") > 1) {
        shape.extent.insert(shape.extent.begin(), c.integer("depth"));
        shape.kernel.insert(shape.kernel.begin(), c.integer("kernel_d"));
        const std::int64_t stride = c.integer("stride_d") > 0 ? c.integer("stride_d") : c.integer("stride");
        shape.stride.insert(shape.stride.begin(), stride);
        shape.padding.insert(shape.padding.begin(), c.integer("pad_d"));
    }
    return shape;
}

}  // namespace

Operation convolution_operation(const Case& convolution, Session&) {
    if (convolution.word("type") == "fp32") throw SkippedCase("fp32 convolution is measured as tf32");
    const auto layer =
        std::make_shared<Layer>(shape_of(convolution), convolution.word("data") == "zeros" ? 0.0f : 0.5f);
    Operation operation;
    operation.provider = "cudnn";
    operation.variant = layer->plan->variant();
    operation.library_version = layer->plan->version();
    operation.launch = [layer](cudaStream_t stream) { layer->plan->enqueue(stream); };
    operation.flops = layer->flops();
    operation.traffic_bytes = static_cast<double>(layer->x.bytes() + layer->w.bytes() + layer->y.bytes());
    operation.tolerance = 2 * tolerance_of(layer->shape.type);
    operation.error = [layer] { return layer->error(); };
    return operation;
}

}  // namespace cupola::probe
