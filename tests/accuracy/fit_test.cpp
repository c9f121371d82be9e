// The committed calibration of a GPU is what its data say under today's laws. Needs the reference data.
#include "cupola/config/load.hpp"
#include "cupola/config/load_fit.hpp"
#include "reference_list.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace cupola;

TEST_CASE("fitting anew gives the committed parameters, within a few standard errors") {
    if (!accuracy::reference_directory()) {
        MESSAGE("skipped: no reference data (set CUPOLA_REFERENCE_DATA)");
        return;
    }
    const std::string data = CUPOLA_SOURCE_DIR;
    for (const std::string name :
         {"a100-pcie-40gb", "v100-pcie-32gb", "v100-sxm2-32gb", "t4"}) {  // seconds, all of them
        CAPTURE(name);
        const auto committed = config::load_calibration(data, name);
        REQUIRE(committed);
        const fit::FitPlan plan = config::load_fit_plan(data, name);
        const fit::FitResult result = fit::fit_gpu(plan, config::load_gpu(data, name),
                                                   config::load_fit_data(data, plan, ""), [](const std::string&) {});
        REQUIRE(result.calibration.libraries.size() == committed->libraries.size());
        for (const LibraryCalibration& library : committed->libraries) {
            const LibraryCalibration* anew = result.calibration.find(library.name);
            REQUIRE(anew != nullptr);
            REQUIRE(anew->parameters.size() == library.parameters.size());
            for (std::size_t i = 0; i < library.parameters.size(); ++i) {
                const FittedParameter& parameter = library.parameters[i];
                CAPTURE(parameter.name);
                CHECK(anew->parameters[i].name == parameter.name);
                CHECK(std::abs(anew->parameters[i].value - parameter.value) <=
                      3 * parameter.standard_error + 1e-3 * std::abs(parameter.value));
            }
        }
    }
}
