#include "probe/worker.hpp"

#include <unistd.h>

#include <cstdio>
#include <memory>

#include "probe/host/error.hpp"
#include "probe/host/text.hpp"
#include "probe/sections/sections.hpp"

namespace cupola::probe {

namespace {

/// Row of a case that has no time.
Row row_without_time(const Case& measured, const Session& session, const char* status, const std::string& why) {
    Row row = session.row_of(measured);
    row.set("status", status);
    row.set("note", why);
    return row;
}

/// The case's rows, and whether the GPU can be used no more.
std::pair<std::vector<Row>, bool> attempted(const Case& measured, Session& session) {
    try {
        return {measure_case(measured, session), false};
    } catch (const SkippedCase& skipped) {
        return {{row_without_time(measured, session, "skipped", skipped.what())}, false};
    } catch (const FailedCase& failed) {
        return {{row_without_time(measured, session, "failed", failed.what())}, failed.broken};
    } catch (const std::exception& error) {
        return {{row_without_time(measured, session, "failed", error.what())}, false};
    }
}

void send(const std::string& line) {
    const std::string text = one_line(line) + "\n";
    std::size_t sent = 0;
    while (sent < text.size()) {
        const ssize_t step = ::write(WorkerProcess::reply_fd, text.data() + sent, text.size() - sent);
        if (step <= 0) ::_exit(1);  // nobody listens
        sent += static_cast<std::size_t>(step);
    }
}

/// Case lines, one after the other, until the end of the input.
class Requests {
public:
    Requests() : file_(::fdopen(WorkerProcess::request_fd, "r")) {}
    ~Requests() {
        if (file_ != nullptr) std::fclose(file_);
    }
    Requests(const Requests&) = delete;
    Requests& operator=(const Requests&) = delete;
    bool next(std::string& line) {
        line.clear();
        for (int c; file_ != nullptr && (c = std::fgetc(file_)) != EOF;) {
            if (c == '\n') return true;
            line += static_cast<char>(c);
        }
        return false;
    }

private:
    std::FILE* file_;
};

}  // namespace

Measure measure_here(const Options& options, const WorkerProcess::Say& say) {
    const auto session = std::make_shared<Session>(options, say);
    return [session](const Case& measured) {
        WorkerProcess::Answer answer;
        const auto [rows, is_broken] = attempted(measured, *session);
        for (const Row& row : rows) answer.rows.push_back(row.csv());
        if (is_broken) throw FatalError("the GPU cannot be used any more: " + rows.back().get("note"));
        return answer;
    };
}

int serve(const Options& options) {
    std::unique_ptr<Session> session;
    try {
        session = std::make_unique<Session>(options, [](const std::string& line) { send("say " + line); });
    } catch (const std::exception& error) {
        send(std::string("fatal ") + error.what());
        return 2;
    }
    send("ready");
    Requests requests;
    for (std::string line; requests.next(line);) {
        const Plan plan = parse_request(line);
        if (plan.cases.empty()) {
            send("done");
            continue;
        }
        const auto [rows, is_broken] = attempted(plan.cases.front(), *session);
        for (const Row& row : rows) send("row " + row.csv());
        send(is_broken ? "broken" : "done");
        // without the destructors, which would call into a context that is lost
        if (is_broken) ::_exit(3);
    }
    return 0;
}

}  // namespace cupola::probe
