#pragma once

namespace cupola {

/// Fitted or estimated constants of the cost model; see README.md for each one's meaning, range and source.
struct CostParameters {};

}  // namespace cupola
