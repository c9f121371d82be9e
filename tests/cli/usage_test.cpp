#include "run_command.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

TEST_CASE("help of the command and of each sub-command opens with an example and succeeds") {
    for (const std::string command :
         {"", "predict ", "count ", "seqlen ", "graph ", "validate ", "numerics ", "show ", "list "}) {
        CAPTURE(command);
        const Outcome help = cupola(command + "--help");
        CHECK(help.status == 0);
        CHECK(help.output.rfind("Example", 0) == 0);
        CHECK(contains(help.output, "\n  cupola "));
    }
    CHECK(cupola("--version").status == 0);
}

struct Mistake {
    std::string arguments, message;
};

TEST_CASE("a mistyped command line is an error of status 2 that names the fix") {
    const std::vector<Mistake> mistakes{
        {"", "found no command"},
        {"predct", "did you mean \"predict\"?"},
        {"--josn", "expected a command first"},
        {"predict sdxl --jsn", "unknown option --jsn; did you mean --json?"},
        {"predict sdxl --stakc=x", "did you mean --stack?"},
        {"predict sdxl extra", "unexpected argument \"extra\""},
        {"predict", "expected the name of a model"},
        {"predict sdlx", "did you mean \"sdxl\"?"},
        {"predict sdxl --gpu h10", "did you mean \"h100-pcie-80gb\" or \"h100-sxm5-80gb\"?"},
        {"predict sdxl --stack pytorch-compiled", "did you mean \"pytorch-compile\"?"},
        {"predict sdxl -w sdxl", "leave out --workload"},
        {"predict sdxl --set steps", "expected parameter=value"},
        {"predict sdxl --set stepps=3", "did you mean \"steps\"?"},
        {"predict sdxl --top many", "--top"},
        {"predict sdxl --top -1", "--top"},
        {"predict sdxl --top=-1", "--top: found \"-1\", expected 0 or more"},
        {"predict sdxl --gpu", "--gpu"},
        {"predict sdxl --data /nowhere", "/nowhere"},
        {"graph sdxl --stage denoisr", "did you mean \"denoiser\"?"},
        {"seqlen sdxl --stage denoisr", "did you mean \"denoiser\"?"},
        {"seqlen sdxl --json --csv", "--json as well, expected one format"},
        {"seqlen sdxl --frames 8,16", "sdxl without a parameter \"frames\""},
        {"seqlen modelscope-t2v --frames 8,0", "--frames"},
        {"seqlen modelscope-t2v --frames 8,5000", "--set frames"},
        {"seqlen modelscope-t2v --stage vae_decoder --frames 8", "without spatial beside temporal attention"},
        {"list gpu", "did you mean \"gpus\"?"},
        {"list", "expected workloads, gpus, stacks, levers or datasets"},
        {"show h100-sxm", "did you mean \"h100-sxm5-80gb\"?"},
        {"show t4 --set steps=3", "only workloads have parameters"},
        {"show no/such/file.yaml", "no/such/file.yaml"},
    };
    for (const Mistake& mistake : mistakes) {
        CAPTURE(mistake.arguments);
        const Outcome outcome = cupola(mistake.arguments);
        CAPTURE(outcome.output);
        CHECK(outcome.status == 2);
        CHECK(outcome.output.rfind("cupola: ", 0) == 0);
        CHECK(contains(outcome.output, mistake.message));
        CHECK_FALSE(contains(outcome.output, "internal error"));
    }
}

TEST_CASE("errors go to standard error, results to standard output") {
    CHECK(run_shell("'" CUPOLA_COMMAND "' predct 2>/dev/null").output.empty());
    CHECK(contains(run_shell("CUPOLA_DATA='" CUPOLA_SOURCE_DIR "' '" CUPOLA_COMMAND "' list gpus 2>/dev/null").output,
                   "t4"));
}

TEST_CASE("a reader that goes away is no error, a full disk is") {
    const std::string command = "CUPOLA_DATA='" CUPOLA_SOURCE_DIR "' '" CUPOLA_COMMAND "' ";
    const Outcome closed = run_shell("bash -c \"set -o pipefail; " + command + "graph sdxl 2>&1 | head -n 1\"");
    CHECK(closed.status == 0);
    CHECK(closed.output.rfind("stage\t", 0) == 0);
    const Outcome full = run_shell(command + "list gpus 2>&1 >/dev/full");
    CHECK(full.status == 2);
    CHECK(contains(full.output, "standard output"));
}

}  // namespace
