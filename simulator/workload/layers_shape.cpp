// Layers that change shapes: rearranging, folding, slicing, joining, padding, resampling.
#include "cupola/workload/expander.hpp"

#include <algorithm>

namespace cupola {
namespace {

std::string pattern_text(const Expander& expander, const std::vector<std::vector<NameId>>& pattern) {
    std::string text;
    for (const auto& atoms : pattern) {
        if (!text.empty()) text += ' ';
        if (atoms.size() > 1) text += '(';
        for (std::size_t i = 0; i < atoms.size(); ++i) {
            if (i > 0) text += ' ';
            text += expander.text(atoms[i]);
        }
        if (atoms.size() > 1) text += ')';
    }
    return text;
}

/// The pattern with `...` replaced by the atoms of the tensor's first axis, whatever is folded into it.
std::vector<std::vector<NameId>> with_leading_axis(Expander& expander, const Layer& layer, ValueId from) {
    auto pattern = expander.argument(layer, "axes").pattern;
    const Shape& shape = expander.shape(from);
    for (auto& atoms : pattern) {
        if (atoms.size() != 1 || expander.text(atoms.front()) != "...") continue;
        atoms.clear();
        for (std::size_t i = 0; i < shape.axis_end(0); ++i) atoms.push_back(expander.axis_id(shape.atom(i).name));
    }
    return pattern;
}

/// The shape that a pattern makes of the atoms of `from`, with `added` for atoms that it does not have.
Shape arranged(Expander& expander, const Layer& layer, ValueId from,
               const std::vector<std::pair<NameId, Expression>>& added) {
    const auto pattern = with_leading_axis(expander, layer, from);
    const Shape& shape = expander.shape(from);
    Shape result;
    std::size_t used = 0;
    for (const auto& atoms : pattern) {
        for (std::size_t i = 0; i < atoms.size(); ++i) {
            const AxisName name = expander.axis_name(atoms[i], expander.argument(layer, "axes").where);
            const int found = shape.find_atom(name.view());
            const auto extra =
                std::find_if(added.begin(), added.end(), [&](const auto& a) { return a.first == atoms[i]; });
            if ((found < 0 && extra == added.end()) || result.find_atom(name.view()) >= 0 ||
                result.atom_count() == Shape::max_atoms) {
                expander.fail(layer, shape.text() + " for \"" + pattern_text(expander, pattern) + "\"",
                              "every axis of the pattern once in the tensor");
            }
            const std::int64_t size = extra != added.end() ? evaluate_integer(extra->second, expander.environment(),
                                                                              name.view(), 1, std::int64_t{1} << 40)
                                                           : shape.atom(static_cast<std::size_t>(found)).size;
            used += found >= 0 ? 1 : 0;
            if (i == 0) {
                result.push_axis(name, size);
            } else {
                result.fold_atom(name, size);
            }
        }
    }
    if (used != shape.atom_count()) {
        expander.fail(layer, shape.text() + " for \"" + pattern_text(expander, pattern) + "\"",
                      "a pattern that names every axis of the tensor");
    }
    return result;
}

ValueId build_rearrange(Expander& expander, const Layer& layer, ValueId input) {
    const Shape shape = arranged(expander, layer, input, {});
    if (shape == expander.shape(input)) return input;
    return expander.emit(layer, Rearrange{}, {input}, shape);
}

ValueId build_broadcast(Expander& expander, const Layer& layer, ValueId input) {
    return expander.emit(layer, Broadcast{}, {input},
                         arranged(expander, layer, input, expander.argument(layer, "sizes").bindings));
}

ValueId build_flatten(Expander& expander, const Layer& layer, ValueId input) {
    Shape shape = expander.shape(input);
    const std::size_t axis = expander.axis(layer, input, expander.axis_argument(layer, "axis", "").view());
    shape.replace_axis(axis, expander.axis_argument(layer, "into", ""), shape.axis_size(axis));
    return shape == expander.shape(input) ? input : expander.emit(layer, Rearrange{}, {input}, shape);
}

ValueId build_unfold(Expander& expander, const Layer& layer, ValueId input) {
    const Shape& from = expander.shape(input);
    const std::size_t axis = expander.axis(layer, input, expander.axis_argument(layer, "axis", "").view());
    const Argument& into = expander.argument(layer, "into");
    if (from.rank() - 1 + into.bindings.size() > Shape::max_atoms) {
        expander.fail(layer, expander.describe(input), "at most 8 axes in the result");
    }
    Shape shape;
    for (std::size_t a = 0; a < from.rank(); ++a) {
        if (a != axis) {
            for (std::size_t i = from.axis_begin(a); i < from.axis_end(a); ++i) {
                const Atom& atom = from.atom(i);
                atom.begins_axis ? shape.push_axis(atom.name, atom.size) : shape.fold_atom(atom.name, atom.size);
            }
            continue;
        }
        for (const auto& [name, expression] : into.bindings) {
            const AxisName axis_name = expander.axis_name(name, into.where);
            shape.push_axis(axis_name, evaluate_integer(expression, expander.environment(), axis_name.view(), 1,
                                                        std::int64_t{1} << 40));
        }
    }
    if (shape.elements() != from.elements()) {
        expander.fail(layer, shape.text(), "sizes whose product is " + std::to_string(from.axis_size(axis)),
                      "the input is " + expander.describe(input));
    }
    return expander.emit(layer, Rearrange{}, {input}, shape);
}

/// A part of an axis: a view named like the axis.
ValueId slice_of(Expander& expander, const Layer& layer, ValueId input, std::size_t axis, std::int64_t size) {
    Shape shape = expander.shape(input);
    const AxisName name = shape.atom(shape.axis_end(axis) - 1).name;
    shape.replace_axis(axis, name, size);
    return expander.emit(layer, Slice{}, {input}, shape);
}

ValueId build_slice(Expander& expander, const Layer& layer, ValueId input) {
    const std::size_t axis = expander.axis(layer, input, expander.axis_argument(layer, "axis", "").view());
    const std::int64_t whole = expander.shape(input).axis_size(axis);
    const std::int64_t start = expander.integer(layer, "start", 0, 0, whole - 1);
    const std::int64_t size = expander.integer(layer, "size", 1, 1, whole - start);
    return size == whole ? input : slice_of(expander, layer, input, axis, size);
}

/// Names the parts of an axis; the current tensor stays what it was.
ValueId build_chunk(Expander& expander, const Layer& layer, ValueId input) {
    const auto& names = expander.argument(layer, "into").names;
    const std::size_t axis = expander.axis(layer, input, expander.axis_argument(layer, "axis", "channels").view());
    const std::int64_t whole = expander.shape(input).axis_size(axis);
    const auto parts = static_cast<std::int64_t>(names.size());
    if (whole % parts != 0) {
        expander.fail(layer, expander.describe(input), "an axis that " + std::to_string(parts) + " divides");
    }
    for (const NameId name : names) expander.bind_tensor(name, slice_of(expander, layer, input, axis, whole / parts));
    return input;
}

ValueId build_split(Expander& expander, const Layer& layer, ValueId input) {
    const auto& names = expander.argument(layer, "into").names;
    const AxisName along = expander.axis_argument(layer, "axis", "");
    const std::size_t axis = expander.axis(layer, input, along.view());
    const Argument& like = expander.argument(layer, "like");
    const Argument& given = expander.argument(layer, "sizes");
    std::vector<std::int64_t> sizes;
    if (like.given) {
        for (const TensorReference& reference : like.tensors) {
            const ValueId model = expander.tensor(reference);
            sizes.push_back(expander.shape(model).axis_size(expander.axis(layer, model, along.view())));
        }
    } else if (given.given) {
        for (const Datum& size : evaluate_list(given.expression, expander.environment())) {
            if (size.integer() == nullptr || *size.integer() < 1)
                expander.fail_at(given.where, text_of(size), "sizes of at least 1");
            sizes.push_back(*size.integer());
        }
    } else {
        expander.fail(layer, "neither `like` nor `sizes`", "one of them");
    }
    std::int64_t total = 0;
    for (const std::int64_t size : sizes) total += size;
    if (sizes.size() != names.size() || total != expander.shape(input).axis_size(axis)) {
        expander.fail(layer,
                      std::to_string(sizes.size()) + " parts of " + std::to_string(total) + " in all, " +
                          std::to_string(names.size()) + " names, " + expander.describe(input),
                      "a name for each part, and parts that add up to the axis");
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        const ValueId part = slice_of(expander, layer, input, axis, sizes[i]);
        const Argument& models = expander.argument(layer, "like");
        if (models.given) {  // the part takes back the axes that the model's sequence was folded from
            const Shape& model = expander.shape(expander.tensor(models.tensors[i]));
            if (model.sizes() == expander.shape(part).sizes()) expander.builder().value(part).shape = model;
        }
        expander.bind_tensor(names[i], part);
    }
    return input;
}

ValueId build_concat(Expander& expander, const Layer& layer, ValueId input) {
    std::vector<ValueId> inputs;
    const Argument& before = expander.argument(layer, "before");
    const Argument& with = expander.argument(layer, "with");
    if (!before.given && !with.given) expander.fail(layer, "nothing to join", "`with:` or `before:`");
    if (before.given) {
        for (const TensorReference& reference : before.tensors) inputs.push_back(expander.tensor(reference));
    }
    inputs.push_back(input);
    if (with.given) {
        for (const TensorReference& reference : with.tensors) inputs.push_back(expander.tensor(reference));
    }
    const AxisName name = expander.axis_argument(layer, "axis", "channels");
    Shape shape = expander.shape(input);
    const std::size_t axis = expander.axis(layer, input, name.view());
    std::int64_t total = 0;
    for (const ValueId part : inputs) {
        Shape other = expander.shape(part);
        const std::size_t other_axis = expander.axis(layer, part, name.view());
        total += other.axis_size(other_axis);
        other.replace_axis(other_axis, name, shape.axis_size(axis));
        Shape mine = shape;
        mine.replace_axis(axis, name, shape.axis_size(axis));
        if (other.sizes() != mine.sizes()) {
            expander.fail(layer, expander.describe(part) + " and " + expander.describe(input),
                          "equal sizes along every axis but " + std::string(name.view()));
        }
    }
    shape.replace_axis(axis, name, total);
    const bool widened = std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) { return expander.is_widened(id); });
    return expander.emit(layer, Cat{}, inputs, shape, widened ? DataType::fp32 : expander.value(input).type);
}

ValueId build_pad(Expander& expander, const Layer& layer, ValueId input) {
    Shape shape = expander.shape(input);
    const Argument& sizes = expander.argument(layer, "sizes");
    for (const auto& [name, expression] : sizes.bindings) {
        const int atom = shape.find_atom(expander.text(name));
        if (atom < 0)
            expander.fail_at(sizes.where, "\"" + std::string(expander.text(name)) + "\"", "an axis of " + shape.text());
        const std::vector<Datum> sides = evaluate_list(expression, expander.environment());
        if (sides.size() > 2) {
            expander.fail_at(sizes.where, std::to_string(sides.size()) + " numbers",
                             "a number to add before, or [before, after]");
        }
        for (const Datum& side : sides) {
            if (side.integer() == nullptr || *side.integer() < 0 || *side.integer() > 1'000'000) {
                expander.fail_at(sizes.where, text_of(side), "a number to add before, or [before, after]");
            }
            shape.atom(static_cast<std::size_t>(atom)).size += *side.integer();
        }
    }
    const auto mode = static_cast<PadMode>(expander.choice(layer, "mode", 0, {"zero", "replicate", "reflect"}));
    return expander.emit(layer, Pad{mode}, {input}, shape);
}

/// Factors by axis: given ones, or one for both height and width.
std::vector<std::pair<std::size_t, std::int64_t>> resample_factors(Expander& expander, const Layer& layer,
                                                                   ValueId input) {
    const Shape& shape = expander.shape(input);
    const Argument& sizes = expander.argument(layer, "sizes");
    std::vector<std::pair<std::size_t, std::int64_t>> factors;
    const auto add = [&](std::string_view axis, std::int64_t factor) {
        const int atom = shape.find_atom(axis);
        if (atom < 0) expander.fail(layer, expander.describe(input), "an axis \"" + std::string(axis) + "\"");
        factors.emplace_back(static_cast<std::size_t>(atom), factor);
    };
    if (sizes.given) {
        for (const auto& [name, expression] : sizes.bindings) {
            add(expander.text(name), evaluate_integer(expression, expander.environment(), "factor", 1, 4096));
        }
        return factors;
    }
    const std::int64_t factor = expander.integer(layer, "factor", 2, 1, 4096);
    add("height", factor);
    add("width", factor);
    return factors;
}

ValueId build_upsample(Expander& expander, const Layer& layer, ValueId input) {
    Shape shape = expander.shape(input);
    for (const auto& [atom, factor] : resample_factors(expander, layer, input)) shape.atom(atom).size *= factor;
    const auto mode = static_cast<UpsampleMode>(expander.choice(layer, "mode", 0, {"nearest", "bilinear"}));
    return expander.emit(layer, Upsample{mode}, {input}, shape);
}

/// Divides axes by their factors; returns the product of the factors.
std::int64_t shrink(Expander& expander, const Layer& layer, ValueId input, Shape& shape) {
    std::int64_t product = 1;
    for (const auto& [atom, factor] : resample_factors(expander, layer, input)) {
        if (shape.atom(atom).size % factor != 0) {
            expander.fail(
                layer, expander.describe(input),
                "a multiple of " + std::to_string(factor) + " along " + std::string(shape.atom(atom).name.view()));
        }
        shape.atom(atom).size /= factor;
        product *= factor;
    }
    return product;
}

ValueId build_pixel_shuffle(Expander& expander, const Layer& layer, ValueId input, bool inverse) {
    Shape shape = expander.shape(input);
    const std::size_t channels = expander.channels_axis(layer, input);
    const std::int64_t width = shape.axis_size(channels);
    if (inverse) {
        const std::int64_t product = shrink(expander, layer, input, shape);
        shape.replace_axis(channels, AxisName("channels"), width * product);
        return expander.emit(layer, PixelShuffle{true}, {input}, shape);
    }
    std::int64_t product = 1;
    for (const auto& [atom, factor] : resample_factors(expander, layer, input)) {
        shape.atom(atom).size *= factor;
        product *= factor;
    }
    if (width % product != 0) {
        expander.fail(layer, std::to_string(width) + " channels", "a multiple of " + std::to_string(product));
    }
    shape.replace_axis(channels, AxisName("channels"), width / product);
    return expander.emit(layer, PixelShuffle{false}, {input}, shape);
}

}  // namespace

ValueId build_shape_layer(Expander& expander, const Layer& layer, ValueId input) {
    switch (layer.spec->builtin) {
        case Builtin::rearrange: return build_rearrange(expander, layer, input);
        case Builtin::flatten: return build_flatten(expander, layer, input);
        case Builtin::unfold: return build_unfold(expander, layer, input);
        case Builtin::contiguous: return expander.emit(layer, Contiguous{}, {input}, expander.shape(input));
        case Builtin::broadcast: return build_broadcast(expander, layer, input);
        case Builtin::slice: return build_slice(expander, layer, input);
        case Builtin::chunk: return build_chunk(expander, layer, input);
        case Builtin::split: return build_split(expander, layer, input);
        case Builtin::concat: return build_concat(expander, layer, input);
        case Builtin::pad: return build_pad(expander, layer, input);
        case Builtin::upsample: return build_upsample(expander, layer, input);
        case Builtin::average_pool: {
            Shape shape = expander.shape(input);
            const std::int64_t window = shrink(expander, layer, input, shape);
            return expander.emit(layer, AveragePool{window}, {input}, shape);
        }
        case Builtin::pixel_shuffle: return build_pixel_shuffle(expander, layer, input, false);
        case Builtin::pixel_unshuffle: return build_pixel_shuffle(expander, layer, input, true);
        default: expander.fail(layer, "a layer without a builder", "one of the language");
    }
}

}  // namespace cupola
