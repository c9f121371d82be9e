#include "cupola/stack/stack.hpp"

namespace cupola {

LibraryChoice Stack::libraries() const {
    LibraryChoice choice = mode().libraries;
    if (compiled && max_autotune) {
        std::vector<std::string>& products = choice[index_of(KernelKind::gemm)];
        products.insert(products.begin(), "autotuned");  // see CostModel
    }
    return choice;
}

}  // namespace cupola
