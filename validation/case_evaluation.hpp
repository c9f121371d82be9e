#pragma once

#include "cupola/predict/prediction.hpp"
#include "cupola/validation/cases.hpp"
#include "cupola/validation/dataset.hpp"
#include "cupola/validation/statistics.hpp"

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cupola::validation {

/// What a prediction says of a metric, in its unit; not finite where it says nothing of it.
///   it_per_s      the parameter `steps` over the time of all stages with "denoiser" in their names (a step may be
///                 several passes: guidance one after the other); without either, steps per second of the longest stage
///   images_per_s  the parameter `batch` (1 without it) over the latency of the whole run
///   tokens_per_s  the parameter `tokens` or `image_tokens`, else the steps of the decoding stages, times `batch` over
///                 their time; decoding stages are decode, decoder, text_decoder, draft and verify
[[nodiscard]] double predicted_value(const Prediction& prediction, Metric metric);

/// What limits a run: the stage that takes longest is waited for by the GPU (host) or by what it is busy with.
struct CaseBound {
    bool host = false;          ///< the GPU idles for more than half of that stage
    Bound limit = Bound::dram;  ///< of the kernels that take most of its busy time
    [[nodiscard]] std::string_view name() const { return host ? "host-bound" : "gpu-bound"; }
};
[[nodiscard]] CaseBound bound_of(const Prediction& prediction);

/// A case that cannot be predicted, and the cell that says why.
class CaseError : public std::runtime_error {
public:
    CaseError(CaseColumn column, const std::string& reason) : std::runtime_error(reason), column_(column) {}
    [[nodiscard]] CaseColumn column() const { return column_; }

private:
    CaseColumn column_;
};

/// Predicts a case; throws CaseError for a name that is unknown, a setting or lever that is refused.
using CasePredictor = std::function<Prediction(const Case&)>;

/// A case beside its prediction.
struct ComparedCase {
    Case measured;
    double predicted = 0;  ///< in the metric's unit
    double error = 0;      ///< (predicted - measured) / measured of the metric as stated: above 0 is slow for a latency
                           ///< and fast for a rate
    double idle_share = 0;  ///< of the latency of the whole run
    CaseBound bound;
    bool fits_memory = true;  ///< of its GPU
};

/// The errors of cases that agree in something.
struct CaseGroup {
    std::string by, name;  ///< "gpu", "a100-sxm4-80gb"; "all", "all"
    ErrorSummary errors;
};

struct CaseEvaluation {
    std::vector<ComparedCase> cases;  ///< as in the files
    std::vector<SkippedCase> skipped;
    std::vector<std::string> other_columns;
    std::vector<CaseGroup> groups;   ///< all; gpu-bound and host-bound; by model, GPU and stack
    std::vector<std::size_t> worst;  ///< cases with the largest |error|, at most `worst_cases`
    Tolerance tolerance;

    /// Whether the errors of all cases are within the tolerance; false where one is stated and nothing was compared.
    [[nodiscard]] bool within_tolerance() const;
};

inline constexpr std::size_t worst_cases = 10;

/// Predicts and compares every case; those of one workload and `set` follow each other, so that a predictor can keep
/// what it made of them. A case that cannot be predicted is a skip.
[[nodiscard]] CaseEvaluation evaluate(CaseList list, const CasePredictor& predict, const Tolerance& tolerance = {});

}  // namespace cupola::validation
