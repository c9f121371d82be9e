#include "cupola/stack/fusion.hpp"

namespace cupola {

void Fusion::find_readers() {
    const Graph& graph = l_.graph;
    reader_.assign(graph.values.size(), no_id);
    product_of_.assign(graph.operators.size(), no_id);
    for (std::uint32_t i = 0; i < graph.operators.size(); ++i) {
        for (const ValueId value : graph.inputs(graph.operators[i])) reader_[value] = i;
    }
}

/// Whether the kernel of the current product can compute the operator: an activation of its result, or a sum with a
/// tensor as large that is made already. Not where the outcome is to be quantised: fused kernels do both.
bool Fusion::is_epilogue(const Operator& next) const {
    const Graph& graph = l_.graph;
    const ValueId out = l_.output();
    const bool quantised = !narrow_.empty() && (narrow_[out].uses > 0 || narrow_[next.output].uses > 0);
    if (quantised || next.limit != l_.op().limit) return false;
    const auto* elementwise = std::get_if<Elementwise>(&next.kind);
    if (elementwise == nullptr) return std::holds_alternative<Activation>(next.kind);
    if (elementwise->kind != ElementwiseKind::add) return false;
    for (const ValueId x : graph.inputs(next)) {
        const std::uint32_t producer = graph.values[x].producer;
        const bool made = producer == no_id || producer <= l_.operator_index();
        if (!made || l_.elements(x) != l_.elements(next.output) || l_.type(x) != l_.type(next.output)) return false;
    }
    return true;
}

/// The kernel of the current product computes what follows, if nothing else reads its result.
void Fusion::take_epilogue() {
    const ValueId out = l_.output();
    if (reader_.empty() || uses_[out] != 1 || reader_[out] == no_id) return;
    const Operator& next = l_.graph.operators[reader_[out]];
    if (!is_epilogue(next)) return;
    product_of_[reader_[out]] = out;
    for (const ValueId x : l_.graph.inputs(next)) {
        if (x == out) continue;
        materialise(x);
        l_.set_residual(l_.tensor(x));
    }
}

/// Whether the kernel of a product has computed the current operator: then its result is what that one stored.
bool Fusion::lower_in_product() {
    const ValueId product = product_of_.empty() ? no_id : product_of_[l_.operator_index()];
    if (product == no_id) return false;
    for (std::size_t i = 0; i < l_.input_count(); ++i) {
        if (l_.input(i) != product) consume(l_.input(i));
    }
    lower_view(product, layout_like(l_.shape(product), l_.layout(product), l_.shape(l_.output())));
    return true;
}

}  // namespace cupola
