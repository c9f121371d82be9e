#include <algorithm>
#include <cmath>
#include <memory>

#include "probe/device/cublaslt.hpp"
#include "probe/host/error.hpp"
#include "probe/host/random.hpp"
#include "probe/host/reference.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

namespace {

constexpr int checked_elements = 48;

struct Gemm {
    Matmul matmul;
    Tensor c, a, b, bias, residual;
    std::unique_ptr<MatmulPlan> plan;

    Gemm(const Matmul& wanted, float scale) : matmul(wanted) {
        const Matmul& x = matmul;
        const Type out = output_type(x.type);
        plan = std::make_unique<MatmulPlan>(x);
        a = Tensor(x.type, x.batch * x.m * x.k, 1, scale);
        b = Tensor(x.type, x.batch * x.n * x.k, 2, scale);
        c = Tensor::poisoned(out, x.batch * x.m * x.n);
        if (x.epilogue == Epilogue::bias || x.epilogue == Epilogue::gelu_bias) bias = Tensor(out, x.n, 3, 1);
        if (x.epilogue == Epilogue::residual) residual = Tensor(out, x.batch * x.m * x.n, 4, 1);
    }
    void enqueue(cudaStream_t stream) const {
        plan->enqueue(c.address(), a.address(), b.address(), bias.address(), residual.address(), stream);
    }
    double flops() const {
        return 2.0 * static_cast<double>(matmul.batch) * static_cast<double>(matmul.m) * static_cast<double>(matmul.n) *
               static_cast<double>(matmul.k);
    }
    double traffic_bytes() const {
        return static_cast<double>(a.bytes() + b.bytes() + c.bytes() + bias.bytes() + residual.bytes());
    }
    double error() const;
};

/// gelu by the hyperbolic tangent, which is what cuBLASLt's epilogue computes.
double tanh_gelu(double x) { return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); }

/// Elements all over C, the last one among them.
double Gemm::error() const {
    const Matmul& x = matmul;
    const std::int64_t count = c.count();
    RelativeError error;
    for (int i = 0; i < checked_elements; ++i) {
        const std::int64_t index = i == 0 ? count - 1
                                          : static_cast<std::int64_t>(random_bits(9, static_cast<std::uint64_t>(i)) %
                                                                      static_cast<std::uint64_t>(count));
        const std::int64_t batch = index / (x.m * x.n);
        const std::int64_t row = index / x.n % x.m;
        const std::int64_t column = index % x.n;
        double sum = 0;
        for (std::int64_t k = 0; k < x.k; ++k)
            sum += a.filled((batch * x.m + row) * x.k + k) * b.filled((batch * x.n + column) * x.k + k);
        sum *= static_cast<double>(x.alpha);
        if (bias.count() > 0) sum += bias.filled(column);
        if (x.epilogue == Epilogue::gelu_bias) sum = tanh_gelu(sum);
        if (residual.count() > 0) sum += residual.filled(index);
        error.add(c.fetched(index, 1).front(), sum);
    }
    return error.value();
}

Epilogue epilogue_of(const std::string& name) {
    if (name == "bias") return Epilogue::bias;
    if (name == "gelu") return Epilogue::gelu_bias;
    return name == "residual" ? Epilogue::residual : Epilogue::none;
}

std::shared_ptr<Gemm> gemm_of(const Case& gemm, std::int64_t batch, Epilogue epilogue) {
    Matmul matmul;
    matmul.type = type_of(gemm.word("type"));
    matmul.batch = batch;
    matmul.m = gemm.integer("m");
    matmul.n = gemm.integer("n");
    matmul.k = gemm.integer("k");
    matmul.epilogue = epilogue;
    return std::make_shared<Gemm>(matmul, gemm.word("data") == "zeros" ? 0.0f : 0.5f);
}

}  // namespace

Operation gemm_operation(const Case& gemm, Session&) {
    const auto product = gemm_of(gemm, gemm.integer("batch"), epilogue_of(gemm.word("epilogue")));
    Operation operation;
    operation.provider = "cublaslt";
    operation.variant = product->plan->variant();
    operation.library_version = product->plan->version();
    operation.launch = [product](cudaStream_t stream) { product->enqueue(stream); };
    operation.flops = product->flops();
    operation.traffic_bytes = product->traffic_bytes();
    operation.tolerance = tolerance_of(product->matmul.type);
    operation.error = [product] { return product->error(); };
    return operation;
}

Row measure_sustained(const Case& sustained, Session& session) {
    const auto product = gemm_of(sustained, 1, Epilogue::none);
    Timer& timer = session.timer();
    const auto launch = [&](cudaStream_t stream) { product->enqueue(stream); };
    const double once = timer.whole(launch, 1, "event").seconds.median;
    // windows of about 50 ms, until the time is over; the last third of them is the sustained state
    const int count = std::clamp(static_cast<int>(0.05 / once), 1, 5000);
    const double seconds = sustained.real("seconds");
    std::vector<double> windows;
    Stopwatch watch;
    Condition condition;
    for (double total = 0; total < seconds;) {
        watch.begin(timer.stream());
        for (int i = 0; i < count; ++i) launch(timer.stream());
        watch.end(timer.stream());
        condition = session.nvml().condition();
        timer.synchronise();
        total += watch.seconds();
        windows.push_back(watch.seconds() / count);
    }
    Timing timing;
    timing.method = "event";
    timing.condition = condition;
    timing.seconds = summarise({windows.end() - static_cast<std::ptrdiff_t>((windows.size() + 2) / 3), windows.end()});
    Row row = session.row_of(sustained);
    row.set("provider", "cublaslt");
    row.set("variant", product->plan->variant());
    row.set("library_version", product->plan->version());
    row.set("note", "first window " + std::to_string(windows.front() * 1e6) + " us");
    add_timing(row, timing, product->traffic_bytes(), product->flops());
    return row;
}

}  // namespace cupola::probe
