// Look-ups, choices, caches, and tensors that enter the graph without an operator's input.
#include "cupola/workload/expander.hpp"

namespace cupola {
namespace {

Shape shape_from_sizes(Expander& expander, const Layer& layer) {
    const Argument& sizes = expander.argument(layer, "sizes");
    if (sizes.bindings.size() > Shape::max_atoms) {
        expander.fail_at(sizes.where, std::to_string(sizes.bindings.size()) + " axes", "at most 8");
    }
    Shape shape;
    for (const auto& [axis, expression] : sizes.bindings) {
        const AxisName name = expander.axis_name(axis, sizes.where);
        if (shape.find_atom(name.view()) >= 0) expander.fail_at(sizes.where, "two axes of one name", "each axis once");
        shape.push_axis(name,
                        evaluate_integer(expression, expander.environment(), name.view(), 1, std::int64_t{1} << 40));
    }
    return shape;
}

/// The shape of `input` with a channels axis of that width behind its own, which must not have one.
Shape with_channels(Expander& expander, const Layer& layer, ValueId input, std::int64_t width) {
    Shape shape = expander.shape(input);
    if (shape.find_axis("channels") >= 0 || shape.atom_count() == Shape::max_atoms) {
        expander.fail(layer, expander.describe(input), "ids or scalars, a tensor without channels");
    }
    shape.push_axis(AxisName("channels"), width);
    return shape;
}

ValueId build_embedding(Expander& expander, const Layer& layer, ValueId input) {
    Embedding embedding;
    embedding.width = expander.integer(layer, "width", 1, 1);
    embedding.vocabulary = expander.integer(layer, "vocabulary", 1, 1);
    embedding.rows = expander.shape(input).elements();
    return expander.emit(layer, embedding, {input}, with_channels(expander, layer, input, embedding.width));
}

ValueId build_gather(Expander& expander, const Layer& layer, ValueId input) {
    const AxisName name = expander.axis_argument(layer, "axis", "");
    Shape shape = expander.shape(input);
    shape.replace_axis(expander.axis(layer, input, name.view()), name, expander.integer(layer, "rows", 1, 1));
    return expander.emit(layer, Gather{}, {input}, shape);
}

ValueId build_sample(Expander& expander, const Layer& layer, ValueId input) {
    Shape shape = expander.shape(input);
    const std::size_t channels = expander.channels_axis(layer, input);
    Sample sample;
    sample.vocabulary = shape.axis_size(channels);
    sample.rows = shape.elements() / sample.vocabulary;
    sample.top_k = expander.integer(layer, "top_k", 1, 1);
    shape.replace_axis(channels, AxisName("choice"), 1);
    return expander.emit(layer, sample, std::vector<ValueId>{input}, shape, DataType::int64);
}

/// Appends the current keys or values to those of earlier steps; the result is all of them.
ValueId build_cache(Expander& expander, const Layer& layer, ValueId input) {
    const AxisName name = expander.axis_argument(layer, "axis", "tokens");
    Shape shape = expander.shape(input);
    const std::size_t axis = expander.axis(layer, input, name.view());
    const std::int64_t added = shape.axis_size(axis);
    shape.replace_axis(axis, name, expander.integer(layer, "length", 1, added));
    const ValueId cache = expander.emit(layer, CacheAppend{}, {input}, shape);
    expander.builder().value(cache).persistent = true;
    return cache;
}

ValueId build_sinusoid(Expander& expander, const Layer& layer, ValueId input) {
    const Sinusoid sinusoid{expander.shape(input).elements(), expander.integer(layer, "width", 1, 1)};
    return expander.emit(layer, sinusoid, {input}, with_channels(expander, layer, input, sinusoid.width));
}

}  // namespace

ValueId build_source_layer(Expander& expander, const Layer& layer, ValueId input) {
    switch (layer.spec->builtin) {
        case Builtin::embedding: return build_embedding(expander, layer, input);
        case Builtin::gather: return build_gather(expander, layer, input);
        case Builtin::sample: return build_sample(expander, layer, input);
        case Builtin::cache: return build_cache(expander, layer, input);
        case Builtin::cache_reorder:
            return expander.emit(layer, CacheReorder{expander.flag(layer, "in_place", false)}, {input},
                                 expander.shape(input));
        case Builtin::state:
            return expander.builder().add_input(shape_from_sizes(expander, layer), expander.type(), true);
        case Builtin::parameter: return expander.emit(layer, Parameter{}, {}, shape_from_sizes(expander, layer));
        case Builtin::sinusoid: return build_sinusoid(expander, layer, input);
        default: expander.fail(layer, "a layer without a builder", "one of the language");
    }
}

}  // namespace cupola
