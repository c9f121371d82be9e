#include "probe/host/options.hpp"

#include "probe/host/error.hpp"
#include "probe/host/schedule.hpp"
#include "probe/host/text.hpp"

namespace cupola::probe {

namespace {

/// Takes the words of a command line one after the other.
class Words {
public:
    explicit Words(const std::vector<std::string>& words) : words_(words) {}
    bool at_end() const { return next_ == words_.size(); }
    const std::string& take() { return words_[next_++]; }
    const std::string& value_of(const std::string& option) {
        if (at_end()) throw FatalError(option + " needs a value; see --help");
        return take();
    }
    double seconds_of(const std::string& option) {
        const std::string& text = value_of(option);
        const auto seconds = to_seconds(text);
        if (!seconds)
            throw FatalError(option + ": found \"" + one_line(text) + "\", expected a time such as 90s, 8min or 1h");
        return *seconds;
    }
    int integer_of(const std::string& option, int minimum, int maximum) {
        const std::string& text = value_of(option);
        const auto number = to_integer(text);
        if (!number || *number < minimum || *number > maximum) {
            throw FatalError(option + ": found \"" + one_line(text) + "\", expected a whole number from " +
                             std::to_string(minimum) + " to " + std::to_string(maximum));
        }
        return static_cast<int>(*number);
    }

private:
    const std::vector<std::string>& words_;
    std::size_t next_ = 0;
};

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
    Options options;
    for (Words words(arguments); !words.at_end();) {
        const std::string& word = words.take();
        if (word == "--help" || word == "-h") {
            options.action = Options::Action::help;
        } else if (word == "--print-plan") {
            options.action = Options::Action::print_plan;
        } else if (word == "--worker") {
            options.action = Options::Action::worker;
        } else if (word == "--compare") {
            options.action = Options::Action::compare;
            for (std::string& file : options.compare) file = words.value_of(word);
        } else if (word == "--plan") {
            options.plan = words.value_of(word);
        } else if (word == "--out") {
            options.out = words.value_of(word);
        } else if (word == "--budget") {
            options.budget = words.seconds_of(word);
        } else if (word == "--timeout") {
            options.timeout = words.seconds_of(word);
        } else if (word == "--section") {
            options.section = words.integer_of(word, 1, 8);
        } else if (word == "--device") {
            options.device = words.integer_of(word, 0, 63);
        } else if (word == "--retry") {
            options.retry = true;
        } else if (word == "--in-process") {
            options.in_process = true;
        } else if (word == "--no-cupti") {
            options.use_cupti = false;
        } else if (word == "--counters") {
            options.counters = true;
        } else {
            throw FatalError("unknown option " + one_line(word) + "; see --help");
        }
    }
    return options;
}

std::string help_text() {
    return "cupola-probe: measures kernels on this machine's GPU and writes a CSV file, one row a case.\n"
           "\n"
           "  cupola-probe --out results.csv [--budget 8min]   measure; a file that exists is continued\n"
           "  cupola-probe --print-plan                        print the plan, one case a line, and stop\n"
           "  cupola-probe --compare a.csv b.csv               how far the medians of two runs agree\n"
           "\n"
           "  --plan FILE      measure the lines of FILE (- is the standard input) instead of the built-in plan\n"
           "  --out FILE       results (probe.csv)\n"
           "  --budget TIME    stop in time, the most valuable cases first: 90s, 8min, 1h\n"
           "  --section N      only section N: 1 launch, 2 memory, 3 rates, 4 gemm, 5 conv, 6 attention, 7 pointwise, "
           "8 sequence\n"
           "  --device N       the GPU (0)\n"
           "  --counters       read DRAM bytes and hit rates of each case too, where the driver permits it\n"
           "  --no-cupti       no kernel times from CUPTI, which other profilers and sanitizers exclude\n"
           "  --timeout TIME   a case that takes longer is given up (60s)\n"
           "  --retry          measure again the cases whose row has no time\n"
           "  --in-process     no worker process, for compute-sanitizer and debuggers\n"
           "\n"
           "Exit status: 0 all rows written, 1 --compare found medians apart by more than 3 %, 2 cannot run.\n";
}

}  // namespace cupola::probe
