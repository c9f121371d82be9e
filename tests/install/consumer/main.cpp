// Predicts a workload with the installed library: consumer <workload> <gpu> <stack>
#include <cupola/config/load.hpp>
#include <cupola/predict/prediction.hpp>
#include <cupola/units/input_error.hpp>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: consumer <workload> <gpu> <stack>\n");
        return 2;
    }
    try {
        const std::string data = cupola::config::data_directory(CUPOLA_DATA_DIR);
        const cupola::Workload workload = cupola::config::load_workload(data, argv[1], {});
        const cupola::Gpu gpu = cupola::config::load_gpu(data, argv[2]);
        const cupola::Stack stack = cupola::config::load_stack(data, argv[3]);
        const cupola::Prediction prediction = cupola::predict(workload, gpu, stack);
        std::printf("latency_s %.6f\n", prediction.span.latency.value());
    } catch (const cupola::InputError& error) {
        std::fprintf(stderr, "error: %s\n", error.what());
        return 2;
    }
}
