#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace cupola::fit {

/// What residuals say about each unknown at a minimum. Unknowns are in units of their range.
struct Evidence {
    /// One standard deviation, from the scatter of clusters (rows of one shape err together): A⁻¹ (Σ_c g_c g_cᵀ) A⁻¹,
    /// A = JᵀJ, g_c = Σ_{rows of c} J r.
    std::vector<double> standard_error;
    std::vector<std::vector<double>> correlation;  ///< of A⁻¹
    /// The group of rows without which an unknown would be known least, and by what factor its error would grow.
    std::vector<std::uint32_t> pinned_by;
    std::vector<double> pinned_factor;
};

/// `columns` of the Jacobian, residuals, and for each row its cluster and group, both counted from 0.
[[nodiscard]] Evidence evidence_of(const std::vector<std::vector<double>>& columns,
                                   const std::vector<double>& residuals, const std::vector<std::uint32_t>& clusters,
                                   const std::vector<std::uint32_t>& groups);

/// When an unknown counts as identified.
struct IdentificationLimits {
    double standard_error = 0.25;  ///< share of its range, at most
    double correlation = 0.98;     ///< with any other unknown, at most in magnitude
};

/// The unknown that the data identify least, or its absence.
struct Doubt {
    bool exists = false;
    std::size_t unknown = 0;
    bool correlated = false;  ///< with `other`, rather than known too vaguely
    std::size_t other = 0;
};
[[nodiscard]] Doubt worst_doubt(const Evidence& evidence, const IdentificationLimits& limits = {});

}  // namespace cupola::fit
