#include "cupola/cost/cost.hpp"
#include "cupola/cost/matrix.hpp"

namespace cupola {

KernelCost roofline(const Kernel& kernel, const Gpu& gpu) {
    const KernelCost traffic = price(kernel, gpu);
    const bool matrix = !std::holds_alternative<MemoryWork>(kernel.work);
    KernelCost cost;
    cost.flops = traffic.flops;
    cost.l2_bytes = traffic.l2_bytes;
    cost.dram_bytes = Bytes(std::min(traffic.dram_bytes.value(), compulsory_bytes(kernel).value()));
    const bool units = matrix && tensor_rate(gpu, kernel.type) > 0;
    const auto* convolution = std::get_if<ConvolutionWork>(&kernel.work);
    const double share = convolution != nullptr ? cost_detail::least_products_share(*convolution, kernel.type) : 1;
    (units ? cost.tensor : cost.simt) =
        share * cost.flops / peak_matrix_throughput(gpu, matrix ? kernel.type : DataType::fp32);
    cost.dram = cost.dram_bytes / achieved_dram_bandwidth(gpu);
    cost.bound = cost.dram > std::max(cost.tensor, cost.simt) ? Bound::dram : units ? Bound::tensor : Bound::simt;
    cost.time = cost.of(cost.bound);
    return cost;
}

}  // namespace cupola
