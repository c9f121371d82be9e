#include "probe/device/cublaslt.hpp"

#include "probe/device/shared_library.hpp"
#include "probe/host/error.hpp"

#if __has_include(<cublasLt.h>)

#include <cublasLt.h>

namespace cupola::probe {

namespace {

constexpr std::size_t workspace_bytes = std::size_t{32} << 20;  // what frameworks give it

/// cuBLASLt as it is found at run time, with its handle.
struct Library {
    SharedLibrary library{"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"};
    decltype(&cublasLtCreate) create = nullptr;
    decltype(&cublasLtGetVersion) version = nullptr;
    decltype(&cublasLtMatmulDescCreate) desc_create = nullptr;
    decltype(&cublasLtMatmulDescDestroy) desc_destroy = nullptr;
    decltype(&cublasLtMatmulDescSetAttribute) desc_set = nullptr;
    decltype(&cublasLtMatrixLayoutCreate) layout_create = nullptr;
    decltype(&cublasLtMatrixLayoutDestroy) layout_destroy = nullptr;
    decltype(&cublasLtMatrixLayoutSetAttribute) layout_set = nullptr;
    decltype(&cublasLtMatmulPreferenceCreate) preference_create = nullptr;
    decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy = nullptr;
    decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set = nullptr;
    decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic = nullptr;
    decltype(&cublasLtMatmulAlgoConfigGetAttribute) config_get = nullptr;
    decltype(&cublasLtMatmul) matmul = nullptr;
    cublasLtHandle_t handle = nullptr;

    Library() {
        if (!library) throw SkippedCase("cuBLASLt: " + library.error());
        const bool is_complete =
            library.load(create, "cublasLtCreate") && library.load(version, "cublasLtGetVersion") &&
            library.load(desc_create, "cublasLtMatmulDescCreate") &&
            library.load(desc_destroy, "cublasLtMatmulDescDestroy") &&
            library.load(desc_set, "cublasLtMatmulDescSetAttribute") &&
            library.load(layout_create, "cublasLtMatrixLayoutCreate") &&
            library.load(layout_destroy, "cublasLtMatrixLayoutDestroy") &&
            library.load(layout_set, "cublasLtMatrixLayoutSetAttribute") &&
            library.load(preference_create, "cublasLtMatmulPreferenceCreate") &&
            library.load(preference_destroy, "cublasLtMatmulPreferenceDestroy") &&
            library.load(preference_set, "cublasLtMatmulPreferenceSetAttribute") &&
            library.load(heuristic, "cublasLtMatmulAlgoGetHeuristic") &&
            library.load(config_get, "cublasLtMatmulAlgoConfigGetAttribute") && library.load(matmul, "cublasLtMatmul");
        if (!is_complete || create(&handle) != CUBLAS_STATUS_SUCCESS) throw SkippedCase("cuBLASLt cannot be used");
    }
};

Library& library() {
    static Library opened;
    return opened;
}

void check_lt(cublasStatus_t status, const char* what) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    if (status == CUBLAS_STATUS_NOT_SUPPORTED) throw SkippedCase(std::string(what) + ": not supported by cuBLASLt");
    check(cudaGetLastError(), what);
    throw FailedCase(std::string(what) + ": cuBLASLt status " + std::to_string(status));
}

cudaDataType_t data_type(Type type) {
    switch (type) {
        case Type::fp16: return CUDA_R_16F;
        case Type::bf16: return CUDA_R_16BF;
        case Type::int8: return CUDA_R_8I;
        case Type::fp8: return CUDA_R_8F_E4M3;
        case Type::int32: return CUDA_R_32I;
        default: return CUDA_R_32F;
    }
}

cublasComputeType_t compute_type(Type type) {
    if (type == Type::int8) return CUBLAS_COMPUTE_32I;
    return type == Type::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

cublasLtEpilogue_t epilogue_of(Epilogue epilogue) {
    if (epilogue == Epilogue::bias) return CUBLASLT_EPILOGUE_BIAS;
    return epilogue == Epilogue::gelu_bias ? CUBLASLT_EPILOGUE_GELU_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

/// A column-major matrix of a batch.
cublasLtMatrixLayout_t layout(Type type, std::int64_t rows, std::int64_t columns, std::int64_t batch) {
    cublasLtMatrixLayout_t result = nullptr;
    check_lt(library().layout_create(&result, data_type(type), static_cast<std::uint64_t>(rows),
                                     static_cast<std::uint64_t>(columns), rows),
             "cublasLtMatrixLayoutCreate");
    const auto count = static_cast<std::int32_t>(batch);
    const std::int64_t stride = rows * columns;
    check_lt(library().layout_set(result, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count), "batch");
    check_lt(library().layout_set(result, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride),
             "batch");
    return result;
}

}  // namespace

// Row-major C = A B^T is column-major C^T = B A^T: B comes first, and m and n change places.
struct MatmulPlan::Impl {
    Matmul matmul;
    cublasLtMatmulDesc_t desc = nullptr;
    cublasLtMatrixLayout_t first = nullptr;   // B
    cublasLtMatrixLayout_t second = nullptr;  // A
    cublasLtMatrixLayout_t result = nullptr;
    cublasLtMatmulAlgo_t algorithm{};
    Buffer workspace{workspace_bytes};

    explicit Impl(const Matmul& wanted) : matmul(wanted) {}
    ~Impl() {
        for (const auto each : {first, second, result}) {
            if (each != nullptr) library().layout_destroy(each);
        }
        if (desc != nullptr) library().desc_destroy(desc);
    }
    void describe();
    void choose();
    std::string variant() const;

    template <class T>
    T config(cublasLtMatmulAlgoConfigAttributes_t attribute) const {
        T value{};
        std::size_t written = 0;
        return library().config_get(&algorithm, attribute, &value, sizeof value, &written) == CUBLAS_STATUS_SUCCESS
                   ? value
                   : T{};
    }
};

void MatmulPlan::Impl::describe() {
    const bool is_integer = matmul.type == Type::int8;
    check_lt(library().desc_create(&desc, compute_type(matmul.type), is_integer ? CUDA_R_32I : CUDA_R_32F),
             "cublasLtMatmulDescCreate");
    const cublasOperation_t first_operation = matmul.is_b_plain ? CUBLAS_OP_N : CUBLAS_OP_T;
    const cublasOperation_t second_operation = CUBLAS_OP_N;
    check_lt(library().desc_set(desc, CUBLASLT_MATMUL_DESC_TRANSA, &first_operation, sizeof first_operation),
             "transpose");
    check_lt(library().desc_set(desc, CUBLASLT_MATMUL_DESC_TRANSB, &second_operation, sizeof second_operation),
             "transpose");
    const cublasLtEpilogue_t epilogue = epilogue_of(matmul.epilogue);
    check_lt(library().desc_set(desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue, sizeof epilogue), "epilogue");
    const Matmul& x = matmul;
    first = x.is_b_plain ? layout(x.type, x.n, x.k, x.batch) : layout(x.type, x.k, x.n, x.batch);
    second = layout(x.type, x.k, x.m, x.batch);
    result = layout(output_type(x.type), x.n, x.m, x.batch);
}

void MatmulPlan::Impl::choose() {
    cublasLtMatmulPreference_t preference = nullptr;
    check_lt(library().preference_create(&preference), "cublasLtMatmulPreferenceCreate");
    const std::size_t limit = workspace_bytes;
    library().preference_set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &limit, sizeof limit);
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    const cublasStatus_t status =
        library().heuristic(library().handle, desc, first, second, result, result, preference, 1, &found, &count);
    library().preference_destroy(preference);
    check_lt(status, "cublasLtMatmulAlgoGetHeuristic");
    if (count == 0) throw SkippedCase("cuBLASLt has no algorithm for this");
    algorithm = found.algo;
}

std::string MatmulPlan::Impl::variant() const {
    return "algorithm " + std::to_string(config<std::int32_t>(CUBLASLT_ALGO_CONFIG_ID)) + " tile " +
           std::to_string(config<std::uint32_t>(CUBLASLT_ALGO_CONFIG_TILE_ID)) + " stages " +
           std::to_string(config<std::uint32_t>(CUBLASLT_ALGO_CONFIG_STAGES_ID)) + " split-k " +
           std::to_string(config<std::int32_t>(CUBLASLT_ALGO_CONFIG_SPLITK_NUM)) + " cluster " +
           std::to_string(config<std::uint16_t>(CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID));
}

MatmulPlan::MatmulPlan(const Matmul& matmul) : impl_(std::make_unique<Impl>(matmul)) {
    if (matmul.batch > 1 && (matmul.epilogue == Epilogue::bias || matmul.epilogue == Epilogue::gelu_bias)) {
        throw SkippedCase("a bias is for batch 1");
    }
    impl_->describe();
    impl_->choose();
    variant_ = impl_->variant();
}

MatmulPlan::~MatmulPlan() = default;

void MatmulPlan::enqueue(void* c, const void* a, const void* b, const void* bias, const void* residual,
                         cudaStream_t stream) const {
    const Impl& x = *impl_;
    if (bias != nullptr) {
        check_lt(library().desc_set(x.desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof bias), "bias");
    }
    const float alpha = x.matmul.alpha;
    const float beta = residual != nullptr ? 1.0f : 0.0f;
    const std::int32_t one = 1;
    const std::int32_t none = 0;
    const bool is_integer = x.matmul.type == Type::int8;
    const void* const scale = is_integer ? static_cast<const void*>(&one) : &alpha;
    const void* const keep = is_integer ? static_cast<const void*>(&none) : &beta;
    check_lt(library().matmul(library().handle, x.desc, scale, b, x.first, a, x.second, keep,
                              residual != nullptr ? residual : c, x.result, c, x.result, &x.algorithm,
                              x.workspace.address(), workspace_bytes, stream),
             "cublasLtMatmul");
}

std::string MatmulPlan::version() const { return "cuBLASLt " + std::to_string(library().version()); }

}  // namespace cupola::probe

#else

namespace cupola::probe {

struct MatmulPlan::Impl {};
MatmulPlan::MatmulPlan(const Matmul&) { throw SkippedCase("the probe was built without cublasLt.h"); }
MatmulPlan::~MatmulPlan() = default;
void MatmulPlan::enqueue(void*, const void*, const void*, const void*, const void*, cudaStream_t) const {}
std::string MatmulPlan::version() const { return ""; }

}  // namespace cupola::probe

#endif

namespace cupola::probe {

Type output_type(Type operand) {
    if (operand == Type::fp8) return Type::bf16;
    return operand == Type::int8 ? Type::int32 : operand;
}

}  // namespace cupola::probe
