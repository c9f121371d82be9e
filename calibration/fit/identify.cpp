#include "cupola/fit/identify.hpp"

#include <Eigen/Dense>

#include <algorithm>
#include <cmath>

namespace cupola::fit {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

std::size_t count_of(const std::vector<std::uint32_t>& labels) {
    return labels.empty() ? 0 : std::size_t{*std::max_element(labels.begin(), labels.end())} + 1;
}

MatrixXd matrix_of(const std::vector<std::vector<double>>& columns, std::size_t rows) {
    MatrixXd result(static_cast<Index>(rows), static_cast<Index>(columns.size()));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        result.col(static_cast<Index>(i)) =
            Eigen::Map<const VectorXd>(columns[i].data(), static_cast<Index>(columns[i].size()));
    }
    return result;
}

/// The inverse of a normal matrix; what no row moves gets a variance that no limit lets pass.
MatrixXd inverse(const MatrixXd& normal) {
    const Index n = normal.rows();
    const double ridge = 1e-12 * std::max(normal.trace(), 1e-30);
    return (normal + ridge * MatrixXd::Identity(n, n)).ldlt().solve(MatrixXd::Identity(n, n));
}

/// Σ_c g_c g_cᵀ with the usual C / (C - 1) for few clusters.
MatrixXd scatter_of_clusters(const MatrixXd& jacobian, const std::vector<double>& residuals,
                             const std::vector<std::uint32_t>& clusters) {
    const std::size_t count = count_of(clusters);
    MatrixXd gradients = MatrixXd::Zero(jacobian.cols(), static_cast<Index>(count));
    for (std::size_t row = 0; row < residuals.size(); ++row) {
        gradients.col(clusters[row]) += residuals[row] * jacobian.row(static_cast<Index>(row)).transpose();
    }
    const double c = static_cast<double>(count);
    return gradients * gradients.transpose() * (count > 1 ? c / (c - 1) : 1.0);
}

/// For each unknown the group whose absence makes its variance grow most.
void find_pins(const MatrixXd& jacobian, const std::vector<std::uint32_t>& groups, const MatrixXd& normal,
               Evidence& evidence) {
    const VectorXd variances = inverse(normal).diagonal();
    evidence.pinned_by.assign(static_cast<std::size_t>(jacobian.cols()), 0);
    evidence.pinned_factor.assign(static_cast<std::size_t>(jacobian.cols()), 0);
    for (std::uint32_t group = 0; group < count_of(groups); ++group) {
        MatrixXd part = MatrixXd::Zero(normal.rows(), normal.cols());
        for (Index row = 0; row < jacobian.rows(); ++row) {
            if (groups[static_cast<std::size_t>(row)] == group)
                part += jacobian.row(row).transpose() * jacobian.row(row);
        }
        const VectorXd without = inverse(normal - part).diagonal();
        for (Index i = 0; i < without.size(); ++i) {
            const double growth = without[i] > 0 ? std::sqrt(without[i] / variances[i]) : INFINITY;
            const auto unknown = static_cast<std::size_t>(i);
            if (growth <= evidence.pinned_factor[unknown]) continue;
            evidence.pinned_factor[unknown] = growth;
            evidence.pinned_by[unknown] = group;
        }
    }
}

}  // namespace

Evidence evidence_of(const std::vector<std::vector<double>>& columns, const std::vector<double>& residuals,
                     const std::vector<std::uint32_t>& clusters, const std::vector<std::uint32_t>& groups) {
    const MatrixXd jacobian = matrix_of(columns, residuals.size());
    const MatrixXd normal = jacobian.transpose() * jacobian;
    const MatrixXd spread = inverse(normal);
    const MatrixXd covariance = spread * scatter_of_clusters(jacobian, residuals, clusters) * spread;
    Evidence evidence;
    const std::size_t count = columns.size();
    evidence.correlation.assign(count, std::vector<double>(count, 0));
    for (std::size_t i = 0; i < count; ++i) {
        const auto a = static_cast<Index>(i);
        // A column of zeros has a scatter of zero too: nothing is known, whatever the sandwich says.
        const bool moves = normal(a, a) > 1e-9 * std::max(normal.trace(), 1e-30);
        evidence.standard_error.push_back(moves ? std::sqrt(std::max(covariance(a, a), 0.0)) : INFINITY);
        for (std::size_t j = 0; j < count; ++j) {
            const auto b = static_cast<Index>(j);
            evidence.correlation[i][j] = spread(a, b) / std::sqrt(spread(a, a) * spread(b, b));
        }
    }
    find_pins(jacobian, groups, normal, evidence);
    return evidence;
}

Doubt worst_doubt(const Evidence& evidence, const IdentificationLimits& limits) {
    Doubt doubt;
    double worst = limits.standard_error;
    for (std::size_t i = 0; i < evidence.standard_error.size(); ++i) {
        if (evidence.standard_error[i] <= worst) continue;
        worst = evidence.standard_error[i];
        doubt = {true, i, false, i};
    }
    if (doubt.exists) return doubt;
    double closest = limits.correlation;
    for (std::size_t i = 0; i < evidence.correlation.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            const double magnitude = std::abs(evidence.correlation[i][j]);
            if (magnitude <= closest) continue;
            closest = magnitude;
            const bool first = evidence.standard_error[i] > evidence.standard_error[j];
            doubt = {true, first ? i : j, true, first ? j : i};
        }
    }
    return doubt;
}

}  // namespace cupola::fit
